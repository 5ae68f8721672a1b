/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Symbolic elimination of a directed pattern. Eliminating k gives each row i that has
 * an entry in column k the entries of row k. The Markowitz order takes always a state
 * with the smallest product of the numbers of entries in its column and its row among
 * the states still present (Markowitz 1957), ties by state number; a binary heap that
 * knows the place of every state holds these costs.
 *
 * An entry in a column is only counted off when its row goes; the lists are cleaned
 * when they are read anyway, so that a column that a million rows share costs no more
 * than its length.
 */
#include <stdlib.h>
#include <string.h>

#include "order.h"
#include "phasic/base/memory.h"

#define PROGRESS_STEP 1024

typedef struct list {
    uint32_t *item;
    uint32_t length, capacity;
} list;

typedef struct elimination {
    uint32_t n, stamp;
    list *out, *in, *lower; /* [n]; out and in may hold states that are gone */
    uint32_t *n_out, *n_in; /* [n] entries among the states still present */
    uint32_t *mark;         /* [n] stamp of the last row that had the column */
    unsigned char *gone;    /* [n] */
    uint64_t *cost;         /* [n] as the heap knows it */
    uint32_t *heap, *place; /* [n] states by cost; place of each state */
    uint32_t heap_length;
    size_t bytes, operations;
    const ph_elimination_limits *limits;
} elimination;

/* --------------------------------------------------------------------- heap */

static int before(const elimination *self, uint32_t a, uint32_t b)
{
    uint64_t x = self->cost[a], y = self->cost[b];
    return x < y || (x == y && a < b);
}

static void price(elimination *self, uint32_t state)
{
    self->cost[state] = (uint64_t)self->n_in[state] * self->n_out[state];
}

static void put(elimination *self, uint32_t at, uint32_t state)
{
    self->heap[at] = state;
    self->place[state] = at;
}

static void rise(elimination *self, uint32_t state)
{
    uint32_t at = self->place[state];
    while (at > 0 && before(self, state, self->heap[(at - 1) / 2])) {
        put(self, at, self->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(self, at, state);
}

static void sink(elimination *self, uint32_t state)
{
    uint32_t at = self->place[state];
    for (;;) {
        uint64_t child = 2 * (uint64_t)at + 1;
        if (child >= self->heap_length) {
            break;
        }
        if (child + 1 < self->heap_length &&
            before(self, self->heap[child + 1], self->heap[child])) {
            child++;
        }
        if (!before(self, self->heap[child], state)) {
            break;
        }
        put(self, at, self->heap[child]);
        at = (uint32_t)child;
    }
    put(self, at, state);
}

static void update(elimination *self, uint32_t state)
{
    price(self, state);
    rise(self, state);
    sink(self, state);
}

static void build_heap(elimination *self)
{
    self->heap_length = self->n;
    for (uint32_t i = 0; i < self->n; i++) {
        put(self, i, i);
        price(self, i);
    }
    for (uint32_t at = self->n / 2; at-- > 0;) {
        sink(self, self->heap[at]);
    }
}

static uint32_t pop(elimination *self)
{
    uint32_t top = self->heap[0], last = self->heap[--self->heap_length];
    if (self->heap_length > 0) {
        put(self, 0, last);
        sink(self, last);
    }
    return top;
}

/* -------------------------------------------------------------------- lists */

static int append(elimination *self, list *to, uint32_t state)
{
    if (to->length == to->capacity) {
        uint64_t capacity = to->capacity < 4 ? 4 : 2 * (uint64_t)to->capacity;
        size_t more = (size_t)(capacity - to->capacity) * sizeof *to->item;
        if (capacity > UINT32_MAX || self->bytes + more > self->limits->bytes) {
            return PH_E_MEMORY;
        }
        uint32_t *item = ph_realloc(to->item, (size_t)capacity, sizeof *item);
        if (!item) {
            return PH_E_MEMORY;
        }
        to->item = item;
        to->capacity = (uint32_t)capacity;
        self->bytes += more;
    }
    to->item[to->length++] = state;
    return PH_OK;
}

static void release(elimination *self, list *it)
{
    self->bytes -= it->capacity * sizeof *it->item;
    free(it->item);
    *it = (list){0};
}

/* Removes states that are gone. */
static void clean(const elimination *self, list *it)
{
    uint32_t kept = 0;
    for (uint32_t e = 0; e < it->length; e++) {
        if (!self->gone[it->item[e]]) {
            it->item[kept++] = it->item[e];
        }
    }
    it->length = kept;
}

static int load(elimination *self, const ph_pattern *pattern)
{
    for (uint32_t i = 0; i < self->n; i++) {
        for (size_t e = pattern->begin[i]; e < pattern->begin[i + 1]; e++) {
            uint32_t j = pattern->to[e];
            if (append(self, &self->out[i], j) != 0 ||
                append(self, &self->in[j], i) != 0) {
                return PH_E_MEMORY;
            }
            self->n_out[i]++;
            self->n_in[j]++;
        }
    }
    return PH_OK;
}

/* -------------------------------------------------------------- elimination */

/* Row i takes in the entries of row k. */
static int join(elimination *self, uint32_t i, uint32_t k)
{
    list *to = &self->out[i];
    const list *from = &self->out[k];
    uint32_t stamp = ++self->stamp;
    if (stamp == 0) { /* the stamps begin again */
        memset(self->mark, 0, self->n * sizeof *self->mark);
        stamp = self->stamp = 1;
    }
    clean(self, to);
    for (uint32_t e = 0; e < to->length; e++) {
        self->mark[to->item[e]] = stamp;
    }
    self->mark[i] = stamp; /* a self-loop drops out */
    for (uint32_t e = 0; e < from->length; e++) {
        uint32_t j = from->item[e];
        if (self->mark[j] != stamp) {
            if (append(self, to, j) != 0 || append(self, &self->in[j], i) != 0) {
                return PH_E_MEMORY;
            }
            self->n_in[j]++;
        }
    }
    self->n_out[i] = to->length;
    return append(self, &self->lower[i], k);
}

static int eliminate(elimination *self, uint32_t k, int ordered)
{
    list *in = &self->in[k], *out = &self->out[k];
    int status = PH_OK;
    self->gone[k] = 1;
    clean(self, in);
    clean(self, out);
    self->operations += (size_t)in->length * (out->length + 1) + out->length;
    for (uint32_t e = 0; e < out->length; e++) {
        self->n_in[out->item[e]]--;
    }
    for (uint32_t e = 0; e < in->length && status == PH_OK; e++) {
        status = join(self, in->item[e], k);
    }
    for (uint32_t e = 0; ordered && e < in->length; e++) {
        update(self, in->item[e]);
    }
    for (uint32_t e = 0; ordered && e < out->length; e++) {
        update(self, out->item[e]);
    }
    release(self, in);
    return status;
}

static int report(const elimination *self, size_t step)
{
    const ph_elimination_limits *limits = self->limits;
    size_t done = limits->done + step;
    return ph_log_progress(limits->log, "elimination",
                           (double)done / (double)limits->total,
                           "%zu of %zu states, %.2g multiplications", done,
                           limits->total, (double)self->operations) != 0
               ? PH_E_INTERRUPTED
               : PH_OK;
}

static int eliminate_all(elimination *self, ph_factors *factors, const uint32_t *given)
{
    int status = PH_OK;
    if (!given) {
        build_heap(self);
    }
    for (uint32_t s = 0; s < self->n && status == PH_OK; s++) {
        uint32_t k = factors->order[s] = given ? given[s] : pop(self);
        status = eliminate(self, k, !given);
        if (status == PH_OK && (double)self->operations > self->limits->operations) {
            status = PH_FACTORS_DEAR;
        }
        if (status == PH_OK && s % PROGRESS_STEP == PROGRESS_STEP - 1) {
            status = report(self, s);
        }
    }
    factors->operations = self->operations;
    return status;
}

/* The lists become the factors'. */
static void hand_over(elimination *self, ph_factors *factors)
{
    for (uint32_t i = 0; i < self->n; i++) {
        list *lower = &self->lower[i], *upper = &self->out[i];
        factors->row[i] =
            (ph_factor_row){lower->item, upper->item, lower->length, upper->length};
        *lower = *upper = (list){0};
    }
}

static void free_lists(list *lists, uint32_t n)
{
    for (uint32_t i = 0; lists && i < n; i++) {
        free(lists[i].item);
    }
    free(lists);
}

int ph_factors_find(ph_factors *self, const ph_pattern *pattern, const uint32_t *given,
                    const ph_elimination_limits *limits)
{
    uint32_t n = pattern->n;
    elimination it = {.n = n, .limits = limits};
    ph_factors factors = {.n = n};
    int status = PH_E_MEMORY;
    it.out = ph_alloc(n, sizeof *it.out);
    it.in = ph_alloc(n, sizeof *it.in);
    it.lower = ph_alloc(n, sizeof *it.lower);
    it.n_out = ph_alloc(n, sizeof *it.n_out);
    it.n_in = ph_alloc(n, sizeof *it.n_in);
    it.mark = ph_alloc(n, sizeof *it.mark);
    it.gone = ph_alloc(n, 1);
    it.cost = ph_alloc(n, sizeof *it.cost);
    it.heap = ph_alloc(n, sizeof *it.heap);
    it.place = ph_alloc(n, sizeof *it.place);
    factors.order = ph_alloc(n, sizeof *factors.order);
    factors.row = ph_alloc(n, sizeof *factors.row);
    if (it.out && it.in && it.lower && it.n_out && it.n_in && it.mark && it.gone &&
        it.cost && it.heap && it.place && factors.order && factors.row) {
        status = load(&it, pattern);
    }
    if (status == PH_OK) {
        status = eliminate_all(&it, &factors, given);
    }
    if (status == PH_OK) {
        hand_over(&it, &factors);
        *self = factors;
    } else {
        ph_factors_free(&factors);
    }
    free_lists(it.out, n);
    free_lists(it.in, n);
    free_lists(it.lower, n);
    free(it.n_out);
    free(it.n_in);
    free(it.mark);
    free(it.gone);
    free(it.cost);
    free(it.heap);
    free(it.place);
    return status;
}

void ph_factors_free(ph_factors *self)
{
    for (uint32_t i = 0; self->row && i < self->n; i++) {
        free(self->row[i].lower);
        free(self->row[i].upper);
    }
    free(self->row);
    free(self->order);
    *self = (ph_factors){0};
}
