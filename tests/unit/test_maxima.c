/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Maxima, their Hessians, and what they are called where there are none. */
#include "test_svgd_targets.h"

#include "check.h"

#include "phasic/svgd/maxima.h"

static ph_maxima *find(known *self,
                       int (*eval)(void *, size_t, const double *, double *, double *))
{
    ph_maxima *maxima = NULL;
    ph_error error = {0};
    ph_target target = known_target(self);
    ph_svgd_settings settings;
    ph_svgd_defaults(&settings);
    settings.seed = 4;
    target.eval = eval ? eval : known_eval;
    if (ph_maxima_find(&maxima, &target, &settings, NULL, &error) < 0) {
        fail_msg("%s", error.message);
    }
    return maxima;
}

/* a x - b e^x has its maximum at log(a / b) with curvature a, through any map z = A x.
 */
static void log_gammas(void **state)
{
    (void)state;
    enum { D = 4 };
    known target;
    known_init(&target, LOG_GAMMA, D, 2.5, 7);
    known_mix(&target, 3, 2);
    known_scale_row(&target, 1, 1e5);
    known_scale_row(&target, 2, 1e-4);
    target.shift[3] = 20;
    ph_maxima *maxima = find(&target, NULL);
    const ph_maximum *it = &maxima->maximum[0];
    assert_int_equal(maxima->n, 1);
    assert_int_equal(it->fault, PH_MAXIMUM_FINE);
    assert_close(it->log_p, D * 2.5 * (log(2.5 / 7) - 1), 1e-13);
    for (size_t i = 0; i < D; i++) {
        double z = target.shift[i], sd = sqrt(it->covariance[i * (D + 1)]);
        for (size_t k = 0; k < D; k++) {
            z += target.forward[i * D + k] * log(2.5 / 7);
        }
        assert_near((it->z[i] - z) / sd, 0, 1e-8);
        for (size_t j = 0; j < D; j++) { /* covariance A A' / a */
            double c = 0, other = sqrt(it->covariance[j * (D + 1)]);
            for (size_t k = 0; k < D; k++) {
                c += target.forward[i * D + k] * target.forward[j * D + k] / 2.5;
            }
            assert_near((it->covariance[i * D + j] - c) / (sd * other), 0, 1e-7);
        }
    }
    ph_maxima_free(maxima);
    known_free(&target);
}

/* Two modes: both, the higher first, with their shares. */
static void two_modes(void **state)
{
    (void)state;
    const size_t dimensions[] = {1, 3, 12};
    for (size_t i = 0; i < 3; i++) {
        known target;
        known_init(&target, TWO_NORMALS, dimensions[i], 6, 0.2);
        ph_maxima *maxima = find(&target, NULL);
        assert_int_equal(maxima->n, 2);
        assert_near(maxima->maximum[0].z[0], -6, 1e-8);
        assert_near(maxima->maximum[1].z[0], 6, 1e-8);
        assert_near(maxima->maximum[0].share, 0.8, 1e-6);
        assert_near(maxima->maximum[1].share, 0.2, 1e-6);
        ph_maxima_free(maxima);
        known_free(&target);
    }
}

/* -exp(z0) (rises to 0 far down), or z0 (no bound), or nothing of z0 at all. */
static int rises(void *context, size_t n, const double *z, double *log_p, double *score)
{
    const known *self = context;
    for (size_t i = 0; i < n; i++) {
        double x = z[2 * i], y = z[2 * i + 1], slope;
        if (self->a == 0) {
            log_p[i] = slope = -exp(x);
        } else {
            log_p[i] = self->a == 1 ? x : 0;
            slope = self->a == 1;
        }
        log_p[i] -= 0.5 * y * y;
        if (score) {
            score[2 * i] = slope;
            score[2 * i + 1] = -y;
        }
    }
    return 0;
}

static void what_has_no_maximum(void **state)
{
    (void)state;
    const ph_maximum_fault fault[] = {PH_MAXIMUM_EDGE, PH_MAXIMUM_UNBOUNDED,
                                      PH_MAXIMUM_FLAT};
    for (int i = 0; i < 3; i++) {
        known target;
        known_init(&target, NORMAL, 2, i, 0);
        ph_maxima *maxima = find(&target, rises);
        const ph_maximum *it = &maxima->maximum[0];
        assert_int_equal(it->fault, fault[i]);
        assert_true(isnan(it->covariance[0]));
        if (i < 2) {
            assert_int_equal(it->dimension, 0);
            assert_int_equal(it->sign, i == 0 ? -1 : 1);
        } else {
            assert_close(fabs(it->direction[0]), 1, 1e-6);
        }
        ph_maxima_free(maxima);
        known_free(&target);
    }
}

static void errors_come_through(void **state)
{
    (void)state;
    const size_t calls[] = {1, 3, 12};
    for (size_t i = 0; i < 3; i++) {
        known target;
        known_init(&target, LOG_GAMMA, 2, 2, 1);
        target.fail_at = calls[i];
        ph_target t = known_target(&target);
        ph_svgd_settings settings;
        ph_svgd_defaults(&settings);
        ph_maxima *maxima = NULL;
        assert_int_equal(ph_maxima_find(&maxima, &t, &settings, NULL, NULL),
                         PH_E_INPUT);
        assert_null(maxima);
        known_free(&target);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_gammas),
        cmocka_unit_test(two_modes),
        cmocka_unit_test(what_has_no_maximum),
        cmocka_unit_test(errors_come_through),
    };
    gsl_set_error_handler_off();
    return ph_check_run(tests);
}
