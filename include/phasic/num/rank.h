/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_NUM_RANK_H
#define PHASIC_NUM_RANK_H

#include <stddef.h>

/* Item `index` with the key it is sorted by, which is not NaN. */
typedef struct ph_ranked {
    double key;
    size_t index;
} ph_ranked;

/* Sorts items[n] by key, ascending, ties by index: one order, whatever the library. */
void ph_rank(size_t n, ph_ranked *items);

#endif
