/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time in groups of states: an expression's values, sorted, and their times added up.
 */
#include "occupancy.h"

#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/model/expr.h"

typedef struct item {
    double value, time;
} item;

static int compare(const void *a, const void *b)
{
    const item *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* The names an expression over states may hold. */
static ph_symbol *find_symbols(const ph_model *model, size_t *length)
{
    ph_symbol *symbol =
        ph_alloc(model->n_constants + model->n_variables + 2, sizeof *symbol);
    size_t n = 0;
    for (size_t i = 0; symbol && i < model->n_constants; i++) {
        symbol[n++] = (ph_symbol){.name = model->constants[i].name,
                                  .kind = PH_SYMBOL_CONSTANT,
                                  .value = model->constants[i].value};
    }
    for (size_t i = 0; symbol && i < model->n_variables; i++) {
        const ph_state_variable *variable = &model->variables[i];
        ph_symbol *to = &symbol[n++];
        *to = (ph_symbol){.name = variable->name,
                          .kind = PH_SYMBOL_STATE,
                          .index = variable->first,
                          .rank = variable->rank};
        memcpy(to->extent, variable->extent, sizeof to->extent);
    }
    if (symbol && model->kind != PH_MODEL_RULES) {
        symbol[n++] = (ph_symbol){.name = "vertex", .kind = PH_SYMBOL_STATE};
    }
    if (symbol && model->kind != PH_MODEL_RULES && model->labels) {
        symbol[n++] = (ph_symbol){.name = "label",
                                  .kind = PH_SYMBOL_STATE,
                                  .index = 1,
                                  .rank = 1,
                                  .extent = {model->n_label}};
    }
    *length = n;
    return symbol;
}

/* The entries that the symbols refer to, of state i. */
static const int32_t *entries(const ph_model *model, const ph_graph *graph, size_t i,
                              int32_t *scratch)
{
    const int32_t *key = graph->keys + i * graph->n_entries;
    if (model->kind == PH_MODEL_RULES) {
        return key;
    }
    scratch[0] = *key;
    if (model->labels) {
        memcpy(scratch + 1, model->labels + (size_t)*key * model->n_label,
               model->n_label * sizeof *scratch);
    }
    return scratch;
}

static int evaluate(const ph_expr *expr, const ph_model *model, const ph_graph *graph,
                    const double *time, item *items, ph_error *error)
{
    int32_t *scratch = ph_alloc(model->n_label + 1, sizeof *scratch);
    int status = scratch ? PH_OK : PH_E_MEMORY;
    for (size_t i = 0; i < graph->n && status == PH_OK; i++) {
        const ph_env env = {entries(model, graph, i, scratch), NULL};
        items[i].time = time[i];
        status = ph_expr_value(expr, &env, &items[i].value, error);
    }
    free(scratch);
    return status;
}

static int add_up(ph_occupancy *self, item *items, size_t n)
{
    self->value = ph_alloc(n, sizeof *self->value);
    self->time = ph_alloc(n, sizeof *self->time);
    if (!self->value || !self->time) {
        return PH_E_MEMORY;
    }
    qsort(items, n, sizeof *items, compare);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || items[i].value != items[i - 1].value) {
            self->value[self->length++] = items[i].value;
        }
        self->time[self->length - 1] += items[i].time;
    }
    return PH_OK;
}

int ph_occupancy_group(ph_occupancy *self, const ph_model *model, const ph_graph *graph,
                       const char *expression, const double *time, ph_error *error)
{
    ph_scope scope = {NULL, 0};
    ph_expr *expr = NULL;
    ph_symbol *symbols = find_symbols(model, &scope.length);
    item *items = ph_alloc(graph->n, sizeof *items);
    int status = symbols && items ? PH_OK : PH_E_MEMORY;
    scope.symbols = symbols;
    if (status == PH_OK) {
        status = ph_expr_parse(&expr, expression, strlen(expression), &scope, error);
    }
    if (status == PH_OK) {
        status = evaluate(expr, model, graph, time, items, error);
    }
    if (status == PH_OK) {
        status = add_up(self, items, graph->n);
    }
    if (status == PH_E_MODEL &&
        error) { /* the mistake is in the command, not the file */
        status = error->status = PH_E_USAGE;
        ph_error_place(error, "--occupancy");
    }
    ph_expr_free(expr);
    free(symbols);
    free(items);
    return status == PH_E_MEMORY ? ph_error_set(error, status, "out of memory")
                                 : status;
}

void ph_occupancy_free(ph_occupancy *self)
{
    free(self->value);
    free(self->time);
    *self = (ph_occupancy){0};
}
