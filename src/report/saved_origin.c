/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a result was made from: the command, the seed, the model, the data, the
 * settings. */
#include <string.h>

#include "phasic/base/memory.h"
#include "saved_private.h"

static int read_digest(ph_saved_reader *self, const cJSON *object, char digest[65])
{
    const cJSON *item;
    int status = ph_saved_member(self, object, "digest", PH_MEMBER_TEXT, &item);
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

static int read_input(ph_saved_reader *self, const cJSON *object, ph_saved_input *input)
{
    int status = ph_saved_read_text(self, object, "file", &input->file);
    if (status == PH_OK) {
        status = ph_saved_read_text_or_null(self, object, "path", &input->path);
    }
    return status == PH_OK ? read_digest(self, object, input->digest) : status;
}

static int read_data(ph_saved_reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *data;
    int status = ph_saved_member(self, root, "data", PH_MEMBER_OBJECT, &data);
    if (status == PH_OK) {
        status = read_input(self, data, &out->data);
    }
    if (status == PH_OK) {
        status = ph_saved_read_number(self, data, "observations", &out->observations);
    }
    if (status == PH_OK) {
        status = ph_saved_read_size(self, data, "rows", &out->rows);
    }
    if (status == PH_OK) {
        status = ph_saved_read_size(self, data, "distinct", &out->distinct);
    }
    if (status == PH_OK && ph_json_get(data, "composite")) {
        status = ph_saved_read_size(self, data, "composite", &out->composite);
    }
    return status;
}

/* One value of a setting as the text that an option takes. */
static int add_value(ph_saved_reader *self, ph_saved_setting *setting,
                     const cJSON *item)
{
    char number[32];
    const char *text = ph_json_option_text(item, number);
    if (!text) {
        return ph_json_error(&self->json, item, self->error,
                             "expects a number, a text, true or false, not %s",
                             ph_json_kind(item));
    }
    int status = ph_saved_copy(self, text, &setting->text[setting->length]);
    setting->length += status == PH_OK;
    return status;
}

static int read_setting(ph_saved_reader *self, const cJSON *item,
                        ph_saved_setting *setting)
{
    int status = ph_saved_expect(self, item, PH_MEMBER_OBJECT);
    const cJSON *value = ph_json_get(item, "value"), *each;
    if (status == PH_OK && !value) {
        status = ph_json_error(&self->json, item, self->error, "'value' is missing");
    }
    if (status == PH_OK) {
        status = ph_saved_copy(self, item->string, &setting->name);
    }
    if (status == PH_OK) {
        status = ph_saved_read_text(self, item, "source", &setting->source);
    }
    if (status != PH_OK || cJSON_IsNull(value)) {
        return status;
    }
    int is_list = cJSON_IsArray(value);
    size_t n = is_list ? (size_t)cJSON_GetArraySize(value) : 1;
    setting->text = ph_alloc(n, sizeof *setting->text);
    if (!setting->text) {
        return ph_saved_no_memory(self);
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

static int read_settings(ph_saved_reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *settings, *item;
    int status = ph_saved_member(self, root, "settings", PH_MEMBER_OBJECT, &settings);
    if (status != PH_OK) {
        return status;
    }
    out->settings =
        ph_alloc((size_t)cJSON_GetArraySize(settings), sizeof *out->settings);
    if (!out->settings) {
        return ph_saved_no_memory(self);
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

int ph_saved_read_origin(ph_saved_reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *model = NULL;
    double seed = 0;
    int status = ph_saved_read_text(self, root, "phasic", &out->version);
    if (status == PH_OK) {
        status =
            ph_saved_read_texts(self, root, "command", &out->command, &out->n_command);
    }
    if (status == PH_OK) {
        status = ph_saved_read_whole(self, root, "seed", 4294967295.0, &seed);
    }
    if (status == PH_OK) {
        status = ph_saved_member(self, root, "model", PH_MEMBER_OBJECT, &model);
    }
    if (status == PH_OK) {
        status = ph_saved_read_text_or_null(self, model, "name", &out->model_name);
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
