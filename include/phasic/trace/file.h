/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TRACE_FILE_H
#define PHASIC_TRACE_FILE_H

#include <stddef.h>

#include "phasic/model/model.h"
#include "phasic/trace/trace.h"

/*
 * A trace file stands for a model wherever one is read: it holds the bytes of the
 * model's file, the settings of constants, and the recorded elimination. Little-endian:
 *
 *   "PHTRACE\n"  u32 version (1)  u32 order  u64 length of the file
 *   u64 length, bytes          of the model
 *   u64 count; for each: u64 length, name, NUL, f64 value       of the settings
 *   32 bytes                   SHA-256 of the graph
 *   u64 n, n_left, n_right;  u32 state[n];
 *   u32 component, n_cross, n_lower, n_upper  [n] by step;
 *   u32 left_state[n_left], right_state[n_right]
 *   32 bytes                   SHA-256 of all that stands before
 */

/* The parts of a file in memory, which must outlive them. */
typedef struct ph_trace_file {
    ph_trace_order order;
    const char *model;
    size_t model_length;
    size_t n_settings;
    ph_setting *settings; /* owned; names point into the file */
    const unsigned char *graph_digest, *steps;
    size_t steps_length;
} ph_trace_file;

/* Appends a trace file to `out`, whose `failed` tells when memory is out. */
void ph_trace_file_write(const ph_trace *trace, const char *model, size_t model_length,
                         const ph_setting *settings, size_t n_settings, ph_buffer *out);

/* Whether bytes begin like a trace file. */
int ph_trace_file_is(const char *bytes, size_t length);

/*
 * Takes the bytes of a file apart; `name` is for messages. PH_E_MODEL where they are no
 * trace file of this version, cut short, or damaged. */
int ph_trace_file_open(ph_trace_file *self, const char *name, const char *bytes,
                       size_t length, ph_error *error);
void ph_trace_file_close(ph_trace_file *self);

/*
 * The trace, for the graph of the file's model. PH_E_MODEL where it is the trace of
 * another graph.
 */
int ph_trace_file_load(const ph_trace_file *self, const char *name,
                       const ph_graph *graph, ph_trace **trace, ph_error *error);

#endif
