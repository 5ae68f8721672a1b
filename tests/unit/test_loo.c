/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Leave-one-out and WAIC of an exponential law with a gamma prior, where everything is
 * known: leaving an observation out gives another gamma posterior, whose predictive law
 * is Lomax; and posterior variances of the log density are polygamma functions.
 */
#include <gsl/gsl_randist.h>
#include <gsl/gsl_sf_psi.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/lik/lik.h"
#include "phasic/num/pareto.h"
#include "phasic/report/loo.h"
#include "process.h"

#define SHAPE 3.0
#define RATE  2.0
enum { N = 7, DRAWS = 20000 };

static const double times[N] = {0.1, 0.4, 0.9, 1.3, 2.5, 6, 1.7};
static const int events[N] = {1, 1, 1, 1, 0, 1, 0};
static const double counts[N] = {1, 2, 1, 1, 1, 1, 3};

typedef struct bench {
    process it;
    ph_data *data;
    double shape, rate;  /* of the posterior */
    double *log_density; /* [n][DRAWS] */
    double *weight;      /* [n] */
    ph_loo_point *point; /* [n] */
} bench;

static void find_posterior(bench *self)
{
    self->shape = SHAPE;
    self->rate = RATE;
    for (int i = 0; i < N; i++) {
        self->shape += events[i] * counts[i];
        self->rate += times[i] * counts[i];
    }
}

/* Log densities at draws of the posterior, through the likelihood's blocks. */
static void fill(bench *self)
{
    ph_lik *lik = NULL;
    ph_lik_work *work = NULL;
    ph_error error = {0};
    ph_rng rng;
    ph_rng_gsl state;
    size_t n = self->data->n;
    double *value = ph_alloc_aligned(n * PH_LANES, sizeof *value);
    _Alignas(64) double theta[PH_LANES];
    ph_rng_init(&rng, 11, PH_RNG_TEST, 0, 0);
    gsl_rng *gsl = ph_rng_gsl_init(&state, &rng);
    assert_int_equal(ph_lik_new(&lik, self->it.plan, self->data, &error), 0);
    assert_int_equal(ph_lik_work_new(&work, lik), 0);
    for (size_t s = 0; s < DRAWS; s += PH_LANES) {
        for (int l = 0; l < PH_LANES; l++) {
            theta[l] = gsl_ran_gamma(gsl, self->shape, 1 / self->rate);
        }
        assert_int_equal(
            ph_lik_pointwise(lik, work, self->data, 0, n, theta, value, &error), 0);
        for (size_t i = 0; i < n; i++) {
            memcpy(self->log_density + i * DRAWS + s, value + i * PH_LANES,
                   PH_LANES * sizeof *value);
        }
    }
    ph_lik_work_free(work);
    ph_lik_free(lik);
    ph_free_aligned(value);
}

static bench bench_new(void)
{
    bench self = {.it = process_erlang(1)};
    ph_error error = {0};
    assert_int_equal(ph_data_from_arrays(&self.data, N, times, events, counts, &error),
                     0);
    size_t n = self.data->n;
    self.log_density = ph_alloc(n * DRAWS, sizeof(double));
    self.weight = ph_alloc(n, sizeof(double));
    self.point = ph_alloc(n, sizeof *self.point);
    double *work = ph_alloc(DRAWS, sizeof *work);
    find_posterior(&self);
    fill(&self);
    for (size_t i = 0; i < n; i++) {
        self.weight[i] = self.data->observation[i].weight;
        assert_int_equal(
            ph_loo_of_point(DRAWS, self.log_density + i * DRAWS, work, &self.point[i]),
            0);
    }
    free(work);
    return self;
}

static void bench_free(bench *self)
{
    ph_data_free(self->data);
    process_free(&self->it);
    free(self->log_density);
    free(self->weight);
    free(self->point);
}

/* log predictive density (or survival) at t under a gamma law of the rate. */
static double predictive(double shape, double rate, double t, int event)
{
    double log_survival = shape * log(rate / (rate + t));
    return event ? log(shape) + log_survival - log(rate + t) : log_survival;
}

static double exact_loo(const bench *self, const ph_observation *it)
{
    int event = it->kind == PH_OBSERVED;
    return predictive(self->shape - event, self->rate - it->time, it->time, event);
}

/* Var(log r - r t) of a gamma law: trigamma(a) + t^2 a / b^2 - 2 t / b. */
static double exact_p_waic(const bench *self, const ph_observation *it)
{
    double a = self->shape, b = self->rate, t = it->time, variance = t * t * a / b / b;
    return it->kind == PH_OBSERVED ? variance + gsl_sf_psi_1(a) - 2 * t / b : variance;
}

/* Each value within 4 of its own Monte Carlo errors, which are small themselves. */
static void test_points(void **state)
{
    (void)state;
    bench self = bench_new();
    for (size_t i = 0; i < self.data->n; i++) {
        const ph_observation *it = &self.data->observation[i];
        const ph_loo_point *point = &self.point[i];
        assert_near(point->elpd, exact_loo(&self, it), 4 * point->error);
        assert_true(point->error < 0.02);
        double lpd =
            predictive(self.shape, self.rate, it->time, it->kind == PH_OBSERVED);
        assert_near(point->lpd, lpd, 0.01);
        assert_close(point->p_waic, exact_p_waic(&self, it), 0.05);
        assert_true(point->k < 0.7);
    }
    bench_free(&self);
}

/* Sums, and standard errors as if equal observations stood one by one. */
static void test_sums(void **state)
{
    (void)state;
    bench self = bench_new();
    ph_loo sum;
    double elpd = 0, waic = 0, weight = 0, mean, square = 0;
    ph_loo_sum(self.data->n, self.point, self.weight, DRAWS, DRAWS, &sum);
    for (size_t i = 0; i < self.data->n; i++) {
        const ph_observation *it = &self.data->observation[i];
        weight += it->weight;
        elpd += it->weight * exact_loo(&self, it);
        waic += it->weight *
                (predictive(self.shape, self.rate, it->time, it->kind == PH_OBSERVED) -
                 exact_p_waic(&self, it));
    }
    mean = elpd / weight;
    for (size_t i = 0; i < self.data->n; i++) {
        const ph_observation *it = &self.data->observation[i];
        square += it->weight * pow(exact_loo(&self, it) - mean, 2);
    }
    assert_true(sum.observations == 10);
    assert_near(sum.elpd, elpd, 4 * sum.monte_carlo);
    assert_true(sum.monte_carlo < 0.03);
    assert_close(sum.elpd_se, sqrt(weight / (weight - 1) * square), 0.02);
    assert_near(sum.waic_elpd, waic, 0.05);
    assert_true(sum.k_count[0] + sum.k_count[1] == 10 && sum.bad == 0);
    ph_loo quarter; /* draws worth a quarter of their number: twice the error */
    ph_loo_sum(self.data->n, self.point, self.weight, DRAWS, DRAWS / 4, &quarter);
    assert_close(quarter.monte_carlo, 2 * sum.monte_carlo, 1e-12);
    assert_close(sum.good_k, fmin(0.7, 1 - 1 / log10(DRAWS)), 1e-12);
    assert_true(quarter.elpd == sum.elpd);
    bench_free(&self);
}

/* The sum of the pointwise values is the log-likelihood, entries and intervals too. */
static void test_pointwise_adds_up(void **state)
{
    (void)state;
    static const char text[] = "time,lower,upper,entry,event,count\n0.5,,,,1,2\n"
                               "0.7,,,0.2,1,1\n1,,,,0,1.5\n0.4,,,,2,1\n,1,3,0.5,,1\n";
    process it = process_erlang(3);
    ph_data *data = NULL;
    ph_lik *lik = NULL;
    ph_lik_work *work = NULL;
    ph_error error = {0};
    _Alignas(64) double theta[PH_LANES], value[5 * PH_LANES], whole[PH_LANES];
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = l == 3 ? -1 : 0.5 + l;
    }
    assert_int_equal(ph_data_parse(&data, "d", text, sizeof text - 1, NULL, &error), 0);
    assert_int_equal(data->n, 5);
    assert_int_equal(ph_lik_new(&lik, it.plan, data, &error), 0);
    assert_int_equal(ph_lik_work_new(&work, lik), 0);
    assert_int_equal(ph_lik_block(lik, work, theta, whole, NULL, &error), 0);
    assert_int_equal(ph_lik_pointwise(lik, work, data, 0, 2, theta, value, &error), 0);
    assert_int_equal(
        ph_lik_pointwise(lik, work, data, 2, 3, theta, value + 2 * PH_LANES, &error),
        0);
    for (int l = 0; l < PH_LANES; l++) {
        double sum = 0;
        for (int i = 0; i < 5; i++) {
            sum += data->observation[i].weight * value[i * PH_LANES + l];
        }
        if (l == 3) { /* outside the model */
            assert_true(sum == -INFINITY && whole[l] == -INFINITY);
        } else {
            assert_close(sum, whole[l], 1e-12);
        }
    }
    ph_lik_work_free(work);
    ph_lik_free(lik);
    ph_data_free(data);
    process_free(&it);
}

/* Quantiles of an exact Pareto law give its shape and scale back. */
static void test_pareto_fit(void **state)
{
    (void)state;
    static const double shapes[] = {-0.3, 0.2, 0.8};
    enum { M = 20000 };
    double *x = ph_alloc(M, sizeof *x);
    for (int j = 0; j < 3; j++) {
        double k, sigma;
        for (int i = 0; i < M; i++) {
            x[i] = ph_pareto_quantile((i + 0.5) / M, shapes[j], 3);
        }
        double p = 1 - pow(1 + shapes[j] * x[M / 3] / 3, -1 / shapes[j]);
        assert_close(p, (M / 3 + 0.5) / M, 1e-10);
        assert_int_equal(ph_pareto_fit(M, x, &k, &sigma), 0);
        assert_near(k, shapes[j], 0.02);
        assert_close(sigma, 3, 0.03);
    }
    free(x);
}

static void test_impossible(void **state)
{
    (void)state;
    double log_density[8] = {-1, -2, -INFINITY, -1, -1, -1, -1, -1}, work[8];
    ph_loo_point point;
    assert_int_equal(ph_loo_of_point(8, log_density, work, &point), 0);
    assert_true(point.elpd == -INFINITY && point.k == INFINITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points),     cmocka_unit_test(test_sums),
        cmocka_unit_test(test_impossible), cmocka_unit_test(test_pointwise_adds_up),
        cmocka_unit_test(test_pareto_fit),
    };
    return ph_check_run(tests);
}
