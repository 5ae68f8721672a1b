/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked for is taken apart into samples: the density or the survival at a time,
 *
 *   F(t) = 1 - S(t),    P(l < T <= u) = S(l) - S(u),
 *
 * and samples are cut into windows of times that one contour serves. A value that a
 * contour cannot give in all its digits (the left tail, a narrow interval) shows in the
 * error of the whole, and goes to uniformization.
 *
 * Uniformization runs at the largest rate of its lanes to the longest time of them, and
 * where one lane has large rates and another a long time to go it would cost what
 * neither does: lanes then go one by one.
 */
#include "phasic/dist/serve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"

/*
 * Where the contours begin, in steps Lambda t: SHORT and what they cost. For graphs
 * that are not known to have real eigenvalues, whose elimination may fill in, the
 * elimination is not even recorded before LONG, nor for more than MANY states.
 */
#define SHORT       100.0
#define SOME        500.0 /* where the elimination may fill in */
#define LONG        3e4
#define MANY        20000
#define NODES       6.5 /* of the parabola, times sqrt(Lambda t) */
#define ACCURATE    1e-12
#define FAR         1000. /* decay from which errors are those of the logarithm */
#define UNIT        1e-15 /* rounding of a term, as far as it counts here */
#define JOINT       2     /* times the dearest lane that lanes may cost together */
#define JOINT_STEPS 2000
#define ALL         ((1u << PH_LANES) - 1)

typedef struct sample {
    ph_contour_time at;
    size_t term;
    int upper; /* the second end of an interval */
} sample;

struct ph_serve {
    const ph_plan *plan;
    ph_engine engine;
    ph_sweep *sweep;
    ph_contour *contour; /* NULL for uniformization */
    ph_spectrum spectrum;
    double limit;
    unsigned beyond; /* lanes of the last call that the limit left out */
    ph_tally tally;
    int known;      /* costs: */
    double from[2]; /* [shape] Lambda t where it begins; INFINITY: never */

    const double *u; /* the block */
    unsigned valid, real;
    int mixed; /* contours take part */
    double rate[PH_LANES], largest;
    ph_lanes shift;
    unsigned swept; /* lanes that the sweep stands at */
    double swept_to;

    size_t n_samples, sample_capacity, time_capacity, value_capacity, weight_capacity,
        part_capacity;
    sample *samples;
    ph_contour_time *times;   /* [n_samples] */
    ph_contour_value *values; /* [n_samples] */
    ph_lanes *weights;        /* [n_samples] */
    ph_lanes *parts;          /* [n][PARTS] */
};

/* What is known of a term so far. */
enum { SIZE, ERROR, SCALE, PARTS };

/* ------------------------------------------------------------- construction */

int ph_serve_new(ph_serve **self, const ph_plan *plan, ph_engine engine)
{
    ph_serve *serve = ph_alloc(1, sizeof *serve);
    if (!serve) {
        return PH_E_MEMORY;
    }
    const ph_graph *graph = plan->graph;
    serve->plan = plan;
    serve->engine = engine;
    serve->limit = INFINITY;
    int status = ph_sweep_new(&serve->sweep, plan);
    int contours = engine == PH_ENGINE_AUTO || engine == PH_ENGINE_CONTOUR;
    if (status == PH_OK && contours && !graph->discrete && !graph->epochs) {
        status = ph_contour_new(&serve->contour, plan);
    }
    if (status == PH_OK && serve->contour) {
        status = ph_spectrum_find(graph, &serve->spectrum);
    }
    if (status != PH_OK) {
        ph_serve_free(serve);
        return status;
    }
    *self = serve;
    return PH_OK;
}

void ph_serve_free(ph_serve *self)
{
    if (self) {
        ph_sweep_free(self->sweep);
        ph_contour_free(self->contour);
        free(self->samples);
        free(self->times);
        ph_free_aligned(self->values);
        ph_free_aligned(self->weights);
        ph_free_aligned(self->parts);
        free(self);
    }
}

void ph_serve_limit(ph_serve *self, double steps)
{
    self->limit = steps;
}

unsigned ph_serve_beyond(const ph_serve *self)
{
    return self->beyond;
}

void ph_tally_add(ph_tally *self, const ph_tally *more)
{
#define X(name, text) self->name += more->name;
    PH_TALLY_TABLE(X)
#undef X
}

void ph_tally_divide(ph_tally *self)
{
#define X(name, text) self->name /= PH_LANES;
    PH_TALLY_TABLE(X)
#undef X
}

const ph_tally *ph_serve_tally(const ph_serve *self)
{
    return &self->tally;
}

/* -------------------------------------------------------------------- begin */

/* Steps from which contours are worth it. */
static int find_costs(ph_serve *self, ph_error *error)
{
    double hyperbola, node;
    if (self->known) {
        return PH_OK;
    }
    self->known = 1;
    self->from[PH_HYPERBOLA] = self->from[PH_PARABOLA] = 0;
    if (self->engine == PH_ENGINE_CONTOUR) {
        return PH_OK;
    }
    int status = ph_contour_cost(self->contour, &hyperbola, &node, error);
    if (status == PH_OK) {
        self->from[PH_HYPERBOLA] = fmax(SHORT, hyperbola);
        self->from[PH_PARABOLA] = fmax(LONG, NODES * node * NODES * node);
    } else if (status == PH_E_MEMORY) { /* too large to eliminate */
        self->from[PH_HYPERBOLA] = self->from[PH_PARABOLA] = INFINITY;
        *error = (ph_error){0};
        status = PH_OK;
    }
    return status;
}

/* Whether the automatic choice looks at contours at all for so many steps. */
static int worth_a_look(const ph_serve *self, double steps)
{
    int certain =
        self->spectrum == PH_SPECTRUM_ACYCLIC || self->spectrum == PH_SPECTRUM_TREE;
    if (certain) {
        return steps > SHORT;
    }
    return self->plan->graph->n <= MANY &&
           steps > (self->spectrum == PH_SPECTRUM_ANY ? LONG : SOME);
}

static int begin_sweep(ph_serve *self, double t_max, unsigned lanes, unsigned *valid)
{
    self->swept = lanes;
    self->swept_to = t_max;
    return ph_sweep_begin_lanes(self->sweep, self->u, t_max, lanes, valid);
}

static int no_memory(ph_error *error)
{
    return ph_error_set(error, PH_E_MEMORY, "out of memory");
}

static int begin_contour(ph_serve *self, ph_error *error)
{
    ph_error ignored = {0};
    int status = find_costs(self, error ? error : &ignored);
    if (status == PH_OK && self->from[PH_HYPERBOLA] < INFINITY) {
        status = ph_contour_begin(self->contour, self->u, self->valid, &self->real,
                                  &self->shift, error);
    } else {
        self->mixed = 0;
    }
    return status;
}

int ph_serve_begin(ph_serve *self, const double *u, double t_max, unsigned *valid,
                   ph_error *error)
{
    self->u = u;
    self->mixed = 0;
    ph_plan_rate(self->plan, u, t_max, self->rate);
    self->largest = 0;
    for (int l = 0; l < PH_LANES; l++) {
        self->largest = fmax(self->largest, self->rate[l]);
    }
    int forced = self->engine == PH_ENGINE_CONTOUR;
    if (forced && !self->contour) {
        return ph_error_set(error, PH_E_MODEL,
                            "contours need a model in continuous time with rates that "
                            "stay the same; use --engine uniformization");
    }
    int look = self->contour && (forced || worth_a_look(self, self->largest * t_max));
    int alone = !look && !(self->largest * t_max > self->limit);
    if (begin_sweep(self, alone ? t_max : 0, ALL, &self->valid) != PH_OK) {
        return no_memory(error);
    }
    *valid = self->valid;
    self->largest = 0;
    for (int l = 0; l < PH_LANES; l++) {
        self->rate[l] = self->valid >> l & 1 ? self->rate[l] : 0;
        self->largest = fmax(self->largest, self->rate[l]);
    }
    self->mixed = look && self->valid;
    return self->mixed ? begin_contour(self, error) : PH_OK;
}

/* ------------------------------------------------------------------ samples */

static int compare_samples(const void *a, const void *b)
{
    const sample *x = a, *y = b;
    if (x->at.t != y->at.t) {
        return x->at.t > y->at.t ? -1 : 1;
    }
    if (x->term != y->term) {
        return x->term < y->term ? -1 : 1;
    }
    return x->upper - y->upper;
}

static double end_of(const double *t2, const ph_sweep_kind *kind, size_t i)
{
    return kind[i] == PH_INTERVAL && t2 ? t2[i] : 0;
}

/* An interval from 0 is the distribution function of its end. */
static ph_sweep_kind kind_of(const ph_sweep_kind *kind, const double *t, size_t i)
{
    return kind[i] == PH_INTERVAL && t[i] == 0 ? PH_DISTRIBUTION : kind[i];
}

/* Terms of a contour that begins at `steps`, longest times first. */
static int collect(ph_serve *self, double steps, size_t n, const ph_sweep_kind *kind,
                   const double *t, const double *t2)
{
    double least = self->largest > 0 ? steps / self->largest : INFINITY;
    self->n_samples = 0;
    if (ph_grow(&self->samples, &self->sample_capacity, 2 * n, sizeof(sample)) != 0 ||
        ph_grow(&self->times, &self->time_capacity, 2 * n, sizeof *self->times) != 0) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        double end = end_of(t2, kind, i);
        double far = fmax(t[i], end < INFINITY ? end : 0);
        if (!(far > least) || (kind[i] == PH_INTERVAL && !(t[i] < end))) {
            continue;
        }
        int survival = kind[i] != PH_DENSITY;
        if (t[i] > 0) {
            self->samples[self->n_samples++] = (sample){{t[i], survival}, i, 0};
        }
        if (kind[i] == PH_INTERVAL && end < INFINITY) {
            self->samples[self->n_samples++] = (sample){{end, 1}, i, t[i] > 0};
        }
    }
    qsort(self->samples, self->n_samples, sizeof(sample), compare_samples);
    for (size_t k = 0; k < self->n_samples; k++) {
        self->times[k] = self->samples[k].at;
    }
    return PH_OK;
}

/* The sample behind the window that begins with `first`. */
static size_t window_end(const ph_serve *self, size_t first)
{
    size_t end = first;
    while (end < self->n_samples &&
           self->times[end].t * PH_CONTOUR_REACH >= self->times[first].t) {
        end++;
    }
    return end;
}

static int grow_lanes(void *rows_pointer, size_t *capacity, size_t need, size_t size)
{
    void **rows = rows_pointer;
    if (need > *capacity) {
        ph_free_aligned(*rows);
        *capacity = 0;
        *rows = ph_alloc_aligned(need, size);
        if (!*rows) {
            return PH_E_MEMORY;
        }
        *capacity = need;
    }
    return PH_OK;
}

/* ------------------------------------------------------------------- values */

/*
 * Takes a sample into its term. A term is SIZE e^-SCALE with the absolute ERROR, in the
 * same unit; a second sample comes to the scale of the first. For F it is S.
 */
static void add_sample(const ph_serve *self, const sample *it,
                       const ph_contour_value *value, ph_lanes *part)
{
    for (int l = 0; l < PH_LANES; l++) {
        double decay = self->shift[l] * it->at.t;
        double error = fmax(value->change[l], UNIT * value->magnitude[l]);
        part[SCALE][l] = part[SCALE][l] < 0 ? decay : part[SCALE][l];
        double factor = exp(part[SCALE][l] - decay);
        part[SIZE][l] += (it->upper ? -1 : 1) * value->number[l] * factor;
        part[ERROR][l] += (value->number[l] > 0 ? error : INFINITY) * factor;
    }
}

/*
 * The logarithm of a term in a lane; 0 where it is not accurate. The rounding of the
 * shift grows with its product with t, in proportion to the logarithm. A probability
 * near 1 hides its derivatives, which are those of the small rest.
 */
static int finish_lane(const ph_lanes *part, ph_sweep_kind kind, int l, double *value)
{
    double size = part[SIZE][l], error = part[ERROR][l], decay = part[SCALE][l];
    if (!(size > 0) || !(error <= ACCURATE * fmax(1, decay / FAR) * size)) {
        return 0;
    }
    double log_size = log(size) - decay, rest = -expm1(log_size);
    *value = kind == PH_DISTRIBUTION ? log1p(-exp(log_size)) : log_size;
    if (kind == PH_DENSITY) {
        return isfinite(log_size);
    }
    return rest > 0 && error * exp(-decay) <= ACCURATE * rest;
}

/* Accurate terms into value and `by`, in the lanes given. */
static void finish_terms(ph_serve *self, unsigned lanes, ph_contour_shape shape,
                         const ph_sweep_kind *kind, const double *t, double *value,
                         unsigned char *by)
{
    uint64_t *count =
        shape == PH_HYPERBOLA ? &self->tally.hyperbola : &self->tally.parabola;
    for (size_t k = 0; k < self->n_samples; k++) {
        size_t i = self->samples[k].term;
        for (int l = 0; l < PH_LANES; l++) {
            double here;
            if (lanes >> l & 1 && !(by[i] >> l & 1) &&
                finish_lane(self->parts + i * PARTS, kind_of(kind, t, i), l, &here)) {
                value[i * PH_LANES + (size_t)l] = here;
                by[i] |= (unsigned char)(1u << l);
                *count += 1;
            }
        }
    }
}

static int shape_values(ph_serve *self, ph_contour_shape shape, unsigned lanes,
                        size_t n, const ph_sweep_kind *kind, const double *t,
                        const double *t2, double *value, unsigned char *by)
{
    int status = collect(self, self->from[shape], n, kind, t, t2);
    if (status != PH_OK ||
        grow_lanes(&self->values, &self->value_capacity, self->n_samples,
                   sizeof *self->values) != PH_OK ||
        grow_lanes(&self->parts, &self->part_capacity, n * PARTS,
                   sizeof *self->parts) != PH_OK) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        self->parts[i * PARTS + SIZE] = self->parts[i * PARTS + ERROR] = (ph_lanes){0};
        self->parts[i * PARTS + SCALE] = (ph_lanes){0} - 1;
    }
    for (size_t k = 0, end; k < self->n_samples && status == PH_OK; k = end) {
        end = window_end(self, k);
        status = ph_contour_values(self->contour, shape, self->largest, end - k,
                                   self->times + k, self->values + k);
    }
    for (size_t k = 0; k < self->n_samples && status == PH_OK; k++) {
        const sample *it = &self->samples[k];
        add_sample(self, it, &self->values[k], self->parts + it->term * PARTS);
    }
    if (status == PH_OK) {
        finish_terms(self, lanes, shape, kind, t, value, by);
    }
    return status;
}

/* The lanes that a shape is right for. */
static unsigned lanes_of(const ph_serve *self, ph_contour_shape shape)
{
    return shape == PH_HYPERBOLA ? self->real : self->valid & ~self->real;
}

static int contour_values(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                          const double *t, const double *t2, double *value,
                          unsigned char *by)
{
    int status = PH_OK;
    for (int shape = PH_HYPERBOLA; shape <= PH_PARABOLA && status == PH_OK; shape++) {
        unsigned lanes = lanes_of(self, (ph_contour_shape)shape);
        if (lanes) {
            status = shape_values(self, (ph_contour_shape)shape, lanes, n, kind, t, t2,
                                  value, by);
        }
    }
    return status;
}

/* ------------------------------------------------------------ uniformization */

/* Lanes that take uniformization together, and the longest time of each. */
typedef struct passes {
    size_t n;
    unsigned lanes[PH_LANES];
    double far[PH_LANES];
} passes;

static double far_of(size_t i, const ph_sweep_kind *kind, const double *t,
                     const double *t2)
{
    double end = end_of(t2, kind, i);
    return fmax(t[i], end < INFINITY ? end : 0);
}

/* The longest time that uniformization has to reach, lane by lane; -1: nothing. */
static void find_far(const ph_serve *self, size_t n, const ph_sweep_kind *kind,
                     const double *t, const double *t2, const unsigned char *by,
                     double far[PH_LANES])
{
    for (int l = 0; l < PH_LANES; l++) {
        far[l] = -1;
    }
    for (size_t i = 0; i < n; i++) {
        double here = far_of(i, kind, t, t2);
        for (int l = 0; l < PH_LANES; l++) {
            int open = (self->valid & ~by[i]) >> l & 1;
            far[l] = open && here > far[l] ? here : far[l];
        }
    }
}

/* Takes lanes beyond the limit out of `far`; returns them. */
static unsigned over_limit(const ph_serve *self, double far[PH_LANES])
{
    unsigned over = 0;
    for (int l = 0; l < PH_LANES; l++) {
        if (far[l] * self->rate[l] > self->limit) {
            over |= 1u << l;
            far[l] = -1;
        }
    }
    return over;
}

static passes find_passes(const ph_serve *self, const double far[PH_LANES])
{
    passes all = {0};
    double rate = 0, longest = -1, dearest = 0;
    unsigned lanes = 0;
    for (int l = 0; l < PH_LANES; l++) {
        if (far[l] >= 0) {
            lanes |= 1u << l;
            rate = fmax(rate, self->rate[l]);
            longest = fmax(longest, far[l]);
            dearest = fmax(dearest, self->rate[l] * far[l]);
        }
    }
    if (!self->mixed || rate * longest <= JOINT * dearest + JOINT_STEPS) {
        all = (passes){lanes != 0, {lanes == self->valid ? ALL : lanes}, {longest}};
        return all;
    }
    for (int l = 0; l < PH_LANES; l++) {
        if (far[l] >= 0) {
            all.lanes[all.n] = 1u << l;
            all.far[all.n++] = far[l];
        }
    }
    return all;
}

static int enter_pass(ph_serve *self, unsigned lanes, double far)
{
    unsigned valid;
    return self->swept == lanes && self->swept_to >= far
               ? PH_OK
               : begin_sweep(self, far, lanes, &valid);
}

static int sweep_value(ph_serve *self, ph_sweep_kind kind, double t, double end,
                       double value[PH_LANES])
{
    return kind == PH_INTERVAL ? ph_sweep_log_interval(self->sweep, t, end, value)
                               : ph_sweep_log(self->sweep, kind, t, value);
}

static int pass_values(ph_serve *self, unsigned lanes, size_t n,
                       const ph_sweep_kind *kind, const double *t, const double *t2,
                       double *value, const unsigned char *by)
{
    int status = PH_OK;
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        double here[PH_LANES];
        unsigned open = lanes & ~by[i];
        if (!(open & self->valid)) {
            continue;
        }
        status = sweep_value(self, kind[i], t[i], end_of(t2, kind, i), here);
        for (int l = 0; l < PH_LANES; l++) {
            if (open >> l & 1) {
                value[i * PH_LANES + (size_t)l] = here[l];
            }
        }
    }
    return status;
}

/* Counts what uniformization gives, and why. */
static void count_swept(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                        const double *t, const double *t2, const unsigned char *by)
{
    for (size_t i = 0; i < n; i++) {
        double steps = self->largest * far_of(i, kind, t, t2);
        for (int l = 0; l < PH_LANES; l++) {
            int shape = self->real >> l & 1 ? PH_HYPERBOLA : PH_PARABOLA;
            if ((self->valid & ~by[i]) >> l & 1) {
                *(self->mixed && steps > self->from[shape]
                      ? &self->tally.refused
                      : &self->tally.uniformization) += 1;
            }
        }
    }
}

static int uniformized_values(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                              const double *t, const double *t2, double *value,
                              const unsigned char *by)
{
    double far[PH_LANES];
    find_far(self, n, kind, t, t2, by, far);
    unsigned over = over_limit(self, far);
    passes all = find_passes(self, far);
    for (size_t k = 0; k < all.n; k++) {
        int status = enter_pass(self, all.lanes[k], all.far[k]);
        if (status == PH_OK) {
            status = pass_values(self, all.lanes[k], n, kind, t, t2, value, by);
        }
        if (status != PH_OK) {
            return status;
        }
    }
    self->beyond = over;
    for (int l = 0; l < PH_LANES; l++) {
        for (size_t i = 0; i < n && over >> l & 1; i++) {
            value[i * PH_LANES + (size_t)l] = NAN;
        }
    }
    return PH_OK;
}

/* A forced contour gives everything but values at 0. */
static int check_forced(const ph_serve *self, size_t n, const ph_sweep_kind *kind,
                        const double *t, const double *t2, const unsigned char *by,
                        ph_error *error)
{
    for (size_t i = 0; i < n && self->engine == PH_ENGINE_CONTOUR; i++) {
        int empty = kind[i] == PH_INTERVAL && !(t[i] < end_of(t2, kind, i));
        if (self->valid & ~by[i] && far_of(i, kind, t, t2) > 0 && !empty) {
            char text[32];
            return ph_error_set(error, PH_E_MODEL,
                                "a contour is not accurate to 12 digits at %s: use "
                                "--engine auto or uniformization",
                                ph_double_text(t[i], text));
        }
    }
    return PH_OK;
}

int ph_serve_log(ph_serve *self, size_t n, const ph_sweep_kind *kind, const double *t,
                 const double *t2, double *value, unsigned char *by, ph_error *error)
{
    int status = PH_OK;
    memset(by, 0, n);
    if (self->mixed) {
        status = contour_values(self, n, kind, t, t2, value, by);
    }
    if (status == PH_OK) {
        status = check_forced(self, n, kind, t, t2, by, error);
        if (status != PH_OK) {
            return status;
        }
        status = uniformized_values(self, n, kind, t, t2, value, by);
        count_swept(self, n, kind, t, t2, by);
    }
    return status == PH_OK ? PH_OK : no_memory(error);
}

/* ----------------------------------------------------------------- gradient */

/* d (weight value) / d number, see add_sample. */
static ph_lanes sample_weight(const ph_serve *self, const sample *it,
                              ph_sweep_kind kind, unsigned lanes, const double *value,
                              const double *weight)
{
    ph_lanes out = {0};
    double sign = (kind == PH_DISTRIBUTION) != (it->upper != 0) ? -1 : 1;
    for (int l = 0; l < PH_LANES; l++) {
        if (lanes >> l & 1 && weight[l] != 0 && isfinite(value[l])) {
            out[l] = sign * weight[l] * exp(-self->shift[l] * it->at.t - value[l]);
        }
    }
    return out;
}

static int shape_seeds(ph_serve *self, ph_contour_shape shape, unsigned lanes, size_t n,
                       const ph_sweep_kind *kind, const double *t, const double *t2,
                       const double *value, const unsigned char *by,
                       const double *weight)
{
    int status = collect(self, self->from[shape], n, kind, t, t2);
    if (status != PH_OK || grow_lanes(&self->weights, &self->weight_capacity,
                                      self->n_samples, sizeof(ph_lanes)) != PH_OK) {
        return PH_E_MEMORY;
    }
    for (size_t k = 0, end; k < self->n_samples && status == PH_OK; k = end) {
        unsigned any = 0;
        end = window_end(self, k);
        for (size_t j = k; j < end; j++) {
            const sample *it = &self->samples[j];
            size_t row = it->term * PH_LANES;
            self->weights[j] =
                sample_weight(self, it, kind_of(kind, t, it->term),
                              lanes & by[it->term], value + row, weight + row);
            any |= lanes & by[it->term];
        }
        if (any) {
            status = ph_contour_seed(self->contour, shape, self->largest, end - k,
                                     self->times + k, self->weights + k);
        }
    }
    return status;
}

static int contour_gradient(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                            const double *t, const double *t2, const double *value,
                            const unsigned char *by, const double *weight,
                            double *u_bar)
{
    int status = PH_OK;
    unsigned served = 0;
    for (size_t i = 0; i < n; i++) {
        served |= by[i];
    }
    for (int shape = PH_HYPERBOLA; shape <= PH_PARABOLA && status == PH_OK; shape++) {
        unsigned lanes = lanes_of(self, (ph_contour_shape)shape) & served;
        if (lanes) {
            status = shape_seeds(self, (ph_contour_shape)shape, lanes, n, kind, t, t2,
                                 value, by, weight);
        }
    }
    if (status == PH_OK && served) {
        ph_contour_gradient(self->contour, served, u_bar);
    }
    return status;
}

static int pass_seeds(ph_serve *self, unsigned lanes, size_t n,
                      const ph_sweep_kind *kind, const double *t, const double *t2,
                      const double *value, const unsigned char *by,
                      const double *weight)
{
    int status = PH_OK;
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        double mine[PH_LANES], here[PH_LANES];
        for (int l = 0; l < PH_LANES; l++) { /* others must not widen its window */
            int open = (lanes & ~by[i]) >> l & 1;
            mine[l] = open ? weight[i * PH_LANES + (size_t)l] : 0;
            here[l] = open ? value[i * PH_LANES + (size_t)l] : NAN;
        }
        status = kind[i] == PH_INTERVAL
                     ? ph_sweep_seed_interval(self->sweep, t[i], end_of(t2, kind, i),
                                              mine, here)
                     : ph_sweep_seed(self->sweep, kind[i], t[i], mine, here);
    }
    return status;
}

int ph_serve_gradient(ph_serve *self, size_t n, const ph_sweep_kind *kind,
                      const double *t, const double *t2, const double *value,
                      const unsigned char *by, const double *weight, double *u_bar)
{
    double far[PH_LANES];
    int status = self->mixed
                     ? contour_gradient(self, n, kind, t, t2, value, by, weight, u_bar)
                     : PH_OK;
    find_far(self, n, kind, t, t2, by, far);
    (void)over_limit(self, far);
    passes all = find_passes(self, far);
    for (size_t k = 0; k < all.n && status == PH_OK; k++) {
        status = enter_pass(self, all.lanes[k], all.far[k]);
        if (status == PH_OK) {
            status = pass_seeds(self, all.lanes[k], n, kind, t, t2, value, by, weight);
        }
        if (status == PH_OK) {
            status = ph_sweep_gradient(self->sweep, u_bar);
        }
    }
    return status;
}
