/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TRACE_PRIVATE_H
#define PHASIC_TRACE_PRIVATE_H

#include "phasic/trace/trace.h"

#define PH_NO_SLOT UINT32_MAX

/*
 * Step s eliminates state order[s]. Its entries from states still present ("in") hold
 * r_ik and become the factors p_ik; its entries to states still present ("out") are row
 * k of U. For every pair of both, pair[] names the entry that receives p_ik r_kj, or
 * PH_NO_SLOT where i = j (a self-loop drops out). Entries (slots) 0 .. n_edges-1 are
 * the graph's edges, those of fill follow.
 */
struct ph_trace {
    const ph_graph *graph;
    size_t n, n_slots;
    uint32_t *order;  /* [n] */
    size_t *in_begin; /* [n + 1] */
    uint32_t *in_state, *in_slot;
    size_t *out_begin; /* [n + 1] */
    uint32_t *out_state, *out_slot;
    uint32_t *pair; /* in order of (step, in, out) */
    size_t n_pairs;
    ph_trace_summary summary;
};

#endif
