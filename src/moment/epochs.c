/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moments where the rates change at given times: backward through the epochs.
 *
 * The last epoch never ends, so there the moments from every state on are those of the
 * elimination. Within an epoch the column M_r of r-th moments from time t on obeys
 *
 *   -dM_r/dt = S M_r + r D M_{r-1},            M_0 = 1
 *   -dM_ab/dt = S M_ab + D_a M_b + D_b M_a     (products of two rewards)
 *
 * a linear system whose off-diagonal entries are >= 0. Uniformization of the whole of
 * it carries the columns over an epoch of length L without a subtraction:
 *
 *   H(0) = sum_k w_k (I + A/Lambda)^k H(L),    w_k Poisson weights of Lambda L
 *
 * In discrete time an epoch is L steps of M_r = sum_k binomial(r, k) D^(r-k) P M_k.
 *
 * Derivatives go forward with the columns, one direction for every parameter:
 * T <- (I + A/Lambda) T + dA/Lambda H, and dL times A H at the end; Lambda is a
 * constant, the result does not depend on it. One more direction scales all rates up
 * and all times down: by dimension a moment of order r is then multiplied by 1 - r
 * times the change, which watches the rounding of the derivatives.
 *
 * Numbers are long double (64 bits of mantissa: 1e6 steps cost 1e-13); the elimination
 * of the last epoch is replayed in quadruple precision.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "epochs_private.h"
#include "phasic/base/memory.h"
#include "phasic/trace/reverse.h"

typedef long double real;

#define SLACK      1.02L  /* Lambda over the largest rate: every state keeps mass */
#define NEGLIGIBLE 1e-24L /* weights of what is left out */
#define LOSS       1e6L   /* of digits by cancellation that long double affords */

/* A column of H: moment `r` of reward a, or (r = 0) the product of rewards a and b. */
typedef struct column {
    size_t r, a, b;
} column;

typedef struct crossing {
    const ph_moments *it;
    const ph_graph *graph;
    size_t n, columns, directions; /* directions: 0 without gradient, else p + 1 */
    size_t slopes;                 /* columns that are differentiated come first */
    column *column;
    size_t *place;             /* [rewards][order] column of each moment */
    const double *u, *u_slope; /* of the epoch: [nodes], [p][nodes] */
    real length, *length_slope;
    real *rate;           /* [edges] */
    real *rate_slope;     /* [directions][edges] */
    real *out;            /* [n] total rate out */
    real *h, *next, *sum; /* [1 + directions][columns][n] */
    real *before;         /* [columns][n]; discrete: P M_k */
    real *weight;
    size_t n_weights, weight_capacity;
} crossing;

/* ---- rates of an epoch ---- */

static void load_rates(crossing *self)
{
    const ph_graph *graph = self->graph;
    size_t nodes = ph_pool_length(graph->pool), edges = graph->n_edges;
    size_t p = self->directions ? self->directions - 1 : 0;
    for (size_t i = 0; i < self->n; i++) {
        self->out[i] = 0;
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            real rate = 0;
            for (size_t d = 0; d < p; d++) {
                self->rate_slope[d * edges + e] = 0;
            }
            for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
                real c = graph->term_coefficient[t];
                uint32_t node = graph->used[graph->term_use[t]];
                rate += c * self->u[node];
                for (size_t d = 0; d < p; d++) {
                    self->rate_slope[d * edges + e] +=
                        c * self->u_slope[d * nodes + node];
                }
            }
            self->rate[e] = rate;
            self->out[i] += rate;
            if (self->directions) {
                self->rate_slope[p * edges + e] = rate;
            }
        }
    }
}

/* ---- the operator ---- */

static real *vector(const crossing *self, real *of, size_t direction, size_t c)
{
    return of + (direction * self->columns + c) * self->n;
}

static real amount(const crossing *self, size_t a, size_t i)
{
    return self->it->amount[a * self->n + i];
}

/* The column of moment r >= 1 of reward a. */
static const real *lower(const crossing *self, real *of, size_t direction, size_t a,
                         size_t r)
{
    return vector(self, of, direction, self->place[a * self->it->order + r - 1]);
}

/* sum of rates over a state's edges times the difference v_j - v_i; v is 0 at the end
 */
static real flow(const crossing *self, const real *rate, const real *v, size_t i)
{
    const ph_graph *graph = self->graph;
    real sum = 0;
    for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
        uint32_t j = graph->target[e];
        sum += rate[e] * ((j < self->n ? v[j] : 0) - v[i]);
    }
    return sum;
}

/*
 * What a column takes from lower ones in state i, per unit of time. Direction 0 is the
 * value: moments of order 0 are then 1, in a derivative 0.
 */
static real source(const crossing *self, real *of, size_t direction, column c, size_t i)
{
    real one = direction == 0;
    if (c.r == 0) {
        return amount(self, c.a, i) * lower(self, of, direction, c.b, 1)[i] +
               amount(self, c.b, i) * lower(self, of, direction, c.a, 1)[i];
    }
    real below = c.r > 1 ? lower(self, of, direction, c.a, c.r - 1)[i] : one;
    return (real)c.r * amount(self, c.a, i) * below;
}

/* A M of one column, with the differences that it is made of. */
static real generate(const crossing *self, real *of, size_t direction, size_t c,
                     size_t i)
{
    return flow(self, self->rate, vector(self, of, direction, c), i) +
           source(self, of, direction, self->column[c], i);
}

/* next = (I + A/Lambda) h of every column and direction. */
static void step(crossing *self, real lambda)
{
    const ph_graph *graph = self->graph;
    for (size_t d = 0; d <= self->directions; d++) {
        size_t columns = d == 0 ? self->columns : self->slopes;
        for (size_t c = 0; c < columns; c++) {
            const real *h = vector(self, self->h, d, c);
            const real *value = vector(self, self->h, 0, c);
            const real *slope = d ? self->rate_slope + (d - 1) * graph->n_edges : NULL;
            real *to = vector(self, self->next, d, c);
            for (size_t i = 0; i < self->n; i++) {
                real sum = (lambda - self->out[i]) * h[i] +
                           source(self, self->h, d, self->column[c], i);
                for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
                    uint32_t j = graph->target[e];
                    sum += j < self->n ? self->rate[e] * h[j] : 0;
                }
                if (d) {
                    sum += flow(self, slope, value, i);
                }
                to[i] = sum / lambda;
            }
        }
    }
    real *swap = self->h;
    self->h = self->next;
    self->next = swap;
}

/* ---- continuous time: across an epoch ---- */

/*
 * Poisson weights of mean x from 0 on, relative to the largest and normalised by their
 * sum; columns grow like k^order, which the right end allows for.
 */
static int set_weights(crossing *self, real x)
{
    size_t mode = (size_t)floorl(x), need = mode + 64;
    real order = (real)self->it->order + 2, w = 1, sum = 0;
    for (size_t k = mode;
         w * powl(1 + ((real)(k - mode)) / (x + 1), order) > NEGLIGIBLE; k++) {
        w *= x / (real)(k + 1);
        need = k + 2;
    }
    need += self->n < 64 ? self->n : 64;
    if (ph_grow(&self->weight, &self->weight_capacity, need, sizeof *self->weight) !=
        PH_OK) {
        return PH_E_MEMORY;
    }
    self->weight[mode] = 1;
    for (size_t k = mode; k > 0; k--) {
        self->weight[k - 1] = self->weight[k] * (real)k / x;
    }
    for (size_t k = mode + 1; k < need; k++) {
        self->weight[k] = self->weight[k - 1] * x / (real)k;
    }
    for (size_t k = 0; k < need; k++) {
        sum += self->weight[k];
    }
    for (size_t k = 0; k < need; k++) {
        self->weight[k] /= sum;
    }
    self->n_weights = need;
    return PH_OK;
}

static size_t count_positive(const crossing *self)
{
    size_t count = 0;
    for (size_t k = 0; k < self->columns * self->n; k++) {
        count += self->h[k] > 0;
    }
    return count;
}

static void accumulate(crossing *self, real w)
{
    size_t length = (1 + self->directions) * self->columns * self->n;
    for (size_t k = 0; k < length; k++) {
        self->sum[k] += w * self->h[k];
    }
}

/* dL A H of every differentiated column into `sum`; H is sum's own first part. */
static void add_length(crossing *self)
{
    for (size_t c = 0; c < self->slopes; c++) {
        for (size_t i = 0; i < self->n && self->directions; i++) {
            real slope = generate(self, self->sum, 0, c, i);
            for (size_t d = 1; d <= self->directions; d++) {
                vector(self, self->sum, d, c)[i] += self->length_slope[d - 1] * slope;
            }
        }
    }
}

/*
 * Beyond the weights the sum goes on while new states come to a positive value: paths
 * of that many jumps may be all there is.
 */
static int cross(crossing *self)
{
    size_t length = (1 + self->directions) * self->columns * self->n;
    real lambda = 0;
    for (size_t i = 0; i < self->n; i++) {
        lambda = fmaxl(lambda, self->out[i]);
    }
    lambda = lambda > 0 ? SLACK * lambda : 1 / self->length;
    real x = lambda * self->length, w = 0;
    if (!(x < 1e9L)) {
        return PH_E_NUMERIC;
    }
    int status = set_weights(self, x);
    memset(self->sum, 0, length * sizeof *self->sum);
    size_t positive = 0;
    for (size_t k = 0; status == PH_OK; k++) {
        w = k < self->n_weights ? self->weight[k] : w * x / (real)k;
        accumulate(self, w);
        size_t now = k + 1 >= self->n_weights ? count_positive(self) : 0;
        if (k + 1 >= self->n_weights && now == positive) {
            break;
        }
        positive = now;
        step(self, lambda);
    }
    add_length(self);
    real *swap = self->h;
    self->h = self->sum;
    self->sum = swap;
    return status;
}

/* ---- discrete time: a step ---- */

/* P v at i, or its derivative dP v + P dv. v is 0 at the end, or 1 everywhere. */
static real expect(const crossing *self, size_t direction, const real *value,
                   const real *slope, size_t i)
{
    const ph_graph *graph = self->graph;
    const real *rates =
        direction ? self->rate_slope + (direction - 1) * graph->n_edges : NULL;
    const real *v = direction ? slope : value;
    real sum = (1 - self->out[i]) * v[i];
    for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
        uint32_t j = graph->target[e];
        sum += j < self->n ? self->rate[e] * v[j] : 0;
    }
    return direction ? sum + flow(self, rates, value, i) : sum;
}

/*
 * The same as `source`, per step, from P M_k in `before`: sum_{k<r} binomial(r, k)
 * rho^(r-k) P M_k, with P M_0 = 1.
 */
static real source_discrete(const crossing *self, size_t direction, column c, size_t i)
{
    real rho = amount(self, c.a, i), one = direction == 0, power = 1, sum = 0;
    if (c.r == 0) {
        real other = amount(self, c.b, i);
        return rho * other * one + rho * lower(self, self->before, 0, c.b, 1)[i] +
               other * lower(self, self->before, 0, c.a, 1)[i];
    }
    for (size_t k = c.r; k-- > 0;) {
        power *= rho;
        real below = k ? lower(self, self->before, 0, c.a, k)[i] : one;
        sum += (real)ph_binomial(c.r, k) * power * below;
    }
    return sum;
}

static void step_discrete(crossing *self)
{
    for (size_t d = 0; d <= self->directions; d++) {
        size_t columns = d == 0 ? self->columns : self->slopes;
        for (size_t c = 0; c < columns; c++) {
            for (size_t i = 0; i < self->n; i++) {
                vector(self, self->before, 0, c)[i] =
                    expect(self, d, vector(self, self->h, 0, c),
                           vector(self, self->h, d, c), i);
            }
        }
        for (size_t c = 0; c < columns; c++) {
            for (size_t i = 0; i < self->n; i++) {
                vector(self, self->next, d, c)[i] =
                    vector(self, self->before, 0, c)[i] +
                    source_discrete(self, d, self->column[c], i);
            }
        }
    }
    real *swap = self->h;
    self->h = self->next;
    self->next = swap;
}

/* ---- the last epoch ---- */

/* b of (-S) M = b, and of its derivatives, from lower columns that are complete. */
static real right_side(const crossing *self, size_t d, size_t c, size_t i)
{
    column at = self->column[c];
    real sum = self->graph->discrete ? source_discrete(self, d, at, i)
                                     : source(self, self->h, d, at, i);
    const real *slope = d ? self->rate_slope + (d - 1) * self->graph->n_edges : NULL;
    return d ? sum + flow(self, slope, vector(self, self->h, 0, c), i) : sum;
}

static int finish_last(crossing *self)
{
    const ph_trace *trace = self->it->trace;
    ph_wide *work = ph_alloc_aligned(ph_trace_work(trace) / PH_LANES, sizeof *work);
    ph_wide *b = ph_alloc_aligned(self->n, sizeof *b);
    int status = work && b ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK) {
        ph_trace_eliminate_wide(trace, self->u, work);
    }
    for (size_t d = 0; d <= self->directions && status == PH_OK; d++) {
        size_t columns = d == 0 ? self->columns : self->slopes;
        for (size_t c = 0; c < columns; c++) {
            real *h = vector(self, self->h, d, c);
            for (size_t i = 0; i < self->n; i++) {
                b[i] = right_side(self, d, c, i);
            }
            ph_trace_solve_wide(trace, work, b);
            for (size_t i = 0; i < self->n; i++) {
                h[i] = (real)b[i];
            }
            for (size_t i = 0; i < self->n && self->graph->discrete; i++) {
                vector(self, self->before, 0, c)[i] =
                    expect(self, d, vector(self, self->h, 0, c), h, i);
            }
        }
    }
    ph_free_aligned(work);
    ph_free_aligned(b);
    return status;
}

/* ---- set up ---- */

/* Differentiated columns first, each after those it takes from. */
static size_t list_columns(const ph_moments *it, size_t gradient, column *to)
{
    size_t count = 0, most = gradient < it->order ? gradient : it->order;
    for (size_t a = 0; a < it->n_rewards; a++) {
        for (size_t r = 1; r <= most; r++) {
            to[count++] = (column){r, a, 0};
        }
    }
    size_t slopes = count;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t a = 0; a < it->n_rewards && pass == (gradient < 2); a++) {
            for (size_t b = a + 1; b < it->n_rewards; b++) {
                to[count++] = (column){0, a, b};
            }
        }
        slopes = pass == 0 && gradient ? count : slopes;
        for (size_t a = 0; a < it->n_rewards && pass == 0; a++) {
            for (size_t r = most + 1; r <= it->order; r++) {
                to[count++] = (column){r, a, 0};
            }
        }
    }
    return slopes;
}

static int set_up(crossing *self, const ph_moments *it, size_t gradient)
{
    const ph_graph *graph = it->graph;
    size_t n = graph->n, p = graph->epochs->p;
    self->it = it;
    self->graph = graph;
    self->n = n;
    self->columns = it->n_rewards * it->order + ph_moments_pairs(it);
    self->directions = gradient ? p + 1 : 0;
    size_t length = (1 + self->directions) * self->columns * n;
    self->column = ph_alloc(self->columns, sizeof *self->column);
    self->place = ph_alloc(it->n_rewards * it->order, sizeof *self->place);
    self->length_slope = ph_alloc(self->directions, sizeof(real));
    self->rate = ph_alloc(graph->n_edges, sizeof(real));
    self->rate_slope = ph_alloc(self->directions * graph->n_edges, sizeof(real));
    self->out = ph_alloc(n, sizeof(real));
    self->h = ph_alloc(length, sizeof(real));
    self->next = ph_alloc(length, sizeof(real));
    self->sum = ph_alloc(length, sizeof(real));
    self->before = ph_alloc(self->columns * n, sizeof(real));
    if (!self->column || !self->place || !self->length_slope || !self->rate ||
        !self->rate_slope || !self->out || !self->h || !self->next || !self->sum ||
        !self->before) {
        return PH_E_MEMORY;
    }
    self->slopes = list_columns(it, gradient, self->column);
    for (size_t c = 0; c < self->columns; c++) {
        if (self->column[c].r > 0) {
            self->place[self->column[c].a * it->order + self->column[c].r - 1] = c;
        }
    }
    return PH_OK;
}

static void tear_down(crossing *self)
{
    free(self->column);
    free(self->place);
    free(self->length_slope);
    free(self->rate);
    free(self->rate_slope);
    free(self->out);
    free(self->h);
    free(self->next);
    free(self->sum);
    free(self->before);
    free(self->weight);
}

/* ---- all epochs ---- */

static void load_epoch(crossing *self, const ph_epoch_values *values, size_t epoch)
{
    size_t nodes = values->nodes, p = self->directions ? self->directions - 1 : 0;
    self->u = values->u + epoch * nodes;
    self->u_slope = values->u_slope + epoch * p * nodes;
    load_rates(self);
    if (epoch + 1 < self->graph->epochs->n) {
        const double *begin = values->begin + epoch;
        self->length = (real)begin[1] - begin[0];
        for (size_t d = 0; d < p; d++) {
            const double *slope = values->begin_slope + epoch * p + d;
            self->length_slope[d] = (real)slope[p] - slope[0];
        }
        if (self->directions) {
            self->length_slope[p] = -self->length;
        }
    }
}

static int through_epochs(crossing *self, const ph_epoch_values *values)
{
    size_t last = self->graph->epochs->n - 1;
    load_epoch(self, values, last);
    int status = finish_last(self);
    for (size_t e = last; e-- > 0 && status == PH_OK;) {
        load_epoch(self, values, e);
        if (!self->graph->discrete) {
            status = cross(self);
        } else {
            for (real k = 0; k < self->length; k++) {
                step_discrete(self);
            }
        }
    }
    return status;
}

/* alpha h of a column, or its derivative. */
static real at_start(const crossing *self, size_t d, size_t c)
{
    const ph_graph *graph = self->graph;
    size_t nodes = ph_pool_length(graph->pool);
    const real *h = vector(self, self->h, 0, c), *slope = vector(self, self->h, d, c);
    real sum = 0;
    for (size_t s = 0; s < graph->n_starts; s++) {
        uint32_t i = graph->start[s];
        for (size_t t = graph->start_term[s];
             t < graph->start_term[s + 1] && i < graph->n; t++) {
            uint32_t node = graph->used[graph->start_use[t]];
            real coefficient = graph->start_coefficient[t];
            sum += coefficient * self->u[node] * slope[i];
            if (d > 0 && d < self->directions) {
                sum += coefficient * self->u_slope[(d - 1) * nodes + node] * h[i];
            }
        }
    }
    return sum;
}

/* The dimension of every differentiated moment: -order times its value. */
static int slopes_hold(const crossing *self)
{
    for (size_t c = 0; c < self->slopes && self->directions && !self->graph->discrete;
         c++) {
        size_t r = self->column[c].r ? self->column[c].r : 2;
        real expected = -(real)r * at_start(self, 0, c);
        real sum = at_start(self, self->directions, c);
        if (!(fabsl(sum - expected) <= PH_MOMENTS_EULER * fabsl(expected))) {
            return 0;
        }
    }
    return 1;
}

/* The column of E[Y_a Y_b]. */
static size_t pair_column(const crossing *self, size_t a, size_t b)
{
    size_t c = self->place[a * self->it->order + 1];
    for (size_t k = 0; k < self->columns && a != b; k++) {
        if (self->column[k].r == 0 && self->column[k].a == a &&
            self->column[k].b == b) {
            c = k;
        }
    }
    return c;
}

static real moment(const crossing *self, size_t a, size_t r, size_t d)
{
    return at_start(self, d, self->place[a * self->it->order + r - 1]);
}

/* sum of terms, and whether it is too small beside them. */
static real watched(const real *terms, int n, int *lossy)
{
    real sum = 0, size = 0;
    for (int i = 0; i < n; i++) {
        sum += terms[i];
        size += fabsl(terms[i]);
    }
    *lossy |= size > 0 && !(size <= LOSS * fabsl(sum));
    return sum;
}

static void report_shape(const crossing *self, size_t a, ph_moments_lane *out,
                         int *lossy)
{
    real m1 = moment(self, a, 1, 0), m2 = moment(self, a, 2, 0);
    const real second[] = {m2, -m1 * m1};
    int ignored = 0;
    real variance = watched(second, 2, &ignored);
    out->skewness[a] = out->kurtosis[a] = NAN;
    if (self->it->order >= 3 && variance > 0) {
        const real third[] = {moment(self, a, 3, 0), -3 * m1 * m2, 2 * m1 * m1 * m1};
        out->skewness[a] =
            (double)(watched(third, 3, &ignored) / variance / sqrtl(variance));
    }
    if (self->it->order >= 4 && variance > 0) {
        const real fourth[] = {moment(self, a, 4, 0), -4 * m1 * moment(self, a, 3, 0),
                               6 * m1 * m1 * m2, -3 * m1 * m1 * m1 * m1};
        out->kurtosis[a] = (double)(watched(fourth, 4, lossy) / variance / variance);
    }
}

static void report_pair(const crossing *self, size_t a, size_t b, size_t gradient,
                        ph_moments_lane *out, double *d_covariance, int *lossy)
{
    size_t rewards = self->it->n_rewards,
           p = self->directions ? self->directions - 1 : 0;
    size_t c = pair_column(self, a, b);
    real mean_a = moment(self, a, 1, 0), mean_b = moment(self, b, 1, 0);
    const real terms[] = {at_start(self, 0, c), -mean_a * mean_b};
    double value = (double)watched(terms, 2, lossy);
    out->covariance[a * rewards + b] = out->covariance[b * rewards + a] = value;
    for (size_t m = 0; m < p && gradient >= 2; m++) {
        real slope = at_start(self, m + 1, c) - mean_a * moment(self, b, 1, m + 1) -
                     mean_b * moment(self, a, 1, m + 1);
        d_covariance[(a * rewards + b) * p + m] = (double)slope;
        d_covariance[(b * rewards + a) * p + m] = (double)slope;
    }
}

/* A reward that is never earned has moments of 0, and no digits to lose. */
static void report(const crossing *self, size_t gradient, ph_moments_lane *out,
                   double *d_raw, double *d_covariance, int *lossy)
{
    size_t rewards = self->it->n_rewards, orders = self->it->order;
    size_t p = self->directions ? self->directions - 1 : 0;
    for (size_t a = 0; a < rewards; a++) {
        for (size_t r = 1; r <= orders; r++) {
            out->raw[a * orders + r - 1] = (double)moment(self, a, r, 0);
        }
        for (size_t r = 1; r <= gradient; r++) {
            for (size_t m = 0; m < p; m++) {
                d_raw[(a * gradient + r - 1) * p + m] =
                    (double)moment(self, a, r, m + 1);
            }
        }
        report_shape(self, a, out, lossy);
        for (size_t b = a; b < rewards; b++) {
            report_pair(self, a, b, gradient, out, d_covariance, lossy);
        }
    }
}

int ph_moments_epochs(const ph_moments *self, const ph_epoch_values *values,
                      size_t gradient, ph_moments_lane *out, double *d_raw,
                      double *d_covariance)
{
    crossing work = {0};
    int lossy = 0, status = set_up(&work, self, gradient);
    if (status == PH_OK) {
        status = through_epochs(&work, values);
    }
    if (status == PH_OK) {
        report(&work, gradient, out, d_raw, d_covariance, &lossy);
        if (isfinite(out->raw[0]) && (lossy || !slopes_hold(&work))) {
            status = PH_E_NUMERIC;
        }
    }
    tear_down(&work);
    return status;
}
