/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_BANDWIDTH_H
#define PHASIC_SVGD_BANDWIDTH_H

#include "phasic/svgd/classical.h"

/* Median of the squared distances of all pairs of u[n][d] (the upper one of two);
 * work[n (n - 1) / 2]. 1 for a single point. */
double ph_median_distance2(size_t n, size_t d, const double *u, double *work);

/*
 * The lower factor of the kernel's metric A = L L' for particles x[n][d], the bandwidth
 * of its coordinates where there is one for each included; work[n (n - 1) / 2 + 2 d d +
 * d]. PH_E_NUMERIC where particles that coincide leave it undefined.
 */
int ph_bandwidth_metric(const ph_classical *self, size_t n, size_t d, const double *x,
                        double *work, double *factor);

/*
 * h^2 in the metric's coordinates u[n][d]; 1 where the metric holds the bandwidths.
 * work as above. PH_E_NUMERIC where half of the pairs coincide.
 */
int ph_bandwidth_length(const ph_classical *self, size_t n, size_t d, const double *u,
                        double *work, double *h2);

#endif
