/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MODEL_MODEL_PRIVATE_H
#define PHASIC_MODEL_MODEL_PRIVATE_H

#include "phasic/model/json.h"
#include "phasic/model/model.h"

/*
 * What the parts of the model reader share. Every function returns 0, PH_E_MODEL with
 * the error complete (place, line, column, what stood there), PH_E_USAGE or
 * PH_E_MEMORY; what it reads it puts into the model as soon as it owns it, so that
 * ph_model_free cleans up after any failure.
 */
typedef struct ph_reader {
    ph_model *model;
    ph_json_file json;
    const ph_setting *settings;
    size_t n_settings;
    ph_symbol *symbols; /* names in scope; texts belong to the model */
    size_t n_symbols, symbol_capacity;
    unsigned char *marks; /* [entries] work space of `start`, all 0 between uses */
    const char **varying; /* names that an epoch sets; texts belong to the JSON */
    size_t n_varying;
    size_t declared; /* how many parameters the file declares */
    ph_error *error; /* never NULL */
} ph_reader;

/* Errors at a value and at its key. */
#define ph_fail(r, item, ...) ph_json_error(&(r)->json, item, (r)->error, __VA_ARGS__)
#define ph_fail_key(r, item, ...)                                                      \
    ph_json_key_error(&(r)->json, item, (r)->error, __VA_ARGS__)

#define PH_COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- model_values.c ---- */

/* Names an expression may hold beside constants. */
enum {
    PH_USES_PARAMETERS = 1u << PH_SYMBOL_PARAMETER,
    PH_USES_STATE = 1u << PH_SYMBOL_STATE,
    PH_USES_LOOPS = 1u << PH_SYMBOL_LOOP
};

int ph_read_object(ph_reader *r, const cJSON *item, const char *what,
                   const char *const *keys, size_t length);
int ph_read_list(ph_reader *r, const cJSON *item, const char *what, size_t *length);
/* A string without line feeds and other control characters unless `lines`. */
int ph_read_text(ph_reader *r, const cJSON *item, const char *what, int lines,
                 char **text);
/* Checks the key of `item` against the rule for names. */
int ph_read_name(ph_reader *r, const cJSON *item, const char *what);
/* The same, and it must not be in scope yet; brings it into scope. */
int ph_read_declare(ph_reader *r, const cJSON *item, const char *what,
                    const ph_symbol *symbol);
/* A number or an expression with constants and what `allowed` names. */
int ph_read_expr(ph_reader *r, const cJSON *item, unsigned allowed, const char *what,
                 ph_expr **expr);
/* An expression from part of a key, from byte `start` on. */
int ph_read_key_expr(ph_reader *r, const cJSON *item, size_t start, size_t length,
                     unsigned allowed, const char *what, ph_expr **expr);
/* 1 where an expression holds a constant that an epoch sets. */
int ph_expr_varies(const ph_reader *r, const ph_expr *expr);
/* A finite number, or the value of an expression in constants. */
int ph_read_constant(ph_reader *r, const cJSON *item, const char *what, double *value);
/* The same, whole and in [lowest, highest]. */
int ph_read_whole(ph_reader *r, const cJSON *item, const char *what, double lowest,
                  double highest, long *value);
/* 1 and *value where an expression holds constants only and has a value. */
int ph_expr_is_constant(const ph_expr *expr);
int ph_expr_constant(ph_reader *r, const cJSON *item, const ph_expr *expr,
                     double *value);
/* A rate >= 0 or a probability in [0, 1] where it is constant. */
int ph_check_amount(ph_reader *r, const cJSON *item, const ph_expr *expr,
                    int probability);

/*
 * Sums of probabilities, to check that they are 1. A sum that is 1 whatever the
 * parameters are is 1 at any point of their support: two points in its interior, with
 * coordinates that have nothing to do with each other, stand for all.
 */
typedef struct ph_total {
    double sum[2];
    int varies; /* some term uses parameters */
} ph_total;
int ph_total_add(ph_reader *r, ph_total *self, const ph_expr *expr);
/* The total of `item` is 1, or at most 1 with a defect. */
int ph_total_check(ph_reader *r, const ph_total *self, const cJSON *item, int defect);

/* ---- model_parameters.c ---- */
int ph_read_constants(ph_reader *r, const cJSON *root);
int ph_read_parameters(ph_reader *r, const cJSON *root);
int ph_check_settings(ph_reader *r);

/* ---- model_prior.c ---- */
int ph_read_support(ph_reader *r, const cJSON *item, double *lower, double *upper);
int ph_read_prior(ph_reader *r, const cJSON *item, ph_prior_spec *prior);
/* Narrows a support to where the prior has mass. */
int ph_narrow_support(ph_reader *r, const cJSON *item, const ph_prior_spec *prior,
                      double *lower, double *upper);
/* "(0, inf)" for messages; buffer of >= 80. */
char *ph_interval_text(double lower, double upper, char *buffer);

/* ---- model_rules.c, model_start.c, model_explicit.c, model_extras.c ---- */
int ph_read_rules(ph_reader *r, const cJSON *root);
int ph_read_start(ph_reader *r, const cJSON *root);
/* Reads the key of `item` as a state entry. */
int ph_read_target(ph_reader *r, const cJSON *item, unsigned allowed,
                   ph_assignment *assignment);
int ph_read_matrix(ph_reader *r, const cJSON *item);
int ph_read_graph(ph_reader *r, const cJSON *item);
int ph_read_rewards(ph_reader *r, const cJSON *item);
/* Before anything is read: which names epochs set. */
int ph_find_varying(ph_reader *r, const cJSON *root);
int ph_read_epochs(ph_reader *r, const cJSON *item);
int ph_read_derived(ph_reader *r, const cJSON *item);
int ph_read_groups(ph_reader *r, const cJSON *object);

#endif
