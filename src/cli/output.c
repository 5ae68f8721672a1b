/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where results go that may be files; "-" is the standard output. Whether they can be
 * written is known before a long run.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "phasic/base/file.h"
#include "phasic/base/memory.h"

/* A result must not take the place of what it is made from, whatever --force says. */
static int check_not_input(ph_app *app, const char *path, const char *option)
{
    struct stat output, input;
    if (stat(path, &output) != 0) {
        return PH_OK;
    }
    for (size_t i = 0; i < app->options.n_arguments; i++) {
        if (app->options.argument[i] != path &&
            stat(app->options.argument[i], &input) == 0 &&
            input.st_dev == output.st_dev && input.st_ino == output.st_ino) {
            return ph_error_set(&app->error, PH_E_CREATE,
                                "is an input of this run; choose another %s", option);
        }
    }
    return PH_OK;
}

static int check_folder(ph_app *app, const char *path)
{
    char *folder = ph_strdup(path);
    if (!folder) {
        return ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    char *slash = strrchr(folder, '/');
    if (slash) {
        slash[slash == folder] = '\0';
    }
    int status = PH_OK;
    if (access(slash ? folder : ".", W_OK | X_OK) != 0) {
        status = ph_error_set(&app->error, PH_E_CREATE, "cannot be created: %s",
                              strerror(errno));
    }
    free(folder);
    return status;
}

int ph_output_check(ph_app *app, const char *path, const char *option)
{
    if (strcmp(path, "-") == 0) {
        return PH_OK;
    }
    ph_error_file(&app->error, path);
    int status = check_not_input(app, path, option);
    if (status == PH_OK && ph_file_is_stream(path)) {
        status = access(path, W_OK) == 0
                     ? PH_OK
                     : ph_error_set(&app->error, PH_E_CREATE, "cannot be written: %s",
                                    strerror(errno));
        if (status == PH_OK) {
            app->error.file[0] = '\0';
        }
        return status;
    }
    if (status == PH_OK && !ph_options_flag(&app->options, "force") &&
        access(path, F_OK) == 0) {
        status = ph_error_set(&app->error, PH_E_CREATE,
                              "exists already; --force overwrites it");
    }
    if (status == PH_OK) {
        status = check_folder(app, path);
    }
    if (status == PH_OK) {
        app->error.file[0] = '\0';
    }
    return status;
}

int ph_output_prefix(ph_app *app, const char **prefix, int *length)
{
    const char *text = ph_options_text(&app->options, "output");
    size_t n = strlen(text);
    if (strcmp(text, "-") == 0) {
        ph_error_place(&app->error, "--output");
        return ph_error_set(&app->error, PH_E_USAGE,
                            "'-' names no files: a PREFIX is the beginning of names");
    }
    if (n >= 5 && strcmp(text + n - 5, ".json") == 0) {
        n -= 5;
    } else if (n >= 4 && strcmp(text + n - 4, ".csv") == 0) {
        n -= 4;
    }
    /* what ends in a folder would name hidden files */
    const char *slash = memrchr(text, '/', n), *name = slash ? slash + 1 : text;
    if (strspn(name, ".") >= n - (size_t)(name - text)) {
        ph_error_found(&app->error, text, -1);
        return ph_error_set(&app->error, PH_E_USAGE,
                            "--output: PREFIX must end in the name of the files, not "
                            "in a folder");
    }
    *prefix = text;
    *length = (int)n;
    return PH_OK;
}

int ph_app_write(ph_app *app, const char *path, const ph_buffer *file)
{
    if (file->failed) {
        return ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    if (strcmp(path, "-") == 0) {
        ph_buffer_add_n(&app->out, file->text, file->length);
        return PH_OK;
    }
    return ph_file_write(path, file->text, file->length,
                         ph_options_flag(&app->options, "force"), &app->error);
}
