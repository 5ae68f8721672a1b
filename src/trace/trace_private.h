/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TRACE_PRIVATE_H
#define PHASIC_TRACE_PRIVATE_H

#include "phasic/trace/trace.h"

/*
 * One row of the factors: a state's entries. An entry is one state number and, in a
 * replay, one value.
 */
typedef struct ph_trace_row {
    size_t left;      /* first entry in left_state: */
    uint32_t n_cross; /* - edges to later components, with their rates */
    uint32_t n_lower; /* - states of the same component eliminated before, in order,
                           with the factors p_ik */
    size_t right;     /* first entry in right_state: */
    uint32_t n_upper; /* - states of the same component eliminated later, with U_ij */
    uint32_t component;
} ph_trace_row;

/*
 * The states of a component are neighbours in the order, and components follow each
 * other along the edges. Entries stand in the order of elimination of their rows.
 */
struct ph_trace {
    const ph_graph *graph;
    size_t n, n_left, n_right;
    uint32_t *order;   /* [n] state of each step */
    ph_trace_row *row; /* [n] by state */
    uint32_t *left_state, *right_state;
    ph_trace_summary summary;
};

/* A trace whose arrays are to be filled; NULL when memory is out. */
ph_trace *ph_trace_empty(const ph_graph *graph, size_t n_left, size_t n_right);

/*
 * PH_E_MODEL where a row lacks an entry that its replay needs or entries are out of
 * order; PH_E_MEMORY. All numbers must lie in range.
 */
int ph_trace_check(const ph_trace *self);

/* Fills the summary (all but `order`) from the arrays. */
void ph_trace_count(ph_trace *self);

/*
 * The replay in lanes, once for each instruction set. Pointers have 64-byte alignment;
 * arguments as in trace.h.
 */
typedef struct ph_trace_kernel {
    void (*eliminate)(const ph_trace *self, const double *u, double *work);
    void (*solve)(const ph_trace *self, const double *work, double *h);
    void (*solve_transposed)(const ph_trace *self, const double *work, double *x);
    void (*start)(const ph_trace *self, const double *u, double *x);
    void (*mean)(const ph_trace *self, const double *u, double *work, double *mean,
                 double *u_bar);
} ph_trace_kernel;

/* Those that this processor can run, the best one first; returns their number. */
int ph_trace_kernel_list(const ph_trace_kernel *list[3]);

#endif
