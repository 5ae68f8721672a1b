/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The grammar. Precedence climbing over a one-token scanner, emitting postfix code as
 * it goes (there is no tree): left-associative chains of any length run in a loop, and
 * what recurses passes through parse_unary, which counts the depth.
 */
#include <string.h>

#include "parser_private.h"
#include "phasic/base/memory.h"

static int parse_binary(ph_parser *p, int lowest);

enum { LEVEL_OR = 1, LEVEL_AND, LEVEL_COMPARE, LEVEL_ADD, LEVEL_MULTIPLY };

typedef struct operation {
    int token, level;
    uint32_t code;
} operation;

static const operation *find_operation(int token)
{
    static const operation operations[] = {
        {PH_TOKEN_OR, LEVEL_OR, PH_CODE_OR},
        {PH_TOKEN_AND, LEVEL_AND, PH_CODE_AND},
        {'<', LEVEL_COMPARE, PH_CODE_LT},
        {PH_TOKEN_LE, LEVEL_COMPARE, PH_CODE_LE},
        {'>', LEVEL_COMPARE, PH_CODE_GT},
        {PH_TOKEN_GE, LEVEL_COMPARE, PH_CODE_GE},
        {PH_TOKEN_EQ, LEVEL_COMPARE, PH_CODE_EQ},
        {PH_TOKEN_NE, LEVEL_COMPARE, PH_CODE_NE},
        {'+', LEVEL_ADD, PH_CODE_ADD},
        {'-', LEVEL_ADD, PH_CODE_SUBTRACT},
        {'*', LEVEL_MULTIPLY, PH_CODE_MULTIPLY},
        {'/', LEVEL_MULTIPLY, PH_CODE_DIVIDE},
    };
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (operations[i].token == token) {
            return operations + i;
        }
    }
    return NULL;
}

/* An index may not depend on parameters: the code from `from` on is the index. */
static int check_index(const ph_parser *p, size_t from, size_t start)
{
    for (size_t i = from; i < p->expr->code_length; i++) {
        if (p->expr->code[i].code == PH_CODE_PARAMETER) {
            ph_error_set(p->error, PH_E_MODEL, "an index may not use parameters");
            return ph_parser_located(p, start, p->start);
        }
    }
    return PH_OK;
}

/* [i][j]... after an array's name; *count says how many there were. */
static int parse_indices(ph_parser *p, const ph_symbol *symbol, size_t start,
                         size_t *count)
{
    int status = PH_OK;
    for (*count = 0; p->token == '['; ++*count) {
        if (*count == symbol->rank) {
            ph_error_set(p->error, PH_E_MODEL, "'%.60s' has %zu ind%s", symbol->name,
                         symbol->rank, symbol->rank == 1 ? "ex" : "ices");
            return ph_parser_located(p, p->start, p->end);
        }
        size_t opened = p->start, from = p->expr->code_length;
        if ((status = ph_parser_advance(p)) != PH_OK) {
            return status;
        }
        size_t index = p->start;
        if ((status = parse_binary(p, LEVEL_OR)) != PH_OK ||
            (status = check_index(p, from, index)) != PH_OK ||
            (status = ph_parser_close(p, ']', opened)) != PH_OK ||
            (status = ph_emit_index(p, start, *count, symbol->extent[*count])) !=
                PH_OK) {
            return status;
        }
    }
    return status;
}

static int parse_state_variable(ph_parser *p, const ph_symbol *symbol, size_t start)
{
    if (symbol->rank == 0) {
        return ph_emit_array(p, start, PH_CODE_ENTRY, symbol->index, 0, 1);
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
        return ph_parser_located(p, start, start + name);
    }
    return status != PH_OK ? status
                           : ph_emit_access(p, start, PH_CODE_LOAD, symbol->index, 1);
}

static int parse_symbol(ph_parser *p, size_t start, size_t end)
{
    const ph_symbol *symbol = ph_symbol_find(p->scope, p->text + start, end - start);
    if (!symbol && ph_function_find(p->text + start, end - start)) {
        ph_error_set(p->error, PH_E_MODEL, "expected '(' after the name of a function");
        return ph_parser_located(p, start, end);
    }
    if (!symbol) {
        return ph_parser_unknown(p, start, end, 0);
    }
    if (p->token == '[' && (symbol->kind != PH_SYMBOL_STATE || symbol->rank == 0)) {
        ph_error_set(p->error, PH_E_MODEL, "'%.60s' is not an array and has no index",
                     symbol->name);
        return ph_parser_located(p, p->start, p->end);
    }
    p->expr->uses |= 1u << symbol->kind;
    switch (symbol->kind) {
    case PH_SYMBOL_CONSTANT: return ph_emit_number(p, start, symbol->value);
    case PH_SYMBOL_PARAMETER:
        return ph_emit_array(p, start, PH_CODE_PARAMETER, symbol->index, 0, 1);
    case PH_SYMBOL_LOOP:
        return ph_emit_array(p, start, PH_CODE_LOOP, symbol->index, 0, 1);
    case PH_SYMBOL_STATE: return parse_state_variable(p, symbol, start);
    }
    return PH_E_INTERNAL;
}

/* sum(k), sum(k[i]): the argument is an array or a part of one, not a value. */
static int parse_sum(ph_parser *p)
{
    size_t start = p->start, end = p->end;
    const ph_symbol *symbol =
        p->token == PH_TOKEN_NAME
            ? ph_symbol_find(p->scope, p->text + start, end - start)
            : NULL;
    if (p->token == PH_TOKEN_NAME && !symbol &&
        !ph_function_find(p->text + start, end - start)) {
        return ph_parser_unknown(p, start, end, 0);
    }
    if (!symbol || symbol->kind != PH_SYMBOL_STATE || symbol->rank == 0) {
        return ph_parser_unexpected(p, "a state variable that is an array");
    }
    p->expr->uses |= 1u << PH_SYMBOL_STATE;
    size_t count, rest = 1;
    int status = ph_parser_advance(p);
    if (status != PH_OK ||
        (status = parse_indices(p, symbol, start, &count)) != PH_OK) {
        return status;
    }
    for (size_t i = count; i < symbol->rank; i++) {
        rest *= symbol->extent[i];
    }
    return count == 0 ? ph_emit_array(p, start, PH_CODE_SUM_ALL, symbol->index, rest, 1)
                      : ph_emit_access(p, start, PH_CODE_SUM, symbol->index, rest);
}

static int parse_comma(ph_parser *p, const char *what)
{
    return p->token == ',' ? ph_parser_advance(p) : ph_parser_unexpected(p, what);
}

/* if(c, a, b), after the parenthesis. Folded where all three are numbers. */
static int parse_if(ph_parser *p, size_t start)
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
    if ((status = ph_emit_array(p, start, PH_CODE_IF_JUMP, 0, 0, 0)) != PH_OK ||
        (status = parse_binary(p, LEVEL_OR)) != PH_OK ||
        (status = parse_comma(p, three)) != PH_OK) {
        return status;
    }
    size_t jump = expr->code_length;
    if ((status = ph_emit_array(p, start, PH_CODE_JUMP, 0, 0, 0)) != PH_OK) {
        return status;
    }
    ph_emit_target(p, test);
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
    ph_emit_target(p, jump);
    return ph_emit_array(p, start, PH_CODE_SELECT, 0, 0, -2);
}

static int wrong_count(ph_parser *p, const ph_function *f, size_t start)
{
    ph_error_set(p->error, PH_E_MODEL, "%s() takes %s%zu argument%s", f->name,
                 f->most == 0 ? "at least " : "", f->least, f->least == 1 ? "" : "s");
    return ph_parser_located(p, start, start + strlen(f->name));
}

static int parse_arguments(ph_parser *p, const ph_function *f, size_t start)
{
    for (size_t count = 1;; count++) {
        int status = parse_binary(p, LEVEL_OR);
        if (status == PH_OK && (f->most == 0 ? count >= 2 : count == f->most)) {
            status = ph_emit_operation(p, start, f->code);
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
        if ((status = ph_parser_advance(p)) != PH_OK) {
            return status;
        }
    }
}

static int parse_call(ph_parser *p, size_t start, size_t end)
{
    const ph_function *f = ph_function_find(p->text + start, end - start);
    if (!f) {
        if (ph_symbol_find(p->scope, p->text + start, end - start)) {
            ph_error_set(p->error, PH_E_MODEL,
                         "this name is not a function: expected an operator after it");
            return ph_parser_located(p, start, end);
        }
        return ph_parser_unknown(p, start, end, 1);
    }
    size_t opened = p->start;
    int status = ph_parser_advance(p);
    if (status != PH_OK) {
        return status;
    }
    if (p->token == ')') {
        return wrong_count(p, f, start);
    }
    status = f->code == PH_CODE_SELECT ? parse_if(p, start)
             : f->code == PH_CODE_SUM  ? parse_sum(p)
                                       : parse_arguments(p, f, start);
    return status != PH_OK ? status : ph_parser_close(p, ')', opened);
}

static int parse_primary(ph_parser *p)
{
    size_t start = p->start, end = p->end;
    int status;
    switch (p->token) {
    case PH_TOKEN_NUMBER:
        if ((status = ph_emit_number(p, start, p->number)) != PH_OK) {
            return status;
        }
        return ph_parser_advance(p);
    case PH_TOKEN_NAME:
        if ((status = ph_parser_advance(p)) != PH_OK) {
            return status;
        }
        return p->token == '(' ? parse_call(p, start, end)
                               : parse_symbol(p, start, end);
    case '(':
        if ((status = ph_parser_advance(p)) != PH_OK ||
            (status = parse_binary(p, LEVEL_OR)) != PH_OK) {
            return status;
        }
        return ph_parser_close(p, ')', start);
    default: return ph_parser_unexpected(p, "a number, a name or '('");
    }
}

static int parse_unary(ph_parser *p);

static int parse_power(ph_parser *p)
{
    int status = parse_primary(p);
    if (status != PH_OK || p->token != '^') {
        return status;
    }
    size_t start = p->start;
    if ((status = ph_parser_advance(p)) != PH_OK ||
        (status = parse_unary(p)) != PH_OK) {
        return status;
    }
    return ph_emit_operation(p, start, PH_CODE_POWER);
}

static int parse_unary(ph_parser *p)
{
    if (p->depth > PH_EXPR_DEPTH) {
        ph_error_set(p->error, PH_E_MODEL, "the expression is nested deeper than %d",
                     PH_EXPR_DEPTH);
        return ph_parser_located(p, p->start, p->end);
    }
    p->depth++;
    int sign = p->token, status;
    size_t start = p->start;
    if (sign == '-' || sign == '+' || sign == '!') {
        if ((status = ph_parser_advance(p)) == PH_OK &&
            (status = parse_unary(p)) == PH_OK && sign != '+') {
            status =
                ph_emit_operation(p, start, sign == '-' ? PH_CODE_NEGATE : PH_CODE_NOT);
        }
    } else {
        status = parse_power(p);
    }
    p->depth--;
    return status;
}

/* The right side of && and ||, with the jump around it. Folded where both are numbers.
 */
static int parse_logic(ph_parser *p, const operation *o, size_t start)
{
    ph_expr *expr = p->expr;
    size_t jump = expr->code_length;
    uint32_t jump_code = o->code == PH_CODE_AND ? PH_CODE_AND_JUMP : PH_CODE_OR_JUMP;
    int status = ph_emit_array(p, start, jump_code, 0, 0, 0);
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
    status = ph_emit_array(p, start, o->code, 0, 0, -1);
    ph_emit_target(p, jump);
    return status;
}

static int parse_binary(ph_parser *p, int lowest)
{
    int status = parse_unary(p);
    const operation *o;
    while (status == PH_OK && (o = find_operation(p->token)) && o->level >= lowest) {
        size_t start = p->start;
        if ((status = ph_parser_advance(p)) != PH_OK) {
            break;
        }
        if (o->level <= LEVEL_AND) {
            status = parse_logic(p, o, start);
            continue;
        }
        if ((status = parse_binary(p, o->level + 1)) == PH_OK) {
            status = ph_emit_operation(p, start, o->code);
        }
        const operation *next = find_operation(p->token);
        if (status == PH_OK && o->level == LEVEL_COMPARE && next &&
            next->level == LEVEL_COMPARE) {
            ph_error_set(p->error, PH_E_MODEL,
                         "comparisons cannot be chained: write a < b && b < c");
            status = ph_parser_located(p, p->start, p->end);
        }
    }
    return status;
}

static int parse_all(ph_parser *p)
{
    int status = ph_parser_advance(p);
    if (status != PH_OK) {
        return status;
    }
    if (p->token == PH_TOKEN_END) {
        ph_error_set(p->error, PH_E_MODEL,
                     "expected an expression, but the text is empty");
        return ph_parser_located(p, 0, 0);
    }
    if ((status = parse_binary(p, LEVEL_OR)) != PH_OK || p->token == PH_TOKEN_END) {
        return status;
    }
    if (p->token == ')' || p->token == ']') {
        ph_error_set(p->error, PH_E_MODEL, "there is no '%c' for this '%c'",
                     p->token == ')' ? '(' : '[', p->token);
        return ph_parser_located(p, p->start, p->end);
    }
    return ph_parser_unexpected(p, "an operator or the end of the expression");
}

int ph_expr_parse(ph_expr **self, const char *text, size_t length,
                  const ph_scope *scope, ph_error *error)
{
    static const ph_scope nothing = {NULL, 0};
    int status = PH_E_MEMORY;
    ph_parser p = {.length = length,
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
