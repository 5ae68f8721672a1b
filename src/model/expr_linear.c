/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Partial evaluation: the postfix code runs on a stack of linear forms over pool nodes
 * instead of numbers. All terms lie in one array in the order of the stack, so the two
 * operands of an operation are neighbours, sums are merged in place, and nothing is
 * allocated once the pool's scratch has grown. The operations are in partial_*.c.
 */
#include <math.h>

#include "partial_private.h"
#include "phasic/base/memory.h"

static int refuse(const ph_partial *self, const char *what)
{
    ph_error_set(
        self->error, PH_E_MODEL,
        "%s of an expression with parameters is not smooth and not allowed here", what);
    return ph_partial_located(self);
}

/* An operation on numbers: the same as without parameters. */
static int plain_operation(ph_partial *self, int arity)
{
    double b = arity == 2 ? ph_partial_top(self)->number : 0;
    self->count -= (size_t)arity - 1;
    double a = ph_partial_top(self)->number;
    ph_partial_top(self)->number = ph_expr_apply(self->at->code, a, b);
    return isfinite(ph_partial_top(self)->number)
               ? PH_OK
               : ph_expr_domain_error(self->expr, self->at, a, b, self->error);
}

static int binary(ph_partial *self)
{
    if (ph_partial_is_plain(ph_partial_top(self)) &&
        ph_partial_is_plain(ph_partial_top(self) - 1)) {
        return plain_operation(self, 2);
    }
    switch (self->at->code) {
    case PH_CODE_ADD: return ph_partial_add(self);
    case PH_CODE_SUBTRACT: return ph_partial_subtract(self);
    case PH_CODE_MULTIPLY: return ph_partial_multiply(self);
    case PH_CODE_DIVIDE: return ph_partial_divide(self);
    case PH_CODE_POWER: return ph_partial_power(self);
    case PH_CODE_MIN: return ph_partial_binary_node(self, PH_OP_MIN);
    case PH_CODE_MAX: return ph_partial_binary_node(self, PH_OP_MAX);
    case PH_CODE_BINOMIAL: return refuse(self, "binomial()");
    default: return ph_partial_compare(self, self->at->code);
    }
}

static int unary(ph_partial *self)
{
    if (ph_partial_is_plain(ph_partial_top(self))) {
        return plain_operation(self, 1);
    }
    switch (self->at->code) {
    case PH_CODE_NEGATE: return ph_partial_scale(self, -1, 0);
    case PH_CODE_NOT: return ph_partial_truth(self, 1);
    case PH_CODE_ABS: return ph_partial_absolute(self);
    case PH_CODE_EXP: return ph_partial_unary_node(self, PH_OP_EXP);
    case PH_CODE_LOG: return ph_partial_unary_node(self, PH_OP_LOG);
    case PH_CODE_SQRT: return ph_partial_homogeneous(self, PH_OP_SQRT);
    case PH_CODE_FLOOR: return refuse(self, "floor()");
    default: return refuse(self, "ceil()");
    }
}

static int index_operation(ph_partial *self)
{
    int is_step = self->at->code == PH_CODE_STEP;
    double pair[2] = {is_step ? ph_partial_top(self)[-1].number : 0,
                      ph_partial_top(self)->number};
    int status = ph_expr_index(self->expr, self->at, self->env, pair + 1, self->error);
    self->count -= (size_t)is_step;
    ph_partial_top(self)->number = pair[!is_step];
    return status;
}

/* Whether a jump is taken; the value it tests stays, marked, for the operation. */
static int jumps(ph_partial *self)
{
    ph_item *item = ph_partial_top(self);
    if (self->at->code == PH_CODE_JUMP) {
        return ph_partial_is_plain(item - 1);
    }
    item->is_condition = 1;
    if (!ph_partial_is_plain(item)) {
        return 0;
    }
    int holds = item->number != 0;
    if (self->at->code == PH_CODE_IF_JUMP) {
        return !holds;
    }
    if (holds == (self->at->code == PH_CODE_OR_JUMP)) {
        *item = (ph_item){.number = holds, .start = item->start};
        return 1;
    }
    return 0;
}

static int step(ph_partial *self)
{
    const ph_instruction *i = self->at;
    if (ph_code_is_binary(i->code)) {
        return binary(self);
    }
    if (ph_code_is_unary(i->code)) {
        return unary(self);
    }
    switch (i->code) {
    case PH_CODE_NUMBER: ph_partial_push_number(self, i->u.number); return PH_OK;
    case PH_CODE_ENTRY:
        ph_partial_push_number(self, self->env->state[i->u.array.first]);
        return PH_OK;
    case PH_CODE_LOOP:
        ph_partial_push_number(self, (double)self->env->loop[i->u.array.first]);
        return PH_OK;
    case PH_CODE_PARAMETER: return ph_partial_push_term(self, 1, i->u.array.first + 1);
    case PH_CODE_SUM_ALL:
        ph_partial_push_number(
            self, ph_expr_sum(self->env, i->u.array.first, i->u.array.extent));
        return PH_OK;
    case PH_CODE_AND: return ph_partial_logic(self, 1);
    case PH_CODE_OR: return ph_partial_logic(self, 0);
    case PH_CODE_SELECT: return ph_partial_select(self);
    default: return index_operation(self);
    }
}

static int run(ph_partial *self)
{
    const ph_instruction *code = self->expr->code,
                         *end = code + self->expr->code_length;
    for (self->at = code; self->at < end;) {
        uint32_t kind = self->at->code;
        if (kind == PH_CODE_AND_JUMP || kind == PH_CODE_OR_JUMP ||
            kind == PH_CODE_IF_JUMP || kind == PH_CODE_JUMP) {
            self->at = jumps(self) ? code + self->at->u.target : self->at + 1;
            continue;
        }
        int status = step(self);
        if (status != PH_OK) {
            return status;
        }
        self->at++;
    }
    return PH_OK;
}

/* Writes the one item that is left to `form`. */
static int finish(ph_partial *self, ph_linear *form)
{
    const ph_item *item = ph_partial_top(self);
    self->at = self->expr->code + self->expr->code_length - 1;
    if (ph_linear_reserve(form, (size_t)item->length + 1) != PH_OK) {
        return ph_partial_status(self, PH_E_MEMORY);
    }
    size_t length = 0;
    if (item->number != 0) {
        form->node[length] = 0;
        form->coefficient[length++] = item->number;
    }
    for (size_t i = item->start; i < self->terms->length; i++) {
        form->node[length] = self->terms->node[i];
        form->coefficient[length++] = self->terms->coefficient[i];
    }
    for (size_t i = 0; i < length; i++) {
        if (!isfinite(form->coefficient[i])) {
            return ph_partial_not_finite(self);
        }
    }
    form->length = length;
    return PH_OK;
}

int ph_expr_linear(const ph_expr *self, const ph_env *env, ph_pool *pool,
                   ph_linear *form, ph_error *error)
{
    ph_scratch *scratch = &pool->scratch;
    ph_partial partial = {.expr = self,
                          .env = env,
                          .pool = pool,
                          .terms = &scratch->terms,
                          .error = error};
    if (ph_grow(&scratch->items, &scratch->capacity, self->stack + 1,
                sizeof *scratch->items) != PH_OK) {
        return ph_partial_status(&partial, PH_E_MEMORY);
    }
    partial.items = scratch->items;
    partial.terms->length = 0;
    int status = run(&partial);
    return status != PH_OK ? status : finish(&partial, form);
}
