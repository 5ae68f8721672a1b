/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_WALKERS_H
#define PHASIC_SVGD_WALKERS_H

#include "sampler.h"

/*
 * Chains of Hamiltonian Monte Carlo that move in step: every leapfrog step of all of
 * them is one batch of the target. In the sampler's frame.
 */
typedef struct ph_walkers {
    size_t n, d;
    double *y, *log_p, *score; /* [n][d], [n], [n][d] state */
    double *next_y, *next_log_p, *next_score;
    double *momentum; /* [n][d] */
    double *start;    /* [n] log p - kinetic energy where the last trajectory began */
    double *error;    /* [n] what its end had more than that; -inf outside the model */
    double *uniform;  /* [n] log of the number that decides */
    double *factor;   /* [d][d] lower factor of the metric's inverse (a covariance) */
    int orthogonal;   /* momenta of d walkers in a row; the caller's to set */
} ph_walkers;

/* The metric is the identity; y, log_p and score are the caller's to set. */
int ph_walkers_init(ph_walkers *self, size_t n, size_t d);
void ph_walkers_clear(ph_walkers *self);

/*
 * One trajectory of all: `leapfrogs` steps of length epsilon, then the Metropolis
 * decision. Random numbers by (seed, PH_RNG_CHAIN, walker, iteration). *acceptance is
 * the mean probability. Walkers are independent of each other unless `orthogonal` is
 * set, and each is a chain of its own right either way.
 */
int ph_walkers_move(ph_walkers *self, ph_sampler *sampler, uint32_t iteration,
                    int leapfrogs, double epsilon, double *acceptance);

#endif
