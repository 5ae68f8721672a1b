/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MODEL_POOL_PRIVATE_H
#define PHASIC_MODEL_POOL_PRIVATE_H

#include "phasic/model/pool.h"

/* One node. LINEAR: its terms are term_*[a .. a + b). Others: a, b, c are operands. */
typedef struct ph_node {
    uint32_t op; /* ph_op */
    uint32_t a, b, c;
    double value;        /* CONSTANT */
    double lower, upper; /* bounds over the box of supports */
} ph_node;

/*
 * A value of the partial evaluation (partial_private.h): number + the terms
 * scratch.terms.{node, coefficient}[start .. start + length), nodes >= 1, ascending,
 * none of them a constant.
 */
typedef struct ph_item {
    double number;
    uint32_t start, length;
    int is_condition; /* the condition of an if(), or the left side of && or || */
} ph_item;

/* What partial evaluation needs again and again; used by the one building thread. */
typedef struct ph_scratch {
    ph_linear terms; /* the items' terms, in the order of the stack */
    ph_linear form;  /* a form handed to ph_pool_linear */
    ph_item *items;
    size_t capacity;
} ph_scratch;

struct ph_pool {
    size_t parameters;
    size_t length, capacity;
    ph_node *nodes;
    size_t terms, node_capacity, coefficient_capacity;
    uint32_t *term_node;
    double *term_coefficient;
    size_t slots;    /* power of two */
    uint32_t *table; /* [slots] node + 1, 0: empty */
    ph_scratch scratch;
};

/* Sets the bounds of a node whose operands are in the pool. */
void ph_node_bound(const ph_pool *self, ph_node *node);

/* Makes room for `need` terms in a form. Returns 0 or PH_E_MEMORY. */
int ph_linear_reserve(ph_linear *self, size_t need);

/* One operation on numbers; NaN outside the domain or where an operand is NaN. */
double ph_op_value(ph_op op, double a, double b, double c);

#endif
