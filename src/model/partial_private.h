/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MODEL_PARTIAL_PRIVATE_H
#define PHASIC_MODEL_PARTIAL_PRIVATE_H

#include "expr_private.h"
#include "pool_private.h"

/*
 * Partial evaluation of one expression: a stack of linear forms over the nodes of a
 * pool. Functions that return int give 0, or PH_E_MODEL or PH_E_MEMORY with the error
 * set at the place of the current instruction.
 */
typedef struct ph_partial {
    const ph_expr *expr;
    const ph_env *env;
    ph_pool *pool;
    ph_linear *terms; /* of all items, in the order of the stack */
    ph_item *items;
    size_t count;
    const ph_instruction *at; /* the current instruction */
    ph_error *error;
} ph_partial;

/* Completes an error just set with its place. Returns PH_E_MODEL. */
int ph_partial_located(const ph_partial *self);
int ph_partial_not_finite(const ph_partial *self);

/* Gives a failure of the pool its sentence; returns `status`, or what it is here. */
int ph_partial_status(const ph_partial *self, int status);

/* ---- the stack ---- */

static inline ph_item *ph_partial_top(const ph_partial *self)
{
    return self->items + self->count - 1;
}

static inline int ph_partial_is_plain(const ph_item *item)
{
    return item->length == 0;
}

static inline void ph_partial_push_number(ph_partial *self, double x)
{
    self->items[self->count++] =
        (ph_item){.number = x, .start = (uint32_t)self->terms->length};
}

static inline int ph_partial_push_term(ph_partial *self, double coefficient,
                                       uint32_t node)
{
    ph_linear *terms = self->terms;
    if (terms->length == terms->capacity) {
        int status = ph_linear_reserve(terms, terms->length + 1);
        if (status != PH_OK || terms->length >= UINT32_MAX) {
            return ph_partial_status(self, PH_E_MEMORY);
        }
    }
    self->items[self->count++] =
        (ph_item){.start = (uint32_t)terms->length, .length = 1};
    terms->node[terms->length] = node;
    terms->coefficient[terms->length++] = coefficient;
    return PH_OK;
}

/* Drops the `count` topmost items with their terms. */
static inline void ph_partial_drop(ph_partial *self, size_t count)
{
    self->count -= count;
    self->terms->length = self->items[self->count].start;
}

/* Drops the number below the top item. */
static inline void ph_partial_drop_below(ph_partial *self)
{
    self->items[self->count - 2] = self->items[self->count - 1];
    self->count--;
}

/* Adds a term to the item whose terms come last. */
int ph_partial_append(ph_partial *self, ph_item *item, double coefficient,
                      uint32_t node);

/* Pushes coefficient * node; constants and linear nodes are taken apart. */
int ph_partial_push_node(ph_partial *self, double coefficient, uint32_t index);

/* ---- forms as nodes (partial_form.c) ---- */

/* Copies an item to the pool's scratch form, each coefficient over `divisor`. */
int ph_partial_copy_form(ph_partial *self, const ph_item *item, double divisor);

/* The node of a whole item, of a number, and item = coefficient * node. */
int ph_partial_whole_node(ph_partial *self, const ph_item *item, uint32_t *node);
int ph_partial_constant_node(ph_partial *self, double x, uint32_t *node);
int ph_partial_split(ph_partial *self, const ph_item *item, double *coefficient,
                     uint32_t *node);

/* ---- operations: the topmost items give way to the value (partial_*.c) ---- */

/* The top item times, or over, a number; vanishing terms are dropped. */
int ph_partial_scale(ph_partial *self, double factor, int divide);
int ph_partial_add(ph_partial *self);
int ph_partial_subtract(ph_partial *self);

int ph_partial_multiply(ph_partial *self);
int ph_partial_divide(ph_partial *self);
int ph_partial_power(ph_partial *self);

/* The node of an operation on the items as they are. */
int ph_partial_unary_node(ph_partial *self, ph_op op);
int ph_partial_binary_node(ph_partial *self, ph_op op);

/* sqrt and abs: sqrt(c x) = sqrt(c) sqrt(x) for c > 0, |c x| = |c| |x|. */
int ph_partial_homogeneous(ph_partial *self, ph_op op);
int ph_partial_absolute(ph_partial *self);

/* The truth value of the top item, or its opposite. */
int ph_partial_truth(ph_partial *self, int opposite);

/* LT .. NE of the two topmost items. */
int ph_partial_compare(ph_partial *self, uint32_t code);

/* a && b, a || b with a and b on the stack; a number a does not decide. */
int ph_partial_logic(ph_partial *self, int is_and);

/* if(): the condition and the one evaluated branch, or the condition and both. */
int ph_partial_select(ph_partial *self);

#endif
