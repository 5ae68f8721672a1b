/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lines of --history, gathered while the particles move. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "svgd_options.h"

int ph_history_init(ph_history *self, const ph_posterior *posterior)
{
    size_t p = ph_posterior_model(posterior)->n_parameters;
    memset(self, 0, sizeof *self);
    self->posterior = posterior;
    self->theta = ph_alloc(p, sizeof *self->theta);
    self->mean = ph_alloc(p, sizeof *self->mean);
    self->square = ph_alloc(p, sizeof *self->square);
    return self->theta && self->mean && self->square ? PH_OK : PH_E_MEMORY;
}

void ph_history_free(ph_history *self)
{
    ph_buffer_free(&self->text);
    free(self->theta);
    free(self->mean);
    free(self->square);
    memset(self, 0, sizeof *self);
}

/* Mean and mean squared deviation of every parameter over the particles. */
static void moments(ph_history *self, const ph_iteration *it, size_t p)
{
    memset(self->mean, 0, p * sizeof *self->mean);
    memset(self->square, 0, p * sizeof *self->square);
    for (size_t i = 0; i < it->n; i++) {
        ph_posterior_theta(self->posterior, it->z + i * it->d, self->theta);
        for (size_t m = 0; m < p; m++) {
            self->mean[m] += self->theta[m] / (double)it->n;
        }
    }
    for (size_t i = 0; i < it->n; i++) {
        ph_posterior_theta(self->posterior, it->z + i * it->d, self->theta);
        for (size_t m = 0; m < p; m++) {
            double off = self->theta[m] - self->mean[m];
            self->square[m] += off * off / (double)it->n;
        }
    }
}

static void add_head(ph_history *self, const ph_model *model)
{
    ph_buffer_add(&self->text, "iteration,mean_log_density,r1,r2,step,ksd,bandwidth");
    for (size_t m = 0; m < model->n_parameters; m++) {
        const char *name = model->parameters[m].name;
        ph_buffer_addf(&self->text, ",mean.%s,sd.%s", name, name);
    }
    ph_buffer_add(&self->text, "\n");
}

int ph_history_see(void *context, const ph_iteration *it)
{
    ph_history *self = context;
    const ph_model *model = ph_posterior_model(self->posterior);
    const double cell[] = {it->mean_log_p, it->r1,  it->r2,
                           it->step,       it->ksd, it->bandwidth};
    if (it->number == 0) {
        ph_buffer_free(&self->text);
        add_head(self, model);
    }
    ph_buffer_addf(&self->text, "%zu", it->number);
    for (size_t k = 0; k < sizeof cell / sizeof *cell; k++) {
        ph_buffer_add(&self->text, ",");
        if (!isnan(cell[k])) {
            ph_buffer_add_double(&self->text, cell[k]);
        }
    }
    moments(self, it, model->n_parameters);
    for (size_t m = 0; m < model->n_parameters; m++) {
        ph_buffer_add(&self->text, ",");
        ph_buffer_add_double(&self->text, self->mean[m]);
        ph_buffer_add(&self->text, ",");
        ph_buffer_add_double(&self->text, sqrt(self->square[m]));
    }
    ph_buffer_add(&self->text, "\n");
    return self->text.failed ? PH_E_MEMORY : PH_OK;
}
