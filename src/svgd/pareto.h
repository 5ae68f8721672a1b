/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_PARETO_H
#define PHASIC_SVGD_PARETO_H

#include <stddef.h>

/*
 * Shape k of the generalised Pareto law fitted to the largest of n values >= 0 (Zhang &
 * Stephens 2009; the number of values and the weak prior are those of Vehtari et al.
 * 2024, "Pareto smoothed importance sampling"). k = 1/tail index: moments of order 1/k
 * and above do not exist. 0 where there are too few distinct values. Returns 0 or
 * PH_E_MEMORY. The values are sorted in place.
 */
int ph_pareto_k(size_t n, double *values, double *k);

#endif
