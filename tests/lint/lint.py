#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""House rules that a program can check. Prints TAP.

    PHASIC=build/phasic SRC=. [CC=cc] tests/lint/lint.py

What a folder may include, headers that compile alone, formatting, file lengths, licence
lines, what only the command line may do, and the manual against the option tables.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SRC = Path(os.environ["SRC"]).resolve()
PHASIC = str(Path(os.environ["PHASIC"]).resolve())
CC = os.environ.get("CC", "cc")
sys.dont_write_bytecode = True
sys.path.insert(0, str(SRC / "tests" / "cli"))
from tap import Tap

# The house: what each folder of src/ may use beside itself, from the top down.
HOUSE = {
    "base": [],
    "num": ["base"],
    "model": ["base", "num"],
    "data": ["base"],
    "state": ["base", "num", "model"],
    "trace": ["base", "num", "model", "state"],
    "dist": ["base", "num", "trace"],
    "moment": ["base", "num", "trace"],
    "lik": ["base", "num", "trace", "dist", "moment", "data"],
    "prior": ["base", "num"],
    "svgd": ["base", "num"],
    "device": ["base"],
    "fit": ["base", "num", "model", "data", "state", "trace", "dist", "moment", "lik", "prior",
            "svgd", "device"],
    "report": ["base", "num", "fit"],
    "cli": ["base", "num", "model", "data", "state", "trace", "dist", "moment", "lik", "prior",
            "svgd", "device", "fit", "report"],
}
# Who may use which library.
LIBRARIES = {"cjson/": {"model", "report", "cli"}, "csv.h": {"data"}, "suitesparse/": {"trace"},
             "zlib.h": {"base", "data"}, "omp.h": {"device", "dist", "lik", "fit"}}
# Words of the command line alone.
FORBIDDEN = re.compile(r"\b(?:v?f?printf|puts|putchar|exit|_exit|abort|getenv|secure_getenv)\s*\(|"
                       r"\b(?:stderr|stdout|environ)\b")
MOST_LINES = 1000
SKIPPED = {".git", "subprojects"}


def files(*suffixes, under=("src", "include", "tests")):
    for top in under:
        for path in sorted((SRC / top).rglob("*")):
            if path.suffix in suffixes and not SKIPPED & set(path.parts):
                yield path


def name(path):
    return str(path.relative_to(SRC))


def code(path):
    """The text without comments and string literals, so that words in them do not count."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def folder_of(path):
    parts = path.relative_to(SRC).parts
    return parts[2] if parts[0] == "include" else parts[1]


def includes(path):
    return re.findall(r'^\s*#\s*include\s+["<]([^">]+)[">]', path.read_text(encoding="utf-8"),
                      flags=re.M)


def reachable(folder):
    """The folders that a folder uses, and those that they use."""
    seen, todo = set(), [folder]
    while todo:
        for other in HOUSE[todo.pop()]:
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def check_includes(tap):
    for folder in HOUSE:
        wrong = []
        for path in files(".c", ".h", under=("src", "include")):
            if len(path.relative_to(SRC).parts) < 3 or folder_of(path) != folder:
                continue
            for target in includes(path):
                used = re.match(r"phasic/(\w+)/", target)
                if used and used[1] != folder and used[1] not in reachable(folder):
                    wrong.append(f"{name(path)} includes {target}")
                for library, allowed in LIBRARIES.items():
                    if target.startswith(library) and folder not in allowed:
                        wrong.append(f"{name(path)} includes {target}")
                private = "/" not in target and (path.parent / target).exists()
                if ("../" in target or target.startswith("src/")) and not private:
                    wrong.append(f"{name(path)} reaches into another folder: {target}")
        tap.point(not wrong, f"{folder} includes what it may", "\n".join(wrong))
    known = {p.name for p in (SRC / "src").iterdir() if p.is_dir()}
    tap.point(known <= set(HOUSE), "every folder of src/ stands in the table",
              known - set(HOUSE))


def check_core_is_silent(tap):
    wrong = []
    for path in files(".c", ".h", under=("src", "include")):
        if len(path.relative_to(SRC).parts) > 2 and folder_of(path) != "cli":
            for number, line in enumerate(code(path).splitlines(), 1):
                if FORBIDDEN.search(line):
                    wrong.append(f"{name(path)}: {line.strip()}")
    tap.point(not wrong, "the core does not print, exit or read the environment",
              "\n".join(wrong))
    wrong = [name(p) for p in files(".c", ".h", under=("src", "include"))
             if "setlocale" in code(p)]
    tap.point(not wrong, "nobody sets the locale", "\n".join(wrong))


def check_files(tap):
    wrong = []
    for path in files(".c", ".h", ".py"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            wrong.append(f"{name(path)}: {lines} lines")
    tap.point(not wrong, f"no file has more than {MOST_LINES} lines", "\n".join(wrong))
    scripts = [SRC / "quickstart", SRC / "tests" / "run", SRC / ".ci" / "run"]
    wrong = [name(p) for p in [*files(".c", ".h", ".py"), *scripts,
                               *sorted((SRC / "man").glob("*.[1-9]"))]
             if "SPDX-License-Identifier: GPL-3.0-or-later" not in
             "".join(p.read_text(encoding="utf-8").splitlines(True)[:3])]
    tap.point(not wrong, "every file names its licence", "\n".join(wrong))


def check_format(tap):
    if not shutil.which("clang-format"):
        tap.point(False, "clang-format is installed", "install clang-format (version 14)")
        return
    paths = [str(p) for p in files(".c", ".h")]
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *paths], cwd=SRC,
                          capture_output=True, text=True)
    where = sorted(set(re.findall(r"^(\S+?:\d+):", done.stderr, flags=re.M)))
    tap.point(done.returncode == 0, "clang-format agrees", "\n".join(where[:50]))


def check_headers(tap):
    flags = subprocess.run(["pkg-config", "--cflags", "gsl", "libcjson"], capture_output=True,
                           text=True).stdout.split()
    for path in files(".h", under=("src", "include")):
        if path.name.endswith("_template.h"):
            continue
        done = subprocess.run([CC, "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                               "-Wno-psabi", "-Wno-unused-function", "-fsyntax-only",
                               "-I", str(SRC / "include"), *flags, "-x", "c", "-"],
                              input=f'#include "{path}"\ntypedef int one;\n',
                              capture_output=True, text=True)
        tap.point(done.returncode == 0, f"{name(path)} compiles alone", done.stderr)


# ---- the manual ----

def help_options(command):
    """Own and common options of a command as --help lists them: {name: (letter, argument)}."""
    text = subprocess.run([PHASIC, "help", command], capture_output=True, text=True).stdout
    own, common, current = {}, {}, None
    for line in text.splitlines():
        if line == "Options:":
            current = own
        elif re.fullmatch(r"\w+:", line):
            current = common
        found = re.match(r"  (?:-(\w), |    )--([\w-]+)(?: (\S+))?", line)
        if found and current is not None:
            current[found[2]] = (found[1], found[3])
    return own, common


def manual_options(text):
    """The options of every subsection of phasic(1)."""
    options, current = {}, None
    for line in text.splitlines():
        if line.startswith(".Ss ") or line.startswith(".Sh "):
            current = options.setdefault(line[4:].strip(), {})
        found = re.match(r"\.It (?:Fl (\w) , )?Fl Fl ([\w-]+)(?: Ar (\S+))?$", line)
        if found and current is not None:
            current[found[2]] = (found[1], found[3])
    return options


def synopsis(text):
    """The arguments in the synopsis of a command's page, written as --help writes them."""
    part = text.split(".Sh SYNOPSIS\n")[1].split(".Sh ")[0]
    words = []
    for line in part.splitlines():
        optional, argument = re.fullmatch(r"\.(Op )?(?:Ar )?(.*)", line).groups()
        argument = argument.removeprefix("Ar ")
        words.append(f"[{argument}]" if optional else argument)
    return " ".join(words)


def check_command_page(tap, command):
    path = SRC / "man" / f"phasic-{command}.1"
    if not path.exists():
        tap.point(False, f"{command} has a page in the manual", f"{path.name} is missing")
        return
    text = path.read_text(encoding="utf-8")
    own, _ = help_options(command)
    listed = manual_options(text).get("OPTIONS", {})
    tap.point(own == listed, f"{path.name} has the options of {command}",
              f"help: {own}\nmanual: {listed}")
    usage = subprocess.run([PHASIC, "help", command], capture_output=True,
                           text=True).stdout.splitlines()[0]
    wanted = usage.removeprefix("Usage: ").replace(f"phasic {command}", f"Nm phasic Cm {command}")
    wanted = wanted.replace("[OPTION...]", "[option ...]")
    tap.point(synopsis(text) == wanted, f"{path.name} has the synopsis of {command}",
              f"help: {wanted}\nmanual: {synopsis(text)}")


def check_groff(tap, path):
    """What man shows where it is not mandoc."""
    if not shutil.which("groff"):
        tap.point(True, f"groff renders {path.name} # SKIP not installed")
        return
    done = subprocess.run(["groff", "-mandoc", "-ww", "-Tutf8", str(path)], capture_output=True,
                          text=True)
    tap.point(done.returncode == 0 and not done.stderr, f"groff renders {path.name}",
              done.stderr)


def check_manual(tap):
    pages = sorted((SRC / "man").glob("*.[1-9]"))
    for path in pages:
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(path)],
                              capture_output=True, text=True)
        tap.point(done.returncode == 0, f"mandoc finds nothing wrong with {path.name}",
                  done.stdout + done.stderr)
        check_groff(tap, path)
    installed = re.findall(r"'([^']+\.[1-9])'", (SRC / "man" / "meson.build").read_text())
    tap.point(sorted(installed) == [p.name for p in pages], "every page is installed", installed)
    text = (SRC / "man" / "phasic.1").read_text(encoding="utf-8")
    overview = subprocess.run([PHASIC, "--help"], capture_output=True, text=True).stdout
    commands = [c for c in re.findall(r"^  (\w+) ", overview, flags=re.M)
                if c not in ("completion", "help", "version")]
    tap.point(len(commands) > 0, "the overview lists commands", overview)
    manual = manual_options(text).get("Options of every command")
    for command in commands:
        check_command_page(tap, command)
        tap.point(f".It Xr phasic-{command} 1\n" in text, f"phasic(1) lists {command}")
        _, common = help_options(command)
        of_fits = re.search(rf"^  {command} +FIT", overview, flags=re.M)
        wanted = {name: it for name, it in manual.items()
                  if not (of_fits and name in ("set", "theta"))}
        tap.point(len(common) > 0 and common == wanted,
                  f"phasic(1) has the common options of {command}",
                  f"help: {common}\nmanual: {wanted}")
    header = (SRC / "include/phasic/base/status.h").read_text(encoding="utf-8")
    codes = set(re.findall(r"X\(PH_E_\w+, -\d+, (\d+),", header))
    listed = set(re.findall(r"^\.It (\d+)$", text.split(".Sh EXIT STATUS")[1].split(".Sh ")[0],
                            flags=re.M))
    tap.point(codes <= listed, "phasic(1) lists every exit code", codes - listed)


def check_version(tap):
    built = subprocess.run([PHASIC, "--version"], capture_output=True, text=True).stdout.split()[1]
    meson = re.search(r"version: '([^']+)'", (SRC / "meson.build").read_text())[1]
    changes = (SRC / "CHANGELOG.md").read_text(encoding="utf-8")
    tap.point(built == meson, "program and meson.build have one version", f"{built}, {meson}")
    tap.point(f"## {meson}" in changes, "CHANGELOG.md has a section for this version", meson)


def main():
    tap = Tap()
    check_includes(tap)
    check_core_is_silent(tap)
    check_files(tap)
    check_format(tap)
    check_headers(tap)
    check_manual(tap)
    check_version(tap)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
