/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Epochs: from a time on some parameters or constants have other values. A constant
 * that an epoch sets is not folded into rates but is a further parameter of theirs, so
 * that one graph serves all epochs; what the states are made of may not use it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_private.h"
#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"

/* Malformed epochs are passed over here; ph_read_epochs speaks of them. */
int ph_find_varying(ph_reader *r, const cJSON *root)
{
    const cJSON *parameters = ph_json_get(root, "parameters");
    const cJSON *epochs = ph_json_get(root, "epochs"), *epoch, *item;
    size_t n = 0;
    r->declared =
        cJSON_IsObject(parameters) ? (size_t)cJSON_GetArraySize(parameters) : 0;
    cJSON_ArrayForEach(epoch, epochs)
    {
        const cJSON *set = ph_json_get(epoch, "set");
        n += cJSON_IsObject(set) ? (size_t)cJSON_GetArraySize(set) : 0;
    }
    r->varying = ph_alloc(n, sizeof *r->varying);
    r->model->varying = ph_alloc(n, sizeof *r->model->varying);
    if (!r->varying || !r->model->varying) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(epoch, epochs)
    {
        const cJSON *set = ph_json_get(epoch, "set");
        if (cJSON_IsObject(set)) {
            cJSON_ArrayForEach(item, set)
            {
                r->varying[r->n_varying++] = item->string;
            }
        }
    }
    return PH_OK;
}

static int unknown_epoch_name(ph_reader *r, const cJSON *item)
{
    const char **names = ph_alloc(r->n_symbols, sizeof *names);
    size_t n = 0;
    if (!names) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < r->n_symbols; i++) {
        if (r->symbols[i].kind != PH_SYMBOL_STATE) {
            names[n++] = r->symbols[i].name;
        }
    }
    const char *nearest = ph_nearest_name(item->string, names, n);
    int status = ph_fail_key(r, item, "expected a parameter or a constant%s%s%s",
                             nearest ? "; did you mean '" : "", nearest ? nearest : "",
                             nearest ? "'?" : "");
    free(names);
    return status;
}

static int read_epoch_set(ph_reader *r, const cJSON *item, ph_epoch_set *set)
{
    const ph_symbol *symbol = NULL;
    for (size_t i = 0; i < r->n_symbols && !symbol; i++) {
        if (strcmp(r->symbols[i].name, item->string) == 0 &&
            r->symbols[i].kind != PH_SYMBOL_STATE) {
            symbol = r->symbols + i;
        }
    }
    if (!symbol) {
        return unknown_epoch_name(r, item);
    }
    set->input = symbol->index;
    return ph_read_expr(r, item, PH_USES_PARAMETERS, "the value of an epoch",
                        &set->value);
}

/* The time an epoch begins; *last is that of the latest constant one before it. */
static int read_at(ph_reader *r, const cJSON *item, ph_epoch *epoch, double *last)
{
    double at;
    char text[2][32];
    int status =
        ph_read_expr(r, item, PH_USES_PARAMETERS, "the time of an epoch", &epoch->at);
    if (status == PH_OK && r->model->discrete && !ph_expr_is_constant(epoch->at)) {
        return ph_fail(r, item,
                       "in discrete time an epoch begins after a whole number of "
                       "steps, which holds no parameter");
    }
    if (status != PH_OK || !ph_expr_is_constant(epoch->at) ||
        (status = ph_expr_constant(r, item, epoch->at, &at)) != PH_OK) {
        return status;
    }
    if (!(at > *last)) {
        return ph_fail(r, item,
                       "the times of epochs increase: expected more than %s, "
                       "not %s",
                       ph_double_text(*last, text[0]), ph_double_text(at, text[1]));
    }
    if (r->model->discrete && at != floor(at)) {
        return ph_fail(r, item,
                       "in discrete time an epoch begins after a whole number of "
                       "steps, not %s",
                       ph_double_text(at, text[0]));
    }
    *last = at;
    return PH_OK;
}

static int read_epoch(ph_reader *r, const cJSON *object, ph_epoch *epoch, double *last)
{
    static const char *const keys[] = {"at", "set"};
    int status = ph_read_object(r, object, "an epoch", keys, PH_COUNT(keys));
    if (status != PH_OK) {
        return status;
    }
    const cJSON *at = ph_json_get(object, "at"), *set = ph_json_get(object, "set"),
                *item;
    if (!at || !set) {
        return ph_fail(r, object, "the key '%s' is missing", at ? "set" : "at");
    }
    if ((status = read_at(r, at, epoch, last)) != PH_OK ||
        (status = ph_read_object(r, set, "'set'", NULL, 0)) != PH_OK) {
        return status;
    }
    if (!set->child) {
        return ph_fail(r, set, "expected at least one parameter or constant");
    }
    epoch->sets = ph_alloc((size_t)cJSON_GetArraySize(set), sizeof *epoch->sets);
    if (!epoch->sets) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, set)
    {
        if ((status = read_epoch_set(r, item, epoch->sets + epoch->n_sets++)) !=
            PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

int ph_read_epochs(ph_reader *r, const cJSON *list)
{
    ph_model *model = r->model;
    const cJSON *item;
    double last = 0;
    size_t n;
    int status = ph_read_list(r, list, "'epochs'", &n);
    if (status != PH_OK) {
        return status;
    }
    if (!(model->epochs = ph_alloc(n, sizeof *model->epochs))) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, list)
    {
        status = read_epoch(r, item, model->epochs + model->n_epochs++, &last);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}
