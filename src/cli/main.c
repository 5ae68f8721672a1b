/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From argv to the exit code. Only this folder prints, exits and reads the environment.
 * The locale is never set, so that numbers are written and read the same everywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <gsl/gsl_errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "app.h"
#include "completion.h"
#include "phasic/model/model.h"

/*
 * Takes the place of standard streams that are closed, the wrong way round, so that no
 * file of ours gets their numbers and using them fails as it should.
 */
static void fill_streams(void)
{
    for (int descriptor = 0; descriptor < 3; descriptor++) {
        if (fcntl(descriptor, F_GETFD) == -1 && errno == EBADF) {
            (void)open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY);
        }
    }
}

/* Writes the result; a full disk or a closed stream is an error. */
static int write_result(const ph_buffer *out, ph_error *error)
{
    if (out->failed) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    int failed =
        out->length > 0 && fwrite(out->text, 1, out->length, stdout) != out->length;
    int code = errno;
    if (fclose(stdout) != 0 && !failed) {
        failed = 1;
        code = errno;
    }
    if (failed && out->length > 0) {
        ph_error_file(error, "standard output");
        return ph_error_set(error, PH_E_WRITE, "cannot be written: %s", strerror(code));
    }
    return PH_OK;
}

/* Whether errors are wanted as JSON, before or after the options could be read. */
static int wants_json(int argc, char *const *argv, char *const *environment)
{
    int json = 0;
    for (; *environment; environment++) {
        json |= strcmp(*environment, "PHASIC_FORMAT=json") == 0;
    }
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--format", 8) == 0) {
            const char *value = argv[i][8] == '='                    ? argv[i] + 9
                                : argv[i][8] == '\0' && i + 1 < argc ? argv[i + 1]
                                                                     : "";
            json = strcmp(value, "json") == 0;
        }
    }
    return json;
}

static int draw_seed(ph_app *app)
{
    uint32_t seed;
    char text[16];
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        return ph_error_set(&app->error, PH_E_INTERNAL,
                            "the system gives no random seed; give one with --seed");
    }
    snprintf(text, sizeof text, "%lu", (unsigned long)seed);
    return ph_options_set(&app->options, "seed", text, PH_SOURCE_DRAWN, &app->error);
}

/* Environment, configuration file and defaults fill what the flags have left open. */
static int merge_settings(ph_app *app, char *const *environment)
{
    const ph_options *options = &app->options;
    const char *config =
        ph_options_has(options, "config") ? ph_options_text(options, "config") : NULL;
    int status = ph_options_environment(&app->options, environment, &app->error);
    if (status == PH_OK && config) {
        status =
            ph_options_config(&app->options, config, app->command->name, &app->error);
    }
    if (status == PH_OK && app->command->draws_numbers &&
        !ph_options_text(&app->options, "seed")) {
        status = draw_seed(app);
    }
    return status == PH_OK ? ph_options_defaults(&app->options) : status;
}

/* The standard input can be read once. OUT of convert is another stream. */
static int check_streams(ph_app *app)
{
    const char *arguments = app->command->arguments;
    size_t n = app->options.n_arguments, inputs = strstr(arguments, "OUT") ? 1 : n;
    size_t streams = 0;
    const char *option = NULL;
    for (size_t i = 0; i < n && i < inputs; i++) {
        streams += strcmp(app->options.argument[i], "-") == 0;
    }
    for (size_t i = 0; i < app->options.length; i++) {
        const ph_option_value *it = &app->options.value[i];
        if (it->option->scope & PH_OPTION_READ && it->length > 0 &&
            strcmp(it->text[it->length - 1], "-") == 0) {
            option = it->option->name;
            streams++;
        }
    }
    return streams <= 1
               ? PH_OK
               : ph_error_set(&app->error, PH_E_USAGE,
                              "the standard input can be read once: only one "
                              "of %s%s%s can be '-'",
                              arguments, option ? " and --" : "", option ? option : "");
}

static int check_arguments(ph_app *app)
{
    const ph_command *command = app->command;
    size_t n = app->options.n_arguments;
    if (n > command->most) {
        ph_error_found(&app->error, app->options.argument[command->most], -1);
    }
    if (n < command->least || n > command->most) {
        return ph_error_set(&app->error, PH_E_USAGE, "expects %s, not %zu argument%s",
                            command->most > 0 ? command->arguments : "no argument", n,
                            n == 1 ? "" : "s");
    }
    return check_streams(app);
}

static int is_set(const ph_app *app, const char *flag)
{
    return ph_options_has(&app->options, flag) && ph_options_flag(&app->options, flag);
}

/* Whether a variable, its name `length` bytes long, belongs to an option. */
static int is_variable(const char *text, size_t length, const ph_option *table)
{
    char name[64];
    for (; table && table->name; table++) {
        ph_option_variable(table, name, sizeof name);
        if (table->kind != PH_OPTION_HEADING && !(table->scope & PH_OPTION_FLAG_ONLY) &&
            strlen(name) == length && strncmp(text, name, length) == 0) {
            return 1;
        }
    }
    return 0;
}

/* A variable that no command reads is said to have no effect: it may be mistyped. */
static void warn_environment(ph_app *app, char *const *environment)
{
    for (; *environment; environment++) {
        size_t length = strcspn(*environment, "=");
        int known = strncmp(*environment, "PHASIC_", 7) != 0 ||
                    (*environment)[length + 1] == '\0';
        for (const ph_command *it = ph_commands; it->name && !known; it++) {
            known = is_variable(*environment, length, it->options) ||
                    is_variable(*environment, length, it->common);
        }
        if (!known) {
            ph_talk_warn(&app->talk,
                         "the environment variable %.*s is no option of any command",
                         (int)length, *environment);
        }
    }
}

static int run_command(ph_app *app, char *const *environment)
{
    int status =
        ph_options_init(&app->options, app->command->options, app->command->common);
    if (status == PH_OK) {
        status =
            ph_options_parse(&app->options, app->argc - 2, app->argv + 2, &app->error);
    }
    if (status == PH_OK && app->options.wants_help) {
        ph_help_command(app->command, &app->out);
        return PH_OK;
    }
    if (status == PH_OK) {
        status = merge_settings(app, environment);
    }
    if (status == PH_OK && is_set(app, "print-config")) {
        ph_options_print(&app->options, app->command->name, &app->out);
        return PH_OK;
    }
    if (status == PH_OK) {
        status = check_arguments(app);
    }
    if (status != PH_OK) {
        return status;
    }
    ph_talk_init(&app->talk, &app->log, app->command->name, is_set(app, "quiet"),
                 is_set(app, "verbose"));
    warn_environment(app, environment);
    return app->command->run(app);
}

/* A command of another name elsewhere: "simulate" is sample. */
static const char *other_name(const char *name)
{
    size_t length = strlen(name);
    for (const ph_command *command = ph_commands; command->name; command++) {
        const char *word = command->also;
        while (*word) {
            size_t n = strcspn(word, "|");
            if (n == length && strncmp(word, name, n) == 0) {
                return command->name;
            }
            word += n + (word[n] == '|');
        }
    }
    return NULL;
}

static int unknown_command(const char *name, ph_error *error)
{
    const char *known[64];
    size_t n = 0;
    if (name[0] == '-') {
        return ph_error_set(error, PH_E_USAGE,
                            "unknown option '%.80s': the command stands first, its "
                            "options after it",
                            name);
    }
    for (const ph_command *command = ph_commands; command->name && n < 64; command++) {
        known[n++] = command->name;
    }
    const char *near = other_name(name);
    near = near ? near : ph_nearest_name(name, known, n);
    return ph_error_set(error, PH_E_USAGE, "unknown command '%.80s'%s%s%s", name,
                        near ? ", did you mean '" : "", near ? near : "",
                        near ? "'?" : "");
}

int ph_cmd_help(ph_app *app)
{
    if (app->options.n_arguments == 0) {
        ph_help_overview(&app->out);
        return PH_OK;
    }
    const char *name = app->options.argument[0];
    const ph_command *command = ph_command_find(name);
    if (!command) {
        return unknown_command(name, &app->error);
    }
    ph_help_command(command, &app->out);
    return PH_OK;
}

int ph_cmd_version(ph_app *app)
{
    ph_buffer_add(&app->out, "phasic " PHASIC_VERSION "\n");
    return PH_OK;
}

int ph_cmd_completion(ph_app *app)
{
    return ph_completion(app->options.argument[0], &app->out, &app->error);
}

static int is_either(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static int dispatch(ph_app *app, char *const *environment)
{
    const char *name = app->argv[1];
    name = is_either(name, "--help", "-h")      ? "help"
           : is_either(name, "--version", "-V") ? "version"
                                                : name;
    app->command = ph_command_find(name);
    return app->command ? run_command(app, environment)
                        : unknown_command(name, &app->error);
}

int main(int argc, char **argv)
{
    ph_app app = {.argc = argc, .argv = argv};
    fill_streams();
    signal(SIGXFSZ, SIG_IGN); /* a limit on files is a failed write, not a death */
    gsl_set_error_handler_off();
    if (argc < 2) {
        ph_help_overview(&app.out);
        fputs(app.out.failed ? "phasic: out of memory\n" : app.out.text, stderr);
        ph_buffer_free(&app.out);
        return ph_status_exit(PH_E_USAGE);
    }
    int status = dispatch(&app, environ);
    const char *name = app.command ? app.command->name : NULL;
    ph_talk_free(&app.talk);
    if (status == PH_OK || app.out.length > 0) {
        int written = write_result(&app.out, &app.error);
        status = written != PH_OK ? written : status;
    }
    int number = status == PH_E_INTERRUPTED ? ph_signals_pending() : 0;
    if (status < 0) {
        int json = wants_json(argc, argv, environ);
        ph_error_set(&app.error, status, "%s", ph_status_text(status));
        ph_talk_error(name, &app.error, json);
        if (status == PH_E_USAGE && !json) {
            int one = name && strcmp(name, "help") != 0;
            fprintf(stderr, "Try 'phasic help%s%s'.\n", one ? " " : "",
                    one ? name : "");
        }
    }
    ph_buffer_free(&app.out);
    ph_options_free(&app.options);
    if (number) {
        ph_signals_die(number);
    }
    return ph_status_exit(status);
}
