/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modes of the posterior density and maximum likelihood, in all forms. */
#include "phasic/report/map.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "phasic/report/table.h"
#include "report_private.h"

#define DIGITS 6

static const char *name_of(const ph_map *map, const ph_model *model, size_t column)
{
    return column < map->p ? model->parameters[column].name
                           : model->derived[column - map->p].name;
}

static int is_fixed(const ph_map *map, const ph_model *model, size_t column)
{
    return column < map->p && model->parameters[column].is_fixed;
}

static int has_prior(const ph_map *map)
{
    return (map->parts & PH_POSTERIOR_PRIOR) != 0;
}

static int has_jacobian(const ph_map *map)
{
    return (map->parts & PH_POSTERIOR_JACOBIAN) != 0;
}

/* ---- tables ---- */

static void fill_table(ph_table *table, const ph_map *map, const ph_model *model)
{
    for (size_t c = 0; c < map->columns; c++) {
        ph_table_text(table, name_of(map, model, c));
        ph_table_number(table, map->mode[0].value[c]);
        if (is_fixed(map, model, c) && table->digits) {
            ph_table_text(table, "fixed");
            ph_table_text(table, "");
            ph_table_text(table, "");
            continue;
        }
        ph_table_number(table, map->mode[0].error[c]);
        ph_table_number(table, ph_map_quantile(map, 0, c, 0.025));
        ph_table_number(table, ph_map_quantile(map, 0, c, 0.975));
    }
}

static void add_table(ph_buffer *out, const ph_map *map, const ph_model *model,
                      const char *first, int digits)
{
    ph_table table = {.digits = digits, .keep_zeros = 1};
    ph_table_head(&table, first);
    ph_table_head(&table, has_prior(map) ? "mode" : "estimate");
    ph_table_head(&table, digits ? "std. error" : "standard_error");
    ph_table_head(&table, "2.5%");
    ph_table_head(&table, "97.5%");
    fill_table(&table, map, model);
    if (digits) {
        ph_table_write_text(&table, out);
    } else {
        ph_table_write_csv(&table, out);
    }
    ph_table_free(&table);
}

void ph_report_map_table(ph_buffer *out, const ph_map *map,
                         const ph_provenance *provenance)
{
    add_table(out, map, provenance->model, "name", 0);
}

static void add_number(ph_buffer *out, const char *before, double value)
{
    char number[40];
    ph_buffer_addf(out, "%s%s", before, ph_number_text(value, 8, 0, number));
}

void ph_report_map_text(ph_buffer *out, const ph_map *map,
                        const ph_provenance *provenance)
{
    const ph_model *model = provenance->model;
    ph_buffer verdict = {0};
    ph_buffer_addf(out, "%s of %s from ",
                   !has_prior(map)     ? "Maximum likelihood"
                   : has_jacobian(map) ? "Posterior mode (unconstrained scale)"
                                       : "Posterior mode",
                   model->name ? model->name : model->file);
    ph_report_count(out, map->observations, "observation");
    ph_buffer_add(out, "\n\n");
    add_table(out, map, model, "", DIGITS);
    add_number(out, "\nLog-likelihood ", map->mode[0].log_likelihood);
    if (has_prior(map)) {
        add_number(out, ", log posterior density ", map->mode[0].log_p);
    } else {
        add_number(out, ", AIC ", map->aic);
        add_number(out, ", BIC ", map->bic);
    }
    ph_buffer_addf(out, "; %zu maxim%s; seed %llu; %.2f s\n", map->n_modes,
                   map->n_modes == 1 ? "um" : "a", (unsigned long long)provenance->seed,
                   provenance->seconds_setup + provenance->seconds_fit);
    ph_buffer_addf(&verdict, "%s: %s", map->converged ? "Converged" : "NOT CONVERGED",
                   map->reasons);
    if (verdict.failed) {
        out->failed = 1;
    } else {
        ph_report_wrapped(out, verdict.text);
    }
    ph_buffer_free(&verdict);
}

/* ---- PREFIX.json ---- */

static void add_posterior(ph_json *json, const ph_map *map, const ph_model *model)
{
    static const char *const level[PH_QUANTILES] = {"2.5%", "5%",  "25%",  "50%",
                                                    "75%",  "95%", "97.5%"};
    ph_json_object(json, "posterior");
    for (size_t c = 0; c < map->columns; c++) {
        double value = map->mode[0].value[c], error = map->mode[0].error[c];
        ph_json_object(json, name_of(map, model, c));
        ph_json_number(json, "mode", value);
        ph_json_number(json, "standard_error", error);
        ph_json_number(json, "mean", value);
        ph_json_number(json, "sd", error);
        ph_json_number(json, "mcse", 0);
        ph_json_object(json, "quantiles");
        for (int q = 0; q < PH_QUANTILES; q++) {
            ph_json_number(json, level[q],
                           ph_map_quantile(map, 0, c, ph_quantile_level[q]));
        }
        ph_json_close(json);
        if (is_fixed(map, model, c)) {
            ph_json_boolean(json, "fixed", 1);
        }
        ph_json_close(json);
    }
    ph_json_close(json);
}

static void add_correlation(ph_json *json, const ph_map *map, const ph_model *model)
{
    ph_json_object(json, "correlation");
    ph_json_row(json, "names");
    for (size_t c = 0; c < map->columns; c++) {
        if (!is_fixed(map, model, c)) {
            ph_json_text(json, NULL, name_of(map, model, c));
        }
    }
    ph_json_close(json);
    ph_json_array(json, "matrix");
    for (size_t a = 0; a < map->columns; a++) {
        if (is_fixed(map, model, a)) {
            continue;
        }
        ph_json_row(json, NULL);
        for (size_t b = 0; b < map->columns; b++) {
            if (!is_fixed(map, model, b)) {
                ph_json_number(json, NULL, map->correlation[a * map->columns + b]);
            }
        }
        ph_json_close(json);
    }
    ph_json_close(json);
    ph_json_close(json);
}

static void add_values(ph_json *json, const char *key, const ph_map *map,
                       const ph_model *model, const double *value)
{
    ph_json_object(json, key);
    for (size_t c = 0; c < map->columns; c++) {
        ph_json_number(json, name_of(map, model, c), value[c]);
    }
    ph_json_close(json);
}

static void add_modes(ph_json *json, const ph_map *map, const ph_model *model)
{
    ph_json_array(json, "mode_list");
    for (size_t m = 0; m < map->n_modes; m++) {
        const ph_maximum *it = &map->maxima->maximum[m];
        ph_json_object(json, NULL);
        ph_json_number(json, "log_density", it->log_p);
        ph_json_number(json, "log_likelihood", map->mode[m].log_likelihood);
        ph_json_number(json, "share", map->mode[m].share);
        ph_json_numbers(json, "z", map->d, it->z);
        add_values(json, "value", map, model, map->mode[m].value);
        add_values(json, "standard_error", map, model, map->mode[m].error);
        ph_json_boolean(json, "weakly_identified",
                        it->weak || it->fault != PH_MAXIMUM_FINE);
        ph_json_numbers(json, "weak_direction", map->d, it->direction);
        ph_json_close(json);
    }
    ph_json_close(json);
}

static void add_diagnostics(ph_json *json, const ph_map *map, const ph_model *model)
{
    ph_json_object(json, "diagnostics");
    ph_json_text(json, "maximised",
                 !has_prior(map)     ? "likelihood"
                 : has_jacobian(map) ? "posterior density of the unconstrained values"
                                     : "posterior density of the parameters");
    ph_json_number(json, "log_density", map->mode[0].log_p);
    ph_json_number(json, "log_likelihood", map->mode[0].log_likelihood);
    ph_json_whole(json, "free_parameters", map->d);
    if (!has_prior(map)) {
        ph_json_number(json, "aic", map->aic);
        ph_json_number(json, "bic", map->bic);
    }
    ph_json_whole(json, "value_evaluations", map->maxima->value_evaluations);
    ph_json_whole(json, "score_evaluations", map->maxima->score_evaluations);
    ph_json_whole(json, "outside_model", map->outside);
    ph_json_whole(json, "beyond_rates", map->beyond);
    ph_json_whole(json, "modes", map->n_modes);
    add_modes(json, map, model);
    ph_json_close(json);
}

void ph_report_map_json(ph_buffer *out, const ph_map *map,
                        const ph_provenance *provenance)
{
    ph_json json;
    ph_json_init(&json, out);
    ph_json_object(&json, NULL);
    ph_report_origin(&json, provenance);
    ph_json_text(&json, "method", "map");
    add_posterior(&json, map, provenance->model);
    add_correlation(&json, map, provenance->model);
    add_diagnostics(&json, map, provenance->model);
    ph_report_verdict(&json, map->converged, map->reasons);
    ph_report_close(&json, provenance, 0, NULL);
    ph_json_close(&json);
}

/* ---- PREFIX.csv ---- */

void ph_report_map_csv(ph_buffer *out, const ph_map *map,
                       const ph_provenance *provenance)
{
    const ph_map_mode *mode = &map->mode[0];
    ph_report_csv_origin(out, provenance);
    ph_buffer_addf(out,
                   "# method = optimize\n"
                   "#   optimize\n"
                   "#     algorithm = newton\n"
                   "#     jacobian = %d\n"
                   "#     save_iterations = 0\n"
                   "#     phasic_prior = %d\n"
                   "#     phasic_converged = %d\n"
                   "# id = 1\n"
                   "# random\n"
                   "#   seed = %llu\n"
                   "lp__",
                   has_jacobian(map), has_prior(map), map->converged != 0,
                   (unsigned long long)provenance->seed);
    for (size_t c = 0; c < map->columns; c++) {
        if (isfinite(mode->value[c])) { /* readers stop at what is not finite */
            ph_buffer_addf(out, ",%s", name_of(map, provenance->model, c));
        }
    }
    ph_buffer_add(out, "\n");
    ph_buffer_add_double(out, mode->log_p);
    for (size_t c = 0; c < map->columns; c++) {
        if (isfinite(mode->value[c])) {
            ph_buffer_add(out, ",");
            ph_buffer_add_double(out, mode->value[c]);
        }
    }
    ph_buffer_add(out, "\n");
}
