"""The whole pipeline on the demo clip, whose truth is known: from pictures to messages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap import assets
from mocap.capture.picture import jpeg
from mocap.capture.source import Frame, Source
from mocap.capture.video import Video
from mocap.core import kinematics
from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.core.keypoints import concatenate as join_keypoints
from mocap.core.motion import Motion, concatenate
from mocap.core.skeleton import BONES, HUMANOID
from mocap.detect.inputs import read_keypoints
from mocap.detect.mediapipe.pose import PoseDetector
from mocap.detect.options import DetectOptions
from mocap.errors import NoPersonError
from mocap.formats import keypoints_json
from mocap.live import clock
from mocap.live.messages import encode_frame
from mocap.live.performer import LivePerformer
from mocap.retargeting import retarget
from mocap.solve.take import solve_take
from mocap.stream import protocol
from tests.helpers.measures import LANDMARK_LIMBS, degrees_between, demo_motion, directions
from tests.helpers.synthetic import keypoints_of, smooth_motion


@pytest.fixture(scope="module")
def truth() -> Motion:
    return demo_motion()


@pytest.fixture(scope="module")
def detected() -> Keypoints:
    options = DetectOptions(hands=False, face=False)
    return read_keypoints(assets.path("demo/demo.mp4"), options)


def limb_directions(motion: Motion) -> np.ndarray:
    return directions(kinematics.fk(motion.skeleton, motion.root_positions, motion.rotations)[0])


def _detected_limbs(keypoints: Keypoints) -> np.ndarray:
    """Return the directions of the limbs (F, 8, 3) as the detector gives them."""
    points = [(LANDMARKS.index(a), LANDMARKS.index(b)) for a, b, _, _ in LANDMARK_LIMBS]
    at = keypoints.positions
    return np.stack([R.normalize(at[:, b] - at[:, a]) for a, b in points], axis=1)


def test_the_solved_demo_is_more_accurate_than_the_detector(
    truth: Motion, detected: Keypoints
) -> None:
    """Mean direction error of eight limb bones.

    The remaining error is the detector's, mostly its depth: docs/accuracy.md has the figures.
    """
    assert len(detected) == len(truth)
    assert not np.isnan(detected.positions).any()
    wanted = limb_directions(truth)
    raw_error = degrees_between(_detected_limbs(detected), wanted).mean()
    bake_error = degrees_between(limb_directions(solve_take(detected)), wanted).mean()
    assert raw_error < 20.0, (
        "the detector reads the clip no better than a bad video: the mannequin has lost its looks"
    )
    assert bake_error < 0.93 * raw_error


def test_the_root_travels_like_the_mannequin(truth: Motion, detected: Keypoints) -> None:
    found = retarget(solve_take(detected), HUMANOID)
    path, wanted = (m.root_positions - m.root_positions[0] for m in (found, truth))
    assert np.ptp(wanted[:, 0]) > 0.1, "the demo walks to the side"
    assert np.abs(path[:, 0] - wanted[:, 0]).mean() < 0.05
    assert np.abs(path[:, 1] - wanted[:, 1]).mean() < 0.08


def test_feet_neither_float_nor_sink_and_a_hop_leaves_the_ground(
    truth: Motion, detected: Keypoints
) -> None:
    found = retarget(solve_take(detected), HUMANOID)
    lowest = found.root_positions[:, 1] + kinematics.sole_heights(HUMANOID, found.rotations).min(
        axis=1
    )
    stands = truth.contacts.max(axis=1) > 0.5
    assert lowest.min() > -0.003
    assert np.abs(lowest[stands]).mean() < 0.01
    assert lowest[~stands].max() > 0.03


def test_an_image_is_a_clip_of_one_frame(data: Path) -> None:
    keypoints = read_keypoints(data / "images" / "tfjs_pose.jpg")
    assert len(keypoints) == len(solve_take(keypoints)) == 1


def test_a_file_of_keypoints_needs_no_detector(tmp_path: Path) -> None:
    k = keypoints_of(smooth_motion(np.random.default_rng(1), 1.0, 30.0))
    (tmp_path / "k.jsonl").write_text(keypoints_json.dumps_lines(k))
    assert np.abs(read_keypoints(tmp_path / "k.jsonl").positions - k.positions).max() < 1e-5


def test_an_empty_input_is_refused(tmp_path: Path) -> None:
    k = keypoints_of(smooth_motion(np.random.default_rng(1), 1.0, 30.0))
    empty = Keypoints(k.times, k.positions * np.nan, k.image * np.nan, k.confidence * 0, k.camera)
    (tmp_path / "k.json").write_text(keypoints_json.dumps(empty))
    with pytest.raises(NoPersonError, match="30 frames"):
        read_keypoints(tmp_path / "k.json")


class Clip(Source):
    """Ten grey pictures at 20 frames a second."""

    def __init__(self) -> None:
        super().__init__("clip", (64, 48), 20.0, 10)

    def __iter__(self) -> Iterator[Frame]:
        for n in range(10):
            yield Frame(n / 20.0, np.full((48, 64, 3), n, np.uint8))


@pytest.mark.flaky(reruns=2)  # wall clock
def test_a_video_loops_at_its_own_pace_with_increasing_times() -> None:
    stop = threading.Event()
    arrivals = []
    for arrived in clock.in_real_time(Clip(), stop):
        arrivals.append(arrived)
        if len(arrivals) == 15:
            stop.set()
    clocks, times = np.array([a.clock for a in arrivals]), np.array([a.time for a in arrivals])
    assert [a.restarted for a in arrivals].count(True) == 1
    assert (np.diff(times) > 0).all()
    assert np.abs((clocks - clocks[0]) - (times - times[0])).max() < 0.1


@pytest.mark.flaky(reruns=2)  # wall clock
def test_a_slow_reader_gets_fewer_frames_but_none_late() -> None:
    stop = threading.Event()
    begun = time.monotonic()
    arrivals = []
    for arrived in clock.in_real_time(Clip(), stop):
        arrivals.append(arrived)
        assert time.monotonic() - begun - arrived.time < 0.25, "late"
        time.sleep(0.15)
        if len(arrivals) == 6:
            stop.set()
    assert np.median(np.diff([a.time for a in arrivals])) >= 0.1, "frames are skipped"


def test_live_frames_agree_with_the_bake(truth: Motion) -> None:
    """Live limbs are at most 13 % further off than baked ones, and nearer than the detector's.

    The latter without the shanks: the mannequin stands on knees bent by 15° to 30°, and the lifter
    takes people who stand still for people with straight legs (`mocap.lift.knees`).
    """
    with Video(assets.path("demo/demo.mp4")) as source, PoseDetector("lite") as detector:
        performer = LivePerformer(detector)
        found = []
        for frame in source:
            keypoints, motion = performer.perform(
                clock.Arrived(frame, frame.time, time.monotonic(), False)
            )
            found.append((keypoints, motion))
    live = concatenate([m for _, m in found])
    assert live.skeleton is HUMANOID
    wanted = limb_directions(truth)
    of_live = degrees_between(limb_directions(live), wanted)
    detected = join_keypoints([k for k, _ in found])
    bake_error = degrees_between(limb_directions(solve_take(detected)), wanted).mean()
    assert of_live.mean() < 1.13 * bake_error
    of_detector = degrees_between(_detected_limbs(detected), wanted)
    others = [n for n, limb in enumerate(LANDMARK_LIMBS) if "ankle" not in limb[1]]
    assert of_live[:, others].mean() < of_detector[:, others].mean()
    # And nothing leaps: 30 frames a second, and no joint of a lively motion turns faster than this.
    assert np.degrees(R.distance(live.rotations[1:], live.rotations[:-1])).max() < 60.0


def test_a_frame_is_sent_as_picture_keypoints_and_pose() -> None:
    motion = smooth_motion(np.random.default_rng(1), 0.1, 30.0)
    keypoints = keypoints_of(motion).slice(0, 1)
    image = np.zeros((720, 1280, 3), np.uint8)
    arrived = clock.Arrived(Frame(0.0, image), 12.5, 100.0, False)
    motion = replace(motion, expressions={"aa": np.full(len(motion), 0.25)})
    encoded = encode_frame(7, arrived, keypoints, motion.slice(0, 1), ("jawOpen", "aa"))
    messages = [protocol.decode(m, len(BONES), 2) for m in encoded]
    picture, points, pose = messages
    assert isinstance(picture, protocol.PictureMessage)
    assert isinstance(points, protocol.KeypointsMessage)
    assert isinstance(pose, protocol.PoseMessage)
    assert {m.stamp for m in messages} == {protocol.FrameHeader(7, 12.5, 100.0)}
    assert np.allclose(points.image * [1280, 720], keypoints.image[0], atol=0.01)
    assert np.allclose(pose.rotations, motion.rotations[0], atol=1e-6)
    assert pose.weights.tolist() == [0.0, 0.25], "what the motion does not express is at rest"


def test_pictures_are_shrunk_and_keep_their_colours() -> None:
    import cv2

    image = np.zeros((400, 1000, 3), np.uint8)
    image[:, 500:] = (200, 40, 20)
    small = cv2.imdecode(np.frombuffer(jpeg(image, 250), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert small.shape == (100, 250, 3)
    assert np.abs(small[50, 200].astype(int) - [200, 40, 20]).max() < 12
    assert cv2.imdecode(
        np.frombuffer(jpeg(image[:30, :20], 250), np.uint8), cv2.IMREAD_COLOR
    ).shape == (30, 20, 3)
