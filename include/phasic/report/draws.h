/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_DRAWS_H
#define PHASIC_REPORT_DRAWS_H

#include <stddef.h>

#include "phasic/report/saved.h"

/* Ascending order, in place. */
void ph_sort_numbers(size_t n, double *x);
/*
 * Quantile of n >= 1 sorted numbers of equal weight, 0 <= level <= 1: a number stands
 * for the middle of its share of the probability (Hazen's definition, which the
 * weighted summaries of a fit use too), and between two of them it is linear.
 */
double ph_sorted_quantile(size_t n, const double *sorted, double level);

/*
 * Whether the values of a derived quantity, between these two, are equal up to the
 * rounding of its expression. A parameter that is inferred varies by more than that.
 */
int ph_draws_equal(double least, double largest);
/* Whether row `row` of the summary has a column in the draws that varies. */
int ph_draws_vary(const ph_saved *self, size_t row);

/*
 * The exponent e of |x| < 2^e, 0 for 0 and what is not finite. Squares of numbers that
 * were divided by 2^e, which is exact, stay within double range.
 */
int ph_exponent(double x);

/* Standard deviation with n - 1 of n >= 2 numbers around their mean. */
double ph_spread(size_t n, const double *x, double mean);

/* One quantity over the draws of a saved fit. */
typedef struct ph_draws_row {
    double mean, sd; /* sd with n - 1; 0 for a single draw or a constant */
    double mcse;     /* Monte Carlo standard error of the mean, sd / sqrt(ess) */
    double ess;      /* effective sample size of the draws; NaN for a constant */
    int finite;      /* 0: the quantity has no column in the draws, all else is NaN */
} ph_draws_row;

/*
 * Summarises row `row` of the stored summary from the draws; quantile[n_levels].
 * work[draws]. The draws of an importance sample of effective size E were drawn from it
 * anew: ess = 1 / (1/E + 1/draws). Draws of a chain keep the effective size that their
 * fit has measured. Both are `ess` of the stored diagnostics: the error of a stored
 * mean is that of the calibrated sample and says nothing about draws.
 */
void ph_draws_summarize(const ph_saved *self, size_t row, size_t n_levels,
                        const double *level, double *work, ph_draws_row *out,
                        double *quantile);

/* The effective size of the draws, at most their number. */
double ph_draws_effective(const ph_saved *self);

#endif
