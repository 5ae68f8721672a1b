/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the search's result to the graph, in place: absorbing vertices become the one
 * vertex n, edges of a row are sorted and merged, terms refer to the list of nodes in
 * use.
 */
#include "phasic/state/graph.h"

#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "search.h"

#define ROUNDING 1e-12

/* ---------------------------------------------------------------- numbering */

/* Final number of every vertex (n for absorbing ones), n and the absorbing count. */
static uint32_t *renumber(const ph_search *search, size_t *n, size_t *absorbing)
{
    uint32_t *number = ph_alloc(search->count, sizeof *number);
    if (!number) {
        return NULL;
    }
    *n = 0;
    for (size_t v = 0; v < search->count; v++) {
        int ends = search->row[v] == search->row[v + 1] && !search->trapped[v];
        number[v] = ends ? UINT32_MAX : (uint32_t)(*n)++;
    }
    *absorbing = search->count - *n;
    for (size_t v = 0; v < search->count; v++) {
        number[v] = number[v] == UINT32_MAX ? (uint32_t)*n : number[v];
    }
    return number;
}

typedef struct term {
    uint32_t target, node;
    double coefficient;
} term;

static int compare_terms(const void *a, const void *b)
{
    const term *x = a, *y = b;
    if (x->target != y->target) {
        return x->target < y->target ? -1 : 1;
    }
    return (x->node > y->node) - (x->node < y->node);
}

typedef struct row_buffer {
    term *item;
    size_t length, capacity;
} row_buffer;

static int load_row(const ph_search *search, size_t v, const uint32_t *number,
                    row_buffer *row)
{
    row->length = 0;
    size_t terms =
        search->edge_term[search->row[v + 1]] - search->edge_term[search->row[v]];
    if (ph_grow(&row->item, &row->capacity, terms, sizeof *row->item) != 0) {
        return PH_E_MEMORY;
    }
    for (size_t e = search->row[v]; e < search->row[v + 1]; e++) {
        for (size_t t = search->edge_term[e]; t < search->edge_term[e + 1]; t++) {
            row->item[row->length++] =
                (term){number[search->target[e]], search->term_node[t],
                       search->term_coefficient[t]};
        }
    }
    if (row->length > 1) {
        qsort(row->item, row->length, sizeof *row->item, compare_terms);
    }
    return PH_OK;
}

/*
 * Writes the merged rows of transient states over the search's arrays: a merged row is
 * never longer than what it was made of, so writing never overtakes reading.
 */
static int merge_rows(ph_search *search, const uint32_t *number, size_t n)
{
    row_buffer row = {0};
    size_t edges = 0, terms = 0, state = 0;
    int status = PH_OK;
    for (size_t v = 0; v < search->visited && status == PH_OK; v++) {
        if (number[v] == n) {
            continue;
        }
        status = load_row(search, v, number, &row);
        size_t begin = edges;
        for (size_t k = 0; status == PH_OK && k < row.length; k++) {
            const term *it = &row.item[k];
            if (edges == begin || search->target[edges - 1] != it->target) {
                search->target[edges] = it->target;
                search->edge_term[edges++] = terms;
            } else if (search->term_node[terms - 1] == it->node) {
                search->term_coefficient[terms - 1] += it->coefficient;
                continue;
            }
            search->term_node[terms] = it->node;
            search->term_coefficient[terms++] = it->coefficient;
        }
        memmove(search->keys + state * search->n_entries,
                search->keys + v * search->n_entries,
                search->n_entries * sizeof *search->keys);
        search->row[state++] = begin;
    }
    free(row.item);
    search->row[state] = edges;
    search->edge_term[edges] = terms;
    search->n_edges = edges;
    search->n_terms = terms;
    return status;
}

/* -------------------------------------------------------------- nodes in use */

static int set_used(ph_graph *graph, ph_search *search)
{
    size_t length = ph_pool_length(search->pool);
    uint32_t *place = ph_alloc(length, sizeof *place);
    if (!place) {
        return PH_E_MEMORY;
    }
    for (size_t t = 0; t < search->n_terms; t++) {
        place[search->term_node[t]] = 1;
    }
    for (size_t t = 0; t < search->n_start_terms; t++) {
        place[search->start_node[t]] = 1;
    }
    for (size_t k = 0; k < length; k++) {
        graph->n_used += place[k];
    }
    graph->used = ph_alloc(graph->n_used, sizeof *graph->used);
    if (!graph->used) {
        free(place);
        return PH_E_MEMORY;
    }
    for (uint32_t k = 0, next = 0; k < length; k++) {
        if (place[k]) {
            graph->used[next] = k;
            place[k] = next++;
        }
    }
    for (size_t t = 0; t < search->n_terms; t++) {
        search->term_node[t] = place[search->term_node[t]];
    }
    for (size_t t = 0; t < search->n_start_terms; t++) {
        search->start_node[t] = place[search->start_node[t]];
    }
    free(place);
    return PH_OK;
}

/* ------------------------------------------------------------------- start */

static int check_start(const ph_search *search, size_t transient,
                       const uint32_t *number)
{
    double total = 0;
    int constant = 1, at_once = 0;
    for (size_t s = 0; s < search->n_starts; s++) {
        at_once |= number[search->start[s]] == transient;
        for (size_t t = search->start_term[s]; t < search->start_term[s + 1]; t++) {
            constant &= search->start_node[t] == 0;
            total += search->start_coefficient[t];
        }
    }
    ph_error *error = search->error;
    ph_error_file(error, search->model->file);
    ph_error_place(error,
                   search->model->kind == PH_MODEL_RULES ? "/start" : "/initial");
    if (constant && total > 1 + ROUNDING) {
        return ph_error_set(error, PH_E_MODEL,
                            "the start probabilities sum to %.17g, not to 1", total);
    }
    if (constant && total < 1 - ROUNDING && !search->model->defect) {
        return ph_error_set(
            error, PH_E_MODEL,
            "the start probabilities sum to %.17g, not to 1; \"defect\": "
            "true would say that the rest is absorbed at once",
            total);
    }
    if (at_once && !search->model->defect) {
        return ph_error_set(
            error, PH_E_MODEL,
            "a start state is absorbing; \"defect\": true would say that "
            "immediate absorption is meant");
    }
    if (transient == 0) {
        return ph_error_set(error, PH_E_MODEL,
                            "all start states are absorbing: there is no process");
    }
    if (error) {
        error->file[0] = error->place[0] = '\0';
    }
    return PH_OK;
}

typedef struct start_item {
    uint32_t state;
    size_t begin, end;
} start_item;

static int compare_starts(const void *a, const void *b)
{
    const start_item *x = a, *y = b;
    if (x->state != y->state) {
        return x->state < y->state ? -1 : 1;
    }
    return (x->begin > y->begin) - (x->begin < y->begin);
}

/* The start law sorted by state; entries of one state are merged. */
static int sort_starts(ph_graph *graph, const ph_search *search, const uint32_t *number)
{
    start_item *item = ph_alloc(search->n_starts, sizeof *item);
    graph->start = ph_alloc(search->n_starts, sizeof *graph->start);
    graph->start_term = ph_alloc(search->n_starts + 1, sizeof *graph->start_term);
    graph->start_use = ph_alloc(search->n_start_terms, sizeof *graph->start_use);
    graph->start_coefficient =
        ph_alloc(search->n_start_terms, sizeof *graph->start_coefficient);
    if (!item || !graph->start || !graph->start_term || !graph->start_use ||
        !graph->start_coefficient) {
        free(item);
        return PH_E_MEMORY;
    }
    for (size_t s = 0; s < search->n_starts; s++) {
        item[s] = (start_item){number[search->start[s]], search->start_term[s],
                               search->start_term[s + 1]};
    }
    qsort(item, search->n_starts, sizeof *item, compare_starts);
    size_t terms = 0;
    for (size_t s = 0; s < search->n_starts; s++) {
        if (s == 0 || item[s].state != item[s - 1].state) {
            graph->start[graph->n_starts++] = item[s].state;
        }
        for (size_t t = item[s].begin; t < item[s].end; t++) {
            graph->start_use[terms] = search->start_node[t];
            graph->start_coefficient[terms++] = search->start_coefficient[t];
        }
        graph->start_term[graph->n_starts] = terms;
    }
    free(item);
    return PH_OK;
}

/* ------------------------------------------------------------- reachability */

/* Sources of every vertex's edges, bucketed: begin[n + 2], source[n_edges]. */
static int transpose(const ph_graph *graph, size_t **begin, uint32_t **source)
{
    size_t *first = ph_alloc(graph->n + 3, sizeof *first);
    uint32_t *from = ph_alloc(graph->n_edges, sizeof *from);
    if (!first || !from) {
        free(first);
        free(from);
        return PH_E_MEMORY;
    }
    for (size_t e = 0; e < graph->n_edges; e++) {
        first[graph->target[e] + 2]++;
    }
    for (size_t v = 0; v <= graph->n; v++) {
        first[v + 2] += first[v + 1];
    }
    for (uint32_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            from[first[graph->target[e] + 1]++] = i;
        }
    }
    *begin = first;
    *source = from;
    return PH_OK;
}

/* Jumps from every state to absorption, UINT32_MAX where there is no way. */
static int distances(const ph_graph *graph, uint32_t *distance)
{
    size_t *begin = NULL, head = 0, tail = 0;
    uint32_t *source = NULL, *queue = ph_alloc(graph->n + 1, sizeof *queue);
    int status = queue ? transpose(graph, &begin, &source) : PH_E_MEMORY;
    if (status == PH_OK) {
        memset(distance, 0xFF, graph->n * sizeof *distance);
        distance[graph->n] = 0;
        queue[tail++] = (uint32_t)graph->n;
        while (head < tail) {
            uint32_t v = queue[head++];
            for (size_t k = begin[v]; k < begin[v + 1]; k++) {
                if (distance[source[k]] == UINT32_MAX) {
                    distance[source[k]] = distance[v] + 1;
                    queue[tail++] = source[k];
                }
            }
        }
    }
    free(begin);
    free(source);
    free(queue);
    return status;
}

static int check_absorption(ph_graph *graph, const ph_model *model, ph_error *error)
{
    uint32_t *distance = ph_alloc(graph->n + 1, sizeof *distance);
    int status = distance ? distances(graph, distance) : PH_E_MEMORY;
    size_t lost = 0, first = 0;
    for (size_t i = graph->n; status == PH_OK && i-- > 0;) {
        if (distance[i] == UINT32_MAX) {
            lost++;
            first = i;
        }
    }
    if (lost > 0) {
        char text[256];
        ph_error_file(error, model->file);
        status =
            ph_error_set(error, PH_E_MODEL,
                         "absorption cannot be reached from state %s (nor from %zu "
                         "other%s): the time "
                         "until absorption would be infinite",
                         ph_graph_state_text(graph, model, first, text, sizeof text),
                         lost - 1, lost == 2 ? "" : "s");
    }
    graph->distance = SIZE_MAX;
    for (size_t s = 0; status == PH_OK && s < graph->n_starts; s++) {
        uint32_t i = graph->start[s];
        if (i < graph->n && distance[i] < graph->distance) {
            graph->distance = distance[i];
        }
    }
    free(distance);
    return status == PH_E_MEMORY ? ph_error_set(error, status, "out of memory")
                                 : status;
}

/* ------------------------------------------------------------- construction */

/* Gives back the slack of a grown array; a failure to shrink leaves it as it is. */
static void *shrink(void *block, size_t n, size_t size)
{
    void *smaller = ph_realloc(block, n, size);
    return smaller ? smaller : block;
}

/* Moves the search's arrays into the graph. */
static void take_arrays(ph_graph *graph, ph_search *search)
{
    graph->discrete = search->model->discrete;
    graph->pool = search->pool;
    graph->n_entries = search->n_entries;
    graph->n_edges = search->n_edges;
    graph->keys =
        shrink(search->keys, graph->n * graph->n_entries, sizeof *graph->keys);
    graph->row = shrink(search->row, graph->n + 1, sizeof *graph->row);
    graph->target = shrink(search->target, graph->n_edges, sizeof *graph->target);
    graph->edge_term =
        shrink(search->edge_term, graph->n_edges + 1, sizeof *graph->edge_term);
    graph->term_use =
        shrink(search->term_node, search->n_terms, sizeof *graph->term_use);
    graph->term_coefficient =
        shrink(search->term_coefficient, search->n_terms, sizeof(double));
    graph->bytes =
        sizeof *graph + ph_pool_bytes(graph->pool) +
        graph->n * (graph->n_entries * sizeof *graph->keys + sizeof *graph->row) +
        graph->n_edges * (sizeof *graph->target + sizeof *graph->edge_term) +
        search->n_terms * (sizeof *graph->term_use + sizeof(double));
    graph->epochs = search->epochs;
    search->pool = NULL;
    search->epochs = NULL;
    search->keys = NULL;
    search->row = search->edge_term = NULL;
    search->target = search->term_node = NULL;
    search->term_coefficient = NULL;
}

static int finish(ph_graph *graph, ph_search *search)
{
    search->visited = search->count;
    free(search->table);
    search->table = NULL;
    uint32_t *number = renumber(search, &graph->n, &graph->n_absorbing);
    int status = number ? check_start(search, graph->n, number) : PH_E_MEMORY;
    if (status == PH_OK) {
        status = merge_rows(search, number, graph->n);
    }
    if (status == PH_OK) {
        status = set_used(graph, search);
    }
    if (status == PH_OK) {
        status = sort_starts(graph, search, number);
    }
    free(number);
    if (status == PH_OK) {
        take_arrays(graph, search);
    }
    return status;
}

int ph_graph_build(ph_graph **self, const ph_model *model, size_t max_states,
                   const ph_log *log, ph_error *error)
{
    ph_error own = {0};
    ph_search search = {.model = model, .log = log, .max_states = max_states};
    search.error = error ? error : &own;
    ph_graph *graph = ph_alloc(1, sizeof *graph);
    int status = graph ? ph_search_run(&search) : PH_E_MEMORY;
    if (status == PH_OK) {
        status = finish(graph, &search);
    }
    ph_search_free(&search);
    if (status == PH_OK) {
        status = check_absorption(graph, model, error);
    }
    if (status != PH_OK) {
        ph_graph_free(graph);
        return ph_error_set(error, status, "out of memory");
    }
    *self = graph;
    return PH_OK;
}

void ph_graph_free(ph_graph *self)
{
    if (self) {
        ph_pool_free(self->pool);
        ph_epochs_free(self->epochs);
        free(self->used);
        free(self->row);
        free(self->target);
        free(self->edge_term);
        free(self->term_use);
        free(self->term_coefficient);
        free(self->start);
        free(self->start_term);
        free(self->start_use);
        free(self->start_coefficient);
        free(self->keys);
        free(self);
    }
}

/* ------------------------------------------------------------------ queries */

int ph_graph_reward(const ph_graph *self, const ph_model *model, long reward,
                    double *amount, ph_error *error)
{
    const ph_reward *it = reward >= 0 ? &model->rewards[reward] : NULL;
    for (size_t i = 0; i < self->n; i++) {
        const int32_t *key = self->keys + i * self->n_entries;
        const ph_env env = {key, NULL};
        int status = PH_OK;
        amount[i] = it && it->list ? it->list[*key] : 1;
        if (it && it->amount) {
            status = ph_expr_value(it->amount, &env, &amount[i], error);
        }
        if (status == PH_OK && !(amount[i] >= 0)) {
            char text[256];
            status = ph_error_set(
                error, PH_E_MODEL, "reward '%s' is negative (%.17g) in state %s",
                it->name, amount[i],
                ph_graph_state_text(self, model, i, text, sizeof text));
        }
        if (status != PH_OK) {
            ph_error_file(error, model->file);
            ph_error_place(error, "/rewards/%s", it->name);
            return status;
        }
    }
    return PH_OK;
}

char *ph_graph_state_text(const ph_graph *self, const ph_model *model, size_t state,
                          char *buffer, size_t size)
{
    return ph_key_text(model, self->keys + state * self->n_entries, buffer, size);
}

size_t ph_graph_edge(const ph_graph *self, uint32_t from, uint32_t to)
{
    size_t low = self->row[from], high = self->row[from + 1];
    while (low < high) { /* targets of a row ascend */
        size_t middle = low + (high - low) / 2;
        if (self->target[middle] < to) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    int found = low < self->row[from + 1] && self->target[low] == to;
    return found ? low : self->n_edges;
}
