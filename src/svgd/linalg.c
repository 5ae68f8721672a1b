/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Textbook loops for factors and moments: d is at most some dozens, and a loop that
 * returns a status for a matrix that is not positive definite needs no error handler.
 * Eigenvalues come from GSL (symmetric bidiagonalisation and QR).
 */
#include "linalg.h"

#include <gsl/gsl_eigen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/base/status.h"

double ph_dot(size_t d, const double *a, const double *b)
{
    double sum = 0;
    for (size_t k = 0; k < d; k++) {
        sum += a[k] * b[k];
    }
    return sum;
}

int ph_cholesky(size_t d, const double *a, double *l)
{
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = a[i * d + j] - ph_dot(j, l + i * d, l + j * d);
            if (j < i) {
                l[i * d + j] = sum / l[j * d + j];
            } else if (sum > 0 && isfinite(sum)) {
                l[i * d + i] = sqrt(sum);
            } else {
                return PH_E_NUMERIC;
            }
        }
    }
    for (size_t i = 0; i < d; i++) {
        for (size_t j = i + 1; j < d; j++) {
            l[i * d + j] = 0;
        }
    }
    return PH_OK;
}

void ph_solve_lower(size_t d, const double *l, double *x)
{
    for (size_t i = 0; i < d; i++) {
        x[i] = (x[i] - ph_dot(i, l + i * d, x)) / l[i * d + i];
    }
}

void ph_solve_lower_transposed(size_t d, const double *l, double *x)
{
    for (size_t i = d; i-- > 0;) {
        x[i] /= l[i * d + i];
        for (size_t j = 0; j < i; j++) {
            x[j] -= l[i * d + j] * x[i];
        }
    }
}

double ph_cholesky_log_det(size_t d, const double *l)
{
    double sum = 0;
    for (size_t i = 0; i < d; i++) {
        sum += 2 * log(l[i * d + i]);
    }
    return sum;
}

void ph_cholesky_inverse(size_t d, const double *l, double *inverse)
{
    for (size_t k = 0; k < d; k++) {
        double *column = inverse + k * d; /* symmetric: a row does as well */
        memset(column, 0, d * sizeof *column);
        column[k] = 1;
        ph_solve_lower(d, l, column);
        ph_solve_lower_transposed(d, l, column);
    }
    ph_symmetrise(d, inverse);
}

void ph_symmetrise(size_t d, double *a)
{
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j < i; j++) {
            a[i * d + j] = a[j * d + i] = 0.5 * (a[i * d + j] + a[j * d + i]);
        }
    }
}

int ph_eigen(size_t d, const double *a, double *values, double *vectors)
{
    int status = PH_E_MEMORY;
    gsl_matrix *copy = gsl_matrix_alloc(d, d), *vector = gsl_matrix_alloc(d, d);
    gsl_vector *value = gsl_vector_alloc(d);
    gsl_eigen_symmv_workspace *work = gsl_eigen_symmv_alloc(d);
    if (!copy || !vector || !value || !work) {
        goto out;
    }
    status = PH_E_NUMERIC;
    for (size_t k = 0; k < d * d; k++) {
        if (!isfinite(a[k])) {
            goto out;
        }
        gsl_matrix_set(copy, k / d, k % d, a[k]);
    }
    if (gsl_eigen_symmv(copy, value, vector, work) ||
        gsl_eigen_symmv_sort(value, vector, GSL_EIGEN_SORT_VAL_ASC)) {
        goto out;
    }
    for (size_t k = 0; k < d; k++) {
        values[k] = gsl_vector_get(value, k);
        for (size_t i = 0; i < d; i++) {
            vectors[k * d + i] = gsl_matrix_get(vector, i, k);
        }
    }
    status = PH_OK;
out:
    gsl_eigen_symmv_free(work);
    gsl_vector_free(value);
    gsl_matrix_free(vector);
    gsl_matrix_free(copy);
    return status;
}

void ph_from_eigen(size_t d, const double *values, const double *vectors, double *a)
{
    memset(a, 0, d * d * sizeof *a);
    for (size_t k = 0; k < d; k++) {
        const double *v = vectors + k * d;
        for (size_t i = 0; i < d; i++) {
            for (size_t j = 0; j < d; j++) {
                a[i * d + j] += values[k] * v[i] * v[j];
            }
        }
    }
}

void ph_moments(size_t n, size_t d, const double *x, const double *weight, double *mean,
                double *covariance)
{
    double equal = 1.0 / (double)n;
    memset(mean, 0, d * sizeof *mean);
    for (size_t i = 0; i < n; i++) {
        double w = weight ? weight[i] : equal;
        for (size_t k = 0; k < d; k++) {
            mean[k] += w * x[i * d + k];
        }
    }
    if (!covariance) {
        return;
    }
    memset(covariance, 0, d * d * sizeof *covariance);
    for (size_t i = 0; i < n; i++) {
        double w = weight ? weight[i] : equal;
        const double *y = x + i * d;
        for (size_t k = 0; k < d; k++) {
            double wk = w * (y[k] - mean[k]);
            for (size_t l = 0; l <= k; l++) {
                covariance[k * d + l] += wk * (y[l] - mean[l]);
            }
        }
    }
    for (size_t k = 0; k < d; k++) {
        for (size_t l = 0; l < k; l++) {
            covariance[l * d + k] = covariance[k * d + l];
        }
    }
}

int ph_order_along(size_t n, size_t d, const double *x, const double *weight,
                   ph_ranked *order)
{
    double *mean = ph_alloc(d, sizeof *mean), *c = ph_alloc(d * d, sizeof *c);
    double *values = ph_alloc(d, sizeof *values), *v = ph_alloc(d * d, sizeof *v);
    int status = mean && c && values && v ? PH_OK : PH_E_MEMORY;
    if (status == PH_OK) {
        ph_moments(n, d, x, weight, mean, c);
        status = ph_eigen(d, c, values, v);
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        order[i] = (ph_ranked){ph_dot(d, v + (d - 1) * d, x + i * d), i};
    }
    if (status == PH_OK) {
        ph_rank(n, order);
    }
    free(mean);
    free(c);
    free(values);
    free(v);
    return status;
}
