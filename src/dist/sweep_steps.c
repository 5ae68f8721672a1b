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
 * The mass of the whole says nothing of how it is spread: where two slow states (or
 * parts of the graph) share it, each drifts by its own rounding. So at every
 * DRIFT_STEPS-th late step every state is multiplied by what the last step lacked,
 * that many times. For a state that moves so slowly that each of these steps rounds
 * alike, this is the difference to a step in long double; for others, whose products
 * round now up and now down, what g lacks of the exact 1 - sum of tau C. These
 * factors are found again from the vector before, on recomputing and on the way back.
 */
#include <math.h>
#include <string.h>

#include "epochs_private.h"
#include "phasic/base/flush.h"
#include "phasic/base/memory.h"
#include "sweep_private.h"

#define LATE        2048       /* a multiple of PH_BLOCK; drift before is below 1e-13 */
#define DRIFT_STEPS 1024       /* of PH_BLOCK; LATE is one of it: 1e-13 is not lost */
#define SLOW        0x1p-33L   /* change in a step: rounding repeats for 8192 steps */
#define ROUNDINGS   0x1p-45L   /* no step rounds by more, but at the end of range */
#define LARGE       0x1p900    /* of adjoints */
#define FOLD        256        /* steps whose adjoints are summed as they come */
#define MANY_STEPS  (1u << 20) /* are looked at whether memory holds them */
#define STEP_BYTES  (7 * sizeof(ph_lanes)) /* six rows, and weights */

static int grow_lanes(ph_lanes **rows, size_t *capacity, size_t used, size_t need)
{
    return ph_grow_aligned(rows, capacity, used, need, sizeof **rows);
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

void ph_sweep_stay(const ph_group_table *out, size_t r, const ph_lanes *tau,
                   long double stay[PH_LANES])
{
    long double rest[PH_LANES] = {0};
    for (size_t k = out->row_group[r]; k < out->row_group[r + 1]; k++) {
        long double sum = 0;
        for (size_t t = out->group_term[k]; t < out->group_term[k + 1]; t++) {
            sum += out->coefficient[t];
        }
        for (int l = 0; l < PH_LANES; l++) {
            rest[l] += sum * tau[out->group_use[k]][l];
        }
    }
    for (int l = 0; l < PH_LANES; l++) {
        stay[l] = rest[l] < 1 ? 1 - rest[l] : 0;
    }
}

/* g_i = 1 - sum of tau C, the sum as exact as long double is and kept so. */
static void find_late_g(ph_sweep *self)
{
    const ph_group_table *out = &self->plan->out;
    for (size_t i = 0; i < out->n_rows; i++) {
        long double *stay = self->stay + out->row_vertex[i] * PH_LANES;
        ph_sweep_stay(out, i, self->tau, stay);
        for (int l = 0; l < PH_LANES; l++) {
            self->late_g[out->row_vertex[i]][l] = (double)stay[l];
        }
    }
}

static const ph_lanes *g_of(const ph_sweep *self, size_t k)
{
    return k < LATE ? self->g : self->late_g;
}

void ph_sweep_inflow(const ph_group_table *in, size_t r, const ph_lanes *tau,
                     const ph_lanes *v, long double sum[PH_LANES])
{
    for (size_t k = in->row_group[r]; k < in->row_group[r + 1]; k++) {
        for (int l = 0; l < PH_LANES; l++) {
            long double part = 0;
            for (size_t t = in->group_term[k]; t < in->group_term[k + 1]; t++) {
                part += (long double)in->coefficient[t] * v[in->term_vertex[t]][l];
            }
            sum[l] += part * tau[in->group_use[k]][l];
        }
    }
}

long double ph_sweep_lost(long double old, long double exact, double found,
                          long double lack)
{
    long double lost = exact - found;
    int slow =
        old > 0 && fabsl(exact - old) < SLOW * old && fabsl(lost) < ROUNDINGS * old;
    return slow ? lost / old : lack;
}

static int is_drift_step(size_t k)
{
    return k >= LATE && k % DRIFT_STEPS == 0;
}

/*
 * Relative, into self->drift: what the vector of step k lacks by the rounding of the
 * steps since it was last mended. v: the vector before; found: what came of it.
 */
static void find_drift(ph_sweep *self, size_t k, const ph_lanes *v,
                       const ph_lanes *found)
{
    const ph_group_table *in = &self->plan->in;
    const ph_lanes *g = g_of(self, k - 1);
    for (size_t r = 0; r + 1 < in->n_rows; r++) {
        size_t i = in->row_vertex[r];
        long double sum[PH_LANES] = {0};
        ph_sweep_inflow(in, r, self->tau, v, sum);
        for (int l = 0; l < PH_LANES; l++) {
            long double stay = self->stay[i * PH_LANES + (size_t)l], old = v[i][l];
            double steps = k == LATE ? LATE : DRIFT_STEPS;
            self->drift[i][l] =
                steps * (double)ph_sweep_lost(old, stay * old + sum[l], found[i][l],
                                              stay - (long double)g[i][l]);
        }
    }
}

static void scale_each(const ph_sweep *self, ph_lanes *v)
{
    for (size_t i = 0; i + 1 < self->width; i++) {
        v[i] += v[i] * self->drift[i];
    }
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
        if (k < self->length && is_drift_step(k)) {
            find_drift(self, k, v, v + self->width);
            scale_each(self, v + self->width);
        }
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
    if (begin > 0) { /* with the vector before the first one */
        fill_window(self, (begin - 1) / self->span);
    }
    for (size_t k = begin; k < length; k++) {
        size_t slot = k % self->span;
        ph_lanes *v = self->window + slot * self->width;
        if (k > 0 && slot == 0) {
            memcpy(v, self->ahead, self->width * sizeof *v);
        }
        if (k % PH_BLOCK == 0) {
            ph_lanes mass;
            if (k == LATE) {
                find_late_g(self);
            }
            if (is_drift_step(k)) {
                size_t before = (k - 1) % self->span;
                find_drift(self, k, self->window + before * self->width, v);
                scale_each(self, v);
            }
            mass_of(self, v, &mass);
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

void ph_sweep_fold(size_t n, ph_lanes *adjoint, ph_lanes *folded)
{
    for (size_t k = 0; k < n; k++) {
        ph_lanes *sum = &folded[k], *lost = &folded[n + k];
        ph_lanes part = adjoint[k] - *lost, next = *sum + part;
        *lost = (next - *sum) - part;
        *sum = next;
        adjoint[k] = (ph_lanes){0};
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

/* Adjoints of step k + 1 times what its masses were multiplied by. */
static void return_drift(ph_sweep *self, size_t k, ph_lanes *w, ph_lanes *scratch)
{
    const ph_lanes *v = self->window + k % self->span * self->width;
    ph_lanes unused;
    self->kernel->forward(&self->plan->in, self->tau, g_of(self, k), v, scratch,
                          &unused);
    find_drift(self, k + 1, v, scratch);
    scale_each(self, w);
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
        if (k + 1 < reach && is_drift_step(k + 1)) {
            return_drift(self, k, w, next);
        }
        w[self->width - 1] = self->p_bar[k];
        self->kernel->backward(&self->plan->out, self->tau, g_of(self, k),
                               self->window + k % self->span * self->width, w,
                               &self->a_bar[k], next, self->adjoint);
        ph_lanes *swap = w;
        w = next;
        next = swap;
        if (k % FOLD == 0) {
            ph_sweep_fold(graph->n_used, self->adjoint, self->folded);
        }
    }
    ph_flush_end(saved);
    if (reach > 0) {
        start_adjoint(self, w);
        memset(self->p_bar, 0, reach * sizeof *self->p_bar);
        memset(self->a_bar, 0, reach * sizeof *self->a_bar);
    }
    ph_sweep_fold(graph->n_used, self->adjoint, self->folded);
    for (size_t k = 0; k < graph->n_used; k++) {
        bar[graph->used[k]] += self->folded[k] / self->rate;
    }
    self->seeded = 0;
    return PH_OK;
}
