"""The bake's linear algebra by kernels of the page, since Pyodide's NumPy has no BLAS.

The kernels are `web/site/refine.wat`, which work in Python's own memory.
"""

from __future__ import annotations

from collections.abc import Callable

from numpy import ndarray

from mocap.solve.refine import banded, products


def use(
    solve: Callable[[int, int, int, int], int],
    subtract: Callable[[int, int, int, int, int, int, int], object],
) -> None:
    """Let the bake's optimiser calculate by the kernels.

    Args:
        solve: Solves a banded system; called with the address of the first panel, the number of
            frames, the number of unknowns a frame and the number of right-hand sides. See
            `banded.Kernel`.
        subtract: Subtracts products; called with the addresses of c, a and b, the number of frames,
            and n, m and k. See `products.Kernel`.
    """

    def solved(panels: ndarray, sides: int) -> int:
        frames, _, n = panels.shape
        return solve(_address(panels), frames, n, sides)

    def subtracted(c: ndarray, a: ndarray, b: ndarray) -> None:
        frames, n, m = c.shape
        subtract(_address(c), _address(a), _address(b), frames, n, m, a.shape[2])

    banded.KERNELS[:] = [solved]
    products.KERNELS[:] = [subtracted]


def _address(array: ndarray) -> int:
    return int(array.__array_interface__["data"][0])
