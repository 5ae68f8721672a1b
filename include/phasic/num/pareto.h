/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_NUM_PARETO_H
#define PHASIC_NUM_PARETO_H

#include <stddef.h>

/*
 * Shape k of the generalised Pareto law fitted to the largest of n values >= 0 (Zhang &
 * Stephens 2009; the number of values and the weak prior are those of Vehtari et al.
 * 2024, "Pareto smoothed importance sampling"). k = 1/tail index: moments of order 1/k
 * and above do not exist. 0 where there are too few distinct values. Returns 0 or
 * PH_E_MEMORY. The values are sorted in place.
 */
int ph_pareto_k(size_t n, double *values, double *k);

/* How many of n values make the tail; 0 where n is too small for one. */
size_t ph_pareto_tail(size_t n);

/*
 * Shape and scale of the generalised Pareto law with the density
 * (1 + k x / sigma)^(-1 - 1/k) / sigma, fitted to n >= 5 excesses x > 0 in ascending
 * order. PH_E_MEMORY.
 */
int ph_pareto_fit(size_t n, const double *x, double *k, double *sigma);

/* The excess that the law exceeds with probability 1 - p, 0 <= p < 1. */
double ph_pareto_quantile(double p, double k, double sigma);

#endif
