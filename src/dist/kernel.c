/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One source for all instruction sets: the build compiles it with PH_KERNEL_NAME and
 * the matching machine options. The forward step pulls from sources, so nothing is
 * scattered; a group's terms are summed before their intermediate multiplies them,
 * which costs one load, one multiplication and one addition a term.
 */
#include "kernel.h"

#define GLUE2(a, b) a##b
#define GLUE(a, b)  GLUE2(a, b)
#define TEXT2(a)    #a
#define TEXT(a)     TEXT2(a)

static inline void group_sum(const ph_group_table *table, size_t group,
                             const ph_lanes *vector, ph_lanes *sum)
{
    size_t t = table->group_term[group], end = table->group_term[group + 1];
    const uint32_t *vertex = table->term_vertex;
    const double *coefficient = table->coefficient;
    ph_lanes first = coefficient[t] * vector[vertex[t]];
    for (t++; t < end; t++) {
        first += coefficient[t] * vector[vertex[t]];
    }
    *sum = first;
}

static void forward(const ph_group_table *in, const ph_lanes *tau, const ph_lanes *g,
                    const ph_lanes *v, ph_lanes *next, ph_lanes *mass)
{
    size_t n = in->n_rows - 1, group = 0;
    ph_lanes total = {0}, sum;
    for (size_t j = 0; j <= n; j++) {
        ph_lanes value = {0};
        if (j < n) {
            total += v[j];
            value = g[j] * v[j];
        }
        for (; group < in->row_group[j + 1]; group++) {
            group_sum(in, group, v, &sum);
            value += tau[in->group_use[group]] * sum;
        }
        next[j] = value;
    }
    *mass = total;
}

static void backward(const ph_group_table *out, const ph_lanes *tau, const ph_lanes *g,
                     const ph_lanes *v, const ph_lanes *w, const ph_lanes *a_bar,
                     ph_lanes *next, ph_lanes *adjoint)
{
    size_t n = out->n_rows, group = 0;
    ph_lanes seed = *a_bar, sum;
    for (size_t i = 0; i < n; i++) {
        ph_lanes here = w[i], mass = v[i], value = g[i] * here + seed;
        for (; group < out->row_group[i + 1]; group++) {
            uint32_t use = out->group_use[group];
            group_sum(out, group, w, &sum);
            value += tau[use] * sum;
            adjoint[use] += mass * (sum - out->group_sum[group] * here);
        }
        next[i] = value;
    }
}

static void dot(const double *weight, const ph_lanes *row, size_t length, ph_lanes *sum)
{
    ph_lanes even = {0}, odd = {0};
    size_t k = 0;
    for (; k + 1 < length; k += 2) {
        even += weight[k] * row[k];
        odd += weight[k + 1] * row[k + 1];
    }
    if (k < length) {
        even += weight[k] * row[k];
    }
    *sum += even + odd;
}

static void add(const double *weight, const ph_lanes *factor, size_t length,
                ph_lanes *row)
{
    ph_lanes f = *factor;
    for (size_t k = 0; k < length; k++) {
        row[k] += weight[k] * f;
    }
}

extern const ph_kernel GLUE(ph_kernel_, PH_KERNEL_NAME);
const ph_kernel GLUE(ph_kernel_, PH_KERNEL_NAME) = {
    TEXT(PH_KERNEL_NAME), forward, backward, dot, add,
};
