/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_SAMPLE_H
#define PHASIC_DIST_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/base/error.h"
#include "phasic/state/graph.h"

/*
 * Exact simulation of the process at one parameter vector (Gillespie 1977, the direct
 * method): the time in a state is exponential (discrete time: a geometric number of
 * steps), the next state is drawn by the rates (probabilities) of its edges; a stay
 * ends with its epoch, and goes on with the rates of the next. Nothing is
 * discretised; the only error is that of uniform numbers of 52 bits.
 *
 * Observation i has a random stream of its own, (seed, PH_RNG_SAMPLE, i): it depends on
 * the seed and on i alone, not on how many observations are drawn, in which order or by
 * how many threads. A sampler is immutable and shared by threads.
 */
typedef struct ph_sampler ph_sampler;

/*
 * theta[p]; amount[n_rewards][n] is what each reward earns per unit of time (discrete
 * time: per step) in each transient state, from ph_graph_reward; copied. n_rewards may
 * be 0. The graph is not needed afterwards. Errors: PH_E_NUMERIC where theta is outside
 * the model (a rate negative or not finite, probabilities above 1) or where a state
 * that can be reached cannot reach absorption because rates are 0; PH_E_MEMORY.
 */
int ph_sampler_new(ph_sampler **self, const ph_graph *graph, const double *theta,
                   size_t n_rewards, const double *amount, ph_error *error);
void ph_sampler_free(ph_sampler *self);

/*
 * Observation number `observation`: returns the time of absorption (0: absorbed at
 * once; discrete time: a whole number of steps), and the totals of the rewards into
 * total[n_rewards] (NULL where there are none). A process that is still running at
 * `limit` is left there: the value returned is some time beyond it, and the totals do
 * not count. INFINITY follows every process to its end. Allocates nothing.
 */
double ph_sampler_draw(const ph_sampler *self, uint64_t seed, uint32_t observation,
                       double limit, double *total);

/*
 * An independent censoring time, exponential with the given rate; it comes from another
 * stream of the same observation, so that censoring does not change the process.
 */
double ph_sampler_censor(uint64_t seed, uint32_t observation, double rate);

/* A trajectory: the states entered and when. Zero-initialise; reused from call to call.
 */
typedef struct ph_sample_path {
    size_t length;   /* >= 1; the last entry is absorption */
    uint32_t *state; /* [length] graph states; n is absorption */
    double *time;    /* [length] when it is entered; time[0] = 0, not decreasing */
    size_t state_capacity, time_capacity;
} ph_sample_path;
void ph_sample_path_free(ph_sample_path *self);

/* The whole trajectory of the same observation as ph_sampler_draw. PH_E_MEMORY. */
int ph_sampler_path(const ph_sampler *self, uint64_t seed, uint32_t observation,
                    ph_sample_path *path);

#endif
