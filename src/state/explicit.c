/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matrix and graph models: the key of a vertex is its number, absorption is -1. */
#include "phasic/base/memory.h"
#include "search.h"

/* Edges bucketed by their source, in file order. */
static int index_edges(ph_search *self)
{
    const ph_model *model = self->model;
    self->explicit_row = ph_alloc(model->n_vertices + 2, sizeof *self->explicit_row);
    self->explicit_edge = ph_alloc(model->n_edges, sizeof *self->explicit_edge);
    if (!self->explicit_row || !self->explicit_edge) {
        return ph_error_set(self->error, PH_E_MEMORY, "out of memory");
    }
    size_t *next = self->explicit_row + 1;
    for (size_t e = 0; e < model->n_edges; e++) {
        next[model->edges[e].from + 1]++;
    }
    for (size_t v = 1; v <= model->n_vertices; v++) {
        next[v] += next[v - 1];
    }
    for (size_t e = 0; e < model->n_edges; e++) {
        self->explicit_edge[next[model->edges[e].from]++] = e;
    }
    return PH_OK;
}

int ph_explicit_start(ph_search *self)
{
    const ph_model *model = self->model;
    const ph_env env = {NULL, NULL};
    int status = index_edges(self);
    for (size_t v = 0; v < model->n_vertices && status == PH_OK; v++) {
        if (!model->initial[v]) {
            continue;
        }
        int32_t key = (int32_t)v;
        status = ph_expr_linear(model->initial[v], &env, self->pool, &self->form,
                                self->error);
        if (status != PH_OK) {
            return ph_search_blame(self, status, NULL, "/initial", NULL);
        }
        status = ph_search_start(self, &key);
    }
    return status;
}

int ph_explicit_visit(ph_search *self, const int32_t *key)
{
    if (*key < 0) {
        return PH_OK;
    }
    const ph_model *model = self->model;
    const ph_env env = {NULL, NULL};
    for (size_t k = self->explicit_row[*key]; k < self->explicit_row[*key + 1]; k++) {
        const ph_explicit_edge *edge = &model->edges[self->explicit_edge[k]];
        int32_t to = edge->to == PH_ABSORPTION ? -1 : (int32_t)edge->to;
        int status =
            ph_expr_linear(edge->rate, &env, self->pool, &self->form, self->error);
        if (status != PH_OK) {
            return ph_search_blame(self, status, key, edge->place, NULL);
        }
        status = ph_search_edge(self, key, &to, edge->place, NULL);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}
