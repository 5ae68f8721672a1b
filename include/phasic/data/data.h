/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DATA_DATA_H
#define PHASIC_DATA_DATA_H

#include <stddef.h>

#include "phasic/base/error.h"

/*
 * Observations after reading: equal rows merged, sorted by (kind, time). Plain and
 * immutable. Kinds beyond exact and right-censored have their place here.
 */
typedef enum ph_observation_kind {
    PH_OBSERVED,      /* absorbed at `time`: log f(time) */
    PH_RIGHT_CENSORED /* still running at `time`: log survival(time) */
} ph_observation_kind;

typedef struct ph_observation {
    ph_observation_kind kind;
    double time;   /* >= 0, finite */
    double weight; /* > 0: how often it was seen */
} ph_observation;

typedef struct ph_data {
    char *file;
    char digest[65];             /* SHA-256 of the (uncompressed) bytes */
    size_t rows;                 /* data rows read */
    size_t missing;              /* of these, rows whose time is not observed */
    size_t n;                    /* distinct observations */
    ph_observation *observation; /* [n] */
    double total_weight;
} ph_data;

/* What the reader needs to know of the model and the command line. */
typedef struct ph_data_options {
    int discrete;               /* times must be whole numbers */
    const char *const *rewards; /* reward names that are columns of the contract */
    size_t n_rewards;
    const char *const *ignore; /* --ignore-columns */
    size_t n_ignore;
} ph_data_options;

/*
 * Reads a data file (CSV, .csv.gz, "-" for standard input; see phasic-data(5)). Errors:
 * PH_E_INPUT; PH_E_DATA with file, line, column and the cell's text (the first ten bad
 * cells are listed in the message, all are counted); PH_E_FEATURE for columns of the
 * contract that this version does not support; PH_E_MEMORY.
 */
int ph_data_read(ph_data **self, const char *path, const ph_data_options *options,
                 ph_error *error);
int ph_data_parse(ph_data **self, const char *file, const char *bytes, size_t length,
                  const ph_data_options *options, ph_error *error);
/*
 * From arrays, for callers that have no file: event[n] 1 observed, 0 right-censored
 * (NULL: all observed), weight[n] (NULL: all 1). PH_E_DATA names the bad observation.
 * The file name and the digest stay empty.
 */
int ph_data_from_arrays(ph_data **self, size_t n, const double *time, const int *event,
                        const double *weight, ph_error *error);
void ph_data_free(ph_data *self);

/* Weighted median of the times, censored ones too (a scale for starting values). */
double ph_data_median(const ph_data *self);

#endif
