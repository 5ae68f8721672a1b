/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Classical SVGD: kernels against differences, optimisers and schedules against values
 * worked out by hand, the spread that particles settle at, and whole runs.
 */
#include "../../src/svgd/bandwidth.h"
#include "../../src/svgd/ensemble.h"
#include "../../src/svgd/linalg.h"
#include "../../src/svgd/optimiser.h"
#include "../../src/svgd/shape.h"

#include "check.h"

#include "test_svgd_targets.h"

/* ---- kernels ---- */

/* The slope is the factor of (u - w) / h^2 in grad_w k: central differences of k. */
static void slopes_are_derivatives(void **state)
{
    (void)state;
    const double h2 = 0.7, u = 0.3, step = 1e-5;
    for (int shape = PH_SHAPE_RBF; shape <= PH_SHAPE_IMQ; shape++) {
        for (double w = -2; w <= 2; w += 0.37) {
            double slope, unused, above = w + step, below = w - step;
            (void)ph_shape_value(shape, (u - w) * (u - w) / h2, &slope);
            double up = ph_shape_value(shape, (u - above) * (u - above) / h2, &unused);
            double down =
                ph_shape_value(shape, (u - below) * (u - below) / h2, &unused);
            assert_near(slope * (u - w) / h2, (up - down) / (2 * step), 1e-9);
            assert_true(slope > 0);
        }
    }
}

/* exp(-q / 2) and (1 + q / 2)^(-1/2) */
static void kernel_values(void **state)
{
    (void)state;
    double slope;
    assert_close(ph_shape_value(PH_SHAPE_RBF, 2, &slope), exp(-1), 1e-15);
    assert_close(ph_shape_value(PH_SHAPE_IMQ, 6, &slope), 0.5, 1e-15);
    assert_close(ph_shape_value(PH_SHAPE_RBF, 0, &slope), 1, 0);
    assert_close(ph_shape_value(PH_SHAPE_IMQ, 0, &slope), 1, 0);
}

/* The direction with every kernel against sums of differenced kernels. */
static double kernel_of(const ph_classical *c, const double *x, const double *y,
                        const double *mean, const double *scale, double h2)
{
    double r2 = 0, inner = 0, unused;
    for (size_t k = 0; k < 2; k++) {
        r2 += scale[k] * (x[k] - y[k]) * (x[k] - y[k]);
        inner += scale[k] * (x[k] - mean[k]) * (y[k] - mean[k]);
    }
    return ph_shape_value(c->shape, r2 / h2, &unused) + (c->linear ? 1 + inner : 0);
}

static void directions_match_differences(void **state)
{
    (void)state;
    enum { N = 5 };
    const double x[2 * N] = {0, 1, -1, 0.5, 2, 0.25, 0.5, -2, 1.5, 3};
    const double s[2 * N] = {1, 0, -0.5, 2, 0.75, -1, 0, 0.5, -2, 1};
    for (int choice = 0; choice < 4; choice++) {
        ph_classical c = {.shape = choice % 2,
                          .linear = choice / 2,
                          .metric = PH_METRIC_DIAGONAL,
                          .bandwidth = PH_BANDWIDTH_NUMBER,
                          .length = 1.3};
        double phi[2 * N], bandwidth, mean[2], covariance[4];
        ph_moments(N, 2, x, NULL, mean, covariance);
        double scale[2] = {1 / covariance[0], 1 / covariance[3]};
        assert_int_equal(ph_classical_direction(&c, N, 2, x, s, phi, &bandwidth), 0);
        assert_close(bandwidth, 1.3, 1e-15);
        for (size_t i = 0; i < N; i++) {
            for (size_t k = 0; k < 2; k++) {
                double sum = 0;
                for (size_t j = 0; j < N; j++) {
                    double up[2] = {x[2 * j], x[2 * j + 1]}, down[2] = {up[0], up[1]};
                    up[k] += 1e-5;
                    down[k] -= 1e-5;
                    const double *at = x + 2 * i;
                    sum +=
                        kernel_of(&c, x + 2 * j, at, mean, scale, 1.69) * s[2 * j + k];
                    sum += (kernel_of(&c, up, at, mean, scale, 1.69) -
                            kernel_of(&c, down, at, mean, scale, 1.69)) /
                           2e-5;
                }
                assert_near(phi[2 * i + k], sum / N, 1e-9);
            }
        }
    }
}

/* Two particles on a flat target part, with every kernel and optimiser. */
static void particles_part(void **state)
{
    (void)state;
    const double x[2] = {0.3, 1.1}, score[2] = {0, 0};
    for (int shape = PH_SHAPE_RBF; shape <= PH_SHAPE_IMQ; shape++) {
        for (int which = PH_OPTIMISER_SGD; which <= PH_OPTIMISER_RMSPROP; which++) {
            ph_classical c = {.shape = shape, .bandwidth = PH_BANDWIDTH_MEDIAN};
            ph_optimiser_state optimiser;
            double phi[2], step[2], bandwidth;
            assert_int_equal(ph_optimiser_init(&optimiser, 2), 0);
            assert_int_equal(
                ph_classical_direction(&c, 2, 1, x, score, phi, &bandwidth), 0);
            ph_optimiser_step(which, &optimiser, phi, step);
            assert_true(step[0] < 0 && step[1] > 0);
            ph_optimiser_clear(&optimiser);
        }
    }
}

/* ---- bandwidths ---- */

/* Particles 0, 1, 3 and 7: distances 1, 2, 3, 4, 6, 7; the upper median is 4. */
static void bandwidths(void **state)
{
    (void)state;
    const double x[4] = {0, 1, 3, 7}, score[4] = {0};
    double phi[4], h;
    ph_classical c = {.bandwidth = PH_BANDWIDTH_MEDIAN};
    assert_int_equal(ph_classical_direction(&c, 4, 1, x, score, phi, &h), 0);
    assert_close(h, 4 / sqrt(2), 1e-15);
    c.bandwidth = PH_BANDWIDTH_MEDIAN_LOG;
    assert_int_equal(ph_classical_direction(&c, 4, 1, x, score, phi, &h), 0);
    assert_close(h, 4 / sqrt(2 * log(5)), 1e-15);
    c.bandwidth = PH_BANDWIDTH_NUMBER;
    c.length = 2.5;
    assert_int_equal(ph_classical_direction(&c, 4, 1, x, score, phi, &h), 0);
    assert_close(h, 2.5, 1e-15);
}

/* One length for each coordinate: units do not matter, and phi scales like a
 * gradient. */
static void bandwidth_per_dimension(void **state)
{
    (void)state;
    enum { N = 4 };
    const double x[2 * N] = {0, 0, 1, 3, 3, 1, 7, 6};
    double scaled[2 * N], zero[2 * N] = {0}, phi[2 * N], again[2 * N], h, factor[4];
    double work[32];
    ph_classical c = {.bandwidth = PH_BANDWIDTH_PER_DIMENSION};
    for (size_t i = 0; i < N; i++) {
        scaled[2 * i] = 1000 * x[2 * i];
        scaled[2 * i + 1] = x[2 * i + 1];
    }
    assert_int_equal(ph_bandwidth_metric(&c, N, 2, x, work, factor), 0);
    assert_close(factor[0], 1.0 / 4, 1e-15); /* h^2 = d median^2 / 2 */
    assert_close(factor[3], 1.0 / 3, 1e-15); /* differences 3, 1, 6, 2, 3, 5 */
    assert_int_equal(ph_classical_direction(&c, N, 2, x, zero, phi, &h), 0);
    assert_true(isnan(h));
    assert_int_equal(ph_classical_direction(&c, N, 2, scaled, zero, again, &h), 0);
    for (size_t i = 0; i < N; i++) {
        assert_close(again[2 * i], phi[2 * i] / 1000, 1e-13);
        assert_close(again[2 * i + 1], phi[2 * i + 1], 1e-13);
    }
}

/* In the particles' own metric the direction follows any linear map. */
static void metric_is_affine_invariant(void **state)
{
    (void)state;
    enum { N = 6 };
    const double x[2 * N] = {0, 1, -1, 0.5, 2, 0.25, 0.5, -2, 1.5, 3, -0.5, 0.1};
    const double s[2 * N] = {1, 0, -0.5, 2, 0.75, -1, 0, 0.5, -2, 1, 0.2, 0.3};
    const double a[4] = {3, 1, 0.5, -2}; /* y = A x */
    const double b[4] = {2, 0.5, 1, -3}; /* 6.5 A'^-1 */
    double y[2 * N], t[2 * N], phi[2 * N], mapped[2 * N], h;
    ph_classical c = {.metric = PH_METRIC_MATRIX, .linear = 1};
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < 2; k++) {
            y[2 * i + k] = ph_dot(2, a + 2 * k, x + 2 * i);
            t[2 * i + k] = ph_dot(2, b + 2 * k, s + 2 * i) / 6.5;
        }
    }
    assert_int_equal(ph_classical_direction(&c, N, 2, x, s, phi, &h), 0);
    assert_int_equal(ph_classical_direction(&c, N, 2, y, t, mapped, &h), 0);
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < 2; k++) {
            assert_near(mapped[2 * i + k], ph_dot(2, b + 2 * k, phi + 2 * i) / 6.5,
                        1e-12);
        }
    }
}

static void particles_that_coincide(void **state)
{
    (void)state;
    const double x[4] = {1, 1, 1, 1}, s[4] = {0};
    double phi[4], h;
    for (int rule = PH_BANDWIDTH_MEDIAN; rule <= PH_BANDWIDTH_PER_DIMENSION; rule++) {
        ph_classical c = {.bandwidth = rule};
        assert_int_equal(ph_classical_direction(&c, 4, 1, x, s, phi, &h), PH_E_NUMERIC);
    }
    ph_classical c = {.metric = PH_METRIC_MATRIX};
    assert_int_equal(ph_classical_direction(&c, 4, 1, x, s, phi, &h), PH_E_NUMERIC);
}

/* ---- optimisers and schedules ---- */

/* Two steps along 2, then -1. */
static void optimiser_steps(void **state)
{
    (void)state;
    const struct {
        ph_optimiser which;
        double first, second;
    } row[] = {
        {PH_OPTIMISER_SGD, 2, -1},
        {PH_OPTIMISER_MOMENTUM, 2, 0.8},
        /* m = 0.2, v = 0.004: 2 / 2; then m = 0.08 over 0.19, v = 0.004996 over
         * 0.001999 */
        {PH_OPTIMISER_ADAM, 1, (0.08 / 0.19) / sqrt(0.004996 / 0.001999)},
        {PH_OPTIMISER_ADAGRAD, 1, -1 / sqrt(5)},
        {PH_OPTIMISER_RMSPROP, 2 / sqrt(0.4), -1 / sqrt(0.46)},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        ph_optimiser_state self;
        double step, up = 2, down = -1;
        assert_int_equal(ph_optimiser_init(&self, 1), 0);
        ph_optimiser_step(row[i].which, &self, &up, &step);
        assert_close(step, row[i].first, 1e-7);
        ph_optimiser_step(row[i].which, &self, &down, &step);
        assert_close(step, row[i].second, 1e-7);
        ph_optimiser_clear(&self);
    }
}

static void schedules(void **state)
{
    (void)state;
    ph_classical c = {.learning_rate = 0.5, .schedule_time = 10, .schedule_last = 0.1};
    assert_close(ph_schedule_rate(&c, 7, 0, 0, 0), 0.5, 0);
    c.schedule = PH_SCHEDULE_EXPONENTIAL;
    assert_close(ph_schedule_rate(&c, 0, 0, 0, 0), 0.5, 1e-15);
    assert_close(ph_schedule_rate(&c, 10, 0, 0, 0), 0.1 + 0.4 * exp(-1), 1e-15);
    c.schedule = PH_SCHEDULE_WARM_UP;
    assert_close(ph_schedule_rate(&c, 0, 0, 0, 0), 0.05, 1e-15);
    assert_close(ph_schedule_rate(&c, 4, 0, 0, 0), 0.25, 1e-15);
    assert_close(ph_schedule_rate(&c, 30, 0, 0, 0), 0.5, 1e-15);
    c.schedule = PH_SCHEDULE_ADAPTIVE;
    assert_close(ph_schedule_rate(&c, 0, 0, -1, 9), 0.5, 1e-15);
    assert_close(ph_schedule_rate(&c, 1, 0.3, 0.5, 1), 0.345, 1e-15);
    assert_close(ph_schedule_rate(&c, 1, 0.3, -0.2, 1), 0.18, 1e-15);
    assert_close(ph_schedule_rate(&c, 1, 0.3, 0.5, 1.03), 0.18, 1e-15);
    assert_close(ph_schedule_rate(&c, 1, 0.15, -0.2, 1), 0.1, 1e-15); /* not below */
    assert_close(ph_schedule_rate(&c, 1, 0.5, 0.5, 1), 0.5, 1e-15);   /* nor above */
}

static void penalty_fades(void **state)
{
    (void)state;
    ph_classical c = {.penalty_weight = 4, .iterations = 5};
    assert_close(ph_fade_weight(&c, 4), 4, 0);
    c.fade = PH_FADE_LINEAR;
    assert_close(ph_fade_weight(&c, 0), 4, 1e-15);
    assert_close(ph_fade_weight(&c, 1), 3, 1e-15);
    assert_near(ph_fade_weight(&c, 4), 0, 0);
}

/* ---- the spread at rest ---- */

/* Root mean square sd of N particles on N(0, I_d) after many plain steps. */
static double spread(const ph_classical *c, size_t n, size_t d, double rate)
{
    double *x = calloc(n * d, sizeof *x), *s = calloc(n * d, sizeof *s);
    double *phi = calloc(n * d, sizeof *phi), mean[5], covariance[25], h, sum = 0;
    ph_rng stream;
    ph_rng_init(&stream, 1, PH_RNG_TEST, 0, 0);
    for (size_t i = 0; i < n * d; i++) {
        x[i] = ph_rng_normal(&stream);
    }
    for (int step = 0; step < (d == 1 ? 2000 : 700); step++) {
        for (size_t i = 0; i < n * d; i++) {
            s[i] = -x[i];
        }
        assert_int_equal(ph_classical_direction(c, n, d, x, s, phi, &h), 0);
        for (size_t i = 0; i < n * d; i++) {
            x[i] += rate * phi[i];
        }
    }
    ph_moments(n, d, x, NULL, mean, covariance);
    for (size_t k = 0; k < d; k++) {
        sum += covariance[k * (d + 1)] / (double)d;
        assert_near(mean[k], 0, 0.02);
    }
    free(x);
    free(s);
    free(phi);
    return sqrt(sum);
}

/* The spreads that were measured for these kernels by another program. */
static void spread_at_rest(void **state)
{
    (void)state;
    const struct {
        ph_classical settings;
        double one, five, rate; /* 50 particles in 1, 100 in 5 dimensions */
    } row[] = {
        {{.bandwidth = PH_BANDWIDTH_MEDIAN_LOG}, 0.968, 0.838, 1},
        {{.bandwidth = PH_BANDWIDTH_MEDIAN}, 0.989, 0.978, 1},
        {{.shape = PH_SHAPE_IMQ}, 0.991, 0.978, 1},
        {{.linear = 1}, 0.996, 0.996, 0.5},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_near(spread(&row[i].settings, 50, 1, row[i].rate), row[i].one, 0.005);
        assert_near(spread(&row[i].settings, 100, 5, row[i].rate), row[i].five, 0.01);
    }
}

/* ---- whole runs ---- */

static ph_svgd_settings quick(ph_algorithm algorithm)
{
    ph_svgd_settings settings;
    ph_svgd_defaults(&settings);
    settings.seed = 1;
    settings.algorithm = algorithm;
    settings.particles = 96;
    settings.classical.iterations = 300;
    settings.classical.learning_rate = 0.05;
    settings.classical.schedule = PH_SCHEDULE_EXPONENTIAL;
    settings.classical.schedule_last = 0.001;
    return settings;
}

static ph_svgd_result *run(known *law, const ph_svgd_settings *settings)
{
    ph_svgd_result *result = NULL;
    ph_error error = {0};
    ph_target target = known_target(law);
    if (ph_svgd_run(&result, &target, settings, NULL, &error) != 0) {
        fail_msg("%s", error.message);
    }
    return result;
}

/* Raw particles are what is handed out, equally weighted, each once among the draws. */
static void raw_particles(void **state)
{
    (void)state;
    known law;
    known_init(&law, LOG_GAMMA, 2, 3, 1);
    known_mix(&law, 3, 1);
    ph_svgd_settings settings = quick(PH_SVGD_PLAIN);
    ph_svgd_result *result = run(&law, &settings);
    assert_int_equal(result->n, 96);
    assert_int_equal(result->draws, 96);
    assert_int_equal(result->diagnostics.iterations, 300);
    double sum = 0, drawn = 0;
    for (size_t i = 0; i < result->n; i++) {
        assert_close(result->weight[i], 1.0 / 96, 1e-15);
        sum += result->z[2 * i];
        drawn += result->draw[2 * i];
        assert_close(result->z[2 * i], result->particle[2 * i], 1e-15);
    }
    assert_close(drawn, sum, 1e-12);
    known_errors off = known_compare(&law, result->n, result->z, result->weight);
    assert_true(off.mean < 0.1 && off.sd < 0.15);
    ph_svgd_result_free(result);
    known_free(&law);
}

/* The verdict on particles is right: a good ensemble passes, a collapsed one does not,
 * and the correction mends it. */
static void verdict_on_particles(void **state)
{
    (void)state;
    known law;
    known_init(&law, NORMAL, 5, 0, 0);
    known_condition(&law, 10, 1);
    ph_svgd_settings settings = quick(PH_SVGD_MATRIX);
    settings.classical.linear = 1;
    ph_svgd_result *good = run(&law, &settings);
    known_errors off = known_compare(&law, good->n, good->z, good->weight);
    assert_true(off.mean < 0.05 && off.sd < 0.05);
    assert_true(good->converged);
    ph_svgd_result_free(good);

    settings.classical.linear = 0;
    settings.classical.bandwidth = PH_BANDWIDTH_MEDIAN_LOG;
    settings.classical.optimiser = PH_OPTIMISER_SGD;
    settings.classical.schedule = PH_SCHEDULE_CONSTANT;
    settings.classical.learning_rate = 1;
    ph_svgd_result *collapsed = run(&law, &settings);
    off = known_compare(&law, collapsed->n, collapsed->z, collapsed->weight);
    assert_true(off.sd > 0.1);
    assert_false(collapsed->converged);
    assert_close(collapsed->diagnostics.shift_sd, -log1p(-off.sd), 0.05);
    ph_svgd_result_free(collapsed);

    settings.correct = 1;
    ph_svgd_result *mended = run(&law, &settings);
    off = known_compare(&law, mended->n, mended->z, mended->weight);
    assert_true(mended->converged);
    assert_true(off.mean < 0.03 && off.sd < 0.03);
    ph_svgd_result_free(mended);
    known_free(&law);
}

/* Beyond the dimensions of the check nothing is claimed. */
static void unchecked_is_not_converged(void **state)
{
    (void)state;
    known law;
    known_init(&law, NORMAL, 9, 0, 0);
    ph_svgd_settings settings = quick(PH_SVGD_PLAIN);
    settings.classical.iterations = 20;
    ph_svgd_result *result = run(&law, &settings);
    assert_false(result->converged);
    assert_non_null(strstr(result->reasons, "not checked"));
    ph_svgd_result_free(result);
    known_free(&law);
}

/* Prior starts in two modes: both are found, and every particle has its mode. */
static void starts_from_the_prior(void **state)
{
    (void)state;
    known law;
    known_init(&law, TWO_NORMALS, 2, 4, 0.3);
    ph_svgd_settings settings = quick(PH_SVGD_PLAIN);
    settings.initial = PH_INITIAL_PRIOR;
    settings.correct = 1;
    ph_svgd_result *result = run(&law, &settings);
    known_errors off = known_compare(&law, result->n, result->z, result->weight);
    assert_int_equal(result->n_modes, 2);
    assert_true(result->converged);
    assert_true(off.mean < 0.03 && off.sd < 0.03);
    assert_close(result->mode[0].weight, 0.7, 0.05);
    ph_svgd_result_free(result);
    known_free(&law);
}

static void starts_from_points(void **state)
{
    (void)state;
    enum { N = 16 };
    known law;
    known_init(&law, NORMAL, 1, 0, 0);
    double points[N];
    for (size_t i = 0; i < N; i++) {
        points[i] = 0.1 * (double)i;
    }
    ph_svgd_settings settings = quick(PH_SVGD_MATRIX);
    settings.particles = N;
    settings.initial = PH_INITIAL_POINTS;
    settings.points = points;
    settings.classical.iterations = 1;
    settings.classical.learning_rate = 1e-9;
    ph_svgd_result *result = run(&law, &settings);
    for (size_t i = 0; i < N; i++) {
        assert_near(result->particle[i], points[i], 1e-7);
    }
    ph_svgd_result_free(result);
    law.wall = 1.05;
    ph_error error = {0};
    ph_target target = known_target(&law);
    assert_int_equal(ph_svgd_run(&result, &target, &settings, NULL, &error), PH_E_DATA);
    assert_non_null(strstr(error.message, "particle 12"));
    known_free(&law);
}

/* A penalty (z - 2)^2 with weight 1/2 halves the distance on N(0, 1): N(1, 1/2). */
static int pull(void *context, size_t n, const double *z, double *value,
                double *gradient)
{
    (void)context;
    for (size_t i = 0; i < n; i++) {
        value[i] = (z[i] - 2) * (z[i] - 2);
        gradient[i] = 2 * (z[i] - 2);
    }
    return PH_OK;
}

static void penalty_steers(void **state)
{
    (void)state;
    known law;
    known_init(&law, NORMAL, 1, 0, 0);
    const ph_penalty penalty = {NULL, pull};
    ph_svgd_settings settings = quick(PH_SVGD_PLAIN);
    settings.classical.penalty = &penalty;
    settings.classical.penalty_weight = 0.5;
    double mean, variance;
    ph_svgd_result *result = run(&law, &settings);
    ph_moments(result->n, 1, result->z, NULL, &mean, &variance);
    assert_near(mean, 1, 0.01);
    assert_close(sqrt(variance), sqrt(0.5), 0.03);
    assert_false(result->converged); /* the posterior is N(0, 1) */
    ph_svgd_result_free(result);
    settings.correct = 1;
    result = run(&law, &settings);
    ph_moments(result->n, 1, result->z, result->weight, &mean, &variance);
    assert_near(mean, 0, 0.01);
    assert_close(variance, 1, 0.02);
    ph_svgd_result_free(result);
    known_free(&law);
}

/* Every iteration is shown once, with the particles before it. */
typedef struct seen {
    size_t rows;
    double first, step;
} seen;

static int look(void *context, const ph_iteration *iteration)
{
    seen *self = context;
    assert_int_equal(iteration->number, self->rows);
    if (self->rows++ == 0) {
        self->first = iteration->z[0];
    }
    self->step = iteration->step;
    return self->rows == 50 ? PH_E_WRITE : PH_OK;
}

static void observer_sees_iterations(void **state)
{
    (void)state;
    known law;
    known_init(&law, NORMAL, 2, 0, 0);
    seen it = {0};
    const ph_observer observer = {&it, look};
    for (int algorithm = PH_SVGD_DEFAULT; algorithm <= PH_SVGD_NEWTON; algorithm++) {
        ph_svgd_settings settings = quick((ph_algorithm)algorithm);
        settings.observer = &observer;
        settings.classical.iterations = 40;
        it = (seen){0};
        ph_svgd_result *result = run(&law, &settings);
        assert_int_equal(it.rows, result->diagnostics.iterations);
        ph_svgd_result_free(result);
    }
    ph_svgd_settings settings = quick(PH_SVGD_PLAIN); /* its error stops the run */
    settings.observer = &observer;
    ph_target target = known_target(&law);
    ph_error error = {0};
    ph_svgd_result *result = NULL;
    it = (seen){0};
    assert_int_equal(ph_svgd_run(&result, &target, &settings, NULL, &error),
                     PH_E_WRITE);
    assert_int_equal(it.rows, 50);
    known_free(&law);
}

/* Newton beyond the dimensions in which the default takes it. */
static void newton_in_many_dimensions(void **state)
{
    (void)state;
    known law;
    known_init(&law, NORMAL, 12, 0, 0);
    known_condition(&law, 100, 2);
    ph_svgd_settings settings = quick(PH_SVGD_NEWTON);
    settings.particles = 200;
    settings.correct = 1;
    ph_svgd_result *result = run(&law, &settings);
    known_errors off = known_compare(&law, result->n, result->z, result->weight);
    assert_true(off.mean < 0.1 && off.sd < 0.1);
    ph_svgd_result_free(result);
    known_free(&law);
}

static void settings_are_checked(void **state)
{
    (void)state;
    known law;
    known_init(&law, NORMAL, 1, 0, 0);
    ph_target target = known_target(&law);
    for (int fault = 0; fault < 5; fault++) {
        ph_svgd_settings settings = quick(PH_SVGD_PLAIN);
        ph_svgd_result *result = NULL;
        ph_error error = {0};
        settings.classical.learning_rate = fault == 0 ? 0 : 0.01;
        settings.classical.iterations = fault == 1 ? 0 : 10;
        settings.classical.bandwidth =
            fault == 2 ? PH_BANDWIDTH_NUMBER : PH_BANDWIDTH_PER_DIMENSION;
        settings.classical.metric =
            fault == 3 ? PH_METRIC_DIAGONAL : PH_METRIC_IDENTITY;
        settings.classical.schedule_time = fault == 4 ? 0 : 10;
        assert_int_equal(ph_svgd_run(&result, &target, &settings, NULL, &error),
                         PH_E_USAGE);
    }
    known_free(&law);
}

int main(void)
{
    gsl_set_error_handler_off();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slopes_are_derivatives),
        cmocka_unit_test(kernel_values),
        cmocka_unit_test(directions_match_differences),
        cmocka_unit_test(particles_part),
        cmocka_unit_test(bandwidths),
        cmocka_unit_test(bandwidth_per_dimension),
        cmocka_unit_test(metric_is_affine_invariant),
        cmocka_unit_test(particles_that_coincide),
        cmocka_unit_test(optimiser_steps),
        cmocka_unit_test(schedules),
        cmocka_unit_test(penalty_fades),
        cmocka_unit_test(spread_at_rest),
        cmocka_unit_test(raw_particles),
        cmocka_unit_test(verdict_on_particles),
        cmocka_unit_test(unchecked_is_not_converged),
        cmocka_unit_test(starts_from_the_prior),
        cmocka_unit_test(starts_from_points),
        cmocka_unit_test(penalty_steers),
        cmocka_unit_test(observer_sees_iterations),
        cmocka_unit_test(newton_in_many_dimensions),
        cmocka_unit_test(settings_are_checked),
    };
    return ph_check_run(tests);
}
