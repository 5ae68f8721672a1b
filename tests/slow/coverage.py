#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulate, fit, and count: 90 % intervals hold the truth 90 % of the time.

    PHASIC=... [SETS=100] tests/slow/coverage.py

For each of five models, with censoring, truncation, groups, rewards with missing cells
and discrete time, parameters are drawn from their priors, data simulated from them by
`phasic sample`, and the posterior found by `phasic fit`. Because the truth comes from
the prior, the chance that a 90 % interval holds it is exactly 0.9, whatever the size of
the data; the count is tested against the binomial law at 1e-3.
"""

import csv
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

PHASIC = str(Path(os.environ["PHASIC"]).resolve())
SETS = int(os.environ.get("SETS", "100"))
LEVEL, ALPHA = 0.9, 1e-3


def gamma(shape, rate):
    return {"prior": {"gamma": {"shape": shape, "rate": rate}}, "value": shape / rate}


CHAIN = {"phasic": 1, "name": "chain", "parameters": {"a": gamma(4, 4), "b": gamma(6, 2)},
         "matrix": {"initial": [1, 0], "rates": [[0, "a", 0], ["a", 0, "b"]]}}
GROUPS = {"phasic": 1, "name": "groups", "constants": {"n": 3},
          "parameters": {"a": gamma(5, 5)}, "state": {"k": []}, "start": {"k": "n"},
          "transitions": [{"when": "k > 0", "change": {"k": -1}, "rate": "k * a"}]}
REWARDS = dict(CHAIN, name="rewards", rewards={"second": [0, 1]})
DISCRETE = {"phasic": 1, "name": "discrete", "time": "discrete",
            "parameters": {"p": {"support": "unit", "value": 0.3,
                                 "prior": {"beta": {"a": 3, "b": 5}}}},
            "state": {"k": []}, "start": {"k": 2},
            "transitions": [{"when": "k > 0", "change": {"k": -1}, "probability": "p"}]}


def draw_truth(model, rng):
    truth = {}
    for name, parameter in model["parameters"].items():
        family, argument = next(iter(parameter["prior"].items()))
        if family == "gamma":
            truth[name] = rng.gammavariate(argument["shape"], 1 / argument["rate"])
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


def censored(path, truth, seed, rng):
    return simulate(path, truth, seed, 40, "--censor-at", 1.5), []


def truncated(path, truth, seed, rng):
    """Only those still running at a time of their own are seen at all."""
    rows = []
    for row in simulate(path, truth, seed, 80):
        entry = rng.expovariate(2)
        if float(row["time"]) > entry:
            rows.append({"time": row["time"], "entry": repr(entry)})
    return rows, []


def grouped(path, truth, seed, rng):
    rows = []
    for n in (1, 2, 5):
        for row in simulate(path, truth, seed * 10 + n, 15, "--set", f"n={n}"):
            rows.append({"time": row["time"], "size": str(n)})
    return rows, ["--group", "size=n"]


def rewarded(path, truth, seed, rng):
    """Of half of the rows the time was noted, of the others the reward."""
    times = simulate(path, truth, seed * 2, 25)
    totals = simulate(path, truth, seed * 2 + 1, 25, "--reward", "second")
    rows = [{"time": row["time"], "second": "NA"} for row in times]
    return rows + [{"time": "", "second": row["second"]} for row in totals], []


def counted(path, truth, seed, rng):
    return simulate(path, truth, seed, 30), []


CASES = [("censored", CHAIN, censored), ("truncated", CHAIN, truncated),
         ("groups", GROUPS, grouped), ("rewards", REWARDS, rewarded),
         ("discrete", DISCRETE, counted)]


def fit_once(folder, model, data, seed, rng):
    truth = draw_truth(model, rng)
    path, table = folder / "model.json", folder / "data.csv"
    rows, options = data(path, truth, seed, rng)
    with open(table, "w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    # 3: not converged to the tolerance; the interval counts all the same
    phasic("fit", path, table, "--seed", seed, "--output", folder / "fit", "--force",
           "--quiet", *options, codes=(0, 3))
    result = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
    hits = []
    for name, value in truth.items():
        quantile = result["posterior"][name]["quantiles"]
        hits.append(quantile["5%"] <= value <= quantile["95%"])
    return hits, result["converged"]


def tail(n, hits):
    """Two-sided binomial probability of a count as far from its mean as this."""
    def mass(k):
        return math.comb(n, k) * LEVEL ** k * (1 - LEVEL) ** (n - k)
    own = mass(hits) * (1 + 1e-9)
    return sum(mass(k) for k in range(n + 1) if mass(k) <= own)


def main():
    failed = 0
    print(f"1..{2 * len(CASES)}")
    for i, (name, model, data) in enumerate(CASES):
        rng = random.Random(20 + i)
        hits, converged = {}, 0
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            (folder / "model.json").write_text(json.dumps(model), encoding="utf-8")
            for seed in range(1, SETS + 1):
                inside, good = fit_once(folder, model, data, seed, rng)
                converged += good
                for parameter, hit in zip(model["parameters"], inside):
                    hits[parameter] = hits.get(parameter, 0) + hit
        good = all(tail(SETS, count) >= ALPHA for count in hits.values())
        enough = converged >= 0.9 * SETS
        failed += (not good) + (not enough)
        print(f"# {name}: {hits} of {SETS} held, {converged} converged")
        print(f"{'ok' if good else 'not ok'} {2 * i + 1} - {name}: coverage")
        print(f"{'ok' if enough else 'not ok'} {2 * i + 2} - {name}: most fits converge")
        sys.stdout.flush()
    return 1 if failed else 0


sys.exit(main())
