/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_FIT_IDENTIFY_H
#define PHASIC_FIT_IDENTIFY_H

#include "phasic/fit/fit.h"

/*
 * What the data do not say, as sentences that are added to reasons[size] after "; ":
 * parameters whose posterior is their prior (standard deviations in z within 5 %, means
 * within a quarter of one), combinations of parameters that the likelihood does not
 * tell apart, and several modes. Returns 0 or PH_E_MEMORY.
 */
int ph_identify_fit(const ph_svgd_result *svgd, const ph_posterior *posterior,
                    char *reasons, size_t size);

/* Of these the combinations, at a mode z[d] where -log p has this Hessian[d][d]. */
int ph_identify_directions(const ph_posterior *posterior, const double *z,
                           const double *hessian, char *reasons, size_t size);

#endif
