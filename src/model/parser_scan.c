/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scanner of expressions: one token at a time, and the errors that name it. */
#include <stdio.h>
#include <string.h>

#include "parser_private.h"
#include "phasic/base/buffer.h"

int ph_parser_located(const ph_parser *p, size_t start, size_t end)
{
    ph_error_position(p->error, 0, (long)start + 1);
    ph_error_found(p->error, p->text + start, (long)(end - start));
    return PH_E_MODEL;
}

int ph_parser_unexpected(const ph_parser *p, const char *wanted)
{
    if (p->token == PH_TOKEN_END) {
        ph_error_set(p->error, PH_E_MODEL, "the expression ends where %s is expected",
                     wanted);
    } else {
        ph_error_set(p->error, PH_E_MODEL, "expected %s", wanted);
    }
    return ph_parser_located(p, p->start, p->end);
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static char peek(const ph_parser *p, size_t at)
{
    return at < p->length ? p->text[at] : '\0';
}

static int scan_number(ph_parser *p)
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
    p->token = PH_TOKEN_NUMBER;
    p->end = at;
    int status = ph_double_read(p->text + p->start, at - p->start, &p->number);
    if (status == PH_E_MEMORY) {
        return status;
    }
    if (status != PH_OK) {
        ph_error_set(
            p->error, PH_E_MODEL,
            "expected a number that a double can hold (at most about 1.8e308)");
        return ph_parser_located(p, p->start, at);
    }
    return PH_OK;
}

static int scan_pair(ph_parser *p)
{
    static const struct {
        char text[3];
        int token;
    } pairs[] = {{"||", PH_TOKEN_OR}, {"&&", PH_TOKEN_AND}, {"<=", PH_TOKEN_LE},
                 {">=", PH_TOKEN_GE}, {"==", PH_TOKEN_EQ},  {"!=", PH_TOKEN_NE}};
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

static int scan_character(ph_parser *p)
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
    return ph_parser_located(p, p->start, p->end);
}

int ph_parser_advance(ph_parser *p)
{
    size_t at = p->end;
    while (at < p->length && strchr(" \t\r\n", p->text[at]) && p->text[at] != '\0') {
        at++;
    }
    p->start = p->end = at;
    if (at == p->length) {
        p->token = PH_TOKEN_END;
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
        p->token = PH_TOKEN_NAME;
        return PH_OK;
    }
    return scan_pair(p) ? PH_OK : scan_character(p);
}

int ph_parser_close(ph_parser *p, int token, size_t opened)
{
    if (p->token != token) {
        char wanted[80];
        snprintf(wanted, sizeof wanted, "'%c' to close the '%c' of column %zu", token,
                 token == ')' ? '(' : '[', opened + 1);
        return ph_parser_unexpected(p, wanted);
    }
    return ph_parser_advance(p);
}
