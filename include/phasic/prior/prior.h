/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_PRIOR_PRIOR_H
#define PHASIC_PRIOR_PRIOR_H

#include <gsl/gsl_rng.h>

#include "phasic/base/error.h"
#include "phasic/num/family.h"

/*
 * Prior densities on theta, and the maps between theta on its support and the
 * unconstrained z:  (0, inf): theta = e^z;  (a, inf): theta = a + e^z;  (-inf, b):
 * theta = b - e^z;  (a, b): theta = a + (b - a) / (1 + e^-z);  real: theta = z.
 */
typedef struct ph_prior {
    ph_family family;
    double argument[2]; /* in the order of num/family.h */
    double lower,
        upper; /* support of theta; the density is renormalised to it where the
                  family reaches beyond (a normal prior on a positive rate) */
    double log_constant; /* minus log of the family's mass on the support */
    double below, mass; /* the family's distribution function at lower, and that mass */
} ph_prior;

/*
 * Checks the arguments, that the family's own range covers the support (a gamma prior
 * says nothing about a parameter that may be negative) and that it has mass there, and
 * normalises. A uniform prior cuts the support to its interval. PH_PRIOR_NONE gives log
 * density 0, and has neither distribution function nor draws. PH_E_MODEL names what is
 * wrong.
 */
int ph_prior_init(ph_prior *self, ph_family family, const double argument[2],
                  double lower, double upper, ph_error *error);

/* Where theta can lie: the support, cut to the interval of a uniform prior. */
void ph_prior_support(const ph_prior *self, double *lower, double *upper);

/*
 * log density at theta and, if d is not NULL, its derivative. Minus infinity with
 * derivative 0 outside the support, and at an end of it where the density has a pole or
 * is 0; never NaN, never plus infinity.
 */
double ph_prior_log(const ph_prior *self, double theta, double *d);
/*
 * The same log density, of theta and not of z, at theta(z), and its derivative in z.
 * The distances from both ends of the support come from z itself, so that mass keeps
 * its place where theta rounds to an end.
 */
double ph_prior_log_z(const ph_prior *self, double z, double *d);
/*
 * Distribution function, and its inverse (as exact as that) by which draws are made, as
 * theta and as its z; NaN for PH_PRIOR_NONE and for probabilities outside [0, 1]. The
 * z of an end of the support is infinite. GSL's error handler must be off.
 */
double ph_prior_cdf(const ph_prior *self, double theta);
double ph_prior_quantile(const ph_prior *self, double probability);
double ph_prior_quantile_z(const ph_prior *self, double probability);
double ph_prior_draw_z(const ph_prior *self, gsl_rng *rng);

/* theta(z), d theta/dz, and log |d theta/dz| with its derivative in z. Any output may
 * be NULL. Accurate for |z| up to 700. */
void ph_transform(double lower, double upper, double z, double *theta, double *dtheta,
                  double *log_jacobian, double *dlog_jacobian);
double ph_transform_inverse(double lower, double upper, double theta);
/* log(theta - lower) and log(upper - theta) at theta(z) and their derivatives in z,
 * for any z; those of an infinite end are NaN. */
typedef struct ph_distances {
    double log_lower, d_lower, log_upper, d_upper;
} ph_distances;
void ph_transform_distances(double lower, double upper, double z, ph_distances *at);

#endif
