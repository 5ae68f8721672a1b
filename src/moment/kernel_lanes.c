/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel in lanes. One source for all instruction sets: the build compiles it with
 * PH_KERNEL_NAME and the matching machine options. No operation crosses lanes and none
 * is contracted, so all variants give the same bits.
 */
#include <string.h>

#include "moment_private.h"
#include "phasic/model/pool.h"
#include "phasic/num/lanes.h"

#define GLUE2(a, b) a##b
#define GLUE(a, b)  GLUE2(a, b)

typedef double register_row __attribute__((vector_size(PH_KERNEL_BYTES), may_alias));

#define STRIDE (sizeof(ph_lanes) / PH_KERNEL_BYTES)
#define PART   register_row

#define REAL    ph_lanes
#define NAME(x) lanes_##x
#define ELIMINATE(trace, u, work)                                                      \
    ph_trace_eliminate(trace, (const double *)(u), (double *)(work))
#define START(trace, u, x) ph_trace_start(trace, (const double *)(u), (double *)(x))
#define SOLVE(trace, work, h, mid)                                                     \
    ((void)(mid), ph_trace_solve(trace, (const double *)(work), (double *)(h)))
#define SOLVE_TRANSPOSED(trace, work, x)                                               \
    ph_trace_solve_transposed(trace, (const double *)(work), (double *)(x))
#include "kernel_template.h"

static void eval(const ph_moments *self, size_t gradient, const double *u, double *work,
                 double *raw, double *product, double *bar, double *check)
{
    lanes_eval(self, gradient, (const ph_lanes *)u, (ph_lanes *)work, (ph_lanes *)raw,
               (ph_lanes *)product, (ph_lanes *)bar, (ph_lanes *)check);
}

extern const ph_moments_kernel GLUE(ph_moments_kernel_, PH_KERNEL_NAME);
const ph_moments_kernel GLUE(ph_moments_kernel_, PH_KERNEL_NAME) = {eval};
