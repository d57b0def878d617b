"""Processor time of a function on a machine whose speed varies up to threefold.

It is measured against fixed work of the same kind, in Python and NumPy, done in the same process
just before and after.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

# What the fixed work takes on a 3 GHz server core that does nothing else, seconds.
_NOMINAL = 0.025


def seconds(function: Callable[[], object], limit: float, tries: int = 3) -> float:
    """Return processor seconds of a call on an ordinary machine.

    The least of several tries; they end with the first that is under the limit.
    """
    least = float("inf")
    for _ in range(tries):
        before = _yardstick()
        start = time.process_time()
        function()
        spent = time.process_time() - start
        least = min(least, spent * _NOMINAL / (0.5 * (before + _yardstick())))
        if least < limit:
            break
    return least


def _yardstick() -> float:
    start = time.process_time()
    words: dict[str, int] = {}
    for i in range(40_000):
        key = f"{i % 977}:{i % 13}"
        words[key] = words.get(key, 0) + i
    values = np.linspace(-1.0, 1.0, 20_000)
    for _ in range(40):
        values = np.sin(np.abs(values) + 0.1)
    return time.process_time() - start
