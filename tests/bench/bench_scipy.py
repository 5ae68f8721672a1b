# SPDX-License-Identifier: GPL-3.0-or-later
"""The density of rabbits(20) at one time by SciPy and by `phasic pdf`.

SciPy: exp(S t) times the exit rates, by scipy.sparse.linalg.expm_multiply on the sparse
matrix and by scipy.linalg.expm on the dense one. phasic: the whole program, start to
end, with 1000 times on one command line's grid. Exit status 77 without SciPy.
"""

import os
import subprocess
import sys
import time

try:
    import numpy
    import scipy.linalg
    import scipy.sparse
    import scipy.sparse.linalg
except ImportError:
    system = "/usr/bin/python3"
    if sys.executable != system and os.path.exists(system) and "AGAIN" not in os.environ:
        os.environ["AGAIN"] = "1"
        os.execv(system, [system] + sys.argv)
    print("SciPy is not installed")
    sys.exit(77)

SIZE, JUMP, LEFT, RIGHT = 20, 1.0, 2.0, 4.0


def rabbits():
    """Sub-intensity, exit rates, and the start state."""
    number = {}
    for left in range(SIZE + 1):
        for right in range(SIZE + 1 - left):
            if left + right > 0:
                number[left, right] = len(number)
    rows, columns, rates = [], [], []
    leaving = numpy.zeros(len(number))

    def add(source, target, rate):
        leaving[number[source]] += rate
        if target in number:
            rows.append(number[source])
            columns.append(number[target])
            rates.append(rate)

    for left, right in number:
        if left > 0:
            add((left, right), (left - 1, right + 1), left * JUMP)
            add((left, right), (0, right), LEFT)
        if right > 0:
            add((left, right), (left + 1, right - 1), right * JUMP)
            add((left, right), (left, 0), RIGHT)
    n = len(number)
    matrix = scipy.sparse.csr_matrix((rates, (rows, columns)), shape=(n, n))
    matrix = (matrix - scipy.sparse.diags(leaving)).tocsr()
    return matrix, -matrix @ numpy.ones(n), number[SIZE, 0]


def least(call, rounds=3):
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - began)
    return best, result


def main():
    matrix, leaving, start = rabbits()
    t, points = 3.0, 1000

    def by_action():
        return scipy.sparse.linalg.expm_multiply(matrix * t, leaving)[start]

    def by_grid():
        rows = scipy.sparse.linalg.expm_multiply(
            matrix, leaving, start=0, stop=t, num=points, endpoint=True
        )
        return rows[-1, start]

    def by_dense():
        return (scipy.linalg.expm(matrix.toarray() * t) @ leaving)[start]

    def by_phasic():
        model = os.path.join(os.environ["SRC"], "models", "rabbits.json")
        command = [os.environ["PHASIC"], "pdf", model, "--set", f"n={SIZE}"]
        command += ["--grid", f"0:{t}:{points}"]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return out.splitlines()[-1]

    seconds, line = least(by_phasic)
    print(f"phasic pdf, {points} times, whole program  {1e3 * seconds:9.1f} ms")
    print(f"    last line: {line}")
    for name, call in [
        ("expm_multiply, 1 time", by_action),
        (f"expm_multiply, {points} times", by_grid),
        ("dense expm, 1 time", by_dense),
    ]:
        other, value = least(call)
        ratio = other / seconds
        print(f"SciPy {name:30s} {1e3 * other:9.1f} ms  ratio {ratio:6.1f}  {value:.15g}")


if __name__ == "__main__":
    main()
