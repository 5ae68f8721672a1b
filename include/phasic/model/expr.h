/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MODEL_EXPR_H
#define PHASIC_MODEL_EXPR_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/base/error.h"
#include "phasic/model/pool.h"

/*
 * Expressions of the model file: + - * / ^ (right-associative, above unary minus),
 * comparisons, && || !, parentheses, indexing k[i][j], min max abs floor ceil exp log
 * sqrt pow binomial sum if, and the names in scope. Comparisons and logic give 1 or 0,
 * any number but 0 is true. Comparisons do not chain (a < b < c is an error); && and ||
 * evaluate their right side, and if(c, a, b) its branches, only where needed. sum(k)
 * and sum(k[i]) add all entries of an array or of a part of it.
 */
typedef struct ph_expr ph_expr;

typedef enum ph_symbol_kind {
    PH_SYMBOL_CONSTANT,  /* value known when parsing */
    PH_SYMBOL_PARAMETER, /* index: parameter number */
    PH_SYMBOL_STATE,     /* index: first entry; shape: extents (rank 0 = scalar) */
    PH_SYMBOL_LOOP       /* index: position among the loop variables of `for` */
} ph_symbol_kind;

#define PH_MAX_RANK 4

typedef struct ph_symbol {
    const char *name;
    ph_symbol_kind kind;
    size_t index;
    double value; /* constants */
    size_t rank;  /* state variables */
    size_t extent[PH_MAX_RANK];
} ph_symbol;

/* The names an expression may use; `symbols` is searched last to first. */
typedef struct ph_scope {
    const ph_symbol *symbols;
    size_t length;
} ph_scope;

/* What state-dependent names stand for in one evaluation. */
typedef struct ph_env {
    const int32_t *state; /* [entries], variables in order, arrays row-major */
    const long *loop;     /* [loop variables] */
} ph_env;

/*
 * Parses text[0..length). Constants are folded. Errors (PH_E_MODEL) carry the column in
 * `text` (bytes, from 1) in error->column (error->line stays 0), what stood there and
 * what was expected; an unknown name is reported with the nearest known one. Nesting
 * deeper than 200 is an error. The expression keeps no pointer to `text` or `scope`.
 */
int ph_expr_parse(ph_expr **self, const char *text, size_t length,
                  const ph_scope *scope, ph_error *error);
/* A plain number as an expression. */
int ph_expr_number(ph_expr **self, double value);
void ph_expr_free(ph_expr *self);

int ph_expr_uses(const ph_expr *self,
                 ph_symbol_kind kind); /* 1 if any such name occurs */
int ph_expr_uses_parameter(const ph_expr *self, size_t index);
const char *ph_expr_text(const ph_expr *self); /* as it was written */

/*
 * Value of an expression without parameters in a state; pure and re-entrant. `env` may
 * be NULL where the expression uses neither state nor loop variables. Errors
 * (PH_E_MODEL with column): index outside an array, not a whole number as an index, an
 * operation whose value is not finite, a parameter.
 */
int ph_expr_value(const ph_expr *self, const ph_env *env, double *value,
                  ph_error *error);

/*
 * Value of an expression that may use parameters, at one theta (derived quantities,
 * epochs, printing). A value that is not finite is given as NaN. Errors: an index, as
 * above.
 */
int ph_expr_value_at(const ph_expr *self, const ph_env *env, const double *theta,
                     double *value, ph_error *error);

/*
 * Partial evaluation in a state: everything but the parameters is computed, and the
 * rest becomes a linear form over pool nodes, adding nodes where needed. A form that is
 * affine in the parameters refers to nodes 0..p only. `form` is overwritten (its
 * storage is reused). Outside it stay the coefficients: c x / y, c x^k, sqrt(c x),
 * if(x, c y, c z) are c times a node that other states share; a non-negative form times
 * or over one node is taken term by term.
 *
 * Comparisons, && || ! and if() may depend on parameters: they become SELECT nodes. The
 * value then jumps where the condition changes, and the derivative is that of the
 * branch taken. Refused (PH_E_MODEL): floor, ceil and binomial of parameters, and
 * everything ph_expr_value refuses in the part without parameters.
 */
int ph_expr_linear(const ph_expr *self, const ph_env *env, ph_pool *pool,
                   ph_linear *form, ph_error *error);

#endif
