/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_LIK_LIK_H
#define PHASIC_LIK_LIK_H

#include <stddef.h>

#include "phasic/data/data.h"
#include "phasic/dist/plan.h"
#include "phasic/dist/points.h"

/*
 * Log-likelihood of a data set: sum over observations of weight * log f(time), or of
 * weight * log survival(time) where right-censored. Immutable; refers to plan and data.
 */
typedef struct ph_lik ph_lik;
typedef struct ph_lik_work
    ph_lik_work; /* one per worker; grows when a sweep needs it */

/*
 * PH_E_DATA where an observation cannot happen under any parameters: a time of 0 in a
 * model without immediate absorption.
 */
int ph_lik_new(ph_lik **self, const ph_plan *plan, const ph_data *data,
               ph_error *error);
void ph_lik_free(ph_lik *self);
int ph_lik_work_new(ph_lik_work **self, const ph_lik *lik);
void ph_lik_work_free(ph_lik_work *self);

/*
 * One block: theta[p][PH_LANES] -> value[PH_LANES] and, unless NULL,
 * gradient[p][PH_LANES] in theta. A lane outside the model (a rate negative or not
 * finite, or an observation of probability zero) has value -inf and gradient 0.
 * Lanes are computed independently but for the uniformization rate, which is the
 * largest of the block's: rounding, not the mathematics, depends on the neighbours.
 */
int ph_lik_block(const ph_lik *self, ph_lik_work *work, const double *theta,
                 double *value, double *gradient, ph_error *error);
/* The definition, for one parameter vector. */
int ph_lik_plain(const ph_lik *self, const double *theta, double *value,
                 double *gradient, ph_error *error);

#endif
