/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_KDE_H
#define PHASIC_REPORT_KDE_H

#include <stddef.h>

/*
 * Density estimates from draws of equal weight with a Gaussian kernel. A quantity that
 * has bounds is smoothed on the unconstrained scale of prior.h and brought back, so
 * that no mass lies outside of them.
 */

/*
 * Silverman's bandwidth 0.9 min(sd, IQR / 1.34) E^(-1/5) of n >= 2 sorted numbers that
 * are worth E independent ones (Silverman 1986, eq. 3.31); the sd alone where the
 * quartiles fall together. 0 for a constant.
 */
double ph_kde_bandwidth(size_t n, const double *sorted, double effective);

/* (1 / n) sum_i phi((at - x_i) / h) / h, for h > 0. */
double ph_kde_density(size_t n, const double *x, double h, double at);

typedef struct ph_kde {
    size_t n;
    double *z;   /* [n] sorted, on the scale of smoothing */
    int reflect; /* that is the quantity's own */
    double lower, upper, bandwidth;
} ph_kde;

/*
 * From n >= 2 finite draws x in [lower, upper], of which not all are equal; effective
 * as above. PH_E_NUMERIC where they are equal or one lies outside, PH_E_MEMORY.
 * Zero-initialised by the caller and freed in any case.
 */
int ph_kde_init(ph_kde *self, size_t n, const double *x, double lower, double upper,
                double effective);
void ph_kde_free(ph_kde *self);

/* The density at a value of the quantity; 0 outside of the bounds. */
double ph_kde_at(const ph_kde *self, double x);
/* Ends of a range that holds all draws and `reach` bandwidths beyond the outer ones,
   within the bounds. */
void ph_kde_range(const ph_kde *self, double reach, double *from, double *to);

#endif
