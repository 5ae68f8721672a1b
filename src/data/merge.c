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

static uint32_t hash(const ph_observation *it)
{
    uint64_t h = mix((uint64_t)it->kind << 32 | it->part, it->time);
    h = (h ^ h >> 32) * 0xD6E8FEB86659FD93u;
    return (uint32_t)mix(mix(h, it->upper), it->entry);
}

static int same(const ph_observation *a, const ph_observation *b)
{
    return a->time == b->time && a->kind == b->kind && a->part == b->part &&
           a->upper == b->upper && a->entry == b->entry;
}

/*
 * The slot of an observation, or the free one where it belongs. The hash in the slot
 * keeps the search away from the observations, which lie all over the memory.
 */
static ph_slot *probe(const ph_merge *self, const ph_observation *seen, uint32_t code)
{
    size_t mask = self->table_size - 1, at = code & mask;
    while (self->table[at].item != 0 &&
           (self->table[at].hash != code ||
            !same(&self->item[self->table[at].item - 1], seen))) {
        at = (at + 1) & mask;
    }
    return &self->table[at];
}

int ph_slots_enlarge(ph_slot **table, size_t *size)
{
    size_t larger = *size ? 2 * *size : 256;
    ph_slot *out = ph_alloc(larger, sizeof *out);
    if (!out) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < *size; i++) {
        size_t at = (*table)[i].hash & (larger - 1);
        while ((*table)[i].item != 0 && out[at].item != 0) {
            at = (at + 1) & (larger - 1);
        }
        if ((*table)[i].item != 0) {
            out[at] = (*table)[i];
        }
    }
    free(*table);
    *table = out;
    *size = larger;
    return PH_OK;
}

int ph_merge_add(ph_merge *self, const ph_observation *seen)
{
    if (2 * (self->length + 1) > self->table_size &&
        ph_slots_enlarge(&self->table, &self->table_size) != PH_OK) {
        return PH_E_MEMORY;
    }
    uint32_t code = hash(seen);
    ph_slot *slot = probe(self, seen, code);
    if (slot->item != 0) {
        self->latest = slot->item - 1;
        self->item[self->latest].weight += seen->weight;
        return PH_OK;
    }
    if (self->length >= UINT32_MAX - 1 ||
        ph_grow(&self->item, &self->capacity, self->length + 1, sizeof *self->item) !=
            PH_OK) {
        return PH_E_MEMORY;
    }
    self->latest = self->length;
    self->item[self->length++] = *seen;
    *slot = (ph_slot){code, (uint32_t)self->length};
    return PH_OK;
}

int ph_merge_add_line(ph_merge *self, const ph_observation *seen, long line)
{
    size_t before = self->length;
    int status = ph_merge_add(self, seen);
    if (status != PH_OK || seen->kind != PH_OBSERVED || seen->time != 0 ||
        self->length == before) {
        return status;
    }
    if (ph_grow(&self->zero, &self->zero_capacity, self->n_zero + 1,
                sizeof *self->zero) != PH_OK) {
        return PH_E_MEMORY;
    }
    self->zero[self->n_zero++] = (ph_zero){seen->part, line};
    return PH_OK;
}

void ph_merge_free(ph_merge *self)
{
    free(self->zero);
    free(self->item);
    free(self->table);
    ph_joint_free(&self->joint);
    memset(self, 0, sizeof *self);
}

static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

/* ----------------------------------------------------------------- the order */

#define DIGITS 12  /* bytes of a key: the time's, then those of its place */
#define RADIX  256 /* values of a byte */

/* Times are not negative, so their bits are in their order. */
typedef struct sort_key {
    uint64_t time;
    uint32_t place; /* part and kind */
    uint32_t at;
} sort_key;

static unsigned digit(const sort_key *key, int d)
{
    return (unsigned)(d < 8 ? key->time >> 8 * d : key->place >> 8 * (d - 8)) &
           (RADIX - 1);
}

/* Stably by one byte, where not all have the same; returns where the keys then are. */
static sort_key *sort_digit(sort_key *key, sort_key *room, size_t n, int d,
                            const size_t count[RADIX])
{
    size_t first[RADIX], sum = 0;
    if (count[digit(key, d)] == n) {
        return key;
    }
    for (int v = 0; v < RADIX; v++) {
        first[v] = sum;
        sum += count[v];
    }
    for (size_t i = 0; i < n; i++) {
        room[first[digit(&key[i], d)]++] = key[i];
    }
    return room;
}

/* By (place, time), least byte first: many times all apart are the usual case. */
static sort_key *sort_keys(sort_key *key, sort_key *room, size_t n)
{
    size_t count[DIGITS][RADIX] = {{0}};
    for (size_t i = 0; i < n; i++) {
        for (int d = 0; d < DIGITS; d++) {
            count[d][digit(&key[i], d)]++;
        }
    }
    for (int d = 0; d < DIGITS; d++) {
        sort_key *done = sort_digit(key, room, n, d, count[d]);
        room = done == key ? room : key;
        key = done;
    }
    return key;
}

static int compare_bounds(const void *a, const void *b, void *items)
{
    const ph_observation *list = items;
    const ph_observation *p = &list[((const sort_key *)a)->at];
    const ph_observation *q = &list[((const sort_key *)b)->at];
    int order = compare_numbers(p->upper, q->upper);
    return order ? order : compare_numbers(p->entry, q->entry);
}

/* Runs of the same place and time, by their other numbers. */
static void sort_runs(const ph_merge *self, sort_key *key)
{
    for (size_t first = 0, end; first < self->length; first = end) {
        for (end = first + 1; end < self->length && key[end].time == key[first].time &&
                              key[end].place == key[first].place;
             end++) {
        }
        if (end - first > 1) {
            qsort_r(key + first, end - first, sizeof *key, compare_bounds, self->item);
        }
    }
}

/* Where the sorted keys have brought each item; NULL where memory is short. */
static uint32_t *list_places(size_t n, const sort_key *sorted)
{
    uint32_t *place = ph_alloc(n, sizeof *place);
    for (size_t i = 0; place && i < n; i++) {
        place[sorted[i].at] = (uint32_t)i;
    }
    return place;
}

/* The items in their order, and the rows that they came from where these are known. */
static int take_sorted(ph_merge *self, ph_data *data)
{
    size_t n = self->length;
    sort_key *key = ph_alloc(n, sizeof *key), *room = ph_alloc(n, sizeof *room);
    uint32_t *place = NULL;
    int status = PH_E_MEMORY;
    data->observation = ph_alloc(n, sizeof *data->observation);
    if (!key || !room || !data->observation) {
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        const ph_observation *it = &self->item[i];
        memcpy(&key[i].time, &it->time, sizeof key[i].time);
        key[i].place = it->part << 2 | (uint32_t)it->kind;
        key[i].at = (uint32_t)i;
    }
    sort_key *sorted = sort_keys(key, room, n);
    sort_runs(self, sorted);
    for (size_t i = 0; i < n; i++) {
        data->observation[i] = self->item[sorted[i].at];
    }
    status = PH_OK;
    if (self->joint.n > 0) {
        place = list_places(n, sorted);
        status = place ? ph_joint_finish(&self->joint, place, data) : PH_E_MEMORY;
    }
out:
    free(key);
    free(room);
    free(place);
    return status;
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

static int compare_zeros(const void *a, const void *b)
{
    const ph_zero *x = a, *y = b;
    return (x->part > y->part) - (x->part < y->part);
}

/* The runs of equal `part`, which then becomes the run's number. */
static int find_parts(ph_data *data, size_t n_measures, ph_zero *zero, size_t n_zero)
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
    if (n_zero > 1) {
        qsort(zero, n_zero, sizeof *zero, compare_zeros);
    }
    for (size_t first = 0, end, z = 0; first < data->n; first = end) {
        uint32_t code = list[first].part;
        for (end = first; end < data->n && list[end].part == code; end++) {
            list[end].part = (uint32_t)data->n_parts;
        }
        ph_data_part *part = &data->part[data->n_parts++];
        *part = (ph_data_part){code / n_measures, code % n_measures, first, end, 0, 0};
        if (z < n_zero && zero[z].part == code) {
            part->zero_line = zero[z++].line;
        }
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
    free(self->table); /* its room is wanted for sorting */
    self->table = NULL;
    self->table_size = 0;
    for (size_t i = 0; i < self->length; i++) {
        total += self->item[i].weight;
    }
    if (!isfinite(total)) {
        return ph_error_set(error, PH_E_DATA,
                            "the counts add up to more than a double holds");
    }
    ph_data *out = ph_alloc(1, sizeof *out);
    if (!out || !(out->file = ph_strdup(file)) || take_sorted(self, out) != PH_OK) {
        ph_data_free(out);
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    out->n = self->length;
    out->total_weight = total;
    int status = find_parts(out, n_measures, self->zero, self->n_zero);
    ph_merge_free(self);
    if (status != PH_OK) {
        ph_data_free(out);
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    *data = out;
    return PH_OK;
}
