/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_KERNEL_H
#define PHASIC_DIST_KERNEL_H

#include "phasic/dist/plan.h"
#include "phasic/num/lanes.h"

/*
 * The inner loops of the sweep, compiled once for each instruction set and chosen at
 * run time. All variants perform the same operations in the same order without
 * contraction, so their results are equal bit for bit.
 */
typedef struct ph_kernel {
    const char *name;

    /*
     * next[j] = g[j] v[j] + sum over groups of tau[use] * (sum C v[source]), j = 0..n
     * (row n without the g term); *mass = sum of v[0..n-1].
     */
    void (*forward)(const ph_group_table *in, const ph_lanes *tau, const ph_lanes *g,
                    const ph_lanes *v, ph_lanes *next, ph_lanes *mass);

    /*
     * For every state i, with G the sum over a group of C w[target]:
     *   next[i] = g[i] w[i] + sum over groups of tau[use] G + *a_bar
     *   adjoint[use] += v[i] (G - D w[i])
     */
    void (*backward)(const ph_group_table *out, const ph_lanes *tau, const ph_lanes *g,
                     const ph_lanes *v, const ph_lanes *w, const ph_lanes *a_bar,
                     ph_lanes *next, ph_lanes *adjoint);

    /* *sum += sum over k of weight[k] row[k] */
    void (*dot)(const double *weight, const ph_lanes *row, size_t length,
                ph_lanes *sum);

    /* row[k] += weight[k] * *factor */
    void (*add)(const double *weight, const ph_lanes *factor, size_t length,
                ph_lanes *row);
} ph_kernel;

/* The best variant this processor runs. */
const ph_kernel *ph_kernel_select(void);

/* All variants this processor runs, for tests; returns how many (at most 3). */
int ph_kernel_list(const ph_kernel *list[3]);

#endif
