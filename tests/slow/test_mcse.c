/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Over seeds, reported means scatter as their Monte Carlo errors say: parameters, which
 * calibration knows best, derived quantities, and functions of known laws that no
 * polynomial explains.
 */
#include "../unit/test_svgd_targets.h"

#include "fitted.h"

#include "phasic/report/summary.h"

enum { SEEDS = 200, MOST_ROWS = 8 };

/*
 * Errors leave out what the nets of one batch make up for each other, most in one
 * dimension: they may be too large by half, but not too small by more than 200 seeds
 * tell apart.
 */
#define LEAST 0.55
#define MOST  1.15

/* Where calibration leaves this little of a sd, its own error is of the same size. */
#define LITTLE      3e-4
#define MOST_LITTLE 2.0

/* Less than this many sd is only rounding. */
#define NOTHING 1e-6

typedef struct spread {
    double sum[MOST_ROWS], squares[MOST_ROWS], mcse[MOST_ROWS], sd[MOST_ROWS];
    double first[MOST_ROWS];
    size_t rows;
} spread;

static void add(spread *self, size_t r, double mean, double mcse, double sd)
{
    self->first[r] = self->rows > r ? self->first[r] : mean;
    double u = mean - self->first[r]; /* free of cancellation */
    self->sum[r] += u / SEEDS;
    self->squares[r] += u * u / SEEDS;
    self->mcse[r] += mcse * mcse / SEEDS;
    self->sd[r] += sd / SEEDS;
    self->rows = self->rows > r ? self->rows : r + 1;
}

static int check(const spread *self, const char *name, size_t r)
{
    double variance = self->squares[r] - self->sum[r] * self->sum[r];
    double scatter = sqrt(fmax(variance, 0) * SEEDS / (SEEDS - 1)) / self->sd[r];
    double mcse = sqrt(self->mcse[r]) / self->sd[r];
    int none = scatter < NOTHING && mcse < NOTHING, little = scatter < LITTLE;
    print_message("# %s: row %zu scatters by %.3g sd, mcse %.3g, ratio %.3g\n", name, r,
                  scatter, mcse, scatter / mcse);
    return none || (scatter > (little ? 0 : LEAST) * mcse &&
                    scatter < (little ? MOST_LITTLE : MOST) * mcse);
}

static void assert_scatter(const spread *self, const char *name)
{
    int good = 1;
    for (size_t r = 0; r < self->rows; r++) {
        good &= check(self, name, r);
    }
    assert_true(good);
}

static void scatter_of(fitted *self)
{
    spread all = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        ph_fit *fit = fitted_run(self, seed);
        ph_summary *summary = NULL;
        assert_int_equal(fit->svgd->converged, 1);
        assert_int_equal(ph_summary_new(&summary, fit, self->it.model), 0);
        assert_in_range(summary->length, 1, MOST_ROWS);
        for (size_t r = 0; r < summary->length; r++) {
            const ph_summary_row *row = &summary->row[r];
            add(&all, r, row->mean, row->mcse, row->sd);
        }
        ph_summary_free(summary);
        ph_fit_free(fit);
    }
    assert_scatter(&all, self->it.model->name);
    fitted_free(self);
}

enum { FUNCTIONS = 4 };

/* Functions of a standardised coordinate: smooth, kinked, waving, a step. */
static double function(size_t k, double u)
{
    switch (k) {
    case 0: return exp(u);
    case 1: return fmax(u, 0.5);
    case 2: return sin(3 * u);
    default: return u < -1.5;
    }
}

static void add_functions(spread *self, const ph_svgd_result *result, double center,
                          double scale)
{
    double *f = calloc(result->n, sizeof *f);
    for (size_t k = 0; k < FUNCTIONS; k++) {
        double mean = 0, variance = 0, error;
        for (size_t i = 0; i < result->n; i++) {
            f[i] = function(k, (result->z[i * result->d] - center) / scale);
            mean += result->weight[i] * f[i];
        }
        for (size_t i = 0; i < result->n; i++) {
            variance += result->weight[i] * pow(f[i] - mean, 2);
        }
        assert_int_equal(ph_svgd_result_error(result, f, mean, sqrt(variance), &error),
                         0);
        add(self, k, mean, error, sqrt(variance));
    }
    free(f);
}

/* Rotated log-gammas in 1, 2 and 4 dimensions. */
static void functions_of_known_laws(void **state)
{
    (void)state;
    for (size_t d = 1; d <= 4; d *= 2) {
        spread all = {0};
        known law;
        double mean[4], covariance[16];
        known_init(&law, LOG_GAMMA, d, 1.5, 1);
        known_mix(&law, 30, 2);
        known_moments(&law, mean, covariance);
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            ph_target target = known_target(&law);
            ph_svgd_settings settings;
            ph_svgd_result *result = NULL;
            ph_svgd_defaults(&settings);
            settings.seed = seed;
            assert_int_equal(ph_svgd_run(&result, &target, &settings, NULL, NULL), 0);
            add_functions(&all, result, mean[0], sqrt(covariance[0]));
            ph_svgd_result_free(result);
        }
        char name[32];
        snprintf(name, sizeof name, "%zu dimensions", d);
        assert_scatter(&all, name);
        known_free(&law);
    }
}

/* Exponential times: the posterior is a gamma law, of 1/r an inverse gamma. */
static void conjugate(void **state)
{
    (void)state;
    const double time[] = {0.2, 1.7, 0.4, 0.9, 2.2, 0.1};
    fitted self;
    fitted_init(&self,
                process_text("{\"phasic\": 1, \"name\": \"one\", \"parameters\": "
                             "{\"r\": {\"prior\": {\"gamma\": {\"shape\": 2, "
                             "\"rate\": 1}}}}, \"matrix\": {\"initial\": [1], "
                             "\"rates\": [[0, \"r\"]]}, \"derived\": {\"mean\": "
                             "\"1 / r\", \"kink\": \"min(r, 1)\"}}"),
                6, time, NULL);
    scatter_of(&self);
}

static void repairable(void **state)
{
    (void)state;
    const double time[] = {1.45, 1.85, 2.01, 0.51, 1.56, 3.41, 1.53, 4.34, 8.03, 2.42,
                           0.39, 2.62, 3.39, 1.83, 1.42, 0.85, 0.02, 0.63, 0.96, 1.83};
    fitted self;
    fitted_init(&self, process_shipped("repairable", NULL, 0), 20, time, NULL);
    scatter_of(&self);
}

/* Two stages told apart by little: a posterior that no polynomial explains. */
static void curved(void **state)
{
    (void)state;
    const double time[] = {0.2, 1.7, 0.4, 0.9, 2.2, 0.1, 3.1, 0.6};
    fitted self;
    fitted_init(
        &self,
        process_text("{\"phasic\": 1, \"name\": \"two\", \"parameters\": {"
                     "\"a\": {\"prior\": {\"lognormal\": {\"meanlog\": 0, \"sdlog\": "
                     "1}}}, \"b\": {\"prior\": {\"lognormal\": {\"meanlog\": 0, "
                     "\"sdlog\": 1}}}}, \"matrix\": {\"initial\": [1, 0], \"rates\": "
                     "[[0, \"a\", 0.1], [\"a\", 0, \"b\"]]}, \"derived\": {\"share\": "
                     "\"a / (a + b)\"}}"),
        8, time, NULL);
    scatter_of(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_of_known_laws),
        cmocka_unit_test(conjugate),
        cmocka_unit_test(repairable),
        cmocka_unit_test(curved),
    };
    gsl_set_error_handler_off();
    return ph_check_run(tests);
}
