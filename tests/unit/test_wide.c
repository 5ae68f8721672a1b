/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Densities, survival and distribution functions and their gradients against
 * uniformization in quadruple precision; tests/slow/test_wide_long.c goes further.
 */
#include "wide_compare.h"

/* The reference against a closed form: Erlang(3, r), f = r^3 t^2 e^-rt / 2. */
static void the_reference_is_right(void **state)
{
    (void)state;
    const double rate = 2.5, t[] = {1e-300, 1e-3, 1, 40, 3000};
    wide_chain chain = {.n = 3, .p = 1};
    wide_result exact[5];
    for (int i = 0; i < 3; i++) {
        wide_chain_add(&chain, i, i + 1, 0, 1);
    }
    wide_eval(&chain, &rate, 1.25, 5, t, exact);
    for (int i = 0; i < 5; i++) {
        double x = rate * t[i];
        assert_close(exact[i].log[WIDE_PDF], log(rate) + 2 * log(x) - x - M_LN2, 1e-14);
        assert_near(exact[i].slope[WIDE_PDF][0], 3 / rate - t[i],
                    1e-14 * (3 / rate + t[i]));
        assert_near(exact[i].log[WIDE_SURVIVAL], log1p(x + x * x / 2) - x,
                    1e-14 * (1 + x));
        assert_near(exact[i].slope[WIDE_CDF][0] * exp(exact[i].log[WIDE_CDF]),
                    -exact[i].slope[WIDE_SURVIVAL][0] *
                        exp(exact[i].log[WIDE_SURVIVAL]),
                    1e-14 * t[i]);
    }
    free(chain.edge);
}

/* From 1e-300 on. */
static void times_near_zero(void **state)
{
    (void)state;
    const double t[] = {1e-300, 1e-200, 1e-100, 1e-30, 1e-12, 1e-8, 1e-5, 1e-3, 0.03};
    const double theta[] = {0.7, 1.5, 0.3};
    process rabbits = process_shipped("rabbits", "n", 4), ring = wide_process_ring(7);
    wide_chain warren = wide_rabbits(4), round = wide_ring(7);
    wide_compare(&rabbits, &warren, theta, 9, t);
    wide_compare(&ring, &round, theta, 9, t);
    free(warren.edge);
    free(round.edge);
    process_free(&rabbits);
    process_free(&ring);
}

/* To f = e^-700 and e^-10000. */
static void far_right_tail(void **state)
{
    (void)state;
    const double t[] = {30, 100, 300, 700, 1500, 3000, 6000};
    const double theta[] = {0.9, 1.4, 2.1};
    process it = process_shipped("rabbits", "n", 2);
    wide_chain chain = wide_rabbits(2);
    wide_compare(&it, &chain, theta, 7, t);
    free(chain.edge);
    process_free(&it);
}

/* A complex spectrum: the density of a ring with drift goes up and down. */
static void ring_with_drift(void **state)
{
    (void)state;
    const double drift[][3] = {{10, 0.1, 1}, {3, 1, 20}, {1, 0.001, 0.05}};
    double t[40];
    process it = wide_process_ring(12);
    wide_chain chain = wide_ring(12);
    for (int i = 0; i < 40; i++) {
        t[i] = 0.01 * pow(1e4, i / 39.0);
    }
    for (int k = 0; k < 3; k++) {
        wide_compare(&it, &chain, drift[k], 40, t);
    }
    free(chain.edge);
    process_free(&it);
}

/* A matrix far from normal. */
static void rabbits_of_all_lengths(void **state)
{
    (void)state;
    const double theta[][3] = {{1, 2, 4}, {5, 0.2, 0.01}};
    process it = process_shipped("rabbits", "n", 8);
    wide_chain chain = wide_rabbits(8);
    for (int k = 0; k < 2; k++) {
        double t[8], rate = wide_largest(&chain, theta[k]);
        for (int i = 0; i < 8; i++) {
            t[i] = pow(10, i * 3 / 7.0) / rate; /* Lambda t = 1 .. 1000 */
        }
        wide_compare(&it, &chain, theta[k], 8, t);
    }
    free(chain.edge);
    process_free(&it);
}

static void stiff_to_a_hundred_thousand(void **state)
{
    (void)state;
    const double t[] = {1e-6, 1e-3, 0.1, 1, 3};
    process it = wide_process_two_states();
    wide_chain chain = wide_two_states();
    for (double fast = 10; fast <= 1e5; fast *= 10) {
        const double theta[] = {fast, 0.3};
        wide_compare(&it, &chain, theta, 5, t);
    }
    free(chain.edge);
    process_free(&it);
}

/* None drifts by its own rounding: up to a million steps. */
static void mass_in_several_slow_states(void **state)
{
    (void)state;
    wide_compare_ring_beside(0.05);
    wide_compare_ring_beside(0.5);
    wide_compare_ring_beside(2);
    wide_compare_two_steps(60000);
    wide_compare_two_steps(1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_is_right),
        cmocka_unit_test(times_near_zero),
        cmocka_unit_test(far_right_tail),
        cmocka_unit_test(ring_with_drift),
        cmocka_unit_test(rabbits_of_all_lengths),
        cmocka_unit_test(stiff_to_a_hundred_thousand),
        cmocka_unit_test(mass_in_several_slow_states),
    };
    return ph_check_run(tests);
}
