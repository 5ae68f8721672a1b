#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`phasic grad` passes on every shipped model, and fails when the adjoint is wrong.

    PHASIC=... MUTANT=... SRC=. tests/cli/gradients.py

MUTANT is the same program with one sign of the backward sweep flipped (mutate.py): on
every model whose adjoint goes through it, its verdict must be no.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from tap import Tap

PHASIC = str(Path(os.environ["PHASIC"]).resolve())
MUTANT = str(Path(os.environ["MUTANT"]).resolve())
SRC = Path(os.environ["SRC"]).resolve()
TIMES = "time,event\n0.3,1\n0.8,1\n1.1,0\n2.5,1\n4,0\n"


def grad(program, model, data, *options):
    return subprocess.run([program, "grad", str(model), str(data), "--format", "json",
                           *options], capture_output=True, text=True, timeout=300)


def check(tap, model, data):
    for engine in ("auto", "uniformization", "plain"):
        done = grad(PHASIC, model, data, "--engine", engine)
        verdict = json.loads(done.stdout)["pass"] if done.stdout else None
        tap.point(done.returncode == 0 and verdict is True,
                  f"{model.stem}: the gradient passes, {engine}", done.stdout + done.stderr)
    done = grad(PHASIC, model, data, "--at", "0.2,1,3")
    tap.point(done.returncode == 0, f"{model.stem}: the pdf's gradient passes",
              done.stdout + done.stderr)
    done = grad(MUTANT, model, data)
    verdict = json.loads(done.stdout)["pass"] if done.stdout else None
    tap.point(done.returncode == 1 and verdict is False,
              f"{model.stem}: a flipped sign fails with exit 1", done.stdout + done.stderr)


def main():
    tap = Tap()
    models = sorted((SRC / "models").glob("*.json"))
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder) / "times.csv"
        times.write_text(TIMES, encoding="utf-8")
        for model in models:
            own = model.with_suffix(".csv")
            check(tap, model, own if own.exists() else times)
    tap.point(len(models) >= 8, "all shipped models were tried")
    return tap.done()


sys.exit(main())
