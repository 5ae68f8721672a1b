/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The model reader on good models: every field is what the text says. */
#include "model_text.h"

static ph_model *good_with(const char *text, const ph_setting *settings, size_t n)
{
    ph_model *model = NULL;
    ph_error error = {0};
    char line[1400];
    if (parse(&model, text, settings, n, &error) != PH_OK) {
        fail_msg("%s", ph_error_text(&error, line, sizeof line));
    }
    assert_int_equal(error.status, 0);
    return model;
}

static ph_model *good(const char *text)
{
    return good_with(text, NULL, 0);
}

/* ---- good models ---- */

static void parameters_are_read(void **state)
{
    (void)state;
    ph_model *m = good(FULL);
    assert_int_equal(m->n_parameters, 6);
    const ph_parameter *p = m->parameters;
    assert_string_equal(p[0].name, "g");
    assert_int_equal(p[0].prior.family, PH_PRIOR_GAMMA);
    assert_close(p[0].prior.argument[0], 2, 0);
    assert_close(p[0].prior.argument[1], 6, 1e-15); /* rate = 1 / scale */
    assert_close(p[0].lower, 0, 0);
    assert_close(p[0].upper, INFINITY, 0);
    assert_true(p[0].has_value && !p[0].is_fixed);
    assert_close(p[0].value, 0.5, 0);
    assert_string_equal(p[0].description, "a rate");
    assert_string_equal(p[0].unit, "1/year");

    assert_int_equal(p[1].prior.family, PH_PRIOR_BETA);
    assert_true(!p[1].has_value && p[1].lower == 0 && p[1].upper == 1);
    assert_null(p[1].description);
    assert_true(p[2].lower == -3 &&
                p[2].upper == 4); /* support and prior overlap there */
    assert_true(p[3].lower == -INFINITY && p[3].upper == INFINITY);
    assert_close(p[3].prior.argument[0], -1, 0);
    assert_true(p[4].is_fixed && !p[4].has_value && p[4].value == 0);
    assert_int_equal(p[4].prior.family, PH_PRIOR_NONE);
    assert_true(p[5].lower == 0 && p[5].upper == 1 && p[5].value == 0.25);

    assert_int_equal(ph_model_parameter(m, "x"), 3);
    assert_int_equal(ph_model_parameter(m, "n"), -1);
    ph_model_free(m);
}

static void rules_are_read(void **state)
{
    (void)state;
    ph_model *m = good(FULL);
    assert_int_equal(m->kind, PH_MODEL_RULES);
    assert_int_equal(m->discrete, 0);
    assert_string_equal(m->name, "full");
    assert_string_equal(m->description, "two\nlines");
    assert_string_equal(m->file, "t.json");
    assert_close(m->constants[1].value, 6, 0);

    assert_int_equal(m->n_variables, 4);
    assert_int_equal(m->n_entries, 1 + 4 + 18 + 1);
    assert_int_equal(m->variables[2].rank, 3);
    assert_int_equal(m->variables[2].extent[2], 3);
    assert_int_equal(m->variables[2].first, 5);
    assert_int_equal(m->variables[2].entries, 18);
    assert_int_equal(m->variables[3].first, 23);

    assert_int_equal(m->n_starts, 2);
    assert_int_equal(m->starts[0].n_assignments, 3);
    assert_int_equal(m->starts[0].assignments[2].variable, 2);
    assert_int_equal(m->starts[0].assignments[2].n_indices, 3);
    assert_string_equal(m->starts[0].assignments[1].text, "k[n - 1]");
    assert_int_equal(m->starts[1].n_assignments, 0);
    assert_string_equal(ph_expr_text(m->starts[1].probability), "1 - e");

    const ph_transition *t = m->transitions;
    assert_int_equal(m->n_transitions, 2);
    assert_string_equal(t[0].name, "move");
    assert_string_equal(t[0].place, "/transitions/0");
    assert_string_equal(t[1].name, "transition 1");
    assert_int_equal(t[0].n_loops, 2);
    assert_string_equal(t[0].loops[1].name, "j");
    assert_int_equal(t[0].n_changes, 2);
    assert_int_equal(t[0].n_sets, 1);
    assert_null(t[1].when);
    assert_non_null(m->absorb);
    ph_model_free(m);
}

/* The expressions refer to the right entries, loop variables and parameters. */
static void expressions_evaluate(void **state)
{
    (void)state;
    ph_model *m = good(FULL);
    const ph_transition *t = m->transitions;
    int32_t x[24] = {5, 1, 2, 3, 4};
    long loop[2] = {1, 3};
    const ph_env env = {x, loop};
    double theta[7] = {0.5, 0.25, 1, 0, 0, 0.1, 0.5}, value; /* and h */
    assert_int_equal(ph_expr_value(t->loops[1].from, &env, &value, NULL), 0);
    assert_close(value, 1, 0);
    assert_int_equal(ph_expr_value(t->loops[1].to, &env, &value, NULL), 0);
    assert_close(value, 5, 0);
    assert_int_equal(ph_expr_value(t->when, &env, &value, NULL), 0);
    assert_close(value, 1, 0);
    assert_int_equal(ph_expr_value(t->changes[1].index[0], &env, &value, NULL), 0);
    assert_close(value, 3, 0);
    assert_int_equal(ph_expr_value(t->sets[0].value, &env, &value, NULL), 0);
    assert_close(value, 9, 0);
    assert_int_equal(ph_expr_value_at(t->rate, &env, theta, &value, NULL), 0);
    assert_close(value, 2 * 0.5 / 2 + 0.5, 1e-15);
    assert_int_equal(ph_expr_value_at(m->derived[0].value, &env, theta, &value, NULL),
                     0);
    assert_close(value, 2, 1e-15);

    assert_int_equal(m->n_rewards, 2);
    assert_int_equal(ph_model_reward(m, "one"), 1);
    assert_int_equal(ph_model_reward(m, "time"), -1);
    assert_int_equal(m->n_epochs, 2);
    assert_int_equal(m->epochs[0].n_sets, 2);
    assert_int_equal(m->epochs[0].sets[0].input, 0);
    assert_int_equal(m->epochs[0].sets[1].input, 6);
    assert_int_equal(m->n_varying, 1);
    assert_int_equal(m->varying[0], 2);
    assert_string_equal(ph_model_input_name(m, 6), m->constants[2].name);
    ph_model_free(m);
}

static void matrices_are_read(void **state)
{
    (void)state;
    ph_model *m = good("{'phasic': 1, 'parameters': {'F': {}, 'R': {}}, 'matrix': {"
                       " 'initial': [1, 0, 0], 'rates': [[0, 'F', 'F', 0],"
                       " ['R', 0, 0, 'F'], ['R', '1 - 1', 0, 2.5]]},"
                       " 'rewards': {'down': [0, 1, '3 / 2']}}");
    assert_int_equal(m->kind, PH_MODEL_MATRIX);
    assert_null(m->name);
    assert_int_equal(m->n_vertices, 3);
    assert_int_equal(m->n_edges, 6);
    static const uint32_t ends[6][2] = {
        {0, 1}, {0, 2}, {1, 0}, {1, PH_ABSORPTION}, {2, 0}, {2, PH_ABSORPTION}};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(m->edges[i].from, ends[i][0]);
        assert_int_equal(m->edges[i].to, ends[i][1]);
    }
    assert_string_equal(m->edges[3].place, "/matrix/rates/1/3");
    assert_true(ph_expr_uses_parameter(m->edges[3].rate, 0));
    assert_non_null(m->initial[0]);
    assert_null(m->initial[1]);
    assert_close(m->rewards[0].list[2], 1.5, 0);
    assert_null(m->rewards[0].amount);
    ph_model_free(m);
}

static void discrete_models_are_read(void **state)
{
    (void)state;
    ph_model *m = good(
        "{'phasic': 1, 'time': 'discrete', 'parameters': {'p': {'support': 'unit'}},"
        " 'matrix': {'initial': ['p', '1 - p'], 'rates':"
        " [['1 - p', 'p / 2', 'p / 2'], [0, 0.75, 0.25]]}}");
    assert_int_equal(m->discrete, 1);
    assert_int_equal(m->n_edges, 3); /* without the diagonal */
    ph_model_free(m);
    m = good("{'phasic': 1, 'time': 'discrete', 'parameters': {'p': {}},"
             " 'state': {'x': []}, 'start': {'x': 1},"
             " 'transitions': [{'set': {'x': 0}, 'probability': 'p'}]}");
    assert_int_equal(m->n_transitions, 1);
    ph_model_free(m);
}

static void graphs_are_read(void **state)
{
    (void)state;
    ph_model *m =
        good("{'phasic': 1, 'defect': true, 'parameters': {'jump': {}},"
             " 'graph': {'vertices': [[2, 0], [1, -1]], 'initial': [[1, 0.5]],"
             " 'edges': [[0, 1, '2 * jump'], [0, 1, 3], [1, -1, 'jump'],"
             " [1, 0, 0]]}}");
    assert_int_equal(m->kind, PH_MODEL_GRAPH);
    assert_int_equal(m->n_vertices, 2);
    assert_int_equal(m->n_label, 2);
    assert_int_equal(m->labels[3], -1);
    assert_int_equal(m->n_edges, 3);
    assert_int_equal(m->edges[2].to, PH_ABSORPTION);
    assert_int_equal(m->defect, 1);
    assert_null(m->initial[0]);
    ph_model_free(m);
    m = good("{'phasic': 1, 'constants': {'n': 4}, 'graph': {'vertices': 'n',"
             " 'initial': [[3, 1]], 'edges': [[3, -1, 1]]}}");
    assert_int_equal(m->n_vertices, 4);
    assert_int_equal(m->n_label, 0);
    assert_null(m->labels);
    ph_model_free(m);
}

#define SMALL                                                                          \
    "{'phasic': 1, 'constants': {'n': 3, 'twice': '2 * n', 'rest': 'log(n - 3) + 1'}," \
    " 'parameters': {'a': {}, 'b': {'value': 4}, 'c': {}}, 'state': {'k': ['twice']}," \
    " 'start': {'k[0]': 'n'},"                                                         \
    " 'transitions': [{'change': {'k[0]': -1}, 'rate': 'a'}]}"

static void settings_replace_constants(void **state)
{
    (void)state;
    const ph_setting settings[] = {{"n", 7}, {"rest", 0}, {"n", 5}};
    ph_model *m = good_with(SMALL, settings, 3);
    assert_close(m->constants[0].value, 5, 0); /* the last one counts */
    assert_close(m->constants[1].value, 10, 0);
    assert_close(m->constants[2].value, 0, 0);
    assert_true(m->constants[0].overridden && !m->constants[1].overridden);
    assert_int_equal(m->n_entries, 10);
    ph_model_free(m);

    static const struct {
        const char *name, *message;
        double value;
    } bad[] = {{"nn", "did you mean 'n'", 1},
               {"nowhere_near", "no constant of this name", 1},
               {"b", "--theta", 1},
               {"n", "finite", INFINITY}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        const ph_setting wrong[] = {{"n", 5}, {bad[i].name, bad[i].value}};
        ph_error error = {0};
        m = NULL;
        assert_int_equal(parse(&m, SMALL, wrong, 2, &error), PH_E_USAGE);
        assert_null(m);
        assert_string_equal(error.found, bad[i].name);
        assert_non_null(strstr(error.message, bad[i].message));
    }
}

static void reference_values(void **state)
{
    (void)state;
    const ph_setting settings[] = {{"n", 5}};
    ph_model *m = good_with(SMALL, settings, 1);
    double theta[6];
    ph_error error = {0};
    assert_int_equal(ph_model_theta(m, theta, &error), PH_E_USAGE);
    assert_non_null(strstr(error.message, "parameters a, c"));
    ph_model_free(m);
    m = good("{'phasic': 1, 'parameters': {'a': {'fixed': 3}, 'b': {'value': 4}},"
             " 'matrix': {'initial': [1], 'rates': [[0, 'a']]}}");
    assert_int_equal(ph_model_theta(m, theta, NULL), PH_OK);
    assert_close(theta[0], 3, 0);
    assert_close(theta[1], 4, 0);
    ph_model_free(m);
}

/* The digest is that of the bytes, as sha256sum prints it. */
static void digest_of_the_file(void **state)
{
    (void)state;
    static const char text[] =
        "{\"phasic\":1,\"matrix\":{\"initial\":[1],\"rates\":[[0,1]]}}";
    ph_model *m = NULL;
    assert_int_equal(ph_model_parse(&m, "x", text, strlen(text), NULL, 0, NULL), PH_OK);
    assert_string_equal(
        m->digest, "f023e2561eb16c1dbf472b7ea5a13f159eb74cbe02440bfac9510d96c8bc9501");
    ph_model_free(m);
}

/* Every function of expressions is refused as a name: the two lists agree. */
static void functions_are_no_names(void **state)
{
    (void)state;
    static const char *const calls[] = {
        "abs(1)", "binomial(3, 2)", "ceil(1)",   "exp(1)",    "floor(1)", "if(1, 2, 3)",
        "log(1)", "max(1, 2)",      "min(1, 2)", "pow(1, 2)", "sqrt(1)"};
    for (size_t i = 0; i < COUNT(calls); i++) {
        char text[128], name[16];
        snprintf(text, sizeof text,
                 "{'phasic':1,'constants':{'a':'%s'},'matrix':{'initial':[1],"
                 "'rates':[[0,1]]}}",
                 calls[i]);
        ph_model_free(good(text));
        snprintf(name, sizeof name, "%.*s", (int)strcspn(calls[i], "("), calls[i]);
        snprintf(text, sizeof text, "{'phasic':1,'constants':{'%s':1}}", name);
        ph_model *m = NULL;
        ph_error error = {0};
        assert_int_equal(parse(&m, text, NULL, 0, &error), PH_E_MODEL);
        assert_non_null(strstr(error.message, "reserved"));
    }
}

/* ---- files ---- */

/* What each shipped model is, and the reference values of its parameters. */
static const struct {
    const char *name;
    ph_model_kind kind;
    size_t n_parameters, n_rewards, n_derived;
    double theta[3];
} shipped[] = {
    {"repairable", PH_MODEL_MATRIX, 2, 1, 1, {1.8, 9.5}},
    {"rabbits", PH_MODEL_RULES, 3, 3, 1, {1, 2, 4}},
    {"coalescent", PH_MODEL_RULES, 1, 1, 1, {0.5}},
    {"erlang", PH_MODEL_RULES, 1, 0, 1, {2}},
    {"busy_period", PH_MODEL_RULES, 2, 1, 1, {1, 2}},
    {"power_law_coalescent", PH_MODEL_RULES, 2, 1, 0, {2, 0.3}},
    {"two_cycle", PH_MODEL_GRAPH, 2, 1, 0, {1, 1}},
    {"hypoexponential", PH_MODEL_MATRIX, 2, 0, 0, {1, 2}},
};

static void shipped_models_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shipped); i++) {
        ph_model *m = NULL;
        ph_error error = {0};
        char path[512], text[1400];
        double theta[3];
        shipped_path(shipped[i].name, path, sizeof path);
        if (ph_model_read(&m, path, NULL, 0, &error) != PH_OK) {
            fail_msg("%s", ph_error_text(&error, text, sizeof text));
        }
        assert_string_equal(m->name, shipped[i].name);
        assert_int_equal(m->kind, shipped[i].kind);
        assert_int_equal(m->n_rewards, shipped[i].n_rewards);
        assert_int_equal(m->n_derived, shipped[i].n_derived);
        assert_int_equal(m->n_parameters, shipped[i].n_parameters);
        assert_int_equal(ph_model_theta(m, theta, NULL), PH_OK);
        for (size_t k = 0; k < m->n_parameters; k++) {
            assert_close(theta[k], shipped[i].theta[k], 0);
            assert_int_not_equal(m->parameters[k].prior.family, PH_PRIOR_NONE);
        }
        ph_model_free(m);
    }
}

/* Mean lifetime of the repairable system: its derived quantity against the reference.
 */
static void derived_of_repairable(void **state)
{
    (void)state;
    ph_model *m = NULL;
    char path[512];
    double theta[2], value;
    shipped_path("repairable", path, sizeof path);
    assert_int_equal(ph_model_read(&m, path, NULL, 0, NULL), PH_OK);
    assert_int_equal(ph_model_theta(m, theta, NULL), PH_OK);
    assert_int_equal(ph_expr_value_at(m->derived[0].value, NULL, theta, &value, NULL),
                     0);
    assert_close(value, 2.299382716049383, 1e-15);
    ph_model_free(m);
}

static void missing_files(void **state)
{
    (void)state;
    ph_model *m = NULL;
    ph_error error = {0};
    assert_int_equal(ph_model_read(&m, "/no/such/model.json", NULL, 0, &error),
                     PH_E_INPUT);
    assert_null(m);
    assert_string_equal(error.file, "/no/such/model.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_read),
        cmocka_unit_test(rules_are_read),
        cmocka_unit_test(expressions_evaluate),
        cmocka_unit_test(matrices_are_read),
        cmocka_unit_test(discrete_models_are_read),
        cmocka_unit_test(graphs_are_read),
        cmocka_unit_test(settings_replace_constants),
        cmocka_unit_test(reference_values),
        cmocka_unit_test(digest_of_the_file),
        cmocka_unit_test(functions_are_no_names),
        cmocka_unit_test(shipped_models_are_read),
        cmocka_unit_test(derived_of_repairable),
        cmocka_unit_test(missing_files),
    };
    return ph_check_run(tests);
}
