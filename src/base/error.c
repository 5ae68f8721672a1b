/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

size_t ph_character(const char *text, size_t length)
{
    static const unsigned long least[] = {0, 0x20, 0xa0, 0x800, 0x10000};
    unsigned char c = (unsigned char)text[0];
    size_t n = c < 0x80   ? 1
               : c < 0xc0 ? 0
               : c < 0xe0 ? 2
               : c < 0xf0 ? 3
               : c < 0xf8 ? 4
                          : 0;
    unsigned long code = n == 1 ? c : c & (0x7fu >> n);
    for (size_t k = 1; k < n; k++) {
        if (k >= length || ((unsigned char)text[k] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | ((unsigned char)text[k] & 0x3f);
    }
    int surrogate = code >= 0xd800 && code < 0xe000;
    return code < least[n] || code == 0x7f || surrogate || code > 0x10ffff ? 0 : n;
}

/* Copies text into a field of size bytes, cut with "..." and made printable. */
static void copy_printable(char *field, size_t size, const char *text, size_t length)
{
    size_t used = 0, i = 0;
    while (i < length && used + 8 < size) {
        size_t n = ph_character(text + i, length - i);
        if (n == 0) {
            field[used++] = '?';
            i++;
            continue;
        }
        memcpy(field + used, text + i, n);
        used += n;
        i += n;
    }
    if (i < length) {
        memcpy(field + used, "...", 3);
        used += 3;
    }
    field[used] = '\0';
}

int ph_error_set(ph_error *self, int status, const char *format, ...)
{
    if (self && self->status == 0) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(self->message, sizeof self->message, format, arguments);
        va_end(arguments);
        self->status = status;
    }
    return status;
}

void ph_error_file(ph_error *self, const char *file)
{
    if (self && self->file[0] == '\0' && file) {
        snprintf(self->file, sizeof self->file, "%s", file);
    }
}

void ph_error_place(ph_error *self, const char *format, ...)
{
    if (self && self->place[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(self->place, sizeof self->place, format, arguments);
        va_end(arguments);
    }
}

void ph_error_position(ph_error *self, long line, long column)
{
    if (self && self->line == 0) {
        self->line = line;
        self->column = column;
    }
}

void ph_error_found(ph_error *self, const char *text, long length)
{
    if (self && self->found[0] == '\0' && text) {
        size_t n = length < 0 ? strlen(text) : (size_t)length;
        copy_printable(self->found, sizeof self->found, text, n);
    }
}

char *ph_error_text(const ph_error *self, char *buffer, unsigned long size)
{
    char position[64] = "";
    if (self->line > 0 && self->column > 0) {
        snprintf(position, sizeof position, "%ld:%ld: ", self->line, self->column);
    } else if (self->line > 0) {
        snprintf(position, sizeof position, "%ld: ", self->line);
    }
    const char *message =
        self->message[0] ? self->message : ph_status_text(self->status);
    snprintf(buffer, size, "%s%s%s%s%s%s%s%s%s", self->file,
             !self->file[0]   ? ""
             : self->line > 0 ? ":"
                              : ": ",
             position, self->place, self->place[0] ? ": " : "", message,
             self->found[0] ? " (found '" : "", self->found,
             self->found[0] ? "')" : "");
    return buffer;
}
