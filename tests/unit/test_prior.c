/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <string.h>

#include "phasic/base/rng.h"
#include "phasic/prior/prior.h"

static const struct {
    ph_family family;
    double argument[2], lower, upper;
} table[] = {
    {PH_PRIOR_GAMMA, {24, 16}, 0, INFINITY},
    {PH_PRIOR_GAMMA, {0.5, 1e-6}, 0, INFINITY},
    {PH_PRIOR_GAMMA, {2, 3}, 0.2, 1.5},
    {PH_PRIOR_LOGNORMAL, {0, 1}, 0, INFINITY},
    {PH_PRIOR_LOGNORMAL, {-3, 2.5}, 1e-4, INFINITY},
    {PH_PRIOR_NORMAL, {1, 2}, -INFINITY, INFINITY},
    {PH_PRIOR_NORMAL, {1, 2}, 0, INFINITY},
    {PH_PRIOR_NORMAL, {-8, 1}, 0, INFINITY},
    {PH_PRIOR_NORMAL, {1, 2}, -INFINITY, 0.5},
    {PH_PRIOR_HALF_NORMAL, {5, 0}, 0, INFINITY},
    {PH_PRIOR_HALF_CAUCHY, {2, 0}, 0, INFINITY},
    {PH_PRIOR_EXPONENTIAL, {0.1, 0}, 0, INFINITY},
    {PH_PRIOR_EXPONENTIAL, {3, 0}, 0, 1},
    {PH_PRIOR_UNIFORM, {2, 5}, 0, INFINITY},
    {PH_PRIOR_UNIFORM, {-1, 1}, -INFINITY, INFINITY},
    {PH_PRIOR_BETA, {2, 5}, 0, 1},
    {PH_PRIOR_BETA, {0.5, 0.5}, 0, 1},
    {PH_PRIOR_BETA, {3, 2}, 0.25, 0.5},
    {PH_PRIOR_GAMMA, {2, 3}, 0.5, INFINITY},
    {PH_PRIOR_LOGNORMAL, {0, 1}, 0.5, 4},
    {PH_PRIOR_NORMAL, {1, 2}, -1, 3},
    {PH_PRIOR_NORMAL, {0.5, 0.2}, 0, 1},
    {PH_PRIOR_HALF_NORMAL, {5, 0}, 1, INFINITY},
    {PH_PRIOR_HALF_NORMAL, {5, 0}, 0, 1},
    {PH_PRIOR_HALF_CAUCHY, {2, 0}, 0.5, 30},
    {PH_PRIOR_EXPONENTIAL, {3, 0}, 0.5, INFINITY},
    {PH_PRIOR_UNIFORM, {0.2, 0.4}, 0, 1},
    /* mass within a rounding of an end, or below the least double */
    {PH_PRIOR_BETA, {1, 0.03}, 0, 1},
    {PH_PRIOR_BETA, {0.03, 1}, 0, 1},
    {PH_PRIOR_BETA, {0.05, 0.05}, 0, 1},
    {PH_PRIOR_BETA, {0.02, 0.02}, 0, 1},
    {PH_PRIOR_BETA, {0.05, 0.05}, 0.25, 1},
    {PH_PRIOR_BETA, {0.05, 0.05}, 0, 0.5},
    {PH_PRIOR_BETA, {1, 1}, 0, 1},
    {PH_PRIOR_GAMMA, {0.02, 3}, 0, INFINITY},
    {PH_PRIOR_GAMMA, {0.05, 3}, 0, 2},
    {PH_PRIOR_NORMAL, {4, 1}, 2, 5},
    {PH_PRIOR_UNIFORM, {2, 5}, 2, 5},
};
enum { TABLE = sizeof table / sizeof *table };

static ph_prior prior_of(int i)
{
    ph_prior prior;
    ph_error error = {0};
    if (ph_prior_init(&prior, table[i].family, table[i].argument, table[i].lower,
                      table[i].upper, &error) != 0) {
        fail_msg("%s", error.message);
    }
    return prior;
}

/* exp(log prior + log Jacobian) at z */
static double density_in_z(double z, void *context)
{
    const ph_prior *prior = context;
    double lower, upper, jacobian;
    ph_prior_support(prior, &lower, &upper);
    ph_transform(lower, upper, z, NULL, NULL, &jacobian, NULL);
    return exp(ph_prior_log_z(prior, z, NULL) + jacobian);
}

/* Its integral over the width from z on. */
static double piece_at(gsl_integration_workspace *work, ph_prior *prior, double z,
                       double width)
{
    double part = NAN, error;
    gsl_function f = {density_in_z, prior};
    gsl_integration_qag(&f, z, z + width, 1e-13, 1e-11, 2000, GSL_INTEG_GAUSS31, work,
                        &part, &error);
    return part;
}

/* A shape of 0.02 needs z of 1500 for the last e^-30 of its mass. */
static void priors_integrate_to_one_through_the_transform(void **state)
{
    (void)state;
    gsl_integration_workspace *work = gsl_integration_workspace_alloc(2000);
    for (int i = 0; i < TABLE; i++) {
        ph_prior prior = prior_of(i);
        double sum = 0, middle = ph_prior_quantile_z(&prior, 0.5);
        /* pieces around the middle, so that no narrow peak is missed */
        for (int piece = -80; piece < 80; piece++) {
            sum += piece_at(work, &prior, middle + piece, 1);
        }
        for (int piece = 2; piece < 50; piece++) {
            sum += piece_at(work, &prior, middle + 40 * piece, 40);
            sum += piece_at(work, &prior, middle - 40 * (piece + 1), 40);
        }
        assert_near(sum, 1, 1e-10);
    }
    gsl_integration_workspace_free(work);
}

/* For any z; by differences of the logarithm, and exact where a power alone is left. */
static void derivatives_in_z_are_derivatives(void **state)
{
    (void)state;
    for (int i = 0; i < TABLE; i++) {
        ph_prior prior = prior_of(i);
        for (double z = -40.3; z < 41; z += 0.9) {
            double h = 1e-4, d, at = ph_prior_log_z(&prior, z, &d);
            double wide = ph_prior_log_z(&prior, z + h, NULL) -
                          ph_prior_log_z(&prior, z - h, NULL);
            double narrow = ph_prior_log_z(&prior, z + h / 2, NULL) -
                            ph_prior_log_z(&prior, z - h / 2, NULL);
            double slope = (8 * narrow - wide) / (6 * h);
            if (isfinite(slope)) {
                assert_near(d, slope, 1e-7 * fabs(slope) + 2e-14 * (1 + fabs(at)) / h);
            }
        }
    }
    ph_prior prior;
    double d;
    const double beta[2] = {3, 0.03}, gamma[2] = {0.02, 3};
    ph_prior_init(&prior, PH_PRIOR_BETA, beta, 0, 1, NULL);
    double constant = lgamma(3.03) - lgamma(3) - lgamma(0.03);
    for (double z = 50; z < 2000; z *= 3) {
        assert_close(ph_prior_log_z(&prior, z, &d), constant + 0.97 * z, 1e-13);
        assert_close(d, 0.97, 1e-15);
        assert_close(ph_prior_log_z(&prior, -z, &d), constant - 2 * z, 1e-13);
        assert_close(d, 2, 1e-15);
    }
    ph_prior_init(&prior, PH_PRIOR_GAMMA, gamma, 0, INFINITY, NULL);
    assert_close(ph_prior_log_z(&prior, -1500, &d),
                 0.02 * log(3) - lgamma(0.02) + 0.98 * 1500, 1e-13);
    assert_close(d, -0.98, 1e-15);
}

static void derivatives_are_derivatives(void **state)
{
    (void)state;
    for (int i = 0; i < TABLE; i++) {
        ph_prior prior = prior_of(i);
        double lower, upper;
        ph_prior_support(&prior, &lower, &upper);
        for (double p = 0.05; p < 1; p += 0.15) {
            double x = ph_prior_quantile(&prior, p), d;
            double h = 1e-4 * fmin(fabs(x) + 1e-300, fmin(x - lower, upper - x));
            if (!(h > 1e-10 * fabs(x)) || fabs(x) < 1e-290) {
                continue; /* no differences within a rounding of an end */
            }
            ph_prior_log(&prior, x, &d);
            double wide =
                ph_prior_log(&prior, x + h, NULL) - ph_prior_log(&prior, x - h, NULL);
            double narrow = ph_prior_log(&prior, x + h / 2, NULL) -
                            ph_prior_log(&prior, x - h / 2, NULL);
            double slope = (8 * narrow - wide) / (6 * h);
            assert_near(d, slope, 1e-7 * fabs(slope) + 1e-10 / h);
        }
    }
}

static void quantiles_invert_the_distribution(void **state)
{
    (void)state;
    gsl_integration_workspace *work = gsl_integration_workspace_alloc(2000);
    for (int i = 0; i < TABLE; i++) {
        ph_prior prior = prior_of(i);
        double before = NAN,
               sign = isinf(prior.lower) && isfinite(prior.upper) ? -1 : 1;
        for (double p = 0.01; p < 1; p += 0.07) {
            double z = ph_prior_quantile_z(&prior, p), x = ph_prior_quantile(&prior, p);
            if (x - prior.lower > 1e-290 && prior.upper - x > 1e-8) {
                assert_near(ph_prior_cdf(&prior, x), p, 1e-9);
            }
            if (p > 0.02) { /* what lies between two of them, whatever theta is */
                double between = 0, width = (z - before) / 64;
                for (int piece = 0; piece < 64; piece++) {
                    between += piece_at(work, &prior, before + piece * width, width);
                }
                assert_near(sign * between, 0.07, 1e-11);
            }
            before = z;
        }
        assert_true(ph_prior_cdf(&prior, prior.lower) == 0);
        assert_true(ph_prior_cdf(&prior, prior.upper) == 1);
        assert_true(ph_prior_log(&prior, prior.lower - 1, NULL) == -INFINITY);
    }
    gsl_integration_workspace_free(work);
}

/* Values from the formulas, by hand. */
static void known_densities(void **state)
{
    (void)state;
    ph_prior prior;
    const double gamma[2] = {2, 3}, normal[2] = {1, 2}, beta[2] = {2, 3};
    ph_prior_init(&prior, PH_PRIOR_GAMMA, gamma, 0, INFINITY, NULL);
    assert_near(ph_prior_log(&prior, 0.5, NULL), log(9 * 0.5 * exp(-1.5)), 1e-14);
    ph_prior_init(&prior, PH_PRIOR_BETA, beta, 0, 1, NULL);
    assert_close(ph_prior_log(&prior, 0.25, NULL), log(12 * 0.25 * 0.75 * 0.75), 1e-14);
    /* a standard normal above -1/2 has mass Phi(1/2) = 0.691462461274013104 */
    ph_prior_init(&prior, PH_PRIOR_NORMAL, normal, 0, INFINITY, NULL);
    assert_close(ph_prior_log(&prior, 3, NULL),
                 -0.5 - log(2 * sqrt(2 * M_PI)) - log(0.691462461274013104), 1e-13);
}

static double draw(const ph_prior *prior, gsl_rng *rng)
{
    double theta;
    ph_transform(prior->lower, prior->upper, ph_prior_draw_z(prior, rng), &theta, NULL,
                 NULL, NULL);
    return theta;
}

/* Shares below quantiles, which another test holds against the integrated density. */
static void draws_have_the_distribution(void **state)
{
    (void)state;
    enum { N = 20000 };
    for (int i = 0; i < TABLE; i++) {
        ph_prior prior = prior_of(i);
        ph_rng stream;
        ph_rng_gsl generator;
        ph_rng_init(&stream, 11, PH_RNG_TEST, (uint32_t)i, 0);
        gsl_rng *rng = ph_rng_gsl_init(&generator, &stream);
        double quantile[9], below[9] = {0};
        for (int q = 0; q < 9; q++) {
            quantile[q] = ph_prior_quantile_z(&prior, 0.1 * (q + 1));
        }
        for (int k = 0; k < N; k++) {
            double z = ph_prior_draw_z(&prior, rng);
            for (int q = 0; q < 9; q++) {
                below[q] += z < quantile[q];
            }
        }
        int falls = isinf(prior.lower) && isfinite(prior.upper);
        for (int q = 0; q < 9; q++) {
            double p = falls ? 0.9 - 0.1 * q : 0.1 * (q + 1);
            assert_near(below[q] / N, p, 5 * sqrt(p * (1 - p) / N));
        }
    }
}

static void transforms_and_their_jacobians(void **state)
{
    (void)state;
    const double ends[][2] = {{0, INFINITY}, {-3, INFINITY}, {-INFINITY, 2},
                              {0, 1},        {-5, 7},        {-INFINITY, INFINITY}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        for (double z = -6; z <= 6; z += 0.75) {
            double theta, slope, jacobian, d_jacobian, high, low, jh, jl, h = 1e-5;
            ph_transform(ends[i][0], ends[i][1], z, &theta, &slope, &jacobian,
                         &d_jacobian);
            assert_near(ph_transform_inverse(ends[i][0], ends[i][1], theta), z, 1e-11);
            ph_transform(ends[i][0], ends[i][1], z + h, &high, NULL, &jh, NULL);
            ph_transform(ends[i][0], ends[i][1], z - h, &low, NULL, &jl, NULL);
            assert_near(slope, (high - low) / (2 * h), 1e-8 * (1 + fabs(slope)));
            assert_close(jacobian, log(fabs(slope)), 1e-11);
            assert_near(d_jacobian, (jh - jl) / (2 * h), 1e-9);
        }
        for (double z = -700; z <= 700; z += 1400) {
            double theta, slope, jacobian, d_jacobian;
            ph_transform(ends[i][0], ends[i][1], z, &theta, &slope, &jacobian,
                         &d_jacobian);
            assert_true(isfinite(theta) && isfinite(slope) && isfinite(jacobian) &&
                        isfinite(d_jacobian));
        }
    }
}

/* Far out, and where theta rounds to an end, nothing is NaN and no mass is lost. */
static void extremes_are_right(void **state)
{
    (void)state;
    for (int i = 0; i < TABLE; i++) {
        ph_prior prior = prior_of(i);
        for (double z = -700; z <= 700; z += 20) {
            double theta, d, d_z;
            ph_transform(prior.lower, prior.upper, z, &theta, NULL, NULL, NULL);
            double value = ph_prior_log(&prior, theta, &d);
            double value_z = ph_prior_log_z(&prior, z, &d_z);
            assert_true(value < INFINITY && isfinite(d)); /* false for NaN */
            assert_true(isfinite(value) || d == 0);
            assert_true(value_z < INFINITY && isfinite(d_z));
            assert_true(isfinite(value_z) || d_z == 0);
        }
    }
    ph_prior prior;
    const double cauchy[2] = {2, 0}, uniform[2] = {2, 5}, gamma[2] = {2, 3};
    double theta, d;
    ph_prior_init(&prior, PH_PRIOR_HALF_CAUCHY, cauchy, 0, INFINITY, NULL);
    assert_close(ph_prior_log(&prior, exp(700), &d), log(2 / M_PI) + log(2) - 1400,
                 1e-14);
    assert_close(d, -2 * exp(-700), 1e-12);
    assert_close(ph_prior_log(&prior, exp(-700), &d), -log(M_PI), 1e-14);
    assert_close(d, -exp(-700) / 2, 1e-12);
    ph_prior_init(&prior, PH_PRIOR_UNIFORM, uniform, 0, INFINITY, NULL);
    for (double z = -700; z <= 700; z += 1400) {
        ph_transform(2, 5, z, &theta, NULL, NULL, NULL);
        assert_close(ph_prior_log(&prior, theta, NULL), -log(3), 1e-15);
    }
    ph_prior_init(&prior, PH_PRIOR_GAMMA, gamma, 0, INFINITY, NULL);
    assert_close(ph_prior_log(&prior, exp(-700), &d), 2 * log(3) - 700, 1e-14);
    assert_close(d * exp(-700), 1, 1e-12);
}

/* Distribution functions and quantiles with closed forms, in both tails. */
static void known_quantiles(void **state)
{
    (void)state;
    ph_prior prior;
    const double gamma[2] = {2, 3}, small[2] = {0.01, 1}, normal[2] = {5, 0},
                 exponential[2] = {3, 0}, beta[2] = {2, 1}, cut[2] = {0, 1};
    ph_prior_init(&prior, PH_PRIOR_GAMMA, gamma, 0, INFINITY, NULL);
    assert_close(ph_prior_cdf(&prior, 0.5), 1 - exp(-1.5) * 2.5, 1e-14);
    assert_close(ph_prior_quantile(&prior, 1 - exp(-1.5) * 2.5), 0.5, 1e-13);
    /* x^a / Gamma(a + 1) is the distribution function where x is tiny */
    ph_prior_init(&prior, PH_PRIOR_GAMMA, small, 0, INFINITY, NULL);
    assert_close(ph_prior_quantile(&prior, 0.5), pow(0.5 * tgamma(1.01), 100), 1e-11);
    assert_close(ph_prior_quantile(&prior, 0.01), pow(0.01 * tgamma(1.01), 100), 1e-11);
    ph_prior_init(&prior, PH_PRIOR_HALF_NORMAL, normal, 0, INFINITY, NULL);
    assert_close(ph_prior_quantile(&prior, 1e-12), 5e-12 * sqrt(M_PI / 2), 1e-13);
    ph_prior_init(&prior, PH_PRIOR_EXPONENTIAL, exponential, 1, INFINITY, NULL);
    assert_close(ph_prior_quantile(&prior, 0.25), 1 - log(0.75) / 3, 1e-13);
    ph_prior_init(&prior, PH_PRIOR_BETA, beta, 0.5, 1,
                  NULL); /* F = (x^2 - 1/4) / (3/4) */
    assert_close(ph_prior_quantile(&prior, 0.3), sqrt(0.25 + 0.3 * 0.75), 1e-13);
    /* far in a tail, where 1 - P has no digits */
    ph_prior_init(&prior, PH_PRIOR_NORMAL, cut, 12, INFINITY, NULL);
    double share = 1 - erfc(12.05 * M_SQRT1_2) / erfc(12 * M_SQRT1_2);
    assert_close(ph_prior_cdf(&prior, 12.05), share, 1e-12);
    assert_close(ph_prior_quantile(&prior, share), 12.05, 1e-13);
    assert_true(ph_prior_quantile(&prior, 0) == 12);
    assert_true(ph_prior_quantile(&prior, 1) == INFINITY);
    assert_true(isnan(ph_prior_quantile(&prior, 1.5)));
    ph_prior_init(&prior, PH_PRIOR_NONE, cut, 0, INFINITY, NULL);
    assert_true(ph_prior_log(&prior, 3, NULL) == 0);
    assert_true(isnan(ph_prior_quantile(&prior, 0.5)));
}

static void draws_have_the_mean(void **state)
{
    (void)state;
    enum { N = 100000 };
    const struct {
        ph_family family;
        double argument[2], lower, upper, mean, sd;
    } known[] = {
        {PH_PRIOR_GAMMA, {2, 3}, 0, INFINITY, 2.0 / 3, sqrt(2) / 3},
        {PH_PRIOR_LOGNORMAL,
         {0, 0.5},
         0,
         INFINITY,
         exp(0.125),
         exp(0.125) * sqrt(exp(0.25) - 1)},
        {PH_PRIOR_NORMAL, {1, 2}, -INFINITY, INFINITY, 1, 2},
        {PH_PRIOR_NORMAL,
         {0, 3},
         0,
         INFINITY,
         3 * sqrt(2 / M_PI),
         3 * sqrt(1 - 2 / M_PI)},
        {PH_PRIOR_HALF_NORMAL,
         {5, 0},
         0,
         INFINITY,
         5 * sqrt(2 / M_PI),
         5 * sqrt(1 - 2 / M_PI)},
        {PH_PRIOR_EXPONENTIAL, {3, 0}, 1, INFINITY, 1 + 1.0 / 3, 1.0 / 3},
        {PH_PRIOR_UNIFORM, {2, 5}, 0, INFINITY, 3.5, sqrt(0.75)},
        {PH_PRIOR_BETA, {2, 3}, 0, 1, 0.4, 0.2},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        ph_prior prior;
        ph_rng stream;
        ph_rng_gsl generator;
        double sum = 0;
        assert_int_equal(ph_prior_init(&prior, known[i].family, known[i].argument,
                                       known[i].lower, known[i].upper, NULL),
                         0);
        ph_rng_init(&stream, 12, PH_RNG_TEST, (uint32_t)i, 0);
        gsl_rng *rng = ph_rng_gsl_init(&generator, &stream);
        for (int k = 0; k < N; k++) {
            sum += draw(&prior, rng);
        }
        assert_near(sum / N, known[i].mean, 5 * known[i].sd / sqrt(N));
    }
}

static void bad_priors_are_refused(void **state)
{
    (void)state;
    const struct {
        ph_family family;
        double argument[2], lower, upper;
        const char *says;
    } bad[] = {
        {PH_PRIOR_GAMMA, {-1, 1}, 0, INFINITY, "shape"},
        {PH_PRIOR_GAMMA, {1, 0}, 0, INFINITY, "rate"},
        {PH_PRIOR_NORMAL, {0, -2}, 0, INFINITY, "sd"},
        {PH_PRIOR_NORMAL, {NAN, 2}, 0, INFINITY, "mean"},
        {PH_PRIOR_UNIFORM, {2, 2}, 0, INFINITY, "lower end"},
        {PH_PRIOR_UNIFORM, {-2, -1}, 0, INFINITY, "outside the support"},
        {PH_PRIOR_GAMMA, {1, 1}, -INFINITY, INFINITY, "support"},
        {PH_PRIOR_BETA, {1, 1}, 0, INFINITY, "support"},
        {PH_PRIOR_NORMAL, {-1e6, 1}, 0, INFINITY, "no mass"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ph_prior prior;
        ph_error error = {0};
        assert_int_equal(ph_prior_init(&prior, bad[i].family, bad[i].argument,
                                       bad[i].lower, bad[i].upper, &error),
                         PH_E_MODEL);
        assert_non_null(strstr(error.message, bad[i].says));
    }
}

int main(void)
{
    gsl_set_error_handler_off();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(priors_integrate_to_one_through_the_transform),
        cmocka_unit_test(derivatives_are_derivatives),
        cmocka_unit_test(derivatives_in_z_are_derivatives),
        cmocka_unit_test(quantiles_invert_the_distribution),
        cmocka_unit_test(known_densities),
        cmocka_unit_test(draws_have_the_distribution),
        cmocka_unit_test(transforms_and_their_jacobians),
        cmocka_unit_test(extremes_are_right),
        cmocka_unit_test(known_quantiles),
        cmocka_unit_test(draws_have_the_mean),
        cmocka_unit_test(bad_priors_are_refused),
    };
    return ph_check_run(tests);
}
