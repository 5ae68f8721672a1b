/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Precedence climbing over a one-token scanner, emitting postfix code as it goes (there
 * is no tree): left-associative chains of any length run in a loop, and what recurses
 * passes through parse_unary, which counts the depth. An operation on numbers alone is
 * folded when it is emitted, unless its value is not finite: then it stays, so that an
 * evaluation that reaches it can say where it stands.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expr_private.h"
#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"
#include "phasic/base/names.h"

/* Tokens of one character are that character. */
enum {
    TOKEN_END = 256,
    TOKEN_NUMBER,
    TOKEN_NAME,
    TOKEN_OR,
    TOKEN_AND,
    TOKEN_LE,
    TOKEN_GE,
    TOKEN_EQ,
    TOKEN_NE
};

typedef struct parser {
    const char *text;
    size_t length;
    size_t start, end; /* of the current token in text */
    int token;
    double number; /* of TOKEN_NUMBER */
    const ph_scope *scope;
    ph_expr *expr;
    size_t depth, height; /* nesting; values on the stack at this point of the code */
    ph_error *error;
} parser;

/* Completes an error just set with where it is and what stands there. */
static int located(const parser *p, size_t start, size_t end)
{
    ph_error_position(p->error, 0, (long)start + 1);
    ph_error_found(p->error, p->text + start, (long)(end - start));
    return PH_E_MODEL;
}

static int unexpected(const parser *p, const char *wanted)
{
    if (p->token == TOKEN_END) {
        ph_error_set(p->error, PH_E_MODEL, "the expression ends where %s is expected",
                     wanted);
    } else {
        ph_error_set(p->error, PH_E_MODEL, "expected %s", wanted);
    }
    return located(p, p->start, p->end);
}

/* ---- scanner ---- */

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static char peek(const parser *p, size_t at)
{
    return at < p->length ? p->text[at] : '\0';
}

static int scan_number(parser *p)
{
    size_t at = p->start;
    while (is_digit(peek(p, at))) {
        at++;
    }
    if (peek(p, at) == '.') {
        at++;
        while (is_digit(peek(p, at))) {
            at++;
        }
    }
    if (peek(p, at) == 'e' || peek(p, at) == 'E') {
        size_t digits = at + 1;
        digits += peek(p, digits) == '+' || peek(p, digits) == '-';
        if (is_digit(peek(p, digits))) {
            for (at = digits; is_digit(peek(p, at)); at++) {
            }
        }
    }
    p->token = TOKEN_NUMBER;
    p->end = at;
    int status = ph_double_read(p->text + p->start, at - p->start, &p->number);
    if (status == PH_E_MEMORY) {
        return status;
    }
    if (status != PH_OK) {
        ph_error_set(
            p->error, PH_E_MODEL,
            "expected a number that a double can hold (at most about 1.8e308)");
        return located(p, p->start, at);
    }
    return PH_OK;
}

static int scan_pair(parser *p)
{
    static const struct {
        char text[3];
        int token;
    } pairs[] = {{"||", TOKEN_OR}, {"&&", TOKEN_AND}, {"<=", TOKEN_LE},
                 {">=", TOKEN_GE}, {"==", TOKEN_EQ},  {"!=", TOKEN_NE}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (peek(p, p->start) == pairs[i].text[0] &&
            peek(p, p->start + 1) == pairs[i].text[1]) {
            p->token = pairs[i].token;
            p->end = p->start + 2;
            return 1;
        }
    }
    return 0;
}

static int scan_character(parser *p)
{
    char c = p->text[p->start];
    p->end = p->start + 1;
    if (c != '\0' && strchr("+-*/^()[],<>!", c)) {
        p->token = c;
        return PH_OK;
    }
    if (c == '=' || c == '&' || c == '|') {
        ph_error_set(p->error, PH_E_MODEL, "expected the operator %c%c", c, c);
    } else {
        ph_error_set(p->error, PH_E_MODEL,
                     "expected a number, a name or an operator, not this character");
    }
    return located(p, p->start, p->end);
}

/* Makes the next token the current one. */
static int advance(parser *p)
{
    size_t at = p->end;
    while (at < p->length && strchr(" \t\r\n", p->text[at]) && p->text[at] != '\0') {
        at++;
    }
    p->start = p->end = at;
    if (at == p->length) {
        p->token = TOKEN_END;
        return PH_OK;
    }
    char c = p->text[at];
    if (is_digit(c) || (c == '.' && is_digit(peek(p, at + 1)))) {
        return scan_number(p);
    }
    if (is_letter(c)) {
        for (p->end = at + 1;
             is_letter(peek(p, p->end)) || is_digit(peek(p, p->end));) {
            p->end++;
        }
        p->token = TOKEN_NAME;
        return PH_OK;
    }
    return scan_pair(p) ? PH_OK : scan_character(p);
}

/* Steps over a token that must be here; `opened` is where its counterpart stands. */
static int expect_close(parser *p, int token, size_t opened)
{
    if (p->token != token) {
        char wanted[80];
        snprintf(wanted, sizeof wanted, "'%c' to close the '%c' of column %zu", token,
                 token == ')' ? '(' : '[', opened + 1);
        return unexpected(p, wanted);
    }
    return advance(p);
}

/* ---- code ---- */

static int emit(parser *p, ph_instruction instruction, int change)
{
    ph_expr *expr = p->expr;
    if (ph_grow(&expr->code, &expr->code_capacity, expr->code_length + 1,
                sizeof *expr->code) != PH_OK) {
        return PH_E_MEMORY;
    }
    expr->code[expr->code_length++] = instruction;
    p->height = (size_t)((long)p->height + change);
    if (p->height > expr->stack) {
        expr->stack = p->height;
    }
    if (expr->stack > PH_EXPR_STACK) {
        ph_error_set(p->error, PH_E_MODEL, "the expression is nested too deeply");
        return located(p, p->start, p->end);
    }
    return PH_OK;
}

static int emit_number(parser *p, size_t start, double value)
{
    return emit(p,
                (ph_instruction){.code = PH_CODE_NUMBER,
                                 .column = (uint32_t)start + 1,
                                 .u.number = value},
                1);
}

static int emit_array(parser *p, size_t start, uint32_t code, size_t first,
                      size_t extent, int change)
{
    return emit(p,
                (ph_instruction){.code = code,
                                 .column = (uint32_t)start + 1,
                                 .u.array = {(uint32_t)first, (uint32_t)extent}},
                change);
}

/* The `count` last instructions if all of them are numbers, else NULL. */
static ph_instruction *last_numbers(const parser *p, size_t count)
{
    const ph_expr *expr = p->expr;
    if (expr->code_length < count) {
        return NULL;
    }
    ph_instruction *last = expr->code + expr->code_length - count;
    for (size_t i = 0; i < count; i++) {
        if (last[i].code != PH_CODE_NUMBER) {
            return NULL;
        }
    }
    return last;
}

/* Replaces the `count` last instructions, all numbers, by one number. */
static int fold(parser *p, size_t count, double value)
{
    ph_instruction *last = last_numbers(p, count);
    last->u.number = value;
    p->expr->code_length -= count - 1;
    p->height -= count - 1;
    return PH_OK;
}

static int emit_operation(parser *p, size_t start, uint32_t code)
{
    size_t arity = ph_code_is_binary(code) ? 2 : 1;
    const ph_instruction *operands = last_numbers(p, arity);
    if (operands) {
        double value =
            ph_expr_apply(code, operands[0].u.number, operands[arity - 1].u.number);
        if (isfinite(value)) {
            return fold(p, arity, value);
        }
    }
    return emit_array(p, start, code, 0, 0, 1 - (int)arity);
}

/* The entry a constant index names, as an offset, or -1 where it is none. */
static double constant_offset(double before, double index, size_t extent)
{
    int valid = index == floor(index) && index >= 0 && index < (double)extent;
    return valid ? before * (double)extent + index : -1;
}

/* OFFSET after the first index, STEP after the others; indices in place are folded. */
static int emit_index(parser *p, size_t start, size_t position, size_t extent)
{
    size_t count = position == 0 ? 1 : 2;
    const ph_instruction *numbers = last_numbers(p, count);
    if (numbers) {
        double before = position == 0 ? 0 : numbers[0].u.number;
        double offset = constant_offset(before, numbers[count - 1].u.number, extent);
        if (offset >= 0) {
            return fold(p, count, offset);
        }
    }
    uint32_t code = position == 0 ? PH_CODE_OFFSET : PH_CODE_STEP;
    return emit_array(p, start, code, 0, extent, position == 0 ? 0 : -1);
}

/* Turns the offset on the stack into an entry, or into a sum of `count` entries. */
static int emit_access(parser *p, size_t start, uint32_t code, size_t first,
                       size_t count)
{
    ph_instruction *offset = last_numbers(p, 1);
    if (!offset) {
        return emit_array(p, start, code, first, count, 0);
    }
    size_t at = (size_t)offset->u.number;
    p->expr->code_length--;
    p->height--;
    return code == PH_CODE_LOAD
               ? emit_array(p, start, PH_CODE_ENTRY, first + at, 0, 1)
               : emit_array(p, start, PH_CODE_SUM_ALL, first + at * count, count, 1);
}

static void patch(parser *p, size_t jump)
{
    p->expr->code[jump].u.target = (uint32_t)p->expr->code_length;
}

/* ---- grammar ---- */

static int parse_binary(parser *p, int lowest);

enum { LEVEL_OR = 1, LEVEL_AND, LEVEL_COMPARE, LEVEL_ADD, LEVEL_MULTIPLY };

typedef struct operation {
    int token, level;
    uint32_t code;
} operation;

static const operation *find_operation(int token)
{
    static const operation operations[] = {
        {TOKEN_OR, LEVEL_OR, PH_CODE_OR},        {TOKEN_AND, LEVEL_AND, PH_CODE_AND},
        {'<', LEVEL_COMPARE, PH_CODE_LT},        {TOKEN_LE, LEVEL_COMPARE, PH_CODE_LE},
        {'>', LEVEL_COMPARE, PH_CODE_GT},        {TOKEN_GE, LEVEL_COMPARE, PH_CODE_GE},
        {TOKEN_EQ, LEVEL_COMPARE, PH_CODE_EQ},   {TOKEN_NE, LEVEL_COMPARE, PH_CODE_NE},
        {'+', LEVEL_ADD, PH_CODE_ADD},           {'-', LEVEL_ADD, PH_CODE_SUBTRACT},
        {'*', LEVEL_MULTIPLY, PH_CODE_MULTIPLY}, {'/', LEVEL_MULTIPLY, PH_CODE_DIVIDE},
    };
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (operations[i].token == token) {
            return operations + i;
        }
    }
    return NULL;
}

typedef struct function {
    const char *name;
    uint32_t code;      /* SELECT: if(), SUM: sum() */
    size_t least, most; /* arguments; most 0: any number */
} function;

static const function functions[] = {
    {"abs", PH_CODE_ABS, 1, 1},     {"binomial", PH_CODE_BINOMIAL, 2, 2},
    {"ceil", PH_CODE_CEIL, 1, 1},   {"exp", PH_CODE_EXP, 1, 1},
    {"floor", PH_CODE_FLOOR, 1, 1}, {"if", PH_CODE_SELECT, 3, 3},
    {"log", PH_CODE_LOG, 1, 1},     {"max", PH_CODE_MAX, 2, 0},
    {"min", PH_CODE_MIN, 2, 0},     {"pow", PH_CODE_POWER, 2, 2},
    {"sqrt", PH_CODE_SQRT, 1, 1},   {"sum", PH_CODE_SUM, 1, 1},
};
#define N_FUNCTIONS (sizeof functions / sizeof *functions)

static int same_name(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

static const function *find_function(const char *text, size_t length)
{
    for (size_t i = 0; i < N_FUNCTIONS; i++) {
        if (same_name(functions[i].name, text, length)) {
            return functions + i;
        }
    }
    return NULL;
}

static const ph_symbol *find_symbol(const ph_scope *scope, const char *text,
                                    size_t length)
{
    for (size_t i = scope->length; i-- > 0;) {
        if (same_name(scope->symbols[i].name, text, length)) {
            return scope->symbols + i;
        }
    }
    return NULL;
}

/* Reports the unknown name text[start..end) with the nearest function or symbol. */
static int unknown_name(parser *p, size_t start, size_t end, int is_call)
{
    size_t count = is_call ? N_FUNCTIONS : p->scope->length;
    const char **known = ph_alloc(count, sizeof *known);
    char *name = ph_strndup(p->text + start, end - start);
    int status = PH_E_MEMORY;
    if (!known || !name) {
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        known[i] = is_call ? functions[i].name : p->scope->symbols[i].name;
    }
    const char *nearest = ph_nearest_name(name, known, count);
    ph_error_set(p->error, PH_E_MODEL, "unknown %s%s%s%s",
                 is_call ? "function" : "name", nearest ? "; did you mean '" : "",
                 nearest ? nearest : "", nearest ? "'?" : "");
    status = located(p, start, end);
out:
    free(known);
    free(name);
    return status;
}

/* An index may not depend on parameters: the code from `from` on is the index. */
static int check_index(const parser *p, size_t from, size_t start)
{
    for (size_t i = from; i < p->expr->code_length; i++) {
        if (p->expr->code[i].code == PH_CODE_PARAMETER) {
            ph_error_set(p->error, PH_E_MODEL, "an index may not use parameters");
            return located(p, start, p->start);
        }
    }
    return PH_OK;
}

/* [i][j]... after an array's name; *count says how many there were. */
static int parse_indices(parser *p, const ph_symbol *symbol, size_t start,
                         size_t *count)
{
    int status = PH_OK;
    for (*count = 0; p->token == '['; ++*count) {
        if (*count == symbol->rank) {
            ph_error_set(p->error, PH_E_MODEL, "'%.60s' has %zu ind%s", symbol->name,
                         symbol->rank, symbol->rank == 1 ? "ex" : "ices");
            return located(p, p->start, p->end);
        }
        size_t opened = p->start, from = p->expr->code_length;
        if ((status = advance(p)) != PH_OK) {
            return status;
        }
        size_t index = p->start;
        if ((status = parse_binary(p, LEVEL_OR)) != PH_OK ||
            (status = check_index(p, from, index)) != PH_OK ||
            (status = expect_close(p, ']', opened)) != PH_OK ||
            (status = emit_index(p, start, *count, symbol->extent[*count])) != PH_OK) {
            return status;
        }
    }
    return status;
}

static int parse_state_variable(parser *p, const ph_symbol *symbol, size_t start)
{
    if (symbol->rank == 0) {
        return emit_array(p, start, PH_CODE_ENTRY, symbol->index, 0, 1);
    }
    size_t count;
    int status = parse_indices(p, symbol, start, &count);
    if (status == PH_OK && count < symbol->rank) {
        size_t name = strlen(symbol->name);
        ph_error_set(
            p->error, PH_E_MODEL,
            "'%.60s' is an array: expected %zu ind%s in brackets, or sum(%.60s)",
            symbol->name, symbol->rank, symbol->rank == 1 ? "ex" : "ices",
            symbol->name);
        return located(p, start, start + name);
    }
    return status != PH_OK ? status
                           : emit_access(p, start, PH_CODE_LOAD, symbol->index, 1);
}

static int parse_symbol(parser *p, size_t start, size_t end)
{
    const ph_symbol *symbol = find_symbol(p->scope, p->text + start, end - start);
    if (!symbol && find_function(p->text + start, end - start)) {
        ph_error_set(p->error, PH_E_MODEL, "expected '(' after the name of a function");
        return located(p, start, end);
    }
    if (!symbol) {
        return unknown_name(p, start, end, 0);
    }
    if (p->token == '[' && (symbol->kind != PH_SYMBOL_STATE || symbol->rank == 0)) {
        ph_error_set(p->error, PH_E_MODEL, "'%.60s' is not an array and has no index",
                     symbol->name);
        return located(p, p->start, p->end);
    }
    p->expr->uses |= 1u << symbol->kind;
    switch (symbol->kind) {
    case PH_SYMBOL_CONSTANT: return emit_number(p, start, symbol->value);
    case PH_SYMBOL_PARAMETER:
        return emit_array(p, start, PH_CODE_PARAMETER, symbol->index, 0, 1);
    case PH_SYMBOL_LOOP: return emit_array(p, start, PH_CODE_LOOP, symbol->index, 0, 1);
    case PH_SYMBOL_STATE: return parse_state_variable(p, symbol, start);
    }
    return PH_E_INTERNAL;
}

/* sum(k), sum(k[i]): the argument is an array or a part of one, not a value. */
static int parse_sum(parser *p)
{
    size_t start = p->start, end = p->end;
    const ph_symbol *symbol = p->token == TOKEN_NAME
                                  ? find_symbol(p->scope, p->text + start, end - start)
                                  : NULL;
    if (p->token == TOKEN_NAME && !symbol &&
        !find_function(p->text + start, end - start)) {
        return unknown_name(p, start, end, 0);
    }
    if (!symbol || symbol->kind != PH_SYMBOL_STATE || symbol->rank == 0) {
        return unexpected(p, "a state variable that is an array");
    }
    p->expr->uses |= 1u << PH_SYMBOL_STATE;
    size_t count, rest = 1;
    int status = advance(p);
    if (status != PH_OK ||
        (status = parse_indices(p, symbol, start, &count)) != PH_OK) {
        return status;
    }
    for (size_t i = count; i < symbol->rank; i++) {
        rest *= symbol->extent[i];
    }
    return count == 0 ? emit_array(p, start, PH_CODE_SUM_ALL, symbol->index, rest, 1)
                      : emit_access(p, start, PH_CODE_SUM, symbol->index, rest);
}

static int parse_comma(parser *p, const char *what)
{
    return p->token == ',' ? advance(p) : unexpected(p, what);
}

/* if(c, a, b), after the parenthesis. Folded where all three are numbers. */
static int parse_if(parser *p, size_t start)
{
    const char *three = "',': if(condition, value, otherwise)";
    int status;
    ph_expr *expr = p->expr;
    size_t from = expr->code_length;
    if ((status = parse_binary(p, LEVEL_OR)) != PH_OK ||
        (status = parse_comma(p, three)) != PH_OK) {
        return status;
    }
    size_t test = expr->code_length;
    if ((status = emit_array(p, start, PH_CODE_IF_JUMP, 0, 0, 0)) != PH_OK ||
        (status = parse_binary(p, LEVEL_OR)) != PH_OK ||
        (status = parse_comma(p, three)) != PH_OK) {
        return status;
    }
    size_t jump = expr->code_length;
    if ((status = emit_array(p, start, PH_CODE_JUMP, 0, 0, 0)) != PH_OK) {
        return status;
    }
    patch(p, test);
    if ((status = parse_binary(p, LEVEL_OR)) != PH_OK) {
        return status;
    }
    ph_instruction *code = expr->code + from; /* c IF_JUMP a JUMP b */
    if (expr->code_length == from + 5 && code[0].code == PH_CODE_NUMBER &&
        code[2].code == PH_CODE_NUMBER && code[4].code == PH_CODE_NUMBER) {
        code[0].u.number = code[code[0].u.number != 0 ? 2 : 4].u.number;
        expr->code_length = from + 1;
        p->height -= 2;
        return PH_OK;
    }
    patch(p, jump);
    return emit_array(p, start, PH_CODE_SELECT, 0, 0, -2);
}

static int wrong_count(parser *p, const function *f, size_t start)
{
    ph_error_set(p->error, PH_E_MODEL, "%s() takes %s%zu argument%s", f->name,
                 f->most == 0 ? "at least " : "", f->least, f->least == 1 ? "" : "s");
    return located(p, start, start + strlen(f->name));
}

static int parse_arguments(parser *p, const function *f, size_t start)
{
    for (size_t count = 1;; count++) {
        int status = parse_binary(p, LEVEL_OR);
        if (status == PH_OK && (f->most == 0 ? count >= 2 : count == f->most)) {
            status = emit_operation(p, start, f->code);
        }
        if (status != PH_OK) {
            return status;
        }
        if (p->token != ',') {
            return p->token == ')' && count < f->least ? wrong_count(p, f, start)
                                                       : PH_OK;
        }
        if (count == f->most) {
            return wrong_count(p, f, start);
        }
        if ((status = advance(p)) != PH_OK) {
            return status;
        }
    }
}

static int parse_call(parser *p, size_t start, size_t end)
{
    const function *f = find_function(p->text + start, end - start);
    if (!f) {
        if (find_symbol(p->scope, p->text + start, end - start)) {
            ph_error_set(p->error, PH_E_MODEL,
                         "this name is not a function: expected an operator after it");
            return located(p, start, end);
        }
        return unknown_name(p, start, end, 1);
    }
    size_t opened = p->start;
    int status = advance(p);
    if (status != PH_OK) {
        return status;
    }
    if (p->token == ')') {
        return wrong_count(p, f, start);
    }
    status = f->code == PH_CODE_SELECT ? parse_if(p, start)
             : f->code == PH_CODE_SUM  ? parse_sum(p)
                                       : parse_arguments(p, f, start);
    return status != PH_OK ? status : expect_close(p, ')', opened);
}

static int parse_primary(parser *p)
{
    size_t start = p->start, end = p->end;
    int status;
    switch (p->token) {
    case TOKEN_NUMBER:
        if ((status = emit_number(p, start, p->number)) != PH_OK) {
            return status;
        }
        return advance(p);
    case TOKEN_NAME:
        if ((status = advance(p)) != PH_OK) {
            return status;
        }
        return p->token == '(' ? parse_call(p, start, end)
                               : parse_symbol(p, start, end);
    case '(':
        if ((status = advance(p)) != PH_OK ||
            (status = parse_binary(p, LEVEL_OR)) != PH_OK) {
            return status;
        }
        return expect_close(p, ')', start);
    default: return unexpected(p, "a number, a name or '('");
    }
}

static int parse_unary(parser *p);

static int parse_power(parser *p)
{
    int status = parse_primary(p);
    if (status != PH_OK || p->token != '^') {
        return status;
    }
    size_t start = p->start;
    if ((status = advance(p)) != PH_OK || (status = parse_unary(p)) != PH_OK) {
        return status;
    }
    return emit_operation(p, start, PH_CODE_POWER);
}

static int parse_unary(parser *p)
{
    if (p->depth > PH_EXPR_DEPTH) {
        ph_error_set(p->error, PH_E_MODEL, "the expression is nested deeper than %d",
                     PH_EXPR_DEPTH);
        return located(p, p->start, p->end);
    }
    p->depth++;
    int sign = p->token, status;
    size_t start = p->start;
    if (sign == '-' || sign == '+' || sign == '!') {
        if ((status = advance(p)) == PH_OK && (status = parse_unary(p)) == PH_OK &&
            sign != '+') {
            status =
                emit_operation(p, start, sign == '-' ? PH_CODE_NEGATE : PH_CODE_NOT);
        }
    } else {
        status = parse_power(p);
    }
    p->depth--;
    return status;
}

/* The right side of && and ||, with the jump around it. Folded where both are numbers.
 */
static int parse_logic(parser *p, const operation *o, size_t start)
{
    ph_expr *expr = p->expr;
    size_t jump = expr->code_length;
    uint32_t jump_code = o->code == PH_CODE_AND ? PH_CODE_AND_JUMP : PH_CODE_OR_JUMP;
    int status = emit_array(p, start, jump_code, 0, 0, 0);
    if (status != PH_OK || (status = parse_binary(p, o->level + 1)) != PH_OK) {
        return status;
    }
    ph_instruction *code = expr->code + jump - 1; /* a JUMP b */
    if (expr->code_length == jump + 2 && code[0].code == PH_CODE_NUMBER &&
        code[2].code == PH_CODE_NUMBER) {
        int a = code[0].u.number != 0, b = code[2].u.number != 0;
        code[0].u.number = o->code == PH_CODE_AND ? a && b : a || b;
        expr->code_length = jump;
        p->height--;
        return PH_OK;
    }
    status = emit_array(p, start, o->code, 0, 0, -1);
    patch(p, jump);
    return status;
}

static int parse_binary(parser *p, int lowest)
{
    int status = parse_unary(p);
    const operation *o;
    while (status == PH_OK && (o = find_operation(p->token)) && o->level >= lowest) {
        size_t start = p->start;
        if ((status = advance(p)) != PH_OK) {
            break;
        }
        if (o->level <= LEVEL_AND) {
            status = parse_logic(p, o, start);
            continue;
        }
        if ((status = parse_binary(p, o->level + 1)) == PH_OK) {
            status = emit_operation(p, start, o->code);
        }
        const operation *next = find_operation(p->token);
        if (status == PH_OK && o->level == LEVEL_COMPARE && next &&
            next->level == LEVEL_COMPARE) {
            ph_error_set(p->error, PH_E_MODEL,
                         "comparisons cannot be chained: write a < b && b < c");
            status = located(p, p->start, p->end);
        }
    }
    return status;
}

static int parse_all(parser *p)
{
    int status = advance(p);
    if (status != PH_OK) {
        return status;
    }
    if (p->token == TOKEN_END) {
        ph_error_set(p->error, PH_E_MODEL,
                     "expected an expression, but the text is empty");
        return located(p, 0, 0);
    }
    if ((status = parse_binary(p, LEVEL_OR)) != PH_OK || p->token == TOKEN_END) {
        return status;
    }
    if (p->token == ')' || p->token == ']') {
        ph_error_set(p->error, PH_E_MODEL, "there is no '%c' for this '%c'",
                     p->token == ')' ? '(' : '[', p->token);
        return located(p, p->start, p->end);
    }
    return unexpected(p, "an operator or the end of the expression");
}

int ph_expr_parse(ph_expr **self, const char *text, size_t length,
                  const ph_scope *scope, ph_error *error)
{
    static const ph_scope nothing = {NULL, 0};
    int status = PH_E_MEMORY;
    parser p = {.length = length,
                .scope = scope ? scope : &nothing,
                .expr = ph_alloc(1, sizeof(ph_expr)),
                .error = error};
    if (length > INT32_MAX) {
        status = ph_error_set(error, PH_E_MODEL, "the expression is longer than 2 GiB");
        goto out;
    }
    if (!p.expr || !(p.expr->text = ph_strndup(text, length))) {
        goto out;
    }
    p.text = p.expr->text;
    p.expr->length = length;
    if ((status = parse_all(&p)) == PH_OK) {
        *self = p.expr;
        p.expr = NULL;
    }
out:
    if (status == PH_E_MEMORY) {
        ph_error_set(error, PH_E_MEMORY, "no memory for an expression");
    }
    ph_expr_free(p.expr);
    return status;
}
