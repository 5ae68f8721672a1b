/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What names mean in an expression: functions, and the symbols of the scope. */
#include <stdlib.h>
#include <string.h>

#include "parser_private.h"
#include "phasic/base/memory.h"
#include "phasic/base/names.h"

static const ph_function functions[] = {
    {"abs", PH_CODE_ABS, 1, 1},     {"binomial", PH_CODE_BINOMIAL, 2, 2},
    {"ceil", PH_CODE_CEIL, 1, 1},   {"exp", PH_CODE_EXP, 1, 1},
    {"floor", PH_CODE_FLOOR, 1, 1}, {"if", PH_CODE_SELECT, 3, 3},
    {"log", PH_CODE_LOG, 1, 1},     {"max", PH_CODE_MAX, 2, 0},
    {"min", PH_CODE_MIN, 2, 0},     {"pow", PH_CODE_POWER, 2, 2},
    {"sqrt", PH_CODE_SQRT, 1, 1},   {"sum", PH_CODE_SUM, 1, 1},
};
#define N_FUNCTIONS (sizeof functions / sizeof *functions)

static int same_name(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

const ph_function *ph_function_find(const char *text, size_t length)
{
    for (size_t i = 0; i < N_FUNCTIONS; i++) {
        if (same_name(functions[i].name, text, length)) {
            return functions + i;
        }
    }
    return NULL;
}

const ph_symbol *ph_symbol_find(const ph_scope *scope, const char *text, size_t length)
{
    for (size_t i = scope->length; i-- > 0;) {
        if (same_name(scope->symbols[i].name, text, length)) {
            return scope->symbols + i;
        }
    }
    return NULL;
}

int ph_parser_unknown(ph_parser *p, size_t start, size_t end, int is_call)
{
    size_t count = is_call ? N_FUNCTIONS : p->scope->length;
    const char **known = ph_alloc(count, sizeof *known);
    char *name = ph_strndup(p->text + start, end - start);
    int status = PH_E_MEMORY;
    if (!known || !name) {
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        known[i] = is_call ? functions[i].name : p->scope->symbols[i].name;
    }
    const char *nearest = ph_nearest_name(name, known, count);
    ph_error_set(p->error, PH_E_MODEL, "unknown %s%s%s%s",
                 is_call ? "function" : "name", nearest ? "; did you mean '" : "",
                 nearest ? nearest : "", nearest ? "'?" : "");
    status = ph_parser_located(p, start, end);
out:
    free(known);
    free(name);
    return status;
}
