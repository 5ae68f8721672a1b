/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_MODES_H
#define PHASIC_SVGD_MODES_H

#include "sampler.h"

/*
 * Stage 1: the modes of the posterior, best first, with their Hessians in z. Sets the
 * sampler's frame so that the best mode is the origin and its Hessian the identity.
 * PH_E_NUMERIC when no starting point has a finite density. Weak directions are said
 * through the log. hints[n_hints][d], in z, are starts beyond the usual ones.
 * *exhausted: another mode that is as easy to find as those found would have been
 * found.
 */
int ph_modes_find(ph_sampler *self, size_t n_hints, const double *hints,
                  ph_mode **modes, size_t *n_modes, int *exhausted);

/*
 * Where y[n][d], points in the sampler's frame, lead: the first *n_new rows of z[n][d]
 * become optima that are none of the modes (an optimum may stand there twice).
 */
int ph_modes_follow(ph_sampler *self, const ph_mode *modes, size_t n_modes, size_t n,
                    const double *y, double *z, size_t *n_new);
void ph_modes_free(ph_mode *modes, size_t n_modes);

#endif
