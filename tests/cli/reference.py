#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped models against 50-digit reference values, through the command line.

    PHASIC=build/phasic SRC=. tests/cli/reference.py

Every model and time of tests/reference/values.json, with both engines: density and its
logarithm to 1e-12, gradient of the logarithm to 1e-11 of its largest component, survival
function and its gradient likewise. Components that are not small are compared one by one.
A survival function near 1 is a sum of probabilities to 1, known to the rounding of 1; so
is its derivative in the logarithm of a parameter, however small, and that is added.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from tap import Tap

PHASIC = str(Path(os.environ["PHASIC"]).resolve())
SRC = Path(os.environ["SRC"]).resolve()
# The constant that the number in "erlang(3)" stands for.
SIZE = {"rabbits": "n", "coalescent": "n", "erlang": "stages", "busy_period": "K"}
ENGINES = ("auto", "uniformization", "plain")


def call(*arguments):
    done = subprocess.run([PHASIC, *arguments, "--format", "json"], capture_output=True,
                          text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"phasic {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)


def model_arguments(entry):
    name, size = re.fullmatch(r"(\w+?)(?:\((\d+)\))?", entry["model"]).groups()
    arguments = [str(SRC / "models" / f"{name}.json")]
    if size:
        arguments += ["--set", f"{SIZE[name]}={size}"]
    theta = ",".join(f"{k}={v!r}" for k, v in entry["parameters"].items())
    return arguments + ["--theta", theta], arguments


def gradient_point(tap, name, result, key, index, expected, rounding=0.0):
    """Error relative to the largest component, and of every component above 1e-3 of it."""
    actual = {k: result[key][k][index] for k in expected}
    largest = max(abs(v) for v in expected.values())
    errors = {k: max(0.0, abs(actual[k] - expected[k]) - rounding) for k in expected}
    worst = max(errors.values()) / largest
    single = max(errors[k] / abs(v) for k, v in expected.items() if abs(v) > 1e-3 * largest)
    tap.point(worst <= 1e-11 and single <= 1e-10, name,
              f"normwise {worst:.3g}, componentwise {single:.3g}\n"
              f"got {actual}\nexpected {expected}")


def check_times(tap, label, entry, pdf, survival):
    for i, at in enumerate(entry["at"]):
        where = f"{label} t={at['t']}"
        tap.close(f"{where} pdf", pdf["pdf"][i], at["pdf"], 1e-12 * at["pdf"])
        tap.close(f"{where} log_pdf", pdf["log_pdf"][i], at["log_pdf"],
                  1e-12 * abs(at["log_pdf"]))
        gradient_point(tap, f"{where} log_gradient", pdf, "log_gradient", i, at["dlogpdf"])
        # The reference is 1 - survival, correctly rounded: known to half a unit of 1.
        rest = 1 - at["cdf"]
        tap.close(f"{where} survival", survival["survival"][i], rest, 1e-12 * rest + 1.2e-16)
        falling = {k: -v for k, v in at["dcdf"].items()}
        rounding = 4 * sys.float_info.epsilon * rest / min(entry["parameters"].values())
        gradient_point(tap, f"{where} survival gradient", survival, "gradient", i, falling,
                       rounding)


def check_model(tap, entry):
    arguments, structure = model_arguments(entry)
    info = call("info", *structure)
    tap.point((info["transient_states"], info["edges"]) ==
              (entry["transient_states"], entry["edges"]), f"{entry['model']} states and edges",
              f"got {info['transient_states']} states, {info['edges']} edges")
    at = ",".join(repr(x["t"]) for x in entry["at"])
    for engine in ENGINES:
        options = ["--at", at, "--gradient", "--engine", engine]
        check_times(tap, f"{entry['model']} {engine}", entry,
                    call("pdf", *arguments, *options), call("survival", *arguments, *options))


def main():
    tap = Tap()
    path = SRC / "tests" / "reference" / "values.json"
    for entry in json.loads(path.read_text(encoding="utf-8"))["values"]:
        try:
            check_model(tap, entry)
        except (RuntimeError, KeyError, IndexError, TypeError, ValueError) as error:
            tap.point(False, entry["model"], f"{type(error).__name__}: {error}")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
