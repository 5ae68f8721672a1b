/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TRACE_TRACE_H
#define PHASIC_TRACE_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/state/graph.h"

/*
 * The elimination trace: Grassmann-Taksar-Heyman elimination of the transient states
 * (Grassmann, Taksar & Heyman 1985), recorded once for the sparsity pattern and
 * replayed for every parameter vector. Subtraction-free: exit mass is kept explicitly,
 * so every result is accurate to a few units in the last place however stiff the model.
 */
typedef struct ph_trace ph_trace;

typedef struct ph_trace_summary {
    size_t operations; /* multiply-adds of one replay */
    size_t fill;       /* entries created by elimination */
    size_t bytes;
    size_t components;
    int cyclic;
} ph_trace_summary;

int ph_trace_record(ph_trace **self, const ph_graph *graph);
void ph_trace_free(ph_trace *self);
void ph_trace_summarize(const ph_trace *self, ph_trace_summary *summary);

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

#endif
