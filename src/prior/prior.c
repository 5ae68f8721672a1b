/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each family is four functions on its own range: log density and its derivative,
 * distribution function, and quantile, all from GSL but the densities, which are
 * written out so that tails do not underflow. Truncation to the support is common to
 * all: the density is divided by the mass, quantiles map [0, 1] into the mass's
 * interval.
 *
 * Gamma and beta densities with small shapes have mass within one rounding of an end
 * (beta(1, 0.03) a third of it between 1 and the double below), or below the least
 * double. Densities and distribution functions therefore take a point with the
 * logarithms of its distances from the ends of the range, which z gives for all theta.
 */
#include "phasic/prior/prior.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>

#define LOG_SQRT_2PI 0.91893853320467274178
#define TINY         -40.0 /* log of what no longer counts beside 1 */

/* ------------------------------------------------------------------ families */

/* The whole range of a family with arguments a, b. */
static void range(ph_family family, double a, double b, double *lower, double *upper)
{
    *lower = family == PH_PRIOR_NORMAL || family == PH_PRIOR_NONE ? -INFINITY : 0;
    *upper = family == PH_PRIOR_BETA ? 1 : INFINITY;
    if (family == PH_PRIOR_UNIFORM) {
        *lower = a;
        *upper = b;
    }
}

/*
 * A point of a family's range. Families on (0, inf) read log_x, beta also what is left
 * up to 1; each with its derivative in the coordinate, theta or z, of the point.
 */
typedef struct point {
    double x, rest, log_x, log_rest;
    double d_x, d_log_x, d_log_rest;
} point;

static point point_of_theta(double theta)
{
    return (point){theta, 1 - theta, log(theta),      log1p(-theta),
                   1,     1 / theta, -1 / (1 - theta)};
}

/* An end of the support that is one of the range keeps its distance. */
static point point_of_z(const ph_prior *self, double z)
{
    double theta, slope;
    ph_distances from;
    ph_transform(self->lower, self->upper, z, &theta, &slope, NULL, NULL);
    ph_transform_distances(self->lower, self->upper, z, &from);
    point at = point_of_theta(theta);
    at.d_x = slope;
    at.d_log_x *= slope;
    at.d_log_rest *= slope;
    if (self->lower == 0) {
        at.log_x = from.log_lower;
        at.d_log_x = from.d_lower;
    }
    if (self->upper == 1) {
        at.rest = exp(from.log_upper);
        at.log_rest = from.log_upper;
        at.d_log_rest = from.d_upper;
    }
    return at;
}

static double log_normal_density(double x, double mean, double sd, double *d)
{
    double r = (x - mean) / sd;
    *d = -r / sd;
    return -0.5 * r * r - log(sd) - LOG_SQRT_2PI;
}

/* Each half in a ratio that is at most 1: (x / scale)^2 may overflow. */
static double log_half_cauchy_density(const point *at, double scale, double *d)
{
    double constant = log(2 / M_PI) - log(scale);
    if (at->x <= scale) {
        double r = at->x / scale;
        *d = -2 * r / (1 + r * r) / scale * at->d_x;
        return constant - log1p(r * r);
    }
    double r = scale / at->x;
    *d = -2 / (1 + r * r) * at->d_log_x;
    return constant + 2 * (log(scale) - at->log_x) - log1p(r * r);
}

static double log_gamma_function(double x)
{
    gsl_sf_result result;
    return gsl_sf_lngamma_e(x, &result) == 0 ? result.val : NAN;
}

static double log_beta_function(double a, double b)
{
    return log_gamma_function(a) + log_gamma_function(b) - log_gamma_function(a + b);
}

/* power * y, and 0 for power 0 at an end, where y is infinite */
static double raised(double power, double y)
{
    return power == 0 ? 0 : power * y;
}

/* The derivative is in the point's coordinate. */
static double log_density(const ph_prior *self, const point *at, double *d)
{
    double a = self->argument[0], b = self->argument[1], value = 0;
    *d = 0;
    switch (self->family) {
    case PH_PRIOR_GAMMA:
        *d = raised(a - 1, at->d_log_x) - b * at->d_x;
        return a * log(b) - log_gamma_function(a) + raised(a - 1, at->log_x) -
               b * at->x;
    case PH_PRIOR_LOGNORMAL:
        value = log_normal_density(at->log_x, a, b, d);
        *d = (*d - 1) * at->d_log_x;
        return value - at->log_x;
    case PH_PRIOR_NORMAL: value = log_normal_density(at->x, a, b, d); break;
    case PH_PRIOR_HALF_NORMAL:
        value = M_LN2 + log_normal_density(at->x, 0, a, d);
        break;
    case PH_PRIOR_HALF_CAUCHY: return log_half_cauchy_density(at, a, d);
    case PH_PRIOR_EXPONENTIAL:
        *d = -a;
        value = log(a) - a * at->x;
        break;
    case PH_PRIOR_UNIFORM: return -log(b - a);
    case PH_PRIOR_BETA:
        *d = raised(a - 1, at->d_log_x) + raised(b - 1, at->d_log_rest);
        return raised(a - 1, at->log_x) + raised(b - 1, at->log_rest) -
               log_beta_function(a, b);
    case PH_PRIOR_NONE: return 0;
    }
    *d *= at->d_x;
    return value;
}

/* log of gamma's P(a, x) where x is so small that the power alone is left. */
static double log_gamma_power(double log_x, double a)
{
    return a * log_x - log_gamma_function(a + 1);
}

/* The same of the beta distribution function. */
static double log_beta_power(double log_x, double a, double b)
{
    return a * log_x - log(a) - log_beta_function(a, b);
}

/* Distribution function of beta(a, b) by what lies below x and what is left to 1. */
static double beta_cdf(const point *at, double a, double b)
{
    if (at->log_x + log1p(b) < TINY) {
        return exp(log_beta_power(at->log_x, a, b));
    }
    if (at->log_rest + log1p(a) < TINY) {
        return -expm1(log_beta_power(at->log_rest, b, a));
    }
    return at->x < 0.5 ? gsl_cdf_beta_P(at->x, a, b) : gsl_cdf_beta_Q(at->rest, b, a);
}

static double family_cdf(const ph_prior *self, const point *at)
{
    double a = self->argument[0], b = self->argument[1], x = at->x;
    switch (self->family) {
    case PH_PRIOR_GAMMA:
        return at->log_x + log(b) < TINY ? exp(log_gamma_power(at->log_x + log(b), a))
                                         : gsl_cdf_gamma_P(x, a, 1 / b);
    case PH_PRIOR_LOGNORMAL: return gsl_cdf_gaussian_P(at->log_x - a, b);
    case PH_PRIOR_NORMAL: return gsl_cdf_gaussian_P(x - a, b);
    case PH_PRIOR_HALF_NORMAL: return erf(x / a * M_SQRT1_2);
    case PH_PRIOR_HALF_CAUCHY: return isinf(x) ? 1 : 2 / M_PI * atan(x / a);
    case PH_PRIOR_EXPONENTIAL: return -expm1(-a * x);
    case PH_PRIOR_UNIFORM: return fmin(fmax((x - a) / (b - a), 0), 1);
    case PH_PRIOR_BETA: return beta_cdf(at, a, b);
    case PH_PRIOR_NONE: break;
    }
    return NAN;
}

/* Upper tail probability: keeps its digits where the cdf is near 1. */
static double family_upper(const ph_prior *self, const point *at)
{
    double a = self->argument[0], b = self->argument[1], x = at->x;
    const point mirror = {
        .x = at->rest, .rest = at->x, .log_x = at->log_rest, .log_rest = at->log_x};
    switch (self->family) {
    case PH_PRIOR_GAMMA:
        return at->log_x + log(b) < TINY
                   ? -expm1(log_gamma_power(at->log_x + log(b), a))
                   : gsl_cdf_gamma_Q(x, a, 1 / b);
    case PH_PRIOR_LOGNORMAL: return gsl_cdf_gaussian_Q(at->log_x - a, b);
    case PH_PRIOR_NORMAL: return gsl_cdf_gaussian_Q(x - a, b);
    case PH_PRIOR_HALF_NORMAL: return 2 * gsl_cdf_gaussian_Q(x, a);
    case PH_PRIOR_HALF_CAUCHY: return 2 / M_PI * atan2(a, x);
    case PH_PRIOR_EXPONENTIAL: return exp(-a * x);
    case PH_PRIOR_BETA: return beta_cdf(&mirror, b, a);
    default: return 1 - family_cdf(self, at);
    }
}

static double family_quantile(const ph_prior *self, double p)
{
    double a = self->argument[0], b = self->argument[1];
    switch (self->family) {
    case PH_PRIOR_GAMMA: return gsl_cdf_gamma_Pinv(p, a, 1 / b);
    case PH_PRIOR_LOGNORMAL: return gsl_cdf_lognormal_Pinv(p, a, b);
    case PH_PRIOR_NORMAL: return a + gsl_cdf_gaussian_Pinv(p, b);
    case PH_PRIOR_HALF_NORMAL: return gsl_cdf_gaussian_Qinv((1 - p) / 2, a);
    case PH_PRIOR_HALF_CAUCHY: return a * tan(M_PI / 2 * p);
    case PH_PRIOR_EXPONENTIAL: return -log1p(-p) / a;
    case PH_PRIOR_UNIFORM: return a + p * (b - a);
    case PH_PRIOR_BETA: return gsl_cdf_beta_Pinv(p, a, b);
    case PH_PRIOR_NONE: break;
    }
    return NAN;
}

/* The point with upper tail probability q. */
static double family_upper_quantile(const ph_prior *self, double q)
{
    double a = self->argument[0], b = self->argument[1];
    switch (self->family) {
    case PH_PRIOR_GAMMA: return gsl_cdf_gamma_Qinv(q, a, 1 / b);
    case PH_PRIOR_LOGNORMAL: return gsl_cdf_lognormal_Qinv(q, a, b);
    case PH_PRIOR_NORMAL: return a + gsl_cdf_gaussian_Qinv(q, b);
    case PH_PRIOR_HALF_NORMAL: return gsl_cdf_gaussian_Qinv(q / 2, a);
    case PH_PRIOR_HALF_CAUCHY: return a / tan(M_PI / 2 * q);
    case PH_PRIOR_EXPONENTIAL: return -log(q) / a;
    case PH_PRIOR_BETA: return gsl_cdf_beta_Qinv(q, a, b);
    default: return family_quantile(self, 1 - q);
    }
}

/* ------------------------------------------------------------- construction */

static int check_arguments(const ph_prior *self, ph_error *error)
{
    const char *name = ph_family_name(self->family);
    for (int k = 0; ph_family_argument(self->family, k); k++) {
        const char *argument = ph_family_argument(self->family, k);
        double value = self->argument[k];
        int free = self->family == PH_PRIOR_UNIFORM ||
                   (k == 0 && (self->family == PH_PRIOR_NORMAL ||
                               self->family == PH_PRIOR_LOGNORMAL));
        if (!isfinite(value) || (!free && value <= 0)) {
            return ph_error_set(error, PH_E_MODEL,
                                "'%s' of the %s prior must be %s, not %.17g", argument,
                                name, free ? "finite" : "positive and finite", value);
        }
    }
    if (self->family == PH_PRIOR_UNIFORM && self->argument[0] >= self->argument[1]) {
        return ph_error_set(
            error, PH_E_MODEL,
            "the uniform prior's lower end %.17g must lie below its upper "
            "end %.17g",
            self->argument[0], self->argument[1]);
    }
    return PH_OK;
}

static int fit_support(ph_prior *self, ph_error *error)
{
    double lower, upper;
    const char *name = ph_family_name(self->family);
    range(self->family, self->argument[0], self->argument[1], &lower, &upper);
    if (self->family == PH_PRIOR_UNIFORM) {
        self->lower = fmax(lower, self->lower);
        self->upper = fmin(upper, self->upper);
    } else if (self->lower < lower || self->upper > upper) {
        return ph_error_set(
            error, PH_E_MODEL,
            "a %s prior covers %g to %g only, but the parameter's support "
            "is %g to %g; change one of them",
            name, lower, upper, self->lower, self->upper);
    }
    if (self->family == PH_PRIOR_NONE) {
        return PH_OK;
    }
    if (!(self->lower < self->upper)) {
        return ph_error_set(error, PH_E_MODEL,
                            "the uniform prior from %g to %g lies outside the support",
                            lower, upper);
    }
    point from = point_of_theta(self->lower), to = point_of_theta(self->upper);
    self->below = self->lower > lower ? family_cdf(self, &from) : 0;
    double above = self->upper < upper ? family_upper(self, &to) : 0;
    self->mass =
        self->below > 0.5 ? family_upper(self, &from) - above : 1 - self->below - above;
    if (!(self->mass > 1e-290)) {
        return ph_error_set(error, PH_E_MODEL,
                            "the %s prior has no mass on the parameter's support",
                            name);
    }
    self->log_constant = -log(self->mass);
    return PH_OK;
}

int ph_prior_init(ph_prior *self, ph_family family, const double argument[2],
                  double lower, double upper, ph_error *error)
{
    ph_prior prior = {.family = family,
                      .argument = {argument[0], argument[1]},
                      .lower = lower,
                      .upper = upper,
                      .mass = 1};
    int status = check_arguments(&prior, error);
    if (status == PH_OK) {
        status = fit_support(&prior, error);
    }
    if (status == PH_OK) {
        *self = prior;
    }
    return status;
}

/* ------------------------------------------------------------------- queries */

void ph_prior_support(const ph_prior *self, double *lower, double *upper)
{
    *lower = self->lower;
    *upper = self->upper;
}

/* A pole or a zero at an end, or far beyond all mass, is minus infinity. */
static double log_at(const ph_prior *self, const point *at, double *d)
{
    double slope, value = log_density(self, at, &slope) + self->log_constant;
    int good = isfinite(value) && isfinite(slope);
    if (d) {
        *d = good ? slope : 0;
    }
    return good ? value : -INFINITY;
}

double ph_prior_log(const ph_prior *self, double theta, double *d)
{
    if (theta >= self->lower && theta <= self->upper && isfinite(theta)) {
        point at = point_of_theta(theta);
        return log_at(self, &at, d);
    }
    if (d) {
        *d = 0;
    }
    return -INFINITY;
}

double ph_prior_log_z(const ph_prior *self, double z, double *d)
{
    point at = point_of_z(self, z);
    return log_at(self, &at, d);
}

/* The distribution function inside the support. */
static double cdf_at(const ph_prior *self, const point *at)
{
    point from = point_of_theta(self->lower);
    double inside = self->below > 0.5
                        ? family_upper(self, &from) - family_upper(self, at)
                        : family_cdf(self, at) - self->below;
    return fmin(fmax(inside / self->mass, 0), 1);
}

double ph_prior_cdf(const ph_prior *self, double theta)
{
    if (theta <= self->lower) {
        return 0;
    }
    if (theta >= self->upper) {
        return 1;
    }
    point at = point_of_theta(theta);
    return cdf_at(self, &at);
}

static int is_within(double x, double low, double high)
{
    return x > low && x < high; /* false for NaN */
}

/* A point inside a bracket that may have an infinite end. */
static double middle(double low, double high)
{
    if (low == -INFINITY || high == INFINITY) {
        double end = low == -INFINITY ? high : low, sign = low == -INFINITY ? -1 : 1;
        return isinf(end) ? 0 : sign * end > 0 ? 2 * end : end == 0 ? sign : 0;
    }
    return low + (high - low) / 2;
}

/* Whether theta falls as z grows. */
static int falls(const ph_prior *self)
{
    return isinf(self->lower) && isfinite(self->upper);
}

/*
 * Root in z of the distribution function minus p: Newton's method inside a bracket that
 * every step tightens; a step that leaves it or does not shrink makes way for a
 * halving. GSL's inverses alone are good to eight digits, and fail for small shapes. On
 * the real line z is theta and has its relative accuracy; elsewhere an absolute one of
 * z is a relative one of the distance from an end.
 */
static double solve(const ph_prior *self, double p, double z)
{
    double low = -INFINITY, high = INFINITY, step = INFINITY;
    double least = isinf(self->lower) && isinf(self->upper) ? 0 : 1;
    for (int k = 0; k < 2200; k++) {
        z = is_within(z, low, high) ? z : middle(low, high);
        if (!is_within(z, low, high)) {
            break; /* no double is left between the ends */
        }
        point at = point_of_z(self, z);
        double before = fabs(step), miss = cdf_at(self, &at) - p, jacobian;
        ph_transform(self->lower, self->upper, z, NULL, NULL, &jacobian, NULL);
        miss = falls(self) ? -miss : miss;
        step = -miss / exp(log_at(self, &at, NULL) + jacobian);
        if (fabs(step) <= 1e-15 * fmax(fabs(z), least)) {
            return is_within(z + step, low, high) ? z + step : z;
        }
        *(miss > 0 ? &high : &low) = z;
        z = fabs(step) < 0.5 * before ? z + step : NAN;
    }
    return isfinite(low) ? low : high;
}

double ph_prior_quantile_z(const ph_prior *self, double probability)
{
    if (self->family == PH_PRIOR_NONE || !(probability >= 0 && probability <= 1)) {
        return NAN;
    }
    if (probability == 0 || probability == 1) {
        return (probability == 0) != falls(self) ? -INFINITY : INFINITY;
    }
    point from = point_of_theta(self->lower);
    double start = self->below > 0.5
                       ? family_upper_quantile(self, family_upper(self, &from) -
                                                         probability * self->mass)
                       : family_quantile(self, self->below + probability * self->mass);
    return solve(self, probability,
                 is_within(start, self->lower, self->upper)
                     ? ph_transform_inverse(self->lower, self->upper, start)
                     : NAN);
}

double ph_prior_quantile(const ph_prior *self, double probability)
{
    double theta, z = ph_prior_quantile_z(self, probability);
    if (isinf(z)) {
        return probability == 0 ? self->lower : self->upper;
    }
    ph_transform(self->lower, self->upper, z, &theta, NULL, NULL, NULL);
    return theta;
}

double ph_prior_draw_z(const ph_prior *self, gsl_rng *rng)
{
    return ph_prior_quantile_z(self, gsl_rng_uniform_pos(rng));
}
