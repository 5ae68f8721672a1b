/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parabolas: stiff models with complex eigenvalues, against quadruple precision. */
#include "contours.h"

#include "phasic/base/buffer.h"
#include "phasic/lik/lik.h"

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
    const double rate[] = {3e7, 1e8};
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
 * up to 1e8 steps, by closed forms: F ~ t^stages.
 */
static void turning_stages_have_left_tails(void **state)
{
    (void)state;
    const double t[] = {1e-3, 5e-3, 0.02, 0.1, 0.4, 1.5};
    const double turns[] = {1e8, 4e7, 1e7, 1e7};
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
 * Parameter vectors with real eigenvalues (edges that turn both ways alike) and with
 * complex ones in one block, each with its own contour of the left tail: survivals near
 * 1, and their derivatives, of an exponential.
 */
static void lanes_of_both_kinds(void **state)
{
    (void)state;
    enum { N = 4 };
    const double time[N] = {5e-3, 8e-3, 0.02, 0.03};
    const int event[N] = {0, 0, 0, 0};
    network net = {.n = 3};
    for (int i = 0; i < 3; i++) {
        add_edge(&net, i, (i + 1) % 3, 0);
        add_edge(&net, i, (i + 2) % 3, 1);
        add_edge(&net, i, -1, 2);
    }
    process it = network_process(&net);
    ph_error error = {0};
    ph_data *data = NULL;
    ph_lik *lik = NULL;
    ph_lik_work *work = NULL;
    double theta[3 * PH_LANES] __attribute__((aligned(64))), value[PH_LANES];
    double gradient[3 * PH_LANES] __attribute__((aligned(64)));
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = 2e7;
        theta[PH_LANES + l] = l % 2 ? 2e7 : 1e7;
        theta[2 * PH_LANES + l] = 0.5 + 0.1 * l;
    }
    assert_int_equal(ph_data_from_arrays(&data, N, time, event, NULL, &error), 0);
    assert_int_equal(ph_lik_new(&lik, it.plan, data, &error), 0);
    assert_int_equal(ph_lik_work_new_engine(&work, lik, PH_ENGINE_AUTO), 0);
    assert_int_equal(ph_lik_block(lik, work, theta, value, gradient, &error), 0);
    ph_tally tally = {0};
    ph_lik_work_tally(work, &tally);
    assert_int_equal(tally.hyperbola, N * PH_LANES / 2);
    assert_int_equal(tally.parabola, N * PH_LANES / 2);
    for (int l = 0; l < PH_LANES; l++) {
        double sum = time[0] + time[1] + time[2] + time[3];
        assert_close(value[l], -sum * theta[2 * PH_LANES + l], 1e-12);
        assert_close(gradient[2 * PH_LANES + l], -sum, 1e-11);
        assert_near(gradient[l], 0, 1e-11 * sum);
        assert_near(gradient[PH_LANES + l], 0, 1e-11 * sum);
    }
    ph_lik_work_free(work);
    ph_lik_free(lik);
    ph_data_free(data);
    process_free(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stiff_cycles),
        cmocka_unit_test(shifted_rings),
        cmocka_unit_test(stiff_cycles_early),
        cmocka_unit_test(turning_stages_have_left_tails),
        cmocka_unit_test(early_intervals_of_cycles),
        cmocka_unit_test(early_quantiles_of_cycles),
        cmocka_unit_test(lanes_of_both_kinds),
    };
    return ph_check_run(tests);
}
