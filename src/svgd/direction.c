/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "direction.h"

#include <math.h>
#include <stdio.h>

#define SHOWN 0.3 /* of a unit vector */

char *ph_direction_text(const ph_target *target, const double *direction, char *text,
                        size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t k = 0; k < target->d && used < size; k++) {
        char number[32];
        snprintf(number, sizeof number, "parameter %zu", k + 1);
        const char *name = target->name ? target->name(target->context, k) : number;
        if (fabs(direction[k]) > SHOWN) {
            int wrote = snprintf(text + used, size - used, "%s%s (%+.2f)",
                                 used ? ", " : "", name, direction[k]);
            used += wrote > 0 ? (size_t)wrote : 0;
        }
    }
    return text;
}
