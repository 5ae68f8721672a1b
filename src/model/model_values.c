/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the sections of a model are made of: objects, names, numbers, expressions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_private.h"
#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"

#define MOST_NAMES    10000
#define SUM_TOLERANCE 1e-9

/* ---- containers and texts ---- */

int ph_read_object(ph_reader *r, const cJSON *item, const char *what,
                   const char *const *keys, size_t length)
{
    if (!cJSON_IsObject(item)) {
        return ph_fail(r, item, "expected an object for %s, not %s", what,
                       ph_json_kind(item));
    }
    return keys ? ph_json_check_keys(&r->json, item, keys, length, r->error) : PH_OK;
}

int ph_read_list(ph_reader *r, const cJSON *item, const char *what, size_t *length)
{
    if (!cJSON_IsArray(item)) {
        return ph_fail(r, item, "expected a list for %s, not %s", what,
                       ph_json_kind(item));
    }
    *length = (size_t)cJSON_GetArraySize(item);
    return PH_OK;
}

int ph_read_text(ph_reader *r, const cJSON *item, const char *what, int lines,
                 char **text)
{
    if (!cJSON_IsString(item)) {
        return ph_fail(r, item, "expected a string for %s, not %s", what,
                       ph_json_kind(item));
    }
    for (const char *c = item->valuestring; *c; c++) {
        if ((unsigned char)*c < 0x20 && !(lines && (*c == '\n' || *c == '\t'))) {
            return ph_fail(r, item, "expected %s without control characters%s", what,
                           lines ? "" : ", on one line");
        }
    }
    *text = ph_strdup(item->valuestring);
    return *text ? PH_OK : PH_E_MEMORY;
}

/* ---- names ---- */

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

/*
 * Names that mean something else: the functions of expressions, and the columns that
 * files of draws have of their own. `time` is reserved among rewards only.
 */
static int is_reserved(const char *name)
{
    static const char *const names[] = {"abs",  "binomial", "ceil",  "exp",  "floor",
                                        "if",   "log",      "max",   "min",  "pow",
                                        "sqrt", "sum",      "chain", "draw", "lp__"};
    for (size_t i = 0; i < PH_COUNT(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

int ph_read_name(ph_reader *r, const cJSON *item, const char *what)
{
    const char *name = item->string;
    size_t length = strlen(name), i = 0;
    while (is_word(name[i])) {
        i++;
    }
    if (!is_letter(name[0]) || i < length) {
        return ph_fail_key(r, item,
                           "the name of a %s is a letter followed by letters, digits "
                           "and underscores",
                           what);
    }
    if (is_reserved(name)) {
        return ph_fail_key(r, item, "this name is reserved and cannot be a %s", what);
    }
    if (length >= 2 && strcmp(name + length - 2, "__") == 0) {
        return ph_fail_key(r, item, "the name of a %s may not end in two underscores",
                           what);
    }
    return PH_OK;
}

static int is_varying(const ph_reader *r, const ph_symbol *symbol)
{
    return symbol->kind == PH_SYMBOL_PARAMETER && symbol->index >= r->declared;
}

static const char *kind_name(const ph_reader *r, const ph_symbol *symbol)
{
    switch (symbol->kind) {
    case PH_SYMBOL_CONSTANT: return "constant";
    case PH_SYMBOL_PARAMETER: return is_varying(r, symbol) ? "constant" : "parameter";
    case PH_SYMBOL_STATE: return "state variable";
    case PH_SYMBOL_LOOP: return "loop variable";
    }
    return "name";
}

int ph_read_declare(ph_reader *r, const cJSON *item, const char *what,
                    const ph_symbol *symbol)
{
    int status = ph_read_name(r, item, what);
    if (status != PH_OK) {
        return status;
    }
    for (size_t i = 0; i < r->n_symbols; i++) {
        if (strcmp(r->symbols[i].name, symbol->name) == 0) {
            return ph_fail_key(
                r, item, "a %s already has this name; expected another for this %s",
                kind_name(r, r->symbols + i), what);
        }
    }
    if (r->n_symbols == MOST_NAMES) {
        return ph_fail_key(r, item, "a model has at most %d names", MOST_NAMES);
    }
    status =
        ph_grow(&r->symbols, &r->symbol_capacity, r->n_symbols + 1, sizeof *r->symbols);
    if (status == PH_OK) {
        r->symbols[r->n_symbols++] = *symbol;
    }
    return status;
}

/* ---- expressions ---- */

static const ph_symbol *find_symbol(const ph_reader *r, const char *text, size_t length)
{
    for (size_t i = r->n_symbols; i-- > 0;) {
        const char *name = r->symbols[i].name;
        if (strlen(name) == length && memcmp(name, text, length) == 0) {
            return r->symbols + i;
        }
    }
    return NULL;
}

/* The first name in text[0..length) of a kind that is not allowed, or NULL. */
static const ph_symbol *first_forbidden(const ph_reader *r, const char *text,
                                        size_t length, unsigned allowed, size_t *at)
{
    for (size_t i = 0, end; i < length; i = end) {
        end = i + 1;
        if (is_word(text[i]) || text[i] == '.') {
            while (end < length && (is_word(text[end]) || text[end] == '.')) {
                end++;
            }
        }
        const ph_symbol *symbol =
            is_letter(text[i]) ? find_symbol(r, text + i, end - i) : NULL;
        if (symbol && symbol->kind != PH_SYMBOL_CONSTANT &&
            !(allowed >> symbol->kind & 1)) {
            *at = i;
            return symbol;
        }
    }
    return NULL;
}

/* Refuses names of kinds beyond `allowed`; the error's column is that of the name. */
static int check_kinds(ph_reader *r, const char *text, size_t length, unsigned allowed,
                       const char *what)
{
    size_t at = 0;
    const ph_symbol *symbol = first_forbidden(r, text, length, allowed, &at);
    if (!symbol) {
        return PH_OK;
    }
    ph_error_set(r->error, PH_E_MODEL, "%s may not use %ss%s", what,
                 kind_name(r, symbol),
                 is_varying(r, symbol) ? " that an epoch sets" : "");
    ph_error_position(r->error, 0, (long)at + 1);
    ph_error_found(r->error, symbol->name, -1);
    return PH_E_MODEL;
}

/*
 * Parses text[start..start + length) of a key or a string. The names are judged before
 * the grammar: "a[p]" in `change` is about the parameter p first.
 */
static int parse_part(ph_reader *r, const cJSON *item, int in_key, const char *text,
                      size_t start, size_t length, unsigned allowed, const char *what,
                      ph_expr **expr)
{
    const ph_scope scope = {r->symbols, r->n_symbols};
    int status = check_kinds(r, text + start, length, allowed, what);
    if (status == PH_OK) {
        status = ph_expr_parse(expr, text + start, length, &scope, r->error);
    }
    if (status == PH_E_MODEL) {
        if (r->error->line == 0 && r->error->column > 0) {
            r->error->column += (long)start;
        }
        ph_json_locate(&r->json, item, in_key, r->error);
    }
    return status;
}

int ph_read_expr(ph_reader *r, const cJSON *item, unsigned allowed, const char *what,
                 ph_expr **expr)
{
    if (cJSON_IsNumber(item)) {
        return ph_expr_number(expr, item->valuedouble);
    }
    if (!cJSON_IsString(item)) {
        return ph_fail(r, item, "expected a number or an expression for %s, not %s",
                       what, ph_json_kind(item));
    }
    return parse_part(r, item, 0, item->valuestring, 0, strlen(item->valuestring),
                      allowed, what, expr);
}

int ph_read_key_expr(ph_reader *r, const cJSON *item, size_t start, size_t length,
                     unsigned allowed, const char *what, ph_expr **expr)
{
    return parse_part(r, item, 1, item->string, start, length, allowed, what, expr);
}

int ph_expr_is_constant(const ph_expr *expr)
{
    return !ph_expr_uses(expr, PH_SYMBOL_PARAMETER) &&
           !ph_expr_uses(expr, PH_SYMBOL_STATE) && !ph_expr_uses(expr, PH_SYMBOL_LOOP);
}

int ph_expr_varies(const ph_reader *r, const ph_expr *expr)
{
    for (size_t k = 0; k < r->model->n_varying; k++) {
        if (ph_expr_uses_parameter(expr, r->model->n_parameters + k)) {
            return 1;
        }
    }
    return 0;
}

int ph_expr_constant(ph_reader *r, const cJSON *item, const ph_expr *expr,
                     double *value)
{
    const ph_env nothing = {NULL, NULL};
    int status = ph_expr_value(expr, &nothing, value, r->error);
    if (status == PH_E_MODEL) {
        ph_json_locate(&r->json, item, 0, r->error);
    }
    return status;
}

int ph_read_constant(ph_reader *r, const cJSON *item, const char *what, double *value)
{
    ph_expr *expr = NULL;
    int status = ph_read_expr(r, item, 0, what, &expr);
    if (status == PH_OK) {
        status = ph_expr_constant(r, item, expr, value);
    }
    ph_expr_free(expr);
    return status;
}

int ph_read_whole(ph_reader *r, const cJSON *item, const char *what, double lowest,
                  double highest, long *value)
{
    double number;
    int status = ph_read_constant(r, item, what, &number);
    if (status != PH_OK) {
        return status;
    }
    if (number != floor(number) || number < lowest || number > highest) {
        char text[3][32];
        return ph_fail(r, item, "expected a whole number from %s to %s for %s, not %s",
                       ph_double_text(lowest, text[0]),
                       ph_double_text(highest, text[1]), what,
                       ph_double_text(number, text[2]));
    }
    *value = (long)number;
    return PH_OK;
}

int ph_check_amount(ph_reader *r, const cJSON *item, const ph_expr *expr,
                    int probability)
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
    if (value < 0 || (probability && value > 1)) {
        return ph_fail(r, item, "expected a %s, not %s",
                       probability ? "probability, from 0 to 1"
                                   : "rate that is not negative",
                       ph_double_text(value, text));
    }
    return PH_OK;
}

/* ---- totals of probabilities ---- */

/* Coordinate m of interior point k of the supports; a fixed parameter has its value. */
static double interior(const ph_parameter *parameter, size_t m, int k)
{
    double turn = 0.6180339887498949 * (double)(m + 1) + 0.2718281828459045 * k;
    double f = 0.1 + 0.8 * (turn - floor(turn));
    double lower = parameter->lower, upper = parameter->upper;
    if (parameter->is_fixed) {
        return parameter->value;
    }
    return isfinite(lower) && isfinite(upper) ? lower + f * (upper - lower)
           : isfinite(lower)                  ? lower + f
           : isfinite(upper)                  ? upper - f
                                              : f;
}

int ph_total_add(ph_reader *r, ph_total *self, const ph_expr *expr)
{
    const ph_env nothing = {NULL, NULL};
    size_t p = r->model->n_parameters;
    double *theta = ph_alloc(ph_model_inputs(r->model), sizeof *theta), value;
    if (!theta) {
        return PH_E_MEMORY;
    }
    for (int k = 0; k < 2; k++) {
        for (size_t m = 0; m < p; m++) {
            theta[m] = interior(r->model->parameters + m, m, k);
        }
        ph_model_input_values(r->model, theta, theta);
        int status = ph_expr_value_at(expr, &nothing, theta, &value, NULL);
        self->sum[k] += status == PH_OK ? value : NAN;
    }
    self->varies |= ph_expr_uses(expr, PH_SYMBOL_PARAMETER);
    free(theta);
    return PH_OK;
}

int ph_total_check(ph_reader *r, const ph_total *self, const cJSON *item, int defect)
{
    char text[32];
    for (int k = 0; k < 2; k++) {
        double sum = self->sum[k];
        if (isnan(sum) || fabs(sum - 1) <= SUM_TOLERANCE || (defect && self->varies) ||
            (defect && sum < 1)) {
            continue;
        }
        if (self->varies) {
            return ph_fail(
                r, item,
                "the probabilities sum to %s at some values of the parameters; "
                "expected 1 at all of them",
                ph_double_text(sum, text));
        }
        return ph_fail(r, item, "the probabilities sum to %s; expected %s",
                       ph_double_text(sum, text), defect ? "at most 1" : "1");
    }
    return PH_OK;
}
