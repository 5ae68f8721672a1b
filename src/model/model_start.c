/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Entries of the state as assignments name them ("left", "k[2]", "k[i][j]"), and the
 * start law. Indices and values of `start` hold constants only, so its states are
 * checked here in full.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_private.h"
#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"

/* ---- targets ---- */

static int unknown_variable(ph_reader *r, const cJSON *item, const char *name)
{
    const ph_model *model = r->model;
    const char **names = ph_alloc(model->n_variables, sizeof *names);
    if (!names) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < model->n_variables; i++) {
        names[i] = model->variables[i].name;
    }
    const char *nearest = ph_nearest_name(name, names, model->n_variables);
    int status = ph_fail_key(r, item, "no state variable has this name%s%s%s",
                             nearest ? "; did you mean '" : "", nearest ? nearest : "",
                             nearest ? "'?" : "");
    free(names);
    return status;
}

/* Finds the variable a target begins with; *end is the byte after its name. */
static int find_variable(ph_reader *r, const cJSON *item, size_t *variable, size_t *end)
{
    size_t blanks = strspn(item->string, " \t");
    const char *text = item->string + blanks;
    size_t length = strcspn(text, "[ \t");
    char *name = ph_strndup(text, length);
    int status = PH_E_MEMORY;
    if (name) {
        size_t i = 0;
        while (i < r->model->n_variables &&
               strcmp(r->model->variables[i].name, name) != 0) {
            i++;
        }
        *variable = i;
        *end = blanks + length;
        status = i < r->model->n_variables ? PH_OK : unknown_variable(r, item, name);
    }
    free(name);
    return status;
}

/* Bytes from an opening bracket to its closing one, 0 if there is none. */
static size_t bracket_length(const char *text)
{
    size_t depth = 0;
    for (size_t i = 0; text[i]; i++) {
        depth += text[i] == '[';
        depth -= text[i] == ']';
        if (depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* A constant index must be whole and inside the array. */
static int check_index(ph_reader *r, const cJSON *item, const ph_expr *index,
                       size_t extent)
{
    const ph_env nothing = {NULL, NULL};
    double value;
    char text[32];
    if (!ph_expr_is_constant(index)) {
        return PH_OK;
    }
    int status = ph_expr_value(index, &nothing, &value, r->error);
    if (status == PH_E_MODEL) {
        ph_json_locate(&r->json, item, 1, r->error);
    }
    if (status == PH_OK &&
        (value != floor(value) || value < 0 || value >= (double)extent)) {
        status = ph_fail_key(r, item,
                             "the index %s lies outside the array: expected a whole "
                             "number from 0 to %zu",
                             ph_double_text(value, text), extent - 1);
    }
    return status;
}

static int wrong_indices(ph_reader *r, const cJSON *item, const ph_state_variable *v)
{
    if (v->rank == 0) {
        return ph_fail_key(r, item,
                           "this state variable is a single number: it has no "
                           "index");
    }
    return ph_fail_key(r, item,
                       "this state variable is an array: expected %zu ind%s in "
                       "brackets after its name",
                       v->rank, v->rank == 1 ? "ex" : "ices");
}

int ph_read_target(ph_reader *r, const cJSON *item, unsigned allowed,
                   ph_assignment *assignment)
{
    const char *text = item->string;
    size_t at;
    int status = find_variable(r, item, &assignment->variable, &at);
    if (status != PH_OK) {
        return status;
    }
    if (!(assignment->text = ph_strdup(text))) {
        return PH_E_MEMORY;
    }
    const ph_state_variable *v = r->model->variables + assignment->variable;
    for (at += strspn(text + at, " \t"); text[at]; at += strspn(text + at, " \t")) {
        size_t length = text[at] == '[' ? bracket_length(text + at) : 0;
        if (length == 0) {
            return ph_fail_key(r, item,
                               "expected a state variable, with an index in "
                               "brackets for each dimension it has");
        }
        if (assignment->n_indices == v->rank) {
            return wrong_indices(r, item, v);
        }
        ph_expr **index = assignment->index + assignment->n_indices;
        status =
            ph_read_key_expr(r, item, at + 1, length - 2, allowed, "an index", index);
        if (status != PH_OK) {
            return status;
        }
        size_t extent = v->extent[assignment->n_indices++];
        if ((status = check_index(r, item, *index, extent)) != PH_OK) {
            return status;
        }
        at += length;
    }
    return assignment->n_indices == v->rank ? PH_OK : wrong_indices(r, item, v);
}

/* ---- start ---- */

/* Number of the entry an assignment with constant indices names. */
static int constant_entry(ph_reader *r, const ph_assignment *assignment, size_t *entry)
{
    const ph_state_variable *v = r->model->variables + assignment->variable;
    const ph_env nothing = {NULL, NULL};
    size_t offset = 0;
    for (size_t i = 0; i < v->rank; i++) {
        double index;
        int status = ph_expr_value(assignment->index[i], &nothing, &index, r->error);
        if (status != PH_OK) {
            return status;
        }
        offset = offset * v->extent[i] + (size_t)index;
    }
    *entry = v->first + offset;
    return PH_OK;
}

static int read_start_entry(ph_reader *r, const cJSON *item, ph_assignment *assignment,
                            size_t *entry)
{
    long value;
    int status = ph_read_target(r, item, 0, assignment);
    if (status != PH_OK ||
        (status = ph_read_whole(r, item, "an entry of the state", 0, INT32_MAX,
                                &value)) != PH_OK ||
        (status = ph_read_expr(r, item, 0, "'start'", &assignment->value)) != PH_OK ||
        (status = constant_entry(r, assignment, entry)) != PH_OK) {
        return status;
    }
    return r->marks[*entry]
               ? ph_fail_key(r, item, "this entry of the state is given twice")
               : PH_OK;
}

static int read_start_state(ph_reader *r, const cJSON *object, ph_start *start)
{
    const cJSON *item;
    int status = ph_read_object(r, object, "a state", NULL, 0);
    if (status != PH_OK) {
        return status;
    }
    size_t n = (size_t)cJSON_GetArraySize(object),
           *entries = ph_alloc(n, sizeof *entries);
    start->assignments = ph_alloc(n, sizeof *start->assignments);
    if (!entries || !start->assignments) {
        status = PH_E_MEMORY;
        goto out;
    }
    cJSON_ArrayForEach(item, object)
    {
        size_t k = start->n_assignments++;
        status = read_start_entry(r, item, start->assignments + k, entries + k);
        if (status != PH_OK) {
            goto out;
        }
        r->marks[entries[k]] = 1;
    }
    for (size_t k = 0; k < n; k++) {
        r->marks[entries[k]] = 0;
    }
out:
    free(entries);
    return status;
}

static int read_weighted(ph_reader *r, const cJSON *item, ph_start *start,
                         ph_total *total)
{
    static const char *const keys[] = {"state", "probability"};
    int status = ph_read_object(r, item, "a start", keys, PH_COUNT(keys));
    if (status != PH_OK) {
        return status;
    }
    const cJSON *state = ph_json_get(item, "state");
    const cJSON *probability = ph_json_get(item, "probability");
    if (!state || !probability) {
        return ph_fail(r, item, "the key '%s' is missing",
                       state ? "probability" : "state");
    }
    status = ph_read_expr(r, probability, PH_USES_PARAMETERS, "a start probability",
                          &start->probability);
    if (status != PH_OK ||
        (status = ph_check_amount(r, probability, start->probability, 1)) != PH_OK ||
        (status = ph_total_add(r, total, start->probability)) != PH_OK) {
        return status;
    }
    return read_start_state(r, state, start);
}

int ph_read_start(ph_reader *r, const cJSON *root)
{
    ph_model *model = r->model;
    const cJSON *given = ph_json_get(root, "start"), *item;
    if (!given) {
        return ph_fail(r, root, "the key 'start' is missing: it gives the first state");
    }
    int list = cJSON_IsArray(given);
    size_t n = list ? (size_t)cJSON_GetArraySize(given) : 1;
    if (n == 0) {
        return ph_fail(r, given, "expected at least one start");
    }
    model->starts = ph_alloc(n, sizeof *model->starts);
    r->marks = ph_alloc(model->n_entries, 1);
    if (!model->starts || !r->marks) {
        return PH_E_MEMORY;
    }
    if (!list) {
        model->n_starts = 1;
        int status = ph_expr_number(&model->starts[0].probability, 1);
        return status == PH_OK ? read_start_state(r, given, model->starts) : status;
    }
    ph_total total = {{0, 0}, 0};
    cJSON_ArrayForEach(item, given)
    {
        int status = read_weighted(r, item, model->starts + model->n_starts++, &total);
        if (status != PH_OK) {
            return status;
        }
    }
    return ph_total_check(r, &total, given, model->defect);
}
