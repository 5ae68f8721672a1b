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
 * multiplication and one addition a term. Most rows have few terms, so what counts is
 * what surrounds them: runs of rows of one shape have a loop of their own each, without
 * loops or branches inside, that keeps rates or adjoints in registers.
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

/* The same for a group of 1 or 2 terms, known when this is compiled. */
__attribute__((always_inline)) static inline row short_sum(const uint32_t *vertex,
                                                           const double *coefficient,
                                                           int terms,
                                                           const ph_lanes *vector)
{
    row sum = load(&vector[vertex[0]]);
    EACH(q) sum.p[q] *= coefficient[0];
    if (terms == 2) {
        row other = load(&vector[vertex[1]]);
        EACH(q) sum.p[q] += coefficient[1] * other.p[q];
    }
    return sum;
}

/* Every shape that a row may have, as SHAPES(X, context): X(a, b, c, context). */
#define SHAPES_3(X, a, b, at) X(a, b, 0, at) X(a, b, 1, at) X(a, b, 2, at)
#define SHAPES_2(X, a, at)    X(a, 0, 0, at) SHAPES_3(X, a, 1, at) SHAPES_3(X, a, 2, at)
#define SHAPES(X, at)         SHAPES_2(X, 1, at) SHAPES_2(X, 2, at)
#define GROUPS(a, b, c)       (((a) > 0) + ((b) > 0) + ((c) > 0))

/* What a step reads and writes; total is the mass or the row added to every state. */
typedef struct ahead {
    const ph_group_table *in;
    const ph_lanes *tau, *g, *v;
    ph_lanes *next;
    row total;
} ahead;

/* Rows of a shape; the counts are constants where this is inlined. */
__attribute__((always_inline)) static inline void
forward_shape(ahead *at, const ph_row_run *run, int a, int b, int c)
{
    const ph_group_table *in = at->in;
    const int size[PH_SHAPE_GROUPS] = {a, b, c}, groups = GROUPS(a, b, c);
    size_t group = in->row_group[run->first];
    const uint32_t *vertex = in->term_vertex + in->group_term[group];
    const double *coefficient = in->coefficient + in->group_term[group];
    const ph_lanes *g = at->g, *v = at->v;
    row rate[PH_SHAPE_GROUPS], total = at->total;
    for (int k = 0; k < groups; k++) {
        rate[k] = load(&at->tau[in->group_use[group + (size_t)k]]);
    }
    for (size_t r = run->first; r < run->end; r++) {
        size_t j = in->row_vertex[r];
        row here = load(&v[j]), value = load(&g[j]);
        EACH(q) total.p[q] += here.p[q];
        EACH(q) value.p[q] *= here.p[q];
        for (int k = 0; k < groups; k++) {
            row sum = short_sum(vertex, coefficient, size[k], v);
            EACH(q) value.p[q] += rate[k].p[q] * sum.p[q];
            vertex += size[k];
            coefficient += size[k];
        }
        store(&at->next[j], value);
    }
    at->total = total;
}

static void forward_any(ahead *at, const ph_row_run *run)
{
    const ph_group_table *in = at->in;
    size_t absorption = in->n_rows - 1, group = in->row_group[run->first];
    for (size_t r = run->first; r < run->end; r++) {
        size_t j = in->row_vertex[r], end = in->row_group[r + 1];
        row value = {{{0}}};
        if (j < absorption) {
            row here = load(&at->v[j]), stay = load(&at->g[j]);
            EACH(q) at->total.p[q] += here.p[q];
            EACH(q) value.p[q] = stay.p[q] * here.p[q];
        }
        for (; group < end; group++) {
            row sum = group_sum(in, group, at->v);
            row rate = load(&at->tau[in->group_use[group]]);
            EACH(q) value.p[q] += rate.p[q] * sum.p[q];
        }
        store(&at->next[j], value);
    }
}

#define FORWARD(a, b, c, at)                                                           \
    case PH_SHAPE(a, b, c): forward_shape(at, run, a, b, c); break;

static void forward(const ph_group_table *in, const ph_lanes *tau, const ph_lanes *g,
                    const ph_lanes *v, ph_lanes *next, ph_lanes *mass)
{
    ahead at = {in, tau, g, v, next, {{{0}}}};
    for (const ph_row_run *run = in->run; run < in->run + in->n_runs; run++) {
        switch (run->shape) {
            SHAPES(FORWARD, &at)
        default: forward_any(&at, run);
        }
    }
    forward_any(&at, &(ph_row_run){in->n_rows - 1, in->n_rows, PH_SHAPE_ANY});
    store(mass, at.total);
}

typedef struct back {
    const ph_group_table *out;
    const ph_lanes *tau, *g, *v, *w;
    ph_lanes *next, *adjoint;
    row seed;
} back;

/* What a group adds to the adjoint of its intermediate: v (G - D w). */
__attribute__((always_inline)) static inline row
add_adjoint(row into, row mass, row sum, double total, row here)
{
    EACH(q) into.p[q] += mass.p[q] * (sum.p[q] - total * here.p[q]);
    return into;
}

/* The adjoints of a run's intermediates stay in registers. */
__attribute__((always_inline)) static inline void
backward_shape(const back *at, const ph_row_run *run, int a, int b, int c)
{
    const ph_group_table *out = at->out;
    const int size[PH_SHAPE_GROUPS] = {a, b, c}, groups = GROUPS(a, b, c);
    size_t group = out->row_group[run->first];
    const uint32_t *vertex = out->term_vertex + out->group_term[group];
    const uint32_t *use = out->group_use + group;
    const double *coefficient = out->coefficient + out->group_term[group];
    const double *total = out->group_sum + group;
    const ph_lanes *g = at->g, *v = at->v, *w = at->w, *tau = at->tau;
    row into[PH_SHAPE_GROUPS], seed = at->seed;
    for (int k = 0; k < groups; k++) {
        into[k] = load(&at->adjoint[use[k]]);
    }
    for (size_t r = run->first; r < run->end; r++) {
        size_t i = out->row_vertex[r];
        row here = load(&w[i]), mass = load(&v[i]), value = load(&g[i]);
        EACH(q) value.p[q] = value.p[q] * here.p[q] + seed.p[q];
        for (int k = 0; k < groups; k++) {
            row sum = short_sum(vertex, coefficient, size[k], w);
            row rate = load(&tau[use[k]]);
            EACH(q) value.p[q] += rate.p[q] * sum.p[q];
            into[k] = add_adjoint(into[k], mass, sum, total[k], here);
            vertex += size[k];
            coefficient += size[k];
        }
        total += groups;
        store(&at->next[i], value);
    }
    for (int k = 0; k < groups; k++) {
        store(&at->adjoint[use[k]], into[k]);
    }
}

static void backward_any(const back *at, const ph_row_run *run)
{
    const ph_group_table *out = at->out;
    size_t group = out->row_group[run->first];
    for (size_t r = run->first; r < run->end; r++) {
        size_t i = out->row_vertex[r], end = out->row_group[r + 1];
        row here = load(&at->w[i]), mass = load(&at->v[i]), value = load(&at->g[i]);
        EACH(q) value.p[q] = value.p[q] * here.p[q] + at->seed.p[q];
        for (; group < end; group++) {
            uint32_t use = out->group_use[group];
            double total = out->group_sum[group];
            row sum = group_sum(out, group, at->w), rate = load(&at->tau[use]);
            EACH(q) value.p[q] += rate.p[q] * sum.p[q];
            store(&at->adjoint[use],
                  add_adjoint(load(&at->adjoint[use]), mass, sum, total, here));
        }
        store(&at->next[i], value);
    }
}

#define BACKWARD(a, b, c, at)                                                          \
    case PH_SHAPE(a, b, c): backward_shape(at, run, a, b, c); break;

static void backward(const ph_group_table *out, const ph_lanes *tau, const ph_lanes *g,
                     const ph_lanes *v, const ph_lanes *w, const ph_lanes *a_bar,
                     ph_lanes *next, ph_lanes *adjoint)
{
    const back at = {out, tau, g, v, w, next, adjoint, load(a_bar)};
    for (const ph_row_run *run = out->run; run < out->run + out->n_runs; run++) {
        switch (run->shape) {
            SHAPES(BACKWARD, &at)
        default: backward_any(&at, run);
        }
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
