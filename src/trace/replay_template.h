/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The replay, written once for a number type REAL: double for the plain evaluation (the
 * definition), ph_wide for higher precision, a register for lanes. Element i of an
 * array is a[i * STRIDE]; u has elements of type INPUT.
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
#define AT(array, index) ((array)[(size_t)(index)*STRIDE])

typedef struct NAME(values) {
    REAL *left, *right, *exit, *total, *h, *x;
} NAME(values);

static inline NAME(values) NAME(layout)(const ph_trace *self, REAL *work)
{
    NAME(values) at;
    at.left = work;
    at.right = &AT(at.left, self->n_left);
    at.exit = &AT(at.right, self->n_right);
    at.total = &AT(at.exit, self->n);
    at.h = &AT(at.total, self->n);
    at.x = &AT(at.h, self->n);
    return at;
}

static inline REAL NAME(rate)(const ph_graph *graph, const INPUT *u, size_t edge)
{
    REAL rate = {0};
    for (size_t t = graph->edge_term[edge]; t < graph->edge_term[edge + 1]; t++) {
        rate +=
            graph->term_coefficient[t] * (REAL)AT(u, graph->used[graph->term_use[t]]);
    }
    return rate;
}

/* The edges of state i into the dense row; returns the rate of absorption. */
static inline REAL NAME(scatter)(const ph_trace *self, const INPUT *u, uint32_t i,
                                 REAL *r)
{
    const ph_graph *graph = self->graph;
    size_t end = graph->row[i + 1];
    REAL exit = {0};
    if (end > graph->row[i] && graph->target[end - 1] == self->n) {
        exit = NAME(rate)(graph, u, --end);
    }
    for (size_t e = graph->row[i]; e < end; e++) {
        AT(r, graph->target[e]) = NAME(rate)(graph, u, e);
    }
    return exit;
}

/* The dense row into U; returns its sum. */
static inline REAL NAME(gather)(const uint32_t *state, REAL *upper, size_t n, REAL *r)
{
    REAL sum = {0};
    for (size_t g = 0; g < n; g++) {
        REAL value = AT(r, state[g]);
        AT(r, state[g]) = (REAL){0};
        AT(upper, g) = value;
        sum += value;
    }
    return sum;
}

/* `stop` (or NULL) marks states that have no edges and an exit of rate 1. */
static inline void NAME(eliminate)(const ph_trace *self, const INPUT *u,
                                   const unsigned char *stop, const NAME(values) * at)
{
    REAL *r = at->h;
    for (size_t i = 0; i < self->n; i++) {
        AT(r, i) = (REAL){0};
    }
    for (size_t s = 0; s < self->n; s++) {
        uint32_t i = self->order[s];
        const ph_trace_row *row = &self->row[i];
        const uint32_t *state = self->left_state + row->left;
        REAL *left = &AT(at->left, row->left);
        REAL exit = {0};
        if (stop && stop[i]) {
            exit += 1;
        } else {
            exit = NAME(scatter)(self, u, i, r);
        }
        exit += NAME(gather)(state, left, row->n_cross, r);
        for (size_t f = row->n_cross; f < row->n_cross + row->n_lower; f++) {
            uint32_t k = state[f];
            const ph_trace_row *above = &self->row[k];
            const uint32_t *target = self->right_state + above->right;
            const REAL *upper = &AT(at->right, above->right);
            REAL p = AT(r, k) / AT(at->total, k);
            AT(r, k) = (REAL){0};
            AT(left, f) = p;
            exit += p * AT(at->exit, k);
            for (size_t g = 0; g < above->n_upper; g++) {
                AT(r, target[g]) += p * AT(upper, g);
            }
        }
        AT(r, i) = (REAL){0};
        AT(at->exit, i) = exit;
        AT(at->total, i) =
            exit + NAME(gather)(self->right_state + row->right,
                                &AT(at->right, row->right), row->n_upper, r);
    }
}

/* Sum of the values of n entries times h. */
static inline REAL NAME(product)(const uint32_t *state, const REAL *value, size_t n,
                                 const REAL *h)
{
    REAL sum = {0};
    for (size_t e = 0; e < n; e++) {
        sum += AT(value, e) * AT(h, state[e]);
    }
    return sum;
}

/* h += x times the values of n entries. */
static inline void NAME(spread)(const uint32_t *state, const REAL *value, size_t n,
                                REAL x, REAL *h)
{
    for (size_t e = 0; e < n; e++) {
        AT(h, state[e]) += AT(value, e) * x;
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
            AT(h, i) +=
                NAME(product)(self->left_state + row->left, &AT(at->left, row->left),
                              row->n_cross + row->n_lower, h);
        }
        for (size_t s = end; s-- > begin;) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            AT(h, i) += NAME(product)(self->right_state + row->right,
                                      &AT(at->right, row->right), row->n_upper, h);
            AT(h, i) /= AT(at->total, i);
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
            AT(x, i) /= AT(at->total, i);
            NAME(spread)
            (self->right_state + row->right, &AT(at->right, row->right), row->n_upper,
             AT(x, i), x);
        }
        for (size_t s = end; s-- > begin;) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            NAME(spread)
            (self->left_state + row->left, &AT(at->left, row->left),
             row->n_cross + row->n_lower, AT(x, i), x);
        }
        begin = end;
    }
}

static inline void NAME(start)(const ph_trace *self, const INPUT *u, REAL *x)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < self->n; i++) {
        AT(x, i) = (REAL){0};
    }
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            if (graph->start[s] < self->n) {
                AT(x, graph->start[s]) += graph->start_coefficient[t] *
                                          (REAL)AT(u, graph->used[graph->start_use[t]]);
            }
        }
    }
}

/* d mean / d r_ij = x_i (h_j - h_i), h = 0 at absorption; d mean / d alpha_i = h_i. */
static inline void NAME(mean_adjoint)(const ph_trace *self, const NAME(values) * at,
                                      REAL *u_bar)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < self->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            uint32_t j = graph->target[e];
            REAL gain = -AT(at->h, i);
            if (j < self->n) {
                gain += AT(at->h, j);
            }
            for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
                AT(u_bar, graph->used[graph->term_use[t]]) +=
                    graph->term_coefficient[t] * AT(at->x, i) * gain;
            }
        }
    }
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            if (graph->start[s] < self->n) {
                AT(u_bar, graph->used[graph->start_use[t]]) +=
                    graph->start_coefficient[t] * AT(at->h, graph->start[s]);
            }
        }
    }
}

static inline void NAME(mean)(const ph_trace *self, const INPUT *u, REAL *work,
                              REAL *mean, REAL *u_bar)
{
    NAME(values) at = NAME(layout)(self, work);
    REAL sum = {0};
    NAME(eliminate)(self, u, NULL, &at);
    for (size_t i = 0; i < self->n; i++) {
        AT(at.h, i) = (REAL){0} + 1;
    }
    NAME(solve)(self, &at, at.h);
    NAME(start)(self, u, at.x);
    for (size_t i = 0; i < self->n; i++) {
        sum += AT(at.x, i) * AT(at.h, i);
    }
    *mean = sum;
    if (u_bar) {
        NAME(solve_transposed)(self, &at, at.x);
        NAME(mean_adjoint)(self, &at, u_bar);
    }
}
#undef AT
