/* SPDX-License-Identifier: GPL-3.0-or-later */
/* phasic info: what the enumeration of a model found. */
#include <math.h>
#include <string.h>

#include "job.h"
#include "phasic/report/table.h"
#include "phasic/trace/trace.h"

/* clang-format off */
const ph_option ph_info_options[] = {
    {"states", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0, "list the transient states"},
    {"edges", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "list the edges and their rates (-1 is absorption; u7 is\nan expression of the "
     "parameters)"},
    {"dot", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "print the states and edges as a graph for Graphviz"},
    {"names", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "list constants, parameters with value and prior, rewards\nand derived quantities "
     "in place of all else; no state is\nenumerated"},
    PH_OPTION_END};
/* clang-format on */

typedef struct facts {
    const ph_model *model;
    const ph_graph *graph;
    ph_components components;
    ph_trace_summary trace;
} facts;

/* A rate as its linear form, "2*jump + 0.5". */
static void add_rate(ph_buffer *out, const facts *self, size_t edge)
{
    const ph_graph *graph = self->graph;
    for (size_t k = graph->edge_term[edge]; k < graph->edge_term[edge + 1]; k++) {
        uint32_t node = graph->used[graph->term_use[k]];
        double coefficient = graph->term_coefficient[k];
        ph_buffer_add(out, k > graph->edge_term[edge] ? " + " : "");
        if (node == 0) {
            ph_buffer_add_double(out, coefficient);
            continue;
        }
        if (coefficient != 1) {
            ph_buffer_add_double(out, coefficient);
            ph_buffer_add(out, " * ");
        }
        if (node <= ph_model_inputs(self->model)) {
            ph_buffer_add(out, ph_model_input_name(self->model, node - 1));
        } else {
            ph_buffer_addf(out, "u%u", (unsigned)node);
        }
    }
}

/* The text of a rate; "" when memory is out, which `out` then says. */
static const char *rate_text(ph_buffer *scratch, ph_buffer *out, const facts *self,
                             size_t edge)
{
    scratch->length = 0;
    add_rate(scratch, self, edge);
    out->failed |= scratch->failed;
    return scratch->failed || scratch->length == 0 ? "" : scratch->text;
}

static long target_number(const ph_graph *graph, size_t edge)
{
    return graph->target[edge] == graph->n ? -1 : (long)graph->target[edge];
}

/* ---- names ---- */

static void write_table(ph_app *app, ph_table *table, int csv)
{
    if (app->out.length > 0) {
        ph_buffer_add(&app->out, "\n");
    }
    if (csv) {
        ph_table_write_csv(table, &app->out);
    } else {
        ph_table_write_text(table, &app->out);
    }
    ph_table_free(table);
}

/* "gamma(shape=2, rate=1)", or nothing without a prior. */
static void add_prior(ph_buffer *out, const ph_prior_spec *prior)
{
    if (prior->family == PH_PRIOR_NONE) {
        return;
    }
    ph_buffer_addf(out, "%s(", ph_family_name(prior->family));
    for (int k = 0; k < 2 && ph_family_argument(prior->family, k); k++) {
        ph_buffer_addf(out, "%s%s=", k ? ", " : "",
                       ph_family_argument(prior->family, k));
        ph_buffer_add_double(out, prior->argument[k]);
    }
    ph_buffer_add(out, ")");
}

/* What can be named on a command line, and what is known of it. */
typedef struct named {
    const char *kind, *name;
    double value; /* NAN: none */
    const ph_parameter *parameter;
} named;

static size_t count_names(const ph_model *model)
{
    return model->n_constants + model->n_parameters + 1 + model->n_rewards +
           model->n_derived;
}

static named name_at(const ph_model *model, size_t i)
{
    named it = {"constant", NULL, NAN, NULL};
    if (i < model->n_constants) {
        it.name = model->constants[i].name;
        it.value = model->constants[i].value;
        return it;
    }
    i -= model->n_constants;
    if (i < model->n_parameters) {
        const ph_parameter *parameter = &model->parameters[i];
        it.kind = parameter->is_fixed ? "fixed" : "parameter";
        it.name = parameter->name;
        it.parameter = parameter;
        it.value = parameter->has_value || parameter->is_fixed ? parameter->value : NAN;
        return it;
    }
    i -= model->n_parameters;
    int reward = i < 1 + model->n_rewards;
    it.kind = reward ? "reward" : "derived";
    it.name = i == 0   ? "time"
              : reward ? model->rewards[i - 1].name
                       : model->derived[i - 1 - model->n_rewards].name;
    return it;
}

static void print_names_json(ph_app *app, const ph_model *model)
{
    ph_json json;
    ph_json_init(&json, &app->out);
    ph_json_object(&json, NULL);
    ph_json_array(&json, "names");
    for (size_t i = 0; i < count_names(model); i++) {
        named it = name_at(model, i);
        ph_buffer prior = {0};
        ph_json_object(&json, NULL);
        ph_json_text(&json, "kind", it.kind);
        ph_json_text(&json, "name", it.name);
        ph_json_number(&json, "value", it.value);
        if (it.parameter) {
            add_prior(&prior, &it.parameter->prior);
            app->out.failed |= prior.failed;
            ph_json_text(&json, "prior", prior.text);
            ph_json_text(&json, "unit", it.parameter->unit);
            ph_json_text(&json, "description", it.parameter->description);
        }
        ph_json_close(&json);
        ph_buffer_free(&prior);
    }
    ph_json_close(&json);
    ph_json_close(&json);
}

static void print_names(ph_app *app, const ph_model *model, int csv)
{
    static const char *const head[] = {"kind", "name",        "value", "prior",
                                       "unit", "description", NULL};
    ph_table table = {.digits = csv ? 17 : 7};
    for (int k = 0; head[k]; k++) {
        ph_table_head(&table, head[k]);
    }
    for (size_t i = 0; i < count_names(model); i++) {
        named it = name_at(model, i);
        ph_buffer prior = {0};
        char value[40] = "";
        if (it.parameter) {
            add_prior(&prior, &it.parameter->prior);
            app->out.failed |= prior.failed;
        }
        if (!isnan(it.value)) {
            ph_double_text(it.value, value);
        }
        ph_table_text(&table, it.kind);
        ph_table_text(&table, it.name);
        ph_table_text(&table, value);
        ph_table_text(&table, prior.text ? prior.text : "");
        ph_table_text(&table,
                      it.parameter && it.parameter->unit ? it.parameter->unit : "");
        ph_table_text(&table, it.parameter && it.parameter->description
                                  ? it.parameter->description
                                  : "");
        ph_buffer_free(&prior);
    }
    write_table(app, &table, csv);
}

static int list_names(ph_app *app)
{
    ph_job job;
    int status = ph_job_load(&job, app, PH_JOB_NAMES);
    if (status != PH_OK) {
        return status;
    }
    const char *format = ph_options_text(&app->options, "format");
    if (strcmp(format, "json") == 0) {
        print_names_json(app, job.model);
    } else {
        print_names(app, job.model, strcmp(format, "csv") == 0);
    }
    ph_job_free(&job);
    return PH_OK;
}

/* ---- JSON ---- */

static void add_names(ph_json *json, const ph_model *model)
{
    ph_json_row(json, "parameters");
    for (size_t i = 0; i < model->n_parameters; i++) {
        ph_json_text(json, NULL, model->parameters[i].name);
    }
    ph_json_close(json);
    ph_json_row(json, "rewards");
    ph_json_text(json, NULL, "time");
    for (size_t i = 0; i < model->n_rewards; i++) {
        ph_json_text(json, NULL, model->rewards[i].name);
    }
    ph_json_close(json);
}

static void add_states(ph_json *json, const facts *self)
{
    ph_json_array(json, "states");
    for (size_t i = 0; i < self->graph->n; i++) {
        char text[1024];
        ph_json_text(
            json, NULL,
            ph_graph_state_text(self->graph, self->model, i, text, sizeof text));
    }
    ph_json_close(json);
}

static void add_edges(ph_json *json, ph_buffer *out, const facts *self)
{
    const ph_graph *graph = self->graph;
    ph_buffer rate = {0};
    ph_json_array(json, "edge_list");
    for (size_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            ph_json_row(json, NULL);
            ph_json_number(json, NULL, (double)i);
            ph_json_number(json, NULL, (double)target_number(graph, e));
            ph_json_text(json, NULL, rate_text(&rate, out, self, e));
            ph_json_close(json);
        }
    }
    ph_json_close(json);
    ph_buffer_free(&rate);
}

static void print_json(ph_app *app, const facts *self)
{
    const ph_graph *graph = self->graph;
    ph_json json;
    ph_json_init(&json, &app->out);
    ph_json_object(&json, NULL);
    ph_json_text(&json, "name", self->model->name);
    ph_json_text(&json, "time", self->model->discrete ? "discrete" : "continuous");
    ph_json_whole(&json, "transient_states", graph->n);
    ph_json_whole(&json, "edges", graph->n_edges);
    ph_json_whole(&json, "absorbing_states", graph->n_absorbing);
    add_names(&json, self->model);
    ph_json_whole(&json, "components", self->components.count);
    ph_json_whole(&json, "largest_component", self->components.largest);
    ph_json_boolean(&json, "cyclic", self->components.cyclic);
    ph_json_whole(&json, "epochs", self->model->n_epochs + 1);
    ph_json_whole(&json, "distance", graph->distance);
    ph_json_whole(&json, "bytes", graph->bytes);
    ph_json_object(&json, "trace");
    ph_json_text(&json, "order", ph_trace_order_text(self->trace.order));
    ph_json_whole(&json, "operations", self->trace.operations);
    ph_json_whole(&json, "fill", self->trace.fill);
    ph_json_whole(&json, "bytes", self->trace.bytes);
    ph_json_close(&json);
    if (ph_options_flag(&app->options, "states")) {
        add_states(&json, self);
    }
    if (ph_options_flag(&app->options, "edges")) {
        add_edges(&json, &app->out, self);
    }
    ph_json_close(&json);
}

/* ---- tables ---- */

static void add_fact(ph_table *table, const char *name, double value)
{
    ph_table_text(table, name);
    ph_table_number(table, value);
}

static void add_list(ph_table *table, const char *name, const ph_buffer *list)
{
    ph_table_text(table, name);
    ph_table_text(table, list->length ? list->text : "none");
}

static void print_facts(ph_app *app, const facts *self, int csv)
{
    const ph_model *model = self->model;
    const char *name = model->name ? model->name : model->file;
    ph_buffer parameters = {0}, rewards = {0};
    for (size_t i = 0; i < model->n_parameters; i++) {
        ph_buffer_addf(&parameters, "%s%s", i ? ", " : "", model->parameters[i].name);
    }
    ph_buffer_add(&rewards, "time");
    for (size_t i = 0; i < model->n_rewards; i++) {
        ph_buffer_addf(&rewards, ", %s", model->rewards[i].name);
    }
    ph_table table = {.digits = 15};
    ph_table_head(&table, csv ? "quantity" : "model");
    ph_table_head(&table, csv ? "value" : name);
    if (csv) {
        ph_table_text(&table, "model");
        ph_table_text(&table, name);
    }
    ph_table_text(&table, "time");
    ph_table_text(&table, model->discrete ? "discrete" : "continuous");
    add_fact(&table, "transient states", (double)self->graph->n);
    add_fact(&table, "edges", (double)self->graph->n_edges);
    add_fact(&table, "absorbing states", (double)self->graph->n_absorbing);
    add_fact(&table, "fewest jumps", (double)self->graph->distance);
    add_fact(&table, "components", (double)self->components.count);
    add_fact(&table, "largest component", (double)self->components.largest);
    ph_table_text(&table, "cyclic");
    ph_table_text(&table, self->components.cyclic ? "yes" : "no");
    if (model->n_epochs > 0) {
        add_fact(&table, "epochs", (double)(model->n_epochs + 1));
    }
    add_list(&table, "parameters", &parameters);
    add_list(&table, "rewards", &rewards);
    add_fact(&table, "graph bytes", (double)self->graph->bytes);
    ph_table_text(&table, "trace order");
    ph_table_text(&table, self->trace.cyclic ? ph_trace_order_text(self->trace.order)
                                             : "along the edges");
    add_fact(&table, "trace operations", (double)self->trace.operations);
    add_fact(&table, "trace fill", (double)self->trace.fill);
    add_fact(&table, "trace bytes", (double)self->trace.bytes);
    write_table(app, &table, csv);
    ph_buffer_free(&parameters);
    ph_buffer_free(&rewards);
}

static void print_states(ph_app *app, const facts *self, int csv)
{
    ph_table table = {.digits = 15};
    ph_table_head(&table, "number");
    ph_table_head(&table, "state");
    for (size_t i = 0; i < self->graph->n; i++) {
        char text[1024];
        ph_table_number(&table, (double)i);
        ph_table_text(&table, ph_graph_state_text(self->graph, self->model, i, text,
                                                  sizeof text));
    }
    write_table(app, &table, csv);
}

static void print_edges(ph_app *app, const facts *self, int csv)
{
    const ph_graph *graph = self->graph;
    ph_buffer rate = {0};
    ph_table table = {.digits = 15};
    ph_table_head(&table, "from");
    ph_table_head(&table, "to");
    ph_table_head(&table, graph->discrete ? "probability" : "rate");
    for (size_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            ph_table_number(&table, (double)i);
            ph_table_number(&table, (double)target_number(graph, e));
            ph_table_text(&table, rate_text(&rate, &app->out, self, e));
        }
    }
    write_table(app, &table, csv);
    ph_buffer_free(&rate);
}

/* Starts have an arrow from a point, dashed where their probability is not 1. */
static void print_dot_starts(ph_app *app, const facts *self)
{
    const ph_graph *graph = self->graph;
    for (size_t s = 0; s < graph->n_starts; s++) {
        size_t term = graph->start_term[s];
        int whole = graph->start_term[s + 1] == term + 1 &&
                    graph->used[graph->start_use[term]] == 0 &&
                    graph->start_coefficient[term] == 1;
        ph_buffer_addf(&app->out, "  from%zu [shape=point];\n  from%zu -> s%u%s;\n", s,
                       s, (unsigned)graph->start[s], whole ? "" : " [style=dashed]");
    }
}

static void print_dot(ph_app *app, const facts *self)
{
    const ph_graph *graph = self->graph;
    const char *name = self->model->name ? self->model->name : self->model->file;
    ph_buffer rate = {0}, *out = &app->out;
    ph_buffer_add(out, "digraph ");
    ph_buffer_add_dot(out, name);
    ph_buffer_addf(out, " {\n  s%zu [label=absorption, shape=doublecircle];\n",
                   graph->n);
    for (size_t i = 0; i < graph->n; i++) {
        char text[1024];
        ph_buffer_addf(out, "  s%zu [label=", i);
        ph_buffer_add_dot(
            out, ph_graph_state_text(graph, self->model, i, text, sizeof text));
        ph_buffer_add(out, "];\n");
    }
    print_dot_starts(app, self);
    for (size_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            ph_buffer_addf(out, "  s%zu -> s%u [label=", i, (unsigned)graph->target[e]);
            ph_buffer_add_dot(out, rate_text(&rate, out, self, e));
            ph_buffer_add(out, "];\n");
        }
    }
    ph_buffer_add(out, "}\n");
    ph_buffer_free(&rate);
}

/* As CSV one table can be asked for at a time. */
static int print_tables(ph_app *app, const facts *self, int csv)
{
    int states = ph_options_flag(&app->options, "states");
    int edges = ph_options_flag(&app->options, "edges");
    if (csv && states && edges) {
        return ph_error_set(&app->error, PH_E_USAGE,
                            "--format csv holds one table: --states or --edges");
    }
    if (!csv || (!states && !edges)) {
        print_facts(app, self, csv);
    }
    if (states) {
        print_states(app, self, csv);
    }
    if (edges) {
        print_edges(app, self, csv);
    }
    return PH_OK;
}

/* Names, or a graph for Graphviz, are all that is printed. */
static int check_alone(ph_app *app)
{
    const ph_options *options = &app->options;
    if (ph_options_flag(options, "names") &&
        (ph_options_flag(options, "states") || ph_options_flag(options, "edges") ||
         ph_options_flag(options, "dot"))) {
        return ph_error_set(&app->error, PH_E_USAGE,
                            "--names prints names alone: not with --states, --edges or "
                            "--dot");
    }
    if (ph_options_flag(options, "dot") &&
        (ph_options_flag(options, "states") || ph_options_flag(options, "edges") ||
         strcmp(ph_options_text(options, "format"), "text") != 0)) {
        return ph_error_set(&app->error, PH_E_USAGE,
                            "--dot prints a graph alone: not with --states, --edges or "
                            "another --format");
    }
    return PH_OK;
}

int ph_cmd_info(ph_app *app)
{
    ph_job job;
    facts self = {0};
    ph_trace *trace = NULL;
    int status = check_alone(app);
    if (status == PH_OK && ph_options_flag(&app->options, "names")) {
        return list_names(app);
    }
    if (status == PH_OK) {
        status = ph_job_load(&job, app, 0);
    }
    if (status != PH_OK) {
        return status;
    }
    self.model = job.model;
    self.graph = job.graph;
    status = ph_components_find(&self.components, job.graph);
    if (status == PH_OK) {
        status = ph_job_trace(&job, &trace, &app->log, &app->error);
    }
    if (status == PH_OK) {
        const char *format = ph_options_text(&app->options, "format");
        ph_trace_summarize(trace, &self.trace);
        if (ph_options_flag(&app->options, "dot")) {
            print_dot(app, &self);
        } else if (strcmp(format, "json") == 0) {
            print_json(app, &self);
        } else {
            status = print_tables(app, &self, strcmp(format, "csv") == 0);
        }
    }
    ph_trace_free(trace);
    ph_components_free(&self.components);
    ph_job_free(&job);
    return status;
}
