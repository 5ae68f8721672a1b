/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_SPECTRUM_H
#define PHASIC_DIST_SPECTRUM_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/dist/contour.h"

/* An edge and its reverse, between states that lead to each other. */
typedef struct ph_edge_pair {
    uint32_t from, to;
    size_t there, back; /* numbers of the edges */
} ph_edge_pair;

/*
 * Spanning trees of the components of a graph, and the pairs that they leave out: each
 * of these closes one cycle. Pairs of the trees stand in the order of a walk from the
 * roots. Empty unless the spectrum is that of balance.
 */
typedef struct ph_balance {
    ph_spectrum spectrum;
    size_t n_tree, n_rest;
    ph_edge_pair *tree, *rest;
} ph_balance;

/* PH_E_MEMORY. */
int ph_balance_find(ph_balance *self, const ph_graph *graph);
void ph_balance_free(ph_balance *self);

/* Lanes in which rate[edges] are in balance; potential[n] is workspace. */
unsigned ph_balance_check(const ph_balance *self, const ph_graph *graph,
                          const ph_lanes *rate, ph_lanes *potential);

#endif
