/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_DIRECTION_H
#define PHASIC_SVGD_DIRECTION_H

#include "phasic/svgd/svgd.h"

/*
 * The dimensions that a unit vector holds, as words: "rate (+0.71), shape (-0.71)",
 * those with a component above 0.3, by the target's names or as "parameter 2". Returns
 * text.
 */
char *ph_direction_text(const ph_target *target, const double *direction, char *text,
                        size_t size);

#endif
