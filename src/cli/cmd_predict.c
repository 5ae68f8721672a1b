/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * phasic predict: what a fit says of observations to come. Every quantity is computed
 * for every draw of the posterior, and shown as a mean with a band over the draws.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/report/predictive.h"
#include "phasic/report/table.h"
#include "predict.h"

#define GRID 41 /* points where none are given */

/* clang-format off */
const ph_option ph_predict_options[] = {
    {"quantity", 0, PH_OPTION_CHOICE, "pdf|cdf|survival|hazard|quantile|moments", "survival",
     0, 0, 0, "what is predicted"},
    {"at", 0, PH_OPTION_TEXT, "T,...", NULL, 0, 0, 0,
     "points, divided by commas; of quantile probabilities"},
    {"grid", 0, PH_OPTION_TEXT, "FROM:TO:COUNT", NULL, 0, 0, 0,
     "COUNT points at equal distances"},
    {"at-file", 0, PH_OPTION_TEXT, "FILE", NULL, 0, 0, PH_OPTION_READ, "points from a file, one a line"},
    {"level", 0, PH_OPTION_REAL, "X", "0.9", 0.001, 0.999999, 0,
     "probability that the bands hold"},
    {"check", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "compare statistics of the data with those of replicated\ndata, one data set for "
     "each draw"},
    {"replicates", 0, PH_OPTION_WHOLE, "N", NULL, 1, 1e6, 0,
     "write N replicated data sets"},
    {"output", 'o', PH_OPTION_TEXT, "PREFIX", NULL, 0, 0, 0,
     "names of the replicated data sets: PREFIX_1.csv, ..."},
    {"force", 'f', PH_OPTION_FLAG, NULL, NULL, 0, 0, 0, "overwrite existing files"},
    {"model", 0, PH_OPTION_TEXT, "FILE", NULL, 0, 0, PH_OPTION_READ,
     "where the model lies now, if not where the fit found it"},
    {"data", 0, PH_OPTION_TEXT, "FILE", NULL, 0, 0, PH_OPTION_READ,
     "where the data lie now, if not where the fit found them"},
    PH_OPTION_END};
/* clang-format on */

/* One quantity of one part of the data. */
typedef struct curve {
    size_t n;
    double *at;
    ph_band *band; /* [n] */
} curve;

static const char *const moment_name[] = {"mean", "sd"};

static int no_memory(const ph_predict *self)
{
    return ph_error_set(&self->app->error, PH_E_MEMORY, "out of memory");
}

static const char *quantity(const ph_predict *self)
{
    return ph_options_text(&self->app->options, "quantity");
}

/* -------------------------------------------------------------------- points */

static int has_points(const ph_app *app)
{
    return ph_options_text(&app->options, "at") ||
           ph_options_text(&app->options, "grid") ||
           ph_options_text(&app->options, "at-file");
}

/* Up to a fifth beyond the longest time of the part; whole steps in discrete time. */
static int default_grid(const ph_predict *self, size_t part, curve *out)
{
    const ph_data *data = self->set.job.data;
    double most = 0;
    for (size_t i = data->part[part].first; i < data->part[part].end; i++) {
        most = fmax(most, fmax(data->observation[i].time, data->observation[i].upper));
    }
    most = most > 0 ? 1.2 * most : 1;
    double width = most / (GRID - 1);
    if (self->set.job.model->discrete) {
        width = ceil(width);
    }
    out->at = ph_alloc(GRID, sizeof *out->at);
    if (!out->at) {
        return no_memory(self);
    }
    while (out->n < GRID && (double)out->n * width <= most * (1 + 1e-9)) {
        out->at[out->n] = (double)out->n * width;
        out->n++;
    }
    return PH_OK;
}

static int default_levels(const ph_predict *self, curve *out)
{
    static const double level[] = {0.05, 0.25, 0.5, 0.75, 0.95};
    out->n = sizeof level / sizeof *level;
    out->at = ph_alloc(out->n, sizeof *out->at);
    if (!out->at) {
        return no_memory(self);
    }
    memcpy(out->at, level, sizeof level);
    return PH_OK;
}

static int find_points(const ph_predict *self, size_t part, curve *out)
{
    int is_quantile = strcmp(quantity(self), "quantile") == 0;
    if (has_points(self->app)) {
        int status = ph_points_read(self->app, &out->at, &out->n);
        int whole = self->set.job.model->discrete && !is_quantile;
        return status == PH_OK
                   ? ph_points_check(out->n, out->at, whole, &self->app->error)
                   : status;
    }
    return is_quantile ? default_levels(self, out) : default_grid(self, part, out);
}

/* ----------------------------------------------------------------- computing */

static ph_predictive predictive_of(const char *name)
{
    static const char *const names[] = {"pdf", "cdf", "survival", "hazard", "quantile"};
    int k = 0;
    while (strcmp(names[k], name) != 0) {
        k++;
    }
    return (ph_predictive)k;
}

static int compute_curve(const ph_predict *self, size_t part, curve *out)
{
    const ph_job *job = &self->set.job;
    ph_error *error = &self->app->error;
    int status = find_points(self, part, out);
    if (status != PH_OK) {
        return status;
    }
    double *value = ph_alloc(out->n * self->draws, sizeof *value);
    out->band = ph_alloc(out->n, sizeof *out->band);
    if (!value || !out->band) {
        free(value);
        return no_memory(self);
    }
    status = ph_predictive_curve(job->part[part].plan, predictive_of(quantity(self)),
                                 self->draws, self->set.theta, out->n, out->at,
                                 &job->device, value, error);
    for (size_t i = 0; i < out->n && status == PH_OK; i++) {
        out->band[i] = ph_band_of(self->draws, value + i * self->draws, self->level);
    }
    free(value);
    return status;
}

/* Mean and sd of what was measured in a part, from the trace of its graph. */
static int compile_moments(const ph_predict *self, size_t part, ph_trace **trace,
                           ph_moments **moments)
{
    const ph_job *job = &self->set.job;
    const ph_job_group *process = &job->part[part];
    size_t own = job->data->part[part].reward;
    ph_error *error = &self->app->error;
    double *amount = ph_alloc(process->graph->n, sizeof *amount);
    if (!amount) {
        return no_memory(self);
    }
    int status = ph_graph_reward(process->graph, process->model,
                                 own > 0 ? (long)own - 1 : job->reward, amount, error);
    if (status == PH_OK) {
        status = ph_trace_record(trace, process->graph, &self->app->log, error);
    }
    if (status == PH_OK &&
        ph_moments_new(moments, process->graph, *trace, 1, amount, 2) != PH_OK) {
        status = no_memory(self);
    }
    free(amount);
    return status;
}

static int compute_moments(const ph_predict *self, size_t part, curve *out)
{
    ph_trace *trace = NULL;
    ph_moments *moments = NULL;
    double *mean = ph_alloc(2 * self->draws, sizeof *mean), *sd = mean + self->draws;
    out->n = 2;
    out->band = ph_alloc(2, sizeof *out->band);
    int status = mean && out->band ? compile_moments(self, part, &trace, &moments)
                                   : no_memory(self);
    if (status == PH_OK) {
        status = ph_predictive_moments(
            moments, self->set.saved->n_parameters, self->draws, self->set.theta,
            &self->set.job.device, mean, sd, &self->app->error);
    }
    if (status == PH_OK) {
        out->band[0] = ph_band_of(self->draws, mean, self->level);
        out->band[1] = ph_band_of(self->draws, sd, self->level);
    }
    ph_moments_free(moments);
    ph_trace_free(trace);
    free(mean);
    return status;
}

/* ------------------------------------------------------------------ printing */

void ph_predict_part_heads(const ph_predict *self, ph_table *table)
{
    const ph_data *data = self->set.job.data;
    if (data->n_parts > 1 && data->n_groups > 0) {
        ph_table_head(table, "group");
    }
    if (data->n_parts > 1) {
        ph_table_head(table, "reward");
    }
}

void ph_predict_part_cells(const ph_predict *self, size_t part, ph_table *table)
{
    const ph_data *data = self->set.job.data;
    if (data->n_parts > 1 && data->n_groups > 0) {
        ph_table_text(table, ph_saved_job_group(&self->set, part));
    }
    if (data->n_parts > 1) {
        ph_table_text(table, ph_saved_job_reward(&self->set, part));
    }
}

void ph_predict_part_json(const ph_predict *self, size_t part, ph_json *json)
{
    ph_json_text(json, "group", ph_saved_job_group(&self->set, part));
    ph_json_text(json, "reward", ph_saved_job_reward(&self->set, part));
}

static void add_row(const ph_predict *self, ph_table *table, size_t part,
                    const curve *it, size_t i)
{
    ph_predict_part_cells(self, part, table);
    if (it->at) {
        ph_table_exact(table, it->at[i]);
    } else {
        ph_table_text(table, moment_name[i]);
    }
    ph_table_number(table, it->band[i].mean);
    ph_table_number(table, it->band[i].lower);
    ph_table_number(table, it->band[i].median);
    ph_table_number(table, it->band[i].upper);
}

static void print_table(const ph_predict *self, const curve *list, int csv)
{
    const char *name = quantity(self);
    ph_table table = {0};
    ph_predict_part_heads(self, &table);
    ph_table_head(&table, !list->at                       ? "moment"
                          : strcmp(name, "quantile") == 0 ? "p"
                                                          : "t");
    ph_table_head(&table, list->at ? name : "value");
    ph_table_head(&table, self->lower);
    ph_table_head(&table, "50%");
    ph_table_head(&table, self->upper);
    for (size_t k = 0; k < self->set.job.data->n_parts; k++) {
        for (size_t i = 0; i < list[k].n; i++) {
            add_row(self, &table, k, &list[k], i);
        }
    }
    if (csv) {
        ph_table_write_csv(&table, &self->app->out);
    } else {
        ph_table_write_text(&table, &self->app->out);
    }
    ph_table_free(&table);
}

static void add_band_json(ph_json *json, const char *key, const curve *it,
                          size_t offset)
{
    ph_json_row(json, key);
    for (size_t i = 0; i < it->n; i++) {
        double value;
        memcpy(&value, (const char *)&it->band[i] + offset, sizeof value);
        ph_json_number(json, NULL, value);
    }
    ph_json_close(json);
}

static void print_json(const ph_predict *self, const curve *list)
{
    ph_json json;
    ph_json_init(&json, &self->app->out);
    ph_json_object(&json, NULL);
    ph_json_text(&json, "fit", self->set.saved->prefix);
    ph_json_text(&json, "quantity", quantity(self));
    ph_json_number(&json, "level", self->level);
    ph_json_whole(&json, "draws", self->draws);
    ph_json_array(&json, "parts");
    for (size_t k = 0; k < self->set.job.data->n_parts; k++) {
        const curve *it = &list[k];
        ph_json_object(&json, NULL);
        ph_predict_part_json(self, k, &json);
        if (it->at) {
            ph_json_numbers(&json, "at", it->n, it->at);
        } else {
            ph_json_row(&json, "moment");
            ph_json_text(&json, NULL, moment_name[0]);
            ph_json_text(&json, NULL, moment_name[1]);
            ph_json_close(&json);
        }
        add_band_json(&json, "mean", it, offsetof(ph_band, mean));
        add_band_json(&json, "lower", it, offsetof(ph_band, lower));
        add_band_json(&json, "median", it, offsetof(ph_band, median));
        add_band_json(&json, "upper", it, offsetof(ph_band, upper));
        ph_json_close(&json);
    }
    ph_json_close(&json);
    ph_json_close(&json);
}

static int predict_curves(ph_predict *self)
{
    const char *format = ph_options_text(&self->app->options, "format");
    size_t n = self->set.job.data->n_parts;
    int moments = strcmp(quantity(self), "moments") == 0, status = PH_OK;
    curve *list = ph_alloc(n, sizeof *list);
    if (!list) {
        return no_memory(self);
    }
    for (size_t k = 0; k < n && status == PH_OK; k++) {
        status = moments ? compute_moments(self, k, &list[k])
                         : compute_curve(self, k, &list[k]);
    }
    if (status == PH_OK && strcmp(format, "json") == 0) {
        print_json(self, list);
    } else if (status == PH_OK) {
        print_table(self, list, strcmp(format, "csv") == 0);
    }
    for (size_t k = 0; k < n; k++) {
        free(list[k].at);
        free(list[k].band);
    }
    free(list);
    return status;
}

/* ----------------------------------------------------------------- the command */

static int is_set(const ph_app *app, const char *name)
{
    const char *text = ph_options_text(&app->options, name);
    return text && strcmp(text, "0") != 0;
}

static int check_request(ph_app *app)
{
    ph_error *error = &app->error;
    int replicates = is_set(app, "replicates"), check = is_set(app, "check");
    int asked = ph_options_find(&app->options, "quantity")->source != PH_SOURCE_DEFAULT;
    const char *name = quantity(&(ph_predict){.app = app});
    if (replicates && check) {
        return ph_error_set(error, PH_E_USAGE,
                            "--replicates and --check cannot be combined: a check "
                            "draws a data set for each draw and keeps none");
    }
    if ((replicates || check) && (has_points(app) || asked)) {
        return ph_error_set(error, PH_E_USAGE,
                            "--%s predicts whole data sets: there are no points and no "
                            "--quantity",
                            check ? "check" : "replicates");
    }
    if (has_points(app) && strcmp(name, "moments") == 0) {
        return ph_error_set(error, PH_E_USAGE, "moments are not asked for at points");
    }
    if (replicates != is_set(app, "output")) {
        return ph_error_set(error, PH_E_USAGE,
                            "--replicates N and --output PREFIX go together");
    }
    if (is_set(app, "force") && !replicates) {
        return ph_error_set(error, PH_E_USAGE,
                            "--force overwrites the files of --output, which is not "
                            "given");
    }
    return PH_OK;
}

static int load(ph_predict *self)
{
    ph_app *app = self->app;
    int status = ph_saved_job_load(&self->set, app, app->options.argument[0],
                                   ph_options_text(&app->options, "model"),
                                   ph_options_text(&app->options, "data"));
    if (status != PH_OK) {
        return status;
    }
    self->draws = self->set.saved->draws;
    if (self->draws < 2) {
        ph_error_file(&app->error, self->set.saved->csv_path);
        return ph_error_set(&app->error, PH_E_DATA,
                            "holds a single point, not draws of a posterior; see "
                            "--theta of pdf, quantile and sample");
    }
    if (!self->set.saved->converged) {
        ph_talk_warn(&app->talk, "the fit has not converged");
    }
    return PH_OK;
}

int ph_cmd_predict(ph_app *app)
{
    ph_predict self = {.app = app, .level = ph_options_real(&app->options, "level")};
    char text[40];
    snprintf(self.lower, sizeof self.lower, "%.12s%%",
             ph_number_text(50 * (1 - self.level), 6, 0, text));
    snprintf(self.upper, sizeof self.upper, "%.12s%%",
             ph_number_text(50 * (1 + self.level), 8, 0, text));
    int status = check_request(app);
    if (status == PH_OK) {
        status = load(&self);
    }
    if (status == PH_OK) {
        status = is_set(app, "replicates") ? ph_predict_replicates(&self)
                 : is_set(app, "check")    ? ph_predict_check(&self)
                                           : predict_curves(&self);
    }
    ph_saved_job_free(&self.set);
    return status;
}
