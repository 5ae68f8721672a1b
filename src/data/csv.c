/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CSV cells with their line numbers. libcsv knows no positions, so it is fed one
 * physical line at a time: a cell begins on the line where the cell before it ended,
 * or, the first of a row, on the line being fed.
 */
#include <csv.h>
#include <string.h>

#include "private.h"

#define BYTE_ORDER_MARK "\xEF\xBB\xBF" /* that spreadsheets begin UTF-8 with */

typedef struct scan {
    const ph_csv_events *events;
    int status;
    long line;      /* being fed */
    long cell_line; /* on which the next cell begins */
    long row_line;  /* on which the row began */
    size_t n_cells; /* of the row so far */
    int row_ended;  /* on this line */
} scan;

static void on_cell(void *text, size_t length, void *context)
{
    scan *self = context;
    if (self->status == PH_OK) {
        self->status = self->events->cell(self->events->context, self->cell_line,
                                          self->n_cells, text ? text : "", length);
    }
    self->n_cells++;
    self->cell_line = self->line;
}

static void on_row(int terminator, void *context)
{
    scan *self = context;
    (void)terminator;
    if (self->status == PH_OK) {
        self->status =
            self->events->row(self->events->context, self->row_line, self->n_cells);
    }
    self->n_cells = 0;
    self->row_ended = 1;
}

/*
 * Length of the physical line at `text` with its end: LF, CR LF, or CR alone. *feed is
 * the next LF or `end`, kept between calls so that a file without any is searched once.
 */
static size_t line_length(const char *text, const char *end, const char **feed)
{
    if (!*feed || *feed < text) {
        *feed = memchr(text, '\n', (size_t)(end - text));
        *feed = *feed ? *feed : end;
    }
    const char *carriage = memchr(text, '\r', (size_t)(*feed - text));
    if (carriage && carriage + 1 != *feed) {
        return (size_t)(carriage - text) + 1;
    }
    return (size_t)(*feed - text) + (*feed < end);
}

static int is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!strchr(" \t\r\n", text[i])) {
            return 0;
        }
    }
    return 1;
}

static int parse_failed(struct csv_parser *parser, const scan *self, ph_error *error)
{
    if (csv_error(parser) != CSV_EPARSE) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory reading a cell");
    }
    ph_error_position(error, self->line, 0);
    return ph_error_set(
        error, PH_E_DATA,
        "a cell has a quote inside it, or text after its closing quote; "
        "quote the whole cell and double the quotes in it");
}

static int feed_lines(struct csv_parser *parser, scan *self, const char *bytes,
                      size_t length, ph_error *error)
{
    const char *end = bytes + length, *feed = NULL;
    int in_row = 0; /* the row goes on from the line before: a quoted line end */
    for (const char *at = bytes; at < end && self->status == PH_OK;) {
        size_t n = line_length(at, end, &feed);
        self->line++;
        self->row_ended = 0;
        if (!in_row) {
            self->cell_line = self->row_line = self->line;
        }
        if (csv_parse(parser, at, n, on_cell, on_row, self) != n) {
            return self->status != PH_OK ? self->status
                                         : parse_failed(parser, self, error);
        }
        in_row = !self->row_ended && (in_row || !is_blank(at, n));
        at += n;
    }
    return self->status;
}

int ph_csv_scan(const char *bytes, size_t length, const ph_csv_events *events,
                ph_error *error)
{
    struct csv_parser parser;
    scan self = {.events = events};
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    csv_set_blk_size(&parser, 4096);
    size_t mark = length >= 3 && memcmp(bytes, BYTE_ORDER_MARK, 3) == 0 ? 3 : 0;
    int status = feed_lines(&parser, &self, bytes + mark, length - mark, error);
    if (status == PH_OK && csv_fini(&parser, on_cell, on_row, &self) != 0) {
        if (csv_error(&parser) == CSV_EPARSE) {
            ph_error_position(error, self.cell_line, 0);
            status = ph_error_set(error, PH_E_DATA,
                                  "the quote that opens this cell is never closed");
        } else {
            status = ph_error_set(error, PH_E_MEMORY, "out of memory reading a cell");
        }
    }
    csv_free(&parser);
    return status == PH_OK ? self.status : status;
}
