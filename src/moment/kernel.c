/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moments and their gradients by the formula x_i (h_j - h_i), which needs no adjoint of
 * the factors: one transposed solve for every order. Quick, and with an error that its
 * checks bound; what they reject is done again in wide.c. Here is the plain evaluation,
 * and the choice of the one in lanes (kernel_lanes.c).
 */
#include <string.h>

#include "moment_private.h"
#include "phasic/model/pool.h"

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

extern const ph_moments_kernel ph_moments_kernel_base;
#ifdef PH_KERNEL_X86
extern const ph_moments_kernel ph_moments_kernel_avx2;
extern const ph_moments_kernel ph_moments_kernel_avx512;
#endif

int ph_moments_kernel_list(const ph_moments_kernel *list[3])
{
    int count = 0;
#ifdef PH_KERNEL_X86
    if (PH_LANES_HAVE_AVX512) {
        list[count++] = &ph_moments_kernel_avx512;
    }
    if (PH_LANES_HAVE_AVX2) {
        list[count++] = &ph_moments_kernel_avx2;
    }
#endif
    list[count++] = &ph_moments_kernel_base;
    return count;
}

void ph_moments_lanes(const ph_moments *self, size_t gradient, const double *u,
                      double *work, double *raw, double *product, double *bar,
                      double *check)
{
    const ph_moments_kernel *list[3];
    (void)ph_moments_kernel_list(list);
    list[0]->eval(self, gradient, u, work, raw, product, bar, check);
}

void ph_moments_plain(const ph_moments *self, size_t gradient, const double *u,
                      double *work, double *raw, double *product, double *bar,
                      double *check)
{
    plain_eval(self, gradient, u, work, raw, product, bar, check);
}
