/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which parameter vectors a model with epochs has room for. */
#include <math.h>

#include "epochs_private.h"

/* Room for the rounding of probabilities that sum to 1. */
#define MOST (1 + 1e-9)

static int times_increase(const ph_plan *plan, const double *u, size_t stride)
{
    double last = 0;
    for (size_t e = 1; e < plan->graph->epochs->n; e++) {
        double begin = u[ph_plan_begins(plan, e) * stride];
        if (!(begin > last && begin < INFINITY)) {
            return 0;
        }
        last = begin;
    }
    return 1;
}

/* Parameters as the epoch sets them stay inside their supports. */
static int inputs_inside(const ph_plan *plan, const double *u, size_t stride,
                         size_t epoch)
{
    const ph_epochs *epochs = plan->graph->epochs;
    for (size_t m = 0; m < epochs->p; m++) {
        double lower, upper;
        double value =
            u[(ph_pool_length(plan->pool) + epochs->input[epoch * epochs->q + m]) *
              stride];
        ph_pool_range(epochs->pool, epochs->input[m], &lower, &upper);
        if (!(value >= lower && value <= upper)) {
            return 0;
        }
    }
    return 1;
}

static int rates_make_sense(const ph_plan *plan, const double *u, size_t stride)
{
    const ph_graph *graph = plan->graph;
    for (size_t k = 0; k < graph->n_used; k++) {
        double x = u[graph->used[k] * stride];
        if (!(x >= 0 && x < INFINITY)) {
            return 0;
        }
    }
    for (size_t i = 0; i < graph->n && graph->discrete; i++) {
        double total = 0;
        for (size_t t = graph->edge_term[graph->row[i]];
             t < graph->edge_term[graph->row[i + 1]]; t++) {
            total += graph->term_coefficient[t] *
                     u[graph->used[graph->term_use[t]] * stride];
        }
        if (!(total <= MOST)) {
            return 0;
        }
    }
    return 1;
}

static int start_makes_sense(const ph_plan *plan, const double *u, size_t stride)
{
    const ph_graph *graph = plan->graph;
    double total = 0;
    for (size_t t = 0; t < graph->start_term[graph->n_starts]; t++) {
        total +=
            graph->start_coefficient[t] * u[graph->used[graph->start_use[t]] * stride];
    }
    return total <= MOST;
}

int ph_epochs_valid(const ph_plan *plan, const double *u, size_t stride, double t_max)
{
    if (!times_increase(plan, u, stride) || !start_makes_sense(plan, u, stride)) {
        return 0;
    }
    for (size_t e = 0; e < plan->graph->epochs->n; e++) {
        if (e > 0 && u[ph_plan_begins(plan, e) * stride] > t_max) {
            break;
        }
        if (!inputs_inside(plan, u, stride, e) ||
            !rates_make_sense(plan, u + ph_plan_epoch(plan, e) * stride, stride)) {
            return 0;
        }
    }
    return 1;
}
