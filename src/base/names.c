/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The nearest known name: optimal string alignment (Levenshtein's insertion, deletion
 * and substitution, and the swap of two neighbours). Costs are doubled so that a change
 * of case can count half a substitution; at most two full edits are a suggestion, and
 * never as many as would replace the whole name.
 */
#include <string.h>

#include "phasic/base/names.h"

#define LONGEST  64
#define FURTHEST 4

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned substitution(char a, char b)
{
    if (a == b) {
        return 0;
    }
    return lower(a) == lower(b) ? 1 : 2;
}

/* Twice the edit distance of a[0..m) and b[0..n), both at most LONGEST long. */
static unsigned distance(const char *a, size_t m, const char *b, size_t n)
{
    unsigned rows[3][LONGEST + 1];
    unsigned *before = rows[0], *last = rows[1], *here = rows[2];
    for (size_t j = 0; j <= n; j++) {
        last[j] = 2 * (unsigned)j;
    }
    for (size_t i = 1; i <= m; i++) {
        here[0] = 2 * (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned best = smaller(last[j], here[j - 1]) + 2;
            best = smaller(best, last[j - 1] + substitution(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = smaller(best, before[j - 2] + 2);
            }
            here[j] = best;
        }
        unsigned *spare = before;
        before = last;
        last = here;
        here = spare;
    }
    return last[n];
}

const char *ph_nearest_name(const char *name, const char *const *known, size_t length)
{
    const char *nearest = NULL;
    unsigned best = FURTHEST + 1;
    size_t m = strnlen(name, LONGEST + 1);
    if (m > LONGEST) {
        return NULL;
    }
    for (size_t i = 0; i < length; i++) {
        size_t n = strnlen(known[i], LONGEST + 1);
        if (n > LONGEST || m > n + 2 || n > m + 2) {
            continue;
        }
        unsigned d = distance(name, m, known[i], n);
        if (d < best && d < 2 * (m > n ? m : n)) {
            best = d;
            nearest = known[i];
        }
    }
    return nearest;
}
