/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * phasic compare: fits of the same data side by side. Blocks of draws are shared among
 * threads; which draws make a block is fixed, so that nothing depends on the threads.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "phasic/base/memory.h"
#include "phasic/report/draws.h"

#define CHUNK       4e7 /* log densities that are held at a time */
#define LEAST_DRAWS 25  /* below, there is no tail to look at */

/* clang-format off */
const ph_option ph_compare_options[] = {
    {"data", 0, PH_OPTION_TEXT, "FILE", NULL, 0, 0, PH_OPTION_READ,
     "where the data lie now, if not where the fits found them"},
    {"no-loo", 0, PH_OPTION_FLAG, NULL, NULL, 0, 0, 0,
     "no cross-validation: evidence and posteriors alone, from\nthe saved files"},
    PH_OPTION_END};
/* clang-format on */

/* ---------------------------------------------------- the fits and their data */

static int refuse(ph_compare_fit *fit, int code, ph_app *app, const char *why)
{
    ph_error_file(&app->error, fit->saved->json_path);
    return ph_error_set(&app->error, code, "%s", why);
}

static int check_same_data(const ph_compare *self, ph_compare_fit *fit)
{
    const ph_saved *first = self->fit[0].saved;
    if (strcmp(first->data.digest, fit->saved->data.digest) == 0) {
        return PH_OK;
    }
    ph_error_found(&self->app->error, fit->saved->data.file, -1);
    char why[400];
    snprintf(why, sizeof why,
             "was made from other data than %.300s: such fits cannot be compared",
             first->json_path);
    return refuse(fit, PH_E_DATA, self->app, why);
}

static int same_observation(const ph_observation *a, const ph_observation *b)
{
    return a->kind == b->kind && a->part == b->part && a->time == b->time &&
           a->upper == b->upper && a->entry == b->entry && a->weight == b->weight;
}

static int same_rows(const ph_data *a, const ph_data *b)
{
    size_t n = a->n_distinct;
    if (n == 0 || n != b->n_distinct || a->row_first[n] != b->row_first[n]) {
        return n == b->n_distinct && n == 0;
    }
    return memcmp(a->row_first, b->row_first, (n + 1) * sizeof *a->row_first) == 0 &&
           memcmp(a->row_member, b->row_member,
                  a->row_first[n] * sizeof *a->row_member) == 0;
}

static int refuse_reading(const ph_compare *self, ph_compare_fit *fit)
{
    return refuse(fit, PH_E_DATA, self->app,
                  "reads the data in another way than the first fit (its groups, "
                  "rewards or ignored columns): such fits cannot be compared");
}

/* Whether `list`, names divided by commas, has all those of `names`. */
static int lists_all(const char *list, const char *names)
{
    for (const char *name = names; *name; name += *name == ',') {
        size_t length = strcspn(name, ",");
        int there = length == 0;
        for (const char *item = list; *item && !there; item += *item == ',') {
            size_t n = strcspn(item, ",");
            there = n == length && memcmp(item, name, n) == 0;
            item += n;
        }
        if (!there) {
            return 0;
        }
        name += length;
    }
    return 1;
}

static const char *setting_or(const ph_saved *saved, const char *name,
                              const char *other)
{
    const char *text = ph_saved_setting_text(saved, name);
    return text ? text : other;
}

/*
 * Whether two fits read the same file alike, by what is saved of them: a column that is
 * not ignored is read, as times, groups or totals, or the fit would not be.
 */
static int check_same_settings(const ph_compare *self, ph_compare_fit *fit)
{
    const ph_saved *a = self->fit[0].saved, *b = fit->saved;
    const char *one = setting_or(a, "ignore-columns", "");
    const char *other = setting_or(b, "ignore-columns", "");
    int same =
        lists_all(one, other) && lists_all(other, one) &&
        strcmp(setting_or(a, "group", "group"), setting_or(b, "group", "group")) == 0 &&
        a->rows == b->rows && a->distinct == b->distinct &&
        a->observations == b->observations;
    return same ? PH_OK : refuse_reading(self, fit);
}

/* Whether two fits read the same file into the same observations. */
static int check_same_reading(const ph_compare *self, ph_compare_fit *fit)
{
    const ph_data *a = self->fit[0].set.job.data, *b = fit->set.job.data;
    int same = a->n == b->n && same_rows(a, b);
    for (size_t i = 0; i < a->n && same; i++) {
        same = same_observation(&a->observation[i], &b->observation[i]);
    }
    return same ? PH_OK : refuse_reading(self, fit);
}

static int check_loo(const ph_compare *self, ph_compare_fit *fit)
{
    if (fit->saved->draws < LEAST_DRAWS) {
        return refuse(fit, PH_E_DATA, self->app,
                      "has fewer than 25 draws, too few for cross-validation; --no-loo "
                      "leaves it out");
    }
    return check_same_reading(self, fit);
}

static int load(ph_compare *self, size_t i)
{
    ph_app *app = self->app;
    ph_compare_fit *fit = &self->fit[i];
    const char *name = app->options.argument[i];
    int status;
    if (self->loo) {
        status = ph_saved_job_load(&fit->set, app, name, NULL,
                                   ph_options_text(&app->options, "data"));
    } else {
        status = ph_saved_read(&fit->set.saved, name, &app->error);
    }
    fit->saved = fit->set.saved;
    self->n_fits = i + 1;
    if (status == PH_OK) {
        status = check_same_data(self, fit);
    }
    if (status != PH_OK) {
        return status;
    }
    return self->loo ? check_loo(self, fit) : check_same_settings(self, fit);
}

/* Other data are said to be so before files are looked for. */
static int check_digests(ph_compare *self)
{
    ph_app *app = self->app;
    ph_saved *first = NULL, *other = NULL;
    int status = ph_saved_read(&first, app->options.argument[0], &app->error);
    self->fit[0].saved = first;
    for (size_t i = 1; i < app->options.n_arguments && status == PH_OK; i++) {
        ph_compare_fit fit = {0};
        status = ph_saved_read(&other, app->options.argument[i], &app->error);
        fit.saved = other;
        status = status == PH_OK ? check_same_data(self, &fit) : status;
        ph_saved_free(other);
        other = NULL;
    }
    ph_saved_free(first);
    self->fit[0].saved = NULL;
    return status;
}

/* -------------------------------------------------------------- log densities */

/* What is left out together: a row. */
static size_t count_rows(const ph_data *data)
{
    return data->n_distinct > 0 ? data->n_distinct : data->n;
}

static double row_weight(const ph_data *data, size_t i)
{
    return data->n_distinct > 0 ? data->row_weight[i] : data->observation[i].weight;
}

typedef struct evaluation {
    const ph_compare_fit *fit;
    size_t p, draws, first, n; /* rows [first, first + n) */
    double *log_density;       /* [n][draws] */
    ph_lik_work **work;        /* [workers] */
    double **block;            /* [workers]: theta, then values */
    double **scratch;          /* [workers][draws] */
} evaluation;

/*
 * The log density of a row in a lane: of its totals the sum, as in the likelihood that
 * the fit was made with. Where rows are observations, `value` begins with the first.
 */
static double row_density(const evaluation *self, size_t i, size_t lane,
                          const double *value)
{
    const ph_data *data = self->fit->set.job.data;
    double sum = 0;
    if (data->n_distinct == 0) {
        return value[i * PH_LANES + lane];
    }
    size_t row = self->first + i;
    for (size_t k = data->row_first[row]; k < data->row_first[row + 1]; k++) {
        sum += value[data->row_member[k] * PH_LANES + lane];
    }
    return sum;
}

/*
 * PH_LANES draws; those that are missing at the end repeat the last one. The totals of
 * a row may stand anywhere among the observations, so all are evaluated.
 */
static int evaluate_block(void *context, size_t block, int worker)
{
    const evaluation *self = context;
    const ph_saved_job *set = &self->fit->set;
    const ph_data *data = set->job.data;
    double *theta = self->block[worker], *value = theta + self->p * PH_LANES;
    size_t first = block * PH_LANES;
    for (size_t l = 0; l < PH_LANES; l++) {
        size_t s = first + l < self->draws ? first + l : self->draws - 1;
        for (size_t m = 0; m < self->p; m++) {
            theta[m * PH_LANES + l] = set->theta[s * self->p + m];
        }
    }
    int all = data->n_distinct > 0;
    int status =
        ph_lik_pointwise(set->job.lik, self->work[worker], data, all ? 0 : self->first,
                         all ? data->n : self->n, theta, value, NULL);
    for (size_t i = 0; i < self->n && status == PH_OK; i++) {
        for (size_t l = 0; l < PH_LANES && first + l < self->draws; l++) {
            self->log_density[i * self->draws + first + l] =
                row_density(self, i, l, value);
        }
    }
    return status;
}

static int leave_out(void *context, size_t i, int worker)
{
    const evaluation *self = context;
    return ph_loo_of_point(self->draws, self->log_density + i * self->draws,
                           self->scratch[worker], &self->fit->point[self->first + i]);
}

static int evaluate_chunk(evaluation *self)
{
    const ph_device *device = &self->fit->set.job.device;
    size_t blocks = (self->draws + PH_LANES - 1) / PH_LANES;
    int status = ph_device_run(device, blocks, evaluate_block, self);
    return status == PH_OK ? ph_device_run(device, self->n, leave_out, self) : status;
}

static int reserve(evaluation *self, size_t workers, size_t chunk)
{
    const ph_data *data = self->fit->set.job.data;
    size_t values = data->n_distinct > 0 ? data->n : chunk;
    self->work = ph_alloc(workers, sizeof *self->work);
    self->block = ph_alloc(workers, sizeof *self->block);
    self->scratch = ph_alloc(workers, sizeof *self->scratch);
    self->log_density = ph_alloc(chunk * self->draws, sizeof *self->log_density);
    if (!self->work || !self->block || !self->scratch || !self->log_density) {
        return PH_E_MEMORY;
    }
    int status = PH_OK;
    for (size_t w = 0; w < workers && status == PH_OK; w++) {
        self->block[w] =
            ph_alloc_aligned((self->p + values) * PH_LANES, sizeof **self->block);
        self->scratch[w] = ph_alloc(self->draws, sizeof **self->scratch);
        status = self->block[w] && self->scratch[w]
                     ? ph_lik_work_new(&self->work[w], self->fit->set.job.lik)
                     : PH_E_MEMORY;
    }
    return status;
}

static void release(evaluation *self, size_t workers)
{
    for (size_t w = 0; w < workers; w++) {
        if (self->work) {
            ph_lik_work_free(self->work[w]);
        }
        if (self->block) {
            ph_free_aligned(self->block[w]);
        }
        if (self->scratch) {
            free(self->scratch[w]);
        }
    }
    free(self->work);
    free(self->block);
    free(self->scratch);
    free(self->log_density);
}

/* A chunk of rows at a time, so that memory stays bounded. */
static int cross_validate(ph_compare_fit *fit, const double *weight, ph_error *error)
{
    size_t n = count_rows(fit->set.job.data), draws = fit->saved->draws;
    size_t workers = (size_t)ph_device_workers(&fit->set.job.device);
    size_t most = (size_t)fmax(CHUNK / (double)draws, 1), chunk = n < most ? n : most;
    evaluation it = {.fit = fit, .p = fit->saved->n_parameters, .draws = draws};
    fit->point = ph_alloc(n, sizeof *fit->point);
    int status = fit->point ? reserve(&it, workers, chunk) : PH_E_MEMORY;
    for (it.first = 0; it.first < n && status == PH_OK; it.first += chunk) {
        it.n = n - it.first < chunk ? n - it.first : chunk;
        status = evaluate_chunk(&it);
    }
    release(&it, workers);
    if (status != PH_OK) {
        return ph_error_set(error, status, "out of memory");
    }
    ph_loo_sum(n, fit->point, weight, draws, ph_draws_effective(fit->saved), &fit->sum);
    return PH_OK;
}

/* ---------------------------------------------------------------- the result */

static int by_elpd(const void *a, const void *b)
{
    const ph_compare_fit *x = a, *y = b;
    if (x->sum.elpd != y->sum.elpd) {
        return x->sum.elpd > y->sum.elpd ? -1 : 1;
    }
    return x->number < y->number ? -1 : 1;
}

/* Best first; differences are against the best. */
static void rank(ph_compare *self, const double *weight)
{
    size_t n = count_rows(self->fit[0].set.job.data);
    qsort(self->fit, self->n_fits, sizeof *self->fit, by_elpd);
    for (size_t i = 1; i < self->n_fits; i++) {
        ph_loo_difference(n, self->fit[i].point, self->fit[0].point, weight,
                          &self->fit[i].difference, &self->fit[i].difference_se);
    }
}

static void warn(const ph_compare *self)
{
    for (size_t i = 0; i < self->n_fits; i++) {
        const ph_compare_fit *fit = &self->fit[i];
        if (self->loo && fit->sum.bad > 0) {
            ph_talk_warn(&self->app->talk,
                         "%s: Pareto k is above %.2g for %.10g of %.10g observations; "
                         "elpd_loo is not reliable",
                         fit->saved->prefix, fit->sum.good_k, fit->sum.bad,
                         fit->sum.observations);
        }
        if (!fit->saved->converged) {
            ph_talk_warn(&self->app->talk, "%s has not converged", fit->saved->prefix);
        }
    }
}

static int compute(ph_compare *self)
{
    const ph_data *data = self->fit[0].set.job.data;
    ph_error *error = &self->app->error;
    size_t n = count_rows(data);
    double *weight = ph_alloc(n, sizeof *weight);
    int status = weight ? PH_OK : ph_error_set(error, PH_E_MEMORY, "out of memory");
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        weight[i] = row_weight(data, i);
    }
    for (size_t k = 0; k < self->n_fits && status == PH_OK; k++) {
        status = cross_validate(&self->fit[k], weight, error);
    }
    if (status == PH_OK) {
        rank(self, weight);
    }
    free(weight);
    return status;
}

int ph_cmd_compare(ph_app *app)
{
    size_t n = app->options.n_arguments;
    ph_compare self = {.app = app, .loo = !ph_options_flag(&app->options, "no-loo")};
    int status = PH_OK;
    self.fit = ph_alloc(n, sizeof *self.fit);
    if (!self.fit) {
        status = ph_error_set(&app->error, PH_E_MEMORY, "out of memory");
    }
    if (status == PH_OK) {
        status = check_digests(&self);
    }
    for (size_t i = 0; i < n && status == PH_OK; i++) {
        self.fit[i].number = i;
        status = load(&self, i);
    }
    if (status == PH_OK && self.loo) {
        status = compute(&self);
    }
    if (status == PH_OK) {
        warn(&self);
        status = ph_compare_print(&self);
    }
    for (size_t i = 0; i < self.n_fits; i++) {
        ph_saved_job_free(&self.fit[i].set);
        free(self.fit[i].point);
    }
    free(self.fit);
    return status;
}
