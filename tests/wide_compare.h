/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TESTS_WIDE_COMPARE_H
#define PHASIC_TESTS_WIDE_COMPARE_H

/* The library's densities against wide_chain.h. */

#include "process.h"
#include "wide_chain.h"

#include "phasic/dist/points.h"

#define WIDE_VALUE 1e-12 /* of the logarithm, or absolute where that is below 1 */
#define WIDE_SLOPE 1e-11 /* of the largest theta_m d/dtheta_m, or */
#define WIDE_NOISE 1e-15 /* absolute: S and F near 1 are known to 1e-16 */

/*
 * The models of wide_two_states and wide_ring: matrices, so that the parameters stand
 * in the order of theta.
 */
static inline process wide_process_two_states(void)
{
    return process_text(
        "{\"phasic\": 1, \"name\": \"switch\", \"parameters\": {\"fast\": {}, "
        "\"slow\": {}}, \"matrix\": {\"initial\": [1, 0], \"rates\": "
        "[[0, \"fast\", 0], [\"fast\", 0, \"slow\"]]}}");
}

static inline process wide_process_ring(int n)
{
    char json[1024];
    snprintf(json, sizeof json,
             "{\"phasic\": 1, \"name\": \"ring\", \"parameters\": {\"on\": {}, "
             "\"back\": {}, \"out\": {}}, \"state\": {\"i\": [], \"alive\": []}, "
             "\"start\": {\"i\": %d, \"alive\": 1}, \"transitions\": ["
             "{\"when\": \"alive > 0 && i < %d\", \"change\": {\"i\": 1}, \"rate\": "
             "\"on\"}, {\"when\": \"alive > 0 && i == %d\", \"set\": {\"i\": 0}, "
             "\"rate\": \"on\"}, {\"when\": \"alive > 0 && i > 0\", \"change\": "
             "{\"i\": -1}, \"rate\": \"back\"}, {\"when\": \"alive > 0 && i == 0\", "
             "\"set\": {\"i\": %d}, \"rate\": \"back\"}, {\"when\": \"alive > 0 && i "
             "== 0\", \"set\": {\"alive\": 0}, \"rate\": \"out\"}]}",
             n / 2, n - 1, n - 1, n - 1);
    return process_text(json);
}

static inline void wide_compare_one(const wide_chain *chain, const double *theta,
                                    double t, int kind, double value,
                                    const double *slope, const wide_result *exact)
{
    double expected = exact->log[kind], largest = 0;
    assert_near(value, expected, WIDE_VALUE * fmax(1, fabs(expected)));
    for (int m = 0; m < chain->p; m++) {
        largest = fmax(largest, fabs(theta[m] * exact->slope[kind][m]));
    }
    for (int m = 0; m < chain->p; m++) {
        if (!(fabs(theta[m] * (slope[m] - exact->slope[kind][m])) <=
              WIDE_SLOPE * largest + WIDE_NOISE)) {
            fail_msg("d/dtheta[%d] = %.17g, expected %.17g, at t = %g, log value %g", m,
                     slope[m], exact->slope[kind][m], t, expected);
        }
    }
}

/*
 * Densities that two slow states share, where a step's roundings repeat for as many
 * steps as there are: f and df/dtheta are known[0] and known[1..p].
 */
static inline void wide_compare_closed(const char *json, const double *theta, double t,
                                       const double *known)
{
    double value, slope[3];
    ph_error error = {0};
    process it = process_text(json);
    char text[1024];
    if (ph_points_log(it.plan, PH_ENGINE_LANES, PH_LOG_PDF, theta, 1, &t, &value, slope,
                      &error) != PH_OK) {
        fail_msg("%s", ph_error_text(&error, text, sizeof text));
    }
    assert_near(value, log(known[0]), WIDE_VALUE);
    for (size_t m = 0; m < ph_plan_parameters(it.plan); m++) {
        assert_near(slope[m] * known[0], known[m + 1], WIDE_SLOPE * fabs(known[m + 1]));
    }
    process_free(&it);
}

/* Lambda t = 1.3e5 t: a fast ring beside two states that leave at a and c. */
static inline void wide_compare_ring_beside(double t)
{
    const double theta[] = {0.7, 123457, 1e-9}, a = theta[0], c = theta[2];
    const double known[] = {(a * exp(-a * t) + 2 * c * exp(-c * t)) / 4,
                            (1 - a * t) * exp(-a * t) / 4, 0,
                            (1 - c * t) * exp(-c * t) / 2};
    wide_compare_closed(
        "{\"phasic\": 1, \"parameters\": {\"a\": {}, \"b\": {}, \"c\": {}}, "
        "\"graph\": {\"vertices\": [[0], [1], [2], [3], [4]], \"initial\": [[0, "
        "0.25], [1, 0.25], [4, 0.5]], \"edges\": [[0, 2, \"b\"], [2, 3, \"b\"], [3, "
        "0, \"b\"], [3, -1, \"b\"], [1, -1, \"a\"], [4, -1, \"c\"]]}}",
        theta, t, known);
}

/* Discrete time: two states that leave with probabilities q and r. */
static inline void wide_compare_two_steps(double t)
{
    const double theta[] = {3.1e-6, 1e-9}, q = theta[0], r = theta[1];
    const double left[] = {exp((t - 2) * log1p(-q)), exp((t - 2) * log1p(-r))};
    const double known[] = {(q * left[0] * (1 - q) + r * left[1] * (1 - r)) / 2,
                            (1 - q * t) * left[0] / 2, (1 - r * t) * left[1] / 2};
    wide_compare_closed(
        "{\"phasic\": 1, \"time\": \"discrete\", \"parameters\": {\"q\": "
        "{\"support\": \"unit\"}, \"r\": {\"support\": \"unit\"}}, \"graph\": "
        "{\"vertices\": [[0], [1]], \"initial\": [[0, 0.5], [1, 0.5]], \"edges\": "
        "[[0, -1, \"q\"], [1, -1, \"r\"]]}}",
        theta, t, known);
}

/* log f, log S, log F and derivatives at times t[count]. */
static inline void wide_compare(const process *it, const wide_chain *chain,
                                const double *theta, size_t count, const double *t)
{
    static const ph_quantity quantity[WIDE_KINDS] = {PH_LOG_PDF, PH_LOG_SURVIVAL,
                                                     PH_LOG_CDF};
    size_t p = (size_t)chain->p;
    wide_result *exact = calloc(count, sizeof *exact);
    double *value = calloc(count, sizeof *value),
           *slope = calloc(count * p, sizeof *slope);
    assert_true(exact && value && slope);
    assert_int_equal(it->graph->n, chain->n);
    wide_eval(chain, theta, 1.25, count, t, exact);
    for (int kind = 0; kind < WIDE_KINDS; kind++) {
        ph_error error = {0};
        char text[1024];
        if (ph_points_log(it->plan, PH_ENGINE_LANES, quantity[kind], theta, count, t,
                          value, slope, &error) != PH_OK) {
            fail_msg("%s", ph_error_text(&error, text, sizeof text));
        }
        for (size_t i = 0; i < count; i++) {
            wide_compare_one(chain, theta, t[i], kind, value[i], slope + i * p,
                             &exact[i]);
        }
    }
    free(exact);
    free(value);
    free(slope);
}

#endif
