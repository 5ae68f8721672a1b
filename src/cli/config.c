/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Settings as JSON: the records of PREFIX.json, the configuration file that
 * --print-config writes and --config reads. A value may stand alone or with its origin
 * ({"value": 200, "source": "default"}), so that a printed configuration re-runs the
 * job.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "phasic/base/file.h"
#include "phasic/base/memory.h"
#include "phasic/model/json.h"
#include "phasic/model/model.h"

static int is_setting(const ph_option *option)
{
    return !(option->scope & (PH_OPTION_FLAG_ONLY | PH_OPTION_REFUSED));
}

/* ---- writing ---- */

static void add_scalar(ph_buffer *out, const ph_option *option, const char *text)
{
    double x;
    if (option->kind == PH_OPTION_FLAG) {
        ph_buffer_add(out, strcmp(text, "1") == 0 ? "true" : "false");
    } else if ((option->kind == PH_OPTION_WHOLE || option->kind == PH_OPTION_REAL) &&
               ph_double_read(text, strlen(text), &x) == PH_OK) {
        ph_buffer_add_double(out, x);
    } else {
        ph_json_quote(out, text);
    }
}

static void add_value(ph_buffer *out, const ph_option_value *value)
{
    const ph_option *option = value->option;
    if (option->kind == PH_OPTION_LIST) {
        ph_buffer_add(out, "[");
        for (size_t i = 0; i < value->length; i++) {
            ph_buffer_add(out, i ? ", " : "");
            ph_json_quote(out, value->text[i]);
        }
        ph_buffer_add(out, "]");
    } else if (value->length > 0) {
        add_scalar(out, option, value->text[value->length - 1]);
    } else {
        ph_buffer_add(out, option->kind == PH_OPTION_FLAG ? "false" : "null");
    }
}

int ph_options_records(const ph_options *self, ph_setting_record **records,
                       size_t *length)
{
    ph_setting_record *list = ph_alloc(self->length, sizeof *list);
    size_t n = 0;
    int failed = !list;
    for (size_t i = 0; i < self->length && !failed; i++) {
        const ph_option_value *value = &self->value[i];
        if (!is_setting(value->option)) {
            continue;
        }
        ph_buffer text = {0};
        add_value(&text, value);
        failed = text.failed;
        list[n].name = value->option->name;
        list[n].source = ph_source_name(value->source);
        list[n++].value = text.text;
    }
    if (failed) {
        ph_options_records_free(list, n);
        return PH_E_MEMORY;
    }
    *records = list;
    *length = n;
    return PH_OK;
}

void ph_options_records_free(ph_setting_record *records, size_t length)
{
    for (size_t i = 0; records && i < length; i++) {
        free((char *)(uintptr_t)records[i].value);
    }
    free(records);
}

void ph_options_print(const ph_options *self, const char *command, ph_buffer *out)
{
    ph_setting_record *records = NULL;
    size_t n = 0;
    if (ph_options_records(self, &records, &n) != PH_OK) {
        out->failed = 1;
        return;
    }
    ph_json json;
    ph_json_init(&json, out);
    ph_json_object(&json, NULL);
    ph_json_text(&json, "phasic", PHASIC_VERSION);
    ph_json_text(&json, "command", command);
    ph_json_row(&json, "arguments");
    for (size_t i = 0; i < self->n_arguments; i++) {
        ph_json_text(&json, NULL, self->argument[i]);
    }
    ph_json_close(&json);
    ph_json_object(&json, "settings");
    for (size_t i = 0; i < n; i++) {
        ph_json_object(&json, records[i].name);
        ph_json_raw(&json, "value", records[i].value);
        ph_json_text(&json, "source", records[i].source);
        ph_json_close(&json);
    }
    ph_json_close(&json);
    ph_json_close(&json);
    ph_options_records_free(records, n);
}

/* ---- reading ---- */

/* Sets one scalar of the file. */
static int take_scalar(ph_options *self, const char *name, const cJSON *item,
                       ph_error *error)
{
    char number[32];
    const char *text = ph_json_option_text(item, number);
    if (!text) {
        return ph_error_set(error, PH_E_USAGE,
                            "expects a number, a text, true or false");
    }
    return ph_options_set(self, name, text, PH_SOURCE_CONFIG, error);
}

static ph_option_value *find_setting(ph_options *self, const char *name)
{
    for (size_t i = 0; i < self->length; i++) {
        const ph_option *option = self->value[i].option;
        if (strcmp(option->name, name) == 0 && is_setting(option)) {
            return &self->value[i];
        }
    }
    return NULL;
}

static int unknown_setting(const ph_options *self, const char *name, ph_error *error)
{
    const char *known[64];
    size_t n = 0;
    for (size_t i = 0; i < self->length && n < 64; i++) {
        if (is_setting(self->value[i].option)) {
            known[n++] = self->value[i].option->name;
        }
    }
    const char *near = ph_nearest_name(name, known, n);
    return ph_error_set(
        error, PH_E_USAGE, "no setting of this command has this name%s%s%s",
        near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int take_setting(ph_options *self, const cJSON *item, ph_error *error)
{
    ph_option_value *value = find_setting(self, item->string);
    if (!value) {
        return unknown_setting(self, item->string, error);
    }
    if (cJSON_IsObject(item)) {
        for (const cJSON *part = item->child; part; part = part->next) {
            if (strcmp(part->string, "value") != 0 &&
                strcmp(part->string, "source") != 0) {
                ph_error_found(error, part->string, -1);
                return ph_error_set(error, PH_E_USAGE,
                                    "expects the keys value and source");
            }
        }
        item = cJSON_GetObjectItemCaseSensitive(item, "value");
    }
    if (!item) {
        return ph_error_set(error, PH_E_USAGE, "has no value");
    }
    if (cJSON_IsNull(item) || value->source > PH_SOURCE_CONFIG) {
        return PH_OK; /* unset, or said by a flag or the environment */
    }
    if (!cJSON_IsArray(item)) {
        return take_scalar(self, value->option->name, item, error);
    }
    if (value->option->kind != PH_OPTION_LIST) {
        return ph_error_set(error, PH_E_USAGE, "expects one value, not a list");
    }
    for (const cJSON *one = item->child; one; one = one->next) {
        int status = take_scalar(self, value->option->name, one, error);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

static int take_settings(ph_options *self, const cJSON *settings, ph_error *error)
{
    if (!cJSON_IsObject(settings)) {
        ph_error_place(error, "/settings");
        return ph_error_set(error, PH_E_USAGE, "expects an object");
    }
    for (const cJSON *item = settings->child; item; item = item->next) {
        int twice = 0;
        for (const cJSON *other = settings->child; other != item; other = other->next) {
            twice |= strcmp(other->string, item->string) == 0;
        }
        int status = twice ? ph_error_set(error, PH_E_USAGE, "stands there twice")
                           : take_setting(self, item, error);
        if (status != PH_OK) {
            ph_error_place(error, "/settings/%s", item->string);
            return status;
        }
    }
    return PH_OK;
}

static int take_arguments(ph_options *self, const cJSON *list, ph_error *error)
{
    if (!cJSON_IsArray(list)) {
        return ph_error_set(error, PH_E_USAGE, "expects a list of file names");
    }
    if (self->n_arguments > 0) {
        return PH_OK; /* the command line names files itself */
    }
    for (const cJSON *item = list->child; item; item = item->next) {
        if (!cJSON_IsString(item)) {
            return ph_error_set(error, PH_E_USAGE, "expects file names");
        }
        int status = ph_options_argument(self, item->valuestring, error);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

static int take_member(ph_options *self, const cJSON *item, const char *command,
                       ph_error *error)
{
    int status = PH_OK;
    if (strcmp(item->string, "settings") == 0) {
        return take_settings(self, item, error);
    }
    if (strcmp(item->string, "arguments") == 0) {
        status = take_arguments(self, item, error);
    } else if (strcmp(item->string, "command") == 0) {
        if (!cJSON_IsString(item) || strcmp(item->valuestring, command) != 0) {
            ph_error_found(error, cJSON_IsString(item) ? item->valuestring : "", -1);
            status = ph_error_set(error, PH_E_USAGE, "expects \"%s\"", command);
        }
    } else if (strcmp(item->string, "phasic") != 0) {
        status =
            ph_error_set(error, PH_E_USAGE,
                         "unknown key (known: phasic, command, arguments, settings)");
    }
    if (status != PH_OK) {
        ph_error_place(error, "/%s", item->string);
    }
    return status;
}

/* Line and column of a byte, both from 1. */
static void set_position(const char *bytes, const char *at, ph_error *error)
{
    long line = 1, column = 1;
    for (; bytes < at; bytes++) {
        column = *bytes == '\n' ? 1 : column + 1;
        line += *bytes == '\n';
    }
    ph_error_position(error, line, column);
}

int ph_options_config(ph_options *self, const char *path, const char *command,
                      ph_error *error)
{
    char *bytes = NULL;
    const char *end = NULL;
    size_t length = 0;
    cJSON *root = NULL;
    int status = ph_file_read(path, &bytes, &length, error);
    if (status != PH_OK) {
        goto out;
    }
    root = cJSON_ParseWithLengthOpts(bytes, length + 1, &end, 1);
    if (!cJSON_IsObject(root)) {
        status = ph_error_set(error, PH_E_USAGE,
                              "is not a configuration (expected one JSON object)");
        if (!root) {
            set_position(bytes, end ? end : bytes, error);
        }
        goto out;
    }
    for (const cJSON *item = root->child; item && status == PH_OK; item = item->next) {
        status = take_member(self, item, command, error);
    }
out:
    ph_error_file(status == PH_OK ? NULL : error, path);
    cJSON_Delete(root);
    free(bytes);
    return status;
}
