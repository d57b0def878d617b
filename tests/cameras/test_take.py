"""One performance before several cameras, with and without a calibration.

The noise is 2 pixels (7 mm at the performer) that last 0.15 s, beside the detector's depth error.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mocap.cameras.auto import calibrate
from mocap.cameras.checks import check_order, check_still, synchronised
from mocap.cameras.offsets import JOINTS, likely_offsets
from mocap.cameras.relative import with_sides_exchanged
from mocap.cameras.take import fuse, solve_views
from mocap.cameras.views import CameraSet, transformed
from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES
from mocap.errors import InputError
from mocap.solve.take import solve_take
from mocap.solve.tuning import SolveOptions
from tests.helpers.cameras import clocked, filmed, ring
from tests.helpers.measures import demo_motion

JOINT_BONES = [
    BONES.index(s + n)
    for n in ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")
    for s in ("left", "right")
]
NOISE = 2.0
LATE = 0.3137  # seconds by which the second camera begins later
HEIGHT = 1.75


def _joints(motion: Motion) -> np.ndarray:
    return fk(motion.skeleton, motion.root_positions, motion.rotations)[0][:, JOINT_BONES]


def error(motion: Motion, true: Motion) -> float:
    """Return the mean distance of twelve joints from the hips, mm, after a turn about up."""
    return _off(motion.times, _joints(motion), true)


def _off(times: np.ndarray, shown: np.ndarray, true: Motion) -> float:
    truth = _joints(true).reshape(len(true.times), -1)
    there = np.stack([np.interp(times, true.times, c) for c in truth.T], axis=1)
    a, b = (p - p[:, 6:8].mean(axis=1, keepdims=True) for p in (shown, there.reshape(shown.shape)))
    turn = np.arctan2(
        (a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2]).sum(),
        (a[..., 0] * b[..., 0] + a[..., 2] * b[..., 2]).sum(),
    )
    c, s = np.cos(turn), np.sin(turn)
    a = a @ np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]).T
    return 1000.0 * float(np.linalg.norm(a - b, axis=-1).mean())


TRUE = demo_motion()


def _takes(cameras: CameraSet, noise: float = NOISE) -> list:
    rng = np.random.default_rng(7)
    return [filmed(TRUE, v, rng, noise) for v in cameras.views]


def test_two_calibrated_cameras_are_within_10_mm_and_four_within_8() -> None:
    two, four = ring(2), ring(4)
    takes = _takes(four)
    # Frames that one camera misses, and a limb that it loses, change little.
    lost = replace(takes[1], confidence=np.where(_lost(), 0.0, takes[1].confidence))
    one = error(solve_take(takes[0]), TRUE)
    found = [
        error(solve_views([takes[0], lost], two), TRUE),
        error(solve_views([takes[0], lost, *takes[2:]], four), TRUE),
    ]
    assert found[0] < 10.0, found
    assert found[1] < 8.0, found
    assert one > 4.0 * found[0], (one, found)
    # The body that is fitted to all views is nearer to the truth than the triangulated points.
    fused = fuse(takes, four)
    points = _off(fused.keypoints.times, fused.triangulated.points[:, JOINTS], TRUE)
    assert found[1] < points, (found, points)


def _lost() -> np.ndarray:
    lost = np.zeros((len(TRUE.times), 33), dtype=bool)
    lost[40:46] = True
    lost[100:112, 15] = True
    return lost


def test_a_view_that_shows_another_pose_is_not_believed() -> None:
    """A detector that loses a performer shows another pose, less surely, and often for long."""
    cameras = ring(2)
    takes = _takes(cameras)
    astray = slice(60, 100)
    for wrong in (0, 1):
        seen = list(takes)
        image, confidence = takes[wrong].image.copy(), takes[wrong].confidence.copy()
        middle = image[astray].mean(axis=1, keepdims=True)
        image[astray] = middle - (image[astray] - middle)  # upside down
        confidence[astray] *= 0.85
        seen[wrong] = replace(takes[wrong], image=image, confidence=confidence)
        used = fuse(seen, cameras).triangulated.used.sum(axis=2)
        assert (used[:, 62:98] == 0).all()
        motion = solve_views(seen, cameras)
        alone = solve_take(takes[1 - wrong])
        inside, before = ((m.slice(62, 98)) for m in (motion, alone))
        assert error(inside, TRUE) < error(before, TRUE)


def test_the_body_gives_what_the_calibration_lacks() -> None:
    """A calibration of unknown up axis and unit gives the same body, upright and in metres."""
    cameras = ring(2)
    takes = [filmed(TRUE, v) for v in cameras.views]
    known = fuse(takes, cameras)
    odd = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # another axis is up
    moved = transformed(CameraSet(cameras.views), odd, 1000.0)
    found = fuse(takes, moved)
    np.testing.assert_allclose(found.keypoints.positions, known.keypoints.positions, atol=1e-6)
    np.testing.assert_allclose(
        found.triangulated.points[..., 1], known.triangulated.points[..., 1], atol=1e-6
    )


def test_hands_come_from_the_most_confident_view_and_the_face_from_the_longest() -> None:
    cameras = ring(2)
    takes = _takes(cameras)
    frames, rng = len(TRUE.times), np.random.default_rng(2)
    world = rng.normal(size=(frames, 2, 21, 3))  # in the world's axes
    ahead = R.to_matrix(R.from_rotation_vector(0.3 * rng.normal(size=(frames, 3))))
    seen = []
    for n, (take, view) in enumerate(zip(takes, cameras.views, strict=True)):
        turn = np.diag([1.0, -1.0, -1.0]) @ view.rotation  # to the camera's axes, +Y up
        wrong = 0.0 if n else np.array([0.5, 0.0])[:, None, None]  # its left hand is worse
        head = np.tile(np.eye(4), (frames, 1, 1))
        head[:, :3, :3] = turn @ ahead
        seen.append(
            replace(
                take,
                hands=world @ turn.T + wrong,
                hands_confidence=np.tile([0.3 + 0.6 * n, 0.9 - 0.6 * n], (frames, 1)),
                hands_image=np.zeros((frames, 2, 21, 2)),
                face=np.where((np.arange(frames) < 50 + 50 * n)[:, None, None], 0.5, np.nan)
                * np.ones((frames, 478, 3)),
                face_transform=head,
                face_blendshapes=np.full((frames, 51), 0.1 * n),
            )
        )
    fused = fuse(seen, cameras).keypoints
    assert fused.hands is not None
    assert fused.face_transform is not None
    # One rotation about the up axis is left between the world and the level camera's axes.
    turns = [np.linalg.lstsq(world[f].reshape(-1, 3), fused.hands[f].reshape(-1, 3))[0]
             for f in (0, 90)]  # fmt: skip
    np.testing.assert_allclose(turns[0], turns[1], atol=1e-9)
    np.testing.assert_allclose(turns[0] @ turns[0].T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(turns[0][1], [0.0, 1.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(fused.hands_confidence, 0.9)
    np.testing.assert_allclose(fused.face_transform[:, :3, :3], turns[0].T @ ahead, atol=1e-9)
    np.testing.assert_allclose(fused.face_blendshapes, 0.1)


def test_two_uncalibrated_cameras_of_different_rates_are_found() -> None:
    cameras = ring(2)
    takes = _takes(cameras)
    takes[1] = clocked(takes[1], LATE, 25.0)
    found = calibrate(takes, HEIGHT)
    offset = float(np.asarray(found.cameras.offsets)[1])
    assert abs(offset - LATE) < 0.010
    motion = solve_views(takes, found.cameras, SolveOptions(height=HEIGHT))
    assert error(motion, TRUE) < 30.0
    # The pose is at least as near to the truth as OpenCV's essential matrix with RANSAC.
    a, b = cameras.views
    true = b.rotation @ a.rotation.T
    first, second = found.cameras.views
    own = _angle(second.rotation @ first.rotation.T, true)
    pixels = [filmed(TRUE, v, np.random.default_rng(n), NOISE).image[:, JOINTS].reshape(-1, 2)
              for n, v in enumerate(cameras.views)]  # fmt: skip
    essential, _ = cv2.findEssentialMat(*pixels, a.matrix, cv2.RANSAC, 0.999, 4.0)
    judged = _angle(cv2.recoverPose(essential, *pixels, a.matrix)[1], true)
    assert own < max(judged, 2.0), (own, judged)
    assert abs(np.degrees(found.angles[0, 1]) - 75.0) < 4.0
    # It says how sure it is, and is not surer than it is right.
    assert own < 4.0 * np.degrees(found.rotation)
    assert abs(offset - LATE) < 4.0 * found.offset
    # Who stands is upright, on the floor.
    assert abs(float(np.asarray(second.up)[1]) - float(b.up[1])) < 0.05


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip((np.trace(a @ b.T) - 1.0) / 2.0, -1.0, 1.0))))


def test_calibrated_videos_with_different_clocks_are_synchronised() -> None:
    cameras = ring(2)
    takes = _takes(cameras)
    together = synchronised(takes, cameras)
    assert np.asarray(together.offsets).tolist() == [0.0, 0.0]
    takes[1] = clocked(takes[1], LATE, 25.0)
    apart = synchronised(takes, cameras)
    assert abs(np.asarray(apart.offsets)[1] - LATE) < 0.010
    assert abs(likely_offsets(*takes)[0][0] - LATE) < 0.05


def test_a_swapped_order_and_a_moved_camera_are_detected() -> None:
    cameras = ring(3)
    takes = _takes(cameras)
    names = ["a.mp4", "b.mp4", "c.mp4"]
    check_order(takes, cameras, names)
    check_still(takes, cameras, names)
    with pytest.raises(InputError, match=r"b\.mp4, a\.mp4, c\.mp4 for the cameras"):
        check_order([takes[1], takes[0], takes[2]], cameras, names)
    image = takes[1].image.copy()
    image[110:] += [30.0, 30.0]
    nudged = [takes[0], replace(takes[1], image=image), takes[2]]
    with pytest.raises(InputError, match=r"camera of b\.mp4 moves at about 3\.\d s"):
        check_still(nudged, cameras, names)
    with pytest.raises(InputError, match=r"moves at about [34]\.\d s"):
        calibrate(nudged[:2])


def test_a_take_with_too_little_information_is_refused() -> None:
    a, b = (filmed(TRUE, v) for v in ring(2).views)
    still = [replace(k, image=np.repeat(k.image[:1], len(k), axis=0)) for k in (a, b)]
    with pytest.raises(InputError, match="hardly moves"):
        calibrate(still)
    with pytest.raises(InputError, match="left and right exchanged"):
        calibrate([a, with_sides_exchanged(b)])
    with pytest.raises(InputError, match="is mirrored"):
        calibrate([a, b.mirror()])
    with pytest.raises(InputError, match="same direction"):
        calibrate([a, filmed(TRUE, ring(2, apart=6.0).views[1])])
    with pytest.raises(InputError, match="share too little time"):
        calibrate([a, clocked(b, 5.4, 30.0)])
