/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Weights of steps at a time, and of an interval.
 *
 * Poisson weights start at the mode by Loader's form and spread by recurrence, with a
 * log offset per block.
 *
 * The weight of step k for the interval (l, u] is P(N_u > k) - P(N_l > k) = the
 * integral of the Poisson weight over [Lambda l, Lambda u]. It is the sum over j <= k
 * of d_j = pi_j(l) - pi_j(u) and, as all d_j add up to 0, minus the sum over j > k.
 * With e_j = j log(u / l) - Lambda (u - l),
 *
 *   d_j = -pi_j(l) expm1(e_j) = pi_j(u) expm1(-e_j),
 *
 * so d_j changes sign once, at K = Lambda (u - l) / log(u / l): below K the first sum
 * has positive terms only, above it the second. Nothing cancels, in an interval of one
 * part in 10^12 as in one that holds everything. e_j itself does cancel near K; its two
 * terms are kept as sums of two doubles.
 */
#include <math.h>

#include "phasic/base/memory.h"
#include "phasic/num/poisson.h"
#include "sweep_private.h"

#define SMALL       1e-200
#define MANY_BLOCKS 65536 /* in which an interval without an end has to run dry */

static int reserve(ph_sweep *sweep, size_t last)
{
    ph_weights *self = &sweep->weights;
    size_t blocks = last / PH_BLOCK + 1;
    if (ph_sweep_reserve(sweep, last) != PH_OK ||
        ph_grow(&self->weight, &self->weight_capacity, blocks * PH_BLOCK,
                sizeof(double)) != 0 ||
        ph_grow(&self->offset, &self->offset_capacity, blocks, sizeof(double)) != 0 ||
        ph_grow(&self->inverse, &self->inverse_capacity, blocks * PH_BLOCK + 1,
                sizeof(double)) != 0) {
        return PH_E_MEMORY;
    }
    for (; self->inverses <= blocks * PH_BLOCK; self->inverses++) {
        self->inverse[self->inverses] = 1 / (double)self->inverses;
    }
    return PH_OK;
}

/*
 * Log of the largest mass any lane has left at block b, from the exponents alone: mass
 * never grows, so the last block known bounds all later ones.
 */
static double log_mass_bound(const ph_sweep *self, size_t b)
{
    size_t blocks = self->length / PH_BLOCK;
    if (blocks == 0) {
        return 0;
    }
    b = b < blocks ? b : blocks - 1;
    const int32_t *exponent = self->exponent + b * PH_LANES;
    int32_t largest = INT32_MIN;
    for (int l = 0; l < PH_LANES; l++) {
        if (self->a[b * PH_BLOCK][l] > 0 && exponent[l] > largest) {
            largest = exponent[l];
        }
    }
    return largest == INT32_MIN ? -INFINITY : largest * M_LN2;
}

/* Upward from the mode to the end of the block in which the bound is met. */
static int spread_up(ph_sweep *self, double x, size_t mode, double offset, size_t cap,
                     double log_target)
{
    ph_weights *weights = &self->weights;
    double r = 1;
    for (size_t b = mode / PH_BLOCK;; b++) {
        size_t begin = b * PH_BLOCK, end = begin + PH_BLOCK;
        int status = reserve(self, end);
        if (status == PH_OK) {
            status = ph_sweep_extend(self, end);
        }
        if (status != PH_OK) {
            return status;
        }
        if (r < SMALL) {
            offset += log(r);
            r = 1;
        }
        weights->offset[b] = offset;
        for (size_t k = begin < mode ? mode : begin; k < end; k++) {
            weights->weight[k] = r;
            r *= x * weights->inverse[k + 1];
        }
        /* r is the weight of step `end`, and the tail from there a geometric series */
        double tail = log(r) + offset - log1p(-x / ((double)end + 1));
        size_t bound = b + 1 < cap ? b + 1 : cap;
        if (tail + log_mass_bound(self, bound) <= log_target) {
            weights->last = end - 1;
            return PH_OK;
        }
    }
}

static void spread_down(ph_weights *weights, double x, size_t mode, double offset,
                        double log_target)
{
    double r = 1, per_x = 1 / x;
    size_t k = mode;
    while (k > 0) {
        k--;
        r *= (double)(k + 1) * per_x;
        if (k % PH_BLOCK == PH_BLOCK - 1) {
            double tail = log(r) + offset - log1p(-(double)k * per_x);
            if (tail <= log_target) {
                k++;
                break;
            }
            if (r < SMALL) {
                offset += log(r);
                r = 1;
            }
            weights->offset[k / PH_BLOCK] = offset;
        }
        weights->weight[k] = r;
    }
    weights->first = k;
}

int ph_weights_poisson(ph_sweep *self, double x, size_t least, size_t cap,
                       double log_target)
{
    if (!(x < PH_STEPS_MAX)) {
        return PH_E_MEMORY;
    }
    size_t mode = (size_t)x > least ? (size_t)x : least;
    double offset = ph_poisson_log((double)mode, x);
    if (offset == -INFINITY) { /* t = 0, and all paths take longer */
        self->weights.first = 1;
        self->weights.last = 0;
        return PH_OK;
    }
    int status = spread_up(self, x, mode, offset, cap, log_target);
    if (status == PH_OK && mode > least) {
        spread_down(&self->weights, x, mode, offset, log_target);
    } else {
        self->weights.first = mode;
    }
    return status;
}

/* ---------------------------------------------------------------- intervals */

/* e_j = j growth - width, both as sums of two doubles. */
typedef struct ends {
    double low, high;           /* Lambda l, Lambda u */
    double growth[2], width[2]; /* log(u / l), Lambda (u - l) */
    size_t middle;              /* largest whole number of at most K */
} ends;

static ends ends_of(double rate, double l, double u)
{
    long double apart = (long double)u - l, width = rate * apart;
    long double growth = log1pl(apart / l);
    ends self = {.low = rate * l, .high = rate * u};
    self.width[0] = (double)width;
    self.width[1] = (double)(width - self.width[0]);
    self.growth[0] = (double)growth;
    self.growth[1] = (double)(growth - self.growth[0]);
    self.middle = (size_t)fminl(width / growth, PH_STEPS_MAX);
    return self;
}

/* expm1(sign e_j), negative or 0 on the side of K where it is asked for. */
static double drop(const ends *self, size_t step, double sign)
{
    double j = (double)step;
    double e = fma(j, self->growth[0], -self->width[0]) +
               (j * self->growth[1] - self->width[1]);
    return e * sign < 0 ? expm1(e * sign) : 0;
}

/*
 * From K upward: Poisson weights of u from `from` on, summed from the far end. Between
 * K and `from` (its mode, where that is beyond) the weights run down by recurrence.
 */
static int upper_side(ph_sweep *self, const ends *at, size_t least, double log_target)
{
    ph_weights *weights = &self->weights;
    size_t first = at->middle > least ? at->middle : least, from = (size_t)at->high;
    from = from > first + 1 ? from : first + 1;
    double offset = ph_poisson_log((double)from, at->high);
    int status =
        spread_up(self, at->high, from, offset, at->middle / PH_BLOCK, log_target);
    if (status != PH_OK) {
        return status;
    }
    for (size_t b = first / PH_BLOCK; b < from / PH_BLOCK; b++) {
        weights->offset[b] = offset;
    }
    double sum = 0, r = 1, per_x = 1 / at->high;
    for (size_t k = weights->last + 1; k-- > from;) {
        double here = weights->weight[k];
        weights->weight[k] = sum;
        sum -= here * drop(at, k, -1);
        if (k % PH_BLOCK == 0 && k > from) {
            size_t b = k / PH_BLOCK;
            sum *= exp(weights->offset[b] - weights->offset[b - 1]);
        }
    }
    for (size_t k = from; k-- > first;) {
        weights->weight[k] = sum;
        r *= (double)(k + 1) * per_x;
        sum -= k > at->middle ? r * drop(at, k, -1) : 0;
    }
    weights->first = first;
    return PH_OK;
}

/*
 * Below `end`, at most K: Poisson weights of l, summed from the near end. `common` is
 * the offset of the block that both sides share where `end` is K.
 */
static void lower_side(ph_weights *weights, const ends *at, size_t end, double common,
                       double log_target)
{
    size_t mode = at->low < (double)end ? (size_t)at->low : end - 1;
    double offset = ph_poisson_log((double)mode, at->low), sum = 0, r = 1;
    for (size_t b = mode / PH_BLOCK; b < end / PH_BLOCK; b++) {
        weights->offset[b] = offset;
    }
    weights->weight[mode] = 1;
    spread_down(weights, at->low, mode, offset, log_target);
    for (size_t k = weights->first; k < end; k++) {
        if (k % PH_BLOCK == 0 && k > weights->first && k <= mode) {
            double here =
                k / PH_BLOCK < mode / PH_BLOCK ? weights->offset[k / PH_BLOCK] : offset;
            sum *= exp(weights->offset[k / PH_BLOCK - 1] - here);
        }
        if (k > mode) {
            r *= at->low * weights->inverse[k];
        }
        sum -= (k > mode ? r : weights->weight[k]) * drop(at, k, 1);
        weights->weight[k] =
            k / PH_BLOCK < end / PH_BLOCK ? sum : sum * exp(offset - common);
    }
}

/*
 * Weights are at most 1, so that steps count only as long as there is mass: the step
 * below `most` from which what is left is less than the target, else `most`. A sweep
 * to an `endless` time has to run dry soon.
 */
static int find_end(ph_sweep *self, size_t most, int endless, double log_target,
                    size_t *end)
{
    *end = most;
    for (size_t b = 1; b * PH_BLOCK < most; b++) {
        int status = endless && b > MANY_BLOCKS ? PH_E_MEMORY : PH_OK;
        if (status == PH_OK) {
            status = ph_sweep_extend(self, (b + 1) * PH_BLOCK);
        }
        if (status != PH_OK) {
            return status;
        }
        if (log_mass_bound(self, b) <= log_target) {
            *end = b * PH_BLOCK;
            return PH_OK;
        }
    }
    return PH_OK;
}

int ph_weights_steps(ph_sweep *self, double first, double last, double log_target)
{
    ph_weights *weights = &self->weights;
    size_t end = 0;
    if (!(first < PH_STEPS_MAX)) {
        return PH_E_MEMORY;
    }
    size_t most = (size_t)fmin(last, PH_STEPS_MAX) + 1;
    int status = first < last
                     ? find_end(self, most, !(last < PH_STEPS_MAX), log_target, &end)
                     : PH_OK;
    weights->first = (size_t)first;
    weights->last = end > weights->first ? end - 1 : weights->first;
    if (status == PH_OK) {
        status = reserve(self, weights->last);
    }
    if (status == PH_OK) {
        status = ph_sweep_extend(self, weights->last + 1);
    }
    for (size_t k = weights->first; status == PH_OK && k <= weights->last; k++) {
        weights->weight[k] = 1;
        weights->offset[k / PH_BLOCK] = 0;
    }
    return status;
}

int ph_weights_interval(ph_sweep *self, double l, double u, size_t least,
                        double log_target)
{
    ends at = ends_of(self->rate, l, u);
    size_t end;
    int endless = !(at.high < PH_STEPS_MAX);
    int status = find_end(self, at.middle, endless, log_target, &end);
    if (status != PH_OK) {
        return status;
    }
    if (end < at.middle && end > least) {
        self->weights.last = end - 1;
        status = reserve(self, end);
        if (status == PH_OK) {
            lower_side(&self->weights, &at, end, 0, log_target);
        }
        return status;
    }
    status =
        at.high < PH_STEPS_MAX ? upper_side(self, &at, least, log_target) : PH_E_MEMORY;
    if (status == PH_OK && at.middle > least) {
        double common = self->weights.offset[at.middle / PH_BLOCK];
        lower_side(&self->weights, &at, at.middle, common, log_target);
    }
    return status;
}
