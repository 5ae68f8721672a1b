/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables of numbers: what is read, and where what is wrong stands. */
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "phasic/data/numbers.h"

/* Reads `text` from a file; the error is checked against line, column, place, found. */
static int read_text(const char *text, ph_numbers **table, ph_error *error)
{
    char path[] = "numbers-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (long)strlen(text));
    assert_int_equal(close(file), 0);
    int status = ph_numbers_read(table, path, error);
    assert_int_equal(unlink(path), 0);
    return status;
}

static void what_is_read(void **state)
{
    (void)state;
    ph_numbers *table = NULL;
    ph_error error = {0};
    assert_int_equal(read_text("a,\"b, c\"\n1,-2.5e3\n\n.5,\"7\"\r\n", &table, &error),
                     0);
    assert_int_equal(table->columns, 2);
    assert_int_equal(table->rows, 2);
    assert_string_equal(table->name[1], "b, c");
    const double value[] = {1, -2500, 0.5, 7};
    for (int i = 0; i < 4; i++) {
        assert_close(table->value[i], value[i], 0);
    }
    assert_int_equal(table->line[0], 2);
    assert_int_equal(table->line[1], 4);
    ph_numbers_free(table);
    assert_int_equal(read_text("\xEF\xBB\xBF"
                               "a\n1\n",
                               &table, &error),
                     0);
    assert_string_equal(table->name[0], "a"); /* without the byte order mark */
    ph_numbers_free(table);
}

static void what_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *text;
        long line, column;
        const char *place, *found, *says;
    } row[] = {
        {"a,b\n1,2\n3,x\n", 3, 2, "b", "x", "finite number"},
        {"a,b\n1,nan\n", 2, 2, "b", "nan", "finite number"},
        {"a,b\n1,\n", 2, 2, "b", "", "finite number"},
        {"a,b\n1,2\n3\n", 3, 2, "b", "", "ends before"},
        {"a,b\n1,2,3\n", 2, 3, "", "3", "more cells"},
        {"a,b,a\n1,2,3\n", 1, 3, "", "a", "already"},
        {"a,b\n", 0, 0, "", "", "no rows"},
        {"", 0, 0, "", "", "no rows"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        ph_numbers *table = NULL;
        ph_error error = {0};
        assert_int_equal(read_text(row[i].text, &table, &error), PH_E_DATA);
        assert_null(table);
        assert_int_equal(error.line, row[i].line);
        assert_int_equal(error.column, row[i].column);
        assert_string_equal(error.place, row[i].place);
        assert_string_equal(error.found, row[i].found);
        assert_non_null(strstr(error.message, row[i].says));
    }
    ph_numbers *table = NULL;
    ph_error error = {0};
    assert_int_equal(ph_numbers_read(&table, "no-such-file", &error), PH_E_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read),
        cmocka_unit_test(what_is_refused),
    };
    return ph_check_run(tests);
}
