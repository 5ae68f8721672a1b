/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Densities are the inner loop of stage 3 (draws times components): points go side by
 * side in lanes, and components that share a factor share its product with the points.
 */
#include "proposal.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_gamma.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "normals.h"
#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/base/status.h"

enum { LANES = 16 }; /* points whose densities are computed side by side */

int ph_student_mixture_init(ph_student_mixture *self, size_t n, size_t d, double nu)
{
    memset(self, 0, sizeof *self);
    self->n = n;
    self->d = d;
    self->nu = nu;
    self->mean = ph_alloc(n * d, sizeof(double));
    self->image = ph_alloc(n * d, sizeof(double));
    self->log_norm = ph_alloc(n, sizeof(double));
    self->shape = ph_alloc(n, sizeof(size_t));
    self->label = ph_alloc(n, sizeof(size_t));
    return self->mean && self->image && self->log_norm && self->shape && self->label
               ? PH_OK
               : PH_E_MEMORY;
}

void ph_student_mixture_clear(ph_student_mixture *self)
{
    free(self->mean);
    free(self->factor);
    free(self->image);
    free(self->log_norm);
    free(self->shape);
    free(self->label);
    memset(self, 0, sizeof *self);
}

int ph_student_mixture_shape(ph_student_mixture *self, const double *precision,
                             double scale)
{
    size_t d = self->d;
    double *factor =
        ph_realloc(self->factor, (self->n_factors + 1) * d * d, sizeof(double));
    if (!factor) {
        return PH_E_MEMORY;
    }
    self->factor = factor;
    double *u = factor + self->n_factors * d * d;
    int status = ph_cholesky(d, precision, u);
    if (status < 0) {
        return status;
    }
    for (size_t i = 0; i < d; i++) { /* L / scale, transposed in place */
        for (size_t j = 0; j <= i; j++) {
            double value = u[i * d + j] / scale;
            u[i * d + j] = 0;
            u[j * d + i] = value;
        }
    }
    self->n_factors++;
    return PH_OK;
}

int ph_student_mixture_place(ph_student_mixture *self, size_t c, const double *mean,
                             size_t label)
{
    size_t d = self->d, shape = self->n_factors - 1;
    const double *u = self->factor + shape * d * d;
    double nu = self->nu, half = 0.5 * (nu + (double)d), log_det = 0;
    gsl_sf_result top, bottom;
    if (gsl_sf_lngamma_e(half, &top) || gsl_sf_lngamma_e(0.5 * nu, &bottom)) {
        return PH_E_NUMERIC;
    }
    for (size_t k = 0; k < d; k++) {
        log_det += log(u[k * d + k]);
        self->image[c * d + k] = ph_dot(d - k, u + k * d + k, mean + k);
    }
    memcpy(self->mean + c * d, mean, d * sizeof *mean);
    self->shape[c] = shape;
    self->label[c] = label;
    self->log_norm[c] =
        top.val - bottom.val - 0.5 * (double)d * log(nu * M_PI) + log_det;
    return PH_OK;
}

/* out[d][LANES] = U y, y[d][LANES] */
static void map_lanes(size_t d, const double *u, const double *y, double *out)
{
    for (size_t k = 0; k < d; k++) {
        double *row = out + k * LANES;
        for (size_t w = 0; w < LANES; w++) {
            row[w] = 0;
        }
        for (size_t l = k; l < d; l++) {
            double value = u[k * d + l];
            for (size_t w = 0; w < LANES; w++) {
                row[w] += value * y[l * LANES + w];
            }
        }
    }
}

/* Log terms of all components at LANES points: term[n][LANES]. */
static void terms(const ph_student_mixture *self, const double *y, double *image,
                  double *term)
{
    size_t d = self->d, shape = SIZE_MAX;
    double power = 0.5 * (self->nu + (double)d);
    for (size_t c = 0; c < self->n; c++) {
        if (self->shape[c] != shape) {
            shape = self->shape[c];
            map_lanes(d, self->factor + shape * d * d, y, image);
        }
        double r[LANES] = {0};
        for (size_t k = 0; k < d; k++) {
            double center = self->image[c * d + k];
            for (size_t w = 0; w < LANES; w++) {
                double delta = image[k * LANES + w] - center;
                r[w] += delta * delta;
            }
        }
        for (size_t w = 0; w < LANES; w++) {
            term[c * LANES + w] = self->log_norm[c] - power * log1p(r[w] / self->nu);
        }
    }
}

int ph_student_mixture_log_density(const ph_student_mixture *self, size_t n,
                                   const double *y, size_t stride, double *out)
{
    size_t d = self->d;
    double *work = ph_alloc((2 * d + self->n) * LANES, sizeof *work);
    if (!work) {
        return PH_E_MEMORY;
    }
    double *lanes = work, *image = work + d * LANES, *term = image + d * LANES;
    for (size_t from = 0; from < n; from += LANES) {
        size_t here = n - from < LANES ? n - from : LANES;
        for (size_t w = 0; w < LANES; w++) { /* the last block repeats its last point */
            const double *point = y + (from + (w < here ? w : here - 1)) * d;
            for (size_t k = 0; k < d; k++) {
                lanes[k * LANES + w] = point[k];
            }
        }
        terms(self, lanes, image, term);
        for (size_t w = 0; w < here; w++) {
            double most = -INFINITY, sum = 0;
            for (size_t c = 0; c < self->n; c++) {
                most = fmax(most, term[c * LANES + w]);
            }
            for (size_t c = 0; c < self->n; c++) {
                double below = term[c * LANES + w] - most;
                sum += below > -40 ? exp(below) : 0;
            }
            out[(from + w) * stride] = most + log(sum / (double)self->n);
        }
    }
    free(work);
    return PH_OK;
}

/* One draw of component c from the uniforms u[d + 1]. */
static void draw_one(const ph_student_mixture *self, size_t c, const double *u,
                     double *y)
{
    size_t d = self->d;
    const double *factor = self->factor + self->shape[c] * d * d;
    double chi2 = gsl_cdf_chisq_Pinv(u[d], self->nu);
    double stretch = sqrt(self->nu / chi2);
    for (size_t k = 0; k < d; k++) {
        y[k] = gsl_cdf_ugaussian_Pinv(u[k]) * stretch;
    }
    for (size_t k = d; k-- > 0;) {
        for (size_t l = k + 1; l < d; l++) {
            y[k] -= factor[k * d + l] * y[l];
        }
        y[k] /= factor[k * d + k];
    }
    for (size_t k = 0; k < d; k++) {
        y[k] += self->mean[c * d + k];
    }
}

int ph_student_mixture_draw(const ph_student_mixture *self, size_t n, uint64_t seed,
                            uint32_t step, double *y, size_t *label)
{
    size_t d = self->d;
    ph_ranked *order = ph_alloc(self->n, sizeof *order);
    double *u = ph_alloc(d + 2, sizeof *u);
    ph_uniforms points;
    int status = ph_uniforms_init(&points, d + 2, seed, PH_RNG_PROPOSAL, step);
    if (!u || !order) {
        status = PH_E_MEMORY;
    }
    if (status == PH_OK) {
        status = ph_order_along(self->n, d, self->mean, NULL, order);
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        ph_uniforms_next(&points, u);
        size_t c = order[(size_t)(u[0] * (double)self->n)].index;
        draw_one(self, c, u + 1, y + i * d);
        label[i] = self->label[c];
    }
    ph_uniforms_clear(&points);
    free(order);
    free(u);
    return status;
}
