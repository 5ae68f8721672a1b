/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Distribution functions, intervals, hazards and quantiles against closed forms (in
 * long double, or in quadruple precision where these cancel), GSL, and differences.
 */
#include "process.h"

#include <gsl/gsl_cdf.h>

#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/dist/plain.h"
#include "phasic/dist/points.h"
#include "phasic/dist/sweep.h"

#define CYCLE                                                                          \
    "{\"phasic\": 1, \"name\": \"cycle\", \"parameters\": {\"a\": {}, \"b\": {}, "     \
    "\"c\": {}}, \"matrix\": {\"initial\": [0.7, 0.3, 0, 0], \"rates\": ["             \
    "[0, \"a\", \"2*b\", 0, 0.25], [\"c\", 0, \"a+b\", 0, 0],"                         \
    "[0, \"a*c/b\", 0, \"b\", \"c\"], [\"exp(-a)\", 0.5, \"c\", 0, \"b/3\"]]}}"

/* Absorbed at once with probability 1 - q; otherwise two stages. */
#define DEFECT                                                                         \
    "{\"phasic\": 1, \"name\": \"defect\", \"parameters\": {\"q\": {\"support\": "     \
    "\"unit\"}, \"r\": {}}, \"state\": {\"k\": []}, \"start\": [{\"state\": {\"k\": "  \
    "2}, \"probability\": \"q\"}], \"defect\": true, \"transitions\": [{\"when\": "    \
    "\"k > 0\", \"change\": {\"k\": -1}, \"rate\": \"r\"}]}"

/* r successes at probability p: negative binomial, and geometric for r = 1. */
static process process_trials(int r)
{
    char json[512];
    snprintf(json, sizeof json,
             "{\"phasic\": 1, \"name\": \"trials\", \"time\": \"discrete\", "
             "\"parameters\": {\"p\": {\"support\": \"unit\"}}, \"state\": {\"left\": "
             "[]}, \"start\": {\"left\": %d}, \"transitions\": [{\"when\": \"left > "
             "0\", \"change\": {\"left\": -1}, \"probability\": \"p\"}]}",
             r);
    return process_text(json);
}

static void points(const process *it, int engine, ph_quantity what, const double *theta,
                   size_t n, const double *t, double *value, double *gradient)
{
    ph_error error = {0};
    char text[1024];
    if (ph_points_log(it->plan, (ph_engine)engine, what, theta, n, t, value, gradient,
                      &error) != PH_OK) {
        fail_msg("%s", ph_error_text(&error, text, sizeof text));
    }
}

static void quantiles(const process *it, int engine, const double *theta, size_t n,
                      const double *p, int upper, double *t, double *gradient)
{
    ph_error error = {0};
    char text[1024];
    if (ph_points_quantile(it->plan, (ph_engine)engine, theta, n, p, upper, t, gradient,
                           &error) != PH_OK) {
        fail_msg("%s", ph_error_text(&error, text, sizeof text));
    }
}

/* log P(l < T <= u) of every interval and gradient[n][p] of it, by either engine. */
static void intervals(const process *it, int engine, const double *theta, size_t n,
                      const double *l, const double *u, double *value, double *gradient)
{
    size_t nodes = ph_plan_nodes(it->plan), p = ph_plan_parameters(it->plan);
    double *block = ph_alloc_aligned((2 * nodes + 2 * p) * PH_LANES, sizeof *block);
    double *node = block, *bar = node + nodes * PH_LANES;
    double *lanes = bar + nodes * PH_LANES, *lanes_bar = lanes + p * PH_LANES;
    ph_sweep *sweep = NULL;
    unsigned valid;
    for (size_t m = 0; m < p * PH_LANES; m++) {
        lanes[m] = theta[m / PH_LANES];
    }
    double last = 0;
    for (size_t i = 0; i < n; i++) {
        last = isfinite(u[i]) ? fmax(last, u[i]) : fmax(last, l[i]);
    }
    if (engine == PH_ENGINE_PLAIN) {
        ph_plan_eval_plain(it->plan, theta, node);
    } else {
        ph_plan_eval(it->plan, lanes, node);
        assert_int_equal(ph_sweep_new(&sweep, it->plan), 0);
        assert_int_equal(ph_sweep_begin(sweep, node, last, &valid), 0);
    }
    for (size_t i = 0; i < n; i++) {
        double lane_value[PH_LANES], weight[PH_LANES] = {1}, one = 1;
        ph_sweep_kind kind = PH_INTERVAL;
        memset(bar, 0, nodes * PH_LANES * sizeof *bar);
        memset(lanes_bar, 0, p * PH_LANES * sizeof *lanes_bar);
        if (engine == PH_ENGINE_PLAIN) {
            assert_int_equal(ph_plain_eval(it->plan, node, 1, &kind, &l[i], &u[i],
                                           &value[i], &one, bar),
                             0);
            ph_plan_adjoint_plain(it->plan, node, bar, lanes_bar);
        } else {
            assert_int_equal(ph_sweep_log_interval(sweep, l[i], u[i], lane_value), 0);
            assert_int_equal(
                ph_sweep_seed_interval(sweep, l[i], u[i], weight, lane_value), 0);
            assert_int_equal(ph_sweep_gradient(sweep, bar), 0);
            ph_plan_adjoint(it->plan, node, bar, lanes_bar);
            value[i] = lane_value[0];
        }
        for (size_t m = 0; m < p; m++) {
            gradient[i * p + m] =
                lanes_bar[engine == PH_ENGINE_PLAIN ? m : m * PH_LANES];
        }
    }
    ph_sweep_free(sweep);
    ph_free_aligned(block);
}

/* ------------------------------------------------------------------- Erlang */

/* log F: x^k e^-x / k! (1 + x/(k+1) + x^2/((k+1)(k+2)) + ...). */
static long double erlang_log_cdf(int k, long double x)
{
    long double sum = 0, term = 1;
    for (int j = 1; term > 1e-22L * sum; j++) {
        sum += term;
        term *= x / (k + j);
    }
    return k * logl(x) - x - lgammal(k + 1) + logl(sum);
}

/* log S: e^-x (1 + x + ... + x^(k-1) / (k-1)!). */
static long double erlang_log_survival(int k, long double x)
{
    long double sum = 0, term = 1;
    for (int j = 0; j < k; j++) {
        sum += term;
        term *= x / (j + 1);
    }
    return logl(sum) - x;
}

static long double erlang_log_pdf(int k, double r, double t)
{
    return k * logl(r) + (k - 1) * logl(t) - (long double)r * t - lgammal(k);
}

/* Relatively, down to the end of double range. */
static void assert_same(double value, long double expected, double tolerance)
{
    assert_near(value, (double)expected, tolerance * (double)fabsl(expected) + 1e-300);
}

/*
 * dF/dr = t f / r, and dS/dr = -t f / r: with all digits, also where log F and log S
 * are nearly 0.
 */
static void erlang_cdf_in_all_tails(void **state)
{
    (void)state;
    const double rate = 2.5;
    const double t[] = {1e-30, 1e-12, 1e-5, 0.01, 0.5, 1, 4, 20, 100, 300};
    enum { N = sizeof t / sizeof *t };
    for (int k = 1; k <= 40; k += 13) {
        process it = process_erlang(k);
        for (int engine = 0; engine < 2; engine++) {
            double f[N], df[N], s[N], ds[N];
            points(&it, engine, PH_LOG_CDF, &rate, N, t, f, df);
            points(&it, engine, PH_LOG_SURVIVAL, &rate, N, t, s, ds);
            for (int i = 0; i < N; i++) {
                long double x = (long double)rate * t[i];
                long double log_f = erlang_log_cdf(k, x);
                long double log_s = erlang_log_survival(k, x);
                long double log_slope =
                    erlang_log_pdf(k, rate, t[i]) + logl(t[i] / rate);
                log_s = log_f < log_s ? log1pl(-expl(log_f)) : log_s;
                log_f = log_s < log_f ? log1pl(-expl(log_s)) : log_f;
                assert_same(f[i], log_f, 1e-12);
                assert_same(s[i], log_s, 1e-12);
                assert_same(df[i], expl(log_slope - log_f), 1e-12);
                assert_same(ds[i], -expl(log_slope - log_s), 1e-12);
            }
        }
        process_free(&it);
    }
}

/* A window that was wide enough for one time need not be for the next. */
static void far_times_one_after_another(void **state)
{
    (void)state;
    const double t[] = {400000, 404000, 390000, 410000}, rate = 1;
    double s[4], ds[4], f[4], df[4];
    process it = process_erlang(40);
    points(&it, PH_ENGINE_LANES, PH_LOG_SURVIVAL, &rate, 4, t, s, ds);
    points(&it, PH_ENGINE_LANES, PH_LOG_PDF, &rate, 4, t, f, df);
    for (int i = 0; i < 4; i++) {
        long double log_s = erlang_log_survival(40, t[i]);
        long double log_f = erlang_log_pdf(40, rate, t[i]);
        assert_close(s[i], (double)log_s, 1e-13);
        assert_close(f[i], (double)log_f, 1e-13);
        assert_close(ds[i], -(double)(t[i] * expl(log_f - log_s)), 1e-10);
        assert_close(df[i], 40 - t[i], 1e-10);
    }
    process_free(&it);
}

static void erlang_agrees_with_gsl(void **state)
{
    (void)state;
    const double rate = 0.7, t[] = {1e-3, 0.2, 1, 3, 9, 30};
    enum { N = sizeof t / sizeof *t, K = 5 };
    process it = process_erlang(K);
    double f[N], s[N];
    points(&it, PH_ENGINE_LANES, PH_LOG_CDF, &rate, N, t, f, NULL);
    points(&it, PH_ENGINE_LANES, PH_LOG_SURVIVAL, &rate, N, t, s, NULL);
    for (int i = 0; i < N; i++) {
        assert_close(exp(f[i]), gsl_cdf_gamma_P(t[i], K, 1 / rate), 1e-12);
        assert_close(exp(s[i]), gsl_cdf_gamma_Q(t[i], K, 1 / rate), 1e-12);
    }
    process_free(&it);
}

/* t from the definition: |F(t) - p| within 1e-12 of t f(t). */
static void erlang_quantiles(void **state)
{
    (void)state;
    const double rate = 3.2,
                 p[] = {1e-300, 1e-12, 1e-3, 0.3, 0.5, 0.7, 0.999, 1 - 1e-12};
    enum { N = sizeof p / sizeof *p };
    for (int k = 1; k <= 33; k += 8) {
        process it = process_erlang(k);
        for (int engine = 0; engine < 2; engine++) {
            for (int upper = 0; upper < 2; upper++) {
                double t[N], slope[N];
                quantiles(&it, engine, &rate, N, p, upper, t, slope);
                for (int i = 0; i < N; i++) {
                    long double x = (long double)rate * t[i];
                    int low = (p[i] <= 0.5) != upper;
                    long double have =
                        low ? erlang_log_cdf(k, x) : erlang_log_survival(k, x);
                    long double want = logl(p[i] <= 0.5 ? p[i] : 1 - (long double)p[i]);
                    long double stretch =
                        expl(logl(t[i]) + erlang_log_pdf(k, rate, t[i]) - have);
                    assert_near((double)((have - want) / stretch), 0, 1e-12);
                    assert_close(slope[i], -t[i] / rate, 1e-11);
                }
            }
        }
        process_free(&it);
    }
}

/* GSL is asked for the tail that is small: the other is not inverted to all digits. */
static void quantiles_agree_with_gsl(void **state)
{
    (void)state;
    const double rate = 1.5, p[] = {1e-12, 0.01, 0.4, 0.9, 1 - 1e-12};
    enum { N = sizeof p / sizeof *p, K = 6 };
    process it = process_erlang(K);
    for (int upper = 0; upper < 2; upper++) {
        double t[N];
        quantiles(&it, PH_ENGINE_LANES, &rate, N, p, upper, t, NULL);
        for (int i = 0; i < N; i++) {
            int low = (p[i] <= 0.5) != upper;
            double small = p[i] <= 0.5 ? p[i] : 1 - p[i];
            assert_close(t[i],
                         low ? gsl_cdf_gamma_Pinv(small, K, 1 / rate)
                             : gsl_cdf_gamma_Qinv(small, K, 1 / rate),
                         1e-12);
        }
    }
    process_free(&it);
}

/* ---------------------------------------------------------------- intervals */

typedef __float128 quad;

/* e^x - 1 for x <= 0: halved until the series is short, and doubled back. */
static quad quad_expm1(quad x)
{
    int halvings = 0;
    for (; x < -0.125; x /= 2) {
        halvings++;
    }
    quad term = x, sum = 0;
    for (int j = 2; j < 40; j++) {
        sum += term;
        term *= x / j;
    }
    for (; halvings > 0; halvings--) {
        sum *= 2 + sum;
    }
    return sum;
}

/* e^x for x <= 0, relatively accurate however small: squared up from a short series. */
static quad quad_exp(quad x)
{
    int halvings = 0;
    quad y = -x, term = 1, sum = 0;
    for (; y > 0.125; y /= 2) {
        halvings++;
    }
    for (int j = 1; j < 40; j++) {
        sum += term;
        term *= y / j;
    }
    for (; halvings > 0; halvings--) {
        sum *= sum;
    }
    return 1 / sum;
}

/* Terms x^j / j! from j = k on (upper), or before k: e^x F(x), e^x S(x). */
static quad erlang_sum(int k, quad x, int upper)
{
    quad sum = 0, term = 1;
    for (int j = 0; j < k || (upper && term > (quad)1e-36 * sum); j++) {
        sum += (j >= k) == upper ? term : 0;
        term *= x / (j + 1);
    }
    return sum;
}

/*
 * log of F(u) - F(l) or, right of the mode, S(l) - S(u), both without e^(-rl); and the
 * derivative in r, from t f(t) / r = t x^(k-1) / (k-1)! e^(-x).
 */
static double erlang_interval(int k, double r, double l, double u, double *slope)
{
    quad x = (quad)r * l, y = (quad)r * u, e = quad_expm1(x - y);
    int upper = y < k;
    quad a = erlang_sum(k, x, upper), b = erlang_sum(k, y, upper);
    quad far = b * quad_exp(x - y), rest = upper ? far - a : a - far, at_l = l,
         at_u = u;
    if (e > -0.5) { /* narrow: take the two apart as little as they are */
        rest = upper ? (b - a) + e * b : (a - b) - e * b;
    }
    for (int j = 1; j < k; j++) {
        at_l *= x / j;
        at_u *= y / j;
    }
    *slope = (double)((at_u * quad_exp(x - y) - at_l) / rest);
    return (double)(logl((long double)rest) - (long double)r * l);
}

static const double ends[][2] = {
    {1e-30, 2e-30},
    {1e-3, 1.0001e-3},
    {0.1, 0.1 * (1 + 1e-12)},
    {0.5, 0.9},
    {1, 1 + 1e-12},
    {2, 2 * (1 + 1e-12)},
    {2, 2.02},
    {0.2, 30},
    {5, 5.5},
    {12, 12 * (1 + 1e-9)},
    {20, 21},
    {100, 100 * (1 + 1e-12)},
    {100, 101},
    {300, 300.5},
    {300, 900},
    {1e-12, 300},
};

static void erlang_intervals(void **state)
{
    (void)state;
    enum { N = sizeof ends / sizeof *ends };
    const double rate = 2.5;
    double l[N], u[N], value[N], gradient[N];
    for (int i = 0; i < N; i++) {
        l[i] = ends[i][0];
        u[i] = ends[i][1];
    }
    for (int k = 2; k <= 23; k += 7) {
        process it = process_erlang(k);
        for (int engine = 0; engine < 2; engine++) {
            intervals(&it, engine, &rate, N, l, u, value, gradient);
            for (int i = 0; i < N; i++) {
                double slope, exact = erlang_interval(k, rate, l[i], u[i], &slope);
                assert_near(value[i], exact, 1e-12 + 1e-15 * fabs(exact));
                assert_near(gradient[i], slope,
                            1e-11 * fabs(slope) + 1e-12 * (k / rate + l[i]));
            }
        }
        process_free(&it);
    }
}

/* Three rates: sum of c_i e^(-r_i t), c_i = product of r_j / (r_j - r_i). */
static void hypoexponential_intervals(void **state)
{
    (void)state;
    enum { N = sizeof ends / sizeof *ends };
    process it = process_text(
        "{\"phasic\": 1, \"name\": \"three\", \"parameters\": {\"a\": {}, \"b\": {}, "
        "\"c\": {}}, \"matrix\": {\"initial\": [1, 0, 0], \"rates\": [[0, \"a\", 0, "
        "0], "
        "[0, 0, \"b\", 0], [0, 0, 0, \"c\"]]}}");
    const double r[3] = {1.25, 0.375, 40};
    double l[N], u[N], value[N], gradient[3 * N];
    for (int i = 0; i < N; i++) {
        l[i] = ends[i][0];
        u[i] = ends[i][1];
    }
    for (int engine = 0; engine < 2; engine++) {
        intervals(&it, engine, r, N, l, u, value, gradient);
        for (int i = 2; i < N; i++) {
            quad sum = 0, slowest = r[1];
            for (int j = 0; j < 3; j++) {
                quad c = 1;
                for (int m = 0; m < 3; m++) {
                    c *= m == j ? 1 : (quad)r[m] / ((quad)r[m] - r[j]);
                }
                quad head = 1 + quad_expm1(-((quad)r[j] - slowest) * l[i] *
                                           (r[j] > r[1] ? 1 : 0));
                sum -= c * head * quad_expm1(-(quad)r[j] * ((quad)u[i] - l[i]));
            }
            long double exact = logl((long double)sum) - (long double)slowest * l[i];
            assert_near(value[i], (double)exact, 1e-12 + 1e-15 * (double)fabsl(exact));
        }
    }
    process_free(&it);
}

static void random_theta(uint32_t seed, size_t p, double *theta)
{
    ph_rng rng;
    ph_rng_init(&rng, seed, PH_RNG_TEST, 0, 0);
    for (size_t m = 0; m < p; m++) {
        theta[m] = exp(1.5 * ph_rng_normal(&rng));
    }
}

/* The two engines, on rates that may be far apart and ends from near to far. */
static void interval_engines_agree(void **state)
{
    (void)state;
    enum { N = 14, P = 3 };
    const double l[N] = {0, 0, 0, 1e-9, 1e-9, 0.01, 0.3, 0.3, 1, 1, 3, 10, 10, 40};
    const double u[N] = {
        1e-9, 0.2, INFINITY, 2e-9,    1,    0.0100001, 0.3 * (1 + 1e-13),
        4,    1.5, INFINITY, 3.00001, 10.1, 200,       40.001};
    process it = process_text(CYCLE);
    for (uint32_t seed = 1; seed <= 12; seed++) {
        double theta[P], value[2][N], gradient[2][N * P];
        random_theta(seed, P, theta);
        for (int engine = 0; engine < 2; engine++) {
            intervals(&it, engine, theta, N, l, u, value[engine], gradient[engine]);
        }
        for (int i = 0; i < N; i++) {
            assert_near(value[0][i], value[1][i], 1e-12 + 1e-14 * fabs(value[1][i]));
            double size = 0;
            for (int m = 0; m < P; m++) {
                size = fmax(size, fabs(gradient[1][i * P + m]));
            }
            for (int m = 0; m < P; m++) {
                assert_near(gradient[0][i * P + m], gradient[1][i * P + m],
                            1e-11 * size + 1e-14);
            }
        }
    }
    process_free(&it);
}

/* (l, m] and (m, u] add up to (l, u]; an empty interval has probability 0. */
static void intervals_add_up(void **state)
{
    (void)state;
    process it = process_text(CYCLE);
    const double theta[] = {0.4, 1.1, 7}, cut[] = {0, 1e-6, 0.01, 0.7, 0.700001, 9, 80};
    for (int i = 0; i + 2 < 7; i++) {
        double l[4] = {cut[i], cut[i + 1], cut[i], cut[i + 1]};
        double u[4] = {cut[i + 1], cut[i + 2], cut[i + 2], cut[i + 1]}, value[4],
               slope[12];
        intervals(&it, PH_ENGINE_LANES, theta, 4, l, u, value, slope);
        assert_close(exp(value[0]) + exp(value[1]), exp(value[2]), 1e-13);
        assert_true(value[3] == -INFINITY);
    }
    process_free(&it);
}

/* ------------------------------------------------------ the rest of the family */

/* F + S = 1 and hazard = f / S, with their derivatives; the engines agree. */
static void identities(void **state)
{
    (void)state;
    const double t[] = {0, 1e-9, 1e-3, 0.1, 1, 3, 10, 40};
    enum { N = sizeof t / sizeof *t, P = 3 };
    process it = process_text(CYCLE);
    for (uint32_t seed = 1; seed <= 10; seed++) {
        double theta[P], v[2][4][N], d[2][4][N * P];
        random_theta(seed, P, theta);
        for (int engine = 0; engine < 2; engine++) {
            for (int what = 0; what < 4; what++) {
                points(&it, engine, (ph_quantity)what, theta, N, t, v[engine][what],
                       d[engine][what]);
            }
        }
        for (int i = 0; i < N; i++) {
            double s = exp(v[0][PH_LOG_SURVIVAL][i]), f = exp(v[0][PH_LOG_CDF][i]);
            assert_near(s + f, 1, 1e-14);
            assert_true(i > 0 || f == 0);
            for (int what = 0; what < 4; what++) {
                assert_true(v[0][what][i] == v[1][what][i] ||
                            fabs(v[0][what][i] - v[1][what][i]) <=
                                1e-13 * (1 + fabs(v[1][what][i])));
            }
            for (int m = 0; m < P; m++) {
                int k = i * P + m;
                assert_near(f * d[0][PH_LOG_CDF][k] + s * d[0][PH_LOG_SURVIVAL][k], 0,
                            1e-13 * (1 + t[i]));
                assert_near(d[0][PH_LOG_CDF][k], d[1][PH_LOG_CDF][k],
                            1e-12 * (1 + fabs(d[1][PH_LOG_CDF][k])));
                assert_near(d[0][PH_LOG_HAZARD][k],
                            d[0][PH_LOG_PDF][k] - d[0][PH_LOG_SURVIVAL][k],
                            1e-13 * (1 + t[i]));
            }
        }
    }
    process_free(&it);
}

/* Two central differences extrapolated: error of order h^4. */
static double extrapolate(double wide, double narrow)
{
    return (4 * narrow - wide) / 3;
}

static void gradients_are_derivatives(void **state)
{
    (void)state;
    const double t[] = {0.05, 0.7, 4}, p[] = {1e-6, 0.4, 0.99};
    enum { N = 3, P = 3 };
    process it = process_text(CYCLE);
    const double theta[P] = {0.8, 1.7, 0.45};
    for (int what = PH_LOG_CDF; what <= PH_LOG_HAZARD + 1; what++) {
        int roots = what > PH_LOG_HAZARD;
        double value[N], analytic[N * P], side[2][2][N];
        if (roots) {
            quantiles(&it, PH_ENGINE_LANES, theta, N, p, 0, value, analytic);
        } else {
            points(&it, PH_ENGINE_LANES, (ph_quantity)what, theta, N, t, value,
                   analytic);
        }
        for (int m = 0; m < P; m++) {
            double h = 2e-3 * theta[m];
            for (int k = 0; k < 4; k++) {
                double moved[P] = {theta[0], theta[1], theta[2]};
                double *to = side[k / 2][k % 2];
                moved[m] += (k % 2 ? 1 : -1) * (k / 2 ? h / 2 : h);
                if (roots) {
                    quantiles(&it, PH_ENGINE_LANES, moved, N, p, 0, to, NULL);
                } else {
                    points(&it, PH_ENGINE_LANES, (ph_quantity)what, moved, N, t, to,
                           NULL);
                }
            }
            for (int i = 0; i < N; i++) {
                double slope = extrapolate((side[0][1][i] - side[0][0][i]) / (2 * h),
                                           (side[1][1][i] - side[1][0][i]) / h);
                double size = roots ? value[i] : 1;
                assert_near(analytic[i * P + m], slope, 1e-9 * (size + fabs(slope)));
            }
        }
    }
    process_free(&it);
}

/* F = 1 - q S_2, S = q S_2; quantiles up to 1 - q are 0. */
static void mass_absorbed_at_once(void **state)
{
    (void)state;
    process it = process_text(DEFECT);
    const double theta[2] = {0.75, 2}, t[] = {0, 1e-9, 0.3, 2, 40};
    const double p[] = {0, 0.1, 0.25, 0.2500001, 0.6, 1 - 1e-12};
    for (int engine = 0; engine < 2; engine++) {
        double f[5], df[10], s[5], ds[10], root[6], slope[12];
        points(&it, engine, PH_LOG_CDF, theta, 5, t, f, df);
        points(&it, engine, PH_LOG_SURVIVAL, theta, 5, t, s, ds);
        for (int i = 0; i < 5; i++) {
            double two = exp(-2 * t[i]) * (1 + 2 * t[i]);
            assert_close(exp(f[i]), 1 - 0.75 * two, 1e-14);
            assert_close(exp(s[i]), 0.75 * two, 1e-14);
            assert_near(exp(f[i]) * df[2 * i], -two, 1e-14);
            assert_near(exp(f[i]) * df[2 * i + 1],
                        0.75 * 2 * t[i] * t[i] * exp(-2 * t[i]), 1e-14);
        }
        quantiles(&it, engine, theta, 6, p, 0, root, slope);
        for (int i = 0; i < 6; i++) {
            if (p[i] <= 0.25) {
                assert_true(root[i] == 0 && slope[2 * i] == 0 && slope[2 * i + 1] == 0);
            } else {
                double x = 2 * root[i], two = exp(-x) * (1 + x);
                assert_near(0.75 * two, 1 - p[i], 1e-12 * (1 - p[i]) * (1 + x));
                assert_close(slope[2 * i + 1], -root[i] / 2, 1e-9);
                assert_close(slope[2 * i], two / (0.75 * 2 * x * exp(-x)), 1e-9);
            }
        }
    }
    process_free(&it);
}

/* Fast switching, slow absorption: the bracket must find roots 10^5 jumps away. */
static void stiff_quantiles(void **state)
{
    (void)state;
    process it = process_text(
        "{\"phasic\": 1, \"name\": \"mixture\", \"parameters\": {\"fast\": {}, "
        "\"slow\": "
        "{}}, \"matrix\": {\"initial\": [0.5, 0.5], \"rates\": [[0, 0, \"fast\"], "
        "[0, 0, \"slow\"]]}}");
    const double theta[2] = {1e4, 1},
                 p[] = {1e-9, 0.3, 0.4999, 0.5, 0.51, 0.9, 1 - 1e-9};
    double t[7], slope[14];
    quantiles(&it, PH_ENGINE_LANES, theta, 7, p, 0, t, slope);
    for (int i = 0; i < 7; i++) {
        double f = 0.5 * (1e4 * exp(-1e4 * t[i]) + exp(-t[i]));
        double cdf = -0.5 * (expm1(-1e4 * t[i]) + expm1(-t[i]));
        double over = p[i] <= 0.5 ? cdf - p[i]
                                  : (1 - p[i]) - 0.5 * (exp(-1e4 * t[i]) + exp(-t[i]));
        assert_near(over / (t[i] * f), 0, 1e-12);
        assert_close(slope[2 * i + 1], -0.5 * t[i] * exp(-t[i]) / f, 1e-9);
    }
    process_free(&it);
}

/* ------------------------------------------------------------- discrete time */

static void geometric_and_negative_binomial(void **state)
{
    (void)state;
    const double p = 0.3, t[] = {0, 1, 2, 5, 17, 60, 900};
    enum { N = sizeof t / sizeof *t };
    for (int r = 1; r <= 4; r += 3) {
        process it = process_trials(r);
        for (int engine = 0; engine < 2; engine++) {
            double f[N], df[N], h[N], dh[N];
            points(&it, engine, PH_LOG_CDF, &p, N, t, f, df);
            points(&it, engine, PH_LOG_HAZARD, &p, N, t, h, dh);
            for (int i = 0; i < N; i++) {
                long double sum = 0, slope = 0; /* P(at least r of t trials) */
                for (int j = r; j <= t[i]; j++) {
                    long double term = expl(lgammal(t[i] + 1) - lgammal(j + 1) -
                                            lgammal(t[i] - j + 1) + j * logl(p) +
                                            (t[i] - j) * log1pl(-(long double)p));
                    sum += term;
                    slope += term * (j / p - (t[i] - j) / (1 - p));
                }
                if (t[i] < r) {
                    assert_true(f[i] == -INFINITY && h[i] == -INFINITY);
                    continue;
                }
                assert_near(f[i], (double)logl(sum), 1e-13);
                if (t[i] < 100) {
                    assert_near(df[i], (double)(slope / sum), 1e-12 * (1 + t[i]));
                }
                if (r == 1) {
                    assert_near(h[i], log(p), 1e-12 * (1 + t[i]) / 100);
                    assert_near(dh[i], 1 / p, 1e-12 * (1 + t[i]));
                }
            }
        }
        process_free(&it);
    }
}

static void discrete_quantiles_are_smallest(void **state)
{
    (void)state;
    process it = process_trials(1);
    const double p = 0.3, at[] = {0, 1e-9, 0.3, 0.300001, 0.51, 0.9, 1 - 1e-12};
    const double tail[] = {1, 0.7, 0.49, 0.4899, 1e-12, 1e-300};
    for (int engine = 0; engine < 2; engine++) {
        double t[7], slope[7];
        const double expected[] = {0, 1, 1, 2, 2, 7, 78};
        const double far[] = {0, 1, 2, 3, 78, 1937};
        quantiles(&it, engine, &p, 7, at, 0, t, slope);
        for (int i = 0; i < 7; i++) {
            assert_true(t[i] == expected[i] && slope[i] == 0);
        }
        quantiles(&it, engine, &p, 6, tail, 1, t, NULL);
        for (int i = 0; i < 6; i++) {
            assert_true(t[i] == far[i]);
        }
    }
    process_free(&it);
}

/* P(l < T <= u) = (1 - p)^l - (1 - p)^u. */
static void discrete_intervals(void **state)
{
    (void)state;
    process it = process_trials(1);
    const double p = 0.3, l[] = {0, 0, 3, 3, 700, 2500}, u[] = {1, 9, 4, 40, 702, 2600};
    for (int engine = 0; engine < 2; engine++) {
        double value[6], slope[6];
        intervals(&it, engine, &p, 6, l, u, value, slope);
        for (int i = 0; i < 6; i++) {
            double width = u[i] - l[i], kept = -expm1(width * log1p(-p));
            assert_near(value[i], l[i] * log1p(-p) + log(kept), 1e-12);
            assert_near(slope[i], (-l[i] + width * (1 - kept) / kept) / (1 - p),
                        1e-12 * (1 + l[i]));
        }
    }
    process_free(&it);
}

static void other_probabilities_are_refused(void **state)
{
    (void)state;
    process it = process_erlang(2);
    const double rate = 1, low[] = {-0.1, 1, NAN}, high[] = {0, 1.5, NAN};
    for (int i = 0; i < 6; i++) {
        ph_error error = {0};
        double t;
        const double *p = i < 3 ? &low[i] : &high[i - 3];
        assert_int_equal(ph_points_quantile(it.plan, PH_ENGINE_LANES, &rate, 1, p,
                                            i >= 3, &t, NULL, &error),
                         PH_E_USAGE);
    }
    process_free(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(erlang_cdf_in_all_tails),
        cmocka_unit_test(far_times_one_after_another),
        cmocka_unit_test(erlang_agrees_with_gsl),
        cmocka_unit_test(erlang_quantiles),
        cmocka_unit_test(quantiles_agree_with_gsl),
        cmocka_unit_test(erlang_intervals),
        cmocka_unit_test(hypoexponential_intervals),
        cmocka_unit_test(interval_engines_agree),
        cmocka_unit_test(intervals_add_up),
        cmocka_unit_test(identities),
        cmocka_unit_test(gradients_are_derivatives),
        cmocka_unit_test(mass_absorbed_at_once),
        cmocka_unit_test(stiff_quantiles),
        cmocka_unit_test(geometric_and_negative_binomial),
        cmocka_unit_test(discrete_quantiles_are_smallest),
        cmocka_unit_test(discrete_intervals),
        cmocka_unit_test(other_probabilities_are_refused),
    };
    return ph_check_run(tests);
}
