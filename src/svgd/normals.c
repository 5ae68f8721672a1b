/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owen's nested uniform scrambling: every bit of a coordinate is flipped by a random
 * bit that depends on the bits before it. The points keep their net structure, each is
 * uniform, and the variance of an average is never much above that of independent
 * points, whatever the integrand - which a mere digital shift does not guarantee, and
 * it showed on mixtures. The random bits are a hash of the prefix, keyed from the
 * counter-based stream.
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
    self->key = ph_alloc(d, sizeof *self->key);
    self->point = ph_alloc(d, sizeof *self->point);
    if (!self->key || !self->point) {
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
        self->key[k] = (uint64_t)ph_rng_word(&stream) << 32;
        self->key[k] |= ph_rng_word(&stream);
    }
    return PH_OK;
}

/* A well mixed word (the finaliser of a 64-bit multiplicative hash). */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xBF58476D1CE4E5B9u;
    x ^= x >> 27;
    x *= 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static uint32_t scramble(uint32_t bits, uint64_t key)
{
    uint32_t flips = 0;
    for (int b = 0; b < BITS; b++) {
        /* the leading 1 tells prefixes of different lengths apart */
        uint64_t prefix = (uint64_t)1 << b | bits >> (BITS - b);
        flips |= (uint32_t)(mix(key ^ prefix * 0x9E3779B97F4A7C15u) & 1)
                 << (BITS - 1 - b);
    }
    return bits ^ flips;
}

void ph_uniforms_clear(ph_uniforms *self)
{
    if (self->sobol) {
        gsl_qrng_free(self->sobol);
    }
    free(self->key);
    free(self->point);
    memset(self, 0, sizeof *self);
}

void ph_uniforms_next(ph_uniforms *self, double *u)
{
    if (self->sobol) {
        if (self->index++ > 0) { /* GSL leaves out the sequence's first point, zero */
            gsl_qrng_get(self->sobol, self->point);
        }
        for (size_t k = 0; k < self->d; k++) {
            uint32_t bits = scramble((uint32_t)(self->point[k] * 0x1p30), self->key[k]);
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
