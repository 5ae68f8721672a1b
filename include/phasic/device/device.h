/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DEVICE_DEVICE_H
#define PHASIC_DEVICE_DEVICE_H

#include <stddef.h>

#include "phasic/base/error.h"
#include "phasic/base/log.h"

/*
 * Who computes which block. `groups` device groups of `threads` OpenMP threads each,
 * one flat team. Which blocks are a group's is fixed; its threads take them in turn.
 */
typedef struct ph_device {
    int groups, threads; /* groups * threads workers in all */
    int processors;      /* CPUs this process may use (affinity mask and CPU quota) */
    const ph_log *log;   /* asked before each block whether to stop; NULL: never */
} ph_device;

/*
 * groups, threads: what was asked for, 0 for the default (one group per NUMA domain;
 * all CPUs shared among the groups). Asking for more workers than CPUs, or more groups
 * than CPUs, is PH_E_USAGE with a sentence, unless `oversubscribe`.
 */
int ph_device_init(ph_device *self, int groups, int threads, int oversubscribe,
                   ph_error *error);

/* Groups times threads: the workers of ph_device_run. */
int ph_device_workers(const ph_device *self);

/*
 * Runs task(context, block, worker) for every block in [0, blocks); worker in
 * [0, workers). The last blocks are begun first: they should be the dear ones. Each
 * thread has flush-to-zero set. Returns the first non-zero status in block order;
 * PH_E_INTERRUPTED where a stop left blocks out.
 */
int ph_device_run(const ph_device *self, size_t blocks,
                  int (*task)(void *context, size_t block, int worker), void *context);

#endif
