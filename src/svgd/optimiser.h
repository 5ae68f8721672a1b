/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_OPTIMISER_H
#define PHASIC_SVGD_OPTIMISER_H

#include "phasic/svgd/classical.h"

/* What an optimiser remembers of every coordinate of every particle; starts at 0. */
typedef struct ph_optimiser_state {
    size_t size;            /* particles times coordinates */
    size_t steps;           /* done */
    double *first, *second; /* [size] running means of the direction and its square */
} ph_optimiser_state;

int ph_optimiser_init(ph_optimiser_state *self, size_t size);
void ph_optimiser_clear(ph_optimiser_state *self);

/*
 * The step for a learning rate of 1 along phi[size], each coordinate by itself; e =
 * 1e-8, m and v start at 0 and t at 1:
 *   sgd       phi
 *   momentum  m, m <- 0.9 m + phi
 *   adam      mh / (sqrt(vh) + e), m <- 0.9 m + 0.1 phi, v <- 0.999 v + 0.001 phi^2,
 *             mh = m / (1 - 0.9^t), vh = v / (1 - 0.999^t)
 *   adagrad   phi / (sqrt(v) + e), v <- v + phi^2
 *   rmsprop   phi / (sqrt(v) + e), v <- 0.9 v + 0.1 phi^2
 */
void ph_optimiser_step(ph_optimiser which, ph_optimiser_state *self, const double *phi,
                       double *step);

/*
 * The learning rate of iteration t = 0, 1, ... with r the first one, l the last and T
 * the time of the settings:
 *   constant     r
 *   exponential  l + (r - l) exp(-t / T)
 *   warm-up      r min(1, (t + 1) / T)
 *   adaptive     r at first; then, from the rate before, 0.6 of it (at least l) where
 *                the direction turned round (cosine with the one before below -0.1) or
 *                its norm grew by more than 2 %, else 1.15 of it (at most r)
 */
double ph_schedule_rate(const ph_classical *self, size_t t, double before,
                        double cosine, double growth);

/* The penalty's weight in iteration t. */
double ph_fade_weight(const ph_classical *self, size_t t);

#endif
