"""Runs of equal flags, such as the frames of a contact."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool
from numpy import ndarray


def runs(flags: Bool[ndarray, " frames"], value: bool = True) -> list[tuple[int, int]]:
    """Return the runs of a value.

    Args:
        flags: One a frame.
        value: The value whose runs are wanted.

    Returns:
        (first, end) of each run, in order; `end` is the index after its last frame.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[not value], flags, [not value]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
