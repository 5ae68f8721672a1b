/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DATA_NUMBERS_H
#define PHASIC_DATA_NUMBERS_H

#include <stddef.h>

#include "phasic/base/error.h"

/* A CSV file of numbers: a header of names, then rows of as many finite numbers. */
typedef struct ph_numbers {
    char *file;
    size_t columns, rows;
    char **name;   /* [columns], all different */
    double *value; /* [rows][columns] */
    long *line;    /* [rows] where each row began */
} ph_numbers;

/*
 * Reads one ("-" is standard input). PH_E_INPUT; PH_E_DATA with file, line, column (of
 * the row, from 1), the column's name and what stood there; PH_E_MEMORY.
 */
int ph_numbers_read(ph_numbers **self, const char *path, ph_error *error);
void ph_numbers_free(ph_numbers *self);

#endif
