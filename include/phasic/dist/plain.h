/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_PLAIN_H
#define PHASIC_DIST_PLAIN_H

#include <stddef.h>

#include "phasic/dist/sweep.h"

/*
 * The definition of the sweep: uniformization of one parameter vector edge by edge in
 * long double, all vectors stored, Poisson weights one by one from their logarithm, no
 * scaling. Slow and memory-hungry; the fast engine is tested against it.
 *
 * u[nodes]; n observations of kind[i] at t[i] give log_value[i]; a PH_INTERVAL is
 * (t[i], t2[i]] with the conventions of ph_sweep_log_interval, and t2 may be NULL where
 * there is none. Where u_bar is not NULL, adds d/du of sum_i weight[i] log_value[i] to
 * it. Returns PH_E_NUMERIC where u is outside the model, PH_E_MEMORY, or 0.
 */
int ph_plain_eval(const ph_plan *plan, const double *u, size_t n,
                  const ph_sweep_kind *kind, const double *t, const double *t2,
                  double *log_value, const double *weight, double *u_bar);

#endif
