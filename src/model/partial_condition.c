/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comparisons, logic and if() on linear forms: SELECT nodes on the sign of a
 * difference.
 */
#include "partial_private.h"

/* What an if(), a comparison or && || tests: value(node) > 0, or its opposite. */
typedef struct condition {
    uint32_t node;
    int negated;
} condition;

/* Pushes 1 where the condition holds and 0 elsewhere. */
static int push_truth(ph_partial *self, condition c)
{
    uint32_t zero, node;
    int status = ph_partial_constant_node(self, 0, &zero);
    if (status == PH_OK) {
        status = ph_partial_status(self, ph_pool_select(self->pool, c.node,
                                                        c.negated ? zero : 0,
                                                        c.negated ? 0 : zero, &node));
    }
    return status != PH_OK ? status : ph_partial_push_node(self, 1, node);
}

static int is_value(const ph_pool *pool, uint32_t node, double value)
{
    return pool->nodes[node].op == PH_OP_CONSTANT && pool->nodes[node].value == value;
}

/* What it means that an item is not 0; truth values give their own condition back. */
static int condition_of(ph_partial *self, const ph_item *item, condition *c)
{
    uint32_t node;
    int status = ph_partial_whole_node(self, item, &node);
    if (status != PH_OK) {
        return status;
    }
    const ph_node *known = self->pool->nodes + node;
    if (known->op == PH_OP_SELECT) {
        int straight =
            is_value(self->pool, known->b, 1) && is_value(self->pool, known->c, 0);
        int opposite =
            is_value(self->pool, known->b, 0) && is_value(self->pool, known->c, 1);
        if (straight || opposite) {
            *c = (condition){known->a, opposite};
            return PH_OK;
        }
    }
    c->negated = 0;
    return ph_partial_status(self,
                             ph_pool_unary(self->pool, PH_OP_ABS, node, &c->node));
}

int ph_partial_truth(ph_partial *self, int opposite)
{
    condition c;
    if (ph_partial_is_plain(ph_partial_top(self))) {
        ph_partial_top(self)->number = (ph_partial_top(self)->number != 0) != opposite;
        ph_partial_top(self)->is_condition = 0;
        return PH_OK;
    }
    int status = condition_of(self, ph_partial_top(self), &c);
    if (status != PH_OK) {
        return status;
    }
    ph_partial_drop(self, 1);
    c.negated = c.negated != opposite;
    return push_truth(self, c);
}

/* x < y is y - x > 0, x <= y is !(x - y > 0), x == y is !(|x - y| > 0), ... */
int ph_partial_compare(ph_partial *self, uint32_t code)
{
    condition c = {.negated =
                       code == PH_CODE_LE || code == PH_CODE_GE || code == PH_CODE_EQ};
    int status = ph_partial_subtract(self);
    if (status != PH_OK) {
        return status;
    }
    if (ph_partial_is_plain(ph_partial_top(self))) {
        ph_partial_top(self)->number =
            ph_expr_apply(code, ph_partial_top(self)->number, 0);
        return PH_OK;
    }
    if (code == PH_CODE_LT || code == PH_CODE_GE) {
        status = ph_partial_scale(self, -1, 0);
    } else if (code == PH_CODE_EQ || code == PH_CODE_NE) {
        status = ph_partial_homogeneous(self, PH_OP_ABS);
    }
    if (status != PH_OK || (status = ph_partial_whole_node(self, ph_partial_top(self),
                                                           &c.node)) != PH_OK) {
        return status;
    }
    ph_partial_drop(self, 1);
    return push_truth(self, c);
}

int ph_partial_logic(ph_partial *self, int is_and)
{
    ph_item *b = ph_partial_top(self), *a = b - 1;
    condition c;
    uint32_t other, node;
    int status;
    if (ph_partial_is_plain(a)) {
        ph_partial_drop_below(self);
        return ph_partial_truth(self, 0);
    }
    if (ph_partial_is_plain(b)) {
        int decides = (b->number != 0) != is_and;
        ph_partial_drop(self, decides ? 2 : 1);
        if (!decides) {
            return ph_partial_truth(self, 0);
        }
        ph_partial_push_number(self, !is_and);
        return PH_OK;
    }
    if ((status = ph_partial_truth(self, 0)) != PH_OK ||
        (status = ph_partial_whole_node(self, ph_partial_top(self), &other)) != PH_OK ||
        (status = condition_of(self, a, &c)) != PH_OK) {
        return status;
    }
    ph_partial_drop(self, 2);
    uint32_t decided = 0;
    if (is_and && (status = ph_partial_constant_node(self, 0, &decided)) != PH_OK) {
        return status;
    }
    int swap = c.negated == is_and; /* the branch where a > 0 holds decides */
    status = ph_partial_status(self, ph_pool_select(self->pool, c.node,
                                                    swap ? decided : other,
                                                    swap ? other : decided, &node));
    return status != PH_OK ? status : ph_partial_push_node(self, 1, node);
}

/* Nodes for both branches, with a coefficient they share taken out. */
static int split_branches(ph_partial *self, const ph_item *a, const ph_item *b,
                          double *outside, uint32_t *x, uint32_t *y)
{
    double p, q;
    int status = ph_partial_split(self, a, &p, x);
    if (status != PH_OK || (status = ph_partial_split(self, b, &q, y)) != PH_OK) {
        return status;
    }
    if (p == q && p != 0) {
        *outside = p;
        return PH_OK;
    }
    if (p == 0 || q == 0) {
        *outside = p == 0 ? q : p;
        return ph_partial_constant_node(self, 0, p == 0 ? x : y);
    }
    *outside = 1;
    status = ph_partial_whole_node(self, a, x);
    return status != PH_OK ? status : ph_partial_whole_node(self, b, y);
}

int ph_partial_select(ph_partial *self)
{
    if (ph_partial_top(self)[-1].is_condition) {
        ph_partial_drop_below(self);
        return PH_OK;
    }
    const ph_item *b = ph_partial_top(self), *a = b - 1;
    condition c;
    double outside;
    uint32_t x, y, node;
    int status = condition_of(self, a - 1, &c);
    if (status != PH_OK ||
        (status = split_branches(self, a, b, &outside, &x, &y)) != PH_OK) {
        return status;
    }
    ph_partial_drop(self, 3);
    if (outside == 0) {
        ph_partial_push_number(self, 0);
        return PH_OK;
    }
    status =
        ph_partial_status(self, ph_pool_select(self->pool, c.node, c.negated ? y : x,
                                               c.negated ? x : y, &node));
    return status != PH_OK ? status : ph_partial_push_node(self, outside, node);
}
