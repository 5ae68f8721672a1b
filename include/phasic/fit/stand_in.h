/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_FIT_STAND_IN_H
#define PHASIC_FIT_STAND_IN_H

#include "phasic/fit/fit.h"
#include "phasic/svgd/maxima.h"

/* A posterior whose data are compressed; empty (zero) where that is not worth it. */
typedef struct ph_stand_in {
    ph_posterior *whole; /* for which it stands in; not owned */
    ph_data *data;
    ph_lik *lik;
    ph_posterior *posterior;
} ph_stand_in;

/*
 * Finds the coarsest compression that agrees with the posterior at its starting points;
 * leaves *self empty where there is none or the data are few.
 */
int ph_stand_in_find(ph_stand_in *self, ph_posterior *posterior, uint64_t seed,
                     const ph_log *log, ph_error *error);

/* Compares both at up to PH_LANES of the points z[n][d], spread evenly over them. */
int ph_stand_in_check(const ph_stand_in *self, ph_posterior *posterior, size_t n,
                      const double *z, int *agrees);

/*
 * Compares both at a maximum of the first: log densities as above, and where it has a
 * covariance the scores. The Newton step that leads from it to the maximum of all data
 * moves no parameter by more than 1e-9 of its value or standard error, whichever is
 * larger; the Hessian, by differences over half a standard error to each side, changes
 * no variance by more than 1e-7 of it.
 */
int ph_stand_in_check_maximum(const ph_stand_in *self, ph_posterior *posterior,
                              const ph_maximum *at, int *agrees);

/* Its tally and the error of a forced engine go to the posterior that it stood in for.
 */
void ph_stand_in_free(ph_stand_in *self);

#endif
