/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The model reader: strict JSON first, then the sections in an order in which every
 * name is in scope when an expression meets it, whatever their order in the file.
 */
#include "phasic/model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_private.h"
#include "phasic/base/buffer.h"
#include "phasic/base/digest.h"
#include "phasic/base/file.h"
#include "phasic/base/memory.h"

#define FORMAT_VERSION 1

/* ---- the object ---- */

static void free_assignments(ph_assignment *assignments, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < PH_MAX_RANK; k++) {
            ph_expr_free(assignments[i].index[k]);
        }
        ph_expr_free(assignments[i].value);
        free(assignments[i].text);
    }
    free(assignments);
}

static void free_transition(ph_transition *t)
{
    for (size_t i = 0; i < t->n_loops; i++) {
        free(t->loops[i].name);
        ph_expr_free(t->loops[i].from);
        ph_expr_free(t->loops[i].to);
    }
    free(t->loops);
    free_assignments(t->changes, t->n_changes);
    free_assignments(t->sets, t->n_sets);
    ph_expr_free(t->when);
    ph_expr_free(t->rate);
    free(t->name);
    free(t->place);
}

static void free_rules(ph_model *self)
{
    for (size_t i = 0; i < self->n_variables; i++) {
        free(self->variables[i].name);
    }
    for (size_t i = 0; i < self->n_starts; i++) {
        free_assignments(self->starts[i].assignments, self->starts[i].n_assignments);
        ph_expr_free(self->starts[i].probability);
    }
    for (size_t i = 0; i < self->n_transitions; i++) {
        free_transition(self->transitions + i);
    }
    free(self->variables);
    free(self->starts);
    free(self->transitions);
    ph_expr_free(self->absorb);
}

static void free_explicit(ph_model *self)
{
    for (size_t i = 0; self->initial && i < self->n_vertices; i++) {
        ph_expr_free(self->initial[i]);
    }
    for (size_t i = 0; i < self->n_edges; i++) {
        ph_expr_free(self->edges[i].rate);
        free(self->edges[i].place);
    }
    free(self->labels);
    free(self->initial);
    free(self->edges);
}

static void free_extras(ph_model *self)
{
    for (size_t i = 0; i < self->n_rewards; i++) {
        free(self->rewards[i].name);
        free(self->rewards[i].list);
        ph_expr_free(self->rewards[i].amount);
    }
    for (size_t i = 0; i < self->n_epochs; i++) {
        for (size_t k = 0; k < self->epochs[i].n_sets; k++) {
            ph_expr_free(self->epochs[i].sets[k].value);
        }
        ph_expr_free(self->epochs[i].at);
        free(self->epochs[i].sets);
    }
    for (size_t i = 0; i < self->n_derived; i++) {
        free(self->derived[i].name);
        ph_expr_free(self->derived[i].value);
    }
    for (size_t i = 0; i < self->n_groups; i++) {
        free(self->groups[i].label);
        free(self->groups[i].sets);
    }
    free(self->rewards);
    free(self->epochs);
    free(self->varying);
    free(self->derived);
    free(self->groups);
}

void ph_model_free(ph_model *self)
{
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->n_constants; i++) {
        free(self->constants[i].name);
    }
    for (size_t i = 0; i < self->n_parameters; i++) {
        free(self->parameters[i].name);
        free(self->parameters[i].description);
        free(self->parameters[i].unit);
    }
    free(self->constants);
    free(self->parameters);
    free_rules(self);
    free_explicit(self);
    free_extras(self);
    free(self->file);
    free(self->name);
    free(self->description);
    free(self);
}

size_t ph_model_inputs(const ph_model *self)
{
    return self->n_parameters + self->n_varying;
}

const char *ph_model_input_name(const ph_model *self, size_t input)
{
    return input < self->n_parameters
               ? self->parameters[input].name
               : self->constants[self->varying[input - self->n_parameters]].name;
}

void ph_model_input_values(const ph_model *self, const double *theta, double *input)
{
    for (size_t m = 0; m < self->n_parameters; m++) {
        input[m] = theta[m];
    }
    for (size_t k = 0; k < self->n_varying; k++) {
        input[self->n_parameters + k] = self->constants[self->varying[k]].value;
    }
}

long ph_model_parameter(const ph_model *self, const char *name)
{
    for (size_t i = 0; i < self->n_parameters; i++) {
        if (strcmp(self->parameters[i].name, name) == 0) {
            return (long)i;
        }
    }
    return -1;
}

long ph_model_reward(const ph_model *self, const char *name)
{
    for (size_t i = 0; i < self->n_rewards; i++) {
        if (strcmp(self->rewards[i].name, name) == 0) {
            return (long)i;
        }
    }
    return -1;
}

int ph_model_theta(const ph_model *self, double *theta, ph_error *error)
{
    ph_buffer names = {0};
    size_t count = 0;
    for (size_t m = 0; m < self->n_parameters; m++) {
        const ph_parameter *parameter = self->parameters + m;
        if (parameter->has_value || parameter->is_fixed) {
            theta[m] = parameter->value;
        } else {
            ph_buffer_addf(&names, "%s%s", count++ ? ", " : "", parameter->name);
        }
    }
    if (count == 0) {
        return PH_OK;
    }
    int status = names.failed
                     ? ph_error_set(error, PH_E_MEMORY, "no memory for a message")
                     : ph_error_set(error, PH_E_USAGE,
                                    "no value for the parameter%s %.400s: give %s with "
                                    "--theta or as 'value' in the model",
                                    count == 1 ? "" : "s", names.text,
                                    count == 1 ? "it" : "them");
    ph_error_file(error, self->file);
    ph_buffer_free(&names);
    return status;
}

/* ---- the head of the file ---- */

static int read_version(ph_reader *r, const cJSON *root)
{
    const cJSON *version = ph_json_get(root, "phasic");
    if (!version) {
        return ph_fail(
            r, root,
            "the key 'phasic' is missing: it gives the version of the format, "
            "%d",
            FORMAT_VERSION);
    }
    if (!cJSON_IsNumber(version) || version->valuedouble != FORMAT_VERSION) {
        return ph_fail(r, version,
                       "expected %d, the version of the format this program "
                       "reads",
                       FORMAT_VERSION);
    }
    return PH_OK;
}

static int read_time(ph_reader *r, const cJSON *item)
{
    if (cJSON_IsString(item) && strcmp(item->valuestring, "continuous") == 0) {
        return PH_OK;
    }
    if (cJSON_IsString(item) && strcmp(item->valuestring, "discrete") == 0) {
        r->model->discrete = 1;
        return PH_OK;
    }
    return ph_fail(r, item, "expected \"continuous\" or \"discrete\" for 'time'");
}

static int read_head(ph_reader *r, const cJSON *root)
{
    static const char *const keys[] = {
        "phasic", "name",    "description", "time",    "constants", "parameters",
        "state",  "start",   "transitions", "absorb",  "matrix",    "graph",
        "defect", "rewards", "epochs",      "derived", "groups"};
    ph_model *model = r->model;
    int status = ph_read_object(r, root, "a model", keys, PH_COUNT(keys));
    if (status != PH_OK || (status = read_version(r, root)) != PH_OK) {
        return status;
    }
    const cJSON *name = ph_json_get(root, "name"), *time = ph_json_get(root, "time");
    const cJSON *description = ph_json_get(root, "description");
    const cJSON *defect = ph_json_get(root, "defect");
    if (defect && !cJSON_IsBool(defect)) {
        return ph_fail(r, defect, "expected true or false for 'defect', not %s",
                       ph_json_kind(defect));
    }
    model->defect = cJSON_IsTrue(defect);
    if (name) {
        status = ph_read_text(r, name, "'name'", 0, &model->name);
    }
    if (status == PH_OK && description) {
        status = ph_read_text(r, description, "'description'", 1, &model->description);
    }
    return status == PH_OK && time ? read_time(r, time) : status;
}

/* ---- the process ---- */

/* Exactly one of state, matrix and graph, and nothing that belongs to another. */
static int choose_kind(ph_reader *r, const cJSON *root, const cJSON **body)
{
    static const struct {
        const char *key;
        ph_model_kind kind;
    } kinds[] = {{"state", PH_MODEL_RULES},
                 {"matrix", PH_MODEL_MATRIX},
                 {"graph", PH_MODEL_GRAPH}};
    static const char *const of_rules[] = {"start", "transitions", "absorb"};
    *body = NULL;
    for (size_t i = 0; i < PH_COUNT(kinds); i++) {
        const cJSON *item = ph_json_get(root, kinds[i].key);
        if (item && *body) {
            return ph_fail_key(r, item,
                               "the process is given by '%s' already: expected exactly "
                               "one of state, matrix and graph",
                               (*body)->string);
        }
        if (item) {
            *body = item;
            r->model->kind = kinds[i].kind;
        }
    }
    if (!*body) {
        return ph_fail(r, root,
                       "the process is missing: expected one of the keys state, "
                       "matrix and graph");
    }
    for (size_t i = 0; i < PH_COUNT(of_rules); i++) {
        const cJSON *item = ph_json_get(root, of_rules[i]);
        if (item && r->model->kind != PH_MODEL_RULES) {
            return ph_fail_key(r, item, "this key goes with 'state', not with '%s'",
                               (*body)->string);
        }
    }
    return PH_OK;
}

static int read_process(ph_reader *r, const cJSON *root)
{
    const cJSON *body;
    int status = choose_kind(r, root, &body);
    if (status != PH_OK) {
        return status;
    }
    switch (r->model->kind) {
    case PH_MODEL_RULES: return ph_read_rules(r, root);
    case PH_MODEL_MATRIX: return ph_read_matrix(r, body);
    case PH_MODEL_GRAPH: return ph_read_graph(r, body);
    }
    return PH_E_INTERNAL;
}

static int read_extras(ph_reader *r, const cJSON *root)
{
    const cJSON *rewards = ph_json_get(root, "rewards");
    const cJSON *epochs = ph_json_get(root, "epochs");
    const cJSON *derived = ph_json_get(root, "derived");
    const cJSON *groups = ph_json_get(root, "groups");
    int status = rewards ? ph_read_rewards(r, rewards) : PH_OK;
    if (status == PH_OK && epochs) {
        status = ph_read_epochs(r, epochs);
    }
    if (status == PH_OK && derived) {
        status = ph_read_derived(r, derived);
    }
    return status == PH_OK && groups ? ph_read_groups(r, groups) : status;
}

static int read_model(ph_reader *r)
{
    const cJSON *root = r->json.root;
    int status = read_head(r, root);
    if (status != PH_OK || (status = ph_find_varying(r, root)) != PH_OK ||
        (status = ph_read_constants(r, root)) != PH_OK ||
        (status = ph_read_parameters(r, root)) != PH_OK ||
        (status = ph_check_settings(r)) != PH_OK ||
        (status = read_process(r, root)) != PH_OK) {
        return status;
    }
    return read_extras(r, root);
}

/* ---- entry points ---- */

int ph_model_parse(ph_model **self, const char *file, const char *bytes, size_t length,
                   const ph_setting *settings, size_t n_settings, ph_error *error)
{
    ph_error unused = {0};
    int status = PH_E_MEMORY;
    ph_reader r = {.settings = settings,
                   .n_settings = n_settings,
                   .error = error ? error : &unused};
    r.model = ph_alloc(1, sizeof *r.model);
    if (!r.model || !(r.model->file = ph_strdup(file))) {
        goto out;
    }
    ph_digest(bytes, length, r.model->digest);
    status = ph_json_read(&r.json, bytes, length, r.error);
    if (status == PH_OK) {
        status = read_model(&r);
    }
    if (status == PH_OK) {
        *self = r.model;
        r.model = NULL;
    }
out:
    if (status == PH_E_MEMORY) {
        ph_error_set(r.error, PH_E_MEMORY, "no memory for the model");
    }
    if (status != PH_OK) {
        ph_error_file(r.error, file);
    }
    ph_json_file_free(&r.json);
    free(r.symbols);
    free(r.varying);
    free(r.marks);
    ph_model_free(r.model);
    return status;
}

int ph_model_read(ph_model **self, const char *path, const ph_setting *settings,
                  size_t n_settings, ph_error *error)
{
    char *bytes = NULL;
    size_t length = 0;
    int status = ph_file_read(path, &bytes, &length, error);
    if (status == PH_OK) {
        const char *file = strcmp(path, "-") == 0 ? "standard input" : path;
        status = ph_model_parse(self, file, bytes, length, settings, n_settings, error);
    }
    free(bytes);
    return status;
}
