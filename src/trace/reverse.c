/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reverse differentiation of the replay. Every value that a row used is still there
 * when its adjoint runs: row k of U, R_k and the exit mass ex_k are final once k is
 * done, the entries of row i before the diagonal hold the factors p_ik.
 *
 *   forward, row i                     backward (bars add up)
 *   p = r_k / R_k                      r_k bar = p bar / R_k;  R_k bar -= p bar p / R_k
 *   ex_i += p ex_k                     p bar += ex_i bar ex_k;  ex_k bar += p ex_i bar
 *   r_j += p U_kj                      p bar += r_j bar U_kj;  U_kj bar += p r_j bar
 *   R_i = ex_i + sum_j U_ij            ex_i bar += R_i bar;  U_ij bar += R_i bar
 *
 * `bar` has the layout of the factors; the dense row of bars is its h.
 */
#include "phasic/trace/reverse.h"

#include "trace_private.h"

#define STRIDE  1
#define INPUT   ph_wide
#define REAL    ph_wide
#define NAME(x) reverse_##x
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function" /* only some are needed */
#include "replay_template.h"
#pragma GCC diagnostic pop

static reverse_values layout(const ph_trace *self, const ph_wide *work)
{
    return reverse_layout(self, (ph_wide *)(uintptr_t)work);
}

/* As the template's solve; mid is the right-hand side when its row is done forward. */
void ph_trace_reverse_solve(const ph_trace *self, const ph_wide *work, ph_wide *h,
                            ph_wide *mid)
{
    reverse_values at = layout(self, work);
    for (size_t end = self->n; end > 0;) {
        size_t begin = reverse_component_begin(self, end);
        for (size_t s = begin; s < end; s++) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            reverse_pull(self->left_state + row->left, at.left + row->left,
                         row->n_cross + row->n_lower, i, h);
            mid[i] = h[i];
        }
        for (size_t s = end; s-- > begin;) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            reverse_pull(self->right_state + row->right, at.right + row->right,
                         row->n_upper, i, h);
            h[i] /= at.total[i];
        }
        end = begin;
    }
}

/* Adjoint of y += sum of value times h[state] over n entries, y_bar given. */
static void product_adjoint(const uint32_t *state, const ph_wide *value, size_t n,
                            const ph_wide *h, ph_wide y_bar, ph_wide *value_bar,
                            ph_wide *h_bar)
{
    for (size_t e = 0; e < n; e++) {
        value_bar[e] += y_bar * h[state[e]];
        h_bar[state[e]] += y_bar * value[e];
    }
}

void ph_trace_reverse_solve_adjoint(const ph_trace *self, const ph_wide *work,
                                    const ph_wide *mid, const ph_wide *h,
                                    ph_wide *h_bar, ph_wide *bar)
{
    reverse_values at = layout(self, work), to = layout(self, bar);
    for (size_t begin = 0; begin < self->n;) {
        size_t end = reverse_component_end(self, begin);
        for (size_t s = begin; s < end; s++) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            h_bar[i] /= at.total[i];
            to.total[i] -= h_bar[i] * h[i];
            product_adjoint(self->right_state + row->right, at.right + row->right,
                            row->n_upper, h, h_bar[i], to.right + row->right, h_bar);
        }
        for (size_t s = end; s-- > begin;) {
            uint32_t i = self->order[s];
            const ph_trace_row *row = &self->row[i];
            const uint32_t *state = self->left_state + row->left;
            size_t left = row->left, inner = left + row->n_cross;
            product_adjoint(state, at.left + left, row->n_cross, h, h_bar[i],
                            to.left + left, h_bar);
            product_adjoint(state + row->n_cross, at.left + inner, row->n_lower, mid,
                            h_bar[i], to.left + inner, h_bar);
        }
        begin = end;
    }
}

/* Row i backward: from the bars of its factors to those of its edges, in to->h, and of
 * its absorption, in to->exit. */
static void row_adjoint(const ph_trace *self, uint32_t i, const reverse_values *at,
                        const reverse_values *to)
{
    const ph_trace_row *row = &self->row[i];
    const uint32_t *state = self->left_state + row->left;
    ph_wide *r_bar = to->h;
    to->exit[i] += to->total[i];
    for (size_t g = row->right; g < row->right + row->n_upper; g++) {
        r_bar[self->right_state[g]] = to->right[g] + to->total[i];
    }
    for (size_t f = row->n_cross + row->n_lower; f-- > row->n_cross;) {
        uint32_t k = state[f];
        const ph_trace_row *above = &self->row[k];
        ph_wide p = at->left[row->left + f];
        ph_wide p_bar = to->left[row->left + f] + to->exit[i] * at->exit[k];
        to->exit[k] += p * to->exit[i];
        for (size_t g = above->right; g < above->right + above->n_upper; g++) {
            ph_wide from = r_bar[self->right_state[g]];
            p_bar += from * at->right[g];
            to->right[g] += p * from;
        }
        r_bar[k] = p_bar / at->total[k];
        to->total[k] -= p_bar * p / at->total[k];
    }
    for (size_t f = 0; f < row->n_cross; f++) {
        r_bar[state[f]] = to->left[row->left + f] + to->exit[i];
    }
}

/* Bars of the rates of row i to u_bar; clears the dense row. */
static void rate_adjoint(const ph_trace *self, uint32_t i, const reverse_values *to,
                         ph_wide *u_bar)
{
    const ph_graph *graph = self->graph;
    const ph_trace_row *row = &self->row[i];
    for (size_t e = graph->row[i]; e < graph->row[i + 1]; e++) {
        uint32_t j = graph->target[e];
        ph_wide rate = j == self->n ? to->exit[i] : to->h[j];
        for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
            u_bar[graph->used[graph->term_use[t]]] += graph->term_coefficient[t] * rate;
        }
    }
    for (size_t f = row->left; f < row->left + row->n_cross + row->n_lower; f++) {
        to->h[self->left_state[f]] = 0;
    }
    for (size_t g = row->right; g < row->right + row->n_upper; g++) {
        to->h[self->right_state[g]] = 0;
    }
}

void ph_trace_reverse_eliminate_adjoint(const ph_trace *self, const ph_wide *work,
                                        ph_wide *bar, ph_wide *u_bar)
{
    reverse_values at = layout(self, work), to = layout(self, bar);
    for (size_t i = 0; i < self->n; i++) {
        to.h[i] = 0;
    }
    for (size_t s = self->n; s-- > 0;) {
        row_adjoint(self, self->order[s], &at, &to);
        rate_adjoint(self, self->order[s], &to, u_bar);
    }
}
