/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_REPLICATE_H
#define PHASIC_REPORT_REPLICATE_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/base/error.h"
#include "phasic/data/data.h"
#include "phasic/dist/sample.h"

/*
 * Replicated data: data sets as they could have come instead of those observed. Every
 * row is drawn anew and recorded by the scheme that its own row shows:
 *
 *   right-censored at c   the process is watched until c
 *   observed at t         it is watched until a time C >= t that is drawn from the
 *                         product-limit estimate of the law of the censoring times of
 *                         its part (events before censoring where they fall together);
 *                         without end where that law does not end
 *   interval (l, u]       it is looked at in l and u: (l, u], censored on the left at l
 *                         or on the right at u
 *   left-censored at t    it is looked at in t
 *   entry e               drawn given that it is still running at e
 *
 * A row with a count stands for as many rows. Immutable; refers to the data.
 */
typedef struct ph_scheme ph_scheme;

/*
 * PH_E_FEATURE for data with counts that are not whole, with rows that hold several
 * totals, or of more than 2^31 rows; PH_E_MEMORY.
 */
int ph_scheme_new(ph_scheme **self, const ph_data *data, ph_error *error);
void ph_scheme_free(ph_scheme *self);

/* Rows in all, and of a part: [*first, *end). */
size_t ph_scheme_rows(const ph_scheme *self);
void ph_scheme_part(const ph_scheme *self, size_t part, size_t *first, size_t *end);

/* The observed rows, counts written out: row[rows]. */
void ph_scheme_observed(const ph_scheme *self, ph_observation *row);

/*
 * The rows of a part into row[first .. end), of weight 1, from its process.
 * `is_reward`: what is recorded is the sampler's first reward, else the time. Streams
 * are those of (seed, draw, row). PH_E_NUMERIC where a process is still running at its
 * entry so seldom that it is not met in 100000 tries.
 */
int ph_scheme_draw(const ph_scheme *self, size_t part, const ph_sampler *sampler,
                   int is_reward, uint32_t seed, uint32_t draw, ph_observation *row);

/* What a data set is compared by; see ph_statistics. */
#define PH_STATISTIC_TABLE(X)                                                          \
    X(PH_STATISTIC_MEAN, "mean")                                                       \
    X(PH_STATISTIC_SD, "sd")                                                           \
    X(PH_STATISTIC_MIN, "min")                                                         \
    X(PH_STATISTIC_LOW, "10%")                                                         \
    X(PH_STATISTIC_MEDIAN, "median")                                                   \
    X(PH_STATISTIC_HIGH, "90%")                                                        \
    X(PH_STATISTIC_MAX, "max")                                                         \
    X(PH_STATISTIC_CENSORED, "censored")

enum {
#define X(name, text) name,
    PH_STATISTIC_TABLE(X)
#undef X
        PH_STATISTICS
};
extern const char *const ph_statistic_name[PH_STATISTICS];

/*
 * Statistics of the recorded times (of an interval its middle) of n >= 1 rows, and how
 * many of them are censored; sd with n - 1, quantiles as ph_sorted_quantile. work[n].
 */
void ph_statistics(size_t n, const ph_observation *row, double *work,
                   double value[PH_STATISTICS]);

#endif
