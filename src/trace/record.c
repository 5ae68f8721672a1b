/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recording: strongly connected components in the order of the edges between them; a
 * component of one state costs nothing. Within a component the order is
 *   Markowitz's, on the directed pattern, up to SMALL states;
 *   AMD's beyond, where nearly all edges have a reverse: Markowitz brings little there
 *   and takes as long again to find;
 *   the cheaper of both elsewhere, because each may win by far.
 * Multiply-adds of a replay, Markowitz / AMD:
 *   random walks on a grid with 200^2, 300^2, 20^3 states   1.2, 1.4, 0.9
 *   growth of two populations by one, and floods, 200^2          0.25
 *   growth on a 200^2 grid with resets to the start              0.03
 *   an epidemic with loss of immunity, 200 individuals            3.1
 * The elimination of the pattern takes about 5 ns a multiply-add for either.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"
#include "phasic/base/memory.h"
#include "trace_private.h"

#define SMALL     256 /* states of a component for which orders are not compared */
#define BOTH_WAYS 0.9 /* share of edges with a reverse: AMD alone */
#define SYMMETRIC 0.5 /* share of edges with a reverse: the bound is an estimate */
/* Bytes for each entry: 16 for lists with room to grow, 8 for a replay. */
#define BYTES_AN_ENTRY       24.0
#define SECONDS_AN_OPERATION 5e-9

typedef struct recorder {
    ph_trace *trace;
    ph_trace_order order;
    const ph_log *log;
    ph_error *error;
    ph_components components;
    size_t *first;   /* [components + 1] first step of each */
    uint32_t *local; /* [n] number of a state within its component */
    size_t left_capacity, right_capacity;
} recorder;

/* ------------------------------------------------------------------- memory */

static int too_large(const recorder *self, uint32_t states, double bytes,
                     size_t available)
{
    const double gib = 1024.0 * 1024 * 1024;
    return ph_error_set(
        self->error, PH_E_MEMORY,
        "eliminating a set of %u states that lead to each other takes about %.3g GiB "
        "or "
        "more, and %.3g GiB of memory are free: make the model smaller, or use a "
        "machine with more memory",
        states, bytes / gib, (double)available / gib);
}

/*
 * Refuses a component whose factors cannot fit. The bound of the symmetrized pattern is
 * an estimate where most edges have a reverse; else the recording itself finds out.
 */
static int check_size(const recorder *self, const ph_pattern *pattern,
                      const ph_amd_bound *bound, size_t available)
{
    double bytes = BYTES_AN_ENTRY * bound->entries;
    ph_log_write(
        self->log, PH_LOG_DETAIL,
        "elimination of a component of %u states: at most %.3g multiplications "
        "and %.3g MiB, about %.2g s",
        pattern->n, bound->operations, bytes / (1024.0 * 1024),
        SECONDS_AN_OPERATION * bound->operations);
    return bytes > (double)available && bound->symmetry >= SYMMETRIC
               ? too_large(self, pattern->n, bytes, available)
               : PH_OK;
}

/* -------------------------------------------------------------- one component */

static int find_pattern(const recorder *self, uint32_t component, ph_pattern *pattern)
{
    const ph_graph *graph = self->trace->graph;
    const uint32_t *state = self->trace->order + self->first[component];
    const uint32_t *of = self->components.of;
    uint32_t n = (uint32_t)(self->first[component + 1] - self->first[component]);
    size_t edges = 0;
    for (uint32_t i = 0; i < n; i++) {
        edges += graph->row[state[i] + 1] - graph->row[state[i]];
    }
    pattern->n = n;
    pattern->begin = ph_alloc((size_t)n + 1, sizeof *pattern->begin);
    pattern->to = ph_alloc(edges, sizeof *pattern->to);
    if (!pattern->begin || !pattern->to) {
        return PH_E_MEMORY;
    }
    edges = 0;
    for (uint32_t i = 0; i < n; i++) {
        for (size_t e = graph->row[state[i]]; e < graph->row[state[i] + 1]; e++) {
            uint32_t j = graph->target[e];
            if (j < graph->n && of[j] == component && j != state[i]) {
                pattern->to[edges++] = self->local[j];
            }
        }
        pattern->begin[i + 1] = edges;
    }
    return PH_OK;
}

static void free_pattern(ph_pattern *pattern)
{
    free(pattern->begin);
    free(pattern->to);
}

static int add_cross(recorder *self, uint32_t i)
{
    ph_trace *trace = self->trace;
    const ph_graph *graph = trace->graph;
    ph_trace_row *row = &trace->row[i];
    size_t edges = graph->row[i + 1] - graph->row[i];
    if (ph_grow(&trace->left_state, &self->left_capacity, trace->n_left + edges,
                sizeof *trace->left_state) != 0) {
        return PH_E_MEMORY;
    }
    row->component = self->components.of[i];
    row->left = trace->n_left;
    row->right = trace->n_right;
    for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
        uint32_t j = graph->target[e];
        if (j < graph->n && self->components.of[j] != row->component) {
            trace->left_state[trace->n_left++] = j;
        }
    }
    row->n_cross = (uint32_t)(trace->n_left - row->left);
    return PH_OK;
}

/* Appends a row's states within its component, given by their numbers in it. */
static int add_inner(recorder *self, uint32_t i, const ph_factor_row *from,
                     const uint32_t *state)
{
    ph_trace *trace = self->trace;
    ph_trace_row *row = &trace->row[i];
    if (ph_grow(&trace->left_state, &self->left_capacity, trace->n_left + from->n_lower,
                sizeof *trace->left_state) != 0 ||
        ph_grow(&trace->right_state, &self->right_capacity,
                trace->n_right + from->n_upper, sizeof *trace->right_state) != 0) {
        return PH_E_MEMORY;
    }
    for (uint32_t e = 0; e < from->n_lower; e++) {
        trace->left_state[trace->n_left++] = state[from->lower[e]];
    }
    for (uint32_t e = 0; e < from->n_upper; e++) {
        trace->right_state[trace->n_right++] = state[from->upper[e]];
    }
    row->n_lower = from->n_lower;
    row->n_upper = from->n_upper;
    return PH_OK;
}

/* The factors of a component into the trace; `state` are its states by number. */
static int add_factors(recorder *self, size_t first, ph_factors *factors,
                       const uint32_t *state)
{
    int status = PH_OK;
    for (uint32_t s = 0; s < factors->n && status == PH_OK; s++) {
        uint32_t local = factors->order[s], i = state[local];
        ph_factor_row *row = &factors->row[local];
        self->trace->order[first + s] = i;
        status = add_cross(self, i);
        if (status == PH_OK) {
            status = add_inner(self, i, row, state);
        }
        free(row->lower);
        free(row->upper);
        row->lower = row->upper = NULL;
    }
    return status;
}

/*
 * Markowitz and AMD, the cheaper. Each runs only as far as it can still win: Markowitz
 * to AMD's bound, AMD to what Markowitz took.
 */
static int compare(const ph_pattern *pattern, const uint32_t *amd,
                   const ph_amd_bound *bound, ph_elimination_limits *limits,
                   ph_factors *factors, ph_trace_order *rule)
{
    ph_factors other = {0};
    limits->operations = bound->operations;
    int status = ph_factors_find(factors, pattern, NULL, limits);
    if (status < 0) {
        return status;
    }
    int dear = status == PH_FACTORS_DEAR;
    limits->operations = dear ? INFINITY : (double)factors->operations - 1;
    int second = ph_factors_find(&other, pattern, amd, limits);
    *rule = second == PH_OK ? PH_TRACE_AMD : PH_TRACE_MARKOWITZ;
    if (second == PH_OK) {
        ph_factors_free(factors);
        *factors = other;
    }
    /* with a first result in hand, running out of memory for a second is no loss */
    return dear || second == PH_E_INTERRUPTED ? second : PH_OK;
}

static int find_best(const recorder *self, const ph_pattern *pattern,
                     ph_elimination_limits *limits, ph_factors *factors,
                     ph_trace_order *rule)
{
    ph_amd_bound bound = {0};
    *rule = PH_TRACE_MARKOWITZ;
    if (pattern->n <= SMALL) {
        return ph_factors_find(factors, pattern, NULL, limits);
    }
    uint32_t *amd = ph_alloc(pattern->n, sizeof *amd);
    int status = amd ? ph_amd_order(pattern, amd, &bound) : PH_E_MEMORY;
    if (status == PH_OK) {
        status = check_size(self, pattern, &bound, limits->bytes);
    }
    if (status == PH_OK && bound.symmetry >= BOTH_WAYS) {
        *rule = PH_TRACE_AMD;
        status = ph_factors_find(factors, pattern, amd, limits);
    } else if (status == PH_OK) {
        status = compare(pattern, amd, &bound, limits, factors, rule);
    }
    free(amd);
    return status;
}

static int find_given(const recorder *self, const ph_pattern *pattern,
                      const ph_elimination_limits *limits, ph_factors *factors)
{
    ph_amd_bound bound = {0};
    uint32_t *order = ph_alloc(pattern->n, sizeof *order);
    int status = order ? PH_OK : PH_E_MEMORY;
    for (uint32_t i = 0; status == PH_OK && i < pattern->n; i++) {
        order[i] = i;
    }
    if (status == PH_OK && self->order == PH_TRACE_AMD) {
        status = ph_amd_order(pattern, order, &bound);
        status =
            status == PH_OK ? check_size(self, pattern, &bound, limits->bytes) : status;
    }
    if (status == PH_OK) {
        status = ph_factors_find(
            factors, pattern, self->order == PH_TRACE_MARKOWITZ ? NULL : order, limits);
    }
    free(order);
    return status;
}

static int record_component(recorder *self, uint32_t component)
{
    size_t first = self->first[component], n = self->first[component + 1] - first;
    ph_pattern pattern = {0};
    ph_factors factors = {0};
    ph_trace_order rule = self->order;
    ph_elimination_limits limits = {n > SMALL ? ph_memory_available() : SIZE_MAX,
                                    INFINITY, first, self->trace->n, self->log};
    uint32_t *state = ph_alloc(n, sizeof *state);
    int status = state ? find_pattern(self, component, &pattern) : PH_E_MEMORY;
    if (status == PH_OK) {
        memcpy(state, self->trace->order + first, n * sizeof *state);
        status = self->order == PH_TRACE_CHOOSE
                     ? find_best(self, &pattern, &limits, &factors, &rule)
                     : find_given(self, &pattern, &limits, &factors);
    }
    if (status == PH_E_MEMORY && n > SMALL) {
        (void)too_large(self, (uint32_t)n, (double)limits.bytes, limits.bytes);
    }
    if (status == PH_OK) {
        status = add_factors(self, first, &factors, state);
        if (n == self->components.largest) {
            self->trace->summary.order = rule;
        }
    }
    ph_factors_free(&factors);
    free_pattern(&pattern);
    free(state);
    return status;
}

/* ------------------------------------------------------------------- all of it */

/* States by component, then number, into the order; numbers within components. */
static int sort_states(recorder *self)
{
    size_t n = self->trace->n, count = self->components.count;
    const uint32_t *of = self->components.of;
    size_t *next = ph_alloc(count, sizeof *next);
    if (!next) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        self->first[of[i] + 1]++;
    }
    for (size_t c = 0; c < count; c++) {
        self->first[c + 1] += self->first[c];
        next[c] = self->first[c];
    }
    for (size_t i = 0; i < n; i++) {
        self->local[i] = (uint32_t)(next[of[i]] - self->first[of[i]]);
        self->trace->order[next[of[i]]++] = (uint32_t)i;
    }
    free(next);
    return PH_OK;
}

static int record(recorder *self)
{
    int status = PH_OK;
    for (uint32_t c = 0; c < self->components.count && status == PH_OK; c++) {
        size_t first = self->first[c], end = self->first[c + 1];
        status = end - first == 1 ? add_cross(self, self->trace->order[first])
                                  : record_component(self, c);
        if (status == PH_OK && (c & 0xFFF) == 0xFFF &&
            ph_log_progress(self->log, "elimination",
                            (double)end / (double)self->trace->n, "%zu of %zu states",
                            end, self->trace->n) != 0) {
            status = PH_E_INTERRUPTED;
        }
    }
    return status;
}

/* Gives back what growing took too much. */
static void shrink(uint32_t **states, size_t n)
{
    uint32_t *less = ph_realloc(*states, n ? n : 1, sizeof **states);
    *states = less ? less : *states;
}

int ph_trace_record_ordered(ph_trace **self, const ph_graph *graph,
                            ph_trace_order order, const ph_log *log, ph_error *error)
{
    recorder it = {.order = order, .log = log, .error = error};
    int status = ph_components_find(&it.components, graph);
    size_t count = it.components.count;
    if (status == PH_OK) {
        it.trace = ph_trace_empty(graph, 0, 0);
        it.first = ph_alloc(count + 1, sizeof *it.first);
        it.local = ph_alloc(graph->n, sizeof *it.local);
        status = it.trace && it.first && it.local ? sort_states(&it) : PH_E_MEMORY;
    }
    if (status == PH_OK) {
        it.trace->summary.order = PH_TRACE_NATURAL;
        status = record(&it);
    }
    if (status == PH_OK) {
        shrink(&it.trace->left_state, it.trace->n_left);
        shrink(&it.trace->right_state, it.trace->n_right);
        ph_trace_count(it.trace);
    }
    free(it.first);
    free(it.local);
    ph_components_free(&it.components);
    if (status != PH_OK) {
        ph_trace_free(it.trace);
        return ph_error_set(error, status, "%s",
                            status == PH_E_INTERRUPTED ? "stopped during elimination"
                                                       : "out of memory");
    }
    *self = it.trace;
    return PH_OK;
}

int ph_trace_record(ph_trace **self, const ph_graph *graph, const ph_log *log,
                    ph_error *error)
{
    return ph_trace_record_ordered(self, graph, PH_TRACE_CHOOSE, log, error);
}
