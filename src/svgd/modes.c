/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Damped Newton from all starts at once: every batch holds the points of all starts
 * that are still moving, so that lanes and threads are full. The unit of length of each
 * coordinate is the spread of the starts (they come from a law that covers the
 * posterior), which makes difference steps, step limits and the notion of "flat"
 * independent of the user's units. Hessians are forward differences of exact scores on
 * the way and central ones at the end; eigenvalues are replaced by their absolute
 * values, which turns saddles and plateaus into ascent.
 *
 * Rounds of starts go on until every mode has been met twice (after Good and Turing,
 * the share of starts that end where only one has ended estimates the share that would
 * end where none has) and there have been enough starts that one more mode, as easy to
 * meet as m known ones, would have been met: (m + 1) (1 - 1/(m + 1))^n < MISSED.
 */
#include "modes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"

enum { MAX_STEPS = 60, MAX_HALVINGS = 30, MOST_STARTS = 1024 };
#define MISSED         1e-3 /* chance to miss one more mode like those found */
#define FORWARD_STEP   1e-5 /* in spreads of the starts */
#define CENTRAL_STEP   1e-3 /* in conditional standard deviations */
#define STEP_LIMIT     2.0  /* longest Newton step, in spreads */
#define DECREMENT_DONE 1e-6 /* s' H^-1 s: a thousandth of a standard deviation */
#define ARMIJO         1e-4
#define KEEP_LOG_P     8.0 /* modes this far below the best are dropped */
#define MODE_DISTANCE  3.0 /* Laplace standard deviations between two modes */
#define PEAK           0.1 /* of log p, above a mode that a better one is close to */
#define WEAK_CURVATURE 0.1 /* wider than three spreads of the starts */

typedef struct search {
    size_t n, d;
    double *y, *log_p, *score;                 /* [n][d], [n], [n][d] */
    double *hessian;                           /* [n][d][d] */
    double *step, *slope, *length;             /* [n][d], [n], [n] */
    double *decrement;                         /* [n] */
    int *moving, *trying, *converged;          /* [n] */
    size_t *who;                               /* [n] the starts of a batch */
    double *batch, *batch_log_p, *batch_score; /* [n * 2d] points */
} search;

static void search_free(search *self)
{
    free(self->y);
    free(self->log_p);
    free(self->score);
    free(self->hessian);
    free(self->step);
    free(self->slope);
    free(self->length);
    free(self->decrement);
    free(self->moving);
    free(self->trying);
    free(self->converged);
    free(self->who);
    free(self->batch);
    free(self->batch_log_p);
    free(self->batch_score);
    memset(self, 0, sizeof *self);
}

static int search_init(search *self, size_t n, size_t d)
{
    size_t points = n * 2 * d;
    memset(self, 0, sizeof *self);
    self->n = n;
    self->d = d;
    self->y = ph_alloc(n * d, sizeof(double));
    self->log_p = ph_alloc(n, sizeof(double));
    self->score = ph_alloc(n * d, sizeof(double));
    self->hessian = ph_alloc(n * d * d, sizeof(double));
    self->step = ph_alloc(n * d, sizeof(double));
    self->slope = ph_alloc(n, sizeof(double));
    self->length = ph_alloc(n, sizeof(double));
    self->decrement = ph_alloc(n, sizeof(double));
    self->moving = ph_alloc(n, sizeof(int));
    self->trying = ph_alloc(n, sizeof(int));
    self->converged = ph_alloc(n, sizeof(int));
    self->who = ph_alloc(n, sizeof(size_t));
    self->batch = ph_alloc(points * d, sizeof(double));
    self->batch_log_p = ph_alloc(points, sizeof(double));
    self->batch_score = ph_alloc(points * d, sizeof(double));
    return self->y && self->log_p && self->score && self->hessian && self->step &&
                   self->slope && self->length && self->decrement && self->moving &&
                   self->trying && self->converged && self->who && self->batch &&
                   self->batch_log_p && self->batch_score
               ? PH_OK
               : PH_E_MEMORY;
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/*
 * Spread of coordinate k over the starts: interquartile range / 1.35, or a quarter of
 * the whole range where that is more (half of the starts may share one scale).
 */
static double spread_of(size_t n, size_t d, const double *z, size_t k, double *sorted)
{
    for (size_t i = 0; i < n; i++) {
        sorted[i] = z[i * d + k];
    }
    qsort(sorted, n, sizeof *sorted, compare_double);
    size_t upper = 3 * n / 4 < n ? 3 * n / 4 : n - 1;
    double quartiles = (sorted[upper] - sorted[n / 4]) / 1.35;
    double range = fmax(quartiles, 0.25 * (sorted[n - 1] - sorted[0]));
    return range > 0 && isfinite(range) ? range : 1;
}

/* Draws starts number `first` and on, in z, into self->y. */
static int draw_starts(const ph_sampler *sampler, search *self, size_t first)
{
    const ph_target *target = sampler->target;
    for (size_t i = 0; i < self->n; i++) {
        int status = target->start(target->context, sampler->settings->seed,
                                   (uint32_t)(first + i), self->y + i * self->d);
        if (status < 0) {
            return ph_error_set(sampler->error, status,
                                "no starting point could be drawn");
        }
    }
    return PH_OK;
}

/* The frame y = z / spread of the starts. */
static int set_frame(ph_sampler *sampler, const search *self)
{
    size_t n = self->n, d = self->d;
    double *center = ph_alloc(d, sizeof *center);
    double *basis = ph_alloc(d * d, sizeof *basis);
    double *sorted = ph_alloc(n, sizeof *sorted);
    int status = center && basis && sorted ? PH_OK : PH_E_MEMORY;
    for (size_t k = 0; k < d && status == PH_OK; k++) {
        basis[k * d + k] = spread_of(n, d, self->y, k, sorted);
    }
    if (status == PH_OK) {
        status = ph_sampler_frame(sampler, center, basis);
    }
    free(center);
    free(basis);
    free(sorted);
    return status;
}

/*
 * Hessians of -log p by forward differences at all moving starts, one batch. Where the
 * neighbour lies outside the model, the coordinate counts as uncorrelated with unit
 * curvature: the step limit and the line search do the rest.
 */
static int forward_hessians(ph_sampler *sampler, search *self)
{
    size_t d = self->d, points = 0;
    for (size_t i = 0; i < self->n; i++) {
        for (size_t k = 0; self->moving[i] && k < d; k++, points++) {
            double *y = self->batch + points * d;
            memcpy(y, self->y + i * d, d * sizeof *y);
            y[k] += FORWARD_STEP;
        }
    }
    int status = ph_sampler_eval(sampler, points, self->batch, self->batch_log_p,
                                 self->batch_score);
    if (status < 0) {
        return status;
    }
    points = 0;
    for (size_t i = 0; i < self->n; i++) {
        double *h = self->hessian + i * d * d;
        for (size_t k = 0; self->moving[i] && k < d; k++, points++) {
            int outside = self->batch_log_p[points] == -INFINITY;
            for (size_t l = 0; l < d; l++) {
                double slope =
                    (self->batch_score[points * d + l] - self->score[i * d + l]) /
                    FORWARD_STEP;
                h[k * d + l] = outside ? (k == l) : -slope;
            }
        }
        if (self->moving[i]) {
            ph_symmetrise(d, h);
        }
    }
    return PH_OK;
}

/* step = |H|^-1 s, limited; the decrement s'|H|^-1 s tells how far the optimum is. */
static int newton_step(search *self, size_t i, double *values, double *vectors)
{
    size_t d = self->d;
    const double *s = self->score + i * d;
    double *step = self->step + i * d, largest = 0;
    int status = ph_eigen(d, self->hessian + i * d * d, values, vectors);
    if (status < 0) {
        return status;
    }
    for (size_t k = 0; k < d; k++) {
        largest = fmax(largest, fabs(values[k]));
    }
    memset(step, 0, d * sizeof *step);
    self->decrement[i] = 0;
    for (size_t k = 0; k < d; k++) {
        const double *v = vectors + k * d;
        double along = ph_dot(d, v, s);
        double curvature = fmax(fabs(values[k]), fmax(1e-12 * largest, 1e-6));
        self->decrement[i] += along * along / curvature;
        for (size_t l = 0; l < d; l++) {
            step[l] += along / curvature * v[l];
        }
    }
    if (values[0] < -1e-6 * largest && self->decrement[i] < 1e-3) {
        double size = fmin(1, 1 / sqrt(-values[0])); /* leave the saddle */
        double sign = ph_dot(d, vectors, s) < 0 ? -1 : 1;
        for (size_t l = 0; l < d; l++) {
            step[l] += sign * size * vectors[l];
        }
        self->decrement[i] = 1;
    }
    double longest = 0;
    for (size_t l = 0; l < d; l++) {
        longest = fmax(longest, fabs(step[l]));
    }
    for (size_t l = 0; longest > STEP_LIMIT && l < d; l++) {
        step[l] *= STEP_LIMIT / longest;
    }
    self->slope[i] = ph_dot(d, s, step);
    self->length[i] = 1;
    return PH_OK;
}

/* Tries y + length * step at all starts that still look for a step, one batch. */
static int try_steps(ph_sampler *sampler, search *self, size_t *left)
{
    size_t d = self->d, points = 0;
    for (size_t i = 0; i < self->n; i++) {
        if (self->trying[i]) {
            for (size_t k = 0; k < d; k++) {
                self->batch[points * d + k] =
                    self->y[i * d + k] + self->length[i] * self->step[i * d + k];
            }
            self->who[points++] = i;
        }
    }
    int status = ph_sampler_eval(sampler, points, self->batch, self->batch_log_p,
                                 self->batch_score);
    if (status < 0) {
        return status;
    }
    *left = 0;
    for (size_t p = 0; p < points; p++) {
        size_t i = self->who[p];
        double gain = self->batch_log_p[p] - self->log_p[i];
        if (gain > ARMIJO * self->length[i] * self->slope[i]) {
            self->trying[i] = 0;
            self->log_p[i] = self->batch_log_p[p];
            memcpy(self->y + i * d, self->batch + p * d, d * sizeof(double));
            memcpy(self->score + i * d, self->batch_score + p * d, d * sizeof(double));
        } else {
            self->length[i] *= 0.5;
            ++*left;
        }
    }
    return PH_OK;
}

/* One Newton iteration of all moving starts. */
static int iterate(ph_sampler *sampler, search *self, double *values, double *vectors,
                   size_t *moving)
{
    int status = forward_hessians(sampler, self);
    *moving = 0;
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        self->trying[i] = 0;
        if (!self->moving[i]) {
            continue;
        }
        status = newton_step(self, i, values, vectors);
        if (status == PH_OK && self->decrement[i] < DECREMENT_DONE) {
            self->moving[i] = 0;
            self->converged[i] = 1;
        } else {
            self->trying[i] = 1;
            ++*moving;
        }
    }
    size_t left = *moving;
    for (int halving = 0; halving < MAX_HALVINGS && left && status == PH_OK;
         halving++) {
        status = try_steps(sampler, self, &left);
    }
    for (size_t i = 0; i < self->n; i++) {
        if (self->trying[i]) { /* no ascent to rounding: as good a stop as any */
            self->moving[i] = 0;
            self->converged[i] = self->decrement[i] < 1e-2;
        }
    }
    return status;
}

/* Distance^2 of two points in the curvature h. */
static double distance2(size_t d, const double *h, const double *a, const double *b)
{
    double sum = 0;
    for (size_t k = 0; k < d; k++) {
        double row = 0;
        for (size_t l = 0; l < d; l++) {
            row += h[k * d + l] * (a[l] - b[l]);
        }
        sum += row * (a[k] - b[k]);
    }
    return sum;
}

/* Stops starts that are about to arrive where a better one is. */
static void merge(search *self)
{
    size_t d = self->d;
    for (size_t i = 0; i < self->n; i++) {
        for (size_t j = 0; j < self->n && self->moving[i]; j++) {
            if (j != i && (self->moving[j] || self->converged[j]) &&
                (self->log_p[j] > self->log_p[i] ||
                 (self->log_p[j] == self->log_p[i] && j < i)) &&
                self->decrement[j] < 0.1 && self->decrement[i] < 0.1 &&
                fabs(distance2(d, self->hessian + j * d * d, self->y + i * d,
                               self->y + j * d)) < 0.01) {
                self->moving[i] = 0;
            }
        }
    }
}

/* `first`: at least one start must have a density. */
static int ascend(ph_sampler *sampler, search *self, int first)
{
    size_t d = self->d, moving = 0;
    double *values = ph_alloc(d, sizeof *values);
    double *vectors = ph_alloc(d * d, sizeof *vectors);
    int status = values && vectors ? ph_sampler_eval(sampler, self->n, self->y,
                                                     self->log_p, self->score)
                                   : PH_E_MEMORY;
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        self->moving[i] = self->log_p[i] > -INFINITY;
        moving += self->moving[i] != 0;
    }
    if (status == PH_OK && moving == 0 && first) {
        status =
            ph_error_set(sampler->error, PH_E_NUMERIC,
                         "none of the %zu starting points has a finite posterior "
                         "density: check the model, the priors and the data's unit",
                         self->n);
    }
    for (int step = 0; step < MAX_STEPS && moving && status == PH_OK; step++) {
        status = iterate(sampler, self, values, vectors, &moving);
        merge(self);
        if (status == PH_OK) {
            status = ph_sampler_progress(sampler, "mode search",
                                         1 - (double)moving / (double)self->n, "");
        }
    }
    free(values);
    free(vectors);
    return status;
}

/*
 * Central differences at one optimum, with steps of a fixed fraction of the conditional
 * standard deviation of each coordinate; `repaired` tells that eigenvalues that are not
 * positive had to be replaced.
 */
static int central_hessian(ph_sampler *sampler, search *self, size_t i, double *h,
                           double *least, int *repaired, double *values,
                           double *vectors)
{
    size_t d = self->d;
    const double *rough = self->hessian + i * d * d;
    for (size_t k = 0; k < 2 * d; k++) {
        double *y = self->batch + k * d;
        double step = CENTRAL_STEP / sqrt(fmax(fabs(rough[(k / 2) * (d + 1)]), 1e-2));
        memcpy(y, self->y + i * d, d * sizeof *y);
        y[k / 2] += k % 2 ? -step : step;
    }
    int status = ph_sampler_eval(sampler, 2 * d, self->batch, self->batch_log_p,
                                 self->batch_score);
    for (size_t k = 0; k < d && status == PH_OK; k++) {
        const double *up = self->batch_score + 2 * k * d, *down = up + d;
        double width = self->batch[2 * k * d + k] - self->batch[(2 * k + 1) * d + k];
        int outside = self->batch_log_p[2 * k] == -INFINITY ||
                      self->batch_log_p[2 * k + 1] == -INFINITY;
        for (size_t l = 0; l < d; l++) {
            h[k * d + l] = outside ? rough[k * d + l] : (down[l] - up[l]) / width;
        }
    }
    if (status < 0) {
        return status;
    }
    ph_symmetrise(d, h);
    status = ph_eigen(d, h, values, vectors);
    *repaired = 0;
    *least = values[0];
    for (size_t k = 0; k < d && status == PH_OK; k++) {
        if (values[k] < 1e-6) {
            values[k] = fmax(fabs(values[k]), 0.05);
            *repaired = 1;
        }
    }
    if (status == PH_OK && *repaired) {
        ph_from_eigen(d, values, vectors, h);
    }
    return status;
}

static void mode_clear(ph_mode *mode)
{
    free(mode->z);
    free(mode->hessian);
    free(mode->direction);
    free(mode->unit);
    memset(mode, 0, sizeof *mode);
}

void ph_modes_free(ph_mode *modes, size_t n_modes)
{
    for (size_t m = 0; modes && m < n_modes; m++) {
        mode_clear(&modes[m]);
    }
    free(modes);
}

/* Optimum i as a mode, still in the frame of the starts. */
static int make_mode(ph_sampler *sampler, search *self, size_t i, ph_mode *mode)
{
    size_t d = self->d;
    int repaired = 0;
    double *values = ph_alloc(d, sizeof *values);
    double *vectors = ph_alloc(d * d, sizeof *vectors);
    mode->log_p = self->log_p[i];
    mode->arrived = self->converged[i];
    mode->z = ph_alloc(d, sizeof(double));
    mode->hessian = ph_alloc(d * d, sizeof(double));
    mode->direction = ph_alloc(d, sizeof(double));
    mode->unit = ph_alloc(d, sizeof(double));
    int status =
        values && vectors && mode->z && mode->hessian && mode->direction && mode->unit
            ? central_hessian(sampler, self, i, mode->hessian, &mode->least, &repaired,
                              values, vectors)
            : PH_E_MEMORY;
    if (status == PH_OK) {
        memcpy(mode->z, self->y + i * d, d * sizeof(double));
        memcpy(mode->direction, vectors, d * sizeof(double));
        mode->weak = repaired || values[0] < WEAK_CURVATURE;
        memcpy(self->hessian + i * d * d, mode->hessian, d * d * sizeof(double));
    }
    free(values);
    free(vectors);
    return status;
}

/* What rounds of starts have found: modes, the best first, in the starts' frame. */
typedef struct catch
{
    ph_mode *mode;
    size_t *hits; /* [n] starts that ended at it */
    size_t n, starts, capacity, hits_capacity;
}
catch;

/* The first mode that an end of the search is within, a peak on its slope aside; n. */
static size_t mode_of(size_t d, size_t n, const ph_mode *modes, const double *y,
                      double log_p)
{
    size_t m = 0;
    while (m < n && !(distance2(d, modes[m].hessian, y, modes[m].z) <=
                          MODE_DISTANCE * MODE_DISTANCE &&
                      log_p <= modes[m].log_p + PEAK)) {
        m++;
    }
    return m;
}

/* The next best optimum that is far from the modes so far; n if there is none. */
static size_t next_optimum(const search *self, const ph_mode *modes, size_t n_modes)
{
    size_t d = self->d, best = self->n;
    for (size_t i = 0; i < self->n; i++) {
        int usable = n_modes == 0 ? self->log_p[i] > -INFINITY
                                  : self->converged[i] &&
                                        self->log_p[i] > modes[0].log_p - KEEP_LOG_P;
        if (usable && (best == self->n || self->log_p[i] > self->log_p[best]) &&
            mode_of(d, n_modes, modes, self->y + i * d, self->log_p[i]) == n_modes) {
            best = i;
        }
    }
    return best;
}

/* Makes optimum i the last mode, or the first where it is the best. */
static int catch_mode(ph_sampler *sampler, catch *self, search *from, size_t i)
{
    if (ph_grow(&self->mode, &self->capacity, self->n + 1, sizeof *self->mode) ||
        ph_grow(&self->hits, &self->hits_capacity, self->n + 1, sizeof *self->hits)) {
        return PH_E_MEMORY;
    }
    ph_mode *mode = &self->mode[self->n];
    memset(mode, 0, sizeof *mode);
    self->hits[self->n++] = 0;
    int status = make_mode(sampler, from, i, mode);
    if (mode->log_p > self->mode[0].log_p) {
        ph_mode swap = self->mode[0];
        size_t hits = self->hits[0];
        self->mode[0] = *mode;
        *mode = swap;
        self->hits[0] = 0;
        self->hits[self->n - 1] = hits;
    }
    return status;
}

static void count_hits(catch *self, const search *from)
{
    size_t d = from->d;
    for (size_t i = 0; i < from->n; i++) {
        size_t m = from->log_p[i] > -INFINITY ? mode_of(d, self->n, self->mode,
                                                        from->y + i * d, from->log_p[i])
                                              : self->n;
        if (m < self->n) {
            self->hits[m]++;
            self->starts++;
        }
    }
}

/* One round: where the points in from->y lead. */
static int cast(ph_sampler *sampler, catch *self, search *from)
{
    int status = ascend(sampler, from, self->n == 0);
    for (size_t i;
         status == PH_OK && (i = next_optimum(from, self->mode, self->n)) < from->n;) {
        if (self->n == 0 && !from->converged[i]) {
            ph_log_write(sampler->log, PH_LOG_WARNING,
                         "the mode search stopped before it reached a maximum of the "
                         "posterior density");
        }
        status = catch_mode(sampler, self, from, i);
    }
    if (status == PH_OK) {
        count_hits(self, from);
    }
    return status;
}

/* Whether another mode would have been met; see the head. */
static int is_exhausted(const catch *self)
{
    double n = (double)self->n + 1;
    for (size_t m = 0; m < self->n; m++) {
        if (self->hits[m] < 2) {
            return 0;
        }
    }
    return log(n) + (double)self->starts * log1p(-1 / n) < log(MISSED);
}

static int compare_modes(const void *a, const void *b)
{
    const ph_mode *x = a, *y = b;
    return (x->log_p < y->log_p) - (x->log_p > y->log_p);
}

/* Best first, without those that are too far below the best. */
static void sort_modes(catch *self)
{
    qsort(self->mode, self->n, sizeof *self->mode, compare_modes);
    while (self->mode[self->n - 1].log_p <= self->mode[0].log_p - KEEP_LOG_P) {
        mode_clear(&self->mode[--self->n]);
    }
}

/* From the frame of the starts (diagonal basis) to z. */
static void mode_to_z(const ph_sampler *sampler, ph_mode *mode)
{
    size_t d = sampler->d;
    for (size_t k = 0; k < d; k++) {
        double unit = sampler->basis[k * (d + 1)];
        mode->z[k] *= unit;
        mode->unit[k] = unit;
        for (size_t l = 0; l < d; l++) {
            mode->hessian[k * d + l] /= unit * sampler->basis[l * (d + 1)];
        }
    }
}

/* Frame at the best mode: H = L L', basis = L'^-1. */
static int laplace_frame(ph_sampler *sampler, const ph_mode *mode)
{
    size_t d = sampler->d;
    double *factor = ph_alloc(d * d, sizeof *factor);
    double *basis = ph_alloc(d * d, sizeof *basis),
           *column = ph_alloc(d, sizeof *column);
    int status =
        factor && basis && column ? ph_cholesky(d, mode->hessian, factor) : PH_E_MEMORY;
    for (size_t k = 0; k < d && status == PH_OK; k++) {
        memset(column, 0, d * sizeof *column);
        column[k] = 1;
        ph_solve_lower_transposed(d, factor, column);
        for (size_t l = 0; l < d; l++) {
            basis[l * d + k] = column[l];
        }
    }
    if (status == PH_OK) {
        status = ph_sampler_frame(sampler, mode->z, basis);
    }
    free(factor);
    free(basis);
    free(column);
    return status;
}

/* A round from points in z that others have come upon. */
static int follow_hints(ph_sampler *sampler, catch *self, size_t n, const double *z)
{
    search hinted = {0};
    int status = n > 0 ? search_init(&hinted, n, sampler->d) : PH_OK;
    if (status == PH_OK && n > 0) {
        memcpy(hinted.y, z, n * sampler->d * sizeof *z);
        ph_sampler_from_z(sampler, n, hinted.y, hinted.y);
        status = cast(sampler, self, &hinted);
    }
    search_free(&hinted);
    return status;
}

int ph_modes_find(ph_sampler *sampler, size_t n_hints, const double *hints,
                  ph_mode **modes, size_t *n_modes, int *exhausted)
{
    size_t n = sampler->settings->starts;
    catch found = {0};
    search self;
    int status = search_init(&self, n, sampler->d), done = 0;
    for (size_t first = 0; status == PH_OK && !done; first += n) {
        memset(self.converged, 0, n * sizeof *self.converged);
        status = draw_starts(sampler, &self, first);
        if (status == PH_OK && first == 0) {
            status = set_frame(sampler, &self);
        }
        if (status == PH_OK) {
            ph_sampler_from_z(sampler, n, self.y, self.y);
            status = cast(sampler, &found, &self);
        }
        done = is_exhausted(&found) || first + 2 * n > MOST_STARTS;
    }
    *exhausted = status == PH_OK && (found.n == 1 || is_exhausted(&found));
    if (status == PH_OK) {
        status = follow_hints(sampler, &found, n_hints, hints);
    }
    if (status == PH_OK) {
        sort_modes(&found);
    }
    for (size_t m = 0; m < found.n && status == PH_OK; m++) {
        mode_to_z(sampler, &found.mode[m]);
    }
    if (status == PH_OK) {
        status = laplace_frame(sampler, &found.mode[0]);
    }
    if (status == PH_OK) {
        *modes = found.mode;
        *n_modes = found.n;
    } else {
        ph_modes_free(found.mode, found.n);
    }
    free(found.hits);
    search_free(&self);
    return status;
}

int ph_modes_follow(ph_sampler *sampler, const ph_mode *modes, size_t n_modes, size_t n,
                    const double *y, double *z, size_t *n_new)
{
    size_t d = sampler->d;
    search self = {0};
    int status = search_init(&self, n, d);
    *n_new = 0;
    if (status == PH_OK) {
        memcpy(self.y, y, n * d * sizeof *y);
        status = ascend(sampler, &self, 0);
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        double *at = z + *n_new * d;
        ph_sampler_to_z(sampler, 1, self.y + i * d, at);
        *n_new += self.converged[i] && self.log_p[i] > modes[0].log_p - KEEP_LOG_P &&
                  mode_of(d, n_modes, modes, at, self.log_p[i]) == n_modes;
    }
    search_free(&self);
    return status;
}
