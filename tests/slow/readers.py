#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What R, jq and a plain CSV reader find in the files of a fit. Prints TAP.

    PHASIC=... SRC=... tests/slow/readers.py

Fits of svgd, hmc and map are read by R's read.csv, coda and posterior, by Python's csv and
by jq. What the readers compute from the draws must be what `phasic summary --from-draws`
prints, to the last digits; both must be near the stored summary, within four Monte Carlo
errors of the draws; and for chains, R-hat and effective sample sizes must be those of
posterior. The R of phasic-result(5) is run as it is printed. Points of programs and
packages that are not installed are skipped.
"""

import csv
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
sys.path.insert(0, str(HERE))
from simulated import phasic
from tap import Tap

SRC = Path(os.environ["SRC"]).resolve()
MODEL, DATA = SRC / "models/repairable.json", SRC / "models/repairable.csv"
QUANTITIES = ["F", "R", "mean_lifetime"]
FITS = {"svgd": ["--draws", "1000"], "hmc": ["--method", "hmc"], "map": ["--method", "map"]}
DRAWN = ["svgd", "hmc"]
LEVELS = ["5%", "50%", "95%"]


def close(a, b, tolerance=1e-12):
    return math.isclose(a, b, rel_tol=tolerance)


def from_draws(name):
    text = phasic("summary", name, "--from-draws", "--quantiles", "5,50,95", "--format",
                  "csv").stdout
    return {row["name"]: row for row in csv.DictReader(text.splitlines())}


def plain_rows(name):
    with open(f"{name}.csv", encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def read_by_r(name, chains):
    """{(reader, quantity, statistic): value}"""
    done = subprocess.run(["Rscript", HERE / "readers.R", f"{name}.csv", str(chains)],
                          capture_output=True, text=True, timeout=300)
    rows = [line.split(",") for line in done.stdout.splitlines()]
    found = {tuple(row[:3]): float(row[3]) for row in rows if row[3] != "NA"}
    return done, found


def check_plain(tap, name, stored):
    rows = plain_rows(name)
    tap.point(list(rows[0]) == ["lp__", *QUANTITIES], f"{name}: the columns", list(rows[0]))
    tap.point(len(rows) == stored["diagnostics"].get("draws", 1), f"{name}: the rows", len(rows))
    good = all(math.isfinite(float(cell)) for row in rows for cell in row.values())
    tap.point(good, f"{name}: every cell is a finite number")


def check_map(tap, stored):
    row = plain_rows("map")[0]
    tap.point(all(float(row[q]) == stored["posterior"][q]["mode"] for q in QUANTITIES),
              "map: the row is the mode", row)


def check_near(tap, name, stored, table):
    """The draws against the summary that was computed from the weighted sample."""
    n = stored["diagnostics"]["draws"]
    size = stored["diagnostics"]["ess"]
    size = size if name == "hmc" else 1 / (1 / n + 1 / size)
    wrong = []
    for quantity in QUANTITIES:
        row, old = table[quantity], stored["posterior"][quantity]
        error = old["sd"] / math.sqrt(size)
        wrong += [f"{quantity}: mean"] * (abs(float(row["mean"]) - old["mean"]) > 4 * error)
        wrong += [f"{quantity}: sd"] * (abs(float(row["sd"]) / old["sd"] - 1) > 4 / math.sqrt(size))
        for level in LEVELS:   # of a normal law, the error at 5 % is 2.1 times that of the mean
            wrong += [f"{quantity}: {level}"] * (
                abs(float(row[level]) - old["quantiles"][level]) > 4 * 2.2 * error)
    tap.point(not wrong, f"{name}: the draws are near the summary", "\n".join(wrong))


def check_r_table(tap, name, table, found):
    """read.csv, coda and posterior against the table from the draws."""
    for reader, columns in (("read.csv", ["mean", "sd", *LEVELS]), ("coda", ["mean", "sd"]),
                            ("posterior", ["mean", "sd"])):
        if not any(key[0] == reader for key in found):
            tap.point(True, f"{name}: {reader} # SKIP not installed")
            continue
        wrong = [f"{q} {c}: {found.get((reader, q, c))}, expected {table[q][c]}"
                 for q in QUANTITIES for c in columns
                 if not close(found.get((reader, q, c), math.nan), float(table[q][c]))]
        tap.point(not wrong, f"{name}: {reader} and summary agree", "\n".join(wrong))


def check_r_sizes(tap, name, stored, found):
    """Effective sizes: draws that are independent, and those of chains."""
    n = stored["diagnostics"]["draws"]
    for quantity in ["F", "R"]:
        size = found.get(("coda", quantity, "ess"))
        if size is not None:
            wanted = n if name == "svgd" else \
                stored["diagnostics"]["hmc"]["mixing"][quantity]["ess_mean"]
            tap.close(f"{name}: coda's effective size of {quantity}", size / wanted, 1, 0.25)
        # rhat is that of logarithms; the two draws next to the median are as far from it as
        # one another, and rounding decides on their ranks
        for statistic in ("rhat_log", "ess_bulk", "ess_tail") if name == "hmc" else ():
            value = found.get(("posterior", quantity, statistic))
            if value is not None:
                mixing = stored["diagnostics"]["hmc"]["mixing"][quantity]
                tap.close(f"hmc: posterior's {statistic} of {quantity}",
                          value / mixing[statistic.removesuffix("_log")], 1,
                          1e-4 if statistic == "rhat_log" else 1e-9)


def check_r(tap, name, stored):
    chains = stored["diagnostics"].get("hmc", {"chains": 1})["chains"]
    done, found = read_by_r(name, chains)
    tap.point(done.returncode == 0 and not done.stderr, f"{name}: R reads the draws", done.stderr)
    if name in DRAWN:
        check_r_table(tap, name, from_draws(name), found)
        check_r_sizes(tap, name, stored, found)
    else:
        tap.point(all(found.get(("read.csv", q, "mean")) == stored["posterior"][q]["mode"]
                      for q in QUANTITIES), "map: R finds the mode", found)


def check_manual(tap):
    """The R of the manual, on the draws it speaks of."""
    page = (SRC / "man/phasic-result.5").read_text(encoding="utf-8")
    blocks = [part.split("\n", 1)[1].split(".Ed\n")[0] for part in page.split(".Bd -literal")[1:]]
    script = next(block for block in blocks if "read.csv" in block)
    shutil.copy("svgd.csv", "result.csv")
    done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, timeout=300)
    picture = Path("draws.png")
    good = picture.exists() and picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    tap.point(done.returncode == 0 and not done.stderr and good and
              picture.stat().st_size > 1000, "the manual's R draws a picture", done.stderr)


def check_jq(tap, name, stored):
    program = ".posterior | to_entries[] | [.key, .value.mean, .value.quantiles[\"50%\"]] | @csv"
    done = subprocess.run(["jq", "-r", program, f"{name}.json"], capture_output=True, text=True,
                          timeout=60)
    rows = {row[0]: row[1:] for row in csv.reader(done.stdout.splitlines())}
    good = list(rows) == QUANTITIES and all(
        close(float(rows[q][0]), stored["posterior"][q]["mean"], 1e-15) and
        close(float(rows[q][1]), stored["posterior"][q]["quantiles"]["50%"], 1e-15)
        for q in rows)
    tap.point(done.returncode == 0 and good, f"{name}: jq reads the summary",
              done.stderr + done.stdout)


def check_truth(tap, stored):
    """The fits of one posterior agree with quadrature, so that all readers see the truth."""
    truth = {"F": (1.8460454821, 0.2104502552), "R": (11.1238327248, 0.8268765914)}
    for name in DRAWN:
        rows = plain_rows(name)
        for quantity, (mean, sd) in truth.items():
            n = len(rows) if name == "svgd" else stored[name]["diagnostics"]["ess"]
            got = statistics.fmean(float(row[quantity]) for row in rows)
            tap.close(f"{name}: mean of the draws of {quantity}", got, mean, 4 * sd / math.sqrt(n))


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        stored = {}
        for name, options in FITS.items():
            phasic("fit", MODEL, DATA, "--seed", 4, "-o", name, *options)
            stored[name] = json.loads(Path(f"{name}.json").read_text(encoding="utf-8"))
            check_plain(tap, name, stored[name])
            if name in DRAWN:
                check_near(tap, name, stored[name], from_draws(name))
            if shutil.which("Rscript"):
                check_r(tap, name, stored[name])
            if shutil.which("jq"):
                check_jq(tap, name, stored[name])
        check_map(tap, stored["map"])
        check_truth(tap, stored)
        if shutil.which("Rscript"):
            check_manual(tap)
        else:
            tap.point(True, "R # SKIP not installed")
        os.chdir("/")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
