/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The four stages in order, and the result put together. docs/inference.md explains. */
#include "phasic/svgd/svgd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chains.h"
#include "direction.h"
#include "ensemble.h"
#include "importance.h"
#include "kernel.h"
#include "linalg.h"
#include "modes.h"
#include "phasic/base/clock.h"
#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/base/status.h"
#include "phasic/svgd/hmc.h"
#include "verdict.h"

#define STRANGE_WEIGHT 5   /* times the average */
#define STRANGE_LOG_P  0.1 /* above the best mode */
#define DRAWS_MORE     10  /* times as many as are asked for, before giving up */
enum { SUSPECTS = 8, ATTEMPTS = 3 };

void ph_svgd_defaults(ph_svgd_settings *self)
{
    memset(self, 0, sizeof *self);
    self->particles = 200;
    self->starts = 16;
    self->max_iterations = 60;
    self->tolerance_mean = 0.05;
    self->tolerance_sd = 0.05;
    self->ess = 2000;
    self->max_batches = 40;
    self->classical.optimiser = PH_OPTIMISER_ADAM;
    self->classical.learning_rate = 0.01;
    self->classical.schedule_time = 100;
    self->classical.schedule_last = 0.001;
    self->classical.iterations = 1000;
}

static int is_classical(const ph_svgd_settings *settings)
{
    return settings->algorithm == PH_SVGD_PLAIN ||
           settings->algorithm == PH_SVGD_MATRIX;
}

/* Are the particles the result as they are? */
static int is_raw(const ph_svgd_settings *settings)
{
    return settings->algorithm != PH_SVGD_DEFAULT && !settings->correct;
}

/* Settings of the classical algorithms; those of PH_BANDWIDTH_PER_DIMENSION hold the
 * metric already. */
static int check_classical(const ph_svgd_settings *settings, ph_error *error)
{
    const ph_classical *c = &settings->classical;
    if (!(c->learning_rate > 0) || c->iterations == 0 || !(c->schedule_time > 0) ||
        !(c->schedule_last >= 0) || !(c->penalty_weight >= 0) ||
        (c->bandwidth == PH_BANDWIDTH_NUMBER && !(c->length > 0))) {
        return ph_error_set(error, PH_E_USAGE,
                            "learning rate, bandwidth, iterations and times must be "
                            "positive");
    }
    if (c->bandwidth == PH_BANDWIDTH_PER_DIMENSION && c->metric != PH_METRIC_IDENTITY) {
        return ph_error_set(error, PH_E_USAGE,
                            "a bandwidth for each dimension needs the metric identity");
    }
    return PH_OK;
}

static int check_settings(const ph_target *target, const ph_svgd_settings *settings,
                          ph_error *error)
{
    if (target->d == 0 || !target->eval || !target->start) {
        return ph_error_set(error, PH_E_INTERNAL,
                            "a target needs at least one dimension and both callbacks");
    }
    if (settings->particles == 0 || settings->particles % 8 != 0 ||
        settings->particles < 2 * (target->d + 1)) {
        return ph_error_set(
            error, PH_E_USAGE,
            "the number of particles is %zu; a multiple of 8 that is at "
            "least twice the number of parameters plus one (%zu) is "
            "needed",
            settings->particles, 2 * (target->d + 1));
    }
    if (settings->starts == 0 || settings->max_batches == 0 ||
        settings->particles > 1000000 || settings->starts > 1000000 ||
        settings->max_batches > 100000) {
        return ph_error_set(error, PH_E_USAGE,
                            "the numbers of starts and of batches must be at least 1, "
                            "and particles and starts at most a million");
    }
    if (!(settings->tolerance_mean > 0) || !(settings->tolerance_sd > 0) ||
        !(settings->ess > 0) || !isfinite(settings->ess)) {
        return ph_error_set(
            error, PH_E_USAGE,
            "tolerances and the effective sample size must be positive");
    }
    return is_classical(settings) ? check_classical(settings, error) : PH_OK;
}

void ph_svgd_result_free(ph_svgd_result *self)
{
    if (!self) {
        return;
    }
    free(self->particle);
    free(self->z);
    free(self->log_p);
    free(self->weight);
    free(self->raw_weight);
    free(self->draw);
    free(self->draw_log_p);
    free(self->history);
    if (self->residuals) {
        ph_residuals_clear(self->residuals);
        free(self->residuals);
    }
    ph_hmc_report_free(self->hmc);
    ph_modes_free(self->mode, self->n_modes);
    free(self);
}

int ph_svgd_result_error(const ph_svgd_result *self, const double *f, double mean,
                         double sd, double *error)
{
    const ph_residuals *residuals = self->residuals;
    if (!residuals || !(sd > 0)) {
        *error = sd > 0 ? sd / sqrt(self->diagnostics.ess) : 0;
        return PH_OK;
    }
    double *u = ph_alloc(self->n, sizeof *u);
    double *beta = ph_alloc(residuals->q, sizeof *beta);
    int status = u && beta ? PH_OK : PH_E_MEMORY;
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        u[i] = (f[i] - mean) / sd;
    }
    if (status == PH_OK) {
        *error = sd * ph_residuals_error(residuals, u, beta);
    }
    free(u);
    free(beta);
    return status;
}

/* Mass of every cluster in the weighted sample, by the label of the component drawn. */
static void cluster_masses(const ph_sample *sample, size_t clusters, double *mass)
{
    memset(mass, 0, clusters * sizeof *mass);
    for (size_t i = 0; i < sample->n; i++) {
        mass[sample->label[i]] += sample->weight[i];
    }
}

/* Rows of `columns` numbers with weights, or all alike where that is NULL. */
typedef struct rows {
    size_t n;
    const double *x, *weight;
} rows;

/* Adds to the worst difference of means in sd, and of log sd, of two samples. */
static int add_shifts(ph_svgd_diagnostics *out, size_t columns, rows a, rows b)
{
    size_t square = columns * columns;
    double *mean = ph_alloc(2 * columns, sizeof *mean);
    double *c = ph_alloc(2 * square, sizeof *c);
    int status = mean && c ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK) {
        ph_moments(a.n, columns, a.x, a.weight, mean, c);
        ph_moments(b.n, columns, b.x, b.weight, mean + columns, c + square);
    }
    for (size_t k = 0; k < columns && status == PH_OK; k++) {
        double sd = sqrt(fmax(c[k * (columns + 1)], 0));
        double true_sd = sqrt(fmax(c[square + k * (columns + 1)], 0));
        if (sd != true_sd) {
            out->shift_mean =
                fmax(out->shift_mean, fabs(mean[k] - mean[columns + k]) / true_sd);
            out->shift_sd = fmax(out->shift_sd, fabs(log(sd / true_sd)));
        }
    }
    free(mean);
    free(c);
    return status;
}

/* Particles, each mode's weighted by its mass, against the weighted sample. */
static int compare(ph_svgd_result *result, const ph_ensemble *e,
                   const ph_sample *sample, const double *mass)
{
    size_t n = e->n;
    double *weight = ph_alloc(n, sizeof *weight);
    if (!weight) {
        return PH_E_MEMORY;
    }
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && e->cluster[to] == e->cluster[from]; to++) {
        }
        for (size_t i = from; i < to; i++) {
            weight[i] = mass[e->cluster[from]] / (double)(to - from);
        }
    }
    int status =
        add_shifts(&result->diagnostics, e->d, (rows){n, result->particle, weight},
                   (rows){sample->n, sample->z, sample->calibrated});
    free(weight);
    return status;
}

/* Particles as they are, also on the scale that is reported, and derived quantities. */
static int compare_raw(ph_svgd_result *result, const ph_sampler *sampler,
                       const ph_sample *sample)
{
    const ph_target *target = sampler->target;
    size_t n = result->particles, columns = sample->n_natural;
    int status =
        add_shifts(&result->diagnostics, result->d, (rows){n, result->particle, NULL},
                   (rows){sample->n, sample->z, sample->calibrated});
    if (status < 0 || !target->natural) {
        return status;
    }
    double *value = ph_alloc(n * columns, sizeof *value);
    status = value ? target->natural(target->context, n, result->particle, value)
                   : PH_E_MEMORY;
    if (status == PH_OK) {
        status = add_shifts(&result->diagnostics, columns, (rows){n, value, NULL},
                            (rows){sample->n, sample->natural, sample->calibrated});
    }
    free(value);
    return status;
}

/*
 * Equal-weight draws: systematic resampling of the calibrated weights, clipped at zero,
 * along the direction of largest variance; then put into random order, so that readers
 * who compute autocorrelations find none.
 */
static int resample(ph_svgd_result *result, const ph_sample *sample, uint64_t seed)
{
    size_t n = sample->n, d = sample->d, draws = result->draws;
    ph_ranked *order = ph_alloc(n, sizeof *order);
    size_t *chosen = ph_alloc(draws, sizeof *chosen);
    double total = 0, upto = 0;
    int status = order && chosen
                     ? ph_order_along(n, d, sample->y, sample->weight, order)
                     : PH_E_MEMORY;
    if (status < 0) {
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        total += fmax(sample->calibrated[i], 0);
    }
    ph_rng stream;
    ph_rng_init(&stream, seed, PH_RNG_RESAMPLE, 0, 0);
    double offset = ph_rng_uniform(&stream);
    size_t at = 0, last = 0;
    for (size_t i = 0; i < n && at < draws; i++) {
        double w = fmax(sample->calibrated[order[i].index], 0);
        upto += w / total * (double)draws;
        last = w > 0 ? order[i].index : last;
        while (at < draws && (double)at + offset < upto) {
            chosen[at++] = order[i].index;
        }
    }
    while (at < draws) { /* rounding at the end of the sum */
        chosen[at++] = last;
    }
    for (size_t i = draws; i-- > 1;) {
        size_t j = (size_t)(ph_rng_uniform(&stream) * (double)(i + 1));
        size_t swap = chosen[i];
        chosen[i] = chosen[j];
        chosen[j] = swap;
    }
    for (size_t i = 0; i < draws; i++) {
        memcpy(result->draw + i * d, sample->z + chosen[i] * d, d * sizeof(double));
        result->draw_log_p[i] = sample->log_p[chosen[i]];
    }
out:
    free(order);
    free(chosen);
    return status;
}

static int allocate(ph_svgd_result *result, const ph_ensemble *e,
                    const ph_sample *sample, const ph_svgd_settings *settings)
{
    size_t d = e->d, n = sample->n;
    result->d = d;
    result->particles = e->n;
    result->n = n;
    result->draws = settings->draws ? settings->draws : settings->particles;
    result->particle = ph_alloc(e->n * d, sizeof(double));
    result->z = ph_alloc(n * d, sizeof(double));
    result->log_p = ph_alloc(n, sizeof(double));
    result->weight = ph_alloc(n, sizeof(double));
    result->raw_weight = ph_alloc(n, sizeof(double));
    result->draw = ph_alloc(result->draws * d, sizeof(double));
    result->draw_log_p = ph_alloc(result->draws, sizeof(double));
    result->history = ph_alloc(PH_HISTORY_COLUMNS * e->iterations, sizeof(double));
    return result->particle && result->z && result->log_p && result->weight &&
                   result->raw_weight && result->draw && result->draw_log_p &&
                   result->history
               ? PH_OK
               : PH_E_MEMORY;
}

static void fill_diagnostics(ph_svgd_diagnostics *out, const ph_ensemble *e,
                             const ph_sample *importance, const ph_sample *sample)
{
    out->iterations = e->iterations;
    out->r1 = e->r1;
    out->r2 = e->r2;
    out->ess = sample->ess;
    out->ess_fraction = importance->ess / (double)importance->n;
    out->pareto_k = importance->pareto_k;
    out->largest_weight = importance->largest;
    out->log_evidence = importance->log_evidence;
    out->log_evidence_error = importance->log_evidence_error;
    out->calibration_shift = sample->calibration.shift;
    out->error_mean = sample->calibration.error_mean;
    out->error_sd = sample->calibration.error_sd;
    if (sample->rhat > 0) {
        out->used_chains = 1;
        out->rhat = sample->rhat;
        out->chain_ess = sample->ess;
        out->mode_changes = ph_chains_crossings(sample, e);
    }
}

/* The particles as a sample of equal weights. */
static int raw_sample(ph_sample *out, const ph_sampler *sampler, const ph_ensemble *e)
{
    size_t n = e->n, d = e->d;
    out->d = d;
    out->n_columns = 1;
    int status = ph_sample_reserve(out, n);
    if (status < 0) {
        return status;
    }
    out->n = n;
    out->ess = (double)n;
    out->inefficiency = 1;
    memcpy(out->y, e->y, n * d * sizeof(double));
    memcpy(out->log_p, e->log_p, n * sizeof(double));
    ph_sampler_to_z(sampler, n, e->y, out->z);
    for (size_t i = 0; i < n; i++) {
        out->weight[i] = out->calibrated[i] = 1 / (double)n;
    }
    return PH_OK;
}

/*
 * What is handed out: `sample` itself, or the particles where they are the result. What
 * the errors are made of changes hands.
 */
static int hand_out(ph_svgd_result *result, const ph_sampler *sampler,
                    const ph_ensemble *e, ph_sample *sample)
{
    size_t d = e->d, n = sample->n;
    int status = allocate(result, e, sample, sampler->settings);
    if (status < 0) {
        return status;
    }
    ph_sampler_to_z(sampler, e->n, e->y, result->particle);
    memcpy(result->z, sample->z, n * d * sizeof(double));
    memcpy(result->log_p, sample->log_p, n * sizeof(double));
    memcpy(result->weight, sample->calibrated, n * sizeof(double));
    memcpy(result->raw_weight, sample->weight, n * sizeof(double));
    memcpy(result->history, e->history,
           PH_HISTORY_COLUMNS * e->iterations * sizeof(double));
    if (sample->residuals.n == n) {
        result->residuals = ph_alloc(1, sizeof *result->residuals);
        if (!result->residuals) {
            return PH_E_MEMORY;
        }
        *result->residuals = sample->residuals;
        sample->residuals = (ph_residuals){0};
    }
    return resample(result, sample, sampler->settings->seed);
}

/* The verdict on particles: they must agree with the corrected sample. */
static int judge_raw(ph_svgd_result *result, const ph_sample *importance,
                     const ph_sampler *sampler)
{
    ph_svgd_diagnostics *d = &result->diagnostics;
    d->raw = 1;
    d->ess = (double)result->particles;
    d->calibration_shift = 0;
    if (result->d > PH_IMPORTANCE_DIMENSIONS) { /* its weights are no reference */
        d->error_mean = d->error_sd = d->shift_mean = d->shift_sd = INFINITY;
    } else {
        int status = compare_raw(result, sampler, importance);
        if (status < 0) {
            return status;
        }
        d->error_mean += d->shift_mean;
        d->error_sd += d->shift_sd;
    }
    ph_verdict_raw(result, importance, sampler);
    return PH_OK;
}

/* Everything but the modes. `sample` is the corrected one. */
static int finish(ph_svgd_result *result, const ph_sampler *sampler,
                  const ph_ensemble *e, const ph_sample *importance, ph_sample *sample)
{
    const ph_svgd_settings *settings = sampler->settings;
    int raw = is_raw(settings);
    ph_sample particles = {0};
    double *mass = ph_alloc(e->clusters, sizeof *mass);
    int status = mass ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK && raw) {
        status = raw_sample(&particles, sampler, e);
    }
    if (status == PH_OK) {
        status = hand_out(result, sampler, e, raw ? &particles : sample);
    }
    if (status < 0) {
        goto out;
    }
    fill_diagnostics(&result->diagnostics, e, importance, sample);
    status = ph_kernel_ksd(e, &result->diagnostics.ksd);
    if (status < 0) {
        goto out;
    }
    cluster_masses(importance, e->clusters, mass);
    for (size_t m = 0; m < e->clusters; m++) {
        result->mode[m].weight = mass[m];
    }
    if (raw) {
        status = judge_raw(result, importance, sampler);
    } else {
        status = compare(result, e, sample, mass);
        ph_verdict(result, sample, sampler);
    }
out:
    ph_sample_clear(&particles);
    free(mass);
    return status;
}

static int needs_chains(const ph_sample *sample, const ph_svgd_settings *settings)
{
    return !ph_sample_good(sample, settings) &&
           (sample->pareto_k >= ph_pareto_limit(sample->n) ||
            sample->ess < 0.1 * (double)sample->n);
}

/* Stage 3: importance sampling, and chains where its weights cannot be trusted. */
static int correct(ph_sampler *sampler, const ph_ensemble *e, ph_sample *importance,
                   ph_sample *chains)
{
    ph_importance proposal;
    int few = e->d <= PH_IMPORTANCE_DIMENSIONS;
    int status = ph_importance_init(&proposal, sampler, e);
    if (status == PH_OK) {
        status = few ? ph_importance_run(&proposal, importance, sampler)
                     : ph_importance_probe(&proposal, importance, sampler);
    }
    if (status == PH_OK && !is_raw(sampler->settings) &&
        (!few || needs_chains(importance, sampler->settings))) {
        status = ph_chains_run(chains, sampler, e);
        if (status == PH_OK) {
            status =
                ph_importance_bridge(&proposal, importance, chains, sampler->log_det);
        }
    }
    ph_importance_clear(&proposal);
    return status;
}

/* Which parameters a flat direction holds, as a warning. */
static void name_weak(const ph_sampler *sampler, const ph_mode *modes, size_t n_modes)
{
    for (size_t m = 0; m < n_modes; m++) {
        char list[200];
        if (modes[m].weak) {
            ph_log_write(sampler->log, PH_LOG_WARNING,
                         "the posterior is nearly flat along a direction at mode %zu: "
                         "%s",
                         m + 1,
                         ph_direction_text(sampler->target, modes[m].direction, list,
                                           sizeof list));
        }
    }
}

/*
 * Draws that carry far more than their share of the weight, or are denser than the best
 * mode, may stand where a mode was missed: at most SUSPECTS of them into y, the
 * heaviest first.
 */
static size_t suspects(const ph_sample *sample, double best, double *y)
{
    size_t n = 0, d = sample->d;
    double below = INFINITY;
    while (n < SUSPECTS) {
        size_t heaviest = sample->n;
        for (size_t i = 0; i < sample->n; i++) {
            double w = sample->weight[i];
            int strange = w * (double)sample->n > STRANGE_WEIGHT ||
                          sample->log_p[i] > best + STRANGE_LOG_P;
            if (strange && w < below &&
                (heaviest == sample->n || w > sample->weight[heaviest])) {
                heaviest = i;
            }
        }
        if (heaviest == sample->n) {
            break;
        }
        below = sample->weight[heaviest];
        memcpy(y + n++ * d, sample->y + heaviest * d, d * sizeof *y);
    }
    return n;
}

/* Modes that the importance draws lead to and the search has not found, into hints. */
static int find_missed(const ph_svgd_result *result, ph_sampler *sampler,
                       const ph_sample *importance, double *hints, size_t *n_hints)
{
    double *y = ph_alloc(SUSPECTS * sampler->d, sizeof *y);
    size_t n = y ? suspects(importance, result->mode[0].log_p, y) : 0;
    int status = y ? PH_OK : PH_E_MEMORY;
    *n_hints = 0;
    if (n > 0) {
        status = ph_modes_follow(sampler, result->mode, result->n_modes, n, y, hints,
                                 n_hints);
    }
    free(y);
    return status;
}

/* Stages 1 to 3. */
static int sample_once(ph_svgd_result *result, ph_sampler *sampler, ph_ensemble *e,
                       ph_sample *importance, ph_sample *chains, size_t n_hints,
                       const double *hints)
{
    double *seconds = result->diagnostics.seconds, start = ph_clock_seconds(), now;
    int exhausted = 0, status = ph_modes_find(sampler, n_hints, hints, &result->mode,
                                              &result->n_modes, &exhausted);
    if (status < 0) {
        return status;
    }
    result->diagnostics.modes = result->n_modes;
    result->diagnostics.modes_open = !exhausted;
    name_weak(sampler, result->mode, result->n_modes);
    seconds[0] += (now = ph_clock_seconds()) - start;
    start = now;
    status = ph_ensemble_init(e, sampler, result->mode, result->n_modes);
    if (status == PH_OK) {
        status = ph_ensemble_place(e, sampler);
    }
    if (status == PH_OK) {
        status = is_classical(sampler->settings) ? ph_ensemble_classical(e, sampler)
                                                 : ph_ensemble_transport(e, sampler);
    }
    seconds[1] += (now = ph_clock_seconds()) - start;
    start = now;
    if (status == PH_OK) {
        status = correct(sampler, e, importance, chains);
    }
    seconds[2] += ph_clock_seconds() - start;
    return status;
}

static void begin_again(ph_svgd_result *result, ph_ensemble *e, ph_sample *importance,
                        ph_sample *chains)
{
    ph_modes_free(result->mode, result->n_modes);
    result->mode = NULL;
    result->n_modes = 0;
    ph_ensemble_clear(e);
    ph_sample_clear(importance);
    ph_sample_clear(chains);
}

/* All stages, again where the draws show that a mode was missed. */
static int run_stages(ph_svgd_result *result, ph_sampler *sampler, ph_ensemble *e,
                      ph_sample *importance, ph_sample *chains)
{
    size_t d = sampler->d, n_hints = 0, n_new = 0;
    double *hints = ph_alloc((ATTEMPTS + 1) * SUSPECTS * d, sizeof *hints);
    int status = hints ? PH_OK : PH_E_MEMORY;
    for (int attempt = 0; status == PH_OK; attempt++) {
        status = sample_once(result, sampler, e, importance, chains, n_hints, hints);
        if (status == PH_OK && d <= PH_IMPORTANCE_DIMENSIONS) {
            status =
                find_missed(result, sampler, importance, hints + n_hints * d, &n_new);
        }
        if (status < 0 || n_new == 0 || attempt == ATTEMPTS) {
            break;
        }
        n_hints += n_new;
        begin_again(result, e, importance, chains);
    }
    free(hints);
    result->diagnostics.modes_missed = n_new > 0;
    double start = ph_clock_seconds();
    if (status == PH_OK) {
        status =
            finish(result, sampler, e, importance, chains->n ? chains : importance);
    }
    result->diagnostics.seconds[3] = ph_clock_seconds() - start;
    result->diagnostics.value_evaluations = sampler->value_evaluations;
    result->diagnostics.score_evaluations = sampler->score_evaluations;
    return status;
}

/* Draws of equal weight repeat themselves unless the sample is worth as many. */
static ph_svgd_settings for_draws(const ph_svgd_settings *asked)
{
    ph_svgd_settings settings = *asked;
    double draws = is_raw(asked) ? 0 : (double)asked->draws;
    if (draws > settings.ess) {
        double batches = ceil(DRAWS_MORE * draws / (5 * (double)asked->particles));
        settings.ess = draws;
        settings.max_batches = (size_t)fmax(batches, (double)asked->max_batches);
    }
    return settings;
}

int ph_svgd_run(ph_svgd_result **result, const ph_target *target,
                const ph_svgd_settings *asked, const ph_log *log, ph_error *error)
{
    int status = check_settings(target, asked, error);
    if (status < 0) {
        return status;
    }
    ph_svgd_settings enough = for_draws(asked), *settings = &enough;
    ph_sampler sampler;
    ph_ensemble ensemble = {0};
    ph_sample importance = {0}, chains = {0};
    ph_svgd_result *self = ph_alloc(1, sizeof *self);
    status = ph_sampler_init(&sampler, target, settings, log, error);
    if (!self) {
        status = PH_E_MEMORY;
    }
    if (status == PH_OK) {
        status = run_stages(self, &sampler, &ensemble, &importance, &chains);
    }
    if (status == PH_OK) {
        *result = self;
        self = NULL;
    } else {
        ph_error_set(error, status, "the posterior could not be sampled: %s",
                     ph_status_text(status));
    }
    ph_svgd_result_free(self);
    ph_sample_clear(&importance);
    ph_sample_clear(&chains);
    ph_ensemble_clear(&ensemble);
    ph_sampler_clear(&sampler);
    return status;
}
