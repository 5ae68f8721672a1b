/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Densities with epochs: closed forms in cumulative hazards, the matrix exponential,
 * the homogeneous engine where epochs change nothing, and the definition.
 */
#include <gsl/gsl_blas.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_sf_gamma.h>

#include "epoch_models.h"
#include "phasic/base/memory.h"
#include "phasic/dist/plain.h"
#include "phasic/dist/points.h"
#include "phasic/dist/serve.h"
#include "phasic/dist/sweep.h"

/* m stages at rate r until T, then at rate q. */
#define STAGES                                                                         \
    "{'phasic':1,'constants':{'m':%d},'parameters':{'r':{'value':1},"                  \
    "'q':{'value':2},'T':{'value':1}},'state':{'k':[]},'start':{'k':'m'},"             \
    "'transitions':[{'when':'k>0','change':{'k':-1},'rate':'r'}],"                     \
    "'epochs':[{'at':'T','set':{'r':'q'}}]}"

static process stages(int m)
{
    char text[1024];
    snprintf(text, sizeof text, STAGES, m);
    return process_quoted(text);
}

static const ph_engine engines[] = {PH_ENGINE_LANES, PH_ENGINE_PLAIN};

/* log of f, and its derivatives by r, q and T: a gamma law in H, the hazard so far. */
static double stages_log(int m, const double *theta, double t, double slope[3])
{
    double r = theta[0], q = theta[1], at = theta[2], early = fmin(t, at),
           late = t - early, h = r * early + q * late, by_h = (m - 1) / h - 1;
    int after = t >= at;
    slope[0] = (after ? 0 : 1 / r) + by_h * early;
    slope[1] = (after ? 1 / q : 0) + by_h * late;
    slope[2] = after ? by_h * (r - q) : 0;
    return log(after ? q : r) + (m - 1) * log(h) - h - gsl_sf_lngamma(m);
}

static void check_stages(const process *it, ph_engine engine, int m,
                         const double *theta, double t)
{
    double value, gradient[3], slope[3];
    double expected = stages_log(m, theta, t, slope);
    assert_int_equal(ph_points_log(it->plan, engine, PH_LOG_PDF, theta, 1, &t, &value,
                                   gradient, NULL),
                     0);
    assert_near(value, expected, 1e-12 * fmax(1, fabs(expected) / 100));
    for (int k = 0; k < 3; k++) {
        double size = fabs(slope[0]) + fabs(slope[1]) + fabs(slope[2]);
        assert_near(gradient[k], slope[k], 1e-11 * size);
    }
}

static void stages_have_closed_densities(void **state)
{
    (void)state;
    static const double thetas[][3] = {
        {1, 2, 1}, {40, 0.5, 0.3}, {0.01, 30, 2}, {3, 3, 1e-3}, {1e-3, 5, 50}};
    static const double times[] = {1e-30, 1e-5, 0.1, 0.3, 0.7, 1, 1.7, 5, 60};
    for (int m = 1; m <= 16; m += 5) {
        process it = stages(m);
        for (size_t e = 0; e < 2; e++) {
            for (size_t k = 0; k < sizeof thetas / sizeof *thetas; k++) {
                for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
                    check_stages(&it, engines[e], m, thetas[k], times[i]);
                }
            }
        }
        process_free(&it);
    }
}

/* Where S is nearly 1, its logarithm and derivatives have the digits of F. */
static void survivals_near_one(void **state)
{
    (void)state;
    static const double thetas[][3] = {{1, 2, 1}, {0.01, 30, 2}, {3, 5, 1e-4}};
    static const double times[] = {1e-6, 2e-4, 1e-3, 0.1, 0.5};
    process it = stages(3);
    for (size_t e = 0; e < 2; e++) {
        for (size_t k = 0; k < 3; k++) {
            for (size_t i = 0; i < 5; i++) {
                double r = thetas[k][0], q = thetas[k][1], at = thetas[k][2];
                double t = times[i], early = fmin(t, at), late = t - early, value;
                double h = r * early + q * late, gradient[3];
                double by_h = -gsl_ran_gamma_pdf(h, 3, 1) / gsl_cdf_gamma_Q(h, 3, 1);
                double slope[3] = {early, late, late > 0 ? r - q : 0};
                assert_int_equal(ph_points_log(it.plan, engines[e], PH_LOG_SURVIVAL,
                                               thetas[k], 1, &t, &value, gradient,
                                               NULL),
                                 0);
                assert_close(value, log1p(-gsl_cdf_gamma_P(h, 3, 1)), 1e-12);
                for (int m = 0; m < 3; m++) {
                    assert_close(gradient[m], by_h * slope[m], 1e-11);
                }
            }
        }
    }
    process_free(&it);
}

/* Far beyond double range: f down to e^-20000 to the right, e^-2700 to the left. */
static void far_tails_are_finite(void **state)
{
    (void)state;
    static const double theta[] = {2, 25, 1.5};
    static const double right[] = {30, 70, 300, 800};
    process one = stages(1), many = stages(40);
    for (size_t i = 0; i < 4; i++) {
        check_stages(&one, PH_ENGINE_LANES, 1, theta, right[i]);
        check_stages(&many, PH_ENGINE_LANES, 40, theta, right[i]);
    }
    check_stages(&many, PH_ENGINE_LANES, 40, theta, 1e-30);
    check_stages(&many, PH_ENGINE_LANES, 40, theta, 1e-3);
    process_free(&one);
    process_free(&many);
}

/* Many pieces, and a chain longer than one of them. */
static void long_chains(void **state)
{
    (void)state;
    static const double theta[] = {700, 300, 0.4};
    static const double times[] = {0.2, 0.39, 0.41, 0.9, 1.5, 6};
    process it = stages(500);
    for (size_t i = 0; i < 6; i++) {
        check_stages(&it, PH_ENGINE_LANES, 500, theta, times[i]);
    }
    process_free(&it);
}

/*
 * A fast ring, which dies out at once, beside two slow states of which one is left at
 * another rate from T on; and a fast switch both of whose states are left at rate a,
 * then d. Roundings of a step repeat for as many steps as there are.
 */
#define RING_BESIDE                                                                    \
    "{'phasic':1,'parameters':{'a':{},'d':{},'T':{},'c':{},'b':{}},"                   \
    "'graph':{'vertices':[[0],[1],[2],[3],[4]],"                                       \
    "'initial':[[0,0.25],[1,0.25],[4,0.5]],'edges':[[0,2,'b'],[2,3,'b'],[3,0,'b'],"    \
    "[3,-1,'b'],[1,-1,'a'],[4,-1,'c']]},'epochs':[{'at':'T','set':{'a':'d'}}]}"
#define SWITCH                                                                         \
    "{'phasic':1,'parameters':{'a':{},'d':{},'T':{},'b':{}},"                          \
    "'graph':{'vertices':[[0],[1]],'initial':[[0,0.75],[1,0.25]],"                     \
    "'edges':[[0,1,'b'],[1,0,'b'],[0,-1,'a'],[1,-1,'a']]},"                            \
    "'epochs':[{'at':'T','set':{'a':'d'}}]}"

static void check_drift(const char *model, const double *theta, double t, double f,
                        const double *slope, size_t n)
{
    double value, found[5], size = 0;
    process it = process_quoted(model);
    assert_int_equal(ph_points_log(it.plan, PH_ENGINE_LANES, PH_LOG_PDF, theta, 1, &t,
                                   &value, found, NULL),
                     0);
    assert_near(value, log(f), 1e-12);
    for (size_t m = 0; m < n; m++) {
        size = fmax(size, fabs(theta[m] * slope[m]));
    }
    for (size_t m = 0; m < n; m++) { /* T by differences of what a step changes */
        double noise = m == 2 ? 2e-16 * 247000 * t : 0;
        assert_near(theta[m] * found[m] / size, theta[m] * slope[m] / size,
                    1e-11 + noise);
    }
    process_free(&it);
}

static void nothing_drifts(void **state)
{
    (void)state;
    static const double lasts[] = {0.05, 1, 10}; /* 1.2e4, 2.5e5, 2.5e6 steps */
    for (size_t i = 0; i < 3; i++) {
        double t = lasts[i], at = 0.4 * t, a = 0.7 / t, d = 1.1 / t, c = 1e-9;
        double theta[] = {a, d, at, c, 123457};
        double one = d * exp(-a * at - d * (t - at)), other = 2 * c * exp(-c * t);
        double f = (one + other) / 4, share = one / (one + other);
        double slope[] = {-at * share, (1 / d - (t - at)) * share, (d - a) * share,
                          (1 / c - t) * (1 - share), 0};
        check_drift(RING_BESIDE, theta, t, f, slope, 5);
        for (int far = 0; far < 2; far++) {
            double e = far ? 1e-7 : 1, both[] = {a * e, d * e, at, 123457};
            double h = both[0] * at + both[1] * (t - at);
            double by[] = {-at, 1 / both[1] - (t - at), both[1] - both[0], 0};
            check_drift(SWITCH, both, t, both[1] * exp(-h), by, 4);
        }
    }
}

/* The cumulative hazard of TWO_HAZARDS and its derivatives by a, b and T. */
static double hazard(const double *theta, double t, double slope[3])
{
    double early = fmin(t, theta[2]), late = t - early;
    slope[0] = early;
    slope[1] = late;
    slope[2] = late > 0 ? theta[0] - theta[1] : 0;
    return theta[0] * early + theta[1] * late;
}

typedef struct block {
    process it;
    ph_sweep *sweep;
    size_t nodes, p;
    double *theta, *u, *u_bar, *theta_bar;
    unsigned valid;
} block;

static block block_new(process it, const double *theta, double t_max)
{
    block self = {.it = it};
    self.nodes = ph_plan_nodes(it.plan);
    self.p = ph_plan_parameters(it.plan);
    self.theta = ph_alloc_aligned(self.p * PH_LANES, sizeof(double));
    self.theta_bar = ph_alloc_aligned(self.p * PH_LANES, sizeof(double));
    self.u = ph_alloc_aligned(self.nodes * PH_LANES, sizeof(double));
    self.u_bar = ph_alloc_aligned(self.nodes * PH_LANES, sizeof(double));
    memcpy(self.theta, theta, self.p * PH_LANES * sizeof(double));
    assert_int_equal(ph_sweep_new(&self.sweep, it.plan), 0);
    ph_plan_eval(it.plan, self.theta, self.u);
    assert_int_equal(ph_sweep_begin(self.sweep, self.u, t_max, &self.valid), 0);
    return self;
}

static void block_free(block *self)
{
    ph_sweep_free(self->sweep);
    ph_free_aligned(self->theta);
    ph_free_aligned(self->theta_bar);
    ph_free_aligned(self->u);
    ph_free_aligned(self->u_bar);
    process_free(&self->it);
}

/* log of one value in all lanes, and its gradient into theta_bar. */
static void block_log(block *self, ph_sweep_kind kind, double t, double t2,
                      double value[PH_LANES])
{
    double weight[PH_LANES];
    for (int l = 0; l < PH_LANES; l++) {
        weight[l] = 1;
    }
    memset(self->u_bar, 0, self->nodes * PH_LANES * sizeof(double));
    memset(self->theta_bar, 0, self->p * PH_LANES * sizeof(double));
    if (kind == PH_INTERVAL) {
        assert_int_equal(ph_sweep_log_interval(self->sweep, t, t2, value), 0);
        assert_int_equal(ph_sweep_seed_interval(self->sweep, t, t2, weight, value), 0);
    } else {
        assert_int_equal(ph_sweep_log(self->sweep, kind, t, value), 0);
        assert_int_equal(ph_sweep_seed(self->sweep, kind, t, weight, value), 0);
    }
    assert_int_equal(ph_sweep_gradient(self->sweep, self->u_bar), 0);
    ph_plan_adjoint(self->it.plan, self->u, self->u_bar, self->theta_bar);
}

/* Lanes change at times from 0.1 to 3.6: most times lie in two epochs at once. */
static void hazard_lanes(double *theta)
{
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = 0.3 + 0.4 * l;
        theta[PH_LANES + l] = 5 - 0.6 * l;
        theta[2 * PH_LANES + l] = 0.1 + 0.5 * l;
    }
}

static void lanes_lie_in_different_epochs(void **state)
{
    (void)state;
    static const double ends[][2] = {{0, 0.05},     {0, 2},    {0.05, 3}, {0.3, 0.31},
                                     {1, 1 + 1e-9}, {0.2, 40}, {2.2, 90}, {150, 151}};
    double theta[3 * PH_LANES], value[PH_LANES];
    hazard_lanes(theta);
    block it = block_new(process_quoted(TWO_HAZARDS), theta, 160);
    assert_int_equal(it.valid, 0xff);
    for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
        double l = ends[k][0], u = ends[k][1];
        block_log(&it, PH_INTERVAL, l, u, value);
        for (int lane = 0; lane < PH_LANES; lane++) {
            double own[3] = {theta[lane], theta[PH_LANES + lane],
                             theta[2 * PH_LANES + lane]};
            double by_l[3], by_u[3], low = hazard(own, l, by_l);
            double high = hazard(own, u, by_u);
            assert_near(value[lane], -low + log(-expm1(low - high)),
                        1e-12 * (1 + low / 100) + 1e-15 / (u - l));
            double size = 1 + low + 1 / (high - low);
            for (size_t m = 0; m < 3; m++) {
                double slope = -by_l[m] + (by_u[m] - by_l[m]) / expm1(high - low);
                assert_near(it.theta_bar[m * PH_LANES + (size_t)lane], slope,
                            1e-12 * size);
            }
        }
    }
    block_free(&it);
}

/*
 * Lanes that are fast for a moment beside lanes that are slow for long: together they
 * would take 10^12 steps, alone none takes more than a few. One that takes more than
 * the limit, by its fast epoch alone, is left out.
 */
static void moments_of_speed(void **state)
{
    (void)state;
    double theta[3 * PH_LANES], value[3 * PH_LANES], weight[3 * PH_LANES];
    for (int l = 0; l < PH_LANES; l++) {
        int fast = l % 2;
        theta[l] = fast ? 1e12 : 0.3;
        theta[PH_LANES + l] = 0.4 + 0.1 * l;
        theta[2 * PH_LANES + l] = fast ? 1e-12 * l : 1 + 0.1 * l;
    }
    theta[2 * PH_LANES + 3] = 1e-6;
    static const ph_sweep_kind kind[] = {PH_DENSITY, PH_SURVIVAL, PH_INTERVAL};
    static const double t[] = {3, 2, 2.5}, t2[] = {0, 0, 4};
    ph_served by[3];
    ph_serve *serve;
    ph_error error = {0};
    unsigned valid;
    block it = block_new(process_quoted(TWO_HAZARDS), theta, 4);
    assert_int_equal(ph_serve_new(&serve, it.it.plan, PH_ENGINE_AUTO), 0);
    ph_serve_limit(serve, 1e5);
    assert_int_equal(ph_serve_begin(serve, it.u, 4, &valid, &error), 0);
    assert_int_equal(valid, 0xff);
    assert_int_equal(ph_serve_log(serve, 3, kind, t, t2, value, by, &error), 0);
    assert_int_equal(ph_serve_beyond(serve), 1 << 3);
    for (size_t k = 0; k < 3 * PH_LANES; k++) {
        weight[k] = k % PH_LANES == 3 ? 0 : 1;
    }
    memset(it.u_bar, 0, it.nodes * PH_LANES * sizeof(double));
    memset(it.theta_bar, 0, it.p * PH_LANES * sizeof(double));
    assert_int_equal(
        ph_serve_gradient(serve, 3, kind, t, t2, value, by, weight, it.u_bar), 0);
    ph_plan_adjoint(it.it.plan, it.u, it.u_bar, it.theta_bar);
    for (size_t l = 0; l < PH_LANES; l++) {
        double own[3] = {theta[l], theta[PH_LANES + l], theta[2 * PH_LANES + l]};
        double by_3[3], by_2[3], by_l[3], by_u[3], h3 = hazard(own, 3, by_3);
        double h2 = hazard(own, 2, by_2), low = hazard(own, 2.5, by_l);
        double high = hazard(own, 4, by_u);
        for (size_t k = 0; l == 3 && k < 3; k++) {
            assert_true(isnan(value[k * PH_LANES + l]));
        }
        if (l == 3) {
            continue;
        }
        assert_near(value[l], log(own[1]) - h3, 1e-12);
        assert_near(value[PH_LANES + l], -h2, 1e-12);
        assert_near(value[2 * PH_LANES + l], -low + log(-expm1(low - high)), 1e-12);
        for (size_t m = 0; m < 3; m++) {
            double slope = -by_3[m] - by_2[m] - by_l[m] +
                           (by_u[m] - by_l[m]) / expm1(high - low) +
                           (m == 1 ? 1 / own[1] : 0);
            assert_near(own[m] * it.theta_bar[m * PH_LANES + l], own[m] * slope, 1e-11);
        }
    }
    ph_serve_free(serve);
    block_free(&it);
}

/* Every kind of term in lanes against the definition, one lane at a time. */
static void lanes_equal_the_definition(const char *model, const double *theta,
                                       const double (*terms)[3], size_t n, double t_max)
{
    double value[PH_LANES];
    block it = block_new(process_quoted(model), theta, t_max);
    double *u = ph_alloc(2 * it.nodes, sizeof *u), *u_bar = u + it.nodes;
    double *own = ph_alloc(2 * it.p, sizeof *own), *bar = own + it.p;
    assert_int_equal(it.valid, 0xff);
    for (size_t i = 0; i < n; i++) {
        ph_sweep_kind kind = (ph_sweep_kind)terms[i][0];
        block_log(&it, kind, terms[i][1], terms[i][2], value);
        for (size_t l = 0; l < PH_LANES; l++) {
            double plain, one = 1, size = 1;
            for (size_t m = 0; m < it.p; m++) {
                own[m] = theta[m * PH_LANES + l];
                bar[m] = 0;
            }
            memset(u_bar, 0, it.nodes * sizeof *u_bar);
            ph_plan_eval_plain(it.it.plan, own, u);
            assert_int_equal(ph_plain_eval(it.it.plan, u, 1, &kind, &terms[i][1],
                                           &terms[i][2], &plain, &one, u_bar),
                             0);
            ph_plan_adjoint_plain(it.it.plan, u, u_bar, bar);
            if (plain == -INFINITY) {
                assert_true(value[l] == -INFINITY);
                continue;
            }
            assert_near(value[l], plain, 1e-12 + 1e-14 * fabs(plain));
            for (size_t m = 0; m < it.p; m++) {
                size += fabs(bar[m]);
            }
            for (size_t m = 0; m < it.p; m++) {
                assert_near(it.theta_bar[m * PH_LANES + l], bar[m], 1e-12 * size);
            }
        }
    }
    free(u);
    free(own);
    block_free(&it);
}

static void lanes_equal_plain(void **state)
{
    (void)state;
    static const double terms[][3] = {
        {PH_DENSITY, 0, 0},         {PH_DENSITY, 1e-9, 0},   {PH_DENSITY, 0.37, 0},
        {PH_DENSITY, 1.3, 0},       {PH_DENSITY, 25, 0},     {PH_SURVIVAL, 0, 0},
        {PH_SURVIVAL, 0.9, 0},      {PH_SURVIVAL, 60, 0},    {PH_DISTRIBUTION, 1e-7, 0},
        {PH_DISTRIBUTION, 0.8, 0},  {PH_DISTRIBUTION, 9, 0}, {PH_INTERVAL, 0.1, 0.2},
        {PH_INTERVAL, 0.1, 5},      {PH_INTERVAL, 0, 1},     {PH_INTERVAL, 3, INFINITY},
        {PH_INTERVAL, 1.1, 1.1001}, {PH_INTERVAL, 2, 2},     {PH_INTERVAL, 30, 70}};
    double theta[3 * PH_LANES];
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = 0.6 + 0.2 * l;
        theta[PH_LANES + l] = 1.9 - 0.2 * l;
        theta[2 * PH_LANES + l] = 0.05 + 0.2 * l;
    }
    lanes_equal_the_definition(THREE_EPOCHS, theta, terms, sizeof terms / sizeof *terms,
                               80);
}

static void discrete_lanes_equal_plain(void **state)
{
    (void)state;
    static const double terms[][3] = {
        {PH_DENSITY, 0, 0},      {PH_DENSITY, 1, 0},      {PH_DENSITY, 3, 0},
        {PH_DENSITY, 4, 0},      {PH_DENSITY, 8, 0},      {PH_DENSITY, 400, 0},
        {PH_SURVIVAL, 0, 0},     {PH_SURVIVAL, 7, 0},     {PH_SURVIVAL, 300, 0},
        {PH_DISTRIBUTION, 0, 0}, {PH_DISTRIBUTION, 3, 0}, {PH_DISTRIBUTION, 90, 0},
        {PH_INTERVAL, 2, 9},     {PH_INTERVAL, 3, 4},     {PH_INTERVAL, 5, 600}};
    double theta[2 * PH_LANES];
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = 0.2 + 0.08 * l;
        theta[PH_LANES + l] = 0.7 - 0.07 * l;
    }
    lanes_equal_the_definition(STEP_EPOCHS, theta, terms, sizeof terms / sizeof *terms,
                               600);
}

/* f = alpha exp(S1 T) exp(S2 (t - T)) s2 of the number of lineages, and S. */
static void death_chain(double first, double second, double at, double t, double *f,
                        double *survival)
{
    gsl_matrix *a = gsl_matrix_calloc(3, 3), *b = gsl_matrix_calloc(3, 3);
    gsl_matrix *ea = gsl_matrix_alloc(3, 3), *eb = gsl_matrix_alloc(3, 3);
    gsl_matrix *both = gsl_matrix_alloc(3, 3);
    static const double pairs[] = {6, 3, 1};
    double early = fmin(t, at), late = t - early;
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = i; j < 3 && j < i + 2; j++) {
            double sign = i == j ? -pairs[i] : pairs[i];
            gsl_matrix_set(a, i, j, sign / first * early);
            gsl_matrix_set(b, i, j, sign / second * late);
        }
    }
    gsl_linalg_exponential_ss(a, ea, GSL_PREC_DOUBLE);
    gsl_linalg_exponential_ss(b, eb, GSL_PREC_DOUBLE);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, ea, eb, 0, both);
    *f = gsl_matrix_get(both, 0, 2) / (t >= at ? second : first);
    *survival = 0;
    for (size_t j = 0; j < 3; j++) {
        *survival += gsl_matrix_get(both, 0, j);
    }
    gsl_matrix_free(a);
    gsl_matrix_free(b);
    gsl_matrix_free(ea);
    gsl_matrix_free(eb);
    gsl_matrix_free(both);
}

static void sizes_equal_the_matrix_exponential(void **state)
{
    (void)state;
    static const double theta[] = {0.25, 0.5};
    static const double times[] = {0.1, 0.3, 0.499, 0.5, 0.501, 0.7, 1, 2, 4};
    process it = process_quoted(TWO_SIZES);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        double log_f, log_s, f, survival;
        assert_int_equal(ph_points(it.plan, PH_ENGINE_LANES, theta, 1, &times[i],
                                   &log_f, &log_s, NULL, NULL, NULL),
                         0);
        death_chain(1, 0.25, 0.5, times[i], &f, &survival);
        assert_close(exp(log_f), f, 1e-12);
        assert_close(exp(log_s), survival, 1e-12);
    }
    process_free(&it);
}

/* An epoch that changes nothing, however often. */
static void equal_epochs_change_nothing(void **state)
{
    (void)state;
#define CYCLE                                                                          \
    "{'phasic':1,'parameters':{'a':{'value':1.3},'b':{'value':0.7},"                   \
    "'T':{'value':0.4}},'graph':{'vertices':[[0],[1],[2]],'initial':[[0,1]],"          \
    "'edges':[[0,1,'a'],[1,0,'b'],[1,2,'a/2'],[2,0,'a*b'],[2,-1,'b'],[0,-1,0.2]]}"
    process with = process_quoted(
        CYCLE ",'epochs':[{'at':'T','set':{'a':'a'}},{'at':'9*T','set':{'b':'b'}}]}");
    process without = process_quoted(CYCLE "}");
    static const double theta[] = {1.3, 0.7, 0.4};
    static const double t[] = {1e-8, 0.2, 0.4, 0.41, 3.7, 20, 400, 5000};
    static const ph_quantity what[] = {PH_LOG_PDF, PH_LOG_SURVIVAL, PH_LOG_CDF};
    double one[8], other[8], slope[24], other_slope[24], quantile[2], other_quantile[2];
    for (int k = 0; k < 3; k++) {
        assert_int_equal(ph_points_log(with.plan, PH_ENGINE_LANES, what[k], theta, 8, t,
                                       one, slope, NULL),
                         0);
        assert_int_equal(ph_points_log(without.plan, PH_ENGINE_LANES, what[k], theta, 8,
                                       t, other, other_slope, NULL),
                         0);
        for (size_t i = 0; i < 8; i++) {
            double size = fabs(other_slope[3 * i]) + fabs(other_slope[3 * i + 1]);
            assert_near(one[i], other[i], 1e-13 * fmax(1, fabs(other[i])));
            for (size_t m = 0; m < 3; m++) {
                assert_near(slope[3 * i + m], other_slope[3 * i + m],
                            1e-12 * fmax(1, size));
            }
        }
    }
    static const double p[] = {0.05, 0.93};
    assert_int_equal(ph_points_quantile(with.plan, PH_ENGINE_LANES, theta, 2, p, 0,
                                        quantile, NULL, NULL),
                     0);
    assert_int_equal(ph_points_quantile(without.plan, PH_ENGINE_LANES, theta, 2, p, 0,
                                        other_quantile, NULL, NULL),
                     0);
    assert_close(quantile[0], other_quantile[0], 1e-12);
    assert_close(quantile[1], other_quantile[1], 1e-12);
    process_free(&with);
    process_free(&without);
}

/* Quantiles of TWO_HAZARDS by the inverse of the hazard, on both sides of T. */
static void quantiles_have_a_closed_form(void **state)
{
    (void)state;
    static const double theta[] = {0.8, 2.5, 0.9}, p[] = {1e-12, 0.1, 0.5, 0.9, 0.9999};
    process it = process_quoted(TWO_HAZARDS);
    double t[5], slope[15];
    for (size_t e = 0; e < 2; e++) {
        assert_int_equal(
            ph_points_quantile(it.plan, engines[e], theta, 5, p, 0, t, slope, NULL), 0);
        for (size_t i = 0; i < 5; i++) {
            double h = -log1p(-p[i]), early = h < 0.72;
            double late = (h - 0.72) / 2.5;
            assert_close(t[i], early ? h / 0.8 : 0.9 + late, 1e-12);
            assert_near(slope[3 * i], early ? -t[i] / 0.8 : -0.9 / 2.5, 1e-11);
            assert_near(slope[3 * i + 1], early ? 0 : -late / 2.5, 1e-11);
            assert_near(slope[3 * i + 2], early ? 0 : 1 - 0.8 / 2.5, 1e-11);
        }
    }
    process_free(&it);
}

/* Nothing ends from 1 to T, and after T + 1 nothing ever does. */
static void rates_of_zero(void **state)
{
    (void)state;
    process it = process_quoted(
        "{'phasic':1,'constants':{'open':1},'parameters':{'a':{'value':0.5},"
        "'T':{'value':2}},'matrix':{'initial':[1],'rates':[[0,'a*open']]},"
        "'epochs':[{'at':1,'set':{'open':0}},{'at':'T','set':{'open':1}},"
        "{'at':'T+1','set':{'open':0}}]}");
    static const double theta[] = {0.5, 2}, t[] = {0.5, 1, 1.5, 2, 2.5, 3, 1e6};
    double value[7], slope[14], survival[7], p = 0.7, at;
    for (size_t e = 0; e < 2; e++) {
        assert_int_equal(ph_points_log(it.plan, engines[e], PH_LOG_PDF, theta, 7, t,
                                       value, slope, NULL),
                         0);
        assert_int_equal(ph_points_log(it.plan, engines[e], PH_LOG_SURVIVAL, theta, 7,
                                       t, survival, NULL, NULL),
                         0);
        assert_true(value[1] == -INFINITY && value[2] == -INFINITY);
        assert_true(value[5] == -INFINITY && value[6] == -INFINITY);
        assert_near(value[4], log(0.5) - 0.75, 1e-14);
        assert_near(slope[8], 2 - 1.5, 1e-14);
        assert_near(slope[9], 0.5, 1e-14);
        assert_near(survival[2], -0.5, 1e-14);
        assert_near(survival[6], -1, 1e-14);
        assert_int_equal(
            ph_points_quantile(it.plan, engines[e], theta, 1, &p, 0, &at, NULL, NULL),
            PH_E_NUMERIC);
    }
    process_free(&it);
}

/* Times that do not increase, values outside a support, rates that are negative. */
static void outside_the_model(void **state)
{
    (void)state;
    double theta[3 * PH_LANES], value[PH_LANES];
    for (int l = 0; l < PH_LANES; l++) {
        theta[l] = 1;
        theta[PH_LANES + l] = 1;
        theta[2 * PH_LANES + l] = 1;
    }
    theta[2 * PH_LANES + 1] = 0;        /* begins at 0 */
    theta[2 * PH_LANES + 2] = 4;        /* after the second change */
    theta[2 * PH_LANES + 3] = INFINITY; /* never */
    theta[PH_LANES + 4] = -0.5;         /* below what a may be */
    theta[PH_LANES + 5] = 3;            /* a rate below 0 */
    block it =
        block_new(process_quoted("{'phasic':1,'parameters':{'a':{'value':1},"
                                 "'b':{'support':'real','value':1},"
                                 "'T':{'support':'real','value':1}},"
                                 "'matrix':{'initial':[1],'rates':[[0,'2+a-b*b']]},"
                                 "'epochs':[{'at':'T','set':{'a':'b'}},"
                                 "{'at':3,'set':{'b':0}}]}"),
                  theta, 10);
    assert_int_equal(it.valid, 0xc1);
    assert_int_equal(ph_sweep_log(it.sweep, PH_SURVIVAL, 2, value), 0);
    assert_near(value[0], -4, 1e-13);
    block_free(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_have_closed_densities),
        cmocka_unit_test(survivals_near_one),
        cmocka_unit_test(far_tails_are_finite),
        cmocka_unit_test(long_chains),
        cmocka_unit_test(lanes_lie_in_different_epochs),
        cmocka_unit_test(moments_of_speed),
        cmocka_unit_test(nothing_drifts),
        cmocka_unit_test(lanes_equal_plain),
        cmocka_unit_test(discrete_lanes_equal_plain),
        cmocka_unit_test(sizes_equal_the_matrix_exponential),
        cmocka_unit_test(equal_epochs_change_nothing),
        cmocka_unit_test(quantiles_have_a_closed_form),
        cmocka_unit_test(rates_of_zero),
        cmocka_unit_test(outside_the_model),
    };
    return ph_check_run(tests);
}
