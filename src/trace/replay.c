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

void ph_trace_mean(const ph_trace *self, const double *u, double *work, double *mean,
                   double *u_bar)
{
    lanes_mean(self, (const ph_lanes *)u, (ph_lanes *)work, (ph_lanes *)mean,
               (ph_lanes *)u_bar);
}

void ph_trace_mean_plain(const ph_trace *self, const double *u, double *work,
                         double *mean, double *u_bar)
{
    plain_mean(self, u, work, mean, u_bar);
}
