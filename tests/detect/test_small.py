"""People who are small in the picture."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocap.detect.mediapipe.pose import PoseDetector
from mocap.detect.mediapipe.small import SmallPersonFinder
from mocap.detect.people import tiles_of
from tests.data.make_small_golden import rules, tiles, windows
from tests.helpers.pictures import far_away
from tests.helpers.places import DATA, DEMO

# Where the demo's clip stands in a larger picture, and its height there (far_away).
_CORNER, _HEIGHT = (820, 330), 155


@settings(max_examples=30, deadline=None)
@given(st.integers(20, 700), st.integers(20, 700))
def test_tiles_cover_the_picture(height: int, width: int) -> None:
    covered = np.zeros((height, width), dtype=bool)
    for tile in tiles_of(np.zeros((height, width, 3), dtype=np.uint8)):
        assert covered[tile].shape[0] == covered[tile].shape[1] == min(height, width) // 3
        covered[tile] = True
    assert covered.all()


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """Return twenty pictures of the demo, shrunk as from far away."""
    return far_away(20, _HEIGHT, _CORNER)


def test_a_person_of_15_percent_of_the_height_is_found_and_followed(
    frames: list[np.ndarray],
) -> None:
    with PoseDetector("lite") as far:
        found = [far.detect(frame, k / 30.0) for k, frame in enumerate(frames)]
    seen = [np.isfinite(k.image).all() for k in found]
    searched = -(-len(tiles_of(frames[0])) // 4)
    assert all(seen[searched + 2 :]), "from the third picture after all tiles were looked at"
    reader = cv2.VideoCapture(str(DEMO))
    with PoseDetector("lite") as near:
        for k in range(len(found)):
            picture = cv2.cvtColor(reader.read()[1], cv2.COLOR_BGR2RGB)
            large = near.detect(picture, k / 30.0).image[0]
    expected = large * _HEIGHT / picture.shape[0] + _CORNER
    assert np.linalg.norm(found[-1].image[0] - expected, axis=1).mean() < 0.08 * _HEIGHT


def test_a_table_leg_is_not_a_person(data: Path) -> None:
    """It passes the first look with a confidence of 0.95, but not the second."""
    reader = cv2.VideoCapture(str(data / "videos" / "intel_one_by_one_person.mp4"))
    finder = SmallPersonFinder(lambda: pytest.fail("nothing is to be followed"))
    reader.set(cv2.CAP_PROP_POS_FRAMES, 915)
    with finder:
        for _ in range(3):
            picture = cv2.cvtColor(reader.read()[1], cv2.COLOR_BGR2RGB)
            for tile in tiles_of(picture)[10:13]:
                assert finder._found(picture, tile) is None


def test_the_golden_file_of_the_browsers_search_is_up_to_date() -> None:
    golden = json.loads((DATA / "small_golden.json").read_text())
    assert golden["rules"] == rules()
    for picture in golden["tiles"]:
        assert picture["tiles"] == tiles(tuple(picture["size"]))
    for person in golden["people"]:
        assert person["windows"] == windows(np.array(person["pixels"]))
