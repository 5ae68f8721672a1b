/* SPDX-License-Identifier: GPL-3.0-or-later */
/* phasic moments: moments of the absorption time and of rewards. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "moment_set.h"
#include "occupancy.h"
#include "phasic/base/memory.h"
#include "phasic/report/table.h"

/* clang-format off */
const ph_option ph_moments_options[] = {
    {"order", 0, PH_OPTION_WHOLE, "K", "2", 1, 150, 0,
     "raw moments up to this order"},
    {"gradient", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "derivatives in the parameters too"},
    {"reward", 0, PH_OPTION_TEXT, "NAME,...", NULL, 0, 0, 0,
     "these rewards only; 'time' is one of them"},
    {"occupancy", 0, PH_OPTION_TEXT, "EXPR", NULL, 0, 0, 0,
     "expected total time in the groups of states that EXPR,\nan expression in the "
     "state, tells apart"},
    {"states", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "expected total time in every state"},
    PH_OPTION_END};
/* clang-format on */

typedef struct result {
    const ph_job *job;
    ph_moment_set set;
    size_t order, p;
    double *defect;    /* [rewards] */
    double *factorial; /* [order] of time, or NULL */
    double *time;      /* [n] occupancy, or NULL */
    ph_occupancy groups;
    int states;
} result;

static double raw_at(const result *self, size_t a, size_t r)
{
    size_t orders = self->order > 4 ? self->order : 4;
    return self->set.value->raw[a * orders + r - 1];
}

static double covariance_at(const result *self, size_t a, size_t b)
{
    return self->set.value->covariance[a * self->set.length + b];
}

static double correlation_at(const result *self, size_t a, size_t b)
{
    double x = covariance_at(self, a, a), y = covariance_at(self, b, b);
    if (!(x > 0) || !(y > 0)) {
        return NAN;
    }
    return a == b ? 1 : covariance_at(self, a, b) / sqrt(x) / sqrt(y);
}

static double slope_at(const result *self, size_t a, size_t r, size_t m)
{
    const ph_moments_value *value = self->set.value;
    return value->d_raw[(a * value->gradient + r - 1) * self->p + m];
}

static double cross_slope_at(const result *self, size_t a, size_t b, size_t m)
{
    return self->set.value->d_covariance[(a * self->set.length + b) * self->p + m];
}

/* ---- computing ---- */

static int compute_occupancy(result *self, ph_app *app)
{
    const char *expression = ph_options_text(&app->options, "occupancy");
    const ph_graph *graph = self->job->graph;
    self->states = ph_options_flag(&app->options, "states");
    if (!expression && !self->states) {
        return PH_OK;
    }
    self->time = ph_alloc(graph->n, sizeof *self->time);
    if (!self->time) {
        return ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    ph_moments_occupancy(self->set.moments, self->set.value->u, self->set.work,
                         self->time);
    return expression ? ph_occupancy_group(&self->groups, self->job->model, graph,
                                           expression, self->time, &app->error)
                      : PH_OK;
}

/* Discrete time: factorial moments where the time is asked for. */
static int compute_factorial(result *self, ph_app *app)
{
    int asked = 0;
    for (size_t a = 0; a < self->set.length; a++) {
        asked |= self->set.reward[a] < 0;
    }
    if (!asked || !self->job->model->discrete) {
        return PH_OK;
    }
    self->factorial = ph_alloc(self->order, sizeof *self->factorial);
    if (!self->factorial) {
        return ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    ph_moments_factorial(self->set.moments, self->set.value->u, self->order,
                         self->set.work, self->factorial);
    return PH_OK;
}

static int compute(result *self, ph_app *app)
{
    size_t orders = self->order > 4 ? self->order : 4;
    size_t gradient = self->order > 2 ? self->order : 2;
    int slopes = ph_options_flag(&app->options, "gradient");
    int status = ph_moment_set_new(&self->set, self->job,
                                   ph_options_text(&app->options, "reward"), orders,
                                   slopes ? gradient : 0, &app->log, &app->error);
    if (status == PH_OK) {
        status = ph_moment_set_eval(&self->set, self->job->theta, self->p, &app->error);
    }
    if (status != PH_OK) {
        return status;
    }
    self->defect = ph_alloc(self->set.length, sizeof *self->defect);
    if (!self->defect) {
        return ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    for (size_t a = 0; a < self->set.length; a++) {
        self->defect[a] =
            ph_moments_defect(self->set.moments, a, self->set.value->u, self->set.work);
        if (!isfinite(raw_at(self, a, self->order))) {
            ph_talk_warn(&app->talk,
                         "a moment of '%s' is beyond the range of double numbers",
                         self->set.name[a]);
        }
    }
    status = compute_factorial(self, app);
    return status == PH_OK ? compute_occupancy(self, app) : status;
}

/* ---- JSON ---- */

static void add_per_reward(ph_json *json, const char *key, const result *self,
                           const double *values)
{
    ph_json_object(json, key);
    for (size_t a = 0; a < self->set.length; a++) {
        ph_json_number(json, self->set.name[a], values[a]);
    }
    ph_json_close(json);
}

static void add_matrix(ph_json *json, const char *key, const result *self,
                       double (*at)(const result *, size_t, size_t))
{
    ph_json_array(json, key);
    for (size_t a = 0; a < self->set.length; a++) {
        ph_json_row(json, NULL);
        for (size_t b = 0; b < self->set.length; b++) {
            ph_json_number(json, NULL, at(self, a, b));
        }
        ph_json_close(json);
    }
    ph_json_close(json);
}

static void add_raw(ph_json *json, const result *self)
{
    ph_json_object(json, "raw");
    for (size_t a = 0; a < self->set.length; a++) {
        ph_json_row(json, self->set.name[a]);
        for (size_t r = 1; r <= self->order; r++) {
            ph_json_number(json, NULL, raw_at(self, a, r));
        }
        ph_json_close(json);
    }
    ph_json_close(json);
}

static void add_gradient(ph_json *json, const result *self)
{
    const ph_parameter *parameters = self->job->model->parameters;
    ph_json_object(json, "gradient");
    for (size_t a = 0; a < self->set.length; a++) {
        ph_json_object(json, self->set.name[a]);
        for (size_t m = 0; m < self->p; m++) {
            ph_json_row(json, parameters[m].name);
            for (size_t r = 1; r <= self->order; r++) {
                ph_json_number(json, NULL, slope_at(self, a, r, m));
            }
            ph_json_close(json);
        }
        ph_json_close(json);
    }
    ph_json_close(json);
    ph_json_object(json, "covariance_gradient");
    for (size_t m = 0; m < self->p; m++) {
        ph_json_array(json, parameters[m].name);
        for (size_t a = 0; a < self->set.length; a++) {
            ph_json_row(json, NULL);
            for (size_t b = 0; b < self->set.length; b++) {
                ph_json_number(json, NULL, cross_slope_at(self, a, b, m));
            }
            ph_json_close(json);
        }
        ph_json_close(json);
    }
    ph_json_close(json);
}

static void add_occupancy(ph_json *json, const result *self)
{
    const ph_graph *graph = self->job->graph;
    if (self->groups.length > 0) {
        ph_json_array(json, "occupancy");
        for (size_t k = 0; k < self->groups.length; k++) {
            ph_json_object(json, NULL);
            ph_json_number(json, "value", self->groups.value[k]);
            ph_json_number(json, "time", self->groups.time[k]);
            ph_json_close(json);
        }
        ph_json_close(json);
    }
    if (self->states) {
        ph_json_array(json, "states");
        for (size_t i = 0; i < graph->n; i++) {
            char text[1024];
            ph_json_object(json, NULL);
            ph_json_text(
                json, "state",
                ph_graph_state_text(graph, self->job->model, i, text, sizeof text));
            ph_json_number(json, "time", self->time[i]);
            ph_json_close(json);
        }
        ph_json_close(json);
    }
}

static void print_json(ph_app *app, const result *self)
{
    const ph_moments_value *value = self->set.value;
    ph_json json;
    ph_json_init(&json, &app->out);
    ph_json_object(&json, NULL);
    ph_json_row(&json, "rewards");
    for (size_t a = 0; a < self->set.length; a++) {
        ph_json_text(&json, NULL, self->set.name[a]);
    }
    ph_json_close(&json);
    add_raw(&json, self);
    add_per_reward(&json, "mean", self, value->mean);
    ph_json_object(&json, "variance");
    for (size_t a = 0; a < self->set.length; a++) {
        ph_json_number(&json, self->set.name[a], covariance_at(self, a, a));
    }
    ph_json_close(&json);
    add_per_reward(&json, "skewness", self, value->skewness);
    add_per_reward(&json, "kurtosis", self, value->kurtosis);
    add_matrix(&json, "covariance", self, covariance_at);
    add_matrix(&json, "correlation", self, correlation_at);
    add_per_reward(&json, "defect", self, self->defect);
    if (self->factorial) {
        ph_json_object(&json, "factorial");
        ph_json_numbers(&json, "time", self->order, self->factorial);
        ph_json_close(&json);
    }
    if (value->gradient > 0) {
        add_gradient(&json, self);
    }
    add_occupancy(&json, self);
    ph_json_whole(&json, "replays", value->replays);
    ph_json_close(&json);
}

/* ---- CSV: one number a line ---- */

typedef struct line {
    const char *quantity, *reward, *with, *parameter;
    size_t order; /* 0: none */
    double value;
} line;

static void add_line(ph_table *table, line it)
{
    char order[24] = "";
    if (it.order > 0) {
        snprintf(order, sizeof order, "%zu", it.order);
    }
    ph_table_text(table, it.quantity);
    ph_table_text(table, it.reward ? it.reward : "");
    ph_table_text(table, it.with ? it.with : "");
    ph_table_text(table, order);
    ph_table_text(table, it.parameter ? it.parameter : "");
    ph_table_number(table, it.value);
}

static void csv_reward(ph_table *table, const result *self, size_t a)
{
    const ph_moments_value *value = self->set.value;
    const char *name = self->set.name[a];
    for (size_t r = 1; r <= self->order; r++) {
        add_line(table, (line){"raw", name, NULL, NULL, r, raw_at(self, a, r)});
    }
    for (size_t r = 1; self->factorial && self->set.reward[a] < 0 && r <= self->order;
         r++) {
        add_line(table,
                 (line){"factorial", name, NULL, NULL, r, self->factorial[r - 1]});
    }
    add_line(table, (line){"mean", name, NULL, NULL, 0, value->mean[a]});
    add_line(table, (line){"variance", name, NULL, NULL, 0, covariance_at(self, a, a)});
    add_line(table, (line){"skewness", name, NULL, NULL, 0, value->skewness[a]});
    add_line(table, (line){"kurtosis", name, NULL, NULL, 0, value->kurtosis[a]});
    add_line(table, (line){"defect", name, NULL, NULL, 0, self->defect[a]});
    for (size_t b = 0; b < self->set.length; b++) {
        const char *with = self->set.name[b];
        add_line(table,
                 (line){"covariance", name, with, NULL, 0, covariance_at(self, a, b)});
        add_line(table, (line){"correlation", name, with, NULL, 0,
                               correlation_at(self, a, b)});
    }
}

static void csv_gradient(ph_table *table, const result *self, size_t a)
{
    const char *name = self->set.name[a];
    for (size_t m = 0; m < self->p; m++) {
        const char *parameter = self->job->model->parameters[m].name;
        for (size_t r = 1; r <= self->order; r++) {
            add_line(table, (line){"d_raw", name, NULL, parameter, r,
                                   slope_at(self, a, r, m)});
        }
        for (size_t b = 0; b < self->set.length; b++) {
            add_line(table, (line){"d_covariance", name, self->set.name[b], parameter,
                                   0, cross_slope_at(self, a, b, m)});
        }
    }
}

static void print_csv(ph_app *app, const result *self)
{
    static const char *const head[] = {"quantity", "reward",    "with",
                                       "order",    "parameter", "value"};
    const ph_graph *graph = self->job->graph;
    ph_table table = {0};
    for (int k = 0; k < 6; k++) {
        ph_table_head(&table, head[k]);
    }
    for (size_t a = 0; a < self->set.length; a++) {
        csv_reward(&table, self, a);
        if (self->set.value->gradient > 0) {
            csv_gradient(&table, self, a);
        }
    }
    for (size_t k = 0; k < self->groups.length; k++) {
        char text[32];
        add_line(&table,
                 (line){"occupancy", NULL, ph_double_text(self->groups.value[k], text),
                        NULL, 0, self->groups.time[k]});
    }
    for (size_t i = 0; self->states && i < graph->n; i++) {
        char text[1024];
        ph_graph_state_text(graph, self->job->model, i, text, sizeof text);
        add_line(&table, (line){"state", NULL, text, NULL, 0, self->time[i]});
    }
    ph_table_write_csv(&table, &app->out);
    ph_table_free(&table);
}

/* ---- text ---- */

/* Writes a table behind an empty line, the first one without. */
static void put(ph_app *app, ph_table *table)
{
    if (app->out.length > 0) {
        ph_buffer_add(&app->out, "\n");
    }
    ph_table_write_text(table, &app->out);
    ph_table_free(table);
    *table = (ph_table){0};
}

static void text_rewards(ph_app *app, const result *self)
{
    static const char *const head[] = {"reward",   "mean",     "variance",
                                       "skewness", "kurtosis", "defect"};
    const ph_moments_value *value = self->set.value;
    ph_table table = {0};
    for (int k = 0; k < 6; k++) {
        ph_table_head(&table, head[k]);
    }
    for (size_t a = 0; a < self->set.length; a++) {
        ph_table_text(&table, self->set.name[a]);
        ph_table_number(&table, value->mean[a]);
        ph_table_number(&table, covariance_at(self, a, a));
        ph_table_number(&table, value->skewness[a]);
        ph_table_number(&table, value->kurtosis[a]);
        ph_table_number(&table, self->defect[a]);
    }
    put(app, &table);
}

/* Orders down, rewards across; factorial moments of the time in the last column. */
static void text_raw(ph_app *app, const result *self)
{
    ph_table table = {0};
    ph_table_head(&table, "order");
    for (size_t a = 0; a < self->set.length; a++) {
        ph_table_head(&table, self->set.name[a]);
    }
    if (self->factorial) {
        ph_table_head(&table, "time, factorial");
    }
    for (size_t r = 1; r <= self->order; r++) {
        char order[24];
        snprintf(order, sizeof order, "%zu", r);
        ph_table_text(&table, order);
        for (size_t a = 0; a < self->set.length; a++) {
            ph_table_number(&table, raw_at(self, a, r));
        }
        if (self->factorial) {
            ph_table_number(&table, self->factorial[r - 1]);
        }
    }
    put(app, &table);
}

static void text_matrix(ph_app *app, const result *self, const char *title,
                        double (*at)(const result *, size_t, size_t))
{
    ph_table table = {0};
    ph_table_head(&table, title);
    for (size_t a = 0; a < self->set.length; a++) {
        ph_table_head(&table, self->set.name[a]);
    }
    for (size_t a = 0; a < self->set.length; a++) {
        ph_table_text(&table, self->set.name[a]);
        for (size_t b = 0; b < self->set.length; b++) {
            ph_table_number(&table, at(self, a, b));
        }
    }
    put(app, &table);
}

static void text_gradient(ph_app *app, const result *self)
{
    ph_table table = {0};
    char label[512];
    ph_table_head(&table, "derivative");
    for (size_t m = 0; m < self->p; m++) {
        ph_table_head(&table, self->job->model->parameters[m].name);
    }
    for (size_t a = 0; a < self->set.length; a++) {
        for (size_t r = 1; r <= self->order; r++) {
            snprintf(label, sizeof label, "raw(%s, %zu)", self->set.name[a], r);
            ph_table_text(&table, label);
            for (size_t m = 0; m < self->p; m++) {
                ph_table_number(&table, slope_at(self, a, r, m));
            }
        }
    }
    for (size_t a = 0; a < self->set.length; a++) {
        for (size_t b = a; b < self->set.length; b++) {
            snprintf(label, sizeof label, "covariance(%s, %s)", self->set.name[a],
                     self->set.name[b]);
            ph_table_text(&table, label);
            for (size_t m = 0; m < self->p; m++) {
                ph_table_number(&table, cross_slope_at(self, a, b, m));
            }
        }
    }
    put(app, &table);
}

static void text_occupancy(ph_app *app, const result *self, const char *expression)
{
    const ph_graph *graph = self->job->graph;
    const char *title = self->job->model->discrete ? "steps" : "time";
    ph_table table = {0};
    if (self->groups.length > 0) {
        ph_table_head(&table, expression);
        ph_table_head(&table, title);
        for (size_t k = 0; k < self->groups.length; k++) {
            char text[32];
            ph_table_text(&table, ph_double_text(self->groups.value[k], text));
            ph_table_number(&table, self->groups.time[k]);
        }
        put(app, &table);
    }
    if (self->states) {
        ph_table_head(&table, "state");
        ph_table_head(&table, title);
        for (size_t i = 0; i < graph->n; i++) {
            char text[1024];
            ph_table_text(&table, ph_graph_state_text(graph, self->job->model, i, text,
                                                      sizeof text));
            ph_table_number(&table, self->time[i]);
        }
        put(app, &table);
    }
}

static void print_text(ph_app *app, const result *self)
{
    text_rewards(app, self);
    text_raw(app, self);
    if (self->set.length > 1) {
        text_matrix(app, self, "covariance", covariance_at);
        text_matrix(app, self, "correlation", correlation_at);
    }
    if (self->set.value->gradient > 0) {
        text_gradient(app, self);
    }
    text_occupancy(app, self, ph_options_text(&app->options, "occupancy"));
}

int ph_cmd_moments(ph_app *app)
{
    ph_job job;
    int status = ph_job_load(&job, app, PH_JOB_THETA);
    if (status != PH_OK) {
        return status;
    }
    result self = {.job = &job,
                   .order = (size_t)ph_options_whole(&app->options, "order"),
                   .p = job.model->n_parameters};
    status = compute(&self, app);
    if (status == PH_OK) {
        const char *format = ph_options_text(&app->options, "format");
        if (strcmp(format, "json") == 0) {
            print_json(app, &self);
        } else if (strcmp(format, "csv") == 0) {
            print_csv(app, &self);
        } else {
            print_text(app, &self);
        }
    }
    ph_job_name_outside(&job, &app->error);
    ph_occupancy_free(&self.groups);
    free(self.defect);
    free(self.factorial);
    free(self.time);
    ph_moment_set_free(&self.set);
    ph_job_free(&job);
    return status;
}
