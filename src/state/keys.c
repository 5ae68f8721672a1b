/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hash table of states: open addressing with linear probing over 4-byte slots; keys
 * stand once, in the array that the graph keeps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "search.h"

static size_t hash(const int32_t *key, size_t length)
{
    uint64_t h = 0x243F6A8885A308D3u;
    for (size_t i = 0; i < length; i++) {
        h = (h ^ (uint32_t)key[i]) * 0x9E3779B97F4A7C15u;
        h ^= h >> 29;
    }
    return (size_t)(h ^ h >> 32);
}

static size_t probe(const ph_search *self, const int32_t *key)
{
    size_t mask = self->table_size - 1, at = hash(key, self->n_entries) & mask;
    size_t bytes = self->n_entries * sizeof *key;
    while (self->table[at] != 0 &&
           memcmp(self->keys + (self->table[at] - 1) * self->n_entries, key, bytes) !=
               0) {
        at = (at + 1) & mask;
    }
    return at;
}

static int enlarge(ph_search *self)
{
    size_t size = self->table_size ? 2 * self->table_size : 1024;
    uint32_t *table = ph_alloc(size, sizeof *table);
    if (!table) {
        return PH_E_MEMORY;
    }
    free(self->table);
    self->table = table;
    self->table_size = size;
    for (size_t v = 0; v < self->count; v++) {
        self->table[probe(self, self->keys + v * self->n_entries)] = (uint32_t)v + 1;
    }
    return PH_OK;
}

int ph_search_find(ph_search *self, const int32_t *key, uint32_t *vertex)
{
    if (3 * (self->count + 1) > 2 * self->table_size && enlarge(self) != PH_OK) {
        return ph_error_set(self->error, PH_E_MEMORY, "out of memory after %zu states",
                            self->count);
    }
    size_t at = probe(self, key);
    if (self->table[at] == 0) {
        if (self->count >= UINT32_MAX - 2 ||
            (self->max_states > 0 && self->count >= self->max_states)) {
            char text[256];
            ph_error_file(self->error, self->model->file);
            return ph_error_set(self->error, PH_E_MODEL,
                                "the state space has more than %zu states (the next "
                                "one is %s); bound it, "
                                "or raise --max-states",
                                self->count,
                                ph_key_text(self->model, key, text, sizeof text));
        }
        if (ph_grow(&self->keys, &self->keys_capacity,
                    (self->count + 1) * self->n_entries, sizeof *self->keys) != 0) {
            return ph_error_set(self->error, PH_E_MEMORY,
                                "out of memory after %zu states", self->count);
        }
        memcpy(self->keys + self->count * self->n_entries, key,
               self->n_entries * sizeof *key);
        self->table[at] = (uint32_t)++self->count;
    }
    *vertex = self->table[at] - 1;
    return PH_OK;
}

/* One variable as name=value or name=[...]; returns the characters needed. */
static int variable_text(const ph_state_variable *variable, const int32_t *key,
                         const char *before, char *buffer, size_t size)
{
    int used = snprintf(buffer, size, "%s%s=%s", before, variable->name,
                        variable->rank > 0 ? "[" : "");
    for (size_t e = 0; e < variable->entries && (size_t)used < size; e++) {
        used += snprintf(buffer + used, size - (size_t)used, "%s%d", e ? "," : "",
                         key[variable->first + e]);
    }
    if (variable->rank > 0 && (size_t)used < size) {
        used += snprintf(buffer + used, size - (size_t)used, "]");
    }
    return used;
}

static char *vertex_text(const ph_model *model, const int32_t *key, char *buffer,
                         size_t size)
{
    if (*key < 0) {
        snprintf(buffer, size, "absorption");
        return buffer;
    }
    int used = snprintf(buffer, size, "%d", *key);
    for (size_t e = 0; e < model->n_label && (size_t)used < size; e++) {
        used += snprintf(buffer + used, size - (size_t)used, "%s%d%s", e ? "," : " (",
                         model->labels[(size_t)*key * model->n_label + e],
                         e + 1 == model->n_label ? ")" : "");
    }
    return buffer;
}

char *ph_key_text(const ph_model *model, const int32_t *key, char *buffer, size_t size)
{
    if (model->kind != PH_MODEL_RULES) {
        return vertex_text(model, key, buffer, size);
    }
    size_t used = 0;
    for (size_t v = 0; v < model->n_variables && used < size; v++) {
        used += (size_t)variable_text(&model->variables[v], key, v ? ", " : "(",
                                      buffer + used, size - used);
    }
    if (used + 1 < size) {
        memcpy(buffer + used, ")", 2);
    } else if (size > 5) {
        memcpy(buffer + size - 5, "...)", 5);
    }
    return buffer;
}
