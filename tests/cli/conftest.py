"""Fixtures of the command line's tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.formats import keypoints_json
from tests.helpers.synthetic import keypoints_of, smooth_motion


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """Return a second of keypoints in the form of TF.js."""
    path = tmp_path / "take.json"
    path.write_text(
        keypoints_json.dumps(keypoints_of(smooth_motion(np.random.default_rng(1), 1.0, 30.0)))
    )
    return path
