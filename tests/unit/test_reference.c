/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tests/reference/values.json (50-digit arithmetic, independent of this project)
 * through the library: every density, log-density, derivative, distribution function
 * and mean, by both engines.
 */
#include "process.h"

#include <cjson/cJSON.h>

#include "phasic/base/file.h"
#include "phasic/base/memory.h"
#include "phasic/dist/points.h"
#include "phasic/trace/trace.h"

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static void set_theta(const process *it, const cJSON *entry, double *theta)
{
    const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(entry, "parameters");
    assert_int_equal(cJSON_GetArraySize(parameters), it->model->n_parameters);
    for (size_t m = 0; m < it->model->n_parameters; m++) {
        theta[m] = number(parameters, it->model->parameters[m].name);
    }
}

/*
 * |a - e| <= relative * largest |e| of the vector, and component by component 10 times,
 * or within `absolute`.
 */
static void check_gradient(const process *it, const double *actual,
                           const cJSON *expected, double scale, double relative,
                           double absolute)
{
    double largest = 0;
    for (size_t m = 0; m < it->model->n_parameters; m++) {
        double e = number(expected, it->model->parameters[m].name);
        largest = fmax(largest, fabs(e));
    }
    for (size_t m = 0; m < it->model->n_parameters; m++) {
        double e = number(expected, it->model->parameters[m].name);
        assert_near(scale * actual[m], e, relative * largest + absolute);
        assert_near(scale * actual[m], e, 10 * relative * fabs(e) + absolute);
    }
}

static void check_time(const process *it, ph_engine engine, const double *theta,
                       const cJSON *at)
{
    double t = number(at, "t"), f, s, c, df[4], ds[4], dc[4];
    char text[1024];
    ph_error error = {0};
    if (ph_points(it->plan, engine, theta, 1, &t, &f, &s, df, ds, &error) != PH_OK) {
        fail_msg("%s", ph_error_text(&error, text, sizeof text));
    }
    assert_close(exp(f), number(at, "pdf"), 1e-12);
    assert_close(f, number(at, "log_pdf"), 1e-12);
    if (ph_points_log(it->plan, engine, PH_LOG_CDF, theta, 1, &t, &c, dc, &error) !=
        PH_OK) {
        fail_msg("%s", ph_error_text(&error, text, sizeof text));
    }
    assert_close(exp(c), number(at, "cdf"), 1e-12);
    assert_near(1 - exp(s), number(at, "cdf"), 1e-15);
    check_gradient(it, dc, cJSON_GetObjectItemCaseSensitive(at, "dcdf"), exp(c), 1e-11,
                   0);
    check_gradient(it, df, cJSON_GetObjectItemCaseSensitive(at, "dlogpdf"), 1, 1e-11,
                   0);
    /* survival near 1 is known to 1e-16, and so is its derivative */
    check_gradient(it, ds, cJSON_GetObjectItemCaseSensitive(at, "dcdf"), -exp(s), 1e-11,
                   1e-14);
}

static void check_mean(const process *it, const double *theta, const cJSON *entry)
{
    const ph_pool *pool = it->graph->pool;
    size_t nodes = ph_pool_length(pool), p = ph_pool_parameters(pool);
    ph_trace *trace = NULL;
    assert_int_equal(ph_trace_record(&trace, it->graph, NULL, NULL), 0);
    double *work = ph_alloc(ph_trace_work(trace), sizeof *work);
    double *u = ph_alloc(2 * nodes + p, sizeof *u), *u_bar = u + nodes, mean;
    double *theta_bar = u_bar + nodes;
    ph_pool_eval_plain(pool, theta, u);
    ph_trace_mean_plain(trace, u, work, &mean, u_bar);
    ph_pool_adjoint_plain(pool, u, u_bar, theta_bar);
    const cJSON *moments = cJSON_GetObjectItemCaseSensitive(entry, "moments");
    assert_close(mean, cJSON_GetArrayItem(moments, 0)->valuedouble, 1e-14);
    const cJSON *gradient = cJSON_GetObjectItemCaseSensitive(entry, "dmoments");
    for (size_t m = 0; m < p; m++) {
        const cJSON *row =
            cJSON_GetObjectItemCaseSensitive(gradient, it->model->parameters[m].name);
        assert_close(theta_bar[m], cJSON_GetArrayItem(row, 0)->valuedouble, 1e-12);
    }
    free(work);
    free(u);
    ph_trace_free(trace);
}

static void reference_values_hold(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t length;
    int models = 0, times = 0;
    assert_int_equal(ph_file_read(PH_SOURCE_DIR "/tests/reference/values.json", &bytes,
                                  &length, NULL),
                     0);
    cJSON *root = cJSON_Parse(bytes), *entry, *at;
    assert_non_null(root);
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(root, "values"))
    {
        const char *name =
            cJSON_GetObjectItemCaseSensitive(entry, "model")->valuestring;
        process it = process_reference(name);
        double theta[4];
        set_theta(&it, entry, theta);
        assert_int_equal(it.graph->n, (size_t)number(entry, "transient_states"));
        assert_int_equal(it.graph->n_edges, (size_t)number(entry, "edges"));
        cJSON_ArrayForEach(at, cJSON_GetObjectItemCaseSensitive(entry, "at"))
        {
            check_time(&it, PH_ENGINE_LANES, theta, at);
            check_time(&it, PH_ENGINE_PLAIN, theta, at);
            times++;
        }
        check_mean(&it, theta, entry);
        process_free(&it);
        models++;
    }
    assert_int_equal(models, 10);
    assert_true(times >= 35);
    cJSON_Delete(root);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference_values_hold)};
    return ph_check_run(tests);
}
