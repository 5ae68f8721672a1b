/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A million observations, compressed, against a thousand as they are. */
#include "bench.h"

typedef struct packing {
    const ph_data *data;
} packing;

static void pack(void *context)
{
    const packing *self = context;
    ph_data_free(bench_compress(self->data, 2, 10));
}

void bench_observations(void)
{
    bench_model self;
    bench_model_init(&self, "rabbits", "n", 20, 1000);
    double few = bench_time(bench_gradient, &self) / PH_LANES;
    ph_data *data = bench_simulate(&self, 1000000);
    packing it = {data};
    double once = bench_time(pack, &it);
    bench_model_data(&self, bench_compress(data, 2, 10));
    double many = bench_time(bench_gradient, &self) / PH_LANES;
    bench_row("rabbits(20), 10^6 times: value, gradient", many, "1000 times, direct",
              few, "ratio >= 0.67");
    bench_row("    compression, once", once, NULL, 0, "<= 0.5 s");
    ph_data_free(data);
    bench_model_free(&self);
}
