"""A take has one clock and one camera, also where its source changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints
from mocap.detect.inputs import read_keypoints
from mocap.solve.cuts import find_cuts
from mocap.studio.continuity import ContinuousClock, seen_by
from mocap.studio.pictures import read_index
from mocap.studio.recorder import TakeRecorder
from mocap.studio.takes import TakesFolder
from tests.helpers.synthetic import keypoints_of, smooth_motion

SIZE = (1280, 720)
JPEG = b"\xff\xd8\xff\xd9"
MOTION = smooth_motion(np.random.default_rng(3), 0.1, 30.0)


def body(seconds: float, size: tuple[int, int] = SIZE) -> Keypoints:
    return keypoints_of(smooth_motion(np.random.default_rng(3), seconds, 30.0), size)


def test_a_take_goes_on_where_its_source_begins_again(tmp_path: Path) -> None:
    """A page is loaded again; then mocap's own camera takes over, with a later clock and another
    picture size."""
    now = [100.0]
    take = TakeRecorder(TakesFolder(tmp_path), lambda: now[0])
    take.start(pictures=True)
    first, other = body(0.5), body(0.5, (640, 480))
    parts = [(first, 40.0), (first, 0.2), (other, 7000.0)]
    for keypoints, begins in parts:
        for i in range(len(keypoints)):
            time = begins + float(keypoints.times[i])
            frame = replace(keypoints.slice(i, i + 1), times=np.array([time]))
            take.hear(frame, MOTION)
            take.see(time, JPEG)
            now[0] += 1.0 / 30.0
        now[0] += 1.5
    take.stop()
    [file] = tmp_path.glob("*.jsonl")
    read = read_keypoints(file)
    steps, count = np.diff(read.times), len(first)
    assert len(read) == 2 * count + len(other)
    assert read.times[0] == 40.0
    between = np.zeros(len(steps), bool)
    between[[count - 1, 2 * count - 1]] = True
    np.testing.assert_allclose(steps[~between], 1.0 / 30.0, atol=1e-3)
    np.testing.assert_allclose(steps[between], 1.5 + 1.0 / 30.0, atol=1e-3)
    assert find_cuts(read) == [count, 2 * count]
    np.testing.assert_allclose(
        read.camera.rays(read.image[2 * count :]), other.camera.rays(other.image), atol=1e-5
    )
    [pictures] = tmp_path.glob("*.mjpg")
    np.testing.assert_allclose(read_index(pictures).times, read.times, atol=1e-5)


@given(st.lists(st.tuples(st.floats(0.0, 1e11), st.floats(0.0, 1e4)), min_size=1, max_size=30))
def test_times_of_a_take_increase_with_any_source(frames: list[tuple[float, float]]) -> None:
    now = [0.0]
    clock = ContinuousClock(lambda: now[0])
    times = []
    for seconds, wait in frames:
        now[0] += wait
        times.append(clock.frame(seconds)[0])
    assert times[0] == frames[0][0]
    assert (np.diff(times) > 0.0).all()
    assert times[-1] - times[0] <= now[0] + 2.0 * len(times)


def test_a_stalled_source_keeps_its_times() -> None:
    now = [0.0]
    clock = ContinuousClock(lambda: now[0])
    stamps = [(0.0, 0.0), (0.033, 0.03), (5.0, 6.5), (5.033, 6.51), (7.0, 7.1)]
    for seconds, arrived in stamps:
        now[0] = arrived
        assert clock.frame(seconds) == (seconds, False)


def test_a_camera_sees_points_where_its_rays_go() -> None:
    camera = Camera.from_fov((640, 480), 1.2)
    own = body(0.1)
    seen = seen_by(camera, own)
    assert seen.camera == camera
    np.testing.assert_allclose(camera.rays(seen.image), own.camera.rays(own.image), atol=1e-12)
    assert seen_by(own.camera, own) is own
