/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TESTS_PROCESS_H
#define PHASIC_TESTS_PROCESS_H

/* A model, its graph and its plan in one object, from a shipped file or from JSON text.
 */

#include <string.h>

#include "check.h"
#include "phasic/dist/plan.h"
#include "phasic/model/model.h"
#include "phasic/state/graph.h"

typedef struct process {
    ph_model *model;
    ph_graph *graph;
    ph_plan *plan;
} process;

static inline void process_finish(process *self, int status, const ph_error *error)
{
    char text[1024];
    ph_error failed = *error;
    if (status == PH_OK) {
        status = ph_graph_build(&self->graph, self->model, 0, NULL, &failed);
    }
    if (status == PH_OK) {
        status = ph_plan_new(&self->plan, self->graph);
    }
    if (status != PH_OK) {
        fail_msg("%s", ph_error_text(&failed, text, sizeof text));
    }
}

/* A shipped model; `constant` = NULL: as it is. */
static inline process process_shipped(const char *name, const char *constant,
                                      double value)
{
    process self = {0};
    ph_error error = {0};
    char path[512];
    ph_setting setting = {constant, value};
    snprintf(path, sizeof path, "%s/models/%s.json", PH_SOURCE_DIR, name);
    int status = ph_model_read(&self.model, path, &setting, constant != NULL, &error);
    process_finish(&self, status, &error);
    return self;
}

/* The process of a model of tests/reference/values.json, by its name there. */
static inline process process_reference(const char *name)
{
    static const struct {
        const char *reference, *model, *constant;
        double value;
    } table[] = {
        {"rabbits(2)", "rabbits", "n", 2},
        {"rabbits(6)", "rabbits", "n", 6},
        {"coalescent(4)", "coalescent", "n", 4},
        {"coalescent(10)", "coalescent", "n", 10},
        {"erlang(3)", "erlang", "stages", 3},
        {"hypoexponential", "hypoexponential", NULL, 0},
        {"two_cycle", "two_cycle", NULL, 0},
        {"busy_period(10)", "busy_period", "K", 10},
        {"repairable", "repairable", NULL, 0},
        {"power_law_coalescent", "power_law_coalescent", NULL, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].reference, name) == 0) {
            return process_shipped(table[i].model, table[i].constant, table[i].value);
        }
    }
    fail_msg("no model for %s", name);
    return (process){0};
}

static inline process process_text(const char *json)
{
    process self = {0};
    ph_error error = {0};
    int status =
        ph_model_parse(&self.model, "test.json", json, strlen(json), NULL, 0, &error);
    process_finish(&self, status, &error);
    return self;
}

static inline void process_free(process *self)
{
    ph_plan_free(self->plan);
    ph_graph_free(self->graph);
    ph_model_free(self->model);
}

/* k stages in a row at rate `rate`. */
static inline process process_erlang(int stages)
{
    char json[512];
    snprintf(json, sizeof json,
             "{\"phasic\": 1, \"name\": \"erlang\", \"parameters\": {\"rate\": {}},"
             " \"state\": {\"k\": []}, \"start\": {\"k\": %d},"
             " \"transitions\": [{\"when\": \"k > 0\", \"change\": {\"k\": -1},"
             " \"rate\": \"rate\"}]}",
             stages);
    return process_text(json);
}

#endif
