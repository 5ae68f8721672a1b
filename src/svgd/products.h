/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_PRODUCTS_H
#define PHASIC_SVGD_PRODUCTS_H

#include <stddef.h>

#include "residuals.h"

/* Identities count as contradicted beyond so many standard deviations of the
 * chi-squared distance of the weights. */
#define PH_CALIBRATION_TRUST 3.0

/*
 * Stage 4 in many dimensions: moves calibrated[n], which meets the features of
 * `residuals`, by the least that makes the Stein identities of all d (d + 1) / 2
 * products of coordinates hold too, those features kept. u[n][d] are the whitened
 * points, s[n][d] their scores, `ess` the effective size of the sample before any
 * calibration. Weights are left as they are where the sample contradicts these
 * identities, and go part of the way where they would become too uneven. The leverages
 * of `residuals` grow by what the move adds to the error of summaries it does not
 * explain. Returns 0 or PH_E_MEMORY.
 */
int ph_products_calibrate(size_t n, size_t d, const double *u, const double *s,
                          double ess, ph_residuals *residuals, double *calibrated);

#endif
