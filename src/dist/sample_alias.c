/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Vose's construction: weights are scaled to mean 1; as long as there is an item below
 * 1 and one above, the lower one gets its own column, filled up by the higher one. Both
 * kinds wait on one stack that grows from its two ends. What is left at the end is 1
 * but for rounding.
 */
#include "sample_alias.h"

void ph_alias_build(size_t n, const double *weight, ph_alias *table, double *work,
                    uint32_t *stack)
{
    double largest = 0, sum = 0;
    for (size_t k = 0; k < n; k++) { /* relative to the largest: the sum is finite */
        largest = weight[k] > largest ? weight[k] : largest;
    }
    for (size_t k = 0; k < n; k++) {
        work[k] = weight[k] / largest;
        sum += work[k];
    }
    size_t low = 0, high = n; /* [0, low) below 1, [high, n) at least 1 */
    for (size_t k = 0; k < n; k++) {
        work[k] *= (double)n / sum;
        table[k] = (ph_alias){1, (uint32_t)k, (uint32_t)k};
        stack[work[k] < 1 ? low++ : --high] = (uint32_t)k;
    }
    while (low > 0 && high < n) {
        uint32_t small = stack[--low], large = stack[high];
        table[small].cut = work[small];
        table[small].far = large;
        work[large] -= 1 - work[small];
        if (work[large] < 1) {
            high++;
            stack[low++] = large;
        }
    }
}
