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

/* ------------------------------------------------------- all kinds of data */

static bench bench_seen(process it, size_t n, const ph_observation *list)
{
    bench self = {.it = it};
    ph_error error = {0};
    if (ph_data_from_observations(&self.data, n, list, &error) != 0 ||
        ph_lik_new(&self.lik, it.plan, self.data, &error) != 0 ||
        ph_lik_work_new(&self.work, self.lik) != 0) {
        fail_msg("%s", error.message);
    }
    return self;
}

/* Density, survival and probability of (l, u] with their derivatives in the rate. */
typedef struct closed {
    double f, s, p, df, ds, dp;
} closed;

static closed erlang_closed(int stages, double r, double t, double u)
{
    closed c = {0};
    if (stages == 1) {
        c.f = r * exp(-r * t);
        c.df = (1 - r * t) * exp(-r * t);
        c.s = exp(-r * t);
        c.ds = -t * exp(-r * t);
        c.p = exp(-r * t) - exp(-r * u);
        c.dp = -t * exp(-r * t) + u * exp(-r * u);
    } else {
        c.f = r * r * t * exp(-r * t);
        c.df = (2 - r * t) * r * t * exp(-r * t);
        c.s = (1 + r * t) * exp(-r * t);
        c.ds = -r * t * t * exp(-r * t);
        c.p = c.s - (1 + r * u) * exp(-r * u);
        c.dp = c.ds + r * u * u * exp(-r * u);
    }
    return c;
}

/* The log-likelihood by closed forms; *slope its derivative. */
static double erlang_log_lik(int stages, double r, size_t n, const ph_observation *list,
                             double *slope)
{
    double sum = 0;
    *slope = 0;
    for (size_t i = 0; i < n; i++) {
        const ph_observation *it = &list[i];
        double w = it->weight, low = it->entry > 0 ? it->entry : 0;
        double value = 0, change = 0;
        closed at = erlang_closed(stages, r, it->time, 0);
        closed left = erlang_closed(stages, r, low, it->time);
        closed between = erlang_closed(stages, r, fmax(low, it->time), it->upper);
        switch (it->kind) {
        case PH_OBSERVED: value = at.f, change = at.df; break;
        case PH_RIGHT_CENSORED: value = at.s, change = at.ds; break;
        case PH_LEFT_CENSORED: value = left.p, change = left.dp; break;
        case PH_INTERVAL_CENSORED: value = between.p, change = between.dp; break;
        }
        sum += w * log(value);
        *slope += w * change / value;
        if (it->entry != PH_NO_ENTRY) {
            closed entry = erlang_closed(stages, r, it->entry, 0);
            sum -= w * log(entry.s);
            *slope -= w * entry.ds / entry.s;
        }
    }
    return sum;
}

/* At eight rates, both engines. */
static void check_erlang(int stages, size_t n, const ph_observation *list)
{
    bench self = bench_seen(process_erlang(stages), n, list);
    _Alignas(64) double theta[PH_LANES], value[PH_LANES], gradient[PH_LANES];
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = 0.25 * (l + 1);
    }
    assert_int_equal(ph_lik_block(self.lik, self.work, theta, value, gradient, NULL),
                     0);
    for (int l = 0; l < PH_LANES; l++) {
        double slope, plain, plain_slope;
        double exact = erlang_log_lik(stages, theta[l], n, list, &slope);
        assert_near(value[l], exact, 1e-13 * (1 + fabs(exact)));
        assert_near(gradient[l], slope, 1e-12 * (10 + fabs(slope)));
        assert_int_equal(ph_lik_plain(self.lik, &theta[l], &plain, &plain_slope, NULL),
                         0);
        assert_near(plain, exact, 1e-13 * (1 + fabs(exact)));
        assert_near(plain_slope, slope, 1e-12 * (10 + fabs(slope)));
    }
    bench_free(&self);
}

#define NO PH_NO_ENTRY

static void kinds_by_closed_forms(void **state)
{
    (void)state;
    const ph_observation list[] = {
        {PH_OBSERVED, 0, 1.5, 0, NO, 1},        {PH_OBSERVED, 0, 0.25, 0, NO, 2},
        {PH_RIGHT_CENSORED, 0, 3, 0, NO, 0.5},  {PH_LEFT_CENSORED, 0, 2, 0, NO, 5},
        {PH_INTERVAL_CENSORED, 0, 1, 4, NO, 3}, {PH_OBSERVED, 0, 5, 0, 0.5, 1},
        {PH_OBSERVED, 0, 2, 0, 1, 1},           {PH_RIGHT_CENSORED, 0, 4, 0, 1, 2.5},
        {PH_RIGHT_CENSORED, 0, 3, 0, 3, 7},     {PH_LEFT_CENSORED, 0, 2, 0, 1.5, 2},
        {PH_INTERVAL_CENSORED, 0, 1, 4, 2, 1},  {PH_INTERVAL_CENSORED, 0, 3, 4, 2, 1},
        {PH_OBSERVED, 0, 1.5, 0, 0, 1},         {PH_LEFT_CENSORED, 0, 1, 0, 0, 1},
    };
    for (int stages = 1; stages <= 2; stages++) {
        check_erlang(stages, sizeof list / sizeof *list, list);
        for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
            check_erlang(stages, 1, &list[i]);
        }
    }
}

static double value_at(bench *self, double rate, double *slope)
{
    _Alignas(64) double theta[PH_LANES], value[PH_LANES], gradient[PH_LANES];
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = rate;
    }
    assert_int_equal(ph_lik_block(self->lik, self->work, theta, value, gradient, NULL),
                     0);
    *slope = gradient[0];
    return value[0];
}

/* Numbers worked out by hand. */
static void truncated_and_mixed(void **state)
{
    (void)state;
    const ph_observation truncated[] = {{PH_OBSERVED, 0, 2, 0, 1, 1},
                                        {PH_RIGHT_CENSORED, 0, 4, 0, 0, 1},
                                        {PH_OBSERVED, 0, 5, 0, 0.5, 1}};
    const ph_observation mixed[] = {{PH_OBSERVED, 0, 1.5, 0, NO, 1},
                                    {PH_LEFT_CENSORED, 0, 2, 0, NO, 5},
                                    {PH_RIGHT_CENSORED, 0, 1, 0, NO, 1}};
    double slope;
    bench self = bench_seen(process_erlang(1), 3, truncated);
    assert_close(value_at(&self, 0.25, &slope), 2 * log(0.25) - 9.5 * 0.25, 1e-14);
    assert_close(value_at(&self, 0.25, &slope), -5.14758872224, 1e-12);
    (void)value_at(&self, 4.0 / 19, &slope);
    assert_near(slope, 0, 1e-13);
    bench_free(&self);
    self = bench_seen(process_erlang(2), 3, truncated);
    assert_close(value_at(&self, 0.5, &slope), -4.75, 1e-14);
    bench_free(&self);
    self = bench_seen(process_erlang(1), 3, mixed);
    assert_close(value_at(&self, 1, &slope), -3.227067289344, 1e-12);
    bench_free(&self);
    self = bench_seen(process_erlang(2), 3, mixed);
    assert_close(value_at(&self, 1, &slope), -4.005816749653612, 1e-14);
    bench_free(&self);
}

/* Where S(entry) is e^-5000 and the interval a millionth of a unit wide. */
static void far_in_the_tail(void **state)
{
    (void)state;
    double width = 0x1p-20, slope, r = 1;
    const ph_observation list[] = {
        {PH_OBSERVED, 0, 5000.5, 0, 5000, 1},
        {PH_INTERVAL_CENSORED, 0, 5000.5, 5000.5 + width, 5000, 1},
        {PH_RIGHT_CENSORED, 0, 5001, 0, 5000, 1}};
    bench self = bench_seen(process_erlang(1), 3, list);
    double exact = log(r) - r * 0.5 + log(-expm1(-r * width)) - r * 0.5 - r;
    double derivative = 1 / r - 2 + width / expm1(r * width);
    /* of terms near 5000 each, 1e-13 is lost */
    assert_near(value_at(&self, r, &slope), exact, 6 * 5000 * 1e-13);
    assert_near(slope, derivative, 6 * 5000 * 1e-12);
    bench_free(&self);
}

/* Geometric times: every kind on whole numbers. */
static void kinds_in_discrete_time(void **state)
{
    (void)state;
    const ph_observation list[] = {
        {PH_OBSERVED, 0, 3, 0, NO, 2},      {PH_RIGHT_CENSORED, 0, 4, 0, NO, 1},
        {PH_LEFT_CENSORED, 0, 2, 0, NO, 1}, {PH_INTERVAL_CENSORED, 0, 2, 5, NO, 3},
        {PH_OBSERVED, 0, 6, 0, 2, 1},       {PH_INTERVAL_CENSORED, 0, 1, 9, 4, 1},
        {PH_RIGHT_CENSORED, 0, 5, 0, 5, 1}};
    bench self = bench_seen(
        process_text("{\"phasic\": 1, \"name\": \"geometric\", \"time\": \"discrete\", "
                     "\"parameters\": {\"p\": {\"support\": \"unit\"}}, \"matrix\": "
                     "{\"initial\": [1], \"rates\": [[\"1 - p\", \"p\"]]}}"),
        7, list);
    for (double p = 0.1; p < 0.95; p += 0.2) {
        double q = 1 - p, slope, plain, plain_slope;
        double exact = 2 * log(q * q * p) + 4 * log(q) + log1p(-q * q) +
                       3 * log(q * q - pow(q, 5)) + log(pow(q, 3) * p) +
                       log1p(-pow(q, 5));
        double dq = 4 / q + 4 / q - 2 * q / (1 - q * q) +
                    3 * (2 * q - 5 * pow(q, 4)) / (q * q - pow(q, 5)) + 3 / q -
                    5 * pow(q, 4) / (1 - pow(q, 5));
        double derivative = 3 / p - dq;
        assert_close(value_at(&self, p, &slope), exact, 1e-13);
        assert_near(slope, derivative, 1e-12 * (fabs(dq) + 3 / p));
        assert_int_equal(ph_lik_plain(self.lik, &p, &plain, &plain_slope, NULL), 0);
        assert_close(plain, exact, 1e-13);
        assert_near(plain_slope, derivative, 1e-12 * (fabs(dq) + 3 / p));
    }
    bench_free(&self);
}

/* With probability 1 - q absorbed at once: F(u) = 1 - q e^(-r u), S(0) = q. */
static void kinds_beside_an_atom(void **state)
{
    (void)state;
    const ph_observation list[] = {{PH_LEFT_CENSORED, 0, 2, 0, NO, 3},
                                   {PH_OBSERVED, 0, 0, 0, NO, 1},
                                   {PH_OBSERVED, 0, 1, 0, 0, 1},
                                   {PH_INTERVAL_CENSORED, 0, 1, 2, 0.5, 1}};
    bench self = bench_seen(process_text(DEFECT), 4, list);
    _Alignas(64) double theta[2 * PH_LANES], value[PH_LANES], gradient[2 * PH_LANES];
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = 0.1 + 0.1 * l;
        theta[PH_LANES + l] = 0.5 + l;
    }
    assert_int_equal(ph_lik_block(self.lik, self.work, theta, value, gradient, NULL),
                     0);
    for (int l = 0; l < PH_LANES; l++) {
        double q = theta[l], r = theta[PH_LANES + l], e = exp(-2 * r);
        double one[2] = {q, r}, plain, slope[2];
        double exact =
            3 * log1p(-q * e) + log1p(-q) + log(r) - r - r / 2 + log(-expm1(-r));
        double dq = -3 * e / (1 - q * e) - 1 / (1 - q);
        double dr = 6 * q * e / (1 - q * e) + 1 / r - 1.5 + 1 / expm1(r);
        assert_near(value[l], exact, 1e-13 * (1 + fabs(exact)));
        assert_near(gradient[l], dq, 1e-12 * (1 + fabs(dq)));
        assert_near(gradient[PH_LANES + l], dr, 1e-12 * (3 + fabs(dr)));
        assert_int_equal(ph_lik_plain(self.lik, one, &plain, slope, NULL), 0);
        assert_near(plain, exact, 1e-13 * (1 + fabs(exact)));
        assert_near(slope[0], dq, 1e-12 * (1 + fabs(dq)));
        assert_near(slope[1], dr, 1e-12 * (3 + fabs(dr)));
    }
    const ph_observation entered[] = {{PH_LEFT_CENSORED, 0, 2, 0, 0, 1}};
    ph_data *data = NULL;
    ph_lik *lik = NULL;
    ph_error error = {0};
    assert_int_equal(ph_data_from_observations(&data, 1, entered, &error), 0);
    assert_int_equal(ph_lik_new(&lik, self.it.plan, data, &error), PH_E_FEATURE);
    ph_data_free(data);
    bench_free(&self);
}

/* All kinds on a graph with cycles: lanes against the definition. */
static void kinds_equal_the_definition(void **state)
{
    (void)state;
    enum { P = 3, N = 80 };
    ph_observation list[N];
    ph_rng rng;
    ph_rng_init(&rng, 8, PH_RNG_TEST, 0, 0);
    for (int i = 0; i < N; i++) {
        double entry = -0.3 * log(ph_rng_uniform(&rng));
        double time = entry - 0.5 * log(ph_rng_uniform(&rng));
        list[i] = (ph_observation){(ph_observation_kind)(i % 4),
                                   0,
                                   time,
                                   time - log(ph_rng_uniform(&rng)),
                                   i % 3 == 0 ? entry : NO,
                                   0.5 + ph_rng_uniform(&rng)};
    }
    bench self = bench_seen(process_shipped("rabbits", "n", 4), N, list);
    _Alignas(64) double theta[P * PH_LANES], value[PH_LANES], gradient[P * PH_LANES];
    for (int round = 0; round < 3; round++) {
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
                assert_near(gradient[m * PH_LANES + l], slope[m], 1e-11 * (N + size));
            }
        }
    }
    bench_free(&self);
}

/* ----------------------------------------------------------------- the parts */

/* One and two stages at one rate, each group with its own. */
static void parts_add_up(void **state)
{
    (void)state;
    const char *labels[] = {"one", "two"};
    const char *text =
        "time,group,entry,event\n2,one,,1\n3,two,1,1\n1,two,,0\n4,one,2,1\n";
    const ph_observation one[] = {{PH_OBSERVED, 0, 2, 0, NO, 1},
                                  {PH_OBSERVED, 0, 4, 0, 2, 1}};
    const ph_observation two[] = {{PH_OBSERVED, 0, 3, 0, 1, 1},
                                  {PH_RIGHT_CENSORED, 0, 1, 0, NO, 1}};
    const ph_data_options options = {.label = labels, .n_labels = 2};
    process first = process_erlang(1), second = process_erlang(2);
    const ph_plan *plan[] = {first.plan, second.plan};
    bench self = {0};
    assert_int_equal(ph_data_parse(&self.data, "x", text, strlen(text), &options, NULL),
                     0);
    assert_int_equal(self.data->n_parts, 2);
    assert_int_equal(ph_lik_new_parts(&self.lik, plan, self.data, NULL), 0);
    assert_int_equal(ph_lik_work_new(&self.work, self.lik), 0);
    for (double r = 0.25; r < 3; r += 0.5) {
        double slope, slope_one, slope_two, plain, plain_slope;
        double exact = erlang_log_lik(1, r, 2, one, &slope_one) +
                       erlang_log_lik(2, r, 2, two, &slope_two);
        assert_near(value_at(&self, r, &slope), exact, 1e-13 * (1 + fabs(exact)));
        assert_near(slope, slope_one + slope_two, 1e-12 * 10);
        assert_int_equal(ph_lik_plain(self.lik, &r, &plain, &plain_slope, NULL), 0);
        assert_near(plain, exact, 1e-13 * (1 + fabs(exact)));
        assert_near(plain_slope, slope_one + slope_two, 1e-12 * 10);
    }
    double slope;
    assert_true(value_at(&self, -1, &slope) == -INFINITY && slope == 0);
    ph_lik_work_free(self.work);
    ph_lik_free(self.lik);
    ph_data_free(self.data);
    process_free(&first);
    process_free(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(censored_exponential),
        cmocka_unit_test(block_equals_the_definition),
        cmocka_unit_test(zeros_are_the_atom),
        cmocka_unit_test(a_zero_without_an_atom_is_refused),
        cmocka_unit_test(lanes_outside_do_no_harm),
        cmocka_unit_test(kinds_by_closed_forms),
        cmocka_unit_test(truncated_and_mixed),
        cmocka_unit_test(far_in_the_tail),
        cmocka_unit_test(kinds_in_discrete_time),
        cmocka_unit_test(kinds_beside_an_atom),
        cmocka_unit_test(kinds_equal_the_definition),
        cmocka_unit_test(parts_add_up),
    };
    return ph_check_run(tests);
}
