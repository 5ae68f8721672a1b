/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_SAVED_H
#define PHASIC_REPORT_SAVED_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/base/error.h"
#include "phasic/report/summary.h"

/* A file that the fit was made from. */
typedef struct ph_saved_input {
    char *file;      /* as it was given */
    char *path;      /* absolute; NULL: the standard input, a pipe */
    char digest[65]; /* SHA-256 */
} ph_saved_input;

/* One setting of the fit; a list may have several texts, what was not set has none. */
typedef struct ph_saved_setting {
    char *name, *source;
    size_t length;
    char **text; /* as an option takes it: numbers as text, flags "1" or "0" */
} ph_saved_setting;

/* A number of `diagnostics`; NaN where the file has null. */
typedef struct ph_saved_number {
    char *name;
    double value;
} ph_saved_number;

/* A fit read back from PREFIX.json and PREFIX.csv. Plain and immutable. */
typedef struct ph_saved {
    char *prefix, *json_path, *csv_path;
    char *json_text; /* PREFIX.json as it stands */
    char *version;   /* of the program that made it */
    size_t n_command;
    char **command;
    uint64_t seed;
    char *model_name; /* or NULL */
    ph_saved_input model, data;
    double observations;
    size_t rows, distinct;
    size_t composite; /* rows of several totals */
    size_t n_settings;
    ph_saved_setting *settings;

    size_t n_parameters;  /* the first rows; the others are derived quantities */
    size_t length;        /* rows of the stored summary */
    ph_summary_row *row;  /* names are owned */
    size_t n_correlated;  /* quantities that vary */
    size_t *correlated;   /* [n_correlated] rows */
    double *correlation;  /* [n_correlated][n_correlated] */
    size_t n_diagnostics; /* the members of `diagnostics` that are numbers or null */
    ph_saved_number *diagnostics;
    size_t n_history; /* iterations */
    double *history;  /* [n_history][PH_HISTORY_COLUMNS], NaN where it has no KSD */
    int converged;
    size_t n_reasons;
    char **reasons;
    double seconds_setup, seconds_fit;
    size_t n_warnings;
    char **warnings;

    size_t draws;       /* rows of PREFIX.csv */
    size_t columns;     /* quantities that have a column there */
    size_t *column_row; /* [columns] their rows of the summary */
    double *draw;       /* [draws][columns] */
    double *draw_log_p; /* [draws] */
} ph_saved;

/*
 * Reads the fit that `name` means: PREFIX, PREFIX.json or PREFIX.csv. Keys that are not
 * known are passed over; keys that are missing or of a wrong type, draws that are no
 * numbers, and draws of another fit are PH_E_DATA with file, place and what was
 * expected. A file that cannot be read is PH_E_INPUT; else PH_E_MEMORY. The inputs of
 * the fit are not touched.
 */
int ph_saved_read(ph_saved **self, const char *name, ph_error *error);
void ph_saved_free(ph_saved *self);

/* Row of a parameter or derived quantity, or -1; column of a row in the draws, or -1.
 */
long ph_saved_row(const ph_saved *self, const char *name);
long ph_saved_column(const ph_saved *self, size_t row);
/* A setting, or NULL where the fit knew none of this name. */
const ph_saved_setting *ph_saved_setting_find(const ph_saved *self, const char *name);
/* The one text of a setting, or NULL. */
const char *ph_saved_setting_text(const ph_saved *self, const char *name);
/* A number of `diagnostics`, NaN where there is none of this name. */
double ph_saved_diagnostic(const ph_saved *self, const char *name);
/*
 * Parameters of draw i in the model's order into theta[n_parameters]; a parameter
 * without a column (PH_E_DATA) cannot be.
 */
int ph_saved_theta(const ph_saved *self, size_t i, double *theta, ph_error *error);

/*
 * PH_E_DATA, saying so, where the digest of a file that was just read is not that which
 * the fit was made from; `what` is "model" or "data".
 */
int ph_saved_check(const ph_saved *self, const ph_saved_input *input, const char *what,
                   const char *file, const char *digest, ph_error *error);

#endif
