/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_KERNEL_H
#define PHASIC_SVGD_KERNEL_H

#include "ensemble.h"

/*
 * Stein variational Newton step (Detommaso et al. 2018, block-diagonal):
 * step[n][d] = (Hb_i)^-1 phi_i with Hb_i = (1/n) sum_j [K_ij^2 H_j + g_ij g_ij'],
 * g_ij = grad_{y_j} K_ij, K_ij = exp(-(y_i-y_j)' M (y_i-y_j) / 2) and M the mean of the
 * H_i over d. phi[n][d] is the SVGD direction; *norm its size in the metric M^-1.
 */
int ph_kernel_newton(const ph_ensemble *self, double *phi, double *step, double *norm);

/*
 * Preconditioned SVGD step for many dimensions: RBF kernel in the metric `metric` with
 * h^2 the median squared distance, rows normalised by their mean kernel value, plus the
 * linear kernel 1 + u_i' u_j (Liu & Wang 2018); the step is metric^-1 phi. *length is
 * the longest stable step.
 */
int ph_kernel_preconditioned(const ph_ensemble *self, const double *metric, double *phi,
                             double *step, double *norm, double *length);

/*
 * Affine Stein residuals over each cluster, the worst of all: r1 = max_k
 * |(C mean score)_k| / sqrt(C_kk), r2 = max_k |mean(score_k (y_k - mean_k)) + 1|.
 */
int ph_kernel_residuals(const ph_ensemble *self, double *r1, double *r2);

/* Kernel Stein discrepancy with the inverse multiquadric kernel
 * (1 + |x - y|^2)^(-1/2) in the frame. */
int ph_kernel_ksd(const ph_ensemble *self, double *ksd);

#endif
