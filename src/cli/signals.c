/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signals only raise a flag, which the core sees through its progress callback. The
 * flag is the one static variable of the program: a handler has no other way to speak.
 * After the first signal the default action is back, so that a second one ends the
 * process.
 */
#include <signal.h>
#include <string.h>

#include "app.h"

static volatile sig_atomic_t pending;

static void handle(int number)
{
    pending = number;
}

void ph_signals_catch(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = (int)SA_RESETHAND | SA_RESTART;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
}

int ph_signals_pending(void)
{
    return pending;
}

void ph_signals_die(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}
