"""Pictures to check the mannequin by: from eight sides, and in poses that test its joints.

python rigs/turntable.py OUTDIR [POSE …]        all of them, or those named
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray

sys.path.insert(0, str(Path(__file__).parent.parent))

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from rigs.render import View, frames

Turns = dict[str, tuple[float, float, float]]  # bone: rotation vector, degrees

_ARMS_DOWN: Turns = {"leftUpperArm": (0, 0, -75), "rightUpperArm": (0, 0, 75)}
_FIST = {
    f"{side}{finger}{part}": (0, 0, -sign * 80)
    for side, sign in (("left", 1), ("right", -1))
    for finger in ("Index", "Middle", "Ring", "Little")
    for part in ("Proximal", "Intermediate", "Distal")
}


def _both(bone: str, x: float, y: float, z: float) -> Turns:
    """Return the rotation of a bone on the left, and its mirror image on the right."""
    return {f"left{bone}": (x, y, z), f"right{bone}": (x, -y, -z)}


POSES: dict[str, Turns] = {
    "t": {},
    "a": _both("UpperArm", 0, 0, -45),
    "stand": {**_ARMS_DOWN, **_both("LowerArm", 0, -12, 0)},
    "walk": {
        "leftUpperArm": (25, 0, -75), "rightUpperArm": (-25, 0, 75), "leftLowerArm": (0, -20, 0),
        "rightLowerArm": (0, 35, 0),
        "leftUpperLeg": (-30, 0, 0), "leftLowerLeg": (12, 0, 0), "rightUpperLeg": (18, 0, 0),
        "rightLowerLeg": (25, 0, 0),
        "rightFoot": (10, 0, 0), "rightToes": (-25, 0, 0), "chest": (0, -8, 0),
    },
    "squat": {
        "hips": (15, 0, 0), "spine": (12, 0, 0), **_both("UpperLeg", -105, 0, 12),
        **_both("LowerLeg", 115, 0, 0),
        **_both("Foot", -25, 0, 0), **_both("UpperArm", 0, -85, 0),
    },
    "overhead": {**_both("Shoulder", 0, 0, 20), **_both("UpperArm", 0, 0, 62)},
    "bends": {
        "leftLowerArm": (0, -90, 0), "rightUpperArm": (0, 0, 80), "rightLowerArm": (0, 90, 0),
        "leftHand": (0, 0, -80),
        "rightHand": (0, 0, 70), "leftUpperLeg": (-90, 0, 0), "leftLowerLeg": (90, 0, 0),
        "rightLowerLeg": (90, 0, 0),
        "head": (0, 40, 0), "neck": (0, 25, 0), **_FIST,
    },
    "twists": {
        "leftUpperArm": (90, 0, 0), "rightLowerArm": (90, 0, 0), "leftUpperLeg": (0, 45, 0),
        "rightUpperLeg": (0, -30, -35),
        "spine": (0, 20, 0), "chest": (0, 20, 0),
    },
}  # fmt: skip


def pose(turns: Turns) -> tuple[ndarray, ndarray]:
    """Return root position (3,) and rotations (55, 4) of a pose whose lowest joint is as high above
    the ground as at rest.
    """
    rotations = np.tile(R.IDENTITY, (len(BONES), 1))
    for bone, vector in turns.items():
        rotations[BONES.index(bone)] = R.from_rotation_vector(np.radians(vector))
    root = HUMANOID.offsets[0].copy()
    positions, _ = fk(HUMANOID, root, rotations)
    heights = HUMANOID.rest_positions()[:, 1]
    feet = [BONES.index(side + part) for side in ("left", "right") for part in ("Foot", "Toes")]
    root[1] -= np.min(positions[feet, 1] - heights[feet])
    return root, rotations


def around(
    yaw: float,
    distance: float = 3.6,
    height: float = 1.2,
    target: tuple[float, float, float] = (0.0, 0.9, 0.0),
    size: tuple[int, int] = (420, 520),
    fov: float = 36.0,
) -> View:
    """Return a view from yaw degrees about the vertical (0 is the front, 90 the performer's
    left)."""
    a = math.radians(yaw)
    place = (target[0] + distance * math.sin(a), height, target[2] + distance * math.cos(a))
    return View(place, target, math.radians(fov), size)


def sheet(turns: list[Turns], views: list[View], columns: int) -> ndarray:
    """Return pictures side by side, RGB."""
    poses = [pose(t) for t in turns]
    motion = Motion(
        HUMANOID,
        np.arange(len(poses), dtype=float),
        np.array([p[0] for p in poses]),
        np.array([p[1] for p in poses]),
    )
    images = list(frames(motion, views))
    rows = [np.concatenate(images[i : i + columns], axis=1) for i in range(0, len(images), columns)]
    return np.concatenate(rows)


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    names = sys.argv[2:] or [*POSES, "turntable", "details"]
    for name in names:
        if name == "turntable":
            image = sheet([POSES["a"]] * 8, [around(45.0 * i) for i in range(8)], 4)
        elif name == "details":
            head, hand, foot = (0.0, 1.62, 0.02), (0.82, 1.42, 0.0), (0.1, 0.08, 0.06)
            close = [around(y, 0.75, 1.64, head, fov=28) for y in (0, 40, 90, 160)]
            close += [
                around(0, 0.5, 1.75, hand, fov=30),
                around(180, 0.5, 1.1, hand, fov=30),
                around(45, 0.8, 0.35, foot, fov=30),
                around(150, 0.8, 0.35, foot, fov=30),
            ]
            image = sheet([POSES["t"]] * 8, close, 4)
        else:
            middle, fov = (1.12, 38) if name == "overhead" else (0.9, 31)
            views = [
                around(y, target=(0.0, middle, 0.0), size=(480, 560), fov=fov)
                for y in (0, 40, 90, 200)
            ]
            image = sheet([POSES[name]] * 4, views, 4)
        cv2.imwrite(str(out / f"{name}.png"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
