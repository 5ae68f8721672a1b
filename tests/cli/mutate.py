#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the kernels' source with one sign of the adjoint flipped.

    mutate.py INPUT OUTPUT

Fails where the line is not found exactly once, so that the mutant cannot silently be
the program itself.
"""

import sys
from pathlib import Path

LINE = "EACH(q) into.p[q] += mass.p[q] * ("
FLIPPED = "EACH(q) into.p[q] -= mass.p[q] * ("

source = Path(sys.argv[1]).read_text(encoding="utf-8")
if source.count(LINE) != 1:
    sys.exit(f"mutate.py: '{LINE}' stands {source.count(LINE)} times in {sys.argv[1]}")
Path(sys.argv[2]).write_text(source.replace(LINE, FLIPPED), encoding="utf-8")
