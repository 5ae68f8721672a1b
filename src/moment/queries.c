/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Atoms, occupancy and factorial moments of one parameter vector. All are sums of
 * products of numbers >= 0, so double precision is enough.
 */
#include <math.h>

#include "epochs_private.h"
#include "phasic/trace/reverse.h"

#define ROUNDING 1e-12 /* start laws that miss 1 by less are complete */

static double terms(const ph_graph *graph, const uint32_t *use, const double *factor,
                    size_t begin, size_t end, const double *u)
{
    double sum = 0;
    for (size_t t = begin; t < end; t++) {
        sum += factor[t] * u[graph->used[use[t]]];
    }
    return sum;
}

static double edge_rate(const ph_graph *graph, size_t e, const double *u)
{
    return terms(graph, graph->term_use, graph->term_coefficient, graph->edge_term[e],
                 graph->edge_term[e + 1], u);
}

/* The rate of absorption from state i. */
static double exit_rate(const ph_graph *graph, size_t i, const double *u)
{
    double sum = 0;
    for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
        sum += graph->target[e] == graph->n ? edge_rate(graph, e, u) : 0;
    }
    return sum;
}

/* With epochs the arrays of epoch_queries.c: long doubles, [n] or [order][n] each. */
size_t ph_moments_query_work(const ph_moments *self)
{
    size_t n = self->graph->n, factors = ph_trace_work(self->trace) / PH_LANES;
    size_t arrays = 6 > 2 * self->order ? 6 : 2 * self->order;
    return factors + (self->graph->epochs ? 2 * arrays * n + 1 : 3 * n);
}

double ph_moments_defect(const ph_moments *self, size_t reward, const double *u,
                         double *work)
{
    const ph_graph *graph = self->graph;
    if (graph->epochs) {
        return ph_moments_epochs_defect(self, reward, u, work);
    }
    const double *amount = self->amount + reward * graph->n;
    double *g = work + ph_trace_work(self->trace) / PH_LANES;
    unsigned char *stop = (unsigned char *)g;
    double total = 0, nothing = 0;
    for (size_t i = 0; i < graph->n; i++) {
        stop[i] = amount[i] > 0;
    }
    ph_trace_eliminate_stopped(self->trace, u, stop, work);
    for (size_t i = 0; i < graph->n; i++) {
        g[i] = amount[i] > 0 ? 0 : exit_rate(graph, i, u);
    }
    ph_trace_solve_plain(self->trace, work, g);
    for (size_t s = 0; s < graph->n_starts; s++) {
        double mass = terms(graph, graph->start_use, graph->start_coefficient,
                            graph->start_term[s], graph->start_term[s + 1], u);
        total += mass;
        nothing += mass * (graph->start[s] < graph->n ? g[graph->start[s]] : 1);
    }
    return nothing + (total < 1 - ROUNDING ? 1 - total : 0);
}

void ph_moments_occupancy(const ph_moments *self, const double *u, double *work,
                          double *x)
{
    if (self->graph->epochs) {
        ph_moments_epochs_occupancy(self, u, work, x);
        return;
    }
    ph_trace_eliminate_plain(self->trace, u, work);
    ph_trace_start_plain(self->trace, u, x);
    ph_trace_solve_transposed_plain(self->trace, work, x);
}

/* out = P v, with 0 at absorption. */
static void next(const ph_graph *graph, const double *u, const double *v, double *out)
{
    for (size_t i = 0; i < graph->n; i++) {
        double stay = 1;
        out[i] = 0;
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            double rate = edge_rate(graph, e, u);
            stay -= rate;
            out[i] += graph->target[e] < graph->n ? rate * v[graph->target[e]] : 0;
        }
        out[i] += stay * v[i];
    }
}

void ph_moments_factorial(const ph_moments *self, const double *u, size_t order,
                          double *work, double *falling)
{
    const ph_graph *graph = self->graph;
    if (graph->epochs) {
        ph_moments_epochs_factorial(self, u, order, work, falling);
        return;
    }
    size_t factors = ph_trace_work(self->trace) / PH_LANES;
    double *h = work + factors, *alpha = h + graph->n;
    ph_trace_eliminate_plain(self->trace, u, work);
    ph_trace_start_plain(self->trace, u, alpha);
    for (size_t i = 0; i < graph->n; i++) {
        h[i] = 1;
    }
    for (size_t r = 1; r <= order; r++) { /* h = r (I-P)^-1 P h, P left out at first */
        falling[r - 1] = 0;
        ph_trace_solve_plain(self->trace, work, h);
        for (size_t i = 0; i < graph->n; i++) {
            h[i] *= (double)r;
            falling[r - 1] += alpha[i] * h[i];
        }
        if (r < order) {
            double *kept = h, *other = alpha + graph->n;
            next(graph, u, kept, other);
            for (size_t i = 0; i < graph->n; i++) {
                kept[i] = other[i];
            }
        }
    }
}

/* E[Y^r] = sum_k S(r, k) E[Y (Y-1) ... (Y-k+1)]; S(r, k) = k S(r-1, k) + S(r-1, k-1).
 */
void ph_moments_raw_from_factorial(size_t order, const double *falling, double *row,
                                   double *raw)
{
    for (size_t k = 0; k < order; k++) {
        row[k] = k == 0;
    }
    for (size_t r = 1; r <= order; r++) {
        raw[r - 1] = 0;
        for (size_t k = r; k >= 1; k--) {
            if (r > 1) {
                row[k - 1] = (double)k * row[k - 1] + (k > 1 ? row[k - 2] : 0);
            }
            raw[r - 1] += row[k - 1] * falling[k - 1];
        }
    }
}
