/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recording. States are eliminated in Markowitz order on the directed graph: always one
 * with the smallest product of the numbers of entries in and out (Markowitz 1957), ties
 * by state number. A state that nothing present leads to costs nothing, so an acyclic
 * graph is eliminated without fill. The candidates sit in a binary heap; an entry whose
 * cost is out of date is discarded when it surfaces.
 */
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "trace_private.h"

typedef struct entry {
    uint32_t state, slot;
} entry;

typedef struct list {
    entry *item;
    size_t length, capacity;
} list;

typedef struct candidate {
    uint64_t cost;
    uint32_t state;
} candidate;

typedef struct recorder {
    ph_trace *trace;
    list *in, *out; /* [n] entries among states still present */
    uint32_t *mark; /* [n] slot + 1 of the row at hand, 0: none */
    unsigned char *gone;
    candidate *heap;
    size_t heap_length, heap_capacity;
    size_t in_capacity[2], out_capacity[2], pair_capacity; /* of the trace's arrays */
} recorder;

/* --------------------------------------------------------------------- heap */

static int before(const candidate *a, const candidate *b)
{
    return a->cost < b->cost || (a->cost == b->cost && a->state < b->state);
}

static uint64_t cost_of(const recorder *self, uint32_t state)
{
    return (uint64_t)self->in[state].length * self->out[state].length;
}

static int push(recorder *self, uint32_t state)
{
    if (ph_grow(&self->heap, &self->heap_capacity, self->heap_length + 1,
                sizeof *self->heap) != 0) {
        return PH_E_MEMORY;
    }
    candidate it = {cost_of(self, state), state};
    size_t at = self->heap_length++;
    while (at > 0 && before(&it, &self->heap[(at - 1) / 2])) {
        self->heap[at] = self->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    self->heap[at] = it;
    return PH_OK;
}

static candidate pop(recorder *self)
{
    candidate top = self->heap[0], last = self->heap[--self->heap_length];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= self->heap_length) {
            break;
        }
        if (child + 1 < self->heap_length &&
            before(&self->heap[child + 1], &self->heap[child])) {
            child++;
        }
        if (!before(&self->heap[child], &last)) {
            break;
        }
        self->heap[at] = self->heap[child];
        at = child;
    }
    if (self->heap_length > 0) {
        self->heap[at] = last;
    }
    return top;
}

/* The cheapest state still present. */
static uint32_t next_state(recorder *self)
{
    for (;;) {
        candidate best = pop(self);
        if (!self->gone[best.state] && best.cost == cost_of(self, best.state)) {
            return best.state;
        }
    }
}

/* -------------------------------------------------------------------- lists */

static int append(list *self, uint32_t state, uint32_t slot)
{
    if (ph_grow(&self->item, &self->capacity, self->length + 1, sizeof *self->item)) {
        return PH_E_MEMORY;
    }
    self->item[self->length++] = (entry){state, slot};
    return PH_OK;
}

static void drop(list *self, uint32_t state)
{
    for (size_t i = 0; i < self->length; i++) {
        if (self->item[i].state == state) {
            memmove(self->item + i, self->item + i + 1,
                    (self->length - i - 1) * sizeof *self->item);
            self->length--;
            return;
        }
    }
}

static int load_graph(recorder *self)
{
    const ph_graph *graph = self->trace->graph;
    for (uint32_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            uint32_t j = graph->target[e];
            if (j < graph->n && (append(&self->out[i], j, (uint32_t)e) != 0 ||
                                 append(&self->in[j], i, (uint32_t)e) != 0)) {
                return PH_E_MEMORY;
            }
        }
    }
    for (uint32_t i = 0; i < graph->n; i++) {
        if (push(self, i) != 0) {
            return PH_E_MEMORY;
        }
    }
    return PH_OK;
}

/* ----------------------------------------------------------------- recording */

static int copy_list(const list *from, size_t begin, uint32_t **state, uint32_t **slot,
                     size_t capacity[2])
{
    if (ph_grow(state, &capacity[0], begin + from->length, sizeof **state) != 0 ||
        ph_grow(slot, &capacity[1], begin + from->length, sizeof **slot) != 0) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < from->length; i++) {
        (*state)[begin + i] = from->item[i].state;
        (*slot)[begin + i] = from->item[i].slot;
    }
    return PH_OK;
}

/* Pairs of row i with all of row k; creates the entries that are missing. */
static int record_pairs(recorder *self, uint32_t i, uint32_t k)
{
    ph_trace *trace = self->trace;
    const list *row = &self->out[k];
    if (ph_grow(&trace->pair, &self->pair_capacity, trace->n_pairs + row->length,
                sizeof *trace->pair) != 0) {
        return PH_E_MEMORY;
    }
    for (size_t e = 0; e < self->out[i].length; e++) {
        self->mark[self->out[i].item[e].state] = self->out[i].item[e].slot + 1;
    }
    int status = PH_OK;
    for (size_t e = 0; e < row->length && status == PH_OK; e++) {
        uint32_t j = row->item[e].state;
        if (j == i) {
            trace->pair[trace->n_pairs++] = PH_NO_SLOT;
            continue;
        }
        if (self->mark[j] == 0) {
            if (trace->n_slots >= PH_NO_SLOT - 1) {
                status = PH_E_MEMORY;
                break;
            }
            uint32_t slot = (uint32_t)trace->n_slots++;
            self->mark[j] = slot + 1;
            status = append(&self->out[i], j, slot);
            if (status == PH_OK) {
                status = append(&self->in[j], i, slot);
            }
        }
        trace->pair[trace->n_pairs++] = self->mark[j] - 1;
    }
    for (size_t e = 0; e < self->out[i].length; e++) {
        self->mark[self->out[i].item[e].state] = 0;
    }
    return status;
}

static int eliminate(recorder *self, size_t step, uint32_t k)
{
    ph_trace *trace = self->trace;
    const list *in = &self->in[k], *out = &self->out[k];
    trace->order[step] = k;
    int status = copy_list(in, trace->in_begin[step], &trace->in_state, &trace->in_slot,
                           self->in_capacity);
    if (status == PH_OK) {
        status = copy_list(out, trace->out_begin[step], &trace->out_state,
                           &trace->out_slot, self->out_capacity);
    }
    trace->in_begin[step + 1] = trace->in_begin[step] + in->length;
    trace->out_begin[step + 1] = trace->out_begin[step] + out->length;
    self->gone[k] = 1;
    for (size_t e = 0; e < in->length; e++) {
        drop(&self->out[in->item[e].state], k);
    }
    for (size_t e = 0; e < out->length; e++) {
        drop(&self->in[out->item[e].state], k);
    }
    for (size_t e = 0; e < in->length && status == PH_OK; e++) {
        status = record_pairs(self, in->item[e].state, k);
    }
    for (size_t e = 0; e < in->length && status == PH_OK; e++) {
        status = push(self, in->item[e].state);
    }
    for (size_t e = 0; e < out->length && status == PH_OK; e++) {
        status = push(self, out->item[e].state);
    }
    trace->summary.operations += in->length * (out->length + 1) + out->length;
    free(self->in[k].item);
    free(self->out[k].item);
    self->in[k] = self->out[k] = (list){0};
    return status;
}

static int summarize(ph_trace *trace)
{
    ph_components components = {0};
    int status = ph_components_find(&components, trace->graph);
    if (status == PH_OK) {
        trace->summary.components = components.count;
        trace->summary.cyclic = components.cyclic;
        ph_components_free(&components);
    }
    trace->summary.fill = trace->n_slots - trace->graph->n_edges;
    trace->summary.bytes =
        sizeof *trace + trace->n * 4 + (trace->n + 1) * 16 +
        8 * (trace->in_begin[trace->n] + trace->out_begin[trace->n]) +
        4 * trace->n_pairs;
    return status;
}

static int record(recorder *self)
{
    size_t n = self->trace->n;
    int status = load_graph(self);
    for (size_t step = 0; step < n && status == PH_OK; step++) {
        status = eliminate(self, step, next_state(self));
    }
    return status == PH_OK ? summarize(self->trace) : status;
}

int ph_trace_record(ph_trace **self, const ph_graph *graph)
{
    recorder work = {0};
    int status = PH_E_MEMORY;
    ph_trace *trace = work.trace = ph_alloc(1, sizeof *trace);
    if (!trace) {
        return PH_E_MEMORY;
    }
    trace->graph = graph;
    trace->n = graph->n;
    trace->n_slots = graph->n_edges;
    trace->order = ph_alloc(graph->n, sizeof *trace->order);
    trace->in_begin = ph_alloc(graph->n + 1, sizeof *trace->in_begin);
    trace->out_begin = ph_alloc(graph->n + 1, sizeof *trace->out_begin);
    work.in = ph_alloc(graph->n, sizeof *work.in);
    work.out = ph_alloc(graph->n, sizeof *work.out);
    work.mark = ph_alloc(graph->n, sizeof *work.mark);
    work.gone = ph_alloc(graph->n, 1);
    if (trace->order && trace->in_begin && trace->out_begin && work.in && work.out &&
        work.mark && work.gone) {
        status = record(&work);
    }
    for (size_t i = 0; work.in && work.out && i < graph->n; i++) {
        free(work.in[i].item);
        free(work.out[i].item);
    }
    free(work.in);
    free(work.out);
    free(work.mark);
    free(work.gone);
    free(work.heap);
    if (status != PH_OK) {
        ph_trace_free(trace);
        return status;
    }
    *self = trace;
    return PH_OK;
}

void ph_trace_free(ph_trace *self)
{
    if (self) {
        free(self->order);
        free(self->in_begin);
        free(self->in_state);
        free(self->in_slot);
        free(self->out_begin);
        free(self->out_state);
        free(self->out_slot);
        free(self->pair);
        free(self);
    }
}

void ph_trace_summarize(const ph_trace *self, ph_trace_summary *summary)
{
    *summary = self->summary;
}
