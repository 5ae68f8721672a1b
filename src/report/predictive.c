/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/report/predictive.h"

#include <math.h>
#include <stdlib.h>

#include "phasic/base/memory.h"
#include "phasic/dist/points.h"
#include "phasic/dist/sweep.h"
#include "phasic/num/lanes.h"
#include "phasic/report/draws.h"

typedef struct curve {
    const ph_plan *plan;
    ph_predictive what;
    size_t p, draws, n;
    const double *theta, *t;
    double t_max;
    double *value;
    ph_error *error; /* [workers] */
} curve;

/* theta of the draws from `first` on, lane by lane; the last one fills up the block. */
static void take_block(size_t p, size_t draws, const double *theta, size_t first,
                       double *block)
{
    for (size_t l = 0; l < PH_LANES; l++) {
        size_t s = first + l < draws ? first + l : draws - 1;
        for (size_t m = 0; m < p; m++) {
            block[m * PH_LANES + l] = theta[s * p + m];
        }
    }
}

/* ---------------------------------------------------------------- the curve */

/* The logarithm of the quantity at one point in every lane. */
static int log_value(const curve *self, ph_sweep *sweep, double t, double *value)
{
    static const ph_sweep_kind kinds[] = {PH_DENSITY, PH_DISTRIBUTION, PH_SURVIVAL,
                                          PH_DENSITY};
    int status = ph_sweep_log(sweep, kinds[self->what], t, value);
    int discrete = self->plan->graph->discrete;
    if (status != PH_OK || self->what != PH_PREDICT_HAZARD || (discrete && t == 0)) {
        return status;
    }
    double survival[PH_LANES]; /* a step of discrete time begins at t - 1 */
    status = ph_sweep_log(sweep, PH_SURVIVAL, discrete ? t - 1 : t, survival);
    for (int l = 0; l < PH_LANES; l++) {
        value[l] = survival[l] < -PH_HAZARD_LOG_MAX ? NAN : value[l] - survival[l];
    }
    return status;
}

static int sweep_block(curve *self, ph_sweep *sweep, const double *u, size_t first)
{
    unsigned valid = 0;
    int status = ph_sweep_begin(sweep, u, self->t_max, &valid);
    size_t count = self->draws - first < PH_LANES ? self->draws - first : PH_LANES;
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        double value[PH_LANES];
        status = log_value(self, sweep, self->t[i], value);
        for (size_t l = 0; l < count && status == PH_OK; l++) {
            int good = (valid >> l & 1) && !isnan(value[l]);
            self->value[i * self->draws + first + l] = exp(value[l]);
            status = good ? PH_OK : PH_E_NUMERIC;
        }
    }
    return status;
}

static int curve_block(void *context, size_t block, int worker)
{
    curve *self = context;
    ph_sweep *sweep = NULL;
    size_t nodes = ph_plan_nodes(self->plan), first = block * PH_LANES;
    double *theta = ph_alloc_aligned((self->p + nodes) * PH_LANES, sizeof *theta);
    int status = theta ? ph_sweep_new(&sweep, self->plan) : PH_E_MEMORY;
    (void)worker;
    if (status == PH_OK) {
        double *u = theta + self->p * PH_LANES;
        take_block(self->p, self->draws, self->theta, first, theta);
        ph_plan_eval(self->plan, theta, u);
        status = sweep_block(self, sweep, u, first);
    }
    ph_sweep_free(sweep);
    ph_free_aligned(theta);
    return status;
}

static int quantile_draw(void *context, size_t s, int worker)
{
    curve *self = context;
    double *t = ph_alloc(self->n, sizeof *t);
    if (!t) {
        return PH_E_MEMORY;
    }
    int status =
        ph_points_quantile(self->plan, PH_ENGINE_LANES, self->theta + s * self->p,
                           self->n, self->t, 0, t, NULL, &self->error[worker]);
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        self->value[i * self->draws + s] = t[i];
    }
    free(t);
    return status;
}

static int fail(int status, ph_error *error)
{
    return ph_error_set(error, status,
                        status == PH_E_MEMORY
                            ? "out of memory"
                            : "a draw lies outside the model, or so far in a tail that "
                              "double precision cannot represent the value");
}

int ph_predictive_curve(const ph_plan *plan, ph_predictive what, size_t draws,
                        const double *theta, size_t n, const double *t,
                        const ph_device *device, double *value, ph_error *error)
{
    curve self = {.plan = plan,
                  .what = what,
                  .p = ph_plan_parameters(plan),
                  .draws = draws,
                  .n = n,
                  .theta = theta,
                  .t = t,
                  .value = value};
    size_t workers = (size_t)ph_device_workers(device);
    self.error = ph_alloc(workers, sizeof *self.error);
    if (!self.error) {
        return fail(PH_E_MEMORY, error);
    }
    for (size_t i = 0; i < n; i++) {
        self.t_max = fmax(self.t_max, t[i]);
    }
    int status = what == PH_PREDICT_QUANTILE
                     ? ph_device_run(device, draws, quantile_draw, &self)
                     : ph_device_run(device, (draws + PH_LANES - 1) / PH_LANES,
                                     curve_block, &self);
    for (size_t w = 0; w < workers && status != PH_OK; w++) {
        if (self.error[w].status == status) {
            *error = self.error[w];
        }
    }
    free(self.error);
    return status == PH_OK ? PH_OK : fail(status, error);
}

/* ---------------------------------------------------------------- the moments */

typedef struct moment_task {
    const ph_moments *moments;
    size_t p, draws;
    const double *theta;
    double *mean, *sd;
} moment_task;

static int moment_block(void *context, size_t block, int worker)
{
    moment_task *self = context;
    ph_moments_value *value = NULL;
    size_t first = block * PH_LANES;
    size_t count = self->draws - first < PH_LANES ? self->draws - first : PH_LANES;
    int status = ph_moments_value_new(&value, self->moments, PH_LANES, 0);
    (void)worker;
    if (status == PH_OK) {
        take_block(self->p, self->draws, self->theta, first, value->theta);
        status = ph_moments_eval(self->moments, value);
    }
    for (size_t l = 0; l < count && status == PH_OK; l++) {
        self->mean[first + l] = value->mean[l];
        self->sd[first + l] = sqrt(value->covariance[l]);
        int good = (value->valid >> l & 1) && isfinite(self->sd[first + l]);
        status = good ? PH_OK : PH_E_NUMERIC;
    }
    ph_moments_value_free(value);
    return status;
}

int ph_predictive_moments(const ph_moments *moments, size_t p, size_t draws,
                          const double *theta, const ph_device *device, double *mean,
                          double *sd, ph_error *error)
{
    moment_task self = {moments, p, draws, theta, mean, sd};
    int status =
        ph_device_run(device, (draws + PH_LANES - 1) / PH_LANES, moment_block, &self);
    return status == PH_OK ? PH_OK : fail(status, error);
}

/* -------------------------------------------------------------------- bands */

ph_band ph_band_of(size_t draws, double *value, double level)
{
    double sum = 0, tail = (1 - level) / 2;
    for (size_t s = 0; s < draws; s++) {
        if (!isfinite(value[s])) {
            return (ph_band){NAN, NAN, NAN, NAN};
        }
        sum += value[s];
    }
    ph_sort_numbers(draws, value);
    return (ph_band){sum / (double)draws, ph_sorted_quantile(draws, value, tail),
                     ph_sorted_quantile(draws, value, 0.5),
                     ph_sorted_quantile(draws, value, 1 - tail)};
}
