/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_PROPOSAL_H
#define PHASIC_SVGD_PROPOSAL_H

#include "ensemble.h"

/*
 * A mixture of Student laws with equal weights: the unit from which proposals are
 * built. Component c is m_c + U_c^-1 x sqrt(nu / chi2_nu), x normal, U_c upper
 * triangular (U'U is its precision).
 */
typedef struct ph_student_mixture {
    size_t n, d, n_factors;
    double nu;
    double *mean;     /* [n][d] */
    double *factor;   /* [n_factors][d][d] upper triangular U */
    double *image;    /* [n][d] U m */
    double *log_norm; /* [n] log density at the mean */
    size_t *shape;    /* [n] which factor */
    size_t *label;    /* [n] cluster */
} ph_student_mixture;

int ph_student_mixture_init(ph_student_mixture *self, size_t n, size_t d, double nu);
void ph_student_mixture_clear(ph_student_mixture *self);

/*
 * Adds the factor of precision[d][d] / scale^2 (scale > 1 widens). Returns 0 or
 * PH_E_NUMERIC where the precision is not positive definite.
 */
int ph_student_mixture_shape(ph_student_mixture *self, const double *precision,
                             double scale);
/* Sets component c at mean[d] with the factor added last. */
int ph_student_mixture_place(ph_student_mixture *self, size_t c, const double *mean,
                             size_t label);

/* log density at n points y[n][d] into out[i * stride]; PH_E_MEMORY or 0. */
int ph_student_mixture_log_density(const ph_student_mixture *self, size_t n,
                                   const double *y, size_t stride, double *out);

/*
 * Draws n points, stratified over the components, from scrambled Sobol points keyed by
 * (seed, step). label[n] receives the clusters.
 */
int ph_student_mixture_draw(const ph_student_mixture *self, size_t n, uint64_t seed,
                            uint32_t step, double *y, size_t *label);

#endif
