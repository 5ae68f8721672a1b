#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Completion scripts in the shells they are for, and suggestions. Prints TAP.

    PHASIC=build/phasic SRC=. tests/cli/shells.py

Each shell loads its script and is asked for completions; where a shell is missing its
points are skipped. Every option that --help lists must be among the completions. Every
suggestion that the program makes for a mistyped word must be accepted by it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from tap import Tap

PHASIC = str(Path(os.environ["PHASIC"]).resolve())
RABBITS = str(Path(os.environ["SRC"]).resolve() / "models" / "rabbits.json")
PATH_ENV = dict(os.environ, PATH=f"{Path(PHASIC).parent}:{os.environ['PATH']}")
# While zsh waits for a pipeline it sends SIGCONT to it. That takes back the SIGSTOP by which
# the leak checker stops the program at its end, and the checker then waits for ever.
ZSH_ENV = dict(PATH_ENV, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **more)


def phasic(*arguments):
    env = {k: v for k, v in os.environ.items() if not k.startswith("PHASIC_")}
    return run(PHASIC, *arguments, env=env)


def commands():
    text = phasic("--help").stdout
    names = re.findall(r"^  ([\w-]+) ", text, flags=re.M)
    return [n for n in names if n not in ("completion", "help", "version")]


def options(command):
    """Of a command: {name: argument or None}."""
    found = re.findall(r"^  (?:-\w, |    )--([\w-]+)(?: (\S+))?",
                       phasic("help", command).stdout, flags=re.M)
    return {name: argument or None for name, argument in found}


def bash(script, *words):
    quoted = " ".join(f"'{w}'" for w in (PHASIC, *words))
    text = (f"source '{script}'; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _phasic; "
            "printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = run("bash", "--norc", "-ec", text, cwd=Path(script).parent)
    return done.stderr or done.stdout.split()


def zsh(script, *words):
    """What the function asks of the completion system; it needs a terminal to do more."""
    quoted = " ".join(f"'{w}'" for w in ("phasic", *words))
    text = (f"autoload -U compinit; compinit -u -D; source '{script}'; "
            "[[ $_comps[phasic] == _phasic ]] || exit 9; "
            "_arguments() { print -rl -- \"$@\" }; _values() { print -rl -- \"$@\" }; "
            "_describe() { print -rl -- ${(P)2} }; "
            f"words=({quoted}); CURRENT={len(words) + 1}; _phasic")
    done = run("zsh", "-f", "-c", text, cwd=Path(script).parent)
    return done.stderr or (done.stdout if done.returncode == 0 else f"exit {done.returncode}")


def zsh_names(script, kind):
    """What is offered as names of a kind where the model is on the command line."""
    text = (f"autoload -U compinit; compinit -u -D; source '{script}'; "
            "compset() { }; compadd() { print -r -- \"$@\" }; "
            f"words=(pdf '{RABBITS}' --theta ''); _phasic_names {kind} =")
    done = run("zsh", "-f", "-c", text, env=ZSH_ENV)
    return done.stderr or done.stdout


def fish(script, line):
    done = run("fish", "--no-config", "-c", f"source '{script}'; complete -C '{line}'",
               cwd=Path(script).parent, env=dict(PATH_ENV, HOME=str(Path(script).parent)))
    return done.stderr or [row.split("\t")[0] for row in done.stdout.splitlines()]


def check_bash(tap, script):
    tap.point(set(commands()) | {"help", "version", "completion"} <= set(bash(script, "")),
              "bash: the commands", bash(script, ""))
    tap.point(bash(script, "fi") == ["fit"], "bash: 'fi' is fit", bash(script, "fi"))
    for command in commands():
        wanted = {"--" + name for name in options(command)}
        got = set(bash(script, command, "--"))
        tap.point(wanted == {w for w in got if w.startswith("--")},
                  f"bash: the options of {command}", got ^ wanted)
    for words in (("info", "--format", ""), ("info", "--format", "="),
                  ("info", "--format", "=", "")):
        got = bash(script, *words)
        tap.point(got == ["text", "csv", "json"], f"bash: choices after {words[1:]}", got)
    tap.point(bash(script, "info", "mod") == ["model.json"], "bash: a file as argument",
              bash(script, "info", "mod"))
    tap.point(bash(script, "info", "--config", "mod") == ["model.json"], "bash: a file",
              bash(script, "info", "--config", "mod"))
    tap.point(bash(script, "info", "--seed", "mod") == [], "bash: a number is no file",
              bash(script, "info", "--seed", "mod"))
    tap.point(bash(script, "help", "tra") == ["trace"], "bash: help completes commands",
              bash(script, "help", "tra"))
    tap.point(bash(script, "completion", "z") == ["zsh"], "bash: the shells",
              bash(script, "completion", "z"))
    for words, wanted in ((("--theta", "flood"), ["flood_left=", "flood_right="]),
                          (("--set", ""), ["n="]),
                          (("--reward", "rab"), ["rabbit_time"]),
                          (("--theta", "x"), [])):
        got = bash(script, "pdf", RABBITS, *words)
        tap.point(got == wanted, f"bash: names after {words}", got)


def check_zsh(tap, script):
    got = zsh(script, "fi")
    tap.point(all(f"\n{c}:" in "\n" + got for c in commands()), "zsh: the commands", got)
    for command in commands():
        got = zsh(script, command, "--")
        wanted = {f"--{name}{'=' if argument else ''}[" for name, argument
                  in options(command).items()}
        tap.point(all(w in got for w in wanted), f"zsh: the options of {command}", got)
        tap.point("_files" in got, f"zsh: files as arguments of {command}", got)
    got = zsh(script, "pdf", RABBITS, "--theta", "")
    tap.point(": _phasic_names parameter =" in got, "zsh: names of parameters", got)
    got = zsh_names(script, "parameter")
    tap.point(got.split()[-3:] == ["jump", "flood_left", "flood_right"],
              "zsh: the names themselves", got)
    tap.point(":(text csv json)" in zsh(script, "info", "--f"), "zsh: choices",
              zsh(script, "info", "--f"))


def check_fish(tap, script):
    tap.point(fish(script, "phasic fi") == ["fit"], "fish: 'fi' is fit",
              fish(script, "phasic fi"))
    for command in commands():
        wanted = {"--" + name for name in options(command)}
        got = fish(script, f"phasic {command} --")
        tap.point(wanted == set(got), f"fish: the options of {command}", got)
    got = fish(script, "phasic info --format ")
    tap.point(sorted(got) == ["csv", "json", "text"], "fish: choices", got)
    got = fish(script, f"phasic pdf {RABBITS} --theta flood")
    tap.point(sorted(got) == ["flood_left=", "flood_right="], "fish: names of parameters", got)
    tap.point(fish(script, "phasic info mod") == ["model.json"], "fish: a file as argument",
              fish(script, "phasic info mod"))


def check_shells(tap):
    for name, check in (("bash", check_bash), ("zsh", check_zsh), ("fish", check_fish)):
        if not shutil.which(name):
            tap.point(True, f"{name} # SKIP not installed")
            continue
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "script"
            script.write_text(phasic("completion", name).stdout, encoding="utf-8")
            (Path(folder) / "model.json").write_text("{}")
            check(tap, str(script))
    done = phasic("completion", "csh")
    tap.point(done.returncode == 64 and "bash, zsh, fish" in done.stderr, "an unknown shell",
              done.stderr)


def mistyped(word):
    """Two neighbours swapped, a letter too many, a letter too few."""
    middle = max(1, len(word) // 2)
    yield word[:middle - 1] + word[middle] + word[middle - 1] + word[middle + 1:]
    yield word[:middle] + "q" + word[middle:]
    yield word[:-1]


def suggestion(done):
    found = re.search(r"did you mean '([^']+)'\?", done.stderr)
    return found[1] if found and done.returncode == 64 else None


def check_suggestions(tap):
    for command in commands():
        for wrong in mistyped(command):
            if wrong in commands():
                continue
            known = suggestion(phasic(wrong))
            accepted = known and phasic("help", known).returncode == 0
            tap.point(accepted, f"'{wrong}' suggests a command", known)
        lost = []
        for name, argument in options(command).items():
            for wrong in mistyped(name):
                if wrong in options(command):
                    continue
                known = suggestion(phasic(command, "--" + wrong))
                if not known or known[2:] not in options(command):
                    lost.append(f"--{wrong}: {known}")
            if argument and "|" in argument:
                choice = argument.split("|")[0] + "q"
                known = suggestion(phasic(command, f"--{name}", choice))
                done = phasic(command, f"--{name}={known}", "--print-config")
                if done.returncode != 0:
                    lost.append(f"--{name} {choice}: {known}: {done.stderr}")
        tap.point(not lost, f"suggestions for the options of {command} are accepted",
                  "\n".join(lost))


def main():
    tap = Tap()
    check_shells(tap)
    check_suggestions(tap)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
