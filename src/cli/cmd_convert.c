/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * phasic convert: every format is read into a model, whose states are enumerated, and
 * written from there, so that what is written has been checked. What a format cannot
 * hold of the process is refused; what it cannot hold beside the process is said.
 */
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "phasic/base/file.h"
#include "phasic/model/import.h"

/* clang-format off */
const ph_option ph_convert_options[] = {
    {"from", 0, PH_OPTION_CHOICE, "model|python|csv|drn", NULL, 0, 0, 0,
     "format of IN; by default what its name ends in, and for\n.json what it holds"},
    {"to", 0, PH_OPTION_CHOICE, "graph|matrix|python|csv|drn", NULL, 0, 0, 0,
     "format of OUT: a model with 'graph' or 'matrix', or\nthat of another program; by "
     "default what its name\nends in (.json: graph)"},
    {"parameters", 0, PH_OPTION_TEXT, "NAME,...", NULL, 0, 0, 0,
     "names of the parameters of a python or csv file"},
    {"initial", 0, PH_OPTION_TEXT, "P,...", NULL, 0, 0, 0,
     "start probabilities of a csv file; the first row by\ndefault"},
    {"discrete", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "a csv file holds one-step probabilities"},
    {"force", 'f', PH_OPTION_FLAG, NULL, NULL, 0, 0, 0, "overwrite an existing OUT"},
    PH_OPTION_END};
/* clang-format on */

/* ---- formats ---- */

static int ends_in(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);
    return n >= m && strcmp(name + n - m, ending) == 0;
}

/* By the ending of a name, with or without .gz; NULL where it says nothing. */
static const char *format_of(const char *name)
{
    static const char *const endings[] = {".json", ".csv", ".drn"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char packed[16];
        strcpy(packed, endings[i]);
        strcat(packed, ".gz");
        if (ends_in(name, endings[i]) || ends_in(name, packed)) {
            return endings[i] + 1;
        }
    }
    return NULL;
}

static int no_format(ph_app *app, const char *name, const char *option)
{
    ph_error_found(&app->error, name, -1);
    return ph_error_set(&app->error, PH_E_USAGE,
                        "the name does not end in .json, .csv or .drn: %s must say "
                        "the format",
                        option);
}

/* An option that says nothing about this format. */
static int check_option(ph_app *app, const char *name, int used, const char *from)
{
    if (used || ph_options_find(&app->options, name)->length == 0) {
        return PH_OK;
    }
    ph_error_place(&app->error, "--%s", name);
    return ph_error_set(&app->error, PH_E_USAGE, "has no meaning for the format %s",
                        from);
}

static int check_options(ph_app *app, const char *from)
{
    int csv = strcmp(from, "csv") == 0, python = strcmp(from, "python") == 0;
    int status = check_option(app, "parameters", csv || python, from);
    if (status == PH_OK) {
        status = check_option(app, "initial", csv, from);
    }
    return status == PH_OK ? check_option(app, "discrete", csv, from) : status;
}

/* ---- reading ---- */

/* Labels are " a  b "; a warning names them. */
static void warn_labels(ph_app *app, const ph_buffer *labels)
{
    if (labels->length > 0 && !labels->failed) {
        ph_talk_warn(&app->talk, "a model has no labels of states: left out are%.*s",
                     (int)labels->length - 1, labels->text);
    }
}

/* Another format into the text of a model. */
static int import(ph_app *app, const char *from, const char *name, const char *bytes,
                  size_t length, ph_buffer *out)
{
    const char *names = ph_options_text(&app->options, "parameters");
    if (strcmp(from, "python") == 0) {
        const ph_import_python options = {names};
        return ph_import_python_read(&options, name, bytes, length, out, &app->error);
    }
    if (strcmp(from, "csv") == 0) {
        return ph_convert_csv_read(
            name, bytes, length, names, ph_options_text(&app->options, "initial"),
            ph_options_flag(&app->options, "discrete"), out, &app->error);
    }
    ph_buffer labels = {0};
    int status = ph_import_drn_read(name, bytes, length, out, &labels, &app->error);
    if (status == PH_OK) {
        warn_labels(app, &labels);
    }
    ph_buffer_free(&labels);
    return status;
}

/* The job's model from bytes in a format; lines of a text made here say nothing. */
static int load(ph_job *job, ph_app *app, const char *from, const char *name,
                char **bytes, size_t length)
{
    ph_buffer text = {0};
    if (strcmp(from, "model") == 0) {
        char *given = *bytes;
        *bytes = NULL;
        return ph_job_load_text(job, app, 0, given, length);
    }
    int status = import(app, from, name, *bytes, length, &text);
    if (status != PH_OK) {
        ph_buffer_free(&text);
        return status;
    }
    status = ph_job_load_text(job, app, 0, text.text, text.length);
    if (status != PH_OK) {
        app->error.line = app->error.column = 0;
    }
    return status;
}

static int read_in(ph_job *job, ph_app *app)
{
    const char *path = app->options.argument[0];
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    const char *from = ph_options_text(&app->options, "from");
    const char *ending = from ? from : format_of(path);
    char *bytes = NULL;
    size_t length = 0;
    if (!ending) {
        return no_format(app, path, "--from");
    }
    int status = ph_file_read(path, &bytes, &length, &app->error);
    if (status == PH_OK) {
        from = strcmp(ending, "json") != 0          ? ending
               : ph_import_python_is(bytes, length) ? "python"
                                                    : "model";
        status = check_options(app, from);
    }
    if (status == PH_OK) {
        status = load(job, app, from, name, &bytes, length);
    }
    free(bytes);
    return status;
}

/* ---- writing ---- */

static int refuse(ph_app *app, const char *what)
{
    ph_error_file(&app->error, app->options.argument[0]);
    return ph_error_set(&app->error, PH_E_MODEL,
                        "the model has %s, which no format with numbered vertices can "
                        "hold",
                        what);
}

static int check_model(ph_app *app, const ph_model *model)
{
    return model->n_epochs > 0   ? refuse(app, "epochs")
           : model->n_groups > 0 ? refuse(app, "groups")
                                 : PH_OK;
}

/* What of the parameters other programs do not know. */
static int has_more(const ph_model *model)
{
    int more = 0;
    for (size_t i = 0; i < model->n_parameters; i++) {
        const ph_parameter *it = &model->parameters[i];
        more |= it->has_value || it->is_fixed || it->prior.family != PH_PRIOR_NONE ||
                it->description || it->unit || it->lower != 0 ||
                it->upper <= 1.7976931348623157e308;
    }
    return more;
}

/* Adds to "a, b, c". */
static void add_lost(ph_buffer *list, int lost, const char *what)
{
    if (lost) {
        ph_buffer_addf(list, "%s%s", list->length > 0 ? ", " : "", what);
    }
}

/* Says what is no part of the process and does not go into the format. */
static void warn_lost(ph_app *app, const ph_model *model, const char *to)
{
    int csv = strcmp(to, "csv") == 0, drn = strcmp(to, "drn") == 0;
    int python = strcmp(to, "python") == 0, graph = strcmp(to, "graph") == 0;
    int foreign = csv || drn || python, rules = model->kind == PH_MODEL_RULES;
    ph_buffer list = {0};
    add_lost(&list, foreign && (model->name || model->description),
             "name and description");
    add_lost(&list, foreign && has_more(model),
             "values, priors and supports of parameters");
    add_lost(&list, python && model->n_parameters > 0, "names of parameters");
    add_lost(&list, (csv || python) && model->n_rewards > 0, "rewards");
    add_lost(&list, foreign && model->n_derived > 0, "derived quantities");
    add_lost(&list, rules && !drn, "names of state variables");
    add_lost(&list, (rules || model->labels) && !graph && !python && !drn,
             "states of the vertices");
    add_lost(&list, model->n_constants > 0, "names of constants");
    add_lost(&list, csv && model->discrete, "that time is discrete (--discrete)");
    if (list.length > 0 && !list.failed) {
        ph_talk_warn(&app->talk, "%s cannot hold all of the model; left out: %s", to,
                     list.text);
    }
    ph_buffer_free(&list);
}

static int write_out(const ph_job *job, ph_app *app, const char *to)
{
    static const struct {
        const char *name;
        int (*write)(const ph_process *self, ph_buffer *out);
    } writers[] = {{"graph", ph_convert_graph},
                   {"matrix", ph_convert_matrix},
                   {"python", ph_convert_python},
                   {"csv", ph_convert_csv},
                   {"drn", ph_convert_drn}};
    ph_process process;
    ph_buffer file = {0};
    int status = ph_process_init(&process, job, &app->error);
    for (size_t i = 0; status == PH_OK && i < sizeof writers / sizeof *writers; i++) {
        if (strcmp(writers[i].name, to) == 0) {
            status = writers[i].write(&process, &file);
        }
    }
    ph_process_free(&process);
    if (status == PH_OK) {
        warn_lost(app, job->model, to);
        status = ph_app_write(app, app->options.argument[1], &file);
    } else if (status == PH_E_MODEL) {
        ph_error_file(&app->error, app->options.argument[0]);
    }
    ph_buffer_free(&file);
    return status;
}

int ph_cmd_convert(ph_app *app)
{
    ph_job job;
    const char *out = app->options.argument[1];
    const char *to = ph_options_text(&app->options, "to");
    to = to ? to : format_of(out);
    if (!to) {
        return no_format(app, out, "--to");
    }
    to = strcmp(to, "json") == 0 ? "graph" : to;
    int status = ph_output_check(app, out, "OUT");
    if (status == PH_OK) {
        status = read_in(&job, app);
    }
    if (status != PH_OK) {
        return status;
    }
    status = check_model(app, job.model);
    if (status == PH_OK) {
        status = write_out(&job, app, to);
    }
    ph_job_free(&job);
    return status;
}
