#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of --format json that scripts rely on. Prints TAP.

    PHASIC=build/phasic SRC=. tests/cli/shapes.py

A shape is written as the JSON it describes, with a type or a tuple of types for a value,
a list of one shape for a list of any length, and `Each` for an object whose keys are
names of parameters or rewards. Keys may be added to an object, none may be missing.
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
MODELS = Path(os.environ["SRC"]).resolve() / "models"
REPAIRABLE = [str(MODELS / "repairable.json"), str(MODELS / "repairable.csv")]
TWO_CYCLE = str(MODELS / "two_cycle.json")


class Each:
    def __init__(self, names, shape):
        self.names, self.shape = set(names), shape


NUMBER = (int, float)
MAYBE = (int, float, type(None))
AB = ["a", "b"]
TOTALS = ["time", "b_time"]
POINTS = {"at": [NUMBER], "reward": str}
MOMENTS = {"rewards": [str], "raw": Each(TOTALS, [NUMBER]), "mean": Each(TOTALS, NUMBER),
           "variance": Each(TOTALS, NUMBER), "covariance": [[NUMBER]],
           "correlation": [[NUMBER]], "defect": Each(TOTALS, NUMBER),
           "gradient": Each(TOTALS, Each(AB, [NUMBER]))}
CHECK = {"quantity": str, "parameter": str, "analytic": NUMBER, "numeric": NUMBER,
         "numeric_error": NUMBER, "relative_error": NUMBER}
GRAD = {"checks": [CHECK], "max_relative_error": NUMBER, "pass": bool}
INFO = {"name": str, "time": str, "transient_states": int, "edges": int, "parameters": [str],
        "rewards": [str], "components": int, "cyclic": bool,
        "trace": {"operations": int, "fill": int, "bytes": int}}
TRACE = {"name": str, "transient_states": int, "edges": int, "cyclic": bool, "order": str,
         "operations": int, "fill": int, "bytes": int}
QUANTILES = {name: MAYBE for name in ("2.5%", "5%", "25%", "50%", "75%", "95%", "97.5%")}
ROW = {"mean": NUMBER, "sd": NUMBER, "mcse": NUMBER, "quantiles": QUANTILES}
FIT = {"phasic": str, "command": [str], "seed": int, "model": {"name": str, "digest": str},
       "data": {"digest": str, "observations": NUMBER},
       "settings": {"particles": {"value": int, "source": str}},
       "posterior": Each(["F", "R", "mean_lifetime"], ROW),
       "correlation": {"names": [str], "matrix": [[NUMBER]]}, "diagnostics": dict,
       "converged": bool, "reasons": [str], "timing": dict, "warnings": [str]}
BAND = {"at": [NUMBER], "mean": [NUMBER], "lower": [NUMBER], "median": [NUMBER],
        "upper": [NUMBER]}
CURVES = {"fit": str, "quantity": str, "level": NUMBER, "draws": int, "parts": [BAND]}
REPLICATED = {"fit": str, "level": NUMBER, "draws": int, "seed": int,
              "checks": [{"statistic": str, "observed": NUMBER, "mean": NUMBER,
                          "lower": NUMBER, "median": NUMBER, "upper": NUMBER, "p": NUMBER}]}
COMPARED = {"data": {"digest": str, "observations": NUMBER},
            "fits": [{"fit": str, "model": str, "method": str, "draws": int, "converged": bool,
                      "log_evidence": MAYBE, "log_evidence_error": MAYBE, "elpd_loo": NUMBER,
                      "elpd_diff": NUMBER, "p_loo": NUMBER, "elpd_waic": NUMBER,
                      "pareto_k_max": NUMBER}],
            "posteriors": [{"name": str, "fit": str, "other": str, "mean": NUMBER,
                            "sd": NUMBER, "other_mean": NUMBER, "other_sd": NUMBER}]}
DRY_RUN = {"dry_run": bool, "settings": {"particles": {"value": int, "source": str}},
           "transient_states": int, "edges": int, "observations": NUMBER,
           "distinct_observations": int, "compressed_observations": int,
           "memory_bytes": NUMBER, "seconds": MAYBE}

# Command, what it prints; the options --format json are added.
CASES = [
    *[([name, TWO_CYCLE, "--at", "0.5,1", "--gradient"],
       {**POINTS, name: [NUMBER], "gradient": Each(AB, [NUMBER])})
      for name in ("pdf", "cdf", "survival", "hazard")],
    (["quantile", TWO_CYCLE, "--at", "0.1,0.5"], {"at": [NUMBER], "quantile": [NUMBER]}),
    (["moments", TWO_CYCLE, "--gradient"], MOMENTS),
    (["loglik", *REPAIRABLE, "--gradient"],
     {"log_likelihood": NUMBER, "observations": NUMBER, "gradient": Each("FR", NUMBER)}),
    (["grad", *REPAIRABLE], GRAD),
    (["info", TWO_CYCLE], INFO),
    (["trace", TWO_CYCLE], TRACE),
    (["fit", *REPAIRABLE, "--seed", "1", "-o", "r"], FIT),
    (["fit", *REPAIRABLE, "--seed", "2", "--method", "map", "-o", "m"], FIT),
    (["fit", *REPAIRABLE, "--seed", "3", "--draws", "400", "-o", "s"], FIT),
    (["fit", *REPAIRABLE, "--dry-run"], DRY_RUN),
    (["summary", "r"], FIT),
    (["summary", "r", "m"], {"fits": [FIT]}),
    (["summary", "r", "--from-draws"],
     {"posterior": Each(["F", "R", "mean_lifetime"], {**ROW, "ess": NUMBER, "quantiles": dict})}),
    (["predict", "r", "--quantity", "cdf", "--at", "1,2"], CURVES),
    (["predict", "r", "--check", "--seed", "1"], REPLICATED),
    (["compare", "r", "s"], COMPARED),
]
# Commands that fail, and the exit code that the error must name.
FAILURES = [
    (["pdf", TWO_CYCLE, "--at", "-1"], 64),
    (["sample", TWO_CYCLE, "-n", "2", "--seed", "1"], 64),
    (["info", "broken.json"], 65),
    (["info", "missing.json"], 66),
    (["fit", *REPAIRABLE, "-o", "none/r"], 73),
    (["summary", "nothing"], 66),
]


def differs(shape, value, path="$"):
    """None where a value has a shape, else where it has not."""
    if isinstance(shape, Each):
        if not isinstance(value, dict) or set(value) != shape.names:
            return f"{path}: {value!r}, expected the keys {sorted(shape.names)}"
        parts = [(shape.shape, value[k], f"{path}.{k}") for k in value]
    elif isinstance(shape, dict):
        if not isinstance(value, dict) or not set(shape) <= set(value):
            return f"{path}: {value!r:.300}, expected the keys {sorted(shape)}"
        parts = [(shape[k], value[k], f"{path}.{k}") for k in shape]
    elif isinstance(shape, list):
        if not isinstance(value, list):
            return f"{path}: {value!r}, expected a list"
        parts = [(shape[0], item, f"{path}[{i}]") for i, item in enumerate(value)]
    else:
        kinds = shape if isinstance(shape, tuple) else (shape,)
        good = isinstance(value, kinds) and isinstance(value, bool) == (bool in kinds)
        return None if good else f"{path}: {value!r}, expected {shape}"
    return next((why for why in (differs(*part) for part in parts) if why), None)


def run(arguments, folder):
    return subprocess.run([PHASIC, *arguments, "--format", "json"], cwd=folder,
                          capture_output=True, text=True, timeout=600)


def check_case(tap, folder, arguments, shape):
    name = " ".join(Path(word).name for word in arguments)
    done = run(arguments, folder)
    try:
        value = json.loads(done.stdout)
    except ValueError:
        tap.point(False, name, f"exit {done.returncode}: {done.stdout}{done.stderr}")
        return
    why = differs(shape, value)
    tap.point(done.returncode == 0 and not done.stderr and not why, name, why or done.stderr)


def check_failure(tap, folder, arguments, code):
    done = run(arguments, folder)
    name = " ".join(Path(word).name for word in arguments)
    try:
        error = json.loads(done.stderr)["error"]
    except (ValueError, KeyError):
        error = {}
    tap.point(done.returncode == error.get("code") == code and error.get("message") and
              not done.stdout, f"{name} fails as JSON, {code}",
              f"exit {done.returncode}: {done.stdout}{done.stderr}")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "broken.json").write_text('{"phasic": 1,')
        for arguments, shape in CASES:
            check_case(tap, folder, arguments, shape)
        for arguments, code in FAILURES:
            check_failure(tap, folder, arguments, code)
        names = {arguments[0] for arguments, _ in CASES}
        overview = subprocess.run([PHASIC, "--help"], capture_output=True, text=True).stdout
        listed = {line.split()[0] for line in overview.splitlines() if line.startswith("  ")}
        with_json = {name for name in listed if "--format" in subprocess.run(
            [PHASIC, "help", name], capture_output=True, text=True).stdout}
        # What they print is a data file or nothing, a picture or a model.
        tap.point(with_json - {"sample", "convert", "plot"} <= names,
                  "every command that prints JSON is here", with_json - names)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
