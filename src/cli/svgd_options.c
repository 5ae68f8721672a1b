/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The algorithm that moves the particles: which options it has, and what they say. */
#include "svgd_options.h"

#include <stdlib.h>
#include <string.h>

#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"

#define PH_NAME(constant, name) name,
static const char *const algorithms[] = {PH_ALGORITHM_TABLE(PH_NAME)};
static const char *const shapes[] = {PH_SHAPE_TABLE(PH_NAME)};
static const char *const metrics[] = {PH_METRIC_TABLE(PH_NAME)};
static const char *const bandwidths[] = {PH_BANDWIDTH_TABLE(PH_NAME)};
static const char *const optimisers[] = {PH_OPTIMISER_TABLE(PH_NAME)};
static const char *const schedules[] = {PH_SCHEDULE_TABLE(PH_NAME)};
static const char *const fades[] = {PH_FADE_TABLE(PH_NAME)};
#undef PH_NAME

/* Index of the first `length` bytes of a word; checked by the option's choices. */
static int index_of(const char *const *words, size_t n, const char *text, size_t length)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0) {
            return (int)i;
        }
    }
    return -1;
}
#define INDEX_OF(words, text)                                                          \
    index_of(words, sizeof(words) / sizeof *(words), text, strlen(text))

/* ---- which options belong to what ---- */

enum {
    DEFAULT = 1 << PH_SVGD_DEFAULT,
    CLASSICAL = 1 << PH_SVGD_PLAIN | 1 << PH_SVGD_MATRIX,
    NEWTON = 1 << PH_SVGD_NEWTON,
    ALL = DEFAULT | CLASSICAL | NEWTON
};

typedef struct belonging {
    const char *name;
    int algorithms;
    const char *initial; /* what a run takes when nothing is said; NULL: unset */
    const char *needs;   /* another option that must be one of `values`, or NULL */
    const char *values;  /* divided by '|'; NULL: any */
} belonging;

static const belonging table[] = {
    {"correct", CLASSICAL | NEWTON, NULL, NULL, NULL},
    {"max-iterations", DEFAULT | NEWTON, NULL, NULL, NULL},
    {"kernel", CLASSICAL, "rbf", NULL, NULL},
    {"kernel-metric", CLASSICAL, "identity", NULL, NULL},
    {"bandwidth", CLASSICAL, "median", NULL, NULL},
    {"optimiser", CLASSICAL, "adam", NULL, NULL},
    {"learning-rate", CLASSICAL, "0.01", NULL, NULL},
    {"schedule", CLASSICAL, "constant", NULL, NULL},
    {"schedule-time", CLASSICAL, "100", "schedule", "exponential|warm-up"},
    {"schedule-last", CLASSICAL, NULL, "schedule", "exponential|adaptive"},
    {"iterations", CLASSICAL, "1000", NULL, NULL},
    {"init", CLASSICAL, "laplace", NULL, NULL},
    {"regularise-moments", CLASSICAL, NULL, NULL, NULL},
    {"regularise-order", CLASSICAL, "2", "regularise-moments", NULL},
    {"regularise-schedule", CLASSICAL, "constant", "regularise-moments", NULL},
    {"history", ALL, NULL, NULL, NULL},
};

/* Was the option asked for? A configuration file may repeat an initial value. */
static int is_given(const ph_option_value *value)
{
    const char *initial = value->option->initial;
    if (value->length == 0 || value->source < PH_SOURCE_CONFIG) {
        return 0;
    }
    if (value->option->kind == PH_OPTION_FLAG) {
        return strcmp(value->text[0], "1") == 0;
    }
    return value->source > PH_SOURCE_CONFIG || !initial ||
           strcmp(value->text[0], initial) != 0;
}

static int is_word_of(const char *words, const char *text)
{
    size_t length = strlen(text);
    for (; *words; words += words[strcspn(words, "|")] == '|') {
        size_t n = strcspn(words, "|");
        if (n == length && memcmp(words, text, n) == 0) {
            return 1;
        }
        words += n;
    }
    return 0;
}

/* Does another option make sense of this one? */
static int makes_sense(const ph_options *options, const belonging *it)
{
    if (!it->needs) {
        return 1;
    }
    const char *text = ph_options_text(options, it->needs);
    return text && (!it->values || is_word_of(it->values, text));
}

static int refuse(const belonging *it, int algorithm, int belongs, ph_error *error)
{
    ph_error_place(error, "--%s", it->name);
    if (belongs) {
        return ph_error_set(error, PH_E_USAGE, "needs --%s%s%s", it->needs,
                            it->values ? " " : "", it->values ? it->values : "");
    }
    ph_buffer list = {0};
    for (int a = 0; a <= PH_SVGD_NEWTON; a++) {
        if (it->algorithms >> a & 1) {
            ph_buffer_addf(&list, "%s%s", list.length ? "|" : "", algorithms[a]);
        }
    }
    int status =
        algorithm < 0
            ? ph_error_set(error, PH_E_USAGE, "needs --method svgd")
            : ph_error_set(error, PH_E_USAGE, "does not belong to --svgd %s, but to %s",
                           algorithms[algorithm], list.failed ? "" : list.text);
    ph_buffer_free(&list);
    return status;
}

/* Refuses what does not belong, and enters the defaults of what does. */
static int settle(ph_app *app, int algorithm)
{
    ph_options *options = &app->options;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const belonging *it = &table[i];
        const ph_option_value *value = ph_options_find(options, it->name);
        int belongs = algorithm >= 0 && it->algorithms >> algorithm & 1;
        int sense = makes_sense(options, it);
        if (is_given(value) && (!belongs || !sense)) {
            return refuse(it, algorithm, belongs, &app->error);
        }
        if (belongs && sense && it->initial && value->length == 0) {
            int status = ph_options_set(options, it->name, it->initial,
                                        PH_SOURCE_DEFAULT, &app->error);
            if (status != PH_OK) {
                return status;
            }
        }
    }
    return PH_OK;
}

/* ---- what they say ---- */

static int read_bandwidth(ph_app *app, ph_classical *c)
{
    const char *text = ph_options_text(&app->options, "bandwidth");
    int word = INDEX_OF(bandwidths, text);
    if (word >= 0 && word < PH_BANDWIDTH_NUMBER) {
        c->bandwidth = (ph_bandwidth)word;
    } else if (ph_double_read(text, strlen(text), &c->length) == PH_OK &&
               c->length > 1e-150 && c->length < 1e150) {
        c->bandwidth = PH_BANDWIDTH_NUMBER;
    } else {
        ph_error_place(&app->error, "--bandwidth");
        ph_error_found(&app->error, text, -1);
        return ph_error_set(&app->error, PH_E_USAGE,
                            "expects median, median-log, per-dimension or a positive "
                            "number");
    }
    if (c->bandwidth == PH_BANDWIDTH_PER_DIMENSION && c->metric != PH_METRIC_IDENTITY) {
        ph_error_place(&app->error, "--bandwidth");
        return ph_error_set(&app->error, PH_E_USAGE,
                            "per-dimension needs --kernel-metric identity");
    }
    return PH_OK;
}

static int read_schedule(ph_app *app, ph_classical *c)
{
    const ph_options *options = &app->options;
    c->schedule =
        (ph_schedule)INDEX_OF(schedules, ph_options_text(options, "schedule"));
    const char *time = ph_options_text(options, "schedule-time");
    const char *last = ph_options_text(options, "schedule-last");
    c->schedule_time = time ? ph_options_real(options, "schedule-time") : 1;
    c->schedule_last =
        last ? ph_options_real(options, "schedule-last") : c->learning_rate / 10;
    if (c->schedule_last > c->learning_rate) {
        ph_error_place(&app->error, "--schedule-last");
        ph_error_found(&app->error, last, -1);
        return ph_error_set(&app->error, PH_E_USAGE,
                            "expects at most the learning rate");
    }
    return PH_OK;
}

static int read_classical(ph_app *app, ph_svgd_settings *settings)
{
    const ph_options *options = &app->options;
    ph_classical *c = &settings->classical;
    const char *kernel = ph_options_text(options, "kernel");
    size_t length = strcspn(kernel, "+");
    c->shape =
        (ph_shape)index_of(shapes, sizeof shapes / sizeof *shapes, kernel, length);
    c->linear = kernel[length] == '+';
    c->metric = (ph_metric)INDEX_OF(metrics, ph_options_text(options, "kernel-metric"));
    c->optimiser =
        (ph_optimiser)INDEX_OF(optimisers, ph_options_text(options, "optimiser"));
    c->learning_rate = ph_options_real(options, "learning-rate");
    c->iterations = (size_t)ph_options_whole(options, "iterations");
    const char *init = ph_options_text(options, "init");
    settings->initial = strcmp(init, "laplace") == 0 ? PH_INITIAL_LAPLACE
                        : strcmp(init, "prior") == 0 ? PH_INITIAL_PRIOR
                                                     : PH_INITIAL_POINTS;
    if (ph_options_text(options, "regularise-moments")) {
        c->penalty_weight = ph_options_real(options, "regularise-moments");
        c->fade = (ph_fade)INDEX_OF(fades, ph_options_text(options, "regularise-"
                                                                    "schedule"));
    }
    int status = read_bandwidth(app, c);
    return status == PH_OK ? read_schedule(app, c) : status;
}

int ph_svgd_options_read(ph_app *app, ph_svgd_settings *settings)
{
    const ph_options *options = &app->options;
    int is_svgd = strcmp(ph_options_text(options, "method"), "svgd") == 0;
    int algorithm = INDEX_OF(algorithms, ph_options_text(options, "svgd"));
    if (!is_svgd && algorithm != PH_SVGD_DEFAULT) {
        ph_error_place(&app->error, "--svgd");
        return ph_error_set(&app->error, PH_E_USAGE, "needs --method svgd");
    }
    int status = settle(app, is_svgd ? algorithm : -1);
    if (status != PH_OK || !is_svgd) {
        return status;
    }
    settings->algorithm = (ph_algorithm)algorithm;
    settings->correct = ph_options_flag(options, "correct");
    return CLASSICAL >> algorithm & 1 ? read_classical(app, settings) : PH_OK;
}

/* ---- the penalty ---- */

int ph_regularise_new(ph_app *app, const ph_job *job, const ph_posterior *posterior,
                      ph_moment_penalty **penalty, ph_trace **trace)
{
    if (!ph_options_text(&app->options, "regularise-moments")) {
        return PH_OK;
    }
    if (job->model->n_epochs > 0) {
        ph_error_place(&app->error, "--regularise-moments");
        return ph_error_set(&app->error, PH_E_FEATURE,
                            "moments of a model with epochs are not available");
    }
    double *amount = ph_alloc(job->graph->n, sizeof *amount);
    int status = amount ? ph_graph_reward(job->graph, job->model, job->reward, amount,
                                          &app->error)
                        : ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    if (status == PH_OK) {
        status = ph_job_trace(job, trace, &app->log, &app->error);
    }
    if (status == PH_OK) {
        size_t order = (size_t)ph_options_whole(&app->options, "regularise-order");
        status = ph_moment_penalty_new(penalty, posterior, job->data, job->graph,
                                       *trace, amount, order, &app->error);
    }
    if (status != PH_OK) {
        ph_error_place(&app->error, "--regularise-moments");
    }
    free(amount);
    return status;
}
