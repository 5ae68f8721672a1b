/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which observations came from one row. While rows are read they are known by the items
 * that they were merged into; equal rows become one at the end, by sorting.
 */
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "private.h"

int ph_joint_add(ph_joint *self, size_t count, const uint32_t *item, double weight)
{
    if (ph_grow(&self->row, &self->capacity, self->n + 1, sizeof *self->row) != PH_OK ||
        ph_grow(&self->member, &self->member_capacity, self->length + count,
                sizeof *self->member) != PH_OK) {
        return PH_E_MEMORY;
    }
    memcpy(self->member + self->length, item, count * sizeof *item);
    self->row[self->n++] = (ph_joint_row){self->length, count, weight};
    self->length += count;
    return PH_OK;
}

void ph_joint_free(ph_joint *self)
{
    free(self->row);
    free(self->member);
    memset(self, 0, sizeof *self);
}

static int compare_members(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* By their observations. */
static int compare_rows(const ph_joint_row *a, const ph_joint_row *b,
                        const uint32_t *member)
{
    for (size_t k = 0; k < a->count && k < b->count; k++) {
        int order = compare_members(&member[a->first + k], &member[b->first + k]);
        if (order != 0) {
            return order;
        }
    }
    return (a->count > b->count) - (a->count < b->count);
}

/* Equal rows in the order of the file, in which their weights are added. */
static int compare_places(const void *a, const void *b, void *member)
{
    const ph_joint_row *x = a, *y = b;
    int order = compare_rows(x, y, member);
    return order ? order : (x->first > y->first) - (x->first < y->first);
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
    qsort_r(self->row, self->n, sizeof *self->row, compare_places, self->member);
}

int ph_joint_finish(ph_joint *self, const uint32_t *place, ph_data *data)
{
    size_t n = 0;
    data->row_first = ph_alloc(self->n + 1, sizeof *data->row_first);
    data->row_member = ph_alloc(self->length, sizeof *data->row_member);
    data->row_weight = ph_alloc(self->n, sizeof *data->row_weight);
    if (!data->row_first || !data->row_member || !data->row_weight) {
        return PH_E_MEMORY;
    }
    sort(self, place);
    for (size_t i = 0; i < self->n; i++) {
        const ph_joint_row *it = &self->row[i];
        if (i > 0 && compare_rows(&self->row[i - 1], it, self->member) == 0) {
            data->row_weight[n - 1] += it->weight;
            continue;
        }
        memcpy(data->row_member + data->row_first[n], self->member + it->first,
               it->count * sizeof *self->member);
        data->row_first[n + 1] = data->row_first[n] + it->count;
        data->row_weight[n++] = it->weight;
    }
    data->n_distinct = n;
    return PH_OK;
}
