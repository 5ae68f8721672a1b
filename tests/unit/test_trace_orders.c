/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders of elimination, instruction sets and number types give the same results; hard
 * chains against closed forms and another algorithm. */
#include "process.h"

#include "../../src/trace/trace_private.h"
#include "phasic/base/memory.h"
#include "phasic/base/rng.h"

enum { ORDERS = 4 };

static ph_trace *trace_of(const process *it, ph_trace_order order)
{
    ph_trace *trace = NULL;
    ph_error error = {0};
    char text[1024];
    if (ph_trace_record_ordered(&trace, it->graph, order, NULL, &error) != 0) {
        fail_msg("%s", ph_error_text(&error, text, sizeof text));
    }
    assert_int_equal(ph_trace_check(trace), 0);
    return trace;
}

/* Mean by the plain replay at theta. */
static double mean_of(const process *it, const ph_trace *trace, const double *theta)
{
    double mean = NAN;
    double *u = ph_alloc(ph_pool_length(it->graph->pool), sizeof *u);
    double *work = ph_alloc(ph_trace_work(trace) / PH_LANES, sizeof *work);
    ph_pool_eval_plain(it->graph->pool, theta, u);
    ph_trace_mean_plain(trace, u, work, &mean, NULL);
    free(u);
    free(work);
    return mean;
}

/* Every order; returns the mean of the chosen one. */
static double check_orders(const process *it, const double *theta, double relative)
{
    double mean[ORDERS];
    for (int order = 0; order < ORDERS; order++) {
        ph_trace *trace = trace_of(it, (ph_trace_order)order);
        mean[order] = mean_of(it, trace, theta);
        assert_close(mean[order], mean[0], relative);
        ph_trace_free(trace);
    }
    return mean[0];
}

/* ------------------------------------------------------------ random graphs */

enum { MOST = 40 };

typedef struct dense {
    int n;
    double rate[MOST][MOST + 1]; /* the last column is absorption */
} dense;

/* A graph model with edges of constant rates and equal start probabilities. */
static process process_dense(const dense *it)
{
    ph_buffer json = {0};
    ph_buffer_add(&json, "{\"phasic\": 1, \"name\": \"dense\", \"parameters\": {}, "
                         "\"graph\": {\"vertices\": [");
    for (int i = 0; i < it->n; i++) {
        ph_buffer_addf(&json, "%s[%d]", i ? ", " : "", i);
    }
    ph_buffer_add(&json, "], \"initial\": [");
    for (int i = 0; i < it->n; i++) {
        ph_buffer_addf(&json, "%s[%d, \"1 / %d\"]", i ? ", " : "", i, it->n);
    }
    ph_buffer_add(&json, "], \"edges\": [");
    int first = 1;
    for (int i = 0; i < it->n; i++) {
        for (int j = 0; j <= it->n; j++) {
            if (it->rate[i][j] > 0) {
                ph_buffer_addf(&json, "%s[%d, %d, ", first ? "" : ", ", i,
                               j == it->n ? -1 : j);
                ph_buffer_add_double(&json, it->rate[i][j]);
                ph_buffer_add(&json, "]");
                first = 0;
            }
        }
    }
    ph_buffer_add(&json, "]}}");
    assert_false(json.failed);
    process model = process_text(json.text);
    ph_buffer_free(&json);
    return model;
}

/* Mean by Gaussian elimination with pivoting on -S, in long double. */
static double gauss_mean(const dense *it)
{
    static long double a[MOST][MOST + 1];
    int n = it->n;
    for (int i = 0; i < n; i++) {
        long double total = 0;
        for (int j = 0; j <= n; j++) {
            total += it->rate[i][j];
            a[i][j] = -it->rate[i][j];
        }
        a[i][i] = total;
        a[i][n] = 1;
    }
    for (int k = 0; k < n; k++) {
        int pivot = k;
        for (int i = k + 1; i < n; i++) {
            pivot = fabsl(a[i][k]) > fabsl(a[pivot][k]) ? i : pivot;
        }
        for (int j = 0; j <= n; j++) {
            long double kept = a[k][j];
            a[k][j] = a[pivot][j];
            a[pivot][j] = kept;
        }
        for (int i = 0; i < n; i++) {
            long double p = i == k ? 0 : a[i][k] / a[k][k];
            for (int j = k; j <= n && i != k; j++) {
                a[i][j] -= p * a[k][j];
            }
        }
    }
    long double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += a[i][n] / a[i][i] / n;
    }
    return (double)sum;
}

/* From almost no cycles to one component; numbering has nothing to do with edges. */
static void random_graphs_agree_with_gauss(void **state)
{
    (void)state;
    static dense it;
    ph_rng rng;
    ph_rng_init(&rng, 11, PH_RNG_TEST, 0, 0);
    for (int round = 0; round < 60; round++) {
        memset(&it, 0, sizeof it);
        it.n = 2 + round % (MOST - 1);
        double density = (round % 6 + 1) * 0.9 / it.n;
        for (int i = 0; i < it.n; i++) {
            it.rate[i][it.n] = 0.01 + ph_rng_uniform(&rng);
            for (int j = 0; j < it.n; j++) {
                if (i != j && ph_rng_uniform(&rng) < density) {
                    it.rate[i][j] = exp(2 * ph_rng_normal(&rng));
                }
            }
        }
        process model = process_dense(&it);
        assert_close(check_orders(&model, NULL, 1e-13), gauss_mean(&it), 1e-13);
        process_free(&model);
    }
}

/* Edges lead to the same component or a later one, whose states are neighbours. */
static void components_come_first(void **state)
{
    (void)state;
    const char *name[] = {"rabbits", "coalescent", "busy_period",
                          "power_law_coalescent"};
    for (size_t k = 0; k < sizeof name / sizeof *name; k++) {
        process it = process_shipped(name[k], NULL, 0);
        ph_components components = {0};
        ph_trace_summary summary;
        assert_int_equal(ph_components_find(&components, it.graph), 0);
        for (int order = 0; order < ORDERS; order++) {
            ph_trace *trace = trace_of(&it, (ph_trace_order)order);
            ph_trace_summarize(trace, &summary);
            assert_int_equal(summary.components, components.count);
            assert_int_equal(summary.largest, components.largest);
            for (size_t s = 0; s + 1 < it.graph->n; s++) {
                uint32_t at = components.of[trace->order[s]];
                uint32_t next = components.of[trace->order[s + 1]];
                assert_true(next == at || next == at + 1);
                assert_int_equal(trace->row[trace->order[s]].component, at);
            }
            ph_trace_free(trace);
        }
        ph_components_free(&components);
        process_free(&it);
    }
}

/* ---------------------------------------------------------------- hard chains */

/* Two clusters of two states that each other is reached from at rate eps, as absorption
 * is: E[T] = 4 + 6 / eps. */
static void nearly_reducible_chains(void **state)
{
    (void)state;
    process it = process_text(
        "{\"phasic\": 1, \"name\": \"clusters\", \"parameters\": {\"eps\": {}}, "
        "\"graph\": {\"vertices\": [[0], [1], [2], [3]], \"initial\": [[0, 1]], "
        "\"edges\": [[0, 1, 1], [1, 0, 1], [1, 2, \"eps\"], [2, 3, 1], [3, 2, 1], "
        "[3, 0, \"eps\"], [3, -1, \"eps\"]]}}");
    for (int k = 0; k <= 300; k += 15) {
        double eps = pow(10, -k);
        assert_close(check_orders(&it, &eps, 1e-15), 4 + 6 / eps, 2e-15);
    }
    process_free(&it);
}

/* Two states visited in turn at rate a, the process ends in the second at rate b. */
static void two_cycle(void **state)
{
    (void)state;
    process it = process_shipped("two_cycle", NULL, 0);
    const double theta[][2] = {{1, 1}, {1e12, 1e-12}, {1e-200, 1e-3}, {1, 1e-300}};
    assert_close(check_orders(&it, theta[0], 0), 3, 0);
    for (int k = 1; k < 4; k++) {
        double exact = 1 / theta[k][0] + 2 / theta[k][1];
        assert_close(check_orders(&it, theta[k], 1e-15), exact, 1e-15);
    }
    process_free(&it);
}

/* A chain numbered against its edges, started anywhere: mean over i of (i + 1) / r. */
static void numbers_against_the_edges(void **state)
{
    (void)state;
    static dense it;
    memset(&it, 0, sizeof it);
    it.n = MOST;
    it.rate[0][it.n] = 4;
    for (int i = 1; i < it.n; i++) {
        it.rate[i][i - 1] = 4;
    }
    process model = process_dense(&it);
    assert_close(check_orders(&model, NULL, 1e-15), (MOST + 1) / 8.0, 1e-15);
    process_free(&model);
}

/* Large enough that orders are compared: a queue, whose busy period is known, and two
 * of them side by side, where fill is needed. */
static void large_components(void **state)
{
    (void)state;
    process queue = process_shipped("busy_period", "K", 600);
    const double theta[2] = {0.5, 1};
    assert_close(check_orders(&queue, theta, 1e-14), 2, 1e-14);
    process_free(&queue);
    process pair = process_text(
        "{\"phasic\": 1, \"name\": \"pair\", \"constants\": {\"n\": 24}, "
        "\"parameters\": {\"a\": {}, \"b\": {}}, \"state\": {\"x\": [], \"y\": []}, "
        "\"start\": {\"x\": 1}, \"absorb\": \"x + y == 0\", \"transitions\": ["
        "{\"when\": \"x < n\", \"change\": {\"x\": 1}, \"rate\": \"a\"}, "
        "{\"when\": \"x > 0\", \"change\": {\"x\": -1}, \"rate\": \"b\"}, "
        "{\"when\": \"y < n\", \"change\": {\"y\": 1}, \"rate\": \"a\"}, "
        "{\"when\": \"y > 0\", \"change\": {\"y\": -1}, \"rate\": \"b\"}]}");
    ph_trace *trace = trace_of(&pair, PH_TRACE_CHOOSE);
    ph_trace_summary chosen, other;
    ph_trace_summarize(trace, &chosen);
    ph_trace_free(trace);
    assert_true(chosen.fill > 0);
    for (int order = 1; order < ORDERS; order++) {
        trace = trace_of(&pair, (ph_trace_order)order);
        ph_trace_summarize(trace, &other);
        assert_true(chosen.operations <= (size_t)(1.1 * (double)other.operations));
        ph_trace_free(trace);
    }
    check_orders(&pair, theta, 1e-13);
    process_free(&pair);
}

/* ------------------------------------------------- number types, instruction sets */

typedef struct replayer {
    const process *it;
    ph_trace *trace;
    size_t n;
    double *theta, *u, *work, *h, *x;
    double *lane_u, *lane_work, *lane_h, *lane_x;
    ph_wide *wide_work, *wide_h, *wide_x;
} replayer;

static replayer replayer_new(const process *it)
{
    replayer self = {.it = it, .n = it->graph->n};
    size_t nodes = ph_pool_length(it->graph->pool);
    self.trace = trace_of(it, PH_TRACE_CHOOSE);
    size_t work = ph_trace_work(self.trace);
    self.theta = ph_alloc_aligned(16 * PH_LANES, sizeof(double));
    self.u = ph_alloc(nodes, sizeof(double));
    self.work = ph_alloc(work / PH_LANES, sizeof(double));
    self.h = ph_alloc(self.n, sizeof(double));
    self.x = ph_alloc(self.n, sizeof(double));
    self.lane_u = ph_alloc_aligned(nodes * PH_LANES, sizeof(double));
    self.lane_work = ph_alloc_aligned(work, sizeof(double));
    self.lane_h = ph_alloc_aligned(self.n * PH_LANES, sizeof(double));
    self.lane_x = ph_alloc_aligned(self.n * PH_LANES, sizeof(double));
    self.wide_work = ph_alloc_aligned(work / PH_LANES, sizeof(ph_wide));
    self.wide_h = ph_alloc_aligned(self.n, sizeof(ph_wide));
    self.wide_x = ph_alloc_aligned(self.n, sizeof(ph_wide));
    return self;
}

static void replayer_free(replayer *self)
{
    ph_trace_free(self->trace);
    ph_free_aligned(self->theta);
    free(self->u);
    free(self->work);
    free(self->h);
    free(self->x);
    ph_free_aligned(self->lane_u);
    ph_free_aligned(self->lane_work);
    ph_free_aligned(self->lane_h);
    ph_free_aligned(self->lane_x);
    ph_free_aligned(self->wide_work);
    ph_free_aligned(self->wide_h);
    ph_free_aligned(self->wide_x);
}

static void replay_wide(replayer *self)
{
    ph_trace_eliminate_wide(self->trace, self->u, self->wide_work);
    ph_trace_start_wide(self->trace, self->u, self->wide_x);
    for (size_t i = 0; i < self->n; i++) {
        self->wide_h[i] = 1;
    }
    ph_trace_solve_wide(self->trace, self->wide_work, self->wide_h);
    ph_trace_solve_transposed_wide(self->trace, self->wide_work, self->wide_x);
}

static void replay_plain(replayer *self)
{
    ph_trace_eliminate_plain(self->trace, self->u, self->work);
    ph_trace_start_plain(self->trace, self->u, self->x);
    for (size_t i = 0; i < self->n; i++) {
        self->h[i] = 1;
    }
    ph_trace_solve_plain(self->trace, self->work, self->h);
    ph_trace_solve_transposed_plain(self->trace, self->work, self->x);
}

static void replay_kernel(replayer *self, const ph_trace_kernel *kernel)
{
    kernel->eliminate(self->trace, self->lane_u, self->lane_work);
    kernel->start(self->trace, self->lane_u, self->lane_x);
    for (size_t i = 0; i < self->n * PH_LANES; i++) {
        self->lane_h[i] = 1;
    }
    kernel->solve(self->trace, self->lane_work, self->lane_h);
    kernel->solve_transposed(self->trace, self->lane_work, self->lane_x);
}

/* Rates over 12 decades, every component of both solves; plain and all lanes. */
static void spread_rates_against_wide(void **state)
{
    (void)state;
    process it = process_shipped("rabbits", "n", 20);
    replayer self = replayer_new(&it);
    const ph_trace_kernel *kernel[3];
    int kernels = ph_trace_kernel_list(kernel);
    ph_rng rng;
    ph_rng_init(&rng, 3, PH_RNG_TEST, 0, 0);
    for (int round = 0; round < 6; round++) {
        for (int k = 0; k < 3 * PH_LANES; k++) {
            self.theta[k] = pow(10, 12 * ph_rng_uniform(&rng) - 6);
        }
        ph_pool_eval(it.graph->pool, self.theta, self.lane_u);
        for (int l = 0; l < PH_LANES; l++) {
            double theta[3];
            for (int m = 0; m < 3; m++) {
                theta[m] = self.theta[m * PH_LANES + l];
            }
            ph_pool_eval_plain(it.graph->pool, theta, self.u);
            replay_wide(&self);
            replay_plain(&self);
            for (size_t i = 0; i < self.n; i++) {
                assert_close(self.h[i], (double)self.wide_h[i], 1e-13);
                assert_close(self.x[i], (double)self.wide_x[i], 1e-13);
            }
            for (int k = 0; k < kernels; k++) {
                replay_kernel(&self, kernel[k]);
                for (size_t i = 0; i < self.n; i++) {
                    /* the same sums in the same order */
                    assert_true(self.lane_h[i * PH_LANES + l] == self.h[i]);
                    assert_true(self.lane_x[i * PH_LANES + l] == self.x[i]);
                }
            }
        }
    }
    replayer_free(&self);
    process_free(&it);
}

/* Mean busy period: sum over k of (arrival/service)^k / service, here 1.001 10^117. */
static void wide_replay_has_its_digits(void **state)
{
    (void)state;
    process it = process_shipped("busy_period", "K", 40);
    replayer self = replayer_new(&it);
    const double theta[2] = {1e3, 1};
    ph_wide exact = 0, mean;
    for (int k = 0; k < 40; k++) {
        exact = 1000 * exact + 1;
    }
    ph_pool_eval_plain(it.graph->pool, theta, self.u);
    ph_trace_mean_wide(self.trace, self.u, self.wide_work, &mean, NULL);
    ph_wide error = (mean - exact) / exact;
    assert_near((double)error, 0, 1e-31);
    replayer_free(&self);
    process_free(&it);
}

/* --------------------------------------------------------------------- talk */

static int stop(void *context, const char *what, double fraction, const char *remark)
{
    (void)remark;
    assert_string_equal(what, "elimination");
    assert_true(fraction > 0 && fraction <= 1);
    ++*(int *)context;
    return 1;
}

static void recording_can_be_stopped(void **state)
{
    (void)state;
    const struct {
        const char *name, *constant;
    } model[] = {{"busy_period", "K"}, {"coalescent", "n"}};
    for (int k = 0; k < 2; k++) {
        process it = process_shipped(model[k].name, model[k].constant, 5000);
        int asked = 0;
        ph_log log = {.context = &asked, .progress = stop};
        ph_error error = {0};
        ph_trace *trace = NULL;
        assert_int_equal(ph_trace_record(&trace, it.graph, &log, &error),
                         PH_E_INTERRUPTED);
        assert_null(trace);
        assert_int_equal(asked, 1);
        assert_true(error.message[0] != '\0');
        process_free(&it);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_agree_with_gauss),
        cmocka_unit_test(components_come_first),
        cmocka_unit_test(nearly_reducible_chains),
        cmocka_unit_test(two_cycle),
        cmocka_unit_test(numbers_against_the_edges),
        cmocka_unit_test(large_components),
        cmocka_unit_test(spread_rates_against_wide),
        cmocka_unit_test(wide_replay_has_its_digits),
        cmocka_unit_test(recording_can_be_stopped),
    };
    return ph_check_run(tests);
}
