/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MOMENT_EPOCHS_PRIVATE_H
#define PHASIC_MOMENT_EPOCHS_PRIVATE_H

#include "moment_private.h"

/*
 * What the epochs are at one theta, in one array of doubles (E epochs, p parameters,
 * nodes of the graph's pool): u[E][nodes], begin[E], and with gradient
 * u_slope[E][p][nodes] = du / dtheta, begin_slope[E][p].
 */
typedef struct ph_epoch_values {
    size_t nodes;
    double *u, *begin, *u_slope, *begin_slope;
} ph_epoch_values;

/* Doubles of the array without slopes and with them, and its parts. */
size_t ph_epoch_values_length(const ph_graph *graph, int slopes);
ph_epoch_values ph_epoch_values_at(const ph_graph *graph, double *array);

/*
 * Fills the array at theta[p]. PH_E_NUMERIC where the times of the epochs do not
 * increase or are not finite: theta is outside the model. PH_E_MEMORY.
 */
int ph_epoch_values_fill(const ph_graph *graph, const double *theta, int slopes,
                         double *array);

/*
 * Moments from the start on: raw, covariance, skewness and kurtosis of `out` (its bars
 * are not used); d_raw[R][gradient][p], d_covariance[R][R][p] where gradient >= 2.
 * PH_E_NUMERIC where digits are lost: a covariance or a derivative cancels, or an epoch
 * lasts more than 1e9 mean holding times; PH_E_MEMORY.
 */
int ph_moments_epochs(const ph_moments *self, const ph_epoch_values *values,
                      size_t gradient, ph_moments_lane *out, double *d_raw,
                      double *d_covariance);

/* The queries of moments.h; work is what follows the trace's in theirs. */
double ph_moments_epochs_defect(const ph_moments *self, size_t reward, const double *u,
                                double *work);
void ph_moments_epochs_occupancy(const ph_moments *self, const double *u, double *work,
                                 double *x);
void ph_moments_epochs_factorial(const ph_moments *self, const double *u, size_t order,
                                 double *work, double *falling);

#endif
