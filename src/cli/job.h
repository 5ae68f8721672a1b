/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_JOB_H
#define PHASIC_CLI_JOB_H

#include "app.h"
#include "phasic/data/data.h"
#include "phasic/device/device.h"
#include "phasic/dist/plan.h"
#include "phasic/dist/points.h"
#include "phasic/lik/lik.h"
#include "phasic/model/model.h"
#include "phasic/state/graph.h"

/* What most commands work on, built from the arguments MODEL [DATA] and the options. */
typedef struct ph_job {
    ph_device device;
    ph_model *model; /* --set and --theta applied */
    ph_graph *graph;
    ph_plan *plan;
    double *theta; /* [parameters] reference values, NULL unless PH_JOB_THETA */
    ph_data *data;
    ph_lik *lik;
} ph_job;

enum {
    PH_JOB_THETA = 1, /* parameters need values */
    PH_JOB_DATA = 2   /* read the second argument, and set up its likelihood */
};

/* On failure the job is empty. Errors are in app->error. */
int ph_job_load(ph_job *self, ph_app *app, int needs);
void ph_job_free(ph_job *self);

/* The engine that --engine names. */
ph_engine ph_job_engine(const ph_app *app);

/*
 * Log-likelihood at theta by an engine; gradient may be NULL. `work` for the lanes
 * engine, from ph_lik_work_new.
 */
int ph_job_loglik(const ph_job *self, ph_engine engine, ph_lik_work *work,
                  const double *theta, double *value, double *gradient,
                  ph_error *error);

/* "NAME=VALUE" of --set and --theta: the name's length, and the number after '='. */
int ph_assignment_read(const char *text, size_t length, size_t *name, double *value,
                       ph_error *error);

/*
 * The points of --at, --grid or --at-file: exactly one of them. Finite and at least 0.
 * *points is released with free.
 */
int ph_points_read(ph_app *app, double **points, size_t *n);
/* Reads a list "0.1,0.5" the same way. */
int ph_points_list(const char *text, double **points, size_t *n, ph_error *error);
/* PH_E_USAGE where a model in discrete time meets a fraction. */
int ph_points_check(size_t n, const double *points, int discrete, ph_error *error);

#endif
