/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_APP_H
#define PHASIC_CLI_APP_H

#include <stddef.h>

#include "options.h"
#include "phasic/base/buffer.h"
#include "phasic/base/error.h"
#include "phasic/base/log.h"

/*
 * One run of the program. A command reads its options, leaves its result in `out` and
 * returns a status; main writes `out` to standard output, the error to standard error,
 * and turns the status into the exit code.
 */
typedef struct ph_app ph_app;

typedef struct ph_command {
    const char *name, *arguments; /* "fit", "MODEL DATA" */
    const char *summary;          /* one line for the overview */
    const char *also;             /* "simulate|sim": words that mean it elsewhere */
    const char *about;        /* paragraphs of --help, lines of at most 80 columns */
    size_t least, most;       /* number of arguments */
    int draws_numbers;        /* an unset --seed is drawn and recorded */
    const ph_option *options; /* own options, or NULL */
    const ph_option *common;  /* shared options, or NULL */
    int (*run)(ph_app *app);
} ph_command;

/* How the program talks: on standard error, progress only on a terminal. */
typedef struct ph_talk {
    const char *command;
    int quiet, verbose, terminal;
    int shown;      /* columns of the progress line that stands there */
    double last;    /* when it was last written */
    char stage[32]; /* what it tells of, since when and from which fraction on */
    double began, began_at;
    char **warning; /* every warning said, for the report */
    size_t n_warnings;
} ph_talk;

struct ph_app {
    const ph_command *command;
    int argc;
    char *const *argv;
    ph_options options;
    ph_talk talk;
    ph_log log; /* for the core; its context is `talk` */
    ph_error error;
    ph_buffer out;
};

/* The commands, ended by a NULL name, and the options that those with a model share. */
extern const ph_command ph_commands[];
extern const ph_option ph_common_options[];
const ph_command *ph_command_find(const char *name);
int ph_command_has(const ph_command *command, const char *option);

int ph_cmd_fit(ph_app *app);
int ph_cmd_grad(ph_app *app);
int ph_cmd_loglik(ph_app *app);
int ph_cmd_moments(ph_app *app);
int ph_cmd_points(ph_app *app); /* pdf, cdf, survival, hazard, quantile */
int ph_cmd_info(ph_app *app);
int ph_cmd_trace(ph_app *app);
int ph_cmd_convert(ph_app *app);
int ph_cmd_sample(ph_app *app);
int ph_cmd_summary(ph_app *app);
int ph_cmd_compare(ph_app *app);
int ph_cmd_predict(ph_app *app);
int ph_cmd_plot(ph_app *app);
int ph_cmd_completion(ph_app *app);
int ph_cmd_help(ph_app *app); /* main.c, as version */
int ph_cmd_version(ph_app *app);

extern const ph_option ph_compare_options[], ph_predict_options[], ph_summary_options[];
extern const ph_option ph_plot_options[];
extern const ph_option ph_moments_options[], ph_sample_options[];
extern const ph_option ph_fit_options[], ph_grad_options[], ph_loglik_options[],
    ph_points_options[], ph_quantile_options[], ph_info_options[], ph_trace_options[],
    ph_convert_options[];

/* clang-format off */
/* Rows that several tables hold. */
#define PH_OPTION_ENGINE                                                               \
    {"engine", 0, PH_OPTION_CHOICE, "auto|uniformization|contour|plain", "auto", 0, 0, \
     0,                                                                                \
     "how densities are computed; auto chooses for each\ntime, plain is the scalar "    \
     "definition"}
#define PH_OPTION_IGNORE                                                               \
    {"ignore-columns", 0, PH_OPTION_TEXT, "NAME,...", NULL, 0, 0, 0,                   \
     "data columns to pass over"}
#define PH_OPTION_GROUP                                                                \
    {"group", 0, PH_OPTION_TEXT, "NAME=CONSTANT", NULL, 0, 0, 0,                       \
     "the labels in column NAME are values of CONSTANT: each\ngroup has its own"}
#define PH_OPTION_REWARD                                                               \
    {"reward", 0, PH_OPTION_TEXT, "NAME", "time", 0, 0, 0,                             \
     "the total of this reward of the model in place of\nthe time"}
#define PH_OPTION_END {NULL, 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0, NULL}
/* clang-format on */

/*
 * output.c: writes a file for an option of a command with --force, or, for "-", adds it
 * to the result on standard output.
 */
int ph_app_write(ph_app *app, const char *path, const ph_buffer *file);

/* help.c: texts of --help. */
void ph_help_overview(ph_buffer *out);
void ph_help_command(const ph_command *command, ph_buffer *out);

/* talk.c */
void ph_talk_init(ph_talk *self, ph_log *log, const char *command, int quiet,
                  int verbose);
void ph_talk_free(ph_talk *self);
/* Removes the progress line. */
void ph_talk_clear(ph_talk *self);
/* One warning: to standard error unless quiet, and kept. */
void ph_talk_warn(ph_talk *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The error on standard error, as text or as JSON. */
void ph_talk_error(const char *command, const ph_error *error, int json);

/*
 * output.c: PH_E_CREATE where `path` is an argument of the command, exists and --force
 * is not given, or stands in a folder that nothing can be created in; `option` names
 * what the user chooses it by.
 */
int ph_output_check(ph_app *app, const char *path, const char *option);

/*
 * output.c: what the names of several files of --output begin with, *length bytes of
 * *prefix: without .json or .csv, where one of the files is named. PH_E_USAGE where it
 * is "-", or ends in a folder.
 */
int ph_output_prefix(ph_app *app, const char **prefix, int *length);

/* signals.c: INT, TERM and USR1 ask for a stop; a second one kills at once. */
void ph_signals_catch(void);
int ph_signals_pending(void); /* the signal that came, or 0 */
/* Dies by the signal's default action. */
void ph_signals_die(int signal);

#endif
