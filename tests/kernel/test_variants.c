/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every instruction set's kernel gives the bits of the portable one. */
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

static void variants_agree_bit_for_bit(void **state)
{
    (void)state;
    process it = process_shipped("rabbits", "n", 7);
    size_t width = it.graph->n + 1, uses = it.graph->n_used;
    const ph_kernel *list[3];
    int count = ph_kernel_list(list);
    ph_rng rng;
    ph_rng_init(&rng, 2, PH_RNG_TEST, 0, 0);
    ph_lanes *tau = random_rows(&rng, uses), *g = random_rows(&rng, width);
    ph_lanes *v = random_rows(&rng, width), *w = random_rows(&rng, width);
    ph_lanes *seed = random_rows(&rng, 1);
    double weight[13];
    for (int i = 0; i < 13; i++) {
        weight[i] = ph_rng_uniform(&rng);
    }
    ph_lanes *out[3][5];
    for (int k = 0; k < count; k++) {
        ph_lanes **to = out[k];
        for (int i = 0; i < 5; i++) {
            to[i] = ph_alloc_aligned(width + uses + 13, sizeof(ph_lanes));
        }
        list[k]->forward(&it.plan->in, tau, g, v, to[0], to[1]);
        list[k]->backward(&it.plan->out, tau, g, v, w, seed, to[2], to[1] + 1);
        list[k]->dot(weight, v, 13, to[3]);
        list[k]->add(weight, seed, 13, to[4]);
        for (int i = 0; k > 0 && i < 5; i++) {
            assert_memory_equal(to[i], out[0][i],
                                (width + uses + 13) * sizeof(ph_lanes));
        }
    }
    for (int k = 0; k < count; k++) {
        for (int i = 0; i < 5; i++) {
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
        cmocka_unit_test(variants_agree_bit_for_bit),
        cmocka_unit_test(moments_agree_bit_for_bit),
        cmocka_unit_test(shifted_systems_agree_bit_for_bit),
    };
    return ph_check_run(tests);
}
