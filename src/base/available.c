/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How much memory can still be had. Linux: MemAvailable, what the control group (either
 * version) leaves, and the limit of the address space. Elsewhere only the last.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "phasic/base/memory.h"

/* The number behind `key` (NULL: at the beginning) of a small file; 0 if none. */
static int read_number(const char *path, const char *key, uint64_t *value)
{
    char line[256];
    int found = 0;
    FILE *file = fopen(path, "re");
    if (!file) {
        return 0;
    }
    while (!found && fgets(line, sizeof line, file)) {
        size_t skip = key ? strlen(key) : 0;
        found = (!key || strncmp(line, key, skip) == 0) &&
                sscanf(line + skip, " %" SCNu64, value) == 1;
    }
    fclose(file);
    return found;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What a control group leaves: pages of files that it counts can be given up. */
static uint64_t group_leaves(const char *limit, const char *usage, const char *stat,
                             const char *key)
{
    uint64_t most, used, files = 0;
    if (!read_number(limit, NULL, &most) || !read_number(usage, NULL, &used)) {
        return UINT64_MAX;
    }
    (void)read_number(stat, key, &files);
    used -= least(files, used);
    return most > used ? most - used : 0;
}

static uint64_t address_space_leaves(void)
{
    struct rlimit limit;
    uint64_t pages = 0;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return UINT64_MAX;
    }
    (void)read_number("/proc/self/statm", NULL, &pages);
    uint64_t used = pages * 4096;
    return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

size_t ph_memory_available(void)
{
    uint64_t kibibytes, available = UINT64_MAX;
    if (read_number("/proc/meminfo", "MemAvailable:", &kibibytes)) {
        available = kibibytes * 1024;
    }
    available =
        least(available,
              group_leaves("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current",
                           "/sys/fs/cgroup/memory.stat", "inactive_file"));
    available =
        least(available,
              group_leaves("/sys/fs/cgroup/memory/memory.limit_in_bytes",
                           "/sys/fs/cgroup/memory/memory.usage_in_bytes",
                           "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file"));
    available = least(available, address_space_leaves());
    return available > SIZE_MAX ? SIZE_MAX : (size_t)available;
}
