/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pool: sharing and folding, derivatives of every operation against closed forms
 * and against differences, ranges against sampled values, lanes against the plain
 * twins.
 */
#include "check.h"

#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/base/status.h"
#include "phasic/model/pool.h"

static ph_pool *pool_on(size_t parameters, double lower, double upper)
{
    double low[8], high[8];
    ph_pool *pool = NULL;
    for (size_t i = 0; i < parameters; i++) {
        low[i] = lower;
        high[i] = upper;
    }
    assert_int_equal(ph_pool_new(&pool, parameters, low, high), PH_OK);
    return pool;
}

static uint32_t linear2(ph_pool *pool, uint32_t a, double x, uint32_t b, double y)
{
    uint32_t nodes[2] = {a, b}, node = UINT32_MAX;
    double coefficients[2] = {x, y};
    ph_linear form = {.length = 2, .node = nodes, .coefficient = coefficients};
    assert_int_equal(ph_pool_linear(pool, &form, &node), PH_OK);
    return node;
}

static uint32_t linear1(ph_pool *pool, uint32_t a, double x)
{
    uint32_t node = UINT32_MAX;
    ph_linear form = {.length = x != 0, .node = &a, .coefficient = &x};
    assert_int_equal(ph_pool_linear(pool, &form, &node), PH_OK);
    return node;
}

static uint32_t constant(ph_pool *pool, double x)
{
    return linear1(pool, 0, x);
}

static uint32_t unary(ph_pool *pool, ph_op op, uint32_t a)
{
    uint32_t node = UINT32_MAX;
    assert_int_equal(ph_pool_unary(pool, op, a, &node), PH_OK);
    return node;
}

static uint32_t binary(ph_pool *pool, ph_op op, uint32_t a, uint32_t b)
{
    uint32_t node = UINT32_MAX;
    assert_int_equal(ph_pool_binary(pool, op, a, b, &node), PH_OK);
    return node;
}

static uint32_t choose(ph_pool *pool, uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t node = UINT32_MAX;
    assert_int_equal(ph_pool_select(pool, a, b, c, &node), PH_OK);
    return node;
}

static ph_pool_entry entry_of(const ph_pool *pool, uint32_t node)
{
    ph_pool_entry entry;
    ph_pool_get(pool, node, &entry);
    return entry;
}

static void test_structure(void **context)
{
    (void)context;
    ph_pool *pool = pool_on(2, 0, INFINITY);
    assert_int_equal(ph_pool_length(pool), 3);
    assert_int_equal(ph_pool_parameters(pool), 2);
    assert_true(ph_pool_bytes(pool) > 0);
    assert_int_equal(entry_of(pool, 0).op, PH_OP_CONSTANT);
    assert_true(entry_of(pool, 0).value == 1);
    assert_int_equal(entry_of(pool, 2).op, PH_OP_PARAMETER);
    assert_int_equal(entry_of(pool, 2).a, 1);
    uint32_t node = linear2(pool, 1, 2, 2, -3);
    ph_pool_entry entry = entry_of(pool, node);
    assert_int_equal(entry.op, PH_OP_LINEAR);
    assert_int_equal(entry.length, 2);
    assert_true(entry.node[1] == 2 && entry.coefficient[1] == -3);
    assert_string_equal(ph_op_name(PH_OP_SELECT), "select");
    ph_pool_free(pool);
    ph_pool_free(NULL);
    pool = pool_on(0, 0, 0);
    assert_int_equal(ph_pool_length(pool), 1);
    ph_pool_free(pool);
}

static void test_sharing(void **context)
{
    (void)context;
    ph_pool *pool = pool_on(3, 0, INFINITY);
    uint32_t x = 1, y = 2, z = 3;
    assert_int_equal(binary(pool, PH_OP_MUL, x, y), binary(pool, PH_OP_MUL, y, x));
    assert_int_equal(binary(pool, PH_OP_DIV, x, y), binary(pool, PH_OP_DIV, x, y));
    assert_int_not_equal(binary(pool, PH_OP_DIV, x, y), binary(pool, PH_OP_DIV, y, x));
    assert_int_not_equal(binary(pool, PH_OP_MIN, x, y), binary(pool, PH_OP_MAX, x, y));
    assert_int_equal(unary(pool, PH_OP_EXP, x), unary(pool, PH_OP_EXP, x));
    assert_int_not_equal(unary(pool, PH_OP_EXP, x), unary(pool, PH_OP_LOG, x));
    assert_int_equal(linear2(pool, x, 2, y, 3), linear2(pool, x, 2, y, 3));
    assert_int_not_equal(linear2(pool, x, 2, y, 3), linear2(pool, x, 2, z, 3));
    assert_int_not_equal(linear2(pool, x, 2, y, 3), linear2(pool, x, 2, y, 4));
    assert_int_equal(choose(pool, x, y, z), choose(pool, x, y, z));
    assert_int_not_equal(choose(pool, x, y, z), choose(pool, x, z, y));
    assert_int_equal(binary(pool, PH_OP_POW, x, constant(pool, 2)),
                     binary(pool, PH_OP_MUL, x, x));
    assert_int_equal(binary(pool, PH_OP_POW, x, constant(pool, -1)),
                     binary(pool, PH_OP_DIV, 0, x));
    /* Enough nodes to grow every table; all are found again, operands come first. */
    uint32_t first[3000];
    for (int i = 0; i < 3000; i++) {
        first[i] = unary(pool, PH_OP_EXP, linear2(pool, x, i + 2, y, 1));
    }
    size_t length = ph_pool_length(pool);
    for (int i = 0; i < 3000; i++) {
        uint32_t again = linear2(pool, x, i + 2, y, 1);
        assert_int_equal(unary(pool, PH_OP_EXP, again), first[i]);
        assert_true(again < first[i]);
    }
    assert_int_equal(ph_pool_length(pool), length);
    ph_pool_free(pool);
}

static void check_constant(const ph_pool *pool, uint32_t node, double value)
{
    ph_pool_entry entry = entry_of(pool, node);
    assert_int_equal(entry.op, PH_OP_CONSTANT);
    assert_true(entry.value == value);
}

static void test_folding(void **context)
{
    (void)context;
    ph_pool *pool = pool_on(2, 0, INFINITY);
    uint32_t x = 1, six = constant(pool, 6), two = constant(pool, 2);
    check_constant(pool, six, 6);
    assert_int_equal(constant(pool, 1), 0);
    check_constant(pool, constant(pool, 0), 0);
    assert_int_equal(linear1(pool, x, 1), x);
    check_constant(pool, binary(pool, PH_OP_DIV, six, two), 3);
    check_constant(pool, binary(pool, PH_OP_POW, six, two), 36);
    check_constant(pool, binary(pool, PH_OP_MIN, six, two), 2);
    check_constant(pool, unary(pool, PH_OP_SQRT, constant(pool, 9)), 3);
    check_constant(pool, unary(pool, PH_OP_ABS, constant(pool, -9)), 9);
    assert_int_equal(binary(pool, PH_OP_MUL, x, 0), x);
    assert_int_equal(binary(pool, PH_OP_DIV, x, 0), x);
    assert_int_equal(binary(pool, PH_OP_POW, x, 0), x);
    assert_int_equal(binary(pool, PH_OP_POW, x, constant(pool, 0)), 0);
    assert_int_equal(binary(pool, PH_OP_MAX, x, x), x);
    assert_int_equal(unary(pool, PH_OP_ABS, x), x);
    assert_int_equal(choose(pool, six, x, 2), x);
    assert_int_equal(choose(pool, constant(pool, 0), x, 2), 2);
    assert_int_equal(choose(pool, 2, x, x), x);
    /* Not finite: it stays an operation, and its value says so. */
    uint32_t bad = unary(pool, PH_OP_LOG, constant(pool, -1));
    assert_int_equal(entry_of(pool, bad).op, PH_OP_LOG);
    double theta[2] = {1, 1}, *u = calloc(ph_pool_length(pool), sizeof *u);
    assert_non_null(u);
    ph_pool_eval_plain(pool, theta, u);
    assert_true(isnan(u[bad]));
    free(u);
    ph_pool_free(pool);
}

static void test_refusals(void **context)
{
    (void)context;
    ph_pool *pool = pool_on(2, 0, INFINITY);
    uint32_t node = 77, nodes[2] = {2, 1};
    double coefficients[2] = {1, 1}, bad[2] = {INFINITY, 1};
    ph_linear form = {.length = 2, .node = nodes, .coefficient = coefficients};
    assert_int_equal(ph_pool_linear(pool, &form, &node), PH_E_INTERNAL);
    nodes[1] = 9;
    assert_int_equal(ph_pool_linear(pool, &form, &node), PH_E_INTERNAL);
    nodes[0] = 1;
    nodes[1] = 2;
    form.coefficient = bad;
    assert_int_equal(ph_pool_linear(pool, &form, &node), PH_E_NUMERIC);
    assert_int_equal(ph_pool_unary(pool, PH_OP_EXP, 3, &node), PH_E_INTERNAL);
    assert_int_equal(ph_pool_unary(pool, PH_OP_MUL, 1, &node), PH_E_INTERNAL);
    assert_int_equal(ph_pool_binary(pool, PH_OP_EXP, 1, 1, &node), PH_E_INTERNAL);
    assert_int_equal(ph_pool_binary(pool, PH_OP_MUL, 1, 3, &node), PH_E_INTERNAL);
    assert_int_equal(ph_pool_select(pool, 1, 2, 3, &node), PH_E_INTERNAL);
    assert_int_equal(node, 77);
    ph_pool_free(pool);
}

/* ---- derivatives ---- */

/* Value of `node`, and its gradient in two parameters, by the plain twins. */
static double plain_gradient(const ph_pool *pool, uint32_t node, const double *theta,
                             double *gradient)
{
    size_t length = ph_pool_length(pool);
    double *u = calloc(length, sizeof *u), *u_bar = calloc(length, sizeof *u_bar);
    assert_true(u && u_bar);
    ph_pool_eval_plain(pool, theta, u);
    double value = u[node];
    u_bar[node] = 1;
    gradient[0] = gradient[1] = 0;
    ph_pool_adjoint_plain(pool, u, u_bar, gradient);
    free(u);
    free(u_bar);
    return value;
}

/* The operations under test, on x and y. */
enum {
    PRODUCT,
    SQUARE,
    QUOTIENT,
    POWER,
    CUBE,
    ROOT_POWER,
    EXPONENT,
    SELF_POWER,
    LEAST,
    MOST,
    ABSOLUTE,
    EXPONENTIAL,
    LOGARITHM,
    ROOT,
    SELECTION,
    FORM,
    COMPOUND,
    CASES
};

static uint32_t build(ph_pool *pool, int which)
{
    uint32_t x = 1, y = 2;
    switch (which) {
    case PRODUCT: return binary(pool, PH_OP_MUL, x, y);
    case SQUARE: return binary(pool, PH_OP_MUL, x, x);
    case QUOTIENT: return binary(pool, PH_OP_DIV, x, y);
    case POWER: return binary(pool, PH_OP_POW, x, y);
    case CUBE: return binary(pool, PH_OP_POW, x, constant(pool, 3));
    case ROOT_POWER: return binary(pool, PH_OP_POW, x, constant(pool, -0.5));
    case EXPONENT: return binary(pool, PH_OP_POW, constant(pool, 1.7), y);
    case SELF_POWER: return binary(pool, PH_OP_POW, x, x);
    case LEAST: return binary(pool, PH_OP_MIN, x, y);
    case MOST: return binary(pool, PH_OP_MAX, x, y);
    case ABSOLUTE: return unary(pool, PH_OP_ABS, linear2(pool, x, 1, y, -1));
    case EXPONENTIAL: return unary(pool, PH_OP_EXP, x);
    case LOGARITHM: return unary(pool, PH_OP_LOG, x);
    case ROOT: return unary(pool, PH_OP_SQRT, x);
    case SELECTION:
        return choose(pool, linear2(pool, x, 1, y, -1), unary(pool, PH_OP_EXP, x),
                      unary(pool, PH_OP_LOG, y));
    case FORM: return linear2(pool, x, 3, y, -0.25);
    default: /* exp(-2 x / y) * sqrt(x + 3 y) */
        return binary(
            pool, PH_OP_MUL,
            unary(pool, PH_OP_EXP, linear1(pool, binary(pool, PH_OP_DIV, x, y), -2)),
            unary(pool, PH_OP_SQRT, linear2(pool, x, 1, y, 3)));
    }
}

/* Value, d/dx, d/dy in closed form. */
static void closed_form(int which, double x, double y, double r[3])
{
    double e = exp(-2 * x / y), s = sqrt(x + 3 * y);
    double all[CASES][3] = {
        [PRODUCT] = {x * y, y, x},
        [SQUARE] = {x * x, 2 * x, 0},
        [QUOTIENT] = {x / y, 1 / y, -x / (y * y)},
        [POWER] = {pow(x, y), y * pow(x, y - 1), pow(x, y) * log(x)},
        [CUBE] = {x * x * x, 3 * x * x, 0},
        [ROOT_POWER] = {1 / sqrt(x), -0.5 / (x * sqrt(x)), 0},
        [EXPONENT] = {pow(1.7, y), 0, pow(1.7, y) * log(1.7)},
        [SELF_POWER] = {pow(x, x), pow(x, x) * (1 + log(x)), 0},
        [LEAST] = {x < y ? x : y, x < y, x >= y},
        [MOST] = {x > y ? x : y, x > y, x <= y},
        [ABSOLUTE] = {fabs(x - y), x > y ? 1 : -1, x > y ? -1 : 1},
        [EXPONENTIAL] = {exp(x), exp(x), 0},
        [LOGARITHM] = {log(x), 1 / x, 0},
        [ROOT] = {sqrt(x), 0.5 / sqrt(x), 0},
        [SELECTION] = {x > y ? exp(x) : log(y), x > y ? exp(x) : 0, x > y ? 0 : 1 / y},
        [FORM] = {3 * x - y / 4, 3, -0.25},
        [COMPOUND] = {e * s, e * (0.5 / s - 2 / y * s),
                      e * (1.5 / s + 2 * x / (y * y) * s)},
    };
    memcpy(r, all[which], 3 * sizeof *r);
}

static double central(const ph_pool *pool, uint32_t node, const double *theta, int p,
                      double h)
{
    double up[2] = {theta[0], theta[1]}, down[2] = {theta[0], theta[1]}, ignored[2];
    up[p] += h;
    down[p] -= h;
    return (plain_gradient(pool, node, up, ignored) -
            plain_gradient(pool, node, down, ignored)) /
           (2 * h);
}

static void test_derivatives(void **context)
{
    (void)context;
    ph_pool *pool = pool_on(2, 0, INFINITY);
    uint32_t nodes[CASES];
    for (int which = 0; which < CASES; which++) {
        nodes[which] = build(pool, which);
    }
    ph_rng rng;
    ph_rng_init(&rng, 3, PH_RNG_TEST, 0, 0);
    for (int point = 0; point < 50; point++) {
        double theta[2] = {0.1 + 3 * ph_rng_uniform(&rng),
                           0.1 + 3 * ph_rng_uniform(&rng)};
        for (int which = 0; which < CASES; which++) {
            double expected[3], gradient[2];
            closed_form(which, theta[0], theta[1], expected);
            double value = plain_gradient(pool, nodes[which], theta, gradient);
            double scale = fabs(value) / fmin(theta[0], theta[1]) + 1;
            assert_near(value, expected[0], 1e-14 * (1 + fabs(expected[0])));
            for (int p = 0; p < 2; p++) {
                assert_near(gradient[p], expected[p + 1], 1e-14 * scale);
                double coarse = central(pool, nodes[which], theta, p, 2e-3);
                double fine = central(pool, nodes[which], theta, p, 1e-3);
                double both = (4 * fine - coarse) / 3;
                if (fabs(theta[0] - theta[1]) > 3e-3) { /* no kink in between */
                    assert_near(gradient[p], both, 1e-6 * scale / fmin(theta[0], 1));
                }
            }
        }
    }
    ph_pool_free(pool);
}

static void test_special_points(void **context)
{
    (void)context;
    ph_pool *pool = pool_on(2, -INFINITY, INFINITY);
    double gradient[2];
    const double zero_two[2] = {0, 2}, negative[2] = {-2, 0}, ties[2] = {3, 3};
    uint32_t x = 1, y = 2, cube = build(pool, CUBE), power = build(pool, POWER);
    uint32_t least = build(pool, LEAST), most = build(pool, MOST);
    uint32_t masked = choose(pool, x, unary(pool, PH_OP_LOG, x), constant(pool, 0));
    uint32_t root = choose(pool, x, unary(pool, PH_OP_SQRT, x), y);

    assert_true(plain_gradient(pool, cube, zero_two, gradient) == 0 &&
                gradient[0] == 0);
    assert_true(plain_gradient(pool, cube, negative, gradient) == -8);
    assert_true(gradient[0] == 12);
    /* 0^y is 0 for all y near 2 */
    assert_true(plain_gradient(pool, power, zero_two, gradient) == 0);
    assert_true(gradient[0] == 0 && gradient[1] == 0);
    plain_gradient(pool, least, ties, gradient);
    assert_true(gradient[0] == 1 && gradient[1] == 0);
    plain_gradient(pool, most, ties, gradient);
    assert_true(gradient[0] == 1 && gradient[1] == 0);
    plain_gradient(pool, build(pool, ABSOLUTE), ties, gradient);
    assert_true(gradient[0] == 0 && gradient[1] == 0);
    /* The branch not taken has no value and no finite slope, and none of it leaks. */
    assert_true(plain_gradient(pool, masked, zero_two, gradient) == 0);
    assert_true(gradient[0] == 0 && gradient[1] == 0);
    assert_true(plain_gradient(pool, masked, negative, gradient) == 0);
    assert_true(gradient[0] == 0 && gradient[1] == 0);
    assert_true(plain_gradient(pool, root, zero_two, gradient) == 2);
    assert_true(gradient[0] == 0 && gradient[1] == 1);
    /* NaN is passed on by comparisons, too. */
    uint32_t nan = unary(pool, PH_OP_LOG, x);
    assert_true(isnan(plain_gradient(pool, nan, negative, gradient)));
    assert_true(isnan(
        plain_gradient(pool, binary(pool, PH_OP_MIN, nan, y), negative, gradient)));
    assert_true(isnan(
        plain_gradient(pool, binary(pool, PH_OP_MAX, y, nan), negative, gradient)));
    assert_true(
        isnan(plain_gradient(pool, choose(pool, nan, x, y), negative, gradient)));
    ph_pool_free(pool);
}

/* ---- ranges ---- */

static void check_range(const ph_pool *pool, uint32_t node, double lower, double upper)
{
    double low = NAN, high = NAN;
    ph_pool_range(pool, node, &low, &high);
    assert_close(low, lower, 1e-14);
    assert_close(high, upper, 1e-14);
}

static void test_range_table(void **context)
{
    (void)context;
    const double inf = INFINITY;
    /* p positive, q in [2, 3], r real, s in [-2, 1], t in (0, 1) */
    const double lower[] = {0, 2, -INFINITY, -2, 0};
    const double upper[] = {INFINITY, 3, INFINITY, 1, 1};
    ph_pool *pool = NULL;
    assert_int_equal(ph_pool_new(&pool, 5, lower, upper), PH_OK);
    uint32_t p = 1, q = 2, r = 3, s = 4, t = 5;
    check_range(pool, 0, 1, 1);
    check_range(pool, p, 0, inf);
    check_range(pool, linear2(pool, p, 2, q, 1), 2, inf);
    check_range(pool, linear2(pool, q, -1, s, 2), -7, 0);
    check_range(pool, linear2(pool, 0, 1, t, -1), 0, 1);
    check_range(pool, linear2(pool, p, 1, r, 1), -inf, inf);
    check_range(pool, binary(pool, PH_OP_MUL, p, q), 0, inf);
    check_range(pool, binary(pool, PH_OP_MUL, q, s), -6, 3);
    check_range(pool, binary(pool, PH_OP_MUL, p, constant(pool, 0)), 0, 0);
    check_range(pool, binary(pool, PH_OP_MUL, r, r), 0, inf);
    check_range(pool, binary(pool, PH_OP_MUL, s, s), 0, 4);
    check_range(pool, binary(pool, PH_OP_DIV, q, p), 0, inf);
    check_range(pool, binary(pool, PH_OP_DIV, 0, q), 1.0 / 3, 0.5);
    check_range(pool, binary(pool, PH_OP_DIV, q, s), -inf, inf);
    check_range(pool, binary(pool, PH_OP_DIV, s, p), -inf, inf);
    check_range(pool, binary(pool, PH_OP_DIV, p, p), 0, inf);
    check_range(pool, binary(pool, PH_OP_DIV, q, t), 2, inf);
    uint32_t minus = linear1(pool, p, -1);
    check_range(pool, binary(pool, PH_OP_DIV, q, minus), -inf, inf); /* 1 / 0 = inf */
    check_range(pool, binary(pool, PH_OP_DIV, s, linear1(pool, q, -1)), -0.5, 1);
    check_range(pool, binary(pool, PH_OP_POW, s, constant(pool, 4)), 0, 16);
    check_range(pool, binary(pool, PH_OP_POW, s, constant(pool, 3)), -8, 1);
    check_range(pool, binary(pool, PH_OP_POW, s, constant(pool, -2)), 0.25, inf);
    check_range(pool, binary(pool, PH_OP_POW, s, constant(pool, -3)), -inf, inf);
    check_range(pool, binary(pool, PH_OP_POW, q, constant(pool, -2)), 1.0 / 9, 0.25);
    check_range(pool, binary(pool, PH_OP_POW, s, constant(pool, 0.5)), 0, 1);
    check_range(pool, binary(pool, PH_OP_POW, q, s), 1.0 / 9, 3);
    check_range(pool, binary(pool, PH_OP_POW, p, t), 0, inf);
    check_range(pool, binary(pool, PH_OP_POW, t, p), 0, 1);
    check_range(pool, binary(pool, PH_OP_POW, s, q), -inf, inf);
    check_range(pool, binary(pool, PH_OP_MIN, q, s), -2, 1);
    check_range(pool, binary(pool, PH_OP_MAX, q, r), 2, inf);
    check_range(pool, unary(pool, PH_OP_ABS, s), 0, 2);
    check_range(pool, unary(pool, PH_OP_ABS, linear1(pool, q, -1)), 2, 3);
    check_range(pool, unary(pool, PH_OP_EXP, minus), 0, 1);
    check_range(pool, unary(pool, PH_OP_EXP, r), 0, inf);
    check_range(pool, unary(pool, PH_OP_LOG, t), -inf, 0);
    check_range(pool, unary(pool, PH_OP_LOG, q), 0.69314718055994531,
                1.0986122886681098);
    check_range(pool, unary(pool, PH_OP_SQRT, s), 0, 1);
    check_range(pool, choose(pool, r, q, s), -2, 3);
    /* 1 - exp(-p) is a probability. */
    check_range(pool, linear2(pool, 0, 1, unary(pool, PH_OP_EXP, minus), -1), 0, 1);
    uint32_t nodes[2] = {1, 2};
    double coefficients[2] = {1, -1}, low, high;
    ph_linear form = {.length = 2, .node = nodes, .coefficient = coefficients};
    ph_linear_range(&form, pool, &low, &high);
    assert_true(low == -3 && high == inf);
    form.length = 0;
    ph_linear_range(&form, pool, &low, &high);
    assert_true(low == 0 && high == 0);
    ph_pool_free(pool);
}

/* ---- random pools ---- */

#define PARAMETERS 5

static const double box_lower[PARAMETERS] = {0, -INFINITY, 0, -2, 0.5};
static const double box_upper[PARAMETERS] = {INFINITY, INFINITY, 1, 3, 0.75};

/* A point of the box; now and then on its border. */
static double box_point(ph_rng *rng, int p)
{
    double x = ph_rng_uniform(rng);
    uint32_t border = ph_rng_word(rng) % 8;
    if (border == 0 && isfinite(box_lower[p])) {
        return box_lower[p];
    }
    if (border == 1 && isfinite(box_upper[p])) {
        return box_upper[p];
    }
    switch (p) {
    case 0: return x / (1 - x);
    case 1: return border == 2 ? 0 : tan(3.14 * (x - 0.5));
    default: return box_lower[p] + x * (box_upper[p] - box_lower[p]);
    }
}

static uint32_t any_node(const ph_pool *pool, ph_rng *rng)
{
    return ph_rng_word(rng) % (uint32_t)ph_pool_length(pool);
}

static void add_linear(ph_pool *pool, ph_rng *rng)
{
    static const double values[] = {1, -1, 2, 0.1, -3.7, 1e3, 1e-3, 0.3};
    uint32_t nodes[3], node, length = 0;
    double coefficients[3];
    uint32_t at = 0;
    while (length < 3 && at < ph_pool_length(pool)) {
        nodes[length] = at;
        coefficients[length++] = values[ph_rng_word(rng) % 8];
        at += 1 + ph_rng_word(rng) % 8;
    }
    ph_linear form = {.length = length, .node = nodes, .coefficient = coefficients};
    assert_int_equal(ph_pool_linear(pool, &form, &node), PH_OK);
}

static void add_random(ph_pool *pool, ph_rng *rng)
{
    static const double exponents[] = {2, 3, -1, -2, 0.5, -3, 1.5, 4};
    uint32_t a = any_node(pool, rng), b = any_node(pool, rng), c = any_node(pool, rng);
    switch (ph_rng_word(rng) % 12) {
    case 0: binary(pool, PH_OP_MUL, a, b); break;
    case 1: binary(pool, PH_OP_DIV, a, b); break;
    case 2: binary(pool, PH_OP_POW, a, b); break;
    case 3:
        binary(pool, PH_OP_POW, a, constant(pool, exponents[ph_rng_word(rng) % 8]));
        break;
    case 4: binary(pool, PH_OP_MIN, a, b); break;
    case 5: binary(pool, PH_OP_MAX, a, b); break;
    case 6: unary(pool, PH_OP_ABS, a); break;
    case 7: unary(pool, PH_OP_EXP, a); break;
    case 8: unary(pool, PH_OP_LOG, a); break;
    case 9: unary(pool, PH_OP_SQRT, a); break;
    case 10: choose(pool, a, b, c); break;
    default: add_linear(pool, rng);
    }
}

static ph_pool *random_pool(ph_rng *rng)
{
    ph_pool *pool = NULL;
    assert_int_equal(ph_pool_new(&pool, PARAMETERS, box_lower, box_upper), PH_OK);
    for (int i = 0; i < 40; i++) {
        add_random(pool, rng);
    }
    return pool;
}

static void test_range_sampling(void **context)
{
    (void)context;
    ph_rng rng;
    ph_rng_init(&rng, 17, PH_RNG_TEST, 1, 0);
    size_t values = 0, tight = 0;
    for (int round = 0; round < 600; round++) {
        ph_pool *pool = random_pool(&rng);
        size_t length = ph_pool_length(pool);
        double theta[PARAMETERS], *u = calloc(length, sizeof *u);
        assert_non_null(u);
        for (int point = 0; point < 60; point++) {
            for (int p = 0; p < PARAMETERS; p++) {
                theta[p] = box_point(&rng, p);
            }
            ph_pool_eval_plain(pool, theta, u);
            for (uint32_t k = 0; k < length; k++) {
                double lower, upper;
                ph_pool_range(pool, k, &lower, &upper);
                assert_true(lower <= upper);
                if (isnan(u[k])) {
                    continue;
                }
                values++;
                tight += isfinite(lower) || isfinite(upper);
                if (!(u[k] >= lower && u[k] <= upper)) {
                    ph_pool_entry e = entry_of(pool, k);
                    fail_msg("%s of nodes %u %u: %.17g outside [%.17g, %.17g]",
                             ph_op_name(e.op), e.a, e.b, u[k], lower, upper);
                }
            }
        }
        free(u);
        ph_pool_free(pool);
    }
    assert_true(values > 500000 && tight > values / 4);
}

static int same_bits(double x, double y)
{
    return memcmp(&x, &y, sizeof x) == 0 || (isnan(x) && isnan(y));
}

/* One lane of a block against the plain twins. */
static void check_lane(const ph_pool *pool, size_t lane, const double *theta,
                       const double *u, const double *seed, const double *u_bar,
                       const double *theta_bar)
{
    size_t length = ph_pool_length(pool);
    double one[PARAMETERS], one_bar[PARAMETERS];
    double *v = calloc(length, sizeof *v), *v_bar = calloc(length, sizeof *v_bar);
    assert_true(v && v_bar);
    for (size_t p = 0; p < PARAMETERS; p++) {
        one[p] = theta[p * PH_LANES + lane];
        one_bar[p] = 0.5;
    }
    for (size_t k = 0; k < length; k++) {
        v_bar[k] = seed[k * PH_LANES + lane];
    }
    ph_pool_eval_plain(pool, one, v);
    ph_pool_adjoint_plain(pool, v, v_bar, one_bar);
    for (size_t k = 0; k < length; k++) {
        assert_true(same_bits(v[k], u[k * PH_LANES + lane]));
        assert_true(same_bits(v_bar[k], u_bar[k * PH_LANES + lane]));
    }
    for (size_t p = 0; p < PARAMETERS; p++) {
        assert_true(same_bits(one_bar[p], theta_bar[p * PH_LANES + lane]));
    }
    free(v);
    free(v_bar);
}

static void test_lanes(void **context)
{
    (void)context;
    ph_rng rng;
    ph_rng_init(&rng, 23, PH_RNG_TEST, 2, 0);
    for (int round = 0; round < 200; round++) {
        ph_pool *pool = random_pool(&rng);
        size_t size = ph_pool_length(pool) * PH_LANES;
        double *theta = ph_alloc_aligned(PARAMETERS * PH_LANES, sizeof *theta);
        double *theta_bar = ph_alloc_aligned(PARAMETERS * PH_LANES, sizeof *theta_bar);
        double *u = ph_alloc_aligned(size, sizeof *u);
        double *u_bar = ph_alloc_aligned(size, sizeof *u_bar);
        double *seed = ph_alloc_aligned(size, sizeof *seed);
        assert_true(theta && theta_bar && u && u_bar && seed);
        for (size_t i = 0; i < PARAMETERS * PH_LANES; i++) {
            theta[i] = box_point(&rng, (int)(i / PH_LANES));
            theta_bar[i] = 0.5; /* the adjoint adds */
        }
        for (size_t i = 0; i < size; i++) {
            seed[i] = ph_rng_word(&rng) % 3 ? 0 : ph_rng_uniform(&rng) - 0.5;
        }
        memcpy(u_bar, seed, size * sizeof *seed);
        ph_pool_eval(pool, theta, u);
        ph_pool_adjoint(pool, u, u_bar, theta_bar);
        for (size_t lane = 0; lane < PH_LANES; lane++) {
            check_lane(pool, lane, theta, u, seed, u_bar, theta_bar);
        }
        ph_free_aligned(theta);
        ph_free_aligned(theta_bar);
        ph_free_aligned(u);
        ph_free_aligned(u_bar);
        ph_free_aligned(seed);
        ph_pool_free(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure),   cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_folding),     cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_derivatives), cmocka_unit_test(test_special_points),
        cmocka_unit_test(test_range_table), cmocka_unit_test(test_range_sampling),
        cmocka_unit_test(test_lanes),
    };
    return ph_check_run(tests);
}
