"""Every file and every message is read, or refused in a sentence, in time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.fuzzing.damage import damaged
from tests.helpers.fuzzing.seeds import KINDS, seeds
from tests.helpers.fuzzing.targets import KEPT, problem


@pytest.mark.parametrize("path", sorted(KEPT.iterdir()), ids=lambda path: path.name)
def test_former_failures_are_read_or_refused(path: Path) -> None:
    assert problem(path.suffix, path.read_bytes()) is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_undamaged_inputs_are_valid(kind: str) -> None:
    assert problem(kind, seeds()[kind][0]) is None


@given(st.integers(0, 2**32 - 1), st.sampled_from(KINDS))
@settings(max_examples=15, deadline=None)
def test_a_damaged_input_is_read_or_refused(seed: int, kind: str) -> None:
    data = damaged(np.random.default_rng(seed), kind)
    assert problem(kind, data) is None
