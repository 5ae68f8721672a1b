/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both tables come from one counting sort over the graph's terms: terms are visited in
 * order of (source, target, intermediate), bucketed by row, then ordered by
 * intermediate within the row so that terms of one intermediate form a group.
 */
#include "phasic/dist/plan.h"

#include <stdlib.h>

#include "phasic/base/memory.h"
#include "reward_private.h"

typedef struct item {
    uint32_t use, vertex;
    double coefficient;
} item;

static int compare_items(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->use != y->use) {
        return x->use < y->use ? -1 : 1;
    }
    return (x->vertex > y->vertex) - (x->vertex < y->vertex);
}

static void table_free(ph_group_table *table)
{
    free(table->row_group);
    free(table->group_use);
    free(table->group_term);
    free(table->term_vertex);
    free(table->coefficient);
    free(table->group_sum);
}

/* Items bucketed by row: first[rows + 1] and the items. NULL on lack of memory. */
static item *bucket(const ph_graph *graph, int by_target, size_t rows, size_t *first)
{
    size_t terms = graph->edge_term[graph->n_edges];
    item *items = ph_alloc(terms, sizeof *items);
    if (!items) {
        return NULL;
    }
    for (size_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            size_t row = by_target ? graph->target[e] : i;
            first[row + 1] += graph->edge_term[e + 1] - graph->edge_term[e];
        }
    }
    for (size_t r = 0; r < rows; r++) {
        first[r + 1] += first[r];
    }
    for (size_t i = graph->n; i-- > 0;) {
        for (size_t e = graph->row[i + 1]; e-- > graph->row[i];) {
            size_t row = by_target ? graph->target[e] : i;
            for (size_t t = graph->edge_term[e + 1]; t-- > graph->edge_term[e];) {
                item *it = &items[--first[row + 1]];
                it->use = graph->term_use[t];
                it->vertex = by_target ? (uint32_t)i : graph->target[e];
                it->coefficient = graph->term_coefficient[t];
            }
        }
    }
    /* first[r + 1] now holds the start of row r; shift it down */
    for (size_t r = 0; r < rows; r++) {
        first[r] = first[r + 1];
    }
    first[rows] = terms;
    return items;
}

static int table_allocate(ph_group_table *table, size_t rows, size_t terms)
{
    table->n_rows = rows;
    table->n_terms = terms;
    table->row_group = ph_alloc(rows + 1, sizeof *table->row_group);
    table->group_use = ph_alloc(terms, sizeof *table->group_use);
    table->group_term = ph_alloc(terms + 1, sizeof *table->group_term);
    table->term_vertex = ph_alloc(terms, sizeof *table->term_vertex);
    table->coefficient = ph_alloc(terms, sizeof *table->coefficient);
    table->group_sum = ph_alloc(terms, sizeof *table->group_sum);
    return table->row_group && table->group_use && table->group_term &&
                   table->term_vertex && table->coefficient && table->group_sum
               ? PH_OK
               : PH_E_MEMORY;
}

static int table_build(ph_group_table *table, const ph_graph *graph, int by_target)
{
    size_t rows = by_target ? graph->n + 1 : graph->n;
    size_t terms = graph->edge_term[graph->n_edges];
    size_t *first = ph_alloc(rows + 2, sizeof *first);
    item *items = first ? bucket(graph, by_target, rows, first) : NULL;
    int status = items ? table_allocate(table, rows, terms) : PH_E_MEMORY;
    if (status != PH_OK) {
        goto out;
    }
    size_t groups = 0;
    for (size_t r = 0; r < rows; r++) {
        table->row_group[r] = groups;
        qsort(items + first[r], first[r + 1] - first[r], sizeof *items, compare_items);
        for (size_t t = first[r]; t < first[r + 1]; t++) {
            if (t == first[r] || items[t].use != items[t - 1].use) {
                table->group_use[groups] = items[t].use;
                table->group_term[groups++] = t;
            }
            table->term_vertex[t] = items[t].vertex;
            table->coefficient[t] = items[t].coefficient;
            table->group_sum[groups - 1] += items[t].coefficient;
        }
    }
    table->row_group[rows] = groups;
    table->group_term[groups] = terms;
    table->n_groups = groups;
out:
    free(items);
    free(first);
    return status;
}

int ph_plan_new(ph_plan **self, const ph_graph *graph)
{
    ph_plan *plan = ph_alloc(1, sizeof *plan);
    if (!plan) {
        return PH_E_MEMORY;
    }
    plan->graph = graph;
    plan->pool = graph->pool;
    ph_components components = {0};
    int status = ph_components_find(&components, graph);
    plan->cyclic = components.cyclic;
    ph_components_free(&components);
    if (status == PH_OK) {
        status = table_build(&plan->in, graph, 1);
    }
    if (status == PH_OK) {
        status = table_build(&plan->out, graph, 0);
    }
    if (status != PH_OK) {
        ph_plan_free(plan);
        return status;
    }
    plan->bytes = sizeof *plan + 8 * (plan->in.n_rows + plan->out.n_rows + 4) +
                  32 * (plan->in.n_terms + plan->out.n_terms);
    *self = plan;
    return PH_OK;
}

void ph_plan_free(ph_plan *self)
{
    if (self) {
        table_free(&self->in);
        table_free(&self->out);
        ph_reduction_free(self->reduction);
        ph_graph_free(self->own);
        free(self);
    }
}

size_t ph_plan_nodes(const ph_plan *self)
{
    return ph_pool_length(self->pool) +
           (self->reduction ? self->reduction->n_nodes : 0);
}

size_t ph_plan_parameters(const ph_plan *self)
{
    return ph_pool_parameters(self->pool);
}

void ph_plan_eval(const ph_plan *self, const double *theta, double *u)
{
    ph_pool_eval(self->pool, theta, u);
    if (self->reduction) {
        ph_reduction_eval(self->reduction, u);
    }
}

void ph_plan_adjoint(const ph_plan *self, const double *u, double *u_bar,
                     double *theta_bar)
{
    if (self->reduction) {
        ph_reduction_adjoint(self->reduction, u, u_bar);
    }
    ph_pool_adjoint(self->pool, u, u_bar, theta_bar);
}

void ph_plan_eval_plain(const ph_plan *self, const double *theta, double *u)
{
    ph_pool_eval_plain(self->pool, theta, u);
    if (self->reduction) {
        ph_reduction_eval_plain(self->reduction, u);
    }
}

void ph_plan_adjoint_plain(const ph_plan *self, const double *u, double *u_bar,
                           double *theta_bar)
{
    if (self->reduction) {
        ph_reduction_adjoint_plain(self->reduction, u, u_bar);
    }
    ph_pool_adjoint_plain(self->pool, u, u_bar, theta_bar);
}

void ph_plan_rate(const ph_plan *self, const double *u, double rate[PH_LANES])
{
    const ph_group_table *out = &self->out;
    const ph_lanes *nodes = (const ph_lanes *)u;
    for (int l = 0; l < PH_LANES; l++) {
        rate[l] = 0;
    }
    for (size_t i = 0; i < out->n_rows; i++) {
        ph_lanes d = {0};
        for (size_t k = out->row_group[i]; k < out->row_group[i + 1]; k++) {
            d += out->group_sum[k] * nodes[self->graph->used[out->group_use[k]]];
        }
        for (int l = 0; l < PH_LANES; l++) {
            rate[l] = d[l] > rate[l] ? d[l] : rate[l];
        }
    }
}
