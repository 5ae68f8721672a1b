/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/report/kde.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/base/status.h"
#include "phasic/prior/prior.h"
#include "phasic/report/draws.h"

double ph_kde_bandwidth(size_t n, const double *sorted, double effective)
{
    double mean = 0;
    for (size_t i = 0; i < n; i++) {
        mean += sorted[i] / (double)n;
    }
    double spread = ph_spread(n, sorted, mean);
    double range =
        ph_sorted_quantile(n, sorted, 0.75) - ph_sorted_quantile(n, sorted, 0.25);
    if (range > 0) {
        spread = fmin(spread, range / 1.34);
    }
    return sorted[0] == sorted[n - 1] ? 0 : 0.9 * spread * pow(effective, -0.2);
}

double ph_kde_density(size_t n, const double *x, double h, double at)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double u = (at - x[i]) / h;
        sum += exp(-0.5 * u * u);
    }
    return sum / ((double)n * h * sqrt(2 * M_PI));
}

/* The scale of the draws themselves; kept where they come close to a bound, or round
 * to it. */
static int try_own_scale(ph_kde *self, const double *x, double effective)
{
    memcpy(self->z, x, self->n * sizeof *x);
    ph_sort_numbers(self->n, self->z);
    self->bandwidth = ph_kde_bandwidth(self->n, self->z, effective);
    return self->z[0] - self->bandwidth < self->lower ||
           self->z[self->n - 1] + self->bandwidth > self->upper;
}

int ph_kde_init(ph_kde *self, size_t n, const double *x, double lower, double upper,
                double effective)
{
    *self = (ph_kde){.n = n, .lower = lower, .upper = upper};
    self->z = ph_alloc(n, sizeof *self->z);
    if (!self->z) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        if (!(x[i] >= lower && x[i] <= upper) || !isfinite(x[i])) {
            return PH_E_NUMERIC;
        }
    }
    self->reflect = try_own_scale(self, x, effective);
    if (!self->reflect) {
        for (size_t i = 0; i < n; i++) {
            self->z[i] = ph_transform_inverse(lower, upper, x[i]);
        }
        ph_sort_numbers(n, self->z);
        self->bandwidth = ph_kde_bandwidth(n, self->z, effective);
    }
    return self->bandwidth > 0 ? PH_OK : PH_E_NUMERIC;
}

void ph_kde_free(ph_kde *self)
{
    free(self->z);
    *self = (ph_kde){0};
}

/* With its images in the bounds there are. */
static double reflected(const ph_kde *self, double x)
{
    double density = ph_kde_density(self->n, self->z, self->bandwidth, x);
    const double bound[] = {self->lower, self->upper};
    for (int i = 0; i < 2; i++) {
        if (isfinite(bound[i])) {
            density +=
                ph_kde_density(self->n, self->z, self->bandwidth, 2 * bound[i] - x);
        }
    }
    return density;
}

double ph_kde_at(const ph_kde *self, double x)
{
    double slope;
    if (!(x > self->lower && x < self->upper)) {
        return 0;
    }
    if (self->reflect) {
        return reflected(self, x);
    }
    double z = ph_transform_inverse(self->lower, self->upper, x);
    ph_transform(self->lower, self->upper, z, NULL, &slope, NULL, NULL);
    return ph_kde_density(self->n, self->z, self->bandwidth, z) / fabs(slope);
}

void ph_kde_range(const ph_kde *self, double reach, double *from, double *to)
{
    double beyond = reach * self->bandwidth;
    double a = self->z[0] - beyond, b = self->z[self->n - 1] + beyond;
    if (!self->reflect) {
        ph_transform(self->lower, self->upper, a, &a, NULL, NULL, NULL);
        ph_transform(self->lower, self->upper, b, &b, NULL, NULL, NULL);
    }
    *from = fmax(fmin(a, b), self->lower); /* the map falls where only the */
    *to = fmin(fmax(a, b), self->upper);   /* upper end is finite */
}
