/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hamiltonian rather than Langevin moves: with the ensemble's covariance as metric, a
 * few leapfrog steps give nearly independent draws where a Langevin move diffuses, and
 * the chains start where stage 2 left them, so that the warm-up is short. A trajectory
 * is a quarter of a period of a normal law: the end is then uncorrelated with the
 * start, and nearly its momentum turned round: momenta that fill space evenly over the
 * chains make draws that do. Step sizes are jittered to break periodic orbits and
 * adapted during warm-up only.
 */
#include "chains.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/base/status.h"
#include "walkers.h"

enum {
    WARM_UP = 10,
    MOST_LEAPFROGS = 32,
    CHECK_EVERY = 5,
    LEAST_ITERATIONS = 10,
    ITERATIONS_PER_BATCH = 5,
    GROUPS = 8 /* of chains, for R-hat */
};
#define ACCEPTANCE 0.8

typedef struct chains {
    ph_walkers walkers;
    double *mean;
    double epsilon;
} chains;

static void chains_clear(chains *self)
{
    ph_walkers_clear(&self->walkers);
    free(self->mean);
}

static int set_metric(chains *self)
{
    ph_walkers *w = &self->walkers;
    size_t d = w->d;
    ph_moments(w->n, d, w->y, NULL, self->mean, w->factor);
    double trace = 0;
    for (size_t k = 0; k < d; k++) {
        trace += w->factor[k * (d + 1)];
    }
    for (size_t k = 0; k < d; k++) {
        w->factor[k * (d + 1)] += 1e-6 * trace / (double)d;
    }
    return ph_cholesky(d, w->factor, w->factor);
}

static int chains_init(chains *self, const ph_ensemble *e)
{
    size_t n = e->n, d = e->d;
    memset(self, 0, sizeof *self);
    int status = ph_walkers_init(&self->walkers, n, d);
    self->mean = ph_alloc(d, sizeof(double));
    self->epsilon = 0.8 / pow((double)d, 0.25);
    if (status < 0 || !self->mean) {
        return PH_E_MEMORY;
    }
    self->walkers.orthogonal = 1;
    memcpy(self->walkers.y, e->y, n * d * sizeof(double));
    memcpy(self->walkers.log_p, e->log_p, n * sizeof(double));
    memcpy(self->walkers.score, e->score, n * d * sizeof(double));
    return set_metric(self);
}

/* One trajectory of all chains; *acceptance is its mean probability. */
static int iterate(chains *self, ph_sampler *sampler, uint32_t iteration,
                   double *acceptance)
{
    ph_rng stream;
    ph_rng_init(&stream, sampler->settings->seed, PH_RNG_CHAIN, UINT32_MAX, iteration);
    double wanted = ceil(0.5 * M_PI / self->epsilon); /* a quarter of a period */
    int leapfrogs = (int)fmin(fmax(wanted, 1), MOST_LEAPFROGS);
    double epsilon = fmin(self->epsilon, 0.5 * M_PI / leapfrogs) *
                     (0.9 + 0.2 * ph_rng_uniform(&stream));
    return ph_walkers_move(&self->walkers, sampler, iteration, leapfrogs, epsilon,
                           acceptance);
}

/*
 * One half-chain: its mean and, added to variogram[lag], its mean squared difference at
 * every lag (variogram[0]: twice the variance). Differences, unlike autocovariances
 * about an estimated mean, are unbiased for short chains.
 */
static void half_chain(const double *x, size_t stride, size_t steps, double *mean,
                       double *variogram)
{
    double sum = 0, squares = 0;
    for (size_t t = 0; t < steps; t++) {
        sum += x[t * stride] / (double)steps;
    }
    for (size_t t = 0; t < steps; t++) {
        squares += (x[t * stride] - sum) * (x[t * stride] - sum) / (double)steps;
    }
    *mean = sum;
    variogram[0] += 2 * squares;
    for (size_t lag = 1; lag < steps; lag++) {
        double total = 0;
        for (size_t t = 0; t + lag < steps; t++) {
            double difference = x[(t + lag) * stride] - x[t * stride];
            total += difference * difference;
        }
        variogram[lag] += total / (double)(steps - lag);
    }
}

/* Split R-hat of groups of chains: x[steps][chains]. */
static double group_rhat(size_t steps, size_t chains_n, const double *x)
{
    size_t half = steps / 2, groups = chains_n < GROUPS ? chains_n : GROUPS;
    double sum[2 * GROUPS] = {0}, squares[2 * GROUPS] = {0}, count[2 * GROUPS] = {0};
    for (size_t t = 0; t < 2 * half; t++) {
        for (size_t c = 0; c < chains_n; c++) {
            size_t g = c % groups + t / half * groups;
            double value = x[t * chains_n + c];
            sum[g] += value;
            squares[g] += value * value;
            count[g] += 1;
        }
    }
    double within = 0, grand = 0, between = 0, parts = 2 * (double)groups;
    for (size_t g = 0; g < 2 * groups; g++) {
        sum[g] /= count[g];
        within += (squares[g] / count[g] - sum[g] * sum[g]) / parts;
        grand += sum[g] / parts;
    }
    for (size_t g = 0; g < 2 * groups; g++) {
        between += (sum[g] - grand) * (sum[g] - grand) / (parts - 1);
    }
    return within > 0 ? sqrt(1 + between / within) : INFINITY;
}

int ph_chains_mixing(size_t steps, size_t chains_n, const double *x, double *rhat,
                     double *ess)
{
    size_t half = steps / 2, halves = 2 * chains_n;
    *rhat = INFINITY;
    *ess = 0;
    if (half < 2) {
        return PH_OK;
    }
    double *variogram = ph_alloc(half, sizeof *variogram);
    double *mean = ph_alloc(halves, sizeof *mean), grand = 0, between = 0;
    if (!variogram || !mean) {
        free(variogram);
        free(mean);
        return PH_E_MEMORY;
    }
    for (size_t h = 0; h < halves; h++) {
        const double *start = x + h % chains_n + h / chains_n * half * chains_n;
        half_chain(start, chains_n, half, &mean[h], variogram);
        grand += mean[h] / (double)halves;
    }
    for (size_t h = 0; h < halves; h++) {
        between += (mean[h] - grand) * (mean[h] - grand) / (double)(halves - 1);
    }
    double within = 0.5 * variogram[0] / (double)halves, tau = 1;
    double total = within + between; /* of one draw, among all chains */
    for (size_t lag = 1; lag + 1 < half; lag += 2) {
        double first = 1 - 0.5 * variogram[lag] / (double)halves / total;
        double second = 1 - 0.5 * variogram[lag + 1] / (double)halves / total;
        if (first + second < 0) {
            break;
        }
        tau += 2 * (first + second);
    }
    double draws = (double)half * (double)halves;
    *ess = within > 0 ? fmin(draws, draws / tau) : 0;
    *rhat = group_rhat(steps, chains_n, x);
    free(variogram);
    free(mean);
    return PH_OK;
}

/* R-hat and effective size: the worst over coordinates and their squared deviations. */
static int mixing(ph_sample *sample, size_t n_chains)
{
    size_t n = sample->n, d = sample->d, steps = n / n_chains;
    double *x = ph_alloc(n, sizeof *x), *mean = ph_alloc(d, sizeof *mean);
    double ess = INFINITY;
    int status = x && mean ? PH_OK : PH_E_MEMORY;
    sample->rhat = 0;
    if (status == PH_OK) {
        ph_moments(n, d, sample->z, NULL, mean, NULL);
    }
    for (size_t f = 0; f < 2 * d && status == PH_OK; f++) {
        double r, e;
        for (size_t i = 0; i < n; i++) {
            double u = sample->z[i * d + f / 2] - mean[f / 2];
            x[i] = f % 2 ? u * u : u;
        }
        status = ph_chains_mixing(steps, n_chains, x, &r, &e);
        sample->rhat = fmax(sample->rhat, r);
        ess = fmin(ess, e);
    }
    sample->inefficiency = fmax(1, (double)n / fmax(ess, 1));
    free(x);
    free(mean);
    return status;
}

/* The mode that a point is nearest to in that mode's curvature. */
static size_t nearest_mode(const ph_ensemble *e, const double *y)
{
    size_t d = e->d, best = 0;
    double least = INFINITY;
    for (size_t m = 0; m < e->clusters; m++) {
        const double *h = e->reference + m * d * d, *at = e->mode + m * d;
        double sum = 0;
        for (size_t k = 0; k < d; k++) {
            for (size_t l = 0; l < d; l++) {
                sum += (y[k] - at[k]) * h[k * d + l] * (y[l] - at[l]);
            }
        }
        best = sum < least ? m : best;
        least = fmin(least, sum);
    }
    return best;
}

size_t ph_chains_crossings(const ph_sample *sample, const ph_ensemble *e)
{
    size_t crossings = 0;
    for (size_t c = 0; c < e->n && e->clusters > 1; c++) {
        size_t last = nearest_mode(e, sample->y + c * e->d);
        for (size_t i = c + e->n; i < sample->n; i += e->n) {
            size_t now = nearest_mode(e, sample->y + i * e->d);
            crossings += now != last;
            last = now;
        }
    }
    return crossings;
}

static int store(ph_sample *sample, const ph_walkers *self, const ph_sampler *sampler)
{
    size_t n = self->n, d = self->d, at = sample->n;
    int status = ph_sample_reserve(sample, at + n);
    if (status < 0) {
        return status;
    }
    memcpy(sample->y + at * d, self->y, n * d * sizeof(double));
    memcpy(sample->score + at * d, self->score, n * d * sizeof(double));
    memcpy(sample->log_p + at, self->log_p, n * sizeof(double));
    for (size_t i = 0; i < n; i++) {
        sample->log_q[at + i] = 0;
        sample->label[at + i] = 0;
    }
    sample->n += n;
    return ph_sample_place(sample, sampler, at);
}

static int assess(ph_sample *sample, const ph_sampler *sampler, size_t n_chains,
                  int last)
{
    for (size_t i = 0; i < sample->n; i++) {
        sample->weight[i] = 1 / (double)sample->n;
    }
    sample->largest = 1;
    sample->pareto_k = 0;
    int status = mixing(sample, n_chains);
    if (status == PH_OK) {
        status = ph_sample_tails(sample);
    }
    if (status == PH_OK && (last || ph_sample_even(sample, sampler->settings))) {
        status = ph_sample_calibrate(sample, sampler->basis);
    }
    return status;
}

static int report(const ph_sample *sample, ph_sampler *sampler, size_t it, size_t most)
{
    char remark[64];
    snprintf(remark, sizeof remark, "R-hat %.3f, effective %.0f", sample->rhat,
             sample->ess);
    return ph_sampler_progress(sampler, "Metropolis correction",
                               (double)it / (double)most, remark);
}

static int warm_up(chains *self, ph_sampler *sampler)
{
    int status = PH_OK;
    for (uint32_t it = 0; it < WARM_UP && status == PH_OK; it++) {
        double acceptance;
        status = iterate(self, sampler, it, &acceptance);
        self->epsilon *=
            exp((acceptance - ACCEPTANCE) * (it < WARM_UP / 2 ? 1.0 : 0.5));
        if (status == PH_OK) {
            status =
                ph_sampler_progress(sampler, "Metropolis correction", 0, "warm-up");
        }
        if (status == PH_OK && it == WARM_UP / 2 &&
            self->walkers.n >= 20 * self->walkers.d) {
            status =
                set_metric(self); /* fewer particles know it less well than stage 2 */
        }
    }
    return status;
}

int ph_chains_run(ph_sample *sample, ph_sampler *sampler, const ph_ensemble *e)
{
    size_t most = ITERATIONS_PER_BATCH * sampler->settings->max_batches;
    chains self;
    sample->d = e->d;
    sample->n_columns = 1;
    int status = chains_init(&self, e);
    if (status == PH_OK) {
        status = warm_up(&self, sampler);
    }
    for (size_t it = 1; it <= most && status == PH_OK; it++) {
        double acceptance;
        status = iterate(&self, sampler, (uint32_t)(WARM_UP + it), &acceptance);
        if (status == PH_OK) {
            status = store(sample, &self.walkers, sampler);
        }
        if (status == PH_OK &&
            (it == most || (it >= LEAST_ITERATIONS && it % CHECK_EVERY == 0))) {
            status = assess(sample, sampler, e->n, it == most);
            if (status == PH_OK && sample->rhat < PH_RHAT_LIMIT &&
                ph_sample_good(sample, sampler->settings)) {
                break;
            }
        }
        if (status == PH_OK) {
            status = report(sample, sampler, it, most);
        }
    }
    chains_clear(&self);
    return status;
}
