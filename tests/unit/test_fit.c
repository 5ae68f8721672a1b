/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fitted.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>

#include "phasic/base/rng.h"

typedef struct fitted bench;

static bench *bench_new(process it, size_t n, const double *time, const int *event)
{
    bench *self = calloc(1, sizeof *self);
    fitted_init(self, it, n, time, event);
    return self;
}

static void bench_free(bench *self)
{
    fitted_free(self);
    free(self);
}

#define MIXED                                                                          \
    "{\"phasic\": 1, \"name\": \"mixed\", \"parameters\": {"                           \
    "\"a\": {\"prior\": {\"gamma\": {\"shape\": 2, \"rate\": 1}}},"                    \
    "\"b\": {\"support\": \"real\", \"prior\": {\"normal\": {\"mean\": 0, \"sd\": "    \
    "1}}},"                                                                            \
    "\"q\": {\"support\": \"unit\", \"prior\": {\"beta\": {\"a\": 2, \"b\": 2}}},"     \
    "\"f\": {\"fixed\": 0.7},"                                                         \
    "\"w\": {\"prior\": {\"uniform\": {\"lower\": 1, \"upper\": 3}}}},"                \
    "\"matrix\": {\"initial\": [\"q\", \"1 - q\"], \"rates\": "                        \
    "[[0, \"a*exp(b)\", \"f\"], [\"a\", 0, \"w\"]]}}"

/* The score is the derivative of the log density, whatever the supports. */
static void score_is_the_derivative(void **state)
{
    (void)state;
    enum { D = 4, N = 9 };
    const double time[] = {0.1, 0.4, 0.9, 1, 2.5}, h = 1e-3;
    const int event[] = {1, 1, 1, 0, 0};
    bench *self = bench_new(process_text(MIXED), 5, time, event);
    ph_target target = ph_posterior_target(self->posterior);
    assert_int_equal(target.d, D);
    double z[N * D], log_p[N], score[N * D];
    ph_rng rng;
    ph_rng_init(&rng, 4, PH_RNG_TEST, 0, 0);
    for (int i = 0; i < N * D; i++) {
        z[i] = ph_rng_normal(&rng);
    }
    assert_int_equal(target.eval(target.context, N, z, log_p, score), 0);
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < D; k++) {
            double points[4 * D], value[4];
            const double step[4] = {-h, h, -h / 2, h / 2};
            for (int s = 0; s < 4; s++) {
                memcpy(points + s * D, z + i * D, D * sizeof *z);
                points[s * D + k] += step[s];
            }
            assert_int_equal(target.eval(target.context, 4, points, value, NULL), 0);
            double wide = (value[1] - value[0]) / (2 * h);
            double slope = (4 * (value[3] - value[2]) / h - wide) / 3;
            assert_near(score[i * D + k], slope, 1e-9 * (1 + fabs(slope)));
        }
    }
    bench_free(self);
}

/* The log density is likelihood + priors + Jacobians: by hand for one exponential. */
static void density_by_hand(void **state)
{
    (void)state;
    const double time[] = {0.5, 2};
    bench *self = bench_new(
        process_text(
            "{\"phasic\": 1, \"name\": \"one\", \"parameters\": {\"r\": {\"prior\""
            ": {\"gamma\": {\"shape\": 3, \"rate\": 2}}}}, \"matrix\": "
            "{\"initial\": [1], \"rates\": [[0, \"r\"]]}}"),
        2, time, NULL);
    ph_target target = ph_posterior_target(self->posterior);
    for (double z = -2; z < 2; z += 0.3) {
        double r = exp(z), log_p, score;
        assert_int_equal(target.eval(target.context, 1, &z, &log_p, &score), 0);
        double prior = 3 * log(2) - log(2) + 2 * log(r) - 2 * r;
        assert_near(log_p, 2 * z - 2.5 * r + prior + z, 1e-12);
        assert_near(score, 2 - 2.5 * r + 2 - 2 * r + 1, 1e-12);
    }
    /* rates without bound cost no more here, where every eigenvalue is real */
    double far = 30, log_p, score, r = exp(far);
    assert_int_equal(target.eval(target.context, 1, &far, &log_p, &score), 0);
    assert_close(log_p, -4.5 * r, 1e-11);
    assert_close(score, -4.5 * r, 1e-4);
    far = 800;
    assert_int_equal(target.eval(target.context, 1, &far, &log_p, &score), 0);
    assert_true(log_p == -INFINITY && score == 0);
    assert_int_equal(ph_posterior_beyond(self->posterior), 0);
    assert_int_equal(ph_posterior_outside(self->posterior), 1);
    bench_free(self);
}

/* Elsewhere they are left out, and counted, instead of taking for ever. */
static void large_rates_are_left_out(void **state)
{
    (void)state;
    const double time[] = {0.5, 2}, far[] = {30, 800};
    bench *self = bench_new(
        process_text(
            "{\"phasic\": 1, \"name\": \"ring\", \"parameters\": {\"r\": "
            "{\"prior\": {\"gamma\": {\"shape\": 3, \"rate\": 2}}}}, "
            "\"matrix\": {\"initial\": [1, 0, 0], \"rates\": [[0, \"r\", 0, 0],"
            " [0, 0, \"r\", 0], [\"r\", 0, 0, 1]]}}"),
        2, time, NULL);
    ph_target target = ph_posterior_target(self->posterior);
    for (int i = 0; i < 2; i++) {
        double log_p, score;
        assert_int_equal(target.eval(target.context, 1, &far[i], &log_p, &score), 0);
        assert_true(log_p == -INFINITY && score == 0);
    }
    assert_int_equal(ph_posterior_beyond(self->posterior), 2);
    bench_free(self);
}

/* A point's value does not hang on its neighbours beyond rounding. */
static void batches_agree_with_single_points(void **state)
{
    (void)state;
    enum { D = 4, N = 43 };
    const double time[] = {0.1, 0.4, 0.9, 1, 2.5};
    bench *self = bench_new(process_text(MIXED), 5, time, NULL);
    ph_target target = ph_posterior_target(self->posterior);
    double z[N * D], log_p[N], score[N * D];
    ph_rng rng;
    ph_rng_init(&rng, 9, PH_RNG_TEST, 0, 0);
    for (int i = 0; i < N * D; i++) {
        z[i] = 2 * ph_rng_normal(&rng);
    }
    assert_int_equal(target.eval(target.context, N, z, log_p, score), 0);
    for (int i = 0; i < N; i++) {
        double one, slope[D];
        assert_int_equal(target.eval(target.context, 1, z + i * D, &one, slope), 0);
        assert_near(log_p[i], one, 1e-12 * (1 + fabs(one)));
        for (int k = 0; k < D; k++) {
            assert_near(score[i * D + k], slope[k], 1e-10 * (1 + fabs(slope[k])));
        }
    }
    bench_free(self);
}

typedef struct moments {
    double mean, sd, low, high;
} moments;

static moments weighted(const ph_fit *fit, size_t column)
{
    moments m = {0};
    for (size_t i = 0; i < fit->n; i++) {
        m.mean += fit->weight[i] * fit->sample[i * fit->columns + column];
    }
    for (size_t i = 0; i < fit->n; i++) {
        double d = fit->sample[i * fit->columns + column] - m.mean;
        m.sd += fit->weight[i] * d * d;
    }
    m.sd = sqrt(m.sd);
    return m;
}

/* Share of the weight below x. */
static double share_below(const ph_fit *fit, size_t column, double x)
{
    double share = 0;
    for (size_t i = 0; i < fit->n; i++) {
        share += fit->sample[i * fit->columns + column] < x ? fit->weight[i] : 0;
    }
    return share;
}

/* Exponential times and a gamma prior: the posterior is Gamma(2 + n, 3 unit + sum). */
static void conjugate_gamma_in_any_unit(void **state)
{
    (void)state;
    gsl_set_error_handler_off();
    const double units[] = {1e-6, 1, 1e6};
    for (int u = 0; u < 3; u++) {
        char json[512];
        double time[20], sum = 0, unit = units[u];
        for (int i = 0; i < 20; i++) {
            time[i] = -unit * log((i + 0.5) / 20);
            sum += time[i];
        }
        snprintf(
            json, sizeof json,
            "{\"phasic\": 1, \"name\": \"one\", \"parameters\": {\"r\": {\"prior\": "
            "{\"gamma\": {\"shape\": 2, \"rate\": %g}}}}, \"matrix\": {\"initial\": "
            "[1], \"rates\": [[0, \"r\"]]}, \"derived\": {\"mean\": \"1 / r\"}}",
            3 * unit);
        bench *self = bench_new(process_text(json), 20, time, NULL);
        ph_svgd_settings settings;
        ph_svgd_defaults(&settings);
        settings.seed = 5;
        ph_fit *fit = NULL;
        ph_error error = {0};
        if (ph_fit_run(&fit, self->posterior, &settings, 0, NULL, &error) != PH_OK) {
            fail_msg("%s", error.message);
        }
        double shape = 22, rate = 3 * unit + sum;
        moments r = weighted(fit, 0), mean = weighted(fit, 1);
        assert_int_equal(fit->columns, 2);
        assert_int_equal(fit->svgd->converged, 1);
        assert_near(r.mean, shape / rate, 0.03 * sqrt(shape) / rate);
        assert_close(r.sd, sqrt(shape) / rate, 0.03);
        /* 1/r is inverse gamma */
        double inverse = rate / (shape - 1), spread = inverse / sqrt(shape - 2);
        assert_near(mean.mean, inverse, 0.03 * spread);
        assert_close(mean.sd, spread, 0.03);
        assert_near(share_below(fit, 0, gsl_cdf_gamma_Pinv(0.025, shape, 1 / rate)),
                    0.025, 0.006);
        assert_near(share_below(fit, 0, gsl_cdf_gamma_Pinv(0.975, shape, 1 / rate)),
                    0.975, 0.006);
        ph_fit_free(fit);
        bench_free(self);
    }
}

/* log-likelihood of the data below under two stages at rate r, by closed forms. */
static double two_stages(double r)
{
    double s1 = (1 + r) * exp(-r), s2 = (1 + 2 * r) * exp(-2 * r);
    double s4 = (1 + 4 * r) * exp(-4 * r), half = (1 + r / 2) * exp(-r / 2);
    double exact = 2 * log(r) + log(1.5) - 1.5 * r;
    return exact + log(s4) + 3 * log(1 - s2) + 2 * log(s1 - s2) +
           (2 * log(r) + log(3) - 3 * r - log(half)) + (log(s2) - log(half));
}

static bench *bench_kinds(double unit)
{
    const ph_observation list[] = {
        {PH_OBSERVED, 0, 1.5 * unit, 0, PH_NO_ENTRY, 1},
        {PH_RIGHT_CENSORED, 0, 4 * unit, 0, PH_NO_ENTRY, 1},
        {PH_LEFT_CENSORED, 0, 2 * unit, 0, PH_NO_ENTRY, 3},
        {PH_INTERVAL_CENSORED, 0, unit, 2 * unit, PH_NO_ENTRY, 2},
        {PH_OBSERVED, 0, 3 * unit, 0, unit / 2, 1},
        {PH_RIGHT_CENSORED, 0, 2 * unit, 0, unit / 2, 1}};
    char json[512];
    snprintf(
        json, sizeof json,
        "{\"phasic\": 1, \"name\": \"two\", \"parameters\": {\"r\": {\"prior\": "
        "{\"gamma\": {\"shape\": 2, \"rate\": %.17g}}}}, \"matrix\": {\"initial\": "
        "[1, 0], \"rates\": [[0, \"r\", 0], [0, 0, \"r\"]]}}",
        unit);
    bench *self = calloc(1, sizeof *self);
    ph_error error = {0};
    self->it = process_text(json);
    assert_int_equal(ph_data_from_observations(&self->data, 6, list, &error), 0);
    assert_int_equal(ph_lik_new(&self->lik, self->it.plan, self->data, &error), 0);
    assert_int_equal(ph_device_init(&self->device, 1, 1, 0, &error), 0);
    if (ph_posterior_new(&self->posterior, self->it.model, self->it.plan, self->lik,
                         self->data, &self->device, &error) != PH_OK) {
        fail_msg("%s", error.message);
    }
    return self;
}

/* Censored and truncated data in days, years or generations: one posterior, that of
 * quadrature. */
static void all_kinds_in_any_unit(void **state)
{
    (void)state;
    double mass = 0, mean = 0, square = 0;
    for (double z = -6; z < 4; z += 1e-3) { /* trapezoids in log r */
        double r = exp(z), p = exp(two_stages(r) + 2 * z - r);
        mass += p;
        mean += p * r;
        square += p * r * r;
    }
    mean /= mass;
    double sd = sqrt(square / mass - mean * mean), first = 0;
    const double units[] = {1, 1e-6, 1e-3, 1e3, 1e6};
    for (int u = 0; u < 5; u++) {
        bench *self = bench_kinds(units[u]);
        ph_svgd_settings settings;
        ph_svgd_defaults(&settings);
        settings.seed = 11;
        ph_fit *fit = NULL;
        ph_error error = {0};
        if (ph_fit_run(&fit, self->posterior, &settings, 0, NULL, &error) != PH_OK) {
            fail_msg("%s", error.message);
        }
        moments r = weighted(fit, 0);
        first = u == 0 ? r.mean : first;
        assert_int_equal(fit->svgd->converged, 1);
        assert_near(r.mean * units[u], mean, 0.03 * sd);
        assert_close(r.sd * units[u], sd, 0.03);
        assert_near(r.mean * units[u], first, 1e-3 * sd); /* one seed, one answer */
        ph_fit_free(fit);
        bench_free(self);
    }
}

/* One observation, and many: the posterior is Gamma(2 + n, 3 + sum). */
static void conjugate_gamma_of_one_and_of_many(void **state)
{
    (void)state;
    const size_t counts[] = {1, 30000};
    for (int c = 0; c < 2; c++) {
        size_t n = counts[c];
        double *time = calloc(n, sizeof *time), sum = 0;
        for (size_t i = 0; i < n; i++) {
            time[i] = -log(((double)i + 0.5) / (double)n);
            sum += time[i];
        }
        bench *self = bench_new(
            process_text("{\"phasic\": 1, \"name\": \"one\", \"parameters\": {\"r\": "
                         "{\"prior\": {\"gamma\": {\"shape\": 2, \"rate\": 3}}}}, "
                         "\"matrix\": {\"initial\": [1], \"rates\": [[0, \"r\"]]}}"),
            n, time, NULL);
        ph_svgd_settings settings;
        ph_svgd_defaults(&settings);
        settings.seed = 5;
        ph_fit *fit = NULL;
        ph_error error = {0};
        if (ph_fit_run(&fit, self->posterior, &settings, 1, NULL, &error) != PH_OK) {
            fail_msg("%s", error.message);
        }
        double shape = 2 + (double)n, rate = 3 + sum;
        moments r = weighted(fit, 0);
        assert_int_equal(fit->svgd->converged, 1);
        assert_near(r.mean, shape / rate, 0.03 * sqrt(shape) / rate);
        assert_close(r.sd, sqrt(shape) / rate, 0.03);
        assert_near(share_below(fit, 0, gsl_cdf_gamma_Pinv(0.025, shape, 1 / rate)),
                    0.025, 0.006);
        assert_near(share_below(fit, 0, gsl_cdf_gamma_Pinv(0.975, shape, 1 / rate)),
                    0.975, 0.006);
        ph_fit_free(fit);
        bench_free(self);
        free(time);
    }
}

/*
 * Two stages in a row with rates a and b: density a b (e^-at - e^-bt) / (b - a). Mean,
 * sd and correlation against trapezoids in (log a, log b), by the default and by hmc.
 */
static void two_parameters_by_quadrature(void **state)
{
    (void)state;
    enum { N = 12 };
    double time[N], s[6] = {0};
    for (int i = 0; i < N; i++) {
        time[i] = 0.2 + 0.25 * i;
    }
    for (double u = -6; u < 4.5; u += 0.02) {
        for (double v = -6 + 1e-3; v < 4.5; v += 0.02) { /* never a = b */
            double a = exp(u), b = exp(v), p = 2 * u - a + 6 * v - 2 * b;
            for (int i = 0; i < N; i++) {
                p += log(a * b * (exp(-a * time[i]) - exp(-b * time[i])) / (b - a));
            }
            p = exp(p);
            const double f[6] = {1, a, b, a * a, b * b, a * b};
            for (int k = 0; k < 6; k++) {
                s[k] += p * f[k];
            }
        }
    }
    double ma = s[1] / s[0], mb = s[2] / s[0], sa = sqrt(s[3] / s[0] - ma * ma);
    double sb = sqrt(s[4] / s[0] - mb * mb), r = (s[5] / s[0] - ma * mb) / (sa * sb);
    bench *self = bench_new(
        process_text("{\"phasic\": 1, \"name\": \"two\", \"parameters\": {"
                     "\"a\": {\"prior\": {\"gamma\": {\"shape\": 2, \"rate\": 1}}}, "
                     "\"b\": {\"prior\": {\"gamma\": {\"shape\": 6, \"rate\": 2}}}}, "
                     "\"matrix\": {\"initial\": [1, 0], \"rates\": [[0, \"a\", 0], "
                     "[0, 0, \"b\"]]}}"),
        N, time, NULL);
    for (int method = 0; method < 2; method++) {
        ph_svgd_settings svgd;
        ph_hmc_settings hmc;
        ph_svgd_defaults(&svgd);
        ph_hmc_defaults(&hmc);
        svgd.seed = hmc.seed = 6;
        hmc.draws = 16000;
        ph_fit *fit = NULL;
        ph_error error = {0};
        int status = method
                         ? ph_fit_run_hmc(&fit, self->posterior, &hmc, 0, NULL, &error)
                         : ph_fit_run(&fit, self->posterior, &svgd, 0, NULL, &error);
        if (status != PH_OK) {
            fail_msg("%s", error.message);
        }
        moments a = weighted(fit, 0), b = weighted(fit, 1);
        double cross = 0, far = method ? 2 : 1; /* hmc: three errors of 2500 draws */
        for (size_t i = 0; i < fit->n; i++) {
            cross += fit->weight[i] * (fit->sample[2 * i] - a.mean) *
                     (fit->sample[2 * i + 1] - b.mean);
        }
        assert_int_equal(fit->svgd->converged, 1);
        assert_near(a.mean, ma, 0.03 * far * sa);
        assert_near(b.mean, mb, 0.03 * far * sb);
        assert_close(a.sd, sa, 0.03 * far);
        assert_close(b.sd, sb, 0.03 * far);
        assert_near(cross / (a.sd * b.sd), r, 0.03 * far);
        ph_fit_free(fit);
    }
    bench_free(self);
}

/* Trapezoids over a cube of (log a, log b, log c), each with its marginal. */
enum { CELLS = 100, TIMES = 10 };
typedef struct cube {
    double low, step;
    double sum[10]; /* 1, a, b, c, a a, b b, c c, a b, a c, b c */
    double marginal[3][CELLS];
} cube;

/* Density of three stages in a row by partial fractions: the rates differ. */
static double three_stages(const double *r, double t)
{
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double a = r[i], b = r[(i + 1) % 3], c = r[(i + 2) % 3];
        sum += a * b * c * exp(-a * t) / ((b - a) * (c - a));
    }
    return sum;
}

static void cube_add(cube *self, const int *at, const double *time)
{
    static const double shape[3] = {2, 5, 9}, scale[3] = {2, 2, 2};
    static const int pair[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};
    double r[3], p = 0;
    for (int k = 0; k < 3; k++) { /* a third of a step apart: never equal */
        double z = self->low + self->step * (at[k] + k / 3.0);
        r[k] = exp(z);
        p += shape[k] * z - scale[k] * r[k];
    }
    for (int i = 0; i < TIMES; i++) {
        p += log(three_stages(r, time[i]));
    }
    p = exp(p);
    self->sum[0] += p;
    for (int k = 0; k < 3; k++) {
        self->sum[1 + k] += p * r[k];
        self->marginal[k][at[k]] += p;
    }
    for (int k = 0; k < 6; k++) {
        self->sum[4 + k] += p * r[pair[k][0]] * r[pair[k][1]];
    }
}

/* Quantile of rate k: a point stands for the cell around it. */
static double cube_quantile(const cube *self, int k, double level)
{
    double upto = 0, goal = level * self->sum[0];
    int i = 0;
    while (upto + self->marginal[k][i] < goal) {
        upto += self->marginal[k][i++];
    }
    double cell = i - 0.5 + (goal - upto) / self->marginal[k][i];
    return exp(self->low + self->step * (cell + k / 3.0));
}

/* Means, sds, quantiles and correlations of a fit against the cube's. */
static void compare_with_cube(const ph_fit *fit, const cube *grid)
{
    double mean[3], sd[3];
    for (size_t k = 0; k < 3; k++) {
        mean[k] = grid->sum[1 + k] / grid->sum[0];
        sd[k] = sqrt(grid->sum[4 + k] / grid->sum[0] - mean[k] * mean[k]);
        moments m = weighted(fit, k);
        assert_near(m.mean, mean[k], 0.03 * sd[k]);
        assert_close(m.sd, sd[k], 0.03);
        for (int side = 0; side < 2; side++) {
            double p = side ? 0.975 : 0.025, q = cube_quantile(grid, (int)k, p);
            assert_near(share_below(fit, k, q - 0.1 * sd[k]) < p, 1, 0);
            assert_near(share_below(fit, k, q + 0.1 * sd[k]) > p, 1, 0);
        }
    }
    for (int pair = 0; pair < 3; pair++) {
        size_t k = pair == 2, l = pair == 0 ? 1 : 2;
        double c = 0;
        double truth =
            (grid->sum[7 + pair] / grid->sum[0] - mean[k] * mean[l]) / (sd[k] * sd[l]);
        for (size_t i = 0; i < fit->n; i++) {
            c += fit->weight[i] * (fit->sample[3 * i + k] - mean[k]) *
                 (fit->sample[3 * i + l] - mean[l]);
        }
        assert_near(c / (sd[k] * sd[l]), truth, 0.03);
    }
}

static void three_parameters_by_quadrature(void **state)
{
    (void)state;
    double time[TIMES];
    cube grid = {.low = -5, .step = 0.08};
    for (int i = 0; i < TIMES; i++) {
        time[i] = 0.6 + 0.3 * i;
    }
    for (int at[3] = {0}; at[0] < CELLS; at[0]++) {
        for (at[1] = 0; at[1] < CELLS; at[1]++) {
            for (at[2] = 0; at[2] < CELLS; at[2]++) {
                cube_add(&grid, at, time);
            }
        }
    }
    bench *self = bench_new(
        process_text("{\"phasic\": 1, \"name\": \"three\", \"parameters\": {"
                     "\"a\": {\"prior\": {\"gamma\": {\"shape\": 2, \"rate\": 2}}}, "
                     "\"b\": {\"prior\": {\"gamma\": {\"shape\": 5, \"rate\": 2}}}, "
                     "\"c\": {\"prior\": {\"gamma\": {\"shape\": 9, \"rate\": 2}}}}, "
                     "\"matrix\": {\"initial\": [1, 0, 0], \"rates\": [[0, \"a\", 0, "
                     "0], [0, 0, \"b\", 0], [0, 0, 0, \"c\"]]}}"),
        TIMES, time, NULL);
    for (uint64_t seed = 1; seed <= 16; seed++) { /* the quantiles hang on the draws */
        ph_svgd_settings settings;
        ph_svgd_defaults(&settings);
        settings.seed = seed;
        ph_fit *fit = NULL;
        ph_error error = {0};
        assert_int_equal(ph_fit_run(&fit, self->posterior, &settings, 0, NULL, &error),
                         0);
        assert_int_equal(fit->svgd->converged, 1);
        compare_with_cube(fit, &grid);
        ph_fit_free(fit);
    }
    bench_free(self);
}

static void what_cannot_be_fitted_is_refused(void **state)
{
    (void)state;
    const char *models[] = {
        "{\"phasic\": 1, \"name\": \"none\", \"parameters\": {\"r\": {}}, \"matrix\": "
        "{\"initial\": [1], \"rates\": [[0, \"r\"]]}}",
        "{\"phasic\": 1, \"name\": \"fixed\", \"parameters\": {\"r\": {\"fixed\": 2}}, "
        "\"matrix\": {\"initial\": [1], \"rates\": [[0, \"r\"]]}}"};
    const char *says[] = {"no prior", "nothing to fit"};
    for (int i = 0; i < 2; i++) {
        const double time = 1;
        process it = process_text(models[i]);
        ph_data *data = NULL;
        ph_lik *lik = NULL;
        ph_device device;
        ph_posterior *posterior = NULL;
        ph_error error = {0};
        assert_int_equal(ph_data_from_arrays(&data, 1, &time, NULL, NULL, &error), 0);
        assert_int_equal(ph_lik_new(&lik, it.plan, data, &error), 0);
        assert_int_equal(ph_device_init(&device, 1, 1, 0, &error), 0);
        assert_int_equal(
            ph_posterior_new(&posterior, it.model, it.plan, lik, data, &device, &error),
            PH_E_MODEL);
        assert_non_null(strstr(error.message, says[i]));
        ph_lik_free(lik);
        ph_data_free(data);
        process_free(&it);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(score_is_the_derivative),
        cmocka_unit_test(density_by_hand),
        cmocka_unit_test(large_rates_are_left_out),
        cmocka_unit_test(batches_agree_with_single_points),
        cmocka_unit_test(conjugate_gamma_in_any_unit),
        cmocka_unit_test(all_kinds_in_any_unit),
        cmocka_unit_test(conjugate_gamma_of_one_and_of_many),
        cmocka_unit_test(two_parameters_by_quadrature),
        cmocka_unit_test(three_parameters_by_quadrature),
        cmocka_unit_test(what_cannot_be_fitted_is_refused),
    };
    return ph_check_run(tests);
}
