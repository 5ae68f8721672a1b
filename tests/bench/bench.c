/* SPDX-License-Identifier: GPL-3.0-or-later */
/* phasic-bench [section...]: one table of all measurements, of one run. */
#include "bench.h"

#include <time.h>

#include "phasic/dist/sample.h"
#include "phasic/lik/compress.h"

#define ROUNDS  7
#define SECONDS 0.04

/* Of this thread: what other programs take of the processor does not count. */
static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double time_by(double (*seconds)(void), void (*call)(void *self), void *self)
{
    double best = INFINITY, taken = 0;
    size_t calls = 1; /* between looks at the clock */
    while (taken < SECONDS / 4) {
        double began = seconds();
        for (size_t k = 0; k < calls; k++) {
            call(self);
        }
        taken = seconds() - began;
        calls *= taken < SECONDS / 4 ? 2 : 1;
    }
    for (int round = 0; round < ROUNDS; round++) {
        double began = seconds();
        for (size_t k = 0; k < calls; k++) {
            call(self);
        }
        best = fmin(best, (seconds() - began) / (double)calls);
    }
    return best;
}

double bench_time(void (*call)(void *self), void *self)
{
    return time_by(processor_seconds, call, self);
}

double bench_time_of_day(void (*call)(void *self), void *self)
{
    return time_by(ph_clock_seconds, call, self);
}

/* "12.3 us" */
static const char *time_text(double seconds, char text[32])
{
    static const struct {
        double scale;
        const char *unit;
    } unit[] = {{1, "s"}, {1e3, "ms"}, {1e6, "us"}, {1e9, "ns"}};
    size_t k = 0;
    while (k < 3 && seconds * unit[k].scale < 1) {
        k++;
    }
    snprintf(text, 32, "%.3g %s", seconds * unit[k].scale, unit[k].unit);
    return text;
}

void bench_row(const char *what, double seconds, const char *alternative, double other,
               const char *goal)
{
    char here[32], there[32], ratio[32] = "";
    if (alternative) {
        snprintf(ratio, sizeof ratio, "%.3g", other / seconds);
    }
    printf("%-46s %9s  %-26s %9s %7s  %s\n", what, time_text(seconds, here),
           alternative ? alternative : "", alternative ? time_text(other, there) : "",
           ratio, goal);
    fflush(stdout);
}

void bench_number(const char *what, double value, const char *unit, const char *goal)
{
    char here[32];
    snprintf(here, sizeof here, "%.3g %s", value, unit);
    printf("%-46s %9s  %-26s %9s %7s  %s\n", what, here, "", "", "", goal);
    fflush(stdout);
}

ph_data *bench_simulate(const bench_model *self, size_t n)
{
    ph_sampler *sampler = NULL;
    ph_data *data = NULL;
    double *time = ph_alloc(n, sizeof *time);
    assert_int_equal(ph_sampler_new(&sampler, self->it.graph, self->one, 0, NULL, NULL),
                     0);
    for (size_t i = 0; i < n; i++) {
        time[i] = ph_sampler_draw(sampler, 1, (uint32_t)i, INFINITY, NULL);
    }
    assert_int_equal(ph_data_from_arrays(&data, n, time, NULL, NULL, NULL), 0);
    ph_sampler_free(sampler);
    free(time);
    return data;
}

ph_data *bench_compress(const ph_data *data, double ratio, size_t points)
{
    ph_data *packed = NULL;
    assert_int_equal(ph_data_compress(&packed, data, ratio, points, NULL), 0);
    return packed;
}

static void drop_data(bench_model *self)
{
    ph_lik_work_free(self->work);
    ph_lik_free(self->lik);
    ph_data_free(self->data);
}

void bench_model_data(bench_model *self, ph_data *data)
{
    drop_data(self);
    self->lik = NULL;
    self->work = NULL;
    self->data = data;
    assert_int_equal(ph_lik_new(&self->lik, self->it.plan, data, NULL), 0);
    assert_int_equal(ph_lik_work_new(&self->work, self->lik), 0);
}

void bench_model_init(bench_model *self, const char *name, const char *constant,
                      double size, size_t n)
{
    memset(self, 0, sizeof *self);
    self->it = process_shipped(name, constant, size);
    self->p = self->it.model->n_parameters;
    self->theta = ph_alloc_aligned(self->p * PH_LANES, sizeof *self->theta);
    self->gradient = ph_alloc_aligned(self->p * PH_LANES, sizeof *self->gradient);
    for (size_t m = 0; m < self->p; m++) {
        self->one[m] = self->it.model->parameters[m].value;
        for (int l = 0; l < PH_LANES; l++) {
            self->theta[m * PH_LANES + (size_t)l] = self->one[m] * (1 + l / 20.0);
        }
    }
    bench_model_data(self, bench_simulate(self, n));
}

void bench_model_free(bench_model *self)
{
    drop_data(self);
    ph_free_aligned(self->theta);
    ph_free_aligned(self->gradient);
    process_free(&self->it);
}

void bench_value(void *model)
{
    bench_model *self = model;
    assert_int_equal(
        ph_lik_block(self->lik, self->work, self->theta, self->value, NULL, NULL), 0);
}

void bench_gradient(void *model)
{
    bench_model *self = model;
    assert_int_equal(ph_lik_block(self->lik, self->work, self->theta, self->value,
                                  self->gradient, NULL),
                     0);
}

void bench_plain(void *model)
{
    bench_model *self = model;
    assert_int_equal(ph_lik_plain(self->lik, self->one, self->value, NULL, NULL), 0);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } section[] = {
        {"density", bench_density}, {"observations", bench_observations},
        {"lanes", bench_lanes},     {"threads", bench_threads},
        {"moments", bench_moments}, {"limits", bench_limits},
    };
    printf("%-46s %9s  %-26s %9s %7s  %s\n", "what (per parameter vector)", "measured",
           "alternative", "measured", "ratio", "goal");
    for (size_t k = 0; k < sizeof section / sizeof *section; k++) {
        int wanted = argc < 2;
        for (int a = 1; a < argc; a++) {
            wanted |= strcmp(argv[a], section[k].name) == 0;
        }
        if (wanted) {
            section[k].run();
        }
    }
    return 0;
}
