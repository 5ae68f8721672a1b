/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_FIT_POSTERIOR_PRIVATE_H
#define PHASIC_FIT_POSTERIOR_PRIVATE_H

#include "phasic/fit/fit.h"
#include "phasic/prior/prior.h"
#include "phasic/trace/trace.h"

typedef struct ph_posterior_worker {
    ph_lik_work *lik;
    double *theta, *gradient; /* [p][PH_LANES] */
    double *u;                /* [nodes][PH_LANES] */
    uint64_t outside, beyond;
    ph_error error; /* why a block could not be evaluated */
} ph_posterior_worker;

struct ph_posterior {
    const ph_model *model;
    const ph_plan *plan;
    const ph_lik *lik;
    const ph_data *data;
    const ph_device *device;
    size_t d, p;
    int parts;             /* PH_POSTERIOR_... */
    size_t *free_index;    /* [d] */
    ph_prior *prior;       /* [d] */
    double *lower, *upper; /* [d] support that the transform uses */
    double *fixed;         /* [p] value of fixed parameters */
    size_t *source; /* [p] the parameter whose value it takes: itself unless tied */
    int n_workers;
    ph_posterior_worker *worker;
    ph_trace *trace; /* for starting values */
    ph_engine engine;
    double t_max;      /* longest time of the data */
    double rate_limit; /* largest rate out of a state that is evaluated */
    uint64_t beyond;   /* parameter vectors left out for it */
    ph_tally others;   /* what was served to those that stood in for it */
};

/* What another that stood in for it was served, and the error that ended its run. */
void ph_posterior_take_over(ph_posterior *self, const ph_posterior *other);

/* Tied parameters take their values: theta[p][stride]. */
void ph_posterior_tie(const ph_posterior *self, double *theta, size_t stride);

/* ph_target.start: see svgd.h. */
int ph_posterior_start(void *context, uint64_t seed, uint32_t index, double *z);

#endif
