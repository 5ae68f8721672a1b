/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "importance.h"
#include "linalg.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"
#include "phasic/num/pareto.h"

void ph_sample_clear(ph_sample *self)
{
    free(self->y);
    free(self->z);
    free(self->natural);
    free(self->log_p);
    free(self->score);
    free(self->density);
    free(self->log_q);
    free(self->label);
    free(self->weight);
    free(self->calibrated);
    free(self->nets.item);
    ph_residuals_clear(&self->residuals);
    memset(self, 0, sizeof *self);
}

static int grow(void *block_pointer, size_t n, size_t row)
{
    void *block;
    memcpy(&block, block_pointer, sizeof block);
    block = ph_realloc(block, n * row, sizeof(double));
    if (!block) {
        return PH_E_MEMORY;
    }
    memcpy(block_pointer, &block, sizeof block);
    return PH_OK;
}

int ph_sample_reserve(ph_sample *self, size_t n)
{
    if (n <= self->capacity) {
        return PH_OK;
    }
    size_t wanted = self->capacity + self->capacity / 2;
    wanted = wanted < n ? n : wanted;
    size_t *label = ph_realloc(self->label, wanted, sizeof *label);
    if (!label) {
        return PH_E_MEMORY;
    }
    self->label = label;
    if (grow(&self->y, wanted, self->d) || grow(&self->z, wanted, self->d) ||
        grow(&self->log_p, wanted, 1) || grow(&self->score, wanted, self->d) ||
        grow(&self->density, wanted, self->n_columns) ||
        grow(&self->log_q, wanted, 1) || grow(&self->weight, wanted, 1) ||
        grow(&self->calibrated, wanted, 1)) {
        return PH_E_MEMORY;
    }
    if (self->natural && grow(&self->natural, wanted, self->n_natural)) {
        return PH_E_MEMORY;
    }
    self->capacity = wanted;
    return PH_OK;
}

int ph_sample_place(ph_sample *self, const ph_sampler *sampler, size_t from)
{
    size_t n = self->n - from, d = self->d;
    const ph_target *target = sampler->target;
    ph_sampler_to_z(sampler, n, self->y + from * d, self->z + from * d);
    if (!target->natural) {
        return PH_OK;
    }
    size_t columns = self->n_natural = d + target->n_derived;
    if (!self->natural &&
        !(self->natural = ph_alloc(self->capacity * columns, sizeof(double)))) {
        return PH_E_MEMORY;
    }
    int status = target->natural(target->context, n, self->z + from * d,
                                 self->natural + from * columns);
    for (size_t i = from; i < self->n && status == PH_OK; i++) {
        if (self->log_p[i] == -INFINITY) {
            memset(self->natural + i * columns, 0, columns * sizeof(double));
        }
    }
    return status;
}

double ph_pareto_limit(size_t n)
{
    return fmin(0.7, 1 - 1 / log10((double)n));
}

/*
 * Weighted kurtosis and the tail index of w (x - mean)^2 of column k (rows of
 * `stride`): where its k reaches 1/2 the error of the sd has no variance, whatever its
 * estimate says.
 */
static int column_tails(ph_sample *self, const double *x, size_t stride, size_t k,
                        double *value)
{
    size_t n = self->n;
    double mean = 0, second = 0, fourth = 0, shape;
    for (size_t i = 0; i < n; i++) {
        mean += self->weight[i] * x[i * stride + k];
    }
    for (size_t i = 0; i < n; i++) {
        double u = x[i * stride + k] - mean, square = u * u;
        value[i] = self->weight[i] * square;
        second += value[i];
        fourth += value[i] * square;
    }
    if (ph_is_constant(mean, second)) {
        return PH_OK;
    }
    self->kurtosis = fmax(self->kurtosis, fourth / (second * second));
    int status = ph_pareto_k(n, value, &shape);
    if (status == PH_OK && shape > self->moment_k) {
        self->moment_k = shape;
        self->moment_column = k;
    }
    return status;
}

static int moment_tails(ph_sample *self)
{
    double *value = ph_alloc(self->n, sizeof *value);
    int status = value ? PH_OK : PH_E_MEMORY;
    self->moment_k = self->kurtosis = 0;
    self->moment_column = 0;
    for (size_t k = 0; k < self->d && status == PH_OK; k++) {
        status = column_tails(self, self->z, self->d, k, value);
    }
    double kurtosis = self->kurtosis; /* of z alone: it asks for adaptation */
    for (size_t k = 0; k < self->n_natural && status == PH_OK; k++) {
        status = column_tails(self, self->natural, self->n_natural, k, value);
    }
    self->kurtosis = kurtosis;
    free(value);
    return status;
}

int ph_sample_tails(ph_sample *self)
{
    double squares = ph_dot(self->n, self->weight, self->weight);
    self->ess = 1 / (squares * self->inefficiency);
    self->calibration.error_mean = self->calibration.error_sd = INFINITY;
    return moment_tails(self);
}

/*
 * Is a wall in reach, where the density ends without falling to zero? There Stein's
 * identities have a boundary term, and their violation says nothing about missing mass.
 */
static int sees_wall(const ph_sample *self)
{
    size_t outside = 0;
    for (size_t i = 0; i < self->n; i++) {
        outside += self->log_p[i] == -INFINITY;
    }
    return (double)outside > 1e-3 * (double)self->n;
}

int ph_sample_calibrate(ph_sample *self, const double *basis)
{
    memset(&self->calibration, 0, sizeof self->calibration);
    ph_residuals_clear(&self->residuals);
    if (self->ess < 4 * (double)(self->d + 1)) { /* no covariance to speak of */
        self->calibration.error_mean = self->calibration.error_sd = INFINITY;
        memcpy(self->calibrated, self->weight, self->n * sizeof(double));
        return PH_OK;
    }
    int status = ph_calibrate(self->n, self->d, basis, self->z, self->n_natural,
                              self->natural, self->y, self->score, self->weight,
                              self->inefficiency, &self->nets, self->calibrated,
                              &self->calibration, &self->residuals);
    if (status == PH_OK && sees_wall(self)) {
        self->calibration.stein = 0;
    }
    return status;
}

int ph_sample_even(const ph_sample *self, const ph_svgd_settings *settings)
{
    double drawn = (double)self->n / self->inefficiency;
    int tails = self->pareto_k < ph_pareto_limit(self->n) || self->ess > 0.9 * drawn;
    return tails && self->moment_k < PH_MOMENT_LIMIT && self->ess >= settings->ess &&
           self->largest < PH_WEIGHT_LIMIT;
}

int ph_sample_good(const ph_sample *self, const ph_svgd_settings *settings)
{
    return ph_sample_even(self, settings) && self->calibration.stein < PH_STEIN_LIMIT &&
           3 * self->calibration.error_mean <= settings->tolerance_mean &&
           3 * self->calibration.error_sd <= settings->tolerance_sd;
}
