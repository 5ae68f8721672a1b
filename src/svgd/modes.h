/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_MODES_H
#define PHASIC_SVGD_MODES_H

#include "sampler.h"

/*
 * Stage 1: the modes of the posterior, best first, with their Hessians in z. Sets the
 * sampler's frame so that the best mode is the origin and its Hessian the identity.
 * PH_E_NUMERIC when no starting point has a finite density. Weak directions are said
 * through the log.
 */
int ph_modes_find(ph_sampler *self, ph_mode **modes, size_t *n_modes);
void ph_modes_free(ph_mode *modes, size_t n_modes);

#endif
