/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hash-consing: before a node is appended it is looked up by its content in an open
 * addressing table with linear probing, so that equal expressions are one node and the
 * order of appending is topological. Operations on constants are folded unless their
 * value is not finite; identities are applied only where they are exact.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/base/status.h"
#include "pool_private.h"

#define FIRST_SLOTS 64

void ph_linear_free(ph_linear *self)
{
    if (self) {
        free(self->node);
        free(self->coefficient);
        *self = (ph_linear){0};
    }
}

int ph_linear_reserve(ph_linear *self, size_t need)
{
    if (need <= self->capacity) {
        return PH_OK;
    }
    size_t nodes = self->capacity, coefficients = self->capacity;
    if (ph_grow(&self->node, &nodes, need, sizeof *self->node) != PH_OK ||
        ph_grow(&self->coefficient, &coefficients, need, sizeof *self->coefficient) !=
            PH_OK) {
        return PH_E_MEMORY;
    }
    self->capacity = nodes < coefficients ? nodes : coefficients;
    return PH_OK;
}

/* ---- table ---- */

static uint64_t mix(uint64_t hash, uint64_t x)
{
    hash = (hash ^ x) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

static uint64_t bits(double x)
{
    uint64_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static uint64_t hash_node(const ph_node *node, const uint32_t *terms,
                          const double *coefficients)
{
    uint64_t hash = mix(0x243f6a8885a308d3u, node->op);
    if (node->op == PH_OP_LINEAR) {
        for (size_t i = 0; i < node->b; i++) {
            hash = mix(mix(hash, terms[i]), bits(coefficients[i]));
        }
        return hash;
    }
    hash = mix(mix(mix(hash, node->a), node->b), node->c);
    return mix(hash, bits(node->value));
}

static int same_node(const ph_pool *self, const ph_node *have, const ph_node *want,
                     const uint32_t *terms, const double *coefficients)
{
    if (have->op != want->op || have->b != want->b) {
        return 0;
    }
    if (have->op == PH_OP_LINEAR) {
        return memcmp(self->term_node + have->a, terms, have->b * sizeof *terms) == 0 &&
               memcmp(self->term_coefficient + have->a, coefficients,
                      have->b * sizeof *coefficients) == 0;
    }
    return have->a == want->a && have->c == want->c &&
           bits(have->value) == bits(want->value);
}

/* The slot that holds the node, or the empty one where it belongs. */
static size_t find_slot(const ph_pool *self, const ph_node *node, const uint32_t *terms,
                        const double *coefficients)
{
    size_t slot = hash_node(node, terms, coefficients) & (self->slots - 1);
    while (self->table[slot] != 0 &&
           !same_node(self, self->nodes + self->table[slot] - 1, node, terms,
                      coefficients)) {
        slot = (slot + 1) & (self->slots - 1);
    }
    return slot;
}

/* Keeps the table at most half full. */
static int grow_table(ph_pool *self)
{
    if (2 * (self->length + 1) <= self->slots) {
        return PH_OK;
    }
    size_t slots = 2 * self->slots;
    uint32_t *table = ph_alloc(slots, sizeof *table);
    if (!table) {
        return PH_E_MEMORY;
    }
    for (size_t k = 0; k < self->length; k++) {
        const ph_node *node = self->nodes + k;
        size_t first = node->op == PH_OP_LINEAR ? node->a : 0;
        size_t slot =
            hash_node(node, self->term_node + first, self->term_coefficient + first) &
            (slots - 1);
        while (table[slot] != 0) {
            slot = (slot + 1) & (slots - 1);
        }
        table[slot] = (uint32_t)k + 1;
    }
    free(self->table);
    self->table = table;
    self->slots = slots;
    return PH_OK;
}

static int append_terms(ph_pool *self, const uint32_t *terms,
                        const double *coefficients, size_t count)
{
    size_t need = self->terms + count;
    if (need > UINT32_MAX ||
        ph_grow(&self->term_node, &self->node_capacity, need, sizeof *terms) != PH_OK ||
        ph_grow(&self->term_coefficient, &self->coefficient_capacity, need,
                sizeof *coefficients) != PH_OK) {
        return PH_E_MEMORY;
    }
    memcpy(self->term_node + self->terms, terms, count * sizeof *terms);
    memcpy(self->term_coefficient + self->terms, coefficients,
           count * sizeof *coefficients);
    self->terms = need;
    return PH_OK;
}

/* The node with this content; LINEAR: `b` terms are given beside it. */
static int intern(ph_pool *self, ph_node node, const uint32_t *terms,
                  const double *coefficients, uint32_t *index)
{
    int status = grow_table(self);
    if (status != PH_OK) {
        return status;
    }
    size_t slot = find_slot(self, &node, terms, coefficients);
    if (self->table[slot] != 0) {
        *index = self->table[slot] - 1;
        return PH_OK;
    }
    if (self->length >= UINT32_MAX - 1 ||
        ph_grow(&self->nodes, &self->capacity, self->length + 1, sizeof node) !=
            PH_OK) {
        return PH_E_MEMORY;
    }
    if (node.op == PH_OP_LINEAR) {
        node.a = (uint32_t)self->terms;
        if ((status = append_terms(self, terms, coefficients, node.b)) != PH_OK) {
            return status;
        }
    }
    if (node.op != PH_OP_PARAMETER) {
        ph_node_bound(self, &node);
    }
    self->nodes[self->length] = node;
    *index = (uint32_t)self->length++;
    self->table[slot] = *index + 1;
    return PH_OK;
}

static int constant_node(ph_pool *self, double value, uint32_t *index)
{
    ph_node node = {.op = PH_OP_CONSTANT, .value = value + 0.0}; /* -0 becomes 0 */
    return intern(self, node, NULL, NULL, index);
}

/* ---- life ---- */

int ph_pool_new(ph_pool **self, size_t n_parameters, const double *lower,
                const double *upper)
{
    int status = PH_E_MEMORY;
    uint32_t index;
    ph_pool *pool = ph_alloc(1, sizeof *pool);
    if (!pool) {
        goto out;
    }
    pool->slots = FIRST_SLOTS;
    pool->table = ph_alloc(pool->slots, sizeof *pool->table);
    if (!pool->table || n_parameters >= UINT32_MAX - 1) {
        goto out;
    }
    pool->parameters = n_parameters;
    if ((status = constant_node(pool, 1, &index)) != PH_OK) {
        goto out;
    }
    for (size_t i = 0; i < n_parameters; i++) {
        ph_node node = {.op = PH_OP_PARAMETER,
                        .a = (uint32_t)i,
                        .lower = lower[i] + 0.0, /* no -0 */
                        .upper = upper[i] + 0.0};
        if ((status = intern(pool, node, NULL, NULL, &index)) != PH_OK) {
            goto out;
        }
    }
    *self = pool;
    pool = NULL;
    status = PH_OK;
out:
    ph_pool_free(pool);
    return status;
}

void ph_pool_free(ph_pool *self)
{
    if (self) {
        free(self->nodes);
        free(self->term_node);
        free(self->term_coefficient);
        free(self->table);
        ph_linear_free(&self->scratch.terms);
        ph_linear_free(&self->scratch.form);
        free(self->scratch.items);
        free(self);
    }
}

size_t ph_pool_length(const ph_pool *self)
{
    return self->length;
}

size_t ph_pool_parameters(const ph_pool *self)
{
    return self->parameters;
}

size_t ph_pool_bytes(const ph_pool *self)
{
    const ph_scratch *scratch = &self->scratch;
    size_t term = sizeof(uint32_t) + sizeof(double);
    return sizeof *self + self->capacity * sizeof *self->nodes +
           self->node_capacity * sizeof(uint32_t) +
           self->coefficient_capacity * sizeof(double) +
           self->slots * sizeof *self->table +
           (scratch->terms.capacity + scratch->form.capacity) * term +
           scratch->capacity * sizeof *scratch->items;
}

void ph_pool_get(const ph_pool *self, uint32_t node, ph_pool_entry *entry)
{
    const ph_node *n = self->nodes + node;
    *entry = (ph_pool_entry){.op = (ph_op)n->op, .value = n->value};
    if (n->op == PH_OP_LINEAR) {
        entry->length = n->b;
        entry->node = self->term_node + n->a;
        entry->coefficient = self->term_coefficient + n->a;
    } else {
        entry->a = n->a;
        entry->b = n->b;
        entry->c = n->c;
    }
}

const char *ph_op_name(ph_op op)
{
    switch (op) {
    case PH_OP_CONSTANT: return "constant";
    case PH_OP_PARAMETER: return "parameter";
    case PH_OP_LINEAR: return "linear";
    case PH_OP_MUL: return "mul";
    case PH_OP_DIV: return "div";
    case PH_OP_POW: return "pow";
    case PH_OP_MIN: return "min";
    case PH_OP_MAX: return "max";
    case PH_OP_ABS: return "abs";
    case PH_OP_EXP: return "exp";
    case PH_OP_LOG: return "log";
    case PH_OP_SQRT: return "sqrt";
    case PH_OP_SELECT: return "select";
    }
    return "unknown";
}

/* ---- nodes ---- */

int ph_pool_linear(ph_pool *self, const ph_linear *form, uint32_t *node)
{
    for (size_t i = 0; i < form->length; i++) {
        if (form->node[i] >= self->length ||
            (i && form->node[i] <= form->node[i - 1])) {
            return PH_E_INTERNAL;
        }
        if (!isfinite(form->coefficient[i])) {
            return PH_E_NUMERIC;
        }
    }
    if (form->length == 0 || (form->length == 1 && form->node[0] == 0)) {
        return constant_node(self, form->length ? form->coefficient[0] : 0, node);
    }
    if (form->length == 1 && form->coefficient[0] == 1) {
        *node = form->node[0];
        return PH_OK;
    }
    if (form->length > UINT32_MAX) {
        return PH_E_MEMORY;
    }
    ph_node linear = {.op = PH_OP_LINEAR, .b = (uint32_t)form->length};
    return intern(self, linear, form->node, form->coefficient, node);
}

static int is_constant(const ph_pool *self, uint32_t node)
{
    return self->nodes[node].op == PH_OP_CONSTANT;
}

static int is_number(const ph_pool *self, uint32_t node, double value)
{
    return is_constant(self, node) && self->nodes[node].value == value;
}

int ph_pool_unary(ph_pool *self, ph_op op, uint32_t a, uint32_t *node)
{
    if (a >= self->length ||
        (op != PH_OP_ABS && op != PH_OP_EXP && op != PH_OP_LOG && op != PH_OP_SQRT)) {
        return PH_E_INTERNAL;
    }
    if (is_constant(self, a)) {
        double value = ph_op_value(op, self->nodes[a].value, 0, 0);
        if (isfinite(value)) {
            return constant_node(self, value, node);
        }
    }
    if (op == PH_OP_ABS && self->nodes[a].lower >= 0) {
        *node = a;
        return PH_OK;
    }
    return intern(self, (ph_node){.op = op, .a = a}, NULL, NULL, node);
}

/* Exact identities of two operands; returns 1 where one applies. */
static int simplify(ph_pool *self, ph_op op, uint32_t a, uint32_t b, uint32_t *node)
{
    if (op == PH_OP_MUL && (a == 0 || b == 0)) {
        *node = a == 0 ? b : a;
        return 1;
    }
    if ((op == PH_OP_DIV && b == 0) || (op == PH_OP_POW && b == 0) ||
        ((op == PH_OP_MIN || op == PH_OP_MAX) && a == b)) {
        *node = a;
        return 1;
    }
    if (op == PH_OP_POW && (a == 0 || is_number(self, b, 0))) {
        *node = 0;
        return 1;
    }
    return 0;
}

int ph_pool_binary(ph_pool *self, ph_op op, uint32_t a, uint32_t b, uint32_t *node)
{
    if (a >= self->length || b >= self->length || op < PH_OP_MUL || op > PH_OP_MAX) {
        return PH_E_INTERNAL;
    }
    if (is_constant(self, a) && is_constant(self, b)) {
        double value = ph_op_value(op, self->nodes[a].value, self->nodes[b].value, 0);
        if (isfinite(value)) {
            return constant_node(self, value, node);
        }
    }
    if (simplify(self, op, a, b, node)) {
        return PH_OK;
    }
    if (op == PH_OP_POW && is_number(self, b, 2)) {
        op = PH_OP_MUL;
        b = a;
    } else if (op == PH_OP_POW && is_number(self, b, -1)) {
        op = PH_OP_DIV;
        b = a;
        a = 0;
    }
    if (op == PH_OP_MUL && a > b) {
        uint32_t spare = a;
        a = b;
        b = spare;
    }
    return intern(self, (ph_node){.op = op, .a = a, .b = b}, NULL, NULL, node);
}

int ph_pool_select(ph_pool *self, uint32_t a, uint32_t b, uint32_t c, uint32_t *node)
{
    if (a >= self->length || b >= self->length || c >= self->length) {
        return PH_E_INTERNAL;
    }
    if (is_constant(self, a)) {
        *node = self->nodes[a].value > 0 ? b : c;
        return PH_OK;
    }
    if (b == c) {
        *node = b;
        return PH_OK;
    }
    return intern(self, (ph_node){.op = PH_OP_SELECT, .a = a, .b = b, .c = c}, NULL,
                  NULL, node);
}
