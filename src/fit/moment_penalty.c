/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moments and their gradients from the elimination trace, a block of particles at a
 * time; the chain rule to z is that of the posterior. */
#include "phasic/fit/moment_penalty.h"

#include <math.h>
#include <stdlib.h>

#include "phasic/base/memory.h"
#include "phasic/moment/moments.h"
#include "posterior_private.h"

struct ph_moment_penalty {
    const ph_posterior *posterior;
    size_t order, orders; /* asked for; of the moments object, at least 2 */
    double *mean, *scale; /* [order] */
    double *theta;        /* [p] */
    ph_moments *moments;
    ph_moments_value *value;
};

static int check_data(const ph_data *data, ph_error *error)
{
    int exact = data->n_parts == 1;
    for (size_t i = 0; i < data->n && exact; i++) {
        const ph_observation *it = &data->observation[i];
        exact = it->kind == PH_OBSERVED && it->entry == PH_NO_ENTRY;
    }
    if (!exact) {
        ph_error_file(error, data->file);
        return ph_error_set(error, PH_E_USAGE,
                            "sample moments need exact observations of one process: "
                            "nothing censored or truncated, no groups");
    }
    return PH_OK;
}

/* Means and standard deviations of the powers. */
static int sample_moments(ph_moment_penalty *self, const ph_data *data, ph_error *error)
{
    for (size_t k = 0; k < self->order; k++) {
        double mean = 0, square = 0, power = (double)(k + 1);
        for (size_t i = 0; i < data->n; i++) {
            const ph_observation *it = &data->observation[i];
            mean += it->weight / data->total_weight * pow(it->time, power);
        }
        for (size_t i = 0; i < data->n; i++) {
            const ph_observation *it = &data->observation[i];
            double off = pow(it->time, power) - mean;
            square += it->weight / data->total_weight * off * off;
        }
        self->mean[k] = mean;
        self->scale[k] = sqrt(square);
        if (!(square > 0) || !isfinite(square)) {
            ph_error_file(error, data->file);
            return ph_error_set(error, PH_E_USAGE,
                                "moment %zu of the data has no scale: the observations "
                                "are all equal, or too large",
                                k + 1);
        }
    }
    return PH_OK;
}

int ph_moment_penalty_new(ph_moment_penalty **self, const ph_posterior *posterior,
                          const ph_data *data, const ph_graph *graph,
                          const ph_trace *trace, const double *amount, size_t order,
                          ph_error *error)
{
    ph_moment_penalty *it = ph_alloc(1, sizeof *it);
    int status = it ? PH_OK : PH_E_MEMORY;
    if (status < 0) {
        return ph_error_set(error, status, "out of memory");
    }
    it->posterior = posterior;
    it->order = order;
    it->orders = order < 2 ? 2 : order;
    it->mean = ph_alloc(order, sizeof *it->mean);
    it->scale = ph_alloc(order, sizeof *it->scale);
    it->theta = ph_alloc(posterior->p, sizeof *it->theta);
    status = it->mean && it->scale && it->theta ? check_data(data, error) : PH_E_MEMORY;
    if (status == PH_OK) {
        status = sample_moments(it, data, error);
    }
    if (status == PH_OK) {
        status = ph_moments_new(&it->moments, graph, trace, 1, amount, it->orders);
    }
    if (status == PH_OK) {
        status = ph_moments_value_new(&it->value, it->moments, PH_LANES, it->orders);
    }
    if (status != PH_OK) {
        ph_moment_penalty_free(it);
        return ph_error_set(error, status, "out of memory");
    }
    *self = it;
    return PH_OK;
}

void ph_moment_penalty_free(ph_moment_penalty *self)
{
    if (self) {
        ph_moments_value_free(self->value);
        ph_moments_free(self->moments);
        free(self->mean);
        free(self->scale);
        free(self->theta);
        free(self);
    }
}

/* Particles first .. first + lanes - 1 into the lanes; the last one fills the rest. */
static void load_lanes(ph_moment_penalty *self, size_t n, size_t first, const double *z)
{
    const ph_posterior *posterior = self->posterior;
    for (size_t l = 0; l < PH_LANES; l++) {
        size_t i = first + l < n ? first + l : n - 1;
        ph_posterior_theta(posterior, z + i * posterior->d, self->theta);
        for (size_t m = 0; m < posterior->p; m++) {
            self->value->theta[m * PH_LANES + l] = self->theta[m];
        }
    }
}

/* d penalty / d theta_m, the parameters tied to m included. */
static double slope_of(const ph_moment_penalty *self, size_t m, size_t lane)
{
    const ph_posterior *posterior = self->posterior;
    const ph_moments_value *v = self->value;
    double sum = 0;
    for (size_t j = 0; j < posterior->p; j++) {
        for (size_t k = 0; posterior->source[j] == m && k < self->order; k++) {
            double off = v->raw[k * PH_LANES + lane] - self->mean[k];
            sum += 2 * off / (self->scale[k] * self->scale[k]) *
                   v->d_raw[(k * posterior->p + j) * PH_LANES + lane];
        }
    }
    return sum;
}

static void finish_point(const ph_moment_penalty *self, size_t lane, const double *z,
                         double *value, double *gradient)
{
    const ph_posterior *posterior = self->posterior;
    int good = self->value->valid >> lane & 1;
    *value = 0;
    for (size_t k = 0; k < self->order; k++) {
        double off = self->value->raw[k * PH_LANES + lane] - self->mean[k];
        *value += off * off / (self->scale[k] * self->scale[k]);
    }
    for (size_t k = 0; k < posterior->d; k++) {
        double theta, slope;
        ph_transform(posterior->lower[k], posterior->upper[k], z[k], &theta, &slope,
                     NULL, NULL);
        gradient[k] = slope * slope_of(self, posterior->free_index[k], lane);
        good = good && isfinite(gradient[k]);
    }
    good = good && isfinite(*value);
    *value = good ? *value : 0;
    for (size_t k = 0; !good && k < posterior->d; k++) {
        gradient[k] = 0;
    }
}

static int evaluate(void *context, size_t n, const double *z, double *value,
                    double *gradient)
{
    ph_moment_penalty *self = context;
    size_t d = self->posterior->d;
    for (size_t first = 0; first < n; first += PH_LANES) {
        load_lanes(self, n, first, z);
        int status = ph_moments_eval(self->moments, self->value);
        if (status < 0) {
            return status;
        }
        for (size_t l = 0; l < PH_LANES && first + l < n; l++) {
            size_t i = first + l;
            finish_point(self, l, z + i * d, value + i, gradient + i * d);
        }
    }
    return PH_OK;
}

ph_penalty ph_moment_penalty_target(ph_moment_penalty *self)
{
    return (ph_penalty){self, evaluate};
}
