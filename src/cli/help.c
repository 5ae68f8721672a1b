/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Help texts, from the tables of commands and options. */
#include "app.h"

void ph_help_overview(ph_buffer *out)
{
    ph_buffer_add(out, "Usage: phasic COMMAND [OPTION...] MODEL [DATA]\n\n"
                       "Fits phase-type distributions (times until a Markov process is "
                       "absorbed) to data.\n\nCommands:\n");
    for (const ph_command *command = ph_commands; command->name; command++) {
        ph_buffer_addf(out, "  %-10s %-13s %s\n", command->name, command->arguments,
                       command->summary);
    }
    ph_buffer_add(out, "\n'phasic help COMMAND' lists a command's options; phasic(1), "
                       "phasic-model(5) and\nphasic-data(5) are the manual.\n");
}

void ph_help_command(const ph_command *command, ph_buffer *out)
{
    ph_buffer_addf(out, "Usage: phasic %s [OPTION...]%s%s\n\n%s\n", command->name,
                   command->arguments[0] ? " " : "", command->arguments,
                   command->about);
    if (command->options) {
        ph_buffer_add(out, "\nOptions:\n");
        ph_options_help(command->options, out);
    }
    ph_options_help(command->common, out);
    if (!ph_command_has(command, "config")) {
        return;
    }
    ph_buffer_add(
        out, "\nEvery option that takes part in the result can also come from the\n"
             "environment (PHASIC_SEED for --seed) or from --config; a flag "
             "wins over\nthe environment, which wins over the file.\n");
}
