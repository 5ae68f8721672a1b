/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MODEL_POOL_H
#define PHASIC_MODEL_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/base/buffer.h"
#include "phasic/num/lanes.h"

/*
 * The expression trace. A pool holds the distinct parameter expressions of a model as a
 * hash-consed directed acyclic graph in topological order: node k depends on nodes < k
 * only. Node 0 is the constant 1 (the pseudo-parameter of constant rates), nodes 1..p
 * are the p parameters in the model's order; the rest are intermediates u(theta) such
 * as exp(-b * 3) / N. Rates are linear in the nodes' values; derivatives flow back
 * through the pool by its adjoint.
 *
 * While a graph is built nodes are added; afterwards the pool is immutable and shared
 * by threads.
 */
typedef struct ph_pool ph_pool;

typedef enum ph_op {
    PH_OP_CONSTANT, /* value */
    PH_OP_PARAMETER,
    PH_OP_LINEAR, /* sum of coefficient * node (the constant term is on node 0) */
    PH_OP_MUL,
    PH_OP_DIV,
    PH_OP_POW,
    PH_OP_MIN,
    PH_OP_MAX,
    PH_OP_ABS,
    PH_OP_EXP,
    PH_OP_LOG,
    PH_OP_SQRT,
    PH_OP_SELECT /* a > 0 ? b : c, for if() on a parameter condition; see expr.h */
} ph_op;

/*
 * A linear form over pool nodes: sum_i coefficient[i] * value(node[i]), nodes distinct
 * and ascending (node 0 carries the constant term), zero coefficients dropped. Storage
 * is owned by the form; zero-initialise, release with ph_linear_free.
 */
typedef struct ph_linear {
    size_t length, capacity;
    uint32_t *node;
    double *coefficient;
} ph_linear;
void ph_linear_free(ph_linear *self);

/* p parameters; lower/upper[p] bound each parameter's support (may be infinite). */
int ph_pool_new(ph_pool **self, size_t n_parameters, const double *lower,
                const double *upper);
void ph_pool_free(ph_pool *self);

size_t ph_pool_length(const ph_pool *self);     /* number of nodes */
size_t ph_pool_parameters(const ph_pool *self); /* p */
size_t ph_pool_bytes(const ph_pool *self);

/*
 * A node for the linear form; an existing one where it is already known. A form that is
 * one node with coefficient 1 is that node; a form on node 0 alone is a constant.
 * Operations on constants are folded; x^2 becomes MUL(x, x) and x^-1 DIV(1, x). All
 * return 0, PH_E_MEMORY, PH_E_NUMERIC (a coefficient is not finite) or PH_E_INTERNAL
 * (an operand that is not in the pool, nodes of a form not ascending).
 */
int ph_pool_linear(ph_pool *self, const ph_linear *form, uint32_t *node);
int ph_pool_unary(ph_pool *self, ph_op op, uint32_t a, uint32_t *node);
int ph_pool_binary(ph_pool *self, ph_op op, uint32_t a, uint32_t b, uint32_t *node);
int ph_pool_select(ph_pool *self, uint32_t a, uint32_t b, uint32_t c, uint32_t *node);

/*
 * One node as it stands in the pool, for listings and files. CONSTANT: `value`.
 * PARAMETER: `a` is the parameter's number from 0. LINEAR: the terms. Others: operands
 * a, b, c as far as the operation has them. The pointers belong to the pool.
 */
typedef struct ph_pool_entry {
    ph_op op;
    uint32_t a, b, c;
    double value;
    size_t length;
    const uint32_t *node;
    const double *coefficient;
} ph_pool_entry;
void ph_pool_get(const ph_pool *self, uint32_t node, ph_pool_entry *entry);
const char *ph_op_name(ph_op op); /* "constant", "parameter", "linear", "mul", ... */

/*
 * Appends the linear form sum_i coefficient[i] * value(node[i]), i < n, as an
 * expression of the model file in the parameters names[p], which ph_expr_parse reads
 * back. PH_E_MODEL where it is too long or too deep for that, PH_E_MEMORY.
 */
int ph_pool_text(const ph_pool *self, size_t n, const uint32_t *node,
                 const double *coefficient, const char *const *names, ph_buffer *out);

/*
 * Bounds of a node's value over the box of supports by interval arithmetic (never too
 * narrow; open ends count as reachable, never NaN). Points where the node has no value
 * (log of a negative number) do not count.
 */
void ph_pool_range(const ph_pool *self, uint32_t node, double *lower, double *upper);
void ph_linear_range(const ph_linear *form, const ph_pool *pool, double *lower,
                     double *upper);

/*
 * Values of all nodes for a block: theta[p][PH_LANES] -> u[length][PH_LANES].
 * Domain errors give NaN in that lane. Nothing is allocated.
 */
void ph_pool_eval(const ph_pool *self, const double *theta, double *u);

/*
 * Reverse sweep: u from ph_pool_eval, u_bar[length][PH_LANES] the derivative with
 * respect to each node (overwritten); adds to theta_bar[p][PH_LANES]. At a tie of MIN
 * or MAX the derivative goes to the first operand, that of ABS at 0 is 0, that of
 * SELECT goes to the branch taken. A node whose derivative is 0 passes on 0, even where
 * its slope is infinite.
 */
void ph_pool_adjoint(const ph_pool *self, const double *u, double *u_bar,
                     double *theta_bar);

/* The plain twins for one parameter vector: the definition of the two above. */
void ph_pool_eval_plain(const ph_pool *self, const double *theta, double *u);
void ph_pool_adjoint_plain(const ph_pool *self, const double *u, double *u_bar,
                           double *theta_bar);

#endif
