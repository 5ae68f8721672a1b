/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The items of the partial evaluation: linear forms, their sums and multiples, and what
 * becomes of them in the pool. A form is split into coefficient * node; several terms
 * share a coefficient only where the division by it is exact.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "partial_private.h"

/* ---- errors ---- */

int ph_partial_located(const ph_partial *self)
{
    ph_error_position(self->error, 0, (long)self->at->column);
    ph_error_found(self->error, self->expr->text, (long)self->expr->length);
    return PH_E_MODEL;
}

int ph_partial_not_finite(const ph_partial *self)
{
    ph_error_set(self->error, PH_E_MODEL, "the value is not a finite number");
    return ph_partial_located(self);
}

int ph_partial_status(const ph_partial *self, int status)
{
    if (status == PH_E_NUMERIC) {
        return ph_partial_not_finite(self);
    }
    if (status == PH_E_MEMORY) {
        ph_error_set(self->error, status, "no memory for the expression trace");
    }
    return status;
}

/* ---- the stack ---- */

int ph_partial_append(ph_partial *self, ph_item *item, double coefficient,
                      uint32_t node)
{
    ph_linear *terms = self->terms;
    if (ph_linear_reserve(terms, terms->length + 1) != PH_OK) {
        return ph_partial_status(self, PH_E_MEMORY);
    }
    terms->node[terms->length] = node;
    terms->coefficient[terms->length++] = coefficient;
    item->length++;
    return PH_OK;
}

int ph_partial_push_node(ph_partial *self, double coefficient, uint32_t index)
{
    const ph_pool *pool = self->pool;
    const ph_node *node = pool->nodes + index;
    int status = PH_OK;
    if (node->op == PH_OP_CONSTANT) {
        ph_partial_push_number(self, coefficient * node->value);
        return isfinite(ph_partial_top(self)->number) ? PH_OK
                                                      : ph_partial_not_finite(self);
    }
    if (node->op != PH_OP_LINEAR) {
        return ph_partial_push_term(self, coefficient, index);
    }
    ph_partial_push_number(self, 0);
    for (size_t i = node->a; status == PH_OK && i < (size_t)node->a + node->b; i++) {
        double c = coefficient * pool->term_coefficient[i];
        if (pool->term_node[i] == 0) {
            ph_partial_top(self)->number = c;
        } else if (c != 0) {
            status =
                ph_partial_append(self, ph_partial_top(self), c, pool->term_node[i]);
        }
    }
    return status;
}

/* ---- forms as nodes ---- */

int ph_partial_copy_form(ph_partial *self, const ph_item *item, double divisor)
{
    ph_linear *form = &self->pool->scratch.form;
    if (ph_linear_reserve(form, (size_t)item->length + 1) != PH_OK) {
        return ph_partial_status(self, PH_E_MEMORY);
    }
    form->length = 0;
    if (item->number != 0) {
        form->node[0] = 0;
        form->coefficient[0] = item->number / divisor;
        form->length = 1;
    }
    for (size_t i = item->start; i < (size_t)item->start + item->length; i++) {
        form->node[form->length] = self->terms->node[i];
        form->coefficient[form->length++] = self->terms->coefficient[i] / divisor;
    }
    return PH_OK;
}

static int form_node(ph_partial *self, const ph_item *item, double divisor,
                     uint32_t *node)
{
    int status = ph_partial_copy_form(self, item, divisor);
    if (status != PH_OK) {
        return status;
    }
    return ph_partial_status(
        self, ph_pool_linear(self->pool, &self->pool->scratch.form, node));
}

int ph_partial_whole_node(ph_partial *self, const ph_item *item, uint32_t *node)
{
    return form_node(self, item, 1, node);
}

int ph_partial_constant_node(ph_partial *self, double x, uint32_t *node)
{
    ph_item item = {.number = x};
    return ph_partial_whole_node(self, &item, node);
}

static int divides(double x, double divisor)
{
    double q = x / divisor;
    return fabs(q) >= DBL_MIN && fabs(q) <= DBL_MAX && fma(q, divisor, -x) == 0;
}

int ph_partial_split(ph_partial *self, const ph_item *item, double *coefficient,
                     uint32_t *node)
{
    const double *c = self->terms->coefficient + item->start;
    if (ph_partial_is_plain(item)) {
        *coefficient = item->number;
        *node = 0;
        return PH_OK;
    }
    if (item->number == 0 && item->length == 1) {
        *coefficient = c[0];
        *node = self->terms->node[item->start];
        return PH_OK;
    }
    double lead = item->number != 0 ? item->number : c[0];
    for (size_t i = 0; i < item->length && lead != 1; i++) {
        if (!divides(c[i], lead)) {
            lead = 1;
        }
    }
    *coefficient = lead;
    return form_node(self, item, lead, node);
}

/* ---- sums and multiples ---- */

/* Multiplies (or divides) the top item by a number; vanishing terms are dropped. */
int ph_partial_scale(ph_partial *self, double factor, int divide)
{
    ph_item *item = ph_partial_top(self);
    ph_linear *terms = self->terms;
    size_t kept = item->start;
    item->number = divide ? item->number / factor : item->number * factor;
    for (size_t i = item->start; i < terms->length; i++) {
        double c = terms->coefficient[i];
        c = divide ? c / factor : c * factor;
        if (c != 0) {
            terms->node[kept] = terms->node[i];
            terms->coefficient[kept++] = c;
        }
    }
    terms->length = kept;
    item->length = (uint32_t)(kept - item->start);
    return isfinite(item->number) ? PH_OK : ph_partial_not_finite(self);
}

/* Merges the ascending runs x and y, neighbours at the end of the terms, into x. */
static int merge(ph_partial *self, ph_item *x, const ph_item *y)
{
    ph_linear *terms = self->terms;
    size_t end = terms->length, total = (size_t)x->length + y->length;
    if (ph_linear_reserve(terms, end + total) != PH_OK) {
        return ph_partial_status(self, PH_E_MEMORY);
    }
    size_t i = x->start, j = y->start, out = end;
    while (i < y->start || j < end) {
        uint32_t a = i < y->start ? terms->node[i] : UINT32_MAX;
        uint32_t b = j < end ? terms->node[j] : UINT32_MAX;
        double c = 0;
        if (a <= b) {
            c += terms->coefficient[i++];
        }
        if (b <= a) {
            c += terms->coefficient[j++];
        }
        terms->node[out] = a < b ? a : b;
        terms->coefficient[out] = c;
        out += c != 0;
    }
    size_t length = out - end;
    memmove(terms->node + x->start, terms->node + end, length * sizeof *terms->node);
    memmove(terms->coefficient + x->start, terms->coefficient + end,
            length * sizeof *terms->coefficient);
    terms->length = x->start + length;
    x->length = (uint32_t)length;
    return PH_OK;
}

int ph_partial_add(ph_partial *self)
{
    ph_item *y = ph_partial_top(self), *x = y - 1;
    int status = PH_OK;
    x->number += y->number;
    if (x->length == 0 || y->length == 0 ||
        self->terms->node[y->start - 1] < self->terms->node[y->start]) {
        x->length += y->length;
    } else {
        status = merge(self, x, y);
    }
    self->count--;
    return status != PH_OK || isfinite(x->number) ? status
                                                  : ph_partial_not_finite(self);
}

int ph_partial_subtract(ph_partial *self)
{
    int status = ph_partial_scale(self, -1, 0);
    return status != PH_OK ? status : ph_partial_add(self);
}
