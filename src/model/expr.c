/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The expression object: birth from a number, death, and what it refers to. */
#include "expr_private.h"

#include <stdlib.h>
#include <string.h>

#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"

void ph_expr_free(ph_expr *self)
{
    if (self) {
        free(self->text);
        free(self->code);
        free(self);
    }
}

int ph_expr_number(ph_expr **self, double value)
{
    int status = PH_E_MEMORY;
    char text[32];
    ph_expr *expr = ph_alloc(1, sizeof *expr);
    if (!expr) {
        goto out;
    }
    expr->text = ph_strdup(ph_double_text(value, text));
    expr->code = ph_alloc(1, sizeof *expr->code);
    if (!expr->text || !expr->code) {
        goto out;
    }
    expr->length = strlen(expr->text);
    expr->code[0] =
        (ph_instruction){.code = PH_CODE_NUMBER, .column = 1, .u.number = value};
    expr->code_length = expr->code_capacity = 1;
    expr->stack = 1;
    *self = expr;
    expr = NULL;
    status = PH_OK;
out:
    ph_expr_free(expr);
    return status;
}

int ph_expr_uses(const ph_expr *self, ph_symbol_kind kind)
{
    return (self->uses >> kind) & 1;
}

int ph_expr_uses_parameter(const ph_expr *self, size_t index)
{
    for (size_t i = 0; i < self->code_length; i++) {
        if (self->code[i].code == PH_CODE_PARAMETER &&
            self->code[i].u.array.first == index) {
            return 1;
        }
    }
    return 0;
}

const char *ph_expr_text(const ph_expr *self)
{
    return self->text;
}
