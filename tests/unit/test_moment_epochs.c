/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moments where the rates change at given times: closed forms, the homogeneous engine
 * where the epochs change nothing, and differences.
 */
#include <gsl/gsl_sf_gamma.h>

#include "epoch_models.h"
#include "moment_case.h"

static void sizes_give_branch_lengths(void **state)
{
    (void)state;
    const double theta[2] = {0.25, 0.5},
                 mean[4] = {0.7357214727158559, 1.3375786193476285, 0.4615904665138095,
                            0.2273754461627252};
    moment_case it = moment_case_new(process_quoted(TWO_SIZES), 4, 0);
    moment_case_eval(&it, theta);
    assert_int_equal(it.value->valid, 1);
    for (size_t a = 0; a < 4; a++) {
        assert_close(raw(&it, a, 1), mean[a], 1e-15);
    }
    /* of four lineages two thirds of the trees have no branch over three: 1/3 */
    assert_close(defect(&it, 3), 1.0 / 3, 1e-15);
    double time[16], sum = 0;
    ph_moments_occupancy(it.moments, it.value->u, it.work, time);
    for (size_t i = 0; i < it.it.graph->n; i++) {
        sum += time[i];
    }
    assert_close(sum, mean[0], 1e-14);
    moment_case_free(&it);
}

/*
 * E X^r = r int t^(r-1) P(X > t) dt with P(X > t) = exp(-a t) until T, and then
 * exp(-a T - b (t - T)).
 */
static double hazard_moment(double a, double b, double t, unsigned r)
{
    double early = r * gsl_sf_gamma(r) * gsl_sf_gamma_inc_P(r, a * t) / pow(a, r);
    double late = 0, term = 1 / b;
    for (unsigned k = r; k >= 1; k--) { /* r int (T + s)^(r-1) exp(-b s) ds */
        late += term * r * pow(t, k - 1);
        term *= (k - 1) / b;
    }
    return early + exp(-a * t) * late;
}

static void hazards_have_closed_moments(void **state)
{
    (void)state;
    static const double cases[][3] = {{0.8, 2.5, 0.9}, {3, 0.01, 5},   {1e-3, 40, 2},
                                      {7, 7, 1e-9},    {1e3, 1, 12.5}, {0.1, 0.2, 300}};
    moment_case it = moment_case_new(process_quoted(TWO_HAZARDS), 6, 3);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const double *theta = cases[k];
        double a = theta[0], b = theta[1], t = theta[2], left = exp(-a * t);
        moment_case_eval(&it, theta);
        assert_int_equal(it.value->valid, 1);
        for (unsigned r = 1; r <= 6; r++) {
            assert_close(raw(&it, 0, r), hazard_moment(a, b, t, r), 2e-14);
        }
        double m1 = hazard_moment(a, b, t, 1), m2 = hazard_moment(a, b, t, 2);
        assert_close(cov(&it, 0, 0), m2 - m1 * m1, 1e-12);
        /* dE/da, dE/db and dE/dT of (1 - exp(-aT))/a + exp(-aT)/b */
        double by_a = (t * left * a + expm1(-a * t)) / a / a - t * left / b;
        assert_near(d_raw(&it, 0, 1, 0), by_a, 1e-12 * m1 / a);
        assert_close(d_raw(&it, 0, 1, 1), -left / b / b, 1e-12);
        assert_near(d_raw(&it, 0, 1, 2), left * (1 - a / b), 1e-12 * m1 / t + 1e-300);
    }
    moment_case_free(&it);
}

/* A rate of 0 in the first epoch delays; one of 0 in the last never ends. */
static void rates_of_zero(void **state)
{
    (void)state;
    moment_case it = moment_case_new(
        process_quoted("{'phasic':1,'constants':{'open':0},"
                       "'parameters':{'b':{'value':2},'T':{'value':3}},"
                       "'matrix':{'initial':[1],'rates':[[0,'b*open']]},"
                       "'epochs':[{'at':'T','set':{'open':1}}]}"),
        2, 1);
    const double theta[2] = {2, 3};
    moment_case_eval(&it, theta);
    assert_close(raw(&it, 0, 1), 3.5, 1e-15);
    assert_close(raw(&it, 0, 2), 9 + 3 + 0.5, 1e-15);
    assert_close(d_raw(&it, 0, 1, 0), -0.25, 1e-13);
    assert_close(d_raw(&it, 0, 1, 1), 1, 1e-13);
    moment_case_free(&it);
    it = moment_case_new(
        process_quoted("{'phasic':1,'constants':{'open':1},"
                       "'parameters':{'b':{'value':2}},"
                       "'matrix':{'initial':[1],'rates':[[0,'b*open']]},"
                       "'epochs':[{'at':3,'set':{'open':0}}]}"),
        2, 0);
    moment_case_eval(&it, theta);
    assert_false(isfinite(raw(&it, 0, 1)));
    moment_case_free(&it);
}

/* Paths that only a short first epoch allows: all moments come from them. */
static void rare_paths_count(void **state)
{
    (void)state;
    /* 0 -> 1 -> 2 at rate 1 until T = 1e-3, then both stop; 1 and 0 end without reward,
       2 earns 1 a unit of time */
    moment_case it = moment_case_new(
        process_quoted("{'phasic':1,'constants':{'c':1},'parameters':{},'graph':{"
                       "'vertices':[[0],[1],[2]],'initial':[[0,1]],'edges':["
                       "[0,1,'c'],[1,2,'c'],[2,-1,'1-c'],[0,-1,'1-c'],[1,-1,'1-c']]},"
                       "'rewards':{'r':[0,0,1]},"
                       "'epochs':[{'at':0.001,'set':{'c':0}}]}"),
        2, 0);
    moment_case_eval(&it, NULL);
    /* P(two jumps by T) E = int_0^T s exp(-s) (T - s + 1) ds */
    double t = 1e-3, expected = 0;
    for (int k = 0; k <= 8; k++) { /* series of exp(-s) */
        double c = (k % 2 ? -1 : 1) / gsl_sf_fact((unsigned)k);
        expected += c * ((t + 1) * pow(t, k + 2) / (k + 2) - pow(t, k + 3) / (k + 3));
    }
    assert_close(raw(&it, 1, 1), expected, 1e-14);
    moment_case_free(&it);
}

/* ---- epochs that change nothing ---- */

static void same_moments(const char *with, const char *without, const double *theta,
                         double tolerance)
{
    moment_case a = moment_case_new(process_quoted(with), 4, 2);
    moment_case b = moment_case_new(process_quoted(without), 4, 2);
    moment_case_eval(&a, theta);
    moment_case_eval(&b, theta);
    assert_int_equal(a.p, b.p);
    for (size_t i = 0; i < a.rewards; i++) {
        for (size_t r = 1; r <= 4; r++) {
            assert_close(raw(&a, i, r), raw(&b, i, r), tolerance);
        }
        assert_close(a.value->skewness[i], b.value->skewness[i], 1e3 * tolerance);
        assert_close(a.value->kurtosis[i], b.value->kurtosis[i], 1e3 * tolerance);
        assert_close(defect(&a, i), defect(&b, i), tolerance);
        for (size_t m = 0; m < a.p; m++) {
            double size = raw(&b, i, 2) / theta[m];
            assert_near(d_raw(&a, i, 1, m), d_raw(&b, i, 1, m), 100 * tolerance * size);
            assert_near(d_raw(&a, i, 2, m), d_raw(&b, i, 2, m), 100 * tolerance * size);
        }
        for (size_t j = 0; j < a.rewards; j++) {
            double size = sqrt(raw(&b, i, 2) * raw(&b, j, 2));
            assert_near(cov(&a, i, j), cov(&b, i, j), 10 * tolerance * size);
            for (size_t m = 0; m < a.p; m++) {
                assert_near(d_cov(&a, i, j, m), d_cov(&b, i, j, m),
                            100 * tolerance * size / theta[m]);
            }
        }
    }
    double *time = ph_alloc(2 * a.it.graph->n, sizeof *time);
    ph_moments_occupancy(a.moments, a.value->u, a.work, time);
    ph_moments_occupancy(b.moments, b.value->u, b.work, time + a.it.graph->n);
    for (size_t i = 0; i < a.it.graph->n; i++) {
        assert_close(time[i], time[a.it.graph->n + i], tolerance);
    }
    if (a.it.model->discrete) {
        double falling[2][4];
        ph_moments_factorial(a.moments, a.value->u, 4, a.work, falling[0]);
        ph_moments_factorial(b.moments, b.value->u, 4, b.work, falling[1]);
        for (int r = 0; r < 4; r++) {
            assert_close(falling[0][r], falling[1][r], tolerance);
        }
    }
    free(time);
    moment_case_free(&a);
    moment_case_free(&b);
}

#define CYCLE(epochs)                                                                  \
    "{'phasic':1,'parameters':{'a':{},'b':{}},'defect':true,'graph':{"                 \
    "'vertices':[[0],[1],[2]],'initial':[[0,0.5],[1,0.3]],"                            \
    "'edges':[[0,1,'a'],[1,0,'b'],[1,2,'2*a'],[2,0,'a*b'],[2,-1,0.3],[0,-1,'a/9']]},"  \
    "'rewards':{'one':[1,0,2],'two':[0,3,1]}" epochs "}"
#define STEPS(epochs)                                                                  \
    "{'phasic':1,'time':'discrete','defect':true,'parameters':{"                       \
    "'a':{'support':'unit'},'b':{'support':'unit'}},'graph':{'vertices':[[0],[1],[2]]" \
    ",'initial':[[0,0.7],[1,0.2]],'edges':[[0,1,'a'],[1,0,'b/2'],[1,2,'0.2*a'],"       \
    "[2,0,'a*b'],[2,-1,0.3],[0,-1,0.05]]},'rewards':{'one':[1,0,2],'two':[0,3,1]"      \
    "}" epochs "}"

static void idle_epochs_change_nothing(void **state)
{
    (void)state;
    const double theta[2] = {0.6, 0.5}, fast[2] = {400, 3000};
    const char *idle = CYCLE(",'epochs':[{'at':0.7,'set':{'a':'a'}},"
                             "{'at':2.5,'set':{'b':'2*b-b'}}]");
    same_moments(idle, CYCLE(""), theta, 2e-14);
    same_moments(idle, CYCLE(""), fast, 2e-13); /* 1.3e4 jumps in the epochs */
    same_moments(STEPS(",'epochs':[{'at':1,'set':{'a':'a'}},{'at':9,'set':{'b':'b'}}]"),
                 STEPS(""), theta, 2e-14);
}

/* ---- derivatives by differences ---- */

static void slopes_by_differences(const char *model)
{
    moment_case it = moment_case_new(process_quoted(model), 4, 3);
    moment_case other = moment_case_new(process_quoted(model), 4, 0);
    double theta[4], at[4];
    assert_int_equal(ph_model_theta(it.it.model, theta, NULL), 0);
    moment_case_eval(&it, theta);
    for (size_t m = 0; m < it.p; m++) {
        double h = 1e-3 * theta[m], table[2][3][16], covariance[2][16];
        memcpy(at, theta, sizeof at);
        for (int k = 0; k < 2; k++, h /= 2) { /* one step of Richardson */
            double sign[2] = {1, -1};
            memset(table[k], 0, sizeof table[k]);
            memset(covariance[k], 0, sizeof covariance[k]);
            for (int s = 0; s < 2; s++) {
                at[m] = theta[m] + sign[s] * h;
                moment_case_eval(&other, at);
                for (size_t a = 0; a < it.rewards; a++) {
                    for (size_t r = 1; r <= 3; r++) {
                        table[k][r - 1][a] += sign[s] * raw(&other, a, r) / (2 * h);
                    }
                    covariance[k][a] += sign[s] * cov(&other, 0, a) / (2 * h);
                }
            }
        }
        for (size_t a = 0; a < it.rewards; a++) {
            for (size_t r = 1; r <= 3; r++) {
                double slope = (4 * table[1][r - 1][a] - table[0][r - 1][a]) / 3;
                assert_near(d_raw(&it, a, r, m), slope,
                            1e-9 * (fabs(slope) + raw(&it, a, r)));
            }
            double slope = (4 * covariance[1][a] - covariance[0][a]) / 3;
            assert_near(d_cov(&it, 0, a, m), slope,
                        1e-9 * (fabs(slope) + fabs(cov(&it, 0, a))));
        }
    }
    moment_case_free(&it);
    moment_case_free(&other);
}

static void slopes_are_derivatives(void **state)
{
    (void)state;
    slopes_by_differences(TWO_SIZES);
    slopes_by_differences(THREE_EPOCHS);
    slopes_by_differences(STEP_EPOCHS);
}

/* ---- outside ---- */

/* A time that is not after the one before is outside the model, as a lane of a block.
 */
static void lanes_are_apart(void **state)
{
    (void)state;
    moment_case it = moment_case_new(process_quoted(TWO_HAZARDS), 2, 1);
    ph_moments_value *block = NULL;
    assert_int_equal(ph_moments_value_new(&block, it.moments, PH_LANES, 1), 0);
    for (int l = 0; l < PH_LANES; l++) {
        block->theta[l] = 0.5 + l;
        block->theta[PH_LANES + l] = 2.0 / (1 + l);
        block->theta[2 * PH_LANES + l] = l == 3 ? -1 : 0.1 * (l + 1);
    }
    assert_int_equal(ph_moments_eval(it.moments, block), 0);
    assert_int_equal(block->valid, 0xff & ~(1u << 3));
    for (int l = 0; l < PH_LANES; l++) {
        double a = 0.5 + l, b = 2.0 / (1 + l), t = 0.1 * (l + 1);
        if (l == 3) {
            assert_true(isnan(block->mean[l]));
        } else {
            assert_close(block->mean[l], hazard_moment(a, b, t, 1), 1e-14);
        }
    }
    ph_moments_value_free(block);
    moment_case_free(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_give_branch_lengths),
        cmocka_unit_test(hazards_have_closed_moments),
        cmocka_unit_test(rates_of_zero),
        cmocka_unit_test(rare_paths_count),
        cmocka_unit_test(idle_epochs_change_nothing),
        cmocka_unit_test(slopes_are_derivatives),
        cmocka_unit_test(lanes_are_apart),
    };
    return ph_check_run(tests);
}
