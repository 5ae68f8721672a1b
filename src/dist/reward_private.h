/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_REWARD_PRIVATE_H
#define PHASIC_DIST_REWARD_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/num/lanes.h"
#include "phasic/state/graph.h"

#define PH_NO_SLOT UINT32_MAX

/*
 * The reduction: the recorded elimination of the states that earn nothing ("silent").
 * Its values are nodes of the plan behind the `base` nodes of the pool, in this order:
 *
 *   slots        entry r_ij of a row i that is silent, or an earning state, or the
 * start law (row n of the recorder). Loaded slots hold what the graph gives, and become
 * p_ik when k is eliminated; the others begin at 0 and hold what elimination adds to an
 * entry totals       R_k of every step complements  1 - a sum of pool nodes, at least 0
 *   guard        in discrete time: 0, or NaN where the probabilities of a silent state
 *                exceed 1
 */
typedef struct ph_reduction {
    size_t base, n_nodes; /* nodes of the pool; of the reduction */
    size_t n_slots, n_loaded, n_steps, n_complements;
    int has_guard;

    size_t *load_begin; /* [n_loaded + 1] terms of each loaded slot */
    uint32_t *load_node;
    double *load_coefficient;
    size_t *row_slot; /* [n_steps + 1] loaded slots of each silent row (unordered) */

    size_t *in_begin, *out_begin; /* [n_steps + 1] */
    uint32_t *in_slot, *out_slot;
    uint32_t *pair; /* slot that receives p_ik r_kj, by (step, in, out); or none */
    size_t n_pairs;

    size_t *complement_begin; /* [n_complements + 1] */
    uint32_t *complement_node;
    double *complement_coefficient;
    size_t bytes;
} ph_reduction;

void ph_reduction_free(ph_reduction *self);

/* u[base + n_nodes]: fills the reduction's nodes from those of the pool. */
void ph_reduction_eval(const ph_reduction *self, double *u);
void ph_reduction_eval_plain(const ph_reduction *self, double *u);
/*
 * Reverse sweep: u as eval left it; u_bar[base + n_nodes] holds derivatives with
 * respect to all nodes; those of the reduction are consumed and added to those of the
 * pool.
 */
void ph_reduction_adjoint(const ph_reduction *self, const double *u, double *u_bar);
void ph_reduction_adjoint_plain(const ph_reduction *self, const double *u,
                                double *u_bar);

/* An entry of a row that is left when all silent states are gone. */
typedef struct ph_reduced_entry {
    uint32_t vertex; /* 0..n */
    uint32_t slot;
} ph_reduced_entry;

typedef struct ph_reduced_row {
    ph_reduced_entry *item;
    size_t length, capacity;
} ph_reduced_row;

/*
 * Records the reduction of the states with amount 0. row[n + 1] (zeroed) receives the
 * entries that elimination adds to the rows of earning states and to the start law (row
 * n). In discrete time the row of a state that earns 2 or more may hold the state
 * itself: the way back through silent states; elsewhere such loops drop out. The
 * complements are left to the caller. Errors: PH_E_MEMORY.
 */
int ph_reduction_record(ph_reduction **self, const ph_graph *graph,
                        const double *amount, ph_reduced_row *row);

#endif
