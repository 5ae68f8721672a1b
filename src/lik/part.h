/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_LIK_PART_H
#define PHASIC_LIK_PART_H

#include <stddef.h>

#include "phasic/data/data.h"
#include "phasic/dist/plan.h"
#include "phasic/dist/serve.h"

/*
 * The observations of one process as what a sweep is asked for: terms
 * weight * log value of a kind at a time. Observed zeros are the atom of immediate
 * absorption and stand apart.
 */
typedef struct ph_lik_part {
    const ph_plan *plan;
    size_t n;
    ph_sweep_kind *kind; /* [n] */
    double *time;        /* [n] */
    double *upper;       /* [n] upper end of PH_INTERVAL, else 0 */
    double *weight;      /* [n] negative: the survival at an entry */
    double t_max;
    double atom_weight; /* how many observations are exactly 0 */
    int atom_is_rest; /* start probabilities sum to less than 1: the rest is absorbed */
} ph_lik_part;

/* Workspace of one part. */
typedef struct ph_part_work {
    ph_serve *serve;
    double *u, *u_bar; /* [nodes][PH_LANES] */
    double *log_value; /* [n][PH_LANES] */
    double *weight;    /* [n][PH_LANES] */
    ph_served *by;     /* [n] see ph_serve_log */
} ph_part_work;

/* Zeroed by the caller, released whatever the outcome. Errors as ph_lik_new_parts. */
int ph_part_init(ph_lik_part *self, const ph_plan *plan, const ph_data *data,
                 size_t part, ph_error *error);
void ph_part_free(ph_lik_part *self);
int ph_part_work_init(ph_part_work *self, const ph_lik_part *part, ph_engine engine);
void ph_part_work_free(ph_part_work *self);

/*
 * Adds the part to value[PH_LANES] (lanes outside the model become -inf or NaN) and its
 * derivative to gradient[p][PH_LANES] unless NULL, where a lane that is not finite gets
 * arbitrary numbers.
 */
int ph_part_block(const ph_lik_part *self, ph_part_work *work, const double *theta,
                  double *value, double *gradient, ph_error *error);
/* As ph_lik_check_range. */
int ph_part_check_range(const ph_lik_part *self, const ph_part_work *work,
                        ph_error *error);
/*
 * log density of each of the observations [first, end) of the data, which are the
 * part's, for one of each: value[end - first][PH_LANES]; -inf outside the model.
 */
int ph_part_pointwise(const ph_lik_part *self, ph_part_work *work,
                      const ph_observation *seen, size_t n, const double *theta,
                      double *value);
/* The definition, for one parameter vector. */
int ph_part_plain(const ph_lik_part *self, const double *theta, double *value,
                  double *gradient);
/* PH_E_MEMORY with what the definition had no room for. */
int ph_part_no_room(const ph_lik_part *self, const double *theta, ph_error *error);

#endif
