"""The tests check array shapes: a wrong one is an error, in each test."""

from __future__ import annotations

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from mocap.core import rotation
from tests.helpers.shapes import CHECKED_CALLS


@pytest.mark.parametrize("earlier", [0, CHECKED_CALLS - 1])
def test_a_wrong_shape_is_an_error(earlier: int) -> None:
    for _ in range(earlier):
        rotation.conjugate(np.zeros((2, 4)))
    with pytest.raises(TypeCheckError):
        rotation.conjugate(np.zeros((2, 3)))
