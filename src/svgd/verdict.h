/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_VERDICT_H
#define PHASIC_SVGD_VERDICT_H

#include "importance.h"

/*
 * Decides `converged` from the diagnostics of the sample that is handed out and writes
 * the reasons, full sentences joined by "; ".
 */
void ph_verdict(ph_svgd_result *result, const ph_sample *sample,
                const ph_svgd_settings *settings);

#endif
