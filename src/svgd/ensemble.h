/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_ENSEMBLE_H
#define PHASIC_SVGD_ENSEMBLE_H

#include "sampler.h"

/* The particles, in the sampler's frame. */
typedef struct ph_ensemble {
    size_t n, d, clusters;
    double *y, *log_p, *score;   /* [n][d], [n], [n][d] */
    double *last_y, *last_score; /* [n][d] before the last move */
    double *hessian;             /* [n][d][d] positive curvature at each particle */
    size_t *cluster;          /* [n] the mode whose neighbourhood it is in; ascending */
    double *reference;        /* [clusters][d][d] Hessians of the modes */
    double *reference_factor; /* [clusters][d][d] their lower factors */
    double *mode;             /* [clusters][d] */
    int differences;          /* how curvature is found */
    size_t iterations;
    double r1, r2;
    double *history; /* [iterations][4] */
    size_t history_capacity;
} ph_ensemble;

/*
 * Places the particles: scrambled Sobol normals through each mode's Laplace
 * approximation, spread over the modes by their Laplace weights, and evaluates them.
 */
int ph_ensemble_init(ph_ensemble *self, ph_sampler *sampler, const ph_mode *modes,
                     size_t n_modes);
void ph_ensemble_clear(ph_ensemble *self);

/* Stage 2: moves the particles by Stein variational Newton (d <= PH_NEWTON_DIMENSIONS)
 * or matrix-preconditioned SVGD. */
int ph_ensemble_transport(ph_ensemble *self, ph_sampler *sampler);
enum { PH_NEWTON_DIMENSIONS = 10 };

/*
 * Curvature at every particle, symmetric, its eigenvalues relative to the Hessian of
 * the particle's mode clipped. Up to PH_NEWTON_DIMENSIONS: from the scores of the
 * neighbours (no evaluations: local linear regression of score differences on position
 * differences, shrunk towards that Hessian), or, with self->differences, by differences
 * of scores (d evaluations a particle, one batch). Beyond: the inverse covariance of
 * its cluster.
 */
int ph_ensemble_curvature(ph_ensemble *self, ph_sampler *sampler);

#endif
