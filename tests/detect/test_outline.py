"""Outlines of people, and what is left of a picture when people are erased from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocap.core.camera import Camera
from mocap.core.keypoints import landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.detect.outline import Outline, covered, erase, erase_people, near_limbs, part_within
from tests.helpers.synthetic import smooth_motion, standing

CAMERA = Camera.from_fov((640, 480), 1.0)


def person(x: float = 0.0, z: float = -4.0) -> np.ndarray:
    """Return the landmarks (33, 2) of a person, pixels."""
    motion: Motion = standing(smooth_motion(np.random.default_rng(0), 1.0, 30.0))
    points = landmarks_of(*fk(motion.skeleton, motion.root_positions * 0.0, motion.rotations))[0]
    return CAMERA.project(points + [x, 0.0, z])


@given(
    st.integers(-30, 30), st.integers(-30, 30), st.integers(1, 25), st.integers(1, 25),
    st.integers(0, 3),
)  # fmt: skip
def test_an_outline_covers_the_pixels_that_it_holds(
    x: int, y: int, width: int, height: int, by: int
) -> None:
    inside = np.random.default_rng(width).random((height, width)) < 0.5
    outline = Outline(inside, (x, y))
    grid = np.stack(np.meshgrid(np.arange(20), np.arange(16)), axis=-1).reshape(-1, 2) + 0.5
    held = outline.holds(grid).reshape(16, 20)
    assert (covered((outline,), (0, 0), (16, 20)) == held).all()
    assert (covered((outline.moved(np.array([3.0, -2.0])),), (3, -2), (16, 20)) == held).all()
    wide = covered((outline,), (0, 0), (16, 20), by)
    assert wide[held].all()
    assert part_within((outline,), grid) == pytest.approx(held.mean())


def test_an_erased_person_has_the_colours_around() -> None:
    rows = np.arange(60, dtype=np.uint8)[:, None, None] * np.ones((1, 80, 3), np.uint8)
    picture = rows.copy()
    picture[10:50, 30:50] = 255
    inside = np.ones((40, 20), dtype=bool)
    erase_people(picture, [Outline(inside, (30, 10))], 0.05)
    assert (picture[:10] == rows[:10]).all()
    assert (picture[:, :28] == rows[:, :28]).all()
    assert (picture[10:50, 30:50] == 0).all(), "nothing around tells a colour in this window"
    picture = rows.copy()
    hidden = np.zeros((60, 80), dtype=bool)
    hidden[10:50, 30:50] = True
    picture[hidden] = 255
    around = ~hidden
    around[20] = False
    erase(picture, hidden, around)
    assert np.abs(picture.astype(int) - rows).max() <= 1


def test_a_segmentation_counts_only_near_the_limbs() -> None:
    own, other = person(0.0), person(1.2)
    inside = np.ones((480, 640), dtype=bool)
    kept = Outline(near_limbs(inside, own), (0, 0))
    assert part_within((kept,), own) > 0.95
    assert part_within((kept,), other) < 0.1
    assert not near_limbs(~inside, own).any()
