/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From parameters to moments and back: nodes of the pool, the kernel, its checks, the
 * replay of parameter vectors that fail them, and the adjoint of the pool.
 */
#include "phasic/moment/moments.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "epochs_private.h"
#include "phasic/base/memory.h"
#include "phasic/model/pool.h"

#define ROUNDING 1e-9 /* probabilities may exceed 1 by this */

int ph_moments_new(ph_moments **self, const ph_graph *graph, const ph_trace *trace,
                   size_t n_rewards, const double *amount, size_t order)
{
    ph_moments *it = ph_alloc(1, sizeof *it);
    double *copy = ph_alloc(n_rewards * graph->n, sizeof *copy);
    if (!it || !copy) {
        free(it);
        free(copy);
        return PH_E_MEMORY;
    }
    memcpy(copy, amount, n_rewards * graph->n * sizeof *copy);
    *it = (ph_moments){graph, trace, n_rewards, order, copy};
    *self = it;
    return PH_OK;
}

void ph_moments_free(ph_moments *self)
{
    if (self) {
        free(self->amount);
        free(self);
    }
}

/* ---- results and workspace ---- */

static size_t parameters(const ph_moments *self)
{
    const ph_graph *graph = self->graph;
    return graph->epochs ? graph->epochs->p : ph_pool_parameters(graph->pool);
}

int ph_moments_value_new(ph_moments_value **value, const ph_moments *self, size_t lanes,
                         size_t gradient)
{
    size_t rewards = self->n_rewards, g = gradient, raws = rewards * self->order;
    size_t nodes = ph_pool_length(self->graph->pool);
    size_t p = parameters(self), cross = g >= 2 ? 1 : 0;
    size_t u = self->graph->epochs ? ph_epoch_values_length(self->graph, g > 0) : nodes;
    size_t outputs = ph_moments_outputs(self, g);
    ph_moments_value *it = ph_alloc(1, sizeof *it);
    if (!it) {
        return PH_E_MEMORY;
    }
    it->lanes = lanes;
    it->gradient = g;
    struct {
        double **array;
        size_t length; /* of numbers with lanes */
    } part[] = {
        {&it->raw, raws},
        {&it->mean, rewards},
        {&it->covariance, rewards * rewards},
        {&it->skewness, rewards},
        {&it->kurtosis, rewards},
        {&it->d_raw, rewards * g * p},
        {&it->d_covariance, cross * rewards * rewards * p},
        {&it->theta, p},
        {&it->u, u},
        {&it->work, ph_moments_work(self, g) / PH_LANES},
        {&it->product, ph_moments_pairs(self)},
        {&it->bar, outputs * nodes},
        {&it->cross_bar, cross * rewards * rewards * nodes},
        {&it->check, outputs * PH_CHECKS},
        {&it->lane, nodes + raws + rewards * (rewards + 2) +
                        rewards * (nodes + p) * (g + cross * rewards) + p},
    };
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        *part[i].array = ph_alloc_aligned(part[i].length * lanes, sizeof(double));
        if (!*part[i].array) {
            ph_moments_value_free(it);
            return PH_E_MEMORY;
        }
    }
    *value = it;
    return PH_OK;
}

void ph_moments_value_free(ph_moments_value *value)
{
    if (value) {
        double *const part[] = {value->raw,          value->mean,     value->covariance,
                                value->skewness,     value->kurtosis, value->d_raw,
                                value->d_covariance, value->theta,    value->u,
                                value->work,         value->product,  value->bar,
                                value->cross_bar,    value->check,    value->lane};
        for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
            ph_free_aligned(part[i]);
        }
        free(value);
    }
}

/* ---- is theta inside the model? ---- */

static double sum_terms(const ph_graph *graph, const uint32_t *use,
                        const double *coefficient, size_t begin, size_t end,
                        const double *u, size_t lanes)
{
    double sum = 0;
    for (size_t t = begin; t < end; t++) {
        sum += coefficient[t] * u[graph->used[use[t]] * lanes];
    }
    return sum;
}

/* u points at the lane's own first number. */
static int inside(const ph_graph *graph, const double *u, size_t lanes)
{
    int fine = 1;
    for (size_t k = 0; k < graph->n_used; k++) {
        double x = u[graph->used[k] * lanes];
        fine &= isfinite(x) && x >= 0;
    }
    fine &= sum_terms(graph, graph->start_use, graph->start_coefficient, 0,
                      graph->start_term[graph->n_starts], u, lanes) <= 1 + ROUNDING;
    for (size_t i = 0; i < graph->n && graph->discrete; i++) {
        fine &=
            sum_terms(graph, graph->term_use, graph->term_coefficient,
                      graph->edge_term[graph->row[i]],
                      graph->edge_term[graph->row[i + 1]], u, lanes) <= 1 + ROUNDING;
    }
    return fine;
}

/* ---- central moments of one lane, and whether they lost digits ---- */

/* sum of terms[n]; *lossy where it is smaller than their size by `most`. */
static double watched_sum(const double *terms, int n, double most, int *lossy)
{
    double sum = 0, size = 0;
    for (int i = 0; i < n; i++) {
        sum += terms[i];
        size += fabs(terms[i]);
    }
    *lossy |= !(size <= most * fabs(sum)) || !isfinite(size);
    return sum;
}

static void set_shape(const ph_moments *self, ph_moments_value *value, size_t a,
                      size_t l, int *lossy)
{
    size_t lanes = value->lanes;
    const double *m = value->raw + a * self->order * lanes + l;
    double mean = m[0], second = m[lanes];
    double variance = second - mean * mean, deviation = sqrt(variance);
    value->skewness[a * lanes + l] = value->kurtosis[a * lanes + l] = NAN;
    if (self->order >= 3) {
        double third = m[2 * lanes];
        const double terms[] = {third, -3 * mean * second, 2 * mean * mean * mean};
        value->skewness[a * lanes + l] =
            watched_sum(terms, 3, PH_MOMENTS_LOSS4, lossy) / variance / deviation;
    }
    if (self->order >= 4) {
        double fourth = m[3 * lanes], square = mean * mean;
        const double terms[] = {fourth, -4 * mean * m[2 * lanes], 6 * square * second,
                                -3 * square * square};
        value->kurtosis[a * lanes + l] =
            watched_sum(terms, 4, PH_MOMENTS_LOSS4, lossy) / variance / variance;
    }
}

/* Rows of bars [nodes][lanes]: cov = product - m_a b - m_b a; watched normwise. */
static void set_cross_bar(const ph_moments *self, ph_moments_value *value, size_t a,
                          size_t b, size_t pair, size_t l, int *lossy)
{
    size_t rewards = self->n_rewards, g = value->gradient, lanes = value->lanes;
    size_t nodes = ph_pool_length(self->graph->pool), row = nodes * lanes;
    const double *slope_a = value->bar + a * g * row;
    const double *slope_b = value->bar + b * g * row;
    const double *slope =
        a == b ? slope_a + row : value->bar + (rewards * g + pair) * row;
    double mean_a = value->raw[a * self->order * lanes + l];
    double mean_b = value->raw[b * self->order * lanes + l];
    double *to = value->cross_bar + (a * rewards + b) * row, size = 0, result = 0;
    for (size_t k = l; k < row; k += lanes) {
        double x = mean_a * slope_b[k], y = mean_b * slope_a[k];
        double scale = fabs(value->u[k]);
        to[k] = slope[k] - x - y;
        size = fmax(size, scale * (fabs(slope[k]) + fabs(x) + fabs(y)));
        result = fmax(result, scale * fabs(to[k]));
    }
    *lossy |= !(size <= PH_MOMENTS_LOSS * result);
}

static void set_covariance(const ph_moments *self, ph_moments_value *value, size_t l,
                           int *lossy)
{
    size_t rewards = self->n_rewards, lanes = value->lanes, next = 0;
    for (size_t a = 0; a < rewards; a++) {
        for (size_t b = a; b < rewards; b++) {
            const double *m_a = value->raw + a * self->order * lanes + l;
            const double *m_b = value->raw + b * self->order * lanes + l;
            double product = a == b ? m_a[lanes] : value->product[next * lanes + l];
            const double terms[] = {product, -m_a[0] * m_b[0]};
            double cov = watched_sum(terms, 2, PH_MOMENTS_LOSS, lossy);
            value->covariance[(a * rewards + b) * lanes + l] = cov;
            value->covariance[(b * rewards + a) * lanes + l] = cov;
            if (value->gradient >= 2) {
                set_cross_bar(self, value, a, b, next, l, lossy);
            }
            next += a != b;
        }
    }
}

/* Euler's identity and the bound on rounding, for every output of a lane. */
static int gradient_fails(const ph_moments *self, const ph_moments_value *value,
                          size_t l)
{
    size_t outputs = ph_moments_outputs(self, value->gradient), lanes = value->lanes;
    for (size_t o = 0; o < outputs; o++) {
        const double *check = value->check + o * PH_CHECKS * lanes + l;
        double sum = check[PH_CHECK_SUM * lanes];
        double expected = check[PH_CHECK_EXPECTED * lanes];
        double noise = DBL_EPSILON * check[PH_CHECK_SIZE * lanes];
        if (!(fabs(sum - expected) <= PH_MOMENTS_EULER * fabs(expected)) ||
            !(noise <= PH_MOMENTS_NOISE * fabs(expected))) {
            return 1;
        }
    }
    return 0;
}

/* ---- replay of one lane ---- */

static void scatter(double *to, const double *from, size_t length, size_t lanes,
                    size_t l)
{
    for (size_t i = 0; i < length; i++) {
        to[i * lanes + l] = from[i];
    }
}

static int replay_lane(const ph_moments *self, ph_moments_value *value, size_t l)
{
    size_t rewards = self->n_rewards, raws = rewards * self->order;
    size_t nodes = ph_pool_length(self->graph->pool), lanes = value->lanes;
    size_t bars = rewards * value->gradient * nodes;
    double *u = value->lane;
    ph_moments_lane out = {.raw = u + nodes};
    out.covariance = out.raw + raws;
    out.skewness = out.covariance + rewards * rewards;
    out.kurtosis = out.skewness + rewards;
    out.bar = out.kurtosis + rewards;
    out.cross_bar = out.bar + bars;
    for (size_t k = 0; k < nodes; k++) {
        u[k] = value->u[k * lanes + l];
    }
    int status = ph_moments_wide(self, value->gradient, u, &out);
    if (status == PH_OK) {
        scatter(value->raw, out.raw, raws, lanes, l);
        scatter(value->covariance, out.covariance, rewards * rewards, lanes, l);
        scatter(value->skewness, out.skewness, rewards, lanes, l);
        scatter(value->kurtosis, out.kurtosis, rewards, lanes, l);
        scatter(value->bar, out.bar, bars, lanes, l);
        if (value->gradient >= 2) {
            scatter(value->cross_bar, out.cross_bar, rewards * rewards * nodes, lanes,
                    l);
        }
        value->replays++;
    }
    return status;
}

/* ---- evaluation ---- */

static void pool_adjoint(const ph_moments *self, const ph_moments_value *value,
                         double *bar, double *slope)
{
    const ph_pool *pool = self->graph->pool;
    size_t length = ph_pool_parameters(pool) * value->lanes;
    memset(slope, 0, length * sizeof *slope);
    if (value->lanes == PH_LANES) {
        ph_pool_adjoint(pool, value->u, bar, slope);
    } else {
        ph_pool_adjoint_plain(pool, value->u, bar, slope);
    }
}

static void to_parameters(const ph_moments *self, ph_moments_value *value)
{
    const ph_pool *pool = self->graph->pool;
    size_t rewards = self->n_rewards, row = ph_pool_length(pool) * value->lanes;
    size_t p = ph_pool_parameters(pool) * value->lanes;
    for (size_t o = 0; o < rewards * value->gradient; o++) {
        pool_adjoint(self, value, value->bar + o * row, value->d_raw + o * p);
    }
    for (size_t a = 0; a < rewards && value->gradient >= 2; a++) {
        for (size_t b = a; b < rewards; b++) {
            size_t ab = a * rewards + b, ba = b * rewards + a;
            double *slope = value->d_covariance + ab * p;
            pool_adjoint(self, value, value->cross_bar + ab * row, slope);
            memmove(value->d_covariance + ba * p, slope, p * sizeof *slope);
        }
    }
}

static void no_value(double *array, size_t length, size_t lanes, size_t l)
{
    for (size_t i = 0; i < length; i++) {
        array[i * lanes + l] = NAN;
    }
}

/* A lane outside the model: NaN everywhere. */
static void clear_lane(const ph_moments *self, ph_moments_value *value, size_t l)
{
    size_t rewards = self->n_rewards, p = parameters(self);
    no_value(value->raw, rewards * self->order, value->lanes, l);
    no_value(value->covariance, rewards * rewards, value->lanes, l);
    no_value(value->skewness, rewards, value->lanes, l);
    no_value(value->kurtosis, rewards, value->lanes, l);
    no_value(value->d_raw, rewards * value->gradient * p, value->lanes, l);
    if (value->gradient >= 2) {
        no_value(value->d_covariance, rewards * rewards * p, value->lanes, l);
    }
}

static int finish_lane(const ph_moments *self, ph_moments_value *value, size_t l)
{
    int lossy = 0;
    for (size_t a = 0; a < self->n_rewards; a++) {
        set_shape(self, value, a, l, &lossy);
    }
    set_covariance(self, value, l, &lossy);
    value->evaluations++;
    return lossy || gradient_fails(self, value, l) ? replay_lane(self, value, l)
                                                   : PH_OK;
}

/* ---- with epochs: one lane after the other ---- */

static int inside_epochs(const ph_graph *graph, const ph_epoch_values *at)
{
    int fine = 1;
    for (size_t e = 0; e < graph->epochs->n; e++) {
        fine &= inside(graph, at->u + e * at->nodes, 1);
    }
    return fine;
}

static int eval_epochs(const ph_moments *self, ph_moments_value *value, size_t l)
{
    const ph_graph *graph = self->graph;
    size_t rewards = self->n_rewards, raws = rewards * self->order;
    size_t p = parameters(self), lanes = value->lanes, g = value->gradient;
    ph_epoch_values at = ph_epoch_values_at(graph, value->u);
    ph_moments_lane out = {.raw = value->lane};
    out.covariance = out.raw + raws;
    out.skewness = out.covariance + rewards * rewards;
    out.kurtosis = out.skewness + rewards;
    double *theta = out.kurtosis + rewards, *d_raw = theta + p;
    double *d_covariance = d_raw + rewards * g * p;
    for (size_t m = 0; m < p; m++) {
        theta[m] = value->theta[m * lanes + l];
    }
    int status = ph_epoch_values_fill(graph, theta, g > 0, value->u);
    if (status == PH_E_NUMERIC || (status == PH_OK && !inside_epochs(graph, &at))) {
        return PH_OK; /* outside the model: the lane stays invalid */
    }
    if (status == PH_OK) {
        status = ph_moments_epochs(self, &at, g, &out, d_raw, d_covariance);
    }
    if (status == PH_OK) {
        scatter(value->raw, out.raw, raws, lanes, l);
        scatter(value->covariance, out.covariance, rewards * rewards, lanes, l);
        scatter(value->skewness, out.skewness, rewards, lanes, l);
        scatter(value->kurtosis, out.kurtosis, rewards, lanes, l);
        scatter(value->d_raw, d_raw, rewards * g * p, lanes, l);
        if (g >= 2) {
            scatter(value->d_covariance, d_covariance, rewards * rewards * p, lanes, l);
        }
        value->valid |= 1u << l;
        value->evaluations++;
    }
    return status;
}

/* ---- evaluation ---- */

static int eval_block(const ph_moments *self, ph_moments_value *value)
{
    const ph_graph *graph = self->graph;
    int block = value->lanes == PH_LANES, status = PH_OK;
    void (*kernel)(const ph_moments *, size_t, const double *, double *, double *,
                   double *, double *, double *) =
        block ? ph_moments_lanes : ph_moments_plain;
    if (block) {
        ph_pool_eval(graph->pool, value->theta, value->u);
    } else {
        ph_pool_eval_plain(graph->pool, value->theta, value->u);
    }
    kernel(self, value->gradient, value->u, value->work, value->raw, value->product,
           value->bar, value->check);
    for (size_t l = 0; l < value->lanes && status == PH_OK; l++) {
        if (inside(graph, value->u + l, value->lanes)) {
            value->valid |= 1u << l;
            status = finish_lane(self, value, l);
        }
    }
    if (status == PH_OK && value->gradient > 0) {
        to_parameters(self, value);
    }
    return status;
}

int ph_moments_eval(const ph_moments *self, ph_moments_value *value)
{
    int status = PH_OK;
    value->valid = 0;
    if (!self->graph->epochs) {
        status = eval_block(self, value);
    }
    for (size_t l = 0; self->graph->epochs && l < value->lanes && status == PH_OK;
         l++) {
        status = eval_epochs(self, value, l);
    }
    for (size_t l = 0; l < value->lanes; l++) {
        if (!(value->valid >> l & 1)) {
            clear_lane(self, value, l);
        }
        for (size_t a = 0; a < self->n_rewards; a++) {
            value->mean[a * value->lanes + l] =
                value->raw[a * self->order * value->lanes + l];
        }
    }
    return status;
}
