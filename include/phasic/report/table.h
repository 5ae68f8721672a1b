/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_TABLE_H
#define PHASIC_REPORT_TABLE_H

#include <stddef.h>

#include "phasic/base/buffer.h"

/*
 * A table of texts and numbers that is written for people (aligned columns, numbers
 * rounded) or as CSV (RFC 4180, numbers with up to 17 significant digits). Cells are
 * added row by row, left to right; columns of numbers stand right, others
 * left. Zero-initialise. A
 * failed allocation sets `failed`.
 */
typedef struct ph_cell {
    char *text; /* NULL: a number */
    double number;
    int exact; /* written with all its digits for people too */
} ph_cell;

typedef struct ph_table {
    size_t columns; /* cells in the header */
    size_t length, capacity;
    ph_cell *cell;
    int digits;     /* significant digits of numbers for people; 0: 7 */
    int keep_zeros; /* 1.8460, not 1.846 */
    int failed;
} ph_table;

/* A column's heading; all of them before the first cell. */
void ph_table_head(ph_table *self, const char *text);
void ph_table_text(ph_table *self, const char *text);
void ph_table_number(ph_table *self, double value);
/* A number that people must be able to give back: as short as reads back the same. */
void ph_table_exact(ph_table *self, double value);
void ph_table_free(ph_table *self);

/* Lines of at most the needed width, columns two blanks apart. */
void ph_table_write_text(const ph_table *self, ph_buffer *out);
/* Non-finite numbers become inf, -inf and nan. */
void ph_table_write_csv(const ph_table *self, ph_buffer *out);

/*
 * A number for people: `digits` significant digits, with trailing zeros where
 * `keep_zeros`. buffer of >= 40; returns buffer.
 */
char *ph_number_text(double value, int digits, int keep_zeros, char *buffer);

#endif
