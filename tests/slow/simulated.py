# SPDX-License-Identifier: GPL-3.0-or-later
"""What studies of simulated data share: a truth from the prior, data, a fit."""

import csv
import json
import os
import subprocess
from pathlib import Path

PHASIC = str(Path(os.environ["PHASIC"]).resolve())


def gamma(shape, rate):
    return {"prior": {"gamma": {"shape": shape, "rate": rate}}, "value": shape / rate}


def draw_truth(model, rng):
    truth = {}
    for name, parameter in model["parameters"].items():
        family, argument = next(iter(parameter["prior"].items()))
        if family == "gamma":
            truth[name] = rng.gammavariate(argument["shape"], 1 / argument["rate"])
        elif family == "lognormal":
            truth[name] = rng.lognormvariate(argument["meanlog"], argument["sdlog"])
        elif family == "half_normal":
            truth[name] = abs(rng.gauss(0, argument["scale"]))
        elif family == "uniform":
            truth[name] = rng.uniform(argument["lower"], argument["upper"])
        else:
            truth[name] = rng.betavariate(argument["a"], argument["b"])
    return truth


def phasic(*arguments, codes=(0,)):
    done = subprocess.run([PHASIC, *map(str, arguments)], capture_output=True, text=True,
                          timeout=600)
    if done.returncode not in codes:
        raise RuntimeError(f"{arguments}: exit {done.returncode}: {done.stderr}")
    return done


def simulate(path, truth, seed, n, *options):
    theta = ",".join(f"{name}={value!r}" for name, value in truth.items())
    text = phasic("sample", path, "-n", n, "--theta", theta, "--seed", seed, "--quiet",
                  *options).stdout
    return list(csv.DictReader(text.splitlines()))


def write_rows(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def fit(folder, seed, *options):
    """Fits folder/data.csv; the summary, and the draws by name."""
    # 3: not converged to the tolerance; the draws count all the same
    phasic("fit", folder / "model.json", folder / "data.csv", "--seed", seed, "--output",
           folder / "fit", "--force", "--quiet", *options, codes=(0, 3))
    lines = (folder / "fit.csv").read_text(encoding="utf-8").splitlines()
    draws = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return json.loads((folder / "fit.json").read_text(encoding="utf-8")), draws
