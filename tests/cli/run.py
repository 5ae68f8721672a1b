#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the command-line tests that are kept as files, and prints TAP.

    PHASIC=build/phasic SRC=. tests/cli/run.py [CASE...]

Every folder in tests/cli/cases is a case:
    cmd      lines for bash, run in an empty folder; $PHASIC is the program, $SRC the
             source tree, $CASE the case's folder
    exit     the expected exit code, 0 where the file is missing
    stdout   what must be printed; not looked at where the file is missing
    stderr   the same; where the file is missing and exit is 0, nothing may be printed
In stdout and stderr a line `...` stands for any number of lines, and a line that begins
with `~ ` is a Python regular expression that must match the whole line. A cmd that exits
with 77 says that the case cannot be run here: it is skipped.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from tap import Tap

TIMEOUT = 120
SKIPPED = 77


def line_matches(pattern, line):
    if pattern.startswith("~ "):
        return re.fullmatch(pattern[2:], line) is not None
    return pattern == line


def matches(patterns, lines):
    """Whether the lines fit; `...` may swallow any number of them."""
    reach = {0}
    for pattern in patterns:
        if pattern == "...":
            reach = set(range(min(reach), len(lines) + 1)) if reach else set()
        else:
            reach = {i + 1 for i in reach if i < len(lines) and line_matches(pattern, lines[i])}
    return len(lines) in reach


def read(path):
    return path.read_text(encoding="utf-8") if path.exists() else None


def environment(case):
    env = {k: v for k, v in os.environ.items() if not k.startswith("PHASIC_")}
    env.update(PHASIC=str(Path(os.environ["PHASIC"]).resolve()),
               SRC=str(Path(os.environ["SRC"]).resolve()), CASE=str(case))
    return env


def run_case(case):
    """None where the case passes, SKIPPED, else what differs."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(["bash", str(case / "cmd")], cwd=folder, env=environment(case),
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            return f"did not end within {TIMEOUT} s"
    if done.returncode == SKIPPED:
        return SKIPPED
    outputs = {"stdout": done.stdout.decode("utf-8", "replace"),
               "stderr": done.stderr.decode("utf-8", "replace")}
    wanted = int(read(case / "exit") or 0)
    trouble = []
    if done.returncode != wanted:
        trouble.append(f"exit code {done.returncode}, expected {wanted}")
    for name, text in outputs.items():
        expected = read(case / name)
        if expected is None and name == "stderr" and wanted == 0:
            expected = ""
        if expected is not None and not matches(expected.splitlines(), text.splitlines()):
            trouble.append(f"{name} was:\n{text[:4000]}\nexpected:\n{expected}")
    if trouble and "stderr was" not in "".join(trouble):
        trouble.append(f"stderr was:\n{outputs['stderr'][:2000]}")
    return "\n".join(trouble) or None


def main():
    tap = Tap()
    folder = Path(__file__).resolve().parent / "cases"
    wanted = sys.argv[1:]
    for case in sorted(p.parent for p in folder.glob("*/cmd")):
        if not wanted or case.name in wanted:
            why = run_case(case)
            if why == SKIPPED:
                tap.point(True, f"{case.name} # SKIP")
            else:
                tap.point(why is None, case.name, why)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
