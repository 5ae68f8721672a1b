/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BENCH_H
#define PHASIC_BENCH_H

/*
 * What the sections of phasic-bench share: the clock, the table, and a model with data.
 * A time is the least of several rounds; times compare within one run only.
 */

#include "process.h"

#include "phasic/base/clock.h"
#include "phasic/base/memory.h"
#include "phasic/lik/lik.h"

/*
 * Seconds of one call, the least of 7 rounds of at least 0.01 s: of this thread's
 * processor, or by the clock.
 */
double bench_time(void (*call)(void *self), void *self);
double bench_time_of_day(void (*call)(void *self), void *self);

/* A row without an alternative: `alternative` NULL. Times in seconds; `goal` a text. */
void bench_row(const char *what, double seconds, const char *alternative, double other,
               const char *goal);
/* A row whose measure is a number with a unit. */
void bench_number(const char *what, double value, const char *unit, const char *goal);

/* Parameters of lane l: those of the model times 1 + l / 20. */
typedef struct bench_model {
    process it;
    double *theta; /* [p][PH_LANES] */
    double one[8]; /* the first lane's */
    _Alignas(64) double value[PH_LANES];
    double *gradient; /* [p][PH_LANES] */
    size_t p;
    ph_data *data;
    ph_lik *lik;
    ph_lik_work *work;
} bench_model;

/* A shipped model with n simulated times. */
void bench_model_init(bench_model *self, const char *name, const char *constant,
                      double size, size_t n);
void bench_model_free(bench_model *self);
/* Replaces the data; takes them over. */
void bench_model_data(bench_model *self, ph_data *data);
/* n simulated times at the first lane's parameters. */
ph_data *bench_simulate(const bench_model *self, size_t n);
/* The compressed data. */
ph_data *bench_compress(const ph_data *data, double ratio, size_t points);

/* Calls for bench_time, on a bench_model: a block of PH_LANES parameter vectors. */
void bench_value(void *model);
void bench_gradient(void *model);
/* The same by the scalar definition, one parameter vector. */
void bench_plain(void *model);

/* The sections. */
void bench_density(void);
void bench_observations(void);
void bench_lanes(void);
void bench_threads(void);
void bench_moments(void);
void bench_limits(void);

#endif
