/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_SUMMARY_H
#define PHASIC_REPORT_SUMMARY_H

#include <stddef.h>

#include "phasic/base/buffer.h"
#include "phasic/data/data.h"
#include "phasic/fit/fit.h"
#include "phasic/model/model.h"

#define PH_QUANTILES 7 /* 2.5 5 25 50 75 95 97.5 % */
extern const double ph_quantile_level[PH_QUANTILES];

/* Summary of one parameter or derived quantity over the weighted sample. */
typedef struct ph_summary_row {
    const char *name;
    int fixed;         /* not inferred, or derived and everywhere the same */
    size_t not_finite; /* sample points where it has no value: then all below is NaN */
    double mean, sd, mcse; /* mcse: Monte Carlo standard error of the mean */
    double quantile[PH_QUANTILES];
} ph_summary_row;

typedef struct ph_summary {
    size_t length; /* rows: parameters, then derived quantities */
    ph_summary_row *row;
    size_t n_correlated; /* rows that vary */
    size_t *correlated;  /* their numbers */
    double *correlation; /* [n_correlated][n_correlated] */
} ph_summary;

/* Refers to the model's names. Returns 0 or PH_E_MEMORY. */
int ph_summary_new(ph_summary **self, const ph_fit *fit, const ph_model *model);
void ph_summary_free(ph_summary *self);

/* Everything PREFIX.json says beside the fit itself. */
typedef struct ph_setting_record {
    const char *name, *source; /* "flag", "environment", "config", "default", "drawn" */
    const char *value;         /* JSON text */
} ph_setting_record;

typedef struct ph_provenance {
    const char *version;
    int argc;
    const char *const *argv;
    uint64_t seed;
    const ph_model *model;
    const ph_data *data;
    const char *model_path, *data_path; /* absolute; NULL: a pipe */
    const ph_setting_record *settings;
    size_t n_settings;
    double seconds_setup, seconds_fit;
    const char *const *warnings;
    size_t n_warnings;
} ph_provenance;

/* "3 states", with the noun in the plural unless there is one. */
void ph_report_count(ph_buffer *out, double n, const char *noun);
/* The posterior table for people (UTF-8), with correlation and verdict. */
void ph_report_text(ph_buffer *out, const ph_summary *summary, const ph_fit *fit,
                    const ph_provenance *provenance);
/* PREFIX.json (the shape of phasic-result(5)). */
void ph_report_json(ph_buffer *out, const ph_summary *summary, const ph_fit *fit,
                    const ph_provenance *provenance);
/* PREFIX.csv: the equal-weight draws in CmdStan's CSV layout. Depends on seed, model,
 * data and settings only: no times, no thread counts. A derived quantity without a
 * value in some draw is left out: readers stop at what is not a finite number. */
void ph_report_csv(ph_buffer *out, const ph_fit *fit, const ph_provenance *provenance);

#endif
