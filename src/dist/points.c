/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/dist/points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "curve.h"
#include "phasic/base/memory.h"

static int one_kind(ph_curve *curve, ph_sweep_kind kind, size_t n, const double *t,
                    double *value, double *gradient, ph_error *error)
{
    ph_served *by = ph_alloc(n, sizeof *by);
    if (!by) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    int status = ph_curve_values(curve, kind, n, t, value, by, error);
    if (status == PH_OK && gradient) {
        status = ph_curve_gradient(curve, kind, n, t, value, by, gradient, error);
    }
    free(by);
    return status;
}

static int no_digits_left(double t, ph_error *error)
{
    return ph_error_set(error, PH_E_NUMERIC,
                        "the survival at %.17g is so small that the hazard, a quotient "
                        "by it, has too few digits left",
                        t);
}

static int no_slope_left(double t, ph_error *error)
{
    return ph_error_set(error, PH_E_NUMERIC,
                        "the survival at %.17g is so small that the derivative of the "
                        "hazard, a difference of two large ones, has too few digits "
                        "left",
                        t);
}

/*
 * Whether d log f - d log S has its digits: each is divided by f or S, which its
 * logarithm holds to DBL_EPSILON of itself, so that much of d log S is lost. Counted in
 * theta d/dtheta, against the largest of the difference or 1.
 */
static int has_slope(const ph_curve *curve, double survival, const double *slope,
                     const double *gradient)
{
    double lost = 0, kept = 1;
    for (size_t m = 0; m < ph_plan_parameters(curve->plan); m++) {
        double theta = curve->theta[m * PH_LANES];
        lost = fmax(lost, fabs(survival * theta * slope[m]));
        kept = fmax(kept, fabs(theta * gradient[m]));
    }
    return lost <= PH_HAZARD_LOG_MAX * kept;
}

/* value and gradient hold log f on entry, and log of the hazard on success. */
static int divide_by_survival(ph_curve *curve, size_t n, const double *t, double *value,
                              double *gradient, ph_error *error)
{
    size_t p = ph_plan_parameters(curve->plan);
    double *before = ph_alloc(2 * n + (gradient ? n * p : 0), sizeof *before);
    if (!before) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    double *survival = before + n, *slope = gradient ? survival + n : NULL;
    for (size_t i = 0; i < n; i++) { /* a step of discrete time begins at t - 1 */
        before[i] = curve->plan->graph->discrete ? fmax(t[i] - 1, 0) : t[i];
    }
    int status = one_kind(curve, PH_SURVIVAL, n, before, survival, slope, error);
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        if (curve->plan->graph->discrete && t[i] == 0) {
            continue; /* nothing came before */
        }
        if (survival[i] < -PH_HAZARD_LOG_MAX) {
            status = no_digits_left(t[i], error);
            break;
        }
        value[i] -= survival[i];
        for (size_t m = 0; gradient && m < p; m++) {
            gradient[i * p + m] -= slope[i * p + m];
        }
        if (gradient && survival[i] > -INFINITY &&
            !has_slope(curve, survival[i], slope + i * p, gradient + i * p)) {
            status = no_slope_left(t[i], error);
        }
    }
    free(before);
    return status;
}

static double largest(size_t n, const double *t)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        most = t[i] > most ? t[i] : most;
    }
    return most;
}

int ph_points_log_tally(const ph_plan *plan, ph_engine engine, ph_quantity what,
                        const double *theta, size_t n, const double *t, double *value,
                        double *gradient, ph_tally *tally, ph_error *error)
{
    ph_sweep_kind kind = what == PH_LOG_SURVIVAL ? PH_SURVIVAL
                         : what == PH_LOG_CDF    ? PH_DISTRIBUTION
                                                 : PH_DENSITY;
    ph_curve curve;
    int status = ph_curve_begin(&curve, plan, engine, theta, largest(n, t), error);
    if (status == PH_OK) {
        status = one_kind(&curve, kind, n, t, value, gradient, error);
    }
    if (status == PH_OK && what == PH_LOG_HAZARD) {
        status = divide_by_survival(&curve, n, t, value, gradient, error);
    }
    ph_curve_tally(&curve, tally);
    ph_curve_free(&curve);
    return status;
}

int ph_points_log(const ph_plan *plan, ph_engine engine, ph_quantity what,
                  const double *theta, size_t n, const double *t, double *value,
                  double *gradient, ph_error *error)
{
    return ph_points_log_tally(plan, engine, what, theta, n, t, value, gradient, NULL,
                               error);
}

int ph_points(const ph_plan *plan, ph_engine engine, const double *theta, size_t n,
              const double *t, double *log_pdf, double *log_survival, double *dlog_pdf,
              double *dlog_survival, ph_error *error)
{
    double *value[2] = {log_pdf, log_survival};
    double *gradient[2] = {dlog_pdf, dlog_survival};
    double *scratch = ph_alloc(n, sizeof *scratch); /* values for gradients only */
    ph_curve curve = {0};
    int status = scratch
                     ? ph_curve_begin(&curve, plan, engine, theta, largest(n, t), error)
                     : ph_error_set(error, PH_E_MEMORY, "out of memory");
    for (int k = 0; k < 2 && status == PH_OK; k++) {
        if (value[k] || gradient[k]) {
            status = one_kind(&curve, k == 0 ? PH_DENSITY : PH_SURVIVAL, n, t,
                              value[k] ? value[k] : scratch, gradient[k], error);
        }
    }
    ph_curve_free(&curve);
    free(scratch);
    return status;
}
