/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random targets with known moments: "converged" is never said where a mean is off by
 * more than the tolerance (in sd) or a standard deviation by more than its own; and
 * larger dimensions than the fast tests have time for.
 */
#include "../unit/test_svgd_targets.h"

#include "check.h"

#include <stdio.h>

static ph_svgd_result *run_with(known *self, const ph_svgd_settings *settings)
{
    ph_svgd_result *result = NULL;
    ph_error error = {0};
    ph_target target = known_target(self);
    if (ph_svgd_run(&result, &target, settings, NULL, &error) < 0) {
        fail_msg("%s", error.message);
    }
    return result;
}

static ph_svgd_result *run(known *self, uint64_t seed)
{
    ph_svgd_settings settings;
    ph_svgd_defaults(&settings);
    settings.seed = seed;
    return run_with(self, &settings);
}

/* A target drawn at random: law, dimension, shape, scale, rotation. */
static void random_target(known *self, uint32_t number)
{
    ph_rng stream;
    ph_rng_init(&stream, 2024, PH_RNG_TEST, number, 1);
    double u = ph_rng_uniform(&stream), v = ph_rng_uniform(&stream);
    size_t d = 1 + (size_t)(ph_rng_uniform(&stream) * 6);
    switch (number % 6) {
    case 0: known_init(self, NORMAL, d, 0, 0); break;
    case 1: known_init(self, LOG_GAMMA, d, 0.4 * exp(4 * u), exp(6 * v - 3)); break;
    case 2: known_init(self, BANANA, d < 2 ? 2 : d, 0.2 + 1.2 * u, 0.3 + v); break;
    case 3: known_init(self, TWO_NORMALS, d, 0.5 + 4 * u, 0.1 + 0.8 * v); break;
    case 4: known_init(self, STUDENT, d, 2.5 + 10 * u, 0); break;
    default: known_init(self, LOG_GAMMA, 9 + d, 1 + 4 * u, 1); break;
    }
    self->start_scale = self->law == TWO_NORMALS ? 5 : 3;
    for (size_t i = 0; i < self->d; i++) {
        known_scale_row(self, i, exp(4 * ph_rng_uniform(&stream) - 2));
    }
    known_mix(self, number, 1);
}

static void never_a_false_converged(void **state)
{
    (void)state;
    int converged = 0, wrong = 0;
    for (uint32_t number = 0; number < 100; number++) {
        known target;
        random_target(&target, number);
        ph_svgd_result *result = run(&target, number + 1);
        known_errors e = known_compare(&target, result->n, result->z, result->weight);
        if (result->converged) {
            converged++;
            if (!(e.mean <= 0.05 && e.sd <= 0.05)) {
                wrong++;
                print_message(
                    "# target %u (law %d, d %zu, a %.3g, b %.3g): mean off by "
                    "%.3f sd, sd by %.3f\n",
                    number, (int)target.law, target.d, target.a, target.b, e.mean,
                    e.sd);
            }
        }
        ph_svgd_result_free(result);
        known_free(&target);
    }
    print_message("# %d of 100 converged, %d of them wrongly\n", converged, wrong);
    assert_int_equal(wrong, 0);
    assert_true(converged >= 70);
}

/* Particles as they are, moved by every algorithm, kernel and start in turn. */
static void no_false_converged_of_particles(void **state)
{
    (void)state;
    int converged = 0, wrong = 0;
    for (uint32_t number = 0; number < 120; number++) {
        known target;
        ph_svgd_settings settings;
        random_target(&target, number);
        ph_svgd_defaults(&settings);
        settings.seed = number + 1;
        settings.particles = 96;
        settings.algorithm = (ph_algorithm)(PH_SVGD_PLAIN + number / 6 % 3);
        settings.initial = number / 18 % 3 ? PH_INITIAL_LAPLACE : PH_INITIAL_PRIOR;
        settings.classical.shape = number / 2 % 2 ? PH_SHAPE_IMQ : PH_SHAPE_RBF;
        settings.classical.linear = number / 3 % 2;
        settings.classical.metric = (ph_metric)(number / 4 % 3);
        settings.classical.learning_rate = 0.05;
        settings.classical.iterations = 300;
        if (settings.algorithm == PH_SVGD_NEWTON) {
            settings.initial = PH_INITIAL_LAPLACE;
        }
        ph_svgd_result *result = run_with(&target, &settings);
        known_errors e = known_compare(&target, result->n, result->z, result->weight);
        int off = !(e.mean <= 0.05 && e.sd <= expm1(0.05)); /* log sd is judged */
        converged += result->converged;
        wrong += result->converged && off;
        if (result->converged && off) {
            print_message(
                "# target %u (law %d, d %zu): mean off by %.3f sd, sd by %.3f\n",
                number, (int)target.law, target.d, e.mean, e.sd);
        }
        ph_svgd_result_free(result);
        known_free(&target);
    }
    print_message("# %d of 120 converged, %d of them wrongly\n", converged, wrong);
    assert_int_equal(wrong, 0);
    assert_true(converged >= 10);
}

/* Worst error of the weighted 2.5 and 97.5 % quantiles of a normal, in sd. */
static double worst_quantile(const known *self, const ph_svgd_result *result)
{
    size_t d = self->d;
    double *mean = calloc(d, sizeof *mean), *c = calloc(d * d, sizeof *c), worst = 0;
    known_moments(self, mean, c);
    for (size_t k = 0; k < d; k++) {
        for (int side = 0; side < 2; side++) {
            double p = side ? 0.975 : 0.025, sd = sqrt(c[k * (d + 1)]);
            double truth = mean[k] + gsl_cdf_ugaussian_Pinv(p) * sd;
            double q = known_quantile(result->n, d, result->z, result->weight, k, p);
            worst = fmax(worst, fabs(q - truth) / sd);
        }
    }
    free(mean);
    free(c);
    return worst;
}

/* Condition 1e4, a rotation of its own for every seed: what is promised of means, sds,
 * quantiles and correlations holds of all of them. */
static void gaussians_up_to_fifty_dimensions(void **state)
{
    (void)state;
    const size_t dimensions[] = {5, 20, 50};
    for (uint64_t seed = 1; seed <= 4; seed++) {
        for (size_t i = 0; i < 3; i++) {
            known target;
            known_init(&target, NORMAL, dimensions[i], 0, 0);
            known_condition(&target, 1e4, 2 + seed);
            ph_svgd_result *result = run(&target, seed);
            known_errors e =
                known_compare(&target, result->n, result->z, result->weight);
            double quantile = worst_quantile(&target, result);
            print_message("# d %zu, seed %u: mean %.4f, sd %.4f, correlation %.4f, "
                          "quantile %.3f\n",
                          dimensions[i], (unsigned)seed, e.mean, e.sd, e.correlation,
                          quantile);
            assert_near(e.mean, 0, 0.03);
            assert_near(e.sd, 0, 0.03);
            assert_near(e.correlation, 0, 0.03);
            assert_near(quantile, 0, 0.1);
            assert_int_equal(result->converged, 1);
            ph_svgd_result_free(result);
            known_free(&target);
        }
    }
}

/* Independent logs of gamma variables under a random rotation. */
static ph_svgd_result *rotated_log_gammas(known *target, size_t d, uint64_t seed)
{
    known_init(target, LOG_GAMMA, d, 3, 1);
    known_mix(target, 30 + seed, 2);
    ph_svgd_result *result = run(target, seed);
    known_errors e = known_compare(target, result->n, result->z, result->weight);
    assert_near(e.mean, 0, 0.03);
    assert_near(e.sd, 0, 0.03);
    assert_near(e.correlation, 0, 0.03);
    assert_int_equal(result->converged, 1);
    return result;
}

/* Products beyond the features of one Gram matrix, and no normal law. */
static void thirty_rotated_log_gammas(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        known target;
        ph_svgd_result_free(rotated_log_gammas(&target, 30, seed));
        known_free(&target);
    }
}

static void twenty_rotated_log_gammas(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        known target;
        ph_svgd_result *result = rotated_log_gammas(&target, 20, seed);
        assert_near(result->diagnostics.log_evidence, 20 * lgamma(3),
                    5 * result->diagnostics.log_evidence_error);
        ph_svgd_result_free(result);
        known_free(&target);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaussians_up_to_fifty_dimensions),
        cmocka_unit_test(thirty_rotated_log_gammas),
        cmocka_unit_test(twenty_rotated_log_gammas),
        cmocka_unit_test(never_a_false_converged),
        cmocka_unit_test(no_false_converged_of_particles),
    };
    gsl_set_error_handler_off();
    return ph_check_run(tests);
}
