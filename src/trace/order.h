/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TRACE_ORDER_H
#define PHASIC_TRACE_ORDER_H

#include "phasic/trace/trace.h"

/* The edges within one component, states numbered 0..n-1: a pattern by rows. */
typedef struct ph_pattern {
    uint32_t n;
    size_t *begin; /* [n + 1] */
    uint32_t *to;
} ph_pattern;

/* The pattern of the factors, by rows; lists owned by the object. */
typedef struct ph_factor_row {
    uint32_t *lower, *upper; /* states eliminated before (in order), and later */
    uint32_t n_lower, n_upper;
} ph_factor_row;

typedef struct ph_factors {
    uint32_t n;
    size_t operations;  /* multiply-adds of a replay */
    uint32_t *order;    /* [n] state of each step */
    ph_factor_row *row; /* [n] by state */
} ph_factors;

/* What an elimination may cost, and how it reports. */
typedef struct ph_elimination_limits {
    size_t bytes;       /* memory while it runs: beyond it PH_E_MEMORY */
    double operations;  /* beyond them the result is PH_FACTORS_DEAR */
    size_t done, total; /* states that lie behind, of all, for progress */
    const ph_log *log;
} ph_elimination_limits;

#define PH_FACTORS_DEAR 1 /* too many operations: no factors are returned */

/* Eliminates a pattern in Markowitz order, or in `given`[n] where it is not NULL. */
int ph_factors_find(ph_factors *self, const ph_pattern *pattern, const uint32_t *given,
                    const ph_elimination_limits *limits);
void ph_factors_free(ph_factors *self);

/* What the elimination of a pattern in AMD order needs at most. */
typedef struct ph_amd_bound {
    double entries;    /* of the factors, the diagonal left out */
    double operations; /* multiply-adds */
    double symmetry;   /* share of edges whose reverse is there too */
} ph_amd_bound;

/* SuiteSparse's approximate minimum degree on the pattern and its transpose together.
 */
int ph_amd_order(const ph_pattern *pattern, uint32_t *order, ph_amd_bound *bound);

#endif
