/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moments and their gradients by the formula x_i (h_j - h_i), which needs no adjoint of
 * the factors: one transposed solve for every order. Quick, and with an error that its
 * checks bound; what they reject is done again in wide.c.
 */
#include "moment_private.h"
#include "phasic/model/pool.h"

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
#undef REAL
#undef NAME
#undef ELIMINATE
#undef START
#undef SOLVE
#undef SOLVE_TRANSPOSED

#define REAL                       double
#define NAME(x)                    plain_##x
#define ELIMINATE                  ph_trace_eliminate_plain
#define START                      ph_trace_start_plain
#define SOLVE(trace, work, h, mid) ((void)(mid), ph_trace_solve_plain(trace, work, h))
#define SOLVE_TRANSPOSED           ph_trace_solve_transposed_plain
#include "kernel_template.h"

size_t ph_moments_work(const ph_moments *self, size_t gradient)
{
    plain_values at;
    size_t factors = ph_trace_work(self->trace) / PH_LANES;
    return plain_carve(self, NULL, factors, 0, gradient > 0, &at) * PH_LANES;
}

void ph_moments_lanes(const ph_moments *self, size_t gradient, const double *u,
                      double *work, double *raw, double *product, double *bar,
                      double *check)
{
    lanes_eval(self, gradient, (const ph_lanes *)u, (ph_lanes *)work, (ph_lanes *)raw,
               (ph_lanes *)product, (ph_lanes *)bar, (ph_lanes *)check);
}

void ph_moments_plain(const ph_moments *self, size_t gradient, const double *u,
                      double *work, double *raw, double *product, double *bar,
                      double *check)
{
    plain_eval(self, gradient, u, work, raw, product, bar, check);
}
