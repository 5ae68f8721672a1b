/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The data reader against mutated files. One stream of random numbers makes the inputs,
 * so a failure can be repeated: fuzz_data [INPUTS [FIRST]]. Whatever the bytes, the
 * reader gives a data set in the form that data.h promises, or a message. Crashes are
 * the sanitizers' to find.
 */
#include <string.h>

#include "check.h"
#include "phasic/base/rng.h"
#include "phasic/data/data.h"

#define MOST 4096 /* bytes of an input */

/* A good file, and the options (see mutated_files) under which it is one. */
static const struct {
    const char *text;
    int options;
} seeds[] = {
    {"time\n1\n2.5\n", 0},
    {"1\n2\nNA\n", 1},
    {"time,event,count\n0.5,1,2\n1.25,1,1\n3,0,1\n", 0},
    {"lower,upper,weight\n1.5,1.5,1\n0,2,5\n1,Inf,1\n,3,1\n4,,2\n", 0},
    {"time,time2,status,entry\n2,3,3,1\n4,,0,0\n5,,1,0.5\n6,,2,\n", 0},
    {"time,time2\n1,2\nNA,2\n3,NA\n4,4\n", 1},
    {"left,right\n-Inf,2\n1,NA\n", 0},
    {"length,time,cost,event\n1,2,,1\n,3,2,1\n,2,,0\n", 1},
    {"time,group,length,cost,event\n1,a,2,3,1\n,b,,1,TRUE\n2,a,,,FALSE\n", 2},
    {"group,lower,upper\na,1,2\nb,0,3\na,4,\n", 2},
    {"size,time,note\n5,1,\"x, \"\"y\"\"\nz\"\n10,2,\n", 3},
    {"size,left,right,count\n5,1,2,3\n1e1,2,,0.5\n", 3},
    {"\xEF\xBB\xBFtime,event\r\n1,1\r\n2,0\r\n", 0},
};

static const char *const words[] = {
    ",",     "\n",    "\r\n", "\"",     "\"\"",  "NA",       "NaN",    "Inf",
    "-Inf",  "1e308", "1e-3", "-0",     "-1",    "0",        "1",      "2",
    "3",     "0x1p3", "time", "time2",  "event", "status",   "count",  "weight",
    "lower", "upper", "left", "right",  "entry", "group",    "length", "cost",
    "size",  "a",     "b",    "TRUE",   "1.5",   "\xFF\xFE", "\x80",   " ",
    "\t",    "\r",    "17",   ",,,,,,", "\n\n",
};

typedef struct input {
    char bytes[MOST + 1];
    size_t length;
    int options;
} input;

static size_t pick(ph_rng *rng, size_t n)
{
    size_t i = (size_t)(ph_rng_uniform(rng) * (double)n);
    return i < n ? i : n - 1;
}

/* Replaces `gone` bytes at `at` by text[0..length); the end is cut at MOST. */
static void splice(input *self, size_t at, size_t gone, const char *text, size_t length)
{
    char copy[MOST];
    size_t tail = self->length - at - gone;
    memcpy(copy, self->bytes + at + gone, tail);
    length = length > MOST - at ? MOST - at : length;
    memmove(self->bytes + at, text, length);
    tail = tail > MOST - at - length ? MOST - at - length : tail;
    memcpy(self->bytes + at + length, copy, tail);
    self->length = at + length + tail;
}

/* Mostly behind the header: a broken one hides the rest. */
static size_t pick_place(const input *self, ph_rng *rng)
{
    const char *line = memchr(self->bytes, '\n', self->length);
    size_t from = line && pick(rng, 4) > 0 ? (size_t)(line - self->bytes) + 1 : 0;
    return from + pick(rng, self->length - from + 1);
}

static void mutate(input *self, ph_rng *rng)
{
    size_t at = pick_place(self, rng), rest = self->length - at;
    size_t span = pick(rng, 12) < rest ? pick(rng, 12) : 0;
    span = span < rest ? span : rest;
    const char *word = words[pick(rng, sizeof words / sizeof *words)];
    char text[64], byte = (char)pick(rng, 256);
    switch (pick(rng, 6)) {
    case 0: splice(self, at, 0, word, strlen(word)); break;
    case 1: splice(self, at, span, word, strlen(word)); break;
    case 2: splice(self, at, span, "", 0); break;
    case 3: splice(self, at, rest > 0, &byte, 1); break;
    case 4: /* a piece twice */
        memcpy(text, self->bytes + at, span);
        splice(self, pick_place(self, rng), 0, text, span);
        break;
    default: { /* a piece of another seed */
        const char *other = seeds[pick(rng, sizeof seeds / sizeof *seeds)].text;
        size_t from = pick(rng, strlen(other));
        splice(self, at, span, other + from, strlen(other) - from);
    }
    }
}

static void make(input *self, uint32_t number)
{
    ph_rng rng;
    ph_rng_init(&rng, 1, PH_RNG_TEST, number, 0);
    size_t seed = pick(&rng, sizeof seeds / sizeof *seeds);
    self->length = strlen(seeds[seed].text);
    memcpy(self->bytes, seeds[seed].text, self->length);
    self->options = pick(&rng, 8) == 0 ? (int)pick(&rng, 4) : seeds[seed].options;
    for (size_t n = 1 + pick(&rng, pick(&rng, 2) ? 2 : 8); n > 0; n--) {
        mutate(self, &rng);
    }
}

/* ------------------------------------------------------------- what must hold */

static int is_sound(const ph_observation *it)
{
    int interval = it->kind == PH_INTERVAL_CENSORED;
    int ends = interval ? it->upper > it->time && isfinite(it->upper) : it->upper == 0;
    int entry = it->entry == PH_NO_ENTRY || (it->entry >= 0 && it->entry <= it->time);
    return isfinite(it->time) && it->time >= 0 && !signbit(it->time) && ends && entry &&
           it->weight > 0 && isfinite(it->weight) && (unsigned)it->kind <= 3;
}

static void check_data(const ph_data *data)
{
    assert_true(data->n > 0 && data->n_parts > 0 && data->total_weight > 0);
    assert_true(data->missing < data->rows && data->composite <= data->rows);
    size_t next = 0;
    for (size_t k = 0; k < data->n_parts; k++) {
        const ph_data_part *part = &data->part[k];
        assert_true(part->first == next && part->end > part->first);
        assert_true(data->n_groups == 0 ? part->group == 0
                                        : part->group < data->n_groups);
        assert_true(isfinite(part->median) && part->median >= 0);
        for (size_t i = part->first; i < part->end; i++) {
            assert_int_equal(data->observation[i].part, k);
            assert_true(is_sound(&data->observation[i]));
        }
        next = part->end;
    }
    assert_true(next == data->n);
}

static void check_error(const ph_error *error, int status)
{
    assert_int_equal(status, PH_E_DATA);
    assert_int_equal(error->status, status);
    assert_true(error->message[0] != '\0');
    for (const char *c = error->message; *c; c++) {
        assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
    }
}

/* 1 where the input was a data set. */
static int check_input(const input *self, const ph_data_options *options)
{
    ph_data *data = NULL;
    ph_error error = {0};
    /* a block of its own size: reading beyond it is seen */
    char *bytes = malloc(self->length ? self->length : 1);
    memcpy(bytes, self->bytes, self->length);
    int status = ph_data_parse(&data, "fuzz", bytes, self->length, options, &error);
    free(bytes);
    if (status == PH_OK) {
        check_data(data);
    } else {
        assert_null(data);
        check_error(&error, status);
    }
    ph_data_free(data);
    return status == PH_OK;
}

typedef struct range {
    unsigned long first, inputs;
} range;

static void mutated_files(void **state)
{
    const range *todo = *state;
    const char *rewards[] = {"length", "cost", "left"}, *labels[] = {"a", "b"};
    const char *ignore[] = {"note", "cost"};
    const ph_data_options options[] = {
        {.ignore = ignore, .n_ignore = 2},
        {.discrete = 1, .rewards = rewards, .n_rewards = 2},
        {.rewards = rewards, .n_rewards = 3, .label = labels, .n_labels = 2},
        {.group = "size", .group_is_number = 1, .ignore = ignore, .n_ignore = 1},
    };
    unsigned long good = 0;
    input one;
    for (unsigned long i = 0; i < todo->inputs; i++) {
        make(&one, (uint32_t)(todo->first + i));
        good += (unsigned long)check_input(&one, &options[one.options]);
    }
    /* the inputs reach behind the header, or they would show little */
    assert_true(todo->inputs < 1000 || good > todo->inputs / 20);
    assert_true(good < todo->inputs);
}

int main(int argc, char **argv)
{
    range todo = {argc > 2 ? strtoul(argv[2], NULL, 10) : 0,
                  argc > 1 ? strtoul(argv[1], NULL, 10) : 20000};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(mutated_files, &todo),
    };
    return ph_check_run(tests);
}
