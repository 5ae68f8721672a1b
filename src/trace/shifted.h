/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TRACE_SHIFTED_PRIVATE_H
#define PHASIC_TRACE_SHIFTED_PRIVATE_H

#include "phasic/trace/shifted.h"
#include "trace_private.h"

/* The inner loops, once for each instruction set. */
typedef struct ph_trace_shifted_kernel {
    void (*forward)(const ph_trace *self, const ph_lanes *rate, const ph_lanes *z,
                    ph_lanes *work, ph_lanes *x);
    void (*backward)(const ph_trace *self, const ph_lanes *rate, const ph_lanes *work,
                     const ph_lanes *x, const ph_lanes *seed, ph_lanes *q,
                     ph_lanes *rate_bar);
} ph_trace_shifted_kernel;

/* Those that this processor can run, the best one first; returns their number. */
int ph_trace_shifted_list(const ph_trace_shifted_kernel *list[3]);

#endif
