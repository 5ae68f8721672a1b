/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs the postfix code on a stack of doubles. One source for both modes: `strict`
 * (ph_expr_value) stops with an error at the first operation without a finite value, so
 * no NaN ever meets a comparison; the other (ph_expr_value_at) lets NaN through, and a
 * NaN condition makes the whole if() NaN. The common operations are in the loop, the
 * rest goes through ph_expr_apply, which folding and partial evaluation share.
 */
#include <math.h>
#include <string.h>

#include "expr_private.h"
#include "phasic/base/buffer.h"

__extension__ typedef unsigned __int128 wide;

/* Exact as long as it is below 2^126 / n, then within a few units of 2^-64. */
static double binomial(double n, double k)
{
    if (n != floor(n) || k != floor(k) || n < 0 || n > 0x1p53) {
        return NAN;
    }
    if (k < 0 || k > n) {
        return 0;
    }
    unsigned long top = (unsigned long)n, few = (unsigned long)k;
    if (few > top - few) {
        few = top - few;
    }
    wide exact = 1;
    unsigned long i = 1;
    for (; i <= few && exact >> 64 == 0; i++) {
        exact = exact * (top - few + i) / i;
    }
    long double value = (long double)exact;
    /* Every factor is at least 2: infinity comes within 16384 steps. */
    for (; i <= few && isfinite(value); i++) {
        value = value * (long double)(top - few + i) / (long double)i;
    }
    return (double)value;
}

double ph_expr_apply(uint32_t code, double a, double b)
{
    if (isnan(a) || (isnan(b) && ph_code_is_binary(code))) {
        return NAN;
    }
    switch (code) {
    case PH_CODE_NEGATE: return -a;
    case PH_CODE_NOT: return a == 0;
    case PH_CODE_ABS: return fabs(a);
    case PH_CODE_FLOOR: return floor(a);
    case PH_CODE_CEIL: return ceil(a);
    case PH_CODE_EXP: return exp(a);
    case PH_CODE_LOG: return log(a);
    case PH_CODE_SQRT: return sqrt(a);
    case PH_CODE_ADD: return a + b;
    case PH_CODE_SUBTRACT: return a - b;
    case PH_CODE_MULTIPLY: return a * b;
    case PH_CODE_DIVIDE: return a / b;
    case PH_CODE_POWER: return pow(a, b);
    case PH_CODE_MIN: return b < a ? b : a;
    case PH_CODE_MAX: return b > a ? b : a;
    case PH_CODE_BINOMIAL: return binomial(a, b);
    case PH_CODE_LT: return a < b;
    case PH_CODE_LE: return a <= b;
    case PH_CODE_GT: return a > b;
    case PH_CODE_GE: return a >= b;
    case PH_CODE_EQ: return a == b;
    case PH_CODE_NE: return a != b;
    default: return NAN;
    }
}

int ph_expr_domain_error(const ph_expr *self, const ph_instruction *instruction,
                         double a, double b, ph_error *error)
{
    char x[32], y[32];
    ph_double_text(a, x);
    ph_double_text(b, y);
    switch (instruction->code) {
    case PH_CODE_DIVIDE:
        ph_error_set(error, PH_E_MODEL, "%s / %s is not a finite number", x, y);
        break;
    case PH_CODE_POWER:
        ph_error_set(error, PH_E_MODEL, "%s ^ %s is not a finite number", x, y);
        break;
    case PH_CODE_LOG:
        ph_error_set(error, PH_E_MODEL, "log(%s) is not a finite number", x);
        break;
    case PH_CODE_SQRT:
        ph_error_set(error, PH_E_MODEL, "sqrt(%s) is not a real number", x);
        break;
    case PH_CODE_EXP: ph_error_set(error, PH_E_MODEL, "exp(%s) overflows", x); break;
    case PH_CODE_BINOMIAL:
        ph_error_set(error, PH_E_MODEL,
                     "binomial(%s, %s) is not defined or overflows: expected whole "
                     "numbers, the first not negative",
                     x, y);
        break;
    default: ph_error_set(error, PH_E_MODEL, "the value is not a finite number");
    }
    ph_error_position(error, 0, (long)instruction->column);
    ph_error_found(error, self->text, (long)self->length);
    return PH_E_MODEL;
}

static int index_error(const ph_expr *self, const ph_instruction *instruction,
                       double index, ph_error *error)
{
    char text[32];
    ph_double_text(index, text);
    if (index != floor(index)) {
        ph_error_set(error, PH_E_MODEL, "the index is %s: expected a whole number",
                     text);
    } else {
        ph_error_set(error, PH_E_MODEL,
                     "the index is %s: expected 0 to %u, the extent of the array", text,
                     instruction->u.array.extent - 1);
    }
    size_t start = instruction->column - 1, end = start;
    for (size_t open = 0; end < self->length; end++) {
        char c = self->text[end];
        open += c == '[';
        if (c == ']' && --open == 0 &&
            (end + 1 == self->length || self->text[end + 1] != '[')) {
            end++;
            break;
        }
    }
    ph_error_position(error, 0, (long)instruction->column);
    ph_error_found(error, self->text + start, (long)(end - start));
    return PH_E_MODEL;
}

double ph_expr_sum(const ph_env *env, size_t first, size_t extent)
{
    int64_t sum = 0;
    for (size_t i = 0; i < extent; i++) {
        sum += env->state[first + i];
    }
    return (double)sum;
}

int ph_expr_index(const ph_expr *self, const ph_instruction *instruction,
                  const ph_env *env, double *top, ph_error *error)
{
    uint32_t first = instruction->u.array.first, extent = instruction->u.array.extent;
    switch (instruction->code) {
    case PH_CODE_LOAD: *top = env->state[first + (size_t)*top]; return PH_OK;
    case PH_CODE_SUM:
        *top = ph_expr_sum(env, first + (size_t)*top * extent, extent);
        return PH_OK;
    default: break;
    }
    double index = *top;
    if (!(index >= 0 && index < extent && index == floor(index))) {
        return index_error(self, instruction, index, error);
    }
    if (instruction->code == PH_CODE_STEP) {
        top[-1] = top[-1] * extent + index;
    }
    return PH_OK;
}

static int misuse(const ph_expr *self, const ph_instruction *instruction,
                  ph_error *error)
{
    ph_error_set(error, PH_E_MODEL, "parameters may not be used here");
    ph_error_position(error, 0, (long)instruction->column);
    ph_error_found(error, self->text, (long)self->length);
    return PH_E_MODEL;
}

#define ARITHMETIC(name, expression)                                                   \
    case name: {                                                                       \
        double b = *top--, a = *top;                                                   \
        *top = (expression);                                                           \
        if (strict && !isfinite(*top)) {                                               \
            return ph_expr_domain_error(self, i, a, b, error);                         \
        }                                                                              \
        break;                                                                         \
    }
#define COMPARISON(name, operation)                                                    \
    case name: {                                                                       \
        double b = *top--, a = *top;                                                   \
        *top = strict ? (double)(a operation b) : ph_expr_apply(name, a, b);           \
        break;                                                                         \
    }

__attribute__((always_inline)) static inline int
run(const ph_expr *self, const ph_env *env, const double *theta, const int strict,
    double *value, ph_error *error)
{
    double stack[PH_EXPR_STACK + 1], *top = stack;
    const ph_instruction *code = self->code, *end = code + self->code_length, *i = code;
    while (i < end) {
        switch (i->code) {
        case PH_CODE_NUMBER: *++top = i->u.number; break;
        case PH_CODE_ENTRY: *++top = env->state[i->u.array.first]; break;
        case PH_CODE_LOOP: *++top = (double)env->loop[i->u.array.first]; break;
        case PH_CODE_PARAMETER:
            if (strict) {
                return misuse(self, i, error);
            }
            *++top = theta[i->u.array.first];
            break;
        case PH_CODE_SUM_ALL:
            *++top = ph_expr_sum(env, i->u.array.first, i->u.array.extent);
            break;
        case PH_CODE_OFFSET:
        case PH_CODE_LOAD:
        case PH_CODE_SUM:
        case PH_CODE_STEP: {
            int status = ph_expr_index(self, i, env, top, error);
            if (status != PH_OK) {
                return status;
            }
            top -= i->code == PH_CODE_STEP;
            break;
        }
            ARITHMETIC(PH_CODE_ADD, a + b)
            ARITHMETIC(PH_CODE_SUBTRACT, a - b)
            ARITHMETIC(PH_CODE_MULTIPLY, (a * b))
            ARITHMETIC(PH_CODE_DIVIDE, a / b)
            COMPARISON(PH_CODE_LT, <)
            COMPARISON(PH_CODE_LE, <=)
            COMPARISON(PH_CODE_GT, >)
            COMPARISON(PH_CODE_GE, >=)
            COMPARISON(PH_CODE_EQ, ==)
            COMPARISON(PH_CODE_NE, !=)
        case PH_CODE_AND_JUMP:
            if (*top == 0 || (!strict && isnan(*top))) {
                i = code + i->u.target;
                continue;
            }
            top--;
            break;
        case PH_CODE_OR_JUMP:
            if (*top != 0) {
                *top = !strict && isnan(*top) ? NAN : 1;
                i = code + i->u.target;
                continue;
            }
            top--;
            break;
        case PH_CODE_AND:
        case PH_CODE_OR: *top = !strict && isnan(*top) ? NAN : *top != 0; break;
        case PH_CODE_IF_JUMP: {
            double condition = *top--;
            if (!strict && isnan(condition)) {
                *++top = NAN;
                i = code + code[i->u.target - 1].u.target;
                continue;
            }
            if (condition == 0) {
                i = code + i->u.target;
                continue;
            }
            break;
        }
        case PH_CODE_JUMP: i = code + i->u.target; continue;
        case PH_CODE_SELECT: break;
        default: {
            double b = ph_code_is_binary(i->code) ? *top-- : 0, a = *top;
            *top = ph_expr_apply(i->code, a, b);
            if (strict && !isfinite(*top)) {
                return ph_expr_domain_error(self, i, a, b, error);
            }
        }
        }
        i++;
    }
    *value = *top;
    return PH_OK;
}

int ph_expr_value(const ph_expr *self, const ph_env *env, double *value,
                  ph_error *error)
{
    double result = NAN;
    int status = run(self, env, NULL, 1, &result, error);
    if (status == PH_OK && !isfinite(result)) {
        status = ph_expr_domain_error(self, self->code, result, 0, error);
    }
    if (status == PH_OK) {
        *value = result;
    }
    return status;
}

int ph_expr_value_at(const ph_expr *self, const ph_env *env, const double *theta,
                     double *value, ph_error *error)
{
    double result = NAN;
    int status = run(self, env, theta, 0, &result, error);
    if (status == PH_OK) {
        *value = isfinite(result) ? result : NAN;
    }
    return status;
}
