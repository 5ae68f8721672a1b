/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * phasic pdf, cdf, survival, hazard and quantile. For the first four the core gives
 * logarithms and their derivatives; the plain values are made from these, so that a
 * tail that double range cannot hold is 0 beside a finite logarithm.
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
    {"at-file", 0, PH_OPTION_TEXT, "FILE", NULL, 0, 0, PH_OPTION_READ, "points from a file, one a line"},
    {"gradient", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "derivatives in the parameters too"},
    {"log", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "logarithms too, and the derivatives of these\n(always there in JSON)"},
    PH_OPTION_REWARD,
    PH_OPTION_ENGINE,
    PH_OPTION_END};

const ph_option ph_quantile_options[] = {
    {"at", 0, PH_OPTION_TEXT, "P,...", NULL, 0, 0, 0,
     "probabilities, divided by commas"},
    {"grid", 0, PH_OPTION_TEXT, "FROM:TO:COUNT", NULL, 0, 0, 0,
     "COUNT probabilities at equal distances"},
    {"at-file", 0, PH_OPTION_TEXT, "FILE", NULL, 0, 0, PH_OPTION_READ,
     "probabilities from a file, one a line"},
    {"upper", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "they are probabilities of the upper tail"},
    {"gradient", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "derivatives in the parameters too"},
    PH_OPTION_REWARD,
    PH_OPTION_ENGINE,
    PH_OPTION_END};

static const struct {
    const char *name;
    ph_quantity quantity;
} quantities[] = {
    {"pdf", PH_LOG_PDF},
    {"cdf", PH_LOG_CDF},
    {"survival", PH_LOG_SURVIVAL},
    {"hazard", PH_LOG_HAZARD}};
/* clang-format on */

typedef struct curve {
    const char *name; /* of the command */
    const ph_model *model;
    const char *reward;
    size_t n;
    double *at;           /* [n] */
    double *value, *log;  /* [n]; log NULL for quantiles */
    double *slope, *dlog; /* [n][parameters]; NULL without --gradient */
} curve;

static int reserve(curve *self, int logs, int gradient)
{
    size_t rows = self->n * self->model->n_parameters;
    self->value = ph_alloc(self->n, sizeof(double));
    self->log = logs ? ph_alloc(self->n, sizeof(double)) : NULL;
    self->slope = gradient ? ph_alloc(rows, sizeof(double)) : NULL;
    self->dlog = gradient && logs ? ph_alloc(rows, sizeof(double)) : NULL;
    return self->value && (!logs || self->log) && (!gradient || self->slope) &&
                   (!gradient || !logs || self->dlog)
               ? PH_OK
               : PH_E_MEMORY;
}

static int compute_quantiles(curve *self, const ph_job *job, ph_app *app)
{
    ph_tally tally = {0};
    int status =
        ph_points_quantile_tally(job->plan, ph_job_engine(app), job->theta, self->n,
                                 self->at, ph_options_flag(&app->options, "upper"),
                                 self->value, self->slope, &tally, &app->error);
    ph_job_tell_engines(app, &tally);
    return status;
}

static int compute_logs(curve *self, const ph_job *job, ph_app *app)
{
    size_t p = self->model->n_parameters, q = 0;
    while (strcmp(quantities[q].name, self->name) != 0) {
        q++;
    }
    ph_tally tally = {0};
    int status = ph_points_log_tally(
        job->plan, ph_job_engine(app), quantities[q].quantity, job->theta, self->n,
        self->at, self->log, self->dlog, &tally, &app->error);
    ph_job_tell_engines(app, &tally);
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        self->value[i] = exp(self->log[i]);
        for (size_t m = 0; self->slope && m < p; m++) {
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
    ph_json_text(&json, "reward", self->reward);
    ph_json_numbers(&json, self->name, self->n, self->value);
    if (self->log) {
        snprintf(key, sizeof key, "log_%s", self->name);
        ph_json_numbers(&json, key, self->n, self->log);
    }
    if (self->slope) {
        add_gradient(&json, "gradient", self, self->slope, 0);
    }
    if (self->dlog) {
        add_gradient(&json, "log_gradient", self, self->dlog, 1);
    }
    for (size_t i = 0; self->log && i < self->n; i++) {
        infinite |= isinf(self->log[i]);
    }
    if (infinite) { /* which of the null logarithms are minus infinity */
        ph_json_row(&json, "minus_infinity");
        for (size_t i = 0; i < self->n; i++) {
            if (isinf(self->log[i])) {
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
    int logs = self->log && ph_options_flag(&app->options, "log");
    ph_table table = {0};
    ph_table_head(&table, self->log ? "t" : "p");
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
        ph_table_exact(&table, self->at[i]);
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
    int roots = strcmp(self.name, "quantile") == 0;
    int status = ph_points_read(app, &self.at, &self.n);
    if (status == PH_OK) {
        status = ph_job_load(&job, app, PH_JOB_THETA | PH_JOB_REWARD);
    }
    if (status == PH_OK) {
        self.model = job.model;
        self.reward = ph_reward_name(&job);
        int whole = job.model->discrete && !roots;
        status = ph_points_check(self.n, self.at, whole, &app->error);
    }
    if (status == PH_OK &&
        reserve(&self, !roots, ph_options_flag(&app->options, "gradient")) != PH_OK) {
        status = ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    if (status == PH_OK) {
        status = roots ? compute_quantiles(&self, &job, app)
                       : compute_logs(&self, &job, app);
    }
    if (status == PH_OK) {
        const char *format = ph_options_text(&app->options, "format");
        if (strcmp(format, "json") == 0) {
            print_json(app, &self);
        } else {
            print_table(app, &self, strcmp(format, "csv") == 0);
        }
    }
    if (status == PH_E_USAGE && self.model) { /* loaded: the points are at fault */
        ph_error_place(&app->error, "--%s", ph_points_option(app));
    }
    ph_job_name_outside(&job, &app->error);
    free(self.at);
    free(self.value);
    free(self.log);
    free(self.slope);
    free(self.dlog);
    ph_job_free(&job);
    return status;
}
