/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MODEL_EXPR_PRIVATE_H
#define PHASIC_MODEL_EXPR_PRIVATE_H

#include "phasic/model/expr.h"

/*
 * An expression is compiled to postfix code for a stack of values. Jumps go forward to
 * an absolute position. Stack effects (right end is the top):
 *
 *   NUMBER ENTRY LOOP PARAMETER SUM_ALL    -> x
 *   OFFSET                               x -> whole offset, checked against extent
 *   STEP                               o x -> o * extent + x, x checked
 *   LOAD                                 o -> state[first + o]
 *   SUM                                  o -> sum of `extent` entries from o * extent
 *   unary                                x -> f(x)
 *   binary                             x y -> f(x, y)
 *   a && b    a AND_JUMP(end) b AND end:        a decides alone where it is 0
 *   a || b    a OR_JUMP(end) b OR end:          a decides alone where it is not 0
 *   if(c,a,b) c IF_JUMP(else) a JUMP(end) else: b end: SELECT
 */
typedef enum ph_code {
    PH_CODE_NUMBER,
    PH_CODE_ENTRY,
    PH_CODE_LOOP,
    PH_CODE_PARAMETER,
    PH_CODE_OFFSET,
    PH_CODE_STEP,
    PH_CODE_LOAD,
    PH_CODE_SUM,
    PH_CODE_SUM_ALL,

    PH_CODE_NEGATE, /* unary: NEGATE .. SQRT */
    PH_CODE_NOT,
    PH_CODE_ABS,
    PH_CODE_FLOOR,
    PH_CODE_CEIL,
    PH_CODE_EXP,
    PH_CODE_LOG,
    PH_CODE_SQRT,

    PH_CODE_ADD, /* binary: ADD .. NE */
    PH_CODE_SUBTRACT,
    PH_CODE_MULTIPLY,
    PH_CODE_DIVIDE,
    PH_CODE_POWER,
    PH_CODE_MIN,
    PH_CODE_MAX,
    PH_CODE_BINOMIAL,
    PH_CODE_LT,
    PH_CODE_LE,
    PH_CODE_GT,
    PH_CODE_GE,
    PH_CODE_EQ,
    PH_CODE_NE,

    PH_CODE_AND_JUMP,
    PH_CODE_AND,
    PH_CODE_OR_JUMP,
    PH_CODE_OR,
    PH_CODE_IF_JUMP,
    PH_CODE_JUMP,
    PH_CODE_SELECT
} ph_code;

static inline int ph_code_is_unary(uint32_t code)
{
    return code >= PH_CODE_NEGATE && code <= PH_CODE_SQRT;
}

static inline int ph_code_is_binary(uint32_t code)
{
    return code >= PH_CODE_ADD && code <= PH_CODE_NE;
}

typedef struct ph_instruction {
    uint32_t code;   /* ph_code */
    uint32_t column; /* from 1: where it stands in the text */
    union {
        double number;
        struct {
            uint32_t first, extent;
        } array;         /* ENTRY, LOOP, PARAMETER: first is the index */
        uint32_t target; /* jumps */
    } u;
} ph_instruction;

/* Values an evaluation holds at once; the parser refuses what needs more. */
#define PH_EXPR_STACK 1536
/* Nesting of parentheses, unary operators, powers, calls and indices. */
#define PH_EXPR_DEPTH 200

struct ph_expr {
    char *text;
    size_t length; /* of text */
    ph_instruction *code;
    size_t code_length, code_capacity;
    size_t stack;  /* most values held at once */
    unsigned uses; /* bit 1 << ph_symbol_kind for every kind of name that occurs */
};

/*
 * One unary or binary operation on numbers (b unused by unary ones): IEEE arithmetic,
 * NaN outside the domain, and NaN wherever an operand is NaN.
 */
double ph_expr_apply(uint32_t code, double a, double b);

/* Says why an operation on finite numbers has no finite value; returns PH_E_MODEL. */
int ph_expr_domain_error(const ph_expr *self, const ph_instruction *instruction,
                         double a, double b, ph_error *error);

/*
 * Runs OFFSET, STEP, LOAD, SUM on *top (STEP: offset and index in top[-1], top[0]; the
 * caller drops one value). Returns 0 or PH_E_MODEL.
 */
int ph_expr_index(const ph_expr *self, const ph_instruction *instruction,
                  const ph_env *env, double *top, ph_error *error);

/* Sum of `extent` state entries from `first`. */
double ph_expr_sum(const ph_env *env, size_t first, size_t extent);

#endif
