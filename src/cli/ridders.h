/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_RIDDERS_H
#define PHASIC_CLI_RIDDERS_H

/*
 * Derivative of f at x by Ridders' method: central differences with steps that shrink
 * from h by a constant factor, extrapolated to step zero (Ridders 1982, "Accurate
 * computation of F'(x) and F'(x) F''(x)"). *error is the method's own estimate of the
 * absolute error. f returns 0 or an error, which is handed on; its value must be finite
 * within h of x, else PH_E_NUMERIC.
 */
int ph_ridders(int (*f)(void *context, double x, double *value), void *context,
               double x, double h, double *derivative, double *error);

/*
 * How far an analytic derivative is from a numeric one: |analytic - numeric| relative
 * to the larger of their sizes plus 1e-4 of the natural scale max(|value|, weight) /
 * |x|
 * (|x| counts as 1 where it is 0), where value is that of the function and weight the
 * number of terms in it.
 */
double ph_gradient_error(double analytic, double numeric, double value, double weight,
                         double x);

#endif
