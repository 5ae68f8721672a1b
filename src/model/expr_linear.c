/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Partial evaluation: the postfix code runs on a stack of linear forms over pool nodes
 * instead of numbers. All terms lie in one array in the order of the stack, so the two
 * operands of an operation are neighbours, sums are merged in place, and nothing is
 * allocated once the pool's scratch has grown.
 *
 * What leaves linearity becomes a pool node, with as much as possible kept outside as a
 * coefficient, so that states with other numbers share the node:
 *   - a form is split into coefficient * node; several terms share a coefficient only
 *     where the division by it is exact;
 *   - a non-negative form times or over a single node is distributed over its terms
 *     (no sum cancels, so nothing is lost);
 *   - c^n, sqrt(c) and |c| leave the power, the root and the absolute value.
 * Comparisons are SELECT nodes on the sign of a difference.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "expr_private.h"
#include "phasic/base/memory.h"
#include "pool_private.h"

typedef struct machine {
    const ph_expr *expr;
    const ph_env *env;
    ph_pool *pool;
    ph_linear *terms; /* of all items, in the order of the stack */
    ph_item *items;
    size_t count;
    const ph_instruction *at; /* the current instruction */
    ph_error *error;
} machine;

/* What an if(), a comparison or && || tests: value(node) > 0, or its opposite. */
typedef struct condition {
    uint32_t node;
    int negated;
} condition;

/* ---- errors ---- */

static int located(const machine *m)
{
    ph_error_position(m->error, 0, (long)m->at->column);
    ph_error_found(m->error, m->expr->text, (long)m->expr->length);
    return PH_E_MODEL;
}

static int not_finite(const machine *m)
{
    ph_error_set(m->error, PH_E_MODEL, "the value is not a finite number");
    return located(m);
}

static int refuse(const machine *m, const char *what)
{
    ph_error_set(
        m->error, PH_E_MODEL,
        "%s of an expression with parameters is not smooth and not allowed here", what);
    return located(m);
}

/* Gives a failure of the pool its sentence. */
static int pool_status(const machine *m, int status)
{
    if (status == PH_E_NUMERIC) {
        return not_finite(m);
    }
    if (status == PH_E_MEMORY) {
        ph_error_set(m->error, status, "no memory for the expression trace");
    }
    return status;
}

/* ---- the stack ---- */

static inline ph_item *top(const machine *m)
{
    return m->items + m->count - 1;
}

static inline int is_plain(const ph_item *item)
{
    return item->length == 0;
}

static inline void push_number(machine *m, double x)
{
    m->items[m->count++] = (ph_item){.number = x, .start = (uint32_t)m->terms->length};
}

static inline int push_term(machine *m, double coefficient, uint32_t node)
{
    ph_linear *terms = m->terms;
    if (terms->length == terms->capacity) {
        int status = ph_linear_reserve(terms, terms->length + 1);
        if (status != PH_OK || terms->length >= UINT32_MAX) {
            return pool_status(m, PH_E_MEMORY);
        }
    }
    m->items[m->count++] = (ph_item){.start = (uint32_t)terms->length, .length = 1};
    terms->node[terms->length] = node;
    terms->coefficient[terms->length++] = coefficient;
    return PH_OK;
}

/* Drops the `count` topmost items with their terms. */
static inline void drop(machine *m, size_t count)
{
    m->count -= count;
    m->terms->length = m->items[m->count].start;
}

/* Drops the number below the top item. */
static inline void drop_below(machine *m)
{
    m->items[m->count - 2] = m->items[m->count - 1];
    m->count--;
}

static int append(machine *m, ph_item *item, double coefficient, uint32_t node)
{
    ph_linear *terms = m->terms;
    if (ph_linear_reserve(terms, terms->length + 1) != PH_OK) {
        return pool_status(m, PH_E_MEMORY);
    }
    terms->node[terms->length] = node;
    terms->coefficient[terms->length++] = coefficient;
    item->length++;
    return PH_OK;
}

/* Pushes coefficient * node; constants and linear nodes are taken apart. */
static int push_node(machine *m, double coefficient, uint32_t index)
{
    const ph_pool *pool = m->pool;
    const ph_node *node = pool->nodes + index;
    int status = PH_OK;
    if (node->op == PH_OP_CONSTANT) {
        push_number(m, coefficient * node->value);
        return isfinite(top(m)->number) ? PH_OK : not_finite(m);
    }
    if (node->op != PH_OP_LINEAR) {
        return push_term(m, coefficient, index);
    }
    push_number(m, 0);
    for (size_t i = node->a; status == PH_OK && i < (size_t)node->a + node->b; i++) {
        double c = coefficient * pool->term_coefficient[i];
        if (pool->term_node[i] == 0) {
            top(m)->number = c;
        } else if (c != 0) {
            status = append(m, top(m), c, pool->term_node[i]);
        }
    }
    return status;
}

/* ---- forms as nodes ---- */

/* Copies an item to the scratch form, each coefficient over `divisor`. */
static int copy_form(machine *m, const ph_item *item, double divisor)
{
    ph_linear *form = &m->pool->scratch.form;
    if (ph_linear_reserve(form, (size_t)item->length + 1) != PH_OK) {
        return pool_status(m, PH_E_MEMORY);
    }
    form->length = 0;
    if (item->number != 0) {
        form->node[0] = 0;
        form->coefficient[0] = item->number / divisor;
        form->length = 1;
    }
    for (size_t i = item->start; i < (size_t)item->start + item->length; i++) {
        form->node[form->length] = m->terms->node[i];
        form->coefficient[form->length++] = m->terms->coefficient[i] / divisor;
    }
    return PH_OK;
}

static int form_node(machine *m, const ph_item *item, double divisor, uint32_t *node)
{
    int status = copy_form(m, item, divisor);
    if (status != PH_OK) {
        return status;
    }
    return pool_status(m, ph_pool_linear(m->pool, &m->pool->scratch.form, node));
}

/* The node of a whole item. */
static int whole_node(machine *m, const ph_item *item, uint32_t *node)
{
    return form_node(m, item, 1, node);
}

static int constant_node(machine *m, double x, uint32_t *node)
{
    ph_item item = {.number = x};
    return whole_node(m, &item, node);
}

static int divides(double x, double divisor)
{
    double q = x / divisor;
    return fabs(q) >= DBL_MIN && fabs(q) <= DBL_MAX && fma(q, divisor, -x) == 0;
}

/* item = coefficient * node. */
static int split(machine *m, const ph_item *item, double *coefficient, uint32_t *node)
{
    const double *c = m->terms->coefficient + item->start;
    if (is_plain(item)) {
        *coefficient = item->number;
        *node = 0;
        return PH_OK;
    }
    if (item->number == 0 && item->length == 1) {
        *coefficient = c[0];
        *node = m->terms->node[item->start];
        return PH_OK;
    }
    double lead = item->number != 0 ? item->number : c[0];
    for (size_t i = 0; i < item->length && lead != 1; i++) {
        if (!divides(c[i], lead)) {
            lead = 1;
        }
    }
    *coefficient = lead;
    return form_node(m, item, lead, node);
}

/* ---- sums and multiples ---- */

/* Multiplies (or divides) the top item by a number; vanishing terms are dropped. */
static int scale(machine *m, double factor, int divide)
{
    ph_item *item = top(m);
    ph_linear *terms = m->terms;
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
    return isfinite(item->number) ? PH_OK : not_finite(m);
}

/* Merges the ascending runs x and y, neighbours at the end of the terms, into x. */
static int merge(machine *m, ph_item *x, const ph_item *y)
{
    ph_linear *terms = m->terms;
    size_t end = terms->length, total = (size_t)x->length + y->length;
    if (ph_linear_reserve(terms, end + total) != PH_OK) {
        return pool_status(m, PH_E_MEMORY);
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

/* Adds the top item to the one below it. */
static int add(machine *m)
{
    ph_item *y = top(m), *x = y - 1;
    int status = PH_OK;
    x->number += y->number;
    if (x->length == 0 || y->length == 0 ||
        m->terms->node[y->start - 1] < m->terms->node[y->start]) {
        x->length += y->length;
    } else {
        status = merge(m, x, y);
    }
    m->count--;
    return status != PH_OK || isfinite(x->number) ? status : not_finite(m);
}

static int subtract(machine *m)
{
    int status = scale(m, -1, 0);
    return status != PH_OK ? status : add(m);
}

/* ---- products and quotients ---- */

/* Every term is non-negative on the whole box of supports. */
static int is_non_negative(const machine *m, const ph_item *item)
{
    for (size_t i = item->start; i < (size_t)item->start + item->length; i++) {
        const ph_node *node = m->pool->nodes + m->terms->node[i];
        if (m->terms->coefficient[i] < 0 || node->lower < 0) {
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
static int distribute(machine *m, ph_op op, double coefficient, uint32_t node)
{
    ph_item *item = top(m);
    int status = PH_OK;
    if (item->number != 0) {
        status = append(m, item, item->number, 0);
        item->number = 0;
    }
    ph_linear *terms = m->terms;
    for (size_t i = item->start; status == PH_OK && i < terms->length; i++) {
        status = ph_pool_binary(m->pool, op, terms->node[i], node, &terms->node[i]);
    }
    if (status != PH_OK) {
        return pool_status(m, status);
    }
    sort_terms(terms->node + item->start, terms->coefficient + item->start,
               item->length);
    return scale(m, coefficient, op == PH_OP_DIV);
}

/* Replaces the two topmost items x, y by the node x op y with their coefficients out.
 */
static int join(machine *m, ph_op op)
{
    double a, b;
    uint32_t x, y, node;
    int status = split(m, top(m) - 1, &a, &x);
    if (status != PH_OK || (status = split(m, top(m), &b, &y)) != PH_OK) {
        return status;
    }
    drop(m, 2);
    status = pool_status(m, ph_pool_binary(m->pool, op, x, y, &node));
    if (status != PH_OK) {
        return status;
    }
    double coefficient = op == PH_OP_MUL ? a * b : a / b;
    if (coefficient == 0) {
        push_number(m, 0);
        return PH_OK;
    }
    return isfinite(coefficient) ? push_node(m, coefficient, node) : not_finite(m);
}

static int multiply(machine *m)
{
    ph_item *y = top(m), *x = y - 1;
    if (is_plain(y)) {
        double factor = y->number;
        drop(m, 1);
        return scale(m, factor, 0);
    }
    if (is_plain(x)) {
        double factor = x->number;
        drop_below(m);
        return scale(m, factor, 0);
    }
    if (is_single(y) && !is_single(x) && is_non_negative(m, x)) {
        double coefficient = m->terms->coefficient[y->start];
        uint32_t node = m->terms->node[y->start];
        drop(m, 1);
        return distribute(m, PH_OP_MUL, coefficient, node);
    }
    if (is_single(x) && !is_single(y) && is_non_negative(m, y)) {
        double coefficient = m->terms->coefficient[x->start];
        uint32_t node = m->terms->node[x->start];
        size_t count = y->length;
        memmove(m->terms->node + x->start, m->terms->node + y->start,
                count * sizeof *m->terms->node);
        memmove(m->terms->coefficient + x->start, m->terms->coefficient + y->start,
                count * sizeof *m->terms->coefficient);
        y->start = x->start;
        m->terms->length = x->start + count;
        drop_below(m);
        return distribute(m, PH_OP_MUL, coefficient, node);
    }
    return join(m, PH_OP_MUL);
}

static int divide(machine *m)
{
    ph_item *y = top(m), *x = y - 1;
    if (is_plain(y)) {
        double divisor = y->number;
        if (divisor == 0) {
            ph_error_set(m->error, PH_E_MODEL, "the divisor is 0");
            return located(m);
        }
        drop(m, 1);
        return scale(m, divisor, 1);
    }
    if (is_plain(x) && x->number == 0) {
        drop(m, 1);
        return PH_OK;
    }
    if (is_single(y) && !is_plain(x) && !is_single(x) && is_non_negative(m, x)) {
        double coefficient = m->terms->coefficient[y->start];
        uint32_t node = m->terms->node[y->start];
        drop(m, 1);
        return distribute(m, PH_OP_DIV, coefficient, node);
    }
    return join(m, PH_OP_DIV);
}

/* ---- powers and functions ---- */

/* A coefficient that may leave a function: a normal number. */
static int is_normal(double x)
{
    return fabs(x) >= DBL_MIN && fabs(x) <= DBL_MAX;
}

/* The top item to a constant power. */
static int power_constant(machine *m, double n)
{
    double coefficient;
    uint32_t base, exponent, node;
    if (n == 0) {
        drop(m, 1);
        push_number(m, 1);
        return PH_OK;
    }
    if (n == 1) {
        return PH_OK;
    }
    int status = split(m, top(m), &coefficient, &base);
    if (status != PH_OK) {
        return status;
    }
    double outside = coefficient > 0 || n == floor(n) ? pow(coefficient, n) : 0;
    if (!is_normal(outside)) {
        outside = 1;
        status = whole_node(m, top(m), &base);
    }
    if (status != PH_OK || (status = constant_node(m, n, &exponent)) != PH_OK) {
        return status;
    }
    drop(m, 1);
    status = pool_status(m, ph_pool_binary(m->pool, PH_OP_POW, base, exponent, &node));
    return status != PH_OK ? status : push_node(m, outside, node);
}

/* Replaces the two topmost items by the node of an operation on both as they are. */
static int binary_node(machine *m, ph_op op)
{
    uint32_t x, y, node;
    int status = whole_node(m, top(m) - 1, &x);
    if (status != PH_OK || (status = whole_node(m, top(m), &y)) != PH_OK) {
        return status;
    }
    drop(m, 2);
    status = pool_status(m, ph_pool_binary(m->pool, op, x, y, &node));
    return status != PH_OK ? status : push_node(m, 1, node);
}

static int power(machine *m)
{
    if (is_plain(top(m))) {
        double n = top(m)->number;
        drop(m, 1);
        return power_constant(m, n);
    }
    return binary_node(m, PH_OP_POW);
}

static int unary_node(machine *m, ph_op op)
{
    uint32_t x, node;
    int status = whole_node(m, top(m), &x);
    if (status != PH_OK) {
        return status;
    }
    drop(m, 1);
    status = pool_status(m, ph_pool_unary(m->pool, op, x, &node));
    return status != PH_OK ? status : push_node(m, 1, node);
}

/* sqrt and abs: sqrt(c x) = sqrt(c) sqrt(x) for c > 0, |c x| = |c| |x|. */
static int homogeneous(machine *m, ph_op op)
{
    double coefficient;
    uint32_t x, node;
    int status = split(m, top(m), &coefficient, &x);
    if (status != PH_OK) {
        return status;
    }
    if (op == PH_OP_SQRT && coefficient < 0) {
        return unary_node(m, op);
    }
    drop(m, 1);
    status = pool_status(m, ph_pool_unary(m->pool, op, x, &node));
    double outside = op == PH_OP_SQRT ? sqrt(coefficient) : fabs(coefficient);
    return status != PH_OK ? status : push_node(m, outside, node);
}

static int absolute(machine *m)
{
    double lower, upper;
    int status = copy_form(m, top(m), 1);
    if (status != PH_OK) {
        return status;
    }
    ph_linear_range(&m->pool->scratch.form, m->pool, &lower, &upper);
    if (lower >= 0) {
        return PH_OK;
    }
    return upper <= 0 ? scale(m, -1, 0) : homogeneous(m, PH_OP_ABS);
}

/* ---- conditions ---- */

/* Pushes 1 where the condition holds and 0 elsewhere. */
static int push_truth(machine *m, condition c)
{
    uint32_t zero, node;
    int status = constant_node(m, 0, &zero);
    if (status == PH_OK) {
        status = pool_status(m, ph_pool_select(m->pool, c.node, c.negated ? zero : 0,
                                               c.negated ? 0 : zero, &node));
    }
    return status != PH_OK ? status : push_node(m, 1, node);
}

static int is_value(const ph_pool *pool, uint32_t node, double value)
{
    return pool->nodes[node].op == PH_OP_CONSTANT && pool->nodes[node].value == value;
}

/* What it means that an item is not 0; truth values give their own condition back. */
static int condition_of(machine *m, const ph_item *item, condition *c)
{
    uint32_t node;
    int status = whole_node(m, item, &node);
    if (status != PH_OK) {
        return status;
    }
    const ph_node *known = m->pool->nodes + node;
    if (known->op == PH_OP_SELECT) {
        int straight = is_value(m->pool, known->b, 1) && is_value(m->pool, known->c, 0);
        int opposite = is_value(m->pool, known->b, 0) && is_value(m->pool, known->c, 1);
        if (straight || opposite) {
            *c = (condition){known->a, opposite};
            return PH_OK;
        }
    }
    c->negated = 0;
    return pool_status(m, ph_pool_unary(m->pool, PH_OP_ABS, node, &c->node));
}

/* Replaces the top item by its truth value, or by the opposite. */
static int truth(machine *m, int opposite)
{
    condition c;
    if (is_plain(top(m))) {
        top(m)->number = (top(m)->number != 0) != opposite;
        top(m)->is_condition = 0;
        return PH_OK;
    }
    int status = condition_of(m, top(m), &c);
    if (status != PH_OK) {
        return status;
    }
    drop(m, 1);
    c.negated = c.negated != opposite;
    return push_truth(m, c);
}

/* x < y is y - x > 0, x <= y is !(x - y > 0), x == y is !(|x - y| > 0), ... */
static int compare(machine *m, uint32_t code)
{
    condition c = {.negated =
                       code == PH_CODE_LE || code == PH_CODE_GE || code == PH_CODE_EQ};
    int status = subtract(m);
    if (status != PH_OK) {
        return status;
    }
    if (is_plain(top(m))) {
        top(m)->number = ph_expr_apply(code, top(m)->number, 0);
        return PH_OK;
    }
    if (code == PH_CODE_LT || code == PH_CODE_GE) {
        status = scale(m, -1, 0);
    } else if (code == PH_CODE_EQ || code == PH_CODE_NE) {
        status = homogeneous(m, PH_OP_ABS);
    }
    if (status != PH_OK || (status = whole_node(m, top(m), &c.node)) != PH_OK) {
        return status;
    }
    drop(m, 1);
    return push_truth(m, c);
}

/* a && b, a || b with a and b on the stack; a number a does not decide. */
static int logic(machine *m, int is_and)
{
    ph_item *b = top(m), *a = b - 1;
    condition c;
    uint32_t other, node;
    int status;
    if (is_plain(a)) {
        drop_below(m);
        return truth(m, 0);
    }
    if (is_plain(b)) {
        int decides = (b->number != 0) != is_and;
        drop(m, decides ? 2 : 1);
        if (!decides) {
            return truth(m, 0);
        }
        push_number(m, !is_and);
        return PH_OK;
    }
    if ((status = truth(m, 0)) != PH_OK ||
        (status = whole_node(m, top(m), &other)) != PH_OK ||
        (status = condition_of(m, a, &c)) != PH_OK) {
        return status;
    }
    drop(m, 2);
    uint32_t decided = 0;
    if (is_and && (status = constant_node(m, 0, &decided)) != PH_OK) {
        return status;
    }
    int swap = c.negated == is_and; /* the branch where a > 0 holds decides */
    status = pool_status(m, ph_pool_select(m->pool, c.node, swap ? decided : other,
                                           swap ? other : decided, &node));
    return status != PH_OK ? status : push_node(m, 1, node);
}

/* Nodes for both branches, with a coefficient they share taken out. */
static int split_branches(machine *m, const ph_item *a, const ph_item *b,
                          double *outside, uint32_t *x, uint32_t *y)
{
    double p, q;
    int status = split(m, a, &p, x);
    if (status != PH_OK || (status = split(m, b, &q, y)) != PH_OK) {
        return status;
    }
    if (p == q && p != 0) {
        *outside = p;
        return PH_OK;
    }
    if (p == 0 || q == 0) {
        *outside = p == 0 ? q : p;
        return constant_node(m, 0, p == 0 ? x : y);
    }
    *outside = 1;
    status = whole_node(m, a, x);
    return status != PH_OK ? status : whole_node(m, b, y);
}

/* if(): the condition and the one evaluated branch, or the condition and both. */
static int select_branch(machine *m)
{
    if (top(m)[-1].is_condition) {
        drop_below(m);
        return PH_OK;
    }
    const ph_item *b = top(m), *a = b - 1;
    condition c;
    double outside;
    uint32_t x, y, node;
    int status = condition_of(m, a - 1, &c);
    if (status != PH_OK ||
        (status = split_branches(m, a, b, &outside, &x, &y)) != PH_OK) {
        return status;
    }
    drop(m, 3);
    if (outside == 0) {
        push_number(m, 0);
        return PH_OK;
    }
    status = pool_status(m, ph_pool_select(m->pool, c.node, c.negated ? y : x,
                                           c.negated ? x : y, &node));
    return status != PH_OK ? status : push_node(m, outside, node);
}

/* ---- the run ---- */

/* An operation on numbers: the same as without parameters. */
static int plain_operation(machine *m, int arity)
{
    double b = arity == 2 ? top(m)->number : 0;
    m->count -= (size_t)arity - 1;
    double a = top(m)->number;
    top(m)->number = ph_expr_apply(m->at->code, a, b);
    return isfinite(top(m)->number)
               ? PH_OK
               : ph_expr_domain_error(m->expr, m->at, a, b, m->error);
}

static int binary(machine *m)
{
    if (is_plain(top(m)) && is_plain(top(m) - 1)) {
        return plain_operation(m, 2);
    }
    switch (m->at->code) {
    case PH_CODE_ADD: return add(m);
    case PH_CODE_SUBTRACT: return subtract(m);
    case PH_CODE_MULTIPLY: return multiply(m);
    case PH_CODE_DIVIDE: return divide(m);
    case PH_CODE_POWER: return power(m);
    case PH_CODE_MIN: return binary_node(m, PH_OP_MIN);
    case PH_CODE_MAX: return binary_node(m, PH_OP_MAX);
    case PH_CODE_BINOMIAL: return refuse(m, "binomial()");
    default: return compare(m, m->at->code);
    }
}

static int unary(machine *m)
{
    if (is_plain(top(m))) {
        return plain_operation(m, 1);
    }
    switch (m->at->code) {
    case PH_CODE_NEGATE: return scale(m, -1, 0);
    case PH_CODE_NOT: return truth(m, 1);
    case PH_CODE_ABS: return absolute(m);
    case PH_CODE_EXP: return unary_node(m, PH_OP_EXP);
    case PH_CODE_LOG: return unary_node(m, PH_OP_LOG);
    case PH_CODE_SQRT: return homogeneous(m, PH_OP_SQRT);
    case PH_CODE_FLOOR: return refuse(m, "floor()");
    default: return refuse(m, "ceil()");
    }
}

static int index_operation(machine *m)
{
    int is_step = m->at->code == PH_CODE_STEP;
    double pair[2] = {is_step ? top(m)[-1].number : 0, top(m)->number};
    int status = ph_expr_index(m->expr, m->at, m->env, pair + 1, m->error);
    m->count -= (size_t)is_step;
    top(m)->number = pair[!is_step];
    return status;
}

/* Whether a jump is taken; the value it tests stays, marked, for the operation. */
static int jumps(machine *m)
{
    ph_item *item = top(m);
    if (m->at->code == PH_CODE_JUMP) {
        return is_plain(item - 1);
    }
    item->is_condition = 1;
    if (!is_plain(item)) {
        return 0;
    }
    int holds = item->number != 0;
    if (m->at->code == PH_CODE_IF_JUMP) {
        return !holds;
    }
    if (holds == (m->at->code == PH_CODE_OR_JUMP)) {
        *item = (ph_item){.number = holds, .start = item->start};
        return 1;
    }
    return 0;
}

static int step(machine *m)
{
    const ph_instruction *i = m->at;
    if (ph_code_is_binary(i->code)) {
        return binary(m);
    }
    if (ph_code_is_unary(i->code)) {
        return unary(m);
    }
    switch (i->code) {
    case PH_CODE_NUMBER: push_number(m, i->u.number); return PH_OK;
    case PH_CODE_ENTRY: push_number(m, m->env->state[i->u.array.first]); return PH_OK;
    case PH_CODE_LOOP:
        push_number(m, (double)m->env->loop[i->u.array.first]);
        return PH_OK;
    case PH_CODE_PARAMETER: return push_term(m, 1, i->u.array.first + 1);
    case PH_CODE_SUM_ALL:
        push_number(m, ph_expr_sum(m->env, i->u.array.first, i->u.array.extent));
        return PH_OK;
    case PH_CODE_AND: return logic(m, 1);
    case PH_CODE_OR: return logic(m, 0);
    case PH_CODE_SELECT: return select_branch(m);
    default: return index_operation(m);
    }
}

static int run(machine *m)
{
    const ph_instruction *code = m->expr->code, *end = code + m->expr->code_length;
    for (m->at = code; m->at < end;) {
        uint32_t kind = m->at->code;
        if (kind == PH_CODE_AND_JUMP || kind == PH_CODE_OR_JUMP ||
            kind == PH_CODE_IF_JUMP || kind == PH_CODE_JUMP) {
            m->at = jumps(m) ? code + m->at->u.target : m->at + 1;
            continue;
        }
        int status = step(m);
        if (status != PH_OK) {
            return status;
        }
        m->at++;
    }
    return PH_OK;
}

/* Writes the one item that is left to `form`. */
static int finish(machine *m, ph_linear *form)
{
    const ph_item *item = top(m);
    m->at = m->expr->code + m->expr->code_length - 1;
    if (ph_linear_reserve(form, (size_t)item->length + 1) != PH_OK) {
        return pool_status(m, PH_E_MEMORY);
    }
    size_t length = 0;
    if (item->number != 0) {
        form->node[length] = 0;
        form->coefficient[length++] = item->number;
    }
    for (size_t i = item->start; i < m->terms->length; i++) {
        form->node[length] = m->terms->node[i];
        form->coefficient[length++] = m->terms->coefficient[i];
    }
    for (size_t i = 0; i < length; i++) {
        if (!isfinite(form->coefficient[i])) {
            return not_finite(m);
        }
    }
    form->length = length;
    return PH_OK;
}

int ph_expr_linear(const ph_expr *self, const ph_env *env, ph_pool *pool,
                   ph_linear *form, ph_error *error)
{
    ph_scratch *scratch = &pool->scratch;
    machine m = {.expr = self,
                 .env = env,
                 .pool = pool,
                 .terms = &scratch->terms,
                 .error = error};
    if (ph_grow(&scratch->items, &scratch->capacity, self->stack + 1,
                sizeof *scratch->items) != PH_OK) {
        return pool_status(&m, PH_E_MEMORY);
    }
    m.items = scratch->items;
    m.terms->length = 0;
    int status = run(&m);
    return status != PH_OK ? status : finish(&m, form);
}
