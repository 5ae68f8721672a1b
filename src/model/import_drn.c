/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DRN, line by line: a header of sections that begin with '@', then for each state a
 * line with its exit rate, rewards and labels, one line for its only action, and a line
 * for each target. A way from a state to itself changes nothing in continuous time; in
 * discrete time it is the mass that stays, which a model leaves out.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "phasic/base/memory.h"
#include "phasic/model/expr.h"
#include "phasic/model/import.h"

/* Storm writes 6 digits, so sums of its numbers are known to about as many. */
#define ROUNDING    1e-4
#define MOST_STATES 10000000

typedef struct piece {
    const char *text; /* not terminated */
    size_t length;
} piece;

typedef struct placeholder {
    char *name, *text;
} placeholder;

typedef struct reader {
    const char *at, *end; /* what is not read yet */
    long line;
    piece now; /* the line at hand, blanks at both ends gone */
    ph_error *error;

    int typed, discrete, has_states, has_parameters, has_rewards;
    size_t n_symbols, symbol_capacity;
    ph_symbol *symbols; /* names owned */
    size_t n_placeholders, placeholder_capacity;
    placeholder *placeholders;
    size_t n_rewards, reward_capacity;
    char **rewards;
    double **amounts; /* [rewards][states] */
    size_t n_states, n_choices;

    size_t states;  /* read so far; the last one is at hand */
    size_t actions; /* of the state at hand */
    long state_line;
    int constant, leaves; /* all its amounts are numbers; a way leads elsewhere */
    int exit_is_constant;
    double exit, total, stays;
    long start; /* -1: none yet */
    ph_buffer edges, *labels;
} reader;

/* ---- lines and words ---- */

static piece trimmed(const char *from, const char *to)
{
    while (from < to && isspace((unsigned char)*from)) {
        from++;
    }
    while (to > from && isspace((unsigned char)to[-1])) {
        to--;
    }
    return (piece){from, (size_t)(to - from)};
}

/* The next line, whatever is in it; 0 at the end. */
static int next_raw(reader *r)
{
    if (r->at >= r->end) {
        return 0;
    }
    const char *feed = memchr(r->at, '\n', (size_t)(r->end - r->at));
    const char *stop = feed ? feed : r->end;
    r->now = trimmed(r->at, stop);
    r->at = feed ? feed + 1 : r->end;
    r->line++;
    return 1;
}

static int starts_with(piece text, const char *word)
{
    size_t n = strlen(word);
    return text.length >= n && memcmp(text.text, word, n) == 0;
}

/* The next line that is neither empty nor a comment. */
static int next_line(reader *r)
{
    while (next_raw(r)) {
        if (r->now.length > 0 && !starts_with(r->now, "//")) {
            return 1;
        }
    }
    return 0;
}

/* Cuts the first word off; empty at the end. */
static piece next_word(piece *rest)
{
    size_t n = 0;
    while (n < rest->length && !isspace((unsigned char)rest->text[n])) {
        n++;
    }
    piece word = {rest->text, n};
    *rest = trimmed(rest->text + n, rest->text + rest->length);
    return word;
}

static int is_word(piece word, const char *text)
{
    return word.length == strlen(text) && memcmp(word.text, text, word.length) == 0;
}

static int fail(reader *r, piece found, const char *message)
{
    ph_error_position(r->error, r->line, 0);
    ph_error_found(r->error, found.text, (long)found.length);
    return ph_error_set(r->error, PH_E_MODEL, "%s", message);
}

static int read_whole(reader *r, piece word, size_t most, const char *what,
                      size_t *value)
{
    double x;
    if (ph_double_read(word.text, word.length, &x) != PH_OK || x != floor(x) || x < 0 ||
        x > (double)most) {
        ph_error_position(r->error, r->line, 0);
        ph_error_found(r->error, word.text, (long)word.length);
        return ph_error_set(r->error, PH_E_MODEL,
                            "expected %s, a whole number from 0 to %zu", what, most);
    }
    *value = (size_t)x;
    return PH_OK;
}

/* ---- amounts ---- */

static const char *find_placeholder(const reader *r, piece name)
{
    for (size_t i = 0; i < r->n_placeholders; i++) {
        if (is_word(name, r->placeholders[i].name)) {
            return r->placeholders[i].text;
        }
    }
    return NULL;
}

/* "$3" stands for what @placeholders says of it. */
static int resolve(reader *r, piece *text)
{
    if (text->length > 0 && text->text[0] == '$') {
        const char *known = find_placeholder(r, *text);
        if (!known) {
            return fail(r, *text, "no such placeholder stands under @placeholders");
        }
        *text = (piece){known, strlen(known)};
    }
    return PH_OK;
}

/* An amount as it goes into a model; *value where it is a number. */
typedef struct amount {
    piece text;
    int constant;
    double value;
} amount;

static int read_amount(reader *r, piece text, const char *what, amount *out)
{
    const ph_scope scope = {r->symbols, r->n_symbols};
    const ph_env nothing = {NULL, NULL};
    ph_expr *expr = NULL;
    int status = resolve(r, &text);
    if (status != PH_OK) {
        return status;
    }
    if (text.length == 0) {
        ph_error_position(r->error, r->line, 0);
        return ph_error_set(r->error, PH_E_MODEL, "%s is missing", what);
    }
    status = ph_expr_parse(&expr, text.text, text.length, &scope, r->error);
    *out = (amount){text, 0, 0};
    if (status == PH_OK && !ph_expr_uses(expr, PH_SYMBOL_PARAMETER)) {
        out->constant = 1;
        status = ph_expr_value(expr, &nothing, &out->value, r->error);
    }
    ph_expr_free(expr);
    if (status == PH_OK && out->constant && out->value < 0) {
        status = fail(r, text, "expected an amount that is not negative");
    }
    if (status != PH_OK && status != PH_E_MEMORY && r->error->line == 0) {
        r->error->column = 0; /* it counts within the amount */
        ph_error_position(r->error, r->line, 0);
    }
    return status;
}

/* ---- header ---- */

static int read_type(reader *r, piece word)
{
    if (r->typed) {
        return fail(r, r->now, "the type is given twice");
    }
    r->typed = 1;
    r->discrete = is_word(word, "DTMC") || is_word(word, "dtmc");
    if (!r->discrete && !is_word(word, "CTMC") && !is_word(word, "ctmc")) {
        return fail(r, word,
                    "expected the type DTMC or CTMC: a model has no decisions");
    }
    return PH_OK;
}

static int read_parameters(reader *r)
{
    if (r->has_parameters++) {
        return fail(r, r->now, "the parameters are given twice");
    }
    piece rest = next_raw(r) ? r->now : (piece){NULL, 0};
    while (rest.length > 0) {
        piece word = next_word(&rest);
        char *name = ph_strndup(word.text, word.length);
        if (!name || ph_grow(&r->symbols, &r->symbol_capacity, r->n_symbols + 1,
                             sizeof *r->symbols) != PH_OK) {
            free(name);
            return PH_E_MEMORY;
        }
        r->symbols[r->n_symbols] = (ph_symbol){
            .name = name, .kind = PH_SYMBOL_PARAMETER, .index = r->n_symbols};
        r->n_symbols++;
        int named = isalpha((unsigned char)name[0]) || name[0] == '_';
        for (const char *at = name; *at; at++) {
            named &= isalnum((unsigned char)*at) || *at == '_';
        }
        if (!named) {
            return fail(r, word, "expected a name of letters, digits and '_'");
        }
    }
    return PH_OK;
}

/* Lines "$0 : expression" up to the next section. */
static int read_placeholders(reader *r)
{
    while (r->at < r->end && *r->at != '@' && next_line(r)) {
        piece rest = r->now, name = next_word(&rest), colon = next_word(&rest);
        amount value;
        if (name.length < 2 || name.text[0] != '$' || !is_word(colon, ":")) {
            return fail(r, r->now, "expected '$NAME : EXPRESSION'");
        }
        if (find_placeholder(r, name)) {
            return fail(r, name, "this placeholder is given twice");
        }
        int status = read_amount(r, rest, "an expression", &value);
        if (status != PH_OK) {
            return status;
        }
        if (ph_grow(&r->placeholders, &r->placeholder_capacity, r->n_placeholders + 1,
                    sizeof *r->placeholders) != PH_OK) {
            return PH_E_MEMORY;
        }
        placeholder *it = &r->placeholders[r->n_placeholders++];
        it->name = ph_strndup(name.text, name.length);
        it->text = ph_strndup(value.text.text, value.text.length);
        if (!it->name || !it->text) {
            return PH_E_MEMORY;
        }
    }
    return PH_OK;
}

static int read_reward_names(reader *r)
{
    if (r->has_rewards++) {
        return fail(r, r->now, "the reward models are given twice");
    }
    piece rest = next_raw(r) ? r->now : (piece){NULL, 0};
    while (rest.length > 0) {
        piece word = next_word(&rest);
        if (memchr(word.text, '"', word.length) ||
            memchr(word.text, '\\', word.length)) {
            return fail(r, word, "expected names of letters, digits and '_'");
        }
        if (ph_grow(&r->rewards, &r->reward_capacity, r->n_rewards + 1,
                    sizeof *r->rewards) != PH_OK ||
            !(r->rewards[r->n_rewards] = ph_strndup(word.text, word.length))) {
            return PH_E_MEMORY;
        }
        r->n_rewards++;
    }
    return PH_OK;
}

static int read_count(reader *r, const char *what, size_t *value)
{
    if (*value > 0) {
        return fail(r, r->now, "this section is given twice");
    }
    if (!next_raw(r)) {
        return fail(r, r->now, "a number is missing after this line");
    }
    return read_whole(r, r->now, MOST_STATES, what, value);
}

static int read_section(reader *r)
{
    piece rest = r->now, word = next_word(&rest);
    if (is_word(word, "@type:")) {
        return read_type(r, rest);
    }
    if (is_word(word, "@value_type:")) {
        return is_word(rest, "double") || is_word(rest, "rational-function") ||
                       is_word(rest, "parametric")
                   ? PH_OK
                   : fail(r, rest, "expected numbers or rational functions");
    }
    if (is_word(r->now, "@parameters")) {
        return read_parameters(r);
    }
    if (is_word(r->now, "@placeholders")) {
        return read_placeholders(r);
    }
    if (is_word(r->now, "@reward_models")) {
        return read_reward_names(r);
    }
    if (is_word(r->now, "@nr_states")) {
        return read_count(r, "the number of states", &r->n_states);
    }
    if (is_word(r->now, "@nr_choices")) {
        return read_count(r, "the number of choices", &r->n_choices);
    }
    return fail(r, r->now,
                "expected @type:, @parameters, @placeholders, @reward_models, "
                "@nr_states, @nr_choices or @model");
}

static int read_header(reader *r)
{
    int status = PH_OK;
    while (status == PH_OK) {
        if (!next_line(r)) {
            return ph_error_set(r->error, PH_E_MODEL, "@model is missing");
        }
        if (is_word(r->now, "@model")) {
            break;
        }
        status = read_section(r);
    }
    if (status == PH_OK && (!r->typed || r->n_states == 0)) {
        status = fail(r, r->now,
                      r->typed ? "expected @nr_states before this, at least 1"
                               : "expected @type: before this");
    }
    if (status == PH_OK && r->n_choices > 0 && r->n_choices != r->n_states) {
        status = fail(r, r->now,
                      "the numbers of choices and of states differ: a model has no "
                      "decisions");
    }
    if (status == PH_OK && !(r->amounts = ph_alloc(r->n_rewards, sizeof(double *)))) {
        return PH_E_MEMORY;
    }
    for (size_t i = 0; status == PH_OK && i < r->n_rewards; i++) {
        r->amounts[i] = ph_alloc(r->n_states, sizeof(double));
        status = r->amounts[i] ? PH_OK : PH_E_MEMORY;
    }
    return status;
}

/* ---- states ---- */

/* "[1, 0.5]": numbers into the rewards of the state at hand. */
static int read_rewards(reader *r, piece *rest, int of_action)
{
    const char *close = memchr(rest->text, ']', rest->length);
    if (!close) {
        return fail(r, *rest, "expected ']' after the rewards");
    }
    const char *at = rest->text + 1;
    for (size_t i = 0; i < r->n_rewards; i++) {
        const char *comma = memchr(at, ',', (size_t)(close - at));
        const char *stop = comma ? comma : close;
        amount value;
        int status = read_amount(r, trimmed(at, stop), "a reward", &value);
        if (status != PH_OK) {
            return status;
        }
        if (!value.constant) {
            return fail(r, value.text,
                        "expected a number: a model's rewards hold no "
                        "parameters");
        }
        if (of_action && !r->discrete && value.value > 0) {
            return fail(r, value.text,
                        "a model in continuous time earns rewards with time, not by "
                        "jumps: expected 0 here");
        }
        r->amounts[i][r->states - 1] += value.value;
        if ((comma == NULL) != (i + 1 == r->n_rewards)) {
            return fail(r, *rest, "expected a number for each of the @reward_models");
        }
        at = stop + 1;
    }
    if (r->n_rewards == 0) {
        return fail(r, *rest, "rewards without @reward_models");
    }
    *rest = trimmed(close + 1, rest->text + rest->length);
    return PH_OK;
}

static int note_label(reader *r, piece word)
{
    if (is_word(word, "init")) {
        if (r->start >= 0) {
            return fail(r, r->now,
                        "a second start: a model begins in one state of "
                        "those marked 'init'");
        }
        r->start = (long)r->states - 1;
        return PH_OK;
    }
    if (is_word(word, "absorbed") || is_word(word, "deadlock")) {
        return PH_OK; /* a model knows that by itself */
    }
    size_t had = r->labels->length;
    ph_buffer_add(r->labels, " ");
    ph_buffer_add_n(r->labels, word.text, word.length);
    ph_buffer_add(r->labels, " ");
    char *added = r->labels->failed ? NULL : r->labels->text + had;
    char *first = added ? strstr(r->labels->text, added) : NULL;
    if (first && first < added) { /* known already */
        r->labels->length = had;
        *added = '\0';
    }
    return r->labels->failed ? PH_E_MEMORY : PH_OK;
}

static int read_labels(reader *r, piece rest)
{
    int status = PH_OK;
    while (rest.length > 0 && status == PH_OK) {
        if (rest.text[0] == '"') {
            const char *close = memchr(rest.text + 1, '"', rest.length - 1);
            if (!close) {
                return fail(r, rest, "the quote that opens this label is not closed");
            }
            piece word = {rest.text + 1, (size_t)(close - rest.text) - 1};
            rest = trimmed(close + 1, rest.text + rest.length);
            status = note_label(r, word);
        } else {
            status = note_label(r, next_word(&rest));
        }
    }
    return status;
}

/* What the lines of the state at hand add up to. */
static int close_state(reader *r)
{
    if (r->states == 0) {
        return PH_OK;
    }
    const char *wrong = NULL;
    double expected = r->discrete ? 1 : r->exit, sum = r->total + r->stays;
    int absorbing = !r->leaves;
    if (r->actions != 1) {
        wrong = "expected one action in this state: a model has no decisions";
    } else if (r->constant && !absorbing && (r->discrete || r->exit_is_constant) &&
               fabs(sum - expected) > ROUNDING * fmax(expected, sum)) {
        wrong = r->discrete ? "the probabilities of this state do not sum to 1"
                            : "the rates of this state do not sum to its exit rate";
    }
    if (wrong) {
        ph_error_position(r->error, r->state_line, 0);
        return ph_error_set(r->error, PH_E_MODEL, "%s", wrong);
    }
    return PH_OK;
}

static int read_exit(reader *r, piece *rest)
{
    amount value;
    if (rest->length == 0 || rest->text[0] != '!') {
        return fail(r, r->now,
                    "expected the exit rate, '!' and an amount, after the "
                    "number of a state");
    }
    piece word = next_word(rest);
    int status =
        read_amount(r, (piece){word.text + 1, word.length - 1}, "an exit rate", &value);
    r->exit_is_constant = status == PH_OK && value.constant;
    r->exit = status == PH_OK ? value.value : 0;
    return status;
}

static int read_state(reader *r, piece rest)
{
    size_t number;
    int status = close_state(r);
    if (status != PH_OK || (status = read_whole(r, next_word(&rest), r->n_states - 1,
                                                "a state", &number)) != PH_OK) {
        return status;
    }
    if (number != r->states) {
        return fail(r, r->now, "states must be numbered from 0 without gaps");
    }
    r->states++;
    r->state_line = r->line;
    r->actions = 0;
    r->constant = 1;
    r->leaves = 0;
    r->total = r->stays = 0;
    if (!r->discrete) {
        status = read_exit(r, &rest);
    }
    if (status == PH_OK && rest.length > 0 && rest.text[0] == '[') {
        status = read_rewards(r, &rest, 0);
    }
    return status == PH_OK ? read_labels(r, rest) : status;
}

static int read_action(reader *r, piece rest)
{
    if (r->states == 0) {
        return fail(r, r->now, "an action before any state");
    }
    if (r->actions++) {
        return fail(r, r->now, "a second action: a model has no decisions");
    }
    next_word(&rest); /* its name says nothing where there is one */
    return rest.length > 0 && rest.text[0] == '[' ? read_rewards(r, &rest, 1) : PH_OK;
}

static int read_target(reader *r)
{
    const char *colon = memchr(r->now.text, ':', r->now.length);
    const char *end = r->now.text + r->now.length;
    size_t target, from = r->states - 1;
    amount value;
    if (!colon || r->actions == 0) {
        return fail(r, r->now,
                    colon ? "a target before any action"
                          : "expected 'state', 'action' or 'TARGET : VALUE'");
    }
    int status =
        read_whole(r, trimmed(r->now.text, colon), r->n_states - 1, "a state", &target);
    if (status == PH_OK) {
        status = read_amount(r, trimmed(colon + 1, end),
                             r->discrete ? "a probability" : "a rate", &value);
    }
    if (status != PH_OK) {
        return status;
    }
    r->constant &= value.constant;
    *(target == from ? &r->stays : &r->total) += value.value;
    if (target != from && !(value.constant && value.value == 0)) {
        r->leaves = 1;
        ph_buffer_addf(&r->edges, "%s\n      [%zu, %zu, \"",
                       r->edges.length > 0 ? "," : "", from, target);
        ph_buffer_add_n(&r->edges, value.text.text, value.text.length);
        ph_buffer_add(&r->edges, "\"]");
    }
    return r->edges.failed ? PH_E_MEMORY : PH_OK;
}

static int read_states(reader *r)
{
    int status = PH_OK;
    while (status == PH_OK && next_line(r)) {
        piece rest = r->now, word = next_word(&rest);
        status = is_word(word, "state")    ? read_state(r, rest)
                 : is_word(word, "action") ? read_action(r, rest)
                                           : read_target(r);
    }
    if (status == PH_OK) {
        status = close_state(r);
    }
    if (status == PH_OK && r->states < r->n_states) {
        status =
            ph_error_set(r->error, PH_E_MODEL, "the file ends after %zu of %zu states",
                         r->states, r->n_states);
    }
    if (status == PH_OK && r->start < 0) {
        status = ph_error_set(r->error, PH_E_MODEL,
                              "no state has the label 'init': where does it begin?");
    }
    return status;
}

/* ---- result ---- */

static void write_rewards(const reader *r, ph_buffer *out)
{
    for (size_t i = 0; i < r->n_rewards; i++) {
        ph_buffer_addf(out, "%s\"%s\": [", i ? ",\n    " : "\n    ", r->rewards[i]);
        for (size_t k = 0; k < r->n_states; k++) {
            ph_buffer_add(out, k ? ", " : "");
            ph_buffer_add_double(out, r->amounts[i][k]);
        }
        ph_buffer_add(out, "]");
    }
}

static void write_model(const reader *r, ph_buffer *out)
{
    ph_buffer_addf(out, "{\n  \"phasic\": 1,\n  \"time\": \"%s\",\n  \"parameters\": {",
                   r->discrete ? "discrete" : "continuous");
    for (size_t i = 0; i < r->n_symbols; i++) {
        ph_buffer_addf(out, "%s\"%s\": {}", i ? ", " : "", r->symbols[i].name);
    }
    ph_buffer_addf(out,
                   "},\n  \"graph\": {\n    \"vertices\": %zu,\n"
                   "    \"initial\": [[%ld, 1]],\n    \"edges\": [",
                   r->n_states, r->start);
    ph_buffer_add_n(out, r->edges.length ? r->edges.text : "", r->edges.length);
    ph_buffer_add(out, "]\n  },\n  \"rewards\": {");
    write_rewards(r, out);
    ph_buffer_add(out, "}\n}\n");
}

static void free_reader(reader *r)
{
    for (size_t i = 0; i < r->n_symbols; i++) {
        free((char *)(uintptr_t)r->symbols[i].name);
    }
    for (size_t i = 0; i < r->n_placeholders; i++) {
        free(r->placeholders[i].name);
        free(r->placeholders[i].text);
    }
    for (size_t i = 0; i < r->n_rewards; i++) {
        free(r->rewards[i]);
        free(r->amounts ? r->amounts[i] : NULL);
    }
    free(r->symbols);
    free(r->placeholders);
    free(r->rewards);
    free(r->amounts);
    ph_buffer_free(&r->edges);
}

int ph_import_drn_read(const char *file, const char *bytes, size_t length,
                       ph_buffer *out, ph_buffer *labels, ph_error *error)
{
    ph_error own = {0};
    reader r = {.at = bytes, .end = bytes + length, .start = -1, .labels = labels};
    r.error = error ? error : &own;
    int status = read_header(&r);
    if (status == PH_OK) {
        status = read_states(&r);
    }
    if (status == PH_OK) {
        write_model(&r, out);
        status = out->failed ? PH_E_MEMORY : PH_OK;
    }
    free_reader(&r);
    if (status != PH_OK) {
        ph_error_file(r.error, file);
        ph_error_set(r.error, status, "out of memory");
    }
    return status;
}
