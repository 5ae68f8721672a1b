/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_FIT_METHOD_H
#define PHASIC_CLI_FIT_METHOD_H

#include "app.h"
#include "phasic/fit/fit.h"

/* What --method of fit says, and the options that belong to each. */
typedef enum ph_fit_method { PH_FIT_SVGD, PH_FIT_MAP, PH_FIT_HMC } ph_fit_method;

ph_fit_method ph_fit_method_of(const ph_app *app);
/* Refuses options of another method: PH_E_USAGE. */
int ph_fit_method_check(ph_app *app);
/* PH_POSTERIOR_... of --no-prior and --jacobian. */
int ph_fit_method_parts(const ph_app *app);
/* The settings of hmc, checked. */
int ph_fit_method_hmc(ph_app *app, ph_hmc_settings *settings);

/* clang-format off */
/* Rows of fit's options. */
#define PH_OPTION_METHODS                                                              \
    {"method", 0, PH_OPTION_CHOICE, "svgd|map|hmc", "svgd", 0, 0, 0,                   \
     "Stein variational gradient descent; the mode with its\nnormal approximation; "   \
     "Hamiltonian Monte Carlo"},                                                       \
    {"no-prior", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,                               \
     "with map: maximum likelihood"},                                                  \
    {"jacobian", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,                               \
     "with map: the mode of the density on the unconstrained\nscale"},                 \
    {"chains", 0, PH_OPTION_WHOLE, "N", "16", 2, 4096, 0,                              \
     "with hmc: chains"},                                                              \
    {"warmup", 0, PH_OPTION_WHOLE, "N", "300", 40, 1e6, 0,                             \
     "with hmc: iterations of each chain before its draws"}
/* clang-format on */

#endif
