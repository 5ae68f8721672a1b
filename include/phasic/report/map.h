/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_MAP_H
#define PHASIC_REPORT_MAP_H

#include "phasic/fit/map.h"
#include "phasic/report/summary.h"

/* Modes and maximum likelihood: the table for people, or as CSV with full digits. */
void ph_report_map_text(ph_buffer *out, const ph_map *map,
                        const ph_provenance *provenance);
void ph_report_map_table(ph_buffer *out, const ph_map *map,
                         const ph_provenance *provenance);
/*
 * PREFIX.json in the shape of the other methods; mean and sd are the mode and its
 * standard error, quantiles those of the normal approximation.
 */
void ph_report_map_json(ph_buffer *out, const ph_map *map,
                        const ph_provenance *provenance);
/* PREFIX.csv: the best mode as CmdStan's optimize lays it out, one row. */
void ph_report_map_csv(ph_buffer *out, const ph_map *map,
                       const ph_provenance *provenance);

#endif
