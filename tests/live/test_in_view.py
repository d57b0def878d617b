"""Parts missing from view are reported after two seconds, not before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.core.keypoints import LANDMARKS, Keypoints
from mocap.live.in_view import PATIENCE, InView
from tests.helpers.synthetic import keypoints_of, smooth_motion


@pytest.fixture(scope="module")
def frame() -> Keypoints:
    """Return one frame of a person who is in view from head to feet."""
    keypoints = keypoints_of(smooth_motion(np.random.default_rng(1), 0.1, 30.0)).slice(0, 1)
    middle = np.full_like(keypoints.image, keypoints.camera.size) / 2
    return replace(keypoints, image=middle, confidence=np.ones_like(keypoints.confidence))


def at(frame: Keypoints, time: float) -> Keypoints:
    return replace(frame, times=np.array([time]))


def without(frame: Keypoints, *landmarks: str) -> Keypoints:
    confidence = frame.confidence.copy()
    confidence[:, [LANDMARKS.index(name) for name in landmarks]] = 0.1
    return replace(frame, confidence=confidence)


def without_person(frame: Keypoints) -> Keypoints:
    return replace(
        frame,
        positions=np.full_like(frame.positions, np.nan),
        image=np.full_like(frame.image, np.nan),
        confidence=np.zeros_like(frame.confidence),
    )


def test_an_empty_view_is_reported_after_two_seconds_and_cleared_at_once(frame) -> None:
    view = InView(())
    assert view.missing(at(frame, 0.0)) == ()
    assert view.missing(at(without_person(frame), PATIENCE - 0.1)) == ()
    assert view.missing(at(without_person(frame), PATIENCE)) == ("person",)
    assert view.missing(at(frame, PATIENCE + 0.1)) == ()


def test_a_session_that_begins_empty_waits_two_seconds_too(frame) -> None:
    view = InView()
    assert view.missing(at(without_person(frame), 7.0)) == ()
    assert view.missing(at(without_person(frame), 7.0 + PATIENCE)) == ("person",)


@pytest.mark.parametrize(
    ("part", "landmarks"),
    [
        ("head", ("nose",)),
        ("hands", ("left_wrist", "right_wrist")),
        ("feet", ("left_ankle", "right_ankle")),
    ],
)
def test_a_part_is_missing_when_none_of_it_is_seen(frame, part, landmarks) -> None:
    view = InView(("head", "hands", "feet"))
    for time in (0.0, 1.0, PATIENCE):
        missing = view.missing(at(without(frame, *landmarks), time))
    assert missing == (part,)
    one = InView(("head", "hands", "feet"))
    for time in (0.0, 1.0, PATIENCE):
        missing = one.missing(at(without(frame, *landmarks[1:]), time))
    assert missing == (), "one of two is enough"


def test_a_landmark_outside_the_picture_is_not_in_view(frame) -> None:
    image = frame.image.copy()
    image[:, [LANDMARKS.index("left_ankle"), LANDMARKS.index("right_ankle")]] = (
        10.0,
        frame.camera.size[1] + 20.0,
    )
    view = InView(("feet",))
    below = replace(frame, image=image)
    assert view.missing(at(below, 0.0)) == ()
    assert view.missing(at(below, PATIENCE)) == ("feet",)


def test_a_face_is_missing_only_if_it_is_searched_for(frame) -> None:
    face = np.zeros((1, 478, 3))
    transform = np.eye(4)[None]
    seen = replace(frame, face=face, face_transform=transform)
    lost = replace(frame, face=face * np.nan, face_transform=transform * np.nan)
    view = InView(("face",))
    assert view.missing(at(seen, 0.0)) == ()
    assert view.missing(at(lost, PATIENCE)) == ("face",)


def test_times_that_go_back_begin_a_new_take(frame) -> None:
    view = InView(("feet",))
    view.missing(at(frame, 100.0))
    assert view.missing(at(without(frame, "left_ankle", "right_ankle"), 0.0)) == ()
