"""The page's matrix products in place of NumPy's: the same outputs of the lifter's network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mocap.lift import network
from mocap.page import product

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
