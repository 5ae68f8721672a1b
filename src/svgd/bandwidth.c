/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernel lengths and metrics from the particles as they are. */
#include "bandwidth.h"

#include <gsl/gsl_statistics.h>
#include <math.h>
#include <string.h>

#include "linalg.h"
#include "phasic/base/status.h"

double ph_median_distance2(size_t n, size_t d, const double *u, double *work)
{
    size_t pairs = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            double sum = 0;
            for (size_t k = 0; k < d; k++) {
                double difference = u[i * d + k] - u[j * d + k];
                sum += difference * difference;
            }
            work[pairs++] = sum;
        }
    }
    return pairs ? gsl_stats_select(work, 1, pairs, pairs / 2) : 1;
}

/* Median of the squared differences of coordinate k. */
static double coordinate_median2(size_t n, size_t d, const double *x, size_t k,
                                 double *work)
{
    size_t pairs = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            double difference = x[i * d + k] - x[j * d + k];
            work[pairs++] = difference * difference;
        }
    }
    return pairs ? gsl_stats_select(work, 1, pairs, pairs / 2) : 1;
}

/* factor <- diag(1 / sqrt(scale2)) */
static int diagonal(size_t d, const double *scale2, double *factor)
{
    for (size_t k = 0; k < d; k++) {
        if (!(scale2[k] > 0) || !isfinite(scale2[k])) {
            return PH_E_NUMERIC;
        }
        factor[k * (d + 1)] = 1 / sqrt(scale2[k]);
    }
    return PH_OK;
}

static int from_particles(const ph_classical *self, size_t n, size_t d, const double *x,
                          double *work, double *factor)
{
    double *mean = work, *c = work + d, *inverse = c + d * d;
    ph_moments(n, d, x, NULL, mean, c);
    if (self->metric == PH_METRIC_DIAGONAL) {
        for (size_t k = 0; k < d; k++) {
            mean[k] = c[k * (d + 1)];
        }
        return diagonal(d, mean, factor);
    }
    int status = ph_cholesky(d, c, c);
    if (status == PH_OK) {
        ph_cholesky_inverse(d, c, inverse);
        status = ph_cholesky(d, inverse, factor);
    }
    return status;
}

int ph_bandwidth_metric(const ph_classical *self, size_t n, size_t d, const double *x,
                        double *work, double *factor)
{
    memset(factor, 0, d * d * sizeof *factor);
    if (self->bandwidth == PH_BANDWIDTH_PER_DIMENSION) {
        double *scale2 = work, *pairs = work + d;
        for (size_t k = 0; k < d; k++) {
            scale2[k] = 0.5 * (double)d * coordinate_median2(n, d, x, k, pairs);
        }
        return diagonal(d, scale2, factor);
    }
    if (self->metric != PH_METRIC_IDENTITY) {
        return from_particles(self, n, d, x, work, factor);
    }
    for (size_t k = 0; k < d; k++) {
        factor[k * (d + 1)] = 1;
    }
    return PH_OK;
}

int ph_bandwidth_length(const ph_classical *self, size_t n, size_t d, const double *u,
                        double *work, double *h2)
{
    switch (self->bandwidth) {
    case PH_BANDWIDTH_MEDIAN: *h2 = 0.5 * ph_median_distance2(n, d, u, work); break;
    case PH_BANDWIDTH_MEDIAN_LOG:
        *h2 = 0.5 * ph_median_distance2(n, d, u, work) / log1p((double)n);
        break;
    case PH_BANDWIDTH_PER_DIMENSION: *h2 = 1; break;
    case PH_BANDWIDTH_NUMBER: *h2 = self->length * self->length; break;
    }
    return *h2 > 0 && isfinite(*h2) ? PH_OK : PH_E_NUMERIC;
}
