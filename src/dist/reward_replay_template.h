/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The replay of a reduction and its adjoint, written once for a number type: REAL is
 * double for the plain evaluation (the definition) and a row of lanes for the fast one.
 *
 *   forward                        backward (bars add up, steps in reverse)
 *   R = sum_j r_kj                 r_kj bar += R bar
 *   p = r_ik / R                   r_ik bar = p bar / R;  R bar -= p bar p / R
 *   r_ij += p r_kj                 p bar += r_ij bar r_kj;  r_kj bar += p r_ij bar
 *
 * Everything a step used is still there on the way back: row k is final once k is
 * eliminated, and the entries into k hold p_ik. A state that nothing enters at this
 * parameter vector passes nothing on, even where it cannot be left (0 / 0); one that
 * is entered and cannot be left gives NaN: no reward would ever be complete there.
 */

static REAL NAME(sum)(const REAL *u, const uint32_t *node, const double *coefficient,
                      size_t begin, size_t end)
{
    REAL sum = {0};
    for (size_t t = begin; t < end; t++) {
        sum += coefficient[t] * u[node[t]];
    }
    return sum;
}

static void NAME(load)(const ph_reduction *self, REAL *u)
{
    REAL *slot = u + self->base, guard = {0};
    for (size_t s = 0; s < self->n_loaded; s++) {
        slot[s] = NAME(sum)(u, self->load_node, self->load_coefficient,
                            self->load_begin[s], self->load_begin[s + 1]);
    }
    for (size_t s = self->n_loaded; s < self->n_slots; s++) {
        slot[s] = (REAL){0};
    }
    REAL *complement = slot + self->n_slots + self->n_steps;
    for (size_t c = 0; c < self->n_complements; c++) {
        complement[c] = NAME(complement)(
            NAME(sum)(u, self->complement_node, self->complement_coefficient,
                      self->complement_begin[c], self->complement_begin[c + 1]));
    }
    for (size_t k = 0; self->has_guard && k < self->n_steps; k++) {
        REAL sum = {0};
        for (size_t s = self->row_slot[k]; s < self->row_slot[k + 1]; s++) {
            sum += slot[s];
        }
        guard += NAME(guard)(sum);
    }
    if (self->has_guard) {
        complement[self->n_complements] = guard;
    }
}

static void NAME(eval)(const ph_reduction *self, REAL *u)
{
    REAL *slot = u + self->base, *total = slot + self->n_slots;
    const uint32_t *pair = self->pair;
    NAME(load)(self, u);
    for (size_t k = 0; k < self->n_steps; k++) {
        size_t begin = self->out_begin[k], end = self->out_begin[k + 1];
        REAL sum = {0};
        for (size_t e = begin; e < end; e++) {
            sum += slot[self->out_slot[e]];
        }
        total[k] = sum;
        for (size_t f = self->in_begin[k]; f < self->in_begin[k + 1]; f++) {
            REAL p = NAME(quotient)(slot[self->in_slot[f]], sum);
            slot[self->in_slot[f]] = p;
            for (size_t e = begin; e < end; e++, pair++) {
                if (*pair != PH_NO_SLOT) {
                    slot[*pair] += p * slot[self->out_slot[e]];
                }
            }
        }
    }
}

static void NAME(adjoint_steps)(const ph_reduction *self, const REAL *slot, REAL *bar)
{
    const REAL *total = slot + self->n_slots;
    const uint32_t *pair = self->pair + self->n_pairs;
    for (size_t k = self->n_steps; k-- > 0;) {
        size_t begin = self->out_begin[k], end = self->out_begin[k + 1];
        REAL inverse = NAME(inverse)(total[k]), total_bar = {0};
        for (size_t f = self->in_begin[k + 1]; f-- > self->in_begin[k];) {
            REAL p = slot[self->in_slot[f]], p_bar = {0};
            for (size_t e = end; e-- > begin;) {
                if (*--pair != PH_NO_SLOT) {
                    p_bar += bar[*pair] * slot[self->out_slot[e]];
                    bar[self->out_slot[e]] += p * bar[*pair];
                }
            }
            p_bar *= inverse;
            bar[self->in_slot[f]] = p_bar;
            total_bar -= p_bar * p;
        }
        for (size_t e = begin; e < end; e++) {
            bar[self->out_slot[e]] += total_bar;
        }
    }
}

static void NAME(adjoint)(const ph_reduction *self, const REAL *u, REAL *u_bar)
{
    REAL *bar = u_bar + self->base;
    NAME(adjoint_steps)(self, u + self->base, bar);
    for (size_t s = 0; s < self->n_loaded; s++) {
        for (size_t t = self->load_begin[s]; t < self->load_begin[s + 1]; t++) {
            u_bar[self->load_node[t]] += self->load_coefficient[t] * bar[s];
        }
    }
    bar += self->n_slots + self->n_steps;
    for (size_t c = 0; c < self->n_complements; c++) {
        for (size_t t = self->complement_begin[c]; t < self->complement_begin[c + 1];
             t++) {
            u_bar[self->complement_node[t]] -= self->complement_coefficient[t] * bar[c];
        }
    }
}
