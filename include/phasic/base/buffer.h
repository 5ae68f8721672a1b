/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BASE_BUFFER_H
#define PHASIC_BASE_BUFFER_H

#include <stddef.h>

/*
 * A growing text. Zero-initialise; `text` is always NUL-terminated once something was
 * added. A failed allocation sets `failed` and later additions do nothing, so callers
 * check once at the end. Numbers never depend on the locale.
 */
typedef struct ph_buffer {
    char *text;
    size_t length, capacity;
    int failed;
} ph_buffer;

void ph_buffer_add(ph_buffer *self, const char *text);
void ph_buffer_add_n(ph_buffer *self, const char *text, size_t length);
void ph_buffer_addf(ph_buffer *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void ph_buffer_add_double(ph_buffer *self,
                          double x); /* 17 significant digits at most */
/* A string of Graphviz's language DOT with its quotes; line feeds break the label. */
void ph_buffer_add_dot(ph_buffer *self, const char *text);
void ph_buffer_free(ph_buffer *self);

/* Shortest decimal text (at most 17 digits) that reads back as x; buffer of >= 32. */
char *ph_double_text(double x, char *buffer);

/*
 * Reads a decimal number that fills text[0..length) exactly ("1", "-2.5e3", ".5";
 * no blanks, no hex, no inf or nan). Returns 0, or PH_E_DATA where it is none or
 * overflows. Independent of the locale.
 */
int ph_double_read(const char *text, size_t length, double *x);

#endif
