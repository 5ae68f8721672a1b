/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked for is taken apart into samples: the density or the survival at a time,
 *
 *   F(t) = 1 - S(t),    P(l < T <= u) = S(l) - S(u),
 *
 * and samples are cut into windows of times that one contour serves. In the left tail
 * the contour gives F in place of S.
 */
#include <stdlib.h>

#include "phasic/base/memory.h"
#include "serve_private.h"

#define ACCURATE 1e-12
#define FAR      1000. /* decay from which errors are those of the logarithm */
#define LEAST    0.5   /* accuracy of what the shift leaves: noise has none */
#define ROUNDED  4     /* times half an ulp that a term may be off */

/* What is known of a term so far. */
enum { SIZE, ERROR, SCALE, PARTS };

/* ------------------------------------------------------------------ samples */

static int compare_samples(const void *a, const void *b)
{
    const ph_serve_sample *x = a, *y = b;
    if (x->at.t != y->at.t) {
        return x->at.t > y->at.t ? -1 : 1;
    }
    if (x->term != y->term) {
        return x->term < y->term ? -1 : 1;
    }
    return x->side - y->side;
}

/* The lanes that a shape is right for. */
static unsigned lanes_of(const ph_serve *self, ph_contour_shape shape)
{
    return ph_contour_parabola(shape) ? self->valid & ~self->real : self->real;
}

/* Of the lanes that a contour served, those that this shape did. */
static unsigned served_by(const ph_serve *self, ph_contour_shape shape, ph_served by)
{
    unsigned left = PH_SERVED_LEFT(by);
    return lanes_of(self, shape) & (ph_contour_left(shape) ? left : by & ~left);
}

/*
 * Terms whose steps are worth this shape, longest times first; for the left tail only
 * those that the body's shape has left open, or, for seeds, that it has not served.
 */
static int collect(ph_serve *self, ph_contour_shape shape, int seeds, size_t n,
                   const ph_sweep_kind *kind, const double *t, const double *t2,
                   const ph_served *by)
{
    double least = self->largest > 0 ? self->from[shape] / self->largest : INFINITY;
    self->n_samples = 0;
    if (ph_grow(&self->samples, &self->sample_capacity, 2 * n, sizeof *self->samples) !=
            0 ||
        ph_grow(&self->times, &self->time_capacity, 2 * n, sizeof *self->times) != 0) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        double end = ph_serve_end(t2, kind, i), far = ph_serve_far(i, kind, t, t2);
        if (!(far > least) || (kind[i] == PH_INTERVAL && !(t[i] < end))) {
            continue;
        }
        unsigned asked =
            seeds ? served_by(self, shape, by[i]) : lanes_of(self, shape) & ~by[i];
        if (ph_contour_left(shape) && !asked) {
            continue;
        }
        int survival = kind[i] != PH_DENSITY;
        int ends = kind[i] == PH_INTERVAL && end < INFINITY, pair = ends && t[i] > 0;
        if (t[i] > 0) {
            self->samples[self->n_samples++] =
                (ph_serve_sample){{t[i], survival}, i, -pair};
        }
        if (ends) {
            self->samples[self->n_samples++] = (ph_serve_sample){{end, 1}, i, pair};
        }
    }
    qsort(self->samples, self->n_samples, sizeof *self->samples, compare_samples);
    for (size_t k = 0; k < self->n_samples; k++) {
        self->times[k] = self->samples[k].at;
    }
    return PH_OK;
}

/* The sample behind the window that begins with `first`. */
static size_t window_end(const ph_serve *self, size_t first)
{
    size_t end = first;
    while (end < self->n_samples &&
           self->times[end].t * PH_CONTOUR_REACH >= self->times[first].t) {
        end++;
    }
    return end;
}

/* ------------------------------------------------------------------- values */

/* The kind that is 1 less what the contour gives, and the end that is subtracted. */
static ph_sweep_kind other_kind(ph_contour_shape shape)
{
    return ph_contour_left(shape) ? PH_SURVIVAL : PH_DISTRIBUTION;
}

static int other_side(ph_contour_shape shape)
{
    return ph_contour_left(shape) ? -1 : 1;
}

static double shift_of(const ph_serve *self, ph_contour_shape shape, int lane)
{
    return ph_contour_left(shape) ? 0 : self->shift[lane];
}

/*
 * Takes a sample into its term. A term is SIZE e^-SCALE with the absolute ERROR, in the
 * same unit; a second sample comes to the scale of the first. For F and for S it is
 * what the contour gives.
 */
static void add_sample(const ph_serve *self, ph_contour_shape shape,
                       const ph_serve_sample *it, const ph_contour_value *value,
                       ph_lanes *part)
{
    int sign = it->side == other_side(shape) ? -1 : 1;
    for (int l = 0; l < PH_LANES; l++) {
        double decay = shift_of(self, shape, l) * it->at.t;
        double error = fmax(value->change[l], ROUNDED * value->rounding[l]);
        part[SCALE][l] = part[SCALE][l] < 0 ? decay : part[SCALE][l];
        double factor = exp(part[SCALE][l] - decay);
        part[SIZE][l] += sign * value->number[l] * factor;
        part[ERROR][l] += (value->number[l] > 0 ? error : INFINITY) * factor;
    }
}

/*
 * The logarithm of a term in a lane; 0 where it is not accurate. The rounding of the
 * shift grows with its product with t, in proportion to the logarithm. A probability
 * near 1 hides its derivatives, which are those of the small rest.
 */
static int finish_lane(const ph_lanes *part, ph_contour_shape shape, ph_sweep_kind kind,
                       int l, double *value)
{
    double size = part[SIZE][l], error = part[ERROR][l], decay = part[SCALE][l];
    if (!(size > 0) ||
        !(error <= fmin(ACCURATE * fmax(1, decay / FAR), LEAST) * size)) {
        return 0;
    }
    double log_size = log(size) - decay, rest = -expm1(log_size);
    *value = kind == other_kind(shape) ? log1p(-exp(log_size)) : log_size;
    if (kind == PH_DENSITY) {
        return isfinite(log_size);
    }
    return rest > 0 && error * exp(-decay) <= ACCURATE * rest;
}

/* Accurate terms into value and `by`. */
static void finish_terms(ph_serve *self, ph_contour_shape shape,
                         const ph_sweep_kind *kind, const double *t, const double *t2,
                         double *value, ph_served *by)
{
    uint64_t *count =
        ph_contour_parabola(shape) ? &self->tally.parabola : &self->tally.hyperbola;
    unsigned lanes = lanes_of(self, shape);
    unsigned bit = ph_contour_left(shape) ? 1u << PH_LANES | 1u : 1u;
    for (size_t k = 0; k < self->n_samples; k++) {
        size_t i = self->samples[k].term;
        for (int l = 0; l < PH_LANES; l++) {
            double here;
            if (lanes >> l & 1 && !(by[i] >> l & 1) &&
                finish_lane(self->parts + i * PARTS, shape,
                            ph_serve_kind(kind, t, t2, i), l, &here)) {
                value[i * PH_LANES + (size_t)l] = here;
                by[i] |= (ph_served)(bit << l);
                *count += 1;
            }
        }
    }
}

static int shape_values(ph_serve *self, ph_contour_shape shape, size_t n,
                        const ph_sweep_kind *kind, const double *t, const double *t2,
                        double *value, ph_served *by)
{
    int status = collect(self, shape, 0, n, kind, t, t2, by);
    if (status != PH_OK ||
        ph_grow_aligned(&self->values, &self->value_capacity, 0, self->n_samples,
                        sizeof *self->values) != PH_OK ||
        ph_grow_aligned(&self->parts, &self->part_capacity, 0, n * PARTS,
                        sizeof *self->parts) != PH_OK) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        self->parts[i * PARTS + SIZE] = self->parts[i * PARTS + ERROR] = (ph_lanes){0};
        self->parts[i * PARTS + SCALE] = (ph_lanes){0} - 1;
    }
    for (size_t k = 0, end; k < self->n_samples && status == PH_OK; k = end) {
        end = window_end(self, k);
        status = ph_contour_values(self->contour, shape, self->largest, end - k,
                                   self->times + k, self->values + k);
    }
    for (size_t k = 0; k < self->n_samples && status == PH_OK; k++) {
        const ph_serve_sample *it = &self->samples[k];
        add_sample(self, shape, it, &self->values[k], self->parts + it->term * PARTS);
    }
    if (status == PH_OK) {
        finish_terms(self, shape, kind, t, t2, value, by);
    }
    return status;
}

int ph_serve_contour_values(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                            const double *t, const double *t2, double *value,
                            ph_served *by)
{
    int status = PH_OK;
    for (int k = PH_HYPERBOLA; k < PH_CONTOUR_SHAPES && status == PH_OK; k++) {
        ph_contour_shape shape = (ph_contour_shape)k;
        if (lanes_of(self, shape)) {
            status = shape_values(self, shape, n, kind, t, t2, value, by);
        }
    }
    return status;
}

/* ----------------------------------------------------------------- gradient */

/* d (weight value) / d number, see add_sample. */
static ph_lanes sample_weight(const ph_serve *self, ph_contour_shape shape,
                              const ph_serve_sample *it, ph_sweep_kind kind,
                              unsigned lanes, const double *value, const double *weight)
{
    ph_lanes out = {0};
    int less = kind == other_kind(shape) || it->side == other_side(shape);
    for (int l = 0; l < PH_LANES; l++) {
        if (lanes >> l & 1 && weight[l] != 0 && isfinite(value[l])) {
            double decay = shift_of(self, shape, l) * it->at.t;
            out[l] = (less ? -1 : 1) * weight[l] * exp(-decay - value[l]);
        }
    }
    return out;
}

static int shape_seeds(ph_serve *self, ph_contour_shape shape, size_t n,
                       const ph_sweep_kind *kind, const double *t, const double *t2,
                       const double *value, const ph_served *by, const double *weight)
{
    int status = collect(self, shape, 1, n, kind, t, t2, by);
    if (status != PH_OK ||
        ph_grow_aligned(&self->weights, &self->weight_capacity, 0, self->n_samples,
                        sizeof(ph_lanes)) != PH_OK) {
        return PH_E_MEMORY;
    }
    for (size_t k = 0, end; k < self->n_samples && status == PH_OK; k = end) {
        unsigned any = 0;
        end = window_end(self, k);
        for (size_t j = k; j < end; j++) {
            const ph_serve_sample *it = &self->samples[j];
            size_t row = it->term * PH_LANES;
            unsigned lanes = served_by(self, shape, by[it->term]);
            self->weights[j] =
                sample_weight(self, shape, it, ph_serve_kind(kind, t, t2, it->term),
                              lanes, value + row, weight + row);
            any |= lanes;
        }
        if (any) {
            status = ph_contour_seed(self->contour, shape, self->largest, end - k,
                                     self->times + k, self->weights + k);
        }
    }
    return status;
}

int ph_serve_contour_gradient(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                              const double *t, const double *t2, const double *value,
                              const ph_served *by, const double *weight, double *u_bar)
{
    int status = PH_OK;
    unsigned served = 0;
    for (int k = PH_HYPERBOLA; k < PH_CONTOUR_SHAPES && status == PH_OK; k++) {
        ph_contour_shape shape = (ph_contour_shape)k;
        unsigned here = 0;
        for (size_t i = 0; i < n; i++) {
            here |= served_by(self, shape, by[i]);
        }
        if (here) {
            status = shape_seeds(self, shape, n, kind, t, t2, value, by, weight);
        }
        served |= here;
    }
    if (status == PH_OK && served) {
        ph_contour_gradient(self->contour, served, u_bar);
    }
    return status;
}
