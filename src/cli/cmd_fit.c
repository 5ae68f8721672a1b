/* SPDX-License-Identifier: GPL-3.0-or-later */
/* phasic fit: model and data to the posterior, its table and its files. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "fit_method.h"
#include "job.h"
#include "phasic/base/clock.h"
#include "phasic/base/file.h"
#include "phasic/base/memory.h"
#include "phasic/fit/fit.h"
#include "phasic/fit/map.h"
#include "phasic/fit/stand_in.h"
#include "phasic/num/lanes.h"
#include "phasic/report/map.h"
#include "phasic/report/summary.h"
#include "phasic/report/table.h"
#include "svgd_options.h"

/* Of a typical run: score evaluations a particle, Newton steps, leapfrog steps. */
#define TYPICAL_SCORES    40
#define TYPICAL_STEPS     15
#define TYPICAL_LEAPFROGS 4

/* clang-format off */
const ph_option ph_fit_options[] = {
    {"output", 'o', PH_OPTION_TEXT, "PREFIX", NULL, 0, 0, 0,
     "write PREFIX.json and PREFIX.csv"},
    {"force", 'f', PH_OPTION_FLAG, NULL, NULL, 0, 0, 0, "overwrite existing results"},
    PH_OPTION_METHODS,
    {"particles", 0, PH_OPTION_WHOLE, "N", "200", 8, 1e6, 0,
     "particles, a multiple of 8"},
    {"draws", 0, PH_OPTION_WHOLE, "N", NULL, 1, 1e7, 0,
     "draws in PREFIX.csv [as many as particles; 4000 of hmc]"},
    {"tolerance", 0, PH_OPTION_REAL, "X", "0.05", 1e-6, 1, 0,
     "Monte Carlo error that counts as converged: of means\nin posterior sd, of sds "
     "relative"},
    {"ess", 0, PH_OPTION_WHOLE, "N", "2000", 10, 1e8, 0, "effective sample size to reach"},
    {"max-iterations", 0, PH_OPTION_WHOLE, "N", "60", 1, 1e6, 0,
     "default, newton: iterations of the particles at most"},
    PH_OPTIONS_SVGD,
    {"no-compress", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "use every observation as it is; large data sets are\notherwise compressed, which "
     "changes log densities by\nless than 1e-11"},
    PH_OPTION_REWARD,
    PH_OPTION_IGNORE,
    PH_OPTION_GROUP,
    {"engine", 0, PH_OPTION_CHOICE, "auto|uniformization|contour", "auto", 0, 0, 0,
     "how densities are computed; auto chooses for each\ntime"},
    {"dry-run", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, PH_OPTION_FLAG_ONLY,
     "check everything, print settings with estimates of\nmemory and time, write nothing"},
    PH_OPTION_END};
/* clang-format on */

typedef struct run {
    ph_app *app;
    ph_job job;
    ph_posterior *posterior;
    ph_fit_method method;
    ph_svgd_settings settings;
    ph_hmc_settings hmc;
    ph_fit *fit; /* of svgd and hmc */
    ph_map *map; /* of map */
    ph_summary *summary;
    ph_setting_record *records;
    size_t n_records;
    ph_provenance provenance;
    char *json_path, *csv_path; /* NULL without --output */
    char *input_path[2];        /* model and data; NULL: a pipe */
    const char *history_path;   /* or NULL */
    ph_history history;
    ph_observer observer;
    double *points; /* initial particles of a file */
    ph_trace *trace;
    ph_moment_penalty *regulariser;
    ph_penalty penalty;
    double start;
} run;

/* ---- before the run ---- */

static int read_settings(run *self)
{
    ph_app *app = self->app;
    const ph_options *options = &app->options;
    ph_svgd_settings *s = &self->settings;
    self->method = ph_fit_method_of(app);
    int status = ph_fit_method_check(app);
    if (status == PH_OK && self->method == PH_FIT_HMC) {
        status = ph_fit_method_hmc(app, &self->hmc);
    }
    if (status != PH_OK) {
        return status;
    }
    ph_svgd_defaults(s);
    s->seed = ph_options_whole(options, "seed");
    s->particles = (size_t)ph_options_whole(options, "particles");
    s->draws = (size_t)ph_options_whole(options, "draws");
    s->max_iterations = (size_t)ph_options_whole(options, "max-iterations");
    s->tolerance_mean = s->tolerance_sd = ph_options_real(options, "tolerance");
    s->ess = (double)ph_options_whole(options, "ess");
    if (s->particles % PH_LANES != 0) {
        ph_error_place(&app->error, "--particles");
        ph_error_found(&app->error, ph_options_text(options, "particles"), -1);
        return ph_error_set(&app->error, PH_E_USAGE, "expects a multiple of %d",
                            PH_LANES);
    }
    return ph_svgd_options_read(app, s);
}

/* The history is an output like the others, and none of them. */
static int prepare_history(run *self)
{
    ph_app *app = self->app;
    const char *path = ph_options_text(&app->options, "history");
    self->history_path = path;
    if (!path) {
        return PH_OK;
    }
    if (self->json_path &&
        (strcmp(path, self->json_path) == 0 || strcmp(path, self->csv_path) == 0)) {
        ph_error_place(&app->error, "--history");
        ph_error_found(&app->error, path, -1);
        return ph_error_set(&app->error, PH_E_USAGE, "is a file of --output");
    }
    int status = ph_output_check(app, path, "FILE");
    return status == PH_OK ? ph_initial_check(app, path) : status;
}

static int prepare_outputs(run *self)
{
    ph_app *app = self->app;
    const char *prefix;
    int length;
    if (!ph_options_text(&app->options, "output")) {
        return PH_OK;
    }
    if (ph_output_prefix(app, &prefix, &length) != PH_OK) {
        return app->error.status;
    }
    if (asprintf(&self->json_path, "%.*s.json", length, prefix) < 0) {
        self->json_path = NULL;
    }
    if (asprintf(&self->csv_path, "%.*s.csv", length, prefix) < 0) {
        self->csv_path = NULL;
    }
    if (!self->json_path || !self->csv_path) {
        return ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    int status = ph_output_check(app, self->json_path, "PREFIX");
    if (status == PH_OK) {
        status = ph_output_check(app, self->csv_path, "PREFIX");
    }
    if (status == PH_OK) {
        status = ph_initial_check(app, self->json_path);
    }
    return status == PH_OK ? ph_initial_check(app, self->csv_path) : status;
}

/*
 * Where the inputs lie, so that the result can be used from any folder. What has no
 * such place, a pipe or the standard input, is left out.
 */
static int find_inputs(run *self)
{
    ph_app *app = self->app;
    for (size_t i = 0; i < 2; i++) {
        const char *name = app->options.argument[i];
        errno = 0;
        self->input_path[i] = strcmp(name, "-") == 0 ? NULL : realpath(name, NULL);
        if (errno == ENOMEM) {
            return ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
        }
    }
    return PH_OK;
}

static int set_up(run *self)
{
    ph_app *app = self->app;
    int status = ph_job_load(&self->job, app, PH_JOB_DATA | PH_JOB_REWARD);
    if (status == PH_OK) {
        status = ph_constraints_apply(app, self->job.model, &app->error);
    }
    if (status == PH_OK) {
        status =
            ph_posterior_new_of(&self->posterior, ph_fit_method_parts(app),
                                self->job.model, self->job.first_plan, self->job.lik,
                                self->job.data, &self->job.device, &app->error);
    }
    if (status == PH_OK) {
        status =
            ph_posterior_set_engine(self->posterior, ph_job_engine(app), &app->error);
    }
    if (status == PH_OK) {
        status = find_inputs(self);
    }
    if (status == PH_OK) {
        status = ph_options_records(&app->options, &self->records, &self->n_records);
    }
    return status;
}

/* Whether the time of a change is inferred. */
static int changes_move(const ph_model *model)
{
    for (size_t e = 0; e < model->n_epochs; e++) {
        for (size_t m = 0; m < model->n_parameters; m++) {
            if (!model->parameters[m].is_fixed &&
                ph_expr_uses_parameter(model->epochs[e].at, m)) {
                return 1;
            }
        }
    }
    return 0;
}

/* Gradients do not show that a likelihood jumps, so its maximum may be missed. */
static void warn_of_jumps(run *self)
{
    const ph_data *data = self->job.data;
    size_t exact = 0;
    while (exact < data->n && data->observation[exact].kind != PH_OBSERVED) {
        exact++;
    }
    if (exact < data->n && changes_move(self->job.model)) {
        ph_talk_warn(&self->app->talk,
                     "the time of a change is inferred from exact times: the "
                     "likelihood jumps where it passes one of them, which gradients do "
                     "not show; as intervals (lower, upper) the times give one without "
                     "jumps");
    }
}

/* What the settings of the sampler point to. */
static int set_up_svgd(run *self)
{
    ph_app *app = self->app;
    int status = ph_initial_read(app, self->posterior, self->settings.particles,
                                 &self->points, &app->error);
    if (status == PH_OK) {
        status = ph_regularise_new(app, &self->job, self->posterior, &self->regulariser,
                                   &self->trace);
    }
    if (status == PH_OK && self->history_path &&
        ph_history_init(&self->history, self->posterior) != PH_OK) {
        status = ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    if (self->regulariser) {
        self->penalty = ph_moment_penalty_target(self->regulariser);
        self->settings.classical.penalty = &self->penalty;
    }
    if (self->history_path) {
        self->observer = (ph_observer){&self->history, ph_history_see};
        self->settings.observer = &self->observer;
    }
    self->settings.points = self->points;
    return status;
}

/* ---- the report ---- */

static void fill_provenance(run *self, double fit_start)
{
    ph_provenance *p = &self->provenance;
    p->version = PHASIC_VERSION;
    p->argc = self->app->argc;
    p->argv = (const char *const *)self->app->argv;
    p->seed = self->settings.seed;
    p->model = self->job.model;
    p->data = self->job.data;
    p->model_path = self->input_path[0];
    p->data_path = self->input_path[1];
    p->settings = self->records;
    p->n_settings = self->n_records;
    p->seconds_setup = fit_start - self->start;
    p->seconds_fit = ph_clock_seconds() - fit_start;
    p->warnings = (const char *const *)self->app->talk.warning;
    p->n_warnings = self->app->talk.n_warnings;
}

/* Points of the search or the sampler that had density zero. */
static void warn_left_out(ph_talk *talk, uint64_t outside, uint64_t beyond)
{
    if (outside > 0) {
        ph_talk_warn(
            talk,
            "%llu of the parameter vectors that were tried lay outside the model "
            "(a rate negative or not finite); they have density zero",
            (unsigned long long)outside);
    }
    if (beyond > 0) {
        ph_talk_warn(
            talk,
            "%llu of the parameter vectors that were tried have rates so large "
            "that they were left out (beyond_rates in phasic-result(5)); they count "
            "as density zero",
            (unsigned long long)beyond);
    }
}

/* What the user must know beside the verdict. */
static void warn(run *self)
{
    ph_talk *talk = &self->app->talk;
    warn_left_out(talk, self->fit->outside, self->fit->beyond);
    for (size_t i = 0; i < self->summary->length; i++) {
        const ph_summary_row *row = &self->summary->row[i];
        if (row->not_finite) {
            ph_talk_warn(
                talk,
                "'%s' has no finite value at %zu of %zu points of the sample; it is "
                "not summarised",
                row->name, row->not_finite, self->fit->n);
        }
    }
}

/* Nothing without a path; the first error stays. */
static void write_file(const run *self, ph_files *files, const char *path,
                       void (*report)(ph_buffer *, const run *), ph_error *error)
{
    ph_buffer text = {0};
    if (path) {
        report(&text, self);
        if (text.failed) {
            ph_error_set(error, PH_E_MEMORY, "out of memory");
        } else {
            (void)ph_files_add(files, path, text.text, text.length, error);
        }
    }
    ph_buffer_free(&text);
}

static void report_csv(ph_buffer *out, const run *self)
{
    if (self->map) {
        ph_report_map_csv(out, self->map, &self->provenance);
    } else {
        ph_report_csv(out, self->fit, &self->provenance);
    }
}

static void report_history(ph_buffer *out, const run *self)
{
    ph_buffer_add_n(out, self->history.text.text, self->history.text.length);
}

static void report_json(ph_buffer *out, const run *self)
{
    if (self->map) {
        ph_report_map_json(out, self->map, &self->provenance);
    } else {
        ph_report_json(out, self->summary, self->fit, &self->provenance);
    }
}

static void report_text(ph_buffer *out, const run *self)
{
    if (self->map) {
        ph_report_map_text(out, self->map, &self->provenance);
    } else {
        ph_report_text(out, self->summary, self->fit, &self->provenance);
    }
}

/* The posterior as a table with full digits. */
static void print_csv(ph_buffer *out, const ph_summary *summary)
{
    static const char *const head[] = {"name", "mean", "sd",  "mcse", "2.5%", "5%",
                                       "25%",  "50%",  "75%", "95%",  "97.5%"};
    ph_table table = {0};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
        ph_table_head(&table, head[i]);
    }
    for (size_t i = 0; i < summary->length; i++) {
        const ph_summary_row *row = &summary->row[i];
        ph_table_text(&table, row->name);
        ph_table_number(&table, row->mean);
        ph_table_number(&table, row->sd);
        ph_table_number(&table, row->mcse);
        for (int q = 0; q < PH_QUANTILES; q++) {
            ph_table_number(&table, row->quantile[q]);
        }
    }
    ph_table_write_csv(&table, out);
    ph_table_free(&table);
}

static void print_result(run *self, int written)
{
    ph_app *app = self->app;
    const char *format = ph_options_text(&app->options, "format");
    if (strcmp(format, "json") == 0) {
        report_json(&app->out, self);
    } else if (strcmp(format, "csv") == 0 && self->map) {
        ph_report_map_table(&app->out, self->map, &self->provenance);
    } else if (strcmp(format, "csv") == 0) {
        print_csv(&app->out, self->summary);
    } else {
        report_text(&app->out, self);
        if (self->json_path && written) {
            ph_buffer_addf(&app->out, "Written: %s, %s\n", self->json_path,
                           self->csv_path);
        }
    }
}

/* A run may have been long: what could be written is kept, and the error names it. */
static int keep_files(const run *self, ph_files *files, const ph_error *cause)
{
    ph_error *error = &self->app->error;
    ph_buffer names = {0};
    ph_files_keep(files, &names);
    ph_error_file(error, cause->file[0] ? cause->file : NULL);
    ph_error_set(error, cause->status, "%s%s%s", cause->message,
                 names.length > 0 ? "; complete, and kept: " : "",
                 names.length > 0 ? names.text : "");
    ph_buffer_free(&names);
    return cause->status;
}

/*
 * All or none under their names; the draws first: PREFIX.json stands for a complete
 * result.
 */
static int write_files(const run *self)
{
    ph_files files = {0};
    ph_error error = {0};
    write_file(self, &files, self->history_path, report_history, &error);
    write_file(self, &files, self->csv_path, report_csv, &error);
    write_file(self, &files, self->json_path, report_json, &error);
    int status = error.status;
    if (status == PH_OK) {
        status = ph_files_publish(&files, ph_options_flag(&self->app->options, "force"),
                                  &error);
    }
    if (status != PH_OK) {
        status = keep_files(self, &files, &error);
    }
    ph_files_free(&files);
    return status;
}

static int finish(run *self, double fit_start)
{
    ph_app *app = self->app;
    int status = PH_OK;
    if (self->map) {
        warn_left_out(&app->talk, self->map->outside, self->map->beyond);
    } else {
        status = ph_summary_new(&self->summary, self->fit, self->job.model);
    }
    if (status != PH_OK) {
        return status;
    }
    if (self->fit) {
        warn(self);
    }
    fill_provenance(self, fit_start);
    status = write_files(self);
    print_result(self, status == PH_OK);
    if (status != PH_OK) {
        return status;
    }
    if (!(self->map ? self->map->converged : self->fit->svgd->converged)) {
        return ph_error_set(&app->error, PH_E_UNCONVERGED,
                            "the fit has not converged: %s",
                            self->map ? self->map->reasons : self->fit->svgd->reasons);
    }
    return PH_OK;
}

/* ---- dry run ---- */

/* Seconds of one evaluation of density and gradient for one block per worker. */
static int time_batch(const run *self, ph_posterior *posterior, size_t n,
                      double *seconds)
{
    ph_target target = ph_posterior_target(posterior);
    double *z = ph_alloc(n * target.d, sizeof *z);
    double *log_p = ph_alloc(n, sizeof *log_p);
    double *score = ph_alloc(n * target.d, sizeof *score);
    int status = z && log_p && score ? PH_OK : PH_E_MEMORY;
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        status = target.start(target.context, self->settings.seed, (uint32_t)i,
                              z + i * target.d);
    }
    for (int round = 0; round < 2 && status == PH_OK;
         round++) { /* the first warms up */
        double start = ph_clock_seconds();
        status = target.eval(target.context, n, z, log_p, score);
        *seconds = ph_clock_seconds() - start;
    }
    free(z);
    free(log_p);
    free(score);
    return status;
}

/* What a run would take, and how many observations are left of the distinct ones. */
typedef struct estimates {
    size_t observations;
    double seconds, memory;
} estimates;

/* What is computed, and where. */
static void print_sizes(run *self, const estimates *it)
{
    const ph_job *job = &self->job;
    ph_buffer *out = &self->app->out;
    ph_buffer_add(out, "\n");
    ph_report_count(out, (double)job->graph->n, "transient state");
    ph_buffer_add(out, ", ");
    ph_report_count(out, (double)job->graph->n_edges, "edge");
    ph_buffer_add(out, "; ");
    ph_report_count(out, job->data->total_weight, "observation");
    ph_buffer_addf(out, ", %zu distinct", job->data->n);
    if (it->observations != job->data->n) {
        ph_buffer_addf(out, ", compressed to %zu", it->observations);
    }
    ph_buffer_add(out, "; ");
    ph_report_count(out, (double)ph_posterior_free_count(self->posterior), "parameter");
    ph_buffer_add(out, " to infer\n");
    ph_report_count(out, job->device.groups, "device group");
    ph_buffer_add(out, " of ");
    ph_report_count(out, job->device.threads, "thread");
}

static void print_estimates(run *self, const estimates *it)
{
    ph_app *app = self->app;
    const ph_job *job = &self->job;
    const char *format = ph_options_text(&app->options, "format");
    if (strcmp(format, "json") == 0) {
        ph_json json;
        ph_json_init(&json, &app->out);
        ph_json_object(&json, NULL);
        ph_json_boolean(&json, "dry_run", 1);
        ph_json_object(&json, "settings");
        for (size_t i = 0; i < self->n_records; i++) {
            ph_json_object(&json, self->records[i].name);
            ph_json_raw(&json, "value", self->records[i].value);
            ph_json_text(&json, "source", self->records[i].source);
            ph_json_close(&json);
        }
        ph_json_close(&json);
        ph_json_whole(&json, "transient_states", job->graph->n);
        ph_json_whole(&json, "edges", job->graph->n_edges);
        ph_json_number(&json, "observations", job->data->total_weight);
        ph_json_whole(&json, "distinct_observations", job->data->n);
        ph_json_whole(&json, "compressed_observations", it->observations);
        ph_json_whole(&json, "device_groups", (unsigned long long)job->device.groups);
        ph_json_whole(&json, "threads", (unsigned long long)job->device.threads);
        ph_json_number(&json, "memory_bytes", it->memory);
        ph_json_number(&json, "seconds", it->seconds);
        ph_json_close(&json);
        return;
    }
    ph_table table = {.digits = 3};
    ph_table_head(&table, "setting");
    ph_table_head(&table, "value");
    ph_table_head(&table, "source");
    for (size_t i = 0; i < self->n_records; i++) {
        ph_table_text(&table, self->records[i].name);
        ph_table_text(&table, self->records[i].value);
        ph_table_text(&table, self->records[i].source);
    }
    if (strcmp(format, "csv") == 0) {
        ph_table_write_csv(&table, &app->out);
    } else {
        ph_table_write_text(&table, &app->out);
        print_sizes(self, it);
        ph_buffer_addf(&app->out, "; about %.0f MiB of memory and %.2g s\n",
                       it->memory / 1048576, it->seconds);
    }
    ph_table_free(&table);
}

/* Batches of n scores in a typical run. */
static double batches(const run *self, double n)
{
    const ph_hmc_settings *hmc = &self->hmc;
    double d = (double)ph_posterior_free_count(self->posterior);
    switch (self->method) {
    case PH_FIT_MAP:
        return ceil((double)self->settings.starts * (d + 1) / n) * TYPICAL_STEPS;
    case PH_FIT_HMC:
        return ceil((double)hmc->chains / n) * TYPICAL_LEAPFROGS *
               (double)(hmc->warm_up + hmc->draws / hmc->chains);
    default: break;
    }
    const ph_svgd_settings *s = &self->settings;
    double scores = TYPICAL_SCORES;
    if (s->algorithm == PH_SVGD_PLAIN || s->algorithm == PH_SVGD_MATRIX) {
        scores += (double)s->classical.iterations;
    }
    return ceil((double)s->particles / n) * scores;
}

/* The batches of a run on a posterior; in their first round the threads wake. */
static int time_run(const run *self, ph_posterior *posterior, double *seconds)
{
    size_t n = (size_t)ph_device_workers(&self->job.device) * PH_LANES;
    int status = time_batch(self, posterior, n, seconds);
    if (status == PH_OK) {
        status = time_batch(self, posterior, n, seconds);
    }
    *seconds *= batches(self, (double)n);
    return status;
}

/*
 * Memory is what the process has used after a real evaluation; time is extrapolated.
 * The compression is a real one, and its check at the end takes about as long.
 */
static int dry_run(run *self)
{
    ph_app *app = self->app;
    ph_stand_in stand_in = {0};
    estimates it = {.observations = self->job.data->n};
    double start = ph_clock_seconds(), compression = 0;
    int status = PH_OK;
    if (!ph_options_flag(&app->options, "no-compress")) {
        status = ph_stand_in_find(&stand_in, self->posterior, self->settings.seed,
                                  &app->log, &app->error);
        compression = ph_clock_seconds() - start;
    }
    if (stand_in.posterior) {
        it.observations = stand_in.data->n;
        compression *= 2;
    }
    if (status == PH_OK) {
        status =
            time_run(self, stand_in.posterior ? stand_in.posterior : self->posterior,
                     &it.seconds);
    }
    if (status == PH_OK) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        it.memory = 1024.0 * (double)usage.ru_maxrss;
        it.seconds += compression;
        print_estimates(self, &it);
    }
    ph_stand_in_free(&stand_in);
    return status;
}

static int find_posterior(run *self)
{
    ph_app *app = self->app;
    int compress = !ph_options_flag(&app->options, "no-compress");
    switch (self->method) {
    case PH_FIT_MAP:
        return ph_map_run(&self->map, self->posterior, &self->settings, compress,
                          &app->log, &app->error);
    case PH_FIT_HMC:
        return ph_fit_run_hmc(&self->fit, self->posterior, &self->hmc, compress,
                              &app->log, &app->error);
    default: break;
    }
    int status = ph_fit_run(&self->fit, self->posterior, &self->settings, compress,
                            &app->log, &app->error);
    return status == PH_E_NUMERIC
               ? ph_initial_explain(app, self->posterior, self->settings.particles,
                                    self->points, &app->error)
               : status;
}

int ph_cmd_fit(ph_app *app)
{
    run self = {.app = app, .start = ph_clock_seconds()};
    int dry = ph_options_flag(&app->options, "dry-run");
    int status = read_settings(&self);
    if (status == PH_OK) {
        status = prepare_outputs(&self);
    }
    if (status == PH_OK) {
        status = prepare_history(&self);
    }
    if (status == PH_OK) {
        status = set_up(&self);
    }
    if (status == PH_OK) {
        warn_of_jumps(&self);
        status = set_up_svgd(&self);
    }
    if (status == PH_OK && dry) {
        status = dry_run(&self);
        (void)ph_posterior_explain(self.posterior, &app->error);
    } else if (status == PH_OK) {
        double fit_start = ph_clock_seconds();
        ph_signals_catch();
        status = find_posterior(&self);
        ph_talk_clear(&app->talk);
        (void)ph_posterior_explain(self.posterior, &app->error);
        ph_tally tally = {0};
        ph_posterior_tally(self.posterior, &tally);
        ph_job_tell_engines(app, &tally);
        status = status == PH_OK ? finish(&self, fit_start) : status;
    }
    ph_options_records_free(self.records, self.n_records);
    ph_summary_free(self.summary);
    ph_fit_free(self.fit);
    ph_map_free(self.map);
    ph_history_free(&self.history);
    ph_moment_penalty_free(self.regulariser);
    ph_trace_free(self.trace);
    free(self.points);
    ph_posterior_free(self.posterior);
    ph_job_free(&self.job);
    free(self.json_path);
    free(self.csv_path);
    free(self.input_path[0]);
    free(self.input_path[1]);
    return status;
}
