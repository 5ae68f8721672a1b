/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/report/replicate.h"

#include <math.h>
#include <stdlib.h>

#include "phasic/base/memory.h"
#include "phasic/report/draws.h"

#define MOST_ROWS  2147483648.0
#define MOST_TRIES 100000

/* Survival of the censoring times of a part, a step at each of them. */
typedef struct step {
    double time, before, after; /* G just before, and at it */
} step;

typedef struct scheme_part {
    size_t first, end; /* rows */
    size_t n;
    step *step;
} scheme_part;

struct ph_scheme {
    const ph_data *data;
    size_t rows;
    scheme_part *part; /* [data->n_parts] */
};

/* ---------------------------------------------- the law of censoring times */

typedef struct entered {
    double time, weight;
} entered;

static int compare_entries(const void *a, const void *b)
{
    double x = ((const entered *)a)->time, y = ((const entered *)b)->time;
    return (x > y) - (x < y);
}

/* Weight of the observations of one kind that have not come yet; they are sorted. */
typedef struct queue {
    const ph_observation *next, *end;
    double left;
} queue;

static queue queue_of(const ph_data *data, const ph_data_part *part,
                      ph_observation_kind kind)
{
    const ph_observation *list = data->observation;
    queue it = {list + part->first, list + part->first, 0};
    while (it.next < list + part->end && it.next->kind < kind) {
        it.next++;
    }
    for (it.end = it.next; it.end < list + part->end && it.end->kind == kind;
         it.end++) {
        it.left += it.end->weight;
    }
    return it;
}

static void pass(queue *self, double time)
{
    while (self->next < self->end && self->next->time <= time) {
        self->left -= self->next++->weight;
    }
}

/* Entries of observed and right-censored times, sorted; how many. */
static size_t find_entries(const queue *observed, const queue *censored, entered *list)
{
    const queue *both[] = {observed, censored};
    size_t n = 0;
    for (int k = 0; k < 2; k++) {
        for (const ph_observation *it = both[k]->next; it < both[k]->end; it++) {
            if (it->entry != PH_NO_ENTRY) {
                list[n++] = (entered){it->entry, it->weight};
            }
        }
    }
    qsort(list, n, sizeof *list, compare_entries);
    return n;
}

/*
 * Product-limit estimate (Kaplan & Meier 1958) with the roles of event and censoring
 * exchanged. At risk at s: not observed by s, not censored before s, entered before s.
 */
static int find_law(scheme_part *self, const ph_data *data, const ph_data_part *part)
{
    queue observed = queue_of(data, part, PH_OBSERVED);
    queue censored = queue_of(data, part, PH_RIGHT_CENSORED);
    size_t most = (size_t)(censored.end - censored.next), e = 0;
    entered *entries = ph_alloc(part->end - part->first, sizeof *entries);
    self->step = ph_alloc(most, sizeof *self->step);
    if (!entries || !self->step) {
        free(entries);
        return PH_E_MEMORY;
    }
    size_t n_entries = find_entries(&observed, &censored, entries);
    double outside = 0, survival = 1; /* weight that has not entered */
    for (size_t i = 0; i < n_entries; i++) {
        outside += entries[i].weight;
    }
    while (censored.next < censored.end) {
        double time = censored.next->time;
        pass(&observed, time);
        while (e < n_entries && entries[e].time < time) {
            outside -= entries[e++].weight;
        }
        double at_risk = observed.left + censored.left - outside;
        double before = censored.left;
        pass(&censored, time);
        double share = (before - censored.left) / at_risk;
        step *it = &self->step[self->n++];
        *it = (step){time, survival, survival * fmax(1 - share, 0)};
        survival = it->after;
    }
    free(entries);
    return PH_OK;
}

/* A censoring time of at least `time`, from a uniform number. */
static double censoring_after(const scheme_part *self, double time, double uniform)
{
    size_t i = 0, low = 0, high = self->n;
    while (low < high) { /* first step at or after the time */
        size_t middle = low + (high - low) / 2;
        if (self->step[middle].time < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    i = low;
    if (i == self->n) {
        return INFINITY;
    }
    double target = uniform * self->step[i].before;
    high = self->n;
    while (low < high) { /* first step that falls to the target */
        size_t middle = low + (high - low) / 2;
        if (self->step[middle].after > target) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < self->n ? self->step[low].time : INFINITY;
}

/* -------------------------------------------------------------- construction */

static int refuse(const ph_data *data, ph_error *error, const char *why)
{
    ph_error_file(error, data->file);
    return ph_error_set(error, PH_E_FEATURE, "%s", why);
}

static int check(const ph_data *data, ph_error *error)
{
    if (data->composite > 0) {
        return refuse(data, error,
                      "holds rows with several totals, which cannot be replicated: "
                      "their joint law is not part of the model");
    }
    if (data->total_weight > MOST_ROWS) {
        return refuse(data, error, "holds more than 2^31 observations");
    }
    for (size_t i = 0; i < data->n; i++) {
        if (data->observation[i].weight != floor(data->observation[i].weight)) {
            return refuse(
                data, error,
                "holds counts that are not whole, which no data set of single "
                "observations can have");
        }
    }
    return PH_OK;
}

int ph_scheme_new(ph_scheme **self, const ph_data *data, ph_error *error)
{
    int status = check(data, error);
    if (status != PH_OK) {
        return status;
    }
    ph_scheme *scheme = ph_alloc(1, sizeof *scheme);
    if (!scheme || !(scheme->part = ph_alloc(data->n_parts, sizeof *scheme->part))) {
        status = PH_E_MEMORY;
        goto out;
    }
    scheme->data = data;
    for (size_t k = 0; k < data->n_parts && status == PH_OK; k++) {
        const ph_data_part *part = &data->part[k];
        scheme->part[k].first = scheme->rows;
        for (size_t i = part->first; i < part->end; i++) {
            scheme->rows += (size_t)data->observation[i].weight;
        }
        scheme->part[k].end = scheme->rows;
        status = find_law(&scheme->part[k], data, part);
    }
    if (status == PH_OK) {
        *self = scheme;
        scheme = NULL;
    }
out:
    ph_scheme_free(scheme);
    return status == PH_OK ? PH_OK : ph_error_set(error, status, "out of memory");
}

void ph_scheme_free(ph_scheme *self)
{
    if (self) {
        for (size_t k = 0; self->part && self->data && k < self->data->n_parts; k++) {
            free(self->part[k].step);
        }
        free(self->part);
        free(self);
    }
}

size_t ph_scheme_rows(const ph_scheme *self)
{
    return self->rows;
}

void ph_scheme_part(const ph_scheme *self, size_t part, size_t *first, size_t *end)
{
    *first = self->part[part].first;
    *end = self->part[part].end;
}

void ph_scheme_observed(const ph_scheme *self, ph_observation *row)
{
    for (size_t i = 0; i < self->data->n; i++) {
        size_t count = (size_t)self->data->observation[i].weight;
        for (size_t k = 0; k < count; k++) {
            *row = self->data->observation[i];
            row++->weight = 1;
        }
    }
}

/* -------------------------------------------------------------------- drawing */

/*
 * The two keys of a stream beside the row: the draw stands above the seed's 32 bits; 0
 * is left to simulations with the seed alone.
 */
static uint64_t stream_seed(uint32_t seed, uint32_t draw)
{
    return (uint64_t)seed | ((uint64_t)draw + 1) << 32;
}

/* One total of the process, given that it runs at `entry`. */
static int draw_value(const ph_scheme *self, const ph_sampler *sampler, int is_reward,
                      uint64_t seed, size_t row, double entry, double *value)
{
    for (size_t k = 0; k < MOST_TRIES; k++) {
        size_t number = row + k * self->rows;
        double total = 0;
        if (number > UINT32_MAX) {
            break;
        }
        *value = ph_sampler_draw(sampler, seed, (uint32_t)number, INFINITY, &total);
        *value = is_reward ? total : *value;
        if (entry == PH_NO_ENTRY || *value > entry) {
            return PH_OK;
        }
    }
    return PH_E_NUMERIC;
}

/* Records a time by the scheme of its own row. */
static void record(const ph_observation *own, double time, double watched,
                   ph_observation *out)
{
    *out = (ph_observation){PH_OBSERVED, own->part, time, 0, own->entry, 1};
    switch (own->kind) {
    case PH_OBSERVED:
    case PH_RIGHT_CENSORED:
        if (time > watched) {
            out->kind = PH_RIGHT_CENSORED;
            out->time = watched;
        }
        break;
    case PH_LEFT_CENSORED:
        out->kind = time <= own->time ? PH_LEFT_CENSORED : PH_RIGHT_CENSORED;
        out->time = own->time;
        break;
    case PH_INTERVAL_CENSORED:
        out->kind = time > own->upper  ? PH_RIGHT_CENSORED
                    : time > own->time ? PH_INTERVAL_CENSORED
                                       : PH_LEFT_CENSORED;
        out->time = time > own->upper ? own->upper : own->time;
        out->upper = out->kind == PH_INTERVAL_CENSORED ? own->upper : 0;
        break;
    }
}

int ph_scheme_draw(const ph_scheme *self, size_t part, const ph_sampler *sampler,
                   int is_reward, uint32_t seed, uint32_t draw, ph_observation *row)
{
    const ph_data_part *run = &self->data->part[part];
    const scheme_part *own = &self->part[part];
    uint64_t key = stream_seed(seed, draw);
    size_t at = own->first;
    for (size_t i = run->first; i < run->end; i++) {
        const ph_observation *seen = &self->data->observation[i];
        for (size_t end = at + (size_t)seen->weight; at < end; at++) {
            double time, watched = seen->time;
            int status =
                draw_value(self, sampler, is_reward, key, at, seen->entry, &time);
            if (status != PH_OK) {
                return status;
            }
            if (seen->kind == PH_OBSERVED) {
                double uniform = exp(-ph_sampler_censor(key, (uint32_t)at, 1));
                watched = censoring_after(own, seen->time, uniform);
            }
            record(seen, time, watched, &row[at]);
        }
    }
    return PH_OK;
}

/* ----------------------------------------------------------------- statistics */

#define X(name, text) text,
const char *const ph_statistic_name[PH_STATISTICS] = {PH_STATISTIC_TABLE(X)};
#undef X

void ph_statistics(size_t n, const ph_observation *row, double *work,
                   double value[PH_STATISTICS])
{
    double sum = 0, censored = 0;
    for (size_t i = 0; i < n; i++) {
        int interval = row[i].kind == PH_INTERVAL_CENSORED;
        work[i] =
            interval ? row[i].time + (row[i].upper - row[i].time) / 2 : row[i].time;
        censored += row[i].kind != PH_OBSERVED;
        sum += work[i];
    }
    double mean = sum / (double)n;
    ph_sort_numbers(n, work);
    value[PH_STATISTIC_MEAN] = mean;
    value[PH_STATISTIC_SD] = n > 1 ? ph_spread(n, work, mean) : NAN;
    value[PH_STATISTIC_MIN] = work[0];
    value[PH_STATISTIC_LOW] = ph_sorted_quantile(n, work, 0.1);
    value[PH_STATISTIC_MEDIAN] = ph_sorted_quantile(n, work, 0.5);
    value[PH_STATISTIC_HIGH] = ph_sorted_quantile(n, work, 0.9);
    value[PH_STATISTIC_MAX] = work[n - 1];
    value[PH_STATISTIC_CENSORED] = censored;
}
