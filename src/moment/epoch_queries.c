/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Atoms, occupancy and factorial moments where the rates change: probabilities and
 * moments go backward through the epochs, the law of the state goes forward. All terms
 * are >= 0.
 */
#include <math.h>
#include <string.h>

#include "epochs_private.h"
#include "phasic/trace/reverse.h"

typedef long double real;

#define SLACK      1.02L
#define NEGLIGIBLE 1e-24L
#define ROUNDING   1e-12 /* start laws that miss 1 by less are complete */

typedef struct rates {
    const ph_graph *graph;
    const double *u; /* of the epoch */
} rates;

static real edge_rate(const rates *self, size_t e)
{
    const ph_graph *graph = self->graph;
    real sum = 0;
    for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
        sum +=
            (real)graph->term_coefficient[t] * self->u[graph->used[graph->term_use[t]]];
    }
    return sum;
}

static real total_rate(const rates *self, size_t i)
{
    real sum = 0;
    for (size_t e = self->graph->row[i]; e < self->graph->row[i + 1]; e++) {
        sum += edge_rate(self, e);
    }
    return sum;
}

/* What one jump of uniformization, or one step, runs at. */
static real jump_rate(const rates *self)
{
    real lambda = 0;
    for (size_t i = 0; i < self->graph->n; i++) {
        lambda = fmaxl(lambda, total_rate(self, i));
    }
    return self->graph->discrete ? 1 : lambda > 0 ? SLACK * lambda : 1;
}

/* to = (I + S/lambda) v, `end` the value at absorption; rows with stop[i] stay 0. */
static void backward(const rates *self, real lambda, const unsigned char *stop,
                     const real *v, real end, real *to)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < graph->n; i++) {
        real sum = (lambda - total_rate(self, i)) * v[i];
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            uint32_t j = graph->target[e];
            sum += edge_rate(self, e) * (j < graph->n ? v[j] : end);
        }
        to[i] = stop && stop[i] ? 0 : sum / lambda;
    }
}

/* to = v (I + S/lambda). */
static void forward(const rates *self, real lambda, const real *v, real *to)
{
    const ph_graph *graph = self->graph;
    memset(to, 0, graph->n * sizeof *to);
    for (size_t i = 0; i < graph->n; i++) {
        to[i] += (lambda - total_rate(self, i)) * v[i] / lambda;
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            if (graph->target[e] < graph->n) {
                to[graph->target[e]] += edge_rate(self, e) * v[i] / lambda;
            }
        }
    }
}

/* The largest number of jumps that matters for a Poisson law of mean x, and states. */
static size_t last_jump(real x, size_t n)
{
    size_t k = (size_t)floorl(x);
    for (real w = 1; w > NEGLIGIBLE; k++) {
        w *= x / (real)(k + 1);
    }
    return k + n + 2;
}

/*
 * Poisson weights by their logarithms: lgammal is good to 1e-19 of its value, which for
 * means up to 1e6 keeps 12 digits; they are normalised by their sum besides.
 */
static real log_weight(real x, size_t k)
{
    return (real)k * logl(x) - x - lgammal((real)k + 1);
}

static real weight_sum(real x, size_t last)
{
    real sum = 0;
    for (size_t k = 0; k <= last; k++) {
        sum += expl(log_weight(x, k));
    }
    return sum;
}

static rates epoch_rates(const ph_moments *self, const double *u, size_t epoch)
{
    size_t nodes = ph_pool_length(self->graph->pool);
    return (rates){self->graph, u + epoch * nodes};
}

/* How long an epoch lasts. */
static real epoch_length(const ph_moments *self, const double *u, size_t epoch)
{
    const ph_epochs *epochs = self->graph->epochs;
    const double *begin = u + epochs->n * ph_pool_length(self->graph->pool) + epoch;
    return (real)begin[1] - begin[0];
}

/* v at the end of an epoch becomes v at its begin; next, sum: [n] scratch. */
static void carry_back(const rates *self, real length, const unsigned char *stop,
                       real *v, real end, real *next, real *sum)
{
    size_t n = self->graph->n, bytes = n * sizeof *v;
    real lambda = jump_rate(self), x = lambda * length;
    if (self->graph->discrete) {
        for (real k = 0; k < length; k++) {
            backward(self, 1, stop, v, end, next);
            memcpy(v, next, bytes);
        }
        return;
    }
    size_t last = last_jump(x, n);
    real total = weight_sum(x, last);
    memset(sum, 0, bytes);
    for (size_t k = 0; k <= last; k++) {
        real w = expl(log_weight(x, k)) / total;
        for (size_t i = 0; i < n; i++) {
            sum[i] += w * v[i];
        }
        backward(self, lambda, stop, v, end, next);
        memcpy(v, next, bytes);
    }
    memcpy(v, sum, bytes);
}

/* The rate of absorption from state i. */
static double exit_rate(const rates *self, size_t i)
{
    real sum = 0;
    for (size_t e = self->graph->row[i]; e < self->graph->row[i + 1]; e++) {
        sum += self->graph->target[e] == self->graph->n ? edge_rate(self, e) : 0;
    }
    return (double)sum;
}

static double start_mass(const ph_graph *graph, size_t s, const double *u)
{
    double mass = 0;
    for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
        mass += graph->start_coefficient[t] * u[graph->used[graph->start_use[t]]];
    }
    return mass;
}

double ph_moments_epochs_defect(const ph_moments *self, size_t reward, const double *u,
                                double *work)
{
    const ph_graph *graph = self->graph;
    size_t n = graph->n, factors = ph_trace_work(self->trace) / PH_LANES;
    const double *amount = self->amount + reward * n;
    real *v = (real *)(void *)(work + factors + factors % 2), *next = v + n;
    double *g = (double *)(void *)next;
    unsigned char *stop = (unsigned char *)(next + 2 * n);
    rates at = epoch_rates(self, u, graph->epochs->n - 1);
    double total = 0, nothing = 0;
    for (size_t i = 0; i < n; i++) {
        stop[i] = amount[i] > 0;
        g[i] = stop[i] ? 0 : exit_rate(&at, i);
    }
    ph_trace_eliminate_stopped(self->trace, at.u, stop, work);
    ph_trace_solve_plain(self->trace, work, g);
    for (size_t i = 0; i < n; i++) {
        v[i] = g[i];
    }
    for (size_t e = graph->epochs->n - 1; e-- > 0;) {
        at = epoch_rates(self, u, e);
        carry_back(&at, epoch_length(self, u, e), stop, v, 1, next, next + n);
    }
    for (size_t s = 0; s < graph->n_starts; s++) {
        double mass = start_mass(graph, s, u);
        total += mass;
        nothing += mass * (graph->start[s] < n ? (double)v[graph->start[s]] : 1);
    }
    return nothing + (total < 1 - ROUNDING ? 1 - total : 0);
}

/*
 * Adds the time spent in every state within an epoch, sum_k P(more than k jumps) v_k /
 * lambda, to `time`, and moves v on to sum_k w_k v_k; by Horner's rule from the last
 * jump down, so that tails are sums. next, sum, stay: [n] scratch.
 */
static void carry_on(const rates *self, real length, real *v, real *next, real *sum,
                     real *stay, real *time)
{
    size_t n = self->graph->n, bytes = n * sizeof *v;
    real lambda = jump_rate(self), x = lambda * length, tail = 0;
    if (self->graph->discrete) {
        for (real k = 0; k < length; k++) {
            for (size_t i = 0; i < n; i++) {
                time[i] += v[i];
            }
            forward(self, 1, v, next);
            memcpy(v, next, bytes);
        }
        return;
    }
    size_t last = last_jump(x, n);
    real total = weight_sum(x, last);
    memset(sum, 0, bytes);
    memset(stay, 0, bytes);
    for (size_t k = last + 1; k-- > 0;) {
        real w = expl(log_weight(x, k)) / total;
        forward(self, lambda, sum, next);
        for (size_t i = 0; i < n; i++) {
            sum[i] = next[i] + w * v[i];
        }
        forward(self, lambda, stay, next);
        for (size_t i = 0; i < n; i++) {
            stay[i] = next[i] + tail / lambda * v[i];
        }
        tail += w;
    }
    for (size_t i = 0; i < n; i++) {
        time[i] += stay[i];
        v[i] = sum[i];
    }
}

void ph_moments_epochs_occupancy(const ph_moments *self, const double *u, double *work,
                                 double *x)
{
    const ph_graph *graph = self->graph;
    size_t n = graph->n, factors = ph_trace_work(self->trace) / PH_LANES;
    real *v = (real *)(void *)(work + factors + factors % 2), *time = v + n;
    memset(v, 0, 2 * n * sizeof *v);
    for (size_t s = 0; s < graph->n_starts; s++) {
        if (graph->start[s] < n) {
            v[graph->start[s]] = start_mass(graph, s, u);
        }
    }
    for (size_t e = 0; e + 1 < graph->epochs->n; e++) {
        rates at = epoch_rates(self, u, e);
        carry_on(&at, epoch_length(self, u, e), v, v + 2 * n, v + 3 * n, v + 4 * n,
                 time);
    }
    for (size_t i = 0; i < n; i++) {
        x[i] = (double)v[i];
    }
    ph_trace_eliminate_plain(self->trace, epoch_rates(self, u, graph->epochs->n - 1).u,
                             work);
    ph_trace_solve_transposed_plain(self->trace, work, x);
    for (size_t i = 0; i < n; i++) {
        x[i] += (double)time[i];
    }
}

/*
 * Discrete time: T = 1 + (what is left after a step), and (1 + T)_r = (T)_r +
 * r (T)_{r-1} for falling powers, so F_r = P F_r + r P F_{r-1}, with P F_0 = 1.
 */
void ph_moments_epochs_factorial(const ph_moments *self, const double *u, size_t order,
                                 double *work, double *falling)
{
    const ph_graph *graph = self->graph;
    size_t n = graph->n, factors = ph_trace_work(self->trace) / PH_LANES;
    real *f = (real *)(void *)(work + factors + factors % 2), *next = f + order * n;
    double *b = (double *)(void *)next;
    rates at = epoch_rates(self, u, graph->epochs->n - 1);
    ph_trace_eliminate_plain(self->trace, at.u, work);
    for (size_t r = 1; r <= order; r++) {
        if (r > 1) {
            backward(&at, 1, NULL, f + (r - 2) * n, 0, f + (r - 1) * n);
        }
        for (size_t i = 0; i < n; i++) {
            b[i] = (double)r * (r > 1 ? (double)f[(r - 1) * n + i] : 1);
        }
        ph_trace_solve_plain(self->trace, work, b);
        for (size_t i = 0; i < n; i++) {
            f[(r - 1) * n + i] = b[i];
        }
    }
    for (size_t e = graph->epochs->n - 1; e-- > 0;) {
        at = epoch_rates(self, u, e);
        for (real k = 0; k < epoch_length(self, u, e); k++) {
            for (size_t r = 1; r <= order; r++) {
                backward(&at, 1, NULL, f + (r - 1) * n, 0, next + (r - 1) * n);
            }
            for (size_t r = order; r >= 1; r--) {
                for (size_t i = 0; i < n; i++) {
                    real below = r > 1 ? next[(r - 2) * n + i] : 1;
                    f[(r - 1) * n + i] = next[(r - 1) * n + i] + (real)r * below;
                }
            }
        }
    }
    for (size_t r = 1; r <= order; r++) {
        falling[r - 1] = 0;
        for (size_t s = 0; s < graph->n_starts; s++) {
            if (graph->start[s] < n) {
                falling[r - 1] +=
                    start_mass(graph, s, u) * (double)f[(r - 1) * n + graph->start[s]];
            }
        }
    }
}
