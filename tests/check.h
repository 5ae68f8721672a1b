/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TESTS_CHECK_H
#define PHASIC_TESTS_CHECK_H

/* cmocka with TAP output and comparisons of doubles by relative error. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static inline int ph_check_close(double actual, double expected, double relative)
{
    if (actual == expected) {
        return 1;
    }
    return fabs(actual - expected) <= relative * fabs(expected);
}

/* |actual - expected| <= relative * |expected|; NaN fails. */
#define assert_close(actual, expected, relative)                                       \
    do {                                                                               \
        double check_a = (actual), check_e = (expected), check_r = (relative);         \
        if (!ph_check_close(check_a, check_e, check_r)) {                              \
            fail_msg("%s = %.17g, expected %.17g within %g, off by %g", #actual,       \
                     check_a, check_e, check_r,                                        \
                     fabs(check_a - check_e) / fabs(check_e));                         \
        }                                                                              \
    } while (0)

/* |actual - expected| <= absolute; NaN fails. */
#define assert_near(actual, expected, absolute)                                        \
    do {                                                                               \
        double check_a = (actual), check_e = (expected), check_d = (absolute);         \
        if (!(fabs(check_a - check_e) <= check_d)) {                                   \
            fail_msg("%s = %.17g, expected %.17g within %g", #actual, check_a,         \
                     check_e, check_d);                                                \
        }                                                                              \
    } while (0)

/* Runs the tests with TAP output; the number of failures is the exit status. */
#define ph_check_run(tests)                                                            \
    (cmocka_set_message_output(CM_OUTPUT_TAP),                                         \
     cmocka_run_group_tests(tests, NULL, NULL))

#endif
