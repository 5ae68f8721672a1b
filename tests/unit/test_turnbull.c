/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The nonparametric estimate of censored and truncated times: cases solved by hand, a
 * published one, the product-limit estimate where that is what it must be, and for data
 * by chance the conditions of the maximum, checked from the rows for mass at every
 * place and not only where the estimate looks, and the maximum found in another way.
 */
#include <gsl/gsl_rng.h>
#include <string.h>

#include "check.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"
#include "phasic/report/product_limit.h"
#include "phasic/report/turnbull.h"

static ph_turnbull estimate(size_t n, const ph_observation *row, int discrete)
{
    ph_turnbull self = {0};
    ph_error error = {0};
    assert_int_equal(ph_turnbull_init(&self, n, row, discrete, &error), 0);
    assert_true(self.gap <= PH_TURNBULL_GAP);
    return self;
}

static ph_turnbull estimate_text(const char *text)
{
    ph_data *data = NULL;
    ph_error error = {0};
    assert_int_equal(ph_data_parse(&data, "d", text, strlen(text), NULL, &error), 0);
    ph_turnbull self = estimate(data->n, data->observation, 0);
    ph_data_free(data);
    return self;
}

typedef struct expected {
    double lower, upper, mass;
} expected;

static void assert_masses(ph_turnbull self, size_t n, const expected *list,
                          double within)
{
    double left = 1;
    assert_int_equal(self.n, n);
    for (size_t k = 0; k < n; k++) {
        left -= list[k].mass;
        assert_true(self.lower[k] == list[k].lower && self.upper[k] == list[k].upper);
        assert_near(self.mass[k], list[k].mass, within);
        assert_near(self.survival[k], left, (double)n * within);
    }
    ph_turnbull_free(&self);
}

/* ------------------------------------------------------------ solved by hand */

/* Cells (0, 1], (1, 2] and (2, 3]: the likelihood falls apart into p1 and p3. */
static void test_three_cells(void **state)
{
    static const expected masses[] = {{0, 1, 0.5}, {1, 2, 1.0 / 6}, {2, 3, 1.0 / 3}};
    (void)state;
    assert_masses(estimate_text("lower,upper,count,entry\n0,2,2,0\n1,3,1,\n0,1,1,0\n"
                                "2,3,1,\n"),
                  3, masses, 1e-9);
}

/* Only places where a beginning meets an end have mass: (1, 2] and (2, 3]. */
static void test_innermost(void **state)
{
    static const expected masses[] = {{1, 2, 0.5}, {2, 3, 0.5}};
    (void)state;
    assert_masses(estimate_text("lower,upper\n0.5,2\n1,3\n2,4\n"), 2, masses, 1e-9);
}

/*
 * The middle cell has none: a^2 (1 - a)^2 is largest at a half. Its derivative there is
 * 0, where EM comes to rest only as 1 / rounds; with two more rows it is -1/3.
 */
static void test_vanishing(void **state)
{
    static const expected masses[] = {{1, 2, 0.5}, {3, 4, 0.5}};
    static const char *const rows = "lower,upper,count\n1,2.5,1\n2.5,4,1\n";
    char text[200];
    (void)state;
    for (int count = 1; count <= 2; count++) {
        snprintf(text, sizeof text, "%s1,2,%d\n3,4,%d\n", rows, count, count);
        assert_masses(estimate_text(text), 2, masses, 1e-8);
    }
}

/* Left-censored to 1 or running then: the share, and nothing is known beyond. */
static void test_current_status(void **state)
{
    static const expected masses[] = {{0, 1, 0.3}, {1, INFINITY, 0.7}};
    (void)state;
    assert_masses(estimate_text("time,event,count\n1,2,3\n1,0,7\n"), 2, masses, 1e-12);
}

/*
 * A life table: of 5 at risk in (0, 1] 2 are absorbed, 1 is lost; of the 2 left and the
 * 6 that enter at 1, 4 are in (1, 2], and the 4 others outlive it.
 */
static void test_life_table(void **state)
{
    static const expected masses[] = {{0, 1, 0.4}, {1, 2, 0.3}, {2, INFINITY, 0.3}};
    (void)state;
    assert_masses(estimate_text("time,time2,event,entry,count\n0,1,3,0,2\n1,,0,,1\n"
                                "1,2,3,1,3\n1,2,3,,1\n2,,0,1,3\n2,,0,,1\n"),
                  3, masses, 1e-9);
}

/*
 * (0, 5] has no end within, but an entry at 2: mass in (0, 2] does not count against
 * what enters then. Of the rows without entry one is in it and two outlive 2; of these
 * one is in (3, 4], as are two of the three that enter. (2, 5] less (3, 4] has none.
 */
static void test_entry_divides(void **state)
{
    static const expected masses[] = {
        {0, 2, 1.0 / 3}, {3, 4, 0.4}, {6, INFINITY, 4.0 / 15}};
    (void)state;
    assert_masses(estimate_text("lower,upper,entry,count\n0,2.5,0,1\n3,4,0,1\n6,,0,1\n"
                                "3,4,2,2\n6,,2,1\n"),
                  3, masses, 1e-9);
}

/* After 2 nobody is at risk: what enters at 3 says nothing about the survival, 0. */
static void test_nobody_left(void **state)
{
    static const expected masses[] = {{0, 1, 0.5}, {1.5, 2, 0.5}};
    (void)state;
    assert_masses(estimate_text("lower,upper,entry\n0,1,0\n1.5,2,\n4,5,3\n6,,3\n"), 2,
                  masses, 1e-9);
}

/*
 * A row in (0, 1], one in (0.5, 3] and one that enters at 1 and is in (2, 3]: the less
 * survival there is after 1 the better, and the limit is 0.
 */
static void test_supremum(void **state)
{
    static const expected masses[] = {{0.5, 1, 1}};
    (void)state;
    assert_masses(estimate_text("lower,upper,entry\n0,1,0\n0.5,3,0\n2,3,1\n"), 1,
                  masses, 0);
}

/* Whole numbers: (2, 3] is 3, and "after 2" is "from 3 on". */
static void test_discrete(void **state)
{
    static const ph_observation row[] = {
        {PH_INTERVAL_CENSORED, 0, 2, 3, PH_NO_ENTRY, 1},
        {PH_RIGHT_CENSORED, 0, 2, 0, PH_NO_ENTRY, 1},
        {PH_LEFT_CENSORED, 0, 1, 0, PH_NO_ENTRY, 2},
        {PH_INTERVAL_CENSORED, 0, 3, 6, 3, 4}};
    static const expected masses[] = {{0, 1, 0.5}, {3, 3, 0.5}};
    ph_turnbull it = estimate(4, row, 1);
    (void)state;
    assert_true(it.lower[0] == 0 && it.upper[0] == 1);
    assert_near(it.mass[0], 0.5, 1e-9);
    ph_turnbull_free(&it);
    assert_masses(estimate(3, row, 1), 2, masses, 1e-9);
}

/* ---------------------------------------------------------------- published */

/*
 * Breast retraction after radiotherapy (Finkelstein & Wolfe 1985) with the masses that
 * R's package interval gives.
 */
static void test_cosmesis(void **state)
{
    static const expected masses[] = {
        {4, 5, 0.0463},   {6, 7, 0.0334},   {7, 8, 0.0887},   {11, 12, 0.0708},
        {24, 25, 0.0926}, {33, 34, 0.0818}, {38, 40, 0.1209}, {46, 48, 0.4656}};
    (void)state;
    assert_masses(
        estimate_text(
            "lower,upper,count\n45,,1\n6,10,1\n0,7,1\n46,,8\n7,16,1\n17,,1\n7,14,1\n"
            "37,44,1\n0,8,1\n4,11,1\n15,,1\n11,15,1\n22,,1\n25,37,1\n26,40,1\n27,34,1\n"
            "36,44,1\n36,48,1\n37,,3\n40,,1\n17,25,2\n11,18,1\n38,,1\n5,12,1\n0,5,1\n"
            "18,,1\n24,,2\n36,,2\n5,11,1\n19,35,1\n32,,1\n33,,1\n19,26,1\n34,,1\n"),
        8, masses, 6e-5);
}

/* ---------------------------------------------------------------- by chance */

static double whole(gsl_rng *rng, unsigned long most)
{
    return (double)gsl_rng_uniform_int(rng, most);
}

/* A row with a time on a grid of `ticks`, so that ends fall together. */
static ph_observation draw_row(gsl_rng *rng, unsigned long ticks, int all_kinds,
                               int entries)
{
    for (;;) {
        double time = 1 + whole(rng, ticks), width = 1 + whole(rng, 1 + ticks / 3);
        double entry = entries && whole(rng, 2) > 0 ? whole(rng, ticks) : PH_NO_ENTRY;
        int kind = (int)gsl_rng_uniform_int(rng, all_kinds ? 4 : 2);
        ph_observation it = {(ph_observation_kind)kind, 0, time, 0, entry,
                             1 + whole(rng, 3)};
        if (kind == PH_INTERVAL_CENSORED) {
            it.time = fmax(floor(time - width * gsl_rng_uniform(rng)), 0);
            it.upper = it.time + width;
        }
        if (entry == PH_NO_ENTRY || entry < it.time) {
            if (entry != PH_NO_ENTRY && kind == PH_LEFT_CENSORED) {
                it.kind = PH_INTERVAL_CENSORED;
                it.upper = it.time;
                it.time = entry;
            }
            return it;
        }
    }
}

/* A place x + 1/2 stands for what lies between two ends; every end is whole. */
static int may_lie(const ph_observation *row, double x)
{
    switch (row->kind) {
    case PH_OBSERVED: return x == row->time;
    case PH_RIGHT_CENSORED: return x > row->time;
    case PH_LEFT_CENSORED: return x <= row->time;
    case PH_INTERVAL_CENSORED: break;
    }
    return x > row->time && x <= row->upper;
}

static int may_be_seen(const ph_observation *row, double x)
{
    return row->entry == PH_NO_ENTRY || x > row->entry;
}

/* A place within the interval k of an estimate. */
static double place_of(const ph_turnbull *it, size_t k)
{
    return it->lower[k] == it->upper[k] ? it->lower[k]
           : isinf(it->upper[k])        ? it->lower[k] + 0.5
                                        : it->upper[k] - 0.5;
}

static double probability(const ph_turnbull *it, const ph_observation *row,
                          int (*where)(const ph_observation *, double))
{
    double sum = 0;
    for (size_t k = 0; k < it->n; k++) {
        sum += where(row, place_of(it, k)) ? it->mass[k] : 0;
    }
    return sum;
}

/*
 * sum w [x in A] / p(A) <= (1 + 1e-8) sum w [x in B] / p(B) at all places x up to the
 * time after which nobody is at risk, equal where there is mass. Rows that nobody is
 * left for have p(B) = 0.
 */
static void assert_maximum(const ph_turnbull *it, size_t n, const ph_observation *row,
                           double most)
{
    double *a = ph_alloc(n, sizeof *a), *b = ph_alloc(n, sizeof *b);
    for (size_t i = 0; i < n; i++) {
        a[i] = probability(it, &row[i], may_lie);
        b[i] = probability(it, &row[i], may_be_seen);
        assert_true(b[i] < 1e-12 || a[i] > 0);
    }
    for (double x = 0; x <= most; x += 0.5) {
        double pull = 0, push = 0;
        int reached = 1;
        for (size_t i = 0; i < n; i++) {
            if (b[i] < 1e-12) {
                reached &= !may_be_seen(&row[i], x);
                continue;
            }
            pull += may_lie(&row[i], x) ? row[i].weight / a[i] : 0;
            push += may_be_seen(&row[i], x) ? row[i].weight / b[i] : 0;
        }
        if (reached && !(pull <= push * (1 + 1e-8))) {
            fail_msg("mass at %g would raise the likelihood: %.17g > %.17g", x, pull,
                     push);
        }
    }
    free(a);
    free(b);
}

static void check_by_chance(unsigned long seed, size_t n, unsigned long ticks,
                            int entries)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    ph_observation *row = ph_alloc(n, sizeof *row);
    gsl_rng_set(rng, seed);
    for (size_t i = 0; i < n; i++) {
        row[i] = draw_row(rng, ticks, 1, entries);
    }
    ph_turnbull it = estimate(n, row, 0);
    double sum = 0;
    for (size_t k = 0; k < it.n; k++) {
        sum += it.mass[k];
    }
    assert_near(sum, 1, 1e-12);
    assert_maximum(&it, n, row, 2 * (double)ticks);
    ph_turnbull_free(&it);
    free(row);
    gsl_rng_free(rng);
}

static void test_maximum(void **state)
{
    (void)state;
    for (unsigned long seed = 1; seed <= 400; seed++) {
        check_by_chance(seed, 3 + seed % 40, 4 + seed % 17, 0);
        check_by_chance(seed, 3 + seed % 60, 4 + seed % 23, 1);
    }
    check_by_chance(1, 3000, 400, 0);
    check_by_chance(2, 3000, 400, 1);
    check_by_chance(3, 3000, 3000, 1);
}

/* --------------------------------------------------- Turnbull's own algorithm */

#define PLACES 40

static double sum_where(const double *mass, const ph_observation *row,
                        int (*where)(const ph_observation *, double))
{
    double sum = 0;
    for (int j = 0; j < PLACES; j++) {
        sum += where(row, 0.5 * j) ? mass[j] : 0;
    }
    return sum;
}

static double log_likelihood(size_t n, const ph_observation *row, const double *mass)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += row[i].weight * log(sum_where(mass, &row[i], may_lie) /
                                   sum_where(mass, &row[i], may_be_seen));
    }
    return sum;
}

/*
 * One step of self-consistency on all places: the rows as they may lie, and those that
 * were not seen because they ended before their entry.
 */
static void be_consistent(size_t n, const ph_observation *row, double *mass)
{
    double next[PLACES] = {0}, sum = 0;
    for (size_t i = 0; i < n; i++) {
        double a = sum_where(mass, &row[i], may_lie);
        double b = sum_where(mass, &row[i], may_be_seen);
        for (int j = 0; j < PLACES; j++) {
            next[j] += may_lie(&row[i], 0.5 * j) ? row[i].weight * mass[j] / a : 0;
            next[j] += may_be_seen(&row[i], 0.5 * j) ? 0 : row[i].weight * mass[j] / b;
        }
        sum += row[i].weight / b;
    }
    for (int j = 0; j < PLACES; j++) {
        mass[j] = next[j] / sum;
    }
}

/* From masses by chance on all places it comes close, and never above. */
static void test_self_consistency(void **state)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    (void)state;
    for (unsigned long seed = 1; seed <= 60; seed++) {
        ph_observation row[24];
        double mass[PLACES] = {0}, own[PLACES];
        size_t n = 4 + seed % 21;
        gsl_rng_set(rng, seed);
        row[0] = (ph_observation){PH_RIGHT_CENSORED, 0, 14, 0, PH_NO_ENTRY, 1};
        for (size_t i = 1; i < n; i++) { /* the first one outlives all entries */
            row[i] = draw_row(rng, 14, 1, 1);
        }
        ph_turnbull it = estimate(n, row, 0);
        for (size_t k = 0; k < it.n; k++) {
            mass[(size_t)(2 * place_of(&it, k))] += it.mass[k];
        }
        double best = log_likelihood(n, row, mass);
        for (int j = 0; j < PLACES; j++) {
            own[j] = 0.1 + gsl_rng_uniform(rng);
        }
        for (int round = 0; round < 3000; round++) {
            be_consistent(n, row, own);
        }
        double found = log_likelihood(n, row, own);
        assert_true(found <= best + 1e-6 && found >= best - 0.01);
        ph_turnbull_free(&it);
    }
    gsl_rng_free(rng);
}

/* Exact and right-censored times with entries: the same estimate another way. */
static void test_product_limit(void **state)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    (void)state;
    for (unsigned long seed = 1; seed <= 200; seed++) {
        ph_observation row[40];
        ph_product_limit limit = {0};
        size_t n = 2 + seed % 39, k = 0;
        gsl_rng_set(rng, seed);
        for (size_t i = 0; i < n; i++) {
            row[i] = draw_row(rng, 5 + seed % 20, 0, 1);
        }
        ph_turnbull it = estimate(n, row, 0);
        assert_int_equal(it.rounds, 1);
        assert_int_equal(ph_product_limit_init(&limit, n, row, NULL), 0);
        for (; k < limit.n && (k == 0 || limit.survival[k - 1] > 0); k++) {
            assert_true(it.lower[k] == limit.time[k] && it.upper[k] == limit.time[k]);
            assert_near(it.survival[k], limit.survival[k], 1e-13);
        }
        assert_true(it.n == k || (it.n == k + 1 && isinf(it.upper[k])));
        ph_product_limit_free(&limit);
        ph_turnbull_free(&it);
    }
    gsl_rng_free(rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_cells),      cmocka_unit_test(test_innermost),
        cmocka_unit_test(test_vanishing),        cmocka_unit_test(test_current_status),
        cmocka_unit_test(test_life_table),       cmocka_unit_test(test_entry_divides),
        cmocka_unit_test(test_nobody_left),      cmocka_unit_test(test_supremum),
        cmocka_unit_test(test_discrete),         cmocka_unit_test(test_cosmesis),
        cmocka_unit_test(test_maximum),          cmocka_unit_test(test_product_limit),
        cmocka_unit_test(test_self_consistency),
    };
    return ph_check_run(tests);
}
