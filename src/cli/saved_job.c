/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a saved fit back to the job it was. */
#include "saved_job.h"

#include <stdlib.h>
#include <string.h>

#include "phasic/base/digest.h"
#include "phasic/base/file.h"
#include "phasic/base/memory.h"

/* ------------------------------------------------------------------- inputs */

/* The path of an input; a file that has changed is refused before it is read. */
static int find_input(const ph_saved *saved, const ph_saved_input *input,
                      const char *what, const char *given, const char **path,
                      ph_error *error)
{
    char *bytes = NULL, digest[65];
    size_t length = 0;
    *path = given ? given : input->path;
    if (!*path) {
        ph_error_file(error, saved->json_path);
        return ph_error_set(error, PH_E_INPUT,
                            "was made from a %s without a place in the file system; "
                            "%s takes its file with --%s",
                            what, what[0] == 'm' ? "predict" : "this command", what);
    }
    int status = ph_file_read(*path, &bytes, &length, error);
    if (status == PH_OK && !ph_trace_file_is(bytes, length)) {
        ph_digest(bytes, length, digest);
        status = ph_saved_check(saved, input, what, *path, digest, error);
    }
    free(bytes);
    return status;
}

/* ------------------------------------------------------------------ options */

/* Every text of a setting of the fit as a value of the same option. */
static int take_setting(ph_saved_job *self, const char *name, ph_error *error)
{
    const ph_saved_setting *setting = ph_saved_setting_find(self->saved, name);
    int status = PH_OK;
    for (size_t i = 0; setting && i < setting->length && status == PH_OK; i++) {
        status = ph_options_set(&self->app.options, name, setting->text[i],
                                PH_SOURCE_CONFIG, error);
    }
    if (status == PH_E_USAGE) {
        ph_error_file(error, self->saved->json_path);
        error->status = status = PH_E_DATA;
    }
    return status;
}

/* What this run says about the machine, and its own limit of states. */
static int take_running(ph_saved_job *self, ph_app *app)
{
    static const char *const name[] = {"threads", "devices", "oversubscribe",
                                       "max-states"};
    int status = PH_OK;
    for (size_t i = 0; i < sizeof name / sizeof *name && status == PH_OK; i++) {
        const char *text = ph_options_text(&app->options, name[i]);
        if (ph_options_find(&app->options, name[i])->source > PH_SOURCE_DEFAULT) {
            status = ph_options_set(&self->app.options, name[i], text, PH_SOURCE_CONFIG,
                                    &app->error);
        }
    }
    return status;
}

static int make_options(ph_saved_job *self, ph_app *app, const char *model,
                        const char *data)
{
    static const char *const name[] = {"set", "max-states", "reward", "ignore-columns",
                                       "group"};
    ph_options *options = &self->app.options;
    int status = ph_options_init(options, ph_loglik_options, ph_common_options);
    for (size_t i = 0; i < sizeof name / sizeof *name && status == PH_OK; i++) {
        status = take_setting(self, name[i], &app->error);
    }
    if (status == PH_OK) {
        status = take_running(self, app);
    }
    if (status == PH_OK) {
        status = ph_options_argument(options, model, &app->error);
    }
    if (status == PH_OK) {
        status = ph_options_argument(options, data, &app->error);
    }
    return status == PH_OK ? ph_options_defaults(options) : status;
}

/* ---------------------------------------------------------------- the whole */

static int take_draws(ph_saved_job *self, ph_error *error)
{
    const ph_saved *saved = self->saved;
    size_t p = saved->n_parameters;
    int status = PH_OK;
    self->theta = ph_alloc(saved->draws * p, sizeof *self->theta);
    if (!self->theta) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    for (size_t s = 0; s < saved->draws && status == PH_OK; s++) {
        status = ph_saved_theta(saved, s, self->theta + s * p, error);
    }
    return status;
}

int ph_saved_job_load(ph_saved_job *self, ph_app *app, const char *name,
                      const char *model, const char *data)
{
    int status = ph_saved_read(&self->saved, name, &app->error);
    if (status == PH_OK) {
        status = find_input(self->saved, &self->saved->model, "model", model, &model,
                            &app->error);
    }
    if (status == PH_OK) {
        status = find_input(self->saved, &self->saved->data, "data", data, &data,
                            &app->error);
    }
    if (status == PH_OK) {
        status = make_options(self, app, model, data);
    }
    if (status == PH_OK) {
        self->app.command = app->command;
        self->app.talk.command = app->command->name;
        self->app.talk.quiet = 1; /* the fit has given the warnings */
        self->app.log = app->log;
        status = ph_job_load(&self->job, &self->app, PH_JOB_DATA | PH_JOB_REWARD);
        app->error = status == PH_OK ? app->error : self->app.error;
    }
    if (status == PH_OK) {
        const ph_model *it = self->job.model;
        status = ph_saved_check(self->saved, &self->saved->model, "model", it->file,
                                it->digest, &app->error);
    }
    return status == PH_OK ? take_draws(self, &app->error) : status;
}

void ph_saved_job_free(ph_saved_job *self)
{
    ph_job_free(&self->job);
    ph_talk_free(&self->app.talk);
    ph_options_free(&self->app.options);
    ph_saved_free(self->saved);
    free(self->theta);
    memset(self, 0, sizeof *self);
}

const char *ph_saved_job_reward(const ph_saved_job *self, size_t part)
{
    size_t own = self->job.data->part[part].reward;
    return ph_reward_label(self->job.model, own > 0 ? (long)own - 1 : self->job.reward);
}

const char *ph_saved_job_group(const ph_saved_job *self, size_t part)
{
    const ph_data *data = self->job.data;
    return data->n_groups > 0 ? data->group[data->part[part].group] : NULL;
}
