/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Intervals in a sweep with epochs. An interval is the sum of what is absorbed in the
 * rest of its first piece, in whole pieces, and in the beginning of its last: positive
 * terms all.
 */
#include <math.h>

#include "epochs_points.h"
#include "phasic/num/logsum.h"

/*
 * weight[k] = P(N_high > k) - P(N_low > k) for means low <= high of one lane; where
 * each is summed from, and why nothing cancels: weights.c. Discrete: steps from low up
 * to high.
 */
static void interval_weights(const ph_epoch_sweep *self, const ph_epoch_piece *at,
                             double low, double high, double *weight)
{
    size_t steps = ph_epoch_weight_steps(self, at);
    if (ph_epoch_is_discrete(self)) {
        for (size_t k = 0; k <= steps; k++) {
            weight[k] = (double)k >= low && (double)k < high;
        }
        return;
    }
    long double width = (long double)high - low, *pi = self->pi, sum = 0;
    long double growth = low > 0 ? log1pl(width / low) : INFINITY;
    size_t middle = low > 0 && width > 0 ? (size_t)(width / growth) : 0;
    pi[0] = expl(-(long double)high);
    for (size_t k = 0; k <= steps; k++) {
        pi[k + 1] = pi[k] * high / (long double)(k + 1);
    }
    for (size_t k = steps + 1; k-- > 0;) { /* pi_j(high) (1 - exp(-e_j)), j > k */
        long double e = low > 0 ? (long double)(k + 1) * growth - width : INFINITY;
        sum -= pi[k + 1] * expm1l(-e);
        weight[k] = (double)sum;
    }
    long double near = expl(-(long double)low);
    sum = 0;
    for (size_t k = 0; k < middle && k <= steps; k++) {
        sum -= near * expm1l((long double)k * growth - width);
        weight[k] = (double)sum;
        near *= low / (long double)(k + 1);
    }
}

/* One piece's share of an interval in one lane: from mean low to high. */
typedef struct stretch {
    size_t piece;
    double low, high;
    int to_end; /* high is the piece's end */
} stretch;

/* The two ends of an interval; *whole: how many whole pieces lie between. */
static size_t ends_of(const ph_epoch_sweep *self, const ph_epoch_spot *from,
                      const ph_epoch_spot *to, int lane, stretch end[2])
{
    size_t first = from->piece[lane], last = to->piece[lane];
    if (first == last) {
        end[0] = (stretch){first, from->mean[lane], to->mean[lane], 0};
        return 1;
    }
    const ph_epoch_piece *at = &self->piece[first];
    double mean = ph_epoch_is_discrete(self) ? (double)at->steps
                                             : self->stage[at->stage].mean[lane];
    end[0] = (stretch){first, from->mean[lane], fmax(mean, from->mean[lane]), 1};
    end[1] = (stretch){last, 0, to->mean[lane], 0};
    return 2;
}

static double stretch_sum(ph_epoch_sweep *self, const stretch *it, int lane)
{
    const ph_epoch_piece *at = &self->piece[it->piece];
    double sum = 0;
    interval_weights(self, at, it->low, it->high, self->row);
    for (size_t k = 0; k <= at->steps; k++) {
        sum += self->row[k] * self->p[at->at + k][lane];
    }
    return sum;
}

static double log_units(const ph_epoch_sweep *self, size_t piece, int lane)
{
    return self->piece[piece].exponent[lane] * M_LN2;
}

static double lane_interval(ph_epoch_sweep *self, const ph_epoch_spot *from,
                            const ph_epoch_spot *to, int lane)
{
    stretch end[2];
    double value = -INFINITY, most = 0;
    size_t n = ends_of(self, from, to, lane, end);
    for (size_t i = 0; i < n; i++) {
        double sum = stretch_sum(self, &end[i], lane);
        most = fmax(most, sum);
        value = ph_logsum(value, log(sum) + log_units(self, end[i].piece, lane));
    }
    for (size_t s = from->piece[lane] + 1; s < to->piece[lane]; s++) {
        double sum = self->piece[s].absorbed[lane];
        most = fmax(most, sum);
        value = ph_logsum(value, log(sum) + log_units(self, s, lane));
    }
    const ph_epoch_piece *last = &self->piece[to->piece[lane]];
    int nothing = last->stage > self->piece[from->piece[lane]].stage &&
                  last->part == 0 && to->mean[lane] == 0;
    double checked = ph_epoch_log_sum(self, most, self->piece[from->piece[lane]].stage,
                                      last->stage - (size_t)nothing, 0, lane);
    return isnan(checked) ? NAN : value;
}

int ph_epoch_interval_log(ph_epoch_sweep *self, double t, double t2,
                          double value[PH_LANES])
{
    ph_epoch_spot from, to;
    int status = ph_epoch_spot_find(self, t, &from);
    if (status == PH_OK) {
        status = ph_epoch_spot_find(self, t2, &to);
    }
    for (int l = 0; l < PH_LANES && status == PH_OK; l++) {
        if (self->valid >> l & 1) {
            value[l] = lane_interval(self, &from, &to, l);
        }
    }
    return status;
}

/* The density at a mean within a piece, in its units and per step. */
static double density_at(const ph_epoch_sweep *self, size_t piece, double mean,
                         int lane)
{
    const ph_epoch_piece *at = &self->piece[piece];
    long double pi = expl(-(long double)mean), sum = 0;
    for (size_t k = 0; k <= at->steps; k++) {
        sum += pi * self->p[at->at + k][lane];
        pi *= mean / (long double)(k + 1);
    }
    return (double)sum;
}

/*
 * What moving both ends of an interval within one piece does: the density's difference,
 * by its weights in self->row, so that a narrow interval does not cancel.
 */
static double both_ends(const ph_epoch_sweep *self, const ph_epoch_piece *at, int lane)
{
    double sum = 0;
    const ph_lanes *p = self->p + at->at;
    for (size_t k = 0; k < at->steps; k++) {
        sum += self->row[k] * (p[k + 1][lane] - p[k][lane]);
    }
    return sum;
}

static void seed_lane(ph_epoch_sweep *self, const ph_epoch_spot *from,
                      const ph_epoch_spot *to, int lane, double weight, double value)
{
    stretch end[2];
    size_t n = ends_of(self, from, to, lane, end);
    for (size_t i = 0; i < n; i++) {
        ph_epoch_piece *at = &self->piece[end[i].piece];
        double factor = weight * exp(log_units(self, end[i].piece, lane) - value);
        double rate = self->stage[at->stage].rate;
        interval_weights(self, at, end[i].low, end[i].high, self->row);
        for (size_t k = 0; k <= at->steps; k++) {
            self->p_bar[at->at + k][lane] += factor * self->row[k];
        }
        if (ph_epoch_is_discrete(self)) {
            continue;
        }
        if (n == 1) {
            at->slope_bar[lane] += factor * rate * both_ends(self, at, lane);
            continue;
        }
        if (i == 0) {
            at->slope_bar[lane] -=
                factor * rate * density_at(self, end[i].piece, end[i].low, lane);
        }
        if (end[i].to_end) {
            at->end_bar[lane] += factor;
        } else {
            at->slope_bar[lane] +=
                factor * rate * density_at(self, end[i].piece, end[i].high, lane);
        }
    }
    ph_epoch_seed_whole(self, from->piece[lane] + 1, to->piece[lane], lane, weight,
                        value);
    ph_epoch_mark_seeded(self, to->piece[lane]);
}

int ph_epoch_interval_seed(ph_epoch_sweep *self, double t, double t2,
                           const double weight[PH_LANES], const double value[PH_LANES])
{
    ph_epoch_spot from, to;
    int status = ph_epoch_spot_find(self, t, &from);
    if (status == PH_OK) {
        status = ph_epoch_spot_find(self, t2, &to);
    }
    for (int l = 0; l < PH_LANES && status == PH_OK; l++) {
        if (self->valid >> l & 1 && isfinite(value[l]) && weight[l] != 0) {
            seed_lane(self, &from, &to, l, weight[l], value[l]);
        }
    }
    return status;
}
