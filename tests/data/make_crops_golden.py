"""Writes crops_golden.json, which the crops of both languages are tested against.

    python -m tests.data.make_crops_golden

Random bodies, some half out of the picture, and what mocap/detect makes of them;
web/src/camera/crops.test.ts reads the same.
"""

import json

import numpy as np

from mocap.detect.crops import about_head, about_wrist, crop_around
from mocap.detect.mediapipe.face import FaceLandmarks, _in_metres, in_whole_picture
from tests.helpers.places import DATA

SIZE = (640, 360)


def crops(positions: np.ndarray, image: np.ndarray) -> list[list[int] | None]:
    """[x, y, side] of the left hand's crop, the right hand's, and the face's; None where too little
    of it is in the picture.
    """
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    places = [
        about_wrist(0, positions, image),
        about_wrist(1, positions, image),
        about_head(positions, image),
    ]
    return [
        None if (found := crop_around(picture, *place)) is None else [*found[1], len(found[0])]
        for place in places
    ]


def main() -> None:
    rng = np.random.default_rng(11)
    bodies, faces = [], []
    for _ in range(15):
        positions = rng.normal(scale=0.4, size=(33, 3))
        image = (
            rng.uniform(-80, 720, 2)
            + rng.uniform(20, 260) * positions[:, :2] * [1, -1]
            + rng.normal(scale=3.0, size=(33, 2))
        )
        positions, image = (
            positions.astype(np.float32).astype(float),
            image.astype(np.float32).astype(float),
        )
        bodies.append(
            {
                "positions": positions.tolist(),
                "pixels": image.tolist(),
                "crops": crops(positions, image),
            }
        )
    for _ in range(10):
        columns = rng.normal(scale=20.0, size=16)
        corner, side = (int(n) for n in rng.integers(-50, 400, 2)), int(rng.integers(60, 300))
        x, y = corner
        given = FaceLandmarks(np.zeros((478, 3)), _in_metres(columns.reshape(4, 4).T))
        whole = in_whole_picture(given, side, (x, y), SIZE).transform
        faces.append(
            {"columns": columns.tolist(), "crop": [x, y, side], "rows": whole.ravel().tolist()}
        )
    golden = {"size": SIZE, "bodies": bodies, "faces": faces}
    (DATA / "crops_golden.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
