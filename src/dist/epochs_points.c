/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is observed in a sweep with epochs: log values, and the seeds of their
 * derivatives. A time lies in a piece of its own in every lane; the lanes that share
 * one are dealt with at once.
 *
 * Weights of an observation are those of sweep.h for the piece's Lambda and the time
 * since the piece began. Intervals are in epochs_interval.c.
 */
#include <math.h>
#include <stdlib.h>

#include "epochs_points.h"
#include "phasic/base/memory.h"
#include "phasic/num/poisson.h"

int ph_epoch_spot_find(ph_epoch_sweep *self, double t, ph_epoch_spot *at)
{
    size_t most = 0;
    for (int l = 0; l < PH_LANES; l++) {
        size_t e = self->n_stages - 1;
        while (e > 0 && !(self->stage[e].begin[l] <= t)) {
            e--;
        }
        const ph_epoch_stage *stage = &self->stage[e];
        double offset = t - stage->begin[l], part = 0;
        if (!(self->valid >> l & 1)) { /* anywhere */
            at->piece[l] = 0;
            at->mean[l] = 0;
            continue;
        }
        if (!((ph_epoch_is_discrete(self) ? offset : stage->rate * offset) <
              PH_STEPS_MAX)) {
            return PH_E_MEMORY;
        }
        if (stage->part[l] > 0) {
            part = fmin(floor(offset / stage->part[l]), (double)(stage->parts - 1));
        }
        at->piece[l] = stage->first + (size_t)part;
        at->mean[l] = stage->rate * fmax(offset - part * stage->part[l], 0);
        most = at->piece[l] > most ? at->piece[l] : most;
    }
    return ph_epoch_reach(self, most);
}

/* Lanes that lie in the piece of lane l; 0 where an earlier lane does. */
static unsigned sharing(const ph_epoch_sweep *self, const ph_epoch_spot *at, int lane)
{
    unsigned mask = 0;
    for (int l = 0; l < PH_LANES; l++) {
        if (at->piece[l] == at->piece[lane] && self->valid >> l & 1) {
            if (l < lane) {
                return 0;
            }
            mask |= 1u << l;
        }
    }
    return self->valid >> lane & 1 ? mask : 0;
}

size_t ph_epoch_weight_steps(const ph_epoch_sweep *self, const ph_epoch_piece *at)
{
    return ph_epoch_is_discrete(self) ? at->steps : self->stage[at->stage].steps;
}

/*
 * Poisson weights of steps 0..last at the lanes' means into scratch, log_factor[lane]
 * the log of what they are to be multiplied by. Steps before `least` contribute
 * nothing; where the mean is below, weights are relative to that of `least`, so that
 * they stay in range as the mean goes to 0.
 */
static void set_weights(ph_epoch_sweep *self, const ph_lanes *mean, size_t least,
                        size_t last, double log_factor[PH_LANES])
{
    ph_lanes r = {0}, fresh = {0}, *to = self->scratch, unit;
    for (int l = 0; l < PH_LANES; l++) {
        int late = !ph_epoch_is_discrete(self) && (*mean)[l] < (double)least;
        r[l] = !late;
        fresh[l] = late;
        log_factor[l] = late ? ph_poisson_log((double)least, (*mean)[l]) : 0;
    }
    for (size_t k = 0; k <= last; k++) {
        if (ph_epoch_is_discrete(self)) {
            for (int l = 0; l < PH_LANES; l++) {
                to[k][l] = (*mean)[l] == (double)k;
            }
            continue;
        }
        r += k == least ? fresh : (ph_lanes){0};
        to[k] = r;
        r *= *mean * (1 / (double)(k + 1));
    }
    for (int l = 0; l < PH_LANES; l++) {
        unit[l] = ph_epoch_is_discrete(self) || fresh[l] != 0 ? 1 : exp(-(*mean)[l]);
    }
    for (size_t k = 0; k <= last; k++) {
        to[k] *= unit;
    }
}

/* From weights pi_k to sum_{j > k} pi_j; discrete: 1 before the step itself. */
static void sum_beyond(ph_epoch_sweep *self, const ph_epoch_piece *at)
{
    ph_lanes sum = {0};
    for (size_t k = ph_epoch_weight_steps(self, at) + 1; k-- > 0;) {
        ph_lanes here = self->scratch[k];
        self->scratch[k] = sum;
        sum += here;
    }
}

static ph_lanes mix(const ph_epoch_sweep *self, const ph_epoch_piece *at,
                    const ph_lanes *row)
{
    ph_lanes sum = {0};
    for (size_t k = 0; k <= at->steps; k++) {
        sum += self->scratch[k] * row[at->at + k];
    }
    return sum;
}

static void add_seeds(ph_epoch_sweep *self, const ph_epoch_piece *at,
                      const ph_lanes *factor, ph_lanes *bar)
{
    for (size_t k = 0; k <= at->steps; k++) {
        bar[at->at + k] += self->scratch[k] * *factor;
    }
}

void ph_epoch_mark_seeded(ph_epoch_sweep *self, size_t piece)
{
    self->seeded = piece + 1 > self->seeded ? piece + 1 : self->seeded;
}

/* Fewest steps that contribute to a kind in a piece. */
static size_t least_steps(const ph_epoch_sweep *self, ph_sweep_kind kind, size_t piece)
{
    size_t distance = self->plan->graph->distance;
    if (piece > 0 || kind == PH_SURVIVAL) {
        return 0;
    }
    if (kind == PH_DISTRIBUTION) {
        return self->atomic ? 0 : distance;
    }
    return distance > 0 ? distance - 1 : 0;
}

/* Weights of what is observed at a spot, in the piece of a lane. */
static void piece_weights(ph_epoch_sweep *self, ph_sweep_kind kind,
                          const ph_epoch_spot *at, int lane,
                          double log_factor[PH_LANES])
{
    size_t index = at->piece[lane];
    const ph_epoch_piece *piece = &self->piece[index];
    size_t last =
        kind == PH_DISTRIBUTION ? ph_epoch_weight_steps(self, piece) : piece->steps;
    set_weights(self, &at->mean, least_steps(self, kind, index), last, log_factor);
}

/* ------------------------------------------------------------ values of zero */

/* States that one lane may be in at the end of stage e; vertex n: absorbed in it. */
static void spread(const ph_epoch_sweep *self, size_t e, int lane, unsigned char *seen)
{
    const ph_group_table *in = &self->plan->in;
    int changed = 1;
    while (changed) {
        changed = 0;
        for (size_t r = 0; r < in->n_rows; r++) {
            size_t j = in->row_vertex[r];
            for (size_t g = in->row_group[r]; g < in->row_group[r + 1] && !seen[j];
                 g++) {
                int open = self->stage[e].tau[in->group_use[g]][lane] > 0;
                for (size_t t = in->group_term[g]; open && t < in->group_term[g + 1];
                     t++) {
                    changed |= seen[in->term_vertex[t]];
                    seen[j] |= seen[in->term_vertex[t]];
                }
            }
        }
    }
}

/* Whether rates of 0 keep one lane from being absorbed in the stages from..to. */
static int cannot_happen(const ph_epoch_sweep *self, size_t from, size_t to, int lane)
{
    size_t n = self->width - 1;
    unsigned char *seen = ph_alloc(self->width, 1);
    int can = !seen; /* out of memory: the value is out of range, which is an error */
    for (size_t i = 0; i < n && seen; i++) {
        seen[i] = self->first[i][lane] > 0;
    }
    for (size_t e = 0; e <= to && seen; e++) {
        seen[n] = 0;
        spread(self, e, lane, seen);
        can |= e >= from && seen[n];
    }
    free(seen);
    return !can;
}

double ph_epoch_log_sum(const ph_epoch_sweep *self, double sum, size_t from, size_t to,
                        int at_once, int lane)
{
    if (sum >= PH_SWEEP_TINY) {
        return log(sum);
    }
    if (ph_epoch_is_discrete(self)) {
        return sum > 0 ? log(sum) : -INFINITY;
    }
    return sum == 0 && (at_once || cannot_happen(self, from, to, lane)) ? -INFINITY
                                                                        : NAN;
}

/* ------------------------------------------------------- density and survival */

static int point_value(ph_epoch_sweep *self, ph_sweep_kind kind, double t,
                       double value[PH_LANES])
{
    ph_epoch_spot at;
    int status = ph_epoch_spot_find(self, t, &at);
    for (int lane = 0; lane < PH_LANES && status == PH_OK; lane++) {
        unsigned mask = sharing(self, &at, lane);
        if (!mask) {
            continue;
        }
        const ph_epoch_piece *piece = &self->piece[at.piece[lane]];
        double log_factor[PH_LANES];
        piece_weights(self, kind, &at, lane, log_factor);
        ph_lanes sum = mix(self, piece, kind == PH_SURVIVAL ? self->a : self->p);
        double scale = kind == PH_DENSITY ? log(self->stage[piece->stage].rate) : 0;
        for (int l = 0; l < PH_LANES; l++) {
            if (mask >> l & 1) {
                int none = kind == PH_DENSITY && at.mean[l] == 0 && piece->part == 0;
                value[l] = ph_epoch_log_sum(self, sum[l], piece->stage, piece->stage,
                                            none, l) +
                           log_factor[l] + scale + piece->exponent[l] * M_LN2;
            }
        }
    }
    return status;
}

/* d log / dt: density and survival at a time within a piece. */
static ph_lanes slope(const ph_epoch_sweep *self, ph_sweep_kind kind,
                      const ph_epoch_piece *at)
{
    ph_lanes sum = {0};
    const ph_lanes *p = self->p + at->at;
    for (size_t k = 0; k <= at->steps; k++) {
        if (kind == PH_SURVIVAL) {
            sum -= self->scratch[k] * p[k];
        } else if (k < at->steps) {
            sum += self->scratch[k] * (p[k + 1] - p[k]);
        }
    }
    return sum * self->stage[at->stage].rate;
}

static int seed_point(ph_epoch_sweep *self, ph_sweep_kind kind, double t,
                      const double weight[PH_LANES], const double value[PH_LANES])
{
    ph_epoch_spot at;
    int status = ph_epoch_spot_find(self, t, &at);
    for (int lane = 0; lane < PH_LANES && status == PH_OK; lane++) {
        unsigned mask = sharing(self, &at, lane);
        if (!mask) {
            continue;
        }
        ph_epoch_piece *piece = &self->piece[at.piece[lane]];
        double log_factor[PH_LANES];
        piece_weights(self, kind, &at, lane, log_factor);
        ph_lanes sum = mix(self, piece, kind == PH_SURVIVAL ? self->a : self->p);
        ph_lanes factor = {0};
        for (int l = 0; l < PH_LANES; l++) {
            if (mask >> l & 1 && isfinite(value[l]) && weight[l] != 0) {
                factor[l] = weight[l] / sum[l];
                ph_epoch_mark_seeded(self, at.piece[lane]);
            }
        }
        add_seeds(self, piece, &factor,
                  kind == PH_SURVIVAL ? self->a_bar : self->p_bar);
        piece->slope_bar += factor * slope(self, kind, piece);
    }
    return status;
}

/* ------------------------------------------------------------- distribution */

/* log F from below; F beyond 1/2 is finished by whole_value. */
static int lower_half(ph_epoch_sweep *self, double t, double value[PH_LANES])
{
    ph_epoch_spot at;
    int status = ph_epoch_spot_find(self, t, &at);
    for (int lane = 0; lane < PH_LANES && status == PH_OK; lane++) {
        unsigned mask = sharing(self, &at, lane);
        if (!mask) {
            continue;
        }
        const ph_epoch_piece *piece = &self->piece[at.piece[lane]];
        double log_factor[PH_LANES];
        piece_weights(self, PH_DISTRIBUTION, &at, lane, log_factor);
        sum_beyond(self, piece);
        ph_lanes head = mix(self, piece, self->p);
        for (int l = 0; l < PH_LANES; l++) {
            if (!(mask >> l & 1)) {
                continue;
            }
            double before = piece->before[l];
            int first = before == 0 && at.piece[lane] == 0;
            double scale = log_factor[l] + piece->exponent[l] * M_LN2;
            double sum = first ? head[l] : before + exp(scale) * head[l];
            size_t last = piece->stage -
                          (piece->stage > 0 && at.mean[l] == 0 && piece->part == 0);
            value[l] =
                ph_epoch_log_sum(self, sum, 0, last, t == 0, l) + (first ? scale : 0);
        }
    }
    return status;
}

/* F or S as it is summed up. */
static int half_value(ph_epoch_sweep *self, ph_sweep_kind kind, double t,
                      double value[PH_LANES])
{
    return kind == PH_DISTRIBUTION ? lower_half(self, t, value)
                                   : point_value(self, kind, t, value);
}

static ph_sweep_kind other_half(ph_sweep_kind kind)
{
    return kind == PH_SURVIVAL ? PH_DISTRIBUTION : PH_SURVIVAL;
}

/* Each is 1 less the other, which has all digits where this one is nearly 1. */
static int whole_value(ph_epoch_sweep *self, ph_sweep_kind kind, double t,
                       double value[PH_LANES])
{
    double rest[PH_LANES];
    int status = half_value(self, kind, t, value), any = 0;
    for (int l = 0; l < PH_LANES; l++) {
        any |= value[l] > PH_LOG_HALF;
        rest[l] = -INFINITY;
    }
    if (status == PH_OK && any) {
        status = half_value(self, other_half(kind), t, rest);
    }
    for (int l = 0; l < PH_LANES && status == PH_OK && any; l++) {
        if (value[l] > PH_LOG_HALF) {
            value[l] = isnan(rest[l]) ? 0 : log1p(-exp(rest[l]));
        }
    }
    return status;
}

void ph_epoch_seed_whole(ph_epoch_sweep *self, size_t first, size_t end, int lane,
                         double factor, double log_value)
{
    for (size_t s = first; s < end; s++) {
        ph_epoch_piece *at = &self->piece[s];
        double bar = factor * exp(at->exponent[lane] * M_LN2 - log_value);
        at->whole_bar[lane] += bar;
        at->end_bar[lane] += bar;
    }
}

static int seed_lower(ph_epoch_sweep *self, double t, const double weight[PH_LANES],
                      const double value[PH_LANES])
{
    ph_epoch_spot at;
    int status = ph_epoch_spot_find(self, t, &at);
    for (int lane = 0; lane < PH_LANES && status == PH_OK; lane++) {
        unsigned mask = sharing(self, &at, lane);
        if (!mask) {
            continue;
        }
        ph_epoch_piece *piece = &self->piece[at.piece[lane]];
        double log_factor[PH_LANES];
        piece_weights(self, PH_DISTRIBUTION, &at, lane, log_factor);
        ph_lanes density = mix(self, piece, self->p), factor = {0};
        for (int l = 0; l < PH_LANES; l++) {
            if (mask >> l & 1 && isfinite(value[l]) && weight[l] != 0) {
                factor[l] = weight[l] *
                            exp(log_factor[l] + piece->exponent[l] * M_LN2 - value[l]);
                ph_epoch_seed_whole(self, 0, at.piece[lane], l, weight[l], value[l]);
                self->atom[1][l] += weight[l] * exp(-value[l]);
                ph_epoch_mark_seeded(self, at.piece[lane]);
            }
        }
        piece->slope_bar += factor * density * self->stage[piece->stage].rate;
        sum_beyond(self, piece);
        add_seeds(self, piece, &factor, self->p_bar);
    }
    return status;
}

static int seed_half(ph_epoch_sweep *self, ph_sweep_kind kind, double t,
                     const double weight[PH_LANES], const double value[PH_LANES])
{
    return kind == PH_DISTRIBUTION ? seed_lower(self, t, weight, value)
                                   : seed_point(self, kind, t, weight, value);
}

static int seed_whole(ph_epoch_sweep *self, ph_sweep_kind kind, double t,
                      const double weight[PH_LANES], const double value[PH_LANES])
{
    double below[PH_LANES], above[PH_LANES], rest[PH_LANES];
    ph_sweep_halves(weight, value, below, above, rest);
    int status = seed_half(self, kind, t, below, value);
    return status == PH_OK ? seed_half(self, other_half(kind), t, above, rest) : status;
}

/* ----------------------------------------------------------------- all kinds */

/* The mass function at t is what step t - 1 absorbs. */
static double time_of(const ph_epoch_sweep *self, ph_sweep_kind what, double t)
{
    return what == PH_DENSITY && ph_epoch_is_discrete(self) ? t - 1 : t;
}

int ph_epoch_sweep_log(ph_epoch_sweep *self, ph_sweep_kind what, double t, double t2,
                       double value[PH_LANES])
{
    for (int l = 0; l < PH_LANES; l++) {
        value[l] = -INFINITY;
    }
    switch (what) {
    case PH_DISTRIBUTION:
    case PH_SURVIVAL: return whole_value(self, what, t, value);
    case PH_INTERVAL: return ph_epoch_interval_log(self, t, t2, value);
    default: return point_value(self, what, time_of(self, what, t), value);
    }
}

int ph_epoch_sweep_seed(ph_epoch_sweep *self, ph_sweep_kind what, double t, double t2,
                        const double weight[PH_LANES], const double value[PH_LANES])
{
    switch (what) {
    case PH_DISTRIBUTION:
    case PH_SURVIVAL: return seed_whole(self, what, t, weight, value);
    case PH_INTERVAL: return ph_epoch_interval_seed(self, t, t2, weight, value);
    default: return seed_point(self, what, time_of(self, what, t), weight, value);
    }
}
