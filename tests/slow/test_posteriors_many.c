/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * 500 random phase-type models with data simulated from them: "converged" is never said
 * where a mean or a standard deviation, of parameters or of their logarithms, is wrong.
 *
 * The reference is quadrature on a lattice in coordinates in which the posterior is
 * about N(0, I): for a smooth density that falls off, the plain sum over a lattice
 * converges faster than any power of its step, and a second lattice, shifted by half a
 * step in every coordinate, shows the error. The lattice is grown from points of the
 * sample, the truth and prior draws, as long as the density is within exp(-DEPTH) of
 * its maximum.
 *
 * In the environment PROBLEMS sets how many there are, and PROBLEM chooses one, which
 * is then shown in detail.
 */
#include "fitted.h"

#include <gsl/gsl_errno.h>

#include "phasic/base/rng.h"

enum {
    PROBLEMS = 500,
    MOST_D = 4,
    MOST_STATES = 6,
    MOST_DATA = 200,
    SEEDS_OF_PRIOR = 64,
    SLOTS = 1 << 20, /* of the hash table */
    MOST_POINTS = 150000,
    BATCH = 512
};
#define DEPTH     28.0
#define TOLERANCE 0.05
#define AGREED    3e-3

/* ---- a random model and its data ---- */

typedef struct problem {
    size_t states, d, n;
    double factor[MOST_STATES][MOST_STATES + 1]; /* rate = factor * theta[which] */
    int which[MOST_STATES][MOST_STATES + 1];     /* -1: a constant */
    int lognormal[MOST_D];
    double prior[MOST_D][2], theta[MOST_D];
    double time[MOST_DATA];
    int event[MOST_DATA];
    ph_rng rng;
} problem;

static double uniform(problem *self, double low, double high)
{
    return low + (high - low) * ph_rng_uniform(&self->rng);
}

static size_t below(problem *self, size_t n)
{
    return (size_t)(ph_rng_uniform(&self->rng) * (double)n);
}

/* Gamma of whole or half-whole shape s/2: half the sum of squared normals. */
static double half_gamma(problem *self, int s)
{
    double sum = 0;
    for (int i = 0; i < s; i++) {
        double x = ph_rng_normal(&self->rng);
        sum += 0.5 * x * x;
    }
    return sum;
}

static void draw_parameter(problem *self, size_t k)
{
    self->lognormal[k] = uniform(self, 0, 1) < 0.5;
    if (self->lognormal[k]) {
        self->prior[k][0] = uniform(self, -0.5, 0.5);
        self->prior[k][1] = uniform(self, 0.3, 1);
        self->theta[k] =
            exp(self->prior[k][0] + self->prior[k][1] * ph_rng_normal(&self->rng));
    } else {
        int twice = 2 + (int)below(self, 9); /* shapes 1, 1.5, ... 5 */
        self->prior[k][0] = 0.5 * twice;
        self->prior[k][1] = uniform(self, 0.5, 2) * self->prior[k][0];
        self->theta[k] = half_gamma(self, twice) / self->prior[k][1];
    }
}

/* A transition with a constant of its own, times a parameter or not. */
static void connect(problem *self, size_t from, size_t to, int which)
{
    self->factor[from][to] = exp(uniform(self, -1, 1));
    self->which[from][to] = which;
}

/* A chain through all states, in which every parameter occurs, and more at random. */
static void draw_structure(problem *self)
{
    self->states = 2 + below(self, MOST_STATES - 1);
    size_t most = self->states < MOST_D ? self->states : MOST_D;
    int cyclic = uniform(self, 0, 1) < 0.5;
    self->d = 1 + below(self, most);
    for (size_t i = 0; i < self->states; i++) {
        for (size_t j = cyclic ? 0 : i + 1; j <= self->states; j++) {
            if (j != i && j != i + 1 && uniform(self, 0, 1) < 0.3) {
                connect(self, i, j, (int)below(self, self->d + 1) - 1);
            }
        }
        connect(self, i, i + 1, (int)(i % self->d));
    }
}

static double rate(const problem *self, size_t i, size_t j)
{
    int k = self->which[i][j];
    return self->factor[i][j] * (k < 0 ? 1 : self->theta[k]);
}

/* One path to absorption, jump by jump. */
static double draw_time(problem *self)
{
    double time = 0;
    for (size_t at = 0; at < self->states;) {
        double total = 0;
        for (size_t j = 0; j <= self->states; j++) {
            total += rate(self, at, j);
        }
        time -= log(ph_rng_uniform(&self->rng)) / total;
        double left = ph_rng_uniform(&self->rng) * total;
        size_t to = 0;
        while (to < self->states && left >= rate(self, at, to)) {
            left -= rate(self, at, to++);
        }
        at = to;
    }
    return time;
}

static void draw_data(problem *self)
{
    self->n = (size_t)(5 * exp(uniform(self, 0, 1) * log(MOST_DATA / 5.0)));
    double limit = uniform(self, 0, 1) < 0.4 ? draw_time(self) : INFINITY;
    for (size_t i = 0; i < self->n; i++) {
        double time = draw_time(self);
        self->event[i] = time <= limit;
        self->time[i] = fmin(time, limit);
    }
}

static process make_process(const problem *self)
{
    char json[4096];
    int at = snprintf(json, sizeof json,
                      "{\"phasic\": 1, \"name\": \"random\", "
                      "\"parameters\": {");
    for (size_t k = 0; k < self->d; k++) {
        const char *a = self->lognormal[k] ? "meanlog" : "shape";
        const char *b = self->lognormal[k] ? "sdlog" : "rate";
        at += snprintf(json + at, sizeof json - (size_t)at,
                       "%s\"p%zu\": {\"prior\": {\"%s\": {\"%s\": %.17g, \"%s\": "
                       "%.17g}}}",
                       k ? ", " : "", k, self->lognormal[k] ? "lognormal" : "gamma", a,
                       self->prior[k][0], b, self->prior[k][1]);
    }
    at +=
        snprintf(json + at, sizeof json - (size_t)at, "}, \"matrix\": {\"initial\": [");
    for (size_t i = 0; i < self->states; i++) {
        at += snprintf(json + at, sizeof json - (size_t)at, "%s%d", i ? ", " : "", !i);
    }
    at += snprintf(json + at, sizeof json - (size_t)at, "], \"rates\": [");
    for (size_t i = 0; i < self->states; i++) {
        for (size_t j = 0; j <= self->states; j++) {
            char factor[32] = "";
            if (self->which[i][j] >= 0 && self->factor[i][j] > 0) {
                snprintf(factor, sizeof factor, " * p%d", self->which[i][j]);
            }
            at += snprintf(json + at, sizeof json - (size_t)at, "%s\"%.17g%s\"",
                           j   ? ", "
                           : i ? ", ["
                               : "[",
                           self->factor[i][j], factor);
        }
        at += snprintf(json + at, sizeof json - (size_t)at, "]");
    }
    at += snprintf(json + at, sizeof json - (size_t)at, "]}}");
    assert_in_range(at, 1, sizeof json - 1);
    return process_text(json);
}

static void draw_problem(problem *self, uint32_t number)
{
    memset(self, 0, sizeof *self);
    ph_rng_init(&self->rng, 77, PH_RNG_TEST, number, 0);
    draw_structure(self);
    for (size_t k = 0; k < self->d; k++) {
        draw_parameter(self, k);
    }
    draw_data(self);
}

/* ---- quadrature on a lattice ---- */

typedef struct lattice {
    const ph_target *target;
    size_t d, n, done; /* points known, and of these evaluated */
    double step, shift;
    double mean[MOST_D], factor[MOST_D][MOST_D]; /* z = mean + factor u */
    uint64_t *slot;                              /* [SLOTS] keys + 1; 0: free */
    int16_t (*at)[MOST_D];
    double *log_p, top;
} lattice;

static uint64_t key_of(const int16_t *at)
{
    uint64_t key = 0;
    for (size_t k = 0; k < MOST_D; k++) {
        key = key << 16 | (uint16_t)at[k];
    }
    return key;
}

/* Adds a point unless it is there. */
static void lattice_add(lattice *self, const int16_t *at)
{
    uint64_t key = key_of(at) + 1;
    size_t h = (size_t)(key * 0x9E3779B97F4A7C15u >> 44) % SLOTS;
    while (self->slot[h] && self->slot[h] != key) {
        h = (h + 1) % SLOTS;
    }
    if (!self->slot[h] && self->n < MOST_POINTS) {
        self->slot[h] = key;
        memcpy(self->at[self->n++], at, sizeof *self->at);
    }
}

static void lattice_z(const lattice *self, const int16_t *at, double *z)
{
    for (size_t k = 0; k < self->d; k++) {
        z[k] = self->mean[k];
        for (size_t l = 0; l <= k; l++) {
            z[k] += self->factor[k][l] * self->step * (at[l] + self->shift);
        }
    }
}

/* The point next to z. */
static void lattice_seed(lattice *self, const double *z)
{
    int16_t at[MOST_D] = {0};
    double u[MOST_D];
    for (size_t k = 0; k < self->d; k++) {
        u[k] = z[k] - self->mean[k];
        for (size_t l = 0; l < k; l++) {
            u[k] -= self->factor[k][l] * u[l];
        }
        u[k] /= self->factor[k][k];
        at[k] = (int16_t)fmin(fmax(round(u[k] / self->step - self->shift), -3e4), 3e4);
    }
    lattice_add(self, at);
}

/* Evaluates what is there and adds the neighbours of what counts, until none is new. */
static void lattice_grow(lattice *self)
{
    double z[BATCH * MOST_D];
    while (self->done < self->n) {
        size_t n = self->n - self->done < BATCH ? self->n - self->done : BATCH;
        for (size_t i = 0; i < n; i++) {
            lattice_z(self, self->at[self->done + i], z + i * self->d);
        }
        double *log_p = self->log_p + self->done;
        assert_int_equal(self->target->eval(self->target->context, n, z, log_p, NULL),
                         0);
        for (size_t i = 0; i < n; i++) {
            self->top = fmax(self->top, log_p[i]);
        }
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < 2 * self->d && log_p[i] > self->top - DEPTH; k++) {
                int16_t at[MOST_D];
                memcpy(at, self->at[self->done + i], sizeof at);
                at[k / 2] = (int16_t)(at[k / 2] + (k % 2 ? 1 : -1));
                lattice_add(self, at);
            }
        }
        self->done += n;
    }
}

/* sums[0] += p and, for f = z and exp(z), f p and f^2 p; f is taken about `about`. */
typedef struct sums {
    double mass, first[2 * MOST_D], second[2 * MOST_D];
} sums;

static sums lattice_sums(const lattice *self, const double *about, double top)
{
    sums s = {0};
    for (size_t i = 0; i < self->n; i++) {
        double z[MOST_D], p = exp(self->log_p[i] - top);
        lattice_z(self, self->at[i], z);
        s.mass += p;
        for (size_t k = 0; k < 2 * self->d && p > 0; k++) {
            double f = (k < self->d ? z[k] : exp(z[k - self->d])) - about[k];
            s.first[k] += p * f;
            s.second[k] += p * f * f;
        }
    }
    return s;
}

/* Means and sds of z and exp(z), with the errors that the two lattices show. */
typedef struct moments {
    double mean[2 * MOST_D], sd[2 * MOST_D];
    double error_mean, error_sd; /* worst, in sd and relative */
} moments;

static double mean_of(const sums *s, size_t k)
{
    return s->first[k] / s->mass;
}

static double sd_of(const sums *s, size_t k)
{
    double m = mean_of(s, k);
    return sqrt(s->second[k] / s->mass - m * m);
}

/* mean and factor of the lattice from the sample. */
static void whiten(lattice *self, const ph_fit *fit)
{
    const ph_svgd_result *r = fit->svgd;
    double c[MOST_D][MOST_D] = {{0}};
    for (size_t i = 0; i < r->n; i++) {
        for (size_t k = 0; k < self->d; k++) {
            self->mean[k] += r->raw_weight[i] * r->z[i * self->d + k];
        }
    }
    for (size_t i = 0; i < r->n; i++) {
        for (size_t k = 0; k < self->d * self->d; k++) {
            size_t a = k / self->d, b = k % self->d;
            c[a][b] += r->raw_weight[i] * (r->z[i * self->d + a] - self->mean[a]) *
                       (r->z[i * self->d + b] - self->mean[b]);
        }
    }
    for (size_t k = 0; k < self->d; k++) {
        for (size_t l = 0; l <= k; l++) {
            double sum = c[k][l];
            for (size_t m = 0; m < l; m++) {
                sum -= self->factor[k][m] * self->factor[l][m];
            }
            self->factor[k][l] = k == l ? sqrt(sum) : sum / self->factor[l][l];
        }
    }
}

/* Fills one lattice; whether there was room. */
static int fill(lattice *self, const problem *it, const ph_fit *fit)
{
    double z[MOST_D];
    memset(self->slot, 0, SLOTS * sizeof *self->slot);
    self->n = self->done = 0;
    for (size_t k = 0; k < self->d; k++) {
        z[k] = log(it->theta[k]);
    }
    lattice_seed(self, z);
    for (size_t i = 0; i < fit->svgd->particles; i++) {
        lattice_seed(self, fit->svgd->particle + i * self->d);
    }
    for (uint32_t i = 0; i < SEEDS_OF_PRIOR; i++) {
        self->target->start(self->target->context, 4711, 2 * i + 3, z);
        lattice_seed(self, z);
    }
    lattice_grow(self);
    return self->n < MOST_POINTS;
}

static int integrate(moments *out, lattice *self, const problem *it, const ph_fit *fit)
{
    double about[2 * MOST_D], top[2];
    sums s[2];
    self->d = it->d;
    memset(self->mean, 0, sizeof self->mean);
    memset(self->factor, 0, sizeof self->factor);
    whiten(self, fit);
    for (size_t k = 0; k < 2 * it->d; k++) {
        about[k] = k < it->d ? self->mean[k] : exp(self->mean[k - it->d]);
    }
    self->top = -INFINITY;
    for (int half = 0; half < 2; half++) {
        self->shift = 0.5 * half;
        if (!fill(self, it, fit)) {
            return 0;
        }
        top[half] = self->top;
        s[half] = lattice_sums(self, about, self->top);
    }
    double scale = exp(top[0] - top[1]);
    sums both = {.mass = scale * s[0].mass + s[1].mass};
    out->error_mean = out->error_sd = 0;
    for (size_t k = 0; k < 2 * it->d; k++) {
        both.first[k] = scale * s[0].first[k] + s[1].first[k];
        both.second[k] = scale * s[0].second[k] + s[1].second[k];
        out->mean[k] = about[k] + mean_of(&both, k);
        out->sd[k] = sd_of(&both, k);
        out->error_mean =
            fmax(out->error_mean,
                 0.5 * fabs(mean_of(&s[0], k) - mean_of(&s[1], k)) / out->sd[k]);
        out->error_sd =
            fmax(out->error_sd, 0.5 * fabs(sd_of(&s[0], k) / sd_of(&s[1], k) - 1));
    }
    return 1;
}

/*
 * Steps become smaller until the lattices agree, or have too many points: the one
 * before is kept with its error. Whether there is any.
 */
static int reference(moments *out, lattice *self, const problem *it, const ph_fit *fit)
{
    static const double first[MOST_D + 1] = {0, 0.1, 0.25, 0.5, 0.7};
    moments finer;
    int known = 0;
    self->step = first[it->d];
    while (integrate(&finer, self, it, fit)) {
        *out = finer;
        known = 1;
        if (out->error_mean < AGREED && out->error_sd < AGREED) {
            break;
        }
        self->step *= 0.7;
    }
    return known;
}

/* ---- the comparison ---- */

typedef struct tally {
    int converged, wrong, unknown, chains;
    double worst_mean, worst_sd; /* of those that converged */
} tally;

/* Worst errors of the fit over z and theta. */
static void compare(const ph_fit *fit, size_t d, const moments *truth, double *mean,
                    double *sd)
{
    *mean = *sd = 0;
    for (size_t k = 0; k < 2 * d; k++) {
        double m = 0, v = 0;
        for (size_t i = 0; i < fit->n; i++) {
            double f = k < d ? fit->svgd->z[i * d + k] : fit->sample[i * d + k - d];
            m += fit->weight[i] * (f - truth->mean[k]);
            v += fit->weight[i] * (f - truth->mean[k]) * (f - truth->mean[k]);
        }
        if (getenv("PROBLEM")) {
            print_message("# %zu: mean %.6g (%.6g) sd %.6g (%.6g)\n", k,
                          truth->mean[k] + m, truth->mean[k], sqrt(v - m * m),
                          truth->sd[k]);
        }
        *mean = fmax(*mean, fabs(m) / truth->sd[k]);
        *sd = fmax(*sd, fabs(sqrt(fmax(v - m * m, 0)) / truth->sd[k] - 1));
    }
}

static void judge(tally *self, const problem *it, uint32_t number, lattice *grid)
{
    fitted f;
    moments truth = {0};
    double mean, sd;
    fitted_init(&f, make_process(it), it->n, it->time, it->event);
    ph_fit *fit = fitted_run(&f, number + 1);
    ph_target target = ph_posterior_target(f.posterior);
    grid->target = &target;
    self->converged += fit->svgd->converged;
    self->chains += fit->svgd->diagnostics.used_chains;
    if (fit->svgd->converged && !reference(&truth, grid, it, fit)) {
        self->unknown++;
        print_message("# problem %u: no reference\n", number);
    } else if (fit->svgd->converged) {
        compare(fit, it->d, &truth, &mean, &sd);
        self->worst_mean = fmax(self->worst_mean, mean);
        self->worst_sd = fmax(self->worst_sd, sd);
        int wrong = !(mean <= TOLERANCE + 3 * truth.error_mean) ||
                    !(sd <= TOLERANCE + 3 * truth.error_sd);
        self->wrong += wrong;
        if (wrong) {
            print_message("# problem %u (%zu states, d %zu, n %zu): mean off by %.3g "
                          "sd, sd by %.3g; reference within %.1g, %.1g; %zu points\n",
                          number, it->states, it->d, it->n, mean, sd, truth.error_mean,
                          truth.error_sd, grid->n);
        }
    } else {
        print_message("# problem %u (%zu states, d %zu, n %zu): %s\n", number,
                      it->states, it->d, it->n, fit->svgd->reasons);
    }
    ph_fit_free(fit);
    fitted_free(&f);
}

static void never_a_false_converged(void **state)
{
    (void)state;
    const char *only = getenv("PROBLEM"), *count = getenv("PROBLEMS");
    uint32_t first = only ? (uint32_t)atoi(only) : 0;
    uint32_t end = only ? first + 1 : count ? (uint32_t)atoi(count) : PROBLEMS;
    tally all = {0};
    lattice grid = {.slot = calloc(SLOTS, sizeof *grid.slot),
                    .at = calloc(MOST_POINTS, sizeof *grid.at),
                    .log_p = calloc(MOST_POINTS, sizeof *grid.log_p)};
    assert_true(grid.slot && grid.at && grid.log_p);
    for (uint32_t number = first; number < end; number++) {
        problem it;
        draw_problem(&it, number);
        judge(&all, &it, number, &grid);
        if ((number + 1) % 50 == 0) {
            print_message("# %u: %d converged, %d of them wrongly\n", number + 1,
                          all.converged, all.wrong);
        }
    }
    print_message("# %d of %u converged (%d with chains), %d of them wrongly, %d "
                  "without a reference; worst mean off by %.3g sd, sd by %.3g\n",
                  all.converged, end - first, all.chains, all.wrong, all.unknown,
                  all.worst_mean, all.worst_sd);
    assert_int_equal(all.wrong, 0);
    assert_true(all.unknown <= all.converged / 50);
    assert_true(all.converged >= (int)(0.9 * (end - first)));
    free(grid.slot);
    free(grid.at);
    free(grid.log_p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(never_a_false_converged)};
    gsl_set_error_handler_off();
    return ph_check_run(tests);
}
