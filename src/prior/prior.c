/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each family is four functions on its own range: log density and its derivative,
 * distribution function, and quantile, all from GSL but the densities, which are
 * written out so that tails do not underflow. Truncation to the support is common to
 * all: the density is divided by the mass, quantiles map [0, 1] into the mass's
 * interval.
 */
#include "phasic/prior/prior.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>

#define LOG_SQRT_2PI 0.91893853320467274178

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

static double log_normal_density(double x, double mean, double sd, double *d)
{
    double r = (x - mean) / sd;
    *d = -r / sd;
    return -0.5 * r * r - log(sd) - LOG_SQRT_2PI;
}

/* Each half in a ratio that is at most 1: (x / scale)^2 may overflow. */
static double log_half_cauchy_density(double x, double scale, double *d)
{
    double constant = log(2 / M_PI) - log(scale);
    if (x <= scale) {
        double r = x / scale;
        *d = -2 * r / (1 + r * r) / scale;
        return constant - log1p(r * r);
    }
    double r = scale / x;
    *d = -2 / (1 + r * r) / x;
    return constant + 2 * (log(scale) - log(x)) - log1p(r * r);
}

static double log_gamma_function(double x)
{
    gsl_sf_result result;
    return gsl_sf_lngamma_e(x, &result) == 0 ? result.val : NAN;
}

static double log_density(const ph_prior *self, double x, double *d)
{
    double a = self->argument[0], b = self->argument[1], value, slope;
    switch (self->family) {
    case PH_PRIOR_GAMMA:
        *d = (a - 1) / x - b;
        return a * log(b) - log_gamma_function(a) + (a - 1) * log(x) - b * x;
    case PH_PRIOR_LOGNORMAL:
        value = log_normal_density(log(x), a, b, &slope);
        *d = (slope - 1) / x;
        return value - log(x);
    case PH_PRIOR_NORMAL: return log_normal_density(x, a, b, d);
    case PH_PRIOR_HALF_NORMAL: return M_LN2 + log_normal_density(x, 0, a, d);
    case PH_PRIOR_HALF_CAUCHY: return log_half_cauchy_density(x, a, d);
    case PH_PRIOR_EXPONENTIAL: *d = -a; return log(a) - a * x;
    case PH_PRIOR_UNIFORM: *d = 0; return -log(b - a);
    case PH_PRIOR_BETA:
        *d = (a - 1) / x - (b - 1) / (1 - x);
        return log_gamma_function(a + b) - log_gamma_function(a) -
               log_gamma_function(b) + (a - 1) * log(x) + (b - 1) * log1p(-x);
    case PH_PRIOR_NONE: break;
    }
    *d = 0;
    return 0;
}

static double family_cdf(const ph_prior *self, double x)
{
    double a = self->argument[0], b = self->argument[1];
    switch (self->family) {
    case PH_PRIOR_GAMMA: return gsl_cdf_gamma_P(x, a, 1 / b);
    case PH_PRIOR_LOGNORMAL: return x > 0 ? gsl_cdf_lognormal_P(x, a, b) : 0;
    case PH_PRIOR_NORMAL: return gsl_cdf_gaussian_P(x - a, b);
    case PH_PRIOR_HALF_NORMAL: return erf(x / a * M_SQRT1_2);
    case PH_PRIOR_HALF_CAUCHY: return isinf(x) ? 1 : 2 / M_PI * atan(x / a);
    case PH_PRIOR_EXPONENTIAL: return -expm1(-a * x);
    case PH_PRIOR_UNIFORM: return fmin(fmax((x - a) / (b - a), 0), 1);
    case PH_PRIOR_BETA: return gsl_cdf_beta_P(x, a, b);
    case PH_PRIOR_NONE: break;
    }
    return NAN;
}

/* Upper tail probability: keeps its digits where the cdf is near 1. */
static double family_upper(const ph_prior *self, double x)
{
    double a = self->argument[0], b = self->argument[1];
    switch (self->family) {
    case PH_PRIOR_GAMMA: return gsl_cdf_gamma_Q(x, a, 1 / b);
    case PH_PRIOR_LOGNORMAL: return x > 0 ? gsl_cdf_lognormal_Q(x, a, b) : 1;
    case PH_PRIOR_NORMAL: return gsl_cdf_gaussian_Q(x - a, b);
    case PH_PRIOR_HALF_NORMAL: return 2 * gsl_cdf_gaussian_Q(x, a);
    case PH_PRIOR_HALF_CAUCHY: return 2 / M_PI * atan2(a, x);
    case PH_PRIOR_EXPONENTIAL: return exp(-a * x);
    case PH_PRIOR_BETA: return gsl_cdf_beta_Q(x, a, b);
    default: return 1 - family_cdf(self, x);
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
    self->below = self->lower > lower ? family_cdf(self, self->lower) : 0;
    double above = self->upper < upper ? family_upper(self, self->upper) : 0;
    self->mass = self->below > 0.5 ? family_upper(self, self->lower) - above
                                   : 1 - self->below - above;
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

double ph_prior_log(const ph_prior *self, double theta, double *d)
{
    double slope = 0, value = -INFINITY;
    if (theta >= self->lower && theta <= self->upper && isfinite(theta)) {
        value = log_density(self, theta, &slope) + self->log_constant;
    }
    if (!isfinite(value)) { /* a pole or a zero at an end, or far beyond all mass */
        value = -INFINITY;
        slope = 0;
    }
    if (d) {
        *d = slope;
    }
    return value;
}

double ph_prior_cdf(const ph_prior *self, double theta)
{
    if (theta <= self->lower) {
        return 0;
    }
    if (theta >= self->upper) {
        return 1;
    }
    double inside = self->below > 0.5
                        ? family_upper(self, self->lower) - family_upper(self, theta)
                        : family_cdf(self, theta) - self->below;
    return fmin(fmax(inside / self->mass, 0), 1);
}

static int is_within(double x, double low, double high)
{
    return x > low && x < high; /* false for NaN */
}

/* A point inside a bracket that may have an infinite end or span many magnitudes. */
static double middle(double low, double high)
{
    if (low == -INFINITY || high == INFINITY) {
        double end = low == -INFINITY ? high : low, sign = low == -INFINITY ? -1 : 1;
        return isinf(end) ? 0 : sign * end > 0 ? 2 * end : end == 0 ? sign : 0;
    }
    if (low > 0 && high > 4 * low) {
        return sqrt(low) * sqrt(high);
    }
    return low == 0 && high > 1e-300 ? high * 1e-8 : low + (high - low) / 2;
}

/*
 * Root of the distribution function minus p: Newton's method inside a bracket that
 * every step tightens; a step that leaves it or does not shrink makes way for a
 * halving. GSL's inverses alone are good to eight digits, and fail for small shapes.
 */
static double solve(const ph_prior *self, double p, double x)
{
    double low = self->lower, high = self->upper, step = INFINITY;
    for (int k = 0; k < 2200; k++) {
        x = is_within(x, low, high) ? x : middle(low, high);
        if (!is_within(x, low, high)) {
            break; /* no double is left between the ends */
        }
        double before = fabs(step), miss = ph_prior_cdf(self, x) - p;
        step = -miss / exp(ph_prior_log(self, x, NULL));
        if (fabs(step) <= 1e-15 * fabs(x)) {
            return is_within(x + step, low, high) ? x + step : x;
        }
        *(miss > 0 ? &high : &low) = x;
        x = fabs(step) < 0.5 * before ? x + step : NAN;
    }
    return isfinite(low) ? low : high;
}

double ph_prior_quantile(const ph_prior *self, double probability)
{
    if (self->family == PH_PRIOR_NONE || !(probability >= 0 && probability <= 1)) {
        return NAN;
    }
    if (probability == 0 || probability == 1) {
        return probability == 0 ? self->lower : self->upper;
    }
    double start = self->below > 0.5
                       ? family_upper_quantile(self, family_upper(self, self->lower) -
                                                         probability * self->mass)
                       : family_quantile(self, self->below + probability * self->mass);
    return solve(self, probability, start);
}

double ph_prior_draw(const ph_prior *self, gsl_rng *rng)
{
    return ph_prior_quantile(self, gsl_rng_uniform_pos(rng));
}
