#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""phasic convert: files written by hand, round trips, and refusals. Prints TAP.

    PHASIC=build/phasic SRC=. tests/cli/convert.py

Moments of the files written by hand are known in closed form. A round trip takes every
shipped model through every format and back: density, survival function and moments of
the time and of the rewards must agree to 12 digits.
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
SRC = Path(os.environ["SRC"]).resolve()
SETTINGS = {"rabbits": "n=4", "coalescent": "n=5", "erlang": "stages=3", "busy_period": "K=6",
            "power_law_coalescent": "n=4"}


def phasic(*arguments, text=None):
    return subprocess.run([PHASIC, *map(str, arguments)], capture_output=True, text=True,
                          input=text, timeout=300)


def results(model, *arguments):
    """Means, variances and defects of all rewards, density and survival at two times."""
    done = phasic("moments", model, *arguments, "--format", "json")
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    moments = json.loads(done.stdout)
    values = [moments[key][name] for key in ("mean", "variance", "defect")
              for name in sorted(moments["mean"])]
    for command in ("pdf", "survival"):
        done = phasic(command, model, *arguments, "--at", "1,3", "--format", "json")
        values += json.loads(done.stdout)[command]
    return moments, values


def agree(a, b):
    return len(a) == len(b) and all(abs(x - y) <= 1e-12 * max(abs(x), 1e-300)
                                    for x, y in zip(a, b))


# ---- files written by hand ----

# Three lineages merge, first at rate 0.5 + 3 theta, then at rate theta.
FIRST = {"states": [[0], [3], [2], [1]], "edges": [], "start_edges": [[1, 1.0]],
         "param_edges": [[1, 2, 0.5, 3.0], [2, 3, 0.0, 1.0]], "start_param_edges": [],
         "param_length": 1, "state_length": 1, "n_vertices": 4}
# The same without a base, as files of the time between had it.
BETWEEN = dict(FIRST, param_edges=[[1, 2, 3.0], [2, 3, 1.0]])
# Starts in either of two states, or is absorbed at once; one rate is a number.
SECOND = {"states": [[0, 0], [1, 0], [0, 1], [5, 5]], "vertex_indices": [0, 1, 2, 3],
          "edges": [], "constant_edges": [[2, 3, 4.0]],
          "start_edges": [[1, 0.5], [2, 0.25], [3, 0.25]],
          "param_edges": [[1, 3, 2.0, 1.0]], "start_param_edges": [], "param_length": 2,
          "state_length": 2, "n_vertices": 4, "weight_mode": "linear", "dyn_ordering": False,
          "is_discrete": False, "was_dph": False}
PRODUCT = dict(SECOND, weight_mode="log")
# The start depends on a parameter: state 1 with probability w, state 2 otherwise.
START = dict(FIRST, start_edges=[], edges=[[1, 3, 2.0], [2, 3, 5.0]], param_edges=[],
             start_param_edges=[[1, 0.0, 1.0], [2, 1.0, -1.0]])
STEPS = dict(SECOND, is_discrete=True, start_edges=[[1, 1.0]], constant_edges=[],
             param_edges=[[1, 3, 1.0, 0.5]])

DRN = """// a machine that is repaired, or given up
@type: CTMC
@parameters
f r
@placeholders
$0 : (f)+(2)
@reward_models
down
@nr_states
3
@nr_choices
3
@model
state 0 !f [0] init up
//(works)
\taction 0 [0]
\t\t1 : f
state 1 !(f)+(2)+(r) [1] "being repaired"
\taction 0 [0]
\t\t0 : r
\t\t2 : $0
state 2 !1 [0] up
\taction 0 [0]
\t\t2 : 1
"""
DRN_STEPS = """@type: DTMC
@parameters
p
@reward_models

@nr_states
2
@model
state 0 init
\taction 0
\t\t0 : 1-p
\t\t1 : p
state 1
\taction 0
\t\t1 : 1
"""


def hand_cases():
    theta = 0.5
    first = 1 / (0.5 + 3 * theta)
    yield ("first kind, with a base", FIRST, ["--parameters", "theta"], "theta=0.5",
           first + 1 / theta, first ** 2 + 1 / theta ** 2)
    yield ("rows without a base", BETWEEN, [], "theta1=0.5", 1 / 1.5 + 2, 1 / 1.5 ** 2 + 4)
    mean = 0.5 / 7 + 0.25 / 4
    square = 2 * (0.5 / 49 + 0.25 / 16)
    yield ("second kind", SECOND, ["--parameters", "a,b"], "a=2,b=3", mean, square - mean ** 2)
    mean = 0.5 / 12 + 0.25 / 4
    square = 2 * (0.5 / 144 + 0.25 / 16)
    yield ("weights that are products", PRODUCT, [], "theta1=2,theta2=3", mean,
           square - mean ** 2)
    mean, square = 0.3 / 2 + 0.7 / 5, 2 * (0.3 / 4 + 0.7 / 25)
    yield ("a start with a parameter", START, ["--parameters", "w"], "w=0.3", mean,
           square - mean ** 2)
    p = 0.2 + 0.5 * 0.4
    yield ("discrete time", STEPS, [], "theta1=0.2,theta2=0.4", 1 / p, (1 - p) / p ** 2)


def check_python(tap, folder):
    for name, graph, options, theta, mean, variance in hand_cases():
        path, out = folder / "graph.json", folder / "out.json"
        path.write_text(json.dumps(graph), encoding="utf-8")
        done = phasic("convert", path, out, "--force", *options)
        if done.returncode != 0 or done.stderr:
            tap.point(False, f"python: {name}", done.stderr)
            continue
        moments, _ = results(out, "--theta", theta)
        tap.close(f"python: {name}: mean", moments["mean"]["time"], mean, 1e-14 * mean)
        tap.close(f"python: {name}: variance", moments["variance"]["time"], variance,
                  1e-13 * variance)


def check_drn(tap, folder):
    path, out = folder / "m.drn", folder / "out.json"
    path.write_text(DRN, encoding="utf-8")
    done = phasic("convert", path, out, "--force")
    tap.point(done.returncode == 0 and done.stderr.count("\n") == 1 and "up" in done.stderr
              and "being repaired" in done.stderr, "drn: labels are said to be left out",
              done.stderr)
    f, r = 3.0, 2.0
    rounds = (f + 2 + r) / (f + 2)  # visits of state 1, each after one of state 0
    moments, _ = results(out, "--theta", "f=3,r=2")
    tap.close("drn: mean", moments["mean"]["time"], rounds * (1 / f + 1 / (f + 2 + r)), 1e-14)
    tap.close("drn: mean of a reward", moments["mean"]["down"], rounds / (f + 2 + r), 1e-14)
    path.write_text(DRN_STEPS, encoding="utf-8")
    done = phasic("convert", path, out, "--force")
    tap.point(done.returncode == 0 and not done.stderr, "drn: a chain", done.stderr)
    moments, _ = results(out, "--theta", "p=0.25")
    tap.close("drn: mean of a chain", moments["mean"]["time"], 4, 1e-13)
    tap.close("drn: variance of a chain", moments["variance"]["time"], 12, 1e-12)


def check_csv(tap, folder):
    path, out = folder / "m.csv", folder / "out.json"
    path.write_text('0, a * 2 ,0\n0,0,"max(b, 0)"\n', encoding="utf-8")
    done = phasic("convert", path, out, "--force")
    tap.point(done.returncode == 0 and not done.stderr, "csv: a matrix", done.stderr)
    moments, _ = results(out, "--theta", "a=1,b=4")
    tap.close("csv: mean", moments["mean"]["time"], 0.75, 1e-14)
    done = phasic("convert", path, out, "--force", "--initial", "0.5,0.5", "--parameters", "b,a")
    moments, _ = results(out, "--theta", "a=1,b=4")
    tap.close("csv: mean with --initial", moments["mean"]["time"], 0.5, 1e-14)
    names = list(json.loads(out.read_text())["parameters"])
    tap.point(names == ["b", "a"], "csv: the order of --parameters", names)
    path.write_text("1 - p,p\n", encoding="utf-8")
    done = phasic("convert", path, out, "--force", "--discrete")
    moments, _ = results(out, "--theta", "p=0.25")
    tap.close("csv: mean of a chain", moments["mean"]["time"], 4, 1e-13)
    text = '0,1,0\n0,0,2\n'
    done = phasic("convert", "--from", "csv", "--to", "csv", "-", "-", text=text)
    tap.point(done.stdout == text, "csv: standard input to standard output", done.stdout)
    plain = phasic("convert", "--from", "csv", "--to", "matrix", "-", "-", text=text)
    for rows in (text, '"0",1,0\n0,0,2\n'):
        done = phasic("convert", "--from", "csv", "--to", "matrix", "-", "-", text="\ufeff" + rows)
        tap.point(plain.returncode == 0 and done.stdout == plain.stdout,
                  "csv: a byte order mark", done.stdout + done.stderr)
    done = phasic("convert", "--from", "csv", "--to", "matrix", "-", "-", text="\ufeff")
    tap.point(done.returncode == 65 and "not 0 rows of 0" in done.stderr,
              "csv: a byte order mark alone", done.stderr)


# ---- round trips ----

# What a format cannot carry, and the words that say so.
NOT_HELD = {("gehan", None): "the model has groups",
            ("two_epoch", None): "the model has epochs",
            ("power_law_coalescent", "python"): "state (k=4) is not",
            ("power_law_coalescent", "drn"): "a rate uses exp",
            ("geometric", "csv"): "start law", ("geometric", "drn"): "start law",
            ("curved", "python"): "is not", ("curved", "csv"): "start law",
            ("curved", "drn"): "a rate uses"}

def there_and_back(folder, model, settings, form, names):
    """The model written in a format and read again; None where that is refused."""
    end = {"graph": "json", "matrix": "json", "python": "json"}.get(form, form)
    there, back = folder / f"there.{end}", folder / "back.json"
    done = phasic("convert", model, there, "--to", form, "--force", "--quiet", *settings)
    if done.returncode != 0:
        return None, done
    options = []
    if form in ("python", "csv") and names:
        options += ["--parameters", ",".join(names)]
    if form == "csv" and json.loads(model.read_text()).get("time") == "discrete":
        options += ["--discrete"]
    done = phasic("convert", there, back, "--force", *options)
    return (back if done.returncode == 0 else None), done


def check_round_trips(tap, folder, models):
    for model in models:
        text = json.loads(model.read_text(encoding="utf-8"))
        names = list(text.get("parameters", {}))
        theta = ",".join(f"{k}={v.get('value', v.get('fixed', 1))!r}"
                         for k, v in text.get("parameters", {}).items())
        settings = ["--set", SETTINGS[model.stem]] if model.stem in SETTINGS else []
        at = ["--theta", theta] if theta else []
        full, times = results(model, *settings, *at)
        for form in ("graph", "matrix", "python", "csv", "drn"):
            back, done = there_and_back(folder, model, settings, form, names)
            label = f"{model.stem} through {form}"
            wanted = NOT_HELD.get((model.stem, form), NOT_HELD.get((model.stem, None)))
            if back is None or wanted:
                tap.point(back is None and done.returncode == 65 and wanted
                          and wanted in done.stderr, f"{label}: refused", done.stderr)
                continue
            _, after = results(back, *at)
            if form in ("csv", "python"):  # they hold no rewards
                before = [full[k]["time"] for k in ("mean", "variance", "defect")] + times[-4:]
            else:
                before = times
            tap.point(agree(before, after), label, f"{before}\n{after}")


# ---- refusals ----

REFUSED = [
    ("python", dict(SECOND, weight_mode="formula"), "/weight_mode: expected \"linear\" or"),
    ("python", dict(SECOND, was_dph=True), "/was_dph"),
    ("python", dict(SECOND, extra=1), "unknown key"),
    ("python", dict(FIRST, param_edges=[[1, 2, 0.5, 3.0], [2, 3, 1.0]]), "/param_edges/1"),
    ("python", dict(SECOND, param_edges=[[1, 3, 0.5, 2.0, 1.0]]), "expected 4 numbers"),
    ("python", dict(FIRST, edges=[[1, 9, 1.0]]), "/edges/0/1: expected a vertex"),
    ("python", dict(FIRST, edges=[[0, 1, 1.0]]), "'start_edges' alone"),
    ("python", dict(FIRST, edges=[[1, 2, -1.0]]), "not negative"),
    ("python", dict(FIRST, start_edges=[[1, 0.5]]), "sum to 0.5, not to 1"),
    ("python", dict(FIRST, states=[[0], [1]]), "a list of 4 states"),
    ("python", dict(FIRST, param_edges=[[1, 2, 0.5, 3.0]], edges=[[2, 1, 1.0]]),
     "absorption cannot be reached"),
    ("drn", DRN.replace("CTMC", "MDP"), "m:2: expected the type DTMC or CTMC"),
    ("drn", DRN.replace(" init", ""), "'init'"),
    ("drn", DRN.replace('!1 [0] up', '!1 [0] init'), "m:22: a second start"),
    ("drn", DRN.replace("\t\t0 : r", "\t\t7 : r"), "m:20: expected a state"),
    ("drn", DRN.replace("\t\t0 : r", "\t\t0 : q"), "m:20: unknown name"),
    ("drn", DRN.replace("\t\t0 : r", "\t\t0 : $4"), "m:20: no such placeholder"),
    ("drn", DRN.replace("\t\t0 : r", "\t\t0 - r"), "m:20: expected 'state'"),
    ("drn", DRN.replace("[1] \"being", "[f] \"being"), "m:18: expected a number"),
    ("drn", DRN.replace("\taction 0 [0]\n\t\t1 : f", "\taction 0 [3]\n\t\t1 : f"),
     "not by jumps"),
    ("drn", DRN.replace("state 1", "state 2"), "without gaps"),
    ("drn", DRN.replace("!f", ""), "m:14: expected the exit rate"),
    ("drn", DRN.split("state 2")[0], "after 2 of 3 states"),
    ("drn", DRN.replace("\t\t1 : f", "\t\t1 : f\n\taction 1 [0]\n\t\t2 : f"), "no decisions"),
    ("drn", DRN.replace("!f", "!3").replace("1 : f", "1 : 2"), "do not sum to its exit rate"),
    ("drn", DRN_STEPS.replace("1-p", "0.2").replace(": p", ": 0.2"), "do not sum to 1"),
    ("drn", "@type: CTMC\n@states\n", "m:2: expected @type:"),
    ("csv", "0,1\n0\n", "m:2: expected 2 cells"),
    ("csv", "0,1\n0,1\n", "not 2 rows of 2"),
    ("csv", "0,1,0\n0,0,1 +\n", "m:2: row 2, column 3: "),
    ("csv", "0,1,0\n0,1,1\n", "/matrix/rates/1/1: expected 0 on the diagonal"),
]


def check_refusals(tap, folder):
    for form, text, wanted in REFUSED:
        path = folder / "m"
        path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
        done = phasic("convert", "--from", form, "--to", "graph", path, "-")
        tap.point(done.returncode == 65 and wanted in done.stderr and not done.stdout
                  and str(path) in done.stderr, f"{form}: refused: {wanted}",
                  f"exit {done.returncode}\n{done.stderr}")


def check_usage(tap, folder):
    model, out = SRC / "models" / "repairable.json", folder / "exists.drn"
    out.write_text("keep", encoding="utf-8")
    for arguments, code, wanted in (
            ((model, out), 73, "--force"),
            ((model, folder / "out"), 64, "--to"),
            (("-", folder / "out.drn"), 64, "--from"),
            ((model, folder / "o.drn", "--initial", "1"), 64, "--initial"),
            ((model, folder / "o.drn", "--discrete"), 64, "--discrete"),
            ((folder / "none.drn", folder / "o.json"), 66, "none.drn"),
            ((model, folder / "o.drn", "--to", "dnr"), 64, "did you mean 'drn'?")):
        done = phasic("convert", *arguments)
        tap.point(done.returncode == code and wanted in done.stderr,
                  f"usage: {wanted}", f"exit {done.returncode}\n{done.stderr}")
    tap.point(out.read_text() == "keep", "an existing file is kept")
    done = phasic("convert", model, "-", "--to", "csv")
    tap.point("values, priors and supports" in done.stderr, "what is left out is said",
              done.stderr)
    done = phasic("convert", model, "-", "--to", "csv", "--quiet")
    tap.point(done.stderr == "" and done.stdout == "0,F,F,0\nR,0,0,F\nR,0,0,F\n",
              "--quiet says nothing", done.stderr)
    graph = folder / "g.json"
    graph.write_text(json.dumps(FIRST), encoding="utf-8")
    done = phasic("convert", graph, "-", "--to", "graph", "--parameters", "a,b")
    tap.point(done.returncode == 64 and "2 names" in done.stderr, "usage: too many names",
              done.stderr)


def extra_models(folder):
    """Processes that the shipped models do not have."""
    geometric = {"phasic": 1, "time": "discrete",
                 "parameters": {"p": {"support": "unit", "value": 0.3}},
                 "matrix": {"initial": [0.5, 0.25],
                            "rates": [["1 - p", "p / 2", "p / 2"], [0, 0.5, 0.5]]},
                 "defect": True, "rewards": {"second": [0, 2]}}
    chain = {"phasic": 1, "time": "discrete",
             "parameters": {"p": {"support": "unit", "value": 0.3}, "q": {"value": 0.2}},
             "matrix": {"initial": [1, 0],
                        "rates": [["1 - p - q", "p", "q"], [0.125, 0.5, 0.375]]},
             "rewards": {"second": [0, 2]}}
    curved = {"phasic": 1, "parameters": {"b": {"support": "real", "value": 0.5}},
              "graph": {"vertices": [[7], [9]], "initial": [[1, 1]],
                        "edges": [[1, 0, "exp(-b) + if(b > 1, 2, 3 - b)"],
                                  [0, -1, "max(b ^ 2, 1) / 3"], [0, 1, "sqrt(abs(b))"]]}}
    for name, model in (("geometric", geometric), ("chain", chain), ("curved", curved)):
        path = folder / f"{name}.json"
        path.write_text(json.dumps(model), encoding="utf-8")
        yield path


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        check_python(tap, folder)
        check_drn(tap, folder)
        check_csv(tap, folder)
        check_round_trips(tap, folder, [*sorted((SRC / "models").glob("*.json")),
                                        *extra_models(folder)])
        check_refusals(tap, folder)
        check_usage(tap, folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
