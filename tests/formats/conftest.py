"""Fixtures of the tests of formats."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.rig.load import load_rig
from tests.helpers import synthetic
from tests.helpers.gltf_documents import (
    on_humanoid,
)
from tests.helpers.places import MANNEQUIN


@pytest.fixture(scope="module")
def rig() -> Rig:
    return load_rig(MANNEQUIN)


@pytest.fixture(scope="module")
def clip() -> Motion:
    return on_humanoid(synthetic.smooth_motion(np.random.default_rng(4), 2.0, 30.0))
