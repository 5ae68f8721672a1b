/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The posterior in unconstrained coordinates. Points are sorted by their largest rate
 * before they are cut into blocks, because a block runs at the rate of its fastest
 * lane; the order depends on the points alone, so results do not depend on threads.
 * It puts the dear blocks last, where the device begins.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/num/rank.h"
#include "posterior_private.h"

#define STEPS        2.5e5
#define LIMIT_FACTOR 4

static int set_limit(ph_posterior *self);

/* ------------------------------------------------------------- construction */

static int set_parameters(ph_posterior *self, ph_error *error)
{
    const ph_model *model = self->model;
    for (size_t m = 0; m < self->p; m++) {
        const ph_parameter *parameter = &model->parameters[m];
        self->source[m] = parameter->is_tied ? parameter->tied_to : m;
        if (parameter->is_fixed) {
            self->fixed[m] = parameter->value;
        }
        if (parameter->is_fixed || parameter->is_tied) {
            continue;
        }
        size_t k = self->d++;
        self->free_index[k] = m;
        if (parameter->prior.family == PH_PRIOR_NONE &&
            (self->parts & PH_POSTERIOR_PRIOR)) {
            ph_error_file(error, model->file);
            ph_error_place(error, "/parameters/%s", parameter->name);
            return ph_error_set(
                error, PH_E_MODEL,
                "parameter '%s' has no prior; give it one, or \"fixed\"",
                parameter->name);
        }
        int status = ph_prior_init(&self->prior[k], parameter->prior.family,
                                   parameter->prior.argument, parameter->lower,
                                   parameter->upper, error);
        if (status != PH_OK) {
            ph_error_file(error, model->file);
            ph_error_place(error, "/parameters/%s/prior", parameter->name);
            return status;
        }
        ph_prior_support(&self->prior[k], &self->lower[k], &self->upper[k]);
    }
    if (self->d == 0) {
        ph_error_file(error, model->file);
        return ph_error_set(error, PH_E_MODEL,
                            "no parameter is free: there is nothing to fit");
    }
    return PH_OK;
}

static int set_workers(ph_posterior *self)
{
    size_t nodes = ph_plan_nodes(self->plan);
    self->n_workers = ph_device_workers(self->device);
    self->worker = ph_alloc((size_t)self->n_workers, sizeof *self->worker);
    for (int w = 0; self->worker && w < self->n_workers; w++) {
        ph_posterior_worker *worker = &self->worker[w];
        worker->theta = ph_alloc_aligned(self->p * PH_LANES, sizeof(double));
        worker->gradient = ph_alloc_aligned(self->p * PH_LANES, sizeof(double));
        worker->u = ph_alloc_aligned(nodes * PH_LANES, sizeof(double));
        if (!worker->theta || !worker->gradient || !worker->u ||
            ph_lik_work_new_engine(&worker->lik, self->lik, self->engine) != PH_OK) {
            return PH_E_MEMORY;
        }
    }
    return self->worker ? PH_OK : PH_E_MEMORY;
}

int ph_posterior_new(ph_posterior **self, const ph_model *model, const ph_plan *plan,
                     const ph_lik *lik, const ph_data *data, const ph_device *device,
                     ph_error *error)
{
    return ph_posterior_new_of(self, PH_POSTERIOR_FULL, model, plan, lik, data, device,
                               error);
}

int ph_posterior_new_of(ph_posterior **self, int parts, const ph_model *model,
                        const ph_plan *plan, const ph_lik *lik, const ph_data *data,
                        const ph_device *device, ph_error *error)
{
    size_t p = model->n_parameters;
    ph_posterior *posterior = ph_alloc(1, sizeof *posterior);
    if (!posterior) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    posterior->parts = parts;
    posterior->model = model;
    posterior->plan = plan;
    posterior->lik = lik;
    posterior->data = data;
    posterior->device = device;
    posterior->p = p;
    posterior->engine = PH_ENGINE_AUTO;
    posterior->free_index = ph_alloc(p, sizeof *posterior->free_index);
    posterior->prior = ph_alloc(p, sizeof *posterior->prior);
    posterior->lower = ph_alloc(p, sizeof *posterior->lower);
    posterior->upper = ph_alloc(p, sizeof *posterior->upper);
    posterior->fixed = ph_alloc(p, sizeof *posterior->fixed);
    posterior->source = ph_alloc(p, sizeof *posterior->source);
    int status = PH_E_MEMORY;
    if (posterior->free_index && posterior->prior && posterior->lower &&
        posterior->upper && posterior->fixed && posterior->source) {
        status = set_parameters(posterior, error);
    }
    if (status == PH_OK) {
        status = set_workers(posterior);
    }
    if (status == PH_OK) {
        status = ph_trace_record(&posterior->trace, plan->graph, NULL, error);
    }
    if (status == PH_OK) {
        status = set_limit(posterior);
    }
    if (status != PH_OK) {
        ph_posterior_free(posterior);
        return ph_error_set(error, status, "out of memory");
    }
    *self = posterior;
    return PH_OK;
}

void ph_posterior_free(ph_posterior *self)
{
    if (!self) {
        return;
    }
    for (int w = 0; self->worker && w < self->n_workers; w++) {
        ph_free_aligned(self->worker[w].theta);
        ph_free_aligned(self->worker[w].gradient);
        ph_free_aligned(self->worker[w].u);
        ph_lik_work_free(self->worker[w].lik);
    }
    free(self->worker);
    free(self->free_index);
    free(self->prior);
    free(self->lower);
    free(self->upper);
    free(self->fixed);
    free(self->source);
    ph_trace_free(self->trace);
    free(self);
}

const ph_model *ph_posterior_model(const ph_posterior *self)
{
    return self->model;
}

size_t ph_posterior_free_count(const ph_posterior *self)
{
    return self->d;
}

size_t ph_posterior_free_index(const ph_posterior *self, size_t k)
{
    return self->free_index[k];
}

uint64_t ph_posterior_outside(const ph_posterior *self)
{
    uint64_t sum = 0;
    for (int w = 0; w < self->n_workers; w++) {
        sum += self->worker[w].outside;
    }
    return sum;
}

void ph_posterior_tie(const ph_posterior *self, double *theta, size_t stride)
{
    for (size_t m = 0; m < self->p; m++) {
        if (self->source[m] != m) {
            memcpy(theta + m * stride, theta + self->source[m] * stride,
                   stride * sizeof *theta);
        }
    }
}

void ph_posterior_theta(const ph_posterior *self, const double *z, double *theta)
{
    memcpy(theta, self->fixed, self->p * sizeof *theta);
    for (size_t k = 0; k < self->d; k++) {
        ph_transform(self->lower[k], self->upper[k], z[k], &theta[self->free_index[k]],
                     NULL, NULL, NULL);
    }
    ph_posterior_tie(self, theta, 1);
}

int ph_posterior_z(const ph_posterior *self, size_t k, double theta, double *z)
{
    if (!(theta > self->lower[k] && theta < self->upper[k])) {
        return PH_E_DATA;
    }
    *z = ph_transform_inverse(self->lower[k], self->upper[k], theta);
    return PH_OK;
}

/* --------------------------------------------------------------- evaluation */

typedef struct batch {
    ph_posterior *self;
    size_t n; /* points to evaluate: the first of `order` */
    const double *z;
    double *log_p, *score;
    size_t *order; /* [n] */
    double *rate;  /* [n] */
} batch;

/* Points order[8 block ..] into the worker's lanes; the last point fills empty lanes.
 */
static void load_lanes(const batch *job, size_t block, ph_posterior_worker *worker)
{
    const ph_posterior *self = job->self;
    for (size_t l = 0; l < PH_LANES; l++) {
        size_t at = block * PH_LANES + l;
        size_t point = job->order[at < job->n ? at : job->n - 1];
        for (size_t m = 0; m < self->p; m++) {
            worker->theta[m * PH_LANES + l] = self->fixed[m];
        }
        for (size_t k = 0; k < self->d; k++) {
            ph_transform(self->lower[k], self->upper[k], job->z[point * self->d + k],
                         &worker->theta[self->free_index[k] * PH_LANES + l], NULL, NULL,
                         NULL);
        }
    }
    ph_posterior_tie(self, worker->theta, PH_LANES);
}

/* The gradient of a tied parameter is that of its source. */
static void add_tied(const ph_posterior *self, double *gradient)
{
    for (size_t m = 0; m < self->p; m++) {
        for (size_t l = 0; self->source[m] != m && l < PH_LANES; l++) {
            gradient[self->source[m] * PH_LANES + l] += gradient[m * PH_LANES + l];
        }
    }
}

static int rate_task(void *context, size_t block, int w)
{
    batch *job = context;
    ph_posterior_worker *worker = &job->self->worker[w];
    double rate[PH_LANES];
    load_lanes(job, block, worker);
    ph_plan_eval(job->self->plan, worker->theta, worker->u);
    ph_plan_rate(job->self->plan, worker->u, job->self->t_max, rate);
    for (size_t l = 0; l < PH_LANES && block * PH_LANES + l < job->n; l++) {
        job->rate[block * PH_LANES + l] = rate[l];
    }
    return PH_OK;
}

/* log posterior and score of one point from its likelihood lane. */
static void finish_point(const batch *job, ph_posterior_worker *worker, size_t point,
                         size_t lane, double log_lik)
{
    const ph_posterior *self = job->self;
    const double *z = job->z + point * self->d;
    double sum = log_lik;
    for (size_t k = 0; k < self->d; k++) {
        double slope, jacobian, d_jacobian, d_prior;
        ph_transform(self->lower[k], self->upper[k], z[k], NULL, &slope, &jacobian,
                     &d_jacobian);
        double prior = ph_prior_log_z(&self->prior[k], z[k], &d_prior);
        if (!(self->parts & PH_POSTERIOR_PRIOR)) {
            prior = d_prior = 0;
        }
        if (!(self->parts & PH_POSTERIOR_JACOBIAN)) {
            jacobian = d_jacobian = 0;
        }
        sum += prior + jacobian;
        if (job->score) {
            double d_lik = worker->gradient[self->free_index[k] * PH_LANES + lane];
            job->score[point * self->d + k] = slope * d_lik + d_prior + d_jacobian;
        }
    }
    int good = isfinite(sum);
    for (size_t k = 0; job->score && k < self->d; k++) {
        good = good && isfinite(job->score[point * self->d + k]);
    }
    int beyond = ph_lik_work_beyond(worker->lik) >> lane & 1;
    if (job->score) {
        worker->beyond += beyond;
        worker->outside += log_lik == -INFINITY && !beyond;
    }
    job->log_p[point] = good ? sum : -INFINITY;
    for (size_t k = 0; job->score && !good && k < self->d; k++) {
        job->score[point * self->d + k] = 0;
    }
}

static int block_task(void *context, size_t block, int w)
{
    batch *job = context;
    ph_posterior_worker *worker = &job->self->worker[w];
    double value[PH_LANES];
    load_lanes(job, block, worker);
    int status = ph_lik_block(job->self->lik, worker->lik, worker->theta, value,
                              job->score ? worker->gradient : NULL, &worker->error);
    if (status == PH_OK && job->score) {
        add_tied(job->self, worker->gradient);
    }
    for (size_t l = 0; status == PH_OK && l < PH_LANES; l++) {
        size_t at = block * PH_LANES + l;
        if (at < job->n) {
            finish_point(job, worker, job->order[at], l, value[l]);
        }
    }
    return status;
}

/* Orders the points by rate; returns how many of them are within the limit of steps. */
static int sort_points(batch *job, size_t blocks, size_t *within)
{
    int status = ph_device_run(job->self->device, blocks, rate_task, job);
    ph_ranked *rank = ph_alloc(job->n, sizeof *rank);
    if (!rank) {
        return PH_E_MEMORY;
    }
    *within = 0;
    for (size_t i = 0; i < job->n; i++) {
        rank[i] = (ph_ranked){job->rate[i], i};
        *within += job->rate[i] <= job->self->rate_limit;
    }
    ph_rank(job->n, rank);
    for (size_t i = 0; i < job->n; i++) {
        job->order[i] = rank[i].index;
    }
    free(rank);
    return status;
}

/* Points beyond the limit: see set_limit. */
static void leave_out(batch *job, size_t first, size_t end)
{
    size_t d = job->self->d;
    for (size_t i = first; i < end; i++) {
        job->log_p[job->order[i]] = -INFINITY;
        for (size_t k = 0; job->score && k < d; k++) {
            job->score[job->order[i] * d + k] = 0;
        }
    }
    job->self->beyond += job->score ? end - first : 0;
}

static int evaluate(void *context, size_t n, const double *z, double *log_p,
                    double *score)
{
    batch job = {context, n, z, log_p, score, NULL, NULL};
    size_t blocks = (n + PH_LANES - 1) / PH_LANES, within = 0;
    int status = PH_E_MEMORY;
    job.order = ph_alloc(n, sizeof *job.order);
    job.rate = ph_alloc(n, sizeof *job.rate);
    if (!job.order || !job.rate) {
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        job.order[i] = i;
    }
    status = sort_points(&job, blocks, &within);
    if (status == PH_OK) {
        leave_out(&job, within, n);
        job.n = within;
        blocks = (within + PH_LANES - 1) / PH_LANES;
        status = ph_device_run(job.self->device, blocks, block_task, &job);
    }
out:
    free(job.order);
    free(job.rate);
    return status;
}

/*
 * A parameter vector whose fastest rate makes more than STEPS jumps within the longest
 * time, and LIMIT_FACTOR times as many as the data-scaled starting point does, would
 * take time and memory without bound by uniformization. It is left out (density zero)
 * and counted; the count is a warning of the fit. Where all eigenvalues are real by the
 * graph's structure a contour serves at any rate, and only what it refuses is left out.
 */
static int set_limit(ph_posterior *self)
{
    double t_max = 0, rate[PH_LANES], *z = ph_alloc(self->d, sizeof *z);
    ph_spectrum spectrum = PH_SPECTRUM_ANY;
    int status = z ? ph_posterior_start(self, 0, 0, z) : PH_E_MEMORY;
    for (size_t i = 0; i < self->data->n; i++) {
        const ph_observation *it = &self->data->observation[i];
        t_max = fmax(t_max, fmax(it->time, it->upper));
    }
    self->t_max = t_max > 0 ? t_max : 1;
    if (status == PH_OK) {
        status = ph_spectrum_find(self->plan->graph, &spectrum);
    }
    if (status == PH_OK) {
        batch job = {self, 1, z, NULL, NULL, &(size_t){0}, rate};
        (void)rate_task(&job, 0, 0);
        double limit =
            t_max > 0 ? fmax(STEPS / t_max, LIMIT_FACTOR * rate[0]) : INFINITY;
        int certain = spectrum == PH_SPECTRUM_ACYCLIC || spectrum == PH_SPECTRUM_TREE;
        int served = certain && self->engine != PH_ENGINE_LANES;
        self->rate_limit = served ? INFINITY : limit;
        for (int w = 0; w < self->n_workers; w++) {
            ph_lik_work_limit(self->worker[w].lik, limit * t_max);
        }
    }
    free(z);
    return status;
}

int ph_posterior_set_engine(ph_posterior *self, ph_engine engine, ph_error *error)
{
    int status = PH_OK;
    self->engine = engine;
    for (int w = 0; w < self->n_workers && status == PH_OK; w++) {
        ph_lik_work *work = NULL;
        status = ph_lik_work_new_engine(&work, self->lik, engine);
        if (status == PH_OK) {
            ph_lik_work_free(self->worker[w].lik);
            self->worker[w].lik = work;
        }
    }
    if (status == PH_OK) {
        status = set_limit(self);
    }
    return status == PH_OK ? PH_OK : ph_error_set(error, status, "out of memory");
}

int ph_posterior_explain(const ph_posterior *self, ph_error *error)
{
    for (int w = 0; w < self->n_workers; w++) {
        if (self->worker[w].error.status == PH_E_MODEL) {
            *error = self->worker[w].error;
            return error->status;
        }
    }
    return PH_OK;
}

uint64_t ph_posterior_beyond(const ph_posterior *self)
{
    uint64_t sum = self->beyond;
    for (int w = 0; w < self->n_workers; w++) {
        sum += self->worker[w].beyond;
    }
    return sum;
}

void ph_posterior_tally(const ph_posterior *self, ph_tally *tally)
{
    for (int w = 0; w < self->n_workers; w++) {
        ph_lik_work_tally(self->worker[w].lik, tally);
    }
    ph_tally_add(tally, &self->others);
}

void ph_posterior_take_over(ph_posterior *self, const ph_posterior *other)
{
    ph_posterior_tally(other, &self->others);
    if (self->worker[0].error.status != PH_E_MODEL) {
        (void)ph_posterior_explain(other, &self->worker[0].error);
    }
}

static const char *name_of(void *context, size_t k)
{
    const ph_posterior *self = context;
    return k < self->d ? self->model->parameters[self->free_index[k]].name
                       : self->model->derived[k - self->d].name;
}

/* A derived quantity that is not finite has no moments, and counts as zero here: the
 * fit says that it has no value at some points. */
static int natural_values(void *context, size_t n, const double *z, double *value)
{
    const ph_posterior *self = context;
    const ph_model *model = self->model;
    size_t d = self->d;
    double *theta = ph_alloc(self->p, sizeof *theta);
    if (!theta) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < n; i++, z += d, value += d + model->n_derived) {
        ph_posterior_theta(self, z, theta);
        for (size_t k = 0; k < d; k++) {
            value[k] = theta[self->free_index[k]];
        }
        for (size_t k = 0; k < model->n_derived; k++) {
            double *x = &value[d + k];
            int status =
                ph_expr_value_at(model->derived[k].value, NULL, theta, x, NULL);
            *x = status == PH_OK && isfinite(*x) ? *x : 0;
        }
    }
    free(theta);
    return PH_OK;
}

ph_target ph_posterior_target(ph_posterior *self)
{
    return (ph_target){self,
                       self->d,
                       evaluate,
                       ph_posterior_start,
                       name_of,
                       natural_values,
                       self->model->n_derived};
}
