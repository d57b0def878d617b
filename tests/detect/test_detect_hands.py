"""Hands in pictures: close to the reference, on the right wrists, and without a body."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from mocap.capture.open import open_source
from mocap.core.keypoints import LANDMARKS, landmarks_of
from mocap.core.skeleton import HUMANOID
from mocap.detect.crops import (
    FoundHand,
    by_label,
    crop_around,
    matched,
    pixels_per_metre,
    times_too_large,
)
from mocap.detect.mediapipe import detector as mediapipe_detector
from mocap.detect.mediapipe.hands import HandTracker
from mocap.detect.options import DetectOptions
from mocap.detect.performer import PerformerDetector
from mocap.detect.take import detect_source
from tests.data.make_crops_golden import crops
from tests.helpers.places import DATA, DEMO

WRISTS = [LANDMARKS.index("left_wrist"), LANDMARKS.index("right_wrist")]

BODY = landmarks_of(HUMANOID.rest_positions(), HUMANOID.rest_rotations)
# 200 pixels a metre, x to the right, y down.
PICTURE = np.array([400.0, 500.0]) + 200.0 * BODY[:, :2] * [1.0, -1.0]


def hand_at(place: np.ndarray, left: float = 0.9, size: float = 200.0) -> FoundHand:
    rng = np.random.default_rng(3)
    positions = rng.normal(size=(21, 3)) * 0.04
    positions -= positions[0]
    return FoundHand(positions, place + size * positions[:, :2] * [1.0, -1.0], left)


def test_the_pixel_size_of_a_metre_at_the_body_is_right() -> None:
    assert pixels_per_metre(BODY, PICTURE) == pytest.approx(200.0)
    assert times_too_large(
        hand_at(PICTURE[0]).positions, hand_at(PICTURE[0], size=900.0).image, BODY, PICTURE
    ) == pytest.approx(4.5)


def test_a_crop_shows_its_part_of_the_picture_and_black_outside() -> None:
    picture = np.random.default_rng(0).integers(1, 255, (100, 200, 3), dtype=np.uint8)
    for centre in ([50.0, 50.0], [3.0, 20.0], [195.0, 95.0]):
        cropped = crop_around(picture, np.array(centre), 60.0)
        assert cropped is not None
        crop, (x, y) = cropped
        assert crop.shape == (60, 60, 3)
        for row, column in ((0, 0), (30, 30), (59, 59), (45, 12)):
            inside = 0 <= y + row < 100 and 0 <= x + column < 200
            assert (crop[row, column] == (picture[y + row, x + column] if inside else 0)).all()
    assert crop_around(picture, np.array([-40.0, 50.0]), 60.0) is None


def test_hands_are_assigned_to_the_nearest_wrists() -> None:
    left, right = hand_at(PICTURE[WRISTS[0]], left=0.1), hand_at(PICTURE[WRISTS[1]], left=0.8)
    for found in ((left, right), (right, left)):
        hands = matched(found, BODY, PICTURE)
        assert np.allclose(hands.image[0], left.image)
        assert np.allclose(hands.image[1], right.image)
        assert hands.confidence == pytest.approx([0.1, 0.2])
    alone = matched((right, None), BODY, PICTURE)
    assert np.isnan(alone.positions[0]).all()
    assert np.allclose(alone.image[1], right.image)


def test_one_hand_found_from_both_wrists_counts_once_and_distant_hands_are_ignored() -> None:
    left = hand_at(PICTURE[WRISTS[0]])
    twice = matched((left, replace(left, image=left.image + 2.0)), BODY, PICTURE)
    assert np.isfinite(twice.positions[0]).all()
    assert np.isnan(twice.positions[1]).all()
    far = matched((hand_at(PICTURE[WRISTS[0]] + [60.0, 0.0]), None), BODY, PICTURE)
    assert np.isnan(far.positions).all()
    assert far.confidence.tolist() == [0.0, 0.0]


def test_the_network_decides_the_side_without_a_body() -> None:
    one, other = hand_at(np.zeros(2), left=0.9), hand_at(np.ones(2), left=0.2)
    hands = by_label([other, one])
    assert np.allclose(hands.image[0], one.image)
    assert hands.confidence == pytest.approx([0.9, 0.8])
    both_left = by_label([replace(one, left=0.6), replace(other, left=0.95)])
    assert np.allclose(both_left.image[0], other.image), "the surer one"
    assert both_left.confidence == pytest.approx([0.95, 0.4])
    assert np.isnan(by_label([]).positions).all()


def test_crops_agree_with_the_browsers() -> None:
    golden = json.loads((DATA / "crops_golden.json").read_text())
    for body in golden["bodies"]:
        assert crops(np.array(body["positions"]), np.array(body["pixels"])) == body["crops"]


def test_hands_are_found_that_are_too_small_in_the_whole_picture() -> None:
    """A hand is about 40 pixels long in the demo clip."""
    with (
        open_source(DEMO) as source,
        PerformerDetector(DetectOptions(model="lite", face=False)) as detector,
    ):
        seen = []
        for frame, _ in zip(source, range(40), strict=False):
            found = detector.detect(frame.image, frame.time)
            assert found.hands is not None
            assert found.hands_image is not None
            seen.append(np.isfinite(found.hands[0]).all(axis=(1, 2)))
            off = np.linalg.norm(found.hands_image[0, :, 0] - found.image[0, WRISTS], axis=-1)
            assert not (off[seen[-1]] > 60.0).any()
            assert np.abs(found.hands[0, seen[-1], 0]).max(initial=0.0) == 0.0, "from the wrist"
    assert np.mean(seen) > 0.9


def test_a_clock_set_back_restarts_hands_and_face_too() -> None:
    with open_source(DEMO) as source:
        frames = [frame for frame, _ in zip(source, range(20), strict=False)]
    with (
        PerformerDetector(DetectOptions(model="lite")) as used,
        PerformerDetector(DetectOptions(model="lite")) as fresh,
    ):
        for frame in frames[12:]:
            used.detect(frame.image, frame.time + 10.0)
        for frame in frames[:6]:
            again, first = (
                used.detect(frame.image, frame.time),
                fresh.detect(frame.image, frame.time),
            )
            for name in ("positions", "hands", "face"):
                assert np.array_equal(getattr(again, name), getattr(first, name), equal_nan=True), (
                    name
                )


def test_the_detector_without_hands_equals_the_pose_detector() -> None:
    with (
        open_source(DEMO) as source,
        PerformerDetector(DetectOptions(model="lite", hands=False, face=False)) as detector,
    ):
        frame = next(iter(source))
        assert detector.detect(frame.image, frame.time).hands is None


def test_a_closed_detector_raises() -> None:
    tracker = HandTracker()
    tracker.close()
    tracker.close()
    with pytest.raises(ValueError, match="closed"):
        tracker.find(np.zeros((64, 64, 3), np.uint8))


# --- On real pictures


def test_a_hand_alone_agrees_with_the_reference_and_adds_no_body(data: Path) -> None:
    """Tolerances of TF.js hand-pose-detection's own test: 26 px, 0.015 m.

    src/mediapipe/mediapipe_test.ts
    """
    with (
        open_source(data / "videos/tfjs_asl_hand.25fps.mp4") as source,
        PerformerDetector(DetectOptions(model="full", face=False)) as detector,
    ):
        found = detect_source(islice(source, 130), detector)  # of 325 frames, which take long
    assert np.isnan(found.positions).all(), (
        "the body detector takes forearm and hand for somebody in three frames of four"
    )
    assert found.hands is not None
    assert found.hands_image is not None
    assert np.isnan(found.hands[:, 0]).all(), "it is a right hand"
    pixels = np.array(json.loads((data / "landmarks/tfjs_asl_hand.full.json").read_text()))[
        :130, :, :2
    ]
    metres = np.array(json.loads((data / "landmarks/tfjs_asl_hand_3d.full.json").read_text()))
    metres = metres[:130] * [1.0, -1.0, -1.0]
    ours = found.hands[:, 1]
    # The reference's origin is the network's, about the hand's middle.
    off_metres = np.abs(
        (ours - ours.mean(axis=1, keepdims=True)) - (metres - metres.mean(axis=1, keepdims=True))
    )
    off_pixels = np.abs(found.hands_image[:, 1] - pixels)
    print(
        f"hand: worst {off_pixels.max():.1f} px, {off_metres.max():.4f} m; mean "
        f"{off_pixels.mean():.2f} px, {off_metres.mean():.4f} m"
    )
    assert off_pixels.max() <= 26
    assert off_metres.max() <= 0.015


def test_only_the_visible_hand_is_found_at_a_desk(data: Path) -> None:
    with (
        open_source(data / "videos/poseformat_test_video.mp4") as source,
        PerformerDetector(DetectOptions(model="full", face=False)) as detector,
    ):
        found = detect_source(source, detector)
    assert found.hands is not None
    seen = np.isfinite(found.hands).all(axis=(2, 3))
    assert np.isfinite(found.positions).all()
    assert not seen[:, 0].any()
    assert seen[:, 1].sum() >= 18


def test_parallel_and_sequential_detection_agree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Steady hands and faces are searched for where they were in the frame before."""
    with open_source(DEMO) as source:
        images = [frame.image for frame, _ in zip(source, range(12), strict=False)]

    def seen() -> tuple[np.ndarray, int]:
        beside = 0
        with PerformerDetector(DetectOptions(model="lite")) as detector:
            out = []
            for n, image in enumerate(images):
                beside += len(detector._detector._steady)
                found = detector.detect(image, n / 30)
                assert found.face is not None
                assert found.hands_image is not None
                out.append(np.concatenate([found.face[0, :, :2], *found.hands_image[0]]))
        return np.array(out), beside

    with_it, beside = seen()
    monkeypatch.setattr(mediapipe_detector, "_STEADY", -1.0)
    without, none = seen()
    assert beside > len(images), "face and a hand, mostly"
    assert none == 0
    off = np.linalg.norm(with_it - without, axis=-1)
    assert np.array_equal(np.isfinite(with_it).all(axis=-1), np.isfinite(without).all(axis=-1))
    print(f"{np.nanmean(off):.2f} px, {np.nanmax(off):.2f} px at most")
    assert np.nanmean(off) < 1.0, "pixels, of 720"


def test_a_missing_hand_is_searched_for_rarely_and_found_when_it_appears() -> None:
    with (
        open_source(DEMO) as source,
        PerformerDetector(DetectOptions(model="lite", face=False)) as detector,
    ):
        parts = detector._detector._parts
        real, looks, came = parts[0], [], 20
        parts[0] = real._replace(
            find=lambda *a: real.find(*a) if len(looks) > 1 and n >= came else looks.append(n)
        )
        found = None
        for n, frame in zip(range(40), source, strict=False):
            keypoints = detector.detect(frame.image, frame.time)
            assert keypoints.hands_confidence is not None
            if keypoints.hands_confidence[0, 0] > 0 and found is None:
                found = n
    assert len([n for n in looks if n < came]) <= 6 + (came - 6) / 3 + 1
    assert found is not None
    assert found < came + 3
