/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_SAVED_JOB_H
#define PHASIC_CLI_SAVED_JOB_H

#include "job.h"
#include "phasic/report/saved.h"

/* A saved fit with its model, data and processes set up as they were for the fit. */
typedef struct ph_saved_job {
    ph_saved *saved;
    ph_app app; /* the options that the fit was run with */
    ph_job job;
    double *theta; /* [draws][parameters] */
} ph_saved_job;

/*
 * Model and data are read where the fit found them, or from `model` and `data` where
 * these are not NULL; files that have changed since are PH_E_DATA. --threads,
 * --devices,
 * --oversubscribe and --max-states are those of `app`. Errors are in app->error.
 * Zero-initialised by the caller and freed in any case.
 */
int ph_saved_job_load(ph_saved_job *self, ph_app *app, const char *name,
                      const char *model, const char *data);
void ph_saved_job_free(ph_saved_job *self);

/* What was measured in a part of the data: "time", or the reward's name. */
const char *ph_saved_job_reward(const ph_saved_job *self, size_t part);
/* Its group, or NULL where the data have none. */
const char *ph_saved_job_group(const ph_saved_job *self, size_t part);

#endif
