/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>

#include "reward_private.h"

#define MOST (1 + 1e-9) /* what a state's probabilities may sum to, as in the sweep */

typedef int64_t mask __attribute__((vector_size(8 * PH_LANES), aligned(64)));

/* The steps that need a choice, for one number and for lanes. */

static double plain_quotient(double r, double total)
{
    return r != 0 ? r / total : 0;
}

static ph_lanes lanes_quotient(ph_lanes r, ph_lanes total)
{
    return (ph_lanes)((mask)(r / total) & (r != 0));
}

static double plain_inverse(double total)
{
    return total != 0 ? 1 / total : 0;
}

static ph_lanes lanes_inverse(ph_lanes total)
{
    return (ph_lanes)((mask)(1 / total) & (total != 0));
}

static double plain_complement(double sum)
{
    return sum > 1 ? 0 : 1 - sum;
}

static ph_lanes lanes_complement(ph_lanes sum)
{
    return (ph_lanes)((mask)(1 - sum) & ~(sum > 1));
}

static double plain_guard(double sum)
{
    return sum > MOST ? NAN : 0;
}

static ph_lanes lanes_guard(ph_lanes sum)
{
    ph_lanes none = (ph_lanes){0} + NAN;
    return (ph_lanes)((mask)none & (sum > MOST));
}

#define REAL    ph_lanes
#define NAME(x) lanes_##x
#include "reward_replay_template.h"
#undef REAL
#undef NAME

#define REAL    double
#define NAME(x) plain_##x
#include "reward_replay_template.h"

void ph_reduction_eval(const ph_reduction *self, double *u)
{
    lanes_eval(self, (ph_lanes *)u);
}

void ph_reduction_eval_plain(const ph_reduction *self, double *u)
{
    plain_eval(self, u);
}

void ph_reduction_adjoint(const ph_reduction *self, const double *u, double *u_bar)
{
    lanes_adjoint(self, (const ph_lanes *)u, (ph_lanes *)u_bar);
}

void ph_reduction_adjoint_plain(const ph_reduction *self, const double *u,
                                double *u_bar)
{
    plain_adjoint(self, u, u_bar);
}

void ph_reduction_free(ph_reduction *self)
{
    if (self) {
        free(self->load_begin);
        free(self->load_node);
        free(self->load_coefficient);
        free(self->row_slot);
        free(self->in_begin);
        free(self->out_begin);
        free(self->in_slot);
        free(self->out_slot);
        free(self->pair);
        free(self->complement_begin);
        free(self->complement_node);
        free(self->complement_coefficient);
        free(self);
    }
}
