/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_POINTS_H
#define PHASIC_DIST_POINTS_H

#include <float.h>
#include <stddef.h>

#include "phasic/base/error.h"
#include "phasic/dist/plan.h"
#include "phasic/dist/serve.h"

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

/*
 * Largest |log S| of which a hazard has digits: log f and log S are rounded to
 * DBL_EPSILON of themselves, and their difference is to be right to 1e-9.
 */
#define PH_HAZARD_LOG_MAX (1e-9 / DBL_EPSILON)

typedef enum ph_quantity {
    PH_LOG_PDF,      /* log f */
    PH_LOG_SURVIVAL, /* log S, S = P(T > t) */
    PH_LOG_CDF,      /* log F, F = P(T <= t) with the mass absorbed at once */
    PH_LOG_HAZARD    /* log f / S; in discrete time log P(T = t | T >= t) */
} ph_quantity;

/*
 * One quantity at points t[n]: value[n] (-inf where it is log 0; NaN for the hazard
 * where S is 0; PH_E_NUMERIC for one beyond PH_HAZARD_LOG_MAX) and, unless NULL,
 * gradient[n][p]; PH_E_NUMERIC for a hazard whose derivative has fewer than 9 digits.
 * Errors as for ph_points.
 */
int ph_points_log(const ph_plan *plan, ph_engine engine, ph_quantity what,
                  const double *theta, size_t n, const double *t, double *value,
                  double *gradient, ph_error *error);

/* The same; adds to the tally, unless NULL, which engines gave how many values. */
int ph_points_log_tally(const ph_plan *plan, ph_engine engine, ph_quantity what,
                        const double *theta, size_t n, const double *t, double *value,
                        double *gradient, ph_tally *tally, ph_error *error);

/*
 * Quantiles: t[n] with F(t[i]) = p[i], 0 <= p < 1, or with `upper` S(t[i]) = p[i],
 * 0 < p <= 1, to 1e-12 relative; 0 where the mass absorbed at once is at least the
 * probability asked for. In discrete time the smallest t with F(t) >= p (S(t) <= p),
 * where a relative difference of 1e-13 counts as equal. gradient[n][p], unless NULL,
 * is dt / dtheta = -(dF / dtheta) / f; 0 at the atom and in discrete time.
 * PH_E_USAGE for other p.
 */
int ph_points_quantile(const ph_plan *plan, ph_engine engine, const double *theta,
                       size_t n, const double *p, int upper, double *t,
                       double *gradient, ph_error *error);

/* The same; adds to the tally, unless NULL, as ph_points_log_tally. */
int ph_points_quantile_tally(const ph_plan *plan, ph_engine engine, const double *theta,
                             size_t n, const double *p, int upper, double *t,
                             double *gradient, ph_tally *tally, ph_error *error);

#endif
