#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the manual, run. Prints TAP.

    PHASIC=build/phasic SRC=. tests/cli/manual.py [PAGE...]

In the section EXAMPLES of a page, lines of a literal block that begin with `$ ` are
commands for bash, run one after another in a folder with the shipped models and with
mine.json and mine.csv. Nothing may be said on standard error. What follows a command is
its output, which must be the same to the last digit; where nothing follows, the output
is not shown. A block without such lines is no example for bash. The models in the examples
of phasic-model(5) and phasic-data(5) are a file and its data, which must fit; the Python
in phasic-result(5) must find the mean that the draws have there.
"""

import math
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

PHASIC = Path(os.environ["PHASIC"]).resolve()
SRC = Path(os.environ["SRC"]).resolve()


def run(command, folder):
    env = {k: v for k, v in os.environ.items() if not k.startswith("PHASIC_")}
    env.update(PATH=f"{PHASIC.parent}:{env['PATH']}", PHASIC_SEED="1")
    return subprocess.run(["bash", "-c", command], cwd=folder, env=env, capture_output=True,
                          text=True, timeout=300)


def blocks(path):
    """The literal blocks of a page's examples, as lists of lines."""
    text = path.read_text(encoding="utf-8").partition(".Sh EXAMPLES\n")[2]
    found = re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", text, flags=re.S | re.M)
    return [block.replace("\\e", "\\").splitlines() for block in found]


def examples(path):
    """(command, lines of output) in order."""
    found = []
    for block in blocks(path):
        commands = 0
        for line in block:
            if line.startswith("$ "):
                found.append((line[2:], []))
                commands += 1
            elif commands:
                found[-1][1].append(line)
    return found


def check_page(tap, path, folder):
    for command, output in examples(path):
        done = run(command, folder)
        got = [line.rstrip() for line in done.stdout.splitlines()]
        tap.point(done.returncode == 0 and not done.stderr and (not output or got == output),
                  f"{path.name}: {command}",
                  f"exit {done.returncode}\n{done.stderr}{done.stdout}")


def check_model_pages(tap, folder):
    (folder / "spares.json").write_text("\n".join(blocks(SRC / "man/phasic-model.5")[-1]))
    (folder / "times.csv").write_text("\n".join(blocks(SRC / "man/phasic-data.5")[-1]) + "\n")
    done = run("phasic fit spares.json times.csv --seed 1", folder)
    tap.point(done.returncode == 0, "phasic-model.5 and phasic-data.5: a model and its data",
              done.stderr)


def check_result_page(tap, folder):
    script = next(b for b in blocks(SRC / "man/phasic-result.5") if b[0].startswith("import "))
    done = subprocess.run([sys.executable, "-c", "\n".join(script)], cwd=folder,
                          capture_output=True, text=True)
    table = run("phasic summary result --from-draws --format csv", folder).stdout.splitlines()
    row = dict(zip(table[0].split(","), table[1].split(",")))
    tap.point(done.returncode == 0 and row["name"] == "F" and
              math.isclose(float(done.stdout), float(row["mean"]), rel_tol=1e-12),
              "phasic-result.5: Python reads the draws", f"{done.stderr}{done.stdout}{row}")


def main():
    tap = Tap()
    wanted = sys.argv[1:]
    for path in sorted((SRC / "man").glob("*.[1-9]")):
        if wanted and path.name not in wanted:
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copytree(SRC / "models", folder / "models")
            for end in ("json", "csv"):
                shutil.copy(SRC / f"models/repairable.{end}", folder / f"mine.{end}")
            tap.point(bool(examples(path)) or not path.name.startswith("phasic-")
                      or path.name in ("phasic-model.5", "phasic-data.5"),
                      f"{path.name} has examples that run")
            check_page(tap, path, folder)
            if path.name == "phasic-model.5":
                check_model_pages(tap, folder)
            if path.name == "phasic-result.5":
                check_result_page(tap, folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
