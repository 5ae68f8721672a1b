/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TESTS_SVGD_TARGETS_H
#define PHASIC_TESTS_SVGD_TARGETS_H

/*
 * Targets with known answers. Independent coordinates x are laws with known moments;
 * the point that is sampled is z = shift + A x, with A any invertible matrix, so that
 * means, covariances and (where a row of A has one entry) quantiles are exact.
 */

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_sf_psi.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/rng.h"
#include "phasic/base/status.h"
#include "phasic/svgd/svgd.h"

enum law { NORMAL, LOG_GAMMA, BANANA, TWO_NORMALS, ALL_TWO_NORMALS, STUDENT };

typedef struct known {
    enum law law;
    size_t d;
    double a;              /* shape, bend, distance of the modes, degrees of freedom */
    double b;              /* rate, width, weight of the upper mode */
    double *forward;       /* [d][d] A */
    double *inverse;       /* [d][d] */
    double *shift;         /* [d] */
    double start_scale;    /* sd of the starts in x */
    double start_center;   /* their mean in x_0 */
    size_t calls, fail_at; /* the eval call that returns an error; 0: none */
    double wall;           /* -inf where z[0] > wall */
    uint64_t points;
} known;

static inline void known_free(known *self)
{
    free(self->forward);
    free(self->inverse);
    free(self->shift);
}

static inline void known_init(known *self, enum law law, size_t d, double a, double b)
{
    memset(self, 0, sizeof *self);
    self->law = law;
    self->d = d;
    self->a = a;
    self->b = b;
    self->wall = INFINITY;
    self->start_scale = 3;
    self->forward = calloc(d * d, sizeof(double));
    self->inverse = calloc(d * d, sizeof(double));
    self->shift = calloc(d, sizeof(double));
    for (size_t k = 0; k < d; k++) {
        self->forward[k * (d + 1)] = self->inverse[k * (d + 1)] = 1;
    }
}

/* A <- scale_i (on row i) times A */
static inline void known_scale_row(known *self, size_t i, double scale)
{
    for (size_t k = 0; k < self->d; k++) {
        self->forward[i * self->d + k] *= scale;
        self->inverse[k * self->d + i] /= scale;
    }
}

/* A <- (rotation by `angle` in the plane i, j) A */
static inline void known_rotate(known *self, size_t i, size_t j, double angle)
{
    double c = cos(angle), s = sin(angle);
    for (size_t k = 0; k < self->d; k++) {
        double *x = &self->forward[i * self->d + k],
               *y = &self->forward[j * self->d + k];
        double u = c * *x - s * *y, v = s * *x + c * *y;
        *x = u;
        *y = v;
        x = &self->inverse[k * self->d + i];
        y = &self->inverse[k * self->d + j];
        u = c * *x - s * *y;
        v = s * *x + c * *y;
        *x = u;
        *y = v;
    }
}

/* Random rotations of all coordinate pairs (i, i + 1), `rounds` times. */
static inline void known_mix(known *self, uint64_t seed, int rounds)
{
    ph_rng stream;
    ph_rng_init(&stream, seed, PH_RNG_TEST, 0, 0);
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i + 1 < self->d; i++) {
            known_rotate(self, i, i + 1, 6.283185307179586 * ph_rng_uniform(&stream));
        }
    }
}

/* Row scales from 1 to sqrt(condition), then rotated. */
static inline void known_condition(known *self, double condition, uint64_t seed)
{
    for (size_t i = 0; i < self->d && self->d > 1; i++) {
        known_scale_row(self, i,
                        pow(condition, 0.5 * (double)i / (double)(self->d - 1)));
    }
    known_mix(self, seed, 2);
}

static inline double known_log_p(const known *self, const double *x, double *s)
{
    double sum = 0, a = self->a, b = self->b;
    switch (self->law) {
    case NORMAL:
        for (size_t k = 0; k < self->d; k++) {
            sum -= 0.5 * x[k] * x[k];
            s[k] = -x[k];
        }
        return sum;
    case LOG_GAMMA:
        for (size_t k = 0; k < self->d; k++) {
            sum += a * x[k] - b * exp(x[k]);
            s[k] = a - b * exp(x[k]);
        }
        return sum;
    case BANANA: { /* x0 normal, x1 = a (x0^2 - 1) + b normal; the rest normal */
        double r = (x[1] - a * (x[0] * x[0] - 1)) / b;
        sum = -0.5 * x[0] * x[0] - 0.5 * r * r;
        s[0] = -x[0] + r * 2 * a * x[0] / b;
        s[1] = -r / b;
        for (size_t k = 2; k < self->d; k++) {
            sum -= 0.5 * x[k] * x[k];
            s[k] = -x[k];
        }
        return sum;
    }
    case TWO_NORMALS: { /* x0: (1-b) N(-a, 1) + b N(a, 1); the rest normal */
        double low = log(1 - b) - 0.5 * (x[0] + a) * (x[0] + a);
        double high = log(b) - 0.5 * (x[0] - a) * (x[0] - a);
        double top = fmax(low, high), e = exp(low - top), f = exp(high - top);
        sum = top + log(e + f);
        s[0] = -(e * (x[0] + a) + f * (x[0] - a)) / (e + f);
        for (size_t k = 1; k < self->d; k++) {
            sum -= 0.5 * x[k] * x[k];
            s[k] = -x[k];
        }
        return sum;
    }
    case ALL_TWO_NORMALS: /* in every coordinate */
        sum = 0;
        for (size_t k = 0; k < self->d; k++) {
            double low = log(1 - b) - 0.5 * (x[k] + a) * (x[k] + a);
            double high = log(b) - 0.5 * (x[k] - a) * (x[k] - a);
            double top = fmax(low, high), e = exp(low - top), f = exp(high - top);
            sum += top + log(e + f);
            s[k] = -(e * (x[k] + a) + f * (x[k] - a)) / (e + f);
        }
        return sum;
    case STUDENT: { /* spherical, a degrees of freedom */
        double r = 0, power = 0.5 * (a + (double)self->d);
        for (size_t k = 0; k < self->d; k++) {
            r += x[k] * x[k];
        }
        for (size_t k = 0; k < self->d; k++) {
            s[k] = -2 * power * x[k] / (a + r);
        }
        return -power * log1p(r / a);
    }
    }
    return NAN;
}

static inline int known_eval(void *context, size_t n, const double *z, double *log_p,
                             double *score)
{
    known *self = context;
    size_t d = self->d;
    double x[64], s[64];
    self->points += n;
    if (++self->calls == self->fail_at) {
        return PH_E_INPUT;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < d; k++) {
            x[k] = 0;
            for (size_t l = 0; l < d; l++) {
                x[k] += self->inverse[k * d + l] * (z[i * d + l] - self->shift[l]);
            }
        }
        log_p[i] = z[i * d] > self->wall ? -INFINITY : known_log_p(self, x, s);
        for (size_t k = 0; score && k < d; k++) {
            score[i * d + k] = 0;
            for (size_t l = 0; l < d && log_p[i] > -INFINITY; l++) {
                score[i * d + k] += self->inverse[l * d + k] * s[l];
            }
        }
    }
    return PH_OK;
}

/* Normal starts around the shift. */
static inline int known_start(void *context, uint64_t seed, uint32_t index, double *z)
{
    const known *self = context;
    size_t d = self->d;
    double x[64];
    ph_rng stream;
    ph_rng_init(&stream, seed, PH_RNG_START, index, 0);
    for (size_t k = 0; k < d; k++) {
        x[k] = self->start_scale * ph_rng_normal(&stream) +
               (k == 0 ? self->start_center : 0);
    }
    for (size_t k = 0; k < d; k++) {
        z[k] = self->shift[k];
        for (size_t l = 0; l < d; l++) {
            z[k] += self->forward[k * d + l] * x[l];
        }
    }
    return PH_OK;
}

static inline ph_target known_target(known *self)
{
    ph_target target = {self, self->d, known_eval, known_start, NULL, NULL, 0};
    return target;
}

/* Exact mean and variance of x_k, which are uncorrelated in every law here. */
static inline void known_x(const known *self, size_t k, double *mean, double *variance)
{
    double a = self->a, b = self->b;
    gsl_sf_result psi, psi1;
    *mean = 0;
    *variance = 1;
    if (self->law == LOG_GAMMA) {
        gsl_sf_psi_e(a, &psi);
        gsl_sf_psi_n_e(1, a, &psi1);
        *mean = psi.val - log(b);
        *variance = psi1.val;
    } else if (self->law == BANANA && k == 1) {
        *variance = b * b + 2 * a * a;
    } else if (self->law == ALL_TWO_NORMALS || (self->law == TWO_NORMALS && k == 0)) {
        *mean = (2 * b - 1) * a;
        *variance = 1 + 4 * b * (1 - b) * a * a;
    } else if (self->law == STUDENT) {
        *variance = a > 2 ? a / (a - 2) : INFINITY;
    }
}

/* Exact mean[d] and covariance[d][d] of z. */
static inline void known_moments(const known *self, double *mean, double *covariance)
{
    size_t d = self->d;
    memcpy(mean, self->shift, d * sizeof *mean);
    memset(covariance, 0, d * d * sizeof *covariance);
    for (size_t k = 0; k < d; k++) {
        double m, v;
        known_x(self, k, &m, &v);
        for (size_t i = 0; i < d; i++) {
            mean[i] += self->forward[i * d + k] * m;
            for (size_t j = 0; j < d; j++) {
                covariance[i * d + j] +=
                    self->forward[i * d + k] * v * self->forward[j * d + k];
            }
        }
    }
}

/* Errors of weighted summaries against the truth. */
typedef struct known_errors {
    double mean;        /* worst, in sd */
    double sd;          /* worst, relative */
    double correlation; /* worst */
} known_errors;

static inline known_errors known_compare(const known *self, size_t n, const double *z,
                                         const double *weight)
{
    size_t d = self->d;
    double *truth = calloc(d, sizeof *truth), *cov = calloc(d * d, sizeof *cov);
    double *mean = calloc(d, sizeof *mean), *c = calloc(d * d, sizeof *c);
    known_errors worst = {0, 0, 0};
    known_moments(self, truth, cov);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < d; k++) {
            mean[k] += (weight ? weight[i] : 1.0 / (double)n) * z[i * d + k];
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < d * d; k++) {
            c[k] += (weight ? weight[i] : 1.0 / (double)n) *
                    (z[i * d + k / d] - mean[k / d]) * (z[i * d + k % d] - mean[k % d]);
        }
    }
    for (size_t k = 0; k < d; k++) {
        double sd = sqrt(cov[k * (d + 1)]);
        worst.mean = fmax(worst.mean, fabs(mean[k] - truth[k]) / sd);
        worst.sd = fmax(worst.sd, fabs(sqrt(c[k * (d + 1)]) / sd - 1));
        for (size_t l = 0; l < k; l++) {
            double r = c[k * d + l] / sqrt(c[k * (d + 1)] * c[l * (d + 1)]);
            double t = cov[k * d + l] / (sd * sqrt(cov[l * (d + 1)]));
            worst.correlation = fmax(worst.correlation, fabs(r - t));
        }
    }
    free(truth);
    free(cov);
    free(mean);
    free(c);
    return worst;
}

typedef struct known_pair {
    double x, w;
} known_pair;

static inline int known_by_x(const void *a, const void *b)
{
    const known_pair *x = a, *y = b;
    return (x->x > y->x) - (x->x < y->x);
}

/* Weighted quantile of coordinate k (smallest x whose cumulated weight reaches p). */
static inline double known_quantile(size_t n, size_t d, const double *z,
                                    const double *weight, size_t k, double p)
{
    known_pair *pair = calloc(n, sizeof *pair);
    for (size_t i = 0; i < n; i++) {
        pair[i].x = z[i * d + k];
        pair[i].w = weight ? weight[i] : 1.0 / (double)n;
    }
    qsort(pair, n, sizeof *pair, known_by_x);
    double sum = 0, x = pair[n - 1].x;
    for (size_t i = 0; i < n; i++) {
        sum += pair[i].w;
        if (sum >= p) {
            x = pair[i].x;
            break;
        }
    }
    free(pair);
    return x;
}

#endif
