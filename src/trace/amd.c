/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The approximate minimum degree order of SuiteSparse (Amestoy, Davis & Duff 1996). It
 * works on the pattern made symmetric, so that what it counts is a bound for the
 * directed elimination, sharp where every edge has its reverse.
 */
#include <limits.h>
#include <stdlib.h>
#include <suitesparse/amd.h>

#include "order.h"
#include "phasic/base/memory.h"

int ph_amd_order(const ph_pattern *pattern, uint32_t *order, ph_amd_bound *bound)
{
    uint32_t n = pattern->n;
    size_t edges = pattern->begin[n];
    if (n > INT_MAX / 2 || edges > INT_MAX / 4) {
        return PH_E_MEMORY;
    }
    double control[AMD_CONTROL], info[AMD_INFO];
    int status = PH_E_MEMORY;
    int *begin = ph_alloc((size_t)n + 1, sizeof *begin);
    int *to = ph_alloc(edges, sizeof *to), *out = ph_alloc(n, sizeof *out);
    if (!begin || !to || !out) {
        goto out;
    }
    for (size_t i = 0; i <= n; i++) {
        begin[i] = (int)pattern->begin[i];
    }
    for (size_t e = 0; e < edges; e++) {
        to[e] = (int)pattern->to[e];
    }
    amd_defaults(control);
    if (amd_order((int)n, begin, to, out, control, info) < AMD_OK) {
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        order[i] = (uint32_t)out[i];
    }
    *bound =
        (ph_amd_bound){2 * info[AMD_LNZ], info[AMD_NMULTSUBS_LU] + 2 * info[AMD_LNZ],
                       info[AMD_SYMMETRY]};
    status = PH_OK;
out:
    free(begin);
    free(to);
    free(out);
    return status;
}
