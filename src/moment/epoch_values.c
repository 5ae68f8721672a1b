/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rates and times of all epochs at one parameter vector, with their derivatives. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "epochs_private.h"
#include "phasic/base/memory.h"

size_t ph_epoch_values_length(const ph_graph *graph, int slopes)
{
    size_t nodes = ph_pool_length(graph->pool), p = graph->epochs->p;
    return graph->epochs->n * (nodes + 1) * (slopes ? 1 + p : 1);
}

ph_epoch_values ph_epoch_values_at(const ph_graph *graph, double *array)
{
    size_t nodes = ph_pool_length(graph->pool), n = graph->epochs->n;
    ph_epoch_values it = {.nodes = nodes, .u = array, .begin = array + n * nodes};
    it.u_slope = it.begin + n;
    it.begin_slope = it.u_slope + n * graph->epochs->p * nodes;
    return it;
}

/* Scratch of a fill, carved out of one block. */
typedef struct scratch {
    double *block;
    double *x, *x_bar;         /* [nodes of the epochs' pool] */
    double *work;              /* [inputs] */
    double *input, *input_bar; /* [inputs] */
    double *slope;             /* [inputs][p] of an epoch's inputs */
    double *u_bar;             /* [nodes] */
} scratch;

static int scratch_new(scratch *self, const ph_graph *graph)
{
    const ph_epochs *epochs = graph->epochs;
    size_t x = ph_epochs_nodes(epochs), q = epochs->q;
    double *next = ph_alloc(2 * x + q * (3 + epochs->p) + ph_pool_length(graph->pool),
                            sizeof *next);
    self->block = next;
    self->x = next;
    self->x_bar = self->x + x;
    self->work = self->x_bar + x;
    self->input = self->work + q;
    self->input_bar = self->input + q;
    self->slope = self->input_bar + q;
    self->u_bar = self->slope + q * epochs->p;
    return next ? PH_OK : PH_E_MEMORY;
}

/* d (weight' inputs + time begin of an epoch) / dtheta into to[p]. */
static void differentiate(const ph_epochs *epochs, scratch *at, size_t epoch,
                          const double *weight, double time, double *to)
{
    memset(at->x_bar, 0, ph_epochs_nodes(epochs) * sizeof *at->x_bar);
    memset(to, 0, epochs->p * sizeof *to);
    ph_epochs_gather_plain(epochs, epoch, weight, time, at->x_bar);
    ph_epochs_adjoint_plain(epochs, at->x, at->x_bar, at->work, to);
}

static void fill_slopes(const ph_graph *graph, scratch *at, size_t epoch,
                        const ph_epoch_values *values)
{
    const ph_epochs *epochs = graph->epochs;
    size_t p = epochs->p, q = epochs->q, nodes = values->nodes;
    double *u_slope = values->u_slope + epoch * p * nodes;
    memset(at->input_bar, 0, q * sizeof *at->input_bar);
    differentiate(epochs, at, epoch, at->input_bar, 1, values->begin_slope + epoch * p);
    for (size_t k = 0; k < q; k++) {
        at->input_bar[k] = 1;
        differentiate(epochs, at, epoch, at->input_bar, 0, at->slope + k * p);
        at->input_bar[k] = 0;
    }
    memset(u_slope, 0, p * nodes * sizeof *u_slope);
    for (size_t use = 0; use < graph->n_used; use++) {
        uint32_t node = graph->used[use];
        memset(at->u_bar, 0, nodes * sizeof *at->u_bar);
        memset(at->input_bar, 0, q * sizeof *at->input_bar);
        at->u_bar[node] = 1;
        ph_pool_adjoint_plain(graph->pool, values->u + epoch * nodes, at->u_bar,
                              at->input_bar);
        for (size_t k = 0; k < q; k++) {
            for (size_t m = 0; m < p && at->input_bar[k] != 0; m++) {
                u_slope[m * nodes + node] += at->input_bar[k] * at->slope[k * p + m];
            }
        }
    }
}

int ph_epoch_values_fill(const ph_graph *graph, const double *theta, int slopes,
                         double *array)
{
    const ph_epochs *epochs = graph->epochs;
    ph_epoch_values values = ph_epoch_values_at(graph, array);
    scratch at;
    int status = scratch_new(&at, graph);
    if (status != PH_OK) {
        return status;
    }
    ph_epochs_eval_plain(epochs, theta, at.work, at.x);
    for (size_t e = 0; e < epochs->n; e++) {
        double *begin = values.begin + e;
        *begin = at.x[epochs->begin[e]];
        if (!isfinite(*begin) || (e > 0 && !(*begin > begin[-1]))) {
            status = PH_E_NUMERIC;
        }
        ph_epochs_input_plain(epochs, at.x, e, at.input);
        ph_pool_eval_plain(graph->pool, at.input, values.u + e * values.nodes);
        if (slopes) {
            fill_slopes(graph, &at, e, &values);
        }
    }
    free(at.block);
    return status;
}
