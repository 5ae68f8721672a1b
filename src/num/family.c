/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/num/family.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name, *argument[2];
} table[] = {
#define X(name, text, first, second) [name] = {text, {first, second}},
    PH_FAMILY_TABLE(X)
#undef X
};

const char *ph_family_name(ph_family family)
{
    return table[family].name;
}

const char *ph_family_argument(ph_family family, int k)
{
    return k == 0 || k == 1 ? table[family].argument[k] : NULL;
}

int ph_family_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}
