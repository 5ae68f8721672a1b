/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both tables come from one counting sort over the graph's terms: terms are visited in
 * order of (source, target, intermediate), bucketed by row, then ordered by
 * intermediate within the row so that terms of one intermediate form a group. Rows are
 * then sorted by shape and intermediates; what has no shape keeps the graph's order.
 */
#include "phasic/dist/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    free(table->run);
    free(table->row_vertex);
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
    table->run = ph_alloc(rows, sizeof *table->run);
    table->row_vertex = ph_alloc(rows, sizeof *table->row_vertex);
    table->row_group = ph_alloc(rows + 1, sizeof *table->row_group);
    table->group_use = ph_alloc(terms, sizeof *table->group_use);
    table->group_term = ph_alloc(terms + 1, sizeof *table->group_term);
    table->term_vertex = ph_alloc(terms, sizeof *table->term_vertex);
    table->coefficient = ph_alloc(terms, sizeof *table->coefficient);
    table->group_sum = ph_alloc(terms, sizeof *table->group_sum);
    return table->run && table->row_vertex && table->row_group && table->group_use &&
                   table->group_term && table->term_vertex && table->coefficient &&
                   table->group_sum
               ? PH_OK
               : PH_E_MEMORY;
}

/* A row before it has its place: what it is sorted by, and its items. */
typedef struct row_key {
    unsigned shape;
    uint32_t use[PH_SHAPE_GROUPS], vertex;
} row_key;

/* The key of a vertex with sorted items [0, n). */
static row_key key_of(const item *items, size_t n, uint32_t vertex)
{
    row_key key = {PH_SHAPE_ANY, {0}, vertex};
    unsigned size[PH_SHAPE_GROUPS + 1] = {0};
    size_t groups = 0;
    for (size_t t = 0; t < n; t++) {
        if (t == 0 || items[t].use != items[t - 1].use) {
            if (groups == PH_SHAPE_GROUPS) {
                return (row_key){PH_SHAPE_ANY, {0}, vertex};
            }
            key.use[groups++] = items[t].use;
        }
        if (++size[groups - 1] > PH_SHAPE_TERMS) {
            return (row_key){PH_SHAPE_ANY, {0}, vertex};
        }
    }
    key.shape = PH_SHAPE(size[0], size[1], size[2]);
    return key;
}

static int compare_kinds(const row_key *x, const row_key *y)
{
    if (x->shape != y->shape) {
        return x->shape < y->shape ? -1 : 1;
    }
    for (int k = 0; k < PH_SHAPE_GROUPS; k++) {
        if (x->use[k] != y->use[k]) {
            return x->use[k] < y->use[k] ? -1 : 1;
        }
    }
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    const row_key *x = a, *y = b;
    int order = compare_kinds(x, y);
    return order ? order : (x->vertex > y->vertex) - (x->vertex < y->vertex);
}

/* Sorts the items of each vertex, and all rows but that of absorption, into runs. */
static void table_sort(ph_group_table *table, item *items, const size_t *first,
                       size_t states, row_key *key)
{
    for (size_t i = 0; i < table->n_rows; i++) {
        size_t n = first[i + 1] - first[i];
        qsort(items + first[i], n, sizeof *items, compare_items);
        key[i] = key_of(items + first[i], n, (uint32_t)i);
    }
    qsort(key, states, sizeof *key, compare_keys);
    for (size_t r = 0; r < states; r++) {
        if (r == 0 || compare_kinds(&key[r - 1], &key[r]) != 0) {
            table->run[table->n_runs++] = (ph_row_run){r, r, key[r].shape};
        }
        table->run[table->n_runs - 1].end = r + 1;
    }
}

static void table_fill(ph_group_table *table, const item *items, const size_t *first,
                       const row_key *key)
{
    size_t groups = 0, terms = 0;
    for (size_t r = 0; r < table->n_rows; r++) {
        uint32_t vertex = key[r].vertex;
        const item *row = items + first[vertex];
        size_t n = first[vertex + 1] - first[vertex];
        table->row_vertex[r] = vertex;
        table->row_group[r] = groups;
        for (size_t t = 0; t < n; t++, terms++) {
            if (t == 0 || row[t].use != row[t - 1].use) {
                table->group_use[groups] = row[t].use;
                table->group_term[groups++] = terms;
            }
            table->term_vertex[terms] = row[t].vertex;
            table->coefficient[terms] = row[t].coefficient;
            table->group_sum[groups - 1] += row[t].coefficient;
        }
    }
    table->row_group[table->n_rows] = groups;
    table->group_term[groups] = terms;
    table->n_groups = groups;
}

static int table_build(ph_group_table *table, const ph_graph *graph, int by_target)
{
    size_t rows = by_target ? graph->n + 1 : graph->n;
    size_t *first = ph_alloc(rows + 2, sizeof *first);
    row_key *key = ph_alloc(rows, sizeof *key);
    item *items = first ? bucket(graph, by_target, rows, first) : NULL;
    int status = items && key
                     ? table_allocate(table, rows, graph->edge_term[graph->n_edges])
                     : PH_E_MEMORY;
    if (status == PH_OK) {
        table_sort(table, items, first, graph->n, key);
        table_fill(table, items, first, key);
    }
    free(items);
    free(key);
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
    plan->bytes = sizeof *plan + 36 * (plan->in.n_rows + plan->out.n_rows + 4) +
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

/*
 * Nodes of a plan with epochs: the pool's in epoch 0; those of the epochs' own pool;
 * room for inputs[q]; the pool's in epochs 1, 2, ... `width` is PH_LANES or 1.
 */
size_t ph_plan_nodes(const ph_plan *self)
{
    const ph_epochs *epochs = self->graph->epochs;
    size_t pool = ph_pool_length(self->pool);
    if (epochs) {
        return pool * epochs->n + ph_epochs_nodes(epochs) + epochs->q;
    }
    return pool + (self->reduction ? self->reduction->n_nodes : 0);
}

size_t ph_plan_parameters(const ph_plan *self)
{
    const ph_epochs *epochs = self->graph->epochs;
    return epochs ? epochs->p : ph_pool_parameters(self->pool);
}

static size_t epochs_room(const ph_plan *self)
{
    return ph_pool_length(self->pool) + ph_epochs_nodes(self->graph->epochs);
}

size_t ph_plan_epoch(const ph_plan *self, size_t epoch)
{
    size_t pool = ph_pool_length(self->pool);
    return epoch ? epochs_room(self) + self->graph->epochs->q + (epoch - 1) * pool : 0;
}

size_t ph_plan_begins(const ph_plan *self, size_t epoch)
{
    return ph_pool_length(self->pool) + self->graph->epochs->begin[epoch];
}

static void epochs_eval(const ph_plan *self, size_t width, const double *theta,
                        double *u)
{
    const ph_epochs *epochs = self->graph->epochs;
    double *x = u + ph_pool_length(self->pool) * width;
    double *input = u + epochs_room(self) * width;
    if (width == 1) {
        ph_epochs_eval_plain(epochs, theta, input, x);
    } else {
        ph_epochs_eval(epochs, theta, input, x);
    }
    for (size_t e = 0; e < epochs->n; e++) {
        double *to = u + ph_plan_epoch(self, e) * width;
        if (width == 1) {
            ph_epochs_input_plain(epochs, x, e, input);
            ph_pool_eval_plain(self->pool, input, to);
        } else {
            ph_epochs_input(epochs, x, e, input);
            ph_pool_eval(self->pool, input, to);
        }
    }
}

static void epochs_adjoint(const ph_plan *self, size_t width, const double *u,
                           double *u_bar, double *theta_bar)
{
    const ph_epochs *epochs = self->graph->epochs;
    static const double nothing[PH_LANES] = {0};
    size_t pool = ph_pool_length(self->pool) * width;
    double *x_bar = u_bar + pool, *input_bar = u_bar + epochs_room(self) * width;
    for (size_t e = 0; e < epochs->n; e++) {
        size_t first = ph_plan_epoch(self, e) * width;
        memset(input_bar, 0, epochs->q * width * sizeof *input_bar);
        if (width == 1) {
            ph_pool_adjoint_plain(self->pool, u + first, u_bar + first, input_bar);
            ph_epochs_gather_plain(epochs, e, input_bar, 0, x_bar);
        } else {
            ph_pool_adjoint(self->pool, u + first, u_bar + first, input_bar);
            ph_epochs_gather(epochs, e, input_bar, nothing, x_bar);
        }
    }
    if (width == 1) {
        ph_epochs_adjoint_plain(epochs, u + pool, x_bar, input_bar, theta_bar);
    } else {
        ph_epochs_adjoint(epochs, u + pool, x_bar, input_bar, theta_bar);
    }
}

void ph_plan_eval(const ph_plan *self, const double *theta, double *u)
{
    if (self->graph->epochs) {
        epochs_eval(self, PH_LANES, theta, u);
        return;
    }
    ph_pool_eval(self->pool, theta, u);
    if (self->reduction) {
        ph_reduction_eval(self->reduction, u);
    }
}

void ph_plan_adjoint(const ph_plan *self, const double *u, double *u_bar,
                     double *theta_bar)
{
    if (self->graph->epochs) {
        epochs_adjoint(self, PH_LANES, u, u_bar, theta_bar);
        return;
    }
    if (self->reduction) {
        ph_reduction_adjoint(self->reduction, u, u_bar);
    }
    ph_pool_adjoint(self->pool, u, u_bar, theta_bar);
}

void ph_plan_eval_plain(const ph_plan *self, const double *theta, double *u)
{
    if (self->graph->epochs) {
        epochs_eval(self, 1, theta, u);
        return;
    }
    ph_pool_eval_plain(self->pool, theta, u);
    if (self->reduction) {
        ph_reduction_eval_plain(self->reduction, u);
    }
}

void ph_plan_adjoint_plain(const ph_plan *self, const double *u, double *u_bar,
                           double *theta_bar)
{
    if (self->graph->epochs) {
        epochs_adjoint(self, 1, u, u_bar, theta_bar);
        return;
    }
    if (self->reduction) {
        ph_reduction_adjoint_plain(self->reduction, u, u_bar);
    }
    ph_pool_adjoint_plain(self->pool, u, u_bar, theta_bar);
}

/* Largest total rate of one epoch, whose nodes begin at u. */
static void one_rate(const ph_plan *self, const double *u, double rate[PH_LANES])
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

/* The share of [0, t_max] that lies in an epoch; 0 where times make no sense. */
static double share_of(const ph_plan *self, const double *u, size_t epoch, size_t lane,
                       double t_max)
{
    double begin = u[ph_plan_begins(self, epoch) * PH_LANES + lane], end = t_max;
    if (epoch + 1 < self->graph->epochs->n) {
        end = fmin(end, u[ph_plan_begins(self, epoch + 1) * PH_LANES + lane]);
    }
    return end > begin ? (end - begin) / t_max : 0;
}

void ph_plan_rate(const ph_plan *self, const double *u, double t_max,
                  double rate[PH_LANES])
{
    if (!self->graph->epochs) {
        one_rate(self, u, rate);
        return;
    }
    double here[PH_LANES];
    for (size_t l = 0; l < PH_LANES; l++) {
        rate[l] = 0;
    }
    for (size_t e = 0; e < self->graph->epochs->n; e++) {
        one_rate(self, u + ph_plan_epoch(self, e) * PH_LANES, here);
        for (size_t l = 0; l < PH_LANES; l++) {
            if (t_max == INFINITY) {
                rate[l] = here[l] > rate[l] ? here[l] : rate[l];
            } else {
                rate[l] += share_of(self, u, e, l, t_max) * here[l];
            }
        }
    }
}

double ph_plan_joint_steps(const ph_plan *self, const double *u, double t,
                           unsigned lanes)
{
    double steps = 0;
    for (size_t e = 0; e < self->graph->epochs->n; e++) {
        double here[PH_LANES], rate = 0, share = 0;
        one_rate(self, u + ph_plan_epoch(self, e) * PH_LANES, here);
        for (size_t l = 0; l < PH_LANES; l++) {
            double mine = lanes >> l & 1 ? share_of(self, u, e, l, t) : 0;
            if (mine > 0) {
                rate = fmax(rate, here[l]);
                share = fmax(share, mine);
            }
        }
        steps += rate * share * t;
    }
    return steps;
}
