/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The O(n^2) sums over pairs of particles. For n of a few hundred they cost less than
 * the scores; plain loops in the order of the particles keep the result independent of
 * threads.
 */
#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bandwidth.h"
#include "linalg.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"
#include "shape.h"

/* out = M (a - b); returns the squared distance in M. */
static double metric_difference(size_t d, const double *m, const double *a,
                                const double *b, double *out)
{
    double sum = 0;
    for (size_t k = 0; k < d; k++) {
        double row = 0;
        for (size_t l = 0; l < d; l++) {
            row += m[k * d + l] * (a[l] - b[l]);
        }
        out[k] = row;
        sum += row * (a[k] - b[k]);
    }
    return sum;
}

void ph_svgd_direction(size_t particles, size_t d, const double *z, const double *score,
                       const double *metric, double *phi)
{
    memset(phi, 0, particles * d * sizeof *phi);
    for (size_t i = 0; i < particles; i++) {
        const double *x = z + i * d;
        double *out = phi + i * d;
        for (size_t j = 0; j < particles; j++) {
            const double *y = z + j * d, *s = score + j * d;
            double distance2 = 0;
            for (size_t k = 0; k < d; k++) {
                double row = 0;
                for (size_t l = 0; l < d; l++) {
                    row += metric[k * d + l] * (x[l] - y[l]);
                }
                distance2 += row * (x[k] - y[k]);
            }
            double kernel = exp(-0.5 * distance2);
            for (size_t k = 0; k < d; k++) {
                double repulsion = 0;
                for (size_t l = 0; l < d; l++) {
                    repulsion += metric[k * d + l] * (x[l] - y[l]);
                }
                out[k] += kernel * (s[k] + repulsion);
            }
        }
        for (size_t k = 0; k < d; k++) {
            out[k] /= (double)particles;
        }
    }
}

/* metric <- mean_i H_i / d */
static void mean_metric(const ph_ensemble *self, double *metric)
{
    size_t dd = self->d * self->d;
    memset(metric, 0, dd * sizeof *metric);
    for (size_t i = 0; i < self->n; i++) {
        for (size_t k = 0; k < dd; k++) {
            metric[k] += self->hessian[i * dd + k];
        }
    }
    for (size_t k = 0; k < dd; k++) {
        metric[k] /= (double)self->n * (double)self->d;
    }
}

/* phi_i and Hb_i of one particle. */
static void newton_sums(const ph_ensemble *self, size_t i, const double *metric,
                        double *phi, double *block, double *g)
{
    size_t d = self->d;
    memset(phi, 0, d * sizeof *phi);
    memset(block, 0, d * d * sizeof *block);
    for (size_t j = 0; j < self->n; j++) {
        const double *h = self->hessian + j * d * d, *s = self->score + j * d;
        double kernel = exp(
            -0.5 * metric_difference(d, metric, self->y + i * d, self->y + j * d, g));
        double square = kernel * kernel;
        for (size_t k = 0; k < d; k++) {
            phi[k] += kernel * (s[k] + g[k]);
            for (size_t l = 0; l <= k; l++) {
                block[k * d + l] += square * (h[k * d + l] + g[k] * g[l]);
            }
        }
    }
    for (size_t k = 0; k < d; k++) {
        phi[k] /= (double)self->n;
        for (size_t l = 0; l <= k; l++) {
            block[k * d + l] /= (double)self->n;
        }
    }
}

/* sqrt(mean_i phi_i' A^-1 phi_i) with A = L L'. */
static double mean_norm(size_t n, size_t d, const double *phi, const double *factor,
                        double *row)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(row, phi + i * d, d * sizeof *row);
        ph_solve_lower(d, factor, row);
        sum += ph_dot(d, row, row);
    }
    return sqrt(sum / (double)n);
}

int ph_kernel_newton(const ph_ensemble *self, double *phi, double *step, double *norm)
{
    size_t d = self->d;
    double *metric = ph_alloc(d * d, sizeof *metric);
    double *block = ph_alloc(d * d, sizeof *block), *g = ph_alloc(d, sizeof *g);
    int status = metric && block && g ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK) {
        mean_metric(self, metric);
    }
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        newton_sums(self, i, metric, phi + i * d, block, g);
        status = ph_cholesky(d, block, block);
        memcpy(step + i * d, phi + i * d, d * sizeof *step);
        ph_solve_lower(d, block, step + i * d);
        ph_solve_lower_transposed(d, block, step + i * d);
    }
    if (status == PH_OK) {
        status = ph_cholesky(d, metric, metric);
        *norm = mean_norm(self->n, d, phi, metric, g);
    }
    free(metric);
    free(block);
    free(g);
    return status;
}

int ph_kernel_preconditioned(const ph_ensemble *self, const double *metric, double *phi,
                             double *step, double *norm, double *length)
{
    size_t n = self->n, d = self->d;
    double *factor = ph_alloc(d * d, sizeof *factor);
    double *u = ph_alloc(n * d, sizeof *u), *v = ph_alloc(n * d, sizeof *v);
    double *pairs = ph_alloc(n * n / 2, sizeof *pairs);
    double *work = ph_alloc(d * d + 2 * d, sizeof *work);
    int status = factor && u && v && pairs && work ? ph_cholesky(d, metric, factor)
                                                   : PH_E_MEMORY;
    if (status == PH_OK) {
        ph_shape_whiten(n, d, factor, self->y, self->score, u, v);
        double h2 = ph_median_distance2(n, d, u, pairs);
        ph_shape_sum(PH_SHAPE_RBF, n, d, u, v, h2, 1, phi);
        ph_shape_add_linear(n, d, u, v, 1, phi, work);
        *norm = sqrt(ph_dot(n * d, phi, phi) / (double)n);
        *length = fmin(0.5, h2);
        memcpy(step, phi, n * d * sizeof *step);
        for (size_t i = 0; i < n; i++) { /* back: y = L'^-1 u */
            ph_solve_lower_transposed(d, factor, step + i * d);
        }
    }
    free(factor);
    free(u);
    free(v);
    free(pairs);
    free(work);
    return status;
}

/* Residuals over particles from..to. */
static void cluster_residuals(const ph_ensemble *self, size_t from, size_t to,
                              double *work, double *r1, double *r2)
{
    size_t d = self->d, n = to - from;
    const double *y = self->y + from * d, *s = self->score + from * d;
    double *mean = work, *mean_s = work + d, *c = work + 2 * d;
    ph_moments(n, d, y, NULL, mean, c);
    ph_moments(n, d, s, NULL, mean_s, NULL);
    for (size_t k = 0; k < d; k++) {
        double cross = 0;
        for (size_t i = 0; i < n; i++) {
            cross += s[i * d + k] * (y[i * d + k] - mean[k]);
        }
        *r2 = fmax(*r2, fabs(cross / (double)n + 1));
        *r1 = fmax(*r1, fabs(ph_dot(d, c + k * d, mean_s)) / sqrt(c[k * (d + 1)]));
    }
}

int ph_kernel_residuals(const ph_ensemble *self, double *r1, double *r2)
{
    size_t d = self->d;
    double *work = ph_alloc(2 * d + d * d, sizeof *work);
    if (!work) {
        return PH_E_MEMORY;
    }
    *r1 = *r2 = 0;
    for (size_t from = 0, to; from < self->n; from = to) {
        for (to = from; to < self->n && self->cluster[to] == self->cluster[from];
             to++) {
        }
        if (to - from > d + 1) {
            cluster_residuals(self, from, to, work, r1, r2);
        }
    }
    free(work);
    return PH_OK;
}

/*
 * The Stein kernel of particle i with those before it, summed; y[d][n] and g[d][n] hold
 * a coordinate of all particles in a row, so that the loops run over particles in step.
 */
static double pairs_before(size_t i, size_t n, size_t d, const double *y,
                           const double *g, double *work)
{
    double *r2 = work, *cross = work + n, *scores = work + 2 * n, sum = 0;
    memset(work, 0, 3 * n * sizeof *work);
    for (size_t k = 0; k < d; k++) {
        const double *yk = y + k * n, *gk = g + k * n;
        double at = yk[i], score = gk[i];
        for (size_t j = 0; j < i; j++) {
            double off = at - yk[j];
            r2[j] += off * off;
            cross[j] += off * (score - gk[j]);
            scores[j] += score * gk[j];
        }
    }
    for (size_t j = 0; j < i; j++) { /* trace of grad_x grad_y k, mixed terms, g g k */
        double q = 1 / (1 + r2[j]);
        r2[j] = sqrt(q) * (q * ((double)d - 3 * r2[j] * q + cross[j]) + scores[j]);
    }
    for (size_t j = 0; j < i; j++) {
        sum += r2[j];
    }
    return sum;
}

int ph_kernel_ksd(const ph_ensemble *self, double *ksd)
{
    size_t n = self->n, d = self->d;
    double *y = ph_alloc(n * d, sizeof *y), *g = ph_alloc(n * d, sizeof *g);
    double *work = ph_alloc(3 * n, sizeof *work), sum = 0;
    int status = y && g && work ? PH_OK : PH_E_MEMORY;
    for (size_t i = 0; i < n * d && status == PH_OK; i++) {
        size_t to = i % d * n + i / d;
        y[to] = self->y[i];
        g[to] = self->score[i];
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        const double *own = self->score + i * d;
        sum += (double)d + ph_dot(d, own, own) + 2 * pairs_before(i, n, d, y, g, work);
    }
    *ksd = sqrt(fmax(sum, 0)) / (double)n;
    free(y);
    free(g);
    free(work);
    return status;
}
