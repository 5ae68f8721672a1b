/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"

#include <errno.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "phasic/base/buffer.h"
#include "phasic/base/digest.h"
#include "phasic/base/error.h"
#include "phasic/base/file.h"
#include "phasic/base/memory.h"
#include "phasic/base/rng.h"

static void numbers_round_trip(void **state)
{
    (void)state;
    ph_rng rng;
    ph_rng_init(&rng, 7, PH_RNG_TEST, 0, 0);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = (uint64_t)ph_rng_word(&rng) << 32 | ph_rng_word(&rng);
        double x, y;
        char text[32];
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x)) {
            continue;
        }
        ph_double_text(x, text);
        assert_int_equal(ph_double_read(text, strlen(text), &y), 0);
        assert_memory_equal(&x, &y, sizeof x);
    }
}

static void numbers_read_as_the_library_reads_them(void **state)
{
    (void)state;
    ph_rng rng;
    ph_rng_init(&rng, 8, PH_RNG_TEST, 0, 0);
    for (int i = 0; i < 100000; i++) {
        char text[64];
        double x;
        int decimals = (int)(ph_rng_word(&rng) % 12);
        snprintf(text, sizeof text, "%.*f", decimals,
                 ldexp(ph_rng_uniform(&rng), (int)(ph_rng_word(&rng) % 40)));
        assert_int_equal(ph_double_read(text, strlen(text), &x), 0);
        assert_true(x == strtod(text, NULL));
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    const char *bad[] = {"",    " 1",    "1 ", "0x10", "nan", "inf",   "1e", "1e+",
                         "--1", "1.2.3", ".",  "e5",   "1,5", "1e999", "+",  "1d3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double x;
        assert_int_not_equal(ph_double_read(bad[i], strlen(bad[i]), &x), 0);
    }
}

static void numbers_ignore_the_locale(void **state)
{
    (void)state;
    const char *names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
    int set = 0;
    for (size_t i = 0; i < 3 && !set; i++) {
        set = setlocale(LC_NUMERIC, names[i]) != NULL;
    }
    double x;
    char text[32];
    assert_string_equal(ph_double_text(1.5, text), "1.5");
    assert_int_equal(ph_double_read("1.25e-3", 7, &x), 0);
    assert_true(x == 1.25e-3);
    assert_int_equal(ph_double_read("123456789.123456789123", 22, &x), 0);
    assert_true(x == 123456789.123456789123);
    assert_int_not_equal(ph_double_read("1,5", 3, &x), 0);
    setlocale(LC_NUMERIC, "C");
    if (!set) {
        print_message("# no locale with a decimal comma is installed\n");
    }
}

/* Known answers of Philox4x32-10, as published with Random123. */
static void philox_known_answer(void **state)
{
    (void)state;
    ph_rng rng;
    ph_rng_init(&rng, 0, 0, 0, 0);
    const uint32_t expected[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ph_rng_word(&rng), expected[i]);
    }
}

static void streams_are_uniform_and_distinct(void **state)
{
    (void)state;
    double sum = 0, square = 0, product = 0;
    const int n = 100000;
    ph_rng a, b;
    ph_rng_init(&a, 1, PH_RNG_TEST, 3, 0);
    ph_rng_init(&b, 1, PH_RNG_TEST, 4, 0);
    for (int i = 0; i < n; i++) {
        double x = ph_rng_normal(&a), y = ph_rng_normal(&b);
        sum += x;
        square += x * x;
        product += x * y;
    }
    assert_near(sum / n, 0, 5 / sqrt(n));
    assert_near(square / n, 1, 5 * sqrt(2.0 / n));
    assert_near(product / n, 0, 5 / sqrt(n));
}

/* FIPS 180-4, the one-block example. */
static void digest_of_abc(void **state)
{
    (void)state;
    char hex[65];
    ph_digest("abc", 3, hex);
    assert_string_equal(
        hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void files_are_written_whole_or_not_at_all(void **state)
{
    (void)state;
    char folder[] = "phasic-test-XXXXXX", path[64], *bytes = NULL;
    size_t length = 0;
    ph_error error = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    assert_int_equal(ph_file_write(path, "one", 3, 0, &error), 0);
    assert_int_equal(ph_file_write(path, "two", 3, 0, &error), PH_E_CREATE);
    assert_int_equal(ph_file_read(path, &bytes, &length, &error), 0);
    assert_string_equal(bytes, "one");
    free(bytes);
    assert_int_equal(ph_file_write(path, "two", 3, 1, &error), 0);
    assert_int_equal(ph_file_read(path, &bytes, &length, &error), 0);
    assert_string_equal(bytes, "two");
    free(bytes);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* no temporary file is left */
    assert_int_equal(ph_file_read(path, &bytes, &length, &error), PH_E_INPUT);
}

/* The head of RFC 1952: the method, and neither flags nor a time. */
static void names_in_gz_are_compressed(void **state)
{
    (void)state;
    const char head[] = {'\x1F', '\x8B', 8, 0, 0, 0, 0, 0};
    char folder[] = "phasic-test-XXXXXX", path[64], *bytes = NULL, raw[8] = {0};
    static const size_t size[] = {0, 5,
                                  1000000}; /* nothing, and more than one buffer */
    char *text = malloc(1000000);
    uint32_t mix = 1;
    ph_error error = {0};
    assert_non_null(text);
    for (size_t i = 0; i < 1000000; i++) {
        mix = mix * 1664525 + 1013904223;
        text[i] = (char)(mix >> 24);
    }
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file.gz", folder);
    for (size_t k = 0; k < sizeof size / sizeof *size; k++) {
        size_t length = 0;
        assert_int_equal(ph_file_write(path, text, size[k], 1, &error), 0);
        assert_int_equal(ph_file_read(path, &bytes, &length, &error), 0);
        assert_int_equal(length, size[k]);
        assert_memory_equal(bytes, text, length);
        free(bytes);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        assert_int_equal(fread(raw, 1, sizeof raw, file), sizeof raw);
        fclose(file);
        assert_memory_equal(raw, head, sizeof raw);
    }
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    free(text);
}

/* link(2), which the linker sends here: a file system without links refuses it. */
static int without_links;
int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to)
{
    if (without_links) {
        errno = EPERM;
        return -1;
    }
    return __real_link(from, to);
}

/* Of three files the second exists: none appears, or with force all do. */
static void appear_together(void)
{
    char folder[] = "phasic-test-XXXXXX", path[3][64], *bytes = NULL;
    size_t length = 0;
    ph_error error = {0};
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 3; i++) {
        snprintf(path[i], sizeof path[i], "%s/%d", folder, i);
    }
    assert_int_equal(ph_file_write(path[1], "old", 3, 0, &error), 0);
    for (int force = 0; force < 2; force++) {
        ph_files files = {0};
        for (int i = 0; i < 3; i++) {
            assert_int_equal(ph_files_add(&files, path[i], "new", 3, &error), 0);
            assert_int_equal(access(path[i], F_OK) == 0, i == 1);
        }
        assert_int_equal(ph_files_publish(&files, force, &error),
                         force ? 0 : PH_E_CREATE);
        ph_files_free(&files);
        assert_int_equal(ph_file_read(path[1], &bytes, &length, &error), 0);
        assert_string_equal(bytes, force ? "new" : "old");
        free(bytes);
        assert_int_equal(access(path[0], F_OK) == 0, force);
        assert_int_equal(access(path[2], F_OK) == 0, force);
    }
    for (int i = 0; i < 3; i++) {
        unlink(path[i]);
    }
    assert_int_equal(rmdir(folder), 0); /* no temporary file is left */
}

/* Where they cannot appear together they may be kept, whole, as what they are called.
 */
static void are_kept(void)
{
    char folder[] = "phasic-test-XXXXXX", path[2][64], *bytes = NULL, *save = NULL;
    size_t length = 0, count = 0;
    ph_error error = {0};
    ph_files files = {0};
    ph_buffer names = {0};
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/%d", folder, i);
        assert_int_equal(ph_files_add(&files, path[i], "new", 3, &error), 0);
    }
    assert_int_equal(ph_file_write(path[1], "old", 3, 0, &error), 0);
    assert_int_equal(ph_files_publish(&files, 0, &error), PH_E_CREATE);
    ph_files_keep(&files, &names);
    ph_files_free(&files);
    assert_true(access(path[0], F_OK) != 0);
    for (char *name = strtok_r(names.text, ", ", &save); name;
         name = strtok_r(NULL, ", ", &save)) {
        assert_int_equal(ph_file_read(name, &bytes, &length, NULL), 0);
        assert_string_equal(bytes, "new");
        free(bytes);
        unlink(name);
        count++;
    }
    assert_int_equal(count, 2);
    unlink(path[1]);
    assert_int_equal(rmdir(folder), 0);
    ph_buffer_free(&names);
}

static void files_appear_together(void **state)
{
    (void)state;
    for (without_links = 0; without_links < 2; without_links++) {
        appear_together();
    }
    without_links = 0;
}

static void files_that_are_kept(void **state)
{
    (void)state;
    for (without_links = 0; without_links < 2; without_links++) {
        are_kept();
    }
    without_links = 0;
}

static void the_first_error_wins(void **state)
{
    (void)state;
    ph_error error = {0};
    char text[512];
    ph_error_set(&error, PH_E_MODEL, "unknown name; expected %s", "a parameter");
    ph_error_set(&error, PH_E_MEMORY, "another");
    ph_error_file(&error, "m.json");
    ph_error_position(&error, 3, 14);
    ph_error_place(&error, "/transitions/%d/rate", 2);
    ph_error_found(&error, "jmp\n", -1);
    assert_string_equal(ph_error_text(&error, text, sizeof text),
                        "m.json:3:14: /transitions/2/rate: unknown name; expected a "
                        "parameter (found 'jmp?')");
    assert_int_equal(ph_status_exit(error.status), 65);
}

/* Every first byte with the bytes at which the rules of UTF-8 change, against libc, to
 * which the limit of RFC 3629 is added. */
static void characters_are_those_of_utf8(void **state)
{
    (void)state;
    static const unsigned char edge[] = {0x20, 0x7f, 0x80, 0x8f, 0x90,
                                         0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    enum { EDGES = sizeof edge };
    if (!setlocale(LC_CTYPE, "C.UTF-8")) {
        skip();
    }
    for (int first = 1; first < 256; first++) {
        for (int i = 0; i < EDGES * EDGES * EDGES; i++) {
            char text[4] = {(char)first, (char)edge[i / EDGES / EDGES],
                            (char)edge[i / EDGES % EDGES], (char)edge[i % EDGES]};
            mbstate_t shift = {0};
            wchar_t wide = 0;
            size_t n = mbrtowc(&wide, text, sizeof text, &shift);
            int good = n <= sizeof text && wide >= 0x20 && wide <= 0x10ffff &&
                       !(wide >= 0x7f && wide < 0xa0);
            assert_int_equal(ph_character(text, sizeof text), good ? n : 0);
            assert_int_equal(ph_character(text, 1), good && n == 1);
        }
    }
    setlocale(LC_CTYPE, "C");
}

static void arrays_do_not_overflow(void **state)
{
    (void)state;
    assert_null(ph_alloc(SIZE_MAX / 4, 8));
    assert_null(ph_realloc(NULL, SIZE_MAX / 4, 8));
    assert_null(ph_alloc_aligned(SIZE_MAX / 4, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_round_trip),
        cmocka_unit_test(numbers_read_as_the_library_reads_them),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(numbers_ignore_the_locale),
        cmocka_unit_test(philox_known_answer),
        cmocka_unit_test(streams_are_uniform_and_distinct),
        cmocka_unit_test(digest_of_abc),
        cmocka_unit_test(files_are_written_whole_or_not_at_all),
        cmocka_unit_test(names_in_gz_are_compressed),
        cmocka_unit_test(files_appear_together),
        cmocka_unit_test(files_that_are_kept),
        cmocka_unit_test(the_first_error_wins),
        cmocka_unit_test(characters_are_those_of_utf8),
        cmocka_unit_test(arrays_do_not_overflow),
    };
    return ph_check_run(tests);
}
