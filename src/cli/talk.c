/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is said on standard error: warnings, errors, and on a terminal one progress line
 * that is rewritten in place with blanks and a carriage return, so that no escape
 * sequence and no colour is ever sent.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "phasic/base/clock.h"
#include "phasic/base/memory.h"

#define LINE 78

static void take_message(void *context, int level, const char *text)
{
    ph_talk *self = context;
    if (level == PH_LOG_WARNING) {
        ph_talk_warn(self, "%s", text);
    } else if (self->verbose) {
        ph_talk_clear(self);
        fprintf(stderr, "phasic %s: %s\n", self->command, text);
    }
}

/* "5 s", "12 min" or "3.5 h". */
static void add_duration(char *text, size_t size, double seconds)
{
    if (seconds < 90) {
        snprintf(text, size, "%.0f s", seconds);
    } else if (seconds < 5400) {
        snprintf(text, size, "%.0f min", seconds / 60);
    } else {
        snprintf(text, size, "%.1f h", seconds / 3600);
    }
}

/*
 * How long a stage will last at the pace that it had so far; where nobody knows how
 * much there is to do, how long it has lasted. Nothing in its first second.
 */
static void estimate(ph_talk *self, const char *what, double fraction, double now,
                     char *text, size_t size)
{
    char duration[24];
    if (strncmp(self->stage, what, sizeof self->stage - 1) != 0 ||
        fraction < self->began_at) {
        snprintf(self->stage, sizeof self->stage, "%s", what);
        self->began = now;
        self->began_at = fraction;
    }
    double passed = now - self->began, done = fraction - self->began_at;
    text[0] = '\0';
    if (passed < 1 || (fraction >= 0 && (done <= 0 || fraction >= 1))) {
        return;
    }
    add_duration(duration, sizeof duration,
                 fraction < 0 ? passed : passed * (1 - fraction) / done);
    snprintf(text, size, "  %s%s", duration, fraction < 0 ? "" : " left");
}

static int take_progress(void *context, const char *what, double fraction,
                         const char *remark)
{
    ph_talk *self = context;
    double now = ph_clock_seconds();
    if (self->terminal && !self->quiet && now - self->last > 0.1) {
        char line[LINE + 1], share[16] = "", time[48];
        estimate(self, what, fraction, now, time, sizeof time);
        if (fraction >= 0) {
            snprintf(share, sizeof share, " %3.0f%%", 100 * fraction);
        }
        int length = snprintf(line, sizeof line, "phasic %s: %s%s%s%s%s", self->command,
                              what, share, time, remark && remark[0] ? "  " : "",
                              remark ? remark : "");
        length = length > LINE ? LINE : length;
        fprintf(stderr, "\r%s%*s", line,
                self->shown > length ? self->shown - length : 0, "");
        fflush(stderr);
        self->shown = length;
        self->last = now;
    }
    return ph_signals_pending();
}

static int take_stop(void *context)
{
    (void)context;
    return ph_signals_pending();
}

void ph_talk_init(ph_talk *self, ph_log *log, const char *command, int quiet,
                  int verbose)
{
    memset(self, 0, sizeof *self);
    self->command = command;
    self->quiet = quiet;
    self->verbose = verbose && !quiet;
    self->terminal = isatty(2);
    log->context = self;
    log->message = take_message;
    log->progress = take_progress;
    log->stopped = take_stop;
}

void ph_talk_clear(ph_talk *self)
{
    if (self->shown > 0) {
        fprintf(stderr, "\r%*s\r", self->shown, "");
        fflush(stderr);
        self->shown = 0;
    }
}

void ph_talk_free(ph_talk *self)
{
    ph_talk_clear(self);
    for (size_t i = 0; i < self->n_warnings; i++) {
        free(self->warning[i]);
    }
    free(self->warning);
    self->warning = NULL;
    self->n_warnings = 0;
}

void ph_talk_warn(ph_talk *self, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ph_talk_clear(self);
    if (!self->quiet) {
        fprintf(stderr, "phasic %s: warning: %s\n", self->command, text);
    }
    char **grown = ph_realloc(self->warning, self->n_warnings + 1, sizeof *grown);
    char *copy = ph_strdup(text);
    if (grown) {
        self->warning = grown;
    }
    if (grown && copy) {
        self->warning[self->n_warnings++] = copy;
    } else {
        free(copy); /* it was printed; the report goes without */
    }
}

static void add_error(ph_json *json, const ph_error *error)
{
    ph_json_object(json, NULL);
    ph_json_object(json, "error");
    ph_json_whole(json, "code", (unsigned long long)ph_status_exit(error->status));
    ph_json_text(json, "status", ph_status_text(error->status));
    ph_json_text(json, "message",
                 error->message[0] ? error->message : ph_status_text(error->status));
    ph_json_text(json, "file", error->file[0] ? error->file : NULL);
    if (error->line > 0) {
        ph_json_whole(json, "line", (unsigned long long)error->line);
    }
    if (error->column > 0) {
        ph_json_whole(json, "column", (unsigned long long)error->column);
    }
    ph_json_text(json, "path", error->place[0] ? error->place : NULL);
    ph_json_text(json, "found", error->found[0] ? error->found : NULL);
    ph_json_close(json);
    ph_json_close(json);
}

void ph_talk_error(const char *command, const ph_error *error, int json)
{
    char text[2048];
    ph_buffer out = {0};
    if (json) {
        ph_json writer;
        ph_json_init(&writer, &out);
        add_error(&writer, error);
    }
    if (json && !out.failed) {
        fputs(out.text, stderr);
    } else {
        fprintf(stderr, "phasic%s%s: %s\n", command ? " " : "", command ? command : "",
                ph_error_text(error, text, sizeof text));
    }
    ph_buffer_free(&out);
}
