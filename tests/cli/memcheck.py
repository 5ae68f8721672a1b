#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad models and data, and one good run of each command, under valgrind's memcheck.

    PHASIC=... SRC=. tests/cli/memcheck.py

Skipped where the program is built with sanitizers: both cannot run together.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from tap import Tap

PHASIC = str(Path(os.environ["PHASIC"]).resolve())
SRC = Path(os.environ["SRC"]).resolve()
FOUND = 99
VALGRIND = ["valgrind", "--quiet", "--leak-check=full", "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite", f"--error-exitcode={FOUND}"]


def run(tap, name, expected, *arguments):
    done = subprocess.run([*VALGRIND, PHASIC, *map(str, arguments)], capture_output=True,
                          text=True, errors="replace", timeout=600)
    tap.point(done.returncode == expected, f"{name}: exit {expected}, no memory error",
              f"exit {done.returncode}\n{done.stderr[-3000:]}")


def main():
    tap = Tap()
    models = SRC / "models"
    repairable = models / "repairable.json", models / "repairable.csv"
    with tempfile.TemporaryDirectory() as folder:
        deep = Path(folder) / "deep.json"
        deep.write_text("[" * 100000, encoding="utf-8")
        noise = Path(folder) / "noise.csv"
        noise.write_bytes(bytes((i * i * 31 + i // 7) % 256 for i in range(300000)))
        run(tap, "nested 100000 deep", 65, "info", deep)
        run(tap, "garbage as a model", 65, "info", noise)
        run(tap, "garbage as data", 65, "loglik", repairable[0], noise)
        for model in sorted((SRC / "tests" / "cli" / "bad-models").glob("*.json"))[::3]:
            run(tap, model.stem, 65, "info", model)
        bad = SRC / "tests" / "cli" / "bad-data"
        for data in sorted(set(bad.glob("*.csv")) - {bad / "interval.csv"}):
            run(tap, data.stem, 65, "loglik", repairable[0], data)
    run(tap, "info", 0, "info", models / "rabbits.json")
    run(tap, "pdf", 0, "pdf", models / "rabbits.json", "--at", "0.1,1", "--gradient")
    run(tap, "grad", 0, "grad", *repairable)
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "fit"
        run(tap, "fit", 0, "fit", *repairable, "--seed", "1", "--threads", "1",
            "--particles", "40", "--output", saved)
        run(tap, "summary", 0, "summary", saved, "--from-draws")
        run(tap, "predict", 0, "predict", saved, "--threads", "1")
        run(tap, "predict --check", 0, "predict", saved, "--check", "--threads", "1")
        run(tap, "compare", 0, "compare", saved, saved, "--threads", "1")
        run(tap, "plot", 0, "plot", saved, "--kind", "all", "--script",
            Path(folder) / "s.gp", "--threads", "1")
        saved.with_suffix(".json").write_text('{"phasic": "1", "command": [1]}')
        run(tap, "a broken fit", 65, "predict", saved)
    return tap.done()


sys.exit(main())
