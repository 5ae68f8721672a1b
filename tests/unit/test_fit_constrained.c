/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tied parameters, and the penalty on moments, against closed forms and differences. */
#include "process.h"

#include "phasic/fit/moment_penalty.h"

#define TWO_STAGES                                                                     \
    "{\"phasic\": 1, \"name\": \"two\", \"parameters\": {"                             \
    "\"a\": {\"prior\": {\"gamma\": {\"shape\": 3, \"rate\": 2}}},"                    \
    "\"b\": {\"prior\": {\"gamma\": {\"shape\": 5, \"rate\": 1}}}},"                   \
    "\"matrix\": {\"initial\": [1, 0], \"rates\": [[0, \"a\", 0], [0, 0, \"b\"]]}}"

typedef struct bench {
    process it;
    ph_data *data;
    ph_lik *lik;
    ph_device device;
    ph_posterior *posterior;
    ph_trace *trace;
} bench;

static bench *bench_new(int tied, size_t n, const double *time, const int *event)
{
    bench *self = calloc(1, sizeof *self); /* the posterior refers to it */
    self->it = process_text(TWO_STAGES);
    ph_error error = {0};
    self->it.model->parameters[1].is_tied = tied; /* to parameter 0 */
    assert_int_equal(ph_data_from_arrays(&self->data, n, time, event, NULL, &error), 0);
    assert_int_equal(ph_lik_new(&self->lik, self->it.plan, self->data, &error), 0);
    assert_int_equal(ph_device_init(&self->device, 1, 1, 0, &error), 0);
    assert_int_equal(ph_trace_record(&self->trace, self->it.graph, NULL, &error), 0);
    assert_int_equal(ph_posterior_new(&self->posterior, self->it.model, self->it.plan,
                                      self->lik, self->data, &self->device, &error),
                     0);
    return self;
}

static void bench_free(bench *self)
{
    ph_posterior_free(self->posterior);
    ph_trace_free(self->trace);
    ph_lik_free(self->lik);
    ph_data_free(self->data);
    process_free(&self->it);
    free(self);
}

static const double time_seen[] = {0.5, 1.25, 2, 4};

/* b = a: an Erlang law with the prior of a alone. */
static void tied_density_by_hand(void **state)
{
    (void)state;
    bench *self = bench_new(1, 4, time_seen, NULL);
    ph_target target = ph_posterior_target(self->posterior);
    assert_int_equal(target.d, 1);
    for (double z = -1.5; z < 2; z += 0.25) {
        double r = exp(z), log_p, score, theta[2];
        double expected = 3 * log(2) - log(2) + 2 * z - 2 * r + z, slope = 3 - 2 * r;
        for (int i = 0; i < 4; i++) {
            expected += 2 * z + log(time_seen[i]) - r * time_seen[i];
            slope += 2 - r * time_seen[i];
        }
        assert_int_equal(target.eval(target.context, 1, &z, &log_p, &score), 0);
        assert_near(log_p, expected, 1e-11);
        assert_near(score, slope, 1e-11);
        ph_posterior_theta(self->posterior, &z, theta);
        assert_close(theta[0], r, 1e-15);
        assert_close(theta[1], r, 1e-15);
    }
    bench_free(self);
}

/* E T = 1/a + 1/b, E T^2 = 2 (1/a^2 + 1/(ab) + 1/b^2). */
static double penalty_by_hand(double a, double b, size_t order)
{
    double moment[2] = {1 / a + 1 / b, 2 * (1 / (a * a) + 1 / (a * b) + 1 / (b * b))};
    double sum = 0;
    for (size_t k = 0; k < order; k++) {
        double mean = 0, variance = 0;
        for (int i = 0; i < 4; i++) {
            mean += pow(time_seen[i], (double)k + 1) / 4;
        }
        for (int i = 0; i < 4; i++) {
            double off = pow(time_seen[i], (double)k + 1) - mean;
            variance += off * off / 4;
        }
        sum += (moment[k] - mean) * (moment[k] - mean) / variance;
    }
    return sum;
}

static void penalty_and_gradient(void **state)
{
    (void)state;
    const double amount[2] = {1, 1};
    for (int tied = 0; tied < 2; tied++) {
        for (size_t order = 1; order <= 2; order++) {
            enum { N = 11 };
            bench *self = bench_new(tied, 4, time_seen, NULL);
            ph_moment_penalty *it = NULL;
            ph_error error = {0};
            double z[2 * N], value[N], gradient[2 * N];
            size_t d = tied ? 1 : 2;
            assert_int_equal(ph_moment_penalty_new(&it, self->posterior, self->data,
                                                   self->it.graph, self->trace, amount,
                                                   order, &error),
                             0);
            ph_penalty penalty = ph_moment_penalty_target(it);
            for (size_t i = 0; i < N * d; i++) {
                z[i] = sin(1 + 3.7 * (double)i);
            }
            assert_int_equal(penalty.eval(penalty.context, N, z, value, gradient), 0);
            for (size_t i = 0; i < N; i++) {
                double x[2] = {z[i * d], z[i * d + d - 1]};
                assert_close(value[i], penalty_by_hand(exp(x[0]), exp(x[1]), order),
                             1e-10);
                for (size_t k = 0; k < d; k++) {
                    double up[2] = {x[0], x[1]}, down[2] = {x[0], x[1]}, h = 1e-5;
                    up[k] += h;
                    down[k] -= h;
                    double above =
                        penalty_by_hand(exp(up[0]), exp(up[tied ? 0 : 1]), order);
                    double below =
                        penalty_by_hand(exp(down[0]), exp(down[tied ? 0 : 1]), order);
                    double slope = (above - below) / (2 * h);
                    assert_near(gradient[i * d + k], slope, 1e-6 * (1 + fabs(slope)));
                }
            }
            ph_moment_penalty_free(it);
            bench_free(self);
        }
    }
}

static void penalty_is_refused(void **state)
{
    (void)state;
    const double amount[2] = {1, 1}, equal[2] = {3, 3};
    const int event[4] = {1, 1, 0, 1};
    const char *says[] = {"exact observations", "no scale"};
    for (int fault = 0; fault < 2; fault++) {
        bench *self = fault == 0 ? bench_new(0, 4, time_seen, event)
                                 : bench_new(0, 2, equal, NULL);
        ph_moment_penalty *it = NULL;
        ph_error error = {0};
        assert_int_equal(ph_moment_penalty_new(&it, self->posterior, self->data,
                                               self->it.graph, self->trace, amount, 2,
                                               &error),
                         PH_E_USAGE);
        assert_null(it);
        assert_non_null(strstr(error.message, says[fault]));
        bench_free(self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tied_density_by_hand),
        cmocka_unit_test(penalty_and_gradient),
        cmocka_unit_test(penalty_is_refused),
    };
    return ph_check_run(tests);
}
