/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moments against closed forms. */
#include "moment_case.h"

/* ---- the coalescent ---- */

static void kingman_to_100(void **state)
{
    (void)state;
    for (int n = 2; n <= 100; n++) {
        moment_case self = moment_case_new(process_shipped("coalescent", "n", n), 4, 2);
        double variance = 0, length = 0, length_variance = 0, both = 0, third = 0;
        for (double i = 2; i <= n; i++) {
            variance += 4 / (i * i * (i - 1) * (i - 1));
            length += 2 / (i - 1);
            length_variance += 4 / ((i - 1) * (i - 1));
            both += 4 / (i * (i - 1) * (i - 1));
            third += 2 * pow(2 / (i * (i - 1)), 3);
        }
        for (int k = 0; k < 2; k++) { /* rate 1, then 3: Y / 3 */
            double rate = k ? 3 : 1;
            moment_case_eval(&self, &rate);
            assert_close(raw(&self, 0, 1), 2 * (1 - 1.0 / n) / rate, 1e-13);
            assert_close(raw(&self, 1, 1), length / rate, 1e-13);
            assert_close(cov(&self, 0, 0), variance / (rate * rate), 1e-12);
            assert_close(cov(&self, 1, 1), length_variance / (rate * rate), 1e-12);
            assert_close(cov(&self, 0, 1), both / (rate * rate), 1e-12);
            assert_close(cov(&self, 1, 0), both / (rate * rate), 1e-12);
            assert_close(d_raw(&self, 0, 1, 0), -raw(&self, 0, 1) / rate, 1e-12);
            assert_close(d_cov(&self, 0, 1, 0), -2 * cov(&self, 0, 1) / rate, 1e-11);
            assert_close(self.value->skewness[0], third / pow(variance, 1.5), 1e-12);
        }
        moment_case_free(&self);
    }
}

/* State: k[i] lineages with i + 1 of the 4 tips below them. */
static const char spectrum[] =
    "{\"phasic\": 1, \"parameters\": {\"rate\": {\"value\": 1}},"
    " \"state\": {\"k\": [4]}, \"start\": {\"k[0]\": 4}, \"transitions\": ["
    "{\"for\": {\"i\": [0, 3]}, \"when\": \"k[i] > 1 && 2 * i + 1 <= 3\","
    " \"change\": {\"k[i]\": -2, \"k[2 * i + 1]\": 1},"
    " \"rate\": \"rate * k[i] * (k[i] - 1) / 2\"},"
    "{\"for\": {\"i\": [0, 3], \"j\": [\"i + 1\", 3]},"
    " \"when\": \"k[i] > 0 && k[j] > 0 && i + j + 1 <= 3\","
    " \"change\": {\"k[i]\": -1, \"k[j]\": -1, \"k[i + j + 1]\": 1},"
    " \"rate\": \"rate * k[i] * k[j]\"}],"
    " \"rewards\": {\"one\": \"k[0]\", \"two\": \"k[1]\", \"three\": \"k[2]\"}}";

static void site_frequencies(void **state)
{
    (void)state;
    const double expected[3][3] = {{16, -2, 8}, {-2, 21, -4}, {8, -4, 8}};
    const double mean[3] = {2, 1, 2.0 / 3};
    moment_case self = moment_case_new(process_text(spectrum), 2, 2);
    const double one = 1;
    moment_case_eval(&self, &one);
    for (size_t a = 0; a < 3; a++) {
        assert_close(raw(&self, a + 1, 1), mean[a], 1e-14);
        for (size_t b = 0; b < 3; b++) {
            assert_close(cov(&self, a + 1, b + 1), expected[a][b] / 9, 1e-13);
            assert_close(d_cov(&self, a + 1, b + 1, 0), -2 * expected[a][b] / 9, 1e-12);
        }
    }
    /* of the two shapes of the tree, the one without a branch over three tips: 1/3 */
    assert_close(defect(&self, 3), 1.0 / 3, 1e-15);
    assert_close(defect(&self, 2), 0, 0);
    moment_case_free(&self);
}

/* ---- discrete time ---- */

/* Runs of `length` heads of a coin with probability p. */
static moment_case heads(int length)
{
    char json[512];
    snprintf(
        json, sizeof json,
        "{\"phasic\": 1, \"time\": \"discrete\", \"parameters\": {\"p\": {"
        "\"support\": \"unit\"}}, \"state\": {\"k\": []}, \"start\": {\"k\": 0},"
        " \"transitions\": [{\"when\": \"k < %d\", \"change\": {\"k\": 1},"
        " \"probability\": \"p\"}, {\"when\": \"k > 0 && k < %d\", \"set\": {\"k\":"
        " 0}, \"probability\": \"1 - p\"}], \"rewards\": {\"k\": \"k\"}}",
        length, length);
    return moment_case_new(process_text(json), 4, 2);
}

static void runs_of_heads(void **state)
{
    (void)state;
    const double half = 0.5, expected[2][2] = {{6, 22}, {14, 142}};
    for (int k = 0; k < 2; k++) {
        moment_case self = heads(k + 2);
        moment_case_eval(&self, &half);
        assert_close(raw(&self, 0, 1), expected[k][0], 1e-15);
        assert_close(cov(&self, 0, 0), expected[k][1], 1e-14);
        moment_case_free(&self);
    }
    /* HH at p: mean (1 + p) / p^2, so d mean / d p = -1 / p^2 - 2 / p^3 */
    moment_case self = heads(2);
    const double p = 0.3;
    moment_case_eval(&self, &p);
    assert_close(raw(&self, 0, 1), (1 + p) / (p * p), 1e-14);
    assert_close(d_raw(&self, 0, 1, 0), -1 / (p * p) - 2 / (p * p * p), 1e-13);
    moment_case_free(&self);
}

static const char coupons[] =
    "{\"phasic\": 1, \"time\": \"discrete\", \"parameters\": {}, \"constants\": {\"n\":"
    " 6}, \"state\": {\"k\": []}, \"start\": {\"k\": \"n\"}, \"transitions\":"
    " [{\"when\": \"k > 0\", \"change\": {\"k\": -1}, \"probability\": \"k / n\"}],"
    " \"rewards\": {\"late\": \"k == 1\", \"first\": \"k == n\"}}";

static void coupon_collector(void **state)
{
    (void)state;
    moment_case self = moment_case_new(process_text(coupons), 4, 0);
    moment_case_eval(&self, NULL);
    assert_close(raw(&self, 0, 1), 14.7, 1e-15);
    assert_close(cov(&self, 0, 0), 38.99, 1e-14);
    /* the last coupon takes a geometric time with p = 1/6, the first exactly one step
     */
    assert_close(raw(&self, 1, 1), 6, 1e-14);
    assert_close(cov(&self, 1, 1), 30, 1e-13);
    assert_close(self.value->skewness[1], (2 - 1.0 / 6) / sqrt(5.0 / 6), 1e-12);
    assert_close(self.value->kurtosis[1], 9 + (1.0 / 36) / (5.0 / 6), 1e-12);
    assert_close(raw(&self, 2, 4), 1, 1e-15);
    assert_close(cov(&self, 2, 2), 0, 0);
    assert_close(cov(&self, 0, 1), 30, 1e-13);
    assert_close(cov(&self, 0, 2), 0, 0);
    moment_case_free(&self);
}

/* Factorial moments by linear algebra, raw ones by Stirling numbers: another algorithm.
 */
static void factorial_moments(void **state)
{
    (void)state;
    moment_case self = moment_case_new(process_text(coupons), 6, 0);
    double falling[6], row[6], by_stirling[6];
    moment_case_eval(&self, NULL);
    ph_moments_factorial(self.moments, self.value->u, 6, self.work, falling);
    ph_moments_raw_from_factorial(6, falling, row, by_stirling);
    for (size_t r = 1; r <= 6; r++) {
        assert_close(raw(&self, 0, r), by_stirling[r - 1], 1e-13);
    }
    moment_case_free(&self);
    /* geometric: E[Y (Y-1) ... (Y-r+1)] = r! (1-p)^(r-1) / p^r */
    self = heads(1);
    const double p = 0.2;
    double expected = 1 / p;
    moment_case_eval(&self, &p);
    ph_moments_factorial(self.moments, self.value->u, 6, self.work, falling);
    for (int r = 1; r <= 6; r++) {
        assert_close(falling[r - 1], expected, 1e-14);
        expected *= (r + 1) * (1 - p) / p;
    }
    moment_case_free(&self);
}

/* ---- continuous time ---- */

static void two_cycle(void **state)
{
    (void)state;
    moment_case self = moment_case_new(process_shipped("two_cycle", NULL, 0), 2, 2);
    const double theta[2] = {1, 1};
    moment_case_eval(&self, theta);
    assert_close(raw(&self, 0, 1), 3, 1e-15);
    moment_case_free(&self);
}

/* k stages: m_r = k (k+1) ... (k+r-1) / rate^r, to a high order. */
static void erlang_to_order_20(void **state)
{
    (void)state;
    enum { K = 20, STAGES = 5 };
    moment_case self = moment_case_new(process_erlang(STAGES), K, K);
    const double rate = 1.7;
    double expected = 1;
    moment_case_eval(&self, &rate);
    for (size_t r = 1; r <= K; r++) {
        expected *= (double)(STAGES + r - 1) / rate;
        assert_close(raw(&self, 0, r), expected, 1e-13);
        assert_close(d_raw(&self, 0, r, 0), -(double)r * expected / rate, 1e-12);
    }
    assert_close(self.value->skewness[0], 2 / sqrt(STAGES), 1e-12);
    assert_close(self.value->kurtosis[0], 3 + 6.0 / STAGES, 1e-12);
    moment_case_free(&self);
}

/* 3000 stages: the variance is 1/3001 of the second moment, the fourth 1e-7. */
static void long_chains_keep_their_variance(void **state)
{
    (void)state;
    enum { STAGES = 3000 };
    moment_case self = moment_case_new(process_erlang(STAGES), 4, 2);
    const double rate = 0.3;
    moment_case_eval(&self, &rate);
    assert_close(cov(&self, 0, 0), STAGES / (rate * rate), 1e-14);
    assert_close(d_cov(&self, 0, 0, 0), -2 * STAGES / (rate * rate * rate), 1e-13);
    assert_close(self.value->skewness[0], 2 / sqrt(STAGES), 1e-13);
    assert_close(self.value->kurtosis[0], 3 + 6.0 / STAGES, 1e-13);
    assert_int_equal(self.value->replays, 1);
    moment_case_free(&self);
}

/*
 * Busy period of M/M/1/40: mean sum_k (a/s)^k / s. At (10^3, 1) it makes 10^117 jumps;
 * x_i (h_j - h_i) has no correct digit there.
 */
static void a_mean_of_1e117_and_its_gradient(void **state)
{
    (void)state;
    moment_case self = moment_case_new(process_shipped("busy_period", "K", 40), 2, 2);
    const double theta[2] = {1e3, 1};
    long double mean = 0, by_arrival = 0, by_service = 0;
    for (int k = 39; k >= 0; k--) {
        mean += powl(1000, k);
        by_arrival += k * powl(1000, k - 1);
        by_service -= (k + 1) * powl(1000, k);
    }
    moment_case_eval(&self, theta);
    assert_int_equal(self.value->replays, 1);
    assert_close(raw(&self, 0, 1), (double)mean, 1e-13);
    assert_close(d_raw(&self, 0, 1, 0), (double)by_arrival, 1e-13);
    assert_close(d_raw(&self, 0, 1, 1), (double)by_service, 1e-13);
    for (size_t r = 1; r <= 2; r++) { /* Euler */
        assert_close(theta[0] * d_raw(&self, 0, r, 0) +
                         theta[1] * d_raw(&self, 0, r, 1),
                     -(double)r * raw(&self, 0, r), 1e-13);
    }
    moment_case_free(&self);
}

/* At moderate rates nothing trips, and the quick formula agrees with the closed form.
 */
static void moderate_rates_need_no_replay(void **state)
{
    (void)state;
    moment_case self = moment_case_new(process_shipped("busy_period", "K", 10), 2, 2);
    const double a = 1, s = 2, theta[2] = {a, s};
    double by_arrival = 0;
    for (int k = 1; k < 10; k++) {
        by_arrival += k * pow(a / s, k - 1) / (s * s);
    }
    moment_case_eval(&self, theta);
    assert_close(d_raw(&self, 0, 1, 0), by_arrival, 1e-13);
    assert_int_equal(self.value->replays, 0);
    moment_case_free(&self);
}

/* ---- atoms and occupancy ---- */

static const char atoms[] =
    "{\"phasic\": 1, \"parameters\": {\"p\": {\"support\": \"unit\"}}, \"defect\": "
    "true,"
    " \"graph\": {\"vertices\": [[0],[1],[2]], \"initial\": [[0, \"p\"]],"
    " \"edges\": [[0,1,3],[1,0,2],[0,2,1],[1,-1,4],[2,-1,5]]},"
    " \"rewards\": {\"last\": [0,0,1], \"none\": [0,0,0]}}";

/*
 * From 0: to 1 with 3/4, from there back with 1/3 or out with 2/3; to 2 with 1/4. Never
 * in 2: g = 3/4 (g / 3 + 2 / 3), g = 2/3. Time in 0: 1/4 a visit, 1 / (1 - 1/4) visits.
 */
static void atoms_and_occupancy(void **state)
{
    (void)state;
    moment_case self = moment_case_new(process_text(atoms), 2, 2);
    const double p = 0.9;
    double x[3];
    moment_case_eval(&self, &p);
    assert_close(defect(&self, 0), 0.1, 1e-15);
    assert_close(defect(&self, 1), 0.1 + 0.9 * 2 / 3, 1e-15);
    assert_close(defect(&self, 2), 1, 1e-15);
    ph_moments_occupancy(self.moments, self.value->u, self.work, x);
    assert_close(x[0], 0.9 / 3, 1e-15);
    assert_close(x[1], 0.9 * 3 / 4 * 4 / 3 / 6, 1e-15);
    assert_close(x[2], 0.9 / 3 / 5, 1e-15);
    assert_close(raw(&self, 0, 1), x[0] + x[1] + x[2], 1e-15);
    assert_close(raw(&self, 1, 1), x[2], 1e-15);
    assert_close(d_raw(&self, 1, 1, 0), x[2] / p, 1e-14);
    assert_close(raw(&self, 2, 1), 0, 0);
    assert_close(d_raw(&self, 2, 2, 0), 0, 0);
    assert_true(isnan(self.value->skewness[2]));
    moment_case_free(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kingman_to_100),
        cmocka_unit_test(site_frequencies),
        cmocka_unit_test(runs_of_heads),
        cmocka_unit_test(coupon_collector),
        cmocka_unit_test(factorial_moments),
        cmocka_unit_test(two_cycle),
        cmocka_unit_test(erlang_to_order_20),
        cmocka_unit_test(long_chains_keep_their_variance),
        cmocka_unit_test(a_mean_of_1e117_and_its_gradient),
        cmocka_unit_test(moderate_rates_need_no_replay),
        cmocka_unit_test(atoms_and_occupancy),
    };
    return ph_check_run(tests);
}
