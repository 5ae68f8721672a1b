/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mixing the sequences of a sweep with weights of steps.
 *
 * What lies outside the window [first, last] of weights contributes at most (tail
 * probability of the Poisson law) * (mass left at its best step), since p_k <= a_k and
 * a_k never grows; the window is widened until that bound is below 1e-17 of the
 * smallest lane's value. In the far left tail (f ~ t^m) and the far right tail this
 * reaches far beyond the usual quantiles.
 *
 * The distribution function mixes b, the mass absorbed so far, with Poisson weights: as
 * many terms as for the density, whatever t is. An interval weighs p itself.
 */
#include <math.h>

#include "epochs_private.h"
#include "sweep_private.h"

#define LOG_TRUNCATION -39.2 /* log(1e-17) */
#define SLACK          7     /* first guess for the target is that much too cautious */
#define LOG_TARGET_MIN -3e5  /* a value below this is not looked for */
#define LOG_DOUBLE_MIN                                                                 \
    -1500 /* a sum over all early steps that is 0 down to here stays 0 */
#define LOG_SEED_MAX 500

/* What is asked for: at time t, or for an interval from t to t2. */
typedef struct request {
    ph_sweep_kind kind;
    double t, t2;
} request;

/* In discrete time the mass at 0 is what is absorbed at once. */
static request point_request(const ph_sweep *self, ph_sweep_kind kind, double t)
{
    int at_once = kind == PH_DENSITY && t == 0 && self->plan->graph->discrete;
    return (request){at_once ? PH_DISTRIBUTION : kind, t, 0};
}

/* Half-lines are the kinds that have a name. */
static request interval_request(double l, double u)
{
    request what = {PH_INTERVAL, l, u};
    if (u == INFINITY) {
        what.kind = PH_SURVIVAL;
    } else if (l == 0) {
        what = (request){PH_DISTRIBUTION, u, 0};
    }
    return what;
}

/* Values that are exactly 0 without a look at the sequence. */
static int is_nothing(const ph_sweep *self, const request *what)
{
    return (what->kind == PH_INTERVAL && !(what->t < what->t2)) ||
           (what->kind == PH_DENSITY && self->plan->graph->discrete && what->t < 1);
}

static ph_lanes *sequence(const ph_sweep *self, ph_sweep_kind kind)
{
    return kind == PH_SURVIVAL ? self->a : kind == PH_DISTRIBUTION ? self->b : self->p;
}

/* Steps that contribute nothing because no path to absorption is that short. */
static size_t steps_skipped(const ph_sweep *self, ph_sweep_kind kind)
{
    size_t distance = self->plan->graph->distance;
    switch (kind) {
    case PH_SURVIVAL: return 0;
    case PH_DISTRIBUTION: return self->atomic ? 0 : distance;
    default: return distance > 0 ? distance - 1 : 0;
    }
}

static int set_discrete(ph_sweep *self, const request *what, double log_target)
{
    double first = what->t, last = what->t;
    if (what->kind == PH_DENSITY) {
        first = last = what->t - 1;
    } else if (what->kind == PH_INTERVAL) {
        last = what->t2 - 1;
    }
    return ph_weights_steps(self, first, last, log_target);
}

static int set_window(ph_sweep *self, const request *what, double log_target)
{
    if (self->plan->graph->discrete) {
        return set_discrete(self, what, log_target);
    }
    size_t least = steps_skipped(self, what->kind);
    if (what->kind == PH_INTERVAL) {
        return ph_weights_interval(self, what->t, what->t2, least, log_target);
    }
    size_t cap = what->kind == PH_DISTRIBUTION ? 0 : SIZE_MAX; /* b does not decay */
    return ph_weights_poisson(self, self->rate * what->t, least, cap, log_target);
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

/* log of the unit of row `kind` in the block of step k; b has no exponents. */
static double log_unit(const ph_sweep *self, ph_sweep_kind kind, size_t k, int lane)
{
    return kind == PH_DISTRIBUTION
               ? 0
               : self->exponent[k / PH_BLOCK * PH_LANES + (size_t)lane] * M_LN2;
}

/* log sum_k pi_k row_k, lane by lane. NaN where the part that counts is below TINY. */
static void mix(const ph_sweep *self, ph_sweep_kind kind, double value[PH_LANES])
{
    const ph_weights *weights = &self->weights;
    const ph_lanes *row = sequence(self, kind);
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
            double here = log(sum[l]) + weights->offset[k / PH_BLOCK] +
                          log_unit(self, kind, k, l);
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
static int lost(const ph_sweep *self, const request *what)
{
    const ph_graph *graph = self->plan->graph;
    switch (what->kind) {
    case PH_SURVIVAL: return !graph->discrete;
    case PH_DENSITY: return !graph->discrete && (what->t > 0 || graph->distance <= 1);
    default: return !graph->discrete && what->t + what->t2 > 0;
    }
}

static int log_value(ph_sweep *self, const request *what, double value[PH_LANES])
{
    size_t least = steps_skipped(self, what->kind);
    double log_target = (self->last < 0 ? self->last : 0) + LOG_TRUNCATION - SLACK;
    for (;;) {
        int zeros, status = set_window(self, what, log_target);
        if (status != PH_OK) {
            return status;
        }
        mix(self, what->kind, value);
        double smallest_value = smallest(self, value, &zeros);
        int whole = (self->plan->graph->discrete && what->kind != PH_INTERVAL) ||
                    what->t + what->t2 == 0;
        int wide = log_target <
                   (self->weights.first > least ? LOG_TARGET_MIN : LOG_DOUBLE_MIN);
        int exact = smallest_value + LOG_TRUNCATION >= log_target;
        if (whole || (exact && (wide || !zeros))) {
            self->last = smallest_value;
            break;
        }
        /* a sum of 0 says only that the window has missed all mass: look further out */
        log_target = exact ? 2 * log_target : smallest_value + LOG_TRUNCATION - SLACK;
    }
    double log_rate = what->kind == PH_DENSITY ? log(self->rate) : 0;
    for (int l = 0; l < PH_LANES; l++) {
        if (value[l] == -INFINITY && lost(self, what)) {
            value[l] = NAN;
        }
        value[l] += log_rate;
    }
    return PH_OK;
}

/* Distribution function and survival are each 1 less the other. */
static int has_other(ph_sweep_kind kind)
{
    return kind == PH_DISTRIBUTION || kind == PH_SURVIVAL;
}

static request other_half(const request *what)
{
    ph_sweep_kind kind = what->kind == PH_SURVIVAL ? PH_DISTRIBUTION : PH_SURVIVAL;
    return (request){kind, what->t, 0};
}

/*
 * Where F is nearly 1, log F = log(1 - S) is nearly -S, with all digits of S, and its
 * derivative is that of S: dF = -dS. The same holds of S and F.
 */
static int upper_half(ph_sweep *self, const request *what, double value[PH_LANES])
{
    double rest[PH_LANES], last = self->last;
    int any = 0;
    for (int l = 0; l < PH_LANES; l++) {
        any |= value[l] > PH_LOG_HALF;
    }
    if (!any) {
        return PH_OK;
    }
    request other = other_half(what);
    int status = log_value(self, &other, rest);
    for (int l = 0; l < PH_LANES; l++) {
        if (value[l] > PH_LOG_HALF && !isnan(rest[l])) {
            value[l] = log1p(-exp(rest[l]));
        } else if (value[l] > PH_LOG_HALF && what->kind == PH_DISTRIBUTION) {
            value[l] = 0; /* S is below double range */
        }
    }
    self->last = last;
    return status;
}

static int value_of(ph_sweep *self, const request *what, double value[PH_LANES])
{
    if (is_nothing(self, what)) {
        for (int l = 0; l < PH_LANES; l++) {
            value[l] = -INFINITY;
        }
        return PH_OK;
    }
    if (self->epochs) {
        return ph_epoch_sweep_log(self->epochs, what->kind, what->t, what->t2, value);
    }
    int status = log_value(self, what, value);
    return status == PH_OK && has_other(what->kind) ? upper_half(self, what, value)
                                                    : status;
}

int ph_sweep_log(ph_sweep *self, ph_sweep_kind kind, double t, double value[PH_LANES])
{
    request what = point_request(self, kind, t);
    return value_of(self, &what, value);
}

int ph_sweep_log_interval(ph_sweep *self, double l, double u, double value[PH_LANES])
{
    request what = interval_request(l, u);
    return value_of(self, &what, value);
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

static int seed(ph_sweep *self, const request *what, const double weight[PH_LANES],
                const double value[PH_LANES])
{
    double log_rate = what->kind == PH_DENSITY ? log(self->rate) : 0, scaled[PH_LANES];
    int any = 0, zeros;
    for (int l = 0; l < PH_LANES; l++) {
        scaled[l] = value[l] - log_rate;
        any |= isfinite(value[l]) && weight[l] != 0;
    }
    if (!any) {
        return PH_OK;
    }
    double log_target = smallest(self, scaled, &zeros) + LOG_TRUNCATION;
    int status = set_window(self, what, log_target);
    if (status != PH_OK) {
        return status;
    }
    const ph_weights *weights = &self->weights;
    ph_lanes *bar = what->kind == PH_SURVIVAL       ? self->a_bar
                    : what->kind == PH_DISTRIBUTION ? self->b_bar
                                                    : self->p_bar;
    self->seeded_absorbed |= what->kind == PH_DISTRIBUTION;
    for (size_t k = weights->first, end; k <= weights->last; k = end) {
        end = run_end(self, k);
        ph_lanes factor = {0};
        for (int l = 0; l < PH_LANES; l++) {
            if (!isfinite(value[l]) || weight[l] == 0) {
                continue;
            }
            double log_factor = weights->offset[k / PH_BLOCK] +
                                log_unit(self, what->kind, k, l) - scaled[l];
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

void ph_sweep_halves(const double weight[PH_LANES], const double value[PH_LANES],
                     double below[PH_LANES], double above[PH_LANES],
                     double rest[PH_LANES])
{
    for (int l = 0; l < PH_LANES; l++) {
        int upper = value[l] > PH_LOG_HALF;
        rest[l] = upper ? log(-expm1(value[l])) : -INFINITY;
        below[l] = upper ? 0 : weight[l];
        above[l] = upper ? -weight[l] * exp(rest[l] - value[l]) : 0;
    }
}

static int seed_halves(ph_sweep *self, const request *what,
                       const double weight[PH_LANES], const double value[PH_LANES])
{
    double below[PH_LANES], above[PH_LANES], rest[PH_LANES];
    request other = other_half(what);
    ph_sweep_halves(weight, value, below, above, rest);
    int status = seed(self, what, below, value);
    return status == PH_OK ? seed(self, &other, above, rest) : status;
}

static int seed_of(ph_sweep *self, const request *what, const double weight[PH_LANES],
                   const double value[PH_LANES])
{
    if (self->epochs) {
        return ph_epoch_sweep_seed(self->epochs, what->kind, what->t, what->t2, weight,
                                   value);
    }
    return has_other(what->kind) ? seed_halves(self, what, weight, value)
                                 : seed(self, what, weight, value);
}

int ph_sweep_seed(ph_sweep *self, ph_sweep_kind kind, double t,
                  const double weight[PH_LANES], const double value[PH_LANES])
{
    request what = point_request(self, kind, t);
    return seed_of(self, &what, weight, value);
}

int ph_sweep_seed_interval(ph_sweep *self, double l, double u,
                           const double weight[PH_LANES], const double value[PH_LANES])
{
    request what = interval_request(l, u);
    return seed_of(self, &what, weight, value);
}
