/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Value and gradient of one block by a contour against uniformization, and the steps
 * from which the contour is cheaper against the automatic choice's.
 */
#include "process.h"

#include <time.h>

#include "phasic/base/memory.h"
#include "phasic/dist/serve.h"

#define TIMES 40 /* observations, over a factor of 4 */

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
    unsigned char by[TIMES];
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
    for (int run = 0; run < 100 && spent < 2; run++) {
        double begin = spent_so_far();
        assert_int_equal(ph_serve_begin(serve, u, t_max, &valid, &error), 0);
        assert_int_equal(ph_serve_log(serve, TIMES, kind, t, NULL, value, by, &error),
                         0);
        assert_int_equal(
            ph_serve_gradient(serve, TIMES, kind, t, NULL, value, by, weight, bar), 0);
        double here = spent_so_far() - begin;
        spent += here;
        best = here < best ? here : best;
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

static void compare(const char *name, process it, double t_max)
{
    double steps = steps_of(&it, t_max);
    double contour = seconds(&it, PH_ENGINE_CONTOUR, t_max);
    double sweep = seconds(&it, PH_ENGINE_LANES, t_max);
    double cost, node;
    ph_contour *object;
    ph_error error = {0};
    assert_int_equal(ph_contour_new(&object, it.plan), 0);
    assert_int_equal(ph_contour_cost(object, &cost, &node, &error), 0);
    ph_contour_free(object);
    printf("%-18s steps %8.3g: contour %9.1f us, uniformization %11.1f us a lane, "
           "ratio %8.3g; even at %.0f steps, estimated %.0f\n",
           name, steps, 1e6 * contour / PH_LANES, 1e6 * sweep / PH_LANES,
           contour / sweep, steps * contour / sweep, cost);
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
             n / 2, n);
    return process_text(json);
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
    compare("coalescent(100)", process_shipped("coalescent", "n", 100), 16);
    compare("coalescent(1000)", process_shipped("coalescent", "n", 1000), 4);
    compare("birth-death(100)", birth_death(100), 2000);
    return 0;
}
