/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_STATE_GRAPH_H
#define PHASIC_STATE_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/base/error.h"
#include "phasic/base/log.h"
#include "phasic/model/epochs.h"
#include "phasic/model/model.h"
#include "phasic/model/pool.h"

/*
 * The state graph: transient states 0..n-1 in the order breadth-first search from the
 * start finds them; vertex n is absorption (all absorbing states are one). Immutable.
 *
 * An edge's rate is the sum over its terms of coefficient * u[node], u the pool's
 * values. Every coefficient is positive: a rate whose linear form has a negative
 * coefficient, or a node that may be negative, is one term of coefficient 1 on a node
 * of its own, so that no sum over terms ever cancels. Where the value of a node in
 * `used` is negative or not finite, that parameter vector is outside the model
 * (log-density minus infinity).
 */
typedef struct ph_graph {
    int discrete; /* coefficients are probabilities; the rest of a state's mass stays */
    size_t n;     /* transient states */
    ph_pool *pool;     /* owned; its parameters are the model's inputs (model.h) */
    ph_epochs *epochs; /* owned; NULL: the rates stay the same. The graph is one for all
                          epochs: rates may be 0 in some of them */
    size_t n_used;     /* pool nodes that edges, or the start, refer to: */
    uint32_t *used;    /* [n_used] ascending; terms hold indices into this list */

    size_t n_edges;     /* distinct (source, target), sorted by source, then target */
    size_t *row;        /* [n + 1] first edge of each state */
    uint32_t *target;   /* [n_edges] 0..n */
    size_t *edge_term;  /* [n_edges + 1] first term of each edge */
    uint32_t *term_use; /* [terms] index into used, ascending within an edge */
    double *term_coefficient; /* [terms] > 0 */

    size_t n_starts; /* start law, sorted by state; probabilities may be < 1 in sum */
    uint32_t *start; /* [n_starts] 0..n: n is mass that is absorbed at once */
    int start_is_complete; /* they sum to 1 with those of n: no rest is implied */
    size_t *start_term;    /* [n_starts + 1] */
    uint32_t *start_use;
    double *start_coefficient;

    size_t n_entries;   /* state key length; 1 for matrix and graph models: */
    int32_t *keys;      /* [n][n_entries], there the number of the vertex in the file */
    size_t n_absorbing; /* distinct absorbing states found */
    size_t distance;    /* fewest jumps from the start to absorption */
    size_t bytes;       /* memory held, keys included */
} ph_graph;

/*
 * Enumerates the states of a model. `max_states` (0: no limit) stops a state space that
 * does not end with an error. Errors (PH_E_MODEL) show the state and the transition:
 * negative entry, index outside, rate negative for every theta, start probabilities,
 * states from which absorption cannot be reached.
 */
int ph_graph_build(ph_graph **self, const ph_model *model, size_t max_states,
                   const ph_log *log, ph_error *error);
void ph_graph_free(ph_graph *self);

/* The edge from state `from` to state `to`, or n_edges where there is none. */
size_t ph_graph_edge(const ph_graph *self, uint32_t from, uint32_t to);

/* A reward in every transient state: amount[n]. `reward` indexes model->rewards; -1 is
 * time (1 everywhere). PH_E_MODEL where an amount is negative. */
int ph_graph_reward(const ph_graph *self, const ph_model *model, long reward,
                    double *amount, ph_error *error);

/* "(left=3, right=0)" for messages and listings; buffer of `size` bytes. */
char *ph_graph_state_text(const ph_graph *self, const ph_model *model, size_t state,
                          char *buffer, size_t size);

/* Strongly connected components of the transient states (Tarjan, iterative). */
typedef struct ph_components {
    size_t count;
    uint32_t *of; /* [n] component of each state, numbered so that edges go upward */
    size_t largest;
    int cyclic; /* some component has more than one state */
} ph_components;
int ph_components_find(ph_components *self, const ph_graph *graph);
void ph_components_free(ph_components *self);

#endif
