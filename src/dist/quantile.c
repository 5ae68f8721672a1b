/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Quantiles are roots of log F for the lower half of the probabilities and of log S for
 * the upper half, so that neither end cancels. Newton's method runs in the scale in
 * which the function is nearly straight: log F against log t (F ~ C t^m near 0), log S
 * against t (S ~ C exp(-ct) far out). Every value narrows a bracket; a step that leaves
 * the bracket is replaced by its middle, and a step outward, where there is no upper
 * end yet, goes no further than GROWTH times t, because a value costs as many steps of
 * uniformization as its time is long; where contours have taken over it leaps.
 *
 * A contour can give F where it cannot give the density: on a plateau between what is
 * absorbed fast and what is absorbed slowly. Where uniformization is too dear for that,
 * a difference of two values of F stands for the density, which only steers the search
 * and bounds the error.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "curve.h"
#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"

#define GROWTH     4
#define ITERATIONS 500
#define DEAR       1e5   /* steps of uniformization, for a density */
#define FAR        2e7   /* steps of the farthest leap, should a contour be refused */
#define APART      0.125 /* of t, the values whose difference stands for one */
#define NEVER      1e9   /* steps of uniformization, with epochs */
#define FOREVER    1e150 /* the same without epochs: contours reach no farther */
#define STEP_DONE  1e-11 /* Newton's next step would be its square */
#define NOISE      4e-16 /* relative, of a logarithm */
#define TIE        1e-13 /* discrete time: probabilities this close are equal */
#define ATOM_TIE   1e-15 /* the same for the mass absorbed at once */
#define VANISHED   1e4   /* log of F over t f, where f has died out and F has not */
#define TOO_FLAT   1e-9  /* relative error of a time where F does not rise */
#define SETTLED    64    /* steps, beyond one for each state, that F may pause */

/* log of kind (distribution or survival) is to be `target`. */
typedef struct goal {
    ph_sweep_kind kind;
    double target;
} goal;

/* 1 - p is exact for p >= 1/2. */
static goal goal_of(double p, int upper)
{
    int low = (p <= 0.5) != (upper != 0);
    return (goal){low ? PH_DISTRIBUTION : PH_SURVIVAL, log(p <= 0.5 ? p : 1 - p)};
}

/*
 * How far t is beyond the quantile, in the logarithm; not negative: F is reached. A
 * value that lies below double range is -INFINITY.
 */
static int excess(ph_curve *curve, const goal *want, double t, double *value,
                  ph_served *by, double *beyond, ph_error *error)
{
    ph_error range = {0};
    int status = ph_curve_reach(curve, GROWTH * t, error);
    if (status == PH_OK) {
        status = ph_curve_values(curve, want->kind, 1, &t, value, by, &range);
        if (status == PH_E_NUMERIC && isnan(*value)) {
            *value = -INFINITY;
            status = PH_OK;
        } else if (status != PH_OK && error) {
            *error = range;
        }
    }
    if (status == PH_OK) {
        *beyond = want->kind == PH_DISTRIBUTION ? *value - want->target
                                                : want->target - *value;
    }
    return status;
}

/*
 * Newton's step in log t for log F. Leftward, log F is no steeper than log t times the
 * fewest jumps to absorption, so a long step is no longer than that slope asks for.
 */
static double leftward(double step, double beyond, size_t distance)
{
    double steepest = distance > 0 ? (double)distance : 1;
    double shortest = -fmax(1, beyond / steepest);
    return step < shortest ? shortest : step;
}

/* A number between low and high (which may be 0 and infinite), else t itself moved. */
static double between(double low, double high, double t, double proposal)
{
    if (high == INFINITY && proposal > GROWTH * t) {
        proposal = GROWTH * t;
    }
    if (proposal > low && proposal < high) {
        return proposal;
    }
    if (high == INFINITY) {
        return GROWTH * t;
    }
    return low > 0 ? sqrt(low) * sqrt(high) : high / GROWTH;
}

/* Rates of 0, or the last epoch, may leave some states for good. */
static int never(ph_error *error)
{
    return ph_error_set(error, PH_E_NUMERIC,
                        "the quantile is not reached: with these parameters the "
                        "process may never end");
}

static int too_flat(double t, ph_error *error)
{
    return ph_error_set(error, PH_E_NUMERIC,
                        "the distribution function is so flat at %.6g that this "
                        "quantile has too few digits",
                        t);
}

/* Whether nothing is absorbed around t any more, though something was before. */
static int has_vanished(const goal *want, double t, double value, double density)
{
    double reached = want->kind == PH_DISTRIBUTION ? value : log(-expm1(value));
    return isfinite(reached) && !(log(t) + density > reached - VANISHED);
}

/* The relative error of t that comes from the rounding of value = log F or log S. */
static double blur(double t, double value, double density)
{
    return (NOISE / 2 + NOISE * fabs(value)) / exp(log(t) + density - value);
}

/* log of the mean density around t. */
static int difference(ph_curve *curve, const goal *want, double t, double *density,
                      ph_error *error)
{
    double at[2] = {t * (1 - APART), t * (1 + APART)}, value[2];
    ph_served by[2];
    int status = ph_curve_values(curve, want->kind, 2, at, value, by, error);
    if (status == PH_OK) {
        double larger = fmax(value[0], value[1]);
        *density =
            larger + log(-expm1(-fabs(value[1] - value[0]))) - log(at[1] - at[0]);
    }
    return status;
}

/*
 * log of the density, or of what stands for it: then it is not `exact`. NaN where it
 * lies below double range.
 */
static int steepness(ph_curve *curve, const goal *want, double t, ph_served by,
                     double *density, int *exact, ph_error *error)
{
    ph_error range = {0};
    int status = ph_curve_density(curve, t, by, DEAR, density, &range);
    *exact = status == PH_OK && !isnan(*density);
    if (status == PH_OK && !*exact) {
        return difference(curve, want, t, density, error);
    }
    if (status == PH_E_NUMERIC && isnan(*density)) {
        return PH_OK;
    }
    if (status != PH_OK && error) {
        *error = range;
    }
    return status;
}

/* A root between low and high, and what is known at t. */
typedef struct search {
    ph_curve *curve;
    const goal *want;
    double low, high, t, value, beyond, density;
    int exact;
} search;

static int look(search *self, ph_error *error)
{
    ph_served by;
    int status = excess(self->curve, self->want, self->t, &self->value, &by,
                        &self->beyond, error);
    self->density = NAN;
    self->exact = 0;
    if (status == PH_OK && isfinite(self->value)) {
        status = steepness(self->curve, self->want, self->t, by, &self->density,
                           &self->exact, error);
    }
    if (status == PH_OK) {
        *(self->beyond < 0 ? &self->low : &self->high) = self->t;
    }
    return status;
}

/* NaN where the density is not known. */
static double newton(const search *self)
{
    size_t distance = self->curve->plan->graph->distance;
    double step = -self->beyond / exp(log(self->t) + self->density - self->value);
    return self->want->kind == PH_DISTRIBUTION
               ? self->t * exp(leftward(step, self->beyond, distance))
               : self->t + self->t * step;
}

/* What comes after t; *sure where it is Newton's. */
static double proceed(const search *self, int *sure)
{
    double proposal = newton(self);
    double next = between(self->low, self->high, self->t, proposal);
    double leap = ph_curve_leap(self->curve);
    if (self->high == INFINITY && leap * ph_curve_rate(self->curve, leap) < FAR) {
        next = fmax(next, leap);
    }
    *sure = next == proposal;
    return next;
}

static int is_hopeless(const search *self)
{
    double steps = self->t * ph_curve_rate(self->curve, self->t);
    int far = steps > (self->curve->plan->graph->epochs ? NEVER : FOREVER);
    return self->beyond < 0 &&
           (far || (self->exact &&
                    has_vanished(self->want, self->t, self->value, self->density)));
}

static int continuous(ph_curve *curve, const goal *want, double *root, ph_error *error)
{
    size_t distance = curve->plan->graph->distance;
    search it = {.curve = curve, .want = want, .high = INFINITY};
    it.t = (double)(distance > 0 ? distance : 1) / ph_curve_rate(curve, INFINITY);
    for (int k = 0; k < ITERATIONS; k++) {
        int sure, status = look(&it, error);
        if (status != PH_OK) {
            return status;
        }
        if (isfinite(it.value) && fabs(it.beyond) <= NOISE * fabs(it.value)) {
            *root = it.t;
            return blur(it.t, it.value, it.density) <= TOO_FLAT ? PH_OK
                                                                : too_flat(it.t, error);
        }
        if (is_hopeless(&it)) {
            return never(error);
        }
        double next = proceed(&it, &sure), moved = fabs(next - it.t);
        it.t = next;
        if ((moved <= STEP_DONE * next && sure) || moved <= NOISE * next) {
            break;
        }
    }
    *root = it.t;
    return PH_OK;
}

/*
 * Whether F, which has not changed from step/2 to step, stays too small for longer than
 * can be counted: what is below its last bit adds up to `beyond` in 2^52 of them.
 */
static int has_settled(const ph_curve *curve, double step, double change, double beyond)
{
    double room = SETTLED + (double)curve->plan->graph->n;
    return change == 0 && step > 2 * room && -beyond * step > 1;
}

static int discrete(ph_curve *curve, const goal *want, double *root, ph_error *error)
{
    double low = 0, high = 1, value, beyond = -1, before = -INFINITY; /* at low */
    ph_served by;
    int status;
    for (;; high *= 2) {
        status = excess(curve, want, high, &value, &by, &beyond, error);
        if (status != PH_OK || beyond >= -TIE) {
            break;
        }
        if (isfinite(value) && has_settled(curve, high, beyond - before, beyond)) {
            return never(error);
        }
        low = high;
        before = beyond;
    }
    while (status == PH_OK && high - low > 1) {
        double middle = floor((low + high) / 2);
        status = excess(curve, want, middle, &value, &by, &beyond, error);
        *(beyond >= -TIE ? &high : &low) = middle;
    }
    *root = high;
    return status;
}

static int find(ph_curve *curve, const goal *want, double *t, ph_error *error)
{
    ph_served by;
    double value, beyond, tie = curve->plan->graph->discrete ? TIE : ATOM_TIE;
    *t = 0;
    if (want->target == -INFINITY) {
        return PH_OK;
    }
    int status = excess(curve, want, 0, &value, &by, &beyond, error);
    if (status != PH_OK || beyond >= -tie) {
        return status;
    }
    return curve->plan->graph->discrete ? discrete(curve, want, t, error)
                                        : continuous(curve, want, t, error);
}

/* dt = -dF / f = dS / f. */
static int slopes(ph_curve *curve, ph_sweep_kind kind, size_t n, const double *t,
                  double *gradient, ph_error *error)
{
    size_t p = ph_plan_parameters(curve->plan);
    double *value = ph_alloc(2 * n, sizeof *value);
    ph_served *by = ph_alloc(n, sizeof *by);
    double *density = value ? value + n : NULL;
    int status =
        value && by ? PH_OK : ph_error_set(error, PH_E_MEMORY, "out of memory");
    if (status == PH_OK) {
        status = ph_curve_values(curve, PH_DENSITY, n, t, density, by, error);
    }
    if (status == PH_OK) {
        status = ph_curve_values(curve, kind, n, t, value, by, error);
    }
    if (status == PH_OK) {
        status = ph_curve_gradient(curve, kind, n, t, value, by, gradient, error);
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        double factor = exp(value[i] - density[i]);
        for (size_t m = 0; m < p; m++) {
            gradient[i * p + m] *= kind == PH_DISTRIBUTION ? -factor : factor;
        }
    }
    free(by);
    free(value);
    return status;
}

/* Those of one kind are gathered, so that a way back serves PH_LANES of them. */
static int all_slopes(ph_curve *curve, const goal *want, size_t n, const double *t,
                      double *gradient, ph_error *error)
{
    size_t p = ph_plan_parameters(curve->plan), chosen;
    double *time = ph_alloc(n * (p + 1), sizeof *time), *row = time + n;
    if (!time) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    int status = PH_OK;
    memset(gradient, 0, n * p * sizeof *gradient);
    for (int k = 0; k < 2 && status == PH_OK; k++) {
        ph_sweep_kind kind = k == 0 ? PH_DISTRIBUTION : PH_SURVIVAL;
        chosen = 0;
        for (size_t i = 0; i < n; i++) {
            if (want[i].kind == kind && t[i] > 0) {
                time[chosen++] = t[i];
            }
        }
        status = slopes(curve, kind, chosen, time, row, error);
        for (size_t i = n; i-- > 0;) {
            if (want[i].kind == kind && t[i] > 0) {
                memcpy(gradient + i * p, row + --chosen * p, p * sizeof *row);
            }
        }
    }
    free(time);
    return status;
}

static int check(size_t n, const double *p, int upper, ph_error *error)
{
    for (size_t i = 0; i < n; i++) {
        if (upper ? !(p[i] > 0 && p[i] <= 1) : !(p[i] >= 0 && p[i] < 1)) {
            char text[32];
            ph_error_found(error, ph_double_text(p[i], text), -1);
            return ph_error_set(error, PH_E_USAGE,
                                upper ? "expects upper tail probabilities above 0 and "
                                        "at most 1"
                                      : "expects probabilities of at least 0 and "
                                        "below 1");
        }
    }
    return PH_OK;
}

int ph_points_quantile_tally(const ph_plan *plan, ph_engine engine, const double *theta,
                             size_t n, const double *p, int upper, double *t,
                             double *gradient, ph_tally *tally, ph_error *error)
{
    ph_curve curve = {0};
    int status = check(n, p, upper, error);
    goal *want = status == PH_OK ? ph_alloc(n, sizeof *want) : NULL;
    if (status == PH_OK) {
        status = want ? ph_curve_begin(&curve, plan, engine, theta, 0, error)
                      : ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        want[i] = goal_of(p[i], upper);
        status = find(&curve, &want[i], &t[i], error);
    }
    if (status == PH_OK && gradient && plan->graph->discrete) {
        memset(gradient, 0, n * ph_plan_parameters(plan) * sizeof *gradient);
    } else if (status == PH_OK && gradient) {
        status = all_slopes(&curve, want, n, t, gradient, error);
    }
    ph_curve_tally(&curve, tally);
    ph_curve_free(&curve);
    free(want);
    return status;
}

int ph_points_quantile(const ph_plan *plan, ph_engine engine, const double *theta,
                       size_t n, const double *p, int upper, double *t,
                       double *gradient, ph_error *error)
{
    return ph_points_quantile_tally(plan, engine, theta, n, p, upper, t, gradient, NULL,
                                    error);
}
