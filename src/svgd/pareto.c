/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Zhang & Stephens' estimator: the profile likelihood of theta = k/sigma on a grid of
 * quantiles, averaged with its own weights; no iteration, and almost as efficient as
 * maximum likelihood.
 */
#include "pareto.h"

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

/* x ascending, > 0 */
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
    double k = mean_log(n, x, mean / sum), size = (double)n;
    return k * size / (size + 10) + 5 / (size + 10);
}

int ph_pareto_k(size_t n, double *values, double *k)
{
    size_t tail = (size_t)fmin(0.2 * (double)n, 3 * sqrt((double)n));
    *k = 0;
    if (tail < 5 || tail >= n) {
        return PH_OK;
    }
    qsort(values, n, sizeof *values, compare_double);
    double cut = values[n - tail - 1], *x = values + n - tail;
    size_t grid = 30 + (size_t)sqrt((double)tail);
    double *work = ph_alloc(2 * grid + tail, sizeof *work);
    if (!work) {
        return PH_E_MEMORY;
    }
    double *excess = work + 2 * grid;
    size_t kept = 0;
    for (size_t i = 0; i < tail; i++) {
        if (x[i] - cut > 1e-12 * x[tail - 1]) {
            excess[kept++] = x[i] - cut;
        }
    }
    if (kept >= 5) {
        *k = zhang_stephens(kept, excess, work, work + grid, grid);
    }
    free(work);
    return PH_OK;
}
