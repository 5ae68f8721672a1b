/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_HMC_H
#define PHASIC_SVGD_HMC_H

#include "phasic/svgd/mixing.h"
#include "phasic/svgd/svgd.h"

/*
 * Hamiltonian Monte Carlo as a reference: chains that start apart and all move in step,
 * so that every leapfrog step is one batch of the target. Metric and step size adapt
 * during the warm-up and are frozen after it. No importance weights.
 */
typedef struct ph_hmc_settings {
    uint64_t seed;
    size_t starts;  /* of the mode search; default 16 */
    size_t chains;  /* at least 2; default 16 */
    size_t warm_up; /* iterations of each chain; default 300 */
    size_t draws;   /* of all chains after it, a multiple of chains; default 4000 */
} ph_hmc_settings;
void ph_hmc_defaults(ph_hmc_settings *self);

typedef struct ph_hmc_report {
    size_t chains, warm_up, draws; /* of each chain */
    size_t divergences;            /* energy errors above 1000 after the warm-up */
    double acceptance;             /* mean probability after the warm-up */
    double step_size;              /* in standard deviations, after the warm-up */
    double leapfrogs;              /* mean number of a trajectory */
    double e_bfmi;                 /* energy fraction of missing information */
    ph_mixing *mixing;             /* [d] of each dimension */
    ph_mixing density;             /* of log p */
} ph_hmc_report;

/* Limits of the verdict: Vehtari et al. 2021; Betancourt 2016 for E-BFMI. */
#define PH_HMC_RHAT   1.01
#define PH_HMC_ESS    400.0
#define PH_HMC_E_BFMI 0.3

/*
 * Runs the chains. The result's sample is all draws, chain after chain, with equal
 * weights, and its `hmc` is set; its draws are the same. Converged means: R-hat, bulk
 * and tail effective size of every dimension and of log p within the limits, no
 * divergence, E-BFMI above its limit. Returns 0 whether or not it converged;
 * PH_E_USAGE, PH_E_INTERRUPTED, PH_E_MEMORY, PH_E_NUMERIC, or what the target returned.
 */
int ph_hmc_run(ph_svgd_result **result, const ph_target *target,
               const ph_hmc_settings *settings, const ph_log *log, ph_error *error);

void ph_hmc_report_free(ph_hmc_report *self);

#endif
