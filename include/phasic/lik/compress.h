/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_LIK_COMPRESS_H
#define PHASIC_LIK_COMPRESS_H

#include "phasic/data/data.h"

/*
 * Data compression: a smaller weighted data set with the same log-likelihood.
 *
 * Sorted times of one part and kind are cut into pieces [a, min(ratio a, a + t_max /
 * 4)], and the sum over a piece of weight * log f(t) (or log S, log F) is replaced by
 * the `points`-point Gauss rule of the piece's empirical measure, exact where the
 * summand is a polynomial of degree 2 points - 1 in t. The rule depends on the data
 * alone, so one compression serves all parameters. Pieces with few times, intervals and
 * times of 0 are kept as they are. A truncated observation counts as one that is not,
 * and its entry as a right-censored one of negative weight, each compressed by itself:
 * the result is for a likelihood, and no data set to look at; rows of several totals
 * are not known in it. ratio > 1; points <= PH_GAUSS_MAX.
 *
 * Whether the summand is smooth enough is the caller's to check, by comparing
 * log-likelihoods at `points` and at more. PH_E_MEMORY, PH_E_NUMERIC.
 */
int ph_data_compress(ph_data **self, const ph_data *data, double ratio, size_t points,
                     ph_error *error);

#endif
