"""Products of each frame's matrices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

Kernel = Callable[[ndarray, ndarray, ndarray], None]
"""Subtracts a·bᵀ from c: arrays c (F, n, m), a (F, n, k), b (F, m, k). n and k are even, m is a
multiple of 4."""
KERNELS: list[Kernel] = []
"""One kernel, where something is faster than NumPy: the page's (`mocap.page.refine`)."""
_STEPS = (2, 4, 2)  # of n, m and k


def products(
    a: Float[ndarray, "frames n k"], b: Float[ndarray, "frames m k"]
) -> Float[ndarray, "frames n m"]:
    """Return a·bᵀ of each frame."""
    if not KERNELS:
        return np.asarray(a @ b.swapaxes(1, 2))
    frames, n, k = a.shape
    m = b.shape[1]
    rows, columns, inner = (
        -(-size // step) * step for size, step in zip((n, m, k), _STEPS, strict=True)
    )
    out = np.zeros((frames, rows, columns))
    KERNELS[0](out, _padded(a, rows, inner), _padded(b, columns, inner))
    return np.negative(out[:, :n, :m])


def _padded(a: ndarray, rows: int, columns: int) -> ndarray:
    """Return an array with rows and columns of zeros added."""
    if a.shape[1:] == (rows, columns) and a.flags.c_contiguous:
        return a
    out = np.zeros((len(a), rows, columns))
    out[:, : a.shape[1], : a.shape[2]] = a
    return out
