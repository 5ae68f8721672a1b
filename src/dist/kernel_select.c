/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernel.h"

extern const ph_kernel ph_kernel_base;
#ifdef PH_KERNEL_X86
extern const ph_kernel ph_kernel_avx2;
extern const ph_kernel ph_kernel_avx512;
#endif

int ph_kernel_list(const ph_kernel *list[3])
{
    int count = 0;
#ifdef PH_KERNEL_X86
    if (PH_LANES_HAVE_AVX512) {
        list[count++] = &ph_kernel_avx512;
    }
    if (PH_LANES_HAVE_AVX2) {
        list[count++] = &ph_kernel_avx2;
    }
#endif
    list[count++] = &ph_kernel_base;
    return count;
}

const ph_kernel *ph_kernel_select(void)
{
    const ph_kernel *list[3];
    (void)ph_kernel_list(list);
    return list[0];
}
