/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/base/log.h"

#include <stdarg.h>
#include <stdio.h>

void ph_log_write(const ph_log *self, int level, const char *format, ...)
{
    if (self && self->message) {
        char text[1024];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        self->message(self->context, level, text);
    }
}

int ph_log_progress(const ph_log *self, const char *what, double fraction,
                    const char *format, ...)
{
    if (!self || !self->progress) {
        return 0;
    }
    char remark[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(remark, sizeof remark, format, arguments);
    va_end(arguments);
    return self->progress(self->context, what, fraction, remark);
}

int ph_log_stopped(const ph_log *self)
{
    return self && self->stopped ? self->stopped(self->context) : 0;
}
