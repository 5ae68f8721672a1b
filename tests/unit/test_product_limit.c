/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The product-limit estimate against published values, and values worked out by hand.
 */
#include <string.h>

#include "check.h"
#include "phasic/report/product_limit.h"

static ph_product_limit estimate(const char *text)
{
    ph_product_limit self = {0};
    ph_data *data = NULL;
    ph_error error = {0};
    assert_int_equal(ph_data_parse(&data, "d", text, strlen(text), NULL, &error), 0);
    assert_int_equal(ph_product_limit_init(&self, data->n, data->observation, &error),
                     0);
    ph_data_free(data);
    return self;
}

/*
 * Remission under 6-mercaptopurine (Gehan 1965), as every textbook has it; the standard
 * errors are those of R's survfit.
 */
static void test_gehan(void **state)
{
    static const double time[] = {6, 7, 10, 13, 16, 22, 23};
    static const double survival[] = {0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448};
    static const double error[] = {0.0764, 0.0869, 0.0963, 0.1068,
                                   0.1141, 0.1282, 0.1346};
    ph_product_limit it =
        estimate("time,event,count\n6,1,3\n6,0,1\n7,1,1\n9,0,1\n10,1,1\n"
                 "10,0,1\n11,0,1\n13,1,1\n16,1,1\n17,0,1\n19,0,1\n"
                 "20,0,1\n22,1,1\n23,1,1\n25,0,1\n32,0,2\n34,0,1\n"
                 "35,0,1\n");
    (void)state;
    assert_int_equal(it.n, 7);
    for (int i = 0; i < 7; i++) {
        assert_true(it.time[i] == time[i]);
        assert_near(it.survival[i], survival[i], 5e-4);
        assert_near(it.error[i], error[i], 5e-5);
    }
    ph_product_limit_free(&it);
}

/* Without censoring it is the share of what is left, which ends in 0. */
static void test_complete(void **state)
{
    ph_product_limit it = estimate("time,count\n0,1\n1,2.5\n3,1.5\n");
    (void)state;
    assert_int_equal(it.n, 3);
    assert_near(it.survival[0], 0.8, 1e-15);
    assert_near(it.survival[1], 0.3, 1e-15);
    assert_true(it.survival[2] == 0 && it.error[2] == 0);
    assert_near(it.error[0], sqrt(0.8 * 0.2 / 5), 1e-15); /* binomial */
    ph_product_limit_free(&it);
}

/*
 * At risk: at 2 those of 2 and 5 (4 enters at 3, 6 at 2, after what is absorbed then);
 * at 4 those of 4, 5 and 6; at 5 those of 5 and 6; at 6 the last one.
 */
static void test_entries(void **state)
{
    ph_product_limit it = estimate("time,entry\n2,\n5,\n4,3\n6,2\n");
    static const double survival[] = {1.0 / 2, 1.0 / 3, 1.0 / 6, 0};
    (void)state;
    assert_int_equal(it.n, 4);
    for (int i = 0; i < 4; i++) {
        assert_near(it.survival[i], survival[i], 1e-15);
    }
    ph_product_limit_free(&it);
}

static void test_refused(void **state)
{
    const ph_observation row[] = {{PH_OBSERVED, 0, 1, 0, PH_NO_ENTRY, 1},
                                  {PH_INTERVAL_CENSORED, 0, 1, 2, PH_NO_ENTRY, 1}};
    ph_product_limit it = {0};
    ph_error error = {0};
    (void)state;
    assert_int_equal(ph_product_limit_init(&it, 2, row, &error), PH_E_FEATURE);
    ph_product_limit_free(&it);
    assert_int_equal(ph_product_limit_init(&it, 1, row, NULL), 0);
    ph_product_limit_free(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gehan),
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
