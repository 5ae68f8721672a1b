/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TRACE_REVERSE_H
#define PHASIC_TRACE_REVERSE_H

#include "phasic/num/wide.h"
#include "phasic/trace/trace.h"

/*
 * The adjoint of every step of the replay, in quadruple precision: the derivatives of
 * anything that solves with the factors, without the differences h_j - h_i of the usual
 * formula x_i (h_j - h_i).
 *
 * What solves give is a rational function of the rates with coefficients >= 0 (the
 * matrix-tree theorem), of degree at most one in each rate above and below for each
 * solve, so r_e df/dr_e lies within a small multiple of f. Reverse differentiation of
 * the subtraction-free elimination gives it to a few units of rounding times f, where
 * the usual formula subtracts numbers that are larger than f by the number of jumps
 * along an edge. Sources: Grassmann, Taksar & Heyman 1985; O'Cinneide 1993.
 *
 * Works on one parameter vector; `work` holds the factors of ph_trace_eliminate_wide.
 */

/* h[n] becomes (-S)^-1 h; mid[n] receives what the adjoint needs. */
void ph_trace_reverse_solve(const ph_trace *self, const ph_wide *work, ph_wide *h,
                            ph_wide *mid);
/*
 * Adjoint of that solve: h_bar[n] goes from the derivative with respect to the result
 * to that with respect to the right-hand side; bar, as long as work and zeroed before
 * the first solve, gathers that with respect to the factors.
 */
void ph_trace_reverse_solve_adjoint(const ph_trace *self, const ph_wide *work,
                                    const ph_wide *mid, const ph_wide *h,
                                    ph_wide *h_bar, ph_wide *bar);
/* Adjoint of the elimination: consumes bar, adds to u_bar[pool length]. */
void ph_trace_reverse_eliminate_adjoint(const ph_trace *self, const ph_wide *work,
                                        ph_wide *bar, ph_wide *u_bar);

/*
 * The elimination of a process that ends in the states marked in stop[n]: a marked
 * state has no edges, and an exit of rate 1. Plain: u and work as for
 * ph_trace_eliminate_plain, whose solves then apply.
 */
void ph_trace_eliminate_stopped(const ph_trace *self, const double *u,
                                const unsigned char *stop, double *work);

#endif
