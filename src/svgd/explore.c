/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "explore.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cloud.h"
#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/base/status.h"

/* An explorer's shape is that of NEIGHBOURS + 2 d: few, for a region may hold few. */
enum { STEPS = 20, NU = 5, NEIGHBOURS = 5 };
#define TEMPERED 0.25 /* the power of the density */
#define JUMPS    0.1  /* share of moves by a whole difference, from region to region */
#define NOISE    1e-2 /* of a move, in sds of the best mode */
#define DEPTH    30.0 /* of log p below the best: further down nothing counts */

typedef struct explorers {
    size_t n, d;
    double *y, *log_p;       /* [n][d], [n] */
    double *next, *next_log; /* [n][d], [n] of those that move */
    double *chance;          /* [n] log of the number that decides */
    size_t *label;           /* [n] */
} explorers;

static void explorers_clear(explorers *self)
{
    free(self->y);
    free(self->log_p);
    free(self->next);
    free(self->next_log);
    free(self->chance);
    free(self->label);
}

static int explorers_init(explorers *self, size_t n, size_t d)
{
    *self = (explorers){.n = n, .d = d};
    self->y = ph_alloc(n * d, sizeof(double));
    self->log_p = ph_alloc(n, sizeof(double));
    self->next = ph_alloc(n * d, sizeof(double));
    self->next_log = ph_alloc(n, sizeof(double));
    self->chance = ph_alloc(n, sizeof(double));
    self->label = ph_alloc(n, sizeof(size_t));
    return self->y && self->log_p && self->next && self->next_log && self->chance &&
                   self->label
               ? PH_OK
               : PH_E_MEMORY;
}

/* Of every two, the first from its particle, the second from a starting point. */
static int place(explorers *self, ph_sampler *sampler, const ph_ensemble *e)
{
    const ph_target *target = sampler->target;
    size_t d = self->d;
    for (size_t i = 0; i < self->n; i++) {
        double *y = self->y + i * d;
        if (i % 2 == 0) {
            memcpy(y, e->y + i * d, d * sizeof *y);
            continue;
        }
        uint32_t index = (uint32_t)(2 * (sampler->settings->starts + i));
        int status = target->start(target->context, sampler->settings->seed, index, y);
        if (status < 0) {
            return status;
        }
        ph_sampler_from_z(sampler, 1, y, y);
    }
    return ph_sampler_eval(sampler, self->n, self->y, self->log_p, NULL);
}

/* Explorers come in fours: the first two of each are one half, the others the other. */
static size_t member(size_t half, size_t i)
{
    return i / 2 * 4 + 2 * half + i % 2;
}

/* One half moves along differences of the other. */
static int move(explorers *self, ph_sampler *sampler, uint32_t step, size_t half)
{
    size_t d = self->d, n = self->n / 2;
    for (size_t i = 0; i < n; i++) {
        const double *y = self->y + member(half, i) * d;
        ph_rng stream;
        ph_rng_init(&stream, sampler->settings->seed, PH_RNG_EXPLORE,
                    (uint32_t)member(half, i), step);
        size_t a = (size_t)(ph_rng_uniform(&stream) * (double)n);
        size_t b = (size_t)(ph_rng_uniform(&stream) * (double)(n - 1));
        b += b >= a;
        const double *from = self->y + member(1 - half, a) * d;
        const double *to = self->y + member(1 - half, b) * d;
        double length = ph_rng_uniform(&stream) < JUMPS
                            ? 1
                            : 2.38 / sqrt(2 * (double)d) * ph_rng_uniform(&stream) * 2;
        self->chance[i] = log(ph_rng_uniform(&stream));
        for (size_t k = 0; k < d; k++) {
            self->next[i * d + k] =
                y[k] + length * (to[k] - from[k]) + NOISE * ph_rng_normal(&stream);
        }
    }
    int status = ph_sampler_eval(sampler, n, self->next, self->next_log, NULL);
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        size_t m = member(half, i);
        if (self->next_log[i] > -INFINITY &&
            !(TEMPERED * (self->next_log[i] - self->log_p[m]) < self->chance[i])) {
            memcpy(self->y + m * d, self->next + i * d, d * sizeof(double));
            self->log_p[m] = self->next_log[i];
        }
    }
    return status;
}

/* Those that arrived where the density counts come first; how many. */
static size_t arrived(explorers *self, const ph_ensemble *e)
{
    size_t d = self->d, n = 0;
    double top = -INFINITY;
    for (size_t i = 0; i < self->n; i++) {
        top = fmax(top, self->log_p[i]);
    }
    for (size_t i = 0; i < self->n; i++) {
        if (self->log_p[i] > top - DEPTH) {
            memmove(self->y + n * d, self->y + i * d, d * sizeof(double));
            self->label[n] = ph_ensemble_nearest(e, self->y + n * d);
            n++;
        }
    }
    return n;
}

static int make_mixture(ph_student_mixture *mixture, explorers *self, size_t n)
{
    size_t d = self->d, near = NEIGHBOURS + 2 * d;
    ph_cloud cloud;
    int status = ph_cloud_init(&cloud, n, d, self->y, NULL, self->label);
    if (status == PH_OK) {
        status = ph_student_mixture_init(mixture, n, d, NU);
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        status = ph_cloud_component(&cloud, mixture, i, i, near);
    }
    ph_cloud_clear(&cloud);
    return status;
}

int ph_explore(ph_student_mixture *mixture, ph_sampler *sampler, const ph_ensemble *e)
{
    explorers self;
    int status = explorers_init(&self, e->n, e->d);
    if (status == PH_OK) {
        status = place(&self, sampler, e);
    }
    for (uint32_t step = 0; step < 2 * STEPS && status == PH_OK; step++) {
        status = move(&self, sampler, step, step % 2);
    }
    if (status == PH_OK) {
        status = make_mixture(mixture, &self, arrived(&self, e));
    }
    explorers_clear(&self);
    return status;
}
