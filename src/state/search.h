/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_STATE_SEARCH_H
#define PHASIC_STATE_SEARCH_H

#include "phasic/state/graph.h"

/*
 * The search for states. Vertices are numbered as they are found, absorbing ones among
 * them; edges of vertex v are row[v] .. row[v + 1] once v has been visited. graph.c
 * turns the result into a ph_graph in place.
 */
typedef struct ph_search {
    const ph_model *model;
    const ph_log *log;
    ph_error *error;
    size_t max_states;

    size_t n_entries, count;
    int32_t *keys; /* [count][n_entries] */
    size_t keys_capacity;
    uint32_t *table; /* open addressing, vertex + 1, 0: free */
    size_t table_size;

    ph_pool *pool;
    ph_epochs *epochs;
    size_t *row; /* [visited + 1] */
    size_t row_capacity, visited;
    uint32_t *target;
    size_t *edge_term;
    size_t n_edges, target_capacity, edge_term_capacity;
    uint32_t *term_node;
    double *term_coefficient;
    size_t n_terms, node_capacity, coefficient_capacity;
    double stay; /* discrete time: least probability of the transitions to itself */
    unsigned char *trapped; /* [visited] has transitions, but only to itself */
    size_t trapped_capacity;

    size_t n_starts;
    uint32_t *start;
    size_t *start_term;
    uint32_t *start_node;
    double *start_coefficient;
    size_t start_capacity[4], n_start_terms;

    /* of the vertex being visited */
    ph_linear form;
    int32_t *next;        /* [n_entries] */
    uint8_t *touched;     /* [n_entries] 1 changed, 2 set */
    size_t *explicit_row; /* [n_vertices + 1] edges of matrix and graph models */
    size_t *explicit_edge;
} ph_search;

/* keys.c: number of a key, entering it where it is not known. */
int ph_search_find(ph_search *self, const int32_t *key, uint32_t *vertex);

/* search.c: an edge of the vertex at hand to `key`, rate in self->form. */
int ph_search_edge(ph_search *self, const int32_t *from, const int32_t *key,
                   const char *place, const char *name);
/* The error's place, and the state and transition at hand in its message. */
int ph_search_blame(ph_search *self, int status, const int32_t *key, const char *place,
                    const char *name);

/* rules.c, explicit.c: all start states, and all edges of a vertex's key. */
int ph_rules_start(ph_search *self);
int ph_rules_visit(ph_search *self, const int32_t *key);
int ph_explicit_start(ph_search *self);
int ph_explicit_visit(ph_search *self, const int32_t *key);
/* A start state with probability in self->form. */
int ph_search_start(ph_search *self, const int32_t *key);

int ph_search_run(ph_search *self);
void ph_search_free(ph_search *self);

/* "(left=3, right=0)" of a key. */
char *ph_key_text(const ph_model *model, const int32_t *key, char *buffer, size_t size);

#endif
