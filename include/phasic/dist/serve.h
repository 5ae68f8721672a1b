/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_SERVE_H
#define PHASIC_DIST_SERVE_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/base/error.h"
#include "phasic/dist/contour.h"
#include "phasic/dist/plan.h"
#include "phasic/dist/sweep.h"

/* How densities are computed. */
typedef enum ph_engine {
    PH_ENGINE_LANES, /* uniformization, 8 parameter vectors at a time */
    PH_ENGINE_PLAIN, /* its scalar definition */
    PH_ENGINE_AUTO,  /* uniformization or a contour, whichever is right for a time */
    PH_ENGINE_CONTOUR
} ph_engine;

/* How many values each engine gave, counted in lanes, and why. */
#define PH_TALLY_TABLE(X)                                                              \
    X(uniformization, "by uniformization")                                             \
    X(refused, "by uniformization, because a contour was not accurate enough")         \
    X(hyperbola, "by a hyperbola")                                                     \
    X(parabola, "by a parabola")

typedef struct ph_tally {
#define X(name, text) uint64_t name;
    PH_TALLY_TABLE(X)
#undef X
} ph_tally;

/* Adds every count of `more`. */
void ph_tally_add(ph_tally *self, const ph_tally *more);
/* Divides every count by PH_LANES: where all lanes held one parameter vector. */
void ph_tally_divide(ph_tally *self);

/*
 * Values of the distribution for a block of parameter vectors, and their adjoint, by
 * the engine that is right for each time:
 *
 *   short times (Lambda t at most what a contour costs)    uniformization
 *   all eigenvalues certainly real                         hyperbola
 *   others, from where it is cheaper                       parabola
 *
 * and uniformization again in the lanes where a contour has not shown its accuracy: a
 * finer contour gives the same to 1e-12, and its terms are at most 1000 times the
 * result. The choice depends on numbers alone; a lane's neighbours may move the limit
 * of short times, and so its result by rounding.
 *
 * A workspace: one per thread, reused from block to block.
 */
typedef struct ph_serve ph_serve;

/* The engine is any but PH_ENGINE_PLAIN. */
int ph_serve_new(ph_serve **self, const ph_plan *plan, ph_engine engine);
void ph_serve_free(ph_serve *self);
/*
 * Uniformization of a lane takes at most so many steps; values beyond are NaN. Without
 * a call there is no limit. The lanes that the last ph_serve_log left out for it.
 */
void ph_serve_limit(ph_serve *self, double steps);
unsigned ph_serve_beyond(const ph_serve *self);
const ph_tally *ph_serve_tally(const ph_serve *self);

/* As ph_sweep_begin. Forced contours are PH_E_MODEL in discrete time. */
int ph_serve_begin(ph_serve *self, const double *u, double t_max, unsigned *valid,
                   ph_error *error);

/*
 * A lower bound of the slowest decay rate of lane 0, where the block has hyperbolas:
 * then its inverse, a time in or beyond the body, costs no more than any other. Else 0.
 */
double ph_serve_decay(const ph_serve *self);

/*
 * Which lanes of a value a contour served, for the gradient: one bit each, and one each
 * of PH_SERVED_LEFT for those that it took the contour of the left tail.
 */
typedef uint16_t ph_served;
#define PH_SERVED_LEFT(by) ((unsigned)(by) >> PH_LANES)

/*
 * value[n][PH_LANES]: logarithms as of ph_sweep_log, of a PH_INTERVAL as of
 * ph_sweep_log_interval with t2[i]; t2 may be NULL where there is none. by[n] is for
 * the gradient. PH_E_MODEL where a contour is forced and not accurate.
 */
int ph_serve_log(ph_serve *self, size_t n, const ph_sweep_kind *kind, const double *t,
                 const double *t2, double *value, ph_served *by, ph_error *error);
/*
 * PH_E_MEMORY with the number of steps, where it is large, that there is no room for:
 * at this largest rate (of uniformization; not used in discrete time) to the time
 * `far`.
 */
int ph_serve_no_room(const ph_plan *plan, double rate, double far, ph_error *error);
/*
 * Adds the derivative of sum weight[n][PH_LANES] value[n][PH_LANES], finite ones, to
 * u_bar[nodes][PH_LANES].
 */
int ph_serve_gradient(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                      const double *t, const double *t2, const double *value,
                      const ph_served *by, const double *weight, double *u_bar);

#endif
