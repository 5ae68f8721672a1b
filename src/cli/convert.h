/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_CONVERT_H
#define PHASIC_CLI_CONVERT_H

#include "job.h"

/*
 * The process that is converted: transient vertices 0 .. n - 1, in the order of the
 * search for states, or of their numbers where the model has numbered vertices.
 */
typedef struct ph_process {
    const ph_model *model;
    const ph_graph *graph;
    size_t n;
    uint32_t *state;    /* [n] of each vertex, in the graph */
    uint32_t *vertex;   /* [n + 1] of each state; absorption is n */
    const char **names; /* [parameters] */
    size_t *edge;       /* [graph->n_edges] edges by vertex, then by target */
    ph_error *error;
} ph_process;

int ph_process_init(ph_process *self, const ph_job *job, ph_error *error);
void ph_process_free(ph_process *self);

/* Edges of a vertex are edge[first] .. edge[end - 1]. */
size_t ph_process_first(const ph_process *self, size_t vertex);
size_t ph_process_end(const ph_process *self, size_t vertex);

/*
 * Rates as expressions of the model file: of one edge, of all of a vertex together, and
 * in discrete time the probability to stay. PH_E_MODEL where one
 * cannot be written.
 */
int ph_process_rate(const ph_process *self, size_t edge, ph_buffer *out);
int ph_process_exit(const ph_process *self, size_t vertex, ph_buffer *out);
int ph_process_stay(const ph_process *self, size_t vertex, ph_buffer *out);
/* Whether it is small enough for a matrix; PH_E_MODEL. */
int ph_process_check_size(const ph_process *self);
/*
 * The entry of a matrix. Columns are asked for in order; *next is ph_process_first
 * before the first one, and is kept from call to call.
 */
int ph_process_cell(const ph_process *self, size_t vertex, size_t column, size_t *next,
                    ph_buffer *out);
/* The probability to start in entry `start` of the graph's start law. */
int ph_process_start(const ph_process *self, size_t start, ph_buffer *out);
/* 1 where the start law is one vertex, which is then in *vertex. */
int ph_process_starts_at(const ph_process *self, uint32_t *vertex);

/* Writers; PH_E_MODEL where the format cannot carry the process. */
int ph_convert_graph(const ph_process *self, ph_buffer *out);
int ph_convert_matrix(const ph_process *self, ph_buffer *out);
int ph_convert_python(const ph_process *self, ph_buffer *out);
int ph_convert_csv(const ph_process *self, ph_buffer *out);
int ph_convert_drn(const ph_process *self, ph_buffer *out);

/*
 * A matrix as CSV, n rows of n + 1 cells, into the text of a model. `names`: of the
 * parameters, NULL: those that stand in the cells, in order; `initial`: the start law,
 * NULL: the first row.
 */
int ph_convert_csv_read(const char *file, const char *bytes, size_t length,
                        const char *names, const char *initial, int discrete,
                        ph_buffer *out, ph_error *error);

#endif
