/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Value and gradient of one block by a contour against uniformization, and the steps
 * from which the contour is cheaper against the automatic choice's; and how long all of
 * a distribution function takes where eigenvalues are complex.
 */
#include "process.h"

#include <time.h>

#include "phasic/base/memory.h"
#include "phasic/dist/points.h"
#include "phasic/dist/serve.h"

#define TIMES   40 /* observations, over a factor of 4 */
#define POINTS  20 /* of a distribution function */
#define DECADES 8  /* that they span */

/* Of the processor: other work on the machine does not count. */
static double spent_so_far(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double seconds(const process *it, ph_engine engine, double t_max)
{
    double theta[4], *block, *u, *bar, value[TIMES * PH_LANES];
    double weight[TIMES * PH_LANES], t[TIMES], best = INFINITY, spent = 0;
    ph_served by[TIMES];
    unsigned valid;
    ph_sweep_kind kind[TIMES];
    ph_error error = {0};
    ph_serve *serve;
    size_t p = it->model->n_parameters, nodes = ph_plan_nodes(it->plan);
    assert_int_equal(ph_model_theta(it->model, theta, &error), 0);
    block = ph_alloc_aligned((p + 1) * PH_LANES, sizeof *block);
    u = ph_alloc_aligned(nodes * PH_LANES, sizeof *u);
    bar = ph_alloc_aligned(nodes * PH_LANES, sizeof *bar);
    for (size_t k = 0; k < p * PH_LANES; k++) {
        block[k] = theta[k / PH_LANES];
    }
    for (size_t i = 0; i < TIMES; i++) {
        kind[i] = PH_DENSITY;
        t[i] = t_max * (1 - 0.75 * (double)i / TIMES);
    }
    for (size_t k = 0; k < TIMES * PH_LANES; k++) {
        weight[k] = 1;
    }
    ph_plan_eval(it->plan, block, u);
    assert_int_equal(ph_serve_new(&serve, it->plan, engine), 0);
    for (int run = 0; run < 100 && spent < 0.3; run++) {
        double begin = spent_so_far();
        assert_int_equal(ph_serve_begin(serve, u, t_max, &valid, &error), 0);
        if (ph_serve_log(serve, TIMES, kind, t, NULL, value, by, &error) != PH_OK) {
            best = NAN; /* a forced contour that is refused */
            break;
        }
        assert_int_equal(
            ph_serve_gradient(serve, TIMES, kind, t, NULL, value, by, weight, bar), 0);
        double here = spent_so_far() - begin;
        spent += here;
        best = fmin(best, here);
    }
    ph_serve_free(serve);
    ph_free_aligned(block);
    ph_free_aligned(u);
    ph_free_aligned(bar);
    return best;
}

static double steps_of(const process *it, double t)
{
    double theta[4 * PH_LANES], rate[PH_LANES], one[4];
    ph_error error = {0};
    size_t nodes = ph_plan_nodes(it->plan);
    double *u = ph_alloc_aligned(nodes * PH_LANES, sizeof *u);
    double *block = ph_alloc_aligned(4 * PH_LANES, sizeof *block);
    assert_int_equal(ph_model_theta(it->model, one, &error), 0);
    for (size_t k = 0; k < it->model->n_parameters * PH_LANES; k++) {
        theta[k] = one[k / PH_LANES];
    }
    memcpy(block, theta, sizeof theta);
    ph_plan_eval(it->plan, block, u);
    ph_plan_rate(it->plan, u, INFINITY, rate);
    ph_free_aligned(u);
    ph_free_aligned(block);
    return rate[0] * t;
}

/* What a step of uniformization costs: what it needs before the first one is left out.
 */
static double step_seconds(const process *it, double unit)
{
    const double few = 3000, many = 6000;
    return (seconds(it, PH_ENGINE_LANES, many / unit) -
            seconds(it, PH_ENGINE_LANES, few / unit)) /
           (many - few);
}

/* Where both cost the same: the parabola's cost grows with the root of the steps. */
static void compare(const char *name, ph_contour_shape shape, process it, double t)
{
    double unit = steps_of(&it, 1), costs[PH_CONTOUR_SHAPES], cost;
    double contour = seconds(&it, PH_ENGINE_CONTOUR, t), step = step_seconds(&it, unit);
    double equal = contour / step;
    ph_contour *object;
    ph_error error = {0};
    assert_int_equal(ph_contour_new(&object, it.plan), 0);
    assert_int_equal(ph_contour_cost(object, costs, &error), 0);
    ph_contour_free(object);
    cost = costs[shape];
    if (shape == PH_PARABOLA) {
        equal *= equal / (unit * t);
        cost *= 6.5 * 6.5 * cost;
    }
    if (isnan(contour)) {
        printf("%-18s %s refused for its accuracy, step %7.3f us a lane\n", name,
               shape == PH_PARABOLA ? "parabola " : "hyperbola", 1e6 * step / PH_LANES);
        process_free(&it);
        return;
    }
    printf("%-18s %s %9.1f us, step %7.3f us a lane; equal at %6.0f steps, estimated "
           "%6.0f\n",
           name, shape == PH_PARABOLA ? "parabola " : "hyperbola",
           1e6 * contour / PH_LANES, 1e6 * step / PH_LANES, equal, cost);
    fflush(stdout);
    process_free(&it);
}

static process birth_death(int n)
{
    char json[512];
    snprintf(json, sizeof json,
             "{\"phasic\": 1, \"name\": \"birth_death\", \"parameters\": {\"a\": "
             "{\"value\": 0.9}, \"b\": {\"value\": 1}}, \"state\": {\"k\": []}, "
             "\"start\": {\"k\": %d}, \"transitions\": ["
             "{\"when\": \"k < %d\", \"change\": {\"k\": 1}, \"rate\": \"a\"},"
             "{\"change\": {\"k\": -1}, \"rate\": \"b\"}], \"absorb\": \"k == 0\"}",
             n < 10 ? n : 10, n);
    return process_text(json);
}

/*
 * Two births and deaths side by side: reversible, and its elimination fills in. With
 * `turn` individuals change over one way, and it is not reversible.
 */
static process pair(int n, int turn)
{
    char json[1024];
    snprintf(json, sizeof json,
             "{\"phasic\": 1, \"name\": \"pair\", \"parameters\": {\"a\": "
             "{\"value\": 0.5}, \"b\": {\"value\": 1}}, \"state\": {\"k\": [], "
             "\"l\": []}, \"start\": {\"k\": 1, \"l\": 0}, \"transitions\": ["
             "{\"when\": \"k < %d\", \"change\": {\"k\": 1}, \"rate\": \"a\"},"
             "{\"when\": \"l < %d\", \"change\": {\"l\": 1}, \"rate\": \"a\"},"
             "{\"when\": \"k > 0\", \"change\": {\"k\": -1}, \"rate\": \"b\"},"
             "{\"when\": \"l > 0 && %d > 0\", \"change\": {\"l\": -1}, \"rate\": "
             "\"b\"},"
             "{\"when\": \"l > 0 && k < %d && %d > 0\", \"change\": {\"k\": 1, "
             "\"l\": -1}, "
             "\"rate\": \"b\"}], \"absorb\": \"k == 0 && l == 0\"}",
             n, n, !turn, n, turn);
    return process_text(json);
}

/* Two stages in a row, each a cycle of three states that turns at `a`. */
static process turning_stages(double a)
{
    char json[512];
    snprintf(json, sizeof json,
             "{\"phasic\": 1, \"name\": \"turning\", \"parameters\": {\"a\": "
             "{\"value\": %g}, \"c\": {\"value\": 1}}, \"matrix\": {\"initial\": "
             "[1, 0, 0, 0, 0, 0], \"rates\": ["
             "[0, \"a\", 0, \"c\", 0, 0, 0], [0, 0, \"a\", 0, \"c\", 0, 0],"
             "[\"a\", 0, 0, 0, 0, \"c\", 0], [0, 0, 0, 0, \"a\", 0, \"c\"],"
             "[0, 0, 0, 0, 0, \"a\", \"c\"], [0, 0, 0, \"a\", 0, 0, \"c\"]]}}",
             a);
    return process_text(json);
}

/* One quantity from far in the left tail to beyond the body, without derivatives. */
static double whole_seconds(const process *it, ph_engine engine, ph_quantity what)
{
    double theta[2], t[POINTS], value[POINTS], begin = spent_so_far();
    ph_error error = {0};
    assert_int_equal(ph_model_theta(it->model, theta, &error), 0);
    for (int i = 0; i < POINTS; i++) {
        t[i] = 5 * pow(10, DECADES * (i / (POINTS - 1.0) - 1));
    }
    assert_int_equal(
        ph_points_log(it->plan, engine, what, theta, POINTS, t, value, NULL, &error),
        0);
    return spent_so_far() - begin;
}

/* Uniformization up to where its memory is at hand. */
static void whole(double a)
{
    process it = turning_stages(a);
    for (int what = PH_LOG_SURVIVAL; what <= PH_LOG_CDF; what++) {
        ph_quantity which = (ph_quantity)what;
        printf("turning stages, %6.0e steps, %-21s %8.3f s", 5 * a,
               which == PH_LOG_CDF ? "distribution function" : "survival",
               whole_seconds(&it, PH_ENGINE_AUTO, which));
        if (a <= 1e6) {
            printf(", uniformization %8.3f s",
                   whole_seconds(&it, PH_ENGINE_LANES, which));
        }
        printf("\n");
    }
    process_free(&it);
}

/* One row alone, for an instruction count: MODEL SIZE ENGINE TIME */
static int one(char **argument)
{
    double size = atof(argument[1]);
    process it = argument[0][0] == 'c' ? process_shipped("coalescent", "n", size)
                                       : birth_death((int)size);
    int contour = argument[2][0] == 'c';
    double t = atof(argument[3]);
    printf("steps %.4g\n", steps_of(&it, t));
    seconds(&it, contour ? PH_ENGINE_CONTOUR : PH_ENGINE_LANES, t);
    process_free(&it);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5) {
        return one(argv + 1);
    }
    const int size[] = {10, 30, 100, 300, 1000};
    char name[64];
    for (double a = 1e5; a < 2e8; a *= 10) {
        whole(a);
    }
    for (int k = 0; k < 5; k++) {
        snprintf(name, sizeof name, "coalescent(%d)", size[k]);
        compare(name, PH_HYPERBOLA, process_shipped("coalescent", "n", size[k]), 16);
        snprintf(name, sizeof name, "birth-death(%d)", size[k]);
        compare(name, PH_HYPERBOLA, birth_death(size[k]), 20. * size[k]);
    }
    for (int n = 5; n <= 40; n *= 2) {
        snprintf(name, sizeof name, "pair(%d)", n);
        compare(name, PH_HYPERBOLA, pair(n, 0), 30);
    }
    for (int n = 5; n <= 20; n *= 2) {
        snprintf(name, sizeof name, "turning pair(%d)", n);
        compare(name, PH_PARABOLA, pair(n, 1), 3e4);
    }
    return 0;
}
