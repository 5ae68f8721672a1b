/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_SVGD_VERDICT_H
#define PHASIC_SVGD_VERDICT_H

#include "importance.h"
#include "sentences.h"

/*
 * Decides `converged` from the diagnostics of the sample that is handed out and writes
 * the reasons, full sentences joined by "; ". The settings are the sampler's.
 */
void ph_verdict(ph_svgd_result *result, const ph_sample *sample,
                const ph_sampler *sampler);

/*
 * The same for particles that are handed out as they are: converged if the importance
 * sample is sound and their means and sds agree with its own within the tolerances
 * (result->diagnostics.error_mean, error_sd). In more dimensions than importance
 * sampling is trusted in nothing is checked, and they have not converged.
 */
void ph_verdict_raw(ph_svgd_result *result, const ph_sample *importance,
                    const ph_sampler *sampler);

/* Says that modes may be missing, where that is known. */
void ph_verdict_modes(ph_sentences *self, const ph_svgd_result *result);

#endif
