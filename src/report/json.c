/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small JSON writer. cJSON's own printer rounds doubles to 15 digits where it
 * believes that is enough, which does not read back; and a writer that appends needs no
 * tree.
 */
#include "phasic/report/json.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void ph_json_init(ph_json *self, ph_buffer *out)
{
    memset(self, 0, sizeof *self);
    self->out = out;
}

static void indent(ph_json *self)
{
    ph_buffer_add(self->out, "\n");
    for (int i = 0; i < self->depth; i++) {
        ph_buffer_add(self->out, "  ");
    }
}

/* What stands before a value: comma, line break and key. */
static void begin(ph_json *self, const char *key)
{
    if (self->depth > 0) {
        int level = self->depth - 1;
        int inlined = self->inlined[level];
        if (self->filled[level]) {
            ph_buffer_add(self->out, inlined ? ", " : ",");
        }
        if (!inlined) {
            indent(self);
        }
        self->filled[level] = 1;
    }
    if (key) {
        ph_json_quote(self->out, key);
        ph_buffer_add(self->out, ": ");
    }
}

static void open_level(ph_json *self, const char *key, const char *bracket, int inlined)
{
    begin(self, key);
    assert(self->depth < PH_JSON_DEPTH);
    int above = self->depth > 0 && self->inlined[self->depth - 1];
    self->bracket[self->depth] = bracket[0] == '{' ? '}' : ']';
    self->inlined[self->depth] = (char)(inlined || above);
    self->filled[self->depth] = 0;
    self->depth++;
    ph_buffer_add(self->out, bracket);
}

void ph_json_object(ph_json *self, const char *key)
{
    open_level(self, key, "{", 0);
}

void ph_json_array(ph_json *self, const char *key)
{
    open_level(self, key, "[", 0);
}

void ph_json_row(ph_json *self, const char *key)
{
    open_level(self, key, "[", 1);
}

void ph_json_close(ph_json *self)
{
    assert(self->depth > 0);
    self->depth--;
    if (self->filled[self->depth] && !self->inlined[self->depth]) {
        indent(self);
    }
    ph_buffer_add_n(self->out, &self->bracket[self->depth], 1);
    if (self->depth == 0) {
        ph_buffer_add(self->out, "\n");
    }
}

void ph_json_number(ph_json *self, const char *key, double value)
{
    begin(self, key);
    if (isfinite(value)) {
        ph_buffer_add_double(self->out, value);
    } else {
        ph_buffer_add(self->out, "null");
    }
}

void ph_json_whole(ph_json *self, const char *key, unsigned long long value)
{
    begin(self, key);
    ph_buffer_addf(self->out, "%llu", value);
}

void ph_json_boolean(ph_json *self, const char *key, int value)
{
    begin(self, key);
    ph_buffer_add(self->out, value ? "true" : "false");
}

void ph_json_text(ph_json *self, const char *key, const char *value)
{
    begin(self, key);
    if (value) {
        ph_json_quote(self->out, value);
    } else {
        ph_buffer_add(self->out, "null");
    }
}

void ph_json_raw(ph_json *self, const char *key, const char *json)
{
    begin(self, key);
    ph_buffer_add(self->out, json);
}

void ph_json_numbers(ph_json *self, const char *key, size_t n, const double *values)
{
    ph_json_row(self, key);
    for (size_t i = 0; i < n; i++) {
        ph_json_number(self, NULL, values[i]);
    }
    ph_json_close(self);
}

/* Bytes of the well-formed UTF-8 character at text, 0 if there is none (RFC 3629). */
static size_t character_length(const unsigned char *text)
{
    unsigned char c = text[0];
    size_t n = c < 0x80   ? 1
               : c < 0xC2 ? 0
               : c < 0xE0 ? 2
               : c < 0xF0 ? 3
               : c < 0xF5 ? 4
                          : 0;
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    if ((c == 0xE0 && text[1] < 0xA0) || (c == 0xED && text[1] > 0x9F) ||
        (c == 0xF0 && text[1] < 0x90) || (c == 0xF4 && text[1] > 0x8F)) {
        return 0;
    }
    return n;
}

void ph_json_quote(ph_buffer *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    ph_buffer_add(out, "\"");
    while (*at) {
        size_t n = character_length(at);
        if (n == 0) {
            ph_buffer_add(out, "\\ufffd");
            n = 1;
        } else if (*at == '"' || *at == '\\') {
            ph_buffer_addf(out, "\\%c", *at);
        } else if (*at < 0x20 || *at == 0x7F) {
            ph_buffer_addf(out, "\\u%04x", *at);
        } else {
            ph_buffer_add_n(out, (const char *)at, n);
        }
        at += n;
    }
    ph_buffer_add(out, "\"");
}
