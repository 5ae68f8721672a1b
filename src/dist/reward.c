/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The transformed graph. An earning state is one vertex, or in discrete time a chain of
 * as many as it earns, whose last one has the state's edges. The edges keep the terms
 * of the graph (over the amount in continuous time), and where elimination adds to an
 * entry its slot is one more term; so a reward that is positive everywhere costs
 * nothing beside its rates.
 *
 * The nodes in use are those of the graph (all of them: a rate of a silent state that
 * is negative must still put the parameter vector outside the model), node 0 where
 * chains need it, and those of the reduction that terms refer to.
 */
#include "phasic/dist/reward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"
#include "reward_private.h"

#define ROUNDING 1e-12 /* start probabilities that count as a sum of 1 */

typedef struct term {
    uint32_t target, use; /* until uses are numbered, `use` is a node of the plan */
    double coefficient;
} term;

typedef struct builder {
    const ph_graph *from;
    const double *amount;
    ph_graph *to;
    ph_reduction *reduction;
    ph_reduced_row *row; /* [n + 1] */
    uint32_t *first; /* [n + 1] first vertex of each state; those of silent ones idle */
    term *item;      /* the row at hand */
    size_t length, item_capacity;
    size_t n_terms, capacity[5]; /* of the graph's arrays */
    size_t n_start_terms, complement_terms, complement_capacity[2];
    size_t rest; /* complement of the start law, or SIZE_MAX */
} builder;

enum { TARGET, EDGE, USE, COEFFICIENT, SPARE };

static size_t chain_length(const builder *self, size_t state)
{
    return self->from->discrete ? (size_t)self->amount[state] : self->amount[state] > 0;
}

/* -------------------------------------------------------------------- amounts */

static int refuse(const ph_graph *graph, const ph_model *model, size_t state,
                  double amount, const char *what, ph_error *error)
{
    char text[256], number[32];
    ph_error_file(error, model->file);
    ph_error_found(error, ph_double_text(amount, number), -1);
    return ph_error_set(error, PH_E_MODEL, "the reward in state %s %s",
                        ph_graph_state_text(graph, model, state, text, sizeof text),
                        what);
}

/* Checks all amounts and numbers the vertices. */
static int set_vertices(builder *self, const ph_model *model, size_t max_states,
                        ph_error *error)
{
    const ph_graph *from = self->from;
    double limit = max_states ? (double)max_states : (double)(UINT32_MAX - 1),
           total = 0;
    for (size_t i = 0; i < from->n; i++) {
        double amount = self->amount[i];
        if (!(amount >= 0 && amount < INFINITY)) {
            return refuse(from, model, i, amount, "must be finite and at least 0",
                          error);
        }
        if (from->discrete && amount != floor(amount)) {
            return refuse(from, model, i, amount,
                          "must be a whole number: in discrete time it is earned once "
                          "a visit",
                          error);
        }
        self->first[i] = (uint32_t)total;
        total += from->discrete ? amount : amount > 0;
        if (total > limit) {
            ph_error_file(error, model->file);
            return ph_error_set(error, PH_E_MODEL,
                                "the reward needs more than %.0f vertices, because a "
                                "state that earns k becomes a chain of k; give it in "
                                "larger units",
                                limit);
        }
    }
    if (total == 0) {
        ph_error_file(error, model->file);
        return ph_error_set(error, PH_E_MODEL,
                            "the reward is 0 in every state: nothing is ever earned");
    }
    self->first[from->n] = (uint32_t)total;
    self->to->n = (size_t)total;
    return PH_OK;
}

/* ---------------------------------------------------------------- complements */

static int add_complement(builder *self, size_t *index, const uint32_t *use,
                          const double *coefficient, size_t terms)
{
    ph_reduction *it = self->reduction;
    size_t at = self->complement_terms;
    if (ph_grow(&it->complement_node, &self->complement_capacity[0], at + terms,
                sizeof *it->complement_node) != 0 ||
        ph_grow(&it->complement_coefficient, &self->complement_capacity[1], at + terms,
                sizeof *it->complement_coefficient) != 0) {
        return PH_E_MEMORY;
    }
    for (size_t t = 0; t < terms; t++) {
        it->complement_node[at + t] = self->from->used[use[t]];
        it->complement_coefficient[at + t] = coefficient[t];
    }
    self->complement_terms = at + terms;
    *index = it->n_complements;
    it->complement_begin[++it->n_complements] = at + terms;
    return PH_OK;
}

/* What stays in a state that has become a chain; what the start law leaves out. */
static int set_complements(builder *self)
{
    const ph_graph *from = self->from;
    ph_reduction *it = self->reduction;
    size_t unused, terms = from->start_term[from->n_starts];
    int status = PH_OK, parametric = 0;
    double total = 0;
    it->complement_begin = ph_alloc(from->n + 2, sizeof *it->complement_begin);
    if (!it->complement_begin) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < from->n && status == PH_OK; i++) {
        if (chain_length(self, i) > 1) {
            size_t begin = from->edge_term[from->row[i]];
            status = add_complement(self, &unused, from->term_use + begin,
                                    from->term_coefficient + begin,
                                    from->edge_term[from->row[i + 1]] - begin);
        }
    }
    for (size_t t = 0; t < terms; t++) {
        parametric |= from->used[from->start_use[t]] != 0;
        total += from->start_coefficient[t];
    }
    self->rest = SIZE_MAX;
    int lacks = !from->start_is_complete && (parametric || total < 1 - ROUNDING);
    if (status == PH_OK && lacks) {
        status = add_complement(self, &self->rest, from->start_use,
                                from->start_coefficient, terms);
    }
    it->n_nodes = it->n_slots + it->n_steps + it->n_complements + (it->has_guard != 0);
    return status;
}

static uint32_t complement_node(const builder *self, size_t index)
{
    const ph_reduction *it = self->reduction;
    return (uint32_t)(it->base + it->n_slots + it->n_steps + index);
}

/* ------------------------------------------------------------------------ rows */

static int add_term(builder *self, uint32_t target, uint32_t node, double coefficient)
{
    if (ph_grow(&self->item, &self->item_capacity, self->length + 1,
                sizeof *self->item) != 0) {
        return PH_E_MEMORY;
    }
    self->item[self->length++] = (term){target, node, coefficient};
    return PH_OK;
}

static int compare_terms(const void *a, const void *b)
{
    const term *x = a, *y = b;
    if (x->target != y->target) {
        return x->target < y->target ? -1 : 1;
    }
    return (x->use > y->use) - (x->use < y->use);
}

/* Appends the row at hand to the graph. */
static int write_row(builder *self)
{
    ph_graph *to = self->to;
    size_t edges = to->n_edges, begin = edges;
    if (ph_grow(&to->target, &self->capacity[TARGET], edges + self->length,
                sizeof *to->target) != 0 ||
        ph_grow(&to->edge_term, &self->capacity[EDGE], edges + self->length + 1,
                sizeof *to->edge_term) != 0 ||
        ph_grow(&to->term_use, &self->capacity[USE], self->n_terms + self->length,
                sizeof *to->term_use) != 0 ||
        ph_grow(&to->term_coefficient, &self->capacity[COEFFICIENT],
                self->n_terms + self->length, sizeof *to->term_coefficient) != 0) {
        return PH_E_MEMORY;
    }
    if (self->length > 1) {
        qsort(self->item, self->length, sizeof *self->item, compare_terms);
    }
    for (size_t t = 0; t < self->length; t++) {
        const term *it = &self->item[t];
        if (edges == begin || to->target[edges - 1] != it->target) {
            to->target[edges] = it->target;
            to->edge_term[edges++] = self->n_terms;
        }
        to->term_use[self->n_terms] = it->use;
        to->term_coefficient[self->n_terms++] = it->coefficient;
    }
    to->edge_term[edges] = self->n_terms;
    to->n_edges = edges;
    return PH_OK;
}

/* The terms of an earning state's edges; PH_E_NUMERIC where a rate overflows. */
static int collect_row(builder *self, size_t i)
{
    const ph_graph *from = self->from;
    double amount = from->discrete ? 1 : self->amount[i];
    int status = PH_OK;
    for (size_t e = from->row[i]; e < from->row[i + 1]; e++) {
        uint32_t j = from->target[e];
        if (j < from->n && self->amount[j] == 0) {
            continue;
        }
        for (size_t t = from->edge_term[e]; t < from->edge_term[e + 1]; t++) {
            double coefficient = from->term_coefficient[t] / amount;
            if (!isfinite(coefficient)) {
                return PH_E_NUMERIC;
            }
            status = status != PH_OK
                         ? status
                         : add_term(self, self->first[j], from->used[from->term_use[t]],
                                    coefficient);
        }
    }
    for (size_t e = 0; e < self->row[i].length && status == PH_OK; e++) {
        const ph_reduced_entry *it = &self->row[i].item[e];
        status = isfinite(1 / amount)
                     ? add_term(self, self->first[it->vertex],
                                (uint32_t)self->reduction->base + it->slot, 1 / amount)
                     : PH_E_NUMERIC;
    }
    return status;
}

/* All vertices of an earning state. */
static int build_state(builder *self, size_t i, size_t *chains)
{
    ph_graph *to = self->to;
    size_t n_entries = to->n_entries, length = chain_length(self, i);
    int status = PH_OK;
    for (size_t k = 0; k < length && status == PH_OK; k++) {
        size_t vertex = self->first[i] + k;
        to->row[vertex] = to->n_edges;
        memcpy(to->keys + vertex * n_entries, self->from->keys + i * n_entries,
               n_entries * sizeof *to->keys);
        self->length = 0;
        if (k + 1 < length) {
            status = add_term(self, (uint32_t)vertex + 1, 0, 1);
        } else {
            status = collect_row(self, i);
            if (status == PH_OK && length > 1) {
                status = add_term(self, self->first[i],
                                  complement_node(self, (*chains)++), 1);
            }
        }
        status = status == PH_OK ? write_row(self) : status;
    }
    return status;
}

static int build_rows(builder *self, const ph_model *model, ph_error *error)
{
    ph_graph *to = self->to;
    size_t chains = 0;
    to->row = ph_alloc(to->n + 1, sizeof *to->row);
    to->keys = ph_alloc(to->n * to->n_entries, sizeof *to->keys);
    int status = to->row && to->keys ? PH_OK : PH_E_MEMORY;
    for (size_t i = 0; i < self->from->n && status == PH_OK; i++) {
        status = build_state(self, i, &chains);
        if (status == PH_E_NUMERIC) {
            return refuse(self->from, model, i, self->amount[i],
                          "is so small that a rate divided by it overflows; give it in "
                          "smaller units",
                          error);
        }
    }
    if (status == PH_OK) {
        to->row[to->n] = to->n_edges;
    }
    return status;
}

static int build_start(builder *self)
{
    const ph_graph *from = self->from;
    ph_graph *to = self->to;
    int status = PH_OK;
    self->length = 0;
    for (size_t s = 0; s < from->n_starts; s++) {
        uint32_t i = from->start[s];
        int silent = i < from->n && self->amount[i] == 0;
        for (size_t t = from->start_term[s]; t < from->start_term[s + 1]; t++) {
            if (!silent && status == PH_OK) {
                status = add_term(self, self->first[i], from->used[from->start_use[t]],
                                  from->start_coefficient[t]);
            }
        }
    }
    const ph_reduced_row *row = &self->row[from->n];
    for (size_t e = 0; e < row->length && status == PH_OK; e++) {
        status = add_term(self, self->first[row->item[e].vertex],
                          (uint32_t)self->reduction->base + row->item[e].slot, 1);
    }
    if (status == PH_OK && self->rest != SIZE_MAX) {
        status = add_term(self, (uint32_t)to->n, complement_node(self, self->rest), 1);
    }
    to->start = ph_alloc(self->length, sizeof *to->start);
    to->start_term = ph_alloc(self->length + 1, sizeof *to->start_term);
    to->start_use = ph_alloc(self->length, sizeof *to->start_use);
    to->start_coefficient = ph_alloc(self->length, sizeof *to->start_coefficient);
    if (status != PH_OK || !to->start || !to->start_term || !to->start_use ||
        !to->start_coefficient) {
        return PH_E_MEMORY;
    }
    qsort(self->item, self->length, sizeof *self->item, compare_terms);
    for (size_t t = 0; t < self->length; t++) {
        if (t == 0 || self->item[t].target != self->item[t - 1].target) {
            to->start[to->n_starts] = self->item[t].target;
            to->start_term[to->n_starts++] = t;
        }
        to->start_use[t] = self->item[t].use;
        to->start_coefficient[t] = self->item[t].coefficient;
    }
    to->start_term[to->n_starts] = self->n_start_terms = self->length;
    to->start_is_complete = 1;
    return PH_OK;
}

/* ---------------------------------------------------------------- nodes in use */

/* Lists the nodes in use, and turns the terms' nodes into places in that list. */
static int number_uses(builder *self)
{
    ph_graph *to = self->to;
    const ph_reduction *it = self->reduction;
    size_t nodes = it->base + it->n_nodes;
    uint32_t *place = ph_alloc(nodes, sizeof *place);
    if (!place) {
        return PH_E_MEMORY;
    }
    for (size_t k = 0; k < self->from->n_used; k++) {
        place[self->from->used[k]] = 1;
    }
    for (size_t t = 0; t < self->n_terms; t++) {
        place[to->term_use[t]] = 1;
    }
    for (size_t t = 0; t < self->n_start_terms; t++) {
        place[to->start_use[t]] = 1;
    }
    if (it->has_guard) {
        place[nodes - 1] = 1;
    }
    for (size_t k = 0; k < nodes; k++) {
        to->n_used += place[k];
    }
    to->used = ph_alloc(to->n_used, sizeof *to->used);
    for (uint32_t k = 0, next = 0; to->used && k < nodes; k++) {
        if (place[k]) {
            to->used[next] = k;
            place[k] = next++;
        }
    }
    for (size_t t = 0; t < self->n_terms; t++) {
        to->term_use[t] = place[to->term_use[t]];
    }
    for (size_t t = 0; t < self->n_start_terms; t++) {
        to->start_use[t] = place[to->start_use[t]];
    }
    free(place);
    return to->used ? PH_OK : PH_E_MEMORY;
}

/* Fewest jumps from the start to absorption. */
static int set_distance(ph_graph *graph)
{
    size_t head = 0, tail = 0;
    uint32_t *queue = ph_alloc(graph->n + 1, sizeof *queue);
    uint32_t *distance = ph_alloc(graph->n + 1, sizeof *distance); /* + 1; 0: unseen */
    if (!queue || !distance) {
        free(queue);
        free(distance);
        return PH_E_MEMORY;
    }
    for (size_t s = 0; s < graph->n_starts; s++) {
        if (graph->start[s] < graph->n) {
            queue[tail++] = graph->start[s];
            distance[graph->start[s]] = 1;
        }
    }
    while (distance[graph->n] == 0 && head < tail) {
        uint32_t i = queue[head++];
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            if (distance[graph->target[e]] == 0) {
                distance[graph->target[e]] = distance[i] + 1;
                queue[tail++] = graph->target[e];
            }
        }
    }
    graph->distance = distance[graph->n] - 1;
    free(queue);
    free(distance);
    return PH_OK;
}

/* ---------------------------------------------------------------- construction */

static int build_graph(builder *self, const ph_model *model, ph_error *error)
{
    ph_graph *to = self->to;
    to->discrete = self->from->discrete;
    to->n_entries = self->from->n_entries;
    to->n_absorbing = self->from->n_absorbing;
    int status = set_complements(self);
    if (status == PH_OK) {
        status = build_rows(self, model, error);
    }
    if (status == PH_OK) {
        status = build_start(self);
    }
    if (status == PH_OK) {
        status = number_uses(self);
    }
    if (status == PH_OK) {
        status = set_distance(to);
    }
    to->bytes = sizeof *to + 8 * (to->n + 1) + 4 * to->n * to->n_entries +
                4 * to->n_used + 12 * to->n_edges + 12 * self->n_terms +
                12 * self->n_start_terms + 12 * to->n_starts;
    return status;
}

static int build_plan(ph_plan **self, builder *work)
{
    ph_plan *plan = NULL;
    int status = ph_plan_new(&plan, work->to);
    if (status != PH_OK) {
        return status;
    }
    plan->pool = work->from->pool;
    plan->own = work->to;
    work->to = NULL;
    if (work->reduction->n_nodes > 0) {
        plan->reduction = work->reduction;
        work->reduction = NULL;
        plan->bytes += plan->reduction->bytes + 12 * work->complement_terms;
    }
    plan->bytes += plan->own->bytes;
    *self = plan;
    return PH_OK;
}

int ph_plan_new_reward(ph_plan **self, const ph_graph *graph, const ph_model *model,
                       const double *amount, size_t max_states, ph_error *error)
{
    builder work = {.from = graph, .amount = amount};
    int status = PH_E_MEMORY;
    if (graph->epochs) {
        ph_error_file(error, model->file);
        return ph_error_set(error, PH_E_MODEL,
                            "the total of a reward has no law of its own where rates "
                            "change at given times: with epochs only the time has "
                            "densities");
    }
    work.to = ph_alloc(1, sizeof *work.to);
    work.first = ph_alloc(graph->n + 1, sizeof *work.first);
    work.row = ph_alloc(graph->n + 1, sizeof *work.row);
    if (work.to && work.first && work.row) {
        status = set_vertices(&work, model, max_states, error);
    }
    if (status == PH_OK) {
        status = ph_reduction_record(&work.reduction, graph, amount, work.row);
    }
    if (status == PH_OK) {
        status = build_graph(&work, model, error);
    }
    if (status == PH_OK) {
        status = build_plan(self, &work);
    }
    for (size_t i = 0; work.row && i <= graph->n; i++) {
        free(work.row[i].item);
    }
    free(work.row);
    free(work.first);
    free(work.item);
    ph_reduction_free(work.reduction);
    ph_graph_free(work.to);
    return status == PH_OK ? PH_OK : ph_error_set(error, status, "out of memory");
}
