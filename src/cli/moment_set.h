/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_MOMENT_SET_H
#define PHASIC_CLI_MOMENT_SET_H

#include "job.h"
#include "phasic/moment/moments.h"

/* The rewards a command asks for, with what computes their moments. */
typedef struct ph_moment_set {
    size_t length;
    long *reward;      /* [length] number in the model, -1: time */
    const char **name; /* [length] the model's */
    ph_trace *trace;
    ph_moments *moments;
    ph_moments_value *value; /* plain, one parameter vector */
    double *work;            /* of the queries in moments.h */
} ph_moment_set;

/*
 * `names` is a list divided by commas, NULL: time and all rewards of the model. Orders
 * 1..order (>= 2), the first `gradient` of them with derivatives. PH_E_USAGE for
 * unknown names and names given twice.
 */
int ph_moment_set_new(ph_moment_set *self, const ph_job *job, const char *names,
                      size_t order, size_t gradient, const ph_log *log,
                      ph_error *error);
void ph_moment_set_free(ph_moment_set *self);

/* Everything at theta[p]. PH_E_NUMERIC where theta is outside the model or a mean is
 * not finite. */
int ph_moment_set_eval(ph_moment_set *self, const double *theta, size_t p,
                       ph_error *error);

#endif
