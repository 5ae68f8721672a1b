/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The elimination trace of rabbits in one run: times of this machine, and ratios that
 * can be compared between machines. A time is the least of several rounds, each long
 * enough for the clock; one number stands for the 8 parameter vectors of a block.
 *
 *   lanes     plain replay of one vector over the replay in lanes of one vector
 *   record    recording over the replay of a block
 *   gradient  mean with gradient over mean, in lanes
 *   wide      replay in quadruple precision over the plain one
 */
#include "process.h"

#include "phasic/base/clock.h"
#include "phasic/base/memory.h"
#include "phasic/trace/trace.h"

#define ROUNDS  7
#define SECONDS 0.02 /* of a round at least */

typedef struct bench {
    process it;
    ph_trace *trace;
    double *theta, *u, *u_bar, *work, *plain_u, *plain_work;
    ph_wide *wide_work;
    double mean[PH_LANES] __attribute__((aligned(64)));
    double sum; /* keeps results alive */
} bench;

static void record(bench *self)
{
    ph_trace *trace = NULL;
    assert_int_equal(ph_trace_record(&trace, self->it.graph, NULL, NULL), 0);
    ph_trace_free(trace);
}

static void value(bench *self)
{
    ph_trace_mean(self->trace, self->u, self->work, self->mean, NULL);
    self->sum += self->mean[0];
}

static void gradient(bench *self)
{
    ph_trace_mean(self->trace, self->u, self->work, self->mean, self->u_bar);
    self->sum += self->mean[0];
}

static void plain(bench *self)
{
    double mean;
    ph_trace_mean_plain(self->trace, self->plain_u, self->plain_work, &mean, NULL);
    self->sum += mean;
}

static void wide(bench *self)
{
    ph_wide mean;
    ph_trace_mean_wide(self->trace, self->plain_u, self->wide_work, &mean, NULL);
    self->sum += (double)mean;
}

/* Seconds of one call. */
static double time_of(bench *self, void (*call)(bench *self))
{
    double best = INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        double began = ph_clock_seconds(), now;
        size_t calls = 0;
        do {
            call(self);
            calls++;
            now = ph_clock_seconds();
        } while (now - began < SECONDS);
        best = fmin(best, (now - began) / (double)calls);
    }
    return best;
}

static bench bench_new(int n)
{
    bench self = {.it = process_shipped("rabbits", "n", n)};
    const ph_pool *pool = self.it.graph->pool;
    size_t nodes = ph_pool_length(pool);
    assert_int_equal(ph_trace_record(&self.trace, self.it.graph, NULL, NULL), 0);
    size_t work = ph_trace_work(self.trace);
    self.theta = ph_alloc_aligned(3 * PH_LANES, sizeof(double));
    self.u = ph_alloc_aligned(nodes * PH_LANES, sizeof(double));
    self.u_bar = ph_alloc_aligned(nodes * PH_LANES, sizeof(double));
    self.work = ph_alloc_aligned(work, sizeof(double));
    self.plain_u = ph_alloc(nodes, sizeof(double));
    self.plain_work = ph_alloc(work / PH_LANES, sizeof(double));
    self.wide_work = ph_alloc_aligned(work / PH_LANES, sizeof(ph_wide));
    double theta[3];
    for (int m = 0; m < 3; m++) {
        for (int l = 0; l < PH_LANES; l++) {
            self.theta[m * PH_LANES + l] = (1 << m) * (1 + 0.1 * l);
        }
        theta[m] = 1 << m;
    }
    ph_pool_eval(pool, self.theta, self.u);
    ph_pool_eval_plain(pool, theta, self.plain_u);
    return self;
}

static void bench_free(bench *self)
{
    ph_trace_free(self->trace);
    ph_free_aligned(self->theta);
    ph_free_aligned(self->u);
    ph_free_aligned(self->u_bar);
    ph_free_aligned(self->work);
    free(self->plain_u);
    free(self->plain_work);
    ph_free_aligned(self->wide_work);
    process_free(&self->it);
}

int main(void)
{
    const int size[] = {20, 60, 140};
    printf("rabbits  states  block us  record us   lanes  record  gradient   wide\n");
    for (size_t k = 0; k < sizeof size / sizeof *size; k++) {
        bench self = bench_new(size[k]);
        double recorded = time_of(&self, record), block = time_of(&self, value);
        double slope = time_of(&self, gradient), one = time_of(&self, plain);
        double quad = time_of(&self, wide);
        printf("%7d  %6zu  %8.1f  %9.1f  %6.2f  %6.2f  %8.2f  %5.1f\n", size[k],
               self.it.graph->n, 1e6 * block, 1e6 * recorded, PH_LANES * one / block,
               recorded / block, slope / block, quad / one);
        bench_free(&self);
    }
    return 0;
}
