/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Zhang & Stephens' estimator: the profile likelihood of theta = k/sigma on a grid of
 * quantiles, averaged with its own weights; no iteration, and almost as efficient as
 * maximum likelihood.
 */
#include "phasic/num/pareto.h"

#include <math.h>
#include <stdlib.h>

#include "phasic/base/memory.h"
#include "phasic/base/status.h"

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* mean log(1 - theta x) */
static double mean_log(size_t n, const double *x, double theta)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += log1p(-theta * x[i]);
    }
    return sum / (double)n;
}

/* The posterior mean of theta on the grid; x ascending, > 0. */
static double zhang_stephens(size_t n, const double *x, double *theta, double *profile,
                             size_t grid)
{
    double quarter = x[(size_t)((double)n / 4 + 0.5) - 1], most = -INFINITY;
    for (size_t j = 0; j < grid; j++) {
        theta[j] =
            1 / x[n - 1] + (1 - sqrt((double)grid / ((double)j + 0.5))) / (3 * quarter);
        double k = mean_log(n, x, theta[j]);
        profile[j] = (double)n * (log(-theta[j] / k) - k - 1);
        most = fmax(most, profile[j]);
    }
    double sum = 0, mean = 0;
    for (size_t j = 0; j < grid; j++) {
        double weight = exp(profile[j] - most);
        sum += weight;
        mean += weight * theta[j];
    }
    return mean / sum;
}

int ph_pareto_fit(size_t n, const double *x, double *k, double *sigma)
{
    size_t grid = 30 + (size_t)sqrt((double)n);
    double *work = ph_alloc(2 * grid, sizeof *work), size = (double)n;
    if (!work) {
        return PH_E_MEMORY;
    }
    double theta = zhang_stephens(n, x, work, work + grid, grid);
    double shape = mean_log(n, x, theta);
    *sigma = -shape / theta;
    *k = shape * size / (size + 10) + 5 / (size + 10);
    free(work);
    return PH_OK;
}

double ph_pareto_quantile(double p, double k, double sigma)
{
    double depth = -log1p(-p);
    return fabs(k) < 1e-12 ? sigma * depth : sigma * expm1(k * depth) / k;
}

size_t ph_pareto_tail(size_t n)
{
    size_t tail = (size_t)fmin(0.2 * (double)n, 3 * sqrt((double)n));
    return tail < 5 || tail >= n ? 0 : tail;
}

int ph_pareto_k(size_t n, double *values, double *k)
{
    size_t tail = ph_pareto_tail(n), kept = 0;
    *k = 0;
    if (tail == 0) {
        return PH_OK;
    }
    qsort(values, n, sizeof *values, compare_double);
    double cut = values[n - tail - 1], *x = values + n - tail, sigma;
    double *excess = ph_alloc(tail, sizeof *excess);
    if (!excess) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < tail; i++) {
        if (x[i] - cut > 1e-12 * x[tail - 1]) {
            excess[kept++] = x[i] - cut;
        }
    }
    int status = kept >= 5 ? ph_pareto_fit(kept, excess, k, &sigma) : PH_OK;
    free(excess);
    return status;
}
