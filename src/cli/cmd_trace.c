/* SPDX-License-Identifier: GPL-3.0-or-later */
/* phasic trace: the elimination trace of a model, for people and as a file. */
#include <string.h>

#include "job.h"
#include "phasic/base/clock.h"
#include "phasic/num/lanes.h"
#include "phasic/report/json.h"
#include "phasic/report/table.h"

/* clang-format off */
const ph_option ph_trace_options[] = {
    {"output", 'o', PH_OPTION_TEXT, "FILE", NULL, 0, 0, 0,
     "write the trace to FILE, which stands for the model in\nevery command"},
    {"force", 'f', PH_OPTION_FLAG, NULL, NULL, 0, 0, 0, "overwrite an existing FILE"},
    {"dump", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "print the steps in place of the summary: the state each\neliminates and the states "
     "that it meets"},
    {"dot", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "print them as a graph for Graphviz"},
    {"order", 0, PH_OPTION_CHOICE, "best|markowitz|amd|natural", "best", 0, 0, 0,
     "order of elimination within a set of states that lead\nto each other"},
    PH_OPTION_END};
/* clang-format on */

typedef struct facts {
    const ph_job *job;
    const ph_trace *trace;
    ph_trace_summary sum;
    double seconds;
} facts;

static ph_trace_order order_of(const char *name)
{
    return strcmp(name, "markowitz") == 0 ? PH_TRACE_MARKOWITZ
           : strcmp(name, "amd") == 0     ? PH_TRACE_AMD
           : strcmp(name, "natural") == 0 ? PH_TRACE_NATURAL
                                          : PH_TRACE_CHOOSE;
}

static void print_json(ph_app *app, const facts *self)
{
    const ph_graph *graph = self->job->graph;
    const ph_trace_summary *sum = &self->sum;
    ph_json json;
    ph_json_init(&json, &app->out);
    ph_json_object(&json, NULL);
    ph_json_text(&json, "name", self->job->model->name);
    ph_json_whole(&json, "transient_states", graph->n);
    ph_json_whole(&json, "edges", graph->n_edges);
    ph_json_whole(&json, "components", sum->components);
    ph_json_whole(&json, "cyclic_components", sum->cyclic_components);
    ph_json_whole(&json, "largest_component", sum->largest);
    ph_json_boolean(&json, "cyclic", sum->cyclic);
    ph_json_text(&json, "order", ph_trace_order_text(sum->order));
    ph_json_whole(&json, "operations", sum->operations);
    ph_json_whole(&json, "entries", sum->entries);
    ph_json_whole(&json, "fill", sum->fill);
    ph_json_whole(&json, "bytes", sum->bytes);
    ph_json_whole(&json, "work_bytes", ph_trace_work(self->trace) * sizeof(double));
    ph_json_number(&json, "seconds", self->seconds);
    ph_json_close(&json);
}

static void add_fact(ph_table *table, const char *name, double value)
{
    ph_table_text(table, name);
    ph_table_number(table, value);
}

static void print_table(ph_app *app, const facts *self, int csv)
{
    const ph_model *model = self->job->model;
    const ph_trace_summary *sum = &self->sum;
    double work = (double)ph_trace_work(self->trace) * sizeof(double);
    const char *name = model->name ? model->name : model->file;
    ph_table table = {.digits = 15};
    ph_table_head(&table, csv ? "quantity" : "trace");
    ph_table_head(&table, csv ? "value" : name);
    if (csv) {
        ph_table_text(&table, "model");
        ph_table_text(&table, name);
    }
    add_fact(&table, "transient states", (double)self->job->graph->n);
    add_fact(&table, "edges", (double)self->job->graph->n_edges);
    add_fact(&table, "components", (double)sum->components);
    add_fact(&table, "cyclic components", (double)sum->cyclic_components);
    add_fact(&table, "largest component", (double)sum->largest);
    ph_table_text(&table, "order");
    ph_table_text(&table,
                  sum->cyclic ? ph_trace_order_text(sum->order) : "along the edges");
    add_fact(&table, "operations", (double)sum->operations);
    add_fact(&table, "entries", (double)sum->entries);
    add_fact(&table, "fill", (double)sum->fill);
    add_fact(&table, "trace bytes", (double)sum->bytes);
    add_fact(&table, "bytes of a replay", work / PH_LANES);
    add_fact(&table, "bytes of a replay in lanes", work);
    ph_table_text(&table, "seconds to record");
    char text[40];
    ph_table_text(&table, ph_number_text(self->seconds, 3, 0, text));
    if (csv) {
        ph_table_write_csv(&table, &app->out);
    } else {
        ph_table_write_text(&table, &app->out);
    }
    app->out.failed |= table.failed;
    ph_table_free(&table);
}

static int write_file(ph_app *app, const facts *self, const char *path)
{
    const ph_job *job = self->job;
    ph_buffer file = {0};
    ph_trace_file_write(self->trace, job->model_text, job->model_length, job->settings,
                        job->n_settings, &file);
    int status = ph_app_write(app, path, &file);
    ph_buffer_free(&file);
    return status;
}

/* An order that is asked for is recorded, whatever a trace file holds. */
static int find_trace(const ph_job *job, ph_app *app, ph_trace **trace)
{
    ph_trace_order order = order_of(ph_options_text(&app->options, "order"));
    return order == PH_TRACE_CHOOSE ? ph_job_trace(job, trace, &app->log, &app->error)
                                    : ph_trace_record_ordered(trace, job->graph, order,
                                                              &app->log, &app->error);
}

/* One result on standard output: the trace itself, its steps, or a graph of them. */
static int check_results(ph_app *app)
{
    const ph_options *options = &app->options;
    const char *path = ph_options_text(options, "output");
    int wanted = ph_options_flag(options, "dump") + ph_options_flag(options, "dot");
    int machine = strcmp(ph_options_text(options, "format"), "text") != 0;
    int itself = path && strcmp(path, "-") == 0;
    return wanted + itself + machine <= 1
               ? PH_OK
               : ph_error_set(&app->error, PH_E_USAGE,
                              "standard output holds one of --output -, --dump, --dot "
                              "and --format csv or json");
}

int ph_cmd_trace(ph_app *app)
{
    ph_job job;
    ph_trace *trace = NULL;
    const char *path = ph_options_text(&app->options, "output");
    int status = check_results(app);
    if (status == PH_OK && path) {
        status = ph_output_check(app, path, "FILE");
    }
    if (status == PH_OK) {
        status = ph_job_load(&job, app, 0);
    }
    if (status != PH_OK) {
        return status;
    }
    double began = ph_clock_seconds();
    status = find_trace(&job, app, &trace);
    facts self = {&job, trace, {0}, ph_clock_seconds() - began};
    ph_talk_clear(&app->talk);
    const char *format = ph_options_text(&app->options, "format");
    if (status == PH_OK) {
        ph_trace_summarize(trace, &self.sum);
        status = path ? write_file(app, &self, path) : PH_OK;
    }
    if (status == PH_OK && app->out.length > 0) {
        /* the trace itself is the result */
    } else if (status == PH_OK && ph_options_flag(&app->options, "dump")) {
        ph_trace_dump(trace, job.model, &app->out);
    } else if (status == PH_OK && ph_options_flag(&app->options, "dot")) {
        const char *name = job.model->name ? job.model->name : job.model->file;
        ph_trace_dot(trace, job.model, name, &app->out);
    } else if (status == PH_OK && strcmp(format, "json") == 0) {
        print_json(app, &self);
    } else if (status == PH_OK) {
        print_table(app, &self, strcmp(format, "csv") == 0);
    }
    ph_trace_free(trace);
    ph_job_free(&job);
    return status;
}
