/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Uniformization where the rates change at given times.
 *
 * Every epoch is a stage with rates of its own, and every stage is cut into pieces of
 * at most PH_EPOCH_REACH steps in mean. Over a piece that lasts h the vector goes from
 * v_0 to
 *
 *   v_end = sum_k pi_k(Lambda h) v_k,     v_{k+1} = v_k P
 *
 * and what is observed inside it at an offset y mixes the piece's own sequences with
 * pi_k(Lambda y). Lambda is common to the lanes, h and y differ where times of epochs
 * hold parameters: weights are rows of lanes, and lanes may see one time in different
 * epochs. In discrete time a piece is a number of steps and nothing is mixed.
 *
 * epochs_pieces.c takes the pieces, forward and back.
 */
#include "epochs_sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"

#define REACH_MIN 4          /* where vectors are too long to keep many */
#define WINDOW    (8u << 20) /* bytes of vectors that may always be kept */
#define ROOM      (1 + 0x1p-50)
#define STEPS     800 /* until weights of a mean of REACH are below SMALLEST */

/* ------------------------------------------------------------------ storage */

static int new_stage(ph_epoch_stage *self, size_t used, size_t width, size_t most)
{
    self->u = ph_alloc_aligned(used, sizeof(ph_lanes));
    self->tau = ph_alloc_aligned(used, sizeof(ph_lanes));
    self->g = ph_alloc_aligned(width, sizeof(ph_lanes));
    self->loss = ph_alloc_aligned(width, sizeof(ph_lanes));
    self->lack = ph_alloc_aligned(width, sizeof(ph_lanes));
    self->weight = ph_alloc_aligned(most + 1, sizeof(ph_lanes));
    self->beyond = ph_alloc_aligned(most + 1, sizeof(ph_lanes));
    return self->u && self->tau && self->g && self->loss && self->lack &&
                   self->weight && self->beyond
               ? PH_OK
               : PH_E_MEMORY;
}

static void free_stage(ph_epoch_stage *self)
{
    ph_free_aligned(self->u);
    ph_free_aligned(self->tau);
    ph_free_aligned(self->g);
    ph_free_aligned(self->loss);
    ph_free_aligned(self->lack);
    ph_free_aligned(self->weight);
    ph_free_aligned(self->beyond);
}

int ph_epoch_sweep_new(ph_epoch_sweep **self, const ph_plan *plan)
{
    size_t width = plan->graph->n + 1, used = plan->graph->n_used;
    ph_epoch_sweep *sweep = ph_alloc(1, sizeof *sweep);
    int status = sweep ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK) {
        sweep->plan = plan;
        sweep->kernel = ph_kernel_select();
        sweep->width = width;
        sweep->stage = ph_alloc_aligned(plan->graph->epochs->n, sizeof *sweep->stage);
        sweep->sum = ph_alloc_aligned(width, sizeof(ph_lanes));
        sweep->w[0] = ph_alloc_aligned(width, sizeof(ph_lanes));
        sweep->w[1] = ph_alloc_aligned(width, sizeof(ph_lanes));
        sweep->w_end = ph_alloc_aligned(width, sizeof(ph_lanes));
        sweep->adjoint = ph_alloc_aligned(used, sizeof(ph_lanes));
        sweep->most = plan->graph->distance + PH_EPOCH_SPARE;
        sweep->most = sweep->most > STEPS ? sweep->most : STEPS;
        sweep->scratch = ph_alloc_aligned(sweep->most + 2, sizeof(ph_lanes));
        sweep->row = ph_alloc(sweep->most + 2, sizeof *sweep->row);
        sweep->pi = ph_alloc(sweep->most + 2, sizeof *sweep->pi);
        sweep->atom = ph_alloc_aligned(2, sizeof(ph_lanes));
        sweep->mass = ph_alloc_aligned(2, sizeof(ph_lanes));
        sweep->folded = ph_alloc_aligned(2 * used, sizeof(ph_lanes));
        status = sweep->stage && sweep->sum && sweep->w[0] && sweep->w[1] &&
                         sweep->w_end && sweep->adjoint && sweep->scratch &&
                         sweep->atom && sweep->row && sweep->pi && sweep->mass &&
                         sweep->folded
                     ? PH_OK
                     : PH_E_MEMORY;
    }
    for (size_t e = 0; status == PH_OK && e < plan->graph->epochs->n; e++) {
        sweep->n_stages = e + 1;
        status = new_stage(&sweep->stage[e], used, width, sweep->most);
    }
    if (status != PH_OK) {
        ph_epoch_sweep_free(sweep);
        return status;
    }
    *self = sweep;
    return PH_OK;
}

void ph_epoch_sweep_free(ph_epoch_sweep *self)
{
    if (!self) {
        return;
    }
    for (size_t e = 0; e < self->n_stages; e++) {
        free_stage(&self->stage[e]);
    }
    ph_free_aligned(self->stage);
    ph_free_aligned(self->sum);
    ph_free_aligned(self->w[0]);
    ph_free_aligned(self->w[1]);
    ph_free_aligned(self->w_end);
    ph_free_aligned(self->adjoint);
    ph_free_aligned(self->scratch);
    ph_free_aligned(self->atom);
    ph_free_aligned(self->mass);
    ph_free_aligned(self->folded);
    ph_free_aligned(self->drift);
    ph_free_aligned(self->window);
    ph_free_aligned(self->first);
    ph_free_aligned(self->p);
    ph_free_aligned(self->a);
    ph_free_aligned(self->p_bar);
    ph_free_aligned(self->a_bar);
    ph_free_aligned(self->piece);
    free(self->row);
    free(self->pi);
    free(self);
}

/* -------------------------------------------------------------------- begin */

/* Rates of an epoch in lanes where they matter, 0 elsewhere; the largest total. */
static void load_rates(ph_epoch_sweep *self, size_t e, const ph_lanes *u, double t_max)
{
    const ph_graph *graph = self->plan->graph;
    const ph_group_table *out = &self->plan->out;
    ph_epoch_stage *at = &self->stage[e];
    const ph_lanes *node = u + ph_plan_epoch(self->plan, e);
    unsigned here = 0;
    for (int l = 0; l < PH_LANES; l++) {
        at->begin[l] = self->valid >> l & 1 ? u[ph_plan_begins(self->plan, e)][l] : 0;
        here |= (unsigned)((self->valid >> l & 1) && (e == 0 || at->begin[l] <= t_max))
                << l;
    }
    for (size_t k = 0; k < graph->n_used; k++) {
        for (int l = 0; l < PH_LANES; l++) {
            at->u[k][l] = here >> l & 1 ? node[graph->used[k]][l] : 0;
        }
    }
    at->rate = 0;
    for (size_t i = 0; i < out->n_rows; i++) {
        ph_lanes d = {0};
        for (size_t k = out->row_group[i]; k < out->row_group[i + 1]; k++) {
            d += out->group_sum[k] * at->u[out->group_use[k]];
        }
        at->g[out->row_vertex[i]] = d;
        for (int l = 0; l < PH_LANES; l++) {
            at->rate = fmax(at->rate, d[l]);
        }
    }
}

/* How long every lane stays in a stage before t_max; the longest. */
static double find_lengths(ph_epoch_sweep *self, size_t e, double t_max)
{
    ph_epoch_stage *at = &self->stage[e];
    double longest = 0;
    for (int l = 0; l < PH_LANES; l++) {
        double end = e + 1 < self->n_stages ? self->stage[e + 1].begin[l] : t_max;
        end = fmin(end, t_max);
        at->length[l] = end > at->begin[l] ? end - at->begin[l] : 0;
        longest = fmax(longest, at->length[l]);
    }
    return longest;
}

/* tau and g. A stage without any rate has a Lambda too: its own derivatives need one.
 */
static void set_rate(ph_epoch_sweep *self, size_t e, double longest)
{
    ph_epoch_stage *at = &self->stage[e];
    const ph_graph *graph = self->plan->graph;
    at->rate = graph->discrete ? 1
               : at->rate > 0  ? at->rate * ROOM
               : longest > 0   ? 1 / longest
                               : 1;
    for (size_t k = 0; k < graph->n_used; k++) {
        at->tau[k] = at->u[k] / at->rate;
    }
    for (size_t i = 0; i < graph->n; i++) {
        at->loss[i] = -at->g[i] / at->rate;
        at->g[i] = (ph_lanes){0} + 1;
        at->lack[i] = (ph_lanes){0};
    }
    for (size_t r = 0; r < self->plan->out.n_rows; r++) {
        size_t i = self->plan->out.row_vertex[r];
        long double stay[PH_LANES];
        ph_sweep_stay(&self->plan->out, r, at->tau, stay);
        for (int l = 0; l < PH_LANES; l++) {
            at->g[i][l] = (double)stay[l];
            at->lack[i][l] = (double)(stay[l] - at->g[i][l]);
        }
    }
    at->g[graph->n] = at->loss[graph->n] = (ph_lanes){0};
}

/*
 * Weights of a whole piece, and P(N > k). Long double, from step 0 on: with means of at
 * most PH_EPOCH_REACH nothing leaves its range.
 */
static void set_weights(ph_epoch_stage *at, size_t most)
{
    at->steps = 0;
    for (int l = 0; l < PH_LANES; l++) {
        long double x = at->mean[l], w = expl(-x), sum = 0, rest = 1;
        size_t last = 0;
        for (size_t k = 0; k <= most; k++) {
            at->weight[k][l] = (double)w;
            rest -= at->weight[k][l];
            if (w >= PH_EPOCH_SMALLEST) {
                last = k;
            }
            w *= x / (long double)(k + 1);
        }
        at->rest[l] = (double)rest;
        sum = w;
        for (size_t k = most + 1; k-- > 0;) {
            at->beyond[k][l] = (double)sum;
            sum += at->weight[k][l];
        }
        at->steps = last > at->steps ? last : at->steps;
    }
}

/* More than PH_STEPS_MAX cannot be counted, nor are they ever taken. */
static size_t count_parts(double steps, double reach)
{
    return (size_t)fmin(fmax(ceil(steps / reach), 1), PH_STEPS_MAX);
}

/* Cuts a stage into pieces of at most `reach` steps in mean; the last stage is open. */
static void cut(ph_epoch_sweep *self, size_t e, double longest, double reach)
{
    ph_epoch_stage *at = &self->stage[e];
    int open = e + 1 == self->n_stages;
    double steps = at->rate * longest;
    if (self->plan->graph->discrete) {
        at->steps = (size_t)fmin(fmax(steps + (open ? 1 : 0), 1), PH_EPOCH_REACH);
        at->parts = open ? SIZE_MAX : count_parts(steps, (double)at->steps);
        for (int l = 0; l < PH_LANES; l++) {
            at->part[l] = (double)at->steps;
        }
    } else {
        double mean = open ? fmax(fmin(steps, reach), 1) : 0;
        at->parts = open ? SIZE_MAX : count_parts(steps, reach);
        for (int l = 0; l < PH_LANES; l++) {
            at->part[l] = open ? mean / at->rate : at->length[l] / (double)at->parts;
            at->mean[l] = open ? mean : at->rate * at->part[l];
        }
        set_weights(at, self->most);
    }
    if (e == 0 && !self->plan->graph->discrete) {
        at->steps = self->most;
    }
    at->first = e == 0 ? 0 : self->stage[e - 1].first + self->stage[e - 1].parts;
}

static double choose_reach(const ph_epoch_sweep *self, double steps)
{
    double vectors = WINDOW / ((double)self->width * sizeof(ph_lanes));
    double reach = fmax(fmax(vectors / 3, sqrt(steps)), REACH_MIN);
    return reach < PH_EPOCH_REACH ? reach : PH_EPOCH_REACH;
}

static int set_start(ph_epoch_sweep *self)
{
    const ph_graph *graph = self->plan->graph;
    const ph_epoch_stage *at = &self->stage[0];
    int status = ph_grow_aligned(&self->first, &self->first_capacity,
                                 self->first_capacity, self->width, sizeof(ph_lanes));
    if (status != PH_OK) {
        return status;
    }
    memset(self->first, 0, self->width * sizeof(ph_lanes));
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s];
             graph->start[s] < graph->n && t < graph->start_term[s + 1]; t++) {
            self->first[graph->start[s]] +=
                graph->start_coefficient[t] * at->u[graph->start_use[t]];
        }
    }
    self->atomic = 0;
    for (size_t l = 0; l < PH_LANES; l++) {
        int good = self->valid >> l & 1;
        self->atom[0][l] =
            good ? ph_sweep_atom(graph, (double *)at->u + l, NULL, PH_LANES, 0, NULL)
                 : 0;
        self->atomic |= self->atom[0][l] > 0;
    }
    self->atom[1] = (ph_lanes){0};
    return PH_OK;
}

int ph_epoch_sweep_begin(ph_epoch_sweep *self, const double *u, double t_max,
                         unsigned lanes, unsigned *valid)
{
    const ph_lanes *node = (const ph_lanes *)u;
    double steps = 0;
    self->u = u;
    self->valid = 0;
    for (int l = 0; l < PH_LANES; l++) {
        self->valid |= (unsigned)ph_epochs_valid(self->plan, u + l, PH_LANES, t_max)
                       << l;
    }
    self->valid &= lanes;
    for (size_t e = 0; e < self->n_stages; e++) {
        load_rates(self, e, node, t_max);
    }
    for (size_t e = 0; e < self->n_stages; e++) {
        double longest = find_lengths(self, e, t_max);
        set_rate(self, e, longest);
        steps += self->stage[e].rate * longest;
    }
    for (size_t e = 0; e < self->n_stages; e++) {
        cut(self, e, find_lengths(self, e, t_max), choose_reach(self, steps));
    }
    self->n_pieces = 0;
    self->n_mended = 0;
    self->seeded = 0;
    *valid = self->valid;
    return set_start(self);
}
