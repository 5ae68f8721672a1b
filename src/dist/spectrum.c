/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kolmogorov's criterion: the product of the rates around every cycle is the same in
 * both directions. It holds for all cycles where it holds for a basis of them: the
 * cycles that a spanning tree leaves to close. The tree gives every state a potential,
 * log pi_j = log pi_i + log r_ij - log r_ji, and a pair of edges outside of it is in
 * balance where the potentials of its ends differ by as much.
 */
#include "spectrum.h"

#include <math.h>
#include <stdlib.h>

#include "phasic/base/memory.h"

#define BALANCE 1e-11 /* in logarithms: an imbalance that rounding explains */

/* Edges within components; SIZE_MAX where one of them has no reverse. */
static size_t count_inner(const ph_graph *graph, const uint32_t *of)
{
    size_t count = 0;
    for (uint32_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            uint32_t j = graph->target[e];
            if (j < graph->n && of[i] == of[j]) {
                if (ph_graph_edge(graph, j, i) == graph->n_edges) {
                    return SIZE_MAX;
                }
                count++;
            }
        }
    }
    return count;
}

/* Walks one component from `root`, which is not marked. */
static void walk(ph_balance *self, const ph_graph *graph, const uint32_t *of,
                 uint32_t root, unsigned char *seen, uint32_t *queue)
{
    size_t head = 0, tail = 0;
    queue[tail++] = root;
    seen[root] = 1;
    while (head < tail) {
        uint32_t i = queue[head++];
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            uint32_t j = graph->target[e];
            if (j >= graph->n || of[j] != of[root]) {
                continue;
            }
            ph_edge_pair pair = {i, j, e, ph_graph_edge(graph, j, i)};
            if (!seen[j]) {
                seen[j] = 1;
                queue[tail++] = j;
                self->tree[self->n_tree++] = pair;
            } else if (i < j) {
                self->rest[self->n_rest++] = pair; /* pairs of the tree hold anyway */
            }
        }
    }
}

static int find_pairs(ph_balance *self, const ph_graph *graph, const uint32_t *of,
                      size_t inner)
{
    unsigned char *seen = ph_alloc(graph->n, 1);
    uint32_t *queue = ph_alloc(graph->n, sizeof *queue);
    self->tree = ph_alloc(graph->n, sizeof *self->tree);
    self->rest = ph_alloc(inner / 2, sizeof *self->rest);
    int good = seen && queue && self->tree && self->rest;
    for (uint32_t i = 0; good && i < graph->n; i++) {
        if (!seen[i]) {
            walk(self, graph, of, i, seen, queue);
        }
    }
    free(seen);
    free(queue);
    return good ? PH_OK : PH_E_MEMORY;
}

int ph_balance_find(ph_balance *self, const ph_graph *graph)
{
    ph_components components;
    *self = (ph_balance){0};
    if (graph->discrete || graph->epochs) {
        return PH_OK;
    }
    int status = ph_components_find(&components, graph);
    if (status != PH_OK) {
        return status;
    }
    size_t inner = count_inner(graph, components.of);
    if (!components.cyclic) {
        self->spectrum = PH_SPECTRUM_ACYCLIC;
    } else if (inner == 2 * (graph->n - components.count)) {
        self->spectrum = PH_SPECTRUM_TREE;
    } else if (inner != SIZE_MAX) {
        self->spectrum = PH_SPECTRUM_BALANCE;
        status = find_pairs(self, graph, components.of, inner);
    }
    ph_components_free(&components);
    if (status != PH_OK) {
        ph_balance_free(self);
    }
    return status;
}

void ph_balance_free(ph_balance *self)
{
    free(self->tree);
    free(self->rest);
    *self = (ph_balance){0};
}

int ph_spectrum_find(const ph_graph *graph, ph_spectrum *spectrum)
{
    ph_balance balance;
    int status = ph_balance_find(&balance, graph);
    if (status == PH_OK) {
        *spectrum = balance.spectrum;
        ph_balance_free(&balance);
    }
    return status;
}

unsigned ph_balance_check(const ph_balance *self, const ph_graph *graph,
                          const ph_lanes *rate, ph_lanes *potential)
{
    unsigned all = (1u << PH_LANES) - 1, good = all;
    if (self->spectrum != PH_SPECTRUM_BALANCE) {
        return self->spectrum == PH_SPECTRUM_ANY ? 0 : all;
    }
    for (size_t i = 0; i < graph->n; i++) {
        potential[i] = (ph_lanes){0};
    }
    for (size_t k = 0; k < self->n_tree + self->n_rest; k++) {
        const ph_edge_pair *pair =
            k < self->n_tree ? &self->tree[k] : &self->rest[k - self->n_tree];
        for (int l = 0; l < PH_LANES; l++) {
            double step = log(rate[pair->there][l] / rate[pair->back][l]);
            double there = potential[pair->from][l] + step;
            if (k < self->n_tree) {
                potential[pair->to][l] = there;
            }
            if (!(fabs(there - potential[pair->to][l]) <= BALANCE)) {
                good &= ~(1u << l);
            }
        }
    }
    return good;
}
