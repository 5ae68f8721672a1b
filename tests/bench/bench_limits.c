/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What this processor can do, measured beside what the kernels do. A term of a sweep is
 * one load of a row of lanes, one multiplication and one addition of it (contraction is
 * off); the limits are these three on rows that follow each other, with independent
 * sums, from the first and second level of cache and from beyond, and the last two
 * alone, in registers.
 */
#include "bench.h"

#include "../../src/dist/kernel.h"
#include "bench_limit_loops.h"

typedef struct limit {
    const bench_loops *loops;
    const ph_lanes *rows;
    size_t length, repeats;
    ph_lanes out;
} limit;

extern const bench_loops bench_loops_base;
#if defined(__x86_64__)
extern const bench_loops bench_loops_avx2, bench_loops_avx512;
#endif

/* Those of the instruction set that the kernels run on. */
static const bench_loops *best_loops(void)
{
#if defined(__x86_64__)
    if (strcmp(ph_kernel_select()->name, "avx512") == 0) {
        return &bench_loops_avx512;
    }
    if (strcmp(ph_kernel_select()->name, "avx2") == 0) {
        return &bench_loops_avx2;
    }
#endif
    return &bench_loops_base;
}

static void call_stream(void *self)
{
    limit *it = self;
    it->loops->stream(it->rows, it->length, it->repeats, &it->out);
}

static void call_arithmetic(void *self)
{
    limit *it = self;
    it->loops->arithmetic(it->rows, it->length, it->repeats, &it->out);
}

typedef struct steps {
    const ph_kernel *kernel;
    const ph_plan *plan;
    ph_lanes *tau, *g, *v, *w, *next, *adjoint, mass, seed;
} steps;

static void forward(void *context)
{
    steps *self = context;
    self->kernel->forward(&self->plan->in, self->tau, self->g, self->v, self->next,
                          &self->mass);
}

static void backward(void *context)
{
    steps *self = context;
    self->kernel->backward(&self->plan->out, self->tau, self->g, self->v, self->w,
                           &self->seed, self->next, self->adjoint);
}

static ph_lanes *rows(size_t length)
{
    ph_lanes *all = ph_alloc_aligned(length, sizeof *all);
    for (size_t i = 0; i < length; i++) {
        all[i] = (ph_lanes){0} + 1e-3;
    }
    return all;
}

static void one_kernel(int size, double term)
{
    bench_model model;
    char text[64];
    bench_model_init(&model, "rabbits", "n", size, 10);
    const ph_plan *plan = model.it.plan;
    size_t width = model.it.graph->n + 1, uses = model.it.graph->n_used;
    steps self = {ph_kernel_select(), plan,        rows(uses), rows(width), rows(width),
                  rows(width),        rows(width), rows(uses), {0},         {0}};
    double ahead = bench_time(forward, &self) / (double)plan->in.n_terms;
    double back = bench_time(backward, &self) / (double)plan->out.n_terms;
    snprintf(text, sizeof text, "rabbits(%d), forward, one term of 8 (%s)", size,
             self.kernel->name);
    bench_row(text, ahead, "limit, first level", term, "");
    bench_row("    backward", back, "limit, first level", term, "");
    ph_free_aligned(self.tau);
    ph_free_aligned(self.g);
    ph_free_aligned(self.v);
    ph_free_aligned(self.w);
    ph_free_aligned(self.next);
    ph_free_aligned(self.adjoint);
    bench_model_free(&model);
}

void bench_limits(void)
{
    const struct {
        const char *what;
        size_t bytes;
    } level[] = {{"limit: load, multiply, add, first level", 16 << 10},
                 {"    second level", 256 << 10},
                 {"    beyond", 8 << 20}};
    double seconds[3];
    for (int k = 0; k < 3; k++) {
        limit self = {.loops = best_loops(),
                      .length = level[k].bytes / sizeof(ph_lanes),
                      .repeats = 4};
        ph_lanes *all = rows(self.length);
        self.rows = all;
        double terms = (double)(self.length * self.repeats);
        seconds[k] = bench_time(call_stream, &self) / terms;
        bench_row(level[k].what, seconds[k], NULL, 0, "");
        bench_number("        bandwidth", sizeof(ph_lanes) / seconds[k] * 1e-9, "GB/s",
                     "");
        if (k == 0) {
            double alone = bench_time(call_arithmetic, &self) / terms;
            bench_row("    multiply, add, in registers", alone, NULL, 0, "");
            bench_number("        arithmetic", 2e-9 * PH_LANES / alone, "GFLOP/s", "");
        }
        ph_free_aligned(all);
    }
    one_kernel(20, seconds[0]);
    one_kernel(60, seconds[0]);
    one_kernel(140, seconds[0]);
}
