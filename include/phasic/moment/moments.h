/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MOMENT_MOMENTS_H
#define PHASIC_MOMENT_MOMENTS_H

#include <stddef.h>

#include "phasic/base/error.h"
#include "phasic/num/lanes.h"
#include "phasic/trace/trace.h"

/*
 * Moments of rewards earned until absorption, from the elimination trace. A reward is
 * an amount per unit of time in each transient state (discrete time: per step that
 * begins there); time is the reward that is 1 everywhere. With U = (-S)^-1, D =
 * diag(amount):
 *
 *   continuous  E[Y^r] = r! alpha (U D)^r 1,  E[Y_a Y_b] = alpha U (D_a U D_b +
 *               D_b U D_a) 1                              (Bladt & Nielsen 2017, ch. 8)
 *   discrete    the moments M_r of every state from those of the next one,
 *               (I - P) M_r = sum_{k<r} binomial(r, k) D^(r-k) P M_k
 *
 * Accuracy. Raw moments are sums of products of numbers >= 0: a few units in the last
 * place per elimination step, however stiff the model. Central moments, covariances and
 * gradients subtract; how much they lose is watched in every evaluation, and where it
 * is more than PH_MOMENTS_... below allow, the parameter vector is replayed in
 * quadruple precision with reverse differentiation of the elimination
 * (trace/reverse.h). What is returned is then good to 1e-12 (values) and 1e-10
 * (gradients, normwise) unless the subtraction cancels 20 digits;
 * a covariance below 1e-28 of its terms is rounding, and 0.
 *
 * Graphs with epochs: the moments go backward through the epochs (epochs.c), in long
 * double; p is then that of the model, and PH_E_NUMERIC says that digits were lost.
 *
 * Euler's identity watches gradients: every rate is linear in the pool's nodes u, so
 * sum_k u_k dm_r/du_k over rates is -r m_r exactly (discrete time: -sum v b with the
 * weights v and right-hand sides b of all solves), and the start law's part, kept
 * apart, cannot cancel. Beside it stands the bound eps * sum |terms| on the rounding of
 * the sum, as errors of single terms may cancel in the identity.
 */
#define PH_MOMENTS_EULER 1e-11 /* identity, relative */
#define PH_MOMENTS_NOISE 1e-10 /* bound on the rounding of a gradient, relative */
#define PH_MOMENTS_LOSS  100   /* covariances: sum of |terms| over |result| */
#define PH_MOMENTS_LOSS4 1000  /* third and fourth central moments: the same */

typedef struct ph_moments ph_moments;

/*
 * Moments 1..order of n_rewards rewards amount[n_rewards][n] (copied); order >= 2. The
 * graph and the trace must outlive the object. Immutable. PH_E_MEMORY.
 */
int ph_moments_new(ph_moments **self, const ph_graph *graph, const ph_trace *trace,
                   size_t n_rewards, const double *amount, size_t order);
void ph_moments_free(ph_moments *self);

/*
 * Results and workspace of one thread, L = `lanes` parameter vectors at a time:
 * PH_LANES (the fast engine) or 1 (the plain one, its definition). R rewards, K orders,
 * p parameters, G = `gradient` orders that are differentiated (0: none; 2 or more give
 * the gradient of covariances too).
 */
typedef struct ph_moments_value {
    size_t lanes, gradient;
    double *raw;        /* [R][K][L] */
    double *mean;       /* [R][L] */
    double *covariance; /* [R][R][L], the variances on its diagonal */
    double *skewness;   /* [R][L]; NaN without order >= 3 or where the variance is 0 */
    double *kurtosis;   /* [R][L]; of a normal law 3; NaN without order >= 4 */
    double *d_raw;      /* [R][G][p][L] */
    double *d_covariance; /* [R][R][p][L] where G >= 2 */
    unsigned valid; /* one bit a lane: 0 where theta is outside the model; then NaN */
    size_t evaluations, replays; /* lanes so far, and those in quadruple precision */
    double *theta;               /* [p][L] the caller sets */
    double *u; /* [nodes][L]; with epochs, of the last lane that was evaluated, the
                  array of epochs_private.h */
    double *work, *product, *bar, *cross_bar, *check, *lane;
} ph_moments_value;

int ph_moments_value_new(ph_moments_value **value, const ph_moments *self, size_t lanes,
                         size_t gradient);
void ph_moments_value_free(ph_moments_value *value);

/* Everything at value->theta. PH_E_MEMORY (a replay allocates), PH_E_NUMERIC. */
int ph_moments_eval(const ph_moments *self, ph_moments_value *value);

/* Doubles of workspace that each of the queries below needs. */
size_t ph_moments_query_work(const ph_moments *self);

/*
 * The probability that reward `reward` comes to 0 (for time: mass that is absorbed at
 * once), for one parameter vector: u[nodes] from ph_pool_eval_plain (with epochs, the
 * `u` of a plain ph_moments_value). Mass missing from the start law
 * counts; less than 1e-12 of it is rounding. Solved on the states without the reward.
 */
double ph_moments_defect(const ph_moments *self, size_t reward, const double *u,
                         double *work);

/*
 * Expected total time (discrete: steps) in every transient state, x[n]; u and work as
 * for ph_moments_defect.
 */
void ph_moments_occupancy(const ph_moments *self, const double *u, double *work,
                          double *x);

/*
 * Raw moments of a count from its factorial ones falling[r-1] = E[Y (Y-1) ... (Y-r+1)],
 * by Stirling numbers of the second kind, without a subtraction; row[order] is scratch.
 */
void ph_moments_raw_from_factorial(size_t order, const double *falling, double *row,
                                   double *raw);
/*
 * Factorial moments of the absorption time in discrete time, r! alpha P^(r-1)
 * (I-P)^-r 1, for one parameter vector: falling[order], order that of `self` at most.
 */
void ph_moments_factorial(const ph_moments *self, const double *u, size_t order,
                          double *work, double *falling);

#endif
