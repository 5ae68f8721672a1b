/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One parameter vector, many points. The lane engine puts the same vector in all lanes;
 * for gradients each lane of a backward sweep carries the seed of another point, so
 * PH_LANES points are differentiated at once.
 */
#include "phasic/dist/points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/dist/plain.h"
#include "phasic/dist/sweep.h"

static int outside(ph_error *error)
{
    return ph_error_set(
        error, PH_E_NUMERIC,
        "the parameters lie outside the model: a rate or probability is "
        "negative, too large or not finite there");
}

static int beyond_range(double t, ph_error *error)
{
    return ph_error_set(error, PH_E_NUMERIC,
                        "the value at %.6g is so small that double precision cannot "
                        "represent the paths that lead to it",
                        t);
}

/* ------------------------------------------------------------- plain engine */

static int plain_kind(const ph_plan *plan, ph_sweep_kind kind, const double *theta,
                      size_t n, const double *t, double *value, double *gradient,
                      ph_error *error)
{
    size_t length = ph_plan_nodes(plan), p = ph_plan_parameters(plan);
    double *u = ph_alloc(2 * length, sizeof *u), one = 1;
    if (!u) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    ph_plan_eval_plain(plan, theta, u);
    int status = PH_OK;
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        double *u_bar = u + length;
        memset(u_bar, 0, length * sizeof *u_bar);
        status = ph_plain_eval(plan, u, 1, &kind, &t[i], &value[i], &one,
                               gradient ? u_bar : NULL);
        if (status == PH_OK && gradient) {
            memset(gradient + i * p, 0, p * sizeof *gradient);
            ph_plan_adjoint_plain(plan, u, u_bar, gradient + i * p);
        }
    }
    free(u);
    if (status == PH_E_NUMERIC) {
        return outside(error);
    }
    return status == PH_OK ? status : ph_error_set(error, status, "out of memory");
}

/* -------------------------------------------------------------- lane engine */

typedef struct lanes {
    const ph_plan *plan;
    ph_sweep *sweep;
    double *theta, *u, *u_bar, *theta_bar; /* [items][PH_LANES] */
} lanes;

static int lanes_new(lanes *self, const ph_plan *plan, const double *theta, size_t n,
                     const double *t, ph_error *error)
{
    size_t length = ph_plan_nodes(plan), p = ph_plan_parameters(plan);
    self->plan = plan;
    self->theta = ph_alloc_aligned((p + 1) * PH_LANES, sizeof(double));
    self->theta_bar = ph_alloc_aligned((p + 1) * PH_LANES, sizeof(double));
    self->u = ph_alloc_aligned(length * PH_LANES, sizeof(double));
    self->u_bar = ph_alloc_aligned(length * PH_LANES, sizeof(double));
    if (!self->theta || !self->theta_bar || !self->u || !self->u_bar ||
        ph_sweep_new(&self->sweep, plan) != PH_OK) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    for (size_t m = 0; m < p; m++) {
        for (size_t l = 0; l < PH_LANES; l++) {
            self->theta[m * PH_LANES + l] = theta[m];
        }
    }
    ph_plan_eval(plan, self->theta, self->u);
    double t_max = 0;
    for (size_t i = 0; i < n; i++) {
        t_max = t[i] > t_max ? t[i] : t_max;
    }
    unsigned valid;
    int status = ph_sweep_begin(self->sweep, self->u, t_max, &valid);
    if (status != PH_OK) {
        return ph_error_set(error, status, "out of memory");
    }
    return valid ? PH_OK : outside(error);
}

static void lanes_free(lanes *self)
{
    ph_free_aligned(self->theta);
    ph_free_aligned(self->theta_bar);
    ph_free_aligned(self->u);
    ph_free_aligned(self->u_bar);
    ph_sweep_free(self->sweep);
}

/* Gradients of up to PH_LANES points at once. */
static int lanes_gradient(lanes *self, ph_sweep_kind kind, size_t n, const double *t,
                          const double *value, double *gradient)
{
    size_t p = ph_plan_parameters(self->plan);
    for (size_t i = 0; i < n; i++) {
        double weight[PH_LANES] = {0}, lane_value[PH_LANES];
        weight[i] = 1;
        for (size_t l = 0; l < PH_LANES; l++) {
            lane_value[l] = value[i];
        }
        int status = ph_sweep_seed(self->sweep, kind, t[i], weight, lane_value);
        if (status != PH_OK) {
            return status;
        }
    }
    memset(self->u_bar, 0, ph_plan_nodes(self->plan) * PH_LANES * sizeof *self->u_bar);
    memset(self->theta_bar, 0, p * PH_LANES * sizeof *self->theta_bar);
    int status = ph_sweep_gradient(self->sweep, self->u_bar);
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

static int lanes_kind(lanes *self, ph_sweep_kind kind, size_t n, const double *t,
                      double *value, double *gradient, ph_error *error)
{
    size_t p = ph_plan_parameters(self->plan);
    for (size_t i = 0; i < n; i++) {
        double lane_value[PH_LANES];
        int status = ph_sweep_log(self->sweep, kind, t[i], lane_value);
        if (status != PH_OK) {
            return ph_error_set(error, status, "out of memory");
        }
        value[i] = lane_value[0];
        if (isnan(value[i])) {
            return beyond_range(t[i], error);
        }
    }
    for (size_t i = 0; gradient && i < n; i += PH_LANES) {
        size_t count = n - i < PH_LANES ? n - i : PH_LANES;
        int status =
            lanes_gradient(self, kind, count, t + i, value + i, gradient + i * p);
        if (status != PH_OK) {
            return ph_error_set(error, status, "out of memory");
        }
    }
    return PH_OK;
}

static int lanes_points(const ph_plan *plan, const double *theta, size_t n,
                        const double *t, double *value[2], double *gradient[2],
                        ph_error *error)
{
    lanes self = {0};
    int status = lanes_new(&self, plan, theta, n, t, error);
    for (int k = 0; k < 2 && status == PH_OK; k++) {
        if (value[k]) {
            status = lanes_kind(&self, k == 0 ? PH_DENSITY : PH_SURVIVAL, n, t,
                                value[k], gradient[k], error);
        }
    }
    lanes_free(&self);
    return status;
}

int ph_points(const ph_plan *plan, ph_engine engine, const double *theta, size_t n,
              const double *t, double *log_pdf, double *log_survival, double *dlog_pdf,
              double *dlog_survival, ph_error *error)
{
    double *scratch =
        ph_alloc(n, sizeof *scratch); /* values asked for by gradient only */
    if (!scratch) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    double *value[2] = {log_pdf, log_survival};
    double *gradient[2] = {dlog_pdf, dlog_survival};
    int status = PH_OK;
    for (int k = 0; k < 2; k++) {
        value[k] = gradient[k] && !value[k] ? scratch : value[k];
    }
    if (engine == PH_ENGINE_LANES) {
        status = lanes_points(plan, theta, n, t, value, gradient, error);
    }
    for (int k = 0; engine == PH_ENGINE_PLAIN && k < 2 && status == PH_OK; k++) {
        if (value[k]) {
            status = plain_kind(plan, k == 0 ? PH_DENSITY : PH_SURVIVAL, theta, n, t,
                                value[k], gradient[k], error);
        }
    }
    free(scratch);
    return status;
}
