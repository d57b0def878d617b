"""Runs of equal flags, such as the frames of a contact."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool
from numpy import ndarray


def runs(flags: Bool[ndarray, " frames"], value: bool = True) -> list[tuple[int, int]]:
    """Return the runs of consecutive frames with the given value.

    Args:
        flags: One flag per frame.
        value: The value to look for.

    Returns:
        (first, end) frame indices of each run, in order; `end` is exclusive.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[not value], flags, [not value]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
