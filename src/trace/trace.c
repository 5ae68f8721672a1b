/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The trace as an object: making, checking, counting, showing. */
#include <stdio.h>
#include <stdlib.h>

#include "phasic/base/memory.h"
#include "trace_private.h"

ph_trace *ph_trace_empty(const ph_graph *graph, size_t n_left, size_t n_right)
{
    ph_trace *trace = ph_alloc(1, sizeof *trace);
    if (!trace) {
        return NULL;
    }
    trace->graph = graph;
    trace->n = graph->n;
    trace->n_left = n_left;
    trace->n_right = n_right;
    trace->order = ph_alloc(graph->n, sizeof *trace->order);
    trace->row = ph_alloc(graph->n, sizeof *trace->row);
    trace->left_state = ph_alloc(n_left, sizeof *trace->left_state);
    trace->right_state = ph_alloc(n_right, sizeof *trace->right_state);
    if (!trace->order || !trace->row || !trace->left_state || !trace->right_state) {
        ph_trace_free(trace);
        return NULL;
    }
    return trace;
}

void ph_trace_free(ph_trace *self)
{
    if (self) {
        free(self->order);
        free(self->row);
        free(self->left_state);
        free(self->right_state);
        free(self);
    }
}

/* -------------------------------------------------------- checks and counts */

/* Whether row i has every entry that its edges and the rows it takes in need. `mark`
 * holds the last row, plus one, that had an entry; `place` the step of each state. */
static int row_is_sound(const ph_trace *self, uint32_t i, uint32_t *mark,
                        const uint32_t *place)
{
    const ph_graph *graph = self->graph;
    const ph_trace_row *row = &self->row[i];
    const uint32_t *left = self->left_state + row->left;
    const uint32_t *right = self->right_state + row->right;
    uint32_t stamp = i + 1, n_left = row->n_cross + row->n_lower;
    mark[i] = stamp;
    for (uint32_t e = 0; e < n_left + row->n_upper; e++) {
        uint32_t j = e < n_left ? left[e] : right[e - n_left];
        uint32_t c = self->row[j].component;
        int fits = e < row->n_cross
                       ? c > row->component
                       : c == row->component && (place[j] < place[i]) == (e < n_left);
        fits = fits && (e <= row->n_cross || e >= n_left ||
                        place[left[e - 1]] < place[left[e]]);
        if (!fits || mark[j] == stamp) {
            return 0;
        }
        mark[j] = stamp;
    }
    for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
        if (graph->target[e] < self->n && mark[graph->target[e]] != stamp) {
            return 0;
        }
    }
    for (uint32_t e = row->n_cross; e < n_left; e++) {
        const ph_trace_row *above = &self->row[left[e]];
        for (uint32_t g = 0; g < above->n_upper; g++) {
            if (mark[self->right_state[above->right + g]] != stamp) {
                return 0;
            }
        }
    }
    return 1;
}

static int is_sound(const ph_trace *self, uint32_t *mark, uint32_t *place)
{
    int good = 1;
    for (size_t s = 0; s < self->n; s++) {
        place[self->order[s]] = (uint32_t)s;
    }
    for (uint32_t i = 0; i < self->n && good; i++) {
        good = row_is_sound(self, i, mark, place);
    }
    return good;
}

static void count_components(ph_trace *self)
{
    ph_trace_summary *sum = &self->summary;
    for (size_t begin = 0, end; begin < self->n; begin = end) {
        uint32_t component = self->row[self->order[begin]].component;
        for (end = begin + 1; end < self->n; end++) {
            if (self->row[self->order[end]].component != component) {
                break;
            }
        }
        sum->components++;
        sum->cyclic_components += end - begin > 1;
        sum->largest = end - begin > sum->largest ? end - begin : sum->largest;
    }
    sum->cyclic = sum->cyclic_components > 0;
}

static void count_operations(ph_trace *self)
{
    size_t operations = 0;
    for (size_t i = 0; i < self->n; i++) {
        const ph_trace_row *row = &self->row[i];
        const uint32_t *lower = self->left_state + row->left + row->n_cross;
        operations += (size_t)row->n_cross + row->n_upper;
        for (uint32_t e = 0; e < row->n_lower; e++) {
            operations += (size_t)self->row[lower[e]].n_upper + 1;
        }
    }
    self->summary.operations = operations;
}

int ph_trace_check(const ph_trace *self)
{
    uint32_t *mark = ph_alloc(self->n, sizeof *mark);
    uint32_t *place = ph_alloc(self->n, sizeof *place);
    int status = PH_E_MEMORY;
    if (mark && place) {
        status = is_sound(self, mark, place) ? PH_OK : PH_E_MODEL;
    }
    free(mark);
    free(place);
    return status;
}

void ph_trace_count(ph_trace *self)
{
    const ph_graph *graph = self->graph;
    ph_trace_summary *sum = &self->summary;
    *sum = (ph_trace_summary){.order = sum->order};
    count_components(self);
    count_operations(self);
    size_t edges = 0;
    for (size_t e = 0; e < graph->n_edges; e++) {
        edges += graph->target[e] < self->n;
    }
    sum->entries = self->n_left + self->n_right;
    sum->fill = sum->entries - edges;
    sum->bytes = sizeof *self + self->n * (sizeof *self->order + sizeof *self->row) +
                 sum->entries * sizeof *self->left_state;
}

void ph_trace_summarize(const ph_trace *self, ph_trace_summary *summary)
{
    *summary = self->summary;
}

/* -------------------------------------------------------------------- texts */

const char *ph_trace_order_text(ph_trace_order order)
{
    switch (order) {
    case PH_TRACE_MARKOWITZ: return "Markowitz";
    case PH_TRACE_AMD: return "AMD";
    default: return "natural";
    }
}

static void dump_states(const char *what, const uint32_t *state, size_t n,
                        ph_buffer *out)
{
    for (size_t e = 0; e < n; e++) {
        ph_buffer_addf(out, "%s %u", e ? "" : what, (unsigned)state[e]);
    }
}

void ph_trace_dump(const ph_trace *self, const ph_model *model, ph_buffer *out)
{
    for (size_t s = 0; s < self->n; s++) {
        uint32_t i = self->order[s];
        const ph_trace_row *row = &self->row[i];
        const uint32_t *left = self->left_state + row->left;
        char text[1024];
        ph_buffer_addf(out, "%zu: component %u, state %u = %s", s,
                       (unsigned)row->component, (unsigned)i,
                       ph_graph_state_text(self->graph, model, i, text, sizeof text));
        dump_states("; takes in", left + row->n_cross, row->n_lower, out);
        dump_states("; goes on to", self->right_state + row->right, row->n_upper, out);
        dump_states("; leaves to", left, row->n_cross, out);
        ph_buffer_add(out, "\n");
    }
}

static void dot_edges(const ph_graph *graph, uint32_t from, const uint32_t *to,
                      size_t n, ph_buffer *out)
{
    for (size_t e = 0; e < n; e++) {
        ph_buffer_addf(out, "  s%u -> s%u%s;\n", (unsigned)from, (unsigned)to[e],
                       ph_graph_edge(graph, from, to[e]) < graph->n_edges
                           ? ""
                           : " [style=dotted]");
    }
}

/* The states of one component, from step `begin` on; returns the step after them. */
static size_t dot_component(const ph_trace *self, const ph_model *model, size_t begin,
                            ph_buffer *out)
{
    uint32_t component = self->row[self->order[begin]].component;
    size_t end = begin;
    while (end < self->n && self->row[self->order[end]].component == component) {
        end++;
    }
    if (end - begin > 1) {
        ph_buffer_addf(out, "  subgraph cluster_%u {\n", (unsigned)component);
    }
    for (size_t s = begin; s < end; s++) {
        char text[1024], label[1100];
        ph_graph_state_text(self->graph, model, self->order[s], text, sizeof text);
        snprintf(label, sizeof label, "%zu: %s", s, text);
        ph_buffer_addf(out, "  s%u [label=", (unsigned)self->order[s]);
        ph_buffer_add_dot(out, label);
        ph_buffer_add(out, "];\n");
    }
    ph_buffer_add(out, end - begin > 1 ? "  }\n" : "");
    return end;
}

void ph_trace_dot(const ph_trace *self, const ph_model *model, const char *name,
                  ph_buffer *out)
{
    const ph_graph *graph = self->graph;
    uint32_t n = (uint32_t)self->n;
    ph_buffer_add(out, "digraph ");
    ph_buffer_add_dot(out, name);
    ph_buffer_addf(out, " {\n  s%u [label=absorption, shape=doublecircle];\n", n);
    for (size_t s = 0; s < self->n;) {
        s = dot_component(self, model, s, out);
    }
    for (size_t s = 0; s < self->n; s++) {
        uint32_t i = self->order[s];
        const ph_trace_row *row = &self->row[i];
        dot_edges(graph, i, self->left_state + row->left, row->n_cross + row->n_lower,
                  out);
        dot_edges(graph, i, self->right_state + row->right, row->n_upper, out);
        dot_edges(graph, i, &n, ph_graph_edge(graph, i, n) < graph->n_edges, out);
    }
    ph_buffer_add(out, "}\n");
}
