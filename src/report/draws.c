/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/report/draws.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void ph_sort_numbers(size_t n, double *x)
{
    qsort(x, n, sizeof *x, compare_numbers);
}

double ph_sorted_quantile(size_t n, const double *sorted, double level)
{
    double at = (double)n * level - 0.5, below = floor(at);
    if (at <= 0) {
        return sorted[0];
    }
    size_t i = (size_t)below;
    if (i + 1 >= n) {
        return sorted[n - 1];
    }
    double share = at - below;
    return share == 0 ? sorted[i] : sorted[i] + share * (sorted[i + 1] - sorted[i]);
}

int ph_draws_equal(double least, double largest)
{
    return largest - least <= 1e-12 * fmax(fabs(least), fabs(largest));
}

int ph_draws_vary(const ph_saved *self, size_t row)
{
    long column = ph_saved_column(self, row);
    double least = INFINITY, largest = -INFINITY;
    for (size_t i = 0; column >= 0 && i < self->draws; i++) {
        double x = self->draw[i * self->columns + (size_t)column];
        least = fmin(least, x);
        largest = fmax(largest, x);
    }
    return row < self->n_parameters ? largest > least
                                    : column >= 0 && !ph_draws_equal(least, largest);
}

int ph_exponent(double x)
{
    int exponent = 0;
    if (isfinite(x)) {
        (void)frexp(x, &exponent);
    }
    return exponent;
}

double ph_spread(size_t n, const double *x, double mean)
{
    double most = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs(x[i] - mean));
    }
    int unit = ph_exponent(most);
    for (size_t i = 0; i < n; i++) {
        double away = ldexp(x[i] - mean, -unit);
        square += away * away;
    }
    return ldexp(sqrt(square / (double)(n - 1)), unit);
}

static double effective_size(const ph_saved *self)
{
    const char *method = ph_saved_setting_text(self, "method");
    double sample = ph_saved_diagnostic(self, "ess");
    return method && strcmp(method, "hmc") == 0
               ? sample
               : 1 / (1 / sample + 1 / (double)self->draws);
}

void ph_draws_summarize(const ph_saved *self, size_t row, size_t n_levels,
                        const double *level, double *work, ph_draws_row *out,
                        double *quantile)
{
    long column = ph_saved_column(self, row);
    size_t n = self->draws;
    *out = (ph_draws_row){NAN, NAN, NAN, NAN, column >= 0};
    for (size_t q = 0; q < n_levels; q++) {
        quantile[q] = NAN;
    }
    if (column < 0) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        work[i] = self->draw[i * self->columns + (size_t)column];
    }
    ph_sort_numbers(n, work);
    double mean = 0;
    for (size_t i = 0; i < n; i++) {
        mean += work[i] / (double)n;
    }
    int derived = row >= self->n_parameters;
    int constant =
        work[0] == work[n - 1] || (derived && ph_draws_equal(work[0], work[n - 1]));
    out->mean = constant ? work[0] : mean;
    out->sd = constant ? 0 : ph_spread(n, work, mean);
    out->ess = constant ? NAN : effective_size(self);
    out->mcse = constant ? 0 : out->sd / sqrt(out->ess);
    for (size_t q = 0; q < n_levels; q++) {
        quantile[q] = ph_sorted_quantile(n, work, level[q]);
    }
}

double ph_draws_effective(const ph_saved *self)
{
    double draws = (double)self->draws, size = effective_size(self);
    return isfinite(size) ? fmin(draws, size) : draws;
}
