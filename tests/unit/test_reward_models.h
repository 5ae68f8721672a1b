/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TESTS_REWARD_MODELS_H
#define PHASIC_TESTS_REWARD_MODELS_H

/* Reward plans, cyclic models with states that earn nothing, and their simulation. */

#include "process.h"

#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/dist/points.h"
#include "phasic/dist/reward.h"

#define TORN                                                                           \
    "{\"phasic\": 1, \"name\": \"torn\", \"parameters\": {\"a\": {}, \"b\": {}, "      \
    "\"c\": {}}, \"matrix\": {\"initial\": [0.3, 0.25, 0.45, 0, 0], \"rates\": ["      \
    "[0, \"a\", \"2*b\", 0, 0.25, \"c\"], [\"c\", 0, \"a+b\", 0, 1, 0],"               \
    "[0.5, \"a*c/b\", 0, \"b\", \"a\", \"c/4\"],"                                      \
    "[\"exp(-a)\", 0.5, \"c\", 0, 0, \"b/3\"], [0, 0, \"a\", \"b\", 0, \"a*b\"]]},"    \
    "\"rewards\": {\"part\": [0, 2, 0, 0.5, 0], \"one\": [0, 0, 0, 1, 0],"             \
    "\"all\": [1, 2, 0.3, 0.5, 4]}}"

/* The plan of a reward by its name; amounts in amount[n] unless NULL. */
static inline ph_plan *reward_plan(const process *it, const char *name,
                                   double **amounts)
{
    ph_error error = {0};
    ph_plan *plan = NULL;
    char text[1024];
    double *amount = ph_alloc(it->graph->n, sizeof *amount);
    long index = ph_model_reward(it->model, name);
    assert_true(index >= 0);
    int status = ph_graph_reward(it->graph, it->model, index, amount, &error);
    if (status == PH_OK) {
        status = ph_plan_new_reward(&plan, it->graph, it->model, amount, 0, &error);
    }
    if (status != PH_OK) {
        fail_msg("%s", ph_error_text(&error, text, sizeof text));
    }
    if (amounts) {
        *amounts = amount;
    } else {
        free(amount);
    }
    return plan;
}

static inline void reward_points(const ph_plan *plan, ph_engine engine,
                                 const double *theta, size_t n, const double *y,
                                 double *log_pdf, double *log_survival,
                                 double *dlog_pdf, double *dlog_survival)
{
    ph_error error = {0};
    char text[1024];
    if (ph_points(plan, engine, theta, n, y, log_pdf, log_survival, dlog_pdf,
                  dlog_survival, &error) != PH_OK) {
        fail_msg("%s", ph_error_text(&error, text, sizeof text));
    }
}

/* The probability of earning nothing: start mass at absorption. */
static inline double reward_atom(const ph_plan *plan, const double *theta)
{
    const ph_graph *graph = plan->graph;
    double *u = ph_alloc(ph_plan_nodes(plan), sizeof *u), sum = 0;
    ph_plan_eval_plain(plan, theta, u);
    assert_true(graph->start_is_complete);
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            if (graph->start[s] == graph->n) {
                sum +=
                    graph->start_coefficient[t] * u[graph->used[graph->start_use[t]]];
            }
        }
    }
    free(u);
    return sum;
}

/* One path of the process as it was before any transform; what it earned. */
typedef struct simulator {
    const ph_graph *graph;
    const double *amount;
    double *rate, *total, *start; /* [n_edges], [n], [n_starts] */
} simulator;

static inline simulator simulator_new(const process *it, const double *amount,
                                      const double *theta)
{
    const ph_graph *graph = it->graph;
    simulator self = {graph, amount, NULL, NULL, NULL};
    double *u = ph_alloc(ph_pool_length(graph->pool), sizeof *u);
    ph_pool_eval_plain(graph->pool, theta, u);
    self.rate = ph_alloc(graph->n_edges, sizeof *self.rate);
    self.total = ph_alloc(graph->n, sizeof *self.total);
    self.start = ph_alloc(graph->n_starts, sizeof *self.start);
    for (size_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
                self.rate[e] +=
                    graph->term_coefficient[t] * u[graph->used[graph->term_use[t]]];
            }
            self.total[i] += self.rate[e];
        }
    }
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            self.start[s] +=
                graph->start_coefficient[t] * u[graph->used[graph->start_use[t]]];
        }
    }
    free(u);
    return self;
}

static inline void simulator_free(simulator *self)
{
    free(self->rate);
    free(self->total);
    free(self->start);
}

/* The first of n weights at which a point in [0, sum) falls; n beyond them all. */
static inline size_t simulator_choose(const double *weight, size_t n, double point)
{
    size_t k = 0;
    while (k < n && point >= weight[k]) {
        point -= weight[k++];
    }
    return k;
}

static inline double simulator_draw(const simulator *self, ph_rng *rng)
{
    const ph_graph *graph = self->graph;
    size_t s = simulator_choose(self->start, graph->n_starts, ph_rng_uniform(rng));
    size_t i = s < graph->n_starts ? graph->start[s] : graph->n;
    double earned = 0;
    while (i < graph->n) {
        earned -= self->amount[i] * log(ph_rng_uniform(rng)) / self->total[i];
        size_t first = graph->row[i], n = graph->row[i + 1] - first;
        size_t e = simulator_choose(self->rate + first, n,
                                    ph_rng_uniform(rng) * self->total[i]);
        i = graph->target[first + (e < n ? e : n - 1)];
    }
    return earned;
}

static inline int compare_draws(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Largest distance between the law of n sorted positive draws and 1 - S(y) / S(0). */
static inline double draws_distance(const ph_plan *plan, const double *theta, size_t n,
                                    const double *draw)
{
    double *log_s = ph_alloc(n + 1, sizeof *log_s), *y = ph_alloc(n + 1, sizeof *y);
    double largest = 0, share = 1 / (double)n;
    memcpy(y + 1, draw, n * sizeof *y);
    reward_points(plan, PH_ENGINE_LANES, theta, n + 1, y, NULL, log_s, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        double f = -expm1(log_s[i + 1] - log_s[0]);
        double below = (double)i * share;
        largest = fmax(largest, fmax(f - below, below + share - f));
    }
    free(log_s);
    free(y);
    return largest;
}

/*
 * Draws against the transformed law: Kolmogorov-Smirnov on what is positive, the normal
 * approximation of the binomial on the atom. Thresholds have level 0.001; the seed is
 * fixed.
 */
static inline void reward_agrees_with_simulation(const process *it, const char *name,
                                                 const double *theta, size_t draws)
{
    double *amount = NULL, *draw = ph_alloc(draws, sizeof *draw);
    ph_plan *plan = reward_plan(it, name, &amount);
    simulator paths = simulator_new(it, amount, theta);
    ph_rng rng;
    ph_rng_init(&rng, 20, PH_RNG_TEST, 0, 0);
    size_t positive = 0;
    for (size_t k = 0; k < draws; k++) {
        double earned = simulator_draw(&paths, &rng);
        if (earned > 0) {
            draw[positive++] = earned;
        }
    }
    double atom = reward_atom(plan, theta), n = (double)draws;
    double z = (n - (double)positive - n * atom) / sqrt(n * atom * (1 - atom) + 1e-9);
    if (atom == 0) {
        assert_int_equal(positive, draws);
    } else {
        assert_true(fabs(z) < 3.29);
    }
    qsort(draw, positive, sizeof *draw, compare_draws);
    double distance = draws_distance(plan, theta, positive, draw);
    assert_true(distance * sqrt((double)positive) < 1.95);
    simulator_free(&paths);
    ph_plan_free(plan);
    free(amount);
    free(draw);
}

/* Three cyclic models with states that earn nothing, one of them without an atom. */
static inline void three_models_agree_with_simulation(size_t draws)
{
    const double torn[] = {0.8, 1.7, 0.4}, rabbits[] = {1, 2, 4}, units[] = {1.8, 9.5};
    process it = process_text(TORN);
    reward_agrees_with_simulation(&it, "part", torn, draws);
    process_free(&it);
    it = process_shipped("rabbits", "n", 3);
    reward_agrees_with_simulation(&it, "right", rabbits, draws);
    process_free(&it);
    it = process_shipped("repairable", NULL, 0);
    reward_agrees_with_simulation(&it, "down", units, draws);
    process_free(&it);
}

#endif
