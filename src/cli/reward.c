/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --reward NAME: the process whose total is asked for, or was observed. */
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "phasic/base/memory.h"
#include "phasic/dist/reward.h"

const char *ph_reward_label(const ph_model *model, long reward)
{
    return reward < 0 ? "time" : model->rewards[reward].name;
}

static int unknown_reward(const ph_model *model, const char *typed, ph_error *error)
{
    size_t n = model->n_rewards + 1;
    const char **known = ph_alloc(n, sizeof *known);
    if (!known) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    for (size_t k = 0; k < n; k++) {
        known[k] = ph_reward_label(model, (long)k - 1);
    }
    const char *near = ph_nearest_name(typed, known, n);
    ph_error_place(error, "--reward");
    (void)ph_error_set(error, PH_E_USAGE, "the model has no reward '%s'%s%s%s", typed,
                       near ? ", did you mean '" : "", near ? near : "",
                       near ? "'?" : "");
    free(known);
    return PH_E_USAGE;
}

static int find_one(const ph_model *model, const char *typed, long *reward,
                    ph_error *error)
{
    *reward = strcmp(typed, "time") == 0 ? -1 : ph_model_reward(model, typed);
    return *reward >= 0 || strcmp(typed, "time") == 0
               ? PH_OK
               : unknown_reward(model, typed, error);
}

int ph_reward_list(const ph_model *model, const char *names, long *reward,
                   size_t *length, ph_error *error)
{
    char *copy = ph_strdup(names), *rest = copy;
    int status = copy ? PH_OK : ph_error_set(error, PH_E_MEMORY, "out of memory");
    *length = 0;
    while (rest && status == PH_OK) {
        const char *typed = strsep(&rest, ",");
        long found = -1;
        status = find_one(model, typed, &found, error);
        for (size_t i = 0; i < *length && status == PH_OK; i++) {
            if (reward[i] == found) {
                ph_error_place(error, "--reward");
                status = ph_error_set(error, PH_E_USAGE, "gives '%s' twice", typed);
            }
        }
        if (status == PH_OK) {
            reward[(*length)++] = found;
        }
    }
    free(copy);
    return status;
}

int ph_reward_find(ph_job *self, ph_app *app)
{
    const char *name = ph_options_text(&app->options, "reward");
    self->reward = -1;
    return name ? find_one(self->model, name, &self->reward, &app->error) : PH_OK;
}

const char *ph_reward_name(const ph_job *self)
{
    return ph_reward_label(self->model, self->reward);
}

int ph_reward_check_data(const ph_job *self, ph_app *app)
{
    for (size_t k = 0; k < self->data->n_parts && self->reward >= 0; k++) {
        size_t column = self->data->part[k].reward;
        if (column > 0 && (long)column - 1 != self->reward) {
            const char *name = self->model->rewards[column - 1].name;
            ph_error_file(&app->error, self->data->file);
            ph_error_place(&app->error, "column '%s'", name);
            return ph_error_set(&app->error, PH_E_USAGE,
                                "the data hold totals of another reward than --reward "
                                "%s; leave --reward out to use them, or pass "
                                "--ignore-columns %s",
                                ph_reward_name(self), name);
        }
    }
    return PH_OK;
}

int ph_reward_plan(ph_plan **plan, const ph_graph *graph, const ph_model *model,
                   long reward, size_t max_states, ph_error *error)
{
    if (reward < 0) {
        int status = ph_plan_new(plan, graph);
        return status == PH_OK ? PH_OK : ph_error_set(error, status, "out of memory");
    }
    double *amount = ph_alloc(graph->n, sizeof *amount);
    if (!amount) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    int status = ph_graph_reward(graph, model, reward, amount, error);
    if (status == PH_OK) {
        status = ph_plan_new_reward(plan, graph, model, amount, max_states, error);
    }
    if (status == PH_E_MODEL) {
        ph_error_place(error, "/rewards/%s", model->rewards[reward].name);
    }
    free(amount);
    return status;
}
