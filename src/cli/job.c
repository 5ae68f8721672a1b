/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From files and options to the objects of the core. */
#include "job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/file.h"
#include "phasic/base/memory.h"
#include "phasic/num/lanes.h"

int ph_assignment_read(const char *text, size_t length, size_t *name, double *value,
                       ph_error *error)
{
    const char *equals = memchr(text, '=', length);
    if (equals && equals > text) {
        *name = (size_t)(equals - text);
        if (ph_double_read(equals + 1, length - *name - 1, value) == PH_OK) {
            return PH_OK;
        }
    }
    ph_error_found(error, text, (long)length);
    return ph_error_set(error, PH_E_USAGE, "expects NAME=NUMBER");
}

/* --set: one constant each. Names are cut from their texts into `names`. */
static int read_settings(const ph_app *app, ph_setting **settings, size_t *n,
                         ph_error *error)
{
    const ph_option_value *set = ph_options_find(&app->options, "set");
    ph_setting *list = ph_alloc(set->length, sizeof *list);
    if (!list) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    *settings = list;
    for (size_t i = 0; i < set->length; i++) {
        char *text = set->text[i];
        size_t name = 0;
        int status =
            ph_assignment_read(text, strlen(text), &name, &list[i].value, error);
        if (status != PH_OK) {
            ph_error_place(error, "--set");
            return status;
        }
        char *copy = ph_strndup(text, name);
        if (!copy) {
            return ph_error_set(error, PH_E_MEMORY, "out of memory");
        }
        list[i].name = copy;
        *n = i + 1;
    }
    return PH_OK;
}

static void free_settings(ph_setting *settings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free((char *)(uintptr_t)settings[i].name);
    }
    free(settings);
}

static int read_model(ph_job *self, ph_app *app)
{
    const char *path = app->options.argument[0];
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    int status = read_settings(app, &self->settings, &self->n_settings, &app->error);
    if (status == PH_OK && !self->model_text) {
        status =
            ph_file_read(path, &self->model_text, &self->model_length, &app->error);
    }
    if (status == PH_OK) {
        status = ph_job_open_trace(self, name, &app->error);
    }
    return status == PH_OK ? ph_model_parse(&self->model, name, self->model_text,
                                            self->model_length, self->settings,
                                            self->n_settings, &app->error)
                           : status;
}

int ph_parameter_unknown(const ph_model *model, const char *name, size_t length,
                         ph_error *error)
{
    int status = PH_E_MEMORY;
    char *typed = ph_strndup(name, length);
    const char **known = ph_alloc(model->n_parameters, sizeof *known);
    if (typed && known) {
        for (size_t i = 0; i < model->n_parameters; i++) {
            known[i] = model->parameters[i].name;
        }
        const char *near = ph_nearest_name(typed, known, model->n_parameters);
        status = ph_error_set(
            error, PH_E_USAGE, "the model has no parameter '%s'%s%s%s", typed,
            near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    free(known);
    free(typed);
    return status;
}

/* One NAME=VALUE of --theta takes the place of the model's own value. */
static int apply_value(ph_model *model, unsigned char *given, const char *text,
                       size_t length, ph_error *error)
{
    size_t name = 0, i = 0;
    double value;
    int status = ph_assignment_read(text, length, &name, &value, error);
    if (status != PH_OK) {
        return status;
    }
    while (i < model->n_parameters &&
           (strlen(model->parameters[i].name) != name ||
            memcmp(model->parameters[i].name, text, name) != 0)) {
        i++;
    }
    if (i == model->n_parameters) {
        return ph_parameter_unknown(model, text, name, error);
    }
    ph_parameter *parameter = &model->parameters[i];
    ph_error_found(error, text, (long)length);
    if (given[i]) {
        return ph_error_set(error, PH_E_USAGE, "gives '%s' twice", parameter->name);
    }
    if (value < parameter->lower || value > parameter->upper) {
        char lower[32], upper[32];
        return ph_error_set(error, PH_E_USAGE, "'%s' must lie between %s and %s",
                            parameter->name, ph_double_text(parameter->lower, lower),
                            ph_double_text(parameter->upper, upper));
    }
    given[i] = 1;
    parameter->value = value;
    parameter->has_value = 1;
    return PH_OK;
}

static int apply_values(ph_model *model, unsigned char *given, const char *text,
                        ph_error *error)
{
    int status = PH_OK;
    while (text && *text && status == PH_OK) {
        size_t length = strcspn(text, ",");
        ph_error one = {0};
        status = apply_value(model, given, text, length, &one);
        if (status != PH_OK) {
            *error = one;
            ph_error_place(error, "--theta");
        }
        text += length + (text[length] == ',');
    }
    return status;
}

static int apply_theta(ph_model *model, const ph_option_value *theta, ph_error *error)
{
    unsigned char *given = ph_alloc(model->n_parameters, 1);
    int status = given ? PH_OK : ph_error_set(error, PH_E_MEMORY, "out of memory");
    for (size_t i = 0; i < theta->length && status == PH_OK; i++) {
        memset(given, 0, model->n_parameters); /* a later --theta wins */
        status = apply_values(model, given, theta->text[i], error);
    }
    free(given);
    return status;
}

/* Rewards must have an amount in every state, whether or not a command uses them. */
static int check_rewards(const ph_job *self, ph_app *app)
{
    int status = PH_OK;
    double *amount = ph_alloc(self->graph->n, sizeof *amount);
    if (!amount) {
        return ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < self->model->n_rewards && status == PH_OK; i++) {
        status =
            ph_graph_reward(self->graph, self->model, (long)i, amount, &app->error);
    }
    free(amount);
    return status;
}

static int find_theta(ph_job *self, ph_app *app)
{
    self->theta = ph_alloc(self->model->n_parameters, sizeof *self->theta);
    if (!self->theta) {
        return ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    return ph_model_theta(self->model, self->theta, &app->error);
}

static int init_device(ph_job *self, ph_app *app)
{
    int status =
        ph_device_init(&self->device, (int)ph_options_whole(&app->options, "devices"),
                       (int)ph_options_whole(&app->options, "threads"),
                       ph_options_flag(&app->options, "oversubscribe"), &app->error);
    self->device.log = &app->log;
    return status;
}

int ph_job_load(ph_job *self, ph_app *app, int needs)
{
    return ph_job_load_text(self, app, needs, NULL, 0);
}

int ph_job_load_text(ph_job *self, ph_app *app, int needs, char *text, size_t length)
{
    memset(self, 0, sizeof *self);
    self->model_text = text;
    self->model_length = length;
    size_t max_states = (size_t)ph_options_whole(&app->options, "max-states");
    int status = init_device(self, app);
    if (status == PH_OK) {
        status = read_model(self, app);
    }
    if (status == PH_OK) {
        status = apply_theta(self->model, ph_options_find(&app->options, "theta"),
                             &app->error);
    }
    self->reward = -1;
    if (status == PH_OK && needs == PH_JOB_NAMES) {
        return PH_OK;
    }
    if (status == PH_OK && (needs & PH_JOB_REWARD)) {
        status = ph_reward_find(self, app);
    }
    if (status == PH_OK && (needs & PH_JOB_THETA)) {
        status = find_theta(self, app);
    }
    if (status == PH_OK && (needs & PH_JOB_DATA)) {
        status = ph_job_read_data(self, app);
    }
    if (status == PH_OK && (needs & PH_JOB_DATA)) {
        status = ph_reward_check_data(self, app);
    }
    if (status == PH_OK) {
        status = ph_graph_build(&self->graph, self->model, max_states, &app->log,
                                &app->error);
    }
    if (status == PH_OK) {
        status = check_rewards(self, app);
    }
    if (status == PH_OK) {
        status = ph_reward_plan(&self->plan, self->graph, self->model, self->reward,
                                max_states, &app->error);
    }
    if (status == PH_OK && (needs & PH_JOB_DATA)) {
        status = ph_job_build_lik(self, app);
    }
    ph_talk_clear(&app->talk);
    if (status != PH_OK) {
        ph_job_free(self);
    }
    return status;
}

void ph_job_free(ph_job *self)
{
    ph_lik_free(self->lik);
    ph_job_free_groups(self);
    ph_data_free(self->data);
    ph_plan_free(self->plan);
    ph_graph_free(self->graph);
    ph_model_free(self->model);
    free_settings(self->settings, self->n_settings);
    ph_job_close_trace(self);
    free(self->model_text);
    free(self->theta);
    memset(self, 0, sizeof *self);
}

ph_engine ph_job_engine(const ph_app *app)
{
    const char *name = ph_options_text(&app->options, "engine");
    return strcmp(name, "plain") == 0            ? PH_ENGINE_PLAIN
           : strcmp(name, "uniformization") == 0 ? PH_ENGINE_LANES
           : strcmp(name, "contour") == 0        ? PH_ENGINE_CONTOUR
                                                 : PH_ENGINE_AUTO;
}

void ph_job_tell_engines(ph_app *app, const ph_tally *tally)
{
#define X(name, text)                                                                  \
    if (tally->name > 0) {                                                             \
        ph_log_write(&app->log, PH_LOG_DETAIL, "%llu values " text,                    \
                     (unsigned long long)tally->name);                                 \
    }
    PH_TALLY_TABLE(X)
#undef X
}

int ph_job_loglik(const ph_job *self, ph_engine engine, ph_lik_work *work,
                  const double *theta, double *value, double *gradient, ph_error *error)
{
    if (engine == PH_ENGINE_PLAIN) {
        return ph_lik_plain(self->lik, theta, value, gradient, error);
    }
    size_t p = self->model->n_parameters;
    double *block = ph_alloc_aligned((2 * p + 1) * PH_LANES, sizeof *block);
    if (!block) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    double *values = block + p * PH_LANES, *gradients = values + PH_LANES;
    for (size_t i = 0; i < p * PH_LANES; i++) {
        block[i] = theta[i / PH_LANES];
    }
    int status = ph_lik_block(self->lik, work, block, values,
                              gradient ? gradients : NULL, error);
    *value = values[0];
    for (size_t i = 0; gradient && i < p; i++) {
        gradient[i] = gradients[i * PH_LANES];
    }
    ph_free_aligned(block);
    return status;
}
