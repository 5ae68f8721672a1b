/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A model and its graph as numbered vertices with rates that are texts. */
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "phasic/base/memory.h"

#define MOST_TERMS 64
#define MOST_ROWS  5000 /* of a matrix: beyond, it is no way to write a process */

/* ---- order ---- */

typedef struct entry {
    uint32_t key, state;
} entry;

static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

/* Vertices that had numbers keep their order. */
static int number_vertices(ph_process *self)
{
    const ph_graph *graph = self->graph;
    int numbered = self->model->kind != PH_MODEL_RULES;
    entry *list = ph_alloc(self->n, sizeof *list);
    if (!list) {
        return PH_E_MEMORY;
    }
    for (uint32_t i = 0; i < self->n; i++) {
        list[i] = (entry){numbered ? (uint32_t)graph->keys[i] : i, i};
    }
    qsort(list, self->n, sizeof *list, compare_entries);
    for (uint32_t v = 0; v < self->n; v++) {
        self->state[v] = list[v].state;
        self->vertex[list[v].state] = v;
    }
    self->vertex[self->n] = (uint32_t)self->n;
    free(list);
    return PH_OK;
}

/* The edges of a vertex by the number of their target; rows are short. */
static void sort_edges(ph_process *self)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < self->n; i++) {
        size_t begin = graph->row[i];
        for (size_t e = begin; e < graph->row[i + 1]; e++) {
            size_t k = e;
            uint32_t target = self->vertex[graph->target[e]];
            for (; k > begin && self->vertex[graph->target[self->edge[k - 1]]] > target;
                 k--) {
                self->edge[k] = self->edge[k - 1];
            }
            self->edge[k] = e;
        }
    }
}

int ph_process_init(ph_process *self, const ph_job *job, ph_error *error)
{
    const ph_model *model = job->model;
    *self = (ph_process){.model = model, .graph = job->graph, .n = job->graph->n};
    self->error = error;
    self->state = ph_alloc(self->n, sizeof *self->state);
    self->vertex = ph_alloc(self->n + 1, sizeof *self->vertex);
    self->names = ph_alloc(model->n_parameters, sizeof *self->names);
    self->edge = ph_alloc(job->graph->n_edges, sizeof *self->edge);
    if (!self->state || !self->vertex || !self->names || !self->edge ||
        number_vertices(self) != PH_OK) {
        ph_process_free(self);
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < model->n_parameters; i++) {
        self->names[i] = model->parameters[i].name;
    }
    sort_edges(self);
    return PH_OK;
}

void ph_process_free(ph_process *self)
{
    free(self->state);
    free(self->vertex);
    free(self->names);
    free(self->edge);
    memset(self, 0, sizeof *self);
}

size_t ph_process_first(const ph_process *self, size_t vertex)
{
    return self->graph->row[self->state[vertex]];
}

size_t ph_process_end(const ph_process *self, size_t vertex)
{
    return self->graph->row[self->state[vertex] + 1];
}

/* ---- texts ---- */

/* A sum over terms; nodes come from the list of those in use. */
static int add_terms(const ph_process *self, size_t begin, size_t end,
                     const uint32_t *use, const double *coefficient, ph_buffer *out)
{
    const ph_graph *graph = self->graph;
    uint32_t few[MOST_TERMS] = {0}, *node = few;
    size_t n = end - begin;
    if (n > MOST_TERMS && !(node = ph_alloc(n, sizeof *node))) {
        return ph_error_set(self->error, PH_E_MEMORY, "out of memory");
    }
    for (size_t k = 0; k < n; k++) {
        node[k] = graph->used[use[begin + k]];
    }
    int status =
        ph_pool_text(graph->pool, n, node, coefficient + begin, self->names, out);
    if (node != few) {
        free(node);
    }
    return status == PH_OK
               ? status
               : ph_error_set(self->error, status,
                              status == PH_E_MEMORY
                                  ? "out of memory"
                                  : "a rate is too long to be written out in full");
}

int ph_process_rate(const ph_process *self, size_t edge, ph_buffer *out)
{
    const ph_graph *graph = self->graph;
    return add_terms(self, graph->edge_term[edge], graph->edge_term[edge + 1],
                     graph->term_use, graph->term_coefficient, out);
}

/* The edges of a vertex are neighbours in the graph, and so are their terms. */
static int is_constant(const ph_process *self, size_t vertex, double *sum)
{
    const ph_graph *graph = self->graph;
    size_t begin = graph->edge_term[ph_process_first(self, vertex)];
    size_t end = graph->edge_term[ph_process_end(self, vertex)];
    *sum = 0;
    for (size_t k = begin; k < end; k++) {
        if (graph->used[graph->term_use[k]] != 0) {
            return 0;
        }
        *sum += graph->term_coefficient[k];
    }
    return 1;
}

int ph_process_exit(const ph_process *self, size_t vertex, ph_buffer *out)
{
    double sum;
    int status = PH_OK;
    if (is_constant(self, vertex, &sum)) {
        ph_buffer_add_double(out, sum);
        return PH_OK;
    }
    size_t begin = ph_process_first(self, vertex), end = ph_process_end(self, vertex);
    for (size_t k = begin; k < end && status == PH_OK; k++) {
        ph_buffer_add(out, k > begin ? " + (" : "(");
        status = ph_process_rate(self, self->edge[k], out);
        ph_buffer_add(out, ")");
    }
    return status;
}

int ph_process_stay(const ph_process *self, size_t vertex, ph_buffer *out)
{
    double sum;
    if (is_constant(self, vertex, &sum)) {
        ph_buffer_add_double(out, 1 - sum > 1e-15 ? 1 - sum : 0);
        return PH_OK;
    }
    ph_buffer_add(out, "1 - (");
    int status = ph_process_exit(self, vertex, out);
    ph_buffer_add(out, ")");
    return status;
}

int ph_process_start(const ph_process *self, size_t start, ph_buffer *out)
{
    const ph_graph *graph = self->graph;
    return add_terms(self, graph->start_term[start], graph->start_term[start + 1],
                     graph->start_use, graph->start_coefficient, out);
}

int ph_process_starts_at(const ph_process *self, uint32_t *vertex)
{
    const ph_graph *graph = self->graph;
    *vertex = self->vertex[graph->start[0]];
    return graph->n_starts == 1 && *vertex < self->n && graph->start_term[1] == 1 &&
           graph->used[graph->start_use[0]] == 0 &&
           graph->start_coefficient[0] > 1 - 1e-12;
}

int ph_process_check_size(const ph_process *self)
{
    return self->n <= MOST_ROWS
               ? PH_OK
               : ph_error_set(self->error, PH_E_MODEL,
                              "a matrix of %zu rows is too large: expected at most %d; "
                              "--to graph has no limit",
                              self->n, MOST_ROWS);
}

int ph_process_cell(const ph_process *self, size_t vertex, size_t column, size_t *next,
                    ph_buffer *out)
{
    const ph_graph *graph = self->graph;
    size_t k = *next;
    if (column == vertex && graph->discrete) {
        return ph_process_stay(self, vertex, out);
    }
    if (k < ph_process_end(self, vertex) &&
        self->vertex[graph->target[self->edge[k]]] == column) {
        ++*next;
        return ph_process_rate(self, self->edge[k], out);
    }
    ph_buffer_add(out, "0");
    return PH_OK;
}
