/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The posterior for people: table, correlations, effective sample size and verdict. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "phasic/report/table.h"
#include "report_private.h"

#define DIGITS 5
#define WIDTH  80

static void add_posterior(ph_buffer *out, const ph_summary *summary)
{
    static const int shown[] = {0, 2, 3, 4, 6}; /* of ph_quantile_level */
    static const char *const head[] = {"2.5%", "25%", "50%", "75%", "97.5%"};
    ph_table table = {.digits = DIGITS, .keep_zeros = 1};
    ph_table_head(&table, "");
    ph_table_head(&table, "mean");
    ph_table_head(&table, "sd");
    for (int q = 0; q < 5; q++) {
        ph_table_head(&table, head[q]);
    }
    ph_table_head(&table, "mcse");
    for (size_t i = 0; i < summary->length; i++) {
        const ph_summary_row *row = &summary->row[i];
        char error[40];
        ph_table_text(&table, row->name);
        ph_table_number(&table, row->mean);
        ph_table_number(&table, row->sd);
        for (int q = 0; q < 5; q++) {
            ph_table_number(&table, row->quantile[shown[q]]);
        }
        ph_table_text(&table,
                      row->fixed ? "fixed" : ph_number_text(row->mcse, 2, 0, error));
    }
    ph_table_write_text(&table, out);
    ph_table_free(&table);
}

/* The lower triangle, one line a quantity. */
static void add_correlations(ph_buffer *out, const ph_summary *summary)
{
    size_t n = summary->n_correlated;
    if (n < 2) {
        return;
    }
    ph_table table = {0};
    ph_table_head(&table, "correlation");
    for (size_t j = 0; j + 1 < n; j++) {
        ph_table_head(&table, summary->row[summary->correlated[j]].name);
    }
    for (size_t i = 1; i < n; i++) {
        ph_table_text(&table, summary->row[summary->correlated[i]].name);
        for (size_t j = 0; j + 1 < n; j++) {
            char number[40] = "";
            if (j < i) {
                snprintf(number, sizeof number, "%6.3f",
                         summary->correlation[i * n + j]);
            }
            ph_table_text(&table, number);
        }
    }
    ph_buffer_add(out, "\n");
    ph_table_write_text(&table, out);
    ph_table_free(&table);
}

void ph_report_wrapped(ph_buffer *out, const char *text)
{
    while (strlen(text) > WIDTH) {
        size_t n = WIDTH;
        while (n > 0 && text[n] != ' ') {
            n--;
        }
        n = n > 0 ? n : WIDTH;
        ph_buffer_addf(out, "%.*s\n", (int)n, text);
        text += n + (text[n] == ' ');
    }
    ph_buffer_addf(out, "%s\n", text);
}

void ph_report_count(ph_buffer *out, double n, const char *noun)
{
    char number[32];
    ph_buffer_addf(out, "%s %s%s", ph_double_text(n, number), noun, n == 1 ? "" : "s");
}

void ph_report_text(ph_buffer *out, const ph_summary *summary, const ph_fit *fit,
                    const ph_provenance *provenance)
{
    const ph_svgd_diagnostics *d = &fit->svgd->diagnostics;
    const ph_model *model = provenance->model;
    ph_buffer_addf(out, "Posterior of %s from ",
                   model->name ? model->name : model->file);
    ph_report_count(out, provenance->data->total_weight, "observation");
    ph_buffer_add(out, "\n\n");
    add_posterior(out, summary);
    add_correlations(out, summary);
    char ess[40], k[40];
    ph_buffer_addf(
        out, d->raw ? "\n%s particles, not corrected" : "\nEffective sample size %s",
        ph_number_text(rint(d->ess), 6, 0, ess));
    if (d->used_chains) {
        ph_buffer_addf(out, ", split R-hat %s", ph_number_text(d->rhat, 4, 0, k));
    } else {
        ph_buffer_addf(out, ", Pareto k %s", ph_number_text(d->pareto_k, 2, 0, k));
    }
    const ph_hmc_report *hmc = fit->svgd->hmc;
    if (hmc) {
        ph_buffer_addf(out, "; %zu chains of %zu draws", hmc->chains, hmc->draws);
    }
    ph_buffer_addf(out, "; seed %llu; %.2f s\n", (unsigned long long)provenance->seed,
                   provenance->seconds_setup + provenance->seconds_fit);
    ph_buffer verdict = {0};
    ph_buffer_addf(&verdict, "%s: %s",
                   fit->svgd->converged ? "Converged" : "NOT CONVERGED",
                   fit->svgd->reasons);
    if (verdict.failed) {
        out->failed = 1;
    } else {
        ph_report_wrapped(out, verdict.text);
    }
    ph_buffer_free(&verdict);
}
