/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_POINTS_H
#define PHASIC_DIST_POINTS_H

#include <stddef.h>

#include "phasic/base/error.h"
#include "phasic/dist/plan.h"

typedef enum ph_engine {
    PH_ENGINE_LANES, /* 8 parameter vectors at a time */
    PH_ENGINE_PLAIN  /* the scalar definition */
} ph_engine;

/*
 * The distribution at points, for one parameter vector theta[p]. Outputs may be NULL.
 *   log_pdf[n], log_survival[n]: natural logarithms, -inf where the value is exactly 0;
 *   dlog_pdf[n][p], dlog_survival[n][p]: derivatives of the logarithms in theta.
 * t[n] >= 0. In discrete time t are whole numbers and the pdf is the probability mass.
 * Errors: PH_E_NUMERIC when theta is outside the model (a rate negative or not finite),
 * or a point lies so far in a tail that double range is exceeded; PH_E_MEMORY.
 */
int ph_points(const ph_plan *plan, ph_engine engine, const double *theta, size_t n,
              const double *t, double *log_pdf, double *log_survival, double *dlog_pdf,
              double *dlog_survival, ph_error *error);

#endif
