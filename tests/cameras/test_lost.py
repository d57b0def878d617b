"""Views whose detector has lost the performer are found and left out, frame by frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.cameras.lost import find_lost, without_lost
from tests.helpers.synthetic import keypoints_of, smooth_motion

WRONG = slice(20, 40)


@pytest.mark.parametrize("cameras", [2, 3])
def test_a_view_that_contradicts_the_others_is_left_out(cameras: int) -> None:
    seen = keypoints_of(smooth_motion(np.random.default_rng(3), 2.0, 30.0))
    sure = replace(seen, confidence=np.full(seen.confidence.shape, 0.9))
    views = [replace(sure, confidence=0.5 * sure.confidence)] + [sure] * (cameras - 1)
    used = np.ones((cameras, len(seen), 33), dtype=bool)
    assert not find_lost(views, used).any()
    # Of two views that contradict each other, the triangulation believes neither.
    used[: 1 if cameras > 2 else 2, WRONG] = False
    lost = find_lost(views, used)
    assert lost[0, WRONG].all()
    assert lost.sum() == WRONG.stop - WRONG.start
    left = without_lost(views, lost)
    assert np.isnan(left[0].image[WRONG]).all()
    assert not left[0].confidence[WRONG].any()
    assert left[1] is views[1]
