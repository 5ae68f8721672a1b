/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where particles are put, and which mode each belongs to. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ensemble.h"
#include "kernel.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"

enum { PULLS = 30 };

int ph_ensemble_pull_inside(ph_ensemble *self, ph_sampler *sampler)
{
    size_t d = self->d, n = self->n;
    int status = ph_sampler_eval(sampler, n, self->y, self->log_p, self->score);
    for (int pull = 0; pull <= PULLS && status == PH_OK; pull++) {
        int outside = 0;
        for (size_t i = 0; i < n; i++) {
            const double *mode = self->mode + self->cluster[i] * d;
            if (self->log_p[i] == -INFINITY) {
                outside = 1;
                for (size_t k = 0; k < d; k++) {
                    double *y = &self->y[i * d + k];
                    *y = pull == PULLS ? mode[k] : 0.5 * (*y + mode[k]);
                }
            }
        }
        if (!outside) {
            break;
        }
        status = ph_sampler_eval(sampler, n, self->y, self->log_p, self->score);
    }
    memcpy(self->last_y, self->y, n * d * sizeof(double));
    memcpy(self->last_score, self->score, n * d * sizeof(double));
    return status;
}

/* The mode whose Laplace law has y nearest: (y - mode)' H (y - mode). */
size_t ph_ensemble_nearest(const ph_ensemble *self, const double *y)
{
    size_t d = self->d, best = 0;
    double least = INFINITY;
    for (size_t m = 0; m < self->clusters; m++) {
        const double *l = self->reference_factor + m * d * d,
                     *mode = self->mode + m * d;
        double sum = 0; /* |L'(y - mode)|^2 */
        for (size_t k = 0; k < d; k++) {
            double row = 0;
            for (size_t i = k; i < d; i++) {
                row += l[i * d + k] * (y[i] - mode[i]);
            }
            sum += row * row;
        }
        if (sum < least) {
            least = sum;
            best = m;
        }
    }
    return best;
}

/* Row i of to[n][width] becomes row order[i] of from. */
static void permute(size_t n, size_t width, const size_t *order, const double *from,
                    double *to)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(to + i * width, from + order[i] * width, width * sizeof *to);
    }
}

int ph_ensemble_regroup(ph_ensemble *self)
{
    size_t n = self->n, d = self->d, at = 0;
    size_t *mode = ph_alloc(n, sizeof *mode), *order = ph_alloc(n, sizeof *order);
    double *work = ph_alloc(n * d, sizeof *work);
    int status = mode && order && work ? PH_OK : PH_E_MEMORY;
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        mode[i] = ph_ensemble_nearest(self, self->y + i * d);
    }
    for (size_t m = 0; m < self->clusters && status == PH_OK; m++) {
        for (size_t i = 0; i < n; i++) {
            if (mode[i] == m) {
                self->cluster[at] = m;
                order[at++] = i;
            }
        }
    }
    double *array[] = {self->y, self->score, self->last_y, self->last_score};
    for (size_t a = 0; a < sizeof array / sizeof *array && status == PH_OK; a++) {
        permute(n, d, order, array[a], work);
        memcpy(array[a], work, n * d * sizeof *work);
    }
    if (status == PH_OK) {
        permute(n, 1, order, self->log_p, work);
        memcpy(self->log_p, work, n * sizeof *work);
    }
    free(mode);
    free(order);
    free(work);
    return status;
}

/* The points of the settings must all have a density. */
static int check_inside(const ph_ensemble *self, ph_sampler *sampler)
{
    for (size_t i = 0; i < self->n; i++) {
        if (self->log_p[i] == -INFINITY) {
            return ph_error_set(sampler->error, PH_E_DATA,
                                "initial particle %zu has no posterior density", i + 1);
        }
    }
    return PH_OK;
}

int ph_ensemble_place(ph_ensemble *self, ph_sampler *sampler)
{
    const ph_svgd_settings *settings = sampler->settings;
    const ph_target *target = sampler->target;
    size_t n = self->n, d = self->d;
    int prior = settings->initial == PH_INITIAL_PRIOR, status = PH_OK;
    if (settings->initial == PH_INITIAL_LAPLACE) {
        return PH_OK;
    }
    if (!prior) {
        memcpy(self->y, settings->points, n * d * sizeof(double));
    }
    for (size_t i = 0; prior && i < n && status == PH_OK; i++) {
        status = target->start(target->context, settings->seed, (uint32_t)(2 * i + 3),
                               self->y + i * d);
    }
    ph_sampler_from_z(sampler, n, self->y, self->y);
    if (status == PH_OK) {
        status = ph_sampler_eval(sampler, n, self->y, self->log_p, self->score);
    }
    if (status == PH_OK && !prior) {
        status = check_inside(self, sampler);
    }
    if (status == PH_OK) {
        status = ph_ensemble_regroup(self);
    }
    return status == PH_OK ? ph_ensemble_pull_inside(self, sampler) : status;
}

/* The kernel Stein discrepancy in the modes' frame, wherever the particles are. */
static int discrepancy(const ph_ensemble *self, double *ksd)
{
    size_t n = self->n, d = self->d;
    if (!self->home) {
        return ph_kernel_ksd(self, ksd);
    }
    ph_ensemble there = *self;
    double *row = ph_alloc(d, sizeof *row);
    there.y = ph_alloc(n * d, sizeof *there.y);
    there.score = ph_alloc(n * d, sizeof *there.score);
    int status = row && there.y && there.score ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK) {
        ph_sampler_from_z(self->home, n, self->y, there.y);
        memcpy(there.score, self->score, n * d * sizeof *there.score);
        ph_sampler_map_scores(self->home, n, there.score, row);
        status = ph_kernel_ksd(&there, ksd);
    }
    free(row);
    free(there.y);
    free(there.score);
    return status;
}

int ph_ensemble_record(ph_ensemble *self, const ph_sampler *sampler, double step,
                       double bandwidth)
{
    size_t n = self->n, d = self->d;
    const ph_observer *observer = sampler->settings->observer;
    int status = ph_grow(&self->history, &self->history_capacity,
                         PH_HISTORY_COLUMNS * (self->iterations + 1), sizeof(double));
    if (status < 0) {
        return status;
    }
    double mean = 0, *row = self->history + PH_HISTORY_COLUMNS * self->iterations;
    for (size_t i = 0; i < n; i++) {
        mean += self->log_p[i] / (double)n;
    }
    row[0] = mean;
    row[1] = self->r1;
    row[2] = self->r2;
    row[3] = step;
    status = discrepancy(self, &row[4]);
    if (status < 0) {
        return status;
    }
    size_t number = self->iterations++;
    if (!observer) {
        return PH_OK;
    }
    double *z = ph_alloc(n * d, sizeof *z);
    if (!z) {
        return PH_E_MEMORY;
    }
    ph_sampler_to_z(sampler, n, self->y, z);
    ph_iteration iteration = {number,   n,        d,    z,      mean,
                              self->r1, self->r2, step, row[4], bandwidth};
    status = observer->see(observer->context, &iteration);
    free(z);
    return status;
}
