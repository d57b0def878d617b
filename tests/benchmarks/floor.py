"""Bodies on the floor: lying, kneeling, crawling, on their hands; truth known, keypoints made.

Captured motions of DeepMimic (with MOCAP_DATA) and still poses, seen by a camera that looks down by
8°, with a detector's noise, from the side and from the feet. Of each the bake's

    lowest      centimetres: the lowest skin above the floor, its minimum, and the 95th percentile
    pitch       degrees by which the pelvis is pitched too much, median
    hips, chest, head    centimetres by which their skin is too high, median
    carries     what was found to carry the body besides feet
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np

from mocap.core import rotation as R
from mocap.core.keypoints import LANDMARKS
from mocap.core.motion import Motion
from mocap.core.skeleton import BONES, HUMANOID
from mocap.core.surface import lowest_skin
from mocap.retargeting import normalized, retarget
from mocap.solve import support, take
from mocap.solve.refine.ground import BODY, SOLES
from tests.helpers.noise import noisy
from tests.helpers.synthetic import keypoints_of

from .motions import deepmimic
from .table import Cell, Table
from .views import surface_heights

CAPTURED = ("getup_facedown", "getup_faceup", "crawl", "roll")
_PITCH, _FRAMES = 8.0, 120
_PARTS = ("hips", "upperChest", "head")


def _turn(degrees: float, *axis: float) -> np.ndarray:
    return R.from_rotation_vector(np.radians(degrees) * np.array(axis))


def still(hips: np.ndarray, arms: float = -70.0, knees: float = 0.0, feet: float = 0.0) -> Motion:
    """A body that lies on y = 0.

    Degrees: arms above horizontal, thighs bent at the hips, feet stretched.
    """
    rotations = np.tile(R.IDENTITY, (40, len(BONES), 1))
    rotations[:, 0] = hips
    for side, sign in (("left", 1.0), ("right", -1.0)):
        rotations[:, BONES.index(f"{side}UpperArm")] = _turn(arms * sign, 0, 0, 1)
        rotations[:, BONES.index(f"{side}UpperLeg")] = _turn(-knees, 1, 0, 0)
        rotations[:, BONES.index(f"{side}LowerLeg")] = _turn(1.6 * knees, 1, 0, 0)
        rotations[:, BONES.index(f"{side}Foot")] = _turn(feet, 1, 0, 0)
    root = -lowest_skin(HUMANOID, rotations)[:, None] * [0.0, 1.0, 0.0]
    return Motion(HUMANOID, np.arange(40) / 30.0, root, rotations)


def motions() -> Iterator[tuple[str, Motion]]:
    """(name, motion) on y = 0."""
    yield "on the back", still(_turn(-90.0, 1, 0, 0))
    yield "on the back, knees bent", still(_turn(-90.0, 1, 0, 0), knees=50.0)
    yield "on the belly", still(_turn(90.0, 1, 0, 0), feet=70.0)
    yield "on the side", still(R.multiply(_turn(-90.0, 1, 0, 0), _turn(90.0, 0, 1, 0)))
    yield "on the hands", still(_turn(180.0, 1, 0, 0), arms=80.0)
    folder = Path(os.environ.get("MOCAP_DATA", "none")) / "mocap" / "deepmimic_json"
    for name in CAPTURED if folder.is_dir() else ():
        motion = normalized(*deepmimic(folder / f"humanoid3d_{name}.txt")).resample(30.0)
        yield name.replace("_", " "), retarget(motion, HUMANOID).slice(0, _FRAMES)


def seen(motion: Motion, yaw: float) -> Motion:
    """The motion turned by a yaw, 4 m before a camera that looks down on it."""
    down, around = _turn(_PITCH, 1, 0, 0), _turn(yaw, 0, 1, 0)
    rotations = motion.rotations.copy()
    rotations[:, 0] = R.multiply(R.multiply(down, around), rotations[:, 0])
    path = motion.root_positions - motion.root_positions.mean(axis=0) * [1.0, 0.0, 1.0]
    root = R.apply(down, R.apply(around, path) + [0.0, -1.0, -4.0])
    return Motion(motion.skeleton, motion.times, root, rotations)


def _pitch(motion: Motion) -> np.ndarray:
    """Degrees (F,) between the pelvis' up and the floor."""
    up = R.apply(motion.rotations[:, 0], np.array([0.0, 1.0, 0.0]))
    return np.degrees(np.arcsin(np.clip(up[:, 1], -1.0, 1.0)))


def _row(name: str, motion: Motion, yaw: float) -> tuple[Cell, ...]:
    rng = np.random.default_rng(1)
    keypoints = noisy(keypoints_of(seen(motion, yaw)), rng, pixels=4.0, squash=1.0, depth=0.05)
    supports: list[support.Support | None] = []
    find = support.find_support

    def kept(*arguments: object) -> support.Support | None:
        supports.append(find(*arguments))  # type: ignore[arg-type]
        return supports[-1]

    with patch.object(take, "find_support", kept):
        found = take.solve_take(keypoints)
    ours, theirs = surface_heights(found), surface_heights(motion)
    lowest = 100.0 * np.min(list(ours.values()), axis=0)
    pitch, true = (_pitch(m) for m in (found, motion))
    carrying: list[str] = []
    if supports and supports[0] is not None:
        share = supports[0].ground.contacts[:, SOLES.stop :].mean(axis=0)
        parts = [LANDMARKS[i].split("_")[1] for i, s in zip(BODY, share, strict=True) if s > 0.1]
        carrying = list(dict.fromkeys(parts))
    return (
        name,
        "side" if yaw else "feet",
        (float(lowest.min()), float(np.percentile(lowest, 95))),
        float(np.median(pitch - true)),
        tuple(100.0 * float(np.median(ours[p] - theirs[p])) for p in _PARTS),
        ", ".join(carrying) or "–",
    )


def tables(quick: bool = False) -> list[Table]:
    """The one table; without MOCAP_DATA of the still poses alone."""
    rows: list[tuple[Cell, ...]] = []
    for name, motion in motions():
        rows += [_row(name, motion, yaw) for yaw in ((90.0,) if quick else (0.0, 90.0))]
        if quick:
            break
    columns = (
        "pose", "seen from", "lowest: min / p95, cm", "pitch, °",
        "hips / chest / head too high, cm", "carries",
    )  # fmt: skip
    note = "Made keypoints with noise; the camera looks down by 8°, unknown to the solver."
    return [Table("Bodies on the floor", columns, tuple(rows), "", note)]
