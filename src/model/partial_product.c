/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Products, quotients, powers and functions of linear forms. What leaves linearity
 * becomes a pool node, with as much as possible kept outside as a coefficient, so that
 * states with other numbers share the node:
 *   - a non-negative form times or over a single node is distributed over its terms
 *     (no sum cancels, so nothing is lost);
 *   - c^n, sqrt(c) and |c| leave the power, the root and the absolute value.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "partial_private.h"

/* ---- products and quotients ---- */

/* Every term is non-negative on the whole box of supports. */
static int is_non_negative(const ph_partial *self, const ph_item *item)
{
    for (size_t i = item->start; i < (size_t)item->start + item->length; i++) {
        const ph_node *node = self->pool->nodes + self->terms->node[i];
        if (self->terms->coefficient[i] < 0 || node->lower < 0) {
            return 0;
        }
    }
    return item->number >= 0;
}

static int is_single(const ph_item *item)
{
    return item->number == 0 && item->length == 1;
}

/* Insertion sort by node: the terms come nearly in order. */
static void sort_terms(uint32_t *node, double *coefficient, size_t length)
{
    for (size_t i = 1; i < length; i++) {
        uint32_t n = node[i];
        double c = coefficient[i];
        size_t j = i;
        for (; j > 0 && node[j - 1] > n; j--) {
            node[j] = node[j - 1];
            coefficient[j] = coefficient[j - 1];
        }
        node[j] = n;
        coefficient[j] = c;
    }
}

/* Top item, of several terms, times or over coefficient * node, term by term. */
static int distribute(ph_partial *self, ph_op op, double coefficient, uint32_t node)
{
    ph_item *item = ph_partial_top(self);
    int status = PH_OK;
    if (item->number != 0) {
        status = ph_partial_append(self, item, item->number, 0);
        item->number = 0;
    }
    ph_linear *terms = self->terms;
    for (size_t i = item->start; status == PH_OK && i < terms->length; i++) {
        status = ph_pool_binary(self->pool, op, terms->node[i], node, &terms->node[i]);
    }
    if (status != PH_OK) {
        return ph_partial_status(self, status);
    }
    sort_terms(terms->node + item->start, terms->coefficient + item->start,
               item->length);
    return ph_partial_scale(self, coefficient, op == PH_OP_DIV);
}

/* Replaces the two topmost items x, y by the node x op y with their coefficients out.
 */
static int join(ph_partial *self, ph_op op)
{
    double a, b;
    uint32_t x, y, node;
    int status = ph_partial_split(self, ph_partial_top(self) - 1, &a, &x);
    if (status != PH_OK ||
        (status = ph_partial_split(self, ph_partial_top(self), &b, &y)) != PH_OK) {
        return status;
    }
    ph_partial_drop(self, 2);
    status = ph_partial_status(self, ph_pool_binary(self->pool, op, x, y, &node));
    if (status != PH_OK) {
        return status;
    }
    double coefficient = op == PH_OP_MUL ? a * b : a / b;
    if (coefficient == 0) {
        ph_partial_push_number(self, 0);
        return PH_OK;
    }
    return isfinite(coefficient) ? ph_partial_push_node(self, coefficient, node)
                                 : ph_partial_not_finite(self);
}

int ph_partial_multiply(ph_partial *self)
{
    ph_item *y = ph_partial_top(self), *x = y - 1;
    if (ph_partial_is_plain(y)) {
        double factor = y->number;
        ph_partial_drop(self, 1);
        return ph_partial_scale(self, factor, 0);
    }
    if (ph_partial_is_plain(x)) {
        double factor = x->number;
        ph_partial_drop_below(self);
        return ph_partial_scale(self, factor, 0);
    }
    if (is_single(y) && !is_single(x) && is_non_negative(self, x)) {
        double coefficient = self->terms->coefficient[y->start];
        uint32_t node = self->terms->node[y->start];
        ph_partial_drop(self, 1);
        return distribute(self, PH_OP_MUL, coefficient, node);
    }
    if (is_single(x) && !is_single(y) && is_non_negative(self, y)) {
        double coefficient = self->terms->coefficient[x->start];
        uint32_t node = self->terms->node[x->start];
        size_t count = y->length;
        memmove(self->terms->node + x->start, self->terms->node + y->start,
                count * sizeof *self->terms->node);
        memmove(self->terms->coefficient + x->start,
                self->terms->coefficient + y->start,
                count * sizeof *self->terms->coefficient);
        y->start = x->start;
        self->terms->length = x->start + count;
        ph_partial_drop_below(self);
        return distribute(self, PH_OP_MUL, coefficient, node);
    }
    return join(self, PH_OP_MUL);
}

int ph_partial_divide(ph_partial *self)
{
    ph_item *y = ph_partial_top(self), *x = y - 1;
    if (ph_partial_is_plain(y)) {
        double divisor = y->number;
        if (divisor == 0) {
            ph_error_set(self->error, PH_E_MODEL, "the divisor is 0");
            return ph_partial_located(self);
        }
        ph_partial_drop(self, 1);
        return ph_partial_scale(self, divisor, 1);
    }
    if (ph_partial_is_plain(x) && x->number == 0) {
        ph_partial_drop(self, 1);
        return PH_OK;
    }
    if (is_single(y) && !ph_partial_is_plain(x) && !is_single(x) &&
        is_non_negative(self, x)) {
        double coefficient = self->terms->coefficient[y->start];
        uint32_t node = self->terms->node[y->start];
        ph_partial_drop(self, 1);
        return distribute(self, PH_OP_DIV, coefficient, node);
    }
    return join(self, PH_OP_DIV);
}

/* ---- powers and functions ---- */

/* A coefficient that may leave a function: a normal number. */
static int is_normal(double x)
{
    return fabs(x) >= DBL_MIN && fabs(x) <= DBL_MAX;
}

/* The top item to a constant power. */
static int power_constant(ph_partial *self, double n)
{
    double coefficient;
    uint32_t base, exponent, node;
    if (n == 0) {
        ph_partial_drop(self, 1);
        ph_partial_push_number(self, 1);
        return PH_OK;
    }
    if (n == 1) {
        return PH_OK;
    }
    int status = ph_partial_split(self, ph_partial_top(self), &coefficient, &base);
    if (status != PH_OK) {
        return status;
    }
    double outside = coefficient > 0 || n == floor(n) ? pow(coefficient, n) : 0;
    if (!is_normal(outside)) {
        outside = 1;
        status = ph_partial_whole_node(self, ph_partial_top(self), &base);
    }
    if (status != PH_OK ||
        (status = ph_partial_constant_node(self, n, &exponent)) != PH_OK) {
        return status;
    }
    ph_partial_drop(self, 1);
    status = ph_partial_status(
        self, ph_pool_binary(self->pool, PH_OP_POW, base, exponent, &node));
    return status != PH_OK ? status : ph_partial_push_node(self, outside, node);
}

/* Replaces the two topmost items by the node of an operation on both as they are. */
int ph_partial_binary_node(ph_partial *self, ph_op op)
{
    uint32_t x, y, node;
    int status = ph_partial_whole_node(self, ph_partial_top(self) - 1, &x);
    if (status != PH_OK ||
        (status = ph_partial_whole_node(self, ph_partial_top(self), &y)) != PH_OK) {
        return status;
    }
    ph_partial_drop(self, 2);
    status = ph_partial_status(self, ph_pool_binary(self->pool, op, x, y, &node));
    return status != PH_OK ? status : ph_partial_push_node(self, 1, node);
}

int ph_partial_power(ph_partial *self)
{
    if (ph_partial_is_plain(ph_partial_top(self))) {
        double n = ph_partial_top(self)->number;
        ph_partial_drop(self, 1);
        return power_constant(self, n);
    }
    return ph_partial_binary_node(self, PH_OP_POW);
}

int ph_partial_unary_node(ph_partial *self, ph_op op)
{
    uint32_t x, node;
    int status = ph_partial_whole_node(self, ph_partial_top(self), &x);
    if (status != PH_OK) {
        return status;
    }
    ph_partial_drop(self, 1);
    status = ph_partial_status(self, ph_pool_unary(self->pool, op, x, &node));
    return status != PH_OK ? status : ph_partial_push_node(self, 1, node);
}

int ph_partial_homogeneous(ph_partial *self, ph_op op)
{
    double coefficient;
    uint32_t x, node;
    int status = ph_partial_split(self, ph_partial_top(self), &coefficient, &x);
    if (status != PH_OK) {
        return status;
    }
    if (op == PH_OP_SQRT && coefficient < 0) {
        return ph_partial_unary_node(self, op);
    }
    ph_partial_drop(self, 1);
    status = ph_partial_status(self, ph_pool_unary(self->pool, op, x, &node));
    double outside = op == PH_OP_SQRT ? sqrt(coefficient) : fabs(coefficient);
    return status != PH_OK ? status : ph_partial_push_node(self, outside, node);
}

int ph_partial_absolute(ph_partial *self)
{
    double lower, upper;
    int status = ph_partial_copy_form(self, ph_partial_top(self), 1);
    if (status != PH_OK) {
        return status;
    }
    ph_linear_range(&self->pool->scratch.form, self->pool, &lower, &upper);
    if (lower >= 0) {
        return PH_OK;
    }
    return upper <= 0 ? ph_partial_scale(self, -1, 0)
                      : ph_partial_homogeneous(self, PH_OP_ABS);
}
