/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matrices as CSV: a row for each transient state, the last column absorption. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "phasic/base/memory.h"
#include "phasic/data/csv.h"

/* ---- writer ---- */

static int add_csv_row(const ph_process *self, size_t v, ph_buffer *text,
                       ph_buffer *out)
{
    size_t k = ph_process_first(self, v);
    int status = PH_OK;
    for (size_t column = 0; column <= self->n && status == PH_OK; column++) {
        text->length = 0;
        status = ph_process_cell(self, v, column, &k, text);
        int quoted = !text->failed && strchr(text->text, ',') != NULL;
        ph_buffer_add(out, column ? (quoted ? ",\"" : ",") : quoted ? "\"" : "");
        ph_buffer_add(out, text->failed ? "" : text->text);
        ph_buffer_add(out, quoted ? "\"" : "");
        out->failed |= text->failed;
    }
    ph_buffer_add(out, "\n");
    return status;
}

int ph_convert_csv(const ph_process *self, ph_buffer *out)
{
    uint32_t start;
    ph_buffer text = {0};
    int status = ph_process_check_size(self);
    if (status == PH_OK && (!ph_process_starts_at(self, &start) || start != 0)) {
        status = ph_error_set(self->error, PH_E_MODEL,
                              "csv cannot hold this start law: it has the rows of a "
                              "matrix alone, and the process starts in the first; "
                              "--to matrix can");
    }
    for (size_t v = 0; v < self->n && status == PH_OK; v++) {
        status = add_csv_row(self, v, &text, out);
    }
    ph_buffer_free(&text);
    return status;
}

/* ---- reader ---- */

typedef struct cell {
    char *text;
    long line;
} cell;

typedef struct reader {
    size_t n_cells, capacity, n_rows, n_columns;
    cell *cells;
    size_t n_names, name_capacity;
    ph_symbol *names; /* texts owned */
    ph_error *error;
} reader;

static int take_cell(void *context, long line, size_t column, const char *text,
                     size_t length)
{
    reader *r = context;
    (void)column;
    if (ph_grow(&r->cells, &r->capacity, r->n_cells + 1, sizeof *r->cells) != PH_OK) {
        return PH_E_MEMORY;
    }
    char *copy = ph_strndup(text, length);
    r->cells[r->n_cells++] = (cell){copy, line};
    return copy ? PH_OK : PH_E_MEMORY;
}

static int take_row(void *context, long line, size_t cells)
{
    reader *r = context;
    if (r->n_rows == 0) {
        r->n_columns = cells;
    }
    r->n_rows++;
    if (cells != r->n_columns) {
        ph_error_position(r->error, line, 0);
        return ph_error_set(r->error, PH_E_MODEL,
                            "expected %zu cells, as in the first row, not %zu",
                            r->n_columns, cells);
    }
    return PH_OK;
}

/* Brings a name into scope unless it is there. */
static int add_name(reader *r, const char *text, size_t length)
{
    for (size_t i = 0; i < r->n_names; i++) {
        if (strlen(r->names[i].name) == length &&
            memcmp(r->names[i].name, text, length) == 0) {
            return PH_OK;
        }
    }
    char *copy = ph_strndup(text, length);
    if (!copy || ph_grow(&r->names, &r->name_capacity, r->n_names + 1,
                         sizeof *r->names) != PH_OK) {
        free(copy);
        return PH_E_MEMORY;
    }
    r->names[r->n_names] =
        (ph_symbol){.name = copy, .kind = PH_SYMBOL_PARAMETER, .index = r->n_names};
    r->n_names++;
    return PH_OK;
}

/* The names in an expression that are not followed by a bracket, as functions are. */
static int collect_names(reader *r, const char *text)
{
    int status = PH_OK;
    while (*text && status == PH_OK) {
        size_t n = 0;
        while (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '.') {
            n++;
        }
        size_t blanks = strspn(text + n, " \t");
        int named = isalpha((unsigned char)text[0]) || text[0] == '_';
        if (named && text[n + blanks] != '(') {
            status = add_name(r, text, n);
        }
        text += n > 0 ? n : 1;
    }
    return status;
}

static int find_names(reader *r, const char *names)
{
    int status = PH_OK;
    for (size_t i = 0; !names && i < r->n_cells && status == PH_OK; i++) {
        status = collect_names(r, r->cells[i].text);
    }
    while (names && *names && status == PH_OK) {
        size_t length = strcspn(names, ",");
        status = add_name(r, names, length);
        names += length + (names[length] == ',');
    }
    return status;
}

static int check_cell(reader *r, size_t index)
{
    const ph_scope scope = {r->names, r->n_names};
    const cell *it = &r->cells[index];
    ph_error one = {0};
    ph_expr *expr = NULL;
    int status = ph_expr_parse(&expr, it->text, strlen(it->text), &scope, &one);
    ph_expr_free(expr);
    if (status != PH_OK) {
        one.column = 0; /* it counts within the cell */
        ph_error_position(&one, it->line, 0);
        ph_error_place(&one, "row %zu, column %zu", index / r->n_columns + 1,
                       index % r->n_columns + 1);
        *r->error = one;
    }
    return status;
}

static int check(reader *r)
{
    if (r->n_rows == 0 || r->n_columns != r->n_rows + 1) {
        return ph_error_set(r->error, PH_E_MODEL,
                            "expected n rows of n + 1 cells, the last one absorption, "
                            "not %zu rows of %zu",
                            r->n_rows, r->n_columns);
    }
    int status = PH_OK;
    for (size_t i = 0; i < r->n_cells && status == PH_OK; i++) {
        status = check_cell(r, i);
    }
    return status;
}

/* "1, 0, p" of --initial as a list, each entry a string; NULL: the first row. */
static void write_initial(const reader *r, const char *initial, ph_buffer *out)
{
    for (size_t i = 0; !initial && i < r->n_rows; i++) {
        ph_buffer_add(out, i == 0 ? "1" : ", 0");
    }
    for (int first = 1; initial && *initial; first = 0) {
        char *entry = ph_strndup(initial, strcspn(initial, ","));
        ph_buffer_add(out, first ? "" : ", ");
        ph_json_quote(out, entry ? entry : "");
        out->failed |= !entry;
        free(entry);
        initial += strcspn(initial, ",");
        initial += *initial == ',';
    }
}

static void write_model(const reader *r, const char *initial, int discrete,
                        ph_buffer *out)
{
    ph_buffer_addf(out, "{\n  \"phasic\": 1,\n  \"time\": \"%s\",\n  \"parameters\": {",
                   discrete ? "discrete" : "continuous");
    for (size_t i = 0; i < r->n_names; i++) {
        ph_buffer_add(out, i ? ", " : "");
        ph_json_quote(out, r->names[i].name);
        ph_buffer_add(out, ": {}");
    }
    ph_buffer_add(out, "},\n  \"matrix\": {\n    \"initial\": [");
    write_initial(r, initial, out);
    ph_buffer_add(out, "],\n    \"rates\": [");
    for (size_t i = 0; i < r->n_cells; i++) {
        ph_buffer_add(out, i % r->n_columns ? ", " : i ? "],\n      [" : "\n      [");
        ph_json_quote(out, r->cells[i].text);
    }
    ph_buffer_add(out, "]\n    ]\n  }\n}\n");
}

int ph_convert_csv_read(const char *file, const char *bytes, size_t length,
                        const char *names, const char *initial, int discrete,
                        ph_buffer *out, ph_error *error)
{
    reader r = {.error = error};
    const ph_csv_events events = {&r, take_cell, take_row};
    int status = ph_csv_scan(bytes, length, &events, error);
    if (status == PH_OK) {
        status = find_names(&r, names);
    }
    if (status == PH_OK) {
        status = check(&r);
    }
    if (status == PH_OK) {
        write_model(&r, initial, discrete, out);
        status = out->failed ? PH_E_MEMORY : PH_OK;
    }
    for (size_t i = 0; i < r.n_cells; i++) {
        free(r.cells[i].text);
    }
    for (size_t i = 0; i < r.n_names; i++) {
        free((char *)(uintptr_t)r.names[i].name);
    }
    free(r.cells);
    free(r.names);
    if (status != PH_OK) {
        ph_error_file(error, file);
        ph_error_set(error, status, "out of memory");
    }
    return status;
}
