/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PREFIX.json: what the fit found, how far it can be believed, and how it was made. */
#include <string.h>

#include "report_private.h"

void ph_report_origin(ph_json *json, const ph_provenance *p)
{
    ph_json_text(json, "phasic", p->version);
    ph_json_row(json, "command");
    for (int i = 0; i < p->argc; i++) {
        ph_json_text(json, NULL, p->argv[i]);
    }
    ph_json_close(json);
    ph_json_whole(json, "seed", p->seed);
    ph_json_object(json, "model");
    ph_json_text(json, "name", p->model->name);
    ph_json_text(json, "file", p->model->file);
    ph_json_text(json, "path", p->model_path);
    ph_json_text(json, "digest", p->model->digest);
    ph_json_row(json, "parameters");
    for (size_t i = 0; i < p->model->n_parameters; i++) {
        ph_json_text(json, NULL, p->model->parameters[i].name);
    }
    ph_json_close(json);
    ph_json_close(json);
    ph_json_object(json, "data");
    ph_json_text(json, "file", p->data->file);
    ph_json_text(json, "path", p->data_path);
    ph_json_text(json, "digest", p->data->digest);
    ph_json_number(json, "observations", p->data->total_weight);
    ph_json_whole(json, "rows", p->data->rows);
    ph_json_whole(json, "distinct", p->data->n);
    if (p->data->composite > 0) {
        ph_json_whole(json, "composite", p->data->composite);
    }
    ph_json_close(json);
    ph_json_object(json, "settings");
    for (size_t i = 0; i < p->n_settings; i++) {
        ph_json_object(json, p->settings[i].name);
        ph_json_raw(json, "value", p->settings[i].value);
        ph_json_text(json, "source", p->settings[i].source);
        ph_json_close(json);
    }
    ph_json_close(json);
}

static void add_posterior(ph_json *json, const ph_summary *summary)
{
    static const char *const level[PH_QUANTILES] = {"2.5%", "5%",  "25%",  "50%",
                                                    "75%",  "95%", "97.5%"};
    ph_json_object(json, "posterior");
    for (size_t i = 0; i < summary->length; i++) {
        const ph_summary_row *row = &summary->row[i];
        ph_json_object(json, row->name);
        ph_json_number(json, "mean", row->mean);
        ph_json_number(json, "sd", row->sd);
        ph_json_number(json, "mcse", row->mcse);
        ph_json_object(json, "quantiles");
        for (int q = 0; q < PH_QUANTILES; q++) {
            ph_json_number(json, level[q], row->quantile[q]);
        }
        ph_json_close(json);
        if (row->fixed) {
            ph_json_boolean(json, "fixed", 1);
        }
        if (row->not_finite) {
            ph_json_whole(json, "not_finite", row->not_finite);
        }
        ph_json_close(json);
    }
    ph_json_close(json);
    size_t n = summary->n_correlated;
    ph_json_object(json, "correlation");
    ph_json_row(json, "names");
    for (size_t i = 0; i < n; i++) {
        ph_json_text(json, NULL, summary->row[summary->correlated[i]].name);
    }
    ph_json_close(json);
    ph_json_array(json, "matrix");
    for (size_t i = 0; i < n; i++) {
        ph_json_numbers(json, NULL, n, summary->correlation + i * n);
    }
    ph_json_close(json);
    ph_json_close(json);
}

static void add_modes(ph_json *json, const ph_svgd_result *result)
{
    ph_json_array(json, "mode_list");
    for (size_t i = 0; i < result->n_modes; i++) {
        const ph_mode *mode = &result->mode[i];
        ph_json_object(json, NULL);
        ph_json_number(json, "log_density", mode->log_p);
        ph_json_numbers(json, "z", result->d, mode->z);
        ph_json_boolean(json, "weakly_identified", mode->weak);
        if (mode->weak && mode->direction) {
            ph_json_numbers(json, "weak_direction", result->d, mode->direction);
        }
        ph_json_close(json);
    }
    ph_json_close(json);
}

static void add_history(ph_json *json, const ph_svgd_result *result)
{
    ph_json_row(json, "history_columns");
    ph_json_text(json, NULL, "mean_log_density");
    ph_json_text(json, NULL, "r1");
    ph_json_text(json, NULL, "r2");
    ph_json_text(json, NULL, "step");
    ph_json_text(json, NULL, "ksd");
    ph_json_close(json);
    ph_json_array(json, "history");
    for (size_t i = 0; result->history && i < result->diagnostics.iterations; i++) {
        ph_json_numbers(json, NULL, PH_HISTORY_COLUMNS,
                        result->history + PH_HISTORY_COLUMNS * i);
    }
    ph_json_close(json);
}

/* One object a quantity: how well the chains know it. */
static void add_mixing(ph_json *json, const char *name, const ph_mixing *it)
{
    ph_json_object(json, name);
    ph_json_number(json, "rhat", it->rhat);
    ph_json_number(json, "ess_bulk", it->ess_bulk);
    ph_json_number(json, "ess_tail", it->ess_tail);
    ph_json_number(json, "ess_mean", it->ess_mean);
    ph_json_close(json);
}

static void add_hmc(ph_json *json, const ph_fit *fit, const ph_model *model)
{
    const ph_hmc_report *it = fit->svgd->hmc;
    ph_json_object(json, "hmc");
    ph_json_whole(json, "chains", it->chains);
    ph_json_whole(json, "warmup", it->warm_up);
    ph_json_whole(json, "draws_per_chain", it->draws);
    ph_json_whole(json, "divergences", it->divergences);
    ph_json_number(json, "acceptance", it->acceptance);
    ph_json_number(json, "step_size", it->step_size);
    ph_json_number(json, "leapfrogs", it->leapfrogs);
    ph_json_number(json, "e_bfmi", it->e_bfmi);
    ph_json_object(json, "mixing");
    for (size_t m = 0, k = 0; m < model->n_parameters; m++) {
        if (!model->parameters[m].is_fixed) {
            add_mixing(json, model->parameters[m].name, &it->mixing[k++]);
        }
    }
    add_mixing(json, "lp__", &it->density);
    ph_json_close(json);
    ph_json_close(json);
}

static void add_diagnostics(ph_json *json, const ph_fit *fit, const ph_model *model)
{
    const ph_svgd_result *result = fit->svgd;
    const ph_svgd_diagnostics *d = &result->diagnostics;
    ph_json_object(json, "diagnostics");
    ph_json_whole(json, "particles", result->particles);
    ph_json_whole(json, "sample_size", fit->n);
    ph_json_whole(json, "draws", fit->draws);
    ph_json_number(json, "ess", d->ess);
    ph_json_number(json, "ess_fraction", d->ess_fraction);
    ph_json_number(json, "pareto_k", d->pareto_k);
    ph_json_number(json, "largest_weight", d->largest_weight);
    ph_json_number(json, "error_mean", d->error_mean);
    ph_json_number(json, "error_sd", d->error_sd);
    ph_json_number(json, "shift_mean", d->shift_mean);
    ph_json_number(json, "shift_sd", d->shift_sd);
    ph_json_number(json, "calibration_shift", d->calibration_shift);
    ph_json_number(json, "log_evidence", d->log_evidence);
    ph_json_number(json, "log_evidence_error", d->log_evidence_error);
    ph_json_number(json, "stein_residual_mean", d->r1);
    ph_json_number(json, "stein_residual_sd", d->r2);
    ph_json_number(json, "ksd", d->ksd);
    ph_json_boolean(json, "corrected", !d->raw);
    ph_json_boolean(json, "used_chains", d->used_chains);
    if (d->used_chains) {
        ph_json_number(json, "rhat", d->rhat);
        ph_json_number(json, "chain_ess", d->chain_ess);
        ph_json_whole(json, "mode_changes", d->mode_changes);
    }
    ph_json_whole(json, "value_evaluations", d->value_evaluations);
    ph_json_whole(json, "score_evaluations", d->score_evaluations);
    ph_json_whole(json, "outside_model", fit->outside);
    ph_json_whole(json, "beyond_rates", fit->beyond);
    ph_json_whole(json, "iterations", d->iterations);
    ph_json_whole(json, "modes", d->modes);
    add_modes(json, result);
    if (result->hmc) {
        add_hmc(json, fit, model);
    } else {
        add_history(json, result);
    }
    ph_json_close(json);
}

void ph_report_verdict(ph_json *json, int converged, const char *reasons)
{
    ph_json_boolean(json, "converged", converged);
    ph_json_array(json, "reasons");
    while (*reasons) {
        const char *end = strstr(reasons, "; ");
        size_t length = end ? (size_t)(end - reasons) : strlen(reasons);
        char sentence[1024];
        length = length < sizeof sentence ? length : sizeof sentence - 1;
        memcpy(sentence, reasons, length);
        sentence[length] = '\0';
        ph_json_text(json, NULL, sentence);
        reasons = end ? end + 2 : reasons + strlen(reasons);
    }
    ph_json_close(json);
}

void ph_report_close(ph_json *json, const ph_provenance *p, size_t stages,
                     const double *seconds)
{
    ph_json_object(json, "timing");
    ph_json_number(json, "setup_seconds", p->seconds_setup);
    ph_json_number(json, "fit_seconds", p->seconds_fit);
    if (stages) {
        ph_json_numbers(json, "stage_seconds", stages, seconds);
    }
    ph_json_close(json);
    ph_json_array(json, "warnings");
    for (size_t i = 0; i < p->n_warnings; i++) {
        ph_json_text(json, NULL, p->warnings[i]);
    }
    ph_json_close(json);
}

void ph_report_json(ph_buffer *out, const ph_summary *summary, const ph_fit *fit,
                    const ph_provenance *provenance)
{
    ph_json json;
    ph_json_init(&json, out);
    ph_json_object(&json, NULL);
    ph_report_origin(&json, provenance);
    ph_json_text(&json, "method", fit->svgd->hmc ? "hmc" : "svgd");
    add_posterior(&json, summary);
    add_diagnostics(&json, fit, provenance->model);
    ph_report_verdict(&json, fit->svgd->converged, fit->svgd->reasons);
    ph_report_close(&json, provenance, 4, fit->svgd->diagnostics.seconds);
    ph_json_close(&json);
}
