/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sentences.h"

#include <stdarg.h>
#include <stdio.h>

void ph_say(ph_sentences *self, int fault, const char *format, ...)
{
    char sentence[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    if (self->text.length) {
        ph_buffer_add(&self->text, "; ");
    }
    ph_buffer_add(&self->text, sentence);
    self->faults += fault;
}

int ph_sentences_close(ph_sentences *self, char *text, size_t size)
{
    int fine = self->faults == 0 && !self->text.failed;
    snprintf(text, size, "%s", self->text.text ? self->text.text : "");
    ph_buffer_free(&self->text);
    return fine;
}
