/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_SAMPLE_GROUPS_H
#define PHASIC_CLI_SAMPLE_GROUPS_H

#include "job.h"

typedef struct ph_sample_group {
    char *label;  /* NULL: the model without groups */
    size_t group; /* its number: in the model, or in the list for --group */
    size_t n;     /* observations */
} ph_sample_group;

typedef struct ph_sample_groups {
    size_t length;
    ph_sample_group *group; /* [length] in the order in which they are written */
    /*
     * Observation k of a group has the random stream k * streams + group: none is used
     * twice, and a group's observations do not depend on which others are written.
     */
    size_t streams;
} ph_sample_groups;

/*
 * "N" (each group of the model; the model itself where it has none) or "LABEL=N,...".
 * To be released in every case. PH_E_USAGE with its sentence; PH_E_MEMORY.
 */
int ph_sample_groups_read(ph_sample_groups *self, const ph_job *job, const char *text,
                          ph_error *error);
void ph_sample_groups_free(ph_sample_groups *self);

#endif
