/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"

#include <sched.h>
#include <string.h>

#include "phasic/device/device.h"

typedef struct job {
    int visits[1000], worker[1000], fail_at;
    size_t last; /* the block before this one */
    int upwards; /* how often a block came after a lower one */
} job;

static int task(void *context, size_t block, int worker)
{
    job *self = context;
    self->visits[block]++;
    self->worker[block] = worker;
    self->upwards += block > self->last;
    self->last = block;
    return self->fail_at >= 0 && block >= (size_t)self->fail_at
               ? PH_E_NUMERIC + (block > (size_t)self->fail_at ? PH_E_MEMORY : 0)
               : PH_OK;
}

static void every_block_once_by_its_own_group(void **state)
{
    (void)state;
    for (int groups = 1; groups <= 3; groups++) {
        for (int threads = 1; threads <= 3; threads++) {
            ph_device device;
            assert_int_equal(ph_device_init(&device, groups, threads, 1, NULL), 0);
            assert_int_equal(ph_device_workers(&device), groups * threads);
            for (size_t blocks = 0; blocks <= 1000; blocks += 37) {
                job self = {.fail_at = -1};
                assert_int_equal(ph_device_run(&device, blocks, task, &self), 0);
                for (size_t b = 0; b < blocks; b++) {
                    assert_int_equal(self.visits[b], 1);
                    assert_in_range(self.worker[b], 0, groups * threads - 1);
                    assert_int_equal(self.worker[b] / threads,
                                     (int)(blocks - 1 - b) % groups);
                }
            }
        }
    }
}

static void the_last_blocks_come_first(void **state)
{
    (void)state;
    ph_device device;
    job self = {.fail_at = -1, .last = 1000};
    assert_int_equal(ph_device_init(&device, 1, 1, 0, NULL), 0);
    assert_int_equal(ph_device_run(&device, 1000, task, &self), 0);
    assert_int_equal(self.upwards, 0);
    assert_int_equal(self.last, 0);
}

/* The last of three blocks ends only when another thread has done both the others. */
static int wait_for_others(void *context, size_t block, int worker)
{
    int *done = context;
    (void)worker;
    if (block < 2) {
        __atomic_add_fetch(done, 1, __ATOMIC_SEQ_CST);
        return PH_OK;
    }
    for (long i = 0; i < 10000000; i++) {
        if (__atomic_load_n(done, __ATOMIC_SEQ_CST) == 2) {
            return PH_OK;
        }
        sched_yield();
    }
    return PH_E_INTERNAL;
}

static void a_dear_block_holds_back_no_other(void **state)
{
    (void)state;
    ph_device device;
    int done = 0;
    assert_int_equal(ph_device_init(&device, 1, 2, 1, NULL), 0);
    assert_int_equal(ph_device_run(&device, 3, wait_for_others, &done), 0);
}

static void the_first_failure_in_block_order_is_returned(void **state)
{
    (void)state;
    ph_device device;
    job self = {.fail_at = 500};
    assert_int_equal(ph_device_init(&device, 1, 4, 1, NULL), 0);
    assert_int_equal(ph_device_run(&device, 1000, task, &self), PH_E_NUMERIC);
}

static int stop_after_hundred(void *context)
{
    const job *self = context;
    int done = 0;
    for (size_t b = 0; b < 1000; b++) {
        done += self->visits[b];
    }
    return done >= 100;
}

static void a_stop_is_asked_for_between_blocks(void **state)
{
    (void)state;
    ph_device device;
    job self = {.fail_at = -1};
    ph_log log = {.context = &self, .stopped = stop_after_hundred};
    assert_int_equal(ph_device_init(&device, 1, 1, 0, NULL), 0);
    device.log = &log;
    assert_int_equal(ph_device_run(&device, 1000, task, &self), PH_E_INTERRUPTED);
    for (size_t b = 0; b < 1000; b++) {
        assert_int_equal(self.visits[b], b >= 900);
    }
    job few = {.fail_at = -1};
    log.context = &few;
    assert_int_equal(ph_device_run(&device, 100, task, &few), PH_OK);
}

static void more_than_the_machine_has_is_refused(void **state)
{
    (void)state;
    ph_device device;
    ph_error error = {0};
    assert_int_equal(ph_device_init(&device, 0, 0, 0, NULL), 0);
    assert_in_range(ph_device_workers(&device), 1, device.processors);
    int many = device.processors + 1;
    assert_int_equal(ph_device_init(&device, many, 1, 0, &error), PH_E_USAGE);
    assert_non_null(strstr(error.message, "--oversubscribe"));
    assert_int_equal(ph_device_init(&device, 1, many, 0, NULL), PH_E_USAGE);
    assert_int_equal(ph_device_init(&device, many, 1, 1, NULL), 0);
    assert_int_equal(ph_device_init(&device, -1, 1, 1, NULL), PH_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_once_by_its_own_group),
        cmocka_unit_test(the_last_blocks_come_first),
        cmocka_unit_test(a_dear_block_holds_back_no_other),
        cmocka_unit_test(the_first_failure_in_block_order_is_returned),
        cmocka_unit_test(a_stop_is_asked_for_between_blocks),
        cmocka_unit_test(more_than_the_machine_has_is_refused),
    };
    return ph_check_run(tests);
}
