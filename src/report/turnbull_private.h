/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_TURNBULL_PRIVATE_H
#define PHASIC_REPORT_TURNBULL_PRIVATE_H

#include <stddef.h>

/* Where a row may lie: cells [first, last] of those from `entry` on. */
typedef struct ph_turnbull_row {
    size_t entry, first, last;
    double weight;
} ph_turnbull_row;

/*
 * Masses mass[m] >= 0, of sum 1, that make the product over n rows of
 * (mass of [first, last] / mass of [entry, m))^weight largest. Every cell but the last
 * has a row with entry <= cell < first, or none with first <= cell <= last < m - 1.
 * *gap and *rounds as in ph_turnbull. PH_E_NUMERIC where the gap stays above
 * PH_TURNBULL_GAP, PH_E_MEMORY.
 */
int ph_turnbull_solve(size_t m, size_t n, const ph_turnbull_row *row, double *mass,
                      double *gap, size_t *rounds);

#endif
