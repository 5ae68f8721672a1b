/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_TURNBULL_H
#define PHASIC_REPORT_TURNBULL_H

#include <stddef.h>

#include "phasic/base/error.h"
#include "phasic/data/data.h"

/*
 * Where an estimated distribution has its mass: points, or intervals in which the data
 * do not say where it lies.
 */
typedef struct ph_turnbull {
    size_t n;
    double *lower, *upper; /* [n] ascending; equal: a point; the last may be infinite */
    double *mass;          /* [n] > 0; their sum is 1 */
    double *survival;      /* [n] just after upper */
    double gap;            /* the largest directional derivative, see below */
    size_t rounds;         /* that the maximisation took */
} ph_turnbull;

/* The gap at which a maximum counts as found. */
#define PH_TURNBULL_GAP 1e-9

/*
 * The nonparametric maximum likelihood estimate (Turnbull 1976) from n >= 1 rows of any
 * kind with or without an entry; a row of weight w is w rows. `discrete`: times are
 * whole numbers. The product-limit estimate where no row is left- or
 * interval-censored.
 *
 * Where a row of weight w lies in the set A, and is known to lie in B (after its
 * entry), a mass p_j has the directional derivative
 *
 *   sum w [j in A] / p(A) / sum w [j in B] / p(B) - 1,
 *
 * of which none is above PH_TURNBULL_GAP: the conditions of Karush, Kuhn and Tucker, as
 * Gentleman and Geyer (1994) have them without entries. The log-likelihood is concave
 * in the cumulative hazard with entries too, so that they mark its greatest value.
 * Several distributions may have it; this is the one that is reached from equal masses.
 * As in the product-limit estimate the survival is 0 from the first absorption on that
 * nobody at risk is known to have outlived, whatever enters later. PH_E_NUMERIC where
 * the gap is not reached, PH_E_MEMORY. Zero-initialised by the caller and freed in any
 * case.
 */
int ph_turnbull_init(ph_turnbull *self, size_t n, const ph_observation *row,
                     int discrete, ph_error *error);
void ph_turnbull_free(ph_turnbull *self);

#endif
