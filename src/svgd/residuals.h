/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_RESIDUALS_H
#define PHASIC_SVGD_RESIDUALS_H

#include <stddef.h>

/*
 * What the errors of calibrated summaries are made of: the regression on the q features
 * B = [1, Stein features] that calibration made of a weighted sample.
 */
typedef struct ph_residuals {
    size_t n, q, stride;
    double *b;           /* [n][stride], the first q of each row in use */
    double *gram;        /* [q][q] lower Cholesky factor of B'WB */
    double *leverage;    /* [n] 1 / (1 - leverage) */
    double *weight;      /* [n] before calibration, sum to 1 */
    double inefficiency; /* draws per independent draw beyond the weights */
} ph_residuals;

/* Room for q = stride features. Returns 0, PH_E_MEMORY. */
int ph_residuals_init(ph_residuals *self, size_t n, size_t q);
void ph_residuals_clear(ph_residuals *self);

/*
 * Monte Carlo error of the calibrated mean of f[n]; beta[q] is scratch. Values far from
 * zero lose digits: take f about its mean.
 */
double ph_residuals_error(const ph_residuals *self, const double *f, double *beta);

#endif
