/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numeric derivatives of known functions, and the verdict on wrong gradients. */
#include "check.h"

#include "../../src/cli/ridders.c"

static int sine(void *context, double x, double *value)
{
    ++*(int *)context;
    *value = sin(x);
    return PH_OK;
}

static int logarithm(void *context, double x, double *value)
{
    ++*(int *)context;
    *value = 1000 * log(x) - 700 * x;
    return PH_OK;
}

static int sixth_power(void *context, double x, double *value)
{
    ++*(int *)context;
    *value = x * x * x * x * x * x;
    return PH_OK;
}

static int broken(void *context, double x, double *value)
{
    ++*(int *)context;
    *value = sqrt(x - 1);
    return x < 0 ? PH_E_DATA : PH_OK;
}

static void check_derivative(int (*f)(void *, double, double *), double x, double h,
                             double expected, double relative)
{
    int calls = 0;
    double derivative, error;
    assert_int_equal(ph_ridders(f, &calls, x, h, &derivative, &error), PH_OK);
    assert_close(derivative, expected, relative);
    assert_true(calls <= 2 * ROWS);
    assert_true(error < 1e-6 * fabs(expected));
}

static void test_known(void **state)
{
    (void)state;
    check_derivative(sine, 1, 0.05, cos(1), 1e-11);
    check_derivative(sine, 1e-3, 5e-5, cos(1e-3), 1e-10);
    check_derivative(logarithm, 0.5, 0.025, 1300, 1e-11);
    check_derivative(sixth_power, 3, 0.15, 1458, 1e-11);
}

/* The true error stays within ten times the method's own estimate. */
static void test_estimate(void **state)
{
    (void)state;
    for (double x = 0.1; x < 3; x += 0.1) {
        int calls = 0;
        double derivative, error;
        assert_int_equal(ph_ridders(sine, &calls, x, 0.05 * x, &derivative, &error),
                         PH_OK);
        assert_near(derivative, cos(x), 10 * error);
    }
}

static void test_failures(void **state)
{
    (void)state;
    int calls = 0;
    double derivative = 7, error = 7;
    assert_int_equal(ph_ridders(broken, &calls, 1, 0.1, &derivative, &error),
                     PH_E_NUMERIC);
    assert_int_equal(ph_ridders(broken, &calls, -5, 0.1, &derivative, &error),
                     PH_E_DATA);
    assert_true(derivative == 7 && error == 7);
}

static void test_verdict(void **state)
{
    (void)state;
    double value = -35, weight = 20, x = 1.8, tolerance = 1e-6;
    assert_true(ph_gradient_error(4, 4, value, weight, x) == 0);
    assert_true(ph_gradient_error(4, -4, value, weight, x) > 1);
    assert_true(ph_gradient_error(4, 4 * (1 + 1e-5), value, weight, x) > tolerance);
    assert_true(ph_gradient_error(4, 4 * (1 + 1e-7), value, weight, x) < tolerance);
    assert_true(ph_gradient_error(4, NAN, value, weight, x) != 0);
    /* Near a mode: rounding of the value, 1e-14 of it, is no error of the gradient. */
    assert_true(ph_gradient_error(0, 1e-12, value, weight, x) < tolerance);
    assert_true(ph_gradient_error(0, 1e-8, value, weight, x) > tolerance);
    assert_true(ph_gradient_error(1, 2, 0, 1, 0) > 0.4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known), cmocka_unit_test(test_estimate),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_verdict)};
    return ph_check_run(tests);
}
