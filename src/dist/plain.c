/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/dist/plain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "epochs_private.h"
#include "phasic/base/memory.h"
#include "phasic/num/poisson.h"
#include "sweep_private.h"

/* A term of the sum: kind, and its time, or the two ends of its interval. */
typedef struct request {
    ph_sweep_kind kind;
    double t, t2;
} request;

typedef struct plain {
    const ph_graph *graph;
    const double *u;
    long double rate;        /* Lambda */
    long double *edge_rate;  /* [n_edges] */
    long double *total;      /* [n] rate out of each state */
    size_t length, capacity; /* vectors v_0 .. v_{length-1} */
    long double *v;          /* [capacity][n + 1] */
    long double *mass;       /* [capacity] */
    long double *weight;     /* of the steps of one interval */
} plain;

static long double term_value(const plain *self, size_t term)
{
    const ph_graph *graph = self->graph;
    return (long double)graph->term_coefficient[term] *
           self->u[graph->used[graph->term_use[term]]];
}

static int is_valid(const plain *self)
{
    const ph_graph *graph = self->graph;
    for (size_t k = 0; k < graph->n_used; k++) {
        double x = self->u[graph->used[k]];
        if (!(x >= 0 && x < INFINITY)) {
            return 0;
        }
    }
    return 1;
}

static int set_rates(plain *self)
{
    const ph_graph *graph = self->graph;
    self->edge_rate = ph_alloc(graph->n_edges, sizeof *self->edge_rate);
    self->total = ph_alloc(graph->n, sizeof *self->total);
    if (!self->edge_rate || !self->total) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
                self->edge_rate[e] += term_value(self, t);
            }
            self->total[i] += self->edge_rate[e];
        }
        if (self->total[i] > self->rate) {
            self->rate = self->total[i];
        }
    }
    if (graph->discrete) {
        if (self->rate > 1 + 1e-9L) {
            return PH_E_NUMERIC;
        }
        self->rate = 1;
    }
    return self->rate > 0 ? PH_OK : PH_E_NUMERIC;
}

static int reserve(plain *self, size_t length)
{
    if (length <= self->capacity) {
        return PH_OK;
    }
    size_t wanted = 2 * length, width = self->graph->n + 1;
    long double *v = ph_realloc(self->v, wanted * width, sizeof *v);
    if (v) {
        self->v = v;
    }
    long double *mass = ph_realloc(self->mass, wanted, sizeof *mass);
    if (mass) {
        self->mass = mass;
    }
    if (!v || !mass) {
        return PH_E_MEMORY;
    }
    self->capacity = wanted;
    return PH_OK;
}

static void set_mass(plain *self, size_t k)
{
    const long double *v = self->v + k * (self->graph->n + 1);
    self->mass[k] = 0;
    for (size_t i = 0; i < self->graph->n; i++) {
        self->mass[k] += v[i];
    }
}

static int begin(plain *self)
{
    const ph_graph *graph = self->graph;
    int status = reserve(self, 64);
    if (status != PH_OK) {
        return status;
    }
    long double total = 0;
    memset(self->v, 0, (graph->n + 1) * sizeof *self->v);
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            long double part = (long double)graph->start_coefficient[t] *
                               self->u[graph->used[graph->start_use[t]]];
            self->v[graph->start[s]] += part;
            total += part;
        }
    }
    self->v[graph->n] = 0;
    self->length = 1;
    set_mass(self, 0);
    return total <= 1 + 1e-9L ? PH_OK : PH_E_NUMERIC;
}

/* v_{k+1} from v_k; entry n is what is absorbed in this step alone. */
static int step(plain *self)
{
    int status = reserve(self, self->length + 1);
    if (status != PH_OK) {
        return status;
    }
    const ph_graph *graph = self->graph;
    size_t width = graph->n + 1;
    const long double *v = self->v + (self->length - 1) * width;
    long double *next = self->v + self->length * width;
    for (size_t i = 0; i < graph->n; i++) {
        next[i] = (1 - self->total[i] / self->rate) * v[i];
    }
    next[graph->n] = 0;
    for (size_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            next[graph->target[e]] += self->edge_rate[e] / self->rate * v[i];
        }
    }
    set_mass(self, self->length++);
    return PH_OK;
}

/*
 * Weight of step k at time t: the Poisson probability by its definition, whose
 * cancellation long double affords.
 */
static long double step_weight(const plain *self, ph_sweep_kind kind, double t,
                               size_t k)
{
    if (self->graph->discrete) {
        return (double)k == (kind == PH_DENSITY ? t - 1 : t);
    }
    long double x = self->rate * t;
    if (x == 0) {
        return k == 0;
    }
    return expl((long double)k * logl(x) - x - lgammal((long double)k + 1));
}

static long double step_value(const plain *self, ph_sweep_kind kind, size_t k)
{
    size_t width = self->graph->n + 1;
    return kind == PH_DENSITY ? self->rate * self->v[(k + 1) * width + width - 1]
                              : self->mass[k];
}

static int can_be_counted(const plain *self, double t)
{
    return self->rate * t < PH_STEPS_MAX;
}

/* Takes steps until v_length is there. */
static int take_steps(plain *self, size_t length)
{
    while (self->length < length + 1) {
        int status = step(self);
        if (status != PH_OK) {
            return status;
        }
    }
    return PH_OK;
}

/* Value at one time; *reach is the number of steps that count. */
static int mixture(plain *self, ph_sweep_kind kind, double t, long double *value,
                   size_t *reach)
{
    double x = (double)(self->rate * t);
    long double sum = 0, scale = kind == PH_DENSITY ? self->rate : 1;
    if (!can_be_counted(self, t)) {
        return PH_E_MEMORY;
    }
    for (size_t k = 0;; k++) {
        int status = take_steps(self, k + 1);
        if (status != PH_OK) {
            return status;
        }
        sum += step_weight(self, kind, t, k) * step_value(self, kind, k);
        int far = (double)k > x && k >= self->graph->distance;
        long double tail = self->graph->discrete
                               ? (double)k <= t
                               : expl(ph_poisson_log_upper_tail((double)k + 1, x)) *
                                     scale * self->mass[k + 1];
        if (far && tail <= 1e-20L * sum) {
            *value = sum;
            *reach = k + 1;
            return PH_OK;
        }
    }
}

/*
 * weight[k] = P(N_u > k) - P(N_l > k) for k < reach. The difference is the sum over
 * j <= k of pi_j(l) - pi_j(u), and also minus the sum over j > k. pi_j(u) / pi_j(l) =
 * exp(e_j) with e_j = j log(u / l) - Lambda (u - l), negative up to some j and positive
 * from there, so one of the two sums has no term of the wrong sign.
 */
static int interval_weights(plain *self, double l, double u, size_t reach)
{
    long double *weight = ph_realloc(self->weight, reach + 1, sizeof *weight), sum = 0;
    if (!weight) {
        return PH_E_MEMORY;
    }
    self->weight = weight;
    long double width = (long double)u - l, growth = log1pl(width / l);
    size_t middle = l > 0 ? (size_t)(self->rate * width / growth) : 0;
    for (size_t k = reach; k-- > 0;) {
        long double e = l > 0 ? (k + 1) * growth - self->rate * width : INFINITY;
        sum -= step_weight(self, PH_SURVIVAL, u, k + 1) * expm1l(-e);
        weight[k] = sum;
    }
    sum = 0;
    for (size_t k = 0; k < middle && k < reach; k++) {
        long double e = k * growth - self->rate * width;
        sum -= step_weight(self, PH_SURVIVAL, l, k) * expm1l(e);
        weight[k] = sum;
    }
    return PH_OK;
}

static int set_weights(plain *self, double l, double u, size_t reach)
{
    if (!self->graph->discrete) {
        return interval_weights(self, l, u, reach);
    }
    long double *weight = ph_realloc(self->weight, reach + 1, sizeof *weight);
    if (!weight) {
        return PH_E_MEMORY;
    }
    self->weight = weight;
    for (size_t k = 0; k < reach; k++) {
        weight[k] = (double)k >= l && (double)k < u;
    }
    return PH_OK;
}

/* P(l < T <= u), and at l = 0 the mass absorbed at once. */
static int interval(plain *self, double l, double u, long double *value, size_t *reach)
{
    const ph_graph *graph = self->graph;
    size_t width = graph->n + 1;
    double x = (double)(self->rate * u), atom = 0;
    if (!can_be_counted(self, u)) {
        return PH_E_MEMORY;
    }
    if (l == 0) {
        atom = ph_sweep_atom(graph, self->u, graph->used, 1, 0, NULL);
    }
    for (size_t length = (size_t)x + graph->distance + 32;; length += length / 8) {
        int status = take_steps(self, length);
        if (status == PH_OK) {
            status = set_weights(self, l, u, length);
        }
        if (status != PH_OK) {
            return status;
        }
        long double sum = atom;
        for (size_t k = 0; k < length; k++) {
            sum += self->weight[k] * self->v[(k + 1) * width + width - 1];
        }
        long double tail = expl(ph_poisson_log_upper_tail((double)length, x));
        if (graph->discrete || !(u > l) || tail <= 1e-20L * sum) {
            *value = sum;
            *reach = length;
            return PH_OK;
        }
    }
}

/*
 * *share is 1 / value. F beyond 1/2 is 1 - S: *what becomes S, and *share its -1 / F.
 * The same of S and F.
 */
static int one_value(plain *self, request *what, long double *log_value,
                     long double *share, size_t *reach)
{
    long double value = 0, rest;
    int status = what->kind == PH_INTERVAL
                     ? interval(self, what->t, what->t2, &value, reach)
                     : mixture(self, what->kind, what->t, &value, reach);
    *log_value = logl(value);
    *share = value > 0 ? 1 / value : 0;
    if (status == PH_OK && what->kind == PH_INTERVAL && what->t == 0 && value > 0.5L) {
        *what = (request){PH_SURVIVAL, what->t2, 0};
        status = mixture(self, PH_SURVIVAL, what->t, &rest, reach);
        *log_value = log1pl(-rest);
        *share = -1 / (1 - rest);
    } else if (status == PH_OK && what->kind == PH_SURVIVAL && value > 0.5L) {
        *what = (request){PH_INTERVAL, 0, what->t};
        status = interval(self, 0, what->t2, &rest, reach);
        *log_value = log1pl(-rest);
        *share = -1 / (1 - rest);
    }
    return status;
}

/*
 * c_bar[k], a_bar[k]: derivative with respect to step_value(k); the absorbed share of a
 * step is c_k / Lambda.
 */
static int seed(plain *self, const request *what, size_t reach, long double factor,
                long double *c_bar, long double *a_bar)
{
    long double *bar = what->kind == PH_SURVIVAL ? a_bar : c_bar;
    if (what->kind == PH_INTERVAL) {
        int status = set_weights(self, what->t, what->t2, reach);
        if (status != PH_OK) {
            return status;
        }
        for (size_t k = 0; k < reach; k++) {
            bar[k] += factor / self->rate * self->weight[k];
        }
        return PH_OK;
    }
    for (size_t k = 0; k < reach; k++) {
        bar[k] += factor * step_weight(self, what->kind, what->t, k);
    }
    return PH_OK;
}

static int backward(const plain *self, size_t reach, const long double *c_bar,
                    const long double *a_bar, double *u_bar)
{
    const ph_graph *graph = self->graph;
    size_t width = graph->n + 1;
    long double *w = ph_alloc(2 * width, sizeof *w), *next = w ? w + width : NULL;
    long double *edge_bar = ph_alloc(graph->n_edges, sizeof *edge_bar);
    if (!w || !edge_bar) {
        free(w);
        free(edge_bar);
        return PH_E_MEMORY;
    }
    for (size_t k = reach; k-- > 0;) {
        const long double *v = self->v + k * width;
        w[graph->n] = c_bar[k] * self->rate;
        for (size_t i = 0; i < graph->n; i++) {
            next[i] = w[i] + a_bar[k];
            for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
                long double gain = w[graph->target[e]] - w[i];
                edge_bar[e] += v[i] * gain / self->rate;
                next[i] += self->edge_rate[e] / self->rate * gain;
            }
        }
        memcpy(w, next, graph->n * sizeof *w);
    }
    for (size_t e = 0; e < graph->n_edges; e++) {
        for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
            u_bar[graph->used[graph->term_use[t]]] +=
                (double)(edge_bar[e] * graph->term_coefficient[t]);
        }
    }
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            if (graph->start[s] < graph->n) {
                u_bar[graph->used[graph->start_use[t]]] +=
                    (double)(graph->start_coefficient[t] * w[graph->start[s]]);
            }
        }
    }
    free(w);
    free(edge_bar);
    return PH_OK;
}

/* The three kinds that remain once distribution functions and half-lines are sorted. */
static request sorted(ph_sweep_kind kind, double t, double t2)
{
    request what = {kind, t, t2};
    if (kind == PH_DISTRIBUTION) {
        what = (request){PH_INTERVAL, 0, t};
    } else if (kind == PH_INTERVAL && t2 == INFINITY) {
        what = (request){PH_SURVIVAL, t, 0};
    }
    return what;
}

static int evaluate(plain *self, size_t n, request *what, double *log_value,
                    const double *weight, double *u_bar)
{
    const ph_graph *graph = self->graph;
    int status = PH_OK;
    size_t *reach = ph_alloc(n, sizeof *reach), most = 0;
    long double *share = ph_alloc(n, sizeof *share), *c_bar = NULL, *a_bar = NULL;
    if (!reach || !share) {
        status = PH_E_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        long double exact;
        status = one_value(self, &what[i], &exact, &share[i], &reach[i]);
        log_value[i] = (double)exact;
        most = reach[i] > most ? reach[i] : most;
    }
    if (status != PH_OK || !u_bar) {
        goto out;
    }
    c_bar = ph_alloc(most, sizeof *c_bar);
    a_bar = ph_alloc(most, sizeof *a_bar);
    if (!c_bar || !a_bar) {
        status = PH_E_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        if (share[i] != 0 && weight[i] != 0) {
            long double factor = weight[i] * share[i];
            status = seed(self, &what[i], reach[i], factor, c_bar, a_bar);
            if (what[i].kind == PH_INTERVAL && what[i].t == 0) {
                (void)ph_sweep_atom(graph, self->u, graph->used, 1, (double)factor,
                                    u_bar);
            }
        }
    }
    if (status == PH_OK) {
        status = backward(self, most, c_bar, a_bar, u_bar);
    }
out:
    free(reach);
    free(share);
    free(c_bar);
    free(a_bar);
    return status;
}

int ph_plain_eval(const ph_plan *plan, const double *u, size_t n,
                  const ph_sweep_kind *kind, const double *t, const double *t2,
                  double *log_value, const double *weight, double *u_bar)
{
    if (plan->graph->epochs) {
        return ph_epochs_plain(plan, u, n, kind, t, t2, log_value, weight, u_bar);
    }
    plain self = {.graph = plan->graph, .u = u};
    request *what = ph_alloc(n, sizeof *what);
    if (!what) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        int at_once = kind[i] == PH_DENSITY && t[i] == 0 && plan->graph->discrete;
        what[i] = sorted(at_once ? PH_DISTRIBUTION : kind[i], t[i],
                         kind[i] == PH_INTERVAL ? t2[i] : 0);
    }
    int status = is_valid(&self) ? set_rates(&self) : PH_E_NUMERIC;
    if (status == PH_OK) {
        status = begin(&self);
    }
    if (status == PH_OK) {
        status = evaluate(&self, n, what, log_value, weight, u_bar);
    }
    free(what);
    free(self.edge_rate);
    free(self.total);
    free(self.v);
    free(self.mass);
    free(self.weight);
    return status;
}
