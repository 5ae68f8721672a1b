/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text, and numbers to and from text. The C library's conversions follow the locale's
 * decimal point; here the point is always '.', whatever LC_NUMERIC the process has: the
 * C library's digits are used and its point replaced.
 */
#include "phasic/base/buffer.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/base/status.h"

static int reserve(ph_buffer *self, size_t extra)
{
    if (self->failed ||
        ph_grow(&self->text, &self->capacity, self->length + extra + 1, 1) != 0) {
        self->failed = 1;
        return 0;
    }
    return 1;
}

void ph_buffer_add_n(ph_buffer *self, const char *text, size_t length)
{
    if (reserve(self, length)) {
        if (length > 0) { /* text may be NULL: that of an empty buffer */
            memcpy(self->text + self->length, text, length);
        }
        self->length += length;
        self->text[self->length] = '\0';
    }
}

void ph_buffer_add(ph_buffer *self, const char *text)
{
    ph_buffer_add_n(self, text, strlen(text));
}

/* Puts '.' where the locale has written its own decimal point. */
static void plain_point(char *number)
{
    const char *point = localeconv()->decimal_point;
    if (strcmp(point, ".") == 0) {
        return;
    }
    char *at = strstr(number, point);
    if (at) {
        size_t width = strlen(point);
        *at = '.';
        memmove(at + 1, at + width, strlen(at + width) + 1);
    }
}

void ph_buffer_addf(ph_buffer *self, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0 || !reserve(self, (size_t)length)) {
        self->failed = 1;
    } else {
        vsnprintf(self->text + self->length, (size_t)length + 1, format, again);
        self->length += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

char *ph_double_text(double x, char *buffer)
{
    if (!isfinite(x)) {
        snprintf(buffer, 32, "%s", isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
        return buffer;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buffer, 32, "%.*g", digits, x);
        if (strtod(buffer, NULL) == x) {
            break;
        }
    }
    plain_point(buffer);
    return buffer;
}

void ph_buffer_add_double(ph_buffer *self, double x)
{
    char number[32];
    ph_buffer_add(self, ph_double_text(x, number));
}

void ph_buffer_add_dot(ph_buffer *self, const char *text)
{
    ph_buffer_add(self, "\"");
    for (; *text; text++) {
        if (*text == '\n') {
            ph_buffer_add(self, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\') {
            ph_buffer_add(self, "\\");
        }
        ph_buffer_add_n(self, (unsigned char)*text < ' ' ? " " : text, 1);
    }
    ph_buffer_add(self, "\"");
}

void ph_buffer_free(ph_buffer *self)
{
    free(self->text);
    memset(self, 0, sizeof *self);
}

/* The grammar of a decimal number; returns 1 where text[0..length) is one. */
static int is_decimal(const char *text, size_t length)
{
    size_t i = 0, digits = 0;
    if (i < length && (text[i] == '-' || text[i] == '+')) {
        i++;
    }
    for (; i < length && text[i] >= '0' && text[i] <= '9'; i++) {
        digits++;
    }
    if (i < length && text[i] == '.') {
        for (i++; i < length && text[i] >= '0' && text[i] <= '9'; i++) {
            digits++;
        }
    }
    if (digits == 0) {
        return 0;
    }
    if (i < length && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        if (i < length && (text[i] == '-' || text[i] == '+')) {
            i++;
        }
        size_t first = i;
        while (i < length && text[i] >= '0' && text[i] <= '9') {
            i++;
        }
        if (i == first) {
            return 0;
        }
    }
    return i == length;
}

/*
 * Numbers of at most 15 digits and a power of ten up to 22 are exact products or
 * quotients of two doubles (Clinger 1990): no library call is needed.
 */
static int read_short(const char *text, size_t length, double *x)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (length > 17) {
        return 0;
    }
    size_t i = text[0] == '-' || text[0] == '+';
    double mantissa = 0;
    int digits = 0, decimals = 0, point = 0;
    for (; i < length; i++) {
        if (text[i] == '.') {
            point = 1;
        } else if (text[i] == 'e' || text[i] == 'E') {
            return 0;
        } else {
            mantissa = 10 * mantissa + (text[i] - '0');
            digits++;
            decimals += point;
        }
    }
    if (digits > 15) {
        return 0;
    }
    double value = mantissa / power[decimals];
    *x = text[0] == '-' ? -value : value;
    return 1;
}

int ph_double_read(const char *text, size_t length, double *x)
{
    if (!is_decimal(text, length)) {
        return PH_E_DATA;
    }
    if (read_short(text, length, x)) {
        return PH_OK;
    }
    char small[128];
    const char *point = localeconv()->decimal_point;
    size_t width = strlen(point);
    char *copy =
        length + width < sizeof small ? small : ph_alloc(length + width + 1, 1);
    if (!copy) {
        return PH_E_MEMORY;
    }
    const char *dot = memchr(text, '.', length);
    size_t before = dot ? (size_t)(dot - text) : length;
    memcpy(copy, text, before);
    if (dot) {
        memcpy(copy + before, point, width);
        memcpy(copy + before + width, dot + 1, length - before - 1);
    }
    copy[dot ? length - 1 + width : length] = '\0';
    *x = strtod(copy, NULL);
    if (copy != small) {
        free(copy);
    }
    return isfinite(*x) ? PH_OK : PH_E_DATA;
}
