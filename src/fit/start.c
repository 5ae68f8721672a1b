/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starting points for the mode search. Point 0 is the model's reference values, point 1
 * the prior medians, the others prior draws; even points are then moved to the scale of
 * the data: all positive parameters are multiplied by the one factor that makes the
 * mean absorption time, from the elimination trace, equal the median of the data's
 * first part (the plan is that part's). Where no factor does, the point stays as it is.
 * A parameter without a prior starts at its reference value or the middle of its
 * support, spread by a normal law in z; every point is then moved to the data's scale,
 * and the odd ones away from it again by one normal shift in z.
 * With epochs the rates are those of the epoch that the median lies in, and parameters
 * that the times of epochs depend on are left alone.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "posterior_private.h"

#define ROUNDS     5
#define LOG_FACTOR 46.0 /* factors from e^-46 to e^46 */
#define SPREAD     2.0  /* sd in z where there is no prior */

typedef struct scaling {
    const ph_posterior *self;
    const double *theta; /* [p] */
    double *lanes, *u, *work;
    size_t rates;         /* where the nodes begin that the mean is of */
    unsigned char *moves; /* [p] which parameters the factor multiplies */
} scaling;

/* Positive parameters, but for those of the times of epochs. PH_E_MEMORY. */
static int find_moves(scaling *job, double median)
{
    const ph_posterior *self = job->self;
    const ph_plan *plan = self->plan;
    const ph_epochs *epochs = plan->graph->epochs;
    for (size_t k = 0; k < self->d; k++) {
        job->moves[self->free_index[k]] =
            self->lower[k] == 0 && self->upper[k] == INFINITY;
    }
    if (!epochs) {
        return PH_OK;
    }
    size_t nodes = ph_plan_nodes(plan);
    double *u = ph_alloc(2 * nodes + self->p, sizeof *u);
    if (!u) {
        return PH_E_MEMORY;
    }
    double *u_bar = u + nodes, *slope = u_bar + nodes;
    ph_plan_eval_plain(plan, job->theta, u);
    for (size_t e = 0; e < epochs->n; e++) {
        u_bar[ph_plan_begins(plan, e)] = (double)(e + 1); /* no sum of them cancels */
        if (u[ph_plan_begins(plan, e)] <= median) {
            job->rates = ph_plan_epoch(plan, e) * PH_LANES;
        }
    }
    ph_plan_adjoint_plain(plan, u, u_bar, slope);
    for (size_t m = 0; m < self->p; m++) {
        job->moves[m] = job->moves[m] && slope[m] == 0;
    }
    free(u);
    return PH_OK;
}

/* log of the mean absorption time at PH_LANES log-factors. */
static void log_means(const scaling *job, const double factor[PH_LANES],
                      double mean[PH_LANES])
{
    const ph_posterior *self = job->self;
    _Alignas(64) double value[PH_LANES];
    for (size_t l = 0; l < PH_LANES; l++) {
        for (size_t m = 0; m < self->p; m++) {
            job->lanes[m * PH_LANES + l] = job->theta[m];
        }
        for (size_t m = 0; m < self->p; m++) {
            if (job->moves[m]) {
                job->lanes[m * PH_LANES + l] *= exp(factor[l]);
            }
        }
    }
    ph_posterior_tie(self, job->lanes, PH_LANES);
    ph_plan_eval(self->plan, job->lanes, job->u);
    ph_trace_mean(self->trace, job->u + job->rates, job->work, value, NULL);
    for (int l = 0; l < PH_LANES; l++) {
        mean[l] = log(value[l]);
    }
}

/* The log-factor at which the log mean crosses `target`; NaN where it does not. */
static double find_factor(const scaling *job, double target)
{
    double low = -LOG_FACTOR, high = LOG_FACTOR;
    for (int round = 0; round < ROUNDS; round++) {
        double factor[PH_LANES], mean[PH_LANES];
        for (int l = 0; l < PH_LANES; l++) {
            factor[l] = low + (high - low) * l / (PH_LANES - 1);
        }
        log_means(job, factor, mean);
        int found = -1;
        for (int l = 0; l + 1 < PH_LANES && found < 0; l++) {
            if (isfinite(mean[l]) && isfinite(mean[l + 1]) &&
                (mean[l] - target) * (mean[l + 1] - target) <= 0) {
                found = l;
            }
        }
        if (found < 0) {
            return NAN;
        }
        low = factor[found];
        high = factor[found + 1];
    }
    return (low + high) / 2;
}

static int scale_to_data(const ph_posterior *self, double *theta)
{
    double median = ph_data_median(self->data);
    size_t nodes = ph_plan_nodes(self->plan);
    scaling job = {.self = self, .theta = theta};
    job.lanes = ph_alloc_aligned(self->p * PH_LANES, sizeof(double));
    job.u = ph_alloc_aligned(nodes * PH_LANES, sizeof(double));
    job.work = ph_alloc_aligned(ph_trace_work(self->trace), sizeof(double));
    job.moves = ph_alloc(self->p, 1);
    int status = job.lanes && job.u && job.work && job.moves ? find_moves(&job, median)
                                                             : PH_E_MEMORY;
    if (status == PH_OK && median > 0) {
        double factor = find_factor(&job, log(median));
        for (size_t m = 0; m < self->p && isfinite(factor); m++) {
            theta[m] *= job.moves[m] ? exp(factor) : 1;
        }
    }
    ph_free_aligned(job.lanes);
    ph_free_aligned(job.u);
    ph_free_aligned(job.work);
    free(job.moves);
    return status;
}

static int has_prior(const ph_posterior *self, size_t k)
{
    return self->prior[k].family != PH_PRIOR_NONE;
}

/* z of the prior's median, or 0. */
static double middle(const ph_posterior *self, size_t k)
{
    return has_prior(self, k) ? ph_prior_quantile_z(&self->prior[k], 0.5) : 0;
}

/* z of a value, or of the middle where the value is not inside the support. */
static double z_of(const ph_posterior *self, size_t k, double theta)
{
    int good = isfinite(theta) && theta > self->lower[k] && theta < self->upper[k];
    return good ? ph_transform_inverse(self->lower[k], self->upper[k], theta)
                : middle(self, k);
}

/* z of a draw from the prior, or from the normal law that stands for it. */
static double draw(const ph_posterior *self, size_t k, uint64_t seed, uint32_t index,
                   gsl_rng *rng)
{
    const ph_parameter *parameter = &self->model->parameters[self->free_index[k]];
    if (has_prior(self, k)) {
        return ph_prior_draw_z(&self->prior[k], rng);
    }
    ph_rng stream;
    ph_rng_init(&stream, seed, PH_RNG_START, index, (uint32_t)k + 1);
    double center = z_of(self, k, parameter->has_value ? parameter->value : NAN);
    return center + SPREAD * ph_rng_normal(&stream);
}

int ph_posterior_start(void *context, uint64_t seed, uint32_t index, double *z)
{
    const ph_posterior *self = context;
    double *theta = ph_alloc(2 * self->p, sizeof *theta);
    if (!theta) {
        return PH_E_MEMORY;
    }
    double *scaled = theta + self->p;
    int rescale = index % 2 == 0;
    ph_rng aside;
    ph_rng_init(&aside, seed, PH_RNG_START, index, (uint32_t)self->d + 1);
    double shift = rescale || index == 1 ? 0 : SPREAD * ph_rng_normal(&aside);
    ph_rng stream;
    ph_rng_gsl generator;
    ph_rng_init(&stream, seed, PH_RNG_START, index, 0);
    gsl_rng *rng = ph_rng_gsl_init(&generator, &stream);
    for (size_t k = 0; k < self->d; k++) {
        const ph_parameter *parameter = &self->model->parameters[self->free_index[k]];
        z[k] = index > 1 ? draw(self, k, seed, index, rng) : middle(self, k);
        rescale = rescale || !has_prior(self, k);
        if (index == 0 && parameter->has_value) {
            z[k] = z_of(self, k, parameter->value);
        }
    }
    ph_posterior_theta(self, z, theta);
    memcpy(scaled, theta, self->p * sizeof *theta);
    int status = rescale ? scale_to_data(self, scaled) : PH_OK;
    for (size_t k = 0; k < self->d; k++) {
        size_t m = self->free_index[k];
        z[k] = scaled[m] == theta[m] ? z[k] : z_of(self, k, scaled[m]);
        z[k] += has_prior(self, k) ? 0 : shift;
    }
    free(theta);
    return status;
}
