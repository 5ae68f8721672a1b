/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_SAMPLE_ALIAS_H
#define PHASIC_DIST_SAMPLE_ALIAS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Alias tables (Walker 1977; built as Vose 1991): n columns of equal mass, each shared
 * by at most two items, so that one uniform number and one comparison draw from any
 * distribution over n items.
 */
typedef struct ph_alias {
    double cut;         /* share of the column that is `near` */
    uint32_t near, far; /* items */
} ph_alias;

/*
 * The table of weight[n] >= 0, n >= 1, finite, not all 0: item k is drawn with
 * probability weight[k] / sum. work[n] and stack[n] are scratch. Items of weight 0 are
 * never drawn.
 */
void ph_alias_build(size_t n, const double *weight, ph_alias *table, double *work,
                    uint32_t *stack);

/* u in (0, 1) with at most 53 bits: n * u, rounded, is below n. */
static inline uint32_t ph_alias_draw(size_t n, const ph_alias *table, double u)
{
    double x = u * (double)n;
    size_t column = (size_t)x;
    const ph_alias *it = &table[column];
    return x - (double)column < it->cut ? it->near : it->far;
}

#endif
