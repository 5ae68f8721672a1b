/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lanczos on the diagonal matrix of the points, mapped to [-1, 1], started from the
 * square roots of the weights and orthogonalised twice against all earlier vectors: the
 * recurrence alone loses orthogonality after a few steps. The tridiagonal matrix it
 * leaves is the measure's Jacobi matrix; its eigenvalues are the nodes, and the squared
 * first components of its eigenvectors, times the total weight, the weights.
 */
#include "phasic/num/gauss.h"

#include <gsl/gsl_eigen.h>
#include <math.h>

#include "phasic/base/status.h"

static double dot(size_t m, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < m; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* Removes from v its part along each of the first k rows of q. */
static void orthogonalise(size_t m, size_t k, const double *q, double *v)
{
    for (size_t j = 0; j < k; j++) {
        double part = dot(m, q + j * m, v);
        for (size_t i = 0; i < m; i++) {
            v[i] -= part * q[j * m + i];
        }
    }
}

/* Diagonal and off-diagonal of the Jacobi matrix; y are the mapped points. */
static void lanczos(size_t m, const double *y, size_t n, double *q, double *diagonal,
                    double *off)
{
    for (size_t k = 0; k < n; k++) {
        double *here = q + k * m, *next = here + m;
        for (size_t i = 0; i < m; i++) {
            next[i] = y[i] * here[i];
        }
        diagonal[k] = dot(m, here, next);
        if (k + 1 == n) {
            break;
        }
        orthogonalise(m, k + 1, q, next);
        orthogonalise(m, k + 1, q, next);
        off[k] = sqrt(dot(m, next, next));
        for (size_t i = 0; i < m; i++) {
            next[i] /= off[k];
        }
    }
}

/* Eigenvalues, ascending, and squared first components of a symmetric tridiagonal. */
static int eigen(size_t n, const double *diagonal, const double *off, double *value,
                 double *share)
{
    double matrix[PH_GAUSS_MAX * PH_GAUSS_MAX] = {0};
    double vectors[PH_GAUSS_MAX * PH_GAUSS_MAX];
    for (size_t k = 0; k < n; k++) {
        matrix[k * n + k] = diagonal[k];
        if (k + 1 < n) {
            matrix[k * n + k + 1] = matrix[(k + 1) * n + k] = off[k];
        }
    }
    gsl_matrix_view a = gsl_matrix_view_array(matrix, n, n);
    gsl_matrix_view v = gsl_matrix_view_array(vectors, n, n);
    gsl_vector_view e = gsl_vector_view_array(value, n);
    gsl_eigen_symmv_workspace *work = gsl_eigen_symmv_alloc(n);
    if (!work) {
        return PH_E_MEMORY;
    }
    int status = gsl_eigen_symmv(&a.matrix, &e.vector, &v.matrix, work);
    gsl_eigen_symmv_free(work);
    if (status != 0 ||
        gsl_eigen_symmv_sort(&e.vector, &v.matrix, GSL_EIGEN_SORT_VAL_ASC) != 0) {
        return PH_E_NUMERIC;
    }
    for (size_t k = 0; k < n; k++) {
        share[k] = vectors[k] * vectors[k]; /* row 0, column k */
    }
    return PH_OK;
}

int ph_gauss_rule(size_t m, const double *x, const double *w, size_t n, double *node,
                  double *weight, double *work)
{
    double *y = work, *q = work + m;
    double diagonal[PH_GAUSS_MAX] = {0}, off[PH_GAUSS_MAX] = {0};
    double middle = x[0] + (x[m - 1] - x[0]) / 2, half = (x[m - 1] - x[0]) / 2,
           total = 0;
    for (size_t i = 0; i < m; i++) {
        total += w[i];
    }
    for (size_t i = 0; i < m; i++) {
        y[i] = (x[i] - middle) / half;
        q[i] = sqrt(w[i] / total);
    }
    lanczos(m, y, n, q, diagonal, off);
    int status = eigen(n, diagonal, off, node, weight);
    for (size_t k = 0; k < n && status == PH_OK; k++) {
        node[k] = middle + half * node[k];
        weight[k] *= total;
    }
    return status;
}
