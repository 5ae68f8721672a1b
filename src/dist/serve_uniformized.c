/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Uniformization runs at the largest rate of its lanes to the longest time of them, and
 * where one lane has large rates and another a long time to go it would cost what
 * neither does: lanes then go one by one. So they do where their epochs begin at times
 * of their own, and one lane is long in the epoch in which another is fast.
 */
#include "serve_private.h"

#include <string.h>

#define JOINT       2 /* times the dearest lane that lanes may cost together */
#define JOINT_STEPS 2000

int ph_serve_enter(ph_serve *self, double t_max, unsigned lanes, unsigned *valid)
{
    self->swept = lanes;
    self->swept_to = t_max;
    return ph_sweep_begin_lanes(self->sweep, self->u, t_max, lanes, valid);
}

/* Lanes that take uniformization together, and the longest time of each. */
typedef struct passes {
    size_t n;
    unsigned lanes[PH_LANES];
    double far[PH_LANES];
} passes;

/* The longest time that uniformization has to reach, lane by lane; -1: nothing. */
static void find_far(const ph_serve *self, size_t n, const ph_sweep_kind *kind,
                     const double *t, const double *t2, const ph_served *by,
                     double far[PH_LANES])
{
    for (int l = 0; l < PH_LANES; l++) {
        far[l] = -1;
    }
    for (size_t i = 0; i < n; i++) {
        double here = ph_serve_far(i, kind, t, t2);
        for (int l = 0; l < PH_LANES; l++) {
            int open = (self->valid & ~by[i]) >> l & 1;
            far[l] = open && here > far[l] ? here : far[l];
        }
    }
}

/* Steps of every lane up to where it has to reach. */
static void find_steps(const ph_serve *self, const double far[PH_LANES],
                       double steps[PH_LANES])
{
    double rate[PH_LANES], longest = 0;
    memcpy(rate, self->rate, sizeof rate);
    for (int l = 0; l < PH_LANES; l++) {
        longest = fmax(longest, far[l]);
    }
    if (self->plan->graph->epochs && longest > 0) { /* all lanes reach as far */
        ph_plan_rate(self->plan, self->u, longest, rate);
    }
    for (int l = 0; l < PH_LANES; l++) {
        steps[l] = far[l] > 0 ? far[l] * rate[l] : 0;
    }
}

/* Takes lanes beyond the limit out of `far`; returns them. */
static unsigned over_limit(const ph_serve *self, double far[PH_LANES])
{
    unsigned over = 0;
    double steps[PH_LANES];
    find_steps(self, far, steps);
    for (int l = 0; l < PH_LANES; l++) {
        if (steps[l] > self->limit) {
            over |= 1u << l;
            far[l] = -1;
        }
    }
    return over;
}

/* Where one lane may cost what the others do not: contours, epochs of their own. */
static int may_differ(const ph_serve *self)
{
    const ph_graph *graph = self->plan->graph;
    return self->mixed || (graph->epochs && !graph->discrete);
}

/* Steps that some lanes take together. */
static double joint_steps(const ph_serve *self, unsigned lanes, double rate,
                          double longest)
{
    return self->plan->graph->epochs
               ? ph_plan_joint_steps(self->plan, self->u, longest, lanes)
               : rate * longest;
}

static passes find_passes(const ph_serve *self, const double far[PH_LANES])
{
    passes all = {0};
    double steps[PH_LANES], rate = 0, longest = -1, dearest = 0;
    unsigned lanes = 0;
    find_steps(self, far, steps);
    for (int l = 0; l < PH_LANES; l++) {
        if (far[l] >= 0) {
            lanes |= 1u << l;
            rate = fmax(rate, self->rate[l]);
            longest = fmax(longest, far[l]);
            dearest = fmax(dearest, steps[l]);
        }
    }
    if (!may_differ(self) ||
        joint_steps(self, lanes, rate, longest) <= JOINT * dearest + JOINT_STEPS) {
        all = (passes){
            lanes != 0, {lanes == self->valid ? PH_SERVE_ALL : lanes}, {longest}};
        return all;
    }
    for (int l = 0; l < PH_LANES; l++) {
        if (far[l] >= 0) {
            all.lanes[all.n] = 1u << l;
            all.far[all.n++] = far[l];
        }
    }
    return all;
}

static int enter_pass(ph_serve *self, unsigned lanes, double far)
{
    unsigned valid;
    return self->swept == lanes && self->swept_to >= far
               ? PH_OK
               : ph_serve_enter(self, far, lanes, &valid);
}

static int sweep_value(ph_serve *self, ph_sweep_kind kind, double t, double end,
                       double value[PH_LANES])
{
    return kind == PH_INTERVAL ? ph_sweep_log_interval(self->sweep, t, end, value)
                               : ph_sweep_log(self->sweep, kind, t, value);
}

static int pass_values(ph_serve *self, unsigned lanes, size_t n,
                       const ph_sweep_kind *kind, const double *t, const double *t2,
                       double *value, const ph_served *by)
{
    int status = PH_OK;
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        double here[PH_LANES];
        unsigned open = lanes & ~by[i];
        if (!(open & self->valid)) {
            continue;
        }
        status = sweep_value(self, kind[i], t[i], ph_serve_end(t2, kind, i), here);
        for (int l = 0; l < PH_LANES; l++) {
            if (open >> l & 1) {
                value[i * PH_LANES + (size_t)l] = here[l];
            }
        }
    }
    return status;
}

void ph_serve_count_swept(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                          const double *t, const double *t2, const ph_served *by)
{
    for (size_t i = 0; i < n; i++) {
        double steps = self->largest * ph_serve_far(i, kind, t, t2);
        for (int l = 0; l < PH_LANES; l++) {
            int shape = self->real >> l & 1 ? PH_HYPERBOLA : PH_PARABOLA;
            if ((self->valid & ~by[i] & ~self->beyond) >> l & 1) {
                *(self->mixed && steps > self->from[shape]
                      ? &self->tally.refused
                      : &self->tally.uniformization) += 1;
            }
        }
    }
}

int ph_serve_uniformized_values(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                                const double *t, const double *t2, double *value,
                                const ph_served *by)
{
    double far[PH_LANES];
    find_far(self, n, kind, t, t2, by, far);
    unsigned over = over_limit(self, far);
    passes all = find_passes(self, far);
    for (size_t k = 0; k < all.n; k++) {
        int status = enter_pass(self, all.lanes[k], all.far[k]);
        if (status == PH_OK) {
            status = pass_values(self, all.lanes[k], n, kind, t, t2, value, by);
        }
        if (status != PH_OK) {
            return status;
        }
    }
    self->beyond = over;
    for (int l = 0; l < PH_LANES; l++) {
        for (size_t i = 0; i < n && over >> l & 1; i++) {
            value[i * PH_LANES + (size_t)l] = NAN;
        }
    }
    return PH_OK;
}

static int pass_seeds(ph_serve *self, unsigned lanes, size_t n,
                      const ph_sweep_kind *kind, const double *t, const double *t2,
                      const double *value, const ph_served *by, const double *weight)
{
    int status = PH_OK;
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        double mine[PH_LANES], here[PH_LANES];
        for (int l = 0; l < PH_LANES; l++) { /* others must not widen its window */
            int open = (lanes & ~by[i]) >> l & 1;
            mine[l] = open ? weight[i * PH_LANES + (size_t)l] : 0;
            here[l] = open ? value[i * PH_LANES + (size_t)l] : NAN;
        }
        status = kind[i] == PH_INTERVAL
                     ? ph_sweep_seed_interval(self->sweep, t[i],
                                              ph_serve_end(t2, kind, i), mine, here)
                     : ph_sweep_seed(self->sweep, kind[i], t[i], mine, here);
    }
    return status;
}

int ph_serve_uniformized_gradient(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                                  const double *t, const double *t2,
                                  const double *value, const ph_served *by,
                                  const double *weight, double *u_bar)
{
    int status = PH_OK;
    double far[PH_LANES];
    find_far(self, n, kind, t, t2, by, far);
    (void)over_limit(self, far);
    passes all = find_passes(self, far);
    for (size_t k = 0; k < all.n && status == PH_OK; k++) {
        status = enter_pass(self, all.lanes[k], all.far[k]);
        if (status == PH_OK) {
            status = pass_seeds(self, all.lanes[k], n, kind, t, t2, value, by, weight);
        }
        if (status == PH_OK) {
            status = ph_sweep_gradient(self->sweep, u_bar);
        }
    }
    return status;
}
