/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_EPOCHS_PRIVATE_H
#define PHASIC_DIST_EPOCHS_PRIVATE_H

#include <stddef.h>

#include "phasic/dist/sweep.h"

/*
 * The sweep of a plan with epochs. What sweep.h says of ph_sweep holds; u and u_bar are
 * those of a plan with epochs (plan.h), so that gradients hold the change times. The
 * epoch of a time is the last one that has begun by then: densities are continuous from
 * the right.
 *
 * A lane is valid where the times of the epochs increase from 0 and are finite, and
 * every epoch that has begun by t_max has parameters inside their supports and rates
 * that make sense.
 */
typedef struct ph_epoch_sweep ph_epoch_sweep;

int ph_epoch_sweep_new(ph_epoch_sweep **self, const ph_plan *plan);
void ph_epoch_sweep_free(ph_epoch_sweep *self);
int ph_epoch_sweep_begin(ph_epoch_sweep *self, const double *u, double t_max,
                         unsigned lanes, unsigned *valid);

/* `what` at t, or of (t, t2] for PH_INTERVAL, where 0 < t < t2 < INFINITY. */
int ph_epoch_sweep_log(ph_epoch_sweep *self, ph_sweep_kind what, double t, double t2,
                       double value[PH_LANES]);
int ph_epoch_sweep_seed(ph_epoch_sweep *self, ph_sweep_kind what, double t, double t2,
                        const double weight[PH_LANES], const double value[PH_LANES]);
int ph_epoch_sweep_gradient(ph_epoch_sweep *self, double *u_bar);

/* Whether one lane of u (stride PH_LANES, or 1) is valid up to t_max. */
int ph_epochs_valid(const ph_plan *plan, const double *u, size_t stride, double t_max);

/* The definition: see plain.h. */
int ph_epochs_plain(const ph_plan *plan, const double *u, size_t n,
                    const ph_sweep_kind *kind, const double *t, const double *t2,
                    double *log_value, const double *weight, double *u_bar);

#endif
