/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/num/rank.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    const ph_ranked *x = a, *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return (x->index > y->index) - (x->index < y->index);
}

void ph_rank(size_t n, ph_ranked *items)
{
    qsort(items, n, sizeof *items, compare);
}
