/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_FIT_STAND_IN_H
#define PHASIC_FIT_STAND_IN_H

#include "phasic/fit/fit.h"

/* A posterior whose data are compressed; empty (zero) where that is not worth it. */
typedef struct ph_stand_in {
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

void ph_stand_in_free(ph_stand_in *self);

#endif
