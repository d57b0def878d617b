"""Several people before one camera: stable numbers, and the first one chosen by a click."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mocap.capture.source import Frame
from mocap.core.camera import Camera
from mocap.core.keypoints import Keypoints, landmarks_of
from mocap.core.kinematics import fk
from mocap.detect.following import Following
from mocap.detect.options import DetectOptions
from mocap.detect.table import DETECTORS
from mocap.live.clock import Arrived
from mocap.live.performer import LivePerformer
from mocap.live.several import LivePeople
from tests.helpers.synthetic import smooth_motion, standing

CAMERA = Camera.from_fov((640, 360), 1.2)
COLOURS = ((200, 30, 30), (30, 30, 200))


def walker(seed: int, path: np.ndarray) -> np.ndarray:
    """Return landmarks (F, 33, 3) of a person on a path (F, 3), metres in camera axes."""
    motion = standing(smooth_motion(np.random.default_rng(seed), len(path) / 30.0 + 1.0, 30.0))
    points = landmarks_of(*fk(motion.skeleton, motion.root_positions * 0.0, motion.rotations))
    return points[: len(path)] + path[:, None]


def keypoints(points: np.ndarray, time: float) -> Keypoints:
    own = points - points[[23, 24]].mean(axis=0)
    return Keypoints(
        np.array([time]), own[None], CAMERA.project(points)[None], np.ones((1, 33)), CAMERA
    )


def picture(people: Sequence[tuple[int, np.ndarray]]) -> np.ndarray:
    """Return a picture in which each person is a box of their colour, the first one on top."""
    image = np.full((360, 640, 3), 128, np.uint8)
    for who, points in reversed(people):
        at = CAMERA.project(points)
        (x, y), (right, bottom) = np.clip(at.min(axis=0), 0, 639), np.clip(at.max(axis=0), 0, 639)
        image[int(y) : int(bottom), int(x) : int(right)] = COLOURS[who]
    return image


@pytest.mark.parametrize("flips", [False, True])
def test_numbers_are_kept_while_people_cross(flips: bool) -> None:
    frames = 90
    near = walker(0, np.linspace((1.3, -0.2, -3.5), (-1.3, -0.2, -3.5), frames))
    far = walker(1, np.linspace((-1.5, -0.2, -4.5), (1.5, -0.2, -4.5), frames))
    following, owners = Following(2), {}
    for f in range(frames):
        hidden = abs(near[f, :, 0].mean() - far[f, :, 0].mean()) < 0.35
        people = [(0, near[f])] + ([] if hidden else [(1, far[f])])
        image, order = picture(people), people[:: -1 if flips and f % 2 else 1]
        found = [keypoints(points, f / 30.0) for _, points in order]
        numbers, gone = following.numbers(image, found, f / 30.0)
        assert not gone
        for number, index in numbers.items():
            owners.setdefault(number, set()).add(order[index][0])
    assert owners == {0: {1}, 1: {0}}, "numbered from the left"


@pytest.mark.parametrize("tracks", [(0, 1), (1, 0)])
def test_the_detectors_tracks_tell_numbers_where_nothing_else_does(
    tracks: tuple[int, int],
) -> None:
    """Two people alike, side by side, and half a second later one above the other."""
    points = walker(0, np.full((1, 3), (0.0, -0.2, -4.0)))[0]
    image, following = np.full((360, 640, 3), 128, np.uint8), Following(2)
    places = ((0.3, (-1.0, 0.0)), (0.3, (1.0, 0.0))), ((0.3, (0.0, 1.0)), (0.3, (0.0, -1.0)))
    for time, own, there in ((0.0, (0, 1), places[0]), (0.5, tracks, places[1])):
        found = [
            replace(
                keypoints(points + (*np.multiply(away, to), 0.0), time), track=np.array([float(t)])
            )
            for t, (away, to) in zip(own, there, strict=True)
        ]
        numbers, _ = following.numbers(image, found, time)
    assert numbers == {tracks[0]: 0, tracks[1]: 1}


def test_a_number_is_reused_after_some_seconds() -> None:
    points = walker(0, np.zeros((1, 3)) + (0.0, -0.2, -3.5))[0]
    image, following = picture([(0, points)]), Following(1)
    assert following.numbers(image, [keypoints(points, 0.0)], 0.0) == ({0: 0}, [])
    assert following.numbers(image, [], 3.0) == ({}, [])
    assert following.numbers(image, [], 5.0) == ({}, [0])
    assert following.numbers(image, [keypoints(points, 6.0)], 6.0) == ({0: 0}, [])


class TwoPeople:
    """A detector that finds two people side by side."""

    def __init__(self) -> None:
        self.points = [walker(n, np.full((1, 3), (1.4 * n - 0.7, -0.2, -4.0)))[0] for n in range(2)]

    def people(self, image: np.ndarray, time: float = 0.0) -> list[Keypoints]:
        return [keypoints(points, time) for points in self.points]

    def next_person(self, at: tuple[float, float] | None = None) -> None: ...

    def close(self) -> None: ...


def test_each_person_is_a_subject_and_a_click_chooses_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detector = TwoPeople()
    monkeypatch.setitem(DETECTORS, "two", lambda options, video: detector)
    image = picture(list(enumerate(detector.points)))
    options = DetectOptions("two", hands=False, face=False, people=2)

    def first(people: LivePeople, time: float) -> float:
        performed = people.perform(Arrived(Frame(time, image), time, time, False))
        assert [subject for subject, _, _ in performed] == [0, 1]
        assert all(len(motion) == 1 for _, _, motion in performed)
        return float(performed[0][1].image[0, :, 0].mean())

    with LivePeople(options, (1.2, "told"), lambda: LivePerformer(None)) as people:
        assert first(people, 0.0) < 320
        people.next_person((500.0, 180.0))
        assert first(people, 0.1) > 320, "the one who was clicked"
        people.next_person()
        assert first(people, 0.2) < 320, "the next one"
        detector.points.pop(0)
        seen = people.perform(Arrived(Frame(0.3, image), 0.3, 0.3, False))
        assert [subject for subject, _, _ in seen] == [0, 1], "the first is always sent"
        assert np.isnan(seen[0][1].image).all()
