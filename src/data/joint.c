/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which observations came from one row. While rows are read they are known by the items
 * that they were merged into, and equal ones become one, as observations do: a hash
 * table over the distinct ones, whose weights add up in the order of the file.
 */
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "private.h"

static uint32_t hash(size_t count, const uint32_t *item)
{
    uint64_t h = count;
    for (size_t k = 0; k < count; k++) {
        h = (h ^ item[k]) * 0x9E3779B97F4A7C15u;
        h ^= h >> 32;
    }
    return (uint32_t)h;
}

/* The slot of a row, or the free one where it belongs. */
static ph_slot *probe(const ph_joint *self, size_t count, const uint32_t *item,
                      uint32_t code)
{
    for (size_t mask = self->table_size - 1, at = code & mask;; at = (at + 1) & mask) {
        ph_slot *slot = &self->table[at];
        const ph_joint_row *row = slot->item ? &self->row[slot->item - 1] : NULL;
        if (!row ||
            (slot->hash == code && row->count == count &&
             memcmp(self->member + row->first, item, count * sizeof *item) == 0)) {
            return slot;
        }
    }
}

int ph_joint_add(ph_joint *self, size_t count, const uint32_t *item, double weight)
{
    if (2 * (self->n + 1) > self->table_size &&
        ph_slots_enlarge(&self->table, &self->table_size) != PH_OK) {
        return PH_E_MEMORY;
    }
    uint32_t code = hash(count, item);
    ph_slot *slot = probe(self, count, item, code);
    if (slot->item != 0) {
        self->row[slot->item - 1].weight += weight;
        return PH_OK;
    }
    if (self->n >= UINT32_MAX - 1 ||
        ph_grow(&self->row, &self->capacity, self->n + 1, sizeof *self->row) != PH_OK ||
        ph_grow(&self->member, &self->member_capacity, self->length + count,
                sizeof *self->member) != PH_OK) {
        return PH_E_MEMORY;
    }
    memcpy(self->member + self->length, item, count * sizeof *item);
    self->row[self->n++] = (ph_joint_row){self->length, (uint32_t)count, weight};
    self->length += count;
    *slot = (ph_slot){code, (uint32_t)self->n};
    return PH_OK;
}

void ph_joint_free(ph_joint *self)
{
    free(self->row);
    free(self->member);
    free(self->table);
    memset(self, 0, sizeof *self);
}

static int compare_members(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* By their observations. */
static int compare_rows(const void *left, const void *right, void *members)
{
    const ph_joint_row *a = left, *b = right;
    const uint32_t *member = members;
    for (size_t k = 0; k < a->count && k < b->count; k++) {
        int order = compare_members(&member[a->first + k], &member[b->first + k]);
        if (order != 0) {
            return order;
        }
    }
    return (a->count > b->count) - (a->count < b->count);
}

static void sort(ph_joint *self, const uint32_t *place)
{
    for (size_t k = 0; k < self->length; k++) {
        self->member[k] = place[self->member[k]];
    }
    for (size_t i = 0; i < self->n; i++) {
        const ph_joint_row *it = &self->row[i];
        qsort(self->member + it->first, it->count, sizeof *self->member,
              compare_members);
    }
    qsort_r(self->row, self->n, sizeof *self->row, compare_rows, self->member);
}

int ph_joint_finish(ph_joint *self, const uint32_t *place, ph_data *data)
{
    free(self->table); /* its room is wanted for the result */
    self->table = NULL;
    self->table_size = 0;
    data->row_first = ph_alloc(self->n + 1, sizeof *data->row_first);
    data->row_member = ph_alloc(self->length, sizeof *data->row_member);
    data->row_weight = ph_alloc(self->n, sizeof *data->row_weight);
    if (!data->row_first || !data->row_member || !data->row_weight) {
        return PH_E_MEMORY;
    }
    sort(self, place);
    for (size_t i = 0; i < self->n; i++) {
        const ph_joint_row *it = &self->row[i];
        memcpy(data->row_member + data->row_first[i], self->member + it->first,
               it->count * sizeof *self->member);
        data->row_first[i + 1] = data->row_first[i] + it->count;
        data->row_weight[i] = it->weight;
    }
    data->n_distinct = self->n;
    return PH_OK;
}
