/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "phasic/base/status.h"

#include <stddef.h>

static const struct {
    int status, exit_code;
    const char *text;
} table[] = {
#define X(name, value, exit_code, text) {name, exit_code, text},
    PH_STATUS_TABLE(X)
#undef X
};

const char *ph_status_text(int status)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].status == status) {
            return table[i].text;
        }
    }
    return status >= 0 ? "done" : "unknown error";
}

int ph_status_exit(int status)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].status == status) {
            return table[i].exit_code;
        }
    }
    return status >= 0 ? 0 : 70;
}
