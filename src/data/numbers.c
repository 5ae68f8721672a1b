/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/data/numbers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/buffer.h"
#include "phasic/base/file.h"
#include "phasic/base/memory.h"
#include "private.h"

typedef struct reader {
    ph_numbers *table;
    ph_error *error;
    int has_header;
    size_t names, values, lines; /* capacities */
    size_t cells;                /* numbers read */
} reader;

static int bad_cell(reader *self, long line, size_t column, const char *text,
                    size_t length, const char *what)
{
    const ph_numbers *table = self->table;
    ph_error_position(self->error, line, (long)column + 1);
    if (column < table->columns) {
        ph_error_place(self->error, "%s", table->name[column]);
    }
    ph_error_found(self->error, text, (long)length);
    return ph_error_set(self->error, PH_E_DATA, "%s", what);
}

static int read_name(reader *self, long line, size_t column, const char *text,
                     size_t length)
{
    ph_numbers *table = self->table;
    int status = ph_grow(&table->name, &self->names, column + 1, sizeof *table->name);
    char *name = ph_strndup(text, length);
    if (status < 0 || !name) {
        free(name);
        return ph_error_set(self->error, PH_E_MEMORY, "out of memory");
    }
    for (size_t k = 0; k < table->columns; k++) {
        if (strcmp(table->name[k], name) == 0) {
            status = bad_cell(self, line, column, text, length,
                              "a column of this name stands there already");
        }
    }
    table->name[column] = name;
    table->columns = column + 1;
    return status;
}

static int on_cell(void *context, long line, size_t column, const char *text,
                   size_t length)
{
    reader *self = context;
    ph_numbers *table = self->table;
    double value;
    if (!self->has_header) {
        return read_name(self, line, column, text, length);
    }
    if (column >= table->columns) {
        return bad_cell(self, line, column, text, length,
                        "the row has more cells than the header");
    }
    if (ph_double_read(text, length, &value) != PH_OK || !isfinite(value)) {
        return bad_cell(self, line, column, text, length, "expects a finite number");
    }
    int status = ph_grow(&table->value, &self->values, self->cells + 1, sizeof(double));
    if (status < 0) {
        return ph_error_set(self->error, status, "out of memory");
    }
    table->value[self->cells++] = value;
    return PH_OK;
}

static int on_row(void *context, long line, size_t cells)
{
    reader *self = context;
    ph_numbers *table = self->table;
    if (!self->has_header) {
        self->has_header = 1;
        return PH_OK;
    }
    if (cells < table->columns) {
        return bad_cell(self, line, cells, "", 0, "the row ends before this column");
    }
    int status =
        ph_grow(&table->line, &self->lines, table->rows + 1, sizeof *table->line);
    if (status < 0) {
        return ph_error_set(self->error, status, "out of memory");
    }
    table->line[table->rows++] = line;
    return PH_OK;
}

static int read_bytes(ph_numbers *table, const char *path, ph_error *error)
{
    char *bytes = NULL;
    size_t length = 0;
    reader self = {.table = table, .error = error};
    const ph_csv_events events = {&self, on_cell, on_row};
    int status = ph_file_read(path, &bytes, &length, error);
    if (status == PH_OK) {
        status = ph_csv_scan(bytes, length, &events, error);
    }
    if (status == PH_OK && table->rows == 0) {
        status = ph_error_set(error, PH_E_DATA,
                              "has no rows: expected a header and rows of numbers");
    }
    if (status != PH_OK) {
        ph_error_file(error, table->file);
    }
    free(bytes);
    return status;
}

int ph_numbers_read(ph_numbers **self, const char *path, ph_error *error)
{
    ph_numbers *table = ph_alloc(1, sizeof *table);
    if (!table ||
        !(table->file = ph_strdup(strcmp(path, "-") == 0 ? "standard input" : path))) {
        ph_numbers_free(table);
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    int status = read_bytes(table, path, error);
    if (status != PH_OK) {
        ph_numbers_free(table);
        return status;
    }
    *self = table;
    return PH_OK;
}

void ph_numbers_free(ph_numbers *self)
{
    if (!self) {
        return;
    }
    for (size_t k = 0; k < self->columns; k++) {
        free(self->name[k]);
    }
    free(self->file);
    free(self->name);
    free(self->value);
    free(self->line);
    free(self);
}
