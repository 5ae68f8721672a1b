/* SPDX-License-Identifier: GPL-3.0-or-later */
/* phasic loglik: the log-likelihood at one parameter vector. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "phasic/base/memory.h"
#include "phasic/report/table.h"

/* clang-format off */
const ph_option ph_loglik_options[] = {
    {"gradient", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "its derivatives in the parameters too"},
    PH_OPTION_REWARD,
    PH_OPTION_IGNORE,
    PH_OPTION_GROUP,
    PH_OPTION_ENGINE,
    PH_OPTION_END};
/* clang-format on */

static void print_json(ph_app *app, const ph_job *job, double value,
                       const double *gradient)
{
    ph_json json;
    ph_json_init(&json, &app->out);
    ph_json_object(&json, NULL);
    ph_json_number(&json, "log_likelihood", value);
    if (!isfinite(value)) {
        ph_json_boolean(&json, "minus_infinity", 1);
    }
    ph_json_number(&json, "observations", job->data->total_weight);
    if (gradient) {
        ph_json_object(&json, "gradient");
        for (size_t i = 0; i < job->model->n_parameters; i++) {
            ph_json_number(&json, job->model->parameters[i].name, gradient[i]);
        }
        ph_json_close(&json);
    }
    ph_json_close(&json);
}

static void print_table(ph_app *app, const ph_job *job, double value,
                        const double *gradient, int csv)
{
    ph_table table = {.digits = csv ? 17 : 10};
    ph_table_head(&table, "quantity");
    ph_table_head(&table, "value");
    ph_table_text(&table, "log_likelihood");
    ph_table_number(&table, value);
    ph_table_text(&table, "observations");
    ph_table_number(&table, job->data->total_weight);
    for (size_t i = 0; gradient && i < job->model->n_parameters; i++) {
        ph_buffer name = {0};
        ph_buffer_addf(&name, "d_%s", job->model->parameters[i].name);
        ph_table_text(&table, name.failed ? "?" : name.text);
        ph_table_number(&table, gradient[i]);
        app->out.failed |= name.failed;
        ph_buffer_free(&name);
    }
    if (csv) {
        ph_table_write_csv(&table, &app->out);
    } else {
        ph_table_write_text(&table, &app->out);
    }
    ph_table_free(&table);
}

/* Of minus infinity: the plain definition does not tell 0 from what has left its range,
 * the lanes, whose vectors are scaled, do. */
static int check_range(const ph_job *job, ph_app *app, ph_lik_work *work)
{
    int status = PH_OK;
    double value = -INFINITY;
    if (ph_job_engine(app) == PH_ENGINE_PLAIN) {
        status = ph_job_loglik(job, PH_ENGINE_LANES, work, job->theta, &value, NULL,
                               &app->error);
    }
    if (status == PH_OK && value > -INFINITY) {
        return ph_error_set(&app->error, PH_E_NUMERIC,
                            "the likelihood of an observation is so small that the "
                            "plain definition cannot represent it; use --engine auto");
    }
    return status == PH_OK ? ph_lik_check_range(job->lik, work, &app->error) : status;
}

int ph_cmd_loglik(ph_app *app)
{
    ph_job job;
    ph_lik_work *work = NULL;
    double value = 0, *gradient = NULL;
    int status = ph_job_load(&job, app, PH_JOB_THETA | PH_JOB_DATA | PH_JOB_REWARD);
    if (status != PH_OK) {
        return status;
    }
    status = ph_lik_work_new_engine(&work, job.lik, ph_job_engine(app));
    if (status == PH_OK && ph_options_flag(&app->options, "gradient")) {
        gradient = ph_alloc(job.model->n_parameters, sizeof *gradient);
        status = gradient ? PH_OK : PH_E_MEMORY;
    }
    if (status == PH_OK) {
        status = ph_job_loglik(&job, ph_job_engine(app), work, job.theta, &value,
                               gradient, &app->error);
    }
    if (status == PH_OK && value == -INFINITY) {
        status = check_range(&job, app, work);
        ph_job_warn_outside(&job, app);
    }
    if (status == PH_OK) {
        ph_tally tally = {0};
        ph_lik_work_tally(work, &tally);
        ph_tally_divide(&tally);
        ph_job_tell_engines(app, &tally);
        const char *format = ph_options_text(&app->options, "format");
        if (strcmp(format, "json") == 0) {
            print_json(app, &job, value, gradient);
        } else {
            print_table(app, &job, value, gradient, strcmp(format, "csv") == 0);
        }
    }
    free(gradient);
    ph_lik_work_free(work);
    ph_job_free(&job);
    return status;
}
