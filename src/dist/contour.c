/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shift. Every eigenvalue of S has a real part of at most -d, and for any v > 0 with
 * v' = (-S)^-1 v, min_i v_i / v'_i is a lower bound of d (Collatz 1942, Wielandt 1950).
 * Inverse iteration makes it a good one; without cycles d is the least total rate. The
 * transform of e^(shift t) f(t) has its poles moved to the right by as much, still not
 * beyond 0, so the sum keeps its digits where f itself is as small as e^(-shift t).
 * Shifted eigenvalues do not leave the disk |z + Lambda| <= Lambda either, whatever the
 * shift: with V = diag(v) of such a bound, V^-1 S V + shift I has rows that sum to at
 * most 0 and no negative rates, and so is a sub-intensity matrix itself, of total rates
 * up to Lambda - shift. Its eigenvalues are those of S, moved.
 *
 * The way back. With x = a (z I - S)^-1 and y = (z I - S)^-1 s, the derivative of the
 * transform in the rate of an edge i -> j is x_i (y_j - y_i), y = 1 at absorption; with
 * 1 in place of s, y is 0 there. All times, of densities and of survivals, meet in one
 * right-hand side for each node.
 *
 * Whether derivatives are right. x y, minus the derivative of the transform in z, has
 * the poles that derivatives in rates have, of one order more than the transform's, and
 * its inverse is known: t f(t). What the sum makes of it tells what it makes of them.
 *
 * Rounding. The terms are rounded independently of each other, so what they make of the
 * sum is of the size of the root of their squares, not of the sum of their moduli.
 *
 * The left tail. There the survival hides in 1 what is asked for, the distribution
 * function; its transform is that of the density over z, and nothing is shifted.
 */
#include "phasic/dist/contour.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "contour_nodes.h"
#include "phasic/base/memory.h"
#include "phasic/trace/shifted.h"
#include "spectrum.h"

#define INVERSE_STEPS 12

/*
 * Cost of a node, in multiply-adds of a sweep, fitted to bench_contour: operations are
 * complex ones, and every state divides. Factors that leave the caches cost up to three
 * times as much.
 */
#define LANE_BYTES (2.0 * sizeof(ph_lanes))
#define NEAR_BYTES 0x1p21
#define NODE_COST  150 /* of its coefficients and of the call */
#define STEP_COST  40

struct ph_contour {
    const ph_plan *plan;
    ph_balance balance;
    ph_trace *trace;             /* NULL until needed */
    ph_lanes *rate, *rate_bar;   /* [edges] */
    ph_lanes *unused_bar;        /* [edges] of solves without a derivative */
    ph_lanes *work, *real_work;  /* factors */
    ph_lanes *x, *q;             /* [n + 1] complex */
    ph_lanes *start, *start_bar; /* [n_starts] */
    ph_lanes shift;
    ph_nodes nodes;
};

/* ------------------------------------------------------------- construction */

int ph_contour_new(ph_contour **self, const ph_plan *plan)
{
    ph_contour *contour = ph_alloc(1, sizeof *contour);
    if (!contour) {
        return PH_E_MEMORY;
    }
    contour->plan = plan;
    int status = ph_balance_find(&contour->balance, plan->graph);
    if (status != PH_OK) {
        ph_contour_free(contour);
        return status;
    }
    *self = contour;
    return PH_OK;
}

/* The arrays of `allocate`. */
static void release(ph_contour *self)
{
    ph_lanes **list[] = {&self->unused_bar, &self->rate,      &self->rate_bar,
                         &self->work,       &self->real_work, &self->x,
                         &self->q,          &self->start,     &self->start_bar};
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        ph_free_aligned(*list[k]);
        *list[k] = NULL;
    }
}

void ph_contour_free(ph_contour *self)
{
    if (self) {
        ph_balance_free(&self->balance);
        ph_trace_free(self->trace);
        release(self);
        ph_nodes_free(&self->nodes);
        free(self);
    }
}

static int allocate(ph_contour *self)
{
    const ph_graph *graph = self->plan->graph;
    size_t lane = sizeof(ph_lanes), bytes = sizeof(double);
    int acyclic = self->balance.spectrum == PH_SPECTRUM_ACYCLIC;
    size_t real = acyclic ? 0 : ph_trace_work(self->trace);
    self->rate = ph_alloc_aligned(graph->n_edges, lane);
    self->rate_bar = ph_alloc_aligned(graph->n_edges, lane);
    self->unused_bar = ph_alloc_aligned(graph->n_edges, lane);
    self->work = ph_alloc_aligned(ph_trace_shifted_work(self->trace), bytes);
    self->real_work = ph_alloc_aligned(real, bytes);
    self->x = ph_alloc_aligned(2 * (graph->n + 1), lane);
    self->q = ph_alloc_aligned(2 * (graph->n + 1), lane);
    self->start = ph_alloc_aligned(graph->n_starts, lane);
    self->start_bar = ph_alloc_aligned(graph->n_starts, lane);
    return self->unused_bar && self->rate && self->rate_bar && self->work &&
                   self->real_work && self->x && self->q && self->start &&
                   self->start_bar
               ? PH_OK
               : PH_E_MEMORY;
}

/* The trace and everything of its size, once. */
static int prepare(ph_contour *self, ph_error *error)
{
    if (self->start_bar) {
        return PH_OK;
    }
    int status = PH_OK;
    if (!self->trace) {
        status = ph_trace_record(&self->trace, self->plan->graph, NULL, error);
    }
    if (status == PH_OK && allocate(self) != PH_OK) {
        release(self);
        status = ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    return status;
}

int ph_contour_cost(ph_contour *self, double cost[PH_CONTOUR_SHAPES], ph_error *error)
{
    int status = prepare(self, error);
    if (status == PH_OK) {
        const ph_graph *graph = self->plan->graph;
        ph_trace_summary size;
        ph_trace_summarize(self->trace, &size);
        double n = (double)graph->n, terms = (double)self->plan->in.n_terms;
        double entries = (double)size.entries, edges = (double)graph->n_edges;
        int cyclic = self->balance.spectrum != PH_SPECTRUM_ACYCLIC;
        double far = 1 + fmin(2, LANE_BYTES * (entries + 4 * n) / NEAR_BYTES);
        double value = NODE_COST + (cyclic ? 3 * (double)size.operations +
                                                 far * (3 * entries + 56 * n)
                                           : 9 * (edges + n));
        double slope =
            value + (cyclic ? far * (3 * entries + 40 * n) : 12 * (edges + n));
        double step = 3 * terms + 4 * n + STEP_COST;
        for (int shape = PH_HYPERBOLA; shape <= PH_HYPERBOLA_LEFT; shape++) {
            double nodes = (double)ph_nodes_count((ph_contour_shape)shape, 0);
            double more = (double)ph_nodes_count((ph_contour_shape)shape, 1);
            cost[shape] = ((nodes + more) * value + nodes * slope) / step;
        }
        for (int shape = PH_PARABOLA; shape <= PH_PARABOLA_LEFT; shape++) {
            double more = ph_nodes_more((ph_contour_shape)shape);
            cost[shape] = ((1 + more) * value + slope) / step;
        }
    }
    return status;
}

/* -------------------------------------------------------------------- begin */

static void load(ph_contour *self, const double *u, unsigned valid)
{
    const ph_graph *graph = self->plan->graph;
    const ph_lanes *nodes = (const ph_lanes *)u;
    int good = 0;
    ph_trace_edge_rates(self->trace, u, self->rate);
    for (size_t s = 0; s < graph->n_starts; s++) {
        self->start[s] = (ph_lanes){0};
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            self->start[s] +=
                graph->start_coefficient[t] * nodes[graph->used[graph->start_use[t]]];
        }
    }
    while (good < PH_LANES - 1 && !(valid >> good & 1)) {
        good++;
    }
    for (int l = 0; l < PH_LANES; l++) { /* lanes that are not valid do no harm */
        for (size_t e = 0; e < graph->n_edges && !(valid >> l & 1); e++) {
            self->rate[e][l] = self->rate[e][good];
        }
    }
    memset(self->rate_bar, 0, graph->n_edges * sizeof *self->rate_bar);
    memset(self->start_bar, 0, graph->n_starts * sizeof *self->start_bar);
}

static void least_rate(ph_contour *self)
{
    const ph_graph *graph = self->plan->graph;
    for (size_t i = 0; i < graph->n; i++) {
        ph_lanes total = {0};
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            total += self->rate[e];
        }
        for (int l = 0; l < PH_LANES; l++) {
            self->shift[l] =
                i == 0 || total[l] < self->shift[l] ? total[l] : self->shift[l];
        }
    }
}

/* One step of inverse iteration on q; shift becomes the better of it and the bound. */
static void inverse_step(ph_contour *self)
{
    size_t n = self->plan->graph->n;
    ph_lanes *v = self->q, *next = self->x, least = {0}, most = {0};
    memcpy(next, v, n * sizeof *v);
    ph_trace_solve(self->trace, (double *)self->real_work, (double *)next);
    for (size_t i = 0; i < n; i++) {
        ph_lanes ratio = v[i] / next[i];
        for (int l = 0; l < PH_LANES; l++) {
            least[l] = i == 0 || !(ratio[l] >= least[l]) ? ratio[l] : least[l];
            most[l] = next[i][l] > most[l] ? next[i][l] : most[l];
        }
    }
    for (size_t i = 0; i < n; i++) {
        v[i] = next[i] / most;
    }
    for (int l = 0; l < PH_LANES; l++) {
        if (least[l] > self->shift[l] && least[l] < INFINITY) {
            self->shift[l] = least[l];
        }
    }
}

static void find_shift(ph_contour *self, const double *u)
{
    if (self->balance.spectrum == PH_SPECTRUM_ACYCLIC) {
        least_rate(self);
    } else {
        ph_trace_eliminate(self->trace, u, (double *)self->real_work);
        self->shift = (ph_lanes){0};
        for (size_t i = 0; i < self->plan->graph->n; i++) {
            self->q[i] = (ph_lanes){0} + 1;
        }
        for (int k = 0; k < INVERSE_STEPS; k++) {
            inverse_step(self);
        }
    }
}

int ph_contour_begin(ph_contour *self, const double *u, unsigned valid, unsigned *real,
                     ph_lanes *shift, ph_error *error)
{
    int status = prepare(self, error);
    if (status == PH_OK) {
        load(self, u, valid);
        find_shift(self, u);
        *real = valid & ph_balance_check(&self->balance, self->plan->graph, self->rate,
                                         self->x);
        *shift = self->shift;
    }
    return status;
}

/* ------------------------------------------------------------------- values */

/* x = a (z_k I - S)^-1, with x s behind it. */
static void solve_node(ph_contour *self, ph_contour_shape shape, size_t k)
{
    const ph_graph *graph = self->plan->graph;
    ph_lanes z[3] = {creal(self->nodes.z[k]) + (ph_lanes){0},
                     cimag(self->nodes.z[k]) + (ph_lanes){0},
                     ph_contour_left(shape) ? (ph_lanes){0} : self->shift};
    memset(self->x, 0, 2 * (graph->n + 1) * sizeof *self->x);
    for (size_t s = 0; s < graph->n_starts; s++) {
        if (graph->start[s] < graph->n) {
            self->x[2 * graph->start[s]] = self->start[s];
        }
    }
    ph_trace_shifted_forward(self->trace, self->rate, z, self->work, self->x);
}

static ph_lanes square(const ph_lanes *x)
{
    return x[0] * x[0] + x[1] * x[1];
}

/* a / z_k */
static void over_z(const ph_contour *self, size_t k, const ph_lanes *a, ph_lanes *to)
{
    double complex inverse = 1 / self->nodes.z[k];
    to[0] = creal(inverse) * a[0] - cimag(inverse) * a[1];
    to[1] = creal(inverse) * a[1] + cimag(inverse) * a[0];
}

/*
 * The transforms at node k: of the density, x s, into sum[0..1]; where it is asked for,
 * into sum[2..3] that of the survival, x 1, or of the distribution function, x s / z.
 */
static void transforms(const ph_contour *self, ph_contour_shape shape, size_t k,
                       int survival, ph_lanes *sum)
{
    size_t n = self->plan->graph->n;
    memset(sum, 0, 4 * sizeof *sum);
    sum[0] = self->x[2 * n];
    sum[1] = self->x[2 * n + 1];
    if (ph_contour_left(shape)) {
        over_z(self, k, sum, sum + 2);
        return;
    }
    for (size_t i = 0; i < n && survival; i++) {
        sum[2] += self->x[2 * i];
        sum[3] += self->x[2 * i + 1];
    }
}

/* x y with y = (z I - S)^-1 s, or with 1 in place of s, into dot[0..1]. */
static void derivative(ph_contour *self, int survival, ph_lanes *dot)
{
    ph_lanes seed[4] = {0};
    seed[survival ? 2 : 0] += 1;
    ph_trace_shifted_backward(self->trace, self->rate, self->work, self->x, seed,
                              self->q, self->unused_bar);
    dot[0] = dot[1] = (ph_lanes){0};
    for (size_t i = 0; i < self->plan->graph->n; i++) {
        const ph_lanes *x = self->x + 2 * i, *y = self->q + 2 * i;
        dot[0] += x[0] * y[0] - x[1] * y[1];
        dot[1] += x[0] * y[1] + x[1] * y[0];
    }
}

/* The derivatives of -sum, see transforms, as far as the times' kinds need them. */
static void slopes(ph_contour *self, ph_contour_shape shape, size_t k,
                   const int kinds[2], ph_lanes *dot)
{
    size_t n = self->plan->graph->n;
    if (ph_contour_left(shape)) { /* -(F / z)' = (-F' + F / z) / z */
        ph_lanes sum[2];
        derivative(self, 0, dot);
        over_z(self, k, self->x + 2 * n, sum);
        sum[0] += dot[0];
        sum[1] += dot[1];
        over_z(self, k, sum, dot + 2);
        return;
    }
    for (int kind = 0; kind < 2; kind++) {
        if (kinds[kind]) {
            derivative(self, kind, dot + 2 * kind);
        }
    }
}

static void add_slopes(ph_contour *self, ph_contour_shape shape, size_t k,
                       const int kinds[2], size_t n, const ph_contour_time *times,
                       ph_contour_value *value)
{
    ph_lanes dot[4];
    const double complex *c = ph_nodes_coefficients(&self->nodes, k, n, times);
    slopes(self, shape, k, kinds, dot);
    for (size_t i = 0; i < n; i++) {
        const ph_lanes *part = times[i].survival ? dot + 2 : dot;
        value[i].slope += creal(c[i]) * part[0] - cimag(c[i]) * part[1];
    }
}

/* Adds node k to the numbers and the squares of its terms, or to the check's change. */
static void add_node(ph_contour *self, ph_contour_shape shape, size_t k, int check,
                     int survival, size_t n, const ph_contour_time *times,
                     ph_contour_value *value)
{
    ph_lanes sum[4], size[2];
    const double complex *c = ph_nodes_coefficients(&self->nodes, k, n, times);
    transforms(self, shape, k, survival, sum);
    size[0] = square(sum);
    size[1] = square(sum + 2);
    for (size_t i = 0; i < n; i++) {
        double re = creal(c[i]), im = cimag(c[i]);
        const ph_lanes *part = times[i].survival ? sum + 2 : sum;
        ph_lanes term = re * part[0] - im * part[1];
        if (check) {
            value[i].change -= term;
        } else {
            value[i].number += term;
            value[i].change += term;
            value[i].rounding += (re * re + im * im) * size[times[i].survival];
        }
    }
}

int ph_contour_values(ph_contour *self, ph_contour_shape shape, double rate, size_t n,
                      const ph_contour_time *times, ph_contour_value *value)
{
    int kinds[2] = {0, 0};
    memset(value, 0, n * sizeof *value);
    for (size_t i = 0; i < n; i++) {
        kinds[times[i].survival] = 1;
    }
    for (int check = 0; check < 2; check++) {
        int status = ph_nodes_set(&self->nodes, shape, check, rate, n, times);
        if (status != PH_OK) {
            return status;
        }
        for (size_t k = 0; k < self->nodes.n; k++) {
            solve_node(self, shape, k);
            add_node(self, shape, k, check, kinds[1], n, times, value);
            if (!check) {
                add_slopes(self, shape, k, kinds, n, times, value);
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (int l = 0; l < PH_LANES; l++) {
            double slope = value[i].slope[l] / times[i].t - value[i].number[l];
            value[i].change[l] = fmax(fabs(value[i].change[l]), fabs(slope));
            value[i].rounding[l] = DBL_EPSILON / 2 * sqrt(value[i].rounding[l]);
        }
    }
    return PH_OK;
}

/* ----------------------------------------------------------------- gradient */

/* The adjoints of x s and x 1 at node k. */
static void node_seeds(ph_contour *self, ph_contour_shape shape, size_t k, size_t n,
                       const ph_contour_time *times, const ph_lanes *weight,
                       ph_lanes *seed)
{
    const double complex *c = ph_nodes_coefficients(&self->nodes, k, n, times);
    memset(seed, 0, 4 * sizeof *seed);
    for (size_t i = 0; i < n; i++) {
        ph_lanes *to = times[i].survival ? seed + 2 : seed;
        to[0] += creal(c[i]) * weight[i];
        to[1] += cimag(c[i]) * weight[i];
    }
    if (ph_contour_left(shape)) {
        ph_lanes part[2];
        over_z(self, k, seed + 2, part);
        seed[0] += part[0];
        seed[1] += part[1];
        seed[2] = seed[3] = (ph_lanes){0};
    }
}

int ph_contour_seed(ph_contour *self, ph_contour_shape shape, double rate, size_t n,
                    const ph_contour_time *times, const ph_lanes *weight)
{
    const ph_graph *graph = self->plan->graph;
    int status = ph_nodes_set(&self->nodes, shape, 0, rate, n, times);
    for (size_t k = 0; k < self->nodes.n && status == PH_OK; k++) {
        ph_lanes seed[4];
        solve_node(self, shape, k);
        node_seeds(self, shape, k, n, times, weight, seed);
        ph_trace_shifted_backward(self->trace, self->rate, self->work, self->x, seed,
                                  self->q, self->rate_bar);
        for (size_t s = 0; s < graph->n_starts; s++) {
            if (graph->start[s] < graph->n) {
                self->start_bar[s] += self->q[2 * graph->start[s]];
            }
        }
    }
    return status;
}

static void add_lanes(ph_lanes *to, double factor, const ph_lanes *from, unsigned lanes)
{
    for (int l = 0; l < PH_LANES; l++) {
        (*to)[l] += lanes >> l & 1 ? factor * (*from)[l] : 0;
    }
}

void ph_contour_gradient(ph_contour *self, unsigned lanes, double *u_bar)
{
    const ph_graph *graph = self->plan->graph;
    ph_lanes *bar = (ph_lanes *)u_bar;
    for (size_t e = 0; e < graph->n_edges; e++) {
        for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
            add_lanes(&bar[graph->used[graph->term_use[t]]], graph->term_coefficient[t],
                      &self->rate_bar[e], lanes);
        }
    }
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            add_lanes(&bar[graph->used[graph->start_use[t]]],
                      graph->start_coefficient[t], &self->start_bar[s], lanes);
        }
    }
    memset(self->rate_bar, 0, graph->n_edges * sizeof *self->rate_bar);
    memset(self->start_bar, 0, graph->n_starts * sizeof *self->start_bar);
}
