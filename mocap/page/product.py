"""The lifter's matrix products by a kernel of the page, since Pyodide's NumPy has no BLAS.

The kernel is `web/site/product.wat`; `web/src/site/product.ts` puts the weights into its memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.lift import network

ROWS = 256
"""The most rows that the kernel multiplies at once."""


@runtime_checkable
class Array(Protocol):
    """A typed array of JavaScript, as Pyodide shows it."""

    def subarray(self, begin: int, end: int) -> Any:
        """Return a part of it."""


@runtime_checkable
class Matrix(Protocol):
    """A layer's weights in the kernel's memory; `Matrix` of product.ts."""

    x: Array
    out: Array
    stride: int

    def multiply(self, rows: int) -> None:
        """Multiply the first rows of `x`."""


def layers() -> list[tuple[Float[ndarray, "n"], int]]:
    """Return the layers' weights, row by row, each with its number of columns."""
    return [(m.ravel(), m.shape[1]) for m in network.matrices(network.weights()).values()]


def use(matrices: Sequence[Matrix]) -> None:
    """Let the lifter's network multiply by the kernel.

    Args:
        matrices: In the order of `layers`.
    """
    own = network.matrices(network.weights())
    for (layer, weight), matrix in zip(own.items(), matrices, strict=True):
        network.PRODUCTS[layer] = _Product(matrix, weight.shape[1])


class _Product:
    """The product with one layer's weights."""

    def __init__(self, matrix: Matrix, columns: int) -> None:
        self._matrix, self._columns = matrix, columns
        self._places: dict[int, tuple[Any, Any, ndarray]] = {}

    def __call__(self, x: Float[ndarray, "rows n"]) -> Float[ndarray, "rows m"]:
        """Return the product of rows with the weights."""
        parts = [self._part(x[start : start + ROWS]) for start in range(0, len(x), ROWS)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _part(self, x: Float[ndarray, "rows n"]) -> Float[ndarray, "rows m"]:
        rows = len(x)
        if rows not in self._places:
            stride = self._matrix.stride
            self._places[rows] = (
                self._matrix.x.subarray(0, x.size),
                self._matrix.out.subarray(0, rows * stride),
                np.empty((rows, stride), dtype=np.float32),
            )
        given, made, out = self._places[rows]
        given.assign(np.ascontiguousarray(x, dtype=np.float32))
        self._matrix.multiply(rows)
        made.assign_to(out)
        return out[:, : self._columns].copy()
