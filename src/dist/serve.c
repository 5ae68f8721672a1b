/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which values a contour gives and which uniformization: the choice, and what is asked
 * for from outside. A value that a contour cannot give in all its digits (the left
 * tail, a narrow interval) shows in the error of the whole, and goes to uniformization.
 */
#include "serve_private.h"

#include <stdlib.h>
#include <string.h>

#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"

/*
 * Where the contours begin, in steps Lambda t: SHORT and what they cost. For graphs
 * that are not known to have real eigenvalues, whose elimination may fill in, the
 * elimination is not even recorded before LONG, nor for more than MANY states.
 */
#define SHORT      100.0
#define SOME       500.0 /* where the elimination may fill in */
#define LONG       3e4
#define MANY       20000
#define NODES      6.5 /* of the parabola, times sqrt(Lambda t) */
#define MANY_STEPS 1e6 /* that memory has no room for are said */

/* ------------------------------------------------------------- construction */

int ph_serve_new(ph_serve **self, const ph_plan *plan, ph_engine engine)
{
    ph_serve *serve = ph_alloc(1, sizeof *serve);
    if (!serve) {
        return PH_E_MEMORY;
    }
    const ph_graph *graph = plan->graph;
    serve->plan = plan;
    serve->engine = engine;
    serve->limit = INFINITY;
    int status = ph_sweep_new(&serve->sweep, plan);
    int contours = engine == PH_ENGINE_AUTO || engine == PH_ENGINE_CONTOUR;
    if (status == PH_OK && contours && !graph->discrete && !graph->epochs) {
        status = ph_contour_new(&serve->contour, plan);
    }
    if (status == PH_OK && serve->contour) {
        status = ph_spectrum_find(graph, &serve->spectrum);
    }
    if (status != PH_OK) {
        ph_serve_free(serve);
        return status;
    }
    *self = serve;
    return PH_OK;
}

void ph_serve_free(ph_serve *self)
{
    if (self) {
        ph_sweep_free(self->sweep);
        ph_contour_free(self->contour);
        free(self->samples);
        free(self->times);
        ph_free_aligned(self->values);
        ph_free_aligned(self->weights);
        ph_free_aligned(self->parts);
        free(self);
    }
}

void ph_serve_limit(ph_serve *self, double steps)
{
    self->limit = steps;
}

unsigned ph_serve_beyond(const ph_serve *self)
{
    return self->beyond;
}

void ph_tally_add(ph_tally *self, const ph_tally *more)
{
#define X(name, text) self->name += more->name;
    PH_TALLY_TABLE(X)
#undef X
}

void ph_tally_divide(ph_tally *self)
{
#define X(name, text) self->name /= PH_LANES;
    PH_TALLY_TABLE(X)
#undef X
}

const ph_tally *ph_serve_tally(const ph_serve *self)
{
    return &self->tally;
}

/* -------------------------------------------------------------------- begin */

/* Steps from which contours are worth it; INFINITY: never. */
static int find_costs(ph_serve *self, ph_error *error)
{
    double cost[PH_CONTOUR_SHAPES];
    if (self->known) {
        return PH_OK;
    }
    self->known = 1;
    memset(self->from, 0, sizeof self->from);
    if (self->engine == PH_ENGINE_CONTOUR) {
        return PH_OK;
    }
    int status = ph_contour_cost(self->contour, cost, error);
    if (status == PH_OK) {
        self->from[PH_HYPERBOLA] = fmax(SHORT, cost[PH_HYPERBOLA]);
        self->from[PH_HYPERBOLA_LEFT] = fmax(SHORT, cost[PH_HYPERBOLA_LEFT]);
        for (int shape = PH_PARABOLA; shape <= PH_PARABOLA_LEFT; shape++) {
            double root = NODES * cost[shape];
            self->from[shape] = fmax(LONG, root * root);
        }
    } else if (status == PH_E_MEMORY) { /* too large to eliminate */
        for (int shape = 0; shape < PH_CONTOUR_SHAPES; shape++) {
            self->from[shape] = INFINITY;
        }
        *error = (ph_error){0};
        status = PH_OK;
    }
    return status;
}

/* Whether the automatic choice looks at contours at all for so many steps. */
static int worth_a_look(const ph_serve *self, double steps)
{
    int certain =
        self->spectrum == PH_SPECTRUM_ACYCLIC || self->spectrum == PH_SPECTRUM_TREE;
    if (certain) {
        return steps > SHORT;
    }
    return self->plan->graph->n <= MANY &&
           steps > (self->spectrum == PH_SPECTRUM_ANY ? LONG : SOME);
}

static int no_memory(ph_error *error)
{
    return ph_error_set(error, PH_E_MEMORY, "out of memory");
}

static int begin_contour(ph_serve *self, double t_max, ph_error *error)
{
    ph_error ignored = {0};
    int status = find_costs(self, error ? error : &ignored);
    double from = fmin(self->from[PH_HYPERBOLA], self->from[PH_PARABOLA]);
    if (status == PH_OK && self->largest * t_max > from) {
        status = ph_contour_begin(self->contour, self->u, self->valid, &self->real,
                                  &self->shift, error);
    } else {
        self->mixed = 0;
    }
    return status;
}

int ph_serve_begin(ph_serve *self, const double *u, double t_max, unsigned *valid,
                   ph_error *error)
{
    self->u = u;
    self->mixed = 0;
    ph_plan_rate(self->plan, u, t_max, self->rate);
    self->largest = 0;
    for (int l = 0; l < PH_LANES; l++) {
        self->largest = fmax(self->largest, self->rate[l]);
    }
    int forced = self->engine == PH_ENGINE_CONTOUR;
    if (forced && !self->contour) {
        return ph_error_set(error, PH_E_MODEL,
                            "contours need a model in continuous time with rates that "
                            "stay the same; use --engine uniformization");
    }
    int look = self->contour && (forced || worth_a_look(self, self->largest * t_max));
    int alone = !look && !(self->largest * t_max > self->limit);
    if (ph_serve_enter(self, alone ? t_max : 0, PH_SERVE_ALL, &self->valid) != PH_OK) {
        return no_memory(error);
    }
    *valid = self->valid;
    self->largest = 0;
    for (int l = 0; l < PH_LANES; l++) {
        self->rate[l] = self->valid >> l & 1 ? self->rate[l] : 0;
        self->largest = fmax(self->largest, self->rate[l]);
    }
    self->mixed = look && self->valid;
    return self->mixed ? begin_contour(self, t_max, error) : PH_OK;
}

double ph_serve_decay(const ph_serve *self)
{
    return self->mixed && self->real & 1 ? self->shift[0] : 0;
}

/* ------------------------------------------------------ values and gradient */

/* A forced contour gives everything but values at 0. */
static int check_forced(const ph_serve *self, size_t n, const ph_sweep_kind *kind,
                        const double *t, const double *t2, const ph_served *by,
                        ph_error *error)
{
    for (size_t i = 0; i < n && self->engine == PH_ENGINE_CONTOUR; i++) {
        int empty = kind[i] == PH_INTERVAL && !(t[i] < ph_serve_end(t2, kind, i));
        if (self->valid & ~by[i] && ph_serve_far(i, kind, t, t2) > 0 && !empty) {
            char text[32];
            return ph_error_set(error, PH_E_MODEL,
                                "a contour is not accurate to 12 digits at %s: use "
                                "--engine auto or uniformization",
                                ph_double_text(t[i], text));
        }
    }
    return PH_OK;
}

int ph_serve_no_room(const ph_plan *plan, double rate, double far, ph_error *error)
{
    int discrete = plan->graph->discrete, changes = plan->graph->epochs != NULL;
    double steps = discrete ? far : rate * far;
    if (steps < MANY_STEPS) {
        return no_memory(error);
    }
    return ph_error_set(error, PH_E_MEMORY, "out of memory: %.3g steps%s%s", steps,
                        discrete  ? ""
                        : changes ? " of uniformization, the fastest rate of every "
                                    "epoch times how long it lasts"
                                  : " of uniformization, the fastest rate times the "
                                    "longest time",
                        discrete ? "" : " (phasic(1), Engines)");
}

static int too_far(const ph_serve *self, size_t n, const ph_sweep_kind *kind,
                   const double *t, const double *t2, ph_error *error)
{
    double far = 0;
    for (size_t i = 0; i < n; i++) {
        far = fmax(far, ph_serve_far(i, kind, t, t2));
    }
    double largest = self->largest, rate[PH_LANES];
    if (self->plan->graph->epochs) {
        ph_plan_rate(self->plan, self->u, far, rate);
        largest = 0;
        for (int l = 0; l < PH_LANES; l++) {
            largest = fmax(largest, self->valid >> l & 1 ? rate[l] : 0);
        }
    }
    return ph_serve_no_room(self->plan, largest, far, error);
}

int ph_serve_log(ph_serve *self, size_t n, const ph_sweep_kind *kind, const double *t,
                 const double *t2, double *value, ph_served *by, ph_error *error)
{
    int status = PH_OK;
    memset(by, 0, n * sizeof *by);
    if (self->mixed) {
        status = ph_serve_contour_values(self, n, kind, t, t2, value, by);
    }
    if (status == PH_OK) {
        status = check_forced(self, n, kind, t, t2, by, error);
        if (status != PH_OK) {
            return status;
        }
        status = ph_serve_uniformized_values(self, n, kind, t, t2, value, by);
        ph_serve_count_swept(self, n, kind, t, t2, by);
    }
    return status == PH_OK ? PH_OK : too_far(self, n, kind, t, t2, error);
}

int ph_serve_gradient(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                      const double *t, const double *t2, const double *value,
                      const ph_served *by, const double *weight, double *u_bar)
{
    int status = PH_OK;
    if (self->mixed) {
        status =
            ph_serve_contour_gradient(self, n, kind, t, t2, value, by, weight, u_bar);
    }
    return status != PH_OK ? status
                           : ph_serve_uniformized_gradient(self, n, kind, t, t2, value,
                                                           by, weight, u_bar);
}
