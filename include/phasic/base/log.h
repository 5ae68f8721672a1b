/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BASE_LOG_H
#define PHASIC_BASE_LOG_H

/*
 * How the core talks: it never prints. The caller hands a ph_log with callbacks (any of
 * them may be NULL); the core reports messages and progress through it.
 */
enum ph_log_level { PH_LOG_WARNING, PH_LOG_INFO, PH_LOG_DETAIL };

typedef struct ph_log {
    void *context;
    void (*message)(void *context, int level, const char *text);
    /*
     * What is being done, how much of it is done (fraction 0..1, or < 0 when unknown)
     * and a short remark. Returns non-zero to ask for a stop (a signal came): the core
     * then winds up and returns PH_E_INTERRUPTED.
     */
    int (*progress)(void *context, const char *what, double fraction,
                    const char *remark);
    /* Whether a stop is asked for, without a word; called from any thread. */
    int (*stopped)(void *context);
} ph_log;

/*
 * Call what is there; self or the function may be NULL, then nothing is said and 0
 * returned. Messages are cut after 1023 bytes, remarks after 255. What `progress` and
 * `stopped` return is handed on.
 */
void ph_log_write(const ph_log *self, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int ph_log_progress(const ph_log *self, const char *what, double fraction,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
int ph_log_stopped(const ph_log *self);

#endif
