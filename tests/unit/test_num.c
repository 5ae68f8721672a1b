/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"

#include "phasic/num/logsum.h"
#include "phasic/num/poisson.h"

/* Straight from the definition in long double, where its cancellation does no harm. */
static void poisson_is_its_definition(void **state)
{
    (void)state;
    const double xs[] = {1e-300, 1e-12, 0.01, 0.7, 1, 3.25, 10, 47.5, 333, 2000};
    for (size_t i = 0; i < sizeof xs / sizeof *xs; i++) {
        for (int k = 0; k <= 3000; k += k < 40 ? 1 : 97) {
            long double exact =
                (long double)k * logl(xs[i]) - xs[i] - lgammal(k + 1.0L);
            /* a few roundings of the terms that are added */
            double terms = 1 + fabs(k - xs[i]) + (k ? k * fabs(log(k / xs[i])) : 0);
            assert_near(ph_poisson_log(k, xs[i]), (double)exact, 6e-16 * terms);
        }
    }
}

/* pi_{k+1} / pi_k = x / (k + 1), also where the definition cancels completely. */
static void poisson_ratios_at_large_means(void **state)
{
    (void)state;
    const double xs[] = {1e4, 1e6, 1e7, 1e9};
    for (size_t i = 0; i < 4; i++) {
        double width = 5 * sqrt(xs[i]);
        for (double k = floor(xs[i] - width); k < xs[i] + width;
             k += floor(width / 7)) {
            double step = ph_poisson_log(k + 1, xs[i]) - ph_poisson_log(k, xs[i]);
            assert_near(step, log(xs[i] / (k + 1)), 3e-14);
        }
        /* at the mode: -log(sqrt(2 pi x)) - 1/(12 x) + O(x^-3) */
        assert_near(ph_poisson_log(xs[i], xs[i]),
                    -0.5 * log(2 * M_PI * xs[i]) - 1 / (12 * xs[i]), 1e-14);
    }
}

static void poisson_upper_tail_is_a_bound(void **state)
{
    (void)state;
    const double x = 37.5;
    long double above = 0;
    for (int k = 400; k >= 38; k--) {
        above += expl(ph_poisson_log(k, x));
        double bound = ph_poisson_log_upper_tail(k, x);
        assert_true(bound >= (double)logl(above) - 1e-12);
        if (k > 80) { /* and sharp far out */
            assert_true(bound <= (double)logl(above) + 0.2);
        }
    }
}

static void logsum_of_infinities(void **state)
{
    (void)state;
    assert_true(ph_logsum(-INFINITY, -INFINITY) == -INFINITY);
    assert_true(ph_logsum(-INFINITY, 2) == 2);
    assert_close(ph_logsum(-1000, -1000), -1000 + log(2), 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(poisson_is_its_definition),
        cmocka_unit_test(poisson_ratios_at_large_means),
        cmocka_unit_test(poisson_upper_tail_is_a_bound),
        cmocka_unit_test(logsum_of_infinities),
    };
    return ph_check_run(tests);
}
