/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_SERVE_PRIVATE_H
#define PHASIC_DIST_SERVE_PRIVATE_H

#include <math.h>

#include "phasic/dist/serve.h"

/* Lanes as bits: all of them. */
#define PH_SERVE_ALL ((1u << PH_LANES) - 1)

/* A density or survival that a contour gives, for the term that asks for it. */
typedef struct ph_serve_sample {
    ph_contour_time at;
    size_t term;
    int side; /* of an interval: -1 its first end, 1 its second; else 0 */
} ph_serve_sample;

struct ph_serve {
    const ph_plan *plan;
    ph_engine engine;
    ph_sweep *sweep;
    ph_contour *contour; /* NULL for uniformization */
    ph_spectrum spectrum;
    double limit;
    unsigned beyond; /* lanes of the last call that the limit left out */
    ph_tally tally;
    int known;                      /* costs: */
    double from[PH_CONTOUR_SHAPES]; /* Lambda t where it begins; INFINITY: never */

    const double *u; /* the block */
    unsigned valid, real;
    int mixed; /* contours take part */
    double rate[PH_LANES], largest;
    ph_lanes shift;
    unsigned swept; /* lanes that the sweep stands at */
    double swept_to;

    size_t n_samples, sample_capacity, time_capacity, value_capacity, weight_capacity,
        part_capacity;
    ph_serve_sample *samples;
    ph_contour_time *times;   /* [n_samples] */
    ph_contour_value *values; /* [n_samples] */
    ph_lanes *weights;        /* [n_samples] */
    ph_lanes *parts;          /* [n][PARTS] */
};

/* The end of a term that is an interval, else 0. */
static inline double ph_serve_end(const double *t2, const ph_sweep_kind *kind, size_t i)
{
    return kind[i] == PH_INTERVAL && t2 ? t2[i] : 0;
}

/* An interval from 0 is the distribution function, one without an end the survival. */
static inline ph_sweep_kind ph_serve_kind(const ph_sweep_kind *kind, const double *t,
                                          const double *t2, size_t i)
{
    if (kind[i] != PH_INTERVAL) {
        return kind[i];
    }
    if (t[i] == 0) {
        return PH_DISTRIBUTION;
    }
    return ph_serve_end(t2, kind, i) < INFINITY ? PH_INTERVAL : PH_SURVIVAL;
}

/* The longest finite time that a term asks for. */
static inline double ph_serve_far(size_t i, const ph_sweep_kind *kind, const double *t,
                                  const double *t2)
{
    double end = ph_serve_end(t2, kind, i);
    return fmax(t[i], end < INFINITY ? end : 0);
}

/* Lets the sweep stand at `lanes` up to t_max. */
int ph_serve_enter(ph_serve *self, double t_max, unsigned lanes, unsigned *valid);

/*
 * ph_serve_log and ph_serve_gradient, first by contours as far as they are accurate
 * (serve_contour.c), the rest by uniformization (serve_uniformized.c). Return 0,
 * PH_E_MEMORY, and what ph_contour_values and ph_sweep_log do.
 */
int ph_serve_contour_values(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                            const double *t, const double *t2, double *value,
                            ph_served *by);
int ph_serve_contour_gradient(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                              const double *t, const double *t2, const double *value,
                              const ph_served *by, const double *weight, double *u_bar);
int ph_serve_uniformized_values(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                                const double *t, const double *t2, double *value,
                                const ph_served *by);
int ph_serve_uniformized_gradient(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                                  const double *t, const double *t2,
                                  const double *value, const ph_served *by,
                                  const double *weight, double *u_bar);

/* Counts what uniformization gives, and why. */
void ph_serve_count_swept(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                          const double *t, const double *t2, const ph_served *by);

#endif
