/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Log-likelihood of 1000 times, alone and with all its derivatives. */
#include "bench.h"

static void one_model(const char *label, const char *name, const char *constant,
                      double size, const char *value_goal, const char *gradient_goal)
{
    bench_model self;
    char text[64];
    bench_model_init(&self, name, constant, size, 1000);
    double value = bench_time(bench_value, &self) / PH_LANES;
    double gradient = bench_time(bench_gradient, &self) / PH_LANES;
    snprintf(text, sizeof text, "%s, 1000 times: value", label);
    bench_row(text, value, NULL, 0, value_goal);
    snprintf(text, sizeof text, "%s, 1000 times: value, gradient", label);
    bench_row(text, gradient, "2p values", 2 * (double)self.p * value, gradient_goal);
    bench_number("    value, gradient over value", gradient / value, "", "<= 3.7");
    bench_model_data(&self, bench_compress(self.data, 3, 12));
    snprintf(text, sizeof text, "    compressed to %zu times: value", self.data->n);
    bench_row(text, bench_time(bench_value, &self) / PH_LANES, "direct", value, "");
    bench_row("    value, gradient", bench_time(bench_gradient, &self) / PH_LANES,
              "direct", gradient, "");
    bench_model_free(&self);
}

void bench_density(void)
{
    one_model("rabbits(20)", "rabbits", "n", 20, "<= 35 us", "<= 90 us");
    one_model("rabbits(60)", "rabbits", "n", 60, "", "<= 2 ms");
    one_model("rabbits(140)", "rabbits", "n", 140, "", "<= 45 ms");
    one_model("busy period(100)", "busy_period", "K", 100, "", "<= 220 us");
    one_model("coalescent(100)", "coalescent", "n", 100, "", "<= 100 us");
}
