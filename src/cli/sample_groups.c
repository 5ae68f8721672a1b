/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many observations of which group: -n N, or -n LABEL=N,... for the groups of a
 * model and for the values that --group gives a constant.
 */
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/base/names.h"
#include "sample_groups.h"

#define MOST 4294967295.0 /* observations are numbered with 32 bits */

static int read_count(const char *text, size_t length, size_t *n, ph_error *error)
{
    double value = 0;
    int status = ph_double_read(text, length, &value);
    if (status != PH_OK || !(value >= 1 && value <= MOST) ||
        value != (double)(size_t)value) {
        ph_error_place(error, "--observations");
        ph_error_found(error, text, (long)length);
        return ph_error_set(error, PH_E_USAGE,
                            "expects a whole number from 1 to 4294967295");
    }
    *n = (size_t)value;
    return PH_OK;
}

static int fail_at(const char *text, size_t length, ph_error *error)
{
    ph_error_place(error, "--observations");
    ph_error_found(error, text, (long)length);
    return PH_E_USAGE;
}

/* Labels may hold commas and '=': the longest that stands here with a '=' is meant. */
static const ph_group *find_label(const ph_model *model, const char *text,
                                  size_t *length)
{
    const ph_group *found = NULL;
    *length = 0;
    for (size_t g = 0; g < model->n_groups; g++) {
        size_t n = strlen(model->groups[g].label);
        if (strncmp(text, model->groups[g].label, n) == 0 && text[n] == '=' &&
            (!found || n > *length)) {
            found = &model->groups[g];
            *length = n;
        }
    }
    return found;
}

static int unknown_label(const ph_model *model, const char *text, size_t length,
                         ph_error *error)
{
    char *typed = ph_strndup(text, length);
    const char **known = ph_alloc(model->n_groups, sizeof *known);
    int status = PH_E_MEMORY;
    if (typed && known) {
        for (size_t g = 0; g < model->n_groups; g++) {
            known[g] = model->groups[g].label;
        }
        const char *near = ph_nearest_name(typed, known, model->n_groups);
        status = fail_at(text, length, error);
        (void)ph_error_set(error, status, "the model has no group of this name%s%s%s",
                           near ? "; did you mean '" : "", near ? near : "",
                           near ? "'?" : "");
    }
    free(known);
    free(typed);
    return status;
}

/* One LABEL=: the group's number and label; *used counts what was read. */
static int read_label(const ph_job *job, const char *text, size_t place,
                      ph_sample_group *it, size_t *used, ph_error *error)
{
    char number[32];
    double value;
    const ph_model *model = job->model;
    if (!job->group_column) {
        const ph_group *group = find_label(model, text, used);
        if (!group) {
            return unknown_label(model, text, strcspn(text, "="), error);
        }
        it->group = (size_t)(group - model->groups);
        it->label = ph_strdup(group->label);
        return it->label ? PH_OK : PH_E_MEMORY;
    }
    *used = strcspn(text, "=");
    if (ph_double_read(text, *used, &value) != PH_OK) {
        (void)fail_at(text, *used, error);
        return ph_error_set(error, PH_E_USAGE,
                            "is no number, the value of the constant that --group "
                            "names");
    }
    it->group = place;
    it->label = ph_strdup(ph_double_text(value, number));
    return it->label ? PH_OK : PH_E_MEMORY;
}

static int check_twice(const ph_sample_groups *self, const char *text, size_t length,
                       ph_error *error)
{
    const char *last = self->group[self->length - 1].label;
    for (size_t k = 0; k + 1 < self->length; k++) {
        if (strcmp(self->group[k].label, last) == 0) {
            (void)fail_at(text, length, error);
            return ph_error_set(error, PH_E_USAGE, "names this group twice");
        }
    }
    return PH_OK;
}

static int read_pairs(ph_sample_groups *self, const ph_job *job, const char *text,
                      ph_error *error)
{
    for (;;) {
        size_t label, capacity = self->length;
        if (ph_grow(&self->group, &capacity, self->length + 1, sizeof *self->group)) {
            return PH_E_MEMORY;
        }
        ph_sample_group *it = &self->group[self->length];
        memset(it, 0, sizeof *it);
        int status = read_label(job, text, self->length, it, &label, error);
        if (status != PH_OK) {
            return status;
        }
        self->length++;
        if ((status = check_twice(self, text, label, error)) != PH_OK) {
            return status;
        }
        text += label + 1;
        size_t count = strcspn(text, ",");
        status = read_count(text, count, &it->n, error);
        if (status != PH_OK || text[count] == '\0') {
            return status;
        }
        text += count + 1;
    }
}

/* -n N: as many of each group, or of the model where it has none. */
static int set_each(ph_sample_groups *self, const ph_job *job, const char *text,
                    ph_error *error)
{
    const ph_model *model = job->model;
    size_t n = 0, groups = model->n_groups;
    int status = read_count(text, strlen(text), &n, error);
    if (status == PH_OK && job->group_column) {
        (void)fail_at(text, strlen(text), error);
        return ph_error_set(error, PH_E_USAGE,
                            "expects VALUE=N,... with the values of the constant that "
                            "--group names");
    }
    if (status != PH_OK) {
        return status;
    }
    self->group = ph_alloc(groups ? groups : 1, sizeof *self->group);
    self->length = self->group ? groups ? groups : 1 : 0;
    status = self->group ? PH_OK : PH_E_MEMORY;
    for (size_t g = 0; g < self->length && status == PH_OK; g++) {
        self->group[g] = (ph_sample_group){NULL, g, n};
        self->group[g].label = groups ? ph_strdup(model->groups[g].label) : NULL;
        status = groups && !self->group[g].label ? PH_E_MEMORY : PH_OK;
    }
    return status;
}

int ph_sample_groups_read(ph_sample_groups *self, const ph_job *job, const char *text,
                          ph_error *error)
{
    int named = job->group_column || job->model->n_groups > 0;
    int pairs = strchr(text, '=') != NULL, status = PH_E_USAGE;
    memset(self, 0, sizeof *self);
    if (pairs && !named) {
        (void)fail_at(text, -1, error);
        (void)ph_error_set(error, status,
                           "expects a number: the model has no \"groups\", and --group "
                           "is not given");
    } else {
        status = pairs ? read_pairs(self, job, text, error)
                       : set_each(self, job, text, error);
    }
    self->streams = job->group_column ? self->length : job->model->n_groups;
    self->streams += self->streams == 0;
    for (size_t k = 0; k < self->length && status == PH_OK; k++) {
        if ((double)self->group[k].n * (double)self->streams > MOST) {
            ph_error_place(error, "--observations");
            status = ph_error_set(error, PH_E_USAGE,
                                  "%zu observations of each of %zu groups are more "
                                  "than 4294967295",
                                  self->group[k].n, self->streams);
        }
    }
    if (status == PH_E_MEMORY) {
        (void)ph_error_set(error, status, "out of memory");
    }
    return status;
}

void ph_sample_groups_free(ph_sample_groups *self)
{
    for (size_t k = 0; k < self->length; k++) {
        free(self->group[k].label);
    }
    free(self->group);
    memset(self, 0, sizeof *self);
}
