/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_LIK_LIK_H
#define PHASIC_LIK_LIK_H

#include <stddef.h>

#include "phasic/data/data.h"
#include "phasic/dist/plan.h"
#include "phasic/dist/points.h"

/*
 * Log-likelihood of a data set: the sum over observations of
 *
 *   weight (log f(time), log S(time), log F(time) or log (F(upper) - F(time)),
 *           less log S(entry) where truncated on the left)
 *
 * by their kinds, with the process of the part that they belong to. Several totals of
 * one row enter by their marginal densities (composite likelihood: Varin, Reid & Firth
 * 2011). Immutable; refers to plans and data.
 */
typedef struct ph_lik ph_lik;
typedef struct ph_lik_work
    ph_lik_work; /* one per worker; grows when a sweep needs it */

/*
 * plan[data->n_parts]: the process of each part, all with the same parameters; one plan
 * may serve several parts. PH_E_DATA where an observation cannot happen under any
 * parameters: a time of 0 in a model without immediate absorption. PH_E_FEATURE for an
 * interval from 0 of a process known to run at 0, where the model absorbs at once.
 */
int ph_lik_new_parts(ph_lik **self, const ph_plan *const *plan, const ph_data *data,
                     ph_error *error);
/* One process for all parts. */
int ph_lik_new(ph_lik **self, const ph_plan *plan, const ph_data *data,
               ph_error *error);
/* The same processes with other data of the same parts. */
int ph_lik_new_like(ph_lik **self, const ph_lik *other, const ph_data *data,
                    ph_error *error);
void ph_lik_free(ph_lik *self);
/* With the automatic choice of an engine. */
int ph_lik_work_new(ph_lik_work **self, const ph_lik *lik);
int ph_lik_work_new_engine(ph_lik_work **self, const ph_lik *lik, ph_engine engine);
void ph_lik_work_free(ph_lik_work *self);

/* Bounds uniformization, see ph_serve_limit; a lane beyond has value -inf. Such lanes
 * of the last block. */
void ph_lik_work_limit(ph_lik_work *self, double steps);
unsigned ph_lik_work_beyond(const ph_lik_work *self);
/* Adds what was served so far to the tally. */
void ph_lik_work_tally(const ph_lik_work *self, ph_tally *tally);

/*
 * One block: theta[p][PH_LANES] -> value[PH_LANES] and, unless NULL,
 * gradient[p][PH_LANES] in theta. A lane outside the model (a rate negative or not
 * finite, or an observation of probability zero) has value -inf and gradient 0.
 * Lanes are computed independently but for the uniformization rate, which is the
 * largest of the block's: rounding, not the mathematics, depends on the neighbours.
 * PH_E_MODEL where a contour is forced and does not serve.
 */
int ph_lik_block(const ph_lik *self, ph_lik_work *work, const double *theta,
                 double *value, double *gradient, ph_error *error);
/*
 * After a block whose first lane is -inf: PH_E_NUMERIC where an observation is not
 * impossible there, but its likelihood has left double range.
 */
int ph_lik_check_range(const ph_lik *self, const ph_lik_work *work, ph_error *error);
/*
 * The log densities that the sum is made of, for one of each observation: of
 * data->observation[first .. first + n), value[n][PH_LANES] for a block of parameter
 * vectors theta[p][PH_LANES]; -inf where a lane lies outside the model or the
 * observation cannot happen. `data` are those the likelihood was made of.
 */
int ph_lik_pointwise(const ph_lik *self, ph_lik_work *work, const ph_data *data,
                     size_t first, size_t n, const double *theta, double *value,
                     ph_error *error);
/* The definition, for one parameter vector. */
int ph_lik_plain(const ph_lik *self, const double *theta, double *value,
                 double *gradient, ph_error *error);

#endif
