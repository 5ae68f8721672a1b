/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_NUM_LANES_H
#define PHASIC_NUM_LANES_H

/*
 * The unit of work is a block of PH_LANES parameter vectors. Block arrays are
 * [item][lane]: element i of lane l is a[i * PH_LANES + l], 64-byte aligned.
 * ph_lanes is one such row as a vector; arithmetic on it is lane by lane.
 */
#define PH_LANES 8

typedef double ph_lanes __attribute__((vector_size(8 * PH_LANES), aligned(64)));

#endif
