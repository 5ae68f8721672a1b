/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_CONTOUR_H
#define PHASIC_DIST_CONTOUR_H

#include <stddef.h>

#include "phasic/base/error.h"
#include "phasic/dist/plan.h"
#include "phasic/num/lanes.h"

/*
 * What the graph says about the eigenvalues of every sub-intensity matrix on it. They
 * are real where no state is met twice, and where the process is reversible, which it
 * is at all rates where states that lead to each other form a tree of edges in both
 * directions; with cycles of such edges, where Kolmogorov's criterion holds (Kelly
 * 1979, "Reversibility and Stochastic Networks", section 1.5).
 */
typedef enum ph_spectrum {
    PH_SPECTRUM_ANY,     /* nothing is known */
    PH_SPECTRUM_BALANCE, /* real where the rates are in balance */
    PH_SPECTRUM_TREE,    /* real */
    PH_SPECTRUM_ACYCLIC  /* real: the total rates */
} ph_spectrum;

/* Returns 0 or PH_E_MEMORY. */
int ph_spectrum_find(const ph_graph *graph, ph_spectrum *spectrum);

/*
 * Density and survival by numerical inversion of their Laplace transforms along a
 * contour, for a block of parameter vectors in continuous time:
 *
 *   f(t) = Re sum_q w_q e^(z_q t) a (z_q I - S)^-1 s,    S(t) the same with 1 for s
 *
 * The cost does not depend on how stiff the model is (hyperbola) or grows with the
 * square root of it (parabola). One set of nodes serves times up to PH_CONTOUR_REACH
 * apart. Sources: Weideman & Trefethen 2007, "Parabolic and hyperbolic contours for
 * computing the Bromwich integral", for the hyperbola, whose poles must be real; the
 * parabola goes around the disk |z + Lambda| <= Lambda, which holds every eigenvalue.
 *
 * A workspace: one per thread, reused from block to block. The elimination is recorded
 * when it is first needed.
 */
typedef struct ph_contour ph_contour;

/*
 * The second of each kind is for the left tail: it lies farther right, has more nodes
 * and no shift, and in place of the survival it gives the distribution function.
 */
typedef enum ph_contour_shape {
    PH_HYPERBOLA,
    PH_HYPERBOLA_LEFT,
    PH_PARABOLA,
    PH_PARABOLA_LEFT,
    PH_CONTOUR_SHAPES
} ph_contour_shape;

/* Whether that is the shape, and whether the shape is a parabola. */
static inline int ph_contour_left(ph_contour_shape shape)
{
    return shape == PH_HYPERBOLA_LEFT || shape == PH_PARABOLA_LEFT;
}

static inline int ph_contour_parabola(ph_contour_shape shape)
{
    return shape == PH_PARABOLA || shape == PH_PARABOLA_LEFT;
}

#define PH_CONTOUR_REACH 5.0

/* A value e^(-shift t) number (see the shapes), and what is known about its error. */
typedef struct ph_contour_value {
    ph_lanes number;
    ph_lanes slope;    /* the same for t times the value, from the transform's slope */
    ph_lanes change;   /* |difference| to another contour, or of slope / t if larger */
    ph_lanes rounding; /* of the sum, if every term is off by half an ulp */
} ph_contour_value;

/* One time: the density, or the survival (see the shapes). */
typedef struct ph_contour_time {
    double t;
    int survival;
} ph_contour_time;

int ph_contour_new(ph_contour **self, const ph_plan *plan);
void ph_contour_free(ph_contour *self);

/*
 * Steps of uniformization that cost what a contour does, in all for the hyperbolas, and
 * per node for the parabolas. Records the elimination. Errors of ph_trace_record.
 */
int ph_contour_cost(ph_contour *self, double cost[PH_CONTOUR_SHAPES], ph_error *error);

/*
 * Begins a block: u[nodes][PH_LANES] as for ph_sweep_begin, and the lanes that are
 * valid. *real gets one bit for each lane whose eigenvalues are certainly real, shift
 * the lower bounds of its decay rate. Errors of ph_trace_record.
 */
int ph_contour_begin(ph_contour *self, const double *u, unsigned valid, unsigned *real,
                     ph_lanes *shift, ph_error *error);

/*
 * Values at times[n], the largest first, all > 0 and within PH_CONTOUR_REACH. `rate` is
 * a bound of all total rates, for the parabolas. PH_E_MEMORY.
 */
int ph_contour_values(ph_contour *self, ph_contour_shape shape, double rate, size_t n,
                      const ph_contour_time *times, ph_contour_value *value);
/*
 * Differentiates sum_i weight[i] number[i] of the same times; ph_contour_gradient adds
 * what was gathered so far to u_bar[nodes][PH_LANES], in the lanes given, and clears.
 */
int ph_contour_seed(ph_contour *self, ph_contour_shape shape, double rate, size_t n,
                    const ph_contour_time *times, const ph_lanes *weight);
void ph_contour_gradient(ph_contour *self, unsigned lanes, double *u_bar);

#endif
