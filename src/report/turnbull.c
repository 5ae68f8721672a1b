/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The likelihood depends on the masses of sets that begin where a row may begin and end
 * where one must end. Mass that lies elsewhere can be moved, without loss, to where a
 * beginning is followed at once by an end: Turnbull's innermost intervals. An entry
 * ends one too (Frydman 1994): mass just before it makes the row that enters more
 * likely than mass just after it, and is the same to all others.
 */
#include "phasic/report/turnbull.h"

#include <math.h>
#include <stdlib.h>

#include "phasic/base/memory.h"
#include "turnbull_private.h"

/* The order of ends at one time: (t is after all of [t and t]. */
typedef enum end_kind { CLOSED_BEGIN, END, OPEN_BEGIN } end_kind;

typedef struct end {
    double at;
    end_kind kind;
} end;

typedef struct cell {
    end lower;
    double upper;
} cell;

static int compare_ends(const void *a, const void *b)
{
    const end *x = a, *y = b;
    if (x->at != y->at) {
        return x->at < y->at ? -1 : 1;
    }
    return (int)x->kind - (int)y->kind;
}

/* ----------------------------------------------------------------- the cells */

/* "After t" is "from t + 1 on" where times are whole numbers. */
static end begin_after(double t, int discrete)
{
    return discrete ? (end){t + 1, CLOSED_BEGIN} : (end){t, OPEN_BEGIN};
}

static end begin_of(const ph_observation *row, int discrete)
{
    switch (row->kind) {
    case PH_OBSERVED: return (end){row->time, CLOSED_BEGIN};
    case PH_LEFT_CENSORED: return (end){0, CLOSED_BEGIN};
    case PH_RIGHT_CENSORED:
    case PH_INTERVAL_CENSORED: break;
    }
    return begin_after(row->time, discrete);
}

static double end_of(const ph_observation *row)
{
    return row->kind == PH_RIGHT_CENSORED      ? INFINITY
           : row->kind == PH_INTERVAL_CENSORED ? row->upper
                                               : row->time;
}

/* list[3 n], sorted; returns their number. */
static size_t list_ends(size_t n, const ph_observation *row, int discrete, end *list)
{
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        list[length++] = begin_of(&row[i], discrete);
        list[length++] = (end){end_of(&row[i]), END};
        if (row[i].entry != PH_NO_ENTRY) {
            list[length++] = (end){row[i].entry, END};
        }
    }
    qsort(list, length, sizeof *list, compare_ends);
    return length;
}

static size_t find_cells(size_t length, const end *list, cell *out)
{
    size_t m = 0;
    for (size_t k = 0; k + 1 < length; k++) {
        if (list[k].kind != END && list[k + 1].kind == END) {
            out[m++] = (cell){list[k], list[k + 1].at};
        }
    }
    return m;
}

/* The first cell that begins at `from` or later. */
static size_t first_from(size_t m, const cell *list, end from)
{
    size_t low = 0, high = m;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_ends(&list[middle].lower, &from) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The number of cells that end at `to` or before. */
static size_t count_until(size_t m, const cell *list, double to)
{
    size_t low = 0, high = m;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle].upper <= to) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static ph_turnbull_row place_row(size_t m, const cell *list, const ph_observation *row,
                                 int discrete)
{
    int enters = row->entry != PH_NO_ENTRY;
    return (ph_turnbull_row){
        enters ? first_from(m, list, begin_after(row->entry, discrete)) : 0,
        first_from(m, list, begin_of(row, discrete)),
        count_until(m, list, end_of(row)) - 1, row->weight};
}

/* ------------------------------------------------------------------ the rows */

/*
 * The number of cells up to the first one that rows at risk may lie in, and none is
 * known to outlive. Nothing speaks for mass beyond it, and a row that enters later for
 * no amount of it: the likelihood has its supremum where the survival there is 0. (What
 * all rows at risk may lie in up to the last cell is no reason for mass, as it is after
 * the last censored time.)
 */
static int count_reached(size_t m, size_t n, const ph_turnbull_row *row, size_t *count)
{
    long *outlived = ph_alloc(m + 1, sizeof *outlived), outlives = 0;
    long *within = ph_alloc(m + 1, sizeof *within), lie = 0;
    int failed = !outlived || !within;
    for (size_t i = 0; i < n && !failed; i++) {
        outlived[row[i].entry]++;
        outlived[row[i].first]--;
        within[row[i].first] += row[i].last + 1 < m;
        within[row[i].last + 1] -= row[i].last + 1 < m;
    }
    size_t k = 0;
    for (; k + 1 < m && !failed; k++) {
        outlives += outlived[k];
        lie += within[k];
        if (outlives == 0 && lie > 0) {
            break;
        }
    }
    free(outlived);
    free(within);
    *count = k + 1;
    return failed ? PH_E_MEMORY : PH_OK;
}

/* Keeps the rows that enter before cell m, and of them what lies there. */
static size_t keep_reached(size_t m, size_t n, ph_turnbull_row *row)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (row[i].entry < m) {
            row[kept] = row[i];
            row[kept].last = row[i].last < m ? row[i].last : m - 1;
            kept++;
        }
    }
    return kept;
}

/* The cells with mass. */
static int take_result(ph_turnbull *self, size_t m, const cell *list,
                       const double *mass)
{
    double left = 0;
    self->lower = ph_alloc(m, sizeof *self->lower);
    self->upper = ph_alloc(m, sizeof *self->upper);
    self->mass = ph_alloc(m, sizeof *self->mass);
    self->survival = ph_alloc(m, sizeof *self->survival);
    if (!self->lower || !self->upper || !self->mass || !self->survival) {
        return PH_E_MEMORY;
    }
    for (size_t k = 0; k < m; k++) {
        if (mass[k] > 0) {
            self->lower[self->n] = list[k].lower.at;
            self->upper[self->n] = list[k].upper;
            self->mass[self->n++] = mass[k];
        }
    }
    for (size_t k = self->n; k-- > 0;) {
        self->survival[k] = left;
        left += self->mass[k];
    }
    return PH_OK;
}

static int estimate(ph_turnbull *self, size_t n, const ph_observation *row,
                    int discrete)
{
    end *ends = ph_alloc(3 * n, sizeof *ends);
    cell *cells = ph_alloc(3 * n, sizeof *cells);
    ph_turnbull_row *rows = ph_alloc(n, sizeof *rows);
    double *mass = NULL;
    size_t m = 0;
    int status = PH_E_MEMORY;
    if (!ends || !cells || !rows) {
        goto out;
    }
    m = find_cells(list_ends(n, row, discrete, ends), ends, cells);
    for (size_t i = 0; i < n; i++) {
        rows[i] = place_row(m, cells, &row[i], discrete);
    }
    if (count_reached(m, n, rows, &m) != PH_OK || !(mass = ph_alloc(m, sizeof *mass))) {
        goto out;
    }
    n = keep_reached(m, n, rows);
    status = ph_turnbull_solve(m, n, rows, mass, &self->gap, &self->rounds);
    if (status == PH_OK) {
        status = take_result(self, m, cells, mass);
    }
out:
    free(ends);
    free(cells);
    free(rows);
    free(mass);
    return status;
}

int ph_turnbull_init(ph_turnbull *self, size_t n, const ph_observation *row,
                     int discrete, ph_error *error)
{
    *self = (ph_turnbull){0};
    int status = estimate(self, n, row, discrete);
    return status == PH_OK ? PH_OK
           : status == PH_E_MEMORY
               ? ph_error_set(error, status, "out of memory")
               : ph_error_set(error, status,
                              "the nonparametric estimate of its censored times is not "
                              "found: a directional derivative stays at %.3g",
                              self->gap);
}

void ph_turnbull_free(ph_turnbull *self)
{
    free(self->lower);
    free(self->upper);
    free(self->mass);
    free(self->survival);
    *self = (ph_turnbull){0};
}
