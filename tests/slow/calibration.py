#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulation-based calibration: among its posterior draws a truth is anywhere.

    PHASIC=... [SETS=200] tests/slow/calibration.py

Parameters are drawn from their priors, data simulated from them, and 99 posterior draws
taken. Over data sets the rank of the truth among the draws is uniform on 0 .. 99 (Talts,
Betancourt, Simpson, Vehtari & Gelman 2018), exactly, where the draws are independent and
from the posterior. Ranks in 20 bins are tested by chi-square at 1e-3; a posterior that is
too narrow fills the outer bins, one that is too wide the inner ones, a biased one a side.
"""

import json
import os
import random
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from simulated import draw_truth, fit, gamma, simulate, write_rows

SETS = int(os.environ.get("SETS", "200"))
DRAWS, BINS = 99, 20
CRITICAL = 43.82  # chi-square with 19 degrees of freedom, upper tail 1e-3

CHAIN = {"phasic": 1, "name": "chain", "parameters": {
    "a": {"prior": {"lognormal": {"meanlog": 0, "sdlog": 1}}, "value": 1},
    "b": {"prior": {"half_normal": {"scale": 4}}, "value": 2}},
    "matrix": {"initial": [1, 0], "rates": [[0, "a", 0.2], ["a", 0, "b"]]}}
REPAIRABLE = {"phasic": 1, "name": "repairable",
              "parameters": {"F": gamma(3, 2), "R": gamma(4, 1)},
              "matrix": {"initial": [1, 0, 0],
                         "rates": [[0, "F", "F", 0], ["R", 0, 0, "F"], ["R", 0, 0, "F"]]}}
DISCRETE = {"phasic": 1, "name": "discrete", "time": "discrete", "parameters": {
    "p": {"support": "unit", "prior": {"beta": {"a": 2, "b": 3}}, "value": 0.3},
    "q": {"support": "unit", "prior": {"uniform": {"lower": 0, "upper": 1}}, "value": 0.5}},
    "matrix": {"initial": [1, 0], "rates": [["1 - p", "p", 0], [0, "1 - q", "q"]]}}
CASES = [(CHAIN, 8, ("--censor-at", 3)), (REPAIRABLE, 15, ()), (DISCRETE, 12, ())]


def ranks_of(folder, model, n, options, seed, rng):
    truth = draw_truth(model, rng)
    write_rows(folder / "data.csv",
               simulate(folder / "model.json", truth, seed, n, *options))
    result, draws = fit(folder, seed, "--draws", DRAWS)
    if len(draws) != DRAWS:
        raise RuntimeError(f"{len(draws)} draws, not {DRAWS}")
    ranks = {name: sum(float(draw[name]) < value for draw in draws)
             for name, value in truth.items()}
    return ranks, result["converged"]


def statistic(ranks):
    count = [0] * BINS
    for rank in ranks:
        count[rank * BINS // (DRAWS + 1)] += 1
    expected = len(ranks) / BINS
    return sum((k - expected) ** 2 / expected for k in count), count


def main():
    failed = 0
    print(f"1..{2 * len(CASES)}")
    for i, (model, n, options) in enumerate(CASES):
        rng, ranks, converged = random.Random(400 + i), {}, 0
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            (folder / "model.json").write_text(json.dumps(model), encoding="utf-8")
            for seed in range(1, SETS + 1):
                found, good = ranks_of(folder, model, n, options, seed, rng)
                converged += good
                for name, rank in found.items():
                    ranks.setdefault(name, []).append(rank)
        uniform = True
        for name, found in ranks.items():
            value, count = statistic(found)
            uniform &= value < CRITICAL
            print(f"# {model['name']} {name}: chi-square {value:.1f}, bins {count}")
        enough = converged >= 0.9 * SETS
        failed += (not uniform) + (not enough)
        print(f"# {model['name']}: {converged} of {SETS} converged")
        print(f"{'ok' if uniform else 'not ok'} {2 * i + 1} - {model['name']}: ranks")
        print(f"{'ok' if enough else 'not ok'} {2 * i + 2} - {model['name']}: converged")
        sys.stdout.flush()
    return 1 if failed else 0


sys.exit(main())
