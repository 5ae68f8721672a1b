/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_SHAPE_H
#define PHASIC_SVGD_SHAPE_H

#include "phasic/svgd/classical.h"

/*
 * Kernels of u, coordinates in which the metric is the unit matrix: k(u, w) =
 * f(|u - w|^2 / h^2). Returns f and, in *slope, the factor in grad_w k = slope * (u -
 * w) / h^2, which is >= 0: particles repel.
 */
double ph_shape_value(ph_shape shape, double q, double *slope);

/* u = L' x and v = L^-1 score for n points; A = L L' is the metric. A direction phi in
 * u is L phi in x. */
void ph_shape_whiten(size_t n, size_t d, const double *factor, const double *x,
                     const double *score, double *u, double *v);

/*
 * phi[n][d] = (1/n) sum_j [k(u_j, u_i) v_j + grad_{u_j} k(u_j, u_i)], or, `normalise`,
 * each row divided by sum_j k(u_j, u_i) in place of n.
 */
void ph_shape_sum(ph_shape shape, size_t n, size_t d, const double *u, const double *v,
                  double h2, int normalise, double *phi);

/*
 * Adds to phi[n][d] the same sum for the linear kernel 1 + c (u - mean)'(w - mean)
 * (Liu & Wang 2018), the mean taken as a constant. work[2 d + d d].
 */
void ph_shape_add_linear(size_t n, size_t d, const double *u, const double *v, double c,
                         double *phi, double *work);

#endif
