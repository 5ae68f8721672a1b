/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the text of a data file to observations in one pass. The first row is the
 * header, or, where it is one number, the first of a list of times. Bad cells do not
 * end the reading: they are counted, and the first of them are collected for one
 * message.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/buffer.h"
#include "phasic/base/digest.h"
#include "phasic/base/file.h"
#include "phasic/base/memory.h"
#include "private.h"

#define MAX_COLUMNS 4096
#define SHOWN       10 /* bad cells that the message lists */
#define SHOWN_TEXT  16 /* bytes of each */

typedef struct column {
    char *name;
    ph_column_role role;
} column;

typedef struct reader {
    const ph_data_options *options;
    ph_error *error;
    ph_merge merge;
    column *columns;
    size_t n_columns, columns_capacity;
    int has_columns;      /* the header has been read */
    size_t rows, missing; /* data rows; those without a time */

    /* the row at hand */
    double time, weight, event;
    int absent[PH_COLUMN_EVENT + 1]; /* by role: the cell was empty */
    int is_bad;

    size_t n_bad;
    ph_buffer bad; /* the first of them, in words */
    long bad_line;
    char bad_column[32], bad_text[SHOWN_TEXT + 1];
    long later_line; /* of the first event 2, 0: none */
} reader;

/* ---------------------------------------------------------------- bad cells */

/* Text cut to SHOWN_TEXT bytes and made printable. */
static char *printable(const char *text, size_t length, char buffer[SHOWN_TEXT + 1])
{
    size_t n = length > SHOWN_TEXT ? SHOWN_TEXT : length;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        buffer[i] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    }
    if (length > SHOWN_TEXT) {
        memcpy(buffer + n - 3, "...", 3);
    }
    buffer[n] = '\0';
    return buffer;
}

static void report(reader *self, long line, const char *name, const char *text,
                   size_t length, const char *what)
{
    char cut[SHOWN_TEXT + 1];
    printable(text, length, cut);
    self->is_bad = 1;
    if (self->n_bad++ == 0) {
        self->bad_line = line;
        snprintf(self->bad_column, sizeof self->bad_column, "%s", name);
        memcpy(self->bad_text, cut, sizeof cut);
    }
    if (self->n_bad <= SHOWN) {
        ph_buffer_addf(&self->bad, "%sline %ld: ", self->n_bad > 1 ? "; " : "", line);
        if (name[0]) {
            ph_buffer_addf(&self->bad, "%s '%s' ", name, cut);
        }
        ph_buffer_add(&self->bad, what);
    }
}

static int fail_bad(reader *self)
{
    ph_error *error = self->error;
    ph_error_position(error, self->bad_line, 0);
    if (self->bad_column[0]) {
        ph_error_place(error, "column '%s'", self->bad_column);
        ph_error_found(error, self->bad_text, -1);
    }
    if (self->bad.failed) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    if (self->n_bad <= SHOWN) {
        return ph_error_set(error, PH_E_DATA, "%zu bad cell%s: %s", self->n_bad,
                            self->n_bad == 1 ? "" : "s", self->bad.text);
    }
    return ph_error_set(error, PH_E_DATA, "%zu bad cells: %s; and %zu more",
                        self->n_bad, self->bad.text, self->n_bad - SHOWN);
}

/* ------------------------------------------------------------------- header */

static int add_column(reader *self, long line, const char *text, size_t length)
{
    if (self->n_columns == MAX_COLUMNS) {
        ph_error_position(self->error, line, 0);
        return ph_error_set(self->error, PH_E_DATA, "more than %d columns",
                            MAX_COLUMNS);
    }
    if (ph_grow(&self->columns, &self->columns_capacity, self->n_columns + 1,
                sizeof *self->columns) != 0) {
        return ph_error_set(self->error, PH_E_MEMORY, "out of memory");
    }
    char *name = ph_strndup(text, length);
    if (!name) {
        return ph_error_set(self->error, PH_E_MEMORY, "out of memory");
    }
    self->columns[self->n_columns++] = (column){name, PH_COLUMN_IGNORED};
    return PH_OK;
}

static int is_missing(const char *text, size_t length)
{
    static const char *const words[] = {"", "NA", "NaN", "nan"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0) {
            return 1;
        }
    }
    return 0;
}

static int is_number(const char *text)
{
    double x;
    return ph_double_read(text, strlen(text), &x) == PH_OK;
}

/* Where all names are numbers, a header is missing. */
static int check_header(reader *self)
{
    for (size_t k = 0; k < self->n_columns; k++) {
        if (!is_number(self->columns[k].name)) {
            return PH_OK;
        }
    }
    ph_error_found(self->error, self->columns[0].name, -1);
    return ph_error_set(self->error, PH_E_DATA,
                        "the first row holds numbers where the names of the columns "
                        "were expected (only a single column may go without)");
}

static int find_roles(reader *self)
{
    int seen[PH_COLUMN_EVENT + 1] = {0}, status = check_header(self);
    for (size_t k = 0; k < self->n_columns && status == PH_OK; k++) {
        column *it = &self->columns[k];
        if (it->name[0] == '\0') {
            ph_error_place(self->error, "column %zu", k + 1);
            return ph_error_set(self->error, PH_E_DATA, "this column has no name");
        }
        status = ph_column_find(it->name, self->options, &it->role, self->error);
        if (status == PH_OK && it->role != PH_COLUMN_IGNORED && seen[it->role]++) {
            status =
                ph_error_set(self->error, PH_E_DATA, "a second column of %s%s",
                             it->role == PH_COLUMN_TIME ? "times" : "the same meaning",
                             it->role == PH_COLUMN_COUNT   ? " (count, weight)"
                             : it->role == PH_COLUMN_EVENT ? " (event, status)"
                                                           : "");
        }
        if (status != PH_OK) {
            char cut[SHOWN_TEXT + 1];
            ph_error_place(self->error, "column '%s'",
                           printable(it->name, strlen(it->name), cut));
        }
    }
    if (status == PH_OK && !seen[PH_COLUMN_TIME]) {
        status = ph_error_set(self->error, PH_E_DATA,
                              "no column 'time' among the names of the first row");
    }
    return status;
}

/* ---------------------------------------------------------------- data rows */

static void begin_row(reader *self)
{
    self->time = NAN;
    self->weight = self->event = 1;
    self->is_bad = 0;
    memset(self->absent, 0, sizeof self->absent);
}

static const char *complaint(const reader *self, ph_column_role role, double value)
{
    if (value < 0) {
        return "is negative";
    }
    if (role == PH_COLUMN_EVENT && value != 0 && value != 1 && value != 2) {
        return "is neither 0 nor 1";
    }
    if (role == PH_COLUMN_TIME && self->options->discrete && value != floor(value)) {
        return "is not a whole number";
    }
    return NULL;
}

static int read_cell(reader *self, long line, size_t k, const char *text, size_t length)
{
    if (k >= self->n_columns || self->columns[k].role == PH_COLUMN_IGNORED) {
        return PH_OK;
    }
    const column *it = &self->columns[k];
    double value;
    if (is_missing(text, length)) {
        self->absent[it->role] = 1;
        return PH_OK;
    }
    int status = ph_double_read(text, length, &value);
    if (status == PH_E_MEMORY) {
        return ph_error_set(self->error, status, "out of memory");
    }
    const char *what =
        status == PH_OK ? complaint(self, it->role, value) : "is not a finite number";
    if (what) {
        report(self, line, it->name, text, length, what);
        return PH_OK;
    }
    switch (it->role) {
    case PH_COLUMN_TIME: self->time = value; break;
    case PH_COLUMN_COUNT: self->weight = value; break;
    case PH_COLUMN_EVENT: self->event = value; break;
    case PH_COLUMN_IGNORED: break;
    }
    if (self->event == 2 && self->later_line == 0) {
        self->later_line = line;
    }
    return PH_OK;
}

/* A row that has a time needs the other cells too. */
static void check_absent(reader *self, long line)
{
    for (size_t k = 0; k < self->n_columns; k++) {
        ph_column_role role = self->columns[k].role;
        if (role != PH_COLUMN_IGNORED && self->absent[role]) {
            report(self, line, self->columns[k].name, "", 0,
                   role == PH_COLUMN_EVENT ? "is neither 0 nor 1"
                                           : "is not a finite number");
        }
    }
}

static int end_row(reader *self, long line, size_t cells)
{
    self->rows++;
    if (cells != self->n_columns) {
        char what[64];
        snprintf(what, sizeof what, "%zu cells instead of %zu", cells, self->n_columns);
        report(self, line, "", "", 0, what);
    } else if (self->absent[PH_COLUMN_TIME]) {
        self->missing++;
    } else if (!self->is_bad) {
        check_absent(self, line);
    }
    int status = PH_OK;
    if (!self->is_bad && !self->absent[PH_COLUMN_TIME] && self->weight > 0) {
        status = ph_merge_add(&self->merge,
                              self->event == 0 ? PH_RIGHT_CENSORED : PH_OBSERVED,
                              self->time, self->weight);
    }
    begin_row(self);
    return status == PH_OK ? PH_OK : ph_error_set(self->error, status, "out of memory");
}

/* ------------------------------------------------------------------- events */

static int on_cell(void *context, long line, size_t k, const char *text, size_t length)
{
    reader *self = context;
    return self->has_columns ? read_cell(self, line, k, text, length)
                             : add_column(self, line, text, length);
}

/* The first row: names, or a number that heads a list of times without a name. */
static int first_row(reader *self, long line)
{
    char *first = self->columns[0].name;
    size_t length = strlen(first);
    self->has_columns = 1;
    begin_row(self);
    if (self->n_columns > 1 || !(is_number(first) || is_missing(first, length))) {
        int status = find_roles(self);
        ph_error_position(self->error, status == PH_OK ? 0 : line, 0);
        return status;
    }
    self->columns[0] = (column){ph_strdup("time"), PH_COLUMN_TIME};
    int status = self->columns[0].name
                     ? read_cell(self, line, 0, first, length)
                     : ph_error_set(self->error, PH_E_MEMORY, "out of memory");
    free(first);
    return status == PH_OK ? end_row(self, line, 1) : status;
}

static int on_row(void *context, long line, size_t cells)
{
    reader *self = context;
    return self->has_columns ? end_row(self, line, cells) : first_row(self, line);
}

/* -------------------------------------------------------------------- files */

static long line_of(const char *bytes, const char *at)
{
    long line = 1;
    for (const char *c = bytes; c < at; c++) {
        line += *c == '\n';
    }
    return line;
}

/* Text in UTF-8, of which *bytes is left behind the byte order mark. */
static int check_text(const char **bytes, size_t *length, ph_error *error)
{
    if (*length >= 2 &&
        (memcmp(*bytes, "\xFF\xFE", 2) == 0 || memcmp(*bytes, "\xFE\xFF", 2) == 0)) {
        return ph_error_set(error, PH_E_DATA,
                            "the file is encoded as UTF-16; save it as UTF-8");
    }
    const char *nul = memchr(*bytes, '\0', *length);
    if (nul) {
        ph_error_position(error, line_of(*bytes, nul), 0);
        return ph_error_set(error, PH_E_DATA,
                            "the file holds a NUL byte: it is no text file");
    }
    if (*length >= 3 && memcmp(*bytes, "\xEF\xBB\xBF", 3) == 0) {
        *bytes += 3;
        *length -= 3;
    }
    return PH_OK;
}

static int check_cells(reader *self)
{
    if (self->n_bad > 0) {
        return fail_bad(self);
    }
    if (self->later_line > 0) {
        ph_error_position(self->error, self->later_line, 0);
        return ph_error_set(self->error, PH_E_FEATURE,
                            "left-censored observations (event 2) are not supported in "
                            "this version");
    }
    if (self->merge.length == 0) {
        return ph_error_set(self->error, PH_E_DATA, "holds no observations (%zu row%s)",
                            self->rows, self->rows == 1 ? "" : "s");
    }
    return PH_OK;
}

int ph_data_parse(ph_data **self, const char *file, const char *bytes, size_t length,
                  const ph_data_options *options, ph_error *error)
{
    static const ph_data_options none = {0};
    reader it = {.options = options ? options : &none, .error = error};
    const ph_csv_events events = {&it, on_cell, on_row};
    ph_data *data = NULL;
    const char *text = bytes;
    size_t text_length = length;
    int status = check_text(&text, &text_length, error);
    if (status == PH_OK) {
        status = ph_csv_scan(text, text_length, &events, error);
    }
    if (status == PH_OK) {
        status = check_cells(&it);
    }
    if (status == PH_OK) {
        status = ph_merge_finish(&it.merge, file, &data, error);
    }
    if (status == PH_OK) {
        data->rows = it.rows;
        data->missing = it.missing;
        ph_digest(bytes, length, data->digest);
        *self = data;
    } else {
        ph_error_file(error, file);
    }
    for (size_t k = 0; k < it.n_columns; k++) {
        free(it.columns[k].name);
    }
    free(it.columns);
    ph_merge_free(&it.merge);
    ph_buffer_free(&it.bad);
    return status;
}

int ph_data_read(ph_data **self, const char *path, const ph_data_options *options,
                 ph_error *error)
{
    char *bytes = NULL;
    size_t length = 0;
    int status = ph_file_read(path, &bytes, &length, error);
    if (status == PH_OK) {
        status = ph_data_parse(self, strcmp(path, "-") == 0 ? "standard input" : path,
                               bytes, length, options, error);
    }
    free(bytes);
    return status;
}
