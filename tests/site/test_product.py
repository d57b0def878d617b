"""The page's kernels in place of NumPy: the same outputs of the lifter's network and the bake."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import pytest

from mocap.lift import network
from mocap.page import product, refine
from mocap.solve.refine import banded, products

LIVE, TAKE = (4, network.REACH + 1, network.INPUTS), (2, 150, network.INPUTS)


class Buffer(np.ndarray):
    """An array with what a typed array of JavaScript has."""

    def subarray(self, begin: int, end: int) -> Buffer:
        return self[begin:end]

    def assign(self, values: np.ndarray) -> None:
        self[:] = values.ravel()

    def assign_to(self, to: np.ndarray) -> None:
        to[:] = self.reshape(to.shape)


@dataclass
class Matrix:
    """The kernel's side of one layer, in NumPy; its rows are longer than the product's."""

    weights: np.ndarray

    def __post_init__(self) -> None:
        self.stride = self.weights.shape[1] + 3
        self.x, self.out = (
            np.zeros(product.ROWS * n, np.float32).view(Buffer)
            for n in (self.weights.shape[0], self.stride)
        )

    def multiply(self, rows: int) -> None:
        x = self.x.reshape(product.ROWS, -1)[:rows]
        self.out.reshape(product.ROWS, -1)[:rows, : self.weights.shape[1]] = x @ self.weights


@pytest.mark.parametrize(
    ("run", "shape"), [(network.run_newest, LIVE), (network.run, TAKE)], ids=["live", "take"]
)
def test_the_network_gives_the_same_by_the_kernel(run, shape, monkeypatch) -> None:
    w, inputs = network.weights(), np.random.default_rng(3).normal(size=shape)
    expected = run(w, inputs)
    monkeypatch.setattr(network, "PRODUCTS", {})
    product.use([Matrix(values.reshape(-1, columns)) for values, columns in product.layers()])
    assert set(network.PRODUCTS) == set(network.matrices(w))
    np.testing.assert_allclose(run(w, inputs), expected, atol=2e-5)


def memory(address: int, *shape: int) -> np.ndarray:
    """Return the array at an address."""
    flat = (ctypes.c_double * int(np.prod(shape))).from_address(address)
    return np.ctypeslib.as_array(flat).reshape(shape)


def subtract(c: int, a: int, b: int, frames: int, n: int, m: int, k: int) -> None:
    """The kernel for products, in NumPy."""
    assert (n % 2, m % 4, k % 2) == (0, 0, 0)
    memory(c, frames, n, m)[:] -= np.einsum(
        "fnk,fmk->fnm", memory(a, frames, n, k), memory(b, frames, m, k)
    )


@pytest.mark.parametrize("columns", [3, 4])
def test_a_kernel_gets_the_panels_of_a_banded_system(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, n, rows = 5, banded.KERNEL_STEP, (banded.REACH + 1) * banded.KERNEL_STEP
    rng = np.random.default_rng(columns)
    blocks = rng.normal(size=(frames, rows, n))
    blocks[:, :n] += 40.0 * np.eye(n)
    blocks[:, :n] += blocks[:, :n].swapaxes(1, 2).copy()
    for t in range(frames):
        blocks[t, (frames - t) * n :] = 0.0
    right = rng.normal(size=(frames, n, columns))
    expected = banded.solve_banded(blocks, right)
    shown: list[np.ndarray] = []

    def solve(address: int, count: int, unknowns: int, sides: int) -> int:
        assert sides % 2 == 0
        panels = memory(address, count, rows + sides, unknowns)
        shown.append(panels[:, : rows + columns].copy())
        panels[:, rows : rows + columns] = expected.swapaxes(1, 2)
        return -1

    monkeypatch.setattr(banded, "KERNELS", [])
    monkeypatch.setattr(products, "KERNELS", [])
    refine.use(solve, subtract)
    np.testing.assert_array_equal(banded.solve_banded(blocks, right), expected)
    both = np.concatenate([blocks, right.swapaxes(1, 2)], axis=1)
    np.testing.assert_array_equal(shown[0], both)
    refine.use(lambda *numbers: 3, subtract)
    with pytest.raises(np.linalg.LinAlgError, match="at frame 3"):
        banded.solve_banded(blocks, right)


@pytest.mark.parametrize(("n", "m", "k"), [(3, 5, 7), (4, 8, 6)])
def test_a_kernel_gives_the_products_of_each_frame(
    n: int, m: int, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=(2, n, k)), rng.normal(size=(2, m, k))
    expected = products.products(a, b)
    monkeypatch.setattr(banded, "KERNELS", [])
    monkeypatch.setattr(products, "KERNELS", [])
    refine.use(lambda *numbers: -1, subtract)
    np.testing.assert_allclose(products.products(a, b), expected, atol=1e-12)
