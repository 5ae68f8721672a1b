/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/report/predictive.h"

#include <math.h>
#include <stdlib.h>

#include "phasic/base/memory.h"
#include "phasic/dist/points.h"
#include "phasic/dist/serve.h"
#include "phasic/num/lanes.h"
#include "phasic/report/draws.h"

/* Why a block failed: that of the first one, whichever worker had it. */
typedef struct failure {
    size_t block;
    ph_error error;
} failure;

/*
 * The terms are one for each point, and in a hazard one more for the survival that its
 * density is divided by.
 */
typedef struct curve {
    const ph_plan *plan;
    ph_predictive what;
    size_t p, draws, n, n_terms;
    const double *theta, *t;
    ph_sweep_kind *kind; /* [n_terms] */
    double *time;        /* [n_terms] */
    double t_max;
    double *value;
    failure *failed; /* [workers] */
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

/* ------------------------------------------------------------------ failures */

static void note_failure(curve *self, size_t block, int worker, int status,
                         const ph_error *error)
{
    failure *mine = &self->failed[worker];
    if (status != PH_OK && (mine->error.status == PH_OK || block < mine->block)) {
        *mine = (failure){block, *error};
        mine->error.status = status;
    }
}

static int fail(int status, ph_error *error)
{
    return ph_error_set(error, status,
                        status == PH_E_MEMORY ? "out of memory"
                        : status == PH_E_INTERRUPTED
                            ? "stopped during the prediction"
                            : "a draw lies outside the model, or so far in a "
                              "tail that double precision cannot represent the "
                              "value");
}

/* What the first block to fail says of it. */
static int report(const curve *self, size_t workers, int status, ph_error *error)
{
    const failure *first = NULL;
    for (size_t w = 0; w < workers; w++) {
        const failure *it = &self->failed[w];
        if (it->error.status == status && (!first || it->block < first->block)) {
            first = it;
        }
    }
    if (first && first->error.message[0]) {
        *error = first->error;
    }
    return fail(status, error);
}

/* ---------------------------------------------------------------- the curve */

/* A step of discrete time begins at t - 1. */
static int set_terms(curve *self)
{
    static const ph_sweep_kind kinds[] = {PH_DENSITY, PH_DISTRIBUTION, PH_SURVIVAL,
                                          PH_DENSITY};
    size_t n = self->n;
    self->n_terms = self->what == PH_PREDICT_HAZARD ? 2 * n : n;
    self->kind = ph_alloc(self->n_terms, sizeof *self->kind);
    self->time = ph_alloc(self->n_terms, sizeof *self->time);
    if (!self->kind || !self->time) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        self->kind[i] = kinds[self->what];
        self->time[i] = self->t[i];
        self->t_max = fmax(self->t_max, self->t[i]);
    }
    for (size_t i = n; i < self->n_terms; i++) {
        double t = self->t[i - n];
        self->kind[i] = PH_SURVIVAL;
        self->time[i] = self->plan->graph->discrete ? fmax(t - 1, 0) : t;
    }
    return PH_OK;
}

/* Divides the densities by the survivals behind them; at step 0 nothing came before. */
static void divide_by_survival(const curve *self, double *value)
{
    const double *survival = value + self->n * PH_LANES;
    for (size_t i = 0; i < self->n; i++) {
        int none = self->plan->graph->discrete && self->t[i] == 0;
        for (size_t k = i * PH_LANES; k < (i + 1) * PH_LANES && !none; k++) {
            value[k] = survival[k] < -PH_HAZARD_LOG_MAX ? NAN : value[k] - survival[k];
        }
    }
}

/* value[n_terms][PH_LANES] and by[n_terms] are scratch. */
static int serve_block(curve *self, ph_serve *serve, const double *u, size_t first,
                       double *value, ph_served *by, ph_error *error)
{
    unsigned valid = 0;
    int status = ph_serve_begin(serve, u, self->t_max, &valid, error);
    if (status == PH_OK) {
        status = ph_serve_log(serve, self->n_terms, self->kind, self->time, NULL, value,
                              by, error);
    }
    if (status == PH_OK && self->what == PH_PREDICT_HAZARD) {
        divide_by_survival(self, value);
    }
    size_t count = self->draws - first < PH_LANES ? self->draws - first : PH_LANES;
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        for (size_t l = 0; l < count && status == PH_OK; l++) {
            double here = value[i * PH_LANES + l];
            int good = (valid >> l & 1) && !isnan(here);
            self->value[i * self->draws + first + l] = exp(here);
            status = good ? PH_OK : PH_E_NUMERIC;
        }
    }
    return status;
}

/* All points at once, because a contour serves many of them. */
static int curve_block(void *context, size_t block, int worker)
{
    curve *self = context;
    ph_serve *serve = NULL;
    ph_error error = {0};
    size_t nodes = ph_plan_nodes(self->plan), first = block * PH_LANES;
    double *theta =
        ph_alloc_aligned((self->p + nodes + self->n_terms) * PH_LANES, sizeof *theta);
    ph_served *by = ph_alloc(self->n_terms, sizeof *by);
    int status =
        theta && by ? ph_serve_new(&serve, self->plan, PH_ENGINE_AUTO) : PH_E_MEMORY;
    if (status == PH_OK) {
        double *u = theta + self->p * PH_LANES, *value = u + nodes * PH_LANES;
        take_block(self->p, self->draws, self->theta, first, theta);
        ph_plan_eval(self->plan, theta, u);
        status = serve_block(self, serve, u, first, value, by, &error);
    }
    note_failure(self, block, worker, status, &error);
    ph_serve_free(serve);
    ph_free_aligned(theta);
    free(by);
    return status;
}

static int quantile_draw(void *context, size_t s, int worker)
{
    curve *self = context;
    ph_error error = {0};
    double *t = ph_alloc(self->n, sizeof *t);
    int status =
        t ? ph_points_quantile(self->plan, PH_ENGINE_AUTO, self->theta + s * self->p,
                               self->n, self->t, 0, t, NULL, &error)
          : PH_E_MEMORY;
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        self->value[i * self->draws + s] = t[i];
    }
    note_failure(self, s, worker, status, &error);
    free(t);
    return status;
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
    self.failed = ph_alloc(workers, sizeof *self.failed);
    int quantile = what == PH_PREDICT_QUANTILE;
    int status = !self.failed ? PH_E_MEMORY : quantile ? PH_OK : set_terms(&self);
    if (status == PH_OK) {
        status = quantile ? ph_device_run(device, draws, quantile_draw, &self)
                          : ph_device_run(device, (draws + PH_LANES - 1) / PH_LANES,
                                          curve_block, &self);
    }
    if (status != PH_OK) {
        status =
            self.failed ? report(&self, workers, status, error) : fail(status, error);
    }
    free(self.failed);
    free(self.kind);
    free(self.time);
    return status;
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
