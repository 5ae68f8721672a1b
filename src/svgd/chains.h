/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_CHAINS_H
#define PHASIC_SVGD_CHAINS_H

#include "importance.h"

/*
 * The correction where importance weights are not to be trusted: one Hamiltonian Monte
 * Carlo chain per particle, all in step (every leapfrog step is one batch), until
 * split-R-hat < 1.01 and the effective sample size is reached, or the iterations are
 * used up. Fills sample (equal weights) and assesses it.
 */
int ph_chains_run(ph_sample *sample, ph_sampler *sampler, const ph_ensemble *ensemble);

/* How often chains went from one mode's neighbourhood to another's. */
size_t ph_chains_crossings(const ph_sample *sample, const ph_ensemble *ensemble);

/*
 * Effective sample size of x[steps][chains] over split chains (Gelman et al. 2013,
 * Bayesian Data Analysis 3, ch. 11, with Geyer's initial positive sequence), and split
 * R-hat of groups of chains (Margossian et al. 2024, "Nested R-hat": for many short
 * chains the R-hat of single chains measures their length). PH_E_MEMORY or 0.
 */
int ph_chains_mixing(size_t steps, size_t chains, const double *x, double *rhat,
                     double *ess);

#endif
