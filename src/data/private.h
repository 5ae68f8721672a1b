/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DATA_PRIVATE_H
#define PHASIC_DATA_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/data/data.h"

/* ------------------------------------------------------------------ merge.c */

/* Distinct observations with their weights; zero-initialise. */
typedef struct ph_merge {
    ph_observation *item; /* in the order of their first row */
    size_t length, capacity;
    uint32_t *table; /* open addressing, item + 1, 0: free */
    size_t table_size;
} ph_merge;

/* Adds to the weight of an observation, which is entered where it is not known. */
int ph_merge_add(ph_merge *self, ph_observation_kind kind, double time, double weight);
void ph_merge_free(ph_merge *self);

/*
 * Sorts what was merged into a data set of its own (file: a name for messages, digest
 * left empty). The merge is empty afterwards. PH_E_DATA where nothing was observed or
 * the weights add up to more than a double holds.
 */
int ph_merge_finish(ph_merge *self, const char *file, ph_data **data, ph_error *error);

/* ---------------------------------------------------------------- columns.c */

typedef enum ph_column_role {
    PH_COLUMN_IGNORED,
    PH_COLUMN_TIME,
    PH_COLUMN_COUNT,
    PH_COLUMN_EVENT
} ph_column_role;

/* What a column of this name means; PH_E_DATA or PH_E_FEATURE where it may not stand.
 */
int ph_column_find(const char *name, const ph_data_options *options,
                   ph_column_role *role, ph_error *error);

/* -------------------------------------------------------------------- csv.c */

/*
 * The events of a scan. Lines count from 1. `cell` is given the line on which the cell
 * begins, its number in the row from 0 and its unquoted text, blanks around it gone;
 * `row` the number of cells. Blank lines make no event. A non-zero return ends the
 * scan.
 */
typedef struct ph_csv_events {
    void *context;
    int (*cell)(void *context, long line, size_t column, const char *text,
                size_t length);
    int (*row)(void *context, long line, size_t cells);
} ph_csv_events;

/* PH_E_DATA with the line where the text is not CSV; else what an event returned. */
int ph_csv_scan(const char *bytes, size_t length, const ph_csv_events *events,
                ph_error *error);

#endif
