/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The replay of replay_template.h in complex numbers, for each instruction set and, as
 * in replay_lanes.c, once for each part of a row of lanes. The factors keep 1 / R_i,
 * because complex divisions are dear.
 */
#include "phasic/num/lanes.h"
#include "shifted.h"

#define GLUE2(a, b) a##b
#define GLUE(a, b)  GLUE2(a, b)
#define STRIDE      (sizeof(ph_lanes) / PH_KERNEL_BYTES)

typedef double part __attribute__((vector_size(PH_KERNEL_BYTES), may_alias));

typedef struct number {
    part re, im;
} number;

typedef struct factors {
    part *left, *right, *exit, *inverse, *row;
} factors;

static inline part *place(part *a, size_t i)
{
    return a + 2 * i * STRIDE;
}

static inline number get(const part *a, size_t i)
{
    const part *at = a + 2 * i * STRIDE;
    return (number){at[0], at[STRIDE]};
}

static inline void put(part *a, size_t i, number x)
{
    part *at = place(a, i);
    at[0] = x.re;
    at[STRIDE] = x.im;
}

static inline number times(number a, number b)
{
    return (number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static inline number plus(number a, number b)
{
    return (number){a.re + b.re, a.im + b.im};
}

static inline number inverse(number a)
{
    part scale = 1 / (a.re * a.re + a.im * a.im);
    return (number){a.re * scale, -a.im * scale};
}

static inline number scaled(number a, part by)
{
    return (number){a.re * by, a.im * by};
}

static inline factors layout(const ph_trace *self, part *work)
{
    factors at;
    at.left = work;
    at.right = place(at.left, self->n_left);
    at.exit = place(at.right, self->n_right);
    at.inverse = place(at.exit, self->n);
    at.row = place(at.inverse, self->n);
    return at;
}

static inline number gather(const uint32_t *state, part *values, size_t n, part *row)
{
    const number zero = {{0}, {0}};
    number sum = zero;
    for (size_t g = 0; g < n; g++) {
        number value = get(row, state[g]);
        put(row, state[g], zero);
        put(values, g, value);
        sum = plus(sum, value);
    }
    return sum;
}

/* The edges of state i into the dense row; returns the rate of absorption. */
static inline number scatter(const ph_trace *self, const part *rate, uint32_t i,
                             part *row)
{
    const ph_graph *graph = self->graph;
    size_t end = graph->row[i + 1];
    number exit = {{0}, {0}};
    if (end > graph->row[i] && graph->target[end - 1] == self->n) {
        exit.re = rate[--end * STRIDE];
    }
    for (size_t e = graph->row[i]; e < end; e++) {
        put(row, graph->target[e], (number){rate[e * STRIDE], {0}});
    }
    return exit;
}

/* What row k, with its factor p, adds to the row of a state. */
static inline void take_in(const ph_trace *self, const factors *at, uint32_t k,
                           number p)
{
    const ph_trace_row *above = &self->row[k];
    const uint32_t *target = self->right_state + above->right;
    const part *upper = place(at->right, above->right);
    for (size_t g = 0; g < above->n_upper; g++) {
        put(at->row, target[g], plus(get(at->row, target[g]), times(p, get(upper, g))));
    }
}

static inline void eliminate_part(const ph_trace *self, const part *rate, const part *z,
                                  const factors *at)
{
    const number zero = {{0}, {0}};
    for (size_t i = 0; i < self->n; i++) {
        put(at->row, i, zero);
    }
    for (size_t s = 0; s < self->n; s++) {
        uint32_t i = self->order[s];
        const ph_trace_row *row = &self->row[i];
        const uint32_t *state = self->left_state + row->left;
        part *left = place(at->left, row->left);
        number exit = scatter(self, rate, i, at->row);
        exit = plus(exit, gather(state, left, row->n_cross, at->row));
        exit.re = exit.re - z[2 * STRIDE] + z[0];
        exit.im = exit.im + z[STRIDE];
        for (size_t f = row->n_cross; f < row->n_cross + row->n_lower; f++) {
            uint32_t k = state[f];
            number p = times(get(at->row, k), get(at->inverse, k));
            put(at->row, k, zero);
            put(left, f, p);
            exit = plus(exit, times(p, get(at->exit, k)));
            take_in(self, at, k, p);
        }
        put(at->row, i, zero);
        put(at->exit, i, exit);
        number rest = gather(self->right_state + row->right,
                             place(at->right, row->right), row->n_upper, at->row);
        put(at->inverse, i, inverse(plus(exit, rest)));
    }
}

static inline number product(const uint32_t *state, const part *value, size_t n,
                             const part *h, number sum)
{
    for (size_t e = 0; e < n; e++) {
        sum = plus(sum, times(get(value, e), get(h, state[e])));
    }
    return sum;
}

static inline void spread(const uint32_t *state, const part *value, size_t n, number x,
                          part *h)
{
    for (size_t e = 0; e < n; e++) {
        put(h, state[e], plus(get(h, state[e]), times(get(value, e), x)));
    }
}

static inline size_t component_end(const ph_trace *self, size_t step)
{
    uint32_t component = self->row[self->order[step]].component;
    while (step < self->n && self->row[self->order[step]].component == component) {
        step++;
    }
    return step;
}

static inline size_t component_begin(const ph_trace *self, size_t end)
{
    uint32_t component = self->row[self->order[end - 1]].component;
    while (end > 0 && self->row[self->order[end - 1]].component == component) {
        end--;
    }
    return end;
}

static inline void solve_part(const ph_trace *self, const factors *at, part *h)
{
    for (size_t end = self->n; end > 0;) {
        size_t begin = component_begin(self, end);
        for (size_t s = begin; s < end; s++) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            put(h, i,
                product(self->left_state + row->left, place(at->left, row->left),
                        row->n_cross + row->n_lower, h, get(h, i)));
        }
        for (size_t s = end; s-- > begin;) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            number sum =
                product(self->right_state + row->right, place(at->right, row->right),
                        row->n_upper, h, get(h, i));
            put(h, i, times(sum, get(at->inverse, i)));
        }
        end = begin;
    }
}

static inline void solve_transposed_part(const ph_trace *self, const factors *at,
                                         part *x)
{
    for (size_t begin = 0; begin < self->n;) {
        size_t end = component_end(self, begin);
        for (size_t s = begin; s < end; s++) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            number here = times(get(x, i), get(at->inverse, i));
            put(x, i, here);
            spread(self->right_state + row->right, place(at->right, row->right),
                   row->n_upper, here, x);
        }
        for (size_t s = end; s-- > begin;) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            spread(self->left_state + row->left, place(at->left, row->left),
                   row->n_cross + row->n_lower, get(x, i), x);
        }
        begin = end;
    }
}

static inline void adjoint_part(const ph_trace *self, const part *x, const part *q,
                                part *rate_bar)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < self->n; i++) {
        number here = get(q, i), weight = get(x, i);
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            number there = get(q, graph->target[e]);
            rate_bar[e * STRIDE] +=
                weight.re * (there.re - here.re) - weight.im * (there.im - here.im);
        }
    }
}

/* The rate of absorption from state i. */
static inline part exit_of(const ph_trace *self, const part *rate, size_t i)
{
    const ph_graph *graph = self->graph;
    size_t end = graph->row[i + 1];
    int leaves = end > graph->row[i] && graph->target[end - 1] == self->n;
    return leaves ? rate[(end - 1) * STRIDE] : (part){0};
}

static inline void forward_part(const ph_trace *self, const part *rate, const part *z,
                                const factors *at, part *x)
{
    number density = {{0}, {0}};
    eliminate_part(self, rate, z, at);
    solve_transposed_part(self, at, x);
    for (size_t i = 0; i < self->n; i++) {
        density = plus(density, scaled(get(x, i), exit_of(self, rate, i)));
    }
    put(x, self->n, density);
}

static inline void backward_part(const ph_trace *self, const part *rate,
                                 const factors *at, const part *x, const part *seed,
                                 part *q, part *rate_bar)
{
    number density = get(seed, 0), survival = get(seed, 1);
    for (size_t i = 0; i < self->n; i++) {
        put(q, i, plus(survival, scaled(density, exit_of(self, rate, i))));
    }
    solve_part(self, at, q);
    put(q, self->n, density);
    adjoint_part(self, x, q, rate_bar);
}

/*
 * Without cycles the factors are the rates themselves, and the state of absorption is
 * one like the others: x takes in what is absorbed, q hands out what absorption is
 * worth. Of the work only `inverse` is kept.
 */
static inline void forward_acyclic(const ph_trace *self, const part *rate,
                                   const part *z, part *inverses, part *x)
{
    const ph_graph *graph = self->graph;
    for (size_t s = 0; s < self->n; s++) {
        uint32_t i = self->order[s];
        size_t begin = graph->row[i], end = graph->row[i + 1];
        part total = {0};
        for (size_t e = begin; e < end; e++) {
            total += rate[e * STRIDE];
        }
        number by = inverse((number){total - z[2 * STRIDE] + z[0], z[STRIDE]});
        number here = times(get(x, i), by);
        put(inverses, s, by);
        put(x, i, here);
        for (size_t e = begin; e < end; e++) {
            uint32_t j = graph->target[e];
            put(x, j, plus(get(x, j), scaled(here, rate[e * STRIDE])));
        }
    }
}

static inline void backward_acyclic(const ph_trace *self, const part *rate,
                                    const part *inverses, const part *x,
                                    const part *seed, part *q, part *rate_bar)
{
    const ph_graph *graph = self->graph;
    put(q, self->n, get(seed, 0));
    for (size_t s = self->n; s-- > 0;) {
        uint32_t i = self->order[s];
        size_t begin = graph->row[i], end = graph->row[i + 1];
        number sum = get(seed, 1), weight = get(x, i);
        for (size_t e = begin; e < end; e++) {
            sum = plus(sum, scaled(get(q, graph->target[e]), rate[e * STRIDE]));
        }
        number here = times(sum, get(inverses, s));
        put(q, i, here);
        for (size_t e = begin; e < end; e++) {
            number there = get(q, graph->target[e]);
            rate_bar[e * STRIDE] +=
                weight.re * (there.re - here.re) - weight.im * (there.im - here.im);
        }
    }
}

#define EACH(q) for (size_t q = 0; q < STRIDE; q++)

static void forward(const ph_trace *self, const ph_lanes *rate, const ph_lanes *z,
                    ph_lanes *work, ph_lanes *x)
{
    EACH(q)
    {
        factors at = layout(self, (part *)work + q);
        if (self->n_right > 0) {
            forward_part(self, (const part *)rate + q, (const part *)z + q, &at,
                         (part *)x + q);
        } else {
            forward_acyclic(self, (const part *)rate + q, (const part *)z + q,
                            at.inverse, (part *)x + q);
        }
    }
}

static void backward(const ph_trace *self, const ph_lanes *rate, const ph_lanes *work,
                     const ph_lanes *x, const ph_lanes *seed, ph_lanes *q,
                     ph_lanes *rate_bar)
{
    EACH(k)
    {
        factors at = layout(self, (part *)(uintptr_t)work + k);
        (self->n_right > 0
             ? backward_part(self, (const part *)rate + k, &at, (const part *)x + k,
                             (const part *)seed + k, (part *)q + k,
                             (part *)rate_bar + k)
             : backward_acyclic(self, (const part *)rate + k, at.inverse,
                                (const part *)x + k, (const part *)seed + k,
                                (part *)q + k, (part *)rate_bar + k));
    }
}

extern const ph_trace_shifted_kernel GLUE(ph_trace_shifted_, PH_KERNEL_NAME);
const ph_trace_shifted_kernel GLUE(ph_trace_shifted_, PH_KERNEL_NAME) = {forward,
                                                                         backward};
