/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The proposal is a growing set of Student mixtures: one on the particles, a wide one
 * on the modes, and, after every batch whose weights are uneven, one on the draws with
 * the largest weights (incremental mixture importance sampling, Raftery & Bao 2010).
 * All draws are weighted by the density of everything drawn so far (balance heuristic),
 * so that a region found late lowers the weights of the few early draws that fell
 * there. The log density of each mixture at each draw is kept; only shares change.
 */
#include "importance.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud.h"
#include "explore.h"
#include "linalg.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"
#include "phasic/num/pareto.h"

enum { PARTICLES, MODES, EXPLORERS, FIRST_TAIL }; /* the mixtures */
enum { DRAWS_PER_PARTICLE = 5, PILOTS = 6, MOST_ROUNDS = 8 };
_Static_assert((int)PH_MIXTURES <= (int)PH_STRATA, "a stratum for every mixture");
#define DEFENSIVE_SHARE 0.1
#define DEFENSIVE_SCALE 1.5
#define EXPLORE_SHARE   0.15
#define TAIL_SHARE      0.4 /* of a batch, for all mixtures added on large weights */

void ph_importance_clear(ph_importance *self)
{
    for (size_t g = 0; g < PH_MIXTURES; g++) {
        ph_student_mixture_clear(&self->mixture[g]);
    }
    memset(self, 0, sizeof *self);
}

/* Silverman's factor for a cluster of n particles. */
static double bandwidth(size_t n, size_t d)
{
    double dim = (double)d;
    return pow(4 / ((dim + 2) * (double)n), 1 / (dim + 4));
}

/*
 * Students on the particles, pulled towards their cluster's mean so that the mixture
 * has the covariance of the particles.
 */
static int on_particles(ph_student_mixture *mixture, const ph_ensemble *e, double nu,
                        double widen)
{
    size_t d = e->d;
    double *mean = ph_alloc(2 * d, sizeof *mean), *point = mean + d;
    int status = mean ? ph_student_mixture_init(mixture, e->n, d, nu) : PH_E_MEMORY;
    for (size_t from = 0, to; from < e->n && status == PH_OK; from = to) {
        for (to = from; to < e->n && e->cluster[to] == e->cluster[from]; to++) {
        }
        double h = fmin(1, widen * bandwidth(to - from, d)), a = sqrt(1 - h * h);
        ph_moments(to - from, d, e->y + from * d, NULL, mean, NULL);
        for (size_t i = from; i < to && status == PH_OK; i++) {
            for (size_t k = 0; k < d; k++) {
                point[k] = a * e->y[i * d + k] + (1 - a) * mean[k];
            }
            if (i == from || d <= PH_NEWTON_DIMENSIONS) { /* else one for the cluster */
                status = ph_student_mixture_shape(mixture, e->hessian + i * d * d, h);
            }
            if (status == PH_OK) {
                status = ph_student_mixture_place(mixture, i, point, e->cluster[i]);
            }
        }
    }
    free(mean);
    return status;
}

static int on_modes(ph_student_mixture *mixture, const ph_ensemble *e)
{
    size_t d = e->d;
    int status = ph_student_mixture_init(mixture, e->clusters, d, d > 10 ? 5 : 3);
    for (size_t m = 0; m < e->clusters && status == PH_OK; m++) {
        status = ph_student_mixture_shape(mixture, e->reference + m * d * d,
                                          DEFENSIVE_SCALE);
        if (status == PH_OK) {
            status = ph_student_mixture_place(mixture, m, e->mode + m * d, m);
        }
    }
    return status;
}

/* log q of draw i, all mixtures with their shares of the draws. */
static double log_proposal(const ph_importance *self, const ph_sample *sample, size_t i)
{
    const double *density = sample->density + i * sample->n_columns;
    double most = -INFINITY, sum = 0;
    for (size_t g = 0; g < self->n_mixtures; g++) {
        if (self->count[g]) {
            most = fmax(most, density[g] + log((double)self->count[g]));
        }
    }
    for (size_t g = 0; g < self->n_mixtures; g++) {
        if (self->count[g]) {
            sum += exp(density[g] + log((double)self->count[g]) - most);
        }
    }
    return most + log(sum / (double)sample->n);
}

/* Weights, effective size, evidence and tail index from log p - log q. */
static int weigh(const ph_importance *self, ph_sample *sample, double log_det)
{
    size_t n = sample->n;
    double most = -INFINITY, sum = 0, squares = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        sample->log_q[i] = log_proposal(self, sample, i);
        most = fmax(most, sample->log_p[i] - sample->log_q[i]);
    }
    for (size_t i = 0; i < n; i++) {
        sample->weight[i] = exp(sample->log_p[i] - sample->log_q[i] - most);
        sum += sample->weight[i];
    }
    for (size_t i = 0; i < n; i++) {
        double *w = &sample->weight[i];
        *w /= sum;
        squares += *w * *w;
        largest = fmax(largest, *w);
        sample->calibrated[i] = *w; /* scratch for the tail index */
    }
    sample->inefficiency = 1;
    sample->largest = largest * (double)n;
    sample->log_evidence = most + log(sum / (double)n) + log_det;
    sample->log_evidence_error = sqrt(fmax(squares - 1 / (double)n, 0));
    return ph_pareto_k(n, sample->calibrated, &sample->pareto_k);
}

/* Densities of mixture g at draws from..n. */
static int fill_density(const ph_importance *self, ph_sample *sample, size_t g,
                        size_t from)
{
    return ph_student_mixture_log_density(
        &self->mixture[g], sample->n - from, sample->y + from * sample->d,
        sample->n_columns, sample->density + from * sample->n_columns + g);
}

/* Draws of this batch per mixture. */
static void split_batch(const ph_importance *self, size_t batch, size_t *draws)
{
    size_t left = batch;
    for (size_t g = self->n_mixtures; g-- > 1;) {
        double share = g == MODES ? DEFENSIVE_SHARE
                       : g < FIRST_TAIL
                           ? EXPLORE_SHARE
                           : TAIL_SHARE / (double)(self->n_mixtures - FIRST_TAIL);
        draws[g] = (size_t)(share * (double)batch);
        left -= draws[g];
    }
    draws[PARTICLES] = left;
}

static int draw_batch(ph_importance *self, ph_sample *sample, ph_sampler *sampler,
                      int scores)
{
    size_t d = sample->d, from = sample->n, draws[PH_MIXTURES];
    size_t batch = DRAWS_PER_PARTICLE * sampler->settings->particles;
    int status = ph_sample_reserve(sample, from + batch);
    split_batch(self, batch, draws);
    size_t at = from;
    for (size_t g = 0; g < self->n_mixtures && status == PH_OK; g++) {
        status = ph_student_mixture_draw(&self->mixture[g], draws[g],
                                         sampler->settings->seed,
                                         (uint32_t)(sample->batches * 16 + g),
                                         sample->y + at * d, sample->label + at);
        if (status == PH_OK) {
            status = ph_nets_add(&sample->nets, draws[g], g);
        }
        at += draws[g];
        self->count[g] += draws[g];
    }
    if (status == PH_OK) {
        status =
            ph_sampler_eval(sampler, batch, sample->y + from * d, sample->log_p + from,
                            scores ? sample->score + from * d : NULL);
    }
    if (status < 0) {
        return status;
    }
    sample->n += batch;
    sample->batches++;
    status = ph_sample_place(sample, sampler, from);
    for (size_t g = 0; g < self->n_mixtures && status == PH_OK; g++) {
        status = fill_density(self, sample, g, from);
    }
    return status < 0 ? status : weigh(self, sample, sampler->log_det);
}

/*
 * A mixture on the draws with the largest weights, or rather the largest parts in the
 * error of a second moment: there the sample is thinnest for its purpose.
 */
static int add_tails(ph_importance *self, ph_sample *sample)
{
    size_t d = sample->d, n = sample->n, components = 8 + 2 * d;
    size_t near = n / 10 > 4 * d + 10 ? n / 10 : 4 * d + 10;
    ph_cloud cloud;
    ph_student_mixture *mixture = &self->mixture[self->n_mixtures++];
    double *u = ph_alloc(d, sizeof *u);
    size_t *chosen = ph_alloc(components, sizeof *chosen);
    int status = ph_cloud_init(&cloud, n, d, sample->y, sample->weight, sample->label);
    if (status == PH_OK) {
        status = u && chosen ? ph_student_mixture_init(mixture, components, d, 3)
                             : PH_E_MEMORY;
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        for (size_t k = 0; k < d; k++) {
            u[k] = sample->y[i * d + k] - cloud.mean[k];
        }
        ph_solve_lower(d, cloud.factor, u);
        double square = 1 + ph_dot(d, u, u) / (double)d;
        cloud.order[i] = (ph_ranked){-sample->weight[i] * square * square, i};
    }
    if (status == PH_OK) {
        ph_rank(n, cloud.order);
    }
    for (size_t c = 0; c < components && status == PH_OK; c++) {
        chosen[c] = cloud.order[c].index;
    }
    for (size_t c = 0; c < components && status == PH_OK; c++) {
        status = ph_cloud_component(&cloud, mixture, c, chosen[c], near);
    }
    if (status == PH_OK) {
        status = fill_density(self, sample, self->n_mixtures - 1, 0);
    }
    ph_cloud_clear(&cloud);
    free(u);
    free(chosen);
    return status;
}

/* Effective fraction of one draw per component: value evaluations only. */
static int pilot(const ph_student_mixture *mixture, ph_sampler *sampler, uint32_t step,
                 double *fraction)
{
    size_t n = mixture->n, d = mixture->d;
    double *y = ph_alloc(n * d, sizeof *y), *log_p = ph_alloc(n, sizeof *log_p);
    double *log_q = ph_alloc(n, sizeof *log_q), most = -INFINITY, sum = 0, squares = 0;
    size_t *label = ph_alloc(n, sizeof *label);
    int status = y && log_p && log_q && label ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK) {
        status = ph_student_mixture_draw(mixture, n, sampler->settings->seed, step, y,
                                         label);
    }
    if (status == PH_OK) {
        status = ph_sampler_eval(sampler, n, y, log_p, NULL);
    }
    if (status == PH_OK) {
        status = ph_student_mixture_log_density(mixture, n, y, 1, log_q);
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        log_p[i] -= log_q[i];
        most = fmax(most, log_p[i]);
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        double w = exp(log_p[i] - most);
        sum += w;
        squares += w * w;
    }
    *fraction = status == PH_OK && sum > 0 ? sum * sum / squares / (double)n : 0;
    free(y);
    free(log_p);
    free(log_q);
    free(label);
    return status;
}

/* The mixture on the particles; in many dimensions its tails and width by a pilot. */
static int choose_base(ph_importance *self, ph_sampler *sampler, const ph_ensemble *e)
{
    ph_student_mixture *base = &self->mixture[0];
    if (e->d <= PH_NEWTON_DIMENSIONS) {
        return on_particles(base, e, 5, 1);
    }
    static const double nu[PILOTS] = {5, 5, 5, 30, 30, 30};
    static const double widen[PILOTS] = {1, 1.3, 100, 1, 1.3, 100}; /* 100: h = 1 */
    double best = -1;
    int status = PH_OK;
    for (uint32_t p = 0; p < PILOTS && status == PH_OK; p++) {
        ph_student_mixture candidate;
        double fraction;
        status = on_particles(&candidate, e, nu[p], widen[p]);
        if (status == PH_OK) {
            status = pilot(&candidate, sampler, UINT32_MAX - p, &fraction);
        }
        if (status == PH_OK && fraction > best) {
            best = fraction;
            ph_student_mixture swap = *base;
            *base = candidate;
            candidate = swap;
        }
        ph_student_mixture_clear(&candidate);
    }
    return status;
}

/* Uneven weights: components where they are large will help. */
static int uneven(const ph_sample *sample)
{
    return sample->pareto_k > 0.5 || sample->largest > 10 || sample->kurtosis > 6 ||
           sample->ess < 0.3 * (double)sample->n;
}

static int hopeless(const ph_sample *sample)
{
    return sample->batches >= 10 && (sample->pareto_k > ph_pareto_limit(sample->n) ||
                                     sample->ess < 0.1 * (double)sample->n);
}

int ph_importance_init(ph_importance *self, ph_sampler *sampler, const ph_ensemble *e)
{
    memset(self, 0, sizeof *self);
    int explored = e->d <= PH_IMPORTANCE_DIMENSIONS; /* beyond only for the evidence */
    self->n_mixtures = explored ? FIRST_TAIL : EXPLORERS;
    int status = choose_base(self, sampler, e);
    if (status == PH_OK) {
        status = on_modes(&self->mixture[MODES], e);
    }
    return status == PH_OK && explored
               ? ph_explore(&self->mixture[EXPLORERS], sampler, e)
               : status;
}

int ph_importance_probe(ph_importance *self, ph_sample *sample, ph_sampler *sampler)
{
    sample->d = sampler->d;
    sample->n_columns = PH_MIXTURES;
    int status = draw_batch(self, sample, sampler, 0);
    return status == PH_OK ? ph_sample_tails(sample) : status;
}

/*
 * Once weights were uneven, several rounds of adaptation before the sample may be
 * called good: each round reaches further into the tails, and until they are reached,
 * no diagnostic of the weights shows what is missing.
 */
static size_t least_batches(size_t d)
{
    return 1 + (2 * d < MOST_ROUNDS ? 2 * d : MOST_ROUNDS);
}

int ph_importance_run(ph_importance *self, ph_sample *sample, ph_sampler *sampler)
{
    const ph_svgd_settings *settings = sampler->settings;
    int status = PH_OK, adapting = 0;
    sample->d = sampler->d;
    sample->n_columns = PH_MIXTURES;
    while (status == PH_OK && sample->batches < settings->max_batches) {
        status = draw_batch(self, sample, sampler, 1);
        if (status == PH_OK) {
            status = ph_sample_tails(sample);
        }
        adapting |= uneven(sample);
        int enough = !adapting || sample->batches >= least_batches(sampler->d);
        if (status == PH_OK && enough && ph_sample_even(sample, settings)) {
            status = ph_sample_calibrate(sample, sampler->basis);
        }
        if (status < 0 || hopeless(sample) ||
            (enough && ph_sample_good(sample, settings))) {
            break;
        }
        if (adapting && self->n_mixtures < PH_MIXTURES) {
            status = add_tails(self, sample);
        }
        char remark[64];
        snprintf(remark, sizeof remark, "effective %.0f of %zu, k %.2f", sample->ess,
                 sample->n, sample->pareto_k);
        if (status == PH_OK) {
            status = ph_sampler_progress(sampler, "importance sampling",
                                         fmin(1, sample->ess / settings->ess), remark);
        }
    }
    if (status == PH_OK && !isfinite(sample->calibration.error_sd)) {
        status = ph_sample_calibrate(sample, sampler->basis);
    }
    return status;
}

/* log q at the draws of the chains. */
static int log_proposal_at(const ph_importance *self, const ph_sample *sample,
                           const ph_sample *chains, double *log_q)
{
    ph_sample view = {.n = sample->n, .d = chains->d, .n_columns = PH_MIXTURES};
    view.density = ph_alloc(chains->n * PH_MIXTURES, sizeof(double));
    int status = view.density ? PH_OK : PH_E_MEMORY;
    for (size_t g = 0; g < self->n_mixtures && status == PH_OK; g++) {
        status = ph_student_mixture_log_density(&self->mixture[g], chains->n, chains->y,
                                                PH_MIXTURES, view.density + g);
    }
    for (size_t i = 0; i < chains->n && status == PH_OK; i++) {
        log_q[i] = log_proposal(self, &view, i);
    }
    free(view.density);
    return status;
}

/*
 * Fixed point of r = mean_q[l / (s1 l + s2 r)] / mean_p[1 / (s1 l + s2 r)], l = p/q
 * scaled by exp(-top); s1 counts effective draws of the chains.
 */
static double bridge(size_t n_q, const double *at_q, size_t n_p, const double *at_p,
                     double s1, double *relative_error)
{
    double s2 = 1 - s1, r = 1, top = 0, bottom = 0, top2 = 0, bottom2 = 0;
    for (int round = 0; round < 200; round++) {
        double old = r;
        top = bottom = top2 = bottom2 = 0;
        for (size_t i = 0; i < n_q; i++) {
            double f = at_q[i] / (s1 * at_q[i] + s2 * r);
            top += f / (double)n_q;
            top2 += f * f / (double)n_q;
        }
        for (size_t i = 0; i < n_p; i++) {
            double f = 1 / (s1 * at_p[i] + s2 * r);
            bottom += f / (double)n_p;
            bottom2 += f * f / (double)n_p;
        }
        r = top / bottom;
        if (fabs(r - old) <= 1e-12 * r) {
            break;
        }
    }
    double effective = (double)n_q * s1 / s2; /* of the chains */
    *relative_error = sqrt((top2 / (top * top) - 1) / (double)n_q +
                           (bottom2 / (bottom * bottom) - 1) / effective);
    return r;
}

int ph_importance_bridge(const ph_importance *self, ph_sample *sample,
                         const ph_sample *chains, double log_det)
{
    double *at_q = ph_alloc(sample->n, sizeof *at_q), error, top;
    double *at_p = ph_alloc(chains->n, sizeof *at_p);
    int status =
        at_q && at_p ? log_proposal_at(self, sample, chains, at_p) : PH_E_MEMORY;
    if (status == PH_OK) {
        top = sample->log_evidence - log_det;
        for (size_t i = 0; i < sample->n; i++) {
            at_q[i] = exp(sample->log_p[i] - sample->log_q[i] - top);
        }
        for (size_t i = 0; i < chains->n; i++) {
            at_p[i] = exp(chains->log_p[i] - at_p[i] - top);
        }
        double share = chains->ess / (chains->ess + (double)sample->n);
        double r = bridge(sample->n, at_q, chains->n, at_p, share, &error);
        if (r > 0 && isfinite(r)) {
            sample->log_evidence = top + log(r) + log_det;
            sample->log_evidence_error = error;
        }
    }
    free(at_q);
    free(at_p);
    return status;
}
