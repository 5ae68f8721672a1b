/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_NUM_FAMILY_H
#define PHASIC_NUM_FAMILY_H

/* Families of prior distributions: name in the model file, argument names in order. */
#define PH_FAMILY_TABLE(X)                                                             \
    X(PH_PRIOR_NONE, "none", 0, 0)                                                     \
    X(PH_PRIOR_GAMMA, "gamma", "shape", "rate")                                        \
    X(PH_PRIOR_LOGNORMAL, "lognormal", "meanlog", "sdlog")                             \
    X(PH_PRIOR_NORMAL, "normal", "mean", "sd")                                         \
    X(PH_PRIOR_HALF_NORMAL, "half_normal", "scale", 0)                                 \
    X(PH_PRIOR_HALF_CAUCHY, "half_cauchy", "scale", 0)                                 \
    X(PH_PRIOR_EXPONENTIAL, "exponential", "rate", 0)                                  \
    X(PH_PRIOR_UNIFORM, "uniform", "lower", "upper")                                   \
    X(PH_PRIOR_BETA, "beta", "a", "b")

typedef enum ph_family {
#define X(name, text, first, second) name,
    PH_FAMILY_TABLE(X)
#undef X
} ph_family;

const char *ph_family_name(ph_family family);
const char *ph_family_argument(ph_family family, int k); /* NULL beyond the last */
/* Number of a family's name, or -1. */
int ph_family_find(const char *name);

#endif
