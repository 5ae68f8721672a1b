/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Models given by a matrix of rates (or of one-step probabilities) or by a graph. Both
 * become edges between numbered vertices; what is zero is left out. The diagonal of a
 * discrete matrix is checked, with its row, and left out: the mass that does not leave
 * a vertex stays there.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_private.h"
#include "phasic/base/memory.h"

#define MOST_VERTICES 10000000

/* ---- both ---- */

/*
 * An entry that must not be negative; *expr is NULL where it is a constant zero, and
 * *total, if given, grows by it.
 */
static int read_entry(ph_reader *r, const cJSON *item, int probability,
                      const char *what, ph_total *total, ph_expr **expr)
{
    double value = 1;
    int status = ph_read_expr(r, item, PH_USES_PARAMETERS, what, expr);
    if (status != PH_OK ||
        (status = ph_check_amount(r, item, *expr, probability)) != PH_OK ||
        (total && (status = ph_total_add(r, total, *expr)) != PH_OK)) {
        return status;
    }
    if (ph_expr_is_constant(*expr) &&
        (status = ph_expr_constant(r, item, *expr, &value)) != PH_OK) {
        return status;
    }
    if (value == 0) {
        ph_expr_free(*expr);
        *expr = NULL;
    }
    return PH_OK;
}

/* Appends an edge; takes `rate` over also when it fails. */
static int add_edge(ph_reader *r, const cJSON *item, uint32_t from, uint32_t to,
                    ph_expr *rate, size_t *capacity)
{
    ph_model *model = r->model;
    char place[256];
    char *copy = ph_strdup(ph_json_place(&r->json, item, place, sizeof place));
    if (!copy || ph_grow(&model->edges, capacity, model->n_edges + 1,
                         sizeof *model->edges) != PH_OK) {
        free(copy);
        ph_expr_free(rate);
        return PH_E_MEMORY;
    }
    model->edges[model->n_edges++] =
        (ph_explicit_edge){.from = from, .to = to, .rate = rate, .place = copy};
    return PH_OK;
}

static int missing(ph_reader *r, const cJSON *object, const char *key)
{
    return ph_fail(r, object, "the key '%s' is missing", key);
}

/* ---- matrix ---- */

static int read_initial_row(ph_reader *r, const cJSON *list)
{
    ph_model *model = r->model;
    ph_total total = {{0, 0}, 0};
    const cJSON *item;
    size_t n, i = 0;
    int status = ph_read_list(r, list, "'initial'", &n);
    if (status != PH_OK) {
        return status;
    }
    if (n != model->n_vertices) {
        return ph_fail(
            r, list, "'rates' has %zu row%s: expected %zu probabilities here, not %zu",
            model->n_vertices, model->n_vertices == 1 ? "" : "s", model->n_vertices, n);
    }
    cJSON_ArrayForEach(item, list)
    {
        status =
            read_entry(r, item, 1, "a start probability", &total, model->initial + i++);
        if (status != PH_OK) {
            return status;
        }
    }
    return ph_total_check(r, &total, list, model->defect);
}

static int read_diagonal(ph_reader *r, const cJSON *item, ph_total *total)
{
    ph_expr *expr = NULL;
    int discrete = r->model->discrete;
    int status = read_entry(r, item, discrete, discrete ? "a probability" : "a rate",
                            total, &expr);
    if (status == PH_OK && expr && !discrete) {
        status = ph_fail(r, item,
                         "expected 0 on the diagonal of 'rates': what leaves a vertex "
                         "follows from the other entries");
    }
    ph_expr_free(expr);
    return status;
}

/* Absorption has a column of its own, so that a vertex nothing leaves is no end. */
static int stays(ph_reader *r, const cJSON *row, uint32_t from)
{
    return ph_fail(r, row,
                   "nothing leaves vertex %lu: its process would never be absorbed; "
                   "absorption is the last column",
                   (unsigned long)from);
}

static int read_row(ph_reader *r, const cJSON *row, uint32_t from, size_t *capacity)
{
    size_t n, vertices = r->model->n_vertices;
    int discrete = r->model->discrete;
    ph_total total = {{0, 0}, 0};
    const cJSON *item;
    uint32_t to = 0;
    int status = ph_read_list(r, row, "a row of 'rates'", &n);
    if (status != PH_OK) {
        return status;
    }
    if (n != vertices + 1) {
        return ph_fail(r, row,
                       "expected %zu entries in this row, %zu vert%s and absorption, "
                       "not %zu",
                       vertices + 1, vertices, vertices == 1 ? "ex" : "ices", n);
    }
    size_t before = r->model->n_edges;
    cJSON_ArrayForEach(item, row)
    {
        ph_expr *expr = NULL;
        uint32_t column = to++;
        if (column == from) {
            status = read_diagonal(r, item, discrete ? &total : NULL);
        } else {
            status =
                read_entry(r, item, discrete, discrete ? "a probability" : "a rate",
                           discrete ? &total : NULL, &expr);
        }
        if (status != PH_OK) {
            ph_expr_free(expr);
            return status;
        }
        uint32_t target = column == vertices ? PH_ABSORPTION : column;
        if (expr &&
            (status = add_edge(r, item, from, target, expr, capacity)) != PH_OK) {
            return status;
        }
    }
    status = discrete ? ph_total_check(r, &total, row, 0) : PH_OK;
    return status == PH_OK && r->model->n_edges == before ? stays(r, row, from)
                                                          : status;
}

int ph_read_matrix(ph_reader *r, const cJSON *object)
{
    static const char *const keys[] = {"initial", "rates"};
    ph_model *model = r->model;
    size_t n, capacity = 0;
    uint32_t from = 0;
    int status = ph_read_object(r, object, "'matrix'", keys, PH_COUNT(keys));
    if (status != PH_OK) {
        return status;
    }
    const cJSON *initial = ph_json_get(object, "initial"), *row;
    const cJSON *rates = ph_json_get(object, "rates");
    if (!initial || !rates) {
        return missing(r, object, initial ? "rates" : "initial");
    }
    if ((status = ph_read_list(r, rates, "'rates'", &n)) != PH_OK) {
        return status;
    }
    if (n == 0) {
        return ph_fail(r, rates, "expected at least one row");
    }
    if (!(model->initial = ph_alloc(n, sizeof(ph_expr *)))) {
        return PH_E_MEMORY;
    }
    model->n_vertices = n;
    if ((status = read_initial_row(r, initial)) != PH_OK) {
        return status;
    }
    cJSON_ArrayForEach(row, rates)
    {
        if ((status = read_row(r, row, from++, &capacity)) != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

/* ---- graph ---- */

static int read_label(ph_reader *r, const cJSON *list, size_t index)
{
    ph_model *model = r->model;
    const cJSON *item;
    size_t n, k = 0;
    int status = ph_read_list(r, list, "the label of a vertex", &n);
    if (status != PH_OK) {
        return status;
    }
    if (n != model->n_label) {
        return ph_fail(r, list, "expected %zu numbers in this label, as in the first",
                       model->n_label);
    }
    cJSON_ArrayForEach(item, list)
    {
        long value;
        status = ph_read_whole(r, item, "a label", INT32_MIN, INT32_MAX, &value);
        if (status != PH_OK) {
            return status;
        }
        model->labels[index * n + k++] = (int32_t)value;
    }
    return PH_OK;
}

/* A list of labels, or how many vertices there are. */
static int read_vertices(ph_reader *r, const cJSON *given)
{
    ph_model *model = r->model;
    const cJSON *item;
    size_t index = 0;
    int status = PH_OK;
    if (!cJSON_IsArray(given)) {
        long n;
        status =
            ph_read_whole(r, given, "the number of vertices", 1, MOST_VERTICES, &n);
        model->n_vertices = status == PH_OK ? (size_t)n : 0;
        return status;
    }
    if (!given->child) {
        return ph_fail(r, given, "expected at least one vertex");
    }
    model->n_vertices = (size_t)cJSON_GetArraySize(given);
    model->n_label = (size_t)cJSON_GetArraySize(given->child);
    if (model->n_label > 0) {
        model->labels = ph_alloc(model->n_vertices * model->n_label, sizeof(int32_t));
        if (!model->labels) {
            return PH_E_MEMORY;
        }
    }
    cJSON_ArrayForEach(item, given)
    {
        if ((status = read_label(r, item, index++)) != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

static int read_start_pair(ph_reader *r, const cJSON *pair, ph_total *total)
{
    ph_model *model = r->model;
    long vertex;
    if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2) {
        return ph_fail(r, pair, "expected [vertex, probability]");
    }
    int status = ph_read_whole(r, pair->child, "a vertex", 0,
                               (double)model->n_vertices - 1, &vertex);
    if (status != PH_OK) {
        return status;
    }
    if (model->initial[vertex]) {
        return ph_fail(r, pair->child, "this vertex has a start probability already");
    }
    return read_entry(r, pair->child->next, 1, "a start probability", total,
                      model->initial + vertex);
}

static int read_start_pairs(ph_reader *r, const cJSON *list)
{
    ph_total total = {{0, 0}, 0};
    const cJSON *pair;
    size_t n;
    int status = ph_read_list(r, list, "'initial'", &n);
    if (status != PH_OK) {
        return status;
    }
    if (!(r->model->initial = ph_alloc(r->model->n_vertices, sizeof(ph_expr *)))) {
        return PH_E_MEMORY;
    }
    cJSON_ArrayForEach(pair, list)
    {
        if ((status = read_start_pair(r, pair, &total)) != PH_OK) {
            return status;
        }
    }
    return ph_total_check(r, &total, list, r->model->defect);
}

static int read_edge(ph_reader *r, const cJSON *edge, size_t *capacity)
{
    int discrete = r->model->discrete;
    double last = (double)r->model->n_vertices - 1;
    long from, to;
    ph_expr *rate = NULL;
    if (!cJSON_IsArray(edge) || cJSON_GetArraySize(edge) != 3) {
        return ph_fail(r, edge, "expected [from, to, %s]",
                       discrete ? "probability" : "rate");
    }
    const cJSON *source = edge->child, *target = source->next, *amount = target->next;
    int status = ph_read_whole(r, source, "a vertex", 0, last, &from);
    if (status != PH_OK ||
        (status = ph_read_whole(r, target, "a vertex (-1 is absorption)", -1, last,
                                &to)) != PH_OK) {
        return status;
    }
    if (from == to) {
        return ph_fail(r, edge, "this edge leads back to its own vertex%s",
                       discrete ? ": the mass that does not leave stays by itself"
                                : "");
    }
    status = read_entry(r, amount, discrete, discrete ? "a probability" : "a rate",
                        NULL, &rate);
    if (status != PH_OK || !rate) {
        ph_expr_free(rate);
        return status;
    }
    return add_edge(r, edge, (uint32_t)from, to < 0 ? PH_ABSORPTION : (uint32_t)to,
                    rate, capacity);
}

int ph_read_graph(ph_reader *r, const cJSON *object)
{
    static const char *const keys[] = {"vertices", "initial", "edges"};
    size_t n, capacity = 0;
    int status = ph_read_object(r, object, "'graph'", keys, PH_COUNT(keys));
    if (status != PH_OK) {
        return status;
    }
    for (size_t i = 0; i < PH_COUNT(keys); i++) {
        if (!ph_json_get(object, keys[i])) {
            return missing(r, object, keys[i]);
        }
    }
    const cJSON *edges = ph_json_get(object, "edges"), *edge;
    if ((status = read_vertices(r, ph_json_get(object, "vertices"))) != PH_OK ||
        (status = read_start_pairs(r, ph_json_get(object, "initial"))) != PH_OK ||
        (status = ph_read_list(r, edges, "'edges'", &n)) != PH_OK) {
        return status;
    }
    cJSON_ArrayForEach(edge, edges)
    {
        if ((status = read_edge(r, edge, &capacity)) != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}
