/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One parameter vector in quadruple precision. Gradients by reverse differentiation of
 * every solve and of the elimination, so that two causes of noise are met at once: the
 * differences h_j - h_i (which no fixed precision survives where a process makes 10^100
 * jumps) and the subtractions in central moments and covariances (34 digits to lose).
 */
#include <math.h>
#include <string.h>

#include "moment_private.h"
#include "phasic/base/memory.h"
#include "phasic/model/pool.h"
#include "phasic/trace/reverse.h"

#define REAL    ph_wide
#define NAME(x) wide_##x
#define SOLVE   ph_trace_reverse_solve
#include "kernel_template.h"

typedef struct replay {
    const ph_moments *self;
    size_t gradient, nodes, factors;
    const double *given; /* u */
    ph_wide *block;      /* owns what follows */
    ph_wide *u, *raw, *product, *bar, *factor_bar, *slope;
    wide_values at;
} replay;

static int replay_new(replay *it, const ph_moments *self, size_t gradient,
                      const double *u)
{
    size_t outputs = ph_moments_outputs(self, gradient);
    it->self = self;
    it->gradient = gradient;
    it->given = u;
    it->nodes = ph_pool_length(self->graph->pool);
    it->factors = ph_trace_work(self->trace) / PH_LANES;
    size_t raws = self->n_rewards * self->order;
    size_t length = wide_carve(self, NULL, it->factors, 1, gradient > 0, &it->at);
    length += it->nodes + raws + ph_moments_pairs(self) + outputs * it->nodes;
    length += gradient > 0 ? it->factors + it->nodes : 0;
    it->block = ph_alloc_aligned(length, sizeof *it->block);
    if (!it->block) {
        return PH_E_MEMORY;
    }
    it->u = it->block;
    it->raw = it->u + it->nodes;
    it->product = it->raw + raws;
    it->bar = it->product + ph_moments_pairs(self);
    it->slope = it->bar + outputs * it->nodes;
    it->factor_bar = it->slope + (gradient > 0 ? it->nodes : 0);
    wide_carve(self, it->factor_bar + (gradient > 0 ? it->factors : 0), it->factors, 1,
               gradient > 0, &it->at);
    for (size_t k = 0; k < it->nodes; k++) {
        it->u[k] = u[k];
    }
    return PH_OK;
}

/* ---- adjoints ---- */

static void clear(ph_wide *array, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        array[i] = 0;
    }
}

/* Through the solve of m = (-S)^-1 b: h_bar of m becomes that of b. */
static void through_solve(replay *it, const ph_wide *mid, const ph_wide *m,
                          ph_wide *h_bar)
{
    ph_trace_reverse_solve_adjoint(it->self->trace, it->at.trace, mid, m, h_bar,
                                   it->factor_bar);
}

/* Through P in a right-hand side: weights w on P m. */
static void through_next(replay *it, const ph_wide *w, const ph_wide *m, ph_wide *bar)
{
    ph_wide size = 0;
    wide_edge_adjoint(it->self, it->u, w, m, bar, &size);
}

static void raw_reverse(replay *it, size_t a, size_t r, ph_wide *bar)
{
    const ph_moments *self = it->self;
    size_t n = self->graph->n, first = a * self->order * n;
    clear(it->factor_bar, it->factors);
    for (size_t k = r; k >= 1; k--) {
        size_t place = (k - 1) * n;
        const ph_wide *m = it->at.m + first + place;
        ph_wide *z = it->at.z + place;
        if (k < r) {
            wide_weights(self, &it->at, self->amount + a * n, k, r);
            if (self->graph->discrete) {
                through_next(it, it->at.w, m, bar);
            }
        }
        for (size_t i = 0; i < n; i++) {
            z[i] = k == r ? it->at.alpha[i] : it->at.y[i];
        }
        through_solve(it, it->at.mid + first + place, m, z);
    }
    ph_trace_reverse_eliminate_adjoint(self->trace, it->at.trace, it->factor_bar, bar);
    wide_start_adjoint(self, it->at.m + first + (r - 1) * n, bar);
}

/* The part of d E[Y_a Y_b] that goes through M_1 of b; x are weights of the pair. */
static void half_reverse(replay *it, const ph_wide *x, size_t a, size_t b, ph_wide *bar)
{
    const ph_moments *self = it->self;
    size_t n = self->graph->n, first = b * self->order * n;
    for (size_t i = 0; i < n; i++) {
        it->at.w[i] = it->at.y[i] = self->amount[a * n + i] * x[i];
    }
    if (self->graph->discrete) {
        through_next(it, it->at.w, it->at.m + first, bar);
        wide_next_transposed(self, &it->at, it->at.w, it->at.y);
    }
    through_solve(it, it->at.mid + first, it->at.m + first, it->at.y);
}

static void product_reverse(replay *it, size_t a, size_t b, ph_wide *bar)
{
    const ph_moments *self = it->self;
    clear(it->factor_bar, it->factors);
    for (size_t i = 0; i < self->graph->n; i++) {
        it->at.x[i] = it->at.alpha[i];
    }
    through_solve(it, it->at.pair_mid, it->at.pair, it->at.x);
    half_reverse(it, it->at.x, a, b, bar);
    half_reverse(it, it->at.x, b, a, bar);
    ph_trace_reverse_eliminate_adjoint(self->trace, it->at.trace, it->factor_bar, bar);
    wide_start_adjoint(self, it->at.pair, bar);
}

/* ---- evaluation ---- */

static void evaluate(replay *it)
{
    const ph_moments *self = it->self;
    size_t rewards = self->n_rewards, next = 0;
    wide_load(self, it->u, &it->at);
    ph_trace_eliminate_wide(self->trace, it->given, it->at.trace);
    ph_trace_start_wide(self->trace, it->given, it->at.alpha);
    for (size_t a = 0; a < rewards; a++) {
        wide_reward(self, &it->at, a, it->raw + a * self->order);
        for (size_t r = 1; r <= it->gradient; r++) {
            raw_reverse(it, a, r, it->bar + (a * it->gradient + r - 1) * it->nodes);
        }
    }
    for (size_t a = 0; a < rewards; a++) {
        for (size_t b = a + 1; b < rewards; b++, next++) {
            it->product[next] = wide_product(self, &it->at, a, b);
            if (it->gradient >= 2) {
                size_t o = rewards * it->gradient + next;
                product_reverse(it, a, b, it->bar + o * it->nodes);
            }
        }
    }
}

/* ---- results ---- */

/* Skewness and kurtosis from raw moments; the powers of the deviation stay in range. */
static void shape(const replay *it, size_t a, const ph_moments_lane *out)
{
    const ph_wide *m = it->raw + a * it->self->order;
    ph_wide mean = m[0], variance = m[1] - mean * mean;
    out->skewness[a] = out->kurtosis[a] = NAN;
    if (!(variance > (ph_wide)1e-28 * m[1])) {
        return;
    }
    if (it->self->order >= 3) {
        ph_wide third = m[2] - mean * (3 * m[1] - 2 * mean * mean);
        double deviation = sqrt((double)variance);
        out->skewness[a] = (double)(third / variance / deviation);
    }
    if (it->self->order >= 4) {
        ph_wide fourth = m[3] - mean * (4 * m[2] - mean * (6 * m[1] - 3 * mean * mean));
        out->kurtosis[a] = (double)(fourth / variance / variance);
    }
}

/* Covariance of a <= b from E[Y_a Y_b] and the means, and the bars the same way. */
static void covariance(replay *it, size_t a, size_t b, size_t pair,
                       const ph_moments_lane *out)
{
    const ph_moments *self = it->self;
    size_t rewards = self->n_rewards, g = it->gradient;
    ph_wide mean_a = it->raw[a * self->order], mean_b = it->raw[b * self->order];
    ph_wide product = a == b ? it->raw[a * self->order + 1] : it->product[pair];
    ph_wide value = product - mean_a * mean_b;
    ph_wide size = value < 0 ? -value : value;
    value = size > (ph_wide)1e-28 * product ? value : 0;
    out->covariance[a * rewards + b] = out->covariance[b * rewards + a] = (double)value;
    if (g < 2) {
        return;
    }
    const ph_wide *slope_a = it->bar + a * g * it->nodes;
    const ph_wide *slope_b = it->bar + b * g * it->nodes;
    const ph_wide *slope =
        a == b ? slope_a + it->nodes : it->bar + (rewards * g + pair) * it->nodes;
    double *bar = out->cross_bar + (a * rewards + b) * it->nodes;
    for (size_t k = 0; k < it->nodes; k++) {
        bar[k] = (double)(slope[k] - mean_a * slope_b[k] - mean_b * slope_a[k]);
    }
}

static void round_off(replay *it, const ph_moments_lane *out)
{
    const ph_moments *self = it->self;
    size_t rewards = self->n_rewards, pair = 0;
    for (size_t k = 0; k < rewards * self->order; k++) {
        out->raw[k] = (double)it->raw[k];
    }
    for (size_t k = 0; k < rewards * it->gradient * it->nodes; k++) {
        out->bar[k] = (double)it->bar[k];
    }
    for (size_t a = 0; a < rewards; a++) {
        shape(it, a, out);
        covariance(it, a, a, 0, out);
        for (size_t b = a + 1; b < rewards; b++) {
            covariance(it, a, b, pair++, out);
        }
    }
}

int ph_moments_wide(const ph_moments *self, size_t gradient, const double *u,
                    const ph_moments_lane *out)
{
    replay it = {0};
    int status = replay_new(&it, self, gradient, u);
    if (status == PH_OK) {
        evaluate(&it);
        round_off(&it, out);
    }
    ph_free_aligned(it.block);
    return status;
}
