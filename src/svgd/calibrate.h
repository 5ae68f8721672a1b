/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_CALIBRATE_H
#define PHASIC_SVGD_CALIBRATE_H

#include <stddef.h>

#include "residuals.h"

/* Errors of the summaries of a weighted sample, worst over the coordinates. */
typedef struct ph_calibration {
    size_t features;
    double shift;      /* move of a mean, in Monte Carlo errors of the raw mean */
    double error_mean; /* of a mean, in sd, after calibration */
    double error_sd;   /* of a sd, relative */
    double stein; /* largest Stein identity of low order, in its Monte Carlo error */
    double ess;   /* 1 / sum of squared calibrated weights */
    size_t column_mean, column_sd; /* of the worst errors: a coordinate, or beyond d a
                                      derived quantity */
} ph_calibration;

/*
 * Stage 4: calibrated[n] = weight o B (B'WB)^-1 e_1 with B = [1, Stein features]
 * (control variates; every Stein identity in B then holds exactly over the sample).
 * y[n][d] and score[n][d] in one frame, z[n][d] the user's coordinates of the same
 * points (z = basis y + constant; errors are theirs, and those of
 * natural[n][n_natural], other functions of the points that may be constant), weight[n]
 * >= 0 sums to 1.
 * `inefficiency` is draws per independent draw (1 for importance samples, the
 * autocorrelation time for chains), `nets` how they were drawn (NULL or none: each by
 * itself). The highest order whose features are at most a
 * quarter of the effective sample size; where that leaves out products of coordinates,
 * these follow without a matrix (products.h). residuals, if not NULL, is replaced by
 * what the error of any other summary can be had from. Returns 0, PH_E_MEMORY,
 * PH_E_NUMERIC.
 */
int ph_calibrate(size_t n, size_t d, const double *basis, const double *z,
                 size_t n_natural, const double *natural, const double *y,
                 const double *score, const double *weight, double inefficiency,
                 const ph_nets *nets, double *calibrated, ph_calibration *result,
                 ph_residuals *residuals);

/* Is what has this mean and variance over a sample the same everywhere, but for
 * rounding? */
int ph_is_constant(double mean, double variance);

#endif
