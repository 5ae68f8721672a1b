/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TESTS_FITTED_H
#define PHASIC_TESTS_FITTED_H

/* A model with its data as a posterior, and fits of it through the library. */

#include "phasic/fit/fit.h"
#include "process.h"

typedef struct fitted {
    process it;
    ph_data *data;
    ph_lik *lik;
    ph_device device;
    ph_posterior *posterior;
} fitted;

static inline void fitted_init(fitted *self, process it, size_t n, const double *time,
                               const int *event)
{
    ph_error error = {0};
    memset(self, 0, sizeof *self);
    self->it = it;
    assert_int_equal(ph_data_from_arrays(&self->data, n, time, event, NULL, &error), 0);
    assert_int_equal(ph_lik_new(&self->lik, it.plan, self->data, &error), 0);
    assert_int_equal(ph_device_init(&self->device, 1, 1, 0, &error), 0);
    if (ph_posterior_new(&self->posterior, it.model, it.plan, self->lik, self->data,
                         &self->device, &error) != PH_OK) {
        fail_msg("%s", error.message);
    }
}

static inline void fitted_free(fitted *self)
{
    ph_posterior_free(self->posterior);
    ph_lik_free(self->lik);
    ph_data_free(self->data);
    process_free(&self->it);
}

/* The default settings and a seed. */
static inline ph_fit *fitted_run(fitted *self, uint64_t seed)
{
    ph_svgd_settings settings;
    ph_fit *fit = NULL;
    ph_error error = {0};
    ph_svgd_defaults(&settings);
    settings.seed = seed;
    if (ph_fit_run(&fit, self->posterior, &settings, 0, NULL, &error) != PH_OK) {
        fail_msg("%s", error.message);
    }
    return fit;
}

#endif
