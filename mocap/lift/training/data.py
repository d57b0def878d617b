"""The lifter's training data: captured motion as 15 joints of one body at 30 Hz.

Sources are files of a MOCAP_DATA folder. Each is converted to the same proportions (HUMANOID's),
segment by segment, so that the network learns how people move and not how a tool places its joints.
Whole subjects are held out: HELD_OUT, bvh_fair, bvh_misc and deepmimic_json are not trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mocap.core import rotation as R
from mocap.core.kinematics import fk
from mocap.formats import bvh
from mocap.lift.network import JOINTS, RATE
from mocap.lift.training import straight
from mocap.lift.training.asf import read_amc, read_asf

HELD_OUT = ("iclone_003", "iclone_005", "03_", "05_", "88_", "90_")
"""Beginnings of the names of files that are held out: CMU's subjects 3 (walks on rough ground), 5
(modern dance), 88 and 90 (acrobatics), in every format."""

_HIPS, _SHOULDERS = [7, 8], [1, 2]
_SHORTEST = 16  # frames of a take
_CHAIN = ((1, 3), (2, 4), (3, 5), (4, 6), (7, 9), (8, 10), (9, 11), (10, 12), (11, 13), (12, 14))
# HUMANOID's lengths, metres, of the bones of `_CHAIN`; then hips' width, trunk, shoulders' width,
# shoulders to ears. The detector's shoulders and ankles lie where one would point at them, not
# where the bones turn: its upper arms and shanks are 6 % shorter.
_POINTED = 0.94
_ARM, _SHANK = _POINTED * 0.288, _POINTED * 0.415
_LENGTHS = (_ARM, _ARM, 0.260, 0.260, 0.420, 0.420, _SHANK, _SHANK, 0.206, 0.206)
_HIP_WIDTH, _TRUNK, _SHOULDER_WIDTH, _HEAD = 0.184, 0.505, 0.360, 0.195

# Where the joints are in BVH files of each naming: head, then upper arm, forearm, hand, thigh,
# shank, foot, toe with {} for the side.
_NAMINGS: dict[str, tuple[tuple[str, str], tuple[str, ...]]] = {
    "daz": (
        ("l", "r"),
        ("head", "{}Shldr", "{}ForeArm", "{}Hand", "{}Thigh", "{}Shin", "{}Foot", ""),
    ),
    "iclone": (
        ("L", "R"),
        (
            "CC_Base_Head",
            *(
                f"CC_Base_{{}}_{n}"
                for n in ("Upperarm", "Forearm", "Hand", "Thigh", "Calf", "Foot", "MidToe1")
            ),
        ),
    ),
    "mixamo": (
        ("Left", "Right"),
        ("Head", "{}Arm", "{}ForeArm", "{}Hand", "{}UpLeg", "{}Leg", "{}Foot", "{}ToeBase"),
    ),
}
# From foot and head to toes and ears where the file has no joint there: in the joint's frame at
# rest, in the file's unit.
_DAZ_TOE, _DAZ_EARS = np.array([0.0, -0.045, 0.15]), np.array([0.0, 0.06, 0.02])


def read_take(path: Path) -> Float[ndarray, "frames 15 3"]:
    """Return the JOINTS of an AMC or BVH file at RATE, metres, +Y up, in HUMANOID's proportions."""
    positions, fps = _of_amc(path) if path.suffix == ".amc" else _of_bvh(path)
    return _of_one_body(positions[:: max(1, round(fps / RATE))])


def read_positions(path: Path) -> dict[str, Float[ndarray, "frames 15 3"]]:
    """Return the takes of cmu_positions.npz by name, as `read_take`."""
    with np.load(path) as file:
        return {name: _of_one_body(file[name].astype(float)) for name in file.files}


def captured(data: Path) -> list[Float[ndarray, "frames 15 3"]]:
    """Return all captured takes for training, without excess bends of skeletons (straight.py).

    Args:
        data: The MOCAP_DATA folder; `mocap/cmu_positions.npz` is used if it exists.
    """
    found = {f"{f.parent.name}/{f.name}": read_take(f) for f in training_files(data)}
    more = data / "mocap" / "cmu_positions.npz"
    if more.exists():
        found |= read_positions(more)
    people: dict[str, list[ndarray]] = {}
    for name, take in found.items():
        if len(take) >= _SHORTEST:
            people.setdefault(_person(name), []).append(take)
    out = []
    for takes in people.values():
        too_much = straight.excess(takes)
        out += [straight.straightened(take, too_much) for take in takes]
    return out


def _person(name: str) -> str:
    """Return a key of the person of a take, who has one skeleton in all their takes.

    The two partners of the salsas are the takes to 15 and those from 16 on. Takes that are named
    only by their activity (`cmu_train_walking_walking_3`) each count as another person.
    """
    if "/" not in name and name.startswith("cmu_"):
        return name
    words = name.rpartition("/")[2].partition(".")[0].split("_")
    if words[:2] == ["daz", "salsa"]:
        words[1] += "_he" if int(words[2]) <= 15 else "_she"
    return "_".join(words[: 1 if words[0].isdigit() else 2])


def _of_amc(path: Path) -> tuple[ndarray, float]:
    subject = path.name[:2]
    own = path.with_name(f"{subject}.asf")
    skeleton = own if own.exists() else path.with_name("01.asf")
    bones = read_asf(skeleton.read_text("latin-1"))
    ends = read_amc(path.read_text("latin-1"), bones)
    columns = [0.5 * (ends["upperneck"] + ends["head"])]
    for part in ("clavicle", "humerus", "wrist", "hipjoint", "femur", "tibia", "toes"):
        columns += [ends["l" + part], ends["r" + part]]
    return np.stack(columns, axis=1), 30.0 if path.parent.name == "cmu_training" else 120.0


def _of_bvh(path: Path) -> tuple[ndarray, float]:
    motion = bvh.loads(path.read_text("latin-1"))
    places, turns = fk(motion.skeleton, motion.root_positions, motion.rotations)
    names = [n.removeprefix("mixamorig:") for n in motion.skeleton.names]
    naming = "daz" if "lShldr" in names else "iclone" if "CC_Base_Head" in names else "mixamo"
    sides, parts = _NAMINGS[naming]
    at = {
        (part, side): names.index(name.format(side))
        for part, name in enumerate(parts)
        for side in sides
        if name
    }
    head = at[0, sides[0]]
    columns = [places[:, head]]
    if naming == "daz":
        columns = [places[:, head] + R.apply(turns[:, head], _DAZ_EARS)]
    for part in range(1, 8):
        for side in sides:
            if (part, side) in at:
                columns.append(places[:, at[part, side]])
            else:
                foot = at[part - 1, side]
                columns.append(places[:, foot] + R.apply(turns[:, foot], _DAZ_TOE))
    positions = np.stack(columns, axis=1)
    up = np.argmax(np.abs(np.median(positions[:, 0] - positions[:, [11, 12]].mean(axis=1), axis=0)))
    if up == 2:
        positions = positions[..., [0, 2, 1]] * [1.0, 1.0, -1.0]
    # An iClone take begins with a T-pose, which is not part of the motion.
    return positions[3:], 1.0 / float(np.median(np.diff(motion.times)))


def _of_one_body(p: Float[ndarray, "frames 15 3"]) -> Float[ndarray, "frames 15 3"]:
    """Scale segments to HUMANOID's lengths, on average over the take, and the path as the legs."""

    def scaled(vector: ndarray, length: float) -> ndarray:
        return vector * (length / np.median(np.linalg.norm(vector, axis=-1)))

    legs = np.median(np.linalg.norm(p[:, [7, 8, 9, 10]] - p[:, [9, 10, 11, 12]], axis=-1))
    hips, shoulders = p[:, _HIPS].mean(axis=1), p[:, _SHOULDERS].mean(axis=1)
    out = np.empty_like(p)
    middle = hips * (0.4175 / legs)
    across = scaled(p[:, 7] - p[:, 8], _HIP_WIDTH)
    out[:, 7], out[:, 8] = middle + 0.5 * across, middle - 0.5 * across
    chest = middle + scaled(shoulders - hips, _TRUNK)
    across = scaled(p[:, 1] - p[:, 2], _SHOULDER_WIDTH)
    out[:, 1], out[:, 2] = chest + 0.5 * across, chest - 0.5 * across
    out[:, 0] = chest + scaled(p[:, 0] - shoulders, _HEAD)
    for (parent, child), length in zip(_CHAIN, _LENGTHS, strict=True):
        out[:, child] = out[:, parent] + scaled(p[:, child] - p[:, parent], length)
    # Toes keep their positions relative to the feet.
    out[:, 13:] += (1.0 / _POINTED - 1.0) * (out[:, 11:13] - out[:, 9:11])
    return out


def training_files(data: Path) -> list[Path]:
    """Return the motion files for training."""
    mocap = data / "mocap"
    folders = (mocap / name for name in ("cmu_training", "asfamc_cmu", "bvh_cmu"))
    files = [f for folder in folders for f in sorted(folder.iterdir())]
    return [f for f in files if f.suffix in (".amc", ".bvh") and not f.name.startswith(HELD_OUT)]


def validation_files(data: Path) -> list[Path]:
    """Return the held-out motion files: whole subjects, and takes of another capture system."""
    mocap = data / "mocap"
    files = [f for f in sorted((mocap / "cmu_training").iterdir()) if f.name.startswith(HELD_OUT)]
    # jumping_jacks has other names of joints.
    files += [f for f in sorted((mocap / "bvh_fair").iterdir()) if f.name != "jumping_jacks.bvh"]
    return [f for f in files if f.suffix in (".amc", ".bvh")]


def takes(files: list[Path]) -> Iterator[Float[ndarray, "frames 15 3"]]:
    """Return the takes of these files that are long enough for training."""
    for path in files:
        positions = read_take(path)
        assert positions.shape[1] == len(JOINTS)
        if len(positions) >= _SHORTEST:
            yield positions
