/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sweep in lanes against the same operations for one parameter vector. */
#include "bench.h"

#include "phasic/dist/sweep.h"

typedef struct step {
    const ph_group_table *in;
    double *tau, *g, *v, *next, mass;
} step;

/* The forward step of src/dist/kernel.c for one parameter vector. */
static void scalar_step(step *self)
{
    const ph_group_table *in = self->in;
    size_t n = in->n_rows - 1;
    double mass = 0;
    for (size_t r = 0; r <= n; r++) {
        size_t j = in->row_vertex[r];
        double value = j < n ? self->g[j] * self->v[j] : 0;
        mass += j < n ? self->v[j] : 0;
        for (size_t k = in->row_group[r]; k < in->row_group[r + 1]; k++) {
            double sum = 0;
            for (size_t t = in->group_term[k]; t < in->group_term[k + 1]; t++) {
                sum += in->coefficient[t] * self->v[in->term_vertex[t]];
            }
            value += self->tau[in->group_use[k]] * sum;
        }
        self->next[j] = value;
    }
    self->mass += mass;
}

#define STEPS 1000

static void scalar_sweep(void *context)
{
    step *self = context;
    for (int k = 0; k < STEPS; k++) {
        scalar_step(self);
        double *swap = self->v;
        self->v = self->next;
        self->next = swap;
    }
}

typedef struct sweep {
    const ph_plan *plan;
    ph_sweep *sweep;
    double *u, t;
} sweep;

/* About as many steps: the survival at Lambda t = STEPS. */
static void lanes_sweep(void *context)
{
    sweep *self = context;
    unsigned valid;
    double value[PH_LANES];
    assert_int_equal(ph_sweep_begin(self->sweep, self->u, self->t, &valid), 0);
    assert_int_equal(ph_sweep_log(self->sweep, PH_SURVIVAL, self->t, value), 0);
}

static void one_model(int size)
{
    bench_model self;
    char text[64];
    bench_model_init(&self, "rabbits", "n", size, 10);
    const ph_plan *plan = self.it.plan;
    size_t width = self.it.graph->n + 1, uses = self.it.graph->n_used;
    step scalar = {.in = &plan->in};
    scalar.tau = ph_alloc(uses, sizeof(double));
    scalar.g = ph_alloc(width, sizeof(double));
    scalar.v = ph_alloc(width, sizeof(double));
    scalar.next = ph_alloc(width, sizeof(double));
    for (size_t k = 0; k < uses; k++) {
        scalar.tau[k] = 0.01 / (double)size;
    }
    for (size_t i = 0; i < width; i++) {
        scalar.g[i] = 0.9;
        scalar.v[i] = 1;
    }
    sweep lanes = {.plan = plan};
    double rate[PH_LANES], largest = 0;
    lanes.u = ph_alloc_aligned(ph_plan_nodes(plan) * PH_LANES, sizeof(double));
    ph_plan_eval(plan, self.theta, lanes.u);
    ph_plan_rate(plan, lanes.u, INFINITY, rate);
    for (int l = 0; l < PH_LANES; l++) {
        largest = fmax(largest, rate[l]);
    }
    lanes.t = 0.8 * STEPS / largest; /* steps taken: Lambda t + 6 sqrt(Lambda t) */
    assert_int_equal(ph_sweep_new(&lanes.sweep, plan), 0);
    snprintf(text, sizeof text, "rabbits(%d), %d steps forward", size, STEPS);
    bench_row(text, bench_time(lanes_sweep, &lanes) / PH_LANES, "scalar twin",
              bench_time(scalar_sweep, &scalar), "ratio >= 4");
    ph_sweep_free(lanes.sweep);
    ph_free_aligned(lanes.u);
    free(scalar.tau);
    free(scalar.g);
    free(scalar.v);
    free(scalar.next);
    bench_model_free(&self);
}

void bench_lanes(void)
{
    one_model(20);
    one_model(60);
    one_model(140);
}
