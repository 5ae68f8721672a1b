/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pieces of a sweep with epochs (epochs.c), forward and back.
 *
 * Truncation. The sum goes on until the weights still to come, times the mass that is
 * left, are below 1e-18 of what every state has so far, and no state is new: whatever
 * counts later is a sum of positive terms in these states, so it has its digits however
 * small the states are that it hangs on. For a y below h the weights of late steps are
 * smaller still beside those of early ones.
 *
 * Range. Vectors begin every piece with a mass of 1/2 to 1; exponents are kept. What is
 * then below 1e-285 is out of range and says so.
 *
 * Change times. With P = I + S / Lambda the end of a stage moves with its length L by
 * v_end S, so that dF/dL = v_end S w_end; an observation at t moves by its slope in
 * t - begin. Lengths of the pieces inside a stage are constants in differentiation:
 * where one of them grows and the offset shrinks, nothing changes.
 *
 * Drift. What sweep_steps.c says of it holds within a piece and from piece to piece. At
 * every MENDED-th piece of a stage, and its last, every state is multiplied by what it
 * lacks by then: what g lacks of the exact 1 - sum of tau C, or for slow states what a
 * step does; and by what the weights lack to 1. Then the mass is set to what it ought
 * to be, which is kept as a sum of two doubles. All of this is kept for the way back,
 * which multiplies the adjoints by the same numbers. The sum over steps is compensated
 * (Kahan 1965): plain, its roundings lean one way by 1e-16 a piece, each state's by its
 * own.
 */
#include <math.h>
#include <string.h>

#include "epochs_sweep.h"
#include "phasic/base/flush.h"
#include "phasic/base/memory.h"

#define NEGLIGIBLE 1e-18
#define CHECK      8  /* steps between looks at what is still to come */
#define TAIL       10 /* standard deviations of the number of steps that are taken */
#define MENDED     8  /* pieces; each of PH_EPOCH_REACH steps */
#define FEW        64 /* steps that are not worth it: 1e-14 is lost */
#define MANY_BYTES 0x1p26 /* are looked at whether memory holds them */

/* ------------------------------------------------------------------ forward */

/* Bytes that an array of so many items of `size` bytes still grows by. */
static double growth(size_t capacity, double need, size_t size)
{
    double wanted = fmax(need, 1.5 * (double)capacity);
    return need > (double)capacity ? (wanted - (double)capacity) * (double)size : 0;
}

/* Room for pieces and steps: what memory does not hold is not begun. */
static int reserve(ph_epoch_sweep *self, double pieces, double steps)
{
    ph_lanes **rows[] = {&self->p, &self->a, &self->p_bar, &self->a_bar};
    double vectors = (pieces + 1) * (double)self->width;
    double rows_of_drift =
        (pieces / MENDED + (double)self->n_stages + 1) * (double)self->width;
    double bytes = 4 * growth(self->step_capacity, steps, sizeof(ph_lanes)) +
                   growth(self->first_capacity, vectors, sizeof(ph_lanes)) +
                   growth(self->drift_capacity, rows_of_drift, sizeof(ph_lanes)) +
                   growth(self->piece_capacity, pieces, sizeof *self->piece);
    if (!(bytes < MANY_BYTES || bytes < (double)ph_memory_available())) {
        return PH_E_MEMORY;
    }
    size_t room = 0;
    for (int r = 0; r < 4; r++) {
        room = self->step_capacity;
        if (ph_grow_aligned(rows[r], &room, room, (size_t)steps, sizeof(ph_lanes)) !=
            PH_OK) {
            return PH_E_MEMORY;
        }
    }
    self->step_capacity = room;
    int status =
        ph_grow_aligned(&self->first, &self->first_capacity, self->first_capacity,
                        (size_t)vectors, sizeof(ph_lanes));
    if (status == PH_OK) {
        status =
            ph_grow_aligned(&self->drift, &self->drift_capacity, self->drift_capacity,
                            (size_t)rows_of_drift, sizeof(ph_lanes));
    }
    if (status == PH_OK) {
        status =
            ph_grow_aligned(&self->piece, &self->piece_capacity, self->piece_capacity,
                            (size_t)pieces, sizeof *self->piece);
    }
    return status;
}

/* Steps that a piece takes until what is still to come no longer counts, about. */
static double usual_steps(const ph_epoch_sweep *self, const ph_epoch_stage *at)
{
    double mean = 0, most = (double)at->steps;
    for (int l = 0; l < PH_LANES; l++) {
        mean = fmax(mean, at->mean[l]);
    }
    return self->plan->graph->discrete ? most
                                       : fmin(mean + TAIL * sqrt(mean) + CHECK, most);
}

/* Room for all pieces up to one. */
static int reserve_up_to(ph_epoch_sweep *self, size_t piece)
{
    double steps = (double)self->most + 1;
    if (self->n_pieces > 0) {
        const ph_epoch_piece *last = &self->piece[self->n_pieces - 1];
        steps += (double)(last->at + last->steps + 1);
    }
    for (size_t e = 0; e < self->n_stages && self->stage[e].first <= piece; e++) {
        const ph_epoch_stage *at = &self->stage[e];
        size_t from = at->first > self->n_pieces ? at->first : self->n_pieces;
        size_t end = piece - at->first < at->parts ? piece + 1 : at->first + at->parts;
        if (end > from) {
            steps += (double)(end - from) * (usual_steps(self, at) + 1);
        }
    }
    return reserve(self, (double)piece + 1, steps);
}

static size_t stage_of(const ph_epoch_sweep *self, size_t piece)
{
    size_t e = 0;
    while (e + 1 < self->n_stages && piece >= self->stage[e + 1].first) {
        e++;
    }
    return e;
}

/* Steps that a piece of discrete time has. */
static size_t whole_steps(const ph_epoch_sweep *self, const ph_epoch_piece *at)
{
    const ph_epoch_stage *stage = &self->stage[at->stage];
    size_t before = at->part * stage->steps;
    size_t length = (size_t)stage->length[0];
    for (int l = 1; l < PH_LANES; l++) {
        size_t other = (size_t)stage->length[l];
        length = other > length ? other : length;
    }
    int open = at->stage + 1 == self->n_stages;
    return open || length - before > stage->steps ? stage->steps : length - before;
}

/* Steps of a piece in mean, in one lane. */
static double steps_of(const ph_epoch_sweep *self, const ph_epoch_piece *at, int lane)
{
    return self->plan->graph->discrete ? (double)at->steps
                                       : self->stage[at->stage].mean[lane];
}

/* Weight of step k at the end of a piece, and P(N > k). */
static void end_weight(const ph_epoch_sweep *self, const ph_epoch_piece *at, size_t k,
                       ph_lanes *weight, ph_lanes *beyond)
{
    const ph_epoch_stage *stage = &self->stage[at->stage];
    if (self->plan->graph->discrete) {
        *weight = (ph_lanes){0} + (k == at->steps);
        *beyond = (ph_lanes){0} + (k < at->steps);
    } else {
        *weight = stage->weight[k];
        *beyond = stage->beyond[k];
    }
}

/*
 * Whether what is still to come counts for nothing in any state of any lane. `few`: the
 * first values near 0 are relative to the shortest path's weight, and need more steps.
 */
static int is_enough(const ph_epoch_sweep *self, const ph_lanes *beyond,
                     const ph_lanes *mass, const ph_lanes *absorbed, int few,
                     size_t *reached)
{
    ph_lanes least = (ph_lanes){0} + INFINITY;
    size_t count = 0;
    for (size_t i = 0; i <= self->width; i++) {
        const ph_lanes *it = i < self->width ? &self->sum[i] : absorbed;
        for (int l = 0; l < PH_LANES; l++) {
            count += (*it)[l] > 0;
            least[l] = (*it)[l] > 0 && (*it)[l] < least[l] ? (*it)[l] : least[l];
        }
    }
    int enough = count == *reached;
    for (int l = 0; l < PH_LANES; l++) {
        double rest = (*beyond)[l];
        enough &= rest < PH_EPOCH_SMALLEST ? !few
                                           : rest * (*mass)[l] <= NEGLIGIBLE * least[l];
    }
    *reached = count;
    return enough;
}

static int reserve_window(ph_epoch_sweep *self, size_t vectors)
{
    return ph_grow_aligned(&self->window, &self->window_capacity, self->window_capacity,
                           vectors * self->width, sizeof(ph_lanes));
}

/* Pieces since the one that was last mended; 0: this one is left as it is. */
static size_t to_mend(const ph_epoch_sweep *self, const ph_epoch_piece *at)
{
    const ph_epoch_stage *stage = &self->stage[at->stage];
    size_t parts = at->part % MENDED + 1;
    double mean = 0;
    for (int l = 0; l < PH_LANES; l++) {
        mean = fmax(mean, steps_of(self, at, l));
    }
    int due = parts == MENDED || at->part + 1 == stage->parts;
    return due && (double)parts * mean >= FEW ? parts : 0;
}

/*
 * Relative, into `drift`: what every state lacks by the rounding of so many pieces like
 * this one, which begins with v.
 */
static void find_drift(ph_epoch_sweep *self, const ph_epoch_piece *at,
                       const ph_lanes *v, size_t parts, ph_lanes *drift)
{
    const ph_epoch_stage *stage = &self->stage[at->stage];
    const ph_group_table *in = &self->plan->in;
    ph_lanes unused, *found = self->w[0];
    self->kernel->forward(in, stage->tau, stage->g, v, found, &unused);
    for (size_t r = 0; r + 1 < in->n_rows; r++) {
        size_t i = in->row_vertex[r];
        long double next[PH_LANES] = {0};
        ph_sweep_inflow(in, r, stage->tau, v, next);
        for (int l = 0; l < PH_LANES; l++) {
            long double old = v[i][l], lack = stage->lack[i][l];
            long double steps = steps_of(self, at, l);
            next[l] += ((long double)stage->g[i][l] + lack) * old;
            long double lost = ph_sweep_lost(old, next[l], found[i][l], lack);
            long double rest = steps * lost + stage->rest[l];
            drift[i][l] = (double)((long double)parts * rest);
        }
    }
    drift[self->width - 1] = (ph_lanes){0};
}

/* What the piece ought to end with, from its begin and what it absorbed. */
static void track_mass(ph_epoch_sweep *self, const ph_epoch_piece *at,
                       const ph_lanes *found)
{
    ph_lanes *high = &self->mass[0], *low = &self->mass[1], start = self->a[at->at];
    if (at == self->piece) {
        *high = start;
        *low = (ph_lanes){0};
    }
    ph_lanes share = at->absorbed / start;
    ph_lanes taken = *high * share, rest = *high - taken;
    *low = *low * (1 - share) + ((*high - rest) - taken);
    for (int l = 0; l < PH_LANES; l++) {
        int known = at->absorbed[l] < 0.5 * start[l] && (*found)[l] > 0;
        (*high)[l] = known ? rest[l] : (*found)[l];
        (*low)[l] = known ? (*low)[l] : 0;
    }
}

/* Mends the sum, brings it into a mass of 1/2 to 1 and keeps it as the next piece's
 * first vector. */
static void keep_end(ph_epoch_sweep *self, size_t piece)
{
    ph_epoch_piece *at = &self->piece[piece];
    size_t width = self->width, parts = to_mend(self, at);
    ph_lanes factor, found = {0}, *high = &self->mass[0], *low = &self->mass[1];
    at->mended = SIZE_MAX;
    if (parts > 0) {
        at->mended = self->n_mended++;
        ph_lanes *drift = self->drift + at->mended * width;
        find_drift(self, at, self->first + piece * width, parts, drift);
        for (size_t i = 0; i + 1 < width; i++) {
            self->sum[i] += self->sum[i] * drift[i];
        }
    }
    for (size_t i = 0; i + 1 < width; i++) {
        found += self->sum[i];
    }
    track_mass(self, at, &found);
    for (int l = 0; l < PH_LANES; l++) {
        double more = ((*high)[l] - found[l] + (*low)[l]) / found[l];
        at->excess[l] = parts > 0 && found[l] > 0 ? more : 0;
        at->shift[l] = 0;
        if (found[l] > 0) {
            (void)frexp(found[l], &at->shift[l]);
        }
        factor[l] = ldexp(1, -at->shift[l]);
    }
    ph_lanes *next = self->first + (piece + 1) * width;
    for (size_t i = 0; i + 1 < width; i++) {
        next[i] = (self->sum[i] + self->sum[i] * at->excess) * factor;
    }
    next[width - 1] = (ph_lanes){0};
    *high *= factor;
    *low *= factor;
}

static void open_piece(ph_epoch_sweep *self, size_t piece)
{
    ph_epoch_piece *at = &self->piece[piece], *last = at - 1;
    memset(at, 0, sizeof *at);
    at->stage = stage_of(self, piece);
    at->part = piece - self->stage[at->stage].first;
    at->steps = self->plan->graph->discrete ? whole_steps(self, at)
                                            : self->stage[at->stage].steps;
    at->before = self->atom[0];
    if (piece > 0) {
        at->at = last->at + last->steps + 1;
        for (int l = 0; l < PH_LANES; l++) {
            at->exponent[l] = last->exponent[l] + last->shift[l];
            at->before[l] =
                last->before[l] + ldexp(last->absorbed[l], last->exponent[l]);
        }
    }
}

/* One more piece: its sequences, and what it ends with. */
static int take_piece(ph_epoch_sweep *self)
{
    size_t piece = self->n_pieces, width = self->width, reached = 0;
    open_piece(self, piece);
    ph_epoch_piece *at = &self->piece[piece];
    const ph_epoch_stage *stage = &self->stage[at->stage];
    size_t fewest = piece > 0 ? 0 : self->plan->graph->distance + PH_EPOCH_SPARE - 1;
    int status = reserve(self, (double)piece + 1, (double)(at->at + at->steps + 1));
    if (status == PH_OK) {
        status = reserve_window(self, 2);
    }
    if (status != PH_OK) {
        return status;
    }
    ph_lanes *v = self->window, *next = v + width, *lost = self->w[1], absorbed = {0};
    unsigned saved = ph_flush_begin();
    memcpy(v, self->first + piece * width, width * sizeof *v);
    memset(self->sum, 0, width * sizeof *v);
    memset(lost, 0, width * sizeof *v);
    for (size_t k = 0; k <= at->steps; k++) {
        ph_lanes weight, beyond;
        end_weight(self, at, k, &weight, &beyond);
        self->kernel->forward(&self->plan->in, stage->tau, stage->g, v, next,
                              &self->a[at->at + k]);
        self->p[at->at + k] = next[width - 1];
        for (size_t i = 0; i + 1 < width; i++) {
            ph_lanes part = weight * v[i] - lost[i], more = self->sum[i] + part;
            lost[i] = (more - self->sum[i]) - part;
            self->sum[i] = more;
        }
        self->sum[width - 1] += weight * next[width - 1];
        absorbed += beyond * next[width - 1];
        if (k % CHECK == CHECK - 1 && !self->plan->graph->discrete &&
            is_enough(self, &beyond, &self->a[at->at + k], &absorbed, k < fewest,
                      &reached)) {
            at->steps = k;
        }
        ph_lanes *swap = v;
        v = next;
        next = swap;
    }
    at->absorbed = absorbed;
    at->flux = self->sum[width - 1];
    keep_end(self, piece);
    ph_flush_end(saved);
    memset(self->p_bar + at->at, 0, (at->steps + 1) * sizeof(ph_lanes));
    memset(self->a_bar + at->at, 0, (at->steps + 1) * sizeof(ph_lanes));
    self->n_pieces++;
    return PH_OK;
}

int ph_epoch_reach(ph_epoch_sweep *self, size_t piece)
{
    int status = piece < self->n_pieces ? PH_OK : reserve_up_to(self, piece);
    while (self->n_pieces <= piece && status == PH_OK) {
        status = take_piece(self);
    }
    return status;
}

/* ----------------------------------------------------------------- backward */

/* All vectors of a piece into the window. */
static int fill_window(ph_epoch_sweep *self, const ph_epoch_piece *at, size_t piece)
{
    const ph_epoch_stage *stage = &self->stage[at->stage];
    size_t width = self->width;
    int status = reserve_window(self, at->steps + 1);
    if (status != PH_OK) {
        return status;
    }
    ph_lanes unused;
    memcpy(self->window, self->first + piece * width, width * sizeof(ph_lanes));
    for (size_t k = 0; k < at->steps; k++) {
        self->kernel->forward(&self->plan->in, stage->tau, stage->g,
                              self->window + k * width, self->window + (k + 1) * width,
                              &unused);
    }
    return PH_OK;
}

/*
 * The end of a stage moves with its length: v_end S w_end, and what is absorbed per
 * unit of time where that counts.
 */
static ph_lanes length_bar(ph_epoch_sweep *self, size_t piece, const ph_lanes *w)
{
    const ph_epoch_piece *at = &self->piece[piece];
    const ph_epoch_stage *stage = &self->stage[at->stage];
    size_t width = self->width;
    ph_lanes *slope = self->sum, sum = at->flux * at->end_bar, unused;
    if (at->part + 1 != stage->parts || self->plan->graph->discrete) {
        return (ph_lanes){0};
    }
    self->kernel->forward(&self->plan->in, stage->tau, stage->loss,
                          self->first + (piece + 1) * width, slope, &unused);
    for (size_t i = 0; i + 1 < width; i++) {
        sum += slope[i] * w[i];
    }
    return stage->rate * sum;
}

/* From the units of the next piece's first vector to those of this one's end. */
static void enter_piece(ph_epoch_sweep *self, const ph_epoch_piece *at,
                        const ph_lanes *w)
{
    const ph_lanes *drift =
        at->mended != SIZE_MAX ? self->drift + at->mended * self->width : NULL;
    ph_lanes factor;
    for (int l = 0; l < PH_LANES; l++) {
        factor[l] = ldexp(1, -at->shift[l]);
    }
    for (size_t i = 0; i + 1 < self->width; i++) {
        ph_lanes to = (w[i] + w[i] * at->excess) * factor;
        to += to * (drift ? drift[i] : (ph_lanes){0});
        for (int l = 0; l < PH_LANES; l++) { /* beyond: in states without mass */
            to[l] = fmin(fmax(to[l], -PH_EPOCH_LARGE), PH_EPOCH_LARGE);
        }
        self->w_end[i] = to;
    }
}

/* w from the end of a piece to its start; the result is in self->w[0]. */
static int back_through(ph_epoch_sweep *self, size_t piece)
{
    const ph_epoch_piece *at = &self->piece[piece];
    const ph_epoch_stage *stage = &self->stage[at->stage];
    size_t width = self->width;
    enter_piece(self, at, self->w[0]);
    int status = fill_window(self, at, piece);
    if (status != PH_OK) {
        return status;
    }
    memset(self->w[0], 0, width * sizeof(ph_lanes));
    for (size_t k = at->steps + 1; k-- > 0;) {
        ph_lanes weight, beyond, *w = self->w[0], *next = self->w[1];
        end_weight(self, at, k, &weight, &beyond);
        w[width - 1] = self->p_bar[at->at + k] + beyond * at->whole_bar;
        self->kernel->backward(&self->plan->out, stage->tau, stage->g,
                               self->window + k * width, w, &self->a_bar[at->at + k],
                               next, self->adjoint);
        for (size_t i = 0; i + 1 < width; i++) {
            next[i] += weight * self->w_end[i];
        }
        self->w[0] = next;
        self->w[1] = w;
    }
    return PH_OK;
}

static void start_adjoint(ph_epoch_sweep *self, ph_lanes *u_bar)
{
    const ph_graph *graph = self->plan->graph;
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s];
             graph->start[s] < graph->n && t < graph->start_term[s + 1]; t++) {
            u_bar[graph->used[graph->start_use[t]]] +=
                graph->start_coefficient[t] * self->w[0][graph->start[s]];
        }
    }
    for (size_t l = 0; l < PH_LANES; l++) {
        if (self->atom[1][l] != 0) {
            (void)ph_sweep_atom(graph, self->u + l, graph->used, PH_LANES,
                                self->atom[1][l], (double *)u_bar + l);
        }
    }
}

static void clear_seeds(ph_epoch_sweep *self, ph_epoch_piece *at)
{
    memset(self->p_bar + at->at, 0, (at->steps + 1) * sizeof(ph_lanes));
    memset(self->a_bar + at->at, 0, (at->steps + 1) * sizeof(ph_lanes));
    at->whole_bar = at->end_bar = at->slope_bar = (ph_lanes){0};
}

int ph_epoch_sweep_gradient(ph_epoch_sweep *self, double *u_bar)
{
    const ph_graph *graph = self->plan->graph;
    ph_lanes *bar = (ph_lanes *)u_bar;
    int status = PH_OK;
    unsigned saved = ph_flush_begin();
    memset(self->w[0], 0, self->width * sizeof(ph_lanes));
    memset(self->adjoint, 0, graph->n_used * sizeof(ph_lanes));
    memset(self->folded, 0, 2 * graph->n_used * sizeof(ph_lanes));
    for (size_t s = self->seeded; s-- > 0 && status == PH_OK;) {
        ph_epoch_piece *at = &self->piece[s];
        ph_lanes moved = length_bar(self, s, self->w[0]);
        ph_lanes *begin = bar + ph_plan_begins(self->plan, at->stage);
        *begin -= moved + at->slope_bar;
        if (at->stage + 1 < self->n_stages) {
            bar[ph_plan_begins(self->plan, at->stage + 1)] += moved;
        }
        status = back_through(self, s);
        ph_sweep_fold(graph->n_used, self->adjoint, self->folded);
        clear_seeds(self, at);
        if (at->part == 0) {
            ph_lanes *to = bar + ph_plan_epoch(self->plan, at->stage);
            for (size_t k = 0; k < graph->n_used; k++) {
                to[graph->used[k]] += self->folded[k] / self->stage[at->stage].rate;
            }
            memset(self->folded, 0, 2 * graph->n_used * sizeof(ph_lanes));
        }
    }
    ph_flush_end(saved);
    if (self->seeded > 0 && status == PH_OK) {
        start_adjoint(self, bar);
    }
    self->atom[1] = (ph_lanes){0};
    self->seeded = 0;
    return status;
}
