/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_SAMPLER_H
#define PHASIC_SVGD_SAMPLER_H

#include "phasic/svgd/svgd.h"

/*
 * What the stages share: the target seen through an affine frame z = center + basis y.
 * All stages work in y; a frame in which the posterior is near N(0, I) makes units and
 * condition numbers vanish from every formula behind it.
 */
typedef struct ph_sampler {
    const ph_target *target;
    const ph_svgd_settings *settings;
    const ph_log *log;
    ph_error *error;
    size_t d;
    double *center; /* [d] */
    double *basis;  /* [d][d] */
    double log_det; /* log |det basis|: log p_y = log p_z + log_det */
    uint64_t value_evaluations, score_evaluations;
    double *buffer; /* [capacity] */
    size_t capacity;
} ph_sampler;

int ph_sampler_init(ph_sampler *self, const ph_target *target,
                    const ph_svgd_settings *settings, const ph_log *log,
                    ph_error *error);
void ph_sampler_clear(ph_sampler *self);

/* Sets the frame; center[d] and basis[d][d] are copied. */
int ph_sampler_frame(ph_sampler *self, const double *center, const double *basis);
void ph_sampler_to_z(const ph_sampler *self, size_t n, const double *y, double *z);
/* The way back, for a frame whose basis is upper triangular, as the modes' frame is. y
 * may be z. */
void ph_sampler_from_z(const ph_sampler *self, size_t n, const double *z, double *y);
/* score_z[n][d] to scores in the frame, in place; row[d] is scratch. */
void ph_sampler_map_scores(const ph_sampler *self, size_t n, double *score,
                           double *row);

/*
 * log_p[n] = log p_z at y[n][d] (without log_det) and, if score is not NULL,
 * score[n][d] = grad_y log p. A target that breaks its contract (NaN, +inf, a score
 * that is not finite where log p is) is PH_E_NUMERIC with a sentence that shows the
 * point.
 */
int ph_sampler_eval(ph_sampler *self, size_t n, const double *y, double *log_p,
                    double *score);

/* Reports progress; PH_E_INTERRUPTED when a stop is asked for. */
int ph_sampler_progress(ph_sampler *self, const char *what, double fraction,
                        const char *remark);

#endif
