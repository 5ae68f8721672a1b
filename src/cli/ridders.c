/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ridders' method. One step cannot tell a bad gradient from a bad step; the tableau of
 * extrapolated values does: its entries agree until rounding takes over, and the spread
 * of neighbours bounds the error of the best one.
 */
#include "ridders.h"

#include <float.h>
#include <math.h>

#include "phasic/base/status.h"

#define ROWS   12
#define SHRINK 1.6 /* factor between steps */
#define WORSE  3.0 /* stop when a row is this much worse than the best */
/* of the natural scale, added to the size of a derivative */
#define NATURAL_SHARE 1e-4

/*
 * Central difference with the step that is exactly representable around x; *noise is
 * what rounding of the two values alone can do to it.
 */
static int difference(int (*f)(void *, double, double *), void *context, double x,
                      double h, double *slope, double *noise)
{
    double above, below;
    volatile double upper = x + h, lower = x - h;
    int status = f(context, upper, &above);
    if (status == PH_OK) {
        status = f(context, lower, &below);
    }
    if (status != PH_OK) {
        return status;
    }
    if (!isfinite(above) || !isfinite(below)) {
        return PH_E_NUMERIC;
    }
    *slope = (above - below) / (upper - lower);
    *noise = 2 * DBL_EPSILON * fmax(fabs(above), fabs(below)) / (upper - lower);
    return PH_OK;
}

int ph_ridders(int (*f)(void *context, double x, double *value), void *context,
               double x, double h, double *derivative, double *error)
{
    double row[ROWS], above[ROWS], best = 0, best_error = INFINITY, noise;
    for (int i = 0; i < ROWS; i++, h /= SHRINK) {
        int status = difference(f, context, x, h, &row[0], &noise);
        if (status != PH_OK) {
            return status;
        }
        double factor = SHRINK * SHRINK, last = INFINITY;
        for (int j = 1; j <= i; j++, factor *= SHRINK * SHRINK) {
            row[j] = (factor * row[j - 1] - above[j - 1]) / (factor - 1);
            last = fmax(fabs(row[j] - row[j - 1]), fabs(row[j] - above[j - 1]));
            last = fmax(last, noise);
            if (last <= best_error) {
                best_error = last;
                best = row[j];
            }
        }
        if (i > 1 && fabs(row[i] - above[i - 1]) > WORSE * best_error) {
            break;
        }
        for (int j = 0; j <= i; j++) {
            above[j] = row[j];
        }
    }
    *derivative = best;
    *error = best_error;
    return PH_OK;
}

double ph_gradient_error(double analytic, double numeric, double value, double weight,
                         double x)
{
    double natural = fmax(fabs(value), weight) / (x != 0 ? fabs(x) : 1);
    double size = fmax(fabs(analytic), fabs(numeric));
    return fabs(analytic - numeric) / (size + NATURAL_SHARE * natural);
}
