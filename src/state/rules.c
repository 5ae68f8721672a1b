/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transitions as rules: loops, condition, rate, then the target state. The rate comes
 * first because a transition whose rate is zero in a state does not exist there, and
 * its target need not make sense.
 */
#include <math.h>
#include <string.h>

#include "search.h"

#define MAX_LOOPS 16

static int bad(ph_search *self, const char *target, const char *what, double value)
{
    return ph_error_set(self->error, PH_E_MODEL, "'%s' %s (%.17g)", target, what,
                        value);
}

/* The flat position of an assignment's target. */
static int find_entry(ph_search *self, const ph_assignment *assignment,
                      const ph_env *env, size_t *entry)
{
    const ph_state_variable *variable = &self->model->variables[assignment->variable];
    size_t offset = 0;
    for (size_t k = 0; k < assignment->n_indices; k++) {
        double index;
        int status = ph_expr_value(assignment->index[k], env, &index, self->error);
        if (status != PH_OK) {
            return status;
        }
        if (index != floor(index) || index < 0 ||
            index >= (double)variable->extent[k]) {
            return ph_error_set(self->error, PH_E_MODEL,
                                "index %.17g of '%s' lies outside 0..%zu", index,
                                assignment->text, variable->extent[k] - 1);
        }
        offset = offset * variable->extent[k] + (size_t)index;
    }
    *entry = variable->first + offset;
    return PH_OK;
}

/* Applies one assignment to self->next; mark is 1 for change, 2 for set. */
static int assign(ph_search *self, const ph_assignment *assignment, const ph_env *env,
                  uint8_t mark)
{
    size_t entry = 0;
    double value = 0;
    int status = find_entry(self, assignment, env, &entry);
    if (status == PH_OK) {
        status = ph_expr_value(assignment->value, env, &value, self->error);
    }
    if (status != PH_OK) {
        return status;
    }
    if (value != floor(value)) {
        return bad(self, assignment->text, "would not be a whole number", value);
    }
    if (self->touched[entry] & (mark == 1 ? 2 : 3)) {
        return ph_error_set(self->error, PH_E_MODEL,
                            "'%s' is assigned twice, or both changed and set",
                            assignment->text);
    }
    self->touched[entry] |= mark;
    double result = mark == 1 ? (double)self->next[entry] + value : value;
    if (result > INT32_MAX || result < INT32_MIN) {
        return bad(self, assignment->text, "would leave the range of 32-bit integers",
                   result);
    }
    self->next[entry] =
        (int32_t)result; /* a sum of changes may dip below 0 meanwhile */
    return PH_OK;
}

/* The target state of a transition into self->next. */
static int move(ph_search *self, const ph_transition *transition, const ph_env *env)
{
    memcpy(self->next, env->state, self->n_entries * sizeof *self->next);
    memset(self->touched, 0, self->n_entries);
    int status = PH_OK;
    for (size_t k = 0; k < transition->n_changes && status == PH_OK; k++) {
        status = assign(self, &transition->changes[k], env, 1);
    }
    for (size_t k = 0; k < transition->n_sets && status == PH_OK; k++) {
        status = assign(self, &transition->sets[k], env, 2);
    }
    for (size_t e = 0; e < self->n_entries && status == PH_OK; e++) {
        if (self->next[e] < 0) {
            char text[256];
            status = ph_error_set(
                self->error, PH_E_MODEL,
                "a state entry would become negative: the transition leads to %s",
                ph_key_text(self->model, self->next, text, sizeof text));
        }
    }
    return status;
}

/* One transition at fixed loop variables. */
static int fire(ph_search *self, const ph_transition *transition, const ph_env *env)
{
    if (transition->when) {
        double holds;
        int status = ph_expr_value(transition->when, env, &holds, self->error);
        if (status != PH_OK || holds == 0) {
            return status;
        }
    }
    int status =
        ph_expr_linear(transition->rate, env, self->pool, &self->form, self->error);
    if (status != PH_OK || self->form.length == 0) {
        return status;
    }
    status = move(self, transition, env);
    return status == PH_OK ? ph_search_edge(self, env->state, self->next,
                                            transition->place, transition->name)
                           : status;
}

static int loop_bound(ph_search *self, const ph_expr *expression, const ph_env *env,
                      const ph_loop *loop, long *bound)
{
    double value;
    int status = ph_expr_value(expression, env, &value, self->error);
    if (status == PH_OK && (value != floor(value) || fabs(value) > 1e9)) {
        status =
            ph_error_set(self->error, PH_E_MODEL,
                         "the range of loop variable '%s' must have whole bounds, not "
                         "%.17g",
                         loop->name, value);
    }
    *bound = status == PH_OK ? (long)value : 0;
    return status;
}

/* All combinations of the loop variables, the last one fastest. */
static int run_loops(ph_search *self, const ph_transition *transition, ph_env *env,
                     long *loop, size_t level)
{
    if (level == transition->n_loops) {
        return fire(self, transition, env);
    }
    const ph_loop *here = &transition->loops[level];
    long from, to;
    int status = loop_bound(self, here->from, env, here, &from);
    if (status == PH_OK) {
        status = loop_bound(self, here->to, env, here, &to);
    }
    for (long i = from; status == PH_OK && i <= to; i++) {
        loop[level] = i;
        status = run_loops(self, transition, env, loop, level + 1);
    }
    return status;
}

/* A condition without loop variables decides before the loops run. */
static int enabled(ph_search *self, const ph_transition *transition, const ph_env *env,
                   int *yes)
{
    double holds = 1;
    int status = PH_OK;
    if (transition->n_loops > 0 && transition->when &&
        !ph_expr_uses(transition->when, PH_SYMBOL_LOOP)) {
        status = ph_expr_value(transition->when, env, &holds, self->error);
    }
    *yes = holds != 0;
    return status;
}

int ph_rules_visit(ph_search *self, const int32_t *key)
{
    const ph_model *model = self->model;
    long loop[MAX_LOOPS] = {0};
    ph_env env = {key, loop};
    if (model->absorb) {
        double ends;
        int status = ph_expr_value(model->absorb, &env, &ends, self->error);
        if (status != PH_OK || ends != 0) {
            return ph_search_blame(self, status, key, "/absorb", NULL);
        }
    }
    for (size_t k = 0; k < model->n_transitions; k++) {
        const ph_transition *transition = &model->transitions[k];
        int yes = 0, status = PH_OK;
        if (transition->n_loops > MAX_LOOPS) {
            status = ph_error_set(self->error, PH_E_MODEL,
                                  "at most %d loop variables are supported, not %zu",
                                  MAX_LOOPS, transition->n_loops);
        }
        if (status == PH_OK) {
            status = enabled(self, transition, &env, &yes);
        }
        if (status == PH_OK && yes) {
            status = run_loops(self, transition, &env, loop, 0);
        }
        if (status != PH_OK) {
            return self->error && self->error->place[0]
                       ? status
                       : ph_search_blame(self, status, key, transition->place,
                                         transition->name);
        }
    }
    return PH_OK;
}

int ph_rules_start(ph_search *self)
{
    const ph_model *model = self->model;
    for (size_t s = 0; s < model->n_starts; s++) {
        const ph_start *start = &model->starts[s];
        ph_env env = {self->next, NULL};
        int status = PH_OK;
        memset(self->next, 0, self->n_entries * sizeof *self->next);
        memset(self->touched, 0, self->n_entries);
        for (size_t k = 0; k < start->n_assignments && status == PH_OK; k++) {
            status = assign(self, &start->assignments[k], &env, 2);
        }
        for (size_t e = 0; e < self->n_entries && status == PH_OK; e++) {
            if (self->next[e] < 0) {
                status = ph_error_set(self->error, PH_E_MODEL,
                                      "a state entry of the start is negative");
            }
        }
        if (status == PH_OK) {
            status = ph_expr_linear(start->probability, &env, self->pool, &self->form,
                                    self->error);
        }
        if (status == PH_OK) {
            status = ph_search_start(self, self->next);
        }
        if (status != PH_OK) {
            return self->error && self->error->place[0]
                       ? status
                       : ph_search_blame(self, status, self->next, "/start", NULL);
        }
    }
    return PH_OK;
}
