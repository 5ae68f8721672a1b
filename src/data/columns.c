/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names of the columns of a data file: the format's own, and the spellings of R's
 * survival (status, time2), lifelines (its arguments) and fitdistrplus (left, right).
 */
#include <stdlib.h>
#include <string.h>

#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"
#include "phasic/base/names.h"
#include "private.h"

static const struct {
    const char *name;
    ph_column_role role;
    int yields; /* to a reward of that name */
} known[] = {
    {"time", PH_COLUMN_TIME, 0},         {"count", PH_COLUMN_COUNT, 0},
    {"weight", PH_COLUMN_COUNT, 0},      {"event", PH_COLUMN_EVENT, 0},
    {"status", PH_COLUMN_EVENT, 0},      {"time2", PH_COLUMN_TIME2, 0},
    {"lower", PH_COLUMN_LOWER, 0},       {"left", PH_COLUMN_LOWER, 0},
    {"upper", PH_COLUMN_UPPER, 0},       {"right", PH_COLUMN_UPPER, 0},
    {"entry", PH_COLUMN_ENTRY, 0},       {"duration", PH_COLUMN_TIME, 1},
    {"weights", PH_COLUMN_COUNT, 1},     {"event_observed", PH_COLUMN_EVENT, 1},
    {"lower_bound", PH_COLUMN_LOWER, 1}, {"upper_bound", PH_COLUMN_UPPER, 1},
};
#define N_KNOWN (sizeof known / sizeof *known)

char *ph_printable(const char *text, size_t length, char buffer[PH_SHOWN_TEXT + 1])
{
    size_t room = length > PH_SHOWN_TEXT ? PH_SHOWN_TEXT - 3 : PH_SHOWN_TEXT;
    size_t n = 0, i = 0;
    while (i < length) {
        size_t bytes = ph_character(text + i, length - i), step = bytes ? bytes : 1;
        if (n + step > room) {
            break;
        }
        memcpy(buffer + n, bytes ? text + i : "?", step);
        n += step;
        i += step;
    }
    if (i < length) {
        memcpy(buffer + n, "...", 3);
        n += 3;
    }
    buffer[n] = '\0';
    return buffer;
}

/* ---------------------------------------------------------------- one by one */

static long find_name(const char *name, const char *const *names, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (strcmp(name, names[i]) == 0) {
            return (long)i;
        }
    }
    return -1;
}

static long find_known(const char *name)
{
    for (size_t i = 0; i < N_KNOWN; i++) {
        if (strcmp(name, known[i].name) == 0) {
            return (long)i;
        }
    }
    return -1;
}

static int unknown(const char *name, const ph_data_options *options, ph_error *error)
{
    const char **names = ph_alloc(N_KNOWN + 1 + options->n_rewards, sizeof *names);
    if (!names) {
        return ph_error_set(error, PH_E_MEMORY, "out of memory");
    }
    size_t n = 0;
    for (size_t i = 0; i < N_KNOWN; i++) {
        names[n++] = known[i].name;
    }
    names[n++] = options->group ? options->group : "group";
    for (size_t i = 0; i < options->n_rewards; i++) {
        names[n++] = options->rewards[i];
    }
    const char *near = ph_nearest_name(name, names, n);
    ph_error_found(error, name, -1);
    int status = ph_error_set(
        error, PH_E_DATA,
        "unknown column%s%s%s; expected time, a reward of the model, count (or "
        "weight), "
        "event (or status), lower, upper, entry or group; --ignore-columns leaves "
        "others out",
        near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    free(names);
    return status;
}

/* A column of groups needs somebody who knows what they mean. */
static int check_group(const char *name, const ph_data_options *options,
                       ph_error *error)
{
    if (options->group_is_number || options->n_labels > 0) {
        return PH_OK;
    }
    return ph_error_set(error, PH_E_DATA,
                        "nothing says what a group changes: give the model \"groups\" "
                        "(label to constants), or pass --group %s=CONSTANT where the "
                        "labels are values of a constant, or --ignore-columns %s",
                        name, name);
}

static int find_role(ph_column *self, const ph_data_options *options, ph_error *error)
{
    if (find_name(self->name, options->ignore, options->n_ignore) >= 0) {
        return PH_OK;
    }
    if (strcmp(self->name, options->group ? options->group : "group") == 0) {
        self->role = PH_COLUMN_GROUP;
        return check_group(self->name, options, error);
    }
    long reward = find_name(self->name, options->rewards, options->n_rewards);
    long word = find_known(self->name);
    self->role = word >= 0 ? known[word].role : PH_COLUMN_IGNORED;
    if (reward >= 0 && word >= 0 && !known[word].yields) {
        return ph_error_set(error, PH_E_DATA,
                            "this is both a reward of the model and a column of the "
                            "format; call the reward something else, or pass "
                            "--ignore-columns %s",
                            self->name);
    }
    if (reward >= 0) {
        self->role = PH_COLUMN_REWARD;
        self->reward = (size_t)reward;
        return PH_OK;
    }
    return self->role == PH_COLUMN_IGNORED ? unknown(self->name, options, error)
                                           : PH_OK;
}

/* -------------------------------------------------------------- all together */

/* Whether `a` holds times that are totals of the reward whose column `b` is. */
static int is_total(const ph_column *a, const ph_column *b, size_t total)
{
    return (a->role == PH_COLUMN_TIME || a->role == PH_COLUMN_LOWER) &&
           b->role == PH_COLUMN_REWARD && b->reward + 1 == total;
}

static int same_meaning(const ph_column *a, const ph_column *b, size_t total)
{
    return (a->role != PH_COLUMN_IGNORED && a->role == b->role &&
            (a->role != PH_COLUMN_REWARD || a->reward == b->reward)) ||
           is_total(a, b, total) || is_total(b, a, total);
}

static int check_twice(const ph_column *columns, size_t k, size_t total,
                       ph_error *error)
{
    for (size_t i = 0; i < k; i++) {
        if (same_meaning(&columns[i], &columns[k], total)) {
            return ph_error_set(error, PH_E_DATA,
                                "a second column of the same meaning as '%s'",
                                columns[i].name);
        }
    }
    return PH_OK;
}

/* R's Surv(time, time2, type = "interval2") has no codes: the columns are bounds. */
static void bounds_without_codes(ph_column *columns, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        ph_column *it = &columns[k];
        it->role = it->role == PH_COLUMN_TIME    ? PH_COLUMN_LOWER
                   : it->role == PH_COLUMN_TIME2 ? PH_COLUMN_UPPER
                                                 : it->role;
    }
}

static int lacks(ph_error *error, const char *name, const char *other)
{
    return ph_error_set(error, PH_E_DATA, "a column '%s' needs a column '%s' beside it",
                        name, other);
}

static int check_together(ph_column *columns, size_t n, const ph_data_options *options,
                          ph_error *error)
{
    const char *name[PH_COLUMN_ROLES] = {NULL};
    for (size_t k = 0; k < n; k++) {
        name[columns[k].role] = columns[k].name;
    }
    const char *lower = name[PH_COLUMN_LOWER], *upper = name[PH_COLUMN_UPPER];
    const char *time = name[PH_COLUMN_TIME], *time2 = name[PH_COLUMN_TIME2];
    if (time2 && (lower || upper)) {
        return ph_error_set(error, PH_E_DATA,
                            "the column 'time2' has the meaning of '%s'; keep one",
                            upper ? upper : lower);
    }
    if (!lower != !upper) {
        return lower ? lacks(error, lower, strcmp(lower, "left") ? "upper" : "right")
                     : lacks(error, upper, strcmp(upper, "right") ? "lower" : "left");
    }
    if (time2 && !time) {
        return lacks(error, "time2", "time");
    }
    if (name[PH_COLUMN_EVENT] && !time && !name[PH_COLUMN_REWARD]) {
        return lacks(error, name[PH_COLUMN_EVENT], "time");
    }
    if (!time && !lower && !name[PH_COLUMN_REWARD]) {
        return ph_error_set(error, PH_E_DATA,
                            "no column 'time', 'lower' and 'upper', or of a reward, "
                            "among the names of the first row");
    }
    if (options->group_is_number && !name[PH_COLUMN_GROUP]) {
        return ph_error_set(error, PH_E_DATA,
                            "there is no column '%s', which --group names",
                            options->group);
    }
    if (options->n_labels > 0 && !name[PH_COLUMN_GROUP]) {
        return ph_error_set(error, PH_E_DATA,
                            "the model has groups, but there is no column 'group' that "
                            "says to which an observation belongs");
    }
    if (time2 && !name[PH_COLUMN_EVENT]) {
        bounds_without_codes(columns, n);
    }
    return PH_OK;
}

int ph_columns_find(ph_column *columns, size_t n, const ph_data_options *options,
                    ph_error *error)
{
    for (size_t k = 0; k < n; k++) {
        if (columns[k].name[0] == '\0') {
            ph_error_place(error, "column %zu", k + 1);
            return ph_error_set(error, PH_E_DATA, "this column has no name");
        }
        int status = find_role(&columns[k], options, error);
        if (status == PH_OK) {
            status = check_twice(columns, k, options->total, error);
        }
        if (status != PH_OK) {
            char cut[PH_SHOWN_TEXT + 1];
            ph_error_place(error, "column '%s'",
                           ph_printable(columns[k].name, strlen(columns[k].name), cut));
            return status;
        }
    }
    return check_together(columns, n, options, error);
}
