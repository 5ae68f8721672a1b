/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_RESIDUALS_H
#define PHASIC_SVGD_RESIDUALS_H

#include <stddef.h>

/*
 * Draws in a row that are a part of one scrambled point set, so that their average is
 * better than that of independent ones, from the proposal number `stratum`.
 */
typedef struct ph_net {
    size_t n, stratum; /* stratum < PH_STRATA */
} ph_net;

typedef struct ph_nets {
    size_t n, capacity;
    ph_net *item; /* [n] in the order of the draws */
} ph_nets;
enum { PH_STRATA = 16, PH_NET = 128 };

/* Appends the nets of n draws: PH_NET each, the last what is left over too. Returns 0,
 * PH_E_MEMORY. */
int ph_nets_add(ph_nets *self, size_t n, size_t stratum);
int ph_nets_copy(ph_nets *self, const ph_nets *from); /* self empty */

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
    ph_nets nets;        /* of all draws; none: as if independent */
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
