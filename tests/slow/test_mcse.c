/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Over seeds, reported means scatter as their Monte Carlo errors say: parameters, which
 * calibration knows best, and derived quantities.
 */
#include "fitted.h"

#include <gsl/gsl_errno.h>

#include "phasic/report/summary.h"

enum { SEEDS = 50, MOST_ROWS = 8 };

/*
 * Errors are those of independent draws. In one dimension the scrambled Sobol points of
 * the proposals do visibly better than that: the errors are upper bounds there.
 */
#define LEAST     0.5
#define LEAST_ONE 0.3
#define MOST      2.0

/* Where calibration leaves less than this many sd there is only rounding. */
#define NOTHING 1e-6

typedef struct spread {
    double sum[MOST_ROWS], squares[MOST_ROWS], mcse[MOST_ROWS], sd[MOST_ROWS];
    double first[MOST_ROWS];
    size_t rows;
} spread;

static void add(spread *self, const ph_summary *summary)
{
    assert_in_range(summary->length, 1, MOST_ROWS);
    for (size_t r = 0; r < summary->length; r++) {
        const ph_summary_row *row = &summary->row[r];
        self->first[r] = self->rows ? self->first[r] : row->mean;
        double u = row->mean - self->first[r]; /* free of cancellation */
        self->sum[r] += u / SEEDS;
        self->squares[r] += u * u / SEEDS;
        self->mcse[r] += row->mcse * row->mcse / SEEDS;
        self->sd[r] += row->sd / SEEDS;
    }
    self->rows = summary->length;
}

static int check(const spread *self, const ph_model *model, size_t r)
{
    double variance = self->squares[r] - self->sum[r] * self->sum[r];
    double scatter = sqrt(fmax(variance, 0) * SEEDS / (SEEDS - 1)) / self->sd[r];
    double mcse = sqrt(self->mcse[r]) / self->sd[r];
    int none = scatter < NOTHING && mcse < NOTHING;
    print_message("# %s: row %zu scatters by %.3g sd, mcse %.3g, ratio %.3g\n",
                  model->name, r, scatter, mcse, scatter / mcse);
    double least = model->n_parameters == 1 ? LEAST_ONE : LEAST;
    return none || (scatter > least * mcse && scatter < MOST * mcse);
}

static void scatter_of(fitted *self)
{
    spread all = {0};
    int good = 1;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        ph_fit *fit = fitted_run(self, seed);
        ph_summary *summary = NULL;
        assert_int_equal(fit->svgd->converged, 1);
        assert_int_equal(ph_summary_new(&summary, fit, self->it.model), 0);
        add(&all, summary);
        ph_summary_free(summary);
        ph_fit_free(fit);
    }
    for (size_t r = 0; r < all.rows; r++) {
        good &= check(&all, self->it.model, r);
    }
    assert_true(good);
    fitted_free(self);
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
        cmocka_unit_test(conjugate),
        cmocka_unit_test(repairable),
        cmocka_unit_test(curved),
    };
    gsl_set_error_handler_off();
    return ph_check_run(tests);
}
