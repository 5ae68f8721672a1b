/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_LOO_H
#define PHASIC_REPORT_LOO_H

#include <stddef.h>

#include "phasic/base/error.h"

/*
 * Leave-one-out cross-validation by Pareto smoothed importance sampling, and WAIC
 * (Vehtari, Gelman & Gabry 2017, "Practical Bayesian model evaluation using
 * leave-one-out cross-validation and WAIC"), of one observation from its log
 * densities at posterior draws.
 */
typedef struct ph_loo_point {
    double elpd;   /* log density of the observation given all others */
    double error;  /* Monte Carlo standard error of elpd with independent draws */
    double lpd;    /* log density given all, itself included */
    double k;      /* shape of the tail of the importance weights */
    double p_waic; /* variance of the log density over the draws */
} ph_loo_point;

/*
 * log_density[draws] -> *point. work[3 draws]. -inf among the densities (the
 * observation cannot happen at a draw) makes elpd -inf and k infinite. PH_E_MEMORY.
 */
int ph_loo_of_point(size_t draws, const double *log_density, double *work,
                    ph_loo_point *point);

/* Sums over observations, each of which stands for weight[i] equal ones. */
typedef struct ph_loo {
    double observations;       /* sum of the weights */
    double elpd, elpd_se;      /* by PSIS-LOO; se over observations */
    double p_loo, p_loo_se;    /* effective number of parameters */
    double monte_carlo;        /* standard error of elpd from the finite draws */
    double waic_elpd, waic_se; /* elpd by WAIC */
    double p_waic, p_waic_se;
    double worst_k;
    double k_count[4];    /* weights with k <= 0.5, 0.7, 1, beyond */
    double waic_unstable; /* weight with p_waic > 0.4 */
    double good_k;        /* min(1 - 1 / log10(effective), 0.7) */
    double bad;           /* weight with k beyond good_k */
} ph_loo;

/*
 * `effective` of the draws are as good as independent: what Monte Carlo errors and the
 * verdict on k go by.
 */
void ph_loo_sum(size_t n, const ph_loo_point *point, const double *weight, size_t draws,
                double effective, ph_loo *sum);

/*
 * elpd of a less that of b, and the standard error of that difference over the
 * observations, which both hold in the same order.
 */
void ph_loo_difference(size_t n, const ph_loo_point *a, const ph_loo_point *b,
                       const double *weight, double *difference, double *se);

#endif
