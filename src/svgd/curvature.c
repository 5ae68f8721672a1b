/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The scores of the particles around particle i already hold the curvature there:
 * score_j - score_i = -H_i (y_j - y_i) + second order. A least-squares fit over the
 * nearest neighbours with weights that fall to zero at the edge, plus a small ridge
 * towards the mode's Hessian, costs no evaluation of the target and serves
 * near-Gaussian and skewed posteriors as well as exact curvature. Where a posterior
 * bends within the distance of its particles it does not, and differences of scores are
 * worth their price (docs/inference.md has the measurement).
 */
#include "ensemble.h"

#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"

#define NEIGHBOURS(d) (4 * ((d) + 1))
#define RIDGE         0.05 /* of the mean squared neighbour distance */
#define OWN_STEP      1.0  /* weight of the particle's own last move */
#define DIFFERENCE    1e-5 /* in the frame, whose unit is the mode's sd */
#define EIGEN_LEAST   0.02 /* relative to the mode's curvature */
#define EIGEN_MOST    50.0

typedef struct workspace {
    double *distance, *within;                     /* [n] */
    double *nearest;                               /* [NEIGHBOURS(d) + 1] */
    double *normal, *right, *h, *values, *vectors; /* [d][d] */
} workspace;

static void workspace_clear(workspace *self)
{
    free(self->distance);
    free(self->within);
    free(self->nearest);
    free(self->normal);
    free(self->right);
    free(self->h);
    free(self->values);
    free(self->vectors);
}

static int workspace_init(workspace *self, size_t n, size_t d)
{
    memset(self, 0, sizeof *self);
    self->distance = ph_alloc(n, sizeof(double));
    self->within = ph_alloc(n, sizeof(double));
    self->nearest = ph_alloc(NEIGHBOURS(d) + 1, sizeof(double));
    self->normal = ph_alloc(d * d, sizeof(double));
    self->right = ph_alloc(d * d, sizeof(double));
    self->h = ph_alloc(d * d, sizeof(double));
    self->values = ph_alloc(d, sizeof(double));
    self->vectors = ph_alloc(d * d, sizeof(double));
    return self->distance && self->within && self->nearest && self->normal &&
                   self->right && self->h && self->values && self->vectors
               ? PH_OK
               : PH_E_MEMORY;
}

/* Squared distances to all others in the metric of the mode; others' clusters: inf. */
static void distances(const ph_ensemble *self, size_t i, double *out)
{
    size_t d = self->d;
    const double *factor = self->reference_factor + self->cluster[i] * d * d;
    for (size_t j = 0; j < self->n; j++) {
        double sum = 0;
        if (self->cluster[j] != self->cluster[i]) {
            out[j] = INFINITY;
            continue;
        }
        for (size_t k = 0; k < d; k++) { /* |L' delta|^2 */
            double row = 0;
            for (size_t l = k; l < d; l++) {
                row += factor[l * d + k] * (self->y[j * d + l] - self->y[i * d + l]);
            }
            sum += row * row;
        }
        out[j] = sum;
    }
}

/*
 * The particle's own last move is a secant along the direction it goes, the one that
 * matters for stability; it counts like some neighbours at the edge.
 */
static void add_own_step(const ph_ensemble *self, size_t i, double radius2,
                         workspace *w)
{
    size_t d = self->d;
    const double *y = self->y + i * d, *s = self->score + i * d;
    const double *y0 = self->last_y + i * d, *s0 = self->last_score + i * d;
    double length2 = 0;
    for (size_t k = 0; k < d; k++) {
        length2 += (y[k] - y0[k]) * (y[k] - y0[k]);
    }
    if (!(length2 > 1e-8 * radius2)) {
        return;
    }
    double weight = OWN_STEP * radius2 / fmax(length2, 0.01 * radius2);
    for (size_t k = 0; k < d; k++) {
        for (size_t l = 0; l < d; l++) {
            w->normal[k * d + l] += weight * (y0[k] - y[k]) * (y0[l] - y[l]);
            w->right[l * d + k] -= weight * (y0[k] - y[k]) * (s0[l] - s[l]);
        }
    }
}

/* Least squares for H with the ridge; the unsymmetric result is symmetrised. */
static int regress(const ph_ensemble *self, size_t i, double radius2, workspace *w)
{
    size_t d = self->d;
    const double *reference = self->reference + self->cluster[i] * d * d;
    memset(w->normal, 0, d * d * sizeof(double));
    memset(w->right, 0, d * d * sizeof(double));
    for (size_t j = 0; j < self->n; j++) {
        if (j == i || !(w->distance[j] < radius2)) {
            continue;
        }
        double t = 1 - w->distance[j] / radius2, weight = t * t;
        for (size_t k = 0; k < d; k++) {
            double delta = weight * (self->y[j * d + k] - self->y[i * d + k]);
            for (size_t l = 0; l < d; l++) {
                double dy = self->y[j * d + l] - self->y[i * d + l];
                double ds = self->score[j * d + l] - self->score[i * d + l];
                w->normal[k * d + l] += delta * dy;
                w->right[l * d + k] -=
                    delta * ds; /* row l: right side for row l of H */
            }
        }
    }
    add_own_step(self, i, radius2, w);
    double trace = 0;
    for (size_t k = 0; k < d; k++) {
        trace += w->normal[k * (d + 1)];
    }
    double ridge = RIDGE * trace / (double)d + 1e-12;
    for (size_t k = 0; k < d; k++) {
        w->normal[k * (d + 1)] += ridge;
    }
    int status = ph_cholesky(d, w->normal, w->normal);
    for (size_t k = 0; k < d && status == PH_OK; k++) {
        double *row = w->right + k * d;
        for (size_t l = 0; l < d; l++) {
            row[l] += ridge * reference[k * d + l];
        }
        ph_solve_lower(d, w->normal, row);
        ph_solve_lower_transposed(d, w->normal, row);
    }
    ph_symmetrise(d, w->right);
    return status;
}

/* h <- L clip(eigenvalues of L^-1 right L'^-1) L' with L the mode's factor. */
static int make_positive(const double *factor, size_t d, workspace *w, double *h)
{
    for (size_t k = 0; k < d; k++) { /* rows of right L'^-1 */
        ph_solve_lower(d, factor, w->right + k * d);
    }
    for (size_t k = 0; k < d; k++) { /* and its columns */
        for (size_t l = 0; l < d; l++) {
            w->values[l] = w->right[l * d + k];
        }
        ph_solve_lower(d, factor, w->values);
        for (size_t l = 0; l < d; l++) {
            w->h[l * d + k] = w->values[l];
        }
    }
    ph_symmetrise(d, w->h);
    int status = ph_eigen(d, w->h, w->values, w->vectors);
    if (status < 0) {
        return status;
    }
    for (size_t k = 0; k < d; k++) {
        w->values[k] = fmin(fmax(w->values[k], EIGEN_LEAST), EIGEN_MOST);
    }
    ph_from_eigen(d, w->values, w->vectors, w->right);
    for (size_t k = 0; k < d; k++) { /* L right L' */
        for (size_t l = 0; l < d; l++) {
            w->h[k * d + l] = ph_dot(k + 1, factor + k * d, w->right + l * d);
        }
    }
    for (size_t k = 0; k < d; k++) {
        for (size_t l = 0; l < d; l++) {
            h[k * d + l] = ph_dot(l + 1, factor + l * d, w->h + k * d);
        }
    }
    ph_symmetrise(d, h);
    return PH_OK;
}

static int local_curvature(ph_ensemble *self, workspace *w)
{
    size_t d = self->d;
    int status = PH_OK;
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        const double *factor = self->reference_factor + self->cluster[i] * d * d;
        distances(self, i, w->distance);
        size_t in_cluster = 0;
        for (size_t j = 0; j < self->n; j++) {
            if (w->distance[j] < INFINITY) {
                w->within[in_cluster++] = w->distance[j];
            }
        }
        size_t neighbours = NEIGHBOURS(d);
        if (neighbours >= in_cluster) {
            neighbours = in_cluster - 1;
        }
        gsl_sort_smallest(w->nearest, neighbours + 1, w->within, 1, in_cluster);
        double radius2 = w->nearest[neighbours];
        if (in_cluster < d + 2 || !(radius2 > 0)) {
            memcpy(self->hessian + i * d * d,
                   self->reference + self->cluster[i] * d * d, d * d * sizeof(double));
            continue;
        }
        status = regress(self, i, radius2, w);
        if (status == PH_OK) {
            status = make_positive(factor, d, w, self->hessian + i * d * d);
        }
    }
    return status;
}

/* Every particle of a cluster: the inverse covariance of the cluster. */
static int cluster_curvature(ph_ensemble *self)
{
    size_t d = self->d, dd = d * d;
    double *mean = ph_alloc(d, sizeof *mean), *c = ph_alloc(2 * dd, sizeof *c);
    int status = mean && c ? PH_OK : PH_E_MEMORY;
    for (size_t from = 0, to; from < self->n && status == PH_OK; from = to) {
        size_t m = self->cluster[from];
        for (to = from; to < self->n && self->cluster[to] == m; to++) {
        }
        const double *curvature = self->reference + m * dd;
        if (to - from >= 2 * (d + 1)) {
            ph_moments(to - from, d, self->y + from * d, NULL, mean, c);
            if (ph_cholesky(d, c, c) == PH_OK) {
                ph_cholesky_inverse(d, c, c + dd);
                curvature = c + dd;
            }
        }
        for (size_t i = from; i < to; i++) {
            memcpy(self->hessian + i * dd, curvature, dd * sizeof *c);
        }
    }
    free(mean);
    free(c);
    return status;
}

/* Forward differences of the scores at all particles, one batch. */
static int difference_curvature(ph_ensemble *self, ph_sampler *sampler, workspace *w)
{
    size_t d = self->d, n = self->n;
    double *y = ph_alloc(n * d * d, sizeof *y), *score = ph_alloc(n * d * d, sizeof *y);
    double *log_p = ph_alloc(n * d, sizeof *log_p);
    int status = y && score && log_p ? PH_OK : PH_E_MEMORY;
    for (size_t p = 0; p < n * d && status == PH_OK; p++) {
        memcpy(y + p * d, self->y + p / d * d, d * sizeof *y);
        y[p * d + p % d] += DIFFERENCE;
    }
    if (status == PH_OK) {
        status = ph_sampler_eval(sampler, n * d, y, log_p, score);
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        const double *reference = self->reference + self->cluster[i] * d * d;
        for (size_t k = 0; k < d; k++) {
            size_t p = i * d + k;
            for (size_t l = 0; l < d; l++) {
                double slope = (self->score[i * d + l] - score[p * d + l]) / DIFFERENCE;
                w->right[k * d + l] =
                    log_p[p] > -INFINITY ? slope : reference[k * d + l];
            }
        }
        ph_symmetrise(d, w->right);
        status = make_positive(self->reference_factor + self->cluster[i] * d * d, d, w,
                               self->hessian + i * d * d);
    }
    free(y);
    free(score);
    free(log_p);
    return status;
}

int ph_ensemble_curvature(ph_ensemble *self, ph_sampler *sampler)
{
    size_t d = self->d;
    if (d > PH_NEWTON_DIMENSIONS) {
        return cluster_curvature(self);
    }
    workspace w;
    int status = workspace_init(&w, self->n, d);
    if (status == PH_OK) {
        status = self->differences ? difference_curvature(self, sampler, &w)
                                   : local_curvature(self, &w);
    }
    workspace_clear(&w);
    return status;
}
