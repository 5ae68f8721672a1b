/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The definition of densities with epochs: every observation has a path of its own in
 * long double. The vector of all states and absorption is carried from leg to leg, a
 * leg being a stretch of time within one epoch, by uniformization edge by edge; what is
 * asked for is read off at the end, and its adjoint taken all the way back. The mass in
 * absorption is forgotten at the lower end of an interval, so nothing is subtracted.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "epochs_private.h"
#include "phasic/base/memory.h"
#include "sweep_private.h"

#define NEGLIGIBLE 1e-21L
#define MANY_STEPS 1e5 /* are looked at whether memory holds them */

typedef long double real;

typedef struct leg {
    size_t epoch;
    double length;
    int forget;       /* absorbed mass is set to 0 before it */
    int begins, ends; /* its ends are changes of epoch, not times of the observation */
    real *start;      /* [width] what it begins with */
} leg;

typedef struct path {
    const ph_plan *plan;
    const ph_graph *graph;
    const double *u;
    size_t width, n_legs, capacity; /* capacity: of v, in vectors */
    leg *leg;
    real *rate;  /* [edges] of the epoch that is loaded */
    real *total; /* [n] */
    real fastest;
    real *v;        /* vectors of a leg */
    real *end;      /* [width] what the last leg ends with */
    real *w, *next; /* [width] */
    real *edge_bar; /* [edges] */
} path;

/* ---- rates of an epoch, and steps at them ---- */

static void load(path *self, const leg *at)
{
    const ph_graph *graph = self->graph;
    const double *u = self->u + ph_plan_epoch(self->plan, at->epoch);
    self->fastest = 0;
    for (size_t i = 0; i < graph->n; i++) {
        self->total[i] = 0;
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            self->rate[e] = 0;
            for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
                self->rate[e] += (real)graph->term_coefficient[t] *
                                 u[graph->used[graph->term_use[t]]];
            }
            self->total[i] += self->rate[e];
        }
        self->fastest = fmaxl(self->fastest, self->total[i]);
    }
    if (graph->discrete || self->fastest == 0) { /* without rates any Lambda will do */
        self->fastest = graph->discrete || at->length == 0 ? 1 : 1 / (real)at->length;
    }
}

static void unload(path *self, size_t epoch, double *u_bar)
{
    const ph_graph *graph = self->graph;
    double *bar = u_bar + ph_plan_epoch(self->plan, epoch);
    for (size_t e = 0; e < graph->n_edges; e++) {
        for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
            bar[graph->used[graph->term_use[t]]] +=
                (double)(self->edge_bar[e] * graph->term_coefficient[t]);
        }
        self->edge_bar[e] = 0;
    }
}

/* to = v P */
static void step(const path *self, const real *v, real *to)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < graph->n; i++) {
        to[i] = (1 - self->total[i] / self->fastest) * v[i];
    }
    to[graph->n] = v[graph->n];
    for (size_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            to[graph->target[e]] += self->rate[e] / self->fastest * v[i];
        }
    }
}

/* w <- P w + seed, and the derivative with respect to the rates of the step. */
static void step_back(path *self, const real *v, real weight, const real *seed)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < graph->n; i++) {
        self->next[i] = self->w[i] + weight * seed[i];
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            real gain = (self->w[graph->target[e]] - self->w[i]) / self->fastest;
            self->edge_bar[e] += v[i] * gain;
            self->next[i] += self->rate[e] * gain;
        }
    }
    self->next[graph->n] = self->w[graph->n] + weight * seed[graph->n];
    memcpy(self->w, self->next, self->width * sizeof *self->w);
}

static real weight_of(const path *self, double length, size_t k)
{
    if (self->graph->discrete) {
        return (double)k == length;
    }
    real x = self->fastest * length;
    return x == 0 ? k == 0 : expl((real)k * logl(x) - x - lgammal((real)k + 1));
}

/*
 * Steps that count: until the weights still to come are negligible beside what every
 * vertex has, and no vertex is new.
 */
static int is_enough(const path *self, const real *sum, const real *before, real rest)
{
    for (size_t i = 0; i < self->width; i++) {
        if (sum[i] > 0 && (before[i] == 0 || rest > NEGLIGIBLE * sum[i])) {
            return 0;
        }
    }
    return 1;
}

static int reserve(path *self, size_t count)
{
    size_t capacity = self->capacity * self->width;
    int status = ph_grow(&self->v, &capacity, count * self->width, sizeof *self->v);
    self->capacity = capacity / self->width;
    return status;
}

/* A leg takes at least 2 x steps: all of its vectors are kept. */
static int can_hold(const path *self, double x)
{
    double vectors = 2 * x - (double)self->capacity;
    double bytes = vectors * (double)(self->width * sizeof(real));
    return x < MANY_STEPS ||
           (x < PH_STEPS_MAX && bytes < (double)ph_memory_available());
}

/* self->v and *reach of a leg; `to` is what it ends with. */
static int cross(path *self, const leg *at, real *to, size_t *reach)
{
    size_t width = self->width, bytes = width * sizeof(real);
    double x =
        self->graph->discrete ? at->length : (double)(self->fastest * at->length);
    if (!can_hold(self, x)) {
        return PH_E_MEMORY;
    }
    memset(to, 0, bytes);
    for (size_t k = 0;; k++) {
        int status = reserve(self, k + 2);
        if (status != PH_OK) {
            return status;
        }
        real *v = self->v + k * width;
        if (k == 0) {
            memcpy(v, at->start, bytes);
        }
        memcpy(self->next, to, bytes);
        real weight = weight_of(self, at->length, k);
        for (size_t i = 0; i < width; i++) {
            to[i] += weight * v[i];
        }
        *reach = k + 1;
        real ratio = (real)x / (real)(k + 1);
        int done = self->graph->discrete || at->length == 0
                       ? (double)k >= x
                       : ratio < 0.5L && k >= width &&
                             is_enough(self, to, self->next, 2 * weight);
        if (done) {
            return PH_OK;
        }
        step(self, v, v + width);
    }
}

/* self->w from the end of a leg to its start; its vectors are in self->v. */
static void cross_back(path *self, const leg *at, size_t reach, real *seed)
{
    memcpy(seed, self->w, self->width * sizeof *seed);
    memset(self->w, 0, self->width * sizeof *self->w);
    for (size_t k = reach; k-- > 0;) {
        real weight = weight_of(self, at->length, k);
        if (k + 1 == reach) {
            for (size_t i = 0; i < self->width; i++) {
                self->w[i] = weight * seed[i];
            }
        } else {
            step_back(self, self->v + k * self->width, weight, seed);
        }
    }
}

/* ---- the path of an observation ---- */

static double begin_of(const path *self, size_t epoch)
{
    return self->u[ph_plan_begins(self->plan, epoch)];
}

/* Legs from time `from` to `to`. */
static void add_legs(path *self, double from, double to, int forget)
{
    size_t epochs = self->graph->epochs->n;
    for (size_t e = 0; e < epochs; e++) {
        double begin = fmax(begin_of(self, e), from);
        double end = e + 1 < epochs ? fmin(begin_of(self, e + 1), to) : to;
        int last =
            to >= begin_of(self, e) && (e + 1 == epochs || to < begin_of(self, e + 1));
        if (end > begin || last) {
            leg *it = &self->leg[self->n_legs++];
            it->epoch = e;
            it->length = end > begin ? end - begin : 0;
            it->forget = forget;
            it->begins = begin_of(self, e) > from;
            it->ends = !last;
            forget = 0;
        }
        if (last) {
            break;
        }
    }
}

static void start(const path *self, real *v)
{
    const ph_graph *graph = self->graph;
    memset(v, 0, self->width * sizeof *v);
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s];
             graph->start[s] < graph->n && t < graph->start_term[s + 1]; t++) {
            v[graph->start[s]] += (real)graph->start_coefficient[t] *
                                  self->u[graph->used[graph->start_use[t]]];
        }
    }
    v[graph->n] = ph_sweep_atom(graph, self->u, graph->used, 1, 0, NULL);
}

/* The functional at the end, and with w its derivative and that of the rates. */
static real read_off(path *self, ph_sweep_kind kind, real *w)
{
    const ph_graph *graph = self->graph;
    real sum = kind == PH_SURVIVAL || kind == PH_DENSITY ? 0 : self->end[graph->n];
    for (size_t i = 0; i < graph->n; i++) {
        sum += kind == PH_SURVIVAL ? self->end[i] : 0;
        w[i] = kind == PH_SURVIVAL;
        for (size_t e = graph->row[i]; kind == PH_DENSITY && e < graph->row[i + 1];
             e++) {
            if (graph->target[e] == graph->n) {
                sum += self->rate[e] * self->end[i];
                w[i] += self->rate[e];
            }
        }
    }
    w[graph->n] = kind == PH_DISTRIBUTION || kind == PH_INTERVAL;
    return sum;
}

static void exit_bars(path *self, real factor)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            if (graph->target[e] == graph->n) {
                self->edge_bar[e] += factor * self->end[i];
            }
        }
    }
}

/* d / d length of a leg: what its end gains by time, seen by w. */
static real by_length(const path *self, const real *end, const real *w)
{
    const ph_graph *graph = self->graph;
    real sum = 0;
    for (size_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            sum += self->rate[e] * end[i] * (w[graph->target[e]] - w[i]);
        }
    }
    return sum;
}

static void start_bars(const path *self, double *u_bar)
{
    const ph_graph *graph = self->graph;
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s];
             graph->start[s] < graph->n && t < graph->start_term[s + 1]; t++) {
            u_bar[graph->used[graph->start_use[t]]] +=
                (double)(graph->start_coefficient[t] * self->w[graph->start[s]]);
        }
    }
    (void)ph_sweep_atom(graph, self->u, graph->used, 1, (double)self->w[graph->n],
                        u_bar);
}

static void length_bar(const path *self, const leg *at, real bar, double *u_bar)
{
    if (at->begins) {
        u_bar[ph_plan_begins(self->plan, at->epoch)] -= (double)bar;
    }
    if (at->ends) {
        u_bar[ph_plan_begins(self->plan, at->epoch + 1)] += (double)bar;
    }
}

/* All the way back with w = factor * the functional's derivative. */
static int back(path *self, ph_sweep_kind kind, real factor, double *u_bar)
{
    real *end = self->end, *seed = ph_alloc(self->width, sizeof *seed);
    int status = seed ? PH_OK : PH_E_MEMORY;
    (void)read_off(self, kind, self->w);
    for (size_t i = 0; i < self->width; i++) {
        self->w[i] *= factor;
    }
    if (kind == PH_DENSITY) {
        exit_bars(self, factor);
    }
    for (size_t l = self->n_legs; l-- > 0 && status == PH_OK;) {
        const leg *at = &self->leg[l];
        size_t reach;
        load(self, at);
        status = cross(self, at, end, &reach);
        if (status == PH_OK && !self->graph->discrete) {
            length_bar(self, at, by_length(self, end, self->w), u_bar);
        }
        if (status == PH_OK) {
            cross_back(self, at, reach, seed);
            unload(self, at->epoch, u_bar);
        }
        if (at->forget) {
            self->w[self->graph->n] = 0;
        }
    }
    if (status == PH_OK) {
        start_bars(self, u_bar);
    }
    free(seed);
    return status;
}

static int forth(path *self, ph_sweep_kind kind, double t, double t2, real *value)
{
    size_t reach, width = self->width;
    double end = kind == PH_DENSITY && self->graph->discrete ? t - 1 : t;
    int status = PH_OK;
    self->n_legs = 0;
    add_legs(self, 0, end, 0);
    if (kind == PH_INTERVAL) {
        add_legs(self, t, t2, 1);
    }
    for (size_t l = 0; l < self->n_legs && status == PH_OK; l++) {
        leg *at = &self->leg[l];
        if (l == 0) {
            start(self, at->start);
        } else {
            memcpy(at->start, self->end, width * sizeof(real));
        }
        if (at->forget) {
            at->start[self->graph->n] = 0;
        }
        load(self, at);
        status = cross(self, at, self->end, &reach);
    }
    if (status == PH_OK) {
        *value = read_off(self, kind, self->w);
    }
    return status;
}

/* log of one value, and its share of the gradient. F beyond 1/2 goes by way of S. */
static int one(path *self, ph_sweep_kind kind, double t, double t2, double *log_value,
               double weight, double *u_bar)
{
    real value, factor;
    *log_value = -INFINITY;
    if ((kind == PH_INTERVAL && !(t < t2)) ||
        (kind == PH_DENSITY && self->graph->discrete && t < 1)) {
        return PH_OK;
    }
    int status = forth(self, kind, t, t2, &value);
    if (status != PH_OK) {
        return status;
    }
    factor = 1 / value;
    *log_value = (double)logl(value);
    if ((kind == PH_DISTRIBUTION || kind == PH_SURVIVAL) && value > 0.5L) {
        kind = kind == PH_SURVIVAL ? PH_DISTRIBUTION : PH_SURVIVAL;
        status = forth(self, kind, t, t2, &value);
        *log_value = (double)log1pl(-value);
        factor = -1 / (1 - value);
    }
    return status == PH_OK && u_bar && weight != 0 && isfinite(*log_value)
               ? back(self, kind, weight * factor, u_bar)
               : status;
}

/* ---- all of them ---- */

static int set_up(path *self, const ph_plan *plan, const double *u)
{
    const ph_graph *graph = plan->graph;
    size_t legs = 2 * graph->epochs->n;
    self->plan = plan;
    self->graph = graph;
    self->u = u;
    self->width = graph->n + 1;
    self->leg = ph_alloc(legs, sizeof *self->leg);
    self->rate = ph_alloc(graph->n_edges, sizeof(real));
    self->edge_bar = ph_alloc(graph->n_edges, sizeof(real));
    self->total = ph_alloc(graph->n, sizeof(real));
    self->end = ph_alloc(self->width, sizeof(real));
    self->w = ph_alloc(self->width, sizeof(real));
    self->next = ph_alloc(self->width, sizeof(real));
    for (size_t l = 0; self->leg && l < legs; l++) {
        self->leg[l].start = ph_alloc(self->width, sizeof(real));
        if (!self->leg[l].start) {
            return PH_E_MEMORY;
        }
    }
    return self->leg && self->rate && self->edge_bar && self->total && self->end &&
                   self->w && self->next
               ? PH_OK
               : PH_E_MEMORY;
}

static void tear_down(path *self)
{
    for (size_t l = 0; self->leg && l < 2 * self->graph->epochs->n; l++) {
        free(self->leg[l].start);
    }
    free(self->leg);
    free(self->rate);
    free(self->edge_bar);
    free(self->total);
    free(self->end);
    free(self->w);
    free(self->next);
    free(self->v);
}

int ph_epochs_plain(const ph_plan *plan, const double *u, size_t n,
                    const ph_sweep_kind *kind, const double *t, const double *t2,
                    double *log_value, const double *weight, double *u_bar)
{
    double t_max = 0;
    for (size_t i = 0; i < n; i++) {
        double upper = kind[i] == PH_INTERVAL && t2[i] < INFINITY ? t2[i] : 0;
        t_max = fmax(t_max, fmax(t[i], upper));
    }
    path self = {0};
    int status = set_up(&self, plan, u);
    if (status == PH_OK && !ph_epochs_valid(plan, u, 1, t_max)) {
        status = PH_E_NUMERIC;
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        ph_sweep_kind what = kind[i];
        double upper = what == PH_INTERVAL ? t2[i] : 0, time = t[i];
        if (what == PH_INTERVAL && upper == INFINITY) {
            what = PH_SURVIVAL;
        } else if (what == PH_INTERVAL && time == 0) {
            what = PH_DISTRIBUTION;
            time = upper;
        } else if (what == PH_DENSITY && time == 0 && plan->graph->discrete) {
            what = PH_DISTRIBUTION;
        }
        status = one(&self, what, time, what == PH_INTERVAL ? upper : 0, &log_value[i],
                     weight ? weight[i] : 0, u_bar);
    }
    tear_down(&self);
    return status;
}
