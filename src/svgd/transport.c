/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stage 2. Stein variational Newton with step control: a full step (length 1) diverges
 * on skewed posteriors, so steps start at a half, shrink when the direction turns round
 * or the residual grows, and are clipped in the local curvature. The iteration ends
 * when the ensemble's first two moments stand still, or when its residuals have not
 * become smaller for some iterations (then it returns to where they were smallest);
 * that proves nothing about the posterior, which is why importance sampling follows.
 */
#include "ensemble.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "linalg.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"

enum {
    LEAST_ITERATIONS = 5,
    PRECONDITIONED_ITERATIONS = 20,
    HALVINGS = 8,
    PATIENCE = 5 /* iterations without a smaller residual */
};

#define FIRST_STEP 0.5
#define FALL       2.0 /* of log p in one move that is allowed anywhere */
#define FLOOR      8.0 /* below the particles' mean (plus d) where a larger fall is not */

typedef struct transport {
    size_t n, d;
    double *phi, *step, *previous;            /* [n][d] */
    double *y, *log_p, *score;                /* proposals */
    double *mean, *sd, *old_mean, *old_sd;    /* [clusters][d] */
    double *best_y, *best_log_p, *best_score; /* where the residuals were smallest */
    double best_residual;
    int since_best;
    double *covariance; /* [d][d] */
    double *length;     /* [n] */
    size_t *who;        /* [n] */
    double epsilon, norm, old_norm;
    int calm; /* iterations in a row with moments standing still */
} transport;

static void transport_clear(transport *self)
{
    free(self->phi);
    free(self->step);
    free(self->previous);
    free(self->y);
    free(self->log_p);
    free(self->score);
    free(self->mean);
    free(self->sd);
    free(self->old_mean);
    free(self->old_sd);
    free(self->best_y);
    free(self->best_log_p);
    free(self->best_score);
    free(self->covariance);
    free(self->length);
    free(self->who);
}

static int transport_init(transport *self, size_t n, size_t d, size_t clusters)
{
    memset(self, 0, sizeof *self);
    self->n = n;
    self->d = d;
    self->phi = ph_alloc(n * d, sizeof(double));
    self->step = ph_alloc(n * d, sizeof(double));
    self->previous = ph_alloc(n * d, sizeof(double));
    self->y = ph_alloc(n * d, sizeof(double));
    self->log_p = ph_alloc(n, sizeof(double));
    self->score = ph_alloc(n * d, sizeof(double));
    self->mean = ph_alloc(clusters * d, sizeof(double));
    self->sd = ph_alloc(clusters * d, sizeof(double));
    self->old_mean = ph_alloc(clusters * d, sizeof(double));
    self->old_sd = ph_alloc(clusters * d, sizeof(double));
    self->best_y = ph_alloc(n * d, sizeof(double));
    self->best_log_p = ph_alloc(n, sizeof(double));
    self->best_score = ph_alloc(n * d, sizeof(double));
    self->best_residual = INFINITY;
    self->covariance = ph_alloc(d * d, sizeof(double));
    self->length = ph_alloc(n, sizeof(double));
    self->who = ph_alloc(n, sizeof(size_t));
    self->epsilon = FIRST_STEP;
    self->old_norm = INFINITY;
    return self->phi && self->step && self->previous && self->y && self->log_p &&
                   self->score && self->mean && self->sd && self->old_mean &&
                   self->old_sd && self->best_y && self->best_log_p &&
                   self->best_score && self->covariance && self->length && self->who
               ? PH_OK
               : PH_E_MEMORY;
}

/* Mean and sd per coordinate, cluster by cluster. */
static void cluster_moments(const ph_ensemble *e, transport *self)
{
    size_t d = self->d;
    for (size_t from = 0, to; from < e->n; from = to) {
        size_t m = e->cluster[from];
        for (to = from; to < e->n && e->cluster[to] == m; to++) {
        }
        ph_moments(to - from, d, e->y + from * d, NULL, self->mean + m * d,
                   self->covariance);
        for (size_t k = 0; k < d; k++) {
            self->sd[m * d + k] = sqrt(self->covariance[k * (d + 1)]) + DBL_MIN;
        }
    }
}

/* Have the moments stood still in the last iteration? */
static int standing_still(const ph_ensemble *e, transport *self)
{
    int still = 1;
    for (size_t k = 0; k < e->clusters * self->d; k++) {
        double move = fabs(self->mean[k] - self->old_mean[k]);
        double stretch = fabs(log(self->sd[k] / self->old_sd[k]));
        still &= move < 0.02 * self->epsilon * self->sd[k] && stretch < 0.01;
    }
    memcpy(self->old_mean, self->mean, e->clusters * self->d * sizeof(double));
    memcpy(self->old_sd, self->sd, e->clusters * self->d * sizeof(double));
    return still;
}

/* Shrinks the step where the direction turns round or the residual grows. */
static void control_step(transport *self)
{
    size_t size = self->n * self->d;
    double inner = ph_dot(size, self->step, self->previous);
    double norms = sqrt(ph_dot(size, self->step, self->step) *
                        ph_dot(size, self->previous, self->previous));
    if (norms > 0) { /* not the first iteration */
        int bad = inner < -0.1 * norms || self->norm > 1.02 * self->old_norm;
        self->epsilon =
            bad ? fmax(0.1, 0.6 * self->epsilon) : fmin(1, 1.15 * self->epsilon);
    }
    self->old_norm = self->norm;
    memcpy(self->previous, self->step, size * sizeof(double));
}

/* |step_i| <= 1.5 sqrt(d) / epsilon in the curvature of particle i. */
static void clip_steps(const ph_ensemble *e, transport *self)
{
    size_t d = self->d;
    for (size_t i = 0; i < self->n; i++) {
        const double *h = e->hessian + i * d * d;
        double *q = self->step + i * d, size2 = 0;
        for (size_t k = 0; k < d; k++) {
            size2 += q[k] * ph_dot(d, h + k * d, q);
        }
        double most = 1.5 * sqrt((double)d) / self->epsilon, size = sqrt(size2);
        for (size_t k = 0; size > most && k < d; k++) {
            q[k] *= most / size;
        }
        self->length[i] = self->epsilon;
    }
}

/*
 * Moves all particles in one batch; those that would leave the model or fall off a
 * ridge try half the step in the next batch, and stay where they are after some
 * halvings.
 */
static int move(ph_ensemble *e, ph_sampler *sampler, transport *self)
{
    size_t d = self->d, left = self->n;
    double mean = 0;
    for (size_t i = 0; i < self->n; i++) {
        self->who[i] = i;
        mean += e->log_p[i] / (double)self->n;
    }
    double floor = mean - (FLOOR + (double)d);
    for (int halving = 0; left && halving <= HALVINGS; halving++) {
        for (size_t p = 0; p < left; p++) {
            size_t i = self->who[p];
            for (size_t k = 0; k < d; k++) {
                self->y[p * d + k] =
                    e->y[i * d + k] + self->length[i] * self->step[i * d + k];
            }
        }
        int status = ph_sampler_eval(sampler, left, self->y, self->log_p, self->score);
        if (status < 0) {
            return status;
        }
        size_t outside = 0;
        for (size_t p = 0; p < left; p++) {
            size_t i = self->who[p];
            int fell = self->log_p[p] < floor && self->log_p[p] < e->log_p[i] - FALL;
            if (self->log_p[p] > -INFINITY && !fell) {
                e->log_p[i] = self->log_p[p];
                memcpy(e->last_y + i * d, e->y + i * d, d * sizeof(double));
                memcpy(e->last_score + i * d, e->score + i * d, d * sizeof(double));
                memcpy(e->y + i * d, self->y + p * d, d * sizeof(double));
                memcpy(e->score + i * d, self->score + p * d, d * sizeof(double));
            } else {
                self->length[i] *= 0.5;
                self->who[outside++] = i;
            }
        }
        left = outside;
    }
    return PH_OK;
}

/* Keeps the ensemble with the smallest residuals. */
static void keep_best(const ph_ensemble *e, transport *self)
{
    size_t n = self->n, d = self->d;
    double residual = e->r1 + 0.5 * e->r2;
    self->since_best++;
    if (residual < self->best_residual) {
        self->best_residual = residual;
        self->since_best = 0;
        memcpy(self->best_y, e->y, n * d * sizeof(double));
        memcpy(self->best_log_p, e->log_p, n * sizeof(double));
        memcpy(self->best_score, e->score, n * d * sizeof(double));
    }
}

static int restore_best(ph_ensemble *e, ph_sampler *sampler, const transport *self)
{
    size_t n = self->n, d = self->d;
    memcpy(e->y, self->best_y, n * d * sizeof(double));
    memcpy(e->log_p, self->best_log_p, n * sizeof(double));
    memcpy(e->score, self->best_score, n * d * sizeof(double));
    memcpy(e->last_y, self->best_y, n * d * sizeof(double));
    memcpy(e->last_score, self->best_score, n * d * sizeof(double));
    int status = ph_ensemble_curvature(e, sampler);
    return status == PH_OK ? ph_kernel_residuals(e, &e->r1, &e->r2) : status;
}

/* Newton steps, or preconditioned ones in many dimensions. */
static int takes_newton(const ph_ensemble *e, const ph_sampler *sampler)
{
    return e->d <= PH_NEWTON_DIMENSIONS ||
           sampler->settings->algorithm == PH_SVGD_NEWTON;
}

static int direction(ph_ensemble *e, const ph_sampler *sampler, transport *self)
{
    if (takes_newton(e, sampler)) {
        int status = ph_kernel_newton(e, self->phi, self->step, &self->norm);
        if (status == PH_OK) {
            control_step(self);
        }
        return status;
    }
    return ph_kernel_preconditioned(e, e->reference, self->phi, self->step, &self->norm,
                                    &self->epsilon);
}

static int iterate(ph_ensemble *e, ph_sampler *sampler, transport *self)
{
    int status = direction(e, sampler, self);
    if (status == PH_OK) {
        clip_steps(e, self);
        status = ph_ensemble_record(e, sampler, self->epsilon, NAN);
    }
    if (status == PH_OK) {
        status = move(e, sampler, self);
    }
    if (status == PH_OK) {
        status = ph_ensemble_curvature(e, sampler);
    }
    if (status == PH_OK) {
        status = ph_kernel_residuals(e, &e->r1, &e->r2);
    }
    if (status == PH_OK) {
        cluster_moments(e, self);
        keep_best(e, self);
        self->calm = standing_still(e, self) && e->r1 < 0.03 ? self->calm + 1 : 0;
    }
    return status;
}

/* Iterates until calm, out of patience, or the last iteration. */
static int phase(ph_ensemble *e, ph_sampler *sampler, transport *self, size_t most)
{
    int status = PH_OK;
    while (e->iterations < most && status == PH_OK) {
        if ((self->calm >= 2 || self->since_best >= PATIENCE) &&
            e->iterations >= LEAST_ITERATIONS) {
            break;
        }
        status = iterate(e, sampler, self);
        if (status == PH_OK) {
            char remark[64];
            snprintf(remark, sizeof remark, "r1 %.3f, r2 %.3f", e->r1, e->r2);
            status = ph_sampler_progress(sampler, "particles",
                                         (double)e->iterations / (double)most, remark);
        }
    }
    if (status == PH_OK && self->calm < 2 && self->since_best > 0) {
        status = restore_best(e, sampler, self);
    }
    return status;
}

/* Where curvature from the neighbours led nowhere: once more with differences. */
static int second_phase(ph_ensemble *e, ph_sampler *sampler, transport *self,
                        size_t most)
{
    e->differences = 1;
    self->epsilon = FIRST_STEP;
    self->old_norm = INFINITY;
    self->since_best = 0;
    memset(self->previous, 0, self->n * self->d * sizeof(double));
    int status = ph_ensemble_curvature(e, sampler);
    return status == PH_OK ? phase(e, sampler, self, most) : status;
}

int ph_ensemble_transport(ph_ensemble *e, ph_sampler *sampler)
{
    size_t most = sampler->settings->max_iterations;
    if (!takes_newton(e, sampler) && most > PRECONDITIONED_ITERATIONS) {
        most = PRECONDITIONED_ITERATIONS;
    }
    transport self;
    int status = transport_init(&self, e->n, e->d, e->clusters);
    if (status == PH_OK) {
        status = ph_ensemble_curvature(e, sampler);
    }
    if (status == PH_OK) {
        status = ph_kernel_residuals(e, &e->r1, &e->r2);
        cluster_moments(e, &self);
        standing_still(e, &self);
        keep_best(e, &self);
        status = status == PH_OK ? phase(e, sampler, &self, most) : status;
    }
    if (status == PH_OK && self.calm < 2 && e->d > 1 && e->d <= PH_NEWTON_DIMENSIONS &&
        e->iterations < most) {
        status = second_phase(e, sampler, &self, most);
    }
    transport_clear(&self);
    return status;
}
