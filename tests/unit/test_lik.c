/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "process.h"

#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/lik/lik.h"

typedef struct bench {
    process it;
    ph_data *data;
    ph_lik *lik;
    ph_lik_work *work;
} bench;

static bench bench_new(process it, size_t n, const double *time, const int *event,
                       const double *weight)
{
    bench self = {.it = it};
    ph_error error = {0};
    assert_int_equal(ph_data_from_arrays(&self.data, n, time, event, weight, &error),
                     0);
    assert_int_equal(ph_lik_new(&self.lik, it.plan, self.data, &error), 0);
    assert_int_equal(ph_lik_work_new(&self.work, self.lik), 0);
    return self;
}

static void bench_free(bench *self)
{
    ph_lik_work_free(self->work);
    ph_lik_free(self->lik);
    ph_data_free(self->data);
    process_free(&self->it);
}

/* Exponential with censoring: events log r - r total time. */
static void censored_exponential(void **state)
{
    (void)state;
    const double time[] = {0.5, 1, 2, 2, 7, 0}, weight[] = {1, 2, 0.5, 3, 1, 4};
    const int event[] = {1, 1, 0, 1, 0, 0};
    double events = 1 + 2 + 3, total = 0.5 + 2 + 1 + 6 + 7;
    bench self = bench_new(process_erlang(1), 6, time, event, weight);
    _Alignas(64) double theta[PH_LANES], value[PH_LANES], gradient[PH_LANES];
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = 0.1 * (l + 1);
    }
    assert_int_equal(ph_lik_block(self.lik, self.work, theta, value, gradient, NULL),
                     0);
    for (int l = 0; l < PH_LANES; l++) {
        double plain, plain_gradient;
        assert_close(value[l], events * log(theta[l]) - total * theta[l], 1e-13);
        assert_near(gradient[l], events / theta[l] - total, 1e-12 * total);
        assert_int_equal(
            ph_lik_plain(self.lik, &theta[l], &plain, &plain_gradient, NULL), 0);
        assert_close(plain, value[l], 1e-13);
        assert_near(plain_gradient, gradient[l], 1e-12 * total);
    }
    bench_free(&self);
}

static void block_equals_the_definition(void **state)
{
    (void)state;
    enum { P = 3, N = 60 };
    double time[N];
    int event[N];
    ph_rng rng;
    ph_rng_init(&rng, 3, PH_RNG_TEST, 0, 0);
    for (int i = 0; i < N; i++) {
        time[i] = -0.6 * log(ph_rng_uniform(&rng));
        event[i] = ph_rng_uniform(&rng) < 0.7;
    }
    bench self = bench_new(process_shipped("rabbits", "n", 5), N, time, event, NULL);
    _Alignas(64) double theta[P * PH_LANES], value[PH_LANES], gradient[P * PH_LANES];
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < P * PH_LANES; i++) {
            theta[i] = exp(ph_rng_normal(&rng));
        }
        assert_int_equal(
            ph_lik_block(self.lik, self.work, theta, value, gradient, NULL), 0);
        for (int l = 0; l < PH_LANES; l++) {
            double one[P], plain, slope[P], size = 0;
            for (int m = 0; m < P; m++) {
                one[m] = theta[m * PH_LANES + l];
            }
            assert_int_equal(ph_lik_plain(self.lik, one, &plain, slope, NULL), 0);
            assert_near(value[l], plain, 1e-13 * (N + fabs(plain)));
            for (int m = 0; m < P; m++) {
                size = fmax(size, fabs(slope[m]));
            }
            for (int m = 0; m < P; m++) {
                assert_near(gradient[m * PH_LANES + l], slope[m], 1e-11 * size);
            }
        }
    }
    bench_free(&self);
}

#define DEFECT                                                                         \
    "{\"phasic\": 1, \"name\": \"defect\", \"defect\": true, \"parameters\": {\"q\": " \
    "{\"support\": \"unit\"}, \"r\": {}}, \"matrix\": {\"initial\": [\"q\"], "         \
    "\"rates\": [[0, \"r\"]]}}"

/* With probability 1 - q absorbed at once, else exponential. */
static void zeros_are_the_atom(void **state)
{
    (void)state;
    const double time[] = {0, 0, 0, 1.5, 2};
    bench self = bench_new(process_text(DEFECT), 5, time, NULL, NULL);
    _Alignas(64) double theta[2 * PH_LANES], value[PH_LANES], gradient[2 * PH_LANES];
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = 0.1 + 0.1 * l;
        theta[PH_LANES + l] = 0.5 + l;
    }
    assert_int_equal(ph_lik_block(self.lik, self.work, theta, value, gradient, NULL),
                     0);
    for (int l = 0; l < PH_LANES; l++) {
        double q = theta[l], r = theta[PH_LANES + l], plain, slope[2], one[2] = {q, r};
        double exact = 3 * log1p(-q) + 2 * log(q) + 2 * log(r) - 3.5 * r;
        assert_near(value[l], exact, 1e-13 * (1 + fabs(exact)));
        assert_near(gradient[l], -3 / (1 - q) + 2 / q, 1e-12 * (3 / (1 - q) + 2 / q));
        assert_near(gradient[PH_LANES + l], 2 / r - 3.5, 1e-12);
        assert_int_equal(ph_lik_plain(self.lik, one, &plain, slope, NULL), 0);
        assert_near(plain, exact, 1e-13 * (1 + fabs(exact)));
        assert_near(slope[0], -3 / (1 - q) + 2 / q, 1e-12 * (3 / (1 - q) + 2 / q));
    }
    bench_free(&self);
}

static void a_zero_without_an_atom_is_refused(void **state)
{
    (void)state;
    const double time = 0;
    process it = process_erlang(2);
    ph_data *data = NULL;
    ph_lik *lik = NULL;
    ph_error error = {0};
    assert_int_equal(ph_data_from_arrays(&data, 1, &time, NULL, NULL, &error), 0);
    assert_int_equal(ph_lik_new(&lik, it.plan, data, &error), PH_E_DATA);
    assert_null(lik);
    ph_data_free(data);
    process_free(&it);
}

/* Lanes outside the model are -inf with gradient 0 and leave the others alone. */
static void lanes_outside_do_no_harm(void **state)
{
    (void)state;
    const double time[] = {0.5, 1.5};
    bench self = bench_new(
        process_text("{\"phasic\": 1, \"name\": \"signed\", \"parameters\": {\"a\": "
                     "{\"support\": \"real\"}}, \"matrix\": {\"initial\": [1], "
                     "\"rates\": [[0, \"1 + a\"]]}}"),
        2, time, NULL, NULL);
    _Alignas(64) double theta[PH_LANES], value[PH_LANES], gradient[PH_LANES];
    const double a[PH_LANES] = {-3, 0, NAN, 2, -1.5, INFINITY, -0.5, 1};
    memcpy(theta, a, sizeof a);
    assert_int_equal(ph_lik_block(self.lik, self.work, theta, value, gradient, NULL),
                     0);
    for (int l = 0; l < PH_LANES; l++) {
        if (a[l] > -1 && isfinite(a[l])) {
            assert_near(value[l], 2 * log1p(a[l]) - 2 * (1 + a[l]), 1e-13);
            assert_near(gradient[l], 2 / (1 + a[l]) - 2, 1e-12);
        } else {
            assert_true(value[l] == -INFINITY && gradient[l] == 0);
        }
    }
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = -2;
    }
    assert_int_equal(ph_lik_block(self.lik, self.work, theta, value, gradient, NULL),
                     0);
    for (int l = 0; l < PH_LANES; l++) {
        assert_true(value[l] == -INFINITY && gradient[l] == 0);
    }
    bench_free(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(censored_exponential),
        cmocka_unit_test(block_equals_the_definition),
        cmocka_unit_test(zeros_are_the_atom),
        cmocka_unit_test(a_zero_without_an_atom_is_refused),
        cmocka_unit_test(lanes_outside_do_no_harm),
    };
    return ph_check_run(tests);
}
