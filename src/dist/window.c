/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mixing the sequences of a sweep with Poisson weights.
 *
 * The weights start at the mode by Loader's form and spread by recurrence. What lies
 * outside the window [first, last] contributes at most (tail probability of the Poisson
 * law) * (mass left at its best step), since p_k <= a_k and a_k never grows; the window
 * is widened until that bound is below 1e-17 of the smallest lane's value. In the far
 * left tail (f ~ t^m) and the far right tail this reaches far beyond the usual
 * quantiles.
 */
#include <math.h>

#include "phasic/base/memory.h"
#include "phasic/num/poisson.h"
#include "sweep_private.h"

#define LOG_TRUNCATION -39.2 /* log(1e-17) */
#define SLACK          7     /* first guess for the target is that much too cautious */
#define LOG_TARGET_MIN -3e5  /* f below this is not looked for */
#define LOG_DOUBLE_MIN                                                                 \
    -1500 /* a sum over all early steps that is 0 down to here stays 0 */
#define SMALL        1e-200
#define LOG_SEED_MAX 500

static int reserve(ph_weights *self, size_t last)
{
    size_t blocks = last / PH_BLOCK + 1;
    if (ph_grow(&self->weight, &self->weight_capacity, blocks * PH_BLOCK,
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
static int spread_up(ph_sweep *self, double x, size_t mode, double offset,
                     double log_target)
{
    ph_weights *weights = &self->weights;
    double r = 1;
    for (size_t b = mode / PH_BLOCK;; b++) {
        size_t begin = b * PH_BLOCK, end = begin + PH_BLOCK;
        int status = reserve(weights, end);
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
        if (tail + log_mass_bound(self, b + 1) <= log_target) {
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

/*
 * Poisson weights of x = Lambda t, to a truncation error of exp(log_target). Steps
 * before `least` contribute nothing (no path is that short) and are left out; that also
 * keeps the weights in range as t goes to 0.
 */
static int poisson_window(ph_sweep *self, double x, size_t least, double log_target)
{
    size_t mode = (size_t)x > least ? (size_t)x : least;
    double offset = ph_poisson_log((double)mode, x);
    if (offset == -INFINITY) { /* t = 0, and all paths take longer */
        self->weights.first = 1;
        self->weights.last = 0;
        return PH_OK;
    }
    int status = spread_up(self, x, mode, offset, log_target);
    if (status == PH_OK && mode > least) {
        spread_down(&self->weights, x, mode, offset, log_target);
    } else {
        self->weights.first = mode;
    }
    return status;
}

/* Discrete time: all weight on one step (none where `step` is negative). */
static int point_window(ph_sweep *self, double step)
{
    ph_weights *weights = &self->weights;
    size_t k = (size_t)step;
    int status = reserve(weights, k);
    if (status == PH_OK) {
        status = ph_sweep_extend(self, k + 1);
    }
    if (status == PH_OK) {
        weights->first = weights->last = k;
        weights->weight[k] = 1;
        weights->offset[k / PH_BLOCK] = 0;
    }
    return status;
}

/* Steps that contribute nothing because no path to absorption is that short. */
static size_t steps_skipped(const ph_sweep *self, ph_sweep_kind kind)
{
    size_t distance = self->plan->graph->distance;
    return kind == PH_DENSITY && distance > 0 ? distance - 1 : 0;
}

static int set_window(ph_sweep *self, ph_sweep_kind kind, double t, double log_target)
{
    return self->plan->graph->discrete
               ? point_window(self, kind == PH_DENSITY ? t - 1 : t)
               : poisson_window(self, self->rate * t, steps_skipped(self, kind),
                                log_target);
}

/*
 * Runs of blocks that share offset and exponents: from block b (at step k) to the end
 * of the run; returns the step after it.
 */
static size_t run_end(const ph_sweep *self, size_t k)
{
    const ph_weights *weights = &self->weights;
    size_t b = k / PH_BLOCK, end = weights->last / PH_BLOCK;
    while (b < end && weights->offset[b + 1] == weights->offset[b] &&
           !self->scaled[b + 1]) {
        b++;
    }
    size_t step = (b + 1) * PH_BLOCK;
    return step > weights->last + 1 ? weights->last + 1 : step;
}

/* log sum_k pi_k row_k, lane by lane. NaN where the part that counts is below TINY. */
static void mix(const ph_sweep *self, const ph_lanes *row, double value[PH_LANES])
{
    const ph_weights *weights = &self->weights;
    ph_lanes total = {0};
    double reference[PH_LANES];
    int tiny[PH_LANES] = {0};
    for (int l = 0; l < PH_LANES; l++) {
        reference[l] = -INFINITY;
    }
    for (size_t k = weights->first, end; k <= weights->last; k = end) {
        end = run_end(self, k);
        ph_lanes sum = {0};
        self->kernel->dot(weights->weight + k, row + k, end - k, &sum);
        for (int l = 0; l < PH_LANES; l++) {
            if (!(sum[l] > 0)) {
                continue;
            }
            double exponent =
                self->exponent[k / PH_BLOCK * PH_LANES + (size_t)l] * M_LN2;
            double here = log(sum[l]) + weights->offset[k / PH_BLOCK] + exponent;
            if (here > reference[l]) {
                total[l] = total[l] * exp(reference[l] - here) + 1;
                reference[l] = here;
                tiny[l] = sum[l] < PH_SWEEP_TINY;
            } else {
                total[l] += exp(here - reference[l]);
            }
        }
    }
    for (int l = 0; l < PH_LANES; l++) {
        value[l] = tiny[l]        ? NAN
                   : total[l] > 0 ? reference[l] + log(total[l])
                                  : -INFINITY;
    }
}

/* Smallest value among valid lanes, at most 0; NaN and 0 probabilities left out. */
static double smallest(const ph_sweep *self, const double value[PH_LANES], int *zeros)
{
    double least = 0;
    *zeros = 0;
    for (int l = 0; l < PH_LANES; l++) {
        if (self->valid >> l & 1) {
            *zeros |= value[l] == -INFINITY;
            least = value[l] < least && value[l] > -INFINITY ? value[l] : least;
        }
    }
    return least;
}

/* A sum that is 0 although a path of that length exists has left double range. */
static int lost(const ph_sweep *self, ph_sweep_kind kind, double t)
{
    if (self->plan->graph->discrete) {
        return 0;
    }
    return kind == PH_SURVIVAL || t > 0 || self->plan->graph->distance <= 1;
}

int ph_sweep_log(ph_sweep *self, ph_sweep_kind kind, double t, double value[PH_LANES])
{
    double log_rate = kind == PH_DENSITY ? log(self->rate) : 0;
    if (self->plan->graph->discrete && kind == PH_DENSITY && t < 1) {
        for (int l = 0; l < PH_LANES; l++) {
            value[l] = -INFINITY;
        }
        return PH_OK;
    }
    double log_target = (self->last < 0 ? self->last : 0) + LOG_TRUNCATION - SLACK;
    for (;;) {
        int zeros, status = set_window(self, kind, t, log_target);
        if (status != PH_OK) {
            return status;
        }
        mix(self, kind == PH_DENSITY ? self->p : self->a, value);
        double least = smallest(self, value, &zeros);
        int wide = self->plan->graph->discrete || t == 0 ||
                   log_target < (self->weights.first > steps_skipped(self, kind)
                                     ? LOG_TARGET_MIN
                                     : LOG_DOUBLE_MIN);
        if (wide || (!zeros && least + LOG_TRUNCATION >= log_target)) {
            self->last = least;
            break;
        }
        /* a sum of 0 says only that the window has missed all mass: look further out */
        log_target = zeros ? 2 * log_target : least + LOG_TRUNCATION - SLACK;
    }
    for (int l = 0; l < PH_LANES; l++) {
        if (value[l] == -INFINITY && lost(self, kind, t)) {
            value[l] = NAN;
        }
        value[l] += log_rate;
    }
    return PH_OK;
}

/*
 * A lane whose seeds pi_k / f leave double range on this run, because f is far below
 * pi_k: there the mass is used up, and such steps say nothing (what they multiply is
 * exactly 0). Seeds of moderate size are needed even there: the derivative of a zero
 * may not be zero.
 */
static void seed_lane(ph_sweep *self, size_t begin, size_t end, int lane, double weight,
                      double log_factor, ph_lanes *bar)
{
    for (size_t k = begin; k < end; k++) {
        double log_seed = log(self->weights.weight[k]) + log_factor;
        if (self->a[k][lane] > 0 || log_seed < LOG_SEED_MAX) {
            bar[k][lane] += weight * exp(log_seed);
        }
    }
}

int ph_sweep_seed(ph_sweep *self, ph_sweep_kind kind, double t,
                  const double weight[PH_LANES], const double value[PH_LANES])
{
    double log_rate = kind == PH_DENSITY ? log(self->rate) : 0, scaled[PH_LANES];
    int any = 0, zeros;
    for (int l = 0; l < PH_LANES; l++) {
        scaled[l] = value[l] - log_rate;
        any |= isfinite(value[l]) && weight[l] != 0;
    }
    if (!any) {
        return PH_OK;
    }
    double log_target = smallest(self, scaled, &zeros) + LOG_TRUNCATION;
    int status = set_window(self, kind, t, log_target);
    if (status != PH_OK) {
        return status;
    }
    const ph_weights *weights = &self->weights;
    ph_lanes *bar = kind == PH_DENSITY ? self->p_bar : self->a_bar;
    for (size_t k = weights->first, end; k <= weights->last; k = end) {
        end = run_end(self, k);
        const int32_t *exponent = self->exponent + k / PH_BLOCK * PH_LANES;
        ph_lanes factor = {0};
        for (int l = 0; l < PH_LANES; l++) {
            if (!isfinite(value[l]) || weight[l] == 0) {
                continue;
            }
            double log_factor =
                weights->offset[k / PH_BLOCK] + exponent[l] * M_LN2 - scaled[l];
            if (log_factor < LOG_SEED_MAX) {
                factor[l] = weight[l] * exp(log_factor);
            } else {
                seed_lane(self, k, end, l, weight[l], log_factor, bar);
            }
        }
        self->kernel->add(weights->weight + k, &factor, end - k, bar + k);
    }
    if (weights->last + 1 > self->seeded) {
        self->seeded = weights->last + 1;
    }
    return PH_OK;
}
