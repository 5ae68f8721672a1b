/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MOMENT_PRIVATE_H
#define PHASIC_MOMENT_PRIVATE_H

#include "phasic/moment/moments.h"

struct ph_moments {
    const ph_graph *graph;
    const ph_trace *trace;
    size_t n_rewards, order;
    double *amount; /* [n_rewards][n] */
};

/* Pairs a < b of rewards, numbered (0,1), (0,2), ..., (1,2), ... */
static inline size_t ph_moments_pairs(const ph_moments *self)
{
    return self->n_rewards * (self->n_rewards - 1) / 2;
}

/* Quantities that are differentiated: [R][G] raw moments, then the pairs if G >= 2. */
static inline size_t ph_moments_outputs(const ph_moments *self, size_t gradient)
{
    size_t pairs = gradient >= 2 ? ph_moments_pairs(self) : 0;
    return self->n_rewards * gradient + pairs;
}

/* Per output: what Euler's identity sums to, what it should, and the sum of |terms|. */
enum { PH_CHECK_SUM, PH_CHECK_EXPECTED, PH_CHECK_SIZE, PH_CHECKS };

/*
 * The kernels. u[nodes], raw[R][order], product[pairs] = E[Y_a Y_b]; with gradient > 0
 * also bar[outputs][nodes] (overwritten) and check[outputs][PH_CHECKS]. All arrays with
 * lanes, or none with lanes.
 */
size_t ph_moments_work(const ph_moments *self, size_t gradient); /* plain: 1/PH_LANES */
void ph_moments_lanes(const ph_moments *self, size_t gradient, const double *u,
                      double *work, double *raw, double *product, double *bar,
                      double *check);
void ph_moments_plain(const ph_moments *self, size_t gradient, const double *u,
                      double *work, double *raw, double *product, double *bar,
                      double *check);

/* The kernel in lanes, once for each instruction set; arguments as above, aligned. */
typedef struct ph_moments_kernel {
    void (*eval)(const ph_moments *self, size_t gradient, const double *u, double *work,
                 double *raw, double *product, double *bar, double *check);
} ph_moments_kernel;

/* Those that this processor can run, the best one first; returns their number. */
int ph_moments_kernel_list(const ph_moments_kernel *list[3]);

/* One parameter vector in quadruple precision, u[nodes]; outputs rounded at the end. */
typedef struct ph_moments_lane {
    double *raw;                 /* [R][order] */
    double *covariance;          /* [R][R] */
    double *skewness, *kurtosis; /* [R] */
    double *bar;       /* [R][gradient][nodes] of raw moments, NULL without gradient */
    double *cross_bar; /* [R][R][nodes] of covariances, a <= b only; gradient >= 2 */
} ph_moments_lane;
int ph_moments_wide(const ph_moments *self, size_t gradient, const double *u,
                    const ph_moments_lane *out);

static inline double ph_binomial(size_t n, size_t k)
{
    double c = 1;
    for (size_t i = 1; i <= k; i++) {
        c = c * (double)(n - k + i) / (double)i;
    }
    return c;
}

#endif
