/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nodes of the pool as expressions of the model file. What is not a number or a name
 * stands in brackets, so that no rule of precedence is needed to read it back.
 */
#include "phasic/base/status.h"
#include "phasic/model/pool.h"

#define DEEPEST 150   /* of brackets: the parser takes 200 */
#define LONGEST 65536 /* bytes: nodes that are shared are written again and again */

typedef struct writer {
    const ph_pool *pool;
    const char *const *names;
    ph_buffer *out;
    size_t limit; /* of the buffer's length */
} writer;

static int add_node(writer *w, uint32_t node, int depth);

static void add_number(writer *w, double value)
{
    ph_buffer_add(w->out, value < 0 ? "(" : "");
    ph_buffer_add_double(w->out, value);
    ph_buffer_add(w->out, value < 0 ? ")" : "");
}

/* One term of a sum, with the sign before it. */
static int add_term(writer *w, uint32_t node, double coefficient, int first, int depth)
{
    double size = coefficient < 0 ? -coefficient : coefficient;
    ph_buffer_add(w->out, coefficient < 0 ? (first ? "-" : " - ") : first ? "" : " + ");
    if (node == 0 || size != 1) {
        ph_buffer_add_double(w->out, size);
        ph_buffer_add(w->out, node == 0 ? "" : " * ");
    }
    return node == 0 ? PH_OK : add_node(w, node, depth);
}

static int add_sum(writer *w, size_t n, const uint32_t *node, const double *coefficient,
                   int depth)
{
    int status = PH_OK;
    for (size_t k = 0; k < n && status == PH_OK; k++) {
        status = add_term(w, node[k], coefficient[k], k == 0, depth);
    }
    ph_buffer_add(w->out, n == 0 ? "0" : "");
    return status;
}

/* "before a between b after". */
static int add_two(writer *w, const char *before, uint32_t a, const char *between,
                   uint32_t b, const char *after, int depth)
{
    ph_buffer_add(w->out, before);
    int status = add_node(w, a, depth);
    ph_buffer_add(w->out, between);
    if (status == PH_OK) {
        status = add_node(w, b, depth);
    }
    ph_buffer_add(w->out, after);
    return status;
}

static int add_call(writer *w, ph_op op, uint32_t a, int depth)
{
    ph_buffer_addf(w->out, "%s(", ph_op_name(op));
    int status = add_node(w, a, depth);
    ph_buffer_add(w->out, ")");
    return status;
}

static int add_node(writer *w, uint32_t node, int depth)
{
    ph_pool_entry it;
    ph_pool_get(w->pool, node, &it);
    if (depth > DEEPEST || w->out->length > w->limit) {
        return PH_E_MODEL;
    }
    switch (it.op) {
    case PH_OP_CONSTANT: add_number(w, it.value); return PH_OK;
    case PH_OP_PARAMETER: ph_buffer_add(w->out, w->names[it.a]); return PH_OK;
    case PH_OP_MUL: return add_two(w, "(", it.a, " * ", it.b, ")", depth + 1);
    case PH_OP_DIV: return add_two(w, "(", it.a, " / ", it.b, ")", depth + 1);
    case PH_OP_POW: return add_two(w, "(", it.a, " ^ ", it.b, ")", depth + 1);
    case PH_OP_MIN: return add_two(w, "min(", it.a, ", ", it.b, ")", depth + 1);
    case PH_OP_MAX: return add_two(w, "max(", it.a, ", ", it.b, ")", depth + 1);
    case PH_OP_ABS:
    case PH_OP_EXP:
    case PH_OP_LOG:
    case PH_OP_SQRT: return add_call(w, it.op, it.a, depth + 1);
    case PH_OP_LINEAR: {
        ph_buffer_add(w->out, "(");
        int status = add_sum(w, it.length, it.node, it.coefficient, depth + 1);
        ph_buffer_add(w->out, ")");
        return status;
    }
    case PH_OP_SELECT: break;
    }
    int status = add_two(w, "if(", it.a, " > 0, ", it.b, ", ", depth + 1);
    if (status == PH_OK) {
        status = add_node(w, it.c, depth + 1);
    }
    ph_buffer_add(w->out, ")");
    return status;
}

int ph_pool_text(const ph_pool *self, size_t n, const uint32_t *node,
                 const double *coefficient, const char *const *names, ph_buffer *out)
{
    writer w = {self, names, out, out->length + LONGEST};
    int status = add_sum(&w, n, node, coefficient, 0);
    return out->failed ? PH_E_MEMORY : status;
}
