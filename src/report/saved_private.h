/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_SAVED_PRIVATE_H
#define PHASIC_REPORT_SAVED_PRIVATE_H

#include "phasic/model/json.h"
#include "phasic/report/saved.h"

/* PREFIX.csv into the object, once PREFIX.json stands there. Errors as ph_saved_read.
 */
int ph_saved_read_draws(ph_saved *self, ph_error *error);

typedef struct ph_saved_reader {
    ph_json_file json;
    ph_saved *out;
    ph_error *error;
} ph_saved_reader;

typedef enum ph_member_kind {
    PH_MEMBER_TEXT,
    PH_MEMBER_NUMBER,
    PH_MEMBER_TRUTH,
    PH_MEMBER_OBJECT,
    PH_MEMBER_LIST
} ph_member_kind;

/*
 * Members of an object by key and type (saved_member.c). All return 0, PH_E_MEMORY, or
 * PH_E_MODEL with the place of what is missing or of another type.
 */
int ph_saved_no_memory(const ph_saved_reader *self);
int ph_saved_expect(ph_saved_reader *self, const cJSON *item, ph_member_kind what);

/* A member that must be there, of a kind. */
int ph_saved_member(ph_saved_reader *self, const cJSON *object, const char *key,
                    ph_member_kind what, const cJSON **item);

/* Texts are copies that the caller frees. */
int ph_saved_copy(const ph_saved_reader *self, const char *text, char **out);
int ph_saved_read_text(ph_saved_reader *self, const cJSON *object, const char *key,
                       char **out);

/* A text or null; the key must be there. */
int ph_saved_read_text_or_null(ph_saved_reader *self, const cJSON *object,
                               const char *key, char **out);

/* A list of texts; *list has *length owned items, also after an error. */
int ph_saved_read_texts(ph_saved_reader *self, const cJSON *object, const char *key,
                        char ***list, size_t *length);

int ph_saved_read_number(ph_saved_reader *self, const cJSON *object, const char *key,
                         double *out);

/* A number, or null for one that is not finite: NAN. */
int ph_saved_read_measure(ph_saved_reader *self, const cJSON *object, const char *key,
                          double *out);

/* A whole number from 0 to `most`. */
int ph_saved_read_whole(ph_saved_reader *self, const cJSON *object, const char *key,
                        double most, double *out);
int ph_saved_read_size(ph_saved_reader *self, const cJSON *object, const char *key,
                       size_t *out);

/* [n][m] numbers from a list of lists; null is NAN. */
int ph_saved_read_matrix(ph_saved_reader *self, const cJSON *array, size_t n, size_t m,
                         double *out);

/* The parts of the file, into self->out (saved_origin.c, saved_posterior.c). */
int ph_saved_read_origin(ph_saved_reader *self, const cJSON *root);
int ph_saved_read_posterior(ph_saved_reader *self, const cJSON *root);
int ph_saved_read_correlation(ph_saved_reader *self, const cJSON *root);
int ph_saved_read_diagnostics(ph_saved_reader *self, const cJSON *root);
int ph_saved_read_verdict(ph_saved_reader *self, const cJSON *root);

#endif
