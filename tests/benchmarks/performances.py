"""Captured motion performed by the mannequin: full rotations, chosen proportions, feet on floor.

The lifter's training saw none of it: `lift.data.HELD_OUT` and the sets it names. It is made without
the solver and `mocap.retarget`, by rotations alone, so that it does not share their errors: each
bone's world rotation relative to the source's rest pose, after the swing that brings the source's
rest pose to the T-pose. The result is the truth, whatever the capture was: it must only be natural.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mocap.core import rotation as R
from mocap.core.filter import smooth, smooth_rotations
from mocap.core.kinematics import fk, local_rotations, sole_points
from mocap.core.motion import Motion
from mocap.core.runs import runs
from mocap.core.skeleton import BONES, HUMANOID, Skeleton
from mocap.solve.plant import plant

from .captures import NEXT, Source, read

FPS = 30.0

Bodies = dict[str, float]
"""bone: by how much it and all that hangs on it is larger than the mannequin's."""

TALL: Bodies = {"hips": 1.06, "leftUpperLeg": 1.04, "rightUpperLeg": 1.04, "neck": 0.96}
SMALL: Bodies = {"hips": 0.88, "leftUpperLeg": 0.95, "rightUpperLeg": 0.95, "neck": 1.1}
LONG_ARMS: Bodies = {
    "leftUpperArm": 1.1,
    "rightUpperArm": 1.1,
    "leftUpperLeg": 0.95,
    "rightUpperLeg": 0.95,
}
SHORT_ARMS: Bodies = {
    "leftUpperArm": 0.92,
    "rightUpperArm": 0.92,
    "leftLowerLeg": 1.06,
    "rightLowerLeg": 1.06,
    "hips": 1.02,
}


@dataclass(frozen=True)
class Performance:
    """file: below MOCAP_DATA/mocap. start, seconds: of the file; less where it ends before. body:
    see Bodies. leaps: whether both feet leave the floor; if not, the lower one is always on it.
    """

    file: str
    start: float
    seconds: float
    body: Bodies = field(default_factory=dict)
    leaps: bool = False


PERFORMANCES: dict[str, Performance] = {
    "walk": Performance("cmu_training/iclone_005_01.bvh", 0.0, 4.9),
    "squats": Performance("trc_mot/opencap_squats1_videoAndMocap.mot", 0.6, 4.5, SHORT_ARMS),
    "dance": Performance("deepmimic_json/humanoid3d_dance_b.txt", 0.0, 4.5, SMALL),
    "boxing": Performance("bvh_misc/assimp_Boxing_Toes.bvh", 6.0, 4.5, TALL),
    "jumping jacks": Performance("bvh_fair/jumping_jacks.bvh", 0.0, 4.1, leaps=True),
    "wave": Performance("bvh_fair/wave_hello.bvh", 2.4, 4.5, LONG_ARMS),
    "jump": Performance("bvh_fair/jumping.bvh", 1.6, 4.0, SMALL, leaps=True),
    "cartwheel": Performance(
        "deepmimic_json/humanoid3d_cartwheel.txt", 0.0, 4.5, LONG_ARMS, leaps=True
    ),
    "modern dance": Performance("cmu_training/iclone_005_13.bvh", 1.5, 4.5, SHORT_ARMS),
    "spin kick": Performance("deepmimic_json/humanoid3d_spinkick.txt", 0.0, 4.5, TALL, leaps=True),
}
"""CMU's subject 5 walks and dances, OpenCap squats, DeepMimic turns cartwheels; the rest is of
tools that nothing was learnt from."""

MORE: dict[str, Performance] = {
    "rough ground": Performance("cmu_training/iclone_003_01.bvh", 0.0, 4.5, leaps=True),
    "ballet": Performance("cmu_training/iclone_005_07.bvh", 2.0, 4.5, TALL, leaps=True),
    "zombie": Performance("bvh_fair/zombie.bvh", 6.0, 4.5, LONG_ARMS),
    "dab": Performance("bvh_fair/dab.bvh", 4.0, 4.5, SMALL),
    "limbering up": Performance("bvh_misc/aitviewer_sample.bvh", 8.0, 4.5, SHORT_ARMS),
    "stealthy walk": Performance("deepmimic_json/humanoid3d_stealthy_walk.txt", 0.0, 4.5),
    "spin": Performance("deepmimic_json/humanoid3d_dance_spin.txt", 0.0, 4.5, SMALL),
    "getting up": Performance("deepmimic_json/humanoid3d_getup_facedown.txt", 0.0, 4.5),
}
"""Those that are too many to render: keypoints are made of them without pictures."""

_CURL = R.from_rotation_vector(
    np.radians([[0.0, 0.0, -18.0], [0.0, 0.0, 18.0]])
)  # fingers, left and right


def body_of(scales: Bodies) -> Skeleton:
    """HUMANOID with these bones, and all that hangs on them, larger; it stands on y = 0."""
    factor = np.ones(len(BONES))
    for joint, parent in enumerate(HUMANOID.parents):
        factor[joint] = scales.get(BONES[joint], 1.0) * (factor[parent] if parent >= 0 else 1.0)
    # A bone's own offset is its parent's length: it grows with the parent.
    offsets = (
        HUMANOID.offsets * np.where(HUMANOID.parents >= 0, factor[HUMANOID.parents], 1.0)[:, None]
    )
    offsets[0] = HUMANOID.offsets[0]
    body = Skeleton(BONES, HUMANOID.parents, offsets, HUMANOID.rest_rotations)
    offsets[0, 1] -= sole_points(body, offsets[0], body.rest_rotations)[..., 1].min()
    return Skeleton(BONES, HUMANOID.parents, offsets, HUMANOID.rest_rotations)


def perform(what: Performance, data: Path) -> Motion:
    """The performance at FPS frames a second, with contacts. data: the MOCAP_DATA folder."""
    source = read(data / "mocap" / what.file)
    body = body_of(what.body)
    motion = _posed(source, body)
    count = round(what.seconds * FPS)
    times = motion.times[0] + what.start + np.arange(count) / FPS
    times = times[times <= motion.times[-1]]
    clip = motion.at(times)
    clip = Motion(body, times - times[0], clip.root_positions, clip.rotations)
    return _grounded(_flat_footed(_facing_ahead(clip)), what.leaps)


def _posed(source: Source, body: Skeleton) -> Motion:
    rest = HUMANOID.rest_positions()
    frames = len(source.path)
    world = np.empty((frames, len(BONES), 4))
    for joint, parent in enumerate(HUMANOID.parents):
        name = BONES[joint]
        if name not in source.turns:
            world[:, joint] = world[:, parent]
            if name[-8:] in ("Proximal", "mediate") or name.endswith("Distal"):
                curl = _CURL[0 if name.startswith("left") else 1]
                world[:, joint] = (
                    R.multiply(world[:, parent], curl) if "Thumb" not in name else world[:, parent]
                )
            continue
        turn = source.turns[name]
        if name in source.rest:
            bone = name.removeprefix("left").removeprefix("right")
            tip = BONES.index(name.replace(bone, NEXT[bone]))
            swing = R.between(R.normalize(rest[tip] - rest[joint]), source.rest[name])
            turn = R.multiply(turn, swing)
        elif name.endswith("Hand"):
            # At rest the hand goes on from the forearm.
            tip_of_arm = name.replace("Hand", "LowerArm")
            along = np.array([1.0 if name.startswith("left") else -1.0, 0.0, 0.0])
            turn = R.multiply(turn, R.between(along, source.rest[tip_of_arm]))
        world[:, joint] = turn
    leg = float(
        np.linalg.norm(body.offsets[BONES.index("leftLowerLeg")])
        + np.linalg.norm(body.offsets[BONES.index("leftFoot")])
    )
    times = np.arange(frames) / source.fps
    # Marker noise and re-timing, not movement.
    rotations = smooth_rotations(times, R.unroll(local_rotations(body, world)), 8.0)
    return Motion(body, times, smooth(times, source.path * (leg / source.leg), 8.0), rotations)


def _facing_ahead(motion: Motion) -> Motion:
    """The clip turned and moved so that on the average it faces +Z, at the origin."""
    ahead = R.apply(motion.rotations[:, 0], np.array([0.0, 0.0, 1.0])).mean(axis=0)
    turn = R.from_axis_angle(np.array([0.0, 1.0, 0.0]), float(-np.arctan2(ahead[0], ahead[2])))
    rotations = motion.rotations.copy()
    rotations[:, 0] = R.multiply(turn, rotations[:, 0])
    root = R.apply(turn, motion.root_positions)
    root[:, [0, 2]] -= 0.5 * (root.min(axis=0) + root.max(axis=0))[[0, 2]]
    return Motion(motion.skeleton, motion.times, root, rotations)


def _flat_footed(motion: Motion) -> Motion:
    """Turn each foot by one constant rotation so that its sole is level when it stands."""
    points = sole_points(motion.skeleton, motion.root_positions, motion.rotations)
    world = fk(motion.skeleton, motion.root_positions, motion.rotations)[1]
    rotations = motion.rotations.copy()
    for n, side in enumerate(("left", "right")):
        foot, toes = BONES.index(side + "Foot"), BONES.index(side + "Toes")
        middle = points[:, 2 * n : 2 * n + 2].mean(axis=1)
        speed = np.linalg.norm(np.gradient(middle, motion.times, axis=0), axis=-1)
        height = middle[:, 1] - np.percentile(middle[:, 1], 2)
        standing = (speed <= max(0.1, np.percentile(speed, 25))) & (height < 0.06)
        if standing.sum() < 3:
            continue
        up = R.apply(R.conjugate(world[standing, foot]), np.array([0.0, 1.0, 0.0]))
        level = R.between(np.array([0.0, 1.0, 0.0]), R.normalize(np.median(up, axis=0)))
        # world · level turns the sole's normal onto the vertical.
        rotations[:, foot] = R.multiply(rotations[:, foot], level)
        bend = R.to_rotation_vector(rotations[:, toes])[:, 0]
        rotations[:, toes] = R.from_rotation_vector(
            np.clip(bend - np.median(bend[standing]), -0.7, 0.2)[:, None] * [1.0, 0.0, 0.0]
        )
    return Motion(motion.skeleton, motion.times, motion.root_positions, rotations)


def _grounded(motion: Motion, leaps: bool) -> Motion:
    """The clip standing on y = 0, its planted feet still: captured feet slide once they are on
    other legs.
    """
    points = sole_points(motion.skeleton, motion.root_positions, motion.rotations)
    root = motion.root_positions.copy()
    lowest = points[..., 1].min(axis=1)
    if leaps:  # one height for the whole take; where that is too low, the body gives way, slowly
        floor = np.percentile(lowest, 15)
        lowest = floor - smooth(motion.times, np.maximum(0.0, floor - lowest), 3.0)
    root[:, 1] -= lowest
    points = sole_points(motion.skeleton, root, motion.rotations)
    speed = np.linalg.norm(np.gradient(points, motion.times, axis=0), axis=-1)
    touching = _runs_of((points[..., 1] < 0.05) & (speed < 0.35), shortest=4)
    return plant(Motion(motion.skeleton, motion.times, root, motion.rotations), touching)


def _runs_of(flags: np.ndarray, shortest: int) -> np.ndarray:
    """Only runs of at least so many frames."""
    out = np.zeros_like(flags)
    for column, kept in zip(flags.T, out.T, strict=True):
        for first, end in runs(column):
            kept[first:end] = end - first >= shortest
    return out
