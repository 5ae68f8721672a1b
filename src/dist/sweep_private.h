/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_SWEEP_PRIVATE_H
#define PHASIC_DIST_SWEEP_PRIVATE_H

#include <stdint.h>

#include "kernel.h"
#include "phasic/dist/sweep.h"

#define PH_BLOCK 16 /* steps that share a scale */

/*
 * Poisson weights of one time: pi_k = weight[k] * exp(offset[k / PH_BLOCK]) for k in
 * [first, last]. inverse[k] = 1 / k.
 */
typedef struct ph_weights {
    size_t first, last;
    double *weight, *inverse, *offset;
    size_t weight_capacity, inverse_capacity, offset_capacity, inverses;
} ph_weights;

struct ph_sweep {
    const ph_plan *plan;
    const ph_kernel *kernel;
    size_t width; /* vertices: n states and absorption */
    unsigned valid;
    double rate;                 /* Lambda */
    ph_lanes *u, *tau, *adjoint; /* [n_used] */
    ph_lanes *g;                 /* [width] 1 - d/Lambda */
    ph_lanes *w[2];              /* [width] adjoints */
    ph_lanes *ahead;             /* [width] first vector of the next segment */

    size_t length; /* steps taken: p[k], a[k] known for k < length */
    size_t seeded; /* steps that carry seeds */
    size_t step_capacity;
    ph_lanes *p, *a; /* [length] absorption and survival sequences, scaled */
    ph_lanes *p_bar, *a_bar;

    size_t span;      /* steps of a segment, a multiple of PH_BLOCK */
    ph_lanes *window; /* [span][width] vectors of segment window_segment */
    size_t window_segment, window_capacity;
    ph_lanes *first; /* [segments][width] */
    size_t first_capacity;

    int32_t *exponent;     /* [blocks][PH_LANES] */
    unsigned char *scaled; /* [blocks] exponents differ from the block before */
    size_t exponent_capacity, scaled_capacity;

    double last; /* smallest f/Lambda or S of the previous time: guess for truncation */
    ph_weights weights;
};

/* Takes steps until p[k], a[k] are known for k < length. */
int ph_sweep_extend(ph_sweep *self, size_t length);

/* What the vectors of scale block b were multiplied by on entry. */
void ph_sweep_factor(const ph_sweep *self, size_t b, ph_lanes *factor);

#endif
