/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_PLAN_H
#define PHASIC_DIST_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/num/lanes.h"
#include "phasic/state/graph.h"

/*
 * The evaluation plan: the graph's terms laid out for the sweeps of uniformization,
 * once for the target of every term (forward, a pull) and once for its source
 * (backward). Terms of one row that share an intermediate form a group: the
 * intermediate multiplies their sum once. Rows stand in an order of the table's own:
 * those with the same intermediates and as many terms of each follow each other, so
 * that a kernel goes through a run of them with constant counts. Absorption, vertex n,
 * is the last row. Immutable, shared by threads; refers to `graph` and its pool.
 */
typedef struct ph_row_run {
    size_t first, end; /* rows */
    unsigned shape;    /* PH_SHAPE of each row, or PH_SHAPE_ANY */
} ph_row_run;

/* A row of up to three groups of a, b, c terms; no group has 0. */
#define PH_SHAPE(a, b, c) ((a) + 4u * (b) + 16u * (c))
#define PH_SHAPE_ANY      0u
#define PH_SHAPE_GROUPS   3
#define PH_SHAPE_TERMS    2 /* in a group; what is longer has no shape */

typedef struct ph_group_table {
    size_t n_rows, n_groups, n_terms, n_runs;
    ph_row_run *run;       /* [n_runs] all rows but that of absorption, in order */
    uint32_t *row_vertex;  /* [n_rows] */
    size_t *row_group;     /* [n_rows + 1] first group of each row */
    uint32_t *group_use;   /* [n_groups] intermediate, an index into graph->used */
    size_t *group_term;    /* [n_groups + 1] first term of each group */
    uint32_t *term_vertex; /* [n_terms] source (forward) or target (backward) */
    double *coefficient;   /* [n_terms] */
    double *group_sum; /* [n_groups] sum of the group's coefficients (D of the paper) */
} ph_group_table;

typedef struct ph_plan {
    const ph_graph *graph;
    const ph_pool *pool;            /* nodes 0 .. of u; the plan's own follow: */
    struct ph_reduction *reduction; /* owned, or NULL; see reward.h */
    ph_graph *own;                  /* `graph` where the plan owns it, or NULL */
    ph_group_table in;              /* n + 1 rows: terms that enter each vertex */
    ph_group_table out;             /* n rows: terms that leave each state */
    int cyclic;                     /* some state can be come back to */
    size_t bytes;
} ph_plan;

int ph_plan_new(ph_plan **self, const ph_graph *graph);
void ph_plan_free(ph_plan *self);

/*
 * From parameters to the values u that the plan's terms refer to, for a block:
 * theta[p][PH_LANES] -> u[nodes][PH_LANES], and back: u_bar (overwritten) adds to
 * theta_bar[p][PH_LANES]. The plain twins take one parameter vector.
 *
 * Where graph->epochs is not NULL the nodes are those of all epochs: the pool's values
 * in epoch e begin at node ph_plan_epoch(self, e), those of epoch 0 at node 0, and
 * ph_plan_begins(self, e) is the node of the time that epoch e begins.
 */
size_t ph_plan_nodes(const ph_plan *self);
size_t ph_plan_parameters(const ph_plan *self); /* p */
size_t ph_plan_epoch(const ph_plan *self, size_t epoch);
size_t ph_plan_begins(const ph_plan *self, size_t epoch);
void ph_plan_eval(const ph_plan *self, const double *theta, double *u);
void ph_plan_adjoint(const ph_plan *self, const double *u, double *u_bar,
                     double *theta_bar);
void ph_plan_eval_plain(const ph_plan *self, const double *theta, double *u);
void ph_plan_adjoint_plain(const ph_plan *self, const double *u, double *u_bar,
                           double *theta_bar);

/*
 * Largest total rate out of any state, lane by lane: what uniformization runs at.
 * u[nodes][PH_LANES]; NaN counts as 0. With epochs the average of those of the epochs
 * from 0 to t_max, or the largest where t_max is infinite.
 */
void ph_plan_rate(const ph_plan *self, const double *u, double t_max,
                  double rate[PH_LANES]);
/*
 * With epochs: steps of uniformization that some lanes, bits of `lanes`, take together
 * up to t, in mean: at the largest rate of them for the longest time, epoch by epoch.
 */
double ph_plan_joint_steps(const ph_plan *self, const double *u, double t,
                           unsigned lanes);

#endif
