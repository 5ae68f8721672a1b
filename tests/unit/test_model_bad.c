/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The model reader on bad models. In the tables an @ marks where the error must be
 * reported: its line and column are what is expected.
 */
#include "model_text.h"

#include <time.h>

#include "phasic/base/file.h"
#include "phasic/base/rng.h"

/* ---- bad models ---- */

typedef struct bad {
    const char *text, *place, *message;
} bad;

#define NAMES        "'constants':{'n':3},'parameters':{'p':{},'q':{}},"
#define STATE        "'state':{'x':[],'k':['n'],'m':[2,'n']},"
#define MODEL(rest)  "{'phasic':1," NAMES "\n" rest "}"
#define MOVE         "'transitions':[{'change':{'x':-1},'rate':'p'}]"
#define WITH(rest)   MODEL(STATE "'start':{'x':1}," MOVE ",\n" rest)
#define START(start) MODEL(STATE "\n'start':" start "," MOVE)
#define MOVES(body)  MODEL(STATE "'start':{'x':1},\n'transitions':[{" body "}]")
#define PRIOR(prior)                                                                   \
    "{'phasic':1,'parameters':{'p':{'prior':" prior                                    \
    "}},'matrix':{'initial':[1],'rates':[[0,'p']]}}"
#define PARAMETER(body)                                                                \
    "{'phasic':1,'parameters':{'p':{" body                                             \
    "}},'matrix':{'initial':[1],'rates':[[0,'p']]}}"
#define MATRIX(initial, rates)                                                         \
    MODEL("'matrix':{'initial':" initial ",'rates':" rates "}")
#define DISCRETE(initial, rates)                                                       \
    MODEL("'time':'discrete','matrix':{'initial':" initial ",\n'rates':" rates "}")
#define GRAPH(vertices, initial, edges)                                                \
    MODEL("'graph':{'vertices':" vertices ",'initial':" initial ",\n'edges':" edges "}")

static const bad heads[] = {
    {"@[]", "", "expected an object for a model, not a list"},
    {"@{}", "", "'phasic' is missing"},
    {"{'phasic':@2}", "/phasic", "expected 1"},
    {"{'phasic':@'1'}", "/phasic", "expected 1"},
    {"{'phasic':@1.5}", "/phasic", "expected 1"},
    {"@{'phasic':1}", "", "the process is missing"},
    {MODEL("@'transition':[]"), "/transition", "did you mean 'transitions'"},
    {MODEL("@'zzz':[]"), "/zzz", "expected phasic, name,"},
    {MODEL("'name':@7"), "/name", "expected a string for 'name', not a number"},
    {MODEL("'name':@'a\\nb'"), "/name", "on one line"},
    {MODEL("'time':@'weekly'"), "/time", "\"continuous\" or \"discrete\""},
    {MODEL("'time':@1"), "/time", "\"continuous\" or \"discrete\""},
    {WITH("'defect':@1"), "/defect", "true or false"},
    {WITH("@'matrix':{}"), "/matrix", "exactly one of state, matrix and graph"},
    {MODEL("'matrix':{},@'start':{}"), "/start",
     "goes with 'state', not with 'matrix'"},
    {MODEL("'graph':{},@'absorb':1"), "/absorb", "not with 'graph'"},
    {"{'phasic':1,'constants':@[]}", "/constants", "expected an object"},
    {"{'phasic':1,'constants':{'n':@true}}", "/constants/n", "not true or false"},
    {"{'phasic':1,'constants':{'n':'@m','m':1}}", "/constants/n", "unknown name"},
    {"{'phasic':1,'constants':{'n':'1+1@/0'}}", "/constants/n", "not a finite"},
    {"{'phasic':1,'constants':{@'n m':1}}", "/constants/n m", "a letter followed by"},
    {"{'phasic':1,'constants':{@'_n':1}}", "/constants/_n", "a letter followed by"},
    {"{'phasic':1,'constants':{@'':1}}", "/constants/", "a letter followed by"},
    {"{'phasic':1,'constants':{@'n__':1}}", "/constants/n__", "two underscores"},
    {"{'phasic':1,'constants':{@'chain':1}}", "/constants/chain", "reserved"},
    {"{'phasic':1,'parameters':{@'draw':{}}}", "/parameters/draw", "reserved"},
    {"{'phasic':1,'constants':{'n':1},'parameters':{@'n':{}}}", "/parameters/n",
     "a constant already has this name"},
};

static const bad parameters[] = {
    {PRIOR("@1"), "/parameters/p/prior", "expected an object"},
    {PRIOR("@{}"), "/parameters/p/prior", "exactly one family in 'prior', not 0"},
    {PRIOR("@{'beta':{'a':1,'b':1},'gamma':{}}"), "/parameters/p/prior", "not 2"},
    {PRIOR("{@'none':{}}"), "/parameters/p/prior/none", "expected gamma, lognormal"},
    {PRIOR("{@'log_normal':{}}"), "/parameters/p/prior/log_normal",
     "did you mean 'lognormal'"},
    {PRIOR("{'gamma':@[2,1]}"), "/parameters/p/prior/gamma", "expected an object"},
    {PRIOR("{'gamma':@{'shape':2}}"), "/parameters/p/prior/gamma", "one is missing"},
    {PRIOR("{'gamma':{'shape':2,@'sd':1}}"), "/parameters/p/prior/gamma/sd",
     "expected shape and rate (or scale)"},
    {PRIOR("{'gamma':{'shape':2,'rate':1,@'scale':1}}"),
     "/parameters/p/prior/gamma/scale", "either rate or scale"},
    {PRIOR("{'gamma':{'shape':@0,'rate':1}}"), "/parameters/p/prior/gamma/shape",
     "must be positive, not 0"},
    {PRIOR("{'gamma':{'shape':1,'scale':@-1}}"), "/parameters/p/prior/gamma/scale",
     "must be positive, not -1"},
    {PRIOR("{'lognormal':{'meanlog':-3,'sdlog':@0}}"),
     "/parameters/p/prior/lognormal/sdlog", "must be positive"},
    {PRIOR("{'exponential':{'rate':'2*@'}}"), "/parameters/p/prior/exponential/rate",
     "the expression ends"},
    {PRIOR("{'uniform':@{'lower':2,'upper':2}}"), "/parameters/p/prior/uniform",
     "must be below the upper"},
    {PRIOR("@{'uniform':{'lower':-2,'upper':-1}}"), "/parameters/p/prior",
     "mass in (-2, -1), outside the support (0, inf)"},
    {PARAMETER("'support':@'positve'"), "/parameters/p/support",
     "\"positive\", \"real\""},
    {PARAMETER("'support':@[0]"), "/parameters/p/support", "[lower, upper]"},
    {PARAMETER("'support':@[1,1]"), "/parameters/p/support", "below the upper"},
    {PARAMETER("'support':[0,@true]"), "/parameters/p/support/1", "a number"},
    {PARAMETER("'value':@0"), "/parameters/p/value", "0 lies outside (0, inf)"},
    {PARAMETER("'value':@null"), "/parameters/p/value", "not null"},
    {PARAMETER("'support':'unit','value':@'1+1'"), "/parameters/p/value",
     "2 lies outside (0, 1)"},
    {PARAMETER("'fixed':@-1"), "/parameters/p/fixed", "-1 lies outside (0, inf)"},
    {PARAMETER("'fixed':1,@'value':1"), "/parameters/p/value", "not both"},
    {PARAMETER("@'values':1"), "/parameters/p/values", "did you mean 'value'"},
    {PARAMETER("'unit':@1"), "/parameters/p/unit", "expected a string"},
    {PARAMETER("'value':'@p'"), "/parameters/p/value",
     "'value' may not use parameters"},
    {"{'phasic':1,'parameters':{'p':@1}}", "/parameters/p", "expected an object"},
};

static const bad states[] = {
    {MODEL("'state':@[]"), "/state", "expected an object"},
    {MODEL("'state':@{}"), "/state", "at least one state variable"},
    {MODEL("'state':{'x':@1}"), "/state/x", "expected a list"},
    {MODEL("'state':{'x':[@0]}"), "/state/x/0", "from 1 to 1000000"},
    {MODEL("'state':{'x':[@2.5]}"), "/state/x/0", "whole number"},
    {MODEL("'state':{'x':[2,'@p']}"), "/state/x/1", "may not use parameters"},
    {MODEL("'state':{'x':@[1,1,1,1,1]}"), "/state/x", "at most 4 dimensions"},
    {MODEL("'state':{'x':[1000,'n'],'y':@[1000,1000]}"), "/state/y", "1000000 entries"},
    {MODEL("'state':{'x':@[1000000,1000000,1000000,1000000]}"), "/state/x",
     "1000000 entries"},
    {MODEL("'state':{@'n':[]}"), "/state/n", "a constant already has this name"},
    {MODEL("'state':{@'max':[]}"), "/state/max", "reserved"},
    {"@{'phasic':1,'state':{'x':[]}}", "", "'start' is missing"},
    {"@{'phasic':1,'state':{'x':[]},'start':{}}", "", "'transitions' is missing"},
    {START("@1"), "/start", "expected an object"},
    {START("@[]"), "/start", "at least one start"},
    {START("{@'y':1}"), "/start/y", "no state variable has this name"},
    {START("{@'xx':1}"), "/start/xx", "did you mean 'x'"},
    {START("{'x':@-1}"), "/start/x", "from 0 to"},
    {START("{'x':@0.5}"), "/start/x", "whole number"},
    {START("{'x':@'n/2'}"), "/start/x", "not 1.5"},
    {START("{'x':'2*@x'}"), "/start/x", "may not use state variables"},
    {START("{'x':'@p'}"), "/start/x", "may not use parameters"},
    {START("{'x':1,@'x[0]':1}"), "/start/x[0]", "has no index"},
    {START("{@'k':1}"), "/start/k", "expected 1 index"},
    {START("{@'m[1]':1}"), "/start/m[1]", "expected 2 indices"},
    {START("{@'k[3]':1}"), "/start/k[3]", "whole number from 0 to 2"},
    {START("{@'k[0.5]':1}"), "/start/k[0.5]", "0.5 lies outside"},
    {START("{@'k[0][0]':1}"), "/start/k[0][0]", "expected 1 index"},
    {START("{@'k[0':1}"), "/start/k[0", "in brackets"},
    {START("{@'k[0]+1':1}"), "/start/k[0]+1", "in brackets"},
    {START("{'k[0]':1,@'k[ 1-1 ]':2}"), "/start/k[ 1-1 ]", "given twice"},
    {START("{'k[@zz]':1}"), "/start/k[zz]", "unknown name"},
    {START("[@{'state':{}}]"), "/start/0", "'probability' is missing"},
    {START("[@{'probability':1}]"), "/start/0", "'state' is missing"},
    {START("[{'state':{},'probability':@1.5}]"), "/start/0/probability", "from 0 to 1"},
    {START("@[{'state':{},'probability':0.5}]"), "/start", "sum to 0.5; expected 1"},
    {START("@[{'state':{},'probability':'p'}]"), "/start",
     "at some values of the parameters"},
    {START("[{'state':{},'probability':1,@'name':1}]"), "/start/0/name", "unknown key"},
    {MODEL("'defect':true,\n" STATE
           "'start':@[{'state':{},'probability':1},{'state':{},'probability':0.5}]"),
     "/start", "sum to 1.5; expected at most 1"},
};

static const bad transitions[] = {
    {MODEL(STATE "'start':{},'transitions':@{}"), "/transitions", "expected a list"},
    {MODEL(STATE "'start':{},'transitions':@[]"), "/transitions", "at least one"},
    {MODEL(STATE "'start':{},'transitions':[@1]"), "/transitions/0",
     "expected an object"},
    {MOVES("@'wen':'x>0'"), "/transitions/0/wen", "did you mean 'when'"},
    {MOVES("'when':'x>@p'"), "/transitions/0/when", "'when' may not use parameters"},
    {MOVES("'when':'x>0 && @)'"), "/transitions/0/when", ""},
    {MOVES("'when':@true"), "/transitions/0/when", "a number or an expression"},
    {MODEL(STATE "'start':{},'transitions':[@{'rate':1}]"), "/transitions/0",
     "expected 'change' or 'set'"},
    {MODEL(STATE "'start':{},'transitions':[@{'change':{},'rate':1}]"),
     "/transitions/0", "expected 'change' or 'set'"},
    {MODEL(STATE "'start':{},'transitions':[@{'set':{'x':0}}]"), "/transitions/0",
     "'rate' is missing"},
    {MOVES("'set':{'x':0},@'probability':1"), "/transitions/0/probability",
     "expected 'rate': the model's time is continuous"},
    {MODEL("'time':'discrete'," STATE
           "'start':{},'transitions':[{'set':{'x':0},@'rate':1}]"),
     "/transitions/0/rate", "expected 'probability'"},
    {MODEL("'time':'discrete'," STATE
           "'start':{},'transitions':[{'set':{'x':0},'probability':@2}]"),
     "/transitions/0/probability", "from 0 to 1"},
    {MOVES("'set':{'x':0},'rate':@-1"), "/transitions/0/rate", "not negative, not -1"},
    {MOVES("'set':{'x':0},'rate':@'1-n'"), "/transitions/0/rate",
     "not negative, not -2"},
    {MOVES("'set':{'x':0},'rate':'x*\\u0028@jump'"), "/transitions/0/rate",
     "unknown name"},
    {MOVES("'set':@[],'rate':1"), "/transitions/0/set", "expected an object for 'set'"},
    {MOVES("'set':{'x':@-1},'rate':1"), "/transitions/0/set/x", "not negative"},
    {MOVES("'change':{'x':@0.5},'rate':1"), "/transitions/0/change/x", "whole number"},
    {MOVES("'change':{'x':'@q'},'rate':1"), "/transitions/0/change/x",
     "'change' may not use parameters"},
    {MOVES("'change':{@'k[n]':1},'rate':1"), "/transitions/0/change/k[n]",
     "the index 3 lies outside"},
    {MOVES("'change':{'k[@p]':1},'rate':1"), "/transitions/0/change/k[p]",
     "an index may not use parameters"},
    {MOVES("'change':{'x':1},'set':{@'x':1},'rate':1"), "/transitions/0/set/x",
     "in 'change' too"},
    {MOVES("'change':{'k[ 1 ]':1},'set':{'x':1,@'k [1]':1},'rate':1"),
     "/transitions/0/set/k [1]", "in 'change' too"},
    {MOVES("'set':{'k[1]':1,'x':1,@'k[1 ]':1},'rate':1"), "/transitions/0/set/k[1 ]",
     "set twice"},
    {MOVES("'for':@[]"), "/transitions/0/for", "expected an object"},
    {MOVES("'for':{'i':@1}"), "/transitions/0/for/i", "[first, last]"},
    {MOVES("'for':{'i':@[1]}"), "/transitions/0/for/i", "[first, last]"},
    {MOVES("'for':{'i':[@0.5,1]}"), "/transitions/0/for/i/0", "whole number"},
    {MOVES("'for':{'i':[0,'@p']}"), "/transitions/0/for/i/1", "may not use parameters"},
    {MOVES("'for':{'i':[0,'@j'],'j':[0,1]}"), "/transitions/0/for/i/1", "unknown name"},
    {MOVES("'for':{@'x':[0,1]}"), "/transitions/0/for/x", "a state variable already"},
    {MODEL(STATE
           "'start':{},'transitions':[{'for':{'i':[0,1]},'set':{'x':0},'rate':1},\n"
           "{'set':{'x':0},'rate':'@i'}]"),
     "/transitions/1/rate", "unknown name"},
};

static const bad explicits[] = {
    {MODEL("'matrix':@[]"), "/matrix", "expected an object"},
    {MODEL("'matrix':@{'initial':[1]}"), "/matrix", "'rates' is missing"},
    {MODEL("'matrix':{'initial':[1],'rates':@[]}"), "/matrix/rates",
     "at least one row"},
    {MODEL("'matrix':{'initial':[1],@'rate':[]}"), "/matrix/rate", "did you mean"},
    {MATRIX("@[1,0]", "[[0,1]]"), "/matrix/initial", "expected 1 probabilities"},
    {MATRIX("@[0.5]", "[[0,1]]"), "/matrix/initial", "sum to 0.5"},
    {MATRIX("[@2]", "[[0,1]]"), "/matrix/initial/0", "from 0 to 1"},
    {MATRIX("[1]", "[@1]"), "/matrix/rates/0", "expected a list"},
    {MATRIX("[1]", "[@[0]]"), "/matrix/rates/0", "expected 2 entries"},
    {MATRIX("[1]", "[[@1,1]]"), "/matrix/rates/0/0", "0 on the diagonal"},
    {MATRIX("[1]", "[[@'p',1]]"), "/matrix/rates/0/0", "0 on the diagonal"},
    {MATRIX("[1]", "[[0,@-1]]"), "/matrix/rates/0/1", "not negative"},
    {MATRIX("[1]", "[[0,'p+@zz']]"), "/matrix/rates/0/1", "unknown name"},
    {DISCRETE("[1]", "[@[0.5,0.25]]"), "/matrix/rates/0", "sum to 0.75"},
    {DISCRETE("[1]", "[@['1-p','q']]"), "/matrix/rates/0", "at some values"},
    {DISCRETE("[1]", "[[0,@1.5]]"), "/matrix/rates/0/1", "from 0 to 1"},
    {MODEL("'matrix':{'initial':[1,0],'rates':[[0,0,1],[0,0,1]]},\n"
           "'rewards':{'r':@[1]}"),
     "/rewards/r", "a list of 2 numbers"},
    {MODEL("'matrix':{'initial':[1],'rates':[[0,1]]},'rewards':{'r':@'1'}"),
     "/rewards/r", "a list of 1 numbers"},
    {MODEL("'matrix':{'initial':[1],'rates':[[0,1]]},'rewards':{'r':[@-1]}"),
     "/rewards/r/0", "not negative"},
    {MODEL("'graph':@{'vertices':1,'initial':[]}"), "/graph", "'edges' is missing"},
    {GRAPH("@[]", "[]", "[]"), "/graph/vertices", "at least one vertex"},
    {GRAPH("@0", "[]", "[]"), "/graph/vertices", "from 1 to"},
    {GRAPH("@1e9", "[]", "[]"), "/graph/vertices", "from 1 to"},
    {GRAPH("[[1],@[1,2]]", "[]", "[]"), "/graph/vertices/1", "expected 1 numbers"},
    {GRAPH("[@1,[1]]", "[]", "[]"), "/graph/vertices/0", "expected a list"},
    {GRAPH("[['@p']]", "[]", "[]"), "/graph/vertices/0/0", "may not use parameters"},
    {GRAPH("2", "[@[0]]", "[]"), "/graph/initial/0", "[vertex, probability]"},
    {GRAPH("2", "[[@2,1]]", "[]"), "/graph/initial/0/0", "from 0 to 1"},
    {GRAPH("2", "[[0,0.5],[@0,0.5]]", "[]"), "/graph/initial/1/0", "already"},
    {GRAPH("2", "@[]", "[]"), "/graph/initial", "sum to 0"},
    {GRAPH("2", "[[0,1]]", "[@[0,1]]"), "/graph/edges/0", "[from, to, rate]"},
    {GRAPH("2", "[[0,1]]", "[[@-1,1,1]]"), "/graph/edges/0/0", "from 0 to 1"},
    {GRAPH("2", "[[0,1]]", "[[0,@-2,1]]"), "/graph/edges/0/1", "-1 is absorption"},
    {GRAPH("2", "[[0,1]]", "[@[0,0,1]]"), "/graph/edges/0", "back to its own vertex"},
    {GRAPH("2", "[[0,1]]", "[[0,1,@-1]]"), "/graph/edges/0/2", "not negative"},
};

static const bad extras[] = {
    {WITH("'absorb':'@p'"), "/absorb", "'absorb' may not use parameters"},
    {WITH("'absorb':@false"), "/absorb", "a number or an expression"},
    {WITH("'rewards':@[]"), "/rewards", "expected an object"},
    {WITH("'rewards':{@'time':1}"), "/rewards/time", "always there"},
    {WITH("'rewards':{@'count':1}"), "/rewards/count", "column of data files"},
    {WITH("'rewards':{'r':'x*@p'}"), "/rewards/r", "a reward may not use parameters"},
    {WITH("'rewards':{'r':@-1}"), "/rewards/r", "not negative, not -1"},
    {WITH("'rewards':{'r':@[1]}"), "/rewards/r", "a number or an expression"},
    {WITH("'rewards':{'r':'@k'}"), "/rewards/r", "is an array"},
    {WITH("'rewards':{@'a-b':1}"), "/rewards/a-b", "a letter followed by"},
    {WITH("'epochs':@{}"), "/epochs", "expected a list"},
    {WITH("'epochs':[@{'at':1}]"), "/epochs/0", "'set' is missing"},
    {WITH("'epochs':[{'at':@0,'set':{'p':1}}]"), "/epochs/0/at", "more than 0, not 0"},
    {WITH("'epochs':[{'at':1,'set':{'p':1}},{'at':'p','set':{'p':1}},\n"
          "{'at':@1,'set':{'p':1}}]"),
     "/epochs/2/at", "more than 1, not 1"},
    {WITH("'epochs':[{'at':1,'set':@{}}]"), "/epochs/0/set", "at least one"},
    {WITH("'epochs':[{'at':1,'set':{@'x':1}}]"), "/epochs/0/set/x",
     "expected a parameter or a constant"},
    {WITH("'epochs':[{'at':1,'set':{'p':'@x'}}]"), "/epochs/0/set/p",
     "may not use state variables"},
    {MODEL("'state':{'k':['@n']},'start':{'k[0]':1},"
           "'transitions':[{'change':{'k[0]':-1},'rate':'p'}],"
           "'epochs':[{'at':1,'set':{'n':2}}]"),
     "/state/k/0", "constants that an epoch sets"},
    {MODEL("'state':{'x':[]},'start':{'x':1},"
           "'transitions':[{'when':'x < @n','change':{'x':-1},'rate':'p'}],"
           "'epochs':[{'at':1,'set':{'n':2}}]"),
     "/transitions/0/when", "constants that an epoch sets"},
    {"{'phasic':1,'constants':{'n':3,'m':'2 * @n'},'parameters':{'p':{}},"
     "'matrix':{'initial':[1],'rates':[[0,'p*n']]},"
     "'epochs':[{'at':1,'set':{'n':2}}]}",
     "/constants/m", "a constant may not use constants that an epoch sets"},
    {"{'phasic':1,'constants':{'n':3},'parameters':{'p':{}},"
     "'matrix':{'initial':[1],'rates':[[0,'p*n']]},"
     "'derived':{'d':@'p*n'},'epochs':[{'at':1,'set':{'n':2}}]}",
     "/derived/d", "may not use constants that an epoch sets"},
    {"{'phasic':1,'time':'discrete','parameters':{'p':{'support':'unit'}},"
     "'matrix':{'initial':[1],'rates':[['1-p','p']]},"
     "'epochs':[{'at':@1.5,'set':{'p':0.5}}]}",
     "/epochs/0/at", "a whole number of steps, not 1.5"},
    {"{'phasic':1,'time':'discrete','parameters':{'p':{'support':'unit'}},"
     "'matrix':{'initial':[1],'rates':[['1-p','p']]},"
     "'epochs':[{'at':@'2*p','set':{'p':0.5}}]}",
     "/epochs/0/at", "holds no parameter"},
    {WITH("'derived':@1"), "/derived", "expected an object"},
    {WITH("'derived':{@'p':1}"), "/derived/p", "a parameter already has this name"},
    {WITH("'derived':{'d':'p*@x'}"), "/derived/d", "may not use state variables"},
    {WITH("'derived':{'d':@'1 +\n p'}"), "/derived/d", "no closing quote"},
};

static void check_bad(const bad *b)
{
    long line, column;
    char *json = prepare(b->text, &line, &column), text[1400];
    ph_model *model = NULL;
    ph_error error = {0};
    int status = ph_model_parse(&model, "t.json", json, strlen(json), NULL, 0, &error);
    if (status != PH_E_MODEL || error.status != status || model ||
        strcmp(error.file, "t.json") != 0 || error.message[0] == '\0') {
        fail_msg("%s\nstatus %d: %s", json, status,
                 ph_error_text(&error, text, sizeof text));
    }
    if (error.line != line || error.column != column ||
        strcmp(error.place, b->place) != 0 || !strstr(error.message, b->message)) {
        fail_msg("%s\nexpected %ld:%ld, %s, '%s': %s", json, line, column, b->place,
                 b->message, ph_error_text(&error, text, sizeof text));
    }
    free(json);
}

static void bad_models_are_refused(void **state)
{
    (void)state;
    static const struct {
        const bad *table;
        size_t length;
    } tables[] = {{heads, COUNT(heads)},         {parameters, COUNT(parameters)},
                  {states, COUNT(states)},       {transitions, COUNT(transitions)},
                  {explicits, COUNT(explicits)}, {extras, COUNT(extras)}};
    for (size_t t = 0; t < COUNT(tables); t++) {
        for (size_t i = 0; i < tables[t].length; i++) {
            check_bad(tables[t].table + i);
        }
    }
}

/* ---- files ---- */

/*
 * tests/cli/bad-models: what the reader finds, with its place. Those with line 0 have
 * faults that only the states show: the reader takes them.
 */
static const struct {
    const char *name;
    long line, column;
    const char *place, *message;
} files[] = {
    {"bad-number", 6, 73, "/parameters/jump/value", "may not begin with 0"},
    {"bad-prior-argument", 6, 46, "/parameters/jump/prior/gamma/shape", "positive"},
    {"byte-order-mark", 1, 1, "", "byte order mark"},
    {"change-and-set", 11, 79, "/transitions/0/set/left", "in 'change' too"},
    {"defect-missing", 9, 16, "/matrix/initial", "sum to 0.75"},
    {"diagonal", 12, 13, "/matrix/rates/1/1", "0 on the diagonal"},
    {"duplicate-key", 14, 3, "/constants", "line 4, column 3"},
    {"empty", 1, 1, "", "empty"},
    {"garbage", 1, 1, "", "expected a value"},
    {"index-outside", 0, 0, NULL, NULL},
    {"index-outside-state", 0, 0, NULL, NULL},
    {"index-outside-target", 11, 68, "/transitions/0/change/k[3]", "from 0 to 2"},
    {"missing-prior-argument", 6, 35, "/parameters/jump/prior/gamma", "missing"},
    {"negative-entry", 0, 0, NULL, NULL},
    {"negative-start", 9, 22, "/start/left", "not -1"},
    {"no-absorption", 0, 0, NULL, NULL},
    {"not-an-object", 1, 1, "", "not a list"},
    {"not-utf8", 13, 19, "/rewards", "0xe4 is not UTF-8"},
    {"number-too-large", 6, 73, "/parameters/jump/value", "1.8e308"},
    {"parameter-in-when", 11, 40, "/transitions/0/when", "may not use parameters"},
    {"rate-negative", 0, 0, NULL, NULL},
    {"rate-negative-constant", 11, 78, "/transitions/0/rate", "not -2"},
    {"reserved-name", 4, 26, "/constants/exp", "reserved"},
    {"shadowed-name", 8, 26, "/state/jump", "a parameter already has this name"},
    {"short-row", 12, 7, "/matrix/rates/1", "expected 4 entries"},
    {"too-deep", 1, 65, "", "nested deeper than 64"},
    {"truncated", 11, 6, "/transitions/0", "the file ends"},
    {"two-priors", 6, 24, "/parameters/jump/prior", "exactly one family"},
    {"two-processes", 13, 3, "/matrix", "exactly one of state, matrix and graph"},
    {"unbalanced-parenthesis", 11, 91, "/transitions/0/rate", "to close the '('"},
    {"unknown-family", 6, 26, "/parameters/jump/prior/gama", "did you mean 'gamma'"},
    {"unknown-key", 11, 24, "/transitions/0/wen", "did you mean 'when'"},
    {"unknown-name", 11, 86, "/transitions/0/rate", "did you mean 'jump'"},
    {"value-outside", 6, 73, "/parameters/jump/value", "lies outside (0, inf)"},
    {"wrong-type", 11, 78, "/transitions/0/rate", "not a list"},
    {"wrong-version", 2, 13, "/phasic", "expected 1"},
};

static void bad_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        ph_model *m = NULL;
        ph_error error = {0};
        char path[512], text[1400];
        snprintf(path, sizeof path, "%s/tests/cli/bad-models/%s.json", PH_SOURCE_DIR,
                 files[i].name);
        int status = ph_model_read(&m, path, NULL, 0, &error);
        if (status != (files[i].line ? PH_E_MODEL : PH_OK)) {
            fail_msg("%s: status %d: %s", path, status,
                     ph_error_text(&error, text, sizeof text));
        }
        if (status != PH_OK &&
            (error.line != files[i].line || error.column != files[i].column ||
             strcmp(error.place, files[i].place) != 0 ||
             !strstr(error.message, files[i].message))) {
            fail_msg("%s", ph_error_text(&error, text, sizeof text));
        }
        ph_model_free(m);
    }
}

/* ---- abuse ---- */

/* Every error has a message and a position, and no text that is not printable ASCII. */
static void check_outcome(int status, const ph_error *error, const char *json)
{
    const char *const texts[] = {error->message, error->place, error->found};
    if (status == PH_OK) {
        return;
    }
    if (status != PH_E_MODEL || error->line < 1 || error->column < 1 ||
        error->message[0] == '\0') {
        fail_msg("status %d, %ld:%ld: %s\n%s", status, error->line, error->column,
                 error->message, json);
    }
    for (size_t t = 0; t < COUNT(texts); t++) {
        for (const char *c = texts[t]; *c; c++) {
            if ((unsigned char)*c < 0x20 || *c == 0x7f) {
                fail_msg("not printable: %s\n%s", texts[t], json);
            }
        }
    }
}

/* One random fault: a byte replaced, removed or doubled, or a piece cut or repeated. */
static size_t mutate(ph_rng *rng, char *text, size_t length)
{
    static const char marks[] = "{}[]\",:0123456789-+.eE\\()*/<>= nxk\xc3\x01";
    size_t at = ph_rng_word(rng) % length, span = 1 + ph_rng_word(rng) % 12;
    span = span > length - at ? length - at : span;
    switch (ph_rng_word(rng) % 5) {
    case 0: text[at] = (char)(ph_rng_word(rng) & 255); return length;
    case 1: text[at] = marks[ph_rng_word(rng) % (sizeof marks - 1)]; return length;
    case 2: memmove(text + at, text + at + 1, length - at - 1); return length - 1;
    case 3:
        memmove(text + at, text + at + span, length - at - span);
        return length - span;
    default: memmove(text + at + span, text + at, length - at); return length + span;
    }
}

static const char *const sources[] = {
    "repairable",           "rabbits",   "coalescent",     "erlang", "busy_period",
    "power_law_coalescent", "two_cycle", "hypoexponential"};

static void mutations_never_crash(void **state)
{
    (void)state;
    enum { MUTATIONS = 4000 };
    size_t good_count = 0, bad_count = 0;
    for (size_t i = 0; i <= COUNT(sources); i++) {
        char path[512], *source = NULL;
        size_t length;
        long line, column;
        if (i < COUNT(sources)) {
            shipped_path(sources[i], path, sizeof path);
            assert_int_equal(ph_file_read(path, &source, &length, NULL), PH_OK);
        } else {
            source = prepare(FULL, &line, &column);
            length = strlen(source);
        }
        for (uint32_t k = 0; k < MUTATIONS / (COUNT(sources) + 1) + 1; k++) {
            ph_rng rng;
            ph_rng_init(&rng, 20, PH_RNG_TEST, (uint32_t)i, k);
            char *text = ph_alloc(length + 64, 1);
            assert_non_null(text);
            memcpy(text, source, length);
            size_t n = length;
            for (uint32_t faults = 1 + k % 3; faults-- > 0;) {
                n = mutate(&rng, text, n);
            }
            ph_model *m = NULL;
            ph_error error = {0};
            int status = ph_model_parse(&m, "m", text, n, NULL, 0, &error);
            check_outcome(status, &error, text);
            assert_true((status == PH_OK) == (m != NULL));
            *(status == PH_OK ? &good_count : &bad_count) += 1;
            ph_model_free(m);
            free(text);
        }
        free(source);
    }
    assert_true(good_count > 50 && bad_count > 1000); /* both happen */
}

/* 10 MB without sense, in several disguises: one short sentence, soon. */
static void garbage_is_refused_fast(void **state)
{
    (void)state;
    enum { SIZE = 10000000 };
    static const char *const heads_of[] = {"", "{\"phasic\":1,\"name\":\"", "[[[[",
                                           "{"};
    char *text = ph_alloc(SIZE, 1);
    assert_non_null(text);
    ph_rng rng;
    for (size_t i = 0; i < COUNT(heads_of); i++) {
        ph_rng_init(&rng, 7, PH_RNG_TEST, 0, (uint32_t)i);
        for (size_t k = 0; k < SIZE; k += 4) {
            uint32_t word = ph_rng_word(&rng);
            memcpy(text + k, &word, 4);
        }
        memcpy(text, heads_of[i], strlen(heads_of[i]));
        ph_model *m = NULL;
        ph_error error = {0};
        clock_t before = clock();
        int status = ph_model_parse(&m, "m", text, SIZE, NULL, 0, &error);
        assert_int_equal(status, PH_E_MODEL);
        check_outcome(status, &error, "");
        assert_true(strlen(error.message) < 300);
        assert_true((double)(clock() - before) / CLOCKS_PER_SEC < 5);
    }
    free(text);
}

/* Valid JSON of 10 MB that is no model: unknown keys, or one enormous list. */
static void large_nonsense_is_refused_fast(void **state)
{
    (void)state;
    enum { KEYS = 500000 };
    char *text = ph_alloc(KEYS, 24);
    assert_non_null(text);
    for (int kind = 0; kind < 2; kind++) {
        size_t at = (size_t)sprintf(text, "{\"phasic\":1,\"constants\":{\"n\":0");
        for (int i = 0; i < KEYS; i++) {
            at += (size_t)sprintf(text + at, kind ? ",\"c%d\":1" : ",\"c\\n%d\":1", i);
        }
        at += (size_t)sprintf(text + at, "}}");
        ph_model *m = NULL;
        ph_error error = {0};
        clock_t before = clock();
        int status = ph_model_parse(&m, "m", text, at, NULL, 0, &error);
        assert_int_equal(status, PH_E_MODEL);
        check_outcome(status, &error, "");
        assert_non_null(
            strstr(error.message, kind ? "at most 10000 names" : "a letter"));
        assert_true((double)(clock() - before) / CLOCKS_PER_SEC < 10);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_models_are_refused),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(mutations_never_crash),
        cmocka_unit_test(garbage_is_refused_fast),
        cmocka_unit_test(large_nonsense_is_refused_fast),
    };
    return ph_check_run(tests);
}
