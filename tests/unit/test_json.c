/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Strict JSON: what RFC 8259 allows is read, what it does not (and what models do
 * without) is refused with its place. Positions were counted by hand in the texts
 * below.
 */
#include "check.h"

#include <string.h>
#include <time.h>

#include "phasic/base/memory.h"
#include "phasic/model/json.h"

static int read_bytes(ph_json_file *file, const char *bytes, size_t length,
                      ph_error *error)
{
    /* An exact copy without a NUL, so that the sanitizer sees any read beyond the end.
     */
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    memset(file, 0, sizeof *file);
    int status = ph_json_read(file, copy, length, error);
    if (status != PH_OK) {
        assert_true(error->message[0] != '\0');
        ph_json_file_free(file);
        free(copy);
    }
    return status;
}

static void done(ph_json_file *file)
{
    free((char *)(uintptr_t)file->bytes);
    ph_json_file_free(file);
}

static void accepts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        " [ ] \r\n\t",
        "null",
        "-0",
        "0",
        "1.5e+3",
        "1E-400",
        "[1,2.50,-3e2,true,false,null,\"\"]",
        "{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]}}",
        "{\"a\":1,\"A\":2,\"\":3}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD834\\uDD1E\"",
        "\"\xc3\xa4 \xe2\x82\xac \xf0\x9d\x84\x9e \x7f\"",
        "\"\xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ph_json_file file;
        ph_error error = {0};
        if (read_bytes(&file, texts[i], strlen(texts[i]), &error) != PH_OK) {
            fail_msg("%s: %s", texts[i], error.message);
        }
        done(&file);
    }
}

typedef struct bad {
    const char *text;
    size_t length; /* 0: to the NUL */
    long line, column;
    const char *place, *message; /* message: a part of it */
} bad;

static const bad bads[] = {
    {"", 0, 1, 1, "", "empty"},
    {" \n ", 0, 2, 2, "", "empty"},
    {"\xef\xbb\xbf{}", 0, 1, 1, "", "byte order mark"},
    {"\xff\xfe{\0", 4, 1, 1, "", "expected a value"},
    {"{} x", 0, 1, 4, "", "expected nothing after"},
    {"{}\0", 3, 1, 3, "", "expected nothing after"},
    {"[1,]", 0, 1, 4, "/1", "expected a value"},
    {"[1 2]", 0, 1, 4, "", "',' or ']'"},
    {"[1}", 0, 1, 3, "", "',' or ']'"},
    {"{\"a\":1,}", 0, 1, 8, "", "a key in double quotes"},
    {"{a:1}", 0, 1, 2, "", "a key in double quotes"},
    {"{'a':1}", 0, 1, 2, "", "a key in double quotes"},
    {"{\"a\" 1}", 0, 1, 6, "", "':'"},
    {"{\"a\":1 \"b\":2}", 0, 1, 8, "", "',' or '}'"},
    {"{\"a\":\n [1,\n  2", 0, 3, 4, "/a", "line 2, column 2"},
    {"{\"a\":", 0, 1, 6, "/a", "the file ends"},
    {"[\"abc", 0, 1, 2, "/0", "no closing quote"},
    {"[\"ab\nc\"]", 0, 1, 2, "/0", "no closing quote"},
    {"[\"a\tc\"]", 0, 1, 4, "/0", "control character 0x09"},
    {"[\"a\0c\"]", 7, 1, 4, "/0", "control character 0x00"},
    {"[\"\\x\"]", 0, 1, 3, "/0", "no such escape"},
    {"[\"\\u12g4\"]", 0, 1, 3, "/0", "hexadecimal"},
    {"[\"\\u12", 0, 1, 3, "/0", "hexadecimal"},
    {"[\"a\\u0000\"]", 0, 1, 4, "/0", "\\u0000"},
    {"[\"\\ud834\"]", 0, 1, 3, "/0", "surrogate"},
    {"[\"\\ud834\\u0041\"]", 0, 1, 3, "/0", "surrogate"},
    {"[\"\\udd1e\"]", 0, 1, 3, "/0", "surrogate"},
    {"[\"\xc0\xaf\"]", 0, 1, 3, "/0", "UTF-8"},
    {"[\"\xe0\x80\x80\"]", 0, 1, 3, "/0", "UTF-8"},
    {"[\"\xed\xa0\x80\"]", 0, 1, 3, "/0", "UTF-8"},
    {"[\"\xf4\x90\x80\x80\"]", 0, 1, 3, "/0", "UTF-8"},
    {"[\"\xc3\xa4\xe2\x82\"]", 0, 1, 4, "/0", "UTF-8"},
    {"[\"\xe2\x82", 0, 1, 3, "/0", "UTF-8"},
    {"[01]", 0, 1, 2, "/0", "may not begin with 0"},
    {"[-01]", 0, 1, 2, "/0", "may not begin with 0"},
    {"[1.]", 0, 1, 2, "/0", "after the point"},
    {"[.5]", 0, 1, 2, "/0", "expected a value"},
    {"[+1]", 0, 1, 2, "/0", "expected a value"},
    {"[-]", 0, 1, 2, "/0", "after '-'"},
    {"[1e]", 0, 1, 2, "/0", "exponent"},
    {"[1e+]", 0, 1, 2, "/0", "exponent"},
    {"[1e999]", 0, 1, 2, "/0", "1.8e308"},
    {"[-1e309]", 0, 1, 2, "/0", "1.8e308"},
    {"[0x10]", 0, 1, 3, "", "',' or ']'"},
    {"[NaN]", 0, 1, 2, "/0", "expected a value"},
    {"[Infinity]", 0, 1, 2, "/0", "expected a value"},
    {"[True]", 0, 1, 2, "/0", "expected a value"},
    {"[tru]", 0, 1, 2, "/0", "expected a value"},
    {"[1] // x", 0, 1, 5, "", "expected nothing after"},
    {"{\"a\":1,\n \"a\":2}", 0, 2, 2, "/a", "line 1, column 2"},
    {"{\"b\":[{\"c\":1,\"d\":2,\"\\u0063\":3}]}", 0, 1, 20, "/b/0/\\u0063", "line 1"},
    {"{\"a~b/c\":[[1,]]}", 0, 1, 14, "/a~0b~1c/0/1", "expected a value"},
    {"[\"\xc3\xa4\", x]", 0, 1, 7, "/1", "expected a value"},
    {"[1111111111111111111111111111111111111111111111111111111111111]", 0, 1, 2, "/0",
     "at most 60 characters"},
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        const bad *b = bads + i;
        ph_json_file file;
        ph_error error = {0};
        int status =
            read_bytes(&file, b->text, b->length ? b->length : strlen(b->text), &error);
        if (status != PH_E_MODEL || error.line != b->line ||
            error.column != b->column || strcmp(error.place, b->place) != 0 ||
            !strstr(error.message, b->message)) {
            fail_msg("%zu: %s: status %d, %ld:%ld '%s': %s", i, b->text, status,
                     error.line, error.column, error.place, error.message);
        }
    }
}

/* Every node of the tree knows its place and position. */
static void positions(void **state)
{
    (void)state;
    static const char text[] = "{ \"a\": [10,\n  {\"b\": \"\xc3\xa4\", \"c\": 7}],\n"
                               "  \"d\\\"\": null }";
    ph_json_file file;
    ph_error error = {0};
    char place[64];
    assert_int_equal(read_bytes(&file, text, strlen(text), &error), PH_OK);
    const cJSON *list = ph_json_get(file.root, "a"), *inner = list->child->next;
    const cJSON *c = ph_json_get(inner, "c"), *d = ph_json_get(file.root, "d\"");
    assert_string_equal(ph_json_place(&file, file.root, place, sizeof place), "");
    assert_string_equal(ph_json_place(&file, inner, place, sizeof place), "/a/1");
    assert_string_equal(ph_json_place(&file, c, place, sizeof place), "/a/1/c");
    assert_string_equal(ph_json_place(&file, d, place, sizeof place), "/d\\\"");

    assert_int_equal(ph_json_error(&file, c, &error, "x"), PH_E_MODEL);
    assert_int_equal(error.line, 2);
    assert_int_equal(error.column, 19);
    assert_string_equal(error.found, "7");
    error = (ph_error){0};
    ph_json_key_error(&file, d, &error, "x");
    assert_int_equal(error.line, 3);
    assert_int_equal(error.column, 3);
    error = (ph_error){0};
    ph_json_error(&file, list, &error, "x");
    assert_int_equal(error.line, 1);
    assert_int_equal(error.column, 8);
    assert_int_equal(file.n_values, 7); /* the object, a, 10, the inner one, b, c, d */
    done(&file);
}

/* A column inside a string counts what the string means; the file what stands in it. */
static void columns_in_strings(void **state)
{
    (void)state;
    static const char text[] = "[\"a\\n\\u00e4\\ud834\\udd1e+b\"]";
    ph_json_file file;
    ph_error error = {0};
    assert_int_equal(read_bytes(&file, text, strlen(text), &error), PH_OK);
    ph_error_set(&error, PH_E_MODEL, "x");
    ph_error_position(&error, 0, 10); /* a, \n, 2 and 4 bytes, +, then b */
    ph_json_locate(&file, file.root->child, 0, &error);
    assert_int_equal(error.line, 1);
    assert_int_equal(error.column, 25);
    assert_int_equal(text[24], 'b');
    done(&file);
}

static char *repeat(const char *unit, size_t times)
{
    size_t n = strlen(unit);
    char *text = ph_alloc(n * times + 1, 1);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++) {
        memcpy(text + i * n, unit, n);
    }
    return text;
}

static void depth(void **state)
{
    (void)state;
    static const char *const units[] = {"[", "{\"a\":", "[{\"b\":"};
    for (size_t i = 0; i < 3; i++) {
        char *text = repeat(units[i], 100000);
        ph_json_file file;
        ph_error error = {0};
        assert_int_equal(read_bytes(&file, text, strlen(text), &error), PH_E_MODEL);
        assert_non_null(strstr(error.message, "nested deeper than 64"));
        assert_int_equal(error.line, 1);
        free(text);
    }
    for (size_t n = PH_JSON_NESTING; n <= PH_JSON_NESTING + 1; n++) {
        char text[2 * PH_JSON_NESTING + 2];
        memset(text, '[', n);
        memset(text + n, ']', n);
        ph_json_file file;
        ph_error error = {0};
        int status = read_bytes(&file, text, 2 * n, &error);
        assert_int_equal(status, n <= PH_JSON_NESTING ? PH_OK : PH_E_MODEL);
        if (status == PH_OK) {
            done(&file);
        }
    }
}

/* 10 MB that go wrong at the end: a time that a quadratic reader could not keep. */
static void large_inputs(void **state)
{
    (void)state;
    static const char *const units[] = {"[1,2,3],", "\"key\",", "{\"a\":{}},", "\n"};
    for (size_t i = 0; i < 4; i++) {
        char *text = repeat(units[i], 10000000 / strlen(units[i]));
        size_t length = strlen(text);
        memmove(text + 1, text, length - 1);
        text[0] = '[';
        ph_json_file file;
        ph_error error = {0};
        clock_t before = clock();
        assert_int_equal(read_bytes(&file, text, length, &error), PH_E_MODEL);
        assert_non_null(
            strstr(error.message, "the file ends before the '[' of line 1"));
        assert_true(strlen(error.message) < 300);
        assert_true((double)(clock() - before) / CLOCKS_PER_SEC < 10);
        free(text);
    }
}

/* Many keys in one object: duplicates are found without comparing all pairs. */
static void many_keys(void **state)
{
    (void)state;
    enum { KEYS = 200000 };
    char *text = ph_alloc(KEYS, 16);
    assert_non_null(text);
    size_t at = 0;
    text[at++] = '{';
    for (int i = 0; i < KEYS; i++) {
        at += (size_t)snprintf(text + at, 16, "\"%d\":0,", i);
    }
    at += (size_t)snprintf(text + at, 16, "\"4711\":0}");
    ph_json_file file;
    ph_error error = {0};
    assert_int_equal(read_bytes(&file, text, at, &error), PH_E_MODEL);
    assert_non_null(strstr(error.message, "duplicate key"));
    assert_string_equal(error.found, "4711");
    assert_int_equal(error.column, (long)at - 8);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),   cmocka_unit_test(refuses),
        cmocka_unit_test(positions), cmocka_unit_test(columns_in_strings),
        cmocka_unit_test(depth),     cmocka_unit_test(large_inputs),
        cmocka_unit_test(many_keys),
    };
    return ph_check_run(tests);
}
