/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The replay in lanes. One source for all instruction sets: the build compiles it with
 * PH_KERNEL_NAME, the matching machine options, and PH_KERNEL_BYTES, the width of a
 * register. Where a register is narrower than a row of lanes, the row is treated as
 * STRIDE parts, so that numbers stay in registers (a wide vector would be taken apart
 * in memory).
 */
#include "phasic/num/lanes.h"
#include "trace_private.h"

#define GLUE2(a, b) a##b
#define GLUE(a, b)  GLUE2(a, b)

typedef double part __attribute__((vector_size(PH_KERNEL_BYTES), may_alias));

#define STRIDE  (sizeof(ph_lanes) / PH_KERNEL_BYTES)
#define INPUT   part
#define REAL    part
#define NAME(x) lanes_##x
#include "replay_template.h"

static void eliminate(const ph_trace *self, const double *u, double *work)
{
    lanes_values at = lanes_layout(self, (part *)work);
    lanes_eliminate(self, (const part *)u, NULL, &at);
}

static void solve(const ph_trace *self, const double *work, double *h)
{
    lanes_values at = lanes_layout(self, (part *)(uintptr_t)work);
    lanes_solve(self, &at, (part *)h);
}

static void solve_transposed(const ph_trace *self, const double *work, double *x)
{
    lanes_values at = lanes_layout(self, (part *)(uintptr_t)work);
    lanes_solve_transposed(self, &at, (part *)x);
}

static void start(const ph_trace *self, const double *u, double *x)
{
    lanes_start(self, (const part *)u, (part *)x);
}

static void mean(const ph_trace *self, const double *u, double *work, double *value,
                 double *u_bar)
{
    lanes_mean(self, (const part *)u, (part *)work, (part *)value, (part *)u_bar);
}

extern const ph_trace_kernel GLUE(ph_trace_kernel_, PH_KERNEL_NAME);
const ph_trace_kernel GLUE(ph_trace_kernel_, PH_KERNEL_NAME) = {
    eliminate, solve, solve_transposed, start, mean};
