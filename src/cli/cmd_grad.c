/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * phasic grad: is the gradient right? The adjoint's derivatives are compared with
 * extrapolated differences of values alone. The error is measured against the size of
 * the derivative, plus 1e-4 of the natural scale max(|value|, N) / |theta|: near a mode
 * derivatives are sums that cancel, and rounding of the values is all that is left of
 * them. An error of 1e-5 in a derivative that matters, or a flipped sign, fails.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "moment_set.h"
#include "phasic/base/memory.h"
#include "phasic/report/table.h"
#include "ridders.h"

#define STEP 0.05 /* first step, of the parameter's scale */

/* clang-format off */
const ph_option ph_grad_options[] = {
    {"at", 0, PH_OPTION_TEXT, "T,...", NULL, 0, 0, 0,
     "check the log density at these points too"},
    {"moments", 0, PH_OPTION_WHOLE, "K", NULL, 1, 150, 0,
     "check the moments of time and rewards up to this order\ntoo"},
    {"tolerance", 0, PH_OPTION_REAL, "X", "1e-6", 1e-12, 1, 0,
     "largest relative error that passes"},
    PH_OPTION_REWARD,
    PH_OPTION_IGNORE,
    PH_OPTION_GROUP,
    PH_OPTION_ENGINE,
    PH_OPTION_END};
/* clang-format on */

typedef struct check {
    const char *quantity; /* "log_likelihood", "log_pdf" or "moment" */
    double at;            /* point of log_pdf */
    const char *reward;   /* of a moment */
    size_t order;
    size_t parameter;
    double analytic, numeric, numeric_error, relative_error;
} check;

/* A scalar function of theta, and what it takes to evaluate it. */
typedef struct subject {
    ph_app *app;
    const ph_job *job;
    ph_lik_work *work;
    int is_pdf;
    double at;
    double *theta;    /* [p], changed and restored by the differences */
    double *gradient; /* [p] */
    size_t parameter; /* the one that varies */
    double weight;    /* number of observations, 1 for a point, 0 for a moment */
    ph_moment_set set;
    size_t orders, reward,
        order; /* moments: 1..orders; the one at hand, order 0: none */
    size_t n_checks;
    check *checks;
} subject;

static int evaluate_moment(subject *self, double *value, double *gradient)
{
    size_t p = self->job->model->n_parameters;
    size_t most = self->orders > 2 ? self->orders : 2;
    const ph_moments_value *it = self->set.value;
    int status = ph_moment_set_eval(&self->set, self->theta, p, &self->app->error);
    if (status == PH_OK) {
        *value = it->raw[self->reward * most + self->order - 1];
    }
    for (size_t k = 0; k < p && gradient && status == PH_OK; k++) {
        gradient[k] =
            it->d_raw[(self->reward * it->gradient + self->order - 1) * p + k];
    }
    return status;
}

static int evaluate(subject *self, double *value, double *gradient)
{
    ph_engine engine = ph_job_engine(self->app);
    if (self->order > 0) {
        return evaluate_moment(self, value, gradient);
    }
    if (self->is_pdf) {
        return ph_points(self->job->plan, engine, self->theta, 1, &self->at, value,
                         NULL, gradient, NULL, &self->app->error);
    }
    return ph_job_loglik(self->job, engine, self->work, self->theta, value, gradient,
                         &self->app->error);
}

static int vary(void *context, double x, double *value)
{
    subject *self = context;
    double kept = self->theta[self->parameter];
    self->theta[self->parameter] = x;
    int status = evaluate(self, value, NULL);
    self->theta[self->parameter] = kept;
    return status;
}

/* A first step that stays well inside the support. */
static double first_step(const ph_parameter *parameter, double x)
{
    double step = STEP * (x != 0 ? fabs(x) : 1);
    double room = fmin(x - parameter->lower, parameter->upper - x);
    return fmin(step, 0.5 * room);
}

static int check_parameter(subject *self, size_t k, double value)
{
    double x = self->theta[k];
    double step = first_step(&self->job->model->parameters[k], x);
    if (step <= 0) {
        ph_error_place(&self->app->error, "%s", self->job->model->parameters[k].name);
        return ph_error_set(
            &self->app->error, PH_E_USAGE,
            "stands on the edge of its support, where it cannot be varied");
    }
    check *c = &self->checks[self->n_checks];
    c->quantity = self->order > 0 ? "moment"
                  : self->is_pdf  ? "log_pdf"
                                  : "log_likelihood";
    c->at = self->at;
    c->reward = self->order > 0 ? self->set.name[self->reward] : NULL;
    c->order = self->order;
    c->parameter = self->parameter = k;
    c->analytic = self->gradient[k];
    int status = ph_ridders(vary, self, x, step, &c->numeric, &c->numeric_error);
    if (status != PH_OK) {
        ph_error_place(&self->app->error, "%s", self->job->model->parameters[k].name);
        return ph_error_set(&self->app->error, status,
                            "the value is not finite near this parameter's value");
    }
    /* a moment that is 0 has no scale of its own */
    double weight = self->weight > 0 || value != 0 ? self->weight : 1;
    c->relative_error = ph_gradient_error(c->analytic, c->numeric, value, weight, x);
    self->n_checks++;
    return PH_OK;
}

static int check_subject(subject *self)
{
    double value;
    int status = evaluate(self, &value, self->gradient);
    if (status == PH_OK && !isfinite(value)) {
        status = ph_error_set(&self->app->error, PH_E_NUMERIC,
                              "the %s here and has no gradient",
                              self->order > 0 ? "moment is not finite"
                              : self->is_pdf  ? "log density is minus infinity"
                                              : "log-likelihood is minus infinity");
    }
    for (size_t k = 0; k < self->job->model->n_parameters && status == PH_OK; k++) {
        status = check_parameter(self, k, value);
    }
    return status;
}

static int check_all(subject *self, size_t n, const double *at)
{
    int status = PH_OK;
    if (self->job->lik) {
        self->weight = self->job->data->total_weight;
        status = ph_lik_work_new_engine(&self->work, self->job->lik,
                                        ph_job_engine(self->app));
        status = status == PH_OK ? check_subject(self) : status;
    }
    self->is_pdf = 1;
    self->weight = 1;
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        self->at = at[i];
        status = check_subject(self);
    }
    self->weight = 0;
    for (self->reward = 0; self->reward < self->set.length; self->reward++) {
        for (self->order = 1; self->order <= self->orders && status == PH_OK;
             self->order++) {
            status = check_subject(self);
        }
    }
    return status;
}

/* ---- output ---- */

static double worst_error(const subject *self)
{
    double worst = 0;
    for (size_t i = 0; i < self->n_checks; i++) {
        double e = self->checks[i].relative_error;
        worst = e > worst || isnan(e) ? e : worst;
    }
    return worst;
}

static void print_json(const subject *self, double worst, int pass)
{
    ph_json json;
    ph_json_init(&json, &self->app->out);
    ph_json_object(&json, NULL);
    ph_json_array(&json, "checks");
    for (size_t i = 0; i < self->n_checks; i++) {
        const check *c = &self->checks[i];
        ph_json_object(&json, NULL);
        ph_json_text(&json, "quantity", c->quantity);
        if (strcmp(c->quantity, "log_pdf") == 0) {
            ph_json_number(&json, "at", c->at);
        }
        if (c->order > 0) {
            ph_json_text(&json, "reward", c->reward);
            ph_json_whole(&json, "order", c->order);
        }
        ph_json_text(&json, "parameter",
                     self->job->model->parameters[c->parameter].name);
        ph_json_number(&json, "analytic", c->analytic);
        ph_json_number(&json, "numeric", c->numeric);
        ph_json_number(&json, "numeric_error", c->numeric_error);
        ph_json_number(&json, "relative_error", c->relative_error);
        ph_json_close(&json);
    }
    ph_json_close(&json);
    ph_json_number(&json, "max_relative_error", worst);
    ph_json_boolean(&json, "pass", pass);
    ph_json_close(&json);
}

static void print_table(const subject *self, int csv)
{
    static const char *const head[] = {"quantity", "parameter",     "analytic",
                                       "numeric",  "numeric_error", "relative_error"};
    ph_table table = {.digits = 8};
    for (int i = 0; i < 6; i++) {
        ph_table_head(&table, head[i]);
    }
    for (size_t i = 0; i < self->n_checks; i++) {
        const check *c = &self->checks[i];
        char quantity[256], number[40], at[32];
        snprintf(quantity, sizeof quantity, "%s", c->quantity);
        if (strcmp(c->quantity, "log_pdf") == 0) {
            snprintf(quantity, sizeof quantity, "log_pdf(%s)",
                     ph_double_text(c->at, at));
        }
        if (c->order > 0) {
            snprintf(quantity, sizeof quantity, "moment(%s, %zu)", c->reward, c->order);
        }
        ph_table_text(&table, quantity);
        ph_table_text(&table, self->job->model->parameters[c->parameter].name);
        ph_table_number(&table, c->analytic);
        ph_table_number(&table, c->numeric);
        if (csv) {
            ph_table_number(&table, c->numeric_error);
            ph_table_number(&table, c->relative_error);
        } else {
            ph_table_text(&table, ph_number_text(c->numeric_error, 2, 0, number));
            ph_table_text(&table, ph_number_text(c->relative_error, 2, 0, number));
        }
    }
    if (csv) {
        ph_table_write_csv(&table, &self->app->out);
    } else {
        ph_table_write_text(&table, &self->app->out);
    }
    ph_table_free(&table);
}

static int report(const subject *self)
{
    ph_app *app = self->app;
    const char *format = ph_options_text(&app->options, "format");
    double tolerance = ph_options_real(&app->options, "tolerance");
    double worst = worst_error(self);
    int pass = worst <= tolerance;
    if (strcmp(format, "json") == 0) {
        print_json(self, worst, pass);
    } else {
        print_table(self, strcmp(format, "csv") == 0);
    }
    if (pass) {
        return PH_OK;
    }
    char error[40], limit[40];
    return ph_error_set(&app->error, PH_E_VERDICT,
                        "analytic and numeric gradient disagree: the largest relative "
                        "error is %s, more than %s",
                        ph_number_text(worst, 2, 0, error),
                        ph_number_text(tolerance, 2, 0, limit));
}

int ph_cmd_grad(ph_app *app)
{
    ph_job job = {0};
    subject self = {.app = app, .job = &job};
    const char *list = ph_options_text(&app->options, "at");
    double *at = NULL;
    size_t n = 0, p = 0;
    int needs =
        PH_JOB_THETA | PH_JOB_REWARD | (app->options.n_arguments > 1 ? PH_JOB_DATA : 0);
    int status = PH_OK;
    self.orders = (size_t)ph_options_whole(&app->options, "moments");
    if (!list && self.orders == 0 && app->options.n_arguments < 2) {
        return ph_error_set(&app->error, PH_E_USAGE,
                            "expects DATA, points of the density with --at, or an "
                            "order with --moments");
    }
    if (list) {
        status = ph_points_list(list, &at, &n, &app->error);
        if (status != PH_OK) {
            ph_error_place(&app->error, "--at");
        }
    }
    if (status == PH_OK) {
        status = ph_job_load(&job, app, needs);
    }
    if (status == PH_OK) {
        status = ph_points_check(n, at, job.model->discrete, &app->error);
    }
    if (status == PH_OK && self.orders > 0) {
        size_t orders = self.orders > 2 ? self.orders : 2;
        status = ph_moment_set_new(&self.set, &job, NULL, orders, self.orders,
                                   &app->log, &app->error);
    }
    if (status != PH_OK) {
        goto out;
    }
    p = job.model->n_parameters;
    self.theta = job.theta;
    self.gradient = ph_alloc(p, sizeof *self.gradient);
    self.checks =
        ph_alloc(p * (n + 1 + self.set.length * self.orders), sizeof *self.checks);
    if (!self.gradient || !self.checks) {
        status = ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
        goto out;
    }
    status = check_all(&self, n, at);
    if (status == PH_OK) {
        status = report(&self);
    }
out:
    ph_job_name_outside(&job, &app->error);
    free(self.checks);
    free(self.gradient);
    ph_moment_set_free(&self.set);
    if (self.work) {
        ph_tally tally = {0};
        ph_lik_work_tally(self.work, &tally);
        ph_tally_divide(&tally);
        ph_job_tell_engines(app, &tally);
    }
    ph_lik_work_free(self.work);
    free(at);
    ph_job_free(&job);
    return status;
}
