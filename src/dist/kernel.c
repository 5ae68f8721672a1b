/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One source for all instruction sets: the build compiles it with PH_KERNEL_NAME, the
 * matching machine options, and PH_KERNEL_BYTES, the width of a register. A row of
 * lanes is a few registers; every loop over them has a constant count and is unrolled.
 * (Left to itself, gcc 12 takes a 64-byte vector apart in memory where registers are
 * narrower: 5 times slower.)
 *
 * The forward step pulls from sources, so nothing is scattered; a group's terms are
 * summed before their intermediate multiplies them, which costs one load, one
 * multiplication and one addition a term.
 */
#include "kernel.h"

#define GLUE2(a, b) a##b
#define GLUE(a, b)  GLUE2(a, b)
#define TEXT2(a)    #a
#define TEXT(a)     TEXT2(a)

#define PARTS ((int)(sizeof(ph_lanes) / PH_KERNEL_BYTES))

typedef double part __attribute__((vector_size(PH_KERNEL_BYTES)));

typedef struct row {
    part p[PARTS];
} row;

#define EACH(q) for (int q = 0; q < PARTS; q++)

static inline row load(const ph_lanes *from)
{
    row r;
    EACH(q) r.p[q] = ((const part *)from)[q];
    return r;
}

static inline void store(ph_lanes *to, row r)
{
    EACH(q)((part *)to)[q] = r.p[q];
}

/*
 * The sum over a group of coefficient * vector[vertex]; long ones in two chains. It
 * must be inlined: a call would send every register of the row through memory.
 */
__attribute__((always_inline)) static inline row
group_sum(const ph_group_table *table, size_t group, const ph_lanes *vector)
{
    size_t t = table->group_term[group], end = table->group_term[group + 1];
    const uint32_t *vertex = table->term_vertex;
    const double *coefficient = table->coefficient;
    row sum = load(&vector[vertex[t]]);
    EACH(q) sum.p[q] *= coefficient[t];
    if (++t == end) {
        return sum;
    }
    if (end - t >= 8) {
        row other = load(&vector[vertex[t]]);
        EACH(q) other.p[q] *= coefficient[t];
        for (t++; t + 1 < end; t += 2) {
            row a = load(&vector[vertex[t]]), b = load(&vector[vertex[t + 1]]);
            EACH(q) sum.p[q] += coefficient[t] * a.p[q];
            EACH(q) other.p[q] += coefficient[t + 1] * b.p[q];
        }
        EACH(q) sum.p[q] += other.p[q];
    }
    for (; t < end; t++) {
        row a = load(&vector[vertex[t]]);
        EACH(q) sum.p[q] += coefficient[t] * a.p[q];
    }
    return sum;
}

static void forward(const ph_group_table *in, const ph_lanes *tau, const ph_lanes *g,
                    const ph_lanes *v, ph_lanes *next, ph_lanes *mass)
{
    size_t n = in->n_rows - 1, group = 0;
    row total = {0};
    for (size_t j = 0; j <= n; j++) {
        size_t end = in->row_group[j + 1];
        row value = {0};
        if (j < n) {
            row here = load(&v[j]), stay = load(&g[j]);
            EACH(q) total.p[q] += here.p[q];
            EACH(q) value.p[q] = stay.p[q] * here.p[q];
        }
        for (; group < end; group++) {
            row sum = group_sum(in, group, v), rate = load(&tau[in->group_use[group]]);
            EACH(q) value.p[q] += rate.p[q] * sum.p[q];
        }
        store(&next[j], value);
    }
    store(mass, total);
}

static void backward(const ph_group_table *out, const ph_lanes *tau, const ph_lanes *g,
                     const ph_lanes *v, const ph_lanes *w, const ph_lanes *a_bar,
                     ph_lanes *next, ph_lanes *adjoint)
{
    size_t n = out->n_rows, group = 0;
    row seed = load(a_bar);
    for (size_t i = 0; i < n; i++) {
        size_t end = out->row_group[i + 1];
        row here = load(&w[i]), mass = load(&v[i]), value = load(&g[i]);
        EACH(q) value.p[q] = value.p[q] * here.p[q] + seed.p[q];
        for (; group < end; group++) {
            uint32_t use = out->group_use[group];
            double total = out->group_sum[group];
            row sum = group_sum(out, group, w), rate = load(&tau[use]);
            row into = load(&adjoint[use]);
            EACH(q) value.p[q] += rate.p[q] * sum.p[q];
            EACH(q) into.p[q] += mass.p[q] * (sum.p[q] - total * here.p[q]);
            store(&adjoint[use], into);
        }
        store(&next[i], value);
    }
}

static void dot(const double *weight, const ph_lanes *rows, size_t length,
                ph_lanes *sum)
{
    row even = {0}, odd = {0}, out = load(sum);
    size_t k = 0;
    for (; k + 1 < length; k += 2) {
        row a = load(&rows[k]), b = load(&rows[k + 1]);
        EACH(q) even.p[q] += weight[k] * a.p[q];
        EACH(q) odd.p[q] += weight[k + 1] * b.p[q];
    }
    if (k < length) {
        row a = load(&rows[k]);
        EACH(q) even.p[q] += weight[k] * a.p[q];
    }
    EACH(q) out.p[q] += even.p[q] + odd.p[q];
    store(sum, out);
}

static void add(const double *weight, const ph_lanes *factor, size_t length,
                ph_lanes *rows)
{
    row f = load(factor);
    for (size_t k = 0; k < length; k++) {
        row a = load(&rows[k]);
        EACH(q) a.p[q] += weight[k] * f.p[q];
        store(&rows[k], a);
    }
}

extern const ph_kernel GLUE(ph_kernel_, PH_KERNEL_NAME);
const ph_kernel GLUE(ph_kernel_, PH_KERNEL_NAME) = {
    TEXT(PH_KERNEL_NAME), forward, backward, dot, add,
};
