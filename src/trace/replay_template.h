/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The replay, written once for a number type REAL: double for the plain evaluation (the
 * definition), ph_wide for higher precision, a register for lanes. An element of an
 * array is a row of STRIDE numbers, all treated at once: the chains of operations along
 * a component are long, and several side by side hide each other's latency. u has
 * numbers of type INPUT.
 *
 * Row i of a component is eliminated by the states k of the component before it, in
 * order, in a dense row r that is scattered from the edges and gathered when done:
 *   ex_i = rates that leave the component
 *   for each k:  p_ik = r_k / R_k;  ex_i += p_ik ex_k;  r_j += p_ik U_kj for all j
 *   r_i = 0 (a self-loop drops out);  U_ij = r_j;  R_i = ex_i + sum_j U_ij
 * These are the multiplications of the column form, in another order; but the row form
 * needs no list of targets for them, so that the trace has the size of the factors, not
 * of their multiplications (compare Gilbert & Peierls 1988). Edges between components,
 * X, are never eliminated (block triangular form). Then
 *   (-S) h = c:      components backward: c_i += sum_j X_ij h_j + sum_k p_ik c_k
 *                    forward, h_i = (c_i + sum_j U_ij h_j) / R_i backward
 *   x (-S) = alpha:  components forward: x_i = alpha_i / R_i, alpha_j += x_i U_ij
 *                    forward; x_k += p_ik x_i, alpha_j += x_i X_ij backward
 */
#define AT(array, index, q) ((array)[(size_t)(index)*STRIDE + (q)])
#define EACH(q)             _Pragma("GCC unroll 4") for (size_t q = 0; q < STRIDE; q++)

typedef struct NAME(row) {
    REAL p[STRIDE];
} NAME(row);

typedef struct NAME(values) {
    REAL *left, *right, *exit, *total, *h, *x;
} NAME(values);

static inline NAME(values) NAME(layout)(const ph_trace *self, REAL *work)
{
    NAME(values) at;
    at.left = work;
    at.right = &AT(at.left, self->n_left, 0);
    at.exit = &AT(at.right, self->n_right, 0);
    at.total = &AT(at.exit, self->n, 0);
    at.h = &AT(at.total, self->n, 0);
    at.x = &AT(at.h, self->n, 0);
    return at;
}

static inline NAME(row) NAME(rate)(const ph_graph *graph, const INPUT *u, size_t edge)
{
    NAME(row) rate = {0};
    for (size_t t = graph->edge_term[edge]; t < graph->edge_term[edge + 1]; t++) {
        double coefficient = graph->term_coefficient[t];
        uint32_t node = graph->used[graph->term_use[t]];
        EACH(q) rate.p[q] += coefficient * (REAL)AT(u, node, q);
    }
    return rate;
}

/* The edges of state i into the dense row; returns the rate of absorption. */
static inline NAME(row)
    NAME(scatter)(const ph_trace *self, const INPUT *u, uint32_t i, REAL *r)
{
    const ph_graph *graph = self->graph;
    size_t end = graph->row[i + 1];
    NAME(row) exit = {0};
    if (end > graph->row[i] && graph->target[end - 1] == self->n) {
        exit = NAME(rate)(graph, u, --end);
    }
    for (size_t e = graph->row[i]; e < end; e++) {
        NAME(row) rate = NAME(rate)(graph, u, e);
        EACH(q) AT(r, graph->target[e], q) = rate.p[q];
    }
    return exit;
}

/* The dense row into U; returns its sum. */
static inline NAME(row)
    NAME(gather)(const uint32_t *state, REAL *upper, size_t n, REAL *r)
{
    NAME(row) sum = {0};
    for (size_t g = 0; g < n; g++) {
        uint32_t j = state[g];
        EACH(q)
        {
            REAL value = AT(r, j, q);
            AT(r, j, q) = (REAL){0};
            AT(upper, g, q) = value;
            sum.p[q] += value;
        }
    }
    return sum;
}

/* Takes the row of a state k before into the dense row; returns p_ik. */
static inline NAME(row)
    NAME(take_in)(const ph_trace *self, const NAME(values) * at, uint32_t k, REAL *r)
{
    const ph_trace_row *above = &self->row[k];
    const uint32_t *target = self->right_state + above->right;
    const REAL *upper = &AT(at->right, above->right, 0);
    NAME(row) p;
    EACH(q)
    {
        p.p[q] = AT(r, k, q) / AT(at->total, k, q);
        AT(r, k, q) = (REAL){0};
    }
    for (size_t g = 0; g < above->n_upper; g++) {
        uint32_t j = target[g];
        EACH(q) AT(r, j, q) += p.p[q] * AT(upper, g, q);
    }
    return p;
}

/* `stop` (or NULL) marks states that have no edges and an exit of rate 1. */
static inline void NAME(eliminate)(const ph_trace *self, const INPUT *u,
                                   const unsigned char *stop, const NAME(values) * at)
{
    REAL *r = at->h;
    for (size_t i = 0; i < self->n * STRIDE; i++) {
        r[i] = (REAL){0};
    }
    for (size_t s = 0; s < self->n; s++) {
        uint32_t i = self->order[s];
        const ph_trace_row *row = &self->row[i];
        const uint32_t *state = self->left_state + row->left;
        REAL *left = &AT(at->left, row->left, 0);
        NAME(row) exit = {0}, sum;
        if (stop && stop[i]) {
            EACH(q) exit.p[q] += 1;
        } else {
            exit = NAME(scatter)(self, u, i, r);
        }
        sum = NAME(gather)(state, left, row->n_cross, r);
        EACH(q) exit.p[q] += sum.p[q];
        for (size_t f = row->n_cross; f < row->n_cross + row->n_lower; f++) {
            NAME(row) p = NAME(take_in)(self, at, state[f], r);
            EACH(q)
            {
                AT(left, f, q) = p.p[q];
                exit.p[q] += p.p[q] * AT(at->exit, state[f], q);
            }
        }
        EACH(q) AT(r, i, q) = (REAL){0};
        sum = NAME(gather)(self->right_state + row->right,
                           &AT(at->right, row->right, 0), row->n_upper, r);
        EACH(q)
        {
            AT(at->exit, i, q) = exit.p[q];
            AT(at->total, i, q) = exit.p[q] + sum.p[q];
        }
    }
}

/* Row i of h += the values of n entries times h. */
static inline void NAME(pull)(const uint32_t *state, const REAL *value, size_t n,
                              uint32_t i, REAL *h)
{
    NAME(row) sum = {0};
    for (size_t e = 0; e < n; e++) {
        uint32_t j = state[e];
        EACH(q) sum.p[q] += AT(value, e, q) * AT(h, j, q);
    }
    EACH(q) AT(h, i, q) += sum.p[q];
}

/* h += the values of n entries times row i of h. */
static inline void NAME(spread)(const uint32_t *state, const REAL *value, size_t n,
                                uint32_t i, REAL *h)
{
    NAME(row) x;
    EACH(q) x.p[q] = AT(h, i, q);
    for (size_t e = 0; e < n; e++) {
        uint32_t j = state[e];
        EACH(q) AT(h, j, q) += AT(value, e, q) * x.p[q];
    }
}

/* The step behind the component that begins at a step. */
static inline size_t NAME(component_end)(const ph_trace *self, size_t step)
{
    uint32_t component = self->row[self->order[step]].component;
    while (step < self->n && self->row[self->order[step]].component == component) {
        step++;
    }
    return step;
}

static inline size_t NAME(component_begin)(const ph_trace *self, size_t end)
{
    uint32_t component = self->row[self->order[end - 1]].component;
    while (end > 0 && self->row[self->order[end - 1]].component == component) {
        end--;
    }
    return end;
}

/* h = (-S)^-1 h, in place. */
static inline void NAME(solve)(const ph_trace *self, const NAME(values) * at, REAL *h)
{
    for (size_t end = self->n; end > 0;) {
        size_t begin = NAME(component_begin)(self, end);
        for (size_t s = begin; s < end; s++) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            NAME(pull)
            (self->left_state + row->left, &AT(at->left, row->left, 0),
             row->n_cross + row->n_lower, i, h);
        }
        for (size_t s = end; s-- > begin;) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            NAME(pull)
            (self->right_state + row->right, &AT(at->right, row->right, 0),
             row->n_upper, i, h);
            EACH(q) AT(h, i, q) /= AT(at->total, i, q);
        }
        end = begin;
    }
}

/* x = x (-S)^-1, in place. */
static inline void NAME(solve_transposed)(const ph_trace *self, const NAME(values) * at,
                                          REAL *x)
{
    for (size_t begin = 0; begin < self->n;) {
        size_t end = NAME(component_end)(self, begin);
        for (size_t s = begin; s < end; s++) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            EACH(q) AT(x, i, q) /= AT(at->total, i, q);
            NAME(spread)
            (self->right_state + row->right, &AT(at->right, row->right, 0),
             row->n_upper, i, x);
        }
        for (size_t s = end; s-- > begin;) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            NAME(spread)
            (self->left_state + row->left, &AT(at->left, row->left, 0),
             row->n_cross + row->n_lower, i, x);
        }
        begin = end;
    }
}

static inline void NAME(start)(const ph_trace *self, const INPUT *u, REAL *x)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < self->n * STRIDE; i++) {
        x[i] = (REAL){0};
    }
    for (size_t s = 0; s < graph->n_starts; s++) {
        uint32_t i = graph->start[s];
        for (size_t t = graph->start_term[s];
             i < self->n && t < graph->start_term[s + 1]; t++) {
            uint32_t node = graph->used[graph->start_use[t]];
            EACH(q)
            AT(x, i, q) += graph->start_coefficient[t] * (REAL)AT(u, node, q);
        }
    }
}

/* u_bar of the terms of edge e += coefficient x_i (h_j - h_i). */
static inline void NAME(edge_adjoint)(const ph_trace *self, const NAME(values) * at,
                                      size_t i, size_t e, REAL *u_bar)
{
    const ph_graph *graph = self->graph;
    uint32_t j = graph->target[e];
    NAME(row) gain;
    EACH(q) gain.p[q] = -AT(at->h, i, q);
    if (j < self->n) {
        EACH(q) gain.p[q] += AT(at->h, j, q);
    }
    for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
        uint32_t node = graph->used[graph->term_use[t]];
        double coefficient = graph->term_coefficient[t];
        EACH(q) AT(u_bar, node, q) += coefficient * AT(at->x, i, q) * gain.p[q];
    }
}

/* d mean / d r_ij = x_i (h_j - h_i), h = 0 at absorption; d mean / d alpha_i = h_i. */
static inline void NAME(mean_adjoint)(const ph_trace *self, const NAME(values) * at,
                                      REAL *u_bar)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < self->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            NAME(edge_adjoint)(self, at, i, e, u_bar);
        }
    }
    for (size_t s = 0; s < graph->n_starts; s++) {
        uint32_t i = graph->start[s];
        for (size_t t = graph->start_term[s];
             i < self->n && t < graph->start_term[s + 1]; t++) {
            uint32_t node = graph->used[graph->start_use[t]];
            EACH(q)
            AT(u_bar, node, q) += graph->start_coefficient[t] * AT(at->h, i, q);
        }
    }
}

static inline void NAME(mean)(const ph_trace *self, const INPUT *u, REAL *work,
                              REAL *mean, REAL *u_bar)
{
    NAME(values) at = NAME(layout)(self, work);
    NAME(row) sum = {0};
    NAME(eliminate)(self, u, NULL, &at);
    for (size_t i = 0; i < self->n * STRIDE; i++) {
        at.h[i] = (REAL){0} + 1;
    }
    NAME(solve)(self, &at, at.h);
    NAME(start)(self, u, at.x);
    for (size_t i = 0; i < self->n; i++) {
        EACH(q) sum.p[q] += AT(at.x, i, q) * AT(at.h, i, q);
    }
    EACH(q) mean[q] = sum.p[q];
    if (u_bar) {
        NAME(solve_transposed)(self, &at, at.x);
        NAME(mean_adjoint)(self, &at, u_bar);
    }
}
#undef AT
#undef EACH
