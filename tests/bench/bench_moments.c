/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mean, second moment and their gradients; recording the elimination. */
#include "bench.h"

#include "phasic/moment/moments.h"

typedef struct task {
    process it;
    ph_trace *trace;
    ph_moments *moments;
    ph_moments_value *value[2]; /* lanes, plain */
} task;

static void record(void *context)
{
    task *self = context;
    ph_trace *trace = NULL;
    assert_int_equal(ph_trace_record(&trace, self->it.graph, NULL, NULL), 0);
    ph_trace_free(trace);
}

static void in_lanes(void *context)
{
    task *self = context;
    assert_int_equal(ph_moments_eval(self->moments, self->value[0]), 0);
}

static void plain(void *context)
{
    task *self = context;
    assert_int_equal(ph_moments_eval(self->moments, self->value[1]), 0);
}

static void one_size(int size, const char *goal, const char *recording)
{
    task self = {.it = process_shipped("rabbits", "n", size)};
    char text[64];
    size_t n = self.it.graph->n;
    double *amount = ph_alloc(n, sizeof *amount);
    for (size_t i = 0; i < n; i++) {
        amount[i] = 1;
    }
    assert_int_equal(ph_trace_record(&self.trace, self.it.graph, NULL, NULL), 0);
    assert_int_equal(
        ph_moments_new(&self.moments, self.it.graph, self.trace, 1, amount, 2), 0);
    for (int k = 0; k < 2; k++) {
        size_t lanes = k ? 1 : PH_LANES;
        assert_int_equal(ph_moments_value_new(&self.value[k], self.moments, lanes, 2),
                         0);
        for (size_t m = 0; m < 3; m++) {
            for (size_t l = 0; l < lanes; l++) {
                self.value[k]->theta[m * lanes + l] =
                    self.it.model->parameters[m].value * (1 + (double)l / 20);
            }
        }
    }
    snprintf(text, sizeof text, "rabbits(%d), two moments, gradients", size);
    bench_row(text, bench_time(in_lanes, &self) / PH_LANES, "scalar twin",
              bench_time(plain, &self), goal);
    bench_row("    recording, once", bench_time(record, &self), NULL, 0, recording);
    ph_moments_value_free(self.value[0]);
    ph_moments_value_free(self.value[1]);
    ph_moments_free(self.moments);
    ph_trace_free(self.trace);
    process_free(&self.it);
    free(amount);
}

void bench_moments(void)
{
    one_size(20, "<= 4 us", "<= 1 ms");
    one_size(60, "<= 65 us", "<= 15 ms");
    one_size(140, "<= 900 us", "<= 250 ms");
}
