/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recording the reduction. Silent states are eliminated in Markowitz order: always one
 * with the smallest product of the numbers of entries in and out (Markowitz 1957), ties
 * by state number, from a binary heap whose outdated entries are discarded when they
 * surface. The start law is one more row (number n) that leads to silent states like
 * any other, and absorption one more column, so neither is a special case; nor are exit
 * masses, and nothing is ever subtracted.
 *
 * Entries between earning states are not loaded: a slot gathers what elimination adds
 * to them, beside the terms that the graph has.
 */
#include <stdlib.h>

#include "phasic/base/memory.h"
#include "reward_private.h"

typedef struct candidate {
    uint64_t cost;
    uint32_t state;
} candidate;

typedef struct recorder {
    ph_reduction *reduction;
    const ph_graph *graph;
    const double *amount;
    ph_reduced_row *row;    /* [n + 1] entries to vertices still present */
    ph_reduced_row *column; /* [n] of silent states: rows that lead there */
    uint32_t *mark;         /* [n + 1] slot + 1 of the row at hand, 0: none */
    unsigned char *gone;    /* [n] */
    candidate *heap;
    size_t heap_length, heap_capacity;
    size_t n_loads, capacity[6]; /* of the reduction's arrays */
} recorder;

enum { BEGIN, NODE, COEFFICIENT, IN, OUT, PAIR };

static int is_silent(const recorder *self, size_t vertex)
{
    return vertex < self->graph->n && self->amount[vertex] == 0;
}

/* --------------------------------------------------------------------- heap */

static uint64_t cost_of(const recorder *self, uint32_t state)
{
    return (uint64_t)self->column[state].length * self->row[state].length;
}

static int before(const candidate *a, const candidate *b)
{
    return a->cost < b->cost || (a->cost == b->cost && a->state < b->state);
}

static int push(recorder *self, uint32_t state)
{
    if (ph_grow(&self->heap, &self->heap_capacity, self->heap_length + 1,
                sizeof *self->heap) != 0) {
        return PH_E_MEMORY;
    }
    candidate it = {cost_of(self, state), state};
    size_t at = self->heap_length++;
    for (; at > 0 && before(&it, &self->heap[(at - 1) / 2]); at = (at - 1) / 2) {
        self->heap[at] = self->heap[(at - 1) / 2];
    }
    self->heap[at] = it;
    return PH_OK;
}

static candidate pop(recorder *self)
{
    candidate *heap = self->heap, top = heap[0], last = heap[--self->heap_length];
    size_t at = 0, child = 1;
    while (child < self->heap_length) {
        child +=
            child + 1 < self->heap_length && before(&heap[child + 1], &heap[child]);
        if (!before(&heap[child], &last)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
        child = 2 * at + 1;
    }
    if (self->heap_length > 0) {
        heap[at] = last;
    }
    return top;
}

static uint32_t next_state(recorder *self)
{
    for (;;) {
        candidate best = pop(self);
        if (!self->gone[best.state] && best.cost == cost_of(self, best.state)) {
            return best.state;
        }
    }
}

/* ------------------------------------------------------------------- entries */

static int append(ph_reduced_row *row, uint32_t vertex, uint32_t slot)
{
    if (ph_grow(&row->item, &row->capacity, row->length + 1, sizeof *row->item) != 0) {
        return PH_E_MEMORY;
    }
    row->item[row->length++] = (ph_reduced_entry){vertex, slot};
    return PH_OK;
}

static void drop(ph_reduced_row *row, uint32_t vertex)
{
    for (size_t e = 0; e < row->length; e++) {
        if (row->item[e].vertex == vertex) {
            row->item[e] = row->item[--row->length];
            return;
        }
    }
}

/* A slot for the entry from row i to vertex j. */
static int add_entry(recorder *self, uint32_t i, uint32_t j, uint32_t *slot)
{
    ph_reduction *reduction = self->reduction;
    if (reduction->n_slots >= PH_NO_SLOT - reduction->base) {
        return PH_E_MEMORY;
    }
    *slot = (uint32_t)reduction->n_slots++;
    int status = append(&self->row[i], j, *slot);
    return status == PH_OK && is_silent(self, j) ? append(&self->column[j], i, *slot)
                                                 : status;
}

/* A slot for an entry of the graph, loaded from `terms` terms. */
static int load_entry(recorder *self, uint32_t i, uint32_t j, const uint32_t *use,
                      const double *coefficient, size_t terms)
{
    ph_reduction *reduction = self->reduction;
    size_t n = reduction->n_loaded++, *capacity = self->capacity;
    uint32_t slot;
    if (ph_grow(&reduction->load_begin, &capacity[BEGIN], n + 2,
                sizeof *reduction->load_begin) != 0 ||
        ph_grow(&reduction->load_node, &capacity[NODE], self->n_loads + terms,
                sizeof *reduction->load_node) != 0 ||
        ph_grow(&reduction->load_coefficient, &capacity[COEFFICIENT],
                self->n_loads + terms, sizeof *reduction->load_coefficient) != 0) {
        return PH_E_MEMORY;
    }
    for (size_t t = 0; t < terms; t++) {
        reduction->load_node[self->n_loads] = self->graph->used[use[t]];
        reduction->load_coefficient[self->n_loads++] = coefficient[t];
    }
    reduction->load_begin[n] = self->n_loads - terms;
    reduction->load_begin[n + 1] = self->n_loads;
    return add_entry(self, i, j, &slot);
}

/* The entries of state i that elimination touches. */
static int load_row(recorder *self, uint32_t i)
{
    const ph_graph *graph = self->graph;
    int status = PH_OK, all = is_silent(self, i);
    for (size_t e = graph->row[i]; e < graph->row[i + 1] && status == PH_OK; e++) {
        size_t begin = graph->edge_term[e];
        if (all || is_silent(self, graph->target[e])) {
            status = load_entry(self, i, graph->target[e], graph->term_use + begin,
                                graph->term_coefficient + begin,
                                graph->edge_term[e + 1] - begin);
        }
    }
    return status;
}

static int load_start(recorder *self)
{
    const ph_graph *graph = self->graph;
    int status = PH_OK;
    for (size_t s = 0; s < graph->n_starts && status == PH_OK; s++) {
        size_t begin = graph->start_term[s];
        if (is_silent(self, graph->start[s])) {
            status = load_entry(
                self, (uint32_t)graph->n, graph->start[s], graph->start_use + begin,
                graph->start_coefficient + begin, graph->start_term[s + 1] - begin);
        }
    }
    return status;
}

/* Silent rows first, so that their slots lie together. */
static int load(recorder *self)
{
    ph_reduction *reduction = self->reduction;
    int status = PH_OK;
    size_t silent = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < self->graph->n && status == PH_OK; i++) {
            if (is_silent(self, i) == (pass == 0)) {
                status = load_row(self, i);
                if (pass == 0) {
                    reduction->row_slot[++silent] = reduction->n_loaded;
                }
            }
        }
    }
    if (status == PH_OK) {
        status = load_start(self);
    }
    for (uint32_t i = 0; i < self->graph->n && status == PH_OK; i++) {
        status = is_silent(self, i) ? push(self, i) : PH_OK;
    }
    return status;
}

/* ----------------------------------------------------------------- recording */

static int copy_slots(const ph_reduced_row *from, size_t *begin, uint32_t **slot,
                      size_t *capacity)
{
    if (ph_grow(slot, capacity, begin[0] + from->length, sizeof **slot) != 0) {
        return PH_E_MEMORY;
    }
    for (size_t e = 0; e < from->length; e++) {
        (*slot)[begin[0] + e] = from->item[e].slot;
    }
    begin[1] = begin[0] + from->length;
    return PH_OK;
}

/* Pairs of row i with all of row k; makes the entries that are missing. */
static int record_pairs(recorder *self, uint32_t i, uint32_t k)
{
    ph_reduction *reduction = self->reduction;
    const ph_reduced_row *out = &self->row[k], *row = &self->row[i];
    int loop = self->graph->discrete && i < self->graph->n && self->amount[i] > 1;
    if (ph_grow(&reduction->pair, &self->capacity[PAIR],
                reduction->n_pairs + out->length, sizeof *reduction->pair) != 0) {
        return PH_E_MEMORY;
    }
    for (size_t e = 0; e < row->length; e++) {
        self->mark[row->item[e].vertex] = row->item[e].slot + 1;
    }
    int status = PH_OK;
    for (size_t e = 0; e < out->length && status == PH_OK; e++) {
        uint32_t j = out->item[e].vertex, slot = PH_NO_SLOT;
        if (self->mark[j] != 0) {
            slot = self->mark[j] - 1;
        } else if (j != i || loop || j == self->graph->n) {
            status = add_entry(self, i, j, &slot);
        }
        reduction->pair[reduction->n_pairs++] = slot;
    }
    for (size_t e = 0; e < row->length; e++) {
        self->mark[row->item[e].vertex] = 0;
    }
    return status;
}

static int eliminate(recorder *self, size_t step, uint32_t k)
{
    ph_reduction *reduction = self->reduction;
    ph_reduced_row *in = &self->column[k], *out = &self->row[k];
    int status = copy_slots(in, reduction->in_begin + step, &reduction->in_slot,
                            &self->capacity[IN]);
    if (status == PH_OK) {
        status = copy_slots(out, reduction->out_begin + step, &reduction->out_slot,
                            &self->capacity[OUT]);
    }
    self->gone[k] = 1;
    for (size_t e = 0; e < in->length; e++) {
        drop(&self->row[in->item[e].vertex], k);
    }
    for (size_t e = 0; e < out->length; e++) {
        if (is_silent(self, out->item[e].vertex)) {
            drop(&self->column[out->item[e].vertex], k);
        }
    }
    for (size_t e = 0; e < in->length && status == PH_OK; e++) {
        status = record_pairs(self, in->item[e].vertex, k);
    }
    for (size_t e = 0; e < in->length && status == PH_OK; e++) {
        uint32_t i = in->item[e].vertex;
        status = is_silent(self, i) ? push(self, i) : PH_OK;
    }
    for (size_t e = 0; e < out->length && status == PH_OK; e++) {
        uint32_t j = out->item[e].vertex;
        status = is_silent(self, j) ? push(self, j) : PH_OK;
    }
    free(in->item);
    free(out->item);
    *in = *out = (ph_reduced_row){0};
    return status;
}

static int record(recorder *self)
{
    ph_reduction *it = self->reduction;
    int status = load(self);
    for (size_t step = 0; step < it->n_steps && status == PH_OK; step++) {
        status = eliminate(self, step, next_state(self));
    }
    it->bytes = sizeof *it + 8 * (it->n_loaded + 1) + 12 * self->n_loads +
                24 * (it->n_steps + 1) + 4 * it->n_pairs +
                4 * (it->in_begin[it->n_steps] + it->out_begin[it->n_steps]);
    return status;
}

int ph_reduction_record(ph_reduction **self, const ph_graph *graph,
                        const double *amount, ph_reduced_row *row)
{
    recorder work = {.graph = graph, .amount = amount, .row = row};
    size_t n = graph->n, steps = 0;
    int status = PH_E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        steps += amount[i] == 0;
    }
    ph_reduction *reduction = work.reduction = ph_alloc(1, sizeof *reduction);
    work.column = ph_alloc(n, sizeof *work.column);
    work.mark = ph_alloc(n + 1, sizeof *work.mark);
    work.gone = ph_alloc(n, 1);
    if (!reduction || !work.column || !work.mark || !work.gone) {
        goto out;
    }
    reduction->base = ph_pool_length(graph->pool);
    reduction->n_steps = steps;
    reduction->has_guard = graph->discrete && steps > 0;
    reduction->row_slot = ph_alloc(steps + 1, sizeof *reduction->row_slot);
    reduction->in_begin = ph_alloc(steps + 1, sizeof *reduction->in_begin);
    reduction->out_begin = ph_alloc(steps + 1, sizeof *reduction->out_begin);
    if (reduction->row_slot && reduction->in_begin && reduction->out_begin) {
        status = record(&work);
    }
out:
    for (size_t i = 0; work.column && i < n; i++) {
        free(work.column[i].item);
    }
    free(work.column);
    free(work.mark);
    free(work.gone);
    free(work.heap);
    if (status != PH_OK) {
        ph_reduction_free(reduction);
        return status;
    }
    *self = reduction;
    return PH_OK;
}
