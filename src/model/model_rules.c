/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Models given by rules: state variables, transitions, absorbing states. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_private.h"
#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"

#define MOST_ENTRIES 1000000

/* ---- state ---- */

static int read_variable(ph_reader *r, const cJSON *item, ph_state_variable *v)
{
    const cJSON *extent;
    size_t rank, entries = 1;
    if (!(v->name = ph_strdup(item->string))) {
        return PH_E_MEMORY;
    }
    int status = ph_read_list(r, item, "the shape of a state variable", &rank);
    if (status != PH_OK) {
        return status;
    }
    if (rank > PH_MAX_RANK) {
        return ph_fail(r, item, "an array has at most %d dimensions, not %zu",
                       PH_MAX_RANK, rank);
    }
    ph_symbol symbol = {.name = v->name,
                        .kind = PH_SYMBOL_STATE,
                        .index = r->model->n_entries,
                        .rank = rank};
    cJSON_ArrayForEach(extent, item)
    {
        long size;
        status =
            ph_read_whole(r, extent, "the size of an array", 1, MOST_ENTRIES, &size);
        if (status != PH_OK) {
            return status;
        }
        entries *= (size_t)size;
        if (entries + r->model->n_entries > MOST_ENTRIES) {
            break;
        }
        symbol.extent[v->rank] = v->extent[v->rank] = (size_t)size;
        v->rank++;
    }
    if (entries + r->model->n_entries > MOST_ENTRIES) {
        return ph_fail(r, item, "the state would have more than %d entries",
                       MOST_ENTRIES);
    }
    v->first = r->model->n_entries;
    v->entries = entries;
    r->model->n_entries += entries;
    return ph_read_declare(r, item, "state variable", &symbol);
}

static int read_state(ph_reader *r, const cJSON *object)
{
    ph_model *model = r->model;
    const cJSON *item;
    int status = ph_read_object(r, object, "'state'", NULL, 0);
    if (status != PH_OK) {
        return status;
    }
    if (!object->child) {
        return ph_fail(r, object, "expected at least one state variable");
    }
    model->variables =
        ph_alloc((size_t)cJSON_GetArraySize(object), sizeof *model->variables);
    if (!model->variables) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, object)
    {
        status = read_variable(r, item, model->variables + model->n_variables++);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

/* ---- transitions ---- */

/* A constant end of a range must be whole. */
static int read_end(ph_reader *r, const cJSON *item, ph_expr **expr)
{
    double value;
    char text[32];
    int status = ph_read_expr(r, item, PH_USES_STATE | PH_USES_LOOPS, "'for'", expr);
    if (status != PH_OK || !ph_expr_is_constant(*expr) ||
        (status = ph_expr_constant(r, item, *expr, &value)) != PH_OK) {
        return status;
    }
    if (value != floor(value) || fabs(value) > INT32_MAX) {
        return ph_fail(r, item, "expected a whole number for an end of a range, not %s",
                       ph_double_text(value, text));
    }
    return PH_OK;
}

static int read_loop(ph_reader *r, const cJSON *item, size_t index, ph_loop *loop)
{
    if (!(loop->name = ph_strdup(item->string))) {
        return PH_E_MEMORY;
    }
    if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2) {
        return ph_fail(r, item, "expected [first, last] for a loop variable");
    }
    int status = read_end(r, item->child, &loop->from);
    if (status == PH_OK) {
        status = read_end(r, item->child->next, &loop->to);
    }
    const ph_symbol symbol = {
        .name = loop->name, .kind = PH_SYMBOL_LOOP, .index = index};
    return status == PH_OK ? ph_read_declare(r, item, "loop variable", &symbol)
                           : status;
}

static int read_loops(ph_reader *r, const cJSON *object, ph_transition *t)
{
    const cJSON *item;
    int status = ph_read_object(r, object, "'for'", NULL, 0);
    if (status != PH_OK) {
        return status;
    }
    t->loops = ph_alloc((size_t)cJSON_GetArraySize(object), sizeof *t->loops);
    if (!t->loops) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, object)
    {
        size_t k = t->n_loops++;
        if ((status = read_loop(r, item, k, t->loops + k)) != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

/* The amount of a `change`, the value of a `set`: whole where it is constant. */
static int check_whole(ph_reader *r, const cJSON *item, const ph_expr *expr, int is_set)
{
    double value;
    char text[32];
    if (!ph_expr_is_constant(expr)) {
        return PH_OK;
    }
    int status = ph_expr_constant(r, item, expr, &value);
    if (status != PH_OK) {
        return status;
    }
    if (value != floor(value) || fabs(value) > INT32_MAX || (is_set && value < 0)) {
        return ph_fail(r, item, "expected a whole number%s, not %s",
                       is_set ? " that is not negative" : "",
                       ph_double_text(value, text));
    }
    return PH_OK;
}

static int read_assignments(ph_reader *r, const cJSON *object, int is_set,
                            size_t *length, ph_assignment **assignments)
{
    const unsigned allowed = PH_USES_STATE | PH_USES_LOOPS;
    const char *what = is_set ? "'set'" : "'change'";
    const cJSON *item;
    int status = ph_read_object(r, object, what, NULL, 0);
    if (status != PH_OK) {
        return status;
    }
    *assignments = ph_alloc((size_t)cJSON_GetArraySize(object), sizeof **assignments);
    if (!*assignments) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, object)
    {
        ph_assignment *a = *assignments + (*length)++;
        if ((status = ph_read_target(r, item, allowed, a)) != PH_OK ||
            (status = ph_read_expr(r, item, allowed, what, &a->value)) != PH_OK ||
            (status = check_whole(r, item, a->value, is_set)) != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

/* Order of two targets without regard to blanks. */
static int compare_texts(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, " \t");
        b += strspn(b, " \t");
        if (*a != *b || *a == '\0') {
            return (unsigned char)*a - (unsigned char)*b;
        }
    }
}

typedef struct target {
    const cJSON *item;
    int is_set;
} target;

static int compare_targets(const void *a, const void *b)
{
    const target *x = a, *y = b;
    int order = compare_texts(x->item->string, y->item->string);
    return order ? order : x->is_set - y->is_set;
}

/* The same entry may not be set twice, nor both changed and set. */
static int check_targets(ph_reader *r, const cJSON *change, const cJSON *set)
{
    size_t most = (size_t)cJSON_GetArraySize(change) + (size_t)cJSON_GetArraySize(set);
    target *targets = ph_alloc(most, sizeof *targets);
    const cJSON *item;
    size_t n = 0;
    int status = PH_OK;
    if (!targets) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, change)
    {
        targets[n++] = (target){item, 0};
    }
    cJSON_ArrayForEach(item, set)
    {
        targets[n++] = (target){item, 1};
    }
    qsort(targets, n, sizeof *targets, compare_targets);
    for (size_t i = 1; i < n && status == PH_OK; i++) {
        const target *a = targets + i - 1, *b = targets + i;
        if (b->is_set && compare_texts(a->item->string, b->item->string) == 0) {
            status = ph_fail_key(r, b->item, "this entry is %s",
                                 a->is_set ? "set twice" : "in 'change' too");
        }
    }
    free(targets);
    return status;
}

static int read_rate(ph_reader *r, const cJSON *object, ph_transition *t)
{
    int discrete = r->model->discrete;
    const char *right = discrete ? "probability" : "rate";
    const char *wrong = discrete ? "rate" : "probability";
    const cJSON *item = ph_json_get(object, right), *other = ph_json_get(object, wrong);
    if (other) {
        return ph_fail_key(r, other, "expected '%s': the model's time is %s", right,
                           discrete ? "discrete" : "continuous");
    }
    if (!item) {
        return ph_fail(r, object, "the key '%s' is missing", right);
    }
    int status =
        ph_read_expr(r, item, PH_USES_PARAMETERS | PH_USES_STATE | PH_USES_LOOPS,
                     discrete ? "'probability'" : "'rate'", &t->rate);
    return status == PH_OK ? ph_check_amount(r, item, t->rate, discrete) : status;
}

static int read_effects(ph_reader *r, const cJSON *object, ph_transition *t)
{
    const cJSON *change = ph_json_get(object, "change"),
                *set = ph_json_get(object, "set");
    int status = PH_OK;
    if ((!change || (cJSON_IsObject(change) && !change->child)) &&
        (!set || (cJSON_IsObject(set) && !set->child))) {
        return ph_fail(r, object,
                       "expected 'change' or 'set': this transition leads nowhere");
    }
    if (change) {
        status = read_assignments(r, change, 0, &t->n_changes, &t->changes);
    }
    if (status == PH_OK && set) {
        status = read_assignments(r, set, 1, &t->n_sets, &t->sets);
    }
    return status == PH_OK && set ? check_targets(r, change, set) : status;
}

static int name_transition(ph_reader *r, const cJSON *object, size_t index,
                           ph_transition *t)
{
    const cJSON *name = ph_json_get(object, "name");
    ph_buffer place = {0};
    ph_buffer_addf(&place, "/transitions/%zu", index);
    t->place = place.text;
    if (place.failed) {
        return PH_E_MEMORY;
    }
    if (name) {
        return ph_read_text(r, name, "'name'", 0, &t->name);
    }
    ph_buffer text = {0};
    ph_buffer_addf(&text, "transition %zu", index);
    t->name = text.text;
    return text.failed ? PH_E_MEMORY : PH_OK;
}

static int read_transition(ph_reader *r, const cJSON *object, size_t index,
                           ph_transition *t)
{
    static const char *const keys[] = {"name", "for",  "when",       "change",
                                       "set",  "rate", "probability"};
    int status = ph_read_object(r, object, "a transition", keys, PH_COUNT(keys));
    if (status != PH_OK || (status = name_transition(r, object, index, t)) != PH_OK) {
        return status;
    }
    const cJSON *loops = ph_json_get(object, "for"),
                *when = ph_json_get(object, "when");
    size_t outer = r->n_symbols;
    if (loops) {
        status = read_loops(r, loops, t);
    }
    if (status == PH_OK && when) {
        status =
            ph_read_expr(r, when, PH_USES_STATE | PH_USES_LOOPS, "'when'", &t->when);
    }
    if (status == PH_OK && (status = read_effects(r, object, t)) == PH_OK) {
        status = read_rate(r, object, t);
    }
    r->n_symbols = outer;
    return status;
}

static int read_transitions(ph_reader *r, const cJSON *root)
{
    ph_model *model = r->model;
    const cJSON *list = ph_json_get(root, "transitions"), *item;
    size_t n;
    if (!list) {
        return ph_fail(r, root, "the key 'transitions' is missing");
    }
    int status = ph_read_list(r, list, "'transitions'", &n);
    if (status != PH_OK) {
        return status;
    }
    if (n == 0) {
        return ph_fail(r, list, "expected at least one transition");
    }
    if (!(model->transitions = ph_alloc(n, sizeof *model->transitions))) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, list)
    {
        size_t k = model->n_transitions++;
        status = read_transition(r, item, k, model->transitions + k);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

int ph_read_rules(ph_reader *r, const cJSON *root)
{
    const cJSON *absorb = ph_json_get(root, "absorb");
    int status = read_state(r, ph_json_get(root, "state"));
    if (status == PH_OK && (status = ph_read_start(r, root)) == PH_OK) {
        status = read_transitions(r, root);
    }
    if (status == PH_OK && absorb) {
        status = ph_read_expr(r, absorb, PH_USES_STATE, "'absorb'", &r->model->absorb);
    }
    return status;
}
