/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_NUM_POISSON_H
#define PHASIC_NUM_POISSON_H

/*
 * Logarithm of the Poisson probability e^-x x^k / k! for x >= 0 and whole k >= 0, by
 * Loader's saddle-point form (Loader 2000, "Fast and accurate computation of binomial
 * probabilities"): no cancellation near the mode, where the naive form loses
 * log10(x) digits.
 */
double ph_poisson_log(double k, double x);

/*
 * Upper bound on the logarithm of P(X >= k) for k >= x, X ~ Poisson(x) (the Chernoff
 * bound, with a geometric tail where it is sharper).
 */
double ph_poisson_log_upper_tail(double k, double x);

#endif
