/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_CLOUD_H
#define PHASIC_SVGD_CLOUD_H

#include "phasic/num/rank.h"
#include "proposal.h"

/* Weighted points whose shape, place by place, becomes that of Student laws. */
typedef struct ph_cloud {
    size_t n, d;
    const double *y;      /* [n][d] */
    const double *weight; /* [n] sum to 1; NULL: equal */
    const size_t *label;  /* [n] cluster */
    double *factor;       /* [d][d] lower factor of the covariance */
    double *mean;         /* [d] */
    double *work;         /* [d + 2 d d] */
    ph_ranked *order;     /* [n] for the caller, and written over */
} ph_cloud;

/* y, weight and label stay the caller's. PH_E_MEMORY or PH_E_NUMERIC. */
int ph_cloud_init(ph_cloud *self, size_t n, size_t d, const double *y,
                  const double *weight, const size_t *label);
void ph_cloud_clear(ph_cloud *self);

/*
 * Sets component c of the mixture on point `at`, with the covariance about it of the
 * `near` points nearest to it, weighted half by their weights and half equally (Raftery
 * & Bao 2010). Overwrites the order.
 */
int ph_cloud_component(ph_cloud *self, ph_student_mixture *mixture, size_t c, size_t at,
                       size_t near);

#endif
