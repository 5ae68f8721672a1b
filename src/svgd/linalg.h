/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_LINALG_H
#define PHASIC_SVGD_LINALG_H

#include "phasic/num/rank.h"

/* Dense algebra on small d x d row-major matrices. */

double ph_dot(size_t d, const double *a, const double *b);

/* Lower factor L of a = L L'. Returns 0, or PH_E_NUMERIC if a is not positive definite;
 * l may be a. The part above the diagonal is set to zero. */
int ph_cholesky(size_t d, const double *a, double *l);
void ph_solve_lower(size_t d, const double *l, double *x);            /* x <- L^-1 x */
void ph_solve_lower_transposed(size_t d, const double *l, double *x); /* x <- L'^-1 x */
double ph_cholesky_log_det(size_t d, const double *l);                /* log |L L'| */
/* a^-1 from its factor. */
void ph_cholesky_inverse(size_t d, const double *l, double *inverse);

/* a <- (a + a') / 2 */
void ph_symmetrise(size_t d, double *a);

/*
 * Eigenvalues (ascending) and orthonormal eigenvectors (vector k in row k) of a
 * symmetric matrix. Returns 0, PH_E_MEMORY or PH_E_NUMERIC.
 */
int ph_eigen(size_t d, const double *a, double *values, double *vectors);

/* a <- sum_k values[k] v_k v_k' */
void ph_from_eigen(size_t d, const double *values, const double *vectors, double *a);

/*
 * Weighted mean[d] and covariance[d][d] of x[n][d]; weights sum to 1, NULL for equal
 * ones. covariance may be NULL.
 */
void ph_moments(size_t n, size_t d, const double *x, const double *weight, double *mean,
                double *covariance);

/*
 * Sorts n points x[n][d], weighted as above, along their direction of largest variance:
 * order[n] with the place along it as key. PH_E_MEMORY or PH_E_NUMERIC.
 */
int ph_order_along(size_t n, size_t d, const double *x, const double *weight,
                   ph_ranked *order);

#endif
