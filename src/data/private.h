/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DATA_PRIVATE_H
#define PHASIC_DATA_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/data/csv.h"
#include "phasic/data/data.h"

/* ------------------------------------------------------------------- data.c */

/*
 * Brings an observation that is not truncated yet into the form that data.h describes,
 * or says what is wrong with its upper end. The ends of an interval may be equal, or
 * the upper one infinite; a left-censored time may be 0.
 */
const char *ph_observation_normalize(ph_observation *self);
/* Conditions it on running at `entry`, or says what is wrong with that. */
const char *ph_observation_truncate(ph_observation *self, double entry);

/* ------------------------------------------------------------------ merge.c */

typedef struct ph_slot {
    uint32_t hash, item; /* item + 1, 0: free */
} ph_slot;

/* Doubles a table, or makes the first one; *size is a power of 2. PH_E_MEMORY. */
int ph_slots_enlarge(ph_slot **table, size_t *size);

typedef struct ph_joint_row {
    size_t first; /* members [first, first + count) */
    uint32_t count;
    double weight;
} ph_joint_row;

/* The distinct rows of a file whose rows may hold several totals; zero-initialise. */
typedef struct ph_joint {
    ph_joint_row *row; /* in the order of the file */
    uint32_t *member;  /* items of a merge */
    size_t n, capacity, length, member_capacity;
    ph_slot *table; /* of rows; open addressing */
    size_t table_size;
} ph_joint;

/* Where a part's total of 0 was met first. */
typedef struct ph_zero {
    uint32_t part;
    long line;
} ph_zero;

/* Distinct observations with their weights; zero-initialise. */
typedef struct ph_merge {
    ph_observation *item; /* in the order of their first row */
    size_t length, capacity;
    ph_slot *table; /* open addressing */
    size_t table_size;
    size_t latest;  /* the item that was added to last */
    ph_joint joint; /* rows by their items, where they are wanted in the result */
    ph_zero *zero;  /* at most one a part */
    size_t n_zero, zero_capacity;
} ph_merge;

/* Adds to the weight of an observation, which is entered where it is not known. */
int ph_merge_add(ph_merge *self, const ph_observation *seen);
/* The same for what stands on a line of a file. */
int ph_merge_add_line(ph_merge *self, const ph_observation *seen, long line);
void ph_merge_free(ph_merge *self);

/*
 * Sorts what was merged into a data set of its own (file: a name for messages; digest
 * and groups left empty). While merging, `part` is group * n_measures + reward. The
 * merge is empty afterwards. PH_E_DATA where nothing was observed or the weights add up
 * to more than a double holds.
 */
int ph_merge_finish(ph_merge *self, const char *file, size_t n_measures, ph_data **data,
                    ph_error *error);

/* ------------------------------------------------------------------ joint.c */

/*
 * Adds a row of `count` items, as often as its weight says; equal rows name them in the
 * same order. PH_E_MEMORY.
 */
int ph_joint_add(ph_joint *self, size_t count, const uint32_t *item, double weight);
/*
 * The rows of the data by their observations, of which item i has become place[i]; what
 * the joint holds is in disorder afterwards. PH_E_MEMORY.
 */
int ph_joint_finish(ph_joint *self, const uint32_t *place, ph_data *data);
void ph_joint_free(ph_joint *self);

/* ---------------------------------------------------------------- columns.c */

typedef enum ph_column_role {
    PH_COLUMN_IGNORED,
    PH_COLUMN_TIME,
    PH_COLUMN_TIME2,
    PH_COLUMN_EVENT,
    PH_COLUMN_LOWER,
    PH_COLUMN_UPPER,
    PH_COLUMN_ENTRY,
    PH_COLUMN_COUNT,
    PH_COLUMN_GROUP,
    PH_COLUMN_REWARD,
    PH_COLUMN_ROLES
} ph_column_role;

typedef struct ph_column {
    char *name;
    ph_column_role role;
    size_t reward; /* of PH_COLUMN_REWARD: index in ph_data_options.rewards */
} ph_column;

/*
 * What the columns of a header mean, each by itself and all together. PH_E_DATA naming
 * the column that may not stand there, or what is missing.
 */
int ph_columns_find(ph_column *columns, size_t n, const ph_data_options *options,
                    ph_error *error);

/* Text cut to PH_SHOWN_TEXT bytes and made printable. */
#define PH_SHOWN_TEXT 16
char *ph_printable(const char *text, size_t length, char buffer[PH_SHOWN_TEXT + 1]);

/* -------------------------------------------------------------------- row.c */

/* The cells of one row. */
typedef struct ph_row {
    double value[PH_COLUMN_ROLES];        /* by role */
    unsigned char given[PH_COLUMN_ROLES]; /* by role: the cell is not missing */
    size_t group;
    double *reward; /* [n_rewards], NaN: missing */
    size_t rewards; /* of them, not missing */
} ph_row;

/* What is wrong with a row: where, and in words. */
typedef struct ph_row_fault {
    ph_column_role role;
    size_t reward;
    const char *what;
} ph_row_fault;

void ph_row_clear(ph_row *self, size_t n_rewards);

/*
 * Not 0 for text that says that a cell holds nothing: a number that stands for the
 * text, which ph_missing_text gives back.
 */
int ph_cell_is_missing(const char *text, size_t length);
const char *ph_missing_text(int missing);
/*
 * Puts the number of a cell into the row. NULL, or what is wrong with the text. Not for
 * groups.
 */
const char *ph_row_set(ph_row *self, const ph_column *column, const char *text,
                       size_t length, int discrete);
/*
 * The observation of the row's time (*found 0: there is none) and of one reward, their
 * part and weight aside. Where `total`, the time is a reward's total. 0, or a fault.
 */
int ph_row_time(const ph_row *self, int total, ph_observation *seen, int *found,
                ph_row_fault *fault);
int ph_row_reward(const ph_row *self, size_t reward, ph_observation *seen,
                  ph_row_fault *fault);

#endif
