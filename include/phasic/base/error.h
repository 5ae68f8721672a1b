/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BASE_ERROR_H
#define PHASIC_BASE_ERROR_H

#include <stddef.h>

#include "phasic/base/status.h"

/*
 * What went wrong, where, what stood there and what was expected. The object is a plain
 * value owned by the caller (zero-initialise it); the first error set wins, so a cause
 * is never overwritten by its consequences. A NULL pointer is accepted everywhere.
 */
typedef struct ph_error {
    int status;        /* PH_E_...; 0: no error */
    long line, column; /* from 1; 0: unknown */
    char file[256];    /* input file, "" if none */
    char place[256];   /* JSON pointer, transition, column name ..., "" if none */
    char found[96];    /* the offending text, cut and made printable, "" if none */
    char message[768]; /* one sentence without a final stop: what is wrong and expected
                        */
} ph_error;

/* Sets status and message (printf style) if none is set yet; returns status. */
int ph_error_set(ph_error *self, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fills file / place / line and column / found where they are still empty. */
void ph_error_file(ph_error *self, const char *file);
void ph_error_place(ph_error *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void ph_error_position(ph_error *self, long line, long column);
void ph_error_found(ph_error *self, const char *text,
                    long length); /* length -1: to NUL */

/*
 * Writes the whole error as one line, "file:line:column: place: message (found
 * 'text')", leaving out what is unknown; cut to size bytes with the NUL. Returns
 * buffer.
 */
char *ph_error_text(const ph_error *self, char *buffer, unsigned long size);

/* Bytes of the printable character at text[0..length), length > 0: of ASCII, or of
 * UTF-8 and no control character; 0 where there is none. */
size_t ph_character(const char *text, size_t length);

#endif
