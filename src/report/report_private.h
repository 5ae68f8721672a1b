/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_REPORT_PRIVATE_H
#define PHASIC_REPORT_REPORT_PRIVATE_H

#include "phasic/report/json.h"
#include "phasic/report/summary.h"

/* What the reports of all methods share. */

/* PREFIX.json: version, command, seed, model, data, settings. */
void ph_report_origin(ph_json *json, const ph_provenance *provenance);
/* converged and reasons, which are sentences joined by "; ". */
void ph_report_verdict(ph_json *json, int converged, const char *reasons);
/* timing, with the stages where there are any, and warnings. */
void ph_report_close(ph_json *json, const ph_provenance *provenance, size_t stages,
                     const double *seconds);

/* PREFIX.csv: version, model and digests, before the method. */
void ph_report_csv_origin(ph_buffer *out, const ph_provenance *provenance);

/* Text in lines of at most 80 columns, broken at blanks. */
void ph_report_wrapped(ph_buffer *out, const char *text);

#endif
