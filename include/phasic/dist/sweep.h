/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_SWEEP_H
#define PHASIC_DIST_SWEEP_H

#include "phasic/base/error.h"
#include "phasic/dist/plan.h"
#include "phasic/num/lanes.h"

/*
 * Uniformization of one block of PH_LANES parameter vectors (Jensen 1953), with its
 * adjoint. One sweep v_0, v_1, ... serves every time asked for; seeds collect what is
 * to be differentiated, and one sweep backward gives the gradient of all of it.
 *
 *   f(t) = Lambda sum_k pi_k(Lambda t) p_k,   p_k = v_{k+1}[absorption]
 *   S(t) = sum_k pi_k(Lambda t) a_k,          a_k = sum_i v_k[i]
 *   F(t) = sum_k pi_k(Lambda t) b_k,          b_k = start mass absorbed at once
 *                                                   + p_0 + ... + p_{k-1}
 *   P(l < T <= u) = sum_k p_k (P(N_u > k) - P(N_l > k)),  N_t Poisson of mean Lambda t
 *
 * pi are Poisson weights and Lambda the largest total rate in the block. None of these
 * depends on Lambda, so it is a constant in differentiation. In discrete time Lambda
 * is 1 and pi_k(t) is 1 at k = t - 1 (mass function) or k = t (survival, distribution
 * function). All sums are of positive terms: each value has its own relative accuracy,
 * F as t goes to 0 and S as t grows, and an interval however narrow or far out.
 *
 * A sweep is the caller's workspace: one per thread, reused from block to block.
 */
typedef struct ph_sweep ph_sweep;

typedef enum ph_sweep_kind {
    PH_DENSITY,
    PH_SURVIVAL,
    PH_DISTRIBUTION,
    PH_INTERVAL /* has two ends; see ph_sweep_log_interval */
} ph_sweep_kind;

int ph_sweep_new(ph_sweep **self, const ph_plan *plan);
void ph_sweep_free(ph_sweep *self);

/*
 * Begins a block: u[nodes][PH_LANES] values of ph_plan_eval, t_max the
 * largest time that will be asked for (a hint that sizes storage). *valid gets one bit
 * a lane: 0 where a rate is negative or not finite, a start probability is
 * outside [0, 1], or (discrete time) a state's probabilities exceed 1. Lanes that are
 * not valid carry arbitrary finite values from here on. u must stay valid for the
 * block. Errors: PH_E_MEMORY.
 */
int ph_sweep_begin(ph_sweep *self, const double *u, double t_max, unsigned *valid);
/* The same for some lanes, bits of `lanes`; the others count as not valid. */
int ph_sweep_begin_lanes(ph_sweep *self, const double *u, double t_max, unsigned lanes,
                         unsigned *valid);

/*
 * log f(t), log S(t) or log F(t) in every lane; -inf where the value is exactly 0
 * because t is 0 or no path is that short, NaN where it lies beyond double range (see
 * PH_SWEEP_TINY). Truncation error is below 1e-17 of the value in every lane.
 */
int ph_sweep_log(ph_sweep *self, ph_sweep_kind kind, double t, double value[PH_LANES]);

/*
 * Adds weight[lane] * log f(t) (or log S(t), log F(t)) to the quantity that
 * ph_sweep_gradient differentiates; `value` is what ph_sweep_log gave. Lanes whose
 * value is not finite get no seed.
 */
int ph_sweep_seed(ph_sweep *self, ph_sweep_kind kind, double t,
                  const double weight[PH_LANES], const double value[PH_LANES]);

/*
 * The same for log P(l < T <= u), 0 <= l <= u. l = 0 gives the distribution function of
 * u, which includes mass absorbed at once; u = INFINITY gives the survival at l; l = u
 * gives -inf. The two steps of ph_sweep_log and ph_sweep_seed.
 */
int ph_sweep_log_interval(ph_sweep *self, double l, double u, double value[PH_LANES]);
int ph_sweep_seed_interval(ph_sweep *self, double l, double u,
                           const double weight[PH_LANES], const double value[PH_LANES]);

/*
 * Adds the derivative of the seeded sum with respect to the plan's nodes to
 * u_bar[nodes][PH_LANES], and clears the seeds.
 */
int ph_sweep_gradient(ph_sweep *self, double *u_bar);

/* Sums below this may have lost digits to the end of double range. */
#define PH_SWEEP_TINY 1e-285

#endif
