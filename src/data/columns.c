/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names of the columns of a data file. */
#include <string.h>

#include "private.h"

static const struct {
    const char *name;
    ph_column_role role;
    const char *missing; /* what this version would need to use the column */
} known[] = {
    {"time", PH_COLUMN_TIME, NULL},
    {"count", PH_COLUMN_COUNT, NULL},
    {"weight", PH_COLUMN_COUNT, NULL},
    {"event", PH_COLUMN_EVENT, NULL},
    {"status", PH_COLUMN_EVENT, NULL},
    {"lower", PH_COLUMN_IGNORED, "interval-censored observations"},
    {"upper", PH_COLUMN_IGNORED, "interval-censored observations"},
    {"entry", PH_COLUMN_IGNORED, "left-truncated observations"},
    {"group", PH_COLUMN_IGNORED, "groups of observations"},
};
#define N_KNOWN (sizeof known / sizeof *known)

static int is_among(const char *name, const char *const *names, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (strcmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

#define LONGEST 32 /* names beyond it resemble nothing */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edit distance of two names (Wagner & Fischer 1974). */
static size_t edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), row[LONGEST + 1];
    if (n > LONGEST || m > LONGEST) {
        return LONGEST;
    }
    for (size_t j = 0; j <= m; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t substitute = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(substitute, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[m];
}

static const char *nearest(const char *name, const ph_data_options *options)
{
    const char *best = NULL;
    size_t distance = 3;
    for (size_t i = 0; i < N_KNOWN + options->n_rewards; i++) {
        const char *it = i < N_KNOWN ? known[i].name : options->rewards[i - N_KNOWN];
        size_t here = edit_distance(name, it);
        if (here < distance && here < strlen(it)) {
            distance = here;
            best = it;
        }
    }
    return best;
}

static int unsupported(const char *name, const char *what, ph_error *error)
{
    return ph_error_set(error, PH_E_FEATURE,
                        "%s are not supported in this version: leave the column out, "
                        "or pass --ignore-columns %s",
                        what, name);
}

int ph_column_find(const char *name, const ph_data_options *options,
                   ph_column_role *role, ph_error *error)
{
    *role = PH_COLUMN_IGNORED;
    if (is_among(name, options->ignore, options->n_ignore)) {
        return PH_OK;
    }
    for (size_t i = 0; i < N_KNOWN; i++) {
        if (strcmp(name, known[i].name) == 0) {
            *role = known[i].role;
            return known[i].missing ? unsupported(name, known[i].missing, error)
                                    : PH_OK;
        }
    }
    if (is_among(name, options->rewards, options->n_rewards)) {
        return unsupported(name, "observations of a reward", error);
    }
    ph_error_found(error, name, -1);
    const char *hint = nearest(name, options);
    return ph_error_set(
        error, PH_E_DATA,
        "unknown column%s%s%s; expected time, count (or weight) or event "
        "(or status); --ignore-columns leaves others out",
        hint ? " (did you mean '" : "", hint ? hint : "", hint ? "'?)" : "");
}
