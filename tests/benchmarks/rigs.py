"""Retargeting: every rig in MOCAP_DATA's folder rigs, times seven motions of other tools.

bones       bones that agree with the table of truth (tests/data/rig_truth.json, checked by hand),
            of those the table holds
direction   of upper arms, forearms, thighs and shanks in the written file, played by three.js,
            against the source file: mean and worst. Without planting that is all that retargeting
            does; with it, legs may give way to feet
slide, sink of the soles' points in contact, in the size of a body with HUMANOID's legs: mean speed
            over the floor, and deepest below it; the first row is the performer's, as captured
file        errors and warnings of the Khronos validator that the rig did not have before
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mocap.core import rotation as R
from mocap.core.kinematics import fk, sole_points
from mocap.core.motion import Motion
from mocap.core.rig import Rig
from mocap.core.skeleton import BONES, HUMANOID
from mocap.errors import InputError
from mocap.formats import gltf
from mocap.formats.gltf.tree import tree_of
from mocap.retargeting import normalized, retarget
from mocap.retargeting.body import body_of
from mocap.retargeting.to_body import leg_length
from mocap.rig.load import load_rig
from tests import judges
from tests.helpers.measures import LIMBS
from tests.helpers.places import DATA

from . import kalidokit
from .motions import MOTIONS, performed
from .table import Cell, Table

_TRUTH = DATA / "rig_truth.json"
# The same body twice: resting in A-pose and in T-pose, and in the frames of VRM 0 and VRM 1.
TWINS = (
    ("vrm/rest_a_pose_t_position_rest.vrm", "vrm/rest_a_pose_t_position_pose.vrm"),
    ("vrm/basic_armature_vrm0.vrm", "vrm/basic_armature_vrm1.vrm"),
)


@dataclass(frozen=True)
class Measured:
    """direction: degrees (F, limbs) without planting, legs: degrees (F, 4) with it; slide: metres a
    second, and sink: metres (F, 4).
    """

    direction: np.ndarray
    legs: np.ndarray
    slide: np.ndarray
    sink: float


def data() -> Path | None:
    """The folder of real rigs and motions, if MOCAP_DATA names one."""
    named = os.environ.get("MOCAP_DATA")
    return Path(named) if named and (Path(named) / "rigs").is_dir() else None


def characters(folder: Path) -> dict[str, Rig]:
    """Rig by name, for all files of humanoids with a mesh (animations have none)."""
    paths = sorted((folder / "rigs").glob("*/*.[gv][lr][bm]"))
    return {
        path.relative_to(folder / "rigs").as_posix(): rig
        for path in paths
        if (rig := _character(path))
    }


def _character(path: Path) -> Rig | None:
    try:
        return load_rig(path)
    except InputError:
        return None


def directions(
    skeleton_places: np.ndarray, index: dict[str, int], limbs: list[tuple[str, str]]
) -> np.ndarray:
    """(F, limbs, 3), unit; from places (F, J, 3)."""
    return R.normalize(
        np.stack(
            [skeleton_places[:, index[b]] - skeleton_places[:, index[a]] for a, b in limbs], axis=1
        )
    )


def limbs_of(rig: Rig) -> list[tuple[str, str]]:
    """The limbs that the rig has, from joint to joint."""
    return [(a, b) for a, b in LIMBS if a in rig.bones and b in rig.bones]


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angles between unit vectors, degrees."""
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), R.dot(a, b)))


def places(motion: Motion) -> np.ndarray:
    """(F, J, 3) in the world."""
    return fk(motion.skeleton, motion.root_positions, motion.rotations)[0]


def measure(motion: Motion, rig: Rig) -> Measured:
    """What becomes of a motion on a rig."""
    assert motion.contacts is not None
    limbs = limbs_of(rig)
    wanted = directions(places(motion), {b: i for i, b in enumerate(BONES)}, limbs)
    index = {b: rig.index(b) for b in rig.bones}
    free = retarget(replace(motion, contacts=np.zeros_like(motion.contacts)), rig)
    planted = retarget(motion, rig)
    errors = [apart(directions(places(m), index, limbs), wanted) for m in (free, planted)]
    legs = [i for i, (a, _) in enumerate(limbs) if "Leg" in a]
    back = normalized(planted, replace(rig, kind="glb"))
    # Toes that the rig lacks do not bend.
    stiff = back.rotations.copy()
    stiff[:, [BONES.index(b) for b in ("leftToes", "rightToes") if b not in rig.bones]] = R.IDENTITY
    back = replace(back, rotations=stiff)
    return Measured(
        errors[0], errors[1][:, legs], *_of_feet(back, leg_length(body_of(rig)), motion)
    )


def _of_feet(moved: Motion, leg: float, performed: Motion) -> tuple[np.ndarray, float]:
    """(speeds of the points that touch in the performance, m/s; the deepest below the floor, m), in
    the size of HUMANOID's legs.
    """
    assert performed.contacts is not None
    soles = sole_points(moved.skeleton, moved.root_positions, moved.rotations) * (
        leg_length(HUMANOID) / leg
    )
    both = (performed.contacts[1:] > 0.5) & (performed.contacts[:-1] > 0.5)
    steps = (
        np.linalg.norm(np.diff(soles, axis=0)[..., [0, 2]], axis=-1) / np.diff(moved.times)[:, None]
    )
    return steps[both], float(max(-soles[..., 1].min(), 0.0))


def _told(slide: np.ndarray, sink: float) -> tuple[float, float]:
    return (float(slide.mean()) * 1000.0 if len(slide) else math.nan), sink * 1000.0


def right_bones(name: str, rig: Rig) -> tuple[int, int] | None:
    """(bones that are where the truth has them, bones in the truth)."""
    truth = json.loads(_TRUTH.read_text()).get(f"rigs/{name}") if _TRUTH.exists() else None
    if truth is None:
        return None
    ways = {bone: [nodes] if isinstance(nodes, str) else nodes for bone, nodes in truth.items()}
    return sum(rig.bones.get(bone) in nodes for bone, nodes in ways.items()), len(ways)


def as_three_plays_it(motion: Motion, rig: Rig) -> np.ndarray:
    """The directions' errors, degrees (20, limbs), in the written file as three.js plays it;
    nothing planted.
    """
    assert motion.contacts is not None
    moved = retarget(replace(motion, contacts=np.zeros_like(motion.contacts)), rig)
    frames = np.unique(np.linspace(0, len(motion) - 1, 20).astype(int))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "moved.glb"
        path.write_bytes(gltf.dumps(moved, rig))
        found, _ = judges.three_nodes(
            kalidokit.node(), path, motion.times[frames] - motion.times[0]
        )
    nodes = tree_of(rig.source, Path()).nodes
    limbs = limbs_of(rig)
    at = {bone: R.apply(rig.turn, found[int(nodes[rig.found[bone].node])]) for bone in rig.bones}
    shown = R.normalize(np.stack([at[b] - at[a] for a, b in limbs], axis=1))
    return apart(
        shown, directions(places(motion)[frames], {b: i for i, b in enumerate(BONES)}, limbs)
    )


def complaints(data_: bytes) -> set[tuple[str, str]]:
    """The Khronos validator's errors and warnings: (code, where)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "judged.glb"
        path.write_bytes(data_)
        report = judges.khronos(kalidokit.node(), path)
    return {
        (m["code"], m.get("pointer", ""))
        for m in report["issues"]["messages"]
        if m["severity"] <= 1
    }


def twins_apart(motion: Motion, one: Rig, other: Rig) -> float:
    """The worst angle between the limbs of two rigs of the same body, degrees."""
    limbs = limbs_of(one)
    a, b = (
        directions(places(retarget(motion, rig)), {x: rig.index(x) for x in rig.bones}, limbs)
        for rig in (one, other)
    )
    return float(apart(a, b).max())


def tables(quick: bool) -> list[Table]:
    """The tables; none without MOCAP_DATA."""
    folder = data()
    if folder is None:
        print("MOCAP_DATA names no folder with rigs and motions: nothing to retarget.")
        return []
    rigs = characters(folder)
    names = list(MOTIONS)[:2] if quick else list(MOTIONS)
    motions = {name: performed(name, folder) for name in names}
    if quick:
        motions = {name: motion.slice(0, 60) for name, motion in motions.items()}
    rows: list[tuple[Cell, ...]] = []
    slides: list[tuple[Cell, ...]] = [
        (
            "the performer",
            *(_told(*_of_feet(m, leg_length(m.skeleton), m)) for m in motions.values()),
        )
    ]
    for name, rig in rigs.items():
        measured = {m: measure(motion, rig) for m, motion in motions.items()}
        direction, legs = (
            np.concatenate([getattr(v, part).ravel() for v in measured.values()])
            for part in ("direction", "legs")
        )
        played = np.concatenate(
            [as_three_plays_it(motion, rig).ravel() for motion in motions.values()]
        )
        before = complaints(rig.source)
        after = set().union(
            *(
                complaints(gltf.dumps(retarget(motion, rig), rig))
                for motion in list(motions.values())[:2]
            )
        )
        bones = right_bones(name, rig)
        rows.append((
            name, "–" if bones is None else f"{bones[0]} of {bones[1]}", len(rig.skeleton.names),
            (float(direction.mean()), float(direction.max())), float(played.max()),
            (float(legs.mean()), float(np.percentile(legs, 95))), len(after - before),
        ))  # fmt: skip
        slides.append((name, *(_told(v.slide, v.sink) for v in measured.values())))
    twins = [max(twins_apart(m, rigs[a], rigs[b]) for m in motions.values()) for a, b in TWINS]
    seen = (
        f"The twins at rest in A-pose and in T-pose move alike to {twins[0]:.2g}°, those of VRM "
        f"0 and VRM 1 to {twins[1]:.2g}°."
    )
    return [
        Table(
            "Motion on any rig: the pose, over " + ", ".join(names),
            ("rig", "bones right", "joints", "direction, mean / worst, °",
             "file in three.js, worst, °", "legs, planted, mean / 95 %, °",
             "new complaints of the validator"),
            tuple(rows), "nothing", seen,
        ),
        Table(
            "Motion on any rig: feet in contact, slide in mm/s / deepest sink in mm, human size",
            ("rig", *names), tuple(slides), "nothing",
        ),
    ]  # fmt: skip
