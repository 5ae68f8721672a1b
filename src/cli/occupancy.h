/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_OCCUPANCY_H
#define PHASIC_CLI_OCCUPANCY_H

#include "phasic/base/error.h"
#include "phasic/model/model.h"
#include "phasic/state/graph.h"

/* Expected total time in groups of states, by ascending value. */
typedef struct ph_occupancy {
    size_t length;
    double *value, *time; /* [length] */
} ph_occupancy;

/*
 * Adds up time[n] over the states in which `expression` has the same value. It may use
 * constants and state variables; of a matrix or a graph, `vertex`, the vertex's number
 * from 0, and `label`, its label. PH_E_USAGE where it is malformed, PH_E_MEMORY.
 */
int ph_occupancy_group(ph_occupancy *self, const ph_model *model, const ph_graph *graph,
                       const char *expression, const double *time, ph_error *error);
void ph_occupancy_free(ph_occupancy *self);

#endif
