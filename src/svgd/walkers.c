/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Positions move by L momentum and momenta by L' score, with L L' the covariance that
 * the metric inverts: the leapfrog steps of whitened coordinates.
 */
#include "walkers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/base/status.h"

void ph_walkers_clear(ph_walkers *self)
{
    free(self->y);
    free(self->log_p);
    free(self->score);
    free(self->next_y);
    free(self->next_log_p);
    free(self->next_score);
    free(self->momentum);
    free(self->start);
    free(self->error);
    free(self->uniform);
    free(self->factor);
    memset(self, 0, sizeof *self);
}

int ph_walkers_init(ph_walkers *self, size_t n, size_t d)
{
    memset(self, 0, sizeof *self);
    self->n = n;
    self->d = d;
    self->y = ph_alloc(n * d, sizeof(double));
    self->log_p = ph_alloc(n, sizeof(double));
    self->score = ph_alloc(n * d, sizeof(double));
    self->next_y = ph_alloc(n * d, sizeof(double));
    self->next_log_p = ph_alloc(n, sizeof(double));
    self->next_score = ph_alloc(n * d, sizeof(double));
    self->momentum = ph_alloc(n * d, sizeof(double));
    self->start = ph_alloc(n, sizeof(double));
    self->error = ph_alloc(n, sizeof(double));
    self->uniform = ph_alloc(n, sizeof(double));
    self->factor = ph_alloc(d * d, sizeof(double));
    if (!self->y || !self->log_p || !self->score || !self->next_y ||
        !self->next_log_p || !self->next_score || !self->momentum || !self->start ||
        !self->error || !self->uniform || !self->factor) {
        return PH_E_MEMORY;
    }
    for (size_t k = 0; k < d; k++) {
        self->factor[k * (d + 1)] = 1;
    }
    return PH_OK;
}

/* momentum += length * L' score */
static void kick(ph_walkers *self, const double *score, double length)
{
    size_t d = self->d;
    for (size_t i = 0; i < self->n; i++) {
        for (size_t k = 0; k < d; k++) {
            double sum = 0;
            for (size_t l = k; l < d; l++) {
                sum += self->factor[l * d + k] * score[i * d + l];
            }
            self->momentum[i * d + k] += length * sum;
        }
    }
}

/* y += length * L momentum */
static void drift(ph_walkers *self, double length)
{
    size_t d = self->d;
    for (size_t i = 0; i < self->n; i++) {
        for (size_t k = 0; k < d; k++) {
            self->next_y[i * d + k] +=
                length * ph_dot(k + 1, self->factor + k * d, self->momentum + i * d);
        }
    }
}

/*
 * Turns the momenta of d walkers in a row at right angles, lengths as they are. Those
 * of normals do not depend on the directions, and directions made orthogonal one after
 * the other are uniform: every momentum is as normal as before, but together they fill
 * space evenly, and after a quarter of a period so do the ends of the trajectories.
 * (Twice: once leaves rounding where a direction is nearly in the span of the others.)
 */
static void turn_momenta(ph_walkers *self)
{
    size_t d = self->d;
    for (size_t i = 0; i < self->n; i++) {
        double *p = self->momentum + i * d, length = sqrt(ph_dot(d, p, p));
        for (int twice = 0; twice < 2; twice++) {
            for (size_t j = i - i % d; j < i; j++) {
                const double *q = self->momentum + j * d;
                double share = ph_dot(d, q, p) / ph_dot(d, q, q);
                for (size_t k = 0; k < d; k++) {
                    p[k] -= share * q[k];
                }
            }
        }
        double left = sqrt(ph_dot(d, p, p));
        for (size_t k = 0; k < d; k++) {
            p[k] *= length / left;
        }
    }
}

static void draw_momenta(ph_walkers *self, uint64_t seed, uint32_t iteration)
{
    size_t d = self->d;
    for (size_t i = 0; i < self->n; i++) {
        ph_rng stream;
        ph_rng_init(&stream, seed, PH_RNG_CHAIN, (uint32_t)i, iteration);
        double *p = self->momentum + i * d;
        for (size_t k = 0; k < d; k++) {
            p[k] = ph_rng_normal(&stream);
        }
        self->start[i] = self->log_p[i] - 0.5 * ph_dot(d, p, p);
        self->uniform[i] = log(ph_rng_uniform(&stream));
    }
    if (self->orthogonal) {
        turn_momenta(self);
    }
}

/* Takes over the ends that are accepted. */
static double decide(ph_walkers *self)
{
    size_t n = self->n, d = self->d;
    double mean = 0;
    for (size_t i = 0; i < n; i++) {
        const double *p = self->momentum + i * d;
        self->error[i] = self->next_log_p[i] - 0.5 * ph_dot(d, p, p) - self->start[i];
        mean += fmin(1, exp(self->error[i])) / (double)n;
        if (self->error[i] > self->uniform[i]) {
            self->log_p[i] = self->next_log_p[i];
            memcpy(self->y + i * d, self->next_y + i * d, d * sizeof(double));
            memcpy(self->score + i * d, self->next_score + i * d, d * sizeof(double));
        }
    }
    return mean;
}

int ph_walkers_move(ph_walkers *self, ph_sampler *sampler, uint32_t iteration,
                    int leapfrogs, double epsilon, double *acceptance)
{
    size_t n = self->n, d = self->d;
    draw_momenta(self, sampler->settings->seed, iteration);
    memcpy(self->next_y, self->y, n * d * sizeof(double));
    kick(self, self->score, 0.5 * epsilon);
    for (int step = 1; step <= leapfrogs; step++) {
        drift(self, epsilon);
        int status = ph_sampler_eval(sampler, n, self->next_y, self->next_log_p,
                                     self->next_score);
        if (status < 0) {
            return status;
        }
        kick(self, self->next_score, step == leapfrogs ? 0.5 * epsilon : epsilon);
    }
    *acceptance = decide(self);
    return PH_OK;
}
