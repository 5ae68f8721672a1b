/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data sets from arrays, and what is asked of them. */
#include "phasic/data/data.h"

#include <math.h>
#include <stdlib.h>

#include "private.h"

static int add_row(ph_merge *merge, double time, int event, double weight,
                   ph_error *error)
{
    if (!(isfinite(time) && time >= 0)) {
        return ph_error_set(error, PH_E_DATA, "the time is %g, not a number >= 0",
                            time);
    }
    if (!(isfinite(weight) && weight >= 0)) {
        return ph_error_set(error, PH_E_DATA, "the weight is %g, not a number >= 0",
                            weight);
    }
    if (event != 0 && event != 1) {
        return ph_error_set(error, PH_E_DATA, "the event is %d, neither 0 nor 1",
                            event);
    }
    if (weight == 0) {
        return PH_OK;
    }
    return ph_merge_add(merge, event ? PH_OBSERVED : PH_RIGHT_CENSORED, time, weight) ==
                   PH_OK
               ? PH_OK
               : ph_error_set(error, PH_E_MEMORY, "out of memory");
}

int ph_data_from_arrays(ph_data **self, size_t n, const double *time, const int *event,
                        const double *weight, ph_error *error)
{
    ph_merge merge = {0};
    ph_data *data = NULL;
    int status = PH_OK;
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        status = add_row(&merge, time[i], event ? event[i] : 1, weight ? weight[i] : 1,
                         error);
        if (status != PH_OK) {
            ph_error_place(error, "observation %zu", i);
        }
    }
    if (status == PH_OK) {
        status = ph_merge_finish(&merge, "", &data, error);
    }
    ph_merge_free(&merge);
    if (status == PH_OK) {
        data->rows = n;
        *self = data;
    }
    return status;
}

void ph_data_free(ph_data *self)
{
    if (self) {
        free(self->file);
        free(self->observation);
        free(self);
    }
}

/*
 * The observations are two sorted runs, one a kind: they are walked together. The
 * median is the first time with more than half of the weight up to it; where exactly
 * half lies there, the middle between it and the next.
 */
double ph_data_median(const ph_data *self)
{
    size_t split = 0;
    while (split < self->n && self->observation[split].kind == PH_OBSERVED) {
        split++;
    }
    double sum = 0, half = self->total_weight / 2, at_half = NAN;
    for (size_t a = 0, b = split; a < split || b < self->n;) {
        const ph_observation *x = &self->observation[a], *y = &self->observation[b];
        const ph_observation *it =
            b == self->n || (a < split && x->time <= y->time) ? x : y;
        a += it == x;
        b += it != x;
        if (!isnan(at_half)) {
            return at_half + (it->time - at_half) / 2;
        }
        sum += it->weight;
        if (sum > half) {
            return it->time;
        }
        if (sum == half) {
            at_half = it->time;
        }
    }
    return self->n ? self->observation[self->n - 1].time
                   : NAN; /* rounding of the sum */
}
