/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/base/rng.h"

#include <Random123/philox.h>
#include <gsl/gsl_cdf.h>
#include <string.h>

void ph_rng_init(ph_rng *self, uint64_t seed, uint32_t purpose, uint32_t particle,
                 uint32_t step)
{
    memset(self, 0, sizeof *self);
    self->seed = seed;
    self->purpose = purpose;
    self->particle = particle;
    self->step = step;
}

uint32_t ph_rng_word(ph_rng *self)
{
    if (self->left == 0) {
        philox4x32_key_t key = {{(uint32_t)self->seed, (uint32_t)(self->seed >> 32)}};
        philox4x32_ctr_t counter = {
            {self->draw++, self->step, self->particle, self->purpose}};
        philox4x32_ctr_t block = philox4x32(counter, key);
        memcpy(self->word, block.v, sizeof self->word);
        self->left = 4;
    }
    return self->word[4 - self->left--];
}

double ph_rng_uniform(ph_rng *self)
{
    uint64_t high = ph_rng_word(self), low = ph_rng_word(self);
    uint64_t bits = (high << 20) ^ (low >> 12); /* 52 bits */
    return ((double)(bits & 0xFFFFFFFFFFFFFu) + 0.5) * 0x1p-52;
}

double ph_rng_normal(ph_rng *self)
{
    return gsl_cdf_ugaussian_Pinv(ph_rng_uniform(self));
}

static void gsl_set(void *state, unsigned long seed)
{
    ph_rng_init(state, seed, PH_RNG_TEST, 0, 0);
}

static unsigned long gsl_get(void *state)
{
    return ph_rng_word(state);
}

static double gsl_get_double(void *state)
{
    return ph_rng_uniform(state);
}

static const gsl_rng_type philox_type = {
    "philox4x32-10", 0xFFFFFFFFu, 0, sizeof(ph_rng), gsl_set, gsl_get, gsl_get_double};

gsl_rng *ph_rng_gsl_init(ph_rng_gsl *self, const ph_rng *stream)
{
    self->stream = *stream;
    self->rng.type = &philox_type;
    self->rng.state = &self->stream;
    return &self->rng;
}
