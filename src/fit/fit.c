/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/fit/fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identify.h"
#include "phasic/base/memory.h"
#include "phasic/fit/stand_in.h"

/* A quantity without a value is NaN. */
static int derived_values(const ph_model *model, const double *theta, double *value,
                          ph_error *error)
{
    for (size_t k = 0; k < model->n_derived; k++) {
        const ph_derived *derived = &model->derived[k];
        int status = ph_expr_value_at(derived->value, NULL, theta, &value[k], error);
        if (status != PH_OK) {
            ph_error_file(error, model->file);
            ph_error_place(error, "/derived/%s", derived->name);
            return status;
        }
    }
    return PH_OK;
}

/*
 * Rows of z[n][d] to rows of parameters and derived quantities. A point of weight 0,
 * outside the model, counts nowhere: a quantity without a value there is 0. weight may
 * be NULL.
 */
static int natural_scale(const ph_posterior *posterior, const ph_model *model, size_t n,
                         const double *z, const double *weight, double **out,
                         ph_error *error)
{
    size_t columns = model->n_parameters + model->n_derived;
    size_t d = ph_posterior_free_count(posterior);
    double *rows = ph_alloc(n * columns, sizeof *rows);
    if (!rows) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        double *row = rows + i * columns;
        ph_posterior_theta(posterior, z + i * d, row);
        int status = derived_values(model, row, row + model->n_parameters, error);
        if (status != PH_OK) {
            free(rows);
            return status;
        }
        int counts = !weight || weight[i] != 0;
        for (size_t c = model->n_parameters; c < columns; c++) {
            row[c] = counts || isfinite(row[c]) ? row[c] : 0;
        }
    }
    *out = rows;
    return PH_OK;
}

static size_t count_missing(size_t n, const double *rows, size_t columns, size_t column)
{
    size_t missing = 0;
    for (size_t i = 0; i < n; i++) {
        missing += !isfinite(rows[i * columns + column]);
    }
    return missing;
}

/* The verdict is silent about quantities that are not summarised, and says so. */
static void tell_missing(ph_fit *self, const ph_model *model)
{
    char *reasons = self->svgd->reasons;
    for (size_t k = 0; k < self->n_derived; k++) {
        size_t missing =
            count_missing(self->n, self->sample, self->columns, self->p + k);
        size_t used = strlen(reasons);
        if (missing > 0) {
            snprintf(reasons + used, sizeof self->svgd->reasons - used,
                     "%s'%s' has no value at %zu of %zu points, and nothing is said of "
                     "it",
                     used ? "; " : "", model->derived[k].name, missing, self->n);
        }
    }
}

/* Which sampler runs: the settings that are not NULL. */
typedef struct method {
    const ph_svgd_settings *svgd;
    const ph_hmc_settings *hmc;
} method;

/* One run of the sampler on a posterior, and its samples on the natural scale. */
static int run(ph_fit **self, ph_posterior *posterior, method how, const ph_log *log,
               ph_error *error)
{
    const ph_model *model = ph_posterior_model(posterior);
    ph_target target = ph_posterior_target(posterior);
    ph_fit *fit = ph_alloc(1, sizeof *fit);
    if (!fit) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    int status = how.hmc ? ph_hmc_run(&fit->svgd, &target, how.hmc, log, error)
                         : ph_svgd_run(&fit->svgd, &target, how.svgd, log, error);
    if (status != PH_OK) {
        goto out;
    }
    fit->p = model->n_parameters;
    fit->n_derived = model->n_derived;
    fit->columns = fit->p + fit->n_derived;
    fit->n = fit->svgd->n;
    fit->draws = fit->svgd->draws;
    fit->weight = fit->svgd->weight;
    fit->draw_log_p = fit->svgd->draw_log_p;
    fit->outside = ph_posterior_outside(posterior);
    fit->beyond = ph_posterior_beyond(posterior);
    status = natural_scale(posterior, model, fit->n, fit->svgd->z, fit->weight,
                           &fit->sample, error);
    if (status == PH_OK) {
        status = natural_scale(posterior, model, fit->draws, fit->svgd->draw, NULL,
                               &fit->draw, error);
    }
    if (status == PH_OK) {
        tell_missing(fit, model);
    }
out:
    if (status != PH_OK) {
        ph_fit_free(fit);
        return ph_error_set(error, status, "%s", ph_status_text(status));
    }
    *self = fit;
    return PH_OK;
}

/* Compressed data stand in for large ones where they agree. */
static int run_compressed(ph_fit **self, ph_posterior *posterior, method how,
                          int compress, const ph_log *log, ph_error *error)
{
    uint64_t seed = how.hmc ? how.hmc->seed : how.svgd->seed;
    ph_fit *fit = NULL;
    ph_stand_in stand_in = {0};
    int agrees = 1, status = PH_OK;
    if (compress) {
        status = ph_stand_in_find(&stand_in, posterior, seed, log, error);
    }
    if (status == PH_OK) {
        status = run(&fit, stand_in.posterior ? stand_in.posterior : posterior, how,
                     log, error);
    }
    if (status == PH_OK && stand_in.posterior) {
        status = ph_stand_in_check(&stand_in, posterior, fit->draws, fit->svgd->draw,
                                   &agrees);
    }
    ph_stand_in_free(&stand_in);
    if (status == PH_OK && !agrees) {
        ph_log_write(
            log, PH_LOG_INFO,
            "the compressed data differ at the posterior; running on all data");
        ph_fit_free(fit);
        fit = NULL;
        status = run(&fit, posterior, how, log, error);
    }
    if (status == PH_OK) {
        status = ph_identify_fit(fit->svgd, posterior, fit->svgd->reasons,
                                 sizeof fit->svgd->reasons);
    }
    if (status != PH_OK) {
        ph_fit_free(fit);
        return ph_error_set(error, status, "%s", ph_status_text(status));
    }
    *self = fit;
    return PH_OK;
}

int ph_fit_run(ph_fit **self, ph_posterior *posterior, const ph_svgd_settings *settings,
               int compress, const ph_log *log, ph_error *error)
{
    return run_compressed(self, posterior, (method){settings, NULL}, compress, log,
                          error);
}

int ph_fit_run_hmc(ph_fit **self, ph_posterior *posterior,
                   const ph_hmc_settings *settings, int compress, const ph_log *log,
                   ph_error *error)
{
    return run_compressed(self, posterior, (method){NULL, settings}, compress, log,
                          error);
}

void ph_fit_free(ph_fit *self)
{
    if (self) {
        free(self->sample);
        free(self->draw);
        ph_svgd_result_free(self->svgd);
        free(self);
    }
}
