/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_BASE_MEMORY_H
#define PHASIC_BASE_MEMORY_H

#include <stddef.h>

/*
 * Memory. All return NULL on failure (and on overflow of n * size); n = 0 gives a valid
 * pointer. Blocks from ph_alloc, ph_realloc and ph_strdup are released with free();
 * aligned blocks with ph_free_aligned.
 */
void *ph_alloc(size_t n, size_t size); /* zeroed */
void *ph_realloc(void *block, size_t n, size_t size);
char *ph_strdup(const char *text);
char *ph_strndup(const char *text, size_t length);

/*
 * Makes room for at least `need` items in a growing array: *block has *capacity items
 * of `size` bytes; grows geometrically. Returns 0 or PH_E_MEMORY (block unchanged).
 */
int ph_grow(void *block_pointer, size_t *capacity, size_t need, size_t size);

/* 64-byte aligned, zeroed. */
void *ph_alloc_aligned(size_t n, size_t size);
void ph_free_aligned(void *block);

/* ph_grow for aligned blocks: what is beyond the first `used` items is zeroed. */
int ph_grow_aligned(void *block_pointer, size_t *capacity, size_t used, size_t need,
                    size_t size);

/*
 * Bytes of memory that this process can still get: the least of what the machine has
 * and what control groups and the address space limit leave. SIZE_MAX if unknown.
 */
size_t ph_memory_available(void);

#endif
