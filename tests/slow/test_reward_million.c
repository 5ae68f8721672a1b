/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A million simulated rewards for each of three cyclic models. */
#include "test_reward_models.h"

static void a_million_rewards_agree(void **state)
{
    (void)state;
    three_models_agree_with_simulation(1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_million_rewards_agree)};
    return ph_check_run(tests);
}
