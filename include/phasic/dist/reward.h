/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_REWARD_H
#define PHASIC_DIST_REWARD_H

#include <stddef.h>

#include "phasic/base/error.h"
#include "phasic/dist/plan.h"
#include "phasic/state/graph.h"

/*
 * The reward transform (Kulkarni 1989, "A new class of multivariate phase type
 * distributions"; Bladt & Nielsen 2017, "Matrix-Exponential Distributions in Applied
 * Probability"): the plan of the reward Y that is earned until absorption, in place of
 * the time.
 *
 *   continuous time: Y is the integral of amount[X_t]. It is phase-type on the states
 *     that earn something, with rates r_ij / amount_i;
 *   discrete time: Y is the sum of amount over the visits, the start counted. Amounts
 *     are whole numbers, and a state that earns k becomes a chain of k vertices.
 *
 * States that earn nothing are eliminated from the jump chain without subtraction
 * (Grassmann, Taksar & Heyman 1985); what they give are nodes of the plan behind those
 * of the pool. Mass that is absorbed without earning anything is an atom at 0: start
 * mass at vertex n of plan->graph, whose start law is complete (start_is_complete).
 *
 * amount[graph->n] as ph_graph_reward fills it. The plan refers to graph->pool; its
 * graph is its own, without a pool, and lists in `keys` the state that each of its
 * vertices came from. Where no state earns 0 its edges are those of `graph` scaled.
 *
 * `model` describes states in messages; max_states (0: no limit) bounds the vertices of
 * chains. Errors: PH_E_MODEL where an amount is negative, not finite, or (discrete
 * time) not whole, where the graph has epochs (rates change with time, not with what
 * was earned), where no state earns anything, where amounts are so small that rates
 * overflow, and where there are too many vertices; PH_E_MEMORY.
 */
int ph_plan_new_reward(ph_plan **self, const ph_graph *graph, const ph_model *model,
                       const double *amount, size_t max_states, ph_error *error);

#endif
