/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MODEL_PARSER_PRIVATE_H
#define PHASIC_MODEL_PARSER_PRIVATE_H

#include "expr_private.h"

/*
 * What the files of the parser share: the scanner's state and the code so far.
 * Functions that return int give 0, or PH_E_MODEL with the error set, or PH_E_MEMORY
 * without. `start` and `end` are places in the text, from 0.
 */

/* Tokens of one character are that character. */
enum {
    PH_TOKEN_END = 256,
    PH_TOKEN_NUMBER,
    PH_TOKEN_NAME,
    PH_TOKEN_OR,
    PH_TOKEN_AND,
    PH_TOKEN_LE,
    PH_TOKEN_GE,
    PH_TOKEN_EQ,
    PH_TOKEN_NE
};

typedef struct ph_parser {
    const char *text;
    size_t length;
    size_t start, end; /* of the current token in text */
    int token;
    double number; /* of PH_TOKEN_NUMBER */
    const ph_scope *scope;
    ph_expr *expr;
    size_t depth, height; /* nesting; values on the stack at this point of the code */
    ph_error *error;
} ph_parser;

/* ---- scanner (parser_scan.c) ---- */

/* Completes an error just set with where it is and what stands there. */
int ph_parser_located(const ph_parser *p, size_t start, size_t end);

/* Refuses the current token where `wanted` should be. */
int ph_parser_unexpected(const ph_parser *p, const char *wanted);

/* Makes the next token the current one. */
int ph_parser_advance(ph_parser *p);

/* Steps over a token that must be here; `opened` is where its counterpart stands. */
int ph_parser_close(ph_parser *p, int token, size_t opened);

/* ---- names (parser_names.c) ---- */

typedef struct ph_function {
    const char *name;
    uint32_t code;      /* SELECT: if(), SUM: sum() */
    size_t least, most; /* arguments; most 0: any number */
} ph_function;

/* The function, or the name of the scope (the one added last), or NULL. */
const ph_function *ph_function_find(const char *text, size_t length);
const ph_symbol *ph_symbol_find(const ph_scope *scope, const char *text, size_t length);

/* Reports the unknown name text[start..end) with the nearest function or symbol. */
int ph_parser_unknown(ph_parser *p, size_t start, size_t end, int is_call);

/* ---- code (parser_emit.c) ---- */

int ph_emit_number(ph_parser *p, size_t start, double value);

/* An instruction with its array, which changes the height of the stack by `change`. */
int ph_emit_array(ph_parser *p, size_t start, uint32_t code, size_t first,
                  size_t extent, int change);

/* A unary or binary operation; folded where its operands are numbers. */
int ph_emit_operation(ph_parser *p, size_t start, uint32_t code);

/* OFFSET after the first index, STEP after the others; indices in place are folded. */
int ph_emit_index(ph_parser *p, size_t start, size_t position, size_t extent);

/* Turns the offset on the stack into an entry, or into a sum of `count` entries. */
int ph_emit_access(ph_parser *p, size_t start, uint32_t code, size_t first,
                   size_t count);

/* Lets the jump at `jump` go to the end of the code. */
void ph_emit_target(ph_parser *p, size_t jump);

#endif
