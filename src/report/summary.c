/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Summaries of the weighted sample. The weights sum to 1 but may be slightly negative
 * after Stein calibration, so means and covariances are plain weighted sums (there is
 * no n - 1), and the empirical distribution function is made monotone by a running
 * maximum before it is inverted. Quantiles interpolate linearly between the midpoints
 * of its steps (for equal weights the definition of Hazen: the k-th of n stands at (k -
 * 1/2)/n).
 */
#include "phasic/report/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/report/draws.h"

const double ph_quantile_level[PH_QUANTILES] = {0.025, 0.05, 0.25, 0.5,
                                                0.75,  0.95, 0.975};

typedef struct point {
    double value, weight;
} point;

static int compare_points(const void *a, const void *b)
{
    double x = ((const point *)a)->value, y = ((const point *)b)->value;
    return (x > y) - (x < y);
}

/* Replaces the weights of the sorted points by the monotone midpoints of the steps. */
static void accumulate(size_t n, point *sorted)
{
    double total = 0, highest = 0;
    for (size_t i = 0; i < n; i++) {
        double middle = total + 0.5 * sorted[i].weight;
        total += sorted[i].weight;
        highest = middle > highest ? middle : highest;
        sorted[i].weight = highest;
    }
}

static double quantile(size_t n, const point *sorted, double level)
{
    size_t low = 0, high = n; /* first midpoint above the level */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle].weight <= level) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0 || low == n) {
        return sorted[low == 0 ? 0 : n - 1].value;
    }
    point a = sorted[low - 1], b = sorted[low];
    double share = (level - a.weight) / (b.weight - a.weight);
    return a.value + share * (b.value - a.value);
}

/* What does not vary is given free of rounding. */
static void set_constant(ph_summary_row *row, double value)
{
    row->mean = value;
    row->sd = row->mcse = 0;
    for (int q = 0; q < PH_QUANTILES; q++) {
        row->quantile[q] = value;
    }
}

/* Mean, sd, error and quantiles of one column; sorted[n] and value[n] are scratch. */
static int summarize_column(ph_summary_row *row, const ph_fit *fit, size_t column,
                            point *sorted, double *value)
{
    double mean = 0, variance = 0, most = 0;
    for (size_t i = 0; i < fit->n; i++) {
        double x = fit->sample[i * fit->columns + column];
        value[i] = x;
        sorted[i] = (point){x, fit->weight[i]};
        mean += fit->weight[i] * x;
        row->not_finite += isfinite(x) ? 0 : 1;
    }
    if (row->not_finite) {
        row->mean = row->sd = row->mcse = NAN;
        for (int q = 0; q < PH_QUANTILES; q++) {
            row->quantile[q] = NAN;
        }
        return PH_OK;
    }
    qsort(sorted, fit->n, sizeof *sorted, compare_points);
    row->fixed |=
        column >= fit->p && ph_draws_equal(sorted[0].value, sorted[fit->n - 1].value);
    if (row->fixed) {
        set_constant(row, value[0]);
        return PH_OK;
    }
    for (size_t i = 0; i < fit->n; i++) {
        most = fmax(most, fabs(value[i] - mean));
    }
    int unit = ph_exponent(most);
    for (size_t i = 0; i < fit->n; i++) {
        double away = ldexp(value[i] - mean, -unit);
        variance += fit->weight[i] * away * away;
    }
    row->mean = mean;
    row->sd = variance < 0 ? 0 : ldexp(sqrt(variance), unit);
    accumulate(fit->n, sorted);
    for (int q = 0; q < PH_QUANTILES; q++) {
        row->quantile[q] = quantile(fit->n, sorted, ph_quantile_level[q]);
    }
    return ph_svgd_result_error(fit->svgd, value, mean, row->sd, &row->mcse);
}

static double correlation(const ph_summary *self, const ph_fit *fit, size_t a, size_t b)
{
    const ph_summary_row *x = &self->row[a], *y = &self->row[b];
    int unit_x = ph_exponent(x->sd), unit_y = ph_exponent(y->sd);
    double sum = 0;
    for (size_t i = 0; i < fit->n; i++) {
        const double *at = fit->sample + i * fit->columns;
        sum += fit->weight[i] * ldexp(at[a] - x->mean, -unit_x) *
               ldexp(at[b] - y->mean, -unit_y);
    }
    return sum / (ldexp(x->sd, -unit_x) * ldexp(y->sd, -unit_y));
}

static void correlate(ph_summary *self, const ph_fit *fit)
{
    size_t n = self->n_correlated;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double c = correlation(self, fit, self->correlated[i], self->correlated[j]);
            self->correlation[i * n + j] = self->correlation[j * n + i] =
                i == j ? 1 : c;
        }
    }
}

int ph_summary_new(ph_summary **self, const ph_fit *fit, const ph_model *model)
{
    int status = PH_E_MEMORY;
    size_t columns = fit->columns;
    point *sorted = ph_alloc(fit->n, sizeof *sorted);
    double *value = ph_alloc(fit->n, sizeof *value);
    ph_summary *s = ph_alloc(1, sizeof *s);
    if (!sorted || !value || !s || !(s->row = ph_alloc(columns, sizeof *s->row)) ||
        !(s->correlated = ph_alloc(columns, sizeof *s->correlated)) ||
        !(s->correlation = ph_alloc(columns * columns, sizeof *s->correlation))) {
        goto out;
    }
    s->length = columns;
    for (size_t c = 0; c < columns; c++) {
        ph_summary_row *row = &s->row[c];
        row->name =
            c < fit->p ? model->parameters[c].name : model->derived[c - fit->p].name;
        row->fixed = c < fit->p && model->parameters[c].is_fixed;
        status = summarize_column(row, fit, c, sorted, value);
        if (status < 0) {
            goto out;
        }
        if (row->sd > 0) {
            s->correlated[s->n_correlated++] = c;
        }
    }
    correlate(s, fit);
    *self = s;
    s = NULL;
    status = PH_OK;
out:
    ph_summary_free(s);
    free(sorted);
    free(value);
    return status;
}

void ph_summary_free(ph_summary *self)
{
    if (self) {
        free(self->row);
        free(self->correlated);
        free(self->correlation);
        free(self);
    }
}
