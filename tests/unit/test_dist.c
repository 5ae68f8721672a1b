/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Closed forms, invariances and the plain twin. */
#include "process.h"

#include "phasic/base/memory.h"
#include "phasic/base/rng.h"
#include "phasic/dist/points.h"
#include "phasic/dist/sweep.h"

static void points(const process *it, ph_engine engine, const double *theta, size_t n,
                   const double *t, double *log_pdf, double *log_survival,
                   double *d_pdf, double *d_survival)
{
    ph_error error = {0};
    char text[1024];
    if (ph_points(it->plan, engine, theta, n, t, log_pdf, log_survival, d_pdf,
                  d_survival, &error) != PH_OK) {
        fail_msg("%s", ph_error_text(&error, text, sizeof text));
    }
}

/* log density of Erlang(k, r) */
static double erlang_log(int k, double r, double t)
{
    return (double)(k * logl(r) + (k - 1) * logl(t) - (long double)r * t - lgammal(k));
}

/* From t -> 0 to f = e^-9000, with the gradient k/r - t. */
static void erlang_in_all_tails(void **state)
{
    (void)state;
    const double rate = 2.5;
    const double t[] = {1e-30, 1e-12, 1e-5, 0.01, 0.5, 1, 4, 20, 100, 300, 1000, 3600};
    enum { N = sizeof t / sizeof *t };
    for (int stages = 1; stages <= 40; stages += 13) {
        process it = process_erlang(stages);
        for (int engine = PH_ENGINE_LANES; engine <= PH_ENGINE_PLAIN; engine++) {
            double value[N], gradient[N];
            points(&it, (ph_engine)engine, &rate, N, t, value, NULL, gradient, NULL);
            for (int i = 0; i < N; i++) {
                assert_close(value[i], erlang_log(stages, rate, t[i]), 1e-13);
                assert_near(gradient[i], stages / rate - t[i],
                            1e-12 * (stages / rate + t[i]));
            }
        }
        process_free(&it);
    }
}

/* S(t) = Q(k, r t); d log S / dr = -t (r t)^(k-1) e^(-r t) / (Gamma(k) S). */
static void erlang_survival(void **state)
{
    (void)state;
    const double rate = 0.8, t[] = {0, 1e-6, 0.3, 2, 11, 60, 400};
    enum { N = sizeof t / sizeof *t, K = 4 };
    process it = process_erlang(K);
    for (int engine = PH_ENGINE_LANES; engine <= PH_ENGINE_PLAIN; engine++) {
        double value[N], gradient[N];
        points(&it, (ph_engine)engine, &rate, N, t, NULL, value, NULL, gradient);
        for (int i = 0; i < N; i++) {
            long double x = (long double)rate * t[i], sum = 0, term = 1;
            for (int k = 0; k < K; k++) {
                sum += term;
                term *= x / (k + 1);
            }
            long double exact = logl(sum) - x;
            assert_near(value[i], (double)exact, 1e-15 + 1e-13 * (double)fabsl(exact));
            long double slope = -t[i] * powl(x, K - 1) / 6 / sum;
            assert_near(gradient[i], (double)slope,
                        1e-12 * (double)fabsl(slope) + 1e-15 * t[i]);
        }
    }
    process_free(&it);
}

/* Long enough that vectors are recomputed segment by segment. */
static void checkpoints_do_not_change_the_gradient(void **state)
{
    (void)state;
    const double rate = 3, t[] = {20, 40, 900, 2000};
    process it = process_erlang(120);
    double value[4], gradient[4];
    points(&it, PH_ENGINE_LANES, &rate, 4, t, value, NULL, gradient, NULL);
    for (int i = 0; i < 4; i++) {
        assert_close(value[i], erlang_log(120, rate, t[i]), 1e-13);
        assert_near(gradient[i], 120 / rate - t[i], 1e-12 * (120 / rate + t[i]));
    }
    process_free(&it);
}

#define CYCLE                                                                          \
    "{\"phasic\": 1, \"name\": \"cycle\", \"parameters\": {\"a\": {}, \"b\": {}, "     \
    "\"c\": {}}, \"matrix\": {\"initial\": [0.7, 0.3, 0, 0], \"rates\": ["             \
    "[0, \"a\", \"2*b\", 0, 0.25], [\"c\", 0, \"a+b\", 0, 0],"                         \
    "[0, \"a*c/b\", 0, \"b\", \"c\"], [\"exp(-a)\", 0.5, \"c\", 0, \"b/3\"]]}}"

static void random_theta(uint32_t seed, size_t p, double *theta)
{
    ph_rng rng;
    ph_rng_init(&rng, seed, PH_RNG_TEST, 0, 0);
    for (size_t m = 0; m < p; m++) {
        theta[m] = exp(1.5 * ph_rng_normal(&rng));
    }
}

static void lanes_equal_the_definition(void **state)
{
    (void)state;
    const double t[] = {0, 1e-9, 1e-3, 0.1, 0.4, 1, 3, 10, 40, 200};
    enum { N = sizeof t / sizeof *t, P = 3 };
    process it = process_text(CYCLE);
    for (uint32_t seed = 1; seed <= 20; seed++) {
        double theta[P], f[2][N], s[2][N], df[2][N * P], ds[2][N * P];
        random_theta(seed, P, theta);
        for (int e = 0; e < 2; e++) {
            points(&it, (ph_engine)e, theta, N, t, f[e], s[e], df[e], ds[e]);
        }
        for (int i = 0; i < N; i++) {
            assert_near(f[0][i], f[1][i], 1e-13 * (1 + fabs(f[1][i])));
            assert_near(s[0][i], s[1][i], 1e-13 * (1 + fabs(s[1][i])));
            double size[2] = {0, 0};
            for (int m = 0; m < P; m++) {
                size[0] = fmax(size[0], fabs(df[1][i * P + m]));
                size[1] = fmax(size[1], fabs(ds[1][i * P + m]));
            }
            for (int m = 0; m < P; m++) {
                assert_near(df[0][i * P + m], df[1][i * P + m],
                            1e-12 * size[0] + 1e-14);
                assert_near(ds[0][i * P + m], ds[1][i * P + m],
                            1e-12 * size[1] + 1e-14);
            }
        }
    }
    process_free(&it);
}

/* The definition's gradient against Richardson-extrapolated central differences. */
static void adjoint_is_the_derivative(void **state)
{
    (void)state;
    const double t[] = {0.05, 0.7, 4, 15};
    enum { N = 4, P = 3 };
    process it = process_text(CYCLE);
    for (uint32_t seed = 31; seed <= 34; seed++) {
        double theta[P], analytic[2][N * P], value[2][2][2][N];
        random_theta(seed, P, theta);
        points(&it, PH_ENGINE_PLAIN, theta, N, t, NULL, NULL, analytic[0], analytic[1]);
        for (int m = 0; m < P; m++) {
            double h = 1e-3 * theta[m];
            for (int halved = 0; halved < 2; halved++) {
                for (int side = 0; side < 2; side++) {
                    double moved[P] = {theta[0], theta[1], theta[2]};
                    moved[m] += (side ? 1 : -1) * (halved ? h / 2 : h);
                    points(&it, PH_ENGINE_PLAIN, moved, N, t, value[halved][side][0],
                           value[halved][side][1], NULL, NULL);
                }
            }
            for (int kind = 0; kind < 2; kind++) {
                for (int i = 0; i < N; i++) {
                    double wide =
                        (value[0][1][kind][i] - value[0][0][kind][i]) / (2 * h);
                    double narrow = (value[1][1][kind][i] - value[1][0][kind][i]) / h;
                    double slope = (4 * narrow - wide) / 3;
                    assert_near(analytic[kind][i * P + m], slope,
                                1e-9 * (1 + fabs(slope)) / fmin(1, theta[m]));
                }
            }
        }
    }
    process_free(&it);
}

/*
 * f does not depend on Lambda. A second lane that needs twice (and 50 times) the rate
 * makes the block run faster; the first lane's value and gradient must not move.
 */
static void the_uniformization_rate_cancels(void **state)
{
    (void)state;
    enum { P = 3 };
    process it = process_text(CYCLE);
    const ph_pool *pool = it.graph->pool;
    size_t nodes = ph_pool_length(pool);
    double *theta = ph_alloc_aligned(P * PH_LANES, sizeof *theta);
    double *u = ph_alloc_aligned(nodes * PH_LANES, sizeof *u);
    double *u_bar = ph_alloc_aligned(nodes * PH_LANES, sizeof *u_bar);
    double *bar = ph_alloc_aligned(P * PH_LANES, sizeof *bar);
    double value[3], gradient[3][P];
    const double factor[3] = {1, 2, 50}, weight[PH_LANES] = {1}, t = 1.7;
    for (int run = 0; run < 3; run++) {
        ph_sweep *sweep = NULL;
        unsigned valid;
        double log_f[PH_LANES];
        for (int l = 0; l < PH_LANES; l++) {
            for (int m = 0; m < P; m++) {
                theta[m * PH_LANES + l] = (0.5 + m) * (l ? factor[run] : 1);
            }
        }
        ph_pool_eval(pool, theta, u);
        memset(u_bar, 0, nodes * PH_LANES * sizeof *u_bar);
        memset(bar, 0, P * PH_LANES * sizeof *bar);
        assert_int_equal(ph_sweep_new(&sweep, it.plan), 0);
        assert_int_equal(ph_sweep_begin(sweep, u, t, &valid), 0);
        assert_int_equal(valid, 0xFF);
        assert_int_equal(ph_sweep_log(sweep, PH_DENSITY, t, log_f), 0);
        assert_int_equal(ph_sweep_seed(sweep, PH_DENSITY, t, weight, log_f), 0);
        assert_int_equal(ph_sweep_gradient(sweep, u_bar), 0);
        ph_pool_adjoint(pool, u, u_bar, bar);
        value[run] = log_f[0];
        for (int m = 0; m < P; m++) {
            gradient[run][m] = bar[m * PH_LANES];
        }
        ph_sweep_free(sweep);
    }
    for (int run = 1; run < 3; run++) {
        assert_near(value[run], value[0], 1e-13);
        for (int m = 0; m < P; m++) {
            assert_near(gradient[run][m], gradient[0][m], 1e-12);
        }
    }
    ph_free_aligned(theta);
    ph_free_aligned(u);
    ph_free_aligned(u_bar);
    ph_free_aligned(bar);
    process_free(&it);
}

/* A sweep asked for more after it has run back gives what a fresh one gives. */
static void a_sweep_goes_on_after_its_gradient(void **state)
{
    (void)state;
    process it = process_erlang(300);
    const double rate = 1;
    double early[2] = {250, 300}, all[3] = {250, 300, 5000}, one[2], two[3], g[3], h[2];
    points(&it, PH_ENGINE_LANES, &rate, 3, all, two, NULL, g, NULL);
    points(&it, PH_ENGINE_LANES, &rate, 2, early, one, NULL, h, NULL);
    for (int i = 0; i < 3; i++) {
        assert_close(two[i], erlang_log(300, rate, all[i]), 1e-13);
        assert_near(g[i], 300 - all[i], 1e-12 * (300 + all[i]));
    }
    /* more points than lanes, so that seeds come after a way back */
    double t[20], value[20], gradient[20];
    for (int i = 0; i < 20; i++) {
        t[i] = 100 + 300 * i;
    }
    points(&it, PH_ENGINE_LANES, &rate, 20, t, value, NULL, gradient, NULL);
    for (int i = 0; i < 20; i++) {
        assert_near(gradient[i], 300 - t[i], 1e-12 * (300 + t[i]));
    }
    process_free(&it);
}

/*
 * Mass that a larger rate leaves behind in the first of 300 states is lost to the end
 * of double range, and its adjoint may lie beyond the other end.
 */
static void a_fast_neighbour_in_the_far_tail(void **state)
{
    (void)state;
    process it = process_erlang(300);
    const ph_pool *pool = it.graph->pool;
    size_t nodes = ph_pool_length(pool);
    double *theta = ph_alloc_aligned(PH_LANES, sizeof *theta);
    double *u = ph_alloc_aligned(nodes * PH_LANES, sizeof *u);
    double *u_bar = ph_alloc_aligned(nodes * PH_LANES, sizeof *u_bar);
    double *bar = ph_alloc_aligned(PH_LANES, sizeof *bar);
    const double weight[PH_LANES] = {1};
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = l ? 1.0625 : 1;
    }
    ph_pool_eval(pool, theta, u);
    for (double t = 1000; t <= 6000; t += 500) {
        ph_sweep *sweep = NULL;
        unsigned valid;
        double log_f[PH_LANES];
        memset(u_bar, 0, nodes * PH_LANES * sizeof *u_bar);
        memset(bar, 0, PH_LANES * sizeof *bar);
        assert_int_equal(ph_sweep_new(&sweep, it.plan), 0);
        assert_int_equal(ph_sweep_begin(sweep, u, t, &valid), 0);
        assert_int_equal(ph_sweep_log(sweep, PH_DENSITY, t, log_f), 0);
        assert_int_equal(ph_sweep_seed(sweep, PH_DENSITY, t, weight, log_f), 0);
        assert_int_equal(ph_sweep_gradient(sweep, u_bar), 0);
        ph_pool_adjoint(pool, u, u_bar, bar);
        assert_close(log_f[0], erlang_log(300, 1, t), 1e-12);
        assert_near(bar[0], 300 - t, 1e-11 * (300 + t));
        ph_sweep_free(sweep);
    }
    ph_free_aligned(theta);
    ph_free_aligned(u);
    ph_free_aligned(u_bar);
    ph_free_aligned(bar);
    process_free(&it);
}

/*
 * log f of two states, switching at rate a, absorption from the second at rate b: S has
 * trace -(2a + b), determinant ab, f = ab (e^{x1 t} - e^{x2 t}) / (x1 - x2).
 */
static long double two_state_log(long double a, long double b, long double t)
{
    long double s = 2 * a + b, root = sqrtl(s * s - 4 * a * b);
    long double x1 = -2 * a * b / (s + root);
    return x1 * t + logl(-expm1l(-root * t)) + logl(a * b / root);
}

/* Derivative by central differences at three widths, extrapolated to order 6. */
static long double two_state_slope(const double *theta, int m, long double t)
{
    long double d[3];
    for (int k = 0; k < 3; k++) {
        long double h = theta[m] * ldexpl(1e-2L, -k), a = theta[0], b = theta[1];
        d[k] = (two_state_log(a + (m ? 0 : h), b + (m ? h : 0), t) -
                two_state_log(a - (m ? 0 : h), b - (m ? h : 0), t)) /
               (2 * h);
    }
    long double e = (4 * d[1] - d[0]) / 3, f = (4 * d[2] - d[1]) / 3;
    return (16 * f - e) / 15;
}

/* Stiff: fast switching between two states, slow absorption from one. */
static void stiff_two_state(void **state)
{
    (void)state;
    process it = process_text(
        "{\"phasic\": 1, \"name\": \"stiff\", \"parameters\": {\"fast\": {}, \"slow\": "
        "{}}, \"matrix\": {\"initial\": [1, 0], \"rates\": [[0, \"fast\", 0], "
        "[\"fast\", 0, \"slow\"]]}}");
    const double t[] = {1e-3, 0.1, 1, 5, 10};
    for (double fast = 10; fast <= 1e6; fast *= sqrt(1000)) {
        double theta[2] = {fast, 0.3}, value[5], slope[10];
        points(&it, PH_ENGINE_LANES, theta, 5, t, value, NULL, slope, NULL);
        for (int i = 0; i < 5; i++) {
            double exact = (double)two_state_log(fast, 0.3, t[i]);
            double by_slow = (double)two_state_slope(theta, 1, t[i]);
            double by_fast = (double)two_state_slope(theta, 0, t[i]);
            assert_near(value[i], exact, 1e-12);
            /* 1 / slow - t / 2 is a sum that may cancel; relative to the whole vector
             */
            assert_near(slope[2 * i + 1], by_slow, 1e-11 * (1 / theta[1] + t[i] / 2));
            assert_near(slope[2 * i], by_fast, 1e-11 * (1 / theta[1] + 1 / fast));
        }
    }
    process_free(&it);
}

/* Geometric: probability mass p (1 - p)^(t - 1), survival (1 - p)^t. */
static void discrete_time_is_exact(void **state)
{
    (void)state;
    process it = process_text(
        "{\"phasic\": 1, \"name\": \"geometric\", \"time\": \"discrete\", "
        "\"parameters\": {\"p\": {\"support\": \"unit\"}}, \"state\": {\"on\": []}, "
        "\"start\": {\"on\": 1}, \"transitions\": [{\"when\": \"on > 0\", \"set\": "
        "{\"on\": 0}, \"probability\": \"p\"}]}");
    const double p = 0.3, t[] = {0, 1, 2, 17, 900};
    for (int engine = 0; engine < 2; engine++) {
        double f[5], s[5], df[5], ds[5];
        points(&it, (ph_engine)engine, &p, 5, t, f, s, df, ds);
        assert_true(f[0] == -INFINITY && s[0] == 0);
        for (int i = 1; i < 5; i++) {
            assert_close(f[i], log(p) + (t[i] - 1) * log1p(-p), 1e-13);
            assert_close(s[i], t[i] * log1p(-p), 1e-13);
            assert_close(df[i], 1 / p - (t[i] - 1) / (1 - p), 1e-12);
            assert_close(ds[i], -t[i] / (1 - p), 1e-12);
        }
    }
    process_free(&it);
}

static void outside_the_model_is_refused(void **state)
{
    (void)state;
    process it = process_text(
        "{\"phasic\": 1, \"name\": \"signed\", \"parameters\": {\"a\": {\"support\": "
        "\"real\"}}, \"matrix\": {\"initial\": [1], \"rates\": [[0, \"1 + a\"]]}}");
    const double good = 0.5, bad = -2, t = 1;
    for (int engine = 0; engine < 2; engine++) {
        double f;
        ph_error error = {0};
        points(&it, (ph_engine)engine, &good, 1, &t, &f, NULL, NULL, NULL);
        assert_close(f, log(1.5) - 1.5, 1e-14);
        assert_int_equal(ph_points(it.plan, (ph_engine)engine, &bad, 1, &t, &f, NULL,
                                   NULL, NULL, &error),
                         PH_E_NUMERIC);
    }
    process_free(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(erlang_in_all_tails),
        cmocka_unit_test(erlang_survival),
        cmocka_unit_test(checkpoints_do_not_change_the_gradient),
        cmocka_unit_test(lanes_equal_the_definition),
        cmocka_unit_test(adjoint_is_the_derivative),
        cmocka_unit_test(the_uniformization_rate_cancels),
        cmocka_unit_test(a_sweep_goes_on_after_its_gradient),
        cmocka_unit_test(a_fast_neighbour_in_the_far_tail),
        cmocka_unit_test(stiff_two_state),
        cmocka_unit_test(discrete_time_is_exact),
        cmocka_unit_test(outside_the_model_is_refused),
    };
    return ph_check_run(tests);
}
