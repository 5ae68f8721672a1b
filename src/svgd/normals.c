/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A digital shift (exclusive or with random bits) keeps the net structure of Sobol's
 * points and makes every point uniform, so that averages over them are unbiased.
 */
#include "normals.h"

#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/base/status.h"

enum { SOBOL_DIMENSIONS = 40, BITS = 30 };

int ph_uniforms_init(ph_uniforms *self, size_t d, uint64_t seed, uint32_t purpose,
                     uint32_t step)
{
    memset(self, 0, sizeof *self);
    self->d = d;
    self->seed = seed;
    self->purpose = purpose;
    self->step = step;
    self->shift = ph_alloc(d, sizeof *self->shift);
    self->point = ph_alloc(d, sizeof *self->point);
    if (!self->shift || !self->point) {
        return PH_E_MEMORY;
    }
    if (d <= SOBOL_DIMENSIONS) {
        self->sobol = gsl_qrng_alloc(gsl_qrng_sobol, (unsigned)d);
        if (!self->sobol) {
            return PH_E_MEMORY;
        }
    }
    ph_rng stream;
    ph_rng_init(&stream, seed, purpose, UINT32_MAX, step);
    for (size_t k = 0; k < d; k++) {
        self->shift[k] = ph_rng_word(&stream) >> (32 - BITS);
    }
    return PH_OK;
}

void ph_uniforms_clear(ph_uniforms *self)
{
    if (self->sobol) {
        gsl_qrng_free(self->sobol);
    }
    free(self->shift);
    free(self->point);
    memset(self, 0, sizeof *self);
}

void ph_uniforms_next(ph_uniforms *self, double *u)
{
    if (self->sobol) {
        gsl_qrng_get(self->sobol, self->point);
        for (size_t k = 0; k < self->d; k++) {
            uint32_t bits = (uint32_t)(self->point[k] * 0x1p30) ^ self->shift[k];
            u[k] = ((double)bits + 0.5) * 0x1p-30;
        }
        return;
    }
    ph_rng stream;
    ph_rng_init(&stream, self->seed, self->purpose, self->index++, self->step);
    for (size_t k = 0; k < self->d; k++) {
        u[k] = ph_rng_uniform(&stream);
    }
}
