/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state graph: states, edges and rates against counts from closed forms and the
 * reference, rates by hand, every error with the state and transition it shows.
 */
#include <cjson/cJSON.h>

#include "model_text.h"
#include "phasic/base/file.h"
#include "phasic/state/graph.h"
#include "process.h"

typedef struct fixture {
    ph_model *model;
    ph_graph *graph;
} fixture;

/* What the header promises of every graph. */
static void assert_sound(const ph_graph *graph)
{
    assert_int_equal(graph->row[0], 0);
    assert_int_equal(graph->row[graph->n], graph->n_edges);
    assert_int_equal(graph->edge_term[0], 0);
    for (size_t i = 0; i < graph->n; i++) {
        assert_true(graph->row[i] < graph->row[i + 1]);
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            assert_true(graph->target[e] <= graph->n && graph->target[e] != i);
            assert_true(e == graph->row[i] || graph->target[e - 1] < graph->target[e]);
            assert_true(graph->edge_term[e] < graph->edge_term[e + 1]);
            for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
                assert_true(graph->term_coefficient[t] > 0);
                assert_true(graph->term_use[t] < graph->n_used);
                assert_true(t == graph->edge_term[e] ||
                            graph->term_use[t - 1] < graph->term_use[t]);
            }
        }
    }
    for (size_t k = 0; k < graph->n_used; k++) {
        assert_true(graph->used[k] < ph_pool_length(graph->pool));
        assert_true(k == 0 || graph->used[k - 1] < graph->used[k]);
    }
    for (size_t s = 0; s < graph->n_starts; s++) {
        assert_true(graph->start[s] <= graph->n);
        assert_true(s == 0 || graph->start[s - 1] < graph->start[s]);
        assert_true(graph->start_term[s] < graph->start_term[s + 1]);
    }
}

static fixture build_model(ph_model *model)
{
    fixture it = {model, NULL};
    ph_error error = {0};
    if (ph_graph_build(&it.graph, model, 0, NULL, &error) != PH_OK) {
        char text[1024];
        fail_msg("%s", ph_error_text(&error, text, sizeof text));
    }
    assert_sound(it.graph);
    return it;
}

static ph_model *read_text(const char *text)
{
    ph_model *model = NULL;
    ph_error error = {0};
    if (parse(&model, text, NULL, 0, &error) != PH_OK) {
        char line[1024];
        fail_msg("%s", ph_error_text(&error, line, sizeof line));
    }
    return model;
}

static fixture build(const char *text)
{
    return build_model(read_text(text));
}

static ph_model *read_shipped(const char *name, const char *constant, double value)
{
    ph_model *model = NULL;
    char path[512];
    const ph_setting setting = {constant, value};
    ph_error error = {0};
    shipped_path(name, path, sizeof path);
    if (ph_model_read(&model, path, &setting, constant != NULL, &error) != PH_OK) {
        char line[1024];
        fail_msg("%s", ph_error_text(&error, line, sizeof line));
    }
    return model;
}

static fixture build_shipped(const char *name, const char *constant, double value)
{
    return build_model(read_shipped(name, constant, value));
}

static void release(fixture *it)
{
    ph_graph_free(it->graph);
    ph_model_free(it->model);
}

/* Sum of the terms from..to at theta. */
static double sum_terms(const ph_graph *graph, const uint32_t *use,
                        const double *coefficient, size_t from, size_t to,
                        const double *theta)
{
    double *u = ph_alloc(ph_pool_length(graph->pool), sizeof *u), sum = 0;
    ph_pool_eval_plain(graph->pool, theta, u);
    for (size_t t = from; t < to; t++) {
        sum += coefficient[t] * u[graph->used[use[t]]];
    }
    free(u);
    return sum;
}

/* The edge's rate at theta, 0 where there is no edge; `to` = graph->n is absorption. */
static double rate(const ph_graph *graph, size_t from, size_t to, const double *theta)
{
    for (size_t e = graph->row[from]; e < graph->row[from + 1]; e++) {
        if (graph->target[e] == to) {
            return sum_terms(graph, graph->term_use, graph->term_coefficient,
                             graph->edge_term[e], graph->edge_term[e + 1], theta);
        }
    }
    return 0;
}

static double start_probability(const ph_graph *graph, size_t state,
                                const double *theta)
{
    for (size_t s = 0; s < graph->n_starts; s++) {
        if (graph->start[s] == state) {
            return sum_terms(graph, graph->start_use, graph->start_coefficient,
                             graph->start_term[s], graph->start_term[s + 1], theta);
        }
    }
    return 0;
}

/* ---------------------------------------------------------- shipped models */

static void test_reference_counts(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t length, checked = 0;
    assert_int_equal(ph_file_read(PH_SOURCE_DIR "/tests/reference/values.json", &bytes,
                                  &length, NULL),
                     PH_OK);
    cJSON *root = cJSON_Parse(bytes), *entry;
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(root, "values"))
    {
        process it = process_reference(
            cJSON_GetObjectItemCaseSensitive(entry, "model")->valuestring);
        assert_sound(it.graph);
        assert_int_equal(
            it.graph->n,
            cJSON_GetObjectItemCaseSensitive(entry, "transient_states")->valueint);
        assert_int_equal(it.graph->n_edges,
                         cJSON_GetObjectItemCaseSensitive(entry, "edges")->valueint);
        assert_int_equal(it.graph->n_absorbing, 1);
        process_free(&it);
        checked++;
    }
    assert_true(checked > 0);
    cJSON_Delete(root);
    free(bytes);
}

/* All of rabbits(2): order of discovery, keys, every rate, start, rewards. */
static void test_rabbits(void **state)
{
    (void)state;
    fixture it = build_shipped("rabbits", "n", 2);
    const int32_t keys[5][2] = {{2, 0}, {1, 1}, {0, 2}, {0, 1}, {1, 0}};
    const double theta[3] = {1.5, 20, 300}; /* jump, flood_left, flood_right */
    const double rates[5][6] = {
        /* (2,0) (1,1) (0,2) (0,1) (1,0)  absorbed */
        {0, 3, 0, 0, 0, 20},       /* hop, flood left */
        {1.5, 0, 1.5, 20, 300, 0}, /* hop left, hop right, floods */
        {0, 3, 0, 0, 0, 300},      /* hop left, flood right */
        {0, 0, 0, 0, 1.5, 300},    /* hop left, flood right */
        {0, 0, 0, 1.5, 0, 20},     /* hop right, flood left */
    };
    assert_int_equal(it.graph->n, 5);
    assert_int_equal(it.graph->n_entries, 2);
    assert_memory_equal(it.graph->keys, keys, sizeof keys);
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j <= 5; j++) {
            assert_close(rate(it.graph, i, j, theta), rates[i][j], 1e-15);
        }
    }
    assert_int_equal(it.graph->n_starts, 1);
    assert_int_equal(it.graph->start[0], 0);
    assert_true(start_probability(it.graph, 0, theta) == 1);
    assert_int_equal(it.graph->distance, 1);
    assert_int_equal(it.graph->discrete, 0);
    double amount[5];
    const double total[5] = {2, 2, 2, 1, 1}, left[5] = {2, 1, 0, 0, 1};
    ph_error error = {0};
    assert_int_equal(ph_graph_reward(it.graph, it.model, -1, amount, &error), PH_OK);
    for (size_t i = 0; i < 5; i++) {
        assert_true(amount[i] == 1);
    }
    long index = ph_model_reward(it.model, "rabbit_time");
    assert_int_equal(ph_graph_reward(it.graph, it.model, index, amount, &error), PH_OK);
    assert_memory_equal(amount, total, sizeof total);
    index = ph_model_reward(it.model, "left");
    assert_int_equal(ph_graph_reward(it.graph, it.model, index, amount, &error), PH_OK);
    assert_memory_equal(amount, left, sizeof left);
    char text[64], cut[10];
    assert_string_equal(ph_graph_state_text(it.graph, it.model, 0, text, sizeof text),
                        "(left=2, right=0)");
    ph_graph_state_text(it.graph, it.model, 0, cut, sizeof cut);
    assert_true(strlen(cut) < sizeof cut);
    release(&it);
}

/* Rates that are not linear in the parameters. */
static void test_power_law(void **state)
{
    (void)state;
    fixture it = build_shipped("power_law_coalescent", NULL, 0);
    const double theta[2] = {2.5, -0.4};
    for (size_t i = 0; i < 4; i++) {
        double k = 5 - (double)i;
        assert_int_equal(it.graph->keys[i], (int)k);
        assert_close(rate(it.graph, i, i + 1, theta),
                     k * (k - 1) / 2 / theta[0] * exp(-theta[1] * (5 - k)), 1e-14);
    }
    assert_int_equal(it.graph->distance, 4);
    release(&it);
}

static void test_explicit(void **state)
{
    (void)state;
    fixture it = build_shipped("repairable", NULL, 0);
    const long F = ph_model_parameter(it.model, "F"),
               R = ph_model_parameter(it.model, "R");
    double theta[2];
    theta[F] = 1.8;
    theta[R] = 9.5;
    assert_close(rate(it.graph, 0, 1, theta), 1.8, 1e-15);
    assert_close(rate(it.graph, 0, 2, theta), 1.8, 1e-15);
    assert_close(rate(it.graph, 1, 0, theta), 9.5, 1e-15);
    assert_close(rate(it.graph, 2, 3, theta), 1.8, 1e-15);
    assert_int_equal(it.graph->distance, 2);
    release(&it);
}

/* Vertex 1 cannot be reached; vertex 3 has no edge, so it absorbs; labels are shown. */
static void test_graph_model(void **state)
{
    (void)state;
    fixture it = build("{'phasic': 1, 'name': 'g', 'parameters': {'a': {}},"
                       " 'graph': {'vertices': [[7, 0], [8, 1], [9, 2], [9, 9]],"
                       "  'initial': [[2, 0.25], [0, 0.75]],"
                       "  'edges': [[0, 2, 'a'], [0, 3, '2 * a'], [0, -1, 3],"
                       "   [1, 2, 1], [2, 0, 5], [2, -1, 'a'], [0, 2, 'a + 1']]},"
                       " 'rewards': {'cost': [1, 20, 300, 4000]}}");
    const double theta[1] = {10};
    assert_int_equal(it.graph->n, 2);
    assert_int_equal(it.graph->n_edges, 4);
    for (size_t i = 0; i < 2; i++) {
        size_t other = 1 - i;
        double cost[2];
        assert_int_equal(ph_graph_reward(it.graph, it.model, 0, cost, NULL), PH_OK);
        if (it.graph->keys[i] == 0) {
            assert_close(rate(it.graph, i, other, theta), 21, 1e-15); /* a + a + 1 */
            assert_close(rate(it.graph, i, 2, theta), 23, 1e-15); /* 2 a + 3, merged */
            assert_true(start_probability(it.graph, i, theta) == 0.75);
            assert_true(cost[i] == 1);
        } else {
            char text[64];
            assert_int_equal(it.graph->keys[i], 2);
            assert_close(rate(it.graph, i, other, theta), 5, 1e-15);
            assert_close(rate(it.graph, i, 2, theta), 10, 1e-15);
            assert_true(start_probability(it.graph, i, theta) == 0.25);
            assert_true(cost[i] == 300);
            assert_non_null(strstr(
                ph_graph_state_text(it.graph, it.model, i, text, sizeof text), "9,2"));
        }
    }
    release(&it);
}

/* ------------------------------------------------------------------- rules */

#define ONE(parameters, start, transitions)                                            \
    "{'phasic': 1, 'name': 'one', 'parameters': {" parameters "},"                     \
    " 'state': {'k': []}, 'start': " start ", 'transitions': [" transitions "]}"
#define DOWN "{'when': 'k > 0', 'change': {'k': -1}, 'rate': 1}"

/* Transitions between the same two states are one edge; equal terms add up. */
static void test_merging(void **state)
{
    (void)state;
    fixture it = build(ONE("'a': {}, 'b': {}", "{'k': 1}",
                           "{'when': 'k > 0', 'change': {'k': -1}, 'rate': 'a + b'},"
                           "{'when': 'k > 0', 'set': {'k': 0}, 'rate': '2 * a'},"
                           "{'when': 'k > 0', 'change': {'k': -1}, 'rate': '0 * a'},"
                           "{'when': 'k > 0', 'change': {'k': 0}, 'rate': 'b'}"));
    const double theta[2] = {10, 3};
    assert_int_equal(it.graph->n, 1);
    assert_int_equal(it.graph->n_edges, 1);
    assert_int_equal(it.graph->edge_term[1], 2);
    assert_true(it.graph->term_coefficient[0] == 3);
    assert_true(it.graph->term_coefficient[1] == 1);
    assert_close(rate(it.graph, 0, 1, theta), 33, 1e-15);
    release(&it);
}

/* A rate that may be negative is one term on one node, so that it can be checked. */
static void test_guarding(void **state)
{
    (void)state;
    fixture it =
        build(ONE("'a': {}, 'b': {}, 'x': {'support': 'real'}", "{'k': 3}",
                  "{'when': 'k == 3', 'change': {'k': -1}, 'rate': 'a - b'},"
                  "{'when': 'k == 2', 'change': {'k': -1}, 'rate': '2 * x'},"
                  "{'when': 'k == 1', 'change': {'k': -1}, 'rate': 'a + 2 * b'}"));
    const double theta[3] = {10, 3, 4};
    assert_int_equal(it.graph->n, 3);
    const double rates[3] = {7, 8, 16};
    const size_t terms[3] = {1, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        assert_close(rate(it.graph, i, i + 1, theta), rates[i], 1e-15);
        assert_int_equal(it.graph->edge_term[i + 1] - it.graph->edge_term[i], terms[i]);
        assert_true(i == 2 || it.graph->term_coefficient[it.graph->edge_term[i]] == 1);
    }
    release(&it);
}

/* Nested loops, arrays, sums of changes on one entry, an empty range, set. */
static void test_loops(void **state)
{
    (void)state;
    /* k[i] lineages of size i + 1, out of n = 4: two of them merge */
    fixture it =
        build("{'phasic': 1, 'name': 'spectrum', 'constants': {'n': 4},"
              " 'parameters': {'a': {}}, 'state': {'k': ['n']},"
              " 'start': {'k[0]': 'n'}, 'transitions': ["
              " {'for': {'i': [0, 'n - 2'], 'j': ['i', 'n - 2 - i']},"
              "  'when': 'if(i == j, k[i] > 1, k[i] > 0 && k[j] > 0)',"
              "  'change': {'k[i]': -1, 'k[j]': -1, 'k[i + j + 1]': 1},"
              "  'rate': 'a * if(i == j, k[i] * (k[i] - 1) / 2, k[i] * k[j])'}]}");
    /* partitions of 4: 1111 -> 112 -> 22 or 13 -> 4 */
    const double theta[1] = {2};
    const int32_t keys[4][4] = {{4, 0, 0, 0}, {2, 1, 0, 0}, {0, 2, 0, 0}, {1, 0, 1, 0}};
    assert_int_equal(it.graph->n, 4);
    assert_int_equal(it.graph->n_edges, 5);
    assert_memory_equal(it.graph->keys, keys, sizeof keys);
    assert_close(rate(it.graph, 0, 1, theta), 12, 1e-15);
    assert_close(rate(it.graph, 1, 2, theta), 2, 1e-15);
    assert_close(rate(it.graph, 1, 3, theta), 4, 1e-15);
    assert_close(rate(it.graph, 2, 4, theta), 2, 1e-15);
    assert_close(rate(it.graph, 3, 4, theta), 2, 1e-15);
    char text[64];
    assert_string_equal(ph_graph_state_text(it.graph, it.model, 1, text, sizeof text),
                        "(k=[2,1,0,0])");
    release(&it);
}

/* `absorb` ends the process before transitions are looked at. */
static void test_absorb(void **state)
{
    (void)state;
    fixture it =
        build("{'phasic': 1, 'name': 'hit', 'parameters': {'a': {}},"
              " 'state': {'k': []}, 'start': {'k': 2}, 'absorb': 'k == 4 || k == 0',"
              " 'transitions': [{'change': {'k': 1}, 'rate': 'a'},"
              "                 {'change': {'k': -1}, 'rate': 1}]}");
    assert_int_equal(it.graph->n, 3);
    assert_int_equal(it.graph->n_absorbing, 2);
    assert_int_equal(it.graph->n_edges, 6);
    assert_int_equal(it.graph->distance, 2);
    release(&it);
}

static void test_discrete(void **state)
{
    (void)state;
    fixture it =
        build("{'phasic': 1, 'name': 'd', 'time': 'discrete',"
              " 'parameters': {'p': {'support': 'unit'}}, 'state': {'k': []},"
              " 'start': {'k': 2}, 'transitions': ["
              "  {'when': 'k == 2', 'change': {'k': -1}, 'probability': 'p'},"
              "  {'when': 'k == 2', 'change': {'k': 0}, 'probability': '1 - p'},"
              "  {'when': 'k == 1', 'change': {'k': -1}, 'probability': 0.75},"
              "  {'when': 'k == 1', 'change': {'k': 1}, 'probability': 0.25}]}");
    const double theta[1] = {0.3};
    assert_int_equal(it.graph->discrete, 1);
    assert_int_equal(it.graph->n_edges, 3);
    assert_close(rate(it.graph, 0, 1, theta), 0.3, 1e-15);
    assert_close(rate(it.graph, 1, 2, theta), 0.75, 1e-15);
    assert_close(rate(it.graph, 1, 0, theta), 0.25, 1e-15);
    release(&it);
}

static void test_start(void **state)
{
    (void)state;
    fixture it = build(ONE("'p': {'support': 'unit'}",
                           "[{'state': {'k': 1}, 'probability': 'p'},"
                           " {'state': {'k': 3}, 'probability': '(1 - p) / 2'},"
                           " {'state': {'k': 1}, 'probability': '(1 - p) / 2'},"
                           " {'state': {'k': 2}, 'probability': 0}]",
                           DOWN));
    const double theta[1] = {0.2};
    assert_int_equal(it.graph->n, 3);
    assert_int_equal(it.graph->n_starts, 2); /* equal states are merged, 0 is none */
    for (size_t i = 0; i < 3; i++) {
        const double expected[4] = {0, 0.6, 0, 0.4};
        assert_near(start_probability(it.graph, i, theta), expected[it.graph->keys[i]],
                    1e-15);
    }
    assert_int_equal(it.graph->distance, 1);
    release(&it);
    it = build("{'phasic': 1, 'name': 'defect', 'defect': true, 'state': {'k': []},"
               " 'parameters': {}, 'start': [{'state': {'k': 2}, 'probability': 0.5},"
               "  {'state': {}, 'probability': 0.125}], 'transitions': [" DOWN "]}");
    assert_int_equal(it.graph->n_starts, 2);
    assert_true(start_probability(it.graph, 0, theta) == 0.5);
    assert_true(start_probability(it.graph, 2, theta) == 0.125); /* absorbed at once */
    assert_int_equal(it.graph->distance, 2);
    release(&it);
}

/* ------------------------------------------------------------------- errors */

static const struct {
    const char *text, *place, *says[3];
} bad[] = {
    {ONE("", "{'k': 1}", "{'name': 'down', 'change': {'k': -1}, 'rate': 1}"),
     "/transitions/0",
     {"negative", "state (k=0)", "'down'"}},
    {ONE("", "{'k': 2}",
         DOWN ", {'name': 'half', 'change': {'k': 'k / 4'}, 'rate': 1}"),
     "/transitions/1",
     {"whole number", "state (k=2)", "'half'"}},
    {ONE("", "{'k': 2}", "{'name': 'big', 'set': {'k': 'k * 5e9'}, 'rate': 1}"),
     "/transitions/0",
     {"32-bit", "state (k=2)", "'big'"}},
    {ONE("'a': {}", "{'k': 2}",
         "{'name': 'neg', 'when': 'k > 0', 'change': {'k': -1},"
         " 'rate': '-a'}"),
     "/transitions/0",
     {"negative", "state (k=2)", "'neg'"}},
    {ONE("'a': {}", "{'k': 2}",
         "{'name': 'neg', 'when': 'k > 0', 'change': {'k': -1},"
         " 'rate': '(k - 1.5) * a'}"),
     "/transitions/0",
     {"negative", "state (k=1)", "'neg'"}},
    {ONE("", "{'k': 2}",
         "{'name': 'pole', 'when': 'k > 0', 'change': {'k': -1},"
         " 'rate': '1 / (k - 1)'}"),
     "/transitions/0",
     {"state (k=1)", "'pole'", ""}},
    {"{'phasic': 1, 'name': 'x', 'parameters': {}, 'state': {'k': [2]},"
     " 'start': {'k[0]': 1}, 'transitions': [{'name': 'read', 'when': 'k[0] > 0',"
     " 'change': {'k[0]': -1}, 'rate': 'k[k[0] + 1]'}]}",
     "/transitions/0",
     {"state (k=[1,0])", "'read'", ""}},
    {"{'phasic': 1, 'name': 'x', 'parameters': {}, 'state': {'k': [2]},"
     " 'start': {'k[0]': 2}, 'transitions': [{'name': 'write', 'when': 'k[0] > 0',"
     " 'change': {'k[k[0]]': -1}, 'rate': 1}]}",
     "/transitions/0",
     {"outside 0..1", "state (k=[2,0])", "'write'"}},
    {"{'phasic': 1, 'name': 'x', 'parameters': {}, 'state': {'k': [2]},"
     " 'start': {'k[0]': 1}, 'transitions': [{'name': 'both', 'when': 'k[0] > 0',"
     " 'change': {'k[0]': -1}, 'set': {'k[k[1]]': 0}, 'rate': 1}]}",
     "/transitions/0",
     {"changed and set", "state (k=[1,0])", "'both'"}},
    {"{'phasic': 1, 'name': 'x', 'parameters': {}, 'state': {'k': []}, 'start': {'k': "
     "1},"
     " 'transitions': [{'name': 'loop', 'for': {'i': [0, 'k / 2']}, 'when': 'k > 0',"
     " 'change': {'k': -1}, 'rate': 1}]}",
     "/transitions/0",
     {"'i'", "state (k=1)", "'loop'"}},
    {"{'phasic': 1, 'name': 'x', 'parameters': {}, 'state': {'k': [2]},"
     " 'start': {'k[0]': 1}, 'absorb': 'k[k[0] + 1] > 0', 'transitions': ["
     " {'change': {'k[0]': -1}, 'rate': 1}]}",
     "/absorb",
     {"state (k=[1,0])", "", ""}},
    {ONE("", "{'k': 3}",
         "{'when': 'k > 0 && k < 9', 'change': {'k': -1}, 'rate': 1},"
         "{'when': 'k == 2', 'set': {'k': 9}, 'rate': 1}," /* a side track into a trap
                                                            */
         "{'when': 'k == 9', 'set': {'k': 10}, 'rate': 1},"
         "{'when': 'k == 10', 'set': {'k': 9}, 'rate': 1}"),
     "",
     {"absorption cannot be reached from state (k=9)", "1 other", ""}},
    {ONE("", "{'k': 1}",
         "{'when': 'k == 1', 'change': {'k': 1}, 'rate': 1},"
         "{'when': 'k == 2', 'change': {'k': -1}, 'rate': 1}"),
     "",
     {"absorption cannot be reached from state (k=1)", "1 other", ""}},
    {ONE("", "{'k': 1}", "{'change': {'k': 0}, 'rate': 1}"), /* only to itself */
     "",
     {"absorption cannot be reached from state (k=1)", "", ""}},
    {ONE("'a': {}",
         "[{'state': {'k': 1}, 'probability': 0.5}, {'state': {},"
         " 'probability': 0.5}]",
         DOWN),
     "/start",
     {"absorbing", "defect", ""}},
    {ONE("", "{'k': 0}", DOWN), "/start", {"absorbing", "", ""}},
    {"{'phasic': 1, 'name': 'd', 'time': 'discrete', 'parameters': {}, 'state': {'k': "
     "[]},"
     " 'start': {'k': 1}, 'transitions': ["
     "  {'when': 'k > 0', 'change': {'k': -1}, 'probability': 0.5},"
     "  {'when': 'k > 0', 'change': {'k': 1}, 'probability': 0.625}]}",
     "/transitions",
     {"sum to 1.125", "state (k=1)", ""}},
    {"{'phasic': 1, 'name': 'd', 'time': 'discrete', 'parameters': {}, 'state': {'k': "
     "[]},"
     " 'start': {'k': 1}, 'transitions': ["
     "  {'when': 'k > 0', 'change': {'k': -1}, 'probability': 0.5},"
     "  {'when': 'k > 0', 'change': {'k': 0}, 'probability': 0.625}]}",
     "/transitions", /* staying counts too */
     {"sum to 1.125", "state (k=1)", ""}},
};

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        ph_model *model = read_text(bad[i].text);
        ph_graph *graph = NULL;
        ph_error error = {0};
        int status = ph_graph_build(&graph, model, 1000, NULL, &error);
        if (status != PH_E_MODEL || graph || strcmp(error.place, bad[i].place) != 0) {
            fail_msg("case %zu: status %d, place '%s' instead of '%s', %s", i, status,
                     error.place, bad[i].place, error.message);
        }
        assert_int_equal(error.status, PH_E_MODEL);
        assert_string_equal(error.file, "t.json");
        for (size_t k = 0; k < 3; k++) {
            if (!strstr(error.message, bad[i].says[k])) {
                fail_msg("case %zu: '%s' does not say '%s'", i, error.message,
                         bad[i].says[k]);
            }
        }
        assert_int_equal(ph_graph_build(&graph, model, 1000, NULL, NULL), PH_E_MODEL);
        assert_null(graph);
        ph_model_free(model);
    }
}

/*
 * The model reader checks start laws too, so these are changed after reading: the
 * probabilities of k = 1 and k = 2.
 */
static void test_start_errors(void **state)
{
    (void)state;
    const struct {
        double probability[2];
        const char *says;
    } laws[] = {
        {{0.5, 0.25}, "sum to 0.75"},
        {{0.5, 0.75}, "sum to 1.25"},
        {{0.5, 0.5 + 1e-11}, "sum to 1.00000000001"},
        {{1.5, -0.5}, "negative for every value of the parameters, in state (k=2)"},
    };
    for (size_t i = 0; i < COUNT(laws); i++) {
        ph_model *model = read_text(ONE("",
                                        "[{'state': {'k': 1}, 'probability': 0.5},"
                                        " {'state': {'k': 2}, 'probability': 0.5}]",
                                        DOWN));
        for (int k = 0; k < 2; k++) {
            ph_expr_free(model->starts[k].probability);
            assert_int_equal(
                ph_expr_number(&model->starts[k].probability, laws[i].probability[k]),
                PH_OK);
        }
        ph_graph *graph = NULL;
        ph_error error = {0};
        assert_int_equal(ph_graph_build(&graph, model, 0, NULL, &error), PH_E_MODEL);
        assert_string_equal(error.place, "/start");
        assert_non_null(strstr(error.message, laws[i].says));
        ph_model_free(model);
    }
}

static void test_negative_reward(void **state)
{
    (void)state;
    fixture it =
        build("{'phasic': 1, 'name': 'r', 'parameters': {}, 'state': {'k': []},"
              " 'start': {'k': 3}, 'transitions': [" DOWN "],"
              " 'rewards': {'odd': 'k - 2'}}");
    double amount[3];
    ph_error error = {0};
    assert_int_equal(ph_graph_reward(it.graph, it.model, 0, amount, &error),
                     PH_E_MODEL);
    assert_string_equal(error.place, "/rewards/odd");
    assert_non_null(strstr(error.message, "(k=1)"));
    release(&it);
}

static void test_limit(void **state)
{
    (void)state;
    ph_model *model = read_text(ONE("", "{'k': 1}", "{'change': {'k': 1}, 'rate': 1}"));
    ph_graph *graph = NULL;
    ph_error error = {0};
    assert_int_equal(ph_graph_build(&graph, model, 1000, NULL, &error), PH_E_MODEL);
    assert_non_null(strstr(error.message, "more than 1000 states"));
    assert_null(graph);
    ph_model_free(model);
    model = read_shipped("rabbits", "n", 2); /* 5 transient states and one absorbing */
    assert_int_equal(ph_graph_build(&graph, model, 6, NULL, NULL), PH_OK);
    ph_graph_free(graph);
    graph = NULL;
    assert_int_equal(ph_graph_build(&graph, model, 5, NULL, NULL), PH_E_MODEL);
    ph_model_free(model);
    ph_graph_free(NULL);
}

/* -------------------------------------------------------------- large graphs */

static int count_calls(void *context, const char *what, double fraction,
                       const char *remark)
{
    (void)fraction, (void)remark;
    assert_string_equal(what, "states");
    return ++*(int *)context >= 2;
}

/* n(n + 3)/2 states, 2n(n + 1) edges; a stop is obeyed; memory per state is bounded. */
static void test_large(void **state)
{
    (void)state;
    const size_t sizes[2] = {300, 450};
    for (int k = 0; k < 2; k++) {
        size_t n = sizes[k];
        fixture it = build_shipped("rabbits", "n", (double)n);
        assert_int_equal(it.graph->n, n * (n + 3) / 2);
        assert_int_equal(it.graph->n_edges, 2 * n * (n + 1));
        assert_true(it.graph->bytes / it.graph->n <= 200 + 2 * sizeof(int32_t));
        release(&it);
    }
    ph_model *model = read_shipped("rabbits", "n", 600); /* 180900: two calls or more */
    ph_graph *graph = NULL;
    int calls = 0;
    const ph_log log = {.context = &calls, .progress = count_calls};
    ph_error error = {0};
    assert_int_equal(ph_graph_build(&graph, model, 0, &log, &error), PH_E_INTERRUPTED);
    assert_int_equal(calls, 2);
    assert_null(graph);
    ph_model_free(model);
}

/* --------------------------------------------------------------- components */

/* Edges lead to the same component or a later one. */
static void assert_upward(const ph_components *components, const ph_graph *graph)
{
    for (size_t i = 0; i < graph->n; i++) {
        assert_true(components->of[i] < components->count);
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            uint32_t j = graph->target[e];
            assert_true(j == graph->n || components->of[i] <= components->of[j]);
        }
    }
}

static ph_components components_of(const fixture *it)
{
    ph_components components;
    assert_int_equal(ph_components_find(&components, it->graph), PH_OK);
    assert_upward(&components, it->graph);
    return components;
}

static void test_components(void **state)
{
    (void)state;
    fixture it = build_shipped("busy_period", "K", 2);
    ph_components found = components_of(&it);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.largest, 2);
    assert_true(found.cyclic);
    ph_components_free(&found);
    release(&it);
    it = build_shipped("rabbits", "n", 30); /* one component a number of rabbits */
    found = components_of(&it);
    assert_int_equal(found.count, 30);
    assert_int_equal(found.largest, 31);
    assert_true(found.cyclic);
    for (size_t i = 0; i < it.graph->n; i++) {
        int rabbits = it.graph->keys[2 * i] + it.graph->keys[2 * i + 1];
        assert_int_equal(found.of[i], 30 - rabbits);
    }
    ph_components_free(&found);
    release(&it);
    it = build_shipped("coalescent", "n", 10);
    found = components_of(&it);
    assert_int_equal(found.count, 9);
    assert_int_equal(found.largest, 1);
    assert_false(found.cyclic);
    ph_components_free(&found);
    release(&it);
    ph_components_free(NULL);
}

/* Deep graphs, one of single states and one of a single cycle, do not recurse. */
static void test_chain(void **state)
{
    (void)state;
    fixture it = build_shipped("erlang", "stages", 100000);
    ph_components found = components_of(&it);
    assert_int_equal(it.graph->distance, 100000);
    assert_int_equal(found.count, 100000);
    for (size_t i = 0; i < it.graph->n; i++) {
        assert_int_equal(found.of[i], i);
    }
    ph_components_free(&found);
    release(&it);
    it = build_shipped("busy_period", "K", 100000);
    found = components_of(&it);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.largest, 100000);
    ph_components_free(&found);
    release(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_counts),
        cmocka_unit_test(test_rabbits),
        cmocka_unit_test(test_power_law),
        cmocka_unit_test(test_explicit),
        cmocka_unit_test(test_graph_model),
        cmocka_unit_test(test_merging),
        cmocka_unit_test(test_guarding),
        cmocka_unit_test(test_loops),
        cmocka_unit_test(test_absorb),
        cmocka_unit_test(test_discrete),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_start_errors),
        cmocka_unit_test(test_negative_reward),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_components),
        cmocka_unit_test(test_chain),
    };
    return ph_check_run(tests);
}
