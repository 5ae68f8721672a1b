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

#ifdef PH_KERNEL_X86
/* Whether this processor runs kernels compiled for an instruction set. */
#define PH_LANES_HAVE_AVX2 __builtin_cpu_supports("avx2")
#define PH_LANES_HAVE_AVX512                                                           \
    (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&        \
     __builtin_cpu_supports("avx512vl"))
#endif

#endif
