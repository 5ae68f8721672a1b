/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/num/lanes.h"
#include "trace_private.h"

#define REAL    ph_lanes
#define NAME(x) lanes_##x
#include "replay_template.h"
#undef REAL
#undef NAME

#define REAL    double
#define NAME(x) plain_##x
#include "replay_template.h"

size_t ph_trace_work(const ph_trace *self)
{
    return (self->n_slots + 4 * self->n) * PH_LANES;
}

/* The public functions of one number type: REAL from double arrays. */
#define PUBLIC(suffix, name, REAL)                                                     \
    void ph_trace_eliminate##suffix(const ph_trace *self, const double *u,             \
                                    double *work)                                      \
    {                                                                                  \
        name##_values at = name##_layout(self, (REAL *)work);                          \
        name##_load(self, (const REAL *)u, &at);                                       \
        name##_eliminate(self, &at);                                                   \
    }                                                                                  \
    void ph_trace_solve##suffix(const ph_trace *self, const double *work, double *h)   \
    {                                                                                  \
        name##_values at = name##_layout(self, (REAL *)(uintptr_t)work);               \
        name##_solve(self, &at, (REAL *)h);                                            \
    }                                                                                  \
    void ph_trace_solve_transposed##suffix(const ph_trace *self, const double *work,   \
                                           double *x)                                  \
    {                                                                                  \
        name##_values at = name##_layout(self, (REAL *)(uintptr_t)work);               \
        name##_solve_transposed(self, &at, (REAL *)x);                                 \
    }                                                                                  \
    void ph_trace_start##suffix(const ph_trace *self, const double *u, double *x)      \
    {                                                                                  \
        name##_start(self, (const REAL *)u, (REAL *)x);                                \
    }                                                                                  \
    void ph_trace_mean##suffix(const ph_trace *self, const double *u, double *work,    \
                               double *mean, double *u_bar)                            \
    {                                                                                  \
        name##_mean(self, (const REAL *)u, (REAL *)work, (REAL *)mean, (REAL *)u_bar); \
    }

PUBLIC(, lanes, ph_lanes)
PUBLIC(_plain, plain, double)
