/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Equal rows become one observation as they are read: a hash table over the distinct
 * ones, so memory follows them and not the rows. Weights add up in the order of the
 * rows; the sort at the end makes the result independent of that order otherwise.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "private.h"

static uint64_t mix(uint64_t h, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    h = (h ^ bits) * 0x9E3779B97F4A7C15u;
    return h ^ h >> 32;
}

static size_t hash(const ph_observation *it)
{
    uint64_t h = mix((uint64_t)it->kind << 32 | it->part, it->time);
    h = (h ^ h >> 32) * 0xD6E8FEB86659FD93u;
    return (size_t)mix(mix(h, it->upper), it->entry);
}

static int same(const ph_observation *a, const ph_observation *b)
{
    return a->time == b->time && a->kind == b->kind && a->part == b->part &&
           a->upper == b->upper && a->entry == b->entry;
}

/* The slot of an observation, or the free one where it belongs. */
static size_t probe(const ph_merge *self, const ph_observation *seen)
{
    size_t mask = self->table_size - 1, at = hash(seen) & mask;
    while (self->table[at] != 0 && !same(&self->item[self->table[at] - 1], seen)) {
        at = (at + 1) & mask;
    }
    return at;
}

static int enlarge(ph_merge *self)
{
    size_t size = self->table_size ? 2 * self->table_size : 256;
    uint32_t *table = ph_alloc(size, sizeof *table);
    if (!table) {
        return PH_E_MEMORY;
    }
    free(self->table);
    self->table = table;
    self->table_size = size;
    for (size_t i = 0; i < self->length; i++) {
        size_t at = probe(self, &self->item[i]);
        table[at] = (uint32_t)(i + 1);
    }
    return PH_OK;
}

int ph_merge_add(ph_merge *self, const ph_observation *seen)
{
    if (2 * (self->length + 1) > self->table_size && enlarge(self) != PH_OK) {
        return PH_E_MEMORY;
    }
    size_t at = probe(self, seen);
    if (self->table[at] != 0) {
        self->item[self->table[at] - 1].weight += seen->weight;
        return PH_OK;
    }
    if (self->length >= UINT32_MAX - 1 ||
        ph_grow(&self->item, &self->capacity, self->length + 1, sizeof *self->item) !=
            PH_OK) {
        return PH_E_MEMORY;
    }
    self->item[self->length++] = *seen;
    self->table[at] = (uint32_t)self->length;
    return PH_OK;
}

void ph_merge_free(ph_merge *self)
{
    free(self->item);
    free(self->table);
    memset(self, 0, sizeof *self);
}

static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

/*
 * What nearly all comparisons need, in a third of the bytes: sorting moves these, and
 * the observations once. Times are not negative, so their bits are in their order.
 */
typedef struct sort_key {
    uint64_t time;
    uint32_t place; /* part and kind */
    uint32_t at;
} sort_key;

static int compare_keys(const void *a, const void *b, void *items)
{
    const sort_key *x = a, *y = b;
    if (x->place != y->place) {
        return x->place < y->place ? -1 : 1;
    }
    if (x->time != y->time) {
        return x->time < y->time ? -1 : 1;
    }
    const ph_observation *list = items, *p = &list[x->at], *q = &list[y->at];
    int order = compare_numbers(p->upper, q->upper);
    return order ? order : compare_numbers(p->entry, q->entry);
}

/* A sorted copy of the items; NULL where memory is short. */
static ph_observation *sorted_items(const ph_merge *self)
{
    size_t n = self->length;
    sort_key *key = ph_alloc(n, sizeof *key);
    ph_observation *list = ph_alloc(n, sizeof *list);
    if (key && list) {
        for (size_t i = 0; i < n; i++) {
            const ph_observation *it = &self->item[i];
            memcpy(&key[i].time, &it->time, sizeof key[i].time);
            key[i].place = it->part << 2 | (uint32_t)it->kind;
            key[i].at = (uint32_t)i;
        }
        qsort_r(key, n, sizeof *key, compare_keys, self->item);
        for (size_t i = 0; i < n; i++) {
            list[i] = self->item[key[i].at];
        }
    } else {
        free(list);
        list = NULL;
    }
    free(key);
    return list;
}

/* --------------------------------------------------------------- the median */

typedef struct scaled {
    double scale, weight;
} scaled;

static int compare_scaled(const void *a, const void *b)
{
    const scaled *x = a, *y = b;
    return compare_numbers(x->scale, y->scale);
}

static double scale_of(const ph_observation *it)
{
    switch (it->kind) {
    case PH_LEFT_CENSORED: return it->time / 2;
    case PH_INTERVAL_CENSORED: return it->time + (it->upper - it->time) / 2;
    case PH_OBSERVED:
    case PH_RIGHT_CENSORED: break;
    }
    return it->time;
}

static int find_median(ph_data_part *part, const ph_observation *list)
{
    size_t n = 0;
    double half = 0, sum = 0;
    int sorted = 1;
    scaled *item = ph_alloc(part->end - part->first, sizeof *item);
    if (!item) {
        return PH_E_MEMORY;
    }
    for (size_t i = part->first; i < part->end; i++) {
        double scale = scale_of(&list[i]);
        if (scale > 0) {
            sorted = sorted && (n == 0 || item[n - 1].scale <= scale);
            item[n++] = (scaled){scale, list[i].weight};
            half += list[i].weight / 2;
        }
    }
    if (!sorted) { /* one kind alone comes in order */
        qsort(item, n, sizeof *item, compare_scaled);
    }
    size_t i = 0;
    while (i + 1 < n && sum + item[i].weight < half) {
        sum += item[i++].weight;
    }
    part->median = n > 0 ? item[i].scale : 0;
    if (n > 0 && sum + item[i].weight == half && i + 1 < n) {
        part->median += (item[i + 1].scale - part->median) / 2;
    }
    free(item);
    return PH_OK;
}

/* ---------------------------------------------------------------- the parts */

/* The runs of equal `part`, which then becomes the run's number. */
static int find_parts(ph_data *data, size_t n_measures)
{
    ph_observation *list = data->observation;
    size_t count = 1;
    for (size_t i = 1; i < data->n; i++) {
        count += list[i].part != list[i - 1].part;
    }
    data->part = ph_alloc(count, sizeof *data->part);
    if (!data->part) {
        return PH_E_MEMORY;
    }
    for (size_t first = 0, end; first < data->n; first = end) {
        uint32_t code = list[first].part;
        for (end = first; end < data->n && list[end].part == code; end++) {
            list[end].part = (uint32_t)data->n_parts;
        }
        ph_data_part *part = &data->part[data->n_parts++];
        *part = (ph_data_part){code / n_measures, code % n_measures, first, end, 0};
        if (find_median(part, list) != PH_OK) {
            return PH_E_MEMORY;
        }
    }
    return PH_OK;
}

int ph_merge_finish(ph_merge *self, const char *file, size_t n_measures, ph_data **data,
                    ph_error *error)
{
    if (self->length == 0) {
        return ph_error_set(error, PH_E_DATA, "holds no observations");
    }
    double total = 0;
    for (size_t i = 0; i < self->length; i++) {
        total += self->item[i].weight;
    }
    if (!isfinite(total)) {
        return ph_error_set(error, PH_E_DATA,
                            "the counts add up to more than a double holds");
    }
    ph_data *out = ph_alloc(1, sizeof *out);
    if (!out || !(out->file = ph_strdup(file)) ||
        !(out->observation = sorted_items(self))) {
        ph_data_free(out);
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    out->n = self->length;
    out->total_weight = total;
    ph_merge_free(self);
    if (find_parts(out, n_measures) != PH_OK) {
        ph_data_free(out);
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    *data = out;
    return PH_OK;
}
