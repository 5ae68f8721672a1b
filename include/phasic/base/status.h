/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BASE_STATUS_H
#define PHASIC_BASE_STATUS_H

/*
 * Status codes. Every function that can fail returns int: 0 is fine, < 0 one of the
 * errors below, > 0 a warning. The table gives each error its process exit code
 * (an interface, see phasic(1)) and a short text.
 */
#define PH_STATUS_TABLE(X)                                                             \
    X(PH_E_VERDICT, -1, 1, "the check fails")                                          \
    X(PH_E_NUMERIC, -2, 1, "the result cannot be computed accurately")                 \
    X(PH_E_UNCONVERGED, -3, 3, "the fit has not converged")                            \
    X(PH_E_USAGE, -4, 64, "wrong usage")                                               \
    X(PH_E_MODEL, -5, 65, "bad model")                                                 \
    X(PH_E_DATA, -6, 65, "bad data")                                                   \
    X(PH_E_INPUT, -7, 66, "an input cannot be read")                                   \
    X(PH_E_FEATURE, -8, 69, "not available in this build")                             \
    X(PH_E_INTERNAL, -9, 70, "internal error")                                         \
    X(PH_E_MEMORY, -10, 71, "out of memory")                                           \
    X(PH_E_CREATE, -11, 73, "an output cannot be created")                             \
    X(PH_E_WRITE, -12, 74, "writing failed")                                           \
    X(PH_E_INTERRUPTED, -13, 75, "stopped by a signal")

enum ph_status {
    PH_OK = 0,
#define X(name, value, exit_code, text) name = value,
    PH_STATUS_TABLE(X)
#undef X
};

/* Short text of a status; never NULL. */
const char *ph_status_text(int status);

/* Process exit code of a status: 0 for status >= 0. */
int ph_status_exit(int status);

#endif
