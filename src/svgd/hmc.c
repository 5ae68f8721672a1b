/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Static trajectories of random length rather than trees: all chains take the same
 * number of steps, so that lanes and threads are full, and lengths from a quarter of pi
 * to three quarters, in units of the slowest direction's standard deviation, leave no
 * orbit periodic. The warm-up has four windows: after each of the first three the
 * metric becomes the covariance of all chains' points in it, and the step size starts
 * to adapt afresh (Robbins-Monro on its logarithm, averaged over the last window's
 * second half). Chains start at every mode in turn, twice as wide as its normal
 * approximation: modes between which they do not move show up in R-hat.
 */
#include "phasic/svgd/hmc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "modes.h"
#include "phasic/base/clock.h"
#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/base/status.h"
#include "verdict.h"
#include "walkers.h"

enum { WINDOWS = 4, MOST_LEAPFROGS = 512, HALVINGS = 12 };
#define ACCEPTANCE 0.95
#define SPREAD     2.0    /* of the starts, in standard deviations */
#define DIVERGENCE 1000.0 /* energy error */
#define SHRINKAGE  5.0    /* points of a unit covariance that the metric counts */

void ph_hmc_defaults(ph_hmc_settings *self)
{
    *self =
        (ph_hmc_settings){.starts = 16, .chains = 16, .warm_up = 300, .draws = 4000};
}

void ph_hmc_report_free(ph_hmc_report *self)
{
    if (self) {
        free(self->mixing);
        free(self);
    }
}

typedef struct hmc {
    const ph_hmc_settings *settings;
    ph_sampler *sampler;
    ph_svgd_result *result;
    ph_walkers walkers;
    double log_epsilon, log_sum; /* of the step size; sum for the average */
    size_t averaged;
    double *mean, *square; /* [d], [d][d] sums over a window */
    double points;         /* in it */
    double *energy;        /* [chains][draws] */
} hmc;

static void hmc_clear(hmc *self)
{
    ph_walkers_clear(&self->walkers);
    free(self->mean);
    free(self->square);
    free(self->energy);
}

/* ---- starts ---- */

/* Chain i at z = mode + width * L'^-1 normal, H = L L'. */
static int place(hmc *self, size_t i, double width)
{
    size_t d = self->walkers.d;
    const ph_mode *mode = &self->result->mode[i % self->result->n_modes];
    double *factor = ph_alloc(d * d, sizeof *factor), *z = ph_alloc(d, sizeof *z);
    int status = factor && z ? ph_cholesky(d, mode->hessian, factor) : PH_E_MEMORY;
    ph_rng stream;
    ph_rng_init(&stream, self->settings->seed, PH_RNG_PARTICLE, (uint32_t)i, 0);
    if (status == PH_OK) {
        for (size_t k = 0; k < d; k++) {
            z[k] = width * ph_rng_normal(&stream);
        }
        ph_solve_lower_transposed(d, factor, z);
        for (size_t k = 0; k < d; k++) {
            z[k] += mode->z[k];
        }
        ph_sampler_from_z(self->sampler, 1, z, self->walkers.y + i * d);
    }
    free(factor);
    free(z);
    return status;
}

/* Starts too far down, where a step size for the rest would hold them, move closer. */
static int place_all(hmc *self)
{
    ph_walkers *w = &self->walkers;
    double width = SPREAD, depth = 10 + 4 * (double)w->d;
    size_t left = w->n;
    int status = PH_OK;
    for (size_t i = 0; i < w->n; i++) {
        w->log_p[i] = -INFINITY;
    }
    for (int round = 0; round <= HALVINGS && left && status == PH_OK; round++) {
        left = 0;
        for (size_t i = 0; i < w->n && status == PH_OK; i++) {
            const ph_mode *mode = &self->result->mode[i % self->result->n_modes];
            if (w->log_p[i] < mode->log_p - depth) {
                status = place(self, i, round == HALVINGS ? 0 : width);
                left++;
            }
        }
        width /= 2;
        if (status == PH_OK) {
            status = ph_sampler_eval(self->sampler, w->n, w->y, w->log_p, w->score);
        }
    }
    return status;
}

/* ---- moves ---- */

static int iterate(hmc *self, uint32_t iteration, double *acceptance, int *leapfrogs)
{
    ph_rng stream;
    ph_rng_init(&stream, self->settings->seed, PH_RNG_CHAIN, UINT32_MAX, iteration);
    double time = 0.5 * M_PI * (0.5 + ph_rng_uniform(&stream));
    double steps = ceil(time / exp(self->log_epsilon));
    *leapfrogs = (int)fmin(fmax(steps, 1), MOST_LEAPFROGS);
    double epsilon = fmin(time / *leapfrogs, exp(self->log_epsilon));
    return ph_walkers_move(&self->walkers, self->sampler, iteration, *leapfrogs,
                           epsilon, acceptance);
}

static void gather(hmc *self)
{
    const ph_walkers *w = &self->walkers;
    size_t d = w->d;
    for (size_t i = 0; i < w->n; i++) {
        const double *y = w->y + i * d;
        for (size_t k = 0; k < d; k++) {
            self->mean[k] += y[k];
            for (size_t l = 0; l <= k; l++) {
                self->square[k * d + l] += y[k] * y[l];
            }
        }
    }
    self->points += (double)w->n;
}

/* The metric from the window's points; empties the window. */
static int set_metric(hmc *self)
{
    ph_walkers *w = &self->walkers;
    size_t d = w->d;
    double n = self->points, share = n / (n + SHRINKAGE);
    for (size_t k = 0; k < d; k++) {
        for (size_t l = 0; l <= k; l++) {
            double c =
                self->square[k * d + l] / n - self->mean[k] / n * self->mean[l] / n;
            c = share * c + (k == l ? 1 - share : 0);
            w->factor[k * d + l] = w->factor[l * d + k] = c;
        }
    }
    memset(self->mean, 0, d * sizeof(double));
    memset(self->square, 0, d * d * sizeof(double));
    self->points = 0;
    return ph_cholesky(d, w->factor, w->factor);
}

static int warm_up(hmc *self)
{
    size_t n = self->settings->warm_up, window = n / WINDOWS, since = 0;
    int status = PH_OK, leapfrogs;
    self->log_epsilon = log(0.5 / pow((double)self->walkers.d, 0.25));
    for (size_t it = 0; it < n && status == PH_OK; it++) {
        double acceptance = 0;
        status = iterate(self, (uint32_t)it, &acceptance, &leapfrogs);
        since++;
        self->log_epsilon += (acceptance - ACCEPTANCE) / pow((double)since, 0.6);
        self->log_epsilon = fmin(self->log_epsilon, log(1.5));
        if (it >= n - window / 2) {
            self->log_sum += self->log_epsilon;
            self->averaged++;
        }
        if (it >= window / 2) { /* the first half window only comes nearer */
            gather(self);
        }
        if (status == PH_OK && (it + 1) % window == 0 && (it + 1) / window < WINDOWS) {
            status = set_metric(self);
            since = 0;
        }
        if (status == PH_OK) {
            status = ph_sampler_progress(self->sampler, "warm-up",
                                         (double)it / (double)n, "");
        }
    }
    self->log_epsilon = self->log_sum / (double)self->averaged;
    return status;
}

static void store(hmc *self, size_t it)
{
    const ph_walkers *w = &self->walkers;
    size_t per_chain = self->settings->draws / self->settings->chains;
    for (size_t c = 0; c < w->n; c++) {
        size_t at = c * per_chain + it;
        ph_sampler_to_z(self->sampler, 1, w->y + c * w->d, self->result->z + at * w->d);
        self->result->log_p[at] = w->log_p[c];
        self->energy[at] = -w->start[c];
    }
}

static int draw(hmc *self)
{
    ph_hmc_report *report = self->result->hmc;
    int status = PH_OK, leapfrogs = 0;
    for (size_t it = 0; it < report->draws && status == PH_OK; it++) {
        double acceptance = 0;
        status =
            iterate(self, (uint32_t)(report->warm_up + it), &acceptance, &leapfrogs);
        report->acceptance += acceptance / (double)report->draws;
        report->leapfrogs += leapfrogs / (double)report->draws;
        for (size_t c = 0; c < report->chains && status == PH_OK; c++) {
            double error = self->walkers.error[c];
            report->divergences += isfinite(error) && error < -DIVERGENCE;
        }
        if (status == PH_OK) {
            store(self, it);
            status = ph_sampler_progress(self->sampler, "sampling",
                                         (double)it / (double)report->draws, "");
        }
    }
    report->step_size = exp(self->log_epsilon);
    return status;
}

/* ---- diagnostics ---- */

/* Betancourt 2016: squared steps of the energy over its variance, all chains. */
static double e_bfmi(size_t chains, size_t draws, const double *energy)
{
    double steps = 0, squares = 0;
    for (size_t c = 0; c < chains; c++) {
        const double *e = energy + c * draws;
        double mean = 0;
        for (size_t t = 0; t < draws; t++) {
            mean += e[t] / (double)draws;
        }
        for (size_t t = 0; t < draws; t++) {
            squares += (e[t] - mean) * (e[t] - mean);
            steps += t ? (e[t] - e[t - 1]) * (e[t] - e[t - 1]) : 0;
        }
    }
    return steps / squares;
}

static int measure(hmc *self)
{
    ph_svgd_result *result = self->result;
    ph_hmc_report *report = result->hmc;
    size_t d = result->d, n = result->n;
    double *x = ph_alloc(n, sizeof *x);
    int status = x ? PH_OK : PH_E_MEMORY;
    for (size_t k = 0; k < d && status == PH_OK; k++) {
        for (size_t i = 0; i < n; i++) {
            x[i] = result->z[i * d + k];
        }
        status = ph_mixing_of(report->chains, report->draws, x, &report->mixing[k]);
    }
    if (status == PH_OK) {
        status = ph_mixing_of(report->chains, report->draws, result->log_p,
                              &report->density);
    }
    report->e_bfmi = e_bfmi(report->chains, report->draws, self->energy);
    free(x);
    return status;
}

/* The worst of all quantities, into the diagnostics that all methods share. */
static void worst(ph_svgd_result *result, ph_mixing *out)
{
    const ph_hmc_report *report = result->hmc;
    *out = report->density;
    for (size_t k = 0; k < result->d; k++) { /* NaN stays and fails every test */
        const ph_mixing *it = &report->mixing[k];
        out->rhat = it->rhat <= out->rhat ? out->rhat : it->rhat;
        out->ess_bulk = it->ess_bulk >= out->ess_bulk ? out->ess_bulk : it->ess_bulk;
        out->ess_tail = it->ess_tail >= out->ess_tail ? out->ess_tail : it->ess_tail;
        out->ess_mean = it->ess_mean >= out->ess_mean ? out->ess_mean : it->ess_mean;
    }
}

static void judge(ph_svgd_result *result, const ph_mixing *it)
{
    const ph_hmc_report *report = result->hmc;
    ph_sentences self = {{0}, 0};
    if (!(it->rhat < PH_HMC_RHAT)) {
        ph_say(&self, 1, "the chains disagree (R-hat %.3f, the limit is %.2f)",
               it->rhat, PH_HMC_RHAT);
        if (result->n_modes > 1) {
            ph_say(&self, 0,
                   "the chains do not move between the modes often enough to weigh "
                   "them");
        }
    }
    if (!(it->ess_bulk >= PH_HMC_ESS)) {
        ph_say(&self, 1, "the bulk effective sample size is %.0f and %.0f is needed",
               it->ess_bulk, PH_HMC_ESS);
    }
    if (!(it->ess_tail >= PH_HMC_ESS)) {
        ph_say(&self, 1, "the tail effective sample size is %.0f and %.0f is needed",
               it->ess_tail, PH_HMC_ESS);
    }
    if (report->divergences) {
        ph_say(
            &self, 1,
            "%zu trajectories diverged, so a region of high curvature is not explored",
            report->divergences);
    }
    if (!(report->e_bfmi >= PH_HMC_E_BFMI)) {
        ph_say(&self, 1,
               "the energy mixes slowly (E-BFMI %.2f, the limit is %.1f), so the tails "
               "are "
               "not explored",
               report->e_bfmi, PH_HMC_E_BFMI);
    }
    ph_verdict_modes(&self, result);
    if (self.faults == 0) {
        ph_say(&self, 0,
               "R-hat is %.4f at most and the effective sample sizes are at least %.0f "
               "(bulk) and %.0f (tail)",
               it->rhat, it->ess_bulk, it->ess_tail);
    }
    result->converged =
        ph_sentences_close(&self, result->reasons, sizeof result->reasons);
}

static void fill(hmc *self, const ph_mixing *it)
{
    ph_svgd_result *result = self->result;
    ph_svgd_diagnostics *out = &result->diagnostics;
    size_t n = result->n, d = result->d;
    for (size_t i = 0; i < n; i++) {
        result->weight[i] = result->raw_weight[i] = 1 / (double)n;
    }
    memcpy(result->draw, result->z, n * d * sizeof(double));
    memcpy(result->draw_log_p, result->log_p, n * sizeof(double));
    ph_sampler_to_z(self->sampler, self->walkers.n, self->walkers.y, result->particle);
    out->modes = result->n_modes;
    out->ess = it->ess_mean;
    out->ess_fraction = it->ess_mean / (double)n;
    out->error_mean = 1 / sqrt(it->ess_mean);
    out->rhat = it->rhat;
    out->chain_ess = fmin(it->ess_bulk, it->ess_tail);
    out->used_chains = 1;
    out->r1 = out->r2 = out->ksd = out->pareto_k = out->largest_weight = NAN;
    out->log_evidence = out->log_evidence_error = out->error_sd = NAN;
    out->shift_mean = out->shift_sd = out->calibration_shift = NAN;
    out->value_evaluations = self->sampler->value_evaluations;
    out->score_evaluations = self->sampler->score_evaluations;
}

/* ---- the run ---- */

static int allocate(hmc *self, size_t d)
{
    ph_svgd_result *result = self->result;
    size_t n = self->settings->draws, chains = self->settings->chains;
    result->d = d;
    result->particles = chains;
    result->n = result->draws = n;
    result->particle = ph_alloc(chains * d, sizeof(double));
    result->z = ph_alloc(n * d, sizeof(double));
    result->log_p = ph_alloc(n, sizeof(double));
    result->weight = ph_alloc(n, sizeof(double));
    result->raw_weight = ph_alloc(n, sizeof(double));
    result->draw = ph_alloc(n * d, sizeof(double));
    result->draw_log_p = ph_alloc(n, sizeof(double));
    result->hmc = ph_alloc(1, sizeof *result->hmc);
    self->mean = ph_alloc(d, sizeof(double));
    self->square = ph_alloc(d * d, sizeof(double));
    self->energy = ph_alloc(n, sizeof(double));
    if (!result->particle || !result->z || !result->log_p || !result->weight ||
        !result->raw_weight || !result->draw || !result->draw_log_p || !result->hmc ||
        !self->mean || !self->square || !self->energy) {
        return PH_E_MEMORY;
    }
    result->hmc->chains = chains;
    result->hmc->warm_up = self->settings->warm_up;
    result->hmc->draws = n / chains;
    result->hmc->mixing = ph_alloc(d, sizeof *result->hmc->mixing);
    return result->hmc->mixing ? ph_walkers_init(&self->walkers, chains, d)
                               : PH_E_MEMORY;
}

static int check_settings(const ph_hmc_settings *settings, ph_error *error)
{
    if (settings->chains < 2 || settings->draws % settings->chains != 0 ||
        settings->draws / settings->chains < 8) {
        return ph_error_set(error, PH_E_USAGE,
                            "%zu draws cannot be divided among %zu chains; at least 2 "
                            "chains of at least 8 draws each are needed",
                            settings->draws, settings->chains);
    }
    if (settings->warm_up < 40 || settings->starts == 0) {
        return ph_error_set(error, PH_E_USAGE,
                            "a warm-up of at least 40 iterations is needed");
    }
    return PH_OK;
}

static int run(hmc *self, size_t d)
{
    ph_svgd_result *result = self->result;
    double *seconds = result->diagnostics.seconds, start = ph_clock_seconds(), now;
    ph_mixing summary;
    int exhausted = 0, status = ph_modes_find(self->sampler, 0, NULL, &result->mode,
                                              &result->n_modes, &exhausted);
    result->diagnostics.modes_open = !exhausted;
    seconds[0] = (now = ph_clock_seconds()) - start;
    start = now;
    if (status == PH_OK) {
        status = allocate(self, d);
    }
    if (status == PH_OK) {
        status = place_all(self);
    }
    if (status == PH_OK) {
        status = warm_up(self);
    }
    seconds[1] = (now = ph_clock_seconds()) - start;
    start = now;
    if (status == PH_OK) {
        status = draw(self);
    }
    seconds[2] = (now = ph_clock_seconds()) - start;
    if (status == PH_OK) {
        status = measure(self);
    }
    if (status == PH_OK) {
        worst(result, &summary);
        fill(self, &summary);
        judge(result, &summary);
    }
    seconds[3] = ph_clock_seconds() - now;
    return status;
}

int ph_hmc_run(ph_svgd_result **result, const ph_target *target,
               const ph_hmc_settings *settings, const ph_log *log, ph_error *error)
{
    int status = check_settings(settings, error);
    if (status < 0) {
        return status;
    }
    ph_svgd_settings search; /* what the mode search reads */
    ph_svgd_defaults(&search);
    search.seed = settings->seed;
    search.starts = settings->starts;
    ph_sampler sampler;
    hmc self = {.settings = settings, .sampler = &sampler};
    self.result = ph_alloc(1, sizeof *self.result);
    status = ph_sampler_init(&sampler, target, &search, log, error);
    if (!self.result) {
        status = PH_E_MEMORY;
    }
    if (status == PH_OK) {
        status = run(&self, target->d);
    }
    if (status == PH_OK) {
        *result = self.result;
        self.result = NULL;
    } else {
        ph_error_set(error, status, "the posterior could not be sampled: %s",
                     ph_status_text(status));
    }
    ph_svgd_result_free(self.result);
    hmc_clear(&self);
    ph_sampler_clear(&sampler);
    return status;
}
