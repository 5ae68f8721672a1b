/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hamiltonian Monte Carlo and the convergence of chains, on what is known exactly. */
#include "test_svgd_targets.h"

#include "check.h"

#include "phasic/svgd/hmc.h"

static ph_svgd_result *run(known *self, uint64_t seed, size_t draws)
{
    ph_svgd_result *result = NULL;
    ph_error error = {0};
    ph_target target = known_target(self);
    ph_hmc_settings settings;
    ph_hmc_defaults(&settings);
    settings.seed = seed;
    settings.draws = draws;
    if (ph_hmc_run(&result, &target, &settings, NULL, &error) < 0) {
        fail_msg("%s", error.message);
    }
    return result;
}

/* Errors of mean, sd and correlation within five of their Monte Carlo errors. */
static void assert_right(known *target, const ph_svgd_result *result)
{
    if (!result->converged) {
        fail_msg("law %d, d %zu: %s; step %.3g, acceptance %.3g", (int)target->law,
                 target->d, result->reasons, result->hmc->step_size,
                 result->hmc->acceptance);
    }
    double share = 1 / sqrt(result->diagnostics.chain_ess);
    known_errors e = known_compare(target, result->n, result->z, result->weight);
    assert_near(e.mean, 0, 5 * share);
    assert_near(e.sd, 0, 5 * share);
    assert_near(e.correlation, 0, 5 * share);
}

static void posteriors(void **state)
{
    (void)state;
    const struct {
        enum law law;
        size_t d;
        double a, b;
    } list[] = {{NORMAL, 1, 0, 0},    {NORMAL, 5, 0, 0},    {NORMAL, 20, 0, 0},
                {LOG_GAMMA, 1, 3, 1}, {LOG_GAMMA, 6, 2, 1}, {BANANA, 2, 0.5, 1},
                {STUDENT, 3, 12, 0}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        known target;
        known_init(&target, list[i].law, list[i].d, list[i].a, list[i].b);
        known_condition(&target, 1e4, 5 + i);
        ph_svgd_result *result = run(&target, 1 + i, 8000);
        assert_right(&target, result);
        ph_svgd_result_free(result);
        known_free(&target);
    }
}

/* Modes the chains do not travel between: not converged, in few and many dimensions. */
static void separate_modes_are_not_converged(void **state)
{
    (void)state;
    const size_t dimensions[] = {1, 2, 12};
    for (size_t i = 0; i < 3; i++) {
        known target;
        known_init(&target, TWO_NORMALS, dimensions[i], 5, 0.3);
        ph_svgd_result *result = run(&target, 3, 4000);
        assert_int_equal(result->n_modes, 2);
        assert_int_equal(result->converged, 0);
        assert_non_null(strstr(result->reasons, "between the modes"));
        ph_svgd_result_free(result);
        known_free(&target);
    }
}

static void same_seed_same_bytes(void **state)
{
    (void)state;
    known target;
    known_init(&target, LOG_GAMMA, 2, 2, 1);
    ph_svgd_result *a = run(&target, 7, 800), *b = run(&target, 7, 800);
    ph_svgd_result *c = run(&target, 8, 800);
    assert_memory_equal(a->z, b->z, 800 * 2 * sizeof(double));
    assert_memory_not_equal(a->z, c->z, 800 * 2 * sizeof(double));
    ph_svgd_result_free(a);
    ph_svgd_result_free(b);
    ph_svgd_result_free(c);
    known_free(&target);
}

static void bad_settings_and_errors(void **state)
{
    (void)state;
    known target;
    known_init(&target, NORMAL, 2, 0, 0);
    ph_target t = known_target(&target);
    ph_svgd_result *result = NULL;
    ph_hmc_settings settings;
    ph_hmc_defaults(&settings);
    settings.draws = 4001;
    assert_int_equal(ph_hmc_run(&result, &t, &settings, NULL, NULL), PH_E_USAGE);
    ph_hmc_defaults(&settings);
    settings.warm_up = 10;
    assert_int_equal(ph_hmc_run(&result, &t, &settings, NULL, NULL), PH_E_USAGE);
    ph_hmc_defaults(&settings);
    const size_t calls[] = {1, 20, 100, 500};
    for (size_t i = 0; i < 4; i++) {
        target.calls = 0;
        target.fail_at = calls[i];
        assert_int_equal(ph_hmc_run(&result, &t, &settings, NULL, NULL), PH_E_INPUT);
        assert_null(result);
    }
    known_free(&target);
}

enum { CHAINS = 8, STEPS = 2000 };

/* Autoregressive chains x_t = r x_{t-1} + noise of variance 1 - r^2. */
static void autoregression(double r, uint64_t seed, double *x)
{
    for (uint32_t c = 0; c < CHAINS; c++) {
        ph_rng stream;
        ph_rng_init(&stream, seed, PH_RNG_TEST, c, 0);
        double last = ph_rng_normal(&stream);
        for (int t = 0; t < STEPS; t++) {
            last = r * last + sqrt(1 - r * r) * ph_rng_normal(&stream);
            x[c * STEPS + t] = last;
        }
    }
}

/* The effective size of the mean of such chains is n (1 - r) / (1 + r). */
static void effective_size_of_autoregressions(void **state)
{
    (void)state;
    static const double r[] = {-0.5, 0, 0.3, 0.9};
    double *x = calloc(CHAINS * STEPS, sizeof *x), mean = 0;
    for (size_t i = 0; i < 4; i++) {
        ph_mixing mixing;
        autoregression(r[i], 3 + i, x);
        assert_int_equal(ph_mixing_of(CHAINS, STEPS, x, &mixing), 0);
        mean = CHAINS * STEPS * (1 - r[i]) / (1 + r[i]);
        assert_close(mixing.ess_mean, mean, 0.15);
        assert_close(mixing.ess_bulk, mean, 0.15);
        assert_true(mixing.rhat < 1.02 && mixing.rhat > 0.999);
        /* indicators forget faster than the values of a slow chain */
        assert_true(r[i] < 0.5 || mixing.ess_tail > 1.2 * mean);
    }
    free(x);
}

/* One chain shifted by s sd: within 1, between s^2 (1/8)(7/8) 16/15 of 16 halves. */
static void rhat_by_hand(void **state)
{
    (void)state;
    double *x = calloc(CHAINS * STEPS, sizeof *x);
    ph_mixing mixing;
    autoregression(0, 5, x);
    for (int t = 0; t < STEPS; t++) {
        x[t] += 0.5;
    }
    assert_int_equal(ph_mixing_of(CHAINS, STEPS, x, &mixing), 0);
    double between = 0.25 / 8 * 7 / 8 * 16 / 15;
    assert_near(mixing.rhat, sqrt(1 + between / (1 - between / 2)), 0.004);
    /* one chain twice as wide is seen by the folded values only */
    autoregression(0, 5, x);
    for (int t = 0; t < STEPS; t++) {
        x[t] *= 2;
    }
    assert_int_equal(ph_mixing_of(CHAINS, STEPS, x, &mixing), 0);
    assert_true(mixing.rhat > 1.01);
    /* heavy tails do not matter to ranks: a monotone map changes nothing */
    ph_mixing mapped;
    for (int i = 0; i < CHAINS * STEPS; i++) {
        x[i] = sinh(5 * x[i]);
    }
    assert_int_equal(ph_mixing_of(CHAINS, STEPS, x, &mapped), 0);
    assert_close(mapped.ess_bulk, mixing.ess_bulk, 1e-12);
    assert_close(mapped.ess_tail, mixing.ess_tail, 1e-12);
    for (int i = 0; i < CHAINS * STEPS; i++) {
        x[i] = 4;
    }
    assert_int_equal(ph_mixing_of(CHAINS, STEPS, x, &mixing), 0);
    assert_true(isnan(mixing.rhat) && isnan(mixing.ess_bulk));
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posteriors),
        cmocka_unit_test(separate_modes_are_not_converged),
        cmocka_unit_test(same_seed_same_bytes),
        cmocka_unit_test(bad_settings_and_errors),
        cmocka_unit_test(effective_size_of_autoregressions),
        cmocka_unit_test(rhat_by_hand),
    };
    gsl_set_error_handler_off();
    return ph_check_run(tests);
}
