/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The O(n^2) sums over pairs; plain loops in the order of the particles, so that the
 * result does not depend on threads.
 */
#include "shape.h"

#include <math.h>
#include <string.h>

#include "linalg.h"

static double rbf(double q, double *slope)
{
    return *slope = exp(-0.5 * q);
}

static double imq(double q, double *slope)
{
    double k = 1 / sqrt(1 + 0.5 * q);
    *slope = 0.5 * k * k * k;
    return k;
}

double ph_shape_value(ph_shape shape, double q, double *slope)
{
    static double (*const value[])(double, double *) = {
        [PH_SHAPE_RBF] = rbf,
        [PH_SHAPE_IMQ] = imq,
    };
    return value[shape](q, slope);
}

void ph_shape_whiten(size_t n, size_t d, const double *factor, const double *x,
                     const double *score, double *u, double *v)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < d; k++) {
            double sum = 0;
            for (size_t l = k; l < d; l++) {
                sum += factor[l * d + k] * x[i * d + l];
            }
            u[i * d + k] = sum;
        }
        memcpy(v + i * d, score + i * d, d * sizeof *v);
        ph_solve_lower(d, factor, v + i * d);
    }
}

void ph_shape_sum(ph_shape shape, size_t n, size_t d, const double *u, const double *v,
                  double h2, int normalise, double *phi)
{
    for (size_t i = 0; i < n; i++) {
        const double *x = u + i * d;
        double *out = phi + i * d, total = 0;
        memset(out, 0, d * sizeof *out);
        for (size_t j = 0; j < n; j++) {
            const double *y = u + j * d, *s = v + j * d;
            double r2 = 0, slope;
            for (size_t k = 0; k < d; k++) {
                r2 += (x[k] - y[k]) * (x[k] - y[k]);
            }
            double kernel = ph_shape_value(shape, r2 / h2, &slope);
            total += kernel;
            slope /= h2;
            for (size_t k = 0; k < d; k++) {
                out[k] += kernel * s[k] + slope * (x[k] - y[k]);
            }
        }
        total = normalise ? total : (double)n;
        for (size_t k = 0; k < d; k++) {
            out[k] /= total;
        }
    }
}

void ph_shape_add_linear(size_t n, size_t d, const double *u, const double *v, double c,
                         double *phi, double *work)
{
    double *mean = work, *mean_v = work + d, *cross = work + 2 * d;
    ph_moments(n, d, u, NULL, mean, NULL);
    ph_moments(n, d, v, NULL, mean_v, NULL);
    memset(cross, 0, d * d * sizeof *cross);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < d; k++) {
            for (size_t l = 0; l < d; l++) {
                cross[k * d + l] += v[i * d + k] * (u[i * d + l] - mean[l]) / (double)n;
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        const double *x = u + i * d;
        for (size_t k = 0; k < d; k++) {
            double sum = x[k] - mean[k];
            for (size_t l = 0; l < d; l++) {
                sum += cross[k * d + l] * (x[l] - mean[l]);
            }
            phi[i * d + k] += mean_v[k] + c * sum;
        }
    }
}
