/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Members of a JSON object by key and type, with the error where they are not there. */
#include <math.h>

#include "phasic/base/memory.h"
#include "saved_private.h"

int ph_saved_no_memory(const ph_saved_reader *self)
{
    return ph_error_set(self->error, PH_E_MEMORY, "out of memory");
}

static int is_kind(const cJSON *item, ph_member_kind what)
{
    switch (what) {
    case PH_MEMBER_TEXT: return cJSON_IsString(item);
    case PH_MEMBER_NUMBER: return cJSON_IsNumber(item);
    case PH_MEMBER_TRUTH: return cJSON_IsBool(item);
    case PH_MEMBER_OBJECT: return cJSON_IsObject(item);
    case PH_MEMBER_LIST: return cJSON_IsArray(item);
    }
    return 0;
}

int ph_saved_expect(ph_saved_reader *self, const cJSON *item, ph_member_kind what)
{
    static const char *const name[] = {"a text", "a number", "true or false",
                                       "an object", "a list"};
    return is_kind(item, what)
               ? PH_OK
               : ph_json_error(&self->json, item, self->error, "expects %s, not %s",
                               name[what], ph_json_kind(item));
}

int ph_saved_member(ph_saved_reader *self, const cJSON *object, const char *key,
                    ph_member_kind what, const cJSON **item)
{
    *item = ph_json_get(object, key);
    return *item ? ph_saved_expect(self, *item, what)
                 : ph_json_error(&self->json, object, self->error,
                                 "'%s' is missing: this is not the result of phasic "
                                 "fit, or of a version that cannot be read back",
                                 key);
}

int ph_saved_copy(const ph_saved_reader *self, const char *text, char **out)
{
    *out = ph_strdup(text);
    return *out ? PH_OK : ph_saved_no_memory(self);
}

int ph_saved_read_text(ph_saved_reader *self, const cJSON *object, const char *key,
                       char **out)
{
    const cJSON *item;
    int status = ph_saved_member(self, object, key, PH_MEMBER_TEXT, &item);
    return status == PH_OK ? ph_saved_copy(self, item->valuestring, out) : status;
}

int ph_saved_read_text_or_null(ph_saved_reader *self, const cJSON *object,
                               const char *key, char **out)
{
    return cJSON_IsNull(ph_json_get(object, key))
               ? PH_OK
               : ph_saved_read_text(self, object, key, out);
}

int ph_saved_read_number(ph_saved_reader *self, const cJSON *object, const char *key,
                         double *out)
{
    const cJSON *item;
    int status = ph_saved_member(self, object, key, PH_MEMBER_NUMBER, &item);
    *out = status == PH_OK ? item->valuedouble : NAN;
    return status;
}

int ph_saved_read_measure(ph_saved_reader *self, const cJSON *object, const char *key,
                          double *out)
{
    *out = NAN;
    return cJSON_IsNull(ph_json_get(object, key))
               ? PH_OK
               : ph_saved_read_number(self, object, key, out);
}

int ph_saved_read_whole(ph_saved_reader *self, const cJSON *object, const char *key,
                        double most, double *out)
{
    int status = ph_saved_read_number(self, object, key, out);
    if (status == PH_OK && (*out < 0 || *out > most || *out != floor(*out))) {
        return ph_json_error(&self->json, ph_json_get(object, key), self->error,
                             "expects a whole number");
    }
    return status;
}

int ph_saved_read_size(ph_saved_reader *self, const cJSON *object, const char *key,
                       size_t *out)
{
    double x;
    int status = ph_saved_read_whole(self, object, key, 9e15, &x);
    *out = status == PH_OK ? (size_t)x : 0;
    return status;
}

int ph_saved_read_texts(ph_saved_reader *self, const cJSON *object, const char *key,
                        char ***list, size_t *length)
{
    const cJSON *array, *item;
    int status = ph_saved_member(self, object, key, PH_MEMBER_LIST, &array);
    if (status != PH_OK) {
        return status;
    }
    *list = ph_alloc((size_t)cJSON_GetArraySize(array), sizeof **list);
    if (!*list) {
        return ph_saved_no_memory(self);
    }
    cJSON_ArrayForEach(item, array)
    {
        status = ph_saved_expect(self, item, PH_MEMBER_TEXT);
        if (status == PH_OK) {
            status = ph_saved_copy(self, item->valuestring, &(*list)[*length]);
        }
        if (status != PH_OK) {
            return status;
        }
        ++*length;
    }
    return PH_OK;
}

/* A list of n numbers or nulls into out[n]. */
static int read_numbers(ph_saved_reader *self, const cJSON *array, size_t n,
                        double *out)
{
    const cJSON *item;
    size_t i = 0;
    int status = ph_saved_expect(self, array, PH_MEMBER_LIST);
    if (status == PH_OK && (size_t)cJSON_GetArraySize(array) != n) {
        status = ph_json_error(&self->json, array, self->error,
                               "expects a list of %zu numbers", n);
    }
    cJSON_ArrayForEach(item, array)
    {
        if (status != PH_OK) {
            return status;
        }
        out[i] = NAN;
        if (!cJSON_IsNull(item)) {
            status = ph_saved_expect(self, item, PH_MEMBER_NUMBER);
            out[i] = item->valuedouble;
        }
        i++;
    }
    return status;
}

int ph_saved_read_matrix(ph_saved_reader *self, const cJSON *array, size_t n, size_t m,
                         double *out)
{
    const cJSON *item;
    size_t i = 0;
    int status = PH_OK;
    if ((size_t)cJSON_GetArraySize(array) != n) {
        return ph_json_error(&self->json, array, self->error,
                             "expects a list of %zu lists", n);
    }
    cJSON_ArrayForEach(item, array)
    {
        if (status == PH_OK) {
            status = read_numbers(self, item, m, out + m * i++);
        }
    }
    return status;
}
