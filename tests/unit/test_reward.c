/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reward transform against closed forms, 50-digit moments, simulation, iteration of
 * the untransformed chain, differences, and its plain twin.
 */
#include "test_reward_models.h"

#include <cjson/cJSON.h>
#include <gsl/gsl_integration.h>

#include "phasic/base/file.h"
#include "phasic/lik/lik.h"

static double largest(const double *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs(x[i]));
    }
    return most;
}

/* ------------------------------------------------------------- closed forms */

/* From B the process ends at rate b, and only time in B counts: exponential, any a. */
static void time_in_b_is_exponential(void **state)
{
    (void)state;
    const double y[] = {1e-9, 0.5, 1, 3, 40, 900}, as[] = {1e-3, 1, 77};
    enum { N = sizeof y / sizeof *y };
    process it = process_shipped("two_cycle", NULL, 0);
    ph_plan *plan = reward_plan(&it, "b_time", NULL);
    assert_int_equal(plan->graph->n, 1);
    assert_int_equal(plan->graph->distance, 1);
    for (int k = 0; k < 3; k++) {
        const double theta[] = {as[k], 0.7};
        for (int engine = 0; engine < 2; engine++) {
            double f[N], s[N], df[2 * N], ds[2 * N];
            reward_points(plan, (ph_engine)engine, theta, N, y, f, s, df, ds);
            for (int i = 0; i < N; i++) {
                double b = theta[1];
                assert_near(f[i], log(b) - b * y[i], 1e-13 * (1 + b * y[i]));
                assert_near(s[i], -b * y[i], 1e-15 + 1e-13 * b * y[i]);
                assert_near(df[2 * i + 1], 1 / b - y[i], 1e-12 * (1 / b + y[i]));
                assert_near(ds[2 * i + 1], -y[i], 1e-15 + 1e-12 * y[i]);
                assert_near(df[2 * i], 0, 1e-14 * (1 + y[i]) / theta[0]);
            }
        }
        assert_true(reward_atom(plan, theta) == 0);
    }
    ph_plan_free(plan);
    process_free(&it);
}

/* Stages 1..5 of a chain; those of reward 0 vanish, the others are stretched. */
static void a_chain_keeps_its_earning_stages(void **state)
{
    (void)state;
    process it = process_text(
        "{\"phasic\": 1, \"name\": \"chain\", \"parameters\": {\"r\": {}}, \"state\": "
        "{\"k\": []}, \"start\": {\"k\": 5}, \"transitions\": [{\"when\": \"k > 0\", "
        "\"change\": {\"k\": -1}, \"rate\": \"r\"}], \"rewards\": {\"twice\": "
        "\"if(k == 4 || k == 2 || k == 1, 2, 0)\"}}");
    const double r = 1.3, y[] = {1e-8, 0.2, 2, 9, 60};
    double f[5], df[5];
    ph_plan *plan = reward_plan(&it, "twice", NULL);
    assert_int_equal(plan->graph->n, 3);
    assert_int_equal(plan->graph->distance, 3);
    for (int engine = 0; engine < 2; engine++) {
        reward_points(plan, (ph_engine)engine, &r, 5, y, f, NULL, df, NULL);
        for (int i = 0; i < 5; i++) { /* Erlang(3, r / 2) */
            double exact = 3 * log(r / 2) + 2 * log(y[i]) - r / 2 * y[i] - log(2);
            assert_near(f[i], exact, 1e-13 * (1 + fabs(exact)));
            assert_near(df[i], 3 / r - y[i] / 2, 1e-12 * (3 / r + y[i]));
        }
    }
    ph_plan_free(plan);
    process_free(&it);
}

/*
 * Total branch length of n lineages: k T_k is exponential with rate r (k - 1), the law
 * of the largest of n - 1 exponentials of rate r: (n-1) r e^-ry (1 - e^-ry)^(n-2).
 */
static void total_length_is_a_maximum(void **state)
{
    (void)state;
    const double y[] = {0.01, 0.7, 5, 12, 80};
    process it = process_shipped("coalescent", "n", 12);
    ph_plan *plan = reward_plan(&it, "total_length", NULL);
    assert_null(plan->reduction);
    assert_int_equal(ph_plan_nodes(plan), ph_plan_nodes(it.plan));
    for (int engine = 0; engine < 2; engine++) {
        const double rate = 0.9, r = rate / 2;
        double f[5], df[5];
        reward_points(plan, (ph_engine)engine, &rate, 5, y, f, NULL, df, NULL);
        for (int i = 0; i < 5; i++) {
            double e = exp(-r * y[i]);
            double exact = log(11 * r) - r * y[i] + 10 * log(-expm1(-r * y[i]));
            assert_near(f[i], exact, 1e-13 * (1 + fabs(exact)));
            double slope = 1 / r - y[i] + 10 * y[i] * e / -expm1(-r * y[i]);
            assert_near(df[i], slope / 2, 1e-12 * (1 / r + 12 * y[i]));
        }
    }
    ph_plan_free(plan);
    process_free(&it);
}

/*
 * Absorbed from the start with probability c / (a + c) without earning; the rest is
 * exponential. A rest of the start law belongs to the atom.
 */
static void the_atom_is_exact(void **state)
{
    (void)state;
    process it = process_text(
        "{\"phasic\": 1, \"name\": \"race\", \"defect\": true, \"parameters\": {\"a\": "
        "{}, \"c\": {}, \"d\": {}}, \"matrix\": {\"initial\": [0.9, 0], \"rates\": "
        "[[0, \"a\", \"c\"], [0, 0, \"d\"]]}, \"rewards\": {\"late\": [0, 1]}}");
    const double theta[] = {1e-12, 3, 2}, time[] = {0, 0.4};
    double a = theta[0], c = theta[1], d = theta[2], v[2], g[2][3];
    ph_plan *plan = reward_plan(&it, "late", NULL);
    assert_close(reward_atom(plan, theta), 0.1 + 0.9 * c / (a + c), 1e-15);
    ph_data *data = NULL;
    ph_lik *lik = NULL;
    ph_lik_work *work = NULL;
    ph_error error = {0};
    assert_int_equal(ph_data_from_arrays(&data, 2, time, NULL, NULL, &error), 0);
    assert_int_equal(ph_lik_new(&lik, plan, data, &error), 0);
    assert_int_equal(ph_lik_work_new(&work, lik), 0);
    _Alignas(64) double block[3 * PH_LANES], value[PH_LANES], gradient[3 * PH_LANES];
    for (int l = 0; l < 3 * PH_LANES; l++) {
        block[l] = theta[l / PH_LANES];
    }
    assert_int_equal(ph_lik_block(lik, work, block, value, gradient, &error), 0);
    assert_int_equal(ph_lik_plain(lik, theta, &v[1], g[1], &error), 0);
    v[0] = value[5];
    for (int m = 0; m < 3; m++) {
        g[0][m] = gradient[m * PH_LANES + 5];
    }
    double atom = 0.1 + 0.9 * c / (a + c), s = a + c;
    for (int k = 0; k < 2; k++) {
        assert_close(v[k], log(atom) + log(0.9 * a / s * d) - d * 0.4, 1e-14);
        assert_close(g[k][0], -0.9 * c / (s * s) / atom + 1 / a - 1 / s, 1e-13);
        assert_close(g[k][1], 0.9 * a / (s * s) / atom - 1 / s, 1e-13);
        assert_close(g[k][2], 1 / d - 0.4, 1e-13);
    }
    ph_lik_work_free(work);
    ph_lik_free(lik);
    ph_data_free(data);
    ph_plan_free(plan);
    process_free(&it);
}

/* ------------------------------------------------------- integrals and moments */

typedef struct integrand {
    const ph_plan *plan;
    const double *theta;
    int power;
} integrand;

static double power_times_density(double y, void *context)
{
    const integrand *it = context;
    double f;
    reward_points(it->plan, PH_ENGINE_LANES, it->theta, 1, &y, &f, NULL, NULL, NULL);
    return pow(y, it->power) * exp(f);
}

/* The integral of y^power f(y) over [0, inf), by growing pieces until nothing is left.
 */
static double moment(const ph_plan *plan, const double *theta, int power, double unit)
{
    integrand it = {plan, theta, power};
    gsl_function f = {power_times_density, &it};
    gsl_integration_glfixed_table *rule = gsl_integration_glfixed_table_alloc(24);
    double sum = 0, part = 1, from = 0;
    for (int k = 0; k < 99 && (k < 8 || part > 1e-16 * sum); k++) {
        double to = 1.2 * from + 0.3 * unit;
        part = gsl_integration_glfixed(&f, from, to, rule);
        sum += part;
        from = to;
    }
    gsl_integration_glfixed_table_free(rule);
    return sum;
}

static void mass_is_one(void **state)
{
    (void)state;
    const double theta[] = {0.8, 1.7, 0.4}, zero = 0;
    const char *const names[] = {"part", "one", "all"};
    process it = process_text(TORN);
    for (int k = 0; k < 3; k++) {
        ph_plan *plan = reward_plan(&it, names[k], NULL);
        double atom = reward_atom(plan, theta);
        assert_true(k == 2 ? atom == 0 : atom > 0.01);
        for (int engine = 0; engine < 2; engine++) {
            double s;
            reward_points(plan, (ph_engine)engine, theta, 1, &zero, NULL, &s, NULL,
                          NULL);
            assert_near(exp(s) + atom, 1, 4e-16);
        }
        assert_near(atom + moment(plan, theta, 0, 1), 1, 1e-12);
        ph_plan_free(plan);
    }
    process_free(&it);
}

static const struct {
    const char *reference, *model, *constant;
    double value;
} table[] = {
    {"rabbits(2)", "rabbits", "n", 2},
    {"rabbits(6)", "rabbits", "n", 6},
    {"coalescent(4)", "coalescent", "n", 4},
    {"coalescent(10)", "coalescent", "n", 10},
    {"two_cycle", "two_cycle", NULL, 0},
    {"busy_period(10)", "busy_period", "K", 10},
    {"repairable", "repairable", NULL, 0},
};

static int check_moments(size_t row, const cJSON *entry)
{
    process it =
        process_shipped(table[row].model, table[row].constant, table[row].value);
    const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(entry, "parameters");
    const cJSON *reward = NULL, *expected = NULL;
    double theta[4];
    int checked = 0;
    for (size_t m = 0; m < it.model->n_parameters; m++) {
        theta[m] =
            cJSON_GetObjectItemCaseSensitive(parameters, it.model->parameters[m].name)
                ->valuedouble;
    }
    cJSON_ArrayForEach(reward,
                       cJSON_GetObjectItemCaseSensitive(entry, "reward_moments"))
    {
        ph_plan *plan = reward_plan(&it, reward->string, NULL);
        int power = 1;
        cJSON_ArrayForEach(expected, reward)
        {
            double unit = cJSON_GetArrayItem(reward, 0)->valuedouble;
            assert_close(moment(plan, theta, power, unit), expected->valuedouble,
                         1e-11);
            power++;
            checked++;
        }
        ph_plan_free(plan);
    }
    process_free(&it);
    return checked;
}

/* Moments from the density, against 50-digit values from linear systems. */
static void moments_are_those_of_the_reference(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t length;
    int checked = 0;
    assert_int_equal(ph_file_read(PH_SOURCE_DIR "/tests/reference/values.json", &bytes,
                                  &length, NULL),
                     0);
    cJSON *root = cJSON_Parse(bytes), *entry;
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(root, "values"))
    {
        const char *name =
            cJSON_GetObjectItemCaseSensitive(entry, "model")->valuestring;
        for (size_t row = 0; row < sizeof table / sizeof *table; row++) {
            if (strcmp(table[row].reference, name) == 0) {
                checked += check_moments(row, entry);
            }
        }
    }
    assert_int_equal(checked, 27);
    cJSON_Delete(root);
    free(bytes);
}

/* ------------------------------------------------------- twins and derivatives */

static void random_theta(uint32_t seed, size_t p, double *theta)
{
    ph_rng rng;
    ph_rng_init(&rng, seed, PH_RNG_TEST, 0, 0);
    for (size_t m = 0; m < p; m++) {
        theta[m] = exp(ph_rng_normal(&rng));
    }
}

enum { N = 6, P = 3 };
static const double points_y[N] = {0, 1e-3, 0.2, 1, 4, 20};

static void lanes_equal_the_definition_in(const process *it, const char *name)
{
    ph_plan *plan = reward_plan(it, name, NULL);
    for (uint32_t seed = 1; seed <= 20; seed++) {
        double theta[P], f[2][N], s[2][N], df[2][N * P], ds[2][N * P];
        random_theta(seed, P, theta);
        for (int e = 0; e < 2; e++) {
            reward_points(plan, (ph_engine)e, theta, N, points_y, f[e], s[e], df[e],
                          ds[e]);
        }
        for (int i = 0; i < N; i++) {
            assert_near(f[0][i], f[1][i], 1e-13 * (1 + fabs(f[1][i])));
            assert_near(s[0][i], s[1][i], 1e-13 * (1 + fabs(s[1][i])));
            double size_f = largest(df[1] + i * P, P),
                   size_s = largest(ds[1] + i * P, P);
            for (int m = 0; m < P; m++) {
                int k = i * P + m;
                assert_near(df[0][k], df[1][k], 1e-12 * size_f + 1e-14);
                assert_near(ds[0][k], ds[1][k], 1e-12 * size_s + 1e-14);
            }
        }
    }
    ph_plan_free(plan);
}

static void lanes_equal_the_definition(void **state)
{
    (void)state;
    process it = process_text(TORN);
    lanes_equal_the_definition_in(&it, "part");
    lanes_equal_the_definition_in(&it, "one");
    lanes_equal_the_definition_in(&it, "all");
    process_free(&it);
    it = process_shipped("rabbits", "n", 5);
    lanes_equal_the_definition_in(&it, "right");
    process_free(&it);
}

/* Central differences, extrapolated twice (Richardson), of the definition's values. */
static void check_slopes(const ph_plan *plan, const double *theta, size_t n,
                         const double *y)
{
    double analytic[2][N * P], value[2][3][2][N];
    for (int engine = 0; engine < 2; engine++) {
        reward_points(plan, (ph_engine)engine, theta, n, y, NULL, NULL, analytic[0],
                      analytic[1]);
        for (int m = 0; m < P; m++) {
            double h = 0.02 * theta[m];
            for (int k = 0; k < 3; k++) {
                for (int side = 0; side < 2; side++) {
                    double moved[P] = {theta[0], theta[1], theta[2]};
                    moved[m] += (side ? h : -h) / (1 << k);
                    reward_points(plan, PH_ENGINE_PLAIN, moved, n, y, value[0][k][side],
                                  value[1][k][side], NULL, NULL);
                }
            }
            for (int kind = 0; kind < 2; kind++) {
                for (size_t i = 0; i < n; i++) {
                    double d[3];
                    for (int k = 0; k < 3; k++) {
                        d[k] = (value[kind][k][1][i] - value[kind][k][0][i]) /
                               (2 * h / (1 << k));
                    }
                    double a = (4 * d[1] - d[0]) / 3, b = (4 * d[2] - d[1]) / 3;
                    double slope = (16 * b - a) / 15;
                    assert_near(analytic[kind][i * P + m], slope,
                                1e-8 * (fabs(slope) + 1 / theta[m]));
                }
            }
        }
    }
}

static void adjoint_is_the_derivative(void **state)
{
    (void)state;
    process it = process_text(TORN);
    const char *const names[] = {"part", "one", "all"};
    for (int k = 0; k < 3; k++) {
        ph_plan *plan = reward_plan(&it, names[k], NULL);
        for (uint32_t seed = 31; seed <= 33; seed++) {
            double theta[P];
            random_theta(seed, P, theta);
            check_slopes(plan, theta, N, points_y);
        }
        ph_plan_free(plan);
    }
    process_free(&it);
}

/* The start law, its rest and the atom hold parameters too. */
static void a_start_with_parameters(void **state)
{
    (void)state;
    process it = process_text(
        "{\"phasic\": 1, \"name\": \"open\", \"defect\": true, \"parameters\": {\"a\": "
        "{}, \"b\": {}, \"q\": {\"support\": \"unit\"}}, \"matrix\": {\"initial\": "
        "[\"q/2\", \"q/4\", \"q*q/8\"], \"rates\": [[0, \"a\", 1, \"b\"], [\"b\", 0, "
        "\"a\", 0.2], [\"a*b\", 1, 0, \"b\"]]}, \"rewards\": {\"one\": [0, 0, 1.5], "
        "\"two\": [0, 1, 1.5]}}");
    const double theta[P] = {0.9, 0.6, 0.7}, y[N] = {0, 0.1, 0.5, 1, 3, 9}, zero = 0;
    const char *const names[] = {"one", "two"};
    for (int k = 0; k < 2; k++) {
        ph_plan *plan = reward_plan(&it, names[k], NULL);
        double s;
        check_slopes(plan, theta, N, y);
        reward_points(plan, PH_ENGINE_PLAIN, theta, 1, &zero, NULL, &s, NULL, NULL);
        assert_near(exp(s) + reward_atom(plan, theta), 1, 4e-16);
        ph_plan_free(plan);
    }
    process_free(&it);
}

/* A negative rate out of a state that is eliminated is still outside the model. */
static void outside_the_model_is_refused(void **state)
{
    (void)state;
    process it = process_text(
        "{\"phasic\": 1, \"name\": \"signed\", \"parameters\": {\"a\": {\"support\": "
        "\"real\"}}, \"matrix\": {\"initial\": [1, 0], \"rates\": [[0, \"1 + a\", 1], "
        "[\"2\", 0, 1]]}, \"rewards\": {\"second\": [0, 1]}}");
    const double good = 0.5, bad = -2, y = 1;
    ph_plan *plan = reward_plan(&it, "second", NULL);
    for (int engine = 0; engine < 2; engine++) {
        double f;
        ph_error error = {0};
        /* from the second state back to it with probability (1 + a) / (2 + a) */
        reward_points(plan, (ph_engine)engine, &good, 1, &y, &f, NULL, NULL, NULL);
        double rate = 3 - 2 * 0.6;
        assert_close(f, log(0.6 * rate) - rate, 1e-14);
        assert_int_equal(ph_points(plan, (ph_engine)engine, &bad, 1, &y, &f, NULL, NULL,
                                   NULL, &error),
                         PH_E_NUMERIC);
    }
    ph_plan_free(plan);
    process_free(&it);
}

/* -------------------------------------------------------------- discrete time */

#define STEPS                                                                          \
    "{\"phasic\": 1, \"name\": \"steps\", \"time\": \"discrete\", \"parameters\": "    \
    "{\"p\": {\"support\": \"unit\"}, \"q\": {\"support\": \"unit\"}, \"r\": "         \
    "{\"support\": \"unit\"}}, \"graph\": {\"vertices\": [[0], [1], [2], [3], [4]], "  \
    "\"initial\": [[0, 0.5], [2, 0.3], [3, 0.2]], \"edges\": [[0, 1, \"p/2\"], "       \
    "[0, 2, \"q/4\"], [0, -1, 0.1], [1, 0, \"q/2\"], [1, 2, \"p*q/4\"], "              \
    "[1, 3, 0.2], [2, 3, \"1 - p\"], [2, 4, \"p/2\"], [2, -1, \"p/2\"], "              \
    "[3, 0, \"r/2\"], [3, 2, \"r/3\"], [3, 4, 0.1], [4, 1, \"r/3\"], "                 \
    "[4, 0, 0.1], [4, -1, \"q/2\"]]}, \"rewards\": {\"mixed\": [0, 1, 0, 3, 2], "      \
    "\"big\": [2, 3, 1, 4, 2], \"lone\": [0, 0, 0, 2, 0]}}"

/* Law of the sum by iterating the chain itself over (state, earned). */
static void iterate(const process *it, const double *amount, const double *theta,
                    size_t most, double *law)
{
    const ph_graph *graph = it->graph;
    simulator rates = simulator_new(it, amount, theta);
    size_t n = graph->n, width = most + 1;
    double *now = ph_alloc(n * width, sizeof *now), *next = ph_alloc(n * width, 8);
    memset(law, 0, width * sizeof *law);
    for (size_t s = 0; s < graph->n_starts; s++) {
        size_t i = graph->start[s], earned = (size_t)amount[i];
        now[i * width + earned] = rates.start[s];
    }
    for (int step = 0; step < 3000; step++) {
        memset(next, 0, n * width * sizeof *next);
        for (size_t i = 0; i < n; i++) {
            for (size_t y = 0; y <= most; y++) {
                double mass = now[i * width + y];
                size_t again = y + (size_t)amount[i];
                if (again <= most) {
                    next[i * width + again] += mass * (1 - rates.total[i]);
                }
                for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
                    size_t j = graph->target[e];
                    size_t there = j < n ? y + (size_t)amount[j] : y;
                    double *into = j < n ? next + j * width : law;
                    if (there <= most) {
                        into[there] += mass * rates.rate[e];
                    }
                }
            }
        }
        double *swap = now;
        now = next;
        next = swap;
    }
    free(now);
    free(next);
    simulator_free(&rates);
}

static void discrete_rewards_are_those_of_the_chain(void **state)
{
    (void)state;
    enum { MOST = 30 };
    const double theta[P] = {0.6, 0.3, 0.8};
    const char *const names[] = {"mixed", "big", "lone"};
    process it = process_text(STEPS);
    for (int k = 0; k < 3; k++) {
        double *amount = NULL, law[MOST + 1], y[MOST + 1], f[MOST + 1], s[MOST + 1];
        ph_plan *plan = reward_plan(&it, names[k], &amount);
        iterate(&it, amount, theta, MOST, law);
        assert_close(reward_atom(plan, theta), law[0], 1e-13);
        for (int engine = 0; engine < 2; engine++) {
            double rest = 1;
            for (int i = 0; i <= MOST; i++) {
                y[i] = i;
            }
            reward_points(plan, (ph_engine)engine, theta, MOST + 1, y, f, s, NULL,
                          NULL);
            for (int i = 0; i <= MOST; i++) {
                rest -= law[i];
                assert_near(exp(s[i]), rest, 1e-14);
                assert_near(exp(f[i]), law[i], 1e-13 * law[i]);
            }
        }
        double possible[N];
        size_t n = 0;
        for (int i = 0; i <= MOST && n < N; i++) {
            if (law[i] > 0) {
                possible[n++] = i;
            }
        }
        assert_int_equal(n, N);
        check_slopes(plan, theta, n, possible);
        ph_plan_free(plan);
        free(amount);
    }
    process_free(&it);
}

/* Probabilities of an eliminated state above 1 leave the model, as they do in time. */
static void discrete_probabilities_are_watched(void **state)
{
    (void)state;
    process it = process_text(
        "{\"phasic\": 1, \"name\": \"watched\", \"time\": \"discrete\", "
        "\"parameters\": "
        "{\"p\": {}}, \"graph\": {\"vertices\": [[0], [1]], \"initial\": [[0, 1]], "
        "\"edges\": [[0, 1, \"p\"], [0, -1, \"p/4\"], [1, -1, 0.5]]}, \"rewards\": "
        "{\"second\": [0, 1]}}");
    const double good = 0.8, bad = 0.81, y = 2;
    ph_plan *plan = reward_plan(&it, "second", NULL);
    for (int engine = 0; engine < 2; engine++) {
        double f;
        ph_error error = {0};
        reward_points(plan, (ph_engine)engine, &good, 1, &y, &f, NULL, NULL, NULL);
        assert_close(f, log(0.8 * 0.25), 1e-14);
        assert_int_equal(ph_points(plan, (ph_engine)engine, &bad, 1, &y, &f, NULL, NULL,
                                   NULL, &error),
                         PH_E_NUMERIC);
    }
    ph_plan_free(plan);
    process_free(&it);
}

/* ------------------------------------------------------------------- refusals */

static void refused(const process *it, const double *amount, size_t max_states,
                    const char *words)
{
    ph_plan *plan = NULL;
    ph_error error = {0};
    assert_int_equal(
        ph_plan_new_reward(&plan, it->graph, it->model, amount, max_states, &error),
        PH_E_MODEL);
    assert_null(plan);
    if (!strstr(error.message, words)) {
        fail_msg("'%s' does not say '%s'", error.message, words);
    }
}

static void bad_amounts_are_refused(void **state)
{
    (void)state;
    process it = process_text(STEPS);
    refused(&it, (double[]){0, 0, 0, 0, 0}, 0, "0 in every state");
    refused(&it, (double[]){0, 1, 2, 0.5, 0}, 0, "state 1 (1) must be a whole number");
    refused(&it, (double[]){0, 1, -2, 0, 0}, 0,
            "state 3 (3) must be finite and at least 0");
    refused(&it, (double[]){0, 1, NAN, 0, 0}, 0, "must be finite");
    refused(&it, (double[]){0, 600, 500, 0, 0}, 1000, "more than 1000 vertices");
    refused(&it, (double[]){0, 1e300, 500, 0, 0}, 0, "vertices");
    process_free(&it);
    it = process_shipped("two_cycle", NULL, 0);
    refused(&it, (double[]){1, 1e-310}, 0, "overflows");
    refused(&it, (double[]){0, INFINITY}, 0, "must be finite");
    process_free(&it);
}

static void simulation_agrees(void **state)
{
    (void)state;
    three_models_agree_with_simulation(100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_in_b_is_exponential),
        cmocka_unit_test(a_chain_keeps_its_earning_stages),
        cmocka_unit_test(total_length_is_a_maximum),
        cmocka_unit_test(the_atom_is_exact),
        cmocka_unit_test(mass_is_one),
        cmocka_unit_test(moments_are_those_of_the_reference),
        cmocka_unit_test(lanes_equal_the_definition),
        cmocka_unit_test(adjoint_is_the_derivative),
        cmocka_unit_test(a_start_with_parameters),
        cmocka_unit_test(outside_the_model_is_refused),
        cmocka_unit_test(discrete_rewards_are_those_of_the_chain),
        cmocka_unit_test(discrete_probabilities_are_watched),
        cmocka_unit_test(bad_amounts_are_refused),
        cmocka_unit_test(simulation_agrees),
    };
    return ph_check_run(tests);
}
