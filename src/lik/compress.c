/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/lik/compress.h"

#include <math.h>
#include <stdlib.h>

#include "phasic/base/memory.h"
#include "phasic/num/gauss.h"

typedef struct packer {
    const ph_data *in;
    ph_data *out;
    ph_observation *plain, *entry; /* a part's, apart: see split */
    size_t n_plain, n_entry;
    double ratio;
    size_t points;
    double *x, *w, *work; /* times and weights of a piece, and the rule's workspace */
    size_t capacity[3];
} packer;

/* Kinds that contribute a smooth function of one time. */
static int is_smooth(const ph_observation *it)
{
    return it->time > 0 && it->kind != PH_INTERVAL_CENSORED;
}

/* Observations from `first` that make a piece: of one kind, and range of times. */
static size_t piece_end(const packer *self, const ph_observation *list, size_t first,
                        size_t end, double t_max)
{
    const ph_observation *a = &list[first];
    double last = fmin(self->ratio * a->time, a->time + t_max / 4);
    size_t i = first;
    while (i < end && is_smooth(&list[i]) && list[i].kind == a->kind &&
           list[i].time <= last) {
        i++;
    }
    return i;
}

static void put(packer *self, ph_observation it, double sign)
{
    it.weight *= sign;
    self->out->observation[self->out->n++] = it;
}

static int pack_piece(packer *self, const ph_observation *list, size_t first,
                      size_t end, double sign)
{
    size_t m = end - first, need = (self->points + 2) * m;
    double node[PH_GAUSS_MAX], weight[PH_GAUSS_MAX];
    if (ph_grow(&self->x, &self->capacity[0], m, sizeof *self->x) != 0 ||
        ph_grow(&self->w, &self->capacity[1], m, sizeof *self->w) != 0 ||
        ph_grow(&self->work, &self->capacity[2], need, sizeof *self->work) != 0) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < m; i++) {
        self->x[i] = list[first + i].time;
        self->w[i] = list[first + i].weight;
    }
    int status =
        ph_gauss_rule(m, self->x, self->w, self->points, node, weight, self->work);
    for (size_t k = 0; k < self->points && status == PH_OK; k++) {
        ph_observation it = list[first];
        it.time = node[k];
        it.weight = weight[k];
        put(self, it, sign);
    }
    return status;
}

/* Pieces with few times stay as they are. */
static int pack_list(packer *self, const ph_observation *list, size_t n, double t_max,
                     double sign)
{
    int status = PH_OK;
    for (size_t i = 0, next; i < n && status == PH_OK; i = next) {
        next = is_smooth(&list[i]) ? piece_end(self, list, i, n, t_max) : i + 1;
        if (next - i > 2 * self->points) {
            status = pack_piece(self, list, i, next, sign);
        } else {
            for (size_t k = i; k < next; k++) {
                put(self, list[k], sign);
            }
        }
    }
    return status;
}

static int compare(const void *a, const void *b)
{
    const ph_observation *x = a, *y = b;
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    int order = (x->time > y->time) - (x->time < y->time);
    return order ? order : (x->upper > y->upper) - (x->upper < y->upper);
}

/* Sorts and adds up what is equal; how many are left. */
static size_t merge(ph_observation *list, size_t n)
{
    size_t kept = 0;
    qsort(list, n, sizeof *list, compare);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && compare(&list[kept - 1], &list[i]) == 0) {
            list[kept - 1].weight += list[i].weight;
        } else {
            list[kept++] = list[i];
        }
    }
    return kept;
}

/*
 * A truncated observation is one without an entry, less the survival at the entry: two
 * lists, each a sum of smooth functions of one time. An entry of 0, of which a model
 * without an atom takes no notice, becomes one term in all.
 */
static void split(packer *self, const ph_observation *list, size_t n)
{
    self->n_plain = self->n_entry = 0;
    for (size_t i = 0; i < n; i++) {
        ph_observation it = list[i];
        it.entry = PH_NO_ENTRY;
        self->plain[self->n_plain++] = it;
        if (list[i].entry != PH_NO_ENTRY) {
            it.kind = PH_RIGHT_CENSORED;
            it.time = list[i].entry;
            it.upper = 0;
            self->entry[self->n_entry++] = it;
        }
    }
    if (self->n_entry > 0) { /* else they are sorted and distinct */
        self->n_plain = merge(self->plain, self->n_plain);
        self->n_entry = merge(self->entry, self->n_entry);
    }
}

static int pack_part(packer *self, ph_data_part *part)
{
    const ph_observation *list = self->in->observation;
    size_t begin = part->first, end = part->end;
    double t_max = 0;
    int status = PH_OK;
    for (size_t i = begin; i < end; i++) {
        t_max = fmax(t_max, list[i].time);
    }
    part->first = self->out->n;
    split(self, list + begin, end - begin);
    status = pack_list(self, self->plain, self->n_plain, t_max, 1);
    if (status == PH_OK) {
        status = pack_list(self, self->entry, self->n_entry, t_max, -1);
    }
    part->end = self->out->n;
    return status;
}

/*
 * A copy of everything but the observations, with room for twice as many of them, and
 * the rows that they came from, which nodes of a rule do not have.
 */
static ph_data *copy_frame(const ph_data *in)
{
    ph_data *out = ph_alloc(1, sizeof *out);
    if (!out) {
        return NULL;
    }
    *out = *in;
    out->n = out->n_distinct = 0;
    out->row_first = NULL;
    out->row_member = NULL;
    out->row_weight = NULL;
    out->file = in->file ? ph_strdup(in->file) : NULL;
    out->observation = ph_alloc(2 * in->n, sizeof *out->observation);
    out->part = ph_alloc(in->n_parts, sizeof *out->part);
    out->group = ph_alloc(in->n_groups, sizeof *out->group);
    int good = out->observation && out->part && out->group && (out->file || !in->file);
    for (size_t g = 0; g < in->n_groups && good; g++) {
        good = (out->group[g] = ph_strdup(in->group[g])) != NULL;
    }
    if (!good) {
        out->n_groups = out->group ? in->n_groups : 0;
        ph_data_free(out);
        return NULL;
    }
    for (size_t k = 0; k < in->n_parts; k++) {
        out->part[k] = in->part[k];
    }
    return out;
}

int ph_data_compress(ph_data **self, const ph_data *data, double ratio, size_t points,
                     ph_error *error)
{
    packer it = {.in = data, .ratio = ratio, .points = points};
    it.out = copy_frame(data);
    it.plain = ph_alloc(data->n, sizeof *it.plain);
    it.entry = ph_alloc(data->n, sizeof *it.entry);
    int status = it.out && it.plain && it.entry ? PH_OK : PH_E_MEMORY;
    for (size_t k = 0; k < data->n_parts && status == PH_OK; k++) {
        status = pack_part(&it, &it.out->part[k]);
    }
    free(it.plain);
    free(it.entry);
    free(it.x);
    free(it.w);
    free(it.work);
    if (status != PH_OK) {
        ph_data_free(it.out);
        return ph_error_set(error, status,
                            status == PH_E_MEMORY ? "out of memory"
                                                  : "the data could not be compressed");
    }
    *self = it.out;
    return PH_OK;
}
