/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the names of rewards to their moments. */
#include "moment_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"

static int find_rewards(ph_moment_set *self, const ph_model *model, const char *names,
                        ph_error *error)
{
    self->reward = ph_alloc(model->n_rewards + 1, sizeof *self->reward);
    self->name = ph_alloc(model->n_rewards + 1, sizeof *self->name);
    int status = self->reward && self->name
                     ? PH_OK
                     : ph_error_set(error, PH_E_MEMORY, "out of memory");
    if (status == PH_OK && names) {
        status = ph_reward_list(model, names, self->reward, &self->length, error);
    } else if (status == PH_OK) {
        self->length = model->n_rewards + 1;
        for (size_t k = 0; k < self->length; k++) {
            self->reward[k] = (long)k - 1;
        }
    }
    for (size_t k = 0; k < self->length && status == PH_OK; k++) {
        self->name[k] = ph_reward_label(model, self->reward[k]);
    }
    return status;
}

static int compile(ph_moment_set *self, const ph_job *job, size_t order,
                   size_t gradient, const ph_log *log, ph_error *error)
{
    size_t n = job->graph->n;
    double *amount = ph_alloc(self->length * n, sizeof *amount);
    int status = amount ? PH_OK : PH_E_MEMORY;
    for (size_t k = 0; k < self->length && status == PH_OK; k++) {
        status = ph_graph_reward(job->graph, job->model, self->reward[k],
                                 amount + k * n, error);
    }
    if (status == PH_OK) {
        status = ph_job_trace(job, &self->trace, log, error);
    }
    if (status == PH_OK) {
        status = ph_moments_new(&self->moments, job->graph, self->trace, self->length,
                                amount, order);
    }
    if (status == PH_OK) {
        status = ph_moments_value_new(&self->value, self->moments, 1, gradient);
    }
    if (status == PH_OK) {
        self->work = ph_alloc(ph_moments_query_work(self->moments), sizeof *self->work);
        status = self->work ? PH_OK : PH_E_MEMORY;
    }
    free(amount);
    return status == PH_E_MEMORY ? ph_error_set(error, status, "out of memory")
                                 : status;
}

int ph_moment_set_new(ph_moment_set *self, const ph_job *job, const char *names,
                      size_t order, size_t gradient, const ph_log *log, ph_error *error)
{
    memset(self, 0, sizeof *self);
    int status = find_rewards(self, job->model, names, error);
    if (status == PH_OK) {
        status = compile(self, job, order, gradient, log, error);
    }
    if (status != PH_OK) {
        ph_moment_set_free(self);
    }
    return status;
}

void ph_moment_set_free(ph_moment_set *self)
{
    ph_moments_value_free(self->value);
    ph_moments_free(self->moments);
    ph_trace_free(self->trace);
    free(self->reward);
    free(self->name);
    free(self->work);
    memset(self, 0, sizeof *self);
}

int ph_moment_set_eval(ph_moment_set *self, const double *theta, size_t p,
                       ph_error *error)
{
    for (size_t m = 0; m < p; m++) {
        self->value->theta[m] = theta[m];
    }
    int status = ph_moments_eval(self->moments, self->value);
    if (status == PH_E_NUMERIC) {
        return ph_error_set(error, status,
                            "moments or derivatives lose their digits by cancellation "
                            "at these parameters");
    }
    if (status != PH_OK) {
        return ph_error_set(error, status, "out of memory");
    }
    if (!self->value->valid) {
        return ph_error_set(error, PH_E_NUMERIC,
                            "the parameters lie outside the model: a rate or "
                            "probability is negative or not finite");
    }
    for (size_t k = 0; k < self->length; k++) {
        if (!isfinite(self->value->mean[k])) {
            return ph_error_set(error, PH_E_NUMERIC,
                                "the mean of '%s' is not finite at these parameters",
                                self->name[k]);
        }
    }
    return PH_OK;
}
