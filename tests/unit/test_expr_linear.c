/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Partial evaluation of expressions with parameters: linear forms worked out by hand,
 * and random expressions against evaluation at one theta (another algorithm) and
 * against central differences.
 */
#include "test_expr_fixture.h"

#include "phasic/base/rng.h"

static ph_pool *positive_pool(void)
{
    const double lower[PARAMETERS] = {0};
    const double upper[PARAMETERS] = {INFINITY, INFINITY, INFINITY, INFINITY};
    ph_pool *pool = NULL;
    assert_int_equal(ph_pool_new(&pool, PARAMETERS, lower, upper), PH_OK);
    return pool;
}

/* The form of an expression where left and right have other values. */
static ph_linear form_of(ph_pool *pool, const char *text, int left, int right)
{
    int32_t other[12];
    memcpy(other, state, sizeof other);
    other[0] = left;
    other[1] = right;
    ph_env there = {other, loop};
    ph_linear form = {0};
    ph_error error = {0};
    ph_expr *expr = parse(text);
    if (ph_expr_linear(expr, &there, pool, &form, &error) != PH_OK) {
        fail_msg("'%s': column %ld: %s", text, error.column, error.message);
    }
    ph_expr_free(expr);
    return form;
}

static void test_affine(void **context)
{
    (void)context;
    static const struct {
        const char *text;
        double coefficient[1 + PARAMETERS]; /* constant, a, b, c, N */
    } cases[] = {
        {"3 * (a + 2 * b) / 4 - a / 2", {0, 0.25, 1.5}},
        {"left * a", {0, 3}},
        {"(left - 3) * a", {0}},
        {"2 + a - 2", {0, 1}},
        {"n", {5}},
        {"a - a", {0}},
        {"-(a - b)", {0, -1, 1}},
        {"c + b + a", {0, 1, 1, 1}},
        {"c + a + b + c", {0, 1, 1, 2}},
        {"(1 - a) * right", {2, -2}},
        {"left * (a + 1) + right * (N + 2)", {7, 3, 0, 0, 2}},
        {"k[i] * a + sum(m[1]) * N", {0, 3, 0, 0, 15}},
        {"if(left > 1, left * a, b / 0)", {0, 3}},
        {"left > 5 && a > b", {0}},
        {"left > 1 || a > b", {1}},
        {"a ^ 1 + b * 1 ^ 7 + c ^ 0", {1, 1, 1}},
        {"abs(a + 1) + abs(-b)", {1, 1, 1}},
        {"0 / (a + b)", {0}},
        {"min(a, a)", {0, 1}},
        {"if(a > b, 2 * c, 2 * c)", {0, 0, 0, 2}},
        {"a < a", {0}},
        {"exp(b * 0) + sqrt(4) * a", {1, 2}},
    };
    ph_pool *pool = positive_pool();
    for (size_t t = 0; t < sizeof cases / sizeof *cases; t++) {
        ph_linear form = form_of(pool, cases[t].text, 3, 2);
        size_t next = 0;
        for (uint32_t node = 0; node <= PARAMETERS; node++) {
            double expected = cases[t].coefficient[node];
            if (expected == 0) {
                continue;
            }
            if (next >= form.length || form.node[next] != node ||
                form.coefficient[next] != expected) {
                fail_msg("'%s': node %u has no coefficient %g", cases[t].text, node,
                         expected);
            }
            next++;
        }
        if (next != form.length) {
            fail_msg("'%s' has more terms than expected", cases[t].text);
        }
        ph_linear_free(&form);
    }
    ph_pool_free(pool);
}

/* Both are one term on the same node with these coefficients. */
static void check_shared(const char *text, int left, double coefficient, int other_left,
                         double other_coefficient)
{
    ph_pool *pool = positive_pool();
    ph_linear here = form_of(pool, text, left, 0);
    size_t nodes = ph_pool_length(pool);
    ph_linear there = form_of(pool, text, other_left, 1);
    if (here.length != 1 || there.length != 1 || here.node[0] != there.node[0] ||
        here.node[0] <= PARAMETERS || nodes != ph_pool_length(pool)) {
        fail_msg("'%s' is not shared by left = %d and %d", text, left, other_left);
    }
    assert_close(here.coefficient[0], coefficient, 1e-15);
    assert_close(there.coefficient[0], other_coefficient, 1e-15);
    ph_linear_free(&here);
    ph_linear_free(&there);
    ph_pool_free(pool);
}

static void test_sharing(void **context)
{
    (void)context;
    check_shared("left * (left - 1) / 2 / N", 3, 3, 5, 10);
    check_shared("left * (left - 1) / 2 / N * exp(-b * (5 - i))", 3, 3, 4, 6);
    check_shared("left * (left - 1) / 2 / N * exp(-b * (5 - left))", 3, 3, 3, 3);
    check_shared("left * sqrt(4 * a + 4 * b)", 3, 6, 1, 2);
    check_shared("c / (left * N)", 3, 1.0 / 3, 2, 0.5);
    check_shared("(left * a) ^ 3", 3, 27, 2, 8);
    check_shared("(left * a) ^ 2", 3, 9, 2, 4);
    check_shared("left * a * (2 * b)", 3, 6, 2, 4);
    check_shared("if(a > b, left * a, left * c)", 3, 3, 2, 2);
    check_shared("if(a > b, left * a, 0)", 3, 3, 2, 2);
    check_shared("1 / (left * a + left * b)", 4, 0.25, 2, 0.5);
    check_shared("abs(left * (a - b))", 3, 3, 2, 2);
}

/* (left a + right b) / N is a form over a / N and b / N, whatever the state. */
static void test_distribution(void **context)
{
    (void)context;
    static const char *const texts[] = {"(left * a + right * b) / (2 * N)",
                                        "(left * a + right * b) * (0.5 * c)",
                                        "c / 2 * (left * a + right * b)"};
    for (size_t t = 0; t < 3; t++) {
        ph_pool *pool = positive_pool();
        ph_linear here = form_of(pool, texts[t], 3, 2);
        size_t nodes = ph_pool_length(pool);
        ph_linear there = form_of(pool, texts[t], 7, 4);
        assert_int_equal(ph_pool_length(pool), nodes);
        assert_int_equal(here.length, 2);
        assert_int_equal(there.length, 2);
        assert_memory_equal(here.node, there.node, 2 * sizeof *here.node);
        assert_true(here.coefficient[0] == 1.5 && here.coefficient[1] == 1);
        assert_true(there.coefficient[0] == 3.5 && there.coefficient[1] == 2);
        ph_linear_free(&here);
        ph_linear_free(&there);
        ph_pool_free(pool);
    }
    /* A difference is not taken apart: it may cancel. */
    static const char *const kept[] = {"(a - b) / N", "(a - 1) / N", "(a - b) * c",
                                       "c * (a - 1)"};
    for (size_t t = 0; t < 4; t++) {
        ph_pool *pool = positive_pool();
        ph_linear form = form_of(pool, kept[t], 3, 2);
        assert_int_equal(form.length, 1);
        ph_linear_free(&form);
        ph_pool_free(pool);
    }
}

/* Nodes ascend and nothing is 0, whatever the order in which nodes were made. */
static void check_form(const char *text, const ph_linear *form)
{
    for (size_t i = 0; i < form->length; i++) {
        if (form->coefficient[i] == 0 || (i && form->node[i] <= form->node[i - 1])) {
            fail_msg("'%s': term %zu is 0 or out of order", text, i);
        }
    }
}

static void test_order(void **context)
{
    (void)context;
    static const char *const texts[] = {"c * N",
                                        "b * N",
                                        "a * N",
                                        "(1 + a + b + c) * N",
                                        "c / N",
                                        "b / N",
                                        "(1 + a + b + c) / N"};
    ph_pool *pool = positive_pool();
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        ph_linear form = form_of(pool, texts[t], 3, 2);
        check_form(texts[t], &form);
        ph_linear_free(&form);
    }
    ph_pool_free(pool);
}

static void test_linear_errors(void **context)
{
    (void)context;
    static const struct {
        const char *text;
        long column;
        const char *message;
    } cases[] = {
        {"floor(a)", 1, "floor() of an expression with parameters"},
        {"1 + ceil(a * 2)", 5, "ceil() of an expression with parameters"},
        {"binomial(a, 2)", 1, "binomial() of an expression with parameters"},
        {"a / (left - 3)", 3, "the divisor is 0"},
        {"a * log(left - 3)", 5, "log(0)"},
        {"k[left + 2] * a", 1, "expected 0 to 3"},
        {"a * 1e200 * 1e200", 11, "not a finite number"},
        {"exp(a * 1e200 * 1e200)", 1, "not a finite number"},
        {"if(a > 1, 1 / (left - 3), 2)", 13, "1 / 0"},
    };
    ph_pool *pool = positive_pool();
    ph_linear form = {0};
    for (size_t t = 0; t < sizeof cases / sizeof *cases; t++) {
        ph_error error = {0};
        ph_expr *expr = parse(cases[t].text);
        int status = ph_expr_linear(expr, &env, pool, &form, &error);
        if (status != PH_E_MODEL || error.column != cases[t].column ||
            !strstr(error.message, cases[t].message)) {
            fail_msg("'%s': status %d, column %ld, message %s", cases[t].text, status,
                     error.column, error.message);
        }
        ph_expr_free(expr);
    }
    ph_linear_free(&form);
    ph_pool_free(pool);
}

/* Value and gradient of a form at theta; gradient may be NULL. */
static double form_value(const ph_pool *pool, const ph_linear *form,
                         const double *theta, double *gradient)
{
    size_t length = ph_pool_length(pool);
    double *u = calloc(length, sizeof *u), *u_bar = calloc(length, sizeof *u_bar);
    assert_true(u && u_bar);
    ph_pool_eval_plain(pool, theta, u);
    double value = 0;
    for (size_t i = 0; i < form->length; i++) {
        value += form->coefficient[i] * u[form->node[i]];
        u_bar[form->node[i]] = form->coefficient[i];
    }
    if (gradient) {
        memset(gradient, 0, PARAMETERS * sizeof *gradient);
        ph_pool_adjoint_plain(pool, u, u_bar, gradient);
    }
    free(u);
    free(u_bar);
    return value;
}

static double central(const ph_expr *expr, const double *theta, size_t p, double h)
{
    double there[PARAMETERS], up, down;
    memcpy(there, theta, sizeof there);
    there[p] = theta[p] + h;
    assert_int_equal(ph_expr_value_at(expr, &env, there, &up, NULL), PH_OK);
    there[p] = theta[p] - h;
    assert_int_equal(ph_expr_value_at(expr, &env, there, &down, NULL), PH_OK);
    return (up - down) / (2 * h);
}

/* Central differences with one Richardson step: error of order h^4. */
static double difference(const ph_expr *expr, const double *theta, size_t p)
{
    double h = 1e-3;
    return (4 * central(expr, theta, p, h / 2) - central(expr, theta, p, h)) / 3;
}

static void add_text(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

/* A random smooth-or-piecewise expression over positive quantities. */
static void random_expression(ph_rng *rng, char *text, size_t size, int depth)
{
    static const char *const leaves[] = {"a",    "b", "c",   "N",
                                         "left", "2", "0.5", "k[i]"};
    static const char *const shapes[] = {"(%+%)",        "(%*%)",
                                         "(%/(%+0.5))",  "(%+%)",
                                         "(%*%)",        "sqrt(%+0.1)",
                                         "exp(-%/9)",    "log(1+%)",
                                         "(%+0.2)^1.5",  "(%)^2",
                                         "(0.3+%)^-1",   "min(%,%)",
                                         "max(%,%)",     "abs(%-%)",
                                         "if(%>%,%,%)",  "(%-%)",
                                         "1.5^min(%,2)", "min(%,2)^min(%,2)",
                                         "(%<%||%>=%)",  "if(%>%&&!(%<=%),%,%)"};
    if (depth == 0 || ph_rng_word(rng) % 5 == 0) {
        add_text(text, size, leaves[ph_rng_word(rng) % 8]);
        return;
    }
    for (const char *s = shapes[ph_rng_word(rng) % 20]; *s; s++) {
        if (*s == '%') {
            random_expression(rng, text, size, depth - 1);
        } else {
            char one[2] = {*s, '\0'};
            add_text(text, size, one);
        }
    }
}

static int same(double x, double y, double scale, double relative)
{
    return fabs(x - y) <= relative * (scale + fabs(x) + fabs(y));
}

/*
 * 1 where the value jumps within rounding errors of theta, as if(x > (x + c) - c, ...)
 * does: there two correct evaluations may take different branches.
 */
static int on_a_jump(const ph_expr *expr, const double *theta, double value,
                     ph_rng *rng)
{
    for (int i = 0; i < 8; i++) {
        double near[PARAMETERS], other;
        for (size_t p = 0; p < PARAMETERS; p++) {
            near[p] = theta[p] * (1 + 1e-13 * (ph_rng_uniform(rng) - 0.5));
        }
        assert_int_equal(ph_expr_value_at(expr, &env, near, &other, NULL), PH_OK);
        if (!same(other, value, 1, 1e-9)) {
            return 1;
        }
    }
    return 0;
}

static void test_random_expressions(void **context)
{
    (void)context;
    ph_rng rng;
    ph_rng_init(&rng, 5, PH_RNG_TEST, 2, 0);
    int compared = 0, slopes = 0, refused = 0, jumps = 0, infinite = 0;
    for (int round = 0; round < 3000; round++) {
        char text[4096] = "";
        random_expression(&rng, text, sizeof text, 4);
        double theta[PARAMETERS], gradient[PARAMETERS], expected, lower, upper;
        for (size_t p = 0; p < PARAMETERS; p++) {
            theta[p] = 0.2 + 2 * ph_rng_uniform(&rng);
        }
        ph_expr *expr = parse(text);
        ph_pool *pool = positive_pool();
        ph_linear form = {0};
        ph_error error = {0};
        assert_int_equal(ph_expr_value_at(expr, &env, theta, &expected, NULL), PH_OK);
        if (ph_expr_linear(expr, &env, pool, &form, &error) != PH_OK) {
            refused += strstr(error.message, "is not a") != NULL; /* log(0.5 - 2) */
            ph_linear_free(&form);
            ph_pool_free(pool);
            ph_expr_free(expr);
            continue;
        }
        check_form(text, &form);
        double value = form_value(pool, &form, theta, gradient);
        ph_linear_range(&form, pool, &lower, &upper);
        if (on_a_jump(expr, theta, expected, &rng)) {
            jumps++;
        } else if (isfinite(expected) && fabs(expected) < 1e6) {
            compared++;
            if (!same(value, expected, 1, 1e-11) ||
                !(value >= lower && value <= upper)) {
                fail_msg("'%s' = %.17g, expected %.17g, range %g to %g", text, value,
                         expected, lower, upper);
            }
            for (size_t p = 0; p < PARAMETERS; p++) {
                double coarse = central(expr, theta, p, 1e-3);
                double fine = difference(expr, theta, p);
                if (!same(coarse, fine, 1, 1e-4)) {
                    continue; /* a kink or a jump between the points */
                }
                slopes++;
                if (!isfinite(gradient[p])) {
                    infinite++; /* such as 0^0.3 of a base that is 0 all around */
                } else if (!same(gradient[p], fine, 1 + fabs(expected), 1e-5)) {
                    fail_msg("'%s': slope %zu is %.17g, expected %.17g", text, p,
                             gradient[p], fine);
                }
            }
        }
        ph_linear_free(&form);
        ph_pool_free(pool);
        ph_expr_free(expr);
    }
    if (compared < 2800 || slopes < 11000 || refused > 60 || jumps > 90 ||
        infinite > 10) {
        fail_msg("%d values, %d slopes; %d refused, %d on jumps, %d infinite slopes",
                 compared, slopes, refused, jumps, infinite);
    }
}

/* A coefficient leaves a sum only where that is exact: 49 - a is 0 at a = 49. */
static void test_exact_zeros(void **context)
{
    (void)context;
    for (int n = 1; n < 200; n++) {
        char text[64];
        const double theta[PARAMETERS] = {n};
        ph_pool *pool = positive_pool();
        snprintf(text, sizeof text, "sqrt(%d - a)", n);
        ph_linear form = form_of(pool, text, 3, 2);
        assert_true(form_value(pool, &form, theta, NULL) == 0);
        ph_linear_free(&form);
        ph_pool_free(pool);
    }
}

/* Conditions on parameters: both sides of the boundary, and the boundary itself. */
static void test_conditions(void **context)
{
    (void)context;
    static const char *const texts[] = {
        "if(a < b, 2, 3)",
        "if(a <= b, 2, 3)",
        "if(a > b, 2, 3)",
        "if(a >= b, 2, 3)",
        "if(a == b, 2, 3)",
        "if(a != b, 2, 3)",
        "a < b",
        "a >= b",
        "!(a < b)",
        "!a",
        "!(a - b)",
        "if(a - b, c, N)",
        "a < b && b < c",
        "a < b || b < c",
        "a <= b && b <= c",
        "a >= b || b >= c",
        "!(a < b && c)",
        "a == b || c",
        "a && left",
        "a && left - 3",
        "a || left",
        "a || left - 3",
        "left && a",
        "left - 3 || a",
        "left - 3 && a",
        "(a < b) * 2 + (b < c)",
        "if(a < b && b < c || N == 2, a, left * b)",
        "if(!(a < b) || !(b < c), 0, left * b)",
        "if(a > 0, log(a), 0)",
        "if(a < b, if(b < c, 1, 2), if(a < c, 3, 4))",
    };
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        ph_pool *pool = positive_pool();
        ph_linear form = form_of(pool, texts[t], 3, 2);
        ph_expr *expr = parse(texts[t]);
        for (int point = 0; point < 81; point++) {
            const double theta[PARAMETERS] = {point % 3, point / 3 % 3, point / 9 % 3,
                                              point / 27};
            double expected;
            assert_int_equal(ph_expr_value_at(expr, &env, theta, &expected, NULL),
                             PH_OK);
            double value = form_value(pool, &form, theta, NULL);
            if (!(value == expected)) {
                fail_msg("'%s' = %g at %g %g %g %g, expected %g", texts[t], value,
                         theta[0], theta[1], theta[2], theta[3], expected);
            }
        }
        ph_expr_free(expr);
        ph_linear_free(&form);
        ph_pool_free(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_affine),
        cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_distribution),
        cmocka_unit_test(test_linear_errors),
        cmocka_unit_test(test_random_expressions),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_exact_zeros),
    };
    return ph_check_run(tests);
}
