/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One source for all instruction sets, as src/dist/kernel.c: eight independent sums of
 * one register each. */
#include "bench_limit_loops.h"

#define GLUE2(a, b) a##b
#define GLUE(a, b)  GLUE2(a, b)
#define CHAINS      8
#define PARTS       (sizeof(ph_lanes) / PH_KERNEL_BYTES)

typedef double part __attribute__((vector_size(PH_KERNEL_BYTES), may_alias));

#define EACH(c) for (size_t c = 0; c < CHAINS; c++)

static void stream(const ph_lanes *rows, size_t length, size_t repeats, ph_lanes *out)
{
    part sum[CHAINS] = {{0}};
    const part *from = (const part *)rows;
    for (size_t r = 0; r < repeats; r++) {
        for (size_t i = 0; i < length * PARTS; i += CHAINS) {
            EACH(c) sum[c] += 0.999 * from[i + c];
        }
    }
    EACH(c)((part *)out)[c % PARTS] += sum[c];
}

static void arithmetic(const ph_lanes *rows, size_t length, size_t repeats,
                       ph_lanes *out)
{
    part sum[CHAINS] = {{0}}, factor = *(const part *)rows;
    for (size_t i = 0; i < length * repeats * PARTS; i += CHAINS) {
        EACH(c) sum[c] = sum[c] * factor + factor;
    }
    EACH(c)((part *)out)[c % PARTS] += sum[c];
}

extern const bench_loops GLUE(bench_loops_, PH_KERNEL_NAME);
const bench_loops GLUE(bench_loops_, PH_KERNEL_NAME) = {stream, arithmetic};
