/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/dist/plain.h"

static int outside(const ph_curve *self, ph_error *error)
{
    return ph_error_set(
        error, PH_E_NUMERIC,
        "the parameters lie outside the model: a rate or probability is "
        "negative, too large or not finite there%s",
        self->plan->graph->epochs
            ? ", or the times of the epochs do not increase, or an epoch sets a "
              "parameter outside its support"
            : "");
}

static int beyond_range(double t, ph_error *error)
{
    return ph_error_set(error, PH_E_NUMERIC,
                        "the value at %.6g is so small that double precision cannot "
                        "represent the paths that lead to it",
                        t);
}

static int no_memory(ph_error *error)
{
    return ph_error_set(error, PH_E_MEMORY, "out of memory");
}

/* ------------------------------------------------------------------- set up */

static int start_block(ph_curve *self, ph_error *error)
{
    unsigned valid;
    int status = ph_serve_begin(self->serve, self->u, self->t_max, &valid, error);
    return status != PH_OK || valid ? status : outside(self, error);
}

int ph_curve_begin(ph_curve *self, const ph_plan *plan, ph_engine engine,
                   const double *theta, double t_max, ph_error *error)
{
    size_t nodes = ph_plan_nodes(plan), p = ph_plan_parameters(plan);
    *self = (ph_curve){.plan = plan, .engine = engine, .t_max = t_max};
    self->theta = ph_alloc_aligned((p + 1) * PH_LANES, sizeof(double));
    self->theta_bar = ph_alloc_aligned((p + 1) * PH_LANES, sizeof(double));
    self->u = ph_alloc_aligned(nodes * PH_LANES, sizeof(double));
    self->u_bar = ph_alloc_aligned(nodes * PH_LANES, sizeof(double));
    self->plain_u = ph_alloc(2 * nodes, sizeof(double));
    if (!self->theta || !self->theta_bar || !self->u || !self->u_bar ||
        !self->plain_u) {
        return no_memory(error);
    }
    self->plain_bar = self->plain_u + nodes;
    for (size_t m = 0; m < p; m++) {
        for (size_t l = 0; l < PH_LANES; l++) {
            self->theta[m * PH_LANES + l] = theta[m];
        }
    }
    ph_plan_eval(plan, self->theta, self->u);
    ph_plan_eval_plain(plan, theta, self->plain_u);
    if (engine == PH_ENGINE_PLAIN) {
        return PH_OK;
    }
    return ph_serve_new(&self->serve, plan, engine) == PH_OK ? start_block(self, error)
                                                             : no_memory(error);
}

int ph_curve_reach(ph_curve *self, double t_max, ph_error *error)
{
    if (t_max <= self->t_max) {
        return PH_OK;
    }
    self->t_max = t_max;
    return self->serve ? start_block(self, error) : PH_OK;
}

void ph_curve_tally(const ph_curve *self, ph_tally *tally)
{
    if (self->serve && tally) {
        ph_tally mine = *ph_serve_tally(self->serve);
        ph_tally_divide(&mine);
        ph_tally_add(tally, &mine);
    }
}

void ph_curve_free(ph_curve *self)
{
    ph_free_aligned(self->theta);
    ph_free_aligned(self->u);
    ph_free_aligned(self->u_bar);
    ph_free_aligned(self->theta_bar);
    free(self->plain_u);
    ph_serve_free(self->serve);
}

double ph_curve_rate(const ph_curve *self, double t)
{
    double rate[PH_LANES];
    ph_plan_rate(self->plan, self->u, t, rate);
    return rate[0];
}

double ph_curve_leap(const ph_curve *self)
{
    double decay = self->serve ? ph_serve_decay(self->serve) : 0;
    return decay > 0 ? 1 / decay : 0;
}

/* ---------------------------------------------------------------- evaluation */

static int plain_values(ph_curve *self, ph_sweep_kind kind, size_t n, const double *t,
                        double *value, ph_served *by, ph_error *error)
{
    memset(by, 0, n * sizeof *by);
    for (size_t i = 0; i < n; i++) {
        int status = ph_plain_eval(self->plan, self->plain_u, 1, &kind, &t[i], NULL,
                                   &value[i], NULL, NULL);
        if (status != PH_OK) {
            return status == PH_E_NUMERIC
                       ? outside(self, error)
                       : ph_serve_no_room(self->plan, ph_curve_rate(self, t[i]), t[i],
                                          error);
        }
    }
    return PH_OK;
}

/* All times at once, because a contour serves many of them. */
static int serve_values(ph_curve *self, ph_sweep_kind kind, size_t n, const double *t,
                        double *value, ph_served *by, ph_error *error)
{
    double *lane_value = ph_alloc_aligned(n * PH_LANES, sizeof *lane_value);
    ph_sweep_kind *kinds = ph_alloc(n, sizeof *kinds);
    int status = lane_value && kinds ? PH_OK : no_memory(error);
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        kinds[i] = kind;
    }
    if (status == PH_OK) {
        status = ph_serve_log(self->serve, n, kinds, t, NULL, lane_value, by, error);
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        value[i] = lane_value[i * PH_LANES];
    }
    free(kinds);
    ph_free_aligned(lane_value);
    return status;
}

int ph_curve_values(ph_curve *self, ph_sweep_kind kind, size_t n, const double *t,
                    double *value, ph_served *by, ph_error *error)
{
    int status = self->serve ? serve_values(self, kind, n, t, value, by, error)
                             : plain_values(self, kind, n, t, value, by, error);
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        value[i] += 0.0; /* log1p(-0) is -0 */
        status = isnan(value[i]) ? beyond_range(t[i], error) : PH_OK;
    }
    return status;
}

int ph_curve_density(ph_curve *self, double t, ph_served by, double steps,
                     double *value, ph_error *error)
{
    if (!by) { /* the sweep that gave the other kind stands at t already */
        return ph_curve_values(self, PH_DENSITY, 1, &t, value, &by, error);
    }
    ph_serve_limit(self->serve, steps);
    int status = serve_values(self, PH_DENSITY, 1, &t, value, &by, error);
    ph_serve_limit(self->serve, INFINITY);
    if (status == PH_OK && isnan(*value) && !ph_serve_beyond(self->serve)) {
        status = beyond_range(t, error);
    }
    return status;
}

static int plain_gradient(ph_curve *self, ph_sweep_kind kind, double t,
                          double *gradient)
{
    double value, one = 1;
    memset(self->plain_bar, 0, ph_plan_nodes(self->plan) * sizeof *self->plain_bar);
    memset(gradient, 0, ph_plan_parameters(self->plan) * sizeof *gradient);
    int status = ph_plain_eval(self->plan, self->plain_u, 1, &kind, &t, NULL, &value,
                               &one, self->plain_bar);
    if (status == PH_OK) {
        ph_plan_adjoint_plain(self->plan, self->plain_u, self->plain_bar, gradient);
    }
    return status;
}

/* Gradients of up to PH_LANES points at once. */
static int lanes_gradient(ph_curve *self, ph_sweep_kind kind, size_t n, const double *t,
                          const double *value, const ph_served *by, double *gradient)
{
    size_t p = ph_plan_parameters(self->plan);
    ph_sweep_kind kinds[PH_LANES];
    double weights[PH_LANES * PH_LANES] = {0}, lane_values[PH_LANES * PH_LANES];
    for (size_t i = 0; i < n; i++) {
        kinds[i] = kind;
        weights[i * PH_LANES + i] = 1;
        for (size_t l = 0; l < PH_LANES; l++) {
            lane_values[i * PH_LANES + l] = value[i];
        }
    }
    memset(self->u_bar, 0, ph_plan_nodes(self->plan) * PH_LANES * sizeof *self->u_bar);
    memset(self->theta_bar, 0, p * PH_LANES * sizeof *self->theta_bar);
    int status = ph_serve_gradient(self->serve, n, kinds, t, NULL, lane_values, by,
                                   weights, self->u_bar);
    if (status == PH_OK) {
        ph_plan_adjoint(self->plan, self->u, self->u_bar, self->theta_bar);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t m = 0; m < p; m++) {
            gradient[i * p + m] = self->theta_bar[m * PH_LANES + i];
        }
    }
    return status;
}

int ph_curve_gradient(ph_curve *self, ph_sweep_kind kind, size_t n, const double *t,
                      const double *value, const ph_served *by, double *gradient,
                      ph_error *error)
{
    size_t p = ph_plan_parameters(self->plan);
    size_t stride = self->engine == PH_ENGINE_PLAIN ? 1 : PH_LANES;
    for (size_t i = 0; i < n; i += stride) {
        size_t count = n - i < stride ? n - i : stride;
        int status = self->engine == PH_ENGINE_PLAIN
                         ? plain_gradient(self, kind, t[i], gradient + i * p)
                         : lanes_gradient(self, kind, count, t + i, value + i, by + i,
                                          gradient + i * p);
        if (status != PH_OK) {
            return no_memory(error);
        }
    }
    return PH_OK;
}
