/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "process.h"

#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/trace/trace.h"

typedef struct replayer {
    ph_trace *trace;
    double *work, *theta, *u, *u_bar, *theta_bar;
} replayer;

static replayer replayer_new(const process *it)
{
    const ph_pool *pool = it->graph->pool;
    size_t nodes = ph_pool_length(pool) * PH_LANES;
    size_t p = ph_pool_parameters(pool) * PH_LANES;
    replayer self = {0};
    assert_int_equal(ph_trace_record(&self.trace, it->graph, NULL, NULL), 0);
    self.work = ph_alloc_aligned(ph_trace_work(self.trace), sizeof(double));
    self.theta = ph_alloc_aligned(p, sizeof(double));
    self.theta_bar = ph_alloc_aligned(p, sizeof(double));
    self.u = ph_alloc_aligned(nodes, sizeof(double));
    self.u_bar = ph_alloc_aligned(nodes, sizeof(double));
    return self;
}

static void replayer_free(replayer *self)
{
    ph_trace_free(self->trace);
    ph_free_aligned(self->work);
    ph_free_aligned(self->theta);
    ph_free_aligned(self->theta_bar);
    ph_free_aligned(self->u);
    ph_free_aligned(self->u_bar);
}

static double plain_mean(const process *it, replayer *self, const double *theta,
                         double *gradient)
{
    const ph_pool *pool = it->graph->pool;
    double mean;
    memset(self->u_bar, 0, ph_pool_length(pool) * sizeof *self->u_bar);
    ph_pool_eval_plain(pool, theta, self->u);
    ph_trace_mean_plain(self->trace, self->u, self->work, &mean,
                        gradient ? self->u_bar : NULL);
    if (gradient) {
        memset(gradient, 0, ph_pool_parameters(pool) * sizeof *gradient);
        ph_pool_adjoint_plain(pool, self->u, self->u_bar, gradient);
    }
    return mean;
}

/* Mean busy period: sum over k of (arrival/service)^(k-1) / service. */
static void a_mean_of_1e117(void **state)
{
    (void)state;
    process it = process_shipped("busy_period", "K", 40);
    replayer self = replayer_new(&it);
    const double theta[2] = {1e3, 1};
    long double exact = 0;
    for (int k = 39; k >= 0; k--) {
        exact += powl(1000, k);
    }
    assert_close(plain_mean(&it, &self, theta, NULL), (double)exact, 1e-14);
    replayer_free(&self);
    process_free(&it);
}

/* Kingman: mean 2 (1 - 1/n). */
static void coalescent_means(void **state)
{
    (void)state;
    for (int n = 2; n <= 100; n += 7) {
        process it = process_shipped("coalescent", "n", n);
        replayer self = replayer_new(&it);
        double theta = 1, gradient;
        assert_close(plain_mean(&it, &self, &theta, &gradient), 2 * (1 - 1.0 / n),
                     1e-14);
        assert_close(gradient, -2 * (1 - 1.0 / n), 1e-13);
        replayer_free(&self);
        process_free(&it);
    }
}

/* Rates homogeneous of degree one: sum theta d mean / d theta = - mean (Euler). */
static void lanes_equal_plain_and_euler_holds(void **state)
{
    (void)state;
    process it = process_shipped("rabbits", "n", 12);
    replayer self = replayer_new(&it);
    const ph_pool *pool = it.graph->pool;
    enum { P = 3 };
    ph_rng rng;
    ph_rng_init(&rng, 5, PH_RNG_TEST, 0, 0);
    for (int round = 0; round < 5; round++) {
        _Alignas(64) double mean[PH_LANES];
        for (int i = 0; i < P * PH_LANES; i++) {
            self.theta[i] = exp(4 * ph_rng_normal(&rng));
        }
        memset(self.u_bar, 0, ph_pool_length(pool) * PH_LANES * sizeof *self.u_bar);
        memset(self.theta_bar, 0, P * PH_LANES * sizeof *self.theta_bar);
        ph_pool_eval(pool, self.theta, self.u);
        ph_trace_mean(self.trace, self.u, self.work, mean, self.u_bar);
        ph_pool_adjoint(pool, self.u, self.u_bar, self.theta_bar);
        for (int l = 0; l < PH_LANES; l++) {
            double theta[P], lane[P], gradient[P], euler = 0, size = 0;
            for (int m = 0; m < P; m++) {
                theta[m] = self.theta[m * PH_LANES + l];
                lane[m] = self.theta_bar[m * PH_LANES + l];
                euler += theta[m] * lane[m];
                size += fabs(theta[m] * lane[m]);
            }
            replayer other = replayer_new(&it);
            assert_close(plain_mean(&it, &other, theta, gradient), mean[l], 1e-15);
            for (int m = 0; m < P; m++) {
                assert_close(lane[m], gradient[m], 1e-14);
            }
            replayer_free(&other);
            assert_near(euler, -mean[l], 1e-12 * size);
        }
    }
    replayer_free(&self);
    process_free(&it);
}

static ph_trace_summary summary_of(const process *it)
{
    ph_trace *trace = NULL;
    ph_trace_summary summary;
    assert_int_equal(ph_trace_record(&trace, it->graph, NULL, NULL), 0);
    ph_trace_summarize(trace, &summary);
    ph_trace_free(trace);
    return summary;
}

/* Lineages: a chain. Rabbits: for each number of rabbits a path of that many islands'
 * states, eliminated from its end. A queue: one path. None of them needs fill. */
static void chains_and_paths_have_no_fill(void **state)
{
    (void)state;
    process line = process_shipped("coalescent", "n", 50);
    process paths = process_shipped("rabbits", "n", 10);
    process queue = process_shipped("busy_period", "K", 400);
    ph_trace_summary summary = summary_of(&line);
    assert_int_equal(summary.fill, 0);
    assert_int_equal(summary.cyclic, 0);
    assert_int_equal(summary.components, 49);
    assert_int_equal(summary.largest, 1);
    summary = summary_of(&paths);
    assert_int_equal(summary.fill, 0);
    assert_int_equal(summary.cyclic, 1);
    assert_int_equal(summary.components, 10);
    assert_int_equal(summary.cyclic_components, 10);
    assert_int_equal(summary.largest, 11);
    summary = summary_of(&queue);
    assert_int_equal(summary.fill, 0);
    assert_int_equal(summary.components, 1);
    assert_int_equal(summary.largest, 400);
    /* each step but the last: one product for the exit, one sum, a self-loop */
    assert_int_equal(summary.operations, 3 * 399);
    process_free(&line);
    process_free(&paths);
    process_free(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mean_of_1e117),
        cmocka_unit_test(coalescent_means),
        cmocka_unit_test(lanes_equal_plain_and_euler_holds),
        cmocka_unit_test(chains_and_paths_have_no_fill),
    };
    return ph_check_run(tests);
}
