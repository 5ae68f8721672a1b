/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_MIXING_H
#define PHASIC_SVGD_MIXING_H

#include <stddef.h>

/*
 * Convergence of Markov chains by Vehtari, Gelman, Simpson, Carpenter & Burkner (2021),
 * "Rank-normalization, folding, and localization: an improved R-hat". All of them are
 * unchanged by a monotone map of the quantity.
 */
typedef struct ph_mixing {
    double rhat;     /* larger of the rank-normalised and the folded split R-hat */
    double ess_bulk; /* of the rank-normalised values, split chains */
    double ess_tail; /* smaller of those of the 5 % and the 95 % quantile */
    double ess_mean; /* of the values themselves: for the error of their mean */
} ph_mixing;

/*
 * x[chains][steps], at least 4 steps. A quantity that is constant has R-hat NaN and
 * effective sizes NaN. Returns 0 or PH_E_MEMORY.
 */
int ph_mixing_of(size_t chains, size_t steps, const double *x, ph_mixing *out);

#endif
