"""The report: repetitions are counted; the page is complete and self-contained."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.core import rotation as R
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.report.page import report
from mocap.report.repetitions import main_movement, repetitions
from tests.helpers import synthetic


def bending(count: int, seconds: float, depth: float = 90.0) -> tuple[np.ndarray, np.ndarray]:
    """Return times, and an angle that goes from 5° to `depth` and back so many times."""
    times = np.arange(0.0, seconds, 1.0 / 30.0)
    wave = 0.5 - 0.5 * np.cos(2.0 * np.pi * count * times / seconds)
    return times, 5.0 + (depth - 5.0) * wave


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.floats(1.0, 4.0), st.integers(0, 2**32 - 1))
def test_repetitions_are_counted_despite_noise_and_pauses(
    count: int, each: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    times, angle = bending(count, count * each)
    pause = np.full(30, 5.0)
    angle = np.concatenate([pause, angle, pause]) + rng.normal(size=len(angle) + 60)
    times = np.arange(len(angle)) / 30.0
    found = repetitions(times, angle)
    assert len(found) == count
    peaks = np.array([r.peak for r in found])
    expected = 1.0 + each * (np.arange(count) + 0.5)
    assert np.abs(peaks - expected).max() < 0.25
    assert all(70.0 < r.range < 95.0 for r in found)


def test_standing_still_has_no_repetitions() -> None:
    times = np.arange(300) / 30.0
    assert repetitions(times, 10.0 + np.random.default_rng(0).normal(size=300)) == ()
    assert repetitions(times[:2], times[:2]) == ()


def squatting() -> Motion:
    times, knee = bending(4, 8.0, 100.0)
    rotations = np.tile(R.IDENTITY, (len(times), len(BONES), 1))
    for side in ("left", "right"):
        for bone, share in (("UpperLeg", -0.9), ("LowerLeg", 1.0)):
            turn = np.radians(share * knee)[:, None] * [1.0, 0.0, 0.0]
            rotations[:, BONES.index(side + bone)] = R.from_rotation_vector(turn)
    root = np.tile([0.0, 0.9, 0.0], (len(times), 1))
    return Motion(HUMANOID, times, root, rotations)


def test_the_movement_is_the_largest_repeating_angle() -> None:
    from mocap.core.angles import joint_angles

    motion = squatting()
    movement = main_movement(motion.times, joint_angles(motion))
    assert movement is not None
    assert movement.angle.startswith("knee_flexion")
    assert len(movement.repetitions) == 4


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text, self.outside = "", []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta",):
            self.open.append(tag)
        self.outside += [v for k, v in attrs if k in ("src", "href") and v]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.outside += [v for k, v in attrs if k in ("src", "href") and v]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", ["squats", "<script>alert(1)</script>"])
def test_the_page_is_complete_and_self_contained(name: str) -> None:
    page = Tags()
    page.feed(report(squatting(), name))
    assert page.open == []
    assert page.outside == []
    assert name in page.text
    assert "4 repetitions" in page.text
    for said in ("knee flexion", "Range of motion", "What cannot be trusted", "no medical device"):
        assert said in page.text


def test_rarely_seen_limbs_are_reported() -> None:
    motion = squatting()
    seen = synthetic.keypoints_of(replace(motion, root_positions=motion.root_positions - [0, 0, 4]))
    confidence = seen.confidence.copy()
    confidence[: len(seen) // 2, 25] = 0.1
    page = report(motion, "take", replace(seen, confidence=confidence))
    assert "left knee (50 %)" in page
