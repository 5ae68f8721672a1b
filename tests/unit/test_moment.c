/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moments against tests/reference/values.json (50-digit arithmetic, independent of this
 * project), lanes against plain, both against quadruple precision, gradients against
 * Richardson differences of values.
 */
#include "moment_case.h"

#include <cjson/cJSON.h>

#include "phasic/base/file.h"
#include "phasic/base/rng.h"

/* The amounts that the reference's rewards have in each state. */
static double reference_amount(const process *it, const char *name, size_t i)
{
    const int32_t *key = it->graph->keys + i * it->graph->n_entries;
    if (strcmp(name, "left") == 0 || strcmp(name, "total_length") == 0 ||
        strcmp(name, "queue") == 0) {
        return key[0];
    }
    if (strcmp(name, "right") == 0) {
        return key[1];
    }
    if (strcmp(name, "b_time") == 0) {
        return i == 1;
    }
    if (strcmp(name, "down") == 0) {
        return i > 0;
    }
    fail_msg("no amounts for %s", name);
    return 0;
}

typedef struct reference_case {
    ph_trace *trace;
    ph_moments *moments;
    ph_moments_value *value;
    size_t rewards, p;
    const char *name[3];
} reference_case;

static reference_case new_case(const process *it, const cJSON *entry, size_t lanes)
{
    reference_case self = {
        .rewards = 1, .p = it->model->n_parameters, .name = {"time"}};
    size_t n = it->graph->n;
    const cJSON *reward;
    double *amount = ph_alloc(3 * n, sizeof *amount);
    for (size_t i = 0; i < n; i++) {
        amount[i] = 1;
    }
    cJSON_ArrayForEach(reward,
                       cJSON_GetObjectItemCaseSensitive(entry, "reward_moments"))
    {
        self.name[self.rewards] = reward->string;
        for (size_t i = 0; i < n; i++) {
            amount[self.rewards * n + i] = reference_amount(it, reward->string, i);
        }
        self.rewards++;
    }
    assert_int_equal(ph_trace_record(&self.trace, it->graph, NULL, NULL), 0);
    assert_int_equal(
        ph_moments_new(&self.moments, it->graph, self.trace, self.rewards, amount, 4),
        0);
    free(amount);
    assert_int_equal(ph_moments_value_new(&self.value, self.moments, lanes, 3), 0);
    cJSON *parameters = cJSON_GetObjectItemCaseSensitive(entry, "parameters");
    for (size_t m = 0; m < self.p; m++) {
        const cJSON *x =
            cJSON_GetObjectItemCaseSensitive(parameters, it->model->parameters[m].name);
        for (size_t l = 0; l < lanes; l++) {
            self.value->theta[m * lanes + l] = x->valuedouble;
        }
    }
    assert_int_equal(ph_moments_eval(self.moments, self.value), 0);
    return self;
}

static void free_case(reference_case *self)
{
    ph_moments_value_free(self->value);
    ph_moments_free(self->moments);
    ph_trace_free(self->trace);
}

static void check_raw(const process *it, const reference_case *self, const cJSON *entry)
{
    size_t lanes = self->value->lanes;
    const double *raw = self->value->raw + (lanes - 1);
    cJSON *moments = cJSON_GetObjectItemCaseSensitive(entry, "moments");
    for (int r = 0; r < 4; r++) {
        assert_close(raw[(size_t)r * lanes],
                     cJSON_GetArrayItem(moments, r)->valuedouble, 1e-13);
    }
    cJSON *all = cJSON_GetObjectItemCaseSensitive(entry, "reward_moments");
    for (size_t a = 1; a < self->rewards; a++) {
        cJSON *row = cJSON_GetObjectItemCaseSensitive(all, self->name[a]);
        for (int r = 0; r < cJSON_GetArraySize(row); r++) {
            assert_close(raw[(a * 4 + (size_t)r) * lanes],
                         cJSON_GetArrayItem(row, r)->valuedouble, 1e-13);
        }
    }
    cJSON *slopes = cJSON_GetObjectItemCaseSensitive(entry, "dmoments");
    for (size_t m = 0; m < self->p; m++) {
        cJSON *row =
            cJSON_GetObjectItemCaseSensitive(slopes, it->model->parameters[m].name);
        for (int r = 0; r < cJSON_GetArraySize(row); r++) {
            assert_close(
                self->value->d_raw[((size_t)r * self->p + m) * lanes + lanes - 1],
                cJSON_GetArrayItem(row, r)->valuedouble, 1e-11);
        }
    }
}

static void check_covariance(const reference_case *self, const cJSON *entry)
{
    const cJSON *item;
    int found = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(entry, "covariance"))
    {
        for (size_t a = 1; a < self->rewards; a++) {
            for (size_t b = 1; b < self->rewards; b++) {
                char key[128];
                snprintf(key, sizeof key, "%s,%s", self->name[a], self->name[b]);
                if (strcmp(key, item->string) == 0) {
                    size_t lanes = self->value->lanes;
                    assert_close(
                        self->value->covariance[(a * self->rewards + b) * lanes],
                        item->valuedouble, 1e-12);
                    found++;
                }
            }
        }
    }
    assert_int_equal(found, cJSON_GetArraySize(
                                cJSON_GetObjectItemCaseSensitive(entry, "covariance")));
}

static void reference_values_hold(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t length;
    assert_int_equal(ph_file_read(PH_SOURCE_DIR "/tests/reference/values.json", &bytes,
                                  &length, NULL),
                     0);
    cJSON *root = cJSON_Parse(bytes), *entry;
    int models = 0;
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(root, "values"))
    {
        process it = process_reference(
            cJSON_GetObjectItemCaseSensitive(entry, "model")->valuestring);
        for (int block = 0; block < 2; block++) {
            reference_case self = new_case(&it, entry, block ? PH_LANES : 1);
            check_raw(&it, &self, entry);
            check_covariance(&self, entry);
            free_case(&self);
        }
        process_free(&it);
        models++;
    }
    assert_int_equal(models, 10);
    cJSON_Delete(root);
    free(bytes);
}

/* ---- gradients against differences, lanes against plain ---- */

static const char mixed[] =
    "{\"phasic\": 1, \"parameters\": {\"a\": {}, \"b\": {}, \"p\": {\"support\":"
    " \"unit\"}}, \"graph\": {\"vertices\": [[0],[1],[2],[3]], \"initial\":"
    " [[0, \"p\"], [2, \"1 - p\"]], \"edges\": "
    "[[0,1,\"a\"],[1,0,\"2*b\"],[1,2,\"a+b\"],"
    "[2,3,\"exp(-b)\"],[3,1,0.25],[2,-1,\"a*b\"],[3,-1,\"b\"]]},"
    " \"rewards\": {\"one\": [1,0,2,0], \"two\": [0,3,0.5,0]}}";

static const char steps[] =
    "{\"phasic\": 1, \"time\": \"discrete\", \"parameters\": {\"a\": {\"support\":"
    " \"unit\"}, \"b\": {\"support\": \"unit\"}, \"p\": {\"support\": \"unit\"}},"
    " \"graph\": {\"vertices\": [[0],[1],[2]], \"initial\": [[0,\"p\"],[1,\"1 - p\"]],"
    " \"edges\": [[0,1,\"a\"],[1,0,\"b/2\"],[1,2,\"0.2*a\"],[2,0,\"a*b\"],[2,-1,0.3],"
    "[0,-1,0.05]]}, \"rewards\": {\"one\": [1,0,2], \"two\": [0,3,0.5]}}";

/* Every number that has a gradient, in one order: raw moments, then covariances. */
static size_t list(const moment_case *self, double *to)
{
    size_t n = 0, g = self->value->gradient ? self->value->gradient : self->order;
    for (size_t a = 0; a < self->rewards; a++) {
        for (size_t r = 1; r <= g; r++) {
            to[n++] = raw(self, a, r);
        }
    }
    for (size_t k = 0; k < self->rewards * self->rewards; k++) {
        to[n++] = self->value->covariance[k];
    }
    return n;
}

static void differences(const char *text, const double *theta)
{
    enum { K = 4, MOST = 64 };
    moment_case self = moment_case_new(process_text(text), K, K);
    double analytic[3][MOST], value[4][MOST];
    size_t n = 0;
    moment_case_eval(&self, theta);
    for (size_t m = 0; m < self.p; m++) {
        n = 0;
        for (size_t a = 0; a < self.rewards; a++) {
            for (size_t r = 1; r <= K; r++) {
                analytic[m][n++] = d_raw(&self, a, r, m);
            }
        }
        for (size_t k = 0; k < self.rewards * self.rewards; k++) {
            analytic[m][n++] = self.value->d_covariance[k * self.p + m];
        }
    }
    for (size_t m = 0; m < self.p; m++) {
        double x[3] = {theta[0], theta[1], theta[2]}, h = 2e-3 * theta[m];
        for (int k = 0; k < 4; k++) { /* -2h, -h, h, 2h: error h^4 */
            x[m] = theta[m] + h * (double[]){-2, -1, 1, 2}[k];
            moment_case_eval(&self, x);
            list(&self, value[k]);
        }
        for (size_t k = 0; k < n; k++) {
            double slope =
                (value[0][k] - value[3][k] + 8 * (value[2][k] - value[1][k])) /
                (12 * h);
            double size = fabs(value[1][k]) / theta[m];
            assert_near(analytic[m][k], slope, 1e-8 * (fabs(slope) + size));
        }
    }
    moment_case_free(&self);
}

static void gradients_are_differences(void **state)
{
    (void)state;
    differences(mixed, (double[]){1.3, 0.7, 0.4});
    differences(steps, (double[]){0.6, 0.5, 0.3});
}

/*
 * The same process twice, once with rewards whose covariance is 0 (two states in a row
 * that are visited once, or a step that is made once): the digits it loses make the
 * second one a replay in quadruple precision, with its own reverse differentiation.
 */
static void replayed(const char *begin, const char *without, const char *with,
                     const double *theta)
{
    enum { K = 3 };
    char json[2048];
    snprintf(json, sizeof json, "%s%s", begin, without);
    moment_case quick = moment_case_new(process_text(json), K, K);
    snprintf(json, sizeof json, "%s%s", begin, with);
    moment_case slow = moment_case_new(process_text(json), K, K);
    moment_case_eval(&quick, theta);
    moment_case_eval(&slow, theta);
    assert_int_equal(quick.value->replays, 0);
    assert_int_equal(slow.value->replays, 1);
    for (size_t a = 0; a < quick.rewards; a++) {
        for (size_t r = 1; r <= K; r++) {
            assert_close(raw(&slow, a, r), raw(&quick, a, r), 1e-14);
            for (size_t m = 0; m < quick.p; m++) {
                assert_near(d_raw(&slow, a, r, m), d_raw(&quick, a, r, m),
                            1e-13 * raw(&quick, a, r) / theta[m]);
            }
        }
        assert_close(slow.value->skewness[a], quick.value->skewness[a], 1e-12);
        for (size_t b = 0; b < quick.rewards; b++) {
            assert_close(cov(&slow, a, b), cov(&quick, a, b), 1e-13);
            double size =
                fabs(cov(&quick, a, b)) + raw(&quick, a, 1) * raw(&quick, b, 1);
            for (size_t m = 0; m < quick.p; m++) {
                assert_near(d_cov(&slow, a, b, m), d_cov(&quick, a, b, m),
                            1e-13 * size / theta[m]);
            }
        }
    }
    moment_case_free(&quick);
    moment_case_free(&slow);
}

static void replays_equal_the_quick_formula(void **state)
{
    (void)state;
    replayed("{\"phasic\": 1, \"parameters\": {\"a\": {}, \"b\": {}}, \"graph\": {"
             "\"vertices\": [[0],[1],[2],[3],[4]], \"initial\": [[3,1]], \"edges\": ["
             "[3,4,\"a\"],[4,0,\"a*b\"],[0,1,\"a\"],[1,0,\"2*b\"],[1,2,\"a+b\"],"
             "[2,0,\"exp(-b)\"],[2,-1,\"a*b\"],[0,-1,0.25]]}, \"rewards\": {",
             "\"one\": [1,0,2,0,1], \"two\": [0,3,0.5,1,0]}}",
             "\"one\": [1,0,2,0,1], \"two\": [0,3,0.5,1,0],"
             " \"s\": [0,0,0,1,0], \"t\": [0,0,0,0,1]}}",
             (double[]){1.3, 0.7});
    replayed("{\"phasic\": 1, \"time\": \"discrete\", \"parameters\": {\"a\": {"
             "\"support\": \"unit\"}, \"b\": {\"support\": \"unit\"}}, \"graph\": {"
             "\"vertices\": [[0],[1],[2],[3]], \"initial\": [[3,1]], \"edges\": ["
             "[3,0,1],[0,1,\"a\"],[1,0,\"b/2\"],[1,2,\"0.2*a\"],[2,0,\"a*b\"],"
             "[2,-1,0.3],[0,-1,0.05]]}, \"rewards\": {",
             "\"one\": [1,0,2,0], \"two\": [0,3,0.5,1]}}",
             "\"one\": [1,0,2,0], \"two\": [0,3,0.5,1], \"s\": [0,0,0,1]}}",
             (double[]){0.6, 0.5});
}

static void compare(const double *lanes, const double *plain, size_t length, size_t l,
                    double relative)
{
    double size = 0;
    for (size_t k = 0; k < length; k++) {
        size = fmax(size, fabs(plain[k]));
    }
    for (size_t k = 0; k < length; k++) {
        assert_near(lanes[k * PH_LANES + l], plain[k],
                    relative * (fabs(plain[k]) + 0.1 * size));
    }
}

static void lanes_equal_plain(void **state)
{
    (void)state;
    const char *const text[] = {mixed, steps};
    for (int k = 0; k < 2; k++) {
        moment_case self = moment_case_new(process_text(text[k]), 4, 2);
        ph_moments_value *block = NULL;
        ph_rng rng;
        ph_rng_init(&rng, 11, PH_RNG_TEST, 0, 0);
        assert_int_equal(ph_moments_value_new(&block, self.moments, PH_LANES, 2), 0);
        for (size_t i = 0; i < self.p * PH_LANES; i++) {
            block->theta[i] = 1 / (1 + exp(ph_rng_normal(&rng)));
        }
        block->theta[5] = -1; /* parameter 0 in lane 5: outside the model */
        assert_int_equal(ph_moments_eval(self.moments, block), 0);
        assert_int_equal(block->valid, 0xFF & ~(1u << 5));
        assert_true(isnan(block->raw[5]) && isnan(block->d_covariance[5]));
        for (size_t l = 0; l < PH_LANES; l++) {
            double theta[3];
            for (size_t m = 0; m < self.p; m++) {
                theta[m] = block->theta[m * PH_LANES + l];
            }
            if (l == 5) {
                continue;
            }
            moment_case_eval(&self, theta);
            size_t pairs = self.rewards * self.rewards;
            compare(block->raw, self.value->raw, self.rewards * 4, l, 1e-14);
            compare(block->covariance, self.value->covariance, pairs, l, 1e-12);
            compare(block->skewness, self.value->skewness, self.rewards, l, 1e-11);
            compare(block->kurtosis, self.value->kurtosis, self.rewards, l, 1e-11);
            compare(block->d_raw, self.value->d_raw, self.rewards * 2 * self.p, l,
                    1e-12);
            compare(block->d_covariance, self.value->d_covariance, pairs * self.p, l,
                    1e-11);
        }
        assert_int_equal(block->evaluations, 7);
        ph_moments_value_free(block);
        moment_case_free(&self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_values_hold),
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(replays_equal_the_quick_formula),
        cmocka_unit_test(lanes_equal_plain),
    };
    return ph_check_run(tests);
}
