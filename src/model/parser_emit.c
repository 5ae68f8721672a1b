/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The code of an expression, as it grows. An operation on numbers alone is folded when
 * it is emitted, unless its value is not finite: then it stays, so that an evaluation
 * that reaches it can say where it stands.
 */
#include <math.h>

#include "parser_private.h"
#include "phasic/base/memory.h"

static int emit(ph_parser *p, ph_instruction instruction, int change)
{
    ph_expr *expr = p->expr;
    if (ph_grow(&expr->code, &expr->code_capacity, expr->code_length + 1,
                sizeof *expr->code) != PH_OK) {
        return PH_E_MEMORY;
    }
    expr->code[expr->code_length++] = instruction;
    p->height = (size_t)((long)p->height + change);
    if (p->height > expr->stack) {
        expr->stack = p->height;
    }
    if (expr->stack > PH_EXPR_STACK) {
        ph_error_set(p->error, PH_E_MODEL, "the expression is nested too deeply");
        return ph_parser_located(p, p->start, p->end);
    }
    return PH_OK;
}

int ph_emit_number(ph_parser *p, size_t start, double value)
{
    return emit(p,
                (ph_instruction){.code = PH_CODE_NUMBER,
                                 .column = (uint32_t)start + 1,
                                 .u.number = value},
                1);
}

int ph_emit_array(ph_parser *p, size_t start, uint32_t code, size_t first,
                  size_t extent, int change)
{
    return emit(p,
                (ph_instruction){.code = code,
                                 .column = (uint32_t)start + 1,
                                 .u.array = {(uint32_t)first, (uint32_t)extent}},
                change);
}

/* The `count` last instructions if all of them are numbers, else NULL. */
static ph_instruction *last_numbers(const ph_parser *p, size_t count)
{
    const ph_expr *expr = p->expr;
    if (expr->code_length < count) {
        return NULL;
    }
    ph_instruction *last = expr->code + expr->code_length - count;
    for (size_t i = 0; i < count; i++) {
        if (last[i].code != PH_CODE_NUMBER) {
            return NULL;
        }
    }
    return last;
}

/* Replaces the `count` last instructions, all numbers, by one number. */
static int fold(ph_parser *p, size_t count, double value)
{
    ph_instruction *last = last_numbers(p, count);
    last->u.number = value;
    p->expr->code_length -= count - 1;
    p->height -= count - 1;
    return PH_OK;
}

int ph_emit_operation(ph_parser *p, size_t start, uint32_t code)
{
    size_t arity = ph_code_is_binary(code) ? 2 : 1;
    const ph_instruction *operands = last_numbers(p, arity);
    if (operands) {
        double value =
            ph_expr_apply(code, operands[0].u.number, operands[arity - 1].u.number);
        if (isfinite(value)) {
            return fold(p, arity, value);
        }
    }
    return ph_emit_array(p, start, code, 0, 0, 1 - (int)arity);
}

/* The entry a constant index names, as an offset, or -1 where it is none. */
static double constant_offset(double before, double index, size_t extent)
{
    int valid = index == floor(index) && index >= 0 && index < (double)extent;
    return valid ? before * (double)extent + index : -1;
}

int ph_emit_index(ph_parser *p, size_t start, size_t position, size_t extent)
{
    size_t count = position == 0 ? 1 : 2;
    const ph_instruction *numbers = last_numbers(p, count);
    if (numbers) {
        double before = position == 0 ? 0 : numbers[0].u.number;
        double offset = constant_offset(before, numbers[count - 1].u.number, extent);
        if (offset >= 0) {
            return fold(p, count, offset);
        }
    }
    uint32_t code = position == 0 ? PH_CODE_OFFSET : PH_CODE_STEP;
    return ph_emit_array(p, start, code, 0, extent, position == 0 ? 0 : -1);
}

int ph_emit_access(ph_parser *p, size_t start, uint32_t code, size_t first,
                   size_t count)
{
    ph_instruction *offset = last_numbers(p, 1);
    if (!offset) {
        return ph_emit_array(p, start, code, first, count, 0);
    }
    size_t at = (size_t)offset->u.number;
    p->expr->code_length--;
    p->height--;
    return code == PH_CODE_LOAD
               ? ph_emit_array(p, start, PH_CODE_ENTRY, first + at, 0, 1)
               : ph_emit_array(p, start, PH_CODE_SUM_ALL, first + at * count, count, 1);
}

void ph_emit_target(ph_parser *p, size_t jump)
{
    p->expr->code[jump].u.target = (uint32_t)p->expr->code_length;
}
