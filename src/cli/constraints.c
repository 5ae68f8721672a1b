/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --fix and --tie: fewer free parameters than the model has. */
#include <string.h>

#include "phasic/base/buffer.h"
#include "svgd_options.h"

static ph_parameter *find(ph_model *model, const char *text, size_t length,
                          ph_error *error)
{
    for (size_t m = 0; m < model->n_parameters; m++) {
        ph_parameter *parameter = &model->parameters[m];
        if (strlen(parameter->name) == length &&
            memcmp(parameter->name, text, length) == 0) {
            return parameter;
        }
    }
    (void)ph_parameter_unknown(model, text, length, error);
    return NULL;
}

/* No parameter twice, though a value in the model makes way for one of these. */
static int check_fixed_once(const ph_app *app, ph_error *error)
{
    const ph_option_value *list = ph_options_find(&app->options, "fix");
    for (size_t i = 0; i < list->length; i++) {
        size_t length = strcspn(list->text[i], "=");
        for (size_t j = 0; j < i; j++) {
            if (strcspn(list->text[j], "=") == length &&
                memcmp(list->text[j], list->text[i], length) == 0) {
                ph_error_place(error, "--fix");
                ph_error_found(error, list->text[i], -1);
                return ph_error_set(error, PH_E_USAGE, "'%.*s' is fixed already",
                                    (int)length, list->text[i]);
            }
        }
    }
    return PH_OK;
}

static int fix(ph_model *model, const char *text, ph_error *error)
{
    size_t name;
    double value;
    int status = ph_assignment_read(text, strlen(text), &name, &value, error);
    if (status != PH_OK) {
        return status;
    }
    ph_parameter *parameter = find(model, text, name, error);
    if (!parameter) {
        return PH_E_USAGE;
    }
    if (value < parameter->lower || value > parameter->upper) {
        char lower[32], upper[32];
        return ph_error_set(error, PH_E_USAGE, "'%s' must lie between %s and %s",
                            parameter->name, ph_double_text(parameter->lower, lower),
                            ph_double_text(parameter->upper, upper));
    }
    parameter->is_fixed = parameter->has_value = 1;
    parameter->value = value;
    return PH_OK;
}

/* B must be able to have every value that A may have, and neither be bound already. */
static int check_tie(const ph_parameter *a, const ph_parameter *b, ph_error *error)
{
    const ph_parameter *bound = a->is_fixed || a->is_tied ? a : b;
    if (a == b) {
        return ph_error_set(error, PH_E_USAGE, "ties '%s' to itself", a->name);
    }
    if (bound->is_fixed || bound->is_tied) {
        return ph_error_set(error, PH_E_USAGE, "'%s' is %s already", bound->name,
                            bound->is_fixed ? "fixed" : "tied");
    }
    if (b->lower > a->lower || b->upper < a->upper) {
        return ph_error_set(error, PH_E_USAGE,
                            "'%s' cannot have every value that '%s' may have", b->name,
                            a->name);
    }
    return PH_OK;
}

static int tie(ph_model *model, const char *text, ph_error *error)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1]) {
        return ph_error_set(error, PH_E_USAGE, "expects two parameters as A=B");
    }
    ph_parameter *a = find(model, text, (size_t)(equals - text), error);
    ph_parameter *b = a ? find(model, equals + 1, strlen(equals + 1), error) : NULL;
    if (!b) {
        return PH_E_USAGE;
    }
    for (size_t m = 0; m < model->n_parameters; m++) {
        const ph_parameter *other = &model->parameters[m];
        if (other->is_tied && other->tied_to == (size_t)(b - model->parameters)) {
            return ph_error_set(error, PH_E_USAGE, "'%s' has others tied to it already",
                                b->name);
        }
    }
    int status = check_tie(a, b, error);
    if (status == PH_OK) {
        b->is_tied = 1;
        b->tied_to = (size_t)(a - model->parameters);
    }
    return status;
}

/* Every value of a list option through `apply`. */
static int apply_list(const ph_app *app, const char *name, ph_model *model,
                      int (*apply)(ph_model *, const char *, ph_error *),
                      ph_error *error)
{
    const ph_option_value *list = ph_options_find(&app->options, name);
    for (size_t i = 0; i < list->length; i++) {
        int status = apply(model, list->text[i], error);
        if (status != PH_OK) {
            ph_error_place(error, "--%s", name);
            ph_error_found(error, list->text[i], -1);
            return status;
        }
    }
    return PH_OK;
}

int ph_constraints_apply(const ph_app *app, ph_model *model, ph_error *error)
{
    int status = apply_list(app, "fix", model, fix, error);
    if (status == PH_OK) {
        status = check_fixed_once(app, error);
    }
    return status == PH_OK ? apply_list(app, "tie", model, tie, error) : status;
}
