/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Classical SVGD: kernel, bandwidth, optimiser and learning rate as asked for, and as
 * many iterations. Nothing stops it early and nothing repairs it: what it is worth, the
 * importance sampling behind it says.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bandwidth.h"
#include "ensemble.h"
#include "kernel.h"
#include "linalg.h"
#include "optimiser.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"
#include "shape.h"

/* ---- the direction ---- */

/* c of the linear kernel: |u - mean|^2 has mean d after multiplication. */
static double linear_scale(size_t n, size_t d, const double *u, double *mean)
{
    double sum = 0;
    ph_moments(n, d, u, NULL, mean, NULL);
    for (size_t i = 0; i < n * d; i++) {
        sum += (u[i] - mean[i % d]) * (u[i] - mean[i % d]);
    }
    return sum > 0 ? (double)(n * d) / sum : 1;
}

/* phi in x from that in the metric's coordinates: L phi, in place from the last row. */
static void unwhiten(size_t n, size_t d, const double *factor, double *phi)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = d; k-- > 0;) {
            phi[i * d + k] = ph_dot(k + 1, factor + k * d, phi + i * d);
        }
    }
}

int ph_classical_direction(const ph_classical *settings, size_t n, size_t d,
                           const double *x, const double *score, double *phi,
                           double *bandwidth)
{
    size_t pairs = n * (n - 1) / 2;
    double *factor = ph_alloc(d * d, sizeof *factor), h2;
    double *u = ph_alloc(n * d, sizeof *u), *v = ph_alloc(n * d, sizeof *v);
    double *work = ph_alloc(pairs + 2 * d * d + 2 * d, sizeof *work);
    int status = factor && u && v && work ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK) {
        status = ph_bandwidth_metric(settings, n, d, x, work, factor);
    }
    if (status == PH_OK) {
        ph_shape_whiten(n, d, factor, x, score, u, v);
        status = ph_bandwidth_length(settings, n, d, u, work, &h2);
    }
    if (status == PH_OK) {
        ph_shape_sum(settings->shape, n, d, u, v, h2, 0, phi);
        if (settings->linear) {
            double c = linear_scale(n, d, u, work);
            ph_shape_add_linear(n, d, u, v, c, phi, work);
        }
        unwhiten(n, d, factor, phi);
        *bandwidth = settings->bandwidth == PH_BANDWIDTH_PER_DIMENSION ? NAN : sqrt(h2);
    }
    free(factor);
    free(u);
    free(v);
    free(work);
    return status;
}

/* ---- the iteration ---- */

typedef struct flow {
    size_t n, d;
    double *phi, *previous, *step; /* [n][d] */
    double *y, *log_p, *score;     /* proposals; y and score hold the penalty's too */
    ph_optimiser_state optimiser;
    double rate, norm, bandwidth;
} flow;

static int flow_init(flow *self, size_t n, size_t d)
{
    memset(self, 0, sizeof *self);
    self->n = n;
    self->d = d;
    self->phi = ph_alloc(n * d, sizeof(double));
    self->previous = ph_alloc(n * d, sizeof(double));
    self->step = ph_alloc(n * d, sizeof(double));
    self->y = ph_alloc(n * d, sizeof(double));
    self->log_p = ph_alloc(n, sizeof(double));
    self->score = ph_alloc((n + 1) * d, sizeof(double));
    int status = ph_optimiser_init(&self->optimiser, n * d);
    return self->phi && self->previous && self->step && self->y && self->log_p &&
                   self->score
               ? status
               : PH_E_MEMORY;
}

static void flow_clear(flow *self)
{
    free(self->phi);
    free(self->previous);
    free(self->step);
    free(self->y);
    free(self->log_p);
    free(self->score);
    ph_optimiser_clear(&self->optimiser);
}

/* The scores that the particles follow: those of log p - weight * penalty. */
static int steered_scores(const ph_ensemble *e, ph_sampler *sampler, flow *self)
{
    const ph_classical *settings = &sampler->settings->classical;
    const ph_penalty *penalty = settings->penalty;
    size_t size = self->n * self->d;
    double weight = penalty ? ph_fade_weight(settings, e->iterations) : 0;
    if (weight == 0) {
        memcpy(self->score, e->score, size * sizeof(double));
        return PH_OK;
    }
    ph_sampler_to_z(sampler, self->n, e->y, self->y);
    int status =
        penalty->eval(penalty->context, self->n, self->y, self->log_p, self->score);
    if (status < 0) {
        return status;
    }
    ph_sampler_map_scores(sampler, self->n, self->score, self->score + size);
    for (size_t i = 0; i < size; i++) {
        self->score[i] = e->score[i] - weight * self->score[i];
    }
    return PH_OK;
}

static int direction(ph_ensemble *e, ph_sampler *sampler, flow *self)
{
    const ph_classical *settings = &sampler->settings->classical;
    size_t size = self->n * self->d;
    double old_norm = self->norm;
    memcpy(self->previous, self->phi, size * sizeof(double));
    int status = steered_scores(e, sampler, self);
    if (status == PH_OK) {
        status = ph_classical_direction(settings, self->n, self->d, e->y, self->score,
                                        self->phi, &self->bandwidth);
        if (status == PH_E_NUMERIC) {
            ph_error_set(sampler->error, status,
                         "the particles coincide, or lie in a plane, so that the "
                         "kernel has no bandwidth");
        }
    }
    if (status == PH_OK) {
        self->norm = sqrt(ph_dot(size, self->phi, self->phi));
        double cosine = ph_dot(size, self->phi, self->previous) /
                        fmax(self->norm * old_norm, 1e-300);
        self->rate = ph_schedule_rate(settings, e->iterations, self->rate, cosine,
                                      self->norm / fmax(old_norm, 1e-300));
        ph_optimiser_step(settings->optimiser, &self->optimiser, self->phi, self->step);
    }
    return status;
}

/* Particles whose new place has no density stay. */
static int move(ph_ensemble *e, ph_sampler *sampler, flow *self)
{
    size_t n = self->n, d = self->d;
    for (size_t i = 0; i < n * d; i++) {
        double y = e->y[i] + self->rate * self->step[i];
        self->y[i] = isfinite(y) ? y : e->y[i];
    }
    int status = ph_sampler_eval(sampler, n, self->y, self->log_p, self->score);
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        if (self->log_p[i] > -INFINITY) {
            e->log_p[i] = self->log_p[i];
            memcpy(e->y + i * d, self->y + i * d, d * sizeof(double));
            memcpy(e->score + i * d, self->score + i * d, d * sizeof(double));
        }
    }
    return status;
}

static int iterate(ph_ensemble *e, ph_sampler *sampler, flow *self)
{
    size_t most = sampler->settings->classical.iterations;
    int status = ph_kernel_residuals(e, &e->r1, &e->r2);
    if (status == PH_OK) {
        status = direction(e, sampler, self);
    }
    if (status == PH_OK) {
        status = ph_ensemble_record(e, sampler, self->rate, self->bandwidth);
    }
    if (status == PH_OK) {
        status = move(e, sampler, self);
    }
    if (status == PH_OK) {
        char remark[64];
        snprintf(remark, sizeof remark, "r1 %.3f, r2 %.3f", e->r1, e->r2);
        status = ph_sampler_progress(sampler, "particles",
                                     (double)e->iterations / (double)most, remark);
    }
    return status;
}

static int run(ph_ensemble *e, ph_sampler *sampler)
{
    flow self;
    int status = flow_init(&self, e->n, e->d);
    while (status == PH_OK && e->iterations < sampler->settings->classical.iterations) {
        status = iterate(e, sampler, &self);
    }
    flow_clear(&self);
    return status;
}

/* ---- the frame ---- */

/* y and scores of the ensemble to z, and the frame to the identity; center[d] and
 * basis[d][d] receive the frame that was. */
static int leave_frame(ph_ensemble *e, ph_sampler *sampler, double *center,
                       double *basis)
{
    size_t n = e->n, d = e->d;
    double *unit = ph_alloc(d * d, sizeof *unit), *zero = ph_alloc(d, sizeof *zero);
    double *z = ph_alloc(n * d, sizeof *z);
    int status = unit && zero && z ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK) {
        memcpy(center, sampler->center, d * sizeof *center);
        memcpy(basis, sampler->basis, d * d * sizeof *basis);
        ph_sampler_to_z(sampler, n, e->y, z);
        memcpy(e->y, z, n * d * sizeof *z);
        for (size_t k = 0; k < d; k++) {
            unit[k * (d + 1)] = 1;
        }
        status = ph_sampler_frame(sampler, zero, unit);
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) { /* s_y = B' s_z, B upper */
        double *s = e->score + i * d;
        for (size_t k = 0; k < d; k++) {
            for (size_t l = 0; l < k; l++) {
                s[k] -= basis[l * d + k] * s[l];
            }
            s[k] /= basis[k * (d + 1)];
        }
    }
    free(unit);
    free(zero);
    free(z);
    return status;
}

static int enter_frame(ph_ensemble *e, ph_sampler *sampler, const double *center,
                       const double *basis)
{
    double *row = ph_alloc(e->d, sizeof *row);
    int status = row ? ph_sampler_frame(sampler, center, basis) : PH_E_MEMORY;
    if (status == PH_OK) {
        ph_sampler_from_z(sampler, e->n, e->y, e->y);
        ph_sampler_map_scores(sampler, e->n, e->score, row);
    }
    free(row);
    return status;
}

static int run_in_z(ph_ensemble *e, ph_sampler *sampler)
{
    size_t d = e->d;
    double *center = ph_alloc(d, sizeof *center),
           *basis = ph_alloc(d * d, sizeof *basis);
    int status = center && basis ? leave_frame(e, sampler, center, basis) : PH_E_MEMORY;
    ph_sampler home = {.d = d, .center = center, .basis = basis};
    if (status == PH_OK) {
        e->home = &home;
        status = run(e, sampler);
        e->home = NULL;
    }
    if (status == PH_OK) {
        status = enter_frame(e, sampler, center, basis);
    }
    free(center);
    free(basis);
    return status;
}

int ph_ensemble_classical(ph_ensemble *e, ph_sampler *sampler)
{
    size_t size = e->n * e->d * sizeof(double);
    int plain = sampler->settings->algorithm == PH_SVGD_PLAIN;
    int status = plain ? run_in_z(e, sampler) : run(e, sampler);
    if (status == PH_OK) {
        memcpy(e->last_y, e->y, size);
        memcpy(e->last_score, e->score, size);
        status = ph_ensemble_regroup(e);
    }
    if (status == PH_OK) {
        status = ph_ensemble_curvature(e, sampler);
    }
    return status == PH_OK ? ph_kernel_residuals(e, &e->r1, &e->r2) : status;
}
