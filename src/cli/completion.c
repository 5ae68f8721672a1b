/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Completion scripts for shells, written from the tables of commands and options, so
 * that they know what the parser knows. An argument is completed by its kind: the words
 * of a choice; files where its name is FILE, PREFIX or that of an input; else nothing.
 */
#include "completion.h"

#include <string.h>

typedef struct shell {
    const char *name;
    void (*write)(ph_buffer *out);
} shell;

/* What `visit` is called with for each option of a command. */
typedef void visitor(const ph_option *option, const char *command, ph_buffer *out);

static void visit_table(const ph_option *table, const char *command, visitor *visit,
                        ph_buffer *out)
{
    for (; table && table->name; table++) {
        if (table->kind != PH_OPTION_HEADING && !(table->scope & PH_OPTION_REFUSED)) {
            visit(table, command, out);
        }
    }
}

static void visit_options(const ph_command *command, visitor *visit, ph_buffer *out)
{
    visit_table(command->options, command->name, visit, out);
    visit_table(command->common, command->name, visit, out);
}

static int takes_file(const ph_option *option)
{
    return option->kind == PH_OPTION_TEXT && (strcmp(option->argument, "FILE") == 0 ||
                                              strcmp(option->argument, "PREFIX") == 0);
}

/* What an option's argument begins with: names of this kind in the model, or NULL. */
static const char *names_of(const ph_option *option)
{
    static const struct {
        const char *option, *kind;
    } known[] = {{"set", "constant"},
                 {"theta", "parameter"},
                 {"fix", "parameter"},
                 {"tie", "parameter"},
                 {"reward", "reward"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(option->name, known[i].option) == 0) {
            return known[i].kind;
        }
    }
    return NULL;
}

/* Text in single quotes of any of the shells; line feeds become blanks. */
static void add_quoted(ph_buffer *out, const char *text, const char *quote)
{
    ph_buffer_add(out, "'");
    for (; *text; text++) {
        if (*text == '\'') {
            ph_buffer_add(out, quote);
        } else {
            ph_buffer_add_n(out, *text == '\n' ? " " : text, 1);
        }
    }
    ph_buffer_add(out, "'");
}

/* "a|b|c" with another divider. */
static void add_choices(ph_buffer *out, const char *choices, char divider)
{
    for (; *choices; choices++) {
        ph_buffer_add_n(out, *choices == '|' ? &divider : choices, 1);
    }
}

static void add_command_names(ph_buffer *out)
{
    for (const ph_command *command = ph_commands; command->name; command++) {
        ph_buffer_addf(out, "%s ", command->name);
    }
}

/* What is no option of a command is a file, or one of some words, or nothing. */
static int takes_files(const ph_command *command)
{
    return command->arguments[0] && !strchr(command->arguments, '|') &&
           strcmp(command->arguments, "[COMMAND]") != 0;
}

static void add_words(const ph_command *command, ph_buffer *out)
{
    if (strcmp(command->arguments, "[COMMAND]") == 0) {
        add_command_names(out);
    } else {
        add_choices(out, command->arguments, ' ');
    }
}

/* ---- bash ---- */

static void bash_name(const ph_option *option, const char *command, ph_buffer *out)
{
    (void)command;
    ph_buffer_addf(out, "--%s ", option->name);
    if (option->letter) {
        ph_buffer_addf(out, "-%c ", option->letter);
    }
}

/* "fit:--method" and, for one with a letter, "fit:-o". */
static void bash_pattern(const ph_option *option, const char *command, ph_buffer *out)
{
    ph_buffer_addf(out, "    %s:--%s", command, option->name);
    if (option->letter) {
        ph_buffer_addf(out, " | %s:-%c", command, option->letter);
    }
    ph_buffer_add(out, ") ");
}

static void bash_argument(const ph_option *option, const char *command, ph_buffer *out)
{
    if (option->kind == PH_OPTION_FLAG) {
        return;
    }
    bash_pattern(option, command, out);
    if (option->kind == PH_OPTION_CHOICE) {
        ph_buffer_add(out, "COMPREPLY=($(compgen -W '");
        add_choices(out, option->argument, ' ');
        ph_buffer_add(out, "' -- \"$word\")); return ;;\n");
    } else if (takes_file(option)) {
        ph_buffer_add(out, "COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n");
    } else if (names_of(option)) {
        ph_buffer_addf(out, "_phasic_names %s '%s'; return ;;\n", names_of(option),
                       strchr(option->argument, '=') ? "=" : "");
    } else {
        ph_buffer_add(out, "return ;;\n");
    }
}

static void bash_script(ph_buffer *out)
{
    ph_buffer_add(
        out, "# bash completion of phasic\n"
             "# names of a kind in the model of the line, with what follows\n"
             "_phasic_names()\n{\n"
             "    local file\n"
             "    for file in \"${COMP_WORDS[@]:2}\"; do\n"
             "        case $file in\n"
             "        *.json | *.trace) ;;\n        *) continue ;;\n"
             "        esac\n"
             "        COMPREPLY=($(compgen -S \"$2\" -W \"$(\"${COMP_WORDS[0]}\" "
             "info --names \\\n"
             "            --format csv -- \"$file\" 2>/dev/null |\n"
             "            sed -n \"s/^$1,\\([^,]*\\),.*/\\1/p\")\" -- \"$word\"))\n"
             "        [ -z \"$2\" ] || compopt -o nospace 2>/dev/null || :\n"
             "        return\n"
             "    done\n}\n"
             "_phasic()\n{\n"
             "    local word=${COMP_WORDS[COMP_CWORD]} options words files=1\n"
             "    local command=${COMP_WORDS[1]} "
             "before=${COMP_WORDS[COMP_CWORD - 1]}\n"
             "    COMPREPLY=()\n"
             "    if [ \"$word\" = = ]; then\n        word=\n"
             "    elif [ \"$before\" = = ]; then\n"
             "        before=${COMP_WORDS[COMP_CWORD - 2]}\n    fi\n"
             "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
             "        COMPREPLY=($(compgen -W '");
    add_command_names(out);
    ph_buffer_add(out, "--help --version' -- \"$word\"))\n"
                       "        return\n    fi\n    case $command:$before in\n");
    for (const ph_command *command = ph_commands; command->name; command++) {
        visit_options(command, bash_argument, out);
    }
    ph_buffer_add(out, "    esac\n    case $command in\n");
    for (const ph_command *command = ph_commands; command->name; command++) {
        ph_buffer_addf(out, "    %s) options='", command->name);
        visit_options(command, bash_name, out);
        ph_buffer_add(out, "'");
        if (!takes_files(command)) {
            ph_buffer_add(out, " words='");
            add_words(command, out);
            ph_buffer_add(out, "' files=0");
        }
        ph_buffer_add(out, " ;;\n");
    }
    ph_buffer_add(out,
                  "    *) return ;;\n    esac\n"
                  "    case $files$word in\n"
                  "    ?-*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
                  "    0*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
                  "    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
                  "    esac\n}\n"
                  "complete -o filenames -F _phasic phasic\n");
}

/* ---- zsh ---- */

#define ZSH_QUOTE "'\\''"

/* A description inside an _arguments specification: brackets and colons escaped. */
static void zsh_text(ph_buffer *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("[]:\\", *text)) {
            ph_buffer_add(out, "\\");
        }
        if (*text == '\'') {
            ph_buffer_add(out, ZSH_QUOTE);
        } else {
            ph_buffer_add_n(out, *text == '\n' ? " " : text, 1);
        }
    }
}

/* One specification: '--name=[help]:ARGUMENT:action'. */
static void zsh_one(const ph_option *option, const char *name, const char *equals,
                    ph_buffer *out)
{
    int flag = option->kind == PH_OPTION_FLAG;
    ph_buffer_addf(out, " \\\n            '%s%s%s[",
                   option->kind == PH_OPTION_LIST ? "*" : "", name, flag ? "" : equals);
    zsh_text(out, option->help);
    ph_buffer_add(out, "]");
    if (!flag) {
        ph_buffer_add(out, ":");
        zsh_text(out, option->argument);
        ph_buffer_add(out, ":");
    }
    if (option->kind == PH_OPTION_CHOICE) {
        ph_buffer_add(out, "(");
        add_choices(out, option->argument, ' ');
        ph_buffer_add(out, ")");
    } else if (takes_file(option)) {
        ph_buffer_add(out, "_files");
    } else if (names_of(option)) {
        ph_buffer_addf(out, " _phasic_names %s %s", names_of(option),
                       strchr(option->argument, '=') ? "=" : "");
    }
    ph_buffer_add(out, "'");
}

static void zsh_option(const ph_option *option, const char *command, ph_buffer *out)
{
    char name[80] = "--", letter[3] = {'-', option->letter, '\0'};
    (void)command;
    strncat(name, option->name, sizeof name - 3);
    zsh_one(option, name, "=", out);
    if (option->letter) {
        zsh_one(option, letter, "+", out);
    }
}

static void zsh_script(ph_buffer *out)
{
    ph_buffer_add(
        out, "#compdef phasic\n"
             "# names of a kind in the model of the line, with what follows\n"
             "_phasic_names()\n{\n"
             "    local file=${words[(r)*.(json|trace)]}\n"
             "    local -a names\n"
             "    [[ -n $file ]] || return\n"
             "    names=(${(f)\"$(phasic info --names --format csv -- "
             "${(Q)file} 2>/dev/null | sed -n \"s/^$1,\\([^,]*\\),.*/\\1/p\")\"})\n"
             "    compset -P '*,'\n"
             "    compadd -S \"$2\" -- $names\n}\n"
             "_phasic()\n{\n"
             "    local -a commands\n    commands=(\n");
    for (const ph_command *command = ph_commands; command->name; command++) {
        ph_buffer_addf(out, "        '%s:", command->name);
        zsh_text(out, command->summary);
        ph_buffer_add(out, "'\n");
    }
    ph_buffer_add(out, "    )\n"
                       "    if (( CURRENT == 2 )); then\n"
                       "        _describe command commands\n        return\n    fi\n"
                       "    local command=$words[2]\n"
                       "    shift words\n    (( CURRENT-- ))\n"
                       "    case $command in\n");
    for (const ph_command *command = ph_commands; command->name; command++) {
        ph_buffer_addf(out, "    %s)\n        _arguments -s", command->name);
        visit_options(command, zsh_option, out);
        if (takes_files(command)) {
            ph_buffer_add(out, " \\\n            '*:file:_files' ;;\n");
        } else {
            ph_buffer_add(out, " \\\n            '1:word:(");
            add_words(command, out);
            ph_buffer_add(out, ")' ;;\n");
        }
    }
    ph_buffer_add(out, "    esac\n}\n"
                       "if [ \"$funcstack[1]\" = _phasic ]; then\n"
                       "    _phasic \"$@\"\nelse\n    compdef _phasic phasic\nfi\n");
}

/* ---- fish ---- */

#define FISH_QUOTE "\\'"

static void fish_option(const ph_option *option, const char *command, ph_buffer *out)
{
    ph_buffer_addf(out, "complete -c phasic -n '__phasic_runs %s' -l %s", command,
                   option->name);
    if (option->letter) {
        ph_buffer_addf(out, " -s %c", option->letter);
    }
    if (option->kind == PH_OPTION_CHOICE) {
        ph_buffer_add(out, " -x -a '");
        add_choices(out, option->argument, ' ');
        ph_buffer_add(out, "'");
    } else if (takes_file(option)) {
        ph_buffer_add(out, " -r -F");
    } else if (names_of(option)) {
        ph_buffer_addf(out, " -x -a '(__phasic_names %s %s)'", names_of(option),
                       strchr(option->argument, '=') ? "=" : "");
    } else if (option->kind != PH_OPTION_FLAG) {
        ph_buffer_add(out, " -x");
    }
    ph_buffer_add(out, " -d ");
    add_quoted(out, option->help, FISH_QUOTE);
    ph_buffer_add(out, "\n");
}

static void fish_command(const char *name, const char *summary, ph_buffer *out)
{
    ph_buffer_addf(out, "complete -c phasic -n __phasic_is_first -f -a %s -d ", name);
    add_quoted(out, summary, FISH_QUOTE);
    ph_buffer_add(out, "\n");
}

static void fish_script(ph_buffer *out)
{
    ph_buffer_add(out,
                  "# fish completion of phasic\n"
                  "function __phasic_is_first\n"
                  "    test (count (commandline -opc)) -eq 1\nend\n"
                  "function __phasic_runs\n"
                  "    set -l words (commandline -opc)\n"
                  "    test (count $words) -gt 1; and test $words[2] = $argv[1]\n"
                  "end\n"
                  "function __phasic_names\n"
                  "    set -l file (string match -r '.*[.](?:json|trace)$' -- "
                  "(commandline -opc))\n"
                  "    test (count $file) -gt 0; or return\n"
                  "    phasic info --names --format csv -- $file[1] 2>/dev/null |\n"
                  "        string replace -r -f \"^$argv[1],([^,]*),.*\" "
                  "'$1'\"$argv[2]\"\nend\n"
                  "complete -c phasic -e\n");
    for (const ph_command *command = ph_commands; command->name; command++) {
        fish_command(command->name, command->summary, out);
    }
    for (const ph_command *command = ph_commands; command->name; command++) {
        if (!takes_files(command)) {
            ph_buffer_addf(out, "complete -c phasic -n '__phasic_runs %s' -f -a '",
                           command->name);
            add_words(command, out);
            ph_buffer_add(out, "'\n");
        }
        visit_options(command, fish_option, out);
    }
}

static const shell shells[] = {
    {"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}, {NULL, NULL}};

int ph_completion(const char *name, ph_buffer *out, ph_error *error)
{
    for (const shell *it = shells; name && it->name; it++) {
        if (strcmp(it->name, name) == 0) {
            it->write(out);
            return PH_OK;
        }
    }
    if (name) {
        ph_error_found(error, name, -1);
    }
    return ph_error_set(error, PH_E_USAGE, "expects one of bash, zsh, fish");
}
