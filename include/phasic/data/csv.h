/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DATA_CSV_H
#define PHASIC_DATA_CSV_H

#include <stddef.h>

#include "phasic/base/error.h"

/*
 * The events of a scan. Lines count from 1. `cell` is given the line on which the cell
 * begins, its number in the row from 0 and its unquoted text, blanks around it gone;
 * `row` the number of cells. Blank lines and a byte order mark make no event. A
 * non-zero return ends the scan.
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
