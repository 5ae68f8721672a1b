/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "phasic/prior/prior.h"

typedef struct map {
    double theta, dtheta, log_jacobian, dlog_jacobian;
} map;

/* theta = a + e^z, or b - e^z with sign -1. */
static map half_line(double end, double sign, double z)
{
    double e = exp(z);
    return (map){end + sign * e, sign * e, z, 1};
}

/* theta = a + (b - a) / (1 + e^-z), written so that neither end loses digits. */
static map interval(double a, double b, double z)
{
    double e = exp(-fabs(z)), near = e / (1 + e), far = 1 / (1 + e), width = b - a;
    double slope = width * near * far;
    double theta = z < 0 ? a + width * near : b - width * near;
    return (map){theta, slope, log(width) - fabs(z) - 2 * log1p(e),
                 z < 0 ? far - near : near - far};
}

void ph_transform(double lower, double upper, double z, double *theta, double *dtheta,
                  double *log_jacobian, double *dlog_jacobian)
{
    map it = {z, 1, 0, 0};
    if (isfinite(lower) && isfinite(upper)) {
        it = interval(lower, upper, z);
    } else if (isfinite(lower)) {
        it = half_line(lower, 1, z);
    } else if (isfinite(upper)) {
        it = half_line(upper, -1, z);
    }
    if (theta) {
        *theta = it.theta;
    }
    if (dtheta) {
        *dtheta = it.dtheta;
    }
    if (log_jacobian) {
        *log_jacobian = it.log_jacobian;
    }
    if (dlog_jacobian) {
        *dlog_jacobian = it.dlog_jacobian;
    }
}

double ph_transform_inverse(double lower, double upper, double theta)
{
    if (isfinite(lower) && isfinite(upper)) {
        return log((theta - lower) / (upper - theta));
    }
    if (isfinite(lower)) {
        return log(theta - lower);
    }
    return isfinite(upper) ? log(upper - theta) : theta;
}

/* log(1 / (1 + e^-z)) */
static double log_share(double z)
{
    return z < 0 ? z - log1p(exp(z)) : -log1p(exp(-z));
}

void ph_transform_distances(double lower, double upper, double z, ph_distances *at)
{
    *at = (ph_distances){NAN, NAN, NAN, NAN};
    if (isfinite(lower) && isfinite(upper)) {
        double width = log(upper - lower);
        at->log_lower = width + log_share(z);
        at->d_lower = exp(log_share(-z));
        at->log_upper = width + log_share(-z);
        at->d_upper = -exp(log_share(z));
    } else if (isfinite(lower)) {
        at->log_lower = z;
        at->d_lower = 1;
    } else if (isfinite(upper)) {
        at->log_upper = z;
        at->d_upper = 1;
    }
}
