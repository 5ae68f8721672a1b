/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A block's begin and storage; its steps are in sweep_steps.c, what they give at a time
 * in window.c.
 *
 * Rate. Where all states leave at nearly Lambda, a step has an eigenvalue near -1:
 * what is rounded alternates in sign and stays for as many steps as the process needs
 * to be absorbed, and in the gradient it meets the alternation of the start law. Long
 * sweeps take Lambda larger by MORE_ROOM, which damps it in a few steps (an acyclic
 * graph has only eigenvalues g >= 0). Their adjoints are sums of up to 10^7 terms and
 * are folded into compensated ones.
 *
 * Storage. Segments of `span` steps; the first vector of every segment is kept, and one
 * window holds all vectors of one segment. `span` is chosen so that the window fills
 * STORE_BYTES, or has about sqrt(K) vectors where that is more: a short sweep lies in
 * the window entirely and nothing is recomputed.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "epochs_private.h"
#include "phasic/base/memory.h"
#include "sweep_private.h"

#define STORE_BYTES (4u << 20)
#define ROOM        (1 + 0x1p-50) /* in Lambda, so that no state's rounded shares exceed 1 */
#define MORE_ROOM   (1 + 0x1p-4) /* in long sweeps of cyclic graphs */
#define LONG        1000         /* Lambda t of a long sweep */
#define ROUNDING    1e-14        /* of a start probability, with room to spare */
#define SPAN_STEPS  0x1p26 /* more steps get no longer segments: few are that long */

/* ------------------------------------------------------------------ storage */

int ph_sweep_new(ph_sweep **self, const ph_plan *plan)
{
    const ph_graph *graph = plan->graph;
    ph_sweep *sweep = ph_alloc(1, sizeof *sweep);
    if (!sweep) {
        return PH_E_MEMORY;
    }
    sweep->plan = plan;
    if (graph->epochs) {
        int status = ph_epoch_sweep_new(&sweep->epochs, plan);
        if (status != PH_OK) {
            free(sweep);
            return status;
        }
        *self = sweep;
        return PH_OK;
    }
    sweep->kernel = ph_kernel_select();
    sweep->width = graph->n + 1;
    sweep->tau = ph_alloc_aligned(graph->n_used, sizeof *sweep->tau);
    sweep->u = ph_alloc_aligned(graph->n_used, sizeof *sweep->u);
    sweep->adjoint = ph_alloc_aligned(graph->n_used, sizeof *sweep->adjoint);
    sweep->folded = ph_alloc_aligned(2 * graph->n_used, sizeof *sweep->folded);
    sweep->g = ph_alloc_aligned(sweep->width, sizeof *sweep->g);
    sweep->w[0] = ph_alloc_aligned(sweep->width, sizeof *sweep->g);
    sweep->w[1] = ph_alloc_aligned(sweep->width, sizeof *sweep->g);
    sweep->ahead = ph_alloc_aligned(sweep->width, sizeof *sweep->g);
    sweep->late_g = ph_alloc_aligned(sweep->width, sizeof *sweep->g);
    sweep->drift = ph_alloc_aligned(sweep->width, sizeof *sweep->g);
    sweep->stay = ph_alloc(sweep->width * PH_LANES, sizeof *sweep->stay);
    sweep->mass = ph_alloc_aligned(2, sizeof *sweep->mass);
    sweep->absorbed = ph_alloc_aligned(2, sizeof *sweep->absorbed);
    if (!sweep->tau || !sweep->u || !sweep->adjoint || !sweep->g || !sweep->w[0] ||
        !sweep->w[1] || !sweep->ahead || !sweep->absorbed || !sweep->late_g ||
        !sweep->mass || !sweep->folded || !sweep->drift || !sweep->stay) {
        ph_sweep_free(sweep);
        return PH_E_MEMORY;
    }
    *self = sweep;
    return PH_OK;
}

void ph_sweep_free(ph_sweep *self)
{
    if (self) {
        ph_epoch_sweep_free(self->epochs);
        ph_free_aligned(self->tau);
        ph_free_aligned(self->u);
        ph_free_aligned(self->adjoint);
        ph_free_aligned(self->folded);
        ph_free_aligned(self->g);
        ph_free_aligned(self->w[0]);
        ph_free_aligned(self->w[1]);
        ph_free_aligned(self->ahead);
        ph_free_aligned(self->absorbed);
        ph_free_aligned(self->late_g);
        ph_free_aligned(self->drift);
        free(self->stay);
        ph_free_aligned(self->mass);
        ph_free_aligned(self->excess);
        ph_free_aligned(self->window);
        ph_free_aligned(self->first);
        ph_free_aligned(self->p);
        ph_free_aligned(self->a);
        ph_free_aligned(self->b);
        ph_free_aligned(self->p_bar);
        ph_free_aligned(self->a_bar);
        ph_free_aligned(self->b_bar);
        free(self->exponent);
        free(self->scaled);
        free(self->weights.weight);
        free(self->weights.inverse);
        free(self->weights.offset);
        free(self);
    }
}

/* -------------------------------------------------------------------- begin */

/* Lanes in which all nodes that rates refer to are finite and non-negative. */
static unsigned guard(const ph_graph *graph, const ph_lanes *u)
{
    unsigned valid = (1u << PH_LANES) - 1;
    for (size_t k = 0; k < graph->n_used; k++) {
        for (int l = 0; l < PH_LANES; l++) {
            double x = u[graph->used[k]][l];
            if (!(x >= 0 && x < INFINITY)) {
                valid &= ~(1u << l);
            }
        }
    }
    return valid;
}

/* The start law into v_0; lanes whose probabilities exceed 1 are not valid. */
static unsigned start(ph_sweep *self, ph_lanes *v)
{
    const ph_graph *graph = self->plan->graph;
    ph_lanes total = {0};
    memset(v, 0, self->width * sizeof *v);
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            ph_lanes part = graph->start_coefficient[t] * self->u[graph->start_use[t]];
            v[graph->start[s]] += part;
            total += part;
        }
    }
    v[graph->n] = (ph_lanes){0}; /* mass absorbed at once takes no part in t > 0 */
    unsigned valid = 0;
    for (int l = 0; l < PH_LANES; l++) {
        valid |= (unsigned)(total[l] <= 1 + 1e-9) << l;
    }
    return valid;
}

double ph_sweep_atom(const ph_graph *graph, const double *u, const uint32_t *node,
                     size_t stride, double factor, double *u_bar)
{
    double given = 0, rest = 1;
    for (size_t s = 0; s < graph->n_starts; s++) {
        double *sum = graph->start[s] == graph->n ? &given : &rest;
        double sign = graph->start[s] == graph->n ? 1 : -1;
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            size_t k = graph->start_use[t];
            *sum +=
                sign * graph->start_coefficient[t] * u[(node ? node[k] : k) * stride];
        }
    }
    /* what a sum of 1 lacks by rounding is no mass */
    int defect = !graph->start_is_complete &&
                 rest - given > ROUNDING * (double)(graph->n_starts + 1);
    for (size_t s = 0; u_bar && s < graph->n_starts; s++) {
        if ((graph->start[s] == graph->n) == defect) {
            continue;
        }
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            size_t k = graph->start_use[t];
            u_bar[(node ? node[k] : k) * stride] +=
                (defect ? -factor : factor) * graph->start_coefficient[t];
        }
    }
    return defect ? rest : given;
}

/* d_i, the total rate out of every state, into g; *largest over valid lanes. */
static void total_rates(ph_sweep *self, unsigned valid, double *largest)
{
    const ph_group_table *out = &self->plan->out;
    *largest = 0;
    for (size_t i = 0; i < out->n_rows; i++) {
        ph_lanes d = {0};
        for (size_t k = out->row_group[i]; k < out->row_group[i + 1]; k++) {
            d += out->group_sum[k] * self->u[out->group_use[k]];
        }
        self->g[out->row_vertex[i]] = d;
        for (int l = 0; l < PH_LANES; l++) {
            if (valid >> l & 1 && d[l] > *largest) {
                *largest = d[l];
            }
        }
    }
}

/* Copies a valid lane over those that are not, so that they are harmless. */
static void replace_lanes(ph_lanes *rows, size_t length, unsigned valid)
{
    int good = 0;
    while (good < PH_LANES && !(valid >> good & 1)) {
        good++;
    }
    for (size_t k = 0; k < length; k++) {
        for (int l = 0; l < PH_LANES; l++) {
            if (!(valid >> l & 1)) {
                rows[k][l] = good < PH_LANES ? rows[k][good] : 0;
            }
        }
    }
}

/* Discrete time: lanes in which no state's probabilities exceed 1. */
static unsigned check_probabilities(const ph_sweep *self)
{
    unsigned valid = (1u << PH_LANES) - 1;
    for (size_t i = 0; i < self->plan->graph->n; i++) {
        for (int l = 0; l < PH_LANES; l++) {
            if (!(self->g[i][l] <= 1 + 1e-9)) {
                valid &= ~(1u << l);
            }
        }
    }
    return valid;
}

static int choose_span(ph_sweep *self, double t_max)
{
    double x = self->rate * t_max;
    double steps = x + 10 * sqrt(x) + 64 + (double)self->plan->graph->distance;
    double span = STORE_BYTES / ((double)self->width * sizeof(ph_lanes));
    steps = steps < SPAN_STEPS ? steps : SPAN_STEPS;
    if (span < sqrt(steps)) {
        span = sqrt(steps);
    }
    if (span > steps) {
        span = steps;
    }
    self->span = ((size_t)span / PH_BLOCK + 1) * PH_BLOCK;
    return ph_grow_aligned(&self->window, &self->window_capacity, 0,
                           self->span * self->width, sizeof *self->window);
}

int ph_sweep_begin(ph_sweep *self, const double *u, double t_max, unsigned *valid)
{
    return ph_sweep_begin_lanes(self, u, t_max, (1u << PH_LANES) - 1, valid);
}

int ph_sweep_begin_lanes(ph_sweep *self, const double *u, double t_max, unsigned lanes,
                         unsigned *valid)
{
    const ph_graph *graph = self->plan->graph;
    if (self->epochs) {
        return ph_epoch_sweep_begin(self->epochs, u, t_max, lanes, valid);
    }
    const ph_lanes *nodes = (const ph_lanes *)u;
    unsigned good = lanes & guard(graph, nodes);
    for (size_t k = 0; k < graph->n_used; k++) {
        self->u[k] = nodes[graph->used[k]];
    }
    replace_lanes(self->u, graph->n_used, good);
    total_rates(self, good, &self->rate);
    if (graph->discrete) {
        good &= check_probabilities(self);
        self->rate = 1;
    }
    if (!graph->discrete) {
        int more = self->plan->cyclic && self->rate * t_max > LONG;
        self->rate *= more ? MORE_ROOM : ROOM;
    }
    if (!(self->rate > 0)) { /* no valid lane: nothing will be asked of the sweep */
        good = 0;
        self->rate = 1;
    }
    int status = choose_span(self, t_max);
    if (status != PH_OK) {
        return status;
    }
    good &= start(self, self->window);
    replace_lanes(self->u, graph->n_used, good);
    (void)start(self, self->window);
    double largest;
    total_rates(self, good, &largest);
    for (size_t k = 0; k < graph->n_used; k++) {
        self->tau[k] = self->u[k] / self->rate;
    }
    for (size_t i = 0; i < graph->n; i++) {
        ph_lanes g = 1 - self->g[i] / self->rate;
        for (int l = 0; l < PH_LANES; l++) {
            self->g[i][l] = g[l] > 0 ? g[l] : 0;
        }
    }
    self->g[graph->n] = (ph_lanes){0};
    self->atomic = 0;
    for (size_t l = 0; l < PH_LANES; l++) {
        self->absorbed[0][l] =
            ph_sweep_atom(graph, (double *)self->u + l, NULL, PH_LANES, 0, NULL);
        self->atomic |= self->absorbed[0][l] > 0;
    }
    self->absorbed[1] = (ph_lanes){0};
    self->valid = good;
    self->length = 0;
    self->seeded = 0;
    self->seeded_absorbed = 0;
    self->last = 1; /* a cautious first guess for the truncation */
    *valid = good;
    return PH_OK;
}
