/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Observed times of 0 are the atom of immediate absorption; all other observations
 * share one sweep forward and one backward.
 */
#include "phasic/lik/lik.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/dist/plain.h"
#include "phasic/dist/sweep.h"

struct ph_lik {
    const ph_plan *plan;
    size_t n; /* observations beside the atom */
    ph_sweep_kind *kind;
    double *time, *weight;
    double t_max;
    double atom_weight; /* how many observations are exactly 0 */
    int atom_is_rest; /* start probabilities sum to less than 1: the rest is absorbed */
};

struct ph_lik_work {
    ph_sweep *sweep;
    double *u, *u_bar; /* [nodes][PH_LANES] */
    double *value;     /* [n][PH_LANES] */
};

/* ------------------------------------------------------------------ the atom */

/* The sum of constant start probabilities; *parametric where some hold parameters. */
static double start_total(const ph_graph *graph, int *parametric, int *explicit_atom)
{
    double total = 0;
    *parametric = *explicit_atom = 0;
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            *parametric |= graph->used[graph->start_use[t]] != 0;
            *explicit_atom |= graph->start[s] == graph->n;
            total += graph->start_coefficient[t];
        }
    }
    return total;
}

/*
 * Probability of immediate absorption at stride 1 (plain) or PH_LANES; adds
 * factor * d atom / du to u_bar where that is not NULL.
 */
static double atom(const ph_lik *self, const double *u, size_t stride, double factor,
                   double *u_bar)
{
    const ph_graph *graph = self->plan->graph;
    double probability = self->atom_is_rest ? 1 : 0;
    for (size_t s = 0; s < graph->n_starts; s++) {
        double sign = self->atom_is_rest ? -1 : 1;
        if ((graph->start[s] == graph->n) == self->atom_is_rest) {
            continue;
        }
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            size_t node = graph->used[graph->start_use[t]];
            double coefficient = sign * graph->start_coefficient[t];
            probability += coefficient * u[node * stride];
            if (u_bar) {
                u_bar[node * stride] += factor * coefficient;
            }
        }
    }
    return probability;
}

/* ------------------------------------------------------------- construction */

int ph_lik_new(ph_lik **self, const ph_plan *plan, const ph_data *data, ph_error *error)
{
    int parametric, explicit_atom;
    double total = start_total(plan->graph, &parametric, &explicit_atom);
    ph_lik *lik = ph_alloc(1, sizeof *lik);
    if (lik) {
        lik->plan = plan;
        lik->kind = ph_alloc(data->n, sizeof *lik->kind);
        lik->time = ph_alloc(data->n, sizeof *lik->time);
        lik->weight = ph_alloc(data->n, sizeof *lik->weight);
    }
    if (!lik || !lik->kind || !lik->time || !lik->weight) {
        ph_lik_free(lik);
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    lik->atom_is_rest = parametric || total < 1 - 1e-12;
    for (size_t i = 0; i < data->n; i++) {
        const ph_observation *seen = &data->observation[i];
        if (seen->kind == PH_OBSERVED && seen->time == 0) {
            lik->atom_weight += seen->weight;
            continue;
        }
        lik->kind[lik->n] = seen->kind == PH_OBSERVED ? PH_DENSITY : PH_SURVIVAL;
        lik->time[lik->n] = seen->time;
        lik->weight[lik->n++] = seen->weight;
        lik->t_max = seen->time > lik->t_max ? seen->time : lik->t_max;
    }
    if (lik->atom_weight > 0 && !lik->atom_is_rest && !explicit_atom) {
        ph_lik_free(lik);
        ph_error_file(error, data->file);
        ph_error_place(error, "time");
        ph_error_found(error, "0", -1);
        return ph_error_set(
            error, PH_E_DATA,
            "an observed time of 0 has probability zero: this model never "
            "absorbs at once");
    }
    *self = lik;
    return PH_OK;
}

void ph_lik_free(ph_lik *self)
{
    if (self) {
        free(self->kind);
        free(self->time);
        free(self->weight);
        free(self);
    }
}

int ph_lik_work_new(ph_lik_work **self, const ph_lik *lik)
{
    size_t nodes = ph_plan_nodes(lik->plan);
    ph_lik_work *work = ph_alloc(1, sizeof *work);
    if (!work) {
        return PH_E_MEMORY;
    }
    work->u = ph_alloc_aligned(nodes * PH_LANES, sizeof *work->u);
    work->u_bar = ph_alloc_aligned(nodes * PH_LANES, sizeof *work->u_bar);
    work->value = ph_alloc_aligned(lik->n * PH_LANES, sizeof *work->value);
    if (!work->u || !work->u_bar || !work->value ||
        ph_sweep_new(&work->sweep, lik->plan) != PH_OK) {
        ph_lik_work_free(work);
        return PH_E_MEMORY;
    }
    *self = work;
    return PH_OK;
}

void ph_lik_work_free(ph_lik_work *self)
{
    if (self) {
        ph_free_aligned(self->u);
        ph_free_aligned(self->u_bar);
        ph_free_aligned(self->value);
        ph_sweep_free(self->sweep);
        free(self);
    }
}

/* ------------------------------------------------------------------- a block */

/* Values of all observations and their weighted sum. */
static int block_value(const ph_lik *self, ph_lik_work *work, double *value)
{
    for (size_t i = 0; i < self->n; i++) {
        double *here = work->value + i * PH_LANES;
        int status = ph_sweep_log(work->sweep, self->kind[i], self->time[i], here);
        if (status != PH_OK) {
            return status;
        }
        for (int l = 0; l < PH_LANES; l++) {
            value[l] += self->weight[i] * here[l];
        }
    }
    for (size_t l = 0; self->atom_weight > 0 && l < PH_LANES; l++) {
        double probability = atom(self, work->u + l, PH_LANES, 0, NULL);
        value[l] += probability > 0 ? self->atom_weight * log(probability) : -INFINITY;
    }
    return PH_OK;
}

static int block_gradient(const ph_lik *self, ph_lik_work *work, const double *value,
                          double *gradient)
{
    memset(work->u_bar, 0, ph_plan_nodes(self->plan) * PH_LANES * sizeof *work->u_bar);
    for (size_t i = 0; i < self->n; i++) {
        double weight[PH_LANES];
        for (int l = 0; l < PH_LANES; l++) {
            weight[l] = value[l] > -INFINITY ? self->weight[i] : 0;
        }
        int status = ph_sweep_seed(work->sweep, self->kind[i], self->time[i], weight,
                                   work->value + i * PH_LANES);
        if (status != PH_OK) {
            return status;
        }
    }
    int status = ph_sweep_gradient(work->sweep, work->u_bar);
    for (size_t l = 0; self->atom_weight > 0 && l < PH_LANES; l++) {
        if (value[l] > -INFINITY) {
            double probability = atom(self, work->u + l, PH_LANES, 0, NULL);
            (void)atom(self, work->u + l, PH_LANES, self->atom_weight / probability,
                       work->u_bar + l);
        }
    }
    if (status == PH_OK) {
        ph_plan_adjoint(self->plan, work->u, work->u_bar, gradient);
    }
    return status;
}

int ph_lik_block(const ph_lik *self, ph_lik_work *work, const double *theta,
                 double *value, double *gradient, ph_error *error)
{
    size_t p = ph_plan_parameters(self->plan);
    unsigned valid = 0;
    ph_plan_eval(self->plan, theta, work->u);
    int status = ph_sweep_begin(work->sweep, work->u, self->t_max, &valid);
    memset(value, 0, PH_LANES * sizeof *value);
    if (gradient) {
        memset(gradient, 0, p * PH_LANES * sizeof *gradient);
    }
    if (status == PH_OK && valid) {
        status = block_value(self, work, value);
    }
    for (int l = 0; l < PH_LANES; l++) {
        if (!(valid >> l & 1) || !isfinite(value[l])) {
            value[l] = -INFINITY;
        }
    }
    if (status == PH_OK && valid && gradient) {
        status = block_gradient(self, work, value, gradient);
    }
    for (size_t l = 0; gradient && l < PH_LANES; l++) {
        for (size_t m = 0; value[l] == -INFINITY && m < p; m++) {
            gradient[m * PH_LANES + l] = 0;
        }
    }
    return status == PH_OK ? status
                           : ph_error_set(error, status, "out of memory in the sweep");
}

/* ----------------------------------------------------------- the definition */

int ph_lik_plain(const ph_lik *self, const double *theta, double *value,
                 double *gradient, ph_error *error)
{
    size_t nodes = ph_plan_nodes(self->plan), p = ph_plan_parameters(self->plan);
    double *u = ph_alloc(2 * nodes + self->n, sizeof *u);
    if (!u) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    double *u_bar = u + nodes, *log_value = u_bar + nodes, sum = 0;
    ph_plan_eval_plain(self->plan, theta, u);
    int status = ph_plain_eval(self->plan, u, self->n, self->kind, self->time,
                               log_value, self->weight, gradient ? u_bar : NULL);
    for (size_t i = 0; status == PH_OK && i < self->n; i++) {
        sum += self->weight[i] * log_value[i];
    }
    if (status == PH_OK && self->atom_weight > 0) {
        double probability = atom(self, u, 1, 0, NULL);
        sum += probability > 0 ? self->atom_weight * log(probability) : -INFINITY;
        (void)atom(self, u, 1, self->atom_weight / probability,
                   gradient ? u_bar : NULL);
    }
    *value = status == PH_OK && isfinite(sum) ? sum : -INFINITY;
    if (gradient) {
        memset(gradient, 0, p * sizeof *gradient);
        if (*value > -INFINITY) {
            ph_plan_adjoint_plain(self->plan, u, u_bar, gradient);
        }
    }
    free(u);
    return status == PH_OK || status == PH_E_NUMERIC
               ? PH_OK
               : ph_error_set(error, status, "out of memory");
}
