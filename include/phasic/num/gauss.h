/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_NUM_GAUSS_H
#define PHASIC_NUM_GAUSS_H

#include <stddef.h>

#define PH_GAUSS_MAX 32

/*
 * The n-point Gauss rule of a discrete measure: given m points x (distinct, ascending)
 * with weights w > 0, n < m, n <= PH_GAUSS_MAX, finds nodes strictly inside
 * [x[0], x[m-1]] and weights > 0 with
 *
 *   sum_i w_i g(x_i) = sum_k weight_k g(node_k)   for all polynomials g of degree <=
 * 2n-1
 *
 * (Golub & Welsch 1969; Lanczos as in Gautschi 2004, section 2.2.3). nodes ascend. work
 * holds (n + 2) * m doubles. Returns 0, or PH_E_NUMERIC where the eigenvalues cannot be
 * had.
 */
int ph_gauss_rule(size_t m, const double *x, const double *w, size_t n, double *node,
                  double *weight, double *work);

#endif
