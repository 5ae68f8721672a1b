/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far the particles go: optimisers (step over direction) and learning rates. */
#include "optimiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/base/status.h"

#define TINY          1e-8
#define MOMENTUM      0.9
#define ADAM_SQUARE   0.999
#define RMSPROP_DECAY 0.9

int ph_optimiser_init(ph_optimiser_state *self, size_t size)
{
    memset(self, 0, sizeof *self);
    self->size = size;
    self->first = ph_alloc(size, sizeof *self->first);
    self->second = ph_alloc(size, sizeof *self->second);
    return self->first && self->second ? PH_OK : PH_E_MEMORY;
}

void ph_optimiser_clear(ph_optimiser_state *self)
{
    free(self->first);
    free(self->second);
    memset(self, 0, sizeof *self);
}

static void sgd(ph_optimiser_state *self, const double *phi, double *step)
{
    memcpy(step, phi, self->size * sizeof *step);
}

static void momentum(ph_optimiser_state *self, const double *phi, double *step)
{
    for (size_t i = 0; i < self->size; i++) {
        step[i] = self->first[i] = MOMENTUM * self->first[i] + phi[i];
    }
}

static void adam(ph_optimiser_state *self, const double *phi, double *step)
{
    double t = (double)self->steps;
    double first = 1 - pow(MOMENTUM, t), second = 1 - pow(ADAM_SQUARE, t);
    for (size_t i = 0; i < self->size; i++) {
        double *m = &self->first[i], *v = &self->second[i];
        *m = MOMENTUM * *m + (1 - MOMENTUM) * phi[i];
        *v = ADAM_SQUARE * *v + (1 - ADAM_SQUARE) * phi[i] * phi[i];
        step[i] = *m / first / (sqrt(*v / second) + TINY);
    }
}

static void adagrad(ph_optimiser_state *self, const double *phi, double *step)
{
    for (size_t i = 0; i < self->size; i++) {
        self->second[i] += phi[i] * phi[i];
        step[i] = phi[i] / (sqrt(self->second[i]) + TINY);
    }
}

static void rmsprop(ph_optimiser_state *self, const double *phi, double *step)
{
    for (size_t i = 0; i < self->size; i++) {
        double *v = &self->second[i];
        *v = RMSPROP_DECAY * *v + (1 - RMSPROP_DECAY) * phi[i] * phi[i];
        step[i] = phi[i] / (sqrt(*v) + TINY);
    }
}

void ph_optimiser_step(ph_optimiser which, ph_optimiser_state *self, const double *phi,
                       double *step)
{
    static void (*const table[])(ph_optimiser_state *, const double *, double *) = {
        [PH_OPTIMISER_SGD] = sgd,         [PH_OPTIMISER_MOMENTUM] = momentum,
        [PH_OPTIMISER_ADAM] = adam,       [PH_OPTIMISER_ADAGRAD] = adagrad,
        [PH_OPTIMISER_RMSPROP] = rmsprop,
    };
    self->steps++;
    table[which](self, phi, step);
}

double ph_schedule_rate(const ph_classical *self, size_t t, double before,
                        double cosine, double growth)
{
    double first = self->learning_rate, last = self->schedule_last;
    double time = (double)t / self->schedule_time;
    switch (self->schedule) {
    case PH_SCHEDULE_CONSTANT: return first;
    case PH_SCHEDULE_EXPONENTIAL: return last + (first - last) * exp(-time);
    case PH_SCHEDULE_WARM_UP: return first * fmin(1, time + 1 / self->schedule_time);
    case PH_SCHEDULE_ADAPTIVE:
        if (t == 0) {
            return first;
        }
        return cosine < -0.1 || growth > 1.02 ? fmax(last, 0.6 * before)
                                              : fmin(first, 1.15 * before);
    }
    return first;
}

double ph_fade_weight(const ph_classical *self, size_t t)
{
    double last = (double)self->iterations - 1;
    double left = last > 0 ? 1 - (double)t / last : 1;
    return self->penalty_weight * (self->fade == PH_FADE_LINEAR ? left : 1);
}
