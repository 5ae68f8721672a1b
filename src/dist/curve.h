/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_CURVE_H
#define PHASIC_DIST_CURVE_H

#include "phasic/dist/points.h"
#include "phasic/dist/serve.h"

/*
 * One parameter vector by one engine, ready for values and gradients at points. All
 * engines but the plain one put the same vector in all lanes; for gradients each lane
 * of a backward sweep carries the seed of another point, so PH_LANES points are
 * differentiated at once.
 */
typedef struct ph_curve {
    const ph_plan *plan;
    ph_engine engine;
    ph_serve *serve;                       /* NULL for the plain engine */
    double *theta, *u, *u_bar, *theta_bar; /* [items][PH_LANES] */
    double *plain_u, *plain_bar;           /* [nodes] */
    double t_max;
} ph_curve;

/* PH_E_NUMERIC where theta is outside the model. Free it in any case. */
int ph_curve_begin(ph_curve *self, const ph_plan *plan, ph_engine engine,
                   const double *theta, double t_max, ph_error *error);
/* Starts again, for times up to t_max, where that is more than before. */
int ph_curve_reach(ph_curve *self, double t_max, ph_error *error);
void ph_curve_free(ph_curve *self);
/* Adds to the tally, unless NULL, which engines gave how many values so far. */
void ph_curve_tally(const ph_curve *self, ph_tally *tally);

/* The largest total rate out of any state, as of ph_plan_rate up to t. */
double ph_curve_rate(const ph_curve *self, double t);
/* A time in or beyond the body that is cheap to look at, once it is known; else 0. */
double ph_curve_leap(const ph_curve *self);

/*
 * log of a kind at t[n]; PH_E_NUMERIC where it lies beyond double range. by[n] is for
 * the gradient, see ph_serve_log.
 */
int ph_curve_values(ph_curve *self, ph_sweep_kind kind, size_t n, const double *t,
                    double *value, ph_served *by, ph_error *error);
/*
 * log of the density at t, where `by` is that of another kind there. NaN where a
 * contour served that and cannot serve the density, and uniformization would take more
 * than `steps` for it.
 */
int ph_curve_density(ph_curve *self, double t, ph_served by, double steps,
                     double *value, ph_error *error);
/* gradient[n][p] of these logarithms; value[n] and by[n] from ph_curve_values. */
int ph_curve_gradient(ph_curve *self, ph_sweep_kind kind, size_t n, const double *t,
                      const double *value, const ph_served *by, double *gradient,
                      ph_error *error);

#endif
