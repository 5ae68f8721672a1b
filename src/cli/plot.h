/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_CLI_PLOT_H
#define PHASIC_CLI_PLOT_H

#include "gnuplot.h"
#include "phasic/report/kde.h"
#include "saved_job.h"

/* One run of phasic plot. */
typedef struct ph_plot {
    ph_app *app;
    ph_saved_job set; /* set.saved alone where only the convergence is shown */
    double level;
    size_t n;    /* quantities of --parameters, or all that vary */
    size_t *row; /* [n] rows of the summary */
    int chosen;  /* they are those of --parameters */
} ph_plot;

/*
 * Each writes the commands of one figure, which has its size afterwards. Errors are in
 * app->error.
 */
int ph_plot_marginals(const ph_plot *self, ph_figure *figure);
int ph_plot_pairs(const ph_plot *self, ph_figure *figure);
int ph_plot_data(const ph_plot *self, ph_figure *figure);
int ph_plot_convergence(const ph_plot *self, ph_figure *figure);

/* "NAME: what", NAME of the model, into a buffer. */
void ph_plot_title(const ph_plot *self, const char *what, ph_buffer *out);
int ph_plot_no_memory(const ph_plot *self);

#endif
