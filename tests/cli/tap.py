# SPDX-License-Identifier: GPL-3.0-or-later
"""Test points in the Test Anything Protocol, counted as they are printed."""

import sys


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def point(self, passed, name, why=""):
        """Prints one test point; `why` says what went wrong, over any number of lines."""
        self.count += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.count} - {name}")
        if not passed:
            for line in str(why).splitlines():
                print(f"# {line}")
        sys.stdout.flush()

    def close(self, name, actual, expected, tolerance):
        """|actual - expected| <= tolerance; what is no number fails."""
        good = isinstance(actual, (int, float)) and abs(actual - expected) <= tolerance
        self.point(good, name, f"got {actual!r}, expected {expected!r} within {tolerance:g}")

    def done(self):
        print(f"1..{self.count}")
        return 1 if self.failed or self.count == 0 else 0
