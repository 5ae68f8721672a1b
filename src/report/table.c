/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables: cells are kept as they came and laid out when all of them are known. */
#include "phasic/report/table.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/error.h"
#include "phasic/base/memory.h"

static ph_cell *add_cell(ph_table *self)
{
    if (self->failed || ph_grow(&self->cell, &self->capacity, self->length + 1,
                                sizeof *self->cell) != 0) {
        self->failed = 1;
        return NULL;
    }
    ph_cell *cell = &self->cell[self->length++];
    memset(cell, 0, sizeof *cell);
    return cell;
}

void ph_table_text(ph_table *self, const char *text)
{
    ph_cell *cell = add_cell(self);
    if (cell && !(cell->text = ph_strdup(text))) {
        self->failed = 1;
    }
}

void ph_table_head(ph_table *self, const char *text)
{
    ph_table_text(self, text);
    self->columns++;
}

void ph_table_number(ph_table *self, double value)
{
    ph_cell *cell = add_cell(self);
    if (cell) {
        cell->number = value;
    }
}

void ph_table_exact(ph_table *self, double value)
{
    ph_cell *cell = add_cell(self);
    if (cell) {
        cell->number = value;
        cell->exact = 1;
    }
}

void ph_table_free(ph_table *self)
{
    for (size_t i = 0; i < self->length; i++) {
        free(self->cell[i].text);
    }
    free(self->cell);
    memset(self, 0, sizeof *self);
}

char *ph_number_text(double value, int digits, int keep_zeros, char *buffer)
{
    if (!isfinite(value)) {
        return strcpy(buffer, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    }
    snprintf(buffer, 40, keep_zeros ? "%#.*g" : "%.*g", digits, value);
    char *at = strstr(buffer, localeconv()->decimal_point);
    if (at) {
        *at = '.';
    }
    size_t length = strlen(buffer);
    if (buffer[length - 1] == '.') {
        buffer[length - 1] = '\0';
    }
    return buffer;
}

static const char *cell_text(const ph_table *self, size_t i, char *buffer)
{
    const ph_cell *cell = &self->cell[i];
    int digits = self->digits ? self->digits : 7;
    return cell->text ? cell->text
           : cell->exact
               ? ph_double_text(cell->number, buffer)
               : ph_number_text(cell->number, digits, self->keep_zeros, buffer);
}

/* A column stands right when it holds nothing but numbers. */
static int is_numeric(const ph_table *self, size_t column)
{
    for (size_t i = self->columns + column; i < self->length; i += self->columns) {
        if (self->cell[i].text) {
            return 0;
        }
    }
    return 1;
}

/* Reads one character of UTF-8, or one byte that is none. */
static unsigned next_character(const char **text)
{
    size_t n = ph_character(*text, strlen(*text));
    unsigned c = (unsigned char)**text;
    if (n > 1) {
        c &= 0xffu >> (n + 1);
        for (size_t k = 1; k < n; k++) {
            c = c << 6 | ((unsigned char)(*text)[k] & 0x3f);
        }
    }
    *text += n ? n : 1;
    return c;
}

/*
 * Columns that a terminal takes for a text: marks that join the letter before take
 * none, the letters of East Asia and pictures two. The C library knows this only in a
 * locale, and none is set.
 */
static int text_width(const char *text)
{
    static const struct {
        unsigned first, last;
        int width;
    } special[] = {{0x300, 0x36f, 0},   {0x200b, 0x200f, 0},   {0xfe00, 0xfe0f, 0},
                   {0x1100, 0x115f, 2}, {0x2e80, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},
                   {0xf900, 0xfaff, 2}, {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},
                   {0xffe0, 0xffe6, 2}, {0x1f300, 0x1faff, 2}, {0x20000, 0x3fffd, 2}};
    int width = 0;
    while (*text) {
        unsigned c = next_character(&text);
        int one = 1;
        for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
            if (c >= special[i].first && c <= special[i].last) {
                one = special[i].width;
            }
        }
        width += one;
    }
    return width;
}

static int column_width(const ph_table *self, size_t column)
{
    char buffer[40];
    int width = 0;
    for (size_t i = column; i < self->length; i += self->columns) {
        int length = text_width(cell_text(self, i, buffer));
        width = length > width ? length : width;
    }
    return width;
}

/* A cell in a column of this width, to its left where the width is negative. */
static void write_cell(ph_buffer *out, const char *text, int width)
{
    int blanks = abs(width) - text_width(text);
    ph_buffer_addf(out, "%*s%s%*s  ", width > 0 ? blanks : 0, "", text,
                   width > 0 ? 0 : blanks, "");
}

/* Ends a line without the blanks that pad its last cells. */
static void end_line(ph_buffer *out)
{
    while (out->length > 0 && out->text[out->length - 1] == ' ') {
        out->text[--out->length] = '\0';
    }
    ph_buffer_add(out, "\n");
}

void ph_table_write_text(const ph_table *self, ph_buffer *out)
{
    int *width = self->columns ? ph_alloc(self->columns, sizeof *width) : NULL;
    if (!width || self->failed) {
        out->failed |= self->columns > 0;
        free(width);
        return;
    }
    for (size_t c = 0; c < self->columns; c++) {
        width[c] = column_width(self, c) * (is_numeric(self, c) ? 1 : -1);
    }
    for (size_t i = 0; i < self->length; i++) {
        char buffer[40];
        size_t c = i % self->columns;
        write_cell(out, cell_text(self, i, buffer), width[c]);
        if (c + 1 == self->columns) {
            end_line(out);
        }
    }
    free(width);
}

/* A text as one CSV field, quoted where RFC 4180 asks for it. */
static void add_field(ph_buffer *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        ph_buffer_add(out, text);
        return;
    }
    ph_buffer_add(out, "\"");
    for (; *text; text++) {
        ph_buffer_add_n(out, text, 1);
        if (*text == '"') {
            ph_buffer_add(out, "\"");
        }
    }
    ph_buffer_add(out, "\"");
}

void ph_table_write_csv(const ph_table *self, ph_buffer *out)
{
    out->failed |= self->failed;
    for (size_t i = 0; i < self->length; i++) {
        if (self->cell[i].text) {
            add_field(out, self->cell[i].text);
        } else {
            ph_buffer_add_double(out, self->cell[i].number);
        }
        ph_buffer_add(out, (i + 1) % self->columns ? "," : "\n");
    }
}
