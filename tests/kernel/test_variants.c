/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every instruction set's kernel gives the bits of the portable one, which does what a
 * walk over the edges does. */
#include "process.h"

#include "../../src/dist/kernel.h"
#include "../../src/moment/moment_private.h"
#include "../../src/trace/shifted.h"
#include "phasic/base/memory.h"
#include "phasic/base/rng.h"

static ph_lanes *random_rows(ph_rng *rng, size_t length)
{
    ph_lanes *rows = ph_alloc_aligned(length, sizeof *rows);
    for (size_t i = 0; i < length; i++) {
        for (int l = 0; l < PH_LANES; l++) {
            rows[i][l] = ph_rng_uniform(rng);
        }
    }
    return rows;
}

/* A step by the edges of the graph, one after another. */
static void step_forward(const ph_graph *graph, const ph_lanes *tau, const ph_lanes *g,
                         const ph_lanes *v, ph_lanes *next, ph_lanes *mass)
{
    for (size_t i = 0; i < graph->n; i++) {
        next[i] += g[i] * v[i];
        *mass += v[i];
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
                next[graph->target[e]] +=
                    graph->term_coefficient[t] * tau[graph->term_use[t]] * v[i];
            }
        }
    }
}

static void step_backward(const ph_graph *graph, const ph_lanes *tau, const ph_lanes *g,
                          const ph_lanes *v, const ph_lanes *w, const ph_lanes *seed,
                          ph_lanes *next, ph_lanes *adjoint)
{
    for (size_t i = 0; i < graph->n; i++) {
        next[i] = g[i] * w[i] + *seed;
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
                ph_lanes to = w[graph->target[e]];
                double coefficient = graph->term_coefficient[t];
                next[i] += coefficient * tau[graph->term_use[t]] * to;
                adjoint[graph->term_use[t]] += coefficient * v[i] * (to - w[i]);
            }
        }
    }
}

static void assert_rows_near(const ph_lanes *a, const ph_lanes *b, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        for (int l = 0; l < PH_LANES; l++) {
            assert_near(a[i][l], b[i][l], 1e-13);
        }
    }
}

enum { NEXT, MASS, BACK, ADJOINT, DOT, ADD, OUTS };

static void steps_agree(process it)
{
    size_t width = it.graph->n + 1, uses = it.graph->n_used, room = width + uses + 13;
    const ph_kernel *list[3];
    int count = ph_kernel_list(list);
    ph_rng rng;
    ph_rng_init(&rng, 2, PH_RNG_TEST, 0, 0);
    ph_lanes *tau = random_rows(&rng, uses), *g = random_rows(&rng, width);
    ph_lanes *v = random_rows(&rng, room), *w = random_rows(&rng, width);
    ph_lanes *seed = random_rows(&rng, 1);
    double weight[13];
    for (int i = 0; i < 13; i++) {
        weight[i] = ph_rng_uniform(&rng);
    }
    ph_lanes *out[4][OUTS]; /* the last by definition */
    for (int k = 0; k <= count; k++) {
        for (int i = 0; i < OUTS; i++) {
            out[k][i] = ph_alloc_aligned(room, sizeof(ph_lanes));
        }
    }
    for (int k = 0; k < count; k++) {
        ph_lanes **to = out[k];
        list[k]->forward(&it.plan->in, tau, g, v, to[NEXT], to[MASS]);
        list[k]->backward(&it.plan->out, tau, g, v, w, seed, to[BACK], to[ADJOINT]);
        list[k]->dot(weight, v, 13, to[DOT]);
        list[k]->add(weight, seed, 13, to[ADD]);
        for (int i = 0; k > 0 && i < OUTS; i++) {
            assert_memory_equal(to[i], out[0][i], room * sizeof(ph_lanes));
        }
    }
    ph_lanes **to = out[count];
    step_forward(it.graph, tau, g, v, to[NEXT], to[MASS]);
    step_backward(it.graph, tau, g, v, w, seed, to[BACK], to[ADJOINT]);
    for (int i = 0; i < DOT; i++) {
        assert_rows_near(out[0][i], to[i], room);
    }
    for (int k = 0; k <= count; k++) {
        for (int i = 0; i < OUTS; i++) {
            ph_free_aligned(out[k][i]);
        }
    }
    ph_free_aligned(tau);
    ph_free_aligned(g);
    ph_free_aligned(v);
    ph_free_aligned(w);
    ph_free_aligned(seed);
    process_free(&it);
}

/*
 * Rows of all shapes: the digits of x to base 3 are the numbers of ways that it is left
 * at rates a, b and c, each around a circle of 27.
 */
static const char circle[] =
    "{'phasic': 1, 'name': 'circle', 'parameters': {'a': {'value': 1}, 'b': {'value':"
    " 2}, 'c': {'value': 3}}, 'state': {'x': []}, 'start': {'x': 26}, 'absorb':"
    " 'x == 0', 'transitions': ["
    "{'when': 'x > 8', 'set': {'x': 'if(x < 26, x + 1, 0)'}, 'rate': 'a'},"
    "{'when': 'x > 17', 'set': {'x': 'if(x < 25, x + 2, x - 25)'}, 'rate': '0.7 * a'},"
    "{'when': 'floor(x / 3) - 3 * floor(x / 9) >= 1', 'set': {'x': 'if(x < 24, x + 3,"
    " x - 24)'}, 'rate': 'b'},"
    "{'when': 'floor(x / 3) - 3 * floor(x / 9) == 2', 'set': {'x': 'if(x < 23, x + 4,"
    " x - 23)'}, 'rate': '0.3 * b'},"
    "{'when': 'x - 3 * floor(x / 3) >= 1', 'set': {'x': 'if(x < 22, x + 5, x - 22)'},"
    " 'rate': 'c'},"
    "{'when': 'x - 3 * floor(x / 3) == 2', 'set': {'x': 'if(x < 20, x + 7, x - 20)'},"
    " 'rate': '2 * c'}]}";

static uint64_t shapes_of(const ph_group_table *table)
{
    uint64_t shapes = 0;
    for (size_t r = 0; r < table->n_runs; r++) {
        shapes |= (uint64_t)1 << table->run[r].shape;
    }
    return shapes;
}

static process process_circle(void)
{
    char text[sizeof circle];
    for (size_t i = 0; i < sizeof circle; i++) {
        text[i] = circle[i];
        if (text[i] == '\'') {
            text[i] = '"';
        }
    }
    process it = process_text(text);
    uint64_t shapes = shapes_of(&it.plan->out);
    for (unsigned a = 1; a <= PH_SHAPE_TERMS; a++) {
        for (unsigned b = 0; b <= PH_SHAPE_TERMS; b++) {
            for (unsigned c = 0; c <= (b ? PH_SHAPE_TERMS : 0); c++) {
                assert_true(shapes >> PH_SHAPE(a, b, c) & 1);
            }
        }
    }
    return it;
}

static void steps_agree_bit_for_bit(void **state)
{
    (void)state;
    steps_agree(process_circle());
    steps_agree(process_shipped("rabbits", "n", 7));
    steps_agree(process_shipped("busy_period", "K", 10));
    steps_agree(process_shipped("coalescent", "n", 10));
    steps_agree(process_shipped("hypoexponential", NULL, 0));
}

/* Three moments of two rewards, their products and gradients. */
static void moments_agree_bit_for_bit(void **state)
{
    (void)state;
    process it = process_shipped("rabbits", "n", 7);
    size_t n = it.graph->n, nodes = ph_pool_length(it.graph->pool);
    enum { REWARDS = 2, ORDER = 3, GRADIENT = 2, OUTPUTS = 5 };
    ph_trace *trace = NULL;
    ph_moments *moments = NULL;
    ph_rng rng;
    ph_rng_init(&rng, 3, PH_RNG_TEST, 0, 0);
    double *amount = ph_alloc(REWARDS * n, sizeof *amount);
    for (size_t i = 0; i < REWARDS * n; i++) {
        amount[i] = ph_rng_uniform(&rng);
    }
    ph_lanes *theta = random_rows(&rng, 3), *u = random_rows(&rng, nodes);
    ph_pool_eval(it.graph->pool, (double *)theta, (double *)u);
    assert_int_equal(ph_trace_record(&trace, it.graph, NULL, NULL), 0);
    assert_int_equal(ph_moments_new(&moments, it.graph, trace, REWARDS, amount, ORDER),
                     0);
    assert_int_equal(ph_moments_outputs(moments, GRADIENT), OUTPUTS);
    size_t raw = REWARDS * ORDER, bar = OUTPUTS * nodes, check = OUTPUTS * PH_CHECKS;
    size_t length = (raw + 1 + bar + check) * PH_LANES;
    double *work = ph_alloc_aligned(ph_moments_work(moments, GRADIENT), sizeof *work);
    double *out[3];
    const ph_moments_kernel *list[3];
    int count = ph_moments_kernel_list(list);
    for (int k = 0; k < count; k++) {
        out[k] = ph_alloc_aligned(length, sizeof *out[k]);
        double *to = out[k] + (raw + 1) * PH_LANES;
        list[k]->eval(moments, GRADIENT, (double *)u, work, out[k],
                      out[k] + raw * PH_LANES, to, to + bar * PH_LANES);
        assert_true(isfinite(out[k][0]) && out[k][0] > 0);
        assert_memory_equal(out[k], out[0], length * sizeof *out[k]);
    }
    for (int k = 0; k < count; k++) {
        ph_free_aligned(out[k]);
    }
    ph_free_aligned(work);
    ph_free_aligned(theta);
    ph_free_aligned(u);
    free(amount);
    ph_moments_free(moments);
    ph_trace_free(trace);
    process_free(&it);
}

/* Systems with z I - S, with and without cycles. */
static void shifted_variants_agree(const char *model, const char *constant, double size)
{
    process it = process_shipped(model, constant, size);
    ph_error error = {0};
    ph_trace *trace = NULL;
    const ph_trace_shifted_kernel *list[3];
    int count = ph_trace_shifted_list(list);
    size_t n = it.graph->n, edges = it.graph->n_edges;
    ph_rng rng;
    ph_rng_init(&rng, 3, PH_RNG_TEST, 0, 0);
    assert_int_equal(ph_trace_record(&trace, it.graph, NULL, &error), 0);
    ph_lanes *rate = random_rows(&rng, edges), *z = random_rows(&rng, 3);
    ph_lanes *seed = random_rows(&rng, 4), *x[3], *q[3], *bar[3];
    for (int k = 0; k < count; k++) {
        double *work = ph_alloc_aligned(ph_trace_shifted_work(trace), sizeof *work);
        x[k] = ph_alloc_aligned(2 * (n + 1), sizeof(ph_lanes));
        q[k] = ph_alloc_aligned(2 * (n + 1), sizeof(ph_lanes));
        bar[k] = ph_alloc_aligned(edges, sizeof(ph_lanes));
        x[k][2 * it.graph->start[0]] = seed[0];
        list[k]->forward(trace, rate, z, (ph_lanes *)work, x[k]);
        list[k]->backward(trace, rate, (ph_lanes *)work, x[k], seed, q[k], bar[k]);
        assert_memory_equal(x[k], x[0], 2 * (n + 1) * sizeof(ph_lanes));
        assert_memory_equal(q[k], q[0], 2 * (n + 1) * sizeof(ph_lanes));
        assert_memory_equal(bar[k], bar[0], edges * sizeof(ph_lanes));
        assert_true(bar[k][0][PH_LANES - 1] != 0);
        ph_free_aligned(work);
    }
    for (int k = 0; k < count; k++) {
        ph_free_aligned(x[k]);
        ph_free_aligned(q[k]);
        ph_free_aligned(bar[k]);
    }
    ph_free_aligned(rate);
    ph_free_aligned(z);
    ph_free_aligned(seed);
    ph_trace_free(trace);
    process_free(&it);
}

static void shifted_systems_agree_bit_for_bit(void **state)
{
    (void)state;
    shifted_variants_agree("rabbits", "n", 7);
    shifted_variants_agree("coalescent", "n", 20);
    shifted_variants_agree("busy_period", "K", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_agree_bit_for_bit),
        cmocka_unit_test(moments_agree_bit_for_bit),
        cmocka_unit_test(shifted_systems_agree_bit_for_bit),
    };
    return ph_check_run(tests);
}
