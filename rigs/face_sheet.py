"""Draw a contact sheet of a face: at rest, in VRM's presets, or in all of its expressions.

    python rigs/face_sheet.py OUT.png [presets | all] [CHARACTER]

Without a character (GLB or VRM) it is the mannequin's face; a character's face is moved by the
morph weights that `mocap bake --rig` writes. The camera is in front of the face, a little to its
left.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray

sys.path.insert(0, str(Path(__file__).parent.parent))

from mocap import transfer
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import HUMANOID
from rigs.characters import Character, Shot, shoot
from rigs.expressions import PRESETS
from rigs.mannequin import build
from rigs.render import View, frames

_TILE = 300  # pixels
_VIEW = View((0.14, 1.635, 0.72), (0.0, 1.618, 0.02), np.radians(22.0), (_TILE, _TILE))


def faces(motion: Motion, character: Path | None) -> Iterator[ndarray]:
    """Return the face in each of the motion's frames, RGB (300, 300, 3)."""
    if character is None:
        yield from frames(motion, _VIEW)
        return
    taken = transfer.load_character(character)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "face.glb"
        transfer.save(transfer.target(path, taken), motion)
        data = path.read_bytes()
    rig = taken.rig
    joints, _ = fk(rig.skeleton, rig.skeleton.offsets[0], rig.t_pose)
    head, neck = (
        joints[rig.index(bone)] for bone in ("head", "neck" if "neck" in rig.bones else "hips")
    )
    eyes = [joints[rig.index(bone)] for bone in ("leftEye", "rightEye") if bone in rig.bones]
    # Without eyes, the middle of the face is some necks' lengths above the head joint; large heads
    # are farther away.
    x, y, z = np.mean(eyes, axis=0) if eyes else head + 1.2 * (head - neck)
    size = float(np.linalg.norm(head - joints[rig.index("hips")])) / 0.62
    view = View(
        (x + 0.16 * size, y, z + (0.8 if eyes else 1.5) * size),
        (x, y - 0.02 * size, z),
        np.radians(26.0),
        (_TILE, _TILE),
    )
    yaw = 2.0 * math.atan2(rig.turn[1], rig.turn[3])
    yield from shoot(
        [Character(data, yaw, rig.unit)],
        [Shot([t], [(0.0, 0.0, 0.0)], view) for t in motion.times.tolist()],
    )


def main() -> None:
    out = Path(sys.argv[1])
    # Characters have VRM's presets, or ARKit's targets.
    character = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    presets = (
        PRESETS
        if character is None
        else {name: {**mixture, name: 1.0} for name, mixture in PRESETS.items()}
    )
    shown: dict[str, dict[str, float]] = {"rest": {}, **presets}
    if sys.argv[2:3] == ["all"]:
        shown |= {name: {name: 1.0} for name in build()["face"].morphs}
    names = sorted({name for mixture in shown.values() for name in mixture})
    weights = {
        name: np.array([mixture.get(name, 0.0) for mixture in shown.values()]) for name in names
    }
    count = len(shown)
    motion = Motion(
        HUMANOID,
        np.arange(count) / 30.0,
        np.tile(HUMANOID.offsets[0], (count, 1)),
        np.tile(HUMANOID.rest_rotations, (count, 1, 1)),
        weights,
    )
    tiles = []
    for name, image in zip(shown, faces(motion, character), strict=True):
        picture = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        tiles.append(
            cv2.putText(
                picture,
                name,
                (8, _TILE - 10),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.55,
                (30, 30, 30),
                1,
                cv2.LINE_AA,
            )
        )
    tiles += [np.full_like(tiles[0], 160)] * (-count % 6)
    cv2.imwrite(str(out), np.vstack([np.hstack(tiles[n : n + 6]) for n in range(0, len(tiles), 6)]))


if __name__ == "__main__":
    main()
