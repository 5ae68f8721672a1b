/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Values forward, derivatives backward, each node once (reverse accumulation, Griewank
 * & Walther 2008, ch. 3). The plain versions treat one parameter vector and are the
 * definition; the lane versions do the same operations in the same order for PH_LANES
 * vectors, with the lanes as the inner, contiguous loop, so both agree bit for bit.
 *
 * A node whose own derivative is 0 passes on exactly 0: an if() branch that is not
 * taken must not turn its infinite slope (log or sqrt at 0) into 0 * inf = NaN.
 *
 * No value is ever -0 (adding 0 turns it into 0), so that what is divided by 0 has the
 * sign that the ranges say. Sums start from 0 and cannot give -0.
 */
#include <math.h>
#include <string.h>

#include "pool_private.h"

#define W PH_LANES

static inline double smaller(double a, double b)
{
    return b < a || isnan(b) ? b : a;
}

static inline double larger(double a, double b)
{
    return b > a || isnan(b) ? b : a;
}

static inline double chosen(double a, double b, double c)
{
    return isnan(a) ? a : a > 0 ? b : c;
}

double ph_op_value(ph_op op, double a, double b, double c)
{
    switch (op) {
    case PH_OP_MUL: return a * b + 0.0;
    case PH_OP_DIV: return a / b + 0.0;
    case PH_OP_POW: return pow(a, b) + 0.0;
    case PH_OP_MIN: return smaller(a, b);
    case PH_OP_MAX: return larger(a, b);
    case PH_OP_ABS: return fabs(a);
    case PH_OP_EXP: return exp(a);
    case PH_OP_LOG: return log(a);
    case PH_OP_SQRT: return sqrt(a);
    case PH_OP_SELECT: return chosen(a, b, c);
    case PH_OP_CONSTANT:
    case PH_OP_PARAMETER:
    case PH_OP_LINEAR: break;
    }
    return NAN;
}

/* s * d, and exactly 0 where s is. */
static inline double scaled(double s, double d)
{
    return s == 0 ? 0 : s * d;
}

/* d a^b / da, d a^b / db with z = a^b: a power of 0 is 0 for every b near a b > 0. */
static inline double power_base_slope(double a, double b)
{
    return b * pow(a, b - 1);
}

static inline double power_exponent_slope(double a, double z)
{
    return z == 0 ? 0 : z * log(a);
}

static inline double sign(double a)
{
    return (double)((a > 0) - (a < 0));
}

/* ---- one parameter vector ---- */

static double plain_linear(const ph_pool *self, const ph_node *node, const double *u)
{
    const uint32_t *term = self->term_node + node->a;
    const double *coefficient = self->term_coefficient + node->a;
    double sum = 0;
    for (size_t i = 0; i < node->b; i++) {
        sum += coefficient[i] * u[term[i]];
    }
    return sum;
}

void ph_pool_eval_plain(const ph_pool *self, const double *theta, double *u)
{
    for (size_t k = 0; k < self->length; k++) {
        const ph_node *node = self->nodes + k;
        switch ((ph_op)node->op) {
        case PH_OP_CONSTANT: u[k] = node->value; break;
        case PH_OP_PARAMETER: u[k] = theta[node->a] + 0.0; break;
        case PH_OP_LINEAR: u[k] = plain_linear(self, node, u); break;
        default:
            u[k] = ph_op_value((ph_op)node->op, u[node->a], u[node->b], u[node->c]);
        }
    }
}

/* Passes the derivative s of node z = f(a, b) on to its operands. */
static void plain_adjoint_node(const ph_pool *self, size_t k, const double *u,
                               double *u_bar)
{
    const ph_node *node = self->nodes + k;
    uint32_t a = node->a, b = node->b;
    double s = u_bar[k], z = u[k];
    switch ((ph_op)node->op) {
    case PH_OP_CONSTANT:
    case PH_OP_PARAMETER: break;
    case PH_OP_LINEAR:
        for (size_t i = a; i < (size_t)a + b; i++) {
            u_bar[self->term_node[i]] += self->term_coefficient[i] * s;
        }
        break;
    case PH_OP_MUL:
        u_bar[a] += scaled(s, u[b]);
        u_bar[b] += scaled(s, u[a]);
        break;
    case PH_OP_DIV:
        u_bar[a] += scaled(s, 1 / u[b]);
        u_bar[b] += scaled(s, -z / u[b]);
        break;
    case PH_OP_POW:
        if (self->nodes[a].op != PH_OP_CONSTANT) {
            u_bar[a] += scaled(s, power_base_slope(u[a], u[b]));
        }
        if (self->nodes[b].op != PH_OP_CONSTANT) {
            u_bar[b] += scaled(s, power_exponent_slope(u[a], z));
        }
        break;
    case PH_OP_MIN: u_bar[u[b] < u[a] ? b : a] += s; break;
    case PH_OP_MAX: u_bar[u[b] > u[a] ? b : a] += s; break;
    case PH_OP_ABS: u_bar[a] += scaled(s, sign(u[a])); break;
    case PH_OP_EXP: u_bar[a] += scaled(s, z); break;
    case PH_OP_LOG: u_bar[a] += scaled(s, 1 / u[a]); break;
    case PH_OP_SQRT: u_bar[a] += scaled(s, 0.5 / z); break;
    case PH_OP_SELECT: u_bar[u[a] > 0 ? b : node->c] += s; break;
    }
}

void ph_pool_adjoint_plain(const ph_pool *self, const double *u, double *u_bar,
                           double *theta_bar)
{
    for (size_t k = self->length; k-- > 0;) {
        plain_adjoint_node(self, k, u, u_bar);
    }
    for (size_t i = 0; i < self->parameters; i++) {
        theta_bar[i] += u_bar[i + 1];
    }
}

/* ---- a block of PH_LANES parameter vectors ---- */

static void lanes_linear(const ph_pool *self, const ph_node *node, const double *u,
                         double *row)
{
    double sum[W] = {0};
    for (size_t i = node->a; i < (size_t)node->a + node->b; i++) {
        const double *x = u + (size_t)self->term_node[i] * W;
        double coefficient = self->term_coefficient[i];
        for (int l = 0; l < W; l++) {
            sum[l] += coefficient * x[l];
        }
    }
    memcpy(row, sum, sizeof sum);
}

static void lanes_operation(ph_op op, const double *a, const double *b, const double *c,
                            double *row)
{
    switch (op) {
    case PH_OP_MUL:
        for (int l = 0; l < W; l++) {
            row[l] = a[l] * b[l] + 0.0;
        }
        break;
    case PH_OP_DIV:
        for (int l = 0; l < W; l++) {
            row[l] = a[l] / b[l] + 0.0;
        }
        break;
    default:
        for (int l = 0; l < W; l++) {
            row[l] = ph_op_value(op, a[l], b[l], c[l]);
        }
    }
}

void ph_pool_eval(const ph_pool *self, const double *theta, double *u)
{
    for (size_t k = 0; k < self->length; k++) {
        const ph_node *node = self->nodes + k;
        double *row = u + k * W;
        switch ((ph_op)node->op) {
        case PH_OP_CONSTANT:
            for (int l = 0; l < W; l++) {
                row[l] = node->value;
            }
            break;
        case PH_OP_PARAMETER:
            for (int l = 0; l < W; l++) {
                row[l] = theta[(size_t)node->a * W + (size_t)l] + 0.0;
            }
            break;
        case PH_OP_LINEAR: lanes_linear(self, node, u, row); break;
        default:
            lanes_operation((ph_op)node->op, u + (size_t)node->a * W,
                            u + (size_t)node->b * W, u + (size_t)node->c * W, row);
        }
    }
}

/* x_bar += s * slope, lane by lane. */
static inline void add_scaled(double *x_bar, const double *s, const double *slope)
{
    for (int l = 0; l < W; l++) {
        x_bar[l] += scaled(s[l], slope[l]);
    }
}

static void lanes_adjoint_linear(const ph_pool *self, const ph_node *node,
                                 const double *s, double *u_bar)
{
    for (size_t i = node->a; i < (size_t)node->a + node->b; i++) {
        double *x_bar = u_bar + (size_t)self->term_node[i] * W;
        double coefficient = self->term_coefficient[i];
        for (int l = 0; l < W; l++) {
            x_bar[l] += coefficient * s[l];
        }
    }
}

static void lanes_adjoint_divide(const double *b, const double *z, const double *s,
                                 double *a_bar, double *b_bar)
{
    double a_slope[W], b_slope[W];
    for (int l = 0; l < W; l++) {
        a_slope[l] = 1 / b[l];
        b_slope[l] = -z[l] / b[l];
    }
    add_scaled(a_bar, s, a_slope);
    add_scaled(b_bar, s, b_slope);
}

/* a_bar or b_bar NULL: that operand is a constant. */
static void lanes_adjoint_power(const double *a, const double *b, const double *z,
                                const double *s, double *a_bar, double *b_bar)
{
    for (int l = 0; a_bar && l < W; l++) {
        a_bar[l] += scaled(s[l], power_base_slope(a[l], b[l]));
    }
    for (int l = 0; b_bar && l < W; l++) {
        b_bar[l] += scaled(s[l], power_exponent_slope(a[l], z[l]));
    }
}

static void lanes_adjoint_unary(ph_op op, const double *a, const double *z,
                                const double *s, double *a_bar)
{
    double slope[W];
    for (int l = 0; l < W; l++) {
        slope[l] = op == PH_OP_EXP    ? z[l]
                   : op == PH_OP_LOG  ? 1 / a[l]
                   : op == PH_OP_SQRT ? 0.5 / z[l]
                                      : sign(a[l]);
    }
    add_scaled(a_bar, s, slope);
}

static void lanes_adjoint_node(const ph_pool *self, size_t k, const double *u,
                               double *u_bar)
{
    const ph_node *node = self->nodes + k;
    const double *s = u_bar + k * W, *z = u + k * W;
    if (node->op == PH_OP_LINEAR) {
        lanes_adjoint_linear(self, node, s, u_bar);
        return;
    }
    const double *a = u + (size_t)node->a * W, *b = u + (size_t)node->b * W;
    double *a_bar = u_bar + (size_t)node->a * W, *b_bar = u_bar + (size_t)node->b * W;
    double *c_bar = u_bar + (size_t)node->c * W;
    switch ((ph_op)node->op) {
    case PH_OP_MUL:
        add_scaled(a_bar, s, b);
        add_scaled(b_bar, s, a);
        break;
    case PH_OP_DIV: lanes_adjoint_divide(b, z, s, a_bar, b_bar); break;
    case PH_OP_POW:
        lanes_adjoint_power(a, b, z, s,
                            self->nodes[node->a].op == PH_OP_CONSTANT ? NULL : a_bar,
                            self->nodes[node->b].op == PH_OP_CONSTANT ? NULL : b_bar);
        break;
    case PH_OP_MIN:
        for (int l = 0; l < W; l++) {
            (b[l] < a[l] ? b_bar : a_bar)[l] += s[l];
        }
        break;
    case PH_OP_MAX:
        for (int l = 0; l < W; l++) {
            (b[l] > a[l] ? b_bar : a_bar)[l] += s[l];
        }
        break;
    case PH_OP_SELECT:
        for (int l = 0; l < W; l++) {
            (a[l] > 0 ? b_bar : c_bar)[l] += s[l];
        }
        break;
    case PH_OP_ABS:
    case PH_OP_EXP:
    case PH_OP_LOG:
    case PH_OP_SQRT: lanes_adjoint_unary((ph_op)node->op, a, z, s, a_bar); break;
    default: break;
    }
}

void ph_pool_adjoint(const ph_pool *self, const double *u, double *u_bar,
                     double *theta_bar)
{
    for (size_t k = self->length; k-- > 0;) {
        lanes_adjoint_node(self, k, u, u_bar);
    }
    for (size_t i = 0; i < self->parameters * W; i++) {
        theta_bar[i] += u_bar[W + i];
    }
}
