/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Initial particles. Each mode gets particles in proportion to its Laplace weight
 * exp(log p) / sqrt(det H), at least one in sixteen, because a Laplace weight may be
 * wrong by a large factor and importance sampling can only reweight what was visited.
 * Within a mode the normals are whitened empirically: mean and covariance of the cloud
 * are those of the Laplace approximation exactly.
 */
#include "ensemble.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "normals.h"
#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/base/status.h"

void ph_ensemble_clear(ph_ensemble *self)
{
    free(self->y);
    free(self->log_p);
    free(self->score);
    free(self->last_y);
    free(self->last_score);
    free(self->hessian);
    free(self->cluster);
    free(self->reference);
    free(self->reference_factor);
    free(self->mode);
    free(self->history);
    memset(self, 0, sizeof *self);
}

static int allocate(ph_ensemble *self, size_t n, size_t d, size_t clusters)
{
    memset(self, 0, sizeof *self);
    self->n = n;
    self->d = d;
    self->clusters = clusters;
    self->y = ph_alloc(n * d, sizeof(double));
    self->log_p = ph_alloc(n, sizeof(double));
    self->score = ph_alloc(n * d, sizeof(double));
    self->last_y = ph_alloc(n * d, sizeof(double));
    self->last_score = ph_alloc(n * d, sizeof(double));
    self->hessian = ph_alloc(n * d * d, sizeof(double));
    self->cluster = ph_alloc(n, sizeof(size_t));
    self->reference = ph_alloc(clusters * d * d, sizeof(double));
    self->reference_factor = ph_alloc(clusters * d * d, sizeof(double));
    self->mode = ph_alloc(clusters * d, sizeof(double));
    return self->y && self->log_p && self->score && self->last_y && self->last_score &&
                   self->hessian && self->cluster && self->reference &&
                   self->reference_factor && self->mode
               ? PH_OK
               : PH_E_MEMORY;
}

/* Modes and Hessians in the frame: H_y = B' H_z B, y solves B y = z - center. */
static int map_modes(ph_ensemble *self, const ph_sampler *sampler, const ph_mode *modes)
{
    size_t d = self->d;
    const double *b = sampler->basis; /* upper triangular */
    double *work = ph_alloc(d * d, sizeof *work);
    if (!work) {
        return PH_E_MEMORY;
    }
    int status = PH_OK;
    for (size_t m = 0; m < self->clusters && status == PH_OK; m++) {
        double *h = self->reference + m * d * d, *y = self->mode + m * d;
        ph_sampler_from_z(sampler, 1, modes[m].z, y);
        memset(work, 0, d * d * sizeof *work);
        memset(h, 0, d * d * sizeof *h);
        for (size_t i = 0; i < d * d * d; i++) { /* work = H B */
            size_t r = i / (d * d), k = i / d % d, c = i % d;
            work[r * d + c] += modes[m].hessian[r * d + k] * b[k * d + c];
        }
        for (size_t i = 0; i < d * d * d; i++) {
            size_t r = i / (d * d), k = i / d % d, c = i % d;
            h[r * d + c] += b[k * d + r] * work[k * d + c];
        }
        ph_symmetrise(d, h);
        status = ph_cholesky(d, h, self->reference_factor + m * d * d);
    }
    free(work);
    return status;
}

/* Particles per mode by Laplace weights. */
static int assign(ph_ensemble *self, const ph_mode *modes)
{
    size_t d = self->d, n = self->n, clusters = self->clusters;
    double *share = ph_alloc(clusters, sizeof *share), sum = 0, least = 1.0 / 16;
    if (!share) {
        return PH_E_MEMORY;
    }
    double first = -0.5 * ph_cholesky_log_det(d, self->reference_factor);
    for (size_t m = 0; m < clusters; m++) {
        double log_det = ph_cholesky_log_det(d, self->reference_factor + m * d * d);
        share[m] = exp(modes[m].log_p - modes[0].log_p - 0.5 * log_det - first);
        sum += share[m];
    }
    double total = 0;
    for (size_t m = 0; m < clusters; m++) {
        share[m] = fmax(share[m] / sum, least);
        total += share[m];
    }
    double upto = 0;
    size_t at = 0;
    for (size_t m = 0; m < clusters; m++) {
        upto += share[m] / total;
        size_t end = m + 1 == clusters ? n : (size_t)lround(upto * (double)n);
        while (at < end) {
            self->cluster[at++] = m;
        }
    }
    free(share);
    return PH_OK;
}

/* x[n][d] <- L^-1 (x - mean): mean zero and covariance I. */
static int whiten(size_t n, size_t d, double *x)
{
    double *mean = ph_alloc(d, sizeof *mean), *c = ph_alloc(d * d, sizeof *c);
    int status = mean && c ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK) {
        ph_moments(n, d, x, NULL, mean, c);
        status = ph_cholesky(d, c, c);
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        for (size_t k = 0; k < d; k++) {
            x[i * d + k] -= mean[k];
        }
        ph_solve_lower(d, c, x + i * d);
    }
    free(mean);
    free(c);
    return status;
}

static int place(ph_ensemble *self, const ph_sampler *sampler)
{
    size_t d = self->d;
    for (size_t from = 0, to; from < self->n; from = to) {
        size_t m = self->cluster[from];
        for (to = from; to < self->n && self->cluster[to] == m; to++) {
        }
        double *x = self->y + from * d;
        ph_uniforms points;
        int status = ph_uniforms_init(&points, d, sampler->settings->seed,
                                      PH_RNG_PARTICLE, (uint32_t)m);
        for (size_t i = 0; i < to - from && status == PH_OK; i++) {
            ph_uniforms_next(&points, x + i * d);
            for (size_t k = 0; k < d; k++) {
                x[i * d + k] = gsl_cdf_ugaussian_Pinv(x[i * d + k]);
            }
        }
        ph_uniforms_clear(&points);
        if (status == PH_OK && to - from >= 2 * (d + 1)) {
            status = whiten(to - from, d, x);
        }
        if (status < 0) {
            return status;
        }
        for (size_t i = 0; i < to - from; i++) {
            ph_solve_lower_transposed(d, self->reference_factor + m * d * d, x + i * d);
            for (size_t k = 0; k < d; k++) {
                x[i * d + k] += self->mode[m * d + k];
            }
        }
    }
    return PH_OK;
}

int ph_ensemble_init(ph_ensemble *self, ph_sampler *sampler, const ph_mode *modes,
                     size_t n_modes)
{
    int status = allocate(self, sampler->settings->particles, sampler->d, n_modes);
    if (status == PH_OK) {
        status = map_modes(self, sampler, modes);
    }
    if (status == PH_OK) {
        status = assign(self, modes);
    }
    if (status == PH_OK) {
        status = place(self, sampler);
    }
    return status == PH_OK ? ph_ensemble_pull_inside(self, sampler) : status;
}
