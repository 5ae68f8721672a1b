/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The replay, written once for a number type: REAL is double for the plain evaluation
 * (the definition) and a row of lanes for the fast one; the formulas are the same.
 *
 * Eliminating k: R_k = ex_k + sum_j r_kj;  p_ik = r_ik / R_k;  ex_i += p_ik ex_k;
 * r_ij += p_ik r_kj. Then, with U the rows at their elimination,
 *   (-S) h = c:      c_i += p_ik c_k in order;  h_k = (c_k + sum_j U_kj h_j) / R_k
 * backward x (-S) = alpha:  x_k = alpha_k / R_k, alpha_j += x_k U_kj in order; x_k +=
 * sum_i p_ik x_i backward
 */

typedef struct NAME(values) {
    REAL *slot, *exit, *total, *h, *x;
} NAME(values);

static NAME(values) NAME(layout)(const ph_trace *self, REAL *work)
{
    NAME(values) at = {work, work + self->n_slots, NULL, NULL, NULL};
    at.total = at.exit + self->n;
    at.h = at.total + self->n;
    at.x = at.h + self->n;
    return at;
}

static void NAME(load)(const ph_trace *self, const REAL *u, NAME(values) * at)
{
    const ph_graph *graph = self->graph;
    for (size_t s = graph->n_edges; s < self->n_slots; s++) {
        at->slot[s] = (REAL){0};
    }
    for (size_t i = 0; i < self->n; i++) {
        at->exit[i] = (REAL){0};
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            REAL rate = {0};
            for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
                rate += graph->term_coefficient[t] * u[graph->used[graph->term_use[t]]];
            }
            at->slot[e] = rate;
            if (graph->target[e] == self->n) {
                at->exit[i] += rate;
            }
        }
    }
}

static void NAME(eliminate)(const ph_trace *self, NAME(values) * at)
{
    const uint32_t *pair = self->pair;
    for (size_t s = 0; s < self->n; s++) {
        uint32_t k = self->order[s];
        size_t out_begin = self->out_begin[s], out_end = self->out_begin[s + 1];
        REAL total = at->exit[k];
        for (size_t e = out_begin; e < out_end; e++) {
            total += at->slot[self->out_slot[e]];
        }
        at->total[k] = total;
        for (size_t f = self->in_begin[s]; f < self->in_begin[s + 1]; f++) {
            REAL p = at->slot[self->in_slot[f]] / total;
            at->slot[self->in_slot[f]] = p;
            at->exit[self->in_state[f]] += p * at->exit[k];
            for (size_t e = out_begin; e < out_end; e++, pair++) {
                if (*pair != PH_NO_SLOT) {
                    at->slot[*pair] += p * at->slot[self->out_slot[e]];
                }
            }
        }
    }
}

/* h = (-S)^-1 h, in place. */
static void NAME(solve)(const ph_trace *self, const NAME(values) * at, REAL *h)
{
    for (size_t s = 0; s < self->n; s++) {
        for (size_t f = self->in_begin[s]; f < self->in_begin[s + 1]; f++) {
            h[self->in_state[f]] += at->slot[self->in_slot[f]] * h[self->order[s]];
        }
    }
    for (size_t s = self->n; s-- > 0;) {
        REAL sum = h[self->order[s]];
        for (size_t e = self->out_begin[s]; e < self->out_begin[s + 1]; e++) {
            sum += at->slot[self->out_slot[e]] * h[self->out_state[e]];
        }
        h[self->order[s]] = sum / at->total[self->order[s]];
    }
}

/* x = x (-S)^-1, in place. */
static void NAME(solve_transposed)(const ph_trace *self, const NAME(values) * at,
                                   REAL *x)
{
    for (size_t s = 0; s < self->n; s++) {
        uint32_t k = self->order[s];
        x[k] /= at->total[k];
        for (size_t e = self->out_begin[s]; e < self->out_begin[s + 1]; e++) {
            x[self->out_state[e]] += x[k] * at->slot[self->out_slot[e]];
        }
    }
    for (size_t s = self->n; s-- > 0;) {
        for (size_t f = self->in_begin[s]; f < self->in_begin[s + 1]; f++) {
            x[self->order[s]] += at->slot[self->in_slot[f]] * x[self->in_state[f]];
        }
    }
}

static void NAME(start)(const ph_trace *self, const REAL *u, REAL *x)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < self->n; i++) {
        x[i] = (REAL){0};
    }
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            if (graph->start[s] < self->n) {
                x[graph->start[s]] +=
                    graph->start_coefficient[t] * u[graph->used[graph->start_use[t]]];
            }
        }
    }
}

/* d mean / d r_ij = x_i (h_j - h_i), h = 0 at absorption; d mean / d alpha_i = h_i. */
static void NAME(mean_adjoint)(const ph_trace *self, const NAME(values) * at,
                               REAL *u_bar)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < self->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            uint32_t j = graph->target[e];
            REAL gain = -at->h[i];
            if (j < self->n) {
                gain += at->h[j];
            }
            for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
                u_bar[graph->used[graph->term_use[t]]] +=
                    graph->term_coefficient[t] * at->x[i] * gain;
            }
        }
    }
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            if (graph->start[s] < self->n) {
                u_bar[graph->used[graph->start_use[t]]] +=
                    graph->start_coefficient[t] * at->h[graph->start[s]];
            }
        }
    }
}

static void NAME(mean)(const ph_trace *self, const REAL *u, REAL *work, REAL *mean,
                       REAL *u_bar)
{
    NAME(values) at = NAME(layout)(self, work);
    REAL sum = {0};
    NAME(load)(self, u, &at);
    NAME(eliminate)(self, &at);
    for (size_t i = 0; i < self->n; i++) {
        at.h[i] = (REAL){0} + 1;
    }
    NAME(solve)(self, &at, at.h);
    NAME(start)(self, u, at.x);
    for (size_t i = 0; i < self->n; i++) {
        sum += at.x[i] * at.h[i];
    }
    *mean = sum;
    if (u_bar) {
        NAME(solve_transposed)(self, &at, at.x);
        NAME(mean_adjoint)(self, &at, u_bar);
    }
}
