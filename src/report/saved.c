/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PREFIX.json read back. Every value is asked for by key and type; what the file holds
 * beyond that was written by a later version and is passed over.
 */
#include "phasic/report/saved.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/file.h"
#include "phasic/base/memory.h"
#include "phasic/model/json.h"
#include "saved_private.h"

typedef struct reader {
    ph_json_file json;
    ph_saved *out;
    ph_error *error;
} reader;

static int no_memory(const reader *self)
{
    return ph_error_set(self->error, PH_E_MEMORY, "out of memory");
}

/* ------------------------------------------------------------- typed members */

enum { OPTIONAL = 0, REQUIRED = 1 };

typedef enum kind { TEXT, NUMBER, TRUTH, OBJECT, LIST } kind;

static int is_kind(const cJSON *item, kind what)
{
    switch (what) {
    case TEXT: return cJSON_IsString(item);
    case NUMBER: return cJSON_IsNumber(item);
    case TRUTH: return cJSON_IsBool(item);
    case OBJECT: return cJSON_IsObject(item);
    case LIST: return cJSON_IsArray(item);
    }
    return 0;
}

static int expect(reader *self, const cJSON *item, kind what)
{
    static const char *const name[] = {"a text", "a number", "true or false",
                                       "an object", "a list"};
    return is_kind(item, what)
               ? PH_OK
               : ph_json_error(&self->json, item, self->error, "expects %s, not %s",
                               name[what], ph_json_kind(item));
}

/* A member that must be there, of a kind. */
static int member(reader *self, const cJSON *object, const char *key, kind what,
                  const cJSON **item)
{
    *item = ph_json_get(object, key);
    return *item ? expect(self, *item, what)
                 : ph_json_error(&self->json, object, self->error,
                                 "'%s' is missing: this is not the result of phasic "
                                 "fit, or of a version that cannot be read back",
                                 key);
}

static int copy_text(const reader *self, const char *text, char **out)
{
    *out = ph_strdup(text);
    return *out ? PH_OK : no_memory(self);
}

static int read_text(reader *self, const cJSON *object, const char *key, char **out)
{
    const cJSON *item;
    int status = member(self, object, key, TEXT, &item);
    return status == PH_OK ? copy_text(self, item->valuestring, out) : status;
}

/* A text or null; the key must be there. */
static int read_text_or_null(reader *self, const cJSON *object, const char *key,
                             char **out)
{
    return cJSON_IsNull(ph_json_get(object, key)) ? PH_OK
                                                  : read_text(self, object, key, out);
}

static int read_number(reader *self, const cJSON *object, const char *key, double *out)
{
    const cJSON *item;
    int status = member(self, object, key, NUMBER, &item);
    *out = status == PH_OK ? item->valuedouble : NAN;
    return status;
}

/* A number, or null for one that is not finite. */
static int read_measure(reader *self, const cJSON *object, const char *key, double *out)
{
    *out = NAN;
    return cJSON_IsNull(ph_json_get(object, key)) ? PH_OK
                                                  : read_number(self, object, key, out);
}

static int read_whole(reader *self, const cJSON *object, const char *key, double most,
                      double *out)
{
    int status = read_number(self, object, key, out);
    if (status == PH_OK && (*out < 0 || *out > most || *out != floor(*out))) {
        return ph_json_error(&self->json, ph_json_get(object, key), self->error,
                             "expects a whole number");
    }
    return status;
}

static int read_size(reader *self, const cJSON *object, const char *key, size_t *out)
{
    double x;
    int status = read_whole(self, object, key, 9e15, &x);
    *out = status == PH_OK ? (size_t)x : 0;
    return status;
}

/* A list of texts; *list has *length owned items, also after an error. */
static int read_texts(reader *self, const cJSON *object, const char *key, char ***list,
                      size_t *length)
{
    const cJSON *array, *item;
    int status = member(self, object, key, LIST, &array);
    if (status != PH_OK) {
        return status;
    }
    *list = ph_alloc((size_t)cJSON_GetArraySize(array), sizeof **list);
    if (!*list) {
        return no_memory(self);
    }
    cJSON_ArrayForEach(item, array)
    {
        status = expect(self, item, TEXT);
        if (status == PH_OK) {
            status = copy_text(self, item->valuestring, &(*list)[*length]);
        }
        if (status != PH_OK) {
            return status;
        }
        ++*length;
    }
    return PH_OK;
}

/* ------------------------------------------------------------------- origin */

static int read_digest(reader *self, const cJSON *object, char digest[65])
{
    const cJSON *item;
    int status = member(self, object, "digest", TEXT, &item);
    if (status != PH_OK) {
        return status;
    }
    size_t length = strlen(item->valuestring);
    if (length != 64 || strspn(item->valuestring, "0123456789abcdef") != length) {
        return ph_json_error(&self->json, item, self->error,
                             "expects a SHA-256 of 64 hexadecimal digits");
    }
    memcpy(digest, item->valuestring, 65);
    return PH_OK;
}

static int read_input(reader *self, const cJSON *object, ph_saved_input *input)
{
    int status = read_text(self, object, "file", &input->file);
    if (status == PH_OK) {
        status = read_text_or_null(self, object, "path", &input->path);
    }
    return status == PH_OK ? read_digest(self, object, input->digest) : status;
}

static int read_data(reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *data;
    int status = member(self, root, "data", OBJECT, &data);
    if (status == PH_OK) {
        status = read_input(self, data, &out->data);
    }
    if (status == PH_OK) {
        status = read_number(self, data, "observations", &out->observations);
    }
    if (status == PH_OK) {
        status = read_size(self, data, "rows", &out->rows);
    }
    return status == PH_OK ? read_size(self, data, "distinct", &out->distinct) : status;
}

/* One value of a setting as the text that an option takes. */
static int add_value(reader *self, ph_saved_setting *setting, const cJSON *item)
{
    char number[32];
    const char *text = item->valuestring;
    if (cJSON_IsNumber(item)) {
        text = ph_double_text(item->valuedouble, number);
    } else if (cJSON_IsBool(item)) {
        text = cJSON_IsTrue(item) ? "1" : "0";
    } else if (!cJSON_IsString(item)) {
        return ph_json_error(&self->json, item, self->error,
                             "expects a number, a text, true or false, not %s",
                             ph_json_kind(item));
    }
    int status = copy_text(self, text, &setting->text[setting->length]);
    setting->length += status == PH_OK;
    return status;
}

static int read_setting(reader *self, const cJSON *item, ph_saved_setting *setting)
{
    int status = expect(self, item, OBJECT);
    const cJSON *value = ph_json_get(item, "value"), *each;
    if (status == PH_OK && !value) {
        status = ph_json_error(&self->json, item, self->error, "'value' is missing");
    }
    if (status == PH_OK) {
        status = copy_text(self, item->string, &setting->name);
    }
    if (status == PH_OK) {
        status = read_text(self, item, "source", &setting->source);
    }
    if (status != PH_OK || cJSON_IsNull(value)) {
        return status;
    }
    int is_list = cJSON_IsArray(value);
    size_t n = is_list ? (size_t)cJSON_GetArraySize(value) : 1;
    setting->text = ph_alloc(n, sizeof *setting->text);
    if (!setting->text) {
        return no_memory(self);
    }
    if (!is_list) {
        return add_value(self, setting, value);
    }
    cJSON_ArrayForEach(each, value)
    {
        if (status == PH_OK) {
            status = add_value(self, setting, each);
        }
    }
    return status;
}

static int read_settings(reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *settings, *item;
    int status = member(self, root, "settings", OBJECT, &settings);
    if (status != PH_OK) {
        return status;
    }
    out->settings =
        ph_alloc((size_t)cJSON_GetArraySize(settings), sizeof *out->settings);
    if (!out->settings) {
        return no_memory(self);
    }
    cJSON_ArrayForEach(item, settings)
    {
        status = read_setting(self, item, &out->settings[out->n_settings++]);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

static int read_origin(reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *model = NULL;
    double seed = 0;
    int status = read_text(self, root, "phasic", &out->version);
    if (status == PH_OK) {
        status = read_texts(self, root, "command", &out->command, &out->n_command);
    }
    if (status == PH_OK) {
        status = read_whole(self, root, "seed", 4294967295.0, &seed);
    }
    if (status == PH_OK) {
        status = member(self, root, "model", OBJECT, &model);
    }
    if (status == PH_OK) {
        status = read_text_or_null(self, model, "name", &out->model_name);
    }
    if (status == PH_OK) {
        status = read_input(self, model, &out->model);
    }
    if (status == PH_OK) {
        status = read_data(self, root);
    }
    out->seed = (uint64_t)seed;
    return status == PH_OK ? read_settings(self, root) : status;
}

/* ---------------------------------------------------------------- posterior */

static int read_row(reader *self, const cJSON *item, ph_summary_row *row)
{
    static const char *const level[PH_QUANTILES] = {"2.5%", "5%",  "25%",  "50%",
                                                    "75%",  "95%", "97.5%"};
    const cJSON *quantiles = NULL, *fixed = ph_json_get(item, "fixed");
    char *name = NULL;
    int status = expect(self, item, OBJECT);
    if (status == PH_OK) {
        status = copy_text(self, item->string, &name);
        row->name = name;
    }
    if (status == PH_OK) {
        status = read_measure(self, item, "mean", &row->mean);
    }
    if (status == PH_OK) {
        status = read_measure(self, item, "sd", &row->sd);
    }
    if (status == PH_OK) {
        status = read_measure(self, item, "mcse", &row->mcse);
    }
    if (status == PH_OK) {
        status = member(self, item, "quantiles", OBJECT, &quantiles);
    }
    for (int q = 0; q < PH_QUANTILES && status == PH_OK; q++) {
        status = read_measure(self, quantiles, level[q], &row->quantile[q]);
    }
    if (status == PH_OK && ph_json_get(item, "not_finite")) {
        status = read_size(self, item, "not_finite", &row->not_finite);
    }
    row->fixed = fixed && cJSON_IsTrue(fixed);
    return status;
}

/* The model lists its parameters; they are the first rows, in this order. */
static int check_parameters(reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *list, *item;
    int status = member(self, ph_json_get(root, "model"), "parameters", LIST, &list);
    if (status != PH_OK) {
        return status;
    }
    cJSON_ArrayForEach(item, list)
    {
        size_t i = out->n_parameters;
        status = expect(self, item, TEXT);
        if (status == PH_OK &&
            (i >= out->length || strcmp(out->row[i].name, item->valuestring) != 0)) {
            status = ph_json_error(&self->json, item, self->error,
                                   "the posterior does not begin with the parameters "
                                   "in this order");
        }
        if (status != PH_OK) {
            return status;
        }
        out->n_parameters++;
    }
    return PH_OK;
}

static int read_posterior(reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *posterior, *item;
    int status = member(self, root, "posterior", OBJECT, &posterior);
    if (status != PH_OK) {
        return status;
    }
    out->row = ph_alloc((size_t)cJSON_GetArraySize(posterior), sizeof *out->row);
    if (!out->row) {
        return no_memory(self);
    }
    cJSON_ArrayForEach(item, posterior)
    {
        status = read_row(self, item, &out->row[out->length++]);
        if (status != PH_OK) {
            return status;
        }
    }
    return check_parameters(self, root);
}

/* A list of n numbers or nulls into out[n]. */
static int read_numbers(reader *self, const cJSON *array, size_t n, double *out)
{
    const cJSON *item;
    size_t i = 0;
    int status = expect(self, array, LIST);
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
            status = expect(self, item, NUMBER);
            out[i] = item->valuedouble;
        }
        i++;
    }
    return status;
}

/* [n][m] numbers from a list of lists. */
static int read_matrix(reader *self, const cJSON *array, size_t n, size_t m,
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

static int read_correlation(reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *correlation, *names = NULL, *matrix = NULL, *item;
    int status = member(self, root, "correlation", OBJECT, &correlation);
    if (status == PH_OK) {
        status = member(self, correlation, "names", LIST, &names);
    }
    if (status == PH_OK) {
        status = member(self, correlation, "matrix", LIST, &matrix);
    }
    if (status != PH_OK) {
        return status;
    }
    size_t n = (size_t)cJSON_GetArraySize(names);
    out->correlated = ph_alloc(n, sizeof *out->correlated);
    out->correlation = ph_alloc(n * n, sizeof *out->correlation);
    if (!out->correlated || !out->correlation) {
        return no_memory(self);
    }
    cJSON_ArrayForEach(item, names)
    {
        status = expect(self, item, TEXT);
        long row = status == PH_OK ? ph_saved_row(out, item->valuestring) : -1;
        if (row < 0) {
            return ph_json_error(&self->json, item, self->error,
                                 "expects a name of the posterior");
        }
        out->correlated[out->n_correlated++] = (size_t)row;
    }
    return read_matrix(self, matrix, n, n, out->correlation);
}

/* -------------------------------------------------------- the run's quality */

static int read_history(reader *self, const cJSON *diagnostics)
{
    ph_saved *out = self->out;
    const cJSON *history = ph_json_get(diagnostics, "history");
    if (!history) {
        return PH_OK; /* a method without one */
    }
    int status = expect(self, history, LIST);
    if (status != PH_OK) {
        return status;
    }
    size_t n = (size_t)cJSON_GetArraySize(history);
    out->history = ph_alloc(4 * n, sizeof *out->history);
    if (!out->history) {
        return no_memory(self);
    }
    out->n_history = n;
    return read_matrix(self, history, n, 4, out->history);
}

static int read_diagnostics(reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *diagnostics, *item;
    int status = member(self, root, "diagnostics", OBJECT, &diagnostics);
    if (status != PH_OK) {
        return status;
    }
    out->diagnostics =
        ph_alloc((size_t)cJSON_GetArraySize(diagnostics), sizeof *out->diagnostics);
    if (!out->diagnostics) {
        return no_memory(self);
    }
    cJSON_ArrayForEach(item, diagnostics)
    {
        if (cJSON_IsNumber(item) || cJSON_IsNull(item)) {
            ph_saved_number *number = &out->diagnostics[out->n_diagnostics];
            status = copy_text(self, item->string, &number->name);
            if (status != PH_OK) {
                return status;
            }
            number->value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
            out->n_diagnostics++;
        }
    }
    return read_history(self, diagnostics);
}

static int read_verdict(reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *converged, *timing = NULL;
    int status = member(self, root, "converged", TRUTH, &converged);
    out->converged = status == PH_OK && cJSON_IsTrue(converged);
    if (status == PH_OK) {
        status = read_texts(self, root, "reasons", &out->reasons, &out->n_reasons);
    }
    if (status == PH_OK) {
        status = read_texts(self, root, "warnings", &out->warnings, &out->n_warnings);
    }
    if (status == PH_OK) {
        status = member(self, root, "timing", OBJECT, &timing);
    }
    if (status == PH_OK) {
        status = read_measure(self, timing, "setup_seconds", &out->seconds_setup);
    }
    return status == PH_OK
               ? read_measure(self, timing, "fit_seconds", &out->seconds_fit)
               : status;
}

/* ----------------------------------------------------------------- the whole */

static int read_json(ph_saved *out, ph_error *error)
{
    reader self = {.out = out, .error = error};
    size_t length = 0;
    int status = ph_file_read(out->json_path, &out->json_text, &length, error);
    if (status != PH_OK) {
        return status;
    }
    status = ph_json_read(&self.json, out->json_text, length, error);
    const cJSON *root = self.json.root;
    if (status == PH_OK) {
        status = expect(&self, root, OBJECT);
    }
    if (status == PH_OK) {
        status = read_origin(&self, root);
    }
    if (status == PH_OK) {
        status = read_posterior(&self, root);
    }
    if (status == PH_OK) {
        status = read_correlation(&self, root);
    }
    if (status == PH_OK) {
        status = read_diagnostics(&self, root);
    }
    if (status == PH_OK) {
        status = read_verdict(&self, root);
    }
    ph_json_file_free(&self.json);
    if (status == PH_E_MODEL) { /* the reader of JSON knows models only */
        error->status = status = PH_E_DATA;
    }
    return status;
}

/* "PREFIX" or "PREFIX.json" into the names of both files. */
static int find_files(ph_saved *out, const char *name, ph_error *error)
{
    size_t length = strlen(name);
    if (length > 5 && strcmp(name + length - 5, ".json") == 0) {
        length -= 5;
    }
    out->prefix = ph_strndup(name, length);
    out->json_path = ph_alloc(length + 6, 1);
    out->csv_path = ph_alloc(length + 5, 1);
    if (!out->prefix || !out->json_path || !out->csv_path) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    memcpy(out->json_path, name, length);
    memcpy(out->json_path + length, ".json", 6);
    memcpy(out->csv_path, name, length);
    memcpy(out->csv_path + length, ".csv", 5);
    return PH_OK;
}

int ph_saved_read(ph_saved **self, const char *name, ph_error *error)
{
    ph_saved *out = ph_alloc(1, sizeof *out);
    if (!out) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    int status = find_files(out, name, error);
    if (status == PH_OK) {
        status = read_json(out, error);
        if (status != PH_OK) {
            ph_error_file(error, out->json_path);
        }
    }
    if (status == PH_OK) {
        status = ph_saved_read_draws(out, error);
    }
    if (status != PH_OK) {
        ph_saved_free(out);
        return status;
    }
    *self = out;
    return PH_OK;
}

static void free_texts(char **list, size_t length)
{
    for (size_t i = 0; list && i < length; i++) {
        free(list[i]);
    }
    free(list);
}

static void free_input(ph_saved_input *self)
{
    free(self->file);
    free(self->path);
}

static void free_lists(ph_saved *self)
{
    for (size_t i = 0; self->settings && i < self->n_settings; i++) {
        free(self->settings[i].name);
        free(self->settings[i].source);
        free_texts(self->settings[i].text, self->settings[i].length);
    }
    for (size_t i = 0; self->row && i < self->length; i++) {
        free((char *)(uintptr_t)self->row[i].name);
    }
    for (size_t i = 0; self->diagnostics && i < self->n_diagnostics; i++) {
        free(self->diagnostics[i].name);
    }
    free_texts(self->command, self->n_command);
    free_texts(self->reasons, self->n_reasons);
    free_texts(self->warnings, self->n_warnings);
}

void ph_saved_free(ph_saved *self)
{
    if (!self) {
        return;
    }
    free_lists(self);
    free_input(&self->model);
    free_input(&self->data);
    free(self->prefix);
    free(self->json_path);
    free(self->csv_path);
    free(self->json_text);
    free(self->version);
    free(self->model_name);
    free(self->settings);
    free(self->row);
    free(self->correlated);
    free(self->correlation);
    free(self->diagnostics);
    free(self->history);
    free(self->column_row);
    free(self->draw);
    free(self->draw_log_p);
    free(self);
}

/* -------------------------------------------------------------------- access */

long ph_saved_row(const ph_saved *self, const char *name)
{
    for (size_t i = 0; i < self->length; i++) {
        if (strcmp(self->row[i].name, name) == 0) {
            return (long)i;
        }
    }
    return -1;
}

long ph_saved_column(const ph_saved *self, size_t row)
{
    for (size_t c = 0; c < self->columns; c++) {
        if (self->column_row[c] == row) {
            return (long)c;
        }
    }
    return -1;
}

const ph_saved_setting *ph_saved_setting_find(const ph_saved *self, const char *name)
{
    for (size_t i = 0; i < self->n_settings; i++) {
        if (strcmp(self->settings[i].name, name) == 0) {
            return &self->settings[i];
        }
    }
    return NULL;
}

const char *ph_saved_setting_text(const ph_saved *self, const char *name)
{
    const ph_saved_setting *setting = ph_saved_setting_find(self, name);
    return setting && setting->length > 0 ? setting->text[0] : NULL;
}

double ph_saved_diagnostic(const ph_saved *self, const char *name)
{
    for (size_t i = 0; i < self->n_diagnostics; i++) {
        if (strcmp(self->diagnostics[i].name, name) == 0) {
            return self->diagnostics[i].value;
        }
    }
    return NAN;
}

int ph_saved_theta(const ph_saved *self, size_t i, double *theta, ph_error *error)
{
    for (size_t m = 0; m < self->n_parameters; m++) {
        long column = ph_saved_column(self, m);
        if (column < 0) {
            ph_error_file(error, self->csv_path);
            return ph_error_set(error, PH_E_DATA, "has no column '%s'",
                                self->row[m].name);
        }
        theta[m] = self->draw[i * self->columns + (size_t)column];
    }
    return PH_OK;
}

int ph_saved_check(const ph_saved *self, const ph_saved_input *input, const char *what,
                   const char *file, const char *digest, ph_error *error)
{
    if (strcmp(input->digest, digest) == 0) {
        return PH_OK;
    }
    ph_error_file(error, file);
    ph_error_found(error, digest, 64);
    return ph_error_set(error, PH_E_DATA,
                        "is not the %s that %s was made from: its SHA-256 should be %s",
                        what, self->json_path, input->digest);
}
