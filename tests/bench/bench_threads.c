/* SPDX-License-Identifier: GPL-3.0-or-later */
/* 32 blocks on one thread and on two. */
#include "bench.h"

#include "phasic/device/device.h"

#define BLOCKS 32

typedef struct team {
    ph_device device;
    bench_model *model;
    ph_lik_work *work[2];
    double *value, *gradient; /* [BLOCKS] of a block's */
} team;

static int block(void *context, size_t number, int worker)
{
    team *self = context;
    size_t p = self->model->p;
    return ph_lik_block(self->model->lik, self->work[worker], self->model->theta,
                        self->value + number * PH_LANES,
                        self->gradient + number * p * PH_LANES, NULL);
}

static void all_blocks(void *context)
{
    team *self = context;
    assert_int_equal(ph_device_run(&self->device, BLOCKS, block, self), 0);
}

void bench_threads(void)
{
    bench_model model;
    team self = {.model = &model};
    double seconds[2];
    bench_model_init(&model, "rabbits", "n", 20, 1000);
    if (ph_device_init(&self.device, 1, 2, 0, NULL) != 0) {
        printf("threads: fewer than two processors\n");
        bench_model_free(&model);
        return;
    }
    self.value = ph_alloc_aligned(BLOCKS * PH_LANES, sizeof(double));
    self.gradient = ph_alloc_aligned(BLOCKS * model.p * PH_LANES, sizeof(double));
    for (int k = 0; k < 2; k++) {
        assert_int_equal(ph_lik_work_new(&self.work[k], model.lik), 0);
    }
    for (int k = 0; k < 2; k++) {
        assert_int_equal(ph_device_init(&self.device, 1, k + 1, 0, NULL), 0);
        seconds[k] = bench_time_of_day(all_blocks, &self) / (BLOCKS * PH_LANES);
    }
    bench_row("rabbits(20), value, gradient, two threads", seconds[1], "one thread",
              seconds[0], "ratio >= 1.8");
    for (int k = 0; k < 2; k++) {
        ph_lik_work_free(self.work[k]);
    }
    ph_free_aligned(self.value);
    ph_free_aligned(self.gradient);
    bench_model_free(&model);
}
