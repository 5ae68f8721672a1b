/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contours against closed forms and uniformization, and when each is chosen. */
#include "process.h"

#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"
#include "phasic/dist/points.h"
#include "phasic/dist/serve.h"
#include "phasic/lik/lik.h"

/* log f or log S at t[n], its derivatives, and who served. */
static ph_tally evaluate(const process *it, ph_engine engine, ph_quantity what,
                         const double *theta, size_t n, const double *t, double *value,
                         double *gradient)
{
    ph_error error = {0};
    ph_tally tally = {0};
    char text[1024];
    if (ph_points_log_tally(it->plan, engine, what, theta, n, t, value, gradient,
                            &tally, &error) != PH_OK) {
        fail_msg("%s", ph_error_text(&error, text, sizeof text));
    }
    return tally;
}

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

typedef __float128 quad;

/* e^-x, by squaring the series of a small part; 0 below 1e-4000. */
static quad wide_exp(quad x)
{
    quad sum = 1, term = 1;
    if (x >= 9000) {
        return 0;
    }
    for (int k = 0; k < 20; k++) {
        x /= 2;
    }
    for (int k = 1; k < 25; k++) {
        term *= -x / k;
        sum += term;
    }
    for (int k = 0; k < 20; k++) {
        sum *= sum;
    }
    return sum;
}

/* Density, distribution function and their slopes in r at r = 1, where terms cancel. */
typedef struct wide {
    quad f, df, F, dF;
} wide;

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

/*
 * log P(l < T <= u) at n <= PH_LANES intervals for `theta`, by the automatic engine,
 * and its derivatives[n][parameters]: lane i differentiates term i.
 */
static ph_tally intervals(const process *it, const double *theta, size_t n,
                          const double *l, const double *u, double *value,
                          double *gradient)
{
    ph_sweep_kind kind[PH_LANES];
    double lanes[PH_LANES * PH_LANES], weight[PH_LANES * PH_LANES], far = 0;
    ph_served by[PH_LANES];
    ph_serve *serve;
    unsigned valid;
    size_t nodes = ph_plan_nodes(it->plan), p = it->model->n_parameters;
    double *block = ph_alloc_aligned(p * PH_LANES, sizeof *block);
    double *bar = ph_alloc_aligned(p * PH_LANES, sizeof *bar);
    double *node = ph_alloc_aligned(nodes * PH_LANES, sizeof *node);
    double *node_bar = ph_alloc_aligned(nodes * PH_LANES, sizeof *node_bar);
    for (size_t k = 0; k < p * PH_LANES; k++) {
        block[k] = theta[k / PH_LANES];
    }
    for (size_t i = 0; i < n; i++) {
        kind[i] = PH_INTERVAL;
        far = fmax(far, fmax(l[i], u[i] < INFINITY ? u[i] : 0));
        for (size_t k = 0; k < PH_LANES; k++) {
            weight[i * PH_LANES + k] = i == k;
        }
    }
    ph_plan_eval(it->plan, block, node);
    assert_int_equal(ph_serve_new(&serve, it->plan, PH_ENGINE_AUTO), 0);
    assert_int_equal(ph_serve_begin(serve, node, far, &valid, NULL), 0);
    assert_int_equal(ph_serve_log(serve, n, kind, l, u, lanes, by, NULL), 0);
    assert_int_equal(
        ph_serve_gradient(serve, n, kind, l, u, lanes, by, weight, node_bar), 0);
    ph_plan_adjoint(it->plan, node, node_bar, bar);
    ph_tally tally = *ph_serve_tally(serve);
    for (size_t i = 0; i < n; i++) {
        value[i] = lanes[i * PH_LANES];
        for (size_t m = 0; m < p; m++) {
            gradient[i * p + m] = bar[m * PH_LANES + i];
        }
    }
    ph_serve_free(serve);
    ph_free_aligned(block);
    ph_free_aligned(bar);
    ph_free_aligned(node);
    ph_free_aligned(node_bar);
    return tally;
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

/* A jump at the rate theta[parameter]; to -1: absorption. */
typedef struct edge {
    int from, to, parameter;
} edge;

/* A network of n states on parameters a, b, c; starts in state 0. */
typedef struct network {
    int n, n_edges;
    edge edges[40];
} network;

static void add_edge(network *it, int from, int to, int parameter)
{
    it->edges[it->n_edges++] = (edge){from, to, parameter};
}

static process network_process(const network *it)
{
    ph_buffer text = {0};
    ph_buffer_add(&text, "{\"phasic\": 1, \"name\": \"network\", \"parameters\": "
                         "{\"a\": {}, \"b\": {}, \"c\": {}}, \"graph\": {"
                         "\"initial\": [[0, 1]], \"vertices\": [");
    for (int i = 0; i < it->n; i++) {
        ph_buffer_addf(&text, "%s[%d]", i ? ", " : "", i);
    }
    ph_buffer_add(&text, "], \"edges\": [");
    for (int e = 0; e < it->n_edges; e++) {
        const edge *at = &it->edges[e];
        ph_buffer_addf(&text, "%s[%d, %d, \"%c\"]", e ? ", " : "", at->from, at->to,
                       'a' + at->parameter);
    }
    ph_buffer_add(&text, "]}}");
    process out = process_text(text.text);
    ph_buffer_free(&text);
    return out;
}

enum { WIDE = 12 };

/* A matrix and its derivative. */
typedef struct dual {
    quad x[WIDE][WIDE], d[WIDE][WIDE];
} dual;

/* a b / by */
static dual dual_product(int n, const dual *a, const dual *b, quad by)
{
    dual out = {0};
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            for (int k = 0; k < n; k++) {
                out.x[i][j] += a->x[i][k] * b->x[k][j];
                out.d[i][j] += a->d[i][k] * b->x[k][j] + a->x[i][k] * b->d[k][j];
            }
            out.x[i][j] /= by;
            out.d[i][j] /= by;
        }
    }
    return out;
}

/* e^a, by squaring the series of a small part. */
static dual dual_exp(int n, dual a, double norm)
{
    int squares = norm > 0.25 ? (int)ceil(log2(norm)) + 2 : 0;
    dual term = {0}, sum = {0};
    for (int i = 0; i < n; i++) {
        sum.x[i][i] = term.x[i][i] = 1;
        for (int j = 0; j < n; j++) {
            a.x[i][j] /= (quad)ldexp(1, squares);
            a.d[i][j] /= (quad)ldexp(1, squares);
        }
    }
    for (int k = 1; k < 22; k++) {
        term = dual_product(n, &term, &a, k);
        for (int i = 0; i < n * n; i++) {
            sum.x[0][i / n * WIDE + i % n] += term.x[0][i / n * WIDE + i % n];
            sum.d[0][i / n * WIDE + i % n] += term.d[0][i / n * WIDE + i % n];
        }
    }
    for (int k = 0; k < squares; k++) {
        sum = dual_product(n, &sum, &sum, 1);
    }
    return sum;
}

/* log f, log S or log F at t and its derivative in parameter m, in quadruple
 * precision. */
static void wide_network(const network *it, ph_quantity what, const double *theta,
                         int m, double t, double *value, double *slope)
{
    dual a = {0};
    quad exit[WIDE][2] = {{0}}, sum = 0, d = 0;
    double norm = 0;
    for (int e = 0; e < it->n_edges; e++) {
        const edge *at = &it->edges[e];
        quad rate = theta[at->parameter], one = at->parameter == m;
        a.x[at->from][at->from] -= rate * t;
        a.d[at->from][at->from] -= one * t;
        norm = fmax(norm, 2 * fabs((double)a.x[at->from][at->from]));
        if (at->to < 0) {
            exit[at->from][0] += rate;
            exit[at->from][1] += one;
        } else {
            a.x[at->from][at->to] += rate * t;
            a.d[at->from][at->to] += one * t;
        }
    }
    a = dual_exp(it->n, a, norm);
    for (int i = 0; i < it->n; i++) {
        quad s = what == PH_LOG_PDF ? exit[i][0] : 1;
        sum += a.x[0][i] * s;
        d += a.d[0][i] * s + a.x[0][i] * (what == PH_LOG_PDF ? exit[i][1] : 0);
    }
    if (what == PH_LOG_CDF) {
        sum = 1 - sum;
        d = -d;
    }
    *value =
        sum > 0.5 && what != PH_LOG_PDF ? log1p(-(double)(1 - sum)) : log((double)sum);
    *slope = (double)(d / sum);
}

/*
 * An engine against quadruple precision, quantities up to `last`; gradients in
 * proportion to the parameters.
 */
static ph_tally network_agrees(const network *it, ph_engine engine, ph_quantity last,
                               const double *theta, size_t n, const double *t)
{
    ph_tally sum = {0};
    process model = network_process(it);
    for (int what = PH_LOG_PDF; what <= (int)last; what++) {
        double value[8], gradient[24];
        ph_tally tally =
            evaluate(&model, engine, (ph_quantity)what, theta, n, t, value, gradient);
        ph_tally_add(&sum, &tally);
        for (size_t i = 0; i < n; i++) {
            double is, slope[3], norm = 0;
            for (int m = 0; m < 3; m++) {
                wide_network(it, (ph_quantity)what, theta, m, t[i], &is, &slope[m]);
                norm = fmax(norm, fabs(slope[m]));
            }
            assert_near(value[i], is, 1e-12 * fmax(1, fabs(is)));
            for (int m = 0; m < 3; m++) {
                assert_near(gradient[3 * i + (size_t)m], slope[m], 1e-11 * norm);
            }
        }
    }
    process_free(&model);
    return sum;
}

/* Ordinary stiff models with complex eigenvalues, in the body of the law. */
static void stiff_cycles(void **state)
{
    (void)state;
    const double t[] = {0.5, 1.3, 3}, rate[] = {1e5, 1e7, 1e8, 1e9};
    network it = {.n = 3};
    add_edge(&it, 0, 1, 0);
    add_edge(&it, 1, 2, 0);
    add_edge(&it, 2, 0, 1);
    add_edge(&it, 2, -1, 2);
    for (int k = 0; k < 4; k++) {
        const double theta[] = {rate[k], 1, 1.2};
        ph_tally tally =
            network_agrees(&it, PH_ENGINE_AUTO, PH_LOG_SURVIVAL, theta, 3, t);
        assert_int_equal(tally.parabola, 6);
    }
    it = (network){.n = 8};
    for (int i = 0; i < 8; i++) {
        add_edge(&it, i, (i + 1) % 8, i % 3 > 0);
    }
    add_edge(&it, 5, 2, 1);
    add_edge(&it, 3, -1, 2);
    const double theta[] = {3e7, 1.7e6, 4};
    ph_tally tally = network_agrees(&it, PH_ENGINE_AUTO, PH_LOG_CDF, theta, 2, t + 1);
    assert_int_equal(tally.parabola, 6);
}

/*
 * A shift far beyond the parabola's vertex leaves the eigenvalues inside: rings with
 * drift that are left from every state, for decays of many times 6.5.
 */
static void shifted_rings(void **state)
{
    (void)state;
    const double around[] = {3, 10, 30, 100, 300, 3000}, leave[] = {7, 20, 60};
    const double t[] = {1};
    for (int n = 5; n <= 12; n += 7) {
        network it = {.n = n};
        for (int i = 0; i < n; i++) {
            add_edge(&it, i, (i + 1) % n, 0);
            add_edge(&it, i, -1, i == n / 2 ? 1 : 2);
        }
        for (int k = 0; k < 18; k++) {
            double c = leave[k % 3];
            const double theta[] = {around[k / 3], 1.5 * c, c};
            ph_tally tally =
                network_agrees(&it, PH_ENGINE_CONTOUR, PH_LOG_CDF, theta, 1, t);
            assert_int_equal(tally.parabola, 3);
        }
    }
}

/* The same early, where survivals are near 1. */
static void stiff_cycles_early(void **state)
{
    (void)state;
    const double t[] = {1e-3, 1.7e-3, 4e-3, 0.02, 0.1};
    network it = {.n = 5};
    for (int i = 0; i < 5; i++) {
        add_edge(&it, i, (i + 1) % 5, i == 3);
    }
    add_edge(&it, 1, 4, 1);
    add_edge(&it, 4, -1, 2);
    const double rate[] = {5e7, 3e8};
    for (int k = 0; k < 2; k++) {
        const double theta[] = {rate[k], 300, 2};
        ph_tally tally = network_agrees(&it, PH_ENGINE_AUTO, PH_LOG_CDF, theta, 5, t);
        assert_int_equal(tally.parabola, 15);
    }
}

/* Cycles in a row at the rate a, each left from all its states at c: how fast they turn
 * does not show, and the time to the end is that of as many stages. */
static network turning_stages(int stages)
{
    network it = {.n = 3 * stages};
    for (int i = 0; i < it.n; i++) {
        add_edge(&it, i, i % 3 < 2 ? i + 1 : i - 2, 0);
        add_edge(&it, i, i + 3 < it.n ? i + 3 : -1, 2);
    }
    return it;
}

/* Density and distribution function of so many stages at rate 1. */
static wide wide_stages(int stages, double t)
{
    wide out = {0};
    quad e = wide_exp(t), term = 1;
    for (int k = 1; k < stages; k++) {
        term *= (quad)t / k;
    }
    out.f = e * term;
    for (int k = stages; k < stages + 200; k++) {
        term *= (quad)t / k;
        out.F += e * term;
    }
    out.df = out.f * (stages - (quad)t);
    out.dF = t * out.f;
    return out;
}

/*
 * Early times of stiff models with complex eigenvalues, where uniformization would take
 * up to 3e8 steps, by closed forms: F ~ t^stages.
 */
static void turning_stages_have_left_tails(void **state)
{
    (void)state;
    const double t[] = {1e-3, 5e-3, 0.02, 0.1, 0.4, 1.5};
    const double turns[] = {2e8, 3e7, 1e7, 1e7};
    enum { N = sizeof t / sizeof *t };
    for (int stages = 1; stages <= 4; stages++) {
        const double theta[] = {turns[stages - 1], 1, 1};
        int swept = stages > 2; /* the first, at 1e4 steps */
        network net = turning_stages(stages);
        process it = network_process(&net);
        for (int what = PH_LOG_PDF; what <= PH_LOG_CDF; what++) {
            double value[N], gradient[3 * N];
            ph_tally tally = evaluate(&it, PH_ENGINE_AUTO, (ph_quantity)what, theta, N,
                                      t, value, gradient);
            assert_int_equal(tally.parabola, N - swept);
            for (int i = 0; i < N; i++) {
                wide is = wide_stages(stages, t[i]);
                int density = what == PH_LOG_PDF, cdf = what == PH_LOG_CDF;
                double F = (double)is.F, f = (double)is.f;
                double log_x = density ? log(f) : cdf ? log(F) : log1p(-F);
                quad dx = density ? is.df / is.f : cdf ? is.dF / F : -is.dF / (1 - F);
                assert_near(value[i], log_x,
                            1e-12 * (density ? 1 : fmin(1, fabs(log_x))));
                assert_close(gradient[3 * i + 2], (double)dx, 1e-11);
                assert_near(gradient[3 * i], 0, 1e-11 * fabs((double)dx));
            }
        }
        process_free(&it);
    }
}

/* What there is between early times of them. */
static void early_intervals_of_cycles(void **state)
{
    (void)state;
    enum { N = 5, STAGES = 2 };
    const double l[N] = {0, 1e-3, 2e-3, 0.01, 0.01};
    const double u[N] = {2e-3, 1.5e-3, 0.7, INFINITY, 0.3}, theta[] = {1e8, 1, 1};
    double value[N], gradient[3 * N];
    network net = turning_stages(STAGES);
    process it = network_process(&net);
    ph_tally tally = intervals(&it, theta, N, l, u, value, gradient);
    assert_int_equal(tally.parabola, N * PH_LANES);
    for (int i = 0; i < N; i++) {
        wide low = {0, 0, 0, 0}, high = {0, 0, 1, 0};
        low = l[i] > 0 ? wide_stages(STAGES, l[i]) : low;
        high = u[i] < INFINITY ? wide_stages(STAGES, u[i]) : high;
        quad p = high.F - low.F, dp = high.dF - low.dF;
        double log_p = p > 0.5 ? log1p(-(double)(1 - p)) : log((double)p);
        assert_near(value[i], log_p, 1e-12 * fmin(1, fabs(log_p)));
        assert_close(gradient[3 * i + 2], (double)(dp / p), 1e-11);
    }
    process_free(&it);
}

static void early_quantiles_of_cycles(void **state)
{
    (void)state;
    const double p[] = {1e-5, 1e-3, 0.04, 0.6}, theta[] = {1e7, 1, 1};
    enum { N = 4, STAGES = 2 };
    double t[N], gradient[3 * N];
    ph_tally tally = {0};
    ph_error error = {0};
    network net = turning_stages(STAGES);
    process it = network_process(&net);
    assert_int_equal(ph_points_quantile_tally(it.plan, PH_ENGINE_AUTO, theta, N, p, 0,
                                              t, gradient, &tally, &error),
                     PH_OK);
    assert_true(tally.parabola > 0);
    for (int k = 0; k < N; k++) {
        assert_close((double)wide_stages(STAGES, t[k]).F, p[k], 1e-12);
        assert_close(gradient[3 * k + 2], -t[k], 1e-11);
    }
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
        cmocka_unit_test(stiff_cycles),
        cmocka_unit_test(stiff_cycles_early),
        cmocka_unit_test(turning_stages_have_left_tails),
        cmocka_unit_test(early_intervals_of_cycles),
        cmocka_unit_test(early_quantiles_of_cycles),
        cmocka_unit_test(accepted_is_right),
        cmocka_unit_test(shifted_rings),
        cmocka_unit_test(parallel_exponentials),
        cmocka_unit_test(rabbits_are_uniformized),
        cmocka_unit_test(likelihoods_agree),
    };
    return ph_check_run(tests);
}
