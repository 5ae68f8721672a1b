/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hyperbola is z = mu (1 + sin(ix - a)), for windows [t1 / 5, t1]: a is the angle
 * at which (pi^2 - 2 pi a) / A(a) is largest, A(a) = acosh(((pi - 2a) 5 + 4a - pi) /
 * ((4a - pi) sin a)). The rule's own error falls by e^-1.27 a node: relative to the
 * transform's scale it is below 1e-15 with 28, and below 1e-13 with 30 for derivatives
 * too, whose poles are of one order more. More nodes move the contour outward, to
 * e^(0.18 N), and in the body what rounding makes of that would be all they add. In the
 * left tail the transform is small out there, and they are what it takes.
 *
 * The parabola is z = s + iu - u^2 / (2 Lambda): s t1 and h t1 / (2 pi) make what the
 * trapezoidal rule adds from the time t + 5 t1 less by e^(-6.5 * 5); it is cut where
 * e^(Re z t) falls below e^-36. Its check has more nodes. In the left tail the value at
 * t + 5 t1 may be larger by many orders (26^m for t^m and the window's shortest time),
 * so that a factor of e^(-9 * 5) has to meet it, and the cut, too, is measured by a
 * value that is small: its check has fewer nodes, and is cut earlier, to see both.
 * Farther right than s t1 = 9 a distribution function that has come to a plateau loses
 * digits: what it is of the terms falls like e^-s.
 *
 * Coefficients of hyperbolas are kept by the times they serve, because the windows of a
 * data set return with every block, and exponentials would cost more than the
 * equations. Windows of more times are computed node by node.
 */
#include "contour_nodes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"

#define ANGLE      1.0790562747560353
#define BODY       30
#define BODY_CHECK 28
#define LEFT       44
#define LEFT_CHECK 40

#define STEP_BITS 26

#define TABLE_MOST 500 /* times of one */

void ph_nodes_free(ph_nodes *self)
{
    free(self->z);
    free(self->rest);
    free(self->w);
    free(self->row);
    for (int k = 0; k < PH_NODES_TABLES; k++) {
        free(self->tables[k].times);
        free(self->tables[k].c);
    }
}

static int reserve_nodes(ph_nodes *self, size_t n)
{
    size_t z = self->capacity, w = z, rest = z;
    if (ph_grow(&self->z, &z, n, sizeof *self->z) != 0 ||
        ph_grow(&self->rest, &rest, n, sizeof *self->rest) != 0 ||
        ph_grow(&self->w, &w, n, sizeof *self->w) != 0) {
        return PH_E_MEMORY;
    }
    self->capacity = z < w ? z : w;
    self->capacity = rest < self->capacity ? rest : self->capacity;
    self->n = n;
    return PH_OK;
}

static void set_node(ph_nodes *self, size_t k, long double re, long double im)
{
    double complex z = CMPLX((double)re, (double)im);
    self->z[k] = z;
    self->rest[k] = CMPLX((double)(re - creal(z)), (double)(im - cimag(z)));
}

/* ------------------------------------------------------------------- shapes */

/* What a parabola is made of, see above. */
typedef struct bend {
    double vertex; /* s t1 */
    double period; /* 2 pi / h in t1 */
    double cut;    /* -Re z of the last node, times the shortest time */
} bend;

static const bend *bend_of(ph_contour_shape shape, int check)
{
    static const bend body[2] = {{6.5, 5, 36}, {6.5, 6.25, 36}};
    static const bend left[2] = {{9, 5, 44}, {9, 4.5, 40}};
    return shape == PH_PARABOLA_LEFT ? &left[check] : &body[check];
}

double ph_nodes_more(ph_contour_shape shape)
{
    const bend *it = bend_of(shape, 0), *more = bend_of(shape, 1);
    return more->period / it->period *
           sqrt((more->vertex + more->cut) / (it->vertex + it->cut));
}

/* The last node's number; the first is 0. */
static int last_node(ph_contour_shape shape, int check)
{
    if (shape == PH_HYPERBOLA_LEFT) {
        return check ? LEFT_CHECK : LEFT;
    }
    return check ? BODY_CHECK : BODY;
}

size_t ph_nodes_count(ph_contour_shape shape, int check)
{
    return (size_t)last_node(shape, check) + 1;
}

static int set_hyperbola(ph_nodes *self, ph_contour_shape shape, int check, double t1)
{
    const double a = ANGLE, reach = PH_CONTOUR_REACH;
    double width =
        acosh(((M_PI - 2 * a) * reach + 4 * a - M_PI) / ((4 * a - M_PI) * sin(a)));
    double n = last_node(shape, check);
    double h = width / n, mu = (4 * M_PI * a - M_PI * M_PI) * n / (width * t1);
    int status = reserve_nodes(self, ph_nodes_count(shape, check));
    for (size_t k = 0; k < self->n && status == PH_OK; k++) {
        long double x = (long double)k * h, u = sinl(a), v = cosl(a);
        set_node(self, k, mu * (1 - u * coshl(x)), mu * v * sinhl(x));
        self->w[k] = CMPLX((double)(coshl(x) * v), (double)(sinhl(x) * u)) *
                     (h * mu / (2 * M_PI) * (k > 0 ? 2 : 1));
    }
    return status;
}

/* h to so few bits that no multiple of it is rounded. */
static double short_step(double h)
{
    int exponent;
    double part = frexp(h, &exponent);
    return ldexp(rint(ldexp(part, STEP_BITS)), exponent - STEP_BITS);
}

static int set_parabola(ph_nodes *self, const bend *it, double rate, double t0,
                        double t1)
{
    double s = it->vertex / t1, h = short_step(2 * M_PI / (it->period * t1));
    double u_max = sqrt(2 * rate * (s + it->cut / t0));
    int status = reserve_nodes(self, (size_t)(u_max / h) + 2);
    for (size_t k = 0; k < self->n && status == PH_OK; k++) {
        double u = (double)k * h;
        set_node(self, k, s - (long double)u * u / (2 * rate), u);
        self->w[k] = CMPLX(1, u / rate) * (h / (2 * M_PI) * (k > 0 ? 2 : 1));
    }
    return status;
}

/* ------------------------------------------------------------- coefficients */

/*
 * e^((z + rest) t). The product is as long as its factors: far nodes turn by many
 * radians, and the rounding of those would be most of a term's.
 */
static double complex exponential(double complex z, double complex rest, double t)
{
    double re = creal(z) * t, im = cimag(z) * t;
    double complex more = CMPLX(fma(creal(z), t, -re) + creal(rest) * t,
                                fma(cimag(z), t, -im) + cimag(rest) * t);
    double complex here = cexp(CMPLX(re, im));
    return here + here * more;
}

static void node_coefficients(const ph_nodes *self, size_t k, size_t n,
                              const ph_contour_time *times, double complex *c)
{
    for (size_t i = 0; i < n; i++) {
        int again = i > 0 && times[i].t == times[i - 1].t;
        c[i] = again ? c[i - 1]
                     : self->w[k] * exponential(self->z[k], self->rest[k], times[i].t);
    }
}

static int is_table_of(const ph_node_table *self, ph_contour_shape shape, size_t n,
                       const ph_contour_time *times)
{
    int same = self->n == n && self->shape == shape;
    for (size_t i = 0; i < n && same; i++) {
        same = self->times[i].t == times[i].t;
    }
    return same;
}

static int fill_table(ph_nodes *self, ph_node_table *to, ph_contour_shape shape,
                      size_t n, const ph_contour_time *times)
{
    size_t rows = ph_nodes_count(shape, 0) + ph_nodes_count(shape, 1);
    to->n = 0;
    if (ph_grow(&to->times, &to->capacity, n, sizeof *to->times) != 0 ||
        ph_grow(&to->c, &to->c_capacity, rows * n, sizeof *to->c) != 0) {
        return PH_E_MEMORY;
    }
    double complex *c = to->c;
    for (int check = 0; check < 2; check++) {
        int status = set_hyperbola(self, shape, check, times[0].t);
        if (status != PH_OK) {
            return status;
        }
        for (size_t k = 0; k < self->n; k++, c += n) {
            node_coefficients(self, k, n, times, c);
        }
    }
    memcpy(to->times, times, n * sizeof *times);
    to->n = n;
    to->shape = shape;
    return PH_OK;
}

/* The table of these times, in place of the oldest where there is none. */
static int find_table(ph_nodes *self, ph_contour_shape shape, size_t n,
                      const ph_contour_time *times, const ph_node_table **found)
{
    for (int k = 0; k < PH_NODES_TABLES; k++) {
        if (is_table_of(&self->tables[k], shape, n, times)) {
            *found = &self->tables[k];
            return PH_OK;
        }
    }
    ph_node_table *to = &self->tables[self->oldest];
    self->oldest = (self->oldest + 1) % PH_NODES_TABLES;
    *found = to;
    return fill_table(self, to, shape, n, times);
}

int ph_nodes_set(ph_nodes *self, ph_contour_shape shape, int check, double rate,
                 size_t n, const ph_contour_time *times)
{
    const ph_node_table *found;
    self->c = NULL;
    if (ph_grow(&self->row, &self->row_capacity, n, sizeof *self->row) != 0) {
        return PH_E_MEMORY;
    }
    if (ph_contour_parabola(shape)) {
        return set_parabola(self, bend_of(shape, check), rate, times[n - 1].t,
                            times[0].t);
    }
    if (n <= TABLE_MOST) {
        int status = find_table(self, shape, n, times, &found);
        if (status != PH_OK) {
            return status;
        }
        self->c = found->c + (check ? ph_nodes_count(shape, 0) * n : 0);
    }
    return set_hyperbola(self, shape, check, times[0].t);
}

const double complex *ph_nodes_coefficients(ph_nodes *self, size_t k, size_t n,
                                            const ph_contour_time *times)
{
    if (self->c) {
        return self->c + k * n;
    }
    node_coefficients(self, k, n, times, self->row);
    return self->row;
}
