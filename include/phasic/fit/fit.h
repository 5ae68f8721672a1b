/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_FIT_FIT_H
#define PHASIC_FIT_FIT_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/base/error.h"
#include "phasic/base/log.h"
#include "phasic/data/data.h"
#include "phasic/device/device.h"
#include "phasic/lik/lik.h"
#include "phasic/model/model.h"
#include "phasic/svgd/hmc.h"
#include "phasic/svgd/svgd.h"

/*
 * The posterior of a model's free (neither fixed nor tied) parameters: likelihood,
 * priors and the Jacobians of the transforms to unconstrained z. Every free parameter
 * needs a prior.
 */
typedef struct ph_posterior ph_posterior;

int ph_posterior_new(ph_posterior **self, const ph_model *model, const ph_plan *plan,
                     const ph_lik *lik, const ph_data *data, const ph_device *device,
                     ph_error *error);
/*
 * The same with the density made of the likelihood and these parts only. Without
 * PH_POSTERIOR_PRIOR parameters need no prior; those they have still say where searches
 * start, and the interval of a uniform one still bounds its parameter. Without
 * PH_POSTERIOR_JACOBIAN the function of z is the density of theta at theta(z): its
 * maximum is that over theta.
 */
enum {
    PH_POSTERIOR_PRIOR = 1,
    PH_POSTERIOR_JACOBIAN = 2,
    PH_POSTERIOR_FULL = PH_POSTERIOR_PRIOR | PH_POSTERIOR_JACOBIAN
};
int ph_posterior_new_of(ph_posterior **self, int parts, const ph_model *model,
                        const ph_plan *plan, const ph_lik *lik, const ph_data *data,
                        const ph_device *device, ph_error *error);
void ph_posterior_free(ph_posterior *self);

/* The model it was made of; not owned. */
const ph_model *ph_posterior_model(const ph_posterior *self);
/* How many parameters are free, and which. */
size_t ph_posterior_free_count(const ph_posterior *self);
size_t ph_posterior_free_index(const ph_posterior *self, size_t k); /* in the model */
/* z[d] -> theta[n_parameters], fixed ones filled in. */
void ph_posterior_theta(const ph_posterior *self, const double *z, double *theta);
/* theta of free parameter k to its z; PH_E_DATA outside its support. */
int ph_posterior_z(const ph_posterior *self, size_t k, double theta, double *z);
/* The posterior as a target for SVGD; valid as long as self. */
ph_target ph_posterior_target(ph_posterior *self);
/* Parameter vectors evaluated so far that lay outside the model. */
uint64_t ph_posterior_outside(const ph_posterior *self);
/*
 * Parameter vectors left out (density taken as zero) because their fastest rate makes
 * more than 2.5e5 jumps within the longest time of the data, and 4 times as many as the
 * data-scaled starting point; where contours serve the model, only those of them for
 * which a contour is not accurate.
 */
uint64_t ph_posterior_beyond(const ph_posterior *self);
/* The engine of the likelihood, PH_ENGINE_AUTO at first; not the plain one. */
int ph_posterior_set_engine(ph_posterior *self, ph_engine engine, ph_error *error);
/* The error of a forced engine, where one ended the run; else PH_OK. */
int ph_posterior_explain(const ph_posterior *self, ph_error *error);
/* Adds what the engines served so far to the tally. */
void ph_posterior_tally(const ph_posterior *self, ph_tally *tally);

/* A finished fit: samples on the natural scale. */
typedef struct ph_fit {
    size_t p; /* parameters of the model, fixed ones included */
    size_t n_derived;
    size_t columns;     /* p + n_derived: columns of the samples below */
    size_t n;           /* weighted sample */
    double *sample;     /* [n][columns] */
    double *weight;     /* [n] sums to 1; the svgd result's */
    size_t draws;       /* equal-weight draws */
    double *draw;       /* [draws][columns] */
    double *draw_log_p; /* [draws] log posterior density in z, up to a constant; the
                           svgd result's */
    uint64_t outside;   /* parameter vectors outside the model */
    uint64_t beyond;    /* parameter vectors left out for their rates */
    ph_svgd_result *svgd;
} ph_fit;

/*
 * compress: let a compressed data set (lik/compress.h) stand in for a large one. It is
 * used only where log densities at the starting points, and at the end at draws from
 * the posterior, equal those of the data themselves to 1e-11; else the data are used.
 */
int ph_fit_run(ph_fit **self, ph_posterior *posterior, const ph_svgd_settings *settings,
               int compress, const ph_log *log, ph_error *error);
/* The same by Hamiltonian Monte Carlo: fit->svgd->hmc is set. */
int ph_fit_run_hmc(ph_fit **self, ph_posterior *posterior,
                   const ph_hmc_settings *settings, int compress, const ph_log *log,
                   ph_error *error);
void ph_fit_free(ph_fit *self);

#endif
