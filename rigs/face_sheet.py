"""A contact sheet of the mannequin's face: at rest, in VRM's presets, and in each of its expressions.

    python rigs/face_sheet.py OUT.png [presets | all]

For looking at. The camera stands before the face, a little to its left.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from mocap.motion import Motion
from mocap.skeleton import HUMANOID
from rigs.expressions import PRESETS
from rigs.mannequin import build
from rigs.render import View, frames

_TILE = 300  # pixels
_VIEW = View((0.14, 1.635, 0.72), (0.0, 1.618, 0.02), np.radians(22.0), (_TILE, _TILE))


def main() -> None:
    out = Path(sys.argv[1])
    shown: dict[str, dict[str, float]] = {"rest": {}, **PRESETS}
    if sys.argv[2:] == ["all"]:
        shown |= {name: {name: 1.0} for name in build()["face"].morphs}
    names = sorted({name for mixture in shown.values() for name in mixture})
    weights = {name: np.array([mixture.get(name, 0.0) for mixture in shown.values()]) for name in names}
    count = len(shown)
    motion = Motion(
        HUMANOID,
        np.arange(count) / 30.0,
        np.tile(HUMANOID.offsets[0], (count, 1)),
        np.tile(HUMANOID.rest_rotations, (count, 1, 1)),
        weights,
    )
    tiles = []
    for name, image in zip(shown, frames(motion, _VIEW), strict=True):
        picture = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        tiles.append(cv2.putText(picture, name, (8, _TILE - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (30, 30, 30), 1, cv2.LINE_AA))
    tiles += [np.full_like(tiles[0], 160)] * (-count % 6)
    cv2.imwrite(str(out), np.vstack([np.hstack(tiles[n : n + 6]) for n in range(0, len(tiles), 6)]))


if __name__ == "__main__":
    main()
