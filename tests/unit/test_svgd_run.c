/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The four stages on posteriors that are known exactly. */
#include "test_svgd_targets.h"

#include "check.h"

#include <gsl/gsl_randist.h>
#include <stdio.h>

/* The accuracy that is promised (sd, relative, correlation, sd). */
#define MEAN_WITHIN        0.03
#define SD_WITHIN          0.03
#define CORRELATION_WITHIN 0.03
#define QUANTILE_WITHIN    0.1

static ph_svgd_result *run(known *self, ph_svgd_settings *settings)
{
    ph_svgd_result *result = NULL;
    ph_error error = {0};
    ph_target target = known_target(self);
    int status = ph_svgd_run(&result, &target, settings, NULL, &error);
    if (status < 0) {
        fail_msg("status %d: %s", status, error.message);
    }
    return result;
}

static ph_svgd_settings defaults(uint64_t seed)
{
    ph_svgd_settings settings;
    ph_svgd_defaults(&settings);
    settings.seed = seed;
    return settings;
}

static void assert_accurate(const known *self, const ph_svgd_result *result)
{
    known_errors e = known_compare(self, result->n, result->z, result->weight);
    assert_near(e.mean, 0, MEAN_WITHIN);
    assert_near(e.sd, 0, SD_WITHIN);
    assert_near(e.correlation, 0, CORRELATION_WITHIN);
    if (!result->converged) {
        fail_msg("not converged: %s", result->reasons);
    }
    double sum = 0, least = 0;
    for (size_t i = 0; i < result->n; i++) {
        sum += result->weight[i];
        least = fmin(least, result->raw_weight[i]);
    }
    assert_close(sum, 1, 1e-9);
    assert_true(least >= 0);
}

/* The weighted 2.5 and 97.5 % quantiles of coordinate k against the exact ones. */
static void assert_quantiles(const known *self, const ph_svgd_result *result, size_t k,
                             double low, double high, double sd)
{
    for (int side = 0; side < 2; side++) {
        double q = known_quantile(result->n, self->d, result->z, result->weight, k,
                                  side ? 0.975 : 0.025);
        assert_near((q - (side ? high : low)) / sd, 0, QUANTILE_WITHIN);
    }
}

static void assert_normal_quantiles(const known *self, const ph_svgd_result *result)
{
    size_t d = self->d;
    double *mean = calloc(d, sizeof *mean), *c = calloc(d * d, sizeof *c);
    double far = gsl_cdf_ugaussian_Pinv(0.975);
    known_moments(self, mean, c);
    for (size_t k = 0; k < d; k++) {
        double sd = sqrt(c[k * (d + 1)]);
        assert_quantiles(self, result, k, mean[k] - far * sd, mean[k] + far * sd, sd);
    }
    free(mean);
    free(c);
}

static void gaussians(void **state)
{
    (void)state;
    const size_t dimensions[] = {1, 5, 20};
    for (size_t i = 0; i < 3; i++) {
        known target;
        known_init(&target, NORMAL, dimensions[i], 0, 0);
        known_condition(&target, 1e4, 11 + i);
        target.shift[0] = 100;
        ph_svgd_settings settings = defaults(1);
        ph_svgd_result *result = run(&target, &settings);
        assert_accurate(&target, result);
        assert_normal_quantiles(&target, result);
        /* the evidence of a density that lacks its constant */
        double log_det = 0; /* of A: row scales only, rotations have none */
        for (size_t k = 0; k < target.d && target.d > 1; k++) {
            log_det += 0.5 * log(1e4) * (double)k / (double)(target.d - 1);
        }
        double truth = 0.5 * (double)target.d * log(2 * M_PI) + log_det;
        assert_near(result->diagnostics.log_evidence, truth,
                    5 * result->diagnostics.log_evidence_error + 1e-3);
        ph_svgd_result_free(result);
        known_free(&target);
    }
}

static void log_gamma_case(double shape, double rate, uint64_t seed)
{
    known target;
    known_init(&target, LOG_GAMMA, 1, shape, rate);
    target.shift[0] = 0;
    ph_svgd_settings settings = defaults(seed);
    ph_svgd_result *result = run(&target, &settings);
    assert_accurate(&target, result);
    double mean, variance;
    known_moments(&target, &mean, &variance);
    for (int side = 0; side < 2; side++) {
        double p = side ? 0.975 : 0.025;
        double truth = log(gsl_cdf_gamma_Pinv(p, shape, 1 / rate));
        double q = known_quantile(result->n, 1, result->z, result->weight, 0, p);
        assert_near((q - truth) / sqrt(variance), 0, QUANTILE_WITHIN);
    }
    assert_near(result->diagnostics.log_evidence, lgamma(shape) - shape * log(rate),
                5 * result->diagnostics.log_evidence_error + 1e-3);
    ph_svgd_result_free(result);
    known_free(&target);
}

static void log_gammas(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        log_gamma_case(12, 3, seed);
        log_gamma_case(1.5, 3, seed);
    }
}

/*
 * Conjugate posterior of an exponential rate, gamma(2, 1 unit) prior and 40
 * observations, in units from 1e-6 to 1e6: in z = log rate only the place changes. The
 * starts do not follow: they come from the prior in a fixed unit, as a user's would.
 */
static void conjugate_rate_in_any_unit(void **state)
{
    (void)state;
    for (int power = -6; power <= 6; power += 3) {
        double unit = pow(10, power), shape = 2 + 40, rate = unit * (1 + 40 * 0.7);
        known target;
        known_init(&target, LOG_GAMMA, 1, shape, rate);
        target.start_scale = 4;
        ph_svgd_settings settings = defaults(3);
        ph_svgd_result *result = run(&target, &settings);
        assert_accurate(&target, result);
        double scaled = 0; /* E rate, by the weighted draws: shape / rate */
        for (size_t i = 0; i < result->n; i++) {
            scaled += result->weight[i] * exp(result->z[i]);
        }
        assert_close(scaled, shape / rate, 0.03 / sqrt(shape));
        ph_svgd_result_free(result);
        known_free(&target);
    }
}

/* Coordinates in wildly different units: nothing but the frame may notice. */
static void units_do_not_matter(void **state)
{
    (void)state;
    known target;
    known_init(&target, LOG_GAMMA, 3, 3, 1);
    known_mix(&target, 8, 1);
    known_scale_row(&target, 0, 1e-6);
    known_scale_row(&target, 2, 1e6);
    ph_svgd_settings settings = defaults(5);
    ph_svgd_result *result = run(&target, &settings);
    assert_accurate(&target, result);
    ph_svgd_result_free(result);
    known_free(&target);
}

/* P(x1 < x) of a banana with a = b = 1: over x0, a normal probability. */
static double banana_below(double x)
{
    double sum = 0;
    for (double u = -9; u <= 9; u += 0.01) {
        sum += 0.01 * gsl_ran_ugaussian_pdf(u) * gsl_cdf_ugaussian_P(x - u * u + 1);
    }
    return sum;
}

/* 0.7 N(-4, 1) + 0.3 N(4, 1) */
static double mixture_below(double x)
{
    return 0.7 * gsl_cdf_ugaussian_P(x + 4) + 0.3 * gsl_cdf_ugaussian_P(x - 4);
}

/* Where an increasing function reaches p. */
static double inverse(double (*f)(double), double p)
{
    double low = -50, high = 50;
    for (int i = 0; i < 60; i++) {
        double middle = 0.5 * (low + high);
        *(f(middle) < p ? &low : &high) = middle;
    }
    return low;
}

static void banana(void **state)
{
    (void)state;
    known target;
    known_init(&target, BANANA, 2, 1, 1);
    ph_svgd_settings settings = defaults(2);
    ph_svgd_result *result = run(&target, &settings);
    assert_accurate(&target, result);
    double far = gsl_cdf_ugaussian_Pinv(0.975);
    assert_quantiles(&target, result, 0, -far, far, 1);
    assert_quantiles(&target, result, 1, inverse(banana_below, 0.025),
                     inverse(banana_below, 0.975), sqrt(3));
    ph_svgd_result_free(result);
    known_free(&target);
}

/*
 * Two modes with weights 0.3 and 0.7: each holds its share, and the draws too. The
 * mean, in sd of the whole, hangs on the shares alone.
 */
static void bimodal(void **state)
{
    (void)state;
    known target;
    known_init(&target, TWO_NORMALS, 2, 4, 0.3);
    ph_svgd_settings settings = defaults(2);
    settings.draws = 1000;
    ph_svgd_result *result = run(&target, &settings);
    assert_accurate(&target, result);
    assert_quantiles(&target, result, 0, inverse(mixture_below, 0.025),
                     inverse(mixture_below, 0.975), sqrt(1 + 4 * 0.3 * 0.7 * 16));
    assert_int_equal(result->n_modes, 2);
    assert_near(result->mode[0].weight, 0.7, 0.03);
    assert_near(result->mode[1].weight, 0.3, 0.03);
    assert_true(result->mode[0].z[0] < 0 && result->mode[1].z[0] > 0);
    double above = 0;
    for (size_t i = 0; i < result->draws; i++) {
        above += result->draw[2 * i] > 0;
    }
    assert_near(above / 1000, 0.3, 0.03);
    assert_near(result->diagnostics.log_evidence, log(2 * M_PI),
                5 * result->diagnostics.log_evidence_error);
    ph_svgd_result_free(result);
    known_free(&target);
}

/* Two modes in each coordinate: 32 in all, all with the same mass. */
static void many_modes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        known target;
        known_init(&target, ALL_TWO_NORMALS, 5, 4, 0.5);
        ph_svgd_settings settings = defaults(seed);
        ph_svgd_result *result = run(&target, &settings);
        assert_true(result->n_modes >= 31);
        if (result->converged) {
            assert_accurate(&target, result);
        }
        ph_svgd_result_free(result);
        known_free(&target);
    }
}

/* A spike that no start leads to, with more mass than all else. */
static int needle_eval(void *context, size_t n, const double *z, double *log_p,
                       double *score)
{
    (void)context;
    for (size_t i = 0; i < n; i++) {
        double x = z[i], u = (x - 2) / 0.01;
        double wide = exp(-0.5 * x * x), thin = 300 * exp(-0.5 * u * u);
        log_p[i] = log(wide + thin);
        if (score) {
            score[i] = -(wide * x + thin * u / 0.01) / (wide + thin);
        }
    }
    return 0;
}

static int needle_start(void *context, uint64_t seed, uint32_t index, double *z)
{
    (void)context;
    (void)seed;
    *z = (double)(index % 16) / 8 - 1.5;
    return 0;
}

static void a_missed_mode_is_found_by_draws(void **state)
{
    (void)state;
    const ph_target target = {.d = 1, .eval = needle_eval, .start = needle_start};
    for (uint64_t seed = 1; seed <= 5; seed++) {
        ph_svgd_settings settings = defaults(seed);
        ph_svgd_result *result;
        ph_error error = {0};
        double mean = 0;
        assert_int_equal(ph_svgd_run(&result, &target, &settings, NULL, &error), 0);
        for (size_t i = 0; i < result->n; i++) {
            mean += result->weight[i] * result->z[i];
        }
        assert_int_equal(result->n_modes, 2);
        assert_int_equal(result->converged, 1);
        assert_near(mean, 1.5, 0.03); /* three quarters at 2 */
        ph_svgd_result_free(result);
    }
}

/*
 * A thin shoulder: half a hundredth of the mass eight sd away makes a third of the
 * variance, and the search for modes starts too near to the main mass to see it.
 */
static void a_thin_shoulder(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        known target;
        known_init(&target, TWO_NORMALS, 3, 4, 0.005);
        known_mix(&target, seed, 2);
        target.start_scale = 0.3;
        target.start_center = -4;
        ph_svgd_settings settings = defaults(seed);
        ph_svgd_result *result = run(&target, &settings);
        assert_accurate(&target, result);
        ph_svgd_result_free(result);
        known_free(&target);
    }
}

/*
 * Beyond the reach of importance sampling chains cannot weigh modes that they do not
 * travel between: the verdict is no.
 */
static void bimodal_in_many_dimensions(void **state)
{
    (void)state;
    const double share[] = {0.5, 0.3};
    for (int i = 0; i < 2; i++) {
        for (uint64_t seed = 1; seed <= 2; seed++) {
            known target;
            known_init(&target, TWO_NORMALS, 12, 4.5, share[i]);
            if (seed == 2) { /* along no axis */
                known_mix(&target, 5, 1);
            }
            ph_svgd_settings settings = defaults(seed);
            ph_svgd_result *result = run(&target, &settings);
            assert_int_equal(result->n_modes, 2);
            assert_non_null(strstr(result->reasons, "too few to weigh them"));
            assert_int_equal(result->converged, 0);
            ph_svgd_result_free(result);
            known_free(&target);
        }
    }
}

/* One mode, chains: the crossings that are asked of several do not stand in its way. */
static void unimodal_in_many_dimensions(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        known target;
        known_init(&target, seed == 1 ? LOG_GAMMA : NORMAL, 12, 3, 1);
        known_mix(&target, seed, 2);
        ph_svgd_settings settings = defaults(seed);
        ph_svgd_result *result = run(&target, &settings);
        assert_int_equal(result->n_modes, 1);
        assert_int_equal(result->diagnostics.used_chains, 1);
        assert_int_equal(result->diagnostics.mode_changes, 0);
        assert_accurate(&target, result);
        ph_svgd_result_free(result);
        known_free(&target);
    }
}

/* Equal-weight draws: right law, distinct, and in no order. */
static void equal_weight_draws(void **state)
{
    (void)state;
    known target;
    known_init(&target, LOG_GAMMA, 1, 1.5, 1);
    ph_svgd_settings settings = defaults(7);
    ph_svgd_result *result = run(&target, &settings);
    assert_int_equal(result->draws, 200);
    known_errors e = known_compare(&target, 200, result->draw, NULL);
    assert_near(e.mean, 0, 0.05);
    assert_near(e.sd, 0, 0.08);
    double lag = 0;
    for (size_t i = 0; i < 200; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(result->draw[i] != result->draw[j]);
        }
    }
    double mean, variance;
    known_moments(&target, &mean, &variance);
    for (size_t i = 1; i < 200; i++) {
        lag += (result->draw[i] - mean) * (result->draw[i - 1] - mean) / variance / 199;
    }
    assert_near(lag, 0, 0.25);
    ph_svgd_result_free(result);
    known_free(&target);
}

/* As many draws as are asked for, and not the same ones over again. */
static void many_draws(void **state)
{
    (void)state;
    known target;
    known_init(&target, LOG_GAMMA, 1, 1.5, 1);
    ph_svgd_settings settings = defaults(3);
    settings.draws = 8000;
    ph_svgd_result *result = run(&target, &settings);
    assert_true(result->diagnostics.ess >= 8000);
    double squares = 0; /* of how often each is drawn */
    for (size_t i = 0; i < 2000; i++) {
        for (size_t j = 0; j < result->draws; j++) {
            squares += result->draw[i] == result->draw[j];
        }
    }
    assert_in_range(squares, 2000, 3000);
    ph_svgd_result_free(result);
    known_free(&target);
}

/* What cannot be known must not be called known. */
static void says_not_converged(void **state)
{
    (void)state;
    known target;
    known_init(&target, STUDENT, 1, 1, 0); /* Cauchy: no mean, no sd */
    ph_svgd_settings settings = defaults(4);
    settings.max_batches = 12;
    ph_svgd_result *result = run(&target, &settings);
    assert_false(result->converged);
    assert_true(strlen(result->reasons) > 20);
    ph_svgd_result_free(result);
    known_free(&target);

    known_init(&target, BANANA, 2, 1, 1);
    settings = defaults(4);
    settings.max_batches = 1; /* too few */
    result = run(&target, &settings);
    assert_false(result->converged);
    assert_non_null(strstr(result->reasons, "effective sample size"));
    ph_svgd_result_free(result);
    known_free(&target);
}

static void same_seed_same_bytes(void **state)
{
    (void)state;
    known target;
    known_init(&target, LOG_GAMMA, 3, 1.5, 1);
    known_mix(&target, 6, 1);
    ph_svgd_settings settings = defaults(20);
    ph_svgd_result *a = run(&target, &settings), *b = run(&target, &settings);
    settings.seed = 21;
    ph_svgd_result *c = run(&target, &settings);
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->z, b->z, a->n * 3 * sizeof(double));
    assert_memory_equal(a->weight, b->weight, a->n * sizeof(double));
    assert_memory_equal(a->draw, b->draw, a->draws * 3 * sizeof(double));
    assert_memory_not_equal(a->draw, c->draw, a->draws * 3 * sizeof(double));
    assert_memory_not_equal(a->particle, c->particle, 200 * 3 * sizeof(double));
    ph_svgd_result_free(a);
    ph_svgd_result_free(b);
    ph_svgd_result_free(c);
    known_free(&target);
}

static void errors_come_through(void **state)
{
    (void)state;
    const size_t calls[] = {1, 2, 6, 20, 23};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        known target;
        known_init(&target, LOG_GAMMA, 2, 2, 1);
        target.fail_at = calls[i];
        ph_svgd_settings settings = defaults(1);
        ph_svgd_result *result = NULL;
        ph_error error = {0};
        ph_target t = known_target(&target);
        assert_int_equal(ph_svgd_run(&result, &t, &settings, NULL, &error), PH_E_INPUT);
        assert_null(result);
        assert_int_equal(error.status, PH_E_INPUT);
        known_free(&target);
    }
}

static int nowhere(void *context, size_t n, const double *z, double *log_p,
                   double *score)
{
    (void)context;
    (void)z;
    (void)score;
    for (size_t i = 0; i < n; i++) {
        log_p[i] = -INFINITY;
    }
    return 0;
}

static int nan_value(void *context, size_t n, const double *z, double *log_p,
                     double *score)
{
    int status = known_eval(context, n, z, log_p, score);
    log_p[n - 1] = NAN;
    return status;
}

static void bad_targets_and_settings(void **state)
{
    (void)state;
    known target;
    known_init(&target, NORMAL, 2, 0, 0);
    ph_svgd_settings settings = defaults(1);
    ph_svgd_result *result = NULL;
    ph_error error = {0};
    ph_target t = known_target(&target);
    t.eval = nowhere;
    assert_int_equal(ph_svgd_run(&result, &t, &settings, NULL, &error), PH_E_NUMERIC);
    assert_non_null(strstr(error.message, "starting points"));
    error = (ph_error){0};
    t.eval = nan_value;
    assert_int_equal(ph_svgd_run(&result, &t, &settings, NULL, &error), PH_E_NUMERIC);
    assert_non_null(strstr(error.message, "not a finite number"));
    t = known_target(&target);
    error = (ph_error){0};
    settings.particles = 100;
    assert_int_equal(ph_svgd_run(&result, &t, &settings, NULL, &error), PH_E_USAGE);
    assert_non_null(strstr(error.message, "multiple of 8"));
    settings = defaults(1);
    settings.tolerance_mean = 0;
    assert_int_equal(ph_svgd_run(&result, &t, &settings, NULL, NULL), PH_E_USAGE);
    assert_null(result);
    ph_svgd_result_free(NULL);
    known_free(&target);
}

/*
 * A region outside the model (log p = -inf where z > 1): the normal cut there has mean
 * -phi(1)/Phi(1) and variance 1 - phi(1)/Phi(1) - (phi(1)/Phi(1))^2. The wall has no
 * score, so that Stein's identities have a boundary term and must not be used.
 */
static void region_outside_the_model(void **state)
{
    (void)state;
    known target;
    known_init(&target, NORMAL, 1, 0, 0);
    target.wall = 1;
    ph_svgd_settings settings = defaults(1);
    ph_svgd_result *result = run(&target, &settings);
    double ratio = exp(-0.5) / sqrt(2 * M_PI) / gsl_cdf_ugaussian_P(1);
    double mean = 0, variance = 0;
    for (size_t i = 0; i < result->n; i++) {
        mean += result->weight[i] * result->z[i];
        assert_true(result->raw_weight[i] == 0 || result->z[i] <= 1);
    }
    for (size_t i = 0; i < result->n; i++) {
        variance += result->weight[i] * pow(result->z[i] - mean, 2);
    }
    if (!result->converged) {
        fail_msg("not converged: %s", result->reasons);
    }
    assert_near(mean, -ratio, 0.03);
    assert_close(variance, 1 - ratio - ratio * ratio, 0.06);
    assert_near(result->diagnostics.log_evidence,
                0.5 * log(2 * M_PI) + log(gsl_cdf_ugaussian_P(1)),
                5 * result->diagnostics.log_evidence_error);
    for (size_t i = 0; i < result->draws; i++) {
        assert_true(result->draw[i] <= 1 && isfinite(result->draw_log_p[i]));
    }
    ph_svgd_result_free(result);
    known_free(&target);
}

/* A log-gamma with derived quantities: a constant; and one that the test chooses. */
typedef struct with_derived {
    known law; /* first: the callbacks of the law take it */
    int heavy; /* e^-z, of no variance where the shape is 1.5; else a step */
} with_derived;

static int derive(void *context, size_t n, const double *z, double *value)
{
    const with_derived *self = context;
    for (size_t i = 0; i < n; i++) {
        value[3 * i] = z[i];
        value[3 * i + 1] = 0.1;
        value[3 * i + 2] = self->heavy ? exp(-z[i]) : z[i] < -0.4;
    }
    return 0;
}

static const char *derived_name(void *context, size_t k)
{
    (void)context;
    const char *const name[] = {"z", "constant", "chosen"};
    return name[k];
}

/*
 * Derived quantities are judged as parameters are: a step needs draws until three
 * errors of its mean are 0.006, though z is known exactly from the start; e^-z
 * has no standard deviation, and its name is said.
 */
static void derived_quantities_are_judged(void **state)
{
    (void)state;
    with_derived self = {.heavy = 0};
    known_init(&self.law, LOG_GAMMA, 1, 1.5, 1);
    ph_target target = known_target(&self.law);
    target.natural = derive;
    target.name = derived_name;
    target.n_derived = 2;
    ph_svgd_settings settings = defaults(3);
    settings.tolerance_mean = 0.006;
    ph_svgd_result *result = run(&self.law, &settings);
    size_t alone = result->n;
    assert_int_equal(result->converged, 1);
    ph_svgd_result_free(result);
    assert_int_equal(ph_svgd_run(&result, &target, &settings, NULL, NULL), 0);
    assert_int_equal(result->converged, 1);
    assert_true(result->n > 2 * alone);
    assert_true(3 * result->diagnostics.error_mean > 0.003);
    ph_svgd_result_free(result);

    self.heavy = 1;
    settings.max_batches = 6;
    assert_int_equal(ph_svgd_run(&result, &target, &settings, NULL, NULL), 0);
    assert_int_equal(result->converged, 0);
    assert_non_null(strstr(result->reasons, "tails of chosen are so heavy"));
    ph_svgd_result_free(result);
    known_free(&self.law);
}

typedef struct talk {
    int calls, stop_at, warnings;
} talk;

static int stop_after(void *context, const char *what, double fraction,
                      const char *remark)
{
    talk *self = context;
    (void)what;
    (void)remark;
    assert_true(fraction <= 1);
    return ++self->calls >= self->stop_at;
}

static void note(void *context, int level, const char *text)
{
    talk *self = context;
    self->warnings += level == PH_LOG_WARNING && strstr(text, "nearly flat") != NULL;
}

static void a_signal_stops_it(void **state)
{
    (void)state;
    for (int stop = 1; stop <= 12; stop += 5) {
        known target;
        known_init(&target, LOG_GAMMA, 2, 2, 1);
        talk context = {0, stop, 0};
        ph_log log = {.context = &context, .progress = stop_after};
        ph_svgd_settings settings = defaults(1);
        ph_svgd_result *result = NULL;
        ph_error error = {0};
        ph_target t = known_target(&target);
        assert_int_equal(ph_svgd_run(&result, &t, &settings, &log, &error),
                         PH_E_INTERRUPTED);
        assert_int_equal(context.calls, stop);
        known_free(&target);
    }
}

/* One direction a hundred times wider than the starts: named, and still right. */
static void weak_direction_is_named(void **state)
{
    (void)state;
    known target;
    known_init(&target, NORMAL, 2, 0, 0);
    known_scale_row(&target, 1, 100);
    talk context = {0, 1 << 30, 0};
    ph_log log = {.context = &context, .message = note, .progress = stop_after};
    ph_svgd_settings settings = defaults(1);
    ph_svgd_result *result = NULL;
    ph_target t = known_target(&target);
    target.start_scale = 0.05;
    assert_int_equal(ph_svgd_run(&result, &t, &settings, &log, NULL), 0);
    assert_int_equal(result->mode[0].weak, 1);
    assert_int_equal(context.warnings, 1);
    assert_non_null(strstr(result->reasons, "say little"));
    assert_accurate(&target, result);
    ph_svgd_result_free(result);
    known_free(&target);
}

/* The budget of a cheap fit: 60 scores per particle on a smooth posterior. */
static void budget(void **state)
{
    (void)state;
    known target;
    known_init(&target, LOG_GAMMA, 2, 2, 1);
    known_mix(&target, 2, 1);
    ph_svgd_settings settings = defaults(9);
    ph_svgd_result *result = run(&target, &settings);
    const ph_svgd_diagnostics *d = &result->diagnostics;
    assert_accurate(&target, result);
    assert_true(d->score_evaluations <= 60 * 200);
    assert_true(d->score_evaluations + d->value_evaluations == target.points);
    assert_true(d->iterations >= 5 && d->iterations <= 60);
    assert_true(d->used_chains == 0 && d->ess >= 2000);
    ph_svgd_result_free(result);
    known_free(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaussians),
        cmocka_unit_test(log_gammas),
        cmocka_unit_test(conjugate_rate_in_any_unit),
        cmocka_unit_test(units_do_not_matter),
        cmocka_unit_test(banana),
        cmocka_unit_test(bimodal),
        cmocka_unit_test(many_modes),
        cmocka_unit_test(a_missed_mode_is_found_by_draws),
        cmocka_unit_test(a_thin_shoulder),
        cmocka_unit_test(bimodal_in_many_dimensions),
        cmocka_unit_test(unimodal_in_many_dimensions),
        cmocka_unit_test(equal_weight_draws),
        cmocka_unit_test(many_draws),
        cmocka_unit_test(says_not_converged),
        cmocka_unit_test(same_seed_same_bytes),
        cmocka_unit_test(errors_come_through),
        cmocka_unit_test(bad_targets_and_settings),
        cmocka_unit_test(region_outside_the_model),
        cmocka_unit_test(derived_quantities_are_judged),
        cmocka_unit_test(a_signal_stops_it),
        cmocka_unit_test(weak_direction_is_named),
        cmocka_unit_test(budget),
    };
    gsl_set_error_handler_off();
    return ph_check_run(tests);
}
