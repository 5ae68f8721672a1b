/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_EXPLORE_H
#define PHASIC_SVGD_EXPLORE_H

#include "proposal.h"

/*
 * Looks for what the modes and the particles around them do not show: shoulders and
 * thin arms far out that hold little mass and much of a second moment. Explorers, half
 * of them from the particles and half from starting points, walk on the tempered
 * density p^(1/4) by differential evolution (ter Braak 2006); a mixture of Student laws
 * is made of where they end, each with the covariance of its neighbours. Values only,
 * a few per particle. PH_E_MEMORY, PH_E_NUMERIC or what the target returns.
 */
int ph_explore(ph_student_mixture *mixture, ph_sampler *sampler, const ph_ensemble *e);

#endif
