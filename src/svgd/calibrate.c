/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For a function psi that does not grow too fast, E[laplacian psi + grad psi . grad log
 * p] = 0 (zero-variance control variates, Mira et al. 2013). With psi the monomials in
 * whitened coordinates up to some degree this is exact for moments of that degree of a
 * Gaussian. Weights that make all features average to zero and stay closest to the
 * importance weights are those of survey calibration (regression estimation), so the
 * error of any summary is that of its residual after regression on the features.
 */
#include "calibrate.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_erf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg.h"
#include "phasic/base/memory.h"
#include "phasic/base/status.h"
#include "products.h"

enum { MOST_DEGREE = 6, MOST_MONOMIALS = 240, MOST_FEATURES = 275 };

/* What of a user's coordinate is a feature: its share in either tail, and its square
 * where monomials are too many. */
enum user { ALL, SQUARE, LOW, HIGH };
#define LEVEL 0.025 /* the share below LOW, and above HIGH */

/* The monomial product of u[index[0..degree)], indices ascending, or a function of
 * user's coordinate index[0], standardised, that takes the place of a degree. */
typedef struct monomial {
    size_t degree;
    enum user user;
    size_t index[MOST_DEGREE];
} monomial;

typedef struct monomial_list {
    size_t n, capacity;
    monomial *item;
} monomial_list;

/* Appends all monomials of one degree. */
static int add_degree(monomial_list *self, size_t d, size_t degree)
{
    size_t index[MOST_DEGREE] = {0};
    for (;;) {
        int status =
            ph_grow(&self->item, &self->capacity, self->n + 1, sizeof *self->item);
        if (status < 0) {
            return status;
        }
        monomial *m = &self->item[self->n++];
        m->degree = degree;
        m->user = ALL;
        memcpy(m->index, index, sizeof index);
        size_t i = degree; /* next non-decreasing tuple */
        while (i > 0 && index[i - 1] == d - 1) {
            i--;
        }
        if (i == 0) {
            return PH_OK;
        }
        size_t value = index[i - 1] + 1;
        for (size_t j = i - 1; j < degree; j++) {
            index[j] = value;
        }
    }
}

/* One function of every user's coordinate. */
static int add_user(monomial_list *self, size_t d, enum user user)
{
    int status = ph_grow(&self->item, &self->capacity, self->n + d, sizeof *self->item);
    for (size_t k = 0; k < d && status == PH_OK; k++) {
        monomial *m = &self->item[self->n++];
        memset(m, 0, sizeof *m);
        m->degree = 2;
        m->user = user;
        m->index[0] = k;
    }
    return status;
}

static int add_tails(monomial_list *self, size_t d, double room)
{
    if ((double)(self->n + 2 * d) > room) {
        return PH_OK;
    }
    int status = add_user(self, d, LOW);
    return status == PH_OK ? add_user(self, d, HIGH) : status;
}

/*
 * All degrees as long as there are not too many monomials; squares that are, are those
 * of the user's coordinates (enough for their standard deviations). After the squares
 * the shares of these coordinates in either tail (for their quantiles). *complete is
 * the last degree of which all are there.
 */
static int choose_features(monomial_list *self, size_t d, double most, size_t *complete)
{
    double size = 1, last = fmin(most, MOST_MONOMIALS),
           room = fmin(most, MOST_FEATURES);
    int status = PH_OK;
    *complete = 0;
    for (size_t degree = 1; degree <= MOST_DEGREE && status == PH_OK; degree++) {
        size *= (double)(d + degree - 1) / (double)degree;
        if ((double)self->n + size > last) {
            break;
        }
        status = add_degree(self, d, degree);
        *complete = degree;
        if (status == PH_OK && degree == 2) {
            status = add_tails(self, d, room);
        }
    }
    if (status == PH_OK && *complete == 1 && (double)(self->n + d) <= room) {
        status = add_user(self, d, SQUARE);
        status = status == PH_OK ? add_tails(self, d, room) : status;
    }
    return status;
}

/* Where another block of features begins, to be trusted or not. */
static int begins(const monomial *m)
{
    return m->degree != m[-1].degree || (m->user > SQUARE) != (m[-1].user > SQUARE);
}

/* The product without factors i and j (j == i: without i only). */
static double product_without(const monomial *m, const double *u, size_t i, size_t j)
{
    double product = 1;
    for (size_t k = 0; k < m->degree; k++) {
        if (k != i && k != j) {
            product *= u[m->index[k]];
        }
    }
    return product;
}

static double feature(const monomial *m, const double *u, const double *s)
{
    double sum = 0;
    for (size_t i = 0; i < m->degree; i++) {
        sum += product_without(m, u, i, i) * s[m->index[i]];
        for (size_t j = 0; j < m->degree; j++) {
            if (j != i && m->index[j] == m->index[i]) {
                sum += product_without(m, u, i, j);
            }
        }
    }
    return sum;
}

typedef struct workspace {
    size_t n, d;
    ph_residuals r;
    double *u, *s; /* [n][d] whitened */
    double *beta;  /* [q] */
    double *mean, *covariance, *factor;
    double *rows;     /* [d][d] unit directions of the user's coordinates, in a frame */
    double *limit;    /* [d][2] ends of their tails along them */
    const double *at; /* [n][d] the points in that frame */
    const double *slope; /* [n][d] and the scores */
} workspace;

static void workspace_clear(workspace *self)
{
    ph_residuals_clear(&self->r);
    free(self->u);
    free(self->s);
    free(self->beta);
    free(self->mean);
    free(self->covariance);
    free(self->factor);
    free(self->rows);
    free(self->limit);
}

static int workspace_init(workspace *self, size_t n, size_t d, size_t q)
{
    memset(self, 0, sizeof *self);
    self->n = n;
    self->d = d;
    self->u = ph_alloc(n * d, sizeof(double));
    self->s = ph_alloc(n * d, sizeof(double));
    self->beta = ph_alloc(q, sizeof(double));
    self->mean = ph_alloc(d, sizeof(double));
    self->covariance = ph_alloc(d * d, sizeof(double));
    self->factor = ph_alloc(d * d, sizeof(double));
    self->rows = ph_alloc(d * d, sizeof(double));
    self->limit = ph_alloc(2 * d, sizeof(double));
    int status = ph_residuals_init(&self->r, n, q);
    return self->u && self->s && self->beta && self->mean && self->covariance &&
                   self->factor && self->rows && self->limit
               ? status
               : PH_E_MEMORY;
}

/* u = C^-1/2 (y - mean) by the factor, s = L' score. */
static int whiten(workspace *self, const double *y, const double *score,
                  const double *weight)
{
    size_t d = self->d;
    ph_moments(self->n, d, y, weight, self->mean, self->covariance);
    int status = ph_cholesky(d, self->covariance, self->factor);
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        double *u = self->u + i * d, *s = self->s + i * d;
        for (size_t k = 0; k < d; k++) {
            u[k] = y[i * d + k] - self->mean[k];
            s[k] = 0;
            for (size_t l = k; l < d; l++) {
                s[k] += self->factor[l * d + k] * score[i * d + l];
            }
        }
        ph_solve_lower(d, self->factor, u);
    }
    return status;
}

static void unit_rows(workspace *self)
{
    size_t d = self->d;
    for (size_t k = 0; k < d; k++) {
        double *row = self->rows + k * d, length = sqrt(ph_dot(d, row, row));
        for (size_t l = 0; l < d && length > 0; l++) {
            row[l] /= length;
        }
    }
}

/* The sample's quantiles along each direction. */
static int find_limits(workspace *self, const double *weight)
{
    size_t n = self->n, d = self->d;
    ph_ranked *order = ph_alloc(n, sizeof *order);
    if (!order) {
        return PH_E_MEMORY;
    }
    for (size_t k = 0; k < d; k++) {
        double *limit = self->limit + 2 * k, below = 0;
        for (size_t i = 0; i < n; i++) {
            order[i].key = ph_dot(d, self->rows + k * d, self->at + i * d);
            order[i].index = i;
        }
        ph_rank(n, order);
        limit[0] = limit[1] = order[0].key;
        for (size_t i = 0; i < n && below < 1 - LEVEL; i++) {
            limit[0] = below < LEVEL ? order[i].key : limit[0];
            limit[1] = order[i].key;
            below += weight[order[i].index];
        }
    }
    free(order);
    return PH_OK;
}

/*
 * The user's coordinates in the whitened frame, their tails where the sample has them.
 * In many dimensions (not all squares are features) a direction taken from the sample
 * is correlated with it, which is a bias: there in the frame of the mode, as if normal.
 */
static int set_rows(workspace *self, const double *basis, size_t complete,
                    const double *y, const double *score, const double *weight)
{
    size_t d = self->d;
    int whole = complete > 1;
    self->at = whole ? self->u : y;
    self->slope = whole ? self->s : score;
    for (size_t k = 0; k < d; k++) {
        for (size_t l = 0; l < d; l++) {
            double sum = whole ? 0 : basis[k * d + l];
            for (size_t j = l; whole && j < d; j++) {
                sum += basis[k * d + j] * self->factor[j * d + l];
            }
            self->rows[k * d + l] = sum;
        }
        self->limit[2 * k] = gsl_cdf_ugaussian_Pinv(LEVEL);
        self->limit[2 * k + 1] = gsl_cdf_ugaussian_Qinv(LEVEL);
    }
    unit_rows(self);
    return whole ? find_limits(self, weight) : PH_OK;
}

/*
 * 1{x < q} - p + g(x) (x + score) where g solves g' - x g = 1{x < q} - p and P(x < q) =
 * p for a standard normal x, of which the feature is then the share below q itself.
 */
static double share_below(double q, double p, double x, double score)
{
    gsl_sf_result hazard; /* density / probability beyond */
    int below = x < q;
    if (gsl_sf_hazard_e(below ? -x : x, &hazard)) {
        return 0;
    }
    return below - p + (below ? 1 - p : p) / hazard.val * (x + score);
}

/* psi'(a'y) (a's) + psi''(a'y) along the user's coordinate, with psi'(x) = x for the
 * square. */
static double user_feature(const workspace *self, const monomial *m, size_t i)
{
    size_t d = self->d, k = m->index[0];
    const double *a = self->rows + k * d;
    double along = ph_dot(d, a, self->at + i * d);
    double slope = ph_dot(d, a, self->slope + i * d);
    if (m->user == SQUARE) {
        return 1 + along * slope;
    }
    double limit = self->limit[2 * k + (m->user == HIGH)];
    return share_below(limit, gsl_cdf_ugaussian_P(limit), along, slope);
}

/* Features, scaled to unit weighted square; gram = B'WB and its factor. */
static int build(workspace *self, const monomial_list *features, const double *weight)
{
    size_t n = self->n, q = self->r.q, d = self->d;
    for (size_t i = 0; i < n; i++) {
        double *row = self->r.b + i * q;
        row[0] = 1;
        for (size_t f = 1; f < q && weight[i] > 0; f++) {
            const monomial *m = &features->item[f - 1];
            row[f] = m->user != ALL ? user_feature(self, m, i)
                                    : feature(m, self->u + i * d, self->s + i * d);
        }
    }
    for (size_t f = 1; f < q; f++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += weight[i] * self->r.b[i * q + f] * self->r.b[i * q + f];
        }
        for (size_t i = 0; i < n && sum > 0; i++) {
            self->r.b[i * q + f] /= sqrt(sum);
        }
    }
    memset(self->r.gram, 0, q * q * sizeof *self->r.gram);
    for (size_t i = 0; i < n; i++) {
        const double *row = self->r.b + i * q;
        for (size_t f = 0; f < q && weight[i] > 0; f++) {
            double value = weight[i] * row[f];
            double *out = self->r.gram + f * q;
            for (size_t g = 0; g <= f; g++) {
                out[g] += value * row[g];
            }
        }
    }
    for (size_t f = 1; f < q; f++) {
        self->r.gram[f * q + f] +=
            1e-9; /* features are nearly collinear for Gaussians */
    }
    return ph_cholesky(q, self->r.gram, self->r.gram);
}

/*
 * Leaves out the degrees whose identities the importance sample contradicts: the
 * squared distance ess * sum (calibrated - w)^2 / w = ess * ((B'WB)^-1_00 - 1) is
 * chi-squared with as many degrees of freedom as features when the sample is right and
 * the features' averages are near normal; where high powers have such heavy tails that
 * they are not, calibrating on them does harm.
 */
static void trust(workspace *self, const monomial_list *features, double ess)
{
    size_t full = self->r.q, used = 1;
    double distance = 0;
    memset(self->beta, 0, full * sizeof *self->beta);
    self->beta[0] = 1;
    ph_solve_lower(full, self->r.gram, self->beta);
    for (size_t g = 1; g < full; g++) {
        distance += ess * self->beta[g] * self->beta[g];
        if (g + 1 == full || begins(&features->item[g])) {
            double freedom = (double)g;
            if (distance > freedom + PH_CALIBRATION_TRUST * sqrt(2 * freedom)) {
                break;
            }
            used = g + 1;
        }
    }
    for (size_t g = 0; g < used; g++) {
        memmove(self->r.gram + g * used, self->r.gram + g * full,
                used * sizeof(double));
    }
    self->r.q = used;
}

/* 1 / (1 - w_i b_i' (B'WB)^-1 b_i), with w_i b_i' G^-1 b_i = w_i |L^-1 b_i|^2. */
static void leverages(workspace *self, const double *weight)
{
    size_t q = self->r.q;
    for (size_t i = 0; i < self->n; i++) {
        memcpy(self->beta, self->r.b + i * self->r.stride, q * sizeof *self->beta);
        double h = 0;
        if (weight[i] > 0) {
            ph_solve_lower(q, self->r.gram, self->beta);
            h = weight[i] * ph_dot(q, self->beta, self->beta);
        }
        self->r.leverage[i] = 1 / fmax(1 - h, 1e-3);
    }
}

/* Raw error of the mean of column g of b (stride q) and its size in that error. */
static double stein_size(const workspace *self, const double *weight, size_t g,
                         double inefficiency)
{
    double mean = 0, sum = 0;
    for (size_t i = 0; i < self->n; i++) {
        double value = weight[i] * self->r.b[i * self->r.stride + g];
        mean += value;
        sum += value * value;
    }
    return sum > 0 ? fabs(mean) / sqrt(sum * inefficiency) : 0;
}

/* The maximum and where it is; what is not a number counts as the largest. */
static void keep_worst(double error, size_t k, double *worst, size_t *at)
{
    if (!isnan(*worst) && !(error <= *worst)) {
        *worst = error;
        *at = k;
    }
}

int ph_is_constant(double mean, double variance)
{
    return variance <= 1e-24 * mean * mean;
}

/* Errors of the mean and sd of column k of x (rows of `stride`); f[n] is scratch. */
static void column_errors(workspace *self, const double *x, size_t stride, size_t k,
                          const double *calibrated, double *f, ph_calibration *result)
{
    size_t n = self->n;
    const double *weight = self->r.weight;
    double mean = 0, variance = 0, moved = 0, raw = 0;
    for (size_t i = 0; i < n; i++) {
        mean += weight[i] * x[i * stride + k];
    }
    for (size_t i = 0; i < n; i++) {
        f[i] = x[i * stride + k] - mean;
        variance += weight[i] * f[i] * f[i];
    }
    if (ph_is_constant(mean, variance)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        f[i] /= sqrt(variance);
        moved += calibrated[i] * f[i];
        raw += weight[i] * weight[i] * f[i] * f[i];
    }
    double error = ph_residuals_error(&self->r, f, self->beta);
    keep_worst(error, k, &result->error_mean, &result->column_mean);
    result->shift = fmax(result->shift, fabs(moved) / sqrt(raw * self->r.inefficiency));
    for (size_t i = 0; i < n; i++) {
        f[i] *= f[i];
    }
    error = ph_residuals_error(&self->r, f, self->beta);
    keep_worst(0.5 * error, k, &result->error_sd, &result->column_sd);
}

/* Errors in the user's coordinates, standardised one by one, and as reported. */
static int errors(workspace *self, const double *z, size_t n_natural,
                  const double *natural, const double *calibrated,
                  ph_calibration *result)
{
    double *f = ph_alloc(self->n, sizeof *f);
    if (!f) {
        return PH_E_MEMORY;
    }
    for (size_t k = 0; k < self->d; k++) {
        column_errors(self, z, self->d, k, calibrated, f, result);
    }
    for (size_t k = 0; k < n_natural; k++) {
        column_errors(self, natural, n_natural, k, calibrated, f, result);
    }
    free(f);
    return PH_OK;
}

/* calibrated = weight o B (B'WB)^-1 e_1 */
static void weigh(workspace *self, const double *weight, double *calibrated)
{
    size_t n = self->n, q = self->r.q;
    double total = 0;
    memset(self->beta, 0, q * sizeof *self->beta);
    self->beta[0] = 1;
    ph_solve_lower(q, self->r.gram, self->beta);
    ph_solve_lower_transposed(q, self->r.gram, self->beta);
    for (size_t i = 0; i < n; i++) {
        const double *row = self->r.b + i * self->r.stride;
        calibrated[i] = weight[i] * ph_dot(q, row, self->beta);
        total += calibrated[i];
    }
    for (size_t i = 0; i < n; i++) {
        calibrated[i] /= total;
    }
}

/* Too many products for features, and squares that were trusted: the identities of all
 * of them, as long as they are not more than the effective sample size. */
static int add_products(workspace *self, size_t complete, double ess,
                        double *calibrated)
{
    double d = (double)self->d;
    if (complete != 1 || self->r.q <= self->d + 1 || 0.5 * d * (d + 1) > ess) {
        return PH_OK;
    }
    return ph_products_calibrate(self->n, self->d, self->u, self->s, ess, &self->r,
                                 calibrated);
}

/* Whether every column, of rows of `stride`, has a variance by these weights. */
static int has_spread(size_t n, size_t stride, const double *x, const double *weight)
{
    for (size_t k = 0; k < stride; k++) {
        double mean = 0, sum = 0, raw = 0;
        for (size_t i = 0; i < n; i++) {
            mean += weight[i] * x[i * stride + k];
        }
        for (size_t i = 0; i < n; i++) {
            double square = (x[i * stride + k] - mean) * (x[i * stride + k] - mean);
            sum += weight[i] * square;
            raw += fabs(weight[i]) * square;
        }
        if (raw > 0 && !(sum > 0)) {
            return 0;
        }
    }
    return 1;
}

int ph_calibrate(size_t n, size_t d, const double *basis, const double *z,
                 size_t n_natural, const double *natural, const double *y,
                 const double *score, const double *weight, double inefficiency,
                 const ph_nets *nets, double *calibrated, ph_calibration *result,
                 ph_residuals *residuals)
{
    double ess = 1 / (ph_dot(n, weight, weight) * inefficiency);
    monomial_list features = {0};
    workspace w = {0};
    size_t complete;
    memset(result, 0, sizeof *result);
    int status = choose_features(&features, d, 0.25 * ess, &complete);
    if (status == PH_OK) {
        status = workspace_init(&w, n, d, features.n + 1);
    }
    if (status == PH_OK) {
        status = whiten(&w, y, score, weight);
    }
    if (status == PH_OK) {
        memcpy(w.r.weight, weight, n * sizeof *weight);
        w.r.inefficiency = inefficiency;
        status = nets ? ph_nets_copy(&w.r.nets, nets) : PH_OK;
    }
    if (status == PH_OK) {
        status = set_rows(&w, basis, complete, y, score, weight);
    }
    if (status == PH_OK) {
        status = build(&w, &features, weight);
    }
    if (status < 0) {
        goto out;
    }
    trust(&w, &features, ess);
    leverages(&w, weight);
    weigh(&w, weight, calibrated);
    status = add_products(&w, complete, ess, calibrated);
    if (status < 0) {
        goto out;
    }
    for (size_t g = 1; g < w.r.stride && features.item[g - 1].degree <= 2; g++) {
        result->stein = fmax(result->stein, stein_size(&w, weight, g, inefficiency));
    }
    result->features = w.r.q - 1;
    result->ess = 1 / (ph_dot(n, calibrated, calibrated) * inefficiency);
    int spread = has_spread(n, d, z, calibrated) &&
                 has_spread(n, n_natural, natural, calibrated);
    if (!spread) { /* negative weights outweigh the others: not to be had */
        memcpy(calibrated, weight, n * sizeof *weight);
    }
    status = errors(&w, z, n_natural, natural, calibrated, result);
    result->error_sd = spread ? result->error_sd : INFINITY;
    if (status == PH_OK && residuals) {
        ph_residuals_clear(residuals);
        *residuals = w.r;
        w.r = (ph_residuals){0};
    }
out:
    workspace_clear(&w);
    free(features.item);
    return status;
}
