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
    const ph_sampler *home; /* the modes' frame while the particles are in z, or NULL */
    size_t iterations;
    double r1, r2;
    double *history; /* [iterations][PH_HISTORY_COLUMNS] */
    size_t history_capacity;
} ph_ensemble;

/*
 * Places the particles: scrambled Sobol normals through each mode's Laplace
 * approximation, spread over the modes by their Laplace weights, and evaluates them.
 */
int ph_ensemble_init(ph_ensemble *self, ph_sampler *sampler, const ph_mode *modes,
                     size_t n_modes);
void ph_ensemble_clear(ph_ensemble *self);

/*
 * Puts the particles of an ensemble just made elsewhere: to draws from the prior, those
 * outside the model pulled halfway towards their mode until inside, or to the points of
 * the settings, where one outside the model is PH_E_DATA.
 */
int ph_ensemble_place(ph_ensemble *self, ph_sampler *sampler);

/* Evaluates the particles, and pulls those outside the model halfway to their mode
 * until all are inside. */
int ph_ensemble_pull_inside(ph_ensemble *self, ph_sampler *sampler);

/* The mode that is nearest to y[d] in its own Hessian. */
size_t ph_ensemble_nearest(const ph_ensemble *self, const double *y);

/* Gives every particle to the mode that is nearest in its own Hessian, and sorts the
 * particles by mode, otherwise in the order they have. */
int ph_ensemble_regroup(ph_ensemble *self);

/* Adds a row to the history and shows the particles to the observer; bandwidth may be
 * NaN. */
int ph_ensemble_record(ph_ensemble *self, const ph_sampler *sampler, double step,
                       double bandwidth);

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

/*
 * Classical SVGD in place of ph_ensemble_transport, by the classical settings: in z
 * (PH_SVGD_PLAIN) or in the sampler's frame (PH_SVGD_MATRIX). A particle that would
 * leave the model stays where it is in that iteration.
 */
int ph_ensemble_classical(ph_ensemble *self, ph_sampler *sampler);

/*
 * phi[n][d] of classical SVGD at x[n][d] with scores score[n][d], and the kernel's h
 * (NaN where it is one for each coordinate). PH_E_NUMERIC where the particles coincide.
 */
int ph_classical_direction(const ph_classical *settings, size_t n, size_t d,
                           const double *x, const double *score, double *phi,
                           double *bandwidth);

#endif
