/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The comparisons of tests/unit/test_wide.c over 10^4 to 10^7 steps. */
#include "wide_compare.h"

static void stiff_to_ten_million(void **state)
{
    (void)state;
    process it = wide_process_two_states();
    wide_chain chain = wide_two_states();
    for (double fast = 1e6; fast <= 1e7; fast *= 10) {
        const double theta[] = {fast, 0.3}, t[] = {1e-7, 1e-3, 0.1, 1};
        wide_compare(&it, &chain, theta, 4, t);
    }
    free(chain.edge);
    process_free(&it);
}

/* Slow parameters in all three places. */
static void long_ring(void **state)
{
    (void)state;
    const double drift[][3] = {{400, 20, 3}, {30, 1000, 0.5}, {300, 300, 3000}};
    const double t[] = {1e-3, 0.1, 1, 10, 100};
    process it = wide_process_ring(9);
    wide_chain chain = wide_ring(9);
    for (int k = 0; k < 3; k++) {
        wide_compare(&it, &chain, drift[k], 5, t);
    }
    free(chain.edge);
    process_free(&it);
}

static void rabbits_to_ten_thousand(void **state)
{
    (void)state;
    const double theta[][3] = {{1, 2, 4}, {20, 0.2, 0.01}};
    process it = process_shipped("rabbits", "n", 15);
    wide_chain chain = wide_rabbits(15);
    for (int k = 0; k < 2; k++) {
        double rate = wide_largest(&chain, theta[k]), t[5];
        for (int i = 0; i < 5; i++) {
            t[i] = pow(10, i) / rate;
        }
        wide_compare(&it, &chain, theta[k], 5, t);
    }
    free(chain.edge);
    process_free(&it);
}

static void slow_states_to_ten_million(void **state)
{
    (void)state;
    wide_compare_ring_beside(20);
    wide_compare_ring_beside(76);
    wide_compare_two_steps(1e7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stiff_to_ten_million),
        cmocka_unit_test(long_ring),
        cmocka_unit_test(rabbits_to_ten_thousand),
        cmocka_unit_test(slow_states_to_ten_million),
    };
    return ph_check_run(tests);
}
