/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Storm's explicit format. Absorption is a state of its own, the last one, which leads
 * to itself. Storm knows rational functions, so that other functions are refused.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "phasic/base/memory.h"

/* What of a node is no rational function; NULL: nothing. */
static const char *trouble(const ph_pool *pool, const ph_pool_entry *it)
{
    ph_pool_entry power;
    switch (it->op) {
    case PH_OP_MIN:
    case PH_OP_MAX:
    case PH_OP_ABS:
    case PH_OP_EXP:
    case PH_OP_LOG:
    case PH_OP_SQRT: return ph_op_name(it->op);
    case PH_OP_SELECT: return "if";
    case PH_OP_POW:
        ph_pool_get(pool, it->b, &power);
        return power.op == PH_OP_CONSTANT && power.value == floor(power.value) &&
                       power.value > 0
                   ? NULL
                   : "a power that is not a whole number";
    default: return NULL;
    }
}

static void mark_operands(const ph_pool_entry *it, unsigned char *marked)
{
    for (size_t k = 0; k < it->length; k++) {
        marked[it->node[k]] = 1;
    }
    if (it->op != PH_OP_LINEAR && it->op != PH_OP_CONSTANT &&
        it->op != PH_OP_PARAMETER) {
        marked[it->a] = marked[it->b] = marked[it->c] = 1;
    }
}

/* Every node that a rate depends on; operands come before what they are used for. */
static int check_rational(const ph_process *self)
{
    const ph_pool *pool = self->graph->pool;
    size_t length = ph_pool_length(pool);
    unsigned char *marked = ph_alloc(length, 1);
    const char *wrong = NULL;
    if (!marked) {
        return ph_error_set(self->error, PH_E_MEMORY, "out of memory");
    }
    for (size_t k = 0; k < self->graph->n_used; k++) {
        marked[self->graph->used[k]] = 1;
    }
    for (size_t node = length; node-- > 0 && !wrong;) {
        ph_pool_entry it;
        ph_pool_get(pool, (uint32_t)node, &it);
        if (marked[node]) {
            wrong = trouble(pool, &it);
            mark_operands(&it, marked);
        }
    }
    free(marked);
    return wrong ? ph_error_set(self->error, PH_E_MODEL,
                                "drn holds rational functions of the parameters: a "
                                "rate uses %s",
                                wrong)
                 : PH_OK;
}

/* A text without its blanks, which end a value. */
static void add_dense(ph_buffer *out, ph_buffer *text)
{
    for (size_t i = 0; i < text->length && !text->failed; i++) {
        if (text->text[i] != ' ') {
            ph_buffer_add_n(out, text->text + i, 1);
        }
    }
    out->failed |= text->failed;
    text->length = 0;
}

static int add_header(const ph_process *self, uint32_t *start, ph_buffer *out)
{
    const ph_model *model = self->model;
    if (!ph_process_starts_at(self, start)) {
        return ph_error_set(self->error, PH_E_MODEL,
                            "drn cannot hold this start law: a process starts in one "
                            "state");
    }
    ph_buffer_addf(out, "@type: %s\n@parameters\n", model->discrete ? "DTMC" : "CTMC");
    for (size_t i = 0; i < model->n_parameters; i++) {
        ph_buffer_addf(out, "%s%s", i ? " " : "", self->names[i]);
    }
    ph_buffer_add(out, "\n@reward_models\n");
    for (size_t i = 0; i < model->n_rewards; i++) {
        ph_buffer_addf(out, "%s%s", i ? " " : "", model->rewards[i].name);
    }
    ph_buffer_addf(out, "\n@nr_states\n%zu\n@nr_choices\n%zu\n@model\n", self->n + 1,
                   self->n + 1);
    return PH_OK;
}

/* " [1, 0]" of a state; of actions, and of absorption, zeros. */
static void add_rewards(const ph_process *self, const double *amount, size_t v,
                        ph_buffer *out)
{
    size_t n = self->model->n_rewards;
    for (size_t i = 0; i < n; i++) {
        ph_buffer_add(out, i ? ", " : " [");
        ph_buffer_add_double(
            out, amount && v < self->n ? amount[i * self->n + self->state[v]] : 0);
    }
    ph_buffer_add(out, n > 0 ? "]" : "");
}

static int add_state(const ph_process *self, const double *amount, size_t v, int starts,
                     ph_buffer *text, ph_buffer *out)
{
    char name[1024];
    int status = PH_OK;
    ph_buffer_addf(out, "state %zu", v);
    if (!self->model->discrete) {
        ph_buffer_add(out, " !");
        status = ph_process_exit(self, v, text);
        add_dense(out, text);
    }
    add_rewards(self, amount, v, out);
    ph_buffer_addf(out, "%s\n//%s\n\taction 0", starts ? " init" : "",
                   ph_graph_state_text(self->graph, self->model, self->state[v], name,
                                       sizeof name));
    add_rewards(self, NULL, v, out);
    ph_buffer_add(out, "\n");
    return status;
}

/* In the order of their numbers; in discrete time the vertex itself is among them. */
static int add_targets(const ph_process *self, size_t v, ph_buffer *text,
                       ph_buffer *out)
{
    size_t k = ph_process_first(self, v), end = ph_process_end(self, v);
    int stayed = !self->model->discrete, status = PH_OK;
    while ((k < end || !stayed) && status == PH_OK) {
        size_t target =
            k < end ? self->vertex[self->graph->target[self->edge[k]]] : SIZE_MAX;
        if (!stayed && v < target) {
            target = v;
            stayed = 1;
        }
        text->length = 0;
        status = ph_process_cell(self, v, target, &k, text);
        if (status == PH_OK && !text->failed && strcmp(text->text, "0") != 0) {
            ph_buffer_addf(out, "\t\t%zu : ", target);
            add_dense(out, text);
            ph_buffer_add(out, "\n");
        }
        out->failed |= text->failed;
    }
    text->length = 0;
    return status;
}

static int add_states(const ph_process *self, const double *amount, uint32_t start,
                      ph_buffer *out)
{
    ph_buffer text = {0};
    int status = PH_OK;
    for (size_t v = 0; v < self->n && status == PH_OK; v++) {
        status = add_state(self, amount, v, v == start, &text, out);
        if (status == PH_OK) {
            status = add_targets(self, v, &text, out);
        }
    }
    ph_buffer_addf(out, "state %zu%s", self->n, self->model->discrete ? "" : " !1");
    add_rewards(self, NULL, self->n, out);
    ph_buffer_add(out, " absorbed\n\taction 0");
    add_rewards(self, NULL, self->n, out);
    ph_buffer_addf(out, "\n\t\t%zu : 1\n", self->n);
    ph_buffer_free(&text);
    return status;
}

int ph_convert_drn(const ph_process *self, ph_buffer *out)
{
    size_t n_rewards = self->model->n_rewards;
    uint32_t start = 0;
    double *amount = ph_alloc(n_rewards * self->n, sizeof *amount);
    int status =
        amount ? PH_OK : ph_error_set(self->error, PH_E_MEMORY, "out of memory");
    for (size_t i = 0; i < n_rewards && status == PH_OK; i++) {
        status = ph_graph_reward(self->graph, self->model, (long)i,
                                 amount + i * self->n, self->error);
    }
    if (status == PH_OK) {
        status = check_rational(self);
    }
    if (status == PH_OK) {
        status = add_header(self, &start, out);
    }
    if (status == PH_OK) {
        status = add_states(self, amount, start, out);
    }
    free(amount);
    return status;
}
