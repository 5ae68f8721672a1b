/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One flat OpenMP team per batch: worker w belongs to group w / threads. Blocks are
 * dealt to groups like cards, so a group always sees the same particles; a thread that
 * is free takes its group's next one, the last first. Where dear blocks come last, the
 * cheap ones fill what is left at the end. Every block writes only its own results:
 * which worker computed it cannot be told from them.
 */
#include "phasic/device/device.h"

#include <dirent.h>
#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/flush.h"
#include "phasic/base/memory.h"

/* CPUs of the affinity mask. */
static int mask_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return omp_get_num_procs();
    }
    return CPU_COUNT(&set);
}

static int read_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        return 0;
    }
    size_t length = fread(text, 1, size - 1, file);
    fclose(file);
    text[length] = '\0';
    return length > 0;
}

/* CPUs that the control group's quota is worth (cgroup v2, then v1); 0: no quota. */
static int quota_processors(void)
{
    char text[128];
    long quota = 0, period = 0;
    if (read_text("/sys/fs/cgroup/cpu.max", text, sizeof text)) {
        if (sscanf(text, "%ld %ld", &quota, &period) != 2) {
            return 0; /* "max" */
        }
    } else if (read_text("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", text, sizeof text) &&
               sscanf(text, "%ld", &quota) == 1 &&
               read_text("/sys/fs/cgroup/cpu/cpu.cfs_period_us", text, sizeof text)) {
        (void)sscanf(text, "%ld", &period);
    }
    return quota > 0 && period > 0 ? (int)((quota + period - 1) / period) : 0;
}

/* NUMA domains with CPUs, at least 1. */
static int numa_domains(void)
{
    int count = 0;
    DIR *folder = opendir("/sys/devices/system/node");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        int node;
        char path[128], text[64];
        if (sscanf(entry->d_name, "node%d", &node) == 1) {
            snprintf(path, sizeof path, "/sys/devices/system/node/node%d/cpulist",
                     node);
            count += read_text(path, text, sizeof text) && text[0] != '\n';
        }
    }
    if (folder) {
        closedir(folder);
    }
    return count > 0 ? count : 1;
}

static const char *plural(int n)
{
    return n == 1 ? "" : "s";
}

int ph_device_init(ph_device *self, int groups, int threads, int oversubscribe,
                   ph_error *error)
{
    int processors = mask_processors(), quota = quota_processors();
    if (quota > 0 && quota < processors) {
        processors = quota;
    }
    if (groups < 0 || threads < 0) {
        return ph_error_set(error, PH_E_USAGE,
                            "devices and threads must be at least 1 (found %d and %d)",
                            groups, threads);
    }
    if (groups == 0) {
        groups = numa_domains();
        if (groups > processors || (threads > 0 && groups * threads > processors)) {
            groups = 1;
        }
    }
    if (threads == 0) {
        threads = processors / groups > 0 ? processors / groups : 1;
    }
    long workers = (long)groups * threads;
    if (workers > processors && !oversubscribe) {
        return ph_error_set(error, PH_E_USAGE,
                            "%d device group%s of %d thread%s need %ld CPUs, but this "
                            "process may use %d; ask for fewer, or add --oversubscribe",
                            groups, plural(groups), threads, plural(threads), workers,
                            processors);
    }
    if (workers > 4096) {
        return ph_error_set(error, PH_E_USAGE,
                            "%ld threads are more than the 4096 that are supported",
                            workers);
    }
    *self = (ph_device){groups, threads, processors, NULL};
    return PH_OK;
}

int ph_device_workers(const ph_device *self)
{
    return self->groups * self->threads;
}

/* The next block of a group, of which `given` are taken; `blocks` where none is left.
 */
static size_t take_block(const ph_device *self, size_t blocks, int group, size_t *given)
{
    size_t taken;
#pragma omp atomic capture
    taken = (*given)++;
    size_t from_last = taken * (size_t)self->groups + (size_t)group;
    return from_last < blocks ? blocks - 1 - from_last : blocks;
}

int ph_device_run(const ph_device *self, size_t blocks,
                  int (*task)(void *context, size_t block, int worker), void *context)
{
    int workers = ph_device_workers(self);
    int *status = ph_alloc(blocks, sizeof *status), first = PH_E_MEMORY;
    size_t *given = ph_alloc((size_t)self->groups, sizeof *given);
    if (!status || !given) {
        goto out;
    }
#pragma omp parallel num_threads(workers)
    {
        unsigned saved = ph_flush_begin();
        /* a team smaller than asked for still does every group's blocks */
        for (int w = omp_get_thread_num(); w < workers; w += omp_get_num_threads()) {
            int group = w / self->threads;
            size_t b;
            while ((b = take_block(self, blocks, group, &given[group])) < blocks) {
                status[b] =
                    ph_log_stopped(self->log) ? PH_E_INTERRUPTED : task(context, b, w);
            }
        }
        ph_flush_end(saved);
    }
    first = PH_OK;
    for (size_t b = 0; b < blocks && first == PH_OK; b++) {
        first = status[b];
    }
out:
    free(status);
    free(given);
    return first;
}
