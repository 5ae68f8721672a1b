/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_EPOCHS_SWEEP_H
#define PHASIC_DIST_EPOCHS_SWEEP_H

#include "epochs_private.h"
#include "sweep_private.h"

#define PH_EPOCH_LARGE    1e290  /* adjoints are kept below */
#define PH_EPOCH_REACH    128    /* exp(REACH) and its weights are in range */
#define PH_EPOCH_SMALLEST 1e-300 /* smaller weights do not matter later */
/* Steps beyond the shortest path to absorption. */
#define PH_EPOCH_SPARE (64 + 4 * PH_EPOCH_REACH)

/* An epoch: see epochs.c. */
typedef struct ph_epoch_stage {
    double rate;         /* Lambda */
    ph_lanes *u, *tau;   /* [n_used]; 0 in lanes for which it does not matter */
    ph_lanes *g, *loss;  /* [width] 1 - d/Lambda and -d/Lambda */
    ph_lanes *lack;      /* [width] what g has lost by rounding */
    ph_lanes begin;      /* time it begins */
    ph_lanes length;     /* how long it lasts, up to t_max */
    ph_lanes part, mean; /* time of a piece, and its steps in mean */
    size_t parts, first; /* pieces (SIZE_MAX: no end), and which is the first */
    size_t steps;        /* of a piece, at most */
    ph_lanes *weight;    /* [steps + 1] pi_k of a whole piece */
    ph_lanes *beyond;    /* [steps + 1] P(N > k) */
    ph_lanes rest;       /* what the rounded weights lack to 1 */
} ph_epoch_stage;

/* Sequences of piece: p[at + k], a[at + k] for k = 0..steps, in units of 2^exponent. */
typedef struct ph_epoch_piece {
    size_t stage, part, at, steps;
    int exponent[PH_LANES], shift[PH_LANES]; /* the next one's less this one's */
    size_t mended;     /* row of `drift`, SIZE_MAX: it ends as it is found */
    ph_lanes excess;   /* correction of the mass at the end */
    ph_lanes absorbed; /* in the whole of it */
    ph_lanes flux;     /* p at its end */
    ph_lanes before;   /* absorbed before it begins, and at once: true units */
    ph_lanes whole_bar, end_bar; /* derivatives by `absorbed`, and by its upper end */
    ph_lanes slope_bar;          /* by the offset of what is observed in it */
} ph_epoch_piece;

struct ph_epoch_sweep {
    const ph_plan *plan;
    const ph_kernel *kernel;
    const double *u;
    size_t width, n_stages, n_pieces;
    size_t most; /* steps of a piece */
    unsigned valid;
    ph_epoch_stage *stage;
    ph_epoch_piece *piece;
    size_t piece_capacity;
    ph_lanes *atom; /* [2] mass absorbed at once, and the derivative by it */
    int atomic;

    ph_lanes *p, *a, *p_bar, *a_bar;
    size_t step_capacity;
    ph_lanes *first; /* [pieces + 1][width] */
    ph_lanes *drift; /* [n_mended][width] relative correction of every state */
    ph_lanes *mass;  /* [2] what a piece begins with, as a sum */
    size_t n_mended, drift_capacity;
    ph_lanes *window; /* vectors of one piece */
    size_t first_capacity, window_capacity;
    ph_lanes *sum, *w[2], *w_end; /* [width] */
    ph_lanes *adjoint;            /* [n_used] */
    ph_lanes *folded;             /* [2][n_used] its sum, and what it has lost */
    ph_lanes *scratch;            /* [most + 2] weights of an observation */
    double *row;                  /* [most + 2] those of one lane */
    long double *pi;              /* [most + 2] */
    size_t seeded;                /* pieces that carry seeds */
};

/* Takes pieces until `piece` is there. */
int ph_epoch_reach(ph_epoch_sweep *self, size_t piece);

#endif
