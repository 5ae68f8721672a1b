/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_COMPARE_H
#define PHASIC_CLI_COMPARE_H

#include "phasic/report/loo.h"
#include "saved_job.h"

/* One of the fits that are compared. */
typedef struct ph_compare_fit {
    size_t number;         /* on the command line, from 0 */
    ph_saved_job set;      /* without --no-loo all of it, else the saved fit alone */
    const ph_saved *saved; /* set.saved */
    ph_loo_point *point;   /* [rows] */
    ph_loo sum;
    double difference, difference_se; /* elpd less that of the best */
} ph_compare_fit;

typedef struct ph_compare {
    ph_app *app;
    int loo;
    size_t n_fits;
    ph_compare_fit *fit; /* [n_fits], best first where there is a cross-validation */
} ph_compare;

/* The result in the format asked for, into app->out. */
int ph_compare_print(const ph_compare *self);

#endif
