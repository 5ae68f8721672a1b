/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sampler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"

int ph_sampler_init(ph_sampler *self, const ph_target *target,
                    const ph_svgd_settings *settings, const ph_log *log,
                    ph_error *error)
{
    size_t d = target->d;
    memset(self, 0, sizeof *self);
    self->target = target;
    self->settings = settings;
    self->log = log;
    self->error = error;
    self->d = d;
    self->center = ph_alloc(d, sizeof *self->center);
    self->basis = ph_alloc(d * d, sizeof *self->basis);
    return self->center && self->basis ? PH_OK : PH_E_MEMORY;
}

void ph_sampler_clear(ph_sampler *self)
{
    free(self->center);
    free(self->basis);
    free(self->buffer);
    memset(self, 0, sizeof *self);
}

/* log |det a| from the factor of a a'. */
static int log_abs_det(size_t d, const double *a, double *value)
{
    double *square = ph_alloc(d * d, sizeof *square);
    if (!square) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j < d; j++) {
            square[i * d + j] = ph_dot(d, a + i * d, a + j * d);
        }
    }
    int status = ph_cholesky(d, square, square);
    if (status == PH_OK) {
        *value = 0.5 * ph_cholesky_log_det(d, square);
    }
    free(square);
    return status;
}

int ph_sampler_frame(ph_sampler *self, const double *center, const double *basis)
{
    memcpy(self->center, center, self->d * sizeof *center);
    memcpy(self->basis, basis, self->d * self->d * sizeof *basis);
    return log_abs_det(self->d, basis, &self->log_det);
}

void ph_sampler_to_z(const ph_sampler *self, size_t n, const double *y, double *z)
{
    size_t d = self->d;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < d; k++) {
            z[i * d + k] = self->center[k] + ph_dot(d, self->basis + k * d, y + i * d);
        }
    }
}

void ph_sampler_from_z(const ph_sampler *self, size_t n, const double *z, double *y)
{
    size_t d = self->d;
    const double *b = self->basis;
    for (size_t i = 0; i < n; i++) {
        double *out = y + i * d;
        for (size_t k = d; k-- > 0;) {
            double sum = z[i * d + k] - self->center[k];
            for (size_t l = k + 1; l < d; l++) {
                sum -= b[k * d + l] * out[l];
            }
            out[k] = sum / b[k * d + k];
        }
    }
}

void ph_sampler_map_scores(const ph_sampler *self, size_t n, double *score, double *row)
{
    size_t d = self->d;
    for (size_t i = 0; i < n; i++) {
        double *s = score + i * d;
        memset(row, 0, d * sizeof *row);
        for (size_t k = 0; k < d; k++) {
            for (size_t l = 0; l < d; l++) {
                row[l] += self->basis[k * d + l] * s[k];
            }
        }
        memcpy(s, row, d * sizeof *row);
    }
}

/* A point as text for an error message: at most four coordinates. */
static void point_text(size_t d, const double *z, char *text, size_t size)
{
    size_t used = 0;
    for (size_t k = 0; k < d && k < 4 && used < size; k++) {
        char number[32];
        int wrote = snprintf(text + used, size - used, "%s%s", k ? ", " : "",
                             ph_double_text(z[k], number));
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    if (d > 4 && used < size) {
        snprintf(text + used, size - used, ", ...");
    }
}

static int check_values(const ph_sampler *self, size_t n, const double *z,
                        const double *log_p, double *score)
{
    size_t d = self->d;
    for (size_t i = 0; i < n; i++) {
        int bad_value = isnan(log_p[i]) || log_p[i] == INFINITY, bad_score = 0;
        for (size_t k = 0; score && k < d; k++) {
            bad_score |= !isfinite(score[i * d + k]);
        }
        if (score && log_p[i] == -INFINITY) {
            memset(score + i * d, 0, d * sizeof *score);
            bad_score = 0;
        }
        if (bad_value || bad_score) {
            char text[160] = "";
            point_text(d, z + i * d, text, sizeof text);
            return ph_error_set(
                self->error, PH_E_NUMERIC,
                "the target's %s at the unconstrained point (%s) is not "
                "a finite number",
                bad_value ? "log density" : "score", text);
        }
    }
    return PH_OK;
}

int ph_sampler_eval(ph_sampler *self, size_t n, const double *y, double *log_p,
                    double *score)
{
    size_t d = self->d;
    if (n == 0) {
        return PH_OK;
    }
    int status = ph_grow(&self->buffer, &self->capacity, (n + 1) * d, sizeof(double));
    if (status < 0) {
        return status;
    }
    double *z = self->buffer;
    ph_sampler_to_z(self, n, y, z);
    status = self->target->eval(self->target->context, n, z, log_p, score);
    if (status < 0) {
        return ph_error_set(self->error, status,
                            status == PH_E_INTERRUPTED
                                ? "stopped during an evaluation"
                                : "the log density of the posterior could not be "
                                  "evaluated");
    }
    self->value_evaluations += score ? 0 : n;
    self->score_evaluations += score ? n : 0;
    status = check_values(self, n, z, log_p, score);
    if (status == PH_OK && score) {
        ph_sampler_map_scores(self, n, score, z + n * d);
    }
    return status;
}

int ph_sampler_progress(ph_sampler *self, const char *what, double fraction,
                        const char *remark)
{
    if (ph_log_progress(self->log, what, fraction, "%s", remark)) {
        return ph_error_set(self->error, PH_E_INTERRUPTED, "stopped during the %s",
                            what);
    }
    return PH_OK;
}
