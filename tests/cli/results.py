#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of PREFIX.json against phasic-result(5). Prints TAP.

    PHASIC=build/phasic SRC=. tests/cli/results.py

In the sections Summary and Diagnostics of the page, `.Cm` marks keys and nothing else.
Fits of every method are made, with a fixed parameter, a derived quantity that does not
always exist, and more dimensions than importance sampling is trusted in. Every key that
they hold must be on the page, and every key of the page in one of them.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from tap import Tap

PHASIC = str(Path(os.environ["PHASIC"]).resolve())
SRC = Path(os.environ["SRC"]).resolve()
QUANTILES = ["2.5%", "5%", "25%", "50%", "75%", "95%", "97.5%"]

REPAIRABLE = [str(SRC / "models/repairable.json"), str(SRC / "models/repairable.csv")]
WIDE = {"phasic": 1, "derived": {"m": "log(a - 1)"}, "parameters": {
            "a": {"prior": {"gamma": {"shape": 2, "rate": 1}}}, "c": {"fixed": 2},
            "b": {"prior": {"lognormal": {"meanlog": 0, "sdlog": 150}}}},
        "state": {"k": []}, "start": {"k": 1},
        "transitions": [{"when": "k > 0", "change": {"k": -1}, "rate": "c * a + 0 * min(b, 1)"}]}
NINE = {"phasic": 1,
        "parameters": {f"r{i}": {"prior": {"gamma": {"shape": 50, "rate": 50}}}
                       for i in range(9)},
        "state": {"k": []}, "start": {"k": 1},
        "transitions": [{"when": "k > 0", "change": {"k": -1},
                         "rate": " + ".join(f"r{i}" for i in range(9))}]}
TOTALS = {"phasic": 1, "parameters": {"a": {"prior": {"gamma": {"shape": 2, "rate": 1}}}},
          "matrix": {"initial": [1], "rates": [[0, "a"]]}, "rewards": {"cost": [0.5]}}
FEW = ["--particles", "24"]
FITS = {
    "svgd": [*REPAIRABLE],
    "hmc": [*REPAIRABLE, "--method", "hmc", "--chains", "8", "--draws", "800"],
    "map": [*REPAIRABLE, "--method", "map"],
    "map --no-prior": [*REPAIRABLE, "--method", "map", "--no-prior"],
    "svgd --svgd plain": [*REPAIRABLE, "--svgd", "plain", "--iterations", "20", *FEW],
    "svgd --svgd newton --correct": [*REPAIRABLE, "--svgd", "newton", "--correct", *FEW],
    "a fixed parameter, a quantity without a value": ["wide.json", "times.csv", *FEW],
    "rows of several totals": ["totals.json", "totals.csv", *FEW],
    "nine parameters": ["nine.json", "times.csv", "--ess", "100", "--tolerance", "0.5", *FEW],
}


def page_keys():
    text = (SRC / "man/phasic-result.5").read_text(encoding="utf-8")
    text = text.split(".Ss Summary\n")[1].split(".Ss Draws\n")[0]
    words = " ".join(re.findall(r"^(?:\.It )?\.?Cm (.*)$", text, flags=re.M))
    return set(re.findall(r"\w+", words))


def named_by_users(path):
    """Objects whose keys are names of options, parameters and derived quantities."""
    return path in (("settings",), ("posterior",), ("diagnostics", "hmc", "mixing")) or \
        path[:2] == ("diagnostics", "mode_list") and path[-1] in ("value", "standard_error")


def keys(value, path=()):
    """The documented kind of keys in a value, at any depth."""
    found = set()
    if isinstance(value, list):
        for item in value:
            found |= keys(item, path)
    elif isinstance(value, dict) and (not path or path[-1] != "quantiles"):
        for key, item in value.items():
            found |= set() if named_by_users(path) else {key}
            found |= keys(item, path + (key,))
    return found


def check_shape(tap, name, result):
    """What every summary has, whatever the method."""
    rows = result["posterior"].values()
    good = all({"mean", "sd", "mcse", "quantiles"} <= set(row) and
               list(row["quantiles"]) == QUANTILES for row in rows)
    names = result["correlation"]["names"]
    good &= [len(row) for row in result["correlation"]["matrix"]] == [len(names)] * len(names)
    good &= set(names) <= set(result["posterior"])
    good &= all(set(setting) == {"value", "source"} for setting in result["settings"].values())
    good &= isinstance(result["converged"], bool) and len(result["reasons"]) > 0
    tap.point(good, f"{name}: rows, quantiles, correlation, settings and verdict", result)


def main():
    tap = Tap()
    page, met = page_keys(), set()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "wide.json").write_text(json.dumps(WIDE))
        (Path(folder) / "nine.json").write_text(json.dumps(NINE))
        (Path(folder) / "totals.json").write_text(json.dumps(TOTALS))
        (Path(folder) / "totals.csv").write_text("time,cost\n0.2,0.1\n0.5,\n0.9,0.6\n")
        (Path(folder) / "times.csv").write_text("0.2\n0.5\n0.9\n")
        for name, arguments in FITS.items():
            done = subprocess.run([PHASIC, "fit", *arguments, "--seed", "1", "-o", "r", "--force"],
                                  cwd=folder, capture_output=True, text=True, timeout=600)
            tap.point(done.returncode in (0, 3), f"{name}: a fit", done.stderr)
            if done.returncode in (0, 3):
                result = json.loads((Path(folder) / "r.json").read_text())
                tap.point(keys(result) <= page, f"{name}: every key is on the page",
                          keys(result) - page)
                check_shape(tap, name, result)
                met |= keys(result)
    tap.point(page <= met, "every key on the page is in a file", page - met)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
