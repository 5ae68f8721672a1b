/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BENCH_LIMIT_LOOPS_H
#define PHASIC_BENCH_LIMIT_LOOPS_H

#include <stddef.h>

#include "phasic/num/lanes.h"

/* Loops that show a processor's limits; length * repeats terms of a row, length a
 * multiple of 8. */
typedef struct bench_loops {
    /* load, multiply, add */
    void (*stream)(const ph_lanes *rows, size_t length, size_t repeats, ph_lanes *out);
    /* multiply, add; one row is read */
    void (*arithmetic)(const ph_lanes *rows, size_t length, size_t repeats,
                       ph_lanes *out);
} bench_loops;

#endif
