/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DATA_DATA_H
#define PHASIC_DATA_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/base/error.h"

/*
 * Observations after reading: equal rows merged, sorted by (part, kind, time, upper,
 * entry). Plain and immutable.
 */
typedef enum ph_observation_kind {
    PH_OBSERVED,         /* absorbed at `time`: log f(time) */
    PH_RIGHT_CENSORED,   /* still running at `time`: log S(time) */
    PH_LEFT_CENSORED,    /* absorbed at or before `time`: log F(time) */
    PH_INTERVAL_CENSORED /* absorbed in (time, upper]: log (F(upper) - F(time)) */
} ph_observation_kind;

/* No left truncation: nothing is known of an entry. */
#define PH_NO_ENTRY (-1.0)

typedef struct ph_observation {
    ph_observation_kind kind;
    uint32_t part; /* of ph_data.part */
    double time;   /* >= 0, finite; the lower end of an interval */
    double upper;  /* of an interval, finite, > time; else 0 */
    double entry;  /* known to be running then: minus log S(entry); or PH_NO_ENTRY */
    double weight; /* > 0: how often it was seen */
} ph_observation;

/* The observations that share one process: a group, and what was measured. */
typedef struct ph_data_part {
    size_t group;      /* index of the label; 0 where there are no groups */
    size_t reward;     /* 0: time, else 1 + index in ph_data_options.rewards */
    size_t first, end; /* observations [first, end) */
    double median;     /* weighted median of their times, see ph_data_median */
    long zero_line;    /* of the file, where a total of 0 stands first; 0: none */
} ph_data_part;

typedef struct ph_data {
    char *file;
    char digest[65];             /* SHA-256 of the (uncompressed) bytes */
    size_t rows;                 /* data rows read */
    size_t missing;              /* of these, rows in which nothing is observed */
    double missing_weight;       /* what their counts add up to */
    unsigned codes;              /* bit c: event code c stands beside a time */
    size_t composite;            /* rows with more than one observed cell */
    size_t n;                    /* distinct observations */
    ph_observation *observation; /* [n] */
    size_t n_groups;             /* 0: the data have no groups */
    char **group;                /* [n_groups] labels */
    size_t n_parts;              /* >= 1, each with observations */
    ph_data_part *part;          /* [n_parts] sorted by (group, reward) */
    double total_weight;
    /*
     * Where some rows hold several totals, the distinct rows: row i is made of the
     * observations row_member[row_first[i] .. row_first[i + 1]), ascending, and was
     * seen row_weight[i] times. Else every observation is a row.
     */
    size_t n_distinct; /* 0: the latter */
    size_t *row_first;
    uint32_t *row_member;
    double *row_weight;
} ph_data;

/* What the reader needs to know of the model and the command line. */
typedef struct ph_data_options {
    int discrete;               /* times and rewards must be whole numbers */
    const char *const *rewards; /* reward names: columns of observed totals */
    size_t n_rewards;
    size_t total;              /* what `time` holds: 0 times, else totals of the reward
                                  1 + index, as a column of its name does */
    const char *const *ignore; /* --ignore-columns */
    size_t n_ignore;
    const char *group;   /* the column of group labels; NULL: "group" */
    int group_is_number; /* labels are numbers, made equal where their values are */
    const char *const *label; /* the labels there may be, where they are no numbers */
    size_t n_labels;          /* 0 and no numbers: there must be no such column */
} ph_data_options;

/*
 * Reads a data file (CSV, .csv.gz, "-" for standard input; see phasic-data(5)). Errors:
 * PH_E_INPUT; PH_E_DATA with file, line, column and the cell's text (the first ten bad
 * cells are listed in the message, all are counted); PH_E_MEMORY. The groups of the
 * data are the labels of the options, or the numbers in the order of their first row.
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
/*
 * From observations of one part (their `part` is set to 0, and they are brought into
 * the form above: an interval whose ends are equal is an exact time, and so on).
 */
int ph_data_from_observations(ph_data **self, size_t n, const ph_observation *list,
                              ph_error *error);
void ph_data_free(ph_data *self);

/*
 * Weighted median of the times of the first part, a scale for starting values: of an
 * interval its middle, of a left-censored time half of it, of a right-censored one the
 * time itself. Zeros, which have no scale, are left aside; 0 where all are. Where half
 * of the weight lies up to the median exactly, the middle between it and the next.
 */
double ph_data_median(const ph_data *self);

#endif
