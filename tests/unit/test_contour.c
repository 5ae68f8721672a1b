/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contours against closed forms and uniformization, and when each is chosen. */
#include "contours.h"

#include "phasic/base/buffer.h"
#include "phasic/lik/lik.h"

/*
 * Time to the common ancestor of n lineages at rate r (Tavare 1984): S(t) is the sum
 * over k of (-1)^k (2k - 1) n (n-1) .. (n-k+1) / (n (n+1) .. (n+k-1)) e^(-l t), with
 * l = r k (k - 1) / 2. Terms do not cancel by more than some digits for r t > 1/2.
 */
static void coalescent(int n, double r, double t, double *log_f, double *slope)
{
    long double f = 0, df = 0, c = 1;
    for (int k = 1; k <= n; k++) {
        c *= (long double)(n - k + 1) / (n + k - 1);
        long double l = (long double)r * k * (k - 1) / 2;
        long double term = (k % 2 ? -1 : 1) * (2 * k - 1) * c * l * expl(-l * t);
        f += term;
        df += term * (1 - l * t) / r;
    }
    *log_f = (double)logl(f);
    *slope = (double)(df / f);
}

static void coalescents_by_closed_form(void **state)
{
    (void)state;
    const int size[] = {100, 1000};
    const double t[] = {1.5, 4, 9, 16, 20, 150, 1000, 20000}, r = 0.5;
    enum { N = sizeof t / sizeof *t };
    for (int k = 0; k < 2; k++) {
        process it = process_shipped("coalescent", "n", size[k]);
        double value[N], gradient[N], log_f, slope;
        ph_tally tally =
            evaluate(&it, PH_ENGINE_AUTO, PH_LOG_PDF, &r, N, t, value, gradient);
        assert_int_equal(tally.hyperbola, N);
        for (int i = 0; i < N; i++) {
            coalescent(size[k], r, t[i], &log_f, &slope);
            assert_near(value[i], log_f, 1e-12 * fmax(1, fabs(log_f)));
            assert_near(gradient[i], slope, 1e-11 * fmax(1, fabs(slope)));
        }
        process_free(&it);
    }
}

/* Where uniformization would take five million steps. */
static void a_stiff_coalescent(void **state)
{
    (void)state;
    const double r = 0.5, t = 5e6 / (r * 1000 * 999 / 2);
    double value, gradient, log_f, slope;
    process it = process_shipped("coalescent", "n", 1000);
    ph_tally tally =
        evaluate(&it, PH_ENGINE_AUTO, PH_LOG_PDF, &r, 1, &t, &value, &gradient);
    assert_int_equal(tally.hyperbola, 1);
    coalescent(1000, r, t, &log_f, &slope);
    assert_near(value, log_f, 1e-12 * fmax(1, fabs(log_f)));
    assert_near(gradient, slope, 1e-11 * fmax(1, fabs(slope)));
    process_free(&it);
}

/* The root search meets both engines, and a quantile does not show which. */
static void quantiles_agree(void **state)
{
    (void)state;
    const double p[] = {1e-12, 1e-3, 0.5, 0.99, 1e-12}, r = 0.5;
    process it = process_shipped("coalescent", "n", 60);
    ph_tally tally = {0};
    ph_error error = {0};
    for (int k = 0; k < 5; k++) {
        double a, b, da, db;
        int upper = k == 4; /* 1 - 1e-12, without its rounding */
        assert_int_equal(ph_points_quantile_tally(it.plan, PH_ENGINE_AUTO, &r, 1, p + k,
                                                  upper, &a, &da, &tally, &error),
                         PH_OK);
        assert_int_equal(ph_points_quantile(it.plan, PH_ENGINE_LANES, &r, 1, p + k,
                                            upper, &b, &db, &error),
                         PH_OK);
        assert_close(a, b, 1e-12);
        assert_close(da, db, 1e-11);
    }
    assert_true(tally.hyperbola > 0 && tally.uniformization > 0);
    process_free(&it);
}

/*
 * One pole of high order: no hyperbola of this size has its digits, so the automatic
 * choice ends at uniformization, against the closed form.
 */
static void stages_in_a_row(void **state)
{
    (void)state;
    const double t[] = {10, 40, 99, 150, 700, 3000}, r = 1;
    enum { N = sizeof t / sizeof *t, STAGES = 40 };
    double value[N], gradient[N];
    process it = process_erlang(STAGES);
    ph_tally tally =
        evaluate(&it, PH_ENGINE_AUTO, PH_LOG_PDF, &r, N, t, value, gradient);
    assert_int_equal(tally.hyperbola, 0);
    for (int i = 0; i < N; i++) {
        double log_f = (STAGES - 1) * log(t[i]) - t[i] - lgamma(STAGES);
        assert_near(value[i], log_f, 1e-12 * fmax(1, fabs(log_f)));
        assert_near(gradient[i], STAGES - t[i], 1e-11 * (STAGES + t[i]));
    }
    process_free(&it);
}

/*
 * A value from a pole of order m may be right where its derivative, from one of order m
 * + 1, is not: that must be seen. One stage is the hyperbola's, more are not.
 */
static void derivatives_have_more_poles(void **state)
{
    (void)state;
    enum { N = 60 };
    double t[N], value[N], gradient[N], r = 2;
    for (int i = 0; i < N; i++) {
        t[i] = 50 * pow(100, i / (N - 1.0));
    }
    for (int stages = 1; stages <= 4; stages++) {
        process it = process_erlang(stages);
        double m = stages;
        ph_tally tally =
            evaluate(&it, PH_ENGINE_AUTO, PH_LOG_PDF, &r, N, t, value, gradient);
        assert_true(stages > 1 || tally.hyperbola > N / 2);
        for (int i = 0; i < N; i++) {
            double log_f = m * log(r) + (m - 1) * log(t[i]) - r * t[i] - lgamma(m);
            assert_close(value[i], log_f, 1e-12);
            assert_close(gradient[i], m / r - t[i], 1e-11);
        }
        process_free(&it);
    }
}

static wide wide_coalescent(int n, double t)
{
    wide sum = {0, 0, 1, 0};
    quad c = 1;
    for (int k = 1; k <= n; k++) {
        c = c * (n - k + 1) / (n + k - 1);
        quad l = (quad)k * (k - 1) / 2;
        quad term = (k % 2 ? -1 : 1) * (2 * k - 1) * c * wide_exp(l * t);
        sum.f += term * l;
        sum.df += term * l * (1 - l * t);
        sum.F -= k > 1 ? term : 0;
    }
    sum.dF = t * sum.f;
    return sum;
}

/*
 * One early time must not send a stiff likelihood through a million steps: densities
 * down to 1e-6 of the largest are those of the hyperbola for the left tail, and so are
 * small probabilities and survivals near 1, with all digits of their derivatives.
 */
static void left_tail_has_its_hyperbola(void **state)
{
    (void)state;
    const double t[] = {0.45, 0.5, 0.6, 0.7, 0.8, 1, 3, 20}, r = 1;
    enum { N = sizeof t / sizeof *t };
    const int size[] = {300, 1000};
    for (int k = 0; k < 2; k++) {
        process it = process_shipped("coalescent", "n", size[k]);
        for (int what = PH_LOG_PDF; what <= PH_LOG_CDF; what++) {
            double value[N], gradient[N];
            ph_tally tally = evaluate(&it, PH_ENGINE_AUTO, (ph_quantity)what, &r, N, t,
                                      value, gradient);
            assert_int_equal(tally.hyperbola, N);
            for (int i = 0; i < N; i++) {
                wide is = wide_coalescent(size[k], t[i]);
                quad x = what == PH_LOG_PDF   ? is.f
                         : what == PH_LOG_CDF ? is.F
                                              : 1 - is.F;
                quad dx = what == PH_LOG_PDF   ? is.df
                          : what == PH_LOG_CDF ? is.dF
                                               : -is.dF;
                double log_x = what == PH_LOG_SURVIVAL && is.F < 0.5
                                   ? log1p(-(double)is.F)
                                   : log((double)x);
                assert_near(value[i], log_x, 1e-12 * fmax(1, fabs(log_x)));
                assert_close(gradient[i], (double)(dx / x), 1e-11);
            }
        }
        process_free(&it);
    }
}

/* Intervals of the left tail, also to infinity, and their derivatives. */
static void early_intervals(void **state)
{
    (void)state;
    enum { N = 5, SIZE = 300 };
    const double l[N] = {0, 0.5, 0.5, 0.7, 1}, u[N] = {0.6, 0.6, 0.501, INFINITY, 3};
    const double rate = 1;
    double value[N], gradient[N];
    process it = process_shipped("coalescent", "n", SIZE);
    ph_tally tally = intervals(&it, &rate, N, l, u, value, gradient);
    assert_int_equal(tally.hyperbola, N * PH_LANES);
    for (int i = 0; i < N; i++) {
        wide low = {0, 0, 0, 0}, high = {0, 0, 1, 0};
        low = l[i] > 0 ? wide_coalescent(SIZE, l[i]) : low;
        high = u[i] < INFINITY ? wide_coalescent(SIZE, u[i]) : high;
        quad p = high.F - low.F, dp = high.dF - low.dF;
        double log_p = p > 0.5 ? log1p(-(double)(1 - p)) : log((double)p);
        assert_near(value[i], log_p, 1e-12 * fmax(1, fabs(log_p)));
        assert_close(gradient[i], (double)(dp / p), 1e-11);
    }
    process_free(&it);
}

/* Where the search begins, no double holds the density: a path has 2999 jumps. */
static void quantiles_of_a_long_chain(void **state)
{
    (void)state;
    const double p[] = {0.025, 0.9}, r = 1;
    process it = process_shipped("coalescent", "n", 3000);
    double t[2], gradient[2];
    ph_tally tally = {0};
    ph_error error = {0};
    assert_int_equal(ph_points_quantile_tally(it.plan, PH_ENGINE_AUTO, &r, 2, p, 0, t,
                                              gradient, &tally, &error),
                     PH_OK);
    for (int k = 0; k < 2; k++) {
        assert_close((double)wide_coalescent(3000, t[k]).F, p[k], 1e-12);
        assert_close(gradient[k], -t[k], 1e-11);
    }
    process_free(&it);
}

/* Left of all mass, where a contour has no digits, and in the body. */
static void left_tail_is_uniformized(void **state)
{
    (void)state;
    const double t[] = {0, 0.05, 0.22, 0.3, 0.5, 0.9, 3}, r = 0.5;
    enum { N = sizeof t / sizeof *t };
    process it = process_shipped("coalescent", "n", 100);
    for (int what = PH_LOG_PDF; what <= PH_LOG_HAZARD; what++) {
        double a[N], da[N], b[N], db[N];
        ph_tally tally =
            evaluate(&it, PH_ENGINE_AUTO, (ph_quantity)what, &r, N, t, a, da);
        evaluate(&it, PH_ENGINE_LANES, (ph_quantity)what, &r, N, t, b, db);
        assert_true(tally.uniformization > 0 && tally.hyperbola > 0);
        for (int i = 0; i < N; i++) {
            if (isfinite(b[i])) {
                assert_near(a[i], b[i], 1e-12 * fmax(1, fabs(b[i])));
                assert_near(da[i], db[i], 1e-11 * fabs(db[i]));
            }
        }
    }
    process_free(&it);
}

static void a_forced_contour_may_be_refused(void **state)
{
    (void)state;
    const double early = 0.05, late = 9, r = 0.5, p = 0.3;
    double value;
    ph_error error = {0};
    process it = process_shipped("coalescent", "n", 100);
    assert_int_equal(ph_points_log(it.plan, PH_ENGINE_CONTOUR, PH_LOG_PDF, &r, 1,
                                   &early, &value, NULL, &error),
                     PH_E_MODEL);
    assert_non_null(strstr(error.message, "0.05"));
    ph_tally tally =
        evaluate(&it, PH_ENGINE_CONTOUR, PH_LOG_PDF, &r, 1, &late, &value, NULL);
    assert_int_equal(tally.hyperbola, 1);
    process_free(&it);
    it = process_text("{\"phasic\": 1, \"name\": \"steps\", \"time\": \"discrete\", "
                      "\"parameters\": {\"p\": {}}, \"matrix\": {\"initial\": [1], "
                      "\"rates\": [[\"1 - p\", \"p\"]]}}");
    error = (ph_error){0};
    assert_int_equal(ph_points_log(it.plan, PH_ENGINE_CONTOUR, PH_LOG_PDF, &p, 1, &late,
                                   &value, NULL, &error),
                     PH_E_MODEL);
    process_free(&it);
}

/* n states in a row or a ring; edges forward at "a", back at `back`, out of state 0 at
 * "b". */
static process chain(int n, const char *back, int ring)
{
    ph_buffer text = {0};
    ph_buffer_add(&text, "{\"phasic\": 1, \"name\": \"chain\", \"parameters\": {\"a\": "
                         "{}, \"b\": {}}, \"matrix\": {\"initial\": [");
    for (int i = 0; i < n; i++) {
        ph_buffer_addf(&text, "%s%d", i ? ", " : "", i == n / 2);
    }
    ph_buffer_add(&text, "], \"rates\": [");
    for (int i = 0; i < n; i++) {
        ph_buffer_add(&text, i ? ", [" : "[");
        for (int j = 0; j < n; j++) {
            int next = j == i + 1 || (ring && j == 0 && i == n - 1);
            int before = j == i - 1 || (ring && i == 0 && j == n - 1);
            const char *rate = next ? "\"a\"" : before ? back : "0";
            ph_buffer_addf(&text, "%s, ", rate);
        }
        ph_buffer_add(&text, i == 0 ? "\"b\"]" : "0]");
    }
    ph_buffer_add(&text, "]}}");
    process it = process_text(text.text);
    ph_buffer_free(&text);
    return it;
}

/* The automatic engine against uniformization. */
static ph_tally agree(const process *it, const double *theta, size_t p, size_t n,
                      const double *t, ph_engine engine)
{
    ph_tally sum = {0};
    for (int what = PH_LOG_PDF; what <= PH_LOG_SURVIVAL; what++) {
        double a[16], b[16], da[64], db[64];
        ph_tally tally = evaluate(it, engine, (ph_quantity)what, theta, n, t, a, da);
        ph_tally_add(&sum, &tally);
        evaluate(it, PH_ENGINE_LANES, (ph_quantity)what, theta, n, t, b, db);
        for (size_t i = 0; i < n; i++) {
            double norm = 0;
            for (size_t m = 0; m < p; m++) {
                norm = fmax(norm, fabs(db[i * p + m]));
            }
            assert_near(a[i], b[i], 1e-12 * fmax(1, fabs(b[i])));
            for (size_t m = 0; m < p; m++) {
                assert_near(da[i * p + m], db[i * p + m], 1e-11 * norm);
            }
        }
    }
    return sum;
}

static void birth_and_death(void **state)
{
    (void)state;
    const double theta[] = {0.9, 1.1}, t[] = {30, 200, 500, 1000, 2000};
    process it = chain(60, "\"b\"", 0);
    ph_spectrum spectrum;
    assert_int_equal(ph_spectrum_find(it.graph, &spectrum), PH_OK);
    assert_int_equal(spectrum, PH_SPECTRUM_TREE);
    ph_tally tally = agree(&it, theta, 2, 5, t, PH_ENGINE_AUTO);
    assert_true(tally.hyperbola >= 4 && tally.parabola == 0);
    process_free(&it);
}

/* A cycle: real eigenvalues in balance, complex ones with drift. */
static void rings(void **state)
{
    (void)state;
    const double even[] = {1, 1}, drift[] = {1.5, 1}, t[] = {60, 300, 1000, 3000};
    process it = chain(12, "\"b\"", 1);
    ph_spectrum spectrum;
    assert_int_equal(ph_spectrum_find(it.graph, &spectrum), PH_OK);
    assert_int_equal(spectrum, PH_SPECTRUM_BALANCE);
    ph_tally tally = agree(&it, even, 2, 4, t, PH_ENGINE_CONTOUR);
    assert_true(tally.hyperbola == 8 && tally.parabola == 0);
    tally = agree(&it, drift, 2, 4, t, PH_ENGINE_CONTOUR);
    assert_true(tally.hyperbola == 0 && tally.parabola == 8);
    process_free(&it);
    it = chain(12, "0", 1);
    assert_int_equal(ph_spectrum_find(it.graph, &spectrum), PH_OK);
    assert_int_equal(spectrum, PH_SPECTRUM_ANY);
    const double far[] = {1, 10, 100, 1000, 1e4, 5e4}, rate[] = {2, 0.01};
    tally = agree(&it, rate, 2, 6, far, PH_ENGINE_AUTO);
    assert_true(tally.hyperbola == 0);
    tally = agree(&it, rate, 2, 3, far + 3, PH_ENGINE_CONTOUR);
    assert_true(tally.hyperbola == 0 && tally.parabola == 6);
    process_free(&it);
}

/*
 * Before and during the first laps of a ring its eigenvalues are far from the axis: a
 * contour is refused or right.
 */
static void accepted_is_right(void **state)
{
    (void)state;
    const double theta[] = {2, 0.3};
    int accepted = 0, refused = 0;
    process it = chain(12, "0", 1);
    for (int what = PH_LOG_PDF; what <= PH_LOG_CDF; what++) {
        for (double t = 0.05; t < 3000; t *= 1.3) {
            double a, b, da[2], db[2];
            ph_error error = {0};
            int status = ph_points_log(it.plan, PH_ENGINE_CONTOUR, (ph_quantity)what,
                                       theta, 1, &t, &a, da, &error);
            if (status != PH_OK) {
                assert_int_equal(status, PH_E_MODEL);
                refused++;
                continue;
            }
            accepted++;
            evaluate(&it, PH_ENGINE_LANES, (ph_quantity)what, theta, 1, &t, &b, db);
            double norm = fmax(fabs(db[0]), fabs(db[1]));
            assert_near(a, b, 1e-12 * fmax(1, fabs(b)));
            assert_near(da[0], db[0], 1e-11 * norm);
            assert_near(da[1], db[1], 1e-11 * norm);
        }
    }
    assert_true(accepted > 30 && refused > 10);
    process_free(&it);
}

/* Most of the mass leaves at once; what is asked for is the small rest. */
static void parallel_exponentials(void **state)
{
    (void)state;
    enum { N = 4 };
    const double theta[] = {0.7, 1e8, 1e-9}, t[N] = {0.1, 0.3, 1, 5};
    double value[N], gradient[3 * N];
    process it = process_text(
        "{\"phasic\": 1, \"name\": \"three\", \"parameters\": {\"a\": {}, \"b\": {}, "
        "\"c\": {}}, \"matrix\": {\"initial\": [0.25, 0.25, 0.5], \"rates\": "
        "[[0, 0, 0, \"b\"], [0, 0, 0, \"a\"], [0, 0, 0, \"c\"]]}}");
    ph_tally tally =
        evaluate(&it, PH_ENGINE_AUTO, PH_LOG_PDF, theta, N, t, value, gradient);
    assert_int_equal(tally.hyperbola, N);
    for (int i = 0; i < N; i++) {
        double a = theta[0], c = theta[2], slow = c * exp(-c * t[i]);
        double f = a * exp(-a * t[i]) / 4 + slow / 2;
        assert_near(value[i], log(f), 1e-12 * fmax(1, fabs(log(f))));
        assert_close(gradient[3 * i], (1 - a * t[i]) * exp(-a * t[i]) / 4 / f, 1e-11);
        assert_near(gradient[3 * i + 1], 0, 1e-11);
        assert_close(gradient[3 * i + 2], (1 - c * t[i]) * slow / c / 2 / f, 1e-11);
    }
    process_free(&it);
}

static void rabbits_are_uniformized(void **state)
{
    (void)state;
    const double t[] = {0.3, 1, 4, 100};
    double theta[8];
    ph_error error = {0};
    process it = process_shipped("rabbits", "n", 10);
    assert_int_equal(ph_model_theta(it.model, theta, &error), PH_OK);
    ph_tally tally = agree(&it, theta, it.model->n_parameters, 4, t, PH_ENGINE_AUTO);
    assert_int_equal(tally.uniformization, 6); /* the last time is long enough */
    process_free(&it);
}

/* All kinds of observations, lanes of all speeds, by the engines; the gradient. */
static void likelihoods_agree(void **state)
{
    (void)state;
    enum { N = 6 };
    const double time[N] = {0.3, 0.7, 2, 5, 11, 30};
    const int event[N] = {1, 1, 0, 1, 1, 0};
    process it = process_shipped("coalescent", "n", 60);
    ph_error error = {0};
    ph_data *data = NULL;
    ph_lik *lik = NULL;
    ph_lik_work *work[2] = {NULL, NULL};
    double theta[PH_LANES] __attribute__((aligned(64))), value[2][PH_LANES];
    double gradient[2][PH_LANES] __attribute__((aligned(64)));
    assert_int_equal(ph_data_from_arrays(&data, N, time, event, NULL, &error), 0);
    assert_int_equal(ph_lik_new(&lik, it.plan, data, &error), 0);
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = l == 5 ? -1 : 0.01 * pow(2.5, l);
    }
    for (int e = 0; e < 2; e++) {
        ph_engine engine = e ? PH_ENGINE_LANES : PH_ENGINE_AUTO;
        assert_int_equal(ph_lik_work_new_engine(&work[e], lik, engine), 0);
        assert_int_equal(
            ph_lik_block(lik, work[e], theta, value[e], gradient[e], &error), 0);
    }
    ph_tally tally = {0};
    ph_lik_work_tally(work[0], &tally);
    assert_true(tally.hyperbola > 0 && tally.refused > 0);
    for (int l = 0; l < PH_LANES; l++) {
        if (l == 5) {
            assert_true(value[0][l] == -INFINITY && gradient[0][l] == 0);
            continue;
        }
        assert_close(value[0][l], value[1][l], 1e-12);
        /* uniformization's own gradients lose digits in the far right tail */
        assert_near(gradient[0][l], gradient[1][l], 1e-10 * fabs(gradient[1][l]));
    }
    ph_lik_work_free(work[0]);
    ph_lik_work_free(work[1]);
    ph_lik_free(lik);
    ph_data_free(data);
    process_free(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coalescents_by_closed_form),
        cmocka_unit_test(a_stiff_coalescent),
        cmocka_unit_test(quantiles_agree),
        cmocka_unit_test(stages_in_a_row),
        cmocka_unit_test(derivatives_have_more_poles),
        cmocka_unit_test(left_tail_has_its_hyperbola),
        cmocka_unit_test(early_intervals),
        cmocka_unit_test(quantiles_of_a_long_chain),
        cmocka_unit_test(left_tail_is_uniformized),
        cmocka_unit_test(a_forced_contour_may_be_refused),
        cmocka_unit_test(birth_and_death),
        cmocka_unit_test(rings),
        cmocka_unit_test(accepted_is_right),
        cmocka_unit_test(parallel_exponentials),
        cmocka_unit_test(rabbits_are_uniformized),
        cmocka_unit_test(likelihoods_agree),
    };
    return ph_check_run(tests);
}
