"""Measures of the footage benchmark: image directions, the body's skin, sudden turns, bends."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core import rotation as R
from mocap.core.camera import DEFAULT_FOV, Camera
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from tests.benchmarks import footage, measures, sheet, stages, views

FRAMES = 12
SIZE = (1280, 720)


def moving(seed: int = 0) -> Motion:
    """Return a body on the floor whose limbs swing by up to 40°."""
    rng = np.random.default_rng(seed)
    rotations = np.tile(R.IDENTITY, (FRAMES, len(BONES), 1))
    for bone in ("UpperArm", "LowerArm", "UpperLeg", "LowerLeg"):
        for side in ("left", "right"):
            axis = rng.normal(size=3)
            angles = np.radians(40.0) * np.sin(np.linspace(0.0, 2.0, FRAMES) + rng.uniform(0, 3))
            rotations[:, BONES.index(side + bone)] = R.from_axis_angle(
                axis / np.linalg.norm(axis), angles
            )
    root = np.tile([0.0, HUMANOID.offsets[0, 1] or 0.955, 0.0], (FRAMES, 1))
    return Motion(HUMANOID, np.arange(FRAMES) / 30.0, root, rotations)


def seen_by_tilted(motion: Motion, pitch: float, distance: float = 4.0) -> Keypoints:
    """Return the motion's landmarks before a camera that is pitched, radians."""
    camera = Camera.from_fov(SIZE, DEFAULT_FOV)
    points = landmarks_of(*fk(motion.skeleton, motion.root_positions, motion.rotations))
    middle = points[:, [23, 24]].mean(axis=1, keepdims=True)
    turned = R.apply(R.from_axis_angle(np.array([1.0, 0.0, 0.0]), pitch), points - middle)
    placed = turned + [0.1, 0.0, -distance]
    return Keypoints(
        motion.times,
        turned,
        camera.project(placed),
        np.ones(points.shape[:2]),
        Camera.assumed(SIZE),
    )


@pytest.mark.parametrize("pitch", [0.0, 0.3, -0.5])
def test_a_motion_projects_onto_its_picture_under_any_tilt(pitch):
    motion = moving()
    keypoints = seen_by_tilted(motion, pitch)
    off = views.picture_direction(views.view(motion, keypoints).image, keypoints)
    assert np.nanmax(off) < 0.5


def test_a_limb_off_its_image_position_is_measured():
    """A forearm turned by 30° about the camera's axis is off by 30°; other limbs are not."""
    motion = moving()
    keypoints = seen_by_tilted(motion, 0.0)
    elbow = views.LIMBS.index("left forearm")
    image = keypoints.image.copy()
    a, b = (measures.LANDMARK_JOINTS[j[elbow]] for j in (measures.FROM, measures.TO))
    c, s = np.cos(np.radians(30.0)), np.sin(np.radians(30.0))
    image[:, b] = image[:, a] + (image[:, b] - image[:, a]) @ np.array([[c, s], [-s, c]])
    off = views.picture_direction(views.View(np.empty(0), keypoints.image, np.empty(0)).image,
                                  Keypoints(keypoints.times, keypoints.positions, image,
                                            keypoints.confidence, keypoints.camera))  # fmt: skip
    np.testing.assert_allclose(off[:, elbow], 30.0, atol=1e-6)
    assert np.nanmax(np.delete(off, elbow, axis=1)) < 1e-6


def test_unseen_and_doubted_limbs_are_counted_apart():
    keypoints = seen_by_tilted(moving(), 0.0, distance=2.5)  # the feet are below the picture
    within = views.inside(keypoints)
    assert not within[:, views.LIMBS.index("left shank")].any()
    assert within[:, views.LIMBS.index("left upper arm")].all()
    confidence = keypoints.confidence.copy()
    confidence[:, measures.LANDMARK_JOINTS[2]] = 0.1  # the left elbow
    doubted = views.doubted(
        Keypoints(
            keypoints.times, keypoints.positions, keypoints.image, confidence, keypoints.camera
        )
    )
    assert [n for n, d in zip(views.LIMBS, doubted[0], strict=True) if d] == [
        "left upper arm",
        "left forearm",
    ]


def test_a_standing_body_touches_the_floor_with_its_soles():
    standing = Motion(
        HUMANOID,
        np.zeros(1),
        HUMANOID.rest_positions()[:1],
        np.tile(R.IDENTITY, (1, len(BONES), 1)),
    )
    heights = views.surface_heights(standing)
    lowest = min(heights, key=lambda part: heights[part][0])
    assert lowest.endswith(("Heel", "Tips"))
    assert abs(heights[lowest][0]) < 0.005


def test_a_lying_body_is_measured_with_its_thickness():
    """On its back with hips at a height of 0, it sinks by the thickness of its trunk."""
    rotations = np.tile(R.IDENTITY, (1, len(BONES), 1))
    rotations[:, 0] = R.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.array([-np.pi / 2]))
    lying = Motion(HUMANOID, np.zeros(1), np.zeros((1, 3)), rotations)
    lowest = min(h[0] for h in views.surface_heights(lying).values())
    assert -0.16 < lowest < -0.09


def test_sudden_turns_are_counted_with_and_without_a_picture():
    motion = moving()
    keypoints = seen_by_tilted(motion, 0.0)
    assert footage.pops(motion, keypoints) == (0, 0)
    rotations = motion.rotations.copy()
    rotations[6:, BONES.index("leftUpperArm")] = R.multiply(
        rotations[6:, BONES.index("leftUpperArm")],
        R.from_axis_angle(np.array([0.0, 0.0, 1.0]), np.full(FRAMES - 6, np.radians(50.0))),
    )
    jumped = Motion(HUMANOID, motion.times, motion.root_positions, rotations)
    assert footage.pops(jumped, keypoints) == (1, 1)
    assert footage.pops(jumped, seen_by_tilted(jumped, 0.0)) == (1, 0)


def test_flexion_is_the_turn_of_a_hinge():
    rotations = np.tile(R.IDENTITY, (1, len(BONES), 1))
    for bone, degrees in (("leftLowerLeg", 40.0), ("rightLowerLeg", 10.0)):
        rotations[:, BONES.index(bone)] = R.from_axis_angle(
            np.array([1.0, 0.0, 0.0]), np.radians([degrees])
        )
    bent = views.flexion(
        measures.Shown.of(Motion(HUMANOID, np.zeros(1), np.zeros((1, 3)), rotations)).joints
    )
    np.testing.assert_allclose(bent[0], [0.0, 0.0, 40.0, 10.0], atol=1e-4)


def test_stages_are_recorded_in_order_and_end_with_the_bake():
    from mocap.solve.take import solve_take

    keypoints = seen_by_tilted(moving(), 0.1)
    found = stages.by_stage(keypoints)
    assert next(iter(found)) == "detector"
    assert [s for s in stages.NAMES if s in found] == list(found)
    last = list(found.values())[-1]
    np.testing.assert_allclose(last, measures.Shown.of(solve_take(keypoints)).joints, atol=1e-9)


def test_a_sheet_shows_each_moment_twice():
    motion = moving()
    keypoints = seen_by_tilted(motion, 0.1)
    black = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    drawn = sheet.sheet(keypoints, motion, [2, 8], {2: black})
    assert drawn.shape[0] % sheet.PANEL == 0
    first, second = drawn[: sheet.PANEL, :200], drawn[: sheet.PANEL, drawn.shape[1] // 2 :][:, :200]
    assert np.median(first[: sheet.PANEL // 2]) == 0
    assert np.median(second) > 200


def test_the_footage_benchmark_runs(data, monkeypatch):
    by_clip, known = footage.tables(quick=True, grades=("bake",))
    assert len(by_clip.rows) == 2
    assert known.columns[2] == "at most"
