/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of SVGD whose values are known in closed form. */
#include "../../src/svgd/calibrate.h"
#include "../../src/svgd/chains.h"
#include "../../src/svgd/kernel.h"
#include "../../src/svgd/linalg.h"
#include "../../src/svgd/normals.h"
#include "../../src/svgd/proposal.h"
#include "../../src/svgd/walkers.h"
#include "phasic/num/pareto.h"

#include "check.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>
#include <string.h>

#include "phasic/base/rng.h"

/* On a flat target only the repulsion is left: phi_1 = k (x_1 - x_2) / (2 h^2). */
static void particles_repel(void **state)
{
    (void)state;
    double z[2] = {0.3, 1.1}, score[2] = {0, 0}, metric = 1 / (0.7 * 0.7), phi[2];
    ph_svgd_direction(2, 1, z, score, &metric, phi);
    double expected = 0.5 * exp(-0.5 * 0.64 * metric) * 0.8 * metric;
    assert_close(phi[0], -expected, 1e-14);
    assert_close(phi[1], expected, 1e-14);
    assert_true(z[1] + 0.1 * phi[1] - (z[0] + 0.1 * phi[0]) > z[1] - z[0]);
}

/* A full metric: both coordinates and the cross term, against the formula by hand. */
static void direction_in_two_dimensions(void **state)
{
    (void)state;
    double z[4] = {0, 0, 1, 2}, score[4] = {0.5, -1, 0.25, 2};
    double metric[4] = {2, 0.5, 0.5, 1}, phi[4];
    ph_svgd_direction(2, 2, z, score, metric, phi);
    /* delta = z_0 - z_1 = (-1, -2): M delta = (-3, -2.5), delta' M delta = 8 */
    double k = exp(-4);
    assert_close(phi[0], 0.5 * (0.5 + k * (0.25 - 3)), 1e-14);
    assert_close(phi[1], 0.5 * (-1 + k * (2 - 2.5)), 1e-14);
    assert_close(phi[2], 0.5 * (0.25 + k * (0.5 + 3)), 1e-14);
    assert_close(phi[3], 0.5 * (2 + k * (-1 + 2.5)), 1e-14);
}

/*
 * Stein's identity: at the target's own law the direction vanishes. Midpoint quantiles
 * of N(0, 1) stand for the law; with the repulsion's sign turned it would be of order
 * 0.3.
 */
static void stein_identity(void **state)
{
    (void)state;
    enum { N = 2000 };
    double *z = calloc(N, sizeof *z), *score = calloc(N, sizeof *score);
    double *phi = calloc(N, sizeof *phi), metric = 1;
    for (size_t i = 0; i < N; i++) {
        z[i] = gsl_cdf_ugaussian_Pinv(((double)i + 0.5) / N);
        score[i] = -z[i];
    }
    ph_svgd_direction(N, 1, z, score, &metric, phi);
    for (size_t i = 0; i < N; i++) {
        assert_near(phi[i], 0, 2e-3);
    }
    free(z);
    free(score);
    free(phi);
}

/* Many steps on N(0, 1) from a collapsed cloud reach spread 1; attraction would keep
 * it. */
static void spread_recovers(void **state)
{
    (void)state;
    enum { N = 48 };
    double z[N], score[N], phi[N], metric = 1;
    for (size_t i = 0; i < N; i++) {
        z[i] = 2 + 0.01 * ((double)i - 24);
    }
    for (int step = 0; step < 1500; step++) {
        for (size_t i = 0; i < N; i++) {
            score[i] = -z[i];
        }
        ph_svgd_direction(N, 1, z, score, &metric, phi);
        for (size_t i = 0; i < N; i++) {
            z[i] += 0.3 * phi[i];
        }
    }
    double mean, variance;
    ph_moments(N, 1, z, NULL, &mean, &variance);
    assert_near(mean, 0, 0.01);
    assert_near(sqrt(variance), 1, 0.03);
}

/* One particle: k0(x, x) = d + |score|^2 with this kernel. */
static void ksd_of_one_particle(void **state)
{
    (void)state;
    double y[3] = {1, 2, 3}, score[3] = {0.5, -1, 2};
    ph_ensemble e = {.n = 1, .d = 3, .y = y, .score = score};
    double ksd;
    assert_int_equal(ph_kernel_ksd(&e, &ksd), PH_OK);
    assert_close(ksd, sqrt(3 + 0.25 + 1 + 4), 1e-14);
}

static double multiquadric(const double *x, const double *y)
{
    return 1 / sqrt(1 + pow(x[0] - y[0], 2) + pow(x[1] - y[1], 2));
}

/* g g' k + g . grad_y k + g' . grad_x k + trace grad_x grad_y k, all by differences. */
static double stein_kernel(const double *x, const double *gx, const double *y,
                           const double *gy)
{
    const double h = 1e-4;
    double sum = (gx[0] * gy[0] + gx[1] * gy[1]) * multiquadric(x, y);
    for (int l = 0; l < 2; l++) {
        double k[2][2];
        for (int a = 0; a < 2; a++) {
            for (int b = 0; b < 2; b++) {
                double xa[2] = {x[0], x[1]}, yb[2] = {y[0], y[1]};
                xa[l] += a ? h : -h;
                yb[l] += b ? h : -h;
                k[a][b] = multiquadric(xa, yb);
            }
        }
        double by_x = (k[1][0] + k[1][1] - k[0][0] - k[0][1]) / (4 * h);
        double by_y = (k[0][1] + k[1][1] - k[0][0] - k[1][0]) / (4 * h);
        sum += gx[l] * by_y + gy[l] * by_x +
               (k[1][1] - k[1][0] - k[0][1] + k[0][0]) / (4 * h * h);
    }
    return sum;
}

static void ksd_by_differences(void **state)
{
    (void)state;
    double y[] = {0.3, -1, 2, 0.4, -0.7, 0.1}, score[] = {1, 2, -0.5, 0.3, -2, 1.5};
    ph_ensemble e = {.n = 3, .d = 2, .y = y, .score = score};
    double ksd, sum = 0;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            sum += stein_kernel(y + 2 * i, score + 2 * i, y + 2 * j, score + 2 * j);
        }
    }
    assert_int_equal(ph_kernel_ksd(&e, &ksd), PH_OK);
    assert_close(ksd, sqrt(sum) / 3, 1e-7);
}

/* Residuals of an exact N(mean, sd^2) cloud are zero; of one shifted by s sd, r1 = s.
 */
static void affine_residuals(void **state)
{
    (void)state;
    double y[4] = {-1.5, -0.5, 0.5, 1.5}, score[4], mean, variance, r1, r2;
    size_t cluster[4] = {0};
    ph_moments(4, 1, y, NULL, &mean, &variance);
    ph_ensemble e = {.n = 4, .d = 1, .y = y, .score = score, .cluster = cluster};
    for (size_t i = 0; i < 4; i++) {
        score[i] = -(y[i] - 0.25 * sqrt(variance)) / variance;
    }
    assert_int_equal(ph_kernel_residuals(&e, &r1, &r2), 0);
    assert_close(r1, 0.25, 1e-13);
    assert_near(r2, 0, 1e-13);
}

static void cholesky_and_eigen(void **state)
{
    (void)state;
    double a[9] = {4, 2, 1, 2, 5, 3, 1, 3, 6}, l[9], inverse[9], values[3], vectors[9];
    assert_int_equal(ph_cholesky(3, a, l), 0);
    ph_cholesky_inverse(3, l, inverse);
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            assert_near(ph_dot(3, a + i * 3, inverse + j * 3), i == j, 1e-14);
        }
    }
    assert_close(ph_cholesky_log_det(3, l), log(67), 1e-14);
    assert_int_equal(ph_eigen(3, a, values, vectors), 0);
    double back[9];
    ph_from_eigen(3, values, vectors, back);
    for (size_t i = 0; i < 9; i++) {
        assert_near(back[i], a[i], 1e-13);
    }
    assert_true(values[0] <= values[1] && values[1] <= values[2]);
    double indefinite[4] = {1, 2, 2, 1};
    assert_int_equal(ph_cholesky(2, indefinite, l), PH_E_NUMERIC);
}

/* Quantiles of Pareto laws have k = 1 / alpha (shrunk towards 0.5 by design). */
static void pareto_shape(void **state)
{
    (void)state;
    enum { N = 20000 };
    double *x = calloc(N, sizeof *x), k;
    for (int i = 0; i < 3; i++) {
        double truth = i == 0 ? 0.2 : i == 1 ? 0.5 : 1.0;
        for (size_t j = 0; j < N; j++) {
            x[j] = pow(1 - ((double)j + 0.5) / N, -truth);
        }
        assert_int_equal(ph_pareto_k(N, x, &k), 0);
        assert_near(k, truth, 0.05);
    }
    for (size_t j = 0; j < N; j++) {
        x[j] = ((double)j + 0.5) / N; /* bounded: k = -1 */
    }
    assert_int_equal(ph_pareto_k(N, x, &k), 0);
    assert_near(k, -1, 0.12);
    free(x);
}

/* AR(1) chains: the effective size is n (1 - rho) / (1 + rho). */
static void mixing_of_ar1(void **state)
{
    (void)state;
    enum { STEPS = 200, CHAINS = 200 };
    double *x = calloc(STEPS * CHAINS, sizeof *x), rhat, ess, rho = 0.6;
    for (size_t c = 0; c < CHAINS; c++) {
        ph_rng stream;
        ph_rng_init(&stream, 5, PH_RNG_TEST, (uint32_t)c, 0);
        double value = ph_rng_normal(&stream);
        for (size_t t = 0; t < STEPS; t++) {
            x[t * CHAINS + c] = value;
            value = rho * value + sqrt(1 - rho * rho) * ph_rng_normal(&stream);
        }
    }
    assert_int_equal(ph_chains_mixing(STEPS, CHAINS, x, &rhat, &ess), 0);
    assert_close(ess, STEPS * CHAINS * 0.4 / 1.6, 0.15);
    assert_true(rhat < 1.01);
    for (size_t t = 0; t < STEPS; t++) {
        for (size_t c = 0; c < CHAINS; c++) {
            x[t * CHAINS + c] += c % 2 ? 3 : -3; /* chains that never meet */
        }
    }
    assert_int_equal(ph_chains_mixing(STEPS, CHAINS, x, &rhat, &ess), 0);
    assert_true(ess < 2000);
    for (size_t t = 0; t < STEPS; t++) {
        for (size_t c = 0; c < CHAINS; c++) {
            x[t * CHAINS + c] += 0.02 * (double)t; /* still drifting */
        }
    }
    assert_int_equal(ph_chains_mixing(STEPS, CHAINS, x, &rhat, &ess), 0);
    assert_true(rhat > 1.01);
    free(x);
}

/* The scrambled points are a net: each of 64 equal cells of a coordinate has its share.
 */
static void scrambled_points(void **state)
{
    (void)state;
    for (size_t d = 3; d <= 45; d += 42) { /* Sobol, and beyond its dimensions */
        ph_uniforms points;
        double u[45], sum = 0;
        int cells[64] = {0};
        assert_int_equal(ph_uniforms_init(&points, d, 9, PH_RNG_TEST, 1), 0);
        for (int i = 0; i < 1024; i++) {
            ph_uniforms_next(&points, u);
            for (size_t k = 0; k < d; k++) {
                assert_true(u[k] > 0 && u[k] < 1);
            }
            sum += u[d - 1];
            cells[(int)(u[d - 1] * 64)]++;
        }
        ph_uniforms_clear(&points);
        for (int c = 0; d == 3 && c < 64; c++) {
            assert_int_equal(cells[c], 16);
        }
        assert_near(sum / 1024, 0.5, d == 3 ? 1e-3 : 0.05);
    }
}

/* The density of the mixture against GSL's Student density, and draws against it. */
static void student_mixture(void **state)
{
    (void)state;
    ph_student_mixture m;
    double precision = 4, low = -1, high = 2;
    assert_int_equal(ph_student_mixture_init(&m, 2, 1, 5), 0);
    assert_int_equal(ph_student_mixture_shape(&m, &precision, 1), 0);
    assert_int_equal(ph_student_mixture_place(&m, 0, &low, 0), 0);
    assert_int_equal(ph_student_mixture_shape(&m, &precision, 3), 0);
    assert_int_equal(ph_student_mixture_place(&m, 1, &high, 1), 0);
    double y[21], log_q[21];
    for (int i = 0; i < 21; i++) {
        y[i] = -5 + 0.5 * i;
    }
    assert_int_equal(ph_student_mixture_log_density(&m, 21, y, 1, log_q), 0);
    for (int i = 0; i < 21; i++) {
        double q = 0.5 * gsl_ran_tdist_pdf((y[i] + 1) * 2, 5) * 2 +
                   0.5 * gsl_ran_tdist_pdf((y[i] - 2) * 2 / 3, 5) * 2 / 3;
        assert_close(exp(log_q[i]), q, 1e-13);
    }
    enum { N = 8192 };
    double *draw = calloc(N, sizeof *draw);
    size_t *label = calloc(N, sizeof *label);
    assert_int_equal(ph_student_mixture_draw(&m, N, 3, 0, draw, label), 0);
    for (double at = -2; at < 6; at += 1) {
        double below = 0, truth = 0.5 * gsl_cdf_tdist_P((at + 1) * 2, 5) +
                                  0.5 * gsl_cdf_tdist_P((at - 2) * 2 / 3, 5);
        for (size_t i = 0; i < N; i++) {
            below += draw[i] < at;
        }
        assert_near(below / N, truth, 0.005);
    }
    free(draw);
    free(label);
    ph_student_mixture_clear(&m);
}

/*
 * Calibration of a biased weighted sample of N(0, I_2): all moments up to the degree
 * used become exact, whatever the weights were.
 */
static void calibration_is_exact_for_normals(void **state)
{
    (void)state;
    enum { N = 3000 };
    double *y = calloc(2 * N, sizeof *y), *score = calloc(2 * N, sizeof *score);
    double *w = calloc(N, sizeof *w), *c = calloc(N, sizeof *c);
    double basis[4] = {1, 0, 0, 1};
    ph_rng stream;
    ph_rng_init(&stream, 4, PH_RNG_TEST, 0, 0);
    for (size_t i = 0; i < N; i++) {
        w[i] = 1.0 / N;
        for (size_t k = 0; k < 2; k++) {
            y[2 * i + k] = ph_rng_normal(&stream);
            score[2 * i + k] = -y[2 * i + k];
        }
    }
    ph_calibration result;
    assert_int_equal(
        ph_calibrate(N, 2, basis, y, 0, NULL, y, score, w, 1, NULL, c, &result, NULL),
        0);
    double m[6] = {0};
    for (size_t i = 0; i < N; i++) {
        double a = y[2 * i], b = y[2 * i + 1];
        double f[6] = {1, a, a * a, a * b, b * b * b, a * a * b * b};
        for (int k = 0; k < 6; k++) {
            m[k] += c[i] * f[k];
        }
    }
    double expected[6] = {1, 0, 1, 0, 0, 1};
    for (int k = 0; k < 6; k++) {
        assert_near(m[k], expected[k], 1e-6);
    }
    assert_true(result.error_mean < 1e-6 && result.error_sd < 1e-6);
    free(y);
    free(score);
    free(w);
    free(c);
}

/* Equal weights on n draws from N(0, I + common 11'), with the scores of N(0, I). */
typedef struct normals {
    double *y, *score, *weight, *calibrated, *basis;
} normals;

static void normals_init(normals *self, size_t n, size_t d, double common)
{
    ph_rng stream;
    ph_rng_init(&stream, 6, PH_RNG_TEST, 0, 0);
    self->y = calloc(n * d, sizeof(double));
    self->score = calloc(n * d, sizeof(double));
    self->weight = calloc(n, sizeof(double));
    self->calibrated = calloc(n, sizeof(double));
    self->basis = calloc(d * d, sizeof(double));
    for (size_t i = 0; i < n; i++) {
        double shift = sqrt(common) * ph_rng_normal(&stream);
        self->weight[i] = 1 / (double)n;
        for (size_t k = i * d; k < (i + 1) * d; k++) {
            self->y[k] = shift + ph_rng_normal(&stream);
            self->score[k] = -self->y[k];
        }
    }
    for (size_t k = 0; k < d; k++) {
        self->basis[k * (d + 1)] = 1;
    }
}

static void normals_free(normals *self)
{
    free(self->y);
    free(self->score);
    free(self->weight);
    free(self->calibrated);
    free(self->basis);
}

/* Largest deviation of sum w y y' from the unit matrix, on and off the diagonal. */
static void second_moments(size_t n, size_t d, const double *y, const double *w,
                           double *on, double *off)
{
    *on = *off = 0;
    for (size_t k = 0; k < d; k++) {
        for (size_t l = 0; l <= k; l++) {
            double sum = k == l ? -1 : 0, *worst = k == l ? on : off;
            for (size_t i = 0; i < n; i++) {
                sum += w[i] * y[i * d + k] * y[i * d + l];
            }
            *worst = fmax(*worst, fabs(sum));
        }
    }
}

/*
 * 325 products of 25 coordinates, more than the features of one Gram matrix: exact for
 * a normal law all the same, and so is the share beyond 1.96. A tenth part of the draws
 * cannot bear them, and a sample with correlations of 0.07 contradicts them: products
 * stay as they were.
 */
static void products_of_many_coordinates(void **state)
{
    (void)state;
    enum { D = 25, N = 3000, FEW = 310 };
    const double far = gsl_cdf_ugaussian_Pinv(0.975);
    normals x;
    ph_calibration result;
    double on, off, beyond = 0, least = 0, sum = 0;
    normals_init(&x, N, D, 0);
    second_moments(N, D, x.y, x.weight, &on, &off);
    assert_true(off > 0.03);
    assert_int_equal(ph_calibrate(N, D, x.basis, x.y, 0, NULL, x.y, x.score, x.weight,
                                  1, NULL, x.calibrated, &result, NULL),
                     0);
    second_moments(N, D, x.y, x.calibrated, &on, &off);
    assert_near(on, 0, 1e-5);
    assert_near(off, 0, 1e-5);
    for (size_t i = 0; i < N; i++) {
        beyond += x.y[i * D + 4] > far ? x.calibrated[i] : 0;
        least = fmin(least, x.calibrated[i]);
        sum += x.calibrated[i];
    }
    assert_near(beyond, 0.025, 1e-5);
    assert_near(sum, 1, 1e-12);
    assert_true(least > -2.0 / N && result.ess > 0.75 * N);

    for (size_t i = 0; i < FEW; i++) {
        x.weight[i] = 1.0 / FEW;
    }
    assert_int_equal(ph_calibrate(FEW, D, x.basis, x.y, 0, NULL, x.y, x.score, x.weight,
                                  1, NULL, x.calibrated, &result, NULL),
                     0);
    second_moments(FEW, D, x.y, x.calibrated, &on, &off);
    assert_true(off > 0.1);
    normals_free(&x);

    normals_init(&x, N, D, 0.07);
    assert_int_equal(ph_calibrate(N, D, x.basis, x.y, 0, NULL, x.y, x.score, x.weight,
                                  1, NULL, x.calibrated, &result, NULL),
                     0);
    second_moments(N, D, x.y, x.calibrated, &on, &off);
    assert_true(off > 0.07);
    normals_free(&x);
}

/*
 * Errors by nets, against the textbook's between-group variance by hand: two nets of
 * 128 and 132 draws in one stratum whose totals are known, three draws in another that
 * has no second net.
 */
static void errors_of_nets(void **state)
{
    (void)state;
    enum { A = 128, B = 132, C = 3, N = A + B + C };
    ph_residuals r;
    double f[N], beta, mean = 0, w = 1.0 / N;
    assert_int_equal(ph_residuals_init(&r, N, 1), 0);
    assert_int_equal(ph_nets_add(&r.nets, A + B, 3), 0);
    assert_int_equal(ph_nets_add(&r.nets, C, 0), 0);
    assert_int_equal(r.nets.n, 3);
    assert_int_equal(r.nets.item[1].n, B);
    r.gram[0] = 1;
    for (size_t i = 0; i < N; i++) {
        r.b[i] = r.leverage[i] = 1;
        r.weight[i] = w;
        f[i] = i < A       ? (i % 2 ? 5 : -4)
               : i < A + B ? (i % 2 ? 4 : -6)
                           : (double)i - A - B;
        mean += w * f[i];
    }
    /* totals without the mean of all: 64 - 128 m and -132 - 132 m */
    double first = w * (A * 0.5 - A * mean), second = w * (-B - B * mean);
    double rate = (first + second) / (A + B);
    double between = 2 * (pow(first - A * rate, 2) + pow(second - B * rate, 2));
    double alone = 3 * w * w * (1 + 0 + 1) / 2 * 1; /* 0, 1, 2 about their mean */
    assert_close(ph_residuals_error(&r, f, &beta), sqrt(between + alone), 1e-12);
    r.nets.n = 0; /* as if independent */
    double squares = 0;
    for (size_t i = 0; i < N; i++) {
        squares += w * w * pow(f[i] - mean, 2);
    }
    assert_close(ph_residuals_error(&r, f, &beta), sqrt(squares), 1e-12);
    ph_residuals_clear(&r);
}

static int round_normal(void *context, size_t n, const double *z, double *log_p,
                        double *score)
{
    size_t d = *(size_t *)context;
    for (size_t i = 0; i < n; i++) {
        log_p[i] = -0.5 * ph_dot(d, z + i * d, z + i * d);
        for (size_t k = 0; score && k < d; k++) {
            score[i * d + k] = -z[i * d + k];
        }
    }
    return 0;
}

/*
 * A quarter of a period from the centre of a normal law ends where the momentum points:
 * at right angles d by d, and each as far as a normal draw is, chi-squared with d
 * degrees of freedom in the square.
 */
static void orthogonal_momenta(void **state)
{
    (void)state;
    enum { D = 6, N = 400, STEPS = 64 };
    size_t d = D;
    ph_target target = {&d, D, round_normal, NULL, NULL, NULL, 0};
    ph_svgd_settings settings;
    ph_sampler sampler;
    ph_walkers walkers;
    double center[D] = {0}, basis[D * D] = {0}, acceptance, squares = 0, fourth = 0;
    for (size_t k = 0; k < D; k++) {
        basis[k * (D + 1)] = 1;
    }
    ph_svgd_defaults(&settings);
    assert_int_equal(ph_sampler_init(&sampler, &target, &settings, NULL, NULL), 0);
    assert_int_equal(ph_sampler_frame(&sampler, center, basis), 0);
    assert_int_equal(ph_walkers_init(&walkers, N, D), 0);
    walkers.orthogonal = 1;
    assert_int_equal(
        ph_walkers_move(&walkers, &sampler, 1, STEPS, 0.5 * M_PI / STEPS, &acceptance),
        0);
    assert_true(acceptance > 0.999);
    for (size_t i = 0; i < N; i++) {
        const double *y = walkers.next_y + i * D;
        double square = ph_dot(D, y, y);
        squares += square / N;
        fourth += square * square / N;
        for (size_t j = i - i % D; j < i; j++) {
            assert_near(ph_dot(D, y, walkers.next_y + j * D), 0, 1e-9);
        }
    }
    assert_near(squares, D, 4 * sqrt(2.0 * D / N));
    assert_near(fourth - squares * squares, 2 * D, 5);
    ph_walkers_clear(&walkers);
    ph_sampler_clear(&sampler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(particles_repel),
        cmocka_unit_test(direction_in_two_dimensions),
        cmocka_unit_test(stein_identity),
        cmocka_unit_test(spread_recovers),
        cmocka_unit_test(ksd_of_one_particle),
        cmocka_unit_test(ksd_by_differences),
        cmocka_unit_test(affine_residuals),
        cmocka_unit_test(cholesky_and_eigen),
        cmocka_unit_test(pareto_shape),
        cmocka_unit_test(mixing_of_ar1),
        cmocka_unit_test(scrambled_points),
        cmocka_unit_test(student_mixture),
        cmocka_unit_test(calibration_is_exact_for_normals),
        cmocka_unit_test(products_of_many_coordinates),
        cmocka_unit_test(errors_of_nets),
        cmocka_unit_test(orthogonal_momenta),
    };
    gsl_set_error_handler_off();
    return ph_check_run(tests);
}
