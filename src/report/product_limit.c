/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/report/product_limit.h"

#include <math.h>
#include <stdlib.h>

#include "phasic/base/memory.h"

/* What happens to the risk set, in the order in which things at one time count. */
typedef enum change_kind { ABSORBED, CENSORED, ENTERED } change_kind;

typedef struct change {
    double time, weight;
    change_kind kind;
} change;

static int compare_changes(const void *a, const void *b)
{
    const change *x = a, *y = b;
    if (x->time != y->time) {
        return x->time < y->time ? -1 : 1;
    }
    return (int)x->kind - (int)y->kind;
}

static int check_kinds(size_t n, const ph_observation *row, ph_error *error)
{
    for (size_t i = 0; i < n; i++) {
        if (row[i].kind != PH_OBSERVED && row[i].kind != PH_RIGHT_CENSORED) {
            return ph_error_set(error, PH_E_FEATURE,
                                "has interval- or left-censored times, of which there "
                                "is no product-limit estimate");
        }
    }
    return PH_OK;
}

/* Changes of the risk set in order of time, and its weight at the start. */
static size_t list_changes(size_t n, const ph_observation *row, change *list,
                           double *risk)
{
    size_t length = 0;
    *risk = 0;
    for (size_t i = 0; i < n; i++) {
        const ph_observation *it = &row[i];
        change_kind kind = it->kind == PH_OBSERVED ? ABSORBED : CENSORED;
        list[length++] = (change){it->time, it->weight, kind};
        if (it->entry == PH_NO_ENTRY) {
            *risk += it->weight;
        } else {
            list[length++] = (change){it->entry, it->weight, ENTERED};
        }
    }
    qsort(list, length, sizeof *list, compare_changes);
    return length;
}

/* One step down: d of `risk` are absorbed; sum is Greenwood's sum of d / (r (r - d)).
 */
static void add_step(ph_product_limit *self, double time, double d, double risk,
                     double *survival, double *sum)
{
    double left = risk - d;
    int last = left <= 1e-12 * risk; /* what remains is rounding */
    *survival = last ? 0 : *survival * (left / risk);
    *sum += last ? 0 : d / (risk * left);
    self->time[self->n] = time;
    self->survival[self->n] = *survival;
    self->error[self->n++] = *survival * sqrt(*sum);
}

static void estimate(ph_product_limit *self, size_t length, const change *list,
                     double risk)
{
    double survival = 1, sum = 0;
    for (size_t i = 0; i < length;) {
        double d = 0, gone = 0, time = list[i].time;
        for (; i < length && list[i].time == time && list[i].kind != ENTERED; i++) {
            d += list[i].kind == ABSORBED ? list[i].weight : 0;
            gone += list[i].weight;
        }
        if (d > 0) {
            add_step(self, time, d, risk, &survival, &sum);
        }
        risk -= gone;
        for (; i < length && list[i].time == time; i++) {
            risk += list[i].weight;
        }
    }
}

int ph_product_limit_init(ph_product_limit *self, size_t n, const ph_observation *row,
                          ph_error *error)
{
    double risk = 0;
    *self = (ph_product_limit){0};
    int status = check_kinds(n, row, error);
    if (status != PH_OK) {
        return status;
    }
    change *list = ph_alloc(2 * n, sizeof *list);
    self->time = ph_alloc(n, sizeof *self->time);
    self->survival = ph_alloc(n, sizeof *self->survival);
    self->error = ph_alloc(n, sizeof *self->error);
    if (!list || !self->time || !self->survival || !self->error) {
        free(list);
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    size_t length = list_changes(n, row, list, &risk);
    estimate(self, length, list, risk);
    free(list);
    return PH_OK;
}

void ph_product_limit_free(ph_product_limit *self)
{
    free(self->time);
    free(self->survival);
    free(self->error);
    *self = (ph_product_limit){0};
}
