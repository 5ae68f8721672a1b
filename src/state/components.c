/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tarjan's algorithm (Tarjan 1972) with an explicit stack: a chain of 10^6 states would
 * overflow a recursive one.
 */
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/state/graph.h"

#define UNSEEN UINT32_MAX

typedef struct walk {
    const ph_graph *graph;
    uint32_t *order;  /* when a state was first seen */
    uint32_t *lowest; /* earliest state on the stack it leads back to */
    uint32_t *stack;  /* states not yet in a component */
    uint32_t *path;   /* from the root to the state at hand */
    size_t *edge;     /* next edge of every state on the path */
    unsigned char *stacked;
    size_t stack_length, path_length;
    uint32_t seen;
    ph_components *out;
} walk;

static void enter(walk *self, uint32_t state)
{
    self->order[state] = self->lowest[state] = self->seen++;
    self->edge[state] = self->graph->row[state];
    self->stack[self->stack_length++] = state;
    self->stacked[state] = 1;
    self->path[self->path_length++] = state;
}

/* The states above `root` on the stack are a component. */
static void close_component(walk *self, uint32_t root)
{
    size_t size = 0;
    uint32_t state;
    do {
        state = self->stack[--self->stack_length];
        self->stacked[state] = 0;
        self->out->of[state] = (uint32_t)self->out->count;
        size++;
    } while (state != root);
    self->out->count++;
    self->out->largest = size > self->out->largest ? size : self->out->largest;
}

/* One step at the end of the path: follow an edge, or leave the state. */
static void advance(walk *self)
{
    const ph_graph *graph = self->graph;
    uint32_t state = self->path[self->path_length - 1];
    while (self->edge[state] < graph->row[state + 1]) {
        uint32_t next = graph->target[self->edge[state]++];
        if (next == graph->n) {
            continue;
        }
        if (self->order[next] == UNSEEN) {
            enter(self, next);
            return;
        }
        if (self->stacked[next] && self->order[next] < self->lowest[state]) {
            self->lowest[state] = self->order[next];
        }
    }
    if (self->lowest[state] == self->order[state]) {
        close_component(self, state);
    }
    self->path_length--;
    if (self->path_length > 0) {
        uint32_t parent = self->path[self->path_length - 1];
        if (self->lowest[state] < self->lowest[parent]) {
            self->lowest[parent] = self->lowest[state];
        }
    }
}

int ph_components_find(ph_components *self, const ph_graph *graph)
{
    ph_components out = {0};
    size_t n = graph->n;
    walk it = {.graph = graph, .out = &out};
    it.order = ph_alloc(n, sizeof *it.order);
    it.lowest = ph_alloc(n, sizeof *it.lowest);
    it.stack = ph_alloc(n, sizeof *it.stack);
    it.path = ph_alloc(n, sizeof *it.path);
    it.edge = ph_alloc(n, sizeof *it.edge);
    it.stacked = ph_alloc(n, 1);
    out.of = ph_alloc(n, sizeof *out.of);
    int status =
        it.order && it.lowest && it.stack && it.path && it.edge && it.stacked && out.of
            ? PH_OK
            : PH_E_MEMORY;
    if (status == PH_OK) {
        memset(it.order, 0xFF, n * sizeof *it.order);
        for (uint32_t root = 0; root < n; root++) {
            if (it.order[root] == UNSEEN) {
                enter(&it, root);
                while (it.path_length > 0) {
                    advance(&it);
                }
            }
        }
        /* components close from the last to the first: number them along the edges */
        for (size_t i = 0; i < n; i++) {
            out.of[i] = (uint32_t)(out.count - 1 - out.of[i]);
        }
        out.cyclic = out.largest > 1;
        *self = out;
    }
    free(it.order);
    free(it.lowest);
    free(it.stack);
    free(it.path);
    free(it.edge);
    free(it.stacked);
    if (status != PH_OK) {
        ph_components_free(&out);
    }
    return status;
}

void ph_components_free(ph_components *self)
{
    if (self) {
        free(self->of);
        memset(self, 0, sizeof *self);
    }
}
