/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The direct method: one alias table a state, built once, makes a visit cost two
 * uniform numbers (one block of the counter-based generator) and one logarithm,
 * however many edges a state has. The alternatives ask for more: cumulative sums for a
 * search, first-reaction methods for a logarithm an edge.
 *
 * The holding time in continuous time is -log(U) / rate. In discrete time a state is
 * kept with probability 1 - P at each step, and 1 + floor(log(U) / log(1 - P)) is the
 * geometric number of steps by inversion. Both are log(U) times one number per state.
 *
 * With epochs every state has a table for each of them. A stay that would outlast the
 * epoch ends with it, and a new one is drawn: holding times have no memory.
 */
#include "phasic/dist/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "sample_alias.h"

#define ROUNDING 1e-9 /* by how much probabilities may exceed 1, as in the sweep */

enum { STEP_PROCESS, STEP_CENSOR, STEPS }; /* streams of one observation */

typedef struct state_row {
    double scale; /* holding time is log(U) * scale; -inf where no rate is positive */
    size_t first; /* of its columns in `table` */
    size_t degree;
} state_row;

struct ph_sampler {
    int discrete;
    size_t n, n_rewards, n_epochs;
    double *end;     /* [n_epochs] where each ends; the last is INFINITY */
    state_row *row;  /* [n_epochs][n] */
    ph_alias *table; /* [n_epochs][n_edges] items are targets */
    size_t n_starts; /* with the mass that is absorbed at once */
    ph_alias *start; /* [n_starts] items are states */
    double *amount;  /* [n][n_rewards] */
};

/* What is needed only to build a sampler. */
typedef struct builder {
    const ph_graph *graph;
    size_t n_epochs;
    double *input;                 /* [n_epochs][inputs] */
    double *begin;                 /* [n_epochs] */
    double *u;                     /* [pool nodes] of the epoch at hand */
    double *rate;                  /* [n_epochs][n_edges] */
    double *work;                  /* [widest] */
    uint32_t *stack;               /* [widest] */
    double *mass;                  /* [n_starts + 1] */
    unsigned char *reached, *ends; /* [n + 1] */
} builder;

/* ------------------------------------------------------------------- set up */

static int outside(ph_error *error)
{
    return ph_error_set(
        error, PH_E_NUMERIC,
        "the parameters lie outside the model: a rate or probability is negative, too "
        "large or not finite there");
}

static int builder_init(builder *self, const ph_graph *graph)
{
    size_t widest = graph->n_starts + 1;
    for (size_t i = 0; i < graph->n; i++) {
        size_t degree = graph->row[i + 1] - graph->row[i];
        widest = degree > widest ? degree : widest;
    }
    self->graph = graph;
    self->n_epochs = graph->epochs ? graph->epochs->n : 1;
    self->input =
        ph_alloc(self->n_epochs * ph_pool_parameters(graph->pool), sizeof *self->input);
    self->begin = ph_alloc(self->n_epochs, sizeof *self->begin);
    self->u = ph_alloc(ph_pool_length(graph->pool), sizeof *self->u);
    self->rate = ph_alloc(self->n_epochs * graph->n_edges, sizeof *self->rate);
    self->work = ph_alloc(widest, sizeof *self->work);
    self->stack = ph_alloc(widest, sizeof *self->stack);
    self->mass = ph_alloc(graph->n_starts + 1, sizeof *self->mass);
    self->reached = ph_alloc(graph->n + 1, 1);
    self->ends = ph_alloc(graph->n + 1, 1);
    return self->input && self->begin && self->u && self->rate && self->work &&
                   self->stack && self->mass && self->reached && self->ends
               ? PH_OK
               : PH_E_MEMORY;
}

static void builder_free(builder *self)
{
    free(self->input);
    free(self->begin);
    free(self->u);
    free(self->rate);
    free(self->work);
    free(self->stack);
    free(self->mass);
    free(self->reached);
    free(self->ends);
}

/* The inputs of every epoch, and when it begins. */
static int set_epochs(builder *self, const double *theta)
{
    const ph_epochs *epochs = self->graph->epochs;
    size_t q = ph_pool_parameters(self->graph->pool);
    if (!epochs) {
        memcpy(self->input, theta, q * sizeof *theta);
        return PH_OK;
    }
    double *x = ph_alloc(ph_epochs_nodes(epochs) + q, sizeof *x);
    if (!x) {
        return PH_E_MEMORY;
    }
    ph_epochs_eval_plain(epochs, theta, x, x + q);
    int status = PH_OK;
    for (size_t e = 0; e < epochs->n; e++) {
        ph_epochs_input_plain(epochs, x + q, e, self->input + e * q);
        self->begin[e] = x[q + epochs->begin[e]];
        if (!(e == 0 || self->begin[e] > self->begin[e - 1]) ||
            !isfinite(self->begin[e])) {
            status = PH_E_NUMERIC;
        }
    }
    free(x);
    return status;
}

/* The rate of every edge in an epoch. */
static int set_rates(builder *self, size_t epoch)
{
    const ph_graph *graph = self->graph;
    double *rates = self->rate + epoch * graph->n_edges;
    ph_pool_eval_plain(graph->pool,
                       self->input + epoch * ph_pool_parameters(graph->pool), self->u);
    for (size_t k = 0; k < graph->n_used; k++) {
        double x = self->u[graph->used[k]];
        if (!(x >= 0 && x < INFINITY)) {
            return PH_E_NUMERIC;
        }
    }
    for (size_t e = 0; e < graph->n_edges; e++) {
        double rate = 0;
        for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
            rate +=
                graph->term_coefficient[t] * self->u[graph->used[graph->term_use[t]]];
        }
        rates[e] = rate;
    }
    return PH_OK;
}

/* The start law; mass[n_starts] is the rest, which is absorbed at once. */
static int set_start(builder *self)
{
    const ph_graph *graph = self->graph;
    double total = 0;
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            self->mass[s] +=
                graph->start_coefficient[t] * self->u[graph->used[graph->start_use[t]]];
        }
        total += self->mass[s];
    }
    self->mass[graph->n_starts] = total < 1 ? 1 - total : 0;
    return total <= 1 + ROUNDING ? PH_OK : PH_E_NUMERIC;
}

/* The edge has a positive rate: in some epoch, or in the last one. */
static int is_open(const builder *self, int in_last, size_t edge)
{
    size_t edges = self->graph->n_edges, e = in_last ? self->n_epochs - 1 : 0;
    while (e < self->n_epochs && !(self->rate[e * edges + edge] > 0)) {
        e++;
    }
    return e < self->n_epochs;
}

/*
 * Marks what the start reaches in any epoch, or, backward, what reaches absorption in
 * the last one, along edges of positive rate. States are numbered breadth first, so few
 * passes in the direction of the search find everything.
 */
static void spread(const builder *self, int backward, unsigned char *mark)
{
    const ph_graph *graph = self->graph;
    for (int changed = 1; changed;) {
        changed = 0;
        for (size_t k = 0; k < graph->n; k++) {
            size_t i = backward ? graph->n - 1 - k : k;
            for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
                size_t from = backward ? graph->target[e] : i;
                size_t to = backward ? i : graph->target[e];
                if (mark[from] && !mark[to] && is_open(self, backward, e)) {
                    mark[to] = 1;
                    changed = 1;
                }
            }
        }
    }
}

/* Rates that are 0 must not leave a process without an end. */
static int check_ends(builder *self, ph_error *error)
{
    const ph_graph *graph = self->graph;
    const double *last = self->rate + (self->n_epochs - 1) * graph->n_edges;
    int positive = 1;
    for (size_t e = 0; e < graph->n_edges; e++) {
        positive &= last[e] > 0;
    }
    if (positive) {
        return PH_OK; /* the graph has no state without a way to absorption */
    }
    for (size_t s = 0; s < graph->n_starts; s++) {
        self->reached[graph->start[s]] = self->mass[s] > 0;
    }
    self->ends[graph->n] = 1;
    spread(self, 0, self->reached);
    spread(self, 1, self->ends);
    for (size_t i = 0; i < graph->n; i++) {
        if (self->reached[i] && !self->ends[i]) {
            return ph_error_set(error, PH_E_NUMERIC,
                                "rates are 0 at these parameters, and a process that "
                                "comes to state number %zu never ends",
                                i);
        }
    }
    return PH_OK;
}

static int set_state(ph_sampler *self, builder *from, size_t epoch, size_t i)
{
    const ph_graph *graph = from->graph;
    state_row *row = &self->row[epoch * graph->n + i];
    row->first = epoch * graph->n_edges + graph->row[i];
    row->degree = graph->row[i + 1] - graph->row[i];
    double total = 0;
    for (size_t k = 0; k < row->degree; k++) {
        total += from->rate[row->first + k];
    }
    if (!(total < INFINITY) || (graph->discrete && total > 1 + ROUNDING)) {
        return PH_E_NUMERIC;
    }
    if (total == 0) { /* stays until the next epoch; check_ends has seen to the last */
        row->scale = -INFINITY;
        return PH_OK;
    }
    row->scale = graph->discrete ? 1 / log1p(-fmin(total, 1)) : -1 / total;
    ph_alias *table = self->table + row->first;
    ph_alias_build(row->degree, from->rate + row->first, table, from->work,
                   from->stack);
    for (size_t k = 0; k < row->degree; k++) {
        table[k].near = graph->target[graph->row[i] + table[k].near];
        table[k].far = graph->target[graph->row[i] + table[k].far];
    }
    return isfinite(row->scale) ? PH_OK : PH_E_NUMERIC;
}

static uint32_t start_state(const ph_graph *graph, uint32_t item)
{
    return item < graph->n_starts ? graph->start[item] : (uint32_t)graph->n;
}

static int fill(ph_sampler *self, builder *from, const double *theta, ph_error *error)
{
    const ph_graph *graph = from->graph;
    int status = set_epochs(from, theta);
    for (size_t e = from->n_epochs; e-- > 0 && status == PH_OK;) {
        status = set_rates(from, e); /* the first one last: the start law is its */
        self->end[e] = e + 1 < from->n_epochs ? from->begin[e + 1] : INFINITY;
    }
    if (status == PH_OK) {
        status = set_start(from);
    }
    if (status == PH_OK) {
        status = check_ends(from, error);
    }
    for (size_t k = 0; k < from->n_epochs * graph->n && status == PH_OK; k++) {
        status = set_state(self, from, k / graph->n, k % graph->n);
    }
    if (status != PH_OK) {
        return status == PH_E_MEMORY ? status : outside(error);
    }
    ph_alias_build(self->n_starts, from->mass, self->start, from->work, from->stack);
    for (size_t s = 0; s < self->n_starts; s++) {
        self->start[s].near = start_state(graph, self->start[s].near);
        self->start[s].far = start_state(graph, self->start[s].far);
    }
    return PH_OK;
}

int ph_sampler_new(ph_sampler **self, const ph_graph *graph, const double *theta,
                   size_t n_rewards, const double *amount, ph_error *error)
{
    int status = PH_E_MEMORY;
    builder from = {0};
    ph_sampler *made = ph_alloc(1, sizeof *made);
    if (!made || builder_init(&from, graph) != PH_OK) {
        goto out;
    }
    made->discrete = graph->discrete;
    made->n = graph->n;
    made->n_rewards = n_rewards;
    made->n_starts = graph->n_starts + 1;
    made->n_epochs = from.n_epochs;
    made->end = ph_alloc(from.n_epochs, sizeof *made->end);
    made->row = ph_alloc(from.n_epochs * graph->n, sizeof *made->row);
    made->table = ph_alloc(from.n_epochs * graph->n_edges, sizeof *made->table);
    made->start = ph_alloc(made->n_starts, sizeof *made->start);
    made->amount = ph_alloc(graph->n, n_rewards * sizeof *made->amount);
    if (!made->end || !made->row || !made->table || !made->start || !made->amount) {
        goto out;
    }
    for (size_t i = 0; i < graph->n * n_rewards; i++) {
        made->amount[i] = amount[i % n_rewards * graph->n + i / n_rewards];
    }
    status = fill(made, &from, theta, error);
out:
    builder_free(&from);
    if (status != PH_OK) {
        ph_sampler_free(made);
        return status == PH_E_MEMORY ? ph_error_set(error, status, "out of memory")
                                     : status;
    }
    *self = made;
    return PH_OK;
}

void ph_sampler_free(ph_sampler *self)
{
    if (self) {
        free(self->end);
        free(self->row);
        free(self->table);
        free(self->start);
        free(self->amount);
        free(self);
    }
}

/* --------------------------------------------------------------- simulation */

/*
 * A visit takes one block of the stream. After 2^32 visits the counter is back at 0,
 * and the numbers go on in another stream of the observation.
 */
static void next_stream(ph_rng *stream)
{
    if (stream->draw == 0) {
        stream->step += STEPS;
    }
}

static uint32_t first_state(const ph_sampler *self, ph_rng *stream, uint64_t seed,
                            uint32_t observation)
{
    ph_rng_init(stream, seed, PH_RNG_SAMPLE, observation, STEP_PROCESS);
    return ph_alias_draw(self->n_starts, self->start, ph_rng_uniform(stream));
}

/* Where a trajectory is. */
typedef struct place {
    uint32_t state;
    size_t epoch;
    double time;
} place;

/* One jump, or the end of the epoch if that comes first; returns the time it took. */
static double visit(const ph_sampler *self, ph_rng *stream, place *at)
{
    const state_row *row = &self->row[at->epoch * self->n + at->state];
    double hold = log(ph_rng_uniform(stream)) * row->scale;
    double pick = ph_rng_uniform(stream), end = self->end[at->epoch];
    next_stream(stream);
    hold = self->discrete ? 1 + floor(hold) : hold;
    if (at->time + hold > end) {
        hold = end - at->time;
        at->time = end;
        at->epoch++;
    } else {
        at->state = ph_alias_draw(row->degree, self->table + row->first, pick);
        at->time += hold;
    }
    return hold;
}

double ph_sampler_draw(const ph_sampler *self, uint64_t seed, uint32_t observation,
                       double limit, double *total)
{
    size_t n_rewards = self->n_rewards;
    ph_rng stream;
    place at = {.state = first_state(self, &stream, seed, observation)};
    for (size_t r = 0; r < n_rewards; r++) {
        total[r] = 0;
    }
    while (at.state < self->n && at.time <= limit) {
        const double *amount = self->amount + (size_t)at.state * n_rewards;
        double hold = visit(self, &stream, &at);
        for (size_t r = 0; r < n_rewards; r++) {
            total[r] += hold * amount[r];
        }
    }
    return at.time;
}

double ph_sampler_censor(uint64_t seed, uint32_t observation, double rate)
{
    ph_rng stream;
    ph_rng_init(&stream, seed, PH_RNG_SAMPLE, observation, STEP_CENSOR);
    return -log(ph_rng_uniform(&stream)) / rate;
}

static int add_visit(ph_sample_path *self, uint32_t state, double time)
{
    size_t need = self->length + 1;
    if (ph_grow(&self->state, &self->state_capacity, need, sizeof *self->state) != 0 ||
        ph_grow(&self->time, &self->time_capacity, need, sizeof *self->time) != 0) {
        return PH_E_MEMORY;
    }
    self->state[self->length] = state;
    self->time[self->length++] = time;
    return PH_OK;
}

int ph_sampler_path(const ph_sampler *self, uint64_t seed, uint32_t observation,
                    ph_sample_path *path)
{
    ph_rng stream;
    place at = {.state = first_state(self, &stream, seed, observation)};
    path->length = 0;
    int status = add_visit(path, at.state, at.time);
    while (at.state < self->n && status == PH_OK) {
        size_t epoch = at.epoch;
        (void)visit(self, &stream, &at);
        if (at.epoch == epoch) {
            status = add_visit(path, at.state, at.time);
        }
    }
    return status;
}

void ph_sample_path_free(ph_sample_path *self)
{
    free(self->state);
    free(self->time);
    memset(self, 0, sizeof *self);
}
