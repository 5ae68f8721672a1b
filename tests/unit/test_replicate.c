/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replicated data: each row is recorded by its own scheme, and censoring times follow
 * the product-limit law of the data, worked out by hand.
 */
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/report/predictive.h"
#include "phasic/report/replicate.h"
#include "process.h"

typedef struct bench {
    process it;
    ph_data *data;
    ph_scheme *scheme;
    ph_sampler *sampler;
    size_t rows;
    ph_observation *row;
} bench;

/* An exponential law and data from CSV text. */
static bench bench_new(const char *text, double rate)
{
    bench self = {.it = process_erlang(1)};
    ph_error error = {0};
    assert_int_equal(ph_data_parse(&self.data, "d", text, strlen(text), NULL, &error),
                     0);
    assert_int_equal(ph_scheme_new(&self.scheme, self.data, &error), 0);
    assert_int_equal(
        ph_sampler_new(&self.sampler, self.it.graph, &rate, 0, NULL, &error), 0);
    self.rows = ph_scheme_rows(self.scheme);
    self.row = ph_alloc(self.rows, sizeof *self.row);
    return self;
}

static void bench_draw(bench *self, uint32_t draw)
{
    assert_int_equal(
        ph_scheme_draw(self->scheme, 0, self->sampler, 0, 1, draw, self->row), 0);
}

static void bench_free(bench *self)
{
    free(self->row);
    ph_sampler_free(self->sampler);
    ph_scheme_free(self->scheme);
    ph_data_free(self->data);
    process_free(&self->it);
}

/* A share of n draws within 4 standard deviations of its probability. */
static void check_share(double count, double n, double p)
{
    assert_near(count / n, p, 4 * sqrt(p * (1 - p) / n));
}

/*
 * Nothing is ever absorbed, so the rows show their censoring times. At risk at 2: those
 * at 3, 2 and 4, so the law falls to 2/3 there, and at 4 to 0. Rows come in the order
 * of kind and time: 1, 3 observed, 2, 4 censored.
 */
static void test_censoring_law(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    bench self = bench_new("time,event\n1,1\n2,0\n3,1\n4,0\n", 1e-12);
    double early = 0;
    for (uint32_t d = 0; d < DRAWS; d++) {
        bench_draw(&self, d);
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(self.row[i].kind, PH_RIGHT_CENSORED);
        }
        assert_true(self.row[0].time == 2 || self.row[0].time == 4);
        assert_true(self.row[1].time == 4);
        assert_true(self.row[2].time == 2 && self.row[3].time == 4);
        early += self.row[0].time == 2;
    }
    check_share(early, DRAWS, 1.0 / 3);
    bench_free(&self);
}

/* The same with late entries: at 2 the row at 4 is not yet at risk: 1/2, then 0. */
static void test_censoring_law_entries(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    bench self = bench_new("time,event,entry\n1,1,\n2,0,\n3,1,\n4,0,2.5\n", 1e-12);
    double early = 0;
    for (uint32_t d = 0; d < DRAWS; d++) {
        bench_draw(&self, d);
        early += self.row[0].time == 2;
        assert_true(self.row[1].time == 4);
    }
    check_share(early, DRAWS, 0.5);
    bench_free(&self);
}

/* Observed beyond every censoring time: watched without end. */
static void test_law_without_end(void **state)
{
    (void)state;
    bench self = bench_new("time,event\n1,0\n5,1\n", 1e-3);
    for (uint32_t d = 0; d < 200; d++) {
        bench_draw(&self, d);
        assert_int_equal(self.row[0].kind, PH_OBSERVED);
    }
    bench_free(&self);
}

/* Times of an exponential law with rate 1: shares of what each row can become. */
static void test_kinds(void **state)
{
    (void)state;
    enum { DRAWS = 8000 };
    bench self = bench_new("time,lower,upper,event,entry,count\n0.5,,,1,,1\n"
                           "0.7,,,1,0.6,1\n1.5,,,0,,1\n0.4,,,2,,1\n,1,3,,,2\n",
                           1);
    double left = 0, interval[3] = {0}, right = 0, sum = 0, after = 0;
    assert_int_equal(self.rows, 6);
    for (uint32_t d = 0; d < DRAWS; d++) {
        bench_draw(&self, d);
        const ph_observation *row = self.row;
        assert_true(row[1].kind == PH_RIGHT_CENSORED ? row[1].time == 1.5
                                                     : row[1].time > 0.6);
        assert_true(row[1].entry == 0.6);
        after += row[1].kind == PH_RIGHT_CENSORED;
        sum += row[0].kind == PH_RIGHT_CENSORED;
        right += row[2].kind == PH_RIGHT_CENSORED;
        assert_true(row[2].time <= 1.5 && row[3].time == 0.4);
        left += row[3].kind == PH_LEFT_CENSORED;
        for (int k = 4; k < 6; k++) {
            int kind = row[k].kind == PH_LEFT_CENSORED       ? 0
                       : row[k].kind == PH_INTERVAL_CENSORED ? 1
                                                             : 2;
            assert_true(row[k].time == (kind == 2 ? 3 : 1));
            assert_true(row[k].upper == (kind == 1 ? 3 : 0));
            interval[kind]++;
        }
    }
    check_share(left, DRAWS, 1 - exp(-0.4));
    check_share(right, DRAWS, exp(-1.5));
    check_share(sum, DRAWS, exp(-1.5)); /* the one censoring time there is */
    check_share(after, DRAWS, exp(-0.9));
    check_share(interval[0], 2 * DRAWS, 1 - exp(-1));
    check_share(interval[1], 2 * DRAWS, exp(-1) - exp(-3));
    check_share(interval[2], 2 * DRAWS, exp(-3));
    bench_free(&self);
}

/* Streams: the same draw again is the same, another one differs. */
static void test_streams(void **state)
{
    (void)state;
    bench self = bench_new("1\n2\n3\n", 1);
    ph_observation first[3];
    bench_draw(&self, 7);
    memcpy(first, self.row, sizeof first);
    bench_draw(&self, 8);
    for (int i = 0; i < 3; i++) {
        assert_true(first[i].time != self.row[i].time);
        assert_true(first[i].time != first[(i + 1) % 3].time);
    }
    bench_draw(&self, 7);
    for (int i = 0; i < 3; i++) {
        assert_true(first[i].time == self.row[i].time);
    }
    bench_free(&self);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char text[] = "time,count\n1,0.5\n";
    ph_data *data = NULL;
    ph_scheme *scheme = NULL;
    ph_error error = {0};
    assert_int_equal(ph_data_parse(&data, "d", text, sizeof text - 1, NULL, &error), 0);
    assert_int_equal(ph_scheme_new(&scheme, data, &error), PH_E_FEATURE);
    assert_null(scheme);
    ph_data_free(data);
    bench self = bench_new("time,entry\n60,50\n", 1); /* exp(-50) */
    assert_int_equal(ph_scheme_draw(self.scheme, 0, self.sampler, 0, 1, 0, self.row),
                     PH_E_NUMERIC);
    bench_free(&self);
}

static void test_statistics(void **state)
{
    (void)state;
    const ph_observation row[] = {
        {PH_OBSERVED, 0, 4, 0, PH_NO_ENTRY, 1},
        {PH_RIGHT_CENSORED, 0, 1, 0, PH_NO_ENTRY, 1},
        {PH_INTERVAL_CENSORED, 0, 1, 3, PH_NO_ENTRY, 1},
        {PH_OBSERVED, 0, 9, 0, PH_NO_ENTRY, 1},
    };
    double work[4], value[PH_STATISTICS];
    ph_statistics(4, row, work, value);
    assert_true(value[PH_STATISTIC_MEAN] == 4 && value[PH_STATISTIC_MIN] == 1);
    assert_close(value[PH_STATISTIC_SD], sqrt(38.0 / 3), 1e-14);
    assert_true(value[PH_STATISTIC_MEDIAN] == 3 && value[PH_STATISTIC_MAX] == 9);
    assert_true(value[PH_STATISTIC_CENSORED] == 2);
}

/* 1 .. 100: the i-th stands at (i - 1/2) %. */
static void test_band(void **state)
{
    (void)state;
    double value[100];
    for (int i = 0; i < 100; i++) {
        value[i] = (i * 37) % 100 + 1;
    }
    ph_band band = ph_band_of(100, value, 0.9);
    assert_close(band.mean, 50.5, 1e-14);
    assert_close(band.lower, 5.5, 1e-12);
    assert_close(band.median, 50.5, 1e-12);
    assert_close(band.upper, 95.5, 1e-12);
    value[3] = NAN;
    assert_true(isnan(ph_band_of(100, value, 0.9).mean));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_censoring_law),
        cmocka_unit_test(test_censoring_law_entries),
        cmocka_unit_test(test_law_without_end),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_band),
    };
    return ph_check_run(tests);
}
