/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_MODEL_EPOCHS_H
#define PHASIC_MODEL_EPOCHS_H

#include <stddef.h>
#include <stdint.h>

#include "phasic/model/model.h"
#include "phasic/model/pool.h"
#include "phasic/num/lanes.h"

/*
 * Epochs as functions of the parameters: when each begins, and the inputs (parameters
 * and varying constants, see model.h) that the rates have in it. Epoch 0 begins at time
 * 0 with the model's own values; what an epoch sets holds until a later one sets it
 * again. Values of epochs are expressions in the model's own values, whatever earlier
 * epochs set. Immutable, shared by threads.
 *
 * Inputs of the pool: p = n_parameters parameters and the varying constants, q in all.
 */
typedef struct ph_epochs {
    size_t n;        /* epochs, >= 2 */
    size_t p, q;     /* parameters of the model; inputs */
    double *varying; /* [q - p] own values of the varying constants */
    ph_pool *pool;   /* over the q inputs at their own values */
    uint32_t *begin; /* [n] node of each epoch's first time; that of epoch 0 is 0 */
    uint32_t *input; /* [n][q] node of every input in every epoch */
} ph_epochs;

/*
 * *self is NULL for a model without epochs. PH_E_MODEL (place, found, expected) where a
 * value is not finite, or lies outside a parameter's support whatever theta is.
 */
int ph_epochs_new(ph_epochs **self, const ph_model *model, ph_error *error);
void ph_epochs_free(ph_epochs *self);

/* The range of every input over all epochs and all theta: lower[q], upper[q]. */
void ph_epochs_range(const ph_epochs *self, double *lower, double *upper);

/*
 * For a block: theta[p][PH_LANES] -> x[nodes][PH_LANES], the values of all nodes; the
 * nodes of ph_epochs.begin and .input are read from x. `work`[q][PH_LANES] is scratch.
 * Times of epochs that do not increase (or are not finite) are the caller's to notice:
 * such a theta is outside the model.
 */
size_t ph_epochs_nodes(const ph_epochs *self);
void ph_epochs_eval(const ph_epochs *self, const double *theta, double *work,
                    double *x);
/* input[q][PH_LANES] of one epoch. */
void ph_epochs_input(const ph_epochs *self, const double *x, size_t epoch,
                     double *input);

/*
 * The way back: ph_epochs_gather adds an epoch's input_bar[q][PH_LANES] and
 * begin_bar[PH_LANES] to x_bar[nodes][PH_LANES] (zero it first), and when all epochs
 * are in, ph_epochs_adjoint adds to theta_bar[p][PH_LANES] (x_bar is overwritten).
 */
void ph_epochs_gather(const ph_epochs *self, size_t epoch, const double *input_bar,
                      const double *begin_bar, double *x_bar);
void ph_epochs_adjoint(const ph_epochs *self, const double *x, double *x_bar,
                       double *work, double *theta_bar);

/* Plain twins: one parameter vector, theta[p], x[nodes], input[q]. */
void ph_epochs_eval_plain(const ph_epochs *self, const double *theta, double *work,
                          double *x);
void ph_epochs_input_plain(const ph_epochs *self, const double *x, size_t epoch,
                           double *input);
void ph_epochs_gather_plain(const ph_epochs *self, size_t epoch,
                            const double *input_bar, double begin_bar, double *x_bar);
void ph_epochs_adjoint_plain(const ph_epochs *self, const double *x, double *x_bar,
                             double *work, double *theta_bar);

#endif
