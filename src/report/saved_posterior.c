/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a result says: the posterior's rows, correlations, diagnostics, the verdict. */
#include <math.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "saved_private.h"

static int read_row(ph_saved_reader *self, const cJSON *item, ph_summary_row *row)
{
    static const char *const level[PH_QUANTILES] = {"2.5%", "5%",  "25%",  "50%",
                                                    "75%",  "95%", "97.5%"};
    const cJSON *quantiles = NULL, *fixed = ph_json_get(item, "fixed");
    char *name = NULL;
    int status = ph_saved_expect(self, item, PH_MEMBER_OBJECT);
    if (status == PH_OK) {
        status = ph_saved_copy(self, item->string, &name);
        row->name = name;
    }
    if (status == PH_OK) {
        status = ph_saved_read_measure(self, item, "mean", &row->mean);
    }
    if (status == PH_OK) {
        status = ph_saved_read_measure(self, item, "sd", &row->sd);
    }
    if (status == PH_OK) {
        status = ph_saved_read_measure(self, item, "mcse", &row->mcse);
    }
    if (status == PH_OK) {
        status = ph_saved_member(self, item, "quantiles", PH_MEMBER_OBJECT, &quantiles);
    }
    for (int q = 0; q < PH_QUANTILES && status == PH_OK; q++) {
        status = ph_saved_read_measure(self, quantiles, level[q], &row->quantile[q]);
    }
    if (status == PH_OK && ph_json_get(item, "not_finite")) {
        status = ph_saved_read_size(self, item, "not_finite", &row->not_finite);
    }
    row->fixed = fixed && cJSON_IsTrue(fixed);
    return status;
}

/* The model lists its parameters; they are the first rows, in this order. */
static int check_parameters(ph_saved_reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *list, *item;
    int status = ph_saved_member(self, ph_json_get(root, "model"), "parameters",
                                 PH_MEMBER_LIST, &list);
    if (status != PH_OK) {
        return status;
    }
    cJSON_ArrayForEach(item, list)
    {
        size_t i = out->n_parameters;
        status = ph_saved_expect(self, item, PH_MEMBER_TEXT);
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

int ph_saved_read_posterior(ph_saved_reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *posterior, *item;
    int status = ph_saved_member(self, root, "posterior", PH_MEMBER_OBJECT, &posterior);
    if (status != PH_OK) {
        return status;
    }
    out->row = ph_alloc((size_t)cJSON_GetArraySize(posterior), sizeof *out->row);
    if (!out->row) {
        return ph_saved_no_memory(self);
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

int ph_saved_read_correlation(ph_saved_reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *correlation, *names = NULL, *matrix = NULL, *item;
    int status =
        ph_saved_member(self, root, "correlation", PH_MEMBER_OBJECT, &correlation);
    if (status == PH_OK) {
        status = ph_saved_member(self, correlation, "names", PH_MEMBER_LIST, &names);
    }
    if (status == PH_OK) {
        status = ph_saved_member(self, correlation, "matrix", PH_MEMBER_LIST, &matrix);
    }
    if (status != PH_OK) {
        return status;
    }
    size_t n = (size_t)cJSON_GetArraySize(names);
    out->correlated = ph_alloc(n, sizeof *out->correlated);
    out->correlation = ph_alloc(n * n, sizeof *out->correlation);
    if (!out->correlated || !out->correlation) {
        return ph_saved_no_memory(self);
    }
    cJSON_ArrayForEach(item, names)
    {
        status = ph_saved_expect(self, item, PH_MEMBER_TEXT);
        long row = status == PH_OK ? ph_saved_row(out, item->valuestring) : -1;
        if (row < 0) {
            return ph_json_error(&self->json, item, self->error,
                                 "expects a name of the posterior");
        }
        out->correlated[out->n_correlated++] = (size_t)row;
    }
    return ph_saved_read_matrix(self, matrix, n, n, out->correlation);
}

/* -------------------------------------------------------- the run's quality */

/* Rows without the last column, which the first versions did not write, get NaN there.
 */
static void widen_history(ph_saved *out)
{
    const size_t wide = PH_HISTORY_COLUMNS, narrow = wide - 1;
    for (size_t i = out->n_history; i-- > 0;) {
        memmove(out->history + wide * i, out->history + narrow * i,
                narrow * sizeof *out->history);
        out->history[wide * i + narrow] = NAN;
    }
}

static int read_history(ph_saved_reader *self, const cJSON *diagnostics)
{
    ph_saved *out = self->out;
    const cJSON *history = ph_json_get(diagnostics, "history");
    if (!history) {
        return PH_OK; /* a method without one */
    }
    int status = ph_saved_expect(self, history, PH_MEMBER_LIST);
    if (status != PH_OK) {
        return status;
    }
    size_t n = (size_t)cJSON_GetArraySize(history);
    size_t columns = PH_HISTORY_COLUMNS;
    if (cJSON_GetArraySize(cJSON_GetArrayItem(history, 0)) == PH_HISTORY_COLUMNS - 1) {
        columns--;
    }
    out->history = ph_alloc(PH_HISTORY_COLUMNS * n, sizeof *out->history);
    if (!out->history) {
        return ph_saved_no_memory(self);
    }
    out->n_history = n;
    status = ph_saved_read_matrix(self, history, n, columns, out->history);
    if (status == PH_OK && columns < PH_HISTORY_COLUMNS) {
        widen_history(out);
    }
    return status;
}

int ph_saved_read_diagnostics(ph_saved_reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *diagnostics, *item;
    int status =
        ph_saved_member(self, root, "diagnostics", PH_MEMBER_OBJECT, &diagnostics);
    if (status != PH_OK) {
        return status;
    }
    out->diagnostics =
        ph_alloc((size_t)cJSON_GetArraySize(diagnostics), sizeof *out->diagnostics);
    if (!out->diagnostics) {
        return ph_saved_no_memory(self);
    }
    cJSON_ArrayForEach(item, diagnostics)
    {
        if (cJSON_IsNumber(item) || cJSON_IsNull(item)) {
            ph_saved_number *number = &out->diagnostics[out->n_diagnostics];
            status = ph_saved_copy(self, item->string, &number->name);
            if (status != PH_OK) {
                return status;
            }
            number->value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
            out->n_diagnostics++;
        }
    }
    return read_history(self, diagnostics);
}

int ph_saved_read_verdict(ph_saved_reader *self, const cJSON *root)
{
    ph_saved *out = self->out;
    const cJSON *converged, *timing = NULL;
    int status = ph_saved_member(self, root, "converged", PH_MEMBER_TRUTH, &converged);
    out->converged = status == PH_OK && cJSON_IsTrue(converged);
    if (status == PH_OK) {
        status =
            ph_saved_read_texts(self, root, "reasons", &out->reasons, &out->n_reasons);
    }
    if (status == PH_OK) {
        status = ph_saved_read_texts(self, root, "warnings", &out->warnings,
                                     &out->n_warnings);
    }
    if (status == PH_OK) {
        status = ph_saved_member(self, root, "timing", PH_MEMBER_OBJECT, &timing);
    }
    if (status == PH_OK) {
        status =
            ph_saved_read_measure(self, timing, "setup_seconds", &out->seconds_setup);
    }
    return status == PH_OK
               ? ph_saved_read_measure(self, timing, "fit_seconds", &out->seconds_fit)
               : status;
}
