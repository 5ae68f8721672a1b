/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rewards, derived quantities and groups. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_private.h"
#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"

/* ---- rewards ---- */

/*
 * A reward may share its name with a state variable, but its name is a column of data
 * files, so it is none of the columns that mean something else there.
 */
static int check_column(ph_reader *r, const cJSON *item)
{
    static const char *const columns[] = {"time",  "count", "weight", "event", "status",
                                          "lower", "upper", "entry",  "group"};
    for (size_t i = 0; i < PH_COUNT(columns); i++) {
        if (strcmp(item->string, columns[i]) == 0) {
            return ph_fail_key(r, item,
                               i == 0
                                   ? "the reward 'time' is always there and is 1 in "
                                     "every state"
                                   : "this is a column of data files and cannot be a "
                                     "reward");
        }
    }
    return PH_OK;
}

static int negative_reward(ph_reader *r, const cJSON *item, double value)
{
    char text[32];
    return ph_fail(r, item, "expected a reward that is not negative, not %s",
                   ph_double_text(value, text));
}

static int read_reward_list(ph_reader *r, const cJSON *list, ph_reward *reward)
{
    const cJSON *item;
    size_t n, i = 0, vertices = r->model->n_vertices;
    if (!cJSON_IsArray(list) || (size_t)cJSON_GetArraySize(list) != vertices) {
        return ph_fail(r, list, "expected a list of %zu numbers, one for each vertex",
                       vertices);
    }
    n = vertices;
    if (!(reward->list = ph_alloc(n, sizeof *reward->list))) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, list)
    {
        double *amount = reward->list + i++;
        int status = ph_read_constant(r, item, "a reward", amount);
        if (status != PH_OK) {
            return status;
        }
        if (*amount < 0) {
            return negative_reward(r, item, *amount);
        }
    }
    return PH_OK;
}

static int read_reward(ph_reader *r, const cJSON *item, ph_reward *reward)
{
    double value = 0;
    int status = ph_read_name(r, item, "reward");
    if (status != PH_OK || (status = check_column(r, item)) != PH_OK) {
        return status;
    }
    if (!(reward->name = ph_strdup(item->string))) {
        return PH_E_MEMORY;
    }
    if (r->model->kind != PH_MODEL_RULES) {
        return read_reward_list(r, item, reward);
    }
    status = ph_read_expr(r, item, PH_USES_STATE, "a reward", &reward->amount);
    if (status == PH_OK && ph_expr_is_constant(reward->amount)) {
        status = ph_expr_constant(r, item, reward->amount, &value);
    }
    return status == PH_OK && value < 0 ? negative_reward(r, item, value) : status;
}

int ph_read_rewards(ph_reader *r, const cJSON *object)
{
    ph_model *model = r->model;
    const cJSON *item;
    int status = ph_read_object(r, object, "'rewards'", NULL, 0);
    if (status != PH_OK) {
        return status;
    }
    model->rewards =
        ph_alloc((size_t)cJSON_GetArraySize(object), sizeof *model->rewards);
    if (!model->rewards) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, object)
    {
        status = read_reward(r, item, model->rewards + model->n_rewards++);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

/* ---- derived quantities ---- */

/* Columns of the draws, as the parameters are: the names must differ from theirs. */
static int read_derived(ph_reader *r, const cJSON *item, ph_derived *derived)
{
    int status = ph_read_name(r, item, "derived quantity");
    if (status != PH_OK) {
        return status;
    }
    if (ph_model_parameter(r->model, item->string) >= 0) {
        return ph_fail_key(r, item,
                           "a parameter already has this name; expected another "
                           "for this derived quantity");
    }
    if (!(derived->name = ph_strdup(item->string))) {
        return PH_E_MEMORY;
    }
    status = ph_read_expr(r, item, PH_USES_PARAMETERS, "a derived quantity",
                          &derived->value);
    if (status == PH_OK && ph_expr_varies(r, derived->value)) {
        return ph_fail(r, item,
                       "a derived quantity may not use constants that an epoch sets");
    }
    return status;
}

int ph_read_derived(ph_reader *r, const cJSON *object)
{
    ph_model *model = r->model;
    const cJSON *item;
    int status = ph_read_object(r, object, "'derived'", NULL, 0);
    if (status != PH_OK) {
        return status;
    }
    model->derived =
        ph_alloc((size_t)cJSON_GetArraySize(object), sizeof *model->derived);
    if (!model->derived) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, object)
    {
        status = read_derived(r, item, model->derived + model->n_derived++);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

/* ---- groups ---- */

static int unknown_constant(ph_reader *r, const cJSON *item)
{
    const ph_model *model = r->model;
    const char **names = ph_alloc(model->n_constants, sizeof *names);
    if (!names) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < model->n_constants; i++) {
        names[i] = model->constants[i].name;
    }
    const char *nearest = ph_nearest_name(item->string, names, model->n_constants);
    int status = ph_fail_key(r, item, "expected a constant of the model%s%s%s",
                             nearest ? "; did you mean '" : "", nearest ? nearest : "",
                             nearest ? "'?" : "");
    free(names);
    return status;
}

static int read_group_set(ph_reader *r, const cJSON *item, ph_group_set *set)
{
    const ph_model *model = r->model;
    while (set->constant < model->n_constants &&
           strcmp(model->constants[set->constant].name, item->string) != 0) {
        set->constant++;
    }
    if (set->constant == model->n_constants) {
        return unknown_constant(r, item);
    }
    return ph_read_constant(r, item, "a constant of a group", &set->value);
}

static int read_group(ph_reader *r, const cJSON *object, ph_group *group)
{
    static const char *const missing[] = {"", "NA", "NaN", "nan"};
    const cJSON *item;
    for (size_t i = 0; i < PH_COUNT(missing); i++) {
        if (strcmp(object->string, missing[i]) == 0) {
            return ph_fail_key(r, object,
                               "in a data file this stands for a missing value; "
                               "expected the label of a group");
        }
    }
    int status = ph_read_object(r, object, "a group", NULL, 0);
    if (status != PH_OK) {
        return status;
    }
    group->label = ph_strdup(object->string);
    group->sets = ph_alloc((size_t)cJSON_GetArraySize(object), sizeof *group->sets);
    if (!group->label || !group->sets) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, object)
    {
        status = read_group_set(r, item, group->sets + group->n_sets++);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

int ph_read_groups(ph_reader *r, const cJSON *object)
{
    ph_model *model = r->model;
    const cJSON *item;
    int status = ph_read_object(r, object, "'groups'", NULL, 0);
    if (status == PH_OK && !object->child) {
        status = ph_fail(r, object, "expected at least one group");
    }
    if (status != PH_OK) {
        return status;
    }
    model->groups = ph_alloc((size_t)cJSON_GetArraySize(object), sizeof *model->groups);
    if (!model->groups) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, object)
    {
        status = read_group(r, item, model->groups + model->n_groups++);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}
