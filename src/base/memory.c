/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/status.h"

#define ALIGNMENT 64

void *ph_alloc(size_t n, size_t size)
{
    return size != 0 && n > SIZE_MAX / size ? NULL : calloc(n ? n : 1, size);
}

void *ph_realloc(void *block, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size) {
        return NULL;
    }
    size_t bytes = n * size;
    return realloc(block, bytes > 0 ? bytes : 1);
}

char *ph_strndup(const char *text, size_t length)
{
    char *copy = ph_alloc(length + 1, 1);
    if (copy) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *ph_strdup(const char *text)
{
    return ph_strndup(text, strlen(text));
}

int ph_grow(void *block_pointer, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity) {
        return PH_OK;
    }
    size_t wanted = *capacity < 16 ? 16 : *capacity + *capacity / 2;
    if (wanted < need) {
        wanted = need;
    }
    void *block;
    memcpy(&block, block_pointer, sizeof block);
    block = ph_realloc(block, wanted, size);
    if (!block) {
        return PH_E_MEMORY;
    }
    memcpy(block_pointer, &block, sizeof block);
    *capacity = wanted;
    return PH_OK;
}

void *ph_alloc_aligned(size_t n, size_t size)
{
    if (size != 0 && n > (SIZE_MAX - ALIGNMENT) / size) {
        return NULL;
    }
    size_t bytes = (n * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *block = aligned_alloc(ALIGNMENT, bytes ? bytes : ALIGNMENT);
    if (block) {
        memset(block, 0, bytes);
    }
    return block;
}

void ph_free_aligned(void *block)
{
    free(block);
}

int ph_grow_aligned(void *block_pointer, size_t *capacity, size_t used, size_t need,
                    size_t size)
{
    if (need <= *capacity) {
        return PH_OK;
    }
    size_t wanted = need > *capacity + *capacity / 2 ? need : *capacity + *capacity / 2;
    void *block, *larger = ph_alloc_aligned(wanted, size);
    if (!larger) {
        return PH_E_MEMORY;
    }
    memcpy(&block, block_pointer, sizeof block);
    if (used > 0) {
        memcpy(larger, block, used * size);
    }
    ph_free_aligned(block);
    memcpy(block_pointer, &larger, sizeof larger);
    *capacity = wanted;
    return PH_OK;
}
