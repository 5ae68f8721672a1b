/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_JSON_H
#define PHASIC_REPORT_JSON_H

#include <stddef.h>

#include "phasic/base/buffer.h"

/*
 * Writes a JSON document into a buffer, indented by two spaces; objects one member a
 * line, arrays opened with ph_json_row on one line. Commas and line breaks are the
 * writer's business. Doubles have at most 17 significant digits and read back as the
 * same double; a value that is not finite is written as null, as JSON has no other way.
 * A key is NULL inside an array. Failed allocations show in the buffer.
 */
#define PH_JSON_DEPTH 32

typedef struct ph_json {
    ph_buffer *out;
    int depth;
    char bracket[PH_JSON_DEPTH]; /* the closing bracket of each open level */
    char inlined[PH_JSON_DEPTH]; /* 1: this level stays on one line */
    char filled[PH_JSON_DEPTH];  /* 1: something was written on this level */
} ph_json;

void ph_json_init(ph_json *self, ph_buffer *out);
void ph_json_object(ph_json *self, const char *key); /* { with a line per member */
void ph_json_array(ph_json *self, const char *key);  /* [ with a line per item */
void ph_json_row(ph_json *self, const char *key);    /* [ on one line */
void ph_json_close(ph_json *self); /* the innermost; after the outermost a line feed */

void ph_json_number(ph_json *self, const char *key, double value);
void ph_json_whole(ph_json *self, const char *key, unsigned long long value);
void ph_json_boolean(ph_json *self, const char *key, int value);
void ph_json_text(ph_json *self, const char *key, const char *value); /* NULL: null */
void ph_json_raw(ph_json *self, const char *key, const char *json);   /* as it is */
void ph_json_numbers(ph_json *self, const char *key, size_t n, const double *values);

/* One JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void ph_json_quote(ph_buffer *out, const char *text);

#endif
