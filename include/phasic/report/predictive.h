/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_PREDICTIVE_H
#define PHASIC_REPORT_PREDICTIVE_H

#include <stddef.h>

#include "phasic/base/error.h"
#include "phasic/device/device.h"
#include "phasic/dist/plan.h"
#include "phasic/moment/moments.h"

typedef enum ph_predictive {
    PH_PREDICT_PDF,
    PH_PREDICT_CDF,
    PH_PREDICT_SURVIVAL,
    PH_PREDICT_HAZARD,
    PH_PREDICT_QUANTILE /* the points are probabilities */
} ph_predictive;

/*
 * A quantity at points t[n] for every draw theta[draws][p]: value[n][draws], by the
 * engine that is right for each time (PH_ENGINE_AUTO). Draws are evaluated PH_LANES at
 * a time; the numbers do not depend on the device. PH_E_NUMERIC where a draw lies
 * outside the model or a value cannot be computed, PH_E_USAGE as ph_points_quantile,
 * PH_E_MEMORY as ph_serve_log, PH_E_INTERRUPTED.
 */
int ph_predictive_curve(const ph_plan *plan, ph_predictive what, size_t draws,
                        const double *theta, size_t n, const double *t,
                        const ph_device *device, double *value, ph_error *error);

/*
 * Mean and standard deviation of the first reward of `moments` for every draw: mean and
 * sd[draws]. PH_E_NUMERIC, PH_E_MEMORY.
 */
int ph_predictive_moments(const ph_moments *moments, size_t p, size_t draws,
                          const double *theta, const ph_device *device, double *mean,
                          double *sd, ph_error *error);

/* Mean, median and the equal-tailed interval that holds `level` of the draws. */
typedef struct ph_band {
    double mean, lower, median, upper;
} ph_band;

/* Sorts value[draws]. A value that is not finite makes the whole band NaN. */
ph_band ph_band_of(size_t draws, double *value, double level);

#endif
