/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the text of a data file to observations in one pass. The first row is the
 * header, or, where it is one number, the first of a list of times. Bad cells do not
 * end the reading: they are counted, and the first of them are collected for one
 * message. What the cells of a row say together stands in row.c.
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

typedef struct reader {
    const ph_data_options *options;
    ph_error *error;
    ph_merge merge;
    ph_column *columns;
    size_t n_columns, columns_capacity;
    int has_columns; /* the header has been read */
    int joins;       /* rows may hold several totals */
    size_t rows, missing, composite;
    double missing_weight;
    unsigned codes; /* as in ph_data */

    char **group; /* labels met, where they are numbers */
    size_t n_groups, groups_capacity;

    ph_row row;     /* at hand */
    uint32_t *item; /* [1 + n_rewards] of the merge, that the row consists of */
    size_t n_items;
    int is_bad;
    unsigned char *absent; /* [n_columns] of ph_cell_is_missing */

    size_t n_bad;
    ph_buffer bad; /* the first of them, in words */
    long bad_line;
    char bad_column[32], bad_text[PH_SHOWN_TEXT + 1];
} reader;

/* ---------------------------------------------------------------- bad cells */

static void report(reader *self, long line, const char *name, const char *text,
                   size_t length, const char *what)
{
    char cut[PH_SHOWN_TEXT + 1];
    ph_printable(text, length, cut);
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

/* A fault of a whole row, shown at the cell that it names. */
static void report_fault(reader *self, long line, const ph_row_fault *fault)
{
    size_t k = 0;
    while (k + 1 < self->n_columns && (self->columns[k].role != fault->role ||
                                       (fault->role == PH_COLUMN_REWARD &&
                                        self->columns[k].reward != fault->reward))) {
        k++;
    }
    const ph_row *row = &self->row;
    double value = fault->role == PH_COLUMN_REWARD ? row->reward[fault->reward]
                                                   : row->value[fault->role];
    char text[32];
    ph_double_text(value, text);
    report(self, line, self->columns[k].name, text, strlen(text), fault->what);
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
    self->columns[self->n_columns++] = (ph_column){name, PH_COLUMN_IGNORED, 0};
    return PH_OK;
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

/* Whether a row has room for several totals. */
static int has_several(const reader *self)
{
    size_t rewards = 0, times = 0;
    for (size_t k = 0; k < self->n_columns; k++) {
        ph_column_role role = self->columns[k].role;
        rewards += role == PH_COLUMN_REWARD;
        times |= role == PH_COLUMN_TIME || role == PH_COLUMN_LOWER ||
                 role == PH_COLUMN_UPPER;
    }
    return rewards + times > 1;
}

static int find_roles(reader *self)
{
    int status = check_header(self);
    if (status == PH_OK) {
        status =
            ph_columns_find(self->columns, self->n_columns, self->options, self->error);
    }
    self->joins = status == PH_OK && has_several(self);
    return status;
}

/* ------------------------------------------------------------------- groups */

static int out_of_memory(reader *self)
{
    return ph_error_set(self->error, PH_E_MEMORY, "out of memory");
}

/* Most rows belong to the group of the row before: the search begins there. */
static long find_label(const reader *self, const char *text, size_t length)
{
    int numbers = self->options->group_is_number;
    size_t n = numbers ? self->n_groups : self->options->n_labels;
    for (size_t i = 0, g = self->row.group; i < n; i++, g++) {
        g = g < n ? g : 0;
        const char *label = numbers ? self->group[g] : self->options->label[g];
        if (strlen(label) == length && memcmp(label, text, length) == 0) {
            return (long)g;
        }
    }
    return -1;
}

static int add_label(reader *self, const char *text)
{
    char *copy = ph_strdup(text);
    if (!copy || ph_grow(&self->group, &self->groups_capacity, self->n_groups + 1,
                         sizeof *self->group) != 0) {
        free(copy);
        return out_of_memory(self);
    }
    self->row.group = self->n_groups;
    self->group[self->n_groups++] = copy;
    return PH_OK;
}

/* Numbers are compared as numbers: their shortest text is the label. */
static int read_number_label(reader *self, long line, const char *name,
                             const char *text, size_t length)
{
    double value;
    char label[32];
    if (ph_double_read(text, length, &value) != PH_OK) {
        report(self, line, name, text, length,
               "is no number, the value of the constant that --group names");
        return PH_OK;
    }
    ph_double_text(value + 0.0, label);
    long found = find_label(self, label, strlen(label));
    if (found < 0) {
        return add_label(self, label);
    }
    self->row.group = (size_t)found;
    return PH_OK;
}

static int read_label(reader *self, long line, const char *name, const char *text,
                      size_t length)
{
    self->row.given[PH_COLUMN_GROUP] = 1;
    if (self->options->group_is_number) {
        return read_number_label(self, line, name, text, length);
    }
    long found = find_label(self, text, length);
    if (found < 0) {
        report(self, line, name, text, length, "is none of the groups of the model");
    } else {
        self->row.group = (size_t)found;
    }
    return PH_OK;
}

/* ---------------------------------------------------------------- data rows */

static void begin_row(reader *self)
{
    size_t group = self->row.group;
    ph_row_clear(&self->row, self->options->n_rewards);
    self->row.group = group; /* where the search for a label begins */
    self->n_items = 0;
    self->is_bad = 0;
}

static int read_cell(reader *self, long line, size_t k, const char *text, size_t length)
{
    if (k >= self->n_columns || self->columns[k].role == PH_COLUMN_IGNORED) {
        return PH_OK;
    }
    const ph_column *it = &self->columns[k];
    self->absent[k] = (unsigned char)ph_cell_is_missing(text, length);
    if (self->absent[k]) {
        return PH_OK;
    }
    if (it->role == PH_COLUMN_GROUP) {
        return read_label(self, line, it->name, text, length);
    }
    const char *what =
        ph_row_set(&self->row, it, text, length, self->options->discrete);
    if (what) {
        report(self, line, it->name, text, length, what);
    }
    return PH_OK;
}

/* A row that observes something needs a count, a group, and a code for its time. */
static void check_absent(reader *self, long line)
{
    const unsigned char *given = self->row.given;
    for (size_t k = 0; k < self->n_columns; k++) {
        const char *what = NULL;
        switch (self->absent[k] ? self->columns[k].role : PH_COLUMN_IGNORED) {
        case PH_COLUMN_COUNT: what = "is not a finite number"; break;
        case PH_COLUMN_GROUP: what = "does not name a group"; break;
        case PH_COLUMN_EVENT:
            what = given[PH_COLUMN_TIME] ? "is none of 0, 1, 2 and 3" : NULL;
            break;
        default: break;
        }
        if (what) {
            const char *text = ph_missing_text(self->absent[k]);
            report(self, line, self->columns[k].name, text, strlen(text), what);
        }
    }
}

static int add(reader *self, long line, ph_observation *seen, size_t measure)
{
    size_t code = self->row.group * (self->options->n_rewards + 1) + measure;
    if (code > UINT32_MAX >> 2) { /* two bits are the kind, in sorting */
        return ph_error_set(self->error, PH_E_DATA, "too many groups");
    }
    seen->part = (uint32_t)code;
    seen->weight = self->row.value[PH_COLUMN_COUNT];
    if (seen->weight == 0) {
        return PH_OK;
    }
    int status = ph_merge_add_line(&self->merge, seen, line);
    self->item[self->n_items++] = (uint32_t)self->merge.latest;
    return status == PH_OK ? status : out_of_memory(self);
}

static int add_rewards(reader *self, long line)
{
    int status = PH_OK;
    ph_observation seen;
    ph_row_fault fault;
    for (size_t r = 0; r < self->options->n_rewards && status == PH_OK; r++) {
        if (isnan(self->row.reward[r])) {
            continue;
        }
        if (ph_row_reward(&self->row, r, &seen, &fault) != PH_OK) {
            report_fault(self, line, &fault);
            return PH_OK;
        }
        status = add(self, line, &seen, r + 1);
    }
    return status;
}

static int join(reader *self)
{
    if (!self->joins || self->n_items == 0) {
        return PH_OK;
    }
    int status = ph_joint_add(&self->merge.joint, self->n_items, self->item,
                              self->row.value[PH_COLUMN_COUNT]);
    return status == PH_OK ? status : out_of_memory(self);
}

static int add_row(reader *self, long line)
{
    ph_observation seen;
    ph_row_fault fault;
    int found = 0;
    int total = self->options->total > 0;
    if (ph_row_time(&self->row, total, &seen, &found, &fault) != PH_OK) {
        report_fault(self, line, &fault);
        return PH_OK;
    }
    if (!found && self->row.rewards == 0) {
        self->missing++;
        self->missing_weight += self->row.value[PH_COLUMN_COUNT];
        return PH_OK;
    }
    check_absent(self, line);
    if (self->is_bad) {
        return PH_OK;
    }
    self->composite += (found != 0) + self->row.rewards > 1;
    if (self->row.given[PH_COLUMN_TIME] && self->row.given[PH_COLUMN_EVENT]) {
        self->codes |= 1u << (int)self->row.value[PH_COLUMN_EVENT];
    }
    int status = found ? add(self, line, &seen, 0) : PH_OK;
    if (status == PH_OK) {
        status = add_rewards(self, line);
    }
    return status == PH_OK ? join(self) : status;
}

static int end_row(reader *self, long line, size_t cells)
{
    int status = PH_OK;
    self->rows++;
    if (cells != self->n_columns) {
        char what[64];
        snprintf(what, sizeof what, "%zu cells instead of %zu", cells, self->n_columns);
        report(self, line, "", "", 0, what);
    } else if (!self->is_bad) {
        status = add_row(self, line);
    }
    begin_row(self);
    return status;
}

/* ------------------------------------------------------------------- events */

static int on_cell(void *context, long line, size_t k, const char *text, size_t length)
{
    reader *self = context;
    return self->has_columns ? read_cell(self, line, k, text, length)
                             : add_column(self, line, text, length);
}

/* Room for the cells of a row, once the columns are known. */
static int reserve_row(reader *self)
{
    self->absent = ph_alloc(self->n_columns, 1);
    self->row.reward = ph_alloc(self->options->n_rewards, sizeof *self->row.reward);
    self->item = ph_alloc(1 + self->options->n_rewards, sizeof *self->item);
    if (!self->absent || !self->row.reward || !self->item) {
        return out_of_memory(self);
    }
    begin_row(self);
    return PH_OK;
}

/* A list of times without a name: the name that was read is the first of them. */
static int headless(reader *self, long line)
{
    char *first = self->columns[0].name;
    self->columns[0].name = ph_strdup("time");
    int status = self->columns[0].name
                     ? ph_columns_find(self->columns, 1, self->options, self->error)
                     : out_of_memory(self);
    if (status == PH_OK) {
        status = read_cell(self, line, 0, first, strlen(first));
    }
    free(first);
    return status == PH_OK ? end_row(self, line, 1) : status;
}

/* The first row: names, or a number that heads a list of times. */
static int first_row(reader *self, long line)
{
    const char *first = self->columns[0].name;
    self->has_columns = 1;
    int status = reserve_row(self);
    if (status != PH_OK) {
        return status;
    }
    if (self->n_columns == 1 &&
        (is_number(first) || ph_cell_is_missing(first, strlen(first)))) {
        return headless(self, line);
    }
    status = find_roles(self);
    ph_error_position(self->error, status == PH_OK ? 0 : line, 0);
    return status;
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

/* Whether it is text in UTF-8. */
static int check_text(const char *bytes, size_t length, ph_error *error)
{
    if (length >= 2 &&
        (memcmp(bytes, "\xFF\xFE", 2) == 0 || memcmp(bytes, "\xFE\xFF", 2) == 0)) {
        return ph_error_set(error, PH_E_DATA,
                            "the file is encoded as UTF-16; save it as UTF-8");
    }
    const char *nul = memchr(bytes, '\0', length);
    if (nul) {
        ph_error_position(error, line_of(bytes, nul), 0);
        return ph_error_set(error, PH_E_DATA,
                            "the file holds a NUL byte: it is no text file");
    }
    return PH_OK;
}

static int check_cells(reader *self)
{
    if (self->n_bad > 0) {
        return fail_bad(self);
    }
    if (self->merge.length == 0) {
        return ph_error_set(self->error, PH_E_DATA, "holds no observations (%zu row%s)",
                            self->rows, self->rows == 1 ? "" : "s");
    }
    return PH_OK;
}

/* The labels: those of the model, all of them, or those that were met. */
static int take_groups(reader *self, ph_data *data)
{
    const ph_data_options *options = self->options;
    if (options->group_is_number) {
        data->group = self->group;
        data->n_groups = self->n_groups;
        self->group = NULL;
        self->n_groups = 0;
        return PH_OK;
    }
    data->group = ph_alloc(options->n_labels, sizeof *data->group);
    for (size_t g = 0; data->group && g < options->n_labels; g++) {
        if (!(data->group[g] = ph_strdup(options->label[g]))) {
            return out_of_memory(self);
        }
        data->n_groups = g + 1;
    }
    return data->group ? PH_OK : out_of_memory(self);
}

static int finish(reader *self, const char *file, ph_data **data)
{
    ph_data *out = NULL;
    int status = check_cells(self);
    if (self->composite == 0) {
        ph_joint_free(&self->merge.joint);
    }
    if (status == PH_OK) {
        status = ph_merge_finish(&self->merge, file, self->options->n_rewards + 1, &out,
                                 self->error);
    }
    if (status == PH_OK) {
        status = take_groups(self, out);
    }
    if (status != PH_OK) {
        ph_data_free(out);
        return status;
    }
    out->rows = self->rows;
    out->missing = self->missing;
    out->missing_weight = self->missing_weight;
    out->codes = self->codes;
    out->composite = self->composite;
    *data = out;
    return PH_OK;
}

static void free_reader(reader *self)
{
    for (size_t k = 0; k < self->n_columns; k++) {
        free(self->columns[k].name);
    }
    for (size_t g = 0; g < self->n_groups; g++) {
        free(self->group[g]);
    }
    free(self->columns);
    free(self->group);
    free(self->absent);
    free(self->row.reward);
    free(self->item);
    ph_merge_free(&self->merge);
    ph_buffer_free(&self->bad);
}

int ph_data_parse(ph_data **self, const char *file, const char *bytes, size_t length,
                  const ph_data_options *options, ph_error *error)
{
    static const ph_data_options none = {0};
    reader it = {.options = options ? options : &none, .error = error};
    const ph_csv_events events = {&it, on_cell, on_row};
    ph_data *data = NULL;
    int status = check_text(bytes, length, error);
    if (status == PH_OK) {
        status = ph_csv_scan(bytes, length, &events, error);
    }
    if (status == PH_OK) {
        status = finish(&it, file, &data);
    }
    if (status == PH_OK) {
        ph_digest(bytes, length, data->digest);
        *self = data;
    } else {
        ph_error_file(error, file);
    }
    free_reader(&it);
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
