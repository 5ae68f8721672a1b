/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Density estimates from samples whose kernel estimate is known: of a normal law it is
 * the normal law with the squared bandwidth added to its variance. A sample consists of
 * the quantiles of its law at (i + 1/2) / n, so nothing is left to chance.
 */
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <stdlib.h>

#include "check.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"
#include "phasic/report/kde.h"

#define N 4000

static double *sample(double (*quantile)(double p, double scale), double scale)
{
    double *x = ph_alloc(N, sizeof *x);
    for (int i = 0; i < N; i++) {
        x[i] = quantile((i + 0.5) / N, scale);
    }
    return x;
}

static double lognormal(double p, double sd)
{
    return exp(3 + gsl_cdf_gaussian_Pinv(p, sd));
}

static double exponential(double p, double mean)
{
    return gsl_cdf_exponential_Pinv(p, mean);
}

static double uniform(double p, double length)
{
    return p * length;
}

static ph_kde make(const double *x, double lower, double upper, double effective)
{
    ph_kde self = {0};
    assert_int_equal(ph_kde_init(&self, N, x, lower, upper, effective), 0);
    return self;
}

/* Simpson's rule over the whole range. */
static double integral(const ph_kde *self)
{
    double from, to, sum = 0;
    int m = 2000;
    ph_kde_range(self, 8, &from, &to);
    for (int i = 0; i <= m; i++) {
        double inside = fmin(fmax(i, 1e-9), m - 1e-9); /* 0 in the bounds themselves */
        double x = from + (to - from) * inside / m;
        sum += (i == 0 || i == m ? 1 : i % 2 ? 4 : 2) * ph_kde_at(self, x);
    }
    return sum * (to - from) / m / 3;
}

/* The sd of the law is 1 and its IQR / 1.34 is 1.0067. */
static void test_bandwidth(void **state)
{
    double *x = sample(gsl_cdf_gaussian_Pinv, 1), flat[] = {2, 2, 2};
    (void)state;
    assert_near(ph_kde_bandwidth(N, x, N), 0.9 * pow(N, -0.2), 2e-4);
    assert_near(ph_kde_bandwidth(N, x, 32), 0.45, 1e-3);
    x[N - 1] = 1e3; /* a far one moves the sd, which is 15.8 then, not the quartiles */
    assert_near(ph_kde_bandwidth(N, x, 32), 0.45 * 1.34898 / 1.34, 1e-3);
    assert_true(ph_kde_bandwidth(3, flat, 3) == 0);
    double split[] = {0, 1, 1, 1, 1, 1, 1, 2}; /* quartiles fall together: sd alone */
    assert_near(ph_kde_bandwidth(8, split, 1), 0.9 * sqrt(2.0 / 7), 1e-12);
    free(x);
}

static void test_normal(void **state)
{
    double *x = sample(gsl_cdf_gaussian_Pinv, 1);
    ph_kde kde = make(x, -INFINITY, INFINITY, 100);
    double sd = sqrt(1 + kde.bandwidth * kde.bandwidth);
    (void)state;
    for (double at = -3; at <= 3; at += 0.5) {
        assert_near(ph_kde_at(&kde, at), gsl_ran_gaussian_pdf(at, sd), 2e-4);
    }
    assert_near(integral(&kde), 1, 1e-9);
    ph_kde_free(&kde);
    free(x);
}

/* Far from its bound: normal on the scale of the logarithm, brought back. */
static void test_lognormal(void **state)
{
    double *x = sample(lognormal, 0.2);
    ph_kde kde = make(x, 0, INFINITY, 100);
    double sd = sqrt(0.04 + kde.bandwidth * kde.bandwidth);
    (void)state;
    assert_int_equal(kde.reflect, 0);
    assert_near(kde.bandwidth, 0.2 * 0.9 * pow(100, -0.2), 1e-4);
    for (double at = 12; at <= 32; at += 4) {
        double expected = gsl_ran_gaussian_pdf(log(at) - 3, sd) / at;
        assert_near(ph_kde_at(&kde, at), expected, 1e-4 * expected + 1e-6);
    }
    assert_near(integral(&kde), 1, 1e-9);
    assert_true(ph_kde_at(&kde, 0) == 0 && ph_kde_at(&kde, -1) == 0);
    ph_kde_free(&kde);
    free(x);
}

/* At its bound the mean of the estimate is 2 e^(h^2 / 2) Phi(-h), not half of 1. */
static void test_reflected(void **state)
{
    double *x = sample(exponential, 1), *y = sample(uniform, 1);
    ph_kde kde = make(x, 0, INFINITY, 1000), flat = make(y, 0, 1, 1000);
    double h = kde.bandwidth;
    (void)state;
    assert_int_equal(kde.reflect, 1);
    assert_near(ph_kde_at(&kde, 1e-12), 2 * exp(h * h / 2) * gsl_cdf_ugaussian_P(-h),
                1e-3);
    assert_near(integral(&kde), 1, 1e-6);
    for (double at = 0.01; at < 1; at += 0.14) {
        assert_near(ph_kde_at(&flat, at), 1, 1e-3);
    }
    assert_near(integral(&flat), 1, 1e-6);
    assert_true(ph_kde_at(&flat, 1.01) == 0);
    ph_kde_free(&kde);
    ph_kde_free(&flat);
    free(x);
    free(y);
}

static void test_refused(void **state)
{
    double same[] = {2, 2}, outside[] = {0.5, -1e-9}, rounded[] = {0.5, 1};
    ph_kde kde = {0};
    (void)state;
    assert_int_equal(ph_kde_init(&kde, 2, same, 0, INFINITY, 2), PH_E_NUMERIC);
    ph_kde_free(&kde);
    assert_int_equal(ph_kde_init(&kde, 2, outside, 0, 1, 2), PH_E_NUMERIC);
    ph_kde_free(&kde);
    /* a draw may round to an end */
    assert_int_equal(ph_kde_init(&kde, 2, rounded, 0, 1, 2), 0);
    const double images[] = {0.5, 1, 1, -0.5, 1.5, -1};
    double sum = 0;
    for (int i = 0; i < 6; i++) {
        double u = (0.75 - images[i]) / kde.bandwidth;
        sum += exp(-u * u / 2) / sqrt(2 * M_PI) / kde.bandwidth / 2;
    }
    assert_near(ph_kde_at(&kde, 0.75), sum, 1e-12);
    ph_kde_free(&kde);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bandwidth), cmocka_unit_test(test_normal),
        cmocka_unit_test(test_lognormal), cmocka_unit_test(test_reflected),
        cmocka_unit_test(test_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
