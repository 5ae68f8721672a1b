/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MODEL_MODEL_H
#define PHASIC_MODEL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/base/error.h"
#include "phasic/base/names.h"
#include "phasic/model/expr.h"
#include "phasic/num/family.h"

/*
 * The model as its file says it, checked and with every expression parsed, before any
 * state is enumerated. A plain immutable object: read its fields.
 */

typedef struct ph_prior_spec {
    ph_family family; /* arguments in the order of num/family.h */
    double argument[2];
} ph_prior_spec;

typedef struct ph_parameter {
    char *name, *description, *unit; /* the last two may be NULL */
    ph_prior_spec prior;
    double lower, upper; /* support: (0, inf) positive, (-inf, inf) real, (0, 1) unit;
                            narrowed to where a uniform or beta prior has mass */
    int has_value, is_fixed;
    double value; /* reference value; the fixed value where is_fixed */
    int is_tied;  /* of a fit: takes the value of parameter tied_to, not tied itself */
    size_t tied_to;
} ph_parameter;

typedef struct ph_constant {
    char *name;
    double value;
    int overridden; /* by --set */
} ph_constant;

typedef struct ph_state_variable {
    char *name;
    size_t rank, extent[PH_MAX_RANK];
    size_t first, entries; /* its place in the flat state */
} ph_state_variable;

/* One assignment of `start`, `change` or `set`: target entry and value. */
typedef struct ph_assignment {
    size_t variable;
    size_t n_indices;
    ph_expr *index[PH_MAX_RANK];
    ph_expr *value;
    char *text; /* the target as written, for messages */
} ph_assignment;

typedef struct ph_loop {
    char *name;
    ph_expr *from, *to; /* inclusive */
} ph_loop;

typedef struct ph_start {
    size_t n_assignments;
    ph_assignment *assignments; /* omitted entries are 0 */
    ph_expr *probability;       /* may hold parameters */
} ph_start;

typedef struct ph_transition {
    char *name;  /* as written, or "transition K" */
    char *place; /* JSON pointer, "/transitions/2" */
    size_t n_loops;
    ph_loop *loops;
    ph_expr *when; /* NULL: always */
    size_t n_changes, n_sets;
    ph_assignment *changes, *sets;
    ph_expr *rate; /* or probability in discrete time */
} ph_transition;

typedef struct ph_reward {
    char *name;
    ph_expr *amount; /* over the state; NULL where `list` is given (matrix, graph) */
    double *list;    /* [explicit vertices] */
} ph_reward;

typedef struct ph_epoch_set {
    size_t input; /* a parameter, or n_parameters + k: the constant varying[k] */
    ph_expr *value;
} ph_epoch_set;

typedef struct ph_epoch {
    ph_expr *at;
    size_t n_sets;
    ph_epoch_set *sets;
} ph_epoch;

typedef struct ph_derived {
    char *name;
    ph_expr *value;
} ph_derived;

/* A group of observations: the constants that are its own. */
typedef struct ph_group_set {
    size_t constant; /* index */
    double value;
} ph_group_set;

typedef struct ph_group {
    char *label; /* as the data have it */
    size_t n_sets;
    ph_group_set *sets;
} ph_group;

/* Matrix and graph models: vertices are numbered, PH_ABSORPTION is absorption. */
#define PH_ABSORPTION UINT32_MAX
typedef struct ph_explicit_edge {
    uint32_t from, to;
    ph_expr *rate;
    char *place;
} ph_explicit_edge;

typedef enum ph_model_kind {
    PH_MODEL_RULES,
    PH_MODEL_MATRIX,
    PH_MODEL_GRAPH
} ph_model_kind;

typedef struct ph_model {
    char *file, *name, *description; /* the last two may be NULL */
    char digest[65];                 /* SHA-256 of the file's bytes */
    int discrete;
    ph_model_kind kind;

    size_t n_constants;
    ph_constant *constants;
    size_t n_parameters;
    ph_parameter *parameters;

    /* PH_MODEL_RULES */
    size_t n_variables, n_entries;
    ph_state_variable *variables;
    size_t n_starts;
    ph_start *starts;
    size_t n_transitions;
    ph_transition *transitions;
    ph_expr *absorb; /* or NULL */

    /* PH_MODEL_MATRIX, PH_MODEL_GRAPH */
    size_t n_vertices, n_label; /* label length: 0 if none */
    int32_t *labels;            /* [n_vertices][n_label] or NULL */
    ph_expr **initial;          /* [n_vertices]; NULL entry: not a start */
    size_t n_edges;
    ph_explicit_edge *edges; /* zero entries of a matrix are left out */

    int defect; /* start probabilities may sum to less than 1 */
    size_t n_rewards;
    ph_reward *rewards;
    size_t n_epochs; /* changes of the rates; the values before the first are the
                        model's own */
    ph_epoch *epochs;
    size_t
        n_varying;   /* constants that an epoch sets. Expressions see them as further */
    size_t *varying; /* parameters, n_parameters + k; only rates and probabilities,
                        and the times and values of epochs, may use them */
    size_t n_derived;
    ph_derived *derived;
    size_t n_groups;
    ph_group *groups;
} ph_model;

/* One --set NAME=VALUE from the command line. */
typedef struct ph_setting {
    const char *name;
    double value;
} ph_setting;

/*
 * Reads and checks a model. Errors are PH_E_INPUT, PH_E_MODEL or PH_E_MEMORY with file,
 * JSON pointer, line, column, what stood there and what was expected, or PH_E_USAGE
 * where a setting does not name a constant or is not finite. The last setting of a name
 * counts. Of a discrete matrix the diagonal is checked and left out of the edges.
 */
int ph_model_read(ph_model **self, const char *path, const ph_setting *settings,
                  size_t n_settings, ph_error *error);
/* The same from bytes already read; `file` is the name for messages. */
int ph_model_parse(ph_model **self, const char *file, const char *bytes, size_t length,
                   const ph_setting *settings, size_t n_settings, ph_error *error);
void ph_model_free(ph_model *self);

/* What expressions take for parameters: n_parameters + n_varying. */
size_t ph_model_inputs(const ph_model *self);
const char *ph_model_input_name(const ph_model *self, size_t input);
/* input[inputs]: theta[n_parameters], then the varying constants' own values. */
void ph_model_input_values(const ph_model *self, const double *theta, double *input);

/* Index of a name, or -1. */
long ph_model_parameter(const ph_model *self, const char *name);
long ph_model_reward(const ph_model *self, const char *name);

/*
 * Reference values of all parameters into theta[n_parameters]: the fixed value, else
 * `value`. PH_E_USAGE naming the parameters that have neither.
 */
int ph_model_theta(const ph_model *self, double *theta, ph_error *error);

#endif
