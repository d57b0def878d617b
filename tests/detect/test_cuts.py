"""Hard cuts in pictures, and a detector that starts again after each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from mocap.capture.source import Frame, Source
from mocap.core.keypoints import Keypoints
from mocap.detect.cuts import CutFinder
from mocap.detect.everyone import detect_everyone
from mocap.detect.options import DetectOptions
from mocap.detect.take import detect_source
from tests.helpers.synthetic import moving


class Pictures(Source):
    """A source of the given frames."""

    def __init__(self, frames: list[Frame]) -> None:
        super().__init__("made", (320, 240), 30.0, len(frames))
        self._frames = frames

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)


def scene(seed: int, frames: int) -> list[np.ndarray]:
    """Return a camera's pan over a room of coloured patches, with noise and a passing person."""
    rng = np.random.default_rng(seed)
    tint = np.roll([1.0, 0.6, 0.3], seed)
    room = np.repeat(np.repeat(rng.uniform(30, 220, (12, 24, 1)) * tint, 20, 0), 20, 1)
    out = []
    for n in range(frames):
        view = room[:, n : n + 320].copy()
        view[60:220, 4 * n : 4 * n + 60] = [40, 40, 60]
        out.append(np.clip(view + rng.normal(0, 6, view.shape), 0, 255).astype(np.uint8))
    return out


def found(pictures: list[np.ndarray]) -> list[int]:
    finder = CutFinder()
    return [n for n, picture in enumerate(pictures) if finder.begins(picture)]


@pytest.mark.parametrize("seed", range(3))
def test_a_new_scene_is_a_cut_and_motion_is_not(seed: int) -> None:
    assert found(scene(seed, 20) + scene(seed + 1, 20)) == [20]


def test_a_slow_change_of_light_is_not_a_cut() -> None:
    pictures = [
        (p * s).astype(np.uint8)
        for p, s in zip(scene(1, 20), np.linspace(0.4, 1.0, 20), strict=True)
    ]
    assert found(pictures) == []


def test_the_detector_starts_a_new_take_after_a_cut() -> None:
    """The tracker's clock goes back by more than half a second; the keypoints keep their times."""
    seen = moving(seconds=1.0)
    given = []

    class Detector:
        def detect(self, image: np.ndarray, time: float = 0.0) -> Keypoints:
            given.append(time)
            return seen.slice(len(given) - 1, len(given))

        def next_person(self, at: tuple[float, float] | None = None) -> None:
            raise NotImplementedError

        def people(self, image: np.ndarray, time: float = 0.0) -> list[Keypoints]:
            return [self.detect(image, time)]

        def close(self) -> None:
            raise NotImplementedError

    def checked(keypoints: Keypoints) -> None:
        np.testing.assert_allclose(keypoints.times, np.arange(24) / 30.0)
        assert np.flatnonzero(keypoints.new_take).tolist() == [12]
        assert np.flatnonzero(np.diff(given) < -0.5).tolist() == [11]
        given.clear()

    pictures = scene(1, 12) + scene(2, 12)
    frames = [Frame(n / 30.0, picture) for n, picture in enumerate(pictures)]
    checked(detect_source(frames, Detector()))
    (person,) = detect_everyone(Pictures(frames), Detector(), DetectOptions(people=2))
    checked(person.keypoints)
