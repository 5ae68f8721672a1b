/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TRACE_SHIFTED_H
#define PHASIC_TRACE_SHIFTED_H

#include <stddef.h>

#include "phasic/num/lanes.h"
#include "phasic/trace/trace.h"

/*
 * Systems with z I - S for a complex z, a block at a time: the replay of a trace with z
 * added to the exit mass of every state. No pivots are sought: this is stable
 * for every z with a positive distance to the numbers that the eigenvalues of S can be
 * (dist/contour.h keeps it), and where it is not the caller's checks see it.
 *
 * A complex row is two rows of lanes: element i has its real part in a[2 i] and its
 * imaginary part in a[2 i + 1]. All arrays have 64-byte alignment.
 */

/* Rates of edges from u, as for ph_trace_eliminate: rate[n_edges]. */
void ph_trace_edge_rates(const ph_trace *self, const double *u, ph_lanes *rate);
/* Doubles of `work`. */
size_t ph_trace_shifted_work(const ph_trace *self);
/*
 * The way there: x[n + 1] complex holds a start law on entry, 0 for absorption, and
 * becomes x (z I - S)^-1, and x (z I - S)^-1 s for absorption; work is kept for the way
 * back. z[3]: the number is z[0] - z[2] + i z[1], and z[2] is taken from the rates out
 * of a component before z[0] is added, so that nothing is lost where they nearly
 * cancel. Without cycles nothing is eliminated, and the cost is that of the edges.
 */
void ph_trace_shifted_forward(const ph_trace *self, const ph_lanes *rate,
                              const ph_lanes *z, ph_lanes *work, ph_lanes *x);
/*
 * The way back: q[n + 1] complex becomes (z I - S)^-1 (seed_0 s + seed_1), seed_0 for
 * absorption, seed[2] complex; and for every edge i -> j, rate_bar[n_edges] +=
 * Re(x_i (q_j - q_i)).
 */
void ph_trace_shifted_backward(const ph_trace *self, const ph_lanes *rate,
                               const ph_lanes *work, const ph_lanes *x,
                               const ph_lanes *seed, ph_lanes *q, ph_lanes *rate_bar);

#endif
