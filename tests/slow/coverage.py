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

import json
import math
import os
import random
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from simulated import draw_truth, fit, gamma, simulate, write_rows

SETS = int(os.environ.get("SETS", "100"))
LEVEL, ALPHA = 0.9, 1e-3


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
    write_rows(table, rows)
    result, _ = fit(folder, seed, *options)
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
