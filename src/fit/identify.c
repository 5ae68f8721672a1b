/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the likelihood adds to the prior is seen in units of the prior: with S the
 * prior's standard deviations in z, S H_lik S has one eigenvalue for every direction,
 * the data's information relative to the prior's. Where it is small the posterior is as
 * wide as the prior, whatever the correlations of the parameters make of single ones.
 */
#include "identify.h"

#include <gsl/gsl_eigen.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "posterior_private.h"

enum { NODES = 1000 };
#define SAME_SD      0.95 /* posterior sd / prior sd; a wider one is the data's */
#define WIDER_SD     1.1
#define SAME_MEAN    0.25 /* in prior sd */
#define UNINFORMED   0.05 /* information of the data / that of the prior */
#define SHOWN        0.3  /* component of a unit vector */
#define CONCENTRATED 0.95 /* a direction that is one parameter's */

/* Mean and sd of a prior in z, by midpoints of its quantiles. */
static void prior_in_z(const ph_posterior *self, size_t k, double *mean, double *sd)
{
    double sum = 0, square = 0;
    for (int i = 0; i < NODES; i++) {
        double z = ph_prior_quantile_z(&self->prior[k], (i + 0.5) / NODES);
        sum += z / NODES;
        square += z * z / NODES;
    }
    *mean = sum;
    *sd = sqrt(fmax(square - sum * sum, 0));
}

static void weighted_in_z(const ph_svgd_result *svgd, size_t k, double *mean,
                          double *sd)
{
    double sum = 0, square = 0;
    for (size_t i = 0; i < svgd->n; i++) {
        sum += svgd->weight[i] * svgd->z[i * svgd->d + k];
    }
    for (size_t i = 0; i < svgd->n; i++) {
        double u = svgd->z[i * svgd->d + k] - sum;
        square += svgd->weight[i] * u * u;
    }
    *mean = sum;
    *sd = sqrt(fmax(square, 0));
}

static const char *name_of(const ph_posterior *self, size_t k)
{
    return self->model->parameters[self->free_index[k]].name;
}

static void add(char *reasons, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(char *reasons, size_t size, const char *format, ...)
{
    char sentence[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    size_t used = strlen(reasons);
    snprintf(reasons + used, size - used, "%s%s", used ? "; " : "", sentence);
}

static void compare_with_priors(const ph_svgd_result *svgd, const ph_posterior *self,
                                char *reasons, size_t size)
{
    for (size_t k = 0; k < self->d; k++) {
        double prior_mean, prior_sd, mean, sd;
        prior_in_z(self, k, &prior_mean, &prior_sd);
        weighted_in_z(svgd, k, &mean, &sd);
        if (sd > SAME_SD * prior_sd && sd < WIDER_SD * prior_sd &&
            fabs(mean - prior_mean) < SAME_MEAN * prior_sd) {
            add(reasons, size,
                "the prior decides alone about '%s', its posterior is %.2f times as "
                "wide as its prior",
                name_of(self, k), sd / prior_sd);
        }
    }
}

/* Second derivative in z of minus the part of log p that is not the likelihood. */
static double prior_curvature(const ph_posterior *self, size_t k, double z)
{
    const double h = 1e-4;
    double side[2];
    for (int s = 0; s < 2; s++) {
        double at = z + (s ? h : -h), d_jacobian, d_prior = 0;
        ph_transform(self->lower[k], self->upper[k], at, NULL, NULL, NULL, &d_jacobian);
        if (self->parts & PH_POSTERIOR_PRIOR) {
            (void)ph_prior_log_z(&self->prior[k], at, &d_prior);
        }
        side[s] = d_prior;
        side[s] += self->parts & PH_POSTERIOR_JACOBIAN ? d_jacobian : 0;
    }
    return (side[0] - side[1]) / (2 * h);
}

/* One direction, column c of `vectors`, unless it is one parameter's. */
static void add_direction(const ph_posterior *self, const gsl_matrix *vectors, size_t c,
                          char *reasons, size_t size)
{
    char list[256] = "";
    size_t used = 0;
    double largest = 0;
    for (size_t k = 0; k < self->d; k++) {
        double v = gsl_matrix_get(vectors, k, c);
        largest = fmax(largest, fabs(v));
        if (fabs(v) > SHOWN && used < sizeof list) {
            int wrote = snprintf(list + used, sizeof list - used, "%s%s (%+.2f)",
                                 used ? ", " : "", name_of(self, k), v);
            used += wrote > 0 ? (size_t)wrote : 0;
        }
    }
    if (largest < CONCENTRATED) {
        add(reasons, size,
            "the data do not tell these parameters apart and the prior decides about "
            "their combination: %s",
            list);
    }
}

int ph_identify_directions(const ph_posterior *self, const double *z,
                           const double *hessian, char *reasons, size_t size)
{
    size_t d = self->d;
    double *sd = ph_alloc(d, sizeof *sd);
    gsl_matrix *scaled = gsl_matrix_alloc(d, d), *vectors = gsl_matrix_alloc(d, d);
    gsl_vector *values = gsl_vector_alloc(d);
    gsl_eigen_symmv_workspace *work = gsl_eigen_symmv_alloc(d);
    int status = sd && scaled && vectors && values && work ? PH_OK : PH_E_MEMORY;
    for (size_t k = 0; k < d && status == PH_OK; k++) {
        double mean;
        prior_in_z(self, k, &mean, &sd[k]);
    }
    for (size_t k = 0; k < d * d && status == PH_OK; k++) {
        double h = hessian[k];
        h -= k / d == k % d ? prior_curvature(self, k / d, z[k / d]) : 0;
        gsl_matrix_set(scaled, k / d, k % d, h * sd[k / d] * sd[k % d]);
    }
    if (status == PH_OK && gsl_eigen_symmv(scaled, values, vectors, work) == 0) {
        gsl_eigen_symmv_sort(values, vectors, GSL_EIGEN_SORT_VAL_ASC);
        for (size_t c = 0; c < d && gsl_vector_get(values, c) < UNINFORMED; c++) {
            add_direction(self, vectors, c, reasons, size);
        }
    }
    free(sd);
    gsl_matrix_free(scaled);
    gsl_matrix_free(vectors);
    gsl_vector_free(values);
    gsl_eigen_symmv_free(work);
    return status;
}

int ph_identify_fit(const ph_svgd_result *svgd, const ph_posterior *self, char *reasons,
                    size_t size)
{
    if (svgd->n_modes > 1) {
        add(reasons, size, "the posterior has %zu modes", svgd->n_modes);
    }
    compare_with_priors(svgd, self, reasons, size);
    return svgd->n_modes ? ph_identify_directions(self, svgd->mode[0].z,
                                                  svgd->mode[0].hessian, reasons, size)
                         : PH_OK;
}
