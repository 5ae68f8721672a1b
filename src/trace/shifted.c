/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shifted.h"

extern const ph_trace_shifted_kernel ph_trace_shifted_base;
#ifdef PH_KERNEL_X86
extern const ph_trace_shifted_kernel ph_trace_shifted_avx2;
extern const ph_trace_shifted_kernel ph_trace_shifted_avx512;
#endif

int ph_trace_shifted_list(const ph_trace_shifted_kernel *list[3])
{
    int count = 0;
#ifdef PH_KERNEL_X86
    if (PH_LANES_HAVE_AVX512) {
        list[count++] = &ph_trace_shifted_avx512;
    }
    if (PH_LANES_HAVE_AVX2) {
        list[count++] = &ph_trace_shifted_avx2;
    }
#endif
    list[count++] = &ph_trace_shifted_base;
    return count;
}

static const ph_trace_shifted_kernel *best(void)
{
    const ph_trace_shifted_kernel *list[3];
    (void)ph_trace_shifted_list(list);
    return list[0];
}

size_t ph_trace_shifted_work(const ph_trace *self)
{
    return 2 * PH_LANES * (self->n_left + self->n_right + 3 * self->n);
}

void ph_trace_edge_rates(const ph_trace *self, const double *u, ph_lanes *rate)
{
    const ph_graph *graph = self->graph;
    const ph_lanes *nodes = (const ph_lanes *)u;
    for (size_t e = 0; e < graph->n_edges; e++) {
        ph_lanes sum = {0};
        for (size_t t = graph->edge_term[e]; t < graph->edge_term[e + 1]; t++) {
            sum += graph->term_coefficient[t] * nodes[graph->used[graph->term_use[t]]];
        }
        rate[e] = sum;
    }
}

void ph_trace_shifted_forward(const ph_trace *self, const ph_lanes *rate,
                              const ph_lanes *z, ph_lanes *work, ph_lanes *x)
{
    best()->forward(self, rate, z, work, x);
}

void ph_trace_shifted_backward(const ph_trace *self, const ph_lanes *rate,
                               const ph_lanes *work, const ph_lanes *x,
                               const ph_lanes *seed, ph_lanes *q, ph_lanes *rate_bar)
{
    best()->backward(self, rate, work, x, seed, q, rate_bar);
}
