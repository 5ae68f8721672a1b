/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Epochs as functions of the parameters: times, inputs, their adjoint, the graph. */
#include "model_text.h"
#include "phasic/model/epochs.h"
#include "phasic/state/graph.h"

static const char THREE[] =
    "{'phasic':1,'constants':{'size':1,'n':2},"
    "'parameters':{'a':{},'b':{},'T':{}},"
    "'state':{'x':[]},'start':{'x':'n'},"
    "'transitions':[{'when':'x > 0','change':{'x':-1},'rate':'x * a / size + b'}],"
    "'epochs':[{'at':'T','set':{'size':'0.25 * exp(b)'}},"
    "{'at':'2 * T + 1','set':{'a':'a * b','size':'size + 1'}},"
    "{'at':'2 * T + 3','set':{'b':0}}]}";

static ph_model *read_model(const char *text)
{
    long line, column;
    char *json = prepare(text, &line, &column);
    ph_model *model = NULL;
    ph_error error = {0};
    if (ph_model_parse(&model, "t.json", json, strlen(json), NULL, 0, &error) != 0) {
        fail_msg("%s", error.message);
    }
    free(json);
    return model;
}

/* What epoch e has by hand: begin, a, b, T, size. */
static void by_hand(const double theta[3], size_t e, double *begin, double input[4])
{
    double a = theta[0], b = theta[1], t = theta[2];
    const double begins[4] = {0, t, 2 * t + 1, 2 * t + 3};
    const double sizes[4] = {1, 0.25 * exp(b), 2, 2};
    *begin = begins[e];
    input[0] = e >= 2 ? a * b : a;
    input[1] = e >= 3 ? 0 : b;
    input[2] = t;
    input[3] = sizes[e];
}

static ph_epochs *new_epochs(const ph_model *model)
{
    ph_epochs *epochs = NULL;
    ph_error error = {0};
    if (ph_epochs_new(&epochs, model, &error) != 0) {
        fail_msg("%s", error.message);
    }
    assert_non_null(epochs);
    return epochs;
}

static void inputs_of_epochs(void **state)
{
    (void)state;
    ph_model *model = read_model(THREE);
    ph_epochs *epochs = new_epochs(model);
    const double theta[3] = {1.5, 0.3, 0.7};
    double work[4], x[64], input[4], expected[4], begin;
    assert_int_equal(epochs->n, 4);
    assert_int_equal(epochs->q, 4);
    assert_true(ph_epochs_nodes(epochs) <= 64);
    ph_epochs_eval_plain(epochs, theta, work, x);
    for (size_t e = 0; e < 4; e++) {
        by_hand(theta, e, &begin, expected);
        ph_epochs_input_plain(epochs, x, e, input);
        assert_close(x[epochs->begin[e]], begin, 1e-15);
        for (int m = 0; m < 4; m++) {
            assert_close(input[m], expected[m], 1e-15);
        }
    }
    ph_epochs_free(epochs);
    ph_model_free(model);
}

/* A weighted sum of all inputs and times, by hand. */
static double total(const double theta[3])
{
    double sum = 0, begin, input[4];
    for (size_t e = 0; e < 4; e++) {
        by_hand(theta, e, &begin, input);
        sum += (double)(e + 1) * begin;
        for (size_t m = 0; m < 4; m++) {
            sum += (double)(3 * e + m + 1) * input[m];
        }
    }
    return sum;
}

static void adjoint_is_derivative(void **state)
{
    (void)state;
    ph_model *model = read_model(THREE);
    ph_epochs *epochs = new_epochs(model);
    const double theta[3] = {1.5, 0.3, 0.7};
    double work[4], x[64], x_bar[64] = {0}, bar[4], theta_bar[3] = {0};
    ph_epochs_eval_plain(epochs, theta, work, x);
    for (size_t e = 0; e < 4; e++) {
        for (size_t m = 0; m < 4; m++) {
            bar[m] = (double)(3 * e + m + 1);
        }
        ph_epochs_gather_plain(epochs, e, bar, (double)(e + 1), x_bar);
    }
    ph_epochs_adjoint_plain(epochs, x, x_bar, work, theta_bar);
    for (int m = 0; m < 3; m++) {
        double up[3], down[3], h = 1e-6;
        memcpy(up, theta, sizeof up);
        memcpy(down, theta, sizeof down);
        up[m] += h;
        down[m] -= h;
        assert_close(theta_bar[m], (total(up) - total(down)) / (2 * h), 1e-8);
    }
    ph_epochs_free(epochs);
    ph_model_free(model);
}

/* Every lane does what the plain twin does. */
static void lanes_are_plain(void **state)
{
    (void)state;
    ph_model *model = read_model(THREE);
    ph_epochs *epochs = new_epochs(model);
    size_t nodes = ph_epochs_nodes(epochs);
    double *block = ph_alloc_aligned((2 * nodes + 15) * PH_LANES, sizeof *block);
    assert_non_null(block);
    double *theta = block, *work = theta + 3 * PH_LANES, *bar = work + 4 * PH_LANES,
           *theta_bar = bar + 4 * PH_LANES, *begin_bar = theta_bar + 3 * PH_LANES,
           *x = begin_bar + PH_LANES, *x_bar = x + nodes * PH_LANES;
    for (int i = 0; i < 3 * PH_LANES; i++) {
        theta[i] = 0.2 + 0.1 * i;
        theta_bar[i] = 0;
    }
    memset(x_bar, 0, nodes * PH_LANES * sizeof *x_bar);
    ph_epochs_eval(epochs, theta, work, x);
    for (size_t e = 0; e < 4; e++) {
        ph_epochs_input(epochs, x, e, bar);
        memcpy(begin_bar, bar, PH_LANES * sizeof *bar);
        ph_epochs_gather(epochs, e, bar, begin_bar, x_bar);
    }
    ph_epochs_adjoint(epochs, x, x_bar, work, theta_bar);
    for (int l = 0; l < PH_LANES; l++) {
        double one[3], y[64], y_bar[64] = {0}, scratch[4], input[4], slope[3] = {0};
        for (int m = 0; m < 3; m++) {
            one[m] = theta[m * PH_LANES + l];
        }
        ph_epochs_eval_plain(epochs, one, scratch, y);
        for (size_t e = 0; e < 4; e++) {
            ph_epochs_input_plain(epochs, y, e, input);
            ph_epochs_gather_plain(epochs, e, input, input[0], y_bar);
        }
        ph_epochs_adjoint_plain(epochs, y, y_bar, scratch, slope);
        for (int m = 0; m < 3; m++) {
            assert_close(theta_bar[m * PH_LANES + l], slope[m], 1e-15);
        }
    }
    ph_free_aligned(block);
    ph_epochs_free(epochs);
    ph_model_free(model);
}

/* One graph for all epochs: rates hold the varying constant as an input. */
static void graph_serves_all_epochs(void **state)
{
    (void)state;
    ph_model *model = read_model(THREE);
    ph_graph *graph = NULL;
    ph_error error = {0};
    if (ph_graph_build(&graph, model, 0, NULL, &error) != 0) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(graph->n, 2);
    assert_non_null(graph->epochs);
    assert_int_equal(ph_pool_parameters(graph->pool), 4);
    double input[4] = {3, 0.5, 9, 0.25}, u[64];
    ph_pool_eval_plain(graph->pool, input, u);
    double rate = 0;
    for (size_t t = graph->edge_term[0]; t < graph->edge_term[1]; t++) {
        rate += graph->term_coefficient[t] * u[graph->used[graph->term_use[t]]];
    }
    assert_close(rate, 2 * 3 / 0.25 + 0.5, 1e-15);
    ph_graph_free(graph);
    ph_model_free(model);
}

/* A rate that only a later epoch makes negative may be negative, not an error. */
static void ranges_cover_all_epochs(void **state)
{
    (void)state;
    ph_model *model = read_model(
        "{'phasic':1,'constants':{'c':2},'parameters':{'a':{}},"
        "'matrix':{'initial':[1],'rates':[[0,'a * c']]},"
        "'epochs':[{'at':1,'set':{'c':'-1 * a'}},{'at':2,'set':{'a':7,'c':5}}]}");
    ph_epochs *epochs = new_epochs(model);
    double lower[2], upper[2];
    ph_epochs_range(epochs, lower, upper);
    assert_true(lower[0] == 0 && upper[0] == INFINITY);
    assert_true(lower[1] == -INFINITY && upper[1] == 5);
    ph_epochs_free(epochs);
    ph_model_free(model);
}

static void impossible_values_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place, *message;
    } cases[] = {
        {"{'phasic':1,'parameters':{'a':{}},"
         "'matrix':{'initial':[1],'rates':[[0,'a']]},"
         "'epochs':[{'at':1,'set':{'a':'-a - 1'}}]}",
         "/epochs/0/set/a", "never from 0 to"},
        {"{'phasic':1,'parameters':{'a':{}},"
         "'matrix':{'initial':[1],'rates':[[0,'a']]},"
         "'epochs':[{'at':'floor(a)','set':{'a':1}}]}",
         "/epochs/0/at", "not smooth"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ph_model *model = read_model(cases[i].text);
        ph_epochs *epochs = NULL;
        ph_error error = {0};
        assert_int_equal(ph_epochs_new(&epochs, model, &error), PH_E_MODEL);
        assert_null(epochs);
        assert_string_equal(error.place, cases[i].place);
        assert_non_null(strstr(error.message, cases[i].message));
        ph_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_of_epochs),
        cmocka_unit_test(adjoint_is_derivative),
        cmocka_unit_test(lanes_are_plain),
        cmocka_unit_test(graph_serves_all_epochs),
        cmocka_unit_test(ranges_cover_all_epochs),
        cmocka_unit_test(impossible_values_are_refused),
    };
    return ph_check_run(tests);
}
