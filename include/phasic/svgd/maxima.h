/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_MAXIMA_H
#define PHASIC_SVGD_MAXIMA_H

#include "phasic/svgd/svgd.h"

/* What keeps a maximum from being one with a finite covariance. */
typedef enum ph_maximum_fault {
    PH_MAXIMUM_FINE,
    PH_MAXIMUM_FLAT,      /* the information is singular along `direction` */
    PH_MAXIMUM_EDGE,      /* log p rises to a limit where z[dimension] has no bound */
    PH_MAXIMUM_UNBOUNDED, /* log p rises there without a limit */
    PH_MAXIMUM_WALL,      /* the neighbourhood reaches where log p = -inf */
    PH_MAXIMUM_RESTLESS   /* the search stopped before it came to rest */
} ph_maximum_fault;

/* One local maximum of log p. */
typedef struct ph_maximum {
    double log_p;
    double *z;          /* [d] */
    double *hessian;    /* [d][d] of -log p at z, as it is */
    double *covariance; /* [d][d] its inverse; NaN where the fault is not FINE */
    double *direction;  /* [d] least information: unit vector in the starts' spreads */
    int weak;           /* sd along it is above three of these spreads */
    ph_maximum_fault fault;
    size_t dimension; /* of EDGE and UNBOUNDED */
    int sign;         /* of the way z goes there: -1, 1 */
    double share;     /* of the mass of all maxima by their normal approximations */
} ph_maximum;

typedef struct ph_maxima {
    size_t d, n;
    ph_maximum *maximum; /* [n] highest first */
    uint64_t value_evaluations, score_evaluations;
} ph_maxima;

/*
 * The local maxima of the target's log p: settings->starts and ->seed are used. Found
 * by Newton's method from all starts, polished until the score is rounding, with
 * Hessians from central differences of scores extrapolated once. Those more than 8
 * below the highest are left out. Returns 0 (faults are in the maxima),
 * PH_E_INTERRUPTED, PH_E_MEMORY, PH_E_NUMERIC or what the target returned.
 */
int ph_maxima_find(ph_maxima **self, const ph_target *target,
                   const ph_svgd_settings *settings, const ph_log *log,
                   ph_error *error);
void ph_maxima_free(ph_maxima *self);

#endif
