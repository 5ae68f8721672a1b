/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The posterior without observation y has the density 1 / p(y | theta) against the
 * posterior with it: importance ratios that grow where y fits badly. Their largest
 * values are replaced by the expected order statistics of a generalised Pareto law
 * fitted to them, which bounds their variance; its shape k says whether that can be
 * trusted.
 */
#include "phasic/report/loo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/num/pareto.h"
#include "phasic/num/rank.h"

/* Smooths the last `tail` of the sorted ratios, whose largest is 1. */
static int smooth_tail(size_t n, ph_ranked *sorted, size_t tail, double *k)
{
    double cut = sorted[n - tail - 1].key, sigma = 0;
    size_t first = n - tail;
    while (first < n && sorted[first].key - cut <= 1e-12) {
        first++; /* equal to the cut: not in the tail */
    }
    size_t kept = n - first;
    if (kept < 5) {
        *k = 0; /* a constant ratio, or one of a few values: nothing to smooth */
        return PH_OK;
    }
    double *excess = ph_alloc(kept, sizeof *excess);
    if (!excess) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < kept; i++) {
        excess[i] = sorted[first + i].key - cut;
    }
    int status = ph_pareto_fit(kept, excess, k, &sigma);
    for (size_t i = 0; i < kept && status == PH_OK && isfinite(*k); i++) {
        double p = ((double)i + 0.5) / (double)kept;
        sorted[first + i].key = fmin(cut + ph_pareto_quantile(p, *k, sigma), 1);
    }
    free(excess);
    return status;
}

/* Importance ratios, relative to the largest, smoothed; ratio[draws]. */
static int smooth_ratios(size_t draws, const double *log_density, double lowest,
                         double *ratio, double *k)
{
    size_t tail = ph_pareto_tail(draws);
    int status = PH_OK;
    *k = INFINITY;
    for (size_t s = 0; s < draws; s++) {
        ratio[s] = exp(lowest - log_density[s]);
    }
    if (tail == 0) {
        return PH_OK; /* too few draws for a verdict */
    }
    ph_ranked *sorted = ph_alloc(draws, sizeof *sorted);
    if (!sorted) {
        return PH_E_MEMORY;
    }
    for (size_t s = 0; s < draws; s++) {
        sorted[s] = (ph_ranked){ratio[s], s};
    }
    ph_rank(draws, sorted);
    status = smooth_tail(draws, sorted, tail, k);
    for (size_t s = 0; s < draws; s++) {
        ratio[sorted[s].index] = sorted[s].key;
    }
    free(sorted);
    return status;
}

static void set_impossible(ph_loo_point *point)
{
    *point = (ph_loo_point){-INFINITY, NAN, -INFINITY, INFINITY, NAN};
}

int ph_loo_of_point(size_t draws, const double *log_density, double *work,
                    ph_loo_point *point)
{
    double lowest = INFINITY, highest = -INFINITY, mean = 0, n = (double)draws;
    for (size_t s = 0; s < draws; s++) {
        lowest = fmin(lowest, log_density[s]);
        highest = fmax(highest, log_density[s]);
        mean += log_density[s] / n;
    }
    if (!isfinite(lowest)) {
        set_impossible(point);
        return PH_OK;
    }
    int status = smooth_ratios(draws, log_density, lowest, work, &point->k);
    double sum = 0, weighted = 0, plain = 0, square = 0, error = 0;
    for (size_t s = 0; s < draws; s++) {
        double density = exp(log_density[s] - highest);
        sum += work[s];
        weighted += work[s] * density;
        plain += density / n;
        square += (log_density[s] - mean) * (log_density[s] - mean);
    }
    double expected = weighted / sum;
    for (size_t s = 0; s < draws; s++) {
        double off = exp(log_density[s] - highest) / expected - 1;
        error += work[s] * work[s] / (sum * sum) * off * off;
    }
    point->elpd = log(expected) + highest;
    point->lpd = log(plain) + highest;
    point->p_waic = draws > 1 ? square / (n - 1) : NAN;
    point->error = sqrt(error);
    return status;
}

/* Sum of weight * x, and the standard error of that sum over the observations. */
typedef struct total {
    double weight, sum, mean, square;
} total;

static void add(total *self, double weight, double x)
{
    double before = x - self->mean;
    self->weight += weight;
    self->sum += weight * x;
    self->mean += before * weight / self->weight;
    self->square += weight * before * (x - self->mean);
}

static double standard_error(const total *self)
{
    return self->weight > 1
               ? sqrt(self->weight * fmax(self->square, 0) / (self->weight - 1))
               : NAN;
}

static int k_class(double k)
{
    return k <= 0.5 ? 0 : k <= 0.7 ? 1 : k <= 1 ? 2 : 3;
}

void ph_loo_sum(size_t n, const ph_loo_point *point, const double *weight, size_t draws,
                double effective, ph_loo *sum)
{
    total elpd = {0}, p_loo = {0}, waic = {0}, p_waic = {0};
    double variance = 0;
    memset(sum, 0, sizeof *sum);
    sum->worst_k = -INFINITY;
    sum->good_k = fmin(1 - 1 / log10(effective), 0.7);
    for (size_t i = 0; i < n; i++) {
        const ph_loo_point *it = &point[i];
        add(&elpd, weight[i], it->elpd);
        add(&p_loo, weight[i], it->lpd - it->elpd);
        add(&waic, weight[i], it->lpd - it->p_waic);
        add(&p_waic, weight[i], it->p_waic);
        variance += weight[i] * weight[i] * it->error * it->error;
        sum->worst_k = fmax(sum->worst_k, it->k);
        sum->k_count[k_class(it->k)] += weight[i];
        sum->bad += it->k > sum->good_k ? weight[i] : 0;
        sum->waic_unstable += it->p_waic > 0.4 ? weight[i] : 0;
    }
    sum->observations = elpd.weight;
    sum->elpd = elpd.sum;
    sum->elpd_se = standard_error(&elpd);
    sum->p_loo = p_loo.sum;
    sum->p_loo_se = standard_error(&p_loo);
    sum->monte_carlo = sqrt(variance * (double)draws / effective);
    sum->waic_elpd = waic.sum;
    sum->waic_se = standard_error(&waic);
    sum->p_waic = p_waic.sum;
    sum->p_waic_se = standard_error(&p_waic);
}

void ph_loo_difference(size_t n, const ph_loo_point *a, const ph_loo_point *b,
                       const double *weight, double *difference, double *se)
{
    total it = {0};
    for (size_t i = 0; i < n; i++) {
        add(&it, weight[i], a[i].elpd - b[i].elpd);
    }
    *difference = it.sum;
    *se = standard_error(&it);
}
