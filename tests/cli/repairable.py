#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The repairable system's posterior against quadrature, and the draws' bytes.

    PHASIC=build/phasic SRC=. tests/cli/repairable.py

The truth is the posterior of models/repairable.json with models/repairable.csv by
quadrature in two dimensions. PREFIX.csv must not depend on devices or threads.
"""

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from tap import Tap

PHASIC = str(Path(os.environ["PHASIC"]).resolve())
SRC = Path(os.environ["SRC"]).resolve()
MODEL = str(SRC / "models" / "repairable.json")
DATA = str(SRC / "models" / "repairable.csv")
TRUTH = {"F": (1.8460454821, 0.2104502552), "R": (11.1238327248, 0.8268765914)}
MEAN_TOLERANCE = {"F": 0.02, "R": 0.08}
CORRELATION = 0.165253184
SEEDS = (1, 2, 3)


def fit(prefix, *options):
    return subprocess.run([PHASIC, "fit", MODEL, DATA, "--output", str(prefix), *options],
                          capture_output=True, text=True, timeout=600)


def check_posterior(tap, folder, seed):
    done = fit(folder / f"s{seed}", "--seed", str(seed))
    tap.point(done.returncode == 0, f"seed {seed}: exit code 0", done.stdout + done.stderr)
    if done.returncode not in (0, 3):
        return
    result = json.loads((folder / f"s{seed}.json").read_text())
    for name, (mean, sd) in TRUTH.items():
        row = result["posterior"][name]
        tap.close(f"seed {seed}: mean of {name}", row["mean"], mean, MEAN_TOLERANCE[name])
        tap.close(f"seed {seed}: sd of {name}", row["sd"], sd, 0.03 * sd)
    names = result["correlation"]["names"]
    r = result["correlation"]["matrix"][names.index("F")][names.index("R")]
    tap.close(f"seed {seed}: correlation", r, CORRELATION, 0.05)
    tap.point(result["converged"] is True, f"seed {seed}: converged", result["reasons"])
    tap.point(result["seed"] == seed, f"seed {seed}: recorded", result["seed"])
    check_draws(tap, folder / f"s{seed}.csv", result)


def check_draws(tap, path, result):
    """The draws agree with the summary within five Monte Carlo errors of their number."""
    lines = path.read_text().splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    said = next(line for line in lines if "num_samples" in line).split("=")[1]
    tap.point(int(said) == len(rows), f"{path.name}: num_samples equals the rows",
              f"{said} said, {len(rows)} rows")
    tap.point(next(iter(rows[0])) == "lp__", f"{path.name}: lp__ comes first", rows[0])
    for name, (mean, sd) in TRUTH.items():
        draws = [float(row[name]) for row in rows]
        tap.close(f"{path.name}: mean of the draws of {name}", statistics.fmean(draws), mean,
                  5 * sd / len(draws) ** 0.5)
        tap.close(f"{path.name}: sd of the draws of {name}", statistics.stdev(draws), sd,
                  5 * sd / (2 * len(draws)) ** 0.5)


def check_layouts(tap, folder):
    """The same bytes whatever the number of devices and threads."""
    layouts = [("1", "1"), ("2", "1"), ("1", "2")]
    results = []
    for devices, threads in layouts:
        prefix = folder / f"d{devices}t{threads}"
        done = fit(prefix, "--seed", "5", "--devices", devices, "--threads", threads,
                   "--oversubscribe")
        tap.point(done.returncode == 0, f"{devices} devices of {threads} threads run",
                  done.stderr)
        path = Path(f"{prefix}.csv")
        results.append(path.read_bytes() if path.exists() else None)
    for (devices, threads), bytes_ in zip(layouts[1:], results[1:]):
        tap.point(bytes_ is not None and bytes_ == results[0],
                  f"the draws of {devices} devices of {threads} threads are those of one",
                  "the files differ")
    other = fit(folder / "other", "--seed", "6")
    tap.point(other.returncode == 0 and
              (folder / "other.csv").read_bytes().split(b"lp__")[1] !=
              results[0].split(b"lp__")[1], "another seed gives other draws", other.stderr)
    processors = len(os.sched_getaffinity(0))
    done = fit(folder / "refused", "--threads", str(processors + 1), "--devices", "1")
    tap.point(done.returncode == 64 and "--oversubscribe" in done.stderr and
              not (folder / "refused.csv").exists(),
              "more workers than processors are refused", f"{done.returncode}\n{done.stderr}")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in SEEDS:
            check_posterior(tap, folder, seed)
        check_layouts(tap, folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
