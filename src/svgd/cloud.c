/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"

#define RIDGE 1e-3 /* the unit of the frame is the mode's sd */

int ph_cloud_init(ph_cloud *self, size_t n, size_t d, const double *y,
                  const double *weight, const size_t *label)
{
    *self = (ph_cloud){.n = n, .d = d, .y = y, .weight = weight, .label = label};
    self->factor = ph_alloc(d * d, sizeof(double));
    self->mean = ph_alloc(d, sizeof(double));
    self->work = ph_alloc(d + 2 * d * d, sizeof(double));
    self->order = ph_alloc(n, sizeof *self->order);
    if (!self->factor || !self->mean || !self->work || !self->order) {
        return PH_E_MEMORY;
    }
    ph_moments(n, d, y, weight, self->mean, self->factor);
    for (size_t k = 0; k < d; k++) {
        self->factor[k * (d + 1)] += RIDGE;
    }
    return ph_cholesky(d, self->factor, self->factor);
}

void ph_cloud_clear(ph_cloud *self)
{
    free(self->factor);
    free(self->mean);
    free(self->work);
    free(self->order);
    memset(self, 0, sizeof *self);
}

/* All points by their distance from one. */
static void order_around(ph_cloud *self, const double *center)
{
    size_t d = self->d;
    double *delta = self->work;
    for (size_t i = 0; i < self->n; i++) {
        for (size_t k = 0; k < d; k++) {
            delta[k] = self->y[i * d + k] - center[k];
        }
        ph_solve_lower(d, self->factor, delta);
        self->order[i] = (ph_ranked){ph_dot(d, delta, delta), i};
    }
    ph_rank(self->n, self->order);
}

/* covariance[d][d] about center of the points that come first. */
static void covariance_around(const ph_cloud *self, const double *center, size_t near,
                              double *covariance)
{
    size_t d = self->d;
    double total = 0, trace = 0, equal = 1 / (double)self->n;
    memset(covariance, 0, d * d * sizeof *covariance);
    for (size_t r = 0; r < near && r < self->n; r++) {
        size_t i = self->order[r].index;
        const double *y = self->y + i * d;
        double w = self->weight ? 0.5 * (self->weight[i] + equal) : equal;
        total += w;
        for (size_t k = 0; k < d * d; k++) {
            covariance[k] +=
                w * (y[k / d] - center[k / d]) * (y[k % d] - center[k % d]);
        }
    }
    for (size_t k = 0; k < d * d; k++) {
        covariance[k] /= total;
    }
    for (size_t k = 0; k < d; k++) {
        trace += covariance[k * (d + 1)];
    }
    for (size_t k = 0; k < d; k++) { /* few points may span a subspace only */
        covariance[k * (d + 1)] += RIDGE * trace / (double)d;
    }
}

int ph_cloud_component(ph_cloud *self, ph_student_mixture *mixture, size_t c, size_t at,
                       size_t near)
{
    size_t d = self->d;
    const double *center = self->y + at * d;
    double *covariance = self->work + d, *precision = covariance + d * d;
    order_around(self, center);
    covariance_around(self, center, near, covariance);
    int status = ph_cholesky(d, covariance, covariance);
    if (status == PH_OK) {
        ph_cholesky_inverse(d, covariance, precision);
        status = ph_student_mixture_shape(mixture, precision, 1);
    }
    return status == PH_OK
               ? ph_student_mixture_place(mixture, c, center, self->label[at])
               : status;
}
