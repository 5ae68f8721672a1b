#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of somebody who has only the README. Prints TAP.

    PHASIC=build/phasic SRC=. tests/cli/readme.py

The README's own model is saved and its commands are run as they are printed, in order, in
a folder with build/phasic and models/; nothing may be said on standard error. Then what
they left is looked at: the truth of the simulated data is found, and the wrong model loses.
The README's table must be what the program prints, links must lead somewhere, and the
indexes of docs/ and models/ must be complete.
"""

import json
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
README = (SRC / "README.md").read_text(encoding="utf-8")
WEAR = 0.8  # in the README's simulation


def section(title):
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def blocks(text, language):
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.S | re.M)
    return [body for name, body in fenced if name == language]


def run(command, folder):
    env = {k: v for k, v in os.environ.items() if not k.startswith("PHASIC_")}
    env["PHASIC_SEED"] = "1"  # commands without a seed would differ from run to run
    return subprocess.run(["bash", "-c", command], cwd=folder, env=env, capture_output=True,
                          text=True, timeout=600)


def can_run(command):
    return "build/phasic plot" not in command or shutil.which("gnuplot")


def check_commands(tap, commands, folder):
    for command in commands:
        if can_run(command):
            done = run(command, folder)
            tap.point(done.returncode == 0 and not done.stderr, command,
                      f"exit {done.returncode}\n{done.stderr}{done.stdout}")
        else:
            tap.point(True, f"{command} # SKIP no gnuplot")


def check_own_model(tap, folder):
    text = section("A model of your own")
    (folder / "spares.json").write_text(blocks(text, "json")[0])
    (folder / "seen.csv").write_text(blocks(text, "")[0])
    check_commands(tap, ["build/phasic loglik spares.json seen.csv --theta wear=1"], folder)
    check_commands(tap, "".join(blocks(text, "sh")).splitlines(), folder)
    wear = json.loads((folder / "three.json").read_text())["posterior"]["wear"]
    tap.close("the true rate is within 4 sd", wear["mean"], WEAR, 4 * wear["sd"])
    tap.point(wear["sd"] < 0.2, "40 machines say more than the prior", wear)
    compared = json.loads(run("build/phasic compare one three --format json", folder).stdout)
    order = [fit["fit"] for fit in compared["fits"]]
    lost = compared["fits"][-1]
    tap.point(order == ["three", "one"] and lost["elpd_diff"] < -2 * lost["elpd_diff_se"],
              "the model with a single part predicts worse", compared["fits"])


def check_table(tap, folder):
    """What quickstart shows, up to the line with the time it took, and the picture of it."""
    shown = blocks(section("Two commands"), "")[0].split("\nEffective")[0]
    done = run("build/phasic fit models/repairable.json models/repairable.csv --seed 1", folder)
    tap.point(done.stdout.startswith(shown), "the table of the README is the program's",
              done.stdout)
    check_commands(tap, blocks(section("Two commands"), "sh")[1].splitlines(), folder)


def check_links(tap):
    for path in (SRC / "README.md", SRC / "docs/README.md", SRC / "models/README.md"):
        links = re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
        lost = [x for x in links if "://" not in x and not (path.parent / x).exists()]
        tap.point(not lost, f"links of {path.relative_to(SRC)} lead somewhere", lost)


def check_indexes(tap):
    for folder in ("docs", "models"):
        index = (SRC / folder / "README.md").read_text(encoding="utf-8")
        lost = [p.name for p in sorted((SRC / folder).iterdir())
                if p.is_file() and p.name != "README.md" and p.name not in index]
        tap.point(not lost, f"{folder}/README.md names every file", lost)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "build").mkdir()
        (folder / "build/phasic").symlink_to(PHASIC)
        shutil.copytree(SRC / "models", folder / "models")
        check_own_model(tap, folder)
        bullets = re.findall(r"^- `(build/phasic [^`]*)`", section("Where next"), flags=re.M)
        tap.point(len(bullets) >= 4, "there is where to go next", bullets)
        check_commands(tap, bullets, folder)
        check_table(tap, folder)
    check_links(tap)
    check_indexes(tap)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
