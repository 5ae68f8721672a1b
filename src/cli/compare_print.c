/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of phasic compare. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"
#include "phasic/report/table.h"

static const char *model_name(const ph_saved *saved)
{
    return saved->model_name ? saved->model_name : saved->model.file;
}

static const char *method_name(const ph_saved *saved)
{
    const char *method = ph_saved_setting_text(saved, "method");
    return method ? method : "unknown";
}

/* ----------------------------------------------------------------- evidence */

/*
 * Whether the importance sample that gave the evidence can carry it: its weights have a
 * tail that its size can average (Vehtari et al. 2024), and no chain has replaced it.
 * Of totals of one row the joint density is not known: what was integrated is no
 * likelihood, and its integral no evidence.
 */
static int evidence_is_reliable(const ph_saved *saved)
{
    double k = ph_saved_diagnostic(saved, "pareto_k");
    double n = ph_saved_diagnostic(saved, "sample_size");
    double rhat = ph_saved_diagnostic(saved, "rhat");
    return saved->converged && saved->composite == 0 &&
           isfinite(ph_saved_diagnostic(saved, "log_evidence")) && !isfinite(rhat) &&
           k < fmin(1 - 1 / log10(n), 0.7);
}

static double best_evidence(const ph_compare *self)
{
    double best = -INFINITY;
    for (size_t i = 0; i < self->n_fits; i++) {
        best = fmax(best, ph_saved_diagnostic(self->fit[i].saved, "log_evidence"));
    }
    return best;
}

/* --------------------------------------------------------------- posteriors */

/* Whether every text of one setting is one of the other; NULL has none. */
static int has_texts(const ph_saved_setting *self, const ph_saved_setting *texts)
{
    for (size_t i = 0; texts && i < texts->length; i++) {
        int there = 0;
        for (size_t k = 0; self && k < self->length && !there; k++) {
            there = strcmp(self->text[k], texts->text[i]) == 0;
        }
        if (!there) {
            return 0;
        }
    }
    return 1;
}

/* The same model file, of which the same constants and constraints make one model. */
static int same_model(const ph_saved *a, const ph_saved *b)
{
    static const char *const name[] = {"set", "fix", "tie", "group", "reward"};
    int same = strcmp(a->model.digest, b->model.digest) == 0;
    for (size_t i = 0; i < sizeof name / sizeof *name && same; i++) {
        const ph_saved_setting *one = ph_saved_setting_find(a, name[i]);
        const ph_saved_setting *other = ph_saved_setting_find(b, name[i]);
        same = has_texts(one, other) && has_texts(other, one);
    }
    return same;
}

/* The fits of the model of fit `first`, itself included; the first of them counts. */
static int begins_a_model(const ph_compare *self, size_t first)
{
    size_t others = 0;
    for (size_t i = 0; i < self->n_fits; i++) {
        int same = same_model(self->fit[i].saved, self->fit[first].saved);
        if (same && i < first) {
            return 0;
        }
        others += same && i > first;
    }
    return others > 0;
}

typedef struct difference {
    const ph_summary_row *one, *other;
    double mean, sd; /* (mean' - mean) / sd and sd' / sd */
} difference;

static int find_difference(const ph_saved *a, const ph_saved *b, size_t row,
                           difference *out)
{
    long other = ph_saved_row(b, a->row[row].name);
    if (other < 0) {
        return 0;
    }
    out->one = &a->row[row];
    out->other = &b->row[other];
    int varies = out->one->sd > 0;
    out->mean = varies ? (out->other->mean - out->one->mean) / out->one->sd : NAN;
    out->sd = varies ? out->other->sd / out->one->sd : NAN;
    return 1;
}

/* Calls take(context, a, b, difference) for every quantity of fits of one model. */
static void each_difference(const ph_compare *self,
                            void (*take)(void *context, const ph_saved *a,
                                         const ph_saved *b, const difference *it),
                            void *context)
{
    for (size_t i = 0; i < self->n_fits; i++) {
        const ph_saved *a = self->fit[i].saved;
        for (size_t j = i + 1; begins_a_model(self, i) && j < self->n_fits; j++) {
            const ph_saved *b = self->fit[j].saved;
            if (!same_model(a, b)) {
                continue;
            }
            for (size_t row = 0; row < a->length; row++) {
                difference it;
                if (find_difference(a, b, row, &it)) {
                    take(context, a, b, &it);
                }
            }
        }
    }
}

/* ---------------------------------------------------------------- for people */

/* A number with decimals, as sums of log densities are read. */
static void add_fixed(ph_table *table, double value, int decimals)
{
    char text[48] = "";
    if (isfinite(value)) {
        snprintf(text, sizeof text, "%.*f", decimals, value);
    } else {
        (void)ph_number_text(value, 4, 0, text);
    }
    ph_table_text(table, text);
}

static void print_loo(const ph_compare *self, ph_buffer *out)
{
    static const char *const head[] = {"",          "model",   "elpd_loo", "se",
                                       "diff",      "se_diff", "p_loo",    "mcse",
                                       "elpd_waic", "p_waic",  "worst_k"};
    ph_table table = {0};
    char number[32];
    ph_buffer_addf(out, "Expected log predictive density of %s observations\n\n",
                   ph_double_text(self->fit[0].sum.observations, number));
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
        ph_table_head(&table, head[i]);
    }
    for (size_t i = 0; i < self->n_fits; i++) {
        const ph_compare_fit *fit = &self->fit[i];
        ph_table_text(&table, fit->saved->prefix);
        ph_table_text(&table, model_name(fit->saved));
        add_fixed(&table, fit->sum.elpd, 2);
        add_fixed(&table, fit->sum.elpd_se, 2);
        add_fixed(&table, fit->difference, 2);
        add_fixed(&table, fit->difference_se, 2);
        add_fixed(&table, fit->sum.p_loo, 2);
        add_fixed(&table, fit->sum.monte_carlo, 3);
        add_fixed(&table, fit->sum.waic_elpd, 2);
        add_fixed(&table, fit->sum.p_waic, 2);
        add_fixed(&table, fit->sum.worst_k, 2);
    }
    ph_table_write_text(&table, out);
    ph_table_free(&table);
}

static void print_k(const ph_compare *self, ph_buffer *out)
{
    static const char *const head[] = {"Pareto k", "<= 0.5", "0.5..0.7", "0.7..1",
                                       "> 1"};
    ph_table table = {.digits = 10};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
        ph_table_head(&table, head[i]);
    }
    for (size_t i = 0; i < self->n_fits; i++) {
        ph_table_text(&table, self->fit[i].saved->prefix);
        for (int k = 0; k < 4; k++) {
            ph_table_number(&table, self->fit[i].sum.k_count[k]);
        }
    }
    ph_buffer_add(out, "\n");
    ph_table_write_text(&table, out);
    ph_table_free(&table);
}

/* A number where the fit has an evidence. */
static void add_evidence(ph_table *table, int there, double value)
{
    if (there) {
        add_fixed(table, value, 3);
    } else {
        ph_table_text(table, "-");
    }
}

static void print_evidence(const ph_compare *self, ph_buffer *out)
{
    static const char *const head[] = {"evidence", "model", "log_evidence",
                                       "error",    "diff",  "reliable"};
    double best = best_evidence(self);
    ph_table table = {0};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
        ph_table_head(&table, head[i]);
    }
    for (size_t i = 0; i < self->n_fits; i++) {
        const ph_saved *saved = self->fit[i].saved;
        double evidence = ph_saved_diagnostic(saved, "log_evidence");
        ph_table_text(&table, saved->prefix);
        ph_table_text(&table, model_name(saved));
        int there = isfinite(evidence);
        add_evidence(&table, there, evidence);
        add_evidence(&table, there, ph_saved_diagnostic(saved, "log_evidence_error"));
        add_evidence(&table, there, evidence - best);
        ph_table_text(&table, !there                        ? "has none"
                              : saved->composite > 0        ? "no: several totals a row"
                              : evidence_is_reliable(saved) ? "yes"
                                                            : "no");
    }
    ph_table_write_text(&table, out);
    ph_table_free(&table);
}

static void add_difference_row(void *context, const ph_saved *a, const ph_saved *b,
                               const difference *it)
{
    ph_table *table = context;
    ph_table_text(table, it->one->name);
    ph_table_text(table, a->prefix);
    ph_table_text(table, method_name(a));
    ph_table_number(table, it->one->mean);
    ph_table_number(table, it->one->sd);
    ph_table_text(table, b->prefix);
    ph_table_text(table, method_name(b));
    ph_table_number(table, it->other->mean);
    ph_table_number(table, it->other->sd);
    add_fixed(table, it->mean, 3);
    add_fixed(table, it->sd, 3);
}

static void print_differences(const ph_compare *self, ph_buffer *out)
{
    static const char *const head[] = {
        "",      "fit",    "method", "mean", "sd",
        "other", "method", "mean",   "sd",   "(mean' - mean)/sd",
        "sd'/sd"};
    ph_table table = {.digits = 5, .keep_zeros = 1};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
        ph_table_head(&table, head[i]);
    }
    each_difference(self, add_difference_row, &table);
    if (table.length > table.columns) {
        ph_buffer_add(out, "\nPosteriors of the same model\n\n");
        ph_table_write_text(&table, out);
    }
    ph_table_free(&table);
}

/* ------------------------------------------------------------- for programs */

static const char *const loo_name[] = {
    "elpd_loo",  "elpd_loo_se",   "elpd_diff",     "elpd_diff_se", "p_loo",
    "p_loo_se",  "elpd_loo_mcse", "elpd_waic",     "elpd_waic_se", "p_waic",
    "p_waic_se", "pareto_k_max",  "pareto_k_good", "pareto_k_bad", "waic_unstable"};
#define N_LOO (sizeof loo_name / sizeof *loo_name)

static void loo_values(const ph_compare_fit *fit, double value[N_LOO])
{
    const ph_loo *s = &fit->sum;
    const double all[N_LOO] = {
        s->elpd,    s->elpd_se,  fit->difference, fit->difference_se,
        s->p_loo,   s->p_loo_se, s->monte_carlo,  s->waic_elpd,
        s->waic_se, s->p_waic,   s->p_waic_se,    s->worst_k,
        s->good_k,  s->bad,      s->waic_unstable};
    memcpy(value, all, sizeof all);
}

static void print_csv(const ph_compare *self, ph_buffer *out)
{
    static const char *const head[] = {"fit",
                                       "model",
                                       "method",
                                       "log_evidence",
                                       "log_evidence_error",
                                       "evidence_reliable"};
    ph_table table = {0};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
        ph_table_head(&table, head[i]);
    }
    for (size_t k = 0; self->loo && k < N_LOO; k++) {
        ph_table_head(&table, loo_name[k]);
    }
    for (size_t i = 0; i < self->n_fits; i++) {
        const ph_saved *saved = self->fit[i].saved;
        double value[N_LOO];
        loo_values(&self->fit[i], value);
        ph_table_text(&table, saved->prefix);
        ph_table_text(&table, model_name(saved));
        ph_table_text(&table, method_name(saved));
        ph_table_number(&table, ph_saved_diagnostic(saved, "log_evidence"));
        ph_table_number(&table, ph_saved_diagnostic(saved, "log_evidence_error"));
        ph_table_number(&table, evidence_is_reliable(saved));
        for (size_t k = 0; self->loo && k < N_LOO; k++) {
            ph_table_number(&table, value[k]);
        }
    }
    ph_table_write_csv(&table, out);
    ph_table_free(&table);
}

static void add_loo_json(ph_json *json, const ph_compare_fit *fit)
{
    double value[N_LOO];
    loo_values(fit, value);
    for (size_t k = 0; k < N_LOO; k++) {
        ph_json_number(json, loo_name[k], value[k]);
    }
    ph_json_numbers(json, "pareto_k_counts", 4, fit->sum.k_count);
}

static void add_fit_json(ph_json *json, const ph_compare_fit *fit, int loo)
{
    const ph_saved *saved = fit->saved;
    ph_json_object(json, NULL);
    ph_json_text(json, "fit", saved->prefix);
    ph_json_text(json, "model", saved->model_name);
    ph_json_text(json, "model_digest", saved->model.digest);
    ph_json_text(json, "method", method_name(saved));
    ph_json_whole(json, "draws", saved->draws);
    ph_json_boolean(json, "converged", saved->converged);
    ph_json_number(json, "log_evidence", ph_saved_diagnostic(saved, "log_evidence"));
    ph_json_number(json, "log_evidence_error",
                   ph_saved_diagnostic(saved, "log_evidence_error"));
    ph_json_boolean(json, "evidence_reliable", evidence_is_reliable(saved));
    if (loo) {
        add_loo_json(json, fit);
    }
    ph_json_close(json);
}

static void add_difference_json(void *context, const ph_saved *a, const ph_saved *b,
                                const difference *it)
{
    ph_json *json = context;
    ph_json_object(json, NULL);
    ph_json_text(json, "name", it->one->name);
    ph_json_text(json, "fit", a->prefix);
    ph_json_text(json, "other", b->prefix);
    ph_json_number(json, "mean", it->one->mean);
    ph_json_number(json, "sd", it->one->sd);
    ph_json_number(json, "other_mean", it->other->mean);
    ph_json_number(json, "other_sd", it->other->sd);
    ph_json_number(json, "difference_in_sd", it->mean);
    ph_json_number(json, "sd_ratio", it->sd);
    ph_json_close(json);
}

static void print_json(const ph_compare *self, ph_buffer *out)
{
    const ph_saved *first = self->fit[0].saved;
    ph_json json;
    ph_json_init(&json, out);
    ph_json_object(&json, NULL);
    ph_json_object(&json, "data");
    ph_json_text(&json, "digest", first->data.digest);
    ph_json_number(&json, "observations", first->observations);
    ph_json_close(&json);
    ph_json_array(&json, "fits");
    for (size_t i = 0; i < self->n_fits; i++) {
        add_fit_json(&json, &self->fit[i], self->loo);
    }
    ph_json_close(&json);
    ph_json_array(&json, "posteriors");
    each_difference(self, add_difference_json, &json);
    ph_json_close(&json);
    ph_json_close(&json);
}

int ph_compare_print(const ph_compare *self)
{
    ph_buffer *out = &self->app->out;
    const char *format = ph_options_text(&self->app->options, "format");
    if (strcmp(format, "json") == 0) {
        print_json(self, out);
    } else if (strcmp(format, "csv") == 0) {
        print_csv(self, out);
    } else {
        if (self->loo) {
            print_loo(self, out);
            print_k(self, out);
            ph_buffer_add(out, "\n");
        }
        print_evidence(self, out);
        print_differences(self, out);
    }
    return PH_OK;
}
