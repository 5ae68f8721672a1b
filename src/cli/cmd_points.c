/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * phasic pdf and phasic survival. The core gives logarithms and their derivatives; the
 * plain values are made from these, so that a tail that double range cannot hold is 0
 * beside a finite logarithm.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "phasic/base/memory.h"
#include "phasic/report/table.h"

/* clang-format off */
const ph_option ph_points_options[] = {
    {"at", 0, PH_OPTION_TEXT, "T,...", NULL, 0, 0, 0, "points, divided by commas"},
    {"grid", 0, PH_OPTION_TEXT, "FROM:TO:COUNT", NULL, 0, 0, 0,
     "COUNT points at equal distances"},
    {"at-file", 0, PH_OPTION_TEXT, "FILE", NULL, 0, 0, 0, "points from a file, one a line"},
    {"gradient", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "derivatives in the parameters too"},
    {"log", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "logarithms too, and the derivatives of these\n(always there in JSON)"},
    PH_OPTION_ENGINE,
    PH_OPTION_END};
/* clang-format on */

typedef struct curve {
    const char *name; /* "pdf" or "survival" */
    const ph_model *model;
    size_t n;
    double *at;           /* [n] */
    double *value, *log;  /* [n] */
    double *slope, *dlog; /* [n][parameters]; NULL without --gradient */
} curve;

static int compute(curve *self, const ph_job *job, ph_app *app)
{
    size_t p = job->model->n_parameters;
    int gradient = ph_options_flag(&app->options, "gradient");
    self->value = ph_alloc(self->n, sizeof(double));
    self->log = ph_alloc(self->n, sizeof(double));
    self->slope = gradient ? ph_alloc(self->n * p, sizeof(double)) : NULL;
    self->dlog = gradient ? ph_alloc(self->n * p, sizeof(double)) : NULL;
    if (!self->value || !self->log || (gradient && (!self->slope || !self->dlog))) {
        return ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    int pdf = strcmp(self->name, "pdf") == 0;
    int status =
        ph_points(job->plan, ph_job_engine(app), job->theta, self->n, self->at,
                  pdf ? self->log : NULL, pdf ? NULL : self->log,
                  pdf ? self->dlog : NULL, pdf ? NULL : self->dlog, &app->error);
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        self->value[i] = exp(self->log[i]);
        for (size_t m = 0; gradient && m < p; m++) {
            double d = self->dlog[i * p + m];
            self->slope[i * p + m] = self->value[i] > 0 ? self->value[i] * d : 0;
        }
    }
    return status;
}

/* One list per parameter: rows of [n][parameters], read down a column. */
static void add_gradient(ph_json *json, const char *key, const curve *self,
                         const double *slope, int as_log)
{
    size_t p = self->model->n_parameters;
    ph_json_object(json, key);
    for (size_t m = 0; m < p; m++) {
        ph_json_row(json, self->model->parameters[m].name);
        for (size_t i = 0; i < self->n; i++) {
            int defined = !as_log || isfinite(self->log[i]);
            ph_json_number(json, NULL, defined ? slope[i * p + m] : NAN);
        }
        ph_json_close(json);
    }
    ph_json_close(json);
}

static void print_json(ph_app *app, const curve *self)
{
    char key[32];
    int infinite = 0;
    ph_json json;
    ph_json_init(&json, &app->out);
    ph_json_object(&json, NULL);
    ph_json_numbers(&json, "at", self->n, self->at);
    ph_json_text(&json, "reward", "time");
    ph_json_numbers(&json, self->name, self->n, self->value);
    snprintf(key, sizeof key, "log_%s", self->name);
    ph_json_numbers(&json, key, self->n, self->log);
    if (self->slope) {
        add_gradient(&json, "gradient", self, self->slope, 0);
        add_gradient(&json, "log_gradient", self, self->dlog, 1);
    }
    for (size_t i = 0; i < self->n; i++) {
        infinite |= !isfinite(self->log[i]);
    }
    if (infinite) { /* which of the null logarithms are minus infinity: all of them */
        ph_json_row(&json, "minus_infinity");
        for (size_t i = 0; i < self->n; i++) {
            if (!isfinite(self->log[i])) {
                ph_json_whole(&json, NULL, i);
            }
        }
        ph_json_close(&json);
    }
    ph_json_close(&json);
}

static void add_heading(ph_table *table, const char *prefix, const char *name)
{
    char head[256];
    snprintf(head, sizeof head, "%s%s", prefix, name);
    ph_table_head(table, head);
}

static void print_table(ph_app *app, const curve *self, int csv)
{
    size_t p = self->slope ? self->model->n_parameters : 0;
    int logs = ph_options_flag(&app->options, "log");
    ph_table table = {0};
    ph_table_head(&table, "t");
    ph_table_head(&table, self->name);
    if (logs) {
        add_heading(&table, "log_", self->name);
    }
    for (size_t m = 0; m < p; m++) {
        add_heading(&table, "d_", self->model->parameters[m].name);
    }
    for (size_t m = 0; logs && m < p; m++) {
        add_heading(&table, "dlog_", self->model->parameters[m].name);
    }
    for (size_t i = 0; i < self->n; i++) {
        ph_table_number(&table, self->at[i]);
        ph_table_number(&table, self->value[i]);
        if (logs) {
            ph_table_number(&table, self->log[i]);
        }
        for (size_t m = 0; m < p; m++) {
            ph_table_number(&table, self->slope[i * p + m]);
        }
        for (size_t m = 0; logs && m < p; m++) {
            double d = self->dlog[i * p + m];
            ph_table_number(&table, isfinite(self->log[i]) ? d : NAN);
        }
    }
    if (csv) {
        ph_table_write_csv(&table, &app->out);
    } else {
        ph_table_write_text(&table, &app->out);
    }
    ph_table_free(&table);
}

int ph_cmd_points(ph_app *app)
{
    ph_job job = {0};
    curve self = {.name = app->command->name};
    int status = ph_points_read(app, &self.at, &self.n);
    if (status == PH_OK) {
        status = ph_job_load(&job, app, PH_JOB_THETA);
    }
    if (status == PH_OK) {
        self.model = job.model;
        status = ph_points_check(self.n, self.at, job.model->discrete, &app->error);
    }
    if (status == PH_OK) {
        status = compute(&self, &job, app);
    }
    if (status == PH_OK) {
        const char *format = ph_options_text(&app->options, "format");
        if (strcmp(format, "json") == 0) {
            print_json(app, &self);
        } else {
            print_table(app, &self, strcmp(format, "csv") == 0);
        }
    }
    free(self.at);
    free(self.value);
    free(self.log);
    free(self.slope);
    free(self.dlog);
    ph_job_free(&job);
    return status;
}
