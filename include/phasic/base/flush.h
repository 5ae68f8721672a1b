/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BASE_FLUSH_H
#define PHASIC_BASE_FLUSH_H

/*
 * Flush-to-zero for the calling thread: long chains produce probabilities far below
 * double range, and arithmetic on denormal numbers is ten times slower. ph_flush_begin
 * returns the state that ph_flush_end restores. A no-op where the processor is not x86.
 */
#if defined(__SSE2__)
#include <xmmintrin.h>
static inline unsigned ph_flush_begin(void)
{
    unsigned saved = _mm_getcsr();
    _mm_setcsr(saved |
               0x8040u); /* flush results, and treat denormal operands as zero */
    return saved;
}
static inline void ph_flush_end(unsigned saved)
{
    _mm_setcsr(saved);
}
#else
static inline unsigned ph_flush_begin(void)
{
    return 0;
}
static inline void ph_flush_end(unsigned saved)
{
    (void)saved;
}
#endif

#endif
