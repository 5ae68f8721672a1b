/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/fit/map.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identify.h"
#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"
#include "phasic/fit/stand_in.h"
#include "posterior_private.h"

#define WIDTH    1e-3 /* of differences of derived quantities, in standard errors */
#define SHOWN    0.3  /* component of a unit vector */
#define DISTINCT 1e-3 /* shares of modes below this are not worth a word */

static double derived_at(const ph_model *model, const double *theta, size_t k)
{
    double value = NAN;
    int status = ph_expr_value_at(model->derived[k].value, NULL, theta, &value, NULL);
    return status == PH_OK ? value : NAN;
}

static void values_at(const ph_posterior *posterior, const double *z, double *value)
{
    const ph_model *model = posterior->model;
    ph_posterior_theta(posterior, z, value);
    for (size_t k = 0; k < model->n_derived; k++) {
        value[model->n_parameters + k] = derived_at(model, value, k);
    }
}

/*
 * slope[columns][d]: derivatives of all columns in z; of parameters by the transform,
 * of derived quantities by central differences over a thousandth of a standard error.
 */
static int slopes_at(const ph_posterior *posterior, const ph_maximum *at, double *slope)
{
    const ph_model *model = posterior->model;
    size_t d = posterior->d, p = model->n_parameters, columns = p + model->n_derived;
    double *z = ph_alloc(d, sizeof *z), *up = ph_alloc(columns, sizeof *up);
    double *down = ph_alloc(columns, sizeof *down);
    int status = z && up && down ? PH_OK : PH_E_MEMORY;
    for (size_t k = 0; k < d && status == PH_OK; k++) {
        for (size_t m = 0; m < p; m++) { /* the parameter and those tied to it */
            if (posterior->source[m] == posterior->free_index[k]) {
                ph_transform(posterior->lower[k], posterior->upper[k], at->z[k], NULL,
                             &slope[m * d + k], NULL, NULL);
            }
        }
        double h = WIDTH * fmin(sqrt(at->covariance[k * (d + 1)]), 1);
        memcpy(z, at->z, d * sizeof *z);
        z[k] = at->z[k] + h;
        values_at(posterior, z, up);
        z[k] = at->z[k] - h;
        values_at(posterior, z, down);
        for (size_t c = p; c < columns; c++) {
            slope[c * d + k] = (up[c] - down[c]) / (2 * h);
        }
    }
    free(z);
    free(up);
    free(down);
    return status;
}

/* slope_a' C slope_b */
static double product(size_t d, const double *covariance, const double *a,
                      const double *b)
{
    double sum = 0;
    for (size_t k = 0; k < d; k++) {
        for (size_t l = 0; l < d; l++) {
            sum += a[k] != 0 && b[l] != 0 ? a[k] * covariance[k * d + l] * b[l] : 0;
        }
    }
    return sum;
}

static void correlate(ph_map *self, const double *covariance, const double *slope)
{
    size_t n = self->columns, d = self->d;
    const double *error = self->mode[0].error;
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            double c = product(d, covariance, slope + a * d, slope + b * d);
            self->correlation[a * n + b] = a == b ? 1 : c / (error[a] * error[b]);
        }
    }
}

/* log p less the prior and the Jacobian. */
static double likelihood_at(const ph_posterior *posterior, const ph_maximum *at)
{
    double rest = 0;
    for (size_t k = 0; k < posterior->d; k++) {
        double jacobian;
        ph_transform(posterior->lower[k], posterior->upper[k], at->z[k], NULL, NULL,
                     &jacobian, NULL);
        if (posterior->parts & PH_POSTERIOR_PRIOR) {
            rest += ph_prior_log_z(&posterior->prior[k], at->z[k], NULL);
        }
        rest += posterior->parts & PH_POSTERIOR_JACOBIAN ? jacobian : 0;
    }
    return at->log_p - rest;
}

static int make_mode(ph_map *self, const ph_posterior *posterior, size_t m)
{
    const ph_maximum *at = &self->maxima->maximum[m];
    ph_map_mode *mode = &self->mode[m];
    size_t d = self->d;
    double *slope = ph_alloc(self->columns * d, sizeof *slope);
    mode->value = ph_alloc(self->columns, sizeof(double));
    mode->error = ph_alloc(self->columns, sizeof(double));
    int status = slope && mode->value && mode->error ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK) {
        mode->log_p = at->log_p;
        mode->share = at->share;
        mode->log_likelihood = likelihood_at(posterior, at);
        values_at(posterior, at->z, mode->value);
        status = slopes_at(posterior, at, slope);
    }
    for (size_t c = 0; c < self->columns && status == PH_OK; c++) {
        mode->error[c] = sqrt(product(d, at->covariance, slope + c * d, slope + c * d));
    }
    if (status == PH_OK && m == 0) {
        correlate(self, at->covariance, slope);
    }
    free(slope);
    return status;
}

/* ---- the verdict ---- */

static const char *name_of(const ph_posterior *posterior, size_t k)
{
    return posterior->model->parameters[posterior->free_index[k]].name;
}

static void say(ph_buffer *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(ph_buffer *text, const char *format, ...)
{
    char sentence[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    ph_buffer_addf(text, "%s%s", text->length ? "; " : "", sentence);
}

/* Where a parameter goes when its z goes to minus or plus infinity. */
static double limit_of(const ph_posterior *posterior, const ph_maximum *at)
{
    size_t k = at->dimension;
    int falls = isinf(posterior->lower[k]) && isfinite(posterior->upper[k]);
    return (at->sign > 0) != falls ? posterior->upper[k] : posterior->lower[k];
}

/* How far parameter k moves along that direction, to first order. */
static double move_of(const ph_posterior *posterior, const ph_maximum *at, size_t k)
{
    double slope;
    ph_transform(posterior->lower[k], posterior->upper[k], at->z[k], NULL, &slope, NULL,
                 NULL);
    return slope * at->direction[k];
}

/*
 * The parameters that the direction of least information holds: those with a large
 * component in z, or in theta (a sum of two rates is flat along their difference, of
 * which the logarithm of the larger one sees little).
 */
static const char *direction_of(const ph_posterior *posterior, const ph_maximum *at,
                                ph_buffer *list)
{
    double longest = 0;
    for (size_t k = 0; k < posterior->d; k++) {
        longest = fmax(longest, fabs(move_of(posterior, at, k)));
    }
    for (size_t k = 0; k < posterior->d; k++) {
        if (fabs(at->direction[k]) > SHOWN ||
            fabs(move_of(posterior, at, k)) > SHOWN * longest) {
            ph_buffer_addf(list, "%s%s (%+.2f)", list->length ? ", " : "",
                           name_of(posterior, k), at->direction[k]);
        }
    }
    return list->text ? list->text : "";
}

static void judge(ph_map *self, const ph_posterior *posterior)
{
    const ph_maximum *at = &self->maxima->maximum[0];
    const char *what = self->parts & PH_POSTERIOR_PRIOR ? "posterior" : "likelihood";
    char limit[32];
    ph_buffer text = {0}, list = {0};
    switch (at->fault) {
    case PH_MAXIMUM_FINE:
        say(&text, "the %s has a maximum here with a definite Hessian", what);
        break;
    case PH_MAXIMUM_FLAT:
        say(&text,
            "the information of the %s is singular along %s, so there are no standard "
            "errors",
            what, direction_of(posterior, at, &list));
        break;
    case PH_MAXIMUM_EDGE:
    case PH_MAXIMUM_UNBOUNDED:
        say(&text, "the %s %s as '%s' goes to %s, %s", what,
            at->fault == PH_MAXIMUM_EDGE ? "rises to its limit" : "grows without bound",
            name_of(posterior, at->dimension),
            ph_double_text(limit_of(posterior, at), limit),
            at->fault == PH_MAXIMUM_EDGE ? "the edge of its support"
                                         : "so it has no maximum");
        break;
    case PH_MAXIMUM_WALL:
        say(&text, "the maximum of the %s lies where the model ends", what);
        break;
    case PH_MAXIMUM_RESTLESS:
        say(&text, "the search stopped before it reached a maximum of the %s", what);
        break;
    }
    self->converged = at->fault == PH_MAXIMUM_FINE && !text.failed;
    snprintf(self->reasons, sizeof self->reasons, "%s", text.text ? text.text : "");
    ph_buffer_free(&text);
    ph_buffer_free(&list);
}

/* What the user must know beside the verdict. */
static int warn(ph_map *self, const ph_posterior *posterior, const ph_log *log)
{
    const ph_maximum *at = &self->maxima->maximum[0];
    size_t others = 0;
    for (size_t m = 1; m < self->n_modes; m++) {
        others += !(self->mode[m].share < DISTINCT);
    }
    if (others && at->fault == PH_MAXIMUM_FINE) { /* a ridge is full of them */
        ph_log_write(log, PH_LOG_WARNING,
                     "%zu other maxim%s about as good; %s listed in the JSON result",
                     others, others == 1 ? "um is" : "a are",
                     others == 1 ? "it is" : "they are");
    }
    if (at->fault != PH_MAXIMUM_FINE) {
        return PH_OK;
    }
    if (at->weak) {
        ph_buffer list = {0};
        ph_log_write(log, PH_LOG_WARNING, "the data say little along a direction: %s",
                     direction_of(posterior, at, &list));
        ph_buffer_free(&list);
    }
    return self->parts & PH_POSTERIOR_PRIOR
               ? ph_identify_directions(posterior, at->z, at->hessian, self->reasons,
                                        sizeof self->reasons)
               : PH_OK;
}

/* ---- the run ---- */

static int fill(ph_map *self, const ph_posterior *posterior)
{
    const ph_model *model = posterior->model;
    self->parts = posterior->parts;
    self->p = model->n_parameters;
    self->n_derived = model->n_derived;
    self->columns = self->p + self->n_derived;
    self->d = posterior->d;
    self->observations = posterior->data->total_weight;
    self->mode = ph_alloc(self->maxima->n, sizeof *self->mode);
    self->correlation = ph_alloc(self->columns * self->columns, sizeof(double));
    self->lower = ph_alloc(self->p, sizeof(double));
    self->upper = ph_alloc(self->p, sizeof(double));
    if (!self->mode || !self->correlation || !self->lower || !self->upper) {
        return PH_E_MEMORY;
    }
    for (size_t k = 0; k < self->d; k++) {
        self->lower[posterior->free_index[k]] = posterior->lower[k];
        self->upper[posterior->free_index[k]] = posterior->upper[k];
    }
    ph_posterior_tie(posterior, self->lower, 1);
    ph_posterior_tie(posterior, self->upper, 1);
    int status = PH_OK;
    while (self->n_modes < self->maxima->n && status == PH_OK) {
        status = make_mode(self, posterior, self->n_modes++);
    }
    return status;
}

static void set_criteria(ph_map *self)
{
    double twice = -2 * self->mode[0].log_likelihood, d = (double)self->d;
    self->aic = twice + 2 * d;
    self->bic = twice + log(self->observations) * d;
}

static int search(ph_map *self, ph_posterior *posterior,
                  const ph_svgd_settings *settings, const ph_log *log, ph_error *error)
{
    ph_target target = ph_posterior_target(posterior);
    uint64_t outside = ph_posterior_outside(posterior);
    uint64_t beyond = ph_posterior_beyond(posterior);
    int status = ph_maxima_find(&self->maxima, &target, settings, log, error);
    self->outside = ph_posterior_outside(posterior) - outside;
    self->beyond = ph_posterior_beyond(posterior) - beyond;
    return status;
}

/* Compressed data stand in for large ones where they agree. */
static int search_compressed(ph_map *self, ph_posterior *posterior,
                             const ph_svgd_settings *settings, const ph_log *log,
                             ph_error *error)
{
    ph_stand_in stand_in = {0};
    int agrees = 1;
    int status = ph_stand_in_find(&stand_in, posterior, settings->seed, log, error);
    if (status == PH_OK) {
        status = search(self, stand_in.posterior ? stand_in.posterior : posterior,
                        settings, log, error);
    }
    for (size_t m = 0;
         status == PH_OK && stand_in.posterior && agrees && m < self->maxima->n; m++) {
        status = ph_stand_in_check_maximum(&stand_in, posterior,
                                           &self->maxima->maximum[m], &agrees);
    }
    ph_stand_in_free(&stand_in);
    if (status == PH_OK && !agrees) {
        ph_log_write(log, PH_LOG_INFO,
                     "the compressed data differ at the maximum; running on all data");
        ph_maxima_free(self->maxima);
        self->maxima = NULL;
        status = search(self, posterior, settings, log, error);
    }
    return status;
}

int ph_map_run(ph_map **self, ph_posterior *posterior, const ph_svgd_settings *settings,
               int compress, const ph_log *log, ph_error *error)
{
    ph_map *map = ph_alloc(1, sizeof *map);
    int status = !map       ? PH_E_MEMORY
                 : compress ? search_compressed(map, posterior, settings, log, error)
                            : search(map, posterior, settings, log, error);
    if (status == PH_OK) {
        status = fill(map, posterior);
    }
    if (status == PH_OK) {
        set_criteria(map);
        judge(map, posterior);
        status = warn(map, posterior, log);
    }
    if (status != PH_OK) {
        ph_map_free(map);
        return ph_error_set(error, status, "%s", ph_status_text(status));
    }
    *self = map;
    return PH_OK;
}

void ph_map_free(ph_map *self)
{
    if (!self) {
        return;
    }
    for (size_t m = 0; self->mode && m < self->n_modes; m++) {
        free(self->mode[m].value);
        free(self->mode[m].error);
    }
    free(self->mode);
    free(self->correlation);
    free(self->lower);
    free(self->upper);
    ph_maxima_free(self->maxima);
    free(self);
}

double ph_map_quantile(const ph_map *self, size_t mode, size_t column, double level)
{
    double value = self->mode[mode].value[column];
    double error = self->mode[mode].error[column];
    double normal = gsl_cdf_ugaussian_Pinv(level), theta, slope;
    if (column >= self->p || error == 0) {
        return value + normal * error;
    }
    double lower = self->lower[column], upper = self->upper[column];
    double z = ph_transform_inverse(lower, upper, value);
    ph_transform(lower, upper, z, NULL, &slope, NULL, NULL);
    ph_transform(lower, upper, z + normal * error / slope, &theta, NULL, NULL, NULL);
    return theta;
}
