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
 *
 * The loops of continuous time take a REAL as STRIDE parts of type PART, a register
 * each: a wider vector would be taken apart in memory.
 */
#ifndef STRIDE
#define STRIDE 1
#define PART   REAL
#endif
#define AT(array, index, q) ((array)[(size_t)(index)*STRIDE + (q)])
#define EACH(q)             _Pragma("GCC unroll 4") for (size_t q = 0; q < STRIDE; q++)

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

/* out = factor rho v, with v = 1 where it is NULL. */
static void NAME(scale)(size_t n, double factor, const double *rho, const REAL *v,
                        REAL *out)
{
    const PART *from = (const PART *)v;
    PART *to = (PART *)out;
    for (size_t i = 0; i < n && !v; i++) {
        EACH(q) AT(to, i, q) = (PART){0} + factor * rho[i];
    }
    for (size_t i = 0; i < n && v; i++) {
        EACH(q) AT(to, i, q) = factor * rho[i] * AT(from, i, q);
    }
}

/* *sum += factor a . b. */
static void NAME(dot)(size_t n, double factor, const REAL *a, const REAL *b, REAL *sum)
{
    const PART *left = (const PART *)a, *right = (const PART *)b;
    PART *to = (PART *)sum, part[STRIDE] = {0};
    for (size_t i = 0; i < n; i++) {
        EACH(q) part[q] += AT(left, i, q) * AT(right, i, q);
    }
    EACH(q) to[q] += factor * part[q];
}

/* b_r of one reward; m, pm [K][n]. */
static void NAME(right_side)(const ph_moments *self, const double *rho, size_t r,
                             const REAL *m, const REAL *pm, REAL *b)
{
    size_t n = self->graph->n;
    if (!self->graph->discrete) {
        NAME(scale)(n, (double)r, rho, r > 1 ? m + (r - 2) * n : NULL, b); /* M_{r-1} */
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
    NAME(dot)(self->graph->n, 1, at->alpha, m, &sum);
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
        memcpy(m + place, b + place, n * sizeof(REAL));
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
    memcpy(at->pair, at->pair_b, n * sizeof(REAL));
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
        NAME(scale)(n, (double)(k + 1), rho, above, at->y);
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

/*
 * Adds d / d r_ij = v_i (m_j - m_i), m = 0 at absorption, to bar, and the size of its
 * terms to *size.
 */
static void NAME(edge_adjoint)(const ph_moments *self, const REAL *u_row,
                               const REAL *v_row, const REAL *m_row, REAL *bar_row,
                               REAL *size_row)
{
    const ph_graph *graph = self->graph;
    const PART *u = (const PART *)u_row, *v = (const PART *)v_row;
    const PART *m = (const PART *)m_row;
    PART *bar = (PART *)bar_row, *size = (PART *)size_row, sum[STRIDE];
    const size_t *row = graph->row, *edge_term = graph->edge_term;
    const uint32_t *target = graph->target, *used = graph->used;
    const uint32_t *use = graph->term_use;
    size_t n = graph->n;
    EACH(q) sum[q] = size[q];
    for (size_t i = 0; i < n; i++) {
        for (size_t e = row[i]; e < row[i + 1]; e++) {
            uint32_t j = target[e];
            PART gain[STRIDE], terms[STRIDE], there[STRIDE] = {0};
            if (j < n) {
                EACH(q) there[q] = AT(m, j, q);
            }
            EACH(q)
            {
                gain[q] = AT(v, i, q) * (there[q] - AT(m, i, q));
                terms[q] = AT(v, i, q) * (there[q] + AT(m, i, q));
            }
            for (size_t t = edge_term[e]; t < edge_term[e + 1]; t++) {
                size_t node = used[use[t]];
                double coefficient = graph->term_coefficient[t];
                EACH(q)
                {
                    AT(bar, node, q) += coefficient * gain[q];
                    sum[q] += coefficient * AT(u, node, q) * terms[q];
                }
            }
        }
    }
    EACH(q) size[q] = sum[q];
}

#ifdef SOLVE_TRANSPOSED

/* v . (d M) for right-hand sides b of order k: edges, and what Euler's identity says.
 */
static void NAME(order_adjoint)(const ph_moments *self, const REAL *u, const REAL *v,
                                const REAL *m, const REAL *b, REAL *bar, REAL *check)
{
    NAME(edge_adjoint)(self, u, v, m, bar, &check[PH_CHECK_SIZE]);
    NAME(dot)(self->graph->n, -1, v, b, &check[PH_CHECK_EXPECTED]);
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
        }
        memcpy(z, k < r ? at->y : at->x, n * sizeof(REAL));
        if (k < r) {
            SOLVE_TRANSPOSED(self->trace, at->trace, z);
        }
        memcpy(at->y, z, n * sizeof(REAL));
        for (size_t i = 0; i < n && self->graph->discrete && k < r; i++) {
            at->y[i] += at->w[i];
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
    memcpy(at->x, at->alpha, self->graph->n * sizeof(REAL));
    SOLVE_TRANSPOSED(self->trace, at->trace, at->x);
    for (size_t a = 0; a < self->n_rewards; a++) {
        for (size_t r = 1; r <= gradient; r++) {
            size_t o = a * gradient + r - 1;
            NAME(raw_adjoint)
            (self, at, u, a, r, bar + o * nodes, check + o * PH_CHECKS);
        }
        if (gradient >= 2 && self->n_rewards > 1) { /* products follow */
            NAME(second_weights)(self, at, a);
        }
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
    if (gradient > 0) {
        memset(bar, 0, outputs * nodes * sizeof(REAL));
        memset(check, 0, outputs * PH_CHECKS * sizeof(REAL));
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

#undef AT
#undef EACH
#undef STRIDE
#undef PART
