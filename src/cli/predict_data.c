/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replicated data sets of phasic predict: written as files, or compared with the data.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "phasic/base/file.h"
#include "phasic/base/memory.h"
#include "phasic/report/predictive.h"
#include "phasic/report/replicate.h"
#include "phasic/report/table.h"
#include "predict.h"

static int no_memory(const ph_predict *self)
{
    return ph_error_set(&self->app->error, PH_E_MEMORY, "out of memory");
}

/* What was measured in a part: number of the reward in the model, -1: time. */
static long reward_of(const ph_job *job, size_t part)
{
    size_t own = job->data->part[part].reward;
    return own > 0 ? (long)own - 1 : job->reward;
}

/* ------------------------------------------------------------- one data set */

/* The samplers need the rewards of the states; amount[part][n], NULL for times. */
typedef struct source {
    const ph_predict *run;
    ph_scheme *scheme;
    double **amount; /* [parts] */
    uint32_t seed;
} source;

static void free_source(source *self)
{
    for (size_t k = 0; self->amount && k < self->run->set.job.data->n_parts; k++) {
        free(self->amount[k]);
    }
    free(self->amount);
    ph_scheme_free(self->scheme);
}

static int make_source(source *self, const ph_predict *run)
{
    const ph_job *job = &run->set.job;
    ph_error *error = &run->app->error;
    *self = (source){.run = run};
    self->seed = (uint32_t)ph_options_whole(&run->app->options, "seed");
    int status = ph_scheme_new(&self->scheme, job->data, error);
    if (status != PH_OK) {
        return status;
    }
    self->amount = ph_alloc(job->data->n_parts, sizeof *self->amount);
    if (!self->amount) {
        return no_memory(run);
    }
    for (size_t k = 0; k < job->data->n_parts && status == PH_OK; k++) {
        const ph_job_group *process = &job->part[k];
        if (reward_of(job, k) < 0) {
            continue;
        }
        self->amount[k] = ph_alloc(process->graph->n, sizeof **self->amount);
        status = self->amount[k]
                     ? ph_graph_reward(process->graph, process->model,
                                       reward_of(job, k), self->amount[k], error)
                     : no_memory(run);
    }
    return status;
}

/* All parts of the data set of one draw into row[rows]. */
static int draw_rows(const source *self, size_t draw, ph_observation *row)
{
    const ph_saved_job *set = &self->run->set;
    const double *theta = set->theta + draw * set->saved->n_parameters;
    int status = PH_OK;
    for (size_t k = 0; k < set->job.data->n_parts && status == PH_OK; k++) {
        ph_sampler *sampler = NULL;
        int is_reward = self->amount[k] != NULL;
        status = ph_sampler_new(&sampler, set->job.part[k].graph, theta,
                                is_reward ? 1 : 0, self->amount[k], NULL);
        if (status == PH_OK) {
            status = ph_scheme_draw(self->scheme, k, sampler, is_reward, self->seed,
                                    (uint32_t)draw, row);
        }
        ph_sampler_free(sampler);
    }
    return status;
}

static int fail(const ph_predict *self, int status)
{
    return ph_error_set(&self->app->error, status,
                        status == PH_E_MEMORY
                            ? "out of memory"
                            : "a draw of the fit cannot be simulated: it lies outside "
                              "the model, or processes reach the entries of the data "
                              "too seldom");
}

/* A seed that nobody has given must be known to draw the same again. */
static void report_seed(const ph_app *app)
{
    const ph_option_value *seed = ph_options_find(&app->options, "seed");
    if (seed->source == PH_SOURCE_DRAWN && !app->talk.quiet) {
        fprintf(stderr, "phasic predict: seed %s\n",
                ph_options_text(&app->options, "seed"));
    }
}

/* ------------------------------------------------------------------ data files */

/* The columns that the rows of all replicated data sets may need. */
typedef struct layout {
    int group, time, event, bounds, entry;
    const char *group_name;
} layout;

static layout find_layout(const ph_predict *self)
{
    const ph_job *job = &self->set.job;
    layout it = {.group = job->data->n_groups > 0,
                 .group_name = job->group_column ? job->group_column : "group"};
    for (size_t k = 0; k < job->data->n_parts; k++) {
        it.time |= job->data->part[k].reward == 0;
    }
    for (size_t i = 0; i < job->data->n; i++) {
        const ph_observation *seen = &job->data->observation[i];
        it.event |= seen->kind != PH_OBSERVED;
        it.bounds |= seen->kind == PH_INTERVAL_CENSORED;
        it.entry |= seen->entry != PH_NO_ENTRY;
    }
    return it;
}

/* Names and cells are divided by commas; `*n` counts those of the line. */
static ph_buffer *cell(ph_buffer *out, size_t *n)
{
    ph_buffer_add(out, (*n)++ ? "," : "");
    return out;
}

/* A label as a CSV field: a reader may take bare blanks and signs for its own. */
static void add_label(ph_buffer *out, const char *text)
{
    int quoted = strpbrk(text, " \t,\"\r\n'#") != NULL;
    ph_buffer_add(out, quoted ? "\"" : "");
    for (; *text; text++) {
        ph_buffer_add_n(out, text, 1);
        ph_buffer_add(out, *text == '"' ? "\"" : "");
    }
    ph_buffer_add(out, quoted ? "\"" : "");
}

/* Whether some part holds totals of reward `r`, a column of its own. */
static int has_reward(const ph_data *data, size_t r)
{
    for (size_t k = 0; k < data->n_parts; k++) {
        if (data->part[k].reward == r + 1) {
            return 1;
        }
    }
    return 0;
}

static void add_header(const ph_predict *self, const layout *it, ph_buffer *out)
{
    const ph_model *model = self->set.job.model;
    size_t n = 0;
    if (it->group) {
        add_label(cell(out, &n), it->group_name);
    }
    for (size_t r = 0; r < model->n_rewards; r++) {
        if (has_reward(self->set.job.data, r)) {
            ph_buffer_add(cell(out, &n), model->rewards[r].name);
        }
    }
    ph_buffer_add(it->time ? cell(out, &n) : out, it->time ? "time" : "");
    ph_buffer_add(it->bounds ? cell(out, &n) : out, it->bounds ? "lower,upper" : "");
    ph_buffer_add(it->event ? cell(out, &n) : out, it->event ? "event" : "");
    ph_buffer_add(it->entry ? cell(out, &n) : out, it->entry ? "entry" : "");
    ph_buffer_add(out, "\n");
}

static void add_number(ph_buffer *out, size_t *n, int present, double value)
{
    (void)cell(out, n);
    if (present) {
        ph_buffer_add_double(out, value);
    }
}

static void add_row(const ph_predict *self, const layout *it, const ph_observation *row,
                    ph_buffer *out)
{
    static const char *const event[] = {"1", "0", "2", ""};
    const ph_job *job = &self->set.job;
    const ph_data_part *part = &job->data->part[row->part];
    int bounds = row->kind == PH_INTERVAL_CENSORED, is_time = part->reward == 0;
    size_t n = 0;
    if (it->group) {
        add_label(cell(out, &n), job->data->group[part->group]);
    }
    for (size_t r = 0; r < job->model->n_rewards; r++) {
        if (has_reward(job->data, r)) {
            add_number(out, &n, part->reward == r + 1, row->time);
        }
    }
    if (it->time) {
        add_number(out, &n, is_time && !bounds, row->time);
    }
    if (it->bounds) {
        add_number(out, &n, bounds, row->time);
        add_number(out, &n, bounds, row->upper);
    }
    if (it->event) {
        ph_buffer_add(cell(out, &n), is_time ? event[row->kind] : "");
    }
    if (it->entry) {
        add_number(out, &n, row->entry != PH_NO_ENTRY, row->entry);
    }
    ph_buffer_add(out, "\n");
}

/* ------------------------------------------------------------------ --replicates */

/* "PREFIX_7.csv"; refused where it exists, or is what the fit was made from. */
static int name_file(const ph_predict *self, size_t k, char **path)
{
    ph_app *app = self->app;
    struct stat output, input;
    const ph_options *inputs = &self->set.app.options;
    const char *prefix;
    int length;
    if (ph_output_prefix(app, &prefix, &length) != PH_OK) {
        return app->error.status;
    }
    if (asprintf(path, "%.*s_%zu.csv", length, prefix, k + 1) < 0) {
        *path = NULL;
        return no_memory(self);
    }
    int exists = stat(*path, &output) == 0;
    ph_error_file(&app->error, *path);
    for (size_t i = 0; exists && i < inputs->n_arguments; i++) {
        if (stat(inputs->argument[i], &input) == 0 && input.st_dev == output.st_dev &&
            input.st_ino == output.st_ino) {
            return ph_error_set(&app->error, PH_E_CREATE,
                                "is an input of this run; choose another PREFIX");
        }
    }
    app->error.file[0] = '\0';
    return ph_output_check(app, *path, "PREFIX");
}

/* Nothing is written where one of the files cannot be. */
static int check_files(const ph_predict *self, size_t n)
{
    int status = PH_OK;
    for (size_t k = 0; k < n && status == PH_OK; k++) {
        char *path = NULL;
        status = name_file(self, k, &path);
        free(path);
    }
    return status;
}

static int write_replicate(const source *self, const layout *it, size_t k, size_t draw,
                           ph_observation *row, ph_files *files)
{
    ph_buffer text = {0};
    char *path = NULL;
    int status = draw_rows(self, draw, row);
    if (status != PH_OK) {
        return fail(self->run, status);
    }
    add_header(self->run, it, &text);
    for (size_t i = 0; i < ph_scheme_rows(self->scheme); i++) {
        add_row(self->run, it, &row[i], &text);
    }
    status = text.failed ? no_memory(self->run) : name_file(self->run, k, &path);
    if (status == PH_OK) {
        status =
            ph_files_add(files, path, text.text, text.length, &self->run->app->error);
    }
    free(path);
    ph_buffer_free(&text);
    return status;
}

static void print_written(const ph_predict *self, size_t n, size_t rows)
{
    ph_app *app = self->app;
    const char *prefix;
    int length;
    if (strcmp(ph_options_text(&app->options, "format"), "text") == 0 &&
        ph_output_prefix(app, &prefix, &length) == PH_OK) {
        ph_buffer_addf(&app->out, "Written: %.*s_1.csv%s", length, prefix,
                       n > 1 ? " ... " : "");
        if (n > 1) {
            ph_buffer_addf(&app->out, "%.*s_%zu.csv", length, prefix, n);
        }
        ph_buffer_addf(&app->out, ", %zu rows%s\n", rows, n > 1 ? " each" : "");
    }
}

int ph_predict_replicates(ph_predict *self)
{
    size_t n = (size_t)ph_options_whole(&self->app->options, "replicates");
    source from = {.run = self};
    ph_observation *row = NULL;
    ph_files files = {0};
    if (n > self->draws) {
        ph_error_place(&self->app->error, "--replicates");
        return ph_error_set(&self->app->error, PH_E_USAGE,
                            "the fit has %zu draws, and each makes one data set",
                            self->draws);
    }
    int status = check_files(self, n);
    if (status == PH_OK) {
        status = make_source(&from, self);
    }
    if (status == PH_OK) {
        row = ph_alloc(ph_scheme_rows(from.scheme), sizeof *row);
        status = row ? PH_OK : no_memory(self);
    }
    layout it = find_layout(self);
    for (size_t k = 0; k < n && status == PH_OK; k++) {
        status = write_replicate(&from, &it, k, k * self->draws / n, row, &files);
    }
    if (status == PH_OK) {
        status = ph_files_publish(&files, ph_options_flag(&self->app->options, "force"),
                                  &self->app->error);
    }
    if (status == PH_OK) {
        print_written(self, n, ph_scheme_rows(from.scheme));
        report_seed(self->app);
    }
    ph_files_free(&files);
    free(row);
    free_source(&from);
    return status;
}

/* ---------------------------------------------------------------------- --check */

typedef struct check {
    source from;
    size_t parts;
    double *observed;   /* [parts][PH_STATISTICS] */
    double *replicated; /* [parts][PH_STATISTICS][draws] */
} check;

/* Statistics of every part of one data set, with stride between them. */
static void measure(const check *self, const ph_observation *row, double *work,
                    size_t stride, double *out)
{
    for (size_t k = 0; k < self->parts; k++) {
        double value[PH_STATISTICS];
        size_t first, end;
        ph_scheme_part(self->from.scheme, k, &first, &end);
        ph_statistics(end - first, row + first, work, value);
        for (size_t j = 0; j < PH_STATISTICS; j++) {
            out[(k * PH_STATISTICS + j) * stride] = value[j];
        }
    }
}

static int check_draw(void *context, size_t draw, int worker)
{
    check *self = context;
    size_t rows = ph_scheme_rows(self->from.scheme);
    ph_observation *row = ph_alloc(rows, sizeof *row);
    double *work = ph_alloc(rows, sizeof *work);
    int status = row && work ? draw_rows(&self->from, draw, row) : PH_E_MEMORY;
    (void)worker;
    if (status == PH_OK) {
        measure(self, row, work, self->from.run->draws, self->replicated + draw);
    }
    free(row);
    free(work);
    return status;
}

static int compute_check(check *self)
{
    const ph_predict *run = self->from.run;
    size_t rows = ph_scheme_rows(self->from.scheme), n = self->parts * PH_STATISTICS;
    ph_observation *row = ph_alloc(rows, sizeof *row);
    double *work = ph_alloc(rows, sizeof *work);
    self->observed = ph_alloc(n, sizeof *self->observed);
    self->replicated = ph_alloc(n * run->draws, sizeof *self->replicated);
    int status =
        row && work && self->observed && self->replicated ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK) {
        ph_scheme_observed(self->from.scheme, row);
        measure(self, row, work, 1, self->observed);
        status = ph_device_run(&run->set.job.device, run->draws, check_draw, self);
    }
    free(row);
    free(work);
    return status == PH_OK ? PH_OK : fail(run, status);
}

/*
 * How often replicated data lie above the observed ones; ties count half. NaN where the
 * statistic does not exist in one of them.
 */
static double p_value(size_t draws, const double *replicated, double observed)
{
    double above = 0;
    for (size_t s = 0; s < draws; s++) {
        if (isnan(replicated[s]) || isnan(observed)) {
            return NAN;
        }
        above += replicated[s] > observed ? 1 : replicated[s] == observed ? 0.5 : 0;
    }
    return above / (double)draws;
}

static void print_check_json(const check *self)
{
    const ph_predict *run = self->from.run;
    ph_json json;
    ph_json_init(&json, &run->app->out);
    ph_json_object(&json, NULL);
    ph_json_text(&json, "fit", run->set.saved->prefix);
    ph_json_number(&json, "level", run->level);
    ph_json_whole(&json, "draws", run->draws);
    ph_json_whole(&json, "seed", self->from.seed);
    ph_json_array(&json, "checks");
    for (size_t i = 0; i < self->parts * PH_STATISTICS; i++) {
        double *replicated = self->replicated + i * run->draws;
        double p = p_value(run->draws, replicated, self->observed[i]);
        ph_band band = ph_band_of(run->draws, replicated, run->level);
        ph_json_object(&json, NULL);
        ph_predict_part_json(run, i / PH_STATISTICS, &json);
        ph_json_text(&json, "statistic", ph_statistic_name[i % PH_STATISTICS]);
        ph_json_number(&json, "observed", self->observed[i]);
        ph_json_number(&json, "mean", band.mean);
        ph_json_number(&json, "lower", band.lower);
        ph_json_number(&json, "median", band.median);
        ph_json_number(&json, "upper", band.upper);
        ph_json_number(&json, "p", p);
        ph_json_close(&json);
    }
    ph_json_close(&json);
    ph_json_close(&json);
}

static void print_check_table(const check *self, int csv)
{
    const ph_predict *run = self->from.run;
    const char *head[] = {"statistic", "observed", "mean", run->lower,
                          "50%",       run->upper, "p"};
    ph_table table = {.digits = 5};
    ph_predict_part_heads(run, &table);
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
        ph_table_head(&table, head[i]);
    }
    for (size_t i = 0; i < self->parts * PH_STATISTICS; i++) {
        double *replicated = self->replicated + i * run->draws;
        double p = p_value(run->draws, replicated, self->observed[i]);
        ph_band band = ph_band_of(run->draws, replicated, run->level);
        ph_predict_part_cells(run, i / PH_STATISTICS, &table);
        ph_table_text(&table, ph_statistic_name[i % PH_STATISTICS]);
        ph_table_number(&table, self->observed[i]);
        ph_table_number(&table, band.mean);
        ph_table_number(&table, band.lower);
        ph_table_number(&table, band.median);
        ph_table_number(&table, band.upper);
        ph_table_number(&table, p);
    }
    if (csv) {
        ph_table_write_csv(&table, &run->app->out);
    } else {
        ph_table_write_text(&table, &run->app->out);
    }
    ph_table_free(&table);
}

int ph_predict_check(ph_predict *self)
{
    const char *format = ph_options_text(&self->app->options, "format");
    check it = {.from.run = self, .parts = self->set.job.data->n_parts};
    int status = make_source(&it.from, self);
    if (status == PH_OK) {
        status = compute_check(&it);
    }
    if (status == PH_OK && strcmp(format, "json") == 0) {
        print_check_json(&it);
    } else if (status == PH_OK) {
        print_check_table(&it, strcmp(format, "csv") == 0);
    }
    if (status == PH_OK) {
        report_seed(self->app);
    }
    free(it.observed);
    free(it.replicated);
    free_source(&it.from);
    return status;
}
