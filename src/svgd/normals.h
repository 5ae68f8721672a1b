/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_NORMALS_H
#define PHASIC_SVGD_NORMALS_H

#include <gsl/gsl_qrng.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Randomised quasi-random points: Sobol's sequence with Owen's scrambling keyed by
 * (seed, purpose, step); where the dimension exceeds GSL's 40, independent
 * counter-based uniforms keyed by (seed, purpose, index, step). Points are handed out
 * in order.
 */
typedef struct ph_uniforms {
    size_t d;
    gsl_qrng *sobol; /* NULL beyond 40 dimensions */
    uint64_t *key;   /* [d] of the scrambling */
    double *point;   /* [d] */
    uint64_t seed;
    uint32_t purpose, step, index;
} ph_uniforms;

int ph_uniforms_init(ph_uniforms *self, size_t d, uint64_t seed, uint32_t purpose,
                     uint32_t step);
void ph_uniforms_clear(ph_uniforms *self);
/* The next point, in (0, 1)^d. */
void ph_uniforms_next(ph_uniforms *self, double *u);

#endif
