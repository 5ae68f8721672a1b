/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The data reader: every column, every error with its place, merging, the median. */
#include <locale.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "check.h"
#include "phasic/base/memory.h"
#include "phasic/data/data.h"

static const ph_data_options plain = {0};

static ph_data *parse_with(const char *text, const ph_data_options *options)
{
    ph_data *data = NULL;
    ph_error error = {0};
    int status = ph_data_parse(&data, "x.csv", text, strlen(text), options, &error);
    if (status != PH_OK) {
        char line[1024];
        fail_msg("%s", ph_error_text(&error, line, sizeof line));
    }
    return data;
}

static ph_data *parse(const char *text)
{
    return parse_with(text, &plain);
}

static ph_error refuse_bytes(const char *bytes, size_t length,
                             const ph_data_options *options, int status)
{
    ph_data *data = NULL;
    ph_error error = {0};
    assert_int_equal(ph_data_parse(&data, "x.csv", bytes, length, options, &error),
                     status);
    assert_null(data);
    assert_int_equal(error.status, status);
    assert_string_equal(error.file, "x.csv");
    assert_int_equal(ph_data_parse(&data, "x.csv", bytes, length, options, NULL),
                     status);
    return error;
}

static ph_error refuse_with(const char *text, const ph_data_options *options,
                            int status)
{
    return refuse_bytes(text, strlen(text), options, status);
}

static ph_error refuse(const char *text)
{
    return refuse_with(text, &plain, PH_E_DATA);
}

/* The message holds `part`. */
static void assert_says(const ph_error *error, const char *part)
{
    if (!strstr(error->message, part)) {
        fail_msg("'%s' does not say '%s'", error->message, part);
    }
}

static void assert_is(const ph_data *data, size_t i, ph_observation_kind kind,
                      double time, double weight)
{
    assert_true(i < data->n);
    assert_int_equal(data->observation[i].kind, kind);
    assert_true(data->observation[i].time == time);
    assert_true(data->observation[i].weight == weight);
}

/* ------------------------------------------------------------------ reading */

static void test_columns(void **state)
{
    (void)state;
    ph_data *data = parse("count,time,event\n2,0.5,1\n1,3,0\n0,9,1\n2.5,.25,1\n");
    assert_int_equal(data->rows, 4);
    assert_int_equal(data->missing, 0);
    assert_int_equal(data->n, 3); /* the row of count 0 is dropped */
    assert_is(data, 0, PH_OBSERVED, 0.25, 2.5);
    assert_is(data, 1, PH_OBSERVED, 0.5, 2);
    assert_is(data, 2, PH_RIGHT_CENSORED, 3, 1);
    assert_true(data->total_weight == 5.5);
    assert_string_equal(data->file, "x.csv");
    ph_data_free(data);
    data = parse("status,weight,time\n0,1e1,2e-1\n");
    assert_is(data, 0, PH_RIGHT_CENSORED, 0.2, 10);
    ph_data_free(data);
    ph_data_free(NULL);
}

static void test_merging(void **state)
{
    (void)state;
    ph_data *data = parse("time,event\n2,1\n1,1\n2.0,1\n2,0\n-0,1\n0,1\n20e-1,1\n");
    assert_int_equal(data->rows, 7);
    assert_int_equal(data->n, 4);
    assert_is(data, 0, PH_OBSERVED, 0, 2);
    assert_false(signbit(data->observation[0].time));
    assert_is(data, 1, PH_OBSERVED, 1, 1);
    assert_is(data, 2, PH_OBSERVED, 2, 3);
    assert_is(data, 3, PH_RIGHT_CENSORED, 2, 1);
    ph_data_free(data);
}

/* One column of numbers needs no header. */
static void test_headerless(void **state)
{
    (void)state;
    ph_data *data = parse("3\n1.5\n3\n");
    assert_int_equal(data->rows, 3);
    assert_is(data, 0, PH_OBSERVED, 1.5, 1);
    assert_is(data, 1, PH_OBSERVED, 3, 2);
    ph_data_free(data);
    data = parse("NA\n4\n");
    assert_int_equal(data->rows, 2);
    assert_int_equal(data->missing, 1);
    assert_is(data, 0, PH_OBSERVED, 4, 1);
    ph_data_free(data);
    ph_error error = refuse("1,2\n3,4\n");
    assert_says(&error, "names of the columns");
    error = refuse("-1\n2\n");
    assert_says(&error, "time '-1' is negative");
    assert_int_equal(error.line, 1);
}

static void test_dialect(void **state)
{
    (void)state;
    const char *same[] = {
        "time,event\n1,1\n2,0\n",
        "time,event\r\n1,1\r\n2,0\r\n",
        "time,event\r1,1\r2,0\r",
        "\xEF\xBB\xBFtime,event\n1,1\n2,0\n",
        "\n\ntime,event\n\n1,1\n \t\n2,0\n\n\n",
        "time,event\n1,1\n2,0",
        "\"time\",\"event\"\n\"1\",\"1\"\n\"2\",0\n",
        " time , event \n 1 , 1 \n\t2,0\n",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        ph_data *data = parse(same[i]);
        assert_int_equal(data->rows, 2);
        assert_int_equal(data->n, 2);
        assert_is(data, 0, PH_OBSERVED, 1, 1);
        assert_is(data, 1, PH_RIGHT_CENSORED, 2, 1);
        ph_data_free(data);
    }
}

static void test_missing(void **state)
{
    (void)state;
    ph_data *data = parse("time,event,count\n1,1,1\n,1,1\nNA,,\nNaN,0,1\n\"\",1,1\n");
    assert_int_equal(data->rows, 5);
    assert_int_equal(data->missing, 4);
    assert_int_equal(data->n, 1);
    assert_true(data->total_weight == 1);
    ph_data_free(data);
    ph_error error = refuse("time,event\n1,\n2,NA\n");
    assert_says(&error, "2 bad cells: line 2: event '' is none of 0, 1, 2");
    error = refuse("time,count\n1,\n");
    assert_says(&error, "line 2: count ''");
    error =
        refuse("time,count\nNA,x\n"); /* bad cells count in rows without a time too */
    assert_says(&error, "line 2: count 'x'");
}

static void test_ignored(void **state)
{
    (void)state;
    const char *names[] = {"group", "note"};
    const ph_data_options options = {.ignore = names, .n_ignore = 2};
    ph_data *data = parse_with(
        "time,group,note\n1,a,\"x, y\"\n2,b,\"two\nlines \"\"quoted\"\"\"\n", &options);
    assert_int_equal(data->n, 2);
    ph_data_free(data);
    ph_error error = refuse_with("time,group,notes\n1,a,b\n", &options, PH_E_DATA);
    assert_string_equal(error.place, "column 'notes'");
}

static void test_discrete(void **state)
{
    (void)state;
    const ph_data_options options = {.discrete = 1};
    ph_data *data = parse_with("time,count\n3,1.5\n0,1\n2e1,1\n4.0,1\n", &options);
    assert_int_equal(data->n, 4);
    ph_data_free(data);
    ph_error error = refuse_with("time\n3\n2.5\n", &options, PH_E_DATA);
    assert_says(&error, "line 3: time '2.5' is not a whole number");
}

/* ------------------------------------------------------------------- errors */

static void test_bad_cells(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says, *found;
        long line;
    } table[] = {
        {"time\n1\nabc\n", "1 bad cell: line 3: time 'abc' is not a finite number",
         "abc", 3},
        {"time\n-1e-300\n", "time '-1e-300' is negative", "-1e-300", 2},
        {"time\ninf\n", "time 'inf' is not a finite number", "inf", 2},
        {"time\n1e999\n", "time '1e999' is not a finite number", "1e999", 2},
        {"time\n0x10\n", "time '0x10' is not a finite number", "0x10", 2},
        {"time\n\"1,5\"\n", "time '1,5' is not a finite number", "1,5", 2},
        {"time\n1 2\n", "time '1 2' is not a finite number", "1 2", 2},
        {"time,count\n1,-2\n", "count '-2' is negative", "-2", 2},
        {"time,weight\n1,Inf\n", "weight 'Inf' is not a finite number", "Inf", 2},
        {"time,event\n1,4\n", "event '4' is none of 0, 1, 2 and 3", "4", 2},
        {"time,event\n1,-1\n", "event '-1' is none of 0, 1, 2 and 3", "-1", 2},
        {"time,event\n1,0.5\n", "event '0.5' is none of 0, 1, 2 and 3", "0.5", 2},
        {"time,event\n1,yes\n", "event 'yes' is not a finite number", "yes", 2},
        {"time\n\x01\x7F\xC3\xA9\n", "time '\?\?\xC3\xA9' is not", "\?\?\xC3\xA9", 2},
        {"time\n12345678901234567890x\n", "time '1234567890123...' is",
         "1234567890123...", 2},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        ph_error error = refuse(table[i].text);
        assert_says(&error, table[i].says);
        assert_string_equal(error.found, table[i].found);
        assert_int_equal(error.line, table[i].line);
        assert_memory_equal(error.place, "column '", 8);
    }
}

/* All bad cells are counted, ten are shown, in one message that is not cut. */
static void test_many_bad_cells(void **state)
{
    (void)state;
    char text[20000] = "weight,time\n";
    for (int i = 0; i < 200; i++) {
        strcat(text, "-12345678901234567890,aaaaaaaaaaaaaaaaaaaa\n");
    }
    ph_error error = refuse(text);
    assert_memory_equal(error.message, "400 bad cells: line 2: weight '-123", 35);
    assert_says(&error,
                "line 2: time 'aaaaaaaaaaaaa...' is not a finite number; line 3");
    assert_says(&error, "line 6: time");
    assert_null(strstr(error.message, "line 7"));
    assert_string_equal(error.message + strlen(error.message) - 14, "; and 390 more");
    assert_string_equal(error.place, "column 'weight'");
    error = refuse("time\nx\n1\ny\n");
    assert_says(&error, "2 bad cells: line 2: time 'x' is not a finite number; line 4");
}

static void test_ragged(void **state)
{
    (void)state;
    ph_error error = refuse("time,event\n1,1\n2\n3,1,1\n");
    assert_says(&error, "2 bad cells: line 3: 1 cells instead of 2; line 4: 3 cells");
    assert_int_equal(error.line, 3);
    error = refuse("time\n1\n2,3\n");
    assert_says(&error, "line 3: 2 cells instead of 1");
    error = refuse("1\n2,3\n"); /* without a header */
    assert_says(&error, "line 2: 2 cells instead of 1");
}

/* Lines are physical ones: those within quotes count. */
static void test_lines(void **state)
{
    (void)state;
    const char *names[] = {"note"};
    const ph_data_options options = {.ignore = names, .n_ignore = 1};
    ph_error error = refuse_with("note,time\n\"a\nb\r\n\nc\",1\n\n\"d\ne\",x\n",
                                 &options, PH_E_DATA);
    assert_says(&error, "line 8: time 'x'"); /* the cell begins where the note ends */
    error = refuse_with("\"no\nte\",time\n1,2\n", &options, PH_E_DATA);
    assert_int_equal(error.line, 1);
    error = refuse("time\r\n1\r\nx\r\n");
    assert_int_equal(error.line, 3);
    error = refuse("time\r1\rx\r");
    assert_int_equal(error.line, 3);
    error = refuse("\n\n\ntime\n\n1\n\nx\n");
    assert_int_equal(error.line, 8);
}

static void test_quotes(void **state)
{
    (void)state;
    ph_error error = refuse("time\n1\n2\"3\n");
    assert_says(&error, "quote");
    assert_int_equal(error.line, 3);
    error = refuse("time\n\"1\"2\n");
    assert_int_equal(error.line, 2);
    error = refuse("time\n1\n\"2\n3\n4\n");
    assert_says(&error, "never closed");
    assert_int_equal(error.line, 3);
}

static void test_header_errors(void **state)
{
    (void)state;
    const char *rewards[] = {"total_length"};
    const ph_data_options options = {.rewards = rewards, .n_rewards = 1};
    ph_error error = refuse("tme\n1\n");
    assert_says(&error, "did you mean 'time'?");
    assert_string_equal(error.place, "column 'tme'");
    assert_string_equal(error.found, "tme");
    assert_int_equal(error.line, 1);
    error = refuse("time,flavour\n1,2\n");
    assert_says(&error, "unknown column;");
    error = refuse_with("time,total_lenght\n1,1\n", &options, PH_E_DATA);
    assert_says(&error, "did you mean 'total_length'?");
    error = refuse("time,event,time\n1,1,1\n");
    assert_says(&error, "second column");
    error = refuse("time,count,weight\n1,1,1\n");
    assert_says(&error, "same meaning as 'count'");
    assert_string_equal(error.place, "column 'weight'");
    error = refuse("time,event,status\n1,1,1\n");
    assert_says(&error, "same meaning as 'event'");
    error = refuse("event,count\n1,1\n");
    assert_says(&error, "a column 'event' needs a column 'time'");
    error = refuse("count\n1\n");
    assert_says(&error, "no column 'time'");
    error = refuse("time,\n1,1\n");
    assert_string_equal(error.place, "column 2");
}

static void test_empty(void **state)
{
    (void)state;
    const char *texts[] = {"",           "\n\n",         "time\n", "time,count\n1,0\n",
                           "time\nNA\n", "\xEF\xBB\xBF", "NA\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ph_error error = refuse(texts[i]);
        assert_says(&error, "holds no observations");
    }
    ph_error error = refuse("time,count\n1,1e308\n2,1e308\n");
    assert_says(&error, "more than a double holds");
}

static void test_binary(void **state)
{
    (void)state;
    ph_error error = refuse_bytes("time\n1\n2\0\n", 10, &plain, PH_E_DATA);
    assert_says(&error, "NUL byte");
    assert_int_equal(error.line, 3);
    error = refuse_bytes("\xFF\xFEt\0i\0m\0e\0\n\0", 12, &plain, PH_E_DATA);
    assert_says(&error, "UTF-16");
    size_t length = 10000000;
    char *bytes = ph_alloc(length, 1);
    uint32_t x = 12345;
    for (int kind = 0; kind < 3; kind++) { /* noise; noise without lines; commas */
        for (size_t i = 0; i < length; i++) {
            x = x * 1664525u + 1013904223u;
            int byte = (int)(x >> 24);
            bytes[i] = kind == 2                 ? ','
                       : byte == 0               ? 1
                       : kind == 0               ? (char)byte
                       : strchr("\"\r\n,", byte) ? 2
                                                 : (char)byte;
        }
        error = refuse_bytes(bytes, length, &plain, PH_E_DATA);
        for (const char *c = error.message; *c; c++) {
            assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
        }
        for (const char *c = error.place; *c; c++) {
            assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
        }
    }
    free(bytes);
}

/* -------------------------------------------------------------------- kinds */

/* One observation as it should come out. */
typedef struct expected {
    ph_observation_kind kind;
    double time, upper, entry, weight;
} expected;

static void assert_all(const char *text, size_t n, const expected *list)
{
    ph_data *data = parse(text);
    assert_int_equal(data->n, n);
    for (size_t i = 0; i < n; i++) {
        const ph_observation *it = &data->observation[i];
        assert_is(data, i, list[i].kind, list[i].time, list[i].weight);
        assert_true(it->upper == list[i].upper);
        assert_true(it->entry == list[i].entry);
        assert_int_equal(it->part, 0);
    }
    ph_data_free(data);
}

#define NO PH_NO_ENTRY

/* Five kinds of row: lower and upper say by themselves what they are. */
static void test_bounds(void **state)
{
    (void)state;
    const expected list[] = {
        {PH_OBSERVED, 0, 0, NO, 1},          {PH_OBSERVED, 2, 0, NO, 1},
        {PH_RIGHT_CENSORED, 1, 0, NO, 4},    {PH_LEFT_CENSORED, 3, 0, NO, 4},
        {PH_INTERVAL_CENSORED, 1, 2, NO, 2}, {PH_INTERVAL_CENSORED, 1, 3, NO, 1}};
    const char *rows = "1,2\n2,2\n1,\n1,NA\n1,Inf\n1,inf\n0,3\n,3\nNA,3\n-Inf,3\n"
                       "1,3\n1.0,2e0\n0,0\n";
    const char *names[] = {"lower,upper", "left,right", "left,upper", "time,time2"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s\n%s", names[i], rows);
        assert_all(text, 6, list);
    }
    ph_data *data = parse("lower,upper\n,\nNA,Inf\n1,2\n"); /* two say nothing */
    assert_int_equal(data->missing, 2);
    assert_int_equal(data->n, 1);
    ph_data_free(data);
}

/* R's Surv(time, time2, event, type = "interval"). */
static void test_codes(void **state)
{
    (void)state;
    const expected list[] = {{PH_OBSERVED, 2, 0, NO, 3},
                             {PH_RIGHT_CENSORED, 2, 0, NO, 1},
                             {PH_LEFT_CENSORED, 2, 0, NO, 1},
                             {PH_INTERVAL_CENSORED, 2, 5, NO, 1}};
    assert_all("time,time2,event\n2,1,0\n2,NA,1\n2,,2\n2,5,3\n2,2,3\n2,2,1\n", 4, list);
    assert_all("status,time2,time\n0,,2\n1,,2\n2,,2\n3,5,2\n3,2,2\n1,,2\n", 4, list);
    assert_all("time,event\n2,TRUE\n2,False\n2,true\n2,1\n", 2,
               (const expected[]){{PH_OBSERVED, 2, 0, NO, 3},
                                  {PH_RIGHT_CENSORED, 2, 0, NO, 1}});
    assert_all("time,event\n0,2\n", 1, (const expected[]){{PH_OBSERVED, 0, 0, NO, 1}});
    assert_all("time,time2,event\n2,Inf,3\n", 1,
               (const expected[]){{PH_RIGHT_CENSORED, 2, 0, NO, 1}});
}

static void test_entries(void **state)
{
    (void)state;
    assert_all("time,entry,status\n2,1,1\n4,0,0\n5,0.5,1\n5,,1\n3,3,0\n", 5,
               (const expected[]){{PH_OBSERVED, 2, 0, 1, 1},
                                  {PH_OBSERVED, 5, 0, NO, 1},
                                  {PH_OBSERVED, 5, 0, 0.5, 1},
                                  {PH_RIGHT_CENSORED, 3, 0, 3, 1},
                                  {PH_RIGHT_CENSORED, 4, 0, 0, 1}});
    /* an interval begins at the entry at the earliest */
    assert_all("lower,upper,entry\n0,5,1\n2,5,1\n0.5,5,1\n1,,0.5\n0,5,0\n", 4,
               (const expected[]){{PH_RIGHT_CENSORED, 1, 0, 0.5, 1},
                                  {PH_INTERVAL_CENSORED, 0, 5, 0, 1},
                                  {PH_INTERVAL_CENSORED, 1, 5, 1, 2},
                                  {PH_INTERVAL_CENSORED, 2, 5, 1, 1}});
}

/* A file may hold times and intervals, one or the other in each row. */
static void test_mixed(void **state)
{
    (void)state;
    assert_all("time,lower,upper,event\n2,,,1\n,1,2,\nNA,1,NA,3\n3,NA,NA,0\n,,,\n", 4,
               (const expected[]){{PH_OBSERVED, 2, 0, NO, 1},
                                  {PH_RIGHT_CENSORED, 1, 0, NO, 1},
                                  {PH_RIGHT_CENSORED, 3, 0, NO, 1},
                                  {PH_INTERVAL_CENSORED, 1, 2, NO, 1}});
}

static void test_bad_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
        long line;
    } table[] = {
        {"lower,upper\n1,2\n3,2\n", "upper '2' lies below the interval's beginning", 3},
        {"lower,upper\nInf,2\n", "lower 'Inf' is not a finite number", 2},
        {"lower,upper\n-1,2\n", "lower '-1' is negative", 2},
        {"lower,upper\n1,-Inf\n", "upper '-Inf' is not a finite number", 2},
        {"time,lower,upper\n1,2,3\n", "time '1' stands beside a lower", 2},
        {"time,lower,upper,event\n,2,3,1\n", "event '1' goes with a time", 2},
        {"time,time2,event\n1,,3\n", "event '3' needs a time2", 2},
        {"time,time2,event\n3,2,3\n", "time2 '2' lies below", 2},
        {"time,time2,event\n,2,1\n", "time2 '2' stands without a time", 2},
        {"time,entry\n2,2\n", "entry '2' is not before the end", 2},
        {"time,entry,event\n2,2.5,0\n", "entry '2.5' is later than the end", 2},
        {"lower,upper,entry\n1,2,2\n", "entry '2' is not before the end", 2},
        {"time,entry\n2,-1\n", "entry '-1' is negative", 2},
        {"time,entry\n2,Inf\n", "entry 'Inf' is not a finite number", 2},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        ph_error error = refuse(table[i].text);
        assert_says(&error, table[i].says);
        assert_int_equal(error.line, table[i].line);
    }
    static const char *const headers[][2] = {
        {"lower\n1\n", "'lower' needs a column 'upper'"},
        {"right\n1\n", "'right' needs a column 'left'"},
        {"time2,event\n1,1\n", "'time2' needs a column 'time'"},
        {"lower,upper,event\n1,2,3\n", "'event' needs a column 'time'"},
        {"time,time2,lower,upper\n1,2,,\n", "the meaning of 'upper'"},
        {"lower,left,upper\n1,1,1\n", "same meaning as 'lower'"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        ph_error error = refuse(headers[i][0]);
        assert_says(&error, headers[i][1]);
    }
    const ph_data_options discrete = {.discrete = 1};
    ph_error error = refuse_with("lower,upper\n1,2.5\n", &discrete, PH_E_DATA);
    assert_says(&error, "upper '2.5' is not a whole number");
    error = refuse_with("time,entry\n3,0.5\n", &discrete, PH_E_DATA);
    assert_says(&error, "entry '0.5' is not a whole number");
    ph_data *data = parse_with("lower,upper\n1,Inf\n", &discrete);
    assert_is(data, 0, PH_RIGHT_CENSORED, 1, 1);
    ph_data_free(data);
}

/* ---------------------------------------------------------- groups, rewards */

static void assert_part(const ph_data *data, size_t k, size_t group, size_t reward,
                        size_t first, size_t end, double median)
{
    const ph_data_part *part = &data->part[k];
    assert_true(k < data->n_parts);
    assert_int_equal(part->group, group);
    assert_int_equal(part->reward, reward);
    assert_int_equal(part->first, first);
    assert_int_equal(part->end, end);
    assert_true(part->median == median);
    for (size_t i = first; i < end; i++) {
        assert_int_equal(data->observation[i].part, k);
    }
}

static void test_groups(void **state)
{
    (void)state;
    const char *labels[] = {"b", "a", "unused"};
    const ph_data_options options = {.label = labels, .n_labels = 3};
    ph_data *data = parse_with("group,time\na,1\nb,2\na,1\nb,3\nb,7\n,NA\n", &options);
    assert_int_equal(data->n_groups, 3); /* the model's, in its order */
    assert_string_equal(data->group[0], "b");
    assert_string_equal(data->group[2], "unused");
    assert_int_equal(data->n_parts, 2);
    assert_part(data, 0, 0, 0, 0, 3, 3);
    assert_part(data, 1, 1, 0, 3, 4, 1);
    assert_is(data, 3, PH_OBSERVED, 1, 2);
    assert_int_equal(data->missing, 1);
    ph_data_free(data);
    ph_error error = refuse_with("time,group\n1,a\n2,c\n3,\n", &options, PH_E_DATA);
    assert_says(&error, "2 bad cells: line 3: group 'c' is none of the groups");
    assert_says(&error, "line 4: group '' does not name a group");
    error = refuse_with("time\n1\n", &options, PH_E_DATA);
    assert_says(&error, "no column 'group'");
    error = refuse("time,group\n1,a\n");
    assert_says(&error, "nothing says what a group changes");
    assert_string_equal(error.place, "column 'group'");
}

/* --group: numbers in a column of any name, equal where their values are. */
static void test_number_groups(void **state)
{
    (void)state;
    const ph_data_options options = {.group = "size", .group_is_number = 1};
    ph_data *data =
        parse_with("size,time\n10,1\n5,2\n1e1,3\n5.0,4\n-0,1\n0,2\n", &options);
    assert_int_equal(data->n_groups, 3);
    assert_string_equal(data->group[0], "10");
    assert_string_equal(data->group[1], "5");
    assert_string_equal(data->group[2], "0");
    assert_int_equal(data->n_parts, 3);
    assert_part(data, 0, 0, 0, 0, 2, 2);
    assert_part(data, 1, 1, 0, 2, 4, 3);
    ph_data_free(data);
    ph_error error = refuse_with("size,time\nten,1\n", &options, PH_E_DATA);
    assert_says(&error, "size 'ten' is no number");
    error = refuse_with("time\n1\n", &options, PH_E_DATA);
    assert_says(&error, "no column 'size'");
    error = refuse_with("1\n2\n", &options, PH_E_DATA); /* without a header */
    assert_says(&error, "no column 'size'");
}

/* Every observed cell is an observation of its own. */
static void test_rewards(void **state)
{
    (void)state;
    const char *rewards[] = {"unseen", "length", "cost", "left", "duration"};
    const ph_data_options options = {.rewards = rewards, .n_rewards = 5};
    ph_data *data = parse_with("cost,time,length,event,count\n"
                               "1,2,3,1,1\nNA,2,,0,1\n,,3,1,4\n0,2,,1,1\n,,,,\n",
                               &options);
    assert_int_equal(data->n_parts, 3);
    assert_part(data, 0, 0, 0, 0, 2, 2);
    assert_part(data, 1, 0, 2, 2, 3, 3);
    assert_part(data, 2, 0, 3, 3, 5, 1);
    assert_is(data, 0, PH_OBSERVED, 2, 2);
    assert_is(data, 1, PH_RIGHT_CENSORED, 2, 1);
    assert_is(data, 2, PH_OBSERVED, 3, 5);
    assert_is(data, 3, PH_OBSERVED, 0, 1);
    assert_int_equal(data->composite, 2);
    assert_int_equal(data->missing, 1);
    ph_data_free(data);
    data = parse_with("length\n3\n", &options); /* no time at all */
    assert_part(data, 0, 0, 2, 0, 1, 3);
    ph_data_free(data);
    data =
        parse_with("duration,time\n4,1\n", &options); /* the model's, not lifelines' */
    assert_int_equal(data->n_parts, 2);
    assert_part(data, 1, 0, 5, 1, 2, 4);
    ph_data_free(data);
    static const char *const bad[][2] = {
        {"time,length,event\n1,2,0\n", "length '2' is given for a process that was"},
        {"length,event\n2,0\n", "event '0' is censoring, which goes with a time"},
        {"time,length,entry\n3,2,1\n", "entry '1' goes with a time"},
        {"length\n-2\n", "length '-2' is negative"},
        {"left,right\n1,2\n", "both a reward of the model and a column"},
        {"length,length\n1,2\n", "same meaning as 'length'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ph_error error = refuse_with(bad[i][0], &options, PH_E_DATA);
        assert_says(&error, bad[i][1]);
    }
}

static void assert_row(const ph_data *data, size_t i, size_t n, const uint32_t *member,
                       double weight)
{
    assert_int_equal(data->row_first[i + 1] - data->row_first[i], n);
    for (size_t k = 0; k < n; k++) {
        assert_int_equal(data->row_member[data->row_first[i] + k], member[k]);
    }
    assert_true(data->row_weight[i] == weight);
}

/* Times 1, 2, and 2 censored are observations 0 to 2, costs 4, 5 and 6 those after. */
static void test_rows(void **state)
{
    (void)state;
    const char *rewards[] = {"cost"};
    const ph_data_options options = {.rewards = rewards, .n_rewards = 1};
    ph_data *data = parse_with("cost,time,event,count\n6,2,1,1\n4,1,1,2\n,1,1,0.5\n"
                               "5,2,1,1\n4,,1,3\n4,1,1,1\n,2,0,1\n,1,1,1\n5,1,1,0\n",
                               &options);
    static const uint32_t member[][2] = {{0}, {0, 3}, {1, 4}, {1, 5}, {2}, {3}};
    static const double weight[] = {1.5, 3, 1, 1, 1, 3};
    assert_int_equal(data->n_distinct, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_row(data, i, i > 0 && i < 4 ? 2 : 1, member[i], weight[i]);
    }
    ph_data_free(data);
    data = parse_with("cost,time\n4,\n,1\n", &options); /* none has both */
    assert_int_equal(data->n_distinct, 0);
    assert_null(data->row_first);
    ph_data_free(data);
}

/* -------------------------------------------------------------------- files */

static void test_files(void **state)
{
    (void)state;
    /* sha256sum of the text */
    const char *text = "time\n1\n2\n",
               *digest =
                   "3f63d2e61c53904682c67860d28e49c70b7c621937f0bef608094749dc82435e";
    char plain_path[] = "/tmp/phasic-test-XXXXXX", gz_path[64];
    int descriptor = mkstemp(plain_path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), (int)strlen(text));
    close(descriptor);
    snprintf(gz_path, sizeof gz_path, "%s.csv.gz", plain_path);
    gzFile stream = gzopen(gz_path, "wb");
    assert_int_equal(gzwrite(stream, text, (unsigned)strlen(text)), (int)strlen(text));
    assert_int_equal(gzclose(stream), Z_OK);
    ph_data *a = NULL, *b = NULL, *c = NULL;
    ph_error error = {0};
    assert_int_equal(ph_data_read(&a, plain_path, &plain, &error), PH_OK);
    assert_int_equal(ph_data_read(&b, gz_path, &plain, &error), PH_OK);
    assert_string_equal(a->digest, b->digest);
    assert_string_equal(a->digest, digest);
    assert_string_equal(b->file, gz_path);
    assert_int_equal(b->n, 2);
    unlink(plain_path);
    unlink(gz_path);
    assert_int_equal(ph_data_read(&c, plain_path, &plain, &error), PH_E_INPUT);
    assert_string_equal(error.file, plain_path);
    assert_null(c);
    ph_data_free(a);
    ph_data_free(b);
}

static void test_shipped(void **state)
{
    (void)state;
    ph_data *data = NULL;
    ph_error error = {0};
    assert_int_equal(
        ph_data_read(&data, PH_SOURCE_DIR "/models/repairable.csv", &plain, &error),
        PH_OK);
    assert_int_equal(data->rows, 20);
    assert_true(data->total_weight == 20);
    ph_data_free(data);
}

/* A comma as the locale's decimal point changes nothing. */
static void test_locale(void **state)
{
    (void)state;
    if (!setlocale(LC_ALL, "de_DE.UTF-8")) {
        return; /* the locale is not installed: there is nothing to compare */
    }
    ph_data *data = parse("time\n1.5\n1234567890.123456789\n");
    setlocale(LC_ALL, "C");
    assert_is(data, 0, PH_OBSERVED, 1.5, 1);
    assert_is(data, 1, PH_OBSERVED, 1234567890.123456789, 1);
    ph_data_free(data);
}

/* 10^6 rows: half a million distinct ones, each seen twice, in an order that jumps. */
static void test_large(void **state)
{
    (void)state;
    size_t n = 1000000, half = n / 2, used = 0;
    char *text = ph_alloc(n, 16);
    used += (size_t)sprintf(text, "time\n");
    for (size_t i = 0; i < n; i++) {
        used += (size_t)sprintf(text + used, "%zu.25\n", i * 7919 % half);
    }
    ph_data *data = NULL;
    assert_int_equal(ph_data_parse(&data, "x", text, used, &plain, NULL), PH_OK);
    assert_int_equal(data->rows, n);
    assert_int_equal(data->n, half);
    for (size_t i = 0; i < half; i++) {
        assert_true(data->observation[i].time == (double)i + 0.25);
        assert_true(data->observation[i].weight == 2);
    }
    ph_data_free(data);
    free(text);
}

/* ------------------------------------------------------- arrays, the median */

static void test_arrays(void **state)
{
    (void)state;
    const double time[] = {2, 1, 2, 5, 2}, weight[] = {1, 2, 3, 0, 1};
    const int event[] = {1, 1, 1, 1, 0};
    ph_data *data = NULL;
    ph_error error = {0};
    assert_int_equal(ph_data_from_arrays(&data, 5, time, event, weight, &error), PH_OK);
    assert_int_equal(data->n, 3);
    assert_is(data, 0, PH_OBSERVED, 1, 2);
    assert_is(data, 1, PH_OBSERVED, 2, 4);
    assert_is(data, 2, PH_RIGHT_CENSORED, 2, 1);
    ph_data_free(data);
    data = NULL;
    const double bad[][2] = {{1, -1}, {1, INFINITY}, {1, NAN}};
    for (size_t i = 0; i < 3; i++) {
        ph_error one = {0}, two = {0};
        assert_int_equal(ph_data_from_arrays(&data, 2, bad[i], NULL, NULL, &one),
                         PH_E_DATA);
        assert_string_equal(one.place, "observation 1");
        assert_int_equal(ph_data_from_arrays(&data, 2, time, NULL, bad[i], &two),
                         PH_E_DATA);
        assert_says(&two, "weight");
    }
    const int events[] = {1, 2};
    assert_int_equal(ph_data_from_arrays(&data, 2, time, events, NULL, NULL),
                     PH_E_DATA);
    assert_int_equal(ph_data_from_arrays(&data, 0, NULL, NULL, NULL, NULL), PH_E_DATA);
    assert_null(data);
}

static double median(size_t n, const double *time, const int *event,
                     const double *weight)
{
    ph_data *data = NULL;
    assert_int_equal(ph_data_from_arrays(&data, n, time, event, weight, NULL), PH_OK);
    double value = ph_data_median(data);
    ph_data_free(data);
    return value;
}

static void test_median(void **state)
{
    (void)state;
    const double time[] = {4, 1, 3, 2};
    const int event[] = {1, 0, 0, 1};
    const double heavy[] = {1, 1, 1, 4}, even[] = {1, 2, 1, 0},
                 tiny[] = {1, 1, 1.5, 0.5};
    assert_true(median(1, time, NULL, NULL) == 4);
    assert_true(median(3, time, NULL, NULL) == 3);
    assert_true(median(4, time, NULL, NULL) == 2.5);
    assert_true(median(4, time, event, NULL) == 2.5); /* kinds are walked together */
    assert_true(median(4, time, event, heavy) == 2);
    assert_true(median(4, time, NULL, even) == 2); /* half of it at 1, next is 3 */
    assert_true(median(4, time, event, tiny) == 3);
}

/* The middle of an interval, half of a left-censored time; zeros have no scale. */
static void test_median_of_kinds(void **state)
{
    (void)state;
    ph_data *data = parse("lower,upper\n0,6\n1,2\n10,10\n"); /* 3, 1.5, 10 */
    assert_true(ph_data_median(data) == 3);
    ph_data_free(data);
    data = parse("0\n0\n0\n4\n2\n8\n");
    assert_true(ph_data_median(data) == 4);
    ph_data_free(data);
    data = parse("0\n");
    assert_true(ph_data_median(data) == 0);
    ph_data_free(data);
    data = parse("lower,upper,count\n0,6,1\n1,2,1\n10,10,1\n5,,3\n"); /* 5 twice over */
    assert_true(ph_data_median(data) == 5);
    ph_data_free(data);
}

static int compare_all(const void *a, const void *b)
{
    const ph_observation *x = a, *y = b;
    const double left[] = {x->kind, x->time, x->upper, x->entry};
    const double right[] = {y->kind, y->time, y->upper, y->entry};
    for (int k = 0; k < 4; k++) {
        if (left[k] != right[k]) {
            return left[k] < right[k] ? -1 : 1;
        }
    }
    return 0;
}

/* Times of all sizes that meet again, against the C library's sort. */
static void test_order(void **state)
{
    (void)state;
    enum { N = 30000 };
    ph_observation *list = calloc(N, sizeof *list);
    uint64_t random = 7;
    for (size_t i = 0; i < N; i++) {
        unsigned digit[5];
        for (int k = 0; k < 5; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            digit[k] = (unsigned)(random >> 40);
        }
        list[i].kind = digit[0] % 2 ? PH_OBSERVED : PH_INTERVAL_CENSORED;
        list[i].time = ldexp(1 + digit[1] % 5 / 7.0, (int)(digit[2] % 100) * 4 - 200);
        list[i].upper = digit[0] % 2 ? 0 : list[i].time * (2 + digit[3] % 3);
        list[i].entry = digit[4] % 2 ? NO : list[i].time * (digit[4] % 3 + 1) / 8;
        list[i].weight = 1;
    }
    ph_data *data = NULL;
    ph_error error = {0};
    assert_int_equal(ph_data_from_observations(&data, N, list, &error), PH_OK);
    qsort(list, N, sizeof *list, compare_all);
    size_t n = 0;
    for (size_t first = 0, end; first < N; first = end, n++) {
        for (end = first; end < N && compare_all(&list[first], &list[end]) == 0;) {
            end++;
        }
        assert_is(data, n, list[first].kind, list[first].time, (double)(end - first));
        assert_int_equal(compare_all(&data->observation[n], &list[first]), 0);
    }
    assert_int_equal(data->n, n);
    assert_true(n < N / 2);
    ph_data_free(data);
    free(list);
}

static void test_minus_zero(void **state)
{
    (void)state;
    ph_data *data = parse("time\n-0\n1\n0\n-0.0\n");
    assert_int_equal(data->n, 2);
    assert_is(data, 0, PH_OBSERVED, 0, 3);
    assert_false(signbit(data->observation[0].time));
    ph_data_free(data);
}

static void test_observations(void **state)
{
    (void)state;
    const ph_observation list[] = {
        {PH_INTERVAL_CENSORED, 7, 1, 2, NO, 1},
        {PH_INTERVAL_CENSORED, 0, 2, 2, NO, 1},
        {PH_OBSERVED, 0, 2, 99, NO, 2},
        {PH_LEFT_CENSORED, 0, 4, 0, 1, 0.5},
    };
    ph_data *data = NULL;
    ph_error error = {0};
    assert_int_equal(ph_data_from_observations(&data, 4, list, &error), PH_OK);
    assert_int_equal(data->n, 3);
    assert_is(data, 0, PH_OBSERVED, 2, 3);
    assert_is(data, 1, PH_INTERVAL_CENSORED, 1, 1);
    assert_true(data->observation[1].upper == 2);
    assert_is(data, 2, PH_INTERVAL_CENSORED, 1, 0.5);
    assert_true(data->observation[2].upper == 4 && data->observation[2].entry == 1);
    ph_data_free(data);
    const ph_observation bad[] = {{PH_INTERVAL_CENSORED, 0, 2, 1, NO, 1},
                                  {PH_OBSERVED, 0, 2, 0, 2, 1},
                                  {PH_OBSERVED, 0, 2, 0, -2, 1},
                                  {PH_OBSERVED, 0, NAN, 0, NO, 1}};
    const char *says[] = {"upper end lies below", "entry is not before", "entry is -2",
                          "time is"};
    for (size_t i = 0; i < 4; i++) {
        ph_error one = {0};
        assert_int_equal(ph_data_from_observations(&data, 1, &bad[i], &one), PH_E_DATA);
        assert_says(&one, says[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),         cmocka_unit_test(test_merging),
        cmocka_unit_test(test_headerless),      cmocka_unit_test(test_dialect),
        cmocka_unit_test(test_missing),         cmocka_unit_test(test_ignored),
        cmocka_unit_test(test_discrete),        cmocka_unit_test(test_bad_cells),
        cmocka_unit_test(test_many_bad_cells),  cmocka_unit_test(test_ragged),
        cmocka_unit_test(test_lines),           cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_header_errors),   cmocka_unit_test(test_empty),
        cmocka_unit_test(test_binary),          cmocka_unit_test(test_files),
        cmocka_unit_test(test_shipped),         cmocka_unit_test(test_locale),
        cmocka_unit_test(test_large),           cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_median),          cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_codes),           cmocka_unit_test(test_entries),
        cmocka_unit_test(test_mixed),           cmocka_unit_test(test_bad_kinds),
        cmocka_unit_test(test_groups),          cmocka_unit_test(test_number_groups),
        cmocka_unit_test(test_rewards),         cmocka_unit_test(test_rows),
        cmocka_unit_test(test_median_of_kinds), cmocka_unit_test(test_observations),
        cmocka_unit_test(test_order),           cmocka_unit_test(test_minus_zero),
    };
    return ph_check_run(tests);
}
