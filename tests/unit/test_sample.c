/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Simulation against what it simulates: distribution functions by uniformization,
 * moments by elimination, edge rates, closed forms. Seeds are fixed; bounds are those
 * of statistics at levels of 1e-4 and below (or 5 standard errors).
 */
#include <gsl/gsl_cdf.h>

#include "../../src/dist/sample_alias.h"
#include "epoch_models.h"
#include "moment_case.h"
#include "phasic/base/rng.h"
#include "phasic/dist/points.h"
#include "phasic/dist/sample.h"

#define SEED      20240229
#define KS_BOUND  2.3 /* of D sqrt(n): 2 exp(-2 * 2.3^2) = 5e-5 */
#define LEVEL     1e-4
#define MOST_EDGE 64

/* Two start states, a third that is absorbed at once, and a rest that is too. */
static const char start_law[] =
    "{\"phasic\": 1, \"parameters\": {\"a\": {\"value\": 1.5}, \"p\": {\"support\":"
    " \"unit\", \"value\": 0.3}}, \"state\": {\"k\": []}, \"defect\": true,"
    " \"start\": [{\"state\": {\"k\": 3}, \"probability\": \"p\"},"
    " {\"state\": {\"k\": 1}, \"probability\": 0.25},"
    " {\"state\": {\"k\": 0}, \"probability\": 0.1}],"
    " \"transitions\": [{\"when\": \"k > 0\", \"change\": {\"k\": -1},"
    " \"rate\": \"k * a\"}, {\"when\": \"k == 1\", \"change\": {\"k\": 1},"
    " \"rate\": 0.4}], \"rewards\": {\"k\": \"k\"}}";

/* Discrete time: a cycle, states that are kept, an exit from two states, a defect. */
static const char steps[] =
    "{\"phasic\": 1, \"time\": \"discrete\", \"defect\": true, \"parameters\":"
    " {\"a\": {\"support\": \"unit\", \"value\": 0.6}, \"b\": {\"support\": \"unit\","
    " \"value\": 0.5}, \"p\": {\"support\": \"unit\", \"value\": 0.3}},"
    " \"graph\": {\"vertices\": [[0],[1],[2]], \"initial\": [[0,\"p\"],[1,0.6]],"
    " \"edges\": [[0,1,\"a\"],[1,0,\"b/2\"],[1,2,\"0.2*a\"],[2,0,\"a*b\"],[2,-1,0.3],"
    "[0,-1,0.05]]}, \"rewards\": {\"one\": [1,0,2], \"two\": [0,3,1]}}";

typedef struct simulation {
    process it;
    ph_sampler *sampler;
    double theta[8];
    size_t n_rewards; /* time, then the model's */
    double *amount;   /* [n_rewards][n] */
} simulation;

static simulation simulation_new(process it)
{
    simulation self = {.it = it, .n_rewards = it.model->n_rewards + 1};
    size_t n = it.graph->n;
    double *amount = ph_alloc(self.n_rewards * n, sizeof *amount);
    assert_int_equal(ph_model_theta(it.model, self.theta, NULL), 0);
    for (size_t r = 0; r < self.n_rewards; r++) {
        assert_int_equal(
            ph_graph_reward(it.graph, it.model, (long)r - 1, amount + r * n, NULL), 0);
    }
    assert_int_equal(ph_sampler_new(&self.sampler, it.graph, self.theta, self.n_rewards,
                                    amount, NULL),
                     0);
    self.amount = amount;
    return self;
}

static void simulation_free(simulation *self)
{
    ph_sampler_free(self->sampler);
    free(self->amount);
    process_free(&self->it);
}

static double draw(const simulation *self, uint32_t i, double *total)
{
    return ph_sampler_draw(self->sampler, SEED, i, INFINITY, total);
}

/* ---- the alias tables ---- */

static void alias_tables_hold_the_weights(void **state)
{
    (void)state;
    enum { MOST = 40 };
    ph_rng stream;
    ph_rng_init(&stream, SEED, PH_RNG_TEST, 0, 0);
    for (size_t n = 1; n <= MOST; n++) {
        double weight[MOST], work[MOST], got[MOST] = {0}, sum = 0;
        uint32_t stack[MOST];
        ph_alias table[MOST];
        for (size_t k = 0; k < n; k++) { /* from 1e-12 to 1, some of them 0 */
            weight[k] = k % 7 == 3 ? 0 : pow(1e-12, ph_rng_uniform(&stream));
            sum += weight[k];
        }
        ph_alias_build(n, weight, table, work, stack);
        for (size_t k = 0; k < n; k++) {
            assert_true(table[k].cut >= 0 && table[k].cut <= 1);
            got[table[k].near] += table[k].cut / (double)n;
            got[table[k].far] += (1 - table[k].cut) / (double)n;
        }
        for (size_t k = 0; k < n; k++) {
            assert_near(got[k], weight[k] / sum, 1e-15);
            assert_true(weight[k] > 0 || got[k] == 0);
        }
        assert_true(ph_alias_draw(n, table, 0x1p-53) < n);
        assert_true(ph_alias_draw(n, table, 1 - 0x1p-53) < n);
    }
}

/* ---- the distribution of the time ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov's distance times sqrt(n); zeros are an atom. */
static double distance(size_t n, const double *time, const double *log_survival)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double f = -expm1(log_survival[i]);
        if (time[i] > 0) {
            most = fmax(most, fmax(fabs((double)(i + 1) / (double)n - f),
                                   fabs((double)i / (double)n - f)));
        }
    }
    return most * sqrt((double)n);
}

static void follows(process it)
{
    enum { N = 40000 };
    simulation self = simulation_new(it);
    double *time = ph_alloc(2 * N, sizeof *time), *log_survival = time + N;
    double *total = ph_alloc(self.n_rewards, sizeof *total);
    size_t zeros = 0;
    for (uint32_t i = 0; i < N; i++) {
        time[i] = draw(&self, i, total);
        zeros += time[i] == 0;
        assert_close(total[0], time[i], 1e-13);
    }
    qsort(time, N, sizeof *time, ascending);
    assert_int_equal(ph_points(self.it.plan, PH_ENGINE_LANES, self.theta, N, time, NULL,
                               log_survival, NULL, NULL, NULL),
                     0);
    double d = distance(N, time, log_survival);
    if (!(d < KS_BOUND)) {
        fail_msg("%s: D sqrt(n) = %g", it.model->name ? it.model->name : "model", d);
    }
    double zero = 0, alive; /* the atom */
    assert_int_equal(ph_points(self.it.plan, PH_ENGINE_LANES, self.theta, 1, &zero,
                               NULL, &alive, NULL, NULL, NULL),
                     0);
    double atom = -expm1(alive);
    assert_near((double)zeros / N, atom, 5 * sqrt(fabs(atom) / N));
    free(total);
    free(time);
    simulation_free(&self);
}

static void times_follow_the_distribution(void **state)
{
    (void)state;
    follows(process_shipped("rabbits", "n", 5));
    follows(process_shipped("two_cycle", NULL, 0));
    follows(process_shipped("repairable", NULL, 0));
    follows(process_shipped("coalescent", "n", 8));
    follows(process_shipped("hypoexponential", NULL, 0));
    follows(process_text(start_law));
}

static void steps_follow_the_mass_function(void **state)
{
    (void)state;
    enum { N = 50000, K = 200 };
    simulation self = simulation_new(process_text(steps));
    double seen[K + 1] = {0}, at[K], log_pdf[K], total[3];
    for (uint32_t i = 0; i < N; i++) {
        double time = draw(&self, i, total);
        assert_true(time == floor(time) && total[0] == time);
        assert_true(total[1] == floor(total[1]) && total[2] == floor(total[2]));
        seen[time < K ? (size_t)time : K]++;
    }
    for (size_t k = 0; k < K; k++) {
        at[k] = (double)k;
    }
    assert_int_equal(ph_points(self.it.plan, PH_ENGINE_LANES, self.theta, K, at,
                               log_pdf, NULL, NULL, NULL, NULL),
                     0);
    /* bins of at least 20 expected; the last one takes the rest */
    double atom = 1 - 0.3 - 0.6, statistic = 0, expected = atom * N, observed = seen[0];
    double left = N;
    size_t bins = 0;
    for (size_t k = 1; k <= K; k++) {
        if (expected >= 20 && left - expected >= 20) {
            statistic += (observed - expected) * (observed - expected) / expected;
            left -= expected;
            bins++;
            expected = observed = 0;
        }
        expected += k < K ? N * exp(log_pdf[k]) : 0;
        observed += seen[k];
    }
    statistic += (observed - left) * (observed - left) / left;
    assert_true(bins > 10);
    assert_true(statistic < gsl_cdf_chisq_Qinv(LEVEL, (double)bins));
    simulation_free(&self);
}

/* A state that is left at every step takes exactly one step. */
static void certain_steps_are_certain(void **state)
{
    (void)state;
    double total[1];
    simulation self = simulation_new(process_text(
        "{\"phasic\": 1, \"time\": \"discrete\", \"parameters\": {}, \"matrix\":"
        " {\"initial\": [1, 0], \"rates\": [[0, 1, 0], [0, 0, 1]]}}"));
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(draw(&self, i, total) == 2);
    }
    simulation_free(&self);
}

/* ---- means, second moments and covariances ---- */

static void moments_agree(process it, process again)
{
    enum { N = 200000, MOST = 8 };
    simulation self = simulation_new(it);
    moment_case exact = moment_case_new(again, 4, 0);
    moment_case_eval(&exact, self.theta);
    size_t r = self.n_rewards;
    double sum[MOST] = {0}, product[MOST][MOST] = {0}, square[MOST][MOST] = {0};
    assert_true(r <= MOST);
    for (uint32_t i = 0; i < N; i++) {
        double total[MOST];
        draw(&self, i, total);
        for (size_t a = 0; a < r; a++) {
            sum[a] += total[a] / N;
            for (size_t b = 0; b <= a; b++) {
                double x = total[a] * total[b];
                product[a][b] += x / N;
                square[a][b] += x * x / N;
            }
        }
    }
    for (size_t a = 0; a < r; a++) {
        double mean = raw(&exact, a, 1), variance = raw(&exact, a, 2) - mean * mean;
        assert_near(sum[a], mean, 5 * sqrt(variance / N));
        for (size_t b = 0; b <= a; b++) {
            double value = cov(&exact, a, b) + mean * raw(&exact, b, 1);
            double spread = square[a][b] - product[a][b] * product[a][b];
            assert_near(product[a][b], value, 5 * sqrt(spread / N));
        }
    }
    moment_case_free(&exact);
    simulation_free(&self);
}

static void totals_have_the_moments(void **state)
{
    (void)state;
    moments_agree(process_shipped("rabbits", "n", 4),
                  process_shipped("rabbits", "n", 4));
    moments_agree(process_shipped("two_cycle", NULL, 0),
                  process_shipped("two_cycle", NULL, 0));
    moments_agree(process_shipped("repairable", NULL, 0),
                  process_shipped("repairable", NULL, 0));
    moments_agree(process_text(start_law), process_text(start_law));
    moments_agree(process_text(steps), process_text(steps));
    moments_agree(process_quoted(TWO_SIZES), process_quoted(TWO_SIZES));
    moments_agree(process_quoted(THREE_EPOCHS), process_quoted(THREE_EPOCHS));
    moments_agree(process_quoted(STEP_EPOCHS), process_quoted(STEP_EPOCHS));
}

/* Rate a until T, then b: P(X > t) in closed form; a path has no visit at T. */
static void hazards_follow_their_law(void **state)
{
    (void)state;
    enum { N = 40000 };
    simulation self = simulation_new(process_quoted(TWO_HAZARDS));
    double a = self.theta[0], b = self.theta[1], t = self.theta[2], total[1];
    double *time = ph_alloc(2 * N, sizeof *time), *log_survival = time + N;
    ph_sample_path path = {0};
    for (uint32_t i = 0; i < N; i++) {
        time[i] = draw(&self, i, total);
        assert_int_equal(ph_sampler_path(self.sampler, SEED, i, &path), 0);
        assert_int_equal(path.length, 2);
        assert_true(path.time[1] == time[i]);
    }
    qsort(time, N, sizeof *time, ascending);
    for (size_t i = 0; i < N; i++) {
        log_survival[i] = -a * fmin(time[i], t) - b * fmax(time[i] - t, 0);
    }
    assert_true(distance(N, time, log_survival) < KS_BOUND);
    ph_sample_path_free(&path);
    free(time);
    simulation_free(&self);
}

/* Probability 0.2 in steps 1 to 4, then 0.5. */
static void steps_follow_their_epochs(void **state)
{
    (void)state;
    enum { N = 40000, K = 12 };
    simulation self = simulation_new(process_quoted(
        "{'phasic':1,'time':'discrete','parameters':{'p':{'support':'unit',"
        "'value':0.2}},'matrix':{'initial':[1],'rates':[['1-p','p']]},"
        "'epochs':[{'at':4,'set':{'p':0.5}}]}"));
    double seen[K + 1] = {0}, total[1], left = 1, statistic = 0;
    for (uint32_t i = 0; i < N; i++) {
        double time = draw(&self, i, total);
        seen[time < K ? (size_t)time : K]++;
    }
    assert_true(seen[0] == 0);
    for (size_t k = 1; k <= K; k++) {
        double p = k == K ? 1 : k <= 4 ? 0.2 : 0.5, expected = N * left * p;
        statistic += (seen[k] - expected) * (seen[k] - expected) / expected;
        left *= 1 - p;
    }
    assert_true(statistic < gsl_cdf_chisq_Qinv(LEVEL, K - 1));
    simulation_free(&self);
}

/* Erlang(3, 2) has mean 3/2 and variance 3/4. */
static void erlang_has_its_mean(void **state)
{
    (void)state;
    enum { N = 100000 };
    process it = process_erlang(3);
    double rate = 2, sum = 0;
    ph_sampler *sampler = NULL;
    assert_int_equal(ph_sampler_new(&sampler, it.graph, &rate, 0, NULL, NULL), 0);
    for (uint32_t i = 0; i < N; i++) {
        sum += ph_sampler_draw(sampler, SEED, i, INFINITY, NULL);
    }
    assert_near(sum / N, 1.5, 5 * sqrt(0.75 / N));
    ph_sampler_free(sampler);
    process_free(&it);
}

/* ---- trajectories ---- */

typedef struct visits { /* of one state */
    double count, time;
    double to[MOST_EDGE];
} visits;

/* One path into the counts; it must be the observation that draw gives. */
static void count_path(const simulation *self, uint32_t i, ph_sample_path *path,
                       visits *seen)
{
    const ph_graph *graph = self->it.graph;
    double total[8], again[8] = {0};
    assert_int_equal(ph_sampler_path(self->sampler, SEED, i, path), 0);
    assert_true(path->length >= 1 && path->time[0] == 0);
    assert_int_equal(path->state[path->length - 1], graph->n);
    assert_true(draw(self, i, total) == path->time[path->length - 1]);
    for (size_t k = 0; k + 1 < path->length; k++) {
        size_t at = path->state[k], e = graph->row[at];
        double hold = path->time[k + 1] - path->time[k];
        assert_true(at < graph->n && hold >= 0);
        while (e < graph->row[at + 1] && graph->target[e] != path->state[k + 1]) {
            e++;
        }
        assert_true(e < graph->row[at + 1]); /* there is such an edge */
        seen[at].count++;
        seen[at].time += hold;
        seen[at].to[e - graph->row[at]]++;
        for (size_t r = 0; r < self->n_rewards; r++) {
            again[r] += self->amount[r * graph->n + at] * hold;
        }
    }
    for (size_t r = 0; r < self->n_rewards; r++) {
        assert_near(again[r], total[r], 1e-12 * (1 + total[r]));
    }
}

static double edge_rate(const ph_graph *graph, const double *u, size_t e)
{
    double rate = 0;
    for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
        rate += graph->term_coefficient[t] * u[graph->used[graph->term_use[t]]];
    }
    return rate;
}

/* Jumps against the rates by chi-square, stays against 1 / rate by 5 standard errors.
 */
static void check_visits(const simulation *self, const visits *seen)
{
    const ph_graph *graph = self->it.graph;
    double *u = ph_alloc(ph_pool_length(graph->pool), sizeof *u);
    ph_pool_eval_plain(graph->pool, self->theta, u);
    for (size_t i = 0; i < graph->n; i++) {
        double total = 0, statistic = 0;
        size_t degree = graph->row[i + 1] - graph->row[i];
        for (size_t k = 0; k < degree; k++) {
            total += edge_rate(graph, u, graph->row[i] + k);
        }
        for (size_t k = 0; k < degree; k++) {
            double part = edge_rate(graph, u, graph->row[i] + k) / total;
            double expected = seen[i].count * part, off = seen[i].to[k] - expected;
            statistic += expected > 0 ? off * off / expected : 0;
        }
        assert_true(seen[i].count > 500);
        assert_true(degree == 1
                        ? statistic == 0
                        : statistic < gsl_cdf_chisq_Qinv(LEVEL, (double)(degree - 1)));
        double mean = 1 / total, sd = mean;
        if (graph->discrete) {
            sd = sqrt(1 - total) / total;
        }
        assert_near(seen[i].time / seen[i].count, mean, 5 * sd / sqrt(seen[i].count));
    }
    free(u);
}

static void paths_are_walks(process it)
{
    enum { N = 50000 };
    simulation self = simulation_new(it);
    visits *seen = ph_alloc(it.graph->n, sizeof *seen);
    ph_sample_path path = {0};
    for (uint32_t i = 0; i < N; i++) {
        count_path(&self, i, &path, seen);
    }
    check_visits(&self, seen);
    ph_sample_path_free(&path);
    free(seen);
    simulation_free(&self);
}

static void paths_follow_the_edges(void **state)
{
    (void)state;
    paths_are_walks(process_shipped("rabbits", "n", 2));
    paths_are_walks(process_shipped("repairable", NULL, 0));
    paths_are_walks(process_text(start_law));
    paths_are_walks(process_text(steps));
}

/* ---- streams, limits, censoring ---- */

static void a_limit_changes_nothing_before_it(void **state)
{
    (void)state;
    simulation self = simulation_new(process_shipped("rabbits", "n", 5));
    double total[8], limit = 0.6;
    size_t beyond = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        double time = draw(&self, i, total);
        double cut = ph_sampler_draw(self.sampler, SEED, i, limit, total);
        assert_true(time <= limit ? cut == time : cut > limit && cut <= time);
        beyond += time > limit;
    }
    assert_true(beyond > 100 && beyond < 900);
    simulation_free(&self);
}

static void observations_are_independent(void **state)
{
    (void)state;
    enum { N = 20000 };
    simulation self = simulation_new(process_text(start_law));
    double total[8], x, y, z, before = 0;
    double sums[3] = {0}, squares[3] = {0}, lag = 0, censoring = 0, seeds = 0;
    for (uint32_t i = 0; i < N; i++) {
        x = draw(&self, i, total);
        y = ph_sampler_censor(SEED, i, 0.5);
        z = ph_sampler_draw(self.sampler, SEED + 1, i, INFINITY, total);
        double value[3] = {x, y, z};
        for (int k = 0; k < 3; k++) {
            sums[k] += value[k] / N;
            squares[k] += value[k] * value[k] / N;
        }
        lag += x * before / N;
        censoring += x * y / N;
        seeds += x * z / N;
        before = x;
    }
    double sd[3];
    for (int k = 0; k < 3; k++) {
        sd[k] = sqrt(squares[k] - sums[k] * sums[k]);
    }
    assert_near(sums[1], 2, 5 * 2 / sqrt(N)); /* exponential of rate 0.5 */
    assert_near(sd[1], 2, 5 * 2 * sqrt(2.0 / N));
    assert_near((lag - sums[0] * sums[0]) / (sd[0] * sd[0]), 0, 5 / sqrt(N));
    assert_near((censoring - sums[0] * sums[1]) / (sd[0] * sd[1]), 0, 5 / sqrt(N));
    assert_near((seeds - sums[0] * sums[2]) / (sd[0] * sd[2]), 0, 5 / sqrt(N));
    simulation_free(&self);
}

/* ---- parameters at which there is no process ---- */

static void refused(const char *json, const double *theta, const char *part)
{
    process it = process_text(json);
    ph_sampler *sampler = NULL;
    ph_error error = {0};
    assert_int_equal(ph_sampler_new(&sampler, it.graph, theta, 0, NULL, &error),
                     PH_E_NUMERIC);
    assert_null(sampler);
    assert_non_null(strstr(error.message, part));
    process_free(&it);
}

#define TWO_WAYS(more)                                                                 \
    "{\"phasic\": 1, \"parameters\": {\"a\": {\"support\": \"real\"}, \"b\":"          \
    " {\"support\": \"real\"}, \"c\": {\"support\": \"real\"}}, \"graph\":"            \
    " {\"vertices\": [[0],[1],[2]], \"initial\": [[0, 1]], \"edges\": [[0,1,\"a\"],"   \
    "[0,2,\"b\"],[1,-1,\"c\"],[2,-1,1]" more "]}}"

static void no_process_is_refused(void **state)
{
    (void)state;
    refused(TWO_WAYS(""), (double[]){-1, 1, 1}, "outside the model");
    refused(TWO_WAYS(""), (double[]){1, NAN, 1}, "outside the model");
    refused(TWO_WAYS(""), (double[]){1e308, 1e308, 1}, "outside the model");
    refused(TWO_WAYS(""), (double[]){1, 1, 0}, "state number 1 never ends");
    refused(TWO_WAYS(""), (double[]){0, 0, 1}, "state number 0 never ends");
    refused(steps, (double[]){0.9, 0.5, 0.6}, "outside the model"); /* start: 1.2 */
    refused("{\"phasic\": 1, \"time\": \"discrete\", \"parameters\": {\"a\":"
            " {\"support\": \"unit\"}}, \"matrix\": {\"initial\": [1], \"rates\":"
            " [[\"1 - 2 * a\", \"2 * a\"]]}}",
            (double[]){0.6}, "outside the model");
}

/* Rates of 0 are no obstacle where the process goes another way, and never taken. */
static void zero_rates_are_never_taken(void **state)
{
    (void)state;
    process it = process_text(TWO_WAYS(",[2,1,\"a\"]"));
    double theta[3] = {0, 1, 0};
    ph_sampler *sampler = NULL;
    ph_sample_path path = {0};
    assert_int_equal(ph_sampler_new(&sampler, it.graph, theta, 0, NULL, NULL), 0);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(ph_sampler_path(sampler, SEED, i, &path), 0);
        assert_int_equal(path.length, 3);
        assert_int_equal(it.graph->keys[path.state[0]], 0);
        assert_int_equal(it.graph->keys[path.state[1]], 2);
    }
    ph_sample_path_free(&path);
    ph_sampler_free(sampler);
    process_free(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alias_tables_hold_the_weights),
        cmocka_unit_test(times_follow_the_distribution),
        cmocka_unit_test(steps_follow_the_mass_function),
        cmocka_unit_test(certain_steps_are_certain),
        cmocka_unit_test(totals_have_the_moments),
        cmocka_unit_test(hazards_follow_their_law),
        cmocka_unit_test(steps_follow_their_epochs),
        cmocka_unit_test(erlang_has_its_mean),
        cmocka_unit_test(paths_follow_the_edges),
        cmocka_unit_test(a_limit_changes_nothing_before_it),
        cmocka_unit_test(observations_are_independent),
        cmocka_unit_test(no_process_is_refused),
        cmocka_unit_test(zero_rates_are_never_taken),
    };
    return ph_check_run(tests);
}
