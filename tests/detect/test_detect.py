"""The body detector: the reference's numbers, our axes, any clock, empty pictures, quiet."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from mocap.capture.open import open_source
from mocap.capture.source import Frame
from mocap.core import rotation as R
from mocap.core.camera import Camera
from mocap.core.keypoints import LANDMARKS, Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.core.skeleton import HUMANOID
from mocap.detect.mediapipe.logs import without_notices
from mocap.detect.mediapipe.pose import PoseDetector
from mocap.detect.take import detect_source
from mocap.errors import InputError, NoPersonError
from tests.helpers.places import DEMO, DEMO_TRUTH, ROOT

# The reference's world landmarks are in MediaPipe's axes: y down, z away from the camera.
TO_MEDIAPIPE = np.array([1.0, -1.0, -1.0])


@pytest.fixture(scope="module")
def demo() -> list[Frame]:
    """Return the first frames of the demo clip."""
    frames = []
    for frame in open_source(DEMO):
        frames.append(frame)
        if len(frames) == 12:
            break
    return frames


@pytest.fixture(scope="module")
def demo_keypoints() -> Keypoints:
    with open_source(DEMO) as source, PoseDetector("full") as detector:
        return detect_source(source, detector)


def empty(count: int = 3) -> list[Frame]:
    return [Frame(i / 30, np.full((240, 320, 3), 128, np.uint8)) for i in range(count)]


# --- Against TF.js' pose-detection, by its own tolerances (blazepose_mediapipe/mediapipe_test.ts)


def test_a_video_agrees_with_the_reference(data):
    with (
        open_source(data / "videos/tfjs_pose_squats.mp4", source_fps=30.0) as source,
        PoseDetector("full") as detector,
    ):
        found = detect_source(source, detector)
    pixels = np.array(json.loads((data / "landmarks/tfjs_pose_squats.full.json").read_text()))[
        ..., :2
    ]
    metres = np.array(json.loads((data / "landmarks/tfjs_pose_squats_3d.full.json").read_text()))
    assert found.image.shape == pixels.shape == (65, 33, 2)
    off_pixels, off_metres = (
        np.abs(found.image - pixels),
        np.abs(found.positions * TO_MEDIAPIPE - metres),
    )
    print(
        f"squats: worst {off_pixels.max():.1f} px, {off_metres.max():.3f} m; mean "
        f"{off_pixels.mean():.1f} px, {off_metres.mean():.3f} m"
    )
    assert off_pixels.max() <= 28
    assert off_metres.max() <= 0.19


def test_an_image_agrees_with_the_reference(data):
    with (
        open_source(data / "images/tfjs_pose.jpg") as source,
        PoseDetector("full", video=False) as detector,
    ):
        found = detect_source(source, detector)
    expected = json.loads((data / "landmarks/tfjs_pose_jpg_expected.json").read_text())
    off_pixels = np.abs(found.image[0] - np.array(expected["EXPECTED_LANDMARKS"]))
    off_metres = np.abs(
        found.positions[0] * TO_MEDIAPIPE - np.array(expected["EXPECTED_WORLD_LANDMARKS"])
    )
    print(
        f"image: worst {off_pixels.max():.1f} px, {off_metres.max():.3f} m; mean "
        f"{off_pixels.mean():.1f} px, {off_metres.mean():.3f} m"
    )
    assert off_pixels.max() <= 15
    assert off_metres.max() <= 0.21


# --- On the demo clip, whose truth is known


def test_the_demo_person_is_found_in_every_frame_near_the_truth(demo_keypoints):
    truth = np.load(DEMO_TRUTH)
    world = landmarks_of(*fk(HUMANOID, truth["root_positions"], truth["rotations"]))
    size = tuple(truth["image_size"].tolist())
    camera = Camera.from_fov(size, float(truth["camera_fov"]), "vertical")
    true = camera.project(in_camera_axes(world, truth["camera_position"], truth["camera_target"]))
    assert demo_keypoints.camera.size == size
    np.testing.assert_allclose(demo_keypoints.times, truth["times"], atol=1e-3)
    assert np.isfinite(demo_keypoints.image).all()
    height = (
        1.75
        * camera.focal
        / np.linalg.norm(truth["root_positions"] - truth["camera_position"], axis=-1)
    )
    off = np.linalg.norm(demo_keypoints.image - true, axis=-1) / height[:, None]
    print(
        f"demo: image error {off.mean():.2%} of the body's height (median {np.median(off):.2%}, "
        f"p95 {np.percentile(off, 95):.2%})"
    )
    assert off.mean() < 0.03


def in_camera_axes(points: np.ndarray, position: np.ndarray, target: np.ndarray) -> np.ndarray:
    back = R.normalize(position - target)
    right = R.normalize(R.cross(np.array([0.0, 1.0, 0.0]), back))
    return (points - position) @ np.stack([right, R.cross(back, right), back], axis=-1)


def test_positions_are_in_our_axes(demo):
    with PoseDetector("full", video=False) as detector:
        found = detector.detect(demo[0].image)
    at = dict(zip(LANDMARKS, found.positions[0], strict=True))
    assert at["nose"][1] > 0.4, "the head is up"
    assert at["left_ankle"][1] < -0.5
    assert at["left_shoulder"][0] > at["right_shoulder"][0] + 0.15, (
        "the performer's left is the image's right"
    )
    assert at["nose"][2] > at["left_ear"][2] + 0.03, (
        "the nose is nearer to the camera than the ears, and z points to the camera"
    )
    assert np.allclose((at["left_hip"] + at["right_hip"]) / 2, 0, atol=0.01)
    image = dict(zip(LANDMARKS, found.image[0], strict=True))
    assert image["nose"][1] < image["left_ankle"][1], "pixels count downwards"
    assert image["left_shoulder"][0] > image["right_shoulder"][0]


# --- No person


def test_frames_without_a_person_are_nan_with_zero_confidence():
    with PoseDetector("lite") as detector:
        found = detector.detect(empty()[0].image, 1.25)
    assert found.times.tolist() == [1.25]
    assert np.isnan(found.positions).all()
    assert np.isnan(found.image).all()
    assert found.confidence.tolist() == [[0.0] * 33]
    assert found.camera.size == (320, 240)


def test_an_empty_room_stays_empty_until_a_person_enters(data):
    with (
        open_source(data / "videos/intel_one_by_one_person.mp4") as source,
        PoseDetector("full") as detector,
    ):
        seen = []
        for frame in source:
            seen.append(np.isfinite(detector.detect(frame.image, frame.time).positions).all())
            if len(seen) == 150:
                break
    assert not any(seen[:60]), (
        "at MediaPipe's own threshold, the foot of a table is a person in most of these"
    )
    assert all(seen[80:])


def test_a_person_who_leaves_the_picture_is_lost(data):
    with open_source(data / "videos/sports2d_demo.mp4") as source, PoseDetector("full") as detector:
        found = [detector.detect(f.image, f.time) for i, f in enumerate(source) if i >= 195]
    assert np.isfinite(found[20].positions).all(), "he runs to the right"
    assert np.isnan(found[-1].positions).all(), "and has left"


def test_a_video_without_people_is_refused_in_a_sentence():
    counted = []
    with PoseDetector("lite") as detector:
        with pytest.raises(NoPersonError, match=r"No person was found in the input \(3 frames\)"):
            detect_source(empty(3), detector, counted.append)
        with pytest.raises(NoPersonError, match=r"\(1 frame\)"):
            detect_source(empty(1), detector)
        with pytest.raises(InputError, match="There is no frame in the input"):
            detect_source([], detector)
    assert counted == [1, 2, 3]


def test_frames_before_and_after_the_person_are_kept_as_nan(demo):
    empty = np.full_like(demo[0].image, 128)
    frames = [Frame(i / 30, empty if i in (0, 1, 5) else demo[i].image) for i in range(6)]
    with PoseDetector("lite") as detector:
        found = detect_source(frames, detector)
    np.testing.assert_array_equal(found.times, [f.time for f in frames])
    assert np.isfinite(found.positions).all((1, 2)).tolist() == [
        False,
        False,
        True,
        True,
        True,
        False,
    ]


def test_frames_of_another_size_are_refused(demo):
    frames = [demo[0], Frame(1.0, demo[0].image[::2, ::2])]
    with (
        PoseDetector("lite") as detector,
        pytest.raises(
            InputError, match="frame 1 is 320 × 360 pixels and those before it 640 × 720"
        ),
    ):
        detect_source(frames, detector)


# --- Clocks


def test_frames_less_than_a_millisecond_apart_are_tracked(demo):
    times = [5.0, 5.0001, 5.0002, 5.0003, 5.4, 5.39, 5.38, 5.5]
    with PoseDetector("lite") as detector:
        found = [detector.detect(f.image, t) for f, t in zip(demo, times, strict=False)]
    assert [k.times[0] for k in found] == times
    assert all(np.isfinite(k.positions).all() for k in found)


@pytest.mark.parametrize("origin", [-1e6, 0.0, 1.7e9])
def test_the_origin_of_time_does_not_matter(demo, origin):
    with PoseDetector("lite") as detector:
        found = [detector.detect(f.image, origin + i / 32).positions for i, f in enumerate(demo)]
    with PoseDetector("lite") as detector:
        plain = [detector.detect(f.image, i / 32).positions for i, f in enumerate(demo)]
    np.testing.assert_allclose(found, plain, atol=1e-6)


def test_a_clock_set_back_begins_an_independent_take(demo):
    with PoseDetector("lite") as detector:
        for i, frame in enumerate(demo[6:]):
            detector.detect(frame.image, 100.0 + i / 30)
        again = [detector.detect(f.image, f.time).positions for f in demo[:6]]
    with PoseDetector("lite") as detector:
        fresh = [detector.detect(f.image, f.time).positions for f in demo[:6]]
    np.testing.assert_allclose(again, fresh, atol=1e-6)


@pytest.mark.parametrize("time", [math.nan, math.inf])
def test_an_impossible_time_is_refused(demo, time):
    with (
        PoseDetector("lite") as detector,
        pytest.raises(InputError, match="finite number of seconds"),
    ):
        detector.detect(demo[0].image, time)


# --- Pictures


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
    ],
    ids=["grey", "four channels", "floats", "empty"],
)
def test_arrays_that_are_not_pictures_are_refused(image):
    with (
        PoseDetector("lite") as detector,
        pytest.raises(InputError, match=r"must be an array \(height, width, 3\) of uint8"),
    ):
        detector.detect(image)


@pytest.mark.parametrize("size", [(1, 1), (2, 500), (2160, 3840)])
def test_pictures_of_any_size_are_accepted(size):
    with PoseDetector("lite", video=False) as detector:
        assert detector.detect(np.zeros((*size, 3), np.uint8)).camera.size == size[::-1]


def test_array_views_give_the_same_result_as_arrays(demo):
    image = demo[0].image
    with PoseDetector("lite", video=False) as detector:
        plain = detector.detect(image).positions
        assert np.array_equal(detector.detect(np.asfortranarray(image)).positions, plain)
        assert np.array_equal(detector.detect(np.repeat(image, 2, axis=1)[:, ::2]).positions, plain)


# --- Life


def test_a_closed_detector_raises(demo):
    detector = PoseDetector("lite")
    detector.close()
    detector.close()
    with pytest.raises(ValueError, match="closed"):
        detector.detect(demo[0].image)


def test_only_the_librarys_notices_are_suppressed(capfd):
    with without_notices():
        os.write(
            2,
            b"W0000 00:00:1795398988.785348   10508 inference_feedback_manager.cc:121] Feedback "
            b"manager requires a model\n",
        )
        os.write(2, b"E0000 00:00:1795398988.785348   10508 calculator.cc:121] Something broke\n")
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
        os.write(2, b"INFO: of another library\n")
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err.splitlines() == [
        "E0000 00:00:1795398988.785348   10508 calculator.cc:121] Something broke",
        "INFO: of another library",
        "afterwards",
    ]


def fail_in_the_quiet() -> None:
    with without_notices():
        os.write(2, b"before the error\n")
        raise RuntimeError("passes through")


def test_errors_propagate_and_standard_error_is_restored(capfd):
    with pytest.raises(RuntimeError, match="passes through"):
        fail_in_the_quiet()
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err.splitlines() == ["before the error", "afterwards"]


def test_the_detector_restores_standard_error():
    program = (
        "import sys, threading, time\n"
        "from mocap.capture.open import open_source\nfrom mocap.detect.mediapipe.pose import "
        "PoseDetector\n"
        "def speak():\n"
        "    for i in range(50):\n        print('line', i, file=sys.stderr, flush=True)\n        "
        "time.sleep(0.01)\n"
        "threading.Thread(target=speak).start()\n"
        "for video in (True, False):\n"
        "    with PoseDetector('lite', video) as detector:\n"
        f"        for frame, _ in zip(open_source({str(DEMO)!r}), range(3)): "
        f"detector.detect(frame.image, frame.time)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    # What waited is written after standard error is given back, so a line of that moment may come
    # before it: every line, in any order.
    assert sorted(run.stderr.splitlines()) == sorted(f"line {i}" for i in range(50))


@pytest.mark.parametrize("people", [1, 2])
def test_finding_the_first_hand_prints_nothing(data, people):
    clip = str(data / "videos" / "sports2d_demo.mp4")
    program = (
        "from contextlib import closing\n"
        "from mocap.capture.open import open_source\n"
        "from mocap.detect.options import DetectOptions\n"
        "from mocap.detect.table import open_detector\n"
        f"options = DetectOptions(model='lite', face=False, people={people})\n"
        "with closing(open_detector(options)) as detector:\n"
        f"    found = [k for f, _ in zip(open_source({clip!r}), range(7))\n"
        "        for k in detector.people(f.image, f.time)]\n"
        "print(max(k.hands_confidence.max() for k in found) > 0)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (run.stdout, run.stderr) == ("True\n", "")
