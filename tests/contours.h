/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TESTS_CONTOURS_H
#define PHASIC_TESTS_CONTOURS_H

/* Values by any engine, with who served them, and what closed forms need. */

#include <math.h>

#include "phasic/base/memory.h"
#include "phasic/dist/points.h"
#include "phasic/dist/serve.h"
#include "process.h"

/* log f or log S at t[n], its derivatives, and who served. */
static inline ph_tally evaluate(const process *it, ph_engine engine, ph_quantity what,
                                const double *theta, size_t n, const double *t,
                                double *value, double *gradient)
{
    ph_error error = {0};
    ph_tally tally = {0};
    char text[1024];
    if (ph_points_log_tally(it->plan, engine, what, theta, n, t, value, gradient,
                            &tally, &error) != PH_OK) {
        fail_msg("%s", ph_error_text(&error, text, sizeof text));
    }
    return tally;
}

typedef __float128 quad;

/* e^-x, by squaring the series of a small part; 0 below 1e-4000. */
static inline quad wide_exp(quad x)
{
    quad sum = 1, term = 1;
    if (x >= 9000) {
        return 0;
    }
    for (int k = 0; k < 20; k++) {
        x /= 2;
    }
    for (int k = 1; k < 25; k++) {
        term *= -x / k;
        sum += term;
    }
    for (int k = 0; k < 20; k++) {
        sum *= sum;
    }
    return sum;
}

/* Density, distribution function and their slopes in r at r = 1, where terms cancel. */
typedef struct wide {
    quad f, df, F, dF;
} wide;

/*
 * log P(l < T <= u) at n <= PH_LANES intervals for `theta`, by the automatic engine,
 * and its derivatives[n][parameters]: lane i differentiates term i.
 */
static inline ph_tally intervals(const process *it, const double *theta, size_t n,
                                 const double *l, const double *u, double *value,
                                 double *gradient)
{
    ph_sweep_kind kind[PH_LANES];
    double lanes[PH_LANES * PH_LANES], weight[PH_LANES * PH_LANES], far = 0;
    ph_served by[PH_LANES];
    ph_serve *serve;
    unsigned valid;
    size_t nodes = ph_plan_nodes(it->plan), p = it->model->n_parameters;
    double *block = ph_alloc_aligned(p * PH_LANES, sizeof *block);
    double *bar = ph_alloc_aligned(p * PH_LANES, sizeof *bar);
    double *node = ph_alloc_aligned(nodes * PH_LANES, sizeof *node);
    double *node_bar = ph_alloc_aligned(nodes * PH_LANES, sizeof *node_bar);
    for (size_t k = 0; k < p * PH_LANES; k++) {
        block[k] = theta[k / PH_LANES];
    }
    for (size_t i = 0; i < n; i++) {
        kind[i] = PH_INTERVAL;
        far = fmax(far, fmax(l[i], u[i] < INFINITY ? u[i] : 0));
        for (size_t k = 0; k < PH_LANES; k++) {
            weight[i * PH_LANES + k] = i == k;
        }
    }
    ph_plan_eval(it->plan, block, node);
    assert_int_equal(ph_serve_new(&serve, it->plan, PH_ENGINE_AUTO), 0);
    assert_int_equal(ph_serve_begin(serve, node, far, &valid, NULL), 0);
    assert_int_equal(ph_serve_log(serve, n, kind, l, u, lanes, by, NULL), 0);
    assert_int_equal(
        ph_serve_gradient(serve, n, kind, l, u, lanes, by, weight, node_bar), 0);
    ph_plan_adjoint(it->plan, node, node_bar, bar);
    ph_tally tally = *ph_serve_tally(serve);
    for (size_t i = 0; i < n; i++) {
        value[i] = lanes[i * PH_LANES];
        for (size_t m = 0; m < p; m++) {
            gradient[i * p + m] = bar[m * PH_LANES + i];
        }
    }
    ph_serve_free(serve);
    ph_free_aligned(block);
    ph_free_aligned(bar);
    ph_free_aligned(node);
    ph_free_aligned(node_bar);
    return tally;
}

#endif
