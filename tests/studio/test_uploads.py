"""Every file of the page or `mocap view` is read, or refused in a sentence, in time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.fuzz import KEPT, damaged, problem, seeds


@pytest.mark.parametrize("path", sorted(KEPT.iterdir()), ids=lambda path: path.name)
def test_former_failures_are_read_or_refused(path: Path) -> None:
    assert problem(path.suffix, path.read_bytes()) is None


def test_the_undamaged_files_are_valid() -> None:
    for suffix in (".bvh", ".fbx", ".json"):
        assert problem(suffix, seeds()[suffix]) is None


@given(st.integers(0, 2**32 - 1), st.sampled_from([".bvh", ".fbx", ".glb", ".json", ".jsonl"]))
@settings(max_examples=15, deadline=None)
def test_a_damaged_file_is_read_or_refused(seed: int, suffix: str) -> None:
    data = damaged(np.random.default_rng(seed), suffix)
    assert problem(suffix, data) is None
