/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What it is that puts parameters outside a model: the engines find a number that may
 * not be, in lanes; the rate that it belongs to is looked for here, once, for messages.
 */
#include <math.h>
#include <stdlib.h>

#include "job.h"
#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"

#define STATE_TEXT  64
#define LONGEST     80         /* expression, in bytes, that a message holds */
#define PROBABILITY (1 + 1e-9) /* with room for rounding */

/* A sum of terms: its place in the graph's lists, and its value at the parameters. */
typedef struct sum {
    const ph_model *model;
    const ph_graph *graph;
    const double *u; /* [pool nodes] */
    size_t first, end;
    const uint32_t *use;
    const double *coefficient;
} sum;

/* Whether a term is negative or not finite, or all are more than `most`. */
static int is_bad(const sum *self, double most, double *value)
{
    int bad = 0;
    *value = 0;
    for (size_t t = self->first; t < self->end; t++) {
        double u = self->u[self->graph->used[self->use[t]]];
        bad |= !(u >= 0 && u < INFINITY);
        *value += self->coefficient[t] * u;
    }
    return bad || !(*value <= most);
}

/* "'a - b' ", or nothing where that is too long for a message. */
static void add_expression(const sum *self, ph_buffer *out)
{
    size_t n = self->end - self->first, q = ph_pool_parameters(self->graph->pool);
    uint32_t *node = ph_alloc(n, sizeof *node);
    const char **name = ph_alloc(q, sizeof *name);
    ph_buffer text = {0};
    for (size_t i = 0; name && i < q; i++) {
        name[i] = ph_model_input_name(self->model, i);
    }
    for (size_t t = 0; node && t < n; t++) {
        node[t] = self->graph->used[self->use[self->first + t]];
    }
    if (node && name &&
        ph_pool_text(self->graph->pool, n, node, self->coefficient + self->first, name,
                     &text) == PH_OK &&
        text.length <= LONGEST && !text.failed) {
        ph_buffer_addf(out, "'%s' ", text.text);
    }
    ph_buffer_free(&text);
    free(name);
    free(node);
}

static void add_vertex(const sum *self, size_t vertex, ph_buffer *out)
{
    char text[STATE_TEXT];
    if (vertex == self->graph->n) {
        ph_buffer_add(out, "absorption");
        return;
    }
    ph_graph_state_text(self->graph, self->model, vertex, text, sizeof text);
    ph_buffer_addf(out, "state %s", text);
}

static int find_start(sum *it, ph_buffer *out, double *value)
{
    const ph_graph *graph = it->graph;
    it->use = graph->start_use;
    it->coefficient = graph->start_coefficient;
    for (size_t s = 0; s < graph->n_starts; s++) {
        it->first = graph->start_term[s];
        it->end = graph->start_term[s + 1];
        if (is_bad(it, PROBABILITY, value)) {
            ph_buffer_add(out, "the probability ");
            add_expression(it, out);
            ph_buffer_add(out, "of a start in ");
            add_vertex(it, graph->start[s], out);
            return 1;
        }
    }
    it->first = 0;
    if (is_bad(it, PROBABILITY, value)) {
        ph_buffer_add(out, "the sum of the probabilities of the start");
        return 1;
    }
    return 0;
}

/* An edge, or all edges together, out of a state. */
static int find_edge(sum *it, size_t state, ph_buffer *out, double *value)
{
    const ph_graph *graph = it->graph;
    double most = graph->discrete ? PROBABILITY : nextafter(INFINITY, 0);
    for (size_t e = graph->row[state]; e < graph->row[state + 1]; e++) {
        it->first = graph->edge_term[e];
        it->end = graph->edge_term[e + 1];
        if (is_bad(it, most, value)) {
            ph_buffer_addf(out, "the %s ", graph->discrete ? "probability" : "rate");
            add_expression(it, out);
            ph_buffer_add(out, "from ");
            add_vertex(it, state, out);
            ph_buffer_add(out, " to ");
            add_vertex(it, graph->target[e], out);
            return 1;
        }
    }
    it->first = graph->edge_term[graph->row[state]];
    it->end = graph->edge_term[graph->row[state + 1]];
    if (is_bad(it, most, value)) {
        ph_buffer_addf(out, "the sum of the %s out of ",
                       graph->discrete ? "probabilities" : "rates");
        add_vertex(it, state, out);
        return 1;
    }
    return 0;
}

/* In one epoch: its number, or 0 for a model without epochs and the start of one. */
static int find_here(sum *it, size_t epoch, ph_buffer *out, double *value)
{
    const ph_graph *graph = it->graph;
    int found = epoch == 0 && find_start(it, out, value);
    it->use = graph->term_use;
    it->coefficient = graph->term_coefficient;
    for (size_t i = 0; i < graph->n && !found; i++) {
        found = find_edge(it, i, out, value);
    }
    if (found && epoch > 0) {
        ph_buffer_addf(out, " in epoch %zu", epoch);
    }
    return found;
}

int ph_outside_find(const ph_model *model, const ph_graph *graph, const double *theta,
                    ph_buffer *out, double *value)
{
    const ph_epochs *epochs = graph->epochs;
    int found = 0;
    double *u = ph_alloc(ph_pool_length(graph->pool), sizeof *u);
    double *x = ph_alloc(epochs ? ph_epochs_nodes(epochs) : 0, sizeof *x);
    double *input = ph_alloc(ph_pool_parameters(graph->pool), sizeof *input);
    if (u && x && input) {
        sum it = {.model = model, .graph = graph, .u = u};
        if (epochs) {
            ph_epochs_eval_plain(epochs, theta, input, x);
        }
        for (size_t e = 0; e < (epochs ? epochs->n : 1) && !found; e++) {
            if (epochs) {
                ph_epochs_input_plain(epochs, x, e, input);
            }
            ph_pool_eval_plain(graph->pool, epochs ? input : theta, u);
            found = find_here(&it, e, out, value);
        }
    }
    free(input);
    free(x);
    free(u);
    return found && !out->failed;
}

void ph_job_name_outside(const ph_job *self, ph_error *error)
{
    ph_buffer place = {0};
    double value;
    char text[32];
    if (error->status == PH_E_NUMERIC && !error->place[0] && self->theta &&
        self->graph &&
        ph_outside_find(self->model, self->graph, self->theta, &place, &value)) {
        ph_error_place(error, "%s", place.text);
        ph_error_found(error, ph_double_text(value, text), -1);
    }
    ph_buffer_free(&place);
}

void ph_job_warn_outside(const ph_job *self, ph_app *app)
{
    for (size_t k = 0; k < self->data->n_parts; k++) {
        const ph_job_group *part = &self->part[k];
        ph_buffer place = {0};
        double value;
        char text[32];
        int found =
            ph_outside_find(part->model, part->graph, self->theta, &place, &value);
        if (found) {
            ph_talk_warn(&app->talk, "the parameters lie outside the model: %s is %s",
                         place.text, ph_double_text(value, text));
        }
        ph_buffer_free(&place);
        if (found) {
            return;
        }
    }
}
