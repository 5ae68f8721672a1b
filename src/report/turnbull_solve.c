/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * With hazards x_j >= 0 the mass of cell j is exp(-x_0 - ... - x_{j-1}) (1 -
 * exp(-x_j)), that of the last one what remains, and a row that enters at v and lies in
 * [a, b] has
 *
 *   -log likelihood = w (x_v + ... + x_{a-1} - log (1 - exp(-(x_a + ... + x_b)))),
 *
 * without the logarithm where b is the last cell: convex in x, with entries too. Three
 * steps take turns, none of which loses:
 *
 * EM: x_j becomes what the expected number of rows absorbed in cell j, and of those at
 * risk, give. Where every row has one cell, or all to the last, this is the
 * product-limit estimate and the end; masses that vanish do so slowly.
 *
 * ICM (Groeneboom & Wellner 1992, with the line search of Jongbloed 1998): a step of
 * Newton in the sums of x, with the diagonal of the second derivatives, brought back to
 * an increasing sequence, which makes masses 0 in whole stretches.
 *
 * Newton, near the end: on the cells that do not vanish, by conjugate gradients. The
 * second derivatives are sum_i c_i 1_i 1_i' over rows, with 1 in the cells of the row,
 * and are applied without being formed.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/report/turnbull.h"
#include "turnbull_private.h"

#define ROUNDS  1000
#define HALVES  40
#define NEAR    0.01 /* the gap below which Newton's steps serve */
#define HIGHEST 40.0 /* hazards: e^-40 is beyond the digits of 1 */

typedef struct solver {
    size_t m, n; /* hazards x[m - 1]; the last cell has none */
    const ph_turnbull_row *row;
    double *x, *sum;  /* [m]; [m + 1] of x, or what takes its place, before each cell */
    double *mass;     /* [m] */
    double *pull;     /* [m] sums of weight / probability of the rows of each cell */
    double *value;    /* [n] what a pass over the rows stores for each */
    double *work;     /* [m + 1] of add_ranges */
    double *gradient; /* [m] of minus the log-likelihood in x */
    double *second, *diagonal; /* [n] c_i; [m] of the second derivatives */
    double *step, *trial;      /* [m] */
    double *r, *p, *hp;        /* [m] of the conjugate gradients, and other lists */
    unsigned char *is_free;    /* [m] */
    size_t *pools;             /* [m] */
    double gap;
} solver;

/* out[k + 1] = list[0] + ... + list[k]. */
static void sum_up(size_t m, const double *list, double *out)
{
    out[0] = 0;
    for (size_t k = 0; k < m; k++) {
        out[k + 1] = out[k] + list[k];
    }
}

/* out[k] += the sum of value[i] over rows that cell k is one of. */
static void add_ranges(const solver *self, const double *value, double *out)
{
    double *change = self->work, sum = 0;
    memset(change, 0, (self->m + 1) * sizeof *change);
    for (size_t i = 0; i < self->n; i++) {
        const ph_turnbull_row *it = &self->row[i];
        if (it->first == it->last) {
            out[it->first] += value[i];
        } else {
            change[it->first] += value[i];
            change[it->last + 1] -= value[i];
        }
    }
    for (size_t k = 0; k < self->m; k++) {
        sum += change[k];
        out[k] += sum;
    }
}

/* The hazard of a row's cells, where they do not reach the last one. */
static double hazard_of(const ph_turnbull_row *it, const double *x, const double *sum)
{
    return it->first == it->last ? x[it->first] : sum[it->last + 1] - sum[it->first];
}

/* The probability of a row's cells. */
static double probability_of(const solver *self, const ph_turnbull_row *it)
{
    double before = exp(-self->sum[it->first]);
    return it->last + 1 == self->m
               ? before
               : before * -expm1(-hazard_of(it, self->x, self->sum));
}

/* Sums and masses from x. */
static void update(solver *self)
{
    size_t m = self->m;
    sum_up(m - 1, self->x, self->sum);
    for (size_t k = 0; k + 1 < m; k++) {
        self->mass[k] = exp(-self->sum[k]) * -expm1(-self->x[k]);
    }
    self->mass[m - 1] = exp(-self->sum[m - 1]);
}

/* Minus the log-likelihood; `sum` is made from x. */
static double objective(const solver *self, const double *x, double *sum)
{
    double total = 0;
    sum_up(self->m - 1, x, sum);
    for (size_t i = 0; i < self->n; i++) {
        const ph_turnbull_row *it = &self->row[i];
        double part = sum[it->first] - sum[it->entry];
        if (it->last + 1 < self->m) {
            part -= log(-expm1(-hazard_of(it, x, sum)));
        }
        total += it->weight * part;
    }
    return total;
}

/* ------------------------------------------------------------------------ EM */

/* Equal masses. */
static void begin(solver *self)
{
    for (size_t k = 0; k + 1 < self->m; k++) {
        self->x[k] = -log1p(-1.0 / (double)(self->m - k));
    }
    update(self);
}

/* Of all rows, or of those alone that do not reach the last cell. */
static void find_pull(solver *self, int all)
{
    for (size_t i = 0; i < self->n; i++) {
        const ph_turnbull_row *it = &self->row[i];
        self->value[i] =
            all || it->last + 1 < self->m ? it->weight / probability_of(self, it) : 0;
    }
    memset(self->pull, 0, self->m * sizeof *self->pull);
    add_ranges(self, self->value, self->pull);
}

/* The weight of the rows that enter with each cell, into list[m]. */
static void list_entries(const solver *self, double *list)
{
    memset(list, 0, self->m * sizeof *list);
    for (size_t i = 0; i < self->n; i++) {
        list[self->row[i].entry] += self->row[i].weight;
    }
}

/* A row that reaches the last cell is at risk before its own cells only. */
static void step_of_em(solver *self)
{
    double risk = 0, *change = self->r;
    find_pull(self, 0);
    list_entries(self, change);
    for (size_t i = 0; i < self->n; i++) {
        const ph_turnbull_row *it = &self->row[i];
        change[it->first] -= it->last + 1 < self->m ? 0 : it->weight;
    }
    for (size_t k = 0; k + 1 < self->m; k++) {
        double absorbed = self->mass[k] * self->pull[k];
        risk += change[k];
        double left = fmax(risk - absorbed, 0);
        /* left may be 0 */
        self->x[k] = absorbed > 0 ? fmin(log1p(absorbed / left), HIGHEST) : 0;
        risk = left;
    }
    update(self);
}

/* The largest directional derivative, see ph_turnbull. */
static void find_gap(solver *self)
{
    double push = 0, *entered = self->r;
    find_pull(self, 1);
    list_entries(self, entered);
    self->gap = 0;
    for (size_t k = 0; k < self->m; k++) {
        push += entered[k] * exp(self->sum[k]);
        double derivative = self->pull[k] / push - 1;
        self->gap = derivative <= self->gap ? self->gap : derivative; /* NaN stays */
    }
}

/* -------------------------------------------------------------------- Newton */

/* The gradient, the c of the rows, and the diagonal of the second derivatives. */
static void differentiate(solver *self)
{
    size_t m = self->m;
    double risk = 0;
    memset(self->gradient, 0, m * sizeof *self->gradient);
    for (size_t i = 0; i < self->n; i++) {
        const ph_turnbull_row *it = &self->row[i];
        self->gradient[it->entry] += it->weight;
        self->gradient[it->first] -= it->weight;
    }
    for (size_t k = 0; k < m; k++) {
        risk += self->gradient[k];
        self->gradient[k] = risk;
    }
    for (size_t i = 0; i < self->n; i++) {
        const ph_turnbull_row *it = &self->row[i];
        double odds =
            it->last + 1 < m ? 1 / expm1(hazard_of(it, self->x, self->sum)) : 0;
        self->value[i] = -it->weight * odds;
        self->second[i] = it->weight * odds * (1 + odds);
    }
    add_ranges(self, self->value, self->gradient);
    memset(self->diagonal, 0, m * sizeof *self->diagonal);
    add_ranges(self, self->second, self->diagonal);
}

/* out = (second derivatives) * p on the free cells. */
static void multiply(solver *self, const double *p, double *out)
{
    sum_up(self->m - 1, p, self->sum);
    for (size_t i = 0; i < self->n; i++) {
        const ph_turnbull_row *it = &self->row[i];
        self->value[i] =
            it->last + 1 < self->m ? self->second[i] * hazard_of(it, p, self->sum) : 0;
    }
    memset(out, 0, self->m * sizeof *out);
    add_ranges(self, self->value, out);
    for (size_t k = 0; k + 1 < self->m; k++) {
        out[k] = self->is_free[k] ? out[k] : 0;
    }
}

static double product(size_t m, const double *a, const double *b)
{
    double sum = 0;
    for (size_t k = 0; k < m; k++) {
        sum += a[k] * b[k];
    }
    return sum;
}

/* p = r / diagonal + beta p. */
static void turn(solver *self, double beta)
{
    for (size_t k = 0; k + 1 < self->m; k++) {
        self->p[k] =
            (self->is_free[k] ? self->r[k] / self->diagonal[k] : 0) + beta * self->p[k];
    }
}

/* r' r / diagonal. */
static double residual(const solver *self)
{
    double sum = 0;
    for (size_t k = 0; k + 1 < self->m; k++) {
        sum += self->is_free[k] ? self->r[k] * self->r[k] / self->diagonal[k] : 0;
    }
    return sum;
}

/*
 * step = -(second derivatives)^-1 gradient on the free cells, and -x on the others,
 * which are those that a step of their own would bring to 0 or below.
 */
static void find_step(solver *self)
{
    size_t last = self->m - 1;
    for (size_t k = 0; k < last; k++) {
        double g = self->gradient[k], h = self->diagonal[k];
        self->is_free[k] = h > 0 && !(g > 0 && self->x[k] * h <= g);
        self->step[k] = self->is_free[k] ? 0 : -self->x[k];
        self->r[k] = self->is_free[k] ? -g : 0;
        self->p[k] = 0;
    }
    turn(self, 0);
    double now = residual(self), first = now;
    for (size_t i = 0; i < 2 * last + 20 && now > 1e-10 * first; i++) {
        multiply(self, self->p, self->hp);
        double alpha = now / product(last, self->p, self->hp);
        if (!(alpha > 0 && isfinite(alpha))) {
            return; /* flat in this direction */
        }
        for (size_t k = 0; k < last; k++) {
            self->step[k] += alpha * self->p[k];
            self->r[k] -= alpha * self->hp[k];
        }
        double next = residual(self);
        turn(self, next / now);
        now = next;
    }
}

/* ----------------------------------------------------------------------- ICM */

/*
 * The second derivatives in the sums y_k = x_0 + ... + x_k, their diagonal alone: only
 * rows that begin or end there depend on y_k.
 */
static void find_weights(const solver *self, double *weight)
{
    memset(weight, 0, self->m * sizeof *weight);
    for (size_t i = 0; i < self->n; i++) {
        const ph_turnbull_row *it = &self->row[i];
        weight[it->last] += self->second[i];
        if (it->first > 0) {
            weight[it->first - 1] += self->second[i];
        }
    }
}

/* The closest increasing sequence y[n] by weighted squares, in its place; pools[n]. */
static void make_increasing(size_t n, double *y, double *weight, size_t *pools)
{
    size_t count = 0;
    for (size_t k = 0; k < n; k++) {
        double at = y[k], w = weight[k];
        size_t length = 1;
        while (count > 0 && y[count - 1] >= at) {
            count--;
            at = (at * w + y[count] * weight[count]) / (w + weight[count]);
            w += weight[count];
            length += pools[count];
        }
        y[count] = at;
        weight[count] = w;
        pools[count++] = length;
    }
    for (size_t k = n; count-- > 0;) {
        for (size_t i = pools[count]; i-- > 0;) {
            y[--k] = y[count];
        }
    }
}

/* step = the increasing sequence closest to a step of Newton in y, less x. */
static void find_increasing_step(solver *self)
{
    size_t last = self->m - 1;
    double *y = self->p, *weight = self->r, before = 0, total = 0;
    find_weights(self, weight);
    for (size_t k = 0; k < last; k++) {
        total += weight[k];
    }
    for (size_t k = 0; k < last; k++) {
        double next = k + 1 < last ? self->gradient[k + 1] : 0;
        weight[k] = fmax(weight[k], 1e-9 * total / (double)last);
        y[k] = self->sum[k + 1] - (self->gradient[k] - next) / weight[k];
    }
    make_increasing(last, y, weight, self->pools);
    for (size_t k = 0; k < last; k++) {
        double now = fmax(y[k], 0);
        self->step[k] = now - before - self->x[k];
        before = now;
    }
}

/* ------------------------------------------------------------------ the whole */

/* As far along the step as the objective falls; x stays where it does not. */
static void advance(solver *self)
{
    size_t last = self->m - 1;
    double before = objective(self, self->x, self->sum), share = 1;
    for (int half = 0; half < HALVES; half++, share /= 2) {
        double slope = 0;
        for (size_t k = 0; k < last; k++) {
            self->trial[k] = fmin(fmax(self->x[k] + share * self->step[k], 0), HIGHEST);
            slope += self->gradient[k] * (self->trial[k] - self->x[k]);
        }
        double after = objective(self, self->trial, self->sum);
        if (after <= before + 1e-4 * slope + 1e-14 * fabs(before)) {
            memcpy(self->x, self->trial, last * sizeof *self->x);
            break;
        }
    }
    update(self);
}

static double *take(size_t n, int *failed)
{
    double *list = ph_alloc(n, sizeof *list);
    *failed |= !list;
    return list;
}

static int reserve(solver *self)
{
    size_t m = self->m, n = self->n;
    int failed = 0;
    self->x = take(m, &failed);
    self->sum = take(m + 1, &failed);
    self->value = take(n, &failed);
    self->work = take(m + 1, &failed);
    self->gradient = take(m, &failed);
    self->second = take(n, &failed);
    self->diagonal = take(m, &failed);
    self->step = take(m, &failed);
    self->trial = take(m, &failed);
    self->pull = take(m, &failed);
    self->r = take(m, &failed);
    self->p = take(m, &failed);
    self->hp = take(m, &failed);
    self->is_free = ph_alloc(m, 1);
    self->pools = ph_alloc(m, sizeof *self->pools);
    return failed || !self->is_free || !self->pools ? PH_E_MEMORY : PH_OK;
}

static void release(solver *self)
{
    double *const list[] = {self->x,        self->sum,      self->pull, self->value,
                            self->work,     self->second,   self->step, self->trial,
                            self->gradient, self->diagonal, self->r,    self->p,
                            self->hp};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        free(list[i]);
    }
    free(self->is_free);
    free(self->pools);
}

static void run_round(solver *self)
{
    step_of_em(self);
    find_gap(self);
    if (self->gap > PH_TURNBULL_GAP) {
        differentiate(self);
        find_increasing_step(self);
        advance(self);
        find_gap(self);
    }
    if (self->gap > PH_TURNBULL_GAP && self->gap < NEAR) {
        differentiate(self);
        find_step(self);
        advance(self);
        find_gap(self);
    }
}

int ph_turnbull_solve(size_t m, size_t n, const ph_turnbull_row *row, double *mass,
                      double *gap, size_t *rounds)
{
    solver it = {.m = m, .n = n, .row = row, .mass = mass, .gap = INFINITY};
    int status = reserve(&it);
    *rounds = 0;
    if (status == PH_OK) {
        begin(&it);
    }
    while (status == PH_OK && it.gap > PH_TURNBULL_GAP && *rounds < ROUNDS) {
        run_round(&it);
        ++*rounds;
    }
    *gap = it.gap;
    release(&it);
    return status == PH_OK && !(*gap <= PH_TURNBULL_GAP) ? PH_E_NUMERIC : status;
}
