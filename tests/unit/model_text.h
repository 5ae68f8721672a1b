/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_TESTS_MODEL_TEXT_H
#define PHASIC_TESTS_MODEL_TEXT_H

/*
 * Models as texts of a C program: ' stands for ", and the first @ marks a place (it is
 * taken out of the text).
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "phasic/base/memory.h"
#include "phasic/model/model.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A copy with " for ' and without the first @; its position goes to *line, *column. */
static inline char *prepare(const char *text, long *line, long *column)
{
    char *copy = ph_alloc(strlen(text) + 1, 1), *to = copy;
    long at_line = 1, at_column = 1;
    assert_non_null(copy);
    *line = 0;
    *column = 0;
    for (const char *c = text; *c; c++) {
        if (*c == '@' && *line == 0) {
            *line = at_line;
            *column = at_column;
            continue;
        }
        *to++ = *c == '\'' ? '"' : *c;
        at_column = *c == '\n' ? 1 : at_column + 1;
        at_line += *c == '\n';
    }
    return copy;
}

static inline int parse(ph_model **model, const char *text, const ph_setting *settings,
                        size_t n, ph_error *error)
{
    long line, column;
    char *json = prepare(text, &line, &column);
    int status =
        ph_model_parse(model, "t.json", json, strlen(json), settings, n, error);
    free(json);
    return status;
}

/* A model with everything a model by rules may have. */
#define FULL                                                                           \
    "{'phasic': 1, 'name': 'full', 'description': 'two\\nlines', 'time': "             \
    "'continuous',"                                                                    \
    " 'constants': {'n': 3, 'twice': '2 * n', 'h': 0.5},"                              \
    " 'parameters': {"                                                                 \
    "  'g': {'prior': {'gamma': {'shape': 2, 'scale': '1 / twice'}}, 'value': '3 / "   \
    "twice',"                                                                          \
    "        'description': 'a rate', 'unit': '1/year'},"                              \
    "  'b': {'prior': {'beta': {'a': 2, 'b': 3}}},"                                    \
    "  'u': {'support': ['-n', null], 'prior': {'uniform': {'lower': -9, 'upper': "    \
    "4}}},"                                                                            \
    "  'x': {'support': 'real', 'prior': {'normal': {'mean': -1, 'sd': 2}}},"          \
    "  'z': {'fixed': 0}, 'e': {'support': 'unit', 'value': 0.25}},"                   \
    " 'state': {'left': [], 'k': ['n + 1'], 'm': [2, 'n', 'n'], 'last': []},"          \
    " 'start': [{'state': {'left': 'n', 'k[n - 1]': 2, 'm[1][0][2]': 1},"              \
    "             'probability': 'e'},"                                                \
    "            {'state': {}, 'probability': '1 - e'}],"                              \
    " 'transitions': ["                                                                \
    "  {'name': 'move', 'for': {'i': [0, 'n'], 'j': ['i', 'left']},"                   \
    "   'when': 'k[i] > 0 && i < j', 'change': {'k[i]': -1, ' k [ j ]': 1},"           \
    "   'set': {'left': 'sum(k) - i'}, 'rate': 'k[i] * g / (1 + exp(-x)) + h'},"       \
    "  {'for': {'i': [1, 2]}, 'change': {'left': -1}, 'rate': 2}],"                    \
    " 'absorb': 'left == 0', 'defect': false,"                                         \
    " 'rewards': {'left': 'left', 'one': 1},"                                          \
    " 'epochs': [{'at': 0.5, 'set': {'g': '2 * g', 'h': 1}}, {'at': 'u', 'set': "      \
    "{'b': "                                                                           \
    "0.1}}],"                                                                          \
    " 'derived': {'ratio': 'g / b'}}"

static inline void shipped_path(const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/models/%s.json", PH_SOURCE_DIR, name);
}

#endif
