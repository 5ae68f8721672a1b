/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TESTS_EXPR_FIXTURE_H
#define PHASIC_TESTS_EXPR_FIXTURE_H

/* The names, the state and the parser that the tests of expressions share. */

#include "check.h"

#include <string.h>

#include "phasic/model/expr.h"

/* left = 3, right = 2, k = 1 2 3 4, m = (1 2 3; 4 5 6), i = 2, j = 1 */
static const ph_symbol symbols[] = {
    {.name = "n", .kind = PH_SYMBOL_CONSTANT, .value = 5},
    {.name = "half", .kind = PH_SYMBOL_CONSTANT, .value = 0.5},
    {.name = "a", .kind = PH_SYMBOL_PARAMETER, .index = 0},
    {.name = "b", .kind = PH_SYMBOL_PARAMETER, .index = 1},
    {.name = "c", .kind = PH_SYMBOL_PARAMETER, .index = 2},
    {.name = "N", .kind = PH_SYMBOL_PARAMETER, .index = 3},
    {.name = "left", .kind = PH_SYMBOL_STATE, .index = 0},
    {.name = "right", .kind = PH_SYMBOL_STATE, .index = 1},
    {.name = "k", .kind = PH_SYMBOL_STATE, .index = 2, .rank = 1, .extent = {4}},
    {.name = "m", .kind = PH_SYMBOL_STATE, .index = 6, .rank = 2, .extent = {2, 3}},
    {.name = "i", .kind = PH_SYMBOL_LOOP, .index = 0},
    {.name = "j", .kind = PH_SYMBOL_LOOP, .index = 1},
};
#define PARAMETERS 4

static const ph_scope scope = {symbols, sizeof symbols / sizeof *symbols};
static const int32_t state[] = {3, 2, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6};
static const long loop[] = {2, 1};
static const ph_env env = {state, loop};

static inline ph_expr *parse(const char *text)
{
    ph_expr *expr = NULL;
    ph_error error = {0};
    if (ph_expr_parse(&expr, text, strlen(text), &scope, &error) != PH_OK) {
        fail_msg("'%s': column %ld: %s (found '%s')", text, error.column, error.message,
                 error.found);
    }
    return expr;
}

#endif
