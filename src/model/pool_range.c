/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Interval arithmetic over the box of supports (Moore 1966). An operation that is
 * monotone in each operand takes its extremes at corners of its operands' intervals;
 * the corners are computed by the same rounded operations, in the same order, as the
 * values themselves, and rounding is monotone, so no outward rounding is needed for
 * arithmetic and square roots. exp, log and pow are not correctly rounded: their ends
 * are widened by a few units in the last place, except where they are exact. Where
 * nothing finite can be said the bounds are infinite; they are never NaN. Points
 * outside an operation's domain have no value and do not count.
 */
#include <float.h>
#include <math.h>

#include "pool_private.h"

typedef struct interval {
    double lower, upper;
} interval;

static const interval everything = {-INFINITY, INFINITY};

static interval bounds(const ph_pool *self, uint32_t node)
{
    return (interval){self->nodes[node].lower, self->nodes[node].upper};
}

static double down(double x)
{
    return isfinite(x) ? x - 4 * DBL_EPSILON * fabs(x) : x;
}

static double up(double x)
{
    return isfinite(x) ? x + 4 * DBL_EPSILON * fabs(x) : x;
}

static interval hull(interval x, interval y)
{
    return (interval){fmin(x.lower, y.lower), fmax(x.upper, y.upper)};
}

/* 0 * inf = 0: the factor 0 is attained, infinity is not. */
static double product(double x, double y)
{
    return x == 0 || y == 0 ? 0 : x * y;
}

static interval corners(const double value[4])
{
    interval r = {value[0], value[0]};
    for (int i = 1; i < 4; i++) {
        r.lower = fmin(r.lower, value[i]);
        r.upper = fmax(r.upper, value[i]);
    }
    return r;
}

static interval multiply(interval x, interval y)
{
    double value[4] = {product(x.lower, y.lower), product(x.lower, y.upper),
                       product(x.upper, y.lower), product(x.upper, y.upper)};
    return corners(value);
}

static interval absolute(interval x)
{
    if (x.lower >= 0) {
        return x;
    }
    if (x.upper <= 0) {
        return (interval){-x.upper + 0.0, -x.lower + 0.0};
    }
    return (interval){0, fmax(-x.lower, x.upper)};
}

/* x / y at a corner, y = 0 approached from above. */
static double quotient(double x, double y)
{
    if (x == 0 || isinf(y)) {
        return 0;
    }
    return y == 0 ? x * INFINITY : x / y;
}

/*
 * Values are never -0: x / 0 is the limit from above, and where 0 is the upper end of y
 * both signs of infinity occur.
 */
static interval divide(interval x, interval y)
{
    if ((y.lower < 0 && y.upper >= 0) || (y.lower == 0 && y.upper == 0)) {
        return everything;
    }
    double value[4] = {quotient(x.lower, y.lower), quotient(x.lower, y.upper),
                       quotient(x.upper, y.lower), quotient(x.upper, y.upper)};
    return corners(value);
}

/* x^y at a corner with x >= 0, moved outwards by `widen` unless it is exact. */
static double power_corner(double x, double y, double (*widen)(double))
{
    double value = pow(x, y);
    return x == 0 || x == 1 || y == 0 || y == 1 ? value : widen(value);
}

/* x >= 0: y log x is bilinear in (log x, y). */
static interval positive_power(interval x, interval y)
{
    double low[4], high[4];
    for (int i = 0; i < 4; i++) {
        double a = i & 1 ? x.upper : x.lower, b = i & 2 ? y.upper : y.lower;
        low[i] = power_corner(a, b, down);
        high[i] = power_corner(a, b, up);
    }
    return (interval){corners(low).lower, corners(high).upper};
}

static interval whole_power(interval x, double n)
{
    interval exponent = {n, n};
    if (x.lower >= 0) {
        return positive_power(x, exponent);
    }
    if (fmod(n, 2) == 0) {
        return positive_power(absolute(x), exponent);
    }
    if (n < 0 && x.upper >= 0) {
        return everything;
    }
    if (x.upper <= 0) {
        interval r = positive_power(absolute(x), exponent);
        return (interval){-r.upper, -r.lower};
    }
    return (interval){-power_corner(-x.lower, n, up), power_corner(x.upper, n, up)};
}

static interval power(interval x, interval y)
{
    int fixed = y.lower == y.upper && isfinite(y.lower);
    if (fixed && y.lower == floor(y.lower)) {
        return whole_power(x, y.lower);
    }
    if (x.lower < 0 && !fixed) {
        return everything; /* a whole exponent may lie inside */
    }
    interval domain = {fmax(x.lower, 0), fmax(x.upper, 0)};
    interval r = positive_power(domain, y);
    if (x.lower == -INFINITY) { /* pow() has a value there: 0 or infinity */
        double value = pow(x.lower, y.lower);
        r = hull(r, (interval){value, value});
    }
    return r;
}

static interval exponential(interval x)
{
    double low = exp(x.lower), high = exp(x.upper);
    return (interval){x.lower == 0 ? low : down(low), x.upper == 0 ? high : up(high)};
}

static interval logarithm(interval x)
{
    return (interval){x.lower > 0 ? down(log(x.lower)) : -INFINITY,
                      x.upper > 0 ? up(log(x.upper)) : -INFINITY};
}

static interval linear(const ph_pool *self, const uint32_t *node,
                       const double *coefficient, size_t length)
{
    interval sum = {0, 0};
    for (size_t i = 0; i < length; i++) {
        interval c = {coefficient[i], coefficient[i]};
        interval term = multiply(c, bounds(self, node[i]));
        sum.lower += term.lower;
        sum.upper += term.upper;
    }
    if (isnan(sum.lower)) {
        sum.lower = -INFINITY;
    }
    if (isnan(sum.upper)) {
        sum.upper = INFINITY;
    }
    return sum;
}

static interval node_bounds(const ph_pool *self, const ph_node *node)
{
    interval none = {0, 0};
    interval a = none, b = none;
    if (node->op > PH_OP_LINEAR) {
        a = bounds(self, node->a);
        b = node->op <= PH_OP_MAX || node->op == PH_OP_SELECT ? bounds(self, node->b)
                                                              : none;
    }
    switch ((ph_op)node->op) {
    case PH_OP_CONSTANT: return (interval){node->value, node->value};
    case PH_OP_PARAMETER: return (interval){node->lower, node->upper};
    case PH_OP_LINEAR:
        return linear(self, self->term_node + node->a, self->term_coefficient + node->a,
                      node->b);
    case PH_OP_MUL:
        a = node->a == node->b ? absolute(a) : a;
        return multiply(a, node->a == node->b ? a : b);
    case PH_OP_DIV: return divide(a, b);
    case PH_OP_POW: return power(a, b);
    case PH_OP_MIN: return (interval){fmin(a.lower, b.lower), fmin(a.upper, b.upper)};
    case PH_OP_MAX: return (interval){fmax(a.lower, b.lower), fmax(a.upper, b.upper)};
    case PH_OP_ABS: return absolute(a);
    case PH_OP_EXP: return exponential(a);
    case PH_OP_LOG: return logarithm(a);
    case PH_OP_SQRT: return (interval){sqrt(fmax(a.lower, 0)), sqrt(fmax(a.upper, 0))};
    case PH_OP_SELECT: return hull(b, bounds(self, node->c));
    }
    return everything;
}

void ph_node_bound(const ph_pool *self, ph_node *node)
{
    interval r = node_bounds(self, node);
    node->lower = r.lower + 0.0; /* no -0, as in the values */
    node->upper = r.upper + 0.0;
}

void ph_pool_range(const ph_pool *self, uint32_t node, double *lower, double *upper)
{
    *lower = self->nodes[node].lower;
    *upper = self->nodes[node].upper;
}

void ph_linear_range(const ph_linear *form, const ph_pool *pool, double *lower,
                     double *upper)
{
    interval r = linear(pool, form->node, form->coefficient, form->length);
    *lower = r.lower;
    *upper = r.upper;
}
