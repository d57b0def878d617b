"""Take the README's picture of rigs: one frame of the baked demo clip on eight characters.

MOCAP_DATA=FOLDER python -m tests.browser.rigs_picture [SECONDS]

It writes web/readme_rigs.png, drawn by three.js. Seven of the characters are in the folder rigs of
MOCAP_DATA; this repository holds only their picture (NOTICE names their authors).
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

import cv2
import numpy as np

import mocap
from mocap import assets
from mocap.core.motion import Motion
from mocap.formats import gltf
from rigs.characters import Character, Shot, shoot
from rigs.render import View
from tests.helpers.places import MANNEQUIN, WEB

PICTURE = WEB / "readme_rigs.png"
# file: (how tall it stands in the picture, as a share of its own height; where, metres to the right
# and ahead)
CAST: dict[str, tuple[float, tuple[float, float]]] = {
    "kaykit_cc0/Knight.glb": (0.58, (-3.6, 0.3)),
    "misc/CesiumMan.glb": (1.08, (-2.5, -0.3)),
    "vrm/Godette_vrm_v4.vrm": (1.06, (-1.5, 0.3)),
    "": (0.93, (-0.45, -0.3)),
    "threejs/RobotExpressive.glb": (0.31, (0.62, 0.3)),
    "misc/sketchbook_boxman.glb": (1.45, (1.85, -0.3)),
    "vrm/saturday06_Example.vrm": (0.78, (2.85, 0.3)),
    "vrm/debug_robot.vrm": (0.82, (3.8, -0.3)),
}
VIEW = View((0.0, 1.6, 12.0), (0.0, 0.88, 0.0), math.radians(11.0), (1600, 430))


def main(seconds: float) -> None:
    """Write the picture of the clip at this time."""
    keypoints = mocap.read_keypoints(assets.path("demo/demo.mp4"))
    motion = mocap.solve_take(keypoints)
    frame = int(np.argmin(np.abs(motion.times - seconds)))
    # On the spot, so that each stands in its place.
    path = motion.root_positions * [0.0, 1.0, 0.0]
    motion = Motion(motion.skeleton, motion.times, path, motion.rotations, {}, motion.contacts)
    folder = Path(os.environ["MOCAP_DATA"]) / "rigs"
    characters, places = [], []
    for name, (scale, (right, ahead)) in CAST.items():
        rig = mocap.load_rig(folder / name if name else MANNEQUIN)
        moved = mocap.retarget(motion, rig)
        turn = rig.turn
        characters.append(
            Character(gltf.dumps(moved, rig), 2.0 * math.atan2(turn[1], turn[3]), scale)
        )
        places.append((right, 0.0, ahead))
    time = float(motion.times[frame] - motion.times[0])
    (image,) = shoot(characters, [Shot([time] * len(characters), places, VIEW, 5.0)])
    cv2.imwrite(
        str(PICTURE), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9]
    )
    print(f"{PICTURE.name}: {PICTURE.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
