/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sum over the parts of the data. Value and gradient of one part are finished
 * before the next begins, so that only one sweep is in use at a time.
 */
#include "phasic/lik/lik.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "part.h"
#include "phasic/base/memory.h"

struct ph_lik {
    size_t n;
    ph_lik_part *part; /* [n] */
};

struct ph_lik_work {
    size_t n;
    ph_part_work *part; /* [n] */
};

/* ------------------------------------------------------------- construction */

int ph_lik_new_parts(ph_lik **self, const ph_plan *const *plan, const ph_data *data,
                     ph_error *error)
{
    int status = PH_OK;
    ph_lik *lik = ph_alloc(1, sizeof *lik);
    if (!lik || !(lik->part = ph_alloc(data->n_parts, sizeof *lik->part))) {
        status = ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    for (size_t k = 0; status == PH_OK && k < data->n_parts; k++) {
        lik->n = k + 1;
        status = ph_part_init(&lik->part[k], plan[k], data, k, error);
    }
    if (status != PH_OK) {
        ph_lik_free(lik);
        return status;
    }
    *self = lik;
    return PH_OK;
}

int ph_lik_new(ph_lik **self, const ph_plan *plan, const ph_data *data, ph_error *error)
{
    const ph_plan **all = ph_alloc(data->n_parts, sizeof *all);
    if (!all) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    for (size_t k = 0; k < data->n_parts; k++) {
        all[k] = plan;
    }
    int status = ph_lik_new_parts(self, all, data, error);
    free(all);
    return status;
}

int ph_lik_new_like(ph_lik **self, const ph_lik *other, const ph_data *data,
                    ph_error *error)
{
    const ph_plan **all = ph_alloc(other->n, sizeof *all);
    if (!all) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    for (size_t k = 0; k < other->n; k++) {
        all[k] = other->part[k].plan;
    }
    int status = ph_lik_new_parts(self, all, data, error);
    free(all);
    return status;
}

void ph_lik_free(ph_lik *self)
{
    if (self) {
        for (size_t k = 0; k < self->n; k++) {
            ph_part_free(&self->part[k]);
        }
        free(self->part);
        free(self);
    }
}

int ph_lik_work_new(ph_lik_work **self, const ph_lik *lik)
{
    return ph_lik_work_new_engine(self, lik, PH_ENGINE_AUTO);
}

int ph_lik_work_new_engine(ph_lik_work **self, const ph_lik *lik, ph_engine engine)
{
    ph_lik_work *work = ph_alloc(1, sizeof *work);
    int status = work ? PH_OK : PH_E_MEMORY;
    if (work && !(work->part = ph_alloc(lik->n, sizeof *work->part))) {
        status = PH_E_MEMORY;
    }
    for (size_t k = 0; status == PH_OK && k < lik->n; k++) {
        work->n = k + 1;
        status = ph_part_work_init(&work->part[k], &lik->part[k], engine);
    }
    if (status != PH_OK) {
        ph_lik_work_free(work);
        return status;
    }
    *self = work;
    return PH_OK;
}

void ph_lik_work_free(ph_lik_work *self)
{
    if (self) {
        for (size_t k = 0; k < self->n; k++) {
            ph_part_work_free(&self->part[k]);
        }
        free(self->part);
        free(self);
    }
}

void ph_lik_work_limit(ph_lik_work *self, double steps)
{
    for (size_t k = 0; k < self->n; k++) {
        ph_serve_limit(self->part[k].serve, steps);
    }
}

unsigned ph_lik_work_beyond(const ph_lik_work *self)
{
    unsigned lanes = 0;
    for (size_t k = 0; k < self->n; k++) {
        lanes |= ph_serve_beyond(self->part[k].serve);
    }
    return lanes;
}

void ph_lik_work_tally(const ph_lik_work *self, ph_tally *tally)
{
    for (size_t k = 0; k < self->n; k++) {
        ph_tally_add(tally, ph_serve_tally(self->part[k].serve));
    }
}

/* --------------------------------------------------------------- evaluation */

int ph_lik_block(const ph_lik *self, ph_lik_work *work, const double *theta,
                 double *value, double *gradient, ph_error *error)
{
    size_t p = ph_plan_parameters(self->part[0].plan);
    int status = PH_OK;
    memset(value, 0, PH_LANES * sizeof *value);
    if (gradient) {
        memset(gradient, 0, p * PH_LANES * sizeof *gradient);
    }
    for (size_t k = 0; k < self->n && status == PH_OK; k++) {
        status = ph_part_block(&self->part[k], &work->part[k], theta, value, gradient,
                               error);
    }
    for (size_t l = 0; l < PH_LANES; l++) {
        int outside = !isfinite(value[l]);
        value[l] = outside ? -INFINITY : value[l];
        for (size_t m = 0; gradient && outside && m < p; m++) {
            gradient[m * PH_LANES + l] = 0;
        }
    }
    return status;
}

int ph_lik_check_range(const ph_lik *self, const ph_lik_work *work, ph_error *error)
{
    int status = PH_OK;
    for (size_t k = 0; k < self->n && status == PH_OK; k++) {
        status = ph_part_check_range(&self->part[k], &work->part[k], error);
    }
    return status;
}

int ph_lik_pointwise(const ph_lik *self, ph_lik_work *work, const ph_data *data,
                     size_t first, size_t n, const double *theta, double *value,
                     ph_error *error)
{
    int status = PH_OK;
    for (size_t k = 0; k < self->n && status == PH_OK; k++) {
        const ph_data_part *part = &data->part[k];
        size_t from = part->first > first ? part->first : first;
        size_t end = part->end < first + n ? part->end : first + n;
        if (from < end) {
            status = ph_part_pointwise(&self->part[k], &work->part[k],
                                       data->observation + from, end - from, theta,
                                       value + (from - first) * PH_LANES);
        }
    }
    return status == PH_OK ? status
                           : ph_error_set(error, status, "out of memory in the sweep");
}

int ph_lik_plain(const ph_lik *self, const double *theta, double *value,
                 double *gradient, ph_error *error)
{
    size_t p = ph_plan_parameters(self->part[0].plan);
    int status = PH_OK;
    double sum = 0;
    if (gradient) {
        memset(gradient, 0, p * sizeof *gradient);
    }
    for (size_t k = 0; k < self->n && status == PH_OK; k++) {
        status = ph_part_plain(&self->part[k], theta, &sum, gradient);
        if (status == PH_E_MEMORY) {
            (void)ph_part_no_room(&self->part[k], theta, error);
        }
    }
    *value = status == PH_OK && isfinite(sum) ? sum : -INFINITY;
    if (gradient && *value == -INFINITY) {
        memset(gradient, 0, p * sizeof *gradient);
    }
    return status == PH_OK ? status : ph_error_set(error, status, "out of memory");
}
