/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Expressions: values worked out by hand, errors with their columns, depth, noise.
 */
#include "test_expr_fixture.h"

#include "phasic/base/names.h"
#include "phasic/base/rng.h"

static double value_of(const char *text)
{
    double value = NAN;
    ph_error error = {0};
    ph_expr *expr = parse(text);
    if (ph_expr_value(expr, &env, &value, &error) != PH_OK) {
        fail_msg("'%s': column %ld: %s", text, error.column, error.message);
    }
    ph_expr_free(expr);
    return value;
}

static void test_values(void **context)
{
    (void)context;
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"1 + 2 * 3", 7},
        {"-2^2", -4},
        {"2^-1", 0.5},
        {"2^3^2", 512},
        {"(2^3)^2", 64},
        {"8 / 4 / 2", 1},
        {"10 - 4 - 3", 3},
        {"1 - 2 + 3", 2},
        {"2 * 3 / 4 * 2", 3},
        {"--3", 3},
        {"2 * -3", -6},
        {"+4", 4},
        {"1e3 + .5 + 2. + 1.5e-3", 1002.5015},
        {" \t1\n+\r1 ", 2},
        {"!0", 1},
        {"!3", 0},
        {"!!3", 1},
        {"!left == 0", 1},
        {"1 < 2", 1},
        {"2 < 2", 0},
        {"2 <= 2", 1},
        {"2 > 2", 0},
        {"2 >= 2", 1},
        {"2 == 2", 1},
        {"2 != 2", 0},
        {"1 + 1 == 2", 1},
        {"3 - 1 > 1 + 1", 0},
        {"1 || 0 && 0", 1},
        {"(1 || 0) && 0", 0},
        {"0 || 3", 1},
        {"2 && 3", 1},
        {"left && right", 1},
        {"left - 3 || right", 1},
        {"left - 3 || right - 2", 0},
        {"1 && left", 1},
        {"left && 0", 0},
        {"min(3, 1, 2)", 1},
        {"max(3, 1, 7, 2)", 7},
        {"min(left, right, 9)", 2},
        {"abs(-2.5)", 2.5},
        {"floor(-1.5)", -2},
        {"ceil(-1.5)", -1},
        {"exp(1)", 2.718281828459045235},
        {"log(10)", 2.302585092994045684},
        {"sqrt(2)", 1.414213562373095049},
        {"pow(2, 10)", 1024},
        {"pow(left, right)", 9},
        {"binomial(5, 2)", 10},
        {"binomial(left + 2, right)", 10},
        {"binomial(5, 6)", 0},
        {"binomial(5, -1)", 0},
        {"binomial(0, 0)", 1},
        {"binomial(52, 5)", 2598960},
        {"binomial(60, 30)", 118264581564861424.0},
        {"binomial(100, 50)", 100891344545564193334812497256.0},
        {"binomial(1e15, 1)", 1e15},
        {"binomial(1e15, 1e15 - 1)", 1e15},
        {"if(1, 2, 3)", 2},
        {"if(0, 2, 3)", 3},
        {"if(left > 2, left, 0)", 3},
        {"if(left > 5, 1 / 0, 7)", 7},
        {"if(left > 5, 1, if(right == 2, 8, 9)) + 1", 9},
        {"i > 5 && k[i + 7] > 0", 0},
        {"left >= 3 || k[99] > 0", 1},
        {"k[0] + k[3]", 5},
        {"k[i]", 3},
        {"k[i - 1]", 2},
        {"k[k[0]]", 2},
        {"m[1][2]", 6},
        {"m[j][i]", 6},
        {"m[j][0] * 10 + m[0][i]", 43},
        {"m[0][j] * 10 + m[1][1]", 25},
        {"sum(k)", 10},
        {"sum(m)", 21},
        {"sum(m[0])", 6},
        {"sum(m[j])", 15},
        {"sum(m[0][1])", 2},
        {"n - left", 2},
        {"half * n", 2.5},
        {"left * (left - 1) / 2", 3},
        {"i * 10 + j", 21},
        {"1 / (1 + 1 / (1 + 1))", 2.0 / 3},
    };
    for (size_t t = 0; t < sizeof cases / sizeof *cases; t++) {
        double value = value_of(cases[t].text), expected = cases[t].value;
        if (!ph_check_close(value, expected, 1e-15)) {
            fail_msg("'%s' = %.17g, expected %.17g", cases[t].text, value, expected);
        }
    }
}

/* n! / (k! (n-k)!) in the log domain, as far as lgamma goes. */
static void test_large_binomials(void **context)
{
    (void)context;
    char text[64];
    for (int n = 10; n <= 1000; n += 55) {
        for (int k = 0; k <= n; k += 7) {
            snprintf(text, sizeof text, "binomial(%d, %d)", n, k);
            double expected = lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
            assert_near(log(value_of(text)), expected, 1e-11);
        }
    }
    /* Pascal's rule holds exactly as long as the numbers fit a double. */
    for (int n = 1; n < 54; n++) {
        for (int k = 1; k <= n; k++) {
            snprintf(text, sizeof text, "binomial(%d, %d)", n, k);
            double whole = value_of(text);
            snprintf(text, sizeof text, "binomial(%d, %d) + binomial(%d, %d)", n - 1,
                     k - 1, n - 1, k);
            assert_true(whole == value_of(text));
        }
    }
}

static void test_syntax_errors(void **context)
{
    (void)context;
    static const struct {
        const char *text;
        long column;
        const char *found, *message;
    } cases[] = {
        {"", 1, "", "empty"},
        {"   ", 1, "", "empty"},
        {"1 +", 4, "", "ends where"},
        {"(1 + 2", 7, "", "to close the '(' of column 1"},
        {"(1 + 2]", 7, "]", "to close the '(' of column 1"},
        {"1 + 2)", 6, ")", "there is no '('"},
        {"1]", 2, "]", "there is no '['"},
        {"k[1", 4, "", "to close the '[' of column 2"},
        {"1 2", 3, "2", "operator"},
        {"2x", 2, "x", "operator"},
        {"0x10", 2, "x10", "operator"},
        {"1..2", 3, ".2", "operator"},
        {"1,5", 2, ",", "operator"},
        {"left = 3", 6, "=", "=="},
        {"left & right", 6, "&", "&&"},
        {"left | right", 6, "|", "||"},
        {"1 < 2 < 3", 7, "<", "chained"},
        {"1 == 2 != 3", 8, "!=", "chained"},
        {"lefft", 1, "lefft", "did you mean 'left'"},
        {"1 + Left", 5, "Left", "did you mean 'left'"},
        {"lfet", 1, "lfet", "did you mean 'left'"},
        {"mni(1, 2)", 1, "mni", "did you mean 'min'"},
        {"unknowable", 1, "unknowable", "unknown name"},
        {"frobnicate(1)", 1, "frobnicate", "unknown function"},
        {"left(1)", 1, "left", "not a function"},
        {"min", 1, "min", "expected '('"},
        {"min(1)", 1, "min", "at least 2 arguments"},
        {"exp(1, 2)", 1, "exp", "takes 1 argument"},
        {"pow(2)", 1, "pow", "takes 2 arguments"},
        {"1 + exp()", 5, "exp", "takes 1 argument"},
        {"if(1, 2)", 8, ")", "if(condition"},
        {"if(1, 2, 3, 4)", 11, ",", "to close"},
        {"k", 1, "k", "is an array: expected 1 index"},
        {"2 * m[0]", 5, "m", "expected 2 indices"},
        {"k[0][1]", 5, "[", "has 1 index"},
        {"left[0]", 5, "[", "not an array"},
        {"n[0]", 2, "[", "not an array"},
        {"a[1]", 2, "[", "not an array"},
        {"k[left * a]", 3, "left * a", "may not use parameters"},
        {"sum(left)", 5, "left", "array"},
        {"sum(3)", 5, "3", "array"},
        {"sum(x)", 5, "x", "unknown name"},
        {"sum(k + 1)", 7, "+", "to close"},
        {"$", 1, "$", "not this character"},
        {"1 + \x01", 5, "?", "not this character"},
        {"1e999", 1, "1e999", "a double can hold"},
        {"1 + * 2", 5, "*", "expected a number"},
        {"()", 2, ")", "expected a number"},
        {"min(1,,2)", 7, ",", "expected a number"},
        {"a b", 3, "b", "operator"},
        {"1 ! 2", 3, "!", "operator"},
    };
    for (size_t t = 0; t < sizeof cases / sizeof *cases; t++) {
        ph_expr *expr = NULL;
        ph_error error = {0};
        const char *text = cases[t].text;
        int status = ph_expr_parse(&expr, text, strlen(text), &scope, &error);
        if (status != PH_E_MODEL || expr || error.status != PH_E_MODEL ||
            error.column != cases[t].column ||
            strcmp(error.found, cases[t].found) != 0 ||
            !strstr(error.message, cases[t].message)) {
            fail_msg(
                "'%s': status %d, column %ld (expected %ld), found '%s', message %s",
                text, status, error.column, cases[t].column, error.found,
                error.message);
        }
    }
}

static void test_bytes(void **context)
{
    (void)context;
    ph_expr *expr = NULL;
    ph_error error = {0};
    assert_int_equal(ph_expr_parse(&expr, "1\0+1", 4, &scope, &error), PH_E_MODEL);
    assert_int_equal(error.column, 2);
    error = (ph_error){0};
    assert_int_equal(ph_expr_parse(&expr, "1 + \xc3\xa9", 6, &scope, &error),
                     PH_E_MODEL);
    assert_int_equal(error.column, 5);
    /* Only `length` bytes count, and neither scope nor error is needed. */
    assert_int_equal(ph_expr_parse(&expr, "12+", 2, NULL, NULL), PH_OK);
    double value;
    assert_int_equal(ph_expr_value(expr, NULL, &value, NULL), PH_OK);
    assert_true(value == 12);
    assert_string_equal(ph_expr_text(expr), "12");
    ph_expr_free(expr);
    expr = NULL;
    assert_int_equal(ph_expr_parse(&expr, "left", 4, NULL, NULL), PH_E_MODEL);
    assert_null(expr);
    ph_expr_free(NULL);
}

static void test_evaluation_errors(void **context)
{
    (void)context;
    static const struct {
        const char *text;
        long column;
        const char *found, *message;
    } cases[] = {
        {"k[i + 2]", 1, "k[i + 2]", "the index is 4: expected 0 to 3"},
        {"1 + k[-1]", 5, "k[-1]", "the index is -1"},
        {"k[4]", 1, "k[4]", "the index is 4"},
        {"k[i / 4]", 1, "k[i / 4]", "0.5: expected a whole number"},
        {"m[0][k[3]]", 1, "m[0][k[3]]", "expected 0 to 2"},
        {"m[2][0]", 1, "m[2][0]", "expected 0 to 1"},
        {"sum(m[left])", 5, "m[left]", "expected 0 to 1"},
        {"1 / (left - 3)", 3, "1 / (left - 3)", "1 / 0 is not"},
        {"left + 1 / 0", 10, "left + 1 / 0", "1 / 0 is not"},
        {"log(left - 3)", 1, "log(left - 3)", "log(0)"},
        {"sqrt(right - left)", 1, "sqrt(right - left)", "sqrt(-1)"},
        {"exp(1000 * left)", 1, "exp(1000 * left)", "exp(3000) overflows"},
        {"0 ^ (0 - left)", 3, "0 ^ (0 - left)", "0 ^ -3"},
        {"binomial(left / 2, 1)", 1, "binomial(left / 2, 1)", "whole numbers"},
        {"binomial(3000, 1500)", 1, "binomial(3000, 1500)", "overflows"},
        {"binomial(1e15, 5e14)", 1, "binomial(1e15, 5e14)", "overflows"},
        {"1e308 * left * 10", 7, "1e308 * left * 10", "finite"},
        {"left * a", 8, "left * a", "parameters may not be used"},
    };
    for (size_t t = 0; t < sizeof cases / sizeof *cases; t++) {
        ph_error error = {0};
        double value = 7;
        ph_expr *expr = parse(cases[t].text);
        int status = ph_expr_value(expr, &env, &value, &error);
        if (status != PH_E_MODEL || value != 7 || error.column != cases[t].column ||
            strcmp(error.found, cases[t].found) != 0 ||
            !strstr(error.message, cases[t].message)) {
            fail_msg("'%s': status %d, column %ld, found '%s', message %s",
                     cases[t].text, status, error.column, error.found, error.message);
        }
        ph_expr_free(expr);
    }
}

static void test_uses(void **context)
{
    (void)context;
    ph_expr *expr = parse("n * left + b");
    assert_true(ph_expr_uses(expr, PH_SYMBOL_CONSTANT));
    assert_true(ph_expr_uses(expr, PH_SYMBOL_STATE));
    assert_true(ph_expr_uses(expr, PH_SYMBOL_PARAMETER));
    assert_false(ph_expr_uses(expr, PH_SYMBOL_LOOP));
    assert_true(ph_expr_uses_parameter(expr, 1));
    assert_false(ph_expr_uses_parameter(expr, 0));
    ph_expr_free(expr);
    expr = parse("if(n > 3, sum(m) + i, c)");
    assert_true(ph_expr_uses_parameter(expr, 2));
    assert_true(ph_expr_uses(expr, PH_SYMBOL_LOOP));
    assert_true(ph_expr_uses(expr, PH_SYMBOL_STATE));
    ph_expr_free(expr);
    assert_int_equal(ph_expr_number(&expr, 0.1), PH_OK);
    double value;
    assert_int_equal(ph_expr_value(expr, NULL, &value, NULL), PH_OK);
    assert_true(value == 0.1);
    assert_string_equal(ph_expr_text(expr), "0.1");
    ph_expr_free(expr);
}

/* before * count, inside, after * count */
static char *nested(const char *before, const char *inside, const char *after,
                    size_t count)
{
    size_t b = strlen(before), a = strlen(after), middle = strlen(inside);
    char *text = malloc(count * (a + b) + middle + 1), *at = text;
    assert_non_null(text);
    for (size_t i = 0; i < count; i++, at += b) {
        memcpy(at, before, b);
    }
    memcpy(at, inside, middle);
    at += middle;
    for (size_t i = 0; i < count; i++, at += a) {
        memcpy(at, after, a);
    }
    *at = '\0';
    return text;
}

static void check_too_deep(const char *before, const char *inside, const char *after,
                           size_t count)
{
    ph_expr *expr = NULL;
    ph_error error = {0};
    char *text = nested(before, inside, after, count);
    assert_int_equal(ph_expr_parse(&expr, text, strlen(text), &scope, &error),
                     PH_E_MODEL);
    assert_non_null(strstr(error.message, "nested deeper than 200"));
    assert_true(error.column > 0);
    free(text);
}

static void check_depth_fine(const char *before, const char *inside, const char *after,
                             double expected)
{
    char *text = nested(before, inside, after, 200);
    assert_true(value_of(text) == expected);
    free(text);
}

static void test_depth(void **context)
{
    (void)context;
    static const char *const many[][2] = {
        {"(", ")"},  {"-", ""},     {"!", ""},    {"+", ""},      {"2^", ""},
        {"k[", "]"}, {"exp(", ")"}, {"1-(", ")"}, {"m[0][", "]"}, {"if(1,2,", ")"}};
    for (size_t t = 0; t < sizeof many / sizeof *many; t++) {
        check_too_deep(many[t][0], "1", many[t][1], 201);
        check_too_deep(many[t][0], "1", many[t][1], 1000000);
        check_too_deep(many[t][0], "", "", 1000000);
    }
    check_depth_fine("(", "1", ")", 1);
    check_depth_fine("-", "left", "", 3);
    check_depth_fine("left - (", "1", ")", 1);
    check_depth_fine("1^", "left", "", 1);
    check_depth_fine("k[", "2", " - 1]", 2); /* k[x - 1] = x */
}

/* Values held at once in the worst case that the nesting allows. */
static void test_stack(void **context)
{
    (void)context;
    check_depth_fine("left - 3 || left && left < left + left * (", "1", ")", 1);
    check_depth_fine("if(left, left - 3 || left && left < left + left * ", "1",
                     ", left)", 1);
    check_depth_fine("0 || left && left < left + left * min(9, ", "1", ")", 1);
}

static void test_long_chains(void **context)
{
    (void)context;
    ph_expr *expr;
    double value;
    char *text = nested("left + ", "left", "", 300000);
    expr = parse(text);
    assert_int_equal(ph_expr_value(expr, &env, &value, NULL), PH_OK);
    assert_true(value == 3 * 300001.0);
    ph_expr_free(expr);
    free(text);
    text = nested("1 && ", "left", "", 300000);
    assert_true(value_of(text) == 1);
    free(text);
    text = nested("", "min(1", ", left", 300000);
    char *closed = nested("", text, ")", 1);
    assert_true(value_of(closed) == 1);
    free(closed);
    free(text);
}

/* A million characters of noise: one short error, at once. */
static void test_garbage(void **context)
{
    (void)context;
    ph_rng rng;
    ph_rng_init(&rng, 7, PH_RNG_TEST, 0, 0);
    size_t length = 1000000;
    char *text = malloc(length);
    assert_non_null(text);
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < length; i++) {
            static const char *const from[] = {"+-*/()[],.<=>!&| a1", "abcxyz",
                                               "0123456789"};
            uint32_t word = ph_rng_word(&rng);
            text[i] = round == 0 ? (char)(word & 0xff)
                                 : from[round - 1][word % strlen(from[round - 1])];
        }
        ph_expr *expr = NULL;
        ph_error error = {0};
        assert_int_equal(ph_expr_parse(&expr, text, length, &scope, &error),
                         PH_E_MODEL);
        assert_true(error.column >= 1 && error.message[0] != '\0');
    }
    free(text);
}

/* Random sequences of tokens parse or fail with a place; what parses can be evaluated.
 */
static void test_token_soup(void **context)
{
    (void)context;
    static const char *const tokens[] = {
        "1",  "2.5",       "left",   "k",    "m",     "k[",   "m[1][", "a",
        "N",  "i",         "(",      ")",    "(",     ")",    "]",     ",",
        "+",  "-",         "*",      "/",    "^",     "!",    "<",     "<=",
        "==", "&&",        "||",     "min(", "if(",   "sum(", "exp(",  "log(",
        "n",  "binomial(", "floor(", "0",    "sqrt(", ")"};
    const double theta[PARAMETERS] = {0.5, 1.5, 2, 3};
    const double none[PARAMETERS] = {0}, all[PARAMETERS] = {9, 9, 9, 9};
    size_t count = sizeof tokens / sizeof *tokens;
    int parsed = 0;
    ph_rng rng;
    ph_rng_init(&rng, 11, PH_RNG_TEST, 1, 0);
    for (int round = 0; round < 120000; round++) {
        char text[256] = "";
        for (uint32_t t = 1 + ph_rng_word(&rng) % 9; t > 0; t--) {
            strcat(text, tokens[ph_rng_word(&rng) % count]);
        }
        ph_expr *expr = NULL;
        ph_error error = {0};
        if (ph_expr_parse(&expr, text, strlen(text), &scope, &error) != PH_OK) {
            assert_true(error.status == PH_E_MODEL && error.message[0] != '\0');
            assert_in_range(error.column, 1, strlen(text) + 1);
            continue;
        }
        parsed++;
        double value = NAN, at = NAN;
        int status = ph_expr_value(expr, &env, &value, &error);
        int status_at = ph_expr_value_at(expr, &env, theta, &at, NULL);
        if (status == PH_OK) {
            assert_int_equal(status_at, PH_OK);
            assert_true(value == at);
        } else {
            assert_true(error.column >= 1);
        }
        ph_pool *pool = NULL;
        ph_linear form = {0};
        assert_int_equal(ph_pool_new(&pool, PARAMETERS, none, all), PH_OK);
        error = (ph_error){0};
        int linear = ph_expr_linear(expr, &env, pool, &form, &error);
        assert_true(linear == PH_OK || (linear == PH_E_MODEL && error.message[0]));
        if (status == PH_OK) {
            assert_int_equal(linear, PH_OK);
            assert_true(form.length == (value != 0));
            assert_true(value == 0 || form.coefficient[0] == value);
        }
        ph_linear_free(&form);
        ph_pool_free(pool);
        ph_expr_free(expr);
    }
    if (parsed < 3000) {
        fail_msg("only %d parsed", parsed);
    }
}

static void test_value_at(void **context)
{
    (void)context;
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"a + 2 * b", 3.5},
        {"left * a / N", 0.5},
        {"floor(b)", 1},
        {"if(a < b, b, c)", 1.5},
        {"a < b && b < c || N < 0", 1},
        {"log(0 - a)", NAN},
        {"1 / (a - a)", NAN},
        {"if(log(0 - a) > 0, 1, 2)", NAN},
        {"log(0 - a) > 0 && 0", NAN},
        {"1 / 0", NAN},
        {"min(1, log(0 - a))", NAN},
        {"exp(-b * (5 - left)) * left * (left - 1) / 2 / N", 0.04978706836786394},
    };
    const double theta[PARAMETERS] = {0.5, 1.5, 2, 3};
    for (size_t t = 0; t < sizeof cases / sizeof *cases; t++) {
        double value = 7, expected = cases[t].value;
        ph_expr *expr = parse(cases[t].text);
        assert_int_equal(ph_expr_value_at(expr, &env, theta, &value, NULL), PH_OK);
        if (isnan(expected) ? !isnan(value) : !ph_check_close(value, expected, 1e-15)) {
            fail_msg("'%s' = %.17g, expected %.17g", cases[t].text, value, expected);
        }
        ph_expr_free(expr);
    }
}

static void test_nearest_name(void **context)
{
    (void)context;
    static const char *const known[] = {"jump", "flood_left", "flood_right", "n", "Ne"};
    static const struct {
        const char *name, *nearest;
    } cases[] = {
        {"jmup", "jump"},
        {"jum", "jump"},
        {"jumps", "jump"},
        {"JUMP", "jump"},
        {"flod_left", "flood_left"},
        {"flood_rihgt", "flood_right"},
        {"N", "n"},
        {"ne", "Ne"},
        {"x", NULL},
        {"xyzzy", NULL},
        {"jukebox", NULL},
        {"", NULL},
    };
    for (size_t t = 0; t < sizeof cases / sizeof *cases; t++) {
        const char *nearest = ph_nearest_name(cases[t].name, known, 5);
        if (cases[t].nearest ? !nearest || strcmp(nearest, cases[t].nearest) != 0
                             : nearest != NULL) {
            fail_msg("'%s' gives '%s'", cases[t].name, nearest ? nearest : "nothing");
        }
    }
    assert_null(ph_nearest_name("jump", known, 0));
    char endless[300];
    memset(endless, 'j', sizeof endless);
    endless[299] = '\0';
    assert_null(ph_nearest_name(endless, known, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_large_binomials),
        cmocka_unit_test(test_syntax_errors),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_evaluation_errors),
        cmocka_unit_test(test_uses),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_stack),
        cmocka_unit_test(test_long_chains),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_token_soup),
        cmocka_unit_test(test_value_at),
        cmocka_unit_test(test_nearest_name),
    };
    return ph_check_run(tests);
}
