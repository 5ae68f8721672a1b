/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_SENTENCES_H
#define PHASIC_SVGD_SENTENCES_H

#include "phasic/base/buffer.h"

/* The reasons of a verdict: sentences joined by "; ". Zero-initialise. */
typedef struct ph_sentences {
    ph_buffer text;
    int faults; /* of those that speak against it */
} ph_sentences;

void ph_say(ph_sentences *self, int fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Copies the text, cut to `size` bytes, and frees it. Whether nothing speaks against.
 */
int ph_sentences_close(ph_sentences *self, char *text, size_t size);

#endif
