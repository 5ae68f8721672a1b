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
#include "phasic/trace/file.h"

/* The process of a group of observations; empty where no part of the data needs it. */
typedef struct ph_job_group {
    ph_model *model; /* with the group's constants */
    ph_graph *graph;
    ph_plan *plan;
} ph_job_group;

/* What most commands work on, built from the arguments MODEL [DATA] and the options. */
typedef struct ph_job {
    ph_device device;
    char *model_text; /* the bytes of the model's file, and --set */
    size_t model_length, n_settings;
    ph_setting *settings;
    char *trace_bytes; /* of a trace file in place of the model, or NULL */
    ph_trace_file trace_file;
    ph_model *model; /* --set and --theta applied */
    ph_graph *graph;
    long reward;   /* of --reward: number in the model, -1: time */
    ph_plan *plan; /* of that reward */
    double *theta; /* [parameters] reference values, NULL unless PH_JOB_THETA */
    ph_data *data;
    char *group_column;  /* of --group, or NULL */
    long group_constant; /* whose values its labels are */
    size_t n_groups;
    ph_job_group *groups;
    size_t n_reward_plans;
    ph_plan **reward_plans;    /* of the parts that are totals of a reward */
    ph_job_group *part;        /* [data->n_parts] process of each part; borrowed */
    const ph_plan *first_plan; /* of the first part of the data */
    ph_lik *lik;
} ph_job;

enum {
    PH_JOB_THETA = 1,  /* parameters need values */
    PH_JOB_DATA = 2,   /* read the second argument, and set up its likelihood */
    PH_JOB_REWARD = 4, /* the plan is that of --reward, not of the time */
    PH_JOB_NAMES = 8   /* alone: the model, no state of which is enumerated */
};

/* On failure the job is empty. Errors are in app->error. */
int ph_job_load(ph_job *self, ph_app *app, int needs);
/* The same with the bytes of the model, which the job takes over; NULL: reads them. */
int ph_job_load_text(ph_job *self, ph_app *app, int needs, char *text, size_t length);
void ph_job_free(ph_job *self);

/*
 * The steps of ph_job_load that concern data: reading them by --ignore-columns and
 * --group, and their likelihood, with a process for each of their parts.
 */
int ph_job_read_data(ph_job *self, ph_app *app);
int ph_job_build_lik(ph_job *self, ph_app *app);
void ph_job_free_groups(ph_job *self);
/* --group NAME=CONSTANT into the job; nothing where it is not given. */
int ph_job_read_group(ph_job *self, ph_app *app);
/*
 * The process of a group: of that number in the model, or where --group is given the
 * one whose constant has the value `label`. Empty on failure.
 */
int ph_job_build_group(const ph_job *self, ph_app *app, size_t group, const char *label,
                       ph_job_group *process);
void ph_job_free_group(ph_job_group *self);

/*
 * Where the file just read is a trace file, puts the model and the settings in it in
 * the place of those of the command line; --set is then refused.
 */
int ph_job_open_trace(ph_job *self, const char *name, ph_error *error);
void ph_job_close_trace(ph_job *self);
/* The trace of the job's graph: from the trace file, or recorded. */
int ph_job_trace(const ph_job *self, ph_trace **trace, const ph_log *log,
                 ph_error *error);

/* reward.c: --reward into the job, and its name; the data have no other reward's. */
int ph_reward_find(ph_job *self, ph_app *app);
const char *ph_reward_name(const ph_job *self);
int ph_reward_check_data(const ph_job *self, ph_app *app);
/* The name of a reward, -1: "time". */
const char *ph_reward_label(const ph_model *model, long reward);
/*
 * Numbers of the rewards in a list divided by commas (-1: time) into
 * reward[n_rewards + 1]; unknown names and repeated ones are PH_E_USAGE.
 */
int ph_reward_list(const ph_model *model, const char *names, long *reward,
                   size_t *length, ph_error *error);
/* The plan of a reward's total, -1: of the time. */
int ph_reward_plan(ph_plan **plan, const ph_graph *graph, const ph_model *model,
                   long reward, size_t max_states, ph_error *error);

/* The engine that --engine names. */
ph_engine ph_job_engine(const ph_app *app);
/* For --verbose: how many values each engine gave, and why. */
void ph_job_tell_engines(ph_app *app, const ph_tally *tally);

/*
 * Log-likelihood at theta by an engine; gradient may be NULL. `work` for the lanes
 * engine, from ph_lik_work_new.
 */
int ph_job_loglik(const ph_job *self, ph_engine engine, ph_lik_work *work,
                  const double *theta, double *value, double *gradient,
                  ph_error *error);

/*
 * outside.c: the first rate or probability of the graph that is negative, too large or
 * not finite at theta[p]: 1, its name added to `out`, and its value; 0: there is none.
 */
int ph_outside_find(const ph_model *model, const ph_graph *graph, const double *theta,
                    ph_buffer *out, double *value);
/* Where an error is PH_E_NUMERIC and without a place, names what of the job's process
 * is outside, if anything. */
void ph_job_name_outside(const ph_job *self, ph_error *error);
/* The same as a warning, for the parts of the job's data. */
void ph_job_warn_outside(const ph_job *self, ph_app *app);

/* "NAME=VALUE" of --set and --theta: the name's length, and the number after '='. */
int ph_assignment_read(const char *text, size_t length, size_t *name, double *value,
                       ph_error *error);

/* PH_E_USAGE: the model has no parameter of this name, with the nearest one. */
int ph_parameter_unknown(const ph_model *model, const char *name, size_t length,
                         ph_error *error);

/*
 * The points of --at, --grid or --at-file: exactly one of them. Finite and at least 0.
 * *points is released with free.
 */
int ph_points_read(ph_app *app, double **points, size_t *n);
/* Which of the three is given. */
const char *ph_points_option(const ph_app *app);
/* Reads a list "0.1,0.5" the same way. */
int ph_points_list(const char *text, double **points, size_t *n, ph_error *error);
/* PH_E_USAGE where a model in discrete time meets a fraction. */
int ph_points_check(size_t n, const double *points, int discrete, ph_error *error);

#endif
