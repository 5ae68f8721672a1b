/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BASE_RNG_H
#define PHASIC_BASE_RNG_H

#include <gsl/gsl_rng.h>
#include <stdint.h>

/*
 * Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random
 * numbers: as easy as 1, 2, 3") keyed by the seed, its counter holding (purpose,
 * particle, step, draw). A stream is a value: the numbers depend on the four keys only,
 * never on threads, devices or ranks.
 */
typedef struct ph_rng {
    uint64_t seed;
    uint32_t purpose, particle, step;
    uint32_t draw;    /* blocks of four words used so far */
    uint32_t word[4]; /* the current block */
    int left;         /* words not yet handed out */
} ph_rng;

/* The stream of four keys, at its first number. */
void ph_rng_init(ph_rng *self, uint64_t seed, uint32_t purpose, uint32_t particle,
                 uint32_t step);
uint32_t ph_rng_word(ph_rng *self);  /* 32 random bits */
double ph_rng_uniform(ph_rng *self); /* in (0, 1), 52 bits, never 0 or 1 */
double ph_rng_normal(ph_rng *self);  /* standard normal, by inversion */

/*
 * A GSL generator over a stream, for gsl_ran_*. `state` must outlive the generator it
 * fills; no allocation takes place.
 */
typedef struct ph_rng_gsl {
    gsl_rng rng;
    ph_rng stream;
} ph_rng_gsl;
gsl_rng *ph_rng_gsl_init(ph_rng_gsl *self, const ph_rng *stream);

/* Who draws: the `purpose` key. */
enum ph_rng_purpose {
    PH_RNG_START = 1, /* starting points of the mode search */
    PH_RNG_PARTICLE,  /* initial particles */
    PH_RNG_PROPOSAL,  /* importance proposals */
    PH_RNG_CHAIN,     /* Metropolis moves */
    PH_RNG_RESAMPLE,  /* equal-weight draws */
    PH_RNG_SAMPLE,    /* simulated observations */
    PH_RNG_TEST,
    PH_RNG_EXPLORE /* walks in search of tails */
};

#endif
