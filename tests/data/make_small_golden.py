"""Writes small_golden.json, which the search for small people in both languages is tested against.

    python -m tests.data.make_small_golden

The constants, the tiles of some pictures, and windows around random people;
web/src/camera/small.test.ts reads the same.
"""

import json
from typing import Any

import numpy as np

from mocap.detect.crops import crop_around
from mocap.detect.mediapipe import small, window
from mocap.detect.people import extent, tiles_of
from tests.helpers.places import DATA

SIZES = [(1280, 720), (640, 480), (720, 1280), (101, 97), (1920, 1080)]
SIZE = (640, 360)


def rules() -> dict[str, Any]:
    """Return the constants by their names in small.ts."""
    return {
        "confidence": small._CONFIDENCE,
        "checked": small._CHECKED,
        "windows": [list(w) for w in small._WINDOWS],
        "sure": small._SURE,
        "small": small._SMALL,
        "confirmed": small._CONFIRMED,
        "tiles": small._TILES,
        "searchEvery": small._SEARCH_EVERY,
        "lookEvery": small._LOOK_EVERY,
        "unconfirmed": small._UNCONFIRMED,
        "patience": window.PATIENCE,
    }


def tiles(size: tuple[int, int]) -> list[list[int]]:
    """Return [x, y, side] of the tiles of a picture."""
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    return [[c.start, r.start, c.stop - c.start] for r, c in tiles_of(picture)]


def windows(points: np.ndarray) -> list[list[int] | None]:
    """Return [x, y, side] of the windows around a person; None where too little is inside."""
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    centre = 0.5 * (points.min(axis=0) + points.max(axis=0))
    found = [crop_around(picture, centre, side * extent(points)) for side, _ in small._WINDOWS]
    return [None if f is None else [*f[1], len(f[0])] for f in found]


def main() -> None:
    rng = np.random.default_rng(5)
    people = []
    for _ in range(12):
        points = rng.uniform(-60, 660, 2) + rng.uniform(5, 60) * rng.normal(size=(33, 2))
        points = np.round(points, 2)
        people.append({"pixels": points.tolist(), "windows": windows(points)})
    golden = {
        "rules": rules(),
        "tiles": [{"size": size, "tiles": tiles(size)} for size in SIZES],
        "size": SIZE,
        "people": people,
    }
    (DATA / "small_golden.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
