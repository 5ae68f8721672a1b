/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_SWEEP_PRIVATE_H
#define PHASIC_DIST_SWEEP_PRIVATE_H

#include <stdint.h>

#include "kernel.h"
#include "phasic/dist/sweep.h"

#define PH_BLOCK     16     /* steps that share a scale */
#define PH_STEPS_MAX 0x1p53 /* no double counts more, and no memory holds as many */
#define PH_LOG_HALF  -0.69314718055994530942

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
    struct ph_epoch_sweep *epochs; /* does all the work where the plan has epochs */
    const ph_kernel *kernel;
    size_t width; /* vertices: n states and absorption */
    unsigned valid;
    double rate;                 /* Lambda */
    ph_lanes *u, *tau, *adjoint; /* [n_used] */
    ph_lanes *folded;            /* [2][n_used] sum of adjoints, and what it has lost */
    ph_lanes *g;                 /* [width] 1 - d/Lambda */
    ph_lanes *w[2];              /* [width] adjoints */
    ph_lanes *late_g;            /* [width] the same, exactly what tau leaves */
    long double *stay;           /* [width][PH_LANES] and before it is rounded */
    ph_lanes *drift;             /* [width] relative correction of every state */
    ph_lanes *mass;              /* [2] what a late block begins with, as a sum */
    ph_lanes *excess;            /* [blocks] relative correction of the mass there */
    size_t excess_capacity;
    ph_lanes *ahead; /* [width] first vector of the next segment */

    size_t length;       /* steps taken: p[k], a[k] known for k < length */
    size_t seeded;       /* steps that carry seeds */
    int seeded_absorbed; /* some of them on b */
    size_t step_capacity;
    ph_lanes *p, *a; /* [length] absorption and survival sequences, scaled */
    ph_lanes *b;     /* [length] mass absorbed so far: not scaled */
    ph_lanes *p_bar, *a_bar, *b_bar;
    ph_lanes *absorbed; /* [2] b[length], and what its sum has lost */
    int atomic;         /* some lane has mass absorbed at once */

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

/* Room for `length` steps. PH_E_MEMORY also where the machine has no memory for them.
 */
int ph_sweep_reserve(ph_sweep *self, size_t length);

/* Takes steps until p[k], a[k] are known for k < length. */
int ph_sweep_extend(ph_sweep *self, size_t length);

/* 1 less all that leaves the state of row r, as exact as long double is. */
void ph_sweep_stay(const ph_group_table *out, size_t r, const ph_lanes *tau,
                   long double stay[PH_LANES]);
/* Adds what flows into the state of row r in a step from v, without what stays. */
void ph_sweep_inflow(const ph_group_table *in, size_t r, const ph_lanes *tau,
                     const ph_lanes *v, long double sum[PH_LANES]);
/*
 * What a step lost by rounding, relative to what it began with in a state: all of it
 * where the state moves so slowly that every step rounds alike, else what its factor
 * lacks.
 */
long double ph_sweep_lost(long double old, long double exact, double found,
                          long double lack);
/* The adjoint so far onto the compensated sum [2][n] (Kahan 1965), and back to 0. */
void ph_sweep_fold(size_t n, ph_lanes *adjoint, ph_lanes *folded);

/* What the vectors of scale block b were multiplied by on entry. */
void ph_sweep_factor(const ph_sweep *self, size_t b, ph_lanes *factor);

/*
 * Weights of steps, into self->weights, with the steps they need taken. What is left
 * out adds at most exp(log_target) to a sum of weights times a sequence bounded by the
 * mass at the start of scale block `cap` or, before it, of the step itself.
 *
 * Poisson weights of x. Steps before `least` contribute nothing (no path is that short)
 * and are left out; that also keeps the weights in range as t goes to 0.
 */
int ph_weights_poisson(ph_sweep *self, double x, size_t least, size_t cap,
                       double log_target);
/* P(N_u > k) - P(N_l > k), 0 < l < u, for a sequence that is 0 before step `least`. */
int ph_weights_interval(ph_sweep *self, double l, double u, size_t least,
                        double log_target);
/* Discrete time: weight 1 on the steps from `first` to `last`. */
int ph_weights_steps(ph_sweep *self, double first, double last, double log_target);

/*
 * F beyond 1/2 takes its seeds by way of S, and S by way of F. From weights of one's
 * logarithm: those below 1/2, and above[l] of the other's, rest[l], for the others (0
 * and -INFINITY elsewhere).
 */
void ph_sweep_halves(const double weight[PH_LANES], const double value[PH_LANES],
                     double below[PH_LANES], double above[PH_LANES],
                     double rest[PH_LANES]);

/*
 * Start mass absorbed at once: the probability given to absorption, and what the start
 * probabilities lack to 1 where they sum to less. u[node * stride], where `node` is
 * node[k] for the k-th used one, or k itself where node is NULL; adds factor * d atom /
 * du to u_bar of the same layout unless that is NULL.
 */
double ph_sweep_atom(const ph_graph *graph, const double *u, const uint32_t *node,
                     size_t stride, double factor, double *u_bar);

#endif
