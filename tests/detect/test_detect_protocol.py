"""The detector protocol: other detectors plug in, and one performer is chosen."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap.core.keypoints import LANDMARKS, Keypoints, has_person
from mocap.core.landmarks import BLAZEPOSE, COCO
from mocap.detect import table
from mocap.detect.options import DetectOptions
from mocap.detect.people import empty_frame
from mocap.detect.performer import PerformerDetector
from mocap.detect.protocol import Detector
from mocap.errors import InputError

PICTURE = np.zeros((240, 320, 3), np.uint8)


def person(x: float, time: float) -> Keypoints:
    """Return a person 200 pixels tall about a column of the picture."""
    image = np.stack(
        [x + np.tile([-10.0, 0.0, 10.0], 11), 120 + np.linspace(-100.0, 100.0, 33)], axis=1
    )
    return replace(
        empty_frame(time, (320, 240)),
        positions=np.zeros((1, 33, 3)),
        image=image[None],
        confidence=np.ones((1, 33)),
    )


class Columns:
    """A detector that finds people in given columns; the n-th call uses the n-th entry."""

    def __init__(self, columns: list[list[float]]) -> None:
        self.columns, self.closed = iter(columns), False

    def people(self, image: np.ndarray, time: float = 0.0) -> list[Keypoints]:
        return [person(x, time) for x in next(self.columns)]

    def next_person(self, at: tuple[float, float] | None = None) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def columns_seen(
    columns: list[list[float]], number: int | None = None, near: float | None = None
) -> list[float]:
    """Return the column of the performer in each frame, NaN where no person is seen."""
    detector = Columns(columns)
    with PerformerDetector(DetectOptions(person=number), detector=detector) as performer:
        if near is not None:
            performer.begin_near((near, 120.0))
        found = [performer.detect(PICTURE, i / 30) for i in range(len(columns))]
    assert detector.closed
    return [float(k.image[0].mean(axis=0)[0]) for k in found]


def test_a_custom_detector_plugs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Columns([[100.0]])
    assert isinstance(made, Detector)
    monkeypatch.setitem(table.DETECTORS, "columns", lambda options, video: made)
    with PerformerDetector(DetectOptions(detector="columns")) as performer:
        found = performer.detect(PICTURE, 2.0)
    assert has_person(found)
    assert found.times.tolist() == [2.0]
    assert found.hands is not None, "hands are asked for, so they are there as unseen"
    assert np.isnan(found.hands).all()
    assert found.face is not None


def test_an_unknown_detector_is_named() -> None:
    with pytest.raises(InputError, match="no detector 'eyes'; there are: mediapipe"):
        PerformerDetector(DetectOptions(detector="eyes"))


def test_the_most_prominent_person_is_followed_by_default() -> None:
    # The detector's order changes; the performer does not.
    assert columns_seen([[200.0, 100.0], [100.0, 202.0], [101.0, 204.0]]) == [200, 202, 204]


def test_the_person_near_a_point_is_followed_until_lost() -> None:
    columns = [[200.0, 100.0], [202.0, 101.0], [], [204.0]]
    seen = columns_seen(columns, near=110.0)
    assert seen[:2] == [100.0, 101.0]
    assert np.isnan(seen[2])
    assert seen[3] == 204.0


def test_a_chosen_person_is_followed() -> None:
    assert columns_seen([[200.0, 100.0], [202.0, 101.0]], 1) == [100, 101]
    assert columns_seen([[200.0, 100.0], [202.0, 101.0]], 2) == [200, 202]


def test_frames_without_people_are_unseen() -> None:
    assert np.isnan(columns_seen([[], [100.0]])).tolist() == [True, False]


def test_people_are_counted_from_one() -> None:
    with pytest.raises(InputError, match="counted from 1, so there is no person 0"):
        DetectOptions(person=0)


def test_options_can_be_pickled() -> None:
    options = DetectOptions(model="lite", face_model=Path("x.task"), person=2)
    assert pickle.loads(pickle.dumps(options)) == options


def test_landmark_sets_are_reordered_by_name() -> None:
    values = np.arange(len(COCO) * 2.0).reshape(1, len(COCO), 2)
    found = COCO.to_keypoints(values)
    assert found.shape == (1, len(BLAZEPOSE), 2)
    for name in COCO.landmarks:
        expected = values[0, COCO.landmarks.index(name)]
        assert found[0, LANDMARKS.index(name)].tolist() == expected.tolist()
    assert int(np.isfinite(found[0, :, 0]).sum()) == len(COCO)
    same = np.random.default_rng(0).normal(size=(3, 33, 3))
    assert np.array_equal(BLAZEPOSE.to_keypoints(same), same)


def test_standard_error_is_left_alone_between_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    with PerformerDetector(DetectOptions(model="lite", face=False)) as performer:
        performer.detect(PICTURE, -1.0)  # it looks for hands everywhere, with one more model
        redirected = []
        monkeypatch.setattr(os, "dup2", lambda *descriptors: redirected.append(descriptors))
        for i in range(3):
            assert not has_person(performer.detect(PICTURE, i / 30))
        assert redirected == []
