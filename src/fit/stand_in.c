/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compressed data are checked against the data themselves: one block of parameter
 * vectors on all observations costs little beside a fit, and proves more than comparing
 * two compressions with each other.
 */
#include "stand_in.h"

#include <math.h>
#include <stdlib.h>

#include "phasic/base/memory.h"
#include "phasic/lik/compress.h"
#include "posterior_private.h"

#define FEWEST    400 /* distinct observations below which compression is not tried */
#define POINTS    12  /* nodes of a rule */
#define AGREEMENT 1e-11

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
        *agrees =
            *agrees && (packed[i] == full[i] ||
                        fabs(packed[i] - full[i]) <= AGREEMENT * (1 + fabs(full[i])));
    }
    free(points);
    return status;
}

/* The compression of one ratio; *agrees says whether it passes at the starting points.
 */
static int attempt(ph_stand_in *self, ph_posterior *posterior, double ratio,
                   const double *z, int *agrees, ph_error *error)
{
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
    ph_posterior_free(self->posterior);
    ph_lik_free(self->lik);
    ph_data_free(self->data);
    *self = (ph_stand_in){0};
}
