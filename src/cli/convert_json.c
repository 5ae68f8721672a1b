/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writers of JSON: models with a graph or a matrix, and graphs of the Python package.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "phasic/base/memory.h"

/* ---- what both kinds of models hold ---- */

static void add_support(ph_json *json, const ph_parameter *it)
{
    if (it->lower == 0 && it->upper == INFINITY) {
        return; /* the default */
    }
    ph_json_row(json, "support"); /* null: no bound */
    ph_json_number(json, NULL, it->lower);
    ph_json_number(json, NULL, it->upper);
    ph_json_close(json);
}

static void add_parameter(ph_json *json, const ph_parameter *it)
{
    const ph_prior_spec *prior = &it->prior;
    ph_json_object(json, it->name);
    if (it->description) {
        ph_json_text(json, "description", it->description);
    }
    if (it->unit) {
        ph_json_text(json, "unit", it->unit);
    }
    add_support(json, it);
    if (prior->family != PH_PRIOR_NONE) {
        ph_json_object(json, "prior");
        ph_json_object(json, ph_family_name(prior->family));
        for (int k = 0; k < 2 && ph_family_argument(prior->family, k); k++) {
            ph_json_number(json, ph_family_argument(prior->family, k),
                           prior->argument[k]);
        }
        ph_json_close(json);
        ph_json_close(json);
    }
    if (it->is_fixed || it->has_value) {
        ph_json_number(json, it->is_fixed ? "fixed" : "value", it->value);
    }
    ph_json_close(json);
}

static void add_head(ph_json *json, const ph_process *self)
{
    const ph_model *model = self->model;
    ph_json_object(json, NULL);
    ph_json_whole(json, "phasic", 1);
    if (model->name) {
        ph_json_text(json, "name", model->name);
    }
    if (model->description) {
        ph_json_text(json, "description", model->description);
    }
    if (model->discrete) {
        ph_json_text(json, "time", "discrete");
    }
    ph_json_object(json, "parameters");
    for (size_t i = 0; i < model->n_parameters; i++) {
        add_parameter(json, &model->parameters[i]);
    }
    ph_json_close(json);
}

static int add_rewards(ph_json *json, const ph_process *self)
{
    const ph_model *model = self->model;
    double *amount = ph_alloc(self->n, sizeof *amount);
    int status =
        amount ? PH_OK : ph_error_set(self->error, PH_E_MEMORY, "out of memory");
    if (status == PH_OK && model->n_rewards > 0) {
        ph_json_object(json, "rewards");
    }
    for (size_t i = 0; i < model->n_rewards && status == PH_OK; i++) {
        status = ph_graph_reward(self->graph, model, (long)i, amount, self->error);
        ph_json_row(json, model->rewards[i].name);
        for (size_t v = 0; v < self->n && status == PH_OK; v++) {
            ph_json_number(json, NULL, amount[self->state[v]]);
        }
        ph_json_close(json);
    }
    if (status == PH_OK && model->n_rewards > 0) {
        ph_json_close(json);
    }
    free(amount);
    return status;
}

/* Derived quantities with the values of constants in the place of their names. */
static int add_derived(ph_json *json, const ph_process *self)
{
    const ph_model *model = self->model;
    const ph_env nothing = {NULL, NULL};
    ph_linear form = {0};
    ph_buffer text = {0};
    int status = PH_OK;
    if (model->n_derived > 0) {
        ph_json_object(json, "derived");
    }
    for (size_t i = 0; i < model->n_derived && status == PH_OK; i++) {
        const ph_derived *it = &model->derived[i];
        text.length = 0;
        status =
            ph_expr_linear(it->value, &nothing, self->graph->pool, &form, self->error);
        if (status == PH_OK) {
            status = ph_pool_text(self->graph->pool, form.length, form.node,
                                  form.coefficient, self->names, &text);
        }
        if (status == PH_OK) {
            ph_json_text(json, it->name, text.text);
        } else {
            ph_error_place(self->error, "/derived/%s", it->name);
            ph_error_set(self->error, status,
                         "this quantity cannot be written out in full");
        }
    }
    if (model->n_derived > 0 && status == PH_OK) {
        ph_json_close(json);
    }
    ph_linear_free(&form);
    ph_buffer_free(&text);
    return status;
}

static int add_tail(ph_json *json, const ph_process *self)
{
    if (self->model->defect) { /* what the start law lacks to 1 is absorbed at once */
        ph_json_boolean(json, "defect", 1);
    }
    int status = add_rewards(json, self);
    if (status == PH_OK) {
        status = add_derived(json, self);
    }
    if (status == PH_OK) {
        ph_json_close(json);
    }
    return status;
}

/* A number where the text is one, else a string. */
static void add_expression(ph_json *json, const ph_buffer *text)
{
    double value;
    if (text->failed || text->length == 0) {
        json->out->failed = 1;
    } else if (ph_double_read(text->text, text->length, &value) == PH_OK) {
        ph_json_number(json, NULL, value);
    } else {
        ph_json_text(json, NULL, text->text);
    }
}

/* ---- graph ---- */

/* What the state says of a vertex: its entries, or its label; NULL: nothing. */
static const int32_t *label_of(const ph_process *self, size_t vertex, size_t *length)
{
    const ph_model *model = self->model;
    const ph_graph *graph = self->graph;
    const int32_t *key = graph->keys + self->state[vertex] * graph->n_entries;
    int rules = model->kind == PH_MODEL_RULES;
    *length = rules ? graph->n_entries : model->n_label;
    return rules ? key : model->labels ? model->labels + (size_t)*key * *length : NULL;
}

static void add_vertices(ph_json *json, const ph_process *self)
{
    size_t length;
    if (!label_of(self, 0, &length)) {
        ph_json_whole(json, "vertices", self->n);
        return;
    }
    ph_json_array(json, "vertices");
    for (size_t v = 0; v < self->n; v++) {
        const int32_t *label = label_of(self, v, &length);
        ph_json_row(json, NULL);
        for (size_t e = 0; e < length; e++) {
            ph_json_number(json, NULL, label[e]);
        }
        ph_json_close(json);
    }
    ph_json_close(json);
}

static int add_initial_pairs(ph_json *json, const ph_process *self, ph_buffer *text)
{
    const ph_graph *graph = self->graph;
    int status = PH_OK;
    ph_json_array(json, "initial");
    for (size_t s = 0; s < graph->n_starts && status == PH_OK; s++) {
        if (graph->start[s] == self->n) {
            continue;
        }
        text->length = 0;
        status = ph_process_start(self, s, text);
        ph_json_row(json, NULL);
        ph_json_whole(json, NULL, self->vertex[graph->start[s]]);
        add_expression(json, text);
        ph_json_close(json);
    }
    ph_json_close(json);
    return status;
}

static int add_edges(ph_json *json, const ph_process *self, ph_buffer *text)
{
    int status = PH_OK;
    ph_json_array(json, "edges");
    for (size_t v = 0; v < self->n; v++) {
        size_t end = ph_process_end(self, v);
        for (size_t k = ph_process_first(self, v); k < end && status == PH_OK; k++) {
            uint32_t target = self->vertex[self->graph->target[self->edge[k]]];
            text->length = 0;
            status = ph_process_rate(self, self->edge[k], text);
            ph_json_row(json, NULL);
            ph_json_whole(json, NULL, v);
            ph_json_number(json, NULL, target == self->n ? -1 : (double)target);
            add_expression(json, text);
            ph_json_close(json);
        }
    }
    ph_json_close(json);
    return status;
}

int ph_convert_graph(const ph_process *self, ph_buffer *out)
{
    ph_json json;
    ph_buffer text = {0};
    ph_json_init(&json, out);
    add_head(&json, self);
    ph_json_object(&json, "graph");
    add_vertices(&json, self);
    int status = add_initial_pairs(&json, self, &text);
    if (status == PH_OK) {
        status = add_edges(&json, self, &text);
    }
    ph_json_close(&json);
    ph_buffer_free(&text);
    return status == PH_OK ? add_tail(&json, self) : status;
}

/* ---- matrix ---- */

static int add_initial_row(ph_json *json, const ph_process *self, ph_buffer *text)
{
    const ph_graph *graph = self->graph;
    int status = PH_OK;
    ph_json_row(json, "initial");
    for (size_t v = 0; v < self->n && status == PH_OK; v++) {
        size_t s = 0;
        while (s < graph->n_starts && graph->start[s] != self->state[v]) {
            s++;
        }
        if (s == graph->n_starts) {
            ph_json_number(json, NULL, 0);
            continue;
        }
        text->length = 0;
        status = ph_process_start(self, s, text);
        add_expression(json, text);
    }
    ph_json_close(json);
    return status;
}

static int add_matrix_row(ph_json *json, const ph_process *self, size_t v,
                          ph_buffer *text)
{
    size_t k = ph_process_first(self, v);
    int status = PH_OK;
    ph_json_row(json, NULL);
    for (size_t column = 0; column <= self->n && status == PH_OK; column++) {
        text->length = 0;
        status = ph_process_cell(self, v, column, &k, text);
        add_expression(json, text);
    }
    ph_json_close(json);
    return status;
}

int ph_convert_matrix(const ph_process *self, ph_buffer *out)
{
    ph_json json;
    ph_buffer text = {0};
    int status = ph_process_check_size(self);
    if (status != PH_OK) {
        return status;
    }
    ph_json_init(&json, out);
    add_head(&json, self);
    ph_json_object(&json, "matrix");
    status = add_initial_row(&json, self, &text);
    ph_json_array(&json, "rates");
    for (size_t v = 0; v < self->n && status == PH_OK; v++) {
        status = add_matrix_row(&json, self, v, &text);
    }
    ph_json_close(&json);
    ph_json_close(&json);
    ph_buffer_free(&text);
    return status == PH_OK ? add_tail(&json, self) : status;
}

/* ---- Python ---- */

/*
 * An edge as base + sum x_i theta_i, into x[1 + parameters]; 0 where it is no such sum.
 */
static int affine(const ph_process *self, size_t edge, double *x)
{
    const ph_graph *graph = self->graph;
    size_t p = self->model->n_parameters;
    memset(x, 0, (p + 1) * sizeof *x);
    for (size_t k = graph->edge_term[edge]; k < graph->edge_term[edge + 1]; k++) {
        uint32_t node = graph->used[graph->term_use[k]];
        double coefficient = graph->term_coefficient[k];
        ph_pool_entry it;
        if (node <= p) {
            x[node] += coefficient;
            continue;
        }
        ph_pool_get(graph->pool, node, &it);
        for (size_t i = 0; i < it.length; i++) {
            if (it.node[i] > p) {
                return 0;
            }
            x[it.node[i]] += coefficient * it.coefficient[i];
        }
        if (it.length == 0) {
            return 0;
        }
    }
    return 1;
}

/* Every edge is a number, or a sum of parameters times numbers. */
static int check_affine(const ph_process *self, size_t v, size_t edge, double *x)
{
    int some = 0, sum = affine(self, edge, x);
    for (size_t i = 0; i < self->model->n_parameters; i++) {
        some |= x[i + 1] != 0;
    }
    if (sum && !(some && x[0] != 0)) {
        return PH_OK;
    }
    char text[256];
    ph_graph_state_text(self->graph, self->model, self->state[v], text, sizeof text);
    return ph_error_set(self->error, PH_E_MODEL,
                        sum ? "python cannot hold a rate that is a number plus "
                              "parameters, as one of state %s is"
                            : "python holds rates that are sums of parameters times "
                              "numbers, but one of state %s is not",
                        text);
}

/* Rows [from, to, x...] of the edges of one kind: of numbers, or with parameters. */
static int add_weights(ph_json *json, const ph_process *self, const char *key,
                       int with_parameters, double *x)
{
    size_t p = self->model->n_parameters;
    int status = PH_OK;
    ph_json_array(json, key);
    for (size_t v = 0; v < self->n; v++) {
        size_t end = ph_process_end(self, v);
        for (size_t k = ph_process_first(self, v); k < end && status == PH_OK; k++) {
            size_t edge = self->edge[k];
            status = check_affine(self, v, edge, x);
            if (status != PH_OK || (x[0] != 0) == with_parameters) {
                continue;
            }
            ph_json_row(json, NULL);
            ph_json_whole(json, NULL, v + 1);
            ph_json_whole(json, NULL, self->vertex[self->graph->target[edge]] + 1);
            for (size_t i = with_parameters; i <= (with_parameters ? p : 0); i++) {
                ph_json_number(json, NULL, x[i]);
            }
            ph_json_close(json);
        }
    }
    ph_json_close(json);
    return status;
}

/* The start is vertex 0, absorption the last one; the first entry is the number. */
static void add_python_states(ph_json *json, const ph_process *self)
{
    size_t length;
    label_of(self, 0, &length);
    ph_json_array(json, "states");
    for (size_t v = 0; v < self->n + 2; v++) {
        int inside = v > 0 && v <= self->n;
        const int32_t *label = inside ? label_of(self, v - 1, &length) : NULL;
        ph_json_row(json, NULL);
        ph_json_whole(json, NULL, v);
        for (size_t e = 0; e < length; e++) {
            ph_json_number(json, NULL, label ? label[e] : 0);
        }
        ph_json_close(json);
    }
    ph_json_close(json);
    ph_json_whole(json, "state_length", length + 1);
    ph_json_whole(json, "n_vertices", self->n + 2);
}

static int add_python_start(ph_json *json, const ph_process *self)
{
    const ph_graph *graph = self->graph;
    double total = 0;
    ph_json_array(json, "start_edges");
    for (size_t s = 0; s < graph->n_starts; s++) {
        size_t term = graph->start_term[s];
        double weight = 0;
        for (; term < graph->start_term[s + 1]; term++) {
            if (graph->used[graph->start_use[term]] != 0) {
                return ph_error_set(self->error, PH_E_MODEL,
                                    "python cannot hold start probabilities that "
                                    "depend on parameters");
            }
            weight += graph->start_coefficient[term];
        }
        total += weight;
        ph_json_row(json, NULL);
        ph_json_whole(json, NULL, self->vertex[graph->start[s]] + 1);
        ph_json_number(json, NULL, weight);
        ph_json_close(json);
    }
    if (self->model->defect && total < 1 - 1e-12) {
        ph_json_row(json, NULL);
        ph_json_whole(json, NULL, self->n + 1);
        ph_json_number(json, NULL, 1 - total);
        ph_json_close(json);
    }
    ph_json_close(json);
    return PH_OK;
}

static void add_empty(ph_json *json, const char *key)
{
    ph_json_row(json, key);
    ph_json_close(json);
}

int ph_convert_python(const ph_process *self, ph_buffer *out)
{
    ph_json json;
    size_t p = self->model->n_parameters;
    double *x = ph_alloc(p + 1, sizeof *x);
    if (!x) {
        return ph_error_set(self->error, PH_E_MEMORY, "out of memory");
    }
    ph_json_init(&json, out);
    ph_json_object(&json, NULL);
    add_python_states(&json, self);
    int status = add_python_start(&json, self);
    if (status == PH_OK) {
        status = add_weights(&json, self, p > 0 ? "constant_edges" : "edges", 0, x);
    }
    if (status == PH_OK) {
        status = add_weights(&json, self, "param_edges", 1, x);
    }
    add_empty(&json, p > 0 ? "edges" : "constant_edges");
    add_empty(&json, "start_param_edges");
    ph_json_whole(&json, "param_length", p);
    ph_json_text(&json, "weight_mode", "linear");
    ph_json_boolean(&json, "is_discrete", self->model->discrete);
    ph_json_close(&json);
    free(x);
    return status;
}
