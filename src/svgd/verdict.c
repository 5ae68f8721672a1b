/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything the verdict rests on is estimated from the corrected sample, never from
 * the particles' own residuals: those are blind to wrong tails. Errors count three
 * times (a summary is within three standard errors in all but one of some hundred
 * cases).
 */
#include "verdict.h"

#include <math.h>
#include <stdio.h>

#include "sentences.h"

#define SHIFT_LIMIT 1.0 /* particles against summaries, in sd or log sd */

static void check_weights(ph_sentences *self, const ph_sample *sample,
                          const ph_svgd_settings *settings)
{
    double drawn = (double)sample->n, limit = ph_pareto_limit(sample->n);
    if (sample->ess < settings->ess) {
        ph_say(self, 1, "the effective sample size is %.0f and %.0f was asked for",
               sample->ess, settings->ess);
    }
    if (sample->pareto_k >= limit && sample->ess <= 0.9 * drawn) {
        ph_say(self, 1,
               "the importance weights have a heavy tail (Pareto k %.2f, the limit is "
               "%.2f), so the posterior reaches further than the proposals",
               sample->pareto_k, limit);
    }
    if (sample->largest >= PH_WEIGHT_LIMIT) {
        ph_say(self, 1, "one draw carries %.0f times the average weight",
               sample->largest);
    }
}

/* " of NAME" of a derived quantity, "" of a coordinate; text[64]. */
static const char *of_derived(const ph_target *target, size_t column, char *text)
{
    text[0] = 0;
    if (column >= target->d && target->name) {
        snprintf(text, 64, " of %s", target->name(target->context, column));
    }
    return text;
}

static void check_errors(ph_sentences *self, const ph_sample *sample,
                         const ph_sampler *sampler)
{
    const ph_svgd_settings *settings = sampler->settings;
    const ph_calibration *c = &sample->calibration;
    char of[64];
    if (!(3 * c->error_mean <= settings->tolerance_mean)) {
        ph_say(self, 1,
               "a mean%s is known to %.2g of a standard deviation only (three Monte "
               "Carlo errors), and %.2g was asked for",
               of_derived(sampler->target, c->column_mean, of), 3 * c->error_mean,
               settings->tolerance_mean);
    }
    if (!(3 * c->error_sd <= settings->tolerance_sd)) {
        ph_say(self, 1,
               "a standard deviation%s is known to %.2g of itself only (three Monte "
               "Carlo errors), and %.2g was asked for",
               of_derived(sampler->target, c->column_sd, of), 3 * c->error_sd,
               settings->tolerance_sd);
    }
    if (sample->moment_k >= PH_MOMENT_LIMIT) {
        ph_say(self, 1,
               "the posterior's tails%s are so heavy that its standard deviation "
               "cannot be "
               "estimated (Pareto k %.2f of the squared deviations)",
               of_derived(sampler->target, sample->moment_column, of),
               sample->moment_k);
    }
    if (c->stein > PH_STEIN_LIMIT) {
        ph_say(
            self, 1,
            "a Stein identity is violated by %.1f Monte Carlo errors, so some of the "
            "posterior is missing from the sample",
            c->stein);
    }
    if (c->shift > 3) {
        ph_say(self, 0, "calibration moved a mean by %.1f Monte Carlo errors",
               c->shift);
    }
}

static void check_chains(ph_sentences *self, const ph_sample *sample,
                         const ph_svgd_result *result)
{
    size_t changes = result->diagnostics.mode_changes;
    if (result->n_modes > 1 && changes < PH_CROSSINGS) {
        ph_say(self, 1,
               "the posterior has %zu modes and the chains moved between them %zu "
               "times, too few to weigh them",
               result->n_modes, changes);
    }
    if (!(sample->rhat < PH_RHAT_LIMIT)) {
        ph_say(self, 1, "the chains disagree (split R-hat %.3f, the limit is %.2f)",
               sample->rhat, PH_RHAT_LIMIT);
    }
}

static void check_shift(ph_sentences *self, const ph_svgd_diagnostics *d)
{
    if (d->shift_mean > SHIFT_LIMIT || d->shift_sd > SHIFT_LIMIT) {
        ph_say(self, 1,
               "the particles and the weighted sample disagree (means by %.2f standard "
               "deviations, standard deviations by a factor of %.2f)",
               d->shift_mean, exp(d->shift_sd));
    }
}

void ph_verdict_modes(ph_sentences *self, const ph_svgd_result *result)
{
    if (result->diagnostics.modes_missed) {
        ph_say(self, 1,
               "the sample came upon a mode that the search had not found, so there "
               "may be more");
    }
    if (result->diagnostics.modes_open) {
        ph_say(
            self, 1,
            "the posterior has %zu modes or more: the search still met new ones when "
            "it ended",
            result->n_modes);
    }
}

/* Weak directions, and the sentences into the result. */
static void conclude(ph_sentences *self, ph_svgd_result *result)
{
    for (size_t m = 0; m < result->n_modes; m++) {
        if (result->mode[m].weak) {
            ph_say(
                self, 0,
                "the data say little about one direction of the parameters at mode %zu",
                m + 1);
        }
    }
    result->converged =
        ph_sentences_close(self, result->reasons, sizeof result->reasons);
}

void ph_verdict(ph_svgd_result *result, const ph_sample *sample,
                const ph_sampler *sampler)
{
    ph_sentences self = {{0}, 0};
    check_weights(&self, sample, sampler->settings);
    check_errors(&self, sample, sampler);
    ph_verdict_modes(&self, result);
    if (result->diagnostics.used_chains) {
        check_chains(&self, sample, result);
    }
    check_shift(&self, &result->diagnostics);
    if (self.faults == 0) {
        ph_say(
            &self, 0,
            "the effective sample size is %.0f; means are known to %.2g of a standard "
            "deviation and standard deviations to %.2g of themselves (three Monte "
            "Carlo "
            "errors)",
            sample->ess, 3 * sample->calibration.error_mean,
            3 * sample->calibration.error_sd);
    }
    conclude(&self, result);
}

/* How far the particles are from the corrected sample. */
static void check_particles(ph_sentences *self, const ph_svgd_diagnostics *d,
                            const ph_svgd_settings *settings)
{
    if (!(d->error_mean <= settings->tolerance_mean)) {
        ph_say(
            self, 1,
            "a mean of the particles is off by up to %.2g of a standard deviation, and "
            "%.2g was asked for",
            d->error_mean, settings->tolerance_mean);
    }
    if (!(d->error_sd <= settings->tolerance_sd)) {
        ph_say(
            self, 1,
            "a standard deviation of the particles is off by up to %.2g of itself, and "
            "%.2g was asked for",
            d->error_sd, settings->tolerance_sd);
    }
}

void ph_verdict_raw(ph_svgd_result *result, const ph_sample *importance,
                    const ph_sampler *sampler)
{
    const ph_svgd_settings *settings = sampler->settings;
    const ph_svgd_diagnostics *d = &result->diagnostics;
    ph_sentences self = {{0}, 0};
    if (result->d > PH_IMPORTANCE_DIMENSIONS) {
        ph_say(&self, 1,
               "particles alone are not checked in more than %d dimensions; the "
               "correction "
               "is",
               PH_IMPORTANCE_DIMENSIONS);
    } else {
        check_weights(&self, importance, settings);
        check_errors(&self, importance, sampler);
        check_particles(&self, d, settings);
        ph_verdict_modes(&self, result);
    }
    if (self.faults == 0) {
        ph_say(&self, 0,
               "against importance sampling, means of the particles are off by at most "
               "%.2g of a standard deviation and standard deviations by %.2g of "
               "themselves",
               d->error_mean, d->error_sd);
    }
    conclude(&self, result);
}
