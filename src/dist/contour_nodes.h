/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_DIST_CONTOUR_NODES_H
#define PHASIC_DIST_CONTOUR_NODES_H

#include <complex.h>
#include <stddef.h>

#include "phasic/dist/contour.h"

#define PH_NODES_TABLES 8

/* The coefficients of a hyperbola and its check for the times of a window. */
typedef struct ph_node_table {
    ph_contour_shape shape;
    size_t n, capacity, c_capacity;
    ph_contour_time *times;
    double complex *c; /* [2][nodes][n] */
} ph_node_table;

/*
 * Nodes z and weights w of a contour, and w e^(z t). A rule is as good as its nodes
 * are evenly spaced: what rounding takes from them is kept beside them, and e^(z t) is
 * that of the unrounded node. Zero-initialised by the caller.
 */
typedef struct ph_nodes {
    size_t n, capacity;
    double complex *z, *w; /* [n] */
    double complex *rest;  /* [n] what z lacks by rounding */
    ph_node_table tables[PH_NODES_TABLES];
    int oldest;
    const double complex *c; /* [n][times], or NULL: not tabulated */
    size_t row_capacity;
    double complex *row; /* [times] */
} ph_nodes;

void ph_nodes_free(ph_nodes *self);

/* Nodes of a hyperbola, or of its check. */
size_t ph_nodes_count(ph_contour_shape shape, int check);

/* Nodes of a parabola's check for each of its own. */
double ph_nodes_more(ph_contour_shape shape);

/* Sets nodes and weights for times[n] as of ph_contour_values. 0 or PH_E_MEMORY. */
int ph_nodes_set(ph_nodes *self, ph_contour_shape shape, int check, double rate,
                 size_t n, const ph_contour_time *times);

/* w_k e^(z_k t) for the times that the nodes were set for; valid until the next call.
 */
const double complex *ph_nodes_coefficients(ph_nodes *self, size_t k, size_t n,
                                            const ph_contour_time *times);

#endif
