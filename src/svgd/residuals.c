/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The calibrated mean of f is that of its weighted regression on B, whose features
 * average to what they should; its error is therefore that of the residuals. Each is
 * divided by one minus its leverage (the jackknife), without which a draw that bends
 * the fit towards itself would hide its own error.
 *
 * Residuals of scrambled Sobol points are not independent: they cancel within each net.
 * The totals of the nets show by how much, and are compared among those of one
 * proposal, since the expectations of the proposals differ. Two nets of one sequence
 * cancel a little too, which this leaves out: the error is then too large, never too
 * small. Larger nets would leave out less and be too few to be compared.
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
    free(self->nets.item);
    memset(self, 0, sizeof *self);
}

int ph_nets_add(ph_nets *self, size_t n, size_t stratum)
{
    size_t more = n / PH_NET > 0 ? n / PH_NET : n > 0;
    int status =
        ph_grow(&self->item, &self->capacity, self->n + more, sizeof *self->item);
    for (size_t i = 0; i < more && status == PH_OK; i++) {
        size_t here = i + 1 < more ? PH_NET : n - (more - 1) * PH_NET;
        self->item[self->n++] = (ph_net){here, stratum};
    }
    return status;
}

int ph_nets_copy(ph_nets *self, const ph_nets *from)
{
    int status = ph_grow(&self->item, &self->capacity, from->n, sizeof *self->item);
    if (status == PH_OK && from->n > 0) {
        memcpy(self->item, from->item, from->n * sizeof *self->item);
        self->n = from->n;
    }
    return status;
}

/* What draw i adds to the error of the mean of f, of which beta is the fit. */
static double part(const ph_residuals *self, const double *f, const double *beta,
                   size_t i)
{
    double w = self->weight[i];
    if (!(w > 0)) {
        return 0;
    }
    return w * (f[i] - ph_dot(self->q, self->b + i * self->stride, beta)) *
           self->leverage[i];
}

typedef struct stratum {
    double nets, draws, size2; /* number, sum of sizes and of their squares */
    double sum, square, cross; /* sums of the nets' totals T, of T^2 and of T size */
    double single;             /* sum of squares of what the draws add */
} stratum;

/* Variance of a stratum's total: of its nets among each other, where there is but one
 * of its draws. */
static double stratum_variance(const stratum *s)
{
    double rate = s->draws > 0 ? s->sum / s->draws : 0;
    if (s->nets < 2) {
        return s->draws > 1
                   ? fmax(s->single - rate * s->sum, 0) * s->draws / (s->draws - 1)
                   : s->single;
    }
    return fmax(s->square - 2 * rate * s->cross + rate * rate * s->size2, 0) * s->nets /
           (s->nets - 1);
}

static double nets_variance(const ph_residuals *self, const double *f,
                            const double *beta)
{
    stratum all[PH_STRATA] = {{0}};
    double variance = 0;
    for (size_t b = 0, i = 0; b < self->nets.n; b++) {
        const ph_net *net = &self->nets.item[b];
        stratum *s = &all[net->stratum];
        double size = (double)net->n, total = 0;
        for (size_t end = i + net->n; i < end; i++) {
            double value = part(self, f, beta, i);
            total += value;
            s->single += value * value;
        }
        s->nets += 1;
        s->draws += size;
        s->size2 += size * size;
        s->sum += total;
        s->square += total * total;
        s->cross += total * size;
    }
    for (size_t g = 0; g < PH_STRATA; g++) {
        variance += stratum_variance(&all[g]);
    }
    return variance;
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
    if (self->nets.n > 0) {
        return sqrt(nets_variance(self, f, beta));
    }
    double sum = 0;
    for (size_t i = 0; i < self->n; i++) {
        double value = part(self, f, beta, i);
        sum += value * value;
    }
    return sqrt(sum * self->inefficiency);
}
