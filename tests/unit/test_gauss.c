/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"

#include <gsl/gsl_integration.h>

#include "phasic/base/rng.h"
#include "phasic/num/gauss.h"

/* A Legendre polynomial on [-1, 1]: bounded, so errors mean something. */
static double legendre(int degree, double y)
{
    double before = 1, here = y;
    if (degree == 0) {
        return 1;
    }
    for (int k = 1; k < degree; k++) {
        double next = ((2 * k + 1) * y * here - k * before) / (k + 1);
        before = here;
        here = next;
    }
    return here;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void polynomials_are_exact(void **state)
{
    (void)state;
    enum { M = 400 };
    static double x[M], w[M], work[(PH_GAUSS_MAX + 2) * M];
    ph_rng rng;
    ph_rng_init(&rng, 3, PH_RNG_TEST, 0, 0);
    for (int scale = -6; scale <= 6; scale += 6) {
        for (int i = 0; i < M; i++) {
            x[i] = pow(10, scale) * (1 + 2 * pow(ph_rng_uniform(&rng), 3));
            w[i] = ph_rng_uniform(&rng) < 0.3 ? 5 : 0.25;
        }
        qsort(x, M, sizeof *x, ascending);
        for (size_t n = 1; n <= 16; n++) {
            double node[PH_GAUSS_MAX], weight[PH_GAUSS_MAX], total = 0;
            assert_int_equal(ph_gauss_rule(M, x, w, n, node, weight, work), 0);
            for (int i = 0; i < M; i++) {
                total += w[i];
            }
            for (size_t k = 0; k < n; k++) {
                assert_true(node[k] > x[0] && node[k] < x[M - 1] && weight[k] > 0);
                assert_true(k == 0 || node[k] > node[k - 1]);
            }
            for (int degree = 0; degree <= 2 * (int)n - 1; degree++) {
                double exact = 0, rule = 0, span = x[M - 1] - x[0];
                for (int i = 0; i < M; i++) {
                    exact += w[i] * legendre(degree, 2 * (x[i] - x[0]) / span - 1);
                }
                for (size_t k = 0; k < n; k++) {
                    rule +=
                        weight[k] * legendre(degree, 2 * (node[k] - x[0]) / span - 1);
                }
                /* the polynomial's slope, up to degree^2 / 2, magnifies the nodes'
                 * rounding */
                assert_near(rule, exact, (1e-14 + 1e-15 * degree * degree) * total);
            }
        }
    }
}

/* The measure of a Gauss-Legendre rule with many points has the rule with few points.
 */
static void legendre_is_recovered(void **state)
{
    (void)state;
    enum { M = 64, N = 12 };
    static double x[M], w[M], work[(PH_GAUSS_MAX + 2) * M];
    double node[N], weight[N];
    gsl_integration_glfixed_table *many = gsl_integration_glfixed_table_alloc(M);
    gsl_integration_glfixed_table *few = gsl_integration_glfixed_table_alloc(N);
    for (size_t i = 0; i < M; i++) {
        gsl_integration_glfixed_point(-1, 1, i, &x[i], &w[i], many);
    }
    assert_int_equal(ph_gauss_rule(M, x, w, N, node, weight, work), 0);
    for (size_t k = 0; k < N; k++) {
        double exact_node, exact_weight;
        gsl_integration_glfixed_point(-1, 1, k, &exact_node, &exact_weight, few);
        assert_near(node[k], exact_node, 1e-14);
        assert_near(weight[k], exact_weight, 1e-14);
    }
    gsl_integration_glfixed_table_free(many);
    gsl_integration_glfixed_table_free(few);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polynomials_are_exact),
        cmocka_unit_test(legendre_is_recovered),
    };
    return ph_check_run(tests);
}
