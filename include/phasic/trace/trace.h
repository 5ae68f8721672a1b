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
 * Mean absorption time for a block: u[pool length][PH_LANES] from ph_pool_eval,
 * mean[PH_LANES] (aligned); u_bar (same shape as u, or NULL) receives += d mean / d u.
 * work[ph_trace_work] is aligned and its content does not matter.
 */
void ph_trace_mean(const ph_trace *self, const double *u, double *work, double *mean,
                   double *u_bar);
/* The definition: one parameter vector, u[pool length]. */
void ph_trace_mean_plain(const ph_trace *self, const double *u, double *work,
                         double *mean, double *u_bar);

#endif
