/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command-line parser. getopt_long accepts abbreviations, which scripts come to
 * depend on and which a later option makes ambiguous, and it cannot suggest; so it is
 * not used. Every source of settings (flags, environment, configuration file, defaults)
 * ends in ph_options_set, which checks the value by the option's kind.
 */
#include "options.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"
#include "phasic/model/model.h"

#define MOST_OPTIONS 128 /* of one command, for suggestions */

const char *ph_source_name(ph_source source)
{
    static const char *const name[] = {"default", "drawn", "config", "environment",
                                       "flag"};
    return name[source];
}

static size_t count_options(const ph_option *table)
{
    size_t n = 0;
    for (; table && table->name; table++) {
        n += table->kind != PH_OPTION_HEADING;
    }
    return n;
}

static void append_table(ph_options *self, const ph_option *table)
{
    for (; table && table->name; table++) {
        if (table->kind != PH_OPTION_HEADING) {
            self->value[self->length++].option = table;
        }
    }
}

int ph_options_init(ph_options *self, const ph_option *own, const ph_option *common)
{
    memset(self, 0, sizeof *self);
    size_t n = count_options(own) + count_options(common);
    self->value = ph_alloc(n, sizeof *self->value);
    if (!self->value) {
        return PH_E_MEMORY;
    }
    append_table(self, own);
    append_table(self, common);
    return PH_OK;
}

static void clear_value(ph_option_value *value)
{
    for (size_t i = 0; i < value->length; i++) {
        free(value->text[i]);
    }
    free(value->text);
    value->text = NULL;
    value->length = 0;
}

void ph_options_free(ph_options *self)
{
    for (size_t i = 0; i < self->length; i++) {
        clear_value(&self->value[i]);
    }
    for (size_t i = 0; i < self->n_arguments; i++) {
        free(self->argument[i]);
    }
    free(self->argument);
    free(self->value);
    memset(self, 0, sizeof *self);
}

static ph_option_value *find(const ph_options *self, const char *name, size_t length)
{
    for (size_t i = 0; i < self->length; i++) {
        const char *known = self->value[i].option->name;
        if (strlen(known) == length && strncmp(known, name, length) == 0) {
            return &self->value[i];
        }
    }
    return NULL;
}

int ph_options_has(const ph_options *self, const char *name)
{
    return find(self, name, strlen(name)) != NULL;
}

const ph_option_value *ph_options_find(const ph_options *self, const char *name)
{
    const ph_option_value *value = find(self, name, strlen(name));
    assert(value);
    return value;
}

const char *ph_options_text(const ph_options *self, const char *name)
{
    const ph_option_value *value = ph_options_find(self, name);
    return value->length ? value->text[value->length - 1] : NULL;
}

double ph_options_real(const ph_options *self, const char *name)
{
    const char *text = ph_options_text(self, name);
    double x = 0;
    if (text) {
        (void)ph_double_read(text, strlen(text), &x); /* checked when it was set */
    }
    return x;
}

uint64_t ph_options_whole(const ph_options *self, const char *name)
{
    return (uint64_t)ph_options_real(self, name);
}

int ph_options_flag(const ph_options *self, const char *name)
{
    const char *text = ph_options_text(self, name);
    return text && strcmp(text, "1") == 0;
}

/* ---- checking ---- */

static int is_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    while (*choices) {
        size_t n = strcspn(choices, "|");
        if (n == length && strncmp(choices, text, n) == 0) {
            return 1;
        }
        choices += n + (choices[n] == '|');
    }
    return 0;
}

static int bad_value(const char *text, ph_error *error, const char *expected)
{
    ph_error_found(error, text, -1);
    return ph_error_set(error, PH_E_USAGE, "expects %s", expected);
}

static int check_number(const ph_option *option, const char *text, ph_error *error)
{
    int whole = option->kind == PH_OPTION_WHOLE;
    double x;
    if (ph_double_read(text, strlen(text), &x) == PH_OK && (!whole || x == floor(x)) &&
        x >= option->lower && x <= option->upper) {
        return PH_OK;
    }
    char expected[128], from[32], to[32];
    snprintf(expected, sizeof expected, "a %s from %s to %s",
             whole ? "whole number" : "number", ph_double_text(option->lower, from),
             ph_double_text(option->upper, to));
    return bad_value(text, error, expected);
}

/* The nearest of the words "a|b|c" to a mistyped one, or NULL. */
static const char *nearest_choice(const char *choices, const char *text, char *buffer,
                                  size_t size)
{
    const char *known[32];
    size_t n = 0;
    snprintf(buffer, size, "%s", choices);
    for (char *at = buffer; *at && n < 32; n++) {
        size_t length = strcspn(at, "|");
        int last = at[length] == '\0';
        at[length] = '\0';
        known[n] = at;
        at += length + !last;
    }
    return ph_nearest_name(text, known, n);
}

static int bad_choice(const ph_option *option, const char *text, ph_error *error)
{
    char words[256];
    const char *near = nearest_choice(option->argument, text, words, sizeof words);
    ph_error_found(error, text, -1);
    return ph_error_set(error, PH_E_USAGE, "expects one of %s%s%s%s", option->argument,
                        near ? ", did you mean '" : "", near ? near : "",
                        near ? "'?" : "");
}

static int check_value(const ph_option *option, const char *text, ph_error *error)
{
    switch (option->kind) {
    case PH_OPTION_WHOLE:
    case PH_OPTION_REAL: return check_number(option, text, error);
    case PH_OPTION_FLAG:
        return is_choice("0|1", text) ? PH_OK : bad_value(text, error, "0 or 1");
    case PH_OPTION_CHOICE:
        return is_choice(option->argument, text) ? PH_OK
                                                 : bad_choice(option, text, error);
    default: break;
    }
    return text[0] ? PH_OK : bad_value("", error, "a text that is not empty");
}

/* Adds a checked value: to a list, or in place of what a weaker source said. */
static int store(ph_option_value *value, const char *text, ph_source source,
                 ph_error *error)
{
    int status = check_value(value->option, text, error);
    if (status != PH_OK) {
        return status;
    }
    if (value->option->kind != PH_OPTION_LIST || value->source != source) {
        clear_value(value);
    }
    char **grown = ph_realloc(value->text, value->length + 1, sizeof *grown);
    char *copy = ph_strdup(text);
    if (grown) {
        value->text = grown;
    }
    if (!grown || !copy) {
        free(copy);
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    value->text[value->length++] = copy;
    value->source = source;
    return PH_OK;
}

int ph_options_set(ph_options *self, const char *name, const char *text,
                   ph_source source, ph_error *error)
{
    ph_option_value *value = find(self, name, strlen(name));
    assert(value);
    return store(value, text, source, error);
}

int ph_options_defaults(ph_options *self)
{
    for (size_t i = 0; i < self->length; i++) {
        ph_option_value *value = &self->value[i];
        if (value->length == 0 && value->option->initial) {
            int status = store(value, value->option->initial, PH_SOURCE_DEFAULT, NULL);
            if (status != PH_OK) {
                return status;
            }
        }
    }
    return PH_OK;
}

/* ---- the command line ---- */

/* What other programs call an option; of several, the first that the command has. */
static const char *const elsewhere[][2] = {
    {"num-samples", "draws"},   {"num-samples", "observations"},
    {"num-chains", "chains"},   {"num-warmup", "warmup"},
    {"iter", "max-iterations"}, {"iter", "observations"},
    {"iter-sampling", "draws"}, {"iter-warmup", "warmup"}};

static const char *other_name(const ph_options *self, const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        const char *theirs = elsewhere[i][0], *ours = elsewhere[i][1];
        if (strlen(theirs) == length && memcmp(theirs, name, length) == 0 &&
            ph_options_has(self, ours)) {
            return ours;
        }
    }
    return NULL;
}

/* The known option that a mistyped one may have meant: that of another program, one it
 * abbreviates, or the nearest by edit distance. */
static const char *suggest(const ph_options *self, const char *name, size_t length)
{
    const char *known[MOST_OPTIONS], *other = other_name(self, name, length);
    size_t n = 0;
    if (other) {
        return other;
    }
    for (size_t i = 0; i < self->length && n < MOST_OPTIONS; i++) {
        if (self->value[i].option->scope & PH_OPTION_REFUSED) {
            continue;
        }
        known[n++] = self->value[i].option->name;
        if (length >= 2 && strncmp(known[n - 1], name, length) == 0) {
            return known[n - 1];
        }
    }
    char typed[64];
    snprintf(typed, sizeof typed, "%.*s", length < 63 ? (int)length : 63, name);
    return ph_nearest_name(typed, known, n);
}

static int unknown(const ph_options *self, const char *argument, ph_error *error)
{
    const char *name = argument + 2;
    size_t length = strcspn(name, "=");
    const char *near = argument[1] == '-' ? suggest(self, name, length) : NULL;
    return ph_error_set(error, PH_E_USAGE, "unknown option '%.*s'%s%s%s",
                        (int)(strlen(argument) < 80 ? strcspn(argument, "=") : 80),
                        argument, near ? ", did you mean '--" : "", near ? near : "",
                        near ? "'?" : "");
}

/* The form of a picture, given as the form of the result. */
static int check_format(const ph_options *self, const ph_option *option,
                        const char *text, ph_error *error)
{
    static const char *const forms[] = {"svg", "png", "pdf"};
    int mistaken = 0;
    if (text && strcmp(option->name, "format") == 0 &&
        ph_options_has(self, "picture")) {
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
            mistaken |= strcmp(text, forms[i]) == 0;
        }
    }
    if (!mistaken) {
        return PH_OK;
    }
    ph_error_found(error, text, -1);
    return ph_error_set(error, PH_E_USAGE,
                        "expects one of %s; the form of a picture is --picture %s",
                        option->argument, text);
}

/* Sets an option from the command line; errors name it as --name. */
static int take(ph_options *self, ph_option_value *value, const char *text,
                ph_error *error)
{
    int status = check_format(self, value->option, text, error);
    if (status == PH_OK) {
        status = store(value, text, PH_SOURCE_FLAG, error);
    }
    if (status != PH_OK) {
        ph_error_place(error, "--%s", value->option->name);
    }
    if (strcmp(value->option->name, "help") == 0) {
        self->wants_help = 1;
    }
    return status;
}

static int missing(const ph_option *option, ph_error *error)
{
    ph_error_place(error, "--%s", option->name);
    return ph_error_set(error, PH_E_USAGE,
                        "expects %s after it (write --%s=VALUE for a value that begins "
                        "with --)",
                        option->argument, option->name);
}

static int is_option(const char *text)
{
    return strncmp(text, "--", 2) == 0 && text[2];
}

/* --name, --name=value or --name value; *used is raised by the arguments taken. */
static int parse_long(ph_options *self, int argc, char *const *argv, int *used,
                      ph_error *error)
{
    const char *name = argv[*used] + 2;
    size_t length = strcspn(name, "=");
    ph_option_value *value = find(self, name, length);
    if (!value) {
        return unknown(self, argv[*used], error);
    }
    const char *text = name[length] == '=' ? name + length + 1 : NULL;
    ++*used;
    if (value->option->scope & PH_OPTION_REFUSED) {
        ph_error_place(error, "--%s", value->option->name);
        return ph_error_set(error, PH_E_USAGE, "%s", value->option->help);
    }
    if (value->option->kind == PH_OPTION_FLAG) {
        if (text) {
            ph_error_place(error, "--%s", value->option->name);
            ph_error_found(error, text, -1);
            return ph_error_set(error, PH_E_USAGE, "takes no value");
        }
        return take(self, value, "1", error);
    }
    if (!text) {
        if (*used >= argc || is_option(argv[*used])) {
            return missing(value->option, error);
        }
        text = argv[(*used)++];
    }
    return take(self, value, text, error);
}

static ph_option_value *find_letter(const ph_options *self, char letter)
{
    for (size_t i = 0; i < self->length; i++) {
        if (self->value[i].option->letter == letter) {
            return &self->value[i];
        }
    }
    return NULL;
}

/* -q, -qv, -o value, -ovalue. */
static int parse_short(ph_options *self, int argc, char *const *argv, int *used,
                       ph_error *error)
{
    const char *at = argv[*used] + 1;
    ++*used;
    for (; *at && !self->wants_help; at++) {
        ph_option_value *value = find_letter(self, *at);
        if (!value) {
            char letter[3] = {'-', *at, '\0'};
            if (strlen(argv[*used - 1]) > 2) {
                ph_error_found(error, argv[*used - 1], -1);
            }
            return unknown(self, letter, error);
        }
        if (value->option->kind == PH_OPTION_FLAG) {
            int status = take(self, value, "1", error);
            if (status != PH_OK) {
                return status;
            }
            continue;
        }
        if (at[1]) {
            return take(self, value, at + 1, error);
        }
        if (*used >= argc || is_option(argv[*used])) {
            return missing(value->option, error);
        }
        return take(self, value, argv[(*used)++], error);
    }
    return PH_OK;
}

int ph_options_argument(ph_options *self, const char *text, ph_error *error)
{
    char **grown = ph_realloc(self->argument, self->n_arguments + 1, sizeof *grown);
    char *copy = ph_strdup(text);
    if (grown) {
        self->argument = grown;
    }
    if (!grown || !copy) {
        free(copy);
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    self->argument[self->n_arguments++] = copy;
    return PH_OK;
}

int ph_options_parse(ph_options *self, int argc, char *const *argv, ph_error *error)
{
    int status = PH_OK, used = 0, only_arguments = 0;
    while (used < argc && status == PH_OK && !self->wants_help) {
        const char *text = argv[used];
        if (only_arguments || text[0] != '-' || text[1] == '\0') {
            status = ph_options_argument(self, text, error);
            used++;
        } else if (strcmp(text, "--") == 0) {
            only_arguments = 1;
            used++;
        } else if (text[1] == '-') {
            status = parse_long(self, argc, argv, &used, error);
        } else {
            status = parse_short(self, argc, argv, &used, error);
        }
    }
    return status;
}

/* ---- the environment ---- */

void ph_option_variable(const ph_option *option, char *name, size_t size)
{
    snprintf(name, size, "PHASIC_%s", option->name);
    for (char *at = name + 7; *at; at++) {
        *at = (char)(*at == '-' ? '_' : toupper((unsigned char)*at));
    }
}

int ph_options_environment(ph_options *self, char *const *environment, ph_error *error)
{
    for (size_t i = 0; i < self->length; i++) {
        ph_option_value *value = &self->value[i];
        if (value->length > 0 ||
            value->option->scope & (PH_OPTION_FLAG_ONLY | PH_OPTION_REFUSED)) {
            continue;
        }
        char name[64];
        ph_option_variable(value->option, name, sizeof name);
        size_t length = strlen(name);
        for (char *const *at = environment; *at; at++) {
            if (strncmp(*at, name, length) != 0 || (*at)[length] != '=' ||
                (*at)[length + 1] == '\0') {
                continue;
            }
            int status = store(value, *at + length + 1, PH_SOURCE_ENVIRONMENT, error);
            if (status != PH_OK) {
                ph_error_place(error, "environment variable %s", name);
                return status;
            }
        }
    }
    return PH_OK;
}

/* ---- help ---- */

void ph_options_help(const ph_option *table, ph_buffer *out)
{
    for (; table && table->name; table++) {
        if (table->kind == PH_OPTION_HEADING) {
            ph_buffer_addf(out, "\n%s\n", table->help);
            continue;
        }
        if (table->scope & PH_OPTION_REFUSED) {
            continue;
        }
        char left[64], letter[8] = "    ";
        if (table->letter) {
            snprintf(letter, sizeof letter, "-%c, ", table->letter);
        }
        snprintf(left, sizeof left, "%s--%s%s%s", letter, table->name,
                 table->argument ? " " : "", table->argument ? table->argument : "");
        int wide = strlen(left) > 24;
        ph_buffer_addf(out, "  %-*s%s", wide ? 0 : 26, left,
                       wide ? "\n                            " : "");
        for (const char *at = table->help; *at; at++) {
            ph_buffer_add_n(out, at, 1);
            if (*at == '\n') {
                ph_buffer_add(out, "                            ");
            }
        }
        if (table->initial && table->kind != PH_OPTION_FLAG) {
            ph_buffer_addf(out, " [%s]", table->initial);
        }
        ph_buffer_add(out, "\n");
    }
}
