/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TRACE_TRACE_H
#define PHASIC_TRACE_TRACE_H

#include <stddef.h>

#include "phasic/base/buffer.h"
#include "phasic/base/error.h"
#include "phasic/base/log.h"
#include "phasic/num/wide.h"
#include "phasic/state/graph.h"

/*
 * The elimination trace: Grassmann-Taksar-Heyman elimination of the transient states
 * (Grassmann, Taksar & Heyman 1985), recorded once for the sparsity pattern and
 * replayed for every parameter vector. Subtraction-free: exit mass is kept explicitly,
 * so every result is accurate to a few units in the last place however stiff the model.
 * Immutable once recorded; refers to the graph, which must outlive it.
 */
typedef struct ph_trace ph_trace;

/* The order in which the states of a strongly connected component are eliminated. */
typedef enum ph_trace_order {
    PH_TRACE_CHOOSE, /* the cheaper of the next two, or nearly so */
    PH_TRACE_MARKOWITZ,
    PH_TRACE_AMD,    /* SuiteSparse, on the symmetrized pattern */
    PH_TRACE_NATURAL /* by state number */
} ph_trace_order;

typedef struct ph_trace_summary {
    size_t operations; /* multiply-adds of one elimination */
    size_t fill;       /* entries created by elimination */
    size_t entries;    /* of the factors, edges between components included */
    size_t bytes;
    size_t components, largest;
    size_t cyclic_components; /* of more than one state */
    int cyclic;
    ph_trace_order order; /* of the largest component; PH_TRACE_NATURAL if acyclic */
} ph_trace_summary;

/*
 * Records the elimination of a graph; `log` may be NULL. PH_E_MEMORY with a sentence
 * where the trace does not fit into the memory that is available, estimated before it
 * is allocated; PH_E_INTERRUPTED.
 */
int ph_trace_record(ph_trace **self, const ph_graph *graph, const ph_log *log,
                    ph_error *error);
/* The same in a given order. */
int ph_trace_record_ordered(ph_trace **self, const ph_graph *graph,
                            ph_trace_order order, const ph_log *log, ph_error *error);
void ph_trace_free(ph_trace *self);
void ph_trace_summarize(const ph_trace *self, ph_trace_summary *summary);
/* "Markowitz", "AMD", "natural". */
const char *ph_trace_order_text(ph_trace_order order);

/*
 * The steps for people: a line for each state in the order of elimination, with the
 * states whose rows it takes in, those it goes on to in its component, and those in
 * later components that its edges leave to.
 */
void ph_trace_dump(const ph_trace *self, const ph_model *model, ph_buffer *out);

/*
 * The same as a graph in Graphviz's language DOT: states in the order of elimination,
 * those of a cyclic component in a box; edges of the model solid, entries that
 * elimination created dotted, absorption a double circle. `name` is the graph's.
 */
void ph_trace_dot(const ph_trace *self, const ph_model *model, const char *name,
                  ph_buffer *out);

/* Doubles of workspace that one replay needs (lanes; the plain one needs 1/8). */
size_t ph_trace_work(const ph_trace *self);

/*
 * Replays the elimination for a block: u[pool length][PH_LANES] from ph_pool_eval. The
 * factors stay in work[ph_trace_work], aligned, whose content before does not matter,
 * and serve any number of solves. S is the sub-intensity matrix (discrete time: P - I).
 */
void ph_trace_eliminate(const ph_trace *self, const double *u, double *work);
/* h[n][PH_LANES] becomes (-S)^-1 h. */
void ph_trace_solve(const ph_trace *self, const double *work, double *h);
/* x[n][PH_LANES], a row vector, becomes x (-S)^-1. */
void ph_trace_solve_transposed(const ph_trace *self, const double *work, double *x);
/* The start law into x[n][PH_LANES]. */
void ph_trace_start(const ph_trace *self, const double *u, double *x);

/*
 * Mean absorption time for a block (eliminates by itself): mean[PH_LANES] (aligned);
 * u_bar (same shape as u, or NULL) receives += d mean / d u.
 */
void ph_trace_mean(const ph_trace *self, const double *u, double *work, double *mean,
                   double *u_bar);

/* The definitions: one parameter vector, the same arrays without lanes. */
void ph_trace_eliminate_plain(const ph_trace *self, const double *u, double *work);
void ph_trace_solve_plain(const ph_trace *self, const double *work, double *h);
void ph_trace_solve_transposed_plain(const ph_trace *self, const double *work,
                                     double *x);
void ph_trace_start_plain(const ph_trace *self, const double *u, double *x);
void ph_trace_mean_plain(const ph_trace *self, const double *u, double *work,
                         double *mean, double *u_bar);

/* The same in quadruple precision, where double does not suffice; u as doubles. */
void ph_trace_eliminate_wide(const ph_trace *self, const double *u, ph_wide *work);
void ph_trace_solve_wide(const ph_trace *self, const ph_wide *work, ph_wide *h);
void ph_trace_solve_transposed_wide(const ph_trace *self, const ph_wide *work,
                                    ph_wide *x);
void ph_trace_start_wide(const ph_trace *self, const double *u, ph_wide *x);
void ph_trace_mean_wide(const ph_trace *self, const double *u, ph_wide *work,
                        ph_wide *mean, ph_wide *u_bar);

#endif
