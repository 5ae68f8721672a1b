/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sequence of a block and its way back.
 *
 * Range. Steps are taken in scale blocks of BLOCK. Vectors of scale block b are stored
 * divided by 2^exponent[b][lane]; whenever the remaining mass has fallen below 2^-200
 * at the start of a block, the vector is multiplied by powers of 2^200 (exactly) and
 * the exponent lowered. On the way back, a vector of adjoints is multiplied by the
 * opposite power, so products of both are the true ones. Poisson weights carry a log
 * offset per block (window.c), so far tails stay in range from both sides.
 *
 * Drift. g and tau are rounded once and used in every step, so mass is lost or won by
 * 1e-17 to 1e-16 each time, always the same way: 1e-9 in 10^7 steps. From step LATE on
 * g is 1 minus the exact sum of what leaves, and at every scale block the vector is
 * scaled to the mass it ought to have: that of the block before times the share that
 * was not absorbed, kept as a sum of two doubles, so that all errors are relative ones.
 * The way back multiplies the adjoints by the same numbers, so it stays the exact
 * adjoint of the way there, and <v_k, w_k> drifts no more than v does.
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
#include "phasic/base/flush.h"
#include "phasic/base/memory.h"
#include "sweep_private.h"

#define STORE_BYTES (4u << 20)
#define LATE        2048 /* a multiple of PH_BLOCK; drift before is below 1e-13 */
#define ROOM        (1 + 0x1p-50) /* in Lambda, so that no state's rounded shares exceed 1 */
#define MORE_ROOM   (1 + 0x1p-4) /* in long sweeps of cyclic graphs */
#define LONG        1000         /* Lambda t of a long sweep */
#define LARGE       0x1p900      /* of adjoints */
#define FOLD        256          /* steps whose adjoints are summed as they come */
#define ROUNDING    1e-14        /* of a start probability, with room to spare */
#define MANY_STEPS  (1u << 20)   /* are looked at whether memory holds them */
#define STEP_BYTES  (7 * sizeof(ph_lanes)) /* six rows, and weights */
#define SPAN_STEPS  0x1p26 /* more steps get no longer segments: few are that long */

/* ------------------------------------------------------------------ storage */

static int grow_lanes(ph_lanes **rows, size_t *capacity, size_t used, size_t need)
{
    return ph_grow_aligned(rows, capacity, used, need, sizeof **rows);
}

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
    sweep->mass = ph_alloc_aligned(2, sizeof *sweep->mass);
    sweep->absorbed = ph_alloc_aligned(2, sizeof *sweep->absorbed);
    if (!sweep->tau || !sweep->u || !sweep->adjoint || !sweep->g || !sweep->w[0] ||
        !sweep->w[1] || !sweep->ahead || !sweep->absorbed || !sweep->late_g ||
        !sweep->mass || !sweep->folded) {
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
    return grow_lanes(&self->window, &self->window_capacity, 0,
                      self->span * self->width);
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
        return ph_epoch_sweep_begin(self->epochs, u, t_max, valid);
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

/* ------------------------------------------------------------------ forward */

/*
 * Brings the vector of the first step of scale block b back into range and sets the
 * block's exponents. mass: the sum of the vector before.
 */
static int rescale(ph_sweep *self, size_t b, ph_lanes *v, const ph_lanes *mass)
{
    if (ph_grow(&self->exponent, &self->exponent_capacity, (b + 1) * PH_LANES,
                sizeof *self->exponent) != 0 ||
        ph_grow(&self->scaled, &self->scaled_capacity, b + 1, 1) != 0) {
        return PH_E_MEMORY;
    }
    int32_t *here = self->exponent + b * PH_LANES;
    if (b == 0) {
        memset(here, 0, PH_LANES * sizeof *here);
    } else {
        memcpy(here, here - PH_LANES, PH_LANES * sizeof *here);
    }
    ph_lanes factor = {0};
    self->scaled[b] = 0;
    for (int l = 0; l < PH_LANES; l++) {
        double m = (*mass)[l];
        factor[l] = 1;
        while (m > 0 && m < 0x1p-200 && b > 0) {
            m *= 0x1p200;
            factor[l] *= 0x1p200;
            here[l] -= 200;
            self->scaled[b] = 1;
        }
    }
    if (self->scaled[b]) {
        for (size_t i = 0; i < self->width; i++) {
            v[i] *= factor;
        }
        self->mass[0] *= factor;
        self->mass[1] *= factor;
    }
    return PH_OK;
}

/* g_i = 1 - sum of tau C, the sum as exact as long double is. */
static void find_late_g(ph_sweep *self)
{
    const ph_group_table *out = &self->plan->out;
    for (size_t i = 0; i < out->n_rows; i++) {
        long double rest[PH_LANES] = {0};
        for (size_t k = out->row_group[i]; k < out->row_group[i + 1]; k++) {
            long double sum = 0;
            for (size_t t = out->group_term[k]; t < out->group_term[k + 1]; t++) {
                sum += out->coefficient[t];
            }
            for (int l = 0; l < PH_LANES; l++) {
                rest[l] += sum * self->tau[out->group_use[k]][l];
            }
        }
        for (int l = 0; l < PH_LANES; l++) {
            self->late_g[out->row_vertex[i]][l] =
                rest[l] < 1 ? (double)(1 - rest[l]) : 0;
        }
    }
}

static const ph_lanes *g_of(const ph_sweep *self, size_t k)
{
    return k < LATE ? self->g : self->late_g;
}

/* v (1 + c), of masses or of adjoints, in a way that a tiny c is not rounded away. */
static void scale_by(const ph_sweep *self, ph_lanes *v, const ph_lanes *c)
{
    for (size_t i = 0; i + 1 < self->width; i++) {
        v[i] += v[i] * *c;
    }
}

static void mass_of(const ph_sweep *self, const ph_lanes *v, ph_lanes *mass)
{
    ph_lanes sum = {0};
    for (size_t i = 0; i + 1 < self->width; i++) {
        sum += v[i];
    }
    *mass = sum;
}

/*
 * At the start of a late block: what v lacks of the mass it ought to have, relative,
 * into excess[b], and v scaled. Where half of it was absorbed in one block, rounding
 * has had no time to add up, and the mass found is the one that counts.
 */
static int correct_mass(ph_sweep *self, size_t b, ph_lanes *v, ph_lanes *found)
{
    ph_lanes *high = &self->mass[0], *low = &self->mass[1], absorbed = {0};
    size_t kept = b < self->excess_capacity ? b : self->excess_capacity;
    int status = grow_lanes(&self->excess, &self->excess_capacity, kept, b + 1);
    if (status != PH_OK) {
        return status;
    }
    for (size_t k = (b - 1) * PH_BLOCK; k < b * PH_BLOCK; k++) {
        absorbed += self->p[k];
    }
    ph_lanes share = absorbed / self->a[(b - 1) * PH_BLOCK];
    ph_lanes taken = *high * share, rest = *high - taken;
    *low = *low * (1 - share) + ((*high - rest) - taken);
    for (int l = 0; l < PH_LANES; l++) {
        int known = b > LATE / PH_BLOCK && share[l] < 0.5;
        (*high)[l] = known ? rest[l] : (*found)[l];
        (*low)[l] = known ? (*low)[l] : 0;
        self->excess[b][l] =
            (*found)[l] > 0 ? ((*high)[l] - (*found)[l] + (*low)[l]) / (*found)[l] : 0;
    }
    scale_by(self, v, &self->excess[b]);
    return PH_OK;
}

/* A sweep that could not be held to its end is not begun. */
static int can_hold(const ph_sweep *self, size_t length)
{
    double more = (double)(length - self->step_capacity) * STEP_BYTES;
    return length < MANY_STEPS || more < (double)ph_memory_available();
}

int ph_sweep_reserve(ph_sweep *self, size_t length)
{
    size_t capacity = self->step_capacity, keep = self->length;
    length = (length + PH_BLOCK - 1) / PH_BLOCK * PH_BLOCK;
    if (length <= capacity) {
        return PH_OK;
    }
    if (!can_hold(self, length)) {
        return PH_E_MEMORY;
    }
    size_t geometric = capacity + capacity / 2;
    if (length < geometric && can_hold(self, geometric)) {
        length = geometric;
    }
    ph_lanes **rows[6] = {&self->p,     &self->a,     &self->b,
                          &self->p_bar, &self->a_bar, &self->b_bar};
    for (int r = 0; r < 6; r++) {
        size_t room = capacity;
        int status = grow_lanes(rows[r], &room, keep, length);
        if (status != PH_OK) {
            return status;
        }
    }
    self->step_capacity = length;
    return PH_OK;
}

/* Keeps v_k, k a multiple of the span, as the first vector of its segment. */
static int keep_first(ph_sweep *self, size_t segment, const ph_lanes *v)
{
    int status = grow_lanes(&self->first, &self->first_capacity, segment * self->width,
                            (segment + 1) * self->width);
    if (status == PH_OK) {
        memcpy(self->first + segment * self->width, v, self->width * sizeof *v);
    }
    return status;
}

/* 2^(exponent[b - 1] - exponent[b]): what rescale multiplied block b by. */
void ph_sweep_factor(const ph_sweep *self, size_t b, ph_lanes *factor)
{
    const int32_t *here = self->exponent + b * PH_LANES;
    for (int l = 0; l < PH_LANES; l++) {
        (*factor)[l] = ldexp(1.0, here[l - PH_LANES] - here[l]);
    }
}

/* 2^exponent[b]: true value of 1 in the units of block b; 0 where that is below range.
 */
static void unit_of(const ph_sweep *self, size_t b, ph_lanes *unit)
{
    for (int l = 0; l < PH_LANES; l++) {
        (*unit)[l] = ldexp(1.0, self->exponent[b * PH_LANES + (size_t)l]);
    }
}

/* b[k], and the sum's way on to b[k + 1] by p[k], compensated (Kahan 1965). */
static void add_absorbed(ph_sweep *self, size_t k, const ph_lanes *unit)
{
    ph_lanes *sum = &self->absorbed[0], *lost = &self->absorbed[1];
    self->b[k] = *sum;
    ph_lanes part = self->p[k] * *unit - *lost, next = *sum + part;
    *lost = (next - *sum) - part;
    *sum = next;
}

/* Recomputes the vectors of a segment, as far as steps were taken, into the window. */
static void fill_window(ph_sweep *self, size_t segment)
{
    if (segment == self->window_segment) {
        return;
    }
    memcpy(self->window, self->first + segment * self->width,
           self->width * sizeof *self->window);
    size_t begin = segment * self->span, end = begin + self->span - 1;
    for (size_t k = begin + 1; k <= end && k <= self->length; k++) {
        ph_lanes *v = self->window + (k - 1 - begin) * self->width, unused;
        self->kernel->forward(&self->plan->in, self->tau, g_of(self, k - 1), v,
                              v + self->width, &unused);
        if (k < self->length && k % PH_BLOCK == 0 && k >= LATE) {
            scale_by(self, v + self->width, &self->excess[k / PH_BLOCK]);
        }
        if (k < self->length && k % PH_BLOCK == 0 && self->scaled[k / PH_BLOCK]) {
            ph_lanes factor;
            ph_sweep_factor(self, k / PH_BLOCK, &factor);
            for (size_t i = 0; i < self->width; i++) {
                v[self->width + i] *= factor;
            }
        }
    }
    self->window_segment = segment;
}

int ph_sweep_extend(ph_sweep *self, size_t length)
{
    length = (length + PH_BLOCK - 1) / PH_BLOCK * PH_BLOCK;
    if (length <= self->length) {
        return PH_OK;
    }
    int status = ph_sweep_reserve(self, length);
    if (status != PH_OK) {
        return status;
    }
    size_t begin = self->length;
    ph_lanes unit = {0};
    unsigned saved = ph_flush_begin();
    if (begin % self->span != 0) {
        fill_window(self, begin / self->span);
    }
    for (size_t k = begin; k < length; k++) {
        size_t slot = k % self->span;
        ph_lanes *v = self->window + slot * self->width;
        if (k > 0 && slot == 0) {
            memcpy(v, self->ahead, self->width * sizeof *v);
        }
        if (k % PH_BLOCK == 0) {
            ph_lanes mass;
            mass_of(self, v, &mass);
            if (k == LATE) {
                find_late_g(self);
            }
            if (k >= LATE) {
                status = correct_mass(self, k / PH_BLOCK, v, &mass);
            }
            if (status == PH_OK) {
                status = rescale(self, k / PH_BLOCK, v, &mass);
            }
            if (status == PH_OK) {
                unit_of(self, k / PH_BLOCK, &unit);
            }
        }
        if (status == PH_OK && slot == 0) {
            status = keep_first(self, k / self->span, v);
            self->window_segment = k / self->span;
        }
        if (status != PH_OK) {
            break;
        }
        ph_lanes *next = slot + 1 < self->span ? v + self->width : self->ahead;
        self->kernel->forward(&self->plan->in, self->tau, g_of(self, k), v, next,
                              &self->a[k]);
        self->p[k] = next[self->width - 1];
        add_absorbed(self, k, &unit);
        self->length = k + 1;
    }
    ph_flush_end(saved);
    memset(self->p_bar + begin, 0, (length - begin) * sizeof *self->p_bar);
    memset(self->a_bar + begin, 0, (length - begin) * sizeof *self->a_bar);
    memset(self->b_bar + begin, 0, (length - begin) * sizeof *self->b_bar);
    return status;
}

/* ----------------------------------------------------------------- backward */

/* b_k is the atom and p_0 .. p_{k-1}: seeds of b go to p as sums over all later k. */
static void spread_absorbed(ph_sweep *self, size_t reach)
{
    ph_lanes later = {0}, unit = {0};
    for (size_t k = reach; k-- > 0;) {
        if (k == reach - 1 || k % PH_BLOCK == PH_BLOCK - 1) {
            unit_of(self, k / PH_BLOCK, &unit);
        }
        self->p_bar[k] += later * unit;
        later += self->b_bar[k];
    }
    for (size_t l = 0; l < PH_LANES; l++) {
        (void)ph_sweep_atom(self->plan->graph, (double *)self->u + l, NULL, PH_LANES,
                            self->rate * later[l], (double *)self->adjoint + l);
    }
    memset(self->b_bar, 0, reach * sizeof *self->b_bar);
    self->seeded_absorbed = 0;
}

static void start_adjoint(ph_sweep *self, const ph_lanes *w)
{
    const ph_graph *graph = self->plan->graph;
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s]; t < graph->start_term[s + 1]; t++) {
            if (graph->start[s] < graph->n) {
                self->adjoint[graph->start_use[t]] +=
                    self->rate * graph->start_coefficient[t] * w[graph->start[s]];
            }
        }
    }
}

/* The adjoint so far onto the compensated sum (Kahan 1965), and back to 0. */
static void fold_adjoint(ph_sweep *self)
{
    size_t n = self->plan->graph->n_used;
    for (size_t k = 0; k < n; k++) {
        ph_lanes *sum = &self->folded[k], *lost = &self->folded[n + k];
        ph_lanes part = self->adjoint[k] - *lost, next = *sum + part;
        *lost = (next - *sum) - part;
        *sum = next;
        self->adjoint[k] = (ph_lanes){0};
    }
}

/*
 * Adjoints into the units of the scale block before b. A state that has lost all its
 * mass to the end of double range may have an adjoint beyond that range: any large
 * number stands for it, as what it is multiplied by is 0.
 */
static void unscale(const ph_sweep *self, size_t b, ph_lanes *w)
{
    ph_lanes factor;
    ph_sweep_factor(self, b, &factor);
    for (size_t i = 0; i < self->width; i++) {
        w[i] *= factor;
        for (int l = 0; l < PH_LANES; l++) {
            w[i][l] = fmax(-LARGE, fmin(w[i][l], LARGE));
        }
    }
}

int ph_sweep_gradient(ph_sweep *self, double *u_bar)
{
    const ph_graph *graph = self->plan->graph;
    if (self->epochs) {
        return ph_epoch_sweep_gradient(self->epochs, u_bar);
    }
    ph_lanes *w = self->w[0], *next = self->w[1], *bar = (ph_lanes *)u_bar;
    size_t reach = self->seeded;
    memset(w, 0, self->width * sizeof *w);
    memset(self->adjoint, 0, graph->n_used * sizeof *self->adjoint);
    memset(self->folded, 0, 2 * graph->n_used * sizeof *self->folded);
    if (self->seeded_absorbed) {
        spread_absorbed(self, reach);
    }
    unsigned saved = ph_flush_begin();
    for (size_t k = reach; k-- > 0;) {
        fill_window(self, k / self->span);
        if (k + 1 < reach && (k + 1) % PH_BLOCK == 0 && k + 1 >= LATE) {
            scale_by(self, w, &self->excess[(k + 1) / PH_BLOCK]);
        }
        if (k + 1 < reach && (k + 1) % PH_BLOCK == 0 &&
            self->scaled[(k + 1) / PH_BLOCK]) {
            unscale(self, (k + 1) / PH_BLOCK, w);
        }
        w[self->width - 1] = self->p_bar[k];
        self->kernel->backward(&self->plan->out, self->tau, g_of(self, k),
                               self->window + k % self->span * self->width, w,
                               &self->a_bar[k], next, self->adjoint);
        ph_lanes *swap = w;
        w = next;
        next = swap;
        if (k % FOLD == 0) {
            fold_adjoint(self);
        }
    }
    ph_flush_end(saved);
    if (reach > 0) {
        start_adjoint(self, w);
        memset(self->p_bar, 0, reach * sizeof *self->p_bar);
        memset(self->a_bar, 0, reach * sizeof *self->a_bar);
    }
    fold_adjoint(self);
    for (size_t k = 0; k < graph->n_used; k++) {
        bar[graph->used[k]] += self->folded[k] / self->rate;
    }
    self->seeded = 0;
    return PH_OK;
}
