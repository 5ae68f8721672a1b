/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Saved fits read back: every field of a written example, and what is refused. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "phasic/base/file.h"
#include "phasic/base/memory.h"
#include "phasic/report/saved.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES  "1111111111111111111111111111111111111111111111111111111111111111"
#define QUANTILES(a)                                                                   \
    "\"quantiles\": {\"2.5%\": " a ", \"5%\": 2, \"25%\": 3, \"50%\": 4, \"75%\": 5, " \
    "\"95%\": 6, \"97.5%\": 7}"

static const char json_text[] =
    "{\"phasic\": \"9.8\", \"command\": [\"phasic\", \"fit\"], \"seed\": 4294967295,\n"
    "\"model\": {\"name\": null, \"file\": \"m.json\", \"path\": \"/a/m.json\",\n"
    "  \"digest\": \"" ZEROS "\", \"parameters\": [\"b\", \"a\"]},\n"
    "\"data\": {\"file\": \"-\", \"path\": null, \"digest\": \"" ONES "\",\n"
    "  \"observations\": 2.5, \"rows\": 3, \"distinct\": 2, \"later\": [1]},\n"
    "\"settings\": {\"set\": {\"value\": [\"n=4\", \"k=2\"], \"source\": \"flag\"},\n"
    "  \"draws\": {\"value\": null, \"source\": \"default\"},\n"
    "  \"ess\": {\"value\": 2000, \"source\": \"default\"},\n"
    "  \"force\": {\"value\": true, \"source\": \"flag\"}},\n"
    "\"posterior\": {\n"
    "  \"b\": {\"mean\": 1.5, \"sd\": 0.25, \"mcse\": 0.01, " QUANTILES(
        "1") "},\n"
             "  \"a\": {\"mean\": 3, \"sd\": 0, \"mcse\": 0, " QUANTILES(
                 "1") ", \"fixed\": true},\n"
                      "  \"q\": {\"mean\": null, \"sd\": null, \"mcse\": "
                      "null, " QUANTILES(
                          "null") ", \"not_finite\": 7},\n"
                                  "  \"r\": {\"mean\": 4, \"sd\": 2, \"mcse\": "
                                  "0.1, " QUANTILES(
                                      "1") "}},\n"
                                           "\"correlation\": {\"names\": [\"b\", "
                                           "\"r\"], \"matrix\": [[1, -0.5], [-0.5, "
                                           "1]]},\n"
                                           "\"diagnostics\": {\"ess\": 812.5, "
                                           "\"pareto_k\": null, \"used_chains\": "
                                           "false,\n"
                                           "  \"history\": [[-3, 0.1, 0.2, 0.5, "
                                           "0.04]]},\n"
                                           "\"converged\": true, \"reasons\": "
                                           "[\"one\", \"two\"],\n"
                                           "\"timing\": {\"setup_seconds\": 0.5, "
                                           "\"fit_seconds\": 1.5}, \"warnings\": []}\n";

static const char csv_text[] = "# model = m\n"
                               "# phasic_model_sha256 = " ZEROS "\n"
                               "# phasic_data_sha256 = " ONES "\n"
                               "#     num_samples = 3\n"
                               "lp__,stepsize__,b,a,r\n"
                               "-1,0.5,1.25,3,10\n"
                               "-2.5,0.5,1.5,3,20\n"
                               "-3,0.5,1e-3,3,30\n";

/* A folder with both files in it; *prefix is what ph_saved_read takes. */
static void write_fit(char *prefix, const char *json, const char *csv)
{
    ph_error error = {0};
    char path[256];
    strcpy(prefix, "/tmp/phasic-saved-XXXXXX");
    assert_non_null(mkdtemp(prefix));
    strcat(prefix, "/fit");
    snprintf(path, sizeof path, "%s.json", prefix);
    assert_int_equal(ph_file_write(path, json, strlen(json), 0, &error), 0);
    snprintf(path, sizeof path, "%s.csv", prefix);
    assert_int_equal(ph_file_write(path, csv, strlen(csv), 0, &error), 0);
}

static void remove_fit(char *prefix)
{
    static const char *const suffix[] = {".json", ".csv"};
    for (int i = 0; i < 2; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s%s", prefix, suffix[i]);
        unlink(path);
    }
    *strrchr(prefix, '/') = '\0';
    rmdir(prefix);
}

static void check_origin(const ph_saved *saved)
{
    assert_string_equal(saved->version, "9.8");
    assert_int_equal(saved->n_command, 2);
    assert_string_equal(saved->command[1], "fit");
    assert_true(saved->seed == 4294967295u);
    assert_null(saved->model_name);
    assert_string_equal(saved->model.path, "/a/m.json");
    assert_string_equal(saved->model.digest, ZEROS);
    assert_null(saved->data.path);
    assert_true(saved->observations == 2.5);
    assert_int_equal(saved->rows, 3);
    assert_int_equal(saved->distinct, 2);
    assert_int_equal(saved->n_settings, 4);
    const ph_saved_setting *set = ph_saved_setting_find(saved, "set");
    assert_int_equal(set->length, 2);
    assert_string_equal(set->text[1], "k=2");
    assert_null(ph_saved_setting_text(saved, "draws"));
    assert_null(ph_saved_setting_text(saved, "nothing"));
    assert_string_equal(ph_saved_setting_text(saved, "ess"), "2000");
    assert_string_equal(ph_saved_setting_text(saved, "force"), "1");
}

static void check_posterior(const ph_saved *saved)
{
    assert_int_equal(saved->n_parameters, 2);
    assert_int_equal(saved->length, 4);
    assert_string_equal(saved->row[0].name, "b");
    assert_true(saved->row[0].mean == 1.5 && saved->row[0].quantile[6] == 7);
    assert_true(!saved->row[0].fixed && saved->row[1].fixed);
    assert_true(isnan(saved->row[2].mean) && saved->row[2].not_finite == 7);
    assert_int_equal(saved->n_correlated, 2);
    assert_int_equal(saved->correlated[1], 3);
    assert_true(saved->correlation[2] == -0.5);
    assert_true(ph_saved_diagnostic(saved, "ess") == 812.5);
    assert_true(isnan(ph_saved_diagnostic(saved, "pareto_k")));
    assert_int_equal(saved->n_history, 1);
    assert_true(saved->history[3] == 0.5);
    assert_true(saved->history[4] == 0.04);
    assert_true(saved->converged && saved->n_reasons == 2 && saved->n_warnings == 0);
    assert_true(saved->seconds_fit == 1.5);
}

/* Columns are found by name, and those of a sampler passed over. */
static void check_draws(const ph_saved *saved)
{
    double theta[2];
    assert_int_equal(saved->draws, 3);
    assert_int_equal(saved->columns, 3);
    assert_true(saved->draw_log_p[1] == -2.5);
    assert_int_equal(ph_saved_column(saved, 3), 2);
    assert_int_equal(ph_saved_column(saved, 2), -1);
    assert_true(saved->draw[2 * 3] == 1e-3 && saved->draw[2 * 3 + 2] == 30);
    assert_int_equal(ph_saved_theta(saved, 1, theta, NULL), 0);
    assert_true(theta[0] == 1.5 && theta[1] == 3);
}

static void test_reads_all(void **state)
{
    (void)state;
    char prefix[256], name[264];
    write_fit(prefix, json_text, csv_text);
    snprintf(name, sizeof name, "%s.json", prefix);
    const char *names[] = {prefix, name};
    for (int i = 0; i < 2; i++) {
        ph_saved *saved = NULL;
        ph_error error = {0};
        assert_int_equal(ph_saved_read(&saved, names[i], &error), 0);
        assert_string_equal(saved->prefix, prefix);
        check_origin(saved);
        check_posterior(saved);
        check_draws(saved);
        assert_int_equal(
            ph_saved_check(saved, &saved->model, "model", "m", ZEROS, &error), 0);
        assert_int_equal(
            ph_saved_check(saved, &saved->model, "model", "m", ONES, &error),
            PH_E_DATA);
        ph_saved_free(saved);
    }
    remove_fit(prefix);
}

/* Rows of a history without the discrepancy, as the first versions wrote them. */
static void test_narrow_history(void **state)
{
    (void)state;
    static const char last[] = ", 0.04";
    char prefix[256], *json = strdup(json_text), *at = strstr(json, last);
    memmove(at, at + strlen(last), strlen(at + strlen(last)) + 1);
    write_fit(prefix, json, csv_text);
    ph_saved *saved = NULL;
    ph_error error = {0};
    assert_int_equal(ph_saved_read(&saved, prefix, &error), 0);
    assert_int_equal(saved->n_history, 1);
    assert_true(saved->history[0] == -3 && saved->history[3] == 0.5);
    assert_true(isnan(saved->history[4]));
    ph_saved_free(saved);
    remove_fit(prefix);
    free(json);
}

/* A text with the first `old` replaced. */
static char *replaced(const char *text, const char *old, const char *by)
{
    const char *at = strstr(text, old);
    assert_non_null(at);
    ph_buffer out = {0};
    ph_buffer_addf(&out, "%.*s%s%s", (int)(at - text), text, by, at + strlen(old));
    assert_false(out.failed);
    return out.text;
}

typedef struct refusal {
    int in_csv;
    const char *old, *by, *message;
    long line;
} refusal;

static void test_refusals(void **state)
{
    (void)state;
    static const refusal cases[] = {
        {0, "\"seed\": 4294967295", "\"seed\": 1.5", "expects a whole number", 1},
        {0, "\"observations\": 2.5", "\"observations\": \"2\"", "expects a number", 5},
        {0, "\"posterior\"", "\"prior\"", "this is no saved fit", 1},
        {0, "\"digest\": \"1", "\"digest\": \"x", "expects a SHA-256", 4},
        {0, "[\"b\", \"a\"]", "[\"a\", \"b\"]", "does not begin with", 3},
        {0, "[\"b\", \"r\"]", "[\"b\", \"z\"]", "expects a name of the posterior", 15},
        {0, "[-0.5, 1]]", "[-0.5]]", "expects a list of 2 numbers", 15},
        {0, "\"converged\": true", "\"converged\": 1", "expects true or false", 18},
        {0, "\"warnings\": []}", "\"warnings\": [", "", 20},
        {1, "lp__,", "lp,", "expects 'lp__' as the first column", 5},
        {1, "b,a,r", "b,a,s", "expects the quantities of", 5},
        {1, "b,a,r", "b,a,b", "once each", 5},
        {1, "1.25,3,10", "1.25,3,x", "expects a number in column 5", 6},
        {1, "1.25,3,10", "1.25,3", "expects 5 numbers", 6},
        {1, "-3,0.5,1e-3,3,30\n", "", "holds 2 draws where num_samples is 3", 0},
        {1, "_data_sha256 = 1", "_data_sha256 = 2", "do not belong to", 3},
        {1, "# phasic_data_sha256 = " ONES "\n", "", "was not written by phasic fit",
         0},
        {1, "b,a,r", "b,c__,r", "has no column 'a'", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const refusal *it = &cases[i];
        char prefix[256];
        char *text = replaced(it->in_csv ? csv_text : json_text, it->old, it->by);
        write_fit(prefix, it->in_csv ? json_text : text, it->in_csv ? text : csv_text);
        ph_saved *saved = NULL;
        ph_error error = {0};
        assert_int_equal(ph_saved_read(&saved, prefix, &error), PH_E_DATA);
        assert_null(saved);
        assert_int_equal(error.status, PH_E_DATA);
        if (!strstr(error.message, it->message) || error.line != it->line) {
            fail_msg("'%s' gave line %ld: %s", it->by, error.line, error.message);
        }
        assert_non_null(strstr(error.file, it->in_csv ? "fit.csv" : "fit.json"));
        remove_fit(prefix);
        free(text);
    }
}

static void test_missing(void **state)
{
    (void)state;
    ph_saved *saved = NULL;
    ph_error error = {0};
    assert_int_equal(ph_saved_read(&saved, "/nowhere/fit", &error), PH_E_INPUT);
    assert_string_equal(error.file, "/nowhere/fit.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_all),
        cmocka_unit_test(test_narrow_history),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_missing),
    };
    return ph_check_run(tests);
}
