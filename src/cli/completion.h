/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_COMPLETION_H
#define PHASIC_CLI_COMPLETION_H

#include "app.h"

/*
 * The script that completes command lines of phasic in a shell: "bash", "zsh" or
 * "fish". PH_E_USAGE for any other name, or NULL.
 */
int ph_completion(const char *name, ph_buffer *out, ph_error *error);

#endif
