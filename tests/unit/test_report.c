/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The report: weighted summaries against closed forms, the JSON writer against what
 * cJSON reads back, tables, and the layout of the draws file.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "check.h"
#include "phasic/base/memory.h"
#include "phasic/report/json.h"
#include "phasic/report/summary.h"
#include "phasic/report/table.h"

/* A fit of two parameters (the second fixed) and one derived quantity. */
typedef struct fixture {
    ph_parameter parameter[2];
    ph_derived derived[1];
    ph_model model;
    ph_data data;
    ph_svgd_result svgd;
    ph_fit fit;
    ph_provenance provenance;
} fixture;

static void fixture_init(fixture *f, size_t n, double *sample, double *weight)
{
    memset(f, 0, sizeof *f);
    f->parameter[0].name = (char *)"rate";
    f->parameter[1].name = (char *)"size";
    f->parameter[1].is_fixed = 1;
    f->derived[0].name = (char *)"double_rate";
    f->model.file = (char *)"dir/my model.json";
    f->model.name = (char *)"a = b";
    f->model.n_parameters = 2;
    f->model.parameters = f->parameter;
    f->model.n_derived = 1;
    f->model.derived = f->derived;
    f->data.file = (char *)"data.csv";
    f->data.total_weight = 7;
    f->data.rows = 5;
    f->data.n = 4;
    f->svgd.converged = 1;
    f->svgd.particles = 8;
    strcpy(f->svgd.reasons, "the first; the second");
    f->svgd.diagnostics.ess = 400;
    f->fit = (ph_fit){.p = 2,
                      .n_derived = 1,
                      .columns = 3,
                      .n = n,
                      .sample = sample,
                      .weight = weight,
                      .svgd = &f->svgd};
    static const char *const argv[] = {"phasic", "fit", "odd \"\\\n\xff name"};
    f->provenance = (ph_provenance){.version = "9.8.7",
                                    .argc = 3,
                                    .argv = argv,
                                    .seed = 4294967295u,
                                    .model = &f->model,
                                    .data = &f->data};
}

/* Rows (x, 2.5, -2x): the derived column mirrors the first. */
static double *mirror_sample(size_t n, double (*value)(size_t, size_t))
{
    double *sample = ph_alloc(3 * n, sizeof *sample);
    assert_non_null(sample);
    for (size_t i = 0; i < n; i++) {
        double x = value(i, n);
        sample[3 * i] = x;
        sample[3 * i + 1] = 2.5;
        sample[3 * i + 2] = -2 * x;
    }
    return sample;
}

static double *equal_weights(size_t n)
{
    double *weight = ph_alloc(n, sizeof *weight);
    assert_non_null(weight);
    for (size_t i = 0; i < n; i++) {
        weight[i] = 1.0 / (double)n;
    }
    return weight;
}

/* The uniform law on [0, 1] at the midpoints of n cells, in scrambled order. */
static double uniform_value(size_t i, size_t n)
{
    return ((double)(i * 7919 % n) + 0.5) / (double)n;
}

/*
 * n equidistant points of a uniform law: mean 1/2, variance (1 - 1/n^2)/12, and with
 * Hazen's definition every quantile is exactly its level.
 */
static void test_uniform(void **state)
{
    (void)state;
    size_t n = 1000;
    fixture f;
    ph_summary *summary = NULL;
    double *sample = mirror_sample(n, uniform_value), *weight = equal_weights(n);
    fixture_init(&f, n, sample, weight);
    assert_int_equal(ph_summary_new(&summary, &f.fit, &f.model), 0);
    double sd = sqrt((1 - 1.0 / ((double)n * (double)n)) / 12);
    const ph_summary_row *row = &summary->row[0];
    assert_string_equal(row->name, "rate");
    assert_close(row->mean, 0.5, 1e-13);
    assert_close(row->sd, sd, 1e-13);
    assert_close(row->mcse, sd / 20, 1e-13);
    for (int q = 0; q < PH_QUANTILES; q++) {
        assert_near(row->quantile[q], ph_quantile_level[q], 1e-12);
        double mirrored = -2 * (1 - ph_quantile_level[q]);
        assert_near(summary->row[2].quantile[q], mirrored, 1e-12);
    }
    assert_int_equal(summary->row[1].fixed, 1);
    assert_true(summary->row[1].mean == 2.5);
    assert_true(summary->row[1].sd == 0 && summary->row[1].mcse == 0);
    assert_int_equal(summary->n_correlated, 2);
    assert_int_equal(summary->correlated[1], 2);
    assert_close(summary->correlation[1], -1.0, 1e-12);
    assert_true(summary->correlation[0] == 1 && summary->correlation[3] == 1);
    ph_summary_free(summary);
    free(sample);
    free(weight);
}

static double square_value(size_t i, size_t n)
{
    (void)n;
    return (double)(i * i);
}

/* Points 0, 1, 4, 9 with weights .1 .2 .3 .4: mean 5, E x^2 = .2 + 4.8 + 32.4 = 37.4.
 */
static void test_weights(void **state)
{
    (void)state;
    double weight[] = {0.1, 0.2, 0.3, 0.4};
    double *sample = mirror_sample(4, square_value);
    fixture f;
    ph_summary *summary = NULL;
    fixture_init(&f, 4, sample, weight);
    assert_int_equal(ph_summary_new(&summary, &f.fit, &f.model), 0);
    const ph_summary_row *row = &summary->row[0];
    assert_close(row->mean, 5, 1e-14);
    assert_close(row->sd, sqrt(37.4 - 25), 1e-14);
    /* Midpoints of the steps at .05 .2 .45 .8; the median lies 1/7 of the way from 4
     * to 9. */
    assert_close(row->quantile[3], 4 + 5.0 / 7, 1e-13);
    assert_close(row->quantile[2], 1 + 3 * 0.2, 1e-13);
    assert_true(row->quantile[0] == 0 && row->quantile[6] == 9);
    ph_summary_free(summary);
    free(sample);
}

/* Slightly negative weights, as calibration makes them, must keep quantiles in order.
 */
static void test_negative_weights(void **state)
{
    (void)state;
    size_t n = 200;
    double *sample = mirror_sample(n, uniform_value), *weight = equal_weights(n);
    weight[3] = -weight[3];
    weight[100] = -weight[100];
    weight[7] += 4.0 / (double)n;
    fixture f;
    ph_summary *summary = NULL;
    fixture_init(&f, n, sample, weight);
    assert_int_equal(ph_summary_new(&summary, &f.fit, &f.model), 0);
    for (int q = 0; q + 1 < PH_QUANTILES; q++) {
        assert_true(summary->row[0].quantile[q] <= summary->row[0].quantile[q + 1]);
        assert_near(summary->row[0].quantile[q], ph_quantile_level[q], 0.03);
    }
    ph_summary_free(summary);
    free(sample);
    free(weight);
}

static void test_not_finite(void **state)
{
    (void)state;
    double *sample = mirror_sample(4, square_value),
           weight[] = {0.25, 0.25, 0.25, 0.25};
    sample[5] = NAN;
    fixture f;
    ph_summary *summary = NULL;
    fixture_init(&f, 4, sample, weight);
    assert_int_equal(ph_summary_new(&summary, &f.fit, &f.model), 0);
    assert_int_equal(summary->row[2].not_finite, 1);
    assert_true(isnan(summary->row[2].mean));
    assert_int_equal(summary->n_correlated, 1);
    ph_buffer out = {0};
    ph_report_json(&out, summary, &f.fit, &f.provenance);
    cJSON *root = cJSON_Parse(out.text);
    assert_non_null(root);
    const cJSON *row = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(root, "posterior"), "double_rate");
    assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(row, "mean")));
    cJSON_Delete(root);
    ph_buffer_free(&out);
    ph_summary_free(summary);
    free(sample);
}

static const cJSON *member(const cJSON *object, const char *a, const char *b)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, a);
    assert_non_null(item);
    return b ? cJSON_GetObjectItemCaseSensitive(item, b) : item;
}

static void test_report_json(void **state)
{
    (void)state;
    double *sample = mirror_sample(4, square_value), weight[] = {0.1, 0.2, 0.3, 0.4};
    fixture f;
    ph_summary *summary = NULL;
    ph_buffer out = {0};
    fixture_init(&f, 4, sample, weight);
    ph_setting_record setting = {"particles", "flag", "8"};
    f.provenance.settings = &setting;
    f.provenance.n_settings = 1;
    assert_int_equal(ph_summary_new(&summary, &f.fit, &f.model), 0);
    ph_report_json(&out, summary, &f.fit, &f.provenance);
    assert_false(out.failed);
    cJSON *root = cJSON_Parse(out.text);
    assert_non_null(root);
    assert_string_equal(member(root, "phasic", NULL)->valuestring, "9.8.7");
    const cJSON *command = member(root, "command", NULL);
    assert_string_equal(cJSON_GetArrayItem(command, 2)->valuestring,
                        "odd \"\\\n\xef\xbf\xbd name");
    assert_true(member(root, "seed", NULL)->valuedouble == 4294967295.0);
    assert_true(member(root, "data", "observations")->valuedouble == 7);
    assert_close(member(member(root, "posterior", "rate"), "mean", NULL)->valuedouble,
                 5, 1e-14);
    assert_close(
        member(member(root, "posterior", "rate"), "quantiles", "50%")->valuedouble,
        4 + 5.0 / 7, 1e-13);
    assert_int_equal(cJSON_GetArraySize(member(root, "correlation", "matrix")), 2);
    assert_true(cJSON_IsTrue(member(root, "converged", NULL)));
    const cJSON *reasons = member(root, "reasons", NULL);
    assert_int_equal(cJSON_GetArraySize(reasons), 2);
    assert_string_equal(cJSON_GetArrayItem(reasons, 1)->valuestring, "the second");
    assert_string_equal(
        member(member(root, "settings", "particles"), "source", NULL)->valuestring,
        "flag");
    cJSON_Delete(root);
    ph_buffer_free(&out);
    ph_summary_free(summary);
    free(sample);
}

/* The draws: header with num_samples equal to the rows, lp__ first, doubles that read
 * back, columns with a non-finite value left out, no times. */
static void test_report_csv(void **state)
{
    (void)state;
    double draw[] = {1, 2.5, 1.0 / 3, 0.1, 2.5, -INFINITY}, log_p[] = {-6.9, -1e-300};
    fixture f;
    ph_buffer out = {0};
    fixture_init(&f, 0, NULL, NULL);
    f.fit.draws = 2;
    f.fit.draw = draw;
    f.fit.draw_log_p = log_p;
    f.provenance.seconds_fit = 123.456;
    ph_report_csv(&out, &f.fit, &f.provenance);
    assert_false(out.failed);
    assert_non_null(strstr(out.text, "#     num_samples = 2\n"));
    assert_non_null(strstr(out.text, "# model = a___b\n"));
    assert_non_null(strstr(out.text, "# method = sample\n"));
    assert_null(strstr(out.text, "123"));
    assert_null(strstr(out.text, "true"));
    const char *rows = strstr(out.text, "lp__");
    assert_non_null(rows);
    assert_string_equal(rows, "lp__,rate,size\n-6.9,1,2.5\n-1e-300,0.1,2.5\n");
    ph_buffer_free(&out);
    draw[5] = -0.25;
    ph_report_csv(&out, &f.fit, &f.provenance);
    assert_non_null(strstr(out.text, "lp__,rate,size,double_rate\n"));
    const char *third = strstr(out.text, "2.5,");
    assert_non_null(third);
    assert_true(strtod(third + 4, NULL) == 1.0 / 3);
    ph_buffer_free(&out);
}

static void test_json_numbers(void **state)
{
    (void)state;
    double values[] = {0.1,  1.0 / 3, 1e-308,  5e-324, 1.7976931348623157e308,
                       -0.0, NAN,     INFINITY};
    ph_buffer out = {0};
    ph_json json;
    ph_json_init(&json, &out);
    ph_json_object(&json, NULL);
    ph_json_numbers(&json, "x", 8, values);
    ph_json_object(&json, "empty");
    ph_json_close(&json);
    ph_json_row(&json, "none");
    ph_json_close(&json);
    ph_json_close(&json);
    cJSON *root = cJSON_Parse(out.text);
    assert_non_null(root);
    const cJSON *x = member(root, "x", NULL);
    for (int i = 0; i < 6; i++) {
        assert_true(cJSON_GetArrayItem(x, i)->valuedouble == values[i]);
    }
    assert_true(cJSON_IsNull(cJSON_GetArrayItem(x, 6)));
    assert_true(cJSON_IsNull(cJSON_GetArrayItem(x, 7)));
    assert_null(strstr(out.text, "nan"));
    cJSON_Delete(root);
    ph_buffer_free(&out);
}

/* Bytes that are not UTF-8 (overlong, surrogate, beyond U+10FFFF, cut) are replaced. */
static void test_json_quote(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } table[] = {{"plain", "\"plain\""},
                 {"\xc3\xa9", "\"\xc3\xa9\""},
                 {"\xf0\x9f\x90\x87", "\"\xf0\x9f\x90\x87\""},
                 {"\xc0\x80", "\"\\ufffd\\ufffd\""},
                 {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
                 {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
                 {"\xe2\x82", "\"\\ufffd\\ufffd\""},
                 {"a\tb\x7f", "\"a\\u0009b\\u007f\""}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        ph_buffer out = {0};
        ph_json_quote(&out, table[i].in);
        assert_string_equal(out.text, table[i].out);
        ph_buffer_free(&out);
    }
}

static void test_table(void **state)
{
    (void)state;
    ph_table table = {0};
    ph_buffer out = {0};
    ph_table_head(&table, "name");
    ph_table_head(&table, "value");
    ph_table_text(&table, "a, \"b\"");
    ph_table_number(&table, 1.0 / 3);
    ph_table_text(&table, "c");
    ph_table_number(&table, -20);
    ph_table_write_text(&table, &out);
    assert_string_equal(out.text, "name        value\n"
                                  "a, \"b\"  0.3333333\n"
                                  "c             -20\n");
    ph_buffer_free(&out);
    ph_table_write_csv(&table, &out);
    const char *start = "name,value\n\"a, \"\"b\"\"\",";
    assert_int_equal(strncmp(out.text, start, strlen(start)), 0);
    assert_true(strtod(out.text + strlen(start), NULL) == 1.0 / 3);
    assert_non_null(strstr(out.text, "\nc,-20\n"));
    ph_buffer_free(&out);
    ph_table_free(&table);
}

/* What a terminal shows, not bytes: a joined accent takes no column, kanji take two. */
static void test_table_width(void **state)
{
    (void)state;
    static const char *const cell[] = {"naïve", "1", "e\u0301te", "2",
                                       "部品",  "3", "bad\xff",   "4"};
    ph_table table = {0};
    ph_buffer out = {0};
    ph_table_head(&table, "x");
    ph_table_head(&table, "y");
    for (size_t i = 0; i < sizeof cell / sizeof *cell; i++) {
        ph_table_text(&table, cell[i]);
    }
    ph_table_write_text(&table, &out);
    assert_string_equal(out.text, "x      y\n"
                                  "naïve  1\n"
                                  "e\u0301te    2\n"
                                  "部品   3\n"
                                  "bad\xff   4\n");
    ph_buffer_free(&out);
    ph_table_free(&table);
}

static void test_number_text(void **state)
{
    (void)state;
    char text[40];
    assert_string_equal(ph_number_text(1.846, 5, 1, text), "1.8460");
    assert_string_equal(ph_number_text(1.846, 5, 0, text), "1.846");
    assert_string_equal(ph_number_text(123456, 6, 1, text), "123456");
    assert_string_equal(ph_number_text(-INFINITY, 5, 0, text), "-inf");
    assert_string_equal(ph_number_text(NAN, 5, 0, text), "nan");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_uniform),
                                       cmocka_unit_test(test_weights),
                                       cmocka_unit_test(test_negative_weights),
                                       cmocka_unit_test(test_not_finite),
                                       cmocka_unit_test(test_report_json),
                                       cmocka_unit_test(test_report_csv),
                                       cmocka_unit_test(test_json_numbers),
                                       cmocka_unit_test(test_json_quote),
                                       cmocka_unit_test(test_table),
                                       cmocka_unit_test(test_table_width),
                                       cmocka_unit_test(test_number_text)};
    return ph_check_run(tests);
}
