/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The data of a job, and the process of each of their parts: a group of observations
 * has the model with its own constants, and a reward its own plan.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "phasic/base/memory.h"

/* ------------------------------------------------------------------ --group */

/* The constant that `name` means, or -1 with an error. */
static long find_constant(const ph_model *model, const char *name, ph_error *error)
{
    const char **names = ph_alloc(model->n_constants, sizeof *names);
    if (!names) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < model->n_constants; i++) {
        names[i] = model->constants[i].name;
        if (strcmp(names[i], name) == 0) {
            free(names);
            return (long)i;
        }
    }
    const char *near = ph_nearest_name(name, names, model->n_constants);
    ph_error_place(error, "--group");
    ph_error_found(error, name, -1);
    (void)ph_error_set(error, PH_E_USAGE, "the model has no constant '%s'%s%s%s", name,
                       near ? "; did you mean '" : "", near ? near : "",
                       near ? "'?" : "");
    free(names);
    return -1;
}

/* What --set fixes for all, a group cannot set for itself. */
static int check_not_set(const ph_model *model, size_t constant, ph_error *error)
{
    if (!model->constants[constant].overridden) {
        return PH_OK;
    }
    ph_error_place(error, "--set");
    ph_error_found(error, model->constants[constant].name, -1);
    return ph_error_set(error, PH_E_USAGE,
                        "each group gives this constant a value of its own");
}

int ph_job_read_group(ph_job *self, ph_app *app)
{
    const char *text = ph_options_text(&app->options, "group");
    const char *equals = text ? strchr(text, '=') : NULL;
    if (!text) {
        return PH_OK;
    }
    if (!equals || equals == text || !equals[1]) {
        ph_error_place(&app->error, "--group");
        ph_error_found(&app->error, text, -1);
        return ph_error_set(&app->error, PH_E_USAGE,
                            "expects NAME=CONSTANT: the column that holds the labels, "
                            "and the constant whose value they are");
    }
    self->group_column = ph_strndup(text, (size_t)(equals - text));
    if (!self->group_column) {
        return ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    self->group_constant = find_constant(self->model, equals + 1, &app->error);
    return self->group_constant < 0
               ? app->error.status
               : check_not_set(self->model, (size_t)self->group_constant, &app->error);
}

/* --------------------------------------------------------------------- data */

/* Names for the reader: the texts belong to the model, or to `ignored`. */
typedef struct name_lists {
    const char **rewards, **ignore, **label;
    char *ignored;
} name_lists;

static void free_lists(name_lists *self)
{
    free(self->rewards);
    free(self->ignore);
    free(self->label);
    free(self->ignored);
}

static int find_lists(name_lists *self, const ph_model *model, const char *ignored,
                      ph_data_options *options)
{
    self->ignored = ph_strdup(ignored ? ignored : "");
    self->ignore = ph_alloc(ignored ? strlen(ignored) + 1 : 0, sizeof *self->ignore);
    self->rewards = ph_alloc(model->n_rewards, sizeof *self->rewards);
    self->label = ph_alloc(model->n_groups, sizeof *self->label);
    if (!self->ignored || !self->ignore || !self->rewards || !self->label) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < model->n_rewards; i++) {
        self->rewards[i] = model->rewards[i].name;
    }
    for (size_t i = 0; i < model->n_groups; i++) {
        self->label[i] = model->groups[i].label;
    }
    char *rest = self->ignored;
    for (char *name = strsep(&rest, ","); name; name = strsep(&rest, ",")) {
        if (name[0]) {
            self->ignore[options->n_ignore++] = name;
        }
    }
    options->rewards = self->rewards;
    options->n_rewards = model->n_rewards;
    options->ignore = self->ignore;
    options->label = self->label;
    return PH_OK;
}

/* What is in the data and may not be meant. */
static void warn_of_data(const ph_data *data, ph_talk *talk)
{
    if (data->missing > 0) {
        char weight[32];
        ph_double_text(data->missing_weight, weight);
        ph_talk_warn(talk,
                     "%zu row%s of the data (weight %s) hold%s no observation and %s "
                     "left out",
                     data->missing, data->missing == 1 ? "" : "s", weight,
                     data->missing == 1 ? "s" : "", data->missing == 1 ? "is" : "are");
    }
    if ((data->codes & (1u << 2 | 1u << 0 | 1u << 3)) == 1u << 2) {
        ph_talk_warn(talk, "the event (status) is 2 in some rows and 0 in none: 2 is "
                           "left censoring and 1 an exact time; where 1 means alive "
                           "and 2 dead, subtract 1");
    }
    if (data->composite > 0) {
        ph_talk_warn(
            talk,
            "%zu row%s of the data hold%s several totals; each enters by its "
            "own density (composite likelihood), so uncertainty is understated",
            data->composite, data->composite == 1 ? "" : "s",
            data->composite == 1 ? "s" : "");
    }
}

int ph_job_read_data(ph_job *self, ph_app *app)
{
    const ph_model *model = self->model;
    const char *ignored = ph_options_text(&app->options, "ignore-columns");
    name_lists lists = {NULL, NULL, NULL, NULL};
    int status = ph_job_read_group(self, app);
    if (status != PH_OK) {
        return status;
    }
    ph_data_options options = {.discrete = model->discrete,
                               .total = (size_t)(self->reward + 1)};
    if (find_lists(&lists, model, ignored, &options) != PH_OK) {
        free_lists(&lists);
        return ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    options.group = self->group_column;
    options.group_is_number = self->group_column != NULL;
    options.n_labels = self->group_column ? 0 : model->n_groups;
    status = ph_data_read(&self->data, app->options.argument[1], &options, &app->error);
    free_lists(&lists);
    if (status == PH_OK) {
        warn_of_data(self->data, &app->talk);
    }
    return status;
}

/* ---------------------------------------------------------------- processes */

/* The settings of the command line and, behind them, those of a group. */
static int group_settings(const ph_job *self, size_t group, const char *label,
                          ph_setting **settings, size_t *n, ph_error *error)
{
    const ph_model *model = self->model;
    const ph_group *own = self->group_column ? NULL : &model->groups[group];
    size_t n_own = own ? own->n_sets : 1;
    int status = PH_OK;
    ph_setting *list = ph_alloc(self->n_settings + n_own, sizeof *list);
    if (!list) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    if (self->n_settings > 0) {
        memcpy(list, self->settings, self->n_settings * sizeof *list);
    }
    for (size_t i = 0; i < n_own && status == PH_OK; i++) {
        size_t constant = own ? own->sets[i].constant : (size_t)self->group_constant;
        ph_setting *it = &list[self->n_settings + i];
        it->name = model->constants[constant].name;
        if (own) {
            it->value = own->sets[i].value;
            status = check_not_set(model, constant, error);
        } else {
            status = ph_double_read(label, strlen(label), &it->value);
        }
    }
    *settings = list;
    *n = self->n_settings + n_own;
    return status;
}

int ph_job_build_group(const ph_job *self, ph_app *app, size_t group, const char *label,
                       ph_job_group *it)
{
    memset(it, 0, sizeof *it);
    ph_setting *settings = NULL;
    size_t n = 0, max_states = (size_t)ph_options_whole(&app->options, "max-states");
    int status = group_settings(self, group, label, &settings, &n, &app->error);
    if (status == PH_OK) {
        status = ph_model_parse(&it->model, self->model->file, self->model_text,
                                self->model_length, settings, n, &app->error);
    }
    if (status == PH_OK) {
        status =
            ph_graph_build(&it->graph, it->model, max_states, &app->log, &app->error);
    }
    if (status == PH_OK) {
        status = ph_reward_plan(&it->plan, it->graph, it->model, self->reward,
                                max_states, &app->error);
    }
    free(settings);
    if (status != PH_OK) {
        char cut[sizeof app->error.message];
        snprintf(cut, sizeof cut, "%s", app->error.message);
        snprintf(app->error.message, sizeof app->error.message, "group '%.40s': %.*s",
                 label, (int)sizeof cut - 64, cut);
        ph_job_free_group(it);
    }
    return status;
}

/* The graph of a part's group, and its plan for time: built where there is none yet. */
static int find_process(ph_job *self, ph_app *app, size_t group, ph_job_group *process)
{
    if (self->data->n_groups == 0) {
        *process = (ph_job_group){self->model, self->graph, self->plan};
        return PH_OK;
    }
    ph_job_group *it = &self->groups[group];
    int status =
        it->plan ? PH_OK
                 : ph_job_build_group(self, app, group, self->data->group[group], it);
    *process = *it;
    return status;
}

static int build_reward(ph_job *self, ph_app *app, const ph_job_group *process,
                        size_t reward)
{
    size_t max_states = (size_t)ph_options_whole(&app->options, "max-states");
    int status =
        ph_reward_plan(&self->reward_plans[self->n_reward_plans], process->graph,
                       process->model, (long)reward, max_states, &app->error);
    self->n_reward_plans += status == PH_OK;
    return status;
}

/* The process of a part, with the plan of what was measured. */
static int find_part(ph_job *self, ph_app *app, const ph_data_part *part,
                     ph_job_group *process)
{
    int status = find_process(self, app, part->group, process);
    if (status == PH_OK && part->reward > 0) {
        status = build_reward(self, app, process, part->reward - 1);
        process->plan =
            status == PH_OK ? self->reward_plans[self->n_reward_plans - 1] : NULL;
    }
    return status;
}

int ph_job_build_lik(ph_job *self, ph_app *app)
{
    const ph_data *data = self->data;
    int status = PH_E_MEMORY;
    const ph_plan **plan = ph_alloc(data->n_parts, sizeof *plan);
    self->groups = ph_alloc(data->n_groups, sizeof *self->groups);
    self->reward_plans = ph_alloc(data->n_parts, sizeof *self->reward_plans);
    self->part = ph_alloc(data->n_parts, sizeof *self->part);
    if (!plan || !self->groups || !self->reward_plans || !self->part) {
        status = ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
        goto out;
    }
    self->n_groups = data->n_groups;
    status = PH_OK;
    for (size_t k = 0; k < data->n_parts && status == PH_OK; k++) {
        status = find_part(self, app, &data->part[k], &self->part[k]);
        plan[k] = self->part[k].plan;
    }
    if (status == PH_OK) {
        self->first_plan = plan[0];
        status = ph_lik_new_parts(&self->lik, plan, data, &app->error);
    }
out:
    free(plan);
    return status;
}

void ph_job_free_group(ph_job_group *self)
{
    ph_plan_free(self->plan);
    ph_graph_free(self->graph);
    ph_model_free(self->model);
    memset(self, 0, sizeof *self);
}

void ph_job_free_groups(ph_job *self)
{
    for (size_t k = 0; k < self->n_reward_plans; k++) {
        ph_plan_free(self->reward_plans[k]);
    }
    free(self->reward_plans);
    for (size_t g = 0; g < self->n_groups; g++) {
        ph_job_free_group(&self->groups[g]);
    }
    free(self->groups);
    free(self->part);
    free(self->group_column);
}
