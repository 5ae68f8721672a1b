/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compressed data are checked against the data themselves: one block of parameter
 * vectors on all observations costs little beside a fit, and proves more than comparing
 * two compressions with each other.
 */
#include "phasic/fit/stand_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/lik/compress.h"
#include "posterior_private.h"

#define FEWEST    400 /* distinct observations below which compression is not tried */
#define POINTS    12  /* nodes of a rule */
#define AGREEMENT 1e-11
#define SHIFT     1e-9 /* of a maximum */
#define CHANGE    1e-7 /* of variances by its Hessian, relative */

static int same_density(double packed, double full)
{
    return packed == full || fabs(packed - full) <= AGREEMENT * (1 + fabs(full));
}

int ph_stand_in_check(const ph_stand_in *self, ph_posterior *posterior, size_t n,
                      const double *z, int *agrees)
{
    size_t d = ph_posterior_free_count(posterior), count = n < PH_LANES ? n : PH_LANES;
    double *points = ph_alloc(PH_LANES * d, sizeof *points);
    double packed[PH_LANES] = {0}, full[PH_LANES] = {0};
    if (!points) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < d; k++) {
            points[i * d + k] = z[i * n / count * d + k];
        }
    }
    ph_target mine = ph_posterior_target(self->posterior);
    ph_target other = ph_posterior_target(posterior);
    int status = mine.eval(mine.context, count, points, packed, NULL);
    if (status == PH_OK) {
        status = other.eval(other.context, count, points, full, NULL);
    }
    *agrees = 1;
    for (size_t i = 0; i < count && status == PH_OK; i++) {
        *agrees = *agrees && same_density(packed[i], full[i]);
    }
    free(points);
    return status;
}

/* ---- at a maximum ---- */

/*
 * A maximum and its neighbours, half a standard error away: z, then z + h and z - h
 * along every axis; z alone where there are no standard errors.
 */
typedef struct neighbours {
    size_t d, n;
    double *z;                  /* [n][d] */
    double *packed, *full;      /* [n] log densities */
    double *difference, *score; /* [n][d] of the scores, and room for one of them */
} neighbours;

static void neighbours_clear(neighbours *self)
{
    free(self->z);
    free(self->packed);
    free(self->full);
    free(self->difference);
    free(self->score);
}

static int neighbours_init(neighbours *self, size_t d, const ph_maximum *at)
{
    size_t n = at->fault == PH_MAXIMUM_FINE ? 1 + 2 * d : 1;
    *self = (neighbours){d,
                         n,
                         ph_alloc(n * d, sizeof(double)),
                         ph_alloc(n, sizeof(double)),
                         ph_alloc(n, sizeof(double)),
                         ph_alloc(n * d, sizeof(double)),
                         ph_alloc(n * d, sizeof(double))};
    if (!self->z || !self->packed || !self->full || !self->difference || !self->score) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(self->z + i * d, at->z, d * sizeof *self->z);
        if (i > 0) {
            size_t k = (i - 1) / 2;
            double h = sqrt(at->covariance[k * (d + 1)]) / 2;
            self->z[i * d + k] += i % 2 ? h : -h;
        }
    }
    return PH_OK;
}

static int neighbours_eval(neighbours *self, ph_posterior *packed, ph_posterior *full)
{
    ph_target mine = ph_posterior_target(packed), other = ph_posterior_target(full);
    int status =
        mine.eval(mine.context, self->n, self->z, self->packed, self->difference);
    if (status == PH_OK) {
        status = other.eval(other.context, self->n, self->z, self->full, self->score);
    }
    for (size_t i = 0; i < self->n * self->d; i++) {
        self->difference[i] -= self->score[i];
    }
    return status;
}

/* Whether the maximum of all data is the same: one Newton step leads to it. */
static int same_place(const neighbours *self, const ph_posterior *posterior,
                      const ph_maximum *at)
{
    int same = 1;
    for (size_t k = 0; k < self->d; k++) {
        double step = 0, theta, slope;
        for (size_t l = 0; l < self->d; l++) {
            step += at->covariance[k * self->d + l] * self->difference[l];
        }
        ph_transform(posterior->lower[k], posterior->upper[k], at->z[k], &theta, &slope,
                     NULL, NULL);
        double error = sqrt(at->covariance[k * (self->d + 1)]);
        same = same && fabs(step) <= SHIFT * fmax(fabs(theta / slope), error);
    }
    return same;
}

/*
 * Whether its Hessian is the same, by the differences at the neighbours. A change D of
 * it changes the variance v'Cv along any v by v'CDCv, in which each |Cv|_k is at most
 * the standard error of k times that along v (Cauchy and Schwarz).
 */
static int same_curvature(const neighbours *self, const ph_maximum *at)
{
    size_t d = self->d;
    double change = 0;
    for (size_t k = 0; k < d; k++) {
        const double *up = self->difference + (1 + 2 * k) * d, *down = up + d;
        for (size_t l = 0; l < d; l++) { /* divided by 2 h = error of k, times both */
            change += fabs(up[l] - down[l]) * sqrt(at->covariance[l * (d + 1)]);
        }
    }
    return change <= CHANGE;
}

int ph_stand_in_check_maximum(const ph_stand_in *self, ph_posterior *posterior,
                              const ph_maximum *at, int *agrees)
{
    neighbours near;
    int status = neighbours_init(&near, ph_posterior_free_count(posterior), at);
    if (status == PH_OK) {
        status = neighbours_eval(&near, self->posterior, posterior);
    }
    int same = 1;
    for (size_t i = 0; i < near.n && status == PH_OK; i++) {
        same = same && same_density(near.packed[i], near.full[i]);
    }
    if (status == PH_OK && at->fault == PH_MAXIMUM_FINE) {
        same = same && same_place(&near, posterior, at) && same_curvature(&near, at);
    }
    neighbours_clear(&near);
    *agrees = same;
    return status;
}

/* ---- the search ---- */

/* The compression of one ratio; *agrees says whether it passes at the starting points.
 */
static int attempt(ph_stand_in *self, ph_posterior *posterior, double ratio,
                   const double *z, int *agrees, ph_error *error)
{
    self->whole = posterior;
    int status = ph_data_compress(&self->data, posterior->data, ratio, POINTS, error);
    if (status == PH_OK) {
        status = ph_lik_new_like(&self->lik, posterior->lik, self->data, error);
    }
    if (status == PH_OK) {
        status = ph_posterior_new_of(&self->posterior, posterior->parts,
                                     posterior->model, posterior->plan, self->lik,
                                     self->data, posterior->device, error);
    }
    if (status == PH_OK) {
        status = ph_posterior_set_engine(self->posterior, posterior->engine, error);
    }
    return status == PH_OK ? ph_stand_in_check(self, posterior, PH_LANES, z, agrees)
                           : status;
}

int ph_stand_in_find(ph_stand_in *self, ph_posterior *posterior, uint64_t seed,
                     const ph_log *log, ph_error *error)
{
    static const double ratio[] = {3, 2, 1.5};
    size_t d = ph_posterior_free_count(posterior);
    const ph_graph *graph = posterior->plan->graph; /* densities jump between epochs */
    if (posterior->data->n < FEWEST || graph->discrete || graph->epochs) {
        return PH_OK;
    }
    double *z = ph_alloc(PH_LANES * d, sizeof *z);
    int status = z ? PH_OK : ph_error_set(error, PH_E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < PH_LANES && status == PH_OK; i++) {
        status = ph_posterior_start(posterior, seed, i, z + i * d);
    }
    int agrees = 0;
    for (size_t r = 0; r < sizeof ratio / sizeof *ratio && !agrees && status == PH_OK;
         r++) {
        status = attempt(self, posterior, ratio[r], z, &agrees, error);
        if (!agrees) {
            ph_stand_in_free(self);
        }
    }
    if (agrees) {
        ph_log_write(log, PH_LOG_INFO, "%zu distinct observations compressed to %zu",
                     posterior->data->n, self->data->n);
    }
    free(z);
    return status;
}

void ph_stand_in_free(ph_stand_in *self)
{
    if (self->whole && self->posterior) {
        ph_posterior_take_over(self->whole, self->posterior);
    }
    ph_posterior_free(self->posterior);
    ph_lik_free(self->lik);
    ph_data_free(self->data);
    *self = (ph_stand_in){0};
}
