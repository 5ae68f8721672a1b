/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MODEL_IMPORT_H
#define PHASIC_MODEL_IMPORT_H

#include <stddef.h>

#include "phasic/base/buffer.h"
#include "phasic/base/error.h"

/*
 * Processes from the files of other programs, as the text of a model of this one with
 * the key "graph", which is appended to `out`. Vertices keep their numbers. The readers
 * check what their format says and every expression, so that errors (PH_E_MODEL,
 * PH_E_MEMORY) name the line or the JSON pointer in the file that was given; that the
 * process makes sense is for ph_model_parse to say of the result. `file` is the name
 * for messages. What the format can say and a model cannot is an error.
 */

/* A graph of the Python package phasic, as json.dumps(graph.serialize()) writes it. */
typedef struct ph_import_python {
    const char *names; /* of the parameters, divided by commas; NULL: theta1, ... */
} ph_import_python;
int ph_import_python_read(const ph_import_python *self, const char *file,
                          const char *bytes, size_t length, ph_buffer *out,
                          ph_error *error);
/* Whether bytes are such a file rather than a model: it has the key "n_vertices". */
int ph_import_python_is(const char *bytes, size_t length);

/*
 * Storm's explicit format DRN with the types DTMC and CTMC (Hensel et al. 2022), for
 * the time until an absorbing state, one whose only way leads to itself. Of the labels,
 * `init` marks the one start; those of others are appended to `labels`, divided by
 * blanks, but for "absorbed", which phasic convert writes, and "deadlock".
 */
int ph_import_drn_read(const char *file, const char *bytes, size_t length,
                       ph_buffer *out, ph_buffer *labels, ph_error *error);

#endif
