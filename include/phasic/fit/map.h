/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_FIT_MAP_H
#define PHASIC_FIT_MAP_H

#include "phasic/fit/fit.h"
#include "phasic/svgd/maxima.h"

/*
 * Maxima of a posterior's density, or of the likelihood: what is maximised is what the
 * posterior was made of (ph_posterior_new_of). Their normal approximation is one in z,
 * with the exact Hessian there; at a maximum over theta the Hessian in theta is that in
 * z divided by the slopes of the transform, so that standard errors are those of the
 * information in theta.
 */
typedef struct ph_map_mode {
    double log_p;          /* the maximised log density or log-likelihood */
    double log_likelihood; /* of the data there */
    double share;          /* of the mass, by the normal approximations */
    double *value;         /* [columns] parameters, then derived quantities */
    double *error; /* [columns] standard errors, of derived quantities by their slopes;
                      0 for fixed parameters, NaN where the information is singular */
} ph_map_mode;

typedef struct ph_map {
    int parts; /* of the posterior: PH_POSTERIOR_... */
    size_t p, n_derived, columns, d;
    size_t n_modes;
    ph_map_mode *mode;     /* highest first */
    double *correlation;   /* [columns][columns] at the first; NaN where error is 0 */
    double observations;   /* total weight of the data */
    double aic, bic;       /* of the first */
    double *lower, *upper; /* [p] supports, for quantiles */
    ph_maxima *maxima;
    uint64_t outside, beyond;
    int converged;
    char reasons[1024];
} ph_map;

/*
 * Finds them from settings->starts starts by settings->seed. compress: let compressed
 * data stand in as for ph_fit_run. They are used only where at every maximum, beside
 * the log density, the scores say that all data have it at the same place to 1e-9 and
 * with the same standard errors to 1e-7; else the data are used. Returns 0 also where a
 * maximum has no standard errors, lies at the edge of the support or does not exist:
 * then `converged` is 0 and `reasons` name the parameters.
 */
int ph_map_run(ph_map **self, ph_posterior *posterior, const ph_svgd_settings *settings,
               int compress, const ph_log *log, ph_error *error);
void ph_map_free(ph_map *self);

/*
 * Quantile of a column by the normal approximation at a mode: the normal law in z, seen
 * through the transform; of a derived quantity, the normal law with its standard error.
 */
double ph_map_quantile(const ph_map *self, size_t mode, size_t column, double level);

#endif
