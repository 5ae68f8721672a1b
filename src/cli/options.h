/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_OPTIONS_H
#define PHASIC_CLI_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/base/error.h"
#include "phasic/report/json.h"
#include "phasic/report/summary.h"

/*
 * Options are data. A command has one table of them, from which the parser, --help, the
 * environment's names (PHASIC_ and the option's name), configuration files and the
 * man page's option lists are made or checked.
 */
typedef enum ph_option_kind {
    PH_OPTION_FLAG,   /* no argument */
    PH_OPTION_TEXT,   /* any text */
    PH_OPTION_LIST,   /* any text, may be repeated */
    PH_OPTION_WHOLE,  /* a whole number from lower to upper */
    PH_OPTION_REAL,   /* a number from lower to upper */
    PH_OPTION_CHOICE, /* one of the words of `argument`, which are divided by '|' */
    PH_OPTION_HEADING /* not an option: a title in --help */
} ph_option_kind;

/* What is special about an option; may be added up. */
enum {
    PH_OPTION_FLAG_ONLY = 1, /* comes from the command line alone */
    PH_OPTION_REFUSED = 2,   /* others have it, here `help` says why not */
    PH_OPTION_READ = 4       /* names a file to read; "-" is the standard input */
};

typedef struct ph_option {
    const char *name; /* long name without the dashes; NULL ends a table */
    char letter;      /* short name, or 0 */
    ph_option_kind kind;
    const char *argument; /* name of the argument in help texts */
    const char *initial;  /* value when nothing is said, or NULL */
    double lower, upper;
    int scope;
    const char *help;
} ph_option;

/* What an option came to be, and from where: the order is the order of precedence. */
typedef enum ph_source {
    PH_SOURCE_DEFAULT,
    PH_SOURCE_DRAWN,
    PH_SOURCE_CONFIG,
    PH_SOURCE_ENVIRONMENT,
    PH_SOURCE_FLAG
} ph_source;
const char *ph_source_name(ph_source source);

typedef struct ph_option_value {
    const ph_option *option;
    ph_source source;
    size_t length; /* 0: unset; a list may hold several */
    char **text;   /* owned */
} ph_option_value;

typedef struct ph_options {
    size_t length;
    ph_option_value *value; /* in the tables' order, headings left out */
    size_t n_arguments;     /* what is no option */
    char **argument;        /* owned */
    int wants_help;
} ph_options;

/* An empty set of values over up to two tables (either may be NULL). */
int ph_options_init(ph_options *self, const ph_option *own, const ph_option *common);
void ph_options_free(ph_options *self);

/*
 * Reads argv[0..argc) (after the command's name). Long options as --name value or
 * --name=value, no abbreviations; short ones as -o value, -ovalue, -qv; "--" ends the
 * options; options and arguments may be mixed. Stops at --help. PH_E_USAGE for unknown
 * options (with the nearest known one), missing or bad values.
 */
int ph_options_parse(ph_options *self, int argc, char *const *argv, ph_error *error);

/* The name of an option's environment variable, as in PHASIC_MAX_STATES. */
void ph_option_variable(const ph_option *option, char *name, size_t size);

/* Takes PHASIC_<NAME> from environ for what has no value yet. */
int ph_options_environment(ph_options *self, char *const *environment, ph_error *error);

/*
 * Takes what has no value yet from a configuration file, the form that
 * ph_options_print writes; its arguments too where there are none. `command` must be
 * the file's. PH_E_USAGE, PH_E_INPUT, PH_E_MEMORY.
 */
int ph_options_config(ph_options *self, const char *path, const char *command,
                      ph_error *error);

/* Adds one argument that is no option. */
int ph_options_argument(ph_options *self, const char *text, ph_error *error);

/* Gives the initial values to what is still unset. */
int ph_options_defaults(ph_options *self);

/* Adds one value; for tables, tests and drawn values. Checks it. */
int ph_options_set(ph_options *self, const char *name, const char *text,
                   ph_source source, ph_error *error);

/* Values by name; the name must be in the table. Unset: NULL, 0. */
const char *ph_options_text(const ph_options *self, const char *name);
uint64_t ph_options_whole(const ph_options *self, const char *name);
double ph_options_real(const ph_options *self, const char *name);
int ph_options_flag(const ph_options *self, const char *name);
int ph_options_has(const ph_options *self, const char *name); /* in the table? */
const ph_option_value *ph_options_find(const ph_options *self, const char *name);

/* Every setting that a run depends on, as records of JSON; release with the function.
 */
int ph_options_records(const ph_options *self, ph_setting_record **records,
                       size_t *length);
void ph_options_records_free(ph_setting_record *records, size_t length);

/* The merged settings as a configuration file. */
void ph_options_print(const ph_options *self, const char *command, ph_buffer *out);

/* The option lists of --help. */
void ph_options_help(const ph_option *table, ph_buffer *out);

#endif
