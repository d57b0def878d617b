"""One performer before the cameras of several pages: places, order, clocks and silence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.cameras.views import CameraSet
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.errors import MocapError
from mocap.live.performer import LivePerformer
from mocap.live.shared import CameraKey, SharedPerformer
from tests.helpers.cameras import SIZE, filmed, ring
from tests.helpers.synthetic import smooth_motion

FPS, SECONDS = 12.0, 13.0
CLOCK = 100.0  # the server's clock when the performance begins, seconds
KEYS = [CameraKey(f"page {k}", SIZE) for k in range(2)]
DELAYS = (0.0, 0.07)  # of the cameras' pictures, seconds
TRUE = smooth_motion(np.random.default_rng(3), SECONDS, FPS)
TAKES = [filmed(TRUE, view, np.random.default_rng(5), 2.0) for view in ring(2).views]


class Still:
    """A performer that is not solved, where a test looks at the keypoints only."""

    def follow(self, keypoints: Keypoints) -> Motion:
        return TRUE.slice(0, 1)


class Show:
    """Feeds frames to a shared performer, and keeps what comes out.

    Attributes:
        said: The sentences for the performer.
        frames: The frames of keypoints that came out, by the times at which they went in.
    """

    def __init__(self, cameras: CameraSet | None, make=Still) -> None:
        self.said: list[str] = []
        self.frames: list[tuple[float, Keypoints]] = []
        self.performer = SharedPerformer(cameras, make, self.said.append)

    def feed(self, frame: int) -> None:
        for k in range(len(TAKES)):
            keypoints = TAKES[k].slice(frame, frame + 1)
            at = keypoints.times + CLOCK + DELAYS[k]
            solved = self.performer.follow(KEYS[k], replace(keypoints, times=at))
            if solved is not None:
                assert np.isfinite(solved[1].rotations).all()
                self.frames.append((frame / FPS, solved[0]))

    def until_said(self, end: str = "together.") -> int:
        """Feed frames until a sentence ends like this; return the number of the next frame."""
        for frame in range(len(TRUE.times)):
            self.feed(frame)
            if self.said[-1].endswith(end):
                return frame + 1
            if (seeking := self.performer._seeking) is not None:  # in another process
                assert seeking._answer.poll(120.0), "the search takes too long"
        raise AssertionError(self.said)


def _off(frames: list[tuple[float, Keypoints]], late: float) -> float:
    """Return the mean distance of landmarks from the truth, mm, after one rotation of all."""
    true = landmarks_of(*fk(TRUE.skeleton, TRUE.root_positions, TRUE.rotations))
    true = true - true[:, [23, 24]].mean(axis=1, keepdims=True)
    at = np.array([k.times[0] for _, k in frames]) - CLOCK - late
    flat = true.reshape(len(true), -1)
    a = np.stack([np.interp(at, TRUE.times, c) for c in flat.T], axis=1).reshape(-1, 33, 3)
    b = np.stack([k.positions[0] for _, k in frames])
    u, _, vt = np.linalg.svd(a.reshape(-1, 3).T @ b.reshape(-1, 3))
    turn = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    size = (a * (b @ turn.T)).sum() / (b * b).sum()  # found cameras know no scale
    return 1000.0 * float(np.linalg.norm(size * b @ turn.T - a, axis=-1).mean())


def test_two_cameras_find_each_other_and_measure_one_performer() -> None:
    show = Show(None, lambda: LivePerformer(None))
    following = show.until_said()
    assert show.said[0].startswith("One camera sees you. Open this page on one more device")
    assert show.said[1].startswith("2 cameras see you. Walk around")
    alone = list(show.frames)
    show.frames.clear()
    for frame in range(following, len(TRUE.times)):
        show.feed(frame)
    one, two = _off(alone, DELAYS[0]), _off(show.frames, DELAYS[0])
    assert two < min(0.4 * one, 25.0), (one, two)
    show.performer.close()


def test_a_calibrations_cameras_come_in_any_order() -> None:
    show = Show(replace(ring(2), views=ring(2).views[::-1]))
    following = show.until_said()
    show.frames.clear()
    for frame in range(following, len(TRUE.times)):
        show.feed(frame)
    assert _off(show.frames, DELAYS[1]) < 25.0
    show.performer.close()


def test_a_calibration_of_other_places_is_said_while_one_camera_drives() -> None:
    show = Show(ring(2, apart=140.0))
    following = show.until_said("who moves.")
    assert len(show.frames) == following
    show.performer.close()


def test_shared_cameras_need_pages() -> None:
    from mocap.cli.live import live

    with pytest.raises(MocapError, match="--cameras auto needs the cameras of pages"):
        live(cameras="auto")
