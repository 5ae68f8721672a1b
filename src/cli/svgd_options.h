/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_SVGD_OPTIONS_H
#define PHASIC_CLI_SVGD_OPTIONS_H

#include "job.h"
#include "phasic/fit/fit.h"
#include "phasic/fit/moment_penalty.h"

/*
 * The options that choose and set the algorithm which moves the particles: rows for the
 * table of fit. They have no initial value, so that what is set and what is not can be
 * told apart; the values that a run takes are entered by ph_svgd_options_read.
 */
/* clang-format off */
#define PH_OPTIONS_SVGD                                                                \
    {"svgd", 0, PH_OPTION_CHOICE, "default|plain|matrix|newton", "default", 0, 0, 0,   \
     "how the particles move; default is the whole algorithm,\nthe others give them "  \
     "as they are"},                                                                   \
    {"correct", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,                                \
     "plain, matrix, newton: importance sampling and\ncalibration as by default"},     \
    {"kernel", 0, PH_OPTION_CHOICE, "rbf|imq|rbf+linear|imq+linear", NULL, 0, 0, 0,    \
     "plain, matrix: the kernel [rbf]"},                                               \
    {"kernel-metric", 0, PH_OPTION_CHOICE, "identity|diagonal|matrix", NULL, 0, 0, 0,  \
     "plain, matrix: what distances are measured in\n[identity]"},                     \
    {"bandwidth", 0, PH_OPTION_TEXT, "median|median-log|per-dimension|NUMBER", NULL,   \
     0, 0, 0, "plain, matrix: length of the kernel [median]"},                         \
    {"optimiser", 0, PH_OPTION_CHOICE, "sgd|momentum|adam|adagrad|rmsprop", NULL, 0,   \
     0, 0, "plain, matrix: from directions to steps [adam]"},                          \
    {"learning-rate", 0, PH_OPTION_REAL, "X", NULL, 1e-300, 1e6, 0,                    \
     "plain, matrix: length of a step [0.01]"},                                        \
    {"schedule", 0, PH_OPTION_CHOICE, "constant|exponential|warm-up|adaptive", NULL,   \
     0, 0, 0, "plain, matrix: how the learning rate goes [constant]"},                 \
    {"schedule-time", 0, PH_OPTION_REAL, "N", NULL, 1, 1e9, 0,                         \
     "exponential, warm-up: iterations it takes [100]"},                               \
    {"schedule-last", 0, PH_OPTION_REAL, "X", NULL, 0, 1e6, 0,                         \
     "exponential, adaptive: smallest learning rate [a tenth\nof the first]"},         \
    {"iterations", 0, PH_OPTION_WHOLE, "N", NULL, 1, 1e9, 0,                           \
     "plain, matrix: how many, all of them [1000]"},                                   \
    {"init", 0, PH_OPTION_TEXT, "laplace|prior|FILE", NULL, 0, 0, PH_OPTION_READ,      \
     "plain, matrix: where the particles start; FILE is a CSV\nwith the parameters' "  \
     "names, a particle a row [laplace]"},                                             \
    {"regularise-moments", 0, PH_OPTION_REAL, "X", NULL, 0, 1e300, 0,                  \
     "plain, matrix: weight of a penalty that pulls moments\nto those of the data"},   \
    {"regularise-order", 0, PH_OPTION_WHOLE, "N", NULL, 1, 4, 0,                       \
     "highest moment of the penalty [2]"},                                             \
    {"regularise-schedule", 0, PH_OPTION_CHOICE, "constant|linear", NULL, 0, 0, 0,     \
     "how its weight goes; linear falls to 0 [constant]"},                             \
    {"history", 0, PH_OPTION_TEXT, "FILE", NULL, 0, 0, 0,                              \
     "write a line for each iteration of the particles"},                              \
    {"fix", 0, PH_OPTION_LIST, "NAME=VALUE", NULL, 0, 0, 0,                            \
     "keep a parameter at this value; may be repeated"},                               \
    {"tie", 0, PH_OPTION_LIST, "A=B", NULL, 0, 0, 0,                                   \
     "give parameter B the value of A, whose prior counts\nonce; may be repeated"}
/* clang-format on */

/*
 * The algorithm and its settings into *settings; the values of options that were left
 * unsaid are entered as defaults, so that the records show them. An option that does
 * not belong to what was chosen is PH_E_USAGE.
 */
int ph_svgd_options_read(ph_app *app, ph_svgd_settings *settings);

/* --fix and --tie into a model, before its posterior is made. PH_E_USAGE. */
int ph_constraints_apply(const ph_app *app, ph_model *model, ph_error *error);

/* The file of --init, or NULL. */
const char *ph_initial_file(const ph_app *app);
/* PH_E_CREATE where an output would take its place. */
int ph_initial_check(ph_app *app, const char *output);
/*
 * Its particles in z, points[particles][d], released with free; NULL without such a
 * file. PH_E_INPUT, PH_E_DATA with line and column.
 */
int ph_initial_read(const ph_app *app, const ph_posterior *posterior, size_t particles,
                    double **points, ph_error *error);
/*
 * After a run from points[particles][free parameters] that ended with PH_E_NUMERIC:
 * PH_E_DATA with an error of the file where half of its pairs of particles agree in a
 * parameter, which leaves a kernel without bandwidth; else the run's error stays.
 * points may be NULL.
 */
int ph_initial_explain(const ph_app *app, const ph_posterior *posterior,
                       size_t particles, const double *points, ph_error *error);

/* The penalty of --regularise-moments; *penalty stays NULL without it. */
int ph_regularise_new(ph_app *app, const ph_job *job, const ph_posterior *posterior,
                      ph_moment_penalty **penalty, ph_trace **trace);

/*
 * What --history writes: a line an iteration with mean and sd of every parameter over
 * the particles. Zero-initialise; `see` is the observer's. A second run begins anew.
 */
typedef struct ph_history {
    const ph_posterior *posterior;
    ph_buffer text;
    double *theta, *mean, *square; /* [p] */
} ph_history;
int ph_history_init(ph_history *self, const ph_posterior *posterior);
int ph_history_see(void *context, const ph_iteration *iteration);
void ph_history_free(ph_history *self);

#endif
