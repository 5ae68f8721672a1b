/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks a text against the grammar of JSON before cJSON, which accepts more, sees it,
 * and notes where every value stands. One pass with an explicit stack, so that no input
 * can exhaust the call stack; a value's number is its position in document order, the
 * order in which a walk over cJSON's tree meets it again.
 */
#include <string.h>

#include "phasic/base/buffer.h"
#include "phasic/base/memory.h"
#include "phasic/model/json.h"

#define LONGEST_NUMBER 60
#define LARGEST_FILE   (1u << 30)

typedef struct scanner {
    ph_json_file *file;
    const char *bytes;
    size_t length, at;
    int in_value; /* at the last value recorded; else between members */
    size_t depth;
    struct {
        int32_t value;  /* number of the open container */
        uint32_t count; /* members so far */
    } stack[PH_JSON_NESTING];
    ph_error *error;
} scanner;

static int peek(const scanner *s)
{
    return s->at < s->length ? (unsigned char)s->bytes[s->at] : -1;
}

static int is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* How much of what stands at an offset is worth showing. */
static long shown(const scanner *s, size_t from)
{
    size_t to = from;
    while (to < s->length && to - from < 24 &&
           !strchr(" \t\r\n,:{}[]\"", s->bytes[to])) {
        to++;
    }
    return (long)(to > from ? to - from : 1);
}

/* Completes an error just set: it stands at offset `from`. */
static int located(scanner *s, size_t from)
{
    long line, column;
    char place[sizeof s->error->place];
    ph_json_position(s->bytes, from, &line, &column);
    ph_error_position(s->error, line, column);
    if (from < s->length) {
        ph_error_found(s->error, s->bytes + from, shown(s, from));
    }
    if (s->in_value || s->depth > 0) {
        int32_t value = s->in_value ? (int32_t)(s->file->n_values - 1)
                                    : s->stack[s->depth - 1].value;
        const cJSON at = {.valueint = value};
        ph_error_place(s->error, "%s",
                       ph_json_place(s->file, &at, place, sizeof place));
    }
    return PH_E_MODEL;
}

static int wanted(scanner *s, const char *what)
{
    if (s->at < s->length) {
        ph_error_set(s->error, PH_E_MODEL, "not JSON: expected %s", what);
    } else if (s->depth > 0) {
        long line, column;
        size_t open = s->file->values[s->stack[s->depth - 1].value].offset;
        ph_json_position(s->bytes, open, &line, &column);
        ph_error_set(
            s->error, PH_E_MODEL,
            "not JSON: the file ends before the '%c' of line %ld, column %ld is "
            "closed; expected %s",
            s->bytes[open], line, column, what);
    } else {
        ph_error_set(s->error, PH_E_MODEL, "the file is empty: expected a JSON object");
    }
    return located(s, s->at);
}

static void skip_blanks(scanner *s)
{
    while (s->at < s->length) {
        char c = s->bytes[s->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            return;
        }
        s->at++;
    }
}

/* ---- strings ---- */

/*
 * Bytes of the UTF-8 character at text[0..length), 0 if there is none (overlong forms,
 * surrogates and values beyond U+10FFFF are none: Unicode 15, table 3-7).
 */
static size_t utf8_length(const unsigned char *text, size_t length)
{
    unsigned char c = text[0], low = 0x80, high = 0xbf;
    size_t n = c < 0x80                 ? 1
               : c >= 0xc2 && c <= 0xdf ? 2
               : c >= 0xe0 && c <= 0xef ? 3
               : c >= 0xf0 && c <= 0xf4 ? 4
                                        : 0;
    low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : low;
    high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : high;
    if (n == 0 || n > length) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if (text[i] < low || text[i] > high) {
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return n;
}

/* Four hexadecimal digits at offset `from`, or -1. */
static long hex4(const scanner *s, size_t from)
{
    long value = 0;
    for (size_t i = from; i < from + 4; i++) {
        static const char digits[] = "0123456789abcdef";
        int c = i < s->length ? (unsigned char)s->bytes[i] : 0;
        const char *digit =
            c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
        if (!digit) {
            return -1;
        }
        value = 16 * value + (digit - digits);
    }
    return value;
}

/* \uXXXX at s->at (the backslash), surrogates in pairs. */
static int scan_unicode(scanner *s)
{
    size_t from = s->at;
    long high = hex4(s, from + 2), low = -1;
    s->at += 6;
    if (high >= 0xd800 && high < 0xdc00 && from + 7 < s->length &&
        s->bytes[from + 6] == '\\' && s->bytes[from + 7] == 'u') {
        low = hex4(s, from + 8);
        s->at += 6;
    }
    const char *wrong = NULL;
    if (high < 0) {
        wrong = "not JSON: expected four hexadecimal digits after \\u";
    } else if (high == 0) {
        wrong = "\\u0000 is not accepted in a model";
    } else if (high >= 0xd800 && high < 0xe000 &&
               (high >= 0xdc00 || low < 0xdc00 || low >= 0xe000)) {
        wrong = "not JSON: this surrogate is not one of a pair";
    }
    if (!wrong) {
        return PH_OK;
    }
    ph_error_set(s->error, PH_E_MODEL, "%s", wrong);
    return located(s, from);
}

static int scan_escape(scanner *s)
{
    char c = s->at + 1 < s->length ? s->bytes[s->at + 1] : '\0';
    if (c == 'u') {
        return scan_unicode(s);
    }
    if (c == '\0' || !strchr("\"\\/bfnrt", c)) {
        ph_error_set(s->error, PH_E_MODEL, "not JSON: there is no such escape");
        return located(s, s->at);
    }
    s->at += 2;
    return PH_OK;
}

/* A string whose opening quote stands at s->at. */
static int scan_string(scanner *s)
{
    size_t open = s->at++;
    int c, status;
    while ((c = peek(s)) != '"') {
        if (c < 0 || c == '\n') {
            ph_error_set(s->error, PH_E_MODEL,
                         "not JSON: this string has no closing quote");
            return located(s, open);
        }
        if (c < 0x20) {
            ph_error_set(s->error, PH_E_MODEL,
                         "not JSON: the control character 0x%02x must be escaped", c);
            return located(s, s->at);
        }
        if (c == '\\') {
            if ((status = scan_escape(s)) != PH_OK) {
                return status;
            }
            continue;
        }
        size_t n =
            utf8_length((const unsigned char *)s->bytes + s->at, s->length - s->at);
        if (n == 0) {
            ph_error_set(s->error, PH_E_MODEL, "the byte 0x%02x is not UTF-8 text", c);
            return located(s, s->at);
        }
        s->at += n;
    }
    s->at++;
    return PH_OK;
}

/* ---- other values ---- */

static void skip_digits(scanner *s)
{
    while (is_digit(peek(s))) {
        s->at++;
    }
}

static int bad_number(scanner *s, size_t from, const char *why)
{
    ph_error_set(s->error, PH_E_MODEL, "%s", why);
    return located(s, from);
}

static int scan_number(scanner *s)
{
    size_t from = s->at;
    double value;
    s->at += peek(s) == '-';
    if (!is_digit(peek(s))) {
        return bad_number(s, from, "not JSON: expected a digit after '-'");
    }
    if (peek(s) == '0' && s->at + 1 < s->length && is_digit(s->bytes[s->at + 1])) {
        return bad_number(s, from, "not JSON: a number may not begin with 0");
    }
    skip_digits(s);
    if (peek(s) == '.') {
        s->at++;
        if (!is_digit(peek(s))) {
            return bad_number(s, from, "not JSON: expected a digit after the point");
        }
        skip_digits(s);
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        s->at += peek(s) == '-' || peek(s) == '+';
        if (!is_digit(peek(s))) {
            return bad_number(s, from, "not JSON: expected a digit in the exponent");
        }
        skip_digits(s);
    }
    if (s->at - from > LONGEST_NUMBER) {
        return bad_number(s, from, "expected a number of at most 60 characters");
    }
    int status = ph_double_read(s->bytes + from, s->at - from, &value);
    return status == PH_E_DATA
               ? bad_number(s, from, "expected a number of at most about 1.8e308")
               : status;
}

static int scan_word(scanner *s)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if (s->length - s->at >= n && memcmp(s->bytes + s->at, words[i], n) == 0) {
            s->at += n;
            return PH_OK;
        }
    }
    return wanted(
        s, "a value: an object, a list, a string, a number, true, false or null");
}

static int scan_scalar(scanner *s)
{
    int c = peek(s);
    return c == '"'                  ? scan_string(s)
           : is_digit(c) || c == '-' ? scan_number(s)
                                     : scan_word(s);
}

/* ---- structure ---- */

static int record(scanner *s, uint32_t name)
{
    ph_json_file *file = s->file;
    if (ph_grow(&file->values, &file->capacity, file->n_values + 1,
                sizeof *file->values) != PH_OK) {
        return PH_E_MEMORY;
    }
    file->values[file->n_values++] = (ph_json_value){
        .offset = (uint32_t)s->at,
        .name = name,
        .parent = s->depth > 0 ? s->stack[s->depth - 1].value : -1,
    };
    return PH_OK;
}

static int in_object(const scanner *s)
{
    return s->bytes[s->file->values[s->stack[s->depth - 1].value].offset] == '{';
}

/* The key and the colon before a member; its offset goes into *name. */
static int scan_key(scanner *s, uint32_t *name)
{
    skip_blanks(s);
    if (peek(s) != '"') {
        return wanted(s, "a key in double quotes");
    }
    *name = (uint32_t)s->at;
    int status = scan_string(s);
    if (status != PH_OK) {
        return status;
    }
    skip_blanks(s);
    if (peek(s) != ':') {
        return wanted(s, "':' after the key");
    }
    s->at++;
    return PH_OK;
}

/* What precedes the next member of the innermost container: its key, or nothing. */
static int begin_member(scanner *s, uint32_t *name)
{
    uint32_t index = s->stack[s->depth - 1].count++;
    if (in_object(s)) {
        return scan_key(s, name);
    }
    *name = index;
    return PH_OK;
}

/* Opens the container at s->at; *empty says whether it closes at once. */
static int open_container(scanner *s, int *empty)
{
    if (s->depth == PH_JSON_NESTING) {
        ph_error_set(s->error, PH_E_MODEL,
                     "lists and objects are nested deeper than %d", PH_JSON_NESTING);
        s->in_value = 0;
        s->depth = 0; /* a place that deep says nothing */
        return located(s, s->at);
    }
    char close = s->bytes[s->at] == '{' ? '}' : ']';
    s->stack[s->depth].value = (int32_t)(s->file->n_values - 1);
    s->stack[s->depth].count = 0;
    s->depth++;
    s->at++;
    skip_blanks(s);
    *empty = peek(s) == close;
    if (*empty) {
        s->at++;
        s->depth--;
    }
    return PH_OK;
}

/* Closes containers after a complete value, up to a comma or to the end of the root. */
static int finish_value(scanner *s)
{
    while (s->depth > 0) {
        int object = in_object(s);
        skip_blanks(s);
        int c = peek(s);
        if (c == ',') {
            s->at++;
            return PH_OK;
        }
        if (c != (object ? '}' : ']')) {
            return wanted(s, object ? "',' or '}'" : "',' or ']'");
        }
        s->at++;
        s->depth--;
    }
    return PH_OK;
}

static int scan_all(scanner *s)
{
    uint32_t name = 0;
    int status;
    do {
        int empty = 1;
        if (s->depth > 0 && (status = begin_member(s, &name)) != PH_OK) {
            return status;
        }
        skip_blanks(s);
        if ((status = record(s, name)) != PH_OK) {
            return status;
        }
        int c = peek(s);
        s->in_value = 1;
        status = c == '{' || c == '[' ? open_container(s, &empty) : scan_scalar(s);
        if (status != PH_OK) {
            return status;
        }
        s->in_value = 0;
        if (empty && (status = finish_value(s)) != PH_OK) {
            return status;
        }
    } while (s->depth > 0);
    skip_blanks(s);
    return s->at == s->length ? PH_OK : wanted(s, "nothing after the end of the model");
}

int ph_json_scan(ph_json_file *self, ph_error *error)
{
    ph_error unused = {0};
    scanner s = {.file = self,
                 .bytes = self->bytes,
                 .length = self->length,
                 .error = error ? error : &unused};
    if (self->length > LARGEST_FILE) {
        return ph_error_set(error, PH_E_MODEL, "the file is larger than 1 GiB");
    }
    if (self->length >= 3 && memcmp(self->bytes, "\xef\xbb\xbf", 3) == 0) {
        ph_error_set(
            s.error, PH_E_MODEL,
            "the file begins with a byte order mark: save it as UTF-8 without one");
        return located(&s, 0);
    }
    skip_blanks(&s);
    return scan_all(&s);
}
