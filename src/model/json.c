/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tree and its positions. The scanner has checked the text, so cJSON can fail for
 * want of memory only; a walk in document order numbers the nodes as the scanner did.
 * Duplicate keys are found by sorting each object's unescaped keys, which stays fast
 * for objects of any size.
 */
#include "phasic/model/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"
#include "phasic/model/model.h"

void ph_json_file_free(ph_json_file *self)
{
    if (self) {
        cJSON_Delete(self->root);
        free(self->values);
        memset(self, 0, sizeof *self);
    }
}

/* ---- positions ---- */

void ph_json_position(const char *bytes, size_t offset, long *line, long *column)
{
    const char *start = bytes, *end = bytes + offset, *feed;
    *line = 1;
    while (start < end && (feed = memchr(start, '\n', (size_t)(end - start)))) {
        start = feed + 1;
        ++*line;
    }
    *column = 1;
    for (; start < end; start++) {
        *column +=
            ((unsigned char)*start & 0xc0) != 0x80; /* UTF-8 continuation bytes */
    }
}

/* Length of the string, quotes and escapes included, whose quote stands at `offset`. */
static size_t string_length(const ph_json_file *self, size_t offset)
{
    size_t at = offset + 1;
    while (at < self->length && self->bytes[at] != '"') {
        at += self->bytes[at] == '\\' ? 2 : 1;
    }
    return (at < self->length ? at + 1 : self->length) - offset;
}

/* Offset of byte `decoded` of the string whose quote stands at `offset`. */
static size_t decoded_offset(const ph_json_file *self, size_t offset, size_t decoded)
{
    size_t at = offset + 1, end = offset + string_length(self, offset) - 1, seen = 0;
    while (at < end && seen < decoded) {
        if (self->bytes[at] != '\\') {
            at++;
            seen++;
        } else if (self->bytes[at + 1] != 'u') {
            at += 2;
            seen++;
        } else {
            char digits[5] = "";
            memcpy(digits, self->bytes + at + 2, 4);
            long code = strtol(digits, NULL, 16);
            int pair = code >= 0xd800 && code < 0xe000;
            at += pair ? 12 : 6;
            seen += pair ? 4 : code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
        }
    }
    return at;
}

/* Appends one step of a pointer: '~' and '/' escaped, what is not printable shown as ?.
 */
static void add_step(char *buffer, size_t size, const char *text, size_t length)
{
    size_t used = strlen(buffer);
    const char *mark[2] = {"~0", "~1"};
    if (used + 3 < size) {
        buffer[used++] = '/';
    }
    for (size_t i = 0; i < length && used + 5 < size; i++) {
        size_t n = ph_character(text + i, length - i);
        if (text[i] == '~' || text[i] == '/') {
            memcpy(buffer + used, mark[text[i] == '/'], 2);
            used += 2;
        } else if (n > 0) {
            memcpy(buffer + used, text + i, n);
            used += n;
            i += n - 1;
        } else {
            buffer[used++] = '?';
        }
    }
    buffer[used] = '\0';
}

char *ph_json_place(const ph_json_file *self, const cJSON *at, char *buffer,
                    size_t size)
{
    int32_t path[PH_JSON_NESTING + 1];
    size_t length = 0;
    int32_t value = at->valueint;
    while (self->values[value].parent >= 0 && length <= PH_JSON_NESTING) {
        path[length++] = value;
        value = self->values[value].parent;
    }
    buffer[0] = '\0';
    while (length-- > 0) {
        const ph_json_value *step = self->values + path[length];
        if (self->bytes[self->values[step->parent].offset] == '{') {
            add_step(buffer, size, self->bytes + step->name + 1,
                     string_length(self, step->name) - 2);
        } else {
            char index[16];
            int n = snprintf(index, sizeof index, "%lu", (unsigned long)step->name);
            add_step(buffer, size, index, (size_t)n);
        }
    }
    return buffer;
}

static void set_position(const ph_json_file *self, size_t offset, ph_error *error)
{
    long line, column;
    ph_json_position(self->bytes, offset, &line, &column);
    ph_error_position(error, line, column);
}

static void set_place(const ph_json_file *self, const cJSON *at, ph_error *error)
{
    char place[256];
    ph_error_place(error, "%s", ph_json_place(self, at, place, sizeof place));
}

/* Bytes of a list or an object on its first line, at most `most`. */
static size_t container_length(const ph_json_file *self, size_t offset, size_t most)
{
    size_t depth = 0, at = offset;
    while (at < self->length && at - offset < most && self->bytes[at] != '\n') {
        char c = self->bytes[at];
        at += c == '"' ? string_length(self, at) : 1;
        depth += c == '[' || c == '{';
        depth -= c == ']' || c == '}';
        if (depth == 0) {
            break;
        }
    }
    return at - offset;
}

/* What stands at an offset: the inside of a string, a list or an object, a word. */
static void set_found(const ph_json_file *self, size_t offset, const cJSON *item,
                      ph_error *error)
{
    const char *text = self->bytes + offset;
    size_t length = 0, most = self->length - offset;
    if (*text == '"') {
        text++;
        length = string_length(self, offset) - 2;
    } else if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
        length = container_length(self, offset, 60);
    } else {
        while (length < most && !strchr(" \t\r\n,]}", text[length])) {
            length++;
        }
    }
    ph_error_found(error, text, (long)length);
}

static int report(const ph_json_file *self, const cJSON *at, size_t offset,
                  const cJSON *item, ph_error *error, const char *format,
                  va_list arguments)
{
    char message[sizeof error->message];
    vsnprintf(message, sizeof message, format, arguments);
    ph_error_set(error, PH_E_MODEL, "%s", message);
    set_place(self, at, error);
    set_position(self, offset, error);
    set_found(self, offset, item, error);
    return PH_E_MODEL;
}

int ph_json_error(const ph_json_file *self, const cJSON *at, ph_error *error,
                  const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int status = report(self, at, self->values[at->valueint].offset, at, error, format,
                        arguments);
    va_end(arguments);
    return status;
}

int ph_json_key_error(const ph_json_file *self, const cJSON *at, ph_error *error,
                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int status = report(self, at, self->values[at->valueint].name, NULL, error, format,
                        arguments);
    va_end(arguments);
    return status;
}

void ph_json_locate(const ph_json_file *self, const cJSON *at, int in_key,
                    ph_error *error)
{
    const ph_json_value *value = self->values + at->valueint;
    size_t offset = in_key ? value->name : value->offset;
    if (error->line == 0) {
        size_t column = error->column > 0 ? (size_t)error->column : 1;
        set_position(self,
                     self->bytes[offset] == '"'
                         ? decoded_offset(self, offset, column - 1)
                         : offset,
                     error);
    }
    set_place(self, at, error);
    set_found(self, offset, in_key ? NULL : at, error);
}

/* ---- tree ---- */

static int compare_keys(const void *a, const void *b)
{
    const cJSON *const *x = a, *const *y = b;
    int order = strcmp((*x)->string, (*y)->string);
    return order
               ? order
               : ((*x)->valueint > (*y)->valueint) - ((*x)->valueint < (*y)->valueint);
}

/* Reports the first key, in document order, that stood in its object before. */
static int check_duplicates(const ph_json_file *self, const cJSON *object,
                            ph_error *error)
{
    size_t n = (size_t)cJSON_GetArraySize(object), i = 0;
    const cJSON **members = ph_alloc(n, sizeof *members), *item, *second = NULL;
    const cJSON *first = NULL;
    if (!members) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(item, object)
    {
        members[i++] = item;
    }
    qsort(members, n, sizeof *members, compare_keys);
    for (i = 1; i < n; i++) {
        if (strcmp(members[i - 1]->string, members[i]->string) == 0 &&
            (!second || members[i]->valueint < second->valueint)) {
            first = members[i - 1];
            second = members[i];
        }
    }
    free(members);
    if (second) {
        long line, column;
        ph_json_position(self->bytes, self->values[first->valueint].name, &line,
                         &column);
        return ph_json_key_error(
            self, second, error,
            "duplicate key: it stands in line %ld, column %ld already", line, column);
    }
    return PH_OK;
}

/* Numbers the nodes in document order and checks every object. Depth is bounded. */
static int number_nodes(const ph_json_file *self, cJSON *item, int *next,
                        ph_error *error)
{
    item->valueint = (*next)++;
    for (cJSON *child = item->child; child; child = child->next) {
        int status = number_nodes(self, child, next, error);
        if (status != PH_OK) {
            return status;
        }
    }
    return cJSON_IsObject(item) ? check_duplicates(self, item, error) : PH_OK;
}

int ph_json_read(ph_json_file *self, const char *bytes, size_t length, ph_error *error)
{
    self->bytes = bytes;
    self->length = length;
    int next = 0, status = ph_json_scan(self, error);
    if (status == PH_OK) {
        self->root = cJSON_ParseWithLengthOpts(bytes, length, NULL, 0);
        status =
            self->root ? number_nodes(self, self->root, &next, error) : PH_E_MEMORY;
    }
    if (status == PH_E_MEMORY) {
        ph_error_set(error, PH_E_MEMORY, "no memory for the JSON text");
    }
    return status;
}

/* ---- access ---- */

const cJSON *ph_json_get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

const char *ph_json_kind(const cJSON *item)
{
    return cJSON_IsObject(item)   ? "an object"
           : cJSON_IsArray(item)  ? "a list"
           : cJSON_IsString(item) ? "a string"
           : cJSON_IsNumber(item) ? "a number"
           : cJSON_IsNull(item)   ? "null"
                                  : "true or false";
}

static int unknown_key(const ph_json_file *self, const cJSON *item,
                       const char *const *keys, size_t length, ph_error *error)
{
    const char *nearest = ph_nearest_name(item->string, keys, length);
    if (nearest) {
        return ph_json_key_error(self, item, error, "unknown key; did you mean '%s'?",
                                 nearest);
    }
    char all[512] = "";
    for (size_t i = 0, used = 0; i < length && used < sizeof all; i++) {
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s",
                                 i == 0            ? ""
                                 : i + 1 == length ? " or "
                                                   : ", ",
                                 keys[i]);
    }
    return ph_json_key_error(self, item, error, "unknown key; expected %s", all);
}

int ph_json_check_keys(const ph_json_file *self, const cJSON *object,
                       const char *const *keys, size_t length, ph_error *error)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        size_t i = 0;
        while (i < length && strcmp(keys[i], item->string) != 0) {
            i++;
        }
        if (i == length) {
            return unknown_key(self, item, keys, length, error);
        }
    }
    return PH_OK;
}

const char *ph_json_option_text(const cJSON *item, char number[32])
{
    if (cJSON_IsNumber(item)) {
        return ph_double_text(item->valuedouble, number);
    }
    if (cJSON_IsBool(item)) {
        return cJSON_IsTrue(item) ? "1" : "0";
    }
    return cJSON_IsString(item) ? item->valuestring : NULL;
}
