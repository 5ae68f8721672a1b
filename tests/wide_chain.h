/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TESTS_WIDE_CHAIN_H
#define PHASIC_TESTS_WIDE_CHAIN_H

/*
 * Densities in quadruple precision, for tests: chains as lists of edges made here, not
 * read from a model; uniformization step by step at a rate of its own choice, without
 * scaling, windows or tables (the range of binary128, 1e-4932, takes their place);
 * Poisson weights by recurrence from the mode, normalized by their sum; derivatives
 * forward, parameter by parameter. Shares nothing with the library but the number type.
 */

#include "check.h"
#include "phasic/num/wide.h"

#define WIDE_FINEST ((ph_wide)1e-300 * 1e-300 * 1e-300 * 1e-300 * 1e-300 * 1e-300)
#define WIDE_SMALL                                                                     \
    (WIDE_FINEST * 1e-300 * 1e-300 * 1e-300 * 1e-300 * 1e-300 * 1e-300 * 1e-300 *      \
     1e-300 * 1e-300 * 1e-300) /* 1e-4800 */

typedef struct wide_edge {
    int from, to, parameter; /* to = n: absorption */
    double coefficient;      /* rate = coefficient * theta[parameter] */
} wide_edge;

typedef struct wide_chain {
    int n, p, start;
    size_t n_edges;
    wide_edge *edge;
} wide_chain;

/* log f, log S, log F and their derivatives d/dtheta, at one time. */
enum { WIDE_PDF, WIDE_SURVIVAL, WIDE_CDF, WIDE_KINDS };
#define WIDE_P 4
typedef struct wide_result {
    double log[WIDE_KINDS], slope[WIDE_KINDS][WIDE_P];
} wide_result;

static inline void wide_chain_add(wide_chain *self, int from, int to, int parameter,
                                  double coefficient)
{
    self->edge = realloc(self->edge, (self->n_edges + 1) * sizeof *self->edge);
    assert_non_null(self->edge);
    self->edge[self->n_edges++] = (wide_edge){from, to, parameter, coefficient};
}

/* log of a positive number, to the precision of a double. */
static inline double wide_log(ph_wide x)
{
    int exponent = 0;
    for (; x < 0x1p-500; exponent -= 500) {
        x *= 0x1p500;
    }
    for (; x > 0x1p500; exponent += 500) {
        x *= 0x1p-500;
    }
    return x > 0 ? (double)(logl((long double)x) + exponent * M_LN2l) : -INFINITY;
}

/* The Poisson law of mean x, step by step: weight of step k is r / sum in the end. */
typedef struct wide_poisson {
    ph_wide x, r, sum;
    double first;
} wide_poisson;

static inline wide_poisson wide_poisson_begin(ph_wide x)
{
    wide_poisson self = {.x = x, .r = 1, .first = floor((double)x)};
    while (self.first > 0 && self.r > WIDE_SMALL) {
        self.r *= self.first / x;
        self.first--;
    }
    return self;
}

/* Returns the weight of step k = 0, 1, 2, ... in the units of the sum. */
static inline ph_wide wide_poisson_next(wide_poisson *self, double k)
{
    if (k < self->first) {
        return 0;
    }
    ph_wide r = self->r;
    self->sum += r;
    self->r *= self->x / (k + 1);
    return r;
}

/* Vectors of value and derivatives: [1 + p][n + 1], absorption last. */
typedef struct wide_state {
    ph_wide *v, *next, rate, tau[WIDE_P];
    const wide_chain *chain;
} wide_state;

static inline void wide_step(wide_state *self)
{
    const wide_chain *chain = self->chain;
    size_t width = (size_t)chain->n + 1, p = (size_t)chain->p;
    memcpy(self->next, self->v, (1 + p) * width * sizeof *self->v);
    for (size_t q = 0; q <= p; q++) {
        self->next[q * width + width - 1] = 0;
    }
    for (size_t e = 0; e < chain->n_edges; e++) {
        const wide_edge *edge = &chain->edge[e];
        size_t m = (size_t)edge->parameter;
        ph_wide share = edge->coefficient * self->tau[m];
        for (size_t q = 0; q <= p; q++) {
            ph_wide *to = self->next + q * width;
            ph_wide flow = share * self->v[q * width + (size_t)edge->from];
            if (q == m + 1) { /* d tau_m / d theta_m = 1 / rate */
                flow += edge->coefficient / self->rate * self->v[edge->from];
            }
            to[edge->from] -= flow;
            to[edge->to] += flow;
        }
    }
    ph_wide *swap = self->v;
    self->v = self->next;
    self->next = swap;
}

/* The largest total rate out of a state. */
static inline double wide_largest(const wide_chain *chain, const double *theta)
{
    double most = 0;
    for (int i = 0; i < chain->n; i++) {
        double total = 0;
        for (size_t e = 0; e < chain->n_edges; e++) {
            const wide_edge *edge = &chain->edge[e];
            total += edge->from == i ? edge->coefficient * theta[edge->parameter] : 0;
        }
        most = fmax(most, total);
    }
    return most;
}

/*
 * All of it at times t[count], at `excess` times the largest total rate. Steps go on
 * until what is left of the Poisson law is below 1e-45 of the smallest value.
 */
static inline void wide_eval(const wide_chain *chain, const double *theta,
                             double excess, size_t count, const double *t,
                             wide_result *result)
{
    size_t width = (size_t)chain->n + 1, p = (size_t)chain->p, rows = 1 + p;
    wide_state at = {.chain = chain, .rate = excess * wide_largest(chain, theta)};
    at.v = calloc(rows * width, sizeof *at.v);
    at.next = calloc(rows * width, sizeof *at.v);
    wide_poisson *law = calloc(count, sizeof *law);
    ph_wide *sum = calloc(count * WIDE_KINDS * rows, sizeof *sum);
    ph_wide *absorbed = calloc(rows, sizeof *absorbed);
    assert_true(at.v && at.next && law && sum && absorbed && p <= WIDE_P);
    at.v[chain->start] = 1;
    for (size_t m = 0; m < p; m++) {
        at.tau[m] = theta[m] / at.rate;
    }
    for (size_t i = 0; i < count; i++) {
        law[i] = wide_poisson_begin(at.rate * t[i]);
    }
    int more = 1;
    for (double k = 0; more; k++) {
        ph_wide mass[1 + WIDE_P] = {0};
        for (size_t q = 0; q < rows; q++) {
            for (size_t i = 0; i + 1 < width; i++) {
                mass[q] += at.v[q * width + i];
            }
        }
        wide_step(&at);
        more = 0;
        for (size_t i = 0; i < count; i++) {
            ph_wide weight = wide_poisson_next(&law[i], k);
            ph_wide *s = sum + i * WIDE_KINDS * rows;
            for (size_t q = 0; q < rows; q++) {
                s[WIDE_PDF * rows + q] += weight * at.v[q * width + width - 1];
                s[WIDE_SURVIVAL * rows + q] += weight * mass[q];
                s[WIDE_CDF * rows + q] += weight * absorbed[q];
            }
            ph_wide least = s[0] < s[WIDE_CDF * rows] ? s[0] : s[WIDE_CDF * rows];
            more |= k < (double)law[i].x + chain->n + 2 ||
                    law[i].r > (ph_wide)1e-45 * least;
        }
        for (size_t q = 0; q < rows; q++) {
            absorbed[q] += at.v[q * width + width - 1];
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (int kind = 0; kind < WIDE_KINDS; kind++) {
            const ph_wide *s = sum + (i * WIDE_KINDS + (size_t)kind) * rows;
            ph_wide unit = kind == WIDE_PDF ? at.rate / law[i].sum : 1 / law[i].sum;
            result[i].log[kind] = wide_log(s[0] * unit);
            for (size_t m = 0; m < p; m++) {
                result[i].slope[kind][m] = (double)(s[1 + m] / s[0]);
            }
        }
        /* S + F = 1: the slope of the larger one from the smaller, which has its digits
         */
        const ph_wide *above = sum + (i * WIDE_KINDS + WIDE_SURVIVAL) * rows;
        const ph_wide *below = sum + (i * WIDE_KINDS + WIDE_CDF) * rows;
        int larger = above[0] > below[0] ? WIDE_SURVIVAL : WIDE_CDF;
        const ph_wide *small = larger == WIDE_CDF ? above : below;
        const ph_wide *large = larger == WIDE_CDF ? below : above;
        for (size_t m = 0; m < p; m++) {
            result[i].slope[larger][m] = (double)(-small[1 + m] / large[0]);
        }
    }
    free(at.v);
    free(at.next);
    free(law);
    free(sum);
    free(absorbed);
}

/* ------------------------------------------------------------------- chains */

/* Two states that switch at theta[0], absorption from the second at theta[1]. */
static inline wide_chain wide_two_states(void)
{
    wide_chain self = {.n = 2, .p = 2};
    wide_chain_add(&self, 0, 1, 0, 1);
    wide_chain_add(&self, 1, 0, 0, 1);
    wide_chain_add(&self, 1, 2, 1, 1);
    return self;
}

/* n states in a ring, on at theta[0], back at theta[1], out of state 0 at theta[2]. */
static inline wide_chain wide_ring(int n)
{
    wide_chain self = {.n = n, .p = 3, .start = n / 2};
    for (int i = 0; i < n; i++) {
        wide_chain_add(&self, i, (i + 1) % n, 0, 1);
        wide_chain_add(&self, i, (i + n - 1) % n, 1, 1);
    }
    wide_chain_add(&self, 0, n, 2, 1);
    return self;
}

/* State number of l rabbits left and r right, of `size`; absorption for none. */
static inline int wide_rabbit(int size, int l, int r)
{
    int all = l + r, number = 0;
    for (int s = size; s > all; s--) {
        number += s + 1;
    }
    return number + r;
}

/* Jumps at theta[0] each, floods at theta[1] and theta[2]. */
static inline wide_chain wide_rabbits(int size)
{
    wide_chain self = {.n = size * (size + 3) / 2, .p = 3};
    for (int l = 0; l <= size; l++) {
        for (int r = l == 0; l + r <= size; r++) {
            int from = wide_rabbit(size, l, r);
            if (l > 0) {
                wide_chain_add(&self, from, wide_rabbit(size, l - 1, r + 1), 0, l);
                wide_chain_add(&self, from, wide_rabbit(size, 0, r), 1, 1);
            }
            if (r > 0) {
                wide_chain_add(&self, from, wide_rabbit(size, l + 1, r - 1), 0, r);
                wide_chain_add(&self, from, wide_rabbit(size, l, 0), 2, 1);
            }
        }
    }
    return self;
}

#endif
