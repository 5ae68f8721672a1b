/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PREFIX.csv read back: comment lines, the header, then plain numbers divided by
 * commas. Columns that end in "__" beside lp__ belong to a sampler and are passed over.
 */
#include <stdlib.h>
#include <string.h>

#include "phasic/base/buffer.h"
#include "phasic/base/file.h"
#include "phasic/base/memory.h"
#include "saved_private.h"

#define PASSED_OVER SIZE_MAX

typedef struct scan {
    ph_saved *out;
    ph_error *error;
    long line;      /* of the file, from 1 */
    int has_header; /* the columns are known */
    size_t cells;   /* of a row: lp__ and the columns */
    size_t *place;  /* [cells] column of `draw`, or PASSED_OVER */
    double samples; /* num_samples, -1 where the file does not say */
    int has_digest; /* of the model, of the data: bits 1 and 2 */
    size_t draw_capacity, log_capacity;
} scan;

static int no_memory(const scan *self)
{
    return ph_error_set(self->error, PH_E_MEMORY, "out of memory");
}

/* ------------------------------------------------------------------ comments */

/* The value of "# key = value", or NULL; *length without the blanks behind it. */
static const char *comment_value(const char *text, size_t n, const char *key,
                                 size_t *length)
{
    size_t i = strspn(text, "# "), k = strlen(key);
    if (i + k + 3 > n || strncmp(text + i, key, k) != 0 ||
        strncmp(text + i + k, " = ", 3) != 0) {
        return NULL;
    }
    *length = n - (i + k + 3);
    return text + i + k + 3;
}

/* A digest that the draws name must be that of PREFIX.json. */
static int compare_digest(scan *self, const char *text, size_t n, const char *key,
                          const char *digest, int bit)
{
    size_t length = 0;
    const char *value = comment_value(text, n, key, &length);
    if (!value) {
        return PH_OK;
    }
    self->has_digest |= bit;
    if (length == 64 && memcmp(value, digest, 64) == 0) {
        return PH_OK;
    }
    ph_error_found(self->error, value, (long)length);
    return ph_error_set(self->error, PH_E_DATA,
                        "these draws do not belong to %s: expects %s = %s",
                        self->out->json_path, key, digest);
}

static int take_comment(scan *self, const char *text, size_t n)
{
    size_t length = 0;
    const char *samples = comment_value(text, n, "num_samples", &length);
    if (samples && ph_double_read(samples, length, &self->samples) != PH_OK) {
        ph_error_found(self->error, samples, (long)length);
        return ph_error_set(self->error, PH_E_DATA, "expects a number of draws");
    }
    int status = compare_digest(self, text, n, "phasic_model_sha256",
                                self->out->model.digest, 1);
    return status == PH_OK ? compare_digest(self, text, n, "phasic_data_sha256",
                                            self->out->data.digest, 2)
                           : status;
}

/* --------------------------------------------------------------------- cells */

/* Calls take(self, cell, text, length) for every cell of a line. */
static int each_cell(scan *self, const char *text, size_t n,
                     int (*take)(scan *, size_t, const char *, size_t), size_t *cells)
{
    const char *end = text + n;
    int status = PH_OK;
    *cells = 0;
    while (status == PH_OK) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *stop = comma ? comma : end;
        status = take(self, (*cells)++, text, (size_t)(stop - text));
        if (status != PH_OK || !comma) {
            break;
        }
        text = comma + 1;
    }
    return status;
}

static int is_sampler_column(const char *text, size_t n)
{
    return n > 2 && memcmp(text + n - 2, "__", 2) == 0;
}

static int take_name(scan *self, size_t cell, const char *text, size_t n)
{
    ph_saved *out = self->out;
    if (cell == 0 && n == 4 && memcmp(text, "lp__", 4) == 0) {
        return PH_OK;
    }
    size_t row = 0;
    while (row < out->length &&
           (strlen(out->row[row].name) != n || memcmp(out->row[row].name, text, n))) {
        row++;
    }
    self->place[cell] = PASSED_OVER;
    if (cell > 0 && row == out->length && is_sampler_column(text, n)) {
        return PH_OK;
    }
    if (cell == 0 || row == out->length || ph_saved_column(out, row) >= 0) {
        ph_error_found(self->error, text, (long)n);
        return ph_error_set(self->error, PH_E_DATA,
                            cell == 0 ? "expects 'lp__' as the first column"
                                      : "expects the quantities of %s, once each",
                            out->json_path);
    }
    self->place[cell] = out->columns;
    out->column_row[out->columns++] = row;
    return PH_OK;
}

static int take_header(scan *self, const char *text, size_t n)
{
    ph_saved *out = self->out;
    size_t most = 1;
    for (size_t i = 0; i < n; i++) {
        most += text[i] == ',';
    }
    self->place = ph_alloc(most, sizeof *self->place);
    out->column_row = ph_alloc(most, sizeof *out->column_row);
    if (!self->place || !out->column_row) {
        return no_memory(self);
    }
    self->has_header = 1;
    return each_cell(self, text, n, take_name, &self->cells);
}

static int take_number(scan *self, size_t cell, const char *text, size_t n)
{
    ph_saved *out = self->out;
    double value;
    if (ph_double_read(text, n, &value) != PH_OK) {
        ph_error_found(self->error, text, (long)n);
        return ph_error_set(self->error, PH_E_DATA, "expects a number in column %zu",
                            cell + 1);
    }
    if (cell == 0) {
        out->draw_log_p[out->draws] = value;
    } else if (cell < self->cells && self->place[cell] != PASSED_OVER) {
        out->draw[out->draws * out->columns + self->place[cell]] = value;
    }
    return PH_OK;
}

static int take_row(scan *self, const char *text, size_t n)
{
    ph_saved *out = self->out;
    size_t cells;
    if (ph_grow(&out->draw, &self->draw_capacity, (out->draws + 1) * out->columns,
                sizeof *out->draw) != 0 ||
        ph_grow(&out->draw_log_p, &self->log_capacity, out->draws + 1,
                sizeof *out->draw_log_p) != 0) {
        return no_memory(self);
    }
    int status = each_cell(self, text, n, take_number, &cells);
    if (status == PH_OK && cells != self->cells) {
        status = ph_error_set(self->error, PH_E_DATA,
                              "expects %zu numbers as in the header, not %zu",
                              self->cells, cells);
    }
    out->draws += status == PH_OK;
    return status;
}

/* --------------------------------------------------------------------- lines */

static int take_line(scan *self, const char *text, size_t n)
{
    if (n > 0 && text[n - 1] == '\r') {
        n--;
    }
    if (n > 0 && text[0] == '#') {
        return take_comment(self, text, n);
    }
    return self->has_header ? take_row(self, text, n) : take_header(self, text, n);
}

static int scan_lines(scan *self, const char *bytes, size_t length)
{
    int status = PH_OK;
    for (size_t i = 0; i < length && status == PH_OK;) {
        const char *end = memchr(bytes + i, '\n', length - i);
        size_t n = end ? (size_t)(end - bytes) - i : length - i;
        self->line++;
        status = take_line(self, bytes + i, n);
        i += n + 1;
    }
    if (status != PH_OK) {
        ph_error_position(self->error, self->line, 0);
    }
    return status;
}

/* What only the whole file shows: a file cut short, or one that another program made.
 */
static int check_complete(const scan *self)
{
    const ph_saved *out = self->out;
    if (out->draws == 0) {
        return ph_error_set(self->error, PH_E_DATA, "holds no draws");
    }
    if (self->has_digest != 3) {
        return ph_error_set(self->error, PH_E_DATA,
                            "does not name the model and the data of its draws: it was "
                            "not written by phasic fit");
    }
    if (self->samples >= 0 && self->samples != (double)out->draws) {
        return ph_error_set(self->error, PH_E_DATA,
                            "holds %zu draws where num_samples is %.0f", out->draws,
                            self->samples);
    }
    for (size_t m = 0; m < out->n_parameters; m++) {
        if (ph_saved_column(out, m) < 0) {
            return ph_error_set(self->error, PH_E_DATA, "has no column '%s'",
                                out->row[m].name);
        }
    }
    return PH_OK;
}

int ph_saved_read_draws(ph_saved *out, ph_error *error)
{
    scan self = {.out = out, .error = error, .samples = -1};
    char *bytes = NULL;
    size_t length = 0;
    int status = ph_file_read(out->csv_path, &bytes, &length, error);
    if (status == PH_OK) {
        status = scan_lines(&self, bytes, length);
    }
    if (status == PH_OK) {
        status = check_complete(&self);
    }
    if (status != PH_OK) {
        ph_error_file(error, out->csv_path);
    }
    free(self.place);
    free(bytes);
    return status;
}
