/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * phasic summary: the table of a saved fit. What the fit stored was computed from its
 * weighted sample, which knows more than the draws made from it, so that is shown
 * unless the draws are asked for.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "phasic/base/memory.h"
#include "phasic/report/draws.h"
#include "phasic/report/saved.h"
#include "phasic/report/table.h"
#include "saved_job.h"

#define MOST_LEVELS 99

/* clang-format off */
const ph_option ph_summary_options[] = {
    {"quantiles", 0, PH_OPTION_TEXT, "P,...", "2.5,25,50,75,97.5", 0, 0, 0,
     "quantiles to show, in percent"},
    {"from-draws", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "computed from the draws in PREFIX.csv, not what the\nfit has stored"},
    PH_OPTION_END};
/* clang-format on */

typedef struct summary {
    ph_app *app;
    int from_draws;
    size_t n_levels;
    double level[MOST_LEVELS];  /* 0..1 */
    int stored[MOST_LEVELS];    /* number of the stored quantile, or -1 */
    char head[MOST_LEVELS][32]; /* "2.5%" */
    size_t n_fits;
    ph_saved **fit; /* [n_fits] */
} summary;

/* One row of the table. */
typedef struct shown {
    const char *name;
    int fixed;
    double mean, sd, mcse, ess;
    double quantile[MOST_LEVELS];
} shown;

/* ------------------------------------------------------------------ the request */

static int take_level(summary *self, const char *text, size_t length)
{
    double percent;
    size_t i = self->n_levels;
    ph_error *error = &self->app->error;
    if (ph_double_read(text, length, &percent) != PH_OK || percent < 0 ||
        percent > 100 || length > 20 || i == MOST_LEVELS) {
        ph_error_place(error, "--quantiles");
        ph_error_found(error, text, (long)length);
        return ph_error_set(error, PH_E_USAGE,
                            "expects up to %d numbers from 0 to 100, divided by commas",
                            MOST_LEVELS);
    }
    self->level[i] = percent / 100;
    self->stored[i] = -1;
    for (int q = 0; q < PH_QUANTILES; q++) {
        if (fabs(ph_quantile_level[q] - self->level[i]) < 1e-12) {
            self->stored[i] = q;
        }
    }
    snprintf(self->head[i], sizeof self->head[i], "%.*s%%", (int)length, text);
    self->n_levels++;
    if (!self->from_draws && self->stored[i] < 0) {
        ph_error_place(error, "--quantiles");
        ph_error_found(error, text, (long)length);
        return ph_error_set(error, PH_E_USAGE,
                            "a fit stores its quantiles at 2.5, 5, 25, 50, 75, 95 and "
                            "97.5 %%; --from-draws computes others");
    }
    return PH_OK;
}

static int read_levels(summary *self)
{
    const char *text = ph_options_text(&self->app->options, "quantiles");
    for (;;) {
        size_t length = strcspn(text, ",");
        int status = take_level(self, text, length);
        if (status != PH_OK || !text[length]) {
            return status;
        }
        text += length + 1;
    }
}

static int read_fits(summary *self)
{
    const ph_options *options = &self->app->options;
    self->fit = ph_alloc(options->n_arguments, sizeof *self->fit);
    if (!self->fit) {
        return ph_error_set(&self->app->error, PH_E_MEMORY, "out of memory");
    }
    int status = PH_OK;
    for (size_t i = 0; i < options->n_arguments && status == PH_OK; i++) {
        status = ph_saved_read(&self->fit[i], options->argument[i], &self->app->error);
        self->n_fits += status == PH_OK;
        if (status == PH_OK && self->from_draws && self->fit[i]->draws < 2) {
            ph_error_file(&self->app->error, self->fit[i]->csv_path);
            status = ph_error_set(&self->app->error, PH_E_DATA,
                                  "holds a single point; --from-draws needs draws");
        }
    }
    return status;
}

/* ---------------------------------------------------------------------- the rows */

static void stored_row(const summary *self, const ph_saved *fit, size_t i, shown *row)
{
    const ph_summary_row *it = &fit->row[i];
    row->mean = it->mean;
    row->sd = it->sd;
    row->mcse = it->mcse;
    row->ess = it->sd > 0 ? ph_saved_diagnostic(fit, "ess") : NAN;
    for (size_t q = 0; q < self->n_levels; q++) {
        row->quantile[q] = it->quantile[self->stored[q]];
    }
}

static void draws_row(const summary *self, const ph_saved *fit, size_t i, double *work,
                      shown *row)
{
    ph_draws_row it;
    ph_draws_summarize(fit, i, self->n_levels, self->level, work, &it, row->quantile);
    row->mean = it.mean;
    row->sd = it.sd;
    row->mcse = it.mcse;
    row->ess = it.ess;
}

/* Row i of a fit; work[draws]. */
static shown make_row(const summary *self, const ph_saved *fit, size_t i, double *work)
{
    shown row = {.name = fit->row[i].name, .fixed = fit->row[i].fixed};
    if (self->from_draws) {
        draws_row(self, fit, i, work, &row);
    } else {
        stored_row(self, fit, i, &row);
    }
    return row;
}

/* ------------------------------------------------------------------ as a table */

static void add_heads(const summary *self, ph_table *table, int csv)
{
    if (csv) {
        ph_table_head(table, "fit");
    }
    ph_table_head(table, csv ? "name" : "");
    ph_table_head(table, "mean");
    ph_table_head(table, "mcse");
    ph_table_head(table, "sd");
    for (size_t q = 0; q < self->n_levels; q++) {
        ph_table_head(table, self->head[q]);
    }
    ph_table_head(table, "ess");
}

static void add_row(const summary *self, ph_table *table, const ph_saved *fit,
                    const shown *row, int csv)
{
    char text[40];
    if (csv) {
        ph_table_text(table, fit->prefix);
    }
    ph_table_text(table, row->name);
    ph_table_number(table, row->mean);
    if (csv) {
        ph_table_number(table, row->mcse);
    } else {
        ph_table_text(table,
                      row->fixed ? "fixed" : ph_number_text(row->mcse, 2, 0, text));
    }
    ph_table_number(table, row->sd);
    for (size_t q = 0; q < self->n_levels; q++) {
        ph_table_number(table, row->quantile[q]);
    }
    if (csv) {
        ph_table_number(table, row->ess);
    } else {
        ph_table_text(
            table, isnan(row->ess) ? "" : ph_number_text(rint(row->ess), 6, 0, text));
    }
}

/* How the fit was found and how far it can be believed. */
static void add_verdict(const ph_saved *fit, ph_buffer *out)
{
    const char *method = ph_saved_setting_text(fit, "method");
    double k = ph_saved_diagnostic(fit, "pareto_k"),
           r = ph_saved_diagnostic(fit, "rhat");
    char text[40];
    ph_buffer_addf(out, "\nMethod %s, %zu draws", method ? method : "unknown",
                   fit->draws);
    if (isfinite(r)) {
        ph_buffer_addf(out, ", split R-hat %s", ph_number_text(r, 4, 0, text));
    } else if (isfinite(k)) {
        ph_buffer_addf(out, ", Pareto k %s", ph_number_text(k, 2, 0, text));
    }
    ph_buffer_addf(out, "; seed %llu\n%s", (unsigned long long)fit->seed,
                   fit->converged ? "Converged" : "NOT CONVERGED");
    for (size_t i = 0; i < fit->n_reasons; i++) {
        ph_buffer_addf(out, "%s\n  %s", i ? ";" : ":", fit->reasons[i]);
    }
    ph_buffer_add(out, "\n");
    for (size_t i = 0; i < fit->n_warnings; i++) {
        ph_buffer_addf(out, "Warning: %s\n", fit->warnings[i]);
    }
}

static void print_text(const summary *self, const ph_saved *fit, double *work)
{
    ph_buffer *out = &self->app->out;
    char number[32];
    ph_table table = {.digits = 5, .keep_zeros = 1};
    ph_buffer_addf(out, "%s: posterior of %s from %s observation%s%s\n\n", fit->prefix,
                   fit->model_name ? fit->model_name : fit->model.file,
                   ph_double_text(fit->observations, number),
                   fit->observations == 1 ? "" : "s",
                   self->from_draws ? ", from its draws" : "");
    add_heads(self, &table, 0);
    for (size_t i = 0; i < fit->length; i++) {
        shown row = make_row(self, fit, i, work);
        add_row(self, &table, fit, &row, 0);
    }
    ph_table_write_text(&table, out);
    ph_table_free(&table);
    add_verdict(fit, out);
}

static void print_csv(const summary *self, double *work)
{
    ph_table table = {0};
    add_heads(self, &table, 1);
    for (size_t k = 0; k < self->n_fits; k++) {
        for (size_t i = 0; i < self->fit[k]->length; i++) {
            shown row = make_row(self, self->fit[k], i, work);
            add_row(self, &table, self->fit[k], &row, 1);
        }
    }
    ph_table_write_csv(&table, &self->app->out);
    ph_table_free(&table);
}

/* --------------------------------------------------------------------- as JSON */

static void add_posterior(const summary *self, ph_json *json, const ph_saved *fit,
                          double *work)
{
    ph_json_object(json, "posterior");
    for (size_t i = 0; i < fit->length; i++) {
        shown row = make_row(self, fit, i, work);
        ph_json_object(json, row.name);
        ph_json_number(json, "mean", row.mean);
        ph_json_number(json, "sd", row.sd);
        ph_json_number(json, "mcse", row.mcse);
        ph_json_number(json, "ess", row.ess);
        ph_json_object(json, "quantiles");
        for (size_t q = 0; q < self->n_levels; q++) {
            ph_json_number(json, self->head[q], row.quantile[q]);
        }
        ph_json_close(json);
        if (row.fixed) {
            ph_json_boolean(json, "fixed", 1);
        }
        ph_json_close(json);
    }
    ph_json_close(json);
}

static void add_input(ph_json *json, const char *key, const ph_saved_input *input)
{
    ph_json_object(json, key);
    ph_json_text(json, "file", input->file);
    ph_json_text(json, "path", input->path);
    ph_json_text(json, "digest", input->digest);
    ph_json_close(json);
}

static void add_texts(ph_json *json, const char *key, size_t n, char *const *list)
{
    ph_json_array(json, key);
    for (size_t i = 0; i < n; i++) {
        ph_json_text(json, NULL, list[i]);
    }
    ph_json_close(json);
}

/* A summary that the fit did not store, under the keys of PREFIX.json. */
static void add_fit(const summary *self, ph_json *json, const ph_saved *fit,
                    double *work)
{
    ph_json_object(json, NULL);
    ph_json_text(json, "phasic", fit->version);
    ph_json_text(json, "fit", fit->prefix);
    ph_json_whole(json, "seed", fit->seed);
    add_input(json, "model", &fit->model);
    add_input(json, "data", &fit->data);
    ph_json_boolean(json, "from_draws", self->from_draws);
    add_posterior(self, json, fit, work);
    ph_json_object(json, "diagnostics");
    for (size_t i = 0; i < fit->n_diagnostics; i++) {
        ph_json_number(json, fit->diagnostics[i].name, fit->diagnostics[i].value);
    }
    ph_json_close(json);
    ph_json_boolean(json, "converged", fit->converged);
    add_texts(json, "reasons", fit->n_reasons, fit->reasons);
    add_texts(json, "warnings", fit->n_warnings, fit->warnings);
    ph_json_close(json);
}

/* One fit as it stands in its file, or as above; several in a list. */
static void print_json(const summary *self, double *work)
{
    const ph_option_value *asked = ph_options_find(&self->app->options, "quantiles");
    int as_stored = !self->from_draws && asked->source == PH_SOURCE_DEFAULT;
    ph_json json;
    if (as_stored && self->n_fits == 1) {
        ph_buffer_add(&self->app->out, self->fit[0]->json_text);
        return;
    }
    ph_json_init(&json, &self->app->out);
    if (self->n_fits > 1) {
        ph_json_object(&json, NULL);
        ph_json_array(&json, "fits");
    }
    for (size_t k = 0; k < self->n_fits; k++) {
        if (as_stored) {
            ph_json_raw(&json, NULL, self->fit[k]->json_text);
        } else {
            add_fit(self, &json, self->fit[k], work);
        }
    }
    if (self->n_fits > 1) {
        ph_json_close(&json);
        ph_json_close(&json);
    }
}

static int print_all(summary *self)
{
    const char *format = ph_options_text(&self->app->options, "format");
    size_t most = 0;
    for (size_t k = 0; k < self->n_fits; k++) {
        most = self->fit[k]->draws > most ? self->fit[k]->draws : most;
    }
    double *work = ph_alloc(most, sizeof *work);
    if (!work) {
        return ph_error_set(&self->app->error, PH_E_MEMORY, "out of memory");
    }
    if (strcmp(format, "json") == 0) {
        print_json(self, work);
    } else if (strcmp(format, "csv") == 0) {
        print_csv(self, work);
    } else {
        for (size_t k = 0; k < self->n_fits; k++) {
            ph_buffer_add(&self->app->out, k ? "\n" : "");
            print_text(self, self->fit[k], work);
        }
    }
    free(work);
    return PH_OK;
}

int ph_cmd_summary(ph_app *app)
{
    summary self = {.app = app,
                    .from_draws = ph_options_flag(&app->options, "from-draws")};
    int status = read_levels(&self);
    if (status == PH_OK) {
        status = read_fits(&self);
    }
    if (status == PH_OK) {
        status = print_all(&self);
    }
    for (size_t k = 0; k < self.n_fits; k++) {
        ph_saved_free(self.fit[k]);
    }
    free(self.fit);
    return status;
}
