/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The replays of one parameter vector, and the choice of the one in lanes. */
#include "phasic/num/lanes.h"
#include "phasic/num/wide.h"
#include "phasic/trace/reverse.h"
#include "trace_private.h"

#define STRIDE  1
#define INPUT   double
#define REAL    double
#define NAME(x) plain_##x
#include "replay_template.h"
#undef REAL
#undef NAME

#define REAL    ph_wide
#define NAME(x) wide_##x
#include "replay_template.h"

size_t ph_trace_work(const ph_trace *self)
{
    return (self->n_left + self->n_right + 4 * self->n) * PH_LANES;
}

/* The public functions of one number type: REAL from double arrays. */
#define PUBLIC(suffix, name, REAL)                                                     \
    void ph_trace_eliminate##suffix(const ph_trace *self, const double *u, REAL *work) \
    {                                                                                  \
        name##_values at = name##_layout(self, work);                                  \
        name##_eliminate(self, u, NULL, &at);                                          \
    }                                                                                  \
    void ph_trace_solve##suffix(const ph_trace *self, const REAL *work, REAL *h)       \
    {                                                                                  \
        name##_values at = name##_layout(self, (REAL *)(uintptr_t)work);               \
        name##_solve(self, &at, h);                                                    \
    }                                                                                  \
    void ph_trace_solve_transposed##suffix(const ph_trace *self, const REAL *work,     \
                                           REAL *x)                                    \
    {                                                                                  \
        name##_values at = name##_layout(self, (REAL *)(uintptr_t)work);               \
        name##_solve_transposed(self, &at, x);                                         \
    }                                                                                  \
    void ph_trace_start##suffix(const ph_trace *self, const double *u, REAL *x)        \
    {                                                                                  \
        name##_start(self, u, x);                                                      \
    }                                                                                  \
    void ph_trace_mean##suffix(const ph_trace *self, const double *u, REAL *work,      \
                               REAL *mean, REAL *u_bar)                                \
    {                                                                                  \
        name##_mean(self, u, work, mean, u_bar);                                       \
    }

PUBLIC(_plain, plain, double)
PUBLIC(_wide, wide, ph_wide)

void ph_trace_eliminate_stopped(const ph_trace *self, const double *u,
                                const unsigned char *stop, double *work)
{
    plain_values at = plain_layout(self, work);
    plain_eliminate(self, u, stop, &at);
}

/* -------------------------------------------------------------------- lanes */

extern const ph_trace_kernel ph_trace_kernel_base;
#ifdef PH_KERNEL_X86
extern const ph_trace_kernel ph_trace_kernel_avx2;
extern const ph_trace_kernel ph_trace_kernel_avx512;
#endif

int ph_trace_kernel_list(const ph_trace_kernel *list[3])
{
    int count = 0;
#ifdef PH_KERNEL_X86
    if (PH_LANES_HAVE_AVX512) {
        list[count++] = &ph_trace_kernel_avx512;
    }
    if (PH_LANES_HAVE_AVX2) {
        list[count++] = &ph_trace_kernel_avx2;
    }
#endif
    list[count++] = &ph_trace_kernel_base;
    return count;
}

static const ph_trace_kernel *best(void)
{
    const ph_trace_kernel *list[3];
    (void)ph_trace_kernel_list(list);
    return list[0];
}

void ph_trace_eliminate(const ph_trace *self, const double *u, double *work)
{
    best()->eliminate(self, u, work);
}

void ph_trace_solve(const ph_trace *self, const double *work, double *h)
{
    best()->solve(self, work, h);
}

void ph_trace_solve_transposed(const ph_trace *self, const double *work, double *x)
{
    best()->solve_transposed(self, work, x);
}

void ph_trace_start(const ph_trace *self, const double *u, double *x)
{
    best()->start(self, u, x);
}

void ph_trace_mean(const ph_trace *self, const double *u, double *work, double *mean,
                   double *u_bar)
{
    best()->mean(self, u, work, mean, u_bar);
}
