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

static size_t hash(ph_observation_kind kind, double time)
{
    uint64_t h;
    memcpy(&h, &time, sizeof h);
    h = (h ^ (uint64_t)kind) * 0x9E3779B97F4A7C15u;
    h = (h ^ h >> 32) * 0xD6E8FEB86659FD93u;
    return (size_t)(h ^ h >> 32);
}

/* The slot of an observation, or the free one where it belongs. */
static size_t probe(const ph_merge *self, ph_observation_kind kind, double time)
{
    size_t mask = self->table_size - 1, at = hash(kind, time) & mask;
    while (self->table[at] != 0) {
        const ph_observation *it = &self->item[self->table[at] - 1];
        if (it->time == time && it->kind == kind) {
            break;
        }
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
        size_t at = probe(self, self->item[i].kind, self->item[i].time);
        table[at] = (uint32_t)(i + 1);
    }
    return PH_OK;
}

int ph_merge_add(ph_merge *self, ph_observation_kind kind, double time, double weight)
{
    time = time == 0 ? 0 : time; /* -0 is 0 */
    if (2 * (self->length + 1) > self->table_size && enlarge(self) != PH_OK) {
        return PH_E_MEMORY;
    }
    size_t at = probe(self, kind, time);
    if (self->table[at] != 0) {
        self->item[self->table[at] - 1].weight += weight;
        return PH_OK;
    }
    if (self->length >= UINT32_MAX - 1 ||
        ph_grow(&self->item, &self->capacity, self->length + 1, sizeof *self->item) !=
            PH_OK) {
        return PH_E_MEMORY;
    }
    self->item[self->length++] = (ph_observation){kind, time, weight};
    self->table[at] = (uint32_t)self->length;
    return PH_OK;
}

void ph_merge_free(ph_merge *self)
{
    free(self->item);
    free(self->table);
    memset(self, 0, sizeof *self);
}

static int compare(const void *a, const void *b)
{
    const ph_observation *x = a, *y = b;
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    return (x->time > y->time) - (x->time < y->time);
}

int ph_merge_finish(ph_merge *self, const char *file, ph_data **data, ph_error *error)
{
    if (self->length == 0) {
        return ph_error_set(error, PH_E_DATA, "holds no observations");
    }
    double total = 0;
    qsort(self->item, self->length, sizeof *self->item, compare);
    for (size_t i = 0; i < self->length; i++) {
        total += self->item[i].weight;
    }
    if (!isfinite(total)) {
        return ph_error_set(error, PH_E_DATA,
                            "the counts add up to more than a double holds");
    }
    ph_data *out = ph_alloc(1, sizeof *out);
    char *name = ph_strdup(file);
    if (!out || !name) {
        free(out);
        free(name);
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    out->file = name;
    out->n = self->length;
    out->total_weight = total;
    out->observation = ph_realloc(self->item, self->length, sizeof *self->item);
    out->observation = out->observation ? out->observation : self->item;
    self->item = NULL;
    ph_merge_free(self);
    *data = out;
    return PH_OK;
}
