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
#include "saved_private.h"

static int read_json(ph_saved *out, ph_error *error)
{
    ph_saved_reader self = {.out = out, .error = error};
    size_t length = 0;
    int status = ph_file_read(out->json_path, &out->json_text, &length, error);
    if (status != PH_OK) {
        return status;
    }
    status = ph_json_read(&self.json, out->json_text, length, error);
    const cJSON *root = self.json.root;
    if (status == PH_OK) {
        status = ph_saved_expect(&self, root, PH_MEMBER_OBJECT);
    }
    if (status == PH_OK && !ph_json_get(root, "posterior")) {
        status =
            ph_json_error(&self.json, root, error,
                          "this is no saved fit, which phasic fit --output writes");
    }
    if (status == PH_OK) {
        status = ph_saved_read_origin(&self, root);
    }
    if (status == PH_OK) {
        status = ph_saved_read_posterior(&self, root);
    }
    if (status == PH_OK) {
        status = ph_saved_read_correlation(&self, root);
    }
    if (status == PH_OK) {
        status = ph_saved_read_diagnostics(&self, root);
    }
    if (status == PH_OK) {
        status = ph_saved_read_verdict(&self, root);
    }
    ph_json_file_free(&self.json);
    if (status == PH_E_MODEL) { /* the reader of JSON knows models only */
        error->status = status = PH_E_DATA;
    }
    return status;
}

/* "PREFIX", "PREFIX.json" or "PREFIX.csv" into the names of both files. */
static int find_files(ph_saved *out, const char *name, ph_error *error)
{
    size_t length = strlen(name);
    if (strcmp(name, "-") == 0) {
        return ph_error_set(error, PH_E_USAGE,
                            "a saved fit is two files, PREFIX.json and PREFIX.csv; "
                            "'-' names neither");
    }
    if (length > 5 && strcmp(name + length - 5, ".json") == 0) {
        length -= 5;
    } else if (length > 4 && strcmp(name + length - 4, ".csv") == 0) {
        length -= 4;
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
