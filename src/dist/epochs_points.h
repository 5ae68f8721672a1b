/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_EPOCHS_POINTS_H
#define PHASIC_DIST_EPOCHS_POINTS_H

#include "epochs_sweep.h"

/* Where a time lies, lane by lane. */
typedef struct ph_epoch_spot {
    size_t piece[PH_LANES];
    ph_lanes mean; /* steps in mean since the piece began; discrete: steps */
} ph_epoch_spot;

static inline int ph_epoch_is_discrete(const ph_epoch_sweep *self)
{
    return self->plan->graph->discrete;
}

/* Takes the pieces up to t and finds it. Returns 0, or what ph_epoch_reach does. */
int ph_epoch_spot_find(ph_epoch_sweep *self, double t, ph_epoch_spot *at);

/*
 * Steps up to which there are weights: a piece ends its sequences where nothing is left
 * to be absorbed, but weights may go on from there.
 */
size_t ph_epoch_weight_steps(const ph_epoch_sweep *self, const ph_epoch_piece *at);

/*
 * log of a sum that should be positive, of one lane and the stages from..to; NaN where
 * it is out of range. at_once: there was no time in which it could be more than 0.
 */
double ph_epoch_log_sum(const ph_epoch_sweep *self, double sum, size_t from, size_t to,
                        int at_once, int lane);

/* Adds the seeds of factor / exp(log_value) times what whole pieces first..end-1
 * absorb. */
void ph_epoch_seed_whole(ph_epoch_sweep *self, size_t first, size_t end, int lane,
                         double factor, double log_value);
void ph_epoch_mark_seeded(ph_epoch_sweep *self, size_t piece);

/* ph_epoch_sweep_log and ph_epoch_sweep_seed of PH_INTERVAL (epochs_interval.c). */
int ph_epoch_interval_log(ph_epoch_sweep *self, double t, double t2,
                          double value[PH_LANES]);
int ph_epoch_interval_seed(ph_epoch_sweep *self, double t, double t2,
                           const double weight[PH_LANES], const double value[PH_LANES]);

#endif
