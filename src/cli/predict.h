/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_PREDICT_H
#define PHASIC_CLI_PREDICT_H

#include "phasic/report/table.h"
#include "saved_job.h"

/* One run of phasic predict. */
typedef struct ph_predict {
    ph_app *app;
    ph_saved_job set;
    double level;
    size_t draws;              /* of the fit */
    char lower[16], upper[16]; /* headings of the band: "5%", "95%" */
} ph_predict;

/* predict_data.c: --replicates and --check. */
int ph_predict_replicates(ph_predict *self);
int ph_predict_check(ph_predict *self);

/*
 * What names a part of the data: members of JSON, or cells of a table, of which there
 * are none where the data have one part, and no group where they have no groups.
 */
void ph_predict_part_json(const ph_predict *self, size_t part, ph_json *json);
void ph_predict_part_heads(const ph_predict *self, ph_table *table);
void ph_predict_part_cells(const ph_predict *self, size_t part, ph_table *table);

#endif
