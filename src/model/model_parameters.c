/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Constants, with what the command line sets, and parameters. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_private.h"
#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"

/* ---- constants ---- */

/* The last setting of a name counts, as with any option given twice. */
static const ph_setting *find_setting(const ph_reader *r, const char *name)
{
    for (size_t i = r->n_settings; i-- > 0;) {
        if (strcmp(r->settings[i].name, name) == 0) {
            return r->settings + i;
        }
    }
    return NULL;
}

/* A constant that an epoch sets is a further parameter to expressions. */
static int declare_constant(ph_reader *r, const cJSON *item,
                            const ph_constant *constant)
{
    ph_model *model = r->model;
    ph_symbol symbol = {.name = constant->name,
                        .kind = PH_SYMBOL_CONSTANT,
                        .index = model->n_constants - 1,
                        .value = constant->value};
    for (size_t k = 0; k < r->n_varying; k++) {
        if (strcmp(r->varying[k], constant->name) == 0) {
            symbol.kind = PH_SYMBOL_PARAMETER;
            symbol.index = r->declared + model->n_varying;
            model->varying[model->n_varying++] = model->n_constants - 1;
            break;
        }
    }
    return ph_read_declare(r, item, "constant", &symbol);
}

static int read_constant(ph_reader *r, const cJSON *item, ph_constant *constant)
{
    const ph_setting *setting = find_setting(r, item->string);
    constant->name = ph_strdup(item->string);
    if (!constant->name) {
        return PH_E_MEMORY;
    }
    if (setting) {
        if (!isfinite(setting->value)) {
            ph_error_place(r->error, "--set");
            ph_error_found(r->error, setting->name, -1);
            return ph_error_set(r->error, PH_E_USAGE, "expected a finite number");
        }
        constant->value = setting->value;
        constant->overridden = 1;
        if (!cJSON_IsNumber(item) && !cJSON_IsString(item)) {
            return ph_fail(r, item, "expected a number or an expression, not %s",
                           ph_json_kind(item));
        }
    } else {
        int status = ph_read_constant(r, item, "a constant", &constant->value);
        if (status != PH_OK) {
            return status;
        }
    }
    return declare_constant(r, item, constant);
}

int ph_read_constants(ph_reader *r, const cJSON *root)
{
    ph_model *model = r->model;
    const cJSON *object = ph_json_get(root, "constants"), *item;
    if (!object) {
        return PH_OK;
    }
    int status = ph_read_object(r, object, "'constants'", NULL, 0);
    if (status != PH_OK) {
        return status;
    }
    model->constants =
        ph_alloc((size_t)cJSON_GetArraySize(object), sizeof *model->constants);
    if (!model->constants) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, object)
    {
        status = read_constant(r, item, model->constants + model->n_constants++);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

/* No constant has the name of a setting: says so with the nearest one. */
static int unknown_setting(ph_reader *r, const ph_setting *setting)
{
    const ph_model *model = r->model;
    ph_error_place(r->error, "--set");
    ph_error_found(r->error, setting->name, -1);
    if (ph_model_parameter(model, setting->name) >= 0) {
        return ph_error_set(
            r->error, PH_E_USAGE,
            "this is a parameter, not a constant: --theta gives its value");
    }
    const char **names = ph_alloc(model->n_constants, sizeof *names);
    if (!names) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < model->n_constants; i++) {
        names[i] = model->constants[i].name;
    }
    const char *nearest = ph_nearest_name(setting->name, names, model->n_constants);
    free(names);
    return ph_error_set(
        r->error, PH_E_USAGE, "the model has no constant of this name%s%s%s",
        nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

int ph_check_settings(ph_reader *r)
{
    for (size_t k = 0; k < r->n_settings; k++) {
        size_t i = 0;
        while (i < r->model->n_constants &&
               strcmp(r->model->constants[i].name, r->settings[k].name) != 0) {
            i++;
        }
        if (i == r->model->n_constants) {
            return unknown_setting(r, r->settings + k);
        }
    }
    return PH_OK;
}

/* ---- parameters ---- */

static int read_texts(ph_reader *r, const cJSON *item, ph_parameter *parameter)
{
    const cJSON *description = ph_json_get(item, "description");
    const cJSON *unit = ph_json_get(item, "unit");
    int status = PH_OK;
    if (description) {
        status =
            ph_read_text(r, description, "'description'", 1, &parameter->description);
    }
    if (status == PH_OK && unit) {
        status = ph_read_text(r, unit, "'unit'", 0, &parameter->unit);
    }
    return status;
}

/*
 * `value` lies inside the support; `fixed` may also be an end of it (a rate fixed at 0
 * switches a transition off).
 */
static int read_reference(ph_reader *r, const cJSON *item, ph_parameter *parameter)
{
    const cJSON *value = ph_json_get(item, "value"),
                *fixed = ph_json_get(item, "fixed");
    char text[2][80];
    if (value && fixed) {
        return ph_fail_key(r, value->valueint > fixed->valueint ? value : fixed,
                           "expected either 'value' or 'fixed', not both");
    }
    if (!value && !fixed) {
        return PH_OK;
    }
    const cJSON *given = fixed ? fixed : value;
    int status =
        ph_read_constant(r, given, fixed ? "'fixed'" : "'value'", &parameter->value);
    if (status != PH_OK) {
        return status;
    }
    double x = parameter->value, lower = parameter->lower, upper = parameter->upper;
    if (fixed ? !(lower <= x && x <= upper) : !(lower < x && x < upper)) {
        return ph_fail(r, given, "%s lies outside %s, where the parameter may be",
                       ph_double_text(x, text[0]),
                       ph_interval_text(lower, upper, text[1]));
    }
    parameter->has_value = value != NULL;
    parameter->is_fixed = fixed != NULL;
    return PH_OK;
}

static int read_parameter(ph_reader *r, const cJSON *item, ph_parameter *parameter)
{
    static const char *const keys[] = {"prior", "support",     "value",
                                       "fixed", "description", "unit"};
    parameter->lower = 0;
    parameter->upper = INFINITY;
    parameter->name = ph_strdup(item->string);
    if (!parameter->name) {
        return PH_E_MEMORY;
    }
    const ph_symbol symbol = {.name = parameter->name,
                              .kind = PH_SYMBOL_PARAMETER,
                              .index = r->model->n_parameters - 1};
    int status = ph_read_declare(r, item, "parameter", &symbol);
    if (status != PH_OK || (status = ph_read_object(r, item, "a parameter", keys,
                                                    PH_COUNT(keys))) != PH_OK) {
        return status;
    }
    const cJSON *support = ph_json_get(item, "support");
    const cJSON *prior = ph_json_get(item, "prior");
    if (support) {
        status = ph_read_support(r, support, &parameter->lower, &parameter->upper);
    }
    if (status == PH_OK && prior &&
        (status = ph_read_prior(r, prior, &parameter->prior)) == PH_OK) {
        status = ph_narrow_support(r, prior, &parameter->prior, &parameter->lower,
                                   &parameter->upper);
    }
    if (status == PH_OK && (status = read_reference(r, item, parameter)) == PH_OK) {
        status = read_texts(r, item, parameter);
    }
    return status;
}

int ph_read_parameters(ph_reader *r, const cJSON *root)
{
    ph_model *model = r->model;
    const cJSON *object = ph_json_get(root, "parameters"), *item;
    if (!object) {
        return PH_OK;
    }
    int status = ph_read_object(r, object, "'parameters'", NULL, 0);
    if (status != PH_OK) {
        return status;
    }
    model->parameters =
        ph_alloc((size_t)cJSON_GetArraySize(object), sizeof *model->parameters);
    if (!model->parameters) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, object)
    {
        status = read_parameter(r, item, model->parameters + model->n_parameters++);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}
