/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moments, written once for a number type REAL: double (the definition), a row of
 * lanes, or quadruple precision; SOLVE is that type's solve with the trace's factors.
 *
 * M_r[i], the r-th moment from state i on, solves (-S) M_r = b_r:
 *   continuous  b_r = r rho M_{r-1}
 *   discrete    b_r = sum_{k<r} binomial(r, k) rho^(r-k) (P M_k),  P M_0 = 1
 * and the product of two rewards (-S) M_ab = b_ab:
 *   continuous  rho_a M_b + rho_b M_a
 *   discrete    rho_a rho_b + rho_a (P M_b) + rho_b (P M_a)
 * All terms are >= 0. The mass that stays, P_ii = 1 - sum_j P_ij, is the one
 * subtraction.
 */

typedef struct NAME(values) {
    REAL *trace;       /* factors */
    REAL *alpha;       /* [n] start law */
    REAL *m, *b, *mid; /* [R][K][n]; mid only where the type's solve leaves it */
    REAL *pm;          /* [K][n] P M_k of one reward; discrete */
    REAL *pair, *pair_b, *pair_mid; /* [n] of one pair */
    REAL *rate;                     /* [edges]; discrete */
    REAL *stay;                     /* [n] P_ii; discrete */
    REAL *x, *w, *y;                /* [n] */
    REAL *z;                        /* [K][n] */
    REAL *second;                   /* [R][n] */
} NAME(values);

/* Carves the arrays out of `work` (or only counts where it is NULL). */
static size_t NAME(carve)(const ph_moments *self, REAL *work, size_t factors, int mids,
                          int adjoints, NAME(values) * at)
{
    size_t n = self->graph->n, orders = self->order, used = 0;
    size_t all = self->n_rewards * orders * n, discrete = self->graph->discrete;
    struct {
        REAL **array;
        size_t length;
    } part[] = {
        {&at->trace, factors},
        {&at->alpha, n},
        {&at->m, all},
        {&at->b, all},
        {&at->mid, mids ? all : 0},
        {&at->pm, discrete ? orders * n : 0},
        {&at->pair, n},
        {&at->pair_b, n},
        {&at->pair_mid, mids ? n : 0},
        {&at->rate, discrete ? self->graph->n_edges : 0},
        {&at->stay, discrete ? n : 0},
        {&at->x, adjoints ? n : 0},
        {&at->w, adjoints ? n : 0},
        {&at->y, adjoints ? n : 0},
        {&at->z, adjoints ? orders * n : 0},
        {&at->second, adjoints ? self->n_rewards * n : 0},
    };
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        *part[i].array = work ? work + used : NULL;
        used += part[i].length;
    }
    return used;
}

/* Edge probabilities and the mass that stays. */
static void NAME(load)(const ph_moments *self, const REAL *u, NAME(values) * at)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < graph->n && graph->discrete; i++) {
        at->stay[i] = (REAL){0} + 1;
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            REAL rate = {0};
            for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
                rate += graph->term_coefficient[t] * u[graph->used[graph->term_use[t]]];
            }
            at->rate[e] = rate;
            at->stay[i] -= rate;
        }
    }
}

/* out = P v, with 0 at absorption. */
static void NAME(next)(const ph_moments *self, const NAME(values) * at, const REAL *v,
                       REAL *out)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < graph->n; i++) {
        REAL sum = at->stay[i] * v[i];
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            if (graph->target[e] < graph->n) {
                sum += at->rate[e] * v[graph->target[e]];
            }
        }
        out[i] = sum;
    }
}

/* out = w P. */
static void NAME(next_transposed)(const ph_moments *self, const NAME(values) * at,
                                  const REAL *w, REAL *out)
{
    const ph_graph *graph = self->graph;
    for (size_t i = 0; i < graph->n; i++) {
        out[i] = at->stay[i] * w[i];
    }
    for (size_t i = 0; i < graph->n; i++) {
        for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
            if (graph->target[e] < graph->n) {
                out[graph->target[e]] += at->rate[e] * w[i];
            }
        }
    }
}

/* b_r of one reward; m, pm [K][n]. */
static void NAME(right_side)(const ph_moments *self, const double *rho, size_t r,
                             const REAL *m, const REAL *pm, REAL *b)
{
    size_t n = self->graph->n;
    if (!self->graph->discrete) {
        const REAL *before = r > 1 ? m + (r - 2) * n : NULL; /* M_{r-1} */
        for (size_t i = 0; i < n; i++) {
            b[i] = (REAL){0} + (double)r * rho[i];
            b[i] = r > 1 ? b[i] * before[i] : b[i];
        }
        return;
    }
    for (size_t i = 0; i < n; i++) { /* Horner in rho: sum_k binomial(r, k) rho^(r-k) */
        REAL sum = (REAL){0} + rho[i];
        for (size_t k = 1; k < r; k++) {
            sum = rho[i] * (sum + ph_binomial(r, k) * pm[(k - 1) * n + i]);
        }
        b[i] = sum;
    }
}

static REAL NAME(against_start)(const ph_moments *self, const NAME(values) * at,
                                const REAL *m)
{
    REAL sum = {0};
    for (size_t i = 0; i < self->graph->n; i++) {
        sum += at->alpha[i] * m[i];
    }
    return sum;
}

/* Moments 1..K of reward a; raw[K]. */
static void NAME(reward)(const ph_moments *self, NAME(values) * at, size_t a, REAL *raw)
{
    size_t n = self->graph->n, first = a * self->order * n;
    REAL *m = at->m + first, *b = at->b + first;
    const double *rho = self->amount + a * n;
    for (size_t r = 1; r <= self->order; r++) {
        size_t place = (r - 1) * n;
        NAME(right_side)(self, rho, r, m, at->pm, b + place);
        for (size_t i = 0; i < n; i++) {
            m[place + i] = b[place + i];
        }
        SOLVE(self->trace, at->trace, m + place, at->mid + first + place);
        raw[r - 1] = NAME(against_start)(self, at, m + place);
        if (self->graph->discrete && r < self->order) {
            NAME(next)(self, at, m + place, at->pm + place);
        }
    }
}

/* M_ab into at->pair; returns E[Y_a Y_b]. */
static REAL NAME(product)(const ph_moments *self, NAME(values) * at, size_t a, size_t b)
{
    size_t n = self->graph->n, first = self->order * n;
    const double *rho_a = self->amount + a * n, *rho_b = self->amount + b * n;
    const REAL *m_a = at->m + a * first, *m_b = at->m + b * first;
    for (size_t i = 0; i < n && !self->graph->discrete; i++) {
        at->pair_b[i] = rho_a[i] * m_b[i] + rho_b[i] * m_a[i];
    }
    if (self->graph->discrete) { /* rho_b (rho_a + P M_a) + rho_a P M_b */
        NAME(next)(self, at, m_a, at->pair);
        NAME(next)(self, at, m_b, at->pair_b);
        for (size_t i = 0; i < n; i++) {
            at->pair_b[i] =
                rho_a[i] * at->pair_b[i] + rho_b[i] * (rho_a[i] + at->pair[i]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        at->pair[i] = at->pair_b[i];
    }
    SOLVE(self->trace, at->trace, at->pair, at->pair_mid);
    return NAME(against_start)(self, at, at->pair);
}

/*
 * Weights of order k < r in the adjoint of M_r, given those of the orders above in
 * z[K][n]: y is what multiplies M_k, w the part of it that went through P.
 */
static void NAME(weights)(const ph_moments *self, NAME(values) * at, const double *rho,
                          size_t k, size_t r)
{
    size_t n = self->graph->n;
    const REAL *above = at->z + k * n; /* z of order k + 1 */
    if (!self->graph->discrete) {
        for (size_t i = 0; i < n; i++) {
            at->y[i] = (double)(k + 1) * rho[i] * above[i];
        }
        return;
    }
    for (size_t i = 0; i < n; i++) { /* Horner: sum_{l=k+1..r} binomial rho^(l-k) z_l */
        REAL sum = {0};
        for (size_t l = r; l > k; l--) {
            sum = rho[i] * (sum + ph_binomial(l, k) * at->z[(l - 1) * n + i]);
        }
        at->w[i] = sum;
    }
    NAME(next_transposed)(self, at, at->w, at->y);
}

/* The start law's part: d / d alpha_i = m_i. */
static void NAME(start_adjoint)(const ph_moments *self, const REAL *m, REAL *bar)
{
    const ph_graph *graph = self->graph;
    for (size_t s = 0; s < graph->n_starts; s++) {
        for (size_t t = graph->start_term[s];
             graph->start[s] < graph->n && t < graph->start_term[s + 1]; t++) {
            bar[graph->used[graph->start_use[t]]] +=
                graph->start_coefficient[t] * m[graph->start[s]];
        }
    }
}

#ifndef EDGE_STRIDE
#define EDGE_STRIDE 1
#define EDGE_REAL   REAL
#endif
#define AT(array, index) ((array)[(size_t)(index)*EDGE_STRIDE])

/*
 * Adds d / d r_ij = v_i (m_j - m_i), m = 0 at absorption, to bar, and the size of its
 * terms to *size. EDGE_REAL is a number or the part of a row of lanes that fits into a
 * register; element i of an array is a[i * EDGE_STRIDE].
 */
static inline void NAME(edge_part)(const ph_graph *graph, const EDGE_REAL *u,
                                   const EDGE_REAL *v, const EDGE_REAL *m,
                                   EDGE_REAL *bar, EDGE_REAL *size)
{
    const size_t *row = graph->row, *edge_term = graph->edge_term;
    const uint32_t *target = graph->target, *used = graph->used;
    const uint32_t *use = graph->term_use;
    const double *coefficient = graph->term_coefficient;
    size_t n = graph->n;
    EDGE_REAL sum = *size;
    for (size_t i = 0; i < n; i++) {
        EDGE_REAL weight = AT(v, i), here = AT(m, i);
        for (size_t e = row[i]; e < row[i + 1]; e++) {
            uint32_t j = target[e];
            EDGE_REAL there = {0};
            if (j < n) {
                there = AT(m, j);
            }
            EDGE_REAL gain = weight * (there - here), terms = weight * (there + here);
            for (size_t t = edge_term[e]; t < edge_term[e + 1]; t++) {
                size_t node = used[use[t]];
                AT(bar, node) += coefficient[t] * gain;
                sum += coefficient[t] * AT(u, node) * terms;
            }
        }
    }
    *size = sum;
}

static void NAME(edge_adjoint)(const ph_moments *self, const REAL *u, const REAL *v,
                               const REAL *m, REAL *bar, REAL *size)
{
    for (size_t q = 0; q < EDGE_STRIDE; q++) {
        NAME(edge_part)
        (self->graph, (const EDGE_REAL *)u + q, (const EDGE_REAL *)v + q,
         (const EDGE_REAL *)m + q, (EDGE_REAL *)bar + q, (EDGE_REAL *)size + q);
    }
}

#undef AT
#undef EDGE_STRIDE
#undef EDGE_REAL

#ifdef SOLVE_TRANSPOSED

/* v . (d M) for right-hand sides b of order k: edges, and what Euler's identity says.
 */
static void NAME(order_adjoint)(const ph_moments *self, const REAL *u, const REAL *v,
                                const REAL *m, const REAL *b, REAL *bar, REAL *check)
{
    NAME(edge_adjoint)(self, u, v, m, bar, &check[PH_CHECK_SIZE]);
    for (size_t i = 0; i < self->graph->n; i++) {
        check[PH_CHECK_EXPECTED] -= v[i] * b[i];
    }
}

/* sum_k u_k bar_k over the rates, before the start law's part is added. */
static void NAME(identity)(const ph_moments *self, const REAL *u, const REAL *bar,
                           REAL *check)
{
    for (size_t k = 0; k < self->graph->n_used; k++) {
        uint32_t node = self->graph->used[k];
        check[PH_CHECK_SUM] += u[node] * bar[node];
    }
}

/* d m_r of reward a. */
static void NAME(raw_adjoint)(const ph_moments *self, NAME(values) * at, const REAL *u,
                              size_t a, size_t r, REAL *bar, REAL *check)
{
    size_t n = self->graph->n, first = a * self->order * n;
    const double *rho = self->amount + a * n;
    for (size_t k = r; k >= 1; k--) {
        REAL *z = at->z + (k - 1) * n;
        if (k < r) {
            NAME(weights)(self, at, rho, k, r);
            for (size_t i = 0; i < n; i++) {
                z[i] = at->y[i];
            }
            SOLVE_TRANSPOSED(self->trace, at->trace, z);
        }
        for (size_t i = 0; i < n; i++) {
            z[i] = k == r ? at->x[i] : z[i];
            at->y[i] = self->graph->discrete && k < r ? z[i] + at->w[i] : z[i];
        }
        NAME(order_adjoint)
        (self, u, at->y, at->m + first + (k - 1) * n, at->b + first + (k - 1) * n, bar,
         check);
    }
    NAME(identity)(self, u, bar, check);
    NAME(start_adjoint)(self, at->m + first + (r - 1) * n, bar);
}

/* Weights of the first moment of the other reward in a product with reward a. */
static void NAME(second_weights)(const ph_moments *self, NAME(values) * at, size_t a)
{
    size_t n = self->graph->n;
    REAL *v = at->second + a * n;
    for (size_t i = 0; i < n; i++) {
        at->w[i] = v[i] = self->amount[a * n + i] * at->x[i];
    }
    if (self->graph->discrete) {
        NAME(next_transposed)(self, at, at->w, v);
    }
    SOLVE_TRANSPOSED(self->trace, at->trace, v);
    for (size_t i = 0; i < n && self->graph->discrete; i++) {
        v[i] += at->w[i];
    }
}

/* d E[Y_a Y_b], with M_ab in at->pair. */
static void NAME(product_adjoint)(const ph_moments *self, NAME(values) * at,
                                  const REAL *u, size_t a, size_t b, REAL *bar,
                                  REAL *check)
{
    size_t n = self->graph->n, first = self->order * n;
    NAME(order_adjoint)(self, u, at->x, at->pair, at->pair_b, bar, check);
    NAME(order_adjoint)
    (self, u, at->second + a * n, at->m + b * first, at->b + b * first, bar, check);
    NAME(order_adjoint)
    (self, u, at->second + b * n, at->m + a * first, at->b + a * first, bar, check);
    NAME(identity)(self, u, bar, check);
    NAME(start_adjoint)(self, at->pair, bar);
}

static void NAME(raw_adjoints)(const ph_moments *self, NAME(values) * at, const REAL *u,
                               size_t gradient, REAL *bar, REAL *check)
{
    size_t nodes = ph_pool_length(self->graph->pool);
    for (size_t i = 0; i < self->graph->n; i++) {
        at->x[i] = at->alpha[i];
    }
    SOLVE_TRANSPOSED(self->trace, at->trace, at->x);
    for (size_t a = 0; a < self->n_rewards; a++) {
        for (size_t r = 1; r <= gradient; r++) {
            size_t o = a * gradient + r - 1;
            NAME(raw_adjoint)
            (self, at, u, a, r, bar + o * nodes, check + o * PH_CHECKS);
        }
        NAME(second_weights)(self, at, a);
    }
}

static void NAME(eval)(const ph_moments *self, size_t gradient, const REAL *u,
                       REAL *work, REAL *raw, REAL *product, REAL *bar, REAL *check)
{
    NAME(values) at;
    size_t nodes = ph_pool_length(self->graph->pool), next = 0;
    size_t outputs = ph_moments_outputs(self, gradient);
    NAME(carve)
    (self, work, ph_trace_work(self->trace) / PH_LANES, 0, gradient > 0, &at);
    NAME(load)(self, u, &at);
    ELIMINATE(self->trace, u, at.trace);
    START(self->trace, u, at.alpha);
    for (size_t a = 0; a < self->n_rewards; a++) {
        NAME(reward)(self, &at, a, raw + a * self->order);
    }
    for (size_t k = 0; k < outputs * nodes; k++) {
        bar[k] = (REAL){0};
    }
    for (size_t k = 0; k < outputs * PH_CHECKS; k++) {
        check[k] = (REAL){0};
    }
    if (gradient > 0) {
        NAME(raw_adjoints)(self, &at, u, gradient, bar, check);
    }
    for (size_t a = 0; a < self->n_rewards; a++) {
        for (size_t b = a + 1; b < self->n_rewards; b++, next++) {
            size_t o = self->n_rewards * gradient + next;
            product[next] = NAME(product)(self, &at, a, b);
            if (gradient >= 2) {
                NAME(product_adjoint)
                (self, &at, u, a, b, bar + o * nodes, check + o * PH_CHECKS);
            }
        }
    }
}

#endif
