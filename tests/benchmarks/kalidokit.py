"""Kalidokit 1.1.5 (npm, MIT), the usual choice for this job in a browser, as the yardstick.

Its rig is applied as in its own demo (docs/script.js of yeemachine/kalidokit), to a VRM 0 avatar:
Euler angles in three.js' order XYZ (q = qx·qy·qz) on the bones, whose rest rotations are
identities. A VRM 0 avatar faces −Z and the demo turns it by 180°, so a rotation (x, y, z, w) in its
bones' frames is (−x, y, −z, w) in ours. The demo mirrors: `RightUpperArm` is computed from the
performer's left arm. The result is mirrored back to be compared with the performer.

The demo damps the rotations of hips and trunk. Two other readings are possible; tables show the
demo's, and the one with the smallest error on the keypoints at hand:

    demo      hips × 0.7, spine × 0.45, chest × 0.25
    whole     hips × 1, spine and chest at rest: the hip line as measured
    limbs     hips and trunk at rest: an avatar that always faces ahead

A body in T-pose confirms the axes and sides: the errors are 5.7° in the legs and 28.6° in the arms,
both from its own constants (`offsets.upperLeg.z` = 0.1 rad, and `UpperArm.y` off by 0.5), and every
other reading is twice as wrong. The demo's easing (`slerp` by 0.3 a frame, which lags) is left out.
Head, fingers and feet are not part of its body solver.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap.core import rotation as R
from mocap.core.keypoints import Keypoints
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from tests.helpers.places import WEB, script

_PACKAGE = WEB / "node_modules" / "kalidokit"
_LIMBS = tuple(
    f"{side}{bone}"
    for side in ("Left", "Right")
    for bone in ("UpperArm", "LowerArm", "UpperLeg", "LowerLeg")
)

READINGS = {"demo": (0.7, 0.45, 0.25), "whole": (1.0, 0.0, 0.0), "limbs": (0.0, 0.0, 0.0)}
"""The shares of the hips', spine's and chest's turns that are shown."""


class UnavailableError(Exception):
    """Kalidokit cannot be run here; the message says why."""


def rig(keypoints: Keypoints) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Kalidokit's Euler angles, (F, 3) radians a bone, and what a frame cost in some rounds (R,),
    µs. Raises UnavailableError without Node.

    Every landmark of every frame must have been seen.
    """
    world = np.concatenate(
        [keypoints.positions * [1.0, -1.0, -1.0], keypoints.confidence[..., None]], axis=-1
    )
    image = keypoints.image / keypoints.camera.size
    frames = [{"world": w, "image": i} for w, i in zip(world.tolist(), image.tolist(), strict=True)]
    width, height = keypoints.camera.size
    question = json.dumps(
        {"package": str(_package()), "width": width, "height": height, "frames": frames}
    )
    run = subprocess.run(
        [str(node()), str(Path(__file__).with_suffix(".mjs"))],
        input=question,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if run.returncode != 0:
        raise RuntimeError(f"Kalidokit failed: {run.stderr}")
    answer = json.loads(run.stdout)
    return {
        bone: np.array([frame[bone] for frame in answer["rig"]], float) for bone in answer["rig"][0]
    }, np.array(answer["microseconds"])


def shown(turns: dict[str, np.ndarray], times: np.ndarray, reading: str) -> Motion:
    """The avatar's motion on HUMANOID under one of READINGS, the performer's left on its left, at
    the origin.
    """
    rotations = np.tile(R.IDENTITY, (len(times), len(BONES), 1))

    def set_bone(bone: str, quaternion: np.ndarray) -> None:
        rotations[:, BONES.index(bone)] = quaternion

    for name in _LIMBS:
        set_bone(name[0].lower() + name[1:], _turn(turns[name]))
    for bone, name, share in zip(
        ("hips", "spine", "chest"), ("Hips", "Spine", "Spine"), READINGS[reading], strict=True
    ):
        set_bone(bone, _turn(turns[name] * share))
    return Motion(
        HUMANOID, times, np.tile(HUMANOID.offsets[0], (len(times), 1)), rotations
    ).mirror()


def _turn(euler: np.ndarray) -> np.ndarray:
    x, y, z = (R.from_axis_angle(axis, euler[:, i]) for i, axis in enumerate(np.eye(3)))
    return R.multiply(R.multiply(x, y), z) * [-1.0, 1.0, -1.0, 1.0]


def on_seen(keypoints: Keypoints) -> Keypoints:
    """The frames in which somebody was seen, with their times."""
    seen = np.isfinite(keypoints.positions).all(axis=(1, 2)) & np.isfinite(keypoints.image).all(
        axis=(1, 2)
    )
    return replace(
        keypoints, times=keypoints.times[seen], positions=keypoints.positions[seen],
        image=keypoints.image[seen],
        confidence=keypoints.confidence[seen], hands=None, face=None, face_transform=None,
    )  # fmt: skip


def _package() -> Path:
    if not _PACKAGE.is_dir():
        raise UnavailableError(
            "web/node_modules/kalidokit is missing: run `npm ci` in web/, or `make assets`"
        )
    return _PACKAGE


def node() -> Path:
    """Node's executable. Raises UnavailableError if there is none."""
    found = script(WEB / "build_hook.py").find_node()
    if found is None:
        raise UnavailableError(
            "there is no Node: install Node 20.19 or newer, or run `make assets`"
        )
    return Path(found.node)
