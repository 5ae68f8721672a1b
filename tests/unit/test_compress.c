/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fitted.h"

#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/fit/stand_in.h"
#include "phasic/lik/compress.h"
#include "phasic/lik/lik.h"

/* Log-likelihood and gradient of a block at spread-out parameters. */
static void evaluate(const process *it, const ph_data *data, const double *theta,
                     double *value, double *gradient)
{
    ph_lik *lik = NULL;
    ph_lik_work *work = NULL;
    ph_error error = {0};
    assert_int_equal(ph_lik_new(&lik, it->plan, data, &error), 0);
    assert_int_equal(ph_lik_work_new(&work, lik), 0);
    assert_int_equal(ph_lik_block(lik, work, theta, value, gradient, &error), 0);
    ph_lik_work_free(work);
    ph_lik_free(lik);
}

static void compressed_data_have_the_same_likelihood(void **state)
{
    (void)state;
    enum { N = 20000, P = 3 };
    static double time[N];
    static int event[N];
    ph_rng rng;
    ph_rng_init(&rng, 6, PH_RNG_TEST, 0, 0);
    for (int i = 0; i < N; i++) {
        time[i] = -0.5 * log(ph_rng_uniform(&rng));
        event[i] = ph_rng_uniform(&rng) < 0.8;
    }
    process it = process_shipped("rabbits", "n", 4);
    ph_data *data = NULL, *packed = NULL;
    ph_error error = {0};
    _Alignas(64) double theta[P * PH_LANES], value[2][PH_LANES],
        gradient[2][P * PH_LANES];
    for (int i = 0; i < P * PH_LANES; i++) {
        theta[i] = exp(0.7 * ph_rng_normal(&rng));
    }
    assert_int_equal(ph_data_from_arrays(&data, N, time, event, NULL, &error), 0);
    assert_int_equal(ph_data_compress(&packed, data, 3, 12, &error), 0);
    assert_true(packed->n < 500);
    assert_close(packed->total_weight, data->total_weight, 1e-15);
    evaluate(&it, data, theta, value[0], gradient[0]);
    evaluate(&it, packed, theta, value[1], gradient[1]);
    for (int l = 0; l < PH_LANES; l++) {
        double size = 0;
        assert_close(value[1][l], value[0][l], 1e-12);
        for (int m = 0; m < P; m++) {
            size = fmax(size, fabs(gradient[0][m * PH_LANES + l]));
        }
        for (int m = 0; m < P; m++) {
            assert_near(gradient[1][m * PH_LANES + l], gradient[0][m * PH_LANES + l],
                        1e-10 * size);
        }
    }
    ph_data_free(packed);
    ph_data_free(data);
    process_free(&it);
}

/*
 * Entries of 0, none at all, and some of their own: what they condition on is kept. The
 * exponential's log-likelihood is n log r - r sum (t - entry).
 */
static void truncated_data_are_compressed(void **state)
{
    (void)state;
    enum { N = 6000 };
    static ph_observation list[N];
    ph_rng rng;
    ph_rng_init(&rng, 7, PH_RNG_TEST, 0, 0);
    double sum = 0, ends = 0;
    for (int i = 0; i < N; i++) {
        double entry = i % 3 == 0   ? PH_NO_ENTRY
                       : i % 3 == 1 ? 0
                                    : -log(ph_rng_uniform(&rng));
        double span = -log(ph_rng_uniform(&rng)), from = fmax(entry, 0);
        list[i] = (ph_observation){i % 5 ? PH_OBSERVED : PH_RIGHT_CENSORED,
                                   0,
                                   from + span,
                                   0,
                                   entry,
                                   1 + i % 2};
        sum += span * list[i].weight;
        ends += i % 5 ? list[i].weight : 0;
    }
    process it = process_shipped("erlang", "stages", 1);
    ph_data *data = NULL, *packed = NULL;
    ph_error error = {0};
    _Alignas(64) double theta[PH_LANES], value[PH_LANES], gradient[PH_LANES];
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = 0.3 + 0.2 * l;
    }
    assert_int_equal(ph_data_from_observations(&data, N, list, &error), 0);
    assert_int_equal(ph_data_compress(&packed, data, 3, 12, &error), 0);
    assert_true(packed->n < 600);
    evaluate(&it, packed, theta, value, gradient);
    for (int l = 0; l < PH_LANES; l++) {
        assert_close(value[l], ends * log(theta[l]) - theta[l] * sum, 1e-11);
        assert_near(gradient[l], ends / theta[l] - sum, 1e-9 * sum);
    }
    ph_data_free(packed);
    ph_data_free(data);
    process_free(&it);
}

/* Weights add up to what there was, kind by kind; few rows stay as they are. */
static void small_data_are_left_alone(void **state)
{
    (void)state;
    const double time[] = {0, 0.5, 1, 2, 40}, weight[] = {1, 2, 3, 4, 0.5};
    const int event[] = {0, 1, 0, 1, 1};
    ph_data *data = NULL, *packed = NULL;
    assert_int_equal(ph_data_from_arrays(&data, 5, time, event, weight, NULL), 0);
    assert_int_equal(ph_data_compress(&packed, data, 3, 12, NULL), 0);
    assert_int_equal(packed->n, data->n);
    for (size_t i = 0; i < data->n; i++) {
        assert_int_equal(packed->observation[i].kind, data->observation[i].kind);
        assert_true(packed->observation[i].time == data->observation[i].time);
        assert_true(packed->observation[i].weight == data->observation[i].weight);
    }
    ph_data_free(packed);
    ph_data_free(data);
}

/* Rows of two totals are the data's own, whichever is freed first. */
static void rows_stay_behind(void **state)
{
    (void)state;
    static const char *const rewards[] = {"cost"};
    const ph_data_options options = {.rewards = rewards, .n_rewards = 1};
    ph_buffer text = {0};
    ph_data *data = NULL, *packed = NULL;
    ph_error error = {0};
    ph_buffer_add(&text, "time,cost\n");
    for (int i = 1; i <= 500; i++) {
        ph_buffer_addf(&text, "%d,%d\n", i, 1000 - i);
    }
    assert_int_equal(
        ph_data_parse(&data, "d.csv", text.text, text.length, &options, &error), 0);
    assert_int_equal(ph_data_compress(&packed, data, 3, 12, &error), 0);
    assert_int_equal(data->n_distinct, 500);
    assert_int_equal(packed->n_distinct, 0);
    assert_true(packed->n < 300);
    ph_data_free(packed);
    for (size_t i = 0; i < data->n_distinct; i++) {
        const ph_observation *it = data->observation;
        const uint32_t *member = data->row_member + data->row_first[i];
        assert_int_equal(data->row_first[i + 1] - data->row_first[i], 2);
        assert_true(it[member[0]].time + it[member[1]].time == 1000);
    }
    ph_data_free(data);
    ph_buffer_free(&text);
}

/*
 * A million times of 1 at rate 1 + x / 1000 with a normal prior of x: log p is -1e6 and
 * has its maximum at 0 with curvature 2, of which each half is the data's.
 */
static void normal_init(fitted *self, double mean, double sd, double time)
{
    enum { N = 1000000 };
    static double list[N];
    char json[512];
    for (int i = 0; i < N; i++) {
        list[i] = time;
    }
    snprintf(json, sizeof json,
             "{\"phasic\": 1, \"name\": \"one\", \"parameters\": {\"x\": {\"support\": "
             "\"real\", \"prior\": {\"normal\": {\"mean\": %.17g, \"sd\": %.17g}}}}, "
             "\"matrix\": {\"initial\": [1], \"rates\": [[0, \"1 + x / 1000\"]]}}",
             mean, sd);
    fitted_init(self, process_text(json), N, list, NULL);
}

/* What log densities alone cannot tell, scores do. */
static void maxima_are_compared(void **state)
{
    (void)state;
    static const struct {
        double mean, sd, time;
        int density, maximum; /* what agrees */
    } table[] = {
        {0, 1, 1, 1, 1},         {1e-8, 1, 1, 1, 0}, /* moves by 5e-9 */
        {1e-10, 1, 1, 1, 1},                         /* by 5e-11 */
        {0, 1 + 1e-6, 1, 1, 0},  /* the variance grows by 1e-6 of it */
        {0, 1 + 1e-9, 1, 1, 1},  /* by 1e-9 */
        {0, 1, 1 + 5e-12, 1, 0}, /* moves by 2.5e-9 */
        {0, 1, 1 + 5e-11, 0, 0}, /* log p changes by 5e-5 */
    };
    double z[1] = {0}, hessian[1] = {2}, covariance[1] = {0.5}, direction[1] = {1};
    ph_maximum at = {.z = z,
                     .hessian = hessian,
                     .covariance = covariance,
                     .direction = direction,
                     .fault = PH_MAXIMUM_FINE};
    fitted all;
    normal_init(&all, 0, 1, 1);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        fitted other;
        int density = -1, maximum = -1;
        normal_init(&other, table[i].mean, table[i].sd, table[i].time);
        ph_stand_in stand_in = {.posterior = other.posterior};
        assert_int_equal(ph_stand_in_check(&stand_in, all.posterior, 1, z, &density),
                         0);
        assert_int_equal(
            ph_stand_in_check_maximum(&stand_in, all.posterior, &at, &maximum), 0);
        assert_int_equal(density, table[i].density);
        assert_int_equal(maximum, table[i].maximum);
        at.fault = PH_MAXIMUM_FLAT; /* no covariance to go by */
        covariance[0] = NAN;
        assert_int_equal(
            ph_stand_in_check_maximum(&stand_in, all.posterior, &at, &maximum), 0);
        assert_int_equal(maximum, table[i].density);
        at.fault = PH_MAXIMUM_FINE;
        covariance[0] = 0.5;
        fitted_free(&other);
    }
    fitted_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compressed_data_have_the_same_likelihood),
        cmocka_unit_test(truncated_data_are_compressed),
        cmocka_unit_test(small_data_are_left_alone),
        cmocka_unit_test(rows_stay_behind),
        cmocka_unit_test(maxima_are_compared),
    };
    return ph_check_run(tests);
}
