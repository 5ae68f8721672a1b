/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MODEL_JSON_H
#define PHASIC_MODEL_JSON_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "phasic/base/error.h"

/*
 * JSON as RFC 8259 says it and no more, with the place of every value: a cJSON tree
 * whose nodes know where they stood. Beyond the RFC these are refused: a byte order
 * mark, duplicate keys (compared after unescaping), \u0000, numbers beyond a double or
 * longer than 60 characters, nesting deeper than PH_JSON_NESTING, more than 1 GiB.
 */
#define PH_JSON_NESTING 64

typedef struct ph_json_value {
    uint32_t offset; /* of its first byte */
    uint32_t name; /* in an object: offset of its key's quote; in an array: its index */
    int32_t parent; /* number of the value it belongs to, -1 for the root */
} ph_json_value;

/*
 * `values` is in document order (a container before its members), and a node's
 * `valueint` is its number there: numbers are read from `valuedouble` only.
 */
typedef struct ph_json_file {
    const char *bytes; /* borrowed */
    size_t length;
    cJSON *root; /* owned */
    size_t n_values, capacity;
    ph_json_value *values; /* owned */
} ph_json_file;

/*
 * Reads bytes[0..length), which must outlive the object. PH_E_MODEL with line, column,
 * place and what stood there, or PH_E_MEMORY. Linear in the length but for the sorting
 * of keys. The caller zero-initialises and frees, also after an error.
 */
int ph_json_read(ph_json_file *self, const char *bytes, size_t length, ph_error *error);
void ph_json_file_free(ph_json_file *self);

/* The scanner alone: checks the text and fills `values`. */
int ph_json_scan(ph_json_file *self, ph_error *error);

/*
 * An error at a value: sets place, line, column and what stood there, and returns
 * PH_E_MODEL. The first error set wins.
 */
int ph_json_error(const ph_json_file *self, const cJSON *at, ph_error *error,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same at the key of a member of an object. */
int ph_json_key_error(const ph_json_file *self, const cJSON *at, ph_error *error,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));
/*
 * Completes an error that was set for the text of a string (`in_key`: of the key of
 * `at`) and holds a column in it, from 1: turns it into line and column of the file.
 */
void ph_json_locate(const ph_json_file *self, const cJSON *at, int in_key,
                    ph_error *error);

/* JSON pointer of a value (RFC 6901), printable ASCII, cut to size. Returns buffer. */
char *ph_json_place(const ph_json_file *self, const cJSON *at, char *buffer,
                    size_t size);

/* Line and column (in characters) of a byte, both from 1. */
void ph_json_position(const char *bytes, size_t offset, long *line, long *column);

/* Member of an object by its exact key, or NULL. */
const cJSON *ph_json_get(const cJSON *object, const char *key);

/*
 * Refuses members whose key is not among keys[0..length), with the nearest key or the
 * list of all.
 */
int ph_json_check_keys(const ph_json_file *self, const cJSON *object,
                       const char *const *keys, size_t length, ph_error *error);

/* "an object", "a list", "a string", "a number", "true or false", "null". */
const char *ph_json_kind(const cJSON *item);

/*
 * What an option would have said: a string as it stands, a number with the digits it
 * needs (in `number`), true as 1, false as 0. NULL where it is none of these.
 */
const char *ph_json_option_text(const cJSON *item, char number[32]);

#endif
