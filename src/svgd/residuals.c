/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The calibrated mean of f is that of its weighted regression on B, whose features
 * average to what they should; its error is therefore that of the residuals. Each is
 * divided by one minus its leverage (the jackknife), without which a draw that bends
 * the fit towards itself would hide its own error.
 */
#include "residuals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"

int ph_residuals_init(ph_residuals *self, size_t n, size_t q)
{
    memset(self, 0, sizeof *self);
    self->n = n;
    self->q = self->stride = q;
    self->inefficiency = 1;
    self->b = ph_alloc(n * q, sizeof(double));
    self->gram = ph_alloc(q * q, sizeof(double));
    self->leverage = ph_alloc(n, sizeof(double));
    self->weight = ph_alloc(n, sizeof(double));
    return self->b && self->gram && self->leverage && self->weight ? PH_OK
                                                                   : PH_E_MEMORY;
}

void ph_residuals_clear(ph_residuals *self)
{
    free(self->b);
    free(self->gram);
    free(self->leverage);
    free(self->weight);
    memset(self, 0, sizeof *self);
}

double ph_residuals_error(const ph_residuals *self, const double *f, double *beta)
{
    size_t q = self->q;
    memset(beta, 0, q * sizeof *beta);
    for (size_t i = 0; i < self->n; i++) {
        for (size_t g = 0; g < q && self->weight[i] > 0; g++) {
            beta[g] += self->weight[i] * f[i] * self->b[i * self->stride + g];
        }
    }
    ph_solve_lower(q, self->gram, beta);
    ph_solve_lower_transposed(q, self->gram, beta);
    double sum = 0;
    for (size_t i = 0; i < self->n; i++) {
        double w = self->weight[i], residual = 0;
        if (w > 0) {
            residual = (f[i] - ph_dot(q, self->b + i * self->stride, beta)) *
                       self->leverage[i];
        }
        sum += w * w * residual * residual;
    }
    return sqrt(sum * self->inefficiency);
}
