/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All observations of a part share one sweep forward and one backward. Equal terms are
 * merged first: censoring and entries often fall on few times. A term of an entry keeps
 * apart from a censored one at the same time, because an observation that cannot happen
 * must not cancel against one that cannot have entered.
 */
#include "part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/dist/plain.h"

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
static double atom(const ph_lik_part *self, const double *u, size_t stride,
                   double factor, double *u_bar)
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

/* ----------------------------------------------------------------- the terms */

typedef struct term {
    ph_sweep_kind kind;
    int entry; /* the survival at an entry */
    double time, upper, weight;
} term;

static term term_of(const ph_observation *seen)
{
    static const ph_sweep_kind kinds[] = {PH_DENSITY, PH_SURVIVAL, PH_DISTRIBUTION,
                                          PH_INTERVAL};
    return (term){kinds[seen->kind], 0, seen->time, seen->upper, seen->weight};
}

static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

static int compare_terms(const void *a, const void *b)
{
    const term *x = a, *y = b;
    if (x->entry != y->entry) {
        return x->entry - y->entry;
    }
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    int order = compare_numbers(x->time, y->time);
    return order ? order : compare_numbers(x->upper, y->upper);
}

/* Sorts and adds up equal terms; how many are left. */
static size_t merge_terms(term *list, size_t n)
{
    size_t kept = 0;
    qsort(list, n, sizeof *list, compare_terms);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && compare_terms(&list[kept - 1], &list[i]) == 0) {
            list[kept - 1].weight += list[i].weight;
        } else {
            list[kept++] = list[i];
        }
    }
    return kept;
}

static int set_terms(ph_lik_part *self, term *list, size_t n)
{
    n = merge_terms(list, n);
    self->kind = ph_alloc(n, sizeof *self->kind);
    self->time = ph_alloc(n, sizeof *self->time);
    self->upper = ph_alloc(n, sizeof *self->upper);
    self->weight = ph_alloc(n, sizeof *self->weight);
    if (!self->kind || !self->time || !self->upper || !self->weight) {
        return PH_E_MEMORY;
    }
    self->n = n;
    for (size_t i = 0; i < n; i++) {
        self->kind[i] = list[i].kind;
        self->time[i] = list[i].time;
        self->upper[i] = list[i].upper;
        self->weight[i] = list[i].weight;
        self->t_max = fmax(self->t_max, fmax(list[i].time, list[i].upper));
    }
    return PH_OK;
}

/* ------------------------------------------------------------- construction */

static int impossible_zero(const ph_data *data, size_t part, ph_error *error)
{
    int reward = data->part[part].reward > 0;
    ph_error_file(error, data->file);
    ph_error_position(error, data->part[part].zero_line, 0);
    ph_error_place(error, reward ? "a reward" : "time");
    ph_error_found(error, "0", -1);
    return ph_error_set(error, PH_E_DATA,
                        reward ? "an observed reward of 0 has probability zero: every "
                                 "path of this model earns some"
                               : "an observed time of 0 has probability zero: this "
                                 "model never absorbs at once");
}

static int interval_beside_atom(const ph_data *data, ph_error *error)
{
    ph_error_file(error, data->file);
    ph_error_place(error, "entry");
    ph_error_found(error, "0", -1);
    return ph_error_set(error, PH_E_FEATURE,
                        "an interval that begins at an entry of 0 is not supported for "
                        "a model that may absorb at once; enter later, or give the "
                        "entry as empty where absorption at 0 was possible");
}

int ph_part_init(ph_lik_part *self, const ph_plan *plan, const ph_data *data,
                 size_t part, ph_error *error)
{
    const ph_data_part *run = &data->part[part];
    int parametric, explicit_atom, status = PH_OK;
    double total = start_total(plan->graph, &parametric, &explicit_atom);
    size_t n = 0;
    term *list = ph_alloc(2 * (run->end - run->first), sizeof *list);
    if (!list) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    self->plan = plan;
    self->atom_is_rest =
        !plan->graph->start_is_complete && (parametric || total < 1 - 1e-12);
    int has_atom = self->atom_is_rest || explicit_atom;
    for (size_t i = run->first; i < run->end && status == PH_OK; i++) {
        const ph_observation *seen = &data->observation[i];
        if (seen->kind == PH_OBSERVED && seen->time == 0) {
            self->atom_weight += seen->weight;
            continue;
        }
        list[n++] = term_of(seen);
        if (seen->entry != PH_NO_ENTRY) {
            list[n++] = (term){PH_SURVIVAL, 1, seen->entry, 0, -seen->weight};
        }
        if (has_atom && seen->kind == PH_INTERVAL_CENSORED && seen->time == 0) {
            status = interval_beside_atom(data, error);
        }
    }
    if (status == PH_OK && self->atom_weight > 0 && !has_atom) {
        status = impossible_zero(data, part, error);
    }
    if (status == PH_OK && set_terms(self, list, n) != PH_OK) {
        status = ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    free(list);
    return status;
}

void ph_part_free(ph_lik_part *self)
{
    free(self->kind);
    free(self->time);
    free(self->upper);
    free(self->weight);
}

int ph_part_work_init(ph_part_work *self, const ph_lik_part *part, ph_engine engine)
{
    size_t nodes = ph_plan_nodes(part->plan);
    self->u = ph_alloc_aligned(nodes * PH_LANES, sizeof *self->u);
    self->u_bar = ph_alloc_aligned(nodes * PH_LANES, sizeof *self->u_bar);
    self->log_value = ph_alloc_aligned(part->n * PH_LANES, sizeof *self->log_value);
    self->weight = ph_alloc_aligned(part->n * PH_LANES, sizeof *self->weight);
    self->by = ph_alloc(part->n, sizeof *self->by);
    if (!self->u || !self->u_bar || !self->log_value || !self->weight || !self->by) {
        return PH_E_MEMORY;
    }
    return ph_serve_new(&self->serve, part->plan, engine);
}

void ph_part_work_free(ph_part_work *self)
{
    ph_free_aligned(self->u);
    ph_free_aligned(self->u_bar);
    ph_free_aligned(self->log_value);
    ph_free_aligned(self->weight);
    free(self->by);
    ph_serve_free(self->serve);
}

/* ------------------------------------------------------------------- a block */

/* Values of all terms and their weighted sum. */
static int block_value(const ph_lik_part *self, ph_part_work *work, double *value,
                       ph_error *error)
{
    int status = ph_serve_log(work->serve, self->n, self->kind, self->time, self->upper,
                              work->log_value, work->by, error);
    if (status != PH_OK) {
        return status;
    }
    for (size_t i = 0; i < self->n; i++) {
        for (size_t l = 0; l < PH_LANES; l++) {
            value[l] += self->weight[i] * work->log_value[i * PH_LANES + l];
        }
    }
    for (size_t l = 0; self->atom_weight > 0 && l < PH_LANES; l++) {
        double probability = atom(self, work->u + l, PH_LANES, 0, NULL);
        value[l] += probability > 0 ? self->atom_weight * log(probability) : -INFINITY;
    }
    return PH_OK;
}

/* Terms count in lanes whose sum is finite. */
static int terms_gradient(const ph_lik_part *self, ph_part_work *work,
                          const double *value)
{
    for (size_t i = 0; i < self->n; i++) {
        for (size_t l = 0; l < PH_LANES; l++) {
            work->weight[i * PH_LANES + l] = isfinite(value[l]) ? self->weight[i] : 0;
        }
    }
    return ph_serve_gradient(work->serve, self->n, self->kind, self->time, self->upper,
                             work->log_value, work->by, work->weight, work->u_bar);
}

static int block_gradient(const ph_lik_part *self, ph_part_work *work,
                          const double *value, double *gradient)
{
    memset(work->u_bar, 0, ph_plan_nodes(self->plan) * PH_LANES * sizeof *work->u_bar);
    int status = terms_gradient(self, work, value);
    for (size_t l = 0; self->atom_weight > 0 && l < PH_LANES; l++) {
        if (isfinite(value[l])) {
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

int ph_part_block(const ph_lik_part *self, ph_part_work *work, const double *theta,
                  double *value, double *gradient, ph_error *error)
{
    double here[PH_LANES] = {0};
    unsigned valid = 0;
    ph_plan_eval(self->plan, theta, work->u);
    int status = ph_serve_begin(work->serve, work->u, self->t_max, &valid, error);
    if (status == PH_OK && valid) {
        status = block_value(self, work, here, error);
    }
    for (int l = 0; l < PH_LANES; l++) {
        here[l] = valid >> l & 1 ? here[l] : -INFINITY;
        value[l] += here[l];
    }
    return status == PH_OK && valid && gradient
               ? block_gradient(self, work, here, gradient)
               : status;
}

int ph_part_check_range(const ph_lik_part *self, const ph_part_work *work,
                        ph_error *error)
{
    for (size_t i = 0; i < self->n; i++) {
        if (isnan(work->log_value[i * PH_LANES])) {
            return ph_error_set(error, PH_E_NUMERIC,
                                "the likelihood of an observation at %.6g is so small "
                                "that double precision cannot represent the paths that "
                                "lead to it",
                                self->upper[i] < INFINITY
                                    ? fmax(self->time[i], self->upper[i])
                                    : self->time[i]);
        }
    }
    return PH_OK;
}

static int serve_one(ph_part_work *work, ph_sweep_kind kind, double t, double upper,
                     double value[PH_LANES])
{
    ph_served by;
    return ph_serve_log(work->serve, 1, &kind, &t, &upper, value, &by, NULL);
}

/* One observation in every lane, less the survival at its entry. */
static int point_value(const ph_lik_part *self, ph_part_work *work,
                       const ph_observation *seen, double *value)
{
    term it = term_of(seen);
    double entry[PH_LANES] = {0};
    int status = PH_OK;
    if (seen->kind == PH_OBSERVED && seen->time == 0) {
        for (size_t l = 0; l < PH_LANES; l++) {
            double probability = atom(self, work->u + l, PH_LANES, 0, NULL);
            value[l] = probability > 0 ? log(probability) : -INFINITY;
        }
    } else {
        status = serve_one(work, it.kind, it.time, it.upper, value);
    }
    if (status == PH_OK && seen->entry != PH_NO_ENTRY) {
        status = serve_one(work, PH_SURVIVAL, seen->entry, 0, entry);
    }
    for (int l = 0; l < PH_LANES; l++) {
        value[l] -= entry[l];
        value[l] = isfinite(value[l]) ? value[l] : -INFINITY;
    }
    return status;
}

int ph_part_pointwise(const ph_lik_part *self, ph_part_work *work,
                      const ph_observation *seen, size_t n, const double *theta,
                      double *value)
{
    unsigned valid = 0;
    ph_plan_eval(self->plan, theta, work->u);
    int status = ph_serve_begin(work->serve, work->u, self->t_max, &valid, NULL);
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        status = point_value(self, work, &seen[i], value + i * PH_LANES);
        for (int l = 0; l < PH_LANES; l++) {
            if (!(valid >> l & 1)) {
                value[i * PH_LANES + l] = -INFINITY;
            }
        }
    }
    return status;
}

/* ----------------------------------------------------------- the definition */

int ph_part_plain(const ph_lik_part *self, const double *theta, double *value,
                  double *gradient)
{
    size_t nodes = ph_plan_nodes(self->plan);
    double *u = ph_alloc(2 * nodes + self->n, sizeof *u);
    if (!u) {
        return PH_E_MEMORY;
    }
    double *u_bar = u + nodes, *log_value = u_bar + nodes, sum = 0;
    ph_plan_eval_plain(self->plan, theta, u);
    int status =
        ph_plain_eval(self->plan, u, self->n, self->kind, self->time, self->upper,
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
    *value += status == PH_OK ? sum : -INFINITY;
    if (gradient && status == PH_OK && isfinite(sum)) {
        ph_plan_adjoint_plain(self->plan, u, u_bar, gradient);
    }
    free(u);
    return status == PH_E_NUMERIC ? PH_OK : status;
}

int ph_part_no_room(const ph_lik_part *self, const double *theta, ph_error *error)
{
    size_t p = ph_plan_parameters(self->plan);
    double rate[PH_LANES] = {0};
    double *block =
        ph_alloc_aligned((p + ph_plan_nodes(self->plan)) * PH_LANES, sizeof *block);
    if (block) {
        for (size_t i = 0; i < p * PH_LANES; i++) {
            block[i] = theta[i / PH_LANES];
        }
        ph_plan_eval(self->plan, block, block + p * PH_LANES);
        ph_plan_rate(self->plan, block + p * PH_LANES, self->t_max, rate);
    }
    ph_free_aligned(block);
    return ph_serve_no_room(self->plan, rate[0], self->t_max, error);
}
