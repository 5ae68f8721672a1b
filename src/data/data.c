/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data sets from arrays, the form of an observation, and what is asked of a set. */
#include "phasic/data/data.h"

#include <math.h>
#include <stdlib.h>

#include "private.h"

/* ----------------------------------------------------------------- the form */

const char *ph_observation_normalize(ph_observation *self)
{
    self->time += 0.0; /* -0 is 0 */
    if (self->kind == PH_INTERVAL_CENSORED) {
        if (!(self->upper >= self->time)) {
            return "lies below the interval's beginning";
        }
        self->kind = self->upper == self->time   ? PH_OBSERVED
                     : !(self->upper < INFINITY) ? PH_RIGHT_CENSORED
                                                 : PH_INTERVAL_CENSORED;
    }
    if (self->kind == PH_LEFT_CENSORED && self->time == 0) {
        self->kind = PH_OBSERVED;
    }
    if (self->kind != PH_INTERVAL_CENSORED) {
        self->upper = 0;
    }
    return NULL;
}

/* Only what came after the entry counts. */
const char *ph_observation_truncate(ph_observation *self, double entry)
{
    self->entry = entry + 0.0;
    switch (self->kind) {
    case PH_OBSERVED:
        return self->time > self->entry ? NULL
                                        : "is not before the end of the observation";
    case PH_RIGHT_CENSORED:
        return self->time >= self->entry ? NULL
                                         : "is later than the end of the observation";
    case PH_LEFT_CENSORED:
        self->kind = PH_INTERVAL_CENSORED;
        self->upper = self->time;
        self->time = self->entry;
        break;
    case PH_INTERVAL_CENSORED:
        self->time = self->time > self->entry ? self->time : self->entry;
        break;
    }
    return self->upper > self->entry ? NULL
                                     : "is not before the end of the observation";
}

/* -------------------------------------------------------------- from arrays */

static int bad_number(const char *name, double value, ph_error *error)
{
    return ph_error_set(error, PH_E_DATA, "the %s is %g, not a number >= 0", name,
                        value);
}

static int add_observation(ph_merge *merge, ph_observation seen, ph_error *error)
{
    if (!(isfinite(seen.time) && seen.time >= 0)) {
        return bad_number("time", seen.time, error);
    }
    if (!(isfinite(seen.weight) && seen.weight >= 0)) {
        return bad_number("weight", seen.weight, error);
    }
    if (!(isfinite(seen.entry) && (seen.entry >= 0 || seen.entry == PH_NO_ENTRY))) {
        return bad_number("entry", seen.entry, error);
    }
    seen.part = 0;
    const char *what = ph_observation_normalize(&seen);
    if (what) {
        return ph_error_set(error, PH_E_DATA, "the upper end %s", what);
    }
    what =
        seen.entry == PH_NO_ENTRY ? NULL : ph_observation_truncate(&seen, seen.entry);
    if (what) {
        return ph_error_set(error, PH_E_DATA, "the entry %s", what);
    }
    if (seen.weight == 0) {
        return PH_OK;
    }
    return ph_merge_add(merge, &seen) == PH_OK
               ? PH_OK
               : ph_error_set(error, PH_E_MEMORY, "out of memory");
}

static int finish(ph_merge *merge, size_t n, int status, ph_data **self,
                  ph_error *error)
{
    ph_data *data = NULL;
    if (status == PH_OK) {
        status = ph_merge_finish(merge, "", 1, &data, error);
    }
    ph_merge_free(merge);
    if (status == PH_OK) {
        data->rows = n;
        *self = data;
    }
    return status;
}

int ph_data_from_observations(ph_data **self, size_t n, const ph_observation *list,
                              ph_error *error)
{
    ph_merge merge = {0};
    int status = PH_OK;
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        status = add_observation(&merge, list[i], error);
        if (status != PH_OK) {
            ph_error_place(error, "observation %zu", i);
        }
    }
    return finish(&merge, n, status, self, error);
}

int ph_data_from_arrays(ph_data **self, size_t n, const double *time, const int *event,
                        const double *weight, ph_error *error)
{
    ph_merge merge = {0};
    int status = PH_OK;
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        int code = event ? event[i] : 1;
        ph_observation seen = {.kind = code ? PH_OBSERVED : PH_RIGHT_CENSORED,
                               .time = time[i],
                               .entry = PH_NO_ENTRY,
                               .weight = weight ? weight[i] : 1};
        status = code == 0 || code == 1
                     ? add_observation(&merge, seen, error)
                     : ph_error_set(error, PH_E_DATA,
                                    "the event is %d, neither 0 nor 1", code);
        if (status != PH_OK) {
            ph_error_place(error, "observation %zu", i);
        }
    }
    return finish(&merge, n, status, self, error);
}

/* --------------------------------------------------------------- the object */

void ph_data_free(ph_data *self)
{
    if (self) {
        for (size_t g = 0; self->group && g < self->n_groups; g++) {
            free(self->group[g]);
        }
        free(self->group);
        free(self->part);
        free(self->file);
        free(self->observation);
        free(self->row_first);
        free(self->row_member);
        free(self->row_weight);
        free(self);
    }
}

double ph_data_median(const ph_data *self)
{
    return self->part[0].median;
}
