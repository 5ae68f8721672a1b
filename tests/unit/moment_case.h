/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TESTS_MOMENT_CASE_H
#define PHASIC_TESTS_MOMENT_CASE_H

/* Moments of a process: time first, then the model's rewards in order. */

#include "phasic/base/memory.h"
#include "phasic/moment/moments.h"
#include "process.h"

typedef struct moment_case {
    process it;
    ph_trace *trace;
    ph_moments *moments;
    ph_moments_value *value; /* plain, one parameter vector */
    double *work;            /* of the queries */
    size_t rewards, order, p;
} moment_case;

static inline moment_case moment_case_new(process it, size_t order, size_t gradient)
{
    moment_case self = {.it = it, .order = order};
    size_t n = it.graph->n;
    self.rewards = it.model->n_rewards + 1;
    self.p = it.model->n_parameters;
    double *amount = ph_alloc(self.rewards * n, sizeof *amount);
    for (size_t a = 0; a < self.rewards; a++) {
        assert_int_equal(
            ph_graph_reward(it.graph, it.model, (long)a - 1, amount + a * n, NULL), 0);
    }
    assert_int_equal(ph_trace_record(&self.trace, it.graph, NULL, NULL), 0);
    assert_int_equal(ph_moments_new(&self.moments, it.graph, self.trace, self.rewards,
                                    amount, order),
                     0);
    free(amount);
    assert_int_equal(ph_moments_value_new(&self.value, self.moments, 1, gradient), 0);
    self.work = ph_alloc(ph_moments_query_work(self.moments), sizeof(double));
    return self;
}

static inline void moment_case_free(moment_case *self)
{
    free(self->work);
    ph_moments_value_free(self->value);
    ph_moments_free(self->moments);
    ph_trace_free(self->trace);
    process_free(&self->it);
}

static inline void moment_case_eval(moment_case *self, const double *theta)
{
    for (size_t m = 0; m < self->p; m++) {
        self->value->theta[m] = theta[m];
    }
    assert_int_equal(ph_moments_eval(self->moments, self->value), 0);
}

static inline double raw(const moment_case *self, size_t a, size_t r)
{
    return self->value->raw[a * self->order + r - 1];
}

static inline double cov(const moment_case *self, size_t a, size_t b)
{
    return self->value->covariance[a * self->rewards + b];
}

static inline double d_raw(const moment_case *self, size_t a, size_t r, size_t m)
{
    return self->value->d_raw[(a * self->value->gradient + r - 1) * self->p + m];
}

static inline double d_cov(const moment_case *self, size_t a, size_t b, size_t m)
{
    return self->value->d_covariance[(a * self->rewards + b) * self->p + m];
}

static inline double defect(const moment_case *self, size_t a)
{
    return ph_moments_defect(self->moments, a, self->value->u, self->work);
}

#endif
