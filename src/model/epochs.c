/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One pool holds the times and values of all epochs. Its inputs are what the graph's
 * pool takes too, so an epoch is nothing but another vector of inputs to the same
 * rates.
 */
#include "phasic/model/epochs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"

/* ---- building ---- */

static int new_pool(ph_epochs *self, const ph_model *model)
{
    double *lower = ph_alloc(2 * self->q, sizeof *lower), *upper = lower + self->q;
    if (!lower) {
        return PH_E_MEMORY;
    }
    for (size_t m = 0; m < self->p; m++) {
        lower[m] = model->parameters[m].lower;
        upper[m] = model->parameters[m].upper;
    }
    for (size_t k = self->p; k < self->q; k++) {
        lower[k] = upper[k] = self->varying[k - self->p];
    }
    int status = ph_pool_new(&self->pool, self->q, lower, upper);
    free(lower);
    return status;
}

static int add_expression(ph_epochs *self, const ph_expr *expr, uint32_t *node,
                          ph_error *error)
{
    const ph_env nothing = {NULL, NULL};
    ph_linear form = {0};
    int status = ph_expr_linear(expr, &nothing, self->pool, &form, error);
    if (status == PH_OK) {
        status = ph_pool_linear(self->pool, &form, node);
    }
    ph_linear_free(&form);
    return status;
}

/* A value that no theta brings into its parameter's support. */
static int check_value(const ph_epochs *self, const ph_model *model, size_t input,
                       uint32_t node, ph_error *error)
{
    double lower, upper;
    ph_pool_range(self->pool, node, &lower, &upper);
    if (input >= self->p || (lower <= model->parameters[input].upper &&
                             upper >= model->parameters[input].lower)) {
        return PH_OK;
    }
    char text[2][32];
    return ph_error_set(error, PH_E_MODEL,
                        "this value of '%s' is never from %s to %s, where the "
                        "parameter may be",
                        model->parameters[input].name,
                        ph_double_text(model->parameters[input].lower, text[0]),
                        ph_double_text(model->parameters[input].upper, text[1]));
}

static int add_epoch(ph_epochs *self, const ph_model *model, size_t e, ph_error *error)
{
    const ph_epoch *epoch = model->epochs + e - 1;
    uint32_t *input = self->input + e * self->q;
    memcpy(input, input - self->q, self->q * sizeof *input);
    int status = add_expression(self, epoch->at, self->begin + e, error);
    if (status != PH_OK) {
        ph_error_place(error, "/epochs/%zu/at", e - 1);
    }
    for (size_t k = 0; status == PH_OK && k < epoch->n_sets; k++) {
        const ph_epoch_set *set = epoch->sets + k;
        status = add_expression(self, set->value, input + set->input, error);
        if (status == PH_OK) {
            status = check_value(self, model, set->input, input[set->input], error);
        }
        if (status == PH_E_MODEL) {
            ph_error_place(error, "/epochs/%zu/set/%s", e - 1,
                           ph_model_input_name(model, set->input));
            ph_error_found(error, ph_expr_text(set->value), -1);
        }
    }
    if (status != PH_OK) {
        ph_error_file(error, model->file);
    }
    return status;
}

/* Epoch 0: every input is itself; time 0 is a node of its own. */
static int add_first(ph_epochs *self)
{
    const ph_linear zero = {0};
    for (size_t m = 0; m < self->q; m++) {
        self->input[m] = (uint32_t)(m + 1);
    }
    return ph_pool_linear(self->pool, &zero, self->begin);
}

int ph_epochs_new(ph_epochs **self, const ph_model *model, ph_error *error)
{
    *self = NULL;
    if (model->n_epochs == 0) {
        return PH_OK;
    }
    ph_epochs *epochs = ph_alloc(1, sizeof *epochs);
    if (!epochs) {
        return ph_error_set(error, PH_E_MEMORY, "no memory for the epochs");
    }
    epochs->n = model->n_epochs + 1;
    epochs->p = model->n_parameters;
    epochs->q = ph_model_inputs(model);
    epochs->varying = ph_alloc(model->n_varying, sizeof *epochs->varying);
    epochs->begin = ph_alloc(epochs->n, sizeof *epochs->begin);
    epochs->input = ph_alloc(epochs->n * epochs->q, sizeof *epochs->input);
    int status =
        epochs->varying && epochs->begin && epochs->input ? PH_OK : PH_E_MEMORY;
    for (size_t k = 0; status == PH_OK && k < model->n_varying; k++) {
        epochs->varying[k] = model->constants[model->varying[k]].value;
    }
    if (status == PH_OK && (status = new_pool(epochs, model)) == PH_OK) {
        status = add_first(epochs);
    }
    for (size_t e = 1; status == PH_OK && e < epochs->n; e++) {
        status = add_epoch(epochs, model, e, error);
    }
    if (status != PH_OK) {
        ph_epochs_free(epochs);
        return status == PH_E_MEMORY
                   ? ph_error_set(error, status, "no memory for the epochs")
                   : status;
    }
    *self = epochs;
    return PH_OK;
}

void ph_epochs_free(ph_epochs *self)
{
    if (self) {
        ph_pool_free(self->pool);
        free(self->varying);
        free(self->begin);
        free(self->input);
        free(self);
    }
}

void ph_epochs_range(const ph_epochs *self, double *lower, double *upper)
{
    for (size_t m = 0; m < self->q; m++) {
        lower[m] = INFINITY;
        upper[m] = -INFINITY;
        for (size_t e = 0; e < self->n; e++) {
            double low, high;
            ph_pool_range(self->pool, self->input[e * self->q + m], &low, &high);
            lower[m] = fmin(lower[m], low);
            upper[m] = fmax(upper[m], high);
        }
    }
}

/* ---- values and their adjoint; `width` is PH_LANES or 1 ---- */

size_t ph_epochs_nodes(const ph_epochs *self)
{
    return ph_pool_length(self->pool);
}

static void own_inputs(const ph_epochs *self, const double *theta, size_t width,
                       double *work)
{
    memcpy(work, theta, self->p * width * sizeof *work);
    for (size_t i = self->p * width; i < self->q * width; i++) {
        work[i] = self->varying[i / width - self->p];
    }
}

static void copy_input(const ph_epochs *self, const double *x, size_t epoch,
                       size_t width, double *input)
{
    const uint32_t *node = self->input + epoch * self->q;
    for (size_t i = 0; i < self->q * width; i++) {
        input[i] = x[node[i / width] * width + i % width];
    }
}

static void gather(const ph_epochs *self, size_t epoch, size_t width,
                   const double *input_bar, const double *begin_bar, double *x_bar)
{
    const uint32_t *node = self->input + epoch * self->q;
    for (size_t i = 0; i < self->q * width; i++) {
        x_bar[node[i / width] * width + i % width] += input_bar[i];
    }
    for (size_t l = 0; l < width; l++) {
        x_bar[self->begin[epoch] * width + l] += begin_bar[l];
    }
}

static void add_own(const ph_epochs *self, size_t width, const double *work,
                    double *theta_bar)
{
    for (size_t i = 0; i < self->p * width; i++) {
        theta_bar[i] += work[i];
    }
}

void ph_epochs_eval(const ph_epochs *self, const double *theta, double *work, double *x)
{
    own_inputs(self, theta, PH_LANES, work);
    ph_pool_eval(self->pool, work, x);
}

void ph_epochs_input(const ph_epochs *self, const double *x, size_t epoch,
                     double *input)
{
    copy_input(self, x, epoch, PH_LANES, input);
}

void ph_epochs_gather(const ph_epochs *self, size_t epoch, const double *input_bar,
                      const double *begin_bar, double *x_bar)
{
    gather(self, epoch, PH_LANES, input_bar, begin_bar, x_bar);
}

void ph_epochs_adjoint(const ph_epochs *self, const double *x, double *x_bar,
                       double *work, double *theta_bar)
{
    memset(work, 0, self->q * PH_LANES * sizeof *work);
    ph_pool_adjoint(self->pool, x, x_bar, work);
    add_own(self, PH_LANES, work, theta_bar);
}

void ph_epochs_eval_plain(const ph_epochs *self, const double *theta, double *work,
                          double *x)
{
    own_inputs(self, theta, 1, work);
    ph_pool_eval_plain(self->pool, work, x);
}

void ph_epochs_input_plain(const ph_epochs *self, const double *x, size_t epoch,
                           double *input)
{
    copy_input(self, x, epoch, 1, input);
}

void ph_epochs_gather_plain(const ph_epochs *self, size_t epoch,
                            const double *input_bar, double begin_bar, double *x_bar)
{
    gather(self, epoch, 1, input_bar, &begin_bar, x_bar);
}

void ph_epochs_adjoint_plain(const ph_epochs *self, const double *x, double *x_bar,
                             double *work, double *theta_bar)
{
    memset(work, 0, self->q * sizeof *work);
    ph_pool_adjoint_plain(self->pool, x, x_bar, work);
    add_own(self, 1, work, theta_bar);
}
