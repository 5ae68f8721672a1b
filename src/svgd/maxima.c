/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mode search stops a thousandth of a standard deviation from an optimum, which is
 * near enough to sample from. Here every optimum is polished in the sampler's frame,
 * where curvatures are of order one: Hessians are central differences of scores at two
 * widths, extrapolated (error of the fourth order), and Newton steps are taken as long
 * as they make the decrement s' H^-1 s smaller.
 */
#include "phasic/svgd/maxima.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "modes.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"

enum { MOST_STEPS = 20, PROBES = 4 };
#define WIDTH      1e-2 /* of differences, in conditional standard deviations */
#define FLAT       1e-4 /* information: an sd of a hundred spreads of the starts */
#define ROUNDING   1e-9 /* information relative to the largest */
#define NO_DROP    1e-9 /* of log p, relative */
#define AT_REST    1e-8 /* decrement: 1e-4 standard deviations */
#define WEAK       0.1  /* as in modes.c */
#define STILL_RISE 0.5  /* of log p at the farthest probe: it has no limit */

typedef struct polish {
    ph_sampler *sampler;
    size_t d;
    double *y, *score, *hessian, *factor,
        *step; /* at the current point, in the frame */
    double log_p;
    double *point, *point_log_p, *point_score; /* [4 d] */
    double *width;                             /* [d] of differences */
    int outside;                               /* a neighbour lies outside the model */
} polish;

static void polish_clear(polish *self)
{
    free(self->y);
    free(self->score);
    free(self->hessian);
    free(self->factor);
    free(self->step);
    free(self->point);
    free(self->point_log_p);
    free(self->point_score);
    free(self->width);
}

static int polish_init(polish *self, ph_sampler *sampler)
{
    size_t d = sampler->d;
    memset(self, 0, sizeof *self);
    self->sampler = sampler;
    self->d = d;
    self->y = ph_alloc(d, sizeof(double));
    self->score = ph_alloc(d, sizeof(double));
    self->hessian = ph_alloc(d * d, sizeof(double));
    self->factor = ph_alloc(d * d, sizeof(double));
    self->step = ph_alloc(d, sizeof(double));
    self->point = ph_alloc(4 * d * d, sizeof(double));
    self->point_log_p = ph_alloc(4 * d, sizeof(double));
    self->point_score = ph_alloc(4 * d * d, sizeof(double));
    self->width = ph_alloc(d, sizeof(double));
    return self->y && self->score && self->hessian && self->factor && self->step &&
                   self->point && self->point_log_p && self->point_score && self->width
               ? PH_OK
               : PH_E_MEMORY;
}

/* Curvature along axis k of the frame, of a matrix in z. */
static double frame_curvature(const ph_sampler *sampler, const double *h, size_t k)
{
    size_t d = sampler->d;
    double sum = 0;
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j < d; j++) {
            sum += sampler->basis[i * d + k] * h[i * d + j] * sampler->basis[j * d + k];
        }
    }
    return sum;
}

/* The four neighbours of y along every axis: +w, -w, +w/2, -w/2. */
static int evaluate_neighbours(polish *self)
{
    size_t d = self->d;
    for (size_t k = 0; k < d; k++) {
        const double offset[4] = {self->width[k], -self->width[k], self->width[k] / 2,
                                  -self->width[k] / 2};
        for (size_t s = 0; s < 4; s++) {
            double *y = self->point + (4 * k + s) * d;
            memcpy(y, self->y, d * sizeof *y);
            y[k] += offset[s];
        }
    }
    int status = ph_sampler_eval(self->sampler, 4 * d, self->point, self->point_log_p,
                                 self->point_score);
    self->outside = 0;
    for (size_t i = 0; i < 4 * d; i++) {
        self->outside |= self->point_log_p[i] == -INFINITY;
    }
    return status;
}

static int hessian(polish *self)
{
    size_t d = self->d;
    int status = evaluate_neighbours(self);
    for (int round = 0; round < 3 && self->outside && status == PH_OK; round++) {
        for (size_t k = 0; k < d; k++) {
            self->width[k] /= 10;
        }
        status = evaluate_neighbours(self);
    }
    for (size_t k = 0; k < d; k++) {
        const double *s = self->point_score + 4 * k * d;
        for (size_t l = 0; l < d; l++) {
            double wide = (s[d + l] - s[l]) / (2 * self->width[k]);
            double narrow = (s[3 * d + l] - s[2 * d + l]) / self->width[k];
            self->hessian[k * d + l] = (4 * narrow - wide) / 3;
        }
    }
    ph_symmetrise(d, self->hessian);
    return status;
}

/* step = H^-1 s; returns the decrement, or NaN where H is not positive. */
static double newton(polish *self)
{
    size_t d = self->d;
    memcpy(self->step, self->score, d * sizeof(double));
    if (self->outside || ph_cholesky(d, self->hessian, self->factor) != PH_OK) {
        return NAN;
    }
    ph_solve_lower(d, self->factor, self->step);
    ph_solve_lower_transposed(d, self->factor, self->step);
    return ph_dot(d, self->step, self->score);
}

/* Newton steps while they help; *decrement is that of the point it ends at. */
static int climb(polish *self, double *decrement)
{
    size_t d = self->d;
    int status = ph_sampler_eval(self->sampler, 1, self->y, &self->log_p, self->score);
    if (status == PH_OK) {
        status = hessian(self);
    }
    *decrement = newton(self);
    for (int it = 0; it<MOST_STEPS && * decrement> 0 && status == PH_OK; it++) {
        double log_p, *y = self->point, *score = self->point_score, better;
        for (size_t k = 0; k < d; k++) {
            y[k] = self->y[k] + self->step[k];
        }
        status = ph_sampler_eval(self->sampler, 1, y, &log_p, score);
        if (status < 0 || log_p < self->log_p - NO_DROP * (1 + fabs(self->log_p))) {
            break;
        }
        memcpy(self->step, score, d * sizeof(double)); /* the old H is near enough */
        ph_solve_lower(d, self->factor, self->step);
        ph_solve_lower_transposed(d, self->factor, self->step);
        better = ph_dot(d, self->step, score);
        if (!(better < *decrement)) {
            break;
        }
        memcpy(self->y, y, d * sizeof(double));
        memcpy(self->score, score, d * sizeof(double));
        self->log_p = log_p;
        double before = *decrement;
        *decrement = better;
        if (better > 1e-3 * before || before > 1e-3) {
            status = hessian(self);
            *decrement = newton(self);
        }
    }
    return status == PH_OK ? hessian(self) : status;
}

/* H_z = B'^-1 H_y B^-1, column by column with the inverse of the basis. */
static int hessian_to_z(const polish *self, double *out)
{
    size_t d = self->d;
    const ph_sampler *sampler = self->sampler;
    double *inverse = ph_alloc(d * d, sizeof *inverse),
           *unit = ph_alloc(d, sizeof *unit);
    int status = inverse && unit ? PH_OK : PH_E_MEMORY;
    for (size_t k = 0; k < d && status == PH_OK; k++) { /* column k of B^-1 as a row */
        memcpy(unit, sampler->center, d * sizeof *unit);
        unit[k] += 1;
        ph_sampler_from_z(sampler, 1, unit, inverse + k * d);
    }
    for (size_t i = 0; i < d && status == PH_OK; i++) {
        for (size_t j = 0; j < d; j++) {
            double sum = 0;
            for (size_t k = 0; k < d; k++) {
                sum += inverse[i * d + k] *
                       ph_dot(d, self->hessian + k * d, inverse + j * d);
            }
            out[i * d + j] = sum;
        }
    }
    ph_symmetrise(d, out);
    free(inverse);
    free(unit);
    return status;
}

/*
 * How log p goes on from z along coordinate k to one side: 1 where no probe lies below
 * it, 2 where it still rises at the farthest, 0 where it falls. Probes outside the
 * model do not count.
 */
static int probe(polish *self, const ph_maximum *it, const double *unit, size_t k,
                 int sign, int *answer)
{
    static const double distance[PROBES] = {0.5, 2, 8, 16};
    size_t d = self->d;
    const ph_target *target = self->sampler->target;
    double *z = self->point, last = it->log_p, rise = 0;
    for (size_t i = 0; i < PROBES; i++) {
        memcpy(z + i * d, it->z, d * sizeof *z);
        z[i * d + k] += sign * distance[i] * unit[k];
    }
    int status = target->eval(target->context, PROBES, z, self->point_log_p, NULL),
        seen = 0;
    self->sampler->value_evaluations += PROBES;
    *answer = 1;
    for (size_t i = 0; i < PROBES; i++) {
        double log_p = self->point_log_p[i];
        if (log_p == -INFINITY) {
            continue;
        }
        seen++;
        rise = log_p - last;
        last = log_p;
        if (log_p < it->log_p - NO_DROP * (1 + fabs(it->log_p))) {
            *answer = 0;
        }
    }
    *answer = seen == 0 ? 0 : *answer && rise > STILL_RISE ? 2 : *answer;
    return status;
}

/* Says why the information is singular: flat, or a maximum beyond all bounds. */
static int find_edge(polish *self, ph_maximum *it, const double *unit)
{
    size_t d = self->d;
    int status = PH_OK;
    it->fault = PH_MAXIMUM_FLAT;
    for (size_t k = 0; k < d && status == PH_OK; k++) {
        int down, up;
        status = probe(self, it, unit, k, -1, &down);
        if (status == PH_OK) {
            status = probe(self, it, unit, k, 1, &up);
        }
        if (status == PH_OK && (down != 0) != (up != 0)) {
            it->fault = down + up == 2 ? PH_MAXIMUM_UNBOUNDED : PH_MAXIMUM_EDGE;
            it->dimension = k;
            it->sign = up ? 1 : -1;
            break;
        }
    }
    return status;
}

/* Least information in units of the starts' spreads, and its direction. */
static int find_direction(ph_maximum *it, size_t d, const double *unit, int *flat)
{
    double *scaled = ph_alloc(d * d, sizeof *scaled);
    double *values = ph_alloc(d, sizeof *values);
    double *vectors = ph_alloc(d * d, sizeof *vectors);
    int status = scaled && values && vectors ? PH_OK : PH_E_MEMORY;
    for (size_t k = 0; k < d * d && status == PH_OK; k++) {
        scaled[k] = it->hessian[k] * unit[k / d] * unit[k % d];
    }
    if (status == PH_OK) {
        status = ph_eigen(d, scaled, values, vectors);
    }
    if (status == PH_OK) {
        memcpy(it->direction, vectors, d * sizeof *vectors);
        it->weak = values[0] < WEAK;
        *flat = values[0] < fmax(FLAT, ROUNDING * values[d - 1]);
    }
    free(scaled);
    free(values);
    free(vectors);
    return status;
}

static int invert(ph_maximum *it, size_t d)
{
    double *factor = ph_alloc(d * d, sizeof *factor);
    if (!factor) {
        return PH_E_MEMORY;
    }
    for (size_t k = 0; k < d * d; k++) {
        it->covariance[k] = NAN;
    }
    if (it->fault == PH_MAXIMUM_FINE && ph_cholesky(d, it->hessian, factor) == PH_OK) {
        ph_cholesky_inverse(d, factor, it->covariance);
    } else if (it->fault == PH_MAXIMUM_FINE) {
        it->fault = PH_MAXIMUM_FLAT;
    }
    free(factor);
    return PH_OK;
}

static int finish(polish *self, ph_maximum *it, const ph_mode *mode, double decrement)
{
    size_t d = self->d;
    int flat = 0, status = hessian_to_z(self, it->hessian);
    ph_sampler_to_z(self->sampler, 1, self->y, it->z);
    it->log_p = self->log_p;
    if (status == PH_OK) {
        status = find_direction(it, d, mode->unit, &flat);
    }
    if (status == PH_OK && flat) {
        status = find_edge(self, it, mode->unit);
    } else if (self->outside) {
        it->fault = PH_MAXIMUM_WALL;
    } else if (!(decrement < AT_REST)) {
        it->fault = PH_MAXIMUM_RESTLESS;
    }
    return status == PH_OK ? invert(it, d) : status;
}

static int make_maximum(ph_sampler *sampler, const ph_mode *mode, ph_maximum *it)
{
    size_t d = sampler->d;
    double decrement = NAN;
    polish self;
    int status = polish_init(&self, sampler);
    it->z = ph_alloc(d, sizeof(double));
    it->hessian = ph_alloc(d * d, sizeof(double));
    it->covariance = ph_alloc(d * d, sizeof(double));
    it->direction = ph_alloc(d, sizeof(double));
    if (!it->z || !it->hessian || !it->covariance || !it->direction) {
        status = PH_E_MEMORY;
    }
    if (status == PH_OK) {
        ph_sampler_from_z(sampler, 1, mode->z, self.y);
    }
    for (size_t k = 0; k < d && status == PH_OK; k++) {
        self.width[k] =
            WIDTH / sqrt(fmax(frame_curvature(sampler, mode->hessian, k), 1e-4));
    }
    if (status == PH_OK) {
        status = climb(&self, &decrement);
    }
    if (status == PH_OK) {
        status = finish(&self, it, mode, decrement);
    }
    polish_clear(&self);
    return status;
}

/* Shares of the mass: exp(log p) / sqrt |H|, over those with a covariance. */
static int set_shares(ph_maxima *self)
{
    size_t d = self->d;
    double total = 0, *factor = ph_alloc(d * d, sizeof *factor);
    for (size_t i = 0; factor && i < self->n; i++) {
        ph_maximum *it = &self->maximum[i];
        if (ph_cholesky(d, it->hessian, factor) == PH_OK) {
            it->share = exp(it->log_p - self->maximum[0].log_p -
                            0.5 * ph_cholesky_log_det(d, factor));
        }
        total += it->share;
    }
    for (size_t i = 0; i < self->n; i++) {
        self->maximum[i].share = total > 0 ? self->maximum[i].share / total : NAN;
    }
    free(factor);
    return factor ? PH_OK : PH_E_MEMORY;
}

void ph_maxima_free(ph_maxima *self)
{
    if (!self) {
        return;
    }
    for (size_t i = 0; self->maximum && i < self->n; i++) {
        free(self->maximum[i].z);
        free(self->maximum[i].hessian);
        free(self->maximum[i].covariance);
        free(self->maximum[i].direction);
    }
    free(self->maximum);
    free(self);
}

static int find(ph_maxima *self, ph_sampler *sampler)
{
    ph_mode *modes = NULL;
    size_t n = 0;
    int exhausted, status = ph_modes_find(sampler, 0, NULL, &modes, &n, &exhausted);
    if (status == PH_OK) {
        self->maximum = ph_alloc(n, sizeof *self->maximum);
        status = self->maximum ? PH_OK : PH_E_MEMORY;
    }
    for (; status == PH_OK && self->n < n; self->n++) {
        status = make_maximum(sampler, &modes[self->n], &self->maximum[self->n]);
        if (status != PH_OK) {
            self->n++; /* half built */
            break;
        }
    }
    ph_modes_free(modes, n);
    self->value_evaluations = sampler->value_evaluations;
    self->score_evaluations = sampler->score_evaluations;
    return status == PH_OK ? set_shares(self) : status;
}

int ph_maxima_find(ph_maxima **self, const ph_target *target,
                   const ph_svgd_settings *settings, const ph_log *log, ph_error *error)
{
    ph_sampler sampler;
    ph_maxima *maxima = ph_alloc(1, sizeof *maxima);
    int status = ph_sampler_init(&sampler, target, settings, log, error);
    if (!maxima) {
        status = PH_E_MEMORY;
    }
    if (status == PH_OK) {
        maxima->d = target->d;
        status = find(maxima, &sampler);
    }
    ph_sampler_clear(&sampler);
    if (status != PH_OK) {
        ph_maxima_free(maxima);
        return ph_error_set(error, status, "no maximum could be found: %s",
                            ph_status_text(status));
    }
    *self = maxima;
    return PH_OK;
}
