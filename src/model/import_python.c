/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Graphs of the Python package phasic. Vertex 0, where its state is all zeros, is the
 * start: its edges are the start law and stand apart. Rows of edges with parameters are
 * [from, to, base, x1, ...] in files of the first kind and [from, to, x1, ...] in later
 * ones; an edge's weight is base + sum x_i theta_i, or with weight_mode "log" the
 * product of x_i theta_i. A vertex without an edge out of it is absorbing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/model/import.h"
#include "phasic/model/json.h"

#define COUNT(array)  (sizeof(array) / sizeof *(array))
#define MOST_VERTICES 10000000
#define ROUNDING      1e-9

typedef struct reader {
    ph_json_file json;
    ph_error *error;
    size_t n_vertices, n_state, n_parameters;
    char **names;        /* [n_parameters] */
    int start_is_vertex; /* vertex 0 is the start itself */
    int product;         /* weight_mode "log" */
    int discrete;
    long base; /* 1: rows have a base, 0: they have none, -1: no row was seen yet */
    int base_must_be_absent;
    unsigned char *leaves; /* [n_vertices] has an edge out of it */
    double start_total;
    int start_varies, defect;
    ph_buffer edges, starts;
} reader;

#define fail(r, item, ...) ph_json_error(&(r)->json, item, (r)->error, __VA_ARGS__)

/* ---- numbers ---- */

static int read_number(reader *r, const cJSON *item, double *value)
{
    if (!cJSON_IsNumber(item)) {
        return fail(r, item, "expected a number");
    }
    *value = item->valuedouble;
    return PH_OK;
}

static int read_whole(reader *r, const cJSON *item, const char *what, double least,
                      double most, double *value)
{
    int status = read_number(r, item, value);
    if (status == PH_OK &&
        (*value != floor(*value) || *value < least || *value > most)) {
        status = fail(r, item, "expected %s, a whole number from %.0f to %.0f", what,
                      least, most);
    }
    return status;
}

static int read_size(reader *r, const cJSON *root, const char *key, double least,
                     double most, size_t *value)
{
    const cJSON *item = ph_json_get(root, key);
    double x = 0;
    if (!item) {
        return fail(r, root, "the key '%s' is missing", key);
    }
    int status = read_whole(r, item, "a count", least, most, &x);
    *value = status == PH_OK ? (size_t)x : 0;
    return status;
}

static int read_flag(reader *r, const cJSON *root, const char *key, int *value)
{
    const cJSON *item = ph_json_get(root, key);
    if (item && !cJSON_IsBool(item)) {
        return fail(r, item, "expected true or false");
    }
    *value = cJSON_IsTrue(item);
    return PH_OK;
}

/* ---- what stands beside the edges ---- */

static int read_mode(reader *r, const cJSON *root)
{
    const cJSON *mode = ph_json_get(root, "weight_mode"), *of_dph;
    int renormalised = 0;
    r->base_must_be_absent = mode || ph_json_get(root, "constant_edges");
    if (mode && (!cJSON_IsString(mode) || (strcmp(mode->valuestring, "linear") != 0 &&
                                           strcmp(mode->valuestring, "log") != 0))) {
        return fail(r, mode,
                    "expected \"linear\" or \"log\": weights of other modes are "
                    "computed by code that the file does not hold");
    }
    r->product = mode && strcmp(mode->valuestring, "log") == 0;
    int status = read_flag(r, root, "is_discrete", &r->discrete);
    if (status == PH_OK) {
        status = read_flag(r, root, "was_dph", &renormalised);
    }
    of_dph = ph_json_get(root, "was_dph");
    if (status == PH_OK && renormalised) {
        status = fail(r, of_dph,
                      "a graph whose weights are normalised again at every update "
                      "cannot be written as a model");
    }
    const cJSON *tape = ph_json_get(root, "weight_formula_tape");
    return status == PH_OK && tape ? fail(r, tape, "weight formulas are not read")
                                   : status;
}

static int read_states(reader *r, const cJSON *root)
{
    const cJSON *list = ph_json_get(root, "states"), *row, *item;
    int zero = 1, first = 1;
    if (!cJSON_IsArray(list) || (size_t)cJSON_GetArraySize(list) != r->n_vertices) {
        return fail(r, list ? list : root, "expected 'states', a list of %zu states",
                    r->n_vertices);
    }
    cJSON_ArrayForEach(row, list)
    {
        if (!cJSON_IsArray(row) || (size_t)cJSON_GetArraySize(row) != r->n_state) {
            return fail(r, row, "expected a state of %zu entries", r->n_state);
        }
        cJSON_ArrayForEach(item, row)
        {
            double value;
            int status =
                read_whole(r, item, "an entry", -2147483648.0, 2147483647.0, &value);
            if (status != PH_OK) {
                return status;
            }
            zero &= !first || value == 0;
        }
        first = 0;
    }
    r->start_is_vertex = zero;
    return PH_OK;
}

static int default_names(reader *r)
{
    for (size_t i = 0; i < r->n_parameters; i++) {
        ph_buffer name = {0};
        ph_buffer_addf(&name, "theta%zu", i + 1);
        if (name.failed) {
            return PH_E_MEMORY;
        }
        r->names[i] = name.text;
    }
    return PH_OK;
}

/* Names from "a,b"; their number must be that of the parameters. */
static int read_names(reader *r, const char *names)
{
    size_t n = 0;
    r->names = ph_alloc(r->n_parameters, sizeof *r->names);
    if (!r->names || !names) {
        return r->names ? default_names(r) : PH_E_MEMORY;
    }
    for (const char *at = names;; n++) {
        size_t length = strcspn(at, ",");
        if (n < r->n_parameters && !(r->names[n] = ph_strndup(at, length))) {
            return PH_E_MEMORY;
        }
        if (at[length] == '\0') {
            break;
        }
        at += length + 1;
    }
    if (++n != r->n_parameters) {
        ph_error_place(r->error, "--parameters");
        ph_error_found(r->error, names, -1);
        return ph_error_set(
            r->error, PH_E_USAGE, "gives %zu name%s, but the graph has %zu parameter%s",
            n, n == 1 ? "" : "s", r->n_parameters, r->n_parameters == 1 ? "" : "s");
    }
    return PH_OK;
}

/* ---- edges ---- */

/* The source of an edge, or of the start where `from` is NULL, and its target. */
static int read_ends(reader *r, const cJSON *row, const cJSON *from, const cJSON *to,
                     double *source, double *target)
{
    double last = (double)r->n_vertices - 1;
    int status = from ? read_whole(r, from, "a vertex", 0, last, source) : PH_OK;
    if (status == PH_OK) {
        status = read_whole(r, to, "a vertex", 0, last, target);
    }
    if (status != PH_OK) {
        return status;
    }
    if (from && r->start_is_vertex && *source == 0) {
        return fail(r, row,
                    "expected edges of the start, vertex 0, under "
                    "'start_edges' alone");
    }
    if (r->start_is_vertex && *target == 0) {
        return fail(r, row, "an edge leads to the start, vertex 0");
    }
    if (from && *source == *target) {
        return fail(r, row, "this edge leads back to its own vertex");
    }
    return PH_OK;
}

/* Puts "[from, to, " or "[to, " before an amount. */
static ph_buffer *begin_edge(reader *r, const cJSON *from, double source, double target)
{
    ph_buffer *out = from ? &r->edges : &r->starts;
    ph_buffer_add(out, out->length > 0 ? ",\n      " : "\n      ");
    if (from) {
        ph_buffer_addf(out, "[%.0f, %.0f, ", source, target);
        r->leaves[(size_t)source] = 1;
    } else {
        ph_buffer_addf(out, "[%.0f, ", target);
    }
    return out;
}

/* [from, to, weight], or of the start [to, weight]. */
static int read_constant_edge(reader *r, const cJSON *row, int of_start)
{
    double source = -1, target, weight = 0;
    if (!cJSON_IsArray(row) || cJSON_GetArraySize(row) != 3 - of_start) {
        return fail(r, row,
                    of_start ? "expected [to, weight]" : "expected [from, to, weight]");
    }
    const cJSON *from = of_start ? NULL : row->child;
    const cJSON *to = of_start ? row->child : row->child->next;
    int status = read_ends(r, row, from, to, &source, &target);
    if (status == PH_OK) {
        status = read_number(r, to->next, &weight);
    }
    if (status != PH_OK) {
        return status;
    }
    if (weight < 0) {
        return fail(r, to->next, "expected a weight that is not negative");
    }
    r->start_total += of_start ? weight : 0;
    if (weight > 0) {
        ph_buffer *out = begin_edge(r, from, source, target);
        ph_buffer_add_double(out, weight);
        ph_buffer_add(out, "]");
    }
    return PH_OK;
}

/* "base + x1 * a + x2 * b", or the product; negative coefficients stand in brackets. */
static int add_weight(reader *r, const cJSON *base, const cJSON *item, ph_buffer *out)
{
    int some = 0;
    double value = 0;
    if (base) {
        ph_buffer_add_double(out, base->valuedouble);
        some = 1;
    }
    for (size_t i = 0; i < r->n_parameters; i++, item = item->next) {
        int status = read_number(r, item, &value);
        if (status != PH_OK) {
            return status;
        }
        if (value == 0 && r->product) {
            return fail(r, item,
                        "expected a coefficient above 0: the weight is the "
                        "product of all, with the parameters");
        }
        if (value != 0) {
            ph_buffer_add(out, some ? (r->product ? " * " : " + ") : "");
            ph_buffer_add(out, value < 0 ? "(" : "");
            ph_buffer_add_double(out, value);
            ph_buffer_addf(out, " * %s%s", r->names[i], value < 0 ? ")" : "");
            some = 1;
        }
    }
    ph_buffer_add(out, some ? "" : "0");
    return PH_OK;
}

/* Whether rows of this length have a base; all rows must agree. */
static int find_base(reader *r, const cJSON *row, size_t ends)
{
    size_t n = cJSON_IsArray(row) ? (size_t)cJSON_GetArraySize(row) : 0;
    size_t plain = ends + r->n_parameters;
    long base = (long)n - (long)plain;
    if (base < 0 || base > 1 - r->base_must_be_absent ||
        (r->base >= 0 && r->base != base)) {
        size_t wanted = plain + (r->base > 0);
        return fail(r, row, "expected %zu numbers%s, as 'param_length' is %zu", wanted,
                    r->base < 0 && !r->base_must_be_absent
                        ? ", or one more with a base weight"
                        : "",
                    r->n_parameters);
    }
    r->base = base;
    return PH_OK;
}

static int read_parameter_edge(reader *r, const cJSON *row, int of_start)
{
    double source = -1, target, value;
    int status = find_base(r, row, of_start ? 1 : 2);
    if (status != PH_OK) {
        return status;
    }
    const cJSON *from = of_start ? NULL : row->child;
    const cJSON *to = of_start ? row->child : row->child->next;
    const cJSON *base = r->base ? to->next : NULL;
    status = read_ends(r, row, from, to, &source, &target);
    if (status == PH_OK && base) {
        status = read_number(r, base, &value);
    }
    if (status != PH_OK) {
        return status;
    }
    r->start_varies |= of_start;
    ph_buffer *out = begin_edge(r, from, source, target);
    ph_buffer_add(out, "\"");
    status = add_weight(r, base, base ? base->next : to->next, out);
    ph_buffer_add(out, "\"]");
    return status;
}

static int read_edges(reader *r, const cJSON *root, const char *key, int required,
                      int of_start, int (*read)(reader *, const cJSON *, int))
{
    const cJSON *list = ph_json_get(root, key), *row;
    if (!list && !required) {
        return PH_OK;
    }
    if (!cJSON_IsArray(list)) {
        return list ? fail(r, list, "expected a list of edges")
                    : fail(r, root, "the key '%s' is missing", key);
    }
    cJSON_ArrayForEach(row, list)
    {
        int status = read(r, row, of_start);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

/* The start law sums to 1; where some of it is absorbed at once, there is a defect. */
static int check_start(reader *r, const cJSON *root)
{
    static const char *const keys[] = {"start_edges", "start_param_edges"};
    for (size_t k = 0; k < COUNT(keys); k++) {
        const cJSON *row;
        cJSON_ArrayForEach(row, ph_json_get(root, keys[k]))
        {
            r->defect |= !r->leaves[(size_t)row->child->valuedouble];
        }
    }
    if (!r->start_varies && fabs(r->start_total - 1) > ROUNDING) {
        return fail(r, ph_json_get(root, "start_edges"),
                    "the weights of the start sum to %.15g, not to 1", r->start_total);
    }
    return PH_OK;
}

static int read_all_edges(reader *r, const cJSON *root)
{
    int status = read_edges(r, root, "edges", 1, 0, read_constant_edge);
    if (status == PH_OK) {
        status = read_edges(r, root, "constant_edges", 0, 0, read_constant_edge);
    }
    if (status == PH_OK) {
        status = read_edges(r, root, "param_edges", 0, 0, read_parameter_edge);
    }
    if (status == PH_OK) {
        status = read_edges(r, root, "start_edges", 1, 1, read_constant_edge);
    }
    if (status == PH_OK) {
        status = read_edges(r, root, "start_param_edges", 0, 1, read_parameter_edge);
    }
    return status == PH_OK ? check_start(r, root) : status;
}

/* ---- result ---- */

static void write_states(const cJSON *list, ph_buffer *out)
{
    const cJSON *row, *item;
    cJSON_ArrayForEach(row, list)
    {
        ph_buffer_add(out, row == list->child ? "[" : ", [");
        cJSON_ArrayForEach(item, row)
        {
            ph_buffer_addf(out, "%s%.0f", item == row->child ? "" : ", ",
                           item->valuedouble);
        }
        ph_buffer_add(out, "]");
    }
}

static void write_model(const reader *r, const cJSON *root, ph_buffer *out)
{
    ph_buffer_addf(out, "{\n  \"phasic\": 1,\n  \"time\": \"%s\",\n  \"parameters\": {",
                   r->discrete ? "discrete" : "continuous");
    for (size_t i = 0; i < r->n_parameters; i++) {
        ph_buffer_addf(out, "%s\"%s\": {}", i ? ", " : "", r->names[i]);
    }
    ph_buffer_add(out, "},\n  \"graph\": {\n    \"vertices\": [");
    write_states(ph_json_get(root, "states"), out);
    ph_buffer_add(out, "],\n    \"initial\": [");
    ph_buffer_add_n(out, r->starts.length ? r->starts.text : "", r->starts.length);
    ph_buffer_add(out, "],\n    \"edges\": [");
    ph_buffer_add_n(out, r->edges.length ? r->edges.text : "", r->edges.length);
    ph_buffer_addf(out, "]\n  }%s\n}\n", r->defect ? ",\n  \"defect\": true" : "");
}

static int read_graph(reader *r, const ph_import_python *options, ph_buffer *out)
{
    static const char *const keys[] = {
        "states",       "vertex_indices",      "edges",        "constant_edges",
        "start_edges",  "param_edges",         "param_length", "start_param_edges",
        "state_length", "n_vertices",          "weight_mode",  "dyn_ordering",
        "is_discrete",  "weight_formula_tape", "was_dph"};
    const cJSON *root = r->json.root;
    if (!cJSON_IsObject(root)) {
        return fail(r, root, "expected an object, not %s", ph_json_kind(root));
    }
    int status = ph_json_check_keys(&r->json, root, keys, COUNT(keys), r->error);
    if (status == PH_OK) {
        status = read_size(r, root, "n_vertices", 1, MOST_VERTICES, &r->n_vertices);
    }
    if (status == PH_OK) {
        status = read_size(r, root, "state_length", 0, 1e6, &r->n_state);
    }
    if (status == PH_OK) {
        status = read_size(r, root, "param_length", 0, 1e6, &r->n_parameters);
    }
    if (status == PH_OK) {
        status = read_mode(r, root);
    }
    if (status == PH_OK) {
        status = read_names(r, options->names);
    }
    if (status == PH_OK) {
        status = read_states(r, root);
    }
    r->leaves = ph_alloc(r->n_vertices, 1);
    if (status == PH_OK) {
        status = r->leaves ? read_all_edges(r, root) : PH_E_MEMORY;
    }
    if (status == PH_OK) {
        write_model(r, root, out);
        status =
            out->failed || r->edges.failed || r->starts.failed ? PH_E_MEMORY : status;
    }
    return status;
}

int ph_import_python_read(const ph_import_python *self, const char *file,
                          const char *bytes, size_t length, ph_buffer *out,
                          ph_error *error)
{
    ph_error own = {0};
    reader r = {.error = error ? error : &own, .base = -1};
    int status = ph_json_read(&r.json, bytes, length, r.error);
    if (status == PH_OK) {
        status = read_graph(&r, self, out);
    }
    for (size_t i = 0; r.names && i < r.n_parameters; i++) {
        free(r.names[i]);
    }
    free(r.names);
    free(r.leaves);
    ph_buffer_free(&r.edges);
    ph_buffer_free(&r.starts);
    ph_json_file_free(&r.json);
    if (status != PH_OK) {
        if (status != PH_E_USAGE) {
            ph_error_file(r.error, file);
        }
        ph_error_set(r.error, status, "out of memory");
    }
    return status;
}

int ph_import_python_is(const char *bytes, size_t length)
{
    ph_json_file json = {0};
    int found = ph_json_read(&json, bytes, length, NULL) == PH_OK &&
                cJSON_IsObject(json.root) && !ph_json_get(json.root, "phasic") &&
                ph_json_get(json.root, "n_vertices");
    ph_json_file_free(&json);
    return found;
}
