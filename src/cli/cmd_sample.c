/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * phasic sample: simulated observations as a data file, or whole trajectories. Threads
 * take blocks of observations and write the rows of a block into a text of its own; the
 * texts are joined in order, so that nothing depends on who has written what.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "phasic/base/clock.h"
#include "phasic/base/file.h"
#include "phasic/base/memory.h"
#include "phasic/dist/sample.h"
#include "sample_groups.h"

#define BLOCK          1024 /* observations of a task */
#define BLOCKS_A_ROUND 64   /* texts that are held apart, for each worker */
#define LEAST          1e-300
#define MOST           1e300

/* clang-format off */
const ph_option ph_sample_options[] = {
    {"observations", 'n', PH_OPTION_TEXT, "N|LABEL=N,...", NULL, 0, 0, 0,
     "how many observations to simulate, of every group or\nof those named; must be "
     "given"},
    PH_OPTION_GROUP,
    {"reward", 0, PH_OPTION_TEXT, "NAME,...", NULL, 0, 0, 0,
     "totals of these rewards; time is one of them"},
    {"paths", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "whole trajectories, a row for every state entered"},
    {"censor-at", 0, PH_OPTION_REAL, "T", NULL, LEAST, MOST, 0,
     "right-censor at T what is still running then"},
    {"censor-rate", 0, PH_OPTION_REAL, "R", NULL, LEAST, MOST, 0,
     "right-censor at an independent exponential time of\nrate R"},
    {"interval", 0, PH_OPTION_REAL, "W", NULL, LEAST, MOST, 0,
     "write the cell (kW, (k+1)W] that the time falls in"},
    {"output", 'o', PH_OPTION_TEXT, "FILE", NULL, 0, 0, 0,
     "write to FILE in place of standard output"},
    {"force", 'f', PH_OPTION_FLAG, NULL, NULL, 0, 0, 0, "overwrite FILE"},
    PH_OPTION_END};
/* clang-format on */

typedef struct run {
    ph_app *app;
    ph_job job;
    ph_sample_groups groups;
    const ph_sample_group *group; /* that is being written */
    const ph_graph *graph;        /* of its process */
    ph_sampler *sampler;
    ph_buffer prefix; /* its label as the first cell of every row */
    uint64_t seed;
    size_t done, all; /* observations written, and wanted */
    double start;
    size_t n_rewards; /* 0 without --reward */
    const char **name;
    long *reward;         /* [n_rewards] -1: time */
    double *total;        /* [workers][n_rewards] */
    ph_sample_path *path; /* [workers] */
    ph_buffer *text;      /* [BLOCKS_A_ROUND * workers] */
    size_t round_first;   /* block that text[0] belongs to */
    int paths, censored;
    double censor_at;   /* INFINITY without --censor-at */
    double censor_rate; /* 0 without --censor-rate */
    double interval;    /* 0 without --interval */
} run;

/* -------------------------------------------------------------- the request */

static int is_given(const ph_app *app, const char *name)
{
    const char *text = ph_options_text(&app->options, name);
    return text && strcmp(text, "0") != 0;
}

static int check_combinations(ph_app *app)
{
    static const struct {
        const char *one, *other, *why;
    } apart[] = {
        {"paths", "reward", "a trajectory has no totals"},
        {"paths", "censor-at", "trajectories are followed to their end"},
        {"paths", "censor-rate", "trajectories are followed to their end"},
        {"paths", "interval", "trajectories have exact times"},
        {"reward", "censor-at", "only times can be censored in a data file"},
        {"reward", "censor-rate", "only times can be censored in a data file"},
        {"reward", "interval", "only times can be censored in a data file"},
        {"interval", "censor-at", "a row is either a cell or censored on the right"},
        {"interval", "censor-rate", "a row is either a cell or censored on the right"},
    };
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
        if (is_given(app, apart[i].one) && is_given(app, apart[i].other)) {
            return ph_error_set(&app->error, PH_E_USAGE,
                                "--%s and --%s cannot be combined: %s", apart[i].one,
                                apart[i].other, apart[i].why);
        }
    }
    return PH_OK;
}

static int check_format(ph_app *app)
{
    if (strcmp(ph_options_text(&app->options, "format"), "json") != 0) {
        return PH_OK;
    }
    ph_error_place(&app->error, "--format");
    ph_error_found(&app->error, "json", -1);
    return ph_error_set(&app->error, PH_E_USAGE,
                        "simulated observations are written as a data file, which is "
                        "CSV; leave --format out");
}

static int read_request(run *self)
{
    ph_app *app = self->app;
    const ph_options *options = &app->options;
    int status = check_format(app);
    if (status == PH_OK && !ph_options_text(options, "observations")) {
        status = ph_error_set(&app->error, PH_E_USAGE,
                              "expects the number of observations as -n N");
    }
    if (status == PH_OK && is_given(app, "force") && !is_given(app, "output")) {
        status = ph_error_set(&app->error, PH_E_USAGE,
                              "--force overwrites the FILE of --output, which is not "
                              "given");
    }
    if (status == PH_OK) {
        status = check_combinations(app);
    }
    self->seed = ph_options_whole(options, "seed");
    self->paths = ph_options_flag(options, "paths");
    self->censor_rate = ph_options_real(options, "censor-rate");
    self->interval = ph_options_real(options, "interval");
    self->censor_at =
        is_given(app, "censor-at") ? ph_options_real(options, "censor-at") : INFINITY;
    self->censored = self->censor_at < INFINITY || self->censor_rate > 0;
    return status;
}

/* What a model in discrete time cannot have. */
static int check_model(const run *self)
{
    const ph_model *model = self->job.model;
    ph_error *error = &self->app->error;
    if (!model->discrete) {
        return PH_OK;
    }
    if (self->censor_rate > 0) {
        return ph_error_set(error, PH_E_USAGE,
                            "--censor-rate draws times that are not whole, and the "
                            "model is in discrete time; use --censor-at");
    }
    const char *name = self->interval > 0           ? "interval"
                       : self->censor_at < INFINITY ? "censor-at"
                                                    : NULL;
    if (name && ph_options_real(&self->app->options, name) !=
                    floor(ph_options_real(&self->app->options, name))) {
        ph_error_place(error, "--%s", name);
        ph_error_found(error, ph_options_text(&self->app->options, name), -1);
        return ph_error_set(error, PH_E_USAGE,
                            "a model in discrete time takes whole numbers of steps");
    }
    return PH_OK;
}

/* The column of --group must not be taken for what is measured. */
static int check_column(const run *self)
{
    static const char *const taken[] = {"time",  "event",       "status",      "lower",
                                        "upper", "entry",       "count",       "weight",
                                        "visit", "observation", "time_entered"};
    const char *name = self->job.group_column;
    int clash = name && ph_model_reward(self->job.model, name) >= 0;
    for (size_t k = 0; name && k < sizeof taken / sizeof *taken; k++) {
        clash |= strcmp(name, taken[k]) == 0;
    }
    if (!clash) {
        return PH_OK;
    }
    ph_error_place(&self->app->error, "--group");
    ph_error_found(&self->app->error, name, -1);
    return ph_error_set(&self->app->error, PH_E_USAGE,
                        "a column of this name means something else in a data file");
}

/* Which groups, and how many observations of each. */
static int read_groups(run *self)
{
    ph_app *app = self->app;
    int status = ph_job_read_group(&self->job, app);
    if (status == PH_OK) {
        status = ph_sample_groups_read(&self->groups, &self->job,
                                       ph_options_text(&app->options, "observations"),
                                       &app->error);
    }
    for (size_t k = 0; k < self->groups.length; k++) {
        self->all += self->groups.group[k].n;
    }
    return status == PH_OK ? check_column(self) : status;
}

static int find_rewards(run *self)
{
    const ph_model *model = self->job.model;
    const char *names = ph_options_text(&self->app->options, "reward");
    self->reward = ph_alloc(model->n_rewards + 1, sizeof *self->reward);
    self->name = ph_alloc(model->n_rewards + 1, sizeof *self->name);
    int status = self->reward && self->name ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK && names) {
        status = ph_reward_list(model, names, self->reward, &self->n_rewards,
                                &self->app->error);
    }
    for (size_t k = 0; k < self->n_rewards && status == PH_OK; k++) {
        self->name[k] = ph_reward_label(model, self->reward[k]);
    }
    return status;
}

/* --------------------------------------------------------------------- rows */

/* A label as a CSV field: a reader may take bare blanks and signs for its own. */
static void add_label(ph_buffer *out, const char *label)
{
    int bare = label[strcspn(label, " \t,\"\r\n'#")] == '\0';
    ph_buffer_add(out, bare ? "" : "\"");
    for (; *label; label++) {
        ph_buffer_add(out, *label == '"' ? "\"" : "");
        ph_buffer_add_n(out, label, 1);
    }
    ph_buffer_add(out, bare ? "" : "\"");
}

static const char *group_column(const run *self)
{
    return self->job.group_column ? self->job.group_column : "group";
}

static void add_header(const run *self, ph_buffer *out)
{
    if (self->groups.group[0].label) {
        add_label(out, group_column(self));
        ph_buffer_add(out, ",");
    }
    if (self->interval > 0) {
        ph_buffer_add(out, "lower,upper\n");
    } else if (self->n_rewards > 0) {
        for (size_t r = 0; r < self->n_rewards; r++) {
            ph_buffer_addf(out, "%s%s", r ? "," : "", self->name[r]);
        }
        ph_buffer_add(out, "\n");
    } else {
        ph_buffer_add(out, self->censored ? "time,event\n" : "time\n");
    }
}

/* "name", "name[0]", "name[0][1]", ... of the entries of a state variable. */
static void add_variable(ph_buffer *out, const ph_state_variable *variable)
{
    for (size_t entry = 0; entry < variable->entries; entry++) {
        size_t block = variable->entries, rest = entry;
        ph_buffer_addf(out, ",%s", variable->name);
        for (size_t d = 0; d < variable->rank; d++) {
            block /= variable->extent[d];
            ph_buffer_addf(out, "[%zu]", rest / block);
            rest %= block;
        }
    }
}

static void add_path_header(const run *self, const ph_model *model, ph_buffer *out)
{
    if (self->groups.group[0].label) {
        add_label(out, group_column(self));
        ph_buffer_add(out, ",");
    }
    ph_buffer_add(out, "observation,visit,time_entered");
    for (size_t v = 0; model->kind == PH_MODEL_RULES && v < model->n_variables; v++) {
        add_variable(out, &model->variables[v]);
    }
    ph_buffer_add(out, model->kind == PH_MODEL_RULES ? "\n" : ",vertex\n");
}

/* The random stream of observation `number` of the group. */
static uint32_t stream_of(const run *self, size_t number)
{
    return (uint32_t)(number * self->groups.streams + self->group->group);
}

static void add_prefix(const run *self, ph_buffer *out)
{
    ph_buffer_add_n(out, self->prefix.text, self->prefix.length);
}

static int add_path(const run *self, size_t number, ph_sample_path *path,
                    ph_buffer *out)
{
    const ph_graph *graph = self->graph;
    int status =
        ph_sampler_path(self->sampler, self->seed, stream_of(self, number), path);
    for (size_t k = 0; k < path->length && status == PH_OK; k++) {
        const int32_t *key = graph->keys + path->state[k] * graph->n_entries;
        add_prefix(self, out);
        ph_buffer_addf(out, "%zu,%zu,", number + 1, k + 1);
        ph_buffer_add_double(out, path->time[k]);
        for (size_t j = 0; j < graph->n_entries; j++) {
            if (path->state[k] < graph->n) {
                ph_buffer_addf(out, ",%ld", (long)key[j]);
            } else {
                ph_buffer_add(out, ",");
            }
        }
        ph_buffer_add(out, "\n");
    }
    return status;
}

/* The cell of the grid that `time` lies in; 0 belongs to the first one. */
static int add_cell(double width, double time, ph_buffer *out)
{
    double k = fmax(ceil(time / width) - 1, 0);
    k -= k > 0 && time <= k * width; /* the quotient was rounded */
    k += time > (k + 1) * width;
    double lower = k * width, upper = (k + 1) * width;
    if (!(lower < upper && time <= upper && (time > lower || lower == 0) &&
          upper < INFINITY)) {
        return PH_E_NUMERIC;
    }
    ph_buffer_add_double(out, lower);
    ph_buffer_add(out, ",");
    ph_buffer_add_double(out, upper);
    ph_buffer_add(out, "\n");
    return PH_OK;
}

static int add_totals(const run *self, uint32_t observation, double *total,
                      ph_buffer *out)
{
    (void)ph_sampler_draw(self->sampler, self->seed, observation, INFINITY, total);
    for (size_t r = 0; r < self->n_rewards; r++) {
        ph_buffer_add(out, r ? "," : "");
        ph_buffer_add_double(out, total[r]);
    }
    ph_buffer_add(out, "\n");
    return PH_OK;
}

static int add_time(const run *self, uint32_t observation, ph_buffer *out)
{
    double limit = self->censor_at;
    if (self->censor_rate > 0) {
        limit =
            fmin(limit, ph_sampler_censor(self->seed, observation, self->censor_rate));
    }
    double time = ph_sampler_draw(self->sampler, self->seed, observation, limit, NULL);
    if (self->interval > 0) {
        return add_cell(self->interval, time, out);
    }
    ph_buffer_add_double(out, fmin(time, limit));
    ph_buffer_add(out, !self->censored ? "\n" : time <= limit ? ",1\n" : ",0\n");
    return PH_OK;
}

static int write_block(void *context, size_t block, int worker)
{
    run *self = context;
    ph_buffer *out = &self->text[block];
    size_t first = (self->round_first + block) * BLOCK;
    size_t n = self->group->n, end = first + BLOCK < n ? first + BLOCK : n;
    double *total = self->total + (size_t)worker * self->n_rewards;
    int status = PH_OK;
    out->length = 0;
    for (size_t i = first; i < end && status == PH_OK; i++) {
        if (self->paths) {
            status = add_path(self, i, &self->path[worker], out);
            continue;
        }
        add_prefix(self, out);
        status = self->n_rewards > 0 ? add_totals(self, stream_of(self, i), total, out)
                                     : add_time(self, stream_of(self, i), out);
    }
    return out->failed ? PH_E_MEMORY : status;
}

/* ---------------------------------------------------------------------- run */

static int set_up(run *self)
{
    size_t workers = (size_t)ph_device_workers(&self->job.device);
    int status = find_rewards(self);
    if (status != PH_OK) {
        return status;
    }
    self->total = ph_alloc(workers * self->n_rewards, sizeof *self->total);
    self->path = ph_alloc(workers, sizeof *self->path);
    self->text = ph_alloc(workers * BLOCKS_A_ROUND, sizeof *self->text);
    return self->total && self->path && self->text ? PH_OK : PH_E_MEMORY;
}

static int set_sampler(run *self, const ph_model *model, const ph_graph *graph)
{
    int status = PH_OK;
    double *amount = ph_alloc(self->n_rewards * graph->n, sizeof *amount);
    if (!amount) {
        return PH_E_MEMORY;
    }
    for (size_t r = 0; r < self->n_rewards && status == PH_OK; r++) {
        status = ph_graph_reward(graph, model, self->reward[r], amount + r * graph->n,
                                 &self->app->error);
    }
    if (status == PH_OK) {
        status = ph_sampler_new(&self->sampler, graph, self->job.theta, self->n_rewards,
                                amount, &self->app->error);
    }
    free(amount);
    return status;
}

/* All rows of the group into `out`, a round of blocks at a time. */
static int write_rows(run *self, ph_buffer *out)
{
    size_t n = self->group->n, blocks = (n + BLOCK - 1) / BLOCK;
    size_t most = (size_t)ph_device_workers(&self->job.device) * BLOCKS_A_ROUND;
    int status = PH_OK;
    for (size_t b = 0; b < blocks && status == PH_OK; b += most) {
        size_t count = blocks - b < most ? blocks - b : most;
        self->round_first = b;
        status = ph_device_run(&self->job.device, count, write_block, self);
        for (size_t k = 0; k < count && status == PH_OK; k++) {
            ph_buffer_add_n(out, self->text[k].text, self->text[k].length);
        }
        if (status == PH_OK) {
            size_t end = (b + count) * BLOCK < n ? (b + count) * BLOCK : n;
            (void)ph_log_progress(&self->app->log, "observations",
                                  (double)(self->done + end) / (double)self->all,
                                  "of %zu, %.2g a second", self->all,
                                  (double)(self->done + end) /
                                      (ph_clock_seconds() - self->start));
        }
        if (out->failed) {
            status = PH_E_MEMORY;
        }
    }
    self->done += n;
    ph_talk_clear(&self->app->talk);
    if (status == PH_E_NUMERIC) {
        char width[32];
        ph_error_place(&self->app->error, "--interval");
        ph_error_found(&self->app->error, ph_double_text(self->interval, width), -1);
        ph_error_set(&self->app->error, PH_E_USAGE,
                     "the times are so long that double precision cannot tell cells of "
                     "this width apart");
        status = PH_E_USAGE;
    }
    return status;
}

/* Trajectories stand in one table, so the groups must have the same state. */
static int check_shape(const run *self, const ph_model *model)
{
    ph_buffer one = {0}, other = {0};
    add_path_header(self, self->job.model, &one);
    add_path_header(self, model, &other);
    int status = one.failed || other.failed ? PH_E_MEMORY : PH_OK;
    if (status == PH_OK && strcmp(one.text, other.text) != 0) {
        ph_error_place(&self->app->error, "--paths");
        ph_error_found(&self->app->error, self->group->label, -1);
        status = ph_error_set(&self->app->error, PH_E_USAGE,
                              "the state of this group has another shape than that of "
                              "the model, and trajectories are one table");
    }
    ph_buffer_free(&one);
    ph_buffer_free(&other);
    return status;
}

static int write_group(run *self, const ph_sample_group *group, ph_buffer *out)
{
    ph_job *job = &self->job;
    ph_job_group process = {job->model, job->graph, job->plan};
    int status = PH_OK;
    self->group = group;
    self->prefix.length = 0;
    if (group->label) {
        add_label(&self->prefix, group->label);
        ph_buffer_add(&self->prefix, ",");
        status =
            ph_job_build_group(job, self->app, group->group, group->label, &process);
    }
    if (status == PH_OK && group->label && self->paths) {
        status = check_shape(self, process.model);
    }
    self->graph = process.graph;
    if (status == PH_OK) {
        status = self->prefix.failed ? PH_E_MEMORY
                                     : set_sampler(self, process.model, process.graph);
    }
    if (status == PH_OK) {
        status = write_rows(self, out);
    }
    ph_sampler_free(self->sampler);
    self->sampler = NULL;
    if (group->label) {
        ph_job_free_group(&process);
    }
    return status;
}

static int write_all(run *self)
{
    ph_app *app = self->app;
    const char *path = ph_options_text(&app->options, "output");
    ph_buffer file = {0}, *out = path ? &file : &app->out;
    int status = PH_OK;
    self->start = ph_clock_seconds();
    if (self->paths) {
        add_path_header(self, self->job.model, out);
    } else {
        add_header(self, out);
    }
    for (size_t k = 0; k < self->groups.length && status == PH_OK; k++) {
        status = write_group(self, &self->groups.group[k], out);
    }
    if (status == PH_OK && path) {
        status = ph_app_write(app, path, &file);
    }
    if (status != PH_OK) {
        ph_buffer_free(&app->out); /* no half of a data file */
    }
    ph_buffer_free(&file);
    return status;
}

/* A seed that nobody has given must be known to draw the same again. */
static void report_seed(const ph_app *app)
{
    const ph_option_value *seed = ph_options_find(&app->options, "seed");
    if (seed->source == PH_SOURCE_DRAWN && !app->talk.quiet) {
        fprintf(stderr, "phasic sample: seed %s\n",
                ph_options_text(&app->options, "seed"));
    }
}

static void free_run(run *self)
{
    size_t workers = (size_t)ph_device_workers(&self->job.device);
    for (size_t k = 0; self->text && k < workers * BLOCKS_A_ROUND; k++) {
        ph_buffer_free(&self->text[k]);
    }
    for (size_t k = 0; self->path && k < workers; k++) {
        ph_sample_path_free(&self->path[k]);
    }
    free(self->text);
    free(self->path);
    free(self->total);
    free(self->reward);
    free(self->name);
    ph_buffer_free(&self->prefix);
    ph_sample_groups_free(&self->groups);
    ph_job_free(&self->job);
}

int ph_cmd_sample(ph_app *app)
{
    run self = {.app = app};
    const char *path = ph_options_text(&app->options, "output");
    int status = read_request(&self);
    if (status == PH_OK && path) {
        status = ph_output_check(app, path, "FILE");
    }
    if (status == PH_OK) {
        status = ph_job_load(&self.job, app, PH_JOB_THETA);
    }
    if (status == PH_OK) {
        status = check_model(&self);
    }
    if (status == PH_OK) {
        status = read_groups(&self);
    }
    if (status == PH_OK) {
        status = set_up(&self);
    }
    if (status == PH_OK) {
        status = write_all(&self);
    }
    if (status == PH_OK) {
        report_seed(app);
    }
    ph_job_name_outside(&self.job, &app->error);
    free_run(&self);
    return status;
}
