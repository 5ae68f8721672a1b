/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the cells of one row say together. The rules of ../../man/phasic-data.5, each in
 * one place: a cell by itself first, then the row.
 */
#include <math.h>
#include <string.h>

#include "phasic/base/buffer.h"
#include "private.h"

void ph_row_clear(ph_row *self, size_t n_rewards)
{
    memset(self->given, 0, sizeof self->given);
    self->value[PH_COLUMN_COUNT] = self->value[PH_COLUMN_EVENT] = 1;
    self->group = 0;
    self->rewards = 0;
    for (size_t k = 0; k < n_rewards; k++) {
        self->reward[k] = NAN;
    }
}

/* -------------------------------------------------------------------- cells */

/* The number of the word, from 1; 0: none. */
static int is_among(const char *text, size_t length, const char *const *words,
                    size_t n_words)
{
    for (size_t i = 0; i < n_words; i++) {
        if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0) {
            return (int)i + 1;
        }
    }
    return 0;
}

static const char *const missing_words[] = {"", "NA", "NaN", "nan"};

int ph_cell_is_missing(const char *text, size_t length)
{
    return is_among(text, length, missing_words,
                    sizeof missing_words / sizeof *missing_words);
}

const char *ph_missing_text(int missing)
{
    return missing_words[missing - 1];
}

static int is_infinite(const char *text, size_t length)
{
    static const char *const words[] = {"Inf",  "inf",  "INF",      "+Inf",
                                        "+inf", "+INF", "Infinity", "infinity"};
    return is_among(text, length, words, sizeof words / sizeof *words);
}

/* The lower end of R's interval2: nothing is known. */
static int is_minus_infinite(const char *text, size_t length)
{
    return length > 1 && text[0] == '-' && text[1] != '+' &&
           is_infinite(text + 1, length - 1);
}

/* A logical of R or Python as an event code; -1: none. */
static int read_logical(const char *text, size_t length)
{
    static const char *const yes[] = {"TRUE", "True", "true"};
    static const char *const no[] = {"FALSE", "False", "false"};
    return is_among(text, length, yes, 3) ? 1 : is_among(text, length, no, 3) ? 0 : -1;
}

static const char *complaint(ph_column_role role, double value, int discrete)
{
    if (role == PH_COLUMN_EVENT) {
        int good = value == 0 || value == 1 || value == 2 || value == 3;
        return good ? NULL : "is none of 0, 1, 2 and 3";
    }
    if (value < 0) {
        return "is negative";
    }
    if (role != PH_COLUMN_COUNT && discrete && value != floor(value)) {
        return "is not a whole number";
    }
    return NULL;
}

static const char *read_number(ph_column_role role, const char *text, size_t length,
                               int discrete, double *value)
{
    int upper = role == PH_COLUMN_UPPER || role == PH_COLUMN_TIME2;
    int logical = role == PH_COLUMN_EVENT ? read_logical(text, length) : -1;
    if (logical >= 0) {
        *value = logical;
        return NULL;
    }
    if (upper && is_infinite(text, length)) {
        *value = INFINITY;
        return NULL;
    }
    int status = ph_double_read(text, length, value);
    return status == PH_OK ? complaint(role, *value, discrete)
                           : "is not a finite number";
}

const char *ph_row_set(ph_row *self, const ph_column *column, const char *text,
                       size_t length, int discrete)
{
    ph_column_role role = column->role;
    double value;
    if (ph_cell_is_missing(text, length) ||
        (role == PH_COLUMN_LOWER && is_minus_infinite(text, length))) {
        return NULL;
    }
    const char *what = read_number(role, text, length, discrete, &value);
    if (what) {
        return what;
    }
    if (role == PH_COLUMN_REWARD) {
        self->reward[column->reward] = value;
        self->rewards++;
    } else {
        self->value[role] = value;
    }
    self->given[role] = 1;
    return NULL;
}

/* --------------------------------------------------------------------- rows */

static int fail(ph_row_fault *fault, ph_column_role role, const char *what)
{
    *fault = (ph_row_fault){role, 0, what};
    return PH_E_DATA;
}

/* Up to an end is left censoring, and takes in an absorption at 0; after 0 it does not.
 */
static void set_bounds(ph_observation *seen, double lower, double upper)
{
    int left = lower == 0 && upper < INFINITY;
    seen->kind = left ? PH_LEFT_CENSORED : PH_INTERVAL_CENSORED;
    seen->time = left ? upper : lower;
    seen->upper = upper;
}

/* From `time`, `time2` and the code of `event`, as R's Surv of type "interval". */
static int from_code(const ph_row *self, ph_observation *seen, ph_row_fault *fault)
{
    int code = (int)self->value[PH_COLUMN_EVENT];
    static const ph_observation_kind kinds[] = {PH_RIGHT_CENSORED, PH_OBSERVED,
                                                PH_LEFT_CENSORED, PH_INTERVAL_CENSORED};
    seen->kind = kinds[code];
    seen->time = self->value[PH_COLUMN_TIME];
    if (code == 3) {
        if (!self->given[PH_COLUMN_TIME2]) {
            return fail(fault, PH_COLUMN_EVENT, "needs a time2, the interval's end");
        }
        set_bounds(seen, seen->time, self->value[PH_COLUMN_TIME2]);
    }
    return PH_OK;
}

/* From `lower` and `upper`, at least one of which is given. */
static void from_bounds(const ph_row *self, ph_observation *seen, int *found)
{
    double lower = self->given[PH_COLUMN_LOWER] ? self->value[PH_COLUMN_LOWER] : 0;
    double upper =
        self->given[PH_COLUMN_UPPER] ? self->value[PH_COLUMN_UPPER] : INFINITY;
    set_bounds(seen, lower, upper);
    *found = self->given[PH_COLUMN_LOWER] || upper < INFINITY;
}

static const char is_censoring[] =
    "is censoring, which goes with a time, not with a reward";
static const char is_truncation[] = "goes with a time, not with a reward";

/* What may not stand beside a time that is a reward's total. */
static int check_total(const ph_row *self, const ph_observation *seen,
                       ph_row_fault *fault)
{
    int bounds = !self->given[PH_COLUMN_TIME];
    if (seen->kind != PH_OBSERVED) {
        return fail(fault,
                    !bounds                        ? PH_COLUMN_EVENT
                    : self->given[PH_COLUMN_UPPER] ? PH_COLUMN_UPPER
                                                   : PH_COLUMN_LOWER,
                    is_censoring);
    }
    return self->given[PH_COLUMN_ENTRY] ? fail(fault, PH_COLUMN_ENTRY, is_truncation)
                                        : PH_OK;
}

int ph_row_time(const ph_row *self, int total, ph_observation *seen, int *found,
                ph_row_fault *fault)
{
    const unsigned char *given = self->given;
    int bounds = given[PH_COLUMN_LOWER] || given[PH_COLUMN_UPPER];
    int code = given[PH_COLUMN_EVENT] ? (int)self->value[PH_COLUMN_EVENT] : 3;
    *seen = (ph_observation){.entry = PH_NO_ENTRY, .weight = 1};
    *found = 0;
    if (given[PH_COLUMN_TIME] && bounds) {
        return fail(fault, PH_COLUMN_TIME,
                    "stands beside a lower or an upper end in one row");
    }
    if (given[PH_COLUMN_TIME]) {
        *found = 1;
        int status = from_code(self, seen, fault);
        if (status != PH_OK) {
            return status;
        }
    } else if (bounds) {
        if (code != 3) {
            return fail(fault, PH_COLUMN_EVENT,
                        "goes with a time, not with a lower and an upper end");
        }
        from_bounds(self, seen, found);
    } else if (given[PH_COLUMN_TIME2]) {
        return fail(fault, PH_COLUMN_TIME2, "stands without a time");
    }
    const char *what = *found ? ph_observation_normalize(seen) : NULL;
    if (what) {
        return fail(fault, given[PH_COLUMN_UPPER] ? PH_COLUMN_UPPER : PH_COLUMN_TIME2,
                    what);
    }
    if (*found && total && check_total(self, seen, fault) != PH_OK) {
        return PH_E_DATA;
    }
    if (*found && given[PH_COLUMN_ENTRY]) {
        what = ph_observation_truncate(seen, self->value[PH_COLUMN_ENTRY]);
    }
    return what ? fail(fault, PH_COLUMN_ENTRY, what) : PH_OK;
}

/*
 * A reward is a total at absorption. Of a process that was stopped by the clock the
 * total so far says nothing simple: how far it is from the end depends on the rates.
 */
int ph_row_reward(const ph_row *self, size_t reward, ph_observation *seen,
                  ph_row_fault *fault)
{
    *seen = (ph_observation){
        .time = self->reward[reward] + 0.0, .entry = PH_NO_ENTRY, .weight = 1};
    if (self->given[PH_COLUMN_EVENT] && self->value[PH_COLUMN_EVENT] != 1 &&
        !self->given[PH_COLUMN_TIME]) {
        return fail(fault, PH_COLUMN_EVENT, is_censoring);
    }
    if (self->given[PH_COLUMN_EVENT] && self->value[PH_COLUMN_EVENT] == 0) {
        *fault = (ph_row_fault){PH_COLUMN_REWARD, reward,
                                "is given for a process that was still running; a "
                                "reward is the total at absorption"};
        return PH_E_DATA;
    }
    if (self->given[PH_COLUMN_ENTRY]) {
        return fail(fault, PH_COLUMN_ENTRY, is_truncation);
    }
    return PH_OK;
}
