/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_FIT_MOMENT_PENALTY_H
#define PHASIC_FIT_MOMENT_PENALTY_H

#include "phasic/fit/fit.h"
#include "phasic/trace/trace.h"

/*
 * The penalty that pulls a model's moments to those of the data:
 *
 *   sum_{k=1..order} ((E_theta Y^k - m_k) / s_k)^2
 *
 * with m_k the mean and s_k the standard deviation of the k-th powers of the
 * observations Y. It has no factor for the number of observations: a weight of N / 2
 * would make it, moment by moment, the normal log-likelihood of the sample moments.
 */
typedef struct ph_moment_penalty ph_moment_penalty;

/*
 * For the totals of a reward with amount[n] in each state of the graph, orders 1..order
 * (>= 1). Everything given must outlive the object. PH_E_USAGE where the data are not
 * exact observations of one process, or are all equal; PH_E_MEMORY.
 */
int ph_moment_penalty_new(ph_moment_penalty **self, const ph_posterior *posterior,
                          const ph_data *data, const ph_graph *graph,
                          const ph_trace *trace, const double *amount, size_t order,
                          ph_error *error);
void ph_moment_penalty_free(ph_moment_penalty *self);

/* As a penalty of SVGD; valid as long as self. */
ph_penalty ph_moment_penalty_target(ph_moment_penalty *self);

#endif
