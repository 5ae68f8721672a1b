/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_IMPORTANCE_H
#define PHASIC_SVGD_IMPORTANCE_H

#include "calibrate.h"
#include "ensemble.h"
#include "proposal.h"

/* A weighted sample with its diagnostics, in the sampler's frame. */
typedef struct ph_sample {
    size_t n, d, capacity, n_columns;
    double *y, *z, *log_p, *score; /* [n][d], [n][d], [n], [n][d] */
    double *natural;               /* [n][n_natural] as reported; NULL: as z */
    size_t n_natural;              /* d and the derived quantities */
    double *density;               /* [n][n_columns] log density of each mixture */
    double *log_q;                 /* [n] of all mixtures together */
    size_t *label;                 /* [n] cluster of the component it came from */
    double *weight, *calibrated;   /* [n] sum to 1 */
    double ess, pareto_k,
        moment_k;         /* moment_k: worst k of weight * squared deviation */
    double largest;       /* largest weight * n */
    size_t moment_column; /* of moment_k, as those of ph_calibration */
    double kurtosis;      /* worst over z */
    double log_evidence, log_evidence_error;
    double inefficiency; /* draws per independent draw beyond the weights */
    double rhat;         /* of chains */
    size_t batches;
    ph_nets nets; /* of importance draws */
    ph_calibration calibration;
    ph_residuals residuals; /* of the calibration; empty where there was none */
} ph_sample;

int ph_sample_reserve(ph_sample *self, size_t n);
/*
 * Sets z and natural of points from..n-1 from y. A point outside the model counts
 * nowhere, and its natural values are zero.
 */
int ph_sample_place(ph_sample *self, const ph_sampler *sampler, size_t from);
void ph_sample_clear(ph_sample *self);

/* Limits of the verdict. */
#define PH_MOMENT_LIMIT 0.7  /* of moment_k */
#define PH_WEIGHT_LIMIT 25.0 /* of one draw, times n */
#define PH_STEIN_LIMIT                                                                 \
    6.0 /* an identity off by so many of its errors: mass is missing */
#define PH_RHAT_LIMIT 1.01
#define PH_CROSSINGS  400 /* between modes: their masses to a twentieth */

/* Effective size and tail indices of a sample whose weights are set. */
int ph_sample_tails(ph_sample *self);

/* Calibrated weights and the errors of the summaries. */
int ph_sample_calibrate(ph_sample *self, const double *basis);

/* Are the weights (even), and the errors too (good), as asked for? */
int ph_sample_even(const ph_sample *self, const ph_svgd_settings *settings);
int ph_sample_good(const ph_sample *self, const ph_svgd_settings *settings);

/* Limit of k for n values: Vehtari et al. 2024, min(0.7, 1 - 1 / log10 n). */
double ph_pareto_limit(size_t n);

/* The proposals of stage 3 with what was drawn from each. */
enum { PH_MIXTURES = 13 };
typedef struct ph_importance {
    size_t n_mixtures;
    ph_student_mixture mixture[PH_MIXTURES];
    size_t count[PH_MIXTURES]; /* draws so far */
} ph_importance;

/* Beyond this many dimensions importance weights miss tails without showing it
 * (docs/inference.md): chains are the correction there. */
enum { PH_IMPORTANCE_DIMENSIONS = 8 };

/* The mixtures on the particles and on the modes. */
int ph_importance_init(ph_importance *self, ph_sampler *sampler,
                       const ph_ensemble *ensemble);
void ph_importance_clear(ph_importance *self);

/*
 * Stage 3: importance sampling, batch by batch, with components added where the weights
 * are large, until the sample is good or the batches are used up.
 */
int ph_importance_run(ph_importance *self, ph_sample *sample, ph_sampler *sampler);

/* One batch of values only: enough for the evidence when chains give the sample. */
int ph_importance_probe(ph_importance *self, ph_sample *sample, ph_sampler *sampler);

/*
 * Log evidence by bridge sampling (Meng & Wong 1996) between the importance draws and
 * the draws of chains, which unlike plain importance sampling does not depend on the
 * proposal's tails; replaces that of `sample`.
 */
int ph_importance_bridge(const ph_importance *self, ph_sample *sample,
                         const ph_sample *chains, double log_det);

#endif
