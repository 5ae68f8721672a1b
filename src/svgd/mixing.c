/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Autocovariances are summed lag by lag, as far as Geyer's initial positive sequence
 * needs them: a chain that mixes well needs few, so that no transform is called for.
 */
#include "phasic/svgd/mixing.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

#include "phasic/base/memory.h"
#include "phasic/base/status.h"
#include "phasic/num/rank.h"

/* out = normal scores of x by average rank: Blom's (r - 3/8) / (n + 1/4). */
static void normal_scores(size_t n, const double *x, ph_ranked *order, double *out)
{
    for (size_t i = 0; i < n; i++) {
        order[i] = (ph_ranked){x[i], i};
    }
    ph_rank(n, order);
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && order[end].key == order[first].key;) {
            end++;
        }
        double rank = 0.5 * (double)(first + 1 + end);
        double score = gsl_cdf_ugaussian_Pinv((rank - 0.375) / ((double)n + 0.25));
        for (size_t i = first; i < end; i++) {
            out[order[i].index] = score;
        }
    }
}

/* Mean and variance (with n - 1) of every half chain, and their pooled values. */
typedef struct halves {
    size_t n, length;       /* halves, draws of each */
    const double *x;        /* [n][stride], the first `length` of each row */
    size_t stride, skip;    /* of a chain; where its second half begins */
    double *mean;           /* [n] */
    double within, between; /* mean variance; variance of the means */
} halves;

static const double *half(const halves *self, size_t h)
{
    return self->x + h / 2 * self->stride + h % 2 * self->skip;
}

static void pool(halves *self)
{
    double m = (double)self->length, count = (double)self->n, grand = 0;
    self->within = self->between = 0;
    for (size_t h = 0; h < self->n; h++) {
        const double *x = half(self, h);
        double sum = 0, squares = 0;
        for (size_t t = 0; t < self->length; t++) {
            sum += x[t];
        }
        self->mean[h] = sum / m;
        for (size_t t = 0; t < self->length; t++) {
            squares += (x[t] - self->mean[h]) * (x[t] - self->mean[h]);
        }
        self->within += squares / (m - 1) / count;
        grand += self->mean[h] / count;
    }
    for (size_t h = 0; h < self->n; h++) {
        self->between +=
            (self->mean[h] - grand) * (self->mean[h] - grand) / (count - 1);
    }
}

static double rhat(const halves *self)
{
    double m = (double)self->length;
    return sqrt(((m - 1) / m * self->within + self->between) / self->within);
}

/* Mean over the halves of the autocovariance (divided by the length) at a lag. */
static double autocovariance(const halves *self, size_t lag)
{
    double total = 0;
    for (size_t h = 0; h < self->n; h++) {
        const double *x = half(self, h);
        double sum = 0, mean = self->mean[h];
        for (size_t t = 0; t + lag < self->length; t++) {
            sum += (x[t] - mean) * (x[t + lag] - mean);
        }
        total += sum / (double)self->length;
    }
    return total / (double)self->n;
}

/* Geyer's initial monotone sequence; at most draws * log10(draws). */
static double effective_size(const halves *self)
{
    double m = (double)self->length, draws = m * (double)self->n;
    double total = (m - 1) / m * self->within + self->between;
    double tau = 0, last = INFINITY;
    for (size_t lag = 0; lag + 1 < self->length; lag += 2) {
        double even =
            lag == 0 ? 1 : 1 - (self->within - autocovariance(self, lag)) / total;
        double odd = 1 - (self->within - autocovariance(self, lag + 1)) / total;
        double pair = fmin(even + odd, last);
        if (pair <= 0) {
            tau += lag > 0 && even > 0 ? even : 0;
            break;
        }
        tau += 2 * pair;
        last = pair;
    }
    return draws / fmax(tau - 1, 1 / log10(draws));
}

static double ess_of(halves *self, const double *x)
{
    self->x = x;
    pool(self);
    return self->within > 0 ? effective_size(self) : NAN;
}

/* The value below which a share of the sorted values lies. */
static double sorted_quantile(size_t n, const ph_ranked *sorted, double p)
{
    double place = p * (double)(n - 1);
    size_t low = (size_t)place, high = low + 1 < n ? low + 1 : low;
    double share = place - (double)low;
    return sorted[low].key + share * (sorted[high].key - sorted[low].key);
}

static double tail(halves *self, size_t n, const double *x, const ph_ranked *sorted,
                   double p, double *work)
{
    double limit = sorted_quantile(n, sorted, p);
    for (size_t i = 0; i < n; i++) {
        work[i] = x[i] <= limit;
    }
    return ess_of(self, work);
}

int ph_mixing_of(size_t chains, size_t steps, const double *x, ph_mixing *out)
{
    size_t n = chains * steps;
    ph_ranked *order = ph_alloc(n, sizeof *order),
              *sorted = ph_alloc(n, sizeof *sorted);
    double *work = ph_alloc(n, sizeof *work), *folded = ph_alloc(n, sizeof *folded);
    halves self = {.n = 2 * chains, .length = steps / 2, .stride = steps};
    self.skip = steps - self.length;
    self.mean = ph_alloc(self.n, sizeof *self.mean);
    int status = order && sorted && work && folded && self.mean ? PH_OK : PH_E_MEMORY;
    if (status < 0) {
        goto out;
    }
    normal_scores(n, x, sorted, work);
    out->ess_bulk = ess_of(&self, work);
    out->rhat = self.within > 0 ? rhat(&self) : NAN;
    double median = sorted_quantile(n, sorted, 0.5);
    for (size_t i = 0; i < n; i++) {
        folded[i] = fabs(x[i] - median);
    }
    normal_scores(n, folded, order, work);
    self.x = work;
    pool(&self);
    out->rhat = self.within > 0 ? fmax(out->rhat, rhat(&self)) : out->rhat;
    out->ess_tail = fmin(tail(&self, n, x, sorted, 0.05, work),
                         tail(&self, n, x, sorted, 0.95, work));
    out->ess_mean = ess_of(&self, x);
out:
    free(order);
    free(sorted);
    free(work);
    free(folded);
    free(self.mean);
    return status;
}
