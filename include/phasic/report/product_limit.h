/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_PRODUCT_LIMIT_H
#define PHASIC_REPORT_PRODUCT_LIMIT_H

#include <stddef.h>

#include "phasic/base/error.h"
#include "phasic/data/data.h"

/* The estimated survival after each time at which something was absorbed. */
typedef struct ph_product_limit {
    size_t n;
    double *time;     /* [n] ascending */
    double *survival; /* [n] just after time */
    double *error;    /* [n] Greenwood's standard error; 0 where the survival is 0 */
} ph_product_limit;

/*
 * The product-limit estimate (Kaplan and Meier 1958) of n rows that are observed or
 * right-censored; a row with an entry is at risk after it only (left truncation), and a
 * row of weight w is w rows. Absorption comes before censoring, and both before an
 * entry, at the same time. PH_E_FEATURE for intervals and left-censored rows,
 * PH_E_MEMORY. Zero-initialised by the caller and freed in any case.
 */
int ph_product_limit_init(ph_product_limit *self, size_t n, const ph_observation *row,
                          ph_error *error);
void ph_product_limit_free(ph_product_limit *self);

#endif
