/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Breadth-first search from the start states. Vertices are visited in the order they
 * were found, so their edges lie row after row without sorting.
 */
#include "search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/clock.h"
#include "phasic/base/memory.h"

#define PROGRESS_STEP 65536
#define ROUNDING      1e-12

int ph_search_blame(ph_search *self, int status, const int32_t *key, const char *place,
                    const char *name)
{
    ph_error *error = self->error;
    if (!error || error->status != PH_E_MODEL) {
        return status;
    }
    if (key) {
        char text[256];
        size_t used = strlen(error->message);
        snprintf(error->message + used, sizeof error->message - used,
                 ", in state %s%s%s%s",
                 ph_key_text(self->model, key, text, sizeof text),
                 name ? ", transition '" : "", name ? name : "", name ? "'" : "");
    }
    error->line = error->column = 0;
    ph_error_file(error, self->model->file);
    if (place) {
        ph_error_place(error, "%s", place);
    }
    return status;
}

static int out_of_memory(ph_search *self)
{
    return ph_error_set(self->error, PH_E_MEMORY, "out of memory after %zu states",
                        self->count);
}

/*
 * Makes the form's terms safe to sum: where a coefficient is negative or a node may be,
 * the whole form becomes one node. Returns 1 where the form is identically zero, 0
 * where it is not, < 0 where it is negative everywhere.
 */
static int settle(ph_search *self)
{
    ph_linear *form = &self->form;
    int safe = 1;
    for (size_t i = 0; i < form->length && safe; i++) {
        double lower, upper;
        ph_pool_range(self->pool, form->node[i], &lower, &upper);
        safe = form->coefficient[i] > 0 && lower >= 0;
    }
    if (form->length == 0) {
        return 1;
    }
    if (safe) {
        return 0;
    }
    double lower, upper;
    ph_linear_range(form, self->pool, &lower, &upper);
    if (upper <= 0) {
        return lower == 0
                   ? 1
                   : ph_error_set(self->error, PH_E_MODEL,
                                  "the %s is negative for every value of the "
                                  "parameters",
                                  self->model->discrete ? "probability" : "rate");
    }
    uint32_t node;
    if (ph_pool_linear(self->pool, form, &node) != PH_OK) {
        return out_of_memory(self);
    }
    form->length = 1;
    form->node[0] = node;
    form->coefficient[0] = 1;
    return 0;
}

/* Appends the form's terms to arrays (node, coefficient) of *length items. */
static int append_terms(const ph_linear *form, uint32_t **node, size_t *node_capacity,
                        double **coefficient, size_t *coefficient_capacity,
                        size_t *length)
{
    if (ph_grow(node, node_capacity, *length + form->length, sizeof **node) != 0 ||
        ph_grow(coefficient, coefficient_capacity, *length + form->length,
                sizeof **coefficient) != 0) {
        return PH_E_MEMORY;
    }
    memcpy(*node + *length, form->node, form->length * sizeof **node);
    memcpy(*coefficient + *length, form->coefficient,
           form->length * sizeof **coefficient);
    *length += form->length;
    return PH_OK;
}

/* Sum of terms from..to with every node at the least it may be, at least 0. */
static double least_sum(const ph_search *self, const uint32_t *node,
                        const double *coefficient, size_t from, size_t to)
{
    double sum = 0;
    for (size_t t = from; t < to; t++) {
        double lower, upper;
        ph_pool_range(self->pool, node[t], &lower, &upper);
        sum += coefficient[t] * (lower > 0 ? lower : 0);
    }
    return sum;
}

int ph_search_edge(ph_search *self, const int32_t *from, const int32_t *key,
                   const char *place, const char *name)
{
    int status = settle(self);
    if (status != 0) {
        return status > 0 ? PH_OK : ph_search_blame(self, status, from, place, name);
    }
    if (memcmp(from, key, self->n_entries * sizeof *key) == 0) {
        self->trapped[self->visited] = 1; /* no event; graph.c looks for other edges */
        if (self->model->discrete) {
            self->stay += least_sum(self, self->form.node, self->form.coefficient, 0,
                                    self->form.length);
        }
        return PH_OK;
    }
    uint32_t vertex;
    status = ph_search_find(self, key, &vertex);
    if (status != PH_OK) {
        return status;
    }
    if (ph_grow(&self->target, &self->target_capacity, self->n_edges + 1,
                sizeof *self->target) != 0 ||
        ph_grow(&self->edge_term, &self->edge_term_capacity, self->n_edges + 2,
                sizeof *self->edge_term) != 0 ||
        append_terms(&self->form, &self->term_node, &self->node_capacity,
                     &self->term_coefficient, &self->coefficient_capacity,
                     &self->n_terms) != 0) {
        return out_of_memory(self);
    }
    self->target[self->n_edges++] = vertex;
    self->edge_term[self->n_edges] = self->n_terms;
    return PH_OK;
}

int ph_search_start(ph_search *self, const int32_t *key)
{
    uint32_t vertex;
    int status = settle(self);
    if (status != 0) {
        return status > 0 ? PH_OK : ph_search_blame(self, status, key, "/start", NULL);
    }
    status = ph_search_find(self, key, &vertex);
    if (status != PH_OK) {
        return status;
    }
    if (ph_grow(&self->start, &self->start_capacity[0], self->n_starts + 1,
                sizeof *self->start) != 0 ||
        ph_grow(&self->start_term, &self->start_capacity[1], self->n_starts + 2,
                sizeof *self->start_term) != 0 ||
        append_terms(&self->form, &self->start_node, &self->start_capacity[2],
                     &self->start_coefficient, &self->start_capacity[3],
                     &self->n_start_terms) != 0) {
        return out_of_memory(self);
    }
    self->start[self->n_starts++] = vertex;
    self->start_term[0] = 0;
    self->start_term[self->n_starts] = self->n_start_terms;
    return PH_OK;
}

/* Discrete time: the probabilities of the vertex just visited, staying included, may
 * not exceed 1. */
static int check_probabilities(ph_search *self, const int32_t *key)
{
    size_t first = self->edge_term[self->row[self->visited]];
    double sum = self->stay + least_sum(self, self->term_node, self->term_coefficient,
                                        first, self->n_terms);
    if (sum <= 1 + ROUNDING) {
        return PH_OK;
    }
    int status =
        ph_error_set(self->error, PH_E_MODEL,
                     "the probabilities of the transitions sum to %.6g or more, "
                     "not to at most 1",
                     sum);
    return ph_search_blame(self, status, key, "/transitions", NULL);
}

static int visit_all(ph_search *self)
{
    int32_t *key = ph_alloc(self->n_entries, sizeof *key);
    int rules = self->model->kind == PH_MODEL_RULES, status = key ? PH_OK : PH_E_MEMORY;
    double start = ph_clock_seconds();
    for (size_t v = 0; v < self->count && status == PH_OK; v++) {
        self->visited = v;
        if (ph_grow(&self->row, &self->row_capacity, v + 2, sizeof *self->row) != 0 ||
            ph_grow(&self->trapped, &self->trapped_capacity, v + 1, 1) != 0) {
            status = out_of_memory(self);
            break;
        }
        self->row[v] = self->n_edges;
        self->trapped[v] = 0;
        self->stay = 0;
        /* a copy: the array of keys moves as it grows */
        memcpy(key, self->keys + v * self->n_entries, self->n_entries * sizeof *key);
        status = rules ? ph_rules_visit(self, key) : ph_explicit_visit(self, key);
        self->row[v + 1] = self->n_edges;
        if (status == PH_OK && self->model->discrete) {
            status = check_probabilities(self, key);
        }
        if (status == PH_OK && v % PROGRESS_STEP == PROGRESS_STEP - 1 &&
            ph_log_progress(self->log, "states", -1, "%zu found, %.2g a second",
                            self->count,
                            (double)self->count / (ph_clock_seconds() - start)) != 0) {
            status = ph_error_set(self->error, PH_E_INTERRUPTED,
                                  "stopped while enumerating states");
        }
    }
    free(key);
    return status == PH_E_MEMORY ? out_of_memory(self) : status;
}

/* The pool of rates, with the range of every input over all epochs. */
static int new_pool(ph_search *self)
{
    const ph_model *model = self->model;
    size_t q = ph_model_inputs(model);
    double *lower = ph_alloc(2 * q, sizeof *lower);
    if (!lower) {
        return PH_E_MEMORY;
    }
    for (size_t m = 0; m < model->n_parameters; m++) {
        lower[m] = model->parameters[m].lower;
        lower[q + m] = model->parameters[m].upper;
    }
    int status = ph_epochs_new(&self->epochs, model, self->error);
    if (status == PH_OK && self->epochs) {
        ph_epochs_range(self->epochs, lower, lower + q);
    }
    if (status == PH_OK) {
        status = ph_pool_new(&self->pool, q, lower, lower + q);
    }
    free(lower);
    return status;
}

int ph_search_run(ph_search *self)
{
    const ph_model *model = self->model;
    int rules = model->kind == PH_MODEL_RULES;
    self->n_entries = rules ? model->n_entries : 1;
    self->next = ph_alloc(self->n_entries, sizeof *self->next);
    self->touched = ph_alloc(self->n_entries, 1);
    int status = self->next && self->touched ? new_pool(self) : PH_E_MEMORY;
    if (status == PH_OK) {
        status = ph_grow(&self->edge_term, &self->edge_term_capacity, 1,
                         sizeof *self->edge_term);
    }
    if (status == PH_E_MEMORY) {
        return out_of_memory(self);
    }
    if (status == PH_OK) {
        self->edge_term[0] = 0;
        status = rules ? ph_rules_start(self) : ph_explicit_start(self);
    }
    return status == PH_OK ? visit_all(self) : status;
}

void ph_search_free(ph_search *self)
{
    free(self->keys);
    free(self->table);
    ph_pool_free(self->pool);
    ph_epochs_free(self->epochs);
    free(self->row);
    free(self->target);
    free(self->edge_term);
    free(self->term_node);
    free(self->term_coefficient);
    free(self->trapped);
    free(self->start);
    free(self->start_term);
    free(self->start_node);
    free(self->start_coefficient);
    ph_linear_free(&self->form);
    free(self->next);
    free(self->touched);
    free(self->explicit_row);
    free(self->explicit_edge);
    memset(self, 0, sizeof *self);
}
