/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For psi = u'Xu / 2 with X symmetric, Stein's identity is E[u'Xs + tr X] = 0. The
 * products of 50 coordinates are 1275 features: their Gram matrix takes longer than all
 * chains do, but its product with X is two passes over the draws, and for normal laws
 * it is near twice the unit matrix, so that conjugate gradients are there in some 20
 * steps. Every iterate is a control variate in its own right: stopping early is not
 * wrong, only less than the most.
 *
 * With W the weights, P the projection that takes the features B of the first
 * calibration out of a function on the draws, and (FX)_i = u_i'Xs_i + tr X, the weights
 * are calibrated + W P F X with F'W P F X = -F' calibrated.
 */
#include "products.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"

enum { MOST_STEPS = 60 };
#define NEAR 1e-4 /* residual at which the steps end, relative to the first */

/*
 * Mean square of the relative move of the weights. The variance of summaries that
 * products do not explain grows by as much.
 */
#define MOST_UNEVEN 0.5

typedef struct products {
    size_t n, d;
    const double *u, *s; /* [n][d] */
    ph_residuals *r;
    double *x, *residual, *direction, *image; /* [d][d] symmetric */
    double *value;                            /* [n] */
    double *row;                              /* [d] */
    double *beta;                             /* [q] */
} products;

static void products_clear(products *self)
{
    free(self->x);
    free(self->residual);
    free(self->direction);
    free(self->image);
    free(self->value);
    free(self->row);
    free(self->beta);
}

static int products_init(products *self, size_t n, size_t d, const double *u,
                         const double *s, ph_residuals *r)
{
    *self = (products){.n = n, .d = d, .u = u, .s = s, .r = r};
    self->x = ph_alloc(d * d, sizeof(double));
    self->residual = ph_alloc(d * d, sizeof(double));
    self->direction = ph_alloc(d * d, sizeof(double));
    self->image = ph_alloc(d * d, sizeof(double));
    self->value = ph_alloc(n, sizeof(double));
    self->row = ph_alloc(d, sizeof(double));
    self->beta = ph_alloc(r->q, sizeof(double));
    return self->x && self->residual && self->direction && self->image && self->value &&
                   self->row && self->beta
               ? PH_OK
               : PH_E_MEMORY;
}

/* value <- P value */
static void project(products *self)
{
    const ph_residuals *r = self->r;
    size_t q = r->q;
    memset(self->beta, 0, q * sizeof *self->beta);
    for (size_t i = 0; i < self->n; i++) {
        const double *row = r->b + i * r->stride;
        double value = r->weight[i] * self->value[i];
        for (size_t g = 0; g < q; g++) {
            self->beta[g] += value * row[g];
        }
    }
    ph_solve_lower(q, r->gram, self->beta);
    ph_solve_lower_transposed(q, r->gram, self->beta);
    for (size_t i = 0; i < self->n; i++) {
        self->value[i] -= ph_dot(q, r->b + i * r->stride, self->beta);
    }
}

/* value = P F x */
static void apply(products *self, const double *x)
{
    size_t d = self->d;
    double trace = 0;
    for (size_t k = 0; k < d; k++) {
        trace += x[k * (d + 1)];
    }
    for (size_t i = 0; i < self->n; i++) {
        const double *u = self->u + i * d, *s = self->s + i * d;
        memset(self->row, 0, d * sizeof *self->row);
        for (size_t k = 0; k < d; k++) {
            for (size_t l = 0; l < d; l++) {
                self->row[l] += u[k] * x[k * d + l];
            }
        }
        self->value[i] = ph_dot(d, self->row, s) + trace;
    }
    project(self);
}

/* out = F' (weight o value): value NULL counts as 1. */
static void adjoint(const products *self, const double *weight, const double *value,
                    double *out)
{
    size_t d = self->d;
    double sum = 0;
    memset(out, 0, d * d * sizeof *out);
    for (size_t i = 0; i < self->n; i++) {
        const double *u = self->u + i * d, *s = self->s + i * d;
        double w = value ? weight[i] * value[i] : weight[i];
        sum += w;
        for (size_t k = 0; k < d && w != 0; k++) {
            double factor = w * u[k];
            for (size_t l = 0; l < d; l++) {
                out[k * d + l] += factor * s[l];
            }
        }
    }
    for (size_t k = 0; k < d; k++) {
        out[k * (d + 1)] += sum;
    }
    ph_symmetrise(d, out);
}

/* Conjugate gradients for x; afterwards value = P F x. */
static void solve(products *self, const double *calibrated)
{
    size_t size = self->d * self->d;
    double *x = self->x, *r = self->residual, *p = self->direction;
    memset(x, 0, size * sizeof *x);
    adjoint(self, calibrated, NULL, r);
    for (size_t k = 0; k < size; k++) {
        p[k] = r[k] = -r[k];
    }
    double square = ph_dot(size, r, r), last = NEAR * NEAR * square;
    for (int step = 0; step < MOST_STEPS && square > last; step++) {
        apply(self, p);
        adjoint(self, self->r->weight, self->value, self->image);
        double curvature = ph_dot(size, p, self->image), before = square;
        if (!(curvature > 0)) { /* nothing left but what B explains */
            break;
        }
        for (size_t k = 0; k < size; k++) {
            x[k] += square / curvature * p[k];
            r[k] -= square / curvature * self->image[k];
        }
        square = ph_dot(size, r, r);
        for (size_t k = 0; k < size; k++) {
            p[k] = r[k] + square / before * p[k];
        }
    }
    apply(self, x);
}

/*
 * Does the sample contradict the identities? The sum of their squared averages, each in
 * its own error, has as many degrees of freedom as there are products. (The distance by
 * the whole Gram matrix has not: that matrix comes from the same draws, and products
 * have heavy tails.)
 */
static int contradicted(products *self, double ess)
{
    size_t d = self->d;
    double *mean = self->image, *square = self->direction, sum = 0;
    double freedom = 0.5 * (double)d * (double)(d - 1);
    memset(mean, 0, d * d * sizeof *mean);
    memset(square, 0, d * d * sizeof *square);
    for (size_t i = 0; i < self->n; i++) {
        const double *u = self->u + i * d, *s = self->s + i * d;
        double w = self->r->weight[i];
        for (size_t k = 1; k < d; k++) {
            for (size_t l = 0; l < k; l++) {
                double f = u[k] * s[l] + u[l] * s[k];
                mean[k * d + l] += w * f;
                square[k * d + l] += w * f * f;
            }
        }
    }
    for (size_t k = 1; k < d; k++) {
        for (size_t l = 0; l < k; l++) {
            size_t at = k * d + l;
            sum += ess * mean[at] * mean[at] / square[at];
        }
    }
    return !(sum <= freedom + PH_CALIBRATION_TRUST * sqrt(2 * freedom));
}

int ph_products_calibrate(size_t n, size_t d, const double *u, const double *s,
                          double ess, ph_residuals *residuals, double *calibrated)
{
    products self;
    const double *weight = residuals->weight;
    double moved = 0;
    int status = products_init(&self, n, d, u, s, residuals);
    if (status < 0) {
        goto out;
    }
    if (contradicted(&self, ess)) {
        goto out;
    }
    solve(&self, calibrated);
    for (size_t i = 0; i < n; i++) {
        moved += weight[i] * self.value[i] * self.value[i];
    }
    double part = moved > MOST_UNEVEN ? sqrt(MOST_UNEVEN / moved) : 1;
    for (size_t i = 0; i < n; i++) {
        calibrated[i] += weight[i] * part * self.value[i];
        residuals->leverage[i] *= hypot(1, part * self.value[i]);
    }
out:
    products_clear(&self);
    return status;
}
